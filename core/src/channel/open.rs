//! Kinds of channels, one row each: name and fields (RFC 4254 §6.1, §6.3.2 and §7.2, RFC 9987, OpenSSH PROTOCOL §2.4).
//! Sessions and direct channels are a client's to ask for; the others a server's, once it was asked to.

use super::forward::ForwardId;
use crate::crypto::schedule::Direction;
use crate::wire::connection::{StreamlocalDirect, StreamlocalForwarded, TcpipOpen, X11Open};
use crate::wire::{Malformed, Sink, word};

/// A TCP connection that a channel carries (RFC 4254 §7.2). From a peer, everything inside is untrusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tcpip<'b> {
    /// Host to connect to, a name or an address; or the address that was connected to, as it was asked for.
    pub host: &'b [u8],
    /// Its port.
    pub port: u16,
    /// Address that the connection came from.
    pub originator: &'b [u8],
    /// Its port.
    pub originator_port: u16,
}

/// Kinds of channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenKind<'b> {
    /// `session`.
    Session,
    /// `direct-tcpip`: the server is to connect to the host.
    DirectTcpip(Tcpip<'b>),
    /// `direct-streamlocal@openssh.com`: the server is to connect to this Unix socket.
    DirectStreamlocal(&'b [u8]),
    /// `forwarded-tcpip`: somebody connected to the port that the server listens on for the client.
    ForwardedTcpip(ForwardId, Tcpip<'b>),
    /// `forwarded-streamlocal@openssh.com`: the same with the Unix socket of this path.
    ForwardedStreamlocal(ForwardId, &'b [u8]),
    /// `x11`: a program of a session that asked for it wants to show windows.
    X11 {
        /// Address that the connection came from; untrusted.
        originator: &'b [u8],
        /// Its port.
        originator_port: u16,
    },
    /// `auth-agent@openssh.com`: a program of a session that asked for it wants to use the client's agent.
    Agent,
    /// `agent-connect` (RFC 9987): the same.
    AgentStandard,
    /// A kind that is not offered; never reported, always refused.
    #[doc(hidden)]
    Unknown(&'b [u8]),
}

/// A kind as it stands in a message: what it is a forward's, is found in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted<'b> {
    Kind(OpenKind<'b>),
    /// The peer sends what only we may ask for, or a port that there is not.
    Wrong,
    ForwardedTcpip(Tcpip<'b>),
    ForwardedStreamlocal(&'b [u8]),
    Unknown,
}

impl<'b> OpenKind<'b> {
    /// The name on the wire.
    pub const fn name(&self) -> &[u8] {
        match self {
            Self::Session => b"session",
            Self::DirectTcpip(_) => b"direct-tcpip",
            Self::DirectStreamlocal(_) => b"direct-streamlocal@openssh.com",
            Self::ForwardedTcpip(..) => b"forwarded-tcpip",
            Self::ForwardedStreamlocal(..) => b"forwarded-streamlocal@openssh.com",
            Self::X11 { .. } => b"x11",
            Self::Agent => b"auth-agent@openssh.com",
            Self::AgentStandard => b"agent-connect",
            Self::Unknown(name) => name,
        }
    }

    /// Reads what is to be opened by the peer of the end that sends in `direction`.
    pub(super) fn decode(direction: Direction, kind: &[u8], fields: &'b [u8]) -> Result<Wanted<'b>, Malformed> {
        Ok(match (direction, word(kind)) {
            (_, "session" | "auth-agent@openssh.com" | "agent-connect") if !fields.is_empty() => {
                return Err(Malformed);
            }
            (Direction::ToServer, "session") => Wanted::Kind(Self::Session),
            (Direction::ToServer, "direct-tcpip") => {
                Tcpip::decode(fields)?.map_or(Wanted::Wrong, |what| Wanted::Kind(Self::DirectTcpip(what)))
            }
            (Direction::ToServer, "direct-streamlocal@openssh.com") => {
                Wanted::Kind(Self::DirectStreamlocal(StreamlocalDirect::decode(fields)?.path))
            }
            (Direction::ToClient, "forwarded-tcpip") => {
                Tcpip::decode(fields)?.map_or(Wanted::Wrong, Wanted::ForwardedTcpip)
            }
            (Direction::ToClient, "forwarded-streamlocal@openssh.com") => {
                Wanted::ForwardedStreamlocal(StreamlocalForwarded::decode(fields)?.path)
            }
            (Direction::ToClient, "x11") => {
                let X11Open { originator, originator_port } = X11Open::decode(fields)?;
                u16::try_from(originator_port)
                    .map_or(Wanted::Wrong, |originator_port| Wanted::Kind(Self::X11 { originator, originator_port }))
            }
            (Direction::ToClient, "auth-agent@openssh.com") => Wanted::Kind(Self::Agent),
            (Direction::ToClient, "agent-connect") => Wanted::Kind(Self::AgentStandard),
            (Direction::ToClient, "session" | "direct-tcpip" | "direct-streamlocal@openssh.com")
            | (
                Direction::ToServer,
                "forwarded-tcpip"
                | "forwarded-streamlocal@openssh.com"
                | "x11"
                | "auth-agent@openssh.com"
                | "agent-connect",
            ) => Wanted::Wrong,
            _ => Wanted::Unknown,
        })
    }

    /// Writes the fields behind the maximum packet size.
    pub(super) fn encode(&self, sink: &mut dyn Sink) {
        match *self {
            Self::Session | Self::Agent | Self::AgentStandard | Self::Unknown(_) => {}
            Self::DirectTcpip(what) | Self::ForwardedTcpip(_, what) => what.encode(sink),
            Self::DirectStreamlocal(path) => {
                StreamlocalDirect { path, reserved: b"", reserved_port: 0 }.encode(sink);
            }
            Self::ForwardedStreamlocal(_, path) => StreamlocalForwarded { path, reserved: b"" }.encode(sink),
            Self::X11 { originator, originator_port } => {
                X11Open { originator, originator_port: originator_port.into() }.encode(sink);
            }
        }
    }
}

impl<'b> Tcpip<'b> {
    /// Reads the fields; `None` for ports that there are not.
    fn decode(fields: &'b [u8]) -> Result<Option<Self>, Malformed> {
        let TcpipOpen { host, port, originator, originator_port } = TcpipOpen::decode(fields)?;
        let ports = u16::try_from(port).ok().zip(u16::try_from(originator_port).ok());
        Ok(ports.map(|(port, originator_port)| Self { host, port, originator, originator_port }))
    }

    fn encode(&self, sink: &mut dyn Sink) {
        let Self { host, port, originator, originator_port } = *self;
        TcpipOpen { host, port: port.into(), originator, originator_port: originator_port.into() }.encode(sink);
    }
}
