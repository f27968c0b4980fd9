//! How the ends of a [`Pair`](super::Pair) answer the questions of exchange and login by themselves, and how they keep
//! them where a test wants to answer.

use super::{End, Told};
use crate::signing;
use sanssh_core::Ask;
use sanssh_core::algorithm::HostKey;
use sanssh_core::auth;
use sanssh_core::crypto::Provider;
use sanssh_core::event::{Answer, Attempt, Probe, Trust};
use sanssh_core::file::signing::SigningKey;
use sanssh_core::role::{Client, Server};
use sanssh_core::wire::auth::Prompt;

/// A question of exchange or login that an end left to the test.
#[derive(Debug)]
pub enum Kept {
    /// Client: is the host key trusted?
    Trust(Ask<Trust>),
    /// Client: what are the answers to the prompts?
    Answer(Ask<Answer>),
    /// Server: would this key do?
    Probe(Ask<Probe>, HostKey, Vec<u8>),
    /// Server: does the attempt succeed?
    Attempt(Ask<Attempt>),
}

/// Trusts every host key, and answers every prompt with `right`, unless the test answers.
pub(super) fn client_login<P: Provider>(end: &mut End<Client, P>, event: auth::client::Event<'_>) {
    use auth::client::Event;
    let told = match event {
        Event::HostKey { algorithm, ask, .. } => {
            if end.keeps {
                end.kept.push_back(Kept::Trust(ask));
            } else {
                end.ssh.trust(ask);
            }
            format!("host-key {algorithm}")
        }
        Event::Banner(text) => format!("banner {}", String::from_utf8_lossy(text)),
        Event::Refused { methods, partial } => format!("refused {methods:?} {partial}"),
        Event::KeyAccepted => "key accepted".into(),
        Event::Prompts { prompts, ask, .. } => {
            let answers: Vec<&[u8]> = prompts.iter().map(|_| &b"right"[..]).collect();
            let count = answers.len();
            if end.keeps {
                end.kept.push_back(Kept::Answer(ask));
            } else {
                end.emit(|ssh, output| ssh.answer(&ask, &answers, output)).expect("the answers may be sent");
            }
            format!("prompts {count}")
        }
        Event::PasswordExpired { .. } => "expired".into(),
        Event::Accepted { earned } => format!("accepted {earned}"),
        Event::HostKeys(keys) => format!("host-keys {}", keys.count()),
        Event::Proofs(signatures) => format!("proofs {:?}", signatures.map(Iterator::count)),
    };
    end.told.push_back(Told::Login(told));
}

/// Takes the password `right`, every key, and one round of one prompt, unless the test answers.
pub(super) fn server_login<P: Provider>(end: &mut End<Server, P>, event: auth::server::Event<'_>, key: &SigningKey) {
    use auth::server::{Credential, Event};
    let told = match event {
        Event::HostKey { algorithm, ask } => {
            with_host_key(key, algorithm, |key| end.ssh.host_key(ask, key.public()));
            format!("host-key {algorithm}")
        }
        Event::Sign { algorithm, ask } => {
            with_host_key(key, algorithm, |key| {
                let signature = key.sign(algorithm, ask.message()).expect("the host key signs");
                end.emit(|ssh, output| ssh.sign(&ask, key.public(), &signature, output))
                    .expect("the reply may be sent");
            });
            format!("sign {algorithm}")
        }
        Event::Probe { algorithm, key, ask, .. } => {
            if end.keeps {
                end.kept.push_back(Kept::Probe(ask, algorithm, key.to_vec()));
            } else {
                end.emit(|ssh, output| ssh.acceptable(&ask, algorithm, key, output)).expect("PK_OK may be sent");
            }
            format!("probe {algorithm}")
        }
        Event::Attempt { credential, fresh, ask, .. } => {
            match credential {
                _ if end.keeps => end.kept.push_back(Kept::Attempt(ask)),
                Credential::Password(b"right") | Credential::PublicKey { .. } | Credential::HostBased(_) => {
                    end.ssh.grant(ask);
                }
                Credential::Interactive { .. } => {
                    let prompts = [Prompt { text: b"word: ", echo: false }];
                    end.emit(|ssh, output| ssh.prompt(&ask, b"", b"", &prompts, output)).expect("prompts");
                }
                Credential::None | Credential::Password(_) | Credential::PasswordChange { .. } => end.ssh.refuse(ask),
            }
            format!("attempt {credential:?} {fresh}")
        }
        Event::Answers { answers, ask } => {
            let right = answers.iter().all(|answer| answer == b"right");
            match right {
                _ if end.keeps => end.kept.push_back(Kept::Attempt(ask)),
                true => end.ssh.grant(ask),
                false => end.ssh.refuse(ask),
            }
            format!("answers {right}")
        }
        Event::Prove { keys, ask } => {
            end.ssh.unproven(ask);
            format!("prove {}", keys.count())
        }
    };
    end.told.push_back(Told::Login(told));
}

/// Works with the pair's own key, or where that cannot sign by `algorithm` with the one that can.
fn with_host_key<A>(own: &SigningKey, algorithm: HostKey, work: impl FnOnce(&SigningKey) -> A) -> A {
    if own.algorithms().contains(&algorithm) { work(own) } else { work(&signing::key(algorithm)) }
}
