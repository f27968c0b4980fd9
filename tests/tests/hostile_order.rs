//! Table D, strict key exchange, order and rekeying: lawful messages at unlawful times, markers that come and go, and
//! floods (RFC 4253 §7.1, §9 and §11, RFC 8308 §2.4, OpenSSH PROTOCOL §1.9 and §1.10).
//!
//! | row | not here, because |
//! |---|---|
//! | D07 | 2^32 packets cannot be sent from outside: a unit test in `transport/packet.rs` sets the counter |
//! | D16 | `flush` writes whole packets only; halves of packets are the driver's, and tested with it |

use core::time::Duration;
use sanssh_core::algorithm::{Cipher, HostKey, Mac};
use sanssh_core::crypto::fast::Fast;
use sanssh_core::role::{Client, Server};
use sanssh_core::time::Phase;
use sanssh_core::{Config, Error, Input, Reason, Refused, Violation, Waiting};
use sanssh_tests::forger::{Feed, Forger, STRICT, Side, Suite, any, both_ways, channel_open, login, password};
use sanssh_tests::pair::{Pair, server_config};

fn greeted<R: Side>(feed: Feed) -> Forger<R> {
    let mut forger = Forger::new(feed).greeted();
    forger.forget();
    forger
}

fn offered<R: Side>(feed: Feed) -> Forger<R> {
    let mut forger = Forger::new(feed).offered();
    forger.forget();
    forger
}

fn shared<R: Side>(feed: Feed) -> Forger<R> {
    let mut forger = Forger::new(feed).shared();
    forger.forget();
    forger
}

/// Runs a case against both roles, both ways.
macro_rules! both_roles {
    ($case:ident) => {
        both_ways($case::<Client>);
        both_ways($case::<Server>);
    };
}

const IGNORE: &[u8] = &[2, 0, 0, 0, 0];

fn debug(text: &str) -> Vec<u8> {
    any(4).u8(1).string(text).string("").done()
}

fn ping(data: &[u8]) -> Vec<u8> {
    any(192).string(data).done()
}

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
            let suite = Suite::cipher(Cipher::Aes256Ctr, mac);
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
        let suite = Suite::cipher(Cipher::ChaCha20Poly1305, Mac::HmacSha256);
        let mut forger = Forger::<R>::new(feed).proposing(&suite).lax().greeted();
        forger.forget();
        forger.send_offer();
        forger.fatal(Violation::NotStrict.into(), &[]);
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
            if suite.cipher == Cipher::ChaCha20Poly1305 {
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
        for mut forger in [Forger::<Server>::new(feed).served(), Forger::<Server>::new(feed).authenticated()] {
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

fn traffic(channel: u32) -> [Vec<u8>; 3] {
    [
        any(94).u32(channel).string("data").done(),
        any(80).string("strange").u8(0).done(),
        any(93).u32(channel).u32(1).done(),
    ]
}

#[test]
fn d12_traffic_within_a_rekey() {
    fn case<R: Side>(feed: Feed) {
        for at in 0..3 {
            let (mut forger, channel) = Forger::<R>::new(feed).with_channel();
            forger.send_offer();
            forger.forget();
            let message = &traffic(channel)[at];
            forger.send(message);
            forger.fatal(Violation::Unexpected(message[0]).into(), &[]);
            let (mut forger, channel) = Forger::<R>::new(feed).with_channel();
            forger.send_offer();
            forger.send_share();
            forger.forget();
            forger.send(&traffic(channel)[at]);
            forger.fatal(Violation::Unexpected(message[0]).into(), &[]);
            // Before the peer's KEXINIT its traffic is lawful, though ours is out.
            let (mut forger, channel) = Forger::<R>::new(feed).with_channel();
            forger.machine.ssh.rekey();
            forger.machine.pump();
            forger.hear();
            forger.send(&traffic(channel)[at]);
            forger.lives(if at == 0 { &["data 4"] } else { &[] }, &[20]);
        }
    }
    both_roles!(case);
}

#[test]
fn d13_writes_within_a_rekey_that_does_not_end() {
    fn case<R: Side>(feed: Feed) {
        let (mut forger, channel) = Forger::<R>::new(feed).with_channel();
        let id = forger.machine.channels[0];
        forger.machine.ssh.rekey();
        let data = vec![0; 32 * 1024];
        for round in 0..3200 {
            let written = forger.machine.emit(|ssh, output| ssh.write(id, &data, output));
            assert_eq!(written, Err(Refused::Busy));
            if round == 10 {
                forger.send_offer();
            }
        }
        // What is owed on the channel waits as well.
        forger.machine.ssh.finish(id);
        forger.machine.ssh.close(id);
        forger.machine.pump();
        forger.hear();
        assert!(forger.numbers().iter().all(|number| matches!(number, 1..=4 | 20..=49)), "{:?}", forger.numbers());
        forger.send_share();
        forger.send_new_keys();
        assert_eq!(forger.numbers()[forger.numbers().len() - 2..], [96, 97], "then it leaves");
        assert!(channel < 1 << 16);
    }
    both_roles!(case);
}

#[test]
fn d14_a_rekey_that_does_not_go_on() {
    fn case<R: Side>(feed: Feed) {
        let mut forger = Forger::<R>::new(feed).authenticated();
        forger.send_offer();
        forger.forget();
        forger.wait(119);
        forger.lives(&[], &[]);
        forger.wait(1);
        forger.fatal(Error::TimedOut(Phase::Rekey), &[]);
    }
    both_roles!(case);
}

#[test]
fn d15_pings_before_the_login() {
    fn case<R: Side>(_: Feed) {
        for mut forger in [Forger::<R>::new(Feed::Whole).keyed(), Forger::<R>::new(Feed::Whole).served()] {
            for _ in 0..1000 {
                forger.send(&ping(b"hello"));
            }
            forger.lives(&[], &[]);
        }
    }
    both_roles!(case);
}

/// One is remembered; the next is not read before the answer to it has left.
#[test]
fn d15_pings_whose_answers_nobody_reads() {
    fn case<R: Side>(_: Feed) {
        let mut forger = Forger::<R>::new(Feed::Whole).authenticated();
        let mut bytes = Vec::new();
        for at in 0..1000_u32 {
            let frame = forger.line.frame(&ping(&at.to_be_bytes()));
            bytes.extend(forger.line.seal(&frame));
        }
        let mut input = Input::new(&mut bytes);
        for _ in 0..10 {
            let told = forger.machine.ssh.recv(forger.machine.now, &mut input).expect("no harm");
            assert!(told.is_none());
        }
        assert_eq!(forger.machine.ssh.waiting(), Some(Waiting::Output));
        let taken = input.taken();
        assert!(taken < 200, "{taken} bytes were taken");
        forger.machine.take(&bytes[taken..]);
        forger.hear();
        assert_eq!(forger.numbers(), [193; 1000]);
        let (_, last) = forger.heard.last().expect("an answer");
        assert_eq!(last[5..], 999_u32.to_be_bytes());
    }
    both_roles!(case);
}

#[test]
fn d17_offers_that_cross() {
    fn case<R: Side>(feed: Feed) {
        let mut forger = Forger::<R>::new(feed).authenticated();
        forger.machine.ssh.rekey();
        forger.machine.flush();
        // The forger sends its own before it hears the machine's.
        forger.send_offer();
        forger.send_share();
        forger.send_new_keys();
        let expected: &[u8] = if Forger::<R>::is_client() { &[20, 31, 21] } else { &[20, 30, 21] };
        let told: &[&str] = if Forger::<R>::is_client() { &["host-key", "sign", "keyed"] } else { &["keyed"] };
        forger.lives(told, expected);
        forger.send(&ping(b"x"));
        forger.lives(&[], &[193]);
    }
    both_roles!(case);
}

/// A small generator: the case must repeat itself.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *state >> 33
}

#[test]
fn d18_rekeys_at_random_in_a_busy_connection() {
    let mut pair = Pair::<Fast, Fast>::connected(Config::default(), server_config());
    let channels: Vec<_> = (0..3).map(|at| pair.exec(&format!("command {at}"))).collect();
    pair.client.told.clear();
    pair.server.told.clear();
    let (mut state, mut to_server, mut to_client) = (7, Vec::new(), Vec::new());
    let (mut got_server, mut got_client) = (Vec::new(), Vec::new());
    for round in 0..600_u32 {
        for (client, server) in &channels {
            let data = round.to_be_bytes();
            if pair.client.emit(|ssh, output| ssh.write(*client, &data, output)) == Ok(4) {
                to_server.extend(data);
            }
            if pair.server.emit(|ssh, output| ssh.write(*server, &data, output)) == Ok(4) {
                to_client.extend(data);
            }
        }
        match next(&mut state) % 12 {
            0 => pair.client.ssh.rekey(),
            1 => pair.server.ssh.rekey(),
            _ => {}
        }
        pair.step();
        got_server.extend(pair.server.take_data());
        got_client.extend(pair.client.take_data());
    }
    pair.run();
    got_server.extend(pair.server.take_data());
    got_client.extend(pair.client.take_data());
    assert_eq!((pair.client.over, pair.server.over), (None, None));
    assert!(to_server.len() > 3000 && to_client.len() > 3000, "{} and {}", to_server.len(), to_client.len());
    assert_eq!(got_server, to_server);
    assert_eq!(got_client, to_client);
}

#[test]
fn d19_a_peer_that_ignores_our_offer() {
    fn case<R: Side>(feed: Feed) {
        let mut config = server_config();
        config.rekey.time = Duration::from_secs(1000);
        let mut forger = Forger::<R>::with(feed, config).authenticated();
        forger.wait(1000);
        forger.lives(&[], &[20]);
        for _ in 0..11 {
            forger.wait(10);
            forger.send(&debug("still here"));
            assert_eq!(forger.machine.over, None);
        }
        forger.forget();
        forger.wait(10);
        forger.fatal(Error::TimedOut(Phase::Rekey), &[]);
    }
    both_roles!(case);
}

#[test]
fn d20_floods_that_want_no_answer() {
    fn case<R: Side>(_: Feed) {
        let mut forger = Forger::<R>::new(Feed::Whole).authenticated();
        for _ in 0..1000 {
            forger.send(IGNORE);
            forger.send(&any(3).u32(7).done());
        }
        forger.lives(&[], &[]);
        for _ in 0..1000 {
            forger.send(&debug("\x1b[2J"));
        }
        forger.lives(&[r"debug \x1b[2J"; 1000], &[]);
    }
    both_roles!(case);
}

#[test]
fn d21_unknown_messages() {
    fn case<R: Side>(feed: Feed) {
        for mut forger in [Forger::<R>::new(feed).keyed(), Forger::<R>::new(feed).authenticated()] {
            let first = forger.line.sent;
            assert_eq!(refused_sequence(&mut forger), first);
            forger.forget();
            forger.send(&any(3).u32(first).done());
            forger.lives(&[], &[]);
            assert_eq!(refused_sequence(&mut forger), first + 2);
        }
    }
    both_roles!(case);
}

/// Messages of a fixed layout, in the state where each is lawful.
fn fixed(server: bool, channel: u32) -> Vec<Vec<u8>> {
    let common = vec![
        any(1).u32(11).string("").string("").done(),
        IGNORE.to_vec(),
        any(3).u32(0).done(),
        debug("x"),
        ping(b"x"),
        any(193).string("x").done(),
        vec![82],
        any(92).u32(channel).u32(1).string("").string("").done(),
        any(93).u32(channel).u32(1).done(),
        any(94).u32(channel).string("x").done(),
        any(95).u32(channel).u32(1).string("x").done(),
        any(96).u32(channel).done(),
        any(97).u32(channel).done(),
        any(99).u32(channel).done(),
        any(100).u32(channel).done(),
    ];
    let request = |name: &str| any(98).u32(channel).string(name).u8(1);
    let special = if server {
        vec![
            channel_open(99, 0, 1),
            request("shell").done(),
            request("exec").string("x").done(),
            request("env").string("x").string("y").done(),
            request("window-change").u32(1).u32(1).u32(0).u32(0).done(),
            request("pty-req").string("x").u32(1).u32(1).u32(0).u32(0).string("\0").done(),
        ]
    } else {
        vec![request("exit-status").u32(0).done(), request("xon-xoff").u8(1).done()]
    };
    [common, special].concat()
}

#[test]
fn d22_bytes_behind_a_message_and_messages_cut_anywhere() {
    fn case<R: Side>(feed: Feed) {
        let server = Forger::<R>::is_client();
        let (_, channel) = Forger::<R>::new(feed).with_channel();
        for message in fixed(server, channel) {
            let (mut forger, same) = Forger::<R>::new(feed).with_channel();
            assert_eq!(same, channel);
            forger.send(&[&message[..], &[0]].concat());
            forger.fatal(Error::Malformed(Some(message[0])), &[]);
            // Cut before the last field; a request that lost all of its fields is another message.
            if message.len() > 1 && message[0] != 98 {
                let (mut forger, _) = Forger::<R>::new(feed).with_channel();
                forger.send(&message[..message.len() - 1]);
                forger.fatal(Error::Malformed(Some(message[0])), &[]);
            }
        }
        for message in [any(5).string("ssh-userauth").done(), any(6).string("ssh-userauth").done()] {
            if (message[0] == 5) == server {
                let mut forger = Forger::<R>::new(feed).keyed();
                forger.send(&[&message[..], &[0]].concat());
                forger.fatal(Error::Malformed(Some(message[0])), &[]);
            }
        }
        let message = any(if server { 30 } else { 31 }).string([9; 32]).string([1; 32]).string([1; 64]).u8(0).done();
        let mut forger = offered::<R>(feed);
        forger.send(&message);
        forger.fatal(Error::Malformed(Some(message[0])), &[]);
    }
    both_roles!(case);
    both_ways(|feed| {
        for message in [any(51).string("").u8(0).u8(0).done(), vec![52, 0], any(53).string("").string("").u8(0).done()]
        {
            let mut forger = Forger::<Client>::new(feed).served();
            forger.machine.log_in();
            forger.hear();
            forger.forget();
            forger.send(&message);
            forger.fatal(Error::Malformed(Some(message[0])), &[]);
        }
        // Behind a login's fields they are the method's matter: the login fails.
        let mut forger = Forger::<Server>::new(feed).served();
        forger.send(&login("user", "password").u8(0).string("right").u8(0).done());
        forger.lives(&[], &[51]);
    });
}

#[test]
fn d23_goodbyes() {
    fn case<R: Side>(feed: Feed) {
        let lies = [
            any(1).done(),
            any(1).u32(2).u32(500).raw(b"short").done(),
            any(1).u32(2).u32(u32::MAX).done(),
            any(1).u32(2).string("x").done(),
        ];
        for message in lies {
            let mut forger = Forger::<R>::new(feed).authenticated();
            forger.send(&message);
            forger.fatal(Error::Malformed(Some(1)), &[]);
        }
        for start in [greeted::<R>, offered::<R>, shared::<R>, |feed| Forger::new(feed).keyed()] {
            let mut forger = start(feed);
            forger.send(&any(1).u32(77).string(b"\x1b]0;\xff\x07\n").string("").done());
            forger.fatal(Error::Disconnected(Reason(77)), &[r"disconnected 77 \x1b]0;\xff\x07\n"]);
        }
    }
    both_roles!(case);
}
