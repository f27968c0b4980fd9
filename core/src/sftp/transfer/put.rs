//! A file that goes: WRITEs ahead of their answers (draft-ietf-secsh-filexfer-02 §6.4).
//!
//! ```text
//! Sending -- all was sent, a failure, or stop --> Draining -- the last answer --> over: an outcome
//! ```
//!
//! The first WRITE that fails decides: those that went well before and after it, and the CLOSE, change nothing.

use super::Outcome;
use super::course::Course;
use super::ring::{Part, Stage};
use super::window::Window;
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
    course: Course<T>,
    /// Whether the last bytes are a hole.
    hollow: bool,
}

impl<T: AsRef<[Part]> + AsMut<[Part]>> Put<T> {
    /// A file that the server has up to `from`, and is to have to its `size`: later growth is left alone. Without a size it
    /// ends where [`end`](Self::end) says. Requests have `most` bytes.
    pub const fn new(from: u64, size: Option<u64>, most: u32, table: T) -> Self {
        Self { course: Course::new(from, size, most, table), hollow: false }
    }

    /// The next request, if one may leave now. Nothing changes until it was [`sent`](Self::sent).
    pub fn next(&self, window: &Window) -> Option<Write> {
        if self.course.is_stopped() {
            return None;
        }
        let (part, offset, length) = self.course.next(u64::MAX)?;
        window.allows(length).then_some(Write { part, offset, length })
    }

    /// The request that [`next`](Self::next) gave has left, or one of the same place with fewer bytes.
    pub fn sent(&mut self, write: Write, window: &mut Window, now: Instant) {
        self.course.push(Part::asked(write.offset, write.length));
        self.course.outstanding = self.course.outstanding.saturating_add(1);
        self.hollow = false;
        window.sent(write.length, now);
    }

    /// The bytes of the request that [`next`](Self::next) gave are all zero, and are not sent: a hole.
    pub fn skip(&mut self, write: Write) {
        let mut part = Part::asked(write.offset, write.length);
        part.set(Stage::Through);
        self.course.push(part);
        self.course.ring.settle();
        self.hollow = true;
    }

    /// Whether the server's file does not end where what was [kept](Self::kept) ends, because of a hole or of a WRITE that
    /// failed among others: its size has to be set, before anything goes on from there.
    pub fn is_hollow(&self) -> bool {
        self.hollow || self.kept() < self.course.reach
    }

    /// Whether all went well so far, and nothing is missing but the answer to the last WRITE. That may fail and leave no gap.
    pub fn is_last(&self) -> bool {
        let course = &self.course;
        let sent = !course.is_stopped() && course.reach >= course.end && !self.hollow;
        sent && course.outstanding == 1 && course.ring.is_single()
    }

    /// The file that is read has no more.
    pub fn end(&mut self) {
        self.course.end = self.course.end.min(self.course.reach);
    }

    /// A status has come for a part.
    pub fn answered(&mut self, part: usize, code: Code, window: &mut Window, now: Instant) {
        let course = &mut self.course;
        let Some(place) = course.ring.outstanding(part) else { return };
        let (asked, _) = place.request();
        course.outstanding = course.outstanding.saturating_sub(1);
        if code == Code::OK {
            place.set(Stage::Through);
            course.ring.settle();
            window.answered(asked, asked, now);
        } else {
            place.set(Stage::Lost);
            course.fail(code);
            window.answered(asked, 0, now);
        }
    }

    /// Nothing more is sent; what is outstanding still has to be answered.
    pub fn stop(&mut self) {
        self.course.stop();
    }

    /// Bytes that were promised at `at` could not be had, and others were sent, so nothing more is.
    pub fn lose(&mut self, at: u64) {
        self.course.lose(at);
    }

    /// How far the server has the file from its start. After an early end, a later transfer may go on from here.
    pub fn kept(&self) -> u64 {
        self.course.kept()
    }

    /// Requests that are outstanding.
    pub const fn outstanding(&self) -> usize {
        self.course.outstanding
    }

    /// How it ended, once nothing is outstanding and nothing is to be sent.
    pub fn outcome(&self) -> Option<Outcome> {
        self.course.outcome(false)
    }
}
