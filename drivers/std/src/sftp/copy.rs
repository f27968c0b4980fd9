//! Whole files: from the server, and to it.

use super::calls::unexpected;
use super::engine::{Answer, Remote};
use super::share::{Wait, status};
use super::task::{PARTS, Task};
use super::{OpenOptions, Sftp};
use crate::Error;
use crate::error::escape;
use core::time::Duration;
use rustix::fs::OFlags;
use sanssh_core::sftp::transfer::Outcome;
use sanssh_core::sftp::{Attributes, Code, FileKind, Request, Times};
use std::fs::{File, FileTimes, Metadata, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

/// Bytes after which the one who waits is told how far it is.
const TELL: u64 = 1024 * 1024;
/// What of a mode goes along: never that a file runs as its owner.
const MODE: u32 = 0o777;

/// How files are copied; the rest by struct update from the default.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Copy {
    /// Goes on where the target ends, which is taken for the beginning of the source.
    pub resume: bool,
    /// Gives the target the times and the permissions of the source.
    pub preserve: bool,
    /// Leaves holes in the target where the source has nothing but zeros.
    pub sparse: bool,
    /// Has the target reach the disk before it is done.
    pub sync: bool,
    /// Does not follow links: of trees it makes links again, instead of what they lead to, and it refuses one as the
    /// name of a target here.
    pub symlinks: bool,
    /// Bytes a second at most; as fast as it goes without.
    pub limit: Option<u64>,
    /// Bytes of a request at most; as many as the server takes without.
    pub block: Option<u32>,
    /// Requests of a file that are under way at most; as many as are of use without.
    pub requests: Option<u16>,
}

impl Copy {
    /// Bytes of a request, where the server takes so many.
    fn most(&self, taken: u32) -> u32 {
        self.block.map_or(taken, |block| block.clamp(1, taken.max(1)))
    }

    /// Requests of a file.
    fn parts(&self) -> usize {
        self.requests.map_or(PARTS, |requests| usize::from(requests).clamp(1, PARTS))
    }
}

/// How far a copy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress<'a> {
    /// The path of the source.
    pub name: &'a [u8],
    /// Bytes that are there from the start on, those of an earlier attempt among them.
    pub done: u64,
    /// Bytes of the source, where that is known.
    pub size: Option<u64>,
}

/// Who is told.
pub(super) type Tell<'a> = &'a mut dyn FnMut(Progress<'_>);

/// A copy that is over: how it ended, how far the target is whole, whether it ends in a hole, and what was said.
struct Ended {
    outcome: Result<Outcome, Error>,
    trouble: Option<io::Error>,
    kept: u64,
    hollow: bool,
    words: String,
}

impl Sftp {
    /// Copies a file of the server's to here. What is here already is replaced; if the copy ends early, what is whole of
    /// it stays, and `resume` goes on from there.
    ///
    /// # Errors
    /// [`Error::Sftp`] as the server has it, [`Error::File`] for the file here, [`Error::Cut`] for what ended the
    /// connection, with how much has arrived.
    pub fn get(
        &self,
        remote: impl AsRef<[u8]>,
        local: impl AsRef<Path>,
        copy: &Copy,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<(), Error> {
        let (remote, local) = (remote.as_ref(), local.as_ref());
        let (handle, attributes) = self.open_source(remote)?;
        let opened = self.fetch(&handle, remote, &attributes, local, copy, progress);
        self.leave(&handle);
        opened
    }

    /// Opens a file and asks for its attributes in the same flight.
    fn open_source(&self, path: &[u8]) -> Result<(Remote, Attributes<'static>), Error> {
        let options = OpenOptions::READ;
        let open = Request::Open { path, access: options.access(), attributes: options.attributes() };
        let (opening, asking) = {
            let mut engine = self.share.lock();
            (engine.ticket(), engine.ticket())
        };
        let asked = self.share.ask(&open, opening).and_then(|()| self.share.ask(&Request::Stat { path }, asking));
        let (opened, told) = match asked {
            Ok(()) => (self.share.answer(opening), self.share.answer(asking)),
            Err(error) => {
                let mut engine = self.share.lock();
                engine.abandon(opening);
                engine.abandon(asking);
                return Err(error);
            }
        };
        let handle = match opened? {
            Answer::Handle(handle) => Remote::from(handle),
            Answer::Failed(code, message) => return Err(status(code, message, path)),
            _ => return Err(unexpected()),
        };
        match told {
            Ok(Answer::Attributes(attributes)) => Ok((handle, attributes)),
            // A server that does not tell is read to the end.
            Ok(_) => Ok((handle, Attributes::NONE)),
            Err(error) => {
                self.leave(&handle);
                Err(error)
            }
        }
    }

    fn fetch(
        &self,
        handle: &Remote,
        remote: &[u8],
        attributes: &Attributes<'_>,
        local: &Path,
        copy: &Copy,
        progress: Tell<'_>,
    ) -> Result<(), Error> {
        if attributes.kind().is_some_and(|kind| kind != FileKind::Regular) {
            return Err(status(Code::FAILURE, "not a regular file".to_owned(), remote));
        }
        let file = |error| Error::File { file: local.to_owned(), source: Arc::new(error) };
        let target = create(local, attributes, copy).map_err(file)?;
        let from = if copy.resume { target.metadata().map_err(file)?.len() } else { 0 };
        // Files that are made as they are read say that they are empty.
        let size = attributes.size.filter(|size| *size > 0);
        if size.is_some_and(|size| size < from) {
            return Err(file(io::Error::new(io::ErrorKind::InvalidInput, "longer than the file on the server")));
        }
        let source = target.try_clone().map_err(file)?;
        let task = Task::get(Arc::clone(handle), source, from, size, copy.most(self.sizes()?.read), copy.parts());
        let ended = self.run(task, remote, size, copy, progress);
        if ended.outcome.as_ref().is_ok_and(|outcome| *outcome != Outcome::Whole)
            || ended.outcome.is_err()
            || ended.hollow
        {
            // What came out of order is not taken for whole.
            let _ = target.set_len(ended.kept);
        }
        conclude(ended, remote, file)?;
        finish(&target, attributes, copy).map_err(file)
    }

    /// Copies a file from here to the server. What is there already is replaced; if the copy ends early, `resume` goes on
    /// from what there is.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn put(
        &self,
        local: impl AsRef<Path>,
        remote: impl AsRef<[u8]>,
        copy: &Copy,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<(), Error> {
        let (local, remote) = (local.as_ref(), remote.as_ref());
        let file = |error| Error::File { file: local.to_owned(), source: Arc::new(error) };
        let source = File::open(local).map_err(file)?;
        let metadata = source.metadata().map_err(file)?;
        if !metadata.is_file() {
            return Err(file(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file")));
        }
        let mode = Some(metadata.mode() & MODE);
        let options = OpenOptions { truncate: !copy.resume, mode, ..OpenOptions::CREATE };
        let request = Request::Open { path: remote, access: options.access(), attributes: options.attributes() };
        let handle = self.handle(&request, remote)?;
        let sent = self.send(&handle, source, &metadata, local, remote, copy, progress);
        if sent.is_err() {
            self.leave(&handle);
            return sent;
        }
        self.done(&Request::Close { handle: &handle }, remote)
    }

    #[expect(clippy::too_many_arguments, reason = "both files, both names, and how")]
    fn send(
        &self,
        handle: &Remote,
        source: File,
        metadata: &Metadata,
        local: &Path,
        remote: &[u8],
        copy: &Copy,
        progress: Tell<'_>,
    ) -> Result<(), Error> {
        let file = |error| Error::File { file: local.to_owned(), source: Arc::new(error) };
        let size = metadata.len();
        let from = match copy.resume {
            true => self.attributes(&Request::Fstat { handle }, remote)?.size.unwrap_or(0),
            false => 0,
        };
        if size < from {
            return Err(status(Code::FAILURE, "longer than the file here".to_owned(), remote));
        }
        let task = Task::put(Arc::clone(handle), source, from, size, copy.most(self.sizes()?.write), copy.parts());
        let ended = self.run(task, local.as_os_str().as_bytes(), Some(size), copy, progress);
        let (hollow, shorter) = (ended.hollow, ended.trouble.is_some());
        if hollow || shorter {
            let size = if shorter { ended.kept.min(size) } else { size };
            let attributes = Attributes { size: Some(size), ..Attributes::NONE };
            let set = self.done(&Request::Fsetstat { handle, attributes }, remote);
            set.or_else(|error| if shorter { Ok(()) } else { Err(error) })?;
        }
        conclude(ended, remote, file)?;
        if copy.preserve {
            let attributes = Attributes {
                permissions: Some(metadata.mode() & MODE),
                times: Some(Times { accessed: seconds(metadata.atime()), modified: seconds(metadata.mtime()) }),
                ..Attributes::NONE
            };
            self.done(&Request::Fsetstat { handle, attributes }, remote)?;
        }
        if copy.sync {
            self.done(&Request::Fsync { handle }, remote)?;
        }
        Ok(())
    }

    /// Ends the copies that are under way, those of other clones among them: their calls fail soon, and what is whole
    /// stays. For another thread than that which waits.
    pub fn stop(&self) {
        self.share.lock().desk.tasks.iter_mut().flatten().for_each(Task::stop);
    }

    /// Closes a handle; nobody waits for the answer.
    fn leave(&self, handle: &Remote) {
        let mut engine = self.share.lock();
        engine.leave(handle);
        self.share.offer(&mut engine);
    }

    /// Waits until a file is there, and tells how far it is meanwhile.
    fn run(&self, task: Task, name: &[u8], size: Option<u64>, copy: &Copy, progress: Tell<'_>) -> Ended {
        let index = {
            let mut engine = self.share.lock();
            let now = engine.desk.now();
            engine.desk.begin(task.with(copy.sparse, copy.limit, now))
        };
        let mut told = 0;
        loop {
            let step = self.share.wait(|engine| {
                let now = engine.desk.now();
                let Some(task) = engine.desk.tasks[index].as_mut() else { return Wait::Ready(true) };
                if task.trouble.is_some() || task.outcome().is_some() {
                    return Wait::Ready(true);
                }
                if task.moved >= told + TELL {
                    return Wait::Ready(false);
                }
                // Who is slow on purpose is not stuck.
                match task.nap(now) {
                    Some(nap) => Wait::Napping(now.0, nap.min(Duration::from_millis(100))),
                    None => Wait::Pending(task.moved),
                }
            });
            let (ended, kept, moved) = self.look(index, step);
            if kept > 0 || ended.is_some() {
                progress(Progress { name, done: kept, size });
            }
            told = moved;
            if let Some(ended) = ended {
                return ended;
            }
        }
    }

    /// How far a file is; it is let go of if it is over.
    fn look(&self, index: usize, step: Result<bool, Error>) -> (Option<Ended>, u64, u64) {
        let mut engine = self.share.lock();
        let Some(task) = engine.desk.tasks[index].as_mut() else { return (None, 0, 0) };
        let (kept, moved) = (task.kept(), task.moved);
        if let Ok(false) = step {
            return (None, kept, moved);
        }
        let ended = Ended {
            trouble: task.trouble.take(),
            kept,
            hollow: task.is_hollow(),
            words: core::mem::take(&mut task.words),
            outcome: step.map(|_| task.outcome().unwrap_or(Outcome::Stopped)),
        };
        engine.desk.release(index);
        (Some(ended), kept, moved)
    }
}

/// What became of a file, as its caller is told.
fn conclude(ended: Ended, remote: &[u8], file: impl Fn(io::Error) -> Error) -> Result<(), Error> {
    if let Some(trouble) = ended.trouble {
        return Err(file(trouble));
    }
    match ended.outcome {
        Ok(Outcome::Whole) => Ok(()),
        Ok(Outcome::Short) => Err(status(Code::EOF, "the file has become shorter".to_owned(), remote)),
        Ok(Outcome::Failed(code)) => Err(status(code, ended.words, remote)),
        Ok(Outcome::Stopped) => Err(status(Code::FAILURE, "given up".to_owned(), remote)),
        Err(source) => Err(Error::Cut { path: escape(remote, false), done: ended.kept, source: Arc::new(source) }),
    }
}

/// Makes or opens the file here.
fn create(local: &Path, attributes: &Attributes<'_>, copy: &Copy) -> io::Result<File> {
    let mut options = File::options();
    options.write(true).create(true).truncate(!copy.resume).mode(attributes.permissions.unwrap_or(0o666) & MODE);
    if copy.symlinks {
        options.custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
    }
    options.open(local)
}

/// What is left to do on a file here that is whole.
fn finish(target: &File, attributes: &Attributes<'_>, copy: &Copy) -> io::Result<()> {
    if copy.preserve {
        if let Some(mode) = attributes.permissions {
            target.set_permissions(Permissions::from_mode(mode & MODE))?;
        }
        if let Some(times) = attributes.times {
            let at = |seconds: u32| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.into());
            target.set_times(FileTimes::new().set_accessed(at(times.accessed)).set_modified(at(times.modified)))?;
        }
    }
    if copy.sync { target.sync_all() } else { Ok(()) }
}

/// Seconds as SFTP has them: from 1970 to 2106.
fn seconds(time: i64) -> u32 {
    u32::try_from(time.max(0)).unwrap_or(u32::MAX)
}
