//! Table E, authentication as a server: logins that lie about users, services, methods and answers (RFC 4252, RFC 4256).
//! `hostile_keys` has the rows of logins by key, `hostile_factors` those of hosts that vouch for users and of several
//! methods, `std_factors` what the driver's server makes of all of them.

use core::time::Duration;
use sanssh_core::auth::{Method, MethodSet};
use sanssh_core::role::Server;
use sanssh_core::time::Phase;
use sanssh_core::{Error, Instant, Violation};
use sanssh_tests::forger::{
    Answer, ED25519, Feed, Forger, METHODS, Question, any, blob, both_ways, channel_open, fails, key_a, key_b, login,
    password, probe, served, served_with, signed, user,
};
use sanssh_tests::pair::server_config;

/// Before the service is granted, and after.
const STAGES: [fn(Feed) -> Forger<Server>; 2] = [|feed| Forger::new(feed).keyed(), served];

#[test]
fn e01_channels_before_the_login() {
    both_ways(|feed| {
        let known = [
            channel_open(0, 1 << 20, 1 << 15),
            any(98).u32(0).string("exec").u8(1).string("id").done(),
            any(98).u32(0).string("env").u8(1).string("A").string("b").done(),
            any(98).u32(0).string("pty-req").u8(1).string("x").u32(1).u32(1).u32(1).u32(1).string("").done(),
            any(80).string("tcpip-forward").u8(1).string("").u32(22).done(),
        ];
        for message in known.into_iter().chain((80..128).map(|number| any(number).u32(0).done())) {
            for stage in STAGES {
                let mut forger = stage(feed);
                forger.send(&message);
                forger.fatal(Violation::Unexpected(message[0]).into(), &[]);
            }
        }
    });
}

#[test]
fn e02_a_client_that_plays_the_server() {
    both_ways(|feed| {
        let messages = [
            vec![52],
            any(51).string("password").u8(0).done(),
            any(53).string("hello").string("").done(),
            any(60).string(ED25519).string(key_a().public()).done(),
            any(60).string("").string("").string("").u32(0).done(),
        ];
        for message in messages {
            let mut forger = served(feed);
            forger.send(&message);
            assert!(!forger.machine.ssh.is_logged_in());
            forger.fatal(Violation::Unexpected(message[0]).into(), &[]);
        }
    });
}

#[test]
fn e03_services_that_are_none() {
    both_ways(|feed| {
        let mut forger = Forger::<Server>::new(feed).keyed();
        forger.send(&password("user", "right"));
        forger.fatal(Violation::Unexpected(50).into(), &[]);
        let long = "x".repeat(if feed == Feed::Whole { 30_000 } else { 600 });
        for service in ["ssh-connection", "none", "", "ssh-userauth\0", "SSH-USERAUTH", &long] {
            for stage in STAGES {
                let mut forger = stage(feed);
                forger.send(&any(5).string(service).done());
                forger.fatal(Error::NoService, &[]);
            }
        }
        // Before the login the cap on packets lets in no more.
        let mut forger = Forger::<Server>::new(Feed::Whole).keyed();
        forger.send(&any(5).string("x".repeat(65_536)).done());
        forger.fatal(Error::Malformed(None), &[]);
    });
}

#[test]
fn e04_a_login_for_another_service() {
    both_ways(|feed| {
        for service in ["ssh-userauth", "", "ssh-connection\0", "sftp"] {
            fails(feed, &any(50).string("user").string(service).string("password").u8(0).string("right").done());
        }
    });
}

/// Takes the open question of a login.
fn question(forger: &mut Forger<Server>) -> sanssh_core::Ask<sanssh_core::event::Attempt> {
    match forger.machine.held.pop() {
        Some(Question::Attempt(ask)) => ask,
        other => panic!("an attempt, not {other:?}"),
    }
}

/// User A's password is right and a key is wanted besides.
fn half_way(feed: Feed) -> Forger<Server> {
    let mut forger = served(feed);
    forger.machine.policy.login = Answer::Later;
    forger.send(&password("a", "right"));
    let ask = question(&mut forger);
    forger.machine.ssh.partial(ask, MethodSet::PUBLIC_KEY);
    forger.machine.pump();
    forger.hear();
    assert_eq!(forger.failure(), ("publickey".into(), true));
    forger.machine.policy.login = Answer::Yes;
    forger.forget();
    forger
}

#[test]
fn e05_another_user_starts_from_nothing() {
    both_ways(|feed| {
        let mut forger = half_way(feed);
        forger.send(&password("b", "wrong"));
        assert_eq!(forger.failure(), (METHODS.into(), false), "B sees every method");
        forger.lives(&["attempt b Password fresh"], &[51]);
        forger.send(&password("a", "wrong"));
        assert_eq!(forger.failure(), (METHODS.into(), false), "and A's first factor is forgotten");
        forger.lives(&["attempt a Password fresh"], &[51]);
        // Another service is another login.
        let mut forger = half_way(feed);
        forger.send(&any(50).string("a").string("other").string("password").u8(0).string("right").done());
        assert_eq!(forger.failure(), (METHODS.into(), false));
    });
}

/// Requests that are no attempts, or fail before the embedder hears of them, change the user all the same: the next
/// attempt says so, or a first factor of A would serve B.
#[test]
fn e05_another_user_by_a_request_that_is_no_attempt() {
    both_ways(|feed| {
        for quiet in [
            probe("b", ED25519, key_a().public()),
            user("b"),
            password("b", ""),
            any(50).string("a").string("other").string("none").done(),
        ] {
            for last in ["a", "b"] {
                let mut forger = half_way(feed);
                forger.send(&quiet);
                forger.forget();
                let message = forger.sound_login(last, &key_b());
                forger.send(&message);
                forger.lives(&[&format!("attempt {last} PublicKey fresh")], &[51]);
            }
        }
    });
}

#[test]
fn e05_an_open_round_is_void_for_another_user() {
    both_ways(|feed| {
        let mut forger = served(feed);
        forger.send(&login("a", "keyboard-interactive").string("").string("").done());
        forger.lives(&["attempt a Interactive fresh"], &[60]);
        forger.send(&password("b", "wrong"));
        forger.lives(&["attempt b Password fresh"], &[51]);
        forger.send(&any(61).u32(1).string("right").done());
        forger.fatal(Violation::Unexpected(61).into(), &[]);
    });
}

/// A machine that has asked one question.
fn prompted(feed: Feed) -> Forger<Server> {
    let mut forger = served(feed);
    forger.send(&login("user", "keyboard-interactive").string("").string("").done());
    forger.lives(&["attempt user Interactive fresh"], &[60]);
    forger
}

#[test]
fn e14_answers_that_do_not_fit() {
    both_ways(|feed| {
        let answers = [
            any(61).u32(u32::MAX).done(),
            any(61).u32(u32::MAX).string("right").done(),
            any(61).u32(0).done(),
            any(61).u32(2).string("right").string("right").done(),
            any(61).u32(1).done(),
            any(61).u32(1).string("right").u8(0).done(),
            any(61).u32(1).u32(u32::MAX).raw(b"right").done(),
            any(61).done(),
        ];
        for answer in answers {
            let mut forger = prompted(feed);
            forger.send(&answer);
            forger.fatal(Error::Malformed(Some(61)), &[]);
        }
    });
}

#[test]
fn e15_answers_that_nobody_asked_for() {
    both_ways(|feed| {
        let answer = any(61).u32(1).string("right").done();
        let mut forger = served(feed);
        forger.send(&answer);
        forger.fatal(Violation::Unexpected(61).into(), &[]);
        let mut forger = prompted(feed);
        forger.send(&any(61).u32(1).string("wrong").done());
        forger.lives(&["answers 1"], &[51]);
        forger.send(&answer);
        forger.fatal(Violation::Unexpected(61).into(), &[]);
    });
}

#[test]
fn e16_answers_to_a_question_that_was_left() {
    both_ways(|feed| {
        let mut forger = prompted(feed);
        forger.send(&probe("user", ED25519, key_b().public()));
        forger.send(&password("user", "wrong"));
        forger.lives(&["probe user ssh-ed25519", "attempt user Password"], &[51, 51]);
        forger.send(&any(61).u32(1).string("right").done());
        forger.fatal(Violation::Unexpected(61).into(), &[]);
    });
}

/// The embedder's answer to a question that is not the open one does nothing. (While a question is open the machine
/// reads nothing, so a token can only be late if it is another connection's.)
#[test]
fn e16_an_answer_to_a_question_that_is_not_open() {
    both_ways(|feed| {
        let mut other = served(feed);
        other.machine.policy.login = Answer::Later;
        other.send(&password("user", "right"));
        let stray = question(&mut other);
        let mut forger = half_way(feed);
        forger.machine.policy.login = Answer::Later;
        forger.send(&password("b", "wrong"));
        forger.machine.ssh.grant(stray);
        forger.machine.pump();
        forger.hear();
        forger.lives(&["attempt b Password fresh"], &[]);
        assert!(!forger.machine.ssh.is_logged_in());
        let ask = question(&mut forger);
        forger.machine.ssh.refuse(ask);
        forger.machine.pump();
        forger.hear();
        forger.lives(&[], &[51]);
    });
}

#[test]
fn e17_two_factors_in_any_order_for_one_user() {
    both_ways(|feed| {
        let mut forger = half_way(feed);
        // The method that is done is no longer offered, nor taken.
        forger.send(&password("a", "right"));
        assert_eq!(forger.failure(), ("publickey".into(), false));
        forger.lives(&[], &[51]);
        let message = forger.sound_login("a", &key_a());
        forger.send(&message);
        forger.lives(&["attempt a PublicKey"], &[52]);
        // Somebody else in between voids the first factor, and the embedder is told.
        let mut forger = half_way(feed);
        forger.send(&password("b", "wrong"));
        forger.forget();
        let message = forger.sound_login("a", &key_b());
        forger.send(&message);
        forger.lives(&["attempt a PublicKey fresh"], &[51]);
    });
}

/// Nobody handles gssapi, so what it says is not even read.
#[test]
fn e18_gssapi_fails_whatever_it_says() {
    both_ways(|feed| {
        let krb5 = b"\x06\x09\x2a\x86\x48\x86\xf7\x12\x01\x02\x02";
        for method in ["gssapi-with-mic", "gssapi-keyex", "gssapi"] {
            for fields in [
                blob().done(),
                blob().u32(u32::MAX).done(),
                blob().u32(0).done(),
                blob().u32(1).string(krb5).done(),
                blob().u32(1).string(b"\x06\x7f\x2a").done(),
                blob().u32(1).u32(u32::MAX).raw(krb5).done(),
                blob().u32(2).string(krb5).done(),
                blob().string([1; 28]).done(),
            ] {
                fails(feed, &login("user", method).raw(&fields).done());
            }
        }
        // No token, hash or end of its is awaited.
        let mut forger = served(feed);
        forger.send(&login("user", "gssapi-with-mic").u32(1).string(krb5).done());
        forger.lives(&[], &[51]);
        for number in 63..67 {
            forger.send(&any(number).string("token").done());
            forger.lives(&[], &[3]);
        }
        forger.send(&any(61).string("token").done());
        forger.fatal(Violation::Unexpected(61).into(), &[]);
    });
}

#[test]
fn e19_odd_passwords() {
    both_ways(|feed| {
        let change = |old: &str, new: &str| login("user", "password").u8(1).string(old).string(new).done();
        for message in [
            change("right", "new"),
            change("", ""),
            login("user", "password").u8(1).string("right").done(),
            login("user", "password").u8(0).string("right").string("new").done(),
            login("user", "password").u8(0).string("").done(),
            login("user", "password").u8(0).string("right\0").done(),
            login("user", "password").u8(0).string("\0").done(),
            login("user", "password").u8(0).done(),
            login("user", "password").done(),
        ] {
            fails(feed, &message);
        }
    });
}

#[test]
fn e20_a_login_after_the_login() {
    both_ways(|feed| {
        let mut forger = Forger::<Server>::new(feed).authenticated();
        for message in [password("root", "right"), user("root"), any(50).done(), forger.sound_login("root", &key_a())] {
            forger.send(&message);
        }
        forger.lives(&[], &[]);
        assert!(forger.machine.ssh.is_logged_in());
    });
}

#[test]
fn e21_failures_of_all_kinds_count_together() {
    both_ways(|feed| {
        let mut forger = served(feed);
        // The first `none` is how clients ask for the methods.
        let harmless =
            [user("user"), probe("user", ED25519, key_b().public()), probe("user", ED25519, key_b().public())];
        harmless.iter().for_each(|message| forger.send(message));
        assert_eq!(forger.numbers(), [51; 3]);
        let five = [
            user("user"),
            password("user", "wrong"),
            login("user", "gssapi-with-mic").u32(u32::MAX).done(),
            login("user", "hostbased").string(ED25519).string("").string("host").string("user").string("").done(),
            probe("user", "publickey-hostbound-v00@openssh.com", b"x"),
        ];
        five.iter().for_each(|message| forger.send(message));
        assert_eq!(forger.numbers(), [51; 8]);
        forger.forget();
        forger.send(&password("user", "wrong"));
        forger.fatal(Error::Denied, &["attempt user Password"]);
    });
}

#[test]
fn e21_questions_about_keys_have_a_limit_of_their_own() {
    both_ways(|feed| {
        for key in [key_a(), key_b()] {
            let mut forger = served(feed);
            for _ in 0..32 {
                forger.send(&probe("user", ED25519, key.public()));
            }
            assert_eq!(forger.machine.told.len(), 32);
            forger.forget();
            forger.send(&probe("user", ED25519, key.public()));
            forger.fatal(Error::Denied, &[]);
        }
    });
}

/// Core knows no users; that it answers by nothing but the request is what these cases show.
#[test]
fn e22_answers_do_not_depend_on_the_user() {
    both_ways(|feed| {
        let answers = |user: &str| {
            let mut forger = served(feed);
            let messages = [
                password(user, "wrong"),
                password(user, ""),
                probe(user, ED25519, key_b().public()),
                probe(user, ED25519, b"malformed"),
                forger.sound_login(user, &key_b()),
                login(user, "strange").done(),
            ];
            messages.iter().for_each(|message| forger.send(message));
            let told: Vec<String> = forger.machine.told.iter().map(|told| told.replace(user, "*")).collect();
            (forger.heard, told)
        };
        let (heard, told) = answers("root");
        assert_eq!(told, ["attempt * Password fresh", "probe * ssh-ed25519", "attempt * PublicKey"]);
        assert_eq!((heard, told), answers("nobody-of-that-name"));
    });
}

#[test]
fn e23_failures_are_withheld_for_the_same_time() {
    both_ways(|feed| {
        let bad = blob().string(ED25519).string([1; 64]).done();
        let messages = [
            password("user", "wrong"),
            password("user", ""),
            login("user", "strange").done(),
            signed("user", ED25519, key_a().public(), &bad),
            probe("user", ED25519, key_b().public()),
            probe("user", "ssh-dss", b""),
            any(50).string("user").string("strange").string("password").u8(0).string("x").done(),
        ];
        for message in messages {
            let mut config = server_config();
            config.login.failure_delay = Duration::from_secs(2);
            let mut forger = served_with(feed, config);
            forger.wait(5);
            forger.send(&message);
            assert!(forger.heard.is_empty(), "withheld");
            assert_eq!(forger.machine.ssh.deadline(), Some(Instant(7_000_000)), "and the driver is told until when");
            // What follows it is not read before.
            forger.send(&password("user", "right"));
            forger.wait(1);
            assert!(forger.heard.is_empty());
            forger.wait(1);
            assert_eq!(forger.numbers(), [51, 52]);
        }
    });
}

#[test]
fn e24_methods_that_are_none() {
    both_ways(|feed| {
        let long = "m".repeat(1024);
        for method in ["none", "", "\0", &long, "strange", "PASSWORD", "password\0", "password,publickey"] {
            fails(feed, &login("user", method).done());
            fails(feed, &login("user", method).u8(0).string("right").done());
        }
        // Nothing but what is offered is taken.
        let mut config = server_config();
        config.login.methods = MethodSet::PUBLIC_KEY;
        let mut forger = served_with(feed, config);
        forger.send(&password("user", "right"));
        forger.send(&login("user", "keyboard-interactive").string("").string("").done());
        forger.lives(&[], &[51, 51]);
        // `none` is put before the embedder only if it is offered, and fields behind it are odd.
        let mut config = server_config();
        config.login.methods = MethodSet::EMPTY.with(Method::None);
        let mut forger = served_with(feed, config);
        forger.send(&login("user", "none").u8(0).done());
        forger.send(&user("user"));
        forger.lives(&["attempt user None fresh"], &[51, 51]);
    });
}

#[test]
fn e25_odd_user_names() {
    both_ways(|feed| {
        for name in ["", "a\0b", "a\nb", "$(id)", "-oProxyCommand=x", "../../etc/passwd", "\u{fc}", &"u".repeat(255)] {
            let mut forger = served(feed);
            forger.send(&password(name, "wrong"));
            forger.lives(&[&format!("attempt {} Password fresh", name.as_bytes().escape_ascii())], &[51]);
        }
        for length in [256, 30_000] {
            let mut forger = served(if length > 1000 { Feed::Whole } else { feed });
            forger.send(&password(&"u".repeat(length), "right"));
            forger.fatal(Violation::TooLong.into(), &[]);
        }
    });
}

#[test]
fn e27_a_login_that_comes_too_late() {
    both_ways(|feed| {
        let mut forger = served(feed);
        forger.wait(100);
        forger.send(&probe("user", ED25519, key_a().public()));
        forger.lives(&["probe user ssh-ed25519"], &[60]);
        let message = forger.sound_login("user", &key_a());
        let frame = forger.line.frame(&message);
        let bytes = forger.line.seal(&frame);
        // It lies in the buffer when the time is over.
        forger.machine.input.extend(bytes);
        forger.machine.now = Instant(120_000_000);
        forger.machine.pump();
        forger.hear();
        forger.fatal(Error::TimedOut(Phase::Login), &[]);
        assert!(!forger.machine.ssh.is_logged_in());
    });
}
