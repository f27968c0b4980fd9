//! The server's side of a connection: who may log in, and what becomes of channels.

use crate::house::House;
use crate::keys::{AUTHORIZED, Pair};
use crate::profile::{CHANNELS, Crypto};
use crate::session::Session;
use sanssh_core::auth::server::{self, Credential};
use sanssh_core::channel::{self, ChannelId, OpenFailure, OpenKind};
use sanssh_core::event::Sign;
use sanssh_core::role::Server;
use sanssh_core::{Ask, Connection, Error, Event, Refused, Slot, transport};

/// A server's connection.
pub type Ssh = Connection<Server, Crypto, [Slot; CHANNELS]>;
/// A server's turn.
pub type Turn<'t, 's> = sanssh_smoltcp::Turn<'t, 's, Server, Crypto, [Slot; CHANNELS]>;

/// Whoever is connected.
#[derive(Debug)]
pub struct Guest<'k> {
    host: &'k Pair,
    /// What the host key signed, until there is room to say so.
    signed: Option<(Ask<Sign>, [u8; 83])>,
    sessions: [Session; CHANNELS],
}

impl<'k> Guest<'k> {
    /// Nobody yet, at a host of this key.
    pub fn new(host: &'k Pair) -> Self {
        Self { host, signed: None, sessions: Default::default() }
    }

    /// Somebody else comes.
    pub fn begin(&mut self) {
        self.signed = None;
        self.sessions.iter_mut().for_each(Session::end);
    }

    /// Deals with what there is; whether there was anything. An error is the end of the connection.
    #[inline(never)]
    pub fn serve(&mut self, turn: &mut Turn<'_, '_>, house: &mut House) -> Result<bool, Error> {
        let mut heard = false;
        while let Some(event) = turn.next()? {
            heard = true;
            self.hear(turn, event, house);
        }
        if let Some((ask, signature)) = &self.signed {
            let blob = &self.host.blob;
            let told = turn.send(|ssh, output| ssh.sign(ask, blob, signature, output));
            if told != Err(Refused::NoRoom) {
                self.signed = None;
            }
        }
        for session in &mut self.sessions {
            session.run(turn, house);
        }
        Ok(heard)
    }

    fn hear(&mut self, turn: &mut Turn<'_, '_>, event: Event<'_, Server>, house: &mut House) {
        match event {
            Event::Transport(transport::Event::Keyed(summary)) if summary.first => house.keyed = true,
            Event::Auth(event) => self.admit(turn, event, house),
            Event::Open { kind: OpenKind::Session, ask } => drop(turn.ssh.accept(ask)),
            Event::Open { ask, .. } => turn.ssh.decline(ask, OpenFailure::UNKNOWN_TYPE),
            Event::Channel(id, event) => self.channel(turn.ssh, id, event, house),
            // None are asked for where `Config::forwarding` is off.
            Event::Listen { .. } | Event::Forward(..) | Event::Transport(_) => {}
        }
    }

    fn admit(&mut self, turn: &mut Turn<'_, '_>, event: server::Event<'_>, house: &mut House) {
        use server::Event::{Answers, Attempt, HostKey, Probe, Prove, Sign};
        match event {
            HostKey { ask, .. } => turn.ssh.host_key(ask, &self.host.blob),
            Sign { ask, .. } => {
                let signature = self.host.sign(ask.message());
                self.signed = Some((ask, signature));
            }
            Probe { algorithm, key, ask, .. } if key == AUTHORIZED => {
                // If there is no room, the client asks in vain, and its time runs out.
                let _ = turn.send(|ssh, output| ssh.acceptable(&ask, algorithm, key, output));
            }
            Probe { ask, .. } => turn.ssh.unacceptable(ask),
            Attempt { credential: Credential::PublicKey { key, .. }, ask, .. } if key == AUTHORIZED => {
                house.logins += 1;
                turn.ssh.grant(ask);
            }
            Attempt { ask, .. } | Answers { ask, .. } => turn.ssh.refuse(ask),
            Prove { ask, .. } => turn.ssh.unproven(ask),
        }
    }

    fn channel(&mut self, ssh: &mut Ssh, id: ChannelId, event: channel::Event<'_>, house: &House) {
        let Some(session) = self.sessions.get_mut(id.index()) else { return };
        match event {
            channel::Event::Data(bytes) => session.take(ssh, id, bytes),
            channel::Event::Extended(_, bytes) => ssh.release(id, bytes.len()),
            channel::Event::Request { what, ask } => {
                let granted = session.request(ssh, id, &what, house);
                ssh.reply(ask, granted);
            }
            channel::Event::Eof => session.eof(),
            channel::Event::Closed => session.end(),
            channel::Event::Opened
            | channel::Event::Failed { .. }
            | channel::Event::Writable
            | channel::Event::Replied(_)
            | channel::Event::Notice(_) => {}
        }
    }
}
