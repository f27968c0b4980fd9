//! Key exchanges from a seeded generator: X25519 (RFC 8731), ECDH on P-256 (RFC 5656 §4), and, with `mlkem`, the
//! hybrid.
//!
//! Diffie-Hellman is symmetric, so a server does at once what a client does in two steps.

#[cfg(feature = "mlkem")]
use super::hybrid::Hybrid;
use crate::algorithm::Kex;
use crate::crypto::{BadShare, Exchange, Secret, Share};
use crate::seed::Random;
use p256::elliptic_curve::sec1::ToSec1Point;
use x25519_dalek::{SharedSecret, StaticSecret};
use zeroize::Zeroizing;

/// A client's ephemeral key. Its parts clear themselves when dropped.
pub struct Ephemeral(Kind);

enum Kind {
    X25519(StaticSecret),
    P256(p256::SecretKey),
    #[cfg(feature = "mlkem")]
    Hybrid(Hybrid),
}

impl Exchange for Ephemeral {
    fn start(kex: Kex, random: &mut Random) -> Option<Self> {
        match kex {
            Kex::Curve25519 | Kex::Curve25519LibSsh => Some(Self(Kind::X25519(x25519(random)))),
            Kex::EcdhP256 => Some(Self(Kind::P256(p256_scalar(random)))),
            #[cfg(feature = "mlkem")]
            Kex::MlKem768X25519 => Some(Self(Kind::Hybrid(Hybrid::new(random)))),
            _ => None,
        }
    }

    fn offer(&self) -> Share {
        match &self.0 {
            Kind::X25519(secret) => share(&[x25519_dalek::PublicKey::from(secret).as_bytes()]),
            Kind::P256(secret) => share(&[secret.public_key().to_sec1_point(false).as_bytes()]),
            #[cfg(feature = "mlkem")]
            Kind::Hybrid(hybrid) => hybrid.offer(),
        }
    }

    fn finish(self, answer: &[u8]) -> Result<Secret, BadShare> {
        match &self.0 {
            Kind::X25519(secret) => Ok(Secret::mpint(x25519_agree(secret, answer)?.as_bytes())),
            Kind::P256(secret) => p256_agree(secret, answer),
            #[cfg(feature = "mlkem")]
            Kind::Hybrid(hybrid) => hybrid.finish(answer),
        }
    }

    fn respond(kex: Kex, random: &mut Random, offer: &[u8]) -> Result<(Share, Secret), BadShare> {
        #[cfg(feature = "mlkem")]
        if kex == Kex::MlKem768X25519 {
            return Hybrid::respond(random, offer);
        }
        let ours = Self::start(kex, random).ok_or(BadShare)?;
        Ok((ours.offer(), ours.finish(offer)?))
    }
}

impl core::fmt::Debug for Ephemeral {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Ephemeral")
    }
}

/// Parts put together to a share.
pub(super) fn share(parts: &[&[u8]]) -> Share {
    let mut share = Share::new();
    for part in parts {
        let fits = share.extend_from_slice(part);
        debug_assert!(fits.is_ok());
    }
    share
}

/// A new X25519 key; clamping makes one of any 32 bytes.
pub(super) fn x25519(random: &mut Random) -> StaticSecret {
    StaticSecret::from(*Zeroizing::new(random.array::<32>()))
}

/// The X25519 secret; one of all zeros means that the other side chose a point of low order (RFC 8731 §3).
pub(super) fn x25519_agree(secret: &StaticSecret, theirs: &[u8]) -> Result<SharedSecret, BadShare> {
    let theirs: [u8; 32] = theirs.try_into().map_err(|_| BadShare)?;
    let shared = secret.diffie_hellman(&theirs.into());
    if shared.was_contributory() { Ok(shared) } else { Err(BadShare) }
}

/// A new P-256 key: 32 bytes, drawn again in the rare case that they are zero or not below the order.
fn p256_scalar(random: &mut Random) -> p256::SecretKey {
    loop {
        let bytes = Zeroizing::new(random.array::<32>());
        if let Ok(secret) = p256::SecretKey::from_bytes((&*bytes).into()) {
            return secret;
        }
    }
}

/// The x coordinate of the shared point. Shares are uncompressed points on the curve (RFC 5656 §4).
fn p256_agree(secret: &p256::SecretKey, theirs: &[u8]) -> Result<Secret, BadShare> {
    if theirs.len() != 65 || !theirs.starts_with(&[4]) {
        return Err(BadShare);
    }
    let theirs = p256::PublicKey::from_sec1_bytes(theirs).map_err(|_| BadShare)?;
    Ok(Secret::mpint(secret.diffie_hellman(&theirs).raw_secret_bytes()))
}

#[cfg(test)]
mod tests {
    use super::{Ephemeral, x25519_agree};
    use crate::algorithm::Kex;
    use crate::crypto::soft::Soft;
    use crate::crypto::soft::hex;
    use crate::crypto::{BadShare, Exchange, Provider, Secret};
    use crate::seed::{Random, Seed};
    use alloc::vec::Vec;

    fn random(seed: u8) -> Random {
        Random::new(&Seed::new([seed; 32]))
    }

    fn encoded(secret: &Secret) -> Vec<u8> {
        let mut space = [0; 80];
        let mut writer = crate::wire::Writer::new(&mut space);
        secret.encode(&mut writer);
        writer.finish().unwrap().to_vec()
    }

    #[test]
    fn both_sides_agree_and_a_replay_repeats_them() {
        for kex in Soft::KEX {
            let run = |seed| {
                let client = Ephemeral::start(*kex, &mut random(seed)).unwrap();
                let offer = client.offer();
                assert_eq!(offer, client.offer());
                let (answer, theirs) = Ephemeral::respond(*kex, &mut random(2), &offer).unwrap();
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
        for kex in Soft::KEX {
            let client = || Ephemeral::start(*kex, &mut random(1)).unwrap();
            let offer = client().offer();
            let (answer, _) = Ephemeral::respond(*kex, &mut random(2), &offer).unwrap();
            let longer = |share: &[u8]| [share, &[0]].concat();
            for wrong in [&[][..], &offer[1..], &offer[..offer.len() - 1], &longer(&offer)] {
                assert_eq!(Ephemeral::respond(*kex, &mut random(2), wrong).unwrap_err(), BadShare, "{kex}");
            }
            for wrong in [&[][..], &answer[1..], &answer[..answer.len() - 1], &longer(&answer)] {
                assert_eq!(client().finish(wrong).unwrap_err(), BadShare, "{kex}");
            }
        }
    }

    /// RFC 7748 §5.2, first vector.
    #[test]
    fn the_scalar_multiplication_of_the_rfc() {
        let key: [u8; 32] = hex("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4").try_into().unwrap();
        let point = hex("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c");
        let shared = hex("c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552");
        assert_eq!(x25519_agree(&key.into(), &point).map(|shared| shared.to_bytes()), Ok(shared.try_into().unwrap()));
    }

    #[test]
    fn points_of_low_order_are_refused() {
        let low = ["00", "01", "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"];
        for point in low {
            let mut share = [0; 32];
            share.iter_mut().zip(hex(point)).for_each(|(to, from)| *to = from);
            let refused = Ephemeral::respond(Kex::Curve25519, &mut random(1), &share);
            assert_eq!(refused.unwrap_err(), BadShare);
            let client = Ephemeral::start(Kex::Curve25519LibSsh, &mut random(1)).unwrap();
            assert_eq!(client.finish(&share).unwrap_err(), BadShare);
        }
    }

    #[test]
    fn shares_that_are_no_uncompressed_point_are_refused() {
        let share = Ephemeral::start(Kex::EcdhP256, &mut random(1)).unwrap().offer();
        let refused = |share: &[u8]| Ephemeral::respond(Kex::EcdhP256, &mut random(2), share).is_err();
        assert!(!refused(&share));
        let mut off = share.clone();
        off[64] ^= 1;
        assert!(refused(&off));
        for form in [0, 2, 3, 5, 6, 7] {
            let mut other = share.clone();
            other[0] = form;
            assert!(refused(&other));
        }
        assert!(refused(&[&[2 + (share[64] & 1)], &share[1..33]].concat()));
        assert!(refused(&[0]));
        assert!(refused(&[&[4], &[0; 64][..]].concat()));
        assert!(refused(&[&[4], &[0xff; 64][..]].concat()));
    }

    #[test]
    fn a_waiting_client_is_small() {
        assert!(size_of::<Ephemeral>() < 150);
    }
}
