//! Public keys, their formats, fingerprints and pictures.

use crate::{Bench, TYPES, ours};
use sanssh_core::file::public::{Hash, PublicKeyBuf};
use sanssh_core::file::randomart::randomart;
use sanssh_core::file::{Format, SigningKey};

#[test]
fn fingerprints_and_pictures_are_those_of_ssh_keygen() {
    let Some(bench) = Bench::new(&["ssh-keygen"]) else { return };
    for seed in 0..8 {
        // Ed25519 keys differ, and so do their walks; of the others one each will do.
        let mut keys = vec![SigningKey::ed25519(&[seed; 32])];
        keys.extend(if seed == 0 { ours() } else { Vec::new() });
        for key in keys {
            let key = PublicKeyBuf::from_blob(key.public()).expect("a key");
            bench.put("key.pub", &key.text(Format::OpenSsh, "a comment").expect("a line"));
            for (hash, name) in [(Hash::Sha256, "sha256"), (Hash::Md5, "md5")] {
                let listed = bench.run("ssh-keygen", &format!("-lv -E {name} -f key.pub"));
                let summary = format!(
                    "{} {} a comment ({})\n{}\n",
                    key.bits(),
                    hash.fingerprint(key.blob()),
                    key.short_name(),
                    randomart(&key, hash)
                );
                assert_eq!(listed, summary);
            }
        }
    }
}

#[test]
fn every_format_is_read_and_accepted() {
    let Some(bench) = Bench::new(&["ssh-keygen", "openssl"]) else { return };
    for (n, kind) in TYPES.into_iter().enumerate() {
        let name = format!("key{n}");
        bench.generate(&name, kind, "-N ''");
        let line = bench.read(&format!("{name}.pub"));
        let (key, comment) = PublicKeyBuf::from_text(&line).expect("a line");
        assert_eq!(comment, b"comment");
        assert_eq!(key.text(Format::OpenSsh, "comment").expect("a line").into_bytes(), line);
        for (format, option) in [(Format::Rfc4716, "RFC4716"), (Format::Pkcs8, "PKCS8"), (Format::Pem, "PEM")] {
            let Some(text) = key.text(format, "comment") else {
                assert_ne!((format, kind.0), (Format::Pem, "rsa"));
                continue;
            };
            assert_eq!(PublicKeyBuf::from_text(text.as_bytes()).map(|(key, _)| key).as_ref(), Ok(&key));
            bench.put("ours", &text);
            if kind.0 == "ed25519" && format == Format::Pkcs8 {
                bench.run("openssl", "pkey -pubin -noout -in ours");
                continue;
            }
            let theirs = bench.run("ssh-keygen", &format!("-e -m {option} -f {name}.pub"));
            assert_eq!(PublicKeyBuf::from_text(theirs.as_bytes()).map(|(key, _)| key).as_ref(), Ok(&key));
            let imported = bench.run("ssh-keygen", &format!("-i -m {option} -f ours"));
            assert_eq!(PublicKeyBuf::from_text(imported.as_bytes()).map(|(key, _)| key).as_ref(), Ok(&key));
        }
    }
}

#[test]
fn putty_writes_rfc4716_that_is_read() {
    let Some(bench) = Bench::new(&["ssh-keygen", "puttygen"]) else { return };
    bench.generate("key", TYPES[2], "-N ''");
    let (key, _) = PublicKeyBuf::from_text(&bench.read("key.pub")).expect("a line");
    let theirs = bench
        .run("puttygen", "key -O public -C a_long_comment_that_takes_more_than_one_line_of_seventy_two_bytes_to_hold");
    let (read, comment) = PublicKeyBuf::from_text(theirs.as_bytes()).expect("their key");
    assert_eq!(read, key);
    assert_eq!(comment, b"a_long_comment_that_takes_more_than_one_line_of_seventy_two_bytes_to_hold");
}
