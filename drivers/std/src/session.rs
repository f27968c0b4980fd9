//! A session on a server: the command that a client wants, its streams, what happens to it, and how it ends. It can be
//! driven from several threads, one reading, others writing and waiting for events.

use crate::Error;
use crate::borrow::{Borrowed, BorrowedDisplay};
use crate::inbox::Kind;
use crate::setup::{Event, Setup, Start, Terminal};
use crate::socket::Socket;
use crate::state::Own;
use crate::stream::Stream;
use core::net::SocketAddr;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use sanssh_core::channel::Request;
use sanssh_core::role;
use std::io::{self, Read, Write};
use std::path::Path;

/// A session whose command was granted. Reading gives the client's input, writing is standard output. Dropping it closes
/// it.
#[derive(Debug)]
pub struct Session {
    stream: Stream<role::Server>,
    user: String,
    peer: SocketAddr,
    start: Start,
    terminal: Option<Terminal>,
    environment: Vec<(Vec<u8>, Vec<u8>)>,
    original: Option<Vec<u8>>,
    borrowed: Borrowed,
    ended: AtomicBool,
}

/// Standard error of a [`Session`].
#[derive(Debug)]
pub struct SessionStderr<'a>(&'a Session);

impl Session {
    pub(crate) fn new(stream: Stream<role::Server>, user: String, peer: SocketAddr) -> Option<Self> {
        let Setup { terminal, environment, start, original, borrowed } = stream.link.with(|state| {
            let inbox = state.inboxes.of(stream.id)?;
            inbox.abandoned = false;
            let setup = &mut inbox.setup;
            // Terminal and command stay known: they tell which later requests make sense.
            let (terminal, start) = (setup.terminal.clone(), setup.start.clone());
            let environment = core::mem::take(&mut setup.environment);
            let borrowed = setup.borrowed.clone();
            Some(Setup { terminal, environment, start, original: setup.original.take(), borrowed })
        })?;
        let (start, ended) = (start?, AtomicBool::new(false));
        Some(Self { stream, user, peer, start, terminal, environment, original, borrowed, ended })
    }

    /// Who is logged in.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// Where the client is.
    pub const fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// How the client's program calls itself (RFC 4253 §4.2): its identification line, untrusted.
    pub fn software(&self) -> Vec<u8> {
        self.stream.link.with(|state| state.ssh.peer_ident().unwrap_or_default().to_vec())
    }

    /// Where the client has come to.
    ///
    /// # Errors
    /// As [`local_addr`](std::net::TcpStream::local_addr) of the socket.
    pub fn local_addr(&self) -> Result<SocketAddr, Error> {
        self.stream.link.socket().local_addr()
    }

    /// What is to run.
    pub const fn start(&self) -> &Start {
        &self.start
    }

    /// What the client wanted to run, where the key's `command` is run instead; sshd calls it `SSH_ORIGINAL_COMMAND`.
    pub fn original_command(&self) -> Option<&[u8]> {
        self.original.as_deref()
    }

    /// The terminal that the client wants.
    pub const fn terminal(&self) -> Option<&Terminal> {
        self.terminal.as_ref()
    }

    /// Variables to set, in order: first those of the key, then those of the client that were let through.
    pub fn environment(&self) -> &[(Vec<u8>, Vec<u8>)] {
        &self.environment
    }

    /// The Unix socket of the client's agent, if the session may use that: the value of `SSH_AUTH_SOCK`. It is there as
    /// long as the session is.
    pub fn agent(&self) -> Option<&Path> {
        self.borrowed.agent.as_deref()
    }

    /// The client's display, if the session may use that; it is there as long as the session is. Programs need its
    /// cookie, which xauth(1) keeps for them.
    pub const fn display(&self) -> Option<&BorrowedDisplay> {
        self.borrowed.display.as_ref()
    }

    /// Standard error, for writing.
    pub const fn stderr(&self) -> SessionStderr<'_> {
        SessionStderr(self)
    }

    /// Waits for something to happen besides input, for so long or, with `None`, for ever; a zero span only looks.
    /// `None` if nothing happened in time.
    pub fn next_event(&self, span: Option<Duration>) -> Option<Event> {
        let event = self.stream.link.wait(span, &mut Own::none(), |state, _| match state.inboxes.of(self.stream.id) {
            None => Some(Event::Closed),
            Some(inbox) => inbox.occurrences.pop_front().or_else(|| inbox.closed.then_some(Event::Closed)),
        });
        match event {
            Ok(event) => Some(event),
            Err(Error::TimedOut(_)) => None,
            Err(_) => Some(Event::Closed),
        }
    }

    /// Whether nobody is there to hear more.
    pub(crate) fn is_over(&self) -> bool {
        let id = self.stream.id;
        self.stream.link.with(|state| state.failure.is_some() || state.inboxes.of(id).is_none_or(|inbox| inbox.closed))
    }

    /// Nobody reads any more what the client sends, so that it need not: OpenSSH's clients, and ours, stop then.
    ///
    /// # Errors
    /// As [`exit`](Self::exit).
    pub fn end_input(&self) -> Result<(), Error> {
        self.stream.request(Request::EndOfWrite, false, true)
    }

    /// Ends the session, after all output: the command exited with this status. Later ends do nothing.
    ///
    /// # Errors
    /// [`Error::Refused`] if the client closed the session, or what ended the connection.
    pub fn exit(&self, status: u32) -> Result<(), Error> {
        self.end(Request::ExitStatus(status))
    }

    /// Ends the session, after all output: the command was ended by a signal, named without `SIG`.
    ///
    /// # Errors
    /// As [`exit`](Self::exit).
    pub fn exit_signal(&self, name: &str, core_dumped: bool, message: &str) -> Result<(), Error> {
        self.end(Request::ExitSignal { name: name.as_bytes(), core_dumped, message: message.as_bytes() })
    }

    /// Joins the session with a socket, and lets go of it: what comes from either goes to the other until both have ended.
    ///
    /// # Errors
    /// As [`Channel::join`](crate::Channel::join).
    pub fn join(self, socket: impl Into<Socket>) -> Result<(), Error> {
        self.stream.join(socket.into())
    }

    fn end(&self, how: Request<'_>) -> Result<(), Error> {
        if self.ended.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        self.stream.request(how, false, false)?;
        self.stream.finish();
        self.stream.close();
        Ok(())
    }
}

impl Read for &Session {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(self.stream.read(Some(Kind::Data), buffer)?.1)
    }
}

impl Read for Session {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buffer)
    }
}

impl Write for &Session {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        Ok(self.stream.write(Kind::Data, data)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(self.stream.flush()?)
    }
}

impl Write for Session {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        (&*self).write(data)
    }

    fn flush(&mut self) -> io::Result<()> {
        (&*self).flush()
    }
}

impl Write for SessionStderr<'_> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        Ok(self.0.stream.write(Kind::Stderr, data)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(self.0.stream.flush()?)
    }
}
