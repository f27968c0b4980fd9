//! A link's turn with the memory that all share: events are taken from it, which borrow the received bytes where they
//! lie, and commands given in between; when it is dropped, everything owed is sent.

use crate::Buffers;
use crate::end::{End, Ssh};
use crate::link::Link;
use crate::system;
use core::fmt;
use sanssh_core::channel::OpenFailure;
use sanssh_core::file::SigningKey;
use sanssh_core::role::Client;
use sanssh_core::transport;
use sanssh_core::{ChannelId, Event, Input, Instant, Output, Reason, Refused, Waiting};

/// A link's turn: an iterator of [`Event`]s, which ends where more bytes or an answer are needed. In between and after
/// that, commands may be given.
///
/// Output has room for one turn's worth. A command that was [`Refused::NoRoom`] may be given again in the next turn,
/// which comes as soon as the socket takes more.
pub struct Turn<'t, R: End> {
    link: &'t mut Link<R>,
    now: Instant,
    input: Input<'t>,
    /// None while the socket does not take what is left from before.
    space: &'t mut [u8],
    filled: usize,
    /// What arrives may hold a password.
    secret: &'t mut (usize, usize),
    stranger: bool,
    /// Events have been taken until there was none, and what kept it from reading on then.
    stopped: Option<Option<Waiting>>,
}

impl<'t, R: End> Turn<'t, R> {
    pub(crate) fn new(link: &'t mut Link<R>, now: Instant, buffers: &'t mut Buffers) -> Self {
        buffers.scrub();
        buffers.fit(link.ssh.config(), link.rx.len());
        let most = buffers.turn();
        let Buffers { input, inflate, output, secret, .. } = buffers;
        let space: &mut [u8] = if link.resume(now) { output } else { &mut [] };
        let stranger = !link.ssh.is_logged_in();
        link.choked = false;
        let mut turn =
            Self { link, now, input: Input::new(&mut []), space, filled: 0, secret, stranger, stopped: None };
        if let Err(error) = turn.link.ssh.tick(now) {
            turn.link.fail(error);
        }
        // What is owed may be what it waits for before it reads on.
        turn.flush();
        let filled = turn.link.fill(input, most);
        if stranger {
            turn.secret.0 = filled;
        }
        turn.input = Input::new(&mut input[..filled]).with_inflate(inflate);
        turn
    }

    /// The protocol machine, for what needs no output: answers, `release`, `finish`, `close` and the rest.
    pub const fn ssh(&mut self) -> &mut Ssh<R> {
        &mut self.link.ssh
    }

    /// The link, to look at.
    pub const fn link(&self) -> &Link<R> {
        self.link
    }

    /// The time that this turn goes by.
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// Gives the machine a command that wants output.
    ///
    /// # Errors
    /// [`Refused::NoRoom`]: give it again in the next turn, which comes by itself. [`Refused::Busy`]: likewise, after the
    /// key exchange that is under way. Otherwise as the command says.
    pub fn command<T>(
        &mut self,
        what: impl FnOnce(&mut Ssh<R>, &mut Output<'_>) -> Result<T, Refused>,
    ) -> Result<T, Refused> {
        let mut output = Output::new(&mut self.space[self.filled..]);
        let outcome = what(&mut self.link.ssh, &mut output);
        self.filled += output.filled();
        if outcome.is_ok() {
            self.link.active = self.now;
        }
        // What does not even fit into all of the output will not in the next turn.
        self.link.choked |= matches!(outcome, Err(Refused::NoRoom)) && (self.filled > 0 || self.space.is_empty());
        outcome
    }

    /// Sends data on a channel, as much as window and output take; how much. What was not taken is for a later turn,
    /// which comes when there is room or window again.
    ///
    /// # Errors
    /// If nothing may be sent on the channel any more.
    pub fn write(&mut self, id: ChannelId, data: &[u8]) -> Result<usize, Refused> {
        let mut sent = 0;
        while sent < data.len() {
            match self.command(|ssh, output| ssh.write(id, &data[sent..], output)) {
                Ok(0) | Err(Refused::NoRoom | Refused::Busy) => break,
                Ok(n) => sent += n,
                Err(refused) => return Err(refused),
            }
        }
        Ok(sent)
    }

    /// Ends the connection with a goodbye.
    pub fn disconnect(&mut self, reason: Reason) {
        self.link.disconnect(reason);
    }

    /// Turns what is owed into packets.
    fn flush(&mut self) {
        let Link { ssh, duties, .. } = &mut *self.link;
        let mut output = Output::new(&mut self.space[self.filled..]);
        let settled = R::settle(duties, ssh, &mut output);
        ssh.flush(self.now, &mut output);
        self.filled += output.filled();
        let more = matches!(settled, Err(Refused::NoRoom)) || ssh.owes_output();
        self.link.choked |= more && (self.filled > 0 || self.space.is_empty());
    }

    /// What the link does by itself; the rest is the caller's.
    fn deal(&mut self, event: Event<'t, R>) -> Option<Event<'t, R>> {
        if !matches!(event, Event::Transport(_)) {
            self.link.active = self.now;
        }
        match event {
            Event::Open { ask, .. } if self.link.closing => {
                self.link.ssh.decline(ask, OpenFailure::RESOURCE_SHORTAGE);
                return None;
            }
            Event::Transport(transport::Event::Keyed(agreed)) if !agreed.first => match system::seed() {
                Ok(seed) => self.link.ssh.reseed(&seed),
                Err(error) => self.link.fail(error),
            },
            Event::Transport(_)
            | Event::Auth(_)
            | Event::Channel(..)
            | Event::Open { .. }
            | Event::Listen { .. }
            | Event::Forward(..) => {}
        }
        R::deal(&mut self.link.duties, &mut self.link.ssh, event).unwrap_or_else(|error| {
            self.link.fail(error);
            None
        })
    }
}

impl<'t, R: End> Iterator for Turn<'t, R> {
    type Item = Event<'t, R>;

    fn next(&mut self) -> Option<Event<'t, R>> {
        while self.link.failure().is_none() {
            match self.link.ssh.recv(self.now, &mut self.input) {
                Ok(Some(event)) => {
                    if let Some(event) = self.deal(event) {
                        return Some(event);
                    }
                }
                Ok(None) => {
                    let stuck = self.link.ssh.waiting();
                    self.flush();
                    if stuck.is_none() || self.link.ssh.waiting() == stuck {
                        self.stopped = Some(stuck);
                        return None;
                    }
                }
                Err(error) => self.link.fail(error),
            }
        }
        None
    }
}

impl<R: End> Drop for Turn<'_, R> {
    fn drop(&mut self) {
        if let Some(fate) = self.link.ssh.fate() {
            self.link.fail(fate);
        }
        self.flush();
        if self.stranger {
            self.secret.1 = self.input.expanded();
        }
        let link = &mut *self.link;
        link.stuck = link.ssh.waiting();
        // An answer may have been given since.
        let done = self.stopped == Some(link.stuck) && !self.input.is_cramped();
        link.unfinished = !done && self.input.remaining() > 0;
        // Nothing more will come, and what came is dealt with.
        if link.ended && done && link.stuck.is_none() {
            link.hang_up();
        }
        link.keep(self.input.rest(), self.stranger);
        link.send(&self.space[..self.filled], self.now);
    }
}

impl Turn<'_, Client> {
    /// Logs in by a key, once keys are exchanged and no other attempt is under way.
    ///
    /// # Errors
    /// [`Refused::WrongKey`] if the server takes no signature that the key can make, or the key does not sign. Otherwise
    /// as [`command`](Self::command).
    pub fn login_key(&mut self, user: &[u8], key: &SigningKey) -> Result<(), Refused> {
        let ssh = &self.link.ssh;
        let mut algorithms = key.algorithms().iter().copied();
        let algorithm = algorithms.find(|algorithm| ssh.accepts(*algorithm) != Some(false)).ok_or(Refused::WrongKey)?;
        let message = ssh.signing_message(user, algorithm, key.public())?;
        let signature = key.sign(algorithm, message.as_bytes()).map_err(|_| Refused::WrongKey)?;
        self.command(|ssh, output| ssh.public_key(user, algorithm, key.public(), &signature, output))
    }
}

impl<R: End> fmt::Debug for Turn<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turn").field("link", &self.link).field("filled", &self.filled).finish_non_exhaustive()
    }
}
