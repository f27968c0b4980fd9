//! The caller's clock.

use sanssh_core::Instant;

/// What time it is, and what to do while nothing happens. A closure that tells the time is a clock that waits by asking
/// again and again.
pub trait Clock {
    /// Microseconds since an origin that stays the same.
    fn now(&mut self) -> Instant;

    /// Nothing can be read or written now: sleeps until that may have changed, and no longer than until `until`.
    fn idle(&mut self, until: Option<Instant>) {
        let _ = until;
        core::hint::spin_loop();
    }
}

impl<F: FnMut() -> Instant> Clock for F {
    fn now(&mut self) -> Instant {
        self()
    }
}
