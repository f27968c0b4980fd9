//! Key exchanges from a seeded generator: what each method is made of.
//!
//! Diffie-Hellman is symmetric, so a server does at once what a client does in two steps; key encapsulation is not.

use super::curve::{Curve, Scalar};
#[cfg(any(feature = "mlkem", feature = "sntrup"))]
use super::hybrid::Hybrid;
#[cfg(any(feature = "mlkem", feature = "sntrup"))]
use super::kem::Kem;
#[cfg(feature = "alloc")]
use super::modular::Exponent;
use crate::algorithm::Kex;
use crate::crypto::group::Group;
use crate::crypto::{BadShare, Exchange, Secret, Share};
use crate::seed::Random;

/// The methods that there are.
pub(super) const KEX: &[Kex] = &[
    #[cfg(feature = "mlkem")]
    Kex::MlKem768X25519,
    #[cfg(feature = "sntrup")]
    Kex::Sntrup761X25519,
    #[cfg(feature = "sntrup")]
    Kex::Sntrup761X25519OpenSsh,
    #[cfg(all(feature = "mlkem", feature = "alloc"))]
    Kex::MlKem1024P384,
    #[cfg(all(feature = "mlkem", feature = "alloc"))]
    Kex::MlKem768P256,
    Kex::Curve25519,
    Kex::Curve25519LibSsh,
    Kex::EcdhP256,
    #[cfg(feature = "alloc")]
    Kex::EcdhP384,
    #[cfg(feature = "alloc")]
    Kex::EcdhP521,
    #[cfg(feature = "alloc")]
    Kex::GroupExchangeSha256,
    #[cfg(feature = "alloc")]
    Kex::Group16Sha512,
    #[cfg(feature = "alloc")]
    Kex::Group18Sha512,
    #[cfg(feature = "alloc")]
    Kex::Group17Sha512,
    #[cfg(feature = "alloc")]
    Kex::Group15Sha512,
    #[cfg(feature = "alloc")]
    Kex::Group14Sha256,
    #[cfg(feature = "alloc")]
    Kex::GroupExchangeSha1,
    #[cfg(feature = "alloc")]
    Kex::Group14Sha1,
    #[cfg(feature = "alloc")]
    Kex::Group1Sha1,
];

/// What a method is made of.
enum Parts {
    Curve(Curve),
    #[cfg(any(feature = "mlkem", feature = "sntrup"))]
    Hybrid(Kem, Curve),
    /// The published group of so many bits.
    #[cfg(feature = "alloc")]
    Modular(u32),
}

const fn parts(kex: Kex) -> Option<Parts> {
    Some(match kex {
        Kex::Curve25519 | Kex::Curve25519LibSsh => Parts::Curve(Curve::X25519),
        Kex::EcdhP256 => Parts::Curve(Curve::P256),
        #[cfg(feature = "alloc")]
        Kex::EcdhP384 => Parts::Curve(Curve::P384),
        #[cfg(feature = "alloc")]
        Kex::EcdhP521 => Parts::Curve(Curve::P521),
        #[cfg(feature = "mlkem")]
        Kex::MlKem768X25519 => Parts::Hybrid(Kem::MlKem768, Curve::X25519),
        #[cfg(all(feature = "mlkem", feature = "alloc"))]
        Kex::MlKem768P256 => Parts::Hybrid(Kem::MlKem768, Curve::P256),
        #[cfg(all(feature = "mlkem", feature = "alloc"))]
        Kex::MlKem1024P384 => Parts::Hybrid(Kem::MlKem1024, Curve::P384),
        #[cfg(feature = "sntrup")]
        Kex::Sntrup761X25519 | Kex::Sntrup761X25519OpenSsh => Parts::Hybrid(Kem::Sntrup761, Curve::X25519),
        #[cfg(feature = "alloc")]
        Kex::Group1Sha1 => Parts::Modular(1024),
        #[cfg(feature = "alloc")]
        Kex::Group14Sha1 | Kex::Group14Sha256 => Parts::Modular(2048),
        #[cfg(feature = "alloc")]
        Kex::Group15Sha512 => Parts::Modular(3072),
        #[cfg(feature = "alloc")]
        Kex::Group16Sha512 => Parts::Modular(4096),
        #[cfg(feature = "alloc")]
        Kex::Group17Sha512 => Parts::Modular(6144),
        #[cfg(feature = "alloc")]
        Kex::Group18Sha512 => Parts::Modular(8192),
        _ => return None,
    })
}

/// A client's ephemeral key. Its parts clear themselves when dropped.
pub struct Ephemeral(Kind);

enum Kind {
    Curve(Scalar),
    #[cfg(any(feature = "mlkem", feature = "sntrup"))]
    Hybrid(Hybrid),
    #[cfg(feature = "alloc")]
    Modular(Exponent),
}

impl Exchange for Ephemeral {
    type Share = Share;

    fn start(kex: Kex, random: &mut Random) -> Option<Self> {
        match parts(kex)? {
            Parts::Curve(curve) => Some(Self(Kind::Curve(Scalar::new(curve, random)))),
            #[cfg(any(feature = "mlkem", feature = "sntrup"))]
            Parts::Hybrid(kem, curve) => Some(Self(Kind::Hybrid(Hybrid::new(kex, (kem, curve), random)))),
            #[cfg(feature = "alloc")]
            Parts::Modular(bits) => Self::start_in(&Group::of(bits)?, random),
        }
    }

    fn offer(&self) -> Share {
        match &self.0 {
            Kind::Curve(scalar) => {
                let mut share = Share::new();
                scalar.offer(&mut share);
                share
            }
            #[cfg(any(feature = "mlkem", feature = "sntrup"))]
            Kind::Hybrid(hybrid) => hybrid.offer(),
            #[cfg(feature = "alloc")]
            Kind::Modular(exponent) => exponent.offer(),
        }
    }

    fn finish(self, answer: &[u8]) -> Result<Secret, BadShare> {
        match &self.0 {
            Kind::Curve(scalar) => scalar.agree(answer),
            #[cfg(any(feature = "mlkem", feature = "sntrup"))]
            Kind::Hybrid(hybrid) => hybrid.finish(answer),
            #[cfg(feature = "alloc")]
            Kind::Modular(exponent) => exponent.agree(answer),
        }
    }

    fn respond(kex: Kex, random: &mut Random, offer: &[u8]) -> Result<(Share, Secret), BadShare> {
        #[cfg(any(feature = "mlkem", feature = "sntrup"))]
        if let Some(Parts::Hybrid(kem, curve)) = parts(kex) {
            return Hybrid::respond(kex, (kem, curve), random, offer);
        }
        Self::start(kex, random).ok_or(BadShare)?.answer(offer)
    }

    #[cfg(feature = "alloc")]
    fn start_in(group: &Group, random: &mut Random) -> Option<Self> {
        Some(Self(Kind::Modular(Exponent::new(group, random)?)))
    }

    #[cfg(not(feature = "alloc"))]
    fn start_in(_: &Group, _: &mut Random) -> Option<Self> {
        None
    }

    fn respond_in(group: &Group, random: &mut Random, offer: &[u8]) -> Result<(Share, Secret), BadShare> {
        Self::start_in(group, random).ok_or(BadShare)?.answer(offer)
    }
}

impl Ephemeral {
    fn answer(self, offer: &[u8]) -> Result<(Share, Secret), BadShare> {
        Ok((self.offer(), self.finish(offer)?))
    }
}

impl core::fmt::Debug for Ephemeral {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Ephemeral")
    }
}

#[cfg(test)]
mod tests {
    use super::{Ephemeral, KEX};
    use crate::algorithm::Kex;
    use crate::crypto::{BadShare, Exchange, Secret, Share};
    use crate::seed::{Random, Seed};
    use alloc::vec::Vec;

    fn random(seed: u8) -> Random {
        Random::new(&Seed::new([seed; 32]))
    }

    fn encoded(secret: &Secret) -> Vec<u8> {
        let mut space = [0; 1100];
        let mut writer = crate::wire::Writer::new(&mut space);
        secret.encode(&mut writer);
        writer.finish().unwrap().to_vec()
    }

    /// The group of a group exchange, as the server would choose it.
    #[cfg(feature = "alloc")]
    fn group() -> super::Group {
        super::Group::of(2048).unwrap()
    }

    fn start(kex: Kex, seed: u8) -> Ephemeral {
        #[cfg(feature = "alloc")]
        if kex.has_group_exchange() {
            return Ephemeral::start_in(&group(), &mut random(seed)).unwrap();
        }
        Ephemeral::start(kex, &mut random(seed)).unwrap()
    }

    fn respond(kex: Kex, offer: &[u8]) -> Result<(Share, Secret), BadShare> {
        #[cfg(feature = "alloc")]
        if kex.has_group_exchange() {
            return Ephemeral::respond_in(&group(), &mut random(2), offer);
        }
        Ephemeral::respond(kex, &mut random(2), offer)
    }

    #[test]
    fn both_sides_agree_and_a_replay_repeats_them() {
        for kex in KEX {
            let run = |seed| {
                let client = start(*kex, seed);
                let offer = client.offer();
                assert_eq!(offer, client.offer());
                let (answer, theirs) = respond(*kex, &offer).unwrap();
                let ours = client.finish(&answer).unwrap();
                assert_eq!(encoded(&ours), encoded(&theirs), "{kex}");
                (offer, answer, encoded(&ours))
            };
            assert_eq!(run(1), run(1));
            assert_ne!(run(1).2, run(3).2);
        }
    }

    #[test]
    fn shares_of_a_wrong_length_are_refused() {
        for kex in KEX {
            let client = || start(*kex, 1);
            let offer = client().offer();
            let (answer, _) = respond(*kex, &offer).unwrap();
            let longer = |share: &[u8]| [share, &[0]].concat();
            // A shorter number is a number too.
            let shorter = |share: &[u8]| share[..share.len() - usize::from(share.len() % 128 > 1)].to_vec();
            for wrong in [&[][..], &shorter(&offer), &longer(&offer)] {
                assert_eq!(respond(*kex, wrong).is_err(), wrong != &offer[..], "{kex}");
            }
            for wrong in [&[][..], &shorter(&answer), &longer(&answer)] {
                assert_eq!(client().finish(wrong).is_err(), wrong != &answer[..], "{kex}");
            }
        }
    }

    #[cfg(not(feature = "alloc"))]
    #[test]
    fn a_waiting_client_is_small() {
        assert!(size_of::<Ephemeral>() < 150);
    }
}
