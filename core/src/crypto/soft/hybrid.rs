//! Key encapsulation and a curve side by side, so that the secret holds as long as one of them does
//! (draft-ietf-sshm-mlkem-hybrid-kex, RFC 9941).

use super::Hasher;
use super::curve::{Curve, Scalar};
use super::kem::{Decapsulation, Kem};
use crate::algorithm::Kex;
use crate::crypto::kem::combine;
use crate::crypto::{BadShare, Secret, Share};
use crate::seed::Random;

/// A client's two keys.
pub(super) struct Hybrid {
    kex: Kex,
    kem: Decapsulation,
    curve: Scalar,
}

impl Hybrid {
    pub(super) fn new(kex: Kex, (kem, curve): (Kem, Curve), random: &mut Random) -> Self {
        Self { kex, kem: Decapsulation::new(kem, random), curve: Scalar::new(curve, random) }
    }

    /// `C_INIT`: the encapsulation key, then the key on the curve.
    pub(super) fn offer(&self) -> Share {
        let mut share = Share::new();
        self.kem.offer(&mut share);
        self.curve.offer(&mut share);
        share
    }

    pub(super) fn finish(&self, answer: &[u8]) -> Result<Secret, BadShare> {
        let (_, length) = self.kem.kem.lengths();
        let (sealed, theirs) = answer.split_at_checked(length).ok_or(BadShare)?;
        let classical = self.curve.agree(theirs)?;
        combine::<Hasher>(self.kex.hash(), &*self.kem.open(sealed)?, &classical)
    }

    /// `S_REPLY`: the ciphertext, then the key on the curve.
    pub(super) fn respond(
        kex: Kex,
        (kem, curve): (Kem, Curve),
        random: &mut Random,
        offer: &[u8],
    ) -> Result<(Share, Secret), BadShare> {
        let (length, _) = kem.lengths();
        let (key, theirs) = offer.split_at_checked(length).ok_or(BadShare)?;
        let ours = Scalar::new(curve, random);
        let classical = ours.agree(theirs)?;
        let mut share = Share::new();
        let quantum = kem.seal(key, random, &mut share)?;
        ours.offer(&mut share);
        Ok((share, combine::<Hasher>(kex.hash(), &*quantum, &classical)?))
    }
}

#[cfg(test)]
mod tests {
    use super::Hybrid;
    use crate::algorithm::Kex;
    use crate::crypto::soft::curve::Curve;
    use crate::crypto::soft::kem::Kem;
    use crate::crypto::{BadShare, Secret, Share};
    use crate::seed::{Random, Seed};

    /// Method and parts; bytes of encapsulation key, of ciphertext, of point, and of secret.
    type Case = (Kex, (Kem, Curve), [usize; 4]);

    const CASES: &[Case] = &[
        #[cfg(feature = "mlkem")]
        (Kex::MlKem768X25519, (Kem::MlKem768, Curve::X25519), [1184, 1088, 32, 32]),
        #[cfg(all(feature = "mlkem", feature = "alloc"))]
        (Kex::MlKem768P256, (Kem::MlKem768, Curve::P256), [1184, 1088, 65, 32]),
        #[cfg(all(feature = "mlkem", feature = "alloc"))]
        (Kex::MlKem1024P384, (Kem::MlKem1024, Curve::P384), [1568, 1568, 97, 48]),
        #[cfg(feature = "sntrup")]
        (Kex::Sntrup761X25519, (Kem::Sntrup761, Curve::X25519), [1158, 1039, 32, 64]),
    ];

    fn random(seed: u8) -> Random {
        Random::new(&Seed::new([seed; 32]))
    }

    fn client((kex, parts, _): &Case) -> Hybrid {
        Hybrid::new(*kex, *parts, &mut random(1))
    }

    fn respond((kex, parts, _): &Case, offer: &[u8]) -> Result<(Share, Secret), BadShare> {
        Hybrid::respond(*kex, *parts, &mut random(2), offer)
    }

    #[test]
    fn shares_have_the_lengths_of_the_drafts() {
        for case in CASES {
            let [key, sealed, point, secret] = case.2;
            let offer = client(case).offer();
            assert_eq!(offer.len(), key + point);
            let (answer, ours) = respond(case, &offer).unwrap();
            assert_eq!(answer.len(), sealed + point);
            assert_eq!((ours.len, ours.string), (secret, true));
        }
    }

    #[test]
    fn either_half_is_refused_by_itself() {
        for case in CASES {
            let [key, sealed, ..] = case.2;
            let sound = client(case).offer();
            let (mut answer, _) = respond(case, &sound).unwrap();
            answer[sealed..].fill(0);
            assert_eq!(client(case).finish(&answer).unwrap_err(), BadShare);
            let mut offer = sound.clone();
            offer[key..].fill(0);
            assert_eq!(respond(case, &offer).unwrap_err(), BadShare);
            // Coefficients above the modulus; the other mechanism takes any bytes for a key.
            let mut offer = sound;
            offer[..3].fill(0xff);
            assert_eq!(respond(case, &offer).is_err(), case.0.name().starts_with("mlkem"));
        }
    }

    #[test]
    fn a_damaged_ciphertext_gives_another_secret() {
        for case in CASES {
            let (mut answer, theirs) = respond(case, &client(case).offer()).unwrap();
            assert_eq!(client(case).finish(&answer).unwrap().as_bytes(), theirs.as_bytes());
            answer[0] ^= 1;
            assert_ne!(client(case).finish(&answer).unwrap().as_bytes(), theirs.as_bytes());
        }
    }
}
