//! What the machine tells the embedder, one nested enum per layer, and the questions it asks.

use crate::auth::{client, server};
use crate::channel::{self, ChannelId, Flags, Forward, ForwardEvent, ForwardId, OpenKind};
use crate::role::Role;
use crate::transport;

/// Something the embedder should know. May borrow the received bytes, never the connection.
#[derive(Debug)]
pub enum Event<'b, R: Role> {
    /// The transport layer.
    Transport(transport::Event<'b>),
    /// The host key, and the login.
    Auth(R::Event<'b>),
    /// One of the channels.
    Channel(ChannelId, channel::Event<'b>),
    /// The peer asks for a channel.
    Open {
        /// What kind.
        kind: OpenKind<'b>,
        /// Answer with `accept` or `decline`.
        ask: Ask<OpenRequest>,
    },
    /// Server: the client wants us to listen for it.
    Listen {
        /// Where.
        what: Forward<'b>,
        /// Answer with `listen` or `refuse_forward`.
        ask: Ask<ForwardRequest>,
    },
    /// What becomes of a forward.
    Forward(ForwardId, ForwardEvent),
}

/// A client's events.
pub type ClientEvent<'b> = client::Event<'b>;
/// A server's events.
pub type ServerEvent<'b> = server::Event<'b>;

/// A question that the embedder must answer, now or later. The question's type fixes the answer's; an answer to a
/// question that is no longer open, or that another connection asked, does nothing.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "an ask wants an answer"]
pub struct Ask<Q> {
    pub(crate) serial: Serial,
    pub(crate) question: Q,
}

/// Tells questions apart, across connections as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Serial {
    pub(crate) connection: u32,
    pub(crate) number: u32,
}

/// Numbers the questions of one connection.
#[derive(Debug)]
pub(crate) struct Serials(Serial);

impl Serials {
    pub(crate) const fn new(connection: u32) -> Self {
        Self(Serial { connection, number: 0 })
    }

    /// The serial of the last question.
    pub(crate) const fn last(&self) -> Serial {
        self.0
    }

    /// Whether this connection asked.
    pub(crate) const fn own<Q>(&self, ask: &Ask<Q>) -> bool {
        ask.serial.connection == self.0.connection
    }

    pub(crate) const fn ask<Q>(&mut self, question: Q) -> Ask<Q> {
        self.0.number = self.0.number.wrapping_add(1);
        Ask { serial: self.0, question }
    }
}

/// Whether to trust the host key (client).
#[derive(Debug, PartialEq, Eq)]
pub struct Trust(pub(crate) ());

/// Which host key to show (server).
#[derive(Debug, PartialEq, Eq)]
pub struct HostKeyChoice(pub(crate) ());

/// A signature by the host key (server).
#[derive(Debug, PartialEq, Eq)]
pub struct Sign(pub(crate) crate::crypto::HashValue);

impl Ask<Sign> {
    /// What to sign: the exchange hash (RFC 4253 §8).
    pub fn message(&self) -> &[u8] {
        self.question.0.as_bytes()
    }
}

/// Whether a key would do (server).
#[derive(Debug, PartialEq, Eq)]
pub struct Probe(pub(crate) ());

/// Whether an attempt to log in succeeds (server).
#[derive(Debug, PartialEq, Eq)]
pub struct Attempt(pub(crate) ());

/// Proofs that host keys are ours (server), so many.
#[derive(Debug, PartialEq, Eq)]
pub struct Prove(pub(crate) usize);

/// Answers to prompts (client).
#[derive(Debug, PartialEq, Eq)]
pub struct Answer(pub(crate) u32);

/// Whether a channel may be opened.
#[derive(Debug, PartialEq, Eq)]
pub struct OpenRequest(pub(crate) ChannelId);

/// Whether we listen for a client.
#[derive(Debug, PartialEq, Eq)]
pub struct ForwardRequest {
    pub(crate) id: ForwardId,
    /// The port is ours to find.
    pub(crate) any_port: bool,
    pub(crate) wants_reply: bool,
}

/// Whether a request on a channel is granted.
#[derive(Debug, PartialEq, Eq)]
pub struct ChannelRequest {
    pub(crate) id: ChannelId,
    /// Its number among the requests of the channel whose answers are owed.
    pub(crate) number: Option<u8>,
    /// Whether it starts the one program of the channel.
    pub(crate) starts: bool,
    /// What the server may open if it is granted.
    pub(crate) permits: Flags,
}

impl Ask<ChannelRequest> {
    /// Whether the peer wants to be told; if not, the answer still decides whether a command counts as started.
    pub const fn wants_reply(&self) -> bool {
        self.question.number.is_some()
    }
}
