//! The keys of a list of any kind, files of public keys, `authorized_keys` and `known_hosts` among them, for showing them
//! (`ssh-keygen -l`, `-L`). What stands around a key is passed over, so nothing here says what the key may do.

use super::options::split;
use super::public::{NotAPublicKey, PublicKeyBuf};
use super::text::{MAX_LINE, is_idle, lines, skip_blanks, word};

/// A key or certificate on a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed<'a> {
    /// The key.
    pub key: PublicKeyBuf,
    /// The options or hosts in front of it.
    pub front: &'a [u8],
    /// The comment behind it.
    pub comment: &'a [u8],
}

/// The lines that say something with their numbers, from 1.
pub fn keys(text: &[u8]) -> impl Iterator<Item = (usize, Result<Listed<'_>, NotAPublicKey>)> {
    lines(text).filter(|(_, line)| !is_idle(line)).map(|(number, line)| (number, Listed::read(line)))
}

impl<'a> Listed<'a> {
    fn read(text: &'a [u8]) -> Result<Self, NotAPublicKey> {
        if let Ok((key, comment)) = PublicKeyBuf::read(text) {
            return Ok(Self { key, front: b"", comment });
        }
        if text.len() > MAX_LINE {
            return Err(NotAPublicKey);
        }
        // A mark of known_hosts has the hosts behind it.
        let text = if text.starts_with(b"@") { word(text).1 } else { text };
        let (front, rest) = split(text).ok_or(NotAPublicKey)?;
        let (key, comment) = PublicKeyBuf::read(skip_blanks(rest))?;
        Ok(Self { key, front, comment })
    }
}

#[cfg(test)]
mod tests {
    use super::{Listed, keys};
    use crate::file::public::{NotAPublicKey, PublicKeyBuf};
    use crate::file::signing::SigningKey;
    use alloc::format;
    use alloc::vec::Vec;

    #[test]
    fn keys_are_found_in_lists_of_every_kind() {
        let key = PublicKeyBuf::from_blob(SigningKey::ed25519(&[1; 32]).public()).unwrap();
        let text = format!(
            "# {key}\n\n{key}\n {key} me@here\r\nno-pty,command=\"a b\" {key}\nhost,other {key} x y\n|1|a|b {key}\n\
             @cert-authority *.x {key}\n{} {key}\n",
            "x".repeat(1 << 20)
        );
        let found: Vec<_> = keys(text.as_bytes()).collect();
        let listed = |front: &'static str, comment: &'static str| {
            Ok(Listed { key: key.clone(), front: front.as_bytes(), comment: comment.as_bytes() })
        };
        let expected = [
            (3, listed("", "")),
            (4, listed("", "me@here")),
            (5, listed("no-pty,command=\"a b\"", "")),
            (6, listed("host,other", "x y")),
            (7, listed("|1|a|b", "")),
            (8, listed("*.x", "")),
            (9, Err(NotAPublicKey)),
        ];
        assert_eq!(found, expected);
        for damaged in ["junk", "a b c", "command=\"a b", "ssh-ed25519 AAAA", "@revoked"] {
            assert_eq!(keys(damaged.as_bytes()).collect::<Vec<_>>(), [(1, Err(NotAPublicKey))], "{damaged}");
        }
    }
}
