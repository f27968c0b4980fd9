//! What a server forwards (RFC 4254 §7): connections that it makes for a client, and ports and Unix sockets that it listens
//! at. The handler decides; the relay does the rest.

use crate::handler::{Handler, Wish};
use crate::relay::{Endpoint, Leads, Listener, Ward};
use crate::serve::Conversation;
use crate::trace::Trace;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use sanssh_core::Ask;
use sanssh_core::channel::OpenFailure;
use sanssh_core::event::{ForwardRequest, OpenRequest};
use std::fs::{self, Permissions};
use std::io;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::Arc;

/// Connections to a Unix socket that the system keeps for us.
const BACKLOG: i32 = 128;

/// Listeners of one forward, and their port.
struct Bound {
    listeners: Vec<Listener>,
    port: u16,
    /// The Unix socket's file.
    trace: Option<Trace>,
}

impl<H: Handler> Conversation<H> {
    /// Connects for the client, if it may have that.
    pub(crate) fn connect(&self, to: Endpoint, ask: Ask<OpenRequest>) {
        let granted = self.handler.may_forward(self.peer, &self.user, &Wish::Connect(&to));
        self.link.change(|state| match granted {
            true => state.relay.connect(&mut state.ssh, ask, to, None, Ward::Open),
            false => state.ssh.decline(ask, OpenFailure::PROHIBITED),
        });
    }

    /// Listens for the client, if it may have that.
    pub(crate) fn listen(&self, at: Endpoint, ask: Ask<ForwardRequest>) {
        let granted = self.handler.may_forward(self.peer, &self.user, &Wish::Listen(&at));
        let bound = granted.then(|| bind(&at, self.gateway_ports)).and_then(Result::ok);
        self.link.change(|state| {
            let Some(Bound { listeners, port, mut trace }) = bound else { return state.ssh.refuse_forward(ask) };
            let Ok(id) = state.ssh.listen(ask, port) else { return };
            let place = match at {
                Endpoint::Tcp { host, .. } => Endpoint::Tcp { host, port },
                path @ Endpoint::Unix(_) => path,
            };
            for listener in listeners {
                let leads = Leads::Back(id, place.clone());
                // What cannot be watched is closed, and nobody can connect to it.
                let _ = state.relay.open_door(listener, Some(leads), Arc::default(), trace.take());
            }
        });
    }
}

fn bind(at: &Endpoint, gateway: bool) -> io::Result<Bound> {
    match at {
        Endpoint::Unix(path) => bind_path(path),
        Endpoint::Tcp { host, port } => bind_port(&addresses(host, gateway)?, *port),
    }
}

/// What an address means (RFC 4254 §7.1): to other machines nothing, unless this is a gateway.
fn addresses(host: &str, gateway: bool) -> io::Result<Vec<IpAddr>> {
    let (four, six) = (IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST));
    let literal = host.parse::<IpAddr>();
    Ok(match (host, literal) {
        ("", _) | ("*", _) if gateway => vec![Ipv6Addr::UNSPECIFIED.into(), Ipv4Addr::UNSPECIFIED.into()],
        (_, Ok(address)) if gateway || address.is_loopback() => vec![address],
        (_, Ok(IpAddr::V4(_))) => vec![four],
        (_, Ok(IpAddr::V6(_))) => vec![six],
        ("" | "*" | "localhost", Err(_)) => vec![four, six],
        // Looking a name up could take for ever.
        (_, Err(_)) => return Err(io::ErrorKind::InvalidInput.into()),
    })
}

/// Listens at all of the addresses that there are here, at least one, and at the same port.
fn bind_port(addresses: &[IpAddr], mut port: u16) -> io::Result<Bound> {
    let mut listeners = Vec::new();
    let mut failure = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in addresses {
        match TcpListener::bind((*address, port)) {
            Ok(listener) => {
                port = listener.local_addr()?.port();
                listeners.push(listener.into());
            }
            Err(error) => failure = error,
        }
    }
    if listeners.is_empty() { Err(failure) } else { Ok(Bound { listeners, port, trace: None }) }
}

/// Listens at a path where there is nothing yet, for the server's own user alone. Nobody can connect before the file has its
/// mode, whatever the mask of the process.
fn bind_path(path: &Path) -> io::Result<Bound> {
    if path.as_os_str().is_empty() {
        // The system would find a name, in a space that has no modes.
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    rustix::net::bind(&socket, &SocketAddrUnix::new(path)?)?;
    let ready = fs::set_permissions(path, Permissions::from_mode(0o600));
    if let Err(error) = ready.and_then(|()| Ok(rustix::net::listen(&socket, BACKLOG)?)) {
        let _ = fs::remove_file(path);
        return Err(error);
    }
    Ok(Bound { listeners: vec![UnixListener::from(socket).into()], port: 0, trace: Some(Trace::file(path)) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixStream;

    #[test]
    fn others_are_listened_for_by_a_gateway_alone() {
        for host in ["", "*", "localhost", "0.0.0.0", "::", "192.0.2.1", "127.0.0.1", "::1"] {
            assert!(addresses(host, false).unwrap().iter().all(IpAddr::is_loopback), "{host}");
        }
        for host in ["localhost", "127.0.0.1", "::1"] {
            assert!(addresses(host, true).unwrap().iter().all(IpAddr::is_loopback), "{host}");
        }
        for (host, count) in [("", 2), ("*", 2), ("0.0.0.0", 1), ("::", 1), ("192.0.2.1", 1)] {
            let open = addresses(host, true).unwrap();
            assert!(open.len() == count && open.iter().all(|address| !address.is_loopback()), "{host}");
        }
        for gateway in [false, true] {
            assert!(addresses("host.example", gateway).is_err());
        }
    }

    #[test]
    fn what_is_there_is_not_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        let bound = bind_path(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(bind_path(&path).is_err());
        UnixStream::connect(&path).unwrap();
        drop(bound);
    }

    #[test]
    fn sockets_have_a_name_in_the_file_system() {
        for path in ["", "\0abstract"] {
            assert!(bind_path(Path::new(path)).is_err(), "{path:?}");
        }
    }
}
