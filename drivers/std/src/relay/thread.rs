//! The relay's thread: from its first entry to its last it is the pump of the link, and waits in one call for the
//! connection's socket, the local ones, other threads' wishes and the clock.

use super::Turn;
use super::seats::LOOKUP;
use crate::end::End;
use crate::inbox::StderrGoes;
use crate::link::{Guard, Link};
use crate::socket::Socket;
use crate::state::{Interest, Own, SEND_AT, State};
use core::time::Duration;
use mio::unix::SourceFd;
use mio::{Events, Poll, Token};
use sanssh_core::ChannelId;
use sanssh_core::channel::Event;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::{Arc, Weak};
use std::thread;

/// The connection's own descriptors; no entry comes near these numbers.
const SOCKET: Token = Token(usize::MAX - 1);
const WAKE: Token = Token(usize::MAX - 2);
/// Turns of entries before the connection is looked at again.
const TURNS: usize = 16;
/// Sockets that one wait tells of; the others are told next.
const EVENTS: usize = 256;

impl<R: End> Link<R>
where
    Self: Send + Sync + 'static,
{
    /// Shared by threads, of which one will be the relay's when there is something to relay.
    pub(crate) fn share(mut self) -> Arc<Self> {
        Arc::new_cyclic(move |link: &Weak<Self>| {
            let link = Weak::clone(link);
            let start = move || {
                let Some(link) = link.upgrade() else { return Ok(()) };
                thread::Builder::new().name("relay".to_owned()).spawn(move || link.relay()).map(drop)
            };
            self.start_relay = Some(Box::new(start));
            self
        })
    }

    fn relay(&self) {
        let mut state = self.lock();
        while state.pumping {
            state = self.follow(state, None);
        }
        (state.pumping, state.relay.claims) = (true, false);
        let poll = state.relay.seats.poll.take().map(|poll| self.attach(&poll).map(|()| poll));
        match poll {
            Some(Ok(mut poll)) => {
                state.poll_again();
                state = self.run(state, &mut poll);
                state.relay.seats.poll = Some(poll);
            }
            Some(Err(error)) => state.fail(error.into()),
            None => {}
        }
        if state.failure.is_some() {
            self.say_goodbye(&mut state);
            state.relay.abort();
        }
        (state.pumping, state.relay.running) = (false, false);
        state.relay.bell.ring();
        state.news = true;
        self.tell(&mut state);
    }

    fn attach(&self, poll: &Poll) -> io::Result<()> {
        let both = mio::Interest::READABLE | mio::Interest::WRITABLE;
        for (fd, token) in [(self.socket().as_fd().as_raw_fd(), SOCKET), (self.woken().as_raw_fd(), WAKE)] {
            match poll.registry().register(&mut SourceFd(&fd), token, both) {
                // It is there from the time before.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                outcome => outcome?,
            }
        }
        Ok(())
    }

    fn run<'a>(&'a self, mut state: Guard<'a, R>, poll: &mut Poll) -> Guard<'a, R> {
        let mut events = Events::with_capacity(EVENTS);
        let mut hung_up = false;
        loop {
            if hung_up {
                // The end is there to be read, however short the last read was.
                state.poll_again();
            }
            if state.is_drained() || state.ssh.waiting().is_some() {
                state.digest(&mut Own::none());
            } else {
                state.receive(self.socket(), &mut Own::none());
            }
            let State { relay, ssh, .. } = &mut *state;
            relay.look_after(ssh);
            let more = state.relay(self.socket());
            self.settle(&mut state);
            state.check_broken();
            if state.failure.is_some() || state.relay.seats.is_empty() {
                return state;
            }
            let busy = more || (!state.is_drained() && state.ssh.waiting().is_none());
            state = self.rest(state, poll, &mut events, busy);
            hung_up |= self.heed(&mut state, &events);
        }
    }

    /// Waits for something to happen, without the lock; only looks if there is something to do.
    fn rest<'a>(&'a self, mut state: Guard<'a, R>, poll: &mut Poll, events: &mut Events, busy: bool) -> Guard<'a, R> {
        // The socket tells when it takes something again, in any case.
        let interest = Interest { write: true, ..state.interest(state.relay.deadline()) };
        let now = state.clock().now();
        let span = interest.until.map(|until| until.since(now) + Duration::from_micros(1));
        self.tell(&mut state);
        state.polling = Some(interest);
        drop(state);
        if poll.poll(events, if busy { Some(Duration::ZERO) } else { span }).is_err() {
            // Interrupted: nothing is lost, what happened is told by the next.
            events.clear();
        }
        let mut state = self.lock();
        state.polling = None;
        state
    }

    /// Passes on what happened; whether the connection's socket is at its end.
    fn heed(&self, state: &mut State<R>, events: &Events) -> bool {
        let mut hung_up = false;
        for event in events {
            match event.token() {
                SOCKET => {
                    hung_up |= event.is_read_closed() || event.is_error();
                    if event.is_readable() {
                        state.poll_again();
                    }
                }
                WAKE => self.drain_wake(),
                LOOKUP => {}
                Token(at) => {
                    let State { relay, ssh, .. } = state;
                    relay.wake(ssh, at, event);
                }
            }
        }
        hung_up
    }
}

impl<R: End> Link<R> {
    /// Sees to it that there is a thread for what the relay has.
    pub(crate) fn ensure_relay(&self, state: &mut State<R>) {
        let Some(start) = self.start_relay.as_ref().filter(|_| state.relay.wants_thread()) else { return };
        (state.relay.running, state.relay.claims) = (true, true);
        if let Err(error) = start() {
            (state.relay.running, state.relay.claims) = (false, false);
            state.relay.abort();
            state.fail(error.into());
        }
        // Whoever is the pump now has to make room.
        self.nudge();
    }
}

impl<R: End> State<R> {
    /// Joins an open channel with a socket, which gets what has arrived so far.
    pub(crate) fn join(&mut self, id: ChannelId, socket: Socket) -> io::Result<()> {
        self.relay.join(id, socket)?;
        let Some(inbox) = self.inboxes.of(id) else { return Ok(()) };
        let (data, eof, closed) = (core::mem::take(&mut inbox.data), inbox.eof, inbox.closed);
        inbox.stderr_goes = StderrGoes::Nowhere;
        self.ssh.release(id, core::mem::take(&mut inbox.stderr).len());
        for bytes in <[_; 2]>::from(data.as_slices()) {
            let done = self.relay.deliver(id, bytes).unwrap_or(0);
            self.ssh.release(id, done);
        }
        let ends = [eof.then_some(Event::Eof), closed.then_some(Event::Closed)];
        for end in ends.into_iter().flatten() {
            self.relay.note(&mut self.ssh, id, &end);
        }
        Ok(())
    }

    /// Serves what is ready, for a while; whether more could be done at once.
    pub(crate) fn relay(&mut self, socket: &Socket) -> bool {
        for _ in 0..TURNS {
            if self.failure.is_some() {
                return false;
            }
            let Self { relay, ssh, tx, .. } = self;
            let mut output = tx.output();
            let turn = relay.serve(ssh, &mut output);
            let filled = output.filled();
            tx.written(filled);
            match turn {
                Turn::Idle => return false,
                Turn::Next if self.tx.pending().len() < SEND_AT => {}
                Turn::Next => self.send(socket),
                Turn::Stuck => {
                    let before = self.tx.pending().len();
                    self.send(socket);
                    if self.tx.pending().len() == before {
                        return false;
                    }
                }
            }
        }
        !self.relay.ready.is_empty()
    }
}
