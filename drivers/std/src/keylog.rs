//! The key log (feature `keylog`): the secret of each key exchange in a file of the user's own, as lines that Wireshark
//! reads (`ssh.keylog_file`). Nothing writes one unless a [`KeyLogFile`] is put into the options.

use crate::Error;
use crate::end::{End, Ssh};
use rustix::fs::OFlags;
use rustix::process::geteuid;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Nobody else's business.
const PRIVATE: u32 = 0o600;
/// A line: two hexadecimal digits for each byte of the cookie and of a secret of 8192 bits, and what stands between.
const LONGEST: usize = 2 * (16 + 1024) + " SHARED_SECRET \n".len();

/// A file to which connections append the secret of each of their key exchanges.
///
/// **Whoever reads this file and has seen the connections reads all that was said, passwords among it.** It is for
/// looking into one's own connections: `tshark -o ssh.keylog_file:FILE -r CAPTURE`.
#[derive(Debug, Clone)]
pub struct KeyLogFile(Arc<File>);

impl KeyLogFile {
    /// Opens a log, or makes it, for its owner alone.
    ///
    /// # Errors
    /// [`Error::Io`], also if others may read the file or it is theirs, or if it is no plain file.
    pub fn append(path: &Path) -> Result<Self, Error> {
        // A pipe that somebody has put there is not waited for either.
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
        let file = OpenOptions::new().append(true).create(true).mode(PRIVATE).custom_flags(flags).open(path)?;
        let metadata = file.metadata()?;
        let own = metadata.is_file() && metadata.uid() == geteuid().as_raw();
        if !own || metadata.mode() & 0o077 != 0 {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, "a key log that others may read").into());
        }
        Ok(Self(Arc::new(file)))
    }

    /// An exchange is through. A line that cannot be written is lost, and the connection goes on.
    pub(crate) fn note<R: End>(&self, ssh: &mut Ssh<R>) {
        let Some(key) = ssh.logged_key() else { return };
        // It never grows, which would leave a copy behind.
        let mut line = Zeroizing::new(String::with_capacity(LONGEST));
        if key.write_line(&mut *line).is_ok() {
            // At one go, so that lines of other connections do not get in between.
            let _: io::Result<()> = (&*self.0).write_all(line.as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::KeyLogFile;
    use crate::Error;
    use rustix::fs::{CWD, Mode, OFlags, mkfifoat};
    use std::fs::{self, OpenOptions};
    use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, symlink};

    #[test]
    fn a_log_is_for_its_owner_alone() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("keys");
        KeyLogFile::append(&path).expect("a new log");
        assert_eq!(path.metadata().expect("a file").permissions().mode() & 0o777, 0o600);
        KeyLogFile::append(&path).expect("the same log");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("a mode");
        assert!(matches!(KeyLogFile::append(&path), Err(Error::Io(_))), "others may read it");
    }

    #[test]
    fn a_log_is_a_plain_file() {
        let directory = tempfile::tempdir().expect("a directory");
        let pipe = directory.path().join("pipe");
        mkfifoat(CWD, &pipe, Mode::from_raw_mode(0o622)).expect("a pipe");
        let reader = OpenOptions::new().read(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed()).open(&pipe);
        assert!(matches!(KeyLogFile::append(&pipe), Err(Error::Io(_))), "who reads it is not known");
        drop(reader.expect("somebody who reads"));
        assert!(matches!(KeyLogFile::append(&pipe), Err(Error::Io(_))));
    }

    #[test]
    fn a_log_is_no_link() {
        let directory = tempfile::tempdir().expect("a directory");
        let link = directory.path().join("link");
        symlink(directory.path().join("target"), &link).expect("a link");
        assert!(matches!(KeyLogFile::append(&link), Err(Error::Io(_))));
        assert!(!directory.path().join("target").exists());
    }
}
