//! The files here that trees are copied to or from, by root and path below it. Below a root no symbolic link is followed,
//! so that whatever a server names stays inside.

use super::copy::{Copy, MODE};
use core::ffi::CStr;
use core::time::Duration;
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat};
use rustix::fs::{fchmod, mkdirat, openat, readlinkat, statat, symlinkat, unlinkat};
use rustix::io::Errno;
use sanssh_core::sftp::{Attributes, FileKind, Times};
use std::fs::{File, FileTimes};
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// How directories below a root are opened.
const ENTER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
/// What files are opened with besides: a FIFO must not make anybody wait.
const FILE: OFlags = OFlags::CLOEXEC.union(OFlags::NONBLOCK).union(OFlags::NOCTTY);
/// What directories are made with, less the process's mask.
const DIRECTORY_MODE: u32 = 0o777;

/// A place here.
#[derive(Debug)]
pub(super) struct Here {
    root: PathBuf,
    /// Whether the root is to be a directory, or a file: not what the server says it is.
    is_tree: bool,
    /// The directory that was entered last, by its path below the root.
    entered: Option<(Vec<u8>, OwnedFd)>,
}

impl Here {
    /// A file, or a directory with all that is in it.
    pub(super) fn new(root: &Path, kind: FileKind) -> Self {
        Self { root: root.to_owned(), is_tree: kind == FileKind::Directory, entered: None }
    }

    /// The path, for people.
    pub(super) fn path(&self, below: &[u8]) -> PathBuf {
        if below.is_empty() { self.root.clone() } else { self.root.join(std::ffi::OsStr::from_bytes(below)) }
    }

    /// The directory that holds the place, and the name there.
    fn parent<'b>(&mut self, below: &'b [u8]) -> io::Result<(&OwnedFd, &'b [u8])> {
        let (above, name) = match below.iter().rposition(|byte| *byte == b'/') {
            Some(slash) => (&below[..slash], &below[slash + 1..]),
            None => (&[][..], below),
        };
        if self.entered.as_ref().is_none_or(|(path, _)| path != above) {
            let mut at = rustix::fs::open(&self.root, ENTER.difference(OFlags::NOFOLLOW), Mode::empty())?;
            for part in above.split(|byte| *byte == b'/').filter(|part| !part.is_empty()) {
                at = openat(&at, part, ENTER, Mode::empty())?;
            }
            self.entered = Some((above.to_vec(), at));
        }
        let (_, directory) = self.entered.as_ref().ok_or(Errno::NOENT)?;
        Ok((directory, name))
    }

    /// Opens what is there as a directory.
    fn enter(&mut self, below: &[u8], follow: bool) -> io::Result<OwnedFd> {
        if below.is_empty() {
            return Ok(rustix::fs::open(&self.root, ENTER.difference(OFlags::NOFOLLOW), Mode::empty())?);
        }
        let (directory, name) = self.parent(below)?;
        let flags = if follow { ENTER.difference(OFlags::NOFOLLOW) } else { ENTER };
        Ok(openat(directory, name, flags, Mode::empty())?)
    }

    /// Makes a directory, unless it is there.
    pub(super) fn make(&mut self, below: &[u8]) -> io::Result<()> {
        let made = if below.is_empty() {
            if !self.is_tree {
                return Err(Errno::ISDIR.into());
            }
            rustix::fs::mkdir(&self.root, Mode::from_raw_mode(DIRECTORY_MODE))
        } else {
            let (directory, name) = self.parent(below)?;
            mkdirat(directory, name, Mode::from_raw_mode(DIRECTORY_MODE))
        };
        match made {
            Err(Errno::EXIST) => self.enter(below, false).map(drop),
            made => Ok(made?),
        }
    }

    /// Opens a file for writing.
    pub(super) fn create(&mut self, below: &[u8], mode: Option<u32>, copy: &Copy) -> io::Result<File> {
        let mut flags = FILE | OFlags::WRONLY | OFlags::CREATE;
        flags.set(OFlags::TRUNC, !copy.resume);
        flags.set(OFlags::NOFOLLOW, !below.is_empty() || copy.no_follow);
        let mode = Mode::from_raw_mode(mode.unwrap_or(0o666) & MODE);
        let fd = if below.is_empty() {
            if self.is_tree {
                return Err(Errno::NOTDIR.into());
            }
            rustix::fs::open(&self.root, flags.difference(OFlags::NONBLOCK), mode)?
        } else {
            let (directory, name) = self.parent(below)?;
            openat(directory, name, flags, mode)?
        };
        regular(File::from(fd), below)
    }

    /// Opens a file for reading.
    pub(super) fn open(&mut self, below: &[u8], follow: bool) -> io::Result<File> {
        let fd = if below.is_empty() {
            rustix::fs::open(&self.root, FILE | OFlags::RDONLY, Mode::empty())?
        } else {
            let (directory, name) = self.parent(below)?;
            let mut flags = FILE | OFlags::RDONLY;
            flags.set(OFlags::NOFOLLOW, !follow);
            openat(directory, name, flags, Mode::empty())?
        };
        regular(File::from(fd), b"x")
    }

    /// The names in a directory, to be read bit by bit.
    pub(super) fn list(&mut self, below: &[u8], follow: bool) -> io::Result<Dir> {
        Ok(Dir::new(self.enter(below, follow)?)?)
    }

    /// Where a symbolic link leads.
    pub(super) fn read_link(&mut self, below: &[u8]) -> io::Result<Vec<u8>> {
        let (directory, name) = self.parent(below)?;
        Ok(readlinkat(directory, name, Vec::new())?.into_bytes())
    }

    /// Makes a symbolic link, in the place of another if there is one.
    pub(super) fn link(&mut self, below: &[u8], target: &[u8]) -> io::Result<()> {
        let (directory, name) = self.parent(below)?;
        match symlinkat(target, directory, name) {
            Err(Errno::EXIST) => {
                let there = statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)?;
                if FileType::from_raw_mode(there.st_mode) != FileType::Symlink {
                    return Err(Errno::EXIST.into());
                }
                unlinkat(directory, name, AtFlags::empty())?;
                Ok(symlinkat(target, directory, name)?)
            }
            made => Ok(made?),
        }
    }

    /// Gives a directory its permissions and times.
    pub(super) fn settle(&mut self, below: &[u8], attributes: &Attributes<'_>) -> io::Result<()> {
        give(&File::from(self.enter(below, false)?), attributes)
    }
}

/// Refuses what is no file of bytes, but for a root, which its caller has named.
fn regular(file: File, below: &[u8]) -> io::Result<File> {
    if below.is_empty() || file.metadata()?.is_file() {
        return Ok(file);
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"))
}

/// Gives an open file or directory permissions and times.
pub(super) fn give(file: &File, attributes: &Attributes<'_>) -> io::Result<()> {
    if let Some(mode) = attributes.permissions {
        fchmod(file, Mode::from_raw_mode(mode & MODE))?;
    }
    if let Some(times) = attributes.times {
        let at = |seconds: u32| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.into());
        file.set_times(FileTimes::new().set_accessed(at(times.accessed)).set_modified(at(times.modified)))?;
    }
    Ok(())
}

/// What an entry is.
pub(super) fn look(directory: BorrowedFd<'_>, name: &CStr, follow: bool) -> Result<Stat, Errno> {
    statat(directory, name, if follow { AtFlags::empty() } else { AtFlags::SYMLINK_NOFOLLOW })
}

/// What the system says of a file, as SFTP has it.
pub(super) fn attributes(stat: &Stat) -> Attributes<'static> {
    let seconds = |time: i64| u32::try_from(time.max(0)).unwrap_or(u32::MAX);
    Attributes {
        size: u64::try_from(stat.st_size).ok(),
        permissions: Some(stat.st_mode),
        times: Some(Times { accessed: seconds(stat.st_atime), modified: seconds(stat.st_mtime) }),
        ..Attributes::NONE
    }
}
