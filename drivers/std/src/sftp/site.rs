//! What a copy does here: the files that it has open, what is made and set and read, and what went wrong.

use super::copy::Copy;
use super::here::{self, Here};
use super::share::status;
use crate::Error;
use crate::error::escape;
use rustix::fs::{Dir, SeekFrom};
use rustix::io::Errno;
use sanssh_core::sftp::tree::{Action, End, FileId, Landing, Links, Skipped, Tree, Way};
use sanssh_core::sftp::{Attributes, Code, RequestId, Status};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// Blocks in which zeros are looked for: what file systems have holes of.
const HOLE: usize = 4096;
/// Entries of a directory here that are named at once.
const NAMED: usize = 256;

/// Here, as one copy sees it.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) way: Way,
    copy: Copy,
    here: Here,
    /// The root on the server.
    there: Vec<u8>,
    /// Files that are open here, by their place.
    files: Vec<Option<Open>>,
    /// Directories here that are being listed.
    lists: Vec<(usize, Dir)>,
    /// Files that are over: the source, how much of it is there, and its size.
    pub(super) told: Vec<Told>,
    /// The first failure.
    pub(super) failure: Option<Error>,
    /// What the server said when it refused last.
    words: (Code, String),
}

/// The source, how much of it is there, and its size.
pub(super) type Told = (Vec<u8>, u64, Option<u64>);

/// A file that is open here.
#[derive(Debug)]
struct Open {
    id: FileId,
    file: File,
    below: Vec<u8>,
}

/// What was done, as the machine is told.
pub(super) enum Did {
    Done,
    Opened(u64),
    Target(Vec<u8>),
    /// A directory, by its path and its number, that is to be listed.
    List(Vec<u8>, usize),
    Sent(RequestId),
    Wrote(RequestId, u32),
    Hole,
    End,
    Failed(Error),
    Nothing,
}

/// What is at a place of a file here.
pub(super) enum Extent {
    Bytes(u32),
    Hole,
    End,
}

impl Site {
    pub(super) fn new(way: Way, there: &[u8], here: Here, copy: &Copy) -> Self {
        Self {
            way,
            copy: copy.clone(),
            here,
            there: there.to_vec(),
            files: Vec::new(),
            lists: Vec::new(),
            told: Vec::new(),
            failure: None,
            words: (Code::OK, String::new()),
        }
    }

    pub(super) const fn limit(&self) -> Option<u64> {
        self.copy.limit
    }

    /// How far the files are that are under way.
    pub(super) fn under_way(&self, tree: &Tree) -> impl Iterator<Item = Told> {
        let open = self.files.iter().flatten();
        open.map(|open| (self.source(&open.below), tree.kept(open.id), tree.size(open.id)))
    }

    /// The path of a source.
    fn source(&self, below: &[u8]) -> Vec<u8> {
        match self.way {
            Way::Get => join(&self.there, below),
            Way::Put => self.here.path(below).into_os_string().into_encoded_bytes(),
        }
    }

    fn follows(&self) -> bool {
        self.copy.links == Links::Follow
    }

    /// Keeps the first failure.
    pub(super) fn fail(&mut self, error: Error) {
        self.failure.get_or_insert(error);
    }

    /// Something here failed.
    fn failed(&self, below: &[u8], error: io::Error) -> Error {
        Error::File { file: self.here.path(below), source: Arc::new(error) }
    }

    fn did(&self, below: &[u8], outcome: io::Result<()>) -> Did {
        outcome.map_or_else(|error| Did::Failed(self.failed(below, error)), |()| Did::Done)
    }

    /// Does what is to be done here; what is to be sent is none of it.
    pub(super) fn act(&mut self, action: &Action<'_>) -> Did {
        match *action {
            Action::Send(_) | Action::Write { .. } => Did::Nothing,
            Action::List { place, directory } => Did::List(place.below.to_vec(), directory),
            Action::MakeDirectory { place } => {
                let outcome = self.here.make(place.below);
                self.did(place.below, outcome)
            }
            Action::Settle { place, attributes } => {
                let outcome = self.here.settle(place.below, &attributes);
                self.did(place.below, outcome)
            }
            Action::Create { place, file, mode } => {
                let opened = self.here.create(place.below, mode, &self.copy);
                self.opened(file, place.below, opened)
            }
            Action::Open { place, file } => {
                let opened = self.here.open(place.below, self.follows());
                self.opened(file, place.below, opened)
            }
            Action::Finish { file, length, attributes, whole } => self.finish(file, length, attributes.as_ref(), whole),
            Action::ReadLink { place } => match self.here.read_link(place.below) {
                Ok(target) => Did::Target(target),
                Err(error) => Did::Failed(self.failed(place.below, error)),
            },
            Action::Link { place, target } => {
                let outcome = self.here.link(place.below, target);
                self.did(place.below, outcome)
            }
            Action::Ended { place, end, .. } => {
                if let Some(error) = self.ended(end, place.below) {
                    self.fail(error);
                }
                Did::Nothing
            }
        }
    }

    /// Keeps a file that was opened; the machine is told its length.
    fn opened(&mut self, id: FileId, below: &[u8], opened: io::Result<File>) -> Did {
        let (length, file) = match opened.and_then(|file| Ok((file.metadata()?.len(), file))) {
            Ok(opened) => opened,
            Err(error) => return Did::Failed(self.failed(below, error)),
        };
        if self.files.len() <= id.index() {
            self.files.resize_with(id.index() + 1, || None);
        }
        self.files[id.index()] = Some(Open { id, file, below: below.to_vec() });
        Did::Opened(length)
    }

    fn finish(&mut self, id: FileId, length: u64, attributes: Option<&Attributes<'_>>, whole: bool) -> Did {
        let Some(open) = self.files.get_mut(id.index()).and_then(Option::take) else { return Did::Done };
        self.told.push((self.source(&open.below), length, whole.then_some(length)));
        let outcome = match self.way {
            Way::Get => finish(&open.file, length, attributes, whole && self.copy.sync),
            Way::Put => Ok(()),
        };
        self.did(&open.below, outcome)
    }

    /// What became of an entry, where that is an error; what failed here has been told.
    fn ended(&self, end: End, below: &[u8]) -> Option<Error> {
        let there = join(&self.there, below);
        let refused = |text: &str| Some(status(Code::FAILURE, text.to_owned(), &there));
        let (code, words) = &self.words;
        match end {
            End::Done | End::Local | End::Skipped(Skipped::Special | Skipped::Link) => None,
            End::Failed(failed) => {
                let words = if failed == *code { words.clone() } else { String::new() };
                Some(status(failed, words, &there))
            }
            End::Stopped => refused("given up"),
            End::Short => refused("the file has become shorter"),
            End::Longer => refused("longer than what would go on with it"),
            End::Skipped(Skipped::Name) => refused("a name that leads elsewhere"),
            End::Skipped(Skipped::Depth) => refused("too far down"),
        }
    }

    /// Names some entries of a directory here; whether there are more.
    pub(super) fn list(&mut self, tree: &mut Tree, below: &[u8], directory: usize) -> Result<bool, Error> {
        let named = self.name(tree, below, directory);
        if named.is_err() {
            // Another may get its number.
            self.lists.retain(|(one, _)| *one != directory);
        }
        named.map_err(|error| self.failed(below, error))
    }

    fn name(&mut self, tree: &mut Tree, below: &[u8], directory: usize) -> io::Result<bool> {
        let follow = self.follows();
        let at = match self.lists.iter().position(|(one, _)| *one == directory) {
            Some(at) => at,
            None => {
                self.lists.push((directory, self.here.list(below, follow)?));
                self.lists.len() - 1
            }
        };
        for _ in 0..NAMED {
            let (_, dir) = &mut self.lists[at];
            let Some(entry) = dir.read() else {
                self.lists.swap_remove(at);
                return Ok(false);
            };
            let entry = entry?;
            let name = entry.file_name();
            match here::look(dir.fd()?, name, follow) {
                Ok(stat) => tree.entry(name.to_bytes(), &here::attributes(&stat)),
                // It went meanwhile, or leads nowhere.
                Err(Errno::NOENT) => {}
                Err(error) => {
                    let path = join(below, name.to_bytes());
                    let path = path.strip_prefix(b"/").unwrap_or(&path);
                    self.fail(self.failed(path, error.into()));
                }
            }
        }
        Ok(true)
    }

    /// Keeps what the server says where it refuses.
    pub(super) fn heard(&mut self, status: &Status<'_>) {
        if !matches!(status.code, Code::OK | Code::EOF) {
            self.words = (status.code, escape(status.message, false));
        }
    }

    /// Writes what has come where it belongs; whether it is kept.
    pub(super) fn land(&mut self, Landing { file, at }: Landing, bytes: &[u8]) -> bool {
        let Some(open) = self.files.get(file.index()).and_then(Option::as_ref) else { return false };
        let kept = if self.copy.sparse { keep(&open.file, bytes, at) } else { open.file.write_all_at(bytes, at) };
        let failure = kept.err().map(|error| self.failed(&open.below, error));
        failure.map(|error| self.fail(error)).is_none()
    }

    /// What there is to send of a file, from an offset on.
    pub(super) fn extent(&self, file: FileId, offset: u64, length: u32) -> Extent {
        let open = self.files.get(file.index()).and_then(Option::as_ref);
        open.map_or(Extent::End, |open| extent(&open.file, offset, length, self.copy.sparse))
    }

    /// Reads what is sent next; `None` if it is not there any more.
    pub(super) fn supply(&mut self, file: FileId, room: &mut [u8], offset: u64) -> Option<usize> {
        let open = self.files.get(file.index())?.as_ref()?;
        let read = read(&open.file, room, offset).map_err(|error| self.failed(&open.below, error));
        read.map_err(|error| self.fail(error)).ok()
    }
}

fn read(file: &File, room: &mut [u8], offset: u64) -> io::Result<usize> {
    loop {
        match file.read_at(room, offset) {
            Ok(0) => return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file has become shorter")),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            outcome => return outcome,
        }
    }
}

fn extent(file: &File, offset: u64, length: u32, sparse: bool) -> Extent {
    let left = file.metadata().map_or(0, |metadata| metadata.len()).saturating_sub(offset);
    let length = u32::try_from(left).unwrap_or(u32::MAX).min(length);
    if length == 0 {
        return Extent::End;
    }
    let hole = sparse
        && match rustix::fs::seek(file, SeekFrom::Data(offset)) {
            Ok(next) => next >= offset + u64::from(length),
            // No data from here on.
            Err(error) => error == Errno::NXIO,
        };
    if hole { Extent::Hole } else { Extent::Bytes(length) }
}

/// What is left to do on a file here that has come.
fn finish(file: &File, length: u64, attributes: Option<&Attributes<'_>>, sync: bool) -> io::Result<()> {
    let metadata = file.metadata()?;
    if metadata.is_file() && metadata.len() != length {
        file.set_len(length)?;
    }
    attributes.map_or(Ok(()), |attributes| here::give(file, attributes))?;
    if sync { file.sync_all() } else { Ok(()) }
}

/// A path below another.
fn join(above: &[u8], below: &[u8]) -> Vec<u8> {
    let gap: &[u8] = if below.is_empty() || above.ends_with(b"/") { b"" } else { b"/" };
    [above, gap, below].concat()
}

/// Writes all but blocks of zeros.
fn keep(file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
    let (mut run, mut place) = (0, 0);
    while place < bytes.len() {
        let within = usize::try_from((at + place as u64) % HOLE as u64).unwrap_or(0);
        let end = bytes.len().min(place + HOLE - within);
        if bytes[place..end].iter().all(|byte| *byte == 0) {
            file.write_all_at(&bytes[run..place], at + run as u64)?;
            run = end;
        }
        place = end;
    }
    file.write_all_at(&bytes[run..], at + run as u64)
}
