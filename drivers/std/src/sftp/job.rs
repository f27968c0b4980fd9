//! Files and trees on their way. The machine says what is next; what is to be done here is done by whoever waits for the
//! copy, and contents are moved by whoever pumps, straight from the memory that they were received in and into that they
//! leave from.

use super::copy::Copy;
use super::here::{self, Here};
use super::share::status;
use crate::Error;
use crate::error::escape;
use core::time::Duration;
use rustix::fs::{Dir, SeekFrom};
use rustix::io::Errno;
use sanssh_core::Instant;
use sanssh_core::sftp::client::Event;
use sanssh_core::sftp::transfer::Sizes;
use sanssh_core::sftp::tree::{Action, End, FileId, Landing, Links, Skipped, Tree, Way};
use sanssh_core::sftp::{Attributes, Code, Piece, Request, RequestId};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

/// Blocks in which zeros are looked for: what file systems have holes of.
const HOLE: usize = 4096;
/// Entries of a directory here that are named at once.
const NAMED: usize = 256;

/// A copy on its way.
#[derive(Debug)]
pub(super) struct Job {
    tree: Tree,
    way: Way,
    copy: Copy,
    here: Here,
    /// The root on the server.
    there: Vec<u8>,
    /// Files that are open here, by their place.
    files: Vec<Option<Open>>,
    /// Directories here that are being listed.
    lists: Vec<(usize, Dir)>,
    /// When it began, for its pace.
    start: Instant,
    /// Bytes that have gone through here, whether or not in order.
    pub(super) moved: u64,
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

/// What came of one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// It is done.
    Done,
    /// Something has to leave first.
    Blocked,
    /// Something has to come first.
    Quiet,
}

/// What was done, as the machine is told.
enum Did {
    Done,
    Opened(u64),
    Target(Vec<u8>),
    List(Vec<u8>, usize),
    Sent(RequestId),
    Wrote(RequestId, u32),
    Hole,
    End,
    Failed(Error),
    Nothing,
}

/// Composes a request, with the file that the body of a WRITE comes from, and its offset; `None` if it has to wait.
pub(super) type Ask<'a> = &'a mut dyn FnMut(&Request<'_>, Option<(FileId, u64)>) -> Option<Result<RequestId, Error>>;

impl Job {
    /// A copy between `there` and `here`, of which the attributes tell what is known.
    pub(super) fn new(
        way: Way,
        sizes: Sizes,
        (there, here): (&[u8], PathBuf),
        attributes: &Attributes<'_>,
        copy: &Copy,
        start: Instant,
    ) -> Self {
        let mut tree = Tree::new(way, copy.settings(way, sizes));
        tree.add(there, attributes);
        Self {
            tree,
            way,
            copy: copy.clone(),
            here: Here::new(here),
            there: there.to_vec(),
            files: Vec::new(),
            lists: Vec::new(),
            start,
            moved: 0,
            told: Vec::new(),
            failure: None,
            words: (Code::OK, String::new()),
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.tree.report().is_some()
    }

    /// Bytes that are there, in all files.
    pub(super) fn kept(&self) -> u64 {
        self.tree.moved()
    }

    /// Nothing more is begun.
    pub(super) fn stop(&mut self) {
        self.tree.stop();
    }

    /// The connection is gone: what is left to do is here, and fails for no other reason.
    pub(super) fn cut(&mut self) {
        let first = self.failure.take();
        self.tree.cut();
        let gone = || Error::SftpStream(sanssh_core::sftp::Error::HungUp);
        while self.step(self.start, &mut |_, _| Some(Err(gone()))) == Step::Done {}
        self.failure = first;
    }

    /// Bytes that the server may be asked for at a time.
    pub(super) const fn depth(&self) -> u64 {
        match self.way {
            Way::Get => self.tree.window().depth(),
            Way::Put => 0,
        }
    }

    /// How long nothing should be begun, for the sake of the pace.
    pub(super) fn nap(&self, now: Instant) -> Option<Duration> {
        let limit = u128::from(self.copy.limit?.max(1));
        let due = Duration::from_micros(u64::try_from(u128::from(self.moved) * 1_000_000 / limit).ok()?);
        due.checked_sub(now.since(self.start)).filter(|nap| !nap.is_zero())
    }

    /// How far the files are that are under way.
    pub(super) fn under_way(&self) -> impl Iterator<Item = Told> {
        let open = self.files.iter().flatten();
        open.map(|open| (self.source(&open.below), self.tree.kept(open.id), self.tree.size(open.id)))
    }

    /// The path of a source.
    fn source(&self, below: &[u8]) -> Vec<u8> {
        match self.way {
            Way::Get => join(&self.there, below),
            Way::Put => self.here.path(below).into_os_string().into_encoded_bytes(),
        }
    }

    /// Does what is next.
    pub(super) fn step(&mut self, now: Instant, ask: Ask<'_>) -> Step {
        let Some(action) = self.tree.action() else { return Step::Quiet };
        let follow = self.copy.links == Links::Follow;
        let below;
        let did = match action {
            Action::Send(request) => match ask(&request, None) {
                None => return Step::Blocked,
                Some(sent) => sent.map_or_else(Did::Failed, Did::Sent),
            },
            Action::Write { file, handle, offset, length } => {
                let open = self.files.get(file.index()).and_then(Option::as_ref);
                match open.map(|open| extent(&open.file, offset, length, self.copy.sparse)) {
                    None | Some(Extent::End) => Did::End,
                    Some(Extent::Hole) => Did::Hole,
                    Some(Extent::Bytes(length)) => {
                        match ask(&Request::Write { handle, offset, length }, Some((file, offset))) {
                            None => return Step::Blocked,
                            Some(sent) => sent.map_or_else(Did::Failed, |id| Did::Wrote(id, length)),
                        }
                    }
                }
            }
            Action::List { place, directory } => Did::List(place.below.to_vec(), directory),
            Action::MakeDirectory { place } => {
                below = place.below.to_vec();
                let outcome = self.here.make(&below);
                did(&self.here, &below, outcome)
            }
            Action::Settle { place, attributes } => {
                below = place.below.to_vec();
                let outcome = self.here.settle(&below, &attributes);
                did(&self.here, &below, outcome)
            }
            Action::Create { place, file: id, mode } => {
                below = place.below.to_vec();
                let opened = self.here.create(&below, mode, &self.copy);
                opened_as(&self.here, &mut self.files, id, below, opened)
            }
            Action::Open { place, file: id } => {
                below = place.below.to_vec();
                let opened = self.here.open(&below, follow);
                opened_as(&self.here, &mut self.files, id, below, opened)
            }
            Action::Finish { file, length, attributes, whole } => {
                let size = Some(length).filter(|_| whole);
                match self.files.get_mut(file.index()).and_then(Option::take) {
                    None => Did::Done,
                    Some(open) => {
                        let outcome = match self.way {
                            Way::Get => finish(&open.file, length, attributes.as_ref(), whole && self.copy.sync),
                            Way::Put => Ok(()),
                        };
                        self.told.push((self.source(&open.below), length, size));
                        did(&self.here, &open.below, outcome)
                    }
                }
            }
            Action::ReadLink { place } => {
                below = place.below.to_vec();
                self.here.read_link(&below).map_or_else(|error| failed(&self.here, &below, error), Did::Target)
            }
            Action::Link { place, target } => {
                let (place, target) = (place.below.to_vec(), target.to_vec());
                let outcome = self.here.link(&place, &target);
                did(&self.here, &place, outcome)
            }
            Action::Ended { place, end, .. } => {
                let there = join(&self.there, place.below);
                if let Some(error) = ended(end, &there, &self.words) {
                    self.failure.get_or_insert(error);
                }
                Did::Nothing
            }
        };
        self.tell(did, now, follow);
        Step::Done
    }

    /// Tells the machine what was done.
    fn tell(&mut self, did: Did, now: Instant, follow: bool) {
        match did {
            Did::Nothing => {}
            Did::Done => self.tree.done(),
            Did::Opened(bytes) => self.tree.opened(bytes),
            Did::Target(target) => self.tree.target(&target),
            Did::Sent(id) => self.tree.sent(id, now),
            Did::Wrote(id, length) => {
                self.moved += u64::from(length);
                self.tree.wrote(id, length, now);
            }
            Did::Hole => self.tree.hole(),
            Did::End => self.tree.end(),
            Did::Failed(error) => {
                self.failure.get_or_insert(error);
                self.tree.failed();
            }
            Did::List(below, directory) => match self.list(&below, directory, follow) {
                Ok(more) => self.tree.listed(more),
                Err(error) => {
                    let Did::Failed(error) = failed(&self.here, &below, error) else { return };
                    self.failure.get_or_insert(error);
                    self.tree.failed();
                }
            },
        }
    }

    /// Names some entries of a directory here; whether there are more.
    fn list(&mut self, below: &[u8], directory: usize, follow: bool) -> io::Result<bool> {
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
            // What has gone meanwhile is not named.
            if let Ok(stat) = here::look(dir.fd()?, name, follow) {
                self.tree.entry(name.to_bytes(), &here::attributes(&stat));
            }
        }
        Ok(true)
    }

    /// What came from the server.
    pub(super) fn answer(&mut self, event: &Event<'_>, now: Instant) {
        if let Event::Status(_, status) = event
            && !matches!(status.code, Code::OK | Code::EOF)
        {
            self.words = (status.code, escape(status.message, false));
        }
        let landing = self.tree.answer(event, now);
        let Event::Data(_, Piece { bytes, .. }) = event else { return };
        self.moved += bytes.len() as u64;
        let Some(Landing { file, at }) = landing else { return };
        let Some(open) = self.files.get(file.index()).and_then(Option::as_ref) else { return };
        let kept = if self.copy.sparse { keep(&open.file, bytes, at) } else { open.file.write_all_at(bytes, at) };
        if let Err(error) = kept {
            if let Did::Failed(error) = failed(&self.here, &open.below, error) {
                self.failure.get_or_insert(error);
            }
            self.tree.lose(file, at);
        }
    }

    /// Reads what is sent next. What is not there any more is made up, for it was promised, and spoils the whole.
    pub(super) fn supply(&mut self, file: FileId, room: &mut [u8], offset: u64) -> usize {
        let Some(open) = self.files.get(file.index()).and_then(Option::as_ref) else {
            room.fill(0);
            return room.len();
        };
        let outcome = loop {
            match open.file.read_at(room, offset) {
                Ok(0) => break Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file has become shorter")),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                outcome => break outcome,
            }
        };
        outcome.unwrap_or_else(|error| {
            if let Did::Failed(error) = failed(&self.here, &open.below, error) {
                self.failure.get_or_insert(error);
            }
            room.fill(0);
            room.len()
        })
    }
}

fn failed(here: &Here, below: &[u8], error: io::Error) -> Did {
    Did::Failed(Error::File { file: here.path(below), source: Arc::new(error) })
}

fn did(here: &Here, below: &[u8], outcome: io::Result<()>) -> Did {
    outcome.map_or_else(|error| failed(here, below, error), |()| Did::Done)
}

/// Keeps a file that was opened here; the machine is told its length.
fn opened_as(here: &Here, files: &mut Vec<Option<Open>>, id: FileId, below: Vec<u8>, opened: io::Result<File>) -> Did {
    let opened = opened.and_then(|file| Ok((file.metadata()?.len(), file)));
    let (length, file) = match opened {
        Ok(opened) => opened,
        Err(error) => return failed(here, &below, error),
    };
    if files.len() <= id.index() {
        files.resize_with(id.index() + 1, || None);
    }
    files[id.index()] = Some(Open { id, file, below });
    Did::Opened(length)
}

/// What is at a place of a file here.
enum Extent {
    Bytes(u32),
    Hole,
    End,
}

fn extent(file: &File, offset: u64, length: u32, sparse: bool) -> Extent {
    let left = file.metadata().map_or(0, |metadata| metadata.len()).saturating_sub(offset);
    let length = u32::try_from(left).unwrap_or(u32::MAX).min(length);
    if length == 0 {
        return Extent::End;
    }
    if sparse {
        let hole = match rustix::fs::seek(file, SeekFrom::Data(offset)) {
            Ok(next) => next >= offset + u64::from(length),
            // No data from here on.
            Err(error) => error == Errno::NXIO,
        };
        if hole {
            return Extent::Hole;
        }
    }
    Extent::Bytes(length)
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

/// What became of an entry, where that is an error; what failed here has been told.
fn ended(end: End, there: &[u8], (code, words): &(Code, String)) -> Option<Error> {
    let refused = |text: &str| Some(status(Code::FAILURE, text.to_owned(), there));
    match end {
        End::Done | End::Local | End::Skipped(Skipped::Special | Skipped::Link) => None,
        End::Stopped => refused("given up"),
        End::Failed(failed) => Some(status(failed, if failed == *code { words.clone() } else { String::new() }, there)),
        End::Short => refused("the file has become shorter"),
        End::Longer => refused("longer than what would go on with it"),
        End::Skipped(Skipped::Name) => refused("a name that leads elsewhere"),
        End::Skipped(Skipped::Depth) => refused("too far down"),
    }
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
