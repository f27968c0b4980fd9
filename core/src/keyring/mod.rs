//! A keyring: the keys of an agent in memory, with what their owners demand of each (RFC 9987, OpenSSH PROTOCOL.agent).
//! It answers the requests that [`agent::server`](crate::agent::server) takes off the wire; time comes in, and whoever
//! has to be asked before a signature is the embedder's to ask.
//!
//! - [`Keyring`]: the keys, for all connections to the agent; lifetimes, the lock.
//! - [`Bindings`]: what one connection has been told of the sessions it serves, by which keys are held to destinations.

mod binding;
mod held;
mod lock;

pub use binding::Bindings;

use crate::Instant;
use crate::agent::server::{Request, Server};
use crate::agent::{Constraints, Identity, MAX_FRAME};
use crate::algorithm::HostKey;
use crate::crypto::Provider;
use crate::file::SigningKey;
use crate::seed::{Random, Seed};
use crate::{Output, Refused};
use alloc::vec::Vec;
use core::fmt;
use held::Held;
use lock::Lock;

/// The extensions that a keyring knows.
const EXTENSIONS: [&[u8]; 2] = [b"query", b"session-bind@openssh.com"];

/// The bytes of an answer around its identities.
const AROUND: usize = 5;

/// Keys, and the lock before them.
#[derive(Debug)]
pub struct Keyring {
    held: Vec<Held>,
    lock: Lock,
}

/// What becomes of a request.
#[derive(Debug)]
#[must_use = "a reply is to be given"]
pub enum Reply<'k> {
    /// These keys.
    Identities(Vec<Identity<'k>>),
    /// This signature blob.
    Signature(Vec<u8>),
    /// A person has to agree first; then [`Keyring::confirmed`] replies, otherwise `Refused` is the reply.
    Confirm(Confirm),
    /// These extensions.
    Extensions(&'static [&'static [u8]]),
    /// It is done.
    Done,
    /// It is not, and nothing of it was.
    Refused,
}

/// A signature that a person has to agree to.
pub struct Confirm {
    key: Vec<u8>,
    message: Vec<u8>,
    algorithm: HostKey,
    /// The key's comment: untrusted bytes.
    pub comment: Vec<u8>,
    /// The user whom the signature would log in; known for keys that are held to destinations.
    pub user: Option<Vec<u8>>,
}

/// A key that a keyring does not take: the certificate is not its own, or there is no room to list it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unfit;

impl Keyring {
    /// An empty keyring. The seed salts the lock.
    pub fn new(seed: &Seed) -> Self {
        Self { held: Vec::new(), lock: Lock::new(Random::new(seed)) }
    }

    /// Adds a key, perhaps with a certificate of it. The same key in its place takes the new demands.
    ///
    /// # Errors
    /// [`Unfit`], and nothing is added.
    pub fn add(
        &mut self,
        now: Instant,
        key: SigningKey,
        certificate: Option<&[u8]>,
        comment: &[u8],
        constraints: &Constraints<'_>,
    ) -> Result<(), Unfit> {
        self.put(Held::new(now, key, certificate, comment, constraints).ok_or(Unfit)?)
    }

    /// Answers a request of the connection that `bindings` belongs to.
    pub fn answer<P: Provider>(&mut self, now: Instant, bindings: &mut Bindings, request: &Request<'_>) -> Reply<'_> {
        self.tick(now);
        if self.lock.is_locked() {
            return self.answer_locked::<P>(now, bindings, request);
        }
        let outcome = match *request {
            Request::Identities => return Reply::Identities(self.visible(bindings)),
            Request::Sign { key, message, flags } => return self.sign(bindings, key, message, flags),
            Request::Query => return Reply::Extensions(&EXTENSIONS),
            Request::Add { key, comment, constraints } => self.take(now, bindings, key, comment, &constraints),
            Request::Remove { key } => self.remove(bindings, key),
            Request::RemoveAll => {
                self.held.clear();
                Some(())
            }
            Request::Lock { passphrase } => self.lock.lock(passphrase),
            Request::Unlock { .. } => None,
            Request::Bind(session) => bindings.note::<P>(session),
        };
        outcome.map_or(Reply::Refused, |()| Reply::Done)
    }

    /// A session that is bound meanwhile has to be known when the keys come back: without it they would be free.
    fn answer_locked<P: Provider>(
        &mut self,
        now: Instant,
        bindings: &mut Bindings,
        request: &Request<'_>,
    ) -> Reply<'_> {
        let outcome = match *request {
            Request::Identities => return Reply::Identities(Vec::new()),
            Request::Unlock { passphrase } => self.lock.unlock(now, passphrase),
            Request::Bind(session) => bindings.note::<P>(session),
            Request::Sign { .. }
            | Request::Add { .. }
            | Request::Remove { .. }
            | Request::RemoveAll
            | Request::Lock { .. }
            | Request::Query => None,
        };
        outcome.map_or(Reply::Refused, |()| Reply::Done)
    }

    /// The person agreed: signs, unless the key is gone by now.
    pub fn confirmed(&mut self, now: Instant, confirm: &Confirm) -> Reply<'_> {
        self.tick(now);
        let held = self.held.iter().find(|held| held.blob() == confirm.key).filter(|_| !self.lock.is_locked());
        let signature = held.and_then(|held| held.key.sign(confirm.algorithm, &confirm.message).ok());
        signature.map_or(Reply::Refused, Reply::Signature)
    }

    /// Forgets the keys whose time is over.
    pub fn tick(&mut self, now: Instant) {
        self.held.retain(|held| held.until.is_none_or(|until| now < until));
    }

    /// When the next key's time is over.
    pub fn deadline(&self) -> Option<Instant> {
        self.held.iter().filter_map(|held| held.until).min()
    }

    /// How many keys there are, locked away or not.
    pub const fn len(&self) -> usize {
        self.held.len()
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    fn visible(&self, bindings: &Bindings) -> Vec<Identity<'_>> {
        let shown = self.held.iter().filter(|held| bindings.show(held));
        shown.map(|held| Identity { key: held.blob(), comment: &held.comment }).collect()
    }

    fn sign(&self, bindings: &Bindings, key: &[u8], message: &[u8], flags: u32) -> Reply<'_> {
        let Some(held) = self.held.iter().find(|held| held.blob() == key) else { return Reply::Refused };
        let Some(user) = bindings.admit(held, message) else { return Reply::Refused };
        let Some(algorithm) = held.algorithm(flags) else { return Reply::Refused };
        if held.confirm {
            return Reply::Confirm(Confirm {
                key: key.to_vec(),
                message: message.to_vec(),
                algorithm,
                comment: held.comment.clone(),
                user: user.map(<[u8]>::to_vec),
            });
        }
        held.key.sign(algorithm, message).map_or(Reply::Refused, Reply::Signature)
    }

    /// What a connection may not see it may not replace either.
    fn take(
        &mut self,
        now: Instant,
        bindings: &Bindings,
        key: &[u8],
        comment: &[u8],
        constraints: &Constraints<'_>,
    ) -> Option<()> {
        let fresh = Held::decode(now, key, comment, constraints)?;
        if self.held.iter().any(|held| held.blob() == fresh.blob() && !bindings.show(held)) {
            return None;
        }
        self.put(fresh).ok()
    }

    fn put(&mut self, fresh: Held) -> Result<(), Unfit> {
        let old = self.held.iter().position(|held| held.blob() == fresh.blob());
        let others = self.held.iter().enumerate().filter(|(at, _)| Some(*at) != old);
        let listed = others.map(|(_, held)| held.listed()).fold(AROUND, usize::saturating_add);
        if listed.saturating_add(fresh.listed()) > MAX_FRAME {
            return Err(Unfit);
        }
        match old.and_then(|at| self.held.get_mut(at)) {
            Some(place) => *place = fresh,
            None => self.held.push(fresh),
        }
        Ok(())
    }

    fn remove(&mut self, bindings: &Bindings, key: &[u8]) -> Option<()> {
        let at = self.held.iter().position(|held| held.blob() == key && bindings.show(held))?;
        self.held.remove(at);
        Some(())
    }
}

impl Reply<'_> {
    /// Gives the reply to the machine that took the request. `NoRoom` changes nothing: flush, and give it again. One
    /// that waits for a person is `NotYet`.
    pub fn give(&self, server: &mut Server, output: &mut Output<'_>) -> Result<(), Refused> {
        match self {
            Self::Identities(list) => server.identities(list.iter().copied(), output),
            Self::Signature(signature) => server.signature(signature, output),
            Self::Extensions(names) => server.extensions(names, output),
            Self::Done => server.done(),
            Self::Refused => server.refuse(),
            Self::Confirm(_) => Err(Refused::NotYet),
        }
    }
}

impl Confirm {
    /// The public key blob, or the certificate.
    pub fn key(&self) -> &[u8] {
        &self.key
    }
}

impl fmt::Debug for Confirm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Confirm({})", self.algorithm)
    }
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the keyring does not take the key")
    }
}

impl core::error::Error for Unfit {}
