//! Takes files from an scp at the other end: one as a stream, or whatever comes into files and directories here. Nothing
//! that comes is stored outside of where the caller wants it, over links neither.

use super::source::words;
use super::wire::{Wire, refusal};
use super::{Copied, Copy, Event, local};
use crate::Error;
use sanssh_core::scp::sink::{self, Rules};
use sanssh_core::scp::{self, Times};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Takes over a stream from an scp that sends: see [`Client::scp_sink`](crate::Client::scp_sink).
#[derive(Debug)]
pub struct ScpSink<S> {
    machine: sink::Sink<Vec<u8>>,
    wire: Wire<S>,
    /// Whether something has still to come.
    wants: bool,
}

/// A file that comes: reading gives exactly its bytes, and fails at the end if the other end could not read them all.
#[derive(Debug)]
pub struct Incoming<S> {
    sink: ScpSink<S>,
    head: Head,
    /// Bytes that have come and were not read.
    waiting: usize,
    ended: bool,
}

/// What is told of a file or directory.
#[derive(Debug, Clone)]
pub(super) struct Head {
    pub(super) name: Vec<u8>,
    pub(super) mode: u32,
    pub(super) size: u64,
    pub(super) times: Option<Times>,
}

/// What the other end says.
#[derive(Debug)]
pub(super) enum Told {
    File(Head),
    /// So many bytes, the last ones that were taken.
    Body(usize),
    End(Option<Error>),
    Directory(Head),
    Leave,
    Warning(Error),
    Abort(Error),
}

impl From<sink::Event<'_>> for Told {
    fn from(event: sink::Event<'_>) -> Self {
        match event {
            sink::Event::File { name, mode, size, times } => {
                Self::File(Head { name: name.to_vec(), mode, size, times })
            }
            sink::Event::Body(piece) => Self::Body(piece.len()),
            sink::Event::End { fault } => Self::End(fault.map(refusal)),
            sink::Event::Directory { name, mode, times } => {
                Self::Directory(Head { name: name.to_vec(), mode, size: 0, times })
            }
            sink::Event::Leave => Self::Leave,
            sink::Event::Warning(text) => Self::Warning(refusal(text)),
            sink::Event::Abort(text) => Self::Abort(refusal(text)),
        }
    }
}

impl<S: Read + Write> ScpSink<S> {
    /// Over any stream with an scp at its end. Without a name in the rules that scp decides what things are called.
    pub fn new(stream: S, rules: Rules<Vec<u8>>) -> Self {
        let wants = rules.name.is_some();
        Self { machine: sink::Sink::new(rules), wire: Wire::new(stream), wants }
    }

    /// The stream.
    pub const fn stream(&self) -> &S {
        self.wire.stream()
    }

    /// Gives the stream back.
    pub fn into_stream(self) -> S {
        self.wire.into_stream()
    }

    /// Waits for a file, to be read as a stream.
    ///
    /// # Errors
    /// [`Error::ScpRefused`] in the other end's words, [`Error::Scp`] if it breaks the protocol or sends something else,
    /// or what ended the connection.
    pub fn open(mut self) -> Result<Incoming<S>, Error> {
        match self.next()? {
            Some(Told::File(head)) => {
                self.machine.accept()?;
                Ok(Incoming { sink: self, head, waiting: 0, ended: false })
            }
            Some(Told::Warning(why)) => Err(why),
            Some(Told::Directory(_)) => Err(scp::Error::Directory.into()),
            _ => Err(scp::Error::Cut.into()),
        }
    }

    /// Stores whatever comes until the end: in `target` if that is a directory, or as `target`. What cannot be stored is
    /// told, and the rest goes on.
    ///
    /// # Errors
    /// [`Error::File`] if there is no place for it, [`Error::ScpRefused`] if the other end gives up, [`Error::Scp`] if it
    /// breaks the protocol, or what ended the connection.
    pub fn store(&mut self, target: &Path, copy: &Copy, tell: &mut dyn FnMut(Event<'_>)) -> Result<Copied, Error> {
        let place = Place::of(target, copy.directory)
            .map_err(|source| Error::File { file: target.to_owned(), source: source.into() })?;
        self.store_at(&place, target, copy, tell)
    }

    pub(super) fn store_at(
        &mut self,
        place: &Place,
        target: &Path,
        copy: &Copy,
        tell: &mut dyn FnMut(Event<'_>),
    ) -> Result<Copied, Error> {
        let path = if matches!(place, Place::In(_)) { target.to_owned() } else { PathBuf::new() };
        let name = target.as_os_str().as_bytes();
        let mut storing =
            Storing { sink: self, place, name, copy, tell, copied: Copied::default(), levels: Vec::new(), path };
        storing.all()?;
        Ok(storing.copied)
    }

    pub(super) fn accept(&mut self) -> Result<(), Error> {
        Ok(self.machine.accept()?)
    }

    /// Bytes of a file that came last, so many.
    pub(super) fn taken(&self, length: usize) -> &[u8] {
        self.wire.taken(length)
    }

    /// What comes next; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Told>, Error> {
        loop {
            let (bytes, memory) = self.wire.bytes();
            let mut rest = bytes;
            let told = self.machine.recv(memory, &mut rest).map(|event| event.map(Told::from));
            let left = rest.len();
            self.wire.leave(left);
            match told {
                Ok(Some(Told::Abort(why))) => return Err(why),
                Ok(Some(told)) => {
                    self.wants = false;
                    return Ok(Some(told));
                }
                Ok(None) => {
                    self.reply()?;
                    if !self.wire.fill()? {
                        self.machine.ended()?;
                        return if self.wants { Err(scp::Error::Cut.into()) } else { Ok(None) };
                    }
                }
                Err(error) => {
                    // Whoever breaks the protocol may be gone.
                    let _ = self.reply().and_then(|()| self.wire.send());
                    return Err(error.into());
                }
            }
        }
    }

    fn reply(&mut self) -> Result<(), Error> {
        self.wire.put(|output| self.machine.flush(output))
    }

    /// Gives up, and says why.
    pub(super) fn abort(&mut self, text: &[u8]) -> Result<(), Error> {
        self.wire.put(|output| self.machine.abort(text, output))?;
        self.wire.send()
    }

    pub(super) fn refuse(&mut self, text: &[u8]) -> Result<(), Error> {
        self.wire.put(|output| self.machine.refuse(text, output))
    }
}

impl<S: Read + Write> Incoming<S> {
    /// What the other end calls it: untrusted bytes, but a name without a path.
    pub fn name(&self) -> &[u8] {
        &self.head.name
    }

    /// Its mode; setuid, setgid and sticky only if modes are preserved.
    pub const fn mode(&self) -> u32 {
        self.head.mode
    }

    /// Bytes in all.
    pub const fn size(&self) -> u64 {
        self.head.size
    }

    /// Its times, if they are preserved.
    pub const fn times(&self) -> Option<Times> {
        self.head.times
    }

    fn advance(&mut self) -> Result<(), Error> {
        match self.sink.next()? {
            Some(Told::Body(length)) => self.waiting = length,
            Some(Told::End(fault)) => {
                self.ended = true;
                self.sink.machine.accept()?;
                self.sink.reply()?;
                self.sink.wire.send()?;
                return fault.map_or(Ok(()), Err);
            }
            _ => return Err(scp::Error::Cut.into()),
        }
        Ok(())
    }
}

impl<S: Read + Write> Read for Incoming<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.waiting == 0 && !self.ended && !buffer.is_empty() {
            self.advance()?;
        }
        let piece = self.sink.wire.taken(self.waiting);
        let length = piece.len().min(buffer.len());
        buffer[..length].copy_from_slice(&piece[..length]);
        self.waiting -= length;
        Ok(length)
    }
}

/// Where what comes goes.
#[derive(Debug)]
pub(super) enum Place {
    /// In this directory, under its own name.
    In(OwnedFd),
    /// In this directory, under this name.
    As(OwnedFd, Vec<u8>),
}

impl Place {
    fn of(target: &Path, directory: bool) -> io::Result<Self> {
        match (local::directory(target), target.file_name()) {
            (Ok(directory), _) => Ok(Self::In(directory)),
            (Err(_), Some(name)) if !directory => {
                let parent = target.parent().unwrap_or_else(|| Path::new("."));
                Ok(Self::As(local::directory(parent)?, name.as_bytes().to_vec()))
            }
            (Err(error), _) => Err(error),
        }
    }
}

/// A directory that is being filled.
#[derive(Debug)]
struct Level {
    directory: OwnedFd,
    head: Head,
    is_new: bool,
}

/// One call of [`ScpSink::store`].
struct Storing<'a, S> {
    sink: &'a mut ScpSink<S>,
    place: &'a Place,
    /// What the caller calls the place.
    name: &'a [u8],
    copy: &'a Copy,
    tell: &'a mut dyn FnMut(Event<'_>),
    copied: Copied,
    levels: Vec<Level>,
    path: PathBuf,
}

impl<S: Read + Write> Storing<'_, S> {
    fn all(&mut self) -> Result<(), Error> {
        while let Some(told) = self.sink.next()? {
            match told {
                Told::File(head) => self.file(&head)?,
                Told::Directory(head) => self.directory(head)?,
                Told::Leave => self.leave()?,
                Told::Warning(why) => self.told(Path::new(""), why),
                // They are only told of a file that comes.
                Told::Body(_) | Told::End(_) | Told::Abort(_) => {}
            }
        }
        Ok(())
    }

    /// The directory for what comes next, its name there, and whether the caller gave that.
    fn target<'t>(&'t self, name: &'t [u8]) -> (&'t OwnedFd, &'t [u8], bool) {
        match (self.levels.last(), self.place) {
            (Some(level), _) => (&level.directory, name, false),
            (None, Place::In(directory)) => (directory, name, false),
            (None, Place::As(directory, named)) => (directory, named, true),
        }
    }

    /// The path to tell.
    fn path_of(&self, name: &[u8]) -> PathBuf {
        let name = if self.levels.is_empty() && matches!(self.place, Place::As(..)) { self.name } else { name };
        self.path.join(local::path(name))
    }

    fn directory(&mut self, head: Head) -> Result<(), Error> {
        let path = self.path_of(&head.name);
        let (at, name, _) = self.target(&head.name);
        match local::make_directory(at.as_fd(), name, head.mode, self.copy.follow) {
            Ok((directory, is_new)) => {
                self.levels.push(Level { directory, head, is_new });
                self.path = path;
                Ok(self.sink.machine.accept()?)
            }
            Err(error) => self.refuse(&path, error),
        }
    }

    fn leave(&mut self) -> Result<(), Error> {
        let Some(Level { directory, head, is_new }) = self.levels.pop() else { return Err(scp::Error::Depth.into()) };
        let path = self.path.clone();
        let end = match (self.copy.preserve, is_new) {
            (true, _) => local::finish(&directory, Some(head.mode), head.times),
            (false, true) => local::restrict(&directory, head.mode),
            (false, false) => Ok(()),
        };
        self.path.pop();
        match end {
            Ok(()) => Ok(self.sink.machine.accept()?),
            Err(error) => self.refuse(&path, error),
        }
    }

    fn file(&mut self, head: &Head) -> Result<(), Error> {
        let path = self.path_of(&head.name);
        let (at, name, named) = self.target(&head.name);
        let file = match local::create(at.as_fd(), name, head.mode & 0o777, self.copy.follow, named) {
            Ok(file) => file,
            Err(error) => return self.refuse(&path, error),
        };
        self.sink.machine.accept()?;
        let (stored, fault) = self.body(&file, head, &path)?;
        let stored = stored.and_then(|()| match self.copy.preserve {
            true => local::finish(&file, Some(head.mode), head.times),
            false => Ok(()),
        });
        if let Err(error) = stored {
            return self.refuse(&path, error);
        }
        self.sink.machine.accept()?;
        match fault {
            Some(why) => self.told(&path, why),
            None => self.copied.files += 1,
        }
        self.copied.bytes += head.size;
        Ok(())
    }

    /// Writes a file's bytes, and takes them all whatever the file says: whether it took them, and what was wrong with
    /// them.
    fn body(&mut self, mut file: &File, head: &Head, path: &Path) -> Result<(io::Result<()>, Option<Error>), Error> {
        let (mut stored, mut done) = (Ok(()), 0);
        loop {
            (self.tell)(Event::Progress { path, done, size: head.size });
            match self.sink.next()? {
                Some(Told::Body(length)) => {
                    let piece = self.sink.wire.taken(length);
                    stored = stored.and_then(|()| file.write_all(piece));
                    done += length as u64;
                }
                Some(Told::End(fault)) => return Ok((stored, fault)),
                _ => return Err(scp::Error::Cut.into()),
            }
        }
    }

    /// The question that is open is answered with no.
    fn refuse(&mut self, path: &Path, why: io::Error) -> Result<(), Error> {
        self.sink.refuse(&words(path, &why))?;
        self.told(path, why.into());
        Ok(())
    }

    fn told(&mut self, path: &Path, why: Error) {
        self.copied.failures += 1;
        (self.tell)(Event::Failed { path, why });
    }
}
