//! Time as an input: instants in microseconds from any origin, and the table of deadlines.

use core::time::Duration;

/// Microseconds since an origin that the embedder chose and keeps for the life of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Instant(pub u64);

impl Instant {
    /// This instant, later by `span`, or the end of time.
    #[must_use]
    pub fn after(self, span: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(span.as_micros()).unwrap_or(u64::MAX)))
    }

    /// How long from `earlier` to this instant; zero if it is not later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

/// What can be waited for, and given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Phase {
    /// Identification and the first key exchange.
    Handshake,
    /// From the first byte to a successful login.
    Login,
    /// A later key exchange.
    Rekey,
    /// An answer to keepalives.
    Keepalive,
    /// The peer's half of a close.
    Close,
}

/// The timers of a connection; the first five are deadlines, the others are appointments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Timer {
    Handshake,
    Login,
    Rekey,
    Keepalive,
    Close,
    /// A rekey is due by age.
    RekeyDue,
    /// A withheld authentication failure may go out.
    Failure,
}

const TIMERS: usize = Timer::Failure as usize + 1;

/// One instant per timer, or the end of time for none.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timers([Instant; TIMERS]);

const NEVER: Instant = Instant(u64::MAX);

impl Default for Timers {
    fn default() -> Self {
        Self([NEVER; TIMERS])
    }
}

impl Timers {
    pub(crate) fn set(&mut self, timer: Timer, at: Instant) {
        self.0[timer as usize] = at;
    }

    pub(crate) fn clear(&mut self, timer: Timer) {
        self.set(timer, NEVER);
    }

    pub(crate) fn take(&mut self, timer: Timer) -> Option<Instant> {
        let at = self.get(timer);
        self.clear(timer);
        at
    }

    pub(crate) fn get(&self, timer: Timer) -> Option<Instant> {
        Some(self.0[timer as usize]).filter(|at| *at != NEVER)
    }

    /// The earliest of all.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.0.iter().min().copied().filter(|at| *at != NEVER)
    }

    /// Whether the timer has run out; a timer that did is cleared.
    pub(crate) fn fired(&mut self, timer: Timer, now: Instant) -> bool {
        let fired = self.get(timer).is_some_and(|at| at <= now);
        if fired {
            self.clear(timer);
        }
        fired
    }
}
