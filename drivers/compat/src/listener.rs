//! Ports that the server listens at for us, `ssh2.listener`.

use crate::Error;
use crate::channel::Channel;
use crate::exceptions::BadUseError;
use crate::session::Session;
use sanssh_std::{Endpoint, RemoteListener};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Connections that wait for [`Listener::forward_accept`], unless the caller says otherwise.
const QUEUE: usize = 16;

/// A port that the server listens at, `ssh2.listener.Listener`. Dropping it tells the server to stop, where the documented
/// one leaves the port open until the session ends; channels that were accepted stay.
#[derive(Debug)]
pub struct Listener {
    session: Session,
    inner: Mutex<Option<RemoteListener>>,
}

impl Session {
    /// Has the server listen at this port of all its addresses, as far as it is allowed to; 0 for one of its choice, which
    /// [`forward_listen_ex`](Self::forward_listen_ex) tells. Sixteen connections may wait to be accepted.
    ///
    /// # Errors
    /// As [`forward_listen_ex`](Self::forward_listen_ex).
    pub fn forward_listen(&self, port: u16) -> Result<Listener, Error> {
        self.forward_listen_ex(QUEUE, None, port).map(|(listener, _)| listener)
    }

    /// Has the server listen at a port of an address of its own, all of them for `None`; gives the port as well, which it
    /// chooses itself for 0. More than `queue_maxsize` connections that wait to be accepted are refused; for 0, which is
    /// documented to know no limit, more than 64. The order of the arguments is that of released wheels.
    ///
    /// # Errors
    /// `RequestDeniedError` if the server does not listen, `BadUseError` before the login.
    pub fn forward_listen_ex(
        &self,
        queue_maxsize: usize,
        host: Option<&str>,
        port: u16,
    ) -> Result<(Listener, u16), Error> {
        self.note(self.logged_in())?;
        let host = host.unwrap_or("0.0.0.0");
        let call = format!("{queue_maxsize} {host} {port}");
        let inner = self.run(&self.pending().listening, &call, |client| {
            let begun = client.begin_listen(Endpoint::from((host, port)));
            let limited = move |listener: &RemoteListener| {
                if queue_maxsize > 0 {
                    listener.limit(queue_maxsize);
                }
            };
            async move { begun.await.inspect(limited) }
        })?;
        let port = inner.port();
        Ok((Listener { session: self.clone(), inner: Mutex::new(Some(inner)) }, port))
    }
}

impl Listener {
    /// The next connection.
    ///
    /// # Errors
    /// `BadUseError` once the listener was cancelled, or what ended the connection to the server.
    pub fn forward_accept(&self) -> Result<Channel, Error> {
        let none = || Error::new(BadUseError, "the listener was cancelled");
        let begun = self.session.note(self.inner().as_ref().map(RemoteListener::begin_accept).ok_or_else(none))?;
        let (tunnel, _from) = self.session.wait(begun)?;
        Ok(Channel::of(&self.session, tunnel.into()))
    }

    /// Has the server listen no more, and refuses what waits to be accepted. Nothing is waited for, and a second time it
    /// does nothing.
    ///
    /// # Errors
    /// None; it has the documented form.
    pub fn forward_cancel(&self) -> Result<(), Error> {
        drop(self.inner().take());
        Ok(())
    }

    fn inner(&self) -> MutexGuard<'_, Option<RemoteListener>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
