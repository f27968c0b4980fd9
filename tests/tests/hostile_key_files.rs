//! Hostile key files (rows L12 to L18, G16): whatever a file claims, an error comes back, soon and without much memory.
//! Files that were damaged by chance are `key_vectors`' part.

use sanssh_core::file::private::{self, read};
use sanssh_core::file::{Foreign, Format, KeyError, PublicKeyBuf, SigningKey, Unsupported};
use sanssh_core::wire::{Reader, Sink};
use sanssh_core::{Random, Seed};

/// What a reader was given to sign with last, if it was more than it could be.
const SECRET: Option<&[u8]> = Some(b"secret");

/// Bytes put together field by field.
#[derive(Default, Clone)]
struct Bytes(Vec<u8>);

impl Sink for Bytes {
    fn put(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }
}

impl Bytes {
    fn of(write: impl FnOnce(&mut Self)) -> Vec<u8> {
        let mut bytes = Self::default();
        write(&mut bytes);
        bytes.0
    }
}

fn vector(name: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../vectors/keys").join(name);
    std::fs::read_to_string(path).expect("a vector")
}

/// Base64, written out here so that what is under test is not what makes the test.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().chain([&0, &0]).take(3).fold(0_usize, |word, byte| word << 8 | usize::from(*byte));
        for n in 0..4 {
            let digit = DIGITS[word >> (18 - 6 * n) & 63];
            text.push(if n <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

fn pem(label: &str, bytes: &[u8]) -> Vec<u8> {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", base64(bytes)).into_bytes()
}

fn error(text: &[u8]) -> Option<KeyError> {
    read(text, SECRET).err()
}

/// A public key blob, and the private part of a file with `check` numbers, fields and padding.
struct Parts {
    cipher: &'static str,
    kdf: &'static str,
    options: Vec<u8>,
    count: u32,
    public: Vec<u8>,
    checks: [u32; 2],
    fields: Vec<u8>,
    padding: Vec<u8>,
}

impl Parts {
    fn new() -> Self {
        let key = SigningKey::ed25519(&[1; 32]);
        let fields = key.fields().to_vec();
        let public = key.public().to_vec();
        let padding = (1..=5).collect();
        Self { cipher: "none", kdf: "none", options: vec![], count: 1, public, checks: [7, 7], fields, padding }
    }

    fn locked(rounds: u32, salt: &[u8]) -> Self {
        let options = Bytes::of(|sink| {
            sink.string(salt);
            sink.u32(rounds);
        });
        Self { cipher: "aes256-ctr", kdf: "bcrypt", options, padding: (1..=13).collect(), ..Self::new() }
    }

    fn file(&self) -> Vec<u8> {
        let part = Bytes::of(|sink| {
            self.checks.iter().for_each(|check| sink.u32(*check));
            sink.put(&self.fields);
            sink.string(b"");
            sink.put(&self.padding);
        });
        let whole = Bytes::of(|sink| {
            sink.put(b"openssh-key-v1\0");
            sink.string(self.cipher.as_bytes());
            sink.string(self.kdf.as_bytes());
            sink.string(&self.options);
            sink.u32(self.count);
            sink.string(&self.public);
            sink.string(&part);
        });
        pem("OPENSSH PRIVATE KEY", &whole)
    }
}

#[test]
fn l12_openssh_files_that_claim_what_cannot_be() {
    assert!(read(&Parts::new().file(), None).is_ok());
    let damaged = KeyError::Damaged(Format::OpenSsh);
    let unsupported = |what| KeyError::Unsupported(Format::OpenSsh, what);
    let other = SigningKey::ed25519(&[2; 32]);
    let mut twisted = Parts::new();
    twisted.fields = Bytes::of(|sink| {
        sink.put(&twisted.public);
        sink.string(&[&[2; 32], &twisted.public[19..]].concat());
    });
    let cases = [
        (Parts::locked(0x8000_0000, &[1; 16]), unsupported(Unsupported::Cost)),
        (Parts::locked(u32::MAX, &[1; 16]), unsupported(Unsupported::Cost)),
        (Parts::locked(private::MAX_ROUNDS + 1, &[1; 16]), unsupported(Unsupported::Cost)),
        (Parts::locked(0, &[1; 16]), damaged),
        (Parts::locked(16, b""), damaged),
        (Parts { cipher: "aes256-xts", ..Parts::locked(1, &[1; 16]) }, unsupported(Unsupported::Cipher)),
        (Parts { kdf: "pbkdf2", ..Parts::locked(1, &[1; 16]) }, unsupported(Unsupported::Kdf)),
        (Parts { kdf: "none", ..Parts::locked(1, &[1; 16]) }, damaged),
        (Parts { count: 0, ..Parts::new() }, unsupported(Unsupported::Keys)),
        (Parts { count: 2, ..Parts::new() }, unsupported(Unsupported::Keys)),
        (Parts { count: u32::MAX, ..Parts::new() }, unsupported(Unsupported::Keys)),
        (Parts { checks: [7, 8], ..Parts::new() }, damaged),
        (Parts { padding: vec![1, 2, 3, 4, 4], ..Parts::new() }, damaged),
        (Parts { padding: vec![0; 5], ..Parts::new() }, damaged),
        (Parts { padding: vec![], ..Parts::new() }, damaged),
        (Parts { public: other.public().to_vec(), ..Parts::new() }, damaged),
        (Parts { fields: other.fields().to_vec(), ..Parts::new() }, damaged),
        (twisted, damaged),
    ];
    for (n, (parts, expected)) in cases.iter().enumerate() {
        assert_eq!(error(&parts.file()), Some(*expected), "case {n}");
    }
}

/// Salt as long as the file allows costs no more than a short one.
#[test]
fn l12_a_long_salt_is_only_a_salt() {
    assert_eq!(error(&Parts::locked(1, &vec![1; 40_000]).file()), Some(KeyError::WrongPassphrase));
}

/// A field of `tag`, whose length is `content`'s.
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let head = match length {
        0..=0x7f => vec![tag, length as u8],
        0x80..=0xff => vec![tag, 0x81, length as u8],
        _ => vec![tag, 0x82, (length >> 8) as u8, length as u8],
    };
    [head, content.to_vec()].concat()
}

fn integer(number: u32) -> Vec<u8> {
    let digits = number.to_be_bytes();
    let zeros = (number.leading_zeros() / 8).min(3) as usize;
    let sign: &[u8] = if digits[zeros] >= 0x80 { &[0] } else { &[] };
    der(2, &[sign, &digits[zeros..]].concat())
}

/// `EncryptedPrivateKeyInfo` with this key derivation, and AES-128-CBC or another cipher.
fn sealed(derivation: &[u8], cipher: &[u8]) -> Vec<u8> {
    let pbes2 =
        [&b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0d"[..], &der(0x30, &[derivation, cipher].concat())].concat();
    let whole = der(0x30, &[der(0x30, &pbes2), der(4, &[7; 64])].concat());
    pem("ENCRYPTED PRIVATE KEY", &whole)
}

fn aes(iv: &[u8]) -> Vec<u8> {
    der(0x30, &[b"\x06\x09\x60\x86\x48\x01\x65\x03\x04\x01\x02", &der(4, iv)[..]].concat())
}

fn triple_des(iv: &[u8]) -> Vec<u8> {
    der(0x30, &[b"\x06\x08\x2a\x86\x48\x86\xf7\x0d\x03\x07", &der(4, iv)[..]].concat())
}

fn pbkdf2(iterations: u32) -> Vec<u8> {
    let parameters = der(0x30, &[der(4, &[1; 16]), integer(iterations)].concat());
    der(0x30, &[b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0c", &parameters[..]].concat())
}

fn scrypt(cost: u32, block: u32, parallel: u32) -> Vec<u8> {
    let parameters = der(0x30, &[der(4, &[1; 16]), integer(cost), integer(block), integer(parallel)].concat());
    der(0x30, &[b"\x06\x09\x2b\x06\x01\x04\x01\xda\x47\x04\x0b", &parameters[..]].concat())
}

#[test]
fn l13_derivations_that_would_take_for_ever_are_refused() {
    let unsupported = |what| Some(KeyError::Unsupported(Format::Pkcs8, what));
    assert_eq!(error(&sealed(&pbkdf2(1), &aes(&[1; 16]))), Some(KeyError::WrongPassphrase));
    assert_eq!(error(&sealed(&scrypt(2, 1, 1), &aes(&[1; 16]))), Some(KeyError::WrongPassphrase));
    for iterations in [10_000_001, 0x7fff_ffff] {
        assert_eq!(error(&sealed(&pbkdf2(iterations), &aes(&[1; 16]))), unsupported(Unsupported::Cost), "{iterations}");
    }
    for (cost, block, parallel) in
        [(1 << 30, 8, 1), (1 << 19, 8, 1), (1 << 14, 255, 1), (1 << 14, 8, 1000), (2, 8192, 2048), (0, 8, 1), (1, 8, 1)]
    {
        let text = sealed(&scrypt(cost, block, parallel), &aes(&[1; 16]));
        assert_eq!(error(&text), unsupported(Unsupported::Cost), "{cost} {block} {parallel}");
    }
    // Numbers that are none, or too large for the field.
    for derivation in [
        pbkdf2(0x8000_0000),
        pbkdf2(u32::MAX),
        scrypt(3, 1, 1),
        scrypt(1 << 14, 70_000, 1),
        scrypt(2, 0, 0),
        scrypt(2, 1, 0),
    ] {
        let error = error(&sealed(&derivation, &aes(&[1; 16])));
        assert!(matches!(error, Some(KeyError::Damaged(_) | KeyError::Unsupported(..) | KeyError::WrongPassphrase)));
    }
}

#[test]
fn l13_ivs_of_any_length_are_errors() {
    for length in [0, 1, 7, 9, 15, 17, 64] {
        for cipher in [aes(&vec![1; length]), triple_des(&vec![1; length])] {
            assert_eq!(error(&sealed(&pbkdf2(1), &cipher)), Some(KeyError::Damaged(Format::Pkcs8)), "{length}");
        }
    }
    assert_eq!(error(&sealed(&pbkdf2(1), &triple_des(&[1; 8]))), Some(KeyError::WrongPassphrase));
}

#[test]
fn l13_der_that_contradicts_itself_is_an_error() {
    let text = vector("pkcs8_p256");
    let mut lines: Vec<_> = text.lines().collect();
    lines.remove(0);
    lines.pop();
    let whole = unbase64(&lines.concat());
    assert!(read(&pem("PRIVATE KEY", &whole), None).is_ok());
    let mut deep = Vec::new();
    for _ in 0..1000 {
        deep = der(0x30, &deep);
    }
    let content = &whole[3..];
    let damaged = [
        [&whole[..], &[0]].concat(),
        [&[0x30, 0x80][..], content, &[0, 0]].concat(),
        [&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff][..], content].concat(),
        [&[0x30, 0x88, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff][..], content].concat(),
        [&[0x30, 0x82, 0, content.len() as u8][..], content].concat(),
        [&[0x30, 0xff][..], content].concat(),
        vec![],
        vec![0x30],
        vec![0x30; 40_000],
        deep,
    ];
    for (n, bytes) in damaged.iter().enumerate() {
        for (label, format) in [
            ("PRIVATE KEY", Format::Pkcs8),
            ("ENCRYPTED PRIVATE KEY", Format::Pkcs8),
            ("EC PRIVATE KEY", Format::Pem),
            ("RSA PRIVATE KEY", Format::Pem),
        ] {
            assert_eq!(error(&pem(label, bytes)), Some(KeyError::Damaged(format)), "case {n} as {label}");
        }
    }
    for label in ["PUBLIC KEY", "RSA PUBLIC KEY"] {
        assert!(damaged.iter().all(|bytes| PublicKeyBuf::from_text(&pem(label, bytes)).is_err()));
    }
}

fn unbase64(text: &str) -> Vec<u8> {
    let digit = |c: u8| (0..64).find(|n| base64(&[n << 2]).as_bytes()[0] == c);
    let digits: Vec<u8> = text.bytes().map_while(digit).collect();
    let bytes = digits.chunks(4).flat_map(|chunk| {
        let word = chunk.iter().chain([&0; 3]).take(4).fold(0_u32, |word, digit| word << 6 | u32::from(*digit));
        word.to_be_bytes()[1..chunk.len()].to_vec()
    });
    bytes.collect()
}

#[test]
fn l13_headers_of_pem_are_bounded_too() {
    let damaged = Some(KeyError::Damaged(Format::Pem));
    let text = vector("pem_locked_aes128");
    let iv = text.lines().nth(2).expect("the header").split(',').nth(1).expect("an IV");
    assert!(read(text.as_bytes(), SECRET).is_ok());
    for other in ["", "00", "zz", &iv[..30], &[iv, "00"].concat(), &"00".repeat(20_000)] {
        assert_eq!(error(text.replace(iv, other).as_bytes()), damaged, "{other}");
    }
    for name in ["AES-128-GCM", "", "DES-CBC", "aes-128-cbc"] {
        let error = error(text.replace("AES-128-CBC", name).as_bytes());
        assert_eq!(error, Some(KeyError::Unsupported(Format::Pem, Unsupported::Cipher)), "{name}");
    }
    // 3DES has another length of IV.
    assert_eq!(error(text.replace("AES-128-CBC", "DES-EDE3-CBC").as_bytes()), damaged);
    assert!(error(text.replace("DEK-Info: ", "DEK-Inf: ").as_bytes()).is_some());
}

#[test]
fn l15_putty_files_with_a_wrong_code_or_a_price_are_refused() {
    let unsupported = |what| Some(KeyError::Unsupported(Format::Ppk, what));
    let (plain, locked) = (vector("ppk3_ed25519"), vector("ppk3_locked_argon2id"));
    let change = |text: &str, from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1).into_bytes()
    };
    assert_eq!(error(&change(&plain, "an Ed25519 key", "an Ed25519 kez")), Some(KeyError::Damaged(Format::Ppk)));
    assert_eq!(error(&change(&locked, "an Ed25519 key", "an Ed25519 kez")), Some(KeyError::WrongPassphrase));
    assert_eq!(error(&change(&vector("ppk2_rsa"), "an RSA key", "")), Some(KeyError::Damaged(Format::Ppk)));
    let short = locked.lines().last().expect("the code");
    assert_eq!(error(&change(&locked, short, &short[..31])), Some(KeyError::Damaged(Format::Ppk)));
    for (from, to) in [
        ("Argon2-Memory: 64", "Argon2-Memory: 4194304"),
        ("Argon2-Memory: 64", "Argon2-Memory: 4294967295"),
        ("Argon2-Passes: 1", "Argon2-Passes: 2147483648"),
        ("Argon2-Passes: 1", "Argon2-Passes: 4294967295"),
    ] {
        assert_eq!(error(&change(&locked, from, to)), unsupported(Unsupported::Cost), "{to}");
    }
    for (from, to) in [
        ("Argon2-Memory: 64", "Argon2-Memory: 4294967296"),
        ("Argon2-Memory: 64", "Argon2-Memory: 7"),
        ("Argon2-Passes: 1", "Argon2-Passes: 0"),
        ("Argon2-Parallelism: 1", "Argon2-Parallelism: 0"),
        ("Argon2-Parallelism: 1", "Argon2-Parallelism: 4294967295"),
        ("Public-Lines: 2", "Public-Lines: 4294967295"),
        ("Public-Lines: 2", "Public-Lines: -1"),
        ("Private-Lines: 1", "Private-Lines: 0"),
        ("Private-Lines: 1", "Private-Lines: 1000000"),
        ("Comment", "Remark"),
        (": ssh-ed25519", ": ssh-rsa"),
    ] {
        assert_eq!(error(&change(&locked, from, to)), Some(KeyError::Damaged(Format::Ppk)), "{to}");
    }
    assert_eq!(error(&change(&locked, "Argon2id", "Argon3")), unsupported(Unsupported::Kdf));
    assert_eq!(error(&change(&locked, "aes256-cbc", "aes256-ctr")), unsupported(Unsupported::Cipher));
    assert_eq!(error(&change(&locked, "File-3", "File-1")), unsupported(Unsupported::Version));
    assert_eq!(error(&change(&locked, "File-3", "File-4")), unsupported(Unsupported::Version));
}

#[test]
fn l18_rsa_keys_out_of_bounds_are_refused() {
    let file = |bits: usize| {
        let mut n = vec![0xff; bits.div_ceil(8)];
        n[0] >>= n.len() * 8 - bits;
        let public = Bytes::of(|sink| {
            sink.string(b"ssh-rsa");
            sink.mpint(&[1, 0, 1]);
            sink.mpint(&n);
        });
        // A modulus that nobody knows the primes of.
        let fields = Bytes::of(|sink| {
            sink.string(b"ssh-rsa");
            [&n[..], &[1, 0, 1], &[3], &[5], &[3], &[7]].iter().for_each(|number| sink.mpint(number));
        });
        Parts { public, fields, padding: vec![], ..Parts::new() }
    };
    let padded = |mut parts: Parts| {
        let length = 8 + parts.fields.len() + 4;
        parts.padding = (1..=u8::MAX).take(length.next_multiple_of(8) - length).collect();
        parts.file()
    };
    assert_eq!(error(&padded(file(16_384))), Some(KeyError::Damaged(Format::OpenSsh)), "the primes do not make it");
    for bits in [1024, 2047] {
        let what = Unsupported::RsaBits(bits);
        assert_eq!(error(&padded(file(bits.into()))), Some(KeyError::Unsupported(Format::OpenSsh, what)));
    }
    for bits in [16_385, 100_000] {
        assert!(error(&padded(file(bits))).is_some(), "{bits} bits");
    }
}

#[test]
fn files_beyond_64_kib_are_not_looked_through() {
    for start in
        ["-----BEGIN OPENSSH PRIVATE KEY-----\n", "-----BEGIN PRIVATE KEY-----\n", "PuTTY-User-Key-File-3: ssh-rsa\n"]
    {
        let text = start.to_owned() + &"A\n".repeat(40_000);
        assert!(matches!(error(text.as_bytes()), Some(KeyError::Damaged(_))), "{start}");
    }
    assert_eq!(error(&vec![b'\n'; 1 << 20]), Some(KeyError::NotAKey));
    let dashes = "-----BEGIN ".repeat(100_000);
    assert_eq!(error(dashes.as_bytes()), Some(KeyError::NotAKey));
}

#[test]
fn types_that_cannot_be_signed_with_are_named_without_a_passphrase() {
    for (name, foreign) in [
        ("ssh-dss", Foreign::Dsa),
        ("ssh-ed448", Foreign::Ed448),
        ("ssh-xmss@openssh.com", Foreign::Xmss),
        ("webauthn-sk-ecdsa-sha2-nistp256@openssh.com", Foreign::Unknown),
    ] {
        let public = Bytes::of(|sink| sink.string(name.as_bytes()));
        let text = Parts { public, ..Parts::locked(1, &[1; 16]) }.file();
        let expected = KeyError::Unsupported(Format::OpenSsh, Unsupported::KeyType(foreign));
        assert_eq!((read(&text, None).err(), private::public(&text).err()), (Some(expected), Some(expected)));
    }
    assert_eq!(
        error(b"-----BEGIN DSA PRIVATE KEY-----\nAAAA\n-----END DSA PRIVATE KEY-----\n"),
        Some(KeyError::Unsupported(Format::Pem, Unsupported::KeyType(Foreign::Dsa)))
    );
}

#[test]
fn g16_a_line_whose_type_is_not_its_keys_is_refused() {
    let lines: Vec<_> = [SigningKey::ed25519(&[1; 32]), SigningKey::ecdsa_p256(&mut Random::new(&Seed::new([1; 32])))]
        .iter()
        .map(|key| PublicKeyBuf::from_blob(key.public()).expect("a key").line("c"))
        .collect();
    for line in &lines {
        assert!(PublicKeyBuf::from_text(line.as_bytes()).is_ok());
        let (kind, rest) = line.split_once(' ').expect("a type");
        for other in
            ["ssh-rsa", "ssh-ed25519-cert-v01@openssh.com", "ssh-ed2551", "ssh-ed255199", "", "ecdsa-sha2-nistp384"]
        {
            assert!(PublicKeyBuf::from_text(format!("{other} {rest}").as_bytes()).is_err(), "{kind} as {other}");
        }
    }
    let mut reader = Reader::new(b"\0\0\0\x0bssh-ed25519");
    assert_eq!(SigningKey::decode(&mut reader).err(), Some(sanssh_core::wire::Malformed));
}
