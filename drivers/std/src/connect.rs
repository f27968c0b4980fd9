//! From a name to a connection whose host key is trusted: every address of the host in turn, then the first key
//! exchange. Login comes next, in the same flight as the end of the exchange.

use crate::client::Desk;
use crate::link::Link;
use crate::socket::Socket;
use crate::trust::Hosts;
use crate::{Client, Error, Record};
use core::net::SocketAddr;
use core::time::Duration;
use sanssh_core::algorithm::{Cipher, HostKey};
use sanssh_core::event::Trust;
use sanssh_core::role;
use sanssh_core::{Ask, Config, Error as Ssh, Violation};
use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::Instant;

/// Which addresses to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Family {
    /// Those of either version, in the resolver's order.
    #[default]
    Any,
    /// IPv4 only.
    V4,
    /// IPv6 only.
    V6,
}

/// How to connect; the rest by struct update from the default.
#[derive(Debug, Clone)]
pub struct Options {
    /// Algorithms, sizes, limits and intervals of the protocol.
    pub core: Config,
    /// How long everything up to the trusted host key may take; `None` leaves it to the operating system and to
    /// [`Deadlines::handshake`](sanssh_core::config::Deadlines).
    pub connect_timeout: Option<Duration>,
    /// Which addresses to use.
    pub family: Family,
    /// Channels that can be open at a time, up to 65536.
    pub channels: usize,
    /// Where to record connections, secrets included: see [`Record`].
    pub record: Option<Record>,
    /// The socket is somebody else's as well, who may go on with it: when the last handle goes, the server is told nothing
    /// and the socket is not shut down.
    pub leaves_quietly: bool,
    /// Where the secrets of the connection are written to. **Who reads them can read the connection.**
    #[cfg(feature = "keylog")]
    pub key_log: Option<crate::KeyLogFile>,
}

impl Default for Options {
    /// The core's defaults, no timeout of its own, any address, 64 channels; no recording, no secret is written anywhere.
    fn default() -> Self {
        Self {
            core: Config::default(),
            connect_timeout: None,
            family: Family::Any,
            channels: 64,
            record: None,
            leaves_quietly: false,
            #[cfg(feature = "keylog")]
            key_log: None,
        }
    }
}

impl Client {
    /// Connects, and returns once the host key is trusted. Host key algorithms that `hosts` prefers come first, of
    /// those that the options allow.
    ///
    /// A server without strict key exchange cannot be talked to safely by chacha20-poly1305; if that was negotiated, a
    /// second connection is made without it.
    ///
    /// # Errors
    /// [`Error::Resolve`], [`Error::Connect`], [`Error::HostKey`], or why the handshake failed.
    pub fn connect(host: &str, port: u16, options: &Options, hosts: &mut dyn Hosts) -> Result<Self, Error> {
        Self::by(host, port, options, hosts, |end| dial(host, port, options.family, end))
    }

    /// Connects over what `dial` gives, before the end of the time that there is.
    pub(crate) fn by(
        host: &str,
        port: u16,
        options: &Options,
        hosts: &mut dyn Hosts,
        mut dial: impl FnMut(Option<Instant>) -> Result<Socket, Error>,
    ) -> Result<Self, Error> {
        let end = options.connect_timeout.map(|span| Instant::now() + span);
        let first = dial(end).and_then(|socket| start(socket, host, port, options, hosts, end));
        let chacha = options.core.preferences.ciphers.contains(&Cipher::ChaCha20Poly1305);
        match first {
            Err(Error::Ssh(Ssh::Violation(Violation::NotStrict))) if chacha && !options.core.require_strict => {
                let mut options = options.clone();
                options.core.preferences.ciphers.retain(|cipher| *cipher != Cipher::ChaCha20Poly1305);
                start(dial(end)?, host, port, &options, hosts, end)
            }
            outcome => outcome,
        }
    }

    /// The same over a connection that is there already, a TCP or Unix socket; `host` and `port` are what the host key is looked up by.
    ///
    /// # Errors
    /// [`Error::HostKey`], or why the handshake failed, for want of strict key exchange with chacha20-poly1305 as well.
    pub fn from_stream(
        socket: impl Into<Socket>,
        host: &str,
        port: u16,
        options: &Options,
        hosts: &mut dyn Hosts,
    ) -> Result<Self, Error> {
        let end = options.connect_timeout.map(|span| Instant::now() + span);
        start(socket.into(), host, port, options, hosts, end)
    }

    /// Takes over a connection, and says nothing yet: what is next is [`begin_handshake`](Self::begin_handshake). For who
    /// advances what is begun by itself; host key algorithms are asked for in the order of the options.
    ///
    /// # Errors
    /// [`Error::Io`] if the socket takes no settings, or the system has no entropy.
    pub fn over(socket: impl Into<Socket>, options: &Options) -> Result<Self, Error> {
        Self::with(socket.into(), options, options.core.clone())
    }

    fn with(socket: Socket, options: &Options, config: Config) -> Result<Self, Error> {
        let mut link = Link::new(socket, config, options.channels, Desk::default(), options.record.as_ref())?;
        link.leaves_quietly = options.leaves_quietly;
        #[cfg(feature = "keylog")]
        link.with(|state| state.log_keys(options.key_log.clone()));
        Ok(Self { link: link.share() })
    }

    /// The first key exchange, begun. Nothing else can be until it is through.
    pub fn begin_handshake<H: Hosts>(
        &self,
        host: &str,
        port: u16,
        mut hosts: H,
    ) -> impl Future<Output = Result<(), Error>> + use<H> {
        let (link, host) = (Arc::clone(&self.link), host.to_owned());
        async move {
            // One that was given up may have come to this before.
            let asked = link.until(|state| {
                let asked = state.desk.host_key.take().map(Some);
                asked.or_else(|| state.desk.trusted.then_some(None))
            });
            if let Some(asked) = asked.await? {
                decide(&link, &host, port, &mut hosts, asked)?;
            }
            link.until(|state| state.summary.map(drop)).await?;
            // Our NEWKEYS and the request for the service need not wait for what the caller does next.
            link.change(|_| ());
            Ok(())
        }
    }
}

/// Tries the addresses in turn; each may use an equal part of the time that is left.
fn dial(host: &str, port: u16, family: Family, end: Option<Instant>) -> Result<Socket, Error> {
    let unknown = |error: io::Error| Error::Resolve { host: host.to_owned(), source: Arc::new(error) };
    let fits = |address: &SocketAddr| match family {
        Family::Any => true,
        Family::V4 => address.is_ipv4(),
        Family::V6 => address.is_ipv6(),
    };
    let found: Vec<_> = (host, port).to_socket_addrs().map_err(unknown)?.filter(fits).collect();
    let mut last = None;
    for (at, address) in found.iter().enumerate() {
        let tries = u32::try_from(found.len() - at).unwrap_or(u32::MAX);
        let connected = match end {
            None => TcpStream::connect(address),
            Some(end) => {
                let span = end.saturating_duration_since(Instant::now()) / tries;
                TcpStream::connect_timeout(address, span.max(Duration::from_millis(1)))
            }
        };
        match connected {
            Ok(socket) => return Ok(socket.into()),
            Err(error) => last = Some(error),
        }
    }
    match last {
        Some(error) => Err(Error::Connect { host: host.to_owned(), port, source: Arc::new(error) }),
        None => Err(unknown(io::Error::new(io::ErrorKind::NotFound, "no address of the wanted family"))),
    }
}

/// The first key exchange.
fn start(
    socket: Socket,
    host: &str,
    port: u16,
    options: &Options,
    hosts: &mut dyn Hosts,
    end: Option<Instant>,
) -> Result<Client, Error> {
    let mut config = options.core.clone();
    hosts.order(host, port, &mut config.preferences.host_keys);
    let client = Client::with(socket, options, config)?;
    let left = end.map(|end| end.saturating_duration_since(Instant::now()));
    let whole = options.connect_timeout.unwrap_or_default();
    let timed_out = |error| if matches!(error, Error::TimedOut(_)) { Error::TimedOut(whole) } else { error };
    client.link.block(left, client.begin_handshake(host, port, hosts)).map_err(timed_out)?;
    Ok(client)
}

fn decide(
    link: &Link<role::Client>,
    host: &str,
    port: u16,
    hosts: &mut impl Hosts,
    (algorithm, key, ask): (HostKey, Vec<u8>, Ask<Trust>),
) -> Result<(), Error> {
    let verdict = hosts.decide(host, port, algorithm, &key);
    link.change(|state| match &verdict {
        Ok(()) => {
            state.desk.trusted = true;
            state.ssh.trust(ask);
        }
        Err(_) => state.ssh.distrust(ask),
    });
    Ok(verdict?)
}
