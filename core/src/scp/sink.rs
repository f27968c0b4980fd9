//! The end that takes files: it asks its owner about each, lets the bytes through, and answers each record once.
//! What leads elsewhere or was not asked for never reaches the owner.
//!
//! ```text
//! Ready -- C: File -----------> Asked -- accept --> Body -- the last byte --> Status -- \0, \1: End --> Asked -- accept,
//!   |                             +---- refuse ---> Ready                                                refuse --> Ready
//!   +----- D: Directory, E: Leave --> Asked -- accept, refuse --> Ready
//!   +----- T --> Ready
//! ```

use super::line::{Gather, format, put, put_text};
use super::record::{ACCESS, Record};
use super::{Error, Times};
use crate::wire::Sink as _;
use crate::{Output, Refused};

/// Directories inside each other that are taken unless the rules say otherwise: each costs whoever stores them an open
/// directory.
const DEPTH: u16 = 128;

/// What a sink lets pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules<N> {
    /// The name that was asked for: one thing may come, and has it. `None` lets anything come: for servers, and where a
    /// shell there has the last word on names.
    pub name: Option<N>,
    /// Whether directories may come.
    pub recursive: bool,
    /// Whether times, and all bits of modes, are told; without it no file becomes setuid, setgid or sticky.
    pub preserve: bool,
    /// How many directories may be inside each other.
    pub depth: u16,
}

impl<N> Default for Rules<N> {
    fn default() -> Self {
        Self { name: None, recursive: false, preserve: false, depth: DEPTH }
    }
}

/// What a source says. `File`, `Directory`, `Leave` and `End` are questions: nothing comes behind them until
/// [`Sink::accept`] or [`Sink::refuse`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event<'e> {
    /// A file of exactly this size.
    File {
        /// A name without a path.
        name: &'e [u8],
        /// Its mode.
        mode: u32,
        /// Bytes to come.
        size: u64,
        /// Its times, if they are preserved.
        times: Option<Times>,
    },
    /// Bytes of the file, in their order.
    Body(&'e [u8]),
    /// The file is all there. To accept says that it was stored.
    End {
        /// Why its bytes are not to be relied upon: the source could not read them all.
        fault: Option<&'e [u8]>,
    },
    /// What comes next is in this directory, until `Leave`.
    Directory {
        /// A name without a path.
        name: &'e [u8],
        /// Its mode.
        mode: u32,
        /// Its times, if they are preserved; storing what is in it changes them, so they are for `Leave`.
        times: Option<Times>,
    },
    /// The end of the directory.
    Leave,
    /// Something is not sent, and why.
    Warning(&'e [u8]),
    /// Nothing more is sent, and why. The next call gives [`Error::Aborted`].
    Abort(&'e [u8]),
}

/// What waits for the owner.
#[derive(Debug, Clone, Copy)]
enum Question {
    File(u64),
    End,
    Directory,
    Leave,
}

#[derive(Debug, Clone, Copy)]
enum Stage {
    Ready,
    Asked(Question),
    Body(u64),
    Status,
}

/// The end that takes files.
#[derive(Debug)]
pub struct Sink<N> {
    rules: Rules<N>,
    stage: Stage,
    line: Gather,
    /// For what comes next.
    times: Option<Times>,
    depth: u16,
    /// Whether what was asked for has come.
    came: bool,
    /// Replies of yes that are to be written.
    owed: u32,
    /// Whether the source is to be told of the error.
    owes_goodbye: bool,
    fate: Option<Error>,
}

impl<N: AsRef<[u8]>> Sink<N> {
    /// A sink that has heard nothing; it speaks first.
    pub const fn new(rules: Rules<N>) -> Self {
        Self {
            rules,
            stage: Stage::Ready,
            line: Gather::new(),
            times: None,
            depth: 0,
            came: false,
            owed: 1,
            owes_goodbye: false,
            fate: None,
        }
    }

    /// Takes what comes next off the front of `input`; `None` if it has not all come, or if a question is open. After an
    /// error there is no more: flush once, for the source is told.
    ///
    /// `gather` holds a line that comes in pieces: see [the module](super#memory-and-text).
    pub fn recv<'a: 'e, 'e>(&mut self, gather: &'e mut [u8], input: &mut &'a [u8]) -> Result<Option<Event<'e>>, Error> {
        if let Some(error) = self.fate {
            return Err(error);
        }
        let event = match self.stage {
            Stage::Ready => self.record(gather, input),
            Stage::Asked(_) => Ok(None),
            Stage::Body(left) => Ok(self.body(left, input)),
            Stage::Status => self.status(gather, input),
        };
        event.inspect_err(|error| {
            self.fate = Some(*error);
            self.owes_goodbye = true;
        })
    }

    /// Writes the replies that are owed.
    pub fn flush(&mut self, output: &mut Output<'_>) -> Result<(), Refused> {
        self.reply(0, output)?;
        if let Some(error) = self.fate.filter(|_| self.owes_goodbye) {
            put(output, |writer| format(writer, format_args!("\x02scp: {error}\n")))?;
            self.owes_goodbye = false;
        }
        Ok(())
    }

    /// Whether [`flush`](Self::flush) has something to write.
    pub const fn owes_output(&self) -> bool {
        self.owed > 0 || self.owes_goodbye
    }

    /// The source's stream has ended: whether it may end here.
    pub const fn ended(&self) -> Result<(), Error> {
        match (self.fate, self.stage) {
            (Some(error), _) => Err(error),
            (None, Stage::Ready) if self.depth == 0 && self.times.is_none() && self.line.is_empty() => Ok(()),
            _ => Err(Error::Cut),
        }
    }

    /// Bytes of the file that are still to come.
    pub const fn left(&self) -> u64 {
        if let Stage::Body(left) = self.stage { left } else { 0 }
    }

    // Answers. Without a question they are `Moot`.

    /// The file may come, or is stored; the directory is there, or was left.
    pub const fn accept(&mut self) -> Result<(), Refused> {
        let Stage::Asked(question) = self.stage else { return Err(Refused::Moot) };
        self.stage = match question {
            Question::File(0) => Stage::Status,
            Question::File(size) => Stage::Body(size),
            Question::End | Question::Leave => Stage::Ready,
            Question::Directory => {
                self.depth = self.depth.saturating_add(1);
                Stage::Ready
            }
        };
        self.owed = self.owed.saturating_add(1);
        Ok(())
    }

    /// It cannot be done, and why; the source goes on with what comes next. One that is left is left all the same.
    pub fn refuse(&mut self, text: &[u8], output: &mut Output<'_>) -> Result<(), Refused> {
        let Stage::Asked(_) = self.stage else { return Err(Refused::Moot) };
        self.flush(output)?;
        put(output, |writer| put_text(writer, 1, text))?;
        self.stage = Stage::Ready;
        Ok(())
    }

    /// Gives up, and says why: in place of the last reply that is owed, after which the source would go on.
    pub fn abort(&mut self, text: &[u8], output: &mut Output<'_>) -> Result<(), Refused> {
        if self.fate.is_some() {
            return Err(Refused::Closed);
        }
        self.reply(1, output)?;
        put(output, |writer| put_text(writer, 2, text))?;
        self.owed = 0;
        self.fate = Some(Error::Closed);
        Ok(())
    }

    /// Writes replies that all is well, until so many are owed.
    fn reply(&mut self, left: u32, output: &mut Output<'_>) -> Result<(), Refused> {
        while self.owed > left {
            put(output, |writer| writer.u8(0))?;
            self.owed = self.owed.saturating_sub(1);
        }
        Ok(())
    }

    fn record<'a: 'e, 'e>(&mut self, gather: &'e mut [u8], input: &mut &'a [u8]) -> Result<Option<Event<'e>>, Error> {
        loop {
            if self.line.first(input, gather).is_some_and(|byte| !Record::may_begin(byte)) {
                return Err(Error::Malformed);
            }
            let Some(found) = self.line.take(input, gather)? else { return Ok(None) };
            if let Record::Times(times) = Record::read(found.bytes(gather))? {
                self.dated(times)?;
                continue;
            }
            return self.judge(Record::read(found.bytes(gather))?).map(Some);
        }
    }

    fn dated(&mut self, times: Times) -> Result<(), Error> {
        if self.times.replace(times).is_some() {
            return Err(Error::Times);
        }
        self.owed = self.owed.saturating_add(1);
        Ok(())
    }

    fn judge<'e>(&mut self, record: Record<'e>) -> Result<Event<'e>, Error> {
        match record {
            Record::File { mode, size, name } => {
                let (mode, times) = self.admit(name, mode)?;
                self.stage = Stage::Asked(Question::File(size));
                Ok(Event::File { name, mode, size, times })
            }
            Record::Directory { .. } if !self.rules.recursive => Err(Error::Directory),
            Record::Directory { .. } if self.depth >= self.rules.depth => Err(Error::Depth),
            Record::Directory { mode, name } => {
                let (mode, times) = self.admit(name, mode)?;
                self.stage = Stage::Asked(Question::Directory);
                Ok(Event::Directory { name, mode, times })
            }
            Record::Leave if self.times.is_some() => Err(Error::Times),
            Record::Leave => {
                self.depth = self.depth.checked_sub(1).ok_or(Error::Depth)?;
                self.stage = Stage::Asked(Question::Leave);
                Ok(Event::Leave)
            }
            Record::Warning(text) => Ok(Event::Warning(text)),
            Record::Abort(text) => Ok(self.aborted(text)),
            // Taken before.
            Record::Times(_) => Err(Error::Times),
        }
    }

    /// Mode and times of what may come.
    fn admit(&mut self, name: &[u8], mode: u32) -> Result<(u32, Option<Times>), Error> {
        if self.depth == 0
            && let Some(wanted) = &self.rules.name
            && (core::mem::replace(&mut self.came, true) || !is_same(wanted.as_ref(), name))
        {
            return Err(Error::NotAsked);
        }
        let times = self.times.take();
        Ok(if self.rules.preserve { (mode, times) } else { (mode & ACCESS, None) })
    }

    fn aborted<'e>(&mut self, text: &'e [u8]) -> Event<'e> {
        self.fate = Some(Error::Aborted);
        Event::Abort(text)
    }

    fn body<'a>(&mut self, left: u64, input: &mut &'a [u8]) -> Option<Event<'a>> {
        let length = usize::try_from(left).map_or(input.len(), |left| left.min(input.len()));
        let (piece, rest) = input.split_at_checked(length)?;
        if piece.is_empty() {
            return None;
        }
        *input = rest;
        let left = left.saturating_sub(length as u64);
        self.stage = if left == 0 { Stage::Status } else { Stage::Body(left) };
        Some(Event::Body(piece))
    }

    /// What follows a file's bytes: a zero, or why they are wrong.
    fn status<'a: 'e, 'e>(&mut self, gather: &'e mut [u8], input: &mut &'a [u8]) -> Result<Option<Event<'e>>, Error> {
        let fault = match self.line.first(input, gather) {
            Some(0) => {
                *input = input.get(1..).unwrap_or_default();
                None
            }
            Some(1 | 2) => {
                let Some(found) = self.line.take(input, gather)? else { return Ok(None) };
                match found.bytes(gather).split_first() {
                    Some((1, text)) => Some(text),
                    Some((_, text)) => return Ok(Some(self.aborted(text))),
                    None => return Err(Error::Malformed),
                }
            }
            Some(_) => return Err(Error::Malformed),
            None => return Ok(None),
        };
        self.stage = Stage::Asked(Question::End);
        Ok(Some(Event::End { fault }))
    }
}

/// Whether a record has the name that was asked for. A line cannot hold a line's end: OpenSSH writes a name that does as
/// vis(3) would.
fn is_same(wanted: &[u8], mut name: &[u8]) -> bool {
    if !wanted.contains(&b'\n') {
        return wanted == name;
    }
    for byte in wanted {
        let (shown, length) = visible(*byte);
        let Some(rest) = shown.get(..length).and_then(|shown| name.strip_prefix(shown)) else { return false };
        name = rest;
    }
    name.is_empty()
}

/// A byte as vis(3) shows it, in so many bytes.
const fn visible(byte: u8) -> ([u8; 4], usize) {
    let low = byte & 0x7f;
    match (byte, low) {
        (b'\\', _) => (*b"\\\\..", 2),
        (b' '..0x7f | b'\t', _) => ([byte, 0, 0, 0], 1),
        (0xa0, _) => (*b"\\240", 4),
        (..0x80, _) => ([b'\\', b'^', low ^ 0x40, 0], 3),
        (_, 0..b' ' | 0x7f) => ([b'\\', b'M', b'^', low ^ 0x40], 4),
        _ => ([b'\\', b'M', b'-', low], 4),
    }
}
