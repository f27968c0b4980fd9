//! What differs by role in a recording: the login's questions and events, and the calls that answer them.

use super::machine::{Machine, bytes, method_words, outcome, show};
use sanssh_core::Ask;
use sanssh_core::algorithm::HostKey;
use sanssh_core::auth::{Method, MethodSet, client, server};
use sanssh_core::crypto::Provider;
use sanssh_core::event::{Answer, Attempt, HostKeyChoice, Probe, Prove, Sign, Trust};
use sanssh_core::file::public::fingerprint;
use sanssh_core::role::{Client, Role, Server};
use sanssh_core::wire::Strings;
use sanssh_core::wire::auth::Prompt;

/// A role that can be driven by text.
pub(super) trait Side: Role {
    /// Its open questions.
    type Asks: Default;

    /// An event in words; its question is kept.
    fn tell(asks: &mut Self::Asks, event: Self::Event<'_>) -> String;

    /// Makes a call that only this role has; `None` for names that are not among them.
    fn call<P: Provider>(machine: &mut Machine<Self, P>, name: &str, arguments: &[&str]) -> Option<String>
    where
        Self: Sized;

    /// See [`Driven`](super::machine::Driven::to_sign).
    fn to_sign<P: Provider>(machine: &Machine<Self, P>, user: &str, algorithm: &str, key: &[u8]) -> Option<Vec<u8>>
    where
        Self: Sized;
}

/// A client's open questions.
#[derive(Debug, Default)]
pub(super) struct ClientAsks {
    trust: Option<Ask<Trust>>,
    answer: Option<Ask<Answer>>,
}

impl Side for Client {
    type Asks = ClientAsks;

    fn tell(asks: &mut ClientAsks, event: client::Event<'_>) -> String {
        match event {
            client::Event::HostKey { algorithm, key, ask, .. } => {
                asks.trust = Some(ask);
                format!("host-key {algorithm} {}", fingerprint(key))
            }
            client::Event::Banner(text) => format!("banner {}", show(text)),
            client::Event::Refused { methods, partial } => {
                format!("refused {} partial={partial}", method_words(methods))
            }
            client::Event::KeyAccepted => "key-accepted".into(),
            client::Event::Prompts { name, instruction, prompts, ask } => {
                asks.answer = Some(ask);
                let prompts = prompts.iter().map(|prompt| format!(" {} echo={}", show(prompt.text), prompt.echo));
                format!("prompts {} {}{}", show(name), show(instruction), prompts.collect::<String>())
            }
            client::Event::PasswordExpired { prompt } => format!("password-expired {}", show(prompt)),
            client::Event::Accepted { earned } => format!("accepted earned={earned}"),
            client::Event::HostKeys(keys) => format!("host-keys{}", listed(keys)),
            client::Event::Proofs(signatures) => format!("proofs{}", signatures.map_or_else(String::new, listed)),
        }
    }

    fn call<P: Provider>(machine: &mut Machine<Self, P>, name: &str, arguments: &[&str]) -> Option<String> {
        let words: Vec<_> = arguments.iter().map(|word| bytes(word)).collect();
        let answer = match (name, &words[..]) {
            ("trust", []) => {
                machine.ssh.trust(machine.asks.trust.take().expect("an open question"));
                Ok(())
            }
            ("distrust", []) => {
                machine.ssh.distrust(machine.asks.trust.take().expect("an open question"));
                Ok(())
            }
            ("none", [user]) => machine.emit(|it, output| it.ssh.login_none(user, output)),
            ("password", [user, word]) => machine.emit(|it, output| it.ssh.password(user, word, output)),
            ("change-password", [user, old, new]) => {
                machine.emit(|it, output| it.ssh.change_password(user, old, new, output))
            }
            ("probe", [user, _, key]) => {
                let algorithm = algorithm(arguments[1]);
                machine.emit(|it, output| it.ssh.probe(user, algorithm, key, output))
            }
            ("public-key", [user, _, key, signature]) => {
                let algorithm = algorithm(arguments[1]);
                machine.emit(|it, output| it.ssh.public_key(user, algorithm, key, signature, output))
            }
            ("prove", keys) => {
                let keys: Vec<_> = keys.iter().map(Vec::as_slice).collect();
                machine.emit(|it, output| it.ssh.prove(&keys, output))
            }
            ("interactive", [user]) => machine.emit(|it, output| it.ssh.interactive(user, output)),
            ("answer", answers) => {
                let ask = machine.asks.answer.take().expect("an open question");
                let answers: Vec<_> = answers.iter().map(Vec::as_slice).collect();
                machine.emit(|it, output| it.ssh.answer(&ask, &answers, output))
            }
            _ => return None,
        };
        Some(outcome(answer.map(|()| None)))
    }

    fn to_sign<P: Provider>(machine: &Machine<Self, P>, user: &str, name: &str, key: &[u8]) -> Option<Vec<u8>> {
        let message = machine.ssh.signing_message(user.as_bytes(), algorithm(name), key).ok()?;
        Some(message.as_bytes().to_vec())
    }
}

/// A server's open questions.
#[derive(Debug, Default)]
pub(super) struct ServerAsks {
    host_key: Option<Ask<HostKeyChoice>>,
    sign: Option<Ask<Sign>>,
    probe: Option<Ask<Probe>>,
    attempt: Option<Ask<Attempt>>,
    prove: Option<Ask<Prove>>,
}

impl Side for Server {
    type Asks = ServerAsks;

    fn tell(asks: &mut ServerAsks, event: server::Event<'_>) -> String {
        match event {
            server::Event::HostKey { algorithm, ask } => {
                asks.host_key = Some(ask);
                format!("host-key {algorithm}")
            }
            server::Event::Sign { algorithm, ask } => {
                asks.sign = Some(ask);
                format!("sign {algorithm}")
            }
            server::Event::Probe { user, algorithm, key, ask } => {
                asks.probe = Some(ask);
                format!("probe {} {algorithm} 0x{}", show(user), super::format::hex(key))
            }
            server::Event::Attempt { user, credential, fresh, ask } => {
                asks.attempt = Some(ask);
                format!("attempt {} {} fresh={fresh}", show(user), credential_words(&credential))
            }
            server::Event::Answers { answers, ask } => {
                asks.attempt = Some(ask);
                let words: Vec<_> = answers.iter().map(show).collect();
                format!("answers {}", words.join(" "))
            }
            server::Event::Prove { keys, ask } => {
                asks.prove = Some(ask);
                format!("prove{}", listed(keys))
            }
        }
    }

    fn call<P: Provider>(machine: &mut Machine<Self, P>, name: &str, arguments: &[&str]) -> Option<String> {
        let words: Vec<_> = arguments.iter().map(|word| bytes(word)).collect();
        let attempt = |machine: &mut Machine<Self, P>| machine.asks.attempt.take().expect("an open attempt");
        let answer = match (name, &words[..]) {
            ("host-key", [key]) => {
                machine.ssh.host_key(machine.asks.host_key.take().expect("a question"), key);
                Ok(())
            }
            ("sign", [key, signature]) => {
                let ask = machine.asks.sign.take().expect("an open question");
                machine.emit(|it, output| it.ssh.sign(&ask, key, signature, output))
            }
            ("announce", keys) => {
                let keys: Vec<_> = keys.iter().map(Vec::as_slice).collect();
                machine.emit(|it, output| it.ssh.announce(&keys, output))
            }
            ("proven", signatures) => {
                let ask = machine.asks.prove.take().expect("an open question");
                let signatures: Vec<_> = signatures.iter().map(Vec::as_slice).collect();
                machine.emit(|it, output| it.ssh.proven(&ask, &signatures, output))
            }
            ("banner", [text]) => machine.emit(|it, output| it.ssh.banner(text, output)),
            ("acceptable", [_, key]) => {
                let (ask, algorithm) = (machine.asks.probe.take().expect("a probe"), algorithm(arguments[0]));
                machine.emit(|it, output| it.ssh.acceptable(&ask, algorithm, key, output))
            }
            ("unacceptable", []) => {
                machine.ssh.unacceptable(machine.asks.probe.take().expect("a probe"));
                Ok(())
            }
            ("grant", []) => {
                let ask = attempt(machine);
                machine.ssh.grant(ask);
                Ok(())
            }
            ("refuse", []) => {
                let ask = attempt(machine);
                machine.ssh.refuse(ask);
                Ok(())
            }
            ("partial", [_]) => {
                let ask = attempt(machine);
                machine.ssh.partial(ask, methods(arguments[0]));
                Ok(())
            }
            ("expire", [text]) => {
                let ask = attempt(machine);
                machine.emit(|it, output| it.ssh.expire(&ask, text, output))
            }
            ("prompt", texts) => {
                let ask = attempt(machine);
                let prompts: Vec<_> = texts.iter().map(|text| Prompt { text, echo: false }).collect();
                machine.emit(|it, output| it.ssh.prompt(&ask, b"", b"", &prompts, output))
            }
            _ => return None,
        };
        Some(outcome(answer.map(|()| None)))
    }

    fn to_sign<P: Provider>(machine: &Machine<Self, P>, _: &str, _: &str, _: &[u8]) -> Option<Vec<u8>> {
        machine.asks.sign.as_ref().map(|ask| ask.message().to_vec())
    }
}

fn listed(blobs: Strings<'_>) -> String {
    blobs.map(|blob| format!(" {}", fingerprint(blob))).collect()
}

fn credential_words(credential: &server::Credential<'_>) -> String {
    match credential {
        server::Credential::None => "none".into(),
        server::Credential::Password(word) => format!("password {}", show(word)),
        server::Credential::PasswordChange { old, new } => format!("password-change {} {}", show(old), show(new)),
        server::Credential::PublicKey { algorithm, key, .. } => format!("publickey {algorithm} {}", fingerprint(key)),
        server::Credential::Interactive { .. } => "keyboard-interactive".into(),
        server::Credential::HostBased(host) => {
            let (name, user) = (show(host.host), show(host.user));
            format!("hostbased {} {} {name} {user}", host.algorithm, fingerprint(host.key))
        }
    }
}

fn algorithm(name: &str) -> HostKey {
    HostKey::from_name(name).unwrap_or_else(|| panic!("algorithm: {name}"))
}

/// A set of methods from their names, joined.
pub(super) fn methods(names: &str) -> MethodSet {
    names.split(',').filter_map(|name| Method::from_name(name.as_bytes())).collect()
}
