//! The client's login: one request at a time, its answer told by what was asked.
//!
//! ```text
//! Away -- service asked for --> Idle <--- FAILURE ---+
//!                                | request           |
//!                             Pending(what) ---------+--> SUCCESS --> Done
//!                                | INFO_REQUEST    ^
//!                             Prompted (ask) ------+ answer()
//! ```

use super::{Arrival, Login, Method, MethodSet, USERAUTH};
use crate::Waiting;
use crate::algorithm::HostKey;
use crate::config::Login as Limits;
use crate::crypto::{self, Fingerprint, Provider};
use crate::error::{Error, Refused, Violation};
use crate::event::{Answer, Ask, Serials, Trust};
use crate::role::Client;
use crate::time::Instant;
use crate::transport::Sender;
use crate::wire::auth::{
    Prompts, UserauthBanner, UserauthFailure, UserauthInfoRequest, UserauthPasswdChangereq, UserauthPkOk,
    UserauthSuccess,
};
use crate::wire::legality::Phase;
use crate::wire::transport::{ServiceAccept, ServiceRequest};
use crate::wire::{Malformed, Message, Sink, Strings};

/// What a client learns of host key and login. Text is the server's: untrusted bytes.
#[derive(Debug)]
pub enum Event<'b> {
    /// The server proved that it holds this key; is it the host's?
    HostKey {
        /// The signature's algorithm.
        algorithm: HostKey,
        /// The public key blob.
        key: &'b [u8],
        /// Its signature on the exchange hash, which at the first exchange is the session identifier: with both an agent
        /// can be shown where its keys are about to be used.
        signature: &'b [u8],
        /// Answer with `trust` or `distrust`.
        ask: Ask<Trust>,
    },
    /// A text to show before the login (RFC 4252 §5.4).
    Banner(&'b [u8]),
    /// The request was refused (RFC 4252 §5.1).
    Refused {
        /// Methods that can continue; unknown ones are left out.
        methods: MethodSet,
        /// Whether the attempt was right, and more is wanted.
        partial: bool,
    },
    /// The key that was asked about would do: sign with it.
    KeyAccepted,
    /// The server has questions (RFC 4256 §3.2). There may be none at all, which wants an answer as well.
    Prompts {
        /// Title.
        name: &'b [u8],
        /// Text above the prompts.
        instruction: &'b [u8],
        /// The questions.
        prompts: Prompts<'b>,
        /// Answer with `answer`.
        ask: Ask<Answer>,
    },
    /// The password has expired (RFC 4252 §8): log in with `change_password`.
    PasswordExpired {
        /// What the server says about it.
        prompt: &'b [u8],
    },
    /// Logged in (RFC 4252 §5.1).
    Accepted {
        /// Whether a credential earned it: not so when the server took `none`, or a mere question about a key, for an
        /// answer. Then anybody may be in the server's place.
        earned: bool,
    },
    /// Logged in: the server announces all its host keys, as public key blobs (OpenSSH PROTOCOL §2.5). Nothing is
    /// proven: `prove` asks for that.
    HostKeys(Strings<'b>),
    /// One signature blob for each key that `prove` asked about, for `is_proof` to verify, or a refusal.
    Proofs(Option<Strings<'b>>),
}

/// Which request is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Request {
    None,
    Password,
    Probe(Fingerprint),
    Signed,
    Interactive,
}

#[derive(Debug, Default)]
enum Stage {
    #[default]
    Away,
    Idle,
    Pending(Request),
    Prompted,
    Done,
}

/// State of a client's login.
#[derive(Debug, Default)]
pub struct State {
    stage: Stage,
    service: Service,
    rounds: u32,
    banners: u32,
    /// Whether a credential that the server judged has been sent.
    partial: bool,
}

/// `ssh-userauth` (RFC 4253 §10): asked for and used at once, since the answer can only be yes or a goodbye.
#[derive(Debug, Default, PartialEq, Eq)]
enum Service {
    #[default]
    Away,
    Owed,
    Asked,
    Accepted,
}

impl State {
    /// Whether a request may be sent.
    pub(crate) const fn is_ready(&self) -> bool {
        matches!(self.stage, Stage::Idle)
    }

    /// Whether prompts wait for their answers.
    pub(crate) const fn is_prompted(&self) -> bool {
        matches!(self.stage, Stage::Prompted)
    }

    /// A request was sent.
    pub(crate) const fn requested(&mut self, request: Request) {
        self.stage = Stage::Pending(request);
    }
}

impl Login<Client> for State {
    fn start(&mut self) {
        if self.service == Service::Away {
            self.service = Service::Owed;
            self.stage = Stage::Idle;
        }
    }

    fn phase(&self) -> Phase {
        match (&self.stage, &self.service) {
            (Stage::Done, _) => Phase::Connected,
            (_, Service::Accepted) => Phase::Login,
            _ => Phase::Service,
        }
    }

    fn is_done(&self) -> bool {
        matches!(self.stage, Stage::Done)
    }

    fn waiting(&self) -> Option<Waiting> {
        None
    }

    fn owes(&self, _now: Instant) -> bool {
        self.service == Service::Owed
    }

    fn due(&self) -> Option<Instant> {
        None
    }

    fn receive<'b, P: Provider>(&mut self, arrival: Arrival<'_, 'b>) -> Result<Option<Event<'b>>, Error> {
        let Arrival { config, serials, number, body, .. } = arrival;
        let limits = &config.login;
        let malformed = |Malformed| Error::Malformed(Some(number));
        match number {
            ServiceAccept::NUMBER => self.accept(&ServiceAccept::decode(body).map_err(malformed)?),
            UserauthBanner::NUMBER => {
                let banner = UserauthBanner::decode(body).map_err(malformed)?;
                self.banners = self.banners.saturating_add(1);
                Ok((self.banners <= limits.max_banners).then_some(Event::Banner(banner.message)))
            }
            UserauthFailure::NUMBER => self.refused(&UserauthFailure::decode(body).map_err(malformed)?),
            UserauthSuccess::NUMBER => {
                UserauthSuccess::decode(body).map_err(malformed)?;
                self.succeed(limits)
            }
            60 => self.receive_60::<P>(limits, serials, body),
            _ => Err(Violation::Unexpected(number).into()),
        }
    }

    fn flush<P: Provider>(&mut self, _now: Instant, sender: &mut Sender<'_, '_, Client, P>) -> Result<(), Refused> {
        if self.service == Service::Owed {
            sender.send(&ServiceRequest { service: USERAUTH })?;
            self.service = Service::Asked;
        }
        Ok(())
    }
}

impl State {
    fn accept<'b>(&mut self, accept: &ServiceAccept<'_>) -> Result<Option<Event<'b>>, Error> {
        // Asked for once, so accepted once.
        if self.service != Service::Asked || accept.service != USERAUTH {
            return Err(Violation::Unexpected(ServiceAccept::NUMBER).into());
        }
        self.service = Service::Accepted;
        Ok(None)
    }

    fn refused<'b>(&mut self, failure: &UserauthFailure<'_>) -> Result<Option<Event<'b>>, Error> {
        let Stage::Pending(request) = self.stage else {
            return Err(Violation::Unexpected(UserauthFailure::NUMBER).into());
        };
        self.partial |= failure.partial && !matches!(request, Request::None | Request::Probe(_));
        self.stage = Stage::Idle;
        let methods = failure.methods.iter().filter_map(|name| Method::from_name(name.as_bytes())).collect();
        Ok(Some(Event::Refused { methods, partial: failure.partial }))
    }

    /// SUCCESS counts as earned when it answers a credential, or ends a chain in which one was right.
    fn succeed<'b>(&mut self, limits: &Limits) -> Result<Option<Event<'b>>, Error> {
        let Stage::Pending(request) = self.stage else {
            return Err(Violation::Unexpected(UserauthSuccess::NUMBER).into());
        };
        let earned = self.partial
            || match request {
                Request::Password | Request::Signed => true,
                Request::Interactive => self.rounds > 0,
                Request::None | Request::Probe(_) => false,
            };
        if !earned && limits.require_credential {
            return Err(Violation::Unearned.into());
        }
        self.stage = Stage::Done;
        Ok(Some(Event::Accepted { earned }))
    }

    /// Message 60 means what the open request makes of it.
    fn receive_60<'b, P: Provider>(
        &mut self,
        limits: &Limits,
        serials: &mut Serials,
        body: &'b [u8],
    ) -> Result<Option<Event<'b>>, Error> {
        let malformed = |Malformed| Error::Malformed(Some(60));
        match self.stage {
            Stage::Pending(Request::Probe(asked)) => {
                let answer = UserauthPkOk::decode(body).map_err(malformed)?;
                if fingerprint::<P>(answer.algorithm, answer.key) != asked {
                    return Err(Violation::Unexpected(60).into());
                }
                self.stage = Stage::Idle;
                Ok(Some(Event::KeyAccepted))
            }
            Stage::Pending(Request::Password) => {
                let answer = UserauthPasswdChangereq::decode(body).map_err(malformed)?;
                self.count_round(limits)?;
                self.stage = Stage::Idle;
                Ok(Some(Event::PasswordExpired { prompt: answer.prompt }))
            }
            Stage::Pending(Request::Interactive) => {
                let request = UserauthInfoRequest::decode(body).map_err(malformed)?;
                let prompts = Prompts::decode(request.count, request.prompts.0).map_err(malformed)?;
                self.count_round(limits)?;
                self.stage = Stage::Prompted;
                let UserauthInfoRequest { name, instruction, count, .. } = request;
                Ok(Some(Event::Prompts { name, instruction, prompts, ask: serials.ask(Answer(count)) }))
            }
            Stage::Away
            | Stage::Idle
            | Stage::Prompted
            | Stage::Done
            | Stage::Pending(Request::None | Request::Signed) => Err(Violation::Unexpected(60).into()),
        }
    }

    const fn count_round(&mut self, limits: &Limits) -> Result<(), Error> {
        self.rounds = self.rounds.saturating_add(1);
        if self.rounds > limits.max_rounds { Err(Error::Denied) } else { Ok(()) }
    }
}

/// A key and its algorithm, as a hash.
pub(crate) fn fingerprint<P: Provider>(algorithm: &[u8], key: &[u8]) -> Fingerprint {
    crypto::fingerprint::<P>(|sink| {
        sink.string(algorithm);
        sink.string(key);
    })
}
