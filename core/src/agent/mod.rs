//! The agent protocol (RFC 9987, with the extensions of OpenSSH's PROTOCOL.agent), both ends as machines over lent bytes:
//! [`client::Client`] asks whoever holds keys to sign, [`server::Server`] is asked. Neither needs an allocator, and both
//! have the verbs of a connection.
//!
//! ```text
//! Client   Idle -- a command writes a request --> Asked -- recv: the answer --> Idle
//! Server   Idle -- recv: a request --> Open -- refuse(), done(): a fact --> Owed -- flush --> Idle
//!                                       +----- identities(), signature(), extensions() ----> Idle
//! ```
//!
//! A request is answered before the next is read. Requests hold private keys and passphrases: whoever keeps the bytes
//! wipes what was taken, as [`Rx::wipe`](crate::Rx::wipe) does.
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
mod constraint;
mod frame;
pub mod message;
pub mod server;

pub use constraint::{Constraints, Destination, Destinations, Hop, HopKey};
pub use frame::MAX_FRAME;
pub use message::SessionBind;

use crate::algorithm::HostKey;
use crate::wire::{Element, Malformed, Reader, Sink};
use core::fmt;

/// The flag of SIGN that asks RSA keys for SHA-256 (RFC 9987 §5.4).
pub const RSA_SHA2_256: u32 = 2;
/// The flag of SIGN that asks RSA keys for SHA-512 (RFC 9987 §5.4).
pub const RSA_SHA2_512: u32 = 4;

/// The flags of SIGN that ask for this algorithm.
fn flags(algorithm: HostKey) -> u32 {
    let wanted = [(HostKey::RsaSha256, RSA_SHA2_256), (HostKey::RsaSha512, RSA_SHA2_512)];
    wanted.iter().find(|(one, _)| *one == algorithm.plain()).map_or(0, |(_, flag)| *flag)
}

/// Why the other end is no longer talked to: it has lost the thread, and so has whoever reads on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Error {
    /// A frame of no bytes, or of more than [`MAX_FRAME`].
    Length,
    /// An answer that does not decode; its number.
    Malformed(u8),
    /// An answer that does not fit what was asked, or to nothing; its number.
    Unexpected(u8),
}

/// A key that an agent holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Identity<'a> {
    /// The public key blob, or a certificate.
    pub key: &'a [u8],
    /// Whatever its owner wrote beside it: untrusted bytes.
    pub comment: &'a [u8],
}

impl<'a> Element<'a> for Identity<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        Ok(Self { key: reader.string()?, comment: reader.string()? })
    }

    fn write(&self, sink: &mut dyn Sink) {
        sink.string(self.key);
        sink.string(self.comment);
    }
}

impl fmt::Debug for Identity<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({} bytes, {} bytes)", self.key.len(), self.comment.len())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length => f.write_str("a message of the agent protocol is empty or too long"),
            Self::Malformed(number) => write!(f, "the agent sent a malformed answer of type {number}"),
            Self::Unexpected(number) => write!(f, "the agent sent an answer of type {number} to another question"),
        }
    }
}

impl core::error::Error for Error {}
