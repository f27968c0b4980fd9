//! One directory, from its beginning to its end.
//!
//! ```text
//! get   Make* --> Open --> List --> Close --> Wait --> Settle*? --> Over          * is done here, the rest there
//! put   Make --> Look? --> List* --> Wait --> Settle? --> Over
//! ```
//!
//! It waits for everything in it. Permissions come last, for they may forbid what has to be done before.

use super::entry::{End, Found, Queue};
use super::{Settings, Way};
use crate::sftp::Code;
use alloc::boxed::Box;

/// Requests for names that are under way at a time: for some names and their end, and where there are more.
const AHEAD: [usize; 2] = [2, 4];

/// What is done next, or is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Make,
    /// Whether it could not be made because it is there.
    Look,
    Open,
    List,
    Close,
    Wait,
    Settle,
    Over,
}

#[derive(Debug)]
pub(super) struct Directory {
    way: Way,
    pub(super) parent: Option<usize>,
    pub(super) found: Found,
    /// Its path below the root.
    pub(super) below: Box<[u8]>,
    pub(super) depth: usize,
    pub(super) stage: Stage,
    /// Answers that the server owes.
    pub(super) due: usize,
    pub(super) handle: Option<Box<[u8]>>,
    /// Answers with names that have come.
    pub(super) answers: usize,
    /// Whether all names have come.
    pub(super) listed: bool,
    pub(super) queue: Queue,
    /// Entries that wait or are under way.
    pub(super) busy: usize,
    pub(super) end: Option<End>,
}

impl Directory {
    pub(super) fn new(way: Way, parent: Option<usize>, found: Found, below: Box<[u8]>, depth: usize) -> Self {
        Self {
            way,
            parent,
            found,
            below,
            depth,
            stage: Stage::Make,
            due: 0,
            handle: None,
            answers: 0,
            listed: false,
            queue: Queue::default(),
            busy: 0,
            end: None,
        }
    }

    /// It is there.
    pub(super) const fn made(&mut self) {
        self.stage = match self.way {
            Way::Get => Stage::Open,
            Way::Put => Stage::List,
        };
    }

    /// The handle, unless the server was asked to close it.
    pub(super) fn open(&self) -> Option<&[u8]> {
        self.handle.as_deref().filter(|_| !(self.stage == Stage::Close && self.due > 0))
    }

    /// Whether names are still to come.
    pub(super) fn is_listing(&self) -> bool {
        matches!(self.stage, Stage::Make | Stage::Look | Stage::Open | Stage::List | Stage::Close)
    }

    /// Whether more names may be asked for, with so many waiting.
    pub(super) fn may_list(&self, waiting: usize, settings: &Settings) -> bool {
        let [few, many] = AHEAD;
        let room = waiting < settings.names && self.due < if self.answers < few { few } else { many };
        self.stage == Stage::List && !self.listed && (room || (self.due == 0 && self.queue.is_empty()))
    }

    /// It ends so, unless it has ended before. What was found in it goes on.
    pub(super) fn fail(&mut self, end: End) {
        self.end.get_or_insert(end);
        self.listed = true;
        if self.stage != Stage::List {
            self.stage = if self.handle.is_some() { Stage::Close } else { Stage::Wait };
        }
        self.settle();
    }

    /// What is under way in it cannot be done.
    pub(super) fn refused(&mut self, end: End) {
        if self.stage == Stage::Settle {
            self.stage = Stage::Over;
            self.end.get_or_insert(end);
        } else {
            self.handle = if self.stage == Stage::Close { None } else { self.handle.take() };
            self.fail(end);
        }
    }

    /// Leaves stages behind that have ended.
    pub(super) fn settle(&mut self) {
        if self.stage == Stage::List && self.listed && self.due == 0 {
            self.stage = if self.handle.is_some() { Stage::Close } else { Stage::Wait };
        }
    }

    /// Leaves the wait behind, once nothing is in it any more.
    pub(super) fn complete(&mut self, settings: &Settings) {
        if self.stage == Stage::Wait && self.busy == 0 {
            let settles = settings.preserve && self.end.is_none();
            self.stage = if settles { Stage::Settle } else { Stage::Over };
        }
    }

    /// The server is gone.
    pub(super) fn cut(&mut self) {
        self.due = 0;
        self.handle = None;
        self.listed = true;
        if self.stage != Stage::Over {
            self.end.get_or_insert(End::Failed(Code::CONNECTION_LOST));
            self.stage = Stage::Wait;
        }
    }
}
