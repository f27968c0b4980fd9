//! HMAC with SHA-2 (RFC 6668), its key hashed once.
//!
//! Each packet starts from a copy of the keyed state.

use super::ctr::Authenticator;
use crate::algorithm::Mac;
use crate::crypto::HashValue;
use hmac::{KeyInit, Mac as _};
use sha2::{Sha256, Sha512};

/// A keyed HMAC.
pub(super) enum Hmac {
    Sha256(hmac::Hmac<Sha256>),
    Sha512(hmac::Hmac<Sha512>),
}

impl Hmac {
    /// Keyed with as many bytes as the code has. HMAC fills keys up with zeros to a block of the hash, so filling them
    /// up here changes nothing and leaves no length that could be wrong.
    pub(super) fn new(mac: Mac, key: &[u8; 64]) -> Self {
        let key = key.get(..mac.code_len()).unwrap_or(key);
        match mac {
            Mac::HmacSha256 | Mac::HmacSha256Etm => Self::Sha256(KeyInit::new((&*filled::<64>(key)).into())),
            Mac::HmacSha512 | Mac::HmacSha512Etm => Self::Sha512(KeyInit::new((&*filled::<128>(key)).into())),
            Mac::Umac128Etm | Mac::Umac64Etm | Mac::Umac128 | Mac::Umac64 | Mac::HmacSha1Etm | Mac::HmacSha1 => todo!(),
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

#[cfg(test)]
mod tests {
    use super::{Authenticator, Hmac};
    use crate::algorithm::Mac;
    use crate::crypto::soft::hex;

    /// RFC 4231 §4.3, with the first word of the message as the sequence number.
    #[test]
    fn codes_of_the_rfc() {
        let mut key = [0; 64];
        key[..4].copy_from_slice(b"Jefe");
        let code = |mac| Hmac::new(mac, &key).code(u32::from_be_bytes(*b"what"), b" do ya want for nothing?");
        let sha256 = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        let sha512 = "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554
            9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737";
        assert_eq!(code(Mac::HmacSha256).as_bytes(), hex(sha256));
        assert_eq!(code(Mac::HmacSha256Etm).as_bytes(), hex(sha256));
        assert_eq!(code(Mac::HmacSha512).as_bytes(), hex(sha512));
    }
}
