//! Two connections in memory: a client, a server, a clock that only moves when told, and the bytes between them.
//!
//! An [`End`] answers the questions of exchange and login by itself unless a test takes them over, and keeps everything
//! else it was told, owned, for the test to look at.

mod login;
mod told;

pub use login::Kept;
pub use told::Told;

use login::{client_login, server_login};
use sanssh_core::algorithm::Zip;
use sanssh_core::auth::{Method, MethodSet};
use sanssh_core::channel::{self, OpenFailure, OpenKind, Request};
use sanssh_core::crypto::Provider;
use sanssh_core::event::{ChannelRequest, ForwardRequest, OpenRequest};
use sanssh_core::file::signing::SigningKey;
use sanssh_core::role::{Client, Role, Server};
use sanssh_core::{
    Ask, ChannelId, Config, Connection, Error, Event, Input, Instant, Output, Refused, Seed, Slot, Waiting,
};
use std::collections::VecDeque;
use told::words;
pub use told::{forward_words, kind_words};

/// Channels of each end.
pub const CHANNELS: usize = 4;
/// Room for output in one flush; small enough that some tests meet it.
pub const OUTPUT: usize = 256 * 1024;

/// A connection, what it received and has not taken, and what it was told.
#[derive(Debug)]
pub struct End<R: Role, P: Provider> {
    /// The machine.
    pub ssh: Connection<R, P, Vec<Slot>>,
    /// Received and not taken.
    pub input: Vec<u8>,
    /// Sent and not carried over.
    pub output: Vec<u8>,
    /// What it was told, oldest first.
    pub told: VecDeque<Told>,
    /// Questions about channels, kept for the test.
    pub opens: VecDeque<Ask<OpenRequest>>,
    /// Questions about forwards, kept for the test.
    pub forwards: VecDeque<Ask<ForwardRequest>>,
    /// Questions about requests, kept for the test.
    pub requests: VecDeque<Ask<ChannelRequest>>,
    /// Whether data is released as soon as it is told.
    pub releases: bool,
    /// Whether questions of exchange and login are left to the test, in `kept`. Host key and signature of a server are
    /// not: those it always has.
    pub keeps: bool,
    /// Questions of exchange and login, kept for the test.
    pub kept: VecDeque<Kept>,
    /// All that was ever carried over to the other end, for tests that look at the bytes.
    pub sent: Vec<u8>,
    /// How it ended.
    pub over: Option<Error>,
    inflate: Vec<u8>,
}

/// Both ends.
#[derive(Debug)]
pub struct Pair<PC: Provider, PS: Provider> {
    /// The client.
    pub client: End<Client, PC>,
    /// The server.
    pub server: End<Server, PS>,
    /// The time both believe in.
    pub now: Instant,
    /// The server's host key.
    pub host_key: SigningKey,
}

impl<R: Role, P: Provider> End<R, P> {
    /// An end at the beginning of time.
    pub fn new(config: Config, seed: u8) -> Self {
        let inflate = inflate_memory(&config);
        Self {
            ssh: Connection::new(config, &Seed::new([seed; 32]), vec![Slot::new(); CHANNELS], Instant(0)),
            input: Vec::new(),
            output: Vec::new(),
            told: VecDeque::new(),
            opens: VecDeque::new(),
            forwards: VecDeque::new(),
            requests: VecDeque::new(),
            releases: true,
            keeps: false,
            kept: VecDeque::new(),
            sent: Vec::new(),
            over: None,
            inflate,
        }
    }

    /// Flushes what is owed.
    pub fn flush(&mut self, now: Instant) {
        self.emit(|ssh, output| ssh.flush(now, output));
    }

    /// Runs a command that writes.
    pub fn emit<A>(&mut self, command: impl FnOnce(&mut Connection<R, P, Vec<Slot>>, &mut Output<'_>) -> A) -> A {
        let mut space = vec![0; OUTPUT];
        let mut output = Output::new(&mut space);
        let answer = command(&mut self.ssh, &mut output);
        let filled = output.filled();
        self.output.extend_from_slice(&space[..filled]);
        answer
    }

    /// The next question about host key or prompts that was kept.
    pub fn take_kept(&mut self) -> Kept {
        self.kept.pop_front().expect("a question was kept")
    }

    /// Takes what was told so far.
    pub fn take_told(&mut self) -> Vec<Told> {
        self.told.drain(..).collect()
    }

    /// All data told so far, removed from what was told.
    pub fn take_data(&mut self) -> Vec<u8> {
        let mut data = Vec::new();
        self.told.retain(|told| {
            let Told::Data(_, bytes) = told else { return true };
            data.extend_from_slice(bytes);
            false
        });
        data
    }

    /// Receives until nothing more is told. `login` deals with the events that differ by role.
    fn receive(&mut self, now: Instant, mut login: impl FnMut(&mut Self, R::Event<'_>)) -> usize {
        let (mut bytes, mut inflate) = (core::mem::take(&mut self.input), core::mem::take(&mut self.inflate));
        let taken = lend(&mut bytes, &mut inflate, |input| self.listen(now, input, &mut login));
        bytes.append(&mut self.input);
        (self.input, self.inflate) = (bytes, inflate);
        taken
    }

    fn listen(&mut self, now: Instant, input: &mut Input<'_>, login: &mut impl FnMut(&mut Self, R::Event<'_>)) {
        loop {
            match self.ssh.recv(now, input) {
                Ok(None) => break,
                Ok(Some(Event::Auth(event))) => login(self, event),
                Ok(Some(Event::Transport(event))) => self.told.push_back(Told::transport(&event)),
                Ok(Some(Event::Channel(id, event))) => self.channel(id, event),
                Ok(Some(Event::Open { kind, ask })) => {
                    self.opens.push_back(ask);
                    self.told.push_back(Told::Open(kind_words(&kind)));
                }
                Ok(Some(Event::Listen { what, ask })) => {
                    self.forwards.push_back(ask);
                    self.told.push_back(Told::Listen(forward_words(&what)));
                }
                Ok(Some(Event::Forward(id, event))) => self.told.push_back(Told::Forward(id, event)),
                Err(error) => {
                    self.over = Some(error);
                    break;
                }
            }
        }
    }

    fn channel(&mut self, id: ChannelId, event: channel::Event<'_>) {
        let told = match event {
            channel::Event::Opened => Told::Opened(id),
            channel::Event::Failed { reason: OpenFailure(code), .. } => Told::Failed(id, code),
            channel::Event::Data(data) => {
                if self.releases {
                    self.ssh.release(id, data.len());
                }
                Told::Data(id, data.to_vec())
            }
            channel::Event::Extended(kind, data) => {
                if self.releases {
                    self.ssh.release(id, data.len());
                }
                Told::Extended(id, kind, data.to_vec())
            }
            channel::Event::Writable => Told::Writable(id),
            channel::Event::Request { what, ask } => {
                self.requests.push_back(ask);
                Told::Request(id, words(&what))
            }
            channel::Event::Replied(granted) => Told::Replied(id, granted),
            channel::Event::Notice(what) => Told::Notice(id, words(&what)),
            channel::Event::Eof => Told::Eof(id),
            channel::Event::Closed => Told::Closed(id),
        };
        self.told.push_back(told);
    }
}

/// Memory to lend for payloads that expand, if any may.
pub fn inflate_memory(config: &Config) -> Vec<u8> {
    let compresses = config.preferences.zips.iter().any(|zip| *zip != Zip::None);
    let most = usize::try_from(config.max_packet).unwrap_or(usize::MAX);
    vec![0; if compresses { most } else { 0 }]
}

/// Lends bytes, and memory for what expands as often as that is needed, and forgets what was taken; how much.
pub fn lend(bytes: &mut Vec<u8>, inflate: &mut [u8], mut listen: impl FnMut(&mut Input<'_>)) -> usize {
    let mut taken = 0;
    loop {
        let mut input = Input::new(&mut bytes[taken..]).with_inflate(inflate);
        listen(&mut input);
        taken += input.taken();
        if !input.is_cramped() {
            bytes.drain(..taken);
            return taken;
        }
    }
}

/// A host key for tests.
pub fn host_key() -> SigningKey {
    SigningKey::ed25519(&[9; 32])
}

/// A configuration for tests of a server: every method, and no delay.
pub fn server_config() -> Config {
    let mut config = Config::default();
    config.login.methods = [Method::PublicKey, Method::Password, Method::Interactive].into_iter().collect();
    config.login.failure_delay = core::time::Duration::ZERO;
    config
}

impl<PC: Provider, PS: Provider> Pair<PC, PS> {
    /// A pair with these configurations, nothing exchanged yet.
    pub fn new(client: Config, server: Config) -> Self {
        Self { client: End::new(client, 1), server: End::new(server, 2), now: Instant(0), host_key: host_key() }
    }

    /// A pair that has logged in by password.
    pub fn connected(client: Config, server: Config) -> Self {
        let mut pair = Self::new(client, server);
        pair.run();
        pair.password("right").expect("the password may be sent");
        pair.run();
        assert!(pair.client.ssh.is_logged_in(), "client: {:?}, server: {:?}", pair.client.over, pair.server.over);
        pair.client.told.clear();
        pair.server.told.clear();
        pair
    }

    /// Sends a password.
    pub fn password(&mut self, password: &str) -> Result<(), Refused> {
        self.client.emit(|ssh, output| ssh.password(b"user", password.as_bytes(), output))
    }

    /// A channel that runs `command`, on both ends.
    pub fn exec(&mut self, command: &str) -> (ChannelId, ChannelId) {
        let client = self.client.emit(|ssh, output| ssh.open(OpenKind::Session, output)).expect("a channel");
        self.run();
        let ask = self.server.opens.pop_front().expect("the server is asked for a channel");
        let server = self.server.ssh.accept(ask).expect("the server accepts");
        self.run();
        self.client.emit(|ssh, output| ssh.request(client, Request::Exec(command.as_bytes()), output)).expect("exec");
        self.run();
        let ask = self.server.requests.pop_front().expect("the server is asked for a command");
        self.server.ssh.reply(ask, true);
        self.run();
        (client, server)
    }

    /// Lets both flush, carries bytes over and lets both receive, until nothing moves.
    pub fn run(&mut self) {
        while self.step() {}
    }

    /// One round; whether anything moved.
    pub fn step(&mut self) -> bool {
        self.client.flush(self.now);
        self.server.flush(self.now);
        let to_server = core::mem::take(&mut self.client.output);
        let to_client = core::mem::take(&mut self.server.output);
        let moved = !to_server.is_empty() || !to_client.is_empty();
        self.client.sent.extend_from_slice(&to_server);
        self.server.sent.extend_from_slice(&to_client);
        self.server.input.extend_from_slice(&to_server);
        self.client.input.extend_from_slice(&to_client);
        let taken = self.receive_client() + self.receive_server();
        moved || taken > 0 || owes(&self.client) || owes(&self.server)
    }

    /// Lets the client receive what is there.
    pub fn receive_client(&mut self) -> usize {
        self.client.receive(self.now, |end, event| client_login(end, event))
    }

    /// Lets the server receive what is there, as often as its own answers let it go on.
    pub fn receive_server(&mut self) -> usize {
        let (now, key) = (self.now, &self.host_key);
        self.server.receive(now, |end, event| server_login(end, event, key))
    }
}

fn owes<R: Role, P: Provider>(end: &End<R, P>) -> bool {
    end.over.is_none() && end.ssh.waiting() == Some(Waiting::Output) && end.ssh.owes_output()
}

/// Every method there is, for configurations.
pub fn methods() -> MethodSet {
    [Method::PublicKey, Method::Password, Method::Interactive].into_iter().collect()
}
