//! Two connections in memory: a client, a server, a clock that only moves when told, and the bytes between them.
//!
//! An [`End`] answers the questions of exchange and login by itself unless a test takes them over, and keeps everything
//! else it was told, owned, for the test to look at.

use sanssh_core::auth::{Method, MethodSet};
use sanssh_core::channel::{self, OpenFailure, OpenKind, Request};
use sanssh_core::crypto::Provider;
use sanssh_core::event::{ChannelRequest, OpenRequest};
use sanssh_core::file::signing::SigningKey;
use sanssh_core::role::{Client, Role, Server};
use sanssh_core::{
    Ask, ChannelId, Config, Connection, Error, Event, Input, Instant, Output, Refused, Seed, Slot, Waiting, auth,
    transport,
};
use std::collections::VecDeque;

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
    /// Questions about requests, kept for the test.
    pub requests: VecDeque<Ask<ChannelRequest>>,
    /// Whether data is released as soon as it is told.
    pub releases: bool,
    /// How it ended.
    pub over: Option<Error>,
}

/// What an end was told, owned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// A key exchange is through: cipher and MAC towards the server, and whether it was the first.
    Keyed(String),
    /// Text before the identification.
    Text(Vec<u8>),
    /// EXT_INFO.
    Extensions,
    /// DEBUG.
    Debug(Vec<u8>),
    /// DISCONNECT.
    Disconnected(u32, Vec<u8>),
    /// Something of the login, in words.
    Login(String),
    /// A channel was asked for; the question is in `opens`.
    Open,
    /// A channel opened.
    Opened(ChannelId),
    /// A channel did not open.
    Failed(ChannelId, u32),
    /// Data.
    Data(ChannelId, Vec<u8>),
    /// Extended data.
    Extended(ChannelId, u32, Vec<u8>),
    /// The window opened.
    Writable(ChannelId),
    /// A request, in words; the question is in `requests`.
    Request(ChannelId, String),
    /// An answer.
    Replied(ChannelId, bool),
    /// News, in words.
    Notice(ChannelId, String),
    /// End of data.
    Eof(ChannelId),
    /// Closed.
    Closed(ChannelId),
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
        Self {
            ssh: Connection::new(config, &Seed::new([seed; 32]), vec![Slot::new(); CHANNELS], Instant(0)),
            input: Vec::new(),
            output: Vec::new(),
            told: VecDeque::new(),
            opens: VecDeque::new(),
            requests: VecDeque::new(),
            releases: true,
            over: None,
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

    /// Takes what was told so far.
    pub fn take_told(&mut self) -> Vec<Told> {
        self.told.drain(..).collect()
    }

    /// All data told so far, removed from what was told.
    pub fn take_data(&mut self) -> Vec<u8> {
        let mut data = Vec::new();
        self.told.retain(|told| match told {
            Told::Data(_, bytes) => {
                data.extend_from_slice(bytes);
                false
            }
            _ => true,
        });
        data
    }

    /// Receives until nothing more is told. `auth` deals with the events that differ by role.
    fn receive(&mut self, now: Instant, mut login: impl FnMut(&mut Self, R::Event<'_>)) -> usize {
        let mut bytes = core::mem::take(&mut self.input);
        let mut input = Input::new(&mut bytes);
        loop {
            match self.ssh.recv(now, &mut input) {
                Ok(None) => break,
                Ok(Some(Event::Auth(event))) => login(self, event),
                Ok(Some(Event::Transport(event))) => self.told.push_back(Told::transport(&event)),
                Ok(Some(Event::Channel(id, event))) => self.channel(id, event),
                Ok(Some(Event::Open { kind: _, ask })) => {
                    self.opens.push_back(ask);
                    self.told.push_back(Told::Open);
                }
                Err(error) => {
                    self.over = Some(error);
                    break;
                }
            }
        }
        let taken = input.taken();
        bytes.drain(..taken);
        bytes.append(&mut self.input);
        self.input = bytes;
        taken
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

/// A request in words.
fn words(what: &Request<'_>) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match what {
        Request::Pty(pty) => format!("pty {} {}x{}", text(pty.term), pty.size.columns, pty.size.rows),
        Request::Env { name, value } => format!("env {}={}", text(name), text(value)),
        Request::Shell => "shell".into(),
        Request::Exec(command) => format!("exec {}", text(command)),
        Request::Subsystem(name) => format!("subsystem {}", text(name)),
        Request::WindowChange(size) => format!("window {}x{}", size.columns, size.rows),
        Request::XonXoff(may) => format!("xon-xoff {may}"),
        Request::Signal(name) => format!("signal {}", text(name)),
        Request::Break(milliseconds) => format!("break {milliseconds}"),
        Request::ExitStatus(status) => format!("exit-status {status}"),
        Request::ExitSignal { name, core_dumped, message } => {
            format!("exit-signal {} {core_dumped} {}", text(name), text(message))
        }
    }
}

impl Told {
    fn transport(event: &transport::Event<'_>) -> Self {
        match event {
            transport::Event::Text(line) => Self::Text(line.to_vec()),
            transport::Event::Keyed(summary) => {
                let transport::Suite { cipher, mac, .. } = summary.to_server;
                let mac = if cipher.is_aead() { "-" } else { mac.name() };
                Self::Keyed(format!("{} {} {cipher} {mac} first={}", summary.kex, summary.host_key, summary.first))
            }
            transport::Event::Extensions => Self::Extensions,
            transport::Event::Debug { message, .. } => Self::Debug(message.to_vec()),
            transport::Event::Disconnected { reason, message } => Self::Disconnected(reason.0, message.to_vec()),
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

/// Trusts every host key, and answers every prompt with `right`.
fn client_login<P: Provider>(end: &mut End<Client, P>, event: auth::client::Event<'_>) {
    use auth::client::Event;
    let told = match event {
        Event::HostKey { algorithm, ask, .. } => {
            end.ssh.trust(ask);
            format!("host-key {algorithm}")
        }
        Event::Banner(text) => format!("banner {}", String::from_utf8_lossy(text)),
        Event::Refused { methods, partial } => format!("refused {methods:?} {partial}"),
        Event::KeyAccepted => "key accepted".into(),
        Event::Prompts { prompts, ask, .. } => {
            let answers: Vec<&[u8]> = prompts.iter().map(|_| &b"right"[..]).collect();
            let count = answers.len();
            end.emit(|ssh, output| ssh.answer(&ask, &answers, output)).expect("the answers may be sent");
            format!("prompts {count}")
        }
        Event::PasswordExpired { .. } => "expired".into(),
        Event::Accepted { earned } => format!("accepted {earned}"),
    };
    end.told.push_back(Told::Login(told));
}

/// Takes the password `right`, every key but none of other lengths, and two rounds of prompts.
fn server_login<P: Provider>(end: &mut End<Server, P>, event: auth::server::Event<'_>, key: &SigningKey) {
    use auth::server::{Credential, Event};
    let told = match event {
        Event::HostKey { algorithm, ask } => {
            end.ssh.host_key(ask, key.public());
            format!("host-key {algorithm}")
        }
        Event::Sign { algorithm, ask } => {
            let signature = key.sign(algorithm, ask.message()).expect("the host key signs");
            end.emit(|ssh, output| ssh.sign(&ask, key.public(), &signature, output)).expect("the reply may be sent");
            format!("sign {algorithm}")
        }
        Event::Probe { algorithm, key, ask, .. } => {
            end.emit(|ssh, output| ssh.acceptable(&ask, algorithm, key, output)).expect("PK_OK may be sent");
            format!("probe {algorithm}")
        }
        Event::Attempt { credential, fresh, ask, .. } => {
            match credential {
                Credential::Password(b"right") | Credential::PublicKey { .. } => end.ssh.grant(ask),
                Credential::Interactive { .. } => {
                    let prompts = [sanssh_core::wire::auth::Prompt { text: b"word: ", echo: false }];
                    end.emit(|ssh, output| ssh.prompt(&ask, b"", b"", &prompts, output)).expect("prompts");
                }
                _ => end.ssh.refuse(ask),
            }
            format!("attempt {credential:?} {fresh}")
        }
        Event::Answers { answers, ask } => {
            if answers.iter().all(|answer| answer == b"right") {
                end.ssh.grant(ask)
            } else {
                end.ssh.refuse(ask)
            }
            "answers".into()
        }
    };
    end.told.push_back(Told::Login(told));
}

/// Every method there is, for configurations.
pub fn methods() -> MethodSet {
    [Method::PublicKey, Method::Password, Method::Interactive].into_iter().collect()
}
