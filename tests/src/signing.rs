//! Keys that tests sign with, the same in every run. They are public, so they guard nothing: Ed25519 and ECDSA grow from
//! constants, RSA is read from `vectors/keys`.

use sanssh_core::algorithm::HostKey;
use sanssh_core::file::{SigningKey, private};
use sanssh_core::{Random, Seed};

const RSA: &[u8] = include_bytes!("../../vectors/keys/test_rsa");

/// What the keys here sign by.
pub const ALGORITHMS: &[HostKey] = &[HostKey::Ed25519, HostKey::EcdsaP256, HostKey::RsaSha512, HostKey::RsaSha256];

/// A key that signs by `algorithm`. Both algorithms of RSA have one key.
///
/// # Panics
/// If the stored RSA key is damaged.
#[must_use]
pub fn key(algorithm: HostKey) -> SigningKey {
    let random = &mut Random::new(&Seed::new([9; 32]));
    if algorithm == HostKey::Ed25519 {
        SigningKey::ed25519(&[9; 32])
    } else if algorithm == HostKey::EcdsaP256 {
        SigningKey::ecdsa_p256(random)
    } else {
        private::read(RSA, None).expect("the stored test key").key
    }
}
