//! Entries of directories: as they were found, where they are, and how they ended.

use super::{Links, Way};
use crate::sftp::transfer::Outcome;
use crate::sftp::{Attributes, Code, FileKind, path};
use alloc::boxed::Box;
use alloc::collections::VecDeque;

/// Names a file here from its opening to its [finish](super::Action::Finish).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileId(pub(super) usize);

impl FileId {
    /// The place, which no other open file has: an index for the embedder's own tables.
    pub const fn index(self) -> usize {
        self.0
    }
}

/// Where something is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    /// The root, by its number.
    pub root: usize,
    /// The path below it, its components between slashes: empty for the root itself.
    pub below: &'a [u8],
}

/// How an entry ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The copy is complete.
    Done,
    /// The file has become shorter than it was said to be; what it still has was copied.
    Short,
    /// The server refused something, and this was the first.
    Failed(Code),
    /// Something failed here.
    Local,
    /// What is there already is longer than what would go on with it.
    Longer,
    /// It was left out.
    Skipped(Skipped),
    /// It was given up, with all the others.
    Stopped,
}

/// Why an entry was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Skipped {
    /// Its name is none that files have: it would lead elsewhere. It counts as a failure.
    Name,
    /// It is a device, a socket or a FIFO.
    Special,
    /// It is a link.
    Link,
    /// It is too far down, or its path is too long. It counts as a failure.
    Depth,
    /// It is no file, and [was to be one](super::Tree::add_file). It counts as a failure.
    Kind,
}

impl End {
    /// Whether something is not as it should be.
    pub const fn is_failure(self) -> bool {
        match self {
            Self::Done | Self::Skipped(Skipped::Special | Skipped::Link) => false,
            Self::Short
            | Self::Failed(_)
            | Self::Local
            | Self::Longer
            | Self::Skipped(Skipped::Name | Skipped::Depth | Skipped::Kind)
            | Self::Stopped => true,
        }
    }
}

impl From<Outcome> for End {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Whole => Self::Done,
            Outcome::Short => Self::Short,
            Outcome::Failed(code) => Self::Failed(code),
            Outcome::Stopped => Self::Stopped,
        }
    }
}

/// An entry that waits.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) root: usize,
    /// Empty for a root.
    pub(super) name: Box<[u8]>,
    pub(super) attributes: Attributes<'static>,
    /// Whether a link was followed.
    pub(super) followed: bool,
    /// Whether it must be a file, and is opened before it is known to be one.
    pub(super) blind: bool,
}

/// What has to be done with an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    File,
    Directory,
    Link,
    /// The server has to be asked what it is, or what it leads to.
    Unknown,
    Skipped(Skipped),
}

impl Found {
    pub(super) fn root(root: usize, attributes: &Attributes<'_>) -> Self {
        Self { root, name: Box::default(), attributes: attributes.plain(), followed: true, blind: false }
    }

    /// `None` for the directory itself and the one above it, which are in every directory.
    pub(super) fn named(root: usize, name: &[u8], attributes: &Attributes<'_>) -> Option<Self> {
        let own = matches!(name, b"." | b"..");
        (!own).then(|| Self { name: name.into(), followed: false, ..Self::root(root, attributes) })
    }

    /// Whether what it leads to is wanted, and not what it is.
    pub(super) fn leads(&self) -> bool {
        self.name.is_empty() || self.attributes.kind() == Some(FileKind::Symlink)
    }

    pub(super) fn sort(&self, way: Way, links: Links) -> Sort {
        let is_root = self.name.is_empty() && self.followed;
        if !is_root && path::name(&self.name).is_none() {
            return Sort::Skipped(Skipped::Name);
        }
        match (self.attributes.kind(), way) {
            (Some(FileKind::Regular), _) => Sort::File,
            (Some(FileKind::Directory), _) => Sort::Directory,
            (Some(FileKind::Special), _) | (None, Way::Put) => Sort::Skipped(Skipped::Special),
            (None, Way::Get) => Sort::Unknown,
            (Some(FileKind::Symlink), _) => match links {
                Links::Follow if way == Way::Get && !self.followed => Sort::Unknown,
                Links::Keep => Sort::Link,
                Links::Skip | Links::Follow => Sort::Skipped(Skipped::Link),
            },
        }
    }
}

/// Entries of one directory that wait.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// Everything but directories.
    pub(super) files: VecDeque<Found>,
    pub(super) directories: VecDeque<Found>,
}

impl Queue {
    pub(super) fn len(&self) -> usize {
        self.files.len().saturating_add(self.directories.len())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
