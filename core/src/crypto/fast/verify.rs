//! Verification by ring. Pure Rust has what ring does not take (P-521, SHA-1, RSA moduli outside 2048 to 8192 bits, long
//! public exponents, signatures that lack leading zeros), and Ed25519: ring takes keys of small order, and a look at the
//! key before costs what ring saves.

use crate::algorithm::HostKey;
use crate::crypto::Forged;
use crate::crypto::signature::{PublicKey, bit_length};
use crate::crypto::soft;
use crate::wire::Mpint;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA512,
    RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey,
};

/// Verifies; a key of another type than the algorithm's verifies nothing.
pub(super) fn verify(algorithm: HostKey, key: &PublicKey<'_>, message: &[u8], signature: &[u8]) -> Result<(), Forged> {
    let verified = match (key, algorithm) {
        (PublicKey::EcdsaP256(point), HostKey::EcdsaP256) => {
            UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature)
        }
        (PublicKey::EcdsaP384(point), HostKey::EcdsaP384) => {
            UnparsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, point).verify(message, signature)
        }
        (PublicKey::Rsa { e, n }, HostKey::RsaSha256) => {
            return rsa(algorithm, &RSA_PKCS1_2048_8192_SHA256, (e, n), message, signature);
        }
        (PublicKey::Rsa { e, n }, HostKey::RsaSha512) => {
            return rsa(algorithm, &RSA_PKCS1_2048_8192_SHA512, (e, n), message, signature);
        }
        _ => return soft::verify::verify(algorithm, key, message, signature),
    };
    verified.map_err(|_| Forged)
}

fn rsa(
    algorithm: HostKey,
    parameters: &RsaParameters,
    (e, n): (&[u8], &[u8]),
    message: &[u8],
    signature: &[u8],
) -> Result<(), Forged> {
    let (e, n) = (Mpint::trim(e), Mpint::trim(n));
    if !suits_ring(e, n) || signature.len() != n.len() {
        return soft::rsa::verify(algorithm, (e, n), message, signature);
    }
    RsaPublicKeyComponents { n, e }.verify(parameters, message, signature).map_err(|_| Forged)
}

/// Exponents from 3 to 33 bits, moduli of the usual sizes.
fn suits_ring(e: &[u8], n: &[u8]) -> bool {
    (2048..=8192).contains(&bit_length(n)) && (2..=33).contains(&bit_length(e))
}
