//! Table D, strict key exchange and order: messages before and within the first exchange, markers that come and go, and
//! EXT_INFO at a wrong place (RFC 4253 §7.1, RFC 8308 §2.4, OpenSSH PROTOCOL §1.10).

use sanssh_core::algorithm::{Cipher, HostKey, Mac};
use sanssh_core::role::{Client, Server};
use sanssh_core::{Config, Error, Violation};
use sanssh_tests::both_roles;
use sanssh_tests::forger::{
    Feed, Forger, IGNORE, STRICT, Side, Suite, any, both_ways, channel_open, debug, greeted, offered, password, ping,
    shared,
};
use sanssh_tests::pair::server_config;

#[test]
fn d01_something_before_the_first_offer() {
    fn case<R: Side>(feed: Feed) {
        for message in [IGNORE.to_vec(), any(3).u32(0).done(), debug("x")] {
            let mut forger = greeted::<R>(feed);
            forger.send(&message);
            forger.machine.told.clear();
            forger.send_offer();
            forger.fatal(Violation::StrictKex.into(), &[]);
        }
    }
    both_roles!(case);
}

#[test]
fn d02_something_within_the_first_exchange() {
    fn case<R: Side>(feed: Feed) {
        let unlawful = |number: u8| Violation::Unexpected(number);
        let messages = [
            (IGNORE.to_vec(), Violation::StrictKex),
            (debug("x"), Violation::StrictKex),
            (any(3).u32(0).done(), Violation::StrictKex),
            (any(7).u32(0).done(), unlawful(7)),
            (ping(b"x"), unlawful(192)),
            (any(193).string("x").done(), unlawful(193)),
            (any(200).done(), unlawful(200)),
        ];
        for (message, violation) in messages {
            let mut forger = offered::<R>(feed);
            forger.send(&message);
            forger.fatal(violation.into(), &[]);
            let mut forger = shared::<R>(feed);
            forger.send(&message);
            forger.fatal(violation.into(), &[]);
        }
    }
    both_roles!(case);
}

/// The sequence number of the packet that an UNIMPLEMENTED speaks of.
fn refused_sequence<R: Side>(forger: &mut Forger<R>) -> u32 {
    forger.forget();
    forger.send(&any(200).done());
    let [(_, payload)] = &forger.heard[..] else { panic!("one answer, not {:?}", forger.numbers()) };
    let [3, sequence @ ..] = &payload[..] else { panic!("an UNIMPLEMENTED") };
    u32::from_be_bytes(sequence.try_into().expect("four bytes"))
}

/// Every packet is sealed under its counter, so each that is opened proves both.
#[test]
fn d03_counters_start_again_with_every_key() {
    fn case<R: Side>(feed: Feed) {
        for suite in Suite::constructions() {
            let mut forger = Forger::<R>::new(feed).proposing(&suite).authenticated();
            for _ in 0..3 {
                forger.rekey();
                assert_eq!(refused_sequence(&mut forger), 0);
                assert_eq!(refused_sequence(&mut forger), 1);
            }
        }
        // Without strict key exchange they go on: KEXINIT, share and NEWKEYS have 0 to 2.
        let mut forger = Forger::<R>::new(feed).lax().keyed();
        assert_eq!(refused_sequence(&mut forger), 3);
    }
    both_roles!(case);
}

#[test]
fn d03_a_peer_that_does_not_start_again() {
    fn case<R: Side>(feed: Feed) {
        for mac in [Mac::HmacSha256Etm, Mac::HmacSha256] {
            let suite = Suite::cipher(Cipher::Aes256Ctr, Some(mac));
            let mut forger = Forger::<R>::new(feed).proposing(&suite).shared();
            let sent = forger.line.sent;
            forger.send_new_keys();
            forger.forget();
            forger.line.sent = sent + 1;
            forger.send(IGNORE);
            forger.fatal(Error::Forged, &[]);
        }
    }
    both_roles!(case);
}

#[test]
fn d04_markers_count_in_the_first_offer_only() {
    fn case<R: Side>(feed: Feed) {
        let mut forger = Forger::<R>::new(feed).authenticated();
        let (with, without) = (forger.proposal.kex.clone(), "curve25519-sha256".to_owned());
        for kex in [&without, &with, &without] {
            forger.proposal.kex.clone_from(kex);
            forger.send_offer();
            forger.send(IGNORE);
            forger.send_share();
            forger.send(&debug("within"));
            forger.send_new_keys();
            assert_eq!(refused_sequence(&mut forger), 0, "still strict");
        }
        // A marker in a later offer changes nothing either.
        let mut forger = Forger::<R>::new(feed).lax().authenticated();
        forger.proposal.kex = with;
        forger.rekey();
        assert_ne!(refused_sequence(&mut forger), 0, "still not strict");
    }
    both_roles!(case);
}

#[test]
fn d05_peers_without_strict_key_exchange() {
    fn case<R: Side>(feed: Feed) {
        let suite = Suite::cipher(Cipher::ChaCha20Poly1305, None);
        for suite in [suite, Suite::cipher(Cipher::Aes128Cbc, Some(Mac::HmacSha256Etm))] {
            let mut forger = Forger::<R>::new(feed).proposing(&suite).lax().greeted();
            forger.forget();
            forger.send_offer();
            forger.fatal(Violation::NotStrict.into(), &[]);
        }
        // The marker of the other side is none.
        let mut forger = Forger::<R>::new(feed).proposing(&suite).lax().greeted();
        forger.forget();
        forger.proposal.kex = format!("{},{}", forger.proposal.kex, STRICT[usize::from(Forger::<R>::is_client())]);
        forger.send_offer();
        forger.fatal(Violation::NotStrict.into(), &[]);
        // The attack itself: a packet is put in before the keys, another taken away after them.
        let mut forger = Forger::<R>::new(feed).proposing(&suite).greeted();
        forger.forget();
        forger.send(IGNORE);
        forger.send_offer();
        forger.fatal(Violation::StrictKex.into(), &[]);
        for suite in Suite::constructions() {
            if suite.cipher == Cipher::ChaCha20Poly1305 || suite.cipher.is_cbc() {
                continue;
            }
            let mut forger = Forger::<R>::new(feed).proposing(&suite).lax().authenticated();
            forger.send(IGNORE);
            forger.lives(&[], &[]);
            let mut forger =
                Forger::<R>::with(feed, Config { require_strict: true, ..server_config() }).proposing(&suite).lax();
            forger = forger.greeted();
            forger.forget();
            forger.send_offer();
            forger.fatal(Violation::NotStrict.into(), &[]);
        }
    }
    both_roles!(case);
}

/// The client's is the side that sees it: it checks the signature.
#[test]
fn d06_a_marker_stripped_on_the_way() {
    both_ways(|feed| {
        let mut forger = greeted::<Client>(feed);
        let genuine = forger.proposal.encode();
        forger.note_offer(&genuine);
        forger.proposal.kex = forger.proposal.kex.replace(STRICT[1], "kex-strixt-s-v00@openssh.com");
        let stripped = forger.proposal.encode();
        forger.send(&stripped);
        forger.forget();
        let reply = forger.genuine_reply();
        forger.send(&reply.encode());
        forger.fatal(Error::Exchange, &[]);
    });
}

/// A valid body of each message that is unlawful before there are keys.
fn early() -> Vec<Vec<u8>> {
    let known = [
        any(5).string("ssh-userauth").done(),
        any(6).string("ssh-userauth").done(),
        any(7).u32(0).done(),
        password("user", "right"),
        any(51).string("password").u8(0).done(),
        vec![52],
        any(53).string("x").string("").done(),
        any(61).u32(0).done(),
        any(80).string("x").u8(1).done(),
        channel_open(0, 1 << 20, 1 << 15),
        any(93).u32(0).u32(1).done(),
        any(94).u32(0).string("x").done(),
        any(98).u32(0).string("shell").u8(1).done(),
        ping(b"x"),
    ];
    let numbers: Vec<u8> = known.iter().map(|message| message[0]).collect();
    let others = (50..128).filter(|number| !numbers.contains(number)).map(|number| any(number).u32(0).done());
    known.iter().cloned().chain(others).collect()
}

#[test]
fn d08_messages_before_the_keys() {
    fn case<R: Side>(feed: Feed) {
        for message in early() {
            for start in [greeted::<R>, offered::<R>, shared::<R>] {
                let mut forger = start(feed);
                forger.send(&message);
                forger.fatal(Violation::Unexpected(message[0]).into(), &[]);
            }
        }
    }
    both_roles!(case);
}

#[test]
fn d09_extensions_at_a_wrong_place() {
    let info = any(7).u32(0).done();
    both_ways(|feed| {
        let mut forger = Forger::<Server>::new(feed).keyed();
        forger.send(IGNORE);
        forger.send(&info);
        forger.fatal(Violation::Unexpected(7).into(), &[]);
        let mut forger = Forger::<Server>::new(feed).keyed();
        forger.send(&info);
        forger.send(&info);
        forger.fatal(Violation::Unexpected(7).into(), &["extensions"]);
        for stage in [Forger::<Server>::served, Forger::authenticated] {
            let mut forger = stage(Forger::new(feed));
            forger.send(&info);
            forger.fatal(Violation::Unexpected(7).into(), &[]);
        }
        // A server may send a second one before the login ends, and no third.
        let mut forger = Forger::<Client>::new(feed).keyed();
        forger.send(&info);
        forger.send(&any(6).string("ssh-userauth").done());
        forger.send(&info);
        forger.lives(&["extensions", "extensions"], &[]);
        forger.send(&info);
        forger.fatal(Violation::Unexpected(7).into(), &[]);
        let mut forger = Forger::<Client>::new(feed).keyed();
        forger.send(IGNORE);
        forger.send(&info);
        forger.fatal(Violation::Unexpected(7).into(), &[]);
        let mut forger = Forger::<Client>::new(feed).authenticated();
        forger.send(&info);
        forger.fatal(Violation::Unexpected(7).into(), &[]);
    });
}

#[test]
fn d10_extensions_that_are_fewer_than_announced() {
    fn case<R: Side>(feed: Feed) {
        for count in [u32::MAX, 1 << 31, 65, 3, 1, 0] {
            let mut forger = Forger::<R>::new(feed).keyed();
            forger.send(&any(7).u32(count).string("a").string("b").string("c").raw(&[0; 5]).done());
            forger.fatal(Error::Malformed(Some(7)), &[]);
        }
    }
    both_roles!(case);
}

#[test]
fn d11_signature_algorithms_that_nobody_knows() {
    both_ways(|feed| {
        let mut forger = Forger::<Client>::new(feed).keyed();
        let odd = "ssh-dss,,rsa-sha2-256,rsa-sha2-256,,ssh-rsa,none,\0,rsa-sha2-512\0,";
        let many = format!("{odd}{}", "ssh-ed25519,".repeat(40));
        forger.send(&any(7).u32(2).string("server-sig-algs").string(many).string("strange").string("").done());
        forger.lives(&["extensions"], &[]);
        let ssh = &forger.machine.ssh;
        assert_eq!(ssh.accepts(HostKey::RsaSha256), Some(true));
        assert_eq!(ssh.accepts(HostKey::Ed25519), Some(true));
        assert_eq!(ssh.accepts(HostKey::RsaSha512), Some(false), "a name with a NUL is no name");
        assert_eq!(ssh.accepts(HostKey::EcdsaP256), Some(false));
    });
}
