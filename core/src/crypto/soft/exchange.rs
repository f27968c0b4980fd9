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
            #[cfg(not(feature = "mlkem"))]
            Kex::MlKem768X25519 => None,
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
