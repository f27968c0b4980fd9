//! Connecting to where a peer's channel is to lead: every address in turn, none waited for in a call, and names looked up
//! by threads of their own, of which there are few.

use super::endpoint::Endpoint;
use super::tally::Tally;
use super::ward::Ward;
use crate::socket::Socket;
use core::net::SocketAddr;
use core::time::Duration;
use sanssh_core::Ask;
use sanssh_core::event::OpenRequest;
use std::collections::VecDeque;
use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, mpsc};
use std::thread;

/// How long one address may take to answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(15);
/// Names looked up at a time for one connection.
const MOST_LOOKUPS: usize = 8;
/// Addresses of one name that are tried.
const MOST_ADDRESSES: usize = 16;

/// A channel that waits for its connection.
#[derive(Debug)]
pub(super) struct Connecting {
    pub(super) ask: Ask<OpenRequest>,
    pub(super) to: Endpoint,
    addresses: VecDeque<SocketAddr>,
    pub(super) socket: Option<Socket>,
    pub(super) tally: Option<Arc<Tally>>,
    pub(super) ward: Ward,
    why: Option<io::Error>,
}

impl Connecting {
    pub(super) fn new(ask: Ask<OpenRequest>, to: Endpoint, tally: Option<Arc<Tally>>, ward: Ward) -> Self {
        let addresses = to.address().into_iter().collect();
        Self { ask, to, addresses, socket: None, tally, ward, why: None }
    }

    /// Whether a name has to be looked up first.
    pub(super) fn wants_lookup(&self) -> bool {
        matches!(self.to, Endpoint::Tcp { .. }) && self.addresses.is_empty()
    }

    pub(super) fn found(&mut self, outcome: io::Result<Vec<SocketAddr>>) {
        match outcome {
            Ok(found) => self.addresses = found.into(),
            Err(error) => self.why = Some(error),
        }
    }

    /// Turns to the next address; whether there is one that can be waited for.
    pub(super) fn advance(&mut self) -> bool {
        self.socket = None;
        if let Endpoint::Unix(path) = &self.to {
            if self.why.is_none() {
                let connected =
                    mio::net::UnixStream::connect(path).map(|socket| Socket::from(UnixStream::from(socket)));
                self.keep(connected);
            }
            return self.socket.is_some();
        }
        while let (None, Some(address)) = (&self.socket, self.addresses.pop_front()) {
            let connected = mio::net::TcpStream::connect(address).map(|socket| Socket::from(TcpStream::from(socket)));
            self.keep(connected);
        }
        self.socket.is_some()
    }

    fn keep(&mut self, connected: io::Result<Socket>) {
        match connected.and_then(|socket| socket.prepare().map(|()| socket)) {
            Ok(socket) => self.socket = Some(socket),
            Err(error) => self.why = Some(error),
        }
    }

    /// Whether the socket is connected, and an agent has been told for whom; `None` if that is open still.
    pub(super) fn outcome(&mut self) -> Option<bool> {
        let socket = self.socket.as_ref()?;
        let ready = socket.connected().and_then(|connected| match &mut self.ward {
            Ward::Agent(bind) if connected => bind.go_on(socket),
            Ward::Agent(_) | Ward::Display(_) | Ward::Open => Ok(connected),
        });
        match ready {
            Ok(done) => done.then_some(true),
            Err(error) => {
                self.why = Some(error);
                Some(false)
            }
        }
    }

    /// The time is over.
    pub(super) fn gave_up(&mut self) {
        self.why = Some(io::ErrorKind::TimedOut.into());
    }

    /// Why it came to nothing.
    pub(super) fn reason(&self) -> String {
        match &self.why {
            Some(error) => format!("{}: {error}", self.to),
            None => format!("{}: no address", self.to),
        }
    }
}

type Found = (usize, io::Result<Vec<SocketAddr>>);

/// Looks names up.
#[derive(Debug)]
pub(super) struct Lookups {
    running: usize,
    /// Who waits, by seat.
    line: VecDeque<(usize, Endpoint)>,
    tell: mpsc::Sender<Found>,
    told: mpsc::Receiver<Found>,
}

impl Lookups {
    pub(super) fn new() -> Self {
        let (tell, told) = mpsc::channel();
        Self { running: 0, line: VecDeque::new(), tell, told }
    }

    pub(super) fn ask(&mut self, at: usize, name: Endpoint, waker: &Arc<mio::Waker>) {
        self.line.push_back((at, name));
        self.start(waker);
    }

    fn start(&mut self, waker: &Arc<mio::Waker>) {
        while self.running < MOST_LOOKUPS
            && let Some((at, name)) = self.line.pop_front()
        {
            let (tell, waker_of) = (self.tell.clone(), waker);
            let waker = Arc::clone(waker);
            let looked = thread::Builder::new().name("lookup".to_owned()).spawn(move || {
                // Nobody listens any more if the connection is gone.
                let _ = tell.send((at, look_up(&name)));
                let _ = waker.wake();
            });
            self.running += 1;
            if let Err(error) = looked {
                // It is counted all the same until it is told.
                let _ = self.tell.send((at, Err(error)));
                let _ = waker_of.wake();
            }
        }
    }

    /// An answer, and whose it is.
    pub(super) fn next(&mut self, waker: &Arc<mio::Waker>) -> Option<Found> {
        let found = self.told.try_recv().ok()?;
        self.running = self.running.saturating_sub(1);
        self.start(waker);
        Some(found)
    }
}

fn look_up(name: &Endpoint) -> io::Result<Vec<SocketAddr>> {
    match name {
        Endpoint::Tcp { host, port } => Ok((host.as_str(), *port).to_socket_addrs()?.take(MOST_ADDRESSES).collect()),
        Endpoint::Unix(_) => Ok(Vec::new()),
    }
}
