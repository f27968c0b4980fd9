//! Forwards, as command line and configuration want them (ssh_config(5), `LocalForward`, `RemoteForward` and
//! `DynamicForward`): opened before anything runs, told of when a connection leads nowhere, and listed.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use rustix::fs::Mode;
use rustix::process::umask;
use sanssh_examples::client::report::Reporter;
use sanssh_examples::terminal;
use sanssh_std::ssh_config::{Forward, Listen, Settings, Target};
use sanssh_std::{Client, Counts, Endpoint, Error, Family, Listener, LocalForward, RemoteForward};
use std::fs;
use std::io;
use std::net::{TcpListener, ToSocketAddrs};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

/// All that is forwarded.
#[derive(Debug, Default)]
pub(crate) struct Forwards(Vec<One>);

/// One forward, which may listen at several addresses.
#[derive(Debug)]
struct One {
    /// As `-L` and the others write it.
    name: String,
    here: Vec<LocalForward>,
    there: Option<RemoteForward>,
}

impl Forwards {
    /// Opens what the settings want. What cannot be is told, or is the end if they want that.
    pub(crate) fn open(client: &Client, settings: &Settings, reporter: Reporter) -> Result<Self, String> {
        let mut all = Vec::new();
        let kinds = [
            ("-L", &settings.local_forward.0),
            ("-R", &settings.remote_forward.0),
            ("-D", &settings.dynamic_forward.0),
        ];
        for (flag, forward) in kinds.into_iter().flat_map(|(flag, list)| list.iter().map(move |one| (flag, one))) {
            let name = format!("{flag} {} {}", forward.listen, forward.target);
            let opened = if flag == "-R" { there(client, forward, reporter) } else { here(client, forward, settings) };
            match opened {
                Ok(one) => {
                    reporter.detail(format_args!("forwarding {name}"));
                    all.push(One { name, ..one });
                }
                Err(error) if settings.exit_on_forward_failure => return Err(format!("{name}: {error}")),
                Err(error) => reporter.warn(format_args!("{name}: {error}")),
            }
        }
        Ok(Self(all))
    }

    /// Says why connections led nowhere, as it happens, until the connection to the server ends.
    pub(crate) fn watch(&self, client: &Client, reporter: Reporter) -> Error {
        let mut seen = 0;
        loop {
            match client.wait_forwarded(seen) {
                Ok(count) => seen = count,
                Err(error) => return error,
            }
            for one in &self.0 {
                one.failures().for_each(|why| reporter.warn(format_args!("{}: {why}", one.name)));
            }
        }
    }

    /// The same from a thread of its own, if there is something to watch.
    pub(crate) fn watch_aside(self: &Arc<Self>, client: &Client, reporter: Reporter) {
        if !self.0.is_empty() {
            let (this, client) = (Arc::clone(self), client.clone());
            thread::spawn(move || this.watch(&client, reporter));
        }
    }

    /// Waits until no connection is carried on any more.
    pub(crate) fn drain(&self, client: &Client) {
        let mut seen = 0;
        while self.0.iter().flat_map(One::counts).any(|counts| counts.open > 0) {
            match client.wait_forwarded(seen) {
                Ok(count) => seen = count,
                Err(_) => return,
            }
        }
    }

    /// What there is, a line each, for a terminal that is raw.
    pub(crate) fn list(&self) -> String {
        let mut text = "Forwards:\r\n".to_owned();
        for one in &self.0 {
            let sum = one.counts().fold(Counts::default(), |sum, next| Counts {
                accepted: sum.accepted + next.accepted,
                open: sum.open + next.open,
                failed: sum.failed + next.failed,
            });
            let Counts { accepted, open, failed } = sum;
            text += &format!(" {}: {open} open of {accepted}, {failed} failed\r\n", one.name);
        }
        text
    }
}

impl One {
    fn counts(&self) -> impl Iterator<Item = Counts> {
        self.here.iter().map(LocalForward::counts).chain(self.there.iter().map(RemoteForward::counts))
    }

    fn failures(&self) -> impl Iterator<Item = String> {
        let here = self.here.iter().flat_map(LocalForward::failures);
        here.chain(self.there.iter().flat_map(RemoteForward::failures))
    }
}

/// Listens here.
fn here(client: &Client, forward: &Forward, settings: &Settings) -> Result<One, String> {
    let plain = |error: io::Error| format!("cannot listen: {error}");
    let listeners: Vec<Listener> = match &forward.listen {
        Listen::Tcp(address, port) => ports(address.as_deref(), *port, settings).map_err(plain)?,
        Listen::Path(path) => vec![bind_path(path.as_ref(), settings).map_err(plain)?.into()],
    };
    let forwarded = listeners.into_iter().map(|listener| match endpoint(&forward.target) {
        Some(to) => client.forward_local(listener, to),
        None => client.forward_dynamic(listener),
    });
    let here = forwarded.collect::<Result<_, _>>().map_err(|error| error.to_string())?;
    Ok(One { name: String::new(), here, there: None })
}

/// Has the server listen.
fn there(client: &Client, forward: &Forward, reporter: Reporter) -> Result<One, String> {
    let to = endpoint(&forward.target).ok_or("to wherever connections say is not supported from there")?;
    let at = match &forward.listen {
        Listen::Path(path) => PathBuf::from(path).into(),
        // As OpenSSH's client asks for it, so that what servers permit by its words is permitted here.
        Listen::Tcp(None, port) => Endpoint::from(("localhost", *port)),
        Listen::Tcp(Some(address), port) => (if address == "*" { "" } else { address.as_str() }, *port).into(),
    };
    let opened = client.forward_remote(at, to.clone()).map_err(|error| error.to_string())?;
    if matches!(forward.listen, Listen::Tcp(_, 0)) {
        reporter.announce(format_args!("Allocated port {} for remote forward to {to}", opened.port()));
    }
    Ok(One { name: String::new(), here: Vec::new(), there: Some(opened) })
}

/// Where it leads to; nowhere that is known yet, if connections say.
pub(crate) fn endpoint(target: &Target) -> Option<Endpoint> {
    match target {
        Target::Tcp(host, port) => Some((host.as_str(), *port).into()),
        Target::Path(path) => Some(PathBuf::from(path).into()),
        Target::Dynamic => None,
    }
}

/// Listens at each address that is meant, as far as this machine has it.
fn ports(address: Option<&str>, port: u16, settings: &Settings) -> io::Result<Vec<Listener>> {
    let wanted = addresses(address, port, settings.gateway_ports)?;
    let fits = |address: &SocketAddr| match settings.address_family {
        Family::Any => true,
        Family::V4 => address.is_ipv4(),
        Family::V6 => address.is_ipv6(),
    };
    let mut listeners: Vec<Listener> = Vec::new();
    let mut failure = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in wanted.into_iter().filter(fits) {
        match TcpListener::bind(address) {
            Ok(listener) => listeners.push(listener.into()),
            // The wildcard of version 6 may have taken that of version 4 along. Anything else is somebody else's, who would
            // get what was meant for us.
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && !address.ip().is_unspecified() => {
                return Err(error);
            }
            Err(error) => failure = error,
        }
    }
    if listeners.is_empty() { Err(failure) } else { Ok(listeners) }
}

/// Without an address this machine alone is meant, unless this is a gateway.
fn addresses(address: Option<&str>, port: u16, gateway: bool) -> io::Result<Vec<SocketAddr>> {
    let ips: [IpAddr; 2] = match address {
        None if !gateway => [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()],
        Some("localhost") => [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()],
        None | Some("" | "*") => [Ipv6Addr::UNSPECIFIED.into(), Ipv4Addr::UNSPECIFIED.into()],
        Some(name) => return Ok((name, port).to_socket_addrs()?.collect()),
    };
    Ok(ips.map(|ip| (ip, port).into()).to_vec())
}

fn bind_path(path: &Path, settings: &Settings) -> io::Result<UnixListener> {
    if settings.stream_local_bind_unlink {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    // The file never has more rights than it may, not for a moment.
    let before = umask(Mode::from_raw_mode(settings.stream_local_bind_mask.0));
    let listener = UnixListener::bind(path);
    umask(before);
    let listener = listener?;
    terminal::removes(path.to_owned());
    Ok(listener)
}

#[cfg(test)]
mod tests {
    use super::addresses;

    #[test]
    fn others_are_let_in_on_request_only() {
        for (address, gateway, open) in [
            (None, false, false),
            (None, true, true),
            (Some("localhost"), true, false),
            (Some("127.0.0.1"), true, false),
            (Some(""), false, true),
            (Some("*"), false, true),
            (Some("0.0.0.0"), false, true),
        ] {
            let all = addresses(address, 1, gateway).unwrap();
            assert!(!all.is_empty());
            assert!(all.iter().all(|one| one.ip().is_loopback() != open), "{address:?} {gateway}");
        }
    }
}
