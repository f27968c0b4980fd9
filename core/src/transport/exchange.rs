//! Key exchange (RFC 4253 §7 and §8, RFC 4419, RFC 5656 §4, RFC 8731): from KEXINIT to NEWKEYS, in both roles.
//!
//! ```text
//!                       Idle  <----------------------------------------+
//!                        | a rekey is due, or the peer's KEXINIT        |
//!                     Offered                                           |
//!           peer's KEXINIT |                                            |
//!        client -----------+-------------- server                       |
//!        |                              ChooseKey  (ask)                |
//!        | group exchange?                 | host_key()                 |
//!        +--> AwaitGroup                   | group exchange?            |
//!        |       | 34 sent, 31             +--> AwaitRequest            |
//!     AwaitReply <-+                       |       | 34                 |
//!        | 30 sent, 31 verified         AwaitInit <+ 31 sent            |
//!        |  (group: 32 sent, 33)           | 30  (group: 32)            |
//!     Trusting  (ask)                   Signing  (ask)                  |
//!        | trust()                         | sign(): 31  (group: 33)    |
//!        +------------ Keying -------------+                            |
//!                        | our NEWKEYS sent, the peer's received        |
//!                        +----------------------------------------------+
//! ```

use super::negotiate::{self, Markers, Offer, Summary};
use super::{Event, Question, Step, Transport, ident};
use crate::config::Config;
use crate::crypto::certificate::Kind;
use crate::crypto::group::{self, Group};
use crate::crypto::schedule::{Direction, Schedule, Transcript};
use crate::crypto::signature::{self, Presented};
use crate::crypto::{self, Exchange as _, Fingerprint, Hashing, Provider};
use crate::error::{Error, Refused, Violation};
use crate::role::Role;
use crate::seed::Random;
use crate::wire::transport::{
    GroupInitiate, GroupOffer, GroupReply, GroupRequest, KexInit, KexInitiate, KexReply, NewKeys,
};
use crate::wire::{Length, Message, Mpint, Sink};
use crate::{Output, Waiting};

/// Where the exchange stands.
pub(crate) enum Exchange<P: Provider> {
    Idle,
    Offered(Offered),
    AwaitGroup(Begun<P>),
    AwaitReply(AwaitReply<P>),
    Trusting(Trusting<P>),
    ChooseKey(Begun<P>),
    AwaitRequest(Begun<P>),
    AwaitInit(AwaitInit<P>),
    Signing(Signing<P>),
    Keying(Keying<P>),
}

/// Our KEXINIT is drawn up; the peer's is due.
pub(crate) struct Offered {
    cookie: [u8; 16],
    owed: bool,
}

/// Both KEXINITs are known.
pub(crate) struct Begun<P: Provider> {
    agreed: Summary,
    transcript: Transcript<P::Digest>,
    kexinit: Offered,
    /// The message on which the peer waits is due: a client's request or share, or a server's group.
    owed: bool,
    /// The peer's next message is a wrong guess.
    skip: bool,
}

/// Client: our share goes out, the server's is due.
pub(crate) struct AwaitReply<P: Provider> {
    begun: Begun<P>,
    ephemeral: P::Exchange,
    /// The group, if the server chose it.
    group: Option<Group>,
}

/// Client: everything is verified; the embedder decides on the host key.
pub(crate) struct Trusting<P: Provider> {
    keying: Keying<P>,
    fingerprint: Fingerprint,
}

/// Server: the client's share is due.
pub(crate) struct AwaitInit<P: Provider> {
    begun: Begun<P>,
    /// The group, if we chose it.
    group: Option<Group>,
}

/// Server: the exchange hash is being signed.
pub(crate) struct Signing<P: Provider> {
    keying: Keying<P>,
    share: <P::Exchange as crypto::Exchange>::Share,
}

/// The keys are known.
pub(crate) struct Keying<P: Provider> {
    agreed: Summary,
    schedule: Schedule<P::Digest>,
    sent: bool,
    received: bool,
}

/// What the peer may send, as far as the exchange restricts it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Expecting {
    Anything,
    Group,
    GroupShare,
    Share,
    NewKeys,
}

impl<P: Provider> Exchange<P> {
    pub(crate) const fn incoming(&self) -> Expecting {
        match self {
            Self::Idle | Self::Offered(_) | Self::Keying(Keying { received: true, .. }) => Expecting::Anything,
            Self::AwaitGroup(_) | Self::AwaitRequest(_) => Expecting::Group,
            Self::AwaitReply(AwaitReply { group: Some(_), .. }) | Self::AwaitInit(AwaitInit { group: Some(_), .. }) => {
                Expecting::GroupShare
            }
            Self::ChooseKey(begun) if begun.agreed.kex.has_group_exchange() => Expecting::Group,
            Self::AwaitReply(_) | Self::ChooseKey(_) | Self::AwaitInit(_) => Expecting::Share,
            Self::Trusting(_) | Self::Signing(_) | Self::Keying(_) => Expecting::NewKeys,
        }
    }

    pub(crate) const fn waiting(&self) -> Option<Waiting> {
        match self {
            Self::Trusting(_) => Some(Waiting::Trust),
            Self::ChooseKey(_) => Some(Waiting::HostKey),
            Self::Signing(_) => Some(Waiting::Signature),
            // The peer's next message may come in one flight with this one: ours has to leave before it is answered.
            Self::AwaitGroup(_) | Self::AwaitReply(_) | Self::AwaitRequest(_) | Self::AwaitInit(_) if self.owes() => {
                Some(Waiting::Output)
            }
            Self::Idle
            | Self::Offered(_)
            | Self::AwaitGroup(_)
            | Self::AwaitReply(_)
            | Self::AwaitRequest(_)
            | Self::AwaitInit(_)
            | Self::Keying(_) => None,
        }
    }

    /// What both KEXINITs came to, until the shares are exchanged.
    const fn begun(&mut self) -> Option<&mut Begun<P>> {
        match self {
            Self::AwaitGroup(begun)
            | Self::AwaitReply(AwaitReply { begun, .. })
            | Self::ChooseKey(begun)
            | Self::AwaitRequest(begun)
            | Self::AwaitInit(AwaitInit { begun, .. }) => Some(begun),
            Self::Idle | Self::Offered(_) | Self::Trusting(_) | Self::Signing(_) | Self::Keying(_) => None,
        }
    }

    /// Whether no exchange is going on.
    pub(crate) const fn is_idle(&self) -> bool {
        matches!(self, Self::Idle)
    }

    pub(crate) const fn owes(&self) -> bool {
        match self {
            Self::Idle | Self::Trusting(_) | Self::Signing(_) => false,
            Self::Offered(Offered { owed, .. }) => *owed,
            Self::AwaitGroup(begun)
            | Self::AwaitReply(AwaitReply { begun, .. })
            | Self::ChooseKey(begun)
            | Self::AwaitRequest(begun)
            | Self::AwaitInit(AwaitInit { begun, .. }) => begun.kexinit.owed || begun.owed,
            Self::Keying(state) => !state.sent,
        }
    }

    const fn take(&mut self) -> Self {
        core::mem::replace(self, Self::Idle)
    }
}

impl<P: Provider> core::fmt::Debug for Exchange<P> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Idle => "Idle",
            Self::Offered(_) => "Offered",
            Self::AwaitGroup(_) => "AwaitGroup",
            Self::AwaitReply(_) => "AwaitReply",
            Self::Trusting(_) => "Trusting",
            Self::ChooseKey(_) => "ChooseKey",
            Self::AwaitRequest(_) => "AwaitRequest",
            Self::AwaitInit(_) => "AwaitInit",
            Self::Signing(_) => "Signing",
            Self::Keying(_) => "Keying",
        })
    }
}

impl<R: Role, P: Provider> Transport<R, P> {
    /// Begins an exchange, unless one is under way: draws up our KEXINIT. Returns whether it did.
    pub(crate) fn offer(&mut self, random: &mut Random) -> bool {
        let begins = self.exchange.is_idle();
        if begins {
            self.exchange = Exchange::Offered(Offered { cookie: random.array(), owed: true });
        }
        begins
    }

    /// Whether an exchange is under way.
    pub(crate) const fn is_exchanging(&self) -> bool {
        !self.exchange.is_idle()
    }

    /// Handles the messages of the exchange, which are lawful now as far as their number tells.
    pub(crate) fn receive_exchange<'b>(
        &mut self,
        config: &Config,
        random: &mut Random,
        number: u8,
        body: &'b [u8],
    ) -> Result<Step<'b>, Error> {
        let malformed = |_| Error::Malformed(Some(number));
        if number == KexInit::NUMBER {
            return self.receive_offer(config, random, body);
        }
        if number == NewKeys::NUMBER {
            NewKeys::decode(body).map_err(malformed)?;
            return self.receive_keys();
        }
        if let Some(Begun { skip: skip @ true, .. }) = self.exchange.begun() {
            *skip = false;
            return Ok(Step::Done);
        }
        let (client, server) = (R::SENDS == Direction::ToServer, R::SENDS == Direction::ToClient);
        // Which role may be where is said once more, so that neither's image holds the other's half.
        match (self.exchange.take(), number) {
            (Exchange::AwaitGroup(begun), GroupOffer::NUMBER) if client => {
                self.receive_group(random, begun, &GroupOffer::decode(body).map_err(malformed)?)
            }
            (Exchange::AwaitReply(state @ AwaitReply { group: None, .. }), KexReply::NUMBER) if client => {
                self.receive_reply(config, state, &KexReply::decode(body).map_err(malformed)?)
            }
            (Exchange::AwaitReply(state @ AwaitReply { group: Some(_), .. }), GroupReply::NUMBER) if client => {
                let GroupReply { host_key, share, signature } = GroupReply::decode(body).map_err(malformed)?;
                self.receive_reply(config, state, &KexReply { host_key, share, signature })
            }
            (Exchange::AwaitRequest(begun), GroupRequest::NUMBER) if server => {
                self.receive_request(begun, &GroupRequest::decode(body).map_err(malformed)?)
            }
            (Exchange::AwaitInit(state @ AwaitInit { group: None, .. }), KexInitiate::NUMBER) if server => {
                self.receive_init(random, state, KexInitiate::decode(body).map_err(malformed)?.share)
            }
            (Exchange::AwaitInit(state @ AwaitInit { group: Some(_), .. }), GroupInitiate::NUMBER) if server => {
                self.receive_init(random, state, GroupInitiate::decode(body).map_err(malformed)?.share)
            }
            _ => Err(Violation::Unexpected(number).into()),
        }
    }

    /// Whether the next message of the exchange is a wrong guess, to be dropped whatever its number (RFC 4253 §7).
    pub(crate) const fn skips(&mut self) -> bool {
        matches!(self.exchange.begun(), Some(Begun { skip: true, .. }))
    }

    /// The peer's KEXINIT: both sides now come to the same choice.
    fn receive_offer<'b>(&mut self, config: &Config, random: &mut Random, body: &[u8]) -> Result<Step<'b>, Error> {
        let peer = &KexInit::decode(body).map_err(|_| Error::Malformed(Some(KexInit::NUMBER)))?;
        self.offer(random);
        let Exchange::Offered(kexinit) = self.exchange.take() else {
            return Err(Violation::Unexpected(KexInit::NUMBER).into());
        };
        let first = self.session.is_none();
        if first {
            self.receive_markers(config, peer)?;
        }
        let agreed = negotiate::agree::<R, P>(config, peer, self.strict, first).map_err(Error::Incompatible)?;
        if !self.strict && (agreed.to_server.is_exposed() || agreed.to_client.is_exposed()) {
            return Err(Violation::NotStrict.into());
        }
        let transcript = self.transcript(config, &agreed, &kexinit, body).ok_or(Error::Exchange)?;
        let skip = peer.guess_follows && !negotiate::guessed_right::<R, P>(&config.preferences, peer);
        let begun = Begun { agreed, transcript, kexinit, owed: R::SENDS == Direction::ToServer, skip };
        if R::SENDS == Direction::ToClient {
            self.exchange = Exchange::ChooseKey(begun);
            return Ok(Step::Question(Question::HostKey { algorithm: agreed.host_key }));
        }
        self.exchange = if agreed.kex.has_group_exchange() {
            Exchange::AwaitGroup(begun)
        } else {
            let ephemeral = P::Exchange::start(agreed.kex, random).ok_or(Error::Exchange)?;
            Exchange::AwaitReply(AwaitReply { begun, ephemeral, group: None })
        };
        Ok(Step::Done)
    }

    /// What only the first KEXINIT says: strict key exchange asks that it be the first packet of all.
    fn receive_markers(&mut self, config: &Config, peer: &KexInit<'_>) -> Result<(), Error> {
        let Markers { strict, ext_info } = Markers::of::<R>(peer);
        if strict && self.opening.sequence() != 1 {
            return Err(Violation::StrictKex.into());
        }
        if config.require_strict && !strict {
            return Err(Violation::NotStrict.into());
        }
        self.strict = strict;
        self.extensions.wanted = ext_info;
        Ok(())
    }

    /// `V_C, V_S, I_C, I_S` (RFC 4253 §8). Our KEXINIT is written out again rather than kept: it is a function of its
    /// cookie.
    fn transcript(
        &self,
        config: &Config,
        agreed: &Summary,
        kexinit: &Offered,
        peer: &[u8],
    ) -> Option<Transcript<P::Digest>> {
        let ours = Offer { preferences: &config.preferences, cookie: kexinit.cookie, first: agreed.first };
        let mut length = Length::default();
        ours.encode::<R, P>(&mut length);
        let line = ident::ours(config.software);
        let hash = agreed.kex.hash();
        let theirs = |sink: &mut Hashing<'_, P::Digest>| {
            sink.u8(KexInit::NUMBER);
            sink.put(peer);
        };
        Some(match R::SENDS {
            Direction::ToServer => Transcript::<P::Digest>::new(hash, &line, self.ident.line())?
                .with_written(length.0, |sink| ours.encode::<R, P>(sink))
                .with_written(peer.len().saturating_add(1), theirs),
            Direction::ToClient => Transcript::<P::Digest>::new(hash, self.ident.line(), &line)?
                .with_written(peer.len().saturating_add(1), theirs)
                .with_written(length.0, |sink| ours.encode::<R, P>(sink)),
        })
    }

    /// Client: the group that the server chose.
    fn receive_group<'b>(
        &mut self,
        random: &mut Random,
        begun: Begun<P>,
        offer: &GroupOffer<'_>,
    ) -> Result<Step<'b>, Error> {
        let group = Group::accept(&group::REQUEST, offer, random)?;
        let ephemeral = P::Exchange::start_in(&group, random).ok_or(Error::Exchange)?;
        let begun = Begun { owed: true, ..begun };
        self.exchange = Exchange::AwaitReply(AwaitReply { begun, ephemeral, group: Some(group) });
        Ok(Step::Done)
    }

    /// Client: the server's host key, share and signature.
    fn receive_reply<'b>(
        &mut self,
        config: &Config,
        state: AwaitReply<P>,
        reply: &KexReply<'b>,
    ) -> Result<Step<'b>, Error> {
        let AwaitReply { begun: Begun { agreed, mut transcript, kexinit, .. }, ephemeral, group } = state;
        transcript = transcript.with_string(reply.host_key);
        if let Some(group) = &group {
            transcript = transcript.with_group(&group::REQUEST, group);
        }
        transcript = transcript.with_string(ephemeral.offer().as_ref()).with_string(reply.share);
        let secret = ephemeral.finish(reply.share)?;
        self.keylog.note(kexinit.cookie, &secret);
        let (hash, schedule) = transcript.finish(&secret, self.session);
        let algorithm = agreed.host_key;
        let presented =
            Presented::decode::<P>(algorithm, reply.host_key, config.min_rsa_bits).map_err(|_| Error::Exchange)?;
        if let Some(certificate) = presented.certificate() {
            let signed = certificate.is_signed::<P>(&config.preferences.authorities);
            signed.ok().filter(|()| certificate.kind == Kind::Host).ok_or(Error::Exchange)?;
        }
        signature::verify::<P>(algorithm, presented.key(), hash.as_bytes(), reply.signature)
            .map_err(|_| Error::Exchange)?;
        let fingerprint = fingerprint::<P>(reply.host_key);
        self.first_key = self.first_key.or(Some(fingerprint));
        let keying = Keying { agreed, schedule, sent: false, received: false };
        if self.trusted == Some(fingerprint) {
            self.exchange = Exchange::Keying(keying);
            return Ok(Step::Done);
        }
        self.exchange = Exchange::Trusting(Trusting { keying, fingerprint });
        Ok(Step::Question(Question::Trust { algorithm, key: reply.host_key, signature: reply.signature }))
    }

    /// Client: the embedder trusts the host key.
    pub(crate) fn trust(&mut self) {
        if !matches!(self.exchange, Exchange::Trusting(_)) {
            return;
        }
        if let Exchange::Trusting(Trusting { keying, fingerprint }) = self.exchange.take() {
            self.trusted = Some(fingerprint);
            self.exchange = Exchange::Keying(keying);
        }
    }

    /// Server: the embedder shows this host key.
    pub(crate) fn host_key(&mut self, public: &[u8]) {
        if !matches!(self.exchange, Exchange::ChooseKey(_)) {
            return;
        }
        if let Exchange::ChooseKey(begun) = self.exchange.take() {
            self.first_key = self.first_key.or_else(|| Some(fingerprint::<P>(public)));
            let begun = Begun { transcript: begun.transcript.with_string(public), ..begun };
            self.exchange = if begun.agreed.kex.has_group_exchange() {
                Exchange::AwaitRequest(begun)
            } else {
                Exchange::AwaitInit(AwaitInit { begun, group: None })
            };
        }
    }

    /// Server: what size of group the client wants.
    fn receive_request<'b>(&mut self, begun: Begun<P>, request: &GroupRequest) -> Result<Step<'b>, Error> {
        let group = Group::choose(request).ok_or(Error::Exchange)?;
        let transcript = begun.transcript.with_group(request, &group);
        let begun = Begun { transcript, owed: true, ..begun };
        self.exchange = Exchange::AwaitInit(AwaitInit { begun, group: Some(group) });
        Ok(Step::Done)
    }

    /// Server: the client's share.
    fn receive_init<'b>(&mut self, random: &mut Random, state: AwaitInit<P>, offer: &[u8]) -> Result<Step<'b>, Error> {
        let AwaitInit { begun: Begun { agreed, transcript, kexinit, .. }, group } = state;
        let (share, secret) = match &group {
            Some(group) => P::Exchange::respond_in(group, random, offer)?,
            None => P::Exchange::respond(agreed.kex, random, offer)?,
        };
        self.keylog.note(kexinit.cookie, &secret);
        let (hash, schedule) = transcript.with_string(offer).with_string(share.as_ref()).finish(&secret, self.session);
        let keying = Keying { agreed, schedule, sent: false, received: false };
        self.exchange = Exchange::Signing(Signing { keying, share });
        Ok(Step::Question(Question::Sign { algorithm: agreed.host_key, hash }))
    }

    /// Server: the signature is there; the reply leaves.
    pub(crate) fn sign(
        &mut self,
        random: &mut Random,
        output: &mut Output<'_>,
        public: &[u8],
        signature: &[u8],
    ) -> Result<(), Refused> {
        let Exchange::Signing(Signing { keying, share }) = &self.exchange else { return Err(Refused::Moot) };
        if keying.agreed.kex.has_group_exchange() {
            self.sealing.send(random, output, &GroupReply { host_key: public, share: share.as_ref(), signature })?;
        } else {
            self.sealing.send(random, output, &KexReply { host_key: public, share: share.as_ref(), signature })?;
        }
        if let Exchange::Signing(Signing { keying, .. }) = self.exchange.take() {
            self.exchange = Exchange::Keying(keying);
        }
        Ok(())
    }

    /// Writes KEXINIT, what the peer waits for, and NEWKEYS, as far as they are owed.
    pub(super) fn flush_exchange(
        &mut self,
        config: &Config,
        random: &mut Random,
        output: &mut Output<'_>,
    ) -> Result<(), Refused> {
        self.flush_offer(config, random, output)?;
        if self.exchange.begun().is_some_and(|begun| begun.owed) {
            self.send_due(random, output)?;
        }
        self.flush_keys(random, output)
    }

    /// A client's request or share, or a server's group.
    fn send_due(&mut self, random: &mut Random, output: &mut Output<'_>) -> Result<(), Refused> {
        let client = R::SENDS == Direction::ToServer;
        if client && let Exchange::AwaitGroup(_) = &self.exchange {
            self.sealing.send(random, output, &group::REQUEST)?;
        }
        if client && let Exchange::AwaitReply(AwaitReply { ephemeral, group, .. }) = &self.exchange {
            let share = ephemeral.offer();
            let share = share.as_ref();
            match group {
                Some(_) => self.sealing.send(random, output, &GroupInitiate { share })?,
                None => self.sealing.send(random, output, &KexInitiate { share })?,
            }
        }
        if let Exchange::AwaitInit(AwaitInit { group: Some(group), .. }) = &self.exchange {
            let (prime, generator) = (Mpint(group.prime()), Mpint(group.generator()));
            self.sealing.send(random, output, &GroupOffer { prime, generator })?;
        }
        if let Some(begun) = self.exchange.begun() {
            begun.owed = false;
        }
        Ok(())
    }

    /// Our KEXINIT; from here on nothing but the exchange is sent.
    fn flush_offer(&mut self, config: &Config, random: &mut Random, output: &mut Output<'_>) -> Result<(), Refused> {
        let first = self.session.is_none();
        let kexinit = if let Exchange::Offered(kexinit) = &mut self.exchange {
            Some(kexinit)
        } else {
            self.exchange.begun().map(|begun| &mut begun.kexinit)
        };
        let Some(kexinit) = kexinit.filter(|kexinit| kexinit.owed) else { return Ok(()) };
        let offer = Offer { preferences: &config.preferences, cookie: kexinit.cookie, first };
        self.sealing.write(random, output, &|sink| offer.encode::<R, P>(sink))?;
        kexinit.owed = false;
        self.sealing.silence();
        Ok(())
    }

    fn flush_keys(&mut self, random: &mut Random, output: &mut Output<'_>) -> Result<(), Refused> {
        let Exchange::Keying(Keying { agreed, schedule, sent: sent @ false, .. }) = &mut self.exchange else {
            return Ok(());
        };
        let suite = agreed.suite(R::SENDS);
        // A provider that has not what it lists never leaves the exchange.
        let key = P::seal(suite.cipher, suite.mac, &schedule.keys(R::SENDS)).ok_or(Refused::Busy)?;
        self.sealing.send(random, output, &NewKeys {})?;
        *sent = true;
        self.sealing.rekey(key, suite.zip, agreed.strict);
        self.extensions.owed = agreed.first && self.extensions.wanted;
        self.session = Some(schedule.session_id());
        self.settle();
        Ok(())
    }

    /// The peer's NEWKEYS: the next packet is under the new keys.
    fn receive_keys<'b>(&mut self) -> Result<Step<'b>, Error> {
        let Exchange::Keying(Keying { agreed, schedule, received: received @ false, .. }) = &mut self.exchange else {
            return Err(Violation::Unexpected(NewKeys::NUMBER).into());
        };
        *received = true;
        let direction = negotiate::opposite(R::SENDS);
        let suite = agreed.suite(direction);
        let lacking = Error::Incompatible(negotiate::lacking(direction));
        let key = P::open(suite.cipher, suite.mac, &schedule.keys(direction)).ok_or(lacking)?;
        self.opening.rekey(key, suite.zip, agreed.strict);
        self.session = Some(schedule.session_id());
        let summary = *agreed;
        self.settle();
        Ok(Step::Event(Event::Keyed(summary)))
    }

    /// Ends the exchange once both NEWKEYS are through.
    fn settle(&mut self) {
        if matches!(self.exchange, Exchange::Keying(Keying { sent: true, received: true, .. })) {
            self.exchange = Exchange::Idle;
        }
    }
}

/// By which a host key is known again.
pub(crate) fn fingerprint<P: Provider>(host_key: &[u8]) -> Fingerprint {
    crypto::fingerprint::<P>(|sink| sink.put(host_key))
}
