//! Signs of life: `keepalive_config` and `keepalive_send`. While a call waits, they are asked for underneath.

use super::Session;
use crate::Error;
use core::time::Duration;
use sanssh_core::config::Keepalive;
use std::sync::{MutexGuard, PoisonError};
use std::time::Instant;

/// What the caller said, and when it was last heeded.
#[derive(Debug, Default)]
pub(crate) struct Keepalives {
    /// In seconds; 0 for none.
    interval: u32,
    sent: Option<Instant>,
}

/// No number of questions without an answer ends a session, as the documented one knows no such limit.
const EVER: u32 = u32::MAX;

impl Session {
    /// How often to ask the server for a sign of life, in seconds: 0, as at first, for never, and 1 counts as 2. From then
    /// on that is done while calls wait or are repeated, and by [`keepalive_send`](Self::keepalive_send).
    ///
    /// Whether the answer is wanted makes no difference here: it is always asked for, so that a line that is dead shows,
    /// and nobody waits for it.
    pub fn keepalive_config(&self, _want_reply: bool, interval: u32) {
        self.keepalives().interval = if interval == 1 { 2 } else { interval };
        if let Some(client) = self.shared.client.get() {
            client.set_keepalive(self.keepalive());
        }
    }

    /// Asks the server for a sign of life, if that is due; seconds until it is the next time, 0 if it never is. It waits
    /// for nothing.
    ///
    /// # Errors
    /// `SocketRecvError` without a connection, or what ended it.
    pub fn keepalive_send(&self) -> Result<u32, Error> {
        let mut keepalives = self.keepalives();
        if keepalives.interval == 0 {
            return Ok(0);
        }
        let (now, interval) = (Instant::now(), Duration::from_secs(keepalives.interval.into()));
        if let Some(sent) = keepalives.sent.filter(|sent| now.saturating_duration_since(*sent) < interval) {
            let left = interval.saturating_sub(now.saturating_duration_since(sent));
            return Ok(u32::try_from(left.as_secs()).unwrap_or(u32::MAX).max(1));
        }
        let client = self.note(self.client())?;
        self.note(client.tend().map_err(Error::from))?;
        client.ask_alive();
        keepalives.sent = Some(now);
        Ok(keepalives.interval)
    }

    fn keepalives(&self) -> MutexGuard<'_, Keepalives> {
        self.shared.keepalives.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same, as the protocol machine has it.
    pub(super) fn keepalive(&self) -> Keepalive {
        Keepalive { interval: Duration::from_secs(self.keepalives().interval.into()), count: EVER }
    }
}
