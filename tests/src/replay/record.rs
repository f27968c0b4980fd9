//! Writes down what one end receives, is called, emits and tells, while it does so.

use super::names::Clear;
use super::spy::{self, Spy};
use core::fmt;
use sanssh_core::crypto::fast::Fast;
use sanssh_core::replay::{Driven, Script, Step, What, start};

/// An end whose life is written down.
pub struct Recorder {
    script: Script,
    end: Box<dyn Driven>,
    now: u64,
    input: Vec<u8>,
    sent: Clear,
    received: Clear,
    /// Received since the comment before.
    fresh: Vec<u8>,
    /// Something arrived or was called since the last flush.
    unsettled: bool,
}

impl Recorder {
    /// An end at the beginning of a recording whose head is that of `script`; its steps are forgotten.
    ///
    /// # Panics
    /// If the head is none.
    #[must_use]
    pub fn new(script: Script) -> Self {
        // What another recorder on this thread left behind is not ours.
        drop((spy::sealed(), spy::opened()));
        Self {
            end: start::<Spy<Fast>>(&script).expect("a head"),
            script: Script { steps: Vec::new(), ..script },
            now: 0,
            input: Vec::new(),
            sent: Clear::default(),
            received: Clear::default(),
            fresh: Vec::new(),
            unsettled: true,
        }
    }

    /// The end, for questions that leave no trace.
    #[must_use]
    pub fn end(&self) -> &dyn Driven {
        self.end.as_ref()
    }

    /// These bytes arrive.
    pub fn receive(&mut self, at: u64, bytes: &[u8]) {
        self.now = self.now.max(at);
        self.unsettled = true;
        self.input.extend_from_slice(bytes);
        self.fresh.extend_from_slice(bytes);
        self.script.steps.push(Step::new(self.now, What::Recv(bytes.to_vec())));
    }

    /// The next thing that is told, until what arrived is used up.
    pub fn next_event(&mut self) -> Option<String> {
        let event = self.end.recv(self.now, &mut self.input);
        self.comment();
        self.script.steps.extend(event.clone().map(|event| Step::new(self.now, What::Event(event))));
        event
    }

    /// Names the messages that were taken, beside the bytes that completed them.
    fn comment(&mut self) {
        let words = self.received.comment(&core::mem::take(&mut self.fresh), &spy::opened());
        let last = self.script.steps.iter_mut().rev().find(|step| matches!(step.what, What::Recv(_)));
        if let Some(Step { comment, .. }) = last.filter(|_| !words.is_empty()) {
            let between = if comment.is_empty() { "" } else { ", " };
            comment.push_str(between);
            comment.push_str(&words);
        }
    }

    /// Makes a call in answer to the event before; gives what it returned.
    ///
    /// # Panics
    /// If it cannot be made.
    pub fn call(&mut self, line: &str) -> String {
        let answer = self.end.call(line).unwrap_or_else(|what| panic!("{line}: {what}"));
        self.unsettled = true;
        let call = format!("{line} {answer}").trim_end().to_owned();
        self.script.steps.push(Step::new(self.now, What::Call(call)));
        answer
    }

    /// Makes a call that answers no event: what was received is first dealt with, so that a replay knows where.
    pub fn call_later(&mut self, at: u64, line: &str) -> (Vec<u8>, String) {
        let emitted = if self.unsettled { self.flush(at) } else { Vec::new() };
        (emitted, self.call(line))
    }

    /// Flushes, and gives what was emitted since the flush before.
    pub fn flush(&mut self, at: u64) -> Vec<u8> {
        self.now = self.now.max(at);
        self.unsettled = false;
        self.end.flush(self.now);
        let bytes = self.end.emitted();
        let comment = self.sent.comment(&bytes, &spy::sealed());
        self.script.steps.push(Step { at: self.now, what: What::Flush(bytes.clone()), comment });
        bytes
    }

    /// Whether a flush is due.
    #[must_use]
    pub fn owes(&self) -> bool {
        self.end.owes()
    }

    /// The recording.
    #[must_use]
    pub fn finish(mut self) -> Script {
        let end = self.end.fate().map_or_else(|| "open".into(), |fate| format!("{fate:?}"));
        self.script.steps.push(Step::new(self.now, What::End(end)));
        self.script
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").field("title", &self.script.title).finish_non_exhaustive()
    }
}
