//! The provider in pure Rust for any target: no `std`, and no allocator but for what only hosts want.
//!
//! The parts that the other providers share, ciphers with a MAC and the key exchanges, live here too.

#[cfg(feature = "alloc")]
mod cbc;
pub(crate) mod composed;
mod ctr;
mod curve;
mod exchange;
pub(crate) mod gcm;
#[cfg(any(feature = "mlkem", feature = "sntrup"))]
mod hybrid;
#[cfg(any(feature = "mlkem", feature = "sntrup"))]
mod kem;
pub(crate) mod mac;
#[cfg(feature = "alloc")]
mod modular;
#[cfg(feature = "alloc")]
pub(crate) mod rsa;
pub(crate) mod suite;
#[cfg(feature = "alloc")]
mod umac;
#[cfg(all(test, feature = "alloc"))]
pub(crate) mod vectors;
pub(crate) mod verify;

pub use exchange::Ephemeral;
pub use suite::{Opener, Sealer};

use super::signature::PublicKey;
use super::{Digest, DirectionKeys, Forged, HashValue, Provider, zip};
use crate::algorithm::{Cipher, Hash, HostKey, Kex, Mac, Zip};
#[cfg(feature = "alloc")]
use sha1::Sha1;
use sha2::Sha256;
use sha2::digest::Digest as _;
#[cfg(feature = "alloc")]
use sha2::{Sha384, Sha512};

/// Pure Rust throughout. ML-KEM comes with the feature `mlkem`, Streamlined NTRU Prime with `sntrup`, what only
/// hosts want with `alloc`.
#[derive(Debug, Clone, Copy)]
pub struct Soft;

impl Provider for Soft {
    type Digest = Hasher;
    type Seal = Sealer;
    type Open = Opener;
    type Exchange = Ephemeral;
    type Deflate = zip::Deflater;
    type Inflate = zip::Inflater;

    const KEX: &'static [Kex] = exchange::KEX;
    #[cfg(not(feature = "alloc"))]
    const CIPHERS: &'static [Cipher] =
        &[Cipher::ChaCha20Poly1305, Cipher::Aes128Gcm, Cipher::Aes256Gcm, Cipher::Aes128Ctr, Cipher::Aes256Ctr];
    #[cfg(feature = "alloc")]
    const CIPHERS: &'static [Cipher] = Cipher::ALL;
    #[cfg(not(feature = "alloc"))]
    const MACS: &'static [Mac] = &[Mac::HmacSha256Etm, Mac::HmacSha512Etm, Mac::HmacSha256, Mac::HmacSha512];
    #[cfg(feature = "alloc")]
    const MACS: &'static [Mac] = Mac::ALL;
    #[cfg(not(feature = "alloc"))]
    const SIGNATURES: &'static [HostKey] = &[
        HostKey::Ed25519,
        HostKey::EcdsaP256,
        HostKey::SkEd25519,
        HostKey::SkEcdsaP256,
        HostKey::Ed25519Cert,
        HostKey::EcdsaP256Cert,
        HostKey::SkEd25519Cert,
        HostKey::SkEcdsaP256Cert,
    ];
    #[cfg(feature = "alloc")]
    const SIGNATURES: &'static [HostKey] = HostKey::ALL;
    const ZIPS: &'static [Zip] = zip::METHODS;

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

/// A running SHA-2, or SHA-1, cleared when dropped.
#[derive(Clone)]
pub struct Hasher(Running);

/// What firmware's key exchanges do not use is not there: the largest hash is what it would have to keep room for.
#[derive(Clone)]
enum Running {
    #[cfg(feature = "alloc")]
    Sha1(Sha1),
    Sha256(Sha256),
    #[cfg(feature = "alloc")]
    Sha384(Sha384),
    #[cfg(feature = "alloc")]
    Sha512(Sha512),
}

/// Does the same with whichever hash is running.
macro_rules! each {
    ($running:expr, $hash:ident => $with:expr) => {
        match $running {
            #[cfg(feature = "alloc")]
            Running::Sha1($hash) => $with,
            Running::Sha256($hash) => $with,
            #[cfg(feature = "alloc")]
            Running::Sha384($hash) => $with,
            #[cfg(feature = "alloc")]
            Running::Sha512($hash) => $with,
        }
    };
}

impl Digest for Hasher {
    fn new(hash: Hash) -> Option<Self> {
        match hash {
            Hash::Sha256 => Some(Self::sha256()),
            #[cfg(feature = "alloc")]
            Hash::Sha1 => Some(Self(Running::Sha1(Sha1::new()))),
            #[cfg(feature = "alloc")]
            Hash::Sha384 => Some(Self(Running::Sha384(Sha384::new()))),
            #[cfg(feature = "alloc")]
            Hash::Sha512 => Some(Self(Running::Sha512(Sha512::new()))),
            #[cfg(not(feature = "alloc"))]
            Hash::Sha1 | Hash::Sha384 | Hash::Sha512 => None,
        }
    }

    fn sha256() -> Self {
        Self(Running::Sha256(Sha256::new()))
    }

    fn update(&mut self, bytes: &[u8]) {
        each!(&mut self.0, hash => hash.update(bytes));
    }

    fn finish(&mut self) -> HashValue {
        each!(&mut self.0, hash => HashValue::new(&hash.finalize_reset()))
    }
}

impl core::fmt::Debug for Hasher {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Hasher")
    }
}

#[cfg(all(test, feature = "alloc"))]
mod tests {
    use super::Hasher;
    use crate::algorithm::Hash;
    use crate::crypto::{Digest, HashValue};

    /// They hold secrets while keys are derived.
    #[test]
    fn m09_hashes_clear_themselves() {
        const fn cleared<H: zeroize::ZeroizeOnDrop>() {}
        cleared::<sha2::Sha256>();
        cleared::<sha2::Sha384>();
        cleared::<sha2::Sha512>();
    }

    fn hash(hash: Hash, message: &[u8]) -> HashValue {
        let mut digest = Hasher::new(hash).unwrap();
        digest.update(message);
        digest.finish()
    }

    /// FIPS 180-4's example message.
    #[test]
    fn hashes_of_abc() {
        assert_eq!(hash(Hash::Sha256, b"abc").as_bytes()[..4], [0xba, 0x78, 0x16, 0xbf]);
        assert_eq!(hash(Hash::Sha384, b"abc").as_bytes()[..4], [0xcb, 0x00, 0x75, 0x3f]);
        assert_eq!(hash(Hash::Sha512, b"abc").as_bytes()[..4], [0xdd, 0xaf, 0x35, 0xa1]);
        assert_eq!(hash(Hash::Sha384, b"abc").as_bytes().len(), 48);
    }
}
