//! What a listener or a program leaves in the file system: a socket's file, or a directory of our own that nobody else can
//! look into. It goes when its holder does.

use rustix::process::getpid;
use sanssh_core::Random;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// A file, or a directory with what is in it.
#[derive(Debug)]
pub(crate) struct Trace {
    path: PathBuf,
    is_directory: bool,
}

impl Trace {
    /// A file that is there.
    pub(crate) fn file(path: &Path) -> Self {
        Self { path: path.to_owned(), is_directory: false }
    }

    /// A new directory, for this user alone.
    pub(crate) fn directory() -> io::Result<Self> {
        let seed = crate::seed().map_err(io::Error::from)?;
        let name = u64::from_be_bytes(Random::new(&seed).array());
        let path = std::env::temp_dir().join(format!("sanssh-{}-{name:016x}", getpid()));
        // Fails if it is there: nobody can have prepared it.
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self { path, is_directory: true })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Trace {
    fn drop(&mut self) {
        // Whoever removed it before us was free to.
        let _ = if self.is_directory { fs::remove_dir_all(&self.path) } else { fs::remove_file(&self.path) };
    }
}

#[cfg(test)]
mod tests {
    use super::Trace;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn directories_are_private_and_go() {
        let (one, other) = (Trace::directory().unwrap(), Trace::directory().unwrap());
        assert_ne!(one.path(), other.path());
        let path = one.path().to_owned();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        fs::write(path.join("file"), "").unwrap();
        drop(one);
        assert!(!path.exists());
    }
}
