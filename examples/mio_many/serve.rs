//! The server: who has the one key may log in, as anybody, and run commands that the server answers by itself.

use crate::arguments::Serve;
use crate::memory;
use core::time::Duration;
use sanssh_core::algorithm::list;
use sanssh_core::auth::server::{self, Credential};
use sanssh_core::channel::{self, OpenFailure, OpenKind, Request};
use sanssh_core::{ChannelId, Event, Refused};
use sanssh_mio::{Hub, Limits, Next, Server, ServerSettings, Turn};
use std::io::{Read, Write};
use std::sync::Arc;
use std::thread;

/// What a stream is made of.
static ZEROS: [u8; 32 * 1024] = [0; 32 * 1024];

/// The commands of one connection.
type Jobs = Vec<Job>;

/// A command that runs: what it has still to say, after which it exits.
struct Job {
    id: ChannelId,
    text: Vec<u8>,
    zeros: u64,
    status: u32,
}

pub(crate) fn run(job: &Serve) -> Result<(), String> {
    let mut core = ServerSettings::modern();
    if let Some(kex) = job.kex {
        core.preferences.kex = list(&[kex]);
    }
    core.deadlines.login = Duration::from_secs(60);
    let host_key = sanssh_std::home::read_key(&job.host_key, None).map_err(|error| error.to_string())?;
    let settings = ServerSettings::new(core, vec![host_key], 4).map_err(|error| error.to_string())?;
    let authorized = crate::public(&job.authorized)?;
    serve(job, &Arc::new(settings), authorized.blob()).map_err(|error| error.to_string())
}

fn serve(job: &Serve, settings: &Arc<ServerSettings>, authorized: &[u8]) -> std::io::Result<()> {
    let limits = Limits { connections: 20_000, ..Limits::default() };
    let mut hub: Hub<Server, Jobs> = Hub::new(limits)?;
    let address = job.address.parse().map_err(std::io::Error::other)?;
    let listener = mio::net::TcpListener::bind(address)?;
    writeln!(std::io::stdout(), "{}", listener.local_addr()?)?;
    hub.listen(listener.into(), settings)?;
    let handle = hub.handle();
    thread::spawn(move || {
        // An error is an end as well.
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        handle.shut_down();
    });
    let at_first = memory::resident();
    while hub.wait(None)? {
        let connections = hub.counts().connections;
        while let Some(next) = hub.next() {
            let Next::Turn(mut visit) = next else { continue };
            while let Some(event) = visit.turn.next() {
                let memory = || (connections, memory::resident().saturating_sub(at_first));
                heed(visit.state, &mut visit.turn, event, authorized, memory);
            }
            visit.state.retain_mut(|job| !job.go_on(&mut visit.turn));
        }
    }
    Ok(())
}

fn heed(
    jobs: &mut Jobs,
    turn: &mut Turn<'_, Server>,
    event: Event<'_, Server>,
    authorized: &[u8],
    memory: impl FnOnce() -> (usize, usize),
) {
    match event {
        Event::Auth(server::Event::Probe { key, algorithm, ask, .. }) if key == authorized => {
            // There is room: nothing else is sent before the login.
            let _ = turn.command(|ssh, output| ssh.acceptable(&ask, algorithm, key, output));
        }
        Event::Auth(server::Event::Probe { ask, .. }) => turn.ssh().unacceptable(ask),
        Event::Auth(server::Event::Attempt { credential: Credential::PublicKey { key, .. }, ask, .. })
            if key == authorized =>
        {
            turn.ssh().grant(ask);
        }
        Event::Auth(server::Event::Attempt { ask, .. }) => turn.ssh().refuse(ask),
        // Nothing that was asked for here is offered.
        Event::Auth(_) | Event::Transport(_) | Event::Forward(..) => {}
        Event::Open { kind: OpenKind::Session, ask } => drop(turn.ssh().accept(ask)),
        Event::Open { ask, .. } => turn.ssh().decline(ask, OpenFailure::PROHIBITED),
        Event::Listen { ask, .. } => turn.ssh().refuse_forward(ask),
        Event::Channel(id, channel::Event::Request { what: Request::Exec(command), ask }) => {
            turn.ssh().reply(ask, true);
            jobs.push(Job::new(id, command, memory));
        }
        Event::Channel(_, channel::Event::Request { ask, .. }) => turn.ssh().reply(ask, false),
        Event::Channel(id, channel::Event::Data(bytes) | channel::Event::Extended(_, bytes)) => {
            turn.ssh().release(id, bytes.len());
        }
        Event::Channel(id, channel::Event::Closed) => jobs.retain(|job| job.id != id),
        Event::Channel(..) => {}
    }
}

impl Job {
    fn new(id: ChannelId, command: &[u8], memory: impl FnOnce() -> (usize, usize)) -> Self {
        let (name, rest) = command.split_at(command.iter().position(|byte| *byte == b' ').unwrap_or(command.len()));
        let rest = rest.strip_prefix(b" ").unwrap_or_default();
        let mut job = Self { id, text: Vec::new(), zeros: 0, status: 0 };
        match name {
            b"echo" => job.text = [rest, b"\n"].concat(),
            b"stream" => job.zeros = str::from_utf8(rest).ok().and_then(|count| count.parse().ok()).unwrap_or(0),
            b"memory" => {
                let (connections, bytes) = memory();
                job.text = format!("{connections} connections, {} bytes each\n", bytes / connections.max(1)).into();
            }
            _ => (job.text, job.status) = (b"unknown command\n".to_vec(), 127),
        }
        job
    }

    /// Says what there is room for; whether the command is over.
    fn go_on(&mut self, turn: &mut Turn<'_, Server>) -> bool {
        self.say(turn).unwrap_or(true)
    }

    fn say(&mut self, turn: &mut Turn<'_, Server>) -> Result<bool, Refused> {
        let sent = turn.write(self.id, &self.text)?;
        self.text.drain(..sent);
        while self.text.is_empty() && self.zeros > 0 {
            let most = usize::try_from(self.zeros).unwrap_or(usize::MAX).min(ZEROS.len());
            let sent = turn.write(self.id, &ZEROS[..most])?;
            self.zeros -= sent as u64;
            if sent < most {
                return Ok(false);
            }
        }
        if !self.text.is_empty() {
            return Ok(false);
        }
        let (id, status) = (self.id, Request::ExitStatus(self.status));
        match turn.command(|ssh, output| ssh.request(id, status, output)) {
            Err(Refused::NoRoom | Refused::Busy) => return Ok(false),
            outcome => outcome?,
        }
        turn.ssh().finish(id);
        turn.ssh().close(id);
        Ok(true)
    }
}
