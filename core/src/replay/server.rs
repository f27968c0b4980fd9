//! What only a server has in a recording: the host key's and the login's questions, and the calls that answer them.

use super::machine::{Answered, Asks, Machine, Played, take};
use super::script::{Side, hex};
use super::settings::methods;
use super::words::{algorithm, bytes, granted, listed, number, show};
use crate::Refused;
use crate::auth::{MethodSet, server};
use crate::channel::ForwardId;
use crate::crypto::Provider;
use crate::file::public::fingerprint;
use crate::role::Server;
use crate::wire::auth::Prompt;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

#[expect(private_interfaces, reason = "see the trait")]
impl Played for Server {
    const SIDE: Side = Side::Server;

    fn words(event: &server::Event<'_>) -> String {
        match event {
            server::Event::HostKey { algorithm, .. } => format!("host-key {algorithm}"),
            server::Event::Sign { algorithm, .. } => format!("sign {algorithm}"),
            server::Event::Probe { user, algorithm, key, .. } => {
                format!("probe {} {algorithm} 0x{}", show(user), hex(key))
            }
            server::Event::Attempt { user, credential, fresh, .. } => {
                format!("attempt {} {} fresh={fresh}", show(user), credential_words(credential))
            }
            server::Event::Answers { answers, .. } => {
                let lengths = answers.iter().map(|answer| format!(" {}", answer.len()));
                format!("answers{}", lengths.collect::<String>())
            }
            server::Event::Prove { keys, .. } => format!("prove{}", listed(*keys)),
        }
    }

    fn keep(asks: &mut Asks, event: server::Event<'_>) {
        match event {
            server::Event::HostKey { ask, .. } => asks.host_key = Some(ask),
            server::Event::Sign { ask, .. } => asks.sign = Some(ask),
            server::Event::Probe { ask, .. } => asks.probe = Some(ask),
            server::Event::Attempt { ask, .. } | server::Event::Answers { ask, .. } => asks.attempt = Some(ask),
            server::Event::Prove { ask, .. } => asks.prove = Some(ask),
        }
    }

    fn call<P: Provider>(machine: &mut Machine<Self, P>, name: &str, arguments: &[&str]) -> Option<Answered> {
        if let Some(fact) = judge(machine, name, arguments) {
            return Some(fact);
        }
        let words: Vec<_> = arguments.iter().map(|word| bytes(word)).collect::<Option<_>>()?;
        let words: Vec<_> = words.iter().map(Vec::as_slice).collect();
        let answer = match (name, &words[..]) {
            ("host-key", [key]) => {
                machine.ssh.host_key(machine.asks.host_key.take()?, key);
                Ok(())
            }
            ("banner", [text]) => machine.emit(|it, output| it.ssh.banner(text, output)),
            ("announce", keys) => machine.emit(|it, output| it.ssh.announce(keys, output)),
            (_, words) => reply(machine, name, arguments, words)?,
        };
        Some(answer.map(|()| None))
    }

    fn to_sign<P: Provider>(machine: &Machine<Self, P>, _: &str, _: &str, _: &[u8]) -> Option<Vec<u8>> {
        machine.asks.sign.as_ref().map(|ask| ask.message().to_vec())
    }
}

/// Answers that use their question up.
fn judge<P: Provider>(machine: &mut Machine<Server, P>, name: &str, arguments: &[&str]) -> Option<Answered> {
    match (name, arguments) {
        ("listen", [port, place @ ..]) => {
            let id = machine.ssh.listen(take(&mut machine.forwards, place)?, number(port)?);
            return Some(id.map(|ForwardId(id)| Some(machine.opened(id))));
        }
        ("refuse-forward", place) => machine.ssh.refuse_forward(take(&mut machine.forwards, place)?),
        ("unacceptable", []) => machine.ssh.unacceptable(machine.asks.probe.take()?),
        ("unproven", []) => machine.ssh.unproven(machine.asks.prove.take()?),
        ("grant", []) => machine.ssh.grant(machine.asks.attempt.take()?),
        ("refuse", []) => machine.ssh.refuse(machine.asks.attempt.take()?),
        ("partial", [names]) => {
            let methods: MethodSet = methods(names)?;
            machine.ssh.partial(machine.asks.attempt.take()?, methods);
        }
        _ => return None,
    }
    Some(Ok(None))
}

/// Answers that may be refused, and given again.
fn reply<P: Provider>(
    machine: &mut Machine<Server, P>,
    name: &str,
    arguments: &[&str],
    words: &[&[u8]],
) -> Option<Result<(), Refused>> {
    let asks = core::mem::take(&mut machine.asks);
    let answer = reply_to(machine, &asks, name, arguments, words);
    machine.asks = asks;
    answer
}

fn reply_to<P: Provider>(
    machine: &mut Machine<Server, P>,
    asks: &Asks,
    name: &str,
    arguments: &[&str],
    words: &[&[u8]],
) -> Option<Result<(), Refused>> {
    Some(match (name, words) {
        ("sign", [key, signature]) => {
            let ask = asks.sign.as_ref()?;
            machine.emit(|it, output| it.ssh.sign(ask, key, signature, output))
        }
        ("proven", signatures) => {
            let ask = asks.prove.as_ref()?;
            machine.emit(|it, output| it.ssh.proven(ask, signatures, output))
        }
        ("acceptable", [_, key]) => {
            let (ask, algorithm) = (asks.probe.as_ref()?, algorithm(arguments.first()?)?);
            machine.emit(|it, output| it.ssh.acceptable(ask, algorithm, key, output))
        }
        ("expire", [text]) => {
            let ask = asks.attempt.as_ref()?;
            machine.emit(|it, output| it.ssh.expire(ask, text, output))
        }
        // The first version had nothing but hidden answers below no title.
        ("prompt", texts) => {
            let prompts: Vec<_> = texts.iter().map(|text| Prompt { text, echo: false }).collect();
            prompt(machine, asks, &[b"", b""], &prompts)?
        }
        ("prompts", [name, instruction, ..]) => {
            let pairs = words.get(2..)?.chunks_exact(2).zip(arguments.get(2..)?.chunks_exact(2));
            let prompts = pairs.map(|(text, echo)| Some(Prompt { text: text.first()?, echo: granted(echo.get(1)?)? }));
            let prompts: Vec<_> = prompts.collect::<Option<_>>()?;
            prompt(machine, asks, &[name, instruction], &prompts)?
        }
        _ => return None,
    })
}

fn prompt<P: Provider>(
    machine: &mut Machine<Server, P>,
    asks: &Asks,
    [name, instruction]: &[&[u8]; 2],
    prompts: &[Prompt<'_>],
) -> Option<Result<(), Refused>> {
    let ask = asks.attempt.as_ref()?;
    Some(machine.emit(|it, output| it.ssh.prompt(ask, name, instruction, prompts, output)))
}

fn credential_words(credential: &server::Credential<'_>) -> String {
    match credential {
        server::Credential::None => "none".into(),
        server::Credential::Password(word) => format!("password {}", word.len()),
        server::Credential::PasswordChange { old, new } => format!("password-change {} {}", old.len(), new.len()),
        server::Credential::PublicKey { algorithm, key, .. } => format!("publickey {algorithm} {}", fingerprint(key)),
        server::Credential::Interactive { .. } => "keyboard-interactive".into(),
        server::Credential::HostBased(host) => {
            let (name, user) = (show(host.host), show(host.user));
            format!("hostbased {} {} {name} {user}", host.algorithm, fingerprint(host.key))
        }
    }
}
