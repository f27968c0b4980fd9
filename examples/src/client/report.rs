//! What the program says about itself, on standard error: errors, warnings and, with `-v`, its steps.
//! Secrets never get here; what a server said comes escaped from the driver.

use crate::terminal;
use core::fmt::Display;
use std::io::Write;

/// How much to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Nothing at all.
    Quiet,
    /// Errors only.
    Errors,
    /// Warnings as well.
    Normal,
    /// Every step.
    Verbose,
}

/// Says things.
#[derive(Debug, Clone, Copy)]
pub struct Reporter {
    program: &'static str,
    verbosity: Verbosity,
}

impl Reporter {
    /// For a program of this name.
    #[must_use]
    pub const fn new(program: &'static str, verbosity: Verbosity) -> Self {
        Self { program, verbosity }
    }

    /// What the program failed at.
    pub fn error(self, what: impl Display) {
        self.say(Verbosity::Errors, what);
    }

    /// What went otherwise than wanted.
    pub fn warn(self, what: impl Display) {
        self.say(Verbosity::Normal, what);
    }

    /// A step, for those who asked for all of them.
    pub fn detail(self, what: impl Display) {
        self.say(Verbosity::Verbose, what);
    }

    /// Text of the server's, as it is.
    pub fn banner(self, text: &str) {
        if self.verbosity >= Verbosity::Normal {
            let _ = write!(std::io::stderr(), "{text}");
        }
    }

    /// What other programs look for in the words that OpenSSH's client has for it.
    pub fn announce(self, what: impl Display) {
        if self.verbosity >= Verbosity::Normal {
            let _ = writeln!(std::io::stderr(), "{what}");
        }
    }

    fn say(self, from: Verbosity, what: impl Display) {
        if self.verbosity >= from {
            // A raw terminal does not go back to the left margin by itself. Nobody can be told of a failure here.
            let end = if terminal::is_raw() { "\r\n" } else { "\n" };
            let _ = write!(std::io::stderr(), "{}: {what}{end}", self.program);
        }
    }
}
