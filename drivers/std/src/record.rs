//! Recordings of connections, for those who must reproduce a failure: each goes into a file of its own, as it happens.

use core::fmt::{self, Write as _};
use core::sync::atomic::{AtomicU64, Ordering};
use sanssh_core::replay::Tape;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where connections are recorded, in the form that [`core::replay`](sanssh_core::replay) plays and the `replay` program
/// shows.
///
/// **A recording holds everything: the seed of the connection, from which the keys of the session follow, and so all that
/// either side said; and what a client logged in with, its passwords word for word.** Keep it like a private key, and
/// [`redact`](sanssh_core::replay::redact()) it before anybody else sees it, who can then still read the session.
#[derive(Clone)]
pub struct Record(Arc<Open>);

type Open = dyn Fn() -> io::Result<Box<dyn Tape>> + Send + Sync;

impl Record {
    /// The first connection is recorded in this file, the second in `FILE.2` and so on. The files are this user's alone
    /// (0600) and must not exist yet: a connection whose file does is not made.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        let (path, count) = (path.into(), AtomicU64::new(1));
        Self::to(move || {
            let number = count.fetch_add(1, Ordering::Relaxed);
            let file = if number == 1 { create(&path) } else { create(&numbered(&path, number)) };
            Ok(Box::new(Written(BufWriter::new(file?))))
        })
    }

    /// Each connection is recorded on a tape that `open` gives.
    pub fn to(open: impl Fn() -> io::Result<Box<dyn Tape>> + Send + Sync + 'static) -> Self {
        Self(Arc::new(open))
    }

    /// The tape of the next connection.
    pub(crate) fn open(&self) -> io::Result<Box<dyn Tape>> {
        (self.0)()
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Record")
    }
}

fn numbered(path: &Path, number: u64) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    // Names take all that is written to them.
    let _ = write!(name, ".{number}");
    name.into()
}

fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// A file as a tape. What is lost with a crash of the program is what its buffer held.
struct Written(BufWriter<File>);

impl fmt::Write for Written {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write_all(text.as_bytes()).map_err(|_| fmt::Error)
    }
}

impl Tape for Written {
    fn sync(&mut self) -> fmt::Result {
        self.0.flush().map_err(|_| fmt::Error)
    }
}

#[cfg(test)]
mod tests {
    use super::Record;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn files_are_new_and_their_owners_alone() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("session.ssh");
        let record = Record::file(&path);
        for name in ["session.ssh", "session.ssh.2", "session.ssh.3"] {
            let mut tape = record.clone().open().expect("a file");
            tape.write_str("text").and_then(|()| tape.sync()).expect("room");
            let written = directory.path().join(name);
            assert_eq!(fs::read(&written).expect("the file"), b"text");
            assert_eq!(fs::metadata(&written).expect("the file").permissions().mode() & 0o777, 0o600);
        }
        assert!(Record::file(&path).open().is_err(), "nothing is overwritten");
    }
}
