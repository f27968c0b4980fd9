//! Each bound of core: one below, at it, one above.
//!
//! What a configuration sets is tried with small values; what is constant in core is tried as it is.

use core::time::Duration;
use sanssh_core::algorithm::HostKey;
use sanssh_core::auth::Method;
use sanssh_core::channel::OpenKind;
use sanssh_core::role::{Client, Server};
use sanssh_core::time::Phase;
use sanssh_core::{Config, Error, Input, Refused, Violation, Waiting};
use sanssh_tests::forger::{
    Answer, Feed, Forger, Frame, Question, Side, any, blob, both_ways, channel_open, exec, login, password, probe,
};
use sanssh_tests::pair::server_config;

/// Runs a case against both roles, both ways.
macro_rules! both_roles {
    ($case:ident) => {
        both_ways($case::<Client>);
        both_ways($case::<Server>);
    };
}

fn fresh<R: Side>(feed: Feed) -> Forger<R> {
    let mut forger = Forger::new(feed);
    forger.forget();
    forger
}

#[test]
fn length_of_the_identification() {
    fn case<R: Side>(feed: Feed) {
        for length in [254, 255, 256] {
            let mut forger = fresh::<R>(feed);
            forger.send_bytes(&[b"SSH-2.0-", &b"x".repeat(length - 10)[..], b"\r\n"].concat());
            if length <= 255 {
                forger.lives(&[], &[]);
            } else {
                forger.fatal(Violation::TooLong.into(), &[]);
            }
        }
    }
    both_roles!(case);
}

#[test]
fn lines_before_the_identification() {
    both_ways(|feed| {
        for lines in [1022, 1023, 1024] {
            let mut forger = fresh::<Client>(feed);
            forger.send_bytes(&b"x\n".repeat(lines));
            if lines < 1024 {
                forger.send_bytes(b"SSH-2.0-x\r\n");
                forger.lives(&vec!["text x"; lines], &[]);
            } else {
                forger.fatal(Violation::TooMany.into(), &vec!["text x"; 1023]);
            }
        }
    });
}

#[test]
fn text_before_the_identification() {
    both_ways(|feed| {
        for last in [1023, 1024, 1025] {
            let mut forger = fresh::<Client>(feed);
            let line = [&b"x".repeat(1024)[..], b"\r\n"].concat();
            forger.send_bytes(&line.repeat(63));
            assert_eq!(forger.machine.told.len(), 63);
            forger.forget();
            forger.send_bytes(&[&b"x".repeat(last)[..], b"\r\n"].concat());
            if last <= 1024 {
                assert_eq!((forger.machine.over, forger.machine.told.len()), (None, 1));
            } else {
                forger.fatal(Violation::TooMany.into(), &[]);
            }
        }
    });
}

#[test]
fn length_of_a_line_before_the_identification() {
    both_ways(|feed| {
        for length in [8191, 8192, 8193] {
            let mut forger = fresh::<Client>(feed);
            forger.send_bytes(&[&b"x".repeat(length - 1)[..], b"\n"].concat());
            if length <= 8192 {
                assert_eq!((forger.machine.over, forger.machine.told.len()), (None, 1));
            } else {
                forger.fatal(Violation::TooLong.into(), &[]);
            }
        }
    });
}

#[test]
fn length_of_a_packet() {
    fn case<R: Side>(feed: Feed) {
        // AES-GCM pads to 16 bytes, so that the next lengths are 16 apart.
        for (cap, fits) in [(4096 - 1, false), (4096, true), (4096 + 1, true)] {
            let mut forger = Forger::<R>::with(feed, Config { max_packet: cap, ..server_config() }).keyed();
            let rest = [any(2).string(vec![0; 4082]).done(), vec![0; 8]].concat();
            forger.send_frame(&Frame { length: 4096, padding: 8, rest });
            if fits {
                forger.lives(&[], &[]);
            } else {
                forger.fatal(Error::Malformed(None), &[]);
            }
        }
    }
    both_roles!(case);
}

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
fn channels_that_the_peer_opens() {
    both_ways(|feed| {
        let mut forger = Forger::<Server>::new(feed).authenticated();
        for number in 0..4 {
            forger.send(&channel_open(number, 100, 100));
        }
        forger.lives(&["open"; 4], &[91; 4]);
        forger.send(&channel_open(4, 100, 100));
        let (_, payload) = forger.heard.last().expect("a refusal");
        assert_eq!(payload[..9], [92, 0, 0, 0, 4, 0, 0, 0, 4], "resource shortage");
        forger.lives(&[], &[92]);
        // One that is closed makes room, under another number.
        let third = forger.machine.channels[2];
        forger.send(&any(97).u32(third.number()).done());
        forger.lives(&["closed"], &[97]);
        forger.send(&channel_open(5, 100, 100));
        forger.lives(&["open"], &[91]);
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
fn length_of_a_ping() {
    fn case<R: Side>(feed: Feed) {
        for length in [0, 63, 64, 65] {
            let mut forger = Forger::<R>::new(feed).authenticated();
            forger.send(&any(192).string(vec![7; length]).done());
            if length <= 64 {
                assert_eq!(forger.heard[0].1, any(193).string(vec![7; length]).done());
                forger.lives(&[], &[193]);
            } else {
                forger.fatal(Violation::TooLong.into(), &[]);
            }
        }
    }
    both_roles!(case);
}

/// Sends so many messages of a kind to a machine whose output nobody takes; how many were read before it stopped.
fn read_of<R: Side>(count: u32, message: &dyn Fn(u32) -> Vec<u8>) -> (usize, Option<Waiting>) {
    let mut forger = Forger::<R>::new(Feed::Whole).authenticated();
    let mut bytes = Vec::new();
    let mut ends = vec![0];
    for at in 0..count {
        let frame = forger.line.frame(&message(at));
        bytes.extend(forger.line.seal(&frame));
        ends.push(bytes.len());
    }
    let mut input = Input::new(&mut bytes);
    assert!(matches!(forger.machine.ssh.recv(forger.machine.now, &mut input), Ok(None)));
    let taken = input.taken();
    let waiting = forger.machine.ssh.waiting();
    // Everything is answered once the output is taken.
    forger.machine.take(&bytes[taken..]);
    forger.hear();
    assert_eq!(forger.numbers().len(), usize::try_from(count).expect("few"));
    (ends.iter().position(|end| *end == taken).expect("whole packets are taken"), waiting)
}

#[test]
fn answers_that_pile_up_before_reading_stops() {
    fn case<R: Side>(_: Feed) {
        let cases: [(usize, &dyn Fn(u32) -> Vec<u8>); 4] = [
            (8, &|_| any(200).done()),
            (1, &|at| any(192).u32(4).u32(at).done()),
            (16, &|_| any(80).string("strange").u8(1).done()),
            (16, &|at| any(90).string("strange").u32(at).u32(1).u32(1).done()),
        ];
        for (limit, message) in cases {
            for count in 1..limit {
                assert_eq!(read_of::<R>(u32::try_from(count).expect("few"), message), (count, None));
            }
            for count in [limit, limit + 1, 5 * limit] {
                let read = read_of::<R>(u32::try_from(count).expect("few"), message);
                assert_eq!(read, (limit, Some(Waiting::Output)));
            }
        }
    }
    both_roles!(case);
}

#[test]
fn exchanges_before_the_login() {
    fn case<R: Side>(feed: Feed) {
        for exchanges in [3, 4, 5] {
            let mut forger = Forger::<R>::new(feed).keyed();
            for _ in 2..exchanges {
                forger.rekey();
            }
            forger.forget();
            if exchanges <= 4 {
                forger.rekey();
                assert_eq!(forger.machine.over, None);
            } else {
                forger.send_offer();
                forger.fatal(Violation::TooMany.into(), &[]);
            }
        }
        // Afterwards there may be any number.
        let mut forger = Forger::<R>::new(Feed::Whole).authenticated();
        (0..20).for_each(|_| forger.rekey());
        assert_eq!(forger.machine.over, None);
    }
    both_roles!(case);
}

#[test]
fn extensions_in_one_message() {
    fn case<R: Side>(feed: Feed) {
        for count in [63, 64, 65] {
            let mut forger = Forger::<R>::new(feed).keyed();
            let pairs = (0..count).fold(any(7).u32(count), |pairs, _| pairs.string("x").string(""));
            forger.send(&pairs.done());
            if count <= 64 {
                forger.lives(&["extensions"], &[]);
            } else {
                forger.fatal(Error::Malformed(Some(7)), &[]);
            }
        }
    }
    both_roles!(case);
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

#[test]
fn deadlines_to_the_microsecond() {
    fn case<R: Side>(feed: Feed) {
        for (short, phase) in [(Phase::Handshake, Phase::Handshake), (Phase::Login, Phase::Login)] {
            let mut config = server_config();
            let span =
                if short == Phase::Handshake { &mut config.deadlines.handshake } else { &mut config.deadlines.login };
            *span = Duration::from_micros(1_000_000);
            let mut forger = Forger::<R>::with(feed, config);
            forger.forget();
            forger.machine.now = sanssh_core::Instant(999_999);
            forger.machine.tick();
            forger.lives(&[], &[]);
            assert_eq!(forger.machine.ssh.deadline(), Some(sanssh_core::Instant(1_000_000)));
            forger.machine.now = sanssh_core::Instant(1_000_000);
            forger.machine.tick();
            forger.hear();
            forger.fatal(Error::TimedOut(phase), &[]);
        }
    }
    both_roles!(case);
}

#[test]
fn keepalives_that_nobody_answers() {
    fn case<R: Side>(feed: Feed) {
        let mut config = server_config();
        config.login.methods = config.login.methods.with(Method::Password);
        config.keepalive = sanssh_core::config::Keepalive { interval: Duration::from_secs(10), count: 2 };
        let mut forger = Forger::<R>::with(feed, config.clone()).authenticated();
        forger.wait(9);
        forger.lives(&[], &[]);
        forger.wait(1);
        forger.lives(&[], &[80]);
        forger.wait(10);
        forger.lives(&[], &[80]);
        forger.wait(10);
        forger.fatal(Error::TimedOut(Phase::Keepalive), &[]);
        // Any packet is a sign of life.
        let mut forger = Forger::<R>::with(feed, config).authenticated();
        for _ in 0..5 {
            forger.wait(10);
            forger.wait(10);
            forger.lives(&[], &[80, 80]);
            forger.send(&any(82).done());
            forger.send(&any(81).done());
            forger.lives(&[], &[]);
        }
    }
    both_roles!(case);
}
