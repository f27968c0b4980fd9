//! A client of the user's agent over its Unix socket (RFC 9987). Each call is one request and its answer, within a time
//! that it is given: an agent may have to ask a person.

use crate::Error;
use crate::error::escape;
use core::time::Duration;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use sanssh_core::agent::client::{Client, Event};
use sanssh_core::agent::{Constraints, Identity as Held, MAX_FRAME, SessionBind};
use sanssh_core::algorithm::HostKey;
use sanssh_core::file::SigningKey;
use sanssh_core::{Input, Output, Refused};
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;
use zeroize::Zeroizing;

/// As long as servers let a login take: an agent that asks a person longer asks in vain.
const PATIENCE: Duration = Duration::from_secs(120);

/// How long to wait before an agent is tried again that has too many to talk to.
const AGAIN: Duration = Duration::from_millis(20);

/// The longest frame, with its length field.
const BUFFER: usize = MAX_FRAME + 4;

/// A connection to an agent. After an error other than [`Error::AgentRefused`] it is of no more use.
#[derive(Debug)]
pub struct Agent {
    socket: UnixStream,
    machine: Client,
    patience: Duration,
}

/// A key that an agent holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The public key blob, or a certificate.
    pub key: Vec<u8>,
    /// Whatever its owner wrote beside it, escaped.
    pub comment: String,
}

impl Agent {
    /// The user's agent, as `SSH_AUTH_SOCK` names it.
    ///
    /// # Errors
    /// [`Error::NoAgent`] if the variable is not set, and those of [`connect`](Self::connect).
    pub fn user() -> Result<Self, Error> {
        Self::connect(&Self::socket()?)
    }

    /// Where the user's agent listens, as `SSH_AUTH_SOCK` says.
    ///
    /// # Errors
    /// [`Error::NoAgent`] if the variable is not set.
    pub fn socket() -> Result<PathBuf, Error> {
        let path = std::env::var_os("SSH_AUTH_SOCK").filter(|path| !path.is_empty());
        path.map(PathBuf::from).ok_or(Error::NoAgent)
    }

    /// The agent behind this socket.
    ///
    /// # Errors
    /// [`Error::File`] if nobody listens there, or [`Error::TimedOut`].
    pub fn connect(path: &Path) -> Result<Self, Error> {
        let failed = |error: Errno| Error::File { file: path.to_owned(), source: Arc::new(error.into()) };
        let address = SocketAddrUnix::new(path).map_err(failed)?;
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None).map_err(failed)?;
        let end = Instant::now() + PATIENCE;
        loop {
            match rustix::net::connect(&socket, &address) {
                Ok(()) => break,
                Err(Errno::AGAIN | Errno::INTR) if Instant::now() < end => std::thread::sleep(AGAIN),
                Err(Errno::AGAIN) => return Err(Error::TimedOut(PATIENCE)),
                Err(error) => return Err(failed(error)),
            }
        }
        Ok(Self { socket: UnixStream::from(socket), machine: Client::new(), patience: PATIENCE })
    }

    /// How long each later call may take; 120 seconds at first.
    pub const fn set_timeout(&mut self, span: Duration) {
        self.patience = span;
    }

    /// The keys that the agent holds, as far as this connection may see them.
    ///
    /// # Errors
    /// [`Error::AgentRefused`], [`Error::Agent`] for an agent that breaks the protocol, [`Error::Io`],
    /// [`Error::TimedOut`]; so for all calls.
    pub fn identities(&mut self) -> Result<Vec<Identity>, Error> {
        let owned = |one: Held<'_>| Identity { key: one.key.to_vec(), comment: escape(one.comment, false) };
        self.ask(Client::identities, |event| {
            if let Event::Identities(list) = event { Some(list.iter().map(owned).collect()) } else { None }
        })
    }

    /// The signature blob of a message by this key, or by the key of this certificate.
    ///
    /// # Errors
    /// As [`identities`](Self::identities).
    pub fn sign(&mut self, key: &[u8], algorithm: HostKey, message: &[u8]) -> Result<Vec<u8>, Error> {
        self.ask(
            |machine, output| machine.sign(key, algorithm, message, output),
            |event| if let Event::Signature(signature) = event { Some(signature.to_vec()) } else { None },
        )
    }

    /// Gives the agent a key.
    ///
    /// # Errors
    /// As [`identities`](Self::identities).
    pub fn add(&mut self, key: &SigningKey, comment: &str, constraints: &Constraints<'_>) -> Result<(), Error> {
        self.tell(|machine, output| machine.add(&key.fields(), comment.as_bytes(), constraints, output))
    }

    /// Has a key forgotten.
    ///
    /// # Errors
    /// As [`identities`](Self::identities).
    pub fn remove(&mut self, key: &[u8]) -> Result<(), Error> {
        self.tell(|machine, output| machine.remove(key, output))
    }

    /// Has all keys forgotten.
    ///
    /// # Errors
    /// As [`identities`](Self::identities).
    pub fn remove_all(&mut self) -> Result<(), Error> {
        self.tell(Client::remove_all)
    }

    /// Locks the agent: it then has no keys to anybody.
    ///
    /// # Errors
    /// As [`identities`](Self::identities).
    pub fn lock(&mut self, passphrase: &str) -> Result<(), Error> {
        self.tell(|machine, output| machine.lock(passphrase.as_bytes(), output))
    }

    /// Unlocks the agent.
    ///
    /// # Errors
    /// As [`identities`](Self::identities).
    pub fn unlock(&mut self, passphrase: &str) -> Result<(), Error> {
        self.tell(|machine, output| machine.unlock(passphrase.as_bytes(), output))
    }

    /// The names of the agent's extensions, escaped. Older agents refuse to say.
    ///
    /// # Errors
    /// As [`identities`](Self::identities).
    pub fn extensions(&mut self) -> Result<Vec<String>, Error> {
        let owned = |name: &[u8]| escape(name, false);
        self.ask(Client::query, |event| {
            if let Event::Extensions(list) = event { Some(list.iter().map(owned).collect()) } else { None }
        })
    }

    /// Says which session of SSH this connection serves, so that keys may be held to destinations. Only sessions through
    /// which the agent is forwarded can be followed by another.
    ///
    /// # Errors
    /// As [`identities`](Self::identities).
    pub fn bind(&mut self, session: &SessionBind<'_>) -> Result<(), Error> {
        self.tell(|machine, output| machine.bind(session, output))
    }

    fn tell(&mut self, request: impl FnOnce(&mut Client, &mut Output<'_>) -> Result<(), Refused>) -> Result<(), Error> {
        self.ask(request, |event| matches!(event, Event::Done).then_some(()))
    }

    /// One request; an answer that is not wanted is a refusal.
    fn ask<T>(
        &mut self,
        request: impl FnOnce(&mut Client, &mut Output<'_>) -> Result<(), Refused>,
        wanted: impl FnOnce(Event<'_>) -> Option<T>,
    ) -> Result<T, Error> {
        let end = Instant::now() + self.patience;
        let mut space = Zeroizing::new(vec![0; BUFFER]);
        let mut output = Output::new(&mut space);
        request(&mut self.machine, &mut output)?;
        let filled = output.filled();
        self.send(&space[..filled], end)?;
        let mut received = 0;
        loop {
            let mut input = Input::new(&mut space[..received]);
            if let Some(event) = self.machine.recv(&mut input).map_err(Error::Agent)? {
                return wanted(event).ok_or(Error::AgentRefused);
            }
            received += self.wait(PollFlags::IN, end, |mut socket| socket.read(&mut space[received..]))?;
        }
    }

    fn send(&self, mut bytes: &[u8], end: Instant) -> Result<(), Error> {
        while !bytes.is_empty() {
            let sent = self.wait(PollFlags::OUT, end, |mut socket| socket.write(bytes))?;
            bytes = &bytes[sent..];
        }
        Ok(())
    }

    /// Moves bytes once the socket is ready, or gives up at `end`. That none moved means the agent is gone.
    fn wait(
        &self,
        ready: PollFlags,
        end: Instant,
        mut attempt: impl FnMut(&UnixStream) -> io::Result<usize>,
    ) -> Result<usize, Error> {
        loop {
            match attempt(&self.socket) {
                Ok(0) => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
                Ok(n) => return Ok(n),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Error::TimedOut(self.patience));
            }
            let span = Timespec::try_from(left).ok();
            match poll(&mut [PollFd::new(&self.socket, ready)], span.as_ref()) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(io::Error::from(error).into()),
            }
        }
    }
}
