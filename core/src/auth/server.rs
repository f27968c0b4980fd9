//! The server's login: each request is parsed and, where it is signed, verified before the embedder hears of it.
//!
//! ```text
//! Idle -- USERAUTH_REQUEST --> Asked (ask) -- refuse() --> FAILURE owed --> Idle
//!  ^                             |    |                      (withheld for a while)
//!  |                             |    +-- grant() ---> SUCCESS owed --> Done
//!  +-- PK_OK, CHANGEREQ ---------+
//!            INFO_REQUEST -------+--> Prompted -- INFO_RESPONSE --> Asked
//! ```

use super::signed::{LONGEST_KEY, SigningMessage};
use super::{
    Arrival, CONNECTION, ClientHost, HOSTBOUND, LONGEST_HOST, LONGEST_USER, Login, Method, MethodSet, USERAUTH,
};
use crate::Waiting;
use crate::algorithm::HostKey;
use crate::config::{Config, Login as Limits};
use crate::crypto::certificate::{Certificate, Kind};
use crate::crypto::signature::{self, Presence, Presented};
use crate::crypto::{self, Fingerprint, Forged, HashValue, Provider};
use crate::error::{Error, Refused, Violation};
use crate::event::{Ask, Attempt, HostKeyChoice, Probe, Prove, Serials, Sign};
use crate::role::Server;
use crate::time::Instant;
use crate::transport::{Sender, fingerprint};
use crate::wire::auth::{
    Answers, HostFields, HostboundFields, HostboundSignedFields, InteractiveFields, PasswordChangeFields,
    PasswordFields, ProbeFields, SignedFields, UserauthFailure, UserauthInfoResponse, UserauthRequest, UserauthSuccess,
};
use crate::wire::legality::Phase;
use crate::wire::transport::{ServiceAccept, ServiceRequest};
use crate::wire::{Malformed, Message, Names, Sink, Strings};
use core::fmt;
use heapless::Vec;

/// What a server is asked about host key and login. Names are the client's: untrusted bytes.
#[derive(Debug)]
pub enum Event<'b> {
    /// A host key is to be shown.
    HostKey {
        /// The signature algorithm that was negotiated.
        algorithm: HostKey,
        /// Answer with `host_key`.
        ask: Ask<HostKeyChoice>,
    },
    /// The host key is to sign.
    Sign {
        /// The signature algorithm that was negotiated.
        algorithm: HostKey,
        /// Holds the message; answer with `sign`.
        ask: Ask<Sign>,
    },
    /// Would this key do (RFC 4252 §7)? Nothing is proven yet.
    Probe {
        /// Who wants in.
        user: &'b [u8],
        /// The signature algorithm it would use.
        algorithm: HostKey,
        /// The public key blob.
        key: &'b [u8],
        /// Answer with `acceptable` or `unacceptable`.
        ask: Ask<Probe>,
    },
    /// An attempt to log in.
    Attempt {
        /// Who wants in.
        user: &'b [u8],
        /// By what.
        credential: Credential<'b>,
        /// Whether the user changed since the attempt before, if only for a request that was no attempt: everything
        /// granted in part is void.
        fresh: bool,
        /// Answer with `grant`, `refuse` or, where it fits, `prompt` or `expire`.
        ask: Ask<Attempt>,
    },
    /// The answers to the prompts of the attempt before, as many as there were questions (RFC 4256 §3.4).
    Answers {
        /// The answers.
        answers: Answers<'b>,
        /// Answer with `grant`, `refuse` or `prompt`.
        ask: Ask<Attempt>,
    },
    /// Logged in: does the server hold these host keys, all different (OpenSSH PROTOCOL §2.5)? Asked once. Nothing but
    /// its own keys may sign, and nothing but their `proof_message`.
    Prove {
        /// The public key blobs.
        keys: Strings<'b>,
        /// Answer with `proven` or `unproven`.
        ask: Ask<Prove>,
    },
}

/// What an attempt rests on.
#[derive(Clone, Copy)]
pub enum Credential<'b> {
    /// Nothing (RFC 4252 §5.2).
    None,
    /// A password (RFC 4252 §8).
    Password(&'b [u8]),
    /// A new password in place of an expired one (RFC 4252 §8).
    PasswordChange {
        /// The old one.
        old: &'b [u8],
        /// The new one.
        new: &'b [u8],
    },
    /// A key whose signature on this very request has been verified (RFC 4252 §7). Whether the user may use it is the
    /// embedder's to say; of a certificate only the signatures have been verified.
    PublicKey {
        /// Signature algorithm.
        algorithm: HostKey,
        /// Public key blob.
        key: &'b [u8],
        /// What a security key says of its holder. Unless the user's entry says otherwise, it must have been touched.
        presence: Option<Presence>,
    },
    /// The wish to be asked (RFC 4256 §3.1): answer with `prompt`.
    Interactive {
        /// The client's hints.
        submethods: Names<'b>,
    },
    /// The word of the client's host, whose signature on this very request has been verified (RFC 4252 §9). It remains to
    /// ask whether the key is that host's, whether the client is that host, and whether its users are believed.
    HostBased(ClientHost<'b>),
}

impl fmt::Debug for Credential<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Password(_) => "Password",
            Self::PasswordChange { .. } => "PasswordChange",
            Self::PublicKey { .. } => "PublicKey",
            Self::Interactive { .. } => "Interactive",
            Self::HostBased(_) => "HostBased",
        })
    }
}

/// What an open attempt may be answered with besides yes and no.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    Plain,
    Password,
    Interactive,
    Probe,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Idle,
    Asked(Asked),
    Prompted(u32),
    Done,
}

/// An answer that is owed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Failure { methods: MethodSet, partial: bool, due: Instant },
    Success,
}

/// State of a server's login.
#[derive(Debug, Default)]
pub struct State {
    stage: Stage,
    service: bool,
    service_owed: bool,
    /// The user and service of the last request, as a hash.
    user: Option<Fingerprint>,
    /// They changed, and the embedder has not been told yet.
    fresh: bool,
    remaining: MethodSet,
    attempts: u32,
    probes: u32,
    rounds: u32,
    none_used: bool,
    /// The client was asked to change the password.
    expired: bool,
    since: Instant,
    answer: Option<Answer>,
}

impl Login<Server> for State {
    fn start(&mut self) {}

    fn phase(&self) -> Phase {
        match (&self.stage, self.service) {
            (Stage::Done, _) => Phase::Connected,
            (_, true) => Phase::Login,
            (_, false) => Phase::Service,
        }
    }

    fn is_done(&self) -> bool {
        self.stage == Stage::Done
    }

    /// Each request is answered before the next is read.
    fn waiting(&self) -> Option<Waiting> {
        match self.stage {
            Stage::Asked(_) => Some(Waiting::Attempt),
            Stage::Idle | Stage::Prompted(_) | Stage::Done => {
                (self.service_owed || self.answer.is_some()).then_some(Waiting::Output)
            }
        }
    }

    fn owes(&self, now: Instant) -> bool {
        self.service_owed || self.answer.is_some() && self.due().is_none_or(|due| due <= now)
    }

    fn due(&self) -> Option<Instant> {
        match self.answer {
            Some(Answer::Failure { due, .. }) => Some(due),
            Some(Answer::Success) | None => None,
        }
    }

    fn receive<'b, P: Provider>(&mut self, arrival: Arrival<'_, 'b>) -> Result<Option<Event<'b>>, Error> {
        let Arrival { config, now, session, host_key, serials, number, body } = arrival;
        let malformed = |Malformed| Error::Malformed(Some(number));
        match number {
            ServiceRequest::NUMBER => self.serve(&config.login, &ServiceRequest::decode(body).map_err(malformed)?),
            UserauthRequest::NUMBER => {
                let request = UserauthRequest::decode(body).map_err(malformed)?;
                self.since = now;
                self.request::<P>(&Host { config, session, key: host_key }, serials, &request)
            }
            UserauthInfoResponse::NUMBER => {
                let response = UserauthInfoResponse::decode(body).map_err(malformed)?;
                self.since = now;
                self.responses(serials, &response)
            }
            _ => Err(Violation::Unexpected(number).into()),
        }
    }

    fn flush<P: Provider>(&mut self, now: Instant, sender: &mut Sender<'_, '_, Server, P>) -> Result<(), Refused> {
        if self.service_owed {
            sender.send(&ServiceAccept { service: USERAUTH })?;
            self.service_owed = false;
        }
        match self.answer {
            Some(Answer::Failure { methods, partial, due }) if due <= now => {
                let mut names = Vec::<u8, LONGEST_NAMES>::new();
                for (i, method) in methods.iter().enumerate() {
                    let comma: &[u8] = if i > 0 { b"," } else { b"" };
                    names.extend(comma.iter().chain(method.name().as_bytes()).copied());
                }
                sender.send(&UserauthFailure { methods: Names::new(&names), partial })?;
            }
            Some(Answer::Success) => {
                sender.send(&UserauthSuccess {})?;
                self.stage = Stage::Done;
            }
            Some(Answer::Failure { .. }) | None => return Ok(()),
        }
        self.answer = None;
        Ok(())
    }
}

/// Room for the names of all methods.
const LONGEST_NAMES: usize = 64;

impl State {
    /// The methods that can continue.
    pub(crate) const fn remaining(&self) -> MethodSet {
        self.remaining
    }

    pub(crate) const fn asked(&self) -> Option<Asked> {
        match self.stage {
            Stage::Asked(asked) => Some(asked),
            Stage::Idle | Stage::Prompted(_) | Stage::Done => None,
        }
    }

    /// Older clients ask for the service again before each attempt, which is granted.
    fn serve<'b>(&mut self, limits: &Limits, request: &ServiceRequest<'_>) -> Result<Option<Event<'b>>, Error> {
        if request.service != USERAUTH {
            return Err(Error::NoService);
        }
        if !self.service {
            self.remaining = limits.methods;
        }
        self.service = true;
        self.service_owed = true;
        Ok(None)
    }

    fn request<'b, P: Provider>(
        &mut self,
        host: &Host<'_>,
        serials: &mut Serials,
        request: &UserauthRequest<'b>,
    ) -> Result<Option<Event<'b>>, Error> {
        let config = host.config;
        let UserauthRequest { user, service, method, fields } = *request;
        if user.len() > LONGEST_USER {
            return Err(Violation::TooLong.into());
        }
        self.note_user::<P>(&config.login, user, service);
        let bound = method == HOSTBOUND;
        let method = if bound { Some(Method::PublicKey) } else { Method::from_name(method) };
        let method = method.filter(|method| self.remaining.contains(*method));
        if service != CONNECTION {
            return self.fail(&config.login, false);
        }
        let event = match method {
            None => {
                let free = request.method == b"none" && !self.none_used;
                self.none_used |= free;
                return self.fail(&config.login, free);
            }
            Some(Method::None) if fields.0.is_empty() => Some(self.ask(serials, Asked::Plain, user, Credential::None)),
            Some(Method::None) => None,
            Some(Method::Password) => {
                let credential = password(fields.0, core::mem::take(&mut self.expired));
                credential.map(|credential| self.ask(serials, Asked::Password, user, credential))
            }
            Some(Method::Interactive) => InteractiveFields::decode(fields.0).ok().map(|fields| {
                let credential = Credential::Interactive { submethods: fields.submethods };
                self.ask(serials, Asked::Interactive, user, credential)
            }),
            Some(Method::HostBased) => host_based::<P>(host, user, fields.0)
                .map(|client| self.ask(serials, Asked::Plain, user, Credential::HostBased(client))),
            Some(Method::PublicKey) => {
                let fields = KeyFields::decode(fields.0, bound).filter(|fields| host.is_meant::<P>(fields));
                let Some(fields) = fields else { return self.fail(&config.login, false) };
                return self.public_key::<P>(host, serials, user, &fields);
            }
        };
        event.map_or_else(|| self.fail(&config.login, false), |event| Ok(Some(event)))
    }

    /// Another user or service starts from nothing (RFC 4252 §5).
    fn note_user<P: Provider>(&mut self, limits: &Limits, user: &[u8], service: &[u8]) {
        self.stage = Stage::Idle;
        let seen = Some(crypto::fingerprint::<P>(|sink| {
            sink.string(user);
            sink.string(service);
        }));
        if seen != self.user {
            self.user = seen;
            self.fresh = true;
            self.remaining = limits.methods;
            self.expired = false;
        }
    }

    const fn ask<'b>(
        &mut self,
        serials: &mut Serials,
        asked: Asked,
        user: &'b [u8],
        credential: Credential<'b>,
    ) -> Event<'b> {
        self.stage = Stage::Asked(asked);
        let fresh = core::mem::replace(&mut self.fresh, false);
        Event::Attempt { user, credential, fresh, ask: serials.ask(Attempt(())) }
    }

    fn public_key<'b, P: Provider>(
        &mut self,
        host: &Host<'_>,
        serials: &mut Serials,
        user: &'b [u8],
        fields: &KeyFields<'b>,
    ) -> Result<Option<Event<'b>>, Error> {
        let KeyFields { algorithm, key, signature, .. } = *fields;
        let algorithm = acceptable::<P>(host.config, Kind::User, algorithm, key);
        let Some(signature) = signature else {
            let Some(algorithm) = algorithm else { return self.fail(&host.config.login, false) };
            self.probes = self.probes.saturating_add(1);
            if self.probes > host.config.login.max_probes {
                return Err(Error::Denied);
            }
            self.stage = Stage::Asked(Asked::Probe);
            return Ok(Some(Event::Probe { user, algorithm, key, ask: serials.ask(Probe(())) }));
        };
        let verified = algorithm.and_then(|algorithm| {
            let presence = verify::<P>(host, user, algorithm, fields, signature).ok()?;
            Some(Credential::PublicKey { algorithm, key, presence })
        });
        let Some(credential) = verified else { return self.fail(&host.config.login, false) };
        Ok(Some(self.ask(serials, Asked::Plain, user, credential)))
    }

    fn responses<'b>(
        &mut self,
        serials: &mut Serials,
        response: &UserauthInfoResponse<'b>,
    ) -> Result<Option<Event<'b>>, Error> {
        let Stage::Prompted(prompts) = self.stage else {
            return Err(Violation::Unexpected(UserauthInfoResponse::NUMBER).into());
        };
        let malformed = Error::Malformed(Some(UserauthInfoResponse::NUMBER));
        if response.count != prompts {
            return Err(malformed);
        }
        let answers = Answers::decode(response.count, response.answers.0).map_err(|_| malformed)?;
        self.stage = Stage::Asked(Asked::Interactive);
        Ok(Some(Event::Answers { answers, ask: serials.ask(Attempt(())) }))
    }

    /// A failure that the machine itself decides on.
    fn fail<'b>(&mut self, limits: &Limits, free: bool) -> Result<Option<Event<'b>>, Error> {
        self.refuse(limits, self.remaining, false, free)?;
        Ok(None)
    }

    /// Owes a failure; too many of them end the connection. A free one neither counts nor waits.
    pub(crate) fn refuse(
        &mut self,
        limits: &Limits,
        methods: MethodSet,
        partial: bool,
        free: bool,
    ) -> Result<(), Error> {
        self.stage = Stage::Idle;
        self.remaining = methods;
        if !partial && !free {
            self.attempts = self.attempts.saturating_add(1);
            if self.attempts >= limits.max_attempts {
                return Err(Error::Denied);
            }
        }
        let due = if free { self.since } else { self.since.after(limits.failure_delay) };
        self.answer = Some(Answer::Failure { methods, partial, due });
        Ok(())
    }

    /// A key that was asked about will not do; asking is limited by its own count.
    pub(crate) fn refuse_probe(&mut self, limits: &Limits) {
        self.stage = Stage::Idle;
        let due = self.since.after(limits.failure_delay);
        self.answer = Some(Answer::Failure { methods: self.remaining, partial: false, due });
    }

    /// Owes SUCCESS.
    pub(crate) const fn grant(&mut self) {
        self.stage = Stage::Idle;
        self.answer = Some(Answer::Success);
    }

    /// PK_OK was sent.
    pub(crate) const fn probed(&mut self) {
        self.stage = Stage::Idle;
    }

    /// A password change was asked for; rounds are limited.
    pub(crate) const fn expire(&mut self, limits: &Limits) -> Result<(), Error> {
        self.stage = Stage::Idle;
        self.expired = true;
        self.count_round(limits)
    }

    /// Prompts were sent; rounds are limited.
    pub(crate) const fn prompted(&mut self, limits: &Limits, prompts: u32) -> Result<(), Error> {
        self.stage = Stage::Prompted(prompts);
        self.count_round(limits)
    }

    const fn count_round(&mut self, limits: &Limits) -> Result<(), Error> {
        self.rounds = self.rounds.saturating_add(1);
        if self.rounds > limits.max_rounds { Err(Error::Denied) } else { Ok(()) }
    }
}

/// The password's fields, told apart by their first (RFC 4252 §8). A change that nobody asked for, an empty password and
/// one with a NUL are never put before the embedder.
fn password(fields: &[u8], expired: bool) -> Option<Credential<'_>> {
    let sound = |password: &[u8]| !password.is_empty() && !password.contains(&0);
    if let Ok(PasswordFields { change: false, password }) = PasswordFields::decode(fields) {
        return sound(password).then_some(Credential::Password(password));
    }
    let PasswordChangeFields { change, old, new } = PasswordChangeFields::decode(fields).ok()?;
    (change && expired && sound(old) && sound(new)).then_some(Credential::PasswordChange { old, new })
}

/// The allow-list comes before any look at the key.
fn acceptable<P: Provider>(config: &Config, kind: Kind, algorithm: &[u8], key: &[u8]) -> Option<HostKey> {
    let allowed =
        |algorithm: &HostKey| config.preferences.user_keys.contains(algorithm) && P::SIGNATURES.contains(algorithm);
    let algorithm = core::str::from_utf8(algorithm).ok().and_then(HostKey::from_name).filter(allowed)?;
    if key.len() > LONGEST_KEY {
        return None;
    }
    let presented = Presented::decode::<P>(algorithm, key, config.min_rsa_bits).ok()?;
    let certified = |certificate: &Certificate<'_>| {
        certificate.kind == kind && certificate.is_signed::<P>(&config.preferences.authorities).is_ok()
    };
    presented.certificate().is_none_or(certified).then_some(algorithm)
}

/// Where a login is tried.
struct Host<'a> {
    config: &'a Config,
    session: HashValue,
    /// The host key of the first exchange, as a hash.
    key: Option<Fingerprint>,
}

impl Host<'_> {
    /// A login that names a host key has to name the one that was shown.
    fn is_meant<P: Provider>(&self, fields: &KeyFields<'_>) -> bool {
        fields.host_key.is_none_or(|named| self.key == Some(fingerprint::<P>(named)))
    }
}

/// The fields of both methods by key.
struct KeyFields<'b> {
    algorithm: &'b [u8],
    key: &'b [u8],
    /// Only if the method is bound to the host.
    host_key: Option<&'b [u8]>,
    /// None to ask whether the key would do.
    signature: Option<&'b [u8]>,
}

impl<'b> KeyFields<'b> {
    fn decode(fields: &'b [u8], bound: bool) -> Option<Self> {
        // The flag is among what is signed, as 1: another TRUE is not the request that was signed.
        let signed = match fields.first()? {
            0 => false,
            1 => true,
            _ => return None,
        };
        Some(match (bound, signed) {
            (false, false) => {
                let ProbeFields { algorithm, key, .. } = ProbeFields::decode(fields).ok()?;
                Self { algorithm, key, host_key: None, signature: None }
            }
            (false, true) => {
                let SignedFields { algorithm, key, signature, .. } = SignedFields::decode(fields).ok()?;
                Self { algorithm, key, host_key: None, signature: Some(signature) }
            }
            (true, false) => {
                let HostboundFields { algorithm, key, host_key, .. } = HostboundFields::decode(fields).ok()?;
                Self { algorithm, key, host_key: Some(host_key), signature: None }
            }
            (true, true) => {
                let all = HostboundSignedFields::decode(fields).ok()?;
                let HostboundSignedFields { algorithm, key, host_key, signature, .. } = all;
                Self { algorithm, key, host_key: Some(host_key), signature: Some(signature) }
            }
        })
    }
}

fn verify<P: Provider>(
    host: &Host<'_>,
    user: &[u8],
    algorithm: HostKey,
    fields: &KeyFields<'_>,
    signature: &[u8],
) -> Result<Option<Presence>, Forged> {
    let message = SigningMessage::new(&host.session, user, fields.algorithm, fields.key, fields.host_key);
    let presented =
        Presented::decode::<P>(algorithm, fields.key, host.config.min_rsa_bits).map_err(|Malformed| Forged)?;
    signature::verify::<P>(algorithm, presented.key(), message.ok_or(Forged)?.as_bytes(), signature)
}

/// The host that vouches for the user, if its signature is right.
fn host_based<'b, P: Provider>(host: &Host<'_>, user: &[u8], fields: &'b [u8]) -> Option<ClientHost<'b>> {
    let HostFields { algorithm, key, host: name, host_user, signature } = HostFields::decode(fields).ok()?;
    let named = (1..=LONGEST_HOST).contains(&name.len()) && (1..=LONGEST_USER).contains(&host_user.len());
    let algorithm = acceptable::<P>(host.config, Kind::Host, algorithm, key).filter(|_| named)?;
    let client = ClientHost { algorithm, key, host: name, user: host_user };
    let message = SigningMessage::host(&host.session, user, &client)?;
    let presented = Presented::decode::<P>(algorithm, key, host.config.min_rsa_bits).ok()?;
    signature::verify::<P>(algorithm, presented.key(), message.as_bytes(), signature).is_ok().then_some(client)
}
