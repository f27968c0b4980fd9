//! What a client asks for on a session before and beside its command: terminal, variables, the command itself, and what
//! happens to it later. Everything here is the client's word, and bounded.

use crate::borrow::Borrowed;
use sanssh_core::channel::{Mode, Pty};
use sanssh_core::wire::connection::WindowChange;

/// Variables that one session may set.
const MOST_VARIABLES: usize = 128;
/// Bytes that name and value of a variable may have together.
const LONGEST_VARIABLE: usize = 8192;
/// Modes that are kept; there are fewer opcodes.
const MOST_MODES: usize = 160;

/// A terminal that the client wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terminal {
    /// `TERM`; it can hold any bytes.
    pub term: Vec<u8>,
    /// Width in characters, at the start.
    pub columns: u32,
    /// Height in characters, at the start.
    pub rows: u32,
    /// Modes, in the client's order.
    pub modes: Vec<(Mode, u32)>,
}

/// What runs in a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// The user's shell.
    Shell,
    /// A command line.
    Exec(Vec<u8>),
    /// A subsystem, one of [`ServerConfig::subsystems`](crate::ServerConfig).
    Subsystem(String),
}

/// What a client does on a session besides sending input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The terminal has another size.
    Resized {
        /// Width in characters.
        columns: u32,
        /// Height in characters.
        rows: u32,
    },
    /// A signal for the command: its name without `SIG`, of letters and digits and perhaps `@domain`.
    Signal(String),
    /// A break of so many milliseconds.
    Break(u32),
    /// The client has closed the session, or the connection is over. Nothing comes after this.
    Closed,
}

/// What a session is to be.
#[derive(Debug)]
pub(crate) struct Setup {
    pub(crate) terminal: Option<Terminal>,
    pub(crate) environment: Vec<(Vec<u8>, Vec<u8>)>,
    pub(crate) start: Option<Start>,
    /// What the client wanted to run, where something else is forced.
    pub(crate) original: Option<Vec<u8>>,
    pub(crate) borrowed: Borrowed,
}

impl Setup {
    pub(crate) const fn new() -> Self {
        let borrowed = Borrowed::new();
        Self { terminal: None, environment: Vec::new(), start: None, original: None, borrowed }
    }

    /// Notes the terminal; there is one.
    pub(crate) fn want(&mut self, pty: Pty<'_>) -> bool {
        if self.terminal.is_some() || self.start.is_some() {
            return false;
        }
        let WindowChange { columns, rows, .. } = pty.size;
        let modes = pty.modes.iter().take(MOST_MODES).collect();
        self.terminal = Some(Terminal { term: pty.term.to_vec(), columns, rows, modes });
        true
    }

    /// Notes a variable; the last word counts. A NUL would cut it short in a process.
    pub(crate) fn set(&mut self, name: &[u8], value: &[u8]) -> bool {
        let lawful = !name.is_empty() && !name.contains(&b'=') && !name.contains(&0) && !value.contains(&0);
        let known = self.environment.iter().position(|(other, _)| other == name);
        let fits = name.len() + value.len() <= LONGEST_VARIABLE;
        if !lawful || !fits || self.start.is_some() || (known.is_none() && self.environment.len() >= MOST_VARIABLES) {
            return false;
        }
        if let Some(at) = known {
            self.environment.remove(at);
        }
        self.environment.push((name.to_vec(), value.to_vec()));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn h15_variables_are_bounded_and_the_last_word_counts() {
        let mut setup = Setup::new();
        assert!(setup.set(b"A", b"1") && setup.set(b"A", b"2"));
        assert_eq!(setup.environment, [(b"A".to_vec(), b"2".to_vec())]);
        assert!(!setup.set(b"", b"") && !setup.set(b"A=", b"") && !setup.set(b"A", b"\0"));
        assert!(!setup.set(b"B", &[b'x'; LONGEST_VARIABLE]));
        for i in 0..MOST_VARIABLES {
            assert_eq!(setup.set(format!("V{i}").as_bytes(), b""), i + 1 < MOST_VARIABLES);
        }
    }
}
