//! `chacha20-poly1305@openssh.com` (draft-ietf-sshm-chacha20-poly1305): two ChaCha20 keys, one for the length and one
//! for the rest, and a Poly1305 key from the second one's first block.
//!
//! The nonce is the sequence number, the block counter has 64 bits: ChaCha20 in its original form.

use crate::crypto::{Forged, Shape};
use chacha20::ChaCha20Legacy;
use chacha20::cipher::{KeyIvInit, StreamCipher};
use poly1305::universal_hash::{KeyInit, UniversalHash};
use poly1305::{Block, Poly1305};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// The shape of packets.
pub(crate) const SHAPE: Shape = Shape { block: 8, length_padded: false, tag: 16, head: 4, oracle: false };

/// The two keys.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct ChaCha {
    /// `K_2`, for everything but the length.
    body: [u8; 32],
    /// `K_1`, for the length.
    length: [u8; 32],
}

impl ChaCha {
    /// `K_2` comes first in the key material.
    pub(crate) fn new(key: &[u8; 64]) -> Self {
        let mut suite = Self { body: [0; 32], length: [0; 32] };
        let (body, length) = key.split_at(32);
        suite.body.copy_from_slice(body);
        suite.length.copy_from_slice(length);
        suite
    }

    pub(crate) fn seal(&self, sequence: u32, packet: &mut [u8]) -> Option<()> {
        let (text, tag) = packet.split_last_chunk_mut::<16>()?;
        let (length, body) = text.split_first_chunk_mut::<4>()?;
        let (mut stream, mac) = self.body(sequence);
        stream.apply_keystream(body);
        keystream(&self.length, sequence).apply_keystream(length);
        *tag = code(mac, text);
        Some(())
    }

    /// The length, decrypted beside `head`: the tag covers its encrypted form.
    pub(crate) fn length(&self, sequence: u32, head: &[u8]) -> u32 {
        // Too few bytes announce a length that nobody accepts.
        let Some(mut length) = head.first_chunk::<4>().copied() else { return u32::MAX };
        keystream(&self.length, sequence).apply_keystream(&mut length);
        u32::from_be_bytes(length)
    }

    /// The tag is checked first: what is forged stays encrypted.
    pub(crate) fn open(&self, sequence: u32, packet: &mut [u8]) -> Result<(), Forged> {
        let (text, tag) = packet.split_last_chunk_mut::<16>().ok_or(Forged)?;
        let (mut stream, mac) = self.body(sequence);
        if !bool::from(code(mac, text).ct_eq(tag)) {
            return Err(Forged);
        }
        let (_, body) = text.split_first_chunk_mut::<4>().ok_or(Forged)?;
        stream.apply_keystream(body);
        Ok(())
    }

    /// Decrypts what has no length in front, as key files do.
    #[cfg(feature = "alloc")]
    pub(crate) fn open_body(&self, sequence: u32, body: &mut [u8], tag: &[u8; 16]) -> Result<(), Forged> {
        let (mut stream, mac) = self.body(sequence);
        if !bool::from(code(mac, body).ct_eq(tag)) {
            return Err(Forged);
        }
        stream.apply_keystream(body);
        Ok(())
    }

    /// The stream for padding length, payload and padding, past its first block, of which one half keys the tag.
    fn body(&self, sequence: u32) -> (ChaCha20Legacy, Poly1305) {
        let mut stream = keystream(&self.body, sequence);
        let mut halves = Zeroizing::new([[0; 32]; 2]);
        stream.apply_keystream(halves.as_flattened_mut());
        let [key, _] = &*halves;
        (stream, Poly1305::new(key.into()))
    }
}

fn keystream(key: &[u8; 32], sequence: u32) -> ChaCha20Legacy {
    ChaCha20Legacy::new(key.into(), &u64::from(sequence).to_be_bytes().into())
}

/// Poly1305 of `text`. Whole blocks go in together, which lets the vector units work on several.
fn code(mut mac: Poly1305, text: &[u8]) -> [u8; 16] {
    let (blocks, rest) = Block::slice_as_chunks(text);
    mac.update(blocks);
    if rest.is_empty() { mac.finalize().into() } else { mac.compute_unpadded(rest).into() }
}

#[cfg(test)]
mod tests {
    use super::ChaCha;
    use crate::crypto::Forged;

    #[test]
    fn the_length_is_read_without_touching_it() {
        let suite = ChaCha::new(&[9; 64]);
        let mut packet = [0; 36];
        packet[3] = 16;
        assert_eq!(suite.seal(5, &mut packet), Some(()));
        let sealed = packet;
        assert_eq!(suite.length(5, &packet[..4]), 16);
        assert_eq!(packet, sealed);
        assert_eq!(suite.open(5, &mut packet), Ok(()));
        assert_eq!(packet[4..20], [0; 16]);
    }

    #[test]
    fn packets_too_short_are_forged() {
        let suite = ChaCha::new(&[9; 64]);
        for length in 0..20 {
            assert_eq!(suite.open(0, &mut [0; 20][..length]), Err(Forged));
        }
    }
}
