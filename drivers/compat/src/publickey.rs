//! The keys that let a user in, kept over the connection itself: the publickey subsystem (RFC 4819). OpenSSH's server has
//! none. The documentation has only its exceptions and the call that begins it; classes and calls are those of released
//! wheels, whose lists never came.

use crate::Error;
use crate::exceptions::{
    BadUseError, ChannelError, OutOfBoundaryError, PublicKeyInitError, PublicKeyProtocolError, Raised, SocketRecvError,
};
use crate::session::Session;
use core::future::poll_fn;
use core::task::Poll;
use sanssh_core::Output;
use sanssh_core::pubkey::client::{Client as Machine, Event};
use sanssh_core::pubkey::{Attribute, Code, Demand, MAX_PACKET, SUBSYSTEM, Status};
use sanssh_std::{Channel, Client, Error as Below, Kind, StderrGoes, escape};
use std::sync::{Mutex, PoisonError, TryLockError};

/// Most keys of a list, and most bytes of them together. What a server sends beyond that ends the subsystem.
const MOST_KEYS: usize = 10_000;
const MOST_BYTES: usize = 16 << 20;

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
    opened: Mutex<Option<Opened>>,
}

/// The talk with the server.
#[derive(Debug)]
pub(crate) struct Opened {
    channel: Channel,
    machine: Machine,
    gather: Vec<u8>,
    /// What is still to be sent.
    outbox: Vec<u8>,
    sent: usize,
    /// The call that the answer is for, which is `None` for one that was given up.
    call: Option<Call>,
    answer: Answer,
    /// The server has lost the thread, and this is why.
    broken: Option<Error>,
}

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Call {
    Greet,
    Add { name: Vec<u8>, blob: Vec<u8>, overwrite: bool, attrs: Vec<PublicKeyAttribute> },
    Remove { name: Vec<u8>, blob: Vec<u8> },
    List,
    Attributes,
}

/// What has come of an answer.
#[derive(Debug, Default)]
struct Answer {
    keys: Vec<PublicKeyList>,
    attributes: Vec<(Vec<u8>, bool)>,
    bytes: usize,
    /// It is all there.
    outcome: Option<Result<(), Error>>,
}

impl Session {
    /// Starts the publickey subsystem. The documented call cannot be used in the mode that does not wait; here it can.
    ///
    /// # Errors
    /// `PublicKeyInitError` if the server has none, or speaks no version in common; `BadUseError` before the login.
    pub fn publickey_init(&self) -> Result<PublicKeySystem, Error> {
        self.note(self.logged_in())?;
        let opened = self.run(&self.pending().subsystem, SUBSYSTEM, open).and_then(|opened| match opened.broken {
            Some(error) => Err(error),
            None => Ok(opened),
        });
        let failed = |error: Error| {
            let ours = error.is(ChannelError) || error.is(PublicKeyProtocolError);
            if ours { error.raised_as(PublicKeyInitError) } else { error }
        };
        let opened = self.note(opened.map_err(failed))?;
        Ok(PublicKeySystem { session: self.clone(), opened: Mutex::new(Some(opened)) })
    }
}

/// Opens a channel, asks for the subsystem and exchanges versions.
fn open(client: &Client) -> impl Future<Output = Result<Opened, Below>> + Send + use<> {
    let opening = client.begin_session();
    async {
        let channel = opening.await?;
        channel.begin_subsystem(SUBSYSTEM).await?;
        channel.send_stderr(StderrGoes::Nowhere);
        let mut opened = Opened::new(channel);
        let greeted = poll_fn(|_| opened.go_on(&Call::Greet)).await;
        opened.broken = greeted.err();
        Ok(opened)
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
        self.with(|_, opened| {
            drop(opened.take());
            Ok(())
        })
    }

    /// Makes a call, or goes on with it.
    fn make(&self, call: Call) -> Result<Answer, Error> {
        self.with(|session, opened| {
            let none = || Error::new(BadUseError, "the subsystem was shut down");
            let opened = opened.as_mut().ok_or_else(none)?;
            // Errors of the subsystem are none of the connection's.
            session.wait(self, poll_fn(|_| opened.go_on(&call).map(Ok)))?
        })
    }

    /// Has the talk to itself: another thread's call is waited for, if calls wait.
    fn with<T>(&self, what: impl FnOnce(&Session, &mut Option<Opened>) -> Result<T, Error>) -> Result<T, Error> {
        let mut opened = if self.session.get_blocking() {
            self.opened.lock().unwrap_or_else(PoisonError::into_inner)
        } else {
            match self.opened.try_lock() {
                Ok(opened) => opened,
                Err(TryLockError::Poisoned(opened)) => opened.into_inner(),
                Err(TryLockError::WouldBlock) => return self.session.note(Err(Error::Again)),
            }
        };
        self.session.note(what(&self.session, &mut opened))
    }
}

impl Opened {
    fn new(channel: Channel) -> Self {
        Self {
            channel,
            machine: Machine::new(),
            gather: vec![0; MAX_PACKET],
            outbox: Vec::new(),
            sent: 0,
            call: None,
            answer: Answer::default(),
            broken: None,
        }
    }

    /// Goes on with a call, or begins it once what was begun before is through.
    fn go_on(&mut self, call: &Call) -> Poll<Result<Answer, Error>> {
        if self.call.as_ref().is_some_and(|begun| begun != call) {
            self.call = None;
        }
        loop {
            if let Some(error) = &self.broken {
                return Poll::Ready(Err(error.clone()));
            }
            if let Some(outcome) = self.answer.outcome.take() {
                let answer = core::mem::take(&mut self.answer);
                if self.call.take().is_some() {
                    return Poll::Ready(outcome.map(|()| answer));
                }
            }
            if self.is_free() {
                if let Err(error) = self.begin(call) {
                    return Poll::Ready(Err(error));
                }
                self.call = Some(call.clone());
            }
            match self.exchange() {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => self.broken = Some(error),
            }
        }
    }

    /// Whether nothing is on its way.
    fn is_free(&self) -> bool {
        let greeting = self.call == Some(Call::Greet);
        !greeting && !self.machine.is_waiting() && self.sent == self.outbox.len()
    }

    /// Puts a request together.
    fn begin(&mut self, call: &Call) -> Result<(), Error> {
        self.outbox.resize(MAX_PACKET + 4, 0);
        self.sent = 0;
        let output = &mut Output::new(&mut self.outbox);
        let machine = &mut self.machine;
        let asked = match call {
            Call::Greet => machine.flush(output),
            Call::Add { name, blob, overwrite, attrs } => {
                let demands: Vec<_> = attrs.iter().map(PublicKeyAttribute::demand).collect();
                machine.add(name, blob, *overwrite, &demands, output)
            }
            Call::Remove { name, blob } => machine.remove(name, blob, output),
            Call::List => machine.list(output),
            Call::Attributes => machine.attributes(output),
        };
        let filled = output.filled();
        self.outbox.truncate(filled);
        asked.map_err(|refused| Error::new(OutOfBoundaryError, refused.to_string()))
    }

    /// Sends what is to be sent, and takes in what has come.
    fn exchange(&mut self) -> Poll<Result<(), Error>> {
        while self.sent < self.outbox.len() {
            match self.channel.try_write(Kind::Data, &self.outbox[self.sent..]) {
                Some(Ok(n)) => self.sent += n,
                Some(Err(error)) => return Poll::Ready(Err(error.into())),
                None => return Poll::Pending,
            }
        }
        let mut space = [0; 8 * 1024];
        match self.channel.try_read(Some(Kind::Data), &mut space) {
            None => Poll::Pending,
            Some(Err(error)) => Poll::Ready(Err(error.into())),
            Some(Ok((_, 0))) => Poll::Ready(Err(Error::new(SocketRecvError, "the server has ended the subsystem"))),
            Some(Ok((_, n))) => Poll::Ready(self.take_in(&space[..n])),
        }
    }

    fn take_in(&mut self, mut input: &[u8]) -> Result<(), Error> {
        let broken = |text: String| Error::new(PublicKeyProtocolError, text);
        loop {
            match self.machine.recv(&mut self.gather, &mut input) {
                Ok(Some(event)) => self.answer.hear(&event)?,
                Ok(None) if input.is_empty() => return Ok(()),
                Ok(None) => {}
                Err(error) => {
                    // The server is perhaps to be told, and cannot be waited for any more.
                    let mut space = [0; 256];
                    let mut output = Output::new(&mut space);
                    if self.machine.flush(&mut output).is_ok() {
                        let filled = output.filled();
                        let _ = self.channel.try_write(Kind::Data, &space[..filled]);
                    }
                    return Err(broken(error.to_string()));
                }
            }
        }
    }
}

impl Answer {
    fn hear(&mut self, event: &Event<'_>) -> Result<(), Error> {
        match event {
            Event::Ready => self.outcome = Some(Ok(())),
            Event::Status(status) => self.outcome = Some(outcome(status)),
            Event::Key(key) => {
                let attribute = |one: Attribute<'_>| PublicKeyAttribute::new(one.name, one.value, false);
                let attrs: Vec<_> = key.attributes.iter().map(attribute).collect();
                let said: usize = attrs.iter().map(|one| one.name.len() + one.value.len() + size_of_val(one)).sum();
                self.bytes += key.algorithm.len() + key.blob.len() + said;
                self.keys.push(PublicKeyList { name: key.algorithm.to_vec(), blob: key.blob.to_vec(), attrs });
            }
            Event::Attribute(one) => {
                self.bytes += one.name.len();
                self.attributes.push((one.name.to_vec(), one.compulsory));
            }
        }
        let many = self.keys.len().max(self.attributes.len()) > MOST_KEYS || self.bytes > MOST_BYTES;
        if many { Err(Error::new(PublicKeyProtocolError, "the server's list is too long")) } else { Ok(()) }
    }
}

/// How a request went.
fn outcome(status: &Status<'_>) -> Result<(), Error> {
    if status.code == Code::SUCCESS {
        return Ok(());
    }
    let words = escape(status.words, false);
    let text = if words.is_empty() || words == status.code.text() {
        status.code.to_string()
    } else {
        format!("{}: {words}", status.code)
    };
    let (exception, code) = (PublicKeyProtocolError, PublicKeyProtocolError.code());
    Err(Error::Raised(Raised { exception, code, status: Some(status.code.0), text: text.into() }))
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
