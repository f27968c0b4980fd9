//! What a connection needs of the operating system besides its socket: a clock, and randomness for a seed.

use sanssh_core::{Instant, Seed};
use std::io;
use std::time;
use zeroize::Zeroizing;

/// Counts microseconds from its making, as the core does; never back. Links of one loop share one.
#[derive(Debug, Clone, Copy)]
pub struct Clock(time::Instant);

impl Clock {
    /// From now on.
    #[must_use]
    pub fn start() -> Self {
        Self(time::Instant::now())
    }

    /// What it shows.
    #[must_use]
    pub fn now(&self) -> Instant {
        Instant(u64::try_from(self.0.elapsed().as_micros()).unwrap_or(u64::MAX))
    }
}

/// A fresh seed. A source that leaves the bytes as they were has given nothing, whatever it says.
pub(crate) fn seed() -> io::Result<Seed> {
    let mut bytes = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *bytes).map_err(io::Error::other)?;
    if *bytes == [0; 32] {
        return Err(io::Error::other("no randomness"));
    }
    Ok(Seed::new(*bytes))
}
