//! Whether a host key is the host's: by `known_hosts` files, or by whatever the program has in their place. A file that
//! cannot be read makes no key trusted.

use crate::HostKeyError;
use crate::home;
use sanssh_core::algorithm::HostKey;
use sanssh_core::file::PublicKeyBuf;
use sanssh_core::file::known_hosts::{KnownHosts as List, Verdict, hashed_line, line};
use sanssh_core::file::public::fingerprint;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// Decides about host keys.
pub trait Hosts {
    /// The algorithms of the keys on record for this host, so that it shows one of those.
    fn algorithms(&mut self, host: &str, port: u16) -> Vec<HostKey>;

    /// Whether this public key blob is the host's; the host has proven that it holds it. Called once for a connection,
    /// and may take its time, within the handshake's.
    ///
    /// # Errors
    /// Why the key is not trusted.
    fn decide(&mut self, host: &str, port: u16, algorithm: HostKey, key: &[u8]) -> Result<(), HostKeyError>;
}

/// A host key that nobody knows yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question<'a> {
    /// The host.
    pub host: &'a str,
    /// The port.
    pub port: u16,
    /// The key's algorithm.
    pub algorithm: HostKey,
    /// The key's fingerprint.
    pub fingerprint: &'a str,
}

/// What becomes of a host whose key is not on record.
pub enum Unknown {
    /// It is refused.
    Refuse,
    /// Its key is recorded, in the first of the files, and trusted.
    Record,
    /// It is trusted and not recorded: anybody may be in its place.
    Trust,
    /// This is asked; a key that gets a `true` is recorded.
    Ask(Box<dyn FnMut(&Question<'_>) -> bool + Send>),
}

/// Trust by `known_hosts` files. A key that is on record is trusted; one that is revoked, or that differs from what is on
/// record, never is.
#[derive(Debug)]
pub struct KnownHosts {
    /// The files; those that do not exist are empty.
    pub files: Vec<PathBuf>,
    /// What becomes of a host that is in none of them.
    pub unknown: Unknown,
    /// Whether new lines hide the host's name behind a hash.
    pub hashed: bool,
}

impl KnownHosts {
    /// The user's file, `~/.ssh/known_hosts`, and the system's, `/etc/ssh/ssh_known_hosts`. Unknown hosts are refused.
    pub fn user() -> Self {
        let files = home::ssh("known_hosts").into_iter().chain([PathBuf::from("/etc/ssh/ssh_known_hosts")]).collect();
        Self { files, unknown: Unknown::Refuse, hashed: false }
    }

    /// Other files. Unknown hosts are refused.
    pub fn files(files: impl IntoIterator<Item = impl Into<PathBuf>>) -> Self {
        Self { files: files.into_iter().map(Into::into).collect(), unknown: Unknown::Refuse, hashed: false }
    }

    /// With another answer to unknown hosts.
    #[must_use]
    pub fn unknown(self, unknown: Unknown) -> Self {
        Self { unknown, ..self }
    }

    fn lists(&self) -> Result<Vec<(PathBuf, List)>, HostKeyError> {
        let read = |file: &PathBuf| match fs::read(file) {
            Ok(text) => Ok((file.clone(), List::read(&text))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok((file.clone(), List::default())),
            Err(error) => Err(HostKeyError::File { file: file.clone(), source: Arc::new(error) }),
        };
        self.files.iter().map(read).collect()
    }

    /// No file knows the host.
    fn meet(&mut self, host: &str, port: u16, algorithm: HostKey, key: &[u8]) -> Result<(), HostKeyError> {
        let fingerprint = fingerprint(key);
        let question = Question { host, port, algorithm, fingerprint: &fingerprint };
        match &mut self.unknown {
            Unknown::Refuse => Err(HostKeyError::Unknown { host: named(host, port), algorithm, fingerprint }),
            Unknown::Trust => Ok(()),
            Unknown::Record => self.record(host, port, key),
            Unknown::Ask(ask) => {
                if ask(&question) {
                    self.record(host, port, key)
                } else {
                    Err(HostKeyError::Refused { fingerprint })
                }
            }
        }
    }

    fn record(&self, host: &str, port: u16, key: &[u8]) -> Result<(), HostKeyError> {
        let Some(file) = self.files.first() else { return Ok(()) };
        let failed = |error: io::Error| HostKeyError::File { file: file.clone(), source: Arc::new(error) };
        let unfit = |_| failed(io::Error::new(io::ErrorKind::InvalidInput, "not a name or key that can be recorded"));
        let key = PublicKeyBuf::from_blob(key).map_err(|_| unfit(()))?;
        let text = if self.hashed {
            let mut salt = [0; 20];
            getrandom::fill(&mut salt).map_err(|error| failed(io::Error::other(error)))?;
            hashed_line(host, port, &key, &salt)
        } else {
            line(host, port, &key)
        };
        home::append(file, &text.map_err(|_| unfit(()))?).map_err(failed)
    }
}

impl Hosts for KnownHosts {
    fn algorithms(&mut self, host: &str, port: u16) -> Vec<HostKey> {
        // What cannot be read is told when the key is decided on.
        let lists = self.lists().unwrap_or_default();
        lists.iter().flat_map(|(_, list)| list.algorithms(host, port)).collect()
    }

    fn decide(&mut self, host: &str, port: u16, algorithm: HostKey, key: &[u8]) -> Result<(), HostKeyError> {
        let lists = self.lists()?;
        let verdicts: Vec<_> = lists.iter().map(|(file, list)| (file, list.verdict(host, port, key))).collect();
        let summed = verdicts.iter().map(|(_, verdict)| *verdict).fold(Verdict::Unknown, Verdict::and);
        let file =
            verdicts.iter().find(|(_, verdict)| *verdict == summed).map_or_else(PathBuf::new, |(f, _)| (*f).clone());
        let (host_name, shown) = (named(host, port), fingerprint(key));
        match summed {
            Verdict::Known { .. } => Ok(()),
            Verdict::Unknown => self.meet(host, port, algorithm, key),
            Verdict::Changed { line, key } => {
                Err(HostKeyError::Changed { host: host_name, shown, file, line, recorded: key.fingerprint() })
            }
            Verdict::Revoked { line } => Err(HostKeyError::Revoked { host: host_name, shown, file, line }),
        }
    }
}

/// As `known_hosts` names it.
fn named(host: &str, port: u16) -> String {
    if port == 22 { host.to_owned() } else { format!("[{host}]:{port}") }
}

impl core::fmt::Debug for Unknown {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Refuse => "Refuse",
            Self::Record => "Record",
            Self::Trust => "Trust",
            Self::Ask(_) => "Ask",
        })
    }
}
