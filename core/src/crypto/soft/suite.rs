//! What protects the packets of one direction: one variant a construction, chosen by cipher and MAC.
//!
//! A direction is keyed once and used for one purpose, so sealing and opening are two types around the same suites.

use super::composed::{Composed, Way};
use super::gcm::{Gcm, Gcm128, Gcm256};
use super::mac::Code;
use crate::algorithm::{Cipher, Mac};
use crate::crypto::lean::chacha::{self, ChaCha};
use crate::crypto::{DirectionKeys, Forged, Open, Seal, Shape};
use zeroize::Zeroize;

#[expect(clippy::large_enum_variant, reason = "a connection has one each way, and there may be no allocator to box it")]
enum Suite {
    Aes128Gcm(Gcm<Gcm128>),
    Aes256Gcm(Gcm<Gcm256>),
    ChaCha(ChaCha),
    Composed(Composed<Code>),
}

impl Suite {
    fn new(cipher: Cipher, mac: Option<Mac>, way: Way, keys: &DirectionKeys) -> Option<Self> {
        match cipher {
            Cipher::Aes128Gcm => Some(Self::Aes128Gcm(Gcm::new(keys.key::<16>().into(), &keys.iv))),
            Cipher::Aes256Gcm => Some(Self::Aes256Gcm(Gcm::new(keys.key::<32>().into(), &keys.iv))),
            Cipher::ChaCha20Poly1305 => Some(Self::ChaCha(ChaCha::new(&keys.key))),
            Cipher::Aes128Ctr
            | Cipher::Aes192Ctr
            | Cipher::Aes256Ctr
            | Cipher::TripleDesCbc
            | Cipher::Aes128Cbc
            | Cipher::Aes192Cbc
            | Cipher::Aes256Cbc => {
                let code = Code::new(mac?, keys)?;
                Composed::new(cipher, way, keys, mac?, code).map(Self::Composed)
            }
        }
    }

    fn shape(&self) -> Shape {
        match self {
            Self::Aes128Gcm(_) | Self::Aes256Gcm(_) => super::gcm::SHAPE,
            Self::ChaCha(_) => chacha::SHAPE,
            Self::Composed(suite) => suite.shape(),
        }
    }
}

/// Protects outgoing packets.
pub struct Sealer(Suite);

impl Sealer {
    pub(super) fn new(cipher: Cipher, mac: Option<Mac>, keys: &DirectionKeys) -> Option<Self> {
        Suite::new(cipher, mac, Way::Seal, keys).map(Self)
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
            Suite::Composed(suite) => suite.seal(sequence, packet),
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
    pub(super) fn new(cipher: Cipher, mac: Option<Mac>, keys: &DirectionKeys) -> Option<Self> {
        Suite::new(cipher, mac, Way::Open, keys).map(Self)
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
            Suite::Composed(suite) => suite.length(head),
        }
    }

    fn open(&mut self, sequence: u32, packet: &mut [u8]) -> Result<(), Forged> {
        match &mut self.0 {
            Suite::Aes128Gcm(suite) => suite.open(packet),
            Suite::Aes256Gcm(suite) => suite.open(packet),
            Suite::ChaCha(suite) => suite.open(sequence, packet),
            Suite::Composed(suite) => suite.open(sequence, packet),
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
