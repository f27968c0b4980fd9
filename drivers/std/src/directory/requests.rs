//! Each request of a client, done: what it asks for is a call of the directory or of an open file, and how that went is
//! its answer.

use super::service::Answers;
use super::{Directory, Entries, attributes_of, change, copy, group_name, space, user_name};
use crate::{Error, Session};
use rustix::io::Errno;
use sanssh_core::sftp::{Access, Attributes, Code, Entry, HandleId, Listing, Piece, Request};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileExt;

/// Bytes of names in one answer: with its head, what every client must take.
const LISTING: usize = 32 * 1024;
/// What an entry takes besides its name and its line.
const ENTRY: usize = 40;
/// Bytes to copy before looking whether the client is still there.
const COPY_STEP: u64 = 64 * 1024 * 1024;

/// What a client has open.
enum Open {
    File {
        file: File,
        /// Every write goes to the end, whatever its offset.
        appends: bool,
    },
    Directory(Box<Entries>),
}

/// A WRITE whose bytes are coming.
struct Writing {
    handle: HandleId,
    offset: u64,
    outcome: io::Result<()>,
}

/// Where requests are dealt with.
pub(super) struct Desk<'a> {
    directory: &'a Directory,
    session: &'a Session,
    open: Vec<Option<Open>>,
    writing: Option<Writing>,
}

impl<'a> Desk<'a> {
    pub(super) fn new(directory: &'a Directory, session: &'a Session, handles: usize) -> Self {
        Self { directory, session, open: (0..handles).map(|_| None).collect(), writing: None }
    }

    pub(super) const fn session(&self) -> &'a Session {
        self.session
    }

    /// Does what is asked for, and answers; a WRITE is answered after its bytes.
    pub(super) fn answer(&mut self, request: Request<'_, HandleId>, answers: &mut Answers) -> Result<(), Error> {
        let files = self.directory;
        match request {
            Request::Open { path, access, attributes } => {
                let file = files.file(path, access, &attributes);
                self.opened(file.map(|file| Open::File { file, appends: access.has(Access::APPEND) }), answers)
            }
            Request::Opendir { path } => {
                let entries = files.entries(path);
                self.opened(entries.map(|entries| Open::Directory(Box::new(entries))), answers)
            }
            Request::Close { handle } => {
                if let Some(place) = self.open.get_mut(handle.index()) {
                    *place = None;
                }
                done(Ok(()), answers)
            }
            Request::Read { handle, offset, .. } => self.read(handle, offset, answers),
            Request::Write { handle, offset, .. } => {
                self.writing = Some(Writing { handle, offset, outcome: Ok(()) });
                Ok(())
            }
            Request::Readdir { handle } => self.list(handle, answers),
            Request::Lstat { path } => told(files.own_attributes(path), answers),
            Request::Stat { path } => told(files.attributes(path), answers),
            Request::Fstat { handle } => told(self.fd(handle).and_then(attributes_of), answers),
            Request::Setstat { path, attributes } => done(files.change(path, &attributes), answers),
            Request::Lsetstat { path, attributes } => done(files.change_own(path, &attributes), answers),
            Request::Fsetstat { handle, attributes } => {
                done(self.fd(handle).and_then(|fd| change(fd, &attributes)), answers)
            }
            Request::Remove { path } => done(files.remove_file(path), answers),
            Request::Mkdir { path, attributes } => done(files.make_directory(path, &attributes), answers),
            Request::Rmdir { path } => done(files.remove_directory(path), answers),
            Request::Rename { old, new } => done(files.rename_to_free(old, new), answers),
            Request::PosixRename { old, new } => done(files.rename_over(old, new), answers),
            Request::Symlink { target, link } => done(files.link(target, link), answers),
            Request::Hardlink { old, new } => done(files.hard_link(old, new), answers),
            Request::Fsync { handle } => done(self.file(handle).and_then(|(file, _)| file.sync_all()), answers),
            Request::Realpath { path } => named(files.real_path(or_here(path)), answers),
            Request::ExpandPath { path } => named(files.expanded(or_here(path)), answers),
            Request::Readlink { path } => named(files.read_link(path), answers),
            Request::HomeDirectory { user } => {
                let own = user == self.session.user().as_bytes();
                named(files.home_of(if own { b"" } else { user }), answers)
            }
            Request::StatVfs { path } => vacant(files.space(path), answers),
            Request::FstatVfs { handle } => vacant(self.fd(handle).and_then(space), answers),
            Request::CopyData { from, from_offset, length, to, to_offset } => {
                done(self.copy((from, from_offset), (to, to_offset), length), answers)
            }
            Request::UsersGroupsById { users, groups } => self.accounts(users, groups, answers),
            // The machine's own.
            Request::Limits {} => done(Err(Errno::NOSYS.into()), answers),
        }
    }

    /// The next bytes of a WRITE; the answer after the last.
    pub(super) fn write(&mut self, piece: Piece<'_>, answers: &mut Answers) -> Result<(), Error> {
        let Some(mut writing) = self.writing.take() else { return Ok(()) };
        if writing.outcome.is_ok() {
            writing.outcome = self.file(writing.handle).and_then(|(mut file, appends)| match appends {
                true => file.write_all(piece.bytes),
                false => file.write_all_at(piece.bytes, writing.offset),
            });
        }
        if piece.last {
            return done(writing.outcome, answers);
        }
        writing.offset += piece.bytes.len() as u64;
        self.writing = Some(writing);
        Ok(())
    }

    fn opened(&mut self, open: io::Result<Open>, answers: &mut Answers) -> Result<(), Error> {
        match open {
            Ok(open) => {
                let handle = answers.give(|machine, output| machine.handle(output))?;
                if let Some(place) = self.open.get_mut(handle.index()) {
                    *place = Some(open);
                }
                Ok(())
            }
            Err(error) => done(Err(error), answers),
        }
    }

    fn read(&self, handle: HandleId, offset: u64, answers: &mut Answers) -> Result<(), Error> {
        let file = match self.file(handle) {
            Ok((file, _)) => file,
            Err(error) => return done(Err(error), answers),
        };
        let mut failure = None;
        let read = answers.give(|machine, output| {
            machine.data_with(output, |space| {
                read_at(file, space, offset).unwrap_or_else(|error| {
                    failure = Some(error);
                    0
                })
            })
        })?;
        match failure {
            Some(error) => done(Err(error), answers),
            None if read == 0 => end(answers),
            None => Ok(()),
        }
    }

    fn list(&mut self, handle: HandleId, answers: &mut Answers) -> Result<(), Error> {
        let Some(Some(Open::Directory(entries))) = self.open.get_mut(handle.index()) else {
            return done(Err(Errno::BADF.into()), answers);
        };
        match entries.peek() {
            None => end(answers),
            Some(Ok(_)) => {
                answers.give(|machine, output| machine.names(output, |listing| fill(listing, entries))).map(drop)
            }
            Some(Err(_)) => done(entries.next().transpose().map(drop), answers),
        }
    }

    /// To the end of what is there now, if no length is given: the file may grow while it is read.
    fn copy(&self, from: (HandleId, u64), to: (HandleId, u64), length: u64) -> io::Result<()> {
        let ((from, mut from_offset), (to, mut to_offset)) =
            ((self.file(from.0)?.0, from.1), (self.file(to.0)?.0, to.1));
        if same(from, to)? {
            // It could be written over before it is read, and grow by itself for ever.
            return Err(Errno::INVAL.into());
        }
        let mut left = match (length, attributes_of(from)?.size) {
            (0, Some(size @ 1..)) => size.saturating_sub(from_offset),
            // Some files have no size, and an end all the same.
            (0, _) => u64::MAX,
            (length, _) => length,
        };
        while left > 0 {
            if self.session.is_over() {
                return Err(Errno::CANCELED.into());
            }
            let copied = match copy(from, from_offset, to, to_offset, left.min(COPY_STEP)) {
                Ok(0) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
                copied => copied?,
            };
            (from_offset, to_offset, left) = (from_offset + copied, to_offset + copied, left - copied);
        }
        Ok(())
    }

    /// Who belongs to the system is told where all of it is served.
    fn accounts(&self, users: &[u8], groups: &[u8], answers: &mut Answers) -> Result<(), Error> {
        let names = |numbers: &[u8], name: fn(u32) -> Option<String>| -> Vec<String> {
            let numbers = numbers.as_chunks().0.iter().map(|number| u32::from_be_bytes(*number));
            numbers.map(|number| name(number).filter(|_| self.directory.is_whole()).unwrap_or_default()).collect()
        };
        let (users, groups) = (names(users, user_name), names(groups, group_name));
        answers.give(|machine, output| {
            machine.accounts(users.iter().map(String::as_bytes), groups.iter().map(String::as_bytes), output)
        })
    }

    /// An open file, and whether writes go to its end.
    fn file(&self, handle: HandleId) -> io::Result<(&File, bool)> {
        match self.open.get(handle.index()) {
            Some(Some(Open::File { file, appends })) => Ok((file, *appends)),
            Some(Some(Open::Directory(_)) | None) | None => Err(Errno::BADF.into()),
        }
    }

    fn fd(&self, handle: HandleId) -> io::Result<BorrowedFd<'_>> {
        match self.open.get(handle.index()) {
            Some(Some(Open::File { file, .. })) => Ok(file.as_fd()),
            Some(Some(Open::Directory(entries))) => Ok(entries.fd()?),
            Some(None) | None => Err(Errno::BADF.into()),
        }
    }
}

/// As many entries as one answer should have.
fn fill(listing: &mut Listing<'_>, entries: &mut Entries) {
    let mut room = LISTING;
    entries.give(|entry| {
        let taken = ENTRY + entry.name.len() + entry.line.len();
        let fits = taken <= room
            && listing.push(&Entry { name: &entry.name, longname: &entry.line, attributes: entry.attributes });
        room = room.saturating_sub(taken);
        fits
    });
}

fn read_at(file: &File, space: &mut [u8], offset: u64) -> io::Result<usize> {
    // Systems do not look beyond the end of all files, not even in vain.
    let most = (i64::MAX as u64).saturating_sub(offset).min(space.len() as u64) as usize;
    let space = space.get_mut(..most).unwrap_or_default();
    loop {
        match file.read_at(space, offset) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}

fn same(one: &File, other: &File) -> io::Result<bool> {
    let (one, other) = (rustix::fs::fstat(one)?, rustix::fs::fstat(other)?);
    Ok((one.st_dev, one.st_ino) == (other.st_dev, other.st_ino))
}

/// No path at all is the start.
const fn or_here(path: &[u8]) -> &[u8] {
    if path.is_empty() { b"." } else { path }
}

// Answers, and statuses where there is none.

fn done(outcome: io::Result<()>, answers: &mut Answers) -> Result<(), Error> {
    match outcome {
        Ok(()) => answers.give(|machine, output| machine.status(Code::OK, b"", output)),
        Err(error) => {
            let words = words(&error);
            answers.give(|machine, output| machine.status(code(&error), words.as_bytes(), output))
        }
    }
}

fn end(answers: &mut Answers) -> Result<(), Error> {
    answers.give(|machine, output| machine.status(Code::EOF, b"", output))
}

fn told(attributes: io::Result<Attributes<'_>>, answers: &mut Answers) -> Result<(), Error> {
    match attributes {
        Ok(attributes) => answers.give(|machine, output| machine.attributes(&attributes, output)),
        Err(error) => done(Err(error), answers),
    }
}

fn named(path: io::Result<Vec<u8>>, answers: &mut Answers) -> Result<(), Error> {
    match path {
        Ok(path) => answers.give(|machine, output| machine.name(&path, output)),
        Err(error) => done(Err(error), answers),
    }
}

fn vacant(space: io::Result<sanssh_core::sftp::StatVfs>, answers: &mut Answers) -> Result<(), Error> {
    match space {
        Ok(space) => answers.give(|machine, output| machine.stat_vfs(&space, output)),
        Err(error) => done(Err(error), answers),
    }
}

/// The code that comes closest, as OpenSSH's server has it, except that a read-only system is a matter of permission.
fn code(error: &io::Error) -> Code {
    match Errno::from_io_error(error) {
        Some(Errno::NOENT | Errno::NOTDIR | Errno::BADF | Errno::LOOP) => Code::NO_SUCH_FILE,
        Some(Errno::PERM | Errno::ACCESS | Errno::FAULT | Errno::ROFS) => Code::PERMISSION_DENIED,
        Some(Errno::NAMETOOLONG | Errno::INVAL) => Code::BAD_MESSAGE,
        Some(Errno::NOSYS | Errno::OPNOTSUPP) => Code::OP_UNSUPPORTED,
        Some(_) | None => Code::FAILURE,
    }
}

/// The system's words, without its number.
fn words(error: &io::Error) -> String {
    let mut words = error.to_string();
    words.truncate(words.find(" (os error").unwrap_or(words.len()));
    words
}

#[cfg(test)]
mod tests {
    use super::{code, words};
    use rustix::io::Errno;
    use sanssh_core::sftp::Code;
    use std::io;

    #[test]
    fn failures_have_codes_and_words() {
        for (errno, wanted, text) in [
            (Errno::NOENT, Code::NO_SUCH_FILE, "No such file or directory"),
            (Errno::ACCESS, Code::PERMISSION_DENIED, "Permission denied"),
            (Errno::ROFS, Code::PERMISSION_DENIED, "Read-only file system"),
            (Errno::NOSPC, Code::FAILURE, "No space left on device"),
            (Errno::EXIST, Code::FAILURE, "File exists"),
            (Errno::NOTEMPTY, Code::FAILURE, "Directory not empty"),
            (Errno::OPNOTSUPP, Code::OP_UNSUPPORTED, "Operation not supported"),
            (Errno::NAMETOOLONG, Code::BAD_MESSAGE, "File name too long"),
        ] {
            let error = io::Error::from(errno);
            assert_eq!(code(&error), wanted, "{error}");
            assert!(words(&error).starts_with(text), "{}", words(&error));
        }
        assert_eq!(code(&io::ErrorKind::WriteZero.into()), Code::FAILURE);
    }
}
