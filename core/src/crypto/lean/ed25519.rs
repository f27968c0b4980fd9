//! Verification of Ed25519 (RFC 8709).

use crate::crypto::Forged;
use ed25519_dalek::{Signature, VerifyingKey};

/// Strictly: keys and commitments of small order are refused, with which one signature suits many messages.
pub(crate) fn verify(key: &[u8; 32], message: &[u8], signature: &[u8]) -> Result<(), Forged> {
    let key = VerifyingKey::from_bytes(key).map_err(|_| Forged)?;
    let signature = Signature::from_slice(signature).map_err(|_| Forged)?;
    key.verify_strict(message, &signature).map_err(|_| Forged)
}

#[cfg(test)]
mod tests {
    use super::verify;
    use crate::crypto::Forged;

    /// The neutral point as key and commitment, with a zero `s`, satisfies the equation for any message.
    #[test]
    fn keys_of_small_order_verify_nothing() {
        let mut neutral = [0; 32];
        neutral[0] = 1;
        let mut signature = [0; 64];
        signature[0] = 1;
        assert_eq!(verify(&neutral, b"any", &signature), Err(Forged));
    }
}
