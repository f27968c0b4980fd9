//! Each bound of logins and channels: one below, at it, one above.
//!
//! What a configuration sets is tried with small values; what is constant in core is tried as it is.

use sanssh_core::algorithm::HostKey;
use sanssh_core::channel::OpenKind;
use sanssh_core::role::{Client, Server};
use sanssh_core::{Config, Error, Refused, Violation, Waiting};
use sanssh_tests::both_roles;
use sanssh_tests::forger::{
    Answer, Feed, Forger, Question, Side, any, blob, both_ways, channel_open, exec, login, password, probe,
};
use sanssh_tests::pair::server_config;

#[test]
fn length_of_a_user_name() {
    both_ways(|feed| {
        for length in [254, 255, 256] {
            let mut forger = Forger::<Server>::new(feed).served();
            let name = "u".repeat(length);
            forger.send(&password(&name, "right"));
            if length <= 255 {
                forger.lives(&[&format!("attempt {name} Password fresh")], &[52]);
            } else {
                forger.fatal(Violation::TooLong.into(), &[]);
            }
        }
    });
}

#[test]
fn failed_attempts() {
    both_ways(|feed| {
        for limit in [1, 2, 5] {
            let mut config = server_config();
            config.login.max_attempts = limit;
            let mut forger = Forger::<Server>::with(feed, config).served();
            for _ in 1..limit {
                forger.send(&password("user", "wrong"));
                assert_eq!(forger.machine.over, None);
            }
            forger.forget();
            forger.send(&password("user", ""));
            forger.fatal(Error::Denied, &[]);
        }
    });
}

#[test]
fn questions_about_keys() {
    both_ways(|feed| {
        let key = blob().string("ssh-ed25519").string([1; 32]).done();
        for limit in [0, 1, 5] {
            let mut config = server_config();
            config.login.max_probes = limit;
            let mut forger = Forger::<Server>::with(feed, config).served();
            for _ in 0..limit {
                forger.send(&probe("user", "ssh-ed25519", &key));
                forger.lives(&["probe user ssh-ed25519"], &[51]);
            }
            forger.send(&probe("user", "ssh-ed25519", &key));
            forger.fatal(Error::Denied, &[]);
        }
    });
}

/// A client that has asked to be asked.
fn interactive(feed: Feed, config: Config) -> Forger<Client> {
    let mut forger = Forger::with(feed, config).served();
    forger.machine.emit(|ssh, output| ssh.interactive(b"user", output)).expect("may be sent");
    forger.hear();
    forger.forget();
    forger
}

#[test]
fn rounds_that_a_server_asks_for() {
    both_ways(|feed| {
        for limit in [0, 1, 5] {
            let mut config = server_config();
            config.login.max_rounds = limit;
            let mut forger = interactive(feed, config);
            let prompt = any(60).string("").string("").string("").u32(1).string("?").u8(0).done();
            for _ in 0..limit {
                forger.send(&prompt);
                forger.lives(&["prompts 1"], &[61]);
            }
            forger.send(&prompt);
            forger.fatal(Error::Denied, &[]);
        }
    });
}

#[test]
fn rounds_that_a_client_begins() {
    both_ways(|feed| {
        for limit in [1, 2, 5] {
            let mut config = server_config();
            config.login.max_rounds = limit;
            let mut forger = Forger::<Server>::with(feed, config).served();
            let begin = login("user", "keyboard-interactive").string("").string("").done();
            for _ in 0..limit {
                forger.send(&begin);
                assert_eq!(forger.numbers(), [60]);
                forger.forget();
            }
            forger.send(&begin);
            forger.fatal_after(Error::Denied, &["attempt user Interactive"], &[60]);
        }
    });
}

#[test]
fn banners() {
    both_ways(|feed| {
        for limit in [0, 1, 5] {
            let mut config = Config::default();
            config.login.max_banners = limit;
            let mut forger = Forger::<Client>::with(feed, config).served();
            for _ in 0..limit + 3 {
                forger.send(&any(53).string("x").string("").done());
            }
            let shown = usize::try_from(limit).expect("few");
            forger.lives(&vec!["banner x"; shown], &[]);
        }
    });
}

#[test]
fn h08_channels_that_the_peer_opens() {
    both_ways(|feed| {
        let mut forger = Forger::<Server>::new(feed).authenticated();
        for number in 0..4 {
            forger.send(&channel_open(number, 100, 100));
        }
        forger.lives(&["open session"; 4], &[91; 4]);
        forger.send(&channel_open(4, 100, 100));
        let (_, payload) = forger.heard.last().expect("a refusal");
        assert_eq!(payload[..9], [92, 0, 0, 0, 4, 0, 0, 0, 4], "resource shortage");
        forger.lives(&[], &[92]);
        // One that is closed makes room, under another number.
        let third = forger.machine.channels[2];
        forger.send(&any(97).u32(third.number()).done());
        forger.lives(&["closed"], &[97]);
        forger.send(&channel_open(5, 100, 100));
        forger.lives(&["open session"], &[91]);
        let again = forger.machine.channels[4];
        assert!(again.index() == third.index() && again != third);
        forger.send(&any(94).u32(third.number()).string("late").done());
        forger.fatal(Violation::NoSuchChannel.into(), &[]);
    });
}

#[test]
fn channels_that_we_open() {
    both_ways(|feed| {
        let mut forger = Forger::<Client>::new(feed).authenticated();
        for _ in 0..4 {
            forger.machine.open();
        }
        let fifth = forger.machine.emit(|ssh, output| ssh.open(OpenKind::Session, output));
        assert_eq!(fifth, Err(Refused::NoRoom));
        forger.hear();
        forger.lives(&[], &[90; 4]);
    });
}

#[test]
fn requests_whose_answers_are_owed() {
    both_ways(|feed| {
        let (mut forger, channel) = Forger::<Server>::new(feed).with_channel();
        forger.machine.policy.requests = Answer::Later;
        let id = forger.machine.channels[0];
        let env = any(98).u32(channel).string("env").u8(1).string("A").string("b").done();
        for outstanding in 1..=16 {
            assert_eq!(forger.machine.ssh.waiting(), None, "{outstanding} are not too many");
            forger.send(&env);
        }
        assert_eq!(forger.machine.ssh.waiting(), Some(Waiting::Reply(id)));
        forger.send(&exec(channel, "one more"));
        forger.lives(&["request env"; 16], &[]);
        // The oldest answer makes room for the one that waits unread; others do not.
        let Question::Request(newest) = forger.machine.held.pop().expect("a question") else { panic!("a request") };
        forger.machine.ssh.reply(newest, true);
        forger.machine.pump();
        forger.hear();
        forger.lives(&[], &[]);
        let Question::Request(oldest) = forger.machine.held.remove(0) else { panic!("a request") };
        forger.machine.ssh.reply(oldest, false);
        forger.machine.pump();
        forger.hear();
        forger.lives(&["request exec"], &[100]);
    });
}

#[test]
fn data_in_one_message_and_in_the_window() {
    fn case<R: Side>(feed: Feed) {
        let config = || Config { max_data: 300, window: 1000, ..server_config() };
        let data = |channel: u32, length: usize| any(94).u32(channel).string(vec![0; length]).done();
        let (mut forger, channel) = Forger::<R>::with(feed, config()).with_channel();
        forger.machine.policy.releases = false;
        for length in [299, 300] {
            forger.send(&data(channel, length));
        }
        forger.lives(&["data 299", "data 300"], &[]);
        forger.send(&data(channel, 301));
        forger.fatal(Violation::WindowOverrun.into(), &[]);
        for last in [99, 100, 101] {
            let (mut forger, channel) = Forger::<R>::with(feed, config()).with_channel();
            forger.machine.policy.releases = false;
            (0..3).for_each(|_| forger.send(&data(channel, 300)));
            forger.forget();
            forger.send(&data(channel, last));
            if last <= 100 {
                forger.lives(&[&format!("data {last}")], &[]);
            } else {
                forger.fatal(Violation::WindowOverrun.into(), &[]);
            }
        }
    }
    both_roles!(case);
}

#[test]
fn a_window_of_the_peers() {
    fn case<R: Side>(feed: Feed) {
        for (bytes, fits) in
            [(u32::MAX - (1 << 20) - 1, true), (u32::MAX - (1 << 20), true), (u32::MAX - (1 << 20) + 1, false)]
        {
            let (mut forger, channel) = Forger::<R>::new(feed).with_channel();
            forger.send(&any(93).u32(channel).u32(bytes).done());
            if fits {
                forger.lives(&[], &[]);
            } else {
                forger.fatal(Violation::WindowOverflow.into(), &[]);
            }
        }
    }
    both_roles!(case);
}

/// 16 384 bits are looked at, and no more; below 2048 nothing is trusted.
#[test]
fn bits_of_an_rsa_key() {
    both_ways(|feed| {
        let modulus = |bits: usize| {
            let mut digits = vec![0xff; bits.div_ceil(8)];
            digits[0] = if bits.is_multiple_of(8) { 0x80 } else { 1 };
            if bits.is_multiple_of(8) { [&[0][..], &digits].concat() } else { digits }
        };
        for (bits, fits) in [(2041, false), (2048, true), (2049, true), (16_377, true), (16_384, true), (16_385, false)]
        {
            let key = blob().string("ssh-rsa").string([1, 0, 1]).string(modulus(bits)).done();
            let mut forger = Forger::<Server>::new(feed).served();
            forger.send(&probe("user", HostKey::RsaSha256.name(), &key));
            let told: &[&str] = if fits { &["probe user rsa-sha2-256"] } else { &[] };
            forger.lives(told, &[51]);
        }
    });
}
