//! Who is served: entries by number, the channels of those that have one, and what watches their sockets. Each socket is
//! watched once for everything, and tells when something changes.

use super::asker::Asker;
use super::connect::{Connecting, Lookups};
use super::door::Door;
use super::pair::Pair;
use core::net::SocketAddr;
use mio::unix::SourceFd;
use mio::{Interest, Poll, Registry, Token, Waker};
use sanssh_core::channel::ForwardId;
use sanssh_core::{ChannelId, Instant};
use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::sync::Arc;

/// What the lookups wake the thread by.
pub(super) const LOOKUP: Token = Token(usize::MAX - 3);

/// What is served.
#[derive(Debug)]
pub(super) enum Entry {
    /// A channel and a socket.
    Pair(Pair),
    /// A listener.
    Door(Door),
    /// A peer's channel whose socket is on its way.
    Connecting(Connecting),
    /// A program that says where it wants to go.
    Asker(Asker),
    /// A forward whose channels can come while nobody waits for anything.
    Forward(ForwardId),
    /// A session that lends something, likewise.
    Loan(ChannelId),
}

#[derive(Debug)]
struct Seat {
    entry: Entry,
    /// It stands in the line of those that are ready.
    queued: bool,
    /// When it has to be looked after.
    timer: Option<Instant>,
}

/// Made when first needed.
#[derive(Debug)]
struct Watch {
    registry: Registry,
    waker: Arc<Waker>,
    lookups: Lookups,
}

/// All entries.
#[derive(Debug)]
pub(super) struct Seats {
    seats: Vec<Option<Seat>>,
    vacant: Vec<usize>,
    /// The seat of each channel's pair, by the index of the channel.
    of_channel: Vec<Option<usize>>,
    watch: Option<Watch>,
    /// The thread has it while there is one.
    pub(super) poll: Option<Poll>,
}

impl Seats {
    pub(super) const fn new() -> Self {
        Self { seats: Vec::new(), vacant: Vec::new(), of_channel: Vec::new(), watch: None, poll: None }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.seats.len() == self.vacant.len()
    }

    /// Numbers that were ever given.
    pub(super) const fn len(&self) -> usize {
        self.seats.len()
    }

    pub(super) fn get(&mut self, at: usize) -> Option<&mut Entry> {
        Some(&mut self.seats.get_mut(at)?.as_mut()?.entry)
    }

    /// Seats an entry and watches its socket.
    pub(super) fn take(&mut self, entry: Entry) -> io::Result<usize> {
        self.watcher()?;
        let at = self.put(entry);
        if let Err(error) = self.watch(at) {
            self.leave(at);
            return Err(error);
        }
        Ok(at)
    }

    /// Seats an entry that has no socket yet.
    pub(super) fn put(&mut self, entry: Entry) -> usize {
        let at = self.vacant.pop().unwrap_or_else(|| {
            self.seats.push(None);
            self.seats.len() - 1
        });
        if let Some(id) = entry.channel() {
            if self.of_channel.len() <= id.index() {
                self.of_channel.resize(id.index() + 1, None);
            }
            self.of_channel[id.index()] = Some(at);
        }
        self.seats[at] = Some(Seat { entry, queued: false, timer: None });
        at
    }

    /// Empties a seat.
    pub(super) fn leave(&mut self, at: usize) -> Option<Entry> {
        self.unwatch(at);
        let Seat { entry, .. } = self.seats.get_mut(at)?.take()?;
        if let Some(id) = entry.channel() {
            self.release(id);
        }
        self.vacant.push(at);
        Some(entry)
    }

    /// The pair of a channel.
    pub(super) fn pair(&mut self, id: ChannelId) -> Option<(usize, &mut Pair)> {
        let at = (*self.of_channel.get(id.index())?)?;
        match self.get(at)? {
            Entry::Pair(pair) if pair.id() == Some(id) => Some((at, pair)),
            Entry::Pair(_)
            | Entry::Door(_)
            | Entry::Connecting(_)
            | Entry::Asker(_)
            | Entry::Forward(_)
            | Entry::Loan(_) => None,
        }
    }

    /// The channel is nobody's any more.
    pub(super) fn release(&mut self, id: ChannelId) {
        if let Some(place) = self.of_channel.get_mut(id.index()) {
            *place = None;
        }
    }

    /// Notes that the entry stands in line; whether it did not.
    pub(super) fn queue(&mut self, at: usize) -> bool {
        let Some(Some(seat)) = self.seats.get_mut(at) else { return false };
        !core::mem::replace(&mut seat.queued, true)
    }

    pub(super) fn unqueue(&mut self, at: usize) {
        if let Some(Some(seat)) = self.seats.get_mut(at) {
            seat.queued = false;
        }
    }

    /// When the entry has to be looked after; the old time, if that is another now.
    pub(super) fn set_timer(&mut self, at: usize, when: Option<Instant>) -> Option<Instant> {
        core::mem::replace(&mut self.seats.get_mut(at)?.as_mut()?.timer, when)
    }

    fn watcher(&mut self) -> io::Result<&mut Watch> {
        match &mut self.watch {
            Some(watch) => Ok(watch),
            none => {
                let poll = Poll::new()?;
                let waker = Arc::new(Waker::new(poll.registry(), LOOKUP)?);
                let watch = Watch { registry: poll.registry().try_clone()?, waker, lookups: Lookups::new() };
                self.poll = Some(poll);
                Ok(none.insert(watch))
            }
        }
    }

    /// Watches an entry's socket; what is ready already is told as well.
    pub(super) fn watch(&mut self, at: usize) -> io::Result<()> {
        let Some(fd) = self.get(at).and_then(|entry| entry.fd()) else { return Ok(()) };
        let both = Interest::READABLE | Interest::WRITABLE;
        self.watcher()?.registry.register(&mut SourceFd(&fd), Token(at), both)
    }

    /// Watches it no more: the socket may live on in the program's hands.
    pub(super) fn unwatch(&mut self, at: usize) {
        if let (Some(fd), Some(watch)) = (self.get(at).and_then(|entry| entry.fd()), &self.watch) {
            let _ = watch.registry.deregister(&mut SourceFd(&fd));
        }
    }

    pub(super) fn lookups(&mut self) -> io::Result<(&mut Lookups, Arc<Waker>)> {
        let watch = self.watcher()?;
        Ok((&mut watch.lookups, Arc::clone(&watch.waker)))
    }

    /// What a lookup brought, and for whom.
    pub(super) fn found(&mut self) -> Option<(usize, io::Result<Vec<SocketAddr>>)> {
        let Watch { lookups, waker, .. } = self.watch.as_mut()?;
        lookups.next(waker)
    }
}

impl Entry {
    const fn channel(&self) -> Option<ChannelId> {
        match self {
            Self::Pair(pair) => pair.id(),
            Self::Door(_) | Self::Connecting(_) | Self::Asker(_) | Self::Forward(_) | Self::Loan(_) => None,
        }
    }

    fn fd(&self) -> Option<RawFd> {
        match self {
            Self::Pair(pair) => Some(pair.socket().as_fd().as_raw_fd()),
            Self::Door(door) => Some(door.listener().as_raw_fd()),
            Self::Connecting(connecting) => connecting.socket.as_ref().map(|socket| socket.as_fd().as_raw_fd()),
            Self::Asker(asker) => Some(asker.socket.as_fd().as_raw_fd()),
            Self::Forward(_) | Self::Loan(_) => None,
        }
    }
}
