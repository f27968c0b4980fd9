//! The keys of an agent, `ssh2.agent`: whoever holds private keys and signs for who may ask, such as `ssh-agent`.
//!
//! Talk with an agent is the one thing that waits in both modes: it is on the same machine, and may ask a person.

use crate::Error;
use crate::exceptions::{
    AgentAuthenticationError, AgentConnectionError, AgentListIdentitiesError, AgentProtocolError, AuthenticationError,
    Exception,
};
use crate::pkey::PublicKey;
use crate::session::{Came, Session};
use core::future::Future;
use core::time::Duration;
use sanssh_std::{Agent as Inner, Client, Error as Below};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// An agent, `ssh2.agent.Agent`. Dropping it disconnects.
#[derive(Debug)]
pub struct Agent {
    session: Session,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    inner: Option<Inner>,
    path: Option<PathBuf>,
}

impl Session {
    /// The user's agent, not connected yet.
    pub fn agent_init(&self) -> Agent {
        Agent::new(self)
    }

    /// Connects to the user's agent and logs in by its keys, in its order, until one will do. The documented call waits in
    /// both modes; here only what the agent is asked does.
    ///
    /// # Errors
    /// `AgentConnectionError` if there is no agent, `AgentListIdentitiesError` if it does not tell its keys,
    /// `AgentAuthenticationError` if none of its keys will do, or it has none.
    pub fn agent_auth(&self, user: &str) -> Result<(), Error> {
        self.login_by_agent(&format!("agent {user}"), |client| {
            let (client, user, agent) = (client.clone(), user.to_owned(), self.agent_init());
            let keys = agent.connect().and_then(|()| agent.get_identities());
            let state = Arc::clone(&agent.state);
            async move {
                let keys = match keys {
                    Ok(keys) => keys,
                    Err(error) => return Ok(Came::Nothing(error)),
                };
                let mut last = Ok(Came::Nothing(Error::new(AgentAuthenticationError, "the agent has no fitting key")));
                for key in keys {
                    last = sign_in(&client, &user, &key, &state).await;
                    if !matches!(
                        last,
                        Ok(Came::Unwanted | Came::Unverified) | Err(Below::NoSignature | Below::AgentRefused)
                    ) {
                        break;
                    }
                }
                last
            }
        })
    }

    /// A login whose refusals are an agent's.
    fn login_by_agent<F>(&self, call: &str, begin: impl FnOnce(&Client) -> F) -> Result<(), Error>
    where
        F: Future<Output = Result<Came, Below>> + Send + 'static,
    {
        self.note(self.login(call, begin).map_err(|error| {
            let refused = error.is(AuthenticationError) || error.is(AgentProtocolError);
            if refused { error.raised_as(AgentAuthenticationError) } else { error }
        }))
    }
}

impl Agent {
    /// The user's agent, not connected yet.
    pub fn new(session: &Session) -> Self {
        Self { session: session.clone(), state: Arc::default() }
    }

    /// Connects to the agent that [`set_identity_path`](Self::set_identity_path) or else `SSH_AUTH_SOCK` names. Once there
    /// was a handshake, the agent is told whose server it is to sign for, so that it keeps back keys that are not for this
    /// one; the documented call does not tell it.
    ///
    /// # Errors
    /// `AgentConnectionError`.
    pub fn connect(&self) -> Result<(), Error> {
        self.session.note(self.try_connect().map_err(|below| named(below, AgentConnectionError)))
    }

    fn try_connect(&self) -> Result<(), Below> {
        let mut state = lock(&self.state);
        let path = state.path.clone().map_or_else(Inner::socket, Ok)?;
        let mut inner = Inner::connect(&path)?;
        if let Some(span) = Some(self.session.get_timeout()).filter(|span| *span > 0) {
            inner.set_timeout(Duration::from_millis(span));
        }
        if let Some(client) = self.session.client().ok().filter(|client| client.summary().is_some()) {
            client.bind(&mut inner)?;
        }
        state.inner = Some(inner);
        Ok(())
    }

    /// Lets go of the agent; it can be connected to again.
    ///
    /// # Errors
    /// None; it has the documented form.
    pub fn disconnect(&self) -> Result<(), Error> {
        lock(&self.state).inner = None;
        Ok(())
    }

    /// The keys that the agent holds, as far as it shows them.
    ///
    /// # Errors
    /// `AgentListIdentitiesError` if it is not connected, or does not tell.
    pub fn get_identities(&self) -> Result<Vec<PublicKey>, Error> {
        let keys = lock(&self.state).connected().and_then(Inner::identities);
        let keys = self.session.note(keys.map_err(|below| named(below, AgentListIdentitiesError)))?;
        Ok(keys.into_iter().map(PublicKey::new).collect())
    }

    /// Does nothing: [`get_identities`](Self::get_identities) lists and gives them.
    ///
    /// # Errors
    /// None; it has the documented form.
    #[expect(clippy::unused_self, reason = "it is documented so")]
    pub const fn list_identities(&self) -> Result<(), Error> {
        Ok(())
    }

    /// Logs in by a key of the agent's. The server is asked first whether the key will do, for the agent may ask a person
    /// before it signs.
    ///
    /// # Errors
    /// `AgentAuthenticationError` if the server does not take the key, or the agent does not sign; `AgentConnectionError`
    /// if it is not connected; what ended the connection to the server.
    pub fn userauth(&self, user: &str, key: &PublicKey) -> Result<(), Error> {
        let call = format!("agent {user} {}", key.blob().escape_ascii());
        self.session.login_by_agent(&call, |client| {
            let (client, user, key) = (client.clone(), user.to_owned(), key.clone());
            let state = Arc::clone(&self.state);
            async move { sign_in(&client, &user, &key, &state).await }
        })
    }

    /// Where the agent listens, if [`set_identity_path`](Self::set_identity_path) said.
    pub fn get_identity_path(&self) -> Option<PathBuf> {
        lock(&self.state).path.clone()
    }

    /// Says where the agent listens, for the next [`connect`](Self::connect).
    pub fn set_identity_path(&self, path: impl AsRef<Path>) {
        lock(&self.state).path = Some(path.as_ref().to_owned());
    }
}

/// Logs in by one key, if the server would take it.
async fn sign_in(client: &Client, user: &str, key: &PublicKey, agent: &Mutex<State>) -> Result<Came, Below> {
    let sign = |algorithm, message: &[u8]| lock(agent).connected()?.sign(key.blob(), algorithm, message);
    Came::of_signer(client, user, key.blob(), sign).await
}

impl State {
    fn connected(&mut self) -> Result<&mut Inner, Below> {
        self.inner.as_mut().ok_or(Below::NoAgent)
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The error of a talk with the agent.
fn named(below: Below, exception: Exception) -> Error {
    Error::from(below).raised_as(exception)
}
