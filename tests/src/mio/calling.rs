//! Clients over `sanssh-mio`: each logs in and runs commands one after another. Suites look at what is left when they are
//! through.

use super::{DEADLINE, host_key, user_key};
use core::net::SocketAddr;
use core::time::Duration;
use sanssh_core::auth::client;
use sanssh_core::channel::{self, OpenKind, Request};
use sanssh_core::file::SigningKey;
use sanssh_core::{ChannelId, Config, Event, Refused, transport};
use sanssh_mio::{Client, ClientSettings, Error, Hub, Id, Limits, Next, Turn};
use std::collections::VecDeque;
use std::sync::Arc;

/// What one client has to do, and has done.
#[derive(Debug, Default)]
pub struct Call {
    /// Commands, and what each is to be given.
    pub script: VecDeque<(String, Vec<u8>)>,
    /// Whether keys are to be changed before each command.
    pub rekeys: bool,
    /// Whether commands are left without the end of their input.
    pub holds: bool,
    /// What came of them: status and output.
    pub results: Vec<(Option<u32>, Vec<u8>)>,
    /// Whether it is logged in.
    pub logged_in: bool,
    /// Key exchanges.
    pub keyed: usize,
    keys_due: bool,
    channel: Option<ChannelId>,
    input: VecDeque<u8>,
    opened: bool,
    starts: bool,
    output: Vec<u8>,
    status: Option<u32>,
}

impl Call {
    /// These commands, without input.
    pub fn of(commands: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let script = commands.into_iter().map(|command| (command.into(), Vec::new())).collect();
        Self { script, ..Self::default() }
    }

    /// One command with its input.
    #[must_use]
    pub fn fed(command: &str, input: &[u8]) -> Self {
        Self { script: [(command.to_owned(), input.to_vec())].into(), ..Self::default() }
    }

    /// Whether nothing is left to do.
    #[must_use]
    pub fn is_through(&self) -> bool {
        self.logged_in && self.script.is_empty() && self.channel.is_none()
    }

    /// Whether a command runs.
    #[must_use]
    pub fn runs(&self) -> bool {
        self.opened && !self.starts
    }

    /// Commands have the end of their input.
    pub fn release(&mut self) {
        self.holds = false;
    }

    /// What commands have said so far is not kept.
    pub fn forget(&mut self) {
        self.output.clear();
    }

    /// Deals with what a connection's turn brings, and goes on.
    pub fn turn(&mut self, turn: &mut Turn<'_, Client>, host_key: &[u8], login: (&str, &SigningKey)) {
        while let Some(event) = turn.next() {
            self.heed(turn, event, host_key);
        }
        // What finds no room now is tried again in the next turn.
        let _ = self.go_on(turn, login);
    }

    fn heed(&mut self, turn: &mut Turn<'_, Client>, event: Event<'_, Client>, host_key: &[u8]) {
        match event {
            Event::Auth(client::Event::HostKey { key, ask, .. }) if key == host_key => turn.ssh().trust(ask),
            Event::Auth(client::Event::HostKey { ask, .. }) => turn.ssh().distrust(ask),
            Event::Auth(client::Event::Accepted { .. }) => self.logged_in = true,
            Event::Transport(transport::Event::Keyed(agreed)) => {
                self.keys_due |= agreed.first;
                self.keyed += 1;
            }
            Event::Channel(_, channel::Event::Opened) => (self.opened, self.starts) = (true, true),
            Event::Channel(id, channel::Event::Data(bytes)) => {
                self.output.extend_from_slice(bytes);
                turn.ssh().release(id, bytes.len());
            }
            Event::Channel(id, channel::Event::Extended(_, bytes)) => turn.ssh().release(id, bytes.len()),
            Event::Channel(_, channel::Event::Notice(Request::ExitStatus(status))) => self.status = Some(status),
            Event::Channel(id, channel::Event::Eof) => turn.ssh().close(id),
            Event::Channel(_, channel::Event::Closed | channel::Event::Failed { .. }) => {
                self.results.push((self.status.take(), core::mem::take(&mut self.output)));
                (self.channel, self.opened) = (None, false);
            }
            Event::Channel(..)
            | Event::Auth(_)
            | Event::Transport(_)
            | Event::Open { .. }
            | Event::Listen { .. }
            | Event::Forward(..) => {}
        }
    }

    fn go_on(&mut self, turn: &mut Turn<'_, Client>, (user, key): (&str, &SigningKey)) -> Result<(), Refused> {
        if self.keys_due {
            turn.login_key(user.as_bytes(), key)?;
            self.keys_due = false;
        }
        let Some((command, input)) = self.script.front_mut().filter(|_| self.logged_in) else { return self.feed(turn) };
        let Some(id) = self.channel else {
            self.channel = Some(turn.command(|ssh, output| ssh.open(OpenKind::Session, output))?);
            return Ok(());
        };
        if self.starts {
            turn.command(|ssh, output| ssh.request(id, Request::Exec(command.as_bytes()), output))?;
            self.input = core::mem::take(input).into();
            self.starts = false;
            self.script.pop_front();
            if self.rekeys {
                turn.ssh().rekey();
            }
        }
        self.feed(turn)
    }

    /// Gives the command its input.
    fn feed(&mut self, turn: &mut Turn<'_, Client>) -> Result<(), Refused> {
        let Some(id) = self.channel.filter(|_| self.opened && !self.starts) else { return Ok(()) };
        while !self.input.is_empty() {
            let sent = turn.write(id, self.input.as_slices().0)?;
            self.input.drain(..sent);
            if sent == 0 {
                return Ok(());
            }
        }
        if !self.holds {
            turn.ssh().finish(id);
        }
        Ok(())
    }
}

/// Clients of one server.
#[derive(Debug)]
pub struct Callers {
    /// The loop.
    pub hub: Hub<Client, Call>,
    /// Settings of each.
    pub settings: Arc<ClientSettings>,
    /// Those that are gone, and why.
    pub gone: Vec<(Call, Error)>,
    host_key: Vec<u8>,
    user: String,
    key: SigningKey,
}

impl Callers {
    /// Of a server here.
    ///
    /// # Panics
    /// If there is nothing to wait by.
    #[must_use]
    pub fn new(core: Config) -> Self {
        Self::of(core, host_key().public().to_vec(), "user", user_key())
    }

    /// Of the server that has this host key.
    ///
    /// # Panics
    /// If there is nothing to wait by.
    #[must_use]
    pub fn of(core: Config, host_key: Vec<u8>, user: &str, key: SigningKey) -> Self {
        Self {
            hub: Hub::new(Limits { connections: usize::MAX, ..Limits::default() }).expect("a loop"),
            settings: Arc::new(ClientSettings { core, channels: 2 }),
            gone: Vec::new(),
            host_key,
            user: user.to_owned(),
            key,
        }
    }

    /// One more.
    ///
    /// # Panics
    /// If there is no socket for it.
    pub fn call(&mut self, to: SocketAddr, call: Call) -> Id {
        self.hub.connect(to, &self.settings, call).expect("a connection")
    }

    /// What is ready is done.
    ///
    /// # Panics
    /// If nothing happens for very long.
    pub fn step(&mut self) {
        let started = self.hub.now();
        self.step_within(DEADLINE);
        assert!(self.hub.now().since(started) < DEADLINE, "nothing happens any more");
    }

    /// The same, without a wait for more than so long.
    ///
    /// # Panics
    /// If the system does not wait.
    pub fn step_within(&mut self, span: Duration) {
        self.hub.wait(Some(span)).expect("a loop that waits");
        while let Some(next) = self.hub.next() {
            match next {
                Next::Turn(mut visit) => {
                    visit.state.turn(&mut visit.turn, &self.host_key, (&self.user, &self.key));
                }
                Next::Gone { state, error, .. } => self.gone.push((state, error)),
                Next::Work(()) | Next::Foreign(_) => {}
            }
        }
    }

    /// Everybody has a turn, ready or not.
    pub fn nudge(&mut self) {
        let ids: Vec<Id> = self.hub.states().map(|(id, _)| id).collect();
        for id in ids {
            if let Some(mut visit) = self.hub.turn(id) {
                visit.state.turn(&mut visit.turn, &self.host_key, (&self.user, &self.key));
            }
        }
    }

    /// Goes on until all those that are still there satisfy this.
    pub fn until(&mut self, all: impl Fn(&Call) -> bool) {
        while !self.hub.states().all(|(_, call)| all(call)) {
            self.step();
        }
    }
}
