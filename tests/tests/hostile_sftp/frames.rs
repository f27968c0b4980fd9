//! Packets cut, stretched and out of place, against both ends.

use crate::harness::{Served, body, content, hear, init, requests};
use sanssh_core::Refused;
use sanssh_core::sftp::server::Settings;
use sanssh_core::sftp::{Code, Error, Extension, GATHER, MAX_PACKET, Request};
use sanssh_tests::asker::{Asker, framed};
use sanssh_tests::forger::{Feed, any, both_ways};

#[test]
fn i01_frames_of_no_length_or_too_much() {
    both_ways(|feed| {
        for length in [0, 1, 4, MAX_PACKET as u32 + 1, 0x7fff_ffff, u32::MAX] {
            // Nothing more than the length is waited for.
            let head = length.to_be_bytes();
            let mut served = Served::silent(Settings::default(), feed);
            assert_eq!(served.send_bytes(&head), Err(Error::Length), "{length}");
            assert_eq!(served.send(&init(3)), Err(Error::Length), "there is no more after it");
            assert_eq!(served.ram.server.hung_up(), Err(Error::Length));
            assert_eq!(Served::new(feed).send_bytes(&head), Err(Error::Length), "{length}");
            let mut asker = Asker::new(1).0;
            assert_eq!(hear(&mut asker, &head, feed), Err(Error::Length), "{length}");
            let mut asker = Asker::greeted(1, &[]);
            assert_eq!(hear(&mut asker, &head, feed), Err(Error::Length), "{length}");
            assert_eq!(asker.ask(&Request::Stat { path: b"/" }, b"").err(), Some(Refused::Closed));
        }
        // The longest that there may be is taken, and dropped for the memory it would want.
        let longest = any(17).u32(7).string(vec![b'a'; MAX_PACKET - 9]).done();
        let mut served = Served::new(Feed::Whole);
        assert_eq!(served.code(&longest), Code::BAD_MESSAGE);
        served.is_well();
    });
}

#[test]
fn i01_bodies_shorter_than_their_fields() {
    both_ways(|feed| {
        for request in requests().0 {
            let whole = content(&request, body(&request));
            let mut served = Served::new(feed);
            assert!(served.send(&whole).is_ok(), "{request:?}");
            // An extension without its whole name is another one.
            let named = if whole[0] == 200 { 9 + usize::from(whole[8]) } else { 5 };
            for end in named..whole.len() {
                let cut = Served::new(feed).send(&whole[..end]);
                assert_eq!(cut, Err(Error::Malformed(whole[0])), "{request:?} {end}");
            }
            let longer = [&whole[..], &[0]].concat();
            assert_eq!(Served::new(feed).send(&longer), Err(Error::Malformed(whole[0])), "{request:?}");
        }
        // Strings that reach beyond the packet, with the next packet behind it.
        for length in [6, 100, GATHER as u32 * 2, u32::MAX] {
            for number in [6, 17] {
                let content = any(number).u32(7).u32(length).raw(b"a").done();
                let bytes = [framed(&content), framed(&content), vec![0; 1 << 16]].concat();
                assert_eq!(Served::new(feed).send_bytes(&bytes), Err(Error::Malformed(number)), "{number} {length}");
            }
        }
    });
}

#[test]
fn i02_greetings() {
    both_ways(|feed| {
        for number in (2..=20).chain([101, 104, 200, 255]) {
            let mut served = Served::silent(Settings::default(), feed);
            assert_eq!(served.send(&any(number).u32(3).done()), Err(Error::Unexpected(number)));
        }
        for version in 0..3 {
            let mut served = Served::silent(Settings::default(), feed);
            assert_eq!(served.send(&init(version)), Err(Error::Version(version)));
        }
        for version in [3, 4, 99, u32::MAX] {
            // What else it says is dropped.
            for more in [0, 1, 50_000] {
                let mut served = Served::silent(Settings::default(), feed);
                let answer = served.answer(&any(1).u32(version).raw(&vec![0xff; more]).done());
                assert_eq!(answer[..5], [2, 0, 0, 0, 3]);
                assert_eq!(served.send(&init(3)), Err(Error::Unexpected(1)));
            }
        }
    });
}

#[test]
fn i03_versions_and_extensions() {
    both_ways(|feed| {
        for version in [0, 2, 4, 6, u32::MAX] {
            let heard = hear(&mut Asker::new(1).0, &framed(&any(2).u32(version).done()), feed);
            assert_eq!(heard, Err(Error::Version(version)));
        }
        for number in [1, 3, 101, 105, 201] {
            let heard = hear(&mut Asker::new(1).0, &framed(&any(number).u32(3).done()), feed);
            assert_eq!(heard, Err(Error::Unexpected(number)));
        }
        let again = hear(&mut Asker::greeted(1, &[]), &framed(&any(2).u32(3).done()), feed);
        assert_eq!(again, Err(Error::Unexpected(2)));
        let limits = || any(2).u32(3).string("limits@openssh.com");
        let lame =
            [limits(), limits().u32(2).raw(b"1"), limits().u32(u32::MAX), limits().raw(&[0]), any(2).u32(3).u32(1)];
        for bytes in lame {
            let heard = hear(&mut Asker::new(1).0, &framed(&bytes.done()), feed);
            assert_eq!(heard, Err(Error::Malformed(2)));
        }
        // What is not known, or not in the version that is spoken, is not had.
        let mut asker = Asker::new(1).0;
        let odd = limits().string("2").string([0xff; 300]).string([0; 300]).string("").string("");
        let odd = odd.string("fsync@openssh.com").string("1").string("fsync@openssh.com").string("9").done();
        hear(&mut asker, &framed(&odd), feed).expect("a sound greeting");
        assert!(asker.ready && asker.announced.len() == 5);
        assert_eq!(asker.client.extensions().iter().collect::<Vec<_>>(), [Extension::Fsync]);
        assert_eq!(asker.ask(&Request::Limits {}, b"").err(), Some(Refused::NotYet));
    });
}
