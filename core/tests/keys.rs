//! Keys and lists of keys against OpenSSH's own `ssh-keygen`: what it writes is read, what is written here it accepts.
//! Without `ssh-keygen` the tests say so loudly, and fail where `CI` is `true`.
#![cfg(feature = "ring")]

use base64ct::{Base64, Encoding};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA512, RsaPublicKeyComponents,
    UnparsedPublicKey,
};
use sanssh_core::algorithm::HostKey;
use sanssh_core::crypto::fast::Fast;
use sanssh_core::crypto::signature::{self, PublicKey};
use sanssh_core::crypto::soft::Soft;
use sanssh_core::file::known_hosts::{self, KnownHosts, Verdict};
use sanssh_core::file::{KeyError, PublicKeyBuf, SigningKey, private};
use sanssh_core::wire::{Mpint, Reader};
use sanssh_core::{Random, Seed};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A directory of its own for each test, removed at the end.
struct Bench(PathBuf);

impl Bench {
    /// `None`, said loudly, where there is no `ssh-keygen`.
    fn new(name: &str) -> Option<Self> {
        if Command::new("ssh-keygen").arg("-?").output().is_err() {
            assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "CI needs ssh-keygen");
            eprintln!("!!! NOT TESTED: {name}: there is no ssh-keygen");
            return None;
        }
        let path = std::env::temp_dir().join(format!("sanssh-keys-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Some(Self(path))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// A new key pair, as private file, public line.
    fn generate(&self, name: &str, arguments: &[&str]) -> (Vec<u8>, Vec<u8>) {
        let path = self.path(name);
        let output =
            Command::new("ssh-keygen").args(["-q", "-C", "a comment", "-f"]).arg(&path).args(arguments).output();
        text(&output.unwrap());
        (fs::read(&path).unwrap(), fs::read(self.path(&format!("{name}.pub"))).unwrap())
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

fn keygen(arguments: &[&str], path: &Path) -> Output {
    Command::new("ssh-keygen").args(arguments).arg("-f").arg(path).output().unwrap()
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

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
            fs::write(&path, private::write(key, comment.as_bytes(), random).unwrap().as_bytes()).unwrap();
            assert!(Command::new("chmod").arg("600").arg(&path).status().unwrap().success());
            let line = PublicKeyBuf::from_blob(key.public()).unwrap().line(comment);
            assert_eq!(text(&keygen(&["-y"], &path)).trim_end(), line);
        }
    }
}

#[test]
fn what_cannot_be_used_is_named() {
    use sanssh_core::file::Unsupported::{Cipher, Format, KeyType, Rounds, RsaBits};
    let Some(bench) = Bench::new("unsupported") else { return };
    let cases = [
        ("p384", &["-t", "ecdsa", "-b", "384", "-N", ""][..], KeyType("ecdsa-sha2-nistp384")),
        ("p521", &["-t", "ecdsa", "-b", "521", "-N", "secret"], KeyType("ecdsa-sha2-nistp521")),
        ("rsa", &["-t", "rsa", "-b", "2304", "-N", ""], RsaBits(2304)),
        ("cbc", &["-t", "ed25519", "-a", "1", "-N", "secret", "-Z", "aes256-cbc"], Cipher("aes256-cbc")),
        ("rounds", &["-t", "ed25519", "-a", "1025", "-N", "secret"], Rounds(1025)),
        ("pem", &["-t", "rsa", "-b", "2048", "-N", "", "-m", "PEM"], Format("PKCS#1")),
        ("pkcs8", &["-t", "ecdsa", "-N", "", "-m", "PKCS8"], Format("PKCS#8")),
    ];
    for (name, arguments, expected) in cases {
        let (file, _) = bench.generate(name, arguments);
        assert_eq!(private::read(&file, Some(b"secret")).err(), Some(KeyError::Unsupported(expected)), "{name}");
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

fn public(n: u8) -> PublicKeyBuf {
    PublicKeyBuf::from_blob(SigningKey::ed25519(&[n; 32]).public()).unwrap()
}

/// The lines of `file` that `ssh-keygen -F` finds for a host, by their numbers.
fn found(file: &Path, host: &str, port: u16) -> Vec<usize> {
    let name = if port == 22 { host.to_owned() } else { format!("[{host}]:{port}") };
    let output = keygen(&["-F", &name], file);
    let report = String::from_utf8(output.stdout).unwrap();
    let numbers = report.lines().filter(|line| line.starts_with("# Host "));
    numbers.map(|line| line.split("line ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap()).collect()
}

const LOOKUPS: [(&str, u16); 14] = [
    ("plain.example", 22),
    ("PLAIN.example", 22),
    ("plain.example", 2222),
    ("h", 2222),
    ("h", 22),
    ("good.x", 22),
    ("bad.x", 22),
    ("bad.x", 2222),
    ("::1", 22),
    ("::1", 2222),
    ("192.0.2.7", 22),
    ("one", 22),
    ("first", 22),
    ("nobody", 22),
];

/// A file with every form of host; each line has its number's key.
fn hosts() -> String {
    let forms = [
        "plain.example",
        "Plain.Example",
        "[h]:2222",
        "[h]:22",
        "*.x,!bad.x",
        "!bad.x,*.x",
        "!nobody",
        "::1",
        "[::1]:2222",
        "192.0.2.?",
        "o?e,two",
        "first,second,192.0.2.7",
        "[*.x]:*",
        ",,",
        "*",
        "**h",
    ];
    forms.iter().zip(1..).map(|(form, n)| format!("{form} {} comment\n", public(n))).collect()
}

/// Compares the keys found for each host in `file`: lines may have been split when names were hashed, keys were not.
fn compare(file: &Path) {
    let hosts = KnownHosts::read(&fs::read(file).unwrap());
    assert_eq!(hosts.damaged(), []);
    for (host, port) in LOOKUPS {
        let is_known = |key: &PublicKeyBuf| matches!(hosts.verdict(host, port, key.blob()), Verdict::Known { .. });
        let mut ours: Vec<_> = hosts.entries().iter().map(|entry| &entry.key).filter(|key| is_known(key)).collect();
        // ssh(1) puts names in lower case before it looks them up; ssh-keygen leaves that to its user.
        let lines = found(file, &host.to_ascii_lowercase(), port);
        let theirs = hosts.entries().iter().filter(|entry| lines.contains(&entry.line));
        let mut theirs: Vec<_> = theirs.map(|entry| &entry.key).collect();
        ours.dedup();
        theirs.dedup();
        assert_eq!(ours, theirs, "{host} {port}");
    }
}

#[test]
fn hosts_are_looked_up_as_ssh_keygen_does() {
    let Some(bench) = Bench::new("hosts") else { return };
    let path = bench.path("known_hosts");
    fs::write(&path, hosts()).unwrap();
    compare(&path);
    // ssh-keygen leaves wildcards as they are when it hashes, and says so by its status.
    keygen(&["-H"], &path);
    let hashed = fs::read_to_string(&path).unwrap();
    assert!(hashed.contains("|1|") && !hashed.contains("plain"));
    compare(&path);
}

#[test]
fn composed_lines_are_found() {
    let Some(bench) = Bench::new("composed") else { return };
    let path = bench.path("known_hosts");
    for (host, port) in [("Host.example", 22), ("host.example", 2222), ("::1", 22), ("fe80::1%eth0", 2222)] {
        let key = public(1);
        for line in [known_hosts::line(host, port, &key), known_hosts::hashed_line(host, port, &key, &[9; 20])] {
            fs::write(&path, format!("# first\n{}", line.unwrap())).unwrap();
            assert_eq!(found(&path, &host.to_ascii_lowercase(), port), [2], "{host} {port}");
        }
    }
}
