//! Strings one after the other to the end of the memory they stand in, as certificates and lists of keys have them.

use super::{Malformed, Reader};

/// Strings (RFC 4251 §5) one after the other, known to be well-formed.
#[derive(Debug, Clone, Copy)]
pub struct Strings<'a>(Reader<'a>);

impl<'a> Strings<'a> {
    /// Checks that strings, at most so many, and nothing else stand in `bytes`.
    pub fn decode(bytes: &'a [u8], most: usize) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let mut count = 0_usize;
        while !reader.is_empty() {
            reader.string()?;
            count = count.saturating_add(1);
        }
        if count > most { Err(Malformed) } else { Ok(Self(Reader::new(bytes))) }
    }
}

impl<'a> Iterator for Strings<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        self.0.string().ok()
    }
}
