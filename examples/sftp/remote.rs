//! The files of the server, from the directory on that the person is in there: what patterns and completion look through,
//! and what became of a request that failed.

use crate::complete::Folder;
use crate::listing::Listed;
use sanssh_core::Refused;
use sanssh_core::sftp::{Attributes, FileKind, path};
use sanssh_examples::files::{all, below, failure};
use sanssh_examples::terminal;
use sanssh_std::glob::{self, Tree};
use sanssh_std::{Error, Sftp, SftpEntry, escape};

/// The dialogue with the server, and where one is there.
#[derive(Debug, Clone)]
pub(crate) struct Remote {
    pub(crate) sftp: Sftp,
    /// Where one is: absolute.
    pub(crate) at: Vec<u8>,
    /// Where one began.
    pub(crate) start: Vec<u8>,
}

/// Why a command did not do what it should.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// It failed.
    Failed(String),
    /// It failed, and the person knows why.
    Told,
    /// Nothing more can be done: the connection is over.
    Lost(String),
}

impl From<String> for Trouble {
    fn from(text: String) -> Self {
        Self::Failed(text)
    }
}

/// What became of something to do with this file.
pub(crate) fn trouble(name: &[u8], error: &Error) -> Trouble {
    told(&escape(name, false), error)
}

/// What became of something that is described in words.
pub(crate) fn told(what: &str, error: &Error) -> Trouble {
    let text = failure(what, error);
    if is_lost(error) { Trouble::Lost(text) } else { Trouble::Failed(text) }
}

/// Whether an error ends everything, and not a request alone.
const fn is_lost(error: &Error) -> bool {
    let passes = matches!(error, Error::Sftp { .. } | Error::File { .. } | Error::Unsupported(_) | Error::TimedOut(_));
    !passes && !matches!(error, Error::Refused(Refused::TooLong))
}

impl Remote {
    /// Begins where the server has one begin.
    pub(crate) fn new(sftp: Sftp) -> Result<Self, Trouble> {
        let start = sftp.canonicalize(b".").map_err(|error| trouble(b".", &error))?;
        Ok(Self { sftp, at: start.clone(), start })
    }

    /// A path from the root on.
    pub(crate) fn absolute(&self, name: &[u8]) -> Vec<u8> {
        if name.starts_with(b"/") {
            return name.to_vec();
        }
        below(&self.at, name)
    }

    /// What is said of a file; links are followed.
    pub(crate) fn metadata(&self, name: &[u8]) -> Result<Attributes<'static>, Trouble> {
        self.sftp.metadata(self.absolute(name)).map_err(|error| trouble(name, &error))
    }

    /// Whether there is a directory of this name, perhaps behind a link.
    pub(crate) fn is_directory(&self, name: &[u8]) -> bool {
        self.metadata(name).is_ok_and(|attributes| attributes.kind() == Some(FileKind::Directory))
    }

    /// The files that a pattern stands for; there is at least one.
    pub(crate) fn expand(&mut self, pattern: &[u8]) -> Result<Vec<Vec<u8>>, Trouble> {
        let found = glob::expand(self, pattern);
        if found.is_empty() {
            let name = escape(&glob::plain(pattern), false);
            return Err(Trouble::Failed(format!("{name}: there is no such file")));
        }
        Ok(found)
    }

    /// Every name in a directory, whether or not it is one that leads nowhere else.
    pub(crate) fn list(&self, name: &[u8]) -> Result<Vec<Listed>, Trouble> {
        let entries = self.sftp.read_dir(self.absolute(name)).map_err(|error| trouble(name, &error))?;
        let entries =
            all(entries.take_while(|_| !terminal::is_interrupted())).map_err(|error| trouble(name, &error))?;
        if terminal::is_interrupted() {
            return Err(Trouble::Failed("interrupted".to_owned()));
        }
        let entries = entries.ok_or_else(|| format!("{}: its names have no end", escape(name, false)))?;
        Ok(entries.into_iter().map(listed).collect())
    }

    /// Names that may be taken for those of files there.
    fn sound(&self, directory: &[u8]) -> Vec<Listed> {
        let directory = if directory.is_empty() { &self.at } else { directory };
        let mut entries = self.list(directory).unwrap_or_default();
        entries.retain(|entry| path::name(&entry.name).is_some());
        entries
    }
}

fn listed(entry: SftpEntry) -> Listed {
    let SftpEntry { name, longname, attributes } = entry;
    Listed { line: longname, ..described(name, &attributes) }
}

/// A file as its attributes have it.
pub(crate) fn described(name: Vec<u8>, attributes: &Attributes<'_>) -> Listed {
    Listed {
        name,
        line: Vec::new(),
        size: attributes.size,
        owner: attributes.owner.map(|owner| (owner.user, owner.group)),
        permissions: attributes.permissions,
        changed: attributes.times.map(|times| times.modified),
    }
}

impl Tree for Remote {
    fn names(&mut self, directory: &[u8]) -> Vec<Vec<u8>> {
        self.sound(directory).into_iter().map(|entry| entry.name).collect()
    }

    fn exists(&mut self, name: &[u8]) -> bool {
        self.sftp.symlink_metadata(self.absolute(name)).is_ok()
    }
}

impl Folder for Remote {
    fn entries(&mut self, directory: &[u8]) -> Vec<(Vec<u8>, bool)> {
        let is_directory = |mode: u32| FileKind::of_mode(mode) == Some(FileKind::Directory);
        let entry = |entry: Listed| (entry.name, entry.permissions.is_some_and(is_directory));
        self.sound(directory).into_iter().map(entry).collect()
    }
}
