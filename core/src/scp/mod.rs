//! SCP in its old form, the protocol of rcp, both ends as machines over lent bytes: [`source::Source`] sends files and
//! directories, [`sink::Sink`] takes them. No document defines it; what OpenSSH's `scp -O` sends and takes is the measure.
//!
//! ```text
//! Source   C0644 5 name\n   D0755 0 name\n   E\n   T1 0 2 0\n      the file's bytes, then \0
//! Sink     \0 before the first record, and then one reply to each: \0, or \1 and a line of text
//! ```
//!
//! Both machines know nothing of SSH, own no memory and open no file: the program that drives them does, on the host at
//! either end. [`command::Command`] is the line that starts the other one through an `exec` request.
//!
//! # Memory and text
//!
//! A file's bytes pass through where they lie. Records and replies are lines; one that does not come in one piece is
//! gathered in memory lent to each `recv`, which must be the same memory with its contents kept. It bounds the length of
//! a line, as [`MAX_LINE`] does. Nothing is ever allocated, by no number that a peer sends.
//!
//! Names and texts are a peer's bytes, and may hold whatever moves a cursor: who shows them escapes them.
//!
//! ```
//! use sanssh_core::Output;
//! use sanssh_core::scp::sink::{Event, Rules, Sink};
//! use sanssh_core::scp::source::Source;
//!
//! let mut sink = Sink::new(Rules { name: Some("firmware.bin"), ..Rules::default() });
//! let mut source = Source::new();
//! let (mut at_sink, mut at_source) = ([0; 256], [0; 256]);
//! let mut flash = Vec::new();
//! for _ in 0..3 {
//!     let mut replies = [0; 64];
//!     let mut output = Output::new(&mut replies);
//!     sink.flush(&mut output)?;
//!     let filled = output.filled();
//!
//!     let mut bytes = &replies[..filled];
//!     while source.recv(&mut at_source, &mut bytes)?.is_some() {}
//!     let mut sent = [0; 64];
//!     let mut output = Output::new(&mut sent);
//!     let mut content = &b""[..];
//!     if source.left() > 0 {
//!         content = b"\x7fELF";
//!         source.body(content.len())?;
//!         source.done(&mut output)?;
//!     } else if flash.is_empty() {
//!         source.file(b"firmware.bin", 0o644, 4, &mut output)?;
//!     }
//!     let filled = output.filled();
//!
//!     let stream = [content, &sent[..filled]].concat();
//!     let mut bytes = &stream[..];
//!     while let Some(event) = sink.recv(&mut at_sink, &mut bytes)? {
//!         match event {
//!             Event::Body(piece) => flash.extend_from_slice(piece),
//!             Event::File { .. } | Event::End { .. } => sink.accept()?,
//!             _ => {}
//!         }
//!     }
//! }
//! assert_eq!(flash, b"\x7fELF");
//! sink.ended()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::cast_possible_truncation
    )
)]

pub mod command;
mod line;
mod record;
pub mod sink;
pub mod source;

pub use line::MAX_LINE;
pub use record::{Stamp, Times, is_name};

use core::fmt;

/// Why the other end is no longer talked to. Every later `recv` repeats it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Error {
    /// Something that is no record, or no reply.
    Malformed,
    /// A mode that is not four octal digits.
    Mode,
    /// A size that is no number, or more than a file can have.
    Size,
    /// Times that are no numbers, or that nothing follows which could have them.
    Times,
    /// A line beyond its limit.
    TooLong,
    /// A name that leads elsewhere, or that is none.
    Name,
    /// Something that was not asked for: another name, or a second one.
    NotAsked,
    /// A directory, where only a file was asked for.
    Directory,
    /// Directories inside each other beyond the limit, or the end of one where there is none.
    Depth,
    /// A reply, where none was due.
    Unexpected,
    /// The stream ended in the middle.
    Cut,
    /// The other end gave up, and said why.
    Aborted,
    /// This end gave up.
    Closed,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "what came is not the copy protocol; a shell that prints when it starts would do that",
            Self::Mode => "a mode is malformed",
            Self::Size => "a size is malformed or too large",
            Self::Times => "times are malformed or out of place",
            Self::TooLong => "a line is too long",
            Self::Name => "a name would lead elsewhere",
            Self::NotAsked => "something came that was not asked for",
            Self::Directory => "a directory came, and only a file was asked for",
            Self::Depth => "directories are too deep, or left too often",
            Self::Unexpected => "a reply came where none was due",
            Self::Cut => "the stream ended in the middle",
            Self::Aborted => "the other end gave up",
            Self::Closed => "the copy was given up",
        })
    }
}

impl core::error::Error for Error {}
