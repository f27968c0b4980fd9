//! Groups for Diffie-Hellman (RFC 2409 §6.2, RFC 3526), and what both sides of a group exchange make of each other's
//! wishes (RFC 4419, RFC 8270).
//!
//! The published primes are one number, the digits of π, cut at several places; so only π is kept. They all begin and end
//! in 64 ones, have the generator 2, and are safe: half of what is below them is prime too.

use super::BadShare;
use super::signature::bit_length;
use crate::seed::{Draw, Random};
use crate::wire::Mpint;
use crate::wire::transport::{GroupOffer, GroupRequest};
use alloc::vec;
use alloc::vec::Vec;
use crypto_bigint::{BoxedUint, Odd};
use crypto_primes::hazmat::{MillerRabin, Primality};

/// What a client asks for. RFC 8270 §3 wants no less than 2048 bits; 3072 withstand as much as AES-128 does.
pub const REQUEST: GroupRequest = GroupRequest { min: 2048, wanted: 3072, max: 8192 };

/// The numbers modulo a safe prime, and one that generates half of them or all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    prime: Vec<u8>,
    generator: Vec<u8>,
}

impl Group {
    /// The published group of so many bits: 1024, 2048, 3072, 4096, 6144 or 8192.
    pub fn of(bits: u32) -> Option<Self> {
        let (_, offset) = PUBLISHED.iter().find(|(size, _)| *size == bits)?;
        let length = usize::try_from(bits / 8).ok()?;
        let mut prime = vec![0xff; length];
        let digits = prime.get_mut(8..length.checked_sub(8)?)?;
        // The formula takes one away below the last 64 bits, which turns them to ones and borrows here.
        let mut carry = offset.checked_sub(1)?;
        for (digit, pi) in digits.iter_mut().zip(&PI).rev() {
            let sum = carry.wrapping_add(u32::from(*pi));
            [.., *digit] = sum.to_be_bytes();
            carry = sum >> 8;
        }
        Some(Self { prime, generator: vec![2] })
    }

    /// Server: the smallest published group that is as large as wanted, or else the largest below that; `None` where the
    /// request contradicts itself or asks for what is too small to be safe.
    pub fn choose(request: &GroupRequest) -> Option<Self> {
        let GroupRequest { min, wanted, max } = *request;
        if min > wanted || wanted > max {
            return None;
        }
        let sizes =
            || PUBLISHED.iter().map(|(bits, _)| *bits).filter(|bits| *bits >= REQUEST.min.max(min) && *bits <= max);
        Self::of(sizes().find(|bits| *bits >= wanted).or_else(|| sizes().next_back())?)
    }

    /// Client: the group that the server chose. Of one that is not published, it is found out whether it is safe, which
    /// takes [`ROUNDS`] and one more exponentiations of its size.
    pub fn accept(request: &GroupRequest, offer: &GroupOffer<'_>, random: &mut Random) -> Result<Self, BadShare> {
        let (Mpint(prime), Mpint(generator)) = (offer.prime, offer.generator);
        // Bounds before arithmetic: what follows costs the cube of the size.
        let bits = u32::try_from(bit_length(prime)).map_err(|_| BadShare)?;
        if bits < request.min || bits > request.max || !sound_generator(prime, generator) {
            return Err(BadShare);
        }
        let group = Self { prime: prime.to_vec(), generator: generator.to_vec() };
        let published = Self::of(bits).is_some_and(|published| published.prime == group.prime);
        if published || is_safe(prime, bits, random) { Ok(group) } else { Err(BadShare) }
    }

    /// The prime, big-endian, without leading zeros.
    pub fn prime(&self) -> &[u8] {
        &self.prime
    }

    /// The generator, big-endian, without leading zeros.
    pub fn generator(&self) -> &[u8] {
        &self.generator
    }
}

/// Whether an odd `prime` may have this generator: from 2 to `prime - 2`.
fn sound_generator(prime: &[u8], generator: &[u8]) -> bool {
    let Some((last, head)) = prime.split_last().filter(|(last, _)| *last & 1 == 1) else { return false };
    // An odd number less one ends in the same digits but for the last bit.
    let below = generator.len() < prime.len()
        || (generator.len() == prime.len() && generator < prime && *generator != [head, &[last & !1]].concat());
    below && !matches!(generator, [] | [1])
}

/// Rounds of Miller-Rabin on half the prime: each misses a composite in one of four cases at the worst, which nobody but
/// whoever made it could arrange, and nearly never otherwise.
pub const ROUNDS: usize = 4;

/// Whether `p` and `(p - 1) / 2` are prime. Where the half is, one round on `p` decides: by Pocklington's criterion only
/// square roots of one modulo its factors could deceive it.
fn is_safe(prime: &[u8], bits: u32, random: &mut Random) -> bool {
    let Ok(prime) = BoxedUint::from_be_slice(prime, bits) else { return false };
    let half = prime.shr_vartime(1);
    let mut passes = |number: BoxedUint, rounds: usize| {
        let Some(number) = Odd::new(number).into_option() else { return false };
        let test = MillerRabin::new(number);
        (0..rounds).all(|_| test.test_random_base(&mut Draw(random)) != Primality::Composite)
    };
    passes(prime, 1) && passes(half.unwrap_or_default(), ROUNDS)
}

/// Bits of a published prime, and what was added to π so that prime and half were prime.
const PUBLISHED: [(u32, u32); 6] =
    [(1024, 129_093), (2048, 124_476), (3072, 1_690_314), (4096, 240_904), (6144, 929_484), (8192, 4_743_158)];

/// The first 8064 bits of π, from its 3 on.
const PI: [u8; 1008] = digits(
    "\
        c90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22514a08798e3404ddef9519b3cd3a431b302b0a6df25f1437 \
        4fe1356d6d51c245e485b576625e7ec6f44c42e9a637ed6b0bff5cb6f406b7edee386bfb5a899fa5ae9f24117c4b1fe649286651ece45b3d \
        c2007cb8a163bf0598da48361c55d39a69163fa8fd24cf5f83655d23dca3ad961c62f356208552bb9ed529077096966d670c354e4abc9804 \
        f1746c08ca18217c32905e462e36ce3be39e772c180e86039b2783a2ec07a28fb5c55df06f4c52c9de2bcbf6955817183995497cea956ae5 \
        15d2261898fa051015728e5a8aaac42dad33170d04507a33a85521abdf1cba64ecfb850458dbef0a8aea71575d060c7db3970f85a6e1e4c7 \
        abf5ae8cdb0933d71e8c94e04a25619dcee3d2261ad2ee6bf12ffa06d98a0864d87602733ec86a64521f2b18177b200cbbe117577a615d6c \
        770988c0bad946e208e24fa074e5ab3143db5bfce0fd108e4b82d120a92108011a723c12a787e6d788719a10bdba5b2699c327186af4e23c \
        1a946834b6150bda2583e9ca2ad44ce8dbbbc2db04de8ef92e8efc141fbecaa6287c59474e6bc05d99b2964fa090c3a2233ba186515be7ed \
        1f612970cee2d7afb81bdd762170481cd0069127d5b05aa993b4ea988d8fddc186ffb7dc90a6c08f4df435c93402849236c3fab4d27c7026 \
        c1d4dcb2602646dec9751e763dba37bdf8ff9406ad9e530ee5db382f413001aeb06a53ed9027d831179727b0865a8918da3edbebcf9b14ed \
        44ce6cbaced4bb1bdb7f1447e6cc254b332051512bd7af426fb8f401378cd2bf5983ca01c64b92ecf032ea15d1721d03f482d7ce6e74fef6 \
        d55e702f46980c82b5a84031900b1c9e59e7c97fbec7e8f323a97a7e36cc88be0f1d45b7ff585ac54bd407b22b4154aacc8f6d7ebf48e1d8 \
        14cc5ed20f8037e0a79715eef29be32806a1d58bb7c5da76f550aa3d8a1fbff0eb19ccb1a313d55cda56c9ec2ef29632387fe8d76e3c0468 \
        043e8f663f4860ee12bf2d5b0b7474d6e694f91e6dbe115974a3926f12fee5e438777cb6a932df8cd8bec4d073b931ba3bc832b68d9dd300 \
        741fa7bf8afc47ed2576f6936ba424663aab639c5ae4f5683423b4742bf1c978238f16cbe39d652de3fdb8befc848ad922222e04a4037c07 \
        13eb57a81a23f0c73473fc646cea306b4bcbc8862f8385ddfa9d4b7fa2c087e879683303ed5bdd3a062b3cf5b3a278a66d2a13f83f44f82d \
        df310ee074ab6a364597e899a0255dc164f31cc50846851df9ab48195ded7ea1b1d510bd7ee74d73faf36bc31ecfa268359046f4eb879f92 \
        4009438b481c6cd7889a002ed5ee382bc9190da6fc026e479558e4475677e9aa9e3050e2765694dfc81f56e880b96e7160c980dd98a573ea",
);

const fn digits<const N: usize>(hex: &str) -> [u8; N] {
    let (hex, mut digits, mut at) = (hex.as_bytes(), [0; N], 0);
    let mut filled = 0;
    while filled < 2 * N {
        let digit = match hex[at] {
            digit @ b'0'..=b'9' => digit - b'0',
            digit @ b'a'..=b'f' => digit - b'a' + 10,
            _ => 16,
        };
        if digit < 16 {
            digits[filled / 2] = digits[filled / 2] << 4 | digit;
            filled += 1;
        }
        at += 1;
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::{Group, PI, PUBLISHED, REQUEST, is_safe};
    use crate::crypto::BadShare;
    use crate::crypto::hex;
    use crate::seed::{Random, Seed};
    use crate::wire::Mpint;
    use crate::wire::transport::{GroupOffer, GroupRequest};
    use alloc::vec::Vec;
    use crypto_bigint::{BoxedUint, Limb, NonZero};

    fn random() -> Random {
        Random::new(&Seed::new([1; 32]))
    }

    /// π by Machin's formula, `16 atan(1/5) - 4 atan(1/239)`, in fixed point.
    #[test]
    fn pi_is_pi() {
        const BITS: u32 = 8192;
        let one = BoxedUint::one_with_precision(BITS).shl(8190);
        let over = |number: &BoxedUint, divisor: u32| number.div_rem_limb(NonZero::new(Limb::from(divisor)).unwrap()).0;
        let arc = |inverse: u32| {
            let (mut term, mut sum) = (over(&one, inverse), BoxedUint::zero_with_precision(BITS));
            for odd in (1..).step_by(2) {
                let part = over(&term, odd);
                if bool::from(part.is_zero()) {
                    break;
                }
                sum = if odd % 4 == 1 { sum.wrapping_add(&part) } else { sum.wrapping_sub(&part) };
                term = over(&term, inverse * inverse);
            }
            sum
        };
        let pi = arc(5).shl(4).wrapping_sub(arc(239).shl(2));
        assert_eq!(pi.to_be_bytes()[..1008], PI);
    }

    /// What makes the formula of RFC 3526 give a prime is the number added to π. OpenSSL's opinion of the larger ones is a
    /// test of the exchange itself.
    #[test]
    fn published_primes_are_safe() {
        for (bits, _) in &PUBLISHED[..2] {
            let group = Group::of(*bits).unwrap();
            assert_eq!(group.prime().len() * 8, *bits as usize);
            assert!(is_safe(group.prime(), *bits, &mut random()), "{bits}");
        }
        let end = hex("15728e5a8aacaa68ffffffffffffffff");
        assert!(Group::of(2048).unwrap().prime().ends_with(&end));
    }

    #[test]
    fn the_server_gives_the_smallest_that_is_large_enough() {
        let chosen =
            |min, wanted, max| Group::choose(&GroupRequest { min, wanted, max }).map(|group| group.prime().len() * 8);
        assert_eq!(chosen(2048, 3072, 8192), Some(3072));
        assert_eq!(chosen(2048, 7680, 8192), Some(8192));
        assert_eq!(chosen(1024, 1024, 2048), Some(2048));
        assert_eq!(chosen(0, 2049, u32::MAX), Some(3072));
        assert_eq!(chosen(2048, 5000, 6000), Some(4096));
        assert_eq!(chosen(4000, 5000, 6000), Some(4096));
        assert_eq!(chosen(8192, 8192, 8192), Some(8192));
        for (min, wanted, max) in [
            (3072, 2048, 8192),
            (2048, 8192, 4096),
            (1024, 1024, 1024),
            (1024, 1536, 2047),
            (8193, 9000, 16384),
            (4097, 5000, 6000),
        ] {
            assert_eq!(chosen(min, wanted, max), None);
        }
    }

    fn accept(prime: &[u8], generator: &[u8]) -> Result<Group, BadShare> {
        let offer = GroupOffer { prime: Mpint(prime), generator: Mpint(generator) };
        Group::accept(&REQUEST, &offer, &mut random())
    }

    fn altered(bits: u32, change: impl Fn(&mut Vec<u8>)) -> Vec<u8> {
        let mut prime = Group::of(bits).unwrap().prime().to_vec();
        change(&mut prime);
        prime
    }

    #[test]
    fn the_client_takes_what_it_asked_for() {
        for bits in [2048, 3072, 8192] {
            let group = Group::of(bits).unwrap();
            assert_eq!(accept(group.prime(), &[2]), Ok(group));
        }
        let prime = altered(2048, |_| ());
        let last = altered(2048, |prime| *prime.last_mut().unwrap() -= 1);
        for generator in [&[][..], &[1], &last, &prime, &[&[1], &prime[..]].concat()] {
            assert_eq!(accept(&prime, generator), Err(BadShare));
        }
        assert!(accept(&prime, &[5]).is_ok());
        assert!(accept(&prime, &altered(2048, |prime| *prime.last_mut().unwrap() -= 2)).is_ok());
        assert_eq!(accept(&altered(1024, |_| ()), &[2]), Err(BadShare));
        assert_eq!(accept(&altered(8192, |prime| prime.push(1)), &[2]), Err(BadShare));
        assert_eq!(accept(&last, &[2]), Err(BadShare));
        assert_eq!(accept(&[], &[2]), Err(BadShare));
    }

    /// A prime of which the half is none, and a number that is none though no small factor says so.
    #[test]
    fn other_groups_have_to_be_safe() {
        assert_eq!(accept(&altered(2048, |prime| *prime.last_mut().unwrap() -= 2), &[2]), Err(BadShare));
        assert!(accept(&hex(SAFE), &[2]).is_ok());
        assert_eq!(accept(&hex(HALF), &[2]), Err(BadShare));
    }

    /// A safe prime of those that OpenSSH brings along.
    const SAFE: &str = "\
        e98f2a209ba9f4c8c1ffb02490e599a99fbe28f6a053e240a4bd5fede80b23fea8a1476e9ef6605a4b4b41cc74cb945c7e168a91db11 \
        2424480a85cbf5853234b9b1f60f030d38f678ba80ae1461f716c463d7396151eb5f037cc88690feef8d16a1b67f56c11874db5aa3d5 \
        41beff390077c79c86434edbc2b46821d2ae5d2fa4fff1b086b07669b09498ea11b0fe26c773f79aca044e085e0ba43bbe1ebe954aa1 \
        ec7a465a3232699e54958b1760ab7a04d9627ec1810970706c96b58bf84999ebed8846d8b384cb945bf782141b1be2b7c0e04d531a23 \
        34db41bbfd1bea428c5fd22f50babdbdfcc5b848f64cba8d039636311f8d844dfffbd77a429a9923";

    /// A prime that is not safe.
    const HALF: &str = "\
        dafb3fa9b31556051f8ab77712e7bed64cd241e460dfe333e160437f13946f8a3c7d76b315fb8fac0e5ca2d5d3d226da95a58b62c2de \
        e319befc59363ea397a5ba329d6e2b03ebbb4591b8e751a11b6dbe53fe3a2a5e360172806543649f12d4b885eb5d703d42d258eb7c7c \
        622d8826ae29c79580d45eda7d11129b094037653fe40e080d186d01e40b5be144e83a74ebc4ab9c40156f75ce5533b2b016855de7b9 \
        63f204a6dec07a76f963fe86ea0e6179473bf7f02a33c90660430cad3edb96a8ca68ab222bee659b638672a3a1ec45edcf7373faf684 \
        de272416c22b87ee3301f69b3cbe381462c7397d12ae9b6fea8232477bc8c8ac67bc8cb8f283e0cd";
}
