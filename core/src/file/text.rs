//! Text as these files have it: lines, words, Base64. Files are bytes, for nobody promises that comments are UTF-8.

use crate::wire::Malformed;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use base64ct::{Base64, Encoding};
use zeroize::Zeroizing;

/// The longest line that is looked at. The largest RSA key takes under 3 KiB; the rest is for names and options.
pub(super) const MAX_LINE: usize = 64 * 1024;

/// Lines with their numbers, from 1, without line ends of either kind and without leading blanks.
pub(super) fn lines(text: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    text.split(|byte| *byte == b'\n').zip(1..).map(|(line, number)| {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        (number, skip_blanks(line))
    })
}

/// Whether a line without leading blanks says nothing.
pub(super) fn is_idle(line: &[u8]) -> bool {
    matches!(line.first(), None | Some(b'#'))
}

/// The first word, and what follows the blanks behind it.
pub(super) fn word(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(is_blank).unwrap_or(text.len());
    let (word, rest) = text.split_at_checked(end).unwrap_or((text, &[]));
    (word, skip_blanks(rest))
}

pub(super) fn skip_blanks(text: &[u8]) -> &[u8] {
    let start = text.iter().position(|byte| !is_blank(byte)).unwrap_or(text.len());
    text.get(start..).unwrap_or_default()
}

pub(super) const fn is_blank(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// Decodes Base64 with padding, in constant time, since it may be a private key.
pub(super) fn unbase64(text: &[u8]) -> Result<Zeroizing<Vec<u8>>, Malformed> {
    let mut bytes = Zeroizing::new(vec![0; text.len().div_ceil(4).saturating_mul(3)]);
    let length = Base64::decode(text, &mut bytes).map_err(|_| Malformed)?.len();
    bytes.truncate(length);
    Ok(bytes)
}

/// Base64 with padding.
pub(super) fn base64(bytes: &[u8]) -> String {
    Base64::encode_string(bytes)
}
