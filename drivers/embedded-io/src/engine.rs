//! What a link is without its transport: the connection between two linear buffers.

use crate::Inbox;
use core::fmt;
use embedded_io::ErrorType;
use sanssh_core::channel::Slot;
use sanssh_core::crypto::Provider;
use sanssh_core::role::Role;
use sanssh_core::{Backlog, ChannelId, Config, Connection, Error, Event, Instant, Intake, Refused, Seed, Tx};

/// A turn at a link: [`next`](sanssh_core::Turn::next) gives the events, [`send`](sanssh_core::Turn::send) takes commands.
pub type Turn<'t, 'm, R, P, T> = sanssh_core::Turn<'t, R, P, T, &'t mut Tx<&'m mut [u8]>>;

/// A link as channels see it, whichever way its transport works.
pub(crate) trait Moves<'m>: ErrorType + Sized {
    type Role: Role;
    type Provider: Provider;
    type Table: AsMut<[Slot]> + AsRef<[Slot]>;

    fn engine(&mut self) -> &mut Engine<'m, Self::Role, Self::Provider, Self::Table>;
}

/// What is done with events that a channel does not keep.
pub(crate) trait Rest<'m, L: Moves<'m>>:
    FnMut(&mut Turn<'_, 'm, L::Role, L::Provider, L::Table>, Event<'_, L::Role>)
{
}

impl<'m, L: Moves<'m>, F> Rest<'m, L> for F where
    F: FnMut(&mut Turn<'_, 'm, L::Role, L::Provider, L::Table>, Event<'_, L::Role>)
{
}

/// A connection between buffers.
pub(crate) struct Engine<'m, R: Role, P: Provider, T> {
    pub(crate) ssh: Connection<R, P, T>,
    intake: Intake<&'m mut [u8]>,
    pub(crate) tx: Tx<&'m mut [u8]>,
    backlog: Backlog,
    /// The transport has taken something since the last turn.
    took: bool,
    /// The transport gives no more.
    ended: bool,
    /// Something was written since the transport was flushed.
    pub(crate) unflushed: bool,
}

impl<'m, R: Role, P: Provider, T: AsMut<[Slot]> + AsRef<[Slot]>> Engine<'m, R, P, T> {
    pub(crate) fn new(
        mut config: Config,
        seed: &Seed,
        channels: T,
        [input, output]: [&'m mut [u8]; 2],
        now: Instant,
    ) -> Self {
        config.fit(input.len());
        Self {
            ssh: Connection::new(config, seed, channels, now),
            intake: Intake::new(input),
            tx: Tx::new(output),
            backlog: Backlog::new(now),
            took: false,
            ended: false,
            unflushed: false,
        }
    }

    /// Where received bytes go; empty if there is no use for more.
    pub(crate) fn space(&mut self) -> &mut [u8] {
        if self.ended || self.ssh.waiting().is_some() { &mut [] } else { self.intake.space() }
    }

    /// Where received bytes go, what waits to be sent, and whether what was sent is to be flushed.
    #[cfg(feature = "async")]
    pub(crate) fn halves(&mut self) -> (&mut [u8], &[u8], bool) {
        let reads = !self.ended && self.ssh.waiting().is_none();
        (if reads { self.intake.space() } else { &mut [] }, self.tx.pending(), self.unflushed)
    }

    /// Counts what was read into the space, which was not empty: nothing is the end.
    pub(crate) fn received(&mut self, n: usize) {
        self.ended |= n == 0;
        self.intake.received(n);
    }

    /// Counts what was written of what waits.
    pub(crate) fn sent(&mut self, n: usize) {
        self.tx.sent(n);
        self.took |= n > 0;
        self.unflushed |= n > 0;
    }

    /// Whether a turn has something to do even if the transport has nothing.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        let over = self.deadline().is_some_and(|deadline| deadline <= now);
        over || self.ended || self.ssh.fate().is_some() || (self.ssh.owes_output() && self.tx.is_empty())
    }

    /// When the next turn is due at the latest.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.backlog.deadline(&self.ssh)
    }

    /// Whether the transport has taken everything that there is to say.
    pub(crate) fn is_silent(&self) -> bool {
        self.tx.is_empty() && !self.unflushed && !self.ssh.owes_output()
    }

    /// Whether an inbox holds a window.
    pub(crate) fn check(&self, inbox: &Inbox<'_>) -> Result<(), Refused> {
        let window = usize::try_from(self.ssh.config().window).unwrap_or(usize::MAX);
        if inbox.capacity() < window { Err(Refused::NoRoom) } else { Ok(()) }
    }

    /// Turns bytes into a packet, as many as there is room for.
    pub(crate) fn write(&mut self, id: ChannelId, bytes: &[u8]) -> Result<usize, Refused> {
        let mut output = self.tx.output();
        let written = self.ssh.write(id, bytes, &mut output);
        let filled = output.filled();
        self.tx.written(filled);
        written
    }

    pub(crate) fn turn(&mut self, now: Instant) -> Turn<'_, 'm, R, P, T> {
        let waiting = self.tx.pending().len();
        self.backlog.check(waiting, core::mem::take(&mut self.took), &mut self.ssh, now);
        Turn::new(&mut self.ssh, &mut self.intake, &mut self.tx, now, self.ended)
    }
}

/// What a channel keeps goes to its inbox, and the rest to `rest`.
pub(crate) fn digest<'m, R: Role, P: Provider, T: AsMut<[Slot]> + AsRef<[Slot]>>(
    mut turn: Turn<'_, 'm, R, P, T>,
    inbox: &mut Inbox<'_>,
    rest: &mut impl FnMut(&mut Turn<'_, 'm, R, P, T>, Event<'_, R>),
) -> Result<(), Error> {
    while let Some(event) = turn.next()? {
        if let Some(event) = inbox.offer(event) {
            rest(&mut turn, event);
        }
    }
    Ok(())
}

impl<R: Role, P: Provider, T> fmt::Debug for Engine<'_, R, P, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("ssh", &self.ssh).field("ended", &self.ended).finish_non_exhaustive()
    }
}
