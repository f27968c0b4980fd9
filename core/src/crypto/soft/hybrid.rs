//! `mlkem768x25519-sha256` (draft-ietf-sshm-mlkem-hybrid-kex): ML-KEM-768 and X25519 side by side, so that the secret
//! holds as long as one of them does.
//!
//! A client keeps only what its keys grow from, and grows them again for each use: 96 bytes instead of several
//! kilobytes.

use super::exchange::{share, x25519, x25519_agree};
use crate::crypto::{BadShare, Secret, Share};
use crate::seed::Random;
use ml_kem::ml_kem_768::{Ciphertext, DecapsulationKey, EncapsulationKey};
use ml_kem::{Decapsulate, Key, KeyExport};
use sha2::{Digest, Sha256};
use x25519_dalek::{PublicKey, SharedSecret, StaticSecret};
use zeroize::{Zeroize, Zeroizing};

/// The seeds of a client's keys.
pub(super) struct Hybrid {
    /// `d` and `z` (FIPS 203 §7.1).
    kem: Zeroizing<[u8; 64]>,
    curve: StaticSecret,
}

impl Hybrid {
    pub(super) fn new(random: &mut Random) -> Self {
        Self { kem: Zeroizing::new(random.array()), curve: x25519(random) }
    }

    /// `C_INIT`: the encapsulation key, then the X25519 key.
    pub(super) fn offer(&self) -> Share {
        share(&[&self.key().encapsulation_key().to_bytes(), PublicKey::from(&self.curve).as_bytes()])
    }

    pub(super) fn finish(&self, answer: &[u8]) -> Result<Secret, BadShare> {
        let (sealed, theirs) = answer.split_last_chunk::<32>().ok_or(BadShare)?;
        let sealed = <&Ciphertext>::try_from(sealed).map_err(|_| BadShare)?;
        let classical = x25519_agree(&self.curve, theirs)?;
        let mut quantum = self.key().decapsulate(sealed);
        let secret = combine(&quantum, &classical);
        quantum.as_mut_slice().zeroize();
        Ok(secret)
    }

    /// `S_REPLY`: the ciphertext, then the X25519 key. Encapsulation keys with coefficients that are not reduced are
    /// refused (FIPS 203 §7.2).
    pub(super) fn respond(random: &mut Random, offer: &[u8]) -> Result<(Share, Secret), BadShare> {
        let (key, theirs) = offer.split_last_chunk::<32>().ok_or(BadShare)?;
        let key = <&Key<EncapsulationKey>>::try_from(key).map_err(|_| BadShare)?;
        let key = EncapsulationKey::new(key).map_err(|_| BadShare)?;
        let curve = x25519(random);
        let classical = x25519_agree(&curve, theirs)?;
        let message = Zeroizing::new(random.array::<32>());
        let (sealed, mut quantum) = key.encapsulate_deterministic((&*message).into());
        let secret = combine(&quantum, &classical);
        quantum.as_mut_slice().zeroize();
        Ok((share(&[&sealed, PublicKey::from(&curve).as_bytes()]), secret))
    }

    fn key(&self) -> DecapsulationKey {
        DecapsulationKey::from_seed((*self.kem).into())
    }
}

/// `K = SHA-256(K_PQ || K_CL)`, which the exchange hash takes as a string.
fn combine(quantum: &[u8], classical: &SharedSecret) -> Secret {
    let mut digest: [u8; 32] = Sha256::new().chain_update(quantum).chain_update(classical.as_bytes()).finalize().into();
    let secret = Secret::string(&digest);
    digest.zeroize();
    secret
}
