//! ECDSA private keys on the three NIST curves (RFC 5656), signing with the nonces of RFC 6979: none is ever drawn, so
//! none can be drawn badly.

use crate::wire::Malformed;
use alloc::boxed::Box;
use alloc::vec::Vec;
use p256::ecdsa::signature::Signer;
use zeroize::Zeroizing;

/// The curves that SSH has algorithms for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Curve {
    P256,
    P384,
    P521,
}

impl Curve {
    pub(super) const ALL: [Self; 3] = [Self::P256, Self::P384, Self::P521];

    /// The curve's name inside keys; a key's type is this behind `ecdsa-sha2-`.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::P256 => "nistp256",
            Self::P384 => "nistp384",
            Self::P521 => "nistp521",
        }
    }

    /// Bytes of a scalar.
    const fn width(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }

    /// The bits of a scalar's first byte that may be set.
    pub(super) const fn mask(self) -> u8 {
        match self {
            Self::P256 | Self::P384 => 0xff,
            Self::P521 => 0x01,
        }
    }

    /// Space for a scalar.
    pub(super) fn scalar(self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(alloc::vec![0; self.width()])
    }
}

/// A private key, wiped when dropped.
pub(super) enum Key {
    P256(Box<p256::ecdsa::SigningKey>),
    P384(Box<p384::ecdsa::SigningKey>),
    P521(Box<p521::ecdsa::SigningKey>),
}

/// The same for each curve's own type.
macro_rules! each {
    ($key:expr, $secret:ident => $value:expr) => {
        match $key {
            Key::P256($secret) => $value,
            Key::P384($secret) => $value,
            Key::P521($secret) => $value,
        }
    };
}

/// `r` and `s` as `mpint`s (RFC 5656 §3.1.2).
macro_rules! pair {
    ($curve:ident, $key:expr, $message:expr) => {{
        let signature: $curve::ecdsa::Signature = $key.try_sign($message).ok()?;
        let (r, s) = signature.split_bytes();
        super::compose(|sink| {
            sink.mpint(&r);
            sink.mpint(&s);
        })
    }};
}

impl Key {
    /// The key of a scalar, big-endian, with or without leading zeros. Zero, and the group's order and above, make none.
    pub(super) fn new(curve: Curve, scalar: &[u8]) -> Result<Self, Malformed> {
        let scalar = crate::wire::Mpint::trim(scalar);
        let mut wide = curve.scalar();
        let start = wide.len().checked_sub(scalar.len()).ok_or(Malformed)?;
        wide.get_mut(start..).ok_or(Malformed)?.copy_from_slice(scalar);
        Ok(match curve {
            Curve::P256 => Self::P256(Box::new(p256::ecdsa::SigningKey::from_slice(&wide).map_err(|_| Malformed)?)),
            Curve::P384 => Self::P384(Box::new(p384::ecdsa::SigningKey::from_slice(&wide).map_err(|_| Malformed)?)),
            Curve::P521 => Self::P521(Box::new(p521::ecdsa::SigningKey::from_slice(&wide).map_err(|_| Malformed)?)),
        })
    }

    pub(super) const fn curve(&self) -> Curve {
        match self {
            Self::P256(_) => Curve::P256,
            Self::P384(_) => Curve::P384,
            Self::P521(_) => Curve::P521,
        }
    }

    /// The public point, uncompressed.
    pub(super) fn point(&self) -> Vec<u8> {
        each!(self, key => key.verifying_key().to_sec1_point(false).as_bytes().to_vec())
    }

    /// The scalar at full width.
    pub(super) fn scalar(&self) -> Zeroizing<Vec<u8>> {
        each!(self, key => Zeroizing::new(Zeroizing::new(key.to_bytes()).to_vec()))
    }

    /// The bare signature.
    pub(super) fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        Some(match self {
            Self::P256(key) => pair!(p256, key, message),
            Self::P384(key) => pair!(p384, key, message),
            Self::P521(key) => pair!(p521, key, message),
        })
    }
}
