//! Table F, authentication as a client: servers that grant what nobody earned, answer what was not asked, and never come
//! to an end (RFC 4252, RFC 4256).
//!
//! The plan of a login is the driver's, and its rows are in `std_factors`: core sends one request for each command.

use sanssh_core::algorithm::HostKey;
use sanssh_core::crypto::fast::Fast;
use sanssh_core::role::Client;
use sanssh_core::{Config, Connection, Error, Output, Refused, Slot, Violation};
use sanssh_tests::forger::{Answer, Feed, Forger, any, both_ways, offered};

/// A request of a client's.
type Command = fn(&mut Connection<Client, Fast, Vec<Slot>>, &mut Output<'_>) -> Result<(), Refused>;

const KEY: &[u8] = b"\0\0\0\x0bssh-ed25519\0\0\0\x20abcdefghijklmnopqrstuvwxyz012345";

const NONE: Command = |ssh, output| ssh.login_none(b"user", output);
const PASSWORD: Command = |ssh, output| ssh.password(b"user", b"right", output);
const PROBE: Command = |ssh, output| ssh.probe(b"user", HostKey::Ed25519, KEY, output);
const SIGNED: Command = |ssh, output| ssh.public_key(b"user", HostKey::Ed25519, KEY, b"signature", output);
const INTERACTIVE: Command = |ssh, output| ssh.interactive(b"user", output);
const ALL: [Command; 5] = [NONE, PASSWORD, PROBE, SIGNED, INTERACTIVE];

/// A client that has made a request.
fn asking(feed: Feed, config: Config, command: Command) -> Forger<Client> {
    let mut forger = Forger::with(feed, config).served();
    forger.machine.emit(command).expect("a request may be sent");
    forger.hear();
    assert_eq!(forger.numbers(), [50]);
    forger.forget();
    forger
}

fn plain(feed: Feed, command: Command) -> Forger<Client> {
    asking(feed, Config::default(), command)
}

fn failure(methods: &str, partial: u8) -> Vec<u8> {
    any(51).string(methods).u8(partial).done()
}

fn prompts(count: u32) -> Vec<u8> {
    let head = any(60).string("").string("").string("").u32(count);
    (0..count).fold(head, |head, _| head.string("word: ").u8(0)).done()
}

#[test]
fn f01_success_that_nobody_asked_for() {
    both_ways(|feed| {
        let mut forger = Forger::<Client>::new(feed).keyed();
        forger.send(&[52]);
        forger.fatal(Violation::Unexpected(52).into(), &[]);
        for message in [vec![52], failure("password", 0), prompts(1)] {
            let mut forger = Forger::<Client>::new(feed).served();
            forger.send(&message);
            forger.fatal(Violation::Unexpected(message[0]).into(), &[]);
            let mut forger = plain(feed, PASSWORD);
            forger.send(&failure("password", 0));
            forger.forget();
            forger.send(&message);
            forger.fatal(Violation::Unexpected(message[0]).into(), &[]);
        }
    });
}

#[test]
fn f02_f03_success_without_a_credential() {
    both_ways(|feed| {
        for command in [NONE, PROBE, INTERACTIVE] {
            let mut forger = plain(feed, command);
            forger.send(&[52]);
            forger.lives(&["accepted false"], &[]);
            let mut config = Config::default();
            config.login.require_credential = true;
            let mut forger = asking(feed, config, command);
            forger.send(&[52]);
            assert!(!forger.machine.ssh.is_logged_in());
            forger.fatal(Violation::Unearned.into(), &[]);
        }
        for command in [PASSWORD, SIGNED] {
            let mut forger = plain(feed, command);
            forger.send(&[52]);
            forger.lives(&["accepted true"], &[]);
        }
    });
}

/// Half a credential earns nothing when `none` is what claims to be right.
#[test]
fn f02_partial_success_of_none() {
    both_ways(|feed| {
        for (first, earned) in [(NONE, false), (PROBE, false), (PASSWORD, true)] {
            let mut forger = plain(feed, first);
            forger.send(&failure("publickey", 1));
            forger.machine.emit(NONE).expect("a request may be sent");
            forger.hear();
            forger.forget();
            forger.send(&[52]);
            forger.lives(&[&format!("accepted {earned}")], &[]);
        }
    });
}

#[test]
fn f04_another_key_than_the_one_asked_about() {
    both_ways(|feed| {
        let mut other = KEY.to_vec();
        *other.last_mut().expect("a byte") ^= 1;
        for (algorithm, key) in [("ssh-ed25519", &other[..]), ("rsa-sha2-256", KEY), ("ssh-ed25519", b""), ("", b"")] {
            let mut forger = plain(feed, PROBE);
            forger.send(&any(60).string(algorithm).string(key).done());
            forger.fatal(Violation::Unexpected(60).into(), &[]);
        }
        let mut forger = plain(feed, PROBE);
        forger.send(&any(60).string("ssh-ed25519").string(KEY).done());
        forger.lives(&["key accepted"], &[]);
    });
}

#[test]
fn f05_an_answer_to_another_method() {
    both_ways(|feed| {
        let ok = any(60).string("ssh-ed25519").string(KEY).done();
        let change = any(60).string("expired").string("").done();
        let cases = [
            (PROBE, prompts(1), Error::Malformed(Some(60))),
            (PROBE, change, Violation::Unexpected(60).into()),
            (PASSWORD, prompts(1), Error::Malformed(Some(60))),
            (INTERACTIVE, ok.clone(), Error::Malformed(Some(60))),
            (SIGNED, ok.clone(), Violation::Unexpected(60).into()),
            (NONE, ok, Violation::Unexpected(60).into()),
            (SIGNED, prompts(1), Violation::Unexpected(60).into()),
        ];
        for (command, message, error) in cases {
            let mut forger = plain(feed, command);
            forger.send(&message);
            forger.fatal(error, &[]);
        }
    });
}

#[test]
fn f06_prompts_that_are_not_there() {
    both_ways(|feed| {
        let head = |count: u32| any(60).string("").string("").string("").u32(count);
        let messages = [
            head(u32::MAX).done(),
            head(2).string("one").u8(0).done(),
            head(1).string("one").u8(0).u8(0).done(),
            head(1).u32(u32::MAX).raw(b"x").done(),
            head(2).u32(u32::MAX).u32(u32::MAX).done(),
            head(1).string("one").done(),
            head(0).u8(0).done(),
        ];
        for message in messages {
            let mut forger = plain(feed, INTERACTIVE);
            forger.send(&message);
            forger.fatal(Error::Malformed(Some(60)), &[]);
        }
        let mut forger = plain(feed, INTERACTIVE);
        (0..16).for_each(|_| forger.send(&prompts(1)));
        assert_eq!(forger.numbers(), [61; 16]);
        forger.forget();
        forger.send(&prompts(1));
        forger.fatal(Error::Denied, &[]);
    });
}

/// Questions are asked one at a time: a second request before the answers is out of place.
#[test]
fn f06_prompts_on_top_of_prompts() {
    both_ways(|feed| {
        for message in [prompts(1), vec![52], failure("password", 0)] {
            let mut forger = plain(feed, INTERACTIVE);
            forger.machine.policy.login = Answer::Later;
            forger.send(&prompts(1));
            forger.lives(&["prompts 1"], &[]);
            forger.send(&message);
            forger.fatal(Violation::Unexpected(message[0]).into(), &[]);
        }
    });
}

#[test]
fn f07_banners() {
    both_ways(|feed| {
        let mut forger = Forger::<Client>::new(feed).served();
        let banner = any(53).string(b"\x1b[2J\xff").string("en").done();
        let count = if feed == Feed::Whole { 1000 } else { 20 };
        (0..count).for_each(|_| forger.send(&banner));
        forger.lives(&[r"banner \x1b[2J\xff"; 16], &[]);
        // One that the cap on packets does not let in.
        let mut forger = Forger::<Client>::new(Feed::Whole).served();
        forger.send(&any(53).string(vec![b'x'; 1 << 20]).string("").done());
        forger.fatal(Error::Malformed(None), &[]);
    });
}

#[test]
fn f08_methods_by_the_thousand() {
    both_ways(|feed| {
        let count = if feed == Feed::Whole { 60_000 } else { 100 };
        let mut forger = plain(feed, PASSWORD);
        forger.send(&failure(&format!("{}none,,publickey,strange,publickey", "x,".repeat(count)), 0));
        forger.lives(&["refused {None, PublicKey} false"], &[]);
    });
}

#[test]
fn f09_failure_upon_failure() {
    both_ways(|feed| {
        for partial in [0, 1] {
            let mut forger = plain(feed, PASSWORD);
            for _ in 0..100 {
                forger.send(&failure("password", partial));
                assert!(forger.heard.is_empty(), "no request leaves by itself");
                forger.machine.emit(PASSWORD).expect("a request may be sent");
                forger.hear();
                forger.heard.clear();
            }
            assert_eq!(forger.machine.over, None);
        }
    });
}

/// A server's stages up to its keys, each with what it says there; the client asks to be logged in all the while.
const STAGES: [fn(Feed) -> Forger<Client>; 5] = [
    Forger::new,
    |feed| Forger::new(feed).greeted(),
    offered,
    distrusted,
    |feed| {
        let mut forger = distrusted(feed);
        forger.send_new_keys();
        forger
    },
];

/// A server that has shown its host key, about which nothing was said.
fn distrusted(feed: Feed) -> Forger<Client> {
    let mut forger = offered(feed);
    forger.machine.policy.trust = Answer::Later;
    forger.send_share();
    forger
}

/// Commands are refused and write nothing, whatever the server says next.
#[test]
fn f11_nothing_of_a_login_leaves_before_keys_and_trust() {
    both_ways(|feed| {
        let service = any(6).string("ssh-userauth").done();
        let says = [&b""[..], &[21], &service, &[52], &[51, 0, 0, 0, 0, 0], &[7, 0, 0, 0, 0], &[2, 0, 0, 0, 0], &[20]];
        for stage in STAGES {
            for message in says {
                let mut forger = stage(feed);
                forger.machine.policy.trust = Answer::Later;
                forger.forget();
                if !message.is_empty() {
                    forger.send(message);
                }
                for command in ALL {
                    let refused = forger.machine.emit(command).expect_err("nothing may leave yet");
                    assert!(matches!(refused, Refused::NotYet | Refused::Closed), "{refused:?}");
                    forger.machine.flush();
                    forger.hear();
                }
                let numbers = forger.numbers();
                assert!(numbers.iter().all(|number| matches!(number, 1 | 3 | 20 | 30)), "{numbers:?}");
            }
        }
    });
}

#[test]
fn f12_passwords_that_expire_for_ever() {
    both_ways(|feed| {
        let mut forger = plain(feed, PASSWORD);
        let change = any(60).string("expired").string("").done();
        for _ in 0..16 {
            forger.send(&change);
            forger
                .machine
                .emit(|ssh, output| ssh.change_password(b"user", b"old", b"new", output))
                .expect("may be sent");
            forger.hear();
            forger.lives(&["expired"], &[50]);
        }
        forger.send(&change);
        forger.fatal(Error::Denied, &[]);
    });
}

#[test]
fn f14_success_or_failure_again() {
    both_ways(|feed| {
        for message in [vec![52], failure("password", 0), prompts(1), any(53).string("x").string("").done()] {
            let mut forger = Forger::<Client>::new(feed).authenticated();
            forger.send(&message);
            forger.fatal(Violation::Unexpected(message[0]).into(), &[]);
        }
    });
}

/// Not a row: no request leaves while another is open, or after the login.
#[test]
fn requests_one_at_a_time() {
    both_ways(|feed| {
        for first in ALL {
            for second in ALL {
                let mut forger = plain(feed, first);
                assert_eq!(forger.machine.emit(second), Err(Refused::NotYet));
                forger.hear();
                forger.lives(&[], &[]);
            }
            let mut forger = Forger::<Client>::new(feed).authenticated();
            assert_eq!(forger.machine.emit(first), Err(Refused::NotYet));
            forger.hear();
            forger.lives(&[], &[]);
        }
    });
}
