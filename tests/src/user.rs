//! A throw-away account of the system with a password and a home of its own, for servers that check passwords against
//! the system or look for keys in homes. Only root can make one; it is removed when dropped.

use core::sync::atomic::{AtomicU32, Ordering};
use std::io::Write;
use std::os::unix::fs::chown;
use std::path::Path;
use std::process::{self, Command, Stdio};

use tempfile::TempDir;

use crate::peers;
use crate::process::run;

/// An account that exists as long as this value.
#[derive(Debug)]
pub struct PasswordUser {
    name: String,
    home: TempDir,
}

impl PasswordUser {
    /// A new account with an empty home; `None`, with a loud line, if this process may not make one.
    ///
    /// # Panics
    /// If the tools of the system fail, or if this is not root where peers are [owed](peers::owed).
    #[must_use]
    pub fn create() -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        if !rustix::process::geteuid().is_root() {
            peers::skip(peers::owed(), "only root can make an account for password logins");
            return None;
        }
        let name = format!("sanssh-test-{}-{}", process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let home = tempfile::tempdir().expect("a temporary home");
        let mut add = Command::new(peers::path("useradd"));
        run(add
            .args(["--no-log-init", "--no-create-home", "--shell", "/bin/sh", "--home-dir"])
            .arg(home.path())
            .arg(&name));
        let user = Self { name, home };
        user.own(user.home());
        user.set_password();
        Some(user)
    }

    /// The login name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The password.
    #[must_use]
    pub fn password(&self) -> &'static str {
        "pass word: \u{e4}\u{f6}"
    }

    /// The home directory.
    #[must_use]
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Gives a file or directory to the account.
    ///
    /// # Panics
    /// If the system refuses.
    pub fn own(&self, file: &Path) {
        let id = |flag: &str| run(Command::new("id").args([flag, &self.name])).trim().parse().ok();
        chown(file, id("-u"), id("-g")).expect("a file given to the test account");
    }

    fn set_password(&self) {
        let mut tool = Command::new(peers::path("chpasswd"));
        let mut child = tool.stdin(Stdio::piped()).spawn().expect("chpasswd");
        let mut input = child.stdin.take().expect("its input");
        writeln!(input, "{}:{}", self.name, self.password()).expect("a line for chpasswd");
        drop(input);
        assert!(child.wait().expect("chpasswd").success(), "chpasswd failed");
    }
}

impl Drop for PasswordUser {
    fn drop(&mut self) {
        // By force, because a session may still be closing.
        let removed = Command::new(peers::path("userdel")).args(["--force", &self.name]).output();
        if !removed.as_ref().is_ok_and(|output| output.status.success()) {
            eprintln!("the account {} is left behind: {removed:?}", self.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(name: &str) -> bool {
        Command::new("id").arg(name).output().unwrap().status.success()
    }

    #[test]
    fn an_account_lives_as_long_as_its_value() {
        let Some(user) = PasswordUser::create() else { return };
        let name = user.name().to_owned();
        assert!(known(&name));
        drop(user);
        assert!(!known(&name));
    }

    #[test]
    fn accounts_of_one_process_differ() {
        let (Some(one), Some(other)) = (PasswordUser::create(), PasswordUser::create()) else { return };
        assert_ne!(one.name(), other.name());
    }
}
