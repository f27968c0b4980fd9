//! A server: the loop that accepts connections, how many there may be, and its end. Each connection has a thread, and
//! what happens in one never reaches the loop.

use crate::desk::{Desk, Rules};
use crate::factors::Factors;
use crate::handler::Handler;
use crate::host_keys::HostKeys;
use crate::link::Link;
use crate::serve::Conversation;
use crate::{Error, Record};
use core::net::SocketAddr;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use sanssh_core::algorithm::{Grade, Preferences};
use sanssh_core::auth::Method;
use sanssh_core::file::SigningKey;
use sanssh_core::role;
use sanssh_core::{Config, Reason};
use std::io::{self, Write};
use std::net::{TcpListener, TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;

/// Pause after an accept that failed for want of something, files mostly; the shutdown handle cuts it short.
const PAUSE: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };

/// Settings of a server; the rest by struct update from the default.
#[derive(Debug)]
pub struct ServerConfig {
    /// Algorithms, sizes, limits and intervals of the protocol, methods of login among them. Host key algorithms are
    /// narrowed to those of the keys there are. By default nothing is offered that [`Grade::Modern`] does not cover, so
    /// clients without a hybrid key exchange (OpenSSH before 9.0, libssh2, PuTTY before 0.78) are not served:
    /// [`Preferences::default`] serves them.
    pub core: Config,
    /// Logins that take more than one method: a login must go through all of one of these chains, in its order, each
    /// `publickey` in it by a key of its own (sshd_config(5), `AuthenticationMethods`). If there are any, they say which
    /// methods are offered, instead of the core's configuration.
    pub chains: Vec<Vec<Method>>,
    /// The keys that the server proves itself by; for each algorithm the first that has it.
    pub host_keys: Vec<SigningKey>,
    /// Certificates of host keys, as blobs; to clients that know the authority they spare the first question.
    pub host_certificates: Vec<Vec<u8>>,
    /// Sessions that one connection may have open, and as many again that it has closed and whose handlers have not
    /// returned.
    pub sessions: usize,
    /// Channels of all kinds that one connection may have open, up to 65536; forwards count as well.
    pub channels: usize,
    /// Connections at a time; the newest is refused.
    pub max_connections: usize,
    /// Connections at a time that have not logged in; the newest is refused.
    pub max_unauthenticated: usize,
    /// Variables that clients may set; a name that ends in `*` stands for all that begin so.
    pub environment: Vec<String>,
    /// Subsystems that sessions may start; others are refused. For `sftp` there is
    /// [`Directory::serve_sftp`](crate::Directory::serve_sftp).
    pub subsystems: Vec<String>,
    /// A text to show before the login.
    pub banner: Option<String>,
    /// Whether ports that clients have the server listen at may be reached from other machines, if they ask for that;
    /// sshd calls it `GatewayPorts clientspecified`. Whether anything is forwarded at all, is for
    /// [`Handler::may_forward`] to say.
    pub gateway_ports: bool,
    /// The number of the first display for sessions that borrow their client's; sshd calls it `X11DisplayOffset`. They are
    /// for this machine alone.
    pub first_display: u16,
    /// Where to record connections, secrets included: see [`Record`].
    pub record: Option<Record>,
    /// Where the secrets of connections are written to. **Who reads them can read the connections.**
    #[cfg(feature = "keylog")]
    pub key_log: Option<crate::KeyLogFile>,
}

impl Default for ServerConfig {
    /// Modern algorithms; no host key, which is an error; 10 sessions and 256 channels a connection, 256 connections,
    /// 64 without login; no variables, no subsystems, no banner, no ports for other machines, displays from 10; no recording, no secret is
    /// written anywhere.
    fn default() -> Self {
        // Keys are what their holders have, and the weakest of them harms nobody else.
        let Preferences { host_keys, user_keys, authorities, .. } = Preferences::default();
        let preferences = Preferences { host_keys, user_keys, authorities, ..Preferences::up_to(Grade::Modern) };
        Self {
            core: Config { preferences, ..Config::default() },
            chains: Vec::new(),
            host_keys: Vec::new(),
            host_certificates: Vec::new(),
            sessions: 10,
            channels: 256,
            max_connections: 256,
            max_unauthenticated: 64,
            environment: Vec::new(),
            subsystems: Vec::new(),
            banner: None,
            gateway_ports: false,
            first_display: 10,
            record: None,
            #[cfg(feature = "keylog")]
            key_log: None,
        }
    }
}

/// A server that listens.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    core: Config,
    chains: Arc<[Vec<Method>]>,
    keys: Arc<HostKeys>,
    channels: usize,
    limits: (usize, usize),
    rules: Arc<Rules>,
    banner: Option<String>,
    gateway_ports: bool,
    first_display: u16,
    record: Option<Record>,
    #[cfg(feature = "keylog")]
    key_log: Option<crate::KeyLogFile>,
    wake: Arc<UnixStream>,
    woken: UnixStream,
    room: Arc<Room>,
}

/// Who is there.
#[derive(Debug, Default)]
struct Room {
    stop: AtomicBool,
    connections: AtomicUsize,
    strangers: AtomicUsize,
    links: Mutex<Vec<Weak<Link<role::Server>>>>,
}

/// Ends a server from another thread.
#[derive(Debug, Clone)]
pub struct Shutdown {
    room: Arc<Room>,
    wake: Arc<UnixStream>,
}

impl Shutdown {
    /// Makes [`serve`](Server::serve) return, and ends all connections.
    pub fn stop(&self) {
        self.room.stop.store(true, Ordering::Release);
        // If the pipe is full, it wakes as well.
        let _ = (&*self.wake).write(&[0]);
    }
}

impl Server {
    /// Listens.
    ///
    /// # Errors
    /// [`Error::Io`] if the address cannot be bound, if there is no host key of an allowed algorithm, if a host
    /// certificate belongs to none of the keys, or if a chain is empty.
    pub fn bind(address: impl ToSocketAddrs, config: ServerConfig) -> Result<Self, Error> {
        let mut core = config.core;
        let keys = HostKeys::new(config.host_keys, config.host_certificates)?;
        core.preferences.host_keys.retain(|algorithm| keys.shown(*algorithm).is_some());
        if core.preferences.host_keys.is_empty() {
            return Err(
                io::Error::new(io::ErrorKind::InvalidInput, "a server needs a host key of its algorithms").into()
            );
        }
        let chains: Arc<[_]> = config.chains.into();
        if chains.iter().any(Vec::is_empty) {
            return Err(
                io::Error::new(io::ErrorKind::InvalidInput, "a chain of no methods would let anybody in").into()
            );
        }
        if !chains.is_empty() {
            core.login.methods = Factors::new(Arc::clone(&chains)).next();
        }
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let (wake, woken) = UnixStream::pair()?;
        wake.set_nonblocking(true)?;
        let rules = Rules { sessions: config.sessions, environment: config.environment, subsystems: config.subsystems };
        Ok(Self {
            listener,
            core,
            chains,
            keys: Arc::new(keys),
            channels: config.channels,
            limits: (config.max_connections, config.max_unauthenticated),
            rules: Arc::new(rules),
            banner: config.banner,
            gateway_ports: config.gateway_ports,
            first_display: config.first_display,
            record: config.record,
            #[cfg(feature = "keylog")]
            key_log: config.key_log,
            wake: Arc::new(wake),
            woken,
            room: Arc::default(),
        })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// As [`TcpListener::local_addr`].
    pub fn local_addr(&self) -> Result<SocketAddr, Error> {
        Ok(self.listener.local_addr()?)
    }

    /// The handle that ends it.
    pub fn shutdown(&self) -> Shutdown {
        Shutdown { room: Arc::clone(&self.room), wake: Arc::clone(&self.wake) }
    }

    /// Accepts and serves connections until the [`Shutdown`] handle says stop; then all connections are ended, and
    /// sessions see it.
    pub fn serve(&self, handler: impl Handler) {
        let handler = Arc::new(handler);
        while !self.room.stop.load(Ordering::Acquire) {
            match self.listener.accept() {
                // A connection that cannot be served is dropped, and the next may fare better.
                Ok((socket, peer)) => drop(self.admit(socket, peer, &handler)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.sleep(true),
                Err(error) if is_passing(&error) => {}
                Err(_) => self.sleep(false),
            }
        }
        let links = core::mem::take(&mut *self.room.links());
        for link in links.iter().filter_map(Weak::upgrade) {
            link.disconnect(Reason::BY_APPLICATION);
        }
    }

    /// Waits for a connection, or a while, or for the end.
    fn sleep(&self, listen: bool) {
        let mut fds = [PollFd::new(&self.woken, PollFlags::IN), PollFd::new(&self.listener, PollFlags::IN)];
        let (fds, span) = if listen { (&mut fds[..], None) } else { (&mut fds[..1], Some(&PAUSE)) };
        // An interrupted wait is looked into like one that ended.
        let _ = poll(fds, span);
    }

    fn admit<H: Handler>(&self, socket: TcpStream, peer: SocketAddr, handler: &Arc<H>) -> Result<(), Error> {
        let Some((seat, place)) = self.seat() else { return Ok(()) };
        // Some systems pass the listener's mode on, some do not; the link sets it.
        let desk = Desk::new(Arc::clone(&self.rules));
        let link = Link::new(socket.into(), self.core.clone(), self.channels, desk, self.record.as_ref())?;
        #[cfg(feature = "keylog")]
        link.with(|state| state.log_keys(self.key_log.clone()));
        let link = link.share();
        self.room.enter(&link);
        let conversation = Conversation {
            link,
            peer,
            keys: Arc::clone(&self.keys),
            banner: self.banner.clone(),
            handler: Arc::clone(handler),
            user: String::new(),
            gateway_ports: self.gateway_ports,
            first_display: self.first_display,
            factors: Factors::new(Arc::clone(&self.chains)),
            on_login: Box::new(move || drop(place)),
        };
        thread::Builder::new().name("connection".to_owned()).spawn(move || {
            let _seat = seat;
            conversation.run()
        })?;
        Ok(())
    }

    /// A seat among all and a place among those not logged in, if both are free.
    fn seat(&self) -> Option<(Taken, Taken)> {
        let seat = Taken::take(&self.room, |room| &room.connections, self.limits.0)?;
        Some((seat, Taken::take(&self.room, |room| &room.strangers, self.limits.1)?))
    }
}

impl Room {
    fn links(&self) -> std::sync::MutexGuard<'_, Vec<Weak<Link<role::Server>>>> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, link: &Arc<Link<role::Server>>) {
        let mut links = self.links();
        links.retain(|link| link.strong_count() > 0);
        links.push(Arc::downgrade(link));
    }
}

/// One of a number that is counted, until it is dropped.
struct Taken {
    room: Arc<Room>,
    count: fn(&Room) -> &AtomicUsize,
}

impl Taken {
    fn take(room: &Arc<Room>, count: fn(&Room) -> &AtomicUsize, limit: usize) -> Option<Self> {
        let taken = Self { room: Arc::clone(room), count };
        (count(room).fetch_add(1, Ordering::AcqRel) < limit).then_some(taken)
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        (self.count)(&self.room).fetch_sub(1, Ordering::AcqRel);
    }
}

/// Faults of one connection, not of the listener.
pub(crate) fn is_passing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    )
}
