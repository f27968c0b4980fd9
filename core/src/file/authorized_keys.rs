//! Lists of keys that may log in, as sshd(8) describes the file `authorized_keys`. A line that is not understood to its end
//! authorises nobody and is reported. These are the lines; [`authorize`](super::authorize()) judges by them.

use super::options::{Bad, Options, split};
use super::public::PublicKeyBuf;
use super::text::{MAX_LINE, is_idle, lines, skip_blanks};
use core::fmt;

/// A line that authorises the holder of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Its number, from 1.
    pub line: usize,
    /// What the holder may do.
    pub options: Options,
    /// The key.
    pub key: PublicKeyBuf,
    /// Whatever stands behind the key.
    pub comment: &'a [u8],
}

/// A line that authorises nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Skipped {
    /// Its number, from 1.
    pub line: usize,
    /// Why it was left out.
    pub why: Why,
}

/// Why a line authorises nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// It is longer than 64 KiB.
    TooLong,
    /// The key is missing or no key.
    Key,
    /// The options are not well formed: quotes, values, control characters.
    Options,
    /// There is no such option.
    Unknown,
}

/// The lines of a file that say something, in order.
pub fn entries(text: &[u8]) -> impl Iterator<Item = Result<Entry<'_>, Skipped>> {
    let lines = lines(text).filter(|(_, text)| !is_idle(text));
    lines.map(|(line, text)| Entry::read(line, text).map_err(|why| Skipped { line, why }))
}

impl<'a> Entry<'a> {
    fn read(line: usize, text: &'a [u8]) -> Result<Self, Why> {
        if text.len() > MAX_LINE {
            return Err(Why::TooLong);
        }
        if let Ok((key, comment)) = PublicKeyBuf::read(text) {
            return Ok(Self { line, options: Options::default(), key, comment });
        }
        let (options, rest) = split(text).ok_or(Why::Options)?;
        let (key, comment) = PublicKeyBuf::read(skip_blanks(rest)).map_err(|_| Why::Key)?;
        // Commands and variables end up in programs that take such bytes for ends or for more than one line.
        if options.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t') {
            return Err(Why::Options);
        }
        Ok(Self { line, options: Options::read(options)?, key, comment })
    }
}

impl From<Bad> for Why {
    fn from(bad: Bad) -> Self {
        match bad {
            Bad::Value => Self::Options,
            Bad::Unknown => Self::Unknown,
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "the line is too long",
            Self::Key => "damaged key",
            Self::Options => "damaged options",
            Self::Unknown => "unknown option",
        })
    }
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.why)
    }
}

impl core::error::Error for Skipped {}

#[cfg(test)]
mod tests {
    use super::{Entry, Skipped, Why, entries};
    use crate::file::{PublicKeyBuf, SigningKey};
    use alloc::format;
    use alloc::vec::Vec;

    fn key(n: u8) -> PublicKeyBuf {
        PublicKeyBuf::from_blob(SigningKey::ed25519(&[n; 32]).public()).unwrap()
    }

    fn find<'a>(text: &'a [u8], key: &[u8]) -> Option<Entry<'a>> {
        entries(text).filter_map(Result::ok).find(|entry| entry.key.blob() == key)
    }

    #[test]
    fn a_key_is_found_with_its_options() {
        let (a, b) = (key(1), key(2));
        let text = format!("# comment\n\n {a} me@here\r\n\trestrict,command=\"ls -l\"\t{b}   and so on \n{b}");
        let found = find(text.as_bytes(), a.blob()).unwrap();
        assert_eq!((found.line, found.comment, found.options.pty), (3, &b"me@here"[..], true));
        let found = find(text.as_bytes(), b.blob()).unwrap();
        assert_eq!((found.line, found.comment, found.options.pty), (4, &b"and so on"[..], false));
        assert_eq!(found.options.command.as_deref(), Some(&b"ls -l"[..]));
        assert_eq!(find(text.as_bytes(), key(3).blob()), None);
    }

    #[test]
    fn l11_a_line_that_is_not_understood_authorises_nobody() {
        let key = key(1);
        let lines = [
            ("from=10.0.0.1 KEY", Why::Options),
            ("restrict,wizard KEY", Why::Unknown),
            ("command=\"ls KEY", Why::Options),
            ("ssh-ed25519 AAAA", Why::Key),
            ("pty", Why::Key),
            ("command=\"a\0b\" KEY", Why::Options),
            ("command=\"a\r\" KEY", Why::Options),
            ("expiry-time=\"never\" KEY", Why::Options),
            (&format!("{} KEY", "x".repeat(1 << 20)), Why::TooLong),
            // The type that is declared is not the type that is there.
            ("ssh-rsa KEY", Why::Unknown),
        ];
        for (line, why) in lines {
            let text = line.replace("KEY", &key.line(""));
            assert_eq!(find(text.as_bytes(), key.blob()), None);
            let read: Vec<_> = entries(text.as_bytes()).collect();
            assert_eq!(read, [Err(Skipped { line: 1, why })], "{}", line.escape_debug());
        }
    }

    #[test]
    fn g16_a_declared_type_that_is_not_the_decoded_one() {
        let line = key(1).line("");
        for declared in ["ssh-rsa", "ecdsa-sha2-nistp256", "SSH-ED25519", "ssh-ed25519-cert-v01@openssh.com", "x"] {
            for front in ["", "restrict "] {
                let text = format!("{front}{}", line.replacen("ssh-ed25519", declared, 1));
                assert_eq!(find(text.as_bytes(), key(1).blob()), None, "{text}");
            }
        }
    }

    #[test]
    fn no_truncation_or_flipped_bit_panics_or_lets_another_key_in() {
        let (key, other) = (key(1), key(2));
        let text = format!("restrict,command=\"a \\\" b\",environment=\"A=b\" {key} comment");
        let end_of_key = text.len() - " comment".len();
        for end in 0..text.len() {
            assert_eq!(find(&text.as_bytes()[..end], key.blob()).is_some(), end >= end_of_key);
        }
        for bit in 0..text.len() * 8 {
            let mut text = text.clone().into_bytes();
            text[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(find(&text, other.blob()), None);
            assert!(find(&text, key.blob()).is_none_or(|entry| !entry.options.pty));
        }
    }
}
