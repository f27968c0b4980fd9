//! The connection protocol's channels and forwards (RFC 4254): a table of slots, each a few facts about one of them.
//!
//! Data is delivered the moment it is decrypted, and credited when the embedder releases it; nothing is queued. What a
//! channel owes the peer is a bit or a count in its slot, which a flush turns into packets.
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

mod forward;
mod global;
mod id;
mod modes;
mod open;
mod proof;
mod receive;
mod request;
mod slot;
mod table;

pub use forward::{Forward, ForwardEvent, ForwardId};
pub use id::ChannelId;
pub use modes::{Mode, Modes};
pub use open::{OpenKind, Tcpip};
pub use proof::ProofMessage;
pub use request::{Pty, Request, SIGNALS};
pub use slot::Slot;

pub(crate) use forward::mark;
pub(crate) use global::{Global, Globals};
pub(crate) use receive::{Context, Received};
pub(crate) use slot::{Flags, Mark};
pub(crate) use table::{Channels, Opener};

use crate::event::{Ask, ChannelRequest};

/// Extended data of sessions that is standard error (RFC 4254 §5.2).
pub const STDERR: u32 = 1;

/// Why a channel is not opened (RFC 4254 §5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenFailure(pub u32);

impl OpenFailure {
    /// Administratively prohibited.
    pub const PROHIBITED: Self = Self(1);
    /// Connect failed.
    pub const CONNECT_FAILED: Self = Self(2);
    /// Unknown channel type.
    pub const UNKNOWN_TYPE: Self = Self(3);
    /// Resource shortage.
    pub const RESOURCE_SHORTAGE: Self = Self(4);
}

/// What happens on a channel.
#[derive(Debug)]
pub enum Event<'b> {
    /// The peer accepted our channel.
    Opened,
    /// The peer refused our channel; its number is free again.
    Failed {
        /// Why.
        reason: OpenFailure,
        /// What it says; untrusted.
        message: &'b [u8],
    },
    /// Data. `release` as many bytes once they are done with.
    Data(&'b [u8]),
    /// Extended data of a kind, [`STDERR`] that is; other kinds are dropped. Released like data.
    Extended(u32, &'b [u8]),
    /// The send window had been empty and no longer is.
    Writable,
    /// The peer asks for something.
    Request {
        /// What.
        what: Request<'b>,
        /// Answer with `reply`.
        ask: Ask<ChannelRequest>,
    },
    /// Our oldest unanswered request was granted, or not.
    Replied(bool),
    /// How the command ended, or other news that wants no answer.
    Notice(Request<'b>),
    /// The peer sends no more data.
    Eof,
    /// The peer closed the channel; it is gone.
    Closed,
}
