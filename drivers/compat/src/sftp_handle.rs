//! An open file or directory of a server's, `ssh2.sftp_handle`, and what is said of files.

use crate::Error;
use crate::exceptions::{BadUseError, OutOfBoundaryError};
use crate::pending::Slots;
use crate::session::Session;
use crate::sftp::SFTP;
use core::fmt;
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::Poll;
use sanssh_core::sftp::{Attributes, Owner, StatVfs, Times};
use sanssh_std::{Error as Below, File, ReadDir, SftpEntry};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// [`SFTPAttributes::flags`]: the size is known.
pub const LIBSSH2_SFTP_ATTR_SIZE: u64 = 1;
/// [`SFTPAttributes::flags`]: user and group are known.
pub const LIBSSH2_SFTP_ATTR_UIDGID: u64 = 2;
/// [`SFTPAttributes::flags`]: the mode is known.
pub const LIBSSH2_SFTP_ATTR_PERMISSIONS: u64 = 4;
/// [`SFTPAttributes::flags`]: the times are known.
pub const LIBSSH2_SFTP_ATTR_ACMODTIME: u64 = 8;
/// [`SFTPAttributes::flags`]: there is more, which is not told. Released wheels have it negative.
pub const LIBSSH2_SFTP_ATTR_EXTENDED: u64 = 0x8000_0000;

/// Bytes that iterating over a file gives at a time, at most: the documented default of `read`.
const PIECE: usize = 2 * 1024 * 1024;

/// Pending calls by what answers them.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    pub(crate) done: Slots<()>,
    pub(crate) attributes: Slots<Attributes<'static>>,
    pub(crate) space: Slots<StatVfs>,
}

/// An open file or directory, `ssh2.sftp_handle.SFTPHandle`. Dropping it closes it; while calls do not wait, it is closed
/// as the session gets on.
///
/// Where the documented calls give a number that may be an error's, these give a `Result`. [`write`](Self::write) is done
/// when the server has said so, all of a call's data being on its way at a time; as [`Write`], the handle waits for no
/// answers, and what fails is told by a later call, `flush` or [`close`](Self::close).
pub struct SFTPHandle {
    sftp: SFTP,
    open: Open,
    closed: AtomicBool,
    calls: Calls,
    writing: Mutex<Option<Written>>,
}

enum Open {
    File(File),
    /// Nothing once it is closed.
    Directory(Mutex<Option<ReadDir>>),
}

/// A write that is not over: from where, of how many bytes, how many of which are on their way.
#[derive(Debug, Clone, Copy)]
struct Written {
    start: u64,
    length: usize,
    sent: usize,
}

fn held<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

impl SFTPHandle {
    pub(crate) fn file(sftp: &SFTP, file: File) -> Self {
        Self::new(sftp, Open::File(file))
    }

    pub(crate) fn directory(sftp: &SFTP, directory: ReadDir) -> Self {
        Self::new(sftp, Open::Directory(Mutex::new(Some(directory))))
    }

    fn new(sftp: &SFTP, open: Open) -> Self {
        let (closed, calls) = (AtomicBool::new(false), Calls::default());
        Self { sftp: sftp.clone(), open, closed, calls, writing: Mutex::default() }
    }

    fn session(&self) -> &Session {
        self.sftp.session()
    }

    fn waits(&self) -> bool {
        self.session().get_blocking()
    }

    /// What came of a call: `None` if it would have to wait.
    fn told<T>(&self, outcome: Option<Result<T, Below>>) -> Result<T, Error> {
        self.sftp.keep(self.session().note(outcome.map_or(Err(Error::Again), |outcome| Ok(outcome?))))
    }

    fn misused<T>(&self, text: &str) -> Result<T, Error> {
        self.session().note(Err(Error::new(BadUseError, text)))
    }

    fn open_file(&self) -> Result<&File, Error> {
        match &self.open {
            _ if self.closed() => self.misused("the handle is closed"),
            Open::File(file) => Ok(file),
            Open::Directory(_) => self.misused("the handle is a directory's"),
        }
    }

    /// Whether it was closed, or is being closed.
    pub fn closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// Closes it, after all that was written. It is closed from the first call on, also if that gives [`Error::Again`] and is
    /// to be repeated; once it is over, it can be called again and does nothing.
    ///
    /// # Errors
    /// `SFTPProtocolError` as the server has it, also for what was written and not answered before.
    pub fn close(&self) -> Result<(), Error> {
        if self.closed.swap(true, Ordering::Relaxed) && !self.calls.done.holds("close") {
            return Ok(());
        }
        match &self.open {
            Open::File(file) => self.sftp.run(&self.calls.done, "close", || file.begin_close()),
            Open::Directory(directory) => self.sftp.run(&self.calls.done, "close", || {
                let closing = held(directory).take().map(ReadDir::begin_close);
                async {
                    match closing {
                        Some(closing) => closing.await,
                        None => Ok(()),
                    }
                }
            }),
        }
    }

    // Contents.

    /// Reads what comes next, at least a byte unless `buffer` is empty, and perhaps less than there is room for; 0 at the
    /// end. Reads run ahead, up to 2 MiB.
    ///
    /// # Errors
    /// `SFTPProtocolError` as the server has it, `BadUseError` once it is closed; so for all calls.
    pub fn read(&self, buffer: &mut [u8]) -> Result<usize, Error> {
        let file = self.open_file()?;
        self.told(if self.waits() { Some(file.read_next(buffer)) } else { file.try_read(buffer) })
    }

    /// Writes all of it, and gives its length once the server has said that it is written. After [`Error::Again`] it goes on
    /// where it was if it comes with as many bytes; with others it is another write, behind what is on its way.
    ///
    /// # Errors
    /// As [`read`](Self::read). The handle stays where it was before the call, and can be used again.
    pub fn write(&self, buf: impl AsRef<[u8]>) -> Result<usize, Error> {
        let (file, data) = (self.open_file()?, buf.as_ref());
        if data.is_empty() {
            return Ok(0);
        }
        let mut writing = held(&self.writing);
        let anew = Written { start: file.position(), length: data.len(), sent: 0 };
        let mut written = writing.take().filter(|one| one.length == data.len()).unwrap_or(anew);
        let outcome = go_on(file, self.waits(), data, &mut written.sent);
        match &outcome {
            None | Some(Err(Below::TimedOut(_))) => *writing = Some(written),
            Some(Ok(_)) => {}
            Some(Err(_)) => {
                file.take_failure();
                file.set_position(written.start);
            }
        }
        self.told(outcome)
    }

    /// Has what was written reach the disk.
    ///
    /// # Errors
    /// As [`read`](Self::read), also if the server cannot.
    pub fn fsync(&self) -> Result<(), Error> {
        let file = self.open_file()?;
        self.sftp.run(&self.calls.done, "fsync", || file.begin_sync())
    }

    /// Goes on elsewhere in the file; nothing is asked. A directory stays where it is. As [`seek64`](Self::seek64).
    pub fn seek(&self, offset: u64) {
        self.seek64(offset);
    }

    /// Goes on elsewhere in the file, at any offset of 64 bits; what was read ahead is dropped.
    pub fn seek64(&self, offset: u64) {
        if let Open::File(file) = &self.open {
            file.set_position(offset);
        }
    }

    /// Goes on at the beginning.
    pub fn rewind(&self) {
        self.seek64(0);
    }

    /// Where it goes on. As [`tell64`](Self::tell64).
    pub fn tell(&self) -> u64 {
        self.tell64()
    }

    /// Where it goes on in the file, with all 64 bits; 0 for a directory.
    pub fn tell64(&self) -> u64 {
        if let Open::File(file) = &self.open { file.position() } else { 0 }
    }

    // Names.

    /// The names in the directory, `.` and `..` among them, with what is said of them. Where the documented one ends silently,
    /// this gives the error; where calls do not wait, it gives [`Error::Again`] and goes on when it is asked again.
    pub const fn readdir(&self) -> Names<'_> {
        Names(self)
    }

    /// The same, each with its own line as `ls -l` has it.
    pub const fn readdir_ex(&self) -> LongNames<'_> {
        LongNames(self)
    }

    fn next(&self) -> Option<Result<SftpEntry, Error>> {
        let Open::Directory(directory) = &self.open else { return Some(self.misused("the handle is a file's")) };
        let mut directory = held(directory);
        let Some(directory) = directory.as_mut() else { return Some(self.misused("the handle is closed")) };
        let next = if self.waits() { Poll::Ready(directory.next()) } else { directory.try_next() };
        match next {
            Poll::Pending => Some(self.told(None)),
            Poll::Ready(Some(entry)) => Some(self.told(Some(entry))),
            Poll::Ready(None) => None,
        }
    }

    // What is said of it.

    /// What is said of the file or directory; what was written counts.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn fstat(&self) -> Result<SFTPAttributes, Error> {
        if self.closed() {
            return self.misused("the handle is closed");
        }
        let slots = &self.calls.attributes;
        let attributes = match &self.open {
            Open::File(file) => self.sftp.run(slots, "fstat", || file.begin_metadata()),
            Open::Directory(directory) => {
                let told = held(directory).as_ref().map(ReadDir::begin_metadata);
                let Some(told) = told else { return self.misused("the handle is closed") };
                self.sftp.run(slots, "fstat", || told)
            }
        };
        Ok(attributes?.into())
    }

    /// Sets what `attrs.flags` names, after what was written.
    ///
    /// # Errors
    /// As [`read`](Self::read), and `OutOfBoundaryError` for numbers that there is no room for.
    pub fn fsetstat(&self, attrs: &SFTPAttributes) -> Result<(), Error> {
        let file = self.open_file()?;
        let attributes = self.session().note(Attributes::try_from(attrs))?;
        self.sftp.run(&self.calls.done, &format!("{attrs:?}"), || file.begin_set_attributes(attributes))
    }

    /// [`fsetstat`](Self::fsetstat) if `setstat`, otherwise [`fstat`](Self::fstat) into `attrs`.
    ///
    /// # Errors
    /// As [`fsetstat`](Self::fsetstat).
    pub fn fstat_ex(&self, attrs: &mut SFTPAttributes, setstat: bool) -> Result<(), Error> {
        if setstat {
            return self.fsetstat(attrs);
        }
        *attrs = self.fstat()?;
        Ok(())
    }

    /// The space of the file's file system.
    ///
    /// # Errors
    /// As [`fsync`](Self::fsync).
    pub fn fstatvfs(&self) -> Result<SFTPStatVFS, Error> {
        let file = self.open_file()?;
        Ok(self.sftp.run(&self.calls.space, "space", || file.begin_stat_vfs())?.into())
    }
}

/// Goes on with a write; `None` if it would have to wait.
fn go_on(file: &File, waits: bool, data: &[u8], sent: &mut usize) -> Option<Result<usize, Below>> {
    while *sent < data.len() {
        let rest = &data[*sent..];
        match if waits { file.write_next(rest) } else { file.try_write(rest)? } {
            Ok(n) => *sent += n,
            Err(error) => return Some(Err(error)),
        }
    }
    let settled = if waits { file.settle() } else { file.try_flush()? };
    Some(settled.map(|()| data.len()))
}

impl Drop for SFTPHandle {
    fn drop(&mut self) {
        if let Open::File(file) = &self.open
            && !self.waits()
        {
            // It does not wait when it goes, once it was asked to close.
            drop(file.begin_close());
        }
    }
}

/// Names with attributes, of [`SFTPHandle::readdir`].
#[derive(Debug)]
pub struct Names<'a>(&'a SFTPHandle);

/// Names with lines and attributes, of [`SFTPHandle::readdir_ex`].
#[derive(Debug)]
pub struct LongNames<'a>(&'a SFTPHandle);

/// The contents of a file in pieces, of iterating over an [`SFTPHandle`].
#[derive(Debug)]
pub struct Pieces<'a>(&'a SFTPHandle);

impl Iterator for Names<'_> {
    type Item = Result<(Vec<u8>, SFTPAttributes), Error>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.0.next()?.map(|entry| (entry.name, entry.attributes.into())))
    }
}

impl Iterator for LongNames<'_> {
    type Item = Result<(Vec<u8>, Vec<u8>, SFTPAttributes), Error>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.0.next()?.map(|entry| (entry.name, entry.longname, entry.attributes.into())))
    }
}

impl Iterator for Pieces<'_> {
    type Item = Result<Vec<u8>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut piece = vec![0; PIECE];
        match self.0.read(&mut piece) {
            Ok(0) => None,
            Ok(n) => {
                piece.truncate(n);
                Some(Ok(piece))
            }
            Err(error) => Some(Err(error)),
        }
    }
}

impl<'a> IntoIterator for &'a SFTPHandle {
    type Item = Result<Vec<u8>, Error>;
    type IntoIter = Pieces<'a>;

    fn into_iter(self) -> Pieces<'a> {
        Pieces(self)
    }
}

impl Read for &SFTPHandle {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(SFTPHandle::read(self, buffer)?)
    }
}

impl Read for SFTPHandle {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(Self::read(self, buffer)?)
    }
}

impl Write for &SFTPHandle {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let file = self.open_file()?;
        Ok(self.told(if self.waits() { Some(file.write_next(data)) } else { file.try_write(data) })?)
    }

    fn flush(&mut self) -> io::Result<()> {
        let file = self.open_file()?;
        Ok(self.told(if self.waits() { Some(file.settle()) } else { file.try_flush() })?)
    }
}

impl Write for SFTPHandle {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        Write::write(&mut &*self, data)
    }

    fn flush(&mut self) -> io::Result<()> {
        Write::flush(&mut &*self)
    }
}

impl Seek for &SFTPHandle {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let (base, by) = match to {
            SeekFrom::Start(at) => (at, 0),
            SeekFrom::Current(by) => (self.tell64(), by),
            SeekFrom::End(by) => (self.fstat()?.filesize, by),
        };
        let before = || io::Error::new(io::ErrorKind::InvalidInput, "a place before the beginning of the file");
        let at = base.checked_add_signed(by).ok_or_else(before)?;
        self.seek64(at);
        Ok(at)
    }
}

impl Seek for SFTPHandle {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        Seek::seek(&mut &*self, to)
    }
}

impl fmt::Debug for SFTPHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SFTPHandle").field("closed", &self.closed()).finish_non_exhaustive()
    }
}

/// What is said of a file, or is to be set, `ssh2.sftp_handle.SFTPAttributes`: what `flags` names, the rest being 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SFTPAttributes {
    /// What is known, or to be set: `LIBSSH2_SFTP_ATTR_`.
    pub flags: u64,
    /// Size in bytes.
    pub filesize: u64,
    /// User, as a number.
    pub uid: u64,
    /// Group, as a number.
    pub gid: u64,
    /// The mode: kind and permissions.
    pub permissions: u64,
    /// Time of the last access, in seconds since 1970.
    pub atime: u64,
    /// Time of the last change, in seconds since 1970.
    pub mtime: u64,
}

impl From<Attributes<'_>> for SFTPAttributes {
    fn from(told: Attributes<'_>) -> Self {
        let flag = |known, flag| if known { flag } else { 0 };
        let owner = told.owner.unwrap_or(Owner { user: 0, group: 0 });
        let times = told.times.unwrap_or(Times { accessed: 0, modified: 0 });
        Self {
            flags: flag(told.size.is_some(), LIBSSH2_SFTP_ATTR_SIZE)
                | flag(told.owner.is_some(), LIBSSH2_SFTP_ATTR_UIDGID)
                | flag(told.permissions.is_some(), LIBSSH2_SFTP_ATTR_PERMISSIONS)
                | flag(told.times.is_some(), LIBSSH2_SFTP_ATTR_ACMODTIME),
            filesize: told.size.unwrap_or(0),
            uid: owner.user.into(),
            gid: owner.group.into(),
            permissions: told.permissions.unwrap_or(0).into(),
            atime: times.accessed.into(),
            mtime: times.modified.into(),
        }
    }
}

impl TryFrom<&SFTPAttributes> for Attributes<'static> {
    type Error = Error;

    fn try_from(attrs: &SFTPAttributes) -> Result<Self, Error> {
        let has = |flag| attrs.flags & flag != 0;
        let small = |number: u64| {
            let beyond = |_| Error::new(OutOfBoundaryError, format!("{number} is more than an attribute can be"));
            u32::try_from(number).map_err(beyond)
        };
        Ok(Self {
            size: has(LIBSSH2_SFTP_ATTR_SIZE).then_some(attrs.filesize),
            owner: if has(LIBSSH2_SFTP_ATTR_UIDGID) {
                Some(Owner { user: small(attrs.uid)?, group: small(attrs.gid)? })
            } else {
                None
            },
            permissions: if has(LIBSSH2_SFTP_ATTR_PERMISSIONS) { Some(small(attrs.permissions)?) } else { None },
            times: if has(LIBSSH2_SFTP_ATTR_ACMODTIME) {
                Some(Times { accessed: small(attrs.atime)?, modified: small(attrs.mtime)? })
            } else {
                None
            },
            ..Self::NONE
        })
    }
}

/// The space of a file system, `ssh2.sftp_handle.SFTPStatVFS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SFTPStatVFS {
    /// Bytes of a block.
    pub f_bsize: u64,
    /// Bytes of what blocks are counted in.
    pub f_frsize: u64,
    /// Blocks, of `f_frsize`.
    pub f_blocks: u64,
    /// Free blocks.
    pub f_bfree: u64,
    /// Free blocks for anybody.
    pub f_bavail: u64,
    /// Places for files.
    pub f_files: u64,
    /// Free places.
    pub f_ffree: u64,
    /// Free places for anybody.
    pub f_favail: u64,
    /// Which file system it is.
    pub f_fsid: u64,
    /// `LIBSSH2_SFTP_ST_`.
    pub f_flag: u64,
    /// Bytes of a name, at most.
    pub f_namemax: u64,
}

impl From<StatVfs> for SFTPStatVFS {
    fn from(told: StatVfs) -> Self {
        Self {
            f_bsize: told.block_size,
            f_frsize: told.fragment_size,
            f_blocks: told.blocks,
            f_bfree: told.free,
            f_bavail: told.available,
            f_files: told.files,
            f_ffree: told.files_free,
            f_favail: told.files_available,
            f_fsid: told.id,
            f_flag: told.flags,
            f_namemax: told.longest_name,
        }
    }
}
