//! Lines: read from a stream that comes in pieces of any size, and written into lent space.
//! A line that lies in one piece is used where it lies.

use super::Error;
use crate::wire::{Sink, Writer};
use crate::{Output, Refused};
use core::fmt;

/// The longest line that is taken, without its end. Texts hold paths, which may be 4 KiB long; names are shorter.
pub const MAX_LINE: usize = 8 * 1024;

/// The longest text that is sent: OpenSSH reads no more than 2 KiB of a reply, and takes the rest for the next.
const MAX_TEXT: usize = 1024;

/// How much of a line waits in the memory that is lent.
#[derive(Debug)]
pub(super) struct Gather {
    held: usize,
}

/// Where a whole line is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Found<'a> {
    Whole(&'a [u8]),
    Gathered(usize),
}

impl<'a> Found<'a> {
    pub(super) fn bytes<'e>(self, memory: &'e [u8]) -> &'e [u8]
    where
        'a: 'e,
    {
        match self {
            Self::Whole(line) => line,
            Self::Gathered(length) => memory.get(..length).unwrap_or_default(),
        }
    }
}

impl Gather {
    pub(super) const fn new() -> Self {
        Self { held: 0 }
    }

    /// Whether nothing of a line is there.
    pub(super) const fn is_empty(&self) -> bool {
        self.held == 0
    }

    /// The first byte of the line, as soon as it is there.
    pub(super) fn first(&self, bytes: &[u8], memory: &[u8]) -> Option<u8> {
        if self.is_empty() { bytes.first().copied() } else { memory.first().copied() }
    }

    /// Takes a line off the front, without its end; `None` if it has not all come.
    pub(super) fn take<'a>(&mut self, bytes: &mut &'a [u8], memory: &mut [u8]) -> Result<Option<Found<'a>>, Error> {
        let limit = memory.len().min(MAX_LINE).saturating_sub(self.held);
        let end = bytes.iter().take(limit.saturating_add(1)).position(|byte| *byte == b'\n');
        let length = end.unwrap_or(bytes.len());
        let (line, rest) = bytes.split_at_checked(length).ok_or(Error::TooLong)?;
        if length > limit {
            return Err(Error::TooLong);
        }
        *bytes = rest.get(usize::from(end.is_some())..).unwrap_or_default();
        if self.is_empty() && end.is_some() {
            return Ok(Some(Found::Whole(line)));
        }
        let held = self.held.saturating_add(length);
        memory.get_mut(self.held..held).ok_or(Error::TooLong)?.copy_from_slice(line);
        self.held = if end.is_some() { 0 } else { held };
        Ok(end.map(|_| Found::Gathered(held)))
    }
}

/// Writes all of something, or nothing.
pub(super) fn put(output: &mut Output<'_>, with: impl FnOnce(&mut Writer<'_>)) -> Result<(), Refused> {
    let mut writer = Writer::new(output.vacant());
    with(&mut writer);
    let written = writer.written().ok_or(Refused::NoRoom)?;
    output.advance(written);
    Ok(())
}

/// Writes what is formatted; whether it fits, the sink remembers.
pub(super) fn format(sink: &mut impl Sink, what: fmt::Arguments<'_>) {
    struct Adapter<'s, S>(&'s mut S);
    impl<S: Sink> fmt::Write for Adapter<'_, S> {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0.put(text.as_bytes());
            Ok(())
        }
    }
    let _ = fmt::write(&mut Adapter(sink), what);
}

/// Writes a warning (1) or a goodbye (2). What would end the line early, or move a cursor, is replaced.
pub(super) fn put_text(sink: &mut impl Sink, kind: u8, text: &[u8]) {
    sink.u8(kind);
    sink.put(b"scp: ");
    for byte in text.iter().take(MAX_TEXT) {
        sink.u8(if byte.is_ascii_control() { b'?' } else { *byte });
    }
    sink.u8(b'\n');
}

#[cfg(test)]
mod tests {
    use super::{Error, Found, Gather, MAX_LINE};
    use alloc::vec;
    use alloc::vec::Vec;

    /// The lines that come of a stream in pieces of so many bytes, in memory of that size.
    fn lines(stream: &[u8], step: usize, memory: usize) -> Result<Vec<Vec<u8>>, Error> {
        let (mut gather, mut memory, mut lines) = (Gather::new(), vec![0; memory], Vec::new());
        for mut bytes in stream.chunks(step) {
            while let Some(found) = gather.take(&mut bytes, &mut memory)? {
                lines.push(found.bytes(&memory).to_vec());
            }
            assert!(bytes.is_empty());
        }
        assert!(gather.is_empty() == (stream.last() == Some(&b'\n')));
        Ok(lines)
    }

    #[test]
    fn pieces_of_any_size_give_the_same_lines() {
        let stream = b"one\n\ntwo three\nfour";
        for step in 1..=stream.len() {
            assert_eq!(lines(stream, step, 9).unwrap(), [&b"one"[..], b"", b"two three"], "{step}");
        }
    }

    #[test]
    fn the_limit_is_the_same_however_a_line_comes() {
        for step in [1, 2, 7, 99] {
            assert!(lines(b"1234567\n", step, 7).is_ok(), "{step}");
            assert_eq!(lines(b"12345678\n", step, 7), Err(Error::TooLong), "{step}");
            assert_eq!(lines(b"12345678", step, 7), Err(Error::TooLong), "{step}");
        }
        let longest = [&[b'x'; MAX_LINE][..], b"\n"].concat();
        assert!(lines(&longest, MAX_LINE + 1, MAX_LINE * 2).is_ok());
        assert!(lines(&[b"x", &longest[..]].concat(), MAX_LINE + 2, MAX_LINE * 2).is_err());
    }

    #[test]
    fn a_line_in_one_piece_is_not_copied() {
        let (mut bytes, mut memory) = (&b"a line\nrest"[..], [0; 16]);
        let place = bytes.as_ptr();
        let found = Gather::new().take(&mut bytes, &mut memory).unwrap().unwrap();
        assert!(matches!(found, Found::Whole(line) if line.as_ptr() == place));
        assert_eq!((bytes, memory), (&b"rest"[..], [0; 16]));
    }
}
