//! Diffie-Hellman modulo a safe prime (RFC 4253 §8), in constant time.
//!
//! Secret exponents are twice as long as the group is strong: longer ones would cost more and gain nothing.

use crate::crypto::group::Group;
use crate::crypto::signature::bit_length;
use crate::crypto::{BadShare, Secret, Share};
use crate::seed::Random;
use crate::wire::Mpint;
use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;
use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, Odd};
use zeroize::Zeroizing;

/// A secret exponent in a group, and what it makes of the generator.
pub(super) struct Exponent {
    modulus: BoxedMontyParams,
    exponent: Zeroizing<BoxedUint>,
    /// Bits of exponent.
    length: u32,
    public: Box<[u8]>,
}

impl Exponent {
    /// Draws a new one.
    pub(super) fn new(group: &Group, random: &mut Random) -> Option<Self> {
        let length = exponent_len(bit_length(group.prime()));
        let mut digits = Zeroizing::new(vec![0; length]);
        random.fill(&mut digits);
        Self::with(group, &digits)
    }

    fn with(group: &Group, digits: &[u8]) -> Option<Self> {
        let bits = u32::try_from(bit_length(group.prime())).ok()?;
        let prime = BoxedUint::from_be_slice(group.prime(), bits).ok()?;
        let modulus = BoxedMontyParams::new_vartime(Odd::new(prime).into_option()?);
        let length = u32::try_from(digits.len().checked_mul(8)?).ok()?;
        let exponent = Zeroizing::new(BoxedUint::from_be_slice(digits, length).ok()?);
        let generator = BoxedUint::from_be_slice(group.generator(), bits).ok()?;
        let mut ours = Self { modulus, exponent, length, public: Box::default() };
        ours.public = ours.power(generator).to_be_bytes();
        Some(ours)
    }

    /// `e` or `f`: the content of an `mpint`, so that a message of strings carries it as it should stand.
    pub(super) fn offer(&self) -> Share {
        let digits = Mpint::trim(&self.public);
        let sign = digits.first().is_some_and(|top| *top >= 0x80).then_some(0);
        let fits = sign.into_iter().chain(digits.iter().copied()).collect::<Vec<u8>>();
        Share::from_slice(&fits).unwrap_or_default()
    }

    /// `K`. Neither what the peer sent nor what comes of it may be 0, 1 or -1 (RFC 8268 §4): those, and nothing else, do
    /// not generate half of the group.
    pub(super) fn agree(&self, theirs: &[u8]) -> Result<Secret, BadShare> {
        let Mpint(digits) = Mpint::content(theirs).map_err(|_| BadShare)?;
        let bits = self.modulus.bits_precision();
        let theirs = BoxedUint::from_be_slice(digits, bits).map_err(|_| BadShare)?;
        if !self.is_sound(&theirs) {
            return Err(BadShare);
        }
        let shared = self.power(theirs);
        if !self.is_sound(&shared) {
            return Err(BadShare);
        }
        Ok(Secret::mpint(&Zeroizing::new(shared.to_be_bytes())))
    }

    /// Whether `1 < number < p - 1`.
    fn is_sound(&self, number: &BoxedUint) -> bool {
        let one = BoxedUint::one_with_precision(number.bits_precision());
        let last = self.modulus.modulus().as_ref().wrapping_sub(&one);
        *number > one && *number < last
    }

    fn power(&self, base: BoxedUint) -> Zeroizing<BoxedUint> {
        let base = Zeroizing::new(BoxedMontyForm::new(base, &self.modulus));
        let power = Zeroizing::new(base.pow_bounded_exp(&self.exponent, self.length));
        Zeroizing::new(power.retrieve())
    }
}

/// Bytes of exponent for a prime of so many bits: twice the strength of the group by the more cautious estimate of RFC
/// 3526 §8, rounded up.
const fn exponent_len(prime: usize) -> usize {
    match prime {
        0..=2048 => 40,
        2049..=3072 => 53,
        3073..=4096 => 60,
        4097..=6144 => 68,
        _ => 78,
    }
}

#[cfg(test)]
mod tests {
    use super::Exponent;
    use crate::crypto::group::Group;
    use crate::crypto::hex;
    use crate::crypto::{BadShare, Secret};
    use crate::seed::{Random, Seed};
    use alloc::vec::Vec;
    use sha2::{Digest, Sha256};

    /// Two exponents, and SHA-256 of what OpenSSL 3.0 agrees on with them in its group of so many bits.
    const OPENSSL: [(u32, [&str; 3]); 5] = [
        (
            2048,
            [
                "dffdd0655770821bf4051fad42e78775b95e0f9b13ef5de64ba41ae8",
                "013eaa06042f6818b32b0d278fc5a9e9a03b97a4421fa3e089387d6948",
                "34d551acc63122d94d576ad6bd4f0897f3f5ba1eb848d60ca865b6ffc9685bb2",
            ],
        ),
        (
            3072,
            [
                "0447ad5996b41697fa50e712cb3364289f13926ec339e150cbadcab6bacb45069d97cb",
                "060e32555e2a47442cd4672299614a29518d435bd0cb2e31651bfe82749ccbbae33207",
                "0804b0e4fe0dc4dfc14cd5058db56d615e1f740e4d5949e79b361ed0ef59f736",
            ],
        ),
        (
            4096,
            [
                "0bd659a35dc5d0d0ad6d76eabbba41e54f41ad83fd5c7763f0ba688d86b402c84c17c1686e41d0d404",
                "0de1eb4a031f43e84ae0fbfc6ae9c33471aab006dd901bd60321fd6c792802454d0dedd3d9ef3a4aaa",
                "6cba4df899b732f22eff96015718dbef80a2093d89d3602e3c50f7cb08798f4d",
            ],
        ),
        (
            6144,
            [
                "30f776b94ef68ef1f6be9c68c1a85d61f4b9044161957a4a6d885604417024aa6f5e8fd723b007f376ceb7f96afd8a",
                "5a48a0ee42bef570903be78afebddf0d5c725443a00e1b152c28b476dfb7dff1d637596a0b4b84b2fdec0848a86839",
                "353732ff9a2a8fcc9c4000324a2fc55d7b93c29601dc3971610921ed0b58a70f",
            ],
        ),
        (
            8192,
            [
                "32ee62766f687d087eeac90e1a611b7d8ecb76be6c82e94562f15e3da81c0c1b3fe7da11f1883275a61b531c9b9cf589ba04",
                "e0855beeae8b2e4147250855271f7ec135e904dc249b9873f0d4fe30ab600acd0f6a99dfbf0385b3b4542724a8b29c6fa6d3",
                "c11912ea93d1d1eb9019a2df49c462673478107301f7292d479fb608d671a711",
            ],
        ),
    ];

    fn exponent(bits: u32, seed: u8) -> Exponent {
        Exponent::new(&Group::of(bits).unwrap(), &mut Random::new(&Seed::new([seed; 32]))).unwrap()
    }

    #[test]
    fn openssl_agrees_on_the_same() {
        for (bits, [ours, theirs, shared]) in OPENSSL {
            let group = Group::of(bits).unwrap();
            let [ours, theirs] = [ours, theirs].map(|digits| Exponent::with(&group, &hex(digits)).unwrap());
            let [one, other] = [ours.agree(&theirs.offer()), theirs.agree(&ours.offer())].map(Result::unwrap);
            assert_eq!(one.as_bytes(), other.as_bytes());
            assert_eq!(Sha256::digest(one.as_bytes())[..], hex(shared));
        }
    }

    /// The number that this many less than the prime is.
    fn below(bits: u32, less: u8) -> Vec<u8> {
        let mut digits = Group::of(bits).unwrap().prime().to_vec();
        *digits.last_mut().unwrap() -= less;
        digits
    }

    fn agree(number: &[u8]) -> Result<Secret, BadShare> {
        exponent(1024, 1).agree(number)
    }

    #[test]
    fn numbers_that_generate_no_half_of_the_group_are_refused() {
        let positive = |digits: Vec<u8>| [&[0], &digits[..]].concat();
        let above = [&[1], &[0; 128][..]].concat();
        for bad in [&[][..], &[1], &positive(below(1024, 1)), &positive(below(1024, 0)), &above] {
            assert_eq!(agree(bad).unwrap_err(), BadShare);
        }
        for good in [&[2][..], &positive(below(1024, 2)), &exponent(1024, 2).offer()] {
            assert!(agree(good).is_ok());
        }
    }

    #[test]
    fn encodings_that_are_no_positive_number_in_its_shortest_form_are_refused() {
        let sound = exponent(1024, 3).offer();
        assert!(agree(&sound).is_ok());
        for bad in [&[0, 2][..], &[0xff], &[0x80, 0], &below(1024, 2), &[&[0], &sound[..]].concat()] {
            assert_eq!(agree(bad).unwrap_err(), BadShare);
        }
    }

    #[test]
    fn shares_are_numbers_in_their_shortest_form() {
        let mut signs = [0; 2];
        for seed in 0..20 {
            let share = exponent(1024, seed).offer();
            let sign = usize::from(share[0] == 0);
            assert!(share[sign] >= 0x80 || sign == 0);
            signs[sign] += 1;
        }
        assert!(signs[0] > 0 && signs[1] > 0);
    }
}
