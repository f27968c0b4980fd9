//! Private keys, both ways.

use crate::{Bench, Blob, TYPES, check_signatures, ours, random};
use sanssh_core::algorithm::HostKey;
use sanssh_core::file::private::{self, CannotWrite, Locking};
use sanssh_core::file::signing::{CannotSign, KeyType, SigningKey};
use sanssh_core::file::{Foreign, Format, KeyError, PublicKeyBuf, Unsupported};
use sanssh_core::wire::{Reader, Sink};

const CIPHERS: [&str; 10] = [
    "aes128-ctr",
    "aes192-ctr",
    "aes256-ctr",
    "aes128-cbc",
    "aes192-cbc",
    "aes256-cbc",
    "3des-cbc",
    "aes128-gcm@openssh.com",
    "aes256-gcm@openssh.com",
    "chacha20-poly1305@openssh.com",
];

#[test]
fn openssh_keys_of_every_type_and_cipher_are_read() {
    let Some(bench) = Bench::new(&["ssh-keygen"]) else { return };
    for (n, kind) in TYPES.into_iter().enumerate() {
        let name = format!("plain{n}");
        bench.generate(&name, kind, "-N ''");
        let blob = bench.blob(&name, "");
        assert_eq!(bench.check(&name, "", &blob).comment, b"comment");
        assert_eq!(private::public(&bench.read(&name)), Ok(blob.clone()));
        for cipher in CIPHERS {
            bench.run("ssh-keygen", &format!("-q -p -f {name} -P '' -N secret -a 1 -Z {cipher}"));
            bench.check(&name, "secret", &blob);
            assert_eq!(private::public(&bench.read(&name)).as_ref(), Ok(&blob), "without a passphrase");
            bench.run("ssh-keygen", &format!("-q -p -f {name} -P secret -N ''"));
        }
    }
}

#[test]
fn rsa_of_any_size_and_exponent_signs() {
    let Some(bench) = Bench::new(&["ssh-keygen", "openssl"]) else { return };
    for bits in [2049, 2304, 3072, 4096, 4104] {
        bench.generate("rsa", ("rsa", &bits.to_string()), "-N ''");
        bench.check("rsa", "", &bench.blob("rsa", ""));
        std::fs::remove_file(bench.path("rsa")).expect("a file to remove");
    }
    for exponent in ["3", "17", "65537", "4294967297", "18446744073709551557"] {
        let option = format!("-pkeyopt rsa_keygen_bits:2048 -pkeyopt rsa_keygen_pubexp:{exponent}");
        bench.run("openssl", &format!("genpkey -quiet -algorithm RSA {option} -out small"));
        let read = private::read(&bench.read("small"), None).expect("a key");
        check_signatures(&read.key);
    }
}

/// `ssh-rsa` is made when it is asked for by name, and not otherwise.
#[test]
fn rsa_signs_with_sha1_only_when_asked() {
    let key = &ours()[4];
    assert!(!key.algorithms().contains(&HostKey::RsaSha1));
    let signed = key.sign(HostKey::RsaSha1, b"message").expect("a signature");
    assert_eq!(Reader::new(&signed).string(), Ok(&b"ssh-rsa"[..]));
    assert_eq!(ours()[0].sign(HostKey::RsaSha1, b"message"), Err(CannotSign::WrongAlgorithm));
}

#[test]
fn pem_keys_are_read_plain_and_under_headers() {
    let Some(bench) = Bench::new(&["ssh-keygen", "openssl"]) else { return };
    for (n, kind) in TYPES.into_iter().enumerate().skip(1) {
        let name = format!("pem{n}");
        bench.generate(&name, kind, "-N '' -m PEM");
        let blob = bench.blob(&name, "");
        bench.check(&name, "", &blob);
        bench.run("ssh-keygen", &format!("-q -p -f {name} -P '' -N secret -m PEM"));
        bench.check(&name, "secret", &blob);
        let tool = if kind.0 == "rsa" { "rsa -traditional" } else { "ec" };
        for cipher in ["aes128", "aes192", "aes256", "des3"] {
            let arguments =
                format!("{tool} -{cipher} -in {name} -passin pass:secret -passout pass:other -out {cipher}");
            bench.run("openssl", &arguments);
            assert!(bench.read(cipher).windows(9).any(|window| window == b"DEK-Info:"));
            bench.check(cipher, "other", &blob);
        }
    }
}

#[test]
fn curve_parameters_in_front_of_a_key_are_passed_over() {
    let Some(bench) = Bench::new(&["ssh-keygen", "openssl"]) else { return };
    bench.run("openssl", "ecparam -name secp384r1 -genkey -out key");
    assert!(bench.read("key").starts_with(b"-----BEGIN EC PARAMETERS-----"));
    bench.run("openssl", "ec -in key -out bare");
    bench.put("bare", &String::from_utf8(bench.read("bare")).expect("text"));
    bench.check("key", "", &bench.blob("bare", ""));
}

#[test]
fn pkcs8_keys_are_read_under_every_scheme() {
    let Some(bench) = Bench::new(&["ssh-keygen", "openssl"]) else { return };
    let schemes = [
        "-v2 aes-128-cbc -v2prf hmacWithSHA1 -iter 100",
        "-v2 aes-192-cbc -v2prf hmacWithSHA224 -iter 100",
        "-v2 aes-256-cbc -v2prf hmacWithSHA256 -iter 2048",
        "-v2 aes-256-cbc -v2prf hmacWithSHA384 -iter 1",
        "-v2 des3 -v2prf hmacWithSHA512 -iter 100",
        "-scrypt",
        "-scrypt -scrypt_N 2 -scrypt_r 1 -scrypt_p 1",
    ];
    for (n, key) in ours().iter().enumerate() {
        let text = private::write(key, Format::OpenSsh, b"", None, &mut random()).expect("a key");
        let name = format!("key{n}");
        bench.put(&name, &text);
        let blob = bench.blob(&name, "");
        if n > 0 {
            bench.run("ssh-keygen", &format!("-q -p -f {name} -P '' -N secret -m PKCS8"));
            bench.check(&name, "secret", &blob);
        }
        let plain = private::write(key, Format::Pkcs8, b"", None, &mut random()).expect("a key");
        bench.put("plain", &plain);
        bench.run("openssl", "pkey -in plain -out again");
        bench.check("again", "", &blob);
        for scheme in schemes {
            bench.run("openssl", &format!("pkcs8 -topk8 -in plain -passout pass:secret {scheme} -out sealed"));
            bench.check("sealed", "secret", &blob);
        }
        bench.run("openssl", "pkcs8 -topk8 -in plain -passout pass:secret -v1 PBE-SHA1-3DES -out sealed");
        let error = private::read(&bench.read("sealed"), Some(b"secret")).err();
        assert_eq!(error, Some(KeyError::Unsupported(Format::Pkcs8, Unsupported::Kdf)));
    }
}

#[test]
fn putty_keys_are_read_in_both_versions() {
    let Some(bench) = Bench::new(&["ssh-keygen", "puttygen"]) else { return };
    bench.put("old", "");
    bench.put("new", "secret\n");
    let parameters = [
        "version=2",
        "version=3,kdf=argon2id,memory=1024,passes=2",
        "version=3,kdf=argon2i,memory=64,passes=1,parallelism=2",
        "version=3,kdf=argon2d,memory=8192,passes=3",
    ];
    for (n, kind) in TYPES.into_iter().enumerate() {
        let name = format!("key{n}");
        bench.generate(&name, kind, "-N ''");
        let blob = bench.blob(&name, "");
        for parameters in parameters {
            let convert = format!("{name} -O private --ppk-param {parameters}");
            bench.run("puttygen", &format!("{convert} --old-passphrase old -o plain.ppk"));
            assert_eq!(bench.check("plain.ppk", "", &blob).comment, b"comment");
            bench.run("puttygen", &format!("{convert} --new-passphrase new -o locked.ppk"));
            bench.check("locked.ppk", "secret", &blob);
            assert_eq!(private::public(&bench.read("locked.ppk")).as_ref(), Ok(&blob));
        }
    }
}

/// PuTTY pads more than the block asks for.
#[test]
fn t14_openssh_keys_written_by_putty_are_read() {
    let Some(bench) = Bench::new(&["ssh-keygen", "puttygen"]) else { return };
    bench.put("new", "secret\n");
    for (n, kind) in TYPES.into_iter().enumerate() {
        let name = format!("key{n}");
        bench.generate(&name, kind, "-N ''");
        let blob = bench.blob(&name, "");
        bench.run("puttygen", &format!("{name} -O private -o ppk"));
        bench.run("puttygen", "ppk -O private-openssh-new -o plain");
        bench.check("plain", "", &blob);
        bench.run("puttygen", "ppk -O private-openssh-new --new-passphrase new -o locked");
        bench.check("locked", "secret", &blob);
        if kind.0 != "ed25519" {
            bench.run("puttygen", "ppk -O private-openssh --new-passphrase new -o pem");
            bench.check("pem", "secret", &blob);
        }
    }
}

#[test]
fn written_keys_are_accepted() {
    let Some(bench) = Bench::new(&["ssh-keygen", "openssl"]) else { return };
    let lock = Locking { passphrase: b"secret", rounds: 2 };
    for key in &ours() {
        for format in [Format::OpenSsh, Format::Pem, Format::Pkcs8] {
            for (lock, passphrase) in [(None, ""), (Some(&lock), "secret")] {
                let is_ed25519 = key.algorithms() == [HostKey::Ed25519];
                let text = match private::write(key, format, b"comment", lock, &mut random()) {
                    Ok(text) => text,
                    Err(CannotWrite::Format) if format == Format::Pem && lock.is_some() => continue,
                    Err(CannotWrite::KeyType) if format == Format::Pem && is_ed25519 => continue,
                    Err(error) => panic!("{format}: {error}"),
                };
                bench.put("key", &text);
                bench.check("key", passphrase, key.public());
                if format == Format::Pkcs8 && is_ed25519 {
                    bench.run("openssl", &format!("pkey -noout -check -in key -passin pass:{passphrase}"));
                } else {
                    assert_eq!(bench.blob("key", passphrase), key.public(), "{format} {passphrase}");
                }
            }
        }
    }
}

/// Only the handle of a key in a security key is in its file.
#[test]
fn keys_in_security_keys_are_carried() {
    let Some(bench) = Bench::new(&["ssh-keygen"]) else { return };
    let keys = ours();
    let (ed25519, p256) = (&keys[0].public()[19..], &keys[1].public()[39..]);
    let fields: [&[&[u8]]; 2] =
        [&[b"sk-ssh-ed25519@openssh.com", ed25519], &[b"sk-ecdsa-sha2-nistp256@openssh.com", b"nistp256", p256]];
    for fields in fields {
        let mut wire = Blob(Vec::new());
        fields.iter().for_each(|field| wire.string(field));
        wire.string(b"ssh:");
        let public = wire.0.clone();
        wire.u8(1);
        wire.string(b"the handle");
        wire.string(b"");
        let key = SigningKey::decode(&mut Reader::new(&wire.0)).expect("a handle");
        assert_eq!((key.public(), key.algorithms()), (&public[..], &[][..]));
        assert_eq!(key.sign(HostKey::SkEd25519, b""), Err(CannotSign::Token));
        let token = key.token().expect("a handle");
        assert_eq!((token.flags, &token.handle[..]), (1, &b"the handle"[..]));
        let text = private::write(&key, Format::OpenSsh, b"c", None, &mut random()).expect("a file");
        bench.put("sk", &text);
        assert_eq!(bench.blob("sk", ""), public);
        let back = private::read(text.as_bytes(), None).expect("the same key");
        assert_eq!(back.key.token(), key.token());
        assert_eq!(private::write(&key, Format::Pkcs8, b"", None, &mut random()), Err(CannotWrite::KeyType));
    }
}

#[test]
fn what_cannot_be_used_is_named() {
    let Some(bench) = Bench::new(&["openssl", "ssh-keygen"]) else { return };
    bench.run("openssl", "genpkey -quiet -algorithm ED448 -out ed448");
    bench.run("openssl", "genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:secp256k1 -out k1");
    bench.run("openssl", "genrsa -out rsa 1024");
    bench.generate("rounds", ("ed25519", "256"), "-N secret -a 1025");
    let cases = [
        ("ed448", Format::Pkcs8, Unsupported::KeyType(Foreign::Ed448)),
        ("k1", Format::Pkcs8, Unsupported::Curve),
        ("rsa", Format::Pkcs8, Unsupported::RsaBits(1024)),
        ("rounds", Format::OpenSsh, Unsupported::Cost),
    ];
    for (name, format, what) in cases {
        let error = private::read(&bench.read(name), Some(b"secret")).err();
        assert_eq!(error, Some(KeyError::Unsupported(format, what)), "{name}");
    }
}

#[test]
fn generated_rsa_keys_are_sound_to_openssl() {
    let Some(bench) = Bench::new(&["openssl"]) else { return };
    for bits in [2048, 2306, 3072] {
        let key = SigningKey::generate(KeyType::Rsa(bits), &mut random()).expect("a key");
        assert_eq!(PublicKeyBuf::from_blob(key.public()).map(|key| key.bits()), Ok(bits));
        bench.put("key", &private::write(&key, Format::Pem, b"", None, &mut random()).expect("a key"));
        bench.run("openssl", "rsa -noout -check -in key");
        let again = SigningKey::generate(KeyType::Rsa(bits), &mut random()).expect("a key");
        assert_eq!(key.public(), again.public(), "the same seed, the same key");
        check_signatures(&key);
    }
    for bits in [0, 1024, 2047, 2049, 16_386, usize::MAX] {
        assert!(SigningKey::generate(KeyType::Rsa(bits), &mut random()).is_none());
    }
}
