//! Keys against OpenSSH's own `ssh-keygen`: what it writes is read, what is written here it accepts.
//! Without `ssh-keygen` the tests say so loudly, and fail where `CI` is `true`.
#![cfg(feature = "ring")]

mod bench;

use base64ct::{Base64, Encoding};
use bench::{Bench, keygen, text};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA512, RsaPublicKeyComponents,
    UnparsedPublicKey,
};
use sanssh_core::algorithm::HostKey;
use sanssh_core::crypto::fast::Fast;
use sanssh_core::crypto::signature::{self, PublicKey};
use sanssh_core::crypto::soft::Soft;
use sanssh_core::file::{Format, KeyError, PublicKeyBuf, SigningKey, private};
use sanssh_core::wire::{Mpint, Reader};
use sanssh_core::{Random, Seed};
use std::fs;
use std::process::Command;

/// Verifies with ring directly, and with both providers.
fn verify(public: &[u8], algorithm: HostKey, message: &[u8], blob: &[u8]) {
    let key = PublicKey::decode(public, 2048).unwrap();
    assert_eq!(signature::verify::<Fast>(algorithm, &key, message, blob), Ok(None));
    assert_eq!(signature::verify::<Soft>(algorithm, &key, message, blob), Ok(None));
    let mut reader = Reader::new(blob);
    assert_eq!(reader.string(), Ok(algorithm.name().as_bytes()));
    let raw = reader.string().unwrap();
    reader.end().unwrap();
    match key {
        PublicKey::Ed25519(key) => UnparsedPublicKey::new(&ED25519, key).verify(message, raw),
        PublicKey::EcdsaP256(key) => {
            let mut reader = Reader::new(raw);
            let mut pair = Vec::new();
            for _ in 0..2 {
                let Mpint(number) = reader.read().unwrap();
                pair.extend(vec![0; 32 - number.len()]);
                pair.extend(number);
            }
            UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key).verify(message, &pair)
        }
        PublicKey::Rsa { e, n } => {
            let sha512 = algorithm == HostKey::RsaSha512;
            let padding = if sha512 { &RSA_PKCS1_2048_8192_SHA512 } else { &RSA_PKCS1_2048_8192_SHA256 };
            RsaPublicKeyComponents { n, e }.verify(padding, message, raw)
        }
        PublicKey::EcdsaP384(_)
        | PublicKey::EcdsaP521(_)
        | PublicKey::SkEd25519 { .. }
        | PublicKey::SkEcdsaP256 { .. } => panic!("ring cannot tell"),
    }
    .unwrap();
}

/// Reads one key pair and compares everything there is to compare.
fn check(bench: &Bench, name: &str, arguments: &[&str], passphrase: &str, algorithms: &[HostKey]) {
    let (file, line) = bench.generate(name, &[arguments, &["-N", passphrase]].concat());
    let (public, comment) = PublicKeyBuf::read(&line).unwrap();
    assert_eq!(comment, b"a comment");
    assert_eq!(private::public(&file).as_deref(), Ok(public.blob()));
    if !passphrase.is_empty() {
        assert_eq!(private::read(&file, None).err(), Some(KeyError::Encrypted));
        assert_eq!(private::read(&file, Some(b"")).err(), Some(KeyError::Encrypted));
        assert_eq!(private::read(&file, Some(b"wrong")).err(), Some(KeyError::WrongPassphrase));
    }
    let read = private::read(&file, Some(passphrase.as_bytes())).unwrap();
    assert_eq!((read.key.public(), &read.comment[..]), (public.blob(), &b"a comment"[..]));
    assert_eq!(read.key.algorithms(), algorithms);
    for algorithm in algorithms {
        let signature = read.key.sign(*algorithm, b"to be signed").unwrap();
        assert_eq!(read.key.sign(*algorithm, b"to be signed"), Ok(signature.clone()));
        verify(public.blob(), *algorithm, b"to be signed", &signature);
    }
    let listed = text(&keygen(&["-l"], &bench.path(name)));
    assert_eq!(listed.split(' ').nth(1), Some(&*public.fingerprint()));
    assert_eq!(text(&keygen(&["-y", "-P", passphrase], &bench.path(name))), String::from_utf8(line).unwrap());
}

#[test]
fn plain_keys_are_read() {
    let Some(bench) = Bench::new("plain") else { return };
    check(&bench, "ed25519", &["-t", "ed25519"], "", &[HostKey::Ed25519]);
    for n in 0..16 {
        // One scalar in 256 has a leading zero byte, one in two a leading one bit.
        check(&bench, &format!("ecdsa{n}"), &["-t", "ecdsa", "-b", "256"], "", &[HostKey::EcdsaP256]);
    }
    for bits in ["2048", "3072", "4096"] {
        check(&bench, bits, &["-t", "rsa", "-b", bits], "", &[HostKey::RsaSha512, HostKey::RsaSha256]);
    }
}

#[test]
fn encrypted_keys_are_read() {
    let Some(bench) = Bench::new("encrypted") else { return };
    check(&bench, "default", &["-t", "ed25519"], "pass phrase", &[HostKey::Ed25519]);
    check(&bench, "rsa", &["-t", "rsa", "-b", "2048", "-a", "1"], "x", &[HostKey::RsaSha512, HostKey::RsaSha256]);
    for cipher in ["aes128-ctr", "aes256-ctr", "aes128-gcm@openssh.com", "aes256-gcm@openssh.com"] {
        let arguments = ["-t", "ecdsa", "-a", "2", "-Z", cipher];
        check(&bench, cipher, &arguments, "\u{e4}\u{f6} long and not ASCII", &[HostKey::EcdsaP256]);
    }
}

#[test]
fn written_keys_are_accepted() {
    let Some(bench) = Bench::new("written") else { return };
    let random = &mut Random::new(&Seed::new([5; 32]));
    for (n, key) in [SigningKey::ed25519(&[9; 32]), SigningKey::ecdsa_p256(random)].iter().enumerate() {
        for comment in ["", "c", "me@here", "a longer comment"] {
            let path = bench.path(&format!("key{n}"));
            let file = private::write(key, Format::OpenSsh, comment.as_bytes(), None, random).unwrap();
            fs::write(&path, file.as_bytes()).unwrap();
            assert!(Command::new("chmod").arg("600").arg(&path).status().unwrap().success());
            let line = PublicKeyBuf::from_blob(key.public()).unwrap().line(comment);
            assert_eq!(text(&keygen(&["-y"], &path)).trim_end(), line);
        }
    }
}

#[test]
fn damaged_rsa_keys_are_refused() {
    let Some(bench) = Bench::new("damage") else { return };
    let (file, _) = bench.generate("rsa", &["-t", "rsa", "-b", "2048", "-N", ""]);
    let file = String::from_utf8(file).unwrap();
    let lines: Vec<_> = file.lines().collect();
    let whole = Base64::decode_vec(&lines[1..lines.len() - 1].concat()).unwrap();
    let read = |bytes: &[u8]| {
        let text = [lines[0], &Base64::encode_string(bytes), lines[lines.len() - 1]].join("\n");
        private::read(text.as_bytes(), None)
    };
    assert!(read(&whole).is_ok());
    let end = whole.windows(9).rposition(|window| window == b"a comment").unwrap();
    // Each number gets its share of flips, and the product and trial signature find every one of them.
    for at in (0..end).step_by(3) {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        assert!(read(&bytes).is_err(), "byte {at} of {}", whole.len());
        assert!(read(&whole[..at]).is_err());
    }
}
