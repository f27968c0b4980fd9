//! Where tests against OpenSSH's `ssh-keygen` work: a directory, and the program.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A directory of its own for each test, removed at the end.
pub(crate) struct Bench(PathBuf);

impl Bench {
    /// `None`, said loudly, where there is no `ssh-keygen`.
    pub(crate) fn new(name: &str) -> Option<Self> {
        if Command::new("ssh-keygen").arg("-?").output().is_err() {
            assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "CI needs ssh-keygen");
            eprintln!("!!! NOT TESTED: {name}: there is no ssh-keygen");
            return None;
        }
        let path = std::env::temp_dir().join(format!("sanssh-keys-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Some(Self(path))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// A new key pair, as private file, public line.
    pub(crate) fn generate(&self, name: &str, arguments: &[&str]) -> (Vec<u8>, Vec<u8>) {
        let path = self.path(name);
        let output =
            Command::new("ssh-keygen").args(["-q", "-C", "a comment", "-f"]).arg(&path).args(arguments).output();
        text(&output.unwrap());
        (fs::read(&path).unwrap(), fs::read(self.path(&format!("{name}.pub"))).unwrap())
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// Runs `ssh-keygen` on a file.
pub(crate) fn keygen(arguments: &[&str], path: &Path) -> Output {
    Command::new("ssh-keygen").args(arguments).arg("-f").arg(path).output().unwrap()
}

/// What a program that succeeded said.
pub(crate) fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}
