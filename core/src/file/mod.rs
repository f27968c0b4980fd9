//! Keys and lists of keys in files, as OpenSSH keeps them. Bytes and text come in and go out; opening, locking and
//! replacing files is the caller's part.
//!
//! - [`private`]: private keys, `-----BEGIN OPENSSH PRIVATE KEY-----`, read with or without a passphrase, and written.
//! - [`signing`]: [`SigningKey`], what such a file holds or a seed gives.
//! - [`public`]: public keys on one line, and their fingerprints.
//! - [`known_hosts`]: which key a host has shown before, and who certifies its keys.
//! - [`sshfp`]: which keys the DNS says a host has.
//! - [`authorized_keys`]: which keys may log in, and what they may do then; [`authorize`](authorize()) asks these lists and
//!   those of authorities, and judges whatever they demand.

mod address;
mod authorize;
pub mod authorized_keys;
mod expiry;
pub mod known_hosts;
mod lock;
mod options;
mod pattern;
mod permit;
pub mod private;
pub mod public;
mod rsa;
pub mod signing;
pub mod sshfp;
mod text;

pub use authorize::{Denied, Lists, Proof, Situation, authorize};
pub use expiry::Expiry;
pub use options::{Options, TwoCommands};
pub use permit::{Permit, Tunnel};
pub use public::PublicKeyBuf;
pub use signing::SigningKey;

use crate::wire::{Length, Malformed, Sink};
use alloc::vec::Vec;
use core::fmt;

/// Why a private key file gave no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyError {
    /// No private key in any known format.
    NotAKey,
    /// The key is encrypted, and no passphrase came with it.
    Encrypted,
    /// The passphrase is wrong, or the encrypted part is damaged: the two look alike.
    WrongPassphrase,
    /// A sound file that needs what is not here.
    Unsupported(Unsupported),
    /// A private key file whose contents contradict the format or each other.
    Damaged,
}

/// What a private key file needs and this crate lacks. Names are those of the file if they are well known, or `?`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unsupported {
    /// Another file format than OpenSSH's own.
    Format(&'static str),
    /// The cipher of the encrypted part.
    Cipher(&'static str),
    /// The way from passphrase to key.
    Kdf,
    /// More rounds of bcrypt than [`private::MAX_ROUNDS`].
    Rounds(u32),
    /// Another number of keys than one.
    Keys(u32),
    /// The type of the key.
    KeyType(&'static str),
    /// An RSA modulus of so many bits; 2048, 3072 and 4096 can be signed with.
    RsaBits(usize),
    /// An RSA public exponent below 65537 or above 33 bits.
    RsaExponent,
}

impl From<Malformed> for KeyError {
    fn from(Malformed: Malformed) -> Self {
        Self::Damaged
    }
}

impl From<Unsupported> for KeyError {
    fn from(what: Unsupported) -> Self {
        Self::Unsupported(what)
    }
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAKey => f.write_str("not a private key"),
            Self::Encrypted => f.write_str("the private key needs a passphrase"),
            Self::WrongPassphrase => f.write_str("wrong passphrase or damaged private key"),
            Self::Unsupported(what) => write!(f, "unsupported private key: {what}"),
            Self::Damaged => f.write_str("damaged private key"),
        }
    }
}

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Format(name) => write!(f, "format {name}"),
            Self::Cipher(name) => write!(f, "cipher {name}"),
            Self::Kdf => f.write_str("key derivation"),
            Self::Rounds(rounds) => write!(f, "{rounds} rounds of bcrypt"),
            Self::Keys(count) => write!(f, "{count} keys in one file"),
            Self::KeyType(name) => write!(f, "key type {name}"),
            Self::RsaBits(bits) => write!(f, "RSA key of {bits} bits"),
            Self::RsaExponent => f.write_str("RSA exponent"),
        }
    }
}

impl core::error::Error for KeyError {}

/// The bytes that `write` puts. It runs twice, first to measure: a secret never leaves a copy behind in memory that the
/// buffer grew out of.
fn compose(write: impl Fn(&mut dyn Sink)) -> Vec<u8> {
    struct Bytes(Vec<u8>);
    impl Sink for Bytes {
        fn put(&mut self, bytes: &[u8]) {
            self.0.extend_from_slice(bytes);
        }
    }
    let mut length = Length::default();
    write(&mut length);
    let mut bytes = Bytes(Vec::with_capacity(length.0));
    write(&mut bytes);
    bytes.0
}
