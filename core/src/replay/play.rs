//! Does what a recording says, and compares what is told and emitted. The received bytes may be cut differently than
//! they were: that must change nothing.

use super::cut::{Cut, Knife, joined};
use super::machine::{Driven, start};
use super::script::{Script, Step, What, hex};
use crate::Error;
use crate::crypto::Provider;
use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// Where a recording and what happens now part.
#[derive(Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// The step, counted from 1.
    pub step: usize,
    /// How.
    pub what: Parting,
}

/// How a recording and what happens now part.
#[derive(Clone, PartialEq, Eq)]
pub enum Parting {
    /// Something else is told, or nothing.
    Told {
        /// What, with how the connection ended if that is why.
        is: String,
        /// What was.
        expected: String,
    },
    /// This is told where nothing was.
    Extra(String),
    /// A call returned something else.
    Returned {
        /// The call's name; its arguments may be secret.
        call: String,
        /// What it returned.
        is: String,
        /// What it had returned.
        expected: String,
    },
    /// Something else is emitted.
    Emitted {
        /// What.
        is: Vec<u8>,
        /// What was.
        expected: Vec<u8>,
    },
    /// The connection ended otherwise, or not at all.
    Ended {
        /// How.
        is: String,
        /// How it had.
        expected: String,
    },
    /// The step cannot be done.
    Undoable(&'static str),
}

/// Plays a recording with the provider `P`.
///
/// # Errors
/// The first step that went otherwise.
pub fn play<P: Provider>(script: &Script, cut: Cut) -> Result<(), Mismatch> {
    let mut player = Player::new::<P>(script, cut)?;
    while player.step()?.is_some() {}
    Ok(())
}

/// Plays a recording step by step.
pub struct Player {
    end: Box<dyn Driven>,
    steps: Vec<Step>,
    knife: Knife,
    /// The steps that are done.
    done: usize,
    now: u64,
    /// Lent and not taken.
    input: Vec<u8>,
    /// Deliveries still to come, first one last.
    coming: Vec<(u64, Vec<u8>)>,
}

impl Player {
    /// At the beginning of a recording.
    ///
    /// # Errors
    /// If its head is none.
    pub fn new<P: Provider>(script: &Script, cut: Cut) -> Result<Self, Mismatch> {
        let end = start::<P>(script).map_err(|what| Mismatch { step: 0, what: Parting::Undoable(what) })?;
        let steps = if cut == Cut::Joined { joined(&script.steps) } else { script.steps.clone() };
        Ok(Self {
            end,
            steps,
            knife: Knife::new(cut),
            done: 0,
            now: script.start,
            input: Vec::new(),
            coming: Vec::new(),
        })
    }

    /// Does the next step, and gives it.
    ///
    /// # Errors
    /// If it goes otherwise. What comes after that means nothing.
    pub fn step(&mut self) -> Result<Option<&Step>, Mismatch> {
        let steps = core::mem::take(&mut self.steps);
        let done = steps.get(self.done).map(|step| self.play(step));
        self.steps = steps;
        let Some(done) = done else { return Ok(None) };
        self.done = self.done.saturating_add(1);
        done.map_err(|what| Mismatch { step: self.done, what })?;
        Ok(self.steps.get(self.done.saturating_sub(1)))
    }

    /// Steps that are done; with [`Cut::Joined`] they are others than the recording's.
    pub const fn done(&self) -> usize {
        self.done
    }

    /// How the connection ended, once it has.
    pub fn fate(&self) -> Option<Error> {
        self.end.fate()
    }

    fn play(&mut self, step: &Step) -> Result<(), Parting> {
        if !matches!(step.what, What::Recv(_) | What::Flush(_)) {
            self.now = self.now.max(step.at);
        }
        match &step.what {
            What::Recv(bytes) => self.arrive(step.at, bytes),
            What::Event(expected) => self.told(expected)?,
            What::Quiet => self.quiet()?,
            What::Room(room) => self.end.room(*room).map_err(Parting::Undoable)?,
            What::Call(line) => self.call(line)?,
            What::Emit(expected) => self.emits(expected)?,
            What::Flush(expected) => {
                self.quiet()?;
                self.flush(step.at);
                self.emits(expected)?;
            }
            What::End(expected) => {
                self.quiet()?;
                let is = ending(self.fate());
                if is != *expected {
                    return Err(Parting::Ended { is, expected: expected.clone() });
                }
            }
        }
        Ok(())
    }

    /// Flushes at this time.
    fn flush(&mut self, at: u64) {
        self.now = self.now.max(at);
        self.end.flush(self.now);
    }

    fn arrive(&mut self, at: u64, bytes: &[u8]) {
        let mut pieces: Vec<_> = self.knife.pieces(bytes).into_iter().rev().map(|piece| (at, piece)).collect();
        pieces.append(&mut self.coming);
        self.coming = pieces;
    }

    fn told(&mut self, expected: &str) -> Result<(), Parting> {
        let told = self.next();
        if told.as_deref() == Some(expected) {
            return Ok(());
        }
        let over = || self.fate().map_or_else(|| "nothing".into(), |fate| format!("nothing: over by {fate:?}"));
        Err(Parting::Told { is: told.unwrap_or_else(over), expected: expected.to_owned() })
    }

    fn quiet(&mut self) -> Result<(), Parting> {
        self.next().map_or(Ok(()), |told| Err(Parting::Extra(told)))
    }

    fn call(&mut self, line: &str) -> Result<(), Parting> {
        let (call, expected) = call_and_answer(line);
        let is = self.end.call(call).map_err(Parting::Undoable)?;
        if is == expected {
            return Ok(());
        }
        let name = call.split(' ').next().unwrap_or_default();
        Err(Parting::Returned { call: name.to_owned(), is, expected: expected.to_owned() })
    }

    fn emits(&mut self, expected: &[u8]) -> Result<(), Parting> {
        let is = self.end.emitted();
        if is == expected { Ok(()) } else { Err(Parting::Emitted { is, expected: expected.to_vec() }) }
    }

    /// What is told next, with as many deliveries as it takes.
    fn next(&mut self) -> Option<String> {
        loop {
            let told = self.end.recv(self.now, &mut self.input);
            if told.is_some() {
                return told;
            }
            let (at, piece) = self.coming.pop()?;
            self.now = self.now.max(at);
            self.input.extend(piece);
        }
    }
}

/// Plays a recording with the provider `P`, and writes down what is told and emitted now.
///
/// # Errors
/// If a step cannot be done.
pub fn bless<P: Provider>(script: &Script) -> Result<Script, Mismatch> {
    let mut player = Player::new::<P>(script, Cut::Recorded)?;
    let mut blessed = Script { steps: Vec::new(), ..script.clone() };
    for (step, number) in script.steps.iter().zip(1..) {
        let steps = player
            .redo(step, script.version)
            .map_err(|what| Mismatch { step: number, what: Parting::Undoable(what) })?;
        blessed.steps.extend(steps);
    }
    Ok(blessed)
}

impl Player {
    /// The step as it goes now, and what is told before it too many.
    fn redo(&mut self, step: &Step, version: u8) -> Result<Vec<Step>, &'static str> {
        let mut steps = Vec::new();
        // In the first version nothing was left over when more arrived.
        let first = version == 1 && matches!(step.what, What::Recv(_));
        if first || matches!(step.what, What::Flush(_) | What::Quiet | What::End(_)) {
            while let Some(told) = self.next() {
                steps.push(Step::new(self.now, What::Event(told)));
            }
        }
        if !matches!(step.what, What::Recv(_)) {
            self.now = self.now.max(step.at);
        }
        let what = match &step.what {
            What::Recv(bytes) => {
                self.arrive(step.at, bytes);
                step.what.clone()
            }
            What::Event(_) => match self.next() {
                Some(told) => What::Event(told),
                None => return Ok(steps),
            },
            What::Quiet => What::Quiet,
            What::Room(room) => {
                self.end.room(*room)?;
                What::Room(*room)
            }
            What::Call(line) => {
                let call = call_and_answer(line).0;
                let answer = self.end.call(call)?;
                What::Call(format!("{call} {answer}").trim_end().to_owned())
            }
            What::Emit(_) => What::Emit(self.end.emitted()),
            What::Flush(_) => {
                self.flush(step.at);
                What::Flush(self.end.emitted())
            }
            What::End(_) => What::End(ending(self.fate())),
        };
        steps.push(Step { what, ..step.clone() });
        Ok(steps)
    }
}

/// How a connection ended, as recordings have it.
pub(super) fn ending(fate: Option<Error>) -> String {
    fate.map_or_else(|| "open".into(), |fate| format!("{fate:?}"))
}

/// A call, and what it returned.
pub(super) fn call_and_answer(line: &str) -> (&str, &str) {
    line.find(" -> ").map_or((line, ""), |arrow| {
        let (call, answer) = line.split_at(arrow);
        (call, answer.trim_start())
    })
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "step {}: {}", self.step, self.what)
    }
}

impl fmt::Display for Parting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Told { is, expected } => write!(f, "told {is}\n  expected {expected}"),
            Self::Extra(told) => write!(f, "told {told}\n  expected nothing"),
            Self::Returned { call, is, expected } => write!(f, "{call} returned {is}\n  expected {expected}"),
            Self::Emitted { is, expected } => write!(f, "emitted {}\n  expected {}", hex(is), hex(expected)),
            Self::Ended { is, expected } => write!(f, "ended {is}\n  expected {expected}"),
            Self::Undoable(what) => f.write_str(what),
        }
    }
}

impl fmt::Debug for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for Parting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl core::error::Error for Mismatch {}

impl fmt::Debug for Player {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Player").field("done", &self.done).finish_non_exhaustive()
    }
}
