//! Answers that lie to a client, and those that only look as if they did.

use crate::harness::{DIRECTORY, EXTENSIONS, FILE, hear, requests, status, told};
use sanssh_core::sftp::client::MAX_HANDLE;
use sanssh_core::sftp::{Attributes, Code, Error, GATHER, Request, path};
use sanssh_tests::asker::{Asker, Told, framed};
use sanssh_tests::forger::{any, blob, both_ways};

#[test]
fn i05_answers_that_lie() {
    let name = blob().string("a").string("line").u32(0).done();
    both_ways(|feed| {
        let read = Request::Read { handle: FILE, offset: 0, length: 4 };
        let list = Request::Readdir { handle: DIRECTORY };
        let real = Request::Realpath { path: b"" };
        let link = Request::Readlink { path: b"/a" };
        let stat = Request::Stat { path: b"/a" };
        let open = Request::Opendir { path: b"/a" };
        let names = |count: u32| any(104).u32(0).u32(count);
        // Controls.
        let data = |bytes: &[u8]| any(103).u32(0).string(bytes).done();
        assert_eq!(told(&read, &data(b"abcd"), feed), Ok(vec![Told::Data(b"abcd".to_vec())]));
        assert_eq!(told(&read, &data(b""), feed), Ok(vec![Told::Data(vec![])]));
        let one = || Told::Names(vec![(b"a".to_vec(), b"line".to_vec(), Attributes::NONE)]);
        for request in [&list, &real, &link] {
            assert_eq!(told(request, &names(1).raw(&name).done(), feed), Ok(vec![one()]));
        }
        let handle = |length| any(102).u32(0).string(vec![1; length]).done();
        assert_eq!(told(&open, &handle(MAX_HANDLE), feed), Ok(vec![Told::Handle(vec![1; MAX_HANDLE])]));
        // More than was asked for, and lengths that are not so.
        let lies = [data(b"abcde"), any(103).u32(0).u32(3).raw(b"ab").done(), any(103).u32(0).u32(1).raw(b"ab").done()];
        for lie in lies.into_iter().chain([any(103).u32(0).u32(u32::MAX).done(), any(103).u32(0).raw(&[0; 3]).done()]) {
            assert_eq!(told(&read, &lie, feed), Err(Error::Malformed(103)));
        }
        for count in [0, 2, 3, 0x5555_5555, u32::MAX] {
            for request in [&list, &real, &link] {
                assert_eq!(told(request, &names(count).raw(&name).done(), feed), Err(Error::Malformed(104)), "{count}");
            }
        }
        for request in [&real, &link] {
            assert_eq!(told(request, &names(2).raw(&name).raw(&name).done(), feed), Err(Error::Malformed(104)));
        }
        let within = names(1).u32(100).raw(&[0; 20]).done();
        assert_eq!(told(&list, &within, feed), Err(Error::Malformed(104)), "a name beyond the packet");
        assert_eq!(told(&open, &handle(MAX_HANDLE + 1), feed), Err(Error::Malformed(102)));
        // Cut anywhere, and one byte too long.
        let full = any(105).u32(0).u32(0x8000_000f).raw(&[0; 28]).u32(1).string("a").string("b").done();
        let answers =
            [(&stat, full), (&list, names(1).raw(&name).done()), (&open, handle(4)), (&stat, status(0, Code::EOF))];
        let limits = any(201).u32(0).raw(&[1; 32]).done();
        for (request, whole) in answers.into_iter().chain([(&Request::Limits {}, limits)]) {
            assert!(told(request, &whole, feed).is_ok(), "{request:?}");
            let longer = [&whole[..], &[0]].concat();
            for answer in (5..whole.len()).map(|end| &whole[..end]).chain([&longer[..]]) {
                if !is_short_status(answer) {
                    assert_eq!(told(request, answer, feed), Err(Error::Malformed(whole[0])), "{answer:?}");
                }
            }
        }
    });
}

/// Without words, or without their language: see `t06_statuses_without_words`.
fn is_short_status(answer: &[u8]) -> bool {
    answer[0] == 101 && matches!(answer.len(), 9 | 18)
}

#[test]
fn i06_answers_to_nothing_or_of_another_kind() {
    both_ways(|feed| {
        let answers: [Vec<u8>; 6] = [
            status(0, Code::FAILURE),
            any(102).u32(0).string("handle").done(),
            any(103).u32(0).string("ab").done(),
            any(104).u32(0).u32(1).string("a").string("b").u32(0).done(),
            any(105).u32(0).u32(0).done(),
            any(201).u32(0).raw(&[0; 32]).done(),
        ];
        for request in requests().0 {
            let mut taken = Vec::new();
            for answer in &answers {
                match told(&request, answer, feed) {
                    Ok(_) => taken.push(answer[0]),
                    // Some answers of extensions are longer.
                    Err(Error::Malformed(201)) => taken.push(201),
                    Err(error) => assert_eq!(error, Error::Unexpected(answer[0]), "{request:?}"),
                }
            }
            assert_eq!(
                taken.len(),
                usize::from(told(&request, &status(0, Code::OK), feed).is_err()) + 1,
                "{request:?}"
            );
            assert_eq!(taken[0], 101, "any request may fail");
        }
        // An answer to what was never asked, or not asked any more.
        let stat = Request::Stat { path: b"/" };
        for id in [1, 2, 0x1_0000, 0xffff, u32::MAX] {
            assert_eq!(told(&stat, &status(id, Code::FAILURE), feed), Err(Error::Unexpected(101)), "{id:#x}");
        }
        let twice = [status(0, Code::FAILURE), status(0, Code::FAILURE)].map(|answer| framed(&answer)).concat();
        let mut asker = Asker::greeted(2, &[]);
        let [first, second] = [0; 2].map(|_| asker.ask(&stat, b"").expect("a place").0);
        assert_eq!(hear(&mut asker, &twice, feed), Err(Error::Unexpected(101)));
        assert_eq!(asker.told.len(), 1, "the first stands");
        assert_eq!((asker.told[0].0, asker.client.outstanding()), (first, 1));
        assert_eq!(asker.client.hung_up(), Err(Error::Unexpected(101)));
        assert_ne!(first, second);
    });
}

/// A line for people is bytes for the machine: it is never taken apart, and its only bound is the memory lent.
#[test]
fn i13_lines_for_people() {
    both_ways(|feed| {
        for line in [&b""[..], b"-rw-", b"\xff\x00\x1b[2J", b"drwx 9999999999999999999 \n\n", &[b'x'; 65_536]] {
            let answer = any(104).u32(0).u32(1).string("a").string(line).u32(0).done();
            let list = Request::Readdir { handle: DIRECTORY };
            let mut asker = Asker::greeted(1, &[]);
            asker.gather = vec![0; 70_000];
            asker.ask(&list, b"").expect("a place");
            hear(&mut asker, &framed(&answer), feed).expect("a sound answer");
            let names = Told::Names(vec![(b"a".to_vec(), line.to_vec(), Attributes::NONE)]);
            assert_eq!(asker.told[0].1, names);
            let little = told(&list, &answer, feed);
            assert_eq!(little, if line.len() < GATHER { Ok(vec![names]) } else { Err(Error::TooLong) });
        }
    });
}

/// Names come as they are; which of them may be made elsewhere is a question with an answer.
#[test]
fn i18_names_that_lead_elsewhere() {
    both_ways(|feed| {
        for (name, harmless) in [
            (&b"file"[..], true),
            (b"\x1b[2J", true),
            (b"", false),
            (b".", false),
            (b"..", false),
            (b"/x", false),
            (b"../x", false),
            (b"a/b", false),
            (b"a\0b", false),
        ] {
            let answer = any(104).u32(0).u32(1).string(name).string("").u32(0).done();
            let names = told(&Request::Readdir { handle: DIRECTORY }, &answer, feed).expect("a sound answer");
            assert_eq!(names, [Told::Names(vec![(name.to_vec(), vec![], Attributes::NONE)])]);
            assert_eq!(path::name(name).is_some(), harmless, "{name:?}");
        }
    });
}

/// The numbers come as they are; whoever uses them has to bound them.
#[test]
fn i15_limits_of_nothing_and_of_everything() {
    both_ways(|feed| {
        for limit in [0, u64::MAX] {
            let answer =
                [limit; 4].iter().fold(any(201).u32(0), |answer, limit| answer.raw(&limit.to_be_bytes())).done();
            let heard = told(&Request::Limits {}, &answer, feed).expect("a sound answer");
            let Told::Limits(limits) = &heard[0] else { panic!("{heard:?}") };
            assert_eq!([limits.packet, limits.read, limits.write, limits.handles], [limit; 4]);
        }
    });
}

#[test]
fn i16_answers_out_of_order() {
    both_ways(|feed| {
        let mut asker = Asker::greeted(8, &EXTENSIONS);
        let write = |offset| Request::Write { handle: FILE, offset, length: 3 };
        let ids = [0, 3, 6, 9, 12].map(|offset| asker.ask(&write(offset), b"abc").expect("a place"));
        let codes = [Code::OK, Code::FAILURE, Code::OK, Code::OK, Code::PERMISSION_DENIED];
        // As each went out, and in another order.
        let number = |bytes: &[u8]| u32::from_be_bytes(bytes[5..9].try_into().expect("an identifier"));
        for index in [3, 1, 4, 0, 2] {
            hear(&mut asker, &framed(&status(number(&ids[index].1), codes[index])), feed).expect("a sound answer");
        }
        let told: Vec<_> = asker.told.iter().map(|(id, told)| (*id, told.status().expect("a status"))).collect();
        assert_eq!(told, [3, 1, 4, 0, 2].map(|index| (ids[index].0, codes[index])));
        assert_eq!(asker.client.hung_up(), Ok(()));
    });
}

#[test]
fn t06_statuses_without_words() {
    both_ways(|feed| {
        let stat = Request::Stat { path: b"/a" };
        let bare = any(101).u32(0).u32(2);
        for (answer, words) in [
            (bare.clone(), ""),
            (bare.clone().string("gone"), "gone"),
            (bare.clone().string("gone").string("en"), "gone"),
            (bare.clone().string("").string(""), ""),
        ] {
            let wanted = Told::Status(Code::NO_SUCH_FILE, words.into());
            assert_eq!(told(&stat, &answer.done(), feed), Ok(vec![wanted]));
        }
        for answer in
            [any(101).u32(0), any(101).u32(0).raw(&[0; 3]), bare.clone().u32(4), bare.string("").string("").u8(0)]
        {
            assert_eq!(told(&stat, &answer.done(), feed), Err(Error::Malformed(101)));
        }
    });
}
