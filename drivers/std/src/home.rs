//! The user's files: where `~/.ssh` is, reading and writing a private key there, and changing a list of host keys.

use crate::{Error, lines};
use sanssh_core::file::known_hosts::Edited;
use sanssh_core::file::{PublicKeyBuf, SigningKey, private};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zeroize::Zeroizing;

/// A file of that name in `~/.ssh`, whether it exists or not; `None` for users without a home.
pub fn ssh(name: &str) -> Option<PathBuf> {
    std::env::home_dir().filter(|home| !home.as_os_str().is_empty()).map(|home| home.join(".ssh").join(name))
}

/// Files in `~/.ssh` that hold a user's key by custom, best first.
pub const IDENTITIES: [&str; 3] = ["id_ed25519", "id_ecdsa", "id_rsa"];

/// The file beside another that has its name with `end` behind it, as public keys have `.pub`.
pub fn beside(file: &Path, end: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(end);
    name.into()
}

/// Whether somebody else could have read the user's file. Who has a private key read would rather know.
pub fn is_exposed(file: &Path) -> bool {
    let own = rustix::process::getuid().as_raw();
    fs::metadata(file).is_ok_and(|meta| meta.uid() == own && meta.mode() & 0o077 != 0)
}

/// Reads a private key.
///
/// # Errors
/// [`Error::File`] if the file cannot be read, [`Error::Key`] if it gives no key; why may be
/// [`Encrypted`](sanssh_core::file::KeyError::Encrypted), which wants a passphrase.
pub fn read_key(file: &Path, passphrase: Option<&str>) -> Result<SigningKey, Error> {
    let text = read(file).map_err(|error| failed(file, error))?;
    let key = private::read(&text, passphrase.map(str::as_bytes));
    Ok(key.map_err(|why| Error::Key { file: file.to_owned(), why })?.key)
}

/// The blob of the public key that a file has, or that the file beside it with `.pub` behind its name has; `None` if
/// neither tells without a passphrase.
pub fn public(file: &Path) -> Option<Vec<u8>> {
    let blob = |text: &[u8]| PublicKeyBuf::read(text).ok().map(|(key, _)| key.blob().to_vec());
    let own = read(file).ok().and_then(|text| private::public(&text).ok().or_else(|| blob(&text)));
    own.or_else(|| blob(&read(&beside(file, ".pub")).ok()?))
}

/// No more than makes the key reader refuse it: the file may be anything.
pub(crate) fn read(file: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut text = Zeroizing::new(Vec::with_capacity(private::MAX_FILE + 1));
    File::open(file)?.take(text.capacity() as u64).read_to_end(&mut text)?;
    Ok(text)
}

/// Makes a file with a private key, which only its owner may read from its first moment on.
///
/// # Errors
/// [`Error::File`]; a file that exists stays as it is.
pub fn create_key(file: &Path, text: &str) -> Result<(), Error> {
    create(file, text.as_bytes()).and_then(|()| settle(file)).map_err(|error| failed(file, error))
}

/// Puts a private key in place of what a file held, through links. Whenever the machine stops, the one or the other is
/// there whole.
///
/// # Errors
/// [`Error::File`].
pub fn replace_key(file: &Path, text: &str) -> Result<(), Error> {
    let replaced = fs::canonicalize(file).and_then(|path| {
        let fresh = beside(&path, &format!(".{}.new", std::process::id()));
        create(&fresh, text.as_bytes())?;
        fs::rename(&fresh, &path).inspect_err(|_| drop(fs::remove_file(&fresh)))?;
        settle(&path)
    });
    replaced.map_err(|error| failed(file, error))
}

/// Puts what `change` makes of a list of host keys in its place, under the lock that all changes to it take; the old list
/// stays beside it, with `.old` behind its name. If no line changes, nothing does.
///
/// # Errors
/// [`Error::File`].
pub fn edit_hosts(file: &Path, change: impl FnOnce(&[u8]) -> Edited) -> Result<Edited, Error> {
    let mut edited = None;
    let rewritten = lines::rewrite(file, |text| {
        let Edited { text: changed, lines } = change(text);
        if !lines.is_empty() {
            keep(file, &beside(file, ".old"))?;
        }
        let text = if lines.is_empty() { text.to_vec() } else { changed.clone() };
        edited = Some(Edited { text: changed, lines });
        Ok(text)
    });
    let missing = || failed(file, io::ErrorKind::NotFound.into());
    rewritten.map_err(|error| failed(file, error)).and_then(|_| edited.ok_or_else(missing))
}

/// What a list of host keys holds: 64 MiB at most.
///
/// # Errors
/// [`Error::File`], also if there is none.
pub fn read_hosts(file: &Path) -> Result<Vec<u8>, Error> {
    File::open(file).and_then(|open| lines::contents(&open)).map_err(|error| failed(file, error))
}

/// Puts a whole list of host keys in the place of what a file held, under the lock that all changes to it take. A new file
/// is its owner's alone.
///
/// # Errors
/// [`Error::File`].
pub fn write_hosts(file: &Path, text: &[u8]) -> Result<(), Error> {
    let written = lines::prepare(file).and_then(|()| lines::rewrite(file, |_| Ok(text.to_vec())));
    written.map(drop).map_err(|error| failed(file, error))
}

/// Gives a file a second name, which is then that of its contents now.
fn keep(file: &Path, name: &Path) -> io::Result<()> {
    match fs::remove_file(name) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    fs::hard_link(fs::canonicalize(file)?, name)
}

/// Makes a file that was not there, with all of its contents on the disk, or leaves nothing.
fn create(file: &Path, text: &[u8]) -> io::Result<()> {
    let mut open = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
    open.write_all(text).and_then(|()| open.sync_all()).inspect_err(|_| drop(fs::remove_file(file)))
}

/// Has the directory remember what is in it.
fn settle(file: &Path) -> io::Result<()> {
    let directory = file.parent().filter(|directory| !directory.as_os_str().is_empty());
    File::open(directory.unwrap_or_else(|| Path::new(".")))?.sync_all()
}

fn failed(file: &Path, error: io::Error) -> Error {
    Error::File { file: file.to_owned(), source: Arc::new(error) }
}

#[cfg(test)]
mod tests {
    use super::{create_key, edit_hosts, public, read_key, replace_key};
    use crate::Error;
    use sanssh_core::file::known_hosts::Edited;
    use sanssh_core::file::private::MAX_FILE;
    use sanssh_core::file::{Format, KeyError};
    use std::fs;
    use std::io::ErrorKind;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::Path;

    #[test]
    fn l16_new_key_files_are_their_owners_from_the_start() {
        let directory = std::env::temp_dir().join(format!("sanssh-home-keys-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let file = directory.join("id");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        create_key(&file, "one").unwrap();
        assert_eq!((fs::read_to_string(&file).unwrap().as_str(), mode(&file)), ("one", 0o600));
        let Err(Error::File { source, .. }) = create_key(&file, "two") else { panic!("it was there") };
        assert_eq!((source.kind(), fs::read_to_string(&file).unwrap().as_str()), (ErrorKind::AlreadyExists, "one"));
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        replace_key(&file, "three").unwrap();
        assert_eq!((fs::read_to_string(&file).unwrap().as_str(), mode(&file)), ("three", 0o600));
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 1, "nothing is left beside it");
        let link = directory.join("link");
        symlink(&file, &link).unwrap();
        replace_key(&link, "four").unwrap();
        assert_eq!((fs::read_link(&link).unwrap(), fs::read_to_string(&file).unwrap()), (file, "four".to_owned()));
        assert!(create_key(&directory.join("none/id"), "five").is_err());
        fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn an_edited_list_stays_beside_its_successor() {
        let directory = std::env::temp_dir().join(format!("sanssh-home-hosts-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let (file, old) = (directory.join("known_hosts"), directory.join("known_hosts.old"));
        let edited = |text: &str, lines: &[usize]| Edited { text: text.into(), lines: lines.to_vec() };
        assert!(matches!(edit_hosts(&file, |_| edited("", &[])), Err(Error::File { .. })));
        for (before, after) in [("one", "two"), ("two", "three")] {
            fs::write(&file, before).unwrap();
            let change = |text: &[u8]| {
                assert_eq!(text, before.as_bytes());
                edited(after, &[1])
            };
            assert_eq!(edit_hosts(&file, change).unwrap().lines, [1]);
            assert_eq!(
                (fs::read_to_string(&file).unwrap().as_str(), fs::read_to_string(&old).unwrap().as_str()),
                (after, before)
            );
        }
        fs::remove_file(&old).unwrap();
        edit_hosts(&file, |_| edited("unused", &[])).unwrap();
        assert!(!old.exists() && fs::read_to_string(&file).unwrap() == "three");
        fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn key_files_of_any_size_are_read_within_bounds() {
        let Err(Error::Key { why, .. }) = read_key(Path::new("/dev/zero"), None) else { panic!("no key") };
        assert_eq!((why, public(Path::new("/dev/zero"))), (KeyError::NotAKey, None));
        let file = std::env::temp_dir().join(format!("sanssh-home-large-{}", std::process::id()));
        let start = "-----BEGIN OPENSSH PRIVATE KEY-----\n".to_owned();
        fs::write(&file, start + &"A".repeat(MAX_FILE)).unwrap();
        let Err(Error::Key { why, .. }) = read_key(&file, None) else { panic!("no key") };
        assert_eq!(why, KeyError::Damaged(Format::OpenSsh));
        fs::remove_file(file).unwrap();
    }
}
