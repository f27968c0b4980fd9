//! Certificates against OpenSSH's own `ssh-keygen`: what it certifies is read and verified here, what is made here by hand
//! it lists, and of what is damaged both say the same.

use base64ct::{Base64, Encoding};
use sanssh_core::algorithm::{Grade, HostKey};
use sanssh_core::crypto::certificate::{Certificate, Demands, Kind};
use sanssh_core::crypto::fast::Fast;
use sanssh_core::crypto::soft::Soft;
use sanssh_core::file::{PublicKeyBuf, SigningKey};
use sanssh_core::wire::Reader;
use sanssh_tests::certificate::{Draft, value};
use sanssh_tests::forger::{key_a, key_b, p256};
use sanssh_tests::peers;
use sanssh_tests::process::run;
use sanssh_tests::signing::{self, SecurityKey};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// What `ssh-keygen` makes itself: a name for files, and its arguments.
const MADE: [(&str, &[&str]); 5] = [
    ("ed25519", &["-t", "ed25519"]),
    ("p256", &["-t", "ecdsa", "-b", "256"]),
    ("p384", &["-t", "ecdsa", "-b", "384"]),
    ("p521", &["-t", "ecdsa", "-b", "521"]),
    ("rsa", &["-t", "rsa", "-b", "2048"]),
];

/// Authorities by their file, and by which algorithm they sign.
const AUTHORITIES: [(&str, HostKey); 7] = [
    ("ed25519", HostKey::Ed25519),
    ("p256", HostKey::EcdsaP256),
    ("p384", HostKey::EcdsaP384),
    ("p521", HostKey::EcdsaP521),
    ("rsa", HostKey::RsaSha512),
    ("rsa", HostKey::RsaSha256),
    ("rsa", HostKey::RsaSha1),
];

fn keygen() -> Command {
    Command::new(peers::path("ssh-keygen"))
}

/// A directory with a key of each type that `ssh-keygen` makes, and public keys in security keys.
fn bench() -> tempfile::TempDir {
    let bench = tempfile::tempdir().expect("a directory");
    for (name, arguments) in MADE {
        run(keygen().args(["-q", "-N", "", "-f"]).arg(bench.path().join(name)).args(arguments));
    }
    for (name, algorithm) in [("sk-ed25519", HostKey::SkEd25519), ("sk-p256", HostKey::SkEcdsaP256)] {
        write_line(&bench.path().join(format!("{name}.pub")), &SecurityKey::new(algorithm, "ssh:").public());
    }
    bench
}

/// Writes a blob as a line of type and Base64.
fn write_line(path: &Path, blob: &[u8]) {
    let name = Reader::new(blob).string().expect("a type name");
    let line = format!("{} {}\n", String::from_utf8_lossy(name), Base64::encode_string(blob));
    fs::write(path, line).expect("a file");
}

/// The blob in a line.
fn read_line(path: &Path) -> Vec<u8> {
    let line = fs::read_to_string(path).expect("a file");
    Base64::decode_vec(line.split_whitespace().nth(1).expect("two words")).expect("Base64")
}

/// Certifies a public key as `arguments` say; the certificate's blob.
fn certify(directory: &Path, authority: &str, subject: &str, arguments: &[&str]) -> Vec<u8> {
    let mut keygen = keygen();
    keygen.arg("-q").arg("-s").arg(directory.join(authority)).args(arguments);
    run(keygen.arg(directory.join(format!("{subject}.pub"))));
    read_line(&directory.join(format!("{subject}-cert.pub")))
}

/// Whether both providers verify the authority's signature by one of these algorithms.
fn is_signed(certificate: &Certificate<'_>, allowed: &[HostKey]) -> bool {
    let fast = certificate.is_signed::<Fast>(allowed);
    assert_eq!(fast, certificate.is_signed::<Soft>(allowed));
    fast.is_ok()
}

#[test]
fn every_subject_under_every_authority() {
    if !peers::require(&["ssh-keygen"]) {
        return;
    }
    let bench = bench();
    let subjects = MADE.map(|(name, _)| name).into_iter().chain(["sk-ed25519", "sk-p256"]);
    for (n, subject) in subjects.enumerate() {
        let public = read_line(&bench.path().join(format!("{subject}.pub")));
        for (authority, algorithm) in AUTHORITIES {
            let signed_by = if authority == "rsa" { &["-t", algorithm.name()][..] } else { &[] };
            let what = ["-I", "an id", "-z", "18446744073709551615", "-n", "a,b", "-V", "0x64:0xc8"];
            let host = if n % 2 == 1 { &["-h"][..] } else { &[] };
            let blob = certify(bench.path(), authority, subject, &[&what[..], signed_by, host].concat());
            let read = Certificate::decode(&blob, 2048).expect("well-formed");
            let kind = if host.is_empty() { Kind::User } else { Kind::Host };
            assert_eq!((read.serial, read.kind, read.key_id), (u64::MAX, kind, &b"an id"[..]));
            assert_eq!((read.valid_after, read.valid_before), (100, 200));
            assert!(read.principals.eq([b"a", b"b"]), "{subject}");
            assert_eq!(read.authority, read_line(&bench.path().join(format!("{authority}.pub"))));
            let mut inner = vec![0; 1024];
            let mut writer = sanssh_core::wire::Writer::new(&mut inner);
            read.key.encode(&mut writer);
            assert_eq!(writer.finish().expect("room"), &public[..]);
            assert!(is_signed(&read, &[algorithm]), "{subject} by {algorithm}");
            let others: Vec<_> = HostKey::ALL.iter().copied().filter(|other| *other != algorithm).collect();
            assert!(!is_signed(&read, &others), "{subject} by {algorithm}");
            // SHA-1 is in no list that nobody asked for.
            assert_eq!(is_signed(&read, &HostKey::up_to(Grade::Safe)), algorithm != HostKey::RsaSha1);
        }
    }
}

#[test]
fn options_as_ssh_keygen_writes_them() {
    if !peers::require(&["ssh-keygen"]) {
        return;
    }
    let bench = bench();
    let user = |options: &[&str]| {
        let options = options.iter().flat_map(|option| ["-O", option]);
        let arguments: Vec<_> = ["-I", "id", "-n", "me"].into_iter().chain(options).collect();
        certify(bench.path(), "ed25519", "p256", &arguments)
    };
    let blob = user(&["force-command=date -u", "source-address=10.0.0.0/8,::1/128", "verify-required"]);
    let read = Certificate::decode(&blob, 2048).expect("well-formed");
    let demands = Demands { command: Some(b"date -u"), source_address: Some(b"10.0.0.0/8,::1/128"), verified: true };
    assert_eq!(read.check(Kind::User, Some(0), |name| name == b"me"), Ok(demands));
    let names = ["X11-forwarding", "agent-forwarding", "port-forwarding", "pty", "user-rc"];
    assert!(names.iter().all(|name| read.permits(format!("permit-{name}").as_bytes())));
    assert!(!read.permits(b"no-touch-required"));

    let blob = user(&["clear", "no-touch-required", "extension:mine@example.org=a value"]);
    let read = Certificate::decode(&blob, 2048).expect("well-formed");
    assert_eq!(read.check(Kind::User, Some(u64::MAX - 1), |name| name == b"me"), Ok(Demands::default()));
    assert!(read.permits(b"no-touch-required") && !read.permits(b"permit-pty"));
    assert!(!read.permits(b"mine@example.org"), "it has a value");
    let own = read.extensions.into_iter().find(|(name, _)| name == b"mine@example.org");
    assert_eq!(own, Some((&b"mine@example.org"[..], &value("a value")[..])));

    let blob = user(&["critical:mine@example.org"]);
    let read = Certificate::decode(&blob, 2048).expect("well-formed");
    assert!(read.check(Kind::User, Some(0), |_| true).is_err());
}

/// Where hand-made certificates go to be listed.
struct Listing(tempfile::TempDir);

impl Listing {
    fn path(&self) -> PathBuf {
        self.0.path().join("listed-cert.pub")
    }

    /// `ssh-keygen -L`, which fails unless the authority's signature is right.
    fn list(&self, blob: &[u8]) -> Output {
        write_line(&self.path(), blob);
        keygen().arg("-L").arg("-f").arg(self.path()).env("TZ", "UTC").output().expect("ssh-keygen")
    }

    /// Both must come to the same verdict.
    fn agrees(&self, blob: &[u8], what: &str) -> bool {
        let theirs = self.list(blob).status.success();
        let ours = Certificate::decode(blob, 1024).is_ok_and(|read| is_signed(&read, HostKey::ALL));
        assert_eq!(ours, theirs, "{what}");
        ours
    }
}

#[test]
fn hand_made_certificates_are_listed() {
    if !peers::require(&["ssh-keygen"]) {
        return;
    }
    let listing = Listing(tempfile::tempdir().expect("a directory"));
    for algorithm in [HostKey::SkEd25519, HostKey::SkEcdsaP256] {
        let authority = SecurityKey::new(algorithm, "ssh:");
        for subject in [key_a().public().to_vec(), p256().public().to_vec(), authority.public()] {
            let draft = Draft::user(&subject, &authority.public());
            assert!(listing.agrees(&draft.with(&authority.sign(&draft.to_sign(), 1, 5)), "by a security key"));
            assert!(!listing.agrees(&draft.with(&authority.sign(&[], 1, 5)), "by a security key, on another"));
        }
    }
    let draft = Draft {
        serial: 99,
        principals: vec!["root".into(), "deploy,root".into()],
        critical: vec![("force-command".into(), value("date")), ("verify-required".into(), Vec::new())],
        valid_after: 0x6592_0080,
        valid_before: 0x6592_0080 + 86_400,
        ..Draft::user(key_a().public(), key_b().public())
    };
    let listed = String::from_utf8(listing.list(&draft.signed(&key_b())).stdout).expect("text");
    let fingerprint = |key: &SigningKey| PublicKeyBuf::from_blob(key.public()).expect("a key").fingerprint();
    let lines = [
        "Type: ssh-ed25519-cert-v01@openssh.com user certificate".into(),
        format!("Public key: ED25519-CERT {}", fingerprint(&key_a())),
        format!("Signing CA: ED25519 {} (using ssh-ed25519)", fingerprint(&key_b())),
        "Key ID: \"by hand\"".into(),
        "Serial: 99".into(),
        "Valid: from 2024-01-01T00:00:00 to 2024-01-02T00:00:00".into(),
        "force-command date".into(),
        "verify-required".into(),
        "permit-pty".into(),
    ];
    for line in lines {
        assert!(listed.lines().any(|listed| listed.trim() == line), "{line} in {listed}");
    }
}

#[test]
fn damage_is_seen_by_both() {
    if !peers::require(&["ssh-keygen"]) {
        return;
    }
    let listing = Listing(tempfile::tempdir().expect("a directory"));
    let user = || Draft::user(key_a().public(), key_b().public());
    let rsa = signing::key(HostKey::RsaSha256);
    let by_rsa = Draft { authority: rsa.public().to_vec(), ..user() };
    let by_p256 = Draft { authority: p256().public().to_vec(), ..user() };
    let sound = [user().signed(&key_b()), by_p256.signed(&p256()), by_rsa.signed(&rsa)];
    for certificate in &sound {
        assert!(listing.agrees(certificate, "sound"));
        // Behind the name, which a line repeats; a prime step, so that every kind of field gets its share.
        for at in (37..certificate.len()).step_by(13) {
            let mut damaged = certificate.clone();
            damaged[at] ^= 1;
            listing.agrees(&damaged, &format!("byte {at} of {}", certificate.len()));
            listing.agrees(&certificate[..at], &format!("cut at {at}"));
        }
    }
    let many = |count| Draft { principals: vec!["name".into(); count], ..user() };
    let nested = Draft { authority: user().signed(&key_b()), ..user() };
    let options = |name: &str| Draft { critical: vec![(name.into(), b"x".to_vec()); 2], ..user() };
    for (what, draft) in [
        ("256 principals", many(256)),
        ("257 principals", many(257)),
        ("nobody", many(0)),
        ("an authority that is certified", nested),
        ("kind 0", Draft { kind: 0, ..user() }),
        ("kind 3", Draft { kind: 3, ..user() }),
        ("a NUL in the id", Draft { key_id: b"a\0b".to_vec(), ..user() }),
        ("a NUL in a principal", Draft { principals: vec!["a\0b".into()], ..user() }),
        ("what is reserved", Draft { reserved: vec![1], ..user() }),
        ("no nonce", Draft { nonce: Vec::new(), ..user() }),
        ("options twice", options("unheard-of")),
        ("times that never are", Draft { valid_after: 2, valid_before: 1, ..user() }),
    ] {
        listing.agrees(&draft.signed(&key_b()), what);
    }
}
