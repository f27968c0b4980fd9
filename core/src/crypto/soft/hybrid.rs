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

#[cfg(test)]
mod tests {
    use super::Hybrid;
    use crate::crypto::BadShare;
    use crate::seed::{Random, Seed};

    fn random(seed: u8) -> Random {
        Random::new(&Seed::new([seed; 32]))
    }

    #[test]
    fn shares_have_the_lengths_of_the_draft() {
        let offer = Hybrid::new(&mut random(1)).offer();
        assert_eq!(offer.len(), 1184 + 32);
        let (answer, secret) = Hybrid::respond(&mut random(2), &offer).unwrap();
        assert_eq!(answer.len(), 1088 + 32);
        assert_eq!((secret.len, secret.string), (32, true));
    }

    #[test]
    fn coefficients_beyond_the_modulus_and_points_of_low_order_are_refused() {
        let client = Hybrid::new(&mut random(1));
        let offer = client.offer();
        let mut large = offer.clone();
        large[..2].fill(0xff);
        assert_eq!(Hybrid::respond(&mut random(2), &large).unwrap_err(), BadShare);
        let mut low = offer.clone();
        low[1184..].fill(0);
        assert_eq!(Hybrid::respond(&mut random(2), &low).unwrap_err(), BadShare);
        let (mut answer, _) = Hybrid::respond(&mut random(2), &offer).unwrap();
        answer[1088..].fill(0);
        assert_eq!(client.finish(&answer).unwrap_err(), BadShare);
    }

    /// ML-KEM gives another secret instead of an error (FIPS 203 §6.3): the exchange then fails at the signature.
    #[test]
    fn a_damaged_ciphertext_gives_another_secret() {
        let client = Hybrid::new(&mut random(1));
        let (mut answer, theirs) = Hybrid::respond(&mut random(2), &client.offer()).unwrap();
        assert_eq!(client.finish(&answer).unwrap().bytes, theirs.bytes);
        answer[0] ^= 1;
        assert_ne!(client.finish(&answer).unwrap().bytes, theirs.bytes);
    }
}
