//! Where forwarding leads to, or listens: a TCP port or a Unix socket, and the channels that carry it.

use core::net::{IpAddr, SocketAddr};
use sanssh_core::ChannelId;
use sanssh_core::channel::{Forward, ForwardId, OpenKind, Tcpip};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// A TCP port of a host, or a Unix socket.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// A port.
    Tcp {
        /// A name or an address. To listen at, RFC 4254 §7.1 gives `""`, `0.0.0.0`, `::` and `localhost` meanings of
        /// their own.
        host: String,
        /// The port; to listen at, 0 is any that is free.
        port: u16,
    },
    /// A path.
    Unix(PathBuf),
}

/// By which kind of channel a connection is carried.
#[derive(Debug, Clone)]
pub(crate) enum Leads {
    /// From a client: the server is to connect to this.
    To(Endpoint),
    /// From a server: this is where it listens, in the client's words.
    Back(ForwardId, Endpoint),
    /// From a server: to the agent of this session's client, by the standard's name or OpenSSH's.
    Agent(ChannelId, bool),
    /// From a server: to the display of this session's client, for one connection or for all.
    Display(ChannelId, bool),
}

impl Endpoint {
    /// In a peer's words; `None` if the host is no text.
    pub(crate) fn tcp(host: &[u8], port: u16) -> Option<Self> {
        Some(Self::Tcp { host: str::from_utf8(host).ok()?.to_owned(), port })
    }

    /// In a peer's words.
    pub(crate) fn unix(path: &[u8]) -> Self {
        Self::Unix(Path::new(OsStr::from_bytes(path)).to_owned())
    }

    pub(crate) fn forward(&self) -> Forward<'_> {
        match self {
            Self::Tcp { host, port } => Forward::Tcpip { address: host.as_bytes(), port: *port },
            Self::Unix(path) => Forward::Streamlocal(path.as_os_str().as_bytes()),
        }
    }

    /// The address, if no name has to be looked up.
    pub(super) fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp { host, port } => host.parse::<IpAddr>().ok().map(|address| (address, *port).into()),
            Self::Unix(_) => None,
        }
    }
}

impl Leads {
    /// Whose connections they are, on a server.
    pub(super) const fn forward(&self) -> Option<ForwardId> {
        match self {
            Self::To(_) | Self::Agent(..) | Self::Display(..) => None,
            Self::Back(id, _) => Some(*id),
        }
    }

    /// The session that borrows what it leads to.
    pub(super) const fn session(&self) -> Option<ChannelId> {
        match self {
            Self::To(_) | Self::Back(..) => None,
            Self::Agent(session, _) | Self::Display(session, _) => Some(*session),
        }
    }

    /// The kind of channel for a connection whose address is `originator`.
    pub(crate) fn kind<'a>(&'a self, originator: (&'a str, u16)) -> OpenKind<'a> {
        let tcpip = |host: &'a str, port| {
            let (originator, originator_port) = (originator.0.as_bytes(), originator.1);
            Tcpip { host: host.as_bytes(), port, originator, originator_port }
        };
        match self {
            Self::To(Endpoint::Tcp { host, port }) => OpenKind::DirectTcpip(tcpip(host, *port)),
            Self::To(Endpoint::Unix(path)) => OpenKind::DirectStreamlocal(path.as_os_str().as_bytes()),
            Self::Back(id, Endpoint::Tcp { host, port }) => OpenKind::ForwardedTcpip(*id, tcpip(host, *port)),
            Self::Back(id, Endpoint::Unix(path)) => OpenKind::ForwardedStreamlocal(*id, path.as_os_str().as_bytes()),
            Self::Agent(_, false) => OpenKind::Agent,
            Self::Agent(_, true) => OpenKind::AgentStandard,
            Self::Display(..) => OpenKind::X11 { originator: originator.0.as_bytes(), originator_port: originator.1 },
        }
    }
}

impl core::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{}:{port}", crate::error::escape(host.as_bytes(), false)),
            Self::Unix(path) => f.write_str(&crate::error::escape(path.as_os_str().as_bytes(), false)),
        }
    }
}

impl From<(&str, u16)> for Endpoint {
    fn from((host, port): (&str, u16)) -> Self {
        Self::Tcp { host: host.to_owned(), port }
    }
}

impl From<SocketAddr> for Endpoint {
    fn from(address: SocketAddr) -> Self {
        Self::Tcp { host: address.ip().to_string(), port: address.port() }
    }
}

impl From<PathBuf> for Endpoint {
    fn from(path: PathBuf) -> Self {
        Self::Unix(path)
    }
}

impl From<&Path> for Endpoint {
    fn from(path: &Path) -> Self {
        Self::Unix(path.to_owned())
    }
}
