//! The end that asks an agent (RFC 9987): one request at a time, its answer told by what was asked.

use super::constraint::Constraints;
use super::message::{
    AddIdConstrained, AddIdentity, Extension, ExtensionFailure, ExtensionResponse, Failure, IdentitiesAnswer, Lock,
    QUERY, RemoveAllIdentities, RemoveIdentity, RequestIdentities, SESSION_BIND, SignRequest, SignResponse, Success,
    Unlock,
};
use super::{Error, Identity, SessionBind, flags, frame};
use crate::algorithm::HostKey;
use crate::wire::{Malformed, Message, Reader, Rest, Sequence, Sink};
use crate::{Input, Output, Refused};

/// The agent's answer.
#[derive(Debug, Clone, Copy)]
pub enum Event<'b> {
    /// The keys that it holds and this connection may see.
    Identities(Sequence<'b, Identity<'b>>),
    /// The signature blob, by the algorithm that was asked for; that of a security key with its flags and counter.
    Signature(&'b [u8]),
    /// Done.
    Done,
    /// The names of its extensions.
    Extensions(Sequence<'b, &'b [u8]>),
    /// It will not, or does not know how, or has signed by another algorithm.
    Refused,
}

/// What was asked.
#[derive(Debug, Clone, Copy)]
enum Asked {
    Identities,
    Signature(HostKey),
    Outcome,
    Query,
}

/// A client of an agent.
#[derive(Debug, Default)]
pub struct Client {
    asked: Option<Asked>,
    fate: Option<Error>,
}

impl Client {
    /// A client whose connection was just made.
    pub const fn new() -> Self {
        Self { asked: None, fate: None }
    }

    /// Takes the answer off the front of `input`; `None` if it is not all there. After an error there is no more.
    pub fn recv<'b>(&mut self, input: &mut Input<'b>) -> Result<Option<Event<'b>>, Error> {
        if let Some(error) = self.fate {
            return Err(error);
        }
        let event =
            frame::take(input).and_then(|frame| frame.map(|(number, body)| self.answer(number, body)).transpose());
        self.fate = event.as_ref().err().copied();
        event
    }

    /// Whether a request waits for its answer.
    pub const fn is_waiting(&self) -> bool {
        self.asked.is_some()
    }

    // Commands. Each writes its request at once, or is refused and changes nothing: `NotYet` while another waits.

    /// Asks for the keys.
    pub fn identities(&mut self, output: &mut Output<'_>) -> Result<(), Refused> {
        self.ask(Asked::Identities, output, &RequestIdentities {}, |_| {})
    }

    /// Asks for a signature by the key of this blob, or of this certificate.
    pub fn sign(
        &mut self,
        key: &[u8],
        algorithm: HostKey,
        message: &[u8],
        output: &mut Output<'_>,
    ) -> Result<(), Refused> {
        let request = SignRequest { key, message, flags: flags(algorithm) };
        self.ask(Asked::Signature(algorithm), output, &request, |_| {})
    }

    /// Gives the agent a private key: its type and the type's fields, as a key file has them (RFC 9987 §5.2).
    pub fn add(
        &mut self,
        key: &[u8],
        comment: &[u8],
        constraints: &Constraints<'_>,
        output: &mut Output<'_>,
    ) -> Result<(), Refused> {
        let tail = |sink: &mut dyn Sink| {
            sink.string(comment);
            constraints.encode(sink);
        };
        if constraints.is_none() {
            self.ask(Asked::Outcome, output, &AddIdentity { rest: Rest(key) }, tail)
        } else {
            self.ask(Asked::Outcome, output, &AddIdConstrained { rest: Rest(key) }, tail)
        }
    }

    /// Has a key forgotten.
    pub fn remove(&mut self, key: &[u8], output: &mut Output<'_>) -> Result<(), Refused> {
        self.ask(Asked::Outcome, output, &RemoveIdentity { key }, |_| {})
    }

    /// Has all keys forgotten.
    pub fn remove_all(&mut self, output: &mut Output<'_>) -> Result<(), Refused> {
        self.ask(Asked::Outcome, output, &RemoveAllIdentities {}, |_| {})
    }

    /// Locks the agent: it then has no keys to anybody.
    pub fn lock(&mut self, passphrase: &[u8], output: &mut Output<'_>) -> Result<(), Refused> {
        self.ask(Asked::Outcome, output, &Lock { passphrase }, |_| {})
    }

    /// Unlocks the agent.
    pub fn unlock(&mut self, passphrase: &[u8], output: &mut Output<'_>) -> Result<(), Refused> {
        self.ask(Asked::Outcome, output, &Unlock { passphrase }, |_| {})
    }

    /// Asks which extensions there are; older agents refuse to say.
    pub fn query(&mut self, output: &mut Output<'_>) -> Result<(), Refused> {
        self.ask(Asked::Query, output, &Extension { name: QUERY, contents: Rest(b"") }, |_| {})
    }

    /// Says which session of SSH this connection serves from now on, so that keys may be bound to destinations.
    pub fn bind(&mut self, session: &SessionBind<'_>, output: &mut Output<'_>) -> Result<(), Refused> {
        let head = Extension { name: SESSION_BIND, contents: Rest(b"") };
        self.ask(Asked::Outcome, output, &head, |sink| session.encode(sink))
    }

    fn ask<'m>(
        &mut self,
        asked: Asked,
        output: &mut Output<'_>,
        head: &impl Message<'m>,
        tail: impl Fn(&mut dyn Sink),
    ) -> Result<(), Refused> {
        if self.fate.is_some() {
            return Err(Refused::Closed);
        }
        if self.asked.is_some() {
            return Err(Refused::NotYet);
        }
        frame::put(output, head, tail)?;
        self.asked = Some(asked);
        Ok(())
    }

    fn answer<'b>(&mut self, number: u8, body: &'b [u8]) -> Result<Event<'b>, Error> {
        let asked = self.asked.take().ok_or(Error::Unexpected(number))?;
        let event = match (number, asked) {
            (Failure::NUMBER, _) => Failure::decode(body).map(|_| Event::Refused),
            (ExtensionFailure::NUMBER, Asked::Outcome | Asked::Query) => {
                ExtensionFailure::decode(body).map(|_| Event::Refused)
            }
            (Success::NUMBER, Asked::Outcome) => Success::decode(body).map(|_| Event::Done),
            (IdentitiesAnswer::NUMBER, Asked::Identities) => identities(body),
            (SignResponse::NUMBER, Asked::Signature(algorithm)) => signature(algorithm, body),
            (ExtensionResponse::NUMBER, Asked::Query) => extensions(body),
            _ => return Err(Error::Unexpected(number)),
        };
        event.map_err(|Malformed| Error::Malformed(number))
    }
}

/// Exactly as many as were announced.
fn identities(body: &[u8]) -> Result<Event<'_>, Malformed> {
    let IdentitiesAnswer { count, identities } = IdentitiesAnswer::decode(body)?;
    Sequence::counted(identities.0, count).map(Event::Identities)
}

fn signature(algorithm: HostKey, body: &[u8]) -> Result<Event<'_>, Malformed> {
    let SignResponse { signature } = SignResponse::decode(body)?;
    let name = Reader::new(signature).string()?;
    Ok(if name == algorithm.plain().name().as_bytes() { Event::Signature(signature) } else { Event::Refused })
}

fn extensions(body: &[u8]) -> Result<Event<'_>, Malformed> {
    let ExtensionResponse { name, contents } = ExtensionResponse::decode(body)?;
    if name != QUERY {
        return Err(Malformed);
    }
    Sequence::decode(contents.0, frame::MAX_FRAME).map(Event::Extensions)
}
