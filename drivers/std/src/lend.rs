//! What a client lends to the programs of its sessions: its agent (RFC 9987 §6, OpenSSH PROTOCOL.agent §1) and its display
//! (RFC 4254 §6.3). Only where a credential has earned the login: otherwise anybody may be at the other end.

use crate::client::Desk;
use crate::display::Display;
use crate::end::Ssh;
use crate::relay::{Bind, Endpoint, Relay, Tally, Ward};
use crate::{Agent, Channel, Error};
use sanssh_core::agent::SessionBind;
use sanssh_core::channel::{OpenFailure, Request};
use sanssh_core::event::OpenRequest;
use sanssh_core::forward::x11::{COOKIE, Introduction, PROTOCOL};
use sanssh_core::wire::connection::X11Req;
use sanssh_core::{Ask, Random, role};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zeroize::Zeroizing;

/// Connections that there may be at a time to what is lent, each.
const MOST: usize = 64;

/// What is lent.
#[derive(Debug, Default)]
pub(crate) struct Lent {
    /// A credential earned the login.
    pub(crate) earned: bool,
    agent: Option<(PathBuf, Arc<Tally>)>,
    display: Option<Shown>,
}

/// A display, and the cookie that stands for its own there.
struct Shown {
    display: Display,
    fake: Zeroizing<[u8; COOKIE]>,
    tally: Arc<Tally>,
}

impl core::fmt::Debug for Shown {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Shown")
    }
}

impl Channel {
    /// Lets the session's programs use an agent: the user's, as `SSH_AUTH_SOCK` names it, or the one behind this socket.
    /// **Whoever can be the user there, root among them, can sign by its keys while the session lasts**; keys that are
    /// for certain destinations are no use elsewhere. All sessions of a connection lend one agent, the latest. To be
    /// called before the command; a refusal is told by [`agent_granted`](Self::agent_granted) only.
    ///
    /// # Errors
    /// [`Error::Unearned`], [`Error::NoAgent`], and as [`request_pty`](Self::request_pty).
    pub fn forward_agent(&self, socket: Option<&Path>) -> Result<(), Error> {
        let socket = socket.map_or_else(Agent::socket, |path| Ok(path.to_owned()))?;
        let request = self.lend_agent(&socket)?;
        self.stream().request(request, true, false)
    }

    /// Notes the agent that is lent; how it is to be asked for.
    pub(crate) fn lend_agent(&self, socket: &Path) -> Result<Request<'static>, Error> {
        self.lend(|lent| {
            lent.agent = Some((socket.to_owned(), Arc::default()));
            Ok(())
        })
    }

    /// Whether the server lets programs use the agent; `None` before it said.
    pub fn agent_granted(&self) -> Option<bool> {
        self.granted(&["auth-agent-req@openssh.com", "agent-req"])
    }

    /// Lets the session's programs show windows on a display, all or, with `single`, the first that comes. They are given
    /// a cookie that is good for this connection alone. All sessions of a connection lend one display, the latest. To be
    /// called before the command; a refusal is told by [`x11_granted`](Self::x11_granted) only.
    ///
    /// # Errors
    /// [`Error::Unearned`], and as [`request_pty`](Self::request_pty).
    pub fn forward_x11(&self, display: &Display, single: bool) -> Result<(), Error> {
        let mut cookie = Zeroizing::new(Vec::new());
        self.lend(|lent| {
            let known = lent.display.take_if(|shown| shown.display.leads_as(display));
            let fake = match known {
                // Programs that run already know this one.
                Some(shown) => shown.fake,
                None => Zeroizing::new(Random::new(&crate::seed()?).array()),
            };
            cookie.extend(fake.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(hexadecimal));
            lent.display = Some(Shown { display: display.clone(), fake, tally: Arc::default() });
            Ok(())
        })?;
        let request =
            X11Req { single_connection: single, protocol: PROTOCOL, cookie: &cookie, screen: display.screen() };
        self.stream().request(Request::X11(request), true, false)
    }

    /// Whether the server lets programs show windows; `None` before it said.
    pub fn x11_granted(&self) -> Option<bool> {
        self.granted(&["x11-req"])
    }

    /// Notes what is lent, before the server can ask for it; how the agent is to be asked for.
    fn lend(&self, note: impl FnOnce(&mut Lent) -> Result<(), Error>) -> Result<Request<'static>, Error> {
        let stream = self.stream();
        stream.link.change(|state| {
            if !state.desk.lent.earned {
                return Err(Error::Unearned);
            }
            note(&mut state.desk.lent)?;
            state.relay.lend(stream.id)?;
            Ok(state.ssh.agent_request())
        })
    }
}

const fn hexadecimal(digit: u8) -> u8 {
    if digit < 10 { b'0' + digit } else { b'a' + digit - 10 }
}

impl Desk {
    /// A program there wants to talk to the agent, which is told first through which session.
    pub(crate) fn lend_agent(&self, ssh: &mut Ssh<role::Client>, relay: &mut Relay, ask: Ask<OpenRequest>) {
        let Some((path, tally)) = self.lent.agent.as_ref() else { return ssh.decline(ask, OpenFailure::PROHIBITED) };
        let (Some((host_key, signature)), Some(session)) = (&self.proof, ssh.session_id()) else {
            return ssh.decline(ask, OpenFailure::PROHIBITED);
        };
        let bind = SessionBind { host_key, session: session.as_bytes(), signature, forwarding: true };
        match Bind::new(&bind) {
            Ok(bind) if has_room(tally) => {
                let to = Endpoint::Unix(path.clone());
                relay.connect(ssh, ask, to, Some(Arc::clone(tally)), Ward::Agent(bind));
            }
            Ok(_) | Err(_) => ssh.decline(ask, OpenFailure::RESOURCE_SHORTAGE),
        }
    }

    /// A program there wants to show windows.
    pub(crate) fn lend_display(&self, ssh: &mut Ssh<role::Client>, relay: &mut Relay, ask: Ask<OpenRequest>) {
        let open = self.lent.display.as_ref().filter(|shown| shown.display.is_open());
        let Some(Shown { display, fake, tally }) = open else { return ssh.decline(ask, OpenFailure::PROHIBITED) };
        if !has_room(tally) {
            return ssh.decline(ask, OpenFailure::RESOURCE_SHORTAGE);
        }
        let introduction = Introduction::new(**fake, *display.cookie());
        let ward = Ward::Display(Box::new(introduction));
        relay.connect(ssh, ask, display.place().clone(), Some(Arc::clone(tally)), ward);
    }
}

/// Whether there may be one more connection: each has a share in the tally.
fn has_room(tally: &Arc<Tally>) -> bool {
    Arc::strong_count(tally) <= MOST
}
