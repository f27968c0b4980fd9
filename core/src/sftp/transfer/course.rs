//! How far a transfer is: what both ways have in common.

use super::Outcome;
use super::ring::{Part, Ring};
use crate::sftp::Code;

/// Why no more is asked for, though more is missing.
#[derive(Debug, Clone, Copy)]
enum Stop {
    Failed(Code),
    Asked,
}

/// Parts under way between what is whole and what was not begun with.
#[derive(Debug)]
pub(super) struct Course<T> {
    pub(super) ring: Ring<T>,
    /// Bytes of a request, at most.
    pub(super) most: u32,
    /// What was asked for, or sent, reaches to here.
    pub(super) reach: u64,
    /// Where the file ends, as far as known.
    pub(super) end: u64,
    /// The size that it was said to have.
    pub(super) size: Option<u64>,
    pub(super) outstanding: usize,
    /// From here on, bytes are not what they should be.
    lost: u64,
    stop: Option<Stop>,
}

impl<T: AsRef<[Part]> + AsMut<[Part]>> Course<T> {
    pub(super) const fn new(from: u64, size: Option<u64>, most: u32, table: T) -> Self {
        let end = match size {
            Some(size) => size,
            None => u64::MAX,
        };
        let most = if most == 0 { 1 } else { most };
        Self { ring: Ring::new(table), most, reach: from, end, size, outstanding: 0, lost: u64::MAX, stop: None }
    }

    /// Where the next new part begins, and its length, no further than `end`; `None` if all was begun with, or no place is
    /// free.
    pub(super) fn next(&self, end: u64) -> Option<(usize, u64, u32)> {
        let left = self.end.min(end).saturating_sub(self.reach);
        let length = u32::try_from(left).unwrap_or(u32::MAX).min(self.most);
        if left == 0 { None } else { Some((self.ring.vacancy()?, self.reach, length)) }
    }

    /// Adds a new part.
    pub(super) fn push(&mut self, part: Part) {
        self.reach = part.end();
        self.ring.push(part);
    }

    pub(super) const fn is_stopped(&self) -> bool {
        self.stop.is_some()
    }

    pub(super) fn stop(&mut self) {
        self.stop.get_or_insert(Stop::Asked);
    }

    pub(super) fn fail(&mut self, code: Code) {
        self.stop.get_or_insert(Stop::Failed(code));
    }

    /// Nothing from `at` on is as it should be, and nothing more is wanted.
    pub(super) fn lose(&mut self, at: u64) {
        self.lost = self.lost.min(at);
        self.stop();
    }

    /// How far the file is whole from its start.
    pub(super) fn kept(&self) -> u64 {
        let whole = self.ring.first().map_or(self.reach, Part::missing);
        whole.min(self.end).min(self.lost)
    }

    /// How it ended, if nothing is outstanding, and it was stopped or `rests` says that nothing is to be asked for again.
    pub(super) fn outcome(&self, rests: bool) -> Option<Outcome> {
        if self.outstanding > 0 {
            return None;
        }
        match self.stop {
            Some(Stop::Failed(code)) => Some(Outcome::Failed(code)),
            Some(Stop::Asked) => Some(Outcome::Stopped),
            None if rests || self.reach < self.end => None,
            None if self.size.is_some_and(|size| self.end < size) => Some(Outcome::Short),
            None => Some(Outcome::Whole),
        }
    }
}
