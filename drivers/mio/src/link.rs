//! One connection with its socket, driven by readiness: what mio tells is noted by [`Link::ready`], what can be done is
//! done in a [`Turn`], and between turns the link holds no more than what is left over.
//!
//! ```text
//! ready(event) --> readable, writable --> wants_turn() --> turn(): send the rest, read once, events and commands
//!                      ^                      ^                        |
//!                      |                      +-- more is there -------+-- dropped: flush, send, keep the rest
//!                      +-- WouldBlock clears them; mio tells the next edge
//! ```

use crate::end::{End, Ssh};
use crate::system;
use crate::turn::Turn;
use crate::{Buffers, Error, Socket};
use core::fmt;
use mio::event::{Event as Readiness, Source};
use mio::{Interest, Registry, Token};
use sanssh_core::{Backlog, Error as SshError, Instant, Reason, Slot, Waiting};
use std::io::{self, Read, Write};
use std::sync::Arc;
use zeroize::Zeroize;

/// A connection and its socket.
pub struct Link<R: End> {
    pub(crate) ssh: Ssh<R>,
    pub(crate) duties: R::Duties,
    socket: Socket,
    /// Received and not taken yet: part of a packet, mostly nothing.
    pub(crate) rx: Vec<u8>,
    /// Not taken by the socket yet, mostly nothing.
    tx: Vec<u8>,
    sent: usize,
    /// For how long the socket has not taken that.
    backlog: Backlog,
    /// As far as is known, the socket has something to read, or takes something.
    readable: bool,
    writable: bool,
    /// The peer's direction is over: after what is left to read, the socket gives its end.
    closed: bool,
    /// The socket gave its end.
    pub(crate) ended: bool,
    /// Both directions are over, whatever is left to read.
    dead: bool,
    /// The socket takes nothing any more; what the peer said last may still be there to read.
    broken: Option<io::Error>,
    /// The last turn was dropped before all was taken that could be.
    pub(crate) unfinished: bool,
    /// What kept the last turn from reading on.
    pub(crate) stuck: Option<Waiting>,
    /// The last turn had more to send than it had room for.
    pub(crate) choked: bool,
    /// The server or client is about to end: no channel is opened any more.
    pub(crate) closing: bool,
    /// When something happened on a channel or in the login, or was sent by a command.
    pub(crate) active: Instant,
    failure: Option<Error>,
}

impl<R: End> Link<R> {
    /// Takes over a socket, connected or being connected.
    ///
    /// # Errors
    /// If the operating system has no randomness to give, or does not set up the socket.
    pub fn new(socket: Socket, settings: &Arc<R::Settings>, now: Instant) -> Result<Self, Error> {
        socket.prepare()?;
        let (core, channels) = R::terms(settings);
        let table = vec![Slot::new(); channels.clamp(1, 1 << 16)].into_boxed_slice();
        Ok(Self {
            ssh: Ssh::new(core.clone(), &system::seed()?, table, now),
            duties: R::duties(settings),
            socket,
            rx: Vec::new(),
            tx: Vec::new(),
            sent: 0,
            backlog: Backlog::new(now),
            readable: false,
            writable: false,
            closed: false,
            ended: false,
            dead: false,
            broken: None,
            unfinished: false,
            stuck: None,
            // The identification is owed.
            choked: true,
            closing: false,
            active: now,
            failure: None,
        })
    }

    /// Has mio tell of the socket under this token; `ready` is to be given what it tells.
    ///
    /// # Errors
    /// What mio says.
    pub fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        self.socket.register(registry, token, Interest::READABLE | Interest::WRITABLE)
    }

    /// Has mio tell of the socket no more.
    ///
    /// # Errors
    /// What mio says.
    pub fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        self.socket.deregister(registry)
    }

    /// Notes what mio told of the socket.
    pub fn ready(&mut self, event: &Readiness) {
        let error = event.is_error();
        self.closed |= event.is_read_closed() || error;
        self.readable |= event.is_readable() || self.closed;
        self.writable |= event.is_writable() || event.is_write_closed() || error;
        self.dead |= error || (event.is_read_closed() && event.is_write_closed());
    }

    /// Whether a turn would come to anything now.
    pub fn wants_turn(&self) -> bool {
        let sends = self.writable && (!self.tx.is_empty() || self.choked);
        if self.failure.is_some() {
            return sends;
        }
        let waiting = self.ssh.waiting();
        let answered = self.stuck.is_some() && self.stuck != waiting;
        let reads = self.readable && (waiting.is_none() || self.dead);
        self.unfinished || answered || reads || sends
    }

    /// When a turn is due at the latest.
    pub fn deadline(&self) -> Option<Instant> {
        self.backlog.deadline(&self.ssh)
    }

    /// Sends what is left, reads once, and lets time pass: then events can be taken and commands given, until the turn is
    /// dropped, which sends what has come up.
    pub fn turn<'t>(&'t mut self, now: Instant, buffers: &'t mut Buffers) -> Turn<'t, R> {
        Turn::new(self, now, buffers)
    }

    /// The protocol machine, to look at.
    pub const fn ssh(&self) -> &Ssh<R> {
        &self.ssh
    }

    /// The socket.
    pub const fn socket(&self) -> &Socket {
        &self.socket
    }

    /// Why it is over, once it is.
    pub const fn failure(&self) -> Option<&Error> {
        self.failure.as_ref()
    }

    /// Ends the connection with a goodbye, which leaves with the next turn.
    pub fn disconnect(&mut self, reason: Reason) {
        self.ssh.disconnect(reason);
        self.fail(SshError::Closed);
    }

    pub(crate) const fn take_failure(&mut self) -> Option<Error> {
        self.failure.take()
    }

    /// Whether it is over and has said all it had to.
    pub const fn is_over(&self) -> bool {
        self.failure.is_some() && (self.tx.is_empty() || self.broken.is_some())
    }

    /// Bytes kept between turns, besides the machine's own.
    pub const fn kept(&self) -> usize {
        self.rx.capacity() + self.tx.capacity()
    }

    /// The socket was just accepted: it takes something, and nobody needs to tell.
    pub(crate) const fn fresh(&mut self) {
        self.writable = true;
    }

    /// The connection is over; the first reason is the one.
    pub(crate) fn fail(&mut self, error: impl Into<Error>) {
        if self.failure.is_none() {
            let error = error.into();
            if let Some(reason) = reason(&error) {
                self.ssh.disconnect(reason);
            }
            self.failure = Some(error);
        }
    }

    /// Sends what was left; whether nothing is left any more. Ends the connection if the socket has not taken anything of it
    /// for longer than keepalives bear.
    pub(crate) fn resume(&mut self, now: Instant) -> bool {
        let mut took = false;
        if !self.tx.is_empty() {
            let tx = core::mem::take(&mut self.tx);
            let sent = self.write(&tx[self.sent..]);
            took = sent > 0;
            self.sent += sent;
            if self.sent < tx.len() && self.broken.is_none() {
                self.tx = tx;
            } else {
                self.sent = 0;
            }
        }
        self.backlog.check(self.tx.len() - self.sent, took, &mut self.ssh, now);
        self.tx.is_empty()
    }

    /// Sends, and keeps what the socket does not take.
    pub(crate) fn send(&mut self, bytes: &[u8], now: Instant) {
        let sent = self.write(bytes);
        if sent < bytes.len() && self.broken.is_none() {
            self.tx.reserve_exact(bytes.len() - sent);
            self.tx.extend_from_slice(&bytes[sent..]);
            self.backlog.check(self.tx.len(), sent > 0, &mut self.ssh, now);
        }
    }

    fn write(&mut self, bytes: &[u8]) -> usize {
        let mut sent = 0;
        while sent < bytes.len() && self.writable && self.broken.is_none() {
            match (&self.socket).write(&bytes[sent..]) {
                Ok(n) => sent += n,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.writable = false,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    // What the peer said last tells more; if there is nothing, a read says so.
                    (self.broken, self.readable) = (Some(error), true);
                }
            }
        }
        sent
    }

    /// Puts what is held, and what one read gives, at the front of `space`; how much.
    pub(crate) fn fill(&mut self, space: &mut [u8], most: usize) -> usize {
        let held = self.rx.len();
        space[..held].copy_from_slice(&self.rx);
        let end = space.len().min(held + most);
        if self.failure.is_some() || self.ended || !self.readable || held == end {
            return held;
        }
        if self.ssh.waiting().is_some() {
            if self.dead {
                self.hang_up();
            }
            return held;
        }
        held + self.read(&mut space[held..end])
    }

    fn read(&mut self, space: &mut [u8]) -> usize {
        loop {
            match (&self.socket).read(space) {
                Ok(0) => self.ended = true,
                Ok(n) => {
                    // Where edges are the system's own, a short read has emptied the socket, but for its end.
                    self.readable = n == space.len() || self.closed || !cfg!(unix);
                    return n;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => match self.broken.take() {
                    None => self.readable = false,
                    Some(error) => self.fail(error),
                },
                Err(error) => {
                    let error = self.broken.take().unwrap_or(error);
                    self.fail(error);
                }
            }
            return 0;
        }
    }

    /// The peer has hung up.
    pub(crate) fn hang_up(&mut self) {
        let error = self.ssh.hung_up().err().or_else(|| self.ssh.fate()).unwrap_or(SshError::HungUp);
        self.fail(error);
    }

    /// Keeps what was not taken of the input, in which a password may be if `secret`.
    pub(crate) fn keep(&mut self, rest: &[u8], secret: bool) {
        if secret {
            self.rx.zeroize();
        }
        if rest.is_empty() || self.failure.is_some() {
            self.rx = Vec::new();
            return;
        }
        self.rx.clear();
        self.rx.reserve_exact(rest.len());
        self.rx.extend_from_slice(rest);
    }

    /// Nothing more will be sent.
    pub(crate) fn finish(&self) {
        // A socket that is gone needs no end.
        let _: io::Result<()> = self.socket.finish();
    }
}

/// What the peer is told where the machine does not know it yet.
const fn reason(error: &Error) -> Option<Reason> {
    match error {
        Error::Ssh(_) | Error::Io(_) | Error::Full => None,
        Error::Idle => Some(Reason::BY_APPLICATION),
        Error::Sign(_) => Some(Reason::KEY_EXCHANGE_FAILED),
    }
}

impl<R: End> Drop for Link<R> {
    fn drop(&mut self) {
        self.rx.zeroize();
    }
}

impl<R: End> fmt::Debug for Link<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link")
            .field("ssh", &self.ssh)
            .field("socket", &self.socket)
            .field("failure", &self.failure)
            .finish_non_exhaustive()
    }
}
