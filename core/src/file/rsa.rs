//! RSA private keys: their numbers, whether these belong together, and signing (RFC 8017 §8.2.1, RFC 8332). ring signs
//! where it can, which is with the common sizes and exponents; [`power`] signs with the rest.

mod generate;
mod power;

pub(super) use generate::{Fresh, generate};

use super::Unsupported;
use crate::algorithm::HostKey;
use crate::crypto::signature::{MAX_RSA_BITS, bit_length};
use crate::crypto::soft::rsa::encode;
use crate::wire::Malformed;
use alloc::boxed::Box;
use alloc::vec::Vec;
use crypto_bigint::{BoxedUint, ConcatenatingMul, Limb, NonZero};
#[cfg(feature = "ring")]
use ring::{
    rand::SystemRandom,
    rsa::{KeyPairComponents, PublicKeyComponents},
    signature::{RSA_PKCS1_SHA256, RSA_PKCS1_SHA512, RsaKeyPair},
};
use zeroize::Zeroizing;

/// The fewest bits of a modulus that is signed with.
pub(super) const MIN_BITS: usize = 2048;

/// The numbers of a key, big-endian without leading zeros.
#[derive(Clone, Copy)]
pub(super) struct Numbers<'a> {
    pub(super) n: &'a [u8],
    pub(super) e: &'a [u8],
    pub(super) d: &'a [u8],
    pub(super) q_inverse: &'a [u8],
    pub(super) p: &'a [u8],
    pub(super) q: &'a [u8],
}

/// Whether keys of this modulus can be signed with.
pub(super) fn supported(n: &[u8]) -> Result<(), Unsupported> {
    let bits = bit_length(n);
    if (MIN_BITS..=MAX_RSA_BITS).contains(&bits) {
        return Ok(());
    }
    Err(Unsupported::RsaBits(u16::try_from(bits).unwrap_or(u16::MAX)))
}

/// A key to sign with.
pub(super) struct Key {
    n: Box<[u8]>,
    e: Box<[u8]>,
    d: Zeroizing<Box<[u8]>>,
    q_inverse: Zeroizing<Box<[u8]>>,
    p: Zeroizing<Box<[u8]>>,
    q: Zeroizing<Box<[u8]>>,
    /// The same for ring, if it takes the key. It does not wipe.
    #[cfg(feature = "ring")]
    ring: Option<Box<RsaKeyPair>>,
}

impl Key {
    /// Puts the key together. The primes must make the modulus, and all numbers must belong together; that the primes are
    /// prime shows when a signature verifies.
    pub(super) fn new(numbers: &Numbers<'_>) -> Result<Self, Malformed> {
        supported(numbers.n).map_err(|_| Malformed)?;
        check(numbers)?;
        let secret = |digits: &[u8]| Zeroizing::new(Box::from(digits));
        Ok(Self {
            n: Box::from(numbers.n),
            e: Box::from(numbers.e),
            d: secret(numbers.d),
            q_inverse: secret(numbers.q_inverse),
            p: secret(numbers.p),
            q: secret(numbers.q),
            #[cfg(feature = "ring")]
            ring: pair(numbers).map(Box::new),
        })
    }

    pub(super) fn numbers(&self) -> Numbers<'_> {
        Numbers { n: &self.n, e: &self.e, d: &self.d, q_inverse: &self.q_inverse, p: &self.p, q: &self.q }
    }

    /// `d` modulo `p - 1` and `q - 1`, which some formats want and others leave out.
    pub(super) fn exponents(&self) -> Option<[Zeroizing<Box<[u8]>>; 2]> {
        let digits = |p| exponent(&self.d, p).ok().map(|number| Zeroizing::new(number.to_be_bytes()));
        Some([digits(&self.p)?, digits(&self.q)?])
    }

    /// The bare signature (RFC 8332 §3), verified before it is given. PKCS #1 v1.5 needs no randomness, so the same
    /// message gives the same bytes.
    pub(super) fn sign(&self, algorithm: HostKey, message: &[u8]) -> Option<Vec<u8>> {
        #[cfg(feature = "ring")]
        if let Some((pair, padding)) = self.ring.as_ref().zip(padding(algorithm)) {
            let mut signature = alloc::vec![0; self.n.len()];
            pair.sign(padding, &SystemRandom::new(), message, &mut signature).ok()?;
            return Some(signature);
        }
        let encoded = encode(algorithm, self.n.len(), message)?;
        power::private(&self.numbers(), &encoded)
    }
}

/// How ring pads for an algorithm, if it signs by it; never with SHA-1.
#[cfg(feature = "ring")]
fn padding(algorithm: HostKey) -> Option<&'static dyn ring::signature::RsaEncoding> {
    if algorithm == HostKey::RsaSha256 {
        Some(&RSA_PKCS1_SHA256)
    } else if algorithm == HostKey::RsaSha512 {
        Some(&RSA_PKCS1_SHA512)
    } else {
        None
    }
}

/// ring takes moduli of 2048 to 4096 bits with primes of a multiple of 512, and exponents from 65537 to 33 bits. It
/// checks each signature before it lets go of it.
#[cfg(feature = "ring")]
fn pair(numbers: &Numbers<'_>) -> Option<RsaKeyPair> {
    let &Numbers { n, e, d, q_inverse, p, q } = numbers;
    let d_p = Zeroizing::new(exponent(d, p).ok()?.to_be_bytes());
    let d_q = Zeroizing::new(exponent(d, q).ok()?.to_be_bytes());
    let public_key = PublicKeyComponents { n, e };
    let parts = KeyPairComponents { public_key, d, p, q, dP: &d_p, dQ: &d_q, qInv: q_inverse };
    RsaKeyPair::from_components(&parts).ok()
}

/// A number that is wiped.
type Secret = Zeroizing<BoxedUint>;

/// A number at the width of so many bytes, whatever its value.
fn number(digits: &[u8], width: usize) -> Result<Secret, Malformed> {
    let bits = u32::try_from(width.saturating_mul(8)).map_err(|_| Malformed)?;
    BoxedUint::from_be_slice(digits, bits).map(Zeroizing::new).map_err(|_| Malformed)
}

fn non_zero(number: Secret) -> Result<Zeroizing<NonZero<BoxedUint>>, Malformed> {
    Option::from(NonZero::new(BoxedUint::clone(&number))).map(Zeroizing::new).ok_or(Malformed)
}

/// `p - 1`.
fn below(p: &[u8]) -> Result<Zeroizing<NonZero<BoxedUint>>, Malformed> {
    non_zero(Zeroizing::new(number(p, p.len())?.wrapping_sub(Limb::ONE)))
}

/// `d mod (p - 1)`.
fn exponent(d: &[u8], p: &[u8]) -> Result<Secret, Malformed> {
    Ok(Zeroizing::new(number(d, d.len())?.rem(&*below(p)?)))
}

/// `p q = n`, `e d = 1` modulo `p - 1` and `q - 1`, `q^-1 q = 1` modulo `p`; sizes are bounded by those of `n`.
fn check(numbers: &Numbers<'_>) -> Result<(), Malformed> {
    let &Numbers { n, e, d, q_inverse, p, q } = numbers;
    let odd = |number: &[u8]| number.last().is_some_and(|low| low & 1 == 1);
    let bounded = d.len() <= n.len() && p.len() < n.len() && q.len() < n.len() && q_inverse.len() <= p.len();
    if !bounded || !odd(p) || !odd(q) {
        return Err(Malformed);
    }
    let product = Zeroizing::new(number(p, p.len())?.concatenating_mul(&*number(q, q.len())?));
    let same = *product == *number(n, n.len())?;
    let inverse = is_inverse(e, d, &*below(p)?)?
        && is_inverse(e, d, &*below(q)?)?
        && is_inverse(q_inverse, q, &*non_zero(number(p, p.len())?)?)?;
    if same && inverse { Ok(()) } else { Err(Malformed) }
}

fn is_inverse(a: &[u8], b: &[u8], modulus: &NonZero<BoxedUint>) -> Result<bool, Malformed> {
    let product = Zeroizing::new(number(a, a.len())?.concatenating_mul(&*number(b, b.len())?));
    Ok(Zeroizing::new(product.rem(modulus)).is_one().to_bool())
}

#[cfg(test)]
mod tests {
    use super::{Fresh, Key, Numbers, generate, power};
    use crate::algorithm::HostKey;
    use crate::crypto::soft::rsa;
    use crate::file::Unsupported;
    use crate::file::rsa::supported;
    use crate::seed::{Random, Seed};
    use crate::wire::{Malformed, Mpint};
    use alloc::boxed::Box;
    use alloc::vec;
    use alloc::vec::Vec;
    use zeroize::Zeroizing;

    struct Digits([Zeroizing<Box<[u8]>>; 5]);

    impl Digits {
        fn new(bits: usize) -> Self {
            Self(generate(bits, &mut Random::new(&Seed::new([4; 32]))).unwrap().digits())
        }

        fn numbers(&self) -> Numbers<'_> {
            let [n, d, q_inverse, p, q] = self.0.each_ref().map(|digits| Mpint::trim(digits));
            Numbers { n, e: &Fresh::E, d, q_inverse, p, q }
        }
    }

    fn changed(number: &[u8]) -> Vec<u8> {
        let mut number = number.to_vec();
        let middle = number.len() / 2;
        number[middle] ^= 0x10;
        number
    }

    /// Keys that ring does not take sign here, with sizes that fill no whole words as well.
    #[test]
    fn our_own_signatures_verify() {
        for bits in [2048, 2050, 2306] {
            let digits = Digits::new(bits);
            let numbers = digits.numbers();
            for algorithm in [HostKey::RsaSha512, HostKey::RsaSha256, HostKey::RsaSha1] {
                let encoded = rsa::encode(algorithm, numbers.n.len(), b"message").unwrap();
                let signature = power::private(&numbers, &encoded).unwrap();
                assert_eq!(rsa::verify(algorithm, (numbers.e, numbers.n), b"message", &signature), Ok(()));
                assert_eq!(Key::new(&numbers).unwrap().sign(algorithm, b"message"), Some(signature), "as ring's");
            }
        }
    }

    #[test]
    fn g13_a_faulty_signature_is_not_given() {
        let digits = Digits::new(2048);
        let good = digits.numbers();
        let encoded = rsa::encode(HostKey::RsaSha256, good.n.len(), b"message").unwrap();
        let (p, q, d, inverse) = (changed(good.p), changed(good.q), changed(good.d), changed(good.q_inverse));
        for faulty in [
            Numbers { p: &p, ..good },
            Numbers { q: &q, ..good },
            Numbers { d: &d, ..good },
            Numbers { q_inverse: &inverse, ..good },
        ] {
            assert_eq!(power::private(&faulty, &encoded), None);
        }
        assert!(power::private(&good, &encoded).is_some());
    }

    #[test]
    fn l18_numbers_that_do_not_belong_together_are_refused() {
        let digits = Digits::new(2048);
        let good = digits.numbers();
        assert!(Key::new(&good).is_ok());
        let (n, d, inverse) = (changed(good.n), changed(good.d), changed(good.q_inverse));
        let (p, q) = (changed(good.p), changed(good.q));
        let wide = vec![0xff; 4096];
        for bad in [
            Numbers { n: &n, ..good },
            Numbers { e: &[3], ..good },
            Numbers { e: &[], ..good },
            Numbers { d: &d, ..good },
            Numbers { d: &[], ..good },
            Numbers { d: &wide, ..good },
            Numbers { q_inverse: &inverse, ..good },
            Numbers { q_inverse: &[], ..good },
            Numbers { p: &p, ..good },
            Numbers { q: &q, ..good },
            Numbers { p: &[1], q: good.n, ..good },
            Numbers { p: good.n, q: &[1], ..good },
            Numbers { p: &[], q: &[], ..good },
            Numbers { p: good.q, q: good.p, ..good },
        ] {
            assert_eq!(Key::new(&bad).err(), Some(Malformed));
        }
    }

    #[test]
    fn l18_moduli_have_bounds() {
        for (length, bits) in [(0, 0), (255, 2040), (2049, 16_392), (100_000, u16::MAX)] {
            assert_eq!(supported(&vec![0xff; length]), Err(Unsupported::RsaBits(bits)));
        }
        assert_eq!((supported(&[0xff; 256]), supported(&[0xff; 2048])), (Ok(()), Ok(())));
    }
}
