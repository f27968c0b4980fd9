//! Times as certificates are asked for and shown: on the clock on the wall, or in UTC with a `Z`.

use sanssh_examples::clock::{now, zone};
use sanssh_std::ssh_config::value::span;
use tz::{DateTime, TimeZone, UtcDateTime};

/// From when and up to when something is valid, in seconds since 1970; `u64::MAX` is for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Interval {
    pub(crate) from: u64,
    pub(crate) to: u64,
}

impl Default for Interval {
    fn default() -> Self {
        Self { from: 0, to: u64::MAX }
    }
}

impl Interval {
    /// Reads `+TIME` or `FROM:TO`.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        Self::read_at(text, now(), &zone())
    }

    fn read_at(text: &str, now: u64, zone: &TimeZone) -> Result<Self, String> {
        let interval = match text.split_once(':') {
            // A minute back, for clocks that are behind.
            None if text.starts_with('+') => Self { from: now.saturating_sub(59) / 60 * 60, to: relative(text, now)? },
            None => return Err(format!("\"{text}\" is neither +TIME nor FROM:TO")),
            Some((from, to)) => Self {
                from: if from == "always" { 0 } else { moment(from, now, zone)? },
                to: if to == "forever" { u64::MAX } else { moment(to, now, zone)? },
            },
        };
        if interval.from < interval.to { Ok(interval) } else { Err(format!("\"{text}\" is never")) }
    }

    /// As people read it.
    pub(crate) fn shown(self) -> String {
        let zone = zone();
        match (self.from, self.to) {
            (0, u64::MAX) => "forever".to_owned(),
            (0, to) => format!("before {}", shown(to, &zone)),
            (from, u64::MAX) => format!("after {}", shown(from, &zone)),
            (from, to) => format!("from {} to {}", shown(from, &zone), shown(to, &zone)),
        }
    }
}

fn moment(text: &str, now: u64, zone: &TimeZone) -> Result<u64, String> {
    let time = match text.as_bytes() {
        [b'+' | b'-', ..] => return relative(text, now),
        [b'0', b'x', ..] => u64::from_str_radix(&text[2..], 16).ok(),
        _ => calendar(text, zone),
    };
    time.ok_or_else(|| format!("\"{text}\" is no time; write YYYYMMDD, YYYYMMDDHHMM or YYYYMMDDHHMMSS, or +1d"))
}

fn relative(text: &str, now: u64) -> Result<u64, String> {
    let back = text.starts_with('-');
    let span = span(&text[1..])?.as_secs();
    let time = if back { now.checked_sub(span) } else { now.checked_add(span) };
    time.ok_or_else(|| format!("\"{text}\" is out of bounds"))
}

fn calendar(text: &str, zone: &TimeZone) -> Option<u64> {
    let digits = text.strip_suffix('Z').unwrap_or(text);
    if !matches!(digits.len(), 8 | 12 | 14) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let pair = |at: usize| digits.get(at..at + 2).map_or(Some(0), |pair| pair.parse().ok());
    let year = digits.get(..4)?.parse().ok()?;
    let (month, day, hour, minute, second) = (pair(4)?, pair(6)?, pair(8)?, pair(10)?, pair(12)?);
    let time = if digits.len() < text.len() {
        UtcDateTime::new(year, month, day, hour, minute, second, 0).ok()?.unix_time()
    } else {
        DateTime::find(year, month, day, hour, minute, second, 0, zone.as_ref()).ok()?.earliest()?.unix_time()
    };
    time.try_into().ok()
}

fn shown(time: u64, zone: &TimeZone) -> String {
    let read = i64::try_from(time).ok().and_then(|time| DateTime::from_timespec(time, 0, zone.as_ref()).ok());
    let Some(read) = read else { return format!("{time} s after 1970") };
    let (date, clock) = ((read.year(), read.month(), read.month_day()), (read.hour(), read.minute(), read.second()));
    format!("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", date.0, date.1, date.2, clock.0, clock.1, clock.2)
}

#[cfg(test)]
mod tests {
    use super::{Interval, shown};
    use tz::TimeZone;

    const NOW: u64 = 1_900_000_000;

    #[test]
    fn intervals() {
        let zone = TimeZone::from_posix_tz("<+02>-2").unwrap();
        for (text, from, to) in [
            ("+1d", 1_899_999_900, NOW + 86_400),
            ("-1w:+2h", NOW - 604_800, NOW + 7200),
            ("always:forever", 0, u64::MAX),
            ("20300101:20300101Z", 1_893_448_800, 1_893_456_000),
            ("202402292359Z:20240301000001Z", 1_709_251_140, 1_709_251_201),
            ("0x10:0xff", 16, 255),
        ] {
            assert_eq!(Interval::read_at(text, NOW, &zone), Ok(Interval { from, to }), "{text}");
        }
        for text in [
            "",
            "1d",
            "+5x",
            "+",
            "20300101",
            "forever:always",
            "20300101:20300101",
            "20301301:forever",
            "20300230:forever",
            ":forever",
            "always:",
            "2030:forever",
            "+1d:-1d",
            "-99999999w:forever",
            "+99999999999999999w",
            "0xg:forever",
            "+\u{e4}:forever",
            "0x\u{e4}:forever",
        ] {
            let error = Interval::read_at(text, NOW, &zone).unwrap_err();
            assert!(!error.contains('\n'), "{text}: {error}");
        }
    }

    #[test]
    fn times_are_shown_as_on_the_wall() {
        assert_eq!(shown(1_893_456_000, &TimeZone::utc()), "2030-01-01T00:00:00");
        assert_eq!(shown(1_893_456_000, &TimeZone::from_posix_tz("<+02>-2").unwrap()), "2030-01-01T02:00:00");
        assert_eq!(shown(u64::MAX - 1, &TimeZone::utc()), "18446744073709551614 s after 1970");
        assert_eq!(Interval::default().shown(), "forever");
    }
}
