//! The text of a recording: a head of `key value` lines, then one step a line, bytes in hexadecimal. Reading and writing
//! are each other's inverse but for blanks and for comments that have a line of their own.

use crate::Seed;
use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::{self, Write};

/// What every recording starts with; the number is the version of the format.
const VERSIONS: [&str; 2] = ["replay 1", "replay 2"];

/// Which end was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The end that connected.
    Client,
    /// The end that was connected to.
    Server,
}

impl Side {
    /// Its word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
        }
    }
}

/// A recording.
#[derive(Clone)]
pub struct Script {
    /// Version of the format: 1, or 2 for what drivers record.
    pub version: u8,
    /// What happens, for people.
    pub title: String,
    /// The end that was recorded.
    pub side: Side,
    /// The seed of the connection. Whoever has it can read the session.
    pub seed: Seed,
    /// What differs from the default configuration, `key=value` each.
    pub config: Vec<String>,
    /// Slots for channels.
    pub table: usize,
    /// When the connection began, in microseconds.
    pub start: u64,
    /// Whether credentials were replaced by fillers of their length.
    pub redacted: bool,
    /// What happens.
    pub steps: Vec<Step>,
}

/// One step.
#[derive(Clone, PartialEq, Eq)]
pub struct Step {
    /// When, in microseconds.
    pub at: u64,
    /// What.
    pub what: What,
    /// For people.
    pub comment: String,
}

/// What happens in a step.
#[derive(Clone, PartialEq, Eq)]
pub enum What {
    /// These bytes arrive.
    Recv(Vec<u8>),
    /// This is told.
    Event(String),
    /// Everything that arrived is taken, as far as it can be; nothing more is told.
    Quiet,
    /// So many bytes of room are left in the output that is lent to what follows.
    Room(usize),
    /// A method is called, with what it returned if that tells something.
    Call(String),
    /// Since the `flush` or `emit` before, this has been emitted.
    Emit(Vec<u8>),
    /// `quiet`; then the connection is flushed, and `emit`.
    Flush(Vec<u8>),
    /// How it ended, or `open`.
    End(String),
}

/// Why a text is no recording: the line, counted from 1, and what is wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bad {
    /// The line.
    pub line: usize,
    /// What is wrong.
    pub what: &'static str,
}

impl fmt::Display for Bad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

impl core::error::Error for Bad {}

impl Step {
    /// A step without a comment.
    pub const fn new(at: u64, what: What) -> Self {
        Self { at, what, comment: String::new() }
    }
}

impl Script {
    /// A recording without steps.
    pub fn new(title: &str, side: Side, seed: Seed, config: Vec<String>, table: usize) -> Self {
        let title = title.to_owned();
        Self { version: 1, title, side, seed, config, table, start: 0, redacted: false, steps: Vec::new() }
    }

    /// Reads a recording.
    ///
    /// # Errors
    /// If it is none.
    pub fn read(text: &str) -> Result<Self, Bad> {
        let mut script = Self::new("", Side::Client, Seed::new([0; 32]), Vec::new(), 0);
        let mut lines = text.lines().zip(1..).map(|(line, at)| {
            let (line, comment) = line.split_once('#').unwrap_or((line, ""));
            (at, line.trim(), comment.trim())
        });
        let version = lines.next().and_then(|(_, line, _)| VERSIONS.iter().position(|known| *known == line));
        script.version = match version {
            Some(0) => 1,
            Some(_) => 2,
            None => return Err(Bad { line: 1, what: "a recording starts with `replay 1` or `replay 2`" }),
        };
        let mut now = 0;
        for (at, line, comment) in lines.filter(|(_, line, _)| !line.is_empty()) {
            script.line(line, comment, &mut now).map_err(|what| Bad { line: at, what })?;
        }
        Ok(script)
    }

    fn line(&mut self, line: &str, comment: &str, now: &mut u64) -> Result<(), &'static str> {
        let (word, rest) = cut(line);
        let (word, rest) = match word.strip_prefix('@') {
            Some(time) => {
                *now = time.parse().map_err(|_| "not a time in microseconds")?;
                cut(rest)
            }
            None => (word, rest),
        };
        let what = match word {
            "recv" => What::Recv(unhex(rest)?),
            "flush" => What::Flush(unhex(rest)?),
            "emit" => What::Emit(unhex(rest)?),
            "room" => What::Room(rest.parse().map_err(|_| "not a number of bytes")?),
            "quiet" => What::Quiet,
            "call" => What::Call(rest.to_owned()),
            "event" => What::Event(rest.to_owned()),
            "end" => What::End(rest.to_owned()),
            _ => return self.head(word, rest),
        };
        self.steps.push(Step { at: *now, what, comment: comment.to_owned() });
        Ok(())
    }

    fn head(&mut self, word: &str, rest: &str) -> Result<(), &'static str> {
        match word {
            "title" => rest.clone_into(&mut self.title),
            "role" => {
                let known = [Side::Client, Side::Server].into_iter().find(|side| side.name() == rest);
                self.side = known.ok_or("neither client nor server")?;
            }
            "seed" => self.seed = Seed::new(unhex(rest)?.try_into().map_err(|_| "a seed has 32 bytes")?),
            "config" => self.config = rest.split_whitespace().map(str::to_owned).collect(),
            "table" => self.table = rest.parse().map_err(|_| "not a number of slots")?,
            "start" => self.start = rest.parse().map_err(|_| "not a time in microseconds")?,
            "redacted" => self.redacted = true,
            _ => return Err("an unknown word"),
        }
        Ok(())
    }

    /// Writes the recording.
    #[must_use]
    pub fn write(&self) -> String {
        let mut text = String::new();
        // A string takes everything.
        let _ = self.write_head(&mut text);
        let mut writer = Writer::default();
        for Step { at, what, comment } in &self.steps {
            let _ = writer.step(&mut text, *at, what.name(), what.rest());
            if !comment.is_empty() {
                let _ = write!(text, "  # {comment}");
            }
            text.push('\n');
        }
        text
    }

    /// Writes what stands before the steps.
    pub(super) fn write_head(&self, out: &mut dyn Write) -> fmt::Result {
        let mut line = |key: &str, value: &dyn fmt::Display| {
            let line = alloc::format!("{key:<8}{value}");
            writeln!(out, "{}", line.trim_end())
        };
        line(VERSIONS.get(usize::from(self.version.saturating_sub(1))).unwrap_or(&VERSIONS[1]), &"")?;
        line("title", &self.title)?;
        line("role", &self.side.name())?;
        line("seed", &Hex(&self.seed.0))?;
        line("config", &self.config.join(" "))?;
        line("table", &self.table)?;
        if self.start != 0 {
            line("start", &self.start)?;
        }
        if self.redacted {
            line("redacted", &"")?;
        }
        out.write_str("\n")
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script").field("title", &self.title).field("steps", &self.steps.len()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Step({} at {})", self.what.name(), self.at)
    }
}

impl What {
    /// Its word.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Recv(_) => "recv",
            Self::Event(_) => "event",
            Self::Quiet => "quiet",
            Self::Room(_) => "room",
            Self::Call(_) => "call",
            Self::Emit(_) => "emit",
            Self::Flush(_) => "flush",
            Self::End(_) => "end",
        }
    }

    fn rest(&self) -> Rest<'_> {
        match self {
            Self::Recv(bytes) | Self::Emit(bytes) | Self::Flush(bytes) => Rest::Bytes(bytes),
            Self::Event(words) | Self::Call(words) | Self::End(words) => Rest::Words(words),
            Self::Room(room) => Rest::Number(*room),
            Self::Quiet => Rest::Nothing,
        }
    }
}

impl fmt::Debug for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What stands behind a step's word.
#[derive(Clone, Copy)]
pub(super) enum Rest<'a> {
    Nothing,
    Bytes(&'a [u8]),
    Words(&'a str),
    Number(usize),
}

impl fmt::Display for Rest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Nothing | Self::Bytes([]) | Self::Words("") => Ok(()),
            Self::Bytes(bytes) => write!(f, " {}", Hex(bytes)),
            Self::Words(words) => write!(f, " {words}"),
            Self::Number(number) => write!(f, " {number}"),
        }
    }
}

/// Writes steps, the time only where it is another than before.
#[derive(Debug, Default)]
pub(super) struct Writer {
    now: Option<u64>,
}

impl Writer {
    /// Whether this is the time of the step before.
    pub(super) fn is_at(&self, at: u64) -> bool {
        self.now == Some(at)
    }

    pub(super) fn step(&mut self, out: &mut dyn Write, at: u64, word: &str, rest: Rest<'_>) -> fmt::Result {
        let stamp = if self.now == Some(at) { String::new() } else { alloc::format!("@{at}") };
        self.now = Some(at);
        let width = if matches!(rest, Rest::Nothing | Rest::Bytes([]) | Rest::Words("")) { 0 } else { 6 };
        write!(out, "{stamp:<11} {word:<width$}{rest}")
    }
}

fn cut(line: &str) -> (&str, &str) {
    let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    (word, rest.trim())
}

/// Bytes, shown in hexadecimal.
pub(super) struct Hex<'a>(pub(super) &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digit = |value: u8| char::from(DIGITS[usize::from(value & 15)]);
        for piece in self.0.chunks(32) {
            let text: String = piece.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect();
            f.write_str(&text)?;
        }
        Ok(())
    }
}

/// Bytes in hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    Hex(bytes).to_string()
}

/// Bytes from hexadecimal.
///
/// # Errors
/// If it is none.
pub fn unhex(text: &str) -> Result<Vec<u8>, &'static str> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pair = |pair: &[u8]| match *pair {
        [high, low] => Some(digit(high)? << 4 | digit(low)?),
        _ => None,
    };
    text.as_bytes().chunks(2).map(|two| pair(two).ok_or("not hexadecimal")).collect()
}

#[cfg(test)]
mod tests {
    use super::{Bad, Script, Side, Step, What};
    use crate::Seed;
    use alloc::string::String;
    use alloc::vec;

    #[test]
    fn a_script_is_what_its_text_says() {
        let config = vec!["kex=curve25519-sha256".into(), "window=32768".into()];
        let mut script = Script::new("a title of several words", Side::Client, Seed::new([7; 32]), config, 4);
        (script.version, script.start, script.redacted) = (2, 12, true);
        script.steps = [
            (0, What::Flush(b"SSH".to_vec())),
            (12, What::Recv(vec![0, 255])),
            (12, What::Event("auth host-key".into())),
            (13, What::Quiet),
            (13, What::Room(77)),
            (13, What::Call("trust".into())),
            (13, What::Emit(vec![1])),
            (13, What::Flush(vec![])),
            (13, What::End("closed".into())),
        ]
        .map(|(at, what)| Step::new(at, what))
        .into();
        script.steps[0].comment = "a comment".into();
        let text = script.write();
        let again = Script::read(&text).expect("it was just written");
        assert_eq!(again.steps.iter().map(|step| step.comment.as_str()).collect::<String>(), "a comment");
        assert!(again.steps == script.steps);
        assert_eq!(again.write(), text);
        assert_eq!(text.lines().last(), Some("            end    closed"));
    }

    #[test]
    fn what_is_no_recording_is_named_by_its_line() {
        let bad = |text: &str| Script::read(text).expect_err("no recording");
        assert_eq!(bad("replay 3\n").line, 1);
        assert_eq!(bad("replay 1\n\nrecv 0g\n"), Bad { line: 3, what: "not hexadecimal" });
        assert_eq!(bad("replay 1\nsend 00\n"), Bad { line: 2, what: "an unknown word" });
    }
}
