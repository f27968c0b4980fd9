//! The clock: microseconds since a connection began, as the core counts them. It never goes back.

use core::time::Duration;
use sanssh_core::Instant;

/// Counts from its making.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock(std::time::Instant);

impl Clock {
    pub(crate) fn start() -> Self {
        Self(std::time::Instant::now())
    }

    pub(crate) fn now(&self) -> Instant {
        Instant(u64::try_from(self.0.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    /// When a wait that may take so long is over; `None` for one that may take forever.
    pub(crate) fn until(&self, span: Option<Duration>) -> Option<Instant> {
        span.map(|span| self.now().after(span))
    }
}
