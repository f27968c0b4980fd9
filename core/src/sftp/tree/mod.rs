//! Trees of files, and many files at a time (draft-ietf-secsh-filexfer-02 §6), as a machine that knows neither a
//! connection nor a file system: it says what to ask the server and what to do here, one [`Action`] after the other.
//!
//! ```text
//! add --> action: Send, Write       --> sent, wrote, hole, end --> ... answer --> action ...
//!                 what to do here   --> done, opened, listed, target, or failed --> action ...
//!                 Ended, for each entry --> ... report, when all is over
//! ```
//!
//! A file runs through OPEN, READ or WRITE, and CLOSE. Many files are under way at once, so the round trips cost nothing; and
//! one alone costs no more than two, for CLOSE leaves with the last WRITE, and STAT with OPEN where
//! [nothing is known](Tree::add_file). Directories are listed a few at a time, and no further than there is room for their names.
//! What the server names is never anything but a plain name below the root: others are refused and reported.
//!
//! # What keeps a copy inside its root
//!
//! Names are checked here. Links are the embedder's part: below the root, [`Action::MakeDirectory`] and
//! [`Action::Create`] must fail where a symbolic link stands, and never follow it. Otherwise a server that lists a link
//! and a directory of the same name leads out.

mod choose;
mod directory;
mod entry;
mod file;
mod local;
mod remote;
mod slab;

pub use entry::{End, FileId, Place, Skipped};

use super::transfer::{Sizes, Window};
use super::{Attributes, FileKind, Request};
use crate::Instant;
use alloc::boxed::Box;
use alloc::vec::Vec;
use directory::Directory;
use entry::{Found, Queue};
use file::File;
use slab::Slab;

/// Which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// From the server.
    Get,
    /// To the server.
    Put,
}

/// What becomes of symbolic links below a root; a root is always followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Links {
    /// They are left out, and reported.
    #[default]
    Skip,
    /// They become links, leading where they lead.
    Keep,
    /// What they lead to is copied. A circle ends at the greatest depth. In a put, the embedder lists what they lead to.
    Follow,
}

/// How to copy; the rest by struct update from the default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Bytes of a request.
    pub sizes: Sizes,
    /// Bytes that may be on their way, at most.
    pub window: u64,
    /// Files under way at a time.
    pub files: usize,
    /// Directories listed at a time. Where they hold nothing but directories, one more for each level.
    pub directories: usize,
    /// Names that may wait before no more are asked for; the answers under way come on top.
    pub names: usize,
    /// Directories below each other, at most.
    pub depth: usize,
    /// What becomes of links.
    pub links: Links,
    /// Whether files that are there already are gone on with, and not made anew.
    pub resume: bool,
    /// Whether copies get the permissions and times of what they are copied from.
    pub preserve: bool,
    /// Whether a put has each file reach the disk, by [`Request::Fsync`], which is an extension.
    pub sync: bool,
    /// Whether the others go on after one has failed.
    pub brave: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            sizes: Sizes::default(),
            window: 4 << 20,
            files: 64,
            directories: 8,
            names: 2048,
            depth: 64,
            links: Links::Skip,
            resume: false,
            preserve: false,
            sync: false,
            brave: true,
        }
    }
}

/// What to do next. It stands until it was answered by one of the calls named with it, or by [`Tree::failed`].
#[derive(Debug, Clone, Copy)]
pub enum Action<'a> {
    /// Send this: [`Tree::sent`].
    Send(Request<'a>),
    /// Send a WRITE of what a file here has at `offset`: [`Tree::wrote`]. If that is all zero, [`Tree::hole`] may stand for
    /// it; if there is nothing, it must be [`Tree::end`].
    Write {
        /// The file here.
        file: FileId,
        /// The file there.
        handle: &'a [u8],
        /// Where, in both.
        offset: u64,
        /// How many bytes, at most.
        length: u32,
    },
    /// Make a directory here, that may be there already: [`Tree::done`]. A root may exist as a link, others not.
    MakeDirectory {
        /// Where.
        place: Place<'a>,
    },
    /// Name what is in a directory here: [`Tree::entry`] for each, then [`Tree::listed`]. It may take several times.
    List {
        /// Which.
        place: Place<'a>,
        /// Names the directory until it was listed, or failed.
        directory: usize,
    },
    /// Give a directory here what it is to have, for its contents are complete: [`Tree::done`].
    Settle {
        /// Which.
        place: Place<'a>,
        /// Permissions and times.
        attributes: Attributes<'static>,
    },
    /// Open a file here for writing: [`Tree::opened`] with the bytes that it has and keeps: none, unless this goes on where
    /// an earlier copy ended. No link is followed, except by a root.
    Create {
        /// Where.
        place: Place<'a>,
        /// Names the file until it is finished.
        file: FileId,
        /// Permissions, less those that the embedder masks.
        mode: Option<u32>,
    },
    /// Open a file here for reading: [`Tree::opened`] with its size, where that means something.
    Open {
        /// Which.
        place: Place<'a>,
        /// Names the file until it is finished.
        file: FileId,
    },
    /// Close a file here: [`Tree::done`]. In a get it is cut or grown to `length` before: bytes behind may be rubbish.
    Finish {
        /// Which.
        file: FileId,
        /// Bytes that it has from its start without a gap: all, or from where a later copy may go on.
        length: u64,
        /// Permissions and times to set, if it came whole and they are wanted.
        attributes: Option<Attributes<'static>>,
        /// Whether all went well so far.
        whole: bool,
    },
    /// Say where a symbolic link here leads: [`Tree::target`].
    ReadLink {
        /// Which.
        place: Place<'a>,
    },
    /// Make a symbolic link here: [`Tree::done`].
    Link {
        /// Where.
        place: Place<'a>,
        /// Where it leads: untrusted bytes.
        target: &'a [u8],
    },
    /// An entry is done with; there is nothing to answer.
    Ended {
        /// Which. Its name is untrusted bytes, and may be none that files have.
        place: Place<'a>,
        /// What it is, where that is known.
        kind: Option<FileKind>,
        /// How it went.
        end: End,
    },
}

/// Where bytes that came belong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Landing {
    /// The file here.
    pub file: FileId,
    /// Where in it.
    pub at: u64,
}

/// What has come of it all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Report {
    /// Files that are whole.
    pub files: u64,
    /// Directories that are complete but for what is counted below.
    pub directories: u64,
    /// Links.
    pub links: u64,
    /// Bytes of files, those of earlier copies that were gone on with among them.
    pub bytes: u64,
    /// Entries that failed, or whose names were refused.
    pub failed: u64,
    /// Entries that were left out.
    pub skipped: u64,
}

/// Whom the answer to a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whom {
    File(usize),
    /// What a file does not wait for: the answer to STAT in a get, to CLOSE in a put.
    Ahead(usize),
    /// A part of a file's contents.
    Part(usize, usize),
    Directory(usize),
    /// Nobody any more. If it opens something, that is closed.
    Stray,
}

/// What stands to be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    File(usize),
    /// A CLOSE before the last WRITE is answered.
    Ahead(usize),
    /// The CLOSE of what nobody wants any more.
    Stray,
    /// A request for contents.
    Move {
        file: usize,
        part: usize,
        offset: u64,
        length: u32,
    },
    Directory(usize),
}

/// Files and trees on their way.
#[derive(Debug)]
pub struct Tree {
    way: Way,
    settings: Settings,
    window: Window,
    /// Their paths on the server.
    roots: Vec<Box<[u8]>>,
    /// Roots that wait.
    tops: Queue,
    files: Slab<File>,
    directories: Slab<Directory>,
    /// Handles that came when nobody wanted them any more.
    strays: Vec<Box<[u8]>>,
    /// Directories whose names are not all taken, in the order in which they were begun.
    open: Vec<usize>,
    /// Names that wait: files and whatever else, and directories.
    waiting: (usize, usize),
    /// By the index of the request.
    asked: Vec<Option<Whom>>,
    step: Option<Step>,
    /// Nothing can be done before something comes.
    quiet: bool,
    /// Where the search for something to do goes on.
    cursor: usize,
    /// Where paths are put together.
    path: Vec<u8>,
    report: Report,
    stopped: bool,
}

impl Tree {
    /// Nothing yet.
    pub fn new(way: Way, settings: Settings) -> Self {
        Self {
            way,
            window: Window::new(settings.window),
            settings,
            roots: Vec::new(),
            tops: Queue::default(),
            files: Slab::default(),
            directories: Slab::default(),
            strays: Vec::new(),
            open: Vec::new(),
            waiting: (0, 0),
            asked: Vec::new(),
            step: None,
            quiet: false,
            cursor: 0,
            path: Vec::new(),
            report: Report::default(),
            stopped: false,
        }
    }

    /// Adds a file or a tree by its path on the server; where it is here is the embedder's to know, by the number of the
    /// root that is returned. What is said of it may be nothing in a get, and the server is asked; in a put it is what the
    /// embedder sees.
    pub fn add(&mut self, remote: &[u8], attributes: &Attributes<'_>) -> usize {
        self.add_root(remote, |root| Found::root(root, attributes))
    }

    /// Adds a file, and nothing else, by its path on the server: in a get, where nothing is known of it. It is opened while
    /// the server is asked what it is, which saves a round trip; a FIFO there may make the server wait. It is read to its
    /// end, growth included; the files of a tree are read to the sizes that they were listed with.
    pub fn add_file(&mut self, remote: &[u8]) -> usize {
        self.add_root(remote, |root| Found { blind: true, ..Found::root(root, &Attributes::NONE) })
    }

    fn add_root(&mut self, remote: &[u8], found: impl FnOnce(usize) -> Found) -> usize {
        let root = self.roots.len();
        self.roots.push(remote.into());
        self.enqueue(None, found(root));
        root
    }

    /// Whether all is over, and what came of it. Answers that nobody waits for may still come, and among them handles: then
    /// there is more to do.
    pub fn report(&self) -> Option<Report> {
        let idle = self.files.is_empty() && self.directories.is_empty() && self.strays.is_empty();
        (idle && self.waiting == (0, 0)).then_some(self.report)
    }

    /// How far a file that is under way is whole from its start.
    pub fn kept(&self, file: FileId) -> u64 {
        self.files.get(file.index()).map_or(0, File::kept)
    }

    /// The size of a file that is under way, as far as known.
    pub fn size(&self, file: FileId) -> Option<u64> {
        self.files.get(file.index()).and_then(File::size)
    }

    /// Bytes that have moved, in all files.
    pub fn moved(&self) -> u64 {
        let moving = self.files.iter().filter(|(_, file)| file.has_moved());
        moving.fold(self.report.bytes, |sum, (_, file)| sum.saturating_add(file.kept()))
    }

    /// Handles that are open on the server and that it was not asked to close: for whoever gives up before all is over, on
    /// a connection that goes on.
    pub fn handles(&self) -> impl Iterator<Item = &[u8]> {
        let files = self.files.iter().filter_map(|(_, file)| file.open());
        let directories = self.directories.iter().filter_map(|(_, directory)| directory.open());
        files.chain(directories).chain(self.strays.iter().map(|handle| &**handle))
    }

    /// Nothing more is begun, and what waits is forgotten; what is outstanding still has to be answered, and is closed.
    pub fn stop(&mut self) {
        if self.stopped {
            return;
        }
        self.stopped = true;
        self.quiet = false;
        self.drop_waiting();
        self.files.iter_mut().for_each(|(_, file)| file.stop());
    }

    /// The connection is gone: nothing will be answered. What is left to do is here, with files above all.
    pub fn cut(&mut self) {
        self.stop();
        self.step = None;
        self.asked.clear();
        self.strays.clear();
        self.files.iter_mut().for_each(|(_, file)| file.cut());
        self.directories.iter_mut().for_each(|(_, directory)| directory.cut());
    }

    /// The connection's window, for whoever wants to see how deep it goes.
    pub const fn window(&self) -> &Window {
        &self.window
    }

    fn note(&mut self, whom: Whom, id: usize) {
        if self.asked.len() <= id {
            self.asked.resize(id.saturating_add(1), None);
        }
        if let Some(place) = self.asked.get_mut(id) {
            *place = Some(whom);
        }
    }

    /// The request that [`Action::Send`] gave has left.
    pub fn sent(&mut self, id: super::RequestId, now: Instant) {
        match self.step.take() {
            Some(Step::File(index)) => self.file_sent(index, id),
            Some(Step::Ahead(index)) => {
                self.note(Whom::Ahead(index), id.index());
                if let Some(file) = self.files.get_mut(index) {
                    file.ahead = true;
                }
            }
            Some(Step::Stray) => drop(self.strays.pop()),
            Some(Step::Directory(index)) => {
                self.note(Whom::Directory(index), id.index());
                if let Some(directory) = self.directories.get_mut(index) {
                    directory.due = directory.due.saturating_add(1);
                }
            }
            Some(Step::Move { file, part, offset, length }) => {
                self.note(Whom::Part(file, part), id.index());
                if let Some(file) = self.files.get_mut(file) {
                    file.sent(part, offset, length, &mut self.window, now);
                }
            }
            None => {}
        }
    }

    fn file_sent(&mut self, index: usize, id: super::RequestId) {
        let Some(file) = self.files.get_mut(index) else { return };
        if self.way == Way::Get && file.stage == file::Stage::Close {
            // What was read does not hang on its answer, which nobody waits for.
            file.closed();
        } else if file.found.blind && file.stage == file::Stage::Look {
            (file.ahead, file.stage) = (true, file::Stage::Open);
            self.note(Whom::Ahead(index), id.index());
        } else {
            file.waits = true;
            self.note(Whom::File(index), id.index());
        }
    }

    /// The WRITE that [`Action::Write`] gave has left, with that many bytes.
    pub fn wrote(&mut self, id: super::RequestId, length: u32, now: Instant) {
        if let Some(Step::Move { length: most, .. }) = &mut self.step {
            *most = length.min(*most);
        }
        self.sent(id, now);
    }
}
