//! The keys that let a user in, kept over the connection itself: the publickey subsystem (RFC 4819). OpenSSH's server has
//! none. The documentation has only its exceptions and the call that begins it; classes and calls are those of released
//! wheels, whose lists never came.

mod talk;

pub(crate) use talk::Talk;

use crate::Error;
use crate::exceptions::{BadUseError, ChannelError, PublicKeyInitError, PublicKeyProtocolError};
use crate::session::Session;
use core::future::poll_fn;
use sanssh_core::pubkey::{Demand, SUBSYSTEM};
use std::sync::{Mutex, PoisonError, TryLockError};
use talk::{Answer, Call};

/// Something said about a key, such as a comment, or what it may be used for: `ssh2.publickey.PublicKeyAttribute`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKeyAttribute {
    /// Its name: one of RFC 4819 §4.1, or one with a domain.
    pub name: Vec<u8>,
    /// Its value.
    pub value: Vec<u8>,
    /// Whether the key is not to be added if the server does not do what the attribute means. Of listed keys, `false`: it
    /// is not told.
    pub mandatory: bool,
}

/// A listed key, `ssh2.publickey.PublicKeyList`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKeyList {
    name: Vec<u8>,
    blob: Vec<u8>,
    attrs: Vec<PublicKeyAttribute>,
}

/// The publickey subsystem on a channel of its own, `ssh2.publickey.PublicKeySystem`. Dropping it closes the channel.
///
/// One request is made at a time. In the mode that does not wait, another one than was begun takes its place: what the
/// server does about the one before is not known then.
#[derive(Debug)]
pub struct PublicKeySystem {
    session: Session,
    /// Nothing once it was shut down.
    talk: Mutex<Option<Talk>>,
}

impl Session {
    /// Starts the publickey subsystem. The documented call cannot be used in the mode that does not wait; here it can.
    ///
    /// # Errors
    /// `PublicKeyInitError` if the server has none, or speaks no version in common; `BadUseError` before the login.
    pub fn publickey_init(&self) -> Result<PublicKeySystem, Error> {
        self.note(self.logged_in())?;
        let talk = self.run(&self.pending().subsystem, SUBSYSTEM, talk::open);
        let talk = talk.and_then(|talk| talk.broken.clone().map_or(Ok(talk), Err));
        let failed = |error: Error| {
            let ours = error.is(ChannelError) || error.is(PublicKeyProtocolError);
            if ours { error.raised_as(PublicKeyInitError) } else { error }
        };
        let talk = self.note(talk.map_err(failed))?;
        Ok(PublicKeySystem { session: self.clone(), talk: Mutex::new(Some(talk)) })
    }
}

impl PublicKeySystem {
    /// Has a key let the user in: its algorithm's name and its blob. One that does already is changed if `overwrite` is
    /// set, and refused otherwise.
    ///
    /// # Errors
    /// `PublicKeyProtocolError` if the server refuses, with its words, and its own code as
    /// [`status`](Error::status); or breaks the protocol. `BadUseError` after [`shutdown`](Self::shutdown). So for all
    /// calls.
    pub fn add(
        &self,
        name: impl AsRef<[u8]>,
        blob: &[u8],
        overwrite: bool,
        attrs: &[PublicKeyAttribute],
    ) -> Result<(), Error> {
        let (name, blob, attrs) = (name.as_ref().to_vec(), blob.to_vec(), attrs.to_vec());
        self.make(Call::Add { name, blob, overwrite, attrs }).map(drop)
    }

    /// Has a key let the user in no more.
    ///
    /// # Errors
    /// As [`add`](Self::add).
    pub fn remove(&self, name: impl AsRef<[u8]>, blob: &[u8]) -> Result<(), Error> {
        self.make(Call::Remove { name: name.as_ref().to_vec(), blob: blob.to_vec() }).map(drop)
    }

    /// The keys that let the user in, each with what is said about it. At most 10,000, or 16 MiB, are taken.
    ///
    /// # Errors
    /// As [`add`](Self::add).
    pub fn list_fetch(&self) -> Result<Vec<PublicKeyList>, Error> {
        self.make(Call::List).map(|answer| answer.keys)
    }

    /// Does nothing: a list is freed when it is dropped.
    #[expect(clippy::unused_self, reason = "it is documented so")]
    pub const fn list_free(&self) {}

    /// The attributes that the server understands, and whether it gives them to every key, asked or not. libssh2 has no
    /// such call.
    ///
    /// # Errors
    /// As [`add`](Self::add).
    pub fn list_attributes(&self) -> Result<Vec<(Vec<u8>, bool)>, Error> {
        self.make(Call::Attributes).map(|answer| answer.attributes)
    }

    /// Ends the subsystem and closes its channel, without waiting. A second time it does nothing.
    ///
    /// # Errors
    /// [`Error::Again`] while another thread makes a call and the session does not wait.
    pub fn shutdown(&self) -> Result<(), Error> {
        self.with(|_, talk| {
            drop(talk.take());
            Ok(())
        })
    }

    /// Makes a call, or goes on with it.
    fn make(&self, call: Call) -> Result<Answer, Error> {
        self.with(|session, talk| {
            let none = || Error::new(BadUseError, "the subsystem was shut down");
            let talk = talk.as_mut().ok_or_else(none)?;
            // Errors of the subsystem are none of the connection's.
            session.wait(poll_fn(|_| talk.go_on(&call).map(Ok)))?
        })
    }

    /// Has the talk to itself: another thread's call is waited for, if calls wait.
    fn with<T>(&self, what: impl FnOnce(&Session, &mut Option<Talk>) -> Result<T, Error>) -> Result<T, Error> {
        let mut talk = if self.session.get_blocking() {
            self.talk.lock().unwrap_or_else(PoisonError::into_inner)
        } else {
            match self.talk.try_lock() {
                Ok(talk) => talk,
                Err(TryLockError::Poisoned(talk)) => talk.into_inner(),
                Err(TryLockError::WouldBlock) => return self.session.note(Err(Error::Again)),
            }
        };
        self.session.note(what(&self.session, &mut talk))
    }
}

impl PublicKeyAttribute {
    /// An attribute.
    pub fn new(name: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>, mandatory: bool) -> Self {
        Self { name: name.into(), value: value.into(), mandatory }
    }

    fn demand(&self) -> Demand<'_> {
        Demand { name: &self.name, value: &self.value, critical: self.mandatory }
    }
}

impl PublicKeyList {
    /// The algorithm's name.
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// Bytes of the name.
    pub const fn name_len(&self) -> usize {
        self.name.len()
    }

    /// The blob.
    pub fn blob(&self) -> &[u8] {
        &self.blob
    }

    /// Bytes of the blob.
    pub const fn blob_len(&self) -> usize {
        self.blob.len()
    }

    /// How much is said about the key.
    pub const fn num_attrs(&self) -> usize {
        self.attrs.len()
    }

    /// What is said about the key, which released wheels do not tell.
    pub fn attrs(&self) -> &[PublicKeyAttribute] {
        &self.attrs
    }
}
