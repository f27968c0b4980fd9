//! Table D, rekeying and floods: traffic at unlawful times, exchanges that do not go on, and messages by the thousand
//! (RFC 4253 §9 and §11, OpenSSH PROTOCOL §1.9).

use core::time::Duration;
use sanssh_core::crypto::fast::Fast;
use sanssh_core::role::{Client, Server};
use sanssh_core::time::Phase;
use sanssh_core::{Config, Error, Input, Reason, Refused, Violation, Waiting};
use sanssh_tests::both_roles;
use sanssh_tests::forger::{
    Feed, Forger, IGNORE, Side, any, both_ways, channel_open, debug, greeted, login, offered, ping, shared,
};
use sanssh_tests::pair::{Pair, server_config};

/// The sequence number of the packet that an UNIMPLEMENTED speaks of.
fn refused_sequence<R: Side>(forger: &mut Forger<R>) -> u32 {
    forger.forget();
    forger.send(&any(200).done());
    let [(_, payload)] = &forger.heard[..] else { panic!("one answer, not {:?}", forger.numbers()) };
    let [3, sequence @ ..] = &payload[..] else { panic!("an UNIMPLEMENTED") };
    u32::from_be_bytes(sequence.try_into().expect("four bytes"))
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

/// A million in a build that is fast enough.
const THOUSANDS: usize = if cfg!(debug_assertions) { 2 } else { 1000 };

#[test]
fn d15_pings_before_the_login() {
    fn case<R: Side>(_: Feed) {
        for mut forger in [Forger::<R>::new(Feed::Whole).keyed(), Forger::<R>::new(Feed::Whole).served()] {
            for _ in 0..THOUSANDS {
                (0..1000).for_each(|_| forger.send(&ping(b"hello")));
                forger.lives(&[], &[]);
            }
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

/// Wherever the line is cut: what was begun is finished, then comes the exchange, then what had to wait for it.
#[test]
fn d16_a_packet_half_sent_is_finished_first() {
    for place in 0..60 {
        let mut pair = Pair::<Fast, Fast>::connected(Config::default(), server_config());
        let (client, _) = pair.exec("cat");
        pair.client.emit(|ssh, output| ssh.write(client, &[1; 500], output)).expect("room");
        let rest = pair.client.output.split_off(place * pair.client.output.len() / 60);
        pair.server.input.append(&mut pair.client.output);
        pair.receive_server();
        pair.client.ssh.rekey();
        if place % 2 == 0 {
            pair.server.ssh.rekey();
        }
        pair.client.output = rest;
        pair.client.flush(pair.now);
        assert_eq!(pair.client.emit(|ssh, output| ssh.write(client, &[2; 500], output)), Err(Refused::Busy));
        pair.run();
        pair.client.emit(|ssh, output| ssh.write(client, &[2; 500], output)).expect("and then it may");
        pair.run();
        assert_eq!((pair.client.over, pair.server.over), (None, None));
        assert_eq!(pair.server.take_data(), [[1; 500], [2; 500]].concat());
    }
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
        for _ in 0..THOUSANDS {
            for _ in 0..500 {
                forger.send(IGNORE);
                forger.send(&any(3).u32(7).done());
            }
            forger.lives(&[], &[]);
        }
        for _ in 0..THOUSANDS {
            (0..1000).for_each(|_| forger.send(&debug("\x1b[2J")));
            forger.lives(&[r"debug \x1b[2J"; 1000], &[]);
        }
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
