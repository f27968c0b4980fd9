//! Setting attributes, of an open file or at a place where nothing follows links. Each is tried, whatever becomes of the
//! others, and the first that fails is told; the owner comes before the permissions, some of which it takes away.

use super::SETTABLE;
use super::walk::Place;
use rustix::fs::{AtFlags, Gid, Mode, OFlags, Timespec, Timestamps, Uid};
use rustix::fs::{chownat, fchmod, fchown, ftruncate, futimens, openat, statat, utimensat};
use rustix::io::{Errno, Result};
use sanssh_core::sftp::{Attributes, Owner, Times};
use std::io;
use std::os::fd::AsFd;

/// Sets attributes of an open file or directory.
pub(crate) fn change(file: impl AsFd, to: &Attributes<'_>) -> io::Result<()> {
    let done = [
        to.size.map(|size| ftruncate(&file, size)),
        to.owner.map(|owner| fchown(&file, user(owner), group(owner))),
        to.permissions.map(|mode| fchmod(&file, settable(mode))),
        to.times.map(|times| futimens(&file, &timestamps(times))),
    ];
    first_failure(done)
}

/// Sets attributes of what is at a place.
pub(super) fn at(place: &Place<'_>, to: &Attributes<'_>) -> io::Result<()> {
    let (directory, name) = (place.directory(), place.name());
    let done = [
        to.size.map(|size| truncate(place, size)),
        to.owner.map(|owner| chownat(directory, name, user(owner), group(owner), AtFlags::SYMLINK_NOFOLLOW)),
        to.permissions.map(|mode| chmod(place, settable(mode))),
        to.times.map(|times| utimensat(directory, name, &timestamps(times), AtFlags::SYMLINK_NOFOLLOW)),
    ];
    if done.iter().all(Option::is_none) {
        // Nothing to set is well, if there is something to set it of.
        statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)?;
    }
    first_failure(done)
}

fn first_failure(done: [Option<Result<()>>; 4]) -> io::Result<()> {
    done.into_iter().flatten().collect::<Result<()>>().map_err(io::Error::from)
}

fn truncate(place: &Place<'_>, size: u64) -> Result<()> {
    let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    ftruncate(openat(place.directory(), place.name(), flags, Mode::empty())?, size)
}

/// The system's call for it would follow a link that came there meanwhile. So the file itself is held, and reached by the
/// name that the process has for it.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn chmod(place: &Place<'_>, mode: Mode) -> Result<()> {
    use std::os::fd::AsRawFd;
    let file = openat(place.directory(), place.name(), super::walk::LOOK, Mode::empty())?;
    let name = format!("/proc/self/fd/{}", file.as_raw_fd());
    match rustix::fs::chmod(&name, mode) {
        Err(Errno::NOENT) => Err(Errno::OPNOTSUPP),
        done => done,
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn chmod(place: &Place<'_>, mode: Mode) -> Result<()> {
    rustix::fs::chmodat(place.directory(), place.name(), mode, AtFlags::SYMLINK_NOFOLLOW)
}

const fn settable(mode: u32) -> Mode {
    Mode::from_bits_truncate(mode & SETTABLE)
}

fn user(owner: Owner) -> Option<Uid> {
    // The highest number stands for none, and changes nothing.
    (owner.user != u32::MAX).then(|| Uid::from_raw(owner.user))
}

fn group(owner: Owner) -> Option<Gid> {
    (owner.group != u32::MAX).then(|| Gid::from_raw(owner.group))
}

fn timestamps(times: Times) -> Timestamps {
    let time = |seconds: u32| Timespec { tv_sec: seconds.into(), tv_nsec: 0 };
    Timestamps { last_access: time(times.accessed), last_modification: time(times.modified) }
}
