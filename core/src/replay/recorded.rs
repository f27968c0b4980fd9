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
    pub fn recv<'b>(&mut self, now: Instant, input: &mut Input<'b>) -> Result<Option<Event<'b, R>>, Error> {
        let Some(recording) = &mut self.recording else { return self.ssh.recv(now, input) };
        recording.lent(now, input.peek());
        let outcome = self.ssh.recv(now, input);
        recording.left(input.remaining());
        match &outcome {
            Ok(Some(event)) => note::<R, P>(recording, event),
            Ok(None) if input.is_cramped() => {}
            Ok(None) | Err(_) => recording.quiet(),
        }
        self.check_end();
        outcome
    }

    /// Writes what is owed, whole packets only.
    pub fn flush(&mut self, now: Instant, output: &mut Output<'_>) {
        let Some(recording) = &mut self.recording else { return self.ssh.flush(now, output) };
        recording.flushes(now, output.room());
        let before = output.filled();
        self.ssh.flush(now, output);
        recording.flushed(output.since(before));
        self.check_end();
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
    pub fn reply(&mut self, ask: Ask<ChannelRequest>, granted: bool) {
        let serial = ask.serial;
        let words = |it: &mut Recording| placed(&format!("reply {}", yes(granted)), &mut it.requests, serial);
        self.fact(words, |ssh| ssh.reply(ask, granted));
    }

    /// Sends data; returns how much was taken.
    pub fn write(&mut self, id: ChannelId, data: &[u8], output: &mut Output<'_>) -> Result<usize, Refused> {
        self.puts(
            output,
            |it, data| format!("write {} {}", it.channel(id), show(data)),
            data,
            |ssh, output| ssh.write(id, data, output),
        )
    }

    /// Sends extended data of a kind.
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
    pub fn fill(
        &mut self,
        id: ChannelId,
        output: &mut Output<'_>,
        with: impl FnOnce(&mut [u8]) -> usize,
    ) -> Result<usize, Refused> {
        let Some(recording) = &mut self.recording else { return self.ssh.fill(id, output, with) };
        recording.calls(Some(output.room()));
        let before = output.filled();
        let mut data = Vec::new();
        let outcome = self.ssh.fill(id, output, |space| {
            let used = with(space);
            data.extend_from_slice(space.get(..used).unwrap_or(space));
            used
        });
        let words = format!("fill {} {}", recording.channel(id), show(&data));
        recording.called(&with_outcome(words, outcome.map(Some)), output.since(before));
        outcome
    }

    /// Bytes of received data are done with.
    pub fn release(&mut self, id: ChannelId, bytes: usize) {
        self.fact(|it| format!("release {} {bytes}", it.channel(id)), |ssh| ssh.release(id, bytes));
    }

    /// The channel's window grows.
    pub fn widen(&mut self, id: ChannelId, bytes: u32) {
        self.fact(|it| format!("widen {} {bytes}", it.channel(id)), |ssh| ssh.widen(id, bytes));
    }

    /// No more data from us.
    pub fn finish(&mut self, id: ChannelId) {
        self.fact(|it| format!("finish {}", it.channel(id)), |ssh| ssh.finish(id));
    }

    /// Closes the channel.
    pub fn close(&mut self, id: ChannelId) {
        self.fact(|it| format!("close {}", it.channel(id)), |ssh| ssh.close(id));
    }

    // How calls become steps.

    /// A call that emits nothing, and whose result says nothing or is told by the end.
    pub(super) fn fact<A>(
        &mut self,
        words: impl FnOnce(&mut Recording) -> String,
        call: impl FnOnce(&mut Connection<R, P, T>) -> A,
    ) -> A {
        let Some(recording) = &mut self.recording else { return call(&mut self.ssh) };
        recording.calls(None);
        let words = words(recording);
        let answer = call(&mut self.ssh);
        recording.called(&words, &[]);
        self.check_end();
        answer
    }

    /// A call that emits something, or is refused.
    pub(super) fn sends(
        &mut self,
        output: &mut Output<'_>,
        words: impl FnOnce(&mut Recording) -> String,
        call: impl FnOnce(&mut Connection<R, P, T>, &mut Output<'_>) -> Result<(), Refused>,
    ) -> Result<(), Refused> {
        let Some(recording) = &mut self.recording else { return call(&mut self.ssh, output) };
        let words = words(recording);
        recording.calls(Some(output.room()));
        let before = output.filled();
        let outcome = call(&mut self.ssh, output);
        recording.called(&with_outcome(words, outcome.map(|()| None)), output.since(before));
        self.check_end();
        outcome
    }

    /// The same of one that takes a slot; it is lent no output if it writes nothing.
    fn opens<I>(
        &mut self,
        output: Option<&mut Output<'_>>,
        words: impl FnOnce(&mut Recording) -> String,
        call: impl FnOnce(&mut Connection<R, P, T>, &mut Output<'_>) -> Result<I, Refused>,
        slot: impl FnOnce(&I) -> ChannelId,
    ) -> Result<I, Refused> {
        let mut none = Output::new(&mut []);
        let room = output.as_ref().map(|output| output.room());
        let output = output.unwrap_or(&mut none);
        let Some(recording) = &mut self.recording else { return call(&mut self.ssh, output) };
        let words = words(recording);
        recording.calls(room);
        let before = output.filled();
        let outcome = call(&mut self.ssh, output);
        let id = outcome.as_ref().map(|id| Some(recording.opened(slot(id))));
        recording.called(&with_outcome(words, id.map_err(|refused| *refused)), output.since(before));
        outcome
    }

    /// The same of data, of which one byte more than was taken shows that there was more.
    fn puts(
        &mut self,
        output: &mut Output<'_>,
        words: impl FnOnce(&Recording, &[u8]) -> String,
        data: &[u8],
        call: impl FnOnce(&mut Connection<R, P, T>, &mut Output<'_>) -> Result<usize, Refused>,
    ) -> Result<usize, Refused> {
        let Some(recording) = &mut self.recording else { return call(&mut self.ssh, output) };
        recording.calls(Some(output.room()));
        let before = output.filled();
        let outcome = call(&mut self.ssh, output);
        let told = outcome.unwrap_or(0).saturating_add(1).min(data.len());
        let words = words(recording, data.get(..told).unwrap_or(data));
        recording.called(&with_outcome(words, outcome.map(Some)), output.since(before));
        outcome
    }

    /// Once the connection is over and has said so, the recording is as well.
    fn check_end(&mut self) {
        if let (Some(recording), Some(fate)) = (&mut self.recording, self.ssh.fate())
            && !self.ssh.owes_output()
        {
            recording.end(Some(fate));
        }
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
