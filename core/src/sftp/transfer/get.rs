//! A file that comes: READs ahead of their answers (draft-ietf-secsh-filexfer-02 §6.4).
//!
//! ```text
//! Asking -- all is asked for, a failure, or stop --> Draining -- the last answer --> over: an outcome
//! ```
//!
//! An answer may be shorter than asked for, and then proves nothing: the rest is asked for again. What ends a file is the
//! size that it was said to have, the status of the end, or an answer without a single byte. So a small file of known size
//! costs one READ, and one of unknown size two, the second when the first was answered. One that is wanted to its end costs
//! two as well; they leave together, and if it has grown there are more.

use super::Outcome;
use super::course::Course;
use super::ring::{Part, Stage};
use super::window::Window;
use crate::Instant;
use crate::sftp::Code;

/// A READ to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Read {
    /// The place in the transfer's table: to be kept with the request, and told with its answer.
    pub part: usize,
    /// Where, in bytes.
    pub offset: u64,
    /// How many bytes.
    pub length: u32,
}

/// A file on its way from the server.
#[derive(Debug)]
pub struct Get<T> {
    course: Course<T>,
    /// Where it is expected to end: one READ behind that is enough until there turns out to be more.
    expected: u64,
    /// Whether a request behind that was answered in full.
    flows: bool,
    /// Parts that have to be asked for again.
    rests: usize,
}

impl<T: AsRef<[Part]> + AsMut<[Part]>> Get<T> {
    /// A file that is there up to `from`, wanted to its `size`: later growth is left alone. Without a size it is read to its
    /// end; that suits files whose attributes say 0 and that are made as they are read. Requests ask for `most` bytes.
    pub const fn new(from: u64, size: Option<u64>, most: u32, table: T) -> Self {
        let expected = match size {
            Some(size) => size,
            None => from,
        };
        Self { course: Course::new(from, size, most, table), expected, flows: false, rests: 0 }
    }

    /// As [`new`](Self::new), but wanted to its end, growth since its `size` was told included. The READ that finds the end
    /// takes a place of the table beside those of the contents.
    pub const fn to_end(from: u64, size: Option<u64>, most: u32, table: T) -> Self {
        let mut get = Self::new(from, size, most, table);
        get.course.end = u64::MAX;
        get
    }

    /// The next request, if one may leave now. Nothing changes until it was [`sent`](Self::sent).
    pub fn next(&self, window: &Window) -> Option<Read> {
        let course = &self.course;
        if course.is_stopped() {
            return None;
        }
        let read = if self.rests > 0 {
            let (part, rest) = course.ring.resting()?;
            Read { part, offset: rest.missing(), length: rest.rest() }
        } else {
            // There may be nothing behind the first READ beyond what is expected.
            if course.reach > self.expected && !self.flows {
                return None;
            }
            let end = if course.reach < self.expected { self.expected } else { u64::MAX };
            let (part, offset, length) = course.next(end)?;
            Read { part, offset, length }
        };
        window.allows(read.length).then_some(read)
    }

    /// The request that [`next`](Self::next) gave has left.
    pub fn sent(&mut self, read: Read, window: &mut Window, now: Instant) {
        if let Some(part) = self.course.ring.rest(read.part) {
            part.ask_again();
            self.rests = self.rests.saturating_sub(1);
        } else {
            self.course.push(Part::asked(read.offset, read.length));
        }
        self.course.outstanding = self.course.outstanding.saturating_add(1);
        window.sent(read.length, now);
    }

    /// Bytes have come for a part, the last of their answer or not: where in the file they belong. `None` if they are not
    /// wanted, for the file has been found to end before them.
    pub fn arrived(&mut self, part: usize, bytes: usize, last: bool, window: &mut Window, now: Instant) -> Option<u64> {
        let course = &mut self.course;
        let place = course.ring.outstanding(part)?;
        let at = Some(place.take(bytes)).filter(|at| *at < course.end);
        if !last {
            return at;
        }
        let ((asked, got), rest, missing, end) = (place.request(), place.rest(), place.missing(), place.end());
        place.set(if rest == 0 { Stage::Through } else { Stage::Rest });
        window.answered(asked, got, now);
        course.outstanding = course.outstanding.saturating_sub(1);
        self.flows |= got == asked && end > self.expected;
        if rest > 0 {
            self.rests = self.rests.saturating_add(1);
            if asked >= course.most {
                // The server may never give more.
                course.most = got.max(course.most / 2).max(1);
            }
            self.end_by(if got == 0 { missing } else { u64::MAX });
        }
        self.course.ring.settle();
        at
    }

    /// A status has come for a part: the end of the file, or a failure.
    pub fn ended(&mut self, part: usize, code: Code, window: &mut Window, now: Instant) {
        let course = &mut self.course;
        let Some(place) = course.ring.outstanding(part) else { return };
        let ((asked, got), missing) = (place.request(), place.missing());
        place.set(if code == Code::EOF { Stage::Through } else { Stage::Lost });
        window.answered(asked, got, now);
        course.outstanding = course.outstanding.saturating_sub(1);
        if code == Code::EOF {
            self.end_by(missing);
            self.course.ring.settle();
        } else {
            // A status cannot say that reading went well.
            course.fail(if code == Code::OK { Code::BAD_MESSAGE } else { code });
        }
    }

    /// Nothing more is wanted; what is outstanding still has to come.
    pub fn stop(&mut self) {
        self.course.stop();
    }

    /// Bytes that belong at `at` could not be kept, so nothing more is wanted.
    pub fn lose(&mut self, at: u64) {
        self.course.lose(at);
    }

    /// How far the file is whole from its start. After an early end, a later transfer may go on from here.
    pub fn kept(&self) -> u64 {
        self.course.kept()
    }

    /// Requests that are outstanding.
    pub const fn outstanding(&self) -> usize {
        self.course.outstanding
    }

    /// How it ended, once nothing is outstanding and nothing is to be asked for. The file then has [`kept`](Self::kept)
    /// bytes; there may be others behind them that came out of order.
    pub fn outcome(&self) -> Option<Outcome> {
        self.course.outcome(self.rests > 0)
    }

    /// The file ends there, or before. Rests beyond its end are forgotten.
    fn end_by(&mut self, end: u64) {
        let end = self.course.end.min(end);
        self.course.end = end;
        let mut cut = 0_usize;
        self.course.ring.each(|part| {
            if part.stage() == Stage::Rest && part.missing() >= end {
                part.set(Stage::Through);
                cut = cut.saturating_add(1);
            }
        });
        self.rests = self.rests.saturating_sub(cut);
    }
}
