//! Keys into files: the private half for its owner only, the public half beside it.

use crate::arguments::Arguments;
use crate::source::wrong;
use crate::{ask, random};
use sanssh_core::file::private::{self, CannotWrite, Locking};
use sanssh_core::file::{Format, PublicKeyBuf, SigningKey};
use sanssh_std::home;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use zeroize::Zeroizing;

/// Iterations of PBKDF2 that are asked for as one round of bcrypt.
const ITERATIONS: u32 = 25_000;

/// The text of a private key file in the format that was asked for. An empty passphrase is none.
pub(crate) fn text(
    file: &Path,
    key: &SigningKey,
    comment: &[u8],
    passphrase: &str,
    arguments: &Arguments,
) -> Result<Zeroizing<String>, String> {
    let format = match arguments.format {
        None | Some(Format::Rfc4716 | Format::OpenSsh) => Format::OpenSsh,
        Some(other) => other,
    };
    let each = if format == Format::Pkcs8 { ITERATIONS } else { 1 };
    let lock = Locking { passphrase: passphrase.as_bytes(), rounds: arguments.rounds.saturating_mul(each) };
    let lock = Some(&lock).filter(|_| !passphrase.is_empty());
    private::write(key, format, comment, lock, &mut random()?).map_err(|why| match why {
        CannotWrite::Format if lock.is_some() => {
            wrong(file, format_args!("no passphrase protects a key in {format}; take PKCS8 or OpenSSH"))
        }
        CannotWrite::KeyType | CannotWrite::Format | CannotWrite::Passphrase | CannotWrite::Rounds => {
            wrong(file, format_args!("not written in {format}: {why}"))
        }
    })
}

/// The passphrase for a key to come.
pub(crate) fn passphrase(arguments: &Arguments, prompt: &str) -> Result<Zeroizing<String>, String> {
    arguments.new_passphrase.clone().map_or_else(|| ask::new_passphrase(prompt), Ok)
}

/// Puts a private key in place of the one that a file held.
pub(crate) fn replace(file: &Path, text: &str) -> Result<(), String> {
    home::replace_key(file, text).map_err(|error| error.to_string())
}

/// Writes a public key or certificate, which everybody may read.
pub(crate) fn public(file: &Path, key: &PublicKeyBuf, comment: &str) -> Result<(), String> {
    let text = key.line(comment) + "\n";
    let open = OpenOptions::new().write(true).create(true).truncate(true).mode(0o644).open(file);
    open.and_then(|mut open| open.write_all(text.as_bytes())).map_err(|error| wrong(file, error))
}

/// The same beside its private half.
pub(crate) fn public_beside(file: &Path, key: &SigningKey, comment: &str) -> Result<PublicKeyBuf, String> {
    let key = PublicKeyBuf::from_blob(key.public()).map_err(|error| wrong(file, error))?;
    public(&home::beside(file, ".pub"), &key, comment)?;
    Ok(key)
}
