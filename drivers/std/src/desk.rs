//! What a server's connection has to decide: questions of host key and login wait for the connection's thread, requests
//! on sessions are answered at once by what the login permits.

use crate::borrow::Loan;
use crate::end::{End, Ssh};
use crate::handler::Permissions;
use crate::inbox::{Inbox, Inboxes, Stage};
use crate::relay::{Endpoint, Relay};
use crate::setup::{Event as SessionEvent, Start};
use sanssh_core::algorithm::HostKey;
use sanssh_core::auth::ClientHost;
use sanssh_core::auth::server::{Credential, Event};
use sanssh_core::channel::{Forward, ForwardEvent, ForwardId, OpenFailure, OpenKind, Request, SIGNALS};
use sanssh_core::crypto::signature::Presence;
use sanssh_core::event::{Attempt, ChannelRequest, ForwardRequest, HostKeyChoice, OpenRequest, Probe, Prove, Sign};
use sanssh_core::role;
use sanssh_core::{Ask, ChannelId};
use std::collections::VecDeque;
use std::sync::Arc;
use zeroize::Zeroizing;

/// What the connection's thread is to do.
#[derive(Debug)]
pub(crate) enum Task {
    HostKey(HostKey, Ask<HostKeyChoice>),
    Sign(HostKey, Ask<Sign>),
    Probe { user: Vec<u8>, algorithm: HostKey, key: Vec<u8>, ask: Ask<Probe> },
    Attempt { user: Vec<u8>, credential: Given, fresh: bool, ask: Ask<Attempt> },
    Answers { answers: Vec<Secret>, ask: Ask<Attempt> },
    Prove(Vec<Vec<u8>>, Ask<Prove>),
    Connect(Endpoint, Ask<OpenRequest>),
    Listen(Endpoint, Ask<ForwardRequest>),
    Borrow(ChannelId, Loan, Ask<ChannelRequest>),
    Session(ChannelId),
}

pub(crate) type Secret = Zeroizing<Vec<u8>>;

/// A credential to keep.
pub(crate) enum Given {
    None,
    Password(Secret),
    PasswordChange(Secret, Secret),
    Key(HostKey, Vec<u8>, Option<Presence>),
    Interactive,
    Host { algorithm: HostKey, key: Vec<u8>, host: Vec<u8>, user: Vec<u8> },
}

/// What clients may ask for, whoever is logged in.
#[derive(Debug)]
pub(crate) struct Rules {
    pub(crate) sessions: usize,
    pub(crate) environment: Vec<String>,
    pub(crate) subsystems: Vec<String>,
}

/// What waits for a server's connection.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) question: Option<Task>,
    /// The host keys to be proven; an exchange may put a question beside it.
    pub(crate) proof: Option<(Vec<Vec<u8>>, Ask<Prove>)>,
    /// What is to be forwarded; each holds a slot of the table of channels, or is a session's only one of its kind.
    pub(crate) wishes: VecDeque<Task>,
    pub(crate) sessions: VecDeque<ChannelId>,
    pub(crate) permissions: Permissions,
    pub(crate) rules: Arc<Rules>,
}

impl Desk {
    pub(crate) fn new(rules: Arc<Rules>) -> Self {
        Self {
            question: None,
            proof: None,
            wishes: VecDeque::new(),
            sessions: VecDeque::new(),
            permissions: Permissions::default(),
            rules,
        }
    }

    pub(crate) fn next(&mut self) -> Option<Task> {
        let proof = || self.proof.take().map(|(keys, ask)| Task::Prove(keys, ask));
        let wish = || self.wishes.pop_front();
        self.question.take().or_else(proof).or_else(wish).or_else(|| self.sessions.pop_front().map(Task::Session))
    }

    /// Where a channel leads, if the login permits it. A key whose ports are counted out leads to no Unix socket.
    fn leads_to(&self, kind: OpenKind<'_>) -> Option<Endpoint> {
        let Permissions { port_forwarding, permit_open, .. } = &self.permissions;
        match kind {
            OpenKind::DirectTcpip(what) if self.permissions.may_open(what.host, what.port) => {
                Endpoint::tcp(what.host, what.port)
            }
            OpenKind::DirectStreamlocal(path) if *port_forwarding && permit_open.is_empty() => {
                Some(Endpoint::unix(path))
            }
            OpenKind::Session
            | OpenKind::DirectTcpip(_)
            | OpenKind::DirectStreamlocal(_)
            | OpenKind::ForwardedTcpip(..)
            | OpenKind::ForwardedStreamlocal(..)
            | OpenKind::X11 { .. }
            | OpenKind::Agent
            | OpenKind::AgentStandard
            | OpenKind::Unknown(_) => None,
        }
    }

    /// Where to listen, if the login permits it; paths as in [`leads_to`](Self::leads_to).
    fn listens_at(&self, what: Forward<'_>) -> Option<Endpoint> {
        let Permissions { port_forwarding, permit_listen, .. } = &self.permissions;
        match what {
            Forward::Tcpip { address, port } if self.permissions.may_listen(address, port) => {
                Endpoint::tcp(address, port)
            }
            Forward::Streamlocal(path) if *port_forwarding && permit_listen.is_empty() => Some(Endpoint::unix(path)),
            Forward::Tcpip { .. } | Forward::Streamlocal(_) => None,
        }
    }

    /// What a session may borrow, if it asks for that.
    fn lets_borrow(&self, inbox: &mut Inbox, what: Request<'_>) -> Option<Loan> {
        let loan = Loan::read(what)?;
        let permitted = match &loan {
            Loan::Agent(_) => self.permissions.agent_forwarding,
            Loan::Display(_) => self.permissions.x11_forwarding,
        };
        (permitted && inbox.setup.start.is_none() && inbox.setup.borrowed.ask(&loan)).then_some(loan)
    }

    /// Whether a session may have this; what it may is noted.
    fn grants(&mut self, inbox: &mut Inbox, what: Request<'_>) -> bool {
        match what {
            Request::Pty(pty) => self.permissions.pty && inbox.setup.want(pty),
            Request::Env { name, value } => self.rules.lets_through(name) && inbox.setup.set(name, value),
            Request::Shell => self.start(inbox, Start::Shell),
            Request::Exec(command) => self.start(inbox, Start::Exec(command.to_vec())),
            Request::Subsystem(name) => {
                let known = self.rules.subsystems.iter().find(|known| known.as_bytes() == name).cloned();
                known.is_some_and(|name| self.start(inbox, Start::Subsystem(name)))
            }
            Request::WindowChange(size) => {
                let Some(terminal) = &mut inbox.setup.terminal else { return false };
                (terminal.columns, terminal.rows) = (size.columns, size.rows);
                inbox.occur(SessionEvent::Resized { columns: size.columns, rows: size.rows });
                true
            }
            // A forced command is not the client's to end.
            Request::Signal(_) if self.permissions.command.is_some() => false,
            Request::Signal(name) => {
                let name = str::from_utf8(name).ok().filter(|name| is_signal(name));
                name.map(|name| inbox.occur(SessionEvent::Signal(name.to_owned()))).is_some()
            }
            Request::Break(milliseconds) => {
                inbox.occur(SessionEvent::Break(milliseconds));
                true
            }
            Request::X11(_)
            | Request::Agent
            | Request::AgentStandard
            | Request::EndOfWrite
            | Request::XonXoff(_)
            | Request::ExitStatus(_)
            | Request::ExitSignal { .. } => false,
        }
    }

    /// What the key forces runs instead of anything else.
    fn start(&mut self, inbox: &mut Inbox, wanted: Start) -> bool {
        if inbox.setup.start.is_some() {
            return false;
        }
        let start = match &self.permissions.command {
            None => wanted,
            Some(forced) => {
                inbox.setup.original = match wanted {
                    Start::Shell => None,
                    Start::Exec(command) => Some(command),
                    Start::Subsystem(name) => Some(name.into_bytes()),
                };
                Start::Exec(forced.clone())
            }
        };
        inbox.setup.start = Some(start);
        for (name, value) in self.permissions.environment.iter().rev() {
            inbox.setup.environment.retain(|(other, _)| other != name);
            inbox.setup.environment.insert(0, (name.clone(), value.clone()));
        }
        self.sessions.push_back(inbox.id);
        true
    }
}

/// Whether RFC 4254 §6.10 lists the signal, or it is somebody's own, which bears a domain.
fn is_signal(name: &str) -> bool {
    let lawful = |byte: u8| byte.is_ascii_alphanumeric() || b"@.-_".contains(&byte);
    SIGNALS.contains(&name) || (name.len() <= 64 && name.contains('@') && name.bytes().all(lawful))
}

impl Rules {
    /// Names as configured; one that ends in `*` stands for all that begin so.
    fn lets_through(&self, name: &[u8]) -> bool {
        self.environment.iter().any(|rule| match rule.strip_suffix('*') {
            Some(front) => name.starts_with(front.as_bytes()),
            None => name == rule.as_bytes(),
        })
    }
}

impl End for role::Server {
    type Desk = Desk;

    fn auth(desk: &mut Desk, _: &mut Ssh<Self>, event: Event<'_>) {
        desk.question = Some(match event {
            Event::Prove { keys, ask } => {
                desk.proof = Some((keys.map(<[u8]>::to_vec).collect(), ask));
                return;
            }
            Event::HostKey { algorithm, ask } => Task::HostKey(algorithm, ask),
            Event::Sign { algorithm, ask } => Task::Sign(algorithm, ask),
            Event::Probe { user, algorithm, key, ask } => {
                Task::Probe { user: user.to_vec(), algorithm, key: key.to_vec(), ask }
            }
            Event::Attempt { user, credential, fresh, ask } => {
                Task::Attempt { user: user.to_vec(), credential: keep(credential), fresh, ask }
            }
            Event::Answers { answers, ask } => {
                Task::Answers { answers: answers.iter().map(|answer| answer.to_vec().into()).collect(), ask }
            }
        });
    }

    fn open(
        desk: &mut Desk,
        ssh: &mut Ssh<Self>,
        inboxes: &mut Inboxes,
        _: &mut Relay,
        kind: OpenKind<'_>,
        ask: Ask<OpenRequest>,
    ) {
        if kind != OpenKind::Session {
            return match desk.leads_to(kind) {
                Some(to) => desk.wishes.push_back(Task::Connect(to, ask)),
                None => ssh.decline(ask, OpenFailure::PROHIBITED),
            };
        }
        // A handler can take longer to end than its session: a client must not gather them without end.
        if inboxes.is_crowded(desk.rules.sessions) {
            return ssh.decline(ask, OpenFailure::RESOURCE_SHORTAGE);
        }
        if let Ok(id) = ssh.accept(ask) {
            let mut inbox = Inbox::new(id, Stage::Open);
            inbox.abandoned = true;
            inboxes.add(inbox);
        }
    }

    fn request(
        desk: &mut Desk,
        ssh: &mut Ssh<Self>,
        inboxes: &mut Inboxes,
        id: ChannelId,
        what: Request<'_>,
        ask: Ask<ChannelRequest>,
    ) {
        let Some(inbox) = inboxes.of(id) else { return ssh.reply(ask, false) };
        match desk.lets_borrow(inbox, what) {
            Some(loan) => desk.wishes.push_back(Task::Borrow(id, loan, ask)),
            None => ssh.reply(ask, desk.grants(inbox, what)),
        }
    }

    fn listen(desk: &mut Desk, ssh: &mut Ssh<Self>, what: Forward<'_>, ask: Ask<ForwardRequest>) {
        match desk.listens_at(what) {
            Some(at) => desk.wishes.push_back(Task::Listen(at, ask)),
            None => ssh.refuse_forward(ask),
        }
    }

    fn forward(_: &mut Desk, relay: &mut Relay, id: ForwardId, event: ForwardEvent) {
        match event {
            ForwardEvent::Cancelled => relay.close_doors(id),
            ForwardEvent::Granted(_) | ForwardEvent::Refused => {}
        }
    }
}

fn keep(credential: Credential<'_>) -> Given {
    match credential {
        Credential::None => Given::None,
        Credential::Password(password) => Given::Password(password.to_vec().into()),
        Credential::PasswordChange { old, new } => Given::PasswordChange(old.to_vec().into(), new.to_vec().into()),
        Credential::PublicKey { algorithm, key, presence } => Given::Key(algorithm, key.to_vec(), presence),
        Credential::Interactive { .. } => Given::Interactive,
        Credential::HostBased(ClientHost { algorithm, key, host, user }) => {
            Given::Host { algorithm, key: key.to_vec(), host: host.to_vec(), user: user.to_vec() }
        }
    }
}

impl core::fmt::Debug for Given {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Given")
    }
}
