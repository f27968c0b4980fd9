//! The connected stream that a link moves bytes over: TCP, or a Unix socket to whatever carries them on, a command or
//! another connection. The protocol (RFC 4253 §4) asks for no more than eight clean bits in order.

use crate::{Error, proxy};
use core::net::SocketAddr;
use core::time::Duration;
use rustix::net::sockopt::{set_socket_linger, set_tcp_nodelay};
use rustix::net::{RecvFlags, SendFlags, recv, send};
use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::Child;

/// A connected stream socket: made `From` a [`TcpStream`] or a [`UnixStream`].
#[derive(Debug)]
pub struct Socket {
    wire: Wire,
    /// The command at the other end, which ends with the socket.
    command: Option<Child>,
}

#[derive(Debug)]
enum Wire {
    Tcp(TcpStream),
    Unix(UnixStream),
    /// Somebody else has it, too.
    Lent(OwnedFd),
}

impl Socket {
    /// A socket that stays its owner's as well: it may block or not, and that does not change; it is neither shut down
    /// nor, with this, closed. While it is lent, who else reads or writes it breaks the connection.
    ///
    /// # Errors
    /// [`io::Error`] if no descriptor is left.
    pub fn lent(socket: impl AsFd) -> io::Result<Self> {
        Ok(Self { wire: Wire::Lent(socket.as_fd().try_clone_to_owned()?), command: None })
    }

    /// The socket to a command.
    pub(crate) const fn to(command: Child, socket: UnixStream) -> Self {
        Self { wire: Wire::Unix(socket), command: Some(command) }
    }

    /// As a link needs it: nothing waits for more to gather, and no call blocks.
    pub(crate) fn prepare(&self) -> io::Result<()> {
        match &self.wire {
            Wire::Tcp(socket) => socket.set_nodelay(true).and_then(|()| socket.set_nonblocking(true)),
            Wire::Unix(socket) => socket.set_nonblocking(true),
            Wire::Lent(socket) => {
                // Only TCP has it.
                let _: rustix::io::Result<()> = set_tcp_nodelay(socket, true);
                Ok(())
            }
        }
    }

    /// Has the peer learn at once what has arrived. A peer that writes small pieces one by one, as OpenSSH's server does
    /// before the login, holds back the second until then (RFC 896), and systems take 40 ms over it (RFC 1122 §4.2.3.2).
    pub(crate) fn acknowledge(&self) {
        #[cfg(target_os = "linux")]
        if !matches!(self.wire, Wire::Unix(_)) {
            // Only TCP has it.
            let _: rustix::io::Result<()> = rustix::net::sockopt::set_tcp_quickack(self, true);
        }
    }

    /// No more will be written.
    pub(crate) fn finish(&self) -> io::Result<()> {
        match &self.wire {
            Wire::Tcp(socket) => socket.shutdown(Shutdown::Write),
            Wire::Unix(socket) => socket.shutdown(Shutdown::Write),
            Wire::Lent(_) => Ok(()),
        }
    }

    /// Makes the end look like a fault to the peer, not like the end of what it is sent.
    pub(crate) fn abort(&self) {
        if let Wire::Tcp(socket) = &self.wire {
            // What is closed already has ended anyhow.
            let _ = set_socket_linger(socket, Some(Duration::ZERO));
        }
    }

    /// What became of a connect; whether it is through.
    pub(crate) fn connected(&self) -> io::Result<bool> {
        let (error, peer) = match &self.wire {
            Wire::Tcp(socket) => (socket.take_error()?, socket.peer_addr().is_ok()),
            Wire::Unix(socket) => (socket.take_error()?, socket.peer_addr().is_ok()),
            Wire::Lent(_) => (None, true),
        };
        error.map_or(Ok(peer), Err)
    }

    pub(crate) fn peer_addr(&self) -> Result<SocketAddr, Error> {
        Ok(self.tcp()?.peer_addr()?)
    }

    pub(crate) fn local_addr(&self) -> Result<SocketAddr, Error> {
        Ok(self.tcp()?.local_addr()?)
    }

    fn tcp(&self) -> io::Result<&TcpStream> {
        match &self.wire {
            Wire::Tcp(socket) => Ok(socket),
            Wire::Unix(_) | Wire::Lent(_) => {
                Err(io::Error::new(io::ErrorKind::Unsupported, "the connection has no address of its own"))
            }
        }
    }
}

impl From<TcpStream> for Socket {
    fn from(socket: TcpStream) -> Self {
        Self { wire: Wire::Tcp(socket), command: None }
    }
}

impl From<UnixStream> for Socket {
    fn from(socket: UnixStream) -> Self {
        Self { wire: Wire::Unix(socket), command: None }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if let Some(mut command) = self.command.take() {
            // What was sent last has to get through before the command goes.
            let _: io::Result<()> = self.finish();
            proxy::end(&mut command, self.as_fd());
        }
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.wire {
            Wire::Tcp(socket) => socket.as_fd(),
            Wire::Unix(socket) => socket.as_fd(),
            Wire::Lent(socket) => socket.as_fd(),
        }
    }
}

impl Read for &Socket {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        match &self.wire {
            Wire::Tcp(socket) => (&*socket).read(space),
            Wire::Unix(socket) => (&*socket).read(space),
            Wire::Lent(socket) => Ok(recv(socket, space, RecvFlags::DONTWAIT)?.0),
        }
    }
}

impl Write for &Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &self.wire {
            Wire::Tcp(socket) => (&*socket).write(bytes),
            Wire::Unix(socket) => (&*socket).write(bytes),
            Wire::Lent(socket) => Ok(send(socket, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL)?),
        }
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match &self.wire {
            Wire::Tcp(socket) => (&*socket).write_vectored(slices),
            Wire::Unix(socket) => (&*socket).write_vectored(slices),
            Wire::Lent(_) => self.write(slices.iter().find(|slice| !slice.is_empty()).map_or(&[][..], |one| one)),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lent_neither_blocks_nor_ends() {
        let (one, mut other) = UnixStream::pair().unwrap();
        let socket = Socket::lent(&one).unwrap();
        socket.prepare().unwrap();
        assert_eq!((&socket).read(&mut [0; 4]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        (&socket).write_all(b"word").unwrap();
        socket.finish().unwrap();
        drop(socket);
        (&one).write_all(b"s").unwrap();
        let mut said = [0; 5];
        other.read_exact(&mut said).unwrap();
        assert_eq!(&said, b"words");
        assert!(!rustix::fs::fcntl_getfl(&one).unwrap().contains(rustix::fs::OFlags::NONBLOCK));
    }

    #[test]
    fn only_tcp_has_addresses() {
        let (one, mut other) = UnixStream::pair().unwrap();
        let socket = Socket::from(one);
        socket.prepare().unwrap();
        assert_eq!(socket.peer_addr().unwrap_err().kind(), io::ErrorKind::Unsupported);
        assert_eq!((&socket).read(&mut [0; 4]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        (&socket).write_all(b"word").unwrap();
        socket.finish().unwrap();
        let mut said = String::new();
        other.read_to_string(&mut said).unwrap();
        assert_eq!(said, "word");
    }
}
