//! Verification of signatures: Ed25519, ECDSA (RFC 5656 §3.1.2) on P-256, and, with `alloc`,
//! on P-384 and P-521, and RSA.
//! Keys and signatures come as raw bytes, read off the wire before.

use crate::algorithm::HostKey;
use crate::crypto::Forged;
use crate::crypto::lean::ed25519;
use crate::crypto::signature::PublicKey;
use p256::ecdsa::signature::Verifier;

/// Verifies; a key of another type than the algorithm's verifies nothing.
pub(crate) fn verify(algorithm: HostKey, key: &PublicKey<'_>, message: &[u8], signature: &[u8]) -> Result<(), Forged> {
    match (key, algorithm) {
        (PublicKey::Ed25519(key), HostKey::Ed25519) => ed25519::verify(key, message, signature),
        (PublicKey::EcdsaP256(point), HostKey::EcdsaP256) => p256(point, message, signature),
        #[cfg(feature = "alloc")]
        (PublicKey::EcdsaP384(point), HostKey::EcdsaP384) => p384(point, message, signature),
        #[cfg(feature = "alloc")]
        (PublicKey::EcdsaP521(point), HostKey::EcdsaP521) => p521(point, message, signature),
        #[cfg(feature = "alloc")]
        (PublicKey::Rsa { e, n }, HostKey::RsaSha1 | HostKey::RsaSha256 | HostKey::RsaSha512) => {
            super::rsa::verify(algorithm, (e, n), message, signature)
        }
        _ => Err(Forged),
    }
}

/// One curve's verification: the point in uncompressed form, `r` and `s` at the width of the order.
macro_rules! ecdsa {
    ($($curve:ident $length:literal),*) => { $(
        fn $curve(point: &[u8; $length], message: &[u8], signature: &[u8]) -> Result<(), Forged> {
            if point[0] != 4 {
                return Err(Forged);
            }
            let key = $curve::ecdsa::VerifyingKey::from_sec1_bytes(point).map_err(|_| Forged)?;
            let signature = $curve::ecdsa::Signature::from_slice(signature).map_err(|_| Forged)?;
            key.verify(message, &signature).map_err(|_| Forged)
        }
    )* };
}

ecdsa!(p256 65);
#[cfg(feature = "alloc")]
ecdsa!(p384 97, p521 133);

#[cfg(test)]
mod tests {
    use super::verify;
    use crate::algorithm::HostKey;
    use crate::crypto::Forged;
    use crate::crypto::hex;
    use crate::crypto::signature::PublicKey;

    /// RFC 8032 §7.1, TEST 1.
    #[test]
    fn the_signature_of_the_rfc() {
        let key = hex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a").try_into().unwrap();
        let mut signature = hex("e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155
            5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b");
        let key = PublicKey::Ed25519(&key);
        assert_eq!(verify(HostKey::Ed25519, &key, b"", &signature), Ok(()));
        assert_eq!(verify(HostKey::EcdsaP256, &key, b"", &signature), Err(Forged));
        assert_eq!(verify(HostKey::Ed25519, &key, b"x", &signature), Err(Forged));
        assert_eq!(verify(HostKey::Ed25519, &key, b"", &signature[..63]), Err(Forged));
        signature[0] ^= 1;
        assert_eq!(verify(HostKey::Ed25519, &key, b"", &signature), Err(Forged));
    }
}
