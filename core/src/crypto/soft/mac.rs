//! HMAC with SHA-2 (RFC 6668), its key hashed once.
//!
//! Each packet starts from a copy of the keyed state.

use super::ctr::Authenticator;
use crate::algorithm::Mac;
use crate::crypto::HashValue;
use hmac::{KeyInit, Mac as _};
use sha2::{Sha256, Sha512};

/// A keyed HMAC.
#[expect(clippy::large_enum_variant, reason = "SHA-512 has twice the state, and there may be no allocator")]
pub(super) enum Hmac {
    Sha256(hmac::Hmac<Sha256>),
    Sha512(hmac::Hmac<Sha512>),
}

impl Hmac {
    /// Keyed with as many bytes as the code has. HMAC fills keys up with zeros to a block of the hash, so filling them
    /// up here changes nothing and leaves no length that could be wrong.
    pub(super) fn new(mac: Mac, key: &[u8; 64]) -> Self {
        let key = key.get(..mac.len()).unwrap_or(key);
        match mac {
            Mac::HmacSha256 | Mac::HmacSha256Etm => Self::Sha256(KeyInit::new((&*filled::<64>(key)).into())),
            Mac::HmacSha512 | Mac::HmacSha512Etm => Self::Sha512(KeyInit::new((&*filled::<128>(key)).into())),
        }
    }
}

fn filled<const BLOCK: usize>(key: &[u8]) -> zeroize::Zeroizing<[u8; BLOCK]> {
    let mut block = zeroize::Zeroizing::new([0; BLOCK]);
    block.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    block
}

impl Authenticator for Hmac {
    fn code(&self, sequence: u32, text: &[u8]) -> HashValue {
        let sequence = sequence.to_be_bytes();
        match self {
            Self::Sha256(keyed) => {
                HashValue::new(&keyed.clone().chain_update(sequence).chain_update(text).finalize().into_bytes())
            }
            Self::Sha512(keyed) => {
                HashValue::new(&keyed.clone().chain_update(sequence).chain_update(text).finalize().into_bytes())
            }
        }
    }
}
