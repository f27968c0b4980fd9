//! Word of forwarded connections that have ended, for those who wait for nothing else: with a lock of its own, so that
//! whoever listens does not get in the way of a busy connection.

use std::sync::{Condvar, Mutex, PoisonError};

/// How often it has rung.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    count: Mutex<u64>,
    rung: Condvar,
}

impl Bell {
    pub(super) fn ring(&self) {
        *self.count.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.rung.notify_all();
    }

    /// Waits until it has rung other than `seen` times.
    pub(crate) fn wait(&self, seen: u64) -> u64 {
        let count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        *self.rung.wait_while(count, |count| *count == seen).unwrap_or_else(PoisonError::into_inner)
    }
}
