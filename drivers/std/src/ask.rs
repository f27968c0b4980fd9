//! Requests on a channel that are begun and told apart (RFC 4254 §5.4): each is a future that ends with the server's own
//! answer to it.

use crate::Error;
use crate::channel::{Channel, Pty, encoded};
use crate::inbox::Asked;
use core::future::Future;
use sanssh_core::Refused;
use sanssh_core::channel::{Modes, Pty as PtyRequest, Request};
use sanssh_core::wire::connection::{WindowChange, X11Req};
use std::path::Path;
use std::sync::{Arc, OnceLock};

/// A request, kept until it can leave.
enum Kept {
    Plain(Request<'static>),
    Pty { term: String, size: WindowChange, modes: Vec<u8> },
    Env(Vec<u8>, Vec<u8>),
    Exec(Vec<u8>),
    Subsystem(Vec<u8>),
    X11 { single: bool, protocol: Vec<u8>, cookie: Vec<u8>, screen: u32 },
    Signal(Vec<u8>),
}

impl Kept {
    fn request(&self) -> Request<'_> {
        match self {
            Self::Plain(request) => *request,
            Self::Pty { term, size, modes } => {
                Request::Pty(PtyRequest { term: term.as_bytes(), size: *size, modes: Modes(modes) })
            }
            Self::Env(name, value) => Request::Env { name, value },
            Self::Exec(command) => Request::Exec(command),
            Self::Subsystem(name) => Request::Subsystem(name),
            Self::Signal(name) => Request::Signal(name),
            Self::X11 { single, protocol, cookie, screen } => {
                Request::X11(X11Req { single_connection: *single, protocol, cookie, screen: *screen })
            }
        }
    }
}

/// Requests, begun. Each ends with its own answer: [`Error::RequestRefused`] if that is no, and not at a later read;
/// [`Error::Refused`] if the channel is closed before; or what ended the connection.
impl Channel {
    /// As [`request_pty`](Self::request_pty).
    pub fn begin_pty(&self, pty: &Pty) -> impl Future<Output = Result<(), Error>> + use<> {
        let size = WindowChange { columns: pty.columns, rows: pty.rows, width: 0, height: 0 };
        self.begin_asked(Kept::Pty { term: pty.term.clone(), size, modes: encoded(&pty.modes) })
    }

    /// As [`env`](Self::env).
    pub fn begin_env(&self, name: &str, value: &str) -> impl Future<Output = Result<(), Error>> + use<> {
        self.begin_asked(Kept::Env(name.as_bytes().to_vec(), value.as_bytes().to_vec()))
    }

    /// As [`exec`](Self::exec).
    pub fn begin_exec(&self, command: &[u8]) -> impl Future<Output = Result<(), Error>> + use<> {
        self.begin_asked(Kept::Exec(command.to_vec()))
    }

    /// As [`shell`](Self::shell).
    pub fn begin_shell(&self) -> impl Future<Output = Result<(), Error>> + use<> {
        self.begin_asked(Kept::Plain(Request::Shell))
    }

    /// As [`subsystem`](Self::subsystem).
    pub fn begin_subsystem(&self, name: &str) -> impl Future<Output = Result<(), Error>> + use<> {
        self.begin_asked(Kept::Subsystem(name.as_bytes().to_vec()))
    }

    /// Asks that the session's programs may show windows, by a cookie of the caller's. Nothing is lent: what they open is
    /// refused, unless [`forward_x11`](Self::forward_x11) was called as well.
    pub fn begin_x11(
        &self,
        single: bool,
        protocol: &[u8],
        cookie: &[u8],
        screen: u32,
    ) -> impl Future<Output = Result<(), Error>> + use<> {
        self.begin_asked(Kept::X11 { single, protocol: protocol.to_vec(), cookie: cookie.to_vec(), screen })
    }

    /// As [`forward_agent`](Self::forward_agent) for the agent behind `socket`. Without one nothing is lent: the server is
    /// asked, and what its programs open is refused.
    ///
    /// # Errors
    /// [`Error::Unearned`] at once.
    pub fn begin_agent(&self, socket: Option<&Path>) -> Result<impl Future<Output = Result<(), Error>> + use<>, Error> {
        let request = match socket {
            Some(socket) => self.lend_agent(socket)?,
            None => self.stream().link.with(|state| state.ssh.agent_request()),
        };
        Ok(self.begin_asked(Kept::Plain(request)))
    }

    /// As [`signal`](Self::signal), and as [`window_change`](Self::window_change): they leave, and have no answer.
    pub fn begin_signal(&self, name: &str) -> impl Future<Output = Result<(), Error>> + use<> {
        self.begin_told(Kept::Signal(name.as_bytes().to_vec()))
    }

    /// See [`begin_signal`](Self::begin_signal).
    pub fn begin_window_change(&self, columns: u32, rows: u32) -> impl Future<Output = Result<(), Error>> + use<> {
        self.begin_told(Kept::Plain(Request::WindowChange(WindowChange { columns, rows, width: 0, height: 0 })))
    }

    fn begin_told(&self, kept: Kept) -> impl Future<Output = Result<(), Error>> + use<> {
        let (link, id) = (Arc::clone(&self.stream().link), self.stream().id);
        async move { link.give(|ssh, output| ssh.request(id, kept.request(), output)).await }
    }

    fn begin_asked(&self, kept: Kept) -> impl Future<Output = Result<(), Error>> + use<> {
        let (link, id) = (Arc::clone(&self.stream().link), self.stream().id);
        async move {
            let verdict = Arc::new(OnceLock::new());
            let name = str::from_utf8(kept.request().name()).unwrap_or("?");
            let sent = link.until(|state| {
                let taken = link.taken(state, true, |ssh, output| ssh.request(id, kept.request(), output))?;
                if let Some(inbox) = state.inboxes.of(id).filter(|_| taken.is_ok()) {
                    inbox.asked.push_back(Asked { name, verdict: Some(Arc::clone(&verdict)) });
                }
                Some(taken)
            });
            sent.await??;
            let answered = link.until(|state| match (verdict.get(), state.inboxes.of(id)) {
                (Some(granted), _) => Some(Ok(*granted)),
                (None, Some(inbox)) if !inbox.closed => None,
                (None, _) => Some(Err(Error::from(Refused::Closed))),
            });
            answered.await??.then_some(()).ok_or(Error::RequestRefused(name))
        }
    }
}
