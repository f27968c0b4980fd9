//! The link between a connection and its socket, shared by threads: whoever waits for something becomes the pump if
//! nobody is, and moves the connection on for all.
//!
//! ```text
//! call -- not ready --> pump? -- nobody --> read, dispatch, flush, write; sleep in poll(2), unlocked -- ready --> hand over
//!                         |                                                     ^
//!                         +-- somebody --> sleep on the condition -- news ------+-- wake pipe: output, deadlines
//! ```

use crate::Error;
use crate::end::{End, Ssh};
use crate::record::Record;
use crate::socket::Socket;
use crate::state::{Interest, Own, SEND_AT, State};
use core::fmt;
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use sanssh_core::{Config, Instant, Output, Reason, Refused};
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// How long a goodbye may take to get into a socket that is full.
const GOODBYE: Duration = Duration::from_millis(500);
/// Reads in a row by who waits for nothing.
const MOST_READS: usize = 64;

/// A connection with its socket.
pub(crate) struct Link<R: End> {
    socket: Socket,
    /// A byte into the first wakes the pump, which sleeps on the second.
    wake: (UnixStream, UnixStream),
    state: Mutex<State<R>>,
    changed: Condvar,
    /// Microseconds that a call may wait; `u64::MAX` for ever.
    patience: AtomicU64,
    pub(crate) start_relay: Option<Start>,
    /// The socket is somebody else's as well: it stays as it is when the last handle goes.
    pub(crate) leaves_quietly: bool,
}

/// Starts the relay's thread.
type Start = Box<dyn Fn() -> io::Result<()> + Send + Sync>;

pub(crate) type Guard<'a, R> = MutexGuard<'a, State<R>>;

impl<R: End> Link<R> {
    /// Takes over a connected socket.
    pub(crate) fn new(
        socket: Socket,
        config: Config,
        channels: usize,
        desk: R::Desk,
        record: Option<&Record>,
    ) -> Result<Self, Error> {
        socket.prepare()?;
        let wake = UnixStream::pair()?;
        wake.0.set_nonblocking(true)?;
        wake.1.set_nonblocking(true)?;
        Ok(Self {
            socket,
            wake,
            state: Mutex::new(State::new(config, channels, desk, record)?),
            changed: Condvar::new(),
            patience: AtomicU64::new(u64::MAX),
            start_relay: None,
            leaves_quietly: false,
        })
    }

    pub(crate) const fn socket(&self) -> &Socket {
        &self.socket
    }

    /// How long calls may wait from now on.
    pub(crate) fn set_patience(&self, span: Option<Duration>) {
        let micros = span.and_then(|span| u64::try_from(span.as_micros()).ok()).unwrap_or(u64::MAX);
        self.patience.store(micros, Ordering::Relaxed);
    }

    pub(crate) fn patience(&self) -> Option<Duration> {
        match self.patience.load(Ordering::Relaxed) {
            u64::MAX => None,
            micros => Some(Duration::from_micros(micros)),
        }
    }

    /// A look at the state, and a change that leaves nothing to send.
    pub(crate) fn with<T>(&self, look: impl FnOnce(&mut State<R>) -> T) -> T {
        look(&mut self.lock())
    }

    /// A change of the state that gives the connection something to send, or to go on with.
    pub(crate) fn change<T>(&self, what: impl FnOnce(&mut State<R>) -> T) -> T {
        let mut state = self.lock();
        let value = what(&mut state);
        self.settle(&mut state);
        self.tell(&mut state);
        value
    }

    /// Gives a command to the machine, again and again until it is taken. What it writes leaves at once if `now`,
    /// otherwise with what follows.
    pub(crate) fn command<T>(
        &self,
        now: bool,
        mut what: impl FnMut(&mut Ssh<R>, &mut Output<'_>) -> Result<T, Refused>,
    ) -> Result<T, Error> {
        self.wait(self.patience(), &mut Own::none(), |state, _| self.taken(state, now, &mut what))?
    }

    /// What came of giving a command to the machine, once it was taken.
    pub(crate) fn taken<T>(
        &self,
        state: &mut State<R>,
        now: bool,
        what: impl FnMut(&mut Ssh<R>, &mut Output<'_>) -> Result<T, Refused>,
    ) -> Option<Result<T, Error>> {
        let taken = state.attempt(&self.socket, what);
        if now && taken.is_some() {
            self.settle(state);
        }
        taken
    }

    /// Waits until `ready` gives something. It is asked under the lock, whenever something has happened.
    pub(crate) fn wait<T>(
        &self,
        span: Option<Duration>,
        own: &mut Own<'_>,
        mut ready: impl FnMut(&mut State<R>, &mut Own<'_>) -> Option<T>,
    ) -> Result<T, Error> {
        let mut state = self.lock();
        let mut until = None;
        let mut pump = false;
        let outcome = loop {
            if let Some(value) = ready(&mut state, own) {
                break Ok(value);
            }
            if let Some(error) = &state.failure {
                break Err(error.clone());
            }
            let deadline = *until.get_or_insert_with(|| state.clock().until(span));
            if deadline.is_some_and(|deadline| state.clock().now() >= deadline) {
                break Err(Error::TimedOut(span.unwrap_or_default()));
            }
            if (pump || !state.pumping) && !state.relay.claims {
                (pump, state.pumping) = (true, true);
                state = self.turn(state, deadline, own);
                if state.failure.is_some() {
                    self.say_goodbye(&mut state);
                }
            } else {
                if core::mem::take(&mut pump) {
                    // The relay is the pump from now on.
                    (state.pumping, state.news) = (false, true);
                }
                // What the call has left behind leaves now, or the pump learns of it, which sleeps perhaps.
                self.settle(&mut state);
                if state.news {
                    // There may be room now that there was not.
                    self.tell(&mut state);
                } else {
                    state = self.follow(state, deadline);
                }
            }
        };
        if pump {
            state.pumping = false;
            state.news |= state.waiters > 0;
        }
        self.tell(&mut state);
        outcome
    }

    pub(crate) fn lock(&self) -> Guard<'_, R> {
        // No code of the caller's runs under the lock, and the machine does not panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the others that something happened.
    pub(crate) fn tell(&self, state: &mut State<R>) {
        if state.relay.wants_thread() {
            self.ensure_relay(state);
        }
        if core::mem::take(&mut state.news) {
            state.moves += 1;
            if state.waiters > 0 {
                self.changed.notify_all();
            }
        }
    }

    /// Something happened that futures of the caller's wait for, elsewhere than on the connection.
    pub(crate) fn announce(&self) {
        let mut state = self.lock();
        state.news = true;
        self.tell(&mut state);
        if state.polling.take().is_some() {
            self.nudge();
        }
    }

    /// Lets what is owed leave; if it cannot all, or deadlines changed, the pump has to know.
    pub(crate) fn settle(&self, state: &mut State<R>) {
        if state.ssh.owes_output() {
            let now = state.clock().now();
            state.compose(now);
        }
        state.send(&self.socket);
        if let Some(interest) = state.polling
            && state.outgrows(interest)
        {
            state.polling = None;
            self.nudge();
        }
    }

    /// Wakes the pump.
    pub(crate) fn nudge(&self) {
        // A full pipe wakes as well as one more byte.
        let _ = (&self.wake.0).write(&[0]);
    }

    /// What a nudge makes readable.
    pub(crate) const fn woken(&self) -> &UnixStream {
        &self.wake.1
    }

    pub(crate) fn drain_wake(&self) {
        let mut waste = [0; 64];
        while matches!((&self.wake.1).read(&mut waste), Ok(n) if n == waste.len()) {}
    }

    /// Sends early when much has gathered, so that the peer has something to do meanwhile.
    pub(crate) fn send_if_much(&self, state: &mut State<R>) {
        if state.tx.pending().len() >= SEND_AT {
            state.send(&self.socket);
        }
    }

    /// Sleeps until the pump has news, or leaves.
    pub(crate) fn follow<'a>(&'a self, mut state: Guard<'a, R>, until: Option<Instant>) -> Guard<'a, R> {
        state.waiters += 1;
        let mut state = match until {
            None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            Some(until) => {
                let span = until.since(state.clock().now());
                self.changed.wait_timeout(state, span).unwrap_or_else(PoisonError::into_inner).0
            }
        };
        state.waiters -= 1;
        state
    }

    /// One turn of the pump: what can be done at once, and if that was nothing, a sleep in between.
    fn turn<'a>(&'a self, mut state: Guard<'a, R>, until: Option<Instant>, own: &mut Own<'_>) -> Guard<'a, R> {
        self.settle(&mut state);
        if state.is_drained() || state.ssh.waiting().is_some() {
            state.digest(own);
            state.send(&self.socket);
            // What was received before and could not be dealt with then may be what the caller waits for.
            if own.filled > 0 || state.news || state.failure.is_some() {
                self.tell(&mut state);
                return state;
            }
            state = self.sleep(state, until);
        }
        state.receive(&self.socket, own);
        state.send(&self.socket);
        state.check_broken();
        self.tell(&mut state);
        state
    }

    /// Waits for the socket, the clock or another thread, without the lock.
    fn sleep<'a>(&'a self, mut state: Guard<'a, R>, until: Option<Instant>) -> Guard<'a, R> {
        let interest = state.interest(until);
        let now = state.clock().now();
        self.tell(&mut state);
        state.polling = Some(interest);
        drop(state);
        let hung_up = self.poll(interest, now);
        let mut state = self.lock();
        state.polling = None;
        state.poll_again();
        if hung_up && !interest.read {
            state.fail(Error::Ssh(sanssh_core::Error::HungUp));
        }
        state
    }

    /// Whether the socket says that it is dead.
    fn poll(&self, interest: Interest, now: Instant) -> bool {
        let mut wanted = PollFlags::empty();
        wanted.set(PollFlags::IN, interest.read);
        wanted.set(PollFlags::OUT, interest.write);
        let mut fds = [PollFd::new(&self.socket, wanted), PollFd::new(&self.wake.1, PollFlags::IN)];
        // A deadline is not met before it is over.
        let span = interest.until.map(|until| until.since(now) + Duration::from_micros(1));
        let span = span.and_then(|span| Timespec::try_from(span).ok());
        match poll(&mut fds, span.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            // Out of memory is the only other way to fail; the read that follows will tell of anything else.
            Err(_) => std::thread::yield_now(),
        }
        if !fds[1].revents().is_empty() {
            self.drain_wake();
        }
        fds[0].revents().intersects(PollFlags::HUP | PollFlags::ERR)
    }

    /// Deals with what has arrived already.
    pub(crate) fn glance(&self) {
        let mut state = self.lock();
        self.take_in(&mut state, &mut Own::none());
        self.tell(&mut state);
    }

    /// What `ready` gives without a wait, after what has arrived already.
    pub(crate) fn attempt<T>(
        &self,
        own: &mut Own<'_>,
        mut ready: impl FnMut(&mut State<R>, &mut Own<'_>) -> Option<Result<T, Error>>,
    ) -> Option<Result<T, Error>> {
        let mut state = self.lock();
        let mut outcome = ready(&mut state, own);
        if outcome.is_none() {
            self.take_in(&mut state, own);
            outcome = ready(&mut state, own);
        }
        if outcome.is_none() {
            outcome = state.failure.clone().map(Err);
            self.settle(&mut state);
        }
        self.tell(&mut state);
        outcome
    }

    /// Receives until nothing is left, unless another thread does, or until the caller has what it wants; not without end from
    /// a peer that never stops.
    fn take_in(&self, state: &mut State<R>, own: &mut Own<'_>) {
        for _ in 0..MOST_READS {
            if state.pumping || state.relay.claims || state.failure.is_some() {
                break;
            }
            state.receive(&self.socket, own);
            self.settle(state);
            state.check_broken();
            // No more can come than windows take.
            if own.filled > 0 || state.is_drained() || state.ssh.waiting().is_some() {
                break;
            }
        }
    }

    /// Ends the connection with a goodbye.
    pub(crate) fn disconnect(&self, reason: Reason) {
        let mut state = self.lock();
        if state.failure.is_none() {
            state.ssh.disconnect(reason);
            state.fail(Error::Ssh(sanssh_core::Error::Closed));
            self.say_goodbye(&mut state);
        }
        self.tell(&mut state);
        // A pump that sleeps has to see it.
        self.nudge();
    }

    /// The peer should learn why, if that takes no long wait.
    pub(crate) fn say_goodbye(&self, state: &mut State<R>) {
        let end = std::time::Instant::now() + GOODBYE;
        loop {
            state.send(&self.socket);
            let left = end.saturating_duration_since(std::time::Instant::now());
            let Ok(span) = Timespec::try_from(left) else { break };
            if state.tx.is_empty() || left.is_zero() {
                break;
            }
            let _ = poll(&mut [PollFd::new(&self.socket, PollFlags::OUT)], Some(&span));
        }
        let _: io::Result<()> = self.socket.finish();
    }
}

impl<R: End> Drop for Link<R> {
    fn drop(&mut self) {
        if !self.leaves_quietly {
            self.disconnect(Reason::BY_APPLICATION);
        }
    }
}

impl<R: End> fmt::Debug for Link<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("peer", &self.socket.peer_addr().ok()).finish_non_exhaustive()
    }
}
