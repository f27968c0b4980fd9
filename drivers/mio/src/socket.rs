//! The connected stream that a link moves bytes over: TCP, or a Unix socket; and the listeners from which such streams
//! come. The protocol (RFC 4253 §4) asks for no more than eight clean bits in order.

use core::net::SocketAddr;
use mio::event::Source;
use mio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use mio::{Interest, Registry, Token};
use std::io::{self, Read, Write};
use std::net::{self, Shutdown};
use std::os::unix::net as unix;

/// A stream socket that does not block: made from mio's sockets by `From`, and from std's, which it sets so, by `TryFrom`.
#[derive(Debug)]
pub struct Socket(Wire);

#[derive(Debug)]
enum Wire {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Socket {
    /// As a link needs it: nothing waits for more to gather.
    pub(crate) fn prepare(&self) -> io::Result<()> {
        match &self.0 {
            Wire::Tcp(socket) => socket.set_nodelay(true),
            Wire::Unix(_) => Ok(()),
        }
    }

    /// No more will be written.
    pub(crate) fn finish(&self) -> io::Result<()> {
        match &self.0 {
            Wire::Tcp(socket) => socket.shutdown(Shutdown::Write),
            Wire::Unix(socket) => socket.shutdown(Shutdown::Write),
        }
    }

    /// Where the other end is.
    ///
    /// # Errors
    /// As [`TcpStream::peer_addr`]; a Unix socket has no such address.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        match &self.0 {
            Wire::Tcp(socket) => socket.peer_addr(),
            Wire::Unix(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    const fn source(&mut self) -> &mut dyn Source {
        match &mut self.0 {
            Wire::Tcp(socket) => socket,
            Wire::Unix(socket) => socket,
        }
    }
}

impl Source for Socket {
    fn register(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        self.source().register(registry, token, interests)
    }

    fn reregister(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        self.source().reregister(registry, token, interests)
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        self.source().deregister(registry)
    }
}

impl From<TcpStream> for Socket {
    fn from(socket: TcpStream) -> Self {
        Self(Wire::Tcp(socket))
    }
}

impl From<UnixStream> for Socket {
    fn from(socket: UnixStream) -> Self {
        Self(Wire::Unix(socket))
    }
}

impl TryFrom<net::TcpStream> for Socket {
    type Error = io::Error;

    fn try_from(socket: net::TcpStream) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Ok(TcpStream::from_std(socket).into())
    }
}

impl TryFrom<unix::UnixStream> for Socket {
    type Error = io::Error;

    fn try_from(socket: unix::UnixStream) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Ok(UnixStream::from_std(socket).into())
    }
}

impl Read for &Socket {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        match &self.0 {
            Wire::Tcp(socket) => (&*socket).read(space),
            Wire::Unix(socket) => (&*socket).read(space),
        }
    }
}

impl Write for &Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &self.0 {
            Wire::Tcp(socket) => (&*socket).write(bytes),
            Wire::Unix(socket) => (&*socket).write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A listener that does not block, made like a [`Socket`]. Those that mio binds have room for a thousand connections that
/// wait to be let in; std's have room for few, and what finds none comes late.
#[derive(Debug)]
pub struct Listener(Gate);

#[derive(Debug)]
enum Gate {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listener {
    pub(crate) fn accept(&self) -> io::Result<Socket> {
        match &self.0 {
            Gate::Tcp(listener) => listener.accept().map(|(socket, _)| socket.into()),
            Gate::Unix(listener) => listener.accept().map(|(socket, _)| socket.into()),
        }
    }

    pub(crate) const fn source(&mut self) -> &mut dyn Source {
        match &mut self.0 {
            Gate::Tcp(listener) => listener,
            Gate::Unix(listener) => listener,
        }
    }
}

impl From<TcpListener> for Listener {
    fn from(listener: TcpListener) -> Self {
        Self(Gate::Tcp(listener))
    }
}

impl From<UnixListener> for Listener {
    fn from(listener: UnixListener) -> Self {
        Self(Gate::Unix(listener))
    }
}

impl TryFrom<net::TcpListener> for Listener {
    type Error = io::Error;

    fn try_from(listener: net::TcpListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Ok(TcpListener::from_std(listener).into())
    }
}

impl TryFrom<unix::UnixListener> for Listener {
    type Error = io::Error;

    fn try_from(listener: unix::UnixListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Ok(UnixListener::from_std(listener).into())
    }
}
