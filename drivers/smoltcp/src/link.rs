//! One connection after the other over one socket.

use crate::ring::Ring;
use core::fmt;
use sanssh_core::channel::Slot;
use sanssh_core::crypto::Provider;
use sanssh_core::role::Role;
use sanssh_core::{Backlog, Config, Connection, Error, Instant, Intake, Outlet, Output, Reason, Seed};
use smoltcp::socket::tcp::{Socket, State};
use smoltcp::time;

/// A turn at a link: [`next`](sanssh_core::Turn::next) gives the events, [`send`](sanssh_core::Turn::send) takes commands.
pub type Turn<'t, 's, R, P, T> = sanssh_core::Turn<'t, R, P, T, Ring<'t, 's>>;

/// How soon a peer that takes nothing is asked again.
const ASKS_AGAIN: time::Duration = time::Duration::from_secs(4);

/// Where a link and its socket stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Nothing is under way: the socket may listen, or connect.
    Idle,
    /// The socket waits for its peer.
    Waiting,
    /// The peer is there: [`Link::begin`].
    Due,
    /// A connection is under way, or says goodbye.
    Busy,
}

/// A connection over a socket, and the memory for it, which the next connection takes over.
pub struct Link<'m, R: Role, P: Provider, T> {
    ssh: Option<Connection<R, P, T>>,
    intake: Intake<&'m mut [u8]>,
    memory: usize,
    spare: &'m mut [u8],
    backlog: Backlog,
    /// Bytes in the socket's send buffer at the end of the last turn.
    queued: usize,
    /// Until when a connection that is over may say goodbye.
    until: Option<Instant>,
}

impl<'m, R: Role, P: Provider, T: AsMut<[Slot]> + AsRef<[Slot]>> Link<'m, R, P, T> {
    /// A link without a connection. `input` holds what was received: the largest packet, with
    /// [`PACKET_OVERHEAD`](sanssh_core::config::PACKET_OVERHEAD). In `spare`, packets are composed that have to be copied around
    /// the end of the socket's send buffer. Less of it than [`MIN_OUTPUT`](sanssh_core::MIN_OUTPUT), or none, only means that
    /// larger packets wait until the send buffer is empty.
    pub const fn new(input: &'m mut [u8], spare: &'m mut [u8]) -> Self {
        Self {
            ssh: None,
            memory: input.len(),
            intake: Intake::new(input),
            spare,
            backlog: Backlog::new(Instant(0)),
            queued: 0,
            until: None,
        }
    }

    /// What to do next with the socket.
    pub fn stage(&self, socket: &Socket<'_>) -> Stage {
        match socket.state() {
            _ if self.ssh.is_some() => Stage::Busy,
            State::Closed | State::TimeWait => Stage::Idle,
            State::Listen | State::SynSent | State::SynReceived => Stage::Waiting,
            State::Established | State::CloseWait => Stage::Due,
            State::FinWait1 | State::FinWait2 | State::Closing | State::LastAck => Stage::Busy,
        }
    }

    /// Begins a connection: where a peer has come, or as soon as the socket was told to connect. `seed` must be fresh and
    /// unguessable. Sizes in `config` for which there is no memory are taken back.
    pub fn begin(&mut self, mut config: Config, seed: &Seed, channels: T, timestamp: time::Instant) {
        self.clear();
        config.fit(self.memory);
        let now = instant(timestamp);
        self.backlog = Backlog::new(now);
        self.ssh = Some(Connection::new(config, seed, channels, now));
    }

    /// Tells a peer for whom there is no link why, and closes the socket. A peer that never closes its side keeps the socket for as
    /// long as it likes: who has none to spare aborts it after a while.
    pub fn turn_away(software: &str, reason: Reason, socket: &mut Socket<'_>) {
        // Where it finds no room, the peer learns no more than that the socket is closed.
        let _ = socket.send(|room| {
            let mut output = Output::new(room);
            let _ = Connection::<R, P, T>::turn_away(software, reason, &mut output);
            (output.filled(), ())
        });
        socket.close();
    }

    /// Moves what there is to move, and gives a turn. `None`: there is no connection, or no longer.
    pub fn poll<'t, 's>(
        &'t mut self,
        timestamp: time::Instant,
        socket: &'t mut Socket<'s>,
    ) -> Option<Turn<'t, 's, R, P, T>> {
        let now = instant(timestamp);
        if self.ssh.as_ref()?.fate().is_some() {
            self.part(now, socket);
            return None;
        }
        let space = self.intake.space();
        // Nothing comes before the handshake of TCP is through, nor after the end.
        let received = socket.recv_slice(space).unwrap_or(0);
        self.intake.received(received);
        keep_asking(socket);
        let ssh = self.ssh.as_mut()?;
        let queue = socket.send_queue();
        self.backlog.check(queue, queue < self.queued, ssh, now);
        let ended = !socket.may_recv() && !is_opening(socket);
        let ring = Ring { socket, spare: self.spare, queued: &mut self.queued };
        Some(Turn::new(ssh, &mut self.intake, ring, now, ended))
    }

    /// How long [`poll`](Self::poll) may be left uncalled if nothing happens to the socket; `None`: for ever.
    pub fn poll_delay(&mut self, timestamp: time::Instant, socket: &Socket<'_>) -> Option<time::Duration> {
        let now = instant(timestamp);
        let ssh = self.ssh.as_ref()?;
        let over = ssh.fate().is_some();
        let receives = socket.can_recv() && (over || !self.intake.space().is_empty());
        // Into an empty buffer everything fits; otherwise the socket tells when there is more room.
        let sends = ssh.owes_output() && socket.may_send() && socket.send_queue() == 0;
        if (over && self.until.is_none()) || receives || sends {
            return Some(time::Duration::ZERO);
        }
        let next = [self.backlog.deadline(ssh), self.until].into_iter().flatten().min()?;
        Some(time::Duration::from_micros(u64::try_from(next.since(now).as_micros()).unwrap_or(u64::MAX)))
    }

    /// How the connection ended that still says goodbye.
    pub fn fate(&self) -> Option<Error> {
        self.ssh.as_ref()?.fate()
    }

    /// Says goodbye, and closes the socket, as far as the peer lets us and for no longer than `Deadlines::close`.
    fn part(&mut self, now: Instant, socket: &mut Socket<'_>) {
        let Some(ssh) = &mut self.ssh else { return };
        let until = *self.until.get_or_insert_with(|| now.after(ssh.config().deadlines.close));
        keep_asking(socket);
        // A peer that still sends would otherwise never come to its own end.
        while socket.recv(|bytes| (bytes.len(), bytes.len())).is_ok_and(|dropped| dropped > 0) {}
        let mut ring = Ring { socket, spare: self.spare, queued: &mut self.queued };
        // What cannot leave in time is given up below.
        let _ = ring.lend(&mut |output| {
            ssh.flush(now, output);
            Ok(())
        });
        if !ssh.owes_output() || !socket.may_send() {
            socket.close();
        }
        let is_closed = matches!(socket.state(), State::Closed | State::TimeWait);
        if now >= until && !is_closed {
            socket.abort();
        }
        if is_closed || now >= until {
            self.clear();
        }
    }

    fn clear(&mut self) {
        self.ssh = None;
        self.until = None;
        self.queued = 0;
        self.intake.clear();
    }
}

/// Has the socket ask again whether the peer's window is open while something is to be sent. smoltcp gives that up where the
/// window is closed when it wants to resend, as it may be by an acknowledgement that was overtaken; its keepalives do not.
fn keep_asking(socket: &mut Socket<'_>) {
    let asks = match (socket.keep_alive(), socket.send_queue()) {
        (None, 1..) => Some(ASKS_AGAIN),
        (Some(ASKS_AGAIN), 0) => None,
        (None | Some(_), _) => return,
    };
    socket.set_keep_alive(asks);
}

/// Whether the handshake of TCP is under way.
fn is_opening(socket: &Socket<'_>) -> bool {
    matches!(socket.state(), State::Listen | State::SynSent | State::SynReceived)
}

/// smoltcp's time in ours; there is none before the origin.
fn instant(timestamp: time::Instant) -> Instant {
    Instant(u64::try_from(timestamp.total_micros()).unwrap_or(0))
}

impl<R: Role, P: Provider, T> fmt::Debug for Link<'_, R, P, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("ssh", &self.ssh).field("until", &self.until).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::Link;
    use sanssh_core::channel::Slot;
    use sanssh_core::crypto::soft::Soft;
    use sanssh_core::role::{Client, Server};
    use sanssh_core::{Connection, Instant};

    type Table = [Slot; 2];

    #[test]
    fn a_link_is_little_more_than_its_connection() {
        let client = size_of::<Link<'_, Client, Soft, Table>>();
        let server = size_of::<Link<'_, Server, Soft, Table>>();
        let connections = [size_of::<Connection<Client, Soft, Table>>(), size_of::<Connection<Server, Soft, Table>>()];
        std::println!("client: {client} bytes, server: {server} bytes; of these the connection: {connections:?}");
        let own = 16 * size_of::<usize>() + 2 * size_of::<Option<Instant>>();
        assert!(client <= connections[0] + own && server <= connections[1] + own, "{client} {server} {connections:?}");
    }
}
