//! What became of the connections of one forwarding: numbers to look at and failures to fetch, at any time and from any
//! thread.

use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// Failures that are kept; older ones give way.
const MOST_FAILURES: usize = 64;

/// How many connections there were.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Connections that came.
    pub accepted: u64,
    /// Of those, the ones that are joined now.
    pub open: usize,
    /// Of those, the ones that led nowhere: [`failures`](crate::LocalForward::failures) tell why.
    pub failed: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Tally {
    accepted: AtomicU64,
    open: AtomicUsize,
    failed: AtomicU64,
    failures: Mutex<VecDeque<String>>,
}

impl Tally {
    pub(super) fn accept(&self) {
        self.accepted.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn fail(&self, why: String) {
        self.failed.fetch_add(1, Ordering::Relaxed);
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.len() >= MOST_FAILURES {
            failures.pop_front();
        }
        failures.push_back(why);
    }

    pub(crate) fn failures(&self) -> Vec<String> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).drain(..).collect()
    }

    pub(crate) fn counts(&self) -> Counts {
        Counts {
            accepted: self.accepted.load(Ordering::Relaxed),
            open: self.open.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
        }
    }
}

/// A connection that is joined, for as long as it is.
#[derive(Debug)]
pub(super) struct Seat(Arc<Tally>);

impl Seat {
    pub(super) fn of(tally: &Arc<Tally>) -> Self {
        tally.open.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(tally))
    }

    pub(super) const fn tally(&self) -> &Arc<Tally> {
        &self.0
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}
