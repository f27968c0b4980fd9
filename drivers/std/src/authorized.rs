//! Logins by `authorized_keys`, ready-made: the file is read anew at each attempt, so that a key taken out is out.

use crate::handler::{Attempt, Credential, Verdict};
use sanssh_core::crypto::signature::Presence;
use sanssh_core::file::authorized_keys::find;
use std::fs;
use std::path::PathBuf;

/// Where the keys are.
#[derive(Debug)]
enum Source {
    File(PathBuf),
    Text(Vec<u8>),
}

/// Keys that may log in. Lines with options that are not implemented authorise nobody; `command`, `restrict`, `pty` and
/// `no-pty` are enforced by the server, and there is no forwarding.
#[derive(Debug)]
pub struct AuthorizedKeys {
    source: Source,
    /// Whether the option `environment` sets variables, which can be as good as a command; sshd's default is not to.
    pub environment: bool,
}

impl AuthorizedKeys {
    /// The keys in a file. One that cannot be read, or does not exist, authorises nobody.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self { source: Source::File(path.into()), environment: false }
    }

    /// The keys in a text of the same form.
    pub fn text(text: impl Into<Vec<u8>>) -> Self {
        Self { source: Source::Text(text.into()), environment: false }
    }

    /// Whether this public key blob may log in.
    pub fn contains(&self, key: &[u8]) -> bool {
        matches!(self.check(key), Verdict::Accept(_))
    }

    /// The verdict on an attempt: keys are looked up, anything else is refused. Who the user is, is not looked at.
    pub fn verdict(&self, attempt: &Attempt<'_>) -> Verdict {
        match attempt.credential {
            Credential::Key { presence: Some(Presence { touched: false, .. }), .. } => Verdict::Refuse,
            Credential::Key { key, .. } => self.check(key),
            Credential::None
            | Credential::Password(_)
            | Credential::PasswordChange { .. }
            | Credential::Interactive
            | Credential::Answers(_) => Verdict::Refuse,
        }
    }

    fn check(&self, key: &[u8]) -> Verdict {
        let read;
        let text = match &self.source {
            Source::Text(text) => text,
            Source::File(path) => {
                read = fs::read(path).unwrap_or_default();
                &read
            }
        };
        let Some(entry) = find(text, key) else { return Verdict::Refuse };
        let mut permissions = entry.options;
        if !self.environment {
            permissions.environment.clear();
        }
        Verdict::Accept(permissions)
    }
}
