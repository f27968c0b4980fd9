//! The clock on the wall, for times that people read and write.

use std::env;
use std::time::SystemTime;
use tz::TimeZone;

/// The time now, in seconds since 1970.
#[must_use]
pub fn now() -> u64 {
    SystemTime::UNIX_EPOCH.elapsed().map_or(0, |span| span.as_secs())
}

/// Where it hangs; UTC if neither the environment nor the system says anything of one.
#[must_use]
pub fn zone() -> TimeZone {
    let name = env::var("TZ").unwrap_or_else(|_| "localtime".to_owned());
    TimeZone::from_posix_tz(&name).unwrap_or_else(|_| TimeZone::utc())
}
