//! Files and directories here, each opened by its name in an open directory, so that nothing that is moved or linked
//! meanwhile leads elsewhere.

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat, Timespec, Timestamps};
use rustix::fs::{fchmod, fstat, ftruncate, futimens, mkdirat, open, openat, statat};
use rustix::io::Errno;
use sanssh_core::scp::{Stamp, Times};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

const PLAIN: OFlags = OFlags::CLOEXEC.union(OFlags::NOCTTY).union(OFlags::NONBLOCK);

/// Something to send.
#[derive(Debug)]
pub(super) enum Found {
    File(File),
    Directory(OwnedFd),
}

/// Opens what is to be sent. Only files and directories are opened, for to open a device can do anything.
pub(super) fn find(at: BorrowedFd<'_>, name: &Path, follow: bool) -> io::Result<(Found, Stat)> {
    let (flags, nofollow) =
        if follow { (AtFlags::empty(), OFlags::empty()) } else { (AtFlags::SYMLINK_NOFOLLOW, OFlags::NOFOLLOW) };
    let is = FileType::from_raw_mode(statat(at, name, flags)?.st_mode);
    if is == FileType::Symlink {
        return Err(io::Error::other("it is a symbolic link"));
    }
    if !is.is_file() && !is.is_dir() {
        return Err(io::Error::other("it is neither a file nor a directory"));
    }
    let opened = openat(at, name, OFlags::RDONLY | PLAIN | nofollow, Mode::empty())?;
    let stat = fstat(&opened)?;
    if FileType::from_raw_mode(stat.st_mode) != is {
        return Err(io::Error::other("it has become something else"));
    }
    Ok((if is.is_dir() { Found::Directory(opened) } else { Found::File(opened.into()) }, stat))
}

/// Bytes that the names of one directory may take: they are read at once, to be sent in the same order each time.
const MOST_NAMES: usize = 64 * 1024 * 1024;

/// The names in a directory, in their order.
pub(super) fn names(directory: &OwnedFd) -> io::Result<Vec<Vec<u8>>> {
    let (mut names, mut taken) = (Vec::new(), 0);
    for entry in Dir::read_from(directory)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if !matches!(name, b"." | b"..") {
            taken += name.len() + size_of::<Vec<u8>>();
            if taken > MOST_NAMES {
                return Err(io::Error::other("it holds too many files for one directory"));
            }
            names.push(name.to_vec());
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// When a file was changed and read; what was before 1970 was then.
pub(super) fn times(stat: &Stat) -> Times {
    let stamp = |seconds: i64, nanos: i64| Stamp {
        seconds: u64::try_from(seconds).unwrap_or(0),
        micros: u32::try_from(nanos / 1000).unwrap_or(0),
    };
    let nanos = |nanos| i64::try_from(nanos).unwrap_or(0);
    Times {
        modified: stamp(stat.st_mtime, nanos(stat.st_mtime_nsec)),
        accessed: stamp(stat.st_atime, nanos(stat.st_atime_nsec)),
    }
}

/// An existing directory that the caller names.
pub(super) fn directory(path: &Path) -> io::Result<OwnedFd> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    Ok(open(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?)
}

/// A directory in another, not over a link.
pub(super) fn enter(at: BorrowedFd<'_>, name: &[u8]) -> io::Result<OwnedFd> {
    Ok(openat(at, name, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW, Mode::empty())?)
}

/// Opens a file for what comes. `named` tells that the caller gave this name, rather than the other end: then it may be
/// a device.
pub(super) fn create(at: BorrowedFd<'_>, name: &[u8], mode: u32, follow: bool, named: bool) -> io::Result<File> {
    let fresh = openat(at, name, OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | PLAIN, Mode::from_raw_mode(mode));
    match fresh {
        Err(Errno::EXIST) => {}
        other => return Ok(other?.into()),
    }
    let nofollow = if follow { OFlags::empty() } else { OFlags::NOFOLLOW };
    let opened = openat(at, name, OFlags::WRONLY | PLAIN | nofollow, Mode::empty()).map_err(link)?;
    if FileType::from_raw_mode(fstat(&opened)?.st_mode).is_file() {
        ftruncate(&opened, 0)?;
    } else if !named {
        return Err(io::Error::other("it is there and is no file"));
    }
    Ok(opened.into())
}

/// Makes a directory, or finds it, and says whether it is new. Its owner can use it whatever its mode is to be.
pub(super) fn make_directory(at: BorrowedFd<'_>, name: &[u8], mode: u32, follow: bool) -> io::Result<(OwnedFd, bool)> {
    let is_new = match mkdirat(at, name, Mode::from_raw_mode(mode & 0o777) | Mode::RWXU) {
        Err(Errno::EXIST) => false,
        other => other.map(|()| true)?,
    };
    let nofollow = if follow { OFlags::empty() } else { OFlags::NOFOLLOW };
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | nofollow;
    Ok((openat(at, name, flags, Mode::empty()).map_err(link)?, is_new))
}

/// Says what the system means by too many links.
fn link(error: Errno) -> io::Error {
    if error == Errno::LOOP { io::Error::other("it is a symbolic link") } else { error.into() }
}

/// Gives what was stored its mode and times.
pub(super) fn finish(what: impl AsFd, mode: Option<u32>, times: Option<Times>) -> io::Result<()> {
    if let Some(mode) = mode {
        fchmod(&what, Mode::from_raw_mode(mode))?;
    }
    if let Some(Times { modified, accessed }) = times {
        let stamp = |Stamp { seconds, micros }| Timespec {
            tv_sec: i64::try_from(seconds).unwrap_or(i64::MAX),
            tv_nsec: i64::from(micros) * 1000,
        };
        futimens(&what, &Timestamps { last_access: stamp(accessed), last_modification: stamp(modified) })?;
    }
    Ok(())
}

/// Takes from a new directory what its owner had for the time of the copy only.
pub(super) fn restrict(directory: &OwnedFd, mode: u32) -> io::Result<()> {
    let now = fstat(directory)?.st_mode & 0o777;
    if now & mode != now { finish(directory, Some(now & mode), None) } else { Ok(()) }
}

/// A name of the other end's as a path.
pub(super) fn path(name: &[u8]) -> &Path {
    Path::new(std::ffi::OsStr::from_bytes(name))
}
