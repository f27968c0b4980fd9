//! Table E, authentication as a server: logins that lie about users, keys, signatures and answers (RFC 4252, RFC 4256,
//! RFC 8332).
//!
//! | row | not here, because |
//! |---|---|
//! | E13 | keys of security tokens are not built; E11 shows that they are refused |
//! | E17 | forced commands and addresses are the embedder's; the order of factors is here |
//! | E18 | gssapi is not built: E21 counts it as an unknown method |
//! | E26 | hostbased is not built: likewise |
//! | E30 | the host-bound form is not built: likewise |

use core::time::Duration;
use sanssh_core::algorithm::{HostKey, list};
use sanssh_core::auth::{Method, MethodSet};
use sanssh_core::file::signing::SigningKey;
use sanssh_core::role::Server;
use sanssh_core::time::Phase;
use sanssh_core::{Config, Error, Instant, Random, Seed, Violation};
use sanssh_tests::forger::{
    Answer, Feed, Forger, Question, any, blob, both_ways, channel_open, login, password, probe, signed, user,
};
use sanssh_tests::pair::server_config;

const ED25519: &str = "ssh-ed25519";

/// A machine that has granted the service, and lets key A in.
fn served(feed: Feed) -> Forger<Server> {
    served_with(feed, server_config())
}

fn served_with(feed: Feed, config: Config) -> Forger<Server> {
    let mut forger = Forger::with(feed, config).served();
    forger.machine.policy.authorized = vec![key_a().public().to_vec()];
    forger
}

fn key_a() -> SigningKey {
    SigningKey::ed25519(&[0xa; 32])
}

fn key_b() -> SigningKey {
    SigningKey::ed25519(&[0xb; 32])
}

fn p256() -> SigningKey {
    SigningKey::ecdsa_p256(&mut Random::new(&Seed::new([8; 32])))
}

/// What a login by key signs.
fn to_sign(session: &[u8], user: &str, service: &str, method: &str, algorithm: &str, key: &[u8]) -> Vec<u8> {
    let head = blob().string(session).u8(50).string(user).string(service).string(method);
    head.u8(1).string(algorithm).string(key).done()
}

fn session(forger: &Forger<Server>) -> Vec<u8> {
    forger.session.expect("a session").as_bytes().to_vec()
}

/// A sound login by key.
fn sound(forger: &Forger<Server>, user: &str, key: &SigningKey) -> Vec<u8> {
    let message = to_sign(&session(forger), user, "ssh-connection", "publickey", ED25519, key.public());
    signed(user, ED25519, key.public(), &key.sign(HostKey::Ed25519, &message).expect("a signature"))
}

/// The payload of the only FAILURE heard: its methods, and whether it was partial.
fn failure(forger: &Forger<Server>) -> (String, bool) {
    let [(_, payload)] = &forger.heard[..] else { panic!("one answer, not {:?}", forger.numbers()) };
    assert_eq!(payload[0], 51);
    let (methods, partial) = payload[5..].split_at(payload.len() - 6);
    (String::from_utf8(methods.to_vec()).expect("names"), partial != [0])
}

const ALL: &str = "publickey,password,keyboard-interactive";

/// Sends a login, which must fail without the embedder hearing of it.
fn fails(feed: Feed, message: &[u8]) {
    let mut forger = served(feed);
    forger.send(message);
    assert_eq!(forger.machine.over, None);
    assert_eq!(failure(&forger), (ALL.into(), false));
    forger.lives(&[], &[51]);
}

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
            for mut forger in [Forger::<Server>::new(feed).keyed(), served(feed)] {
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
        let long = "x".repeat(if feed == Feed::Whole { 65_536 } else { 600 });
        for service in ["ssh-connection", "none", "", "ssh-userauth\0", "SSH-USERAUTH", &long] {
            for mut forger in [Forger::<Server>::new(feed).keyed(), served(feed)] {
                forger.send(&any(5).string(service).done());
                forger.fatal(Error::NoService, &[]);
            }
        }
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
    assert_eq!(failure(&forger), ("publickey".into(), true));
    forger.machine.policy.login = Answer::Yes;
    forger.forget();
    forger
}

#[test]
fn e05_another_user_starts_from_nothing() {
    both_ways(|feed| {
        let mut forger = half_way(feed);
        forger.send(&password("b", "wrong"));
        assert_eq!(failure(&forger), (ALL.into(), false), "B sees every method");
        forger.lives(&["attempt b Password fresh"], &[51]);
        forger.send(&password("a", "wrong"));
        assert_eq!(failure(&forger), (ALL.into(), false), "and A's first factor is forgotten");
        forger.lives(&["attempt a Password fresh"], &[51]);
        // Another service is another login.
        let mut forger = half_way(feed);
        forger.send(&any(50).string("a").string("other").string("password").u8(0).string("right").done());
        assert_eq!(failure(&forger), (ALL.into(), false));
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
                let message = sound(&forger, last, &key_b());
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

#[test]
fn e06_e07_a_key_that_was_asked_about_is_not_the_one_that_signed() {
    both_ways(|feed| {
        let mut forger = served(feed);
        forger.send(&probe("user", ED25519, key_a().public()));
        forger.send(&probe("user", ED25519, key_b().public()));
        forger.lives(&["probe user ssh-ed25519", "probe user ssh-ed25519"], &[60, 51]);
        assert!(!forger.machine.ssh.is_logged_in(), "a question is no login");
        // B signs, and was not asked about last, nor may B log in.
        let message = sound(&forger, "user", &key_b());
        forger.send(&message);
        forger.lives(&["attempt user PublicKey fresh"], &[51]);
        let message = sound(&forger, "user", &key_a());
        forger.send(&message);
        forger.lives(&["attempt user PublicKey"], &[52]);
        assert!(forger.machine.ssh.is_logged_in());
    });
}

#[test]
fn e08_signatures_made_for_something_else() {
    both_ways(|feed| {
        let key = key_a();
        let (public, connection) = (key.public(), "ssh-connection");
        let session = session(&served(feed));
        let mut other = session.clone();
        other[0] ^= 1;
        let messages = [
            to_sign(&other, "user", connection, "publickey", ED25519, public),
            to_sign(b"", "user", connection, "publickey", ED25519, public),
            to_sign(&session, "root", connection, "publickey", ED25519, public),
            to_sign(&session, "user", "ssh-userauth", "publickey", ED25519, public),
            to_sign(&session, "user", connection, "hostbased", ED25519, public),
            to_sign(&session, "user", connection, "publickey", "rsa-sha2-256", public),
            to_sign(&session, "user", connection, "publickey", ED25519, key_b().public()),
            // The copy without a signature, which a probe is.
            [&blob().string(&session).done()[..], &probe("user", ED25519, public)].concat(),
            session.clone(),
            vec![],
        ];
        for message in messages {
            let signature = key.sign(HostKey::Ed25519, &message).expect("a signature");
            fails(feed, &signed("user", ED25519, public, &signature));
        }
        // The sound one, as a control.
        let mut forger = served(feed);
        let message = sound(&forger, "user", &key);
        forger.send(&message);
        forger.lives(&["attempt user PublicKey fresh"], &[52]);
    });
}

/// A modulus of so many bits, odd.
fn rsa(bits: usize) -> Vec<u8> {
    blob().string("ssh-rsa").string([1, 0, 1]).string([&[0, 0x80][..], &vec![0x9d; bits / 8 - 1]].concat()).done()
}

#[test]
fn e09_keys_and_signatures_under_wrong_names() {
    both_ways(|feed| {
        let key = key_a();
        let inner = |name: &str| blob().string(name).string([5; 64]).done();
        for algorithm in ["rsa-sha2-256", "rsa-sha2-512", "ecdsa-sha2-nistp256"] {
            fails(feed, &probe("user", algorithm, key.public()));
            fails(feed, &signed("user", algorithm, key.public(), &inner(algorithm)));
        }
        fails(feed, &probe("user", ED25519, &rsa(2048)));
        fails(feed, &probe("user", ED25519, p256().public()));
        for name in ["rsa-sha2-256", "ssh-rsa", "", "ssh-ed25519\0"] {
            fails(feed, &signed("user", ED25519, key.public(), &inner(name)));
        }
        let of_rsa = |name: &str| blob().string(name).string([5; 256]).done();
        for (algorithm, name) in [("rsa-sha2-256", "ssh-rsa"), ("rsa-sha2-512", "rsa-sha2-256"), ("ssh-rsa", "ssh-rsa")]
        {
            fails(feed, &signed("user", algorithm, &rsa(2048), &of_rsa(name)));
        }
    });
}

#[test]
fn e10_algorithms_that_are_not_allowed() {
    both_ways(|feed| {
        let mut config = server_config();
        config.preferences.user_keys = list(&[HostKey::EcdsaP256]);
        let point = |curve: &str, length: usize| {
            blob()
                .string(format!("ecdsa-sha2-{curve}"))
                .string(curve)
                .string([&[4][..], &vec![7; length]].concat())
                .done()
        };
        let keys = [
            ("ecdsa-sha2-nistp384", point("nistp384", 96)),
            ("ecdsa-sha2-nistp521", point("nistp521", 132)),
            ("ecdsa-sha2-nistp384-cert-v01@openssh.com", point("nistp384", 96)),
            ("ecdsa-sha2-nistp256-cert-v01@openssh.com", p256().public().to_vec()),
            ("ecdsa-sha2-nistp256", point("nistp384", 96)),
            (ED25519, key_a().public().to_vec()),
        ];
        for (algorithm, key) in keys {
            let mut forger = served_with(feed, config.clone());
            forger.send(&probe("user", algorithm, &key));
            forger.send(&signed("user", algorithm, &key, &blob().string(algorithm).string([1; 64]).done()));
            forger.lives(&[], &[51, 51]);
        }
        let mut forger = served_with(feed, config);
        forger.send(&probe("user", "ecdsa-sha2-nistp256", p256().public()));
        forger.lives(&["probe user ecdsa-sha2-nistp256"], &[51]);
    });
}

#[test]
fn e11_malformed_keys() {
    both_ways(|feed| {
        let ed = |length: usize| blob().string(ED25519).string(vec![1; length]).done();
        let ec = |point: &[u8]| blob().string("ecdsa-sha2-nistp256").string("nistp256").string(point).done();
        let sk = "sk-ssh-ed25519@openssh.com";
        let keys = [
            (ED25519, ed(0)),
            (ED25519, ed(31)),
            (ED25519, ed(33)),
            (ED25519, [ed(32), vec![0]].concat()),
            (ED25519, vec![]),
            (ED25519, blob().string(ED25519).u32(u32::MAX).done()),
            (sk, blob().string(sk).string([1; 32]).done()),
            ("ecdsa-sha2-nistp256", ec(&[])),
            ("ecdsa-sha2-nistp256", ec(&[2; 33])),
            ("ecdsa-sha2-nistp256", ec(&[&[5][..], &[1; 64]].concat())),
            ("ecdsa-sha2-nistp256", ec(&[&[4][..], &[1; 63]].concat())),
        ];
        for (algorithm, key) in keys {
            fails(feed, &probe("user", algorithm, &key));
            fails(feed, &signed("user", algorithm, &key, &blob().string(algorithm).string([1; 64]).done()));
        }
        // Off the curve: the point has the right length, and no signature verifies under it.
        let numbers = blob().string([1]).string([1]).done();
        let signature = blob().string("ecdsa-sha2-nistp256").string(numbers).done();
        let off = ec(&[&[4][..], &[1; 64]].concat());
        fails(feed, &signed("user", "ecdsa-sha2-nistp256", &off, &signature));
        fails(feed, &signed("user", ED25519, &ed(32), &blob().string(ED25519).string([1; 64]).done()));
    });
}

#[test]
fn e12_monstrous_keys() {
    let started = std::time::Instant::now();
    for bits in [1024, 16_392, 1_000_000] {
        for algorithm in ["rsa-sha2-256", "rsa-sha2-512", "ssh-rsa", "ssh-dss", ED25519] {
            fails(Feed::Whole, &probe("user", algorithm, &rsa(bits)));
            let signature = blob().string(algorithm).string(vec![3; bits / 8]).done();
            fails(Feed::Whole, &signed("user", algorithm, &rsa(bits), &signature));
        }
    }
    assert!(started.elapsed() < Duration::from_secs(5), "30 connections took {:?}", started.elapsed());
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

/// The embedder's late answer to a question that the client has left does nothing. (The machine does not read on while
/// a question is open, so only another connection's token, or one used up, can be late.)
#[test]
fn e16_an_answer_to_another_machine() {
    both_ways(|feed| {
        let mut one = served_with(feed, Config { software: "one", ..server_config() });
        one.machine.policy.login = Answer::Later;
        one.send(&password("user", "wrong"));
        let mut two = half_way(feed);
        two.machine.policy.login = Answer::Later;
        two.send(&password("b", "right"));
        two.lives(&["attempt b Password fresh"], &[]);
        let ask = question(&mut two);
        two.machine.ssh.refuse(ask);
        two.machine.pump();
        two.hear();
        two.lives(&[], &[51]);
        one.lives(&["attempt user Password fresh"], &[]);
    });
}

#[test]
fn e17_two_factors_in_any_order_for_one_user() {
    both_ways(|feed| {
        let mut forger = half_way(feed);
        // The method that is done is no longer offered, nor taken.
        forger.send(&password("a", "right"));
        assert_eq!(failure(&forger), ("publickey".into(), false));
        forger.lives(&[], &[51]);
        let message = sound(&forger, "a", &key_a());
        forger.send(&message);
        forger.lives(&["attempt a PublicKey"], &[52]);
        // Somebody else in between voids the first factor, and the embedder is told.
        let mut forger = half_way(feed);
        forger.send(&password("b", "wrong"));
        forger.forget();
        let message = sound(&forger, "a", &key_b());
        forger.send(&message);
        forger.lives(&["attempt a PublicKey fresh"], &[51]);
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
        for message in [password("root", "right"), user("root"), any(50).done(), sound(&forger, "root", &key_a())] {
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
                sound(&forger, user, &key_b()),
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
        for length in [256, 65_536] {
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
        let message = sound(&forger, "user", &key_a());
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

#[test]
fn e28_keys_that_are_something_else() {
    both_ways(|feed| {
        let things = [
            "/etc/ssh/ssh_host_ed25519_key.pub",
            "https://example.org/key",
            "-----BEGIN PUBLIC KEY-----\nMCowBQ==\n-----END PUBLIC KEY-----\n",
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA",
        ];
        for thing in things {
            fails(feed, &probe("user", ED25519, thing.as_bytes()));
            fails(feed, &signed("user", ED25519, thing.as_bytes(), b"x"));
        }
    });
}

#[test]
fn e29_the_flag_of_a_signature() {
    both_ways(|feed| {
        let key = key_a();
        let head = |flag: u8| login("user", "publickey").u8(flag).string(ED25519).string(key.public());
        let message = to_sign(&session(&served(feed)), "user", "ssh-connection", "publickey", ED25519, key.public());
        let signature = key.sign(HostKey::Ed25519, &message).expect("a signature");
        for message in [
            head(1).done(),
            head(2).done(),
            head(2).string(&signature).done(),
            head(255).string(&signature).done(),
            head(0).string(&signature).done(),
            head(0).u8(0).done(),
            head(1).string(&signature).u8(0).done(),
            head(1).string([&signature[..], &[0]].concat()).done(),
            head(1).string(&signature[..signature.len() - 1]).done(),
            head(1).string("").done(),
            login("user", "publickey").done(),
            login("user", "publickey").u8(1).done(),
        ] {
            fails(feed, &message);
        }
    });
}
