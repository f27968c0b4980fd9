//! The key files in `vectors/keys`, one of each format, as other programs wrote them: read to what those programs say is
//! in them, and read damaged in every place.

use sanssh_core::file::private::{PrivateKey, read};
use sanssh_core::file::public::fingerprint;
use sanssh_core::file::{Format, KeyError};
use std::fs;
use std::path::Path;

/// A line of `expected.txt`, and the file it is about.
struct Vector {
    name: String,
    text: Vec<u8>,
    passphrase: Option<Vec<u8>>,
    fingerprint: String,
    comment: String,
}

impl Vector {
    fn all() -> Vec<Self> {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../vectors/keys");
        let expected = fs::read_to_string(directory.join("expected.txt")).expect("what is expected");
        let vector = |line: &str| {
            let mut words = line.split_whitespace();
            let mut word = || words.next().expect("three words").to_owned();
            let (name, passphrase, fingerprint) = (word(), word(), word());
            let comment = words.collect::<Vec<_>>().join(" ");
            let text = fs::read(directory.join(&name)).expect("a vector");
            let passphrase = (passphrase != "-").then(|| passphrase.into_bytes());
            Self { name, text, passphrase, fingerprint, comment }
        };
        expected.lines().map(vector).collect()
    }

    fn read(&self, text: &[u8]) -> Result<PrivateKey, KeyError> {
        read(text, self.passphrase.as_deref())
    }

    /// Nothing in such a file vouches for a bit of its key.
    fn is_unguarded(&self) -> bool {
        ["pkcs8_ed25519", "pkcs8_locked_scrypt"].contains(&&*self.name)
    }

    /// A damaged file is an error, or the damage did not touch the key.
    fn survives(&self, text: &[u8], what: &str) {
        match self.read(text) {
            Ok(_) if self.is_unguarded() => {}
            Ok(read) => assert_eq!(fingerprint(read.key.public()), self.fingerprint, "{} {what}", self.name),
            Err(KeyError::Encrypted) => panic!("{} {what}: there was a passphrase", self.name),
            Err(_) => {}
        }
    }
}

#[test]
fn every_file_is_read() {
    let vectors = Vector::all();
    assert_eq!(vectors.len(), 49);
    for vector in vectors {
        let read = vector.read(&vector.text).unwrap_or_else(|error| panic!("{}: {error}", vector.name));
        assert_eq!(fingerprint(read.key.public()), vector.fingerprint, "{}", vector.name);
        assert_eq!(read.comment, vector.comment.as_bytes(), "{}", vector.name);
        let crlf = String::from_utf8(vector.text.clone()).expect("text").replace('\n', "\r\n");
        assert_eq!(vector.read(crlf.as_bytes()).map(|read| read.comment), Ok(read.comment), "{}", vector.name);
    }
}

/// One error for all formats, so that nobody has to know the format to ask again.
#[test]
fn l14_a_wrong_passphrase_is_one_error() {
    for vector in Vector::all() {
        if vector.passphrase.is_some() {
            for wrong in [&b"Secret"[..], b"secret ", b"s", &[0xff; 200]] {
                assert_eq!(read(&vector.text, Some(wrong)).err(), Some(KeyError::WrongPassphrase), "{}", vector.name);
            }
            for none in [None, Some(&b""[..])] {
                assert_eq!(read(&vector.text, none).err(), Some(KeyError::Encrypted), "{}", vector.name);
            }
        } else {
            let unneeded = read(&vector.text, Some(b"unneeded")).expect("a key without a passphrase");
            assert_eq!(fingerprint(unneeded.key.public()), vector.fingerprint);
        }
    }
}

#[test]
fn every_truncation_is_an_error_or_the_same_key() {
    for vector in Vector::all() {
        for end in 0..vector.text.len() {
            match vector.read(&vector.text[..end]) {
                // What is left behind the last line's mark.
                Ok(_) => assert!(vector.text[end..].trim_ascii().is_empty(), "{} cut at {end}", vector.name),
                Err(KeyError::NotAKey) => assert!(end < 40, "{} cut at {end}", vector.name),
                // A name cut short is another name.
                Err(KeyError::Damaged(_) | KeyError::Unsupported(..)) => {}
                Err(error) => panic!("{} cut at {end}: {error}", vector.name),
            }
        }
    }
}

/// Bits are flipped one at a time: all of them in small files without a passphrase; where each try costs arithmetic or
/// a derivation, one in each byte or few.
#[test]
fn every_flipped_bit_is_an_error_or_the_same_key() {
    for vector in Vector::all() {
        let name = |part| vector.name.contains(part);
        let (step, bits) = match (name("openssh_locked"), name("rsa") || name("p521"), name("p384")) {
            (true, ..) => (11, 1),
            (false, true, _) => (7, 1),
            (false, false, true) => (3, 1),
            (false, false, false) => (1, if vector.passphrase.is_none() { 8 } else { 1 }),
        };
        for at in (0..vector.text.len()).step_by(step) {
            for bit in (0..bits).map(|bit| (at + bit) % 8) {
                let mut text = vector.text.clone();
                text[at] ^= 1 << bit;
                vector.survives(&text, &format!("bit {bit} of byte {at}"));
            }
        }
    }
}

#[test]
fn t14_what_putty_pads_is_read() {
    let vectors = Vector::all();
    let [putty, ssh_keygen] = ["openssh_putty", "openssh_ed25519"]
        .map(|name| vectors.iter().find(|vector| vector.name == name).expect("a vector"));
    assert!(putty.text.len() > ssh_keygen.text.len(), "padded more");
    assert!(putty.read(&putty.text).is_ok());
}

#[test]
fn t14_comments_need_not_be_utf8() {
    let vectors = Vector::all();
    let plain = vectors.iter().find(|vector| vector.name == "openssh_p256").expect("a vector");
    let key = plain.read(&plain.text).expect("a key").key;
    let random = &mut sanssh_core::Random::new(&sanssh_core::Seed::new([1; 32]));
    let text = sanssh_core::file::private::write(&key, Format::OpenSsh, b"\xff\xfe", None, random).expect("a file");
    assert_eq!(read(text.as_bytes(), None).map(|read| read.comment), Ok(b"\xff\xfe".to_vec()));
}
