//! A file that comes: READs ahead of their answers (draft-ietf-secsh-filexfer-02 §6.4).
//!
//! ```text
//! Asking -- all is asked for, a failure, or stop --> Draining -- the last answer --> over: an outcome
//! ```
//!
//! An answer may be shorter than asked for, and then proves nothing: the rest is asked for again. What ends a file is the
//! size that it was said to have, the status of the end, or an answer without a single byte. So a small file of known size
//! costs one READ, and one of unknown size two.

use super::ring::{Part, Ring, Stage};
use super::window::Window;
use super::{Outcome, Stop};
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
    ring: Ring<T>,
    /// Bytes of a request, at most.
    most: u32,
    /// What was asked for reaches to here.
    reach: u64,
    /// Where the file ends, as far as known.
    end: u64,
    /// The size that it was said to have.
    size: Option<u64>,
    /// Whether a request was answered in full.
    flows: bool,
    outstanding: usize,
    /// Parts that have to be asked for again.
    rests: usize,
    /// Nothing from here on was kept.
    lost: u64,
    stop: Option<Stop>,
}

impl<T: AsRef<[Part]> + AsMut<[Part]>> Get<T> {
    /// A file that is there up to `from`, wanted to its `size`: later growth is left alone. Without a size it is read to its
    /// end; that suits files whose attributes say 0 and that are made as they are read. Requests ask for `most` bytes.
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
            flows: false,
            outstanding: 0,
            rests: 0,
            lost: u64::MAX,
            stop: None,
        }
    }

    /// The next request, if one may leave now. Nothing changes until it was [`sent`](Self::sent).
    pub fn next(&self, window: &Window) -> Option<Read> {
        if self.stop.is_some() {
            return None;
        }
        let read = if self.rests > 0 {
            let (part, rest) = self.ring.resting()?;
            Read { part, offset: rest.missing(), length: rest.rest() }
        } else {
            // A file of unknown size may be small.
            let guesses = self.size.is_none() && !self.flows && self.outstanding > 0;
            let left = self.end.saturating_sub(self.reach);
            if left == 0 || guesses {
                return None;
            }
            let length = u32::try_from(left).unwrap_or(u32::MAX).min(self.most);
            Read { part: self.ring.vacancy()?, offset: self.reach, length }
        };
        window.allows(read.length).then_some(read)
    }

    /// The request that [`next`](Self::next) gave has left.
    pub fn sent(&mut self, read: Read, window: &mut Window, now: Instant) {
        if let Some(part) = self.ring.rest(read.part) {
            part.ask_again();
            self.rests = self.rests.saturating_sub(1);
        } else {
            self.ring.push(Part::asked(read.offset, read.length));
            self.reach = read.offset.saturating_add(read.length.into());
        }
        self.outstanding = self.outstanding.saturating_add(1);
        window.sent(read.length, now);
    }

    /// Bytes have come for a part, the last of their answer or not: where in the file they belong. `None` if they are not
    /// wanted, for the file has been found to end before them.
    pub fn arrived(&mut self, part: usize, bytes: usize, last: bool, window: &mut Window, now: Instant) -> Option<u64> {
        let place = self.ring.outstanding(part)?;
        let at = place.take(bytes);
        let at = Some(at).filter(|at| *at < self.end);
        if !last {
            return at;
        }
        let ((asked, got), rest, missing) = (place.request(), place.rest(), place.missing());
        place.set(if rest == 0 { Stage::Through } else { Stage::Rest });
        window.answered(asked, got, now);
        self.outstanding = self.outstanding.saturating_sub(1);
        self.flows |= got == asked;
        if rest > 0 {
            self.rests = self.rests.saturating_add(1);
            if asked >= self.most {
                // The server may never give more.
                self.most = got.max(self.most / 2).max(1);
            }
            if got == 0 {
                self.end = self.end.min(missing);
            }
            self.cut();
        }
        self.ring.settle();
        at
    }

    /// A status has come for a part: the end of the file, or a failure.
    pub fn ended(&mut self, part: usize, code: Code, window: &mut Window, now: Instant) {
        let Some(place) = self.ring.outstanding(part) else { return };
        let ((asked, got), missing) = (place.request(), place.missing());
        place.set(if code == Code::EOF { Stage::Through } else { Stage::Lost });
        window.answered(asked, got, now);
        self.outstanding = self.outstanding.saturating_sub(1);
        if code == Code::EOF {
            self.end = self.end.min(missing);
            self.cut();
            self.ring.settle();
        } else {
            // A status cannot say that reading went well.
            let code = if code == Code::OK { Code::BAD_MESSAGE } else { code };
            self.stop.get_or_insert(Stop::Failed(code));
        }
    }

    /// Nothing more is wanted; what is outstanding still has to come.
    pub fn stop(&mut self) {
        self.stop.get_or_insert(Stop::Asked);
    }

    /// Bytes that belong at `at` could not be kept, so nothing more is wanted.
    pub fn lose(&mut self, at: u64) {
        self.lost = self.lost.min(at);
        self.stop();
    }

    /// How far the file is whole from its start. After an early end, a later transfer may go on from here.
    pub fn kept(&self) -> u64 {
        let reach = self.ring.first().map_or(self.reach, Part::missing);
        reach.min(self.end).min(self.lost)
    }

    /// Requests that are outstanding.
    pub const fn outstanding(&self) -> usize {
        self.outstanding
    }

    /// How it ended, once nothing is outstanding and nothing is to be asked for. The file then has [`kept`](Self::kept)
    /// bytes; there may be others behind them that came out of order.
    pub fn outcome(&self) -> Option<Outcome> {
        if self.outstanding > 0 {
            return None;
        }
        if let Some(stop) = self.stop {
            return Some(stop.outcome());
        }
        let whole = self.rests == 0 && self.reach >= self.end;
        whole.then(|| if self.size.is_some_and(|size| self.end < size) { Outcome::Short } else { Outcome::Whole })
    }

    /// Forgets rests beyond the end.
    fn cut(&mut self) {
        let (end, mut cut) = (self.end, 0_usize);
        self.ring.each(|part| {
            if part.stage() == Stage::Rest && part.missing() >= end {
                part.set(Stage::Through);
                cut = cut.saturating_add(1);
            }
        });
        self.rests = self.rests.saturating_sub(cut);
    }
}
