//! The publickey subsystem (RFC 4819), by which users keep the list of keys that let them in: both ends as machines over
//! lent bytes. Neither knows of SSH; they run over the channel whose subsystem is [`SUBSYSTEM`].
//!
//! ```text
//! Client   Silent -- flush: our version --> Greeting -- recv: theirs --> Idle -- a command --> Asked
//!                                                                          ^                     | recv: keys, attributes
//!                                                                          +--- recv: status ----+
//! Server   Silent -- flush: our version --> Greeting -- recv: theirs --> Idle -- recv: a request --> Open
//!                                                                          ^                           | keys, attributes
//!                                                                          +-------- status() ---------+
//! ```
//!
//! A request is answered before the next is read or made. Packets are gathered in memory lent with each call, the same
//! memory each time, for it holds what came before; [`GATHER`] bytes are enough for the keys there are.
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

pub mod client;
pub mod message;
pub mod server;
mod stream;

pub use client::Client;
pub use message::{Attribute, Code, Demand, Key, Status};
pub use server::Server;
pub use stream::MAX_PACKET;

use crate::wire::Malformed;
use core::fmt;

/// The name of the subsystem.
pub const SUBSYSTEM: &str = "publickey";

/// Memory that gathers a key of any length in use, with a page of attributes. Less may be lent: requests that do not fit
/// are refused by a server, and answers that do not fit end a client.
pub const GATHER: usize = 8 * 1024;

/// The version spoken. What was 1 is a draft.
const VERSION: u32 = 2;

/// Why the other end is no longer talked to: it has lost the thread, and so has whoever reads on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Error {
    /// A packet too short for a name, or of more than [`MAX_PACKET`].
    Length,
    /// A packet that is not what its name says.
    Malformed,
    /// A packet that has no place here: a second greeting, none at first, an answer to another question or to none.
    Unexpected,
    /// The highest version that the peer speaks, where the two have none in common.
    Version(u32),
    /// A packet larger than the memory lent.
    TooLong,
    /// The stream ended inside a packet, or before an answer that is due.
    HungUp,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length => f.write_str("a packet of the publickey subsystem is too short or too long"),
            Self::Malformed => f.write_str("the peer sent a malformed packet of the publickey subsystem"),
            Self::Unexpected => f.write_str("the peer sent a packet of the publickey subsystem out of place"),
            Self::Version(version) => {
                write!(f, "the peer speaks version {version} of the publickey subsystem, and not {VERSION}")
            }
            Self::TooLong => f.write_str("the peer sent a key that is too long"),
            Self::HungUp => f.write_str("the publickey subsystem ended too early"),
        }
    }
}

impl core::error::Error for Error {}

impl From<Malformed> for Error {
    fn from(Malformed: Malformed) -> Self {
        Self::Malformed
    }
}
