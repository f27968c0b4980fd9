//! New RSA keys, after FIPS 186-5 A.1.3: probable primes drawn from a [`Random`], far apart, with `d` the least that
//! serves.

use super::{MIN_BITS, Secret};
use crate::crypto::signature::MAX_RSA_BITS;
use crate::seed::{Draw, Random};
use alloc::boxed::Box;
use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, ConcatenatingMul, Gcd, Limb, NonZero, Odd};
use crypto_primes::hazmat::{SetBits, SmallFactorsSieveFactory};
use crypto_primes::{Flavor, is_prime, sieve_and_find};
use zeroize::Zeroizing;

/// The public exponent of every new key, a prime.
const E: u64 = 65_537;

/// The numbers of a new key.
pub(in crate::file) struct Fresh {
    n: Secret,
    d: Secret,
    q_inverse: Secret,
    p: Secret,
    q: Secret,
}

impl Fresh {
    /// The public exponent, big-endian.
    pub(in crate::file) const E: [u8; 3] = [1, 0, 1];

    /// `n`, `d`, `q^-1`, `p` and `q`, big-endian.
    pub(in crate::file) fn digits(&self) -> [Zeroizing<Box<[u8]>>; 5] {
        let Self { n, d, q_inverse, p, q } = self;
        [n, d, q_inverse, p, q].map(|number| Zeroizing::new(number.to_be_bytes()))
    }
}

/// Draws a key whose modulus has exactly so many bits; `None` for an odd number of them, or one out of bounds.
pub(in crate::file) fn generate(bits: usize, random: &mut Random) -> Option<Fresh> {
    if !(MIN_BITS..=MAX_RSA_BITS).contains(&bits) || bits % 2 == 1 {
        return None;
    }
    let half = u32::try_from(bits / 2).ok()?;
    loop {
        let (p, q) = (prime(half, random)?, prime(half, random)?);
        // ring, among others, wants the larger one first.
        let (p, q) = if p.cmp_vartime(&*q).is_lt() { (q, p) } else { (p, q) };
        if let Some(fresh) = assemble(p, q, half) {
            return Some(fresh);
        }
    }
}

/// A prime of exactly so many bits, the upper two of them set, so that the product of two has twice as many. The test is
/// Baillie-PSW: no composite number is known that passes it.
fn prime(bits: u32, random: &mut Random) -> Option<Secret> {
    let sieve = SmallFactorsSieveFactory::<BoxedUint>::new(Flavor::Any, bits, SetBits::TwoMsb).ok()?;
    let suits = |number: &BoxedUint| remainder(number) != 1 && is_prime(Flavor::Any, number);
    let found = sieve_and_find(&mut Draw(random), sieve, |_, number| suits(number)).ok()??;
    Some(Zeroizing::new(found))
}

/// `None` if the primes are too near each other, or `d` is too small: both have a chance of less than 2^-90.
fn assemble(p: Secret, q: Secret, half: u32) -> Option<Fresh> {
    let distance = Zeroizing::new(p.wrapping_sub(&*q));
    if distance.bits() <= half.saturating_sub(100) {
        return None;
    }
    let (below_p, below_q) = (Zeroizing::new(p.wrapping_sub(Limb::ONE)), Zeroizing::new(q.wrapping_sub(Limb::ONE)));
    let common: Option<NonZero<_>> = NonZero::new(below_p.gcd(&*below_q)).into();
    let common = Zeroizing::new(common?);
    let least = Zeroizing::new(below_p.concatenating_mul(&*below_q).wrapping_div(&*common));
    let d = inverse_of_e(&least)?;
    if d.bits() <= half {
        return None;
    }
    let n = Zeroizing::new(p.concatenating_mul(&*q));
    let params = BoxedMontyParams::new(Option::from(Odd::new(BoxedUint::clone(&p)))?);
    let form = Zeroizing::new(BoxedMontyForm::new(BoxedUint::clone(&q), &params));
    let inverse = Zeroizing::new(Option::<BoxedMontyForm>::from(form.invert())?);
    let q_inverse = Zeroizing::new(inverse.retrieve());
    Some(Fresh { n, d, q_inverse, p, q })
}

/// `e^-1` modulo `least`: the `d = (1 + k least) / e` that is whole.
fn inverse_of_e(least: &BoxedUint) -> Option<Secret> {
    let remainder = remainder(least);
    // Fermat: the inverse modulo a prime is the power by two less.
    let inverse = (0..u64::BITS).rev().fold(1, |power, bit| {
        let square = power * power % E;
        if (E - 2) >> bit & 1 == 1 { square * remainder % E } else { square }
    });
    let k = BoxedUint::from(E - inverse);
    let whole = Zeroizing::new(least.concatenating_mul(&k).wrapping_add(Limb::ONE));
    let (quotient, rest) = whole.div_rem_limb(NonZero::new(Limb::from(E)).into_option()?);
    if rest == Limb::ZERO { Some(Zeroizing::new(quotient)) } else { None }
}

/// `number mod e`.
fn remainder(number: &BoxedUint) -> u64 {
    let rest = NonZero::new(Limb::from(E)).into_option().map_or(Limb::ZERO, |e| number.rem_limb(e));
    // A limb has as many bytes as the target's words.
    rest.0.to_be_bytes().iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}
