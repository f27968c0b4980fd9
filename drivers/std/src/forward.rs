//! Forwarding as a client has it (RFC 4254 §7, OpenSSH PROTOCOL §2.4): tunnels to where the server connects, listeners
//! here whose connections lead there, and listeners there whose connections come here.

use crate::client::{Desk, Opens};
use crate::end::Ssh;
use crate::inbox::{Inbox, Kind, Stage};
use crate::link::Link;
use crate::relay::{Counts, Endpoint, Leads, Listener, Relay, Tally, Ward};
use crate::socket::Socket;
use crate::state::Own;
use crate::stream::Stream;
use crate::{Client, Error};
use core::net::SocketAddr;
use sanssh_core::channel::{ForwardEvent, ForwardId, OpenFailure, OpenKind};
use sanssh_core::event::OpenRequest;
use sanssh_core::{Ask, Output, Refused, role};
use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::sync::Arc;

/// Connections of one listener that nobody has accepted, unless it is told otherwise; more are refused.
const MOST_WAITING: usize = 64;

/// A connection that the server forwards: what is written goes to its far end, what that says is read. Dropping it closes
/// it.
#[derive(Debug)]
pub struct Tunnel {
    stream: Stream<role::Client>,
}

/// A listener here whose connections the server carries on. Dropping it stops listening; what is connected stays so.
#[derive(Debug)]
pub struct LocalForward {
    link: Arc<Link<role::Client>>,
    door: usize,
    address: Option<SocketAddr>,
    tally: Arc<Tally>,
}

/// A listener at the server. Dropping it tells the server to stop; what is connected stays so.
#[derive(Debug)]
struct Remote {
    link: Arc<Link<role::Client>>,
    id: ForwardId,
    at: Endpoint,
    port: u16,
}

/// A listener at the server whose connections are carried on to somewhere here. Dropping it tells the server to stop; what
/// is connected stays so.
#[derive(Debug)]
pub struct RemoteForward {
    remote: Remote,
    tally: Arc<Tally>,
}

/// A listener at the server whose connections the program takes. Dropping it tells the server to stop.
#[derive(Debug)]
pub struct RemoteListener {
    remote: Remote,
}

/// A forward as the connection knows it.
#[derive(Debug)]
pub(crate) struct Expected {
    id: ForwardId,
    /// What the server said.
    granted: Option<Option<u16>>,
    goes: Goes,
}

/// Where a forward's connections go.
#[derive(Debug)]
enum Goes {
    On(Endpoint, Arc<Tally>),
    /// To whoever accepts them.
    Queue(Queue),
}

/// Connections that wait to be accepted, with the address that they came from.
#[derive(Debug)]
struct Queue {
    waiting: VecDeque<(Ask<OpenRequest>, Option<SocketAddr>)>,
    most: usize,
}

impl Client {
    /// Opens a tunnel through the server to a port or Unix socket that it connects to. That takes one round trip.
    ///
    /// # Errors
    /// [`Error::OpenRefused`] if the server cannot or will not connect, [`Error::TooManyChannels`] here, or what ended
    /// the connection.
    pub fn direct(&self, to: impl Into<Endpoint>) -> Result<Tunnel, Error> {
        self.block(self.begin_direct(to, "127.0.0.1", 0))
    }

    /// The same, begun, on behalf of who is at the address `originator` and its `port`, as the server is told.
    pub fn begin_direct<E: Into<Endpoint>>(
        &self,
        to: E,
        originator: &str,
        port: u16,
    ) -> impl Future<Output = Result<Tunnel, Error>> + use<E> {
        let opening = self.begin_open(Opens::To(Leads::To(to.into()), originator.to_owned(), port));
        async { opening.await.map(|stream| Tunnel { stream }) }
    }

    /// Gives each connection to the listener a tunnel through the server. Nothing is waited for: the server's refusals
    /// are [`failures`](LocalForward::failures), and end the connection that they are about.
    ///
    /// # Errors
    /// [`Error::Io`] if the listener cannot be watched, or what ended the connection.
    pub fn forward_local(&self, listener: impl Into<Listener>, to: impl Into<Endpoint>) -> Result<LocalForward, Error> {
        self.open_door(listener.into(), Some(Leads::To(to.into())))
    }

    /// The same for programs that say by SOCKS, version 4, 4a or 5, where they want to be connected. Anybody who can
    /// connect to the listener can.
    ///
    /// # Errors
    /// As [`forward_local`](Self::forward_local).
    pub fn forward_dynamic(&self, listener: impl Into<Listener>) -> Result<LocalForward, Error> {
        self.open_door(listener.into(), None)
    }

    fn open_door(&self, listener: Listener, leads: Option<Leads>) -> Result<LocalForward, Error> {
        let (address, tally) = (listener.local_addr(), Arc::new(Tally::default()));
        let door = self.link.change(|state| match &state.failure {
            Some(error) => Err(error.clone()),
            None => Ok(state.relay.open_door(listener, leads, Arc::clone(&tally), None)?),
        })?;
        Ok(LocalForward { link: Arc::clone(&self.link), door, address, tally })
    }

    /// Has the server listen at `at`, and carries each connection that comes in there on to `to`, which is connected to
    /// from here. Port 0 lets the server choose. Servers listen for their own machine alone unless they are told
    /// otherwise.
    ///
    /// # Errors
    /// [`Error::ForwardRefused`] by the server, [`Error::TooManyChannels`] here, or what ended the connection.
    pub fn forward_remote(&self, at: impl Into<Endpoint>, to: impl Into<Endpoint>) -> Result<RemoteForward, Error> {
        let tally = Arc::new(Tally::default());
        let remote = self.block(self.ask_forward(at.into(), Goes::On(to.into(), Arc::clone(&tally))))?;
        self.link.change(|state| state.relay.expect(remote.id))?;
        Ok(RemoteForward { remote, tally })
    }

    /// Has the server listen at `at`, and leaves what comes in there to [`accept`](RemoteListener::accept).
    ///
    /// # Errors
    /// As [`forward_remote`](Self::forward_remote).
    pub fn listen(&self, at: impl Into<Endpoint>) -> Result<RemoteListener, Error> {
        self.block(self.begin_listen(at))
    }

    /// The same, begun.
    pub fn begin_listen<E: Into<Endpoint>>(
        &self,
        at: E,
    ) -> impl Future<Output = Result<RemoteListener, Error>> + use<E> {
        let asking = self.ask_forward(at.into(), Goes::Queue(Queue { waiting: VecDeque::new(), most: MOST_WAITING }));
        async { Ok(RemoteListener { remote: asking.await? }) }
    }

    /// Waits until a connection of some forward has ended or come to nothing, and the count of that is not `seen`, from 0;
    /// gives the count. What [`counts`](LocalForward::counts) and [`failures`](LocalForward::failures) say has changed
    /// then, perhaps.
    ///
    /// # Errors
    /// What ended the connection.
    pub fn wait_forwarded(&self, seen: u64) -> Result<u64, Error> {
        let bell = self.link.wait(None, &mut Own::none(), |state, _| state.relay.bell())?;
        Ok(bell.wait(seen))
    }

    /// Promises the server that no more sessions will be opened, so that whoever gets hold of the connection later starts
    /// nothing by it. Servers of OpenSSH's kind know what that means.
    ///
    /// # Errors
    /// What ended the connection.
    pub fn forgo_sessions(&self) -> Result<(), Error> {
        self.link.command(true, |ssh, output| ssh.forgo_sessions(output))
    }

    fn ask_forward(&self, at: Endpoint, goes: Goes) -> impl Future<Output = Result<Remote, Error>> + use<> {
        let link = Arc::clone(&self.link);
        async move {
            let mut goes = Some(goes);
            let asked = link.until(|state| {
                let asked = state.attempt(link.socket(), |ssh, output| ssh.forward(at.forward(), output))?;
                if let (Ok(id), Some(goes)) = (&asked, goes.take()) {
                    state.desk.forwards.push(Expected { id: *id, granted: None, goes });
                }
                link.settle(state);
                Some(asked)
            });
            let id = asked.await?.map_err(Error::of_open)?;
            // Dropped before it is granted, it is cancelled.
            let mut remote = Remote { link: Arc::clone(&link), id, at, port: 0 };
            let granted = link.until(|state| state.desk.forward(id)?.granted).await?;
            remote.port = granted.ok_or(Error::ForwardRefused)?;
            Ok(remote)
        }
    }
}

impl Desk {
    /// Cancels what nobody wants any more, as far as the connection takes it.
    pub(crate) fn cancel(&mut self, ssh: &mut Ssh<role::Client>, output: &mut Output<'_>) {
        self.unwanted.retain(|(id, at)| {
            let cancelled = ssh.cancel(*id, at.forward(), output);
            matches!(cancelled, Err(Refused::Busy | Refused::NoRoom | Refused::NotYet))
        });
    }

    fn forward(&mut self, id: ForwardId) -> Option<&mut Expected> {
        self.forwards.iter_mut().find(|one| one.id == id)
    }

    /// What became of a forward.
    pub(crate) fn hear(&mut self, id: ForwardId, event: ForwardEvent) {
        if let Some(one) = self.forward(id) {
            one.granted = match event {
                ForwardEvent::Granted(port) => Some(Some(port)),
                ForwardEvent::Refused | ForwardEvent::Cancelled => Some(None),
            };
        }
    }

    /// Somebody connected to where the server listens.
    pub(crate) fn arrive(
        &mut self,
        ssh: &mut Ssh<role::Client>,
        relay: &mut Relay,
        kind: OpenKind<'_>,
        ask: Ask<OpenRequest>,
    ) {
        let (id, from) = match kind {
            OpenKind::ForwardedTcpip(id, what) => {
                let address = str::from_utf8(what.originator).ok().and_then(|text| text.parse().ok());
                (id, address.map(|address| SocketAddr::new(address, what.originator_port)))
            }
            OpenKind::ForwardedStreamlocal(id, _) => (id, None),
            OpenKind::Agent | OpenKind::AgentStandard => return self.lend_agent(ssh, relay, ask),
            OpenKind::X11 { .. } => return self.lend_display(ssh, relay, ask),
            OpenKind::Session | OpenKind::DirectTcpip(_) | OpenKind::DirectStreamlocal(_) | OpenKind::Unknown(_) => {
                return ssh.decline(ask, OpenFailure::PROHIBITED);
            }
        };
        match self.forward(id).map(|one| &mut one.goes) {
            Some(Goes::On(to, tally)) => relay.connect(ssh, ask, to.clone(), Some(Arc::clone(tally)), Ward::Open),
            Some(Goes::Queue(queue)) if queue.waiting.len() < queue.most => queue.waiting.push_back((ask, from)),
            Some(Goes::Queue(_)) => ssh.decline(ask, OpenFailure::RESOURCE_SHORTAGE),
            None => ssh.decline(ask, OpenFailure::PROHIBITED),
        }
    }
}

impl Tunnel {
    pub(crate) fn into_stream(self) -> Stream<role::Client> {
        self.stream
    }

    /// No more will be written.
    pub fn finish(&self) {
        self.stream.finish();
    }

    /// Waits until the server has closed the tunnel, whatever of it was read.
    ///
    /// # Errors
    /// What ended the connection.
    pub fn wait_close(&self) -> Result<(), Error> {
        self.stream.wait_close()
    }

    /// Joins the tunnel with a socket, and lets go of it: what comes from either goes to the other until both have ended.
    ///
    /// # Errors
    /// As [`Channel::join`](crate::Channel::join).
    pub fn join(self, socket: impl Into<Socket>) -> Result<(), Error> {
        self.stream.join(socket.into())
    }
}

impl LocalForward {
    /// Where it listens; nowhere that has an address if that is a Unix socket.
    pub const fn local_addr(&self) -> Option<SocketAddr> {
        self.address
    }

    /// How many connections there were.
    pub fn counts(&self) -> Counts {
        self.tally.counts()
    }

    /// Why connections failed, each told once; of very many the latest.
    pub fn failures(&self) -> Vec<String> {
        self.tally.failures()
    }
}

impl Drop for LocalForward {
    fn drop(&mut self) {
        self.link.with(|state| state.relay.close_door(self.door, &self.tally));
        // The thread has perhaps nothing left to do.
        self.link.nudge();
    }
}

impl RemoteForward {
    /// The port that the server listens at; 0 for a Unix socket.
    pub const fn port(&self) -> u16 {
        self.remote.port
    }

    /// How many connections there were.
    pub fn counts(&self) -> Counts {
        self.tally.counts()
    }

    /// As [`LocalForward::failures`].
    pub fn failures(&self) -> Vec<String> {
        self.tally.failures()
    }
}

impl RemoteListener {
    /// The port that the server listens at; 0 for a Unix socket.
    pub const fn port(&self) -> u16 {
        self.remote.port
    }

    /// How many connections may wait to be accepted from now on; 64 at first. More are refused.
    pub fn limit(&self, most: usize) {
        self.remote.link.with(|state| {
            if let Some(Expected { goes: Goes::Queue(queue), .. }) = state.desk.forward(self.remote.id) {
                queue.most = most;
            }
        });
    }

    /// Waits for a connection; also where it comes from, as the server says.
    ///
    /// # Errors
    /// What ended the connection.
    pub fn accept(&self) -> Result<(Tunnel, Option<SocketAddr>), Error> {
        self.remote.link.block(self.remote.link.patience(), self.begin_accept())
    }

    /// The same, begun.
    pub fn begin_accept(&self) -> impl Future<Output = Result<(Tunnel, Option<SocketAddr>), Error>> + use<> {
        let (link, id) = (Arc::clone(&self.remote.link), self.remote.id);
        async move {
            let accepted = link.until(|state| {
                loop {
                    // Nothing comes any more where it is not listened for.
                    let Some(Expected { goes: Goes::Queue(queue), .. }) = state.desk.forward(id) else {
                        return Some(Err(Refused::Closed.into()));
                    };
                    let (ask, from) = queue.waiting.pop_front()?;
                    // One that is gone already is passed over.
                    if let Ok(id) = state.ssh.accept(ask) {
                        state.inboxes.add(Inbox::new(id, Stage::Open));
                        link.settle(state);
                        return Some(Ok((Tunnel { stream: Stream { link: Arc::clone(&link), id } }, from)));
                    }
                }
            });
            accepted.await?
        }
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        let Self { link, id, at, .. } = self;
        let mut state = link.lock();
        let Some(place) = state.desk.forwards.iter().position(|one| one.id == *id) else { return };
        if let Goes::Queue(queue) = state.desk.forwards.swap_remove(place).goes {
            queue.waiting.into_iter().for_each(|(ask, _)| state.ssh.decline(ask, OpenFailure::PROHIBITED));
        }
        state.relay.forget(*id);
        state.desk.unwanted.push((*id, at.clone()));
        let now = state.clock().now();
        state.compose(now);
        link.settle(&mut state);
        link.tell(&mut state);
        drop(state);
        link.nudge();
    }
}

impl Read for &Tunnel {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(self.stream.read(Some(Kind::Data), buffer)?.1)
    }
}

impl Read for Tunnel {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buffer)
    }
}

impl Write for &Tunnel {
    /// As that of a [`Channel`](crate::Channel).
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        Ok(self.stream.write(Kind::Data, data)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(self.stream.flush()?)
    }
}

impl Write for Tunnel {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        (&*self).write(data)
    }

    fn flush(&mut self) -> io::Result<()> {
        (&*self).flush()
    }
}
