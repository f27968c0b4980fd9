//! Verification of RSASSA-PKCS1-v1_5 (RFC 8017 §8.2.2) with the hashes of RFC 8332, and
//! SHA-1 for old peers.
//!
//! The encoding that ought to come out is built and compared whole: nothing of what comes out is parsed, so there is
//! nothing for a forger to smuggle in. All of it is public, so none of it needs constant time.

use crate::algorithm::HostKey;
use crate::crypto::Forged;
use crate::crypto::signature::{MAX_RSA_BITS, bit_length};
use crate::wire::Mpint;
use alloc::boxed::Box;
use alloc::vec::Vec;
use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, Odd};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

/// What stands before a SHA-1 value in a `DigestInfo`.
const SHA1: [u8; 15] = *b"\x30\x21\x30\x09\x06\x05\x2b\x0e\x03\x02\x1a\x05\x00\x04\x14";
/// What stands before a SHA-256 value in a `DigestInfo` (RFC 8017 §9.2).
const SHA256: [u8; 19] = *b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20";
/// What stands before a SHA-512 value.
const SHA512: [u8; 19] = *b"\x30\x51\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\x05\x00\x04\x40";

/// The largest public exponent, in bytes.
const MAX_EXPONENT: usize = 8;

/// Verifies a signature by the key `(e, n)`. One shorter than the modulus lacks leading zeros, as some peers send it.
pub(crate) fn verify(
    algorithm: HostKey,
    (e, n): (&[u8], &[u8]),
    message: &[u8],
    signature: &[u8],
) -> Result<(), Forged> {
    let (e, n) = (Mpint::trim(e), Mpint::trim(n));
    if bit_length(n) > MAX_RSA_BITS || e.is_empty() || e.len() > MAX_EXPONENT || signature.len() > n.len() {
        return Err(Forged);
    }
    match (encode(algorithm, n.len(), message), power(signature, e, n)) {
        (Some(expected), Some(found)) if Mpint::trim(&found) == Mpint::trim(&expected) => Ok(()),
        _ => Err(Forged),
    }
}

/// What a signature's power must be: the hash of the message, encoded to a modulus of so many bytes.
pub(crate) fn encode(algorithm: HostKey, length: usize, message: &[u8]) -> Option<Vec<u8>> {
    if algorithm == HostKey::RsaSha512 {
        encoding(length, &SHA512, &Sha512::digest(message))
    } else if algorithm == HostKey::RsaSha256 {
        encoding(length, &SHA256, &Sha256::digest(message))
    } else if algorithm == HostKey::RsaSha1 {
        encoding(length, &SHA1, &Sha1::digest(message))
    } else {
        None
    }
}

/// `signature ^ e mod n`, if the signature is less than an odd `n` (RFC 8017 §5.2.2).
pub(crate) fn power(signature: &[u8], e: &[u8], n: &[u8]) -> Option<Box<[u8]>> {
    let bits = u32::try_from(n.len().saturating_mul(8)).ok()?;
    let signature = BoxedUint::from_be_slice(signature, bits).ok()?;
    let n = BoxedUint::from_be_slice(n, bits).ok()?;
    if signature >= n {
        return None;
    }
    let n = Odd::new(n).into_option()?;
    let exponent_bits = u32::try_from(bit_length(e)).ok()?;
    let e = BoxedUint::from_be_slice(e, 64).ok()?;
    let base = BoxedMontyForm::new(signature, &BoxedMontyParams::new_vartime(n));
    Some(base.pow_bounded_exp(&e, exponent_bits).retrieve().to_be_bytes())
}

/// EMSA-PKCS1-v1_5 in `length` bytes (RFC 8017 §9.2): at least eight bytes of filling, or the modulus is too short.
fn encoding(length: usize, info: &[u8], digest: &[u8]) -> Option<Vec<u8>> {
    let used = info.len().saturating_add(digest.len()).saturating_add(3);
    let filling = length.checked_sub(used).filter(|filling| *filling >= 8)?;
    let mut encoding = Vec::with_capacity(length);
    encoding.extend_from_slice(&[0, 1]);
    encoding.extend(core::iter::repeat_n(0xff, filling));
    encoding.push(0);
    encoding.extend_from_slice(info);
    encoding.extend_from_slice(digest);
    Some(encoding)
}

#[cfg(test)]
mod tests {
    use super::verify;
    use crate::algorithm::HostKey::{RsaSha256, RsaSha512};
    use crate::crypto::Forged;
    use crate::crypto::hex;
    use crate::crypto::soft::vectors::{
        N_1026, N_2048, SIGNATURE_1026, SIGNATURE_SHA256, SIGNATURE_SHA512, SIGNATURE_SHORT,
    };
    use alloc::vec;

    const E: &[u8] = &[1, 0, 1];

    #[test]
    fn signatures_of_openssl_verify_on_their_message_with_their_hash() {
        let n = &hex(N_2048)[..];
        assert_eq!(verify(RsaSha256, (E, n), b"sanssh", &hex(SIGNATURE_SHA256)), Ok(()));
        assert_eq!(verify(RsaSha512, (E, n), b"sanssh", &hex(SIGNATURE_SHA512)), Ok(()));
        assert_eq!(verify(RsaSha512, (E, n), b"sanssh", &hex(SIGNATURE_SHA256)), Err(Forged));
        assert_eq!(verify(RsaSha256, (E, n), b"Sanssh", &hex(SIGNATURE_SHA256)), Err(Forged));
        assert_eq!(verify(RsaSha512, (&[3], &hex(N_1026)), b"sanssh", &hex(SIGNATURE_1026)), Ok(()));
        assert_eq!(verify(RsaSha512, (E, &hex(N_1026)), b"sanssh", &hex(SIGNATURE_1026)), Err(Forged));
    }

    #[test]
    fn a_signature_may_lack_leading_zeros_but_not_have_more() {
        let (n, short) = (&hex(N_2048)[..], hex(SIGNATURE_SHORT));
        assert_eq!(verify(RsaSha256, (E, n), b"98", &short), Ok(()));
        assert_eq!(verify(RsaSha256, (E, n), b"98", &[&[0], &short[..]].concat()), Ok(()));
        assert_eq!(verify(RsaSha256, (E, n), b"98", &[&[0, 0], &short[..]].concat()), Err(Forged));
    }

    #[test]
    fn signatures_not_below_the_modulus_are_refused() {
        let n = &hex(N_2048)[..];
        assert_eq!(verify(RsaSha256, (E, n), b"sanssh", n), Err(Forged));
        assert_eq!(verify(RsaSha256, (E, n), b"sanssh", &[0xff; 256]), Err(Forged));
        assert_eq!(verify(RsaSha256, (E, n), b"sanssh", &[]), Err(Forged));
    }

    /// `s + n` is `s` to the arithmetic.
    #[test]
    fn a_signature_has_one_form() {
        let (n, mut sum) = (hex(N_1026), hex(SIGNATURE_1026));
        let mut carry = 0;
        for (to, from) in sum.iter_mut().zip(&n).rev() {
            let digit = u16::from(*to) + u16::from(*from) + carry;
            (*to, carry) = (digit.to_le_bytes()[0], digit >> 8);
        }
        assert_eq!(carry, 0);
        assert_eq!(verify(RsaSha512, (&[3], &n), b"sanssh", &sum), Err(Forged));
    }

    #[test]
    fn keys_that_are_none_verify_nothing() {
        for n in [&[][..], &[1], &[2], &[0xff; 61], &vec![0xff; 2049], &vec![0xfe; 256]] {
            for e in [&[][..], &[1], &[0xff; 8], &[0xff; 9]] {
                assert_eq!(verify(RsaSha256, (e, n), b"", &[]), Err(Forged));
                assert_eq!(verify(RsaSha256, (e, n), b"", &[1]), Err(Forged));
            }
        }
    }

    #[test]
    fn the_largest_modulus_is_taken() {
        let n = vec![0xff; 2048];
        let mut signature = super::encoding(2048, &super::SHA256, &[0; 32]).unwrap();
        assert!(super::power(&signature, &[1], &n).is_some_and(|power| power[..] == signature[..]));
        signature[2047] ^= 1;
        assert_eq!(verify(RsaSha256, (E, &n), b"", &signature), Err(Forged));
    }
}
