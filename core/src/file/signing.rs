//! Keys that sign: Ed25519 (RFC 8709), ECDSA (RFC 5656) with the nonces of RFC 6979, RSA (RFC 8332). The same key and
//! message always give the same signature, so a connection that uses one can be replayed.

use super::ecdsa::Curve;
use super::{compose, ecdsa, rsa};
use crate::algorithm::HostKey;
use crate::crypto::signature::PublicKey;
use crate::seed::Random;
use crate::wire::{Malformed, Mpint};
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use p256::ecdsa::signature::Signer;
use zeroize::Zeroizing;

/// A private key with its public half, wiped when dropped; of RSA keys ring holds a copy that it does not wipe.
pub struct SigningKey {
    secret: Secret,
    public: Vec<u8>,
}

pub(super) enum Secret {
    Ed25519(Box<ed25519_dalek::SigningKey>),
    Ecdsa(ecdsa::Key),
    Rsa(Box<rsa::Key>),
    Token(Box<Token>),
}

/// What a computer keeps of a key that lives in a security key (OpenSSH PROTOCOL.u2f): enough to ask the security key for
/// a signature, not to make one.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    /// What signing asks of the user: 1 a touch, 4 recognition as well; 0x20 if the security key itself lists the key.
    pub flags: u8,
    /// What the security key knows the key by.
    pub handle: Zeroizing<Vec<u8>>,
    /// Kept as it is.
    pub reserved: Vec<u8>,
}

/// What kind of key to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyType {
    /// Ed25519: the best choice where nothing speaks against it.
    Ed25519,
    /// ECDSA on P-256.
    EcdsaP256,
    /// ECDSA on P-384.
    EcdsaP384,
    /// ECDSA on P-521.
    EcdsaP521,
    /// RSA of so many bits, 2048 to 16,384 and even. 3072 take about a second, 16,384 minutes.
    Rsa(usize),
}

/// Why a key did not sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CannotSign {
    /// The algorithm is not for keys of this type.
    WrongAlgorithm,
    /// The key is in a security key, and only its handle is here.
    Token,
    /// The arithmetic failed its own check; nothing of it got out.
    Failed,
}

impl SigningKey {
    /// A new key: the same state of `random` makes the same one. `None` for RSA of a size that is not made.
    pub fn generate(kind: KeyType, random: &mut Random) -> Option<Self> {
        match kind {
            KeyType::Ed25519 => Some(Self::ed25519(&Zeroizing::new(random.array()))),
            KeyType::EcdsaP256 => Some(Self::ecdsa_p256(random)),
            KeyType::EcdsaP384 => Some(Self::ecdsa_new(Curve::P384, random)),
            KeyType::EcdsaP521 => Some(Self::ecdsa_new(Curve::P521, random)),
            KeyType::Rsa(bits) => {
                let fresh = rsa::generate(bits, random)?;
                let digits = fresh.digits();
                let [n, d, q_inverse, p, q] = digits.each_ref().map(|digits| Mpint::trim(digits));
                Self::rsa(&rsa::Numbers { n, e: &rsa::Fresh::E, d, q_inverse, p, q }).ok()
            }
        }
    }

    /// The Ed25519 key of a seed (RFC 8032 §5.1.5); 32 bytes that nobody can guess make a new key.
    pub fn ed25519(seed: &[u8; 32]) -> Self {
        let key = ed25519_dalek::SigningKey::from_bytes(seed);
        let public = compose(|sink| PublicKey::Ed25519(key.verifying_key().as_bytes()).encode(sink));
        Self { secret: Secret::Ed25519(Box::new(key)), public }
    }

    /// A new ECDSA key on P-256, which [`generate`](Self::generate) makes as well.
    pub fn ecdsa_p256(random: &mut Random) -> Self {
        Self::ecdsa_new(Curve::P256, random)
    }

    /// A draw fails if it is zero, or the group's order and above: of P-256 one in 2^32 does, of the others fewer.
    fn ecdsa_new(curve: Curve, random: &mut Random) -> Self {
        loop {
            let mut scalar = curve.scalar();
            random.fill(&mut scalar);
            if let Some(top) = scalar.first_mut() {
                *top &= curve.mask();
            }
            if let Ok(key) = Self::ecdsa(curve, &scalar) {
                return key;
            }
        }
    }

    /// The ECDSA key of a private scalar, big-endian.
    pub(super) fn ecdsa(curve: Curve, scalar: &[u8]) -> Result<Self, Malformed> {
        let key = ecdsa::Key::new(curve, scalar)?;
        let public = compose(|sink| {
            sink.string(algorithm(curve).key_type().as_bytes());
            sink.string(curve.name().as_bytes());
            sink.string(&key.point());
        });
        Ok(Self { secret: Secret::Ecdsa(key), public })
    }

    /// An RSA key from all its numbers.
    pub(super) fn rsa(numbers: &rsa::Numbers<'_>) -> Result<Self, Malformed> {
        let key = rsa::Key::new(numbers)?;
        let public = compose(|sink| PublicKey::Rsa { e: numbers.e, n: numbers.n }.encode(sink));
        PublicKey::decode(&public, rsa::MIN_BITS)?;
        Ok(Self { secret: Secret::Rsa(Box::new(key)), public })
    }

    /// A key in a security key.
    pub(super) fn in_token(public: &PublicKey<'_>, token: Token) -> Self {
        let public = compose(|sink| public.encode(sink));
        Self { secret: Secret::Token(Box::new(token)), public }
    }

    /// The public key blob (RFC 4253 §6.6).
    pub fn public(&self) -> &[u8] {
        &self.public
    }

    /// The algorithms that this key signs by, best first; none if it is in a security key. RSA also signs by
    /// [`HostKey::RsaSha1`], if that is asked for.
    pub const fn algorithms(&self) -> &'static [HostKey] {
        match &self.secret {
            Secret::Ed25519(_) => &[HostKey::Ed25519],
            Secret::Ecdsa(ecdsa::Key::P256(_)) => &[HostKey::EcdsaP256],
            Secret::Ecdsa(ecdsa::Key::P384(_)) => &[HostKey::EcdsaP384],
            Secret::Ecdsa(ecdsa::Key::P521(_)) => &[HostKey::EcdsaP521],
            Secret::Rsa(_) => &[HostKey::RsaSha512, HostKey::RsaSha256],
            Secret::Token(_) => &[],
        }
    }

    /// What is here of a key that lives in a security key.
    pub fn token(&self) -> Option<&Token> {
        match &self.secret {
            Secret::Token(token) => Some(token),
            Secret::Ed25519(_) | Secret::Ecdsa(_) | Secret::Rsa(_) => None,
        }
    }

    /// Signs a message, by the algorithm under a certificate if `algorithm` is one's. Gives the signature blob: the
    /// algorithm's name and the signature, each a `string`.
    pub fn sign(&self, algorithm: HostKey, message: &[u8]) -> Result<Vec<u8>, CannotSign> {
        let algorithm = algorithm.plain();
        if matches!(self.secret, Secret::Token(_)) {
            return Err(CannotSign::Token);
        }
        let old = matches!((&self.secret, algorithm), (Secret::Rsa(_), HostKey::RsaSha1));
        if !old && !self.algorithms().contains(&algorithm) {
            return Err(CannotSign::WrongAlgorithm);
        }
        let raw = match &self.secret {
            Secret::Ed25519(key) => key.try_sign(message).ok().map(|signature| signature.to_bytes().to_vec()),
            Secret::Ecdsa(key) => key.sign(message),
            Secret::Rsa(key) => key.sign(algorithm, message),
            Secret::Token(_) => None,
        };
        let raw = raw.ok_or(CannotSign::Failed)?;
        Ok(compose(|sink| {
            sink.string(algorithm.name().as_bytes());
            sink.string(&raw);
        }))
    }

    /// What makes the key private, for writing it.
    pub(super) const fn secret(&self) -> &Secret {
        &self.secret
    }
}

const fn algorithm(curve: Curve) -> HostKey {
    match curve {
        Curve::P256 => HostKey::EcdsaP256,
        Curve::P384 => HostKey::EcdsaP384,
        Curve::P521 => HostKey::EcdsaP521,
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", super::public::fingerprint(&self.public))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token(flags {:#x})", self.flags)
    }
}

impl fmt::Display for CannotSign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WrongAlgorithm => "the algorithm does not go with the key",
            Self::Token => "the key is in a security key",
            Self::Failed => "signing failed",
        })
    }
}

impl core::error::Error for CannotSign {}

#[cfg(test)]
mod tests {
    use super::{CannotSign, KeyType, SigningKey};
    use crate::algorithm::HostKey;
    use crate::crypto::signature::PublicKey;
    use crate::seed::{Random, Seed};
    use crate::wire::Reader;
    use alloc::format;

    fn keys() -> [SigningKey; 2] {
        [
            SigningKey::ed25519(&[3; 32]),
            SigningKey::generate(KeyType::EcdsaP256, &mut Random::new(&Seed::new([3; 32]))).unwrap(),
        ]
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
