//! Forwarding's engine: one thread for each connection that forwards, which is its pump and waits for the connection and
//! for all local sockets at once. What is joined here never blocks, has its share of each turn, and fails alone.
//!
//! ```text
//! first entry --> thread: becomes the pump --> receive, serve what is ready, flush, write; sleep in poll, unlocked
//! last entry gone <-- thread ends, and leaves the pump to whoever waits        ^--------- sockets, connection, wake
//! ```

mod asker;
mod bell;
mod connect;
mod door;
mod endpoint;
mod listener;
mod pair;
mod seats;
mod tally;
mod thread;
mod ward;

pub(crate) use bell::Bell;
pub use endpoint::Endpoint;
pub(crate) use endpoint::Leads;
pub use listener::Listener;
pub use tally::Counts;
pub(crate) use tally::Tally;
pub(crate) use ward::{Bind, Ward};

use crate::clock::Clock;
use crate::end::{End, Ssh};
use crate::error::escape;
use crate::socket::Socket;
use crate::trace::Trace;
use asker::Asker;
use connect::{Connecting, PATIENCE};
use core::time::Duration;
use door::{Door, Knock};
use pair::{Pair, Pause};
use sanssh_core::channel::{Event, ForwardId, OpenFailure};
use sanssh_core::event::OpenRequest;
use sanssh_core::{Ask, ChannelId, Instant, Output, Refused};
use seats::{Entry, Seats};
use std::collections::{BTreeSet, VecDeque};
use std::io;
use std::sync::Arc;

/// Pause after an accept that failed for want of something.
const PAUSE: Duration = Duration::from_millis(50);

/// Pause before a full table of channels is tried again, if nothing was heard of it.
const CROWD: Duration = Duration::from_millis(500);

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
    seats: Seats,
    ready: VecDeque<usize>,
    /// What has to be looked after, and when.
    timers: BTreeSet<(Instant, usize)>,
    clock: Clock,
    /// Channels that may be open; as many may be gone whose sockets have not taken everything.
    channels: usize,
    leftover: usize,
    /// Programs that have not said where to; no more than channels.
    askers: usize,
    /// A door waits for a free channel.
    crowded: bool,
    /// Something was lent or borrowed once.
    loans: bool,
    /// There is a thread.
    running: bool,
    /// Rings when a connection ends or comes to nothing.
    bell: Arc<Bell>,
    /// The thread wants to be the pump.
    pub(crate) claims: bool,
}

impl Relay {
    pub(crate) fn new(clock: Clock, channels: usize) -> Self {
        Self {
            seats: Seats::new(),
            ready: VecDeque::new(),
            timers: BTreeSet::new(),
            clock,
            channels,
            leftover: 0,
            askers: 0,
            crowded: false,
            loans: false,
            running: false,
            bell: Arc::default(),
            claims: false,
        }
    }

    /// Whether there is something to do and no thread that does it.
    pub(crate) const fn wants_thread(&self) -> bool {
        !self.running && !self.seats.is_empty()
    }

    /// Whether as many channels are over as can be open, whose sockets do not take what came.
    pub(crate) const fn is_crowded(&self) -> bool {
        self.leftover >= self.channels
    }

    /// What rings when connections end, as long as there is a thread.
    pub(crate) fn bell(&self) -> Option<Arc<Bell>> {
        self.running.then(|| Arc::clone(&self.bell))
    }

    /// When something has to be looked after.
    fn deadline(&self) -> Option<Instant> {
        self.timers.first().map(|(when, _)| *when)
    }

    /// Has the entry looked after then, and not at another time.
    fn remind(&mut self, at: usize, span: Duration) {
        let when = self.clock.now().after(span);
        if let Some(before) = self.seats.set_timer(at, Some(when)) {
            self.timers.remove(&(before, at));
        }
        self.timers.insert((when, at));
    }

    fn leave(&mut self, at: usize) -> Option<Entry> {
        if let Some(when) = self.seats.set_timer(at, None) {
            self.timers.remove(&(when, at));
        }
        self.seats.leave(at)
    }

    /// Joins a channel with a socket.
    pub(crate) fn join(&mut self, id: ChannelId, socket: Socket) -> io::Result<()> {
        socket.prepare()?;
        self.seats.take(Entry::Pair(Pair::new(id, socket, true, None)))?;
        Ok(())
    }

    /// Whether the channel is joined.
    pub(crate) fn holds(&mut self, id: ChannelId) -> bool {
        self.seats.pair(id).is_some()
    }

    /// Gives each connection that comes in a channel; the door's number.
    pub(crate) fn open_door(
        &mut self,
        listener: Listener,
        leads: Option<Leads>,
        tally: Arc<Tally>,
        trace: Option<Trace>,
    ) -> io::Result<usize> {
        self.loans |= leads.as_ref().and_then(Leads::session).is_some();
        let at = self.seats.take(Entry::Door(Door::new(listener, leads, tally, trace)?))?;
        self.line_up(at);
        Ok(at)
    }

    /// Listens no more there.
    pub(crate) fn close_door(&mut self, at: usize, tally: &Arc<Tally>) {
        if matches!(self.seats.get(at), Some(Entry::Door(door)) if Arc::ptr_eq(door.tally(), tally)) {
            self.leave(at);
        }
    }

    /// Listens no more for the forward.
    pub(crate) fn close_doors(&mut self, forward: ForwardId) {
        for at in 0..self.seats.len() {
            if matches!(self.seats.get(at), Some(Entry::Door(door)) if door.forward() == Some(forward)) {
                self.leave(at);
            }
        }
    }

    /// Has the connection tended for a forward, whose channels can come at any time.
    pub(crate) fn expect(&mut self, forward: ForwardId) -> io::Result<()> {
        self.seats.take(Entry::Forward(forward)).map(drop)
    }

    /// No more is to come of the forward.
    pub(crate) fn forget(&mut self, forward: ForwardId) {
        for at in 0..self.seats.len() {
            if matches!(self.seats.get(at), Some(Entry::Forward(one)) if *one == forward) {
                self.leave(at);
            }
        }
    }

    /// Has the connection tended for a session that lends something, as for a forward.
    pub(crate) fn lend(&mut self, session: ChannelId) -> io::Result<()> {
        self.loans = true;
        self.seats.take(Entry::Loan(session)).map(drop)
    }

    /// The session is over, and with it what it lends or borrows.
    pub(crate) fn take_back(&mut self, session: ChannelId) {
        for at in 0..if self.loans { self.seats.len() } else { 0 } {
            let ends = match self.seats.get(at) {
                Some(Entry::Loan(one)) => *one == session,
                Some(Entry::Door(door)) => door.serves(session),
                Some(Entry::Pair(_) | Entry::Connecting(_) | Entry::Asker(_) | Entry::Forward(_)) | None => false,
            };
            if ends {
                self.leave(at);
            }
        }
    }

    /// Connects to where the peer's channel is to lead, and answers it.
    pub(crate) fn connect<R: End>(
        &mut self,
        ssh: &mut Ssh<R>,
        ask: Ask<OpenRequest>,
        to: Endpoint,
        tally: Option<Arc<Tally>>,
        ward: Ward,
    ) {
        if let Some(tally) = &tally {
            tally.accept();
        }
        if self.is_crowded() {
            if let Some(tally) = &tally {
                tally.fail(format!("{to}: too many connections whose ends are not read"));
            }
            self.bell.ring();
            return ssh.decline(ask, OpenFailure::RESOURCE_SHORTAGE);
        }
        let connecting = Connecting::new(ask, to.clone(), tally, ward);
        let looks_up = connecting.wants_lookup();
        let at = self.seats.put(Entry::Connecting(connecting));
        match self.seats.lookups() {
            Ok((lookups, waker)) if looks_up => lookups.ask(at, to, &waker),
            Ok(_) | Err(_) => self.advance(ssh, at),
        }
    }

    /// Tries the next address; without one the channel is refused.
    fn advance<R: End>(&mut self, ssh: &mut Ssh<R>, at: usize) {
        self.seats.unwatch(at);
        let Some(Entry::Connecting(connecting)) = self.seats.get(at) else { return };
        if connecting.advance() && self.seats.watch(at).is_ok() {
            return self.remind(at, PATIENCE);
        }
        if let Some(Entry::Connecting(connecting)) = self.leave(at) {
            if let Some(tally) = &connecting.tally {
                tally.fail(connecting.reason());
            }
            self.bell.ring();
            ssh.decline(connecting.ask, OpenFailure::CONNECT_FAILED);
        }
    }

    /// The socket of a channel is connected: they are joined.
    fn connected<R: End>(&mut self, ssh: &mut Ssh<R>, at: usize) {
        let Some(Entry::Connecting(connecting)) = self.leave(at) else { return };
        let Connecting { ask, socket: Some(socket), tally, ward, .. } = connecting else { return };
        let Ok(id) = ssh.accept(ask) else { return };
        match self.seats.take(Entry::Pair(Pair::new(id, socket, true, tally.as_ref()).watched(ward))) {
            Ok(at) => self.settle(ssh, at),
            Err(_) => ssh.close(id),
        }
    }

    /// Data of a channel; how much of it is done with, if the channel is joined.
    pub(crate) fn deliver(&mut self, id: ChannelId, bytes: &[u8]) -> Option<usize> {
        let (at, pair) = self.seats.pair(id)?;
        let done = pair.deliver(bytes);
        if pair.is_over() {
            // Its turn ends it.
            self.line_up(at);
        }
        Some(done)
    }

    /// News of a channel; whether it is joined.
    pub(crate) fn note<R: End>(&mut self, ssh: &mut Ssh<R>, id: ChannelId, event: &Event<'_>) -> bool {
        if matches!(event, Event::Closed | Event::Failed { .. }) {
            self.wake_doors();
        }
        if matches!(event, Event::Closed) {
            self.take_back(id);
        }
        let Some((at, pair)) = self.seats.pair(id) else { return false };
        match event {
            Event::Opened => pair.opened(),
            Event::Eof => pair.finish(),
            Event::Closed => {
                pair.closed();
                self.seats.release(id);
                self.leftover += 1;
            }
            Event::Failed { reason, message } => {
                pair.fail(*reason, escape(message, false));
                self.leave(at);
                self.bell.ring();
            }
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

    /// There is room again for those who wait for it.
    fn wake_doors(&mut self) {
        if !core::mem::take(&mut self.crowded) {
            return;
        }
        for at in 0..self.seats.len() {
            if let Some(Entry::Door(_) | Entry::Asker(Asker { leads: Some(_), .. })) = self.seats.get(at) {
                self.line_up(at);
            }
        }
    }

    fn line_up(&mut self, at: usize) {
        if self.seats.queue(at) {
            self.ready.push_back(at);
        }
    }

    /// A socket has news.
    fn wake<R: End>(&mut self, ssh: &mut Ssh<R>, at: usize, event: &mio::event::Event) {
        let ended = event.is_read_closed() || event.is_error();
        match self.seats.get(at) {
            Some(Entry::Pair(pair)) => {
                pair.wake(event.is_readable(), event.is_writable(), ended);
                let done = pair.drain();
                if let Some(id) = pair.id() {
                    ssh.release(id, done);
                }
                self.settle(ssh, at);
            }
            Some(Entry::Door(door)) => {
                door.wake();
                self.line_up(at);
            }
            Some(Entry::Connecting(connecting)) => match connecting.outcome() {
                Some(true) => self.connected(ssh, at),
                Some(false) => self.advance(ssh, at),
                None => {}
            },
            Some(Entry::Asker(asker)) => {
                if !asker.hear() {
                    self.part(at);
                    self.bell.ring();
                } else if asker.leads.is_some() {
                    self.line_up(at);
                }
            }
            Some(Entry::Forward(_) | Entry::Loan(_)) | None => {}
        }
    }

    /// A program that came to say where to is gone, joined, or too slow.
    fn part(&mut self, at: usize) -> Option<Entry> {
        self.askers = self.askers.saturating_sub(1);
        self.wake_doors();
        self.leave(at)
    }

    /// What the clock and the lookups have brought.
    fn look_after<R: End>(&mut self, ssh: &mut Ssh<R>) {
        while let Some((at, outcome)) = self.seats.found() {
            if let Some(Entry::Connecting(connecting)) = self.seats.get(at) {
                connecting.found(outcome);
                self.advance(ssh, at);
            }
        }
        let now = self.clock.now();
        while let Some((when, at)) = self.timers.first().copied().filter(|(when, _)| *when <= now) {
            self.timers.remove(&(when, at));
            self.seats.set_timer(at, None);
            match self.seats.get(at) {
                Some(Entry::Connecting(connecting)) => {
                    connecting.gave_up();
                    self.advance(ssh, at);
                }
                Some(Entry::Door(_) | Entry::Asker(Asker { leads: Some(_), .. })) => self.line_up(at),
                Some(Entry::Asker(asker)) if asker.leads.is_none() => drop(self.part(at)),
                Some(Entry::Pair(_) | Entry::Asker(_) | Entry::Forward(_) | Entry::Loan(_)) | None => {}
            }
        }
    }

    /// Where a pair stands after something happened: through, in line for a turn, or waiting.
    fn settle<R: End>(&mut self, ssh: &mut Ssh<R>, at: usize) {
        let Some(Entry::Pair(pair)) = self.seats.get(at) else { return };
        if pair.is_over() {
            match pair.id() {
                Some(id) => ssh.close(id),
                None => {
                    self.leftover -= 1;
                    self.wake_doors();
                }
            }
            self.leave(at);
            self.bell.ring();
        } else if pair.wants_turn() {
            self.line_up(at);
        }
    }

    /// Gives the next entry its turn.
    pub(crate) fn serve<R: End>(&mut self, ssh: &mut Ssh<R>, output: &mut Output<'_>) -> Turn {
        let Some(at) = self.ready.pop_front() else { return Turn::Idle };
        self.seats.unqueue(at);
        let pause = match self.seats.get(at) {
            Some(Entry::Pair(pair)) => pair.pull(ssh, output),
            Some(Entry::Door(_)) if self.leftover.max(self.askers) >= self.channels => {
                self.crowded = true;
                Pause::Event
            }
            Some(Entry::Door(door)) => {
                let (knock, tally) = (door.open(ssh, output), Arc::clone(door.tally()));
                self.admit(ssh, at, knock, &tally)
            }
            Some(Entry::Asker(_)) => self.admit_asker(ssh, output, at),
            Some(Entry::Connecting(_) | Entry::Forward(_) | Entry::Loan(_)) | None => Pause::Event,
        };
        match pause {
            Pause::Link => {
                self.seats.queue(at);
                self.ready.push_front(at);
                return Turn::Stuck;
            }
            Pause::Share if matches!(self.seats.get(at), Some(Entry::Door(_))) => self.line_up(at),
            Pause::Share => self.settle(ssh, at),
            Pause::Event => {
                if matches!(self.seats.get(at), Some(Entry::Pair(pair)) if pair.is_over()) {
                    self.settle(ssh, at);
                }
            }
        }
        Turn::Next
    }

    fn admit<R: End>(&mut self, ssh: &mut Ssh<R>, at: usize, knock: Knock, tally: &Arc<Tally>) -> Pause {
        match knock {
            Knock::Opened(id, socket) => {
                if self.seats.take(Entry::Pair(Pair::new(id, socket, false, Some(tally)))).is_err() {
                    ssh.close(id);
                }
                if matches!(self.seats.get(at), Some(Entry::Door(door)) if door.is_for_one()) {
                    self.leave(at);
                }
                Pause::Share
            }
            Knock::Asker(socket) => {
                if let Ok(at) = self.seats.take(Entry::Asker(Asker::new(socket, Arc::clone(tally)))) {
                    self.askers += 1;
                    self.remind(at, asker::PATIENCE);
                }
                Pause::Share
            }
            Knock::Again => Pause::Share,
            Knock::Nobody => Pause::Event,
            Knock::Stuck => Pause::Link,
            Knock::Crowded => self.wait_for_room(at),
            Knock::Later => {
                self.remind(at, PAUSE);
                Pause::Event
            }
        }
    }

    /// No channel is free. What a forward leaves, or an open that we refused, is free without an event.
    fn wait_for_room(&mut self, at: usize) -> Pause {
        self.crowded = true;
        self.remind(at, CROWD);
        Pause::Event
    }

    /// A program has said where to: it gets a channel that leads there.
    fn admit_asker<R: End>(&mut self, ssh: &mut Ssh<R>, output: &mut Output<'_>, at: usize) -> Pause {
        let Some(Entry::Asker(Asker { leads: Some(leads), .. })) = self.seats.get(at) else { return Pause::Event };
        match door::ask(ssh, output, leads, None) {
            Ok(id) => {
                if let Some(Entry::Asker(asker)) = self.part(at)
                    && self.seats.take(Entry::Pair(Pair::of_asker(id, asker))).is_err()
                {
                    ssh.close(id);
                }
                Pause::Event
            }
            Err(Refused::Busy) => Pause::Link,
            Err(Refused::NoRoom) => self.wait_for_room(at),
            Err(_) => {
                self.part(at);
                Pause::Event
            }
        }
    }

    /// The connection is over: what is joined ends as by a fault.
    fn abort(&mut self) {
        for at in 0..self.seats.len() {
            if let Some(Entry::Pair(pair)) = self.seats.get(at) {
                pair.socket().abort();
            }
            self.leave(at);
        }
        self.ready.clear();
        self.timers.clear();
        (self.leftover, self.askers) = (0, 0);
    }
}
