//! Keys and lists of keys in files, as OpenSSH and others keep them. Bytes and text come in and go out; opening, locking
//! and replacing files is the caller's part.
//!
//! - [`private`]: private key files in OpenSSH's format, PEM, PKCS #8 and PuTTY's, with or without a passphrase.
//! - [`signing`]: [`SigningKey`], what such a file holds or a seed gives.
//! - [`public`]: public keys on one line, in RFC 4716's format and in PEM, and their fingerprints.
//! - [`randomart`]: fingerprints as pictures.
//! - [`list`]: the keys of lists of any kind, for showing them.
//! - [`certificate`]: making certificates.
//! - [`known_hosts`]: which key a host has shown before, and who certifies its keys.
//! - [`pattern`]: patterns of names of hosts and users.
//! - [`sshfp`]: which keys the DNS says a host has.
//! - [`authorized_keys`]: which keys may log in, and what they may do then; [`authorize`](authorize()) asks these lists and
//!   those of authorities, and judges whatever they demand.

mod address;
mod authorize;
pub mod authorized_keys;
pub mod certificate;
mod ecdsa;
mod expiry;
pub mod known_hosts;
pub mod list;
mod oid;
mod options;
pub mod pattern;
mod permit;
pub mod private;
pub mod public;
pub mod randomart;
mod rfc4716;
mod rsa;
mod secret;
pub mod signing;
mod spki;
pub mod sshfp;
mod text;

pub use address::networks_have;
pub use authorize::{Denied, Lists, Proof, Situation, authorize};
pub use expiry::Expiry;
pub use options::{Options, TwoCommands};
pub use permit::{Permit, Tunnel};
pub use public::PublicKeyBuf;
pub use signing::SigningKey;

use crate::algorithm::HostKey;
use crate::wire::{Length, Sink};
use alloc::vec::Vec;
use core::fmt;

/// How a key is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// OpenSSH's own: private keys as OpenSSH PROTOCOL.key has them, public keys on one line.
    OpenSsh,
    /// PEM by type: PKCS #1 of RSA keys (RFC 8017), SEC 1 of ECDSA keys (RFC 5915).
    Pem,
    /// PKCS #8 (RFC 5958), of public keys the `SubjectPublicKeyInfo` that goes with it.
    Pkcs8,
    /// PuTTY's private key files.
    Ppk,
    /// Public keys as RFC 4716 has them.
    Rfc4716,
}

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
    Unsupported(Format, Unsupported),
    /// A private key file whose contents contradict the format or each other.
    Damaged(Format),
}

/// What a private key file needs and this crate lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unsupported {
    /// The version of the format.
    Version,
    /// The cipher of the encrypted part.
    Cipher,
    /// The way from passphrase to key.
    Kdf,
    /// More time or memory on the way from passphrase to key than any file is given.
    Cost,
    /// Another number of keys than one.
    Keys,
    /// The type of the key.
    KeyType(Foreign),
    /// The curve of the key.
    Curve,
    /// An RSA modulus of so many bits; 2048 to 16,384 are taken.
    RsaBits(u16),
}

/// Types of keys that are known and not signed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Foreign {
    /// DSA, which is broken.
    Dsa,
    /// Ed448.
    Ed448,
    /// XMSS.
    Xmss,
    /// Any other.
    Unknown,
}

impl Foreign {
    /// The type of that name, if keys of it are not signed with; [`Unknown`](Self::Unknown) if nobody here knows it.
    fn named(name: &[u8]) -> Option<Self> {
        match name {
            b"ssh-dss" => Some(Self::Dsa),
            b"ssh-ed448" => Some(Self::Ed448),
            b"ssh-xmss@openssh.com" => Some(Self::Xmss),
            _ => HostKey::ALL.iter().all(|known| known.key_type().as_bytes() != name).then_some(Self::Unknown),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OpenSsh => "OpenSSH",
            Self::Pem => "PEM",
            Self::Pkcs8 => "PKCS #8",
            Self::Ppk => "PuTTY",
            Self::Rfc4716 => "RFC 4716",
        })
    }
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAKey => f.write_str("not a private key"),
            Self::Encrypted => f.write_str("the private key needs a passphrase"),
            Self::WrongPassphrase => f.write_str("wrong passphrase or damaged private key"),
            Self::Unsupported(format, what) => write!(f, "unsupported private key ({format}): {what}"),
            Self::Damaged(format) => write!(f, "damaged private key ({format})"),
        }
    }
}

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version => f.write_str("version of the format"),
            Self::Cipher => f.write_str("cipher"),
            Self::Kdf => f.write_str("key derivation"),
            Self::Cost => f.write_str("key derivation that costs too much"),
            Self::Keys => f.write_str("not one key in the file"),
            Self::KeyType(Foreign::Dsa) => f.write_str("DSA key"),
            Self::KeyType(Foreign::Ed448) => f.write_str("Ed448 key"),
            Self::KeyType(Foreign::Xmss) => f.write_str("XMSS key"),
            Self::KeyType(Foreign::Unknown) => f.write_str("key type"),
            Self::Curve => f.write_str("curve"),
            Self::RsaBits(bits) => write!(f, "RSA key of {bits} bits"),
        }
    }
}

impl core::error::Error for KeyError {}

/// The bytes that `write` puts. It runs twice, first to measure: a secret never leaves a copy behind in memory that the
/// buffer grew out of.
pub(crate) fn compose(write: impl Fn(&mut dyn Sink)) -> Vec<u8> {
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
