//! Logins by keys and certificates, ready-made: the lists are read anew at each attempt, so that a key taken out is out,
//! and all that they demand of a login is judged.

use crate::clock;
use crate::handler::{Attempt, Credential, Permissions, Verdict};
use core::net::SocketAddr;
use sanssh_core::file::{Denied, Lists, Proof, Situation, authorize};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// A list, as [`Lists`] has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum List {
    /// In a file. One that cannot be read, does not exist, or has more than 16 MiB, is empty; of what is revoked, it lets
    /// nobody in.
    File(PathBuf),
    /// As text.
    Text(Vec<u8>),
}

/// Bytes of a list in a file, at most: it is read at each attempt, by whoever may knock.
const MOST: u64 = 16 * 1024 * 1024;

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    File::open(path)?.take(MOST + 1).read_to_end(&mut text)?;
    if text.len() as u64 > MOST {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(text)
}

/// Keys and authorities that are trusted; the rest by struct update from the default, which trusts none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuthorizedKeys {
    /// Lines of `authorized_keys`.
    pub keys: Vec<List>,
    /// Public keys of authorities whose certificates log in the users that they name, one a line.
    pub authorities: Option<List>,
    /// Names, one a line, of which a certificate by `authorities` must hold one instead of the user's.
    pub principals: Option<List>,
    /// Public keys of users and authorities that do not count any more, one a line.
    pub revoked: Option<List>,
    /// Whether the option `environment` sets variables, which can be as good as a command; sshd's default is not to.
    pub environment: bool,
}

impl List {
    fn read(&self) -> io::Result<Vec<u8>> {
        match self {
            Self::File(path) => read(path),
            Self::Text(text) => Ok(text.clone()),
        }
    }
}

impl AuthorizedKeys {
    /// The keys in a file.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self { keys: vec![List::File(path.into())], ..Self::default() }
    }

    /// The keys in a text of the same form.
    pub fn text(text: impl Into<Vec<u8>>) -> Self {
        Self { keys: vec![List::Text(text.into())], ..Self::default() }
    }

    /// Whether this public key or certificate would do for this user.
    pub fn would_do(&self, peer: SocketAddr, user: &str, key: &[u8]) -> bool {
        self.judge(peer, user, key, Proof::None).is_ok()
    }

    /// The verdict on an attempt: keys and certificates are judged, anything else is refused. Whether there is such a user
    /// is not looked at.
    pub fn verdict(&self, attempt: &Attempt<'_>) -> Verdict {
        let Credential::Key { key, presence, .. } = attempt.credential else { return Verdict::Refuse };
        match self.judge(attempt.peer, attempt.user, key, Proof::Signature(presence)) {
            Ok(permissions) => Verdict::Accept(permissions),
            Err(_) => Verdict::Refuse,
        }
    }

    /// What the holder of a key may do, or why it does not log in.
    ///
    /// # Errors
    /// As [`authorize`]; the reason is for logs, and not for the client.
    pub fn judge(&self, peer: SocketAddr, user: &str, key: &[u8], proof: Proof) -> Result<Permissions, Denied> {
        let text = |list: &Option<List>| list.as_ref().map(|list| list.read().unwrap_or_default());
        // The lines of all lists are lines of one.
        let keys: Vec<_> = self.keys.iter().filter_map(|list| list.read().ok()).collect();
        let (authorities, principals) = (text(&self.authorities), text(&self.principals));
        let revoked = self.revoked.as_ref().map(List::read).transpose().map_err(|_| Denied::Revocations)?;
        let lists = Lists {
            keys: &keys.join(&b'\n'),
            authorities: authorities.as_deref().unwrap_or_default(),
            principals: principals.as_deref(),
            revoked: revoked.as_deref().unwrap_or_default(),
        };
        let situation = Situation {
            user: user.as_bytes(),
            address: Some(peer.ip()),
            name: None,
            now: clock::seconds(),
            offset: clock::offset(),
        };
        let mut permissions = authorize(&lists, &situation, key, proof)?;
        if !self.environment {
            permissions.environment.clear();
        }
        Ok(permissions)
    }
}

#[cfg(test)]
mod tests {
    use super::{List, MOST};
    use std::fs::File;

    #[test]
    fn a_list_is_read_as_far_as_it_is_bounded() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("list");
        let file = File::create(&path).unwrap();
        for (length, is_read) in [(0, true), (MOST, true), (MOST + 1, false), (1 << 40, false)] {
            file.set_len(length).unwrap();
            let read = List::File(path.clone()).read();
            assert_eq!(read.is_ok_and(|text| text.len() as u64 == length), is_read, "{length}");
        }
    }
}
