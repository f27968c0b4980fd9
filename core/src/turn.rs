//! One round of a driver's loop: what was received is lent by an [`Intake`], events come out of a [`Turn`], and packets
//! leave through an [`Outlet`], before which a [`Backlog`] may form.

use crate::channel::Slot;
use crate::crypto::Provider;
use crate::error::{Error, Refused};
use crate::event::Event;
use crate::role::Role;
use crate::time::Instant;
use crate::{Connection, Input, Output, Rx, Tx};
use core::fmt;

/// A call that writes packets.
pub type Writes<'w> = &'w mut dyn FnMut(&mut Output<'_>) -> Result<(), Refused>;

/// Where packets go.
pub trait Outlet {
    /// Lends room for packets, and sends what was written there, whatever came of it. An outlet that can find more room calls
    /// again what is refused for want of it.
    fn lend(&mut self, with: Writes<'_>) -> Result<(), Refused>;
}

impl<B: AsMut<[u8]>> Outlet for Tx<B> {
    fn lend(&mut self, with: Writes<'_>) -> Result<(), Refused> {
        let mut output = self.output();
        let outcome = with(&mut output);
        let filled = output.filled();
        self.written(filled);
        outcome
    }
}

impl<O: Outlet + ?Sized> Outlet for &mut O {
    fn lend(&mut self, with: Writes<'_>) -> Result<(), Refused> {
        (**self).lend(with)
    }
}

/// Received bytes between turns. What a turn takes is forgotten when the next one is prepared, since events borrow it; what
/// is left when this is dropped is overwritten.
#[derive(Debug)]
pub struct Intake<B: AsMut<[u8]>> {
    rx: Rx<B>,
    taken: usize,
    /// What was taken may hold a password.
    secret: bool,
}

impl<B: AsMut<[u8]>> Intake<B> {
    /// Nothing received yet.
    pub const fn new(memory: B) -> Self {
        Self { rx: Rx::new(memory), taken: 0, secret: false }
    }

    /// Where received bytes go next; empty if what is there has to be dealt with first.
    pub fn space(&mut self) -> &mut [u8] {
        self.settle();
        self.rx.space()
    }

    /// Counts `n` bytes of the space as received.
    pub fn received(&mut self, n: usize) {
        self.rx.received(n);
    }

    /// Forgets everything: another connection begins.
    pub fn clear(&mut self) {
        self.settle();
        self.rx.wipe(self.rx.len());
    }

    /// Forgets what the last turn took.
    fn settle(&mut self) {
        let taken = core::mem::take(&mut self.taken);
        if self.secret { self.rx.wipe(taken) } else { self.rx.consume(taken) }
    }
}

impl<B: AsMut<[u8]>> Drop for Intake<B> {
    fn drop(&mut self) {
        self.clear();
    }
}

/// What waits for the transport to take it: notices that nothing has been taken for longer than the configuration bears.
#[derive(Debug)]
pub struct Backlog {
    waits: bool,
    moved: Instant,
}

impl Backlog {
    /// Nothing waits.
    pub const fn new(now: Instant) -> Self {
        Self { waits: false, moved: now }
    }

    /// So many bytes wait; `took` says whether the transport has taken any since the last check. Ends the connection if it has
    /// not for too long.
    pub fn check<R: Role, P: Provider, T: AsMut<[Slot]> + AsRef<[Slot]>>(
        &mut self,
        waiting: usize,
        took: bool,
        ssh: &mut Connection<R, P, T>,
        now: Instant,
    ) {
        if took || !self.waits {
            self.moved = now;
        }
        self.waits = waiting > 0;
        if self.limit(ssh).is_some_and(|limit| limit <= now) {
            ssh.stalled();
        }
    }

    /// When the connection wants to be called at the latest: by its own deadline, or because of what waits.
    pub fn deadline<R: Role, P: Provider, T: AsMut<[Slot]> + AsRef<[Slot]>>(
        &self,
        ssh: &Connection<R, P, T>,
    ) -> Option<Instant> {
        [ssh.deadline(), self.limit(ssh)].into_iter().flatten().min()
    }

    /// Before the login, that has its own deadline.
    fn limit<R: Role, P: Provider, T: AsMut<[Slot]> + AsRef<[Slot]>>(
        &self,
        ssh: &Connection<R, P, T>,
    ) -> Option<Instant> {
        let counts = self.waits && ssh.fate().is_none() && ssh.is_logged_in();
        let patience = ssh.config().keepalive.patience().filter(|_| counts);
        patience.map(|patience| self.moved.after(patience))
    }
}

/// What there is to do with the bytes that are there. Events outlive the turn; facts that it leaves behind, like answers and
/// releases, become packets when it ends.
pub struct Turn<'t, R: Role, P: Provider, T: AsMut<[Slot]> + AsRef<[Slot]>, O: Outlet> {
    /// The connection, for answers and for whatever else needs no output.
    pub ssh: &'t mut Connection<R, P, T>,
    outlet: O,
    input: Input<'t>,
    taken: &'t mut usize,
    now: Instant,
    ended: bool,
}

impl<'t, R: Role, P: Provider, T: AsMut<[Slot]> + AsRef<[Slot]>, O: Outlet> Turn<'t, R, P, T, O> {
    /// A turn at `now`; `ended` says that the transport gives no more than what is in the intake.
    pub fn new<B: AsMut<[u8]>>(
        ssh: &'t mut Connection<R, P, T>,
        intake: &'t mut Intake<B>,
        outlet: O,
        now: Instant,
        ended: bool,
    ) -> Self {
        intake.settle();
        intake.secret = !ssh.is_logged_in();
        let Intake { rx, taken, secret: _ } = intake;
        Self { ssh, outlet, input: rx.input(), taken, now, ended }
    }

    /// The next event. `None`: the rest needs more bytes, or an answer, and what was owed has been sent. After an error the
    /// connection is over; the peer has been told why, if it may know.
    #[expect(clippy::should_implement_trait, reason = "an iterator cannot fail, and has no turn to act in between")]
    pub fn next(&mut self) -> Result<Option<Event<'t, R>>, Error> {
        loop {
            let told = self.ssh.recv(self.now, &mut self.input);
            *self.taken = self.input.taken();
            if let Ok(Some(event)) = told {
                return Ok(Some(event));
            }
            let was_waiting = self.ssh.waiting().is_some();
            self.flush();
            told?;
            // Replies had piled up, and have left: there may be more to read.
            if was_waiting && self.ssh.waiting().is_none() {
                continue;
            }
            return if self.ended { self.ssh.hung_up().map(|()| None) } else { Ok(None) };
        }
    }

    /// Gives a command the output. [`Refused::NoRoom`]: it has to wait until the transport has taken more.
    pub fn send<A>(
        &mut self,
        mut command: impl FnMut(&mut Connection<R, P, T>, &mut Output<'_>) -> Result<A, Refused>,
    ) -> Result<A, Refused> {
        let mut answer = Err(Refused::NoRoom);
        let lent = self.outlet.lend(&mut |output| {
            answer = command(self.ssh, output);
            answer.as_ref().map_or_else(|refused| Err(*refused), |_| Ok(()))
        });
        lent.and(answer)
    }

    fn flush(&mut self) {
        let now = self.now;
        // What finds no room stays owed.
        let _ = self.send(|ssh, output| {
            ssh.flush(now, output);
            if ssh.owes_output() { Err(Refused::NoRoom) } else { Ok(()) }
        });
    }
}

impl<R: Role, P: Provider, T: AsMut<[Slot]> + AsRef<[Slot]>, O: Outlet> Drop for Turn<'_, R, P, T, O> {
    fn drop(&mut self) {
        self.flush();
    }
}

impl<R: Role, P: Provider, T: AsMut<[Slot]> + AsRef<[Slot]>, O: Outlet> fmt::Debug for Turn<'_, R, P, T, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turn").field("ssh", &self.ssh).field("now", &self.now).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::{Intake, Turn};
    use crate::channel::Slot;
    use crate::crypto::null::Null;
    use crate::role::Client;
    use crate::{Config, Connection, Error, Instant, Seed, Tx};

    fn connection() -> Connection<Client, Null, [Slot; 1]> {
        Connection::new(Config::default(), &Seed::new([1; 32]), [Slot::new(); 1], Instant(0))
    }

    #[test]
    fn what_was_taken_before_the_login_is_wiped() {
        let (mut memory, mut out, mut ssh) = ([0; 64], [0; 4096], connection());
        let mut intake = Intake::new(&mut memory[..]);
        intake.space()[..13].copy_from_slice(b"SSH-2.0-x\r\n\0\0");
        intake.received(13);
        let mut turn = Turn::new(&mut ssh, &mut intake, Tx::new(&mut out[..]), Instant(0), false);
        assert!(matches!(turn.next(), Ok(None)));
        drop(turn);
        assert_eq!(ssh.peer_ident(), Some(&b"SSH-2.0-x"[..]));
        intake.space();
        assert_eq!(intake.rx.len(), 2);
        // At its end all would be.
        core::mem::forget(intake);
        assert_eq!(memory, [0; 64]);
    }

    #[test]
    fn what_was_received_is_not_left_behind() {
        let mut memory = *b"........";
        let mut intake = Intake::new(&mut memory[..]);
        intake.space().copy_from_slice(b"password");
        intake.received(8);
        drop(intake);
        assert_eq!(memory, [0; 8]);
    }

    #[test]
    fn what_is_left_before_the_end_is_told_first() {
        let (mut memory, mut out, mut ssh) = ([0; 64], [0; 4096], connection());
        let mut intake = Intake::new(&mut memory[..]);
        intake.space()[..7].copy_from_slice(b"hello\r\n");
        intake.received(7);
        let mut turn = Turn::new(&mut ssh, &mut intake, Tx::new(&mut out[..]), Instant(0), true);
        assert!(matches!(turn.next(), Ok(Some(_))));
        assert!(matches!(turn.next(), Err(Error::HungUp)));
        assert!(matches!(turn.next(), Err(Error::HungUp)));
    }
}
