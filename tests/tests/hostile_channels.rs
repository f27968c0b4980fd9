//! Table H, channels and global requests: numbers, windows and requests that lie (RFC 4254).
//! `hostile_requests` has the rows of what requests hold, `hostile_forward` those of
//! forwarding, `hostile_announcements` those of host keys.

use sanssh_core::role::{Client, Server};
use sanssh_core::{Error, Violation};
use sanssh_tests::both_roles;
use sanssh_tests::forger::{Feed, Forger, Side, any, both_ways, channel_open, exec};
use sanssh_tests::pair::server_config;

/// The recipient and code of the only OPEN_FAILURE heard.
fn refusal<R: Side>(forger: &Forger<R>) -> (u32, u32) {
    let [(_, payload)] = &forger.heard[..] else { panic!("one answer, not {:?}", forger.numbers()) };
    let word = |at: usize| u32::from_be_bytes(payload[at..at + 4].try_into().expect("four bytes"));
    assert_eq!(payload[0], 92);
    (word(1), word(5))
}

/// A message about a channel, which must end the connection.
fn refuses<R: Side>(mut forger: Forger<R>, message: &[u8], error: impl Into<Error>) {
    forger.forget();
    forger.send(message);
    forger.fatal(error.into(), &[]);
}

#[test]
fn h01_packets_of_no_size() {
    both_ways(|feed| {
        let mut forger = Forger::<Server>::new(feed).authenticated();
        forger.send(&channel_open(3, 1 << 20, 0));
        assert_eq!(refusal(&forger), (3, 1));
        forger.lives(&[], &[92]);
        let mut forger = Forger::<Client>::new(feed).authenticated();
        let channel = forger.machine.open().number();
        forger.machine.pump();
        forger.hear();
        refuses(forger, &any(91).u32(channel).u32(0).u32(100).u32(0).done(), Violation::WindowOverrun);
    });
}

#[test]
fn h02_windows_beyond_their_end() {
    fn case<R: Side>(feed: Feed) {
        let (mut forger, channel) = Forger::<R>::new(feed).with_channel();
        let adjust = any(93).u32(channel).u32(u32::MAX - (1 << 20)).done();
        forger.send(&adjust);
        forger.lives(&[], &[]);
        refuses(forger, &any(93).u32(channel).u32(1).done(), Violation::WindowOverflow);
        let (forger, channel) = Forger::<R>::new(feed).with_channel();
        refuses(forger, &any(93).u32(channel).u32(u32::MAX).done(), Violation::WindowOverflow);
    }
    both_roles!(case);
}

#[test]
fn h03_more_than_the_window() {
    fn case<R: Side>(_: Feed) {
        let mut config = server_config();
        (config.window, config.max_data) = (100, 60);
        for kind in [None, Some(1), Some(9)] {
            let data = |channel: u32, length: usize| match kind {
                None => any(94).u32(channel).string(vec![1; length]).done(),
                Some(kind) => any(95).u32(channel).u32(kind).string(vec![1; length]).done(),
            };
            let (forger, channel) = Forger::<R>::with(Feed::Whole, config.clone()).with_channel();
            refuses(forger, &data(channel, 61), Violation::WindowOverrun);
            let (mut forger, channel) = Forger::<R>::with(Feed::Whole, config.clone()).with_channel();
            forger.machine.policy.releases = false;
            // Data that is dropped is credited at once, so only what is delivered fills the window.
            let drops = kind == Some(9) || (kind == Some(1) && Forger::<R>::is_client());
            forger.send(&data(channel, 60));
            if drops {
                assert_eq!(forger.numbers(), [93]);
                continue;
            }
            refuses(forger, &data(channel, 41), Violation::WindowOverrun);
        }
    }
    both_roles!(case);
}

/// A message of each kind about a channel of that number.
fn about(channel: u32) -> Vec<Vec<u8>> {
    vec![
        any(91).u32(channel).u32(5).u32(1).u32(1).done(),
        any(92).u32(channel).u32(1).string("").string("").done(),
        any(93).u32(channel).u32(1).done(),
        any(94).u32(channel).string("x").done(),
        any(95).u32(channel).u32(1).string("x").done(),
        any(96).u32(channel).done(),
        any(97).u32(channel).done(),
        exec(channel, "id"),
        any(98).u32(channel).string("exit-status").u8(0).u32(0).done(),
        any(99).u32(channel).done(),
        any(100).u32(channel).done(),
    ]
}

#[test]
fn h04_h05_channels_that_are_not_there() {
    fn case<R: Side>(feed: Feed) {
        for number in [0, 3, 4, 0x1_0000, 0xffff, u32::MAX] {
            for message in about(number) {
                refuses(Forger::<R>::new(feed).authenticated(), &message, Violation::NoSuchChannel);
            }
        }
        // One that is open is confirmed or refused once.
        for message in &about(0)[..2] {
            let (forger, channel) = Forger::<R>::new(feed).with_channel();
            assert_eq!(channel, 0);
            refuses(forger, message, Violation::NoSuchChannel);
        }
    }
    both_roles!(case);
    // One that is asked for is not open yet.
    both_ways(|feed| {
        for message in &about(0)[2..] {
            let mut forger = Forger::<Client>::new(feed).authenticated();
            forger.machine.open();
            forger.machine.pump();
            forger.hear();
            refuses(forger, message, Violation::NoSuchChannel);
        }
    });
}

#[test]
fn h06_messages_after_the_end() {
    fn case<R: Side>(feed: Feed) {
        for message in [&about(0)[3], &about(0)[4], &about(0)[5]] {
            let (mut forger, channel) = Forger::<R>::new(feed).with_channel();
            forger.send(&any(96).u32(channel).done());
            refuses(forger, message, Violation::NoSuchChannel);
        }
        for message in about(0) {
            let (mut forger, channel) = Forger::<R>::new(feed).with_channel();
            forger.send(&any(97).u32(channel).done());
            assert_eq!(forger.numbers(), [97]);
            refuses(forger, &message, Violation::NoSuchChannel);
        }
    }
    both_roles!(case);
}

#[test]
fn h09_answers_that_nobody_waits_for() {
    fn case<R: Side>(feed: Feed) {
        for number in [99, 100] {
            let (forger, channel) = Forger::<R>::new(feed).with_channel();
            refuses(forger, &any(number).u32(channel).done(), Violation::NoSuchChannel);
        }
        for number in [81, 82] {
            refuses(Forger::<R>::new(feed).authenticated(), &[number], Violation::Unexpected(number));
        }
    }
    both_roles!(case);
}

#[test]
fn h10_h28_channels_of_other_kinds() {
    fn case<R: Side>(feed: Feed) {
        let long = "x".repeat(if feed == Feed::Whole { 65_536 } else { 300 });
        for kind in ["", "strange", "tun@openssh.com", "Direct-tcpip", "x11\0", "session\0", &long] {
            let mut forger = Forger::<R>::new(feed).authenticated();
            forger.send(&any(90).string(kind).u32(9).u32(1).u32(1).string("127.0.0.1").u32(22).done());
            assert_eq!(refusal(&forger), (9, 3));
            forger.lives(&[], &[92]);
        }
    }
    both_roles!(case);
    both_ways(|feed| {
        let mut forger = Forger::<Client>::new(feed).authenticated();
        forger.send(&channel_open(9, 1, 1));
        assert_eq!(refusal(&forger), (9, 1), "servers open no sessions");
        forger.lives(&[], &[92]);
    });
}

#[test]
fn h13_news_of_the_end_that_are_malformed() {
    both_ways(|feed| {
        let news = |channel: u32, name: &str| any(98).u32(channel).string(name).u8(0);
        for at in 0..4 {
            let (forger, channel) = Forger::<Client>::new(feed).with_channel();
            let signal = news(channel, "exit-signal");
            let message = match at {
                0 => news(channel, "exit-status").done(),
                1 => news(channel, "exit-status").u32(0).u8(0).done(),
                2 => signal.u32(u32::MAX).raw(b"TERM").done(),
                _ => signal.string("TERM").u8(0).string("x").done(),
            };
            refuses(forger, &message, Error::Malformed(Some(98)));
        }
    });
}

#[test]
fn h16_a_second_command_on_a_channel() {
    both_ways(|feed| {
        let (mut forger, channel) = Forger::<Server>::new(feed).with_channel();
        forger.send(&exec(channel, "one"));
        forger.lives(&["request exec"], &[99]);
        let count = if feed == Feed::Whole { 10_000 } else { 100 };
        for _ in 0..count {
            forger.send(&exec(channel, "two"));
        }
        forger.send(&any(98).u32(channel).string("shell").u8(1).done());
        forger.lives(&[], &vec![100; count + 1]);
    });
}

#[test]
fn h19_extended_data_of_other_kinds() {
    fn case<R: Side>(feed: Feed) {
        let (mut forger, channel) = Forger::<R>::new(feed).with_channel();
        for kind in [0, 2, u32::MAX] {
            forger.send(&any(95).u32(channel).u32(kind).string(vec![1; 1000]).done());
        }
        forger.lives(&[], &[]);
    }
    both_roles!(case);
}

#[test]
fn h22_global_requests_that_nobody_knows() {
    fn case<R: Side>(_: Feed) {
        let mut forger = Forger::<R>::new(Feed::Whole).authenticated();
        for at in 0..1000 {
            let name = ["tcpip-backward", "hostkeys-01@openssh.com", "", "keepalive@openssh.com"][at % 4];
            forger.send(&any(80).string(name).u8(u8::from(at % 2 == 0)).u32(7).done());
        }
        forger.lives(&[], &[82; 500]);
    }
    both_roles!(case);
}

#[test]
fn h26_releasing_more_than_was_received() {
    both_ways(|feed| {
        let mut config = server_config();
        (config.window, config.max_data) = (100, 60);
        let (mut forger, channel) = Forger::<Server>::with(feed, config).with_channel();
        let id = forger.machine.channels[0];
        forger.machine.policy.releases = false;
        forger.machine.ssh.release(id, usize::MAX);
        forger.send(&any(94).u32(channel).string(vec![1; 60]).done());
        forger.machine.ssh.release(id, 1_000_000);
        forger.machine.ssh.release(id, 1_000_000);
        forger.machine.pump();
        forger.hear();
        assert_eq!(forger.heard, [(forger.heard[0].0, any(93).u32(7).u32(60).done())], "what was received, once");
    });
}

#[test]
fn h27_two_channels_of_one_number() {
    both_ways(|feed| {
        let mut forger = Forger::<Server>::new(feed).authenticated();
        forger.send(&channel_open(3, 1, 1));
        refuses(forger, &channel_open(3, 1, 1), Violation::NoSuchChannel);
        let mut forger = Forger::<Client>::new(feed).authenticated();
        forger.open_channel(7);
        forger.forget();
        let second = forger.machine.open().number();
        forger.machine.pump();
        forger.hear();
        refuses(forger, &any(91).u32(second).u32(7).u32(1).u32(1).done(), Violation::NoSuchChannel);
    });
}
