//! What protects the packets of one direction: one variant a construction, chosen by cipher and MAC.
//!
//! A direction is keyed once and used for one purpose, so sealing and opening are two types around the same suites.

use super::chacha::ChaCha;
use super::ctr::CtrMac;
use super::gcm::{Gcm, Gcm128, Gcm256};
use super::lead;
use super::mac::Hmac;
use crate::algorithm::{Cipher, Mac};
use crate::crypto::{DirectionKeys, Forged, Open, Seal, Shape};
use zeroize::Zeroize;

#[expect(clippy::large_enum_variant, reason = "a connection has one each way, and there may be no allocator to box it")]
enum Suite {
    Aes128Gcm(Gcm<Gcm128>),
    Aes256Gcm(Gcm<Gcm256>),
    ChaCha(ChaCha),
    Ctr(CtrMac<Hmac>),
}

impl Suite {
    fn new(cipher: Cipher, mac: Mac, keys: &DirectionKeys) -> Self {
        match cipher {
            Cipher::Aes128Gcm => Self::Aes128Gcm(Gcm::new((&*lead::<16>(&keys.key)).into(), &keys.iv)),
            Cipher::Aes256Gcm => Self::Aes256Gcm(Gcm::new((&*lead::<32>(&keys.key)).into(), &keys.iv)),
            Cipher::ChaCha20Poly1305 => Self::ChaCha(ChaCha::new(&keys.key)),
            Cipher::Aes128Ctr => Self::Ctr(CtrMac::aes128(keys, mac, Hmac::new(mac, &keys.mac))),
            Cipher::Aes192Ctr | Cipher::Aes128Cbc | Cipher::Aes192Cbc | Cipher::Aes256Cbc | Cipher::TripleDesCbc => {
                todo!()
            }
            Cipher::Aes256Ctr => Self::Ctr(CtrMac::aes256(keys, mac, Hmac::new(mac, &keys.mac))),
        }
    }

    fn shape(&self) -> Shape {
        match self {
            Self::Aes128Gcm(_) | Self::Aes256Gcm(_) => super::gcm::SHAPE,
            Self::ChaCha(_) => super::chacha::SHAPE,
            Self::Ctr(suite) => suite.shape(),
        }
    }
}

/// Protects outgoing packets.
pub struct Sealer(Suite);

impl Sealer {
    pub(super) fn new(cipher: Cipher, mac: Mac, keys: &DirectionKeys) -> Self {
        Self(Suite::new(cipher, mac, keys))
    }
}

impl Seal for Sealer {
    fn shape(&self) -> Shape {
        self.0.shape()
    }

    fn seal(&mut self, sequence: u32, packet: &mut [u8]) {
        let sealed = match &mut self.0 {
            Suite::Aes128Gcm(suite) => suite.seal(packet),
            Suite::Aes256Gcm(suite) => suite.seal(packet),
            Suite::ChaCha(suite) => suite.seal(sequence, packet),
            Suite::Ctr(suite) => suite.seal(sequence, packet),
        };
        debug_assert!(sealed.is_some(), "a packet has a length and room for its tag");
        if sealed.is_none() {
            packet.zeroize();
        }
    }
}

impl core::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Sealer")
    }
}

/// Opens incoming packets.
pub struct Opener(Suite);

impl Opener {
    pub(super) fn new(cipher: Cipher, mac: Mac, keys: &DirectionKeys) -> Self {
        Self(Suite::new(cipher, mac, keys))
    }
}

impl Open for Opener {
    fn shape(&self) -> Shape {
        self.0.shape()
    }

    fn length(&mut self, sequence: u32, head: &mut [u8]) -> u32 {
        match &mut self.0 {
            Suite::Aes128Gcm(_) | Suite::Aes256Gcm(_) => clear_length(head),
            Suite::ChaCha(suite) => suite.length(sequence, head),
            Suite::Ctr(suite) => suite.length(head),
        }
    }

    fn open(&mut self, sequence: u32, packet: &mut [u8]) -> Result<(), Forged> {
        match &mut self.0 {
            Suite::Aes128Gcm(suite) => suite.open(packet),
            Suite::Aes256Gcm(suite) => suite.open(packet),
            Suite::ChaCha(suite) => suite.open(sequence, packet),
            Suite::Ctr(suite) => suite.open(sequence, packet),
        }
    }
}

impl core::fmt::Debug for Opener {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Opener")
    }
}

/// A length field that travels in the clear, or is clear by now; too few bytes announce a length that nobody accepts.
pub(crate) fn clear_length(head: &[u8]) -> u32 {
    head.first_chunk().map_or(u32::MAX, |length| u32::from_be_bytes(*length))
}
