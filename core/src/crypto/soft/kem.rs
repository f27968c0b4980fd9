//! Key encapsulation from a seeded generator: ML-KEM (FIPS 203) and Streamlined NTRU Prime (draft-josefsson-ntruprime-streamlined).
//!
//! A client keeps only what its key grows from, and grows it again for each use: 64 bytes instead of several kilobytes.

use crate::crypto::kem::Shared;
#[cfg(feature = "sntrup")]
use crate::crypto::kem::append;
#[cfg(feature = "mlkem")]
use crate::crypto::lean::ml_kem_768;
#[cfg(all(feature = "mlkem", feature = "alloc"))]
use crate::crypto::lean::ml_kem_1024;
use crate::crypto::{BadShare, Share};
use crate::seed::Random;
use zeroize::Zeroizing;

/// A mechanism.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kem {
    #[cfg(feature = "mlkem")]
    MlKem768,
    #[cfg(all(feature = "mlkem", feature = "alloc"))]
    MlKem1024,
    #[cfg(feature = "sntrup")]
    Sntrup761,
}

impl Kem {
    /// Bytes of encapsulation key, and of ciphertext.
    pub(super) const fn lengths(self) -> (usize, usize) {
        match self {
            #[cfg(feature = "mlkem")]
            Self::MlKem768 => (1184, 1088),
            #[cfg(all(feature = "mlkem", feature = "alloc"))]
            Self::MlKem1024 => (1568, 1568),
            #[cfg(feature = "sntrup")]
            Self::Sntrup761 => (1158, 1039),
        }
    }

    /// A server's part: encapsulates a fresh secret, and appends the ciphertext to its share.
    pub(super) fn seal(self, key: &[u8], random: &mut Random, share: &mut Share) -> Result<Shared, BadShare> {
        match self {
            #[cfg(feature = "mlkem")]
            Self::MlKem768 => ml_kem_768::seal(key, &Shared::new(random.array()), share),
            #[cfg(all(feature = "mlkem", feature = "alloc"))]
            Self::MlKem1024 => ml_kem_1024::seal(key, &Shared::new(random.array()), share),
            #[cfg(feature = "sntrup")]
            Self::Sntrup761 => sntrup761::seal(key, random, share),
        }
    }
}

/// A client's key: the seed of it.
pub(super) struct Decapsulation {
    pub(super) kem: Kem,
    seed: Zeroizing<[u8; 64]>,
}

impl Decapsulation {
    pub(super) fn new(kem: Kem, random: &mut Random) -> Self {
        Self { kem, seed: Zeroizing::new(random.array()) }
    }

    /// Appends the encapsulation key to a share.
    pub(super) fn offer(&self, share: &mut Share) {
        match self.kem {
            #[cfg(feature = "mlkem")]
            Kem::MlKem768 => ml_kem_768::offer(&self.seed, share),
            #[cfg(all(feature = "mlkem", feature = "alloc"))]
            Kem::MlKem1024 => ml_kem_1024::offer(&self.seed, share),
            #[cfg(feature = "sntrup")]
            Kem::Sntrup761 => sntrup761::offer(&self.seed, share),
        }
    }

    /// The secret in a ciphertext. One that was damaged gives another secret instead of an error (FIPS 203 §6.3): the
    /// exchange then fails at the signature.
    pub(super) fn open(&self, sealed: &[u8]) -> Result<Shared, BadShare> {
        match self.kem {
            #[cfg(feature = "mlkem")]
            Kem::MlKem768 => ml_kem_768::open(&self.seed, sealed),
            #[cfg(all(feature = "mlkem", feature = "alloc"))]
            Kem::MlKem1024 => ml_kem_1024::open(&self.seed, sealed),
            #[cfg(feature = "sntrup")]
            Kem::Sntrup761 => sntrup761::open(&self.seed, sealed),
        }
    }
}

/// Streamlined NTRU Prime with 761 coefficients.
#[cfg(feature = "sntrup")]
mod sntrup761 {
    use super::{BadShare, Random, Share, Shared, append};
    use crate::seed::{Draw, Seed};
    use sntrup::sntrup761::{Ciphertext, DecapsulationKey, EncapsulationKey};

    fn keys(seed: &[u8; 64]) -> (EncapsulationKey, DecapsulationKey) {
        let mut random = Random::new(&Seed::new(seed.first_chunk().copied().unwrap_or_default()));
        sntrup::Sntrup761::generate_key(&mut Draw(&mut random))
    }

    pub(super) fn offer(seed: &[u8; 64], share: &mut Share) {
        append(share, keys(seed).0.as_ref());
    }

    pub(super) fn seal(key: &[u8], random: &mut Random, share: &mut Share) -> Result<Shared, BadShare> {
        let key = EncapsulationKey::try_from(key).map_err(|_| BadShare)?;
        let (sealed, secret) = key.encapsulate(&mut Draw(random));
        append(share, sealed.as_ref());
        secret.as_ref().try_into().map(Shared::new).map_err(|_| BadShare)
    }

    pub(super) fn open(seed: &[u8; 64], sealed: &[u8]) -> Result<Shared, BadShare> {
        let sealed = Ciphertext::try_from(sealed).map_err(|_| BadShare)?;
        keys(seed).1.decapsulate(&sealed).as_ref().try_into().map(Shared::new).map_err(|_| BadShare)
    }
}

#[cfg(test)]
mod tests {
    use super::{Decapsulation, Kem};
    use crate::crypto::{BadShare, Share};
    use crate::seed::{Random, Seed};

    const ALL: &[Kem] = &[
        #[cfg(feature = "mlkem")]
        Kem::MlKem768,
        #[cfg(all(feature = "mlkem", feature = "alloc"))]
        Kem::MlKem1024,
        #[cfg(feature = "sntrup")]
        Kem::Sntrup761,
    ];

    fn random(seed: u8) -> Random {
        Random::new(&Seed::new([seed; 32]))
    }

    fn key(kem: Kem) -> (Decapsulation, Share) {
        let (ours, mut share) = (Decapsulation::new(kem, &mut random(1)), Share::new());
        ours.offer(&mut share);
        (ours, share)
    }

    #[test]
    fn what_is_sealed_opens_and_has_its_length() {
        for kem in ALL {
            let (ours, offer) = key(*kem);
            let mut sealed = Share::new();
            let secret = kem.seal(&offer, &mut random(2), &mut sealed).unwrap();
            assert_eq!((offer.len(), sealed.len()), kem.lengths());
            assert_eq!(ours.open(&sealed).unwrap(), secret);
            assert_eq!(ours.open(&sealed[1..]).unwrap_err(), BadShare);
            assert_eq!(kem.seal(&offer[1..], &mut random(2), &mut Share::new()).unwrap_err(), BadShare);
        }
    }

    #[test]
    fn a_damaged_ciphertext_gives_another_secret() {
        for kem in ALL {
            let (ours, offer) = key(*kem);
            let mut sealed = Share::new();
            let secret = kem.seal(&offer, &mut random(2), &mut sealed).unwrap();
            sealed[0] ^= 1;
            assert_ne!(ours.open(&sealed).unwrap(), secret);
        }
    }
}
