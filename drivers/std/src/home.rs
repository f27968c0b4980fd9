//! The user's files: where `~/.ssh` is, and reading a private key from it.

use crate::Error;
use sanssh_core::file::{SigningKey, private};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zeroize::Zeroizing;

/// A file of that name in `~/.ssh`, whether it exists or not; `None` for users without a home.
pub fn ssh(name: &str) -> Option<PathBuf> {
    std::env::home_dir().filter(|home| !home.as_os_str().is_empty()).map(|home| home.join(".ssh").join(name))
}

/// Files in `~/.ssh` that hold a user's key by custom, best first.
pub const IDENTITIES: [&str; 3] = ["id_ed25519", "id_ecdsa", "id_rsa"];

/// Reads a private key.
///
/// # Errors
/// [`Error::File`] if the file cannot be read, [`Error::Key`] if it gives no key; why may be
/// [`Encrypted`](sanssh_core::file::KeyError::Encrypted), which wants a passphrase.
pub fn read_key(file: &Path, passphrase: Option<&str>) -> Result<SigningKey, Error> {
    let text = fs::read(file).map(Zeroizing::new);
    let text = text.map_err(|error| Error::File { file: file.to_owned(), source: Arc::new(error) })?;
    let key = private::read(&text, passphrase.map(str::as_bytes));
    Ok(key.map_err(|why| Error::Key { file: file.to_owned(), why })?.key)
}
