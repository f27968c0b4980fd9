//! A cipher and a MAC put together: the MAC over the plain packet (RFC 4253 §6.4), or over the encrypted one behind a
//! length in the clear (OpenSSH PROTOCOL §1.5).
//!
//! One state of the cipher runs through all packets of a direction.

#[cfg(feature = "alloc")]
use super::cbc::Chain;
use super::ctr::Stream;
use super::mac::Authenticator;
use super::suite::clear_length;
use crate::algorithm::{Cipher, Mac};
use crate::crypto::{DirectionKeys, Forged, Shape};
#[cfg(feature = "alloc")]
use alloc::boxed::Box;
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

/// What a direction's packets are put through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// Encryption.
    Seal,
    /// Decryption.
    Open,
}

/// A cipher that does not authenticate.
#[cfg_attr(
    feature = "alloc",
    expect(clippy::large_enum_variant, reason = "microcontrollers have no box for counter mode")
)]
enum Mode {
    Ctr(Stream),
    #[cfg(feature = "alloc")]
    Cbc(Box<Chain>),
}

impl Mode {
    fn new(cipher: Cipher, way: Way, keys: &DirectionKeys) -> Option<Self> {
        match cipher {
            Cipher::Aes128Ctr => Some(Self::Ctr(Stream::aes128(keys))),
            Cipher::Aes256Ctr => Some(Self::Ctr(Stream::aes256(keys))),
            #[cfg(feature = "alloc")]
            Cipher::Aes192Ctr => Some(Self::Ctr(Stream::aes192(keys))),
            #[cfg(feature = "alloc")]
            Cipher::Aes128Cbc | Cipher::Aes192Cbc | Cipher::Aes256Cbc | Cipher::TripleDesCbc => {
                Chain::new(cipher, way, keys).map(|chain| Self::Cbc(Box::new(chain)))
            }
            #[cfg(not(feature = "alloc"))]
            Cipher::Aes192Ctr | Cipher::Aes128Cbc | Cipher::Aes192Cbc | Cipher::Aes256Cbc | Cipher::TripleDesCbc => {
                let _ = way;
                None
            }
            Cipher::Aes128Gcm | Cipher::Aes256Gcm | Cipher::ChaCha20Poly1305 => None,
        }
    }

    const fn block(&self) -> usize {
        match self {
            Self::Ctr(_) => super::ctr::BLOCK,
            #[cfg(feature = "alloc")]
            Self::Cbc(chain) => chain.block(),
        }
    }

    fn apply(&mut self, blocks: &mut [u8]) {
        match self {
            Self::Ctr(stream) => stream.apply(blocks),
            #[cfg(feature = "alloc")]
            Self::Cbc(chain) => chain.apply(blocks),
        }
    }
}

/// A cipher and a MAC.
pub(crate) struct Composed<A> {
    mode: Mode,
    /// With the MAC over the plain packet, the length is part of the first block.
    shape: Shape,
    authenticator: A,
}

impl<A: Authenticator> Composed<A> {
    /// The cipher with a keyed MAC; `None` if it is not here, or needs none.
    pub(crate) fn new(cipher: Cipher, way: Way, keys: &DirectionKeys, mac: Mac, authenticator: A) -> Option<Self> {
        let mode = Mode::new(cipher, way, keys)?;
        let (block, etm) = (mode.block(), mac.is_etm());
        let head = if etm { 4 } else { block };
        let oracle = cipher.is_cbc() && !etm;
        let shape = Shape { block, length_padded: !etm, tag: mac.code_len(), head, oracle };
        Some(Self { mode, shape, authenticator })
    }

    /// The shape of packets.
    pub(crate) const fn shape(&self) -> Shape {
        self.shape
    }

    const fn is_etm(&self) -> bool {
        !self.shape.length_padded
    }

    /// Seals a packet; `None` if it has no room for the code.
    pub(crate) fn seal(&mut self, sequence: u32, packet: &mut [u8]) -> Option<()> {
        let end = packet.len().checked_sub(self.shape.tag)?;
        let (text, tag) = packet.split_at_mut_checked(end)?;
        if self.is_etm() {
            self.mode.apply(text.get_mut(4..)?);
            tag.copy_from_slice(self.authenticator.code(sequence, text).as_bytes());
        } else {
            tag.copy_from_slice(self.authenticator.code(sequence, text).as_bytes());
            self.mode.apply(text);
        }
        Some(())
    }

    /// The length; with the MAC over the plain packet, decrypts the first block for it.
    pub(crate) fn length(&mut self, head: &mut [u8]) -> u32 {
        if !self.is_etm() {
            self.mode.apply(head);
        }
        clear_length(head)
    }

    /// Opens a packet that [`length`](Self::length) has seen.
    pub(crate) fn open(&mut self, sequence: u32, packet: &mut [u8]) -> Result<(), Forged> {
        let end = packet.len().checked_sub(self.shape.tag);
        let opened = match end.and_then(|end| packet.split_at_mut_checked(end)) {
            Some((text, tag)) if self.is_etm() => self.check_and_decrypt(sequence, text, tag),
            Some((text, tag)) => self.decrypt_and_check(sequence, text, tag),
            None => Err(Forged),
        };
        if opened.is_err() {
            packet.zeroize();
        }
        opened
    }

    fn check_and_decrypt(&mut self, sequence: u32, text: &mut [u8], tag: &[u8]) -> Result<(), Forged> {
        self.check(sequence, text, tag)?;
        self.mode.apply(text.get_mut(4..).ok_or(Forged)?);
        Ok(())
    }

    fn decrypt_and_check(&mut self, sequence: u32, text: &mut [u8], tag: &[u8]) -> Result<(), Forged> {
        self.mode.apply(text.get_mut(self.shape.block..).ok_or(Forged)?);
        self.check(sequence, text, tag)
    }

    fn check(&self, sequence: u32, text: &[u8], tag: &[u8]) -> Result<(), Forged> {
        let code = self.authenticator.code(sequence, text);
        if code.as_bytes().ct_eq(tag).into() { Ok(()) } else { Err(Forged) }
    }
}

#[cfg(test)]
mod tests {
    use super::{Authenticator, Composed, Way};
    use crate::algorithm::{Cipher, Mac};
    use crate::crypto::{DirectionKeys, Forged, HashValue};

    /// No MAC worth the name.
    struct Constant;

    impl Authenticator for Constant {
        fn code(&self, _: u32, _: &[u8]) -> HashValue {
            HashValue::new(&[7; 32])
        }
    }

    #[test]
    fn packets_too_short_are_forged_and_cleared() {
        let keys = DirectionKeys { iv: [0; 16], key: [0; 64], mac: [0; 64] };
        for mac in [Mac::HmacSha256, Mac::HmacSha256Etm] {
            for length in 0..36 {
                let mut packet = [7; 36];
                let mut opener = Composed::new(Cipher::Aes128Ctr, Way::Open, &keys, mac, Constant).unwrap();
                assert_eq!(opener.open(0, &mut packet[..length]), Err(Forged));
                assert_eq!(packet[..length], [0; 36][..length]);
            }
        }
    }
}
