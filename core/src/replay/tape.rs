//! Where a recording goes while it is made, and what is written there: each step as it happens, in memory that does not
//! grow with the recording.

use super::machine::OUTPUT;
use super::play::ending;
use super::script::{Rest, Script, Writer};
use crate::event::Serial;
use crate::{ChannelId, Error, Instant};
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// What calls have emitted is written down from this length on, without waiting for a flush.
const MOST_EMITTED: usize = 32 * 1024;

/// What a recording is written to. A write that fails ends the recording and nothing else: it then has no `end`.
pub trait Tape: fmt::Write + Send {
    /// What was written should last: nothing may come after it.
    fn sync(&mut self) -> fmt::Result;
}

/// A string keeps a short recording.
impl Tape for String {
    fn sync(&mut self) -> fmt::Result {
        Ok(())
    }
}

/// Whether what arrived has been taken, as far as it could be, and nothing was called since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quiet {
    No,
    /// It is; a flush will say so, if that is what comes next.
    Unsaid,
    Said,
}

/// The recording that a connection is under.
pub(super) struct Recording {
    tape: Box<dyn Tape>,
    writer: Writer,
    /// Nothing more can be, or is to be written.
    done: bool,
    now: u64,
    /// Bytes at the end of what was lent last that were not taken.
    left: usize,
    quiet: Quiet,
    /// Emitted by calls, and not written yet.
    emitted: Vec<u8>,
    /// What whoever reads the recording takes for the room there is.
    room: usize,
    /// And for what there will be behind the next flush.
    whole: usize,
    /// The channel or forward that has each slot, or had it last.
    channels: Vec<Option<ChannelId>>,
    /// Questions that are not answered yet, oldest first.
    pub(super) opens: Vec<Serial>,
    pub(super) requests: Vec<Serial>,
    pub(super) forwards: Vec<Serial>,
}

impl Recording {
    pub(super) fn start(script: &Script, mut tape: Box<dyn Tape>) -> Self {
        let done = script.write_head(&mut *tape).is_err();
        Self {
            tape,
            writer: Writer::default(),
            done,
            now: script.start,
            left: 0,
            quiet: Quiet::No,
            emitted: Vec::new(),
            room: OUTPUT,
            whole: OUTPUT,
            channels: Vec::from_iter(core::iter::repeat_n(None, script.table)),
            opens: Vec::new(),
            requests: Vec::new(),
            forwards: Vec::new(),
        }
    }

    /// Bytes are lent; those behind what was left of the last ones are new.
    pub(super) fn lent(&mut self, now: Instant, bytes: &[u8]) {
        let fresh = bytes.get(self.left..).filter(|fresh| !fresh.is_empty());
        if fresh.is_some() {
            self.stir();
        }
        self.at(now);
        if let Some(fresh) = fresh {
            self.step("recv", Rest::Bytes(fresh));
        }
    }

    /// So many of the bytes that were lent were not taken.
    pub(super) const fn left(&mut self, bytes: usize) {
        self.left = bytes;
    }

    pub(super) fn told(&mut self, words: &str) {
        self.quiet = Quiet::No;
        self.step("event", Rest::Words(words));
    }

    /// Nothing more is told.
    pub(super) fn quiet(&mut self) {
        self.quiet = Quiet::Unsaid;
        if !self.writer.is_at(self.now) {
            self.step("quiet", Rest::Nothing);
            self.quiet = Quiet::Said;
        }
    }

    /// What comes next is not for a quiet connection alone.
    fn stir(&mut self) {
        if core::mem::replace(&mut self.quiet, Quiet::No) == Quiet::Unsaid {
            self.step("quiet", Rest::Nothing);
        }
    }

    /// A call is about to be made: with so much room, if it writes.
    pub(super) fn calls(&mut self, room: Option<usize>) {
        self.stir();
        if let Some(room) = room {
            self.lend(room);
        }
    }

    fn lend(&mut self, room: usize) {
        if room != self.room {
            self.room = room;
            if self.emitted.is_empty() {
                self.whole = room;
            }
            self.step("room", Rest::Number(room));
        }
    }

    /// A call was made, and has emitted this.
    pub(super) fn called(&mut self, words: &str, emitted: &[u8]) {
        if !words.is_empty() {
            self.step("call", Rest::Words(words));
        }
        self.emits(emitted);
        if self.emitted.len() > MOST_EMITTED {
            self.write_emitted("emit");
        }
    }

    /// A flush is about to be made.
    pub(super) fn flushes(&mut self, now: Instant, room: usize) {
        self.lend(room);
        self.at(now);
    }

    /// A flush has emitted this.
    pub(super) fn flushed(&mut self, emitted: &[u8]) {
        self.emits(emitted);
        if core::mem::replace(&mut self.quiet, Quiet::No) != Quiet::No {
            self.write_emitted("flush");
            return;
        }
        let call = alloc::format!("flush {}", self.now);
        self.step("call", Rest::Words(&call));
        if !self.emitted.is_empty() {
            self.write_emitted("emit");
        }
    }

    fn emits(&mut self, bytes: &[u8]) {
        self.emitted.extend_from_slice(bytes);
        self.room = self.room.saturating_sub(bytes.len());
    }

    fn write_emitted(&mut self, word: &str) {
        let emitted = core::mem::take(&mut self.emitted);
        self.step(word, Rest::Bytes(&emitted));
        self.room = self.whole;
    }

    /// The connection is over, and all has been said.
    pub(super) fn end(&mut self, fate: Option<Error>) {
        if self.done {
            return;
        }
        self.stir();
        if !self.emitted.is_empty() {
            self.write_emitted("emit");
        }
        self.step("end", Rest::Words(&ending(fate)));
        self.done = true;
        // Who writes no further needs not know that it would fail.
        let _ = self.tape.sync();
    }

    pub(super) fn opened(&mut self, id: ChannelId) -> usize {
        if let Some(last) = self.channels.get_mut(id.index()) {
            *last = Some(id);
        }
        id.index()
    }

    /// A channel in words: its slot, and how often that was used if it is not the last that had it.
    pub(super) fn channel(&self, id: ChannelId) -> String {
        if self.channels.get(id.index()) == Some(&Some(id)) {
            alloc::format!("{}", id.index())
        } else {
            alloc::format!("{}.{}", id.index(), id.generation())
        }
    }

    const fn at(&mut self, Instant(now): Instant) {
        if now > self.now {
            self.now = now;
        }
    }

    fn step(&mut self, word: &str, rest: Rest<'_>) {
        if self.done {
            return;
        }
        let written = self.writer.step(&mut *self.tape, self.now, word, rest);
        self.done = written.and_then(|()| self.tape.write_str("\n")).is_err();
    }
}

impl fmt::Debug for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recording").field("done", &self.done).finish_non_exhaustive()
    }
}
