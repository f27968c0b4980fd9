//! What is wrong with a configuration, and where.

use crate::error::escape;
use core::fmt;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::Arc;

/// A configuration that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// The file; none for what the program itself was given.
    pub file: Option<PathBuf>,
    /// The line in it, from 1; 0 for all of it.
    pub line: usize,
    /// What is wrong.
    pub why: Why,
}

/// What is wrong.
#[derive(Debug, Clone)]
pub enum Why {
    /// No such keyword.
    Unknown(String),
    /// A keyword has nothing behind it.
    NoValue(String),
    /// A keyword has something behind it that it does not take; what, in a line.
    Value(String, String),
    /// `Host`, `Match` and `Include` are for files.
    OnlyInFiles(String),
    /// A quote is not closed.
    Quotes,
    /// Bytes that are no text, a NUL among them.
    NotText,
    /// A `Match` that is none; why, in a line.
    Match(String),
    /// The name of the host or user, or something else that the outside chose, has characters that a shell or a command
    /// could take for something else.
    Unsafe(String),
    /// The file cannot be read.
    File(Arc<io::Error>),
    /// Others could have written the file.
    Exposed,
    /// The file is no file but a directory or a device.
    NotAFile,
    /// More than is read: of one file, or of all together.
    TooLarge,
    /// Files include each other too deeply.
    TooDeep,
}

impl PartialEq for Why {
    fn eq(&self, other: &Self) -> bool {
        // Errors of the system have no equality; what they say has.
        self.to_string() == other.to_string()
    }
}

impl Eq for Why {}

impl Error {
    /// What the program was given.
    pub(super) const fn given(why: Why) -> Self {
        Self { file: None, line: 0, why }
    }
}

impl From<io::Error> for Why {
    fn from(error: io::Error) -> Self {
        Self::File(Arc::new(error))
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(keyword) => write!(f, "unknown option {}", keyword.escape_debug()),
            Self::NoValue(keyword) => write!(f, "{} has no value", keyword.escape_debug()),
            Self::Value(keyword, what) => write!(f, "{keyword}: {}", what.escape_debug()),
            Self::OnlyInFiles(keyword) => write!(f, "{keyword} is for configuration files"),
            Self::Quotes => f.write_str("a quote is not closed"),
            Self::NotText => f.write_str("the line is not text"),
            Self::Match(what) => write!(f, "match: {}", what.escape_debug()),
            Self::Unsafe(what) => f.write_str(what),
            Self::File(error) => error.fmt(f),
            Self::Exposed => {
                f.write_str("others could have written this file; it belongs to somebody else, or its mode lets them")
            }
            Self::NotAFile => f.write_str("this is no regular file"),
            Self::TooLarge => f.write_str("this is more configuration than is read"),
            Self::TooDeep => f.write_str("files include each other too deeply"),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A pattern may stand for files with any name.
        let name = |file: &PathBuf| escape(file.as_os_str().as_bytes(), false);
        match &self.file {
            Some(file) if self.line > 0 => write!(f, "{}:{}: {}", name(file), self.line, self.why),
            Some(file) => write!(f, "{}: {}", name(file), self.why),
            None => self.why.fmt(f),
        }
    }
}

impl core::error::Error for Error {}
