//! The end that sends files: it writes records, counts the bytes that its owner sends, and tells which reply was to what.
//!
//! ```text
//! Start -- reply: Start --> Open -- times --> Dated
//! Open, Dated -- file -------> Offered -- yes --> Body -- the last byte, then done or spoil --> Open
//!   |                             +------ no ---> Open
//!   +----------- directory --> Entering -- yes, no --> Open
//! Open -- leave --> Open
//! ```
//!
//! What follows a file or a directory depends on its reply, so that is waited for. Everything else may leave ahead of its
//! reply: the end of a file, the times and the head of the next one in one flight.

use super::line::{Gather, put};
use super::record::{Record, is_name};
use super::{Error, Times};
use crate::wire::Sink as _;
use crate::{Output, Refused};
use heapless::Deque;

/// Replies that may be due at a time.
pub const AHEAD: usize = 8;

/// What is replied to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// That the other end is there.
    Start,
    /// The times of what comes next.
    Times,
    /// A file: whether it is wanted.
    File,
    /// A file's bytes: whether they are stored.
    Body,
    /// A directory: whether it is there.
    Directory,
    /// The end of a directory.
    Leave,
}

/// A reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event<'e> {
    /// Yes.
    Accepted(Step),
    /// No, and why. What comes next can be sent all the same.
    Refused(Step, &'e [u8]),
    /// Nothing more is taken, and why. The next call gives [`Error::Aborted`].
    Abort(&'e [u8]),
}

#[derive(Debug, Clone, Copy)]
enum Stage {
    Start,
    Open,
    Dated,
    Offered(u64),
    Body(u64),
    Entering,
}

/// The end that sends files.
#[derive(Debug)]
pub struct Source {
    stage: Stage,
    line: Gather,
    asked: Deque<Step, AHEAD>,
    depth: u16,
    fate: Option<Error>,
}

impl Default for Source {
    fn default() -> Self {
        Self::new()
    }
}

impl Source {
    /// A source that has heard nothing; the other end speaks first.
    #[must_use]
    pub const fn new() -> Self {
        Self { stage: Stage::Start, line: Gather::new(), asked: Deque::new(), depth: 0, fate: None }
    }

    /// Takes the next reply off the front of `input`; `None` if it has not all come. After an error there is no more.
    ///
    /// `gather` holds a line that comes in pieces: see [the module](super#memory-and-text).
    pub fn recv<'a: 'e, 'e>(&mut self, gather: &'e mut [u8], input: &mut &'a [u8]) -> Result<Option<Event<'e>>, Error> {
        match self.fate {
            Some(error) => Err(error),
            None => self.reply(gather, input).inspect_err(|error| self.fate = Some(*error)),
        }
    }

    /// Bytes of the file that are still to be sent.
    pub const fn left(&self) -> u64 {
        if let Stage::Body(left) = self.stage { left } else { 0 }
    }

    /// Whether the other end has said its first word.
    pub const fn has_started(&self) -> bool {
        !matches!(self.stage, Stage::Start)
    }

    /// Replies that are due.
    pub fn due(&self) -> usize {
        self.asked.len().saturating_add(usize::from(matches!(self.stage, Stage::Start)))
    }

    /// The sink's stream has ended: whether it may end here.
    pub fn ended(&self) -> Result<(), Error> {
        match (self.fate, self.stage) {
            (Some(error), _) => Err(error),
            (None, Stage::Open) if self.depth == 0 && self.asked.is_empty() && self.line.is_empty() => Ok(()),
            _ => Err(Error::Cut),
        }
    }

    // Commands. Each writes its record at once, or is refused and changes nothing: `NotYet` while a reply must come first.

    /// The times of what comes next.
    pub fn times(&mut self, times: &Times, output: &mut Output<'_>) -> Result<(), Refused> {
        self.only_open()?;
        self.send(Step::Times, &Record::Times(*times), output)?;
        self.stage = Stage::Dated;
        Ok(())
    }

    /// A file of this size; its bytes follow if it is accepted.
    pub fn file(&mut self, name: &[u8], mode: u32, size: u64, output: &mut Output<'_>) -> Result<(), Refused> {
        self.may_name(name)?;
        if i64::try_from(size).is_err() {
            return Err(Refused::TooLong);
        }
        self.send(Step::File, &Record::File { mode, size, name }, output)?;
        self.stage = Stage::Offered(size);
        Ok(())
    }

    /// Counts bytes of the file that leave behind all output so far.
    pub fn body(&mut self, length: usize) -> Result<(), Refused> {
        let Stage::Body(left) = self.stage else { return Err(Refused::NotYet) };
        self.stage = Stage::Body(left.checked_sub(length as u64).ok_or(Refused::TooLong)?);
        Ok(())
    }

    /// All of the file's bytes were sent, and they are right.
    pub fn done(&mut self, output: &mut Output<'_>) -> Result<(), Refused> {
        self.end(|output| put(output, |writer| writer.u8(0)), output)
    }

    /// As many bytes as were announced were sent, but they are wrong, and why.
    pub fn spoil(&mut self, text: &[u8], output: &mut Output<'_>) -> Result<(), Refused> {
        self.end(|output| put(output, |writer| Record::Warning(text).write(writer)), output)
    }

    /// A directory: what follows is in it, if it is accepted, until [`leave`](Self::leave).
    pub fn directory(&mut self, name: &[u8], mode: u32, output: &mut Output<'_>) -> Result<(), Refused> {
        self.may_name(name)?;
        if self.depth == u16::MAX {
            return Err(Refused::TooLong);
        }
        self.send(Step::Directory, &Record::Directory { mode, name }, output)?;
        self.stage = Stage::Entering;
        Ok(())
    }

    /// The end of the directory.
    pub fn leave(&mut self, output: &mut Output<'_>) -> Result<(), Refused> {
        self.only_open()?;
        let depth = self.depth.checked_sub(1).ok_or(Refused::Moot)?;
        self.send(Step::Leave, &Record::Leave, output)?;
        self.depth = depth;
        Ok(())
    }

    /// Something is not sent, and why. Nobody replies.
    pub fn warn(&self, text: &[u8], output: &mut Output<'_>) -> Result<(), Refused> {
        self.only_open()?;
        put(output, |writer| Record::Warning(text).write(writer))
    }

    /// Gives up, and says why.
    pub fn abort(&mut self, text: &[u8], output: &mut Output<'_>) -> Result<(), Refused> {
        self.only_open()?;
        put(output, |writer| Record::Abort(text).write(writer))?;
        self.fate = Some(Error::Closed);
        Ok(())
    }

    fn send(&mut self, step: Step, record: &Record<'_>, output: &mut Output<'_>) -> Result<(), Refused> {
        if self.asked.is_full() {
            return Err(Refused::NotYet);
        }
        put(output, |writer| record.write(writer))?;
        self.asked.push_back(step).map_err(|_| Refused::NotYet)
    }

    fn end(
        &mut self,
        status: impl FnOnce(&mut Output<'_>) -> Result<(), Refused>,
        output: &mut Output<'_>,
    ) -> Result<(), Refused> {
        let Stage::Body(0) = self.stage else { return Err(Refused::NotYet) };
        status(output)?;
        // The file's own reply was waited for: there is room.
        self.asked.push_back(Step::Body).map_err(|_| Refused::NotYet)?;
        self.stage = Stage::Open;
        Ok(())
    }

    fn only_open(&self) -> Result<(), Refused> {
        match (self.fate, self.stage) {
            (Some(_), _) => Err(Refused::Closed),
            (None, Stage::Open) => Ok(()),
            _ => Err(Refused::NotYet),
        }
    }

    fn may_name(&self, name: &[u8]) -> Result<(), Refused> {
        if !matches!(self.stage, Stage::Dated) {
            self.only_open()?;
        }
        if is_name(name) { Ok(()) } else { Err(Refused::BadPath) }
    }

    fn reply<'a: 'e, 'e>(&mut self, gather: &'e mut [u8], input: &mut &'a [u8]) -> Result<Option<Event<'e>>, Error> {
        let Some(first) = self.line.first(input, gather) else { return Ok(None) };
        let step = match (self.stage, self.asked.front()) {
            (Stage::Start, _) => Step::Start,
            (_, Some(step)) => *step,
            (_, None) => return Err(Error::Unexpected),
        };
        let event = match first {
            0 => {
                *input = input.get(1..).unwrap_or_default();
                Event::Accepted(step)
            }
            1 | 2 => {
                let Some(found) = self.line.take(input, gather)? else { return Ok(None) };
                let text = found.bytes(gather).get(1..).unwrap_or_default();
                if first == 2 {
                    self.fate = Some(Error::Aborted);
                    return Ok(Some(Event::Abort(text)));
                }
                Event::Refused(step, text)
            }
            _ => return Err(Error::Malformed),
        };
        self.replied(step, matches!(event, Event::Accepted(_)));
        Ok(Some(event))
    }

    fn replied(&mut self, step: Step, yes: bool) {
        if step != Step::Start {
            self.asked.pop_front();
        }
        self.stage = match (self.stage, step, yes) {
            // A sink that refuses before anything was sent, as one that is asked for a directory and has none, ends.
            (Stage::Start, ..) => Stage::Open,
            (Stage::Offered(size), Step::File, true) => Stage::Body(size),
            (Stage::Entering, Step::Directory, true) => {
                self.depth = self.depth.saturating_add(1);
                Stage::Open
            }
            (Stage::Offered(_), Step::File, false) | (Stage::Entering, Step::Directory, false) => Stage::Open,
            (stage, ..) => stage,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::{Error, Event, Source, Step};
    use crate::scp::{Stamp, Times};
    use crate::{Output, Refused};
    use alloc::vec::Vec;

    const TIMES: Times = Times { modified: Stamp { seconds: 1, micros: 0 }, accessed: Stamp { seconds: 2, micros: 0 } };

    fn does(command: impl FnOnce(&mut Output<'_>) -> Result<(), Refused>) -> Result<Vec<u8>, Refused> {
        let mut space = [0; 128];
        let mut output = Output::new(&mut space);
        command(&mut output)?;
        let filled = output.filled();
        Ok(space[..filled].to_vec())
    }

    /// The replies in these bytes, each byte by itself.
    fn hears(source: &mut Source, bytes: &[u8]) -> Result<Vec<(Step, bool)>, Error> {
        let (mut memory, mut steps) = ([0; 64], Vec::new());
        for mut piece in bytes.chunks(1) {
            match source.recv(&mut memory, &mut piece)? {
                Some(Event::Accepted(step)) => steps.push((step, true)),
                Some(Event::Refused(step, _)) => steps.push((step, false)),
                Some(Event::Abort(_)) | None => {}
            }
        }
        Ok(steps)
    }

    #[test]
    fn ends_times_and_heads_leave_in_one_flight() {
        let mut source = Source::new();
        assert_eq!(does(|out| source.file(b"a", 0o644, 1, out)), Err(Refused::NotYet));
        assert_eq!(hears(&mut source, b"\0"), Ok([(Step::Start, true)].to_vec()));
        does(|out| source.file(b"a", 0o644, 1, out)).unwrap();
        assert_eq!(source.body(1), Err(Refused::NotYet));
        hears(&mut source, b"\0").unwrap();
        assert_eq!(source.body(2), Err(Refused::TooLong));
        assert_eq!(does(|out| source.done(out)), Err(Refused::NotYet));
        source.body(1).unwrap();
        let flight = does(|out| {
            source.done(out)?;
            source.times(&TIMES, out)?;
            source.file(b"b", 0o600, 0, out)
        });
        assert_eq!(flight.unwrap(), b"\0T1 0 2 0\nC0600 0 b\n");
        assert_eq!(source.ended(), Err(Error::Cut));
        let replies = hears(&mut source, b"\x01disk full\n\0\0").unwrap();
        assert_eq!(replies, [(Step::Body, false), (Step::Times, true), (Step::File, true)]);
        does(|out| source.spoil(b"unreadable", out)).unwrap();
        hears(&mut source, b"\0").unwrap();
        assert_eq!((source.due(), source.ended()), (0, Ok(())));
    }

    #[test]
    fn what_depends_on_a_reply_waits_for_it() {
        let mut source = Source::new();
        hears(&mut source, b"\0").unwrap();
        assert_eq!(does(|out| source.leave(out)), Err(Refused::Moot));
        does(|out| source.directory(b"d", 0o755, out)).unwrap();
        assert_eq!(does(|out| source.file(b"x", 0o644, 0, out)), Err(Refused::NotYet));
        hears(&mut source, b"\x01no\n").unwrap();
        assert_eq!(does(|out| source.leave(out)), Err(Refused::Moot));
        does(|out| source.directory(b"d", 0o755, out)).unwrap();
        hears(&mut source, b"\0").unwrap();
        assert_eq!(source.ended(), Err(Error::Cut));
        assert_eq!(does(|out| source.leave(out)).unwrap(), b"E\n");
    }

    #[test]
    fn names_that_no_record_can_have_are_refused() {
        let mut source = Source::new();
        hears(&mut source, b"\0").unwrap();
        for name in [&b""[..], b".", b"..", b"a/b", b"a\nb", b"a\0b"] {
            assert_eq!(does(|out| source.file(name, 0o644, 0, out)), Err(Refused::BadPath));
            assert_eq!(does(|out| source.directory(name, 0o755, out)), Err(Refused::BadPath));
        }
    }

    #[test]
    fn only_replies_that_are_due_are_taken() {
        let mut source = Source::new();
        hears(&mut source, b"\0").unwrap();
        assert_eq!(hears(&mut source, b"\0"), Err(Error::Unexpected));
        assert_eq!(hears(&mut Source::new(), b"Welcome!\n"), Err(Error::Malformed));
        let mut source = Source::new();
        assert_eq!(hears(&mut source, b"\x02not a directory\n\0"), Err(Error::Aborted));
        assert_eq!(does(|out| source.file(b"a", 0o644, 0, out)), Err(Refused::Closed));
    }
}
