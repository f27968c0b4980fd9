//! Public keys and signatures as they stand on the wire (RFC 4253 §6.6, RFC 5656 §3.1, RFC 8332, RFC 8709), read and
//! checked before any arithmetic.

use super::{Forged, Provider};
use crate::algorithm::HostKey;
use crate::wire::{Field, Malformed, Mpint, Reader};

/// Public keys by type, borrowed from their blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublicKey<'a> {
    /// `ssh-ed25519`.
    Ed25519(&'a [u8; 32]),
    /// `ecdsa-sha2-nistp256`: an uncompressed point.
    EcdsaP256(&'a [u8; 65]),
    /// `ssh-rsa`.
    Rsa {
        /// Public exponent, big-endian without leading zeros.
        e: &'a [u8],
        /// Modulus, big-endian without leading zeros.
        n: &'a [u8],
    },
}

/// The largest RSA modulus that is looked at, in bits; the cost of a verification grows with its square.
pub const MAX_RSA_BITS: usize = 16_384;

/// The largest RSA public exponent that is looked at, in bytes.
const MAX_RSA_EXPONENT: usize = 8;

impl<'a> PublicKey<'a> {
    /// Reads a public key blob. RSA keys of fewer than `min_rsa_bits`, of more than [`MAX_RSA_BITS`], with an even
    /// modulus, or with an exponent that is 1, even or beyond 64 bits are refused.
    pub fn decode(blob: &'a [u8], min_rsa_bits: usize) -> Result<Self, Malformed> {
        let mut reader = Reader::new(blob);
        let key = match reader.string()? {
            b"ssh-ed25519" => Self::Ed25519(reader.string()?.try_into().map_err(|_| Malformed)?),
            b"ecdsa-sha2-nistp256" => {
                if reader.string()? != b"nistp256" {
                    return Err(Malformed);
                }
                let point: &[u8; 65] = reader.string()?.try_into().map_err(|_| Malformed)?;
                if point[0] != 4 {
                    return Err(Malformed);
                }
                Self::EcdsaP256(point)
            }
            b"ssh-rsa" => {
                let Mpint(e) = reader.read()?;
                let Mpint(n) = reader.read()?;
                if !rsa_is_sound(e, n, min_rsa_bits) {
                    return Err(Malformed);
                }
                Self::Rsa { e, n }
            }
            _ => return Err(Malformed),
        };
        reader.end()?;
        Ok(key)
    }

    /// Whether signatures of this algorithm are made by keys of this type.
    pub const fn suits(&self, algorithm: HostKey) -> bool {
        matches!(
            (self, algorithm),
            (Self::Ed25519(_), HostKey::Ed25519)
                | (Self::EcdsaP256(_), HostKey::EcdsaP256)
                | (Self::Rsa { .. }, HostKey::RsaSha512 | HostKey::RsaSha256)
        )
    }
}

fn rsa_is_sound(e: &[u8], n: &[u8], min_bits: usize) -> bool {
    let odd = |number: &[u8]| number.last().is_some_and(|low| low & 1 == 1);
    let bits = bit_length(n);
    (min_bits..=MAX_RSA_BITS).contains(&bits) && odd(n) && odd(e) && e != [1] && e.len() <= MAX_RSA_EXPONENT
}

/// Bits of a big-endian number without leading zeros.
pub fn bit_length(number: &[u8]) -> usize {
    let top = number.first().map_or(0, |top| top.leading_zeros() as usize);
    number.len().saturating_mul(8).saturating_sub(top)
}

/// Verifies a signature blob on `message`: the algorithm named inside must be `algorithm`, the key must be of its type.
pub fn verify<P: Provider>(
    algorithm: HostKey,
    key: &PublicKey<'_>,
    message: &[u8],
    signature: &[u8],
) -> Result<(), Forged> {
    if !key.suits(algorithm) || !P::SIGNATURES.contains(&algorithm) {
        return Err(Forged);
    }
    let raw = raw_signature(algorithm, signature).map_err(|Malformed| Forged)?;
    match algorithm {
        HostKey::EcdsaP256 => {
            let pair = ecdsa_pair(raw).map_err(|Malformed| Forged)?;
            P::verify(algorithm, key, message, &pair)
        }
        HostKey::Ed25519 | HostKey::RsaSha512 | HostKey::RsaSha256 => P::verify(algorithm, key, message, raw),
    }
}

/// The signature inside its blob, whose name must be the algorithm's.
fn raw_signature(algorithm: HostKey, blob: &[u8]) -> Result<&[u8], Malformed> {
    let mut reader = Reader::new(blob);
    if reader.string()? != algorithm.name().as_bytes() {
        return Err(Malformed);
    }
    let raw = reader.string()?;
    reader.end()?;
    if raw.is_empty() { Err(Malformed) } else { Ok(raw) }
}

/// `r` and `s` of an ECDSA signature (RFC 5656 §3.1.2), at fixed width.
fn ecdsa_pair(raw: &[u8]) -> Result<[u8; 64], Malformed> {
    let mut reader = Reader::new(raw);
    let (Mpint(r), Mpint(s)) = (Field::decode(&mut reader)?, Field::decode(&mut reader)?);
    reader.end()?;
    let mut pair = [0; 64];
    for (number, place) in [r, s].into_iter().zip(pair.chunks_exact_mut(32)) {
        let start = place.len().checked_sub(number.len()).ok_or(Malformed)?;
        place.get_mut(start..).ok_or(Malformed)?.copy_from_slice(number);
    }
    Ok(pair)
}
