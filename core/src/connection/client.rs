//! What only a client may do: trust the host key, log in.

use super::Connection;
use crate::Output;
use crate::algorithm::HostKey;
use crate::auth::client::{Request, fingerprint};
use crate::auth::{CONNECTION, ClientHost, HOSTBOUND, Method, SigningMessage};
use crate::channel::{self, Slot};
use crate::crypto::Provider;
use crate::error::{Error, Refused};
use crate::event::{Answer, Ask, Trust};
use crate::role::Client;
use crate::transport::{self, Sender};
use crate::wire::auth::{
    HostFields, HostboundSignedFields, InteractiveFields, PasswordChangeFields, PasswordFields, ProbeFields,
    SignedFields, UserauthInfoResponse, UserauthRequest,
};
use crate::wire::{Names, Rest, Sink};

impl<P: Provider, T: AsMut<[Slot]> + AsRef<[Slot]>> Connection<Client, P, T> {
    /// The host key is the host's.
    pub fn trust(&mut self, ask: Ask<Trust>) {
        if self.exchange_ask.take_if(|open| *open == ask.serial).is_some() {
            self.transport.trust();
        }
    }

    /// The host key is not the host's: the connection is over.
    pub fn distrust(&mut self, ask: Ask<Trust>) {
        if self.exchange_ask.take_if(|open| *open == ask.serial).is_some() {
            self.fail(Error::Untrusted);
        }
    }

    /// Whether the server takes signatures of this algorithm; `None` if it did not say (RFC 8308 §3.1).
    pub fn accepts(&self, algorithm: HostKey) -> Option<bool> {
        self.transport.accepts(algorithm)
    }

    /// Whether the server takes logins that name its host key, as those by
    /// [`public_key_bound`](Self::public_key_bound) do (OpenSSH PROTOCOL §3.1).
    pub const fn is_hostbound(&self) -> bool {
        self.transport.is_hostbound()
    }

    /// The request by which the server is asked to have the agent used: by its standard name, where the server said that
    /// it knows that (RFC 9987 §6.1), and by OpenSSH's otherwise.
    pub const fn agent_request(&self) -> channel::Request<'static> {
        if self.transport.knows_agent_req() { channel::Request::AgentStandard } else { channel::Request::Agent }
    }

    /// Asks which methods there are, by `none` (RFC 4252 §5.2). The server may let anybody in by it.
    pub fn login_none(&mut self, user: &[u8], output: &mut Output<'_>) -> Result<(), Refused> {
        self.login_request(user, Method::None.name().as_bytes(), Request::None, output, |_| {})
    }

    /// Logs in by password (RFC 4252 §8).
    pub fn password(&mut self, user: &[u8], password: &[u8], output: &mut Output<'_>) -> Result<(), Refused> {
        self.login_request(user, Method::Password.name().as_bytes(), Request::Password, output, |sink| {
            PasswordFields { change: false, password }.encode(sink);
        })
    }

    /// Logs in by an expired password and its successor (RFC 4252 §8).
    pub fn change_password(
        &mut self,
        user: &[u8],
        old: &[u8],
        new: &[u8],
        output: &mut Output<'_>,
    ) -> Result<(), Refused> {
        self.login_request(user, Method::Password.name().as_bytes(), Request::Password, output, |sink| {
            PasswordChangeFields { change: true, old, new }.encode(sink);
        })
    }

    /// Asks whether a key would do, before the trouble of a signature (RFC 4252 §7).
    pub fn probe(
        &mut self,
        user: &[u8],
        algorithm: HostKey,
        key: &[u8],
        output: &mut Output<'_>,
    ) -> Result<(), Refused> {
        let name = algorithm.name().as_bytes();
        let request = Request::Probe(fingerprint::<P>(name, key));
        self.login_request(user, Method::PublicKey.name().as_bytes(), request, output, |sink| {
            ProbeFields { signed: false, algorithm: name, key }.encode(sink);
        })
    }

    /// What [`public_key`](Self::public_key) must be given a signature on.
    pub fn signing_message(&self, user: &[u8], algorithm: HostKey, key: &[u8]) -> Result<SigningMessage, Refused> {
        let session = self.session_id().ok_or(Refused::NotYet)?;
        SigningMessage::new(&session, user, algorithm.name().as_bytes(), key, None).ok_or(Refused::TooLong)
    }

    /// What [`public_key_bound`](Self::public_key_bound) must be given a signature on. `host_key` is the blob of the
    /// first [`Event::HostKey`](crate::auth::client::Event::HostKey); another is [`Refused::WrongKey`].
    pub fn signing_message_bound(
        &self,
        user: &[u8],
        algorithm: HostKey,
        key: &[u8],
        host_key: &[u8],
    ) -> Result<SigningMessage, Refused> {
        let session = self.session_id().ok_or(Refused::NotYet)?;
        self.check_host_key(host_key)?;
        let algorithm = algorithm.name().as_bytes();
        SigningMessage::new(&session, user, algorithm, key, Some(host_key)).ok_or(Refused::TooLong)
    }

    /// Logs in by a key (RFC 4252 §7): `signature` is the signature blob on
    /// [`signing_message`](Self::signing_message).
    pub fn public_key(
        &mut self,
        user: &[u8],
        algorithm: HostKey,
        key: &[u8],
        signature: &[u8],
        output: &mut Output<'_>,
    ) -> Result<(), Refused> {
        let algorithm = algorithm.name().as_bytes();
        self.login_request(user, Method::PublicKey.name().as_bytes(), Request::Signed, output, |sink| {
            SignedFields { signed: true, algorithm, key, signature }.encode(sink);
        })
    }

    /// Logs in by a key at this very host (OpenSSH PROTOCOL §3.1), if the server
    /// [takes that](Self::is_hostbound): `signature` is the signature blob on
    /// [`signing_message_bound`](Self::signing_message_bound).
    pub fn public_key_bound(
        &mut self,
        user: &[u8],
        algorithm: HostKey,
        key: &[u8],
        host_key: &[u8],
        signature: &[u8],
        output: &mut Output<'_>,
    ) -> Result<(), Refused> {
        self.check_host_key(host_key)?;
        let algorithm = algorithm.name().as_bytes();
        self.login_request(user, HOSTBOUND, Request::Signed, output, |sink| {
            HostboundSignedFields { signed: true, algorithm, key, host_key, signature }.encode(sink);
        })
    }

    fn check_host_key(&self, host_key: &[u8]) -> Result<(), Refused> {
        if self.transport.first_key() == Some(transport::fingerprint::<P>(host_key)) {
            Ok(())
        } else {
            Err(Refused::WrongKey)
        }
    }

    /// What [`host_based`](Self::host_based) must be given the host's signature on.
    pub fn host_signing_message(&self, user: &[u8], host: &ClientHost<'_>) -> Result<SigningMessage, Refused> {
        let session = self.session_id().ok_or(Refused::NotYet)?;
        SigningMessage::host(&session, user, host).ok_or(Refused::TooLong)
    }

    /// Logs in by the word of the host that the client runs on (RFC 4252 §9): `signature` is the signature blob of its key
    /// on [`host_signing_message`](Self::host_signing_message).
    pub fn host_based(
        &mut self,
        user: &[u8],
        host: &ClientHost<'_>,
        signature: &[u8],
        output: &mut Output<'_>,
    ) -> Result<(), Refused> {
        let ClientHost { algorithm, key, host, user: host_user } = *host;
        let algorithm = algorithm.name().as_bytes();
        self.login_request(user, Method::HostBased.name().as_bytes(), Request::Signed, output, |sink| {
            HostFields { algorithm, key, host, host_user, signature }.encode(sink);
        })
    }

    /// Asks to be asked (RFC 4256 §3.1).
    pub fn interactive(&mut self, user: &[u8], output: &mut Output<'_>) -> Result<(), Refused> {
        self.login_request(user, Method::Interactive.name().as_bytes(), Request::Interactive, output, |sink| {
            InteractiveFields { language: b"", submethods: Names::new(b"") }.encode(sink);
        })
    }

    /// Answers prompts, one answer each (RFC 4256 §3.4).
    pub fn answer(&mut self, ask: &Ask<Answer>, answers: &[&[u8]], output: &mut Output<'_>) -> Result<(), Refused> {
        if !self.login.is_prompted() || self.login_ask != Some(ask.serial) {
            return Err(Refused::Moot);
        }
        let count = ask.question.0;
        if u32::try_from(answers.len()) != Ok(count) {
            return Err(Refused::Moot);
        }
        self.settle_login(output)?;
        let head = UserauthInfoResponse { count, answers: Rest(b"") };
        let mut sender = Sender { transport: &mut self.transport, random: &mut self.random, output };
        sender.send_with(&head, |sink| answers.iter().for_each(|answer| sink.string(answer)))?;
        self.login.requested(Request::Interactive);
        Ok(())
    }

    fn login_request(
        &mut self,
        user: &[u8],
        method: &[u8],
        request: Request,
        output: &mut Output<'_>,
        fields: impl Fn(&mut dyn Sink),
    ) -> Result<(), Refused> {
        self.settle_login(output)?;
        if !self.login.is_ready() {
            return Err(Refused::NotYet);
        }
        let head = UserauthRequest { user, service: CONNECTION, method, fields: Rest(b"") };
        Sender { transport: &mut self.transport, random: &mut self.random, output }.send_with(&head, fields)?;
        self.login.requested(request);
        Ok(())
    }

    /// Lets what is owed leave first: NEWKEYS and the request for the service, with which a login shares its flight.
    fn settle_login(&mut self, output: &mut Output<'_>) -> Result<(), Refused> {
        if self.fate.is_some() {
            return Err(Refused::Closed);
        }
        self.flush_all(output)?;
        match self.transport.is_silent() {
            true if self.transport.sends_keyed() => Err(Refused::Busy),
            true => Err(Refused::NotYet),
            false => Ok(()),
        }
    }
}
