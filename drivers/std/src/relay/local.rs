//! The near end of what is forwarded: TCP and Unix sockets under one name, which never block.

use rustix::net::sockopt::set_socket_linger;
use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::os::unix::net::{UnixListener, UnixStream};

/// A connected socket.
#[derive(Debug)]
pub enum Local {
    /// Of TCP.
    Tcp(TcpStream),
    /// Of the Unix domain.
    Unix(UnixStream),
}

/// A socket that listens.
#[derive(Debug)]
pub enum Listener {
    /// For TCP.
    Tcp(TcpListener),
    /// In the Unix domain.
    Unix(UnixListener),
}

impl Local {
    /// Made ready for relaying: small writes leave at once, and nothing waits.
    pub(super) fn prepare(&self) -> io::Result<()> {
        match self {
            Self::Tcp(socket) => {
                // A socket whose peer has gone already says so, and is found out by the first read.
                let _ = socket.set_nodelay(true);
                socket.set_nonblocking(true)
            }
            Self::Unix(socket) => socket.set_nonblocking(true),
        }
    }

    pub(super) fn read(&self, space: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(socket) => (&*socket).read(space),
            Self::Unix(socket) => (&*socket).read(space),
        }
    }

    pub(super) fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(socket) => (&*socket).write(bytes),
            Self::Unix(socket) => (&*socket).write(bytes),
        }
    }

    pub(super) fn write_both(&self, (front, back): (&[u8], &[u8])) -> io::Result<usize> {
        let slices = [IoSlice::new(front), IoSlice::new(back)];
        match self {
            Self::Tcp(socket) => (&*socket).write_vectored(&slices),
            Self::Unix(socket) => (&*socket).write_vectored(&slices),
        }
    }

    /// Nothing more is written.
    pub(super) fn finish(&self) {
        // One that is not connected any more needs no telling.
        let _ = match self {
            Self::Tcp(socket) => socket.shutdown(Shutdown::Write),
            Self::Unix(socket) => socket.shutdown(Shutdown::Write),
        };
    }

    /// Makes the end look like a fault to the program at the other side, not like the end of the data.
    pub(super) fn abort(&self) {
        if let Self::Tcp(socket) = self {
            let _ = set_socket_linger(socket, Some(core::time::Duration::ZERO));
        }
    }

    /// Whether a connect is through.
    pub(super) fn is_connected(&self) -> bool {
        match self {
            Self::Tcp(socket) => socket.peer_addr().is_ok(),
            Self::Unix(socket) => socket.peer_addr().is_ok(),
        }
    }

    /// What became of a connect.
    pub(super) fn outcome(&self) -> io::Result<()> {
        let error = match self {
            Self::Tcp(socket) => socket.take_error(),
            Self::Unix(socket) => socket.take_error(),
        };
        error?.map_or(Ok(()), Err)
    }
}

impl Listener {
    pub(super) fn prepare(&self) -> io::Result<()> {
        match self {
            Self::Tcp(socket) => socket.set_nonblocking(true),
            Self::Unix(socket) => socket.set_nonblocking(true),
        }
    }

    /// The next connection, and where it comes from.
    pub(super) fn accept(&self) -> io::Result<(Local, Option<core::net::SocketAddr>)> {
        match self {
            Self::Tcp(socket) => socket.accept().map(|(socket, from)| (Local::Tcp(socket), Some(from))),
            Self::Unix(socket) => socket.accept().map(|(socket, _)| (Local::Unix(socket), None)),
        }
    }
}

impl From<TcpStream> for Local {
    fn from(socket: TcpStream) -> Self {
        Self::Tcp(socket)
    }
}

impl From<UnixStream> for Local {
    fn from(socket: UnixStream) -> Self {
        Self::Unix(socket)
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

impl AsFd for Local {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(socket) => socket.as_fd(),
            Self::Unix(socket) => socket.as_fd(),
        }
    }
}

impl AsRawFd for Local {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
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
