//! The private operation of RSA (RFC 8017 §5.2.1) in constant time: by the Chinese remainder theorem, on a blinded
//! number, verified before it is given.

use super::{Numbers, Secret, exponent, non_zero, number};
use crate::crypto::soft::rsa;
use crate::seed::{Random, Seed};
use crate::wire::Mpint;
use alloc::vec::Vec;
use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, ConcatenatingMul, NonZero, Odd, Resize};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// `encoded ^ d mod n`, of the length of `n`; `None` if it does not verify, as one made with a fault would not. A faulty
/// signature gives the primes away.
pub(super) fn private(numbers: &Numbers<'_>, encoded: &[u8]) -> Option<Vec<u8>> {
    let signature = blinded(numbers, encoded)?;
    let verified = rsa::power(&signature, numbers.e, numbers.n)?;
    if Mpint::trim(&verified) == Mpint::trim(encoded) { Some(signature) } else { None }
}

/// What is raised to the secret exponents is `encoded r^e`, so its owner cannot choose it; `r` comes out as a factor.
fn blinded(numbers: &Numbers<'_>, encoded: &[u8]) -> Option<Vec<u8>> {
    let n = number(numbers.n, numbers.n.len()).ok()?;
    let params = BoxedMontyParams::new_vartime(Option::from(Odd::new(BoxedUint::clone(&n)))?);
    let factor = Zeroizing::new(BoxedMontyForm::new(blind(numbers, encoded)?, &params));
    let e = number(numbers.e, numbers.e.len()).ok()?;
    let mask = Zeroizing::new(factor.pow_bounded_exp(&e, e.bits_vartime()));
    let encoded = BoxedMontyForm::new(BoxedUint::clone(&*number(encoded, numbers.n.len()).ok()?), &params);
    let power = split(numbers, &Zeroizing::new(encoded.mul(&mask).retrieve()))?;
    let power = Zeroizing::new(BoxedMontyForm::new(power, &params));
    let inverse = Zeroizing::new(Option::<BoxedMontyForm>::from(factor.invert())?);
    let signature = power.mul(&inverse).retrieve().to_be_bytes();
    // Whole words came out.
    let start = signature.len().checked_sub(numbers.n.len())?;
    signature.get(start..).map(<[u8]>::to_vec)
}

/// A number below `n` that nobody can guess without the key; the same key and message give the same one, so signing
/// stays a function.
fn blind(numbers: &Numbers<'_>, encoded: &[u8]) -> Option<BoxedUint> {
    let mut hash = Sha256::new();
    hash.update(numbers.d);
    hash.update(encoded);
    let mut seed = Zeroizing::new([0; 32]);
    hash.finalize_into((&mut *seed).into());
    let mut digits = Zeroizing::new(alloc::vec![0; numbers.n.len().saturating_add(16)]);
    Random::new(&Seed::new(*seed)).fill(&mut digits);
    let wide = number(&digits, digits.len()).ok()?;
    Some(wide.rem(&*non_zero(number(numbers.n, numbers.n.len()).ok()?).ok()?))
}

/// `c ^ d mod n` from its remainders by `p` and `q` (RFC 8017 §5.1.2).
fn split(numbers: &Numbers<'_>, c: &BoxedUint) -> Option<BoxedUint> {
    let (by_p, by_q) = (Prime::new(numbers.d, numbers.p)?, Prime::new(numbers.d, numbers.q)?);
    let (m_p, m_q) = (by_p.power(c), by_q.power(c).retrieve());
    let m_q = Zeroizing::new(m_q);
    let inverse = by_p.form(&*number(numbers.q_inverse, numbers.p.len()).ok()?);
    let h = Zeroizing::new(m_p.sub(&by_p.form(&m_q)).mul(&inverse).retrieve());
    let product = Zeroizing::new(h.concatenating_mul(&*number(numbers.q, numbers.q.len()).ok()?));
    let sum = Zeroizing::new(product.concatenating_add(&*m_q));
    BoxedUint::clone(&sum).try_resize(c.bits_precision())
}

/// A prime and what a number is raised to modulo it.
struct Prime {
    modulus: Zeroizing<NonZero<BoxedUint>>,
    params: BoxedMontyParams,
    exponent: Secret,
}

impl Prime {
    fn new(d: &[u8], p: &[u8]) -> Option<Self> {
        let modulus = non_zero(number(p, p.len()).ok()?).ok()?;
        let odd = Option::from(Odd::new(BoxedUint::clone(modulus.as_ref())))?;
        let params = BoxedMontyParams::new(odd);
        Some(Self { modulus, params, exponent: exponent(d, p).ok()? })
    }

    /// The remainder of a number of any width.
    fn form(&self, number: &BoxedUint) -> Zeroizing<BoxedMontyForm> {
        Zeroizing::new(BoxedMontyForm::new(number.rem(&*self.modulus), &self.params))
    }

    fn power(&self, number: &BoxedUint) -> Zeroizing<BoxedMontyForm> {
        Zeroizing::new(self.form(number).pow(&self.exponent))
    }
}
