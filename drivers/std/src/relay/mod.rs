//! Forwarding's engine: one thread for each connection that forwards, which is its pump and waits for the connection and
//! for all local sockets at once. What is joined here never blocks, has its share of each turn, and fails alone.
//!
//! ```text
//! first entry --> thread: becomes the pump --> receive, serve what is ready, flush, write; sleep in poll, unlocked
//! last entry gone <-- thread ends, and leaves the pump to whoever waits        ^--------- sockets, connection, wake
//! ```

mod local;
mod pair;
mod thread;

pub use local::{Listener, Local};

use crate::end::{End, Ssh};
use mio::unix::SourceFd;
use mio::{Interest, Poll, Registry, Token};
use pair::{Pair, Pause};
use sanssh_core::channel::Event;
use sanssh_core::{ChannelId, Output};
use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsRawFd, RawFd};

/// What is watched.
#[derive(Debug)]
enum Entry {
    Pair(Pair),
}

/// An entry, and whether it stands in the line of those that are ready.
#[derive(Debug)]
struct Seat {
    entry: Entry,
    queued: bool,
}

/// What one entry's turn came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Others are next.
    Next,
    /// The connection takes nothing now.
    Stuck,
    /// Nobody is ready.
    Idle,
}

/// All that one connection relays.
#[derive(Debug)]
pub(crate) struct Relay {
    seats: Vec<Option<Seat>>,
    vacant: Vec<usize>,
    /// The seat of each channel's pair, by the index of the channel.
    of_channel: Vec<Option<usize>>,
    ready: VecDeque<usize>,
    /// Pairs whose channel is gone, and whose socket has not taken everything.
    leftover: usize,
    registry: Option<Registry>,
    /// The thread has it while there is one.
    poll: Option<Poll>,
    /// There is a thread.
    pub(crate) running: bool,
    /// The thread wants to be the pump.
    pub(crate) claims: bool,
}

impl Relay {
    pub(crate) const fn new() -> Self {
        Self {
            seats: Vec::new(),
            vacant: Vec::new(),
            of_channel: Vec::new(),
            ready: VecDeque::new(),
            leftover: 0,
            registry: None,
            poll: None,
            running: false,
            claims: false,
        }
    }

    /// Whether there is nothing to watch.
    pub(crate) const fn is_empty(&self) -> bool {
        self.seats.len() == self.vacant.len()
    }

    /// Whether somebody would have a turn.
    pub(crate) fn is_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Joins a channel with a socket; `open`: the channel is, and not only asked for.
    pub(crate) fn join(&mut self, id: ChannelId, socket: Local, open: bool) -> io::Result<()> {
        socket.prepare()?;
        self.seat(Entry::Pair(Pair::new(id, socket, open)))?;
        Ok(())
    }

    /// Whether the channel is joined.
    pub(crate) fn holds(&mut self, id: ChannelId) -> bool {
        self.pair(id).is_some()
    }

    fn registry(&mut self) -> io::Result<&Registry> {
        match &mut self.registry {
            Some(registry) => Ok(registry),
            none => {
                let poll = Poll::new()?;
                let registry = none.insert(poll.registry().try_clone()?);
                self.poll = Some(poll);
                Ok(registry)
            }
        }
    }

    fn seat(&mut self, entry: Entry) -> io::Result<usize> {
        let at = self.vacant.last().copied().unwrap_or(self.seats.len());
        // Whatever is ready already is told as well.
        self.registry()?.register(&mut SourceFd(&entry.fd()), Token(at), Interest::READABLE | Interest::WRITABLE)?;
        if self.vacant.pop().is_none() {
            self.seats.push(None);
        }
        if let Some(id) = entry.channel() {
            if self.of_channel.len() <= id.index() {
                self.of_channel.resize(id.index() + 1, None);
            }
            self.of_channel[id.index()] = Some(at);
        }
        self.seats[at] = Some(Seat { entry, queued: false });
        Ok(at)
    }

    fn leave(&mut self, at: usize) {
        let Some(Seat { entry, .. }) = self.seats.get_mut(at).and_then(Option::take) else { return };
        if let Some(place) = entry.channel().and_then(|id| self.of_channel.get_mut(id.index())) {
            place.take_if(|place| *place == at);
        }
        // The socket may live on in the program's hands.
        if let Some(registry) = &self.registry {
            let _ = registry.deregister(&mut SourceFd(&entry.fd()));
        }
        self.vacant.push(at);
    }

    fn pair(&mut self, id: ChannelId) -> Option<(usize, &mut Pair)> {
        let at = (*self.of_channel.get(id.index())?)?;
        match &mut self.seats.get_mut(at)?.as_mut()?.entry {
            Entry::Pair(pair) if pair.id() == Some(id) => Some((at, pair)),
            Entry::Pair(_) => None,
        }
    }

    /// Data of a channel; how much of it is done with, if the channel is joined.
    pub(crate) fn deliver(&mut self, id: ChannelId, bytes: &[u8]) -> Option<usize> {
        self.pair(id).map(|(_, pair)| pair.deliver(bytes))
    }

    /// News of a channel; whether it is joined.
    pub(crate) fn note<R: End>(&mut self, ssh: &mut Ssh<R>, id: ChannelId, event: &Event<'_>) -> bool {
        let Some((at, pair)) = self.pair(id) else { return false };
        match event {
            Event::Opened => pair.opened(),
            Event::Eof => pair.finish(),
            Event::Closed => {
                pair.closed();
                self.of_channel[id.index()] = None;
                self.leftover += 1;
            }
            Event::Failed { .. } => return self.fail(at),
            Event::Writable
            | Event::Data(_)
            | Event::Extended(..)
            | Event::Request { .. }
            | Event::Replied(_)
            | Event::Notice(_) => {}
        }
        self.settle(ssh, at);
        true
    }

    fn fail(&mut self, at: usize) -> bool {
        self.leave(at);
        true
    }

    /// A socket has news.
    pub(crate) fn wake<R: End>(&mut self, ssh: &mut Ssh<R>, at: usize, event: &mio::event::Event) {
        let Some(Some(seat)) = self.seats.get_mut(at) else { return };
        let Entry::Pair(pair) = &mut seat.entry;
        pair.wake(event.is_readable(), event.is_writable(), event.is_read_closed() || event.is_error());
        let done = pair.drain();
        if let Some(id) = pair.id() {
            ssh.release(id, done);
        }
        self.settle(ssh, at);
    }

    /// Where an entry stands after something happened: through, in line for a turn, or waiting.
    fn settle<R: End>(&mut self, ssh: &mut Ssh<R>, at: usize) {
        let Some(Some(seat)) = self.seats.get_mut(at) else { return };
        let Entry::Pair(pair) = &mut seat.entry;
        if pair.is_over() {
            match pair.id() {
                Some(id) => ssh.close(id),
                None => self.leftover -= 1,
            }
            self.leave(at);
        } else if pair.wants_turn() && !seat.queued {
            seat.queued = true;
            self.ready.push_back(at);
        }
    }

    /// Gives the next entry its turn.
    pub(crate) fn serve<R: End>(&mut self, ssh: &mut Ssh<R>, output: &mut Output<'_>) -> Turn {
        let Some(at) = self.ready.pop_front() else { return Turn::Idle };
        let Some(Some(seat)) = self.seats.get_mut(at) else { return Turn::Next };
        seat.queued = false;
        let Entry::Pair(pair) = &mut seat.entry;
        match pair.pull(ssh, output) {
            Pause::Link => {
                seat.queued = true;
                self.ready.push_front(at);
                return Turn::Stuck;
            }
            Pause::Share => self.settle(ssh, at),
            Pause::Event if pair.is_over() => self.settle(ssh, at),
            Pause::Event => {}
        }
        Turn::Next
    }

    /// The connection is over: what is joined ends as by a fault.
    pub(crate) fn abort(&mut self) {
        for at in 0..self.seats.len() {
            if let Some(Some(Seat { entry: Entry::Pair(pair), .. })) = self.seats.get(at) {
                pair.socket().abort();
            }
            self.leave(at);
        }
        (self.seats, self.vacant, self.leftover) = (Vec::new(), Vec::new(), 0);
        self.ready.clear();
    }
}

impl Entry {
    const fn channel(&self) -> Option<ChannelId> {
        match self {
            Self::Pair(pair) => pair.id(),
        }
    }

    fn fd(&self) -> RawFd {
        match self {
            Self::Pair(pair) => pair.socket().as_raw_fd(),
        }
    }
}
