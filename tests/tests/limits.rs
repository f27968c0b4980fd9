//! Each bound of the transport layer and of time: one below, at it, one above. `limits_sessions` has those above it.
//!
//! What a configuration sets is tried with small values; what is constant in core is tried as it is.

use core::time::Duration;
use sanssh_core::auth::Method;
use sanssh_core::role::{Client, Server};
use sanssh_core::time::Phase;
use sanssh_core::{Config, Error, Input, Violation, Waiting};
use sanssh_tests::both_roles;
use sanssh_tests::forger::{Feed, Forger, Frame, Side, any, both_ways};
use sanssh_tests::pair::server_config;

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

/// AES-GCM pads to 16 bytes, so that the lengths beside this one are 16 apart.
fn takes_4096<R: Side>(forger: &mut Forger<R>, fits: bool) {
    let rest = [any(2).string(vec![0; 4082]).done(), vec![0; 8]].concat();
    forger.send_frame(&Frame { length: 4096, padding: 8, rest });
    if fits {
        forger.lives(&[], &[]);
    } else {
        forger.fatal(Error::Malformed(None), &[]);
    }
}

#[test]
fn length_of_a_packet() {
    fn case<R: Side>(feed: Feed) {
        for (cap, fits) in [(4096 - 1, false), (4096, true), (4096 + 1, true)] {
            let mut forger = Forger::<R>::with(feed, Config { max_packet: cap, ..server_config() }).keyed();
            takes_4096(&mut forger, fits);
        }
    }
    both_roles!(case);
}

/// A server's limit is lower before the login; a client's is the same from the start.
#[test]
fn length_of_a_strangers_packet() {
    fn case<R: Side>(feed: Feed, logged_in: bool, lives: bool) {
        for (cap, fits) in [(4095, lives), (4096, true)] {
            let mut config = server_config();
            config.login.max_packet = cap;
            let forger = Forger::<R>::with(feed, config);
            let mut forger = if logged_in { forger.authenticated() } else { forger.keyed() };
            forger.forget();
            takes_4096(&mut forger, fits);
        }
    }
    both_ways(|feed| {
        case::<Server>(feed, false, false);
        case::<Server>(feed, true, true);
        case::<Client>(feed, false, true);
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

/// A message of a kind, by its turn.
type Message = fn(u32) -> Vec<u8>;

/// Sends so many messages of a kind to a machine whose output nobody takes; how many were read before it stopped.
fn read_of<R: Side>(count: u32, message: Message) -> (usize, Option<Waiting>) {
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
        let cases: [(usize, Message); 4] = [
            (8, |_| any(200).done()),
            (1, |at| any(192).u32(4).u32(at).done()),
            (16, |_| any(80).string("strange").u8(1).done()),
            (16, |at| any(90).string("strange").u32(at).u32(1).u32(1).done()),
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
fn h25_keepalives_that_nobody_answers() {
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

#[test]
fn keepalives_can_be_asked_for_otherwise_while_a_connection_lasts() {
    fn case<R: Side>(feed: Feed) {
        let mut config = server_config();
        config.login.methods = config.login.methods.with(Method::Password);
        let mut forger = Forger::<R>::with(feed, config).authenticated();
        let every = |interval| sanssh_core::config::Keepalive { interval, count: 2 };
        forger.wait(100);
        forger.lives(&[], &[]);
        forger.machine.ssh.set_keepalive(every(Duration::from_secs(5)));
        forger.wait(4);
        forger.lives(&[], &[]);
        forger.wait(1);
        forger.lives(&[], &[80]);
        forger.machine.ssh.set_keepalive(every(Duration::ZERO));
        forger.wait(100);
        forger.lives(&[], &[]);
        // At once, whatever was said.
        forger.machine.ssh.ask_alive();
        forger.wait(0);
        forger.lives(&[], &[80]);
    }
    both_roles!(case);
}
