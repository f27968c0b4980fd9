//! What protects the packets of one direction, as in [`Soft`](crate::crypto::soft::Soft), with ring's AEADs and HMAC.
//!
//! ring does not clear its keys from memory; those of ciphers with a MAC are cleared when dropped.

use crate::algorithm::{Cipher, Mac};
use crate::crypto::lean::chacha;
use crate::crypto::soft::composed::{Composed, Way};
use crate::crypto::soft::gcm::{self, Nonces};
use crate::crypto::soft::mac::{Authenticator, Boxed};
use crate::crypto::soft::suite::clear_length;
use crate::crypto::{DirectionKeys, Forged, HashValue, Open, Seal, Shape};
use ring::aead::chacha20_poly1305_openssh::{OpeningKey, SealingKey};
use ring::aead::{self, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::hmac;
use zeroize::Zeroize;

/// AES in GCM and its nonces.
struct Gcm {
    key: LessSafeKey,
    nonces: Nonces,
}

impl Gcm {
    fn aes128(keys: &DirectionKeys) -> Self {
        Self::new(UnboundKey::new(&aead::AES_128_GCM, keys.key::<16>()), keys)
    }

    fn aes256(keys: &DirectionKeys) -> Self {
        Self::new(UnboundKey::new(&aead::AES_256_GCM, keys.key::<32>()), keys)
    }

    fn new(key: Result<UnboundKey, ring::error::Unspecified>, keys: &DirectionKeys) -> Self {
        let key = key.expect("keys of the right length are always taken");
        Self { key: LessSafeKey::new(key), nonces: Nonces::new(&keys.iv) }
    }

    fn nonce(&mut self) -> Nonce {
        Nonce::assume_unique_for_key(self.nonces.next())
    }

    fn seal(&mut self, packet: &mut [u8]) -> Option<()> {
        let (text, tag) = packet.split_last_chunk_mut::<16>()?;
        let (length, body) = text.split_first_chunk_mut::<4>()?;
        let nonce = self.nonce();
        let code = self.key.seal_in_place_separate_tag(nonce, Aad::from(*length), body).ok()?;
        tag.copy_from_slice(code.as_ref());
        Some(())
    }

    /// ring decrypts while it authenticates, and clears the text if it turns out to be forged.
    fn open(&mut self, packet: &mut [u8]) -> Result<(), Forged> {
        let (text, tag) = packet.split_last_chunk_mut::<16>().ok_or(Forged)?;
        let (length, body) = text.split_first_chunk_mut::<4>().ok_or(Forged)?;
        let nonce = self.nonce();
        let opened = self.key.open_in_place_separate_tag(nonce, Aad::from(*length), (*tag).into(), body, 0..);
        opened.map(drop).map_err(|_| Forged)
    }
}

/// A keyed MAC: ring's, or what ring lacks or does more slowly.
enum Code {
    Ring(hmac::Key),
    Soft(Boxed),
}

impl Code {
    fn new(mac: Mac, keys: &DirectionKeys) -> Option<Self> {
        match mac {
            Mac::HmacSha256 | Mac::HmacSha256Etm => {
                Some(Self::Ring(hmac::Key::new(hmac::HMAC_SHA256, keys.mac::<32>())))
            }
            Mac::HmacSha512 | Mac::HmacSha512Etm => {
                Some(Self::Ring(hmac::Key::new(hmac::HMAC_SHA512, keys.mac::<64>())))
            }
            Mac::HmacSha1 | Mac::HmacSha1Etm | Mac::Umac64 | Mac::Umac64Etm | Mac::Umac128 | Mac::Umac128Etm => {
                Boxed::new(mac, keys).map(Self::Soft)
            }
        }
    }
}

impl Authenticator for Code {
    fn code(&self, sequence: u32, text: &[u8]) -> HashValue {
        let key = match self {
            Self::Ring(key) => key,
            Self::Soft(keyed) => return keyed.code(sequence, text),
        };
        let mut context = hmac::Context::with_key(key);
        context.update(&sequence.to_be_bytes());
        context.update(text);
        HashValue::new(context.sign().as_ref())
    }
}

/// A cipher with a MAC.
fn composed(cipher: Cipher, mac: Option<Mac>, way: Way, keys: &DirectionKeys) -> Option<Composed<Code>> {
    Composed::new(cipher, way, keys, mac?, Code::new(mac?, keys)?)
}

/// Protects outgoing packets.
pub struct Sealer(Sealing);

enum Sealing {
    Gcm(Gcm),
    ChaCha(SealingKey),
    Composed(Composed<Code>),
}

impl Sealer {
    pub(super) fn new(cipher: Cipher, mac: Option<Mac>, keys: &DirectionKeys) -> Option<Self> {
        let suite = match cipher {
            Cipher::Aes128Gcm => Sealing::Gcm(Gcm::aes128(keys)),
            Cipher::Aes256Gcm => Sealing::Gcm(Gcm::aes256(keys)),
            Cipher::ChaCha20Poly1305 => Sealing::ChaCha(SealingKey::new(&keys.key)),
            Cipher::Aes128Ctr
            | Cipher::Aes192Ctr
            | Cipher::Aes256Ctr
            | Cipher::TripleDesCbc
            | Cipher::Aes128Cbc
            | Cipher::Aes192Cbc
            | Cipher::Aes256Cbc => Sealing::Composed(composed(cipher, mac, Way::Seal, keys)?),
        };
        Some(Self(suite))
    }
}

impl Seal for Sealer {
    fn shape(&self) -> Shape {
        match &self.0 {
            Sealing::Gcm(_) => gcm::SHAPE,
            Sealing::ChaCha(_) => chacha::SHAPE,
            Sealing::Composed(suite) => suite.shape(),
        }
    }

    fn seal(&mut self, sequence: u32, packet: &mut [u8]) {
        let sealed = match &mut self.0 {
            Sealing::Gcm(suite) => suite.seal(packet),
            Sealing::ChaCha(key) => chacha_seal(key, sequence, packet),
            Sealing::Composed(suite) => suite.seal(sequence, packet),
        };
        debug_assert!(sealed.is_some(), "a packet has a length and room for its tag");
        if sealed.is_none() {
            packet.zeroize();
        }
    }
}

fn chacha_seal(key: &SealingKey, sequence: u32, packet: &mut [u8]) -> Option<()> {
    let (text, tag) = packet.split_last_chunk_mut::<16>().filter(|(text, _)| text.len() >= 4)?;
    key.seal_in_place(sequence, text, tag);
    Some(())
}

impl core::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Sealer")
    }
}

/// Opens incoming packets.
pub struct Opener(Opening);

enum Opening {
    Gcm(Gcm),
    ChaCha(OpeningKey),
    Composed(Composed<Code>),
}

impl Opener {
    pub(super) fn new(cipher: Cipher, mac: Option<Mac>, keys: &DirectionKeys) -> Option<Self> {
        let suite = match cipher {
            Cipher::Aes128Gcm => Opening::Gcm(Gcm::aes128(keys)),
            Cipher::Aes256Gcm => Opening::Gcm(Gcm::aes256(keys)),
            Cipher::ChaCha20Poly1305 => Opening::ChaCha(OpeningKey::new(&keys.key)),
            Cipher::Aes128Ctr
            | Cipher::Aes192Ctr
            | Cipher::Aes256Ctr
            | Cipher::TripleDesCbc
            | Cipher::Aes128Cbc
            | Cipher::Aes192Cbc
            | Cipher::Aes256Cbc => Opening::Composed(composed(cipher, mac, Way::Open, keys)?),
        };
        Some(Self(suite))
    }
}

impl Open for Opener {
    fn shape(&self) -> Shape {
        match &self.0 {
            Opening::Gcm(_) => gcm::SHAPE,
            Opening::ChaCha(_) => chacha::SHAPE,
            Opening::Composed(suite) => suite.shape(),
        }
    }

    fn length(&mut self, sequence: u32, head: &mut [u8]) -> u32 {
        match &mut self.0 {
            Opening::Gcm(_) => clear_length(head),
            Opening::ChaCha(key) => chacha_length(key, sequence, head),
            Opening::Composed(suite) => suite.length(head),
        }
    }

    fn open(&mut self, sequence: u32, packet: &mut [u8]) -> Result<(), Forged> {
        match &mut self.0 {
            Opening::Gcm(suite) => suite.open(packet),
            Opening::ChaCha(key) => chacha_open(key, sequence, packet),
            Opening::Composed(suite) => suite.open(sequence, packet),
        }
    }
}

/// The length, decrypted beside `head`: the tag covers its encrypted form.
fn chacha_length(key: &OpeningKey, sequence: u32, head: &[u8]) -> u32 {
    let Some(length) = head.first_chunk() else { return clear_length(head) };
    u32::from_be_bytes(key.decrypt_packet_length(sequence, *length))
}

/// ring checks the tag first: what is forged stays encrypted.
fn chacha_open(key: &OpeningKey, sequence: u32, packet: &mut [u8]) -> Result<(), Forged> {
    let (text, tag) = packet.split_last_chunk_mut::<16>().ok_or(Forged)?;
    key.open_in_place(sequence, text, tag).map(drop).map_err(|_| Forged)
}

impl core::fmt::Debug for Opener {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Opener")
    }
}
