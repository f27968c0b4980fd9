//! Names of files, here and there, for programs that move them: their parts, how a person is shown them, and what is said
//! of one that was not moved.

use sanssh_core::sftp::path;
use sanssh_std::{Error, SftpEntry, escape};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Memory for the names of one directory: of more than a million.
const MOST_MEMORY: usize = 256 << 20;

/// All that a server names in a directory; `None` if it does not come to an end.
///
/// # Errors
/// The first that there is.
pub fn all(entries: impl Iterator<Item = Result<SftpEntry, Error>>) -> Result<Option<Vec<SftpEntry>>, Error> {
    let (mut all, mut taken) = (Vec::new(), 0);
    for entry in entries {
        let entry = entry?;
        taken += size_of_val(&entry) + entry.name.len() + entry.longname.len();
        if taken > MOST_MEMORY {
            return Ok(None);
        }
        all.push(entry);
    }
    Ok(Some(all))
}

/// A name in a directory.
#[must_use]
pub fn below(directory: &[u8], name: &[u8]) -> Vec<u8> {
    let gap: &[u8] = if directory.is_empty() || directory.ends_with(b"/") { b"" } else { b"/" };
    [directory, gap, name].concat()
}

/// The last part of a path; empty where that names nothing of its own, as `..` does.
#[must_use]
pub fn last(name: &[u8]) -> &[u8] {
    path::components(name).next_back().filter(|part| path::name(part).is_some()).unwrap_or_default()
}

/// Bytes as a path here.
#[must_use]
pub fn local(name: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(name))
}

/// What a file here is called, whatever way leads to it; empty for the root.
#[must_use]
pub fn own_name(name: &[u8]) -> Vec<u8> {
    match last(name) {
        [] => last(fs::canonicalize(local(name)).unwrap_or_default().as_os_str().as_bytes()).to_vec(),
        own => own.to_vec(),
    }
}

/// A path for a person to read.
#[must_use]
pub fn shown(path: &Path) -> String {
    escape(path.as_os_str().as_bytes(), false)
}

/// What became of something that is described in words.
#[must_use]
pub fn failure(what: &str, error: &Error) -> String {
    if let Error::Sftp { code, message, .. } = error {
        // By the name that the person gave, and not by that of the request.
        if message.is_empty() { format!("{what}: {code}") } else { format!("{what}: {message}") }
    } else if matches!(error, Error::File { .. } | Error::Cut { .. }) {
        error.to_string()
    } else {
        format!("{what}: {error}")
    }
}

#[cfg(test)]
mod tests {
    use super::all;
    use core::iter::{once, repeat_with};
    use sanssh_core::sftp::Attributes;
    use sanssh_std::{Error, SftpEntry};

    #[test]
    fn a_directory_without_end_is_given_up() {
        let entry = |longname| SftpEntry { name: b"a".to_vec(), longname, attributes: Attributes::NONE };
        assert_eq!(
            all((0..1000).map(|_| Ok(entry(vec![])))).map(|all| all.map(|all| all.len())).ok(),
            Some(Some(1000))
        );
        assert!(matches!(all(repeat_with(|| Ok(entry(vec![b'-'; 1 << 20])))), Ok(None)));
        assert!(all(once(Err(Error::ForwardRefused))).is_err());
    }
}
