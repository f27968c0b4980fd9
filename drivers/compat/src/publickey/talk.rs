//! The talk with a server's publickey subsystem on its channel: one request at a time, which goes on where it stopped, and
//! what is left over of one that was given up.
//!
//! ```text
//! go_on: begin, once nothing is on its way --> exchange: send, read, hear --> the outcome, to whoever asked or to nobody
//! ```

use super::{PublicKeyAttribute, PublicKeyList};
use crate::Error;
use crate::exceptions::{OutOfBoundaryError, PublicKeyProtocolError, Raised, SocketRecvError};
use core::future::poll_fn;
use core::task::Poll;
use sanssh_core::Output;
use sanssh_core::pubkey::client::{Client as Machine, Event};
use sanssh_core::pubkey::{Attribute, Code, MAX_PACKET, SUBSYSTEM, Status};
use sanssh_std::{Channel, Client, Error as Below, Kind, StderrGoes, escape};

/// Most keys of a list, and most bytes of them together. What a server sends beyond that ends the subsystem.
const MOST_KEYS: usize = 10_000;
const MOST_BYTES: usize = 16 << 20;

/// The talk with the server.
#[derive(Debug)]
pub(crate) struct Talk {
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
    pub(super) broken: Option<Error>,
}

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Call {
    Greet,
    Add { name: Vec<u8>, blob: Vec<u8>, overwrite: bool, attrs: Vec<PublicKeyAttribute> },
    Remove { name: Vec<u8>, blob: Vec<u8> },
    List,
    Attributes,
}

/// What has come of an answer.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) keys: Vec<PublicKeyList>,
    pub(super) attributes: Vec<(Vec<u8>, bool)>,
    bytes: usize,
    /// It is all there.
    outcome: Option<Result<(), Error>>,
}

/// Opens a channel, asks for the subsystem and exchanges versions.
pub(super) fn open(client: &Client) -> impl Future<Output = Result<Talk, Below>> + Send + use<> {
    let opening = client.begin_session();
    async {
        let channel = opening.await?;
        channel.begin_subsystem(SUBSYSTEM).await?;
        channel.send_stderr(StderrGoes::Nowhere);
        let mut talk = Talk::new(channel);
        let greeted = poll_fn(|_| talk.go_on(&Call::Greet)).await;
        talk.broken = greeted.err();
        Ok(talk)
    }
}

impl Talk {
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
    pub(super) fn go_on(&mut self, call: &Call) -> Poll<Result<Answer, Error>> {
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
