//! Who may log in: the user who runs the server, by a key in authorized_keys, a certificate or a password in a file.
//! Other names are refused in the same words and the same time.

use crate::setup::Settings;
use core::net::SocketAddr;
use rustix::process::getuid;
use sanssh_examples::user::User;
use sanssh_std::{Attempt, AuthorizedKeys, Credential, List, Permissions, Verdict};
use sha2::{Digest, Sha256};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// What logins are measured by. Files are read at each attempt, so that what is taken out is out.
#[derive(Debug, Default)]
pub(crate) struct Access {
    user: String,
    keys: Vec<PathBuf>,
    authorities: Option<PathBuf>,
    principals: Option<PathBuf>,
    revoked: Option<PathBuf>,
    passwords: Option<PathBuf>,
}

impl Access {
    pub(crate) fn new(settings: &Settings, user: &User) -> Result<Self, String> {
        if let Some(file) = &settings.passwords {
            check_private(file)?;
        }
        let single = [&settings.authorities, &settings.principals, &settings.revoked];
        for file in settings.authorized_keys.iter().chain(single.into_iter().flatten()) {
            check_unwritable(file)?;
        }
        Ok(Self {
            user: user.name.clone(),
            keys: settings.authorized_keys.clone(),
            authorities: settings.authorities.clone(),
            principals: settings.principals.clone(),
            revoked: settings.revoked.clone(),
            passwords: settings.passwords.clone(),
        })
    }

    pub(crate) fn key_acceptable(&self, peer: SocketAddr, user: &str, key: &[u8]) -> bool {
        self.lists().would_do(peer, user, key) && user == self.user
    }

    pub(crate) fn login(&self, attempt: &Attempt<'_>) -> Verdict {
        let verdict = match attempt.credential {
            Credential::Key { .. } => self.lists().verdict(attempt),
            Credential::Password(password) if self.is_password(password) => Verdict::Accept(Permissions::default()),
            Credential::Password(_)
            | Credential::PasswordChange { .. }
            | Credential::None
            | Credential::Interactive
            | Credential::Answers(_) => Verdict::Refuse,
        };
        // Last, so that it takes as long for every name.
        if attempt.user == self.user { verdict } else { Verdict::Refuse }
    }

    /// The files, unless somebody else could have written them. What is revoked is heeded whoever wrote it.
    fn lists(&self) -> AuthorizedKeys {
        let own = |file: &&PathBuf| check_unwritable(file).is_ok();
        let list = |file: &PathBuf| List::File(file.clone());
        let empty = List::Text(Vec::new());
        AuthorizedKeys {
            keys: self.keys.iter().filter(own).map(list).collect(),
            authorities: self.authorities.as_ref().filter(own).map(list),
            // Without the list any certificate with the user's name would do.
            principals: self.principals.as_ref().map(|file| if own(&file) { list(file) } else { empty }),
            revoked: self.revoked.as_ref().map(list),
            environment: false,
        }
    }

    /// Hashes are compared, which are all of one length, and every line is.
    fn is_password(&self, given: &str) -> bool {
        let Some(file) = self.passwords.as_deref().filter(|file| check_private(file).is_ok()) else { return false };
        let text = Zeroizing::new(fs::read_to_string(file).unwrap_or_default());
        let given = Sha256::digest(given);
        let lines = text.lines().filter_map(|line| line.split_once(':'));
        lines.filter(|(name, _)| *name == self.user).fold(false, |found, (_, password)| {
            let same: bool = Sha256::digest(password).ct_eq(&given).into();
            // An empty password is none.
            found | (same & !password.is_empty())
        })
    }
}

/// The file is the user's own, and nobody else can read it.
fn check_private(file: &Path) -> Result<(), String> {
    let meta = fs::metadata(file).map_err(|error| format!("{}: {error}", file.display()))?;
    if meta.uid() != getuid().as_raw() || meta.mode() & 0o777 != 0o600 {
        return Err(format!("{}: must be the user's own with mode 0600; run chmod 600 on it", file.display()));
    }
    Ok(())
}

/// Nobody but the user and root can write the file that is really meant, or put another in its place, or in that of a
/// directory above it. One that does not exist lets nobody in.
fn check_unwritable(file: &Path) -> Result<(), String> {
    let Ok(real) = fs::canonicalize(file) else { return Ok(()) };
    for place in real.ancestors() {
        let meta = fs::metadata(place).map_err(|error| format!("{}: {error}", place.display()))?;
        let is_own = [0, getuid().as_raw()].contains(&meta.uid());
        // In a directory with the sticky bit nobody can replace what is another's.
        let is_shared = meta.mode() & 0o022 != 0 && !(meta.is_dir() && meta.mode() & 0o1000 != 0);
        if !is_own || is_shared {
            return Err(format!("{}: others could change it; run chmod go-w on it", place.display()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Access, check_private, check_unwritable};
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn passwords_are_whole_lines_of_the_user() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("passwords");
        fs::write(&file, "me:one\nyou:two\nme:th:ree\nme:\n").unwrap();
        let access = Access { user: "me".to_owned(), passwords: Some(file.clone()), ..Access::default() };
        fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        for (password, right) in [("one", true), ("two", false), ("th:ree", true), ("", false), ("on", false)] {
            assert_eq!(access.is_password(password), right, "{password}");
        }
        fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
        assert!(!access.is_password("one") && check_private(&file).is_err());
    }

    #[test]
    fn what_others_can_write_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("authorized_keys");
        assert_eq!(check_unwritable(&file), Ok(()));
        fs::write(&file, "").unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o664)).unwrap();
        assert!(check_unwritable(&file).unwrap_err().contains("authorized_keys"));
        fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
        assert_eq!(check_unwritable(&file), Ok(()));
        fs::set_permissions(directory.path(), Permissions::from_mode(0o777)).unwrap();
        assert!(check_unwritable(&file).is_err());
    }
}
