//! Key files against the programs that write them: what `ssh-keygen`, `openssl` and `puttygen` write is read, what is
//! written here they accept, and both sides name and draw a key alike.

mod certificates;
mod private;
mod public;

use sanssh_core::crypto::fast::Fast;
use sanssh_core::crypto::signature::{self, PublicKey};
use sanssh_core::crypto::soft::Soft;
use sanssh_core::file::signing::{KeyType, SigningKey};
use sanssh_core::file::{KeyError, private as file};
use sanssh_core::wire::Sink;
use sanssh_core::{Random, Seed};
use sanssh_tests::peers;
use sanssh_tests::process::run;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use tempfile::TempDir;

/// What `ssh-keygen -t` and `-b` call the types, in the order of [`ours`].
const TYPES: [(&str, &str); 5] =
    [("ed25519", "256"), ("ecdsa", "256"), ("ecdsa", "384"), ("ecdsa", "521"), ("rsa", "2048")];

/// A key of each of [`TYPES`], made here.
fn ours() -> Vec<SigningKey> {
    let kinds = [KeyType::Ed25519, KeyType::EcdsaP256, KeyType::EcdsaP384, KeyType::EcdsaP521, KeyType::Rsa(2048)];
    kinds.map(|kind| SigningKey::generate(kind, &mut random()).expect("a key")).into()
}

fn random() -> Random {
    Random::new(&Seed::new([7; 32]))
}

/// Fields one after the other.
struct Blob(Vec<u8>);

impl Sink for Blob {
    fn put(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }
}

/// A directory, and the programs that work in it.
struct Bench(TempDir);

impl Bench {
    /// `None` where a program is missing and not owed.
    fn new(programs: &[&str]) -> Option<Self> {
        peers::require(programs).then(|| Self(TempDir::new().expect("a directory")))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).expect("a file that was made")
    }

    /// Writes a file that `ssh-keygen` does not find too open.
    fn put(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("a file");
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o600)).expect("a mode");
    }

    /// What a program prints that is run in the directory, with arguments between blanks; `''` is an empty one.
    fn run(&self, program: &str, arguments: &str) -> String {
        let arguments = arguments.split_whitespace().map(|word| if word == "''" { "" } else { word });
        run(Command::new(peers::path(program)).args(arguments).current_dir(self.0.path()))
    }

    /// A new key by `ssh-keygen`.
    fn generate(&self, name: &str, (kind, bits): (&str, &str), arguments: &str) {
        self.run("ssh-keygen", &format!("-q -t {kind} -b {bits} -C comment -f {name} {arguments}"));
    }

    /// The public key blob that `ssh-keygen` finds in a private key file.
    fn blob(&self, name: &str, passphrase: &str) -> Vec<u8> {
        let passphrase = if passphrase.is_empty() { "''" } else { passphrase };
        let line = self.run("ssh-keygen", &format!("-y -P {passphrase} -f {name}"));
        sanssh_core::file::PublicKeyBuf::read(line.as_bytes()).expect("a public key").0.blob().to_vec()
    }

    /// Reads a file, with the right passphrase, a wrong one and none, and signs with what is in it.
    fn check(&self, name: &str, passphrase: &str, blob: &[u8]) -> file::PrivateKey {
        let text = self.read(name);
        if !passphrase.is_empty() {
            assert_eq!(file::read(&text, None).err(), Some(KeyError::Encrypted), "{name}");
            assert_eq!(file::read(&text, Some(b"")).err(), Some(KeyError::Encrypted), "{name}");
            assert_eq!(file::read(&text, Some(b"wrong")).err(), Some(KeyError::WrongPassphrase), "{name}");
        }
        let read = file::read(&text, Some(passphrase.as_bytes())).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(read.key.public(), blob, "{name}");
        check_signatures(&read.key);
        read
    }
}

/// A key's signatures verify, by every algorithm, in both providers, and are the same each time.
fn check_signatures(key: &SigningKey) {
    let public = PublicKey::decode(key.public(), 2048).expect("a public key");
    assert!(!key.algorithms().is_empty());
    for algorithm in key.algorithms() {
        let signed = key.sign(*algorithm, b"message").expect("a signature");
        assert!(signature::verify::<Fast>(*algorithm, &public, b"message", &signed).is_ok(), "{algorithm}");
        assert!(signature::verify::<Soft>(*algorithm, &public, b"message", &signed).is_ok(), "{algorithm}");
        assert!(signature::verify::<Soft>(*algorithm, &public, b"massage", &signed).is_err(), "{algorithm}");
        assert_eq!(key.sign(*algorithm, b"message"), Ok(signed));
    }
}
