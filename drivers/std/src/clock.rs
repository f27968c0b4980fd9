//! The clocks: microseconds since a connection began, as the core counts them, which never go back; and the time of day,
//! by which keys and certificates expire.

use core::time::Duration;
use sanssh_core::Instant;
use std::env;
use std::path::Path;
use std::time::SystemTime;
use tz::TimeZone;

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

/// Seconds since 1970 in UTC; `None` if the clock stands before that.
pub(crate) fn seconds() -> Option<u64> {
    SystemTime::UNIX_EPOCH.elapsed().ok().map(|span| span.as_secs())
}

/// What the clock on the wall is ahead of UTC now, in seconds, if the system's settings make sense. Without any it shows
/// UTC, as it does to the C library.
pub(crate) fn offset() -> Option<i32> {
    if env::var_os("TZ").is_none() && !Path::new("/etc/localtime").exists() {
        return Some(0);
    }
    let zone = TimeZone::local().ok()?;
    zone.find_current_local_time_type().ok().map(|kind| kind.ut_offset())
}
