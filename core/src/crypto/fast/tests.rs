//! ring and pure Rust against each other: every cipher and MAC, every hash, every signature, and what is tampered with.

use super::Fast;
use crate::algorithm::{Cipher, Hash, HostKey, Mac};
use crate::crypto::hex;
use crate::crypto::signature::PublicKey;
use crate::crypto::soft::vectors::{
    N_1026, N_2048, SIGNATURE_1026, SIGNATURE_SHA256, SIGNATURE_SHA512, SIGNATURE_SHORT,
};
use crate::crypto::soft::{Hasher, Soft};
use crate::crypto::{Digest, DirectionKeys, Forged, Open, Provider, Seal, Shape};
use crate::seed::{Random, Seed};
use alloc::vec::Vec;

fn random() -> Random {
    Random::new(&Seed::new([5; 32]))
}

fn keys(random: &mut Random) -> DirectionKeys {
    DirectionKeys { iv: random.array(), key: random.array(), mac: random.array() }
}

type Suite = (Cipher, Option<Mac>);

/// Every cipher, with every MAC if it needs one.
fn suites() -> impl Iterator<Item = Suite> {
    let (aead, rest): (Vec<Cipher>, Vec<Cipher>) = Fast::CIPHERS.iter().partition(|cipher| cipher.is_aead());
    let composed = |cipher| Fast::MACS.iter().map(move |mac| (cipher, Some(*mac)));
    aead.into_iter().map(|cipher| (cipher, None)).chain(rest.into_iter().flat_map(composed))
}

fn sealer<P: Provider>((cipher, mac): Suite, keys: &DirectionKeys) -> P::Seal {
    P::seal(cipher, mac, keys).unwrap()
}

fn opener<P: Provider>((cipher, mac): Suite, keys: &DirectionKeys) -> P::Open {
    P::open(cipher, mac, keys).unwrap()
}

/// A packet with a random payload, padded as the shape wants it, and room for the tag.
fn packet(shape: Shape, payload: usize, random: &mut Random) -> Vec<u8> {
    let counted = if shape.length_padded { 5 } else { 1 } + payload;
    let padding = 4 + (counted + 4).next_multiple_of(shape.block) - (counted + 4);
    let length = 1 + payload + padding;
    let mut packet = alloc::vec![0; 4 + length + shape.tag];
    random.fill(&mut packet);
    packet[..4].copy_from_slice(&u32::try_from(length).unwrap().to_be_bytes());
    packet[4] = u8::try_from(padding).unwrap();
    packet
}

/// What the receiver does with a packet.
fn receive(open: &mut impl Open, sequence: u32, packet: &mut [u8]) -> Result<u32, Forged> {
    let head = open.shape().head;
    let length = open.length(sequence, &mut packet[..head]);
    open.open(sequence, packet).map(|()| length)
}

fn cross<S: Provider, O: Provider>() {
    let random = &mut random();
    for suite in suites() {
        let keys = keys(random);
        let (mut seal, mut open) = (sealer::<S>(suite, &keys), opener::<O>(suite, &keys));
        let mut twin = sealer::<O>(suite, &keys);
        let shape = seal.shape();
        assert_eq!(shape, open.shape());
        assert_eq!(shape, twin.shape());
        let sizes = (0..70).chain([255, 256, 1000, 1024, 4096, 32_768, 35_000]);
        for (sequence, size) in (u32::MAX - 9..=u32::MAX).chain(0..).zip(sizes) {
            let plain = packet(shape, size, random);
            let (mut sealed, mut other) = (plain.clone(), plain.clone());
            seal.seal(sequence, &mut sealed);
            twin.seal(sequence, &mut other);
            assert_eq!(sealed, other, "{suite:?} {size}");
            let length = receive(&mut open, sequence, &mut sealed);
            assert_eq!(length, Ok(u32::try_from(plain.len() - shape.tag - 4).unwrap()), "{suite:?} {size}");
            assert_eq!(sealed[4..sealed.len() - shape.tag], plain[4..plain.len() - shape.tag]);
        }
    }
}

#[test]
fn each_provider_opens_what_the_other_seals() {
    cross::<Fast, Soft>();
    cross::<Soft, Fast>();
}

/// Whether eight bytes of one stand anywhere in the other.
fn share_text(one: &[u8], other: &[u8]) -> bool {
    one.windows(8).any(|window| other.windows(8).any(|found| found == window))
}

fn tamper<P: Provider>() {
    let random = &mut random();
    for suite in suites() {
        let keys = keys(random);
        let mut seal = sealer::<P>(suite, &keys);
        let plain = packet(seal.shape(), 100, random);
        let mut sealed = plain.clone();
        seal.seal(7, &mut sealed);
        for place in 0..sealed.len() {
            let mut forged = sealed.clone();
            forged[place] ^= 0x10;
            let forgery = receive(&mut opener::<P>(suite, &keys), 7, &mut forged);
            assert_eq!(forgery, Err(Forged), "{suite:?} {place}");
            let plain = &plain[..plain.len() - seal.shape().tag];
            assert!(place % 16 > 0 || !share_text(&forged, plain), "{suite:?} {place}");
        }
        let sequence_matters = !matches!(suite, (Cipher::Aes128Gcm | Cipher::Aes256Gcm, _));
        let other = receive(&mut opener::<P>(suite, &keys), 8, &mut sealed.clone());
        assert_eq!(other.is_err(), sequence_matters, "{suite:?}");
        let end = sealed.len() - seal.shape().block;
        assert_eq!(receive(&mut opener::<P>(suite, &keys), 7, &mut sealed[..end]), Err(Forged));
    }
}

#[test]
fn no_byte_of_a_packet_can_change_and_no_plaintext_is_left() {
    tamper::<Fast>();
    tamper::<Soft>();
}

#[test]
fn what_is_no_suite_is_not_keyed() {
    let keys = keys(&mut random());
    for cipher in Cipher::ALL.iter().filter(|cipher| !cipher.is_aead()) {
        assert!(Fast::seal(*cipher, None, &keys).is_none() && Fast::open(*cipher, None, &keys).is_none());
        assert!(Soft::seal(*cipher, None, &keys).is_none() && Soft::open(*cipher, None, &keys).is_none());
    }
}

fn short<P: Provider>() {
    for suite in suites() {
        for length in 0..20 {
            let mut open = opener::<P>(suite, &keys(&mut random()));
            assert_eq!(open.open(0, &mut [0; 20][..length]), Err(Forged));
        }
    }
}

#[test]
fn packets_without_room_for_a_tag_are_forged() {
    short::<Fast>();
    short::<Soft>();
}

#[test]
fn hashes_are_those_of_ring() {
    use ring::digest::{SHA256, SHA384, SHA512, digest};
    let mut message = [0; 300];
    random().fill(&mut message);
    for (hash, theirs) in [(Hash::Sha256, &SHA256), (Hash::Sha384, &SHA384), (Hash::Sha512, &SHA512)] {
        for length in 0..message.len() {
            let (first, second) = message[..length].split_at(length / 3);
            let mut ours = Hasher::new(hash).unwrap();
            ours.update(first);
            ours.update(second);
            assert_eq!(ours.finish().as_bytes(), digest(theirs, &message[..length]).as_ref());
        }
    }
}

/// Both providers' verdict, which must be one.
fn verdict(algorithm: HostKey, key: PublicKey<'_>, message: &[u8], signature: &[u8]) -> bool {
    let fast = Fast::verify(algorithm, &key, message, signature);
    assert_eq!(fast, Soft::verify(algorithm, &key, message, signature));
    fast.is_ok()
}

/// That the signature is good, and no longer when anything is changed.
fn verifies(algorithm: HostKey, key: PublicKey<'_>, message: &[u8], signature: &[u8]) {
    assert!(verdict(algorithm, key, message, signature));
    assert!(!verdict(algorithm, key, &[message, &[0]].concat(), signature));
    assert!(!verdict(algorithm, key, message, &signature[..signature.len() - 1]));
    assert!(!verdict(algorithm, key, message, &[signature, &[0]].concat()));
    for place in [0, signature.len() / 2, signature.len() - 1] {
        let mut forged = signature.to_vec();
        forged[place] ^= 1;
        assert!(!verdict(algorithm, key, message, &forged));
    }
    for other in HostKey::ALL.iter().filter(|other| **other != algorithm) {
        assert!(!verdict(*other, key, message, signature));
    }
}

#[test]
fn ed25519_signatures_of_ring_verify() {
    use ring::signature::KeyPair;
    let pair = ring::signature::Ed25519KeyPair::from_seed_unchecked(&random().array::<32>()).unwrap();
    let key = pair.public_key().as_ref().try_into().unwrap();
    verifies(HostKey::Ed25519, PublicKey::Ed25519(key), b"message", pair.sign(b"message").as_ref());
}

#[test]
fn ecdsa_signatures_verify() {
    use p256::ecdsa::signature::Signer;
    let pair = p256::ecdsa::SigningKey::from_bytes(&random().array().into()).unwrap();
    let point: [u8; 65] = pair.verifying_key().to_sec1_point(false).as_bytes().try_into().unwrap();
    let signature: p256::ecdsa::Signature = pair.sign(b"message");
    let key = PublicKey::EcdsaP256(&point);
    verifies(HostKey::EcdsaP256, key, b"message", &signature.to_bytes());
    // SSH does not ask for the lower of the two values of `s` (RFC 5656 §3.1.2).
    let (r, s) = signature.split_scalars();
    let twin = p256::ecdsa::Signature::from_scalars(r, -s).unwrap();
    verifies(HostKey::EcdsaP256, key, b"message", &twin.to_bytes());
    assert!(!verdict(HostKey::EcdsaP256, key, b"message", &[0; 64]));
    assert!(!verdict(HostKey::EcdsaP256, PublicKey::EcdsaP256(&[4; 65]), b"message", &signature.to_bytes()));
}

#[test]
fn rsa_signatures_of_openssl_verify() {
    let n = hex(N_2048);
    let key = PublicKey::Rsa { e: &[1, 0, 1], n: &n };
    verifies(HostKey::RsaSha256, key, b"sanssh", &hex(SIGNATURE_SHA256));
    verifies(HostKey::RsaSha512, key, b"sanssh", &hex(SIGNATURE_SHA512));
    verifies(HostKey::RsaSha256, key, b"98", &[&[0], &hex(SIGNATURE_SHORT)[..]].concat()[..]);
    assert!(verdict(HostKey::RsaSha256, key, b"98", &hex(SIGNATURE_SHORT)));
    verifies(HostKey::RsaSha512, PublicKey::Rsa { e: &[3], n: &hex(N_1026) }, b"sanssh", &hex(SIGNATURE_1026));
}

#[test]
fn a_direction_is_held_in_place() {
    assert!(size_of::<super::Sealer>().max(size_of::<super::Opener>()) <= 640);
    assert!(size_of::<<Soft as Provider>::Seal>().max(size_of::<<Soft as Provider>::Open>()) <= 640);
}
