//! Whole files and trees: from the server, and to it.

use super::here::Here;
use super::job::Job;
use super::share::{Share, Wait, status};
use super::site::News;
use super::{Sftp, here};
use crate::Error;
use crate::error::escape;
use core::time::Duration;
use sanssh_core::sftp::transfer::Sizes;
use sanssh_core::sftp::tree::{Links, Report, Settings, Skipped, Way};
use sanssh_core::sftp::{Attributes, Code, Extension, FileKind};
use std::io;
use std::path::Path;
use std::sync::Arc;

/// Bytes of files that may be on their way at a time: what fills lines of 300 MB/s and 100 ms.
const MOST_UNDER_WAY: u64 = 32 * 1024 * 1024;
/// Bytes after which the one who waits is told how far it is.
const TELL: u64 = 1024 * 1024;
/// Bytes of a request at least, however low the pace.
const LEAST: u32 = 4096;
/// How long a copy with a pace sleeps at most, so that the line is looked after.
const NAP: Duration = Duration::from_millis(100);
/// What of a mode goes along: never that a file runs as its owner.
pub(super) const MODE: u32 = 0o777;

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
    /// What becomes of symbolic links in trees; they are left out by default.
    pub links: Links,
    /// Refuses to write through a symbolic link that has the name of the target here. Below a tree's root that is so anyway.
    pub no_follow: bool,
    /// Bytes a second at most; as fast as it goes without.
    pub limit: Option<u64>,
    /// Bytes of a request at most; as many as the server takes without.
    pub block: Option<u32>,
    /// Requests that are under way at most; as many as are of use without.
    pub requests: Option<u16>,
}

impl Copy {
    /// Bytes of a request, where the server takes so many; a quarter of a second's if there is a limit.
    fn sizes(&self, taken: Sizes) -> Sizes {
        let pace = self.limit.map_or(u32::MAX, |limit| u32::try_from(limit / 4).unwrap_or(u32::MAX).max(LEAST));
        let wanted = self.block.unwrap_or(u32::MAX).min(pace);
        let most = |taken: u32| wanted.clamp(1, taken.max(1));
        Sizes { read: most(taken.read), write: most(taken.write) }
    }

    /// Bytes that may be on their way, in requests of `most` bytes.
    fn under_way(&self, most: u32) -> u64 {
        let under_way = self.requests.map_or(MOST_UNDER_WAY, |requests| u64::from(requests) * u64::from(most));
        // What is asked for comes as fast as it can: no more than half a second's at a time.
        under_way.min(MOST_UNDER_WAY).min(self.limit.map_or(u64::MAX, |limit| limit / 2))
    }

    /// The same as the machine knows it.
    pub(super) fn settings(&self, way: Way, sizes: Sizes) -> Settings {
        let &Self { resume, preserve, sync, links, .. } = self;
        let sizes = self.sizes(sizes);
        let window = self.under_way(if way == Way::Get { sizes.read } else { sizes.write });
        Settings { sizes, window, resume, preserve, sync, links, ..Settings::default() }
    }
}

/// How far a copy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress<'a> {
    /// The path of the source.
    pub name: &'a [u8],
    /// Bytes that are there from the start on, those of an earlier attempt among them.
    pub done: u64,
    /// Bytes of the source, where that is known, as it was when it was begun with.
    pub size: Option<u64>,
}

/// What a copy of a tree says as it goes, of one source after the other.
#[derive(Debug)]
pub enum CopyEvent<'a> {
    /// So much of a file is there.
    Progress(Progress<'a>),
    /// Something was not copied, or not as it should be; the rest goes on. Not told of what [`Sftp::stop`] gave up.
    Failed {
        /// The path of the source.
        name: &'a [u8],
        /// Why.
        why: Error,
    },
    /// Something was left out, which is no failure: a link, or what is neither a file nor a directory.
    Skipped {
        /// The path of the source.
        name: &'a [u8],
        /// Why.
        why: Skipped,
    },
}

/// Who is told.
type Tell<'a> = &'a mut dyn FnMut(CopyEvent<'_>);
/// What came of a copy, and the first failure; an error where it was cut off.
type Outcome = Result<(Report, Option<Error>), Error>;

impl Sftp {
    /// Copies a file of the server's to here. What is here already is replaced; if the copy ends early, what is whole of
    /// it stays, and `resume` goes on from there. The server opens it while it is asked what it is: anything but a file is
    /// refused, but a FIFO may keep the server waiting for a writer. It is read to its end: what it has grown by meanwhile
    /// comes as well, without end if it grows as fast as it comes. If it has become shorter, what it still has is here, and
    /// an error says so.
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
        let here = Here::new(local.as_ref(), FileKind::Regular);
        single(self.copy_all(Way::Get, remote.as_ref(), here, None, copy, &mut only(progress)))
    }

    /// Copies a file from here to the server. What is there already is replaced; if the copy ends early, `resume` goes on
    /// from what there is. It is read as it leaves, under the connection's lock: a slow disk here holds up all its channels.
    ///
    /// # Errors
    /// As [`get`](Self::get), and [`Error::Unsupported`] for [`Copy::sync`] where the server cannot.
    pub fn put(
        &self,
        local: impl AsRef<Path>,
        remote: impl AsRef<[u8]>,
        copy: &Copy,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<(), Error> {
        single(self.send(FileKind::Regular, local.as_ref(), remote.as_ref(), copy, &mut only(progress)))
    }

    /// Copies a directory of the server's, and what is below it, to here; many files at a time. The target is made if it is
    /// not there. A failure does not keep the rest from coming; each is told, and so is what is left out. Files are read to
    /// the sizes that they were listed with; one that has become shorter is a failure.
    ///
    /// # Errors
    /// As [`get`](Self::get) if nothing came; [`Error::Incomplete`] if not all did.
    pub fn get_tree(
        &self,
        remote: impl AsRef<[u8]>,
        local: impl AsRef<Path>,
        copy: &Copy,
        tell: &mut dyn FnMut(CopyEvent<'_>),
    ) -> Result<Report, Error> {
        let (remote, kind) = (remote.as_ref(), FileKind::Directory);
        let attributes = self.metadata(remote)?;
        // A server that does not tell has it tried, and nothing else made of it.
        if attributes.kind().is_some_and(|other| other != kind) {
            return Err(status(Code::FAILURE, unfit(kind).to_owned(), remote));
        }
        all(self.copy_all(Way::Get, remote, Here::new(local.as_ref(), kind), Some(&attributes), copy, tell))
    }

    /// Copies a directory from here, and what is below it, to the server; many files at a time. The target is made if it is
    /// not there. A failure does not keep the rest from going; each is told, and so is what is left out.
    ///
    /// # Errors
    /// As [`put`](Self::put) if nothing went; [`Error::Incomplete`] if not all did.
    pub fn put_tree(
        &self,
        local: impl AsRef<Path>,
        remote: impl AsRef<[u8]>,
        copy: &Copy,
        tell: &mut dyn FnMut(CopyEvent<'_>),
    ) -> Result<Report, Error> {
        all(self.send(FileKind::Directory, local.as_ref(), remote.as_ref(), copy, tell))
    }

    /// Ends the copies that are under way, those of other clones among them: their calls fail soon, and what is whole
    /// stays. For another thread than that which waits.
    pub fn stop(&self) {
        self.share.lock().desk.stop();
    }

    fn send(&self, kind: FileKind, local: &Path, remote: &[u8], copy: &Copy, tell: Tell<'_>) -> Outcome {
        let file = |error| Error::File { file: local.to_owned(), source: Arc::new(error) };
        let attributes = here::attributes(&rustix::fs::stat(local).map_err(|error| file(error.into()))?);
        if attributes.kind() != Some(kind) {
            return Err(file(io::Error::new(io::ErrorKind::InvalidInput, unfit(kind))));
        }
        self.copy_all(Way::Put, remote, Here::new(local, kind), Some(&attributes), copy, tell)
    }

    fn copy_all(
        &self,
        way: Way,
        remote: &[u8],
        here: Here,
        attributes: Option<&Attributes<'_>>,
        copy: &Copy,
        tell: Tell<'_>,
    ) -> Outcome {
        if way == Way::Put && copy.sync && !self.has(Extension::Fsync) {
            return Err(Error::Unsupported(Extension::Fsync));
        }
        let sizes = self.sizes()?;
        let serial = {
            let mut engine = self.share.lock();
            let now = engine.desk.now();
            engine.desk.begin(Job::new(way, sizes, (remote, here), attributes, copy, now))
        };
        let _going = Going { share: &self.share, serial };
        let often = copy.limit.map_or(TELL, |limit| limit.clamp(1, TELL));
        let mut told = 0;
        loop {
            let step = self.share.wait(|| {
                let mut engine = self.share.lock();
                let blocked = engine.work(serial);
                let now = engine.desk.now();
                let Some(job) = engine.desk.job(serial) else { return Wait::Ready(()) };
                if job.is_over() || !job.site.told.is_empty() || job.moved >= told + often {
                    return Wait::Ready(());
                }
                // Who is slow on purpose is not stuck.
                match job.nap(now) {
                    Some(nap) => Wait::Napping(now.0, nap.min(NAP)),
                    None if blocked => Wait::Again(job.mark()),
                    None => Wait::Pending(job.mark()),
                }
            });
            let (news, moved, outcome) = self.look_at(serial, step, remote);
            told = moved;
            news.into_iter().for_each(|news| say(news, tell));
            if let Some(outcome) = outcome {
                return outcome;
            }
        }
    }

    /// How far a copy is, and how it ended if it is over.
    fn look_at(&self, serial: u64, step: Result<(), Error>, remote: &[u8]) -> (Vec<News>, u64, Option<Outcome>) {
        let mut engine = self.share.lock();
        let kept = engine.desk.job(serial).map_or(0, |job| job.kept());
        if step.is_err() {
            engine.give_up(serial);
        }
        let Some(job) = engine.desk.job(serial) else {
            return (Vec::new(), 0, Some(step.map(|()| (Report::default(), None))));
        };
        let (news, moved) = (job.news(), job.moved);
        if step.is_ok() && !job.is_over() {
            return (news, moved, None);
        }
        // Whatever failed before, the rest has not come.
        let cut = |source| Error::Cut { path: escape(remote, false), done: kept, source: Arc::new(source) };
        let outcome = step.map_err(cut).map(|()| (job.report(), job.site.failure.take()));
        (news, moved, Some(outcome))
    }
}

/// Of one file nothing but progress is told: what failed is the outcome.
fn only(progress: &mut dyn FnMut(Progress<'_>)) -> impl FnMut(CopyEvent<'_>) {
    |event| {
        if let CopyEvent::Progress(at) = event {
            progress(at);
        }
    }
}

fn single(outcome: Outcome) -> Result<(), Error> {
    outcome?.1.map_or(Ok(()), Err)
}

fn all(outcome: Outcome) -> Result<Report, Error> {
    match outcome? {
        (report, None) => Ok(report),
        (report, Some(first)) => Err(Error::Incomplete { report, first: Arc::new(first) }),
    }
}

fn say(news: News, tell: Tell<'_>) {
    match news {
        News::At(name, done, size) => tell(CopyEvent::Progress(Progress { name: &name, done, size })),
        News::Failed(name, why) => tell(CopyEvent::Failed { name: &name, why }),
        News::Skipped(name, why) => tell(CopyEvent::Skipped { name: &name, why }),
    }
}

/// A copy that is under way: whatever ends it, nothing of it stays behind, here or on the server.
struct Going<'a> {
    share: &'a Share,
    serial: u64,
}

impl Drop for Going<'_> {
    fn drop(&mut self) {
        let mut engine = self.share.lock();
        engine.give_up(self.serial);
        engine.desk.release(self.serial);
        self.share.offer(&mut engine);
    }
}

/// What is said of something else than was named.
const fn unfit(kind: FileKind) -> &'static str {
    match kind {
        FileKind::Directory => "not a directory",
        FileKind::Regular | FileKind::Symlink | FileKind::Special => "not a regular file",
    }
}
