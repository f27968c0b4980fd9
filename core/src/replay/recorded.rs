//! A connection that may be under a recording: the same verbs, and every call with its arguments and its result, every
//! byte received and emitted and every event become steps. Without a tape a verb costs one branch more.
//!
//! What only looks is the [`Connection`]'s own, by dereference. What changes it goes through here, and nothing else can:
//! a recording lacks nothing.

mod client;
mod server;

use super::machine::{Played, event_words};
use super::script::Script;
use super::settings::settings;
use super::tape::{Recording, Tape};
use super::words::{kind_words, outcome, request_words, show, yes};
use crate::channel::{ForwardId, OpenFailure, OpenKind, Request, STDERR};
use crate::config::Keepalive;
use crate::crypto::Provider;
use crate::event::{Ask, ChannelRequest, OpenRequest, Serial};
#[cfg(feature = "keylog")]
use crate::transport::KeyLog;
use crate::{ChannelId, Config, Connection, Error, Event, Input, Instant, Output, Reason, Refused, Seed, Slot};
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Deref;
use core::time::Duration;

/// A [`Connection`], recorded or not. Every verb is the connection's of that name.
pub struct Recorded<R: Played, P: Provider, T: AsMut<[Slot]> + AsRef<[Slot]>> {
    pub(super) ssh: Connection<R, P, T>,
    recording: Option<Box<Recording>>,
}

impl<R: Played, P: Provider, T: AsMut<[Slot]> + AsRef<[Slot]>> Recorded<R, P, T> {
    /// A connection that is not recorded.
    pub fn new(config: Config, seed: &Seed, channels: T, now: Instant) -> Self {
        Self { ssh: Connection::new(config, seed, channels, now), recording: None }
    }

    /// A connection that is recorded. The seed is in the recording: whoever reads it can read
    /// the session, passwords included.
    pub fn on(tape: Box<dyn Tape>, config: Config, seed: &Seed, channels: T, now: Instant) -> Self {
        let slots = channels.as_ref().len();
        let mut script = Script::new("", R::SIDE, seed.clone(), settings(&config), slots);
        (script.version, script.start) = (2, now.0);
        let recording = Some(Box::new(Recording::start(&script, tape)));
        Self { ssh: Connection::new(config, seed, channels, now), recording }
    }

    /// Whether it is recorded.
    pub const fn is_recorded(&self) -> bool {
        self.recording.is_some()
    }

    /// Takes packets off the front of `input` until one is worth telling.
    #[inline]
    pub fn recv<'b>(&mut self, now: Instant, input: &mut Input<'b>) -> Result<Option<Event<'b, R>>, Error> {
        match &mut self.recording {
            None => self.ssh.recv(now, input),
            Some(recording) => recv(&mut self.ssh, recording, now, input),
        }
    }

    /// Writes what is owed, whole packets only.
    #[inline]
    pub fn flush(&mut self, now: Instant, output: &mut Output<'_>) {
        match &mut self.recording {
            None => self.ssh.flush(now, output),
            Some(recording) => flush(&mut self.ssh, recording, now, output),
        }
    }

    /// The transport ended.
    pub fn hung_up(&mut self) -> Result<(), Error> {
        self.fact(|_| "hung-up".into(), Connection::hung_up)
    }

    /// Lets time pass.
    pub fn tick(&mut self, now: Instant) -> Result<(), Error> {
        self.fact(|_| format!("tick {}", now.0), |ssh| ssh.tick(now))
    }

    /// Mixes fresh entropy into the generator.
    #[inline]
    pub fn reseed(&mut self, seed: &Seed) {
        self.fact(|_| format!("reseed {}", show(&seed.0)), |ssh| ssh.reseed(seed));
    }

    /// Ends the connection.
    pub fn disconnect(&mut self, reason: Reason) {
        self.fact(|_| format!("disconnect {}", reason.0), |ssh| ssh.disconnect(reason));
    }

    /// Changes the keys.
    pub fn rekey(&mut self) {
        self.fact(|_| "rekey".into(), Connection::rekey);
    }

    /// Asks a silent peer otherwise; the interval counts in whole microseconds, as it is written down.
    pub fn set_keepalive(&mut self, Keepalive { interval, count }: Keepalive) {
        let micros = u64::try_from(interval.as_micros()).unwrap_or(u64::MAX);
        let interval = Duration::from_micros(micros);
        self.fact(|_| format!("keepalive {micros} {count}"), |ssh| ssh.set_keepalive(Keepalive { interval, count }));
    }

    /// Asks the peer for a sign of life.
    pub fn ask_alive(&mut self) {
        self.fact(|_| "ask-alive".into(), Connection::ask_alive);
    }

    /// See [`Connection::log_keys`]; no step, because it changes nothing that is told or emitted.
    #[cfg(feature = "keylog")]
    pub const fn log_keys(&mut self) {
        self.ssh.log_keys();
    }

    /// See [`Connection::logged_key`]; no step either.
    #[cfg(feature = "keylog")]
    pub fn logged_key(&mut self) -> Option<KeyLog> {
        self.ssh.logged_key()
    }

    // Channels.

    /// Asks for a channel.
    pub fn open(&mut self, kind: OpenKind<'_>, output: &mut Output<'_>) -> Result<ChannelId, Refused> {
        let words = |it: &mut Recording| format!("open {}", kind_words(&kind, |ForwardId(id)| it.channel(id)));
        self.opens(Some(output), words, |ssh, output| ssh.open(kind, output), |id| *id)
    }

    /// Grants a channel to the peer.
    pub fn accept(&mut self, ask: Ask<OpenRequest>) -> Result<ChannelId, Refused> {
        let serial = ask.serial;
        let words = |it: &mut Recording| placed("accept", &mut it.opens, serial);
        self.opens(None, words, |ssh, _| ssh.accept(ask), |id| *id)
    }

    /// Refuses a channel to the peer.
    pub fn decline(&mut self, ask: Ask<OpenRequest>, reason: OpenFailure) {
        let serial = ask.serial;
        let words = |it: &mut Recording| placed(&format!("decline {}", reason.0), &mut it.opens, serial);
        self.fact(words, |ssh| ssh.decline(ask, reason));
    }

    /// Asks for something on a channel.
    pub fn request(&mut self, id: ChannelId, what: Request<'_>, output: &mut Output<'_>) -> Result<(), Refused> {
        let words = |it: &mut Recording| format!("request {} {}", it.channel(id), request_words(&what));
        self.sends(output, words, |ssh, output| ssh.request(id, what, output))
    }

    /// Answers a request on a channel.
    #[inline]
    pub fn reply(&mut self, ask: Ask<ChannelRequest>, granted: bool) {
        let serial = ask.serial;
        let words = |it: &mut Recording| placed(&format!("reply {}", yes(granted)), &mut it.requests, serial);
        self.fact(words, |ssh| ssh.reply(ask, granted));
    }

    /// Sends data; returns how much was taken.
    #[inline]
    pub fn write(&mut self, id: ChannelId, data: &[u8], output: &mut Output<'_>) -> Result<usize, Refused> {
        self.puts(
            output,
            |it, data| format!("write {} {}", it.channel(id), show(data)),
            data,
            |ssh, output| ssh.write(id, data, output),
        )
    }

    /// Sends extended data of a kind.
    #[inline]
    pub fn write_extended(
        &mut self,
        id: ChannelId,
        kind: u32,
        data: &[u8],
        output: &mut Output<'_>,
    ) -> Result<usize, Refused> {
        let words = |it: &Recording, data: &[u8]| {
            let kind = if kind == STDERR { String::new() } else { format!(" {kind}") };
            format!("write-extended {} {}{kind}", it.channel(id), show(data))
        };
        self.puts(output, words, data, |ssh, output| ssh.write_extended(id, kind, data, output))
    }

    /// Sends data that `with` composes where it will lie.
    #[inline]
    pub fn fill(
        &mut self,
        id: ChannelId,
        output: &mut Output<'_>,
        with: impl FnOnce(&mut [u8]) -> usize,
    ) -> Result<usize, Refused> {
        let Some(recording) = &mut self.recording else { return self.ssh.fill(id, output, with) };
        let call = |ssh: &mut Connection<R, P, T>, output: &mut Output<'_>| {
            let mut data = Vec::new();
            let outcome = ssh.fill(id, output, |space| {
                let used = with(space);
                data.extend_from_slice(space.get(..used).unwrap_or(space));
                used
            });
            (outcome, data)
        };
        let words = |it: &mut Recording, (outcome, data): &(Result<usize, Refused>, Vec<u8>)| {
            with_outcome(format!("fill {} {}", it.channel(id), show(data)), outcome.map(Some))
        };
        step(&mut self.ssh, recording, Some(output), call, words).0
    }

    /// Bytes of received data are done with.
    #[inline]
    pub fn release(&mut self, id: ChannelId, bytes: usize) {
        self.fact(|it| format!("release {} {bytes}", it.channel(id)), |ssh| ssh.release(id, bytes));
    }

    /// The channel's window grows.
    #[inline]
    pub fn widen(&mut self, id: ChannelId, bytes: u32) {
        self.fact(|it| format!("widen {} {bytes}", it.channel(id)), |ssh| ssh.widen(id, bytes));
    }

    /// No more data from us.
    #[inline]
    pub fn finish(&mut self, id: ChannelId) {
        self.fact(|it| format!("finish {}", it.channel(id)), |ssh| ssh.finish(id));
    }

    /// Closes the channel.
    #[inline]
    pub fn close(&mut self, id: ChannelId) {
        self.fact(|it| format!("close {}", it.channel(id)), |ssh| ssh.close(id));
    }

    // How calls become steps.

    /// A call that emits nothing, and whose result says nothing or is told by the end.
    #[inline]
    fn fact<A>(
        &mut self,
        words: impl FnOnce(&mut Recording) -> String,
        call: impl FnOnce(&mut Connection<R, P, T>) -> A,
    ) -> A {
        match &mut self.recording {
            None => call(&mut self.ssh),
            Some(recording) => step(&mut self.ssh, recording, None, |ssh, _| call(ssh), |it, _| words(it)),
        }
    }

    /// A call that emits something, or is refused.
    #[inline]
    fn sends(
        &mut self,
        output: &mut Output<'_>,
        words: impl FnOnce(&mut Recording) -> String,
        call: impl FnOnce(&mut Connection<R, P, T>, &mut Output<'_>) -> Result<(), Refused>,
    ) -> Result<(), Refused> {
        match &mut self.recording {
            None => call(&mut self.ssh, output),
            Some(recording) => step(&mut self.ssh, recording, Some(output), call, |it, outcome| {
                with_outcome(words(it), outcome.map(|()| None))
            }),
        }
    }

    /// The same of one that takes a slot; it is lent no output if it writes nothing.
    #[inline]
    fn opens<I>(
        &mut self,
        output: Option<&mut Output<'_>>,
        words: impl FnOnce(&mut Recording) -> String,
        call: impl FnOnce(&mut Connection<R, P, T>, &mut Output<'_>) -> Result<I, Refused>,
        slot: impl FnOnce(&I) -> ChannelId,
    ) -> Result<I, Refused> {
        match &mut self.recording {
            None => call(&mut self.ssh, output.unwrap_or(&mut Output::new(&mut []))),
            Some(recording) => step(&mut self.ssh, recording, output, call, |it, outcome| {
                let words = words(it);
                let id = outcome.as_ref().map(|id| Some(it.opened(slot(id))));
                with_outcome(words, id.map_err(|refused| *refused))
            }),
        }
    }

    /// The same of data, of which one byte more than was taken shows that there was more.
    #[inline]
    fn puts(
        &mut self,
        output: &mut Output<'_>,
        words: impl FnOnce(&Recording, &[u8]) -> String,
        data: &[u8],
        call: impl FnOnce(&mut Connection<R, P, T>, &mut Output<'_>) -> Result<usize, Refused>,
    ) -> Result<usize, Refused> {
        match &mut self.recording {
            None => call(&mut self.ssh, output),
            Some(recording) => step(&mut self.ssh, recording, Some(output), call, |it, outcome| {
                let told = outcome.unwrap_or(0).saturating_add(1).min(data.len());
                with_outcome(words(it, data.get(..told).unwrap_or(data)), outcome.map(Some))
            }),
        }
    }
}

#[cold]
fn recv<'b, R: Played, P: Provider, T: AsMut<[Slot]> + AsRef<[Slot]>>(
    ssh: &mut Connection<R, P, T>,
    recording: &mut Recording,
    now: Instant,
    input: &mut Input<'b>,
) -> Result<Option<Event<'b, R>>, Error> {
    recording.lent(now, input.peek());
    let outcome = ssh.recv(now, input);
    recording.left(input.remaining());
    match &outcome {
        Ok(Some(event)) => note::<R, P>(recording, event),
        Ok(None) if input.is_cramped() => {}
        Ok(None) | Err(_) => recording.quiet(),
    }
    check_end(ssh, recording);
    outcome
}

#[cold]
fn flush<R: Played, P: Provider, T: AsMut<[Slot]> + AsRef<[Slot]>>(
    ssh: &mut Connection<R, P, T>,
    recording: &mut Recording,
    now: Instant,
    output: &mut Output<'_>,
) {
    recording.flushes(now, output.room());
    let before = output.filled();
    ssh.flush(now, output);
    recording.flushed(output.since(before));
    check_end(ssh, recording);
}

/// Makes a call and writes it down, in words that may know what it returned.
#[cold]
fn step<R: Played, P: Provider, T: AsMut<[Slot]> + AsRef<[Slot]>, A>(
    ssh: &mut Connection<R, P, T>,
    recording: &mut Recording,
    output: Option<&mut Output<'_>>,
    call: impl FnOnce(&mut Connection<R, P, T>, &mut Output<'_>) -> A,
    words: impl FnOnce(&mut Recording, &A) -> String,
) -> A {
    let mut none = Output::new(&mut []);
    recording.calls(output.as_ref().map(|output| output.room()));
    let output = output.unwrap_or(&mut none);
    let before = output.filled();
    let answer = call(ssh, output);
    let words = words(recording, &answer);
    recording.called(&words, output.since(before));
    check_end(ssh, recording);
    answer
}

/// Once the connection is over and has said so, the recording is as well.
fn check_end<R: Played, P: Provider, T: AsMut<[Slot]> + AsRef<[Slot]>>(
    ssh: &Connection<R, P, T>,
    recording: &mut Recording,
) {
    if let Some(fate) = ssh.fate()
        && !ssh.owes_output()
    {
        recording.end(Some(fate));
    }
}

/// Writes an event down, and what its question will be known by.
fn note<R: Played, P: Provider>(recording: &mut Recording, event: &Event<'_, R>) {
    recording.told(&event_words::<R, P>(event));
    match event {
        Event::Open { ask, .. } => recording.opens.push(ask.serial),
        Event::Listen { ask, .. } => recording.forwards.push(ask.serial),
        Event::Forward(ForwardId(id), _) => drop(recording.opened(*id)),
        Event::Channel(id, event) => {
            recording.opened(*id);
            if let crate::channel::Event::Request { ask, .. } = event {
                recording.requests.push(ask.serial);
            }
        }
        Event::Transport(_) | Event::Auth(_) => {}
    }
}

/// A call that answers a question, with the question's place among the open ones if it is not the oldest. Empty for a
/// call that is not worth a step.
fn placed(call: &str, asks: &mut Vec<Serial>, serial: Serial) -> String {
    match asks.iter().position(|open| *open == serial) {
        Some(0) => {
            asks.remove(0);
            call.into()
        }
        Some(place) => {
            asks.remove(place);
            format!("{call} {place}")
        }
        // Another connection's does nothing here.
        None => String::new(),
    }
}

fn with_outcome(mut words: String, answer: Result<Option<usize>, Refused>) -> String {
    let answer = outcome(answer);
    if !answer.is_empty() && !words.is_empty() {
        words.push(' ');
        words.push_str(&answer);
    }
    words
}

impl<R: Played, P: Provider, T: AsMut<[Slot]> + AsRef<[Slot]>> Deref for Recorded<R, P, T> {
    type Target = Connection<R, P, T>;

    fn deref(&self) -> &Connection<R, P, T> {
        &self.ssh
    }
}

impl<R: Played, P: Provider, T: AsMut<[Slot]> + AsRef<[Slot]>> Drop for Recorded<R, P, T> {
    fn drop(&mut self) {
        if let Some(recording) = &mut self.recording {
            recording.end(self.ssh.fate());
        }
    }
}

impl<R: Played, P: Provider, T: AsMut<[Slot]> + AsRef<[Slot]>> fmt::Debug for Recorded<R, P, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.ssh, f)
    }
}
