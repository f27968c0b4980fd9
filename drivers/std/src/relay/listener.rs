//! A socket that listens, for TCP or in the Unix domain, under one name.

use crate::socket::Socket;
use core::net::SocketAddr;
use std::io;
use std::net::TcpListener;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixListener;

/// A socket that listens: made `From` a [`TcpListener`] or a [`UnixListener`].
#[derive(Debug)]
pub enum Listener {
    /// For TCP.
    Tcp(TcpListener),
    /// In the Unix domain.
    Unix(UnixListener),
}

impl Listener {
    pub(super) fn prepare(&self) -> io::Result<()> {
        match self {
            Self::Tcp(socket) => socket.set_nonblocking(true),
            Self::Unix(socket) => socket.set_nonblocking(true),
        }
    }

    /// The next connection, and where it comes from.
    pub(super) fn accept(&self) -> io::Result<(Socket, Option<SocketAddr>)> {
        match self {
            Self::Tcp(socket) => socket.accept().map(|(socket, from)| (socket.into(), Some(from))),
            Self::Unix(socket) => socket.accept().map(|(socket, _)| (socket.into(), None)),
        }
    }

    /// Its address; none in the Unix domain.
    pub(crate) fn local_addr(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(socket) => socket.local_addr().ok(),
            Self::Unix(_) => None,
        }
    }
}

impl From<TcpListener> for Listener {
    fn from(socket: TcpListener) -> Self {
        Self::Tcp(socket)
    }
}

impl From<UnixListener> for Listener {
    fn from(socket: UnixListener) -> Self {
        Self::Unix(socket)
    }
}

impl AsRawFd for Listener {
    fn as_raw_fd(&self) -> RawFd {
        match self {
            Self::Tcp(socket) => socket.as_raw_fd(),
            Self::Unix(socket) => socket.as_raw_fd(),
        }
    }
}
