//! Recordings without what logs somebody in: they replay, and nothing in them depends on it but for its length.

use super::{Serving, Tapes, replay, says, text};
use sanssh_core::crypto::fast::Fast;
use sanssh_core::replay::{Script, Unredacted, What, bless, hex, redact};
use sanssh_std::core::auth::{Method, MethodSet};
use sanssh_std::core::config::Login;
use sanssh_std::{Client, Options, ServerConfig};

const METHODS: [Method; 2] = [Method::Password, Method::Interactive];

fn server(tapes: Option<&Tapes>) -> Serving {
    let mut config = ServerConfig { record: tapes.map(Tapes::record), ..ServerConfig::default() };
    config.core.login = Login { methods: METHODS.into_iter().collect::<MethodSet>(), ..config.core.login };
    Serving::start(config)
}

fn recorded(login: impl FnOnce(&Client)) -> Script {
    let serving = server(None);
    let tapes = Tapes::default();
    let client = serving.connect(&Options { record: Some(tapes.record()), ..Options::default() });
    login(&client);
    super::echo_to(&client, &text(3000), 3);
    drop(client);
    tapes.script()
}

/// No piece of the word, not even of a few bytes, in any form that a recording has.
fn holds(script: &Script, secret: &str) -> bool {
    let written = script.write();
    let secret = secret.as_bytes().windows(4);
    secret.filter_map(|piece| core::str::from_utf8(piece).ok()).any(|piece| {
        let found = written.find(&hex(piece.as_bytes())).or_else(|| written.find(piece));
        found.inspect(|at| println!("{piece}: {}", &written[at - 50..at + 50])).is_some()
    })
}

#[test]
fn a_password_is_gone_and_the_session_replays() {
    const SECRET: &str = "Gx7#qvJzkW PxhYBQ~";
    let script = recorded(|client| client.login_password("me", SECRET).unwrap().accepted().unwrap());
    assert!(holds(&script, SECRET));
    let redacted = redact::<Fast>(&script).unwrap();
    assert!(redacted.redacted && !holds(&redacted, SECRET));
    assert_eq!(says(&redacted, "******************"), 1);
    assert_eq!(redacted.steps.len(), script.steps.len());
    replay(&redacted);
    let again = Script::read(&redacted.write()).unwrap();
    assert!(again.redacted && redact::<Fast>(&again).unwrap().write() == again.write(), "twice is as good as once");
}

/// The session as it would have been with another password: nothing but its length is left of either.
#[test]
fn of_two_passwords_the_same_is_left() {
    let one = recorded(|client| client.login_password("me", "SJmDsoVHS").unwrap().accepted().unwrap());
    let text = one.write();
    assert_eq!(text.matches("password me SJmDsoVHS").count(), 1);
    let other = Script::read(&text.replace("password me SJmDsoVHS", "password me qqqzZkWbn")).unwrap();
    let other = bless::<Fast>(&other).unwrap();
    assert!(other.write() != text && emitted(&other) != emitted(&one));
    assert_eq!(redact::<Fast>(&one).unwrap().write(), redact::<Fast>(&other).unwrap().write());
}

fn emitted(script: &Script) -> Vec<u8> {
    let emitted = script.steps.iter().filter_map(|step| {
        let (What::Flush(bytes) | What::Emit(bytes)) = &step.what else { return None };
        Some(&bytes[..])
    });
    emitted.collect::<Vec<_>>().concat()
}

#[test]
fn answers_are_gone_and_the_session_replays() {
    const SECRET: &str = "Hy8#zqXvKj wPfhGQz";
    let script = recorded(|client| {
        let login = client.login_interactive("me", |prompts| {
            assert_eq!(prompts.prompts.len(), 1);
            vec![SECRET.to_owned()]
        });
        login.unwrap().accepted().unwrap();
    });
    assert!(holds(&script, SECRET));
    let redacted = redact::<Fast>(&script).unwrap();
    assert!(!holds(&redacted, SECRET));
    replay(&redacted);
}

/// A server's client sent its password under keys that the recording gives; only the client could send another.
#[test]
fn a_server_s_recording_keeps_what_its_client_sent() {
    let tapes = Tapes::default();
    let serving = server(Some(&tapes));
    let client = serving.connect(&Options::default());
    client.login_password("me", "sVVqdfJsh").unwrap().accepted().unwrap();
    drop(client);
    drop(serving);
    let script = tapes.script();
    assert!(!holds(&script, "sVVqdfJsh"), "it is not in the words");
    replay(&script);
    assert_eq!(redact::<Fast>(&script).map(|_| ()).unwrap_err(), Unredacted::Peers);
}
