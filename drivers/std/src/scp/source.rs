//! Sends files to an scp at the other end: one as a stream, or a directory with all that is in it. Of a directory's files
//! the end of one and the head of the next leave together, so that each costs one wait.

use super::local::Found;
use super::wire::{PIECE, Wire, refusal};
use super::{Copied, Copy, Event, local};
use crate::Error;
use rustix::fs::{CWD, Stat};
use sanssh_core::scp::source::{self, Step};
use sanssh_core::scp::{self, Times};
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Directories inside each other that are sent: links that are followed may lead in a circle.
const DEPTH: usize = 128;

/// Sends over a stream to an scp that takes: see [`Client::scp_source`](crate::Client::scp_source).
#[derive(Debug)]
pub struct ScpSource<S> {
    machine: source::Source,
    wire: Wire<S>,
}

/// A file that is being sent. Exactly as many bytes as were announced are to be written; then comes
/// [`finish`](Self::finish).
#[derive(Debug)]
pub struct Outgoing<'s, S>(&'s mut ScpSource<S>);

impl<S: Read + Write> ScpSource<S> {
    /// Over any stream with an scp at its end.
    pub fn new(stream: S) -> Self {
        Self { machine: source::Source::new(), wire: Wire::new(stream) }
    }

    /// The stream.
    pub const fn stream(&self) -> &S {
        self.wire.stream()
    }

    /// Begins a file of this size. Of the mode the other end takes what it likes, and so with the times.
    ///
    /// # Errors
    /// [`Error::ScpRefused`] in the other end's words, [`Error::Refused`] for what is no name, [`Error::Scp`] if what is
    /// there is no scp, or what ended the connection.
    pub fn file(
        &mut self,
        name: impl AsRef<[u8]>,
        mode: u32,
        size: u64,
        times: Option<Times>,
    ) -> Result<Outgoing<'_, S>, Error> {
        self.start()?;
        self.dated(times)?;
        self.wire.put(|output| self.machine.file(name.as_ref(), mode, size, output))?;
        self.settle()?;
        Ok(Outgoing(self))
    }

    /// Begins a directory, in which everything goes until [`leave`](Self::leave).
    ///
    /// # Errors
    /// As [`file`](Self::file).
    pub fn directory(&mut self, name: impl AsRef<[u8]>, mode: u32, times: Option<Times>) -> Result<(), Error> {
        self.start()?;
        self.dated(times)?;
        self.wire.put(|output| self.machine.directory(name.as_ref(), mode, output))?;
        self.settle()
    }

    /// Ends the directory.
    ///
    /// # Errors
    /// As [`file`](Self::file); [`Error::Refused`] if there is none to leave.
    pub fn leave(&mut self) -> Result<(), Error> {
        self.wire.put(|output| self.machine.leave(output))?;
        self.settle()
    }

    /// Sends a file, or with [`Copy::recursive`] a directory with all that is in it. What cannot be sent is told, and the
    /// rest goes on.
    ///
    /// # Errors
    /// [`Error::ScpRefused`] if the other end gives up, [`Error::Scp`] if it breaks the protocol, or what ended the
    /// connection.
    pub fn send(&mut self, path: &Path, copy: &Copy, tell: &mut dyn FnMut(Event<'_>)) -> Result<Copied, Error> {
        // Whoever names a link wants what it leads to; and two dots are no name.
        let real = if path.file_name().is_none() { path.canonicalize().ok() } else { None };
        let name = real.as_deref().unwrap_or(path).file_name().unwrap_or_default();
        self.send_found(local::find(CWD, path, true), name.as_bytes(), path, copy, tell)
    }

    /// Sends what was found at a path under this name.
    pub(super) fn send_found(
        &mut self,
        found: io::Result<(Found, Stat)>,
        name: &[u8],
        path: &Path,
        copy: &Copy,
        tell: &mut dyn FnMut(Event<'_>),
    ) -> Result<Copied, Error> {
        self.start()?;
        let (copied, due) = (Copied::default(), VecDeque::new());
        let mut sending = Sending { source: self, copy, tell, copied, due, piece: vec![0; PIECE] };
        sending.entry(found, name, path, 0)?;
        sending.settle()?;
        Ok(sending.copied)
    }

    /// Waits until the other end has said everything it owes, and gives the stream back.
    ///
    /// # Errors
    /// As [`file`](Self::file).
    pub fn finish(mut self) -> Result<S, Error> {
        self.start()?;
        self.settle()?;
        self.machine.ended()?;
        Ok(self.wire.into_stream())
    }

    /// Hears the other end's first word.
    fn start(&mut self) -> Result<(), Error> {
        if self.machine.has_started() { Ok(()) } else { self.hear().and_then(|(_, said)| said) }
    }

    fn dated(&mut self, times: Option<Times>) -> Result<(), Error> {
        match times {
            Some(times) => self.wire.put(|output| self.machine.times(&times, output)),
            None => Ok(()),
        }
    }

    /// Waits for all replies; the first refusal is the error.
    fn settle(&mut self) -> Result<(), Error> {
        let mut outcome = Ok(());
        while self.machine.due() > 0 {
            let (_, said) = self.hear()?;
            outcome = outcome.and(said);
        }
        self.wire.send()?;
        outcome
    }

    /// Waits for the next reply.
    fn hear(&mut self) -> Result<(Step, Result<(), Error>), Error> {
        loop {
            let (bytes, memory) = self.wire.bytes();
            let mut rest = bytes;
            let heard = match self.machine.recv(memory, &mut rest)? {
                Some(source::Event::Accepted(step)) => Some((step, Ok(()))),
                Some(source::Event::Refused(step, text)) => Some((step, Err(refusal(text)))),
                Some(source::Event::Abort(text)) => return Err(refusal(text)),
                None => None,
            };
            let left = rest.len();
            self.wire.leave(left);
            if let Some(heard) = heard {
                return Ok(heard);
            }
            if !self.wire.fill()? {
                return Err(scp::Error::Cut.into());
            }
        }
    }
}

impl<S: Read + Write> Outgoing<'_, S> {
    /// Ends the file, and waits until the other end has stored it.
    ///
    /// # Errors
    /// [`Error::ScpRefused`] if it has not, [`Error::Refused`] if fewer bytes were written than announced, or what ended
    /// the connection.
    pub fn finish(self) -> Result<(), Error> {
        self.0.wire.put(|output| self.0.machine.done(output))?;
        self.0.settle()
    }

    /// Ends the file, of which as many bytes were written as announced, but wrong ones, and says why.
    ///
    /// # Errors
    /// As [`finish`](Self::finish).
    pub fn spoil(self, why: &str) -> Result<(), Error> {
        self.0.wire.put(|output| self.0.machine.spoil(why.as_bytes(), output))?;
        self.0.settle()
    }

    pub(super) fn put(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.0.wire.body(bytes)?;
        Ok(self.0.machine.body(bytes.len())?)
    }
}

impl<S: Read + Write> Write for Outgoing<'_, S> {
    /// Takes no more bytes than were announced.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = bytes.len().min(usize::try_from(self.0.machine.left()).unwrap_or(usize::MAX));
        self.put(&bytes[..length])?;
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(self.0.wire.send()?)
    }
}

/// One call of [`ScpSource::send`].
struct Sending<'a, S> {
    source: &'a mut ScpSource<S>,
    copy: &'a Copy,
    tell: &'a mut dyn FnMut(Event<'_>),
    copied: Copied,
    /// What each reply that is due is to, and how large that was.
    due: VecDeque<(PathBuf, u64)>,
    piece: Vec<u8>,
}

impl<S: Read + Write> Sending<'_, S> {
    fn entry(&mut self, found: io::Result<(Found, Stat)>, name: &[u8], path: &Path, depth: usize) -> Result<(), Error> {
        let found = if scp::is_name(name) { found } else { Err(io::Error::other("the protocol cannot say its name")) };
        match found {
            Ok((Found::File(file), stat)) => self.file(file, &stat, name, path),
            Ok((Found::Directory(_), _)) if !self.copy.recursive => {
                self.fail(path, &io::Error::other("it is a directory"))
            }
            Ok((Found::Directory(_), _)) if depth >= DEPTH => {
                self.fail(path, &io::Error::other("directories are too deep, or links lead in a circle"))
            }
            Ok((Found::Directory(directory), stat)) => self.directory(&directory, &stat, name, path, depth),
            Err(error) => self.fail(path, &error),
        }
    }

    fn directory(
        &mut self,
        directory: &OwnedFd,
        stat: &Stat,
        name: &[u8],
        path: &Path,
        depth: usize,
    ) -> Result<(), Error> {
        let names = match local::names(directory) {
            Ok(names) => names,
            Err(error) => return self.fail(path, &error),
        };
        self.dated(stat, path)?;
        self.source.wire.put(|output| self.source.machine.directory(name, stat.st_mode, output))?;
        self.due.push_back((path.to_owned(), 0));
        if !self.settle()? {
            return Ok(());
        }
        for name in names {
            let inside = local::path(&name);
            let found = local::find(directory.as_fd(), inside, self.copy.follow);
            self.entry(found, &name, &path.join(inside), depth + 1)?;
        }
        self.make_room()?;
        self.source.wire.put(|output| self.source.machine.leave(output))?;
        self.due.push_back((path.to_owned(), 0));
        Ok(())
    }

    fn file(&mut self, file: File, stat: &Stat, name: &[u8], path: &Path) -> Result<(), Error> {
        let size = u64::try_from(stat.st_size).unwrap_or(0);
        self.dated(stat, path)?;
        self.source.wire.put(|output| self.source.machine.file(name, stat.st_mode, size, output))?;
        self.due.push_back((path.to_owned(), 0));
        if !self.settle()? {
            return Ok(());
        }
        let fault = self.body(file, size, path)?;
        match &fault {
            None => self.source.wire.put(|output| self.source.machine.done(output))?,
            Some(error) => {
                let text = words(path, error);
                self.source.wire.put(|output| self.source.machine.spoil(&text, output))?;
                self.told(path, Error::from(io::Error::new(error.kind(), error.to_string())));
            }
        }
        self.due.push_back((path.to_owned(), size));
        self.copied.files += u64::from(fault.is_none());
        self.copied.bytes += size;
        Ok(())
    }

    /// Sends a file's bytes, as many as were announced, and says what was wrong with them.
    fn body(&mut self, mut file: File, size: u64, path: &Path) -> Result<Option<io::Error>, Error> {
        let mut fault = None;
        loop {
            let left = self.source.machine.left();
            (self.tell)(Event::Progress { path, done: size - left, size });
            let room = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
            if room == 0 {
                return Ok(fault);
            }
            let length = match &fault {
                None => match file.read(&mut self.piece[..room]) {
                    Ok(0) => Err(io::Error::other("it has become shorter")),
                    other => other,
                },
                Some(_) => Ok(room),
            };
            let length = length.unwrap_or_else(|error| {
                // The other end waits for as many bytes as it was told of.
                self.piece.fill(0);
                fault = Some(error);
                room
            });
            Outgoing(self.source).put(&self.piece[..length])?;
        }
    }

    fn dated(&mut self, stat: &Stat, path: &Path) -> Result<(), Error> {
        self.make_room()?;
        if self.copy.preserve {
            self.source.dated(Some(local::times(stat)))?;
            self.due.push_back((path.to_owned(), 0));
        }
        Ok(())
    }

    /// Waits for replies until there may be two more.
    fn make_room(&mut self) -> Result<(), Error> {
        while self.source.machine.due() + 2 > source::AHEAD {
            self.hear()?;
        }
        Ok(())
    }

    /// Waits for all replies, and says whether the last one was yes.
    fn settle(&mut self) -> Result<bool, Error> {
        let mut yes = true;
        while self.source.machine.due() > 0 {
            yes = self.hear()?;
        }
        self.source.wire.send()?;
        Ok(yes)
    }

    fn hear(&mut self) -> Result<bool, Error> {
        let (step, said) = self.source.hear()?;
        let (path, size) = self.due.pop_front().unwrap_or_default();
        let Err(why) = said else { return Ok(true) };
        if step == Step::Body {
            self.copied.files = self.copied.files.saturating_sub(1);
            self.copied.bytes = self.copied.bytes.saturating_sub(size);
        }
        self.told(&path, why);
        Ok(false)
    }

    /// Something is not sent.
    fn fail(&mut self, path: &Path, why: &io::Error) -> Result<(), Error> {
        let text = words(path, why);
        self.source.wire.put(|output| self.source.machine.warn(&text, output))?;
        self.told(path, Error::from(io::Error::new(why.kind(), why.to_string())));
        Ok(())
    }

    fn told(&mut self, path: &Path, why: Error) {
        self.copied.failures += 1;
        (self.tell)(Event::Failed { path, why });
    }
}

/// What the other end is told.
pub(super) fn words(path: &Path, why: &dyn core::fmt::Display) -> Vec<u8> {
    [path.as_os_str().as_bytes(), format!(": {why}").as_bytes()].concat()
}
