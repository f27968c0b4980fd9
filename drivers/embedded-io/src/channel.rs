//! A channel as a stream.

use crate::engine::{Engine, Moves, Rest, digest};
use crate::{Clock, Error, Inbox, Link};
use core::fmt;
use embedded_io::{ErrorType, Read, ReadReady, Write, WriteReady};
use sanssh_core::Refused;
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

#[expect(private_bounds, reason = "what channels need of either link stays inside")]
impl<'m, L: Moves<'m>, F> Channel<'_, 'm, L, F> {
    /// No more will be written. Leaves with the next flush.
    pub fn finish(&mut self) {
        self.link.engine().ssh.finish(self.inbox.id());
    }

    /// Reads what is there; `None`: nothing yet.
    pub(crate) fn take(&mut self, space: &mut [u8]) -> Option<usize> {
        let n = self.inbox.read(&mut self.link.engine().ssh, space);
        (n > 0 || space.is_empty() || self.inbox.is_ended()).then_some(n)
    }

    /// What came before the end of the connection is read before that is told.
    pub(crate) fn unless_told<E>(&self, outcome: Result<(), E>) -> Result<(), E> {
        if self.inbox.has_word() { Ok(()) } else { outcome }
    }

    /// Turns bytes into a packet; `None`: it has to wait.
    pub(crate) fn give(&mut self, bytes: &[u8]) -> Result<Option<usize>, Refused> {
        match self.link.engine().write(self.inbox.id(), bytes) {
            Ok(0) if !bytes.is_empty() => Ok(None),
            Ok(n) => Ok(Some(n)),
            Err(Refused::Busy | Refused::NoRoom | Refused::NotYet) => Ok(None),
            Err(refused) => Err(refused),
        }
    }
}

impl<L: ErrorType, F> ErrorType for Channel<'_, '_, L, F> {
    type Error = Error<L::Error>;
}

/// A link that blocks.
trait Blocks<'m>: Moves<'m> {
    /// A turn, once there is something to do if it `waits`, and with what can be moved now if not.
    fn pass(
        &mut self,
        waits: bool,
        inbox: &mut Inbox<'_>,
        rest: &mut impl Rest<'m, Self>,
    ) -> Result<(), Error<Self::Error>>;
}

impl<S: ErrorType, C, R: Role, P: Provider, T> ErrorType for Link<'_, S, C, R, P, T> {
    type Error = S::Error;
}

impl<'m, S, C, R: Role, P: Provider, T> Moves<'m> for Link<'m, S, C, R, P, T>
where
    S: ErrorType,
    T: AsMut<[Slot]> + AsRef<[Slot]>,
{
    type Role = R;
    type Provider = P;
    type Table = T;

    fn engine(&mut self) -> &mut Engine<'m, R, P, T> {
        &mut self.engine
    }
}

impl<'m, S, C: Clock, R: Role, P: Provider, T> Blocks<'m> for Link<'m, S, C, R, P, T>
where
    S: Read + Write + ReadReady + WriteReady,
    T: AsMut<[Slot]> + AsRef<[Slot]>,
{
    fn pass(
        &mut self,
        waits: bool,
        inbox: &mut Inbox<'_>,
        rest: &mut impl Rest<'m, Self>,
    ) -> Result<(), Error<S::Error>> {
        let turn = if waits { self.turn()? } else { self.poll()? };
        Ok(digest(turn, inbox, rest)?)
    }
}

impl<'m, L: Blocks<'m>, F: Rest<'m, L>> Read for Channel<'_, 'm, L, F> {
    fn read(&mut self, space: &mut [u8]) -> Result<usize, Self::Error> {
        loop {
            if let Some(n) = self.take(space) {
                return Ok(n);
            }
            let passed = self.link.pass(true, self.inbox, &mut self.rest);
            self.unless_told(passed)?;
        }
    }
}

impl<'m, L: Blocks<'m>, F: Rest<'m, L>> Write for Channel<'_, 'm, L, F> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Self::Error> {
        loop {
            if let Some(n) = self.give(bytes)? {
                return Ok(n);
            }
            self.link.pass(true, self.inbox, &mut self.rest)?;
        }
    }

    /// Waits until the transport has taken everything.
    fn flush(&mut self) -> Result<(), Self::Error> {
        self.link.pass(false, self.inbox, &mut self.rest)?;
        while !self.link.engine().is_silent() {
            self.link.pass(true, self.inbox, &mut self.rest)?;
        }
        Ok(())
    }
}

impl<'m, L: Blocks<'m>, F: Rest<'m, L>> ReadReady for Channel<'_, 'm, L, F> {
    fn read_ready(&mut self) -> Result<bool, Self::Error> {
        if !self.inbox.has_word() {
            let passed = self.link.pass(false, self.inbox, &mut self.rest);
            self.unless_told(passed)?;
        }
        Ok(self.inbox.has_word())
    }
}

impl<'m, L: Blocks<'m>, F: Rest<'m, L>> WriteReady for Channel<'_, 'm, L, F> {
    fn write_ready(&mut self) -> Result<bool, Self::Error> {
        self.link.pass(false, self.inbox, &mut self.rest)?;
        // Nothing is written, but what would stand in the way does so now.
        let may = self.give(b"");
        let open = self.link.engine().ssh.writable(self.inbox.id()) > 0;
        Ok(may.map_or(true, |may| may.is_some() && open))
    }
}

impl<L, F> fmt::Debug for Channel<'_, '_, L, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel").field("inbox", &self.inbox).finish_non_exhaustive()
    }
}
