//! The provider for hosts: ring where its assembly is quicker, pure Rust for the rest.
//!
//! Key exchanges are never ring's, for its ephemeral keys come from the operating system only and could not be
//! replayed. Nor are the hashes from which keys are derived: ring leaves them in memory.

mod suite;
#[cfg(test)]
mod tests;
mod verify;

pub use suite::{Opener, Sealer};

use super::signature::PublicKey;
use super::soft::{Ephemeral, Hasher, Soft};
use super::{DirectionKeys, Forged, Provider, zip};
use crate::algorithm::{Cipher, HostKey, Kex, Mac, Zip};

/// ring for AES-GCM, ChaCha20-Poly1305, HMAC, and to verify ECDSA and RSA; [`Soft`] for the rest: counter mode, the
/// key exchanges with their hashes, Ed25519, P-521 and RSA of unusual size.
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
