//! What differs by the end of the connection: its settings, and what the link does by itself. A server's signs the key
//! exchange with its host keys; a client's has no duties.

use crate::Error;
use core::fmt;
use sanssh_core::algorithm::{Grade, HostKey, Preferences};
use sanssh_core::auth::server;
use sanssh_core::crypto::fast::Fast;
use sanssh_core::event::Sign;
use sanssh_core::file::SigningKey;
use sanssh_core::role::{Client, Role, Server};
use sanssh_core::{Ask, Config, Connection, Event, Output, Refused, Slot};
use std::io;
use std::sync::Arc;

/// The machine as it is used here.
pub type Ssh<R> = Connection<R, Fast, Box<[Slot]>>;

/// Either end of a connection: [`Client`] or [`Server`], and no other.
pub trait End: Role {
    /// What all links to be made have in common.
    type Settings: fmt::Debug + Send + Sync;
    /// What a link has to do by itself.
    #[doc(hidden)]
    type Duties: fmt::Debug + Send;

    /// Algorithms, sizes, limits, and how many channels one connection may have.
    #[doc(hidden)]
    fn terms(settings: &Self::Settings) -> (&Config, usize);

    #[doc(hidden)]
    fn duties(settings: &Arc<Self::Settings>) -> Self::Duties;

    /// Deals with an event, or passes it on.
    #[doc(hidden)]
    fn deal<'b>(
        duties: &mut Self::Duties,
        ssh: &mut Ssh<Self>,
        event: Event<'b, Self>,
    ) -> Result<Option<Event<'b, Self>>, Error>;

    /// Sends what is due and was not sent yet.
    #[doc(hidden)]
    fn settle(duties: &mut Self::Duties, ssh: &mut Ssh<Self>, output: &mut Output<'_>) -> Result<(), Refused>;
}

/// Settings of clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientSettings {
    /// Algorithms, sizes, limits and intervals of the protocol.
    pub core: Config,
    /// Channels that a connection may have open, from 1 to 65536; each takes 48 bytes, open or not.
    pub channels: usize,
}

impl Default for ClientSettings {
    /// The core's default, and 16 channels.
    fn default() -> Self {
        Self { core: Config::default(), channels: 16 }
    }
}

impl End for Client {
    type Settings = ClientSettings;
    type Duties = ();

    fn terms(settings: &ClientSettings) -> (&Config, usize) {
        (&settings.core, settings.channels)
    }

    fn duties(_: &Arc<ClientSettings>) {}

    fn deal<'b>((): &mut (), _: &mut Ssh<Self>, event: Event<'b, Self>) -> Result<Option<Event<'b, Self>>, Error> {
        Ok(Some(event))
    }

    fn settle((): &mut (), _: &mut Ssh<Self>, _: &mut Output<'_>) -> Result<(), Refused> {
        Ok(())
    }
}

/// Settings of servers.
#[derive(Debug)]
pub struct ServerSettings {
    core: Config,
    host_keys: Vec<SigningKey>,
    channels: usize,
}

impl ServerSettings {
    /// With these host keys, for each algorithm the first that has it: signatures are made on the loop's thread, by which
    /// an Ed25519 key takes 20 microseconds and an RSA key a millisecond. Host key algorithms of `core` are narrowed to
    /// those of the keys. `channels` is how many a connection may have open, from 1 to 65536; each takes 48 bytes, open or
    /// not.
    ///
    /// # Errors
    /// If none of the keys has an algorithm of `core`.
    pub fn new(mut core: Config, host_keys: Vec<SigningKey>, channels: usize) -> io::Result<Self> {
        let signs = |algorithm: &HostKey| host_keys.iter().any(|key| key.algorithms().contains(algorithm));
        core.preferences.host_keys.retain(|algorithm| signs(algorithm));
        if core.preferences.host_keys.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a server needs a host key of its algorithms"));
        }
        Ok(Self { core, host_keys, channels })
    }

    /// What a server takes as `core` unless it has reasons: what [`Grade::Modern`] covers. Clients without a hybrid key
    /// exchange are not served by it; [`Preferences::default`] serves them.
    #[must_use]
    pub fn modern() -> Config {
        // Keys are what their holders have, and the weakest of them harms nobody else.
        let Preferences { host_keys, user_keys, authorities, .. } = Preferences::default();
        let preferences = Preferences { host_keys, user_keys, authorities, ..Preferences::up_to(Grade::Modern) };
        Config { preferences, ..Config::default() }
    }

    /// The key that signs by this algorithm.
    fn key(&self, algorithm: HostKey) -> Option<&SigningKey> {
        self.host_keys.iter().find(|key| key.algorithms().contains(&algorithm))
    }
}

/// What a server's link has to do by itself.
#[derive(Debug)]
#[expect(unnameable_types, reason = "nobody outside has to name what the link does by itself")]
pub struct Duties {
    settings: Arc<ServerSettings>,
    /// The signature that the exchange waits for, while there is no room to send it.
    due: Option<Signed>,
}

#[derive(Debug)]
struct Signed {
    algorithm: HostKey,
    signature: Vec<u8>,
    ask: Ask<Sign>,
}

impl End for Server {
    type Settings = ServerSettings;
    type Duties = Duties;

    fn terms(settings: &ServerSettings) -> (&Config, usize) {
        (&settings.core, settings.channels)
    }

    fn duties(settings: &Arc<ServerSettings>) -> Duties {
        Duties { settings: Arc::clone(settings), due: None }
    }

    fn deal<'b>(
        duties: &mut Duties,
        ssh: &mut Ssh<Self>,
        event: Event<'b, Self>,
    ) -> Result<Option<Event<'b, Self>>, Error> {
        match event {
            Event::Auth(server::Event::HostKey { algorithm, ask }) => {
                ssh.host_key(ask, duties.settings.key(algorithm).map_or(&[][..], SigningKey::public));
            }
            Event::Auth(server::Event::Sign { algorithm, ask }) => {
                // The algorithms on offer are those of the keys.
                let key = duties.settings.key(algorithm).ok_or(Error::Ssh(sanssh_core::Error::Exchange))?;
                let signature = key.sign(algorithm, ask.message()).map_err(Error::Sign)?;
                duties.due = Some(Signed { algorithm, signature, ask });
            }
            // They were not announced, so nobody has a reason to ask.
            Event::Auth(server::Event::Prove { ask, .. }) => ssh.unproven(ask),
            Event::Auth(
                server::Event::Probe { .. } | server::Event::Attempt { .. } | server::Event::Answers { .. },
            )
            | Event::Transport(_)
            | Event::Channel(..)
            | Event::Open { .. }
            | Event::Listen { .. }
            | Event::Forward(..) => return Ok(Some(event)),
        }
        Ok(None)
    }

    fn settle(duties: &mut Duties, ssh: &mut Ssh<Self>, output: &mut Output<'_>) -> Result<(), Refused> {
        let Some(Signed { algorithm, signature, ask }) = &duties.due else { return Ok(()) };
        let public = duties.settings.key(*algorithm).map_or(&[][..], SigningKey::public);
        let sent = ssh.sign(ask, public, signature, output);
        if !matches!(sent, Err(Refused::NoRoom | Refused::Busy)) {
            duties.due = None;
        }
        sent
    }
}
