//! Files of keys, private and public: what is read is written in every format that has room for it, and read back the same.

use sanssh_core::file::private::{self, Locking, MAX_FILE};
use sanssh_core::file::public::{Hash, bare};
use sanssh_core::file::{Format, KeyError, PublicKeyBuf, SigningKey, list, randomart, sshfp};
use sanssh_core::{Random, Seed};

const FORMATS: [Format; 5] = [Format::OpenSsh, Format::Pem, Format::Pkcs8, Format::Ppk, Format::Rfc4716];

/// The passphrase of every locked file in `vectors/keys`.
const PASSPHRASE: &[u8] = b"secret";

/// A file.
pub fn keys(text: &[u8]) {
    match private::read(text, None) {
        Ok(file) => {
            assert!(text.len() <= MAX_FILE + 1024, "a file beyond the limit");
            held(&file.key, &file.comment);
            if let Ok(public) = private::public(text) {
                assert_eq!(public, file.key.public(), "what is said without a passphrase");
            }
        }
        Err(KeyError::Encrypted) if is_cheap(text) => {
            if let Ok(file) = private::read(text, Some(PASSPHRASE)) {
                held(&file.key, &file.comment);
            }
        }
        Err(_) => drop(private::public(text)),
    }
    if let Ok((key, comment)) = PublicKeyBuf::from_text(text) {
        public(&key, &comment);
    }
    let lines = text.iter().filter(|byte| **byte == b'\n').count() + 1;
    assert!(list::keys(text).count() <= lines);
    blob(text);
}

/// Whether to try a passphrase takes little time: who fuzzes has no seconds for one input.
fn is_cheap(text: &[u8]) -> bool {
    let text = text.trim_ascii_start();
    let within = |name: &str, most: u32| {
        let mut lines = text.split(|byte| matches!(byte, b'\n' | b'\r'));
        let value = lines.find_map(|line| line.strip_prefix(name.as_bytes())?.strip_prefix(b": "));
        value.is_none_or(|value| str::from_utf8(value).is_ok_and(|value| value.parse::<u32>().is_ok_and(|n| n <= most)))
    };
    if text.starts_with(b"PuTTY-User-Key-File-") {
        return within("Argon2-Memory", 64) && within("Argon2-Passes", 2) && within("Argon2-Parallelism", 4);
    }
    // One round of MD5.
    text.starts_with(b"-----BEGIN RSA PRIVATE KEY") || text.starts_with(b"-----BEGIN EC PRIVATE KEY")
}

/// A private key is the same in every format.
fn held(key: &SigningKey, comment: &[u8]) {
    let random = &mut Random::new(&Seed::new([4; 32]));
    for format in FORMATS {
        let Ok(text) = private::write(key, format, comment, None, random) else { continue };
        let again = private::read(text.as_bytes(), None).expect("what was written can be read");
        assert_eq!(again.key.public(), key.public());
        assert_eq!(*again.key.fields(), *key.fields(), "the same private half");
        if format == Format::OpenSsh {
            assert_eq!(again.comment, comment);
        }
    }
    let no_passphrase = Locking { passphrase: b"", rounds: 1 };
    assert!(private::write(key, Format::OpenSsh, comment, Some(&no_passphrase), random).is_err());
    let own = PublicKeyBuf::from_blob(key.public()).expect("a public half that is one");
    own.decode(0).expect("a key that is one");
    public(&own, comment);
}

/// A public key is the same in every format.
fn public(key: &PublicKeyBuf, comment: &[u8]) {
    let comment = String::from_utf8_lossy(comment);
    for format in FORMATS {
        let Some(text) = key.text(format, &comment) else { continue };
        let (again, _) = PublicKeyBuf::from_text(text.as_bytes()).unwrap_or_else(|_| panic!("{format}: {text}"));
        assert_eq!(again, *key, "{format}");
    }
    let line = key.line(&comment);
    assert!(!line.contains('\n'), "one line");
    let (again, _) = PublicKeyBuf::read(line.as_bytes()).expect("a line that was written can be read");
    assert_eq!(again, *key);
    assert!(!key.short_name().is_empty() && key.fingerprint().starts_with("SHA256:"));
    assert_eq!(bare(&bare(key.blob())), bare(key.blob()), "a bare key has nothing to strip");
    let picture = randomart::randomart(key, Hash::Sha256);
    assert!(picture.lines().count() == 11, "{picture}");
    for record in sshfp::Record::of(key) {
        assert!(record.is_of(key));
    }
}

/// A public key or certificate as it is on the wire.
fn blob(bytes: &[u8]) {
    drop(sshfp::Record::decode(bytes));
    let Ok(key) = PublicKeyBuf::from_blob(bytes) else { return };
    assert_eq!(key.blob(), bytes);
    public(&key, b"comment");
    if let Ok(certificate) = key.certificate() {
        let plain = PublicKeyBuf::from_blob(&bare(bytes)).expect("the key of a certificate");
        assert!(plain.certificate().is_err(), "{certificate:?} in a certificate");
    }
    if let Ok(decoded) = key.decode(0) {
        assert_eq!(PublicKeyBuf::new(&decoded).blob(), &*bare(bytes), "a key has one encoding");
    }
}
