//! Logins between two connections in memory (RFC 4252, RFC 4256): by key, by password, by prompts, in part, and what a
//! success says about who earned it.

use sanssh_core::algorithm::HostKey;
use sanssh_core::auth::{Method, MethodSet};
use sanssh_core::crypto::fast::Fast;
use sanssh_core::crypto::soft::Soft;
use sanssh_core::wire::auth::Prompt;
use sanssh_core::{Config, Error, Refused, Violation};
use sanssh_tests::pair::{Kept, Pair, Told, server_config};
use sanssh_tests::signing;

type Both = Pair<Fast, Soft>;

/// A pair past its first keys, whose server leaves attempts to the test.
fn keyed(client: Config, server: Config) -> Both {
    let mut pair = Both::new(client, server);
    pair.run();
    pair.server.keeps = true;
    forget(&mut pair);
    pair
}

fn forget(pair: &mut Both) {
    pair.client.told.clear();
    pair.server.told.clear();
}

/// What both were told of the login since the last time.
fn words(pair: &mut Both) -> (Vec<String>, Vec<String>) {
    let login = |told: Vec<Told>| {
        let words = told.into_iter().map(|told| if let Told::Login(text) = told { text } else { format!("{told:?}") });
        words.collect()
    };
    (login(pair.client.take_told()), login(pair.server.take_told()))
}

fn grant(pair: &mut Both) {
    let Kept::Attempt(ask) = pair.server.take_kept() else { panic!("an attempt") };
    pair.server.ssh.grant(ask);
    pair.run();
}

fn refuse(pair: &mut Both) {
    let Kept::Attempt(ask) = pair.server.take_kept() else { panic!("an attempt") };
    pair.server.ssh.refuse(ask);
    pair.run();
}

/// Asks these questions, one echo for all.
fn prompt(pair: &mut Both, texts: &[&str]) {
    let Kept::Attempt(ask) = pair.server.take_kept() else { panic!("an attempt") };
    let prompts: Vec<_> = texts.iter().map(|text| Prompt { text: text.as_bytes(), echo: false }).collect();
    pair.server.emit(|ssh, output| ssh.prompt(&ask, b"name", b"do", &prompts, output)).expect("prompts");
    pair.run();
}

fn sign_in(pair: &mut Both, algorithm: HostKey) {
    let key = signing::key(algorithm);
    let message = pair.client.ssh.signing_message(b"user", algorithm, key.public()).expect("there is a session");
    let signature = key.sign(algorithm, message.as_bytes()).expect("the key signs");
    let sent = pair.client.emit(|ssh, output| ssh.public_key(b"user", algorithm, key.public(), &signature, output));
    sent.expect("the signature may be sent");
    pair.run();
}

#[test]
fn every_type_of_key_logs_in() {
    for &algorithm in signing::ALGORITHMS {
        let mut pair = keyed(Config::default(), server_config());
        sign_in(&mut pair, algorithm);
        grant(&mut pair);
        let (client, server) = words(&mut pair);
        assert_eq!(client, ["accepted true"], "{algorithm}");
        assert_eq!(server, ["attempt PublicKey true"], "{algorithm}");
    }
}

#[test]
fn every_type_of_key_is_asked_about_and_then_signs() {
    for &algorithm in signing::ALGORITHMS {
        let mut pair = keyed(Config::default(), server_config());
        let key = signing::key(algorithm);
        pair.client.emit(|ssh, output| ssh.probe(b"user", algorithm, key.public(), output)).expect("a probe");
        pair.run();
        let Kept::Probe(ask, asked, blob) = pair.server.take_kept() else { panic!("a probe") };
        assert_eq!((asked, &blob[..]), (algorithm, key.public()));
        pair.server.emit(|ssh, output| ssh.acceptable(&ask, asked, &blob, output)).expect("PK_OK");
        pair.run();
        assert_eq!(words(&mut pair).0, ["key accepted"]);
        sign_in(&mut pair, algorithm);
        grant(&mut pair);
        assert_eq!(words(&mut pair).0, ["accepted true"]);
    }
}

/// OpenSSH PROTOCOL §3.1.
#[test]
fn a_login_may_name_the_host_s_key() {
    for &algorithm in signing::ALGORITHMS {
        let mut pair = keyed(Config::default(), server_config());
        assert!(pair.client.ssh.is_hostbound(), "the server says so");
        let (key, host) = (signing::key(algorithm), pair.host_key.public().to_vec());
        let other = signing::key(HostKey::EcdsaP256).public().to_vec();
        let message = |host: &[u8]| pair.client.ssh.signing_message_bound(b"user", algorithm, key.public(), host);
        assert_eq!(message(&other).err(), Some(Refused::WrongKey));
        let message = message(&host).expect("there is a session");
        let signature = key.sign(algorithm, message.as_bytes()).expect("the key signs");
        let public = key.public();
        let mut send = |host: &[u8]| {
            pair.client.emit(|ssh, output| ssh.public_key_bound(b"user", algorithm, public, host, &signature, output))
        };
        assert_eq!(send(&other), Err(Refused::WrongKey));
        send(&host).expect("the signature may be sent");
        pair.run();
        grant(&mut pair);
        assert_eq!(words(&mut pair).0, ["accepted true"], "{algorithm}");
    }
}

#[test]
fn a_key_that_will_not_do_is_refused_before_it_signs() {
    let mut pair = keyed(Config::default(), server_config());
    let key = signing::key(HostKey::Ed25519);
    pair.client.emit(|ssh, output| ssh.probe(b"user", HostKey::Ed25519, key.public(), output)).expect("a probe");
    pair.run();
    let Kept::Probe(ask, ..) = pair.server.take_kept() else { panic!("a probe") };
    pair.server.ssh.unacceptable(ask);
    pair.run();
    assert_eq!(words(&mut pair).0, ["refused {PublicKey, Password, Interactive} false"]);
}

#[test]
fn a_wrong_signature_never_reaches_the_server() {
    let mut pair = keyed(Config::default(), server_config());
    let key = signing::key(HostKey::Ed25519);
    let signature = key.sign(HostKey::Ed25519, b"something else").expect("the key signs");
    let sent =
        pair.client.emit(|ssh, output| ssh.public_key(b"user", HostKey::Ed25519, key.public(), &signature, output));
    sent.expect("the signature may be sent");
    pair.run();
    let (client, server) = words(&mut pair);
    assert_eq!(client, ["refused {PublicKey, Password, Interactive} false"]);
    assert_eq!(server, [""; 0]);
}

#[test]
fn prompts_come_in_rounds_and_may_be_none() {
    let mut pair = keyed(Config::default(), server_config());
    pair.client.emit(|ssh, output| ssh.interactive(b"user", output)).expect("interactive");
    pair.run();
    for texts in [&["one: ", "two: ", "three: "][..], &[], &["last: "]] {
        prompt(&mut pair, texts);
        assert_eq!(words(&mut pair).0, [format!("prompts {}", texts.len())]);
    }
    grant(&mut pair);
    assert_eq!(words(&mut pair).0, ["accepted true"]);
}

#[test]
fn prompts_can_be_answered_later_and_wrongly() {
    let mut pair = keyed(Config::default(), server_config());
    pair.client.keeps = true;
    pair.client.emit(|ssh, output| ssh.interactive(b"user", output)).expect("interactive");
    pair.run();
    prompt(&mut pair, &["one: ", "two: "]);
    let Kept::Answer(ask) = pair.client.take_kept() else { panic!("prompts") };
    let short = pair.client.emit(|ssh, output| ssh.answer(&ask, &[b"right"], output));
    assert_eq!(short, Err(Refused::Moot), "two questions want two answers");
    pair.client.emit(|ssh, output| ssh.answer(&ask, &[b"right", b"wrong"], output)).expect("answers");
    pair.run();
    refuse(&mut pair);
    let (client, server) = words(&mut pair);
    assert_eq!(client, ["prompts 2", "refused {PublicKey, Password, Interactive} false"]);
    assert_eq!(server, ["attempt Interactive true", "answers false"]);
}

#[test]
fn rounds_of_prompts_have_a_limit() {
    let mut client = Config::default();
    client.login.max_rounds = 3;
    let mut pair = keyed(client, server_config());
    pair.client.emit(|ssh, output| ssh.interactive(b"user", output)).expect("interactive");
    pair.run();
    for _ in 0..4 {
        prompt(&mut pair, &[]);
    }
    assert_eq!(pair.client.over, Some(Error::Denied));
}

/// The client asks for the service and for prompts in one flight; the answers keep the order of the questions.
#[test]
fn prompts_follow_the_service_they_were_asked_of() {
    let mut pair = Both::new(Config::default(), server_config());
    while !pair.client.told.iter().any(|told| matches!(told, Told::Login(_))) {
        pair.step();
    }
    pair.client.emit(|ssh, output| ssh.interactive(b"user", output)).expect("with NEWKEYS and the service's request");
    pair.run();
    assert_eq!((pair.client.over, pair.server.over), (None, None));
    assert!(pair.client.ssh.is_logged_in());
}

#[test]
fn an_expired_password_is_changed() {
    let mut pair = keyed(Config::default(), server_config());
    pair.password("old").expect("a password");
    pair.run();
    let Kept::Attempt(ask) = pair.server.take_kept() else { panic!("an attempt") };
    pair.server.emit(|ssh, output| ssh.expire(&ask, b"too old", output)).expect("CHANGEREQ");
    pair.run();
    assert_eq!(words(&mut pair).0, ["expired"]);
    pair.client.emit(|ssh, output| ssh.change_password(b"user", b"old", b"new", output)).expect("a new password");
    pair.run();
    grant(&mut pair);
    let (client, server) = words(&mut pair);
    assert_eq!(client, ["accepted true"]);
    assert_eq!(server, ["attempt PasswordChange false"]);
}

#[test]
fn a_success_in_part_leads_to_the_next_method() {
    let mut pair = keyed(Config::default(), server_config());
    sign_in(&mut pair, HostKey::Ed25519);
    let Kept::Attempt(ask) = pair.server.take_kept() else { panic!("an attempt") };
    pair.server.ssh.partial(ask, MethodSet::EMPTY.with(Method::Password));
    pair.run();
    assert_eq!(words(&mut pair).0, ["refused {Password} true"]);
    // A method that is not on offer any more is no attempt.
    sign_in(&mut pair, HostKey::Ed25519);
    assert_eq!(words(&mut pair), (vec!["refused {Password} false".into()], vec![]));
    pair.password("right").expect("a password");
    pair.run();
    grant(&mut pair);
    let (client, server) = words(&mut pair);
    assert_eq!(client, ["accepted true"]);
    assert_eq!(server, ["attempt Password false"]);
}

#[test]
fn a_banner_comes_before_the_answer() {
    let mut pair = keyed(Config::default(), server_config());
    pair.password("right").expect("a password");
    pair.run();
    pair.server.emit(|ssh, output| ssh.banner(b"welcome\n", output)).expect("a banner");
    grant(&mut pair);
    assert_eq!(words(&mut pair).0, ["banner welcome\n", "accepted true"]);
    let late = pair.server.emit(|ssh, output| ssh.banner(b"late", output));
    assert_eq!(late, Err(Refused::NotYet), "the login is over");
}

/// The answer that is owed leaves first, and after SUCCESS there is no place for a banner (RFC 4252 §5.4).
#[test]
fn a_banner_never_follows_the_success() {
    let mut pair = keyed(Config::default(), server_config());
    pair.password("right").expect("a password");
    pair.run();
    let Kept::Attempt(ask) = pair.server.take_kept() else { panic!("an attempt") };
    pair.server.ssh.grant(ask);
    let late = pair.server.emit(|ssh, output| ssh.banner(b"late", output));
    assert_eq!(late, Err(Refused::NotYet));
    pair.run();
    assert_eq!(words(&mut pair).0, ["accepted true"]);
    assert_eq!((pair.client.over, pair.server.over), (None, None));
}

#[test]
fn password_changes_asked_for_have_a_limit() {
    let mut server = server_config();
    server.login.max_rounds = 2;
    let mut pair = keyed(Config::default(), server);
    for _ in 0..3 {
        pair.password("old").expect("a password");
        pair.run();
        let Kept::Attempt(ask) = pair.server.take_kept() else { panic!("an attempt") };
        pair.server.emit(|ssh, output| ssh.expire(&ask, b"too old", output)).expect("CHANGEREQ");
        pair.run();
    }
    assert_eq!(pair.server.over, Some(Error::Denied));
}

/// RFC 4252 §5.4: a banner belongs to the authentication protocol, which starts when its service is asked for.
#[test]
fn a_banner_waits_for_the_service() {
    let mut pair = Both::new(Config::default(), server_config());
    while !pair.server.told.iter().any(|told| matches!(told, Told::Login(text) if text.starts_with("sign"))) {
        pair.step();
    }
    let early = pair.server.emit(|ssh, output| ssh.banner(b"early", output));
    assert_eq!(early, Err(Refused::NotYet), "nobody asked for the service yet");
    pair.run();
    assert_eq!((pair.client.over, pair.server.over), (None, None));
    pair.server.emit(|ssh, output| ssh.banner(b"now", output)).expect("the service was asked for");
    pair.run();
    assert!(words(&mut pair).0.contains(&"banner now".into()));
}

#[test]
fn success_for_nothing_is_not_earned() {
    let mut config = server_config();
    config.login.methods = config.login.methods.with(Method::None);
    let mut pair = keyed(Config::default(), config.clone());
    pair.client.emit(|ssh, output| ssh.login_none(b"user", output)).expect("none");
    pair.run();
    grant(&mut pair);
    let (client, server) = words(&mut pair);
    assert_eq!(client, ["accepted false"]);
    assert_eq!(server, ["attempt None true"]);

    let mut client = Config::default();
    client.login.require_credential = true;
    let mut pair = keyed(client, config);
    pair.client.emit(|ssh, output| ssh.login_none(b"user", output)).expect("none");
    pair.run();
    grant(&mut pair);
    assert_eq!(pair.client.over, Some(Error::Violation(Violation::Unearned)));
}

#[test]
fn none_tells_the_methods_for_free_once() {
    let mut config = server_config();
    config.login.max_attempts = 2;
    let mut pair = keyed(Config::default(), config);
    for _ in 0..2 {
        pair.client.emit(|ssh, output| ssh.login_none(b"user", output)).expect("none");
        pair.run();
        assert_eq!(words(&mut pair).0, ["refused {PublicKey, Password, Interactive} false"]);
    }
    pair.password("wrong").expect("a password");
    pair.run();
    refuse(&mut pair);
    assert_eq!(pair.server.over, Some(Error::Denied));
}
