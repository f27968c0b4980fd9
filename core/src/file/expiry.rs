//! Until when a line counts (sshd(8), `expiry-time`): calendar times in UTC, or on the server's own clock on the wall.

/// The time after which something does not count any more. Where there are several, the first decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Expiry {
    /// In seconds since 1970 in UTC.
    pub utc: Option<u64>,
    /// In seconds since 1970 on the wall.
    pub local: Option<u64>,
}

/// The clock on the wall that is furthest ahead of UTC, in seconds.
const FURTHEST_EAST: i32 = 14 * 3600;

/// Days of a year before each month, February having 28.
const BEFORE: [u64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];

impl Expiry {
    /// Reads `YYYYMMDD`, `YYYYMMDDHHMM` or `YYYYMMDDHHMMSS`; a `Z` or `UTC` behind it says that it is UTC.
    pub(super) fn read(text: &[u8]) -> Option<Self> {
        let utc = [&b"Z"[..], b"UTC"].into_iter().find_map(|zone| {
            let (digits, end) = text.split_at_checked(text.len().checked_sub(zone.len())?)?;
            (end.eq_ignore_ascii_case(zone) && !digits.is_empty()).then_some(digits)
        });
        // The very first second means "never" to those who keep it in one number.
        let time = seconds(utc.unwrap_or(text)).filter(|time| *time > 0);
        Some(if utc.is_some() {
            Self { utc: Some(time?), local: None }
        } else {
            Self { utc: None, local: Some(time?) }
        })
    }

    /// Adds another time, which may be the sooner.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let sooner = |a: Option<u64>, b: Option<u64>| a.into_iter().chain(b).min();
        Self { utc: sooner(self.utc, other.utc), local: sooner(self.local, other.local) }
    }

    /// Whether it is over at `now`, in seconds since 1970 in UTC. `offset` is what the clock on the wall is ahead of UTC, in
    /// seconds; if that is not known, a time on the wall is over as soon as it is so anywhere.
    pub fn is_over(&self, now: u64, offset: Option<i32>) -> bool {
        let wall = now.saturating_add_signed(offset.unwrap_or(FURTHEST_EAST).into());
        self.utc.is_some_and(|end| now > end) || self.local.is_some_and(|end| wall > end)
    }
}

/// Seconds since 1970. Days beyond a month's end are those of the next, and a minute has room for leap seconds.
fn seconds(text: &[u8]) -> Option<u64> {
    if !matches!(text.len(), 8 | 12 | 14) {
        return None;
    }
    let (year, rest) = text.split_at_checked(4)?;
    let mut pairs = rest.chunks_exact(2).map(number);
    let year = number(year)?;
    let (month, day) = (pairs.next()??, pairs.next()??);
    let mut clock = || pairs.next().unwrap_or(Some(0));
    let (hour, minute, second) = (clock()?, clock()?, clock()?);
    let lawful = year >= 1970 && (1..=31).contains(&day) && hour < 24 && minute < 60 && second < 62;
    let before = BEFORE.get(usize::try_from(month.checked_sub(1)?).ok()?).filter(|_| lawful)?;
    let leaps = |year: u64| year / 4 - year / 100 + year / 400;
    // This year's leap day is over from March on.
    let leap_days = leaps(if month > 2 { year } else { year - 1 }) - leaps(1969);
    let days = (year - 1970) * 365 + leap_days + before + day - 1;
    Some(((days * 24 + hour) * 60 + minute) * 60 + second)
}

fn number(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0, |number: u64, byte| Some(number * 10 + u64::from(char::from(*byte).to_digit(10)?)))
}

#[cfg(test)]
mod tests {
    use super::Expiry;

    #[test]
    fn calendar_times() {
        // As `date -u -d ... +%s` says.
        for (text, seconds) in [
            ("20300101Z", 1_893_456_000),
            ("20000229Z", 951_782_400),
            ("20000301z", 951_868_800),
            ("21000301UTC", 4_107_542_400),
            ("202402292359Z", 1_709_251_140),
            ("19700101000001utc", 1),
            ("99991231235959Z", 253_402_300_799),
            // The third of March.
            ("20300231Z", 1_898_726_400),
            // The next minute.
            ("20300101000060Z", 1_893_456_060),
        ] {
            let expected = Expiry { utc: Some(seconds), local: None };
            assert_eq!(Expiry::read(text.as_bytes()), Some(expected), "{text}");
            let wall = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
            let expected = Expiry { utc: None, local: Some(seconds) };
            assert_eq!(Expiry::read(wall.as_bytes()), Some(expected), "{wall}");
        }
    }

    #[test]
    fn what_is_no_time() {
        for text in [
            "",
            "Z",
            "UTC",
            "2030",
            "2030010",
            "203001011",
            "20301301",
            "20300001",
            "20300132",
            "20300100",
            "2030-1-1",
            "203001012400",
            "203001010060",
            "20300101000062",
            "20300101GMT",
            " 20300101",
            "+0300101",
            "19691231",
            "19700101Z",
            "20300101ZZ",
            "2030010100000000",
        ] {
            assert_eq!(Expiry::read(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn the_soonest_time_decides() {
        let read = |text: &str| Expiry::read(text.as_bytes()).unwrap();
        assert!(!Expiry::default().is_over(u64::MAX, None));
        let (soon, late) = (read("20300101Z"), read("20310101Z"));
        let end = soon.utc.unwrap();
        for both in [soon.and(late), late.and(soon), soon.and(Expiry::default())] {
            assert!(!both.is_over(end, None) && both.is_over(end + 1, None));
        }
    }

    #[test]
    fn the_wall_has_its_own_time() {
        let wall = Expiry::read(b"20300101").unwrap();
        let end = wall.local.unwrap();
        for (offset, end) in [(Some(0), end), (Some(3600), end - 3600), (Some(-3600), end + 3600)] {
            assert!(!wall.is_over(end, offset) && wall.is_over(end + 1, offset));
        }
        assert!(wall.is_over(end - 13 * 3600, None), "it may be later than one thinks");
    }
}
