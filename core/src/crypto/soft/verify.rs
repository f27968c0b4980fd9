//! Verification of signatures: Ed25519 (RFC 8709), ECDSA on P-256 (RFC 5656 §3.1.2), and, with `alloc`, RSA.

use crate::algorithm::HostKey;
use crate::crypto::Forged;
use crate::crypto::signature::PublicKey;
use p256::ecdsa::signature::Verifier;

/// Verifies; a key of another type than the algorithm's verifies nothing.
pub(crate) fn verify(algorithm: HostKey, key: &PublicKey<'_>, message: &[u8], signature: &[u8]) -> Result<(), Forged> {
    match (key, algorithm) {
        (PublicKey::Ed25519(key), HostKey::Ed25519) => ed25519(key, message, signature),
        (PublicKey::EcdsaP256(point), HostKey::EcdsaP256) => p256(point, message, signature),
        #[cfg(feature = "alloc")]
        (PublicKey::Rsa { e, n }, HostKey::RsaSha256 | HostKey::RsaSha512) => {
            super::rsa::verify(algorithm, (e, n), message, signature)
        }
        _ => Err(Forged),
    }
}

/// Strictly: keys and commitments of small order are refused, with which one signature suits many messages.
fn ed25519(key: &[u8; 32], message: &[u8], signature: &[u8]) -> Result<(), Forged> {
    let key = ed25519_dalek::VerifyingKey::from_bytes(key).map_err(|_| Forged)?;
    let signature = ed25519_dalek::Signature::from_slice(signature).map_err(|_| Forged)?;
    key.verify_strict(message, &signature).map_err(|_| Forged)
}

fn p256(point: &[u8; 65], message: &[u8], signature: &[u8]) -> Result<(), Forged> {
    if point[0] != 4 {
        return Err(Forged);
    }
    let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(point).map_err(|_| Forged)?;
    let signature = p256::ecdsa::Signature::from_slice(signature).map_err(|_| Forged)?;
    key.verify(message, &signature).map_err(|_| Forged)
}
