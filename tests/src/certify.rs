//! Certificates made by OpenSSH's `ssh-keygen`, for what peers and the crates under test make of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::keys::{Keys, public};
use crate::peers;
use crate::process::run;

/// An authority, which is the key that nobody else knows; its certificates last as long as this value.
#[derive(Debug)]
pub struct Authority {
    directory: TempDir,
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

impl Authority {
    /// The authority, without certificates.
    ///
    /// # Panics
    /// If there is no room for them.
    #[must_use]
    pub fn new() -> Self {
        Self { directory: tempfile::tempdir().expect("a directory for certificates") }
    }

    /// Its public key, as a line of a list.
    #[must_use]
    pub fn line(&self) -> String {
        public(&Keys::shared().stranger())
    }

    /// Certifies a key; `options` are flags of `ssh-keygen`, such as `-n` with the principals. Gives the certificate's file,
    /// beside which lies a copy of the private key under its usual name.
    ///
    /// # Panics
    /// If `ssh-keygen` does not want to.
    #[must_use]
    pub fn certify(&self, key: &Path, name: &str, options: &[&str]) -> PathBuf {
        let copy = self.directory.path().join(name);
        // A copy keeps the mode, which private keys need.
        fs::copy(key, &copy).expect("a copy of the private key");
        fs::write(copy.with_extension("pub"), public(key) + "\n").expect("a copy of the public key");
        let mut keygen = Command::new(peers::path("ssh-keygen"));
        keygen.args(["-q", "-I", name, "-s"]).arg(Keys::shared().stranger()).args(options);
        run(keygen.arg(copy.with_extension("pub")));
        self.directory.path().join(format!("{name}-cert.pub"))
    }
}
