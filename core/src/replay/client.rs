//! What only a client has in a recording: the host key's and the login's events, and the calls that answer them.

use super::machine::{Answered, Asks, Machine, Played};
use super::script::Side;
use super::words::{algorithm, bytes, listed, method_words, show, with_forward};
use crate::auth::{ClientHost, client};
use crate::channel::ForwardId;
use crate::crypto::Provider;
use crate::file::public::fingerprint;
use crate::role::Client;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

#[expect(private_interfaces, reason = "see the trait")]
impl Played for Client {
    const SIDE: Side = Side::Client;

    fn words(event: &client::Event<'_>) -> String {
        match event {
            client::Event::HostKey { algorithm, key, .. } => format!("host-key {algorithm} {}", fingerprint(key)),
            client::Event::Banner(text) => format!("banner {}", show(text)),
            client::Event::Refused { methods, partial } => {
                format!("refused {} partial={partial}", method_words(*methods))
            }
            client::Event::KeyAccepted => "key-accepted".into(),
            client::Event::Prompts { name, instruction, prompts, .. } => {
                let prompts = prompts.iter().map(|prompt| format!(" {} echo={}", show(prompt.text), prompt.echo));
                format!("prompts {} {}{}", show(name), show(instruction), prompts.collect::<String>())
            }
            client::Event::PasswordExpired { prompt } => format!("password-expired {}", show(prompt)),
            client::Event::Accepted { earned } => format!("accepted earned={earned}"),
            client::Event::HostKeys(keys) => format!("host-keys{}", listed(*keys)),
            client::Event::Proofs(signatures) => format!("proofs{}", signatures.map_or_else(String::new, listed)),
        }
    }

    fn keep(asks: &mut Asks, event: client::Event<'_>) {
        match event {
            client::Event::HostKey { ask, .. } => asks.trust = Some(ask),
            client::Event::Prompts { ask, .. } => asks.answer = Some(ask),
            client::Event::Banner(_)
            | client::Event::Refused { .. }
            | client::Event::KeyAccepted
            | client::Event::PasswordExpired { .. }
            | client::Event::Accepted { .. }
            | client::Event::HostKeys(_)
            | client::Event::Proofs(_) => {}
        }
    }

    fn call<P: Provider>(machine: &mut Machine<Self, P>, name: &str, arguments: &[&str]) -> Option<Answered> {
        if let ("trust" | "distrust", []) = (name, arguments) {
            let ask = machine.asks.trust.take()?;
            if name == "trust" {
                machine.ssh.trust(ask)
            } else {
                machine.ssh.distrust(ask)
            }
            return Some(Ok(None));
        }
        if let Some(answer) = forward(machine, name, arguments) {
            return Some(answer);
        }
        let words: Vec<_> = arguments.iter().map(|word| bytes(word)).collect::<Option<_>>()?;
        let words: Vec<_> = words.iter().map(Vec::as_slice).collect();
        let answer = match (name, &words[..]) {
            ("none", [user]) => machine.emit(|it, output| it.ssh.login_none(user, output)),
            ("password", [user, word]) => machine.emit(|it, output| it.ssh.password(user, word, output)),
            ("change-password", [user, old, new]) => {
                machine.emit(|it, output| it.ssh.change_password(user, old, new, output))
            }
            ("interactive", [user]) => machine.emit(|it, output| it.ssh.interactive(user, output)),
            ("answer", answers) => {
                let ask = machine.asks.answer.take()?;
                let answer = machine.emit(|it, output| it.ssh.answer(&ask, answers, output));
                machine.asks.answer = Some(ask);
                answer
            }
            ("prove", keys) => machine.emit(|it, output| it.ssh.prove(keys, output)),
            (_, words) => by_key(machine, name, arguments, words)?,
        };
        Some(answer.map(|()| None))
    }

    fn to_sign<P: Provider>(machine: &Machine<Self, P>, user: &str, name: &str, key: &[u8]) -> Option<Vec<u8>> {
        let message = machine.ssh.signing_message(user.as_bytes(), algorithm(name)?, key).ok()?;
        Some(message.as_bytes().to_vec())
    }
}

/// The calls about forwards.
fn forward<P: Provider>(machine: &mut Machine<Client, P>, name: &str, arguments: &[&str]) -> Option<Answered> {
    Some(match (name, arguments) {
        ("forward", what) => {
            let id = machine.emit(|it, output| with_forward(what, |what| it.ssh.forward(what, output)))?;
            id.map(|ForwardId(id)| Some(machine.opened(id)))
        }
        ("cancel", [id, what @ ..]) => {
            let id = ForwardId(machine.channel(id)?);
            machine.emit(|it, output| with_forward(what, |what| it.ssh.cancel(id, what, output)))?.map(|()| None)
        }
        ("forgo-sessions", []) => machine.emit(|it, output| it.ssh.forgo_sessions(output)).map(|()| None),
        _ => return None,
    })
}

/// The calls whose second argument is a signature algorithm.
fn by_key<P: Provider>(
    machine: &mut Machine<Client, P>,
    name: &str,
    arguments: &[&str],
    words: &[&[u8]],
) -> Option<Result<(), crate::Refused>> {
    let algorithm = algorithm(arguments.get(1)?)?;
    Some(match (name, words) {
        ("probe", [user, _, key]) => machine.emit(|it, output| it.ssh.probe(user, algorithm, key, output)),
        ("public-key", [user, _, key, signature]) => {
            machine.emit(|it, output| it.ssh.public_key(user, algorithm, key, signature, output))
        }
        ("public-key-bound", [user, _, key, host_key, signature]) => {
            machine.emit(|it, output| it.ssh.public_key_bound(user, algorithm, key, host_key, signature, output))
        }
        ("host-based", [user, _, key, host, host_user, signature]) => {
            let host = ClientHost { algorithm, key, host, user: host_user };
            machine.emit(|it, output| it.ssh.host_based(user, &host, signature, output))
        }
        _ => return None,
    })
}
