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

/// What the clock on the wall is ahead of UTC now, in seconds, if the system's settings make sense.
pub(crate) fn offset() -> Option<i32> {
    zone().as_ref().and_then(offset_in)
}

/// The clock on the wall, if the system's settings make sense. Without any it shows UTC, as it does to the C library.
pub(crate) fn zone() -> Option<TimeZone> {
    let name = env::var_os("TZ").map_or_else(|| Some("localtime".to_owned()), |name| name.into_string().ok())?;
    if name.is_empty() || name == "localtime" && !Path::new("/etc/localtime").exists() {
        return Some(TimeZone::utc());
    }
    zone_named(&name)
}

/// A zone by its name or its rule; `localtime` is the system's.
fn zone_named(name: &str) -> Option<TimeZone> {
    TimeZone::from_posix_tz(name).ok()
}

fn offset_in(zone: &TimeZone) -> Option<i32> {
    zone.find_current_local_time_type().ok().map(|kind| kind.ut_offset())
}

#[cfg(test)]
mod tests {
    use super::{offset_in, zone_named};

    #[test]
    fn zones_by_their_rules() {
        let offset_in = |name| zone_named(name).as_ref().and_then(offset_in);
        assert_eq!(
            [offset_in("UTC0"), offset_in("<+0530>-5:30"), offset_in("EST5")],
            [Some(0), Some(19_800), Some(-18_000)]
        );
        assert_eq!([offset_in(""), offset_in("Nowhere")], [None, None]);
    }
}
