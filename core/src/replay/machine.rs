//! A connection that is driven by lines of text and tells its events in text. Everything that plays a recording shares
//! it, so what a call does when it is recorded is what it does when it is played.

use super::script::{Script, Side};
use super::settings::configure;
use super::words::{
    bytes, channel_words, forward_event_words, forward_words, granted, kind_words, number, outcome, transport_words,
    unseed, with_kind, with_request,
};
use crate::algorithm::Zip;
use crate::channel::{ForwardId, OpenFailure, STDERR};
use crate::config::Keepalive;
use crate::crypto::Provider;
use crate::event::{
    Answer, Attempt, ChannelRequest, ForwardRequest, HostKeyChoice, OpenRequest, Probe, Prove, Sign, Trust,
};
use crate::role::{Client, Role, Server};
use crate::{
    Ask, ChannelId, Config, Connection, Error, Event, Input, Instant, Output, Reason, Refused, Slot, Waiting, channel,
};
use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

/// Room for what one flush and the calls before it emit, unless `room` says otherwise; part of the format, because it
/// decides how much a write takes.
pub(super) const OUTPUT: usize = 256 * 1024;
/// The most that `room` may say, and the slots that there may be: a recording is no reason to use up the memory.
const MOST_ROOM: usize = 16 << 20;
const MOST_SLOTS: usize = 1 << 16;

/// What a call gave.
pub(super) type Answered = Result<Option<usize>, Refused>;

/// One end, whatever its role and its provider, driven by text. Nothing that a text says makes it panic.
pub trait Driven {
    /// Takes bytes off the front of `input` until something is told.
    fn recv(&mut self, at: u64, input: &mut Vec<u8>) -> Option<String>;
    /// Flushes.
    fn flush(&mut self, at: u64);
    /// What was emitted since the last time; the room for it is whole again.
    fn emitted(&mut self) -> Vec<u8>;
    /// So much room is left for what is emitted next; if nothing was since the last time, that much there will be again.
    ///
    /// # Errors
    /// If that is more than any driver has.
    fn room(&mut self, bytes: usize) -> Result<(), &'static str>;
    /// Makes a call; gives what it returned, or nothing where that says nothing.
    ///
    /// # Errors
    /// If there is no such call, or what it answers was not asked.
    fn call(&mut self, line: &str) -> Result<String, &'static str>;
    /// Whether something is to be flushed, calls' own output included.
    fn owes(&self) -> bool;
    /// What the next call of `sign` or `public-key` needs a signature on.
    fn to_sign(&self, user: &str, algorithm: &str, key: &[u8]) -> Option<Vec<u8>>;
    /// When time alone changes something.
    fn deadline(&self) -> Option<u64>;
    /// What it waits for.
    fn waiting(&self) -> Option<Waiting>;
    /// How it ended.
    fn fate(&self) -> Option<Error>;
}

/// The end that a script describes, before its first step.
///
/// # Errors
/// If the script's configuration is none.
pub fn start<P: Provider>(script: &Script) -> Result<Box<dyn Driven>, &'static str> {
    let config = configure(&script.config).ok_or("a configuration that is not known")?;
    if script.table > MOST_SLOTS {
        return Err("more slots than there can be");
    }
    Ok(match script.side {
        Side::Client => Box::new(Machine::<Client, P>::new(script, config)),
        Side::Server => Box::new(Machine::<Server, P>::new(script, config)),
    })
}

/// A role that can be recorded and played.
#[expect(private_interfaces, reason = "how it is played stays inside; roles are sealed anyway")]
pub trait Played: Role {
    /// Which it is.
    const SIDE: Side;

    /// An event in words.
    fn words(event: &Self::Event<'_>) -> String;

    /// Keeps an event's question.
    #[doc(hidden)]
    fn keep(asks: &mut Asks, event: Self::Event<'_>);

    /// Makes a call that only this role has; `None` if that cannot be.
    #[doc(hidden)]
    fn call<P: Provider>(machine: &mut Machine<Self, P>, name: &str, arguments: &[&str]) -> Option<Answered>;

    /// See [`Driven::to_sign`].
    #[doc(hidden)]
    fn to_sign<P: Provider>(machine: &Machine<Self, P>, user: &str, algorithm: &str, key: &[u8]) -> Option<Vec<u8>>;
}

/// An event in words, as recordings have it.
pub(super) fn event_words<R: Played, P: Provider>(event: &Event<'_, R>) -> String {
    match event {
        Event::Transport(event) => transport_words(event),
        Event::Auth(event) => format!("auth {}", R::words(event)),
        Event::Open { kind, .. } => format!("open {}", kind_words(kind, |id| id.index().to_string())),
        Event::Listen { what, .. } => format!("listen {}", forward_words(what)),
        Event::Forward(id, event) => format!("forward {} {}", id.index(), forward_event_words(*event)),
        Event::Channel(id, event) => format!("channel {} {}", id.index(), channel_words::<P>(event)),
    }
}

/// The last questions of exchange and login, of either role.
#[derive(Debug, Default)]
pub(super) struct Asks {
    pub(super) trust: Option<Ask<Trust>>,
    pub(super) answer: Option<Ask<Answer>>,
    pub(super) host_key: Option<Ask<HostKeyChoice>>,
    pub(super) sign: Option<Ask<Sign>>,
    pub(super) probe: Option<Ask<Probe>>,
    pub(super) attempt: Option<Ask<Attempt>>,
    pub(super) prove: Option<Ask<Prove>>,
}

pub(super) struct Machine<R: Played, P: Provider> {
    pub(super) ssh: Connection<R, P, Vec<Slot>>,
    pub(super) asks: Asks,
    /// Questions that are not answered yet, oldest first.
    opens: Vec<Ask<OpenRequest>>,
    requests: Vec<Ask<ChannelRequest>>,
    pub(super) forwards: Vec<Ask<ForwardRequest>>,
    /// The channel or forward that has each slot, or had it last.
    channels: Vec<Option<ChannelId>>,
    space: Vec<u8>,
    emitted: Vec<u8>,
    room: usize,
    /// The room behind the next flush.
    whole: usize,
    inflate: Vec<u8>,
}

impl<R: Played, P: Provider> Machine<R, P> {
    fn new(script: &Script, config: Config) -> Self {
        let compresses = config.preferences.zips.iter().any(|zip| *zip != Zip::None);
        let most = usize::try_from(config.max_packet).unwrap_or(usize::MAX).min(MOST_ROOM);
        let table = vec![Slot::new(); script.table];
        Self {
            ssh: Connection::new(config, &script.seed, table, Instant(script.start)),
            asks: Asks::default(),
            opens: Vec::new(),
            requests: Vec::new(),
            forwards: Vec::new(),
            channels: vec![None; script.table],
            space: vec![0; OUTPUT],
            emitted: Vec::new(),
            room: OUTPUT,
            whole: OUTPUT,
            inflate: vec![0; if compresses { most } else { 0 }],
        }
    }

    /// Runs a command that writes.
    pub(super) fn emit<A>(&mut self, command: impl FnOnce(&mut Self, &mut Output<'_>) -> A) -> A {
        let mut space = core::mem::take(&mut self.space);
        let mut output = Output::new(space.get_mut(..self.room).unwrap_or_default());
        let answer = command(self, &mut output);
        let filled = output.filled();
        self.room = self.room.saturating_sub(filled);
        self.emitted.extend(space.get(..filled).unwrap_or_default());
        self.space = space;
        answer
    }

    /// The channel that a word names: by its slot, and by how often that was used if it is not the last that had it.
    pub(super) fn channel(&self, word: &str) -> Option<ChannelId> {
        if let Some((index, generation)) = word.split_once('.') {
            return Some(ChannelId::new(number(index)?, number(generation)?));
        }
        *self.channels.get(number::<usize>(word)?)?
    }

    fn tell(&mut self, event: Event<'_, R>) -> String {
        let words = event_words::<R, P>(&event);
        match event {
            Event::Transport(_) => {}
            Event::Auth(event) => R::keep(&mut self.asks, event),
            Event::Open { ask, .. } => self.opens.push(ask),
            Event::Listen { ask, .. } => self.forwards.push(ask),
            Event::Forward(ForwardId(id), _) => drop(self.opened(id)),
            Event::Channel(id, event) => {
                self.opened(id);
                if let channel::Event::Request { ask, .. } = event {
                    self.requests.push(ask);
                }
            }
        }
        words
    }

    /// Calls that both roles have; `None` if that cannot be.
    fn common(&mut self, name: &str, arguments: &[&str]) -> Option<Answered> {
        let done = |()| None;
        Some(match (name, arguments) {
            ("open", kind) => {
                let forward = match kind {
                    ["forwarded-tcpip" | "forwarded-streamlocal@openssh.com", slot, ..] => self.channel(slot),
                    _ => None,
                };
                let forward = |_: &str| forward.map(ForwardId);
                let id = self.emit(|it, output| with_kind(kind, forward, |kind| it.ssh.open(kind, output)))?;
                id.map(|id| Some(self.opened(id)))
            }
            ("accept", place) => {
                let ask = take(&mut self.opens, place)?;
                self.ssh.accept(ask).map(|id| Some(self.opened(id)))
            }
            ("decline", [code, place @ ..]) => {
                let ask = take(&mut self.opens, place)?;
                self.ssh.decline(ask, OpenFailure(number(code)?));
                Ok(None)
            }
            ("reply", [answer, place @ ..]) => {
                let ask = take(&mut self.requests, place)?;
                self.ssh.reply(ask, granted(answer)?);
                Ok(None)
            }
            ("request", [id, what @ ..]) => {
                let id = self.channel(id)?;
                self.emit(|it, output| with_request(what, |what| it.ssh.request(id, what, output)))?.map(done)
            }
            ("write", [id, data]) => {
                let (id, data) = (self.channel(id)?, bytes(data)?);
                self.emit(|it, output| it.ssh.write(id, &data, output)).map(Some)
            }
            ("write-extended", [id, data, kind @ ..]) => {
                let (id, data) = (self.channel(id)?, bytes(data)?);
                let kind = kind.first().map_or(Some(STDERR), |kind| number(kind))?;
                self.emit(|it, output| it.ssh.write_extended(id, kind, &data, output)).map(Some)
            }
            ("fill", [id, data]) => {
                let (id, data) = (self.channel(id)?, bytes(data)?);
                self.emit(|it, output| it.ssh.fill(id, output, |space| fill(space, &data))).map(Some)
            }
            _ => {
                self.fact(name, arguments)?;
                Ok(None)
            }
        })
    }

    /// Calls that record a fact and return nothing.
    fn fact(&mut self, name: &str, arguments: &[&str]) -> Option<()> {
        match (name, arguments) {
            ("release", [id, count]) => self.ssh.release(self.channel(id)?, number(count)?),
            ("widen", [id, count]) => self.ssh.widen(self.channel(id)?, number(count)?),
            ("finish", [id]) => self.ssh.finish(self.channel(id)?),
            ("close", [id]) => self.ssh.close(self.channel(id)?),
            ("rekey", []) => self.ssh.rekey(),
            ("ask-alive", []) => self.ssh.ask_alive(),
            ("keepalive", [micros, count]) => {
                let interval = Duration::from_micros(number(micros)?);
                self.ssh.set_keepalive(Keepalive { interval, count: number(count)? });
            }
            ("reseed", [seed]) => self.ssh.reseed(&unseed(seed)?),
            ("disconnect", [code]) => self.ssh.disconnect(Reason(number(code)?)),
            // What these two return is told by `end`.
            ("tick", [at]) => drop(self.ssh.tick(Instant(number(at)?))),
            ("hung-up", []) => drop(self.ssh.hung_up()),
            ("flush", [at]) => self.flush(number(at)?),
            _ => return None,
        }
        Some(())
    }

    pub(super) fn opened(&mut self, id: ChannelId) -> usize {
        if let Some(last) = self.channels.get_mut(id.index()) {
            *last = Some(id);
        }
        id.index()
    }
}

impl<R: Played, P: Provider> Driven for Machine<R, P> {
    fn recv(&mut self, at: u64, input: &mut Vec<u8>) -> Option<String> {
        let (mut lent, mut inflate) = (core::mem::take(input), core::mem::take(&mut self.inflate));
        let mut taken = 0_usize;
        let words = loop {
            let mut bytes = Input::new(lent.get_mut(taken..).unwrap_or_default()).with_inflate(&mut inflate);
            let event = self.ssh.recv(Instant(at), &mut bytes).unwrap_or_default();
            let more = bytes.taken();
            taken = taken.saturating_add(more);
            let words = event.map(|event| self.tell(event));
            // What has not room enough alone never will.
            if words.is_some() || !bytes.is_cramped() || more == 0 {
                break words;
            }
        };
        lent.drain(..taken);
        (*input, self.inflate) = (lent, inflate);
        words
    }

    fn flush(&mut self, at: u64) {
        self.emit(|it, output| it.ssh.flush(Instant(at), output));
    }

    fn emitted(&mut self) -> Vec<u8> {
        self.room = self.whole;
        core::mem::take(&mut self.emitted)
    }

    fn room(&mut self, bytes: usize) -> Result<(), &'static str> {
        if bytes > MOST_ROOM {
            return Err("more room than there can be");
        }
        self.space.resize(bytes.max(self.space.len()), 0);
        self.room = bytes;
        if self.emitted.is_empty() {
            self.whole = bytes;
        }
        Ok(())
    }

    fn call(&mut self, line: &str) -> Result<String, &'static str> {
        let words: Vec<_> = line.split_whitespace().collect();
        let (name, arguments) = words.split_first().ok_or("a call without a name")?;
        let answer = self.common(name, arguments).or_else(|| R::call(self, name, arguments));
        answer.map(outcome).ok_or("a call that cannot be made")
    }

    fn owes(&self) -> bool {
        !self.emitted.is_empty() || self.ssh.owes_output()
    }

    fn to_sign(&self, user: &str, algorithm: &str, key: &[u8]) -> Option<Vec<u8>> {
        R::to_sign(self, user, algorithm, key)
    }

    fn deadline(&self) -> Option<u64> {
        self.ssh.deadline().map(|Instant(at)| at)
    }

    fn waiting(&self) -> Option<Waiting> {
        self.ssh.waiting()
    }

    fn fate(&self) -> Option<Error> {
        self.ssh.fate()
    }
}

/// The question at a place among the open ones, the oldest if none is named.
pub(super) fn take<Q>(asks: &mut Vec<Ask<Q>>, place: &[&str]) -> Option<Ask<Q>> {
    let place = match place {
        [] => 0,
        [place] => number(place)?,
        _ => return None,
    };
    (place < asks.len()).then(|| asks.remove(place))
}

/// Copies what fits.
fn fill(space: &mut [u8], data: &[u8]) -> usize {
    let fits = data.len().min(space.len());
    for (to, from) in space.iter_mut().zip(data) {
        *to = *from;
    }
    fits
}
