//! Table E, logins by the word of a host and by several methods (RFC 4252 §5.1, §9): hosts that vouch for what they should
//! not, and factors out of turn.

use core::time::Duration;
use sanssh_core::Instant;
use sanssh_core::algorithm::HostKey;
use sanssh_core::auth::{Method, MethodSet};
use sanssh_core::event::Attempt;
use sanssh_core::file::SigningKey;
use sanssh_core::role::Server;
use sanssh_core::{Ask, Config};
use sanssh_tests::forger::{
    Answer, ED25519, Encode, Feed, Forger, Question, any, blob, both_ways, key_a, key_b, login, password, probe,
    served_with,
};
use sanssh_tests::pair::server_config;

/// What every method is called in FAILURE.
const ALL: &str = "publickey,password,keyboard-interactive,hostbased";
/// The name of the client's host, as hosts call themselves.
const HOST: &str = "client.example.";

fn config() -> Config {
    let mut config = server_config();
    config.login.methods = config.login.methods.with(Method::HostBased);
    config
}

/// The fields of a login by host, up to the signature.
fn fields(start: Encode, algorithm: &str, key: &[u8], host: &str, user: &str) -> Encode {
    start.string(algorithm).string(key).string(host).string(user)
}

/// A login by the word of a host, whose key signs what a host signs.
fn vouched(forger: &Forger<Server>, user: &str, key: &SigningKey, host: &str, host_user: &str) -> Vec<u8> {
    let head = blob().string(forger.session_bytes()).u8(50).string(user).string("ssh-connection").string("hostbased");
    let message = fields(head, ED25519, key.public(), host, host_user).done();
    let signature = key.sign(HostKey::Ed25519, &message).expect("a signature");
    fields(login(user, "hostbased"), ED25519, key.public(), host, host_user).string(signature).done()
}

#[test]
fn e26_hosts_that_vouch_for_what_they_should_not() {
    both_ways(|feed| {
        // The sound one, as a control.
        let mut forger = served_with(feed, config());
        let message = vouched(&forger, "user", &key_a(), HOST, "user");
        forger.send(&message);
        forger.lives(&["attempt user HostBased fresh"], &[52]);
        assert!(forger.machine.ssh.is_logged_in());
        // Key, host or user do not match: that is the embedder's to see, and it hears of all three.
        let (other, known) = (key_b(), key_a());
        for (user, key, host, host_user) in [
            ("user", &other, HOST, "user"),
            ("user", &known, "other.example.", "user"),
            ("user", &known, "client.example", "user"),
            ("user", &known, "CLIENT.EXAMPLE.", "user"),
            ("user", &known, HOST, "root"),
            ("root", &known, HOST, "user"),
        ] {
            let mut forger = served_with(feed, config());
            let message = vouched(&forger, user, key, host, host_user);
            forger.send(&message);
            assert_eq!(forger.failure(), (ALL.into(), false));
            forger.lives(&[&format!("attempt {user} HostBased fresh")], &[51]);
        }
    });
}

#[test]
fn e26_signatures_of_hosts_that_do_not_fit() {
    both_ways(|feed| {
        let key = key_a();
        let session = served_with(feed, config()).session_bytes();
        let mut stranger = session.clone();
        stranger[0] ^= 1;
        let head = |session: &[u8], user: &str, service: &str, method: &str| {
            blob().string(session).u8(50).string(user).string(service).string(method)
        };
        let sound = || head(&session, "user", "ssh-connection", "hostbased");
        let of = |start: Encode| fields(start, ED25519, key.public(), HOST, "user").done();
        let signed = [
            of(head(&stranger, "user", "ssh-connection", "hostbased")),
            of(head(&session, "root", "ssh-connection", "hostbased")),
            of(head(&session, "user", "ssh-userauth", "hostbased")),
            of(head(&session, "user", "ssh-connection", "publickey")),
            fields(sound(), ED25519, key_b().public(), HOST, "user").done(),
            fields(sound(), "rsa-sha2-256", key.public(), HOST, "user").done(),
            fields(sound(), ED25519, key.public(), "other.example.", "user").done(),
            fields(sound(), ED25519, key.public(), HOST, "root").done(),
            // Moving a letter from one name to the other changes their lengths, which are signed as well.
            fields(sound(), ED25519, key.public(), "client.example", ".user").done(),
            head(&session, "user", "ssh-connection", "publickey").u8(1).string(ED25519).string(key.public()).done(),
        ];
        let request = || fields(login("user", "hostbased"), ED25519, key.public(), HOST, "user");
        let mut messages: Vec<_> = signed
            .iter()
            .map(|message| request().string(key.sign(HostKey::Ed25519, message).expect("a signature")).done())
            .collect();
        // Another host's signature on the right message.
        let right = of(sound());
        messages.push(request().string(key_b().sign(HostKey::Ed25519, &right).expect("a signature")).done());
        let good = key.sign(HostKey::Ed25519, &right).expect("a signature");
        messages.extend([
            request().done(),
            request().string("").done(),
            request().string(&good[..good.len() - 1]).done(),
            request().string(&good).u8(0).done(),
            login("user", "hostbased").done(),
            fields(login("user", "hostbased"), "ssh-rsa", key.public(), HOST, "user").string(&good).done(),
            fields(login("user", "hostbased"), "strange", key.public(), HOST, "user").string(&good).done(),
            fields(login("user", "hostbased"), ED25519, b"key", HOST, "user").string(&good).done(),
            fields(login("user", "hostbased"), ED25519, key.public(), "", "user").string(&good).done(),
            fields(login("user", "hostbased"), ED25519, key.public(), HOST, "").string(&good).done(),
            fields(login("user", "hostbased"), ED25519, key.public(), &"h".repeat(256), "user").string(&good).done(),
            fields(login("user", "hostbased"), ED25519, key.public(), HOST, &"u".repeat(256)).string(&good).done(),
        ]);
        for message in messages {
            let mut forger = served_with(feed, config());
            forger.send(&message);
            assert_eq!(forger.failure(), (ALL.into(), false));
            forger.lives(&[], &[51]);
        }
    });
}

#[test]
fn e26_hosts_are_not_believed_unless_they_are_asked_for() {
    both_ways(|feed| {
        let mut forger = served_with(feed, server_config());
        let message = vouched(&forger, "user", &key_a(), HOST, "user");
        forger.send(&message);
        forger.lives(&[], &[51]);
    });
}

/// Takes the open question of a login.
fn question(forger: &mut Forger<Server>) -> Ask<Attempt> {
    match forger.machine.held.pop() {
        Some(Question::Attempt(ask)) => ask,
        other => panic!("an attempt, not {other:?}"),
    }
}

/// The host has vouched for a user, and the other methods are wanted besides.
fn half_way(feed: Feed, wanted: MethodSet) -> Forger<Server> {
    let mut forger = served_with(feed, config());
    forger.machine.policy.login = Answer::Later;
    let message = vouched(&forger, "a", &key_a(), HOST, "a");
    forger.send(&message);
    let ask = question(&mut forger);
    forger.machine.ssh.partial(ask, wanted);
    forger.machine.pump();
    forger.hear();
    forger.machine.policy.login = Answer::Yes;
    forger
}

#[test]
fn e17_a_refusal_keeps_what_a_first_factor_left() {
    both_ways(|feed| {
        let mut forger = half_way(feed, [Method::Password].into_iter().collect());
        assert_eq!(forger.failure(), ("password".into(), true));
        forger.forget();
        forger.send(&password("a", "wrong"));
        assert_eq!(forger.failure(), ("password".into(), false), "no more than before");
        forger.lives(&["attempt a Password"], &[51]);
        // A method that the first factor closed stays closed, with a credential that would do.
        let by_key = forger.sound_login("a", &key_a());
        let by_host = vouched(&forger, "a", &key_a(), HOST, "a");
        for message in [by_key, by_host, probe("a", ED25519, key_a().public())] {
            forger.send(&message);
            assert_eq!(forger.failure(), ("password".into(), false));
            forger.lives(&[], &[51]);
        }
        forger.send(&password("a", "right"));
        forger.lives(&["attempt a Password"], &[52]);
    });
}

#[test]
fn e05_e17_another_user_voids_the_word_of_a_host() {
    both_ways(|feed| {
        let mut forger = half_way(feed, [Method::Password].into_iter().collect());
        forger.forget();
        forger.send(&password("b", "wrong"));
        assert_eq!(forger.failure(), (ALL.into(), false));
        forger.forget();
        // The embedder is told that nothing counts any more.
        forger.send(&password("a", "wrong"));
        forger.lives(&["attempt a Password fresh"], &[51]);
    });
}

#[test]
fn e16_prompts_are_void_once_a_host_vouches() {
    both_ways(|feed| {
        let mut forger = served_with(feed, config());
        forger.send(&login("user", "keyboard-interactive").string("").string("").done());
        forger.forget();
        let message = vouched(&forger, "user", &key_b(), HOST, "user");
        forger.send(&message);
        forger.lives(&["attempt user HostBased"], &[51]);
        forger.send(&any(61).u32(1).string("right").done());
        forger.fatal(sanssh_core::Violation::Unexpected(61).into(), &[]);
    });
}

#[test]
fn e23_failures_by_host_are_withheld_for_the_same_time() {
    both_ways(|feed| {
        for key in [key_a(), key_b()] {
            let mut config = config();
            config.login.failure_delay = Duration::from_secs(2);
            let mut forger = served_with(feed, config);
            forger.wait(5);
            let message = vouched(&forger, "user", &key, "other.example.", "user");
            forger.send(&message);
            assert!(forger.heard.is_empty(), "withheld");
            assert_eq!(forger.machine.ssh.deadline(), Some(Instant(7_000_000)));
            forger.wait(2);
            assert_eq!(forger.numbers(), [51]);
        }
    });
}

#[test]
fn e21_words_of_hosts_count_as_attempts() {
    both_ways(|feed| {
        let mut forger = served_with(feed, config());
        let message = vouched(&forger, "user", &key_b(), HOST, "user");
        for _ in 0..5 {
            forger.send(&message);
        }
        assert_eq!(forger.numbers(), [51; 5]);
        forger.forget();
        forger.send(&message);
        forger.fatal(sanssh_core::Error::Denied, &["attempt user HostBased"]);
    });
}
