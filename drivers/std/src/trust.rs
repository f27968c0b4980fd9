//! Whether a host key is the host's: by `known_hosts` files, or by whatever the program has in their place. A file that
//! cannot be read makes no key trusted.

use crate::{HostKeyError, home, lines};
use sanssh_core::algorithm::HostKey;
use sanssh_core::crypto::certificate::Unfit;
use sanssh_core::file::PublicKeyBuf;
use sanssh_core::file::known_hosts::{By, Damaged, KnownHosts as List, Place, Verdict, Why, hashed_line, line};
use sanssh_core::file::public::{bare, fingerprint};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// Decides about host keys.
pub trait Hosts {
    /// Puts the algorithms first by which the host can prove what is on record for it.
    fn order(&mut self, host: &str, port: u16, offer: &mut [HostKey]);

    /// Whether this blob of a public key or certificate is the host's; the host has proven that it holds it, and the
    /// signature of a certificate is right. Called once for a connection, and may take its time, within the handshake's.
    ///
    /// # Errors
    /// Why the key is not trusted.
    fn decide(&mut self, host: &str, port: u16, algorithm: HostKey, key: &[u8]) -> Result<(), HostKeyError>;
}

impl<H: Hosts + ?Sized> Hosts for &mut H {
    fn order(&mut self, host: &str, port: u16, offer: &mut [HostKey]) {
        (**self).order(host, port, offer);
    }

    fn decide(&mut self, host: &str, port: u16, algorithm: HostKey, key: &[u8]) -> Result<(), HostKeyError> {
        (**self).decide(host, port, algorithm, key)
    }
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
    /// Why its certificate does not make the key known, where the authority is on record.
    pub certificate: Option<Unfit>,
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

/// Trust by `known_hosts` files. A key that is on record is trusted, and one that an authority on record certifies; one
/// that is revoked, or that differs from what is on record, never is.
#[derive(Debug)]
pub struct KnownHosts {
    /// The user's files; those that do not exist are empty. What is recorded goes into the first.
    pub files: Vec<PathBuf>,
    /// Files that others keep, and that are only read.
    pub system: Vec<PathBuf>,
    /// What becomes of a host that is in none of them.
    pub unknown: Unknown,
    /// Whether new lines hide the host's name behind a hash.
    pub hashed: bool,
    damaged: Vec<Skipped>,
    /// Who was trusted last, if the user's own files say so, or the user.
    pub(crate) own: Option<Trusted>,
}

/// A host that was trusted by its key.
#[derive(Debug, Clone)]
pub(crate) struct Trusted {
    pub(crate) host: String,
    pub(crate) port: u16,
    /// The blob of the key, without its certificate.
    pub(crate) key: Vec<u8>,
}

/// A line that says nothing because it is damaged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub why: Why,
}

impl KnownHosts {
    /// The user's file, `~/.ssh/known_hosts`, and the system's, `/etc/ssh/ssh_known_hosts`. Unknown hosts are refused.
    pub fn user() -> Self {
        Self { system: vec![PathBuf::from("/etc/ssh/ssh_known_hosts")], ..Self::files(home::ssh("known_hosts")) }
    }

    /// Other files of the user's. Unknown hosts are refused.
    pub fn files(files: impl IntoIterator<Item = impl Into<PathBuf>>) -> Self {
        Self {
            files: files.into_iter().map(Into::into).collect(),
            system: Vec::new(),
            unknown: Unknown::Refuse,
            hashed: false,
            damaged: Vec::new(),
            own: None,
        }
    }

    /// With another answer to unknown hosts.
    #[must_use]
    pub fn unknown(self, unknown: Unknown) -> Self {
        Self { unknown, ..self }
    }

    /// The lines that were skipped when the files were read last.
    pub fn skipped(&self) -> &[Skipped] {
        &self.damaged
    }

    fn file(&self, at: Place) -> PathBuf {
        self.files.iter().chain(&self.system).nth(at.file).cloned().unwrap_or_default()
    }

    fn list(&mut self) -> Result<List, HostKeyError> {
        let mut list = List::default();
        for file in self.files.iter().chain(&self.system) {
            list.add(&lines::read(file).map_err(|error| failed(file, error))?);
        }
        let skipped = |it: &Damaged| Skipped { file: self.file(it.at), line: it.at.line, why: it.why };
        self.damaged = list.damaged().iter().map(skipped).collect();
        Ok(list)
    }

    /// No file knows the host.
    fn meet(&mut self, question: &Question<'_>, key: &[u8]) -> Result<(), HostKeyError> {
        let Question { host, port, algorithm, fingerprint, certificate } = *question;
        let (named, fingerprint) = (named(host, port), fingerprint.to_owned());
        match &mut self.unknown {
            Unknown::Refuse => Err(HostKeyError::Unknown { host: named, algorithm, fingerprint, certificate }),
            Unknown::Trust => Ok(()),
            Unknown::Record => self.record(host, port, key),
            Unknown::Ask(ask) => {
                if !ask(question) {
                    return Err(HostKeyError::Refused { fingerprint });
                }
                self.record(host, port, key)?;
                self.own = Some(Trusted { host: host.to_owned(), port, key: key.to_vec() });
                Ok(())
            }
        }
    }

    fn record(&self, host: &str, port: u16, key: &[u8]) -> Result<(), HostKeyError> {
        let Some(file) = self.files.first() else { return Ok(()) };
        let line = PublicKeyBuf::from_blob(key).map_err(|_| unfit()).and_then(|key| self.line(host, port, &key));
        line.and_then(|line| lines::append(file, &line)).map_err(|error| failed(file, error))
    }

    /// A new line for a key.
    pub(crate) fn line(&self, host: &str, port: u16, key: &PublicKeyBuf) -> io::Result<String> {
        let mut salt = [0; 20];
        if !self.hashed {
            return line(host, port, key).map_err(|_| unfit());
        }
        getrandom::fill(&mut salt).map_err(io::Error::other)?;
        hashed_line(host, port, key, &salt).map_err(|_| unfit())
    }
}

fn unfit() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "not a name or key that can be recorded")
}

fn failed(file: &Path, error: io::Error) -> HostKeyError {
    HostKeyError::File { file: file.to_owned(), source: Arc::new(error) }
}

impl Hosts for KnownHosts {
    fn order(&mut self, host: &str, port: u16, offer: &mut [HostKey]) {
        // What cannot be read is told when the key is decided on.
        self.list().unwrap_or_default().order(host, port, offer);
    }

    fn decide(&mut self, host: &str, port: u16, algorithm: HostKey, key: &[u8]) -> Result<(), HostKeyError> {
        self.own = None;
        let list = self.list()?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).ok().map(|since| since.as_secs());
        let bare = bare(key);
        let shown = fingerprint(&bare);
        match list.verdict(host, port, key, now) {
            Verdict::Known { at, by } => {
                let own = by == By::Key && at.file < self.files.len();
                self.own = own.then(|| Trusted { host: host.to_owned(), port, key: bare.to_vec() });
                Ok(())
            }
            Verdict::Unknown => {
                let certificate = list.authority(host, port, key, now).and_then(|(_, good)| good.err());
                let algorithm = algorithm.plain();
                self.meet(&Question { host, port, algorithm, fingerprint: &shown, certificate }, &bare)
            }
            Verdict::Changed { at, key } => Err(HostKeyError::Changed {
                host: named(host, port),
                shown,
                file: self.file(at),
                line: at.line,
                recorded: key.fingerprint(),
            }),
            Verdict::Revoked { at } => {
                Err(HostKeyError::Revoked { host: named(host, port), shown, file: self.file(at), line: at.line })
            }
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
