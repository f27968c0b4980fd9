//! The way from a path to a directory and a name in it, which never leaves the root: each directory is opened from the one
//! above it, `..` goes back along the directories that are open, and links are read here and never by the system.
//!
//! ```text
//! open root -- name --> open, no link followed -- name --> ... -- last name --> Place: directory, name
//!     ^                  |          |
//!     +-- absolute link -+          +-- relative link: its components come next
//! ```

use rustix::fs::{AtFlags, Mode, OFlags, fstat, openat, readlinkat, statat};
use rustix::io::{Errno, Result};
use rustix::process::geteuid;
use sanssh_core::sftp::path::components;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Bytes of a path, at most; what systems have as PATH_MAX.
const LONGEST: usize = 4096;
/// Directories deep, at most: each is held open on the way.
const DEEPEST: usize = 256;
/// Links on one way, at most.
const MOST_LINKS: usize = 40;
/// A directory where everybody may write, but only owners may remove.
const SHARED: u32 = 0o1002;

/// To pass through a directory takes no right to list it, where the system can tell.
#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
const PASSING: OFlags = OFlags::PATH;
#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
const PASSING: OFlags = OFlags::RDONLY;

/// Opens a directory to go through it.
pub(super) const ENTER: OFlags = PASSING.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Opens anything, to look at it and nothing else.
#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
pub(super) const LOOK: OFlags = PASSING.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
pub(super) const LOOK: OFlags = PASSING.union(OFlags::NONBLOCK).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Where all ways begin.
#[derive(Debug)]
pub(super) struct Root {
    pub(super) fd: OwnedFd,
    /// Where it really is: absolute, without links.
    pub(super) path: Vec<u8>,
}

/// What becomes of a link at the end of the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Last {
    /// The way goes on to where it leads.
    Follow,
    /// The way ends at the link itself.
    Keep,
}

/// A directory, held open, and a name in it, which may not exist; `.` for the directory itself. Whatever is done to it must
/// not follow links.
#[derive(Debug)]
pub(super) struct Place<'a> {
    root: &'a Root,
    below: Vec<(OwnedFd, Vec<u8>)>,
    name: Vec<u8>,
}

impl Place<'_> {
    pub(super) fn directory(&self) -> BorrowedFd<'_> {
        self.below.last().map_or_else(|| self.root.fd.as_fd(), |(fd, _)| fd.as_fd())
    }

    pub(super) fn name(&self) -> &[u8] {
        &self.name
    }

    /// The path from the root, without links and detours.
    pub(super) fn path(&self) -> Vec<u8> {
        let names = self.below.iter().map(|(_, name)| &name[..]);
        let mut path = Vec::new();
        for name in names.chain(Some(&self.name[..]).filter(|name| *name != b".")) {
            path.push(b'/');
            path.extend(name);
        }
        if path.is_empty() { b"/".to_vec() } else { path }
    }
}

impl Root {
    /// Walks along a path, from the root if it is absolute and from `start` otherwise.
    pub(super) fn walk(&self, start: &[u8], path: &[u8], last: Last) -> Result<Place<'_>> {
        if path.is_empty() || path.contains(&0) {
            return Err(Errno::NOENT);
        }
        if path.len() > LONGEST {
            return Err(Errno::NAMETOOLONG);
        }
        let mut walk =
            Walk { place: Place { root: self, below: Vec::new(), name: b".".to_vec() }, ahead: Vec::new(), links: 0 };
        walk.plan(path);
        if !path.starts_with(b"/") {
            walk.plan(start);
        }
        while let Some(step) = walk.ahead.pop() {
            walk.step(step, last)?;
        }
        Ok(walk.place)
    }

    /// Where a link leads, seen from the root. An absolute one that was made by the root's real path leads there; any other
    /// is taken as in a system whose root this is.
    pub(super) fn seen_from_inside(&self, target: &[u8]) -> Vec<u8> {
        let mut rest = components(target);
        let names_root = components(&self.path).all(|name| rest.next() == Some(name));
        if !target.starts_with(b"/") || !names_root || self.path == b"/" {
            return target.to_vec();
        }
        let inside = rest.flat_map(|name| [b"/", name]).collect::<Vec<_>>().concat();
        if inside.is_empty() { b"/".to_vec() } else { inside }
    }
}

struct Walk<'a> {
    place: Place<'a>,
    /// The components still to go, the next one last.
    ahead: Vec<Vec<u8>>,
    links: usize,
}

impl Walk<'_> {
    /// Puts a path in front of what is ahead.
    fn plan(&mut self, path: &[u8]) {
        if path.ends_with(b"/") || path.ends_with(b"/.") {
            // Only a directory can be meant, also behind a link.
            self.ahead.push(b".".to_vec());
        }
        self.ahead.extend(components(path).rev().map(<[u8]>::to_vec));
    }

    fn step(&mut self, name: Vec<u8>, last: Last) -> Result<()> {
        let place = &mut self.place;
        if name == b"." || name == b".." {
            if name == b".." {
                place.below.pop();
            }
            return Ok(());
        }
        if self.ahead.is_empty() {
            if last == Last::Follow
                && let Some(target) = self.link(&name)?
            {
                return self.follow(&target);
            }
            self.place.name = name;
            return Ok(());
        }
        match openat(place.directory(), &name, ENTER, Mode::empty()) {
            Ok(_) if place.below.len() == DEEPEST => Err(Errno::NAMETOOLONG),
            Ok(fd) => {
                place.below.push((fd, name));
                Ok(())
            }
            Err(error) => {
                let target = self.link(&name)?.ok_or(error)?;
                self.follow(&target)
            }
        }
    }

    /// What a name in the directory links to, if it is a link at all.
    fn link(&self, name: &[u8]) -> Result<Option<Vec<u8>>> {
        let directory = self.place.directory();
        let target = match readlinkat(directory, name, Vec::new()) {
            Ok(target) => target.into_bytes(),
            Err(Errno::INVAL | Errno::NOENT) => return Ok(None),
            Err(error) => return Err(error),
        };
        let shared = fstat(directory)?;
        if shared.st_mode & SHARED == SHARED {
            // Anybody could have laid it there for others to follow; systems have the same rule.
            let owner = statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)?.st_uid;
            if owner != geteuid().as_raw() && owner != shared.st_uid {
                return Err(Errno::ACCESS);
            }
        }
        Ok(Some(target))
    }

    fn follow(&mut self, target: &[u8]) -> Result<()> {
        self.links += 1;
        if self.links > MOST_LINKS {
            return Err(Errno::LOOP);
        }
        if target.is_empty() {
            return Err(Errno::NOENT);
        }
        if target.starts_with(b"/") {
            self.place.below.clear();
        }
        let target = self.place.root.seen_from_inside(target);
        self.plan(&target);
        Ok(())
    }
}
