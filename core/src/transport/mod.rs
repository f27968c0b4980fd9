//! The transport layer (RFC 4253): identification, packets, negotiation and key exchange, in two halves that share only
//! the exchange.
//!
//! ```text
//! opening   IDENT -> packets in the clear -> packets under keys (renewed at each of the peer's NEWKEYS)
//! sealing   IDENT -> packets in the clear -> packets under keys (renewed at each of our NEWKEYS)
//! exchange  Idle -> Offered -> [role's questions and shares] -> Keying -> Idle
//! ```
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::cast_possible_truncation
    )
)]

mod exchange;
mod ident;
#[cfg_attr(not(feature = "keylog"), path = "no_keylog.rs")]
mod keylog;
mod negotiate;
mod packet;
mod rekey;
mod tap;
mod zipping;

#[cfg(feature = "keylog")]
pub use keylog::KeyLog;
pub use negotiate::{Suite, Summary};
pub use rekey::{Meter, Traffic};
pub use tap::{Heard, Tap};

use crate::algorithm::{HostKey, LIST};
use crate::config::Config;
use crate::crypto::schedule::Direction;
use crate::crypto::{Fingerprint, HashValue, Provider};
use crate::error::{Error, Reason, Refused, Violation};
use crate::role::Role;
use crate::seed::{Random, Seed};
use crate::wire::legality::Phase;
use crate::wire::transport::{Debug, Disconnect, ExtInfo, Ignore, Ping, Pong, Unimplemented};
use crate::wire::{Message, Names, Reader, Sink};
use crate::{Input, Output, Waiting};
use core::marker::PhantomData;
use exchange::Exchange;
pub(crate) use exchange::fingerprint;
use heapless::Vec;
use ident::{Ident, Line};
pub(crate) use packet::Packet;
use packet::{Opening, Sealing};

/// What the transport layer reports. Text is the peer's: untrusted bytes.
#[derive(Debug)]
pub enum Event<'b> {
    /// The server's line before its identification (RFC 4253 §4.2), without its end.
    Text(&'b [u8]),
    /// A key exchange is complete, in both directions.
    Keyed(Summary),
    /// The server's EXT_INFO arrived: [`accepts`](crate::Connection::accepts) knows its `server-sig-algs`.
    Extensions,
    /// A DEBUG message (RFC 4253 §11.3).
    Debug {
        /// Whether the peer wants it shown.
        always_display: bool,
        /// What it says.
        message: &'b [u8],
    },
    /// A DISCONNECT (RFC 4253 §11.1); the next call returns the error.
    Disconnected {
        /// Why.
        reason: Reason,
        /// What it says.
        message: &'b [u8],
    },
}

/// What an exchange needs from outside before it can go on.
pub(crate) enum Question<'b> {
    /// Client: is this host key trusted? Its signature has been verified.
    Trust { algorithm: HostKey, key: &'b [u8], signature: &'b [u8] },
    /// Server: which host key of this algorithm?
    HostKey { algorithm: HostKey },
    /// Server: the signature on this exchange hash.
    Sign { algorithm: HostKey, hash: HashValue },
}

/// What became of a packet.
pub(crate) enum Step<'b> {
    /// Handled, with nothing to tell.
    Done,
    /// Handled, with something to tell.
    Event(Event<'b>),
    /// A question came up.
    Question(Question<'b>),
}

/// Answers owed to unknown messages, and PONGs, before reading stops.
const OWED_REPLIES: usize = 8;
/// Longest PING that is echoed; the only sender of PINGs that is known of sends 5 bytes.
const LONGEST_PING: usize = 64;
/// Extensions that are looked at (RFC 8308 §2.3 names five).
const MOST_EXTENSIONS: u32 = 64;
/// The extension by which a server takes logins that name its host key (OpenSSH PROTOCOL §3.1).
const HOSTBOUND: &[u8] = b"publickey-hostbound@openssh.com";
/// The extension by which a server says that it knows `agent-req` (RFC 9987 §6.1).
const AGENT_FORWARD: &[u8] = b"agent-forward";

pub(crate) struct Transport<R, P: Provider> {
    ident: Ident,
    ident_owed: bool,
    opening: Opening<P::Open, P::Inflate>,
    sealing: Sealing<P::Seal, P::Deflate>,
    exchange: Exchange<P>,
    strict: bool,
    session: Option<HashValue>,
    /// SHA-256 of the host key trusted last (client).
    trusted: Option<Fingerprint>,
    /// SHA-256 of the host key of the first exchange.
    first_key: Option<Fingerprint>,
    extensions: Extensions,
    unimplemented: Vec<u32, OWED_REPLIES>,
    pong: Option<Vec<u8, LONGEST_PING>>,
    disconnect: Option<Reason>,
    keylog: keylog::Kept,
    role: PhantomData<R>,
}

/// RFC 8308, both ways.
#[derive(Debug, Default)]
struct Extensions {
    /// The peer can take our EXT_INFO.
    wanted: bool,
    owed: bool,
    /// How many came, and whether one may come now.
    received: u8,
    /// Packets opened since the peer's first NEWKEYS, saturating.
    since_keys: u8,
    /// `server-sig-algs`, as a set.
    signatures: Option<Vec<HostKey, LIST>>,
    /// The server takes logins that name its host key.
    hostbound: bool,
    /// The server forwards agents under the names of the standard.
    agent_forward: bool,
}

impl<R: Role, P: Provider> Transport<R, P> {
    pub(crate) fn new() -> Self {
        Self {
            ident: Ident::default(),
            ident_owed: true,
            opening: Opening::new(),
            sealing: Sealing::new(),
            exchange: Exchange::Idle,
            strict: false,
            session: None,
            trusted: None,
            first_key: None,
            extensions: Extensions::default(),
            unimplemented: Vec::new(),
            pong: None,
            disconnect: None,
            keylog: keylog::Kept::new(),
            role: PhantomData,
        }
    }

    /// Takes the next thing off the input: a line while the identification is due, then packets of at most `most` bytes.
    pub(crate) fn next<'b>(&mut self, most: u32, input: &mut Input<'b>) -> Result<Option<Incoming<'b>>, Error> {
        if !self.ident.is_complete() {
            return Ok(self.ident.read::<R>(input)?.map(|line| match line {
                Line::Ident => Incoming::Ident,
                Line::Text(text) => Incoming::Text(text),
            }));
        }
        let Some(packet) = self.opening.open(input, most)? else { return Ok(None) };
        self.extensions.since_keys = self.extensions.since_keys.saturating_add(u8::from(self.opening.is_keyed()));
        Ok(Some(Incoming::Packet(packet)))
    }

    /// The phase as far as this layer knows it; `keyed` says what lies above.
    pub(crate) fn phase(&self, keyed: Phase) -> Phase {
        let first = !self.opening.is_keyed();
        match self.exchange.incoming() {
            exchange::Expecting::Anything if first => Phase::Start,
            exchange::Expecting::Anything => keyed,
            exchange::Expecting::Group if first => Phase::Group,
            exchange::Expecting::Group => Phase::RekeyGroup,
            exchange::Expecting::GroupShare if first => Phase::GroupExchange,
            exchange::Expecting::GroupShare => Phase::RekeyGroupExchange,
            exchange::Expecting::Share if first => Phase::Exchange,
            exchange::Expecting::Share => Phase::RekeyExchange,
            exchange::Expecting::NewKeys if first => Phase::NewKeys,
            exchange::Expecting::NewKeys => Phase::RekeyNewKeys,
        }
    }

    /// Under strict key exchange nothing but the exchange and a goodbye may come before the first keys.
    pub(crate) fn check_strict(&self, number: u8) -> Result<(), Error> {
        let breach = self.strict && !self.opening.is_keyed() && matches!(number, 2..=4);
        if breach { Err(Violation::StrictKex.into()) } else { Ok(()) }
    }

    /// Handles messages 1 to 4, 7 and 192 to 193; the exchange's own are [`receive_exchange`](Self::receive_exchange)'s.
    pub(crate) fn receive<'b>(&mut self, number: u8, body: &'b [u8], before_login: bool) -> Result<Step<'b>, Error> {
        match number {
            Disconnect::NUMBER => {
                let Disconnect { code, description, language: _ } = Disconnect::decode(body)?;
                return Ok(Step::Event(Event::Disconnected { reason: Reason(code), message: description }));
            }
            Ignore::NUMBER => drop(Ignore::decode(body)?),
            Unimplemented::NUMBER => drop(Unimplemented::decode(body)?),
            Debug::NUMBER => {
                let Debug { always_display, message, language: _ } = Debug::decode(body)?;
                return Ok(Step::Event(Event::Debug { always_display, message }));
            }
            ExtInfo::NUMBER => return self.receive_extensions(ExtInfo::decode(body)?, before_login),
            Ping::NUMBER => {
                let Ping { data } = Ping::decode(body)?;
                self.pong = Some(Vec::from_slice(data).map_err(|_| Violation::TooLong)?);
            }
            Pong::NUMBER => drop(Pong::decode(body)?),
            _ => return Err(Violation::Unexpected(number).into()),
        }
        Ok(Step::Done)
    }

    /// EXT_INFO comes first after the peer's NEWKEYS, and from a server once more before the login ends (RFC 8308
    /// §2.4).
    fn receive_extensions(&mut self, info: ExtInfo<'_>, before_login: bool) -> Result<Step<'static>, Error> {
        let ours = R::SENDS == Direction::ToServer;
        let first = self.extensions.since_keys == 1 && self.extensions.received == 0;
        let second = ours && before_login && self.extensions.received < 2;
        if !first && !second {
            return Err(Violation::Unexpected(ExtInfo::NUMBER).into());
        }
        self.extensions.received = self.extensions.received.saturating_add(1);
        let malformed = Error::Malformed(Some(ExtInfo::NUMBER));
        if info.count > MOST_EXTENSIONS {
            return Err(malformed);
        }
        let mut reader = Reader::new(info.pairs.0);
        for _ in 0..info.count {
            let name = reader.string().map_err(|_| malformed)?;
            let value = reader.string().map_err(|_| malformed)?;
            if ours && name == b"server-sig-algs" {
                let known = Names::new(value).iter().filter_map(HostKey::from_name);
                self.extensions.signatures = Some(known.take(LIST).collect());
            }
            self.extensions.hostbound |= ours && name == HOSTBOUND && value == b"0";
            self.extensions.agent_forward |= ours && name == AGENT_FORWARD && value == b"0";
        }
        reader.end().map_err(|_| malformed)?;
        Ok(Step::Event(Event::Extensions))
    }

    /// Notes that a message was not understood.
    pub(crate) fn unknown(&mut self, sequence: u32) {
        // Reading stops before the list is full.
        let _ = self.unimplemented.push(sequence);
    }

    /// What must happen before more is read: an answer, or replies leaving.
    pub(crate) fn waiting(&self) -> Option<Waiting> {
        // A PONG cannot leave while we are silent. A PING that arrives then takes the place of the one before: the
        // last answer tells as much as all of them.
        let backed_up = self.unimplemented.is_full() || (self.pong.is_some() && !self.is_silent());
        self.exchange.waiting().or_else(|| backed_up.then_some(Waiting::Output))
    }

    /// Whether a goodbye is to be said.
    pub(crate) const fn owes_goodbye(&self) -> bool {
        self.disconnect.is_some()
    }

    /// What `server-sig-algs` said of an algorithm, which names no certificates; `None` if the server never said anything.
    pub(crate) fn accepts(&self, algorithm: HostKey) -> Option<bool> {
        self.extensions.signatures.as_ref().map(|known| known.contains(&algorithm.plain()))
    }

    /// The login is done, with the last packet that came or went.
    pub(crate) fn log_in(&mut self) {
        self.opening.log_in();
        self.sealing.log_in();
    }

    /// Keeps the secret of each exchange from now on.
    #[cfg(feature = "keylog")]
    pub(crate) const fn log_keys(&mut self) {
        self.keylog.want();
    }

    /// The secret of the latest exchange, once.
    #[cfg(feature = "keylog")]
    pub(crate) fn logged_key(&mut self) -> Option<KeyLog> {
        self.keylog.take()
    }

    /// Whether the server takes logins that name its host key.
    pub(crate) const fn is_hostbound(&self) -> bool {
        self.extensions.hostbound
    }

    /// Whether the server knows the standard's names for forwarding an agent.
    pub(crate) const fn knows_agent_req(&self) -> bool {
        self.extensions.agent_forward
    }

    /// SHA-256 of the host key of the first exchange.
    pub(crate) const fn first_key(&self) -> Option<Fingerprint> {
        self.first_key
    }

    pub(crate) const fn session_id(&self) -> Option<HashValue> {
        self.session
    }

    /// The peer's identification line, once it is there.
    pub(crate) fn peer_ident(&self) -> Option<&[u8]> {
        self.ident.is_complete().then(|| self.ident.line())
    }

    /// Whether our keys are in use for sending.
    pub(crate) const fn sends_keyed(&self) -> bool {
        self.sealing.is_keyed()
    }

    /// Whether anything but the exchange has to wait (RFC 4253 §7.1, §9).
    pub(crate) const fn is_silent(&self) -> bool {
        self.sealing.is_silent() || !self.sealing.is_keyed()
    }

    pub(crate) const fn traffic(&self) -> Traffic {
        Traffic { sent: self.sealing.meter(), received: self.opening.meter() }
    }

    pub(crate) fn owes(&self) -> bool {
        let replies = !self.unimplemented.is_empty() || (self.pong.is_some() && !self.is_silent());
        self.ident_owed || self.exchange.owes() || self.extensions.owed || self.disconnect.is_some() || replies
    }

    /// Writes what is owed by this layer, in order; stops when the output is full.
    pub(crate) fn flush(
        &mut self,
        config: &Config,
        random: &mut Random,
        output: &mut Output<'_>,
    ) -> Result<(), Refused> {
        if self.ident_owed {
            ident::write(config.software, output)?;
            self.ident_owed = false;
        }
        // What the last NEWKEYS left no room for comes before the next KEXINIT: nothing may stand between (RFC 8308 §2.4).
        self.flush_extensions(config, random, output)?;
        self.flush_exchange(config, random, output)?;
        self.flush_extensions(config, random, output)?;
        self.flush_replies(random, output)
    }

    /// Writes the identification if it is still owed, and DISCONNECT; nothing else leaves a connection that is over.
    pub(crate) fn flush_goodbye(&mut self, config: &Config, random: &mut Random, output: &mut Output<'_>) {
        if self.ident_owed {
            if ident::write(config.software, output).is_err() {
                return;
            }
            self.ident_owed = false;
        }
        let Some(Reason(code)) = self.disconnect else { return };
        if self.sealing.send(random, output, &Disconnect { code, description: b"", language: b"" }).is_ok() {
            self.disconnect = None;
            self.sealing.forget();
        }
    }

    /// The goodbye, if there is to be one. Nothing else leaves after it, and keys are kept no longer than for that.
    pub(crate) fn end(&mut self, reason: Option<Reason>) {
        self.disconnect = reason;
        self.opening.forget();
        self.exchange = Exchange::Idle;
        self.keylog.forget();
        self.extensions.owed = false;
        self.unimplemented.clear();
        self.pong = None;
        if reason.is_none() {
            self.ident_owed = false;
            self.sealing.forget();
        }
    }

    /// Writes the identification, and DISCONNECT in the clear.
    pub(crate) fn turn_away(software: &str, reason: Reason, output: &mut Output<'_>) -> Result<(), Refused> {
        ident::write(software, output)?;
        let Reason(code) = reason;
        // In the clear, padding has nothing to hide.
        let mut random = Random::new(&Seed::new([0; 32]));
        let disconnect = Disconnect { code, description: b"", language: b"" };
        Sealing::<P::Seal, P::Deflate>::new().send(&mut random, output, &disconnect)
    }

    fn flush_extensions(
        &mut self,
        config: &Config,
        random: &mut Random,
        output: &mut Output<'_>,
    ) -> Result<(), Refused> {
        if self.extensions.owed && !self.is_silent() {
            negotiate::send_extensions::<R, P>(config, &mut self.sealing, random, output)?;
            self.extensions.owed = false;
        }
        Ok(())
    }

    fn flush_replies(&mut self, random: &mut Random, output: &mut Output<'_>) -> Result<(), Refused> {
        while let Some(sequence) = self.unimplemented.first().copied() {
            self.sealing.send(random, output, &Unimplemented { sequence })?;
            self.unimplemented.remove(0);
        }
        if let Some(data) = self.pong.as_ref().filter(|_| !self.sealing.is_silent()) {
            self.sealing.send(random, output, &Pong { data })?;
            self.pong = None;
        }
        Ok(())
    }
}

/// The way out for one call of a higher layer.
pub(crate) struct Sender<'t, 'o, R, P: Provider> {
    pub(crate) transport: &'t mut Transport<R, P>,
    pub(crate) random: &'t mut Random,
    pub(crate) output: &'t mut Output<'o>,
}

impl<R: Role, P: Provider> Sender<'_, '_, R, P> {
    /// Sends a message.
    pub(crate) fn send<'m>(&mut self, message: &impl Message<'m>) -> Result<(), Refused> {
        self.check_silence()?;
        self.transport.sealing.send(self.random, self.output, message)
    }

    /// Sends a message whose end `tail` writes: it runs twice, and must write the same bytes.
    pub(crate) fn send_with<'m>(
        &mut self,
        head: &impl Message<'m>,
        tail: impl Fn(&mut dyn Sink),
    ) -> Result<(), Refused> {
        self.check_silence()?;
        self.transport.sealing.write(self.random, self.output, &|sink| {
            head.encode(sink);
            tail(sink);
        })
    }

    /// Sends a payload of at most `most` bytes, composed in place; none if `with` composes nothing.
    pub(crate) fn compose(&mut self, most: usize, with: &mut dyn FnMut(&mut [u8]) -> usize) -> Result<usize, Refused> {
        self.check_silence()?;
        self.transport.sealing.compose(self.random, self.output, most, with)
    }

    /// While we are silent, only the exchange may speak.
    fn check_silence(&self) -> Result<(), Refused> {
        if self.transport.is_silent() { Err(Refused::Busy) } else { Ok(()) }
    }

    /// The largest payload for which there is room.
    pub(crate) fn room(&self) -> usize {
        self.transport.sealing.room(self.output)
    }
}

/// What came off the input.
pub(crate) enum Incoming<'b> {
    /// The identification.
    Ident,
    /// A line before it.
    Text(&'b [u8]),
    /// A packet.
    Packet(Packet<'b>),
}

impl<R, P: Provider> core::fmt::Debug for Transport<R, P> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Transport")
            .field("exchange", &self.exchange)
            .field("strict", &self.strict)
            .finish_non_exhaustive()
    }
}
