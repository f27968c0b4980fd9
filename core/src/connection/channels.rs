//! What either role may do with channels: open, answer, write, release, end.

use super::Connection;
use super::forward::mark_of;
use crate::Output;
use crate::channel::{ChannelId, Mark, OpenFailure, OpenKind, Opener, Request, Slot, Tcpip};
use crate::crypto::Provider;
use crate::crypto::schedule::Direction;
use crate::error::Refused;
use crate::event::{Ask, ChannelRequest, OpenRequest};
use crate::role::Role;
use crate::transport::Sender;

impl<R: Role, P: Provider, T: AsMut<[Slot]> + AsRef<[Slot]>> Connection<R, P, T> {
    /// Asks for a channel. [`Opened`](crate::channel::Event::Opened) or
    /// [`Failed`](crate::channel::Event::Failed) will tell. [`Refused::NotYet`] for what the peer has not asked for: a
    /// server opens what belongs to a forward or to a granted request, a client the rest, and no session after
    /// [`forgo_sessions`](Self::forgo_sessions).
    pub fn open(&mut self, kind: OpenKind<'_>, output: &mut Output<'_>) -> Result<ChannelId, Refused> {
        self.settle(output)?;
        let us = match R::SENDS {
            Direction::ToServer => Opener::Client,
            Direction::ToClient => Opener::Server,
        };
        let mark = match kind {
            OpenKind::ForwardedTcpip(_, Tcpip { host: name, .. }) | OpenKind::ForwardedStreamlocal(_, name) => {
                mark_of::<P>(name)
            }
            OpenKind::Session
            | OpenKind::DirectTcpip(_)
            | OpenKind::DirectStreamlocal(_)
            | OpenKind::X11 { .. }
            | OpenKind::Agent
            | OpenKind::AgentStandard
            | OpenKind::Unknown(_) => Mark::default(),
        };
        let mut sender = Sender { transport: &mut self.transport, random: &mut self.random, output };
        self.channels.open(&self.config, &mut sender, us, kind, mark)
    }

    /// Grants a channel to the peer.
    pub fn accept(&mut self, ask: Ask<OpenRequest>) -> Result<ChannelId, Refused> {
        self.check_owner(&ask)?;
        self.channels.accept(&ask)
    }

    /// Refuses a channel to the peer.
    pub fn decline(&mut self, ask: Ask<OpenRequest>, reason: OpenFailure) {
        if self.check_owner(&ask).is_ok() {
            self.channels.decline(&ask, reason);
        }
    }

    /// Asks for something on a channel; where an answer is due, [`Replied`](crate::channel::Event::Replied) tells, in
    /// the order of the requests.
    pub fn request(&mut self, id: ChannelId, what: Request<'_>, output: &mut Output<'_>) -> Result<(), Refused> {
        self.settle(output)?;
        let mut sender = Sender { transport: &mut self.transport, random: &mut self.random, output };
        self.channels.request(&mut sender, id, what)
    }

    /// Answers a request on a channel.
    pub fn reply(&mut self, ask: Ask<ChannelRequest>, granted: bool) {
        if self.check_owner(&ask).is_ok() {
            self.channels.reply(&ask, granted);
        }
    }

    /// Channels that are open, or being opened or closed, and forwards: slots of the table that are taken.
    pub fn slots_taken(&self) -> usize {
        self.channels.taken()
    }

    /// How many bytes the channel's window and packet limit allow for now; none once the connection is over.
    pub fn writable(&self, id: ChannelId) -> usize {
        if self.fate.is_some() { 0 } else { self.channels.writable(id) }
    }

    /// The windows of a channel that is open: bytes that we may send, and bytes that the peer may.
    pub fn windows(&self, id: ChannelId) -> Option<(u32, u32)> {
        self.channels.windows(id)
    }

    /// Sends data; returns how much was taken. 0: the window is empty, and
    /// [`Writable`](crate::channel::Event::Writable) will tell.
    pub fn write(&mut self, id: ChannelId, data: &[u8], output: &mut Output<'_>) -> Result<usize, Refused> {
        self.write_kind(id, None, data, output)
    }

    /// Sends extended data of a kind, [`STDERR`](crate::channel::STDERR) that is, like [`write`](Self::write).
    pub fn write_extended(
        &mut self,
        id: ChannelId,
        kind: u32,
        data: &[u8],
        output: &mut Output<'_>,
    ) -> Result<usize, Refused> {
        self.write_kind(id, Some(kind), data, output)
    }

    fn write_kind(
        &mut self,
        id: ChannelId,
        kind: Option<u32>,
        data: &[u8],
        output: &mut Output<'_>,
    ) -> Result<usize, Refused> {
        self.settle(output)?;
        let mut sender = Sender { transport: &mut self.transport, random: &mut self.random, output };
        self.channels.write(&mut sender, id, kind, data)
    }

    /// Sends data that `with` composes where it will lie; it is given the space there is, and returns how much it used.
    pub fn fill(
        &mut self,
        id: ChannelId,
        output: &mut Output<'_>,
        with: impl FnOnce(&mut [u8]) -> usize,
    ) -> Result<usize, Refused> {
        self.settle(output)?;
        let mut sender = Sender { transport: &mut self.transport, random: &mut self.random, output };
        self.channels.fill(&mut sender, id, with)
    }

    /// `bytes` of received data are done with: the peer may send as many more.
    pub fn release(&mut self, id: ChannelId, bytes: usize) {
        self.channels.release(self.config.window, id, bytes);
    }

    /// The channel's window grows: `bytes` more may be on their way to us at a time, for as long as it is open. Worth it
    /// where round trips are long and the consumer has the memory, or keeps nothing.
    pub fn widen(&mut self, id: ChannelId, bytes: u32) {
        self.channels.widen(self.config.window, id, bytes);
    }

    /// No more data from us; a channel that is being opened is told once it is.
    pub fn finish(&mut self, id: ChannelId) {
        self.channels.finish(id);
    }

    /// Closes the channel, once it is open if it is not yet; what still arrives on it is dropped.
    /// [`Closed`](crate::channel::Event::Closed) tells when the peer has closed it too.
    pub fn close(&mut self, id: ChannelId) {
        self.channels.close(id);
    }
}
