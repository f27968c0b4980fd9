//! Keys that tests sign with, the same in every run. They are public, so they guard nothing: Ed25519 and ECDSA grow from
//! constants, RSA is read from `vectors/keys`.

use sanssh_core::algorithm::HostKey;
use sanssh_core::file::private;
use sanssh_core::file::signing::{KeyType, SigningKey};
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
