//! One connection of the load: logs in, waits for the others, and runs commands one after another.

use crate::arguments::Load;
use sanssh_core::auth::client;
use sanssh_core::channel::{self, OpenKind, Request};
use sanssh_core::file::SigningKey;
use sanssh_core::{ChannelId, Event, Instant, Refused, transport};
use sanssh_mio::{Client, Turn};

/// What all have in common.
#[derive(Debug)]
pub(crate) struct Plan<'p> {
    pub(crate) load: &'p Load,
    pub(crate) host_key: &'p [u8],
    pub(crate) identity: &'p SigningKey,
}

/// How far one has come.
#[derive(Debug, Default)]
pub(crate) struct Caller {
    /// Keys are exchanged and the login is due.
    keyed: bool,
    pub(crate) logged_in: bool,
    /// What it was told to run, and how often.
    pub(crate) command: Vec<u8>,
    pub(crate) left: usize,
    channel: Option<ChannelId>,
    opened: bool,
    started: Instant,
    pub(crate) output: Vec<u8>,
    status: Option<u32>,
    /// Bytes of a stream, which are not kept.
    pub(crate) streamed: u64,
    pub(crate) streams: bool,
}

/// What came of a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Keys are exchanged.
    Keyed,
    /// It is logged in.
    In,
    /// It is gone before it was.
    Left,
    /// A command is through after so many microseconds; whether it said what it had to.
    Done(u64, bool),
}

impl Caller {
    /// Deals with what has arrived, and goes on.
    pub(crate) fn turn(&mut self, turn: &mut Turn<'_, Client>, plan: &Plan<'_>, mut tell: impl FnMut(Outcome)) {
        while let Some(event) = turn.next() {
            self.heed(turn, plan, event, &mut tell);
        }
        // What finds no room now is tried again in the next turn.
        let _ = self.go_on(turn, plan);
    }

    fn heed(
        &mut self,
        turn: &mut Turn<'_, Client>,
        plan: &Plan<'_>,
        event: Event<'_, Client>,
        tell: &mut impl FnMut(Outcome),
    ) {
        match event {
            Event::Auth(client::Event::HostKey { key, ask, .. }) if key == plan.host_key => turn.ssh().trust(ask),
            Event::Auth(client::Event::HostKey { ask, .. }) => turn.ssh().distrust(ask),
            Event::Transport(transport::Event::Keyed(agreed)) if agreed.first => {
                self.keyed = true;
                tell(Outcome::Keyed);
            }
            Event::Auth(client::Event::Accepted { .. }) => {
                self.logged_in = true;
                tell(Outcome::In);
            }
            Event::Channel(_, channel::Event::Opened) => self.opened = true,
            Event::Channel(id, channel::Event::Data(bytes)) => {
                if self.streams {
                    self.streamed += bytes.len() as u64;
                } else {
                    self.output.extend_from_slice(bytes);
                }
                turn.ssh().release(id, bytes.len());
            }
            Event::Channel(id, channel::Event::Extended(_, bytes)) => turn.ssh().release(id, bytes.len()),
            Event::Channel(_, channel::Event::Notice(Request::ExitStatus(status))) => self.status = Some(status),
            Event::Channel(id, channel::Event::Eof) => turn.ssh().close(id),
            Event::Channel(_, channel::Event::Closed | channel::Event::Failed { .. }) => {
                let right = self.status == Some(0) && self.said_it(plan);
                self.left = self.left.saturating_sub(1);
                (self.channel, self.opened, self.status) = (None, false, None);
                tell(Outcome::Done(turn.now().0.saturating_sub(self.started.0), right));
            }
            Event::Channel(..)
            | Event::Auth(_)
            | Event::Transport(_)
            | Event::Open { .. }
            | Event::Listen { .. }
            | Event::Forward(..) => {}
        }
    }

    /// Whether the output is lines, and what `echo` was to say.
    fn said_it(&self, plan: &Plan<'_>) -> bool {
        let Some(line) = self.output.strip_suffix(b"\n") else { return self.streams };
        match plan.load.command.strip_prefix("echo ") {
            Some(wanted) if self.command == plan.load.command.as_bytes() => line == wanted.as_bytes(),
            Some(_) | None => true,
        }
    }

    /// Asks for what is next.
    fn go_on(&mut self, turn: &mut Turn<'_, Client>, plan: &Plan<'_>) -> Result<(), Refused> {
        if self.keyed && !plan.load.exchange {
            turn.login_key(plan.load.user.as_bytes(), plan.identity)?;
            self.keyed = false;
        }
        match self.channel {
            None if self.left > 0 => {
                self.started = turn.now();
                self.output.clear();
                self.channel = Some(turn.command(|ssh, output| ssh.open(OpenKind::Session, output))?);
            }
            Some(id) if self.opened => {
                turn.command(|ssh, output| ssh.request(id, Request::Exec(&self.command), output))?;
                self.opened = false;
            }
            Some(_) | None => {}
        }
        Ok(())
    }
}
