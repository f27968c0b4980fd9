//! A channel as a stream.

use crate::engine::{Turn, digest, is_final};
use crate::{Clock, Error, Inbox, Link};
use core::fmt;
use embedded_io::{ErrorType, Read, ReadReady, Write, WriteReady};
use sanssh_core::Event;
use sanssh_core::channel::Slot;
use sanssh_core::crypto::Provider;
use sanssh_core::role::Role;

/// A view of a channel: what is read comes out of its inbox, and while that is empty, or what is written has to wait, the link is
/// moved on. Everything else that happens goes to `rest`, which may answer through the turn.
pub struct Channel<'l, 'm, L, F> {
    pub(crate) link: &'l mut L,
    pub(crate) inbox: &'l mut Inbox<'m>,
    pub(crate) rest: F,
}

impl<L, F> Channel<'_, '_, L, F> {
    /// What came before the end of the connection is read before that is told.
    pub(crate) fn unless_told<E>(&self, outcome: Result<(), E>) -> Result<(), E> {
        if self.inbox.has_word() { Ok(()) } else { outcome }
    }
}

impl<S, C, R, P, T, F> ErrorType for Channel<'_, '_, Link<'_, S, C, R, P, T>, F>
where
    S: ErrorType,
    R: Role,
    P: Provider,
{
    type Error = Error<S::Error>;
}

impl<'m, S, C, R, P, T, F> Channel<'_, 'm, Link<'m, S, C, R, P, T>, F>
where
    S: Read + Write + ReadReady + WriteReady,
    C: Clock,
    R: Role,
    P: Provider,
    T: AsMut<[Slot]> + AsRef<[Slot]>,
    F: FnMut(&mut Turn<'_, 'm, R, P, T>, Event<'_, R>),
{
    /// No more will be written.
    pub fn finish(&mut self) -> Result<(), Error<S::Error>> {
        self.link.engine.ssh.finish(self.inbox.id());
        self.flush()
    }

    /// Moves what can be moved without waiting.
    fn poll(&mut self) -> Result<(), Error<S::Error>> {
        Ok(digest(self.link.poll()?, self.inbox, &mut self.rest)?)
    }

    /// Waits for something to happen.
    fn turn(&mut self) -> Result<(), Error<S::Error>> {
        Ok(digest(self.link.turn()?, self.inbox, &mut self.rest)?)
    }
}

impl<'m, S, C, R, P, T, F> Read for Channel<'_, 'm, Link<'m, S, C, R, P, T>, F>
where
    S: Read + Write + ReadReady + WriteReady,
    C: Clock,
    R: Role,
    P: Provider,
    T: AsMut<[Slot]> + AsRef<[Slot]>,
    F: FnMut(&mut Turn<'_, 'm, R, P, T>, Event<'_, R>),
{
    fn read(&mut self, space: &mut [u8]) -> Result<usize, Self::Error> {
        loop {
            let n = self.inbox.read(&mut self.link.engine.ssh, space);
            if n > 0 || space.is_empty() || self.inbox.is_ended() {
                return Ok(n);
            }
            let turned = self.turn();
            self.unless_told(turned)?;
        }
    }
}

impl<'m, S, C, R, P, T, F> Write for Channel<'_, 'm, Link<'m, S, C, R, P, T>, F>
where
    S: Read + Write + ReadReady + WriteReady,
    C: Clock,
    R: Role,
    P: Provider,
    T: AsMut<[Slot]> + AsRef<[Slot]>,
    F: FnMut(&mut Turn<'_, 'm, R, P, T>, Event<'_, R>),
{
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Self::Error> {
        loop {
            match self.link.engine.write(self.inbox.id(), bytes) {
                Ok(n) if n > 0 || bytes.is_empty() => return Ok(n),
                Err(refused) if is_final(refused) => return Err(refused.into()),
                Ok(_) | Err(_) => self.turn()?,
            }
        }
    }

    /// Waits until the transport has taken everything.
    fn flush(&mut self) -> Result<(), Self::Error> {
        self.poll()?;
        while !self.link.engine.is_silent() {
            self.turn()?;
        }
        Ok(())
    }
}

impl<'m, S, C, R, P, T, F> ReadReady for Channel<'_, 'm, Link<'m, S, C, R, P, T>, F>
where
    S: Read + Write + ReadReady + WriteReady,
    C: Clock,
    R: Role,
    P: Provider,
    T: AsMut<[Slot]> + AsRef<[Slot]>,
    F: FnMut(&mut Turn<'_, 'm, R, P, T>, Event<'_, R>),
{
    fn read_ready(&mut self) -> Result<bool, Self::Error> {
        if !self.inbox.has_word() {
            let polled = self.poll();
            self.unless_told(polled)?;
        }
        Ok(self.inbox.has_word())
    }
}

impl<'m, S, C, R, P, T, F> WriteReady for Channel<'_, 'm, Link<'m, S, C, R, P, T>, F>
where
    S: Read + Write + ReadReady + WriteReady,
    C: Clock,
    R: Role,
    P: Provider,
    T: AsMut<[Slot]> + AsRef<[Slot]>,
    F: FnMut(&mut Turn<'_, 'm, R, P, T>, Event<'_, R>),
{
    fn write_ready(&mut self) -> Result<bool, Self::Error> {
        self.poll()?;
        let id = self.inbox.id();
        // Nothing is written, but what would stand in the way does.
        Ok(match self.link.engine.write(id, b"") {
            Ok(_) => self.link.engine.ssh.writable(id) > 0,
            Err(refused) => is_final(refused),
        })
    }
}

impl<L, F> fmt::Debug for Channel<'_, '_, L, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel").field("inbox", &self.inbox).finish_non_exhaustive()
    }
}
