//! Who runs this program, by the system's own records: name, home and shell.
//! The environment could say anything.

use nix::unistd::{User as Record, getuid};
use std::path::PathBuf;

/// The user of this process.
#[derive(Debug, Clone)]
pub struct User {
    /// The login name.
    pub name: String,
    /// The home directory.
    pub home: PathBuf,
    /// The login shell.
    pub shell: PathBuf,
}

/// The user of this process.
///
/// # Errors
/// In words, if the system has no record.
pub fn current() -> Result<User, String> {
    let id = getuid();
    match Record::from_uid(id) {
        Ok(Some(record)) => {
            let unset = record.shell.as_os_str().is_empty();
            let shell = if unset { PathBuf::from("/bin/sh") } else { record.shell };
            Ok(User { name: record.name, home: record.dir, shell })
        }
        Ok(None) => Err(format!("the system has no user {id}")),
        Err(error) => Err(format!("cannot look up user {id}: {error}")),
    }
}
