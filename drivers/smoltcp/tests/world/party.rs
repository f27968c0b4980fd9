//! A link with a program at it: logs in by key, or lets in, and then both say so many bytes and hear as many, on one channel.

use super::Host;
use core::time::Duration as Span;
use sanssh_core::algorithm::HostKey;
use sanssh_core::auth::{client, server};
use sanssh_core::channel::{self, OpenFailure, OpenKind, Request};
use sanssh_core::config::Keepalive;
use sanssh_core::crypto::soft::Soft;
use sanssh_core::event::Sign;
use sanssh_core::file::signing::SigningKey;
use sanssh_core::role::{Client, Role, Server};
use sanssh_core::{Ask, ChannelId, Config, Error, Event, Reason, Refused, Seed, Slot, transport};
use sanssh_smoltcp::{Link, Stage, Turn};
use smoltcp::iface::SocketHandle;
use smoltcp::time::{Duration, Instant};

type Table = Vec<Slot>;

/// A configuration for a small machine.
pub(crate) fn config() -> Config {
    let mut config = Config { window: 4096, ..Config::default() };
    config.rekey.bytes = 24 * 1024;
    config.keepalive = Keepalive { interval: Span::from_secs(30), count: 2 };
    config.deadlines.close = Span::from_secs(10);
    config
}

fn key() -> SigningKey {
    SigningKey::ed25519(&[9; 32])
}

/// What either end says on the channel, and what it has heard there.
#[derive(Debug, Default)]
pub(crate) struct Talk {
    pub(crate) id: Option<ChannelId>,
    pub(crate) total: usize,
    pub(crate) said: usize,
    pub(crate) heard: usize,
    pub(crate) eof: bool,
    /// Channels that the peer would not open.
    pub(crate) declined: Vec<OpenFailure>,
}

/// What stands at a place of what is said.
fn letter(at: usize) -> u8 {
    u8::try_from((at ^ (at >> 8) ^ (at >> 16)) & 0xff).expect("a byte")
}

impl Talk {
    fn hear(&mut self, bytes: &[u8]) {
        for byte in bytes {
            assert_eq!(*byte, letter(self.heard), "at {}", self.heard);
            self.heard += 1;
        }
    }

    /// Says as much as there is room for.
    fn say<R: Role>(&mut self, turn: &mut Turn<'_, '_, R, Soft, Table>) {
        let Some(id) = self.id else { return };
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
    pub(crate) fn is_done(&self) -> bool {
        self.said == self.total && self.heard == self.total && self.eof
    }
}

/// A role with its part of the login.
pub(crate) trait Plays: Role + Sized {
    fn auth(state: &mut State, turn: &mut Turn<'_, '_, Self, Soft, Table>, event: Self::Event<'_>);
    /// Gives a signature, where one is due.
    fn sign(_: &mut State, _: &mut Turn<'_, '_, Self, Soft, Table>) {}
    /// Takes the socket into use.
    fn dial(host: &mut Host, handle: SocketHandle, from: u16);
    /// When the machine begins.
    const BEGINS: Stage;
}

impl Plays for Client {
    fn auth(state: &mut State, turn: &mut Turn<'_, '_, Self, Soft, Table>, event: client::Event<'_>) {
        match event {
            client::Event::HostKey { key: shown, ask, .. } => {
                assert_eq!(shown, key().public());
                turn.ssh.trust(ask);
                state.wants_login |= !turn.ssh.is_logged_in();
            }
            client::Event::Accepted { .. } => state.wants_channel = true,
            client::Event::Banner(_)
            | client::Event::Refused { .. }
            | client::Event::KeyAccepted
            | client::Event::Prompts { .. }
            | client::Event::PasswordExpired { .. }
            | client::Event::HostKeys(_)
            | client::Event::Proofs(_) => {}
        }
    }

    fn sign(state: &mut State, turn: &mut Turn<'_, '_, Self, Soft, Table>) {
        if !state.wants_login || turn.ssh.session_id().is_none() {
            return;
        }
        let (key, algorithm) = (key(), HostKey::Ed25519);
        let message = turn.ssh.signing_message(b"me", algorithm, key.public()).expect("it is keyed");
        let signature = key.sign(algorithm, message.as_bytes()).expect("the key signs");
        let sent = turn.send(|ssh, output| ssh.public_key(b"me", algorithm, key.public(), &signature, output));
        state.wants_login = sent.is_err();
    }

    fn dial(host: &mut Host, handle: SocketHandle, from: u16) {
        host.connect(handle, from);
    }

    const BEGINS: Stage = Stage::Waiting;
}

impl Plays for Server {
    fn auth(state: &mut State, turn: &mut Turn<'_, '_, Self, Soft, Table>, event: server::Event<'_>) {
        match event {
            server::Event::HostKey { ask, .. } => turn.ssh.host_key(ask, key().public()),
            server::Event::Sign { ask, .. } => state.unsigned = Some(ask),
            server::Event::Probe { ask, .. } => turn.ssh.unacceptable(ask),
            server::Event::Attempt { credential, ask, .. } => {
                let right =
                    matches!(credential, server::Credential::PublicKey { key: shown, .. } if shown == key().public());
                if right { turn.ssh.grant(ask) } else { turn.ssh.refuse(ask) }
            }
            server::Event::Answers { .. } | server::Event::Prove { .. } => {}
        }
    }

    fn sign(state: &mut State, turn: &mut Turn<'_, '_, Self, Soft, Table>) {
        state.unsigned = state.unsigned.take().filter(|ask| {
            let signature = key().sign(HostKey::Ed25519, ask.message()).expect("the key signs");
            turn.send(|ssh, output| ssh.sign(ask, key().public(), &signature, output)) == Err(Refused::NoRoom)
        });
    }

    fn dial(host: &mut Host, handle: SocketHandle, _: u16) {
        host.at(handle).listen(super::PORT).expect("the socket is free");
    }

    const BEGINS: Stage = Stage::Due;
}

/// What a party knows beside its link.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) talk: Talk,
    pub(crate) logged_in: bool,
    /// Exchanges of keys in the current connection.
    pub(crate) exchanges: usize,
    /// How connections ended.
    pub(crate) fates: Vec<Error>,
    wants_login: bool,
    wants_channel: bool,
    unsigned: Option<Ask<Sign>>,
}

/// A link, its socket and its program.
pub(crate) struct Party<R: Plays> {
    pub(crate) link: Link<'static, R, Soft, Table>,
    pub(crate) handle: SocketHandle,
    pub(crate) state: State,
    pub(crate) config: Config,
    /// How much is said in the next connections.
    pub(crate) total: usize,
    /// Connections that are still to be had.
    pub(crate) calls: u16,
    /// Places for channels in the next connections.
    pub(crate) channels: usize,
    /// A client calls from here and the next ones.
    pub(crate) port: u16,
    begun: u8,
}

impl<R: Plays> Party<R> {
    pub(crate) fn new(handle: SocketHandle, input: usize, spare: usize, total: usize) -> Self {
        Self {
            link: Link::new(vec![0; input].leak(), vec![0; spare].leak()),
            handle,
            state: State::default(),
            config: config(),
            total,
            calls: 1,
            channels: 2,
            port: 40_000,
            begun: 0,
        }
    }

    /// Does what there is to do.
    pub(crate) fn act(&mut self, host: &mut Host, now: Instant) {
        if let Some(turn) = self.link.poll(now, host.at(self.handle)) {
            play(&mut self.state, turn);
        }
        if self.link.stage(host.at(self.handle)) == Stage::Idle && self.calls > 0 {
            self.calls -= 1;
            R::dial(host, self.handle, self.port + self.calls);
        }
        if self.link.stage(host.at(self.handle)) == R::BEGINS {
            self.begun += 1;
            let fates = core::mem::take(&mut self.state.fates);
            self.state = State { talk: Talk { total: self.total, ..Talk::default() }, fates, ..State::default() };
            self.link.begin(self.config.clone(), &Seed::new([self.begun; 32]), vec![Slot::new(); self.channels], now);
        }
    }

    /// Ends the connection, if there is one.
    pub(crate) fn hang_up(&mut self, host: &mut Host, now: Instant) {
        if let Some(turn) = self.link.poll(now, host.at(self.handle)) {
            turn.ssh.disconnect(Reason::BY_APPLICATION);
        }
    }

    pub(crate) fn delay(&mut self, host: &mut Host, now: Instant) -> Option<Duration> {
        self.link.poll_delay(now, host.at(self.handle))
    }

    pub(crate) fn stage(&self, host: &mut Host) -> Stage {
        self.link.stage(host.at(self.handle))
    }
}

/// A party's part in one turn.
fn play<R: Plays>(state: &mut State, mut turn: Turn<'_, '_, R, Soft, Table>) {
    loop {
        match turn.next() {
            Ok(Some(event)) => hear(state, &mut turn, event),
            Ok(None) => break,
            Err(error) => return state.fates.push(error),
        }
    }
    state.logged_in = turn.ssh.is_logged_in();
    state.talk.say(&mut turn);
    if state.wants_channel {
        // An exchange may have begun.
        state.wants_channel = turn.send(|ssh, output| ssh.open(OpenKind::Session, output)).is_err();
    }
    R::sign(state, &mut turn);
}

fn hear<R: Plays>(state: &mut State, turn: &mut Turn<'_, '_, R, Soft, Table>, event: Event<'_, R>) {
    match event {
        Event::Auth(event) => R::auth(state, turn, event),
        Event::Transport(transport::Event::Keyed(_)) => state.exchanges += 1,
        Event::Open { kind: OpenKind::Session, ask } => drop(turn.ssh.accept(ask).expect("the question is open")),
        Event::Channel(id, event) => on_channel(state, turn, id, event),
        Event::Transport(_) | Event::Open { .. } | Event::Listen { .. } | Event::Forward(..) => {}
    }
}

fn on_channel<R: Plays>(
    state: &mut State,
    turn: &mut Turn<'_, '_, R, Soft, Table>,
    id: ChannelId,
    event: channel::Event<'_>,
) {
    match event {
        channel::Event::Opened => {
            turn.send(|ssh, output| ssh.request(id, Request::Exec(b"talk"), output)).expect("there is room");
        }
        channel::Event::Request { ask, .. } => {
            turn.ssh.reply(ask, true);
            state.talk.id = Some(id);
        }
        channel::Event::Replied(granted) => {
            assert!(granted);
            state.talk.id = Some(id);
        }
        channel::Event::Data(bytes) => {
            state.talk.hear(bytes);
            turn.ssh.release(id, bytes.len());
        }
        channel::Event::Eof => state.talk.eof = true,
        channel::Event::Failed { reason, .. } => state.talk.declined.push(reason),
        channel::Event::Extended(..)
        | channel::Event::Writable
        | channel::Event::Notice(_)
        | channel::Event::Closed => {}
    }
}
