//! What other threads hand to a loop: work, by a queue of fixed length, and the wish that it ends.

use core::fmt;
use core::sync::atomic::{AtomicBool, Ordering};
use mio::{Registry, Token, Waker};
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};

/// What other threads reach a [`Hub`](crate::Hub) by.
pub struct Handle<W> {
    queue: SyncSender<W>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    waker: Waker,
    stop: AtomicBool,
}

impl<W> Handle<W> {
    /// Hands over work, which [`Next::Work`](crate::Next::Work) gives to the loop's thread.
    ///
    /// # Errors
    /// The work itself, if as much waits as may, or the loop is gone.
    pub fn submit(&self, work: W) -> Result<(), W> {
        self.queue.try_send(work).map_err(|error| match error {
            std::sync::mpsc::TrySendError::Full(work) | std::sync::mpsc::TrySendError::Disconnected(work) => work,
        })?;
        self.wake();
        Ok(())
    }

    /// Has the loop end, as [`Hub::shut_down`](crate::Hub::shut_down) does.
    pub fn shut_down(&self) {
        self.shared.stop.store(true, Ordering::Release);
        self.wake();
    }

    fn wake(&self) {
        // A loop that cannot be woken is gone, or about to look.
        let _: io::Result<()> = self.shared.waker.wake();
    }
}

impl<W> Clone for Handle<W> {
    fn clone(&self) -> Self {
        Self { queue: self.queue.clone(), shared: Arc::clone(&self.shared) }
    }
}

impl<W> fmt::Debug for Handle<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("shared", &self.shared).finish_non_exhaustive()
    }
}

/// The loop's end of it.
#[derive(Debug)]
pub(super) struct Post<W> {
    queue: Receiver<W>,
    handle: Handle<W>,
    /// How much may wait, and how much is still taken before others have their turn.
    length: usize,
    left: usize,
}

impl<W> Post<W> {
    pub(super) fn new(registry: &Registry, token: Token, length: usize) -> io::Result<Self> {
        let (sender, queue) = sync_channel(length.max(1));
        let shared = Arc::new(Shared { waker: Waker::new(registry, token)?, stop: AtomicBool::new(false) });
        Ok(Self { queue, handle: Handle { queue: sender, shared }, length: length.max(1), left: 0 })
    }

    pub(super) fn handle(&self) -> Handle<W> {
        self.handle.clone()
    }

    /// Somebody rang.
    pub(super) const fn rung(&mut self) {
        self.left = self.length;
    }

    /// Whether something may wait.
    pub(super) const fn is_waiting(&self) -> bool {
        self.left > 0
    }

    /// What waits longest.
    pub(super) fn take(&mut self) -> Option<W> {
        self.left = self.left.checked_sub(1)?;
        match self.queue.try_recv() {
            Ok(work) => Some(work),
            Err(TryRecvError::Empty | TryRecvError::Disconnected) => {
                self.left = 0;
                None
            }
        }
    }

    /// Whether the loop is to end.
    pub(super) fn is_over(&self) -> bool {
        self.handle.shared.stop.load(Ordering::Acquire)
    }
}
