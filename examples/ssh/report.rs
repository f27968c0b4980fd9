//! What the program says about itself, on standard error: errors, warnings and, with `-v`, its steps.
//! Secrets never get here; what a server said comes escaped from the driver.

use core::fmt::Display;
use sanssh_examples::terminal;
use std::io::Write;

/// How much to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verbosity {
    /// Nothing at all.
    Quiet,
    /// Errors only.
    Errors,
    /// Warnings as well.
    Normal,
    /// Every step.
    Verbose,
}

impl Verbosity {
    /// OpenSSH's `LogLevel`.
    pub(crate) fn from_level(level: &str) -> Result<Self, String> {
        match level.to_ascii_uppercase().as_str() {
            "QUIET" => Ok(Self::Quiet),
            "FATAL" | "ERROR" => Ok(Self::Errors),
            "INFO" => Ok(Self::Normal),
            "VERBOSE" | "DEBUG" | "DEBUG1" | "DEBUG2" | "DEBUG3" => Ok(Self::Verbose),
            _ => Err(format!("unknown level \"{level}\"; there are QUIET, FATAL, ERROR, INFO, VERBOSE, DEBUG")),
        }
    }
}

/// Says things.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reporter(Verbosity);

impl Reporter {
    pub(crate) const fn new(verbosity: Verbosity) -> Self {
        Self(verbosity)
    }

    pub(crate) fn error(self, what: impl Display) {
        self.say(Verbosity::Errors, what);
    }

    pub(crate) fn warn(self, what: impl Display) {
        self.say(Verbosity::Normal, what);
    }

    pub(crate) fn detail(self, what: impl Display) {
        self.say(Verbosity::Verbose, what);
    }

    /// Text of the server's, as it is.
    pub(crate) fn banner(self, text: &str) {
        if self.0 >= Verbosity::Normal {
            let _ = write!(std::io::stderr(), "{text}");
        }
    }

    fn say(self, from: Verbosity, what: impl Display) {
        if self.0 >= from {
            // A raw terminal does not go back to the left margin by itself. Nobody can be told of a failure here.
            let end = if terminal::is_raw() { "\r\n" } else { "\n" };
            let _ = write!(std::io::stderr(), "ssh: {what}{end}");
        }
    }
}
