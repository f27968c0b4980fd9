//! Does what a recording says, and compares what is told and emitted. The received bytes may be cut differently than
//! they were: that must change nothing (the law of segmentation).

use super::format::{Script, Step, hex};
use super::machine::{Driven, start};
use super::record::Recorder;
use core::iter;
use sanssh_core::crypto::Provider;

/// How the received bytes are cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// As they were.
    Recorded,
    /// One at a time.
    Bytes,
    /// At places that this number decides.
    Random(u64),
    /// Not at all: everything up to the next call or flush at once, and the beginning of what follows it.
    Joined,
}

/// Bytes of the next delivery that [`Cut::Joined`] brings early: less than any packet, so that nothing happens early.
const EARLY: usize = 15;

/// Plays a recording with the provider `P`.
///
/// # Errors
/// The first step that went otherwise, by its number from 1, and how.
pub fn play<P: Provider>(script: &Script, cut: Cut) -> Result<(), String> {
    let mut player = Player { end: start::<P>(script), now: 0, input: Vec::new(), coming: Vec::new() };
    let steps = if cut == Cut::Joined { joined(&script.steps) } else { script.steps.clone() };
    let mut random = random(match cut {
        Cut::Random(seed) => seed,
        Cut::Recorded | Cut::Bytes | Cut::Joined => 0,
    });
    for (number, step) in steps.iter().enumerate() {
        player
            .step(step, |bytes| pieces(bytes, cut, &mut random))
            .map_err(|what| format!("step {}: {what}", number + 1))?;
    }
    Ok(())
}

/// Plays a recording and writes down what is told and emitted now.
#[must_use]
pub fn bless(script: &Script) -> Script {
    let mut recorder = Recorder::new(script.clone());
    let mut drained = true;
    for step in &script.steps {
        // Where a recorder takes what there is, too.
        if let (Step::Recv { .. } | Step::Flush { .. } | Step::End(_), false) = (step, drained) {
            while recorder.next_event().is_some() {}
            drained = true;
        }
        match step {
            Step::Recv { at, bytes, .. } => {
                recorder.receive(*at, bytes);
                drained = false;
            }
            Step::Flush { at, .. } => drop(recorder.flush(*at)),
            Step::Call(line) => drop(recorder.call(call_and_answer(line).0)),
            Step::Event(_) => drop(recorder.next_event()),
            Step::End(_) => {}
        }
    }
    recorder.finish()
}

struct Player {
    end: Box<dyn Driven>,
    now: u64,
    /// Lent and not taken.
    input: Vec<u8>,
    /// Deliveries still to come, first one last.
    coming: Vec<(u64, Vec<u8>)>,
}

impl Player {
    fn step(&mut self, step: &Step, cut: impl FnOnce(&[u8]) -> Vec<Vec<u8>>) -> Result<(), String> {
        match step {
            Step::Recv { at, bytes, .. } => {
                let mut pieces: Vec<_> = cut(bytes).into_iter().rev().map(|piece| (*at, piece)).collect();
                pieces.append(&mut self.coming);
                self.coming = pieces;
                Ok(())
            }
            Step::Event(expected) => {
                let told = self.next();
                compare("is told", told.as_deref().unwrap_or("nothing"), expected)
            }
            Step::Call(line) => {
                let (call, expected) = call_and_answer(line);
                compare(call, &self.end.call(call), expected)
            }
            Step::Flush { at, bytes, .. } => {
                self.drain()?;
                self.now = self.now.max(*at);
                compare("emits", &hex(&self.end.flush(self.now)), &hex(bytes))
            }
            Step::End(expected) => {
                self.drain()?;
                let fate = self.end.fate().map_or_else(|| "open".into(), |fate| format!("{fate:?}"));
                compare("ends", &fate, expected)
            }
        }
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

    fn drain(&mut self) -> Result<(), String> {
        match self.next() {
            None => Ok(()),
            Some(told) => Err(format!("is told {told} too many")),
        }
    }
}

fn compare(what: &str, is: &str, expected: &str) -> Result<(), String> {
    if is == expected { Ok(()) } else { Err(format!("{what} {is}\n  expected {expected}")) }
}

fn call_and_answer(line: &str) -> (&str, &str) {
    line.find("-> ").map_or((line, ""), |arrow| (line[..arrow].trim_end(), &line[arrow..]))
}

/// Deliveries that nothing was called or flushed between make one, with the beginning of the next before its time.
fn joined(steps: &[Step]) -> Vec<Step> {
    let mut joined: Vec<Step> = Vec::new();
    // Where the delivery before stands that may still grow, and where the one before that ended.
    let mut open = None;
    let mut last = None;
    for step in steps {
        let Step::Recv { at, bytes, .. } = step else {
            if !matches!(step, Step::Event(_)) {
                open = None;
            }
            joined.push(step.clone());
            continue;
        };
        let mut rest = bytes.as_slice();
        if let (None, Some(place)) = (open, last) {
            let early = rest.len().min(EARLY);
            append(&mut joined[place], &rest[..early]);
            rest = &rest[early..];
        }
        match open {
            Some(place) => append(&mut joined[place], rest),
            None => {
                open = Some(joined.len());
                joined.push(Step::Recv { at: *at, bytes: rest.to_vec(), comment: String::new() });
            }
        }
        last = open;
    }
    joined
}

fn append(step: &mut Step, more: &[u8]) {
    if let Step::Recv { bytes, .. } = step {
        bytes.extend_from_slice(more);
    }
}

fn pieces(bytes: &[u8], cut: Cut, random: &mut impl Iterator<Item = u64>) -> Vec<Vec<u8>> {
    match cut {
        Cut::Recorded | Cut::Joined => vec![bytes.to_vec()],
        Cut::Bytes => bytes.chunks(1).map(<[u8]>::to_vec).collect(),
        Cut::Random(_) => {
            let mut rest = bytes;
            let mut pieces = Vec::new();
            while !rest.is_empty() {
                // Short pieces mostly, long ones at times: heads of packets and whole packets are both cut.
                let draw = usize::try_from(random.next().unwrap_or(0) >> 33).unwrap_or(0);
                let most = if draw.is_multiple_of(4) { 5000 } else { 40 };
                let (piece, tail) = rest.split_at((1 + draw / 4 % most).min(rest.len()));
                pieces.push(piece.to_vec());
                rest = tail;
            }
            pieces
        }
    }
}

/// A generator for cuts; Knuth's multiplier.
fn random(seed: u64) -> impl Iterator<Item = u64> {
    let step =
        |state: &u64| Some(state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407));
    iter::successors(Some(seed), step).skip(1)
}
