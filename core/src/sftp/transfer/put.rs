//! A file that goes: WRITEs ahead of their answers (draft-ietf-secsh-filexfer-02 §6.4).
//!
//! ```text
//! Sending -- all was sent, a failure, or stop --> Draining -- the last answer --> over: an outcome
//! ```
//!
//! The first WRITE that fails decides: those that went well before and after it, and the CLOSE, change nothing.

use super::ring::{Part, Ring, Stage};
use super::window::Window;
use super::{Outcome, Stop};
use crate::Instant;
use crate::sftp::Code;

/// A WRITE to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Write {
    /// The place in the transfer's table: to be kept with the request, and told with its answer.
    pub part: usize,
    /// Where, in bytes.
    pub offset: u64,
    /// How many bytes; fewer may be sent.
    pub length: u32,
}

/// A file on its way to the server.
#[derive(Debug)]
pub struct Put<T> {
    ring: Ring<T>,
    /// Bytes of a request, at most.
    most: u32,
    /// What was sent reaches to here.
    reach: u64,
    /// Where the file ends, as far as known.
    end: u64,
    /// The size that it was said to have.
    size: Option<u64>,
    outstanding: usize,
    /// Whether the last bytes are a hole.
    hollow: bool,
    /// From here on, bytes are not what they should be.
    lost: u64,
    stop: Option<Stop>,
}

impl<T: AsRef<[Part]> + AsMut<[Part]>> Put<T> {
    /// A file that the server has up to `from`, and is to have to its `size`: later growth is left alone. Without a size it
    /// ends where [`end`](Self::end) says. Requests have `most` bytes.
    pub const fn new(from: u64, size: Option<u64>, most: u32, table: T) -> Self {
        let end = match size {
            Some(size) => size,
            None => u64::MAX,
        };
        Self {
            ring: Ring::new(table),
            most: if most == 0 { 1 } else { most },
            reach: from,
            end,
            size,
            outstanding: 0,
            hollow: false,
            lost: u64::MAX,
            stop: None,
        }
    }

    /// The next request, if one may leave now. Nothing changes until it was [`sent`](Self::sent).
    pub fn next(&self, window: &Window) -> Option<Write> {
        let left = self.end.saturating_sub(self.reach);
        if self.stop.is_some() || left == 0 {
            return None;
        }
        let length = u32::try_from(left).unwrap_or(u32::MAX).min(self.most);
        let write = Write { part: self.ring.vacancy()?, offset: self.reach, length };
        window.allows(length).then_some(write)
    }

    /// The request that [`next`](Self::next) gave has left, or one of the same place with fewer bytes.
    pub fn sent(&mut self, write: Write, window: &mut Window, now: Instant) {
        self.push(write, Stage::Asked);
        self.hollow = false;
        self.outstanding = self.outstanding.saturating_add(1);
        window.sent(write.length, now);
    }

    /// The bytes of the request that [`next`](Self::next) gave are all zero, and are not sent: a hole.
    pub fn skip(&mut self, write: Write) {
        self.push(write, Stage::Through);
        self.hollow = true;
        self.ring.settle();
    }

    /// Whether the server's file does not end where what was [kept](Self::kept) ends, because of a hole or of a WRITE that
    /// failed among others: its size has to be set, before anything goes on from there.
    pub fn is_hollow(&self) -> bool {
        self.hollow || self.kept() < self.reach
    }

    /// The file that is read has no more.
    pub fn end(&mut self) {
        self.end = self.end.min(self.reach);
    }

    /// A status has come for a part.
    pub fn answered(&mut self, part: usize, code: Code, window: &mut Window, now: Instant) {
        let Some(place) = self.ring.outstanding(part) else { return };
        let (asked, _) = place.request();
        self.outstanding = self.outstanding.saturating_sub(1);
        if code == Code::OK {
            place.set(Stage::Through);
            self.ring.settle();
            window.answered(asked, asked, now);
        } else {
            place.set(Stage::Lost);
            self.stop.get_or_insert(Stop::Failed(code));
            window.answered(asked, 0, now);
        }
    }

    /// Nothing more is sent; what is outstanding still has to be answered.
    pub fn stop(&mut self) {
        self.stop.get_or_insert(Stop::Asked);
    }

    /// Bytes that were promised at `at` could not be had, and others were sent, so nothing more is.
    pub fn lose(&mut self, at: u64) {
        self.lost = self.lost.min(at);
        self.stop();
    }

    /// How far the server has the file from its start. After an early end, a later transfer may go on from here.
    pub fn kept(&self) -> u64 {
        self.ring.first().map_or(self.reach, Part::missing).min(self.lost)
    }

    /// Requests that are outstanding.
    pub const fn outstanding(&self) -> usize {
        self.outstanding
    }

    /// How it ended, once nothing is outstanding and nothing is to be sent.
    pub fn outcome(&self) -> Option<Outcome> {
        if self.outstanding > 0 {
            return None;
        }
        if let Some(stop) = self.stop {
            return Some(stop.outcome());
        }
        let short = self.size.is_some_and(|size| self.end < size);
        (self.reach >= self.end).then_some(if short { Outcome::Short } else { Outcome::Whole })
    }

    fn push(&mut self, write: Write, stage: Stage) {
        let mut part = Part::asked(write.offset, write.length);
        part.set(stage);
        self.ring.push(part);
        self.reach = write.offset.saturating_add(write.length.into());
    }
}
