//! A directory to serve: everything below its root can be reached by paths that begin there, and nothing else, whatever
//! paths and links say, and whoever moves things about meanwhile. What the system refuses is refused; a directory can also
//! be served for reading alone.

mod change;
mod copy;
mod listing;
mod requests;
mod service;
mod walk;

use change::change;
use copy::copy;
use listing::{Entries, group_name, user_name};

use listing::Lines;
use nix::unistd::User;
use rustix::fs::{AtFlags, Dir, Mode, OFlags, RenameFlags, Stat, StatVfsMountFlags};
use rustix::fs::{fstat, fstatvfs, linkat, mkdirat, openat, readlinkat, renameat, statat, symlinkat, unlinkat};
use rustix::io::Errno;
use sanssh_core::sftp::{self, Access, Attributes, Owner, Times};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use walk::{ENTER, Last, Place, Root};

/// What a file is made with where a client does not say, before the process's own mask.
const FILE_MODE: u32 = 0o666;
/// The same of a directory.
const DIRECTORY_MODE: u32 = 0o777;
/// What of a mode can be set: everything but the kind of file.
const SETTABLE: u32 = 0o7777;

/// How a directory is served; the rest by struct update from the default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// Where relative paths begin, seen from the root.
    pub home: Vec<u8>,
    /// Nothing can be changed.
    pub read_only: bool,
}

impl Default for Share {
    /// Relative paths begin at the root; what the system permits can be changed.
    fn default() -> Self {
        Self { home: b"/".to_vec(), read_only: false }
    }
}

/// A directory that clients are confined to, for a [`Handler`](crate::Handler)'s sessions:
///
/// ```no_run
/// # use sanssh_std::{Directory, Session, Share, Start};
/// fn session(session: &Session) -> Result<(), sanssh_std::Error> {
///     match session.start() {
///         // `ServerConfig::subsystems` names it.
///         Start::Subsystem(_) => Directory::open("/srv/files", &Share::default())?.serve_sftp(session),
///         Start::Shell | Start::Exec(_) => session.exit(1),
///     }
/// }
/// ```
#[derive(Debug)]
pub struct Directory {
    root: Root,
    home: Vec<u8>,
    read_only: bool,
}

impl Directory {
    /// Serves what is below `root`, which may be `/`. Where the home is not there, relative paths begin at the root.
    ///
    /// # Errors
    /// As the system has them, if there is no such directory or it cannot be entered.
    pub fn open(root: impl AsRef<Path>, share: &Share) -> io::Result<Self> {
        let path = std::fs::canonicalize(root)?;
        let fd = rustix::fs::open(&path, ENTER, Mode::empty())?;
        let path = path.as_os_str().as_bytes().to_vec();
        let directory = Self { root: Root { fd, path }, home: b"/".to_vec(), read_only: share.read_only };
        let home = directory.real_path(&share.home).unwrap_or_default();
        let exists = home.starts_with(b"/") && directory.stat(&home).is_ok_and(|stat| is_directory(&stat));
        Ok(if exists { Self { home, ..directory } } else { directory })
    }

    /// Whether paths are those of the whole system.
    pub(crate) fn is_whole(&self) -> bool {
        self.root.path == b"/"
    }

    /// Opens a file. Attributes count if it is made: the permissions, less the process's mask.
    pub(crate) fn file(&self, path: &[u8], access: Access, attributes: &Attributes<'_>) -> io::Result<File> {
        if access.writes() {
            self.check_writable()?;
        }
        // A link at the end of a name that must be new is in the way.
        let last = if access.has(Access::EXCLUSIVE) { Last::Keep } else { Last::Follow };
        let place = self.walk(path, last)?;
        let mode = Mode::from_raw_mode(attributes.permissions.unwrap_or(FILE_MODE) & SETTABLE);
        let fd = openat(place.directory(), place.name(), flags(access), mode)?;
        Ok(File::from(fd))
    }

    /// The attributes of what a path leads to.
    pub(crate) fn attributes(&self, path: &[u8]) -> io::Result<Attributes<'static>> {
        Ok(attributes(&self.stat(path)?))
    }

    /// The attributes of a link itself, or of anything else.
    pub(crate) fn own_attributes(&self, path: &[u8]) -> io::Result<Attributes<'static>> {
        let place = self.walk(path, Last::Keep)?;
        Ok(attributes(&statat(place.directory(), place.name(), AtFlags::SYMLINK_NOFOLLOW)?))
    }

    /// Sets attributes of what a path leads to.
    pub(crate) fn change(&self, path: &[u8], to: &Attributes<'_>) -> io::Result<()> {
        self.check_writable()?;
        change::at(&self.walk(path, Last::Follow)?, to)
    }

    /// Sets attributes of a link itself, or of anything else.
    pub(crate) fn change_own(&self, path: &[u8], to: &Attributes<'_>) -> io::Result<()> {
        self.check_writable()?;
        change::at(&self.walk(path, Last::Keep)?, to)
    }

    /// Opens a directory for listing.
    pub(crate) fn entries(&self, path: &[u8]) -> io::Result<Entries> {
        let place = self.walk(path, Last::Follow)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = openat(place.directory(), place.name(), flags, Mode::empty())?;
        let (this, root) = (fstat(&fd)?, fstat(&self.root.fd)?);
        let is_root = (this.st_dev, this.st_ino) == (root.st_dev, root.st_ino);
        Ok(Entries::new(Dir::new(fd)?, is_root, Lines::new(self.is_whole())))
    }

    /// Removes a file or a link.
    pub(crate) fn remove_file(&self, path: &[u8]) -> io::Result<()> {
        self.remove(path, AtFlags::empty())
    }

    /// Removes an empty directory.
    pub(crate) fn remove_directory(&self, path: &[u8]) -> io::Result<()> {
        self.remove(path, AtFlags::REMOVEDIR)
    }

    /// Makes a directory, with the permissions of the attributes, less the process's mask.
    pub(crate) fn make_directory(&self, path: &[u8], attributes: &Attributes<'_>) -> io::Result<()> {
        self.check_writable()?;
        let place = self.walk(bare(path), Last::Keep)?;
        let mode = attributes.permissions.unwrap_or(DIRECTORY_MODE) & SETTABLE;
        Ok(mkdirat(place.directory(), place.name(), Mode::from_raw_mode(mode))?)
    }

    /// Gives a file another name, which must be free.
    pub(crate) fn rename_to_free(&self, old: &[u8], new: &[u8]) -> io::Result<()> {
        self.check_writable()?;
        let (old, new) = (self.walk(bare(old), Last::Keep)?, self.walk(bare(new), Last::Keep)?);
        match renameat_new(&old, &new) {
            // Some file systems, and some systems, do not know how.
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => Ok(link_and_unlink(&old, &new)?),
            renamed => Ok(renamed?),
        }
    }

    /// Gives a file another name, in place of what had it.
    pub(crate) fn rename_over(&self, old: &[u8], new: &[u8]) -> io::Result<()> {
        self.check_writable()?;
        let (old, new) = (self.walk(bare(old), Last::Keep)?, self.walk(bare(new), Last::Keep)?);
        Ok(renameat(old.directory(), old.name(), new.directory(), new.name())?)
    }

    /// The path without links and detours, seen from the root. Its last component need not exist.
    pub(crate) fn real_path(&self, path: &[u8]) -> io::Result<Vec<u8>> {
        Ok(self.walk(path, Last::Follow)?.path())
    }

    /// Where a link leads, in its own words, unless they would tell where the root is.
    pub(crate) fn read_link(&self, path: &[u8]) -> io::Result<Vec<u8>> {
        let place = self.walk(path, Last::Keep)?;
        let target = readlinkat(place.directory(), place.name(), Vec::new())?;
        Ok(self.root.seen_from_inside(target.as_bytes()))
    }

    /// Makes a link with these words, which lead nowhere out of the root from here.
    pub(crate) fn link(&self, target: &[u8], link: &[u8]) -> io::Result<()> {
        self.check_writable()?;
        let place = self.walk(link, Last::Keep)?;
        Ok(symlinkat(target, place.directory(), place.name())?)
    }

    /// Gives a file a second name.
    pub(crate) fn hard_link(&self, old: &[u8], new: &[u8]) -> io::Result<()> {
        self.check_writable()?;
        let (old, new) = (self.walk(old, Last::Keep)?, self.walk(new, Last::Keep)?);
        Ok(linkat(old.directory(), old.name(), new.directory(), new.name(), AtFlags::empty())?)
    }

    /// The space where a path leads.
    pub(crate) fn space(&self, path: &[u8]) -> io::Result<sftp::StatVfs> {
        let place = self.walk(path, Last::Follow)?;
        // Of the directory alone, a file that is mounted by itself would not be told.
        match openat(place.directory(), place.name(), walk::LOOK, Mode::empty()) {
            Ok(fd) => space(&fd),
            Err(Errno::ACCESS) => space(place.directory()),
            Err(error) => Err(error.into()),
        }
    }

    /// A path where `~` in front stands for the home, and `~name` for that of a user.
    pub(crate) fn expanded(&self, path: &[u8]) -> io::Result<Vec<u8>> {
        let Some(rest) = path.strip_prefix(b"~") else { return self.real_path(path) };
        let end = rest.iter().position(|byte| *byte == b'/').unwrap_or(rest.len());
        let (user, rest) = rest.split_at(end);
        let mut path = self.home_of(user)?;
        path.extend(rest);
        self.real_path(&path)
    }

    /// The home of a user; of nobody's name, that of whom the directory is served to. Others' are known if all is served.
    pub(crate) fn home_of(&self, user: &[u8]) -> io::Result<Vec<u8>> {
        if user.is_empty() {
            return Ok(self.home.clone());
        }
        let record = str::from_utf8(user).ok().filter(|_| self.is_whole());
        let record = record.and_then(|user| User::from_name(user).ok().flatten());
        Ok(record.ok_or(Errno::NOENT)?.dir.as_os_str().as_bytes().to_vec())
    }

    /// The directory where a path ends, and its name there, which may not exist. Whatever is done to it must not follow
    /// links.
    pub(crate) fn place(&self, path: &[u8]) -> io::Result<(OwnedFd, Vec<u8>)> {
        let place = self.walk(path, Last::Follow)?;
        Ok((place.directory().try_clone_to_owned()?, place.name().to_vec()))
    }

    fn walk(&self, path: &[u8], last: Last) -> io::Result<Place<'_>> {
        Ok(self.root.walk(&self.home, path, last)?)
    }

    fn stat(&self, path: &[u8]) -> io::Result<Stat> {
        let place = self.walk(path, Last::Follow)?;
        Ok(statat(place.directory(), place.name(), AtFlags::SYMLINK_NOFOLLOW)?)
    }

    fn remove(&self, path: &[u8], how: AtFlags) -> io::Result<()> {
        self.check_writable()?;
        let path = if how.is_empty() { path } else { bare(path) };
        let place = self.walk(path, Last::Keep)?;
        Ok(unlinkat(place.directory(), place.name(), how)?)
    }

    /// Nothing is touched in a directory that is served for reading.
    pub(crate) fn check_writable(&self) -> io::Result<()> {
        if self.read_only { Err(Errno::ROFS.into()) } else { Ok(()) }
    }
}

/// A path without slashes at its end: they say that a directory is meant, which some calls do not want to hear.
pub(crate) fn bare(path: &[u8]) -> &[u8] {
    let end = path.iter().rposition(|byte| *byte != b'/').map_or_else(|| path.len().min(1), |last| last + 1);
    path.get(..end).unwrap_or(path)
}

/// How a file is opened: never waiting for another end, never as a terminal of this process, never through a link.
fn flags(access: Access) -> OFlags {
    let writes = access.has(Access::WRITE.and(Access::APPEND));
    let mut flags = match (access.has(Access::READ), writes) {
        (_, false) => OFlags::RDONLY,
        (false, true) => OFlags::WRONLY,
        (true, true) => OFlags::RDWR,
    };
    flags.set(OFlags::APPEND, access.has(Access::APPEND));
    flags.set(OFlags::CREATE, access.has(Access::CREATE));
    flags.set(OFlags::TRUNC, access.has(Access::TRUNCATE));
    flags.set(OFlags::EXCL, access.has(Access::CREATE) && access.has(Access::EXCLUSIVE));
    flags | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::NOFOLLOW | OFlags::CLOEXEC
}

#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
fn renameat_new(old: &Place<'_>, new: &Place<'_>) -> Result<(), Errno> {
    let how = RenameFlags::NOREPLACE;
    rustix::fs::renameat_with(old.directory(), old.name(), new.directory(), new.name(), how)
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
fn renameat_new(_: &Place<'_>, _: &Place<'_>) -> Result<(), Errno> {
    Err(Errno::NOSYS)
}

/// Two steps, of which the first fails if the name is taken. Directories cannot be linked, and replace only empty ones.
fn link_and_unlink(old: &Place<'_>, new: &Place<'_>) -> Result<(), Errno> {
    let stat = statat(old.directory(), old.name(), AtFlags::SYMLINK_NOFOLLOW)?;
    if is_directory(&stat) {
        return match statat(new.directory(), new.name(), AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => renameat(old.directory(), old.name(), new.directory(), new.name()),
            Ok(_) => Err(Errno::EXIST),
            Err(error) => Err(error),
        };
    }
    linkat(old.directory(), old.name(), new.directory(), new.name(), AtFlags::empty())?;
    unlinkat(old.directory(), old.name(), AtFlags::empty())
}

fn is_directory(stat: &Stat) -> bool {
    rustix::fs::FileType::from_raw_mode(stat.st_mode) == rustix::fs::FileType::Directory
}

/// The mode of a file, its kind among it.
fn mode(stat: &Stat) -> u32 {
    // Some systems have it in 16 bits.
    u32::try_from(i64::from(stat.st_mode)).unwrap_or_default()
}

/// What clients are told of a file; times before 1970 and after 2106 are the nearest there are.
fn attributes(stat: &Stat) -> Attributes<'static> {
    let seconds = |time: i64| u32::try_from(time.max(0)).unwrap_or(u32::MAX);
    Attributes {
        size: Some(u64::try_from(stat.st_size).unwrap_or_default()),
        owner: Some(Owner { user: stat.st_uid, group: stat.st_gid }),
        permissions: Some(mode(stat)),
        times: Some(Times { accessed: seconds(stat.st_atime), modified: seconds(stat.st_mtime) }),
        ..Attributes::NONE
    }
}

/// The attributes of an open file or directory.
pub(crate) fn attributes_of(file: impl AsFd) -> io::Result<Attributes<'static>> {
    Ok(attributes(&fstat(file)?))
}

/// The space where an open file is.
pub(crate) fn space(file: impl AsFd) -> io::Result<sftp::StatVfs> {
    let space = fstatvfs(file)?;
    let flag = |one| space.f_flag.contains(one);
    Ok(sftp::StatVfs {
        block_size: space.f_bsize,
        fragment_size: space.f_frsize,
        blocks: space.f_blocks,
        free: space.f_bfree,
        available: space.f_bavail,
        files: space.f_files,
        files_free: space.f_ffree,
        files_available: space.f_favail,
        id: space.f_fsid,
        flags: u64::from(flag(StatVfsMountFlags::RDONLY)) | u64::from(flag(StatVfsMountFlags::NOSUID)) << 1,
        longest_name: space.f_namemax,
    })
}

#[cfg(test)]
mod tests;
