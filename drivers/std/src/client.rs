//! A client's connection as the program holds it: a handle to clone and to use from any thread. What the server asks of
//! a client, its host key and its prompts, lands on the client's desk here.

use crate::Error;
use crate::channel::Channel;
use crate::end::{End, Ssh};
use crate::error::escape;
use crate::forward::Expected;
use crate::inbox::{Inbox, Inboxes, Stage};
use crate::lend::Lent;
use crate::link::Link;
use crate::login::{Outcome, Prompt};
use crate::relay::{Endpoint, Leads, Relay};
use crate::stream::Stream;
use core::net::SocketAddr;
use core::time::Duration;
use sanssh_core::algorithm::HostKey;
use sanssh_core::auth::client::Event;
use sanssh_core::channel::{Forward, ForwardEvent, ForwardId, OpenKind, Request};
use sanssh_core::config::Keepalive;
use sanssh_core::event::{ChannelRequest, ForwardRequest, OpenRequest, Trust};
use sanssh_core::file::known_hosts::MOST_KEYS;
use sanssh_core::role;
use sanssh_core::transport::{Summary, Traffic};
use sanssh_core::{Ask, ChannelId, Output, Reason};
use std::sync::Arc;

/// What waits for a client's threads.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    pub(crate) host_key: Option<(HostKey, Vec<u8>, Ask<Trust>)>,
    /// The first host key, and its signature on the session identifier.
    pub(crate) proof: Option<(Vec<u8>, Vec<u8>)>,
    /// The first host key was trusted. At a later exchange the same one passes silently.
    pub(crate) trusted: bool,
    pub(crate) outcome: Option<Outcome>,
    /// A login was asked for, and nobody has taken what came of it.
    pub(crate) asking: bool,
    pub(crate) banners: Vec<String>,
    /// The host keys that the server says it has.
    pub(crate) announced: Option<Vec<Vec<u8>>>,
    /// The signatures that were to prove it; none if they were refused.
    pub(crate) proofs: Option<Vec<Vec<u8>>>,
    /// What the server listens at for us, and what it need not any more.
    pub(crate) forwards: Vec<Expected>,
    pub(crate) unwanted: Vec<(ForwardId, Endpoint)>,
    pub(crate) lent: Lent,
}

impl End for role::Client {
    type Desk = Desk;

    fn auth(desk: &mut Desk, ssh: &mut Ssh<Self>, event: Event<'_>) {
        let outcome = match event {
            Event::HostKey { ask, .. } if desk.trusted => return ssh.distrust(ask),
            Event::HostKey { algorithm, key, signature, ask } => {
                desk.proof = Some((key.to_vec(), signature.to_vec()));
                desk.host_key = Some((algorithm, key.to_vec(), ask));
                return;
            }
            Event::Banner(text) => return desk.banners.push(escape(text, true)),
            Event::Refused { methods, partial } => Outcome::Refused { methods, partial },
            Event::KeyAccepted => Outcome::KeyAccepted,
            Event::Prompts { name, instruction, prompts, ask } => Outcome::Prompts {
                name: escape(name, false),
                instruction: escape(instruction, true),
                prompts: prompts.iter().map(|one| Prompt { text: escape(one.text, false), echo: one.echo }).collect(),
                ask,
            },
            Event::PasswordExpired { prompt } => Outcome::PasswordExpired(escape(prompt, true)),
            Event::Accepted { earned } => {
                desk.lent.earned = earned;
                Outcome::Accepted { earned }
            }
            Event::HostKeys(keys) => {
                // The first word counts; more than anybody has are as good as none.
                desk.announced.get_or_insert_with(|| keys.take(MOST_KEYS + 1).map(<[u8]>::to_vec).collect());
                return;
            }
            Event::Proofs(signatures) => {
                desk.proofs = Some(signatures.map(|all| all.map(<[u8]>::to_vec).collect()).unwrap_or_default());
                return;
            }
        };
        desk.outcome = Some(outcome);
    }

    fn open(
        desk: &mut Desk,
        ssh: &mut Ssh<Self>,
        _: &mut Inboxes,
        relay: &mut Relay,
        kind: OpenKind<'_>,
        ask: Ask<OpenRequest>,
    ) {
        desk.arrive(ssh, relay, kind, ask);
    }

    /// Servers are not listened for.
    fn listen(_: &mut Desk, _: &mut Ssh<Self>, _: Forward<'_>, _: Ask<ForwardRequest>) {}

    fn forward(desk: &mut Desk, _: &mut Relay, id: ForwardId, event: ForwardEvent) {
        desk.hear(id, event);
    }

    fn tidy(desk: &mut Desk, ssh: &mut Ssh<Self>, output: &mut Output<'_>) {
        desk.cancel(ssh, output);
    }

    fn request(
        _: &mut Desk,
        ssh: &mut Ssh<Self>,
        _: &mut Inboxes,
        _: ChannelId,
        _: Request<'_>,
        ask: Ask<ChannelRequest>,
    ) {
        ssh.reply(ask, false);
    }
}

/// What channel to open.
#[derive(Debug)]
pub(crate) enum Opens {
    Session,
    /// Through the server, on behalf of who is at this address.
    To(Leads, String, u16),
}

impl Opens {
    fn kind(&self) -> OpenKind<'_> {
        match self {
            Self::Session => OpenKind::Session,
            Self::To(leads, originator, port) => leads.kind((originator, *port)),
        }
    }
}

/// A connection to a server. Clones are the same connection; when the last one and the last [`Channel`] are gone, and
/// nothing is forwarded any more, the server is told goodbye.
#[derive(Debug, Clone)]
pub struct Client {
    pub(crate) link: Arc<Link<role::Client>>,
}

impl Client {
    /// How long each later call may wait for the server; `None`, as at first, for ever. A call that took longer fails
    /// with [`Error::TimedOut`] and leaves the connection as it was.
    pub fn set_timeout(&self, span: Option<Duration>) {
        self.link.set_patience(span);
    }

    /// Opens a session, on which one command, shell or subsystem can run.
    ///
    /// # Errors
    /// [`Error::OpenRefused`] by the server, [`Error::TooManyChannels`] here, or what ended the connection.
    pub fn session(&self) -> Result<Channel, Error> {
        self.block(self.begin_session())
    }

    /// The same, begun.
    pub fn begin_session(&self) -> impl Future<Output = Result<Channel, Error>> + use<> {
        let opening = self.begin_open(Opens::Session);
        async { opening.await.map(Channel::new) }
    }

    /// Opens a channel, which takes one round trip.
    pub(crate) fn begin_open(&self, what: Opens) -> impl Future<Output = Result<Stream<role::Client>, Error>> + use<> {
        let link = Arc::clone(&self.link);
        async move {
            let opened = link.until(|state| {
                let opened = state.attempt(link.socket(), |ssh, output| ssh.open(what.kind(), output))?;
                if let Ok(id) = opened {
                    state.inboxes.add(Inbox::new(id, Stage::Opening));
                }
                link.settle(state);
                Some(opened)
            });
            let id = opened.await?.map_err(Error::of_open)?;
            // Dropped before it is open, it is closed when it is.
            let stream = Stream { link: Arc::clone(&link), id };
            let stage = link.until(|state| match &state.inboxes.of(id)?.stage {
                Stage::Opening => None,
                Stage::Open => Some(Ok(())),
                Stage::Refused(reason, text) => Some(Err(Error::OpenRefused { reason: *reason, text: text.clone() })),
            });
            stage.await?.map(|()| stream)
        }
    }

    /// What was negotiated last.
    pub fn summary(&self) -> Option<Summary> {
        self.link.with(|state| state.summary)
    }

    /// The server's identification line, escaped.
    pub fn server_ident(&self) -> String {
        self.link.with(|state| escape(state.ssh.peer_ident().unwrap_or_default(), false))
    }

    /// Whether a login has succeeded.
    pub fn is_logged_in(&self) -> bool {
        self.link.with(|state| state.ssh.is_logged_in())
    }

    /// What the keys in use have protected.
    pub fn traffic(&self) -> Traffic {
        self.link.with(|state| state.ssh.traffic())
    }

    /// Whether the server takes signatures by this algorithm for a login; `None` as long as it has not said.
    pub fn accepts(&self, algorithm: HostKey) -> Option<bool> {
        self.link.with(|state| state.ssh.accepts(algorithm))
    }

    /// Texts that the server sent before the login, escaped but for line ends; each is given once.
    pub fn banners(&self) -> Vec<String> {
        self.link.with(|state| core::mem::take(&mut state.desk.banners))
    }

    /// Changes the keys as soon as may be; the exchange goes on while somebody waits for something.
    pub fn rekey(&self) {
        self.link.change(|state| state.ssh.rekey());
    }

    /// How often the keys were changed.
    pub fn rekeys(&self) -> u64 {
        self.link.with(|state| state.rekeys)
    }

    /// Asks a silent server so from now on, in place of what the options say.
    pub fn set_keepalive(&self, keepalive: Keepalive) {
        self.link.change(|state| state.ssh.set_keepalive(keepalive));
    }

    /// Asks the server for a sign of life now, and waits for nothing.
    pub fn ask_alive(&self) {
        self.link.change(|state| state.ssh.ask_alive());
    }

    /// Deals with what has arrived, and waits for nothing: for programs that stay outside of calls for long, so that
    /// keepalives and key exchanges of the server's are answered all the same.
    ///
    /// # Errors
    /// What ended the connection.
    pub fn tend(&self) -> Result<(), Error> {
        self.link.glance();
        self.link.with(|state| state.failure.clone().map_or(Ok(()), Err))
    }

    /// The server's address.
    ///
    /// # Errors
    /// [`Error::Io`] as of [`peer_addr`](std::net::TcpStream::peer_addr), and `Unsupported` if the connection is not over
    /// TCP.
    pub fn peer_addr(&self) -> Result<SocketAddr, Error> {
        self.link.socket().peer_addr()
    }

    /// Says goodbye and ends the connection, for all clones and channels.
    pub fn disconnect(&self) {
        self.link.disconnect(Reason::BY_APPLICATION);
    }
}
