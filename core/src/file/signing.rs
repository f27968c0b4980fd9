//! Keys that sign: Ed25519 (RFC 8709), ECDSA on P-256 (RFC 5656) with the nonces of RFC 6979, RSA (RFC 8332).
//! The same key and message always give the same signature, so a connection that uses one can be replayed.

use super::{compose, rsa};
use crate::algorithm::HostKey;
use crate::seed::Random;
use crate::wire::Malformed;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use p256::ecdsa::signature::Signer;
use zeroize::Zeroizing;

/// A private key with its public half. Ed25519 and ECDSA keys are wiped when dropped; an RSA key is in ring's hands,
/// which does not wipe.
pub struct SigningKey {
    secret: Secret,
    public: Vec<u8>,
}

pub(super) enum Secret {
    Ed25519(Box<ed25519_dalek::SigningKey>),
    EcdsaP256(Box<p256::ecdsa::SigningKey>),
    Rsa(Box<rsa::Key>),
}

/// Why a key did not sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CannotSign {
    /// The algorithm is not for keys of this type.
    WrongAlgorithm,
    /// RSA needs the feature `ring`.
    NoRsa,
    /// The arithmetic failed its own check; nothing of it got out.
    Failed,
}

impl SigningKey {
    /// The Ed25519 key of a seed (RFC 8032 §5.1.5); 32 bytes that nobody can guess make a new key.
    pub fn ed25519(seed: &[u8; 32]) -> Self {
        let key = ed25519_dalek::SigningKey::from_bytes(seed);
        let public = compose(|sink| {
            sink.string(HostKey::Ed25519.key_type().as_bytes());
            sink.string(key.verifying_key().as_bytes());
        });
        Self { secret: Secret::Ed25519(Box::new(key)), public }
    }

    /// A new ECDSA key on P-256.
    pub fn ecdsa_p256(random: &mut Random) -> Self {
        loop {
            // A draw fails for one number in 2^32: zero, or the group's order and above.
            if let Ok(key) = Self::ecdsa_p256_scalar(&*Zeroizing::new(random.array::<32>())) {
                return key;
            }
        }
    }

    /// The ECDSA key of a private scalar, big-endian, of up to 32 bytes.
    pub(super) fn ecdsa_p256_scalar(scalar: &[u8]) -> Result<Self, Malformed> {
        let mut wide = Zeroizing::new([0; 32]);
        let start = wide.len().checked_sub(scalar.len()).ok_or(Malformed)?;
        wide.get_mut(start..).ok_or(Malformed)?.copy_from_slice(scalar);
        let key = p256::ecdsa::SigningKey::from_slice(&*wide).map_err(|_| Malformed)?;
        let point = key.verifying_key().to_sec1_point(false);
        let public = compose(|sink| {
            sink.string(HostKey::EcdsaP256.key_type().as_bytes());
            sink.string(b"nistp256");
            sink.string(point.as_bytes());
        });
        Ok(Self { secret: Secret::EcdsaP256(Box::new(key)), public })
    }

    /// An RSA key from all its numbers.
    pub(super) fn rsa(numbers: &rsa::Numbers<'_>) -> Result<Self, Malformed> {
        let key = rsa::Key::new(numbers)?;
        let public = compose(|sink| {
            sink.string(HostKey::RsaSha512.key_type().as_bytes());
            sink.mpint(numbers.e);
            sink.mpint(numbers.n);
        });
        Ok(Self { secret: Secret::Rsa(Box::new(key)), public })
    }

    /// The public key blob (RFC 4253 §6.6).
    pub fn public(&self) -> &[u8] {
        &self.public
    }

    /// The algorithms that this key signs by, best first; none for RSA without the feature `ring`.
    pub const fn algorithms(&self) -> &'static [HostKey] {
        match self.secret {
            Secret::Ed25519(_) => &[HostKey::Ed25519],
            Secret::EcdsaP256(_) => &[HostKey::EcdsaP256],
            Secret::Rsa(_) if cfg!(feature = "ring") => &[HostKey::RsaSha512, HostKey::RsaSha256],
            Secret::Rsa(_) => &[],
        }
    }

    /// Signs a message. Gives the signature blob: the algorithm's name and the signature, each a `string`.
    pub fn sign(&self, algorithm: HostKey, message: &[u8]) -> Result<Vec<u8>, CannotSign> {
        let raw = match (&self.secret, algorithm) {
            (Secret::Ed25519(key), HostKey::Ed25519) => {
                key.try_sign(message).map_err(|_| CannotSign::Failed)?.to_bytes().to_vec()
            }
            (Secret::EcdsaP256(key), HostKey::EcdsaP256) => ecdsa(key, message)?,
            (Secret::Rsa(_), HostKey::RsaSha512 | HostKey::RsaSha256) if cfg!(not(feature = "ring")) => {
                return Err(CannotSign::NoRsa);
            }
            (Secret::Rsa(key), HostKey::RsaSha512 | HostKey::RsaSha256) => {
                key.sign(algorithm, message).ok_or(CannotSign::Failed)?
            }
            (Secret::Ed25519(_) | Secret::EcdsaP256(_) | Secret::Rsa(_), _) => return Err(CannotSign::WrongAlgorithm),
        };
        Ok(compose(|sink| {
            sink.string(algorithm.name().as_bytes());
            sink.string(&raw);
        }))
    }

    /// What makes the key private, for writing it to a file.
    pub(super) const fn secret(&self) -> &Secret {
        &self.secret
    }
}

/// `r` and `s` as `mpint`s (RFC 5656 §3.1.2).
fn ecdsa(key: &p256::ecdsa::SigningKey, message: &[u8]) -> Result<Vec<u8>, CannotSign> {
    let signature: p256::ecdsa::Signature = key.try_sign(message).map_err(|_| CannotSign::Failed)?;
    let (r, s) = signature.split_bytes();
    Ok(compose(|sink| {
        sink.mpint(&r);
        sink.mpint(&s);
    }))
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", super::public::fingerprint(&self.public))
    }
}

impl fmt::Display for CannotSign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WrongAlgorithm => "the algorithm does not go with the key",
            Self::NoRsa => "this build cannot sign with RSA",
            Self::Failed => "signing failed",
        })
    }
}

impl core::error::Error for CannotSign {}

#[cfg(test)]
mod tests {
    use super::{CannotSign, SigningKey};
    use crate::algorithm::HostKey;
    use crate::crypto::signature::PublicKey;
    use crate::seed::{Random, Seed};
    use crate::wire::Reader;
    use alloc::format;

    fn keys() -> [SigningKey; 2] {
        [SigningKey::ed25519(&[3; 32]), SigningKey::ecdsa_p256(&mut Random::new(&Seed::new([3; 32])))]
    }

    #[test]
    fn public_halves_are_well_formed() {
        for key in keys() {
            assert!(PublicKey::decode(key.public(), 0).unwrap().suits(key.algorithms()[0]));
        }
    }

    #[test]
    fn signatures_name_their_algorithm_and_repeat() {
        for key in keys() {
            let algorithm = key.algorithms()[0];
            let signature = key.sign(algorithm, b"message").unwrap();
            assert_eq!(Reader::new(&signature).string(), Ok(algorithm.name().as_bytes()));
            assert_eq!(key.sign(algorithm, b"message"), Ok(signature));
            assert_eq!(key.sign(HostKey::RsaSha256, b"message"), Err(CannotSign::WrongAlgorithm));
        }
    }

    #[test]
    fn debug_shows_the_fingerprint_only() {
        assert!(format!("{:?}", SigningKey::ed25519(&[3; 32])).starts_with("SigningKey(SHA256:"));
    }
}
