//! Keys that tests sign with, the same in every run. They are public, so they guard nothing: Ed25519 and ECDSA grow from
//! constants, RSA is read from `vectors/keys`.

use crate::forger::blob;
use sanssh_core::algorithm::HostKey;
use sanssh_core::crypto::Digest;
use sanssh_core::crypto::soft::Hasher;
use sanssh_core::file::private;
use sanssh_core::file::signing::{KeyType, SigningKey};
use sanssh_core::wire::Reader;
use sanssh_core::{Random, Seed};

const RSA: &[u8] = include_bytes!("../../vectors/keys/test_rsa");

/// What the keys here sign by.
pub const ALGORITHMS: &[HostKey] = &[
    HostKey::Ed25519,
    HostKey::EcdsaP256,
    HostKey::EcdsaP384,
    HostKey::EcdsaP521,
    HostKey::RsaSha512,
    HostKey::RsaSha256,
];

/// A key that signs by `algorithm`. Both algorithms of RSA have one key.
///
/// # Panics
/// If the stored RSA key is damaged.
#[must_use]
pub fn key(algorithm: HostKey) -> SigningKey {
    let fresh = |kind| SigningKey::generate(kind, &mut Random::new(&Seed::new([9; 32]))).expect("a key of any seed");
    if algorithm == HostKey::Ed25519 {
        SigningKey::ed25519(&[9; 32])
    } else if algorithm == HostKey::EcdsaP256 {
        fresh(KeyType::EcdsaP256)
    } else if algorithm == HostKey::EcdsaP384 {
        fresh(KeyType::EcdsaP384)
    } else if algorithm == HostKey::EcdsaP521 {
        fresh(KeyType::EcdsaP521)
    } else {
        private::read(RSA, None).expect("the stored test key").key
    }
}

/// A security key's place taken by a key in memory (OpenSSH PROTOCOL.u2f): it signs the same 69 bytes.
#[derive(Debug)]
pub struct SecurityKey {
    /// Ed25519, or ECDSA on P-256.
    key: SigningKey,
    /// For whom it was made.
    application: String,
}

impl SecurityKey {
    /// The one for [`HostKey::SkEd25519`] or [`HostKey::SkEcdsaP256`], made for `application`.
    #[must_use]
    pub fn new(algorithm: HostKey, application: &str) -> Self {
        let inner = if algorithm == HostKey::SkEd25519 { HostKey::Ed25519 } else { HostKey::EcdsaP256 };
        Self { key: key(inner), application: application.into() }
    }

    /// The algorithm that it signs by.
    #[must_use]
    pub fn algorithm(&self) -> HostKey {
        if self.key.algorithms() == [HostKey::Ed25519] { HostKey::SkEd25519 } else { HostKey::SkEcdsaP256 }
    }

    /// The public key blob: the inner key's under another name, and the application.
    ///
    /// # Panics
    /// If the inner key's blob has no type name.
    #[must_use]
    pub fn public(&self) -> Vec<u8> {
        let mut reader = Reader::new(self.key.public());
        reader.string().expect("a type name");
        blob().string(self.algorithm().name()).raw(reader.rest()).string(&self.application).done()
    }

    /// The signature blob on a message: `flags` has 1 for touched and 4 for verified.
    ///
    /// # Panics
    /// If the inner key does not sign.
    #[must_use]
    pub fn sign(&self, message: &[u8], flags: u8, counter: u32) -> Vec<u8> {
        let hash = |bytes: &[u8]| {
            let mut digest = Hasher::sha256();
            digest.update(bytes);
            digest.finish()
        };
        let application = hash(self.application.as_bytes());
        let signed = blob().raw(application.as_bytes()).u8(flags).u32(counter).raw(hash(message).as_bytes()).done();
        let inner = self.key.sign(self.key.algorithms()[0], &signed).expect("a signature");
        let mut reader = Reader::new(&inner);
        reader.string().expect("an algorithm");
        let raw = reader.string().expect("a signature");
        blob().string(self.algorithm().name()).string(raw).u8(flags).u32(counter).done()
    }
}
