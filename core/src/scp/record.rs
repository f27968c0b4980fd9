//! What a source sends besides the bytes of files: one line each, for a file (`C`), a directory (`D`), its end (`E`), and
//! the times (`T`) of what comes next. Numbers are strict: digits and nothing else.

use super::Error;
use super::line::format;
use crate::sftp::path;
use crate::wire::Sink;

/// All bits of a mode.
pub(super) const MODE: u32 = 0o7777;

/// The bits that say who may do what.
pub(super) const ACCESS: u32 = 0o777;

/// A point in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp {
    /// Seconds since 1970.
    pub seconds: u64,
    /// Microseconds behind them, below a million.
    pub micros: u32,
}

/// When something was changed and read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// When it was changed.
    pub modified: Stamp,
    /// When it was read.
    pub accessed: Stamp,
}

/// A line of a source's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Record<'a> {
    File {
        mode: u32,
        size: u64,
        name: &'a [u8],
    },
    Directory {
        mode: u32,
        name: &'a [u8],
    },
    Leave,
    Times(Times),
    /// Something is not sent.
    Warning(&'a [u8]),
    /// Nothing more is.
    Abort(&'a [u8]),
}

impl<'a> Record<'a> {
    /// Whether a line may begin like this.
    pub(super) const fn may_begin(byte: u8) -> bool {
        matches!(byte, b'C' | b'D' | b'E' | b'T' | 1 | 2)
    }

    /// Reads a line without its end.
    pub(super) fn read(line: &'a [u8]) -> Result<Self, Error> {
        match line.split_first().ok_or(Error::Malformed)? {
            (b'C', rest) => entry(rest).map(|(mode, size, name)| Self::File { mode, size, name }),
            // OpenSSH writes 0 for the size of a directory, and it says nothing.
            (b'D', rest) => entry(rest).map(|(mode, _, name)| Self::Directory { mode, name }),
            (b'E', []) => Ok(Self::Leave),
            (b'T', rest) => times(rest).map(Self::Times),
            (1, text) => Ok(Self::Warning(text)),
            (2, text) => Ok(Self::Abort(text)),
            _ => Err(Error::Malformed),
        }
    }

    /// Writes a record of files, directories and times with its end.
    pub(super) fn write(&self, sink: &mut impl Sink) {
        let mut head = |kind: char, mode: u32, size: u64, name: &[u8]| {
            format(sink, format_args!("{kind}{:04o} {size} ", mode & MODE));
            sink.put(name);
            sink.u8(b'\n');
        };
        match *self {
            Self::File { mode, size, name } => head('C', mode, size, name),
            Self::Directory { mode, name } => head('D', mode, 0, name),
            Self::Leave => sink.put(b"E\n"),
            Self::Times(Times { modified, accessed }) => format(
                sink,
                format_args!("T{} {} {} {}\n", modified.seconds, modified.micros, accessed.seconds, accessed.micros),
            ),
            Self::Warning(text) => super::line::put_text(sink, 1, text),
            Self::Abort(text) => super::line::put_text(sink, 2, text),
        }
    }
}

/// Mode, size and name, as `C` and `D` have them.
fn entry(rest: &[u8]) -> Result<(u32, u64, &[u8]), Error> {
    let (mode, rest) = split(rest).ok_or(Error::Mode)?;
    let (size, name) = split(rest).ok_or(Error::Size)?;
    if mode.len() != 4 || !mode.iter().all(|digit| matches!(digit, b'0'..=b'7')) {
        return Err(Error::Mode);
    }
    let mode = mode.iter().fold(0, |mode: u32, digit| (mode << 3) | u32::from(digit & 7));
    // As large as a file can be that any system knows.
    let size = number(size).filter(|size| i64::try_from(*size).is_ok()).ok_or(Error::Size)?;
    if is_name(name) { Ok((mode, size, name)) } else { Err(Error::Name) }
}

fn times(rest: &[u8]) -> Result<Times, Error> {
    let (mut rest, mut fields) = (Some(rest), [0; 4]);
    for field in &mut fields {
        let all = rest.ok_or(Error::Times)?;
        let (digits, tail) = split(all).map_or((all, None), |(digits, tail)| (digits, Some(tail)));
        *field = number(digits).filter(|number| i64::try_from(*number).is_ok()).ok_or(Error::Times)?;
        rest = tail;
    }
    let [modified, modified_micros, accessed, accessed_micros] = fields;
    let stamp = |seconds, micros| {
        let micros = u32::try_from(micros).ok().filter(|micros| *micros < 1_000_000).ok_or(Error::Times)?;
        Ok(Stamp { seconds, micros })
    };
    if rest.is_some() {
        return Err(Error::Times);
    }
    Ok(Times { modified: stamp(modified, modified_micros)?, accessed: stamp(accessed, accessed_micros)? })
}

/// What stands before the first blank, and behind it.
fn split(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let (head, tail) = line.split_at_checked(line.iter().position(|byte| *byte == b' ')?)?;
    Some((head, tail.get(1..)?))
}

/// A decimal number of at least one digit and no sign.
fn number(digits: &[u8]) -> Option<u64> {
    let add = |number: u64, digit: &u8| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit & 15))?;
        number.checked_mul(10)?.checked_add(digit)
    };
    if digits.is_empty() { None } else { digits.iter().try_fold(0, add) }
}

/// Whether this names something in the directory at hand, and can stand in a record.
#[must_use]
pub fn is_name(name: &[u8]) -> bool {
    path::name(name).is_some() && !name.contains(&b'\n')
}

#[cfg(test)]
mod tests {
    use super::{Error, Record, Stamp, Times};
    use crate::wire::Writer;

    fn written<'s>(record: &Record<'_>, space: &'s mut [u8]) -> &'s [u8] {
        let mut writer = Writer::new(space);
        record.write(&mut writer);
        writer.finish().unwrap()
    }

    #[test]
    fn what_is_written_is_read() {
        let stamp = |seconds, micros| Stamp { seconds, micros };
        let times = Times { modified: stamp(1_183_828_267, 0), accessed: stamp(1, 999_999) };
        for (record, line) in [
            (Record::File { mode: 0o644, size: 299, name: b"a file" }, &b"C0644 299 a file"[..]),
            (Record::File { mode: 0o4755, size: i64::MAX as u64, name: b"-x" }, b"C4755 9223372036854775807 -x"),
            (Record::Directory { mode: 0o755, name: b"d" }, b"D0755 0 d"),
            (Record::Leave, b"E"),
            (Record::Times(times), b"T1183828267 0 1 999999"),
        ] {
            let mut space = [0; 64];
            assert_eq!(written(&record, &mut space), [line, b"\n"].concat());
            assert_eq!(Record::read(line), Ok(record));
        }
        assert_eq!(Record::read(b"\x01no"), Ok(Record::Warning(b"no")));
        assert_eq!(Record::read(b"\x02"), Ok(Record::Abort(b"")));
    }

    #[test]
    fn numbers_are_digits_and_nothing_else() {
        for (line, error) in [
            (&b"C0644 -1 x"[..], Error::Size),
            (b"C0644 +1 x", Error::Size),
            (b"C0644 9223372036854775808 x", Error::Size),
            (b"C0644 18446744073709551616 x", Error::Size),
            (b"C0644 12x y", Error::Size),
            (b"C0644  x", Error::Size),
            (b"C0644 1", Error::Size),
            (b"C0999 1 x", Error::Mode),
            (b"C99999 1 x", Error::Mode),
            (b"C00644 1 x", Error::Mode),
            (b"C644 1 x", Error::Mode),
            (b"C", Error::Mode),
            (b"T", Error::Times),
            (b"T1 0 1", Error::Times),
            (b"T1 0 1 0 ", Error::Times),
            (b"T1 0 1 0 5", Error::Times),
            (b"T1 0 1 1000000", Error::Times),
            (b"T-1 0 1 0", Error::Times),
            (b"T1  0 1 0", Error::Times),
            (b"T9223372036854775808 0 1 0", Error::Times),
            (b"E ", Error::Malformed),
            (b"", Error::Malformed),
            (b"\0", Error::Malformed),
            (b"C0644 0 ", Error::Name),
            (b"D0755 0 ..", Error::Name),
        ] {
            assert_eq!(Record::read(line), Err(error), "{:?}", line.escape_ascii());
        }
    }

    #[test]
    fn texts_are_one_line() {
        let mut space = [0; 2048];
        assert_eq!(written(&Record::Warning(b"a\nb\x1b[2J"), &mut space), b"\x01scp: a?b?[2J\n");
        assert!(written(&Record::Abort(&[b'x'; 5000]), &mut space).len() < 1100);
    }
}
