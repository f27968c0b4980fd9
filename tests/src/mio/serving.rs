//! A server over `sanssh-mio`, on the caller's thread or one of its own: commands say something, repeat their input, or
//! count it.

use super::{DEADLINE, host_key, user_key};
use core::net::SocketAddr;
use core::time::Duration;
use sanssh_core::auth::server::{self, Credential};
use sanssh_core::channel::{self, OpenFailure, OpenKind, Request};
use sanssh_core::{ChannelId, Config, Event, Refused};
use sanssh_mio::{Counts, Error, Handle, Hub, Limits, Next, Server, ServerSettings, Turn};
use std::collections::VecDeque;
use std::net::TcpListener;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

/// What one connection of a server runs.
#[derive(Debug, Default)]
pub struct Shell(Vec<Job>);

/// One command: what it has still to say.
#[derive(Debug)]
struct Job {
    id: ChannelId,
    text: VecDeque<u8>,
    zeros: u64,
    /// Input is said again, or counted.
    repeats: bool,
    counted: Option<u64>,
    /// All is there that it has to say.
    ended: bool,
    status: u32,
}

impl Shell {
    /// Deals with what a connection's turn brings, and goes on with its commands.
    pub fn turn(&mut self, turn: &mut Turn<'_, Server>, keys: &[Vec<u8>]) {
        while let Some(event) = turn.next() {
            self.heed(turn, event, keys);
        }
        // What is refused for good has lost its channel.
        self.0.retain_mut(|job| !job.go_on(turn).unwrap_or(true));
    }

    fn heed(&mut self, turn: &mut Turn<'_, Server>, event: Event<'_, Server>, keys: &[Vec<u8>]) {
        let known = |key: &[u8]| keys.iter().any(|known| known == key);
        match event {
            Event::Auth(server::Event::Probe { key, algorithm, ask, .. }) if known(key) => {
                turn.command(|ssh, output| ssh.acceptable(&ask, algorithm, key, output)).expect("room for an answer");
            }
            Event::Auth(server::Event::Probe { ask, .. }) => turn.ssh().unacceptable(ask),
            Event::Auth(server::Event::Attempt { credential: Credential::PublicKey { key, .. }, ask, .. })
                if known(key) =>
            {
                turn.ssh().grant(ask);
            }
            Event::Auth(server::Event::Attempt { ask, .. }) => turn.ssh().refuse(ask),
            Event::Open { kind: OpenKind::Session, ask } => drop(turn.ssh().accept(ask)),
            Event::Open { ask, .. } => turn.ssh().decline(ask, OpenFailure::PROHIBITED),
            Event::Listen { ask, .. } => turn.ssh().refuse_forward(ask),
            Event::Channel(id, event) => self.channel(turn, id, event),
            Event::Auth(_) | Event::Transport(_) | Event::Forward(..) => {}
        }
    }

    fn channel(&mut self, turn: &mut Turn<'_, Server>, id: ChannelId, event: channel::Event<'_>) {
        match event {
            channel::Event::Request { what: Request::Exec(command), ask } => {
                turn.ssh().reply(ask, true);
                self.0.push(Job::new(id, &String::from_utf8_lossy(command)));
            }
            channel::Event::Request { ask, .. } => turn.ssh().reply(ask, false),
            channel::Event::Data(bytes) => match self.0.iter_mut().find(|job| job.id == id) {
                Some(job) => job.hear(turn, bytes),
                None => turn.ssh().release(id, bytes.len()),
            },
            channel::Event::Extended(_, bytes) => turn.ssh().release(id, bytes.len()),
            channel::Event::Eof => self.0.iter_mut().filter(|job| job.id == id).for_each(Job::end),
            channel::Event::Closed => self.0.retain(|job| job.id != id),
            channel::Event::Opened
            | channel::Event::Failed { .. }
            | channel::Event::Writable
            | channel::Event::Replied(_)
            | channel::Event::Notice(_) => {}
        }
    }
}

impl Job {
    fn new(id: ChannelId, command: &str) -> Self {
        let mut job =
            Self { id, text: VecDeque::new(), zeros: 0, repeats: false, counted: None, ended: true, status: 0 };
        match command.split_once(' ').unwrap_or((command, "")) {
            ("echo", text) => job.text.extend(format!("{text}\n").into_bytes()),
            ("zeros", count) => job.zeros = count.parse().expect("a number"),
            ("cat", _) => (job.repeats, job.ended) = (true, false),
            ("count", _) => (job.counted, job.ended) = (Some(0), false),
            _ => job.status = 127,
        }
        job
    }

    /// Input that is said again is released once it has been.
    fn hear(&mut self, turn: &mut Turn<'_, Server>, bytes: &[u8]) {
        if self.repeats {
            self.text.extend(bytes);
        } else {
            self.counted = self.counted.map(|count| count + bytes.len() as u64);
            turn.ssh().release(self.id, bytes.len());
        }
    }

    fn end(&mut self) {
        if let Some(count) = self.counted {
            self.text.extend(format!("{count}\n").into_bytes());
        }
        self.ended = true;
    }

    /// Says what there is room for; whether the command is over.
    fn go_on(&mut self, turn: &mut Turn<'_, Server>) -> Result<bool, Refused> {
        const ZEROS: [u8; 32 * 1024] = [0; 32 * 1024];
        let id = self.id;
        while !self.text.is_empty() {
            let sent = turn.write(id, self.text.as_slices().0)?;
            self.text.drain(..sent);
            if self.repeats {
                turn.ssh().release(id, sent);
            }
            if sent == 0 {
                return Ok(false);
            }
        }
        while self.zeros > 0 {
            let most = usize::try_from(self.zeros).unwrap_or(usize::MAX).min(ZEROS.len());
            let sent = turn.write(id, &ZEROS[..most])?;
            self.zeros -= sent as u64;
            if sent == 0 {
                return Ok(false);
            }
        }
        if !self.ended {
            return Ok(false);
        }
        match turn.command(|ssh, output| ssh.request(id, Request::ExitStatus(self.status), output)) {
            Err(Refused::NoRoom | Refused::Busy) => return Ok(false),
            outcome => outcome?,
        }
        turn.ssh().finish(id);
        turn.ssh().close(id);
        Ok(true)
    }
}

/// Settings of a server with these preferences and limits of the protocol.
///
/// # Panics
/// If the host key fits none of the algorithms.
#[must_use]
pub fn settings(core: Config) -> Arc<ServerSettings> {
    Arc::new(ServerSettings::new(core, vec![host_key()], 4).expect("a host key"))
}

/// A server that listens on loopback; and where.
///
/// # Panics
/// If the system gives no socket.
#[must_use]
pub fn server(limits: Limits, core: Config) -> (Hub<Server, Shell>, SocketAddr) {
    let mut hub = Hub::new(limits).expect("a loop");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let address = listener.local_addr().expect("an address");
    hub.listen(listener.try_into().expect("a listener that does not block"), &settings(core)).expect("a door");
    (hub, address)
}

/// Serves what is ready, and says who is gone and why. Whether the loop goes on.
///
/// # Panics
/// If the system does not wait.
pub fn serve(hub: &mut Hub<Server, Shell>, keys: &[Vec<u8>], gone: &mut Vec<Error>) -> bool {
    serve_within(hub, keys, gone, DEADLINE)
}

/// The same, without a wait for more than so long.
///
/// # Panics
/// If the system does not wait.
pub fn serve_within(hub: &mut Hub<Server, Shell>, keys: &[Vec<u8>], gone: &mut Vec<Error>, span: Duration) -> bool {
    let goes_on = hub.wait(Some(span)).expect("a loop that waits");
    while let Some(next) = hub.next() {
        match next {
            Next::Turn(mut visit) => visit.state.turn(&mut visit.turn, keys),
            Next::Gone { error, .. } => gone.push(error),
            Next::Work(()) | Next::Foreign(_) => {}
        }
    }
    goes_on
}

/// A server on a thread of its own.
#[derive(Debug)]
pub struct Served {
    /// Where it listens.
    pub address: SocketAddr,
    handle: Handle<()>,
    thread: Option<JoinHandle<(Counts, Vec<Error>)>>,
}

impl Served {
    /// Starts one, at which [`user_key`] and these keys may log in.
    ///
    /// # Panics
    /// If the system gives no socket.
    #[must_use]
    pub fn start(limits: Limits, core: Config, keys: &[Vec<u8>]) -> Self {
        let (mut hub, address) = server(limits, core);
        let handle = hub.handle();
        let keys: Vec<_> = keys.iter().cloned().chain([user_key().public().to_vec()]).collect();
        let thread = thread::spawn(move || {
            let mut gone = Vec::new();
            while serve(&mut hub, &keys, &mut gone) {}
            (hub.counts(), gone)
        });
        Self { address, handle, thread: Some(thread) }
    }

    /// What other threads reach it by.
    #[must_use]
    pub fn handle(&self) -> Handle<()> {
        self.handle.clone()
    }

    /// Ends it; what it counted, and why its connections ended.
    ///
    /// # Panics
    /// If it did.
    pub fn stop(mut self) -> (Counts, Vec<Error>) {
        self.handle.shut_down();
        self.thread.take().expect("it runs").join().expect("the server did not panic")
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.handle.shut_down();
        if let Some(thread) = self.thread.take() {
            // A panic over there is told where it happened.
            let _ = thread.join();
        }
    }
}
