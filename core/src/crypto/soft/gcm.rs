//! AES in GCM as SSH uses it (RFC 5647 §7): the length is associated data, the nonce counts packets.
//!
//! The counter of packets is kept apart from the cipher, for any implementation of GCM to take nonces from.

use crate::crypto::{Forged, Shape};
use aes_gcm::aead::consts::{U12, U16};
use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::{AeadInOut, AesGcm, KeyInit};

/// AES-128 in GCM, with the half of the key schedule that encrypts.
pub(super) type Gcm128 = AesGcm<aes::Aes128Enc, U12>;
/// AES-256 in GCM, with the half of the key schedule that encrypts.
pub(super) type Gcm256 = AesGcm<aes::Aes256Enc, U12>;

/// The shape of packets.
pub(crate) const SHAPE: Shape = Shape { block: 16, length_padded: false, tag: 16, head: 4, oracle: false };

/// The nonces of one direction: four fixed bytes and a counter that starts anywhere (RFC 5647 §7.1).
pub(crate) struct Nonces {
    fixed: [u8; 4],
    invocation: u64,
}

impl Nonces {
    /// Starts at the derived initial vector.
    pub(crate) fn new(iv: &[u8; 16]) -> Self {
        let [f0, f1, f2, f3, c0, c1, c2, c3, c4, c5, c6, c7, ..] = *iv;
        Self { fixed: [f0, f1, f2, f3], invocation: u64::from_be_bytes([c0, c1, c2, c3, c4, c5, c6, c7]) }
    }

    /// The nonce of the next packet.
    pub(crate) fn next(&mut self) -> [u8; 12] {
        let mut nonce = [0; 12];
        let (fixed, counter) = nonce.split_at_mut(4);
        fixed.copy_from_slice(&self.fixed);
        counter.copy_from_slice(&self.invocation.to_be_bytes());
        self.invocation = self.invocation.wrapping_add(1);
        nonce
    }
}

/// A cipher with its nonces.
pub(super) struct Gcm<C> {
    cipher: C,
    nonces: Nonces,
}

impl<C: AeadInOut<NonceSize = U12, TagSize = U16> + KeyInit> Gcm<C> {
    pub(super) fn new(key: &aes_gcm::Key<C>, iv: &[u8; 16]) -> Self {
        Self { cipher: C::new(key), nonces: Nonces::new(iv) }
    }

    pub(super) fn seal(&mut self, packet: &mut [u8]) -> Option<()> {
        let (text, tag) = packet.split_last_chunk_mut::<16>()?;
        let (length, body) = text.split_first_chunk_mut::<4>()?;
        let nonce = self.nonces.next().into();
        *tag = self.cipher.encrypt_inout_detached(&nonce, length, InOutBuf::from(body)).ok()?.into();
        Some(())
    }

    /// The tag is checked first: what is forged stays encrypted.
    pub(super) fn open(&mut self, packet: &mut [u8]) -> Result<(), Forged> {
        let (text, tag) = packet.split_last_chunk_mut::<16>().ok_or(Forged)?;
        let (length, body) = text.split_first_chunk_mut::<4>().ok_or(Forged)?;
        let nonce = self.nonces.next().into();
        let tag = (*tag).into();
        self.cipher.decrypt_inout_detached(&nonce, length, InOutBuf::from(body), &tag).map_err(|_| Forged)
    }
}

#[cfg(test)]
mod tests {
    use super::Nonces;

    #[test]
    fn b13_the_counter_leaves_the_fixed_part_alone() {
        let mut iv = [0xff; 16];
        iv[..4].copy_from_slice(b"abcd");
        let mut nonces = Nonces::new(&iv);
        assert_eq!(nonces.next(), *b"abcd\xff\xff\xff\xff\xff\xff\xff\xff");
        assert_eq!(nonces.next(), *b"abcd\0\0\0\0\0\0\0\0");
        assert_eq!(nonces.next(), *b"abcd\0\0\0\0\0\0\0\x01");
    }
}
