//! X25519 with ML-KEM-768 beside it, so that the secret holds as long as one of them does, or alone
//! (draft-ietf-sshm-mlkem-hybrid-kex, RFC 8731).

use super::{Sha256, X25519, ml_kem_768};
use crate::algorithm::{Hash, Kex};
use crate::crypto::group::Group;
use crate::crypto::kem::{append, combine};
use crate::crypto::{BadShare, Exchange, Secret};
use crate::seed::Random;
use heapless::Vec;
use zeroize::Zeroizing;

/// Bytes of an encapsulation key, and of a ciphertext.
const KEY: usize = 1184;
const SEALED: usize = 1088;

/// The key on the curve, and what the other one grows from unless the curve is alone.
pub struct Hybrid {
    seed: Option<Zeroizing<[u8; 64]>>,
    curve: X25519,
}

impl Exchange for Hybrid {
    type Share = Vec<u8, { KEY + 32 }>;

    fn start(kex: Kex, random: &mut Random) -> Option<Self> {
        let seed = (kex == Kex::MlKem768X25519).then(|| Zeroizing::new(random.array()));
        Some(Self { seed, curve: X25519::new(random) })
    }

    /// `C_INIT`: the encapsulation key, then the key on the curve.
    fn offer(&self) -> Self::Share {
        let mut share = Vec::new();
        if let Some(seed) = &self.seed {
            ml_kem_768::offer(seed, &mut share);
        }
        append(&mut share, &self.curve.public());
        share
    }

    fn finish(self, answer: &[u8]) -> Result<Secret, BadShare> {
        let Some(seed) = &self.seed else { return self.curve.agree(answer) };
        let (sealed, theirs) = answer.split_at_checked(SEALED).ok_or(BadShare)?;
        let classical = self.curve.agree(theirs)?;
        combine::<Sha256>(Hash::Sha256, &*ml_kem_768::open(seed, sealed)?, &classical)
    }

    /// `S_REPLY`: the ciphertext, then the key on the curve.
    fn respond(kex: Kex, random: &mut Random, offer: &[u8]) -> Result<(Self::Share, Secret), BadShare> {
        let ours = X25519::new(random);
        let mut share = Vec::new();
        if kex != Kex::MlKem768X25519 {
            append(&mut share, &ours.public());
            return Ok((share, ours.agree(offer)?));
        }
        let (key, theirs) = offer.split_at_checked(KEY).ok_or(BadShare)?;
        let classical = ours.agree(theirs)?;
        let quantum = ml_kem_768::seal(key, &Zeroizing::new(random.array()), &mut share)?;
        append(&mut share, &ours.public());
        Ok((share, combine::<Sha256>(Hash::Sha256, &*quantum, &classical)?))
    }

    fn start_in(_: &Group, _: &mut Random) -> Option<Self> {
        None
    }

    fn respond_in(_: &Group, _: &mut Random, _: &[u8]) -> Result<(Self::Share, Secret), BadShare> {
        Err(BadShare)
    }
}

impl core::fmt::Debug for Hybrid {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Hybrid")
    }
}
