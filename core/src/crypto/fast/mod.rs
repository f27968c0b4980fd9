//! The provider for hosts: ring where its assembly is quicker, pure Rust for the rest.
//!
//! Key exchanges are never ring's, for its ephemeral keys come from the operating system only and could not be
//! replayed.

mod suite;
#[cfg(test)]
mod tests;
mod verify;

pub use suite::{Opener, Sealer};

use super::signature::PublicKey;
use super::soft::{Ephemeral, Soft};
use super::{Digest, DirectionKeys, Forged, HashValue, Provider, zip};
use crate::algorithm::{Cipher, Hash, HostKey, Kex, Mac, Zip};
use ring::digest;

/// ring for AES-GCM, ChaCha20-Poly1305, SHA-2, HMAC, and to verify ECDSA and RSA; [`Soft`] for the rest: counter mode, the
/// key exchanges, Ed25519, P-521 and RSA of unusual size.
#[derive(Debug, Clone, Copy)]
pub struct Fast;

impl Provider for Fast {
    type Digest = Hasher;
    type Seal = Sealer;
    type Open = Opener;
    type Exchange = Ephemeral;
    type Deflate = zip::Deflater;
    type Inflate = zip::Inflater;

    const KEX: &'static [Kex] = Soft::KEX;
    const CIPHERS: &'static [Cipher] = Soft::CIPHERS;
    const MACS: &'static [Mac] = Soft::MACS;
    const SIGNATURES: &'static [HostKey] = Soft::SIGNATURES;
    const ZIPS: &'static [Zip] = Soft::ZIPS;

    fn seal(cipher: Cipher, mac: Option<Mac>, keys: &DirectionKeys) -> Option<Sealer> {
        Sealer::new(cipher, mac, keys)
    }

    fn open(cipher: Cipher, mac: Option<Mac>, keys: &DirectionKeys) -> Option<Opener> {
        Opener::new(cipher, mac, keys)
    }

    fn verify(algorithm: HostKey, key: &PublicKey<'_>, message: &[u8], signature: &[u8]) -> Result<(), Forged> {
        verify::verify(algorithm, key, message, signature)
    }
}

/// A running SHA-2, or SHA-1.
#[derive(Clone)]
pub struct Hasher(digest::Context);

impl Digest for Hasher {
    fn new(hash: Hash) -> Self {
        Self(digest::Context::new(match hash {
            Hash::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Hash::Sha256 => &digest::SHA256,
            Hash::Sha384 => &digest::SHA384,
            Hash::Sha512 => &digest::SHA512,
        }))
    }

    fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(self) -> HashValue {
        HashValue::new(self.0.finish().as_ref())
    }
}

impl core::fmt::Debug for Hasher {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Hasher")
    }
}
