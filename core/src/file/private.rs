//! Private key files of every common format, told apart by their first line: OpenSSH's own, PEM of three kinds, PuTTY's.
//! Reading one takes bounded time and memory, whatever it asks for.

mod der;
mod lock;
mod openssh;
pub(super) mod pem;
mod ppk;

pub use lock::MAX_ROUNDS;

use super::text::armor;
use super::{Foreign, Format, KeyError, SigningKey, Unsupported, rsa};
use crate::crypto::signature::PublicKey;
use crate::seed::Random;
use crate::wire::{Malformed, Reader};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use pem::Pem;
use zeroize::Zeroizing;

/// The largest file that is looked at. A key of 16,384 bits takes 13 KiB; the rest is for its comment.
pub const MAX_FILE: usize = 64 * 1024;

/// What a private key file holds.
#[derive(Debug)]
pub struct PrivateKey {
    /// The key.
    pub key: SigningKey,
    /// Whatever its owner wrote beside it; only [`Format::OpenSsh`] and [`Format::Ppk`] have room for that.
    pub comment: Vec<u8>,
}

/// Why a file of a known format gave no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    Encrypted,
    WrongPassphrase,
    Unsupported(Unsupported),
    Damaged,
}

impl Fault {
    /// What decrypts to nonsense was decrypted with a wrong key, as far as anybody can tell.
    fn under_passphrase(self) -> Self {
        if self == Self::Damaged { Self::WrongPassphrase } else { self }
    }

    const fn of(self, format: Format) -> KeyError {
        match self {
            Self::Encrypted => KeyError::Encrypted,
            Self::WrongPassphrase => KeyError::WrongPassphrase,
            Self::Unsupported(what) => KeyError::Unsupported(format, what),
            Self::Damaged => KeyError::Damaged(format),
        }
    }
}

impl From<Malformed> for Fault {
    fn from(Malformed: Malformed) -> Self {
        Self::Damaged
    }
}

impl From<Unsupported> for Fault {
    fn from(what: Unsupported) -> Self {
        Self::Unsupported(what)
    }
}

/// A file by its first line.
enum File<'a> {
    OpenSsh(Pem<'a>),
    Pkcs1(Pem<'a>),
    Sec1(Pem<'a>),
    Pkcs8(Pem<'a>),
    SealedPkcs8(Pem<'a>),
    Dsa,
    Ppk,
}

impl<'a> File<'a> {
    fn tell(text: &'a [u8]) -> Result<Self, KeyError> {
        if text.starts_with(ppk::START) {
            return if text.len() > MAX_FILE { Err(KeyError::Damaged(Format::Ppk)) } else { Ok(Self::Ppk) };
        }
        let start = text.get(..MAX_FILE).unwrap_or(text);
        let label = Pem::label(start).ok_or(KeyError::NotAKey)?;
        let (format, file): (_, fn(Pem<'a>) -> Self) = match label {
            b"OPENSSH PRIVATE KEY" => (Format::OpenSsh, Self::OpenSsh),
            b"RSA PRIVATE KEY" => (Format::Pem, Self::Pkcs1),
            b"EC PRIVATE KEY" => (Format::Pem, Self::Sec1),
            b"DSA PRIVATE KEY" => (Format::Pem, |_| Self::Dsa),
            b"PRIVATE KEY" => (Format::Pkcs8, Self::Pkcs8),
            b"ENCRYPTED PRIVATE KEY" => (Format::Pkcs8, Self::SealedPkcs8),
            _ => return Err(KeyError::NotAKey),
        };
        let pem = Pem::decode(text).filter(|_| text.len() <= MAX_FILE).ok_or(KeyError::Damaged(format))?;
        Ok(file(pem))
    }

    const fn format(&self) -> Format {
        match self {
            Self::OpenSsh(_) => Format::OpenSsh,
            Self::Pkcs1(_) | Self::Sec1(_) | Self::Dsa => Format::Pem,
            Self::Pkcs8(_) | Self::SealedPkcs8(_) => Format::Pkcs8,
            Self::Ppk => Format::Ppk,
        }
    }
}

/// Reads a private key file of any [`Format`]. Without a passphrase an encrypted one is [`KeyError::Encrypted`]; a
/// passphrase that is not needed is not looked at.
///
/// # Errors
/// Says what the file is and why it gives no key. A wrong passphrase is the same error in all formats.
pub fn read(text: &[u8], passphrase: Option<&[u8]>) -> Result<PrivateKey, KeyError> {
    let text = text.trim_ascii_start();
    let file = File::tell(text)?;
    let bare = |key| PrivateKey { key, comment: Vec::new() };
    let key = match &file {
        File::OpenSsh(pem) => openssh::read(&pem.bytes().map_err(|_| KeyError::Damaged(Format::OpenSsh))?, passphrase),
        File::Ppk => ppk::read(text, passphrase),
        File::Dsa => Err(Unsupported::KeyType(Foreign::Dsa).into()),
        File::Pkcs1(pem) => pem.read(passphrase, der::pkcs1).map(bare),
        File::Sec1(pem) => pem.read(passphrase, |der| der::sec1(der, None)).map(bare),
        File::Pkcs8(pem) => pem.read(passphrase, der::pkcs8).map(bare),
        File::SealedPkcs8(pem) => pem.read(None, |der| der::sealed(der, passphrase)).map(bare),
    };
    key.map_err(|fault| fault.of(file.format()))
}

/// The public key blob of a private key file, which takes no passphrase if the format keeps it in the clear:
/// [`Format::OpenSsh`] and [`Format::Ppk`] do. Nothing vouches for it until the private half has been read.
///
/// # Errors
/// Those of [`read`].
pub fn public(text: &[u8]) -> Result<Vec<u8>, KeyError> {
    let text = text.trim_ascii_start();
    let blob = match File::tell(text)? {
        File::OpenSsh(pem) => pem.bytes().map_err(Fault::from).and_then(|bytes| openssh::public(&bytes)),
        File::Ppk => ppk::public(text),
        File::Dsa | File::Pkcs1(_) | File::Sec1(_) | File::Pkcs8(_) | File::SealedPkcs8(_) => {
            return read(text, None).map(|file| file.key.public().to_vec());
        }
    };
    blob.map_err(|fault| fault.of(File::tell(text).map_or(Format::OpenSsh, |file| file.format())))
}

/// Whether a public key is of a type that can be signed with, so that nobody is asked for a passphrase in vain.
fn check_public(blob: &[u8]) -> Result<(), Fault> {
    let name = Reader::new(blob).string()?;
    if let Some(foreign) = Foreign::named(name) {
        return Err(Unsupported::KeyType(foreign).into());
    }
    if let PublicKey::Rsa { n, .. } = PublicKey::decode(blob, 0)? {
        rsa::supported(n)?;
    }
    Ok(())
}

/// What a private key file is to be encrypted with.
#[derive(Clone, Copy)]
pub struct Locking<'a> {
    /// The passphrase; an empty one would be no protection and is refused.
    pub passphrase: &'a [u8],
    /// What a guess shall cost: rounds of bcrypt in OpenSSH's format, of which each takes about 10 ms ([`ROUNDS`] is
    /// usual); iterations of PBKDF2 in PKCS #8, of which a million take about a second.
    pub rounds: u32,
}

/// The rounds of bcrypt that OpenSSH takes.
pub const ROUNDS: u32 = 24;

impl fmt::Debug for Locking<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Locking({} rounds)", self.rounds)
    }
}

/// Why a key is not written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CannotWrite {
    /// Keys of this type have no form in this format.
    KeyType,
    /// The format is not written, or not with a passphrase: [`Format::Pem`] would protect it by MD5.
    Format,
    /// No passphrase was given to encrypt with.
    Passphrase,
    /// No rounds at all, or more than would be read again.
    Rounds,
}

/// The text of a private key file, encrypted if `lock` says so. [`Format::OpenSsh`] is for every key and has room for a
/// comment; [`Format::Pem`] and [`Format::Pkcs8`] are for programs that know nothing else. `random` gives salt and IV.
///
/// # Errors
/// What cannot be written so is refused; nothing is written weaker than asked.
pub fn write(
    key: &SigningKey,
    format: Format,
    comment: &[u8],
    lock: Option<&Locking<'_>>,
    random: &mut Random,
) -> Result<Zeroizing<String>, CannotWrite> {
    if lock.is_some_and(|lock| lock.passphrase.is_empty()) {
        return Err(CannotWrite::Passphrase);
    }
    match (format, lock) {
        (Format::OpenSsh, _) => {
            let bytes = openssh::write(key, comment, lock, random)?;
            Ok(armor("OPENSSH PRIVATE KEY", &bytes, 70))
        }
        (Format::Pem, None) => der::write_old(key).map(|(label, der)| armor(label, der.as_bytes(), 64)),
        (Format::Pkcs8, None) => Ok(armor("PRIVATE KEY", der::write_pkcs8(key)?.as_bytes(), 64)),
        (Format::Pkcs8, Some(lock)) => {
            let sealed = der::seal(&der::write_pkcs8(key)?, lock, random)?;
            Ok(armor("ENCRYPTED PRIVATE KEY", sealed.as_bytes(), 64))
        }
        (Format::Pem | Format::Ppk | Format::Rfc4716, _) => Err(CannotWrite::Format),
    }
}

impl fmt::Display for CannotWrite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::KeyType => "the format has no form for keys of this type",
            Self::Format => "keys are not written in this format",
            Self::Passphrase => "an empty passphrase protects nothing",
            Self::Rounds => "too many rounds, or none",
        })
    }
}

impl core::error::Error for CannotWrite {}
