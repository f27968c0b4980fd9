//! What can go wrong, by consequence: [`Error`] ends the connection, [`Refused`] means that one call did nothing.
//!
//! Both are `Copy`, small and without strings; text that a peer sent arrives in events.

use crate::crypto::zip::Corrupt;
use crate::crypto::{BadShare, Forged};
use crate::time::Phase;
use crate::wire::Malformed;
use core::fmt;

/// The connection is over. Flush once more: the peer may be owed a DISCONNECT. Every later call repeats the error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Error {
    /// Bytes that are not what they claim to be: a message's number, or `None` for an identification line or a packet
    /// frame.
    Malformed(Option<u8>),
    /// A packet failed its integrity check.
    Forged,
    /// A compressed payload is no part of its stream, ends it, or expands to more than the largest packet.
    Corrupt,
    /// Lawful bytes at an unlawful time.
    Violation(Violation),
    /// Nothing in common with the peer.
    Incompatible(Choice),
    /// The key exchange failed: a bad share, or a host key or signature that does not prove the exchange.
    Exchange,
    /// The embedder distrusted the host key.
    Untrusted,
    /// Authentication ended without success: attempts were used up.
    Denied,
    /// The peer asked for a service that there is not.
    NoService,
    /// The peer said goodbye.
    Disconnected(Reason),
    /// We said goodbye.
    Closed,
    /// The transport ended without a goodbye.
    HungUp,
    /// A deadline passed.
    TimedOut(Phase),
}

/// What the peer did that it must not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Violation {
    /// A message number that is not lawful now.
    Unexpected(u8),
    /// Something other than KEXINIT first, or a marker's rule broken, under strict key exchange.
    StrictKex,
    /// More data than the window or the packet limit allows.
    WindowOverrun,
    /// A window beyond 2^32 - 1.
    WindowOverflow,
    /// A channel that is not open, or is not open for this.
    NoSuchChannel,
    /// More of something than there may be.
    TooMany,
    /// Lines, names or text beyond their limit.
    TooLong,
    /// The packet counter would repeat under one key, or a rekey was ignored past its limit.
    Overdue,
    /// Strict key exchange is required and the peer does not do it.
    NotStrict,
    /// Success for a login that gave no credential, where one is required.
    Unearned,
}

/// The lists of KEXINIT, and the protocol version, on which two sides must agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Choice {
    /// Protocol version.
    Version,
    /// Key exchange method.
    Kex,
    /// Host key algorithm.
    HostKey,
    /// Cipher, client to server.
    CipherToServer,
    /// Cipher, server to client.
    CipherToClient,
    /// MAC, client to server.
    MacToServer,
    /// MAC, server to client.
    MacToClient,
    /// Compression, client to server.
    ZipToServer,
    /// Compression, server to client.
    ZipToClient,
}

/// Reason codes of DISCONNECT (RFC 4253 §11.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Reason(pub u32);

impl Reason {
    /// Host not allowed to connect.
    pub const HOST_NOT_ALLOWED: Self = Self(1);
    /// Protocol error.
    pub const PROTOCOL_ERROR: Self = Self(2);
    /// Key exchange failed.
    pub const KEY_EXCHANGE_FAILED: Self = Self(3);
    /// MAC error.
    pub const MAC_ERROR: Self = Self(5);
    /// Compression error.
    pub const COMPRESSION_ERROR: Self = Self(6);
    /// Service not available.
    pub const SERVICE_NOT_AVAILABLE: Self = Self(7);
    /// Protocol version not supported.
    pub const VERSION_NOT_SUPPORTED: Self = Self(8);
    /// Host key not verifiable.
    pub const HOST_KEY_NOT_VERIFIABLE: Self = Self(9);
    /// Connection lost.
    pub const CONNECTION_LOST: Self = Self(10);
    /// By application.
    pub const BY_APPLICATION: Self = Self(11);
    /// Too many connections.
    pub const TOO_MANY_CONNECTIONS: Self = Self(12);
    /// Cancelled by user.
    pub const CANCELLED_BY_USER: Self = Self(13);
    /// No more authentication methods available.
    pub const NO_MORE_METHODS: Self = Self(14);
}

impl Error {
    /// What DISCONNECT says of this error; `None` where none is sent because the peer is gone.
    pub const fn reason(self) -> Option<Reason> {
        match self {
            // Granting a login for nothing is lawful; not to want it is our policy.
            Self::Violation(Violation::Unearned) => Some(Reason::BY_APPLICATION),
            Self::Malformed(_) | Self::Violation(_) => Some(Reason::PROTOCOL_ERROR),
            Self::Forged => Some(Reason::MAC_ERROR),
            Self::Corrupt => Some(Reason::COMPRESSION_ERROR),
            Self::Incompatible(Choice::Version) => Some(Reason::VERSION_NOT_SUPPORTED),
            Self::Incompatible(_) | Self::Exchange => Some(Reason::KEY_EXCHANGE_FAILED),
            Self::Untrusted => Some(Reason::HOST_KEY_NOT_VERIFIABLE),
            Self::Denied => Some(Reason::NO_MORE_METHODS),
            Self::NoService => Some(Reason::SERVICE_NOT_AVAILABLE),
            Self::Closed => Some(Reason::BY_APPLICATION),
            Self::TimedOut(_) => Some(Reason::CONNECTION_LOST),
            Self::Disconnected(_) | Self::HungUp => None,
        }
    }
}

impl From<Malformed> for Error {
    fn from(Malformed: Malformed) -> Self {
        Self::Malformed(None)
    }
}

impl From<Forged> for Error {
    fn from(Forged: Forged) -> Self {
        Self::Forged
    }
}

impl From<Corrupt> for Error {
    fn from(Corrupt: Corrupt) -> Self {
        Self::Corrupt
    }
}

impl From<BadShare> for Error {
    fn from(BadShare: BadShare) -> Self {
        Self::Exchange
    }
}

impl From<Violation> for Error {
    fn from(violation: Violation) -> Self {
        Self::Violation(violation)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(Some(number)) => write!(f, "the peer sent a malformed message of type {number}"),
            Self::Malformed(None) => f.write_str("the peer sent bytes that are not SSH"),
            Self::Forged => f.write_str("a packet failed its integrity check"),
            Self::Corrupt => f.write_str("a compressed packet cannot be expanded within the limit"),
            Self::Violation(violation) => write!(f, "the peer broke the protocol: {violation}"),
            Self::Incompatible(choice) => write!(f, "no {choice} in common with the peer"),
            Self::Exchange => f.write_str("the key exchange failed: the peer's share or its proof is not valid"),
            Self::Untrusted => f.write_str("the host key is not trusted"),
            Self::Denied => f.write_str("authentication failed"),
            Self::NoService => f.write_str("the peer asked for an unknown service"),
            Self::Disconnected(reason) => write!(f, "the peer disconnected ({reason})"),
            Self::Closed => f.write_str("the connection was closed"),
            Self::HungUp => f.write_str("the peer closed the connection"),
            Self::TimedOut(phase) => write!(f, "timed out: {phase}"),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unexpected(number) => write!(f, "message type {number} is not lawful here"),
            Self::StrictKex => f.write_str("strict key exchange was not kept"),
            Self::WindowOverrun => f.write_str("more data than the window allows"),
            Self::WindowOverflow => f.write_str("a window larger than there can be"),
            Self::NoSuchChannel => f.write_str("a message for a channel that is not open for it"),
            Self::TooMany => f.write_str("more requests than the limit"),
            Self::TooLong => f.write_str("longer than the limit"),
            Self::Overdue => f.write_str("a due key exchange did not come"),
            Self::NotStrict => f.write_str("strict key exchange is required here"),
            Self::Unearned => f.write_str("login granted without a credential"),
        }
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Version => "protocol version",
            Self::Kex => "key exchange method",
            Self::HostKey => "host key algorithm",
            Self::CipherToServer => "cipher (client to server)",
            Self::CipherToClient => "cipher (server to client)",
            Self::MacToServer => "MAC (client to server)",
            Self::MacToClient => "MAC (server to client)",
            Self::ZipToServer => "compression (client to server)",
            Self::ZipToClient => "compression (server to client)",
        })
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match *self {
            Self::HOST_NOT_ALLOWED => "host not allowed to connect",
            Self::PROTOCOL_ERROR => "protocol error",
            Self::KEY_EXCHANGE_FAILED => "key exchange failed",
            Self::MAC_ERROR => "MAC error",
            Self::COMPRESSION_ERROR => "compression error",
            Self::SERVICE_NOT_AVAILABLE => "service not available",
            Self::VERSION_NOT_SUPPORTED => "protocol version not supported",
            Self::HOST_KEY_NOT_VERIFIABLE => "host key not verifiable",
            Self::CONNECTION_LOST => "connection lost",
            Self::BY_APPLICATION => "by application",
            Self::TOO_MANY_CONNECTIONS => "too many connections",
            Self::CANCELLED_BY_USER => "cancelled by user",
            Self::NO_MORE_METHODS => "no more authentication methods",
            Self(code) => return write!(f, "reason {code}"),
        };
        f.write_str(text)
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Handshake => "the handshake took too long",
            Self::Login => "the login took too long",
            Self::Rekey => "a key exchange took too long",
            Self::Keepalive => "the peer does not answer",
            Self::Close => "the peer did not finish closing",
        })
    }
}

impl core::error::Error for Error {}

/// This call did nothing. The connection is as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// A key exchange is running, or something earlier has to leave first: flush, and try again.
    Busy,
    /// The output has no room, or the table no free slot.
    NoRoom,
    /// The channel is gone.
    NoSuchChannel,
    /// The connection is over, or this direction of the channel is.
    Closed,
    /// Not in this phase: no keys yet, not logged in yet, not confirmed yet.
    NotYet,
    /// The answer's question is no longer open.
    Moot,
    /// What was asked for does not fit into a message.
    TooLong,
    /// The host key is not the one that the session began with.
    WrongKey,
    /// A path that cannot be sent: of no bytes, with NUL among them, or a name that leads elsewhere.
    BadPath,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Busy => "busy: flush and try again",
            Self::NoRoom => "no room",
            Self::NoSuchChannel => "no such channel",
            Self::Closed => "closed",
            Self::NotYet => "not yet possible",
            Self::Moot => "the question is no longer open",
            Self::TooLong => "too long for a message",
            Self::WrongKey => "not the session's host key",
            Self::BadPath => "not a path that can be sent",
        })
    }
}

impl core::error::Error for Refused {}

#[cfg(test)]
mod tests {
    use super::{Choice, Error, Reason, Refused, Violation};
    use crate::time::Phase;

    /// RFC 4253 §11.1.
    #[test]
    fn what_the_peer_learns_of_each_error() {
        let code = |error: Error| error.reason().map(|Reason(code)| code);
        assert_eq!(code(Error::Malformed(None)), Some(2));
        assert_eq!(code(Error::Malformed(Some(20))), Some(2));
        assert_eq!(code(Error::Violation(Violation::Unexpected(21))), Some(2));
        assert_eq!(code(Error::Violation(Violation::StrictKex)), Some(2));
        assert_eq!(code(Error::Violation(Violation::Unearned)), Some(11));
        assert_eq!(code(Error::Exchange), Some(3));
        assert_eq!(code(Error::Incompatible(Choice::Kex)), Some(3));
        assert_eq!(code(Error::Forged), Some(5));
        assert_eq!(code(Error::Corrupt), Some(6));
        assert_eq!(code(Error::NoService), Some(7));
        assert_eq!(code(Error::Incompatible(Choice::Version)), Some(8));
        assert_eq!(code(Error::Untrusted), Some(9));
        assert_eq!(code(Error::TimedOut(Phase::Login)), Some(10));
        assert_eq!(code(Error::Closed), Some(11));
        assert_eq!(code(Error::Denied), Some(14));
        assert_eq!(code(Error::HungUp), None);
        assert_eq!(code(Error::Disconnected(Reason(2))), None);
    }

    #[test]
    fn errors_are_small() {
        assert!(size_of::<Error>() <= 8);
        assert!(size_of::<Refused>() <= 8);
    }
}
