//! SFTP version 3 (draft-ietf-secsh-filexfer-02) with the extensions of OpenSSH's PROTOCOL §4, both ends as machines over
//! lent bytes. Neither knows of SSH: they run over a channel as well as over a pipe to a bare `sftp-server`.
//!
//! ```text
//! client::Client   flush: INIT --> recv: Ready --> send: requests, as many as its table holds --> recv: their answers
//! server::Server   recv: INIT --> flush: VERSION --> recv: a request --> its answer, or a flush of one --> recv: the next
//! ```
//!
//! Nothing is gathered that may be large. The bodies of DATA and WRITE pass through as borrowed [`Piece`]s, whatever the
//! boundaries of packets, and names come one by one; only what is small is put together, in memory lent with each call:
//! the same memory each time, for it holds what came before. [`GATHER`] bytes are enough for what peers send.
//!
//! # The loop
//!
//! Both ends, with two vectors for the pipes between them. A real end has one of the machines, and waits for bytes where
//! this one goes round.
//!
//! ```
//! use sanssh_core::Output;
//! use sanssh_core::sftp::{Access, Attributes, Client, Code, GATHER, Handle, Pending, Request, Server, client, server};
//!
//! let mut client = Client::new([Pending::new(); 4]);
//! let mut server = Server::new(server::Settings::default(), [Handle::new(); 4]);
//! let (mut gather, mut gather_too, mut space) = ([0; GATHER], [0; GATHER], [0; 4096]);
//! let (mut to_server, mut to_client, mut read) = (Vec::new(), Vec::new(), Vec::new());
//! while read.is_empty() {
//!     let mut output = Output::new(&mut space);
//!     client.flush(&mut output)?;
//!     let mut input = &to_client[..];
//!     while let Some(event) = client.recv(&mut gather, &mut input)? {
//!         use client::Event;
//!         match event {
//!             Event::Ready => {
//!                 let attributes = Attributes::NONE;
//!                 client.send(&Request::Open { path: b"/motd", access: Access::READ, attributes }, &mut output)?;
//!             }
//!             Event::Handle(_, handle) => {
//!                 client.send(&Request::Read { handle, offset: 0, length: 32_768 }, &mut output)?;
//!             }
//!             Event::Data(_, piece) => read.extend_from_slice(piece.bytes),
//!             _ => {}
//!         }
//!     }
//!     to_client.clear();
//!     let filled = output.filled();
//!     to_server.extend_from_slice(&space[..filled]);
//!     // The other end. What it is asked it answers, and then reads on.
//!     let mut output = Output::new(&mut space);
//!     let mut input = &to_server[..];
//!     loop {
//!         match server.recv(&mut gather_too, &mut input)? {
//!             Some(server::Event::Request(Request::Open { .. })) => {
//!                 server.handle(&mut output)?;
//!             }
//!             Some(server::Event::Request(Request::Read { offset: 0, .. })) => {
//!                 server.data(5, &mut output)?;
//!                 server.fill(&mut output, |space| {
//!                     space.copy_from_slice(b"hello");
//!                     5
//!                 });
//!             }
//!             Some(server::Event::Request(_)) => server.status(Code::FAILURE, b"", &mut output)?,
//!             Some(server::Event::Body(_)) => {}
//!             None if server.owes_output() => server.flush(&mut output)?,
//!             None => break,
//!         }
//!     }
//!     to_server.clear();
//!     let filled = output.filled();
//!     to_client.extend_from_slice(&space[..filled]);
//! }
//! assert_eq!(read, b"hello");
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

mod attributes;
pub mod client;
mod extension;
mod frame;
mod handle;
pub mod message;
mod name;
pub mod path;
pub mod server;
mod status;
mod stream;
pub mod transfer;
#[cfg(feature = "alloc")]
pub mod tree;
mod value;

pub use attributes::{Attributes, Extended, FileKind, Owner, Times};
pub use client::{Client, MAX_HANDLE, Pending, RequestId};
pub use extension::{Extension, Extensions};
pub use frame::MAX_PACKET;
pub use handle::{Handle, HandleId};
pub use message::{Access, Request, SymlinkOrder};
pub use name::{Entry, Listing};
pub use server::Server;
pub use status::{Code, Status};
pub use value::{Accounts, Limits, StatVfs};

use core::fmt;

/// Memory that gathers any message of the servers and clients there are: two paths of 4096 bytes with attributes.
/// A microcontroller may lend less; messages that do not fit are refused by a server, and end a client.
pub const GATHER: usize = 10 * 1024;

/// The version spoken.
const VERSION: u32 = 3;

/// Bytes on their way through, in order.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Piece<'b> {
    /// The next bytes; none if the body has none.
    pub bytes: &'b [u8],
    /// Whether these end the body.
    pub last: bool,
}

impl fmt::Debug for Piece<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes{}", self.bytes.len(), if self.last { ", the last" } else { "" })
    }
}

/// Why the other end is no longer talked to: it has lost the thread, and so has whoever reads on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Error {
    /// A packet too short for its head, or of more than [`MAX_PACKET`].
    Length,
    /// A packet that is not what its type says; its type.
    Malformed(u8),
    /// A packet that has no place here: a second greeting, none at first, an answer to nothing or of another kind than
    /// was asked for; its type.
    Unexpected(u8),
    /// A version that was not asked for, or is not spoken.
    Version(u32),
    /// Something that must be gathered is larger than the memory lent.
    TooLong,
    /// The stream ended inside a packet, or before answers that are due.
    HungUp,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length => f.write_str("an SFTP packet is too short or too long"),
            Self::Malformed(number) => write!(f, "the peer sent a malformed SFTP packet of type {number}"),
            Self::Unexpected(number) => write!(f, "the peer sent an SFTP packet of type {number} out of place"),
            Self::Version(version) => write!(f, "the peer speaks version {version} of SFTP, and not {VERSION}"),
            Self::TooLong => f.write_str("the peer sent a name or an answer that is too long"),
            Self::HungUp => f.write_str("the SFTP stream ended too early"),
        }
    }
}

impl core::error::Error for Error {}
