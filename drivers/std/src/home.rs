//! The user's files: where `~/.ssh` is, reading a private key from it, and adding a line to a list.

use crate::Error;
use sanssh_core::file::{SigningKey, private};
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
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

/// Adds a line by one write at the end of the file, behind a line end if the last line lacks one. What does not exist is
/// made, for its owner only.
pub(crate) fn append(file: &Path, line: &str) -> io::Result<()> {
    if let Some(directory) = file.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    }
    let mut file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(file)?;
    let mut last = [b'\n'];
    if file.metadata()?.len() > 0 {
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
    }
    let gap = if last == *b"\n" { "" } else { "\n" };
    file.write_all(format!("{gap}{}\n", line.trim_end()).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::append;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn lines_are_added_to_what_is_there() {
        let directory = std::env::temp_dir().join(format!("sanssh-home-{}", std::process::id()));
        let file = directory.join("new").join("known_hosts");
        append(&file, "one").unwrap();
        append(&file, "two\n").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "one\ntwo\n");
        fs::write(&file, "cut").unwrap();
        append(&file, "three").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "cut\nthree\n");
        let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(file.as_path()), mode(file.parent().unwrap())), (0o600, 0o700));
        fs::remove_dir_all(directory).unwrap();
    }
}
