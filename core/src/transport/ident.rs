//! The identification exchange (RFC 4253 §4.2): lines before it from a server, one line from each side, all bounded.

use crate::crypto::schedule::Direction;
use crate::error::{Choice, Error, Refused, Violation};
use crate::role::Role;
use crate::{Input, Output};
use heapless::Vec;

/// "The maximum length of the string is 255 characters, including the Carriage Return and Line Feed."
const LONGEST_IDENT: usize = 255;
/// Longest line before the identification; with [`MOST_LINES`] and [`MOST_TEXT`], what OpenSSH's client puts up with.
const LONGEST_LINE: usize = 8192;
const MOST_LINES: u16 = 1024;
const MOST_TEXT: usize = 64 * 1024;

/// The peer's identification, and the count of what came before it.
#[derive(Debug, Default)]
pub(crate) struct Ident {
    line: Vec<u8, LONGEST_IDENT>,
    lines: u16,
    text: usize,
}

/// A line that was taken.
pub(crate) enum Line<'b> {
    /// The identification.
    Ident,
    /// Text before it.
    Text(&'b [u8]),
}

impl Ident {
    pub(crate) fn is_complete(&self) -> bool {
        !self.line.is_empty()
    }

    /// The line without its end.
    pub(crate) fn line(&self) -> &[u8] {
        &self.line
    }

    /// Takes one line off the input, if a whole one is there: the identification, or text before it.
    pub(crate) fn read<'b, R: Role>(&mut self, input: &mut Input<'b>) -> Result<Option<Line<'b>>, Error> {
        let bytes = input.peek();
        let end = bytes.iter().take(LONGEST_LINE).position(|byte| *byte == b'\n');
        let starts = bytes.iter().zip(b"SSH-").all(|(ours, theirs)| ours == theirs);
        let longest = if starts { LONGEST_IDENT } else { LONGEST_LINE };
        if R::SENDS == Direction::ToClient && !starts {
            return Err(Error::Malformed(None));
        }
        let Some(end) = end else {
            return if bytes.len() >= longest { Err(Violation::TooLong.into()) } else { Ok(None) };
        };
        if end >= longest {
            return Err(Violation::TooLong.into());
        }
        let line: &'b [u8] = input.take(end.saturating_add(1));
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if starts && line.starts_with(b"SSH-") {
            self.accept::<R>(line)?;
            return Ok(Some(Line::Ident));
        }
        self.count(line)?;
        Ok(Some(Line::Text(line)))
    }

    fn accept<R: Role>(&mut self, line: &[u8]) -> Result<(), Error> {
        let legacy = R::SENDS == Direction::ToServer && line.starts_with(b"SSH-1.99-");
        if !line.starts_with(b"SSH-2.0-") && !legacy {
            return Err(Error::Incompatible(Choice::Version));
        }
        if line.iter().any(u8::is_ascii_control) {
            return Err(Error::Malformed(None));
        }
        self.line = Vec::from_slice(line).map_err(|_| Violation::TooLong)?;
        Ok(())
    }

    fn count(&mut self, line: &[u8]) -> Result<(), Error> {
        self.lines = self.lines.saturating_add(1);
        self.text = self.text.saturating_add(line.len());
        if self.lines >= MOST_LINES || self.text > MOST_TEXT {
            return Err(Violation::TooMany.into());
        }
        Ok(())
    }
}

const PROTOCOL: &[u8] = b"SSH-2.0-";

/// Our line, in parts: without its end for the exchange hash, with it for the wire.
pub(crate) fn ours(software: &str) -> Vec<u8, LONGEST_IDENT> {
    let software = software.bytes().filter(u8::is_ascii_graphic);
    PROTOCOL.iter().copied().chain(software).take(LONGEST_IDENT.saturating_sub(2)).collect()
}

/// Writes our identification.
pub(crate) fn write(software: &str, output: &mut Output<'_>) -> Result<(), Refused> {
    let line = ours(software);
    let total = line.len().saturating_add(2);
    let place = output.vacant().get_mut(..total).ok_or(Refused::NoRoom)?;
    for (to, from) in place.iter_mut().zip(line.iter().chain(b"\r\n")) {
        *to = *from;
    }
    output.advance(total);
    Ok(())
}
