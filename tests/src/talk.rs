//! A program for the turns of a small driver: logs in by key, or lets in, and then both ends say so many bytes and hear as
//! many, on one channel.

use crate::pair::host_key;
use core::time::Duration;
use sanssh_core::algorithm::HostKey;
use sanssh_core::auth::{client, server};
use sanssh_core::channel::{self, OpenFailure, OpenKind, Request};
use sanssh_core::config::Keepalive;
use sanssh_core::crypto::Provider;
use sanssh_core::event::Sign;
use sanssh_core::role::{Client, Role, Server};
use sanssh_core::{Ask, ChannelId, Config, Error, Event, Outlet, Refused, Slot, Turn, transport};

/// A table of channels.
pub type Table = Vec<Slot>;

/// A configuration for a small machine.
pub fn config() -> Config {
    let mut config = Config { window: 4096, ..Config::default() };
    config.rekey.bytes = 24 * 1024;
    config.keepalive = Keepalive { interval: Duration::from_secs(30), count: 2 };
    config.deadlines.close = Duration::from_secs(10);
    config
}

/// What stands at a place of what is said.
pub fn letter(at: usize) -> u8 {
    u8::try_from((at ^ (at >> 8) ^ (at >> 16)) & 0xff).expect("a byte")
}

/// What an end says on the channel, and what it has heard there.
#[derive(Debug, Default)]
pub struct Talk {
    /// The channel, once its command has been granted.
    pub id: Option<ChannelId>,
    /// Bytes to say, and to hear. None: the test does that itself.
    pub total: usize,
    /// Bytes said.
    pub said: usize,
    /// Bytes heard.
    pub heard: usize,
    /// The other end says no more.
    pub ended: bool,
    /// Channels that the peer would not open.
    pub declined: Vec<OpenFailure>,
}

impl Talk {
    fn hear(&mut self, bytes: &[u8]) {
        for byte in bytes {
            assert_eq!(*byte, letter(self.heard), "at {}", self.heard);
            self.heard += 1;
        }
    }

    /// Says as much as there is room for.
    fn say<R: Role, P: Provider, O: Outlet>(&mut self, turn: &mut Turn<'_, R, P, Table, O>) {
        let Some(id) = self.id.filter(|_| self.total > 0) else { return };
        while self.said < self.total {
            let (from, left) = (self.said, self.total - self.said);
            let said = turn.send(|ssh, output| {
                ssh.fill(id, output, |space| {
                    let space = space.iter_mut().take(left).enumerate();
                    space.map(|(at, place)| *place = letter(from + at)).count()
                })
            });
            match said {
                Ok(0) | Err(Refused::Busy | Refused::NoRoom | Refused::NotYet) => return,
                Ok(n) => self.said += n,
                Err(refused) => panic!("refused: {refused}"),
            }
        }
        turn.ssh.finish(id);
    }

    /// Whether all was said and heard.
    pub fn is_done(&self) -> bool {
        self.said == self.total && self.heard == self.total && self.ended
    }
}

/// A role with its part of the login.
pub trait Plays: Role {
    /// Deals with an event of the login.
    fn auth<P: Provider, O: Outlet>(
        program: &mut Program,
        turn: &mut Turn<'_, Self, P, Table, O>,
        event: Self::Event<'_>,
    );

    /// Gives a signature, where one is due.
    fn sign<P: Provider, O: Outlet>(program: &mut Program, turn: &mut Turn<'_, Self, P, Table, O>);
}

impl Plays for Client {
    fn auth<P: Provider, O: Outlet>(
        program: &mut Program,
        turn: &mut Turn<'_, Self, P, Table, O>,
        event: client::Event<'_>,
    ) {
        match event {
            client::Event::HostKey { key: shown, ask, .. } => {
                assert_eq!(shown, host_key().public());
                turn.ssh.trust(ask);
                program.wants_login |= !turn.ssh.is_logged_in();
            }
            client::Event::Accepted { .. } => program.wants_channel = true,
            client::Event::Banner(_)
            | client::Event::Refused { .. }
            | client::Event::KeyAccepted
            | client::Event::Prompts { .. }
            | client::Event::PasswordExpired { .. }
            | client::Event::HostKeys(_)
            | client::Event::Proofs(_) => {}
        }
    }

    fn sign<P: Provider, O: Outlet>(program: &mut Program, turn: &mut Turn<'_, Self, P, Table, O>) {
        if !program.wants_login || turn.ssh.session_id().is_none() {
            return;
        }
        let (key, algorithm) = (host_key(), HostKey::Ed25519);
        let message = turn.ssh.signing_message(b"me", algorithm, key.public()).expect("it is keyed");
        let signature = key.sign(algorithm, message.as_bytes()).expect("the key signs");
        let sent = turn.send(|ssh, output| ssh.public_key(b"me", algorithm, key.public(), &signature, output));
        program.wants_login = sent.is_err();
    }
}

impl Plays for Server {
    fn auth<P: Provider, O: Outlet>(
        program: &mut Program,
        turn: &mut Turn<'_, Self, P, Table, O>,
        event: server::Event<'_>,
    ) {
        match event {
            server::Event::HostKey { ask, .. } => turn.ssh.host_key(ask, host_key().public()),
            server::Event::Sign { ask, .. } => program.unsigned = Some(ask),
            server::Event::Probe { ask, .. } => turn.ssh.unacceptable(ask),
            server::Event::Attempt { credential: server::Credential::PublicKey { key, .. }, ask, .. }
                if key == host_key().public() =>
            {
                turn.ssh.grant(ask);
            }
            server::Event::Attempt { ask, .. } => turn.ssh.refuse(ask),
            server::Event::Answers { .. } | server::Event::Prove { .. } => {}
        }
    }

    fn sign<P: Provider, O: Outlet>(program: &mut Program, turn: &mut Turn<'_, Self, P, Table, O>) {
        program.unsigned = program.unsigned.take().filter(|ask| {
            let key = host_key();
            let signature = key.sign(HostKey::Ed25519, ask.message()).expect("the key signs");
            turn.send(|ssh, output| ssh.sign(ask, key.public(), &signature, output)) == Err(Refused::NoRoom)
        });
    }
}

/// What an end does, and what it knows beside its connection.
#[derive(Debug, Default)]
pub struct Program {
    /// What is said and heard.
    pub talk: Talk,
    /// Exchanges of keys.
    pub exchanges: usize,
    wants_login: bool,
    wants_channel: bool,
    unsigned: Option<Ask<Sign>>,
}

impl Program {
    /// A program for one connection.
    pub fn new(total: usize) -> Self {
        Self { talk: Talk { total, ..Talk::default() }, ..Self::default() }
    }

    /// One turn, to its end.
    pub fn play<R: Plays, P: Provider, O: Outlet>(&mut self, mut turn: Turn<'_, R, P, Table, O>) -> Result<(), Error> {
        while let Some(event) = turn.next()? {
            self.hear(&mut turn, event);
        }
        self.act(&mut turn);
        Ok(())
    }

    /// Does what it wants to do by itself.
    pub fn act<R: Plays, P: Provider, O: Outlet>(&mut self, turn: &mut Turn<'_, R, P, Table, O>) {
        self.talk.say(turn);
        if self.wants_channel {
            // An exchange may have begun.
            self.wants_channel = turn.send(|ssh, output| ssh.open(OpenKind::Session, output)).is_err();
        }
        R::sign(self, turn);
    }

    /// Deals with one event.
    pub fn hear<R: Plays, P: Provider, O: Outlet>(&mut self, turn: &mut Turn<'_, R, P, Table, O>, event: Event<'_, R>) {
        match event {
            Event::Auth(event) => R::auth(self, turn, event),
            Event::Transport(transport::Event::Keyed(_)) => self.exchanges += 1,
            Event::Open { kind: OpenKind::Session, ask } => drop(turn.ssh.accept(ask).expect("the question is open")),
            Event::Channel(id, event) => self.on_channel(turn, id, event),
            Event::Transport(_) | Event::Open { .. } | Event::Listen { .. } | Event::Forward(..) => {}
        }
    }

    fn on_channel<R: Plays, P: Provider, O: Outlet>(
        &mut self,
        turn: &mut Turn<'_, R, P, Table, O>,
        id: ChannelId,
        event: channel::Event<'_>,
    ) {
        match event {
            channel::Event::Opened => {
                turn.send(|ssh, output| ssh.request(id, Request::Exec(b"talk"), output)).expect("there is room");
            }
            channel::Event::Request { ask, .. } => {
                turn.ssh.reply(ask, true);
                self.talk.id = Some(id);
            }
            channel::Event::Replied(granted) => {
                assert!(granted);
                self.talk.id = Some(id);
            }
            channel::Event::Data(bytes) => {
                self.talk.hear(bytes);
                turn.ssh.release(id, bytes.len());
            }
            channel::Event::Eof => self.talk.ended = true,
            channel::Event::Failed { reason, .. } => self.talk.declined.push(reason),
            channel::Event::Extended(..)
            | channel::Event::Writable
            | channel::Event::Notice(_)
            | channel::Event::Closed => {}
        }
    }
}
