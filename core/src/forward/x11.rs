//! The first message of an X11 client (X Window System Protocol §8): it proves itself by a cookie, which in a forwarded
//! connection is a made-up one, so that the server host never learns the real one (RFC 4254 §6.3.1). Here it is checked and
//! replaced.
//!
//! ```text
//! byte order, 1 unused | version 2 x u16 | length of name, length of cookie: u16 | 2 unused | name, cookie, padded to 4
//! ```

use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// The one authentication protocol that is forwarded.
pub const PROTOCOL: &[u8] = b"MIT-MAGIC-COOKIE-1";
/// Bytes of its cookie.
pub const COOKIE: usize = 16;
const HEAD: usize = 12;
/// The name of the protocol with its padding.
const NAME: usize = 20;
const WHOLE: usize = HEAD + NAME + COOKIE;

/// The first message of one connection.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Introduction {
    fake: [u8; COOKIE],
    real: [u8; COOKIE],
    have: usize,
    bytes: [u8; WHOLE],
}

/// The program does not know the cookie that was given out: it is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stranger;

impl Introduction {
    /// Programs prove themselves by `fake`; the display is shown `real`.
    pub const fn new(fake: [u8; COOKIE], real: [u8; COOKIE]) -> Self {
        Self { fake, real, have: 0, bytes: [0; WHOLE] }
    }

    /// Takes bytes from the front, as many as belong to the message; how many, and the message as the display is to see
    /// it, once it is complete. What is behind it passes unchanged.
    ///
    /// # Errors
    /// [`Stranger`]; nothing has been let through then, and nothing should be.
    pub fn take(&mut self, bytes: &[u8]) -> Result<(usize, Option<&[u8]>), Stranger> {
        let room = self.bytes.get_mut(self.have..).unwrap_or_default();
        let taken = room.len().min(bytes.len());
        if let (Some(room), Some(bytes)) = (room.get_mut(..taken), bytes.get(..taken)) {
            room.copy_from_slice(bytes);
        }
        self.have = self.have.saturating_add(taken);
        self.check()?;
        if self.have < WHOLE {
            return Ok((taken, None));
        }
        if let Some(cookie) = self.bytes.last_chunk_mut() {
            *cookie = self.real;
        }
        Ok((taken, Some(&self.bytes)))
    }

    /// Whether what has come so far can be the message of somebody who knows the cookie. The cookie itself is looked at
    /// when all of it is there, in a time that tells nothing of it.
    fn check(&self) -> Result<(), Stranger> {
        let came = self.bytes.get(..self.have).unwrap_or_default();
        let lengths = |name: [u8; 2], cookie: [u8; 2]| {
            usize::from(name[1]) == PROTOCOL.len() && name[0] == 0 && usize::from(cookie[1]) == COOKIE && cookie[0] == 0
        };
        let lawful = match *came {
            [b'B', _, _, _, _, _, n1, n0, c1, c0, ..] => lengths([n1, n0], [c1, c0]),
            [b'l', _, _, _, _, _, n0, n1, c0, c1, ..] => lengths([n1, n0], [c1, c0]),
            [b'B' | b'l', ..] | [] => true,
            _ => false,
        };
        let name = came.get(HEAD..).unwrap_or_default();
        let name = name.get(..name.len().min(PROTOCOL.len())).unwrap_or_default();
        if !lawful || !PROTOCOL.starts_with(name) {
            return Err(Stranger);
        }
        let Some(cookie) = came.get(HEAD.saturating_add(NAME)..).filter(|cookie| cookie.len() == COOKIE) else {
            return Ok(());
        };
        if bool::from(cookie.ct_eq(&self.fake)) { Ok(()) } else { Err(Stranger) }
    }
}

impl core::fmt::Debug for Introduction {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Introduction").field("have", &self.have).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::{Introduction, PROTOCOL, Stranger};
    use alloc::vec::Vec;

    const FAKE: [u8; 16] = [7; 16];
    const REAL: [u8; 16] = [9; 16];

    fn message(order: u8, name: &[u8], cookie: &[u8]) -> Vec<u8> {
        let short = |n: usize| {
            let n = u16::try_from(n).unwrap();
            if order == b'B' { n.to_be_bytes() } else { n.to_le_bytes() }
        };
        let mut bytes =
            [&[order, 0][..], &short(11), &short(0), &short(name.len()), &short(cookie.len()), &[0; 2]].concat();
        for field in [name, cookie] {
            bytes.extend_from_slice(field);
            bytes.resize(bytes.len().next_multiple_of(4), 0);
        }
        bytes
    }

    /// What the display sees of `bytes` given whole or one by one.
    fn pass(bytes: &[u8], at_a_time: usize) -> Result<Vec<u8>, Stranger> {
        let mut introduction = Introduction::new(FAKE, REAL);
        let mut at = 0;
        while at < bytes.len() {
            let end = bytes.len().min(at + at_a_time);
            let (taken, whole) = introduction.take(&bytes[at..end])?;
            at += taken;
            if let Some(whole) = whole {
                return Ok([whole, &bytes[at..]].concat());
            }
        }
        Ok(Vec::new())
    }

    #[test]
    fn the_cookie_is_replaced() {
        for order in [b'B', b'l'] {
            let said = [&message(order, PROTOCOL, &FAKE)[..], b"what follows"].concat();
            let seen = [&message(order, PROTOCOL, &REAL)[..], b"what follows"].concat();
            for at_a_time in [1, 3, said.len()] {
                assert_eq!(pass(&said, at_a_time).as_ref(), Ok(&seen));
            }
            for cut in 0..48 {
                assert_eq!(pass(&said[..cut], cut.max(1)), Ok(Vec::new()), "nothing passes before the cookie");
            }
        }
    }

    #[test]
    fn strangers_are_not_let_in() {
        let mut wrong = FAKE;
        wrong[15] ^= 1;
        let strangers = [
            message(b'B', PROTOCOL, &wrong),
            message(b'l', PROTOCOL, &REAL),
            message(b'l', PROTOCOL, &FAKE[..15]),
            message(b'B', b"MIT-MAGIC-COOKIE-2", &FAKE),
            message(b'B', b"XDM-AUTHORIZATION-1", &FAKE),
            message(b'B', b"", b""),
            message(b'x', PROTOCOL, &FAKE),
            b"GET / HTTP/1.1\r\n".to_vec(),
        ];
        for bytes in strangers {
            assert_eq!(pass(&bytes, bytes.len()), Err(Stranger));
            assert_eq!(pass(&bytes, 1), Err(Stranger));
        }
    }

    #[test]
    fn debug_shows_no_cookie() {
        let shown = alloc::format!("{:?}", Introduction::new(FAKE, REAL));
        assert!(!shown.contains('7') && !shown.contains('9'), "{shown}");
    }
}
