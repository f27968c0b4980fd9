//! What differs by the role of a fuzzed connection: what it is asked, how that is answered, and what it does of itself.

use super::subject::Subject;
use super::watch::SECRET;
use core::fmt;
use sanssh_core::algorithm::HostKey;
use sanssh_core::auth::{client, server};
use sanssh_core::channel::{OpenKind, Request};
use sanssh_core::event::{
    Answer, Attempt, ChannelRequest, ForwardRequest, HostKeyChoice, OpenRequest, Probe, Prove, Sign, Trust,
};
use sanssh_core::role::{Client, Role, Server};
use sanssh_core::wire::auth::Prompt;
use sanssh_core::wire::legality::Sender;
use sanssh_core::{Ask, Refused};

/// The host key of every server, which the null provider takes as proven by any signature.
pub(super) const HOST_KEY: [u8; 51] = key(7);
/// The key of every client.
pub(super) const USER_KEY: [u8; 51] = key(8);

/// The public key blob of an Ed25519 key.
const fn key(byte: u8) -> [u8; 51] {
    let mut blob = [byte; 51];
    let head = *b"\0\0\0\x0bssh-ed25519\0\0\0\x20";
    let mut at = 0;
    while at < head.len() {
        blob[at] = head[at];
        at += 1;
    }
    blob
}

/// A signature blob that begins so.
fn signature(content: &[u8]) -> Vec<u8> {
    let mut content = content.to_vec();
    content.resize(64, 1);
    crate::forger::blob().string("ssh-ed25519").string(content).done()
}

/// How a question is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// As it deserves.
    Fit,
    /// With no.
    No,
    /// With yes, whatever was presented.
    Yes,
    /// By another question, if there is one.
    Ask,
}

/// What an attempt to log in deserves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Merit {
    Right,
    Wrong,
    Prompts,
}

/// A question that was asked.
#[derive(Debug)]
pub(super) enum Question<Q> {
    Open(Ask<OpenRequest>),
    Request(Ask<ChannelRequest>),
    /// One of host key and login.
    Own(Q),
}

/// What a client is asked.
#[derive(Debug)]
pub(super) enum OfClient {
    Trust(Ask<Trust>),
    Prompts(Ask<Answer>, usize),
}

/// What a server is asked.
#[derive(Debug)]
pub(super) enum OfServer {
    HostKey(Ask<HostKeyChoice>),
    Sign(Ask<Sign>),
    Probe(Ask<Probe>, HostKey, Vec<u8>),
    Attempt(Ask<Attempt>, Merit),
    Prove(Ask<Prove>, usize),
    Listen(Ask<ForwardRequest>),
}

/// A role that can be fuzzed.
pub(super) trait Acts: Role {
    /// Who it is in the table of what is lawful.
    const SENDER: Sender;
    const SEED: u8;
    /// What it is asked of host key and login.
    type Question: fmt::Debug;
    /// Hears of host key and login.
    fn hear(subject: &mut Subject<Self>, event: Self::Event<'_>);
    /// Answers a question of host key and login.
    fn settle(subject: &mut Subject<Self>, question: Self::Question, how: How);
    /// Whether the peer may ask for such a channel.
    fn may_open(subject: &Subject<Self>, kind: &OpenKind<'_>) -> bool;
    /// Is asked to listen.
    fn listen(subject: &mut Subject<Self>, ask: Ask<ForwardRequest>);
    /// Logs in by one of the methods, if it is a client.
    fn log_in(subject: &mut Subject<Self>, method: usize) -> Result<(), Refused>;
    /// Does what an embedder does of itself.
    fn act(subject: &mut Subject<Self>, method: usize);
}

impl Acts for Client {
    const SENDER: Sender = Sender::Client;
    const SEED: u8 = 1;
    type Question = OfClient;

    fn hear(subject: &mut Subject<Self>, event: client::Event<'_>) {
        use client::Event;
        if !matches!(event, Event::HostKey { .. }) {
            assert!(subject.watch.trusted, "{event:?} from a host that was not accepted");
        }
        match event {
            Event::HostKey { ask, .. } => subject.ask(Question::Own(OfClient::Trust(ask))),
            Event::Prompts { prompts, ask, .. } => {
                subject.ask(Question::Own(OfClient::Prompts(ask, prompts.iter().count())))
            }
            Event::Accepted { .. } => {
                assert!(subject.ssh.is_logged_in());
                subject.watch.logged_in = true;
            }
            Event::Banner(_)
            | Event::Refused { .. }
            | Event::KeyAccepted
            | Event::PasswordExpired { .. }
            | Event::HostKeys(_)
            | Event::Proofs(_) => {}
        }
    }

    fn settle(subject: &mut Subject<Self>, question: OfClient, how: How) {
        match question {
            OfClient::Trust(ask) if how == How::No => {
                subject.ssh.distrust(ask);
                subject.fated();
            }
            OfClient::Trust(ask) => {
                subject.watch.trusted = true;
                subject.ssh.trust(ask);
            }
            OfClient::Prompts(ask, count) => {
                let given = if how == How::No { count + 1 } else { count };
                let answers = vec![SECRET; given];
                let done = subject.command(given * 64, |ssh, output| ssh.answer(&ask, &answers, output));
                assert!(given == count || done.is_err(), "another number of answers");
            }
        }
    }

    /// A client is open to nothing but what it has asked for.
    fn may_open(subject: &Subject<Self>, kind: &OpenKind<'_>) -> bool {
        match kind {
            OpenKind::ForwardedTcpip(id, _) | OpenKind::ForwardedStreamlocal(id, _) => {
                subject.forwards.iter().any(|place| place.id == *id && place.granted)
            }
            OpenKind::X11 { .. } => subject.asked[0],
            OpenKind::Agent | OpenKind::AgentStandard => subject.asked[1],
            OpenKind::Session | OpenKind::DirectTcpip(_) | OpenKind::DirectStreamlocal(_) | OpenKind::Unknown(_) => {
                false
            }
        }
    }

    fn listen(_: &mut Subject<Self>, ask: Ask<ForwardRequest>) {
        panic!("a client is asked to listen: {ask:?}");
    }

    fn log_in(subject: &mut Subject<Self>, method: usize) -> Result<(), Refused> {
        let (key, signature) = (&USER_KEY[..], signature(SECRET));
        subject.command(512, |ssh, output| match method % 7 {
            0 => ssh.password(b"user", SECRET, output),
            1 => ssh.public_key(b"user", HostKey::Ed25519, key, &signature, output),
            2 => ssh.interactive(b"user", output),
            3 => ssh.probe(b"user", HostKey::Ed25519, key, output),
            4 => ssh.change_password(b"user", SECRET, SECRET, output),
            5 => ssh.public_key_bound(b"user", HostKey::Ed25519, key, &HOST_KEY, &signature, output),
            _ => ssh.login_none(b"user", output),
        })
    }

    /// Logs in as early as it may, and then runs a command, writes to it and closes.
    fn act(subject: &mut Subject<Self>, method: usize) {
        if !subject.ssh.is_logged_in() {
            let _ = Self::log_in(subject, method);
        } else if subject.channels.is_empty() {
            subject.open(OpenKind::Session);
            let _ = subject.command(512, |ssh, output| ssh.prove(&[&HOST_KEY], output));
        } else {
            for at in 0..subject.channels.len() {
                if subject.channels[at].asked == 0 && !subject.channels[at].eof {
                    subject.request(at, Request::Exec(b"cat"));
                }
                subject.write(at);
            }
        }
    }
}

impl Acts for Server {
    const SENDER: Sender = Sender::Server;
    const SEED: u8 = 2;
    type Question = OfServer;

    fn hear(subject: &mut Subject<Self>, event: server::Event<'_>) {
        use server::{Credential, Event};
        if let Event::Probe { .. } | Event::Attempt { .. } | Event::Answers { .. } = event {
            assert!(!subject.ssh.is_logged_in(), "{event:?} after the login");
        }
        match event {
            Event::HostKey { ask, .. } => subject.ask(Question::Own(OfServer::HostKey(ask))),
            Event::Sign { ask, .. } => subject.ask(Question::Own(OfServer::Sign(ask))),
            Event::Probe { algorithm, key, ask, .. } => {
                subject.ask(Question::Own(OfServer::Probe(ask, algorithm, key.to_vec())))
            }
            Event::Attempt { credential, ask, .. } => {
                let merit = match credential {
                    Credential::Password(SECRET) | Credential::PasswordChange { old: SECRET, .. } => Merit::Right,
                    Credential::PublicKey { key, .. } if key == USER_KEY => Merit::Right,
                    Credential::Interactive { .. } => Merit::Prompts,
                    Credential::None
                    | Credential::Password(_)
                    | Credential::PasswordChange { .. }
                    | Credential::PublicKey { .. }
                    | Credential::HostBased(_) => Merit::Wrong,
                };
                subject.ask(Question::Own(OfServer::Attempt(ask, merit)));
            }
            Event::Answers { answers, ask } => {
                let right = answers.iter().all(|answer| answer == SECRET);
                subject.ask(Question::Own(OfServer::Attempt(ask, if right { Merit::Right } else { Merit::Wrong })));
            }
            Event::Prove { keys, ask } => {
                assert!(subject.ssh.is_logged_in());
                subject.ask(Question::Own(OfServer::Prove(ask, keys.count())));
            }
        }
    }

    fn settle(subject: &mut Subject<Self>, question: OfServer, how: How) {
        let refused = match question {
            OfServer::HostKey(ask) => {
                subject.ssh.host_key(ask, &HOST_KEY);
                None
            }
            OfServer::Sign(ask) => {
                let done = subject.command(512, |ssh, output| ssh.sign(&ask, &HOST_KEY, &signature(b""), output));
                done.err().zip(Some(OfServer::Sign(ask)))
            }
            OfServer::Probe(ask, algorithm, key) if how != How::No => {
                let length = key.len() + 128;
                let done = subject.command(length, |ssh, output| ssh.acceptable(&ask, algorithm, &key, output));
                done.err().zip(Some(OfServer::Probe(ask, algorithm, key)))
            }
            OfServer::Probe(ask, ..) => {
                subject.ssh.unacceptable(ask);
                None
            }
            OfServer::Attempt(ask, merit) => {
                judge(subject, ask, merit, how);
                None
            }
            OfServer::Prove(ask, count) if how != How::No => {
                let signatures = vec![signature(b""); count];
                let signatures: Vec<_> = signatures.iter().map(Vec::as_slice).collect();
                let done = subject.command(count * 128, |ssh, output| ssh.proven(&ask, &signatures, output));
                done.err().zip(Some(OfServer::Prove(ask, count)))
            }
            OfServer::Prove(ask, _) => {
                subject.ssh.unproven(ask);
                None
            }
            OfServer::Listen(ask) if how == How::No => {
                subject.ssh.refuse_forward(ask);
                None
            }
            OfServer::Listen(ask) => {
                if let Ok(id) = subject.ssh.listen(ask, 4022) {
                    subject.forwards(id, 0, true);
                }
                None
            }
        };
        // What had no room is tried again.
        if let Some((Refused::NoRoom | Refused::Busy, question)) = refused {
            subject.held.push_front(Question::Own(question));
        }
        subject.fated();
    }

    fn may_open(subject: &Subject<Self>, kind: &OpenKind<'_>) -> bool {
        match kind {
            OpenKind::Session => true,
            OpenKind::DirectTcpip(_) | OpenKind::DirectStreamlocal(_) => subject.ssh.config().forwarding,
            OpenKind::ForwardedTcpip(..)
            | OpenKind::ForwardedStreamlocal(..)
            | OpenKind::X11 { .. }
            | OpenKind::Agent
            | OpenKind::AgentStandard
            | OpenKind::Unknown(_) => false,
        }
    }

    fn listen(subject: &mut Subject<Self>, ask: Ask<ForwardRequest>) {
        subject.ask(Question::Own(OfServer::Listen(ask)));
    }

    fn log_in(_: &mut Subject<Self>, _: usize) -> Result<(), Refused> {
        Err(Refused::Moot)
    }

    /// Greets, echoes, and ends what has ended.
    fn act(subject: &mut Subject<Self>, method: usize) {
        if !subject.ssh.is_logged_in() {
            if method == 1 {
                let _ = subject.command(512, |ssh, output| ssh.banner(b"welcome", output));
            }
            return;
        }
        for at in 0..subject.channels.len() {
            subject.write(at);
            if subject.channels[at].eof {
                subject.request(at, Request::ExitStatus(3));
                subject.ssh.close(subject.channels[at].id);
            }
        }
    }
}

fn judge(subject: &mut Subject<Server>, ask: Ask<Attempt>, merit: Merit, how: How) {
    let open = subject.ssh.is_logged_in();
    match (how, merit) {
        (How::No, _) | (How::Fit, Merit::Wrong) => subject.ssh.refuse(ask),
        (How::Yes, _) | (How::Fit, Merit::Right) => subject.ssh.grant(ask),
        (How::Ask, Merit::Right) => drop(subject.command(512, |ssh, output| ssh.expire(&ask, b"again", output))),
        (How::Ask, Merit::Wrong) => {
            let methods = subject.ssh.config().login.methods;
            subject.ssh.partial(ask, methods);
        }
        (How::Fit | How::Ask, Merit::Prompts) => {
            let prompts = [Prompt { text: b"word: ", echo: false }];
            let count = if how == How::Fit { 1 } else { 0 };
            let done = subject.command(512, |ssh, output| ssh.prompt(&ask, b"", b"", &prompts[..count], output));
            if let Err(Refused::NoRoom | Refused::Busy) = done {
                subject.held.push_front(Question::Own(OfServer::Attempt(ask, merit)));
            }
        }
    }
    assert!(open || !subject.ssh.is_logged_in() || how != How::No, "a refusal lets nobody in");
}

impl<R: Acts> Subject<R> {
    /// Writes a little on a channel.
    fn write(&mut self, at: usize) {
        let Some(id) = self.channels.get(at).map(|channel| channel.id) else { return };
        let may = self.ssh.writable(id);
        if let Ok(written) = self.command(300, |ssh, output| ssh.write(id, &[9; 200], output)) {
            assert!(written <= may.min(200), "more than the window holds");
        }
    }
}
