//! A listening socket: each connection that comes in gets a channel of its own. While the table of channels is full,
//! connections wait in the system's queue.

use super::endpoint::Leads;
use super::listener::Listener;
use super::tally::Tally;
use crate::end::{End, Ssh};
use crate::socket::Socket;
use crate::trace::Trace;
use core::net::SocketAddr;
use sanssh_core::channel::ForwardId;
use sanssh_core::{ChannelId, Output, Refused};
use std::io;
use std::sync::Arc;

/// Room in the output that suffices for any request to open.
const ROOM: usize = 4 * 1024;

/// A listener and where it leads.
#[derive(Debug)]
pub(super) struct Door {
    listener: Listener,
    /// Where to; without, those who come say it by SOCKS.
    leads: Option<Leads>,
    /// Accepted, and without a channel yet.
    waiting: Option<(Socket, Option<SocketAddr>)>,
    readable: bool,
    tally: Arc<Tally>,
    /// A Unix socket's file, or its directory.
    _trace: Option<Trace>,
}

/// What came of a look outside.
#[derive(Debug)]
pub(super) enum Knock {
    /// A channel is asked for.
    Opened(ChannelId, Socket),
    /// Somebody who has to say where to.
    Asker(Socket),
    /// There may be others.
    Again,
    Nobody,
    /// The connection takes nothing now.
    Stuck,
    /// No channel is free.
    Crowded,
    /// The system lacks something, files mostly.
    Later,
}

impl Door {
    pub(super) fn new(
        listener: Listener,
        leads: Option<Leads>,
        tally: Arc<Tally>,
        trace: Option<Trace>,
    ) -> io::Result<Self> {
        listener.prepare()?;
        Ok(Self { listener, leads, waiting: None, readable: true, tally, _trace: trace })
    }

    pub(super) const fn listener(&self) -> &Listener {
        &self.listener
    }

    /// Whose connections they are, on a server.
    pub(super) fn forward(&self) -> Option<ForwardId> {
        self.leads.as_ref().and_then(Leads::forward)
    }

    /// Whether it is there for what a session borrows.
    pub(super) fn serves(&self, session: ChannelId) -> bool {
        self.leads.as_ref().and_then(Leads::session) == Some(session)
    }

    /// Whether one connection is all that may come.
    pub(super) const fn is_for_one(&self) -> bool {
        matches!(self.leads, Some(Leads::Display(_, true)))
    }

    pub(super) const fn tally(&self) -> &Arc<Tally> {
        &self.tally
    }

    /// There is news, or room again.
    pub(super) const fn wake(&mut self) {
        self.readable = true;
    }

    /// Lets the next connection in.
    pub(super) fn open<R: End>(&mut self, ssh: &mut Ssh<R>, output: &mut Output<'_>) -> Knock {
        if self.waiting.is_none()
            && let Some(other) = self.accept()
        {
            return other;
        }
        let Some((socket, address)) = self.waiting.take() else { return Knock::Again };
        let Some(leads) = &self.leads else { return Knock::Asker(socket) };
        match ask(ssh, output, leads, address) {
            Ok(id) => Knock::Opened(id, socket),
            Err(refused @ (Refused::Busy | Refused::NoRoom)) => {
                self.waiting = Some((socket, address));
                if refused == Refused::Busy { Knock::Stuck } else { Knock::Crowded }
            }
            Err(refused) => {
                self.tally.fail(refused.to_string());
                Knock::Again
            }
        }
    }

    /// `Some` if there is nobody to let in.
    fn accept(&mut self) -> Option<Knock> {
        if !self.readable {
            return Some(Knock::Nobody);
        }
        match self.listener.accept().and_then(|one| one.0.prepare().map(|()| one)) {
            Ok(one) => {
                self.tally.accept();
                self.waiting = Some(one);
                return None;
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.readable = false,
            Err(error) if crate::server::is_passing(&error) => return Some(Knock::Again),
            Err(_) => return Some(Knock::Later),
        }
        Some(Knock::Nobody)
    }
}

/// Asks for a channel that leads there.
pub(super) fn ask<R: End>(
    ssh: &mut Ssh<R>,
    output: &mut Output<'_>,
    leads: &Leads,
    from: Option<SocketAddr>,
) -> Result<ChannelId, Refused> {
    if output.room() < ROOM {
        return Err(Refused::Busy);
    }
    let host = from.map_or_else(String::new, |from| from.ip().to_string());
    ssh.open(leads.kind((&host, from.map_or(0, |from| from.port()))), output)
}
