//! A session with a server, `ssh2.session`: what all calls share is here, and each part of the session has a file: the
//! handshake, methods, logins, opening channels, keepalives.

mod constants;
mod handshake;
mod keepalive;
mod login;
mod methods;
mod open;

pub use self::constants::*;
pub use sanssh_std::Prompt;

pub(crate) use self::login::Came;

use self::keepalive::Keepalives;
use self::methods::Wishes;

use crate::Error;
use crate::exceptions::{BadUseError, SocketRecvError};
use crate::pending::{Slots, Waits};
use core::future::Future;
use core::pin::pin;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use core::task::Poll;
use core::time::Duration;
use sanssh_core::Config;
use sanssh_core::auth::MethodSet;
use sanssh_std::{Client, Error as Below};
use std::borrow::Cow;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// A session, `ssh2.session.Session`. Clones are the same session, and so is the one that every child object holds; two
/// are equal if they are the same. When the last one is gone, the server is told nothing and the caller's socket stays
/// open.
#[derive(Debug, Clone)]
pub struct Session {
    shared: Arc<Shared>,
}

/// What the clones of a session share.
#[derive(Debug)]
struct Shared {
    blocking: AtomicBool,
    /// In milliseconds; 0 for ever.
    timeout: AtomicU64,
    last: Mutex<Last>,
    /// Some call could not go on, and says what to wait for.
    waits: AtomicBool,
    wishes: Mutex<Wishes>,
    keepalives: Mutex<Keepalives>,
    /// The connection, once there is a socket.
    client: OnceLock<Client>,
    host_key: Arc<OnceLock<Vec<u8>>>,
    /// What is wanted besides the last login.
    partial: Mutex<Option<MethodSet>>,
    pending: Pending,
}

/// The last error.
#[derive(Debug, Default)]
struct Last {
    code: i32,
    text: Cow<'static, str>,
}

/// What calls of the session have begun; its children have their own.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    handshake: Slots<()>,
    login: Slots<Came>,
    opening: Slots<sanssh_std::Channel>,
    pub(crate) listening: Slots<sanssh_std::RemoteListener>,
    pub(crate) subsystem: Slots<crate::publickey::Talk>,
    pub(crate) sftp: Slots<sanssh_std::Sftp>,
    pub(crate) receiving: Slots<(sanssh_std::Channel, crate::fileinfo::FileInfo)>,
    pub(crate) sending: Slots<sanssh_std::Channel>,
}

impl Session {
    /// A session without a connection; [`handshake`](Self::handshake) comes next. It waits, and for ever, unless told
    /// otherwise.
    #[expect(clippy::new_without_default, reason = "one way to make a session")]
    pub fn new() -> Self {
        let shared = Shared {
            blocking: AtomicBool::new(true),
            timeout: AtomicU64::new(0),
            last: Mutex::default(),
            waits: AtomicBool::new(false),
            wishes: Mutex::default(),
            keepalives: Mutex::default(),
            client: OnceLock::new(),
            host_key: Arc::default(),
            partial: Mutex::default(),
            pending: Pending::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Whether calls wait, which can change at any time: what is pending goes on in the other mode.
    pub fn set_blocking(&self, blocking: bool) {
        self.shared.blocking.store(blocking, Ordering::Relaxed);
        if blocking {
            self.shared.waits.store(false, Ordering::Relaxed);
        }
    }

    /// Whether calls wait.
    pub fn get_blocking(&self) -> bool {
        self.shared.blocking.load(Ordering::Relaxed)
    }

    /// What the socket has to be ready for before calls that gave [`Error::Again`] can go on, of
    /// [`LIBSSH2_SESSION_BLOCK_INBOUND`] and [`LIBSSH2_SESSION_BLOCK_OUTBOUND`]. From the first such call on that is at
    /// least one, whatever other calls did in between; 0 before, and while calls wait. Threads that share a session should
    /// wait by [`wait_socket`](crate::utils::wait_socket): a wait on the socket itself would miss what another thread reads.
    pub fn block_directions(&self) -> i32 {
        let Some(client) = self.shared.client.get().filter(|_| self.shared.waits.load(Ordering::Relaxed)) else {
            return 0;
        };
        let interest = client.interest();
        // If one call has brought what another needs, nothing is worth a wait, and there is almost always room to write.
        let again = interest.within == Some(Duration::ZERO);
        let outbound = if interest.write || again { LIBSSH2_SESSION_BLOCK_OUTBOUND } else { 0 };
        // A connection that is over gives its error at once.
        let inbound = if interest.read || outbound == 0 { LIBSSH2_SESSION_BLOCK_INBOUND } else { 0 };
        inbound | outbound
    }

    /// Waits until calls of this thread that gave [`Error::Again`] are worth making again, no longer than `span`; whether
    /// they are.
    pub(crate) fn rest(&self, span: Option<Duration>) -> bool {
        self.shared.client.get().is_some_and(|client| client.rest(span))
    }

    /// How long each call may wait, in milliseconds; 0, as at first, for ever. One that took longer raises
    /// [`Timeout`](crate::exceptions::Timeout) and leaves the session as it was.
    pub fn set_timeout(&self, milliseconds: u64) {
        self.shared.timeout.store(milliseconds, Ordering::Relaxed);
        if let Some(client) = self.shared.client.get() {
            client.set_timeout(self.patience());
        }
    }

    /// How long each call may wait, in milliseconds; 0 for ever.
    pub fn get_timeout(&self) -> u64 {
        self.shared.timeout.load(Ordering::Relaxed)
    }

    fn patience(&self) -> Option<Duration> {
        Some(self.get_timeout()).filter(|span| *span > 0).map(Duration::from_millis)
    }

    /// The number of the last error of any call; 0 if there was none. With several threads it may be another's.
    pub fn last_errno(&self) -> i32 {
        self.last().code
    }

    /// The text of the last error, without anything secret; empty if there was none. The documented `msg_size` is not
    /// wanted here.
    pub fn last_error(&self) -> String {
        self.last().text.to_string()
    }

    /// Sets both, for programs that pass on errors of their own; gives the number.
    pub fn set_last_error(&self, code: i32, text: &str) -> i32 {
        *self.last() = Last { code, text: text.to_owned().into() };
        code
    }

    fn last(&self) -> MutexGuard<'_, Last> {
        self.shared.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps the error of a call, every one of which ends here.
    pub(crate) fn note<T>(&self, outcome: Result<T, Error>) -> Result<T, Error> {
        if let Err(error) = &outcome {
            let text = match error {
                Error::Again => {
                    self.shared.waits.store(true, Ordering::Relaxed);
                    Cow::Borrowed("Would block")
                }
                Error::Raised(raised) => Cow::Owned(raised.text.to_string()),
            };
            *self.last() = Last { code: error.code(), text };
        }
        outcome
    }

    fn wishes(&self) -> MutexGuard<'_, Wishes> {
        self.shared.wishes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection.
    ///
    /// # Errors
    /// `SocketRecvError` before there is a socket.
    pub(crate) fn client(&self) -> Result<&Client, Error> {
        let none = || Error::new(SocketRecvError, "there is no connection yet: handshake comes first");
        self.shared.client.get().ok_or_else(none)
    }

    /// The connection, for calls that only those logged in can make.
    ///
    /// # Errors
    /// `BadUseError` before the login, and those of [`client`](Self::client).
    pub(crate) fn logged_in(&self) -> Result<&Client, Error> {
        let client = self.client()?;
        if client.is_logged_in() {
            return Ok(client);
        }
        Err(Error::new(BadUseError, "the session is not authenticated yet"))
    }

    /// How long calls may wait.
    fn waits(&self) -> Waits {
        match (self.get_blocking(), self.get_timeout()) {
            (false, _) => Waits::Never,
            (true, 0) => Waits::Forever,
            (true, _) => Waits::Awhile,
        }
    }

    /// What the window of a channel is at first.
    pub(crate) fn window(&self) -> u32 {
        Config::default().window
    }

    pub(crate) fn pending(&self) -> &Pending {
        &self.shared.pending
    }

    /// Makes a call, or goes on with one, as the mode says, and keeps its error. See [`Slots::run`].
    pub(crate) fn run<T, F>(&self, slots: &Slots<T>, key: &str, begin: impl FnOnce(&Client) -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Below>> + Send + 'static,
    {
        let client = self.note(self.client())?;
        let outcome = slots.run(client, self.waits(), key, || begin(client));
        self.note(outcome.map_or(Err(Error::Again), |outcome| Ok(outcome?)))
    }

    /// Waits for something that keeps no state of its own, or looks whether it is there already, as the mode says.
    pub(crate) fn wait<T>(&self, begun: impl Future<Output = Result<T, Below>>) -> Result<T, Error> {
        let client = self.note(self.client())?;
        let outcome = if self.get_blocking() {
            Some(client.block(begun))
        } else {
            match client.advance(pin!(begun)) {
                Poll::Ready(outcome) => Some(outcome),
                Poll::Pending => None,
            }
        };
        self.note(outcome.map_or(Err(Error::Again), |outcome| Ok(outcome?)))
    }
}

impl PartialEq for Session {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}

impl Eq for Session {}
