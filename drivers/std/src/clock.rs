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
    let name = env::var_os("TZ").map_or_else(|| Some("localtime".to_owned()), |name| name.into_string().ok())?;
    if name.is_empty() || name == "localtime" && !Path::new("/etc/localtime").exists() {
        return Some(0);
    }
    offset_in(&name)
}

/// The same in a zone, by its name or its rule; `localtime` is the system's.
fn offset_in(zone: &str) -> Option<i32> {
    let zone = TimeZone::from_posix_tz(zone).ok()?;
    zone.find_current_local_time_type().ok().map(|kind| kind.ut_offset())
}

#[cfg(test)]
mod tests {
    use super::offset_in;

    #[test]
    fn zones_by_their_rules() {
        assert_eq!(
            [offset_in("UTC0"), offset_in("<+0530>-5:30"), offset_in("EST5")],
            [Some(0), Some(19_800), Some(-18_000)]
        );
        assert_eq!([offset_in(""), offset_in("Nowhere")], [None, None]);
    }
}
