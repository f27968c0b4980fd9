//! The secrets of key exchanges, for a key log (feature `keylog`): kept only where the embedder asked for that, one at a
//! time, until it takes it. `K` is what RFC 4253 §8 calls so; a line is one that Wireshark reads (`ssh.keylog_file`).

use crate::crypto::Secret;
use core::fmt;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// The secret of one key exchange. **Who has it and saw the connection reads all that was said under its keys, passwords
/// among it**; who has it in time can also change it. It is wiped when dropped.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct KeyLog {
    cookie: [u8; 16],
    secret: Secret,
}

impl KeyLog {
    /// The cookie of this end's KEXINIT, by which the exchange is found in a capture.
    pub const fn cookie(&self) -> &[u8; 16] {
        &self.cookie
    }

    /// `K`: the hybrid exchanges' string, or a number, big-endian without leading zeros.
    pub fn secret(&self) -> &[u8] {
        let secret = self.secret.as_bytes();
        if self.secret.is_string() {
            return secret;
        }
        let zeros = secret.iter().take_while(|byte| **byte == 0).count();
        secret.get(zeros..).unwrap_or_default()
    }

    /// Writes the line that Wireshark wants, with its end: the cookie, `SHARED_SECRET`, `K`, in hexadecimal.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_line(&self, out: &mut impl fmt::Write) -> fmt::Result {
        write_hex(self.cookie(), out)?;
        out.write_str(" SHARED_SECRET ")?;
        write_hex(self.secret(), out)?;
        out.write_char('\n')
    }
}

impl fmt::Debug for KeyLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyLog")
    }
}

fn write_hex(bytes: &[u8], out: &mut impl fmt::Write) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
}

/// Where a secret lies: hosts have numbers of 8192 bits, which no connection should be the larger for.
#[cfg(feature = "alloc")]
type Place = alloc::boxed::Box<KeyLog>;
#[cfg(not(feature = "alloc"))]
type Place = KeyLog;

#[cfg(feature = "alloc")]
fn place(key: KeyLog) -> Place {
    Place::new(key)
}

#[cfg(not(feature = "alloc"))]
const fn place(key: KeyLog) -> Place {
    key
}

/// What is kept.
pub(crate) struct Kept {
    wanted: bool,
    latest: Option<Place>,
}

impl Kept {
    pub(crate) const fn new() -> Self {
        Self { wanted: false, latest: None }
    }

    /// From the next exchange on.
    pub(crate) const fn want(&mut self) {
        self.wanted = true;
    }

    /// An exchange has come to its secret.
    pub(crate) fn note(&mut self, cookie: [u8; 16], secret: &Secret) {
        if self.wanted {
            self.latest = Some(place(KeyLog { cookie, secret: secret.copy() }));
        }
    }

    /// Gives the latest away and wipes it here, where moving it out would leave its bytes behind.
    pub(crate) fn take(&mut self) -> Option<KeyLog> {
        let latest = self.latest.as_ref()?;
        let taken = KeyLog { cookie: latest.cookie, secret: latest.secret.copy() };
        self.forget();
        Some(taken)
    }

    /// Wipes what nobody took.
    pub(crate) fn forget(&mut self) {
        if let Some(latest) = &mut self.latest {
            latest.zeroize();
        }
        self.latest = None;
    }
}

#[cfg(test)]
mod tests {
    use super::Kept;
    use crate::crypto::Secret;
    use alloc::format;
    use alloc::string::String;

    const COOKIE: [u8; 16] = [0xc0; 16];

    fn line(secret: &Secret) -> String {
        let mut kept = Kept::new();
        kept.want();
        kept.note(COOKIE, secret);
        let mut line = String::new();
        kept.take().expect("a secret").write_line(&mut line).expect("a line");
        line
    }

    #[test]
    fn nothing_is_kept_that_was_not_asked_for() {
        let mut kept = Kept::new();
        kept.note(COOKIE, &Secret::string(b"secret"));
        assert!(kept.take().is_none());
    }

    #[test]
    fn a_secret_is_given_once() {
        let mut kept = Kept::new();
        kept.want();
        kept.note(COOKIE, &Secret::string(b"secret"));
        assert_eq!(kept.take().expect("a secret").secret(), b"secret");
        assert!(kept.take().is_none());
        kept.note(COOKIE, &Secret::string(b"secret"));
        kept.forget();
        assert!(kept.take().is_none());
    }

    #[test]
    fn a_line_is_as_wireshark_wants_it() {
        let cookie = "c0".repeat(16);
        assert_eq!(line(&Secret::mpint(&[0, 0, 0x80, 1])), format!("{cookie} SHARED_SECRET 8001\n"));
        assert_eq!(line(&Secret::string(&[0, 0x80])), format!("{cookie} SHARED_SECRET 0080\n"));
    }

    #[test]
    fn debug_says_nothing() {
        let mut kept = Kept::new();
        kept.want();
        kept.note(COOKIE, &Secret::string(b"secret"));
        assert_eq!(format!("{:?}", kept.take()), "Some(KeyLog)");
    }
}
