//! Contents on their way between a file here and one there. Whoever pumps moves them on, straight from the memory that they
//! were received in and into that they leave from; who waits for one only looks how far it is.

use super::engine::Remote;
use core::time::Duration;
use rustix::fs::SeekFrom;
use rustix::io::Errno;
use sanssh_core::Instant;
use sanssh_core::sftp::transfer::{Get, Outcome, Part, Put, Read, Window, Write};
use sanssh_core::sftp::{Code, Piece};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Requests of one file that may be outstanding.
pub(super) const PARTS: usize = 256;
/// Blocks in which zeros are looked for: what file systems have holes of.
const HOLE: usize = 4096;

/// Which way a file goes.
#[derive(Debug)]
enum Way {
    Get(Get<Box<[Part]>>),
    Put(Put<Box<[Part]>>),
}

/// What can be asked for next.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step {
    Read(Read),
    Write(Write),
}

/// A file on its way.
#[derive(Debug)]
pub(super) struct Task {
    way: Way,
    handle: Remote,
    local: File,
    /// Holes stay holes.
    sparse: bool,
    pace: Option<Pace>,
    /// Bytes that have gone through here, whether or not in order.
    pub(super) moved: u64,
    /// The first failure of the file here.
    pub(super) trouble: Option<io::Error>,
    /// What the server said when it refused.
    pub(super) words: String,
    /// Nobody waits any more.
    pub(super) abandoned: bool,
}

/// Bytes a second, from a start on.
#[derive(Debug, Clone, Copy)]
struct Pace {
    limit: u64,
    start: Instant,
}

fn table(parts: usize) -> Box<[Part]> {
    vec![Part::new(); parts].into_boxed_slice()
}

impl Task {
    /// From the server, where the file here ends, in requests of `most` bytes, `parts` at a time.
    pub(super) fn get(handle: Remote, local: File, from: u64, size: Option<u64>, most: u32, parts: usize) -> Self {
        Self::new(Way::Get(Get::new(from, size, most, table(parts))), handle, local)
    }

    /// To the server.
    pub(super) fn put(handle: Remote, local: File, from: u64, size: u64, most: u32, parts: usize) -> Self {
        Self::new(Way::Put(Put::new(from, Some(size), most, table(parts))), handle, local)
    }

    const fn new(way: Way, handle: Remote, local: File) -> Self {
        let words = String::new();
        Self { way, handle, local, sparse: false, pace: None, moved: 0, trouble: None, words, abandoned: false }
    }

    pub(super) fn with(mut self, sparse: bool, limit: Option<u64>, start: Instant) -> Self {
        self.sparse = sparse;
        self.pace = limit.map(|limit| Pace { limit: limit.max(1), start });
        self
    }

    pub(super) fn handle(&self) -> Remote {
        Remote::clone(&self.handle)
    }

    /// What is to be asked for, if anything is now.
    pub(super) fn next(&self, window: &Window, now: Instant) -> Option<Step> {
        if self.nap(now).is_some() {
            return None;
        }
        match &self.way {
            Way::Get(get) => get.next(window).map(Step::Read),
            Way::Put(put) => put.next(window).map(Step::Write),
        }
    }

    /// How long nothing should be asked for, for the sake of the pace.
    pub(super) fn nap(&self, now: Instant) -> Option<Duration> {
        let Pace { limit, start } = self.pace?;
        let due = Duration::from_micros(u64::try_from(u128::from(self.moved) * 1_000_000 / u128::from(limit)).ok()?);
        due.checked_sub(now.since(start)).filter(|nap| !nap.is_zero())
    }

    /// What was asked for has been composed.
    pub(super) fn sent(&mut self, step: Step, window: &mut Window, now: Instant) {
        match (&mut self.way, step) {
            (Way::Get(get), Step::Read(read)) => get.sent(read, window, now),
            (Way::Put(put), Step::Write(write)) => {
                put.sent(write, window, now);
                self.moved += u64::from(write.length);
            }
            (Way::Get(_), Step::Write(_)) | (Way::Put(_), Step::Read(_)) => {}
        }
    }

    /// Passes over what is a hole here: whether that is all of it.
    pub(super) fn skips(&mut self, write: Write) -> bool {
        let Way::Put(put) = &mut self.way else { return false };
        if !self.sparse {
            return false;
        }
        let end = write.offset + u64::from(write.length);
        let hole = match rustix::fs::seek(&self.local, SeekFrom::Data(write.offset)) {
            Ok(next) => next >= end,
            // No data from here on.
            Err(error) => error == Errno::NXIO,
        };
        if hole {
            put.skip(write);
        }
        hole
    }

    /// Bytes of an answer.
    pub(super) fn arrived(&mut self, part: usize, piece: Piece<'_>, window: &mut Window, now: Instant) {
        let Way::Get(get) = &mut self.way else { return };
        let at = get.arrived(part, piece.bytes.len(), piece.last, window, now);
        self.moved += piece.bytes.len() as u64;
        let Some(at) = at.filter(|_| self.trouble.is_none() && !self.abandoned) else { return };
        let kept =
            if self.sparse { keep(&self.local, piece.bytes, at) } else { self.local.write_all_at(piece.bytes, at) };
        if let Err(error) = kept {
            get.lose(at);
            self.trouble = Some(error);
        }
    }

    /// A status for a part.
    pub(super) fn answered(&mut self, part: usize, code: Code, words: &[u8], window: &mut Window, now: Instant) {
        let good = match &mut self.way {
            Way::Get(get) => {
                get.ended(part, code, window, now);
                Code::EOF
            }
            Way::Put(put) => {
                put.answered(part, code, window, now);
                Code::OK
            }
        };
        if code != good && self.words.is_empty() {
            self.words = crate::error::escape(words, false);
        }
    }

    /// Reads what is sent next; what is not there any more is made up, for it was promised, and spoils the whole.
    pub(super) fn supply(&mut self, room: &mut [u8], offset: u64) -> usize {
        let outcome = loop {
            match self.local.read_at(room, offset) {
                Ok(0) => break Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file has become shorter")),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                outcome => break outcome,
            }
        };
        outcome.unwrap_or_else(|error| {
            room.fill(0);
            self.trouble.get_or_insert(error);
            self.stop();
            room.len()
        })
    }

    pub(super) fn stop(&mut self) {
        match &mut self.way {
            Way::Get(get) => get.stop(),
            Way::Put(put) => put.stop(),
        }
    }

    /// How far the target is whole.
    pub(super) fn kept(&self) -> u64 {
        match &self.way {
            Way::Get(get) => get.kept(),
            Way::Put(put) => put.kept(),
        }
    }

    pub(super) fn outcome(&self) -> Option<Outcome> {
        match &self.way {
            Way::Get(get) => get.outcome(),
            Way::Put(put) => put.outcome(),
        }
    }

    pub(super) const fn outstanding(&self) -> usize {
        match &self.way {
            Way::Get(get) => get.outstanding(),
            Way::Put(put) => put.outstanding(),
        }
    }

    /// Whether the target's size has to be set, since it ends in a hole.
    pub(super) const fn is_hollow(&self) -> bool {
        match &self.way {
            Way::Get(_) => self.sparse,
            Way::Put(put) => put.is_hollow(),
        }
    }
}

/// Writes all but blocks of zeros.
fn keep(file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
    let mut run = 0;
    let mut place = 0;
    while place < bytes.len() {
        let within = usize::try_from((at + place as u64) % HOLE as u64).unwrap_or(0);
        let end = bytes.len().min(place + HOLE - within);
        if bytes[place..end].iter().all(|byte| *byte == 0) {
            file.write_all_at(&bytes[run..place], at + run as u64)?;
            run = end;
        }
        place = end;
    }
    file.write_all_at(&bytes[run..], at + run as u64)
}
