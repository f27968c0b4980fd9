//! What a call has begun and could not finish without waiting: it is kept with the object and under the call's arguments,
//! and goes on when the same call comes again.

use core::future::{Future, poll_fn};
use core::pin::Pin;
use core::task::Poll;
use sanssh_std::{Client, Error as Below};
use std::fmt;
use std::sync::{Mutex, PoisonError};

type Operation<T> = Pin<Box<dyn Future<Output = Result<T, Below>> + Send>>;

/// How long a call may wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waits {
    Never,
    /// As long as the connection's calls may.
    Awhile,
    Forever,
}

/// The pending calls of one kind.
pub(crate) struct Slots<T> {
    calls: Mutex<Vec<(Box<str>, Operation<T>)>>,
}

impl<T> Slots<T> {
    pub(crate) const fn new() -> Self {
        Self { calls: Mutex::new(Vec::new()) }
    }

    /// Makes a call, or goes on with it. `key` names it and its arguments, as far as calls that differ in them may be
    /// pending at once. `None` says that it would have to wait. One that has waited for too long can be gone on with.
    pub(crate) fn run<F>(
        &self,
        client: &Client,
        waits: Waits,
        key: &str,
        begin: impl FnOnce() -> F,
    ) -> Option<Result<T, Below>>
    where
        F: Future<Output = Result<T, Below>> + Send + 'static,
    {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let at = calls.iter().position(|(other, _)| **other == *key);
        if waits == Waits::Never {
            return self.advance(client, &mut calls, at, key, begin);
        }
        let pending = at.map(|at| calls.swap_remove(at).1);
        // Others go on meanwhile.
        drop(calls);
        match (pending, waits) {
            (None, Waits::Forever | Waits::Never) => Some(client.block(begin())),
            (pending, _) => Some(self.block(client, key, pending.unwrap_or_else(|| Box::pin(begin())))),
        }
    }

    fn block(&self, client: &Client, key: &str, mut operation: Operation<T>) -> Result<T, Below> {
        let mut done = false;
        let outcome = client.block(poll_fn(|context| {
            let polled = operation.as_mut().poll(context);
            done = polled.is_ready();
            polled
        }));
        if !done && matches!(outcome, Err(Below::TimedOut(_))) {
            self.calls.lock().unwrap_or_else(PoisonError::into_inner).push((key.into(), operation));
        }
        outcome
    }

    fn advance<F>(
        &self,
        client: &Client,
        calls: &mut Vec<(Box<str>, Operation<T>)>,
        at: Option<usize>,
        key: &str,
        begin: impl FnOnce() -> F,
    ) -> Option<Result<T, Below>>
    where
        F: Future<Output = Result<T, Below>> + Send + 'static,
    {
        let at = at.unwrap_or_else(|| {
            calls.push((key.into(), Box::pin(begin())));
            calls.len() - 1
        });
        match client.advance(calls[at].1.as_mut()) {
            Poll::Pending => None,
            Poll::Ready(outcome) => {
                drop(calls.swap_remove(at));
                Some(outcome)
            }
        }
    }

    /// Whether this call is pending.
    pub(crate) fn holds(&self, key: &str) -> bool {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).iter().any(|(other, _)| **other == *key)
    }

    /// Whether nothing is pending.
    pub(crate) fn is_empty(&self) -> bool {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Lets go of what is pending but for `key`.
    pub(crate) fn forget_others(&self, key: &str) {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let (kept, gone): (Vec<_>, Vec<_>) = calls.drain(..).partition(|(other, _)| **other == *key);
        *calls = kept;
        drop(calls);
        drop(gone);
    }
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for Slots<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let calls = self.calls.try_lock().map(|calls| calls.len());
        f.debug_struct("Slots").field("pending", &calls.ok()).finish()
    }
}
