//! One file, or link, from its beginning to its end.
//!
//! ```text
//! get   Look? --> Open --> Create* --> Move --> Finish* --> Close --> Over        * is done here, the rest there
//!       Target --> Link* --> Over
//! put   Open* --> Create --> Measure? --> Move --> Sync? --> Set? --> Close --> Finish* --> Over
//!       Target* --> Link --> Over
//! ```
//!
//! In a get nobody waits for the answer to CLOSE, and a file of which nothing is known is opened before STAT is answered;
//! in a put CLOSE leaves when nothing but the answer to the last WRITE is missing, and both are waited for. Whatever fails
//! leads to the closing of what is open, and the first failure stays. What a put leaves behind is cut to what is whole of
//! it, if the server still listens.

use super::entry::{End, Found};
use super::{Settings, Way};
use crate::Instant;
use crate::sftp::transfer::{Get, Outcome, Part, Put, Window};
use crate::sftp::{Attributes, Code};
use alloc::boxed::Box;
use alloc::vec;

/// Parts of one file that may be outstanding, at most.
const MOST_PARTS: u64 = 4096;

/// What is done next, or is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Look,
    /// The file that is read.
    Open,
    /// The file that is written.
    Create,
    /// How much of it is there.
    Measure,
    Move,
    Sync,
    Set,
    Close,
    Finish,
    /// Where a link leads.
    Target,
    Link,
    Over,
}

#[derive(Debug)]
pub(super) enum Mover {
    Idle,
    Get(Get<Box<[Part]>>),
    Put(Put<Box<[Part]>>),
}

#[derive(Debug)]
pub(super) struct File {
    way: Way,
    pub(super) parent: Option<usize>,
    pub(super) found: Found,
    pub(super) stage: Stage,
    /// Whether the server is to answer; not for what moves.
    pub(super) waits: bool,
    /// Whether it is to answer what was sent ahead: STAT in a get, CLOSE in a put.
    pub(super) ahead: bool,
    pub(super) handle: Option<Box<[u8]>>,
    /// Whether it is open here.
    local: bool,
    /// Bytes that a copy had before.
    before: u64,
    pub(super) mover: Mover,
    /// Where a link leads.
    pub(super) target: Box<[u8]>,
    pub(super) end: Option<End>,
}

impl File {
    pub(super) fn new(way: Way, parent: Option<usize>, found: Found, stage: Stage) -> Self {
        Self {
            way,
            parent,
            found,
            stage,
            waits: false,
            ahead: false,
            handle: None,
            local: false,
            before: 0,
            mover: Mover::Idle,
            target: Box::default(),
            end: None,
        }
    }

    /// The size, if it is known; a size of 0 is what files have that are made as they are read.
    pub(super) fn size(&self) -> Option<u64> {
        self.found.attributes.size.filter(|size| *size > 0)
    }

    pub(super) fn kept(&self) -> u64 {
        match &self.mover {
            Mover::Idle => self.before,
            Mover::Get(get) => get.kept(),
            Mover::Put(put) => put.kept(),
        }
    }

    /// Whether its contents were begun with.
    pub(super) const fn has_moved(&self) -> bool {
        !matches!(self.mover, Mover::Idle)
    }

    /// It ends so, unless it has ended before; what is open is closed.
    pub(super) fn fail(&mut self, end: End) {
        self.end.get_or_insert(end);
        self.unwind();
    }

    /// On to the closing of what is open.
    pub(super) const fn unwind(&mut self) {
        let (there, here) = (self.handle.is_some(), self.local);
        // A CLOSE that has left is only waited for.
        self.waits = self.is_closing();
        let first = matches!(self.way, Way::Get);
        self.stage = match (here, there) {
            (false, false) => Stage::Over,
            (true, true) if first => Stage::Finish,
            (_, true) => Stage::Close,
            (true, false) => Stage::Finish,
        };
    }

    /// The handle is not valid any more.
    pub(super) fn closed(&mut self) {
        self.handle = None;
        self.unwind();
    }

    /// Whether CLOSE was sent ahead, and not answered.
    const fn is_closing(&self) -> bool {
        self.ahead && matches!(self.way, Way::Put)
    }

    /// Whether CLOSE may be sent though the last WRITE is not answered: nothing else is to be done with the handle.
    pub(super) fn closes_ahead(&self, settings: &Settings) -> bool {
        let plain = !settings.sync && !settings.preserve && self.end.is_none() && !self.ahead;
        plain && self.handle.is_some() && matches!(&self.mover, Mover::Put(put) if put.is_last())
    }

    /// The answer to what was sent ahead; of attributes, what they say was taken.
    pub(super) fn caught_up(&mut self, failure: Option<End>) {
        self.ahead = false;
        self.end = self.end.or(failure);
        match self.way {
            Way::Get if self.end.is_some() => self.unwind(),
            Way::Get if self.handle.is_some() => (self.waits, self.stage) = (false, Stage::Create),
            Way::Get => {}
            Way::Put if self.stage == Stage::Close => self.closed(),
            // The WRITE is still to be answered.
            Way::Put => self.handle = None,
        }
    }

    /// The handle, unless the server was asked to close it.
    pub(super) fn open(&self) -> Option<&[u8]> {
        self.handle.as_deref().filter(|_| !(self.is_closing() || self.stage == Stage::Close && self.waits))
    }

    /// It is not open here any more.
    pub(super) const fn finished(&mut self) {
        self.local = false;
        self.unwind();
    }

    /// It is open here: with as many bytes, kept in a get, to be sent in a put.
    pub(super) fn opened(&mut self, bytes: u64, settings: &Settings) {
        self.local = true;
        if self.way == Way::Put {
            self.found.attributes.size = Some(bytes);
            self.stage = Stage::Create;
        } else {
            self.before = bytes;
            self.start(bytes, settings);
        }
    }

    /// The link leads there.
    pub(super) fn leads_to(&mut self, target: &[u8]) {
        self.target = target.into();
        self.stage = Stage::Link;
        if target.is_empty() || target.contains(&0) {
            self.fail(End::Failed(Code::BAD_MESSAGE));
        }
    }

    /// The contents begin to move, from where they are there already.
    pub(super) fn start(&mut self, from: u64, settings: &Settings) {
        let size = self.size();
        // Also where the size is 0, which may say nothing: what is there is no beginning of that.
        if self.found.attributes.size.is_some_and(|size| from > size) {
            return self.fail(End::Longer);
        }
        let most = if self.way == Way::Get { settings.sizes.read } else { settings.sizes.write };
        let whole = settings.window.div_ceil(u64::from(most).max(1)).saturating_add(1);
        // A file that was asked for by itself is read until the server says that it ends.
        let alone = self.found.blind;
        let wanted = size.map(|size| size.saturating_sub(from).div_ceil(u64::from(most).max(1)));
        let wanted = wanted.map(|parts| parts.saturating_add(alone.into()));
        let parts = wanted.unwrap_or(u64::MAX).min(whole).clamp(1, MOST_PARTS);
        let table = vec![Part::new(); usize::try_from(parts).unwrap_or(1)].into_boxed_slice();
        self.mover = match self.way {
            Way::Get if alone => Mover::Get(Get::to_end(from, size, most, table)),
            Way::Get => Mover::Get(Get::new(from, size, most, table)),
            Way::Put => Mover::Put(Put::new(from, size, most, table)),
        };
        self.stage = Stage::Move;
    }

    /// What may be asked now for the contents: part, offset, length.
    pub(super) fn wants(&self, window: &Window) -> Option<(usize, u64, u32)> {
        match &self.mover {
            Mover::Idle => None,
            Mover::Get(get) => get.next(window).map(|read| (read.part, read.offset, read.length)),
            Mover::Put(put) => put.next(window).map(|write| (write.part, write.offset, write.length)),
        }
    }

    pub(super) fn sent(&mut self, part: usize, offset: u64, length: u32, window: &mut Window, now: Instant) {
        use crate::sftp::transfer::{Read, Write};
        match &mut self.mover {
            Mover::Idle => {}
            Mover::Get(get) => get.sent(Read { part, offset, length }, window, now),
            Mover::Put(put) => put.sent(Write { part, offset, length }, window, now),
        }
    }

    /// Leaves the contents behind if they have ended.
    pub(super) fn settle(&mut self, settings: &Settings) {
        let outcome = match &self.mover {
            Mover::Get(get) if self.stage == Stage::Move => get.outcome(),
            Mover::Put(put) if self.stage == Stage::Move => put.outcome(),
            Mover::Idle | Mover::Get(_) | Mover::Put(_) => None,
        };
        match outcome {
            None => {}
            Some(Outcome::Whole) if self.end.is_none() => self.complete(settings),
            Some(outcome) => {
                self.fail(outcome.into());
                if self.is_hollow() && self.open().is_some() {
                    self.stage = Stage::Set;
                }
            }
        }
    }

    fn is_hollow(&self) -> bool {
        matches!(&self.mover, Mover::Put(put) if put.is_hollow())
    }

    fn complete(&mut self, settings: &Settings) {
        match self.way {
            Way::Get => self.unwind(),
            Way::Put if settings.sync => self.stage = Stage::Sync,
            Way::Put => self.synced(settings),
        }
    }

    /// The contents are where they should be.
    pub(super) fn synced(&mut self, settings: &Settings) {
        if self.is_hollow() || settings.preserve {
            self.stage = Stage::Set;
        } else {
            self.unwind();
        }
    }

    /// What a file on the server is to have at its end.
    pub(super) fn last(&self, settings: &Settings) -> Attributes<'static> {
        let whole = settings.preserve && self.end.is_none();
        let kept = if whole { preserved(&self.found.attributes) } else { Attributes::NONE };
        Attributes { size: self.is_hollow().then(|| self.kept()), ..kept }
    }

    /// Nothing more is begun.
    pub(super) fn stop(&mut self) {
        match &mut self.mover {
            Mover::Get(get) if self.stage == Stage::Move => get.stop(),
            Mover::Put(put) if self.stage == Stage::Move => put.stop(),
            Mover::Idle | Mover::Get(_) | Mover::Put(_) => {}
        }
        let early = matches!(
            self.stage,
            Stage::Look | Stage::Open | Stage::Create | Stage::Measure | Stage::Target | Stage::Link
        );
        if early && !self.waits {
            self.fail(End::Stopped);
        }
    }

    /// The server is gone.
    pub(super) fn cut(&mut self) {
        (self.waits, self.ahead) = (false, false);
        if self.handle.take().is_some() || self.stage != Stage::Over {
            self.end.get_or_insert(End::Failed(Code::CONNECTION_LOST));
        }
        self.unwind();
    }
}

/// What a copy gets of the attributes: no owner, and no bits that give rights.
pub(super) fn preserved(attributes: &Attributes<'_>) -> Attributes<'static> {
    let permissions = attributes.permissions.map(|mode| mode & 0o777);
    Attributes { permissions, times: attributes.times, ..Attributes::NONE }
}
