//! The end that is asked: an agent without keys (RFC 9987). It takes requests apart and puts answers together; who holds
//! keys, such as a `Keyring`, decides what they are.

use super::constraint::Constraints;
use super::message::{
    AddIdConstrained, AddIdentity, Extension, ExtensionFailure, ExtensionResponse, Failure, IdentitiesAnswer, Lock,
    QUERY, RemoveAllIdentities, RemoveIdentity, RequestIdentities, SESSION_BIND, SignRequest, SignResponse, Success,
    Unlock,
};
use super::{Error, Identity, SessionBind, frame};
use crate::wire::{Element, Malformed, Message, Reader, Rest};
use crate::{Input, Output, Refused};
use core::fmt;

/// What is asked. All bytes are the asker's.
#[derive(Clone, Copy)]
pub enum Request<'b> {
    /// Which keys there are; answer with `identities`.
    Identities,
    /// A signature; answer with `signature`.
    Sign {
        /// The public key blob, or the certificate.
        key: &'b [u8],
        /// What to sign.
        message: &'b [u8],
        /// Which algorithm, where the key has several.
        flags: u32,
    },
    /// To take this key; answer with `done`, as what follows.
    Add {
        /// The private key: its type and the type's fields, none of them looked at.
        key: &'b [u8],
        /// Whatever its owner wrote beside it.
        comment: &'b [u8],
        /// What it may be used for.
        constraints: Constraints<'b>,
    },
    /// To forget this key.
    Remove {
        /// The public key blob, or the certificate.
        key: &'b [u8],
    },
    /// To forget all keys.
    RemoveAll,
    /// To have no keys until unlocked.
    Lock {
        /// By which it is unlocked.
        passphrase: &'b [u8],
    },
    /// To have keys again.
    Unlock {
        /// That of `Lock`.
        passphrase: &'b [u8],
    },
    /// To note which session of SSH this connection serves. One that does not decode counts as tried.
    Bind(Result<SessionBind<'b>, Malformed>),
    /// Which extensions there are; answer with `extensions`.
    Query,
}

/// Which request is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Open {
    Identities,
    Signature,
    Outcome,
    Bind,
    Query,
}

#[derive(Debug, Default)]
enum Stage {
    #[default]
    Idle,
    Open(Open),
    Owed(Outcome),
}

/// An answer without contents.
#[derive(Debug, Clone, Copy)]
enum Outcome {
    Success,
    Failure,
    ExtensionFailure,
}

/// An agent's end of one connection.
#[derive(Debug, Default)]
pub struct Server {
    stage: Stage,
    fate: Option<Error>,
}

impl Server {
    /// An agent whose client just connected.
    pub const fn new() -> Self {
        Self { stage: Stage::Idle, fate: None }
    }

    /// Takes the next request off the front of `input`; `None` if it is not all there, or if the one before is not
    /// answered. What cannot be understood is refused here.
    pub fn recv<'b>(&mut self, input: &mut Input<'b>) -> Result<Option<Request<'b>>, Error> {
        if let Some(error) = self.fate {
            return Err(error);
        }
        if !matches!(self.stage, Stage::Idle) {
            return Ok(None);
        }
        let frame = frame::take(input).inspect_err(|error| self.fate = Some(*error))?;
        let Some((number, body)) = frame else { return Ok(None) };
        let request = decode(number, body).ok();
        self.stage = request.map_or(Stage::Owed(Outcome::Failure), |request| Stage::Open(request.open()));
        Ok(request)
    }

    /// Writes the answer that is owed.
    pub fn flush(&mut self, output: &mut Output<'_>) -> Result<(), Refused> {
        let Stage::Owed(outcome) = self.stage else { return Ok(()) };
        match outcome {
            Outcome::Success => frame::put(output, &Success {}, |_| {})?,
            Outcome::Failure => frame::put(output, &Failure {}, |_| {})?,
            Outcome::ExtensionFailure => frame::put(output, &ExtensionFailure {}, |_| {})?,
        }
        self.stage = Stage::Idle;
        Ok(())
    }

    /// Whether [`flush`](Self::flush) has something to write.
    pub const fn owes_output(&self) -> bool {
        matches!(self.stage, Stage::Owed(_))
    }

    // Answers. One that does not fit the open request is `Moot`.

    /// It is done.
    pub const fn done(&mut self) -> Result<(), Refused> {
        let Stage::Open(Open::Outcome | Open::Bind) = self.stage else { return Err(Refused::Moot) };
        self.stage = Stage::Owed(Outcome::Success);
        Ok(())
    }

    /// It is not done. An extension that is known says so in its own way (RFC 9987 §5.8).
    pub const fn refuse(&mut self) -> Result<(), Refused> {
        let Stage::Open(open) = self.stage else { return Err(Refused::Moot) };
        self.stage = Stage::Owed(match open {
            Open::Bind | Open::Query => Outcome::ExtensionFailure,
            Open::Identities | Open::Signature | Open::Outcome => Outcome::Failure,
        });
        Ok(())
    }

    /// These are the keys.
    pub fn identities<'i>(
        &mut self,
        identities: impl Iterator<Item = Identity<'i>> + Clone,
        output: &mut Output<'_>,
    ) -> Result<(), Refused> {
        let count = u32::try_from(identities.clone().count()).map_err(|_| Refused::TooLong)?;
        let head = IdentitiesAnswer { count, identities: Rest(b"") };
        self.answer(Open::Identities, output, &head, identities)
    }

    /// This is the signature blob.
    pub fn signature(&mut self, signature: &[u8], output: &mut Output<'_>) -> Result<(), Refused> {
        self.answer(Open::Signature, output, &SignResponse { signature }, core::iter::empty::<&[u8]>())
    }

    /// These are the extensions.
    pub fn extensions(&mut self, names: &[&[u8]], output: &mut Output<'_>) -> Result<(), Refused> {
        let head = ExtensionResponse { name: QUERY, contents: Rest(b"") };
        self.answer(Open::Query, output, &head, names.iter().copied())
    }

    fn answer<'m, 'e>(
        &mut self,
        to: Open,
        output: &mut Output<'_>,
        head: &impl Message<'m>,
        elements: impl Iterator<Item = impl Element<'e>> + Clone,
    ) -> Result<(), Refused> {
        if !matches!(self.stage, Stage::Open(open) if open == to) {
            return Err(Refused::Moot);
        }
        frame::put(output, head, |sink| elements.clone().for_each(|element| element.write(sink)))?;
        self.stage = Stage::Idle;
        Ok(())
    }
}

impl Request<'_> {
    const fn open(&self) -> Open {
        match self {
            Self::Identities => Open::Identities,
            Self::Sign { .. } => Open::Signature,
            Self::Add { .. } | Self::Remove { .. } | Self::RemoveAll | Self::Lock { .. } | Self::Unlock { .. } => {
                Open::Outcome
            }
            Self::Bind(_) => Open::Bind,
            Self::Query => Open::Query,
        }
    }
}

/// Whatever is not known, keys on tokens among it, is as malformed as what is cut.
fn decode(number: u8, body: &[u8]) -> Result<Request<'_>, Malformed> {
    Ok(match number {
        RequestIdentities::NUMBER => RequestIdentities::decode(body).map(|_| Request::Identities)?,
        SignRequest::NUMBER => {
            let SignRequest { key, message, flags } = SignRequest::decode(body)?;
            Request::Sign { key, message, flags }
        }
        AddIdentity::NUMBER => {
            add(body, |rest| if rest.is_empty() { Ok(Constraints::default()) } else { Err(Malformed) })?
        }
        AddIdConstrained::NUMBER => add(body, Constraints::decode)?,
        RemoveIdentity::NUMBER => RemoveIdentity::decode(body).map(|RemoveIdentity { key }| Request::Remove { key })?,
        RemoveAllIdentities::NUMBER => RemoveAllIdentities::decode(body).map(|_| Request::RemoveAll)?,
        Lock::NUMBER => Lock::decode(body).map(|Lock { passphrase }| Request::Lock { passphrase })?,
        Unlock::NUMBER => Unlock::decode(body).map(|Unlock { passphrase }| Request::Unlock { passphrase })?,
        Extension::NUMBER => match Extension::decode(body)? {
            Extension { name: QUERY, contents: Rest([]) } => Request::Query,
            Extension { name: SESSION_BIND, contents } => Request::Bind(SessionBind::decode(contents.0)),
            Extension { .. } => return Err(Malformed),
        },
        _ => return Err(Malformed),
    })
}

/// The key's type says how many fields are its own.
fn add<'b>(
    body: &'b [u8],
    constraints: impl Fn(&'b [u8]) -> Result<Constraints<'b>, Malformed>,
) -> Result<Request<'b>, Malformed> {
    let mut reader = Reader::new(body);
    for _ in 0..fields(reader.string()?).ok_or(Malformed)? {
        reader.string()?;
    }
    let mut rest = reader;
    let length = body.len().saturating_sub(rest.rest().len());
    let key = body.get(..length).ok_or(Malformed)?;
    let comment = reader.string()?;
    Ok(Request::Add { key, comment, constraints: constraints(reader.rest())? })
}

/// Fields of a private key behind its type, all of them framed alike (RFC 9987 §5.2). Certificates stand in for the
/// public ones, where the private ones do not hold them anyway.
fn fields(key_type: &[u8]) -> Option<usize> {
    match key_type {
        b"ssh-ed25519" => Some(2),
        b"ssh-ed25519-cert-v01@openssh.com" => Some(3),
        b"ecdsa-sha2-nistp256" | b"ecdsa-sha2-nistp384" | b"ecdsa-sha2-nistp521" => Some(3),
        b"ecdsa-sha2-nistp256-cert-v01@openssh.com"
        | b"ecdsa-sha2-nistp384-cert-v01@openssh.com"
        | b"ecdsa-sha2-nistp521-cert-v01@openssh.com" => Some(2),
        b"ssh-rsa" => Some(6),
        b"ssh-rsa-cert-v01@openssh.com" => Some(5),
        _ => None,
    }
}

impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Identities => "Identities",
            Self::Sign { .. } => "Sign",
            Self::Add { .. } => "Add",
            Self::Remove { .. } => "Remove",
            Self::RemoveAll => "RemoveAll",
            Self::Lock { .. } => "Lock",
            Self::Unlock { .. } => "Unlock",
            Self::Bind(_) => "Bind",
            Self::Query => "Query",
        })
    }
}
