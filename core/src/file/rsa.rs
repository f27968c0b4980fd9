//! RSA private keys out of OpenSSH files, made fit for ring, which signs with them. ring wants two exponents that the
//! files leave out; without ring a key is checked and cannot sign.

use super::Unsupported;
use crate::algorithm::HostKey;
use crate::crypto::signature::bit_length;
use crate::wire::Malformed;
#[cfg(feature = "ring")]
use alloc::boxed::Box;
use alloc::vec::Vec;
use crypto_bigint::{BoxedUint, ConcatenatingMul};
#[cfg(feature = "ring")]
use crypto_bigint::{Limb, NonZero};
#[cfg(feature = "ring")]
use ring::{
    rand::SystemRandom,
    rsa::{KeyPairComponents, PublicKeyComponents},
    signature::{RSA_PKCS1_SHA256, RSA_PKCS1_SHA512, RsaKeyPair},
};
use zeroize::Zeroizing;

/// The numbers of a key as the file has them, big-endian without leading zeros.
#[cfg_attr(not(feature = "ring"), expect(dead_code, reason = "only what signs needs all of them"))]
pub(super) struct Numbers<'a> {
    pub(super) n: &'a [u8],
    pub(super) e: &'a [u8],
    pub(super) d: &'a [u8],
    pub(super) q_inverse: &'a [u8],
    pub(super) p: &'a [u8],
    pub(super) q: &'a [u8],
}

/// Sizes of modulus that ring signs with: at most 4096 bits, in primes of a multiple of 512 bits.
const SIZES: [usize; 3] = [2048, 3072, 4096];

/// Whether keys of this modulus and exponent can be signed with; ring takes exponents from 65537 to 33 bits.
pub(super) fn supported(n: &[u8], e: &[u8]) -> Result<(), Unsupported> {
    let bits = bit_length(n);
    if !SIZES.contains(&bits) {
        return Err(Unsupported::RsaBits(bits));
    }
    if (17..=33).contains(&bit_length(e)) { Ok(()) } else { Err(Unsupported::RsaExponent) }
}

/// A key to sign with.
#[cfg(feature = "ring")]
pub(super) struct Key(RsaKeyPair);

/// A key that could be signed with if ring were here.
#[cfg(not(feature = "ring"))]
pub(super) struct Key;

impl Key {
    /// Puts the key together. The primes must make the modulus, and all numbers must belong together.
    pub(super) fn new(numbers: &Numbers<'_>) -> Result<Self, Malformed> {
        check_product(numbers)?;
        Self::ready(numbers)
    }

    #[cfg(not(feature = "ring"))]
    fn ready(_: &Numbers<'_>) -> Result<Self, Malformed> {
        Ok(Self)
    }

    #[cfg(not(feature = "ring"))]
    pub(super) fn sign(&self, _: HostKey, _: &[u8]) -> Option<Vec<u8>> {
        None
    }

    /// ring checks that a signature verifies before it lets go of it; one made here finds a `d` that is not `e`'s.
    #[cfg(feature = "ring")]
    fn ready(numbers: &Numbers<'_>) -> Result<Self, Malformed> {
        let &Numbers { n, e, d, q_inverse, p, q } = numbers;
        let (d_p, d_q) = (exponent(d, p)?, exponent(d, q)?);
        let public_key = PublicKeyComponents { n, e };
        let parts = KeyPairComponents { public_key, d, p, q, dP: &d_p, dQ: &d_q, qInv: q_inverse };
        let key = Self(RsaKeyPair::from_components(&parts).map_err(|_| Malformed)?);
        key.sign(HostKey::RsaSha256, &[]).ok_or(Malformed)?;
        Ok(key)
    }

    /// The bare signature (RFC 8332 §3). PKCS #1 v1.5 needs no randomness, so the same message gives the same bytes.
    #[cfg(feature = "ring")]
    pub(super) fn sign(&self, algorithm: HostKey, message: &[u8]) -> Option<Vec<u8>> {
        let padding = if algorithm == HostKey::RsaSha256 {
            &RSA_PKCS1_SHA256
        } else if algorithm == HostKey::RsaSha512 {
            &RSA_PKCS1_SHA512
        } else {
            return None;
        };
        let mut signature = alloc::vec![0; self.0.public().modulus_len()];
        self.0.sign(padding, &SystemRandom::new(), message, &mut signature).ok()?;
        Some(signature)
    }
}

/// A secret number at a width that does not depend on its value.
fn number(digits: &[u8], bits: usize) -> Result<Zeroizing<BoxedUint>, Malformed> {
    let bits = u32::try_from(bits).map_err(|_| Malformed)?;
    BoxedUint::from_be_slice(digits, bits).map(Zeroizing::new).map_err(|_| Malformed)
}

fn check_product(numbers: &Numbers<'_>) -> Result<(), Malformed> {
    let bits = bit_length(numbers.n);
    let (p, q) = (number(numbers.p, bits / 2)?, number(numbers.q, bits / 2)?);
    let product = Zeroizing::new(p.concatenating_mul(&*q));
    if *product == *number(numbers.n, bits)? { Ok(()) } else { Err(Malformed) }
}

/// `d mod (p - 1)`, in constant time.
#[cfg(feature = "ring")]
fn exponent(d: &[u8], p: &[u8]) -> Result<Zeroizing<Box<[u8]>>, Malformed> {
    let bits = p.len().saturating_mul(8);
    let below = number(p, bits)?.wrapping_sub(Limb::ONE);
    let below = Zeroizing::new(Option::from(NonZero::new(below)).ok_or(Malformed)?);
    let d = number(d, bits.saturating_mul(2))?;
    let exponent: Zeroizing<BoxedUint> = Zeroizing::new(d.rem(&*below));
    Ok(Zeroizing::new(exponent.to_be_bytes()))
}
