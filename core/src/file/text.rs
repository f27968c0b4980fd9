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
    whole_lines(text).zip(1..).map(|(line, number)| (number, skip_blanks(line)))
}

/// Lines without line ends of either kind.
pub(super) fn whole_lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line))
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

/// A block between `BEGIN` and `END` lines of that label (RFC 7468), in lines of `width` characters.
pub(super) fn armor(label: &str, bytes: &[u8], width: usize) -> Zeroizing<String> {
    let mut encoded = Zeroizing::new(vec![0; Base64::encoded_len(bytes)]);
    let encoded = Base64::encode(bytes, &mut encoded).unwrap_or_default();
    // Never grown, for growing leaves copies behind.
    let mut text = Zeroizing::new(String::with_capacity(encoded.len().saturating_mul(2).saturating_add(256)));
    text.extend(["-----BEGIN ", label, "-----\n"]);
    wrap(&mut text, encoded, width);
    text.extend(["-----END ", label, "-----\n"]);
    text
}

/// Appends lines of `width` characters.
pub(super) fn wrap(text: &mut String, encoded: &str, width: usize) {
    let mut rest = encoded;
    while !rest.is_empty() {
        let (line, next) = rest.split_at_checked(width).unwrap_or((rest, ""));
        text.extend([line, "\n"]);
        rest = next;
    }
}

/// Decodes hexadecimal digits of either case, in constant time.
pub(super) fn unhex(text: &[u8]) -> Result<Zeroizing<Vec<u8>>, Malformed> {
    let mut bytes = Zeroizing::new(vec![0; text.len() / 2]);
    base16ct::mixed::decode(text, &mut bytes).map_err(|_| Malformed)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::{armor, base64, unbase64, unhex};
    use crate::wire::Malformed;
    use alloc::vec;

    #[test]
    fn l17_hexadecimal_is_whole_bytes_of_digits() {
        assert_eq!(unhex(b"").as_deref(), Ok(&vec![]));
        assert_eq!(unhex(b"00fFA5").as_deref(), Ok(&vec![0, 0xff, 0xa5]));
        for bad in [&b"0"[..], b"000", b"0g", b"0x00", b" 00", b"00 ", b"\xff0", &vec![b'a'; 99_999]] {
            assert_eq!(unhex(bad), Err(Malformed));
        }
        assert_eq!(unhex(&vec![b'a'; 100_000]).map(|bytes| bytes.len()), Ok(50_000));
    }

    #[test]
    fn l17_base64_is_padded_and_has_one_form() {
        assert_eq!(unbase64(b"").as_deref(), Ok(&vec![]));
        assert_eq!(unbase64(b"AP8=").as_deref(), Ok(&vec![0, 0xff]));
        for bad in
            [&b"A"[..], b"AA", b"AAA", b"AP9=", b"AP8", b"AP8==", b"====", b"AP8=AAAA", b"AP-_", b"AP8=\n", b" AP8="]
        {
            assert_eq!(unbase64(bad), Err(Malformed));
        }
        for length in [0, 1, 2, 3, 100_000] {
            let bytes = vec![7; length];
            assert_eq!(unbase64(base64(&bytes).as_bytes()).as_deref(), Ok(&bytes));
        }
    }

    #[test]
    fn a_block_has_lines_of_one_width() {
        assert_eq!(armor("X", &[0; 7], 8).as_str(), "-----BEGIN X-----\nAAAAAAAA\nAA==\n-----END X-----\n");
        assert_eq!(armor("X", &[], 8).as_str(), "-----BEGIN X-----\n-----END X-----\n");
    }
}
