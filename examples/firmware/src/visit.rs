//! The client's side of a connection: to one host, by its pinned key, for one command.

use crate::keys::{ACCOUNT, COMMAND, KNOWN_HOST, Pair};
use crate::profile::{CHANNELS, Crypto};
use sanssh_core::algorithm::HostKey;
use sanssh_core::auth::client;
use sanssh_core::channel::{self, ChannelId, OpenKind, Request};
use sanssh_core::role::Client;
use sanssh_core::{Connection, Error, Event, Reason, Refused, Slot};

/// A client's connection.
pub type Ssh = Connection<Client, Crypto, [Slot; CHANNELS]>;
/// A client's turn.
pub type Turn<'t, 's> = sanssh_smoltcp::Turn<'t, 's, Client, Crypto, [Slot; CHANNELS]>;

/// What is to be done next, as soon as there is room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Due {
    Nothing,
    Login,
    Open,
    Run(ChannelId),
}

/// One visit.
#[derive(Debug)]
pub struct Visit<'k> {
    user: &'k Pair,
    due: Due,
    /// How the command ended, once it has.
    pub status: Option<u32>,
}

impl<'k> Visit<'k> {
    /// One by this user.
    pub fn new(user: &'k Pair) -> Self {
        Self { user, due: Due::Nothing, status: None }
    }

    /// Deals with what there is; what the command says goes to `out`. An error is the end.
    #[inline(never)]
    pub fn go_on(&mut self, turn: &mut Turn<'_, '_>, out: fn(&[u8])) -> Result<(), Error> {
        while let Some(event) = turn.next()? {
            self.hear(turn.ssh, event, out);
        }
        // What finds no room is tried again.
        let done = match self.due {
            Due::Nothing => Ok(()),
            Due::Login => self.log_in(turn),
            Due::Open => turn.send(|ssh, output| ssh.open(OpenKind::Session, output)).map(|_| ()),
            Due::Run(id) => turn.send(|ssh, output| ssh.request(id, Request::Exec(COMMAND.as_bytes()), output)),
        };
        if done.is_ok() {
            self.due = Due::Nothing;
        }
        Ok(())
    }

    fn hear(&mut self, ssh: &mut Ssh, event: Event<'_, Client>, out: fn(&[u8])) {
        match event {
            Event::Auth(client::Event::HostKey { key, ask, .. }) if key == KNOWN_HOST => {
                ssh.trust(ask);
                self.due = Due::Login;
            }
            Event::Auth(client::Event::HostKey { ask, .. }) => ssh.distrust(ask),
            Event::Auth(client::Event::Accepted { .. }) => self.due = Due::Open,
            Event::Auth(client::Event::Refused { .. }) => ssh.disconnect(Reason::BY_APPLICATION),
            Event::Channel(id, channel::Event::Opened) => self.due = Due::Run(id),
            Event::Channel(id, channel::Event::Data(bytes) | channel::Event::Extended(_, bytes)) => {
                out(bytes);
                ssh.release(id, bytes.len());
            }
            Event::Channel(_, channel::Event::Notice(Request::ExitStatus(status))) => self.status = Some(status),
            Event::Channel(
                _,
                channel::Event::Replied(false) | channel::Event::Failed { .. } | channel::Event::Closed,
            ) => {
                ssh.disconnect(Reason::BY_APPLICATION);
            }
            Event::Open { ask, .. } => ssh.decline(ask, channel::OpenFailure::PROHIBITED),
            Event::Auth(_) | Event::Channel(..) | Event::Forward(..) | Event::Listen { .. } | Event::Transport(_) => {}
        }
    }

    fn log_in(&self, turn: &mut Turn<'_, '_>) -> Result<(), Refused> {
        let (account, key) = (ACCOUNT.as_bytes(), &self.user.blob);
        // Our keys must be in use before there is a session to sign for.
        turn.send(|ssh, output| {
            let message = ssh.signing_message(account, HostKey::Ed25519, key)?;
            let signature = self.user.sign(message.as_bytes());
            ssh.public_key(account, HostKey::Ed25519, key, &signature, output)
        })
    }
}
