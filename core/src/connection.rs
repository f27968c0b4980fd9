//! One end of one SSH connection: joins transport, login and channels, and keeps time.
//!
//! Everything that comes in goes through [`recv`](Connection::recv), in phase order: identification, exchange, login,
//! channels. Everything that goes out leaves through [`flush`](Connection::flush), in a fixed order: identification,
//! exchange, goodbye, extensions, replies, login, global replies, then channels from the one after the last served.

mod channels;
mod client;
mod forward;
mod host_keys;
#[cfg(feature = "keylog")]
mod keylog;
mod server;

use crate::auth::{Arrival, Login};
use crate::channel::{ChannelId, Channels, Context, Opener, Received, Slot};
use crate::config::{Config, Keepalive};
use crate::crypto::schedule::Direction;
use crate::crypto::{HashValue, Provider};
use crate::error::{Error, Reason, Refused, Violation};
use crate::event::{Ask, Event, Serial, Serials};
use crate::log::trace;
use crate::role::Role;
use crate::seed::{Random, Seed};
use crate::time::{Instant, Phase as Deadline, Timer, Timers};
use crate::transport::{Incoming, Packet, Sender, Step, Traffic, Transport};
use crate::wire::Message;
use crate::wire::connection::ChannelClose;
use crate::wire::legality::{self, Phase, Verdict};
use crate::wire::transport::KexInit;
use crate::{Input, Output};
use core::time::Duration;

/// Key exchanges that a peer may go through before it has logged in.
const MOST_EXCHANGES_BEFORE_LOGIN: u8 = 4;

/// Output that always suffices for progress: the largest packet that a fact turns into, an exchange share of ML-KEM.
/// Replies to a key exchange also hold a host key and its signature, whose sizes the embedder knows.
pub const MIN_OUTPUT: usize = 2048;

/// What the connection needs before it reads on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waiting {
    /// The answer to [`client::Event::HostKey`](crate::auth::client::Event::HostKey).
    Trust,
    /// The answer to [`server::Event::HostKey`](crate::auth::server::Event::HostKey).
    HostKey,
    /// The answer to [`server::Event::Sign`](crate::auth::server::Event::Sign).
    Signature,
    /// The answer to an attempt to log in, or to the question about a key.
    Attempt,
    /// The answer to the oldest request of a channel that has as many open as there may be.
    Reply(ChannelId),
    /// The answer to the oldest global request, [`Event::Listen`] or
    /// [`server::Event::Prove`](crate::auth::server::Event::Prove), behind which others pile up.
    Global,
    /// A [`flush`](Connection::flush) with room, or after a withheld failure's time: see
    /// [`deadline`](Connection::deadline).
    Output,
}

/// One end of one SSH connection: a function of its seed, its configuration and its calls.
///
/// `T` is the table of channels, whose length is their limit: `[Slot; 4]`, `Box<[Slot]>`, a `Vec`.
pub struct Connection<R: Role, P: Provider, T> {
    config: Config,
    random: Random,
    transport: Transport<R, P>,
    login: R::Login,
    channels: Channels<T>,
    serials: Serials,
    /// The open question of the exchange, and of the login.
    exchange_ask: Option<Serial>,
    login_ask: Option<Serial>,
    timers: Timers,
    /// What was left of the handshake's time when the embedder began to think about a host key.
    handshake_left: Option<Duration>,
    now: Instant,
    keepalives_unanswered: u32,
    /// A rekey was asked for, or its time came.
    rekey_wanted: bool,
    exchanges_before_login: u8,
    fate: Option<Error>,
}

impl<R: Role, P: Provider, T: AsMut<[Slot]> + AsRef<[Slot]>> Connection<R, P, T> {
    /// A connection whose transport was just established. `seed` must be fresh and unguessable.
    pub fn new(config: Config, seed: &Seed, channels: T, now: Instant) -> Self {
        let mut random = Random::new(seed);
        let serials = Serials::new(u32::from_be_bytes(random.array()));
        let mut timers = Timers::default();
        timers.set(Timer::Handshake, now.after(config.deadlines.handshake));
        timers.set(Timer::Login, now.after(config.deadlines.login));
        let mut transport = Transport::new();
        transport.offer(&mut random);
        Self {
            config,
            random,
            transport,
            login: R::Login::default(),
            channels: Channels::new(channels),
            serials,
            exchange_ask: None,
            login_ask: None,
            timers,
            handshake_left: None,
            now,
            keepalives_unanswered: 0,
            rekey_wanted: false,
            exchanges_before_login: 0,
            fate: None,
        }
    }

    /// All that is said to a peer for whom there is no connection: who we are, and why not.
    pub fn turn_away(software: &str, reason: Reason, output: &mut Output<'_>) -> Result<(), Refused> {
        Transport::<R, P>::turn_away(software, reason, output)
    }

    // Bytes and time.

    /// Takes packets off the front of `input` until one is worth telling. `None`: more bytes are needed, or an answer
    /// ([`waiting`](Self::waiting)), or memory ([`Input::is_cramped`]); nothing is taken that is not dealt with.
    pub fn recv<'b>(&mut self, now: Instant, input: &mut Input<'b>) -> Result<Option<Event<'b, R>>, Error> {
        self.tick(now)?;
        loop {
            if self.waiting().is_some() {
                return Ok(None);
            }
            let step = self.transport.next(self.max_packet(), input);
            let outcome = match step {
                Ok(None) => return Ok(None),
                Ok(Some(Incoming::Ident)) => Ok(None),
                Ok(Some(Incoming::Text(line))) => Ok(Some(Event::Transport(crate::transport::Event::Text(line)))),
                Ok(Some(Incoming::Packet(packet))) => self.receive(packet),
                Err(error) => Err(error),
            };
            match outcome {
                Ok(None) => {}
                Ok(event) => return Ok(event),
                Err(error) => return Err(self.fail(error)),
            }
        }
    }

    /// Writes what is owed, whole packets only; what does not fit stays owed.
    pub fn flush(&mut self, now: Instant, output: &mut Output<'_>) {
        self.now = self.now.max(now);
        if self.fate.is_some() {
            self.transport.flush_goodbye(&self.config, &mut self.random, output);
            return;
        }
        // What does not fit is owed still, and the next flush goes on there.
        let _ = self.flush_all(output);
    }

    fn flush_all(&mut self, output: &mut Output<'_>) -> Result<(), Refused> {
        self.resume_handshake();
        if self.rekey_is_due() {
            self.begin_exchange();
        }
        let flushed = self.transport.flush(&self.config, &mut self.random, output);
        // NEWKEYS may have left even if what follows it did not fit.
        if self.transport.sends_keyed() {
            self.login.start();
        }
        self.arm_exchange();
        flushed?;
        if self.transport.is_silent() {
            return if self.owes_output() { Err(Refused::Busy) } else { Ok(()) };
        }
        let now = self.now;
        let was_done = self.login.is_done();
        let mut sender = Sender { transport: &mut self.transport, random: &mut self.random, output };
        self.login.flush(now, &mut sender)?;
        if !was_done && self.login.is_done() {
            self.logged_in();
        }
        let mut sender = Sender { transport: &mut self.transport, random: &mut self.random, output };
        let flushed = if self.login.is_done() { self.channels.flush(&self.config, &mut sender) } else { Ok(()) };
        self.arm_close();
        flushed
    }

    /// The transport ended: nothing more will come. An error unless the connection was over anyway.
    pub fn hung_up(&mut self) -> Result<(), Error> {
        match self.fate {
            Some(Error::Closed | Error::Disconnected(_)) => Ok(()),
            Some(error) => Err(error),
            None => Err(self.fail(Error::HungUp)),
        }
    }

    /// The transport has taken nothing for longer than the peer may be silent ([`Keepalive::patience`]): it is over.
    pub fn stalled(&mut self) -> Error {
        self.fail(Error::TimedOut(Deadline::Keepalive))
    }

    /// Lets time pass: deadlines that are over end the connection, appointments are kept.
    pub fn tick(&mut self, now: Instant) -> Result<(), Error> {
        if let Some(error) = self.fate {
            return Err(error);
        }
        self.now = self.now.max(now);
        let now = self.now;
        self.resume_handshake();
        let deadlines = [
            (Timer::Handshake, Deadline::Handshake),
            (Timer::Login, Deadline::Login),
            (Timer::Rekey, Deadline::Rekey),
            (Timer::Close, Deadline::Close),
        ];
        for (timer, phase) in deadlines {
            if self.timers.fired(timer, now) {
                return Err(self.fail(Error::TimedOut(phase)));
            }
        }
        self.rekey_wanted |= self.timers.fired(Timer::RekeyDue, now);
        self.timers.fired(Timer::Failure, now);
        if self.timers.fired(Timer::Keepalive, now) {
            return self.keep_alive();
        }
        Ok(())
    }

    /// When to call [`tick`](Self::tick) and [`flush`](Self::flush) at the latest.
    pub fn deadline(&self) -> Option<Instant> {
        if self.fate.is_some() { None } else { self.timers.next() }
    }

    /// Mixes fresh entropy into the generator.
    pub fn reseed(&mut self, seed: &Seed) {
        self.random.reseed(seed);
    }

    // Where it stands.

    /// Whether [`flush`](Self::flush) has something to write now.
    pub fn owes_output(&self) -> bool {
        if self.fate.is_some() {
            return self.transport.owes_goodbye();
        }
        let above = self.login.owes(self.now) || (self.login.is_done() && self.channels.owes());
        self.transport.owes() || (above && !self.transport.is_silent()) || self.rekey_is_due()
    }

    /// What it needs before it reads on.
    pub fn waiting(&self) -> Option<Waiting> {
        // While an exchange keeps us silent, replies cannot leave; the peer's KEXINIT may stand behind any number of
        // messages that want some. So these are counted instead, within their limits.
        let channels = || if self.transport.is_silent() { None } else { self.channels.waiting() };
        self.transport.waiting().or_else(|| self.login.waiting()).or_else(channels)
    }

    /// The largest `packet_length` that is accepted now, in bytes: more once the login is done.
    pub fn max_packet(&self) -> u32 {
        let Config { max_packet, login, .. } = &self.config;
        match R::SENDS {
            Direction::ToClient if !self.is_logged_in() => login.max_packet.min(*max_packet),
            Direction::ToClient | Direction::ToServer => *max_packet,
        }
    }

    /// How it ended, once it has.
    pub const fn fate(&self) -> Option<Error> {
        self.fate
    }

    /// Whether the login is done.
    pub fn is_logged_in(&self) -> bool {
        self.login.is_done()
    }

    /// The session identifier (RFC 4253 §7.2), once the first exchange is through.
    pub const fn session_id(&self) -> Option<HashValue> {
        self.transport.session_id()
    }

    /// The peer's identification line, without its end; untrusted.
    pub fn peer_ident(&self) -> Option<&[u8]> {
        self.transport.peer_ident()
    }

    /// What the keys in use have protected.
    pub const fn traffic(&self) -> Traffic {
        self.transport.traffic()
    }

    /// The configuration.
    pub const fn config(&self) -> &Config {
        &self.config
    }

    // Commands; those on channels, and those of one role, have files of their own.

    /// Ends the connection; [`flush`](Self::flush) says goodbye.
    pub fn disconnect(&mut self, reason: Reason) {
        if self.fate.is_none() {
            self.end(Error::Closed, Some(reason));
        }
    }

    /// Changes the keys as soon as may be: once the login is done, with the next [`flush`](Self::flush).
    pub const fn rekey(&mut self) {
        self.rekey_wanted = true;
    }

    /// Asks a silent peer so from now on, in place of what the configuration says; before the login is done nothing is asked.
    pub fn set_keepalive(&mut self, keepalive: Keepalive) {
        self.config.keepalive = keepalive;
        self.timers.clear(Timer::Keepalive);
        if self.is_logged_in() {
            self.arm_keepalive();
        }
    }

    /// Asks the peer for a sign of life with the next [`flush`](Self::flush), however long it has been silent.
    pub const fn ask_alive(&mut self) {
        self.channels.globals.ask_alive();
    }

    // Inside.

    /// What is owed leaves before what a command adds; if it cannot, the command has to wait.
    fn settle(&mut self, output: &mut Output<'_>) -> Result<(), Refused> {
        if self.fate.is_some() {
            return Err(Refused::Closed);
        }
        if self.owes_output() {
            self.flush_all(output)?;
        }
        if self.transport.is_silent() {
            return Err(if self.transport.sends_keyed() { Refused::Busy } else { Refused::NotYet });
        }
        if self.login.is_done() { Ok(()) } else { Err(Refused::NotYet) }
    }

    const fn check_owner<Q>(&self, ask: &Ask<Q>) -> Result<(), Refused> {
        match self.fate {
            Some(_) => Err(Refused::Closed),
            None if self.serials.own(ask) => Ok(()),
            None => Err(Refused::Moot),
        }
    }

    /// One packet: is its number lawful now, and if so, whose is it?
    fn receive<'b>(&mut self, packet: Packet<'b>) -> Result<Option<Event<'b, R>>, Error> {
        let Packet { sequence, number, body } = packet;
        let body: &'b [u8] = body;
        self.heard();
        let phase = self.transport.phase(self.login.phase());
        let guess = (30..50).contains(&number) && self.transport.skips();
        let verdict = if guess { Verdict::Lawful } else { legality::verdict(phase, R::PEER, number) };
        trace!("received {} in {:?}", number, phase);
        match verdict {
            Verdict::Unlawful => return Err(Violation::Unexpected(number).into()),
            Verdict::Ignored => return Ok(None),
            Verdict::Unknown => {
                self.transport.unknown(sequence);
                return Ok(None);
            }
            Verdict::Lawful => self.transport.check_strict(number)?,
        }
        match number {
            // Each apart, so that the stack has room for one of them and not for all.
            5 | 6 | 50..80 => self.receive_login(number, body),
            20..50 => self.receive_exchange(number, body),
            80..128 => self.receive_channel(number, body),
            _ => {
                let step = self.transport.receive(number, body, phase == Phase::Login);
                self.step(step.map_err(|error| with_number(error, number))?)
            }
        }
    }

    #[inline(never)]
    fn receive_exchange<'b>(&mut self, number: u8, body: &'b [u8]) -> Result<Option<Event<'b, R>>, Error> {
        if number == KexInit::NUMBER && !self.login.is_done() {
            self.exchanges_before_login = self.exchanges_before_login.saturating_add(1);
            if self.exchanges_before_login > MOST_EXCHANGES_BEFORE_LOGIN {
                return Err(Violation::TooMany.into());
            }
        }
        let step = self.transport.receive_exchange(&self.config, &mut self.random, number, body)?;
        self.arm_exchange();
        self.step(step)
    }

    fn step<'b>(&mut self, step: Step<'b>) -> Result<Option<Event<'b, R>>, Error> {
        match step {
            Step::Done => Ok(None),
            Step::Question(question) => {
                if self.transport.waiting() == Some(Waiting::Trust) {
                    self.hold_handshake();
                }
                let (serial, event) = R::question(&mut self.serials, question);
                self.exchange_ask = Some(serial);
                Ok(event.map(Event::Auth))
            }
            Step::Event(event) => {
                if let crate::transport::Event::Disconnected { reason, .. } = &event {
                    self.end(Error::Disconnected(*reason), None);
                }
                Ok(Some(Event::Transport(event)))
            }
        }
    }

    #[inline(never)]
    fn receive_login<'b>(&mut self, number: u8, body: &'b [u8]) -> Result<Option<Event<'b, R>>, Error> {
        let Some(session) = self.transport.session_id() else { return Err(Violation::Unexpected(number).into()) };
        let host_key = self.transport.first_key();
        let (config, now, serials) = (&self.config, self.now, &mut self.serials);
        let arrival = Arrival { config, now, session, host_key, serials, number, body };
        let before = arrival.serials.last();
        let event = self.login.receive::<P>(arrival)?;
        if self.serials.last() != before {
            self.login_ask = Some(self.serials.last());
        }
        if self.login.is_done() {
            self.logged_in();
        }
        self.arm_failure();
        Ok(event.map(Event::Auth))
    }

    #[inline(never)]
    fn receive_channel<'b>(&mut self, number: u8, body: &'b [u8]) -> Result<Option<Event<'b, R>>, Error> {
        let from = match R::SENDS {
            Direction::ToServer => Opener::Server,
            Direction::ToClient => Opener::Client,
        };
        let mut context =
            Context { config: &self.config, serials: &mut self.serials, from, mark: forward::mark_of::<P> };
        let received = self.channels.receive(&mut context, number, body)?;
        if number == ChannelClose::NUMBER {
            // The channels that still wait for theirs have their time again: peers close in no promised order.
            self.timers.clear(Timer::Close);
            self.arm_close();
        }
        Ok(match received {
            Received::Nothing => None,
            Received::Global(global) => {
                let before = self.serials.last();
                let event = R::global(&mut self.serials, global);
                if self.serials.last() != before {
                    self.channels.globals.put(self.serials.last());
                }
                event.map(Event::Auth)
            }
            Received::Open { kind, ask } => Some(Event::Open { kind, ask }),
            Received::Listen { what, ask } => Some(Event::Listen { what, ask }),
            Received::Forward(id, event) => Some(Event::Forward(id, event)),
            Received::Event(id, event) => Some(Event::Channel(id, event)),
        })
    }

    /// The connection is over: remembers why, and owes the peer a reason where there is one to tell.
    fn fail(&mut self, error: Error) -> Error {
        if let Some(fate) = self.fate {
            return fate;
        }
        self.end(error, error.reason());
        error
    }

    fn end(&mut self, error: Error, goodbye: Option<Reason>) {
        trace!("over: {:?}", error);
        self.fate = Some(error);
        self.timers = Timers::default();
        self.transport.end(goodbye);
        self.login = R::Login::default();
    }

    /// Never during the login: its answers could not leave while we are silent, and nothing is read before they do.
    fn rekey_is_due(&self) -> bool {
        let due = self.rekey_wanted || self.transport.traffic().is_due(&self.config.rekey);
        due && self.login.is_done() && !self.transport.is_exchanging()
    }

    fn begin_exchange(&mut self) {
        if self.transport.offer(&mut self.random) {
            self.arm_exchange();
        }
    }

    /// Keeps the deadlines of exchanges: set when one begins, cleared when it is through, and the next one appointed.
    fn arm_exchange(&mut self) {
        let now = self.now;
        if self.transport.is_exchanging() {
            // Whoever began it, it is what was wanted.
            self.rekey_wanted = false;
            let first = self.timers.get(Timer::Handshake).is_some() || self.handshake_left.is_some();
            if !first && self.timers.get(Timer::Rekey).is_none() {
                self.timers.set(Timer::Rekey, now.after(self.config.deadlines.rekey));
                self.timers.clear(Timer::RekeyDue);
            }
            return;
        }
        self.timers.clear(Timer::Handshake);
        self.timers.clear(Timer::Rekey);
        if self.timers.get(Timer::RekeyDue).is_none() && !self.rekey_wanted {
            self.timers.set(Timer::RekeyDue, now.after(self.config.rekey.time));
        }
    }

    /// A person may take longer over a host key than a peer may over its part; the login's deadline counts on.
    fn hold_handshake(&mut self) {
        self.handshake_left = self.timers.take(Timer::Handshake).map(|at| at.since(self.now));
    }

    fn resume_handshake(&mut self) {
        if self.transport.waiting() == Some(Waiting::Trust) {
            return;
        }
        if let Some(left) = self.handshake_left.take() {
            self.timers.set(Timer::Handshake, self.now.after(left));
        }
    }

    fn arm_close(&mut self) {
        if self.channels.is_closing() && self.timers.get(Timer::Close).is_none() {
            self.timers.set(Timer::Close, self.now.after(self.config.deadlines.close));
        }
    }

    fn arm_failure(&mut self) {
        if let Some(due) = self.login.due() {
            self.timers.set(Timer::Failure, due);
        }
    }

    fn logged_in(&mut self) {
        self.transport.log_in();
        self.timers.clear(Timer::Login);
        self.arm_keepalive();
    }

    fn arm_keepalive(&mut self) {
        let Keepalive { interval, .. } = self.config.keepalive;
        if !interval.is_zero() {
            self.timers.set(Timer::Keepalive, self.now.after(interval));
        }
    }

    /// A packet came: the peer lives.
    fn heard(&mut self) {
        self.keepalives_unanswered = 0;
        if self.timers.get(Timer::Keepalive).is_some() {
            self.arm_keepalive();
        }
    }

    /// The peer has been silent for an interval. That is not held against it while we do not read.
    fn keep_alive(&mut self) -> Result<(), Error> {
        let unanswered = self.keepalives_unanswered;
        if self.waiting().is_none() {
            if unanswered >= self.config.keepalive.count {
                return Err(self.fail(Error::TimedOut(Deadline::Keepalive)));
            }
            // A question that could not leave is not unanswered.
            self.keepalives_unanswered = unanswered.saturating_add(u32::from(!self.channels.globals.owes_question()));
            self.channels.globals.ask_alive();
        }
        self.arm_keepalive();
        Ok(())
    }
}

/// Names the message that did not decode.
const fn with_number(error: Error, number: u8) -> Error {
    if matches!(error, Error::Malformed(None)) { Error::Malformed(Some(number)) } else { error }
}

impl<R: Role, P: Provider, T> core::fmt::Debug for Connection<R, P, T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Connection")
            .field("transport", &self.transport)
            .field("fate", &self.fate)
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, feature = "soft"))]
mod tests {
    use super::Connection;
    use crate::channel::Slot;
    use crate::crypto::MAX_SHARE;
    use crate::crypto::soft::Soft;
    use crate::role::{Client, Server};

    /// 4 KiB, and one share where the hybrid exchange makes it large.
    #[test]
    fn a_connection_with_four_channels_is_small() {
        const CLASSICAL_SHARE: usize = 65;
        let client = size_of::<Connection<Client, Soft, [Slot; 4]>>();
        let server = size_of::<Connection<Server, Soft, [Slot; 4]>>();
        std::println!("client: {client} bytes, server: {server} bytes, share: {MAX_SHARE}");
        assert!(client.max(server) - (MAX_SHARE - CLASSICAL_SHARE) < 4096, "client: {client}, server: {server}");
    }
}
