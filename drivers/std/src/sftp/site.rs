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
/// What may wait to be told before nothing more is done.
const LOUD: usize = 256;
/// What is said of an entry that others took with them.
const GIVEN_UP: &str = "given up";

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
    /// What the one who waits is to be told.
    pub(super) told: Vec<News>,
    /// The first failure.
    pub(super) failure: Option<Error>,
    /// Entries that nothing could be learned of.
    pub(super) unseen: u64,
    /// What failed here of an entry that is under way, by its place; without one it is a request that could not be sent.
    wrongs: Vec<(Option<Vec<u8>>, Error)>,
    /// What the server said when it refused last.
    words: (Code, String),
    /// Failures are not told any more: they all have one reason.
    muted: bool,
}

/// What the one who waits is to be told of a source.
#[derive(Debug)]
pub(super) enum News {
    /// How much of it is there, and its size.
    At(Vec<u8>, u64, Option<u64>),
    Failed(Vec<u8>, Error),
    Skipped(Vec<u8>, Skipped),
}

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
    /// It could not be; why is known here.
    Failed,
    /// The request could not be sent.
    Unsent(Error),
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
            unseen: 0,
            wrongs: Vec::new(),
            words: (Code::OK, String::new()),
            muted: false,
        }
    }

    pub(super) const fn limit(&self) -> Option<u64> {
        self.copy.limit
    }

    /// How far the files are that are under way.
    pub(super) fn under_way(&self, tree: &Tree) -> impl Iterator<Item = News> {
        let open = self.files.iter().flatten();
        open.map(|open| News::At(self.source(&open.below), tree.kept(open.id), tree.size(open.id)))
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

    /// Whether so much is to be told that nothing more should be done before.
    pub(super) const fn is_loud(&self) -> bool {
        self.told.len() >= LOUD
    }

    /// Failures are not told from now on.
    pub(super) const fn mute(&mut self) {
        self.muted = true;
    }

    /// An entry failed, and this is why.
    fn fail(&mut self, below: &[u8], error: Error) {
        if !self.muted {
            self.told.push(News::Failed(self.source(below), error.clone()));
        }
        self.failure.get_or_insert(error);
    }

    /// Keeps why an entry will fail: the first reason is the one.
    pub(super) fn blame(&mut self, below: Option<&[u8]>, error: Error) {
        if !self.wrongs.iter().any(|(of, _)| of.as_deref() == below) {
            self.wrongs.push((below.map(<[u8]>::to_vec), error));
        }
    }

    /// Something here failed.
    fn failed(&self, below: &[u8], error: io::Error) -> Error {
        Error::File { file: self.here.path(below), source: Arc::new(error) }
    }

    fn wrong(&mut self, below: &[u8], error: io::Error) -> Did {
        self.blame(Some(below), self.failed(below, error));
        Did::Failed
    }

    fn did(&mut self, below: &[u8], outcome: io::Result<()>) -> Did {
        outcome.map_or_else(|error| self.wrong(below, error), |()| Did::Done)
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
                Err(error) => self.wrong(place.below, error),
            },
            Action::Link { place, target } => {
                let outcome = self.here.link(place.below, target);
                self.did(place.below, outcome)
            }
            Action::Ended { place, end, .. } => {
                self.ended(end, place.below);
                Did::Nothing
            }
        }
    }

    /// Keeps a file that was opened; the machine is told its length.
    fn opened(&mut self, id: FileId, below: &[u8], opened: io::Result<File>) -> Did {
        let (length, file) = match opened.and_then(|file| Ok((file.metadata()?.len(), file))) {
            Ok(opened) => opened,
            Err(error) => return self.wrong(below, error),
        };
        if self.files.len() <= id.index() {
            self.files.resize_with(id.index() + 1, || None);
        }
        self.files[id.index()] = Some(Open { id, file, below: below.to_vec() });
        Did::Opened(length)
    }

    fn finish(&mut self, id: FileId, length: u64, attributes: Option<&Attributes<'_>>, whole: bool) -> Did {
        let Some(open) = self.files.get_mut(id.index()).and_then(Option::take) else { return Did::Done };
        self.told.push(News::At(self.source(&open.below), length, whole.then_some(length)));
        let outcome = match self.way {
            Way::Get => finish(&open.file, length, attributes, whole && self.copy.sync),
            Way::Put => Ok(()),
        };
        self.did(&open.below, outcome)
    }

    /// An entry is over: what is not as it should be is told.
    fn ended(&mut self, end: End, below: &[u8]) {
        let of = |key: Option<&[u8]>| self.wrongs.iter().position(|(of, _)| of.as_deref() == key);
        let unsent = || of(None).filter(|_| end == End::Local);
        let wrong = of(Some(below)).or_else(unsent).map(|at| self.wrongs.swap_remove(at).1);
        match (end, wrong) {
            (End::Done, _) => {}
            (End::Skipped(why @ (Skipped::Special | Skipped::Link)), _) if !below.is_empty() => {
                self.told.push(News::Skipped(self.source(below), why));
            }
            (End::Local, Some(error)) => self.fail(below, error),
            // Whoever gave it up knows.
            (End::Stopped, _) if self.failure.is_some() => {}
            (End::Stopped, _) => self.failure = Some(self.refused(end, &self.there)),
            (end, _) => self.fail(below, self.refused(end, &join(&self.there, below))),
        }
    }

    /// What became of an entry, as an error.
    fn refused(&self, end: End, there: &[u8]) -> Error {
        let text = match end {
            End::Failed(code) => {
                let (last, words) = &self.words;
                return status(code, if code == *last { words.clone() } else { String::new() }, there);
            }
            End::Short => "the file has become shorter",
            End::Longer => "longer than what would go on with it",
            End::Skipped(Skipped::Name) => "a name that leads elsewhere",
            End::Skipped(Skipped::Depth) => "too far down",
            End::Skipped(Skipped::Kind | Skipped::Special | Skipped::Link) => "not a regular file",
            End::Done | End::Local | End::Stopped => GIVEN_UP,
        };
        status(Code::FAILURE, text.to_owned(), there)
    }

    /// Names some entries of a directory here; whether there are more. Why it could not is kept.
    pub(super) fn list(&mut self, tree: &mut Tree, below: &[u8], directory: usize) -> Result<bool, ()> {
        let named = self.name(tree, below, directory);
        if named.is_err() {
            // Another may get its number.
            self.lists.retain(|(one, _)| *one != directory);
        }
        named.map_err(|error| drop(self.wrong(below, error)))
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
                // It went meanwhile. A link may be there, and lead nowhere.
                Err(Errno::NOENT) if here::look(dir.fd()?, name, false).is_err() => {}
                Err(error) => {
                    let path = join(below, name.to_bytes());
                    let path = path.strip_prefix(b"/").unwrap_or(&path);
                    self.unseen += 1;
                    self.fail(path, self.failed(path, error.into()));
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
        let failure = kept.err().map(|error| (open.below.clone(), self.failed(&open.below, error)));
        failure.map(|(below, error)| self.blame(Some(&below), error)).is_none()
    }

    /// What there is to send of a file, from an offset on.
    pub(super) fn extent(&self, file: FileId, offset: u64, length: u32) -> Extent {
        let open = self.files.get(file.index()).and_then(Option::as_ref);
        open.map_or(Extent::End, |open| extent(&open.file, offset, length, self.copy.sparse))
    }

    /// Reads what is sent next; `None` if it is not there any more.
    pub(super) fn supply(&mut self, file: FileId, room: &mut [u8], offset: u64) -> Option<usize> {
        let open = self.files.get(file.index())?.as_ref()?;
        let read = read(&open.file, room, offset);
        let read = read.map_err(|error| (open.below.clone(), self.failed(&open.below, error)));
        read.map_err(|(below, error)| self.blame(Some(&below), error)).ok()
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
