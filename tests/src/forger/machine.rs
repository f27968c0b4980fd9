//! The machine under test: a connection, its buffers, and answers to its questions by a policy that a case can change.
//!
//! What it is told is kept in words, so that a case can say what it may be told and nothing else.

use crate::pair::{forward_words, kind_words};
use sanssh_core::algorithm::HostKey;
use sanssh_core::auth;
use sanssh_core::channel::{self, OpenFailure, OpenKind};
use sanssh_core::crypto::Provider;
use sanssh_core::crypto::schedule::Direction;
use sanssh_core::event::{
    Answer as Answers, Attempt, ChannelRequest, ForwardRequest, OpenRequest, Probe, Prove, Trust,
};
use sanssh_core::file::signing::SigningKey;
use sanssh_core::role::{Client, Role, Server};
use sanssh_core::wire::Strings;
use sanssh_core::wire::auth::Prompt;
use sanssh_core::{
    Ask, ChannelId, Config, Connection, Error, Event, Input, Instant, Output, Seed, Slot, Waiting, transport,
};

/// Channels of the machine.
const CHANNELS: usize = 4;
/// Room for output in one flush.
const OUTPUT: usize = 64 * 1024;

/// How a question is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// With yes; logins by what they present.
    Yes,
    /// With no.
    No,
    /// Not at all: the question is kept.
    Later,
}

/// How the machine's questions are answered.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Whether host keys are trusted.
    pub trust: Answer,
    /// Whether logins are judged. The password `right`, authorized keys and the answers `right` will do.
    pub login: Answer,
    /// Keys that may log in.
    pub authorized: Vec<Vec<u8>>,
    /// How many prompts a round has.
    pub prompts: usize,
    /// Whether channels are opened.
    pub opens: Answer,
    /// Whether requests are granted.
    pub requests: Answer,
    /// Whether data is released.
    pub releases: bool,
}

/// A question that was kept.
#[derive(Debug)]
pub enum Question {
    /// A host key.
    Trust(Ask<Trust>),
    /// A login.
    Attempt(Ask<Attempt>),
    /// A key.
    Probe(Ask<Probe>),
    /// Prompts.
    Prompts(Ask<Answers>),
    /// Proofs of host keys.
    Prove(Ask<Prove>),
    /// A channel.
    Open(Ask<OpenRequest>),
    /// A forward.
    Forward(Ask<ForwardRequest>),
    /// A request.
    Request(Ask<ChannelRequest>),
}

/// The machine, and what it received, sent and was told.
#[derive(Debug)]
pub struct Machine<R: Side, P: Provider> {
    /// The connection.
    pub ssh: Connection<R, P, Vec<Slot>>,
    /// Received and not taken.
    pub input: Vec<u8>,
    /// Sent and not carried away.
    pub sent: Vec<u8>,
    /// What it was told, in words.
    pub told: Vec<String>,
    /// How it is answered.
    pub policy: Policy,
    /// Questions that were kept.
    pub held: Vec<Question>,
    /// The time.
    pub now: Instant,
    /// How it ended.
    pub over: Option<Error>,
    /// Channels that it was told of.
    pub channels: Vec<ChannelId>,
    /// The one host key of a server.
    pub key: SigningKey,
    space: Vec<u8>,
    inflate: Vec<u8>,
}

/// What differs by the machine's role.
pub trait Side: Role {
    /// Answers a question of exchange or login; says in words what it was.
    fn answer<P: Provider>(machine: &mut Machine<Self, P>, event: Self::Event<'_>) -> String;
    /// Asks to be logged in, if it is a client.
    fn log_in<P: Provider>(machine: &mut Machine<Self, P>);
}

pub(super) const fn opposite(direction: Direction) -> Direction {
    match direction {
        Direction::ToServer => Direction::ToClient,
        Direction::ToClient => Direction::ToServer,
    }
}

impl<R: Side, P: Provider> Machine<R, P> {
    /// A machine at the beginning of time.
    pub fn new(config: Config) -> Self {
        let inflate = crate::pair::inflate_memory(&config);
        Self {
            ssh: Connection::new(config, &Seed::new([5; 32]), vec![Slot::new(); CHANNELS], Instant(0)),
            input: Vec::new(),
            sent: Vec::new(),
            told: Vec::new(),
            policy: Policy {
                trust: Answer::Yes,
                login: Answer::Yes,
                authorized: Vec::new(),
                prompts: 1,
                opens: Answer::Yes,
                requests: Answer::Yes,
                releases: true,
            },
            held: Vec::new(),
            now: Instant(0),
            over: None,
            channels: Vec::new(),
            key: crate::pair::host_key(),
            space: vec![0; OUTPUT],
            inflate,
        }
    }

    /// Takes bytes that arrived, and goes on.
    pub fn take(&mut self, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
        self.pump();
    }

    /// Receives and flushes until nothing moves.
    pub fn pump(&mut self) {
        loop {
            self.receive();
            let stuck = self.over.is_none() && self.ssh.waiting() == Some(Waiting::Output) && self.ssh.owes_output();
            self.flush();
            if !stuck {
                break;
            }
        }
    }

    /// Flushes what is owed.
    pub fn flush(&mut self) {
        let now = self.now;
        while self.emit(|ssh, output| {
            ssh.flush(now, output);
            output.filled() > 0
        }) {}
    }

    /// Runs a command that writes.
    pub fn emit<A>(&mut self, command: impl FnOnce(&mut Connection<R, P, Vec<Slot>>, &mut Output<'_>) -> A) -> A {
        let mut output = Output::new(&mut self.space);
        let answer = command(&mut self.ssh, &mut output);
        let filled = output.filled();
        self.sent.extend_from_slice(&self.space[..filled]);
        answer
    }

    /// Lets deadlines pass.
    pub fn tick(&mut self) {
        if let Err(error) = self.ssh.tick(self.now) {
            self.over = Some(error);
        }
        self.pump();
    }

    /// Asks to be logged in, if it is a client.
    pub fn log_in(&mut self) {
        R::log_in(self);
    }

    /// Opens a session.
    ///
    /// # Panics
    /// If it may not.
    pub fn open(&mut self) -> ChannelId {
        self.emit(|ssh, output| ssh.open(OpenKind::Session, output)).expect("a channel")
    }

    fn receive(&mut self) {
        let (mut bytes, mut inflate) = (core::mem::take(&mut self.input), core::mem::take(&mut self.inflate));
        crate::pair::lend(&mut bytes, &mut inflate, |input| self.listen(input));
        (self.input, self.inflate) = (bytes, inflate);
    }

    fn listen(&mut self, input: &mut Input<'_>) {
        loop {
            let told = match self.ssh.recv(self.now, input) {
                Ok(None) => break,
                Ok(Some(Event::Auth(event))) => R::answer(self, event),
                Ok(Some(Event::Transport(event))) => transport_words(&event),
                Ok(Some(Event::Channel(id, event))) => self.channel(id, event),
                Ok(Some(Event::Open { kind, ask })) => self.asked_open(kind, ask),
                Ok(Some(Event::Listen { what, ask })) => {
                    self.held.push(Question::Forward(ask));
                    format!("listen {}", forward_words(&what))
                }
                Ok(Some(Event::Forward(id, event))) => format!("forward {id:?} {event:?}"),
                Err(error) => {
                    assert!(self.over.is_none_or(|over| over == error), "{error:?} after {:?}", self.over);
                    self.over = Some(error);
                    break;
                }
            };
            self.told.push(told);
        }
    }

    fn asked_open(&mut self, kind: OpenKind<'_>, ask: Ask<OpenRequest>) -> String {
        match self.policy.opens {
            Answer::Yes => self.channels.extend(self.ssh.accept(ask)),
            Answer::No => self.ssh.decline(ask, OpenFailure::PROHIBITED),
            Answer::Later => self.held.push(Question::Open(ask)),
        }
        format!("open {}", kind_words(&kind))
    }

    fn channel(&mut self, id: ChannelId, event: channel::Event<'_>) -> String {
        match event {
            channel::Event::Opened => {
                self.channels.push(id);
                "opened".into()
            }
            channel::Event::Failed { reason: OpenFailure(code), .. } => format!("failed {code}"),
            channel::Event::Data(data) => {
                self.release(id, data.len());
                format!("data {}", data.len())
            }
            channel::Event::Extended(kind, data) => {
                self.release(id, data.len());
                format!("extended {kind} {}", data.len())
            }
            channel::Event::Writable => "writable".into(),
            channel::Event::Request { what, ask } => {
                match self.policy.requests {
                    Answer::Yes => self.ssh.reply(ask, true),
                    Answer::No => self.ssh.reply(ask, false),
                    Answer::Later => self.held.push(Question::Request(ask)),
                }
                format!("request {}", String::from_utf8_lossy(what.name()))
            }
            channel::Event::Replied(granted) => format!("replied {granted}"),
            channel::Event::Notice(what) => format!("notice {what:?}"),
            channel::Event::Eof => "eof".into(),
            channel::Event::Closed => "closed".into(),
        }
    }

    fn release(&mut self, id: ChannelId, bytes: usize) {
        if self.policy.releases {
            self.ssh.release(id, bytes);
        }
    }
}

fn transport_words(event: &transport::Event<'_>) -> String {
    match event {
        transport::Event::Text(line) => format!("text {}", line.escape_ascii()),
        transport::Event::Keyed(_) => "keyed".into(),
        transport::Event::Extensions => "extensions".into(),
        transport::Event::Debug { message, .. } => format!("debug {}", message.escape_ascii()),
        transport::Event::Disconnected { reason, message } => {
            format!("disconnected {} {}", reason.0, message.escape_ascii())
        }
    }
}

impl Side for Client {
    fn answer<P: Provider>(machine: &mut Machine<Self, P>, event: auth::client::Event<'_>) -> String {
        use auth::client::Event;
        match event {
            Event::HostKey { ask, .. } => {
                match machine.policy.trust {
                    Answer::Yes => machine.ssh.trust(ask),
                    Answer::No => machine.ssh.distrust(ask),
                    Answer::Later => machine.held.push(Question::Trust(ask)),
                }
                "host-key".into()
            }
            Event::Banner(text) => format!("banner {}", text.escape_ascii()),
            Event::Refused { methods, partial } => format!("refused {methods:?} {partial}"),
            Event::KeyAccepted => "key accepted".into(),
            Event::Prompts { prompts, ask, .. } => {
                let count = prompts.iter().count();
                if machine.policy.login == Answer::Yes {
                    let answers = vec![&b"right"[..]; count];
                    machine.emit(|ssh, output| ssh.answer(&ask, &answers, output)).expect("answers may be sent");
                } else {
                    machine.held.push(Question::Prompts(ask));
                }
                format!("prompts {count}")
            }
            Event::PasswordExpired { .. } => "expired".into(),
            Event::Accepted { earned } => format!("accepted {earned}"),
            Event::HostKeys(keys) => format!("host-keys {}", keys.count()),
            Event::Proofs(signatures) => format!("proofs {:?}", signatures.map(Iterator::count)),
        }
    }

    fn log_in<P: Provider>(machine: &mut Machine<Self, P>) {
        machine.emit(|ssh, output| ssh.password(b"user", b"right", output)).expect("a password may be sent");
    }
}

impl Side for Server {
    fn answer<P: Provider>(machine: &mut Machine<Self, P>, event: auth::server::Event<'_>) -> String {
        use auth::server::Event;
        match event {
            Event::HostKey { algorithm, ask } => {
                // It has no other key; the question then stays open.
                if algorithm == HostKey::Ed25519 {
                    machine.ssh.host_key(ask, machine.key.public());
                }
                "host-key".into()
            }
            Event::Sign { algorithm, ask } => {
                let signature = machine.key.sign(algorithm, ask.message()).expect("the host key signs");
                let public = machine.key.public().to_vec();
                machine.emit(|ssh, output| ssh.sign(&ask, &public, &signature, output)).expect("a reply may be sent");
                "sign".into()
            }
            Event::Probe { user, algorithm, key, ask } => {
                match machine.policy.login {
                    Answer::Later => machine.held.push(Question::Probe(ask)),
                    Answer::Yes if machine.policy.authorized.iter().any(|known| known == key) => machine
                        .emit(|ssh, output| ssh.acceptable(&ask, algorithm, key, output))
                        .expect("PK_OK may be sent"),
                    Answer::Yes | Answer::No => machine.ssh.unacceptable(ask),
                }
                format!("probe {} {algorithm}", user.escape_ascii())
            }
            Event::Attempt { user, credential, fresh, ask } => {
                let fresh = if fresh { " fresh" } else { "" };
                let told = format!("attempt {} {credential:?}{fresh}", user.escape_ascii());
                judge(machine, user, credential, ask);
                told
            }
            Event::Answers { answers, ask } => {
                let right = answers.iter().all(|answer| answer == b"right");
                match machine.policy.login {
                    Answer::Later => machine.held.push(Question::Attempt(ask)),
                    Answer::Yes if right => machine.ssh.grant(ask),
                    Answer::Yes | Answer::No => machine.ssh.refuse(ask),
                }
                format!("answers {}", answers.iter().count())
            }
            Event::Prove { keys, ask } => {
                prove(machine, keys, ask);
                format!("prove {}", keys.count())
            }
        }
    }

    fn log_in<P: Provider>(_: &mut Machine<Self, P>) {}
}

/// Proves the one host key there is.
fn prove<P: Provider>(machine: &mut Machine<Server, P>, mut keys: Strings<'_>, ask: Ask<Prove>) {
    let public = machine.key.public().to_vec();
    if machine.policy.login == Answer::Later {
        machine.held.push(Question::Prove(ask));
    } else if keys.all(|key| key == public) {
        let message = machine.ssh.proof_message(&public).expect("a session");
        let signature = machine.key.sign(HostKey::Ed25519, message.as_bytes()).expect("the host key signs");
        machine.emit(|ssh, output| ssh.proven(&ask, &[&signature], output)).expect("proofs may be sent");
    } else {
        machine.ssh.unproven(ask);
    }
}

fn judge<P: Provider>(
    machine: &mut Machine<Server, P>,
    user: &[u8],
    credential: auth::server::Credential<'_>,
    ask: Ask<Attempt>,
) {
    use auth::server::Credential;
    let granted = match credential {
        Credential::Password(password) => password == b"right",
        Credential::PublicKey { key, .. } => machine.policy.authorized.iter().any(|known| known == key),
        // The key is that host's, and the host speaks for its users of the same name.
        Credential::HostBased(host) => {
            let known = machine.policy.authorized.iter().any(|known| known == host.key);
            known && host.host == b"client.example." && host.user == user
        }
        Credential::None | Credential::PasswordChange { .. } | Credential::Interactive { .. } => false,
    };
    match (machine.policy.login, credential) {
        (Answer::Later, _) => machine.held.push(Question::Attempt(ask)),
        (Answer::Yes, Credential::Interactive { .. }) => {
            let prompts = vec![Prompt { text: b"word: ", echo: false }; machine.policy.prompts];
            machine.emit(|ssh, output| ssh.prompt(&ask, b"", b"", &prompts, output)).expect("prompts may be sent");
        }
        (Answer::Yes, _) if granted => machine.ssh.grant(ask),
        (Answer::Yes | Answer::No, _) => machine.ssh.refuse(ask),
    }
}
