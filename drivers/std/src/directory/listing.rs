//! What is in a directory, entry by entry, and how `ls -l` would show it: mode, links, owner, group, size, time, name.
//! Programs on the other side may print such a line, and none should read anything from it.

use crate::clock;
use nix::unistd::{Gid, Group, Uid, User};
use rustix::fs::{AtFlags, Dir, FileType, Stat, fstat, statat};
use rustix::io::Errno;
use sanssh_core::sftp::Attributes;
use std::io;
use std::os::fd::BorrowedFd;
use tz::{DateTime, TimeZone};

/// Half a year, in seconds: `ls` shows the time of day of what is younger.
const RECENT: i64 = 365 * 86_400 / 2;
/// Names of owners to remember, at most.
const MOST_NAMES: usize = 64;
/// What `ls` shows of an entry besides its name, where that is all it knows.
const UNKNOWN: &[u8] = b"?????????? ? ? ? ? ? ";
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A directory that is being listed. Entries come as the system gives them, `.` and `..` among them.
#[derive(Debug)]
pub(crate) struct Entries {
    dir: Dir,
    /// Above it there is nothing to see.
    is_root: bool,
    lines: Lines,
    /// What came and was not taken.
    next: Option<io::Result<Entry>>,
}

/// One entry of a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its name.
    pub(crate) name: Vec<u8>,
    /// As `ls -l` shows it.
    pub(crate) line: Vec<u8>,
    /// Its own attributes: of a link, and not of what it leads to.
    pub(crate) attributes: Attributes<'static>,
}

impl Entries {
    pub(super) const fn new(dir: Dir, is_root: bool, lines: Lines) -> Self {
        Self { dir, is_root, lines, next: None }
    }

    /// What comes next, without taking it.
    pub(crate) fn peek(&mut self) -> Option<&io::Result<Entry>> {
        self.next = self.next();
        self.next.as_ref()
    }

    /// Gives out entries as long as they are taken; the first that is not comes again, and so does a failure.
    pub(crate) fn give(&mut self, mut takes: impl FnMut(&Entry) -> bool) {
        while let Some(next) = self.next() {
            if !next.as_ref().is_ok_and(&mut takes) {
                self.next = Some(next);
                return;
            }
        }
    }

    pub(crate) fn fd(&self) -> rustix::io::Result<BorrowedFd<'_>> {
        self.dir.fd()
    }

    fn entry(&mut self, name: Vec<u8>) -> io::Result<Option<Entry>> {
        let fd = self.dir.fd()?;
        let stat = match &name[..] {
            b"." => fstat(fd),
            b".." if self.is_root => fstat(fd),
            _ => statat(fd, &name[..], AtFlags::SYMLINK_NOFOLLOW),
        };
        let stat = match stat {
            // It went meanwhile.
            Err(Errno::NOENT) => return Ok(None),
            // What cannot be looked at hides no other.
            Err(_) => {
                let line = [UNKNOWN, &name].concat();
                return Ok(Some(Entry { name, line, attributes: Attributes::NONE }));
            }
            Ok(stat) => stat,
        };
        let line = self.lines.line(&stat, &name);
        Ok(Some(Entry { line, attributes: super::attributes(&stat), name }))
    }
}

impl Iterator for Entries {
    type Item = io::Result<Entry>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next.is_some() {
            return self.next.take();
        }
        loop {
            let name = match self.dir.read()? {
                Ok(entry) => entry.file_name().to_bytes().to_vec(),
                Err(error) => return Some(Err(error.into())),
            };
            if let Some(entry) = self.entry(name).transpose() {
                return Some(entry);
            }
        }
    }
}

/// Makes lines of `ls -l`.
#[derive(Debug)]
pub(super) struct Lines {
    names: Option<Names>,
    zone: TimeZone,
    now: i64,
}

#[derive(Debug, Default)]
struct Names {
    users: Vec<(u32, String)>,
    groups: Vec<(u32, String)>,
}

impl Lines {
    /// With the names of owners, or with their numbers alone.
    pub(super) fn new(names: bool) -> Self {
        Self {
            names: names.then(Names::default),
            zone: clock::zone().unwrap_or_else(TimeZone::utc),
            now: clock::seconds().and_then(|now| i64::try_from(now).ok()).unwrap_or_default(),
        }
    }

    pub(super) fn line(&mut self, stat: &Stat, name: &[u8]) -> Vec<u8> {
        let (user, group) = self.owners(stat.st_uid, stat.st_gid);
        let (mode, links, size) = (shown_mode(super::mode(stat)), stat.st_nlink, stat.st_size);
        let time = self.time(stat.st_mtime);
        let mut line = format!("{mode} {links:>3} {user:<8} {group:<8} {size:>8} {time} ").into_bytes();
        line.extend(name);
        line
    }

    fn owners(&mut self, uid: u32, gid: u32) -> (String, String) {
        let Some(Names { users, groups }) = &mut self.names else { return (uid.to_string(), gid.to_string()) };
        (remembered(users, uid, user_name), remembered(groups, gid, group_name))
    }

    fn time(&self, seconds: i64) -> String {
        let Ok(time) = DateTime::from_timespec(seconds, 0, self.zone.as_ref()) else { return seconds.to_string() };
        let month = MONTHS.get(usize::from(time.month()).wrapping_sub(1)).unwrap_or(&"???");
        let day = time.month_day();
        if (self.now - RECENT..=self.now).contains(&seconds) {
            format!("{month} {day:>2} {:02}:{:02}", time.hour(), time.minute())
        } else {
            format!("{month} {day:>2}  {:>4}", time.year())
        }
    }
}

fn remembered(known: &mut Vec<(u32, String)>, id: u32, look_up: fn(u32) -> Option<String>) -> String {
    if let Some((_, name)) = known.iter().find(|(known, _)| *known == id) {
        return name.clone();
    }
    let name = look_up(id).unwrap_or_else(|| id.to_string());
    known.truncate(MOST_NAMES - 1);
    known.push((id, name.clone()));
    name
}

/// The user's name, if the system has one.
pub(crate) fn user_name(uid: u32) -> Option<String> {
    User::from_uid(Uid::from_raw(uid)).ok().flatten().map(|user| user.name)
}

/// The group's name, if the system has one.
pub(crate) fn group_name(gid: u32) -> Option<String> {
    Group::from_gid(Gid::from_raw(gid)).ok().flatten().map(|group| group.name)
}

/// A type and nine rights, with setuid, setgid and sticky bits in the places of `x`.
fn shown_mode(mode: u32) -> String {
    let kind = match FileType::from_raw_mode(mode) {
        FileType::Directory => 'd',
        FileType::Symlink => 'l',
        FileType::Fifo => 'p',
        FileType::Socket => 's',
        FileType::CharacterDevice => 'c',
        FileType::BlockDevice => 'b',
        FileType::RegularFile => '-',
        FileType::Unknown => '?',
    };
    let mut shown = String::from(kind);
    for (shift, special, letter) in [(6, 0o4000, 's'), (3, 0o2000, 's'), (0, 0o1000, 't')] {
        let rights = mode >> shift;
        shown.push(if rights & 4 == 0 { '-' } else { 'r' });
        shown.push(if rights & 2 == 0 { '-' } else { 'w' });
        shown.push(match (rights & 1 != 0, mode & special != 0) {
            (false, false) => '-',
            (true, false) => 'x',
            (true, true) => letter,
            (false, true) => letter.to_ascii_uppercase(),
        });
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::{Entries, Lines, RECENT, shown_mode};
    use rustix::fs::Dir;
    use sanssh_core::sftp::Attributes;
    use tz::TimeZone;

    #[test]
    fn what_cannot_be_looked_at_has_a_name_alone() {
        let directory = std::fs::File::open(".").unwrap();
        let mut entries = Entries::new(Dir::read_from(&directory).unwrap(), true, Lines::new(false));
        // No system has such names, and so knows nothing of them.
        let long = entries.entry(vec![b'x'; 5000]).unwrap().unwrap();
        assert_eq!((long.name.len(), long.attributes), (5000, Attributes::NONE));
        assert!(long.line.starts_with(b"?????????? ") && long.line.ends_with(&long.name));
        assert_eq!(entries.entry(b"not there".to_vec()).unwrap(), None);
    }

    #[test]
    fn modes_are_shown_as_ls_does() {
        for (mode, shown) in [
            (0o100_644, "-rw-r--r--"),
            (0o040_755, "drwxr-xr-x"),
            (0o120_777, "lrwxrwxrwx"),
            (0o041_777, "drwxrwxrwt"),
            (0o104_755, "-rwsr-xr-x"),
            (0o102_640, "-rw-r-S---"),
            (0o010_000, "p---------"),
        ] {
            assert_eq!(shown_mode(mode), shown);
        }
    }

    #[test]
    fn times_are_shown_as_ls_does() {
        let zone = TimeZone::from_posix_tz("<+02>-2").unwrap();
        // 2030-01-01 00:00:00 UTC.
        let now = 1_893_456_000;
        let lines = Lines { names: None, zone, now };
        assert_eq!(lines.time(now), "Jan  1 02:00");
        assert_eq!(lines.time(now - RECENT - 1), "Jul  2  2029");
        assert_eq!(lines.time(now + 1), "Jan  1  2030");
        assert_eq!(lines.time(0), "Jan  1  1970");
    }
}
