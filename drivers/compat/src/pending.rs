//! What a call has begun and could not finish without waiting: it is kept with the object and under the call's arguments,
//! and goes on when the same call comes again.

use core::future::Future;
use core::pin::Pin;
use core::task::Poll;
use sanssh_std::{Client, Error as Below};
use std::fmt;
use std::sync::{Mutex, PoisonError};

type Operation<T> = Pin<Box<dyn Future<Output = Result<T, Below>> + Send>>;

/// The pending calls of one kind.
pub(crate) struct Slots<T> {
    calls: Mutex<Vec<(Box<str>, Operation<T>)>>,
}

impl<T> Slots<T> {
    pub(crate) const fn new() -> Self {
        Self { calls: Mutex::new(Vec::new()) }
    }

    /// Makes a call, or goes on with it. `key` names it and its arguments, as far as calls that differ in them may be
    /// pending at once. While `blocking` it waits for the end; otherwise `None` says that it would have to.
    pub(crate) fn run<F>(
        &self,
        client: &Client,
        blocking: bool,
        key: &str,
        begin: impl FnOnce() -> F,
    ) -> Option<Result<T, Below>>
    where
        F: Future<Output = Result<T, Below>> + Send + 'static,
    {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let at = calls.iter().position(|(other, _)| **other == *key);
        if blocking {
            let pending = at.map(|at| calls.swap_remove(at).1);
            // Others go on meanwhile.
            drop(calls);
            return Some(match pending {
                Some(operation) => client.block(operation),
                None => client.block(begin()),
            });
        }
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
