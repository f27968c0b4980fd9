//! The end that is asked (RFC 4819): it takes requests apart and puts answers together; whose keys they are, and where they
//! are kept, is the embedder's.

use super::message::{Add, Code, Demand, Key, List, ListAttributes, Listed, Remove, Status, Understood, Version};
use super::stream::{Packet, Stream, put};
use super::{Error, VERSION};
use crate::wire::{Malformed, Rest, Sequence, Writer};
use crate::{Output, Refused};
use core::fmt;

/// What is asked. All bytes are the client's. [`status`](Server::status) ends each answer.
#[derive(Clone, Copy)]
pub enum Request<'b> {
    /// To let this key in.
    Add {
        /// The algorithm's name.
        algorithm: &'b [u8],
        /// The public key blob, not looked at.
        blob: &'b [u8],
        /// Whether a key that is there already is to be changed; if not, that is [`Code::KEY_ALREADY_PRESENT`].
        overwrite: bool,
        /// What is to be said about the key. Critical ones that the server does not do what they mean are
        /// [`Code::ATTRIBUTE_NOT_SUPPORTED`].
        attributes: Sequence<'b, Demand<'b>>,
    },
    /// To let this key in no more.
    Remove {
        /// The algorithm's name.
        algorithm: &'b [u8],
        /// The public key blob.
        blob: &'b [u8],
    },
    /// Which keys there are: a [`key`](Server::key) for each, in any order.
    List,
    /// Which attributes the server understands: an [`attribute`](Server::attribute) for each.
    Attributes,
}

/// Which request is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Open {
    Keys,
    Attributes,
    Outcome,
}

#[derive(Debug, Clone, Copy)]
enum Stage {
    /// Our version has to leave.
    Silent,
    /// Theirs has to come.
    Greeting,
    Idle,
    /// A packet that is too long is dropped.
    Skip,
    Open(Open),
    Owed(Code),
}

/// A server whose subsystem has just been started.
#[derive(Debug)]
pub struct Server {
    stage: Stage,
    stream: Stream,
    /// The highest version that the client speaks.
    theirs: u32,
    fate: Option<Error>,
}

impl Default for Server {
    fn default() -> Self {
        Self::new()
    }
}

impl Server {
    /// A server that owes its version.
    pub fn new() -> Self {
        Self { stage: Stage::Silent, stream: Stream::default(), theirs: 0, fate: None }
    }

    // Bytes.

    /// Takes the next request off the front of `input`; `None` if more has to come, if the one before is not answered, or
    /// if output [is owed](Self::owes_output). What cannot be understood, or is longer than `gather`, is refused here.
    /// `gather` is the same memory each time. After an error there is no more: flush once more, and close the channel.
    pub fn recv<'a: 'b, 'b>(
        &mut self,
        gather: &'b mut [u8],
        input: &mut &'a [u8],
    ) -> Result<Option<Request<'b>>, Error> {
        if let Some(error) = self.fate {
            return Err(error);
        }
        let request = self.go_on(gather, input);
        self.fate = request.as_ref().err().copied();
        request
    }

    /// Writes what the machine owes by itself: its version, or the status of a request that is refused here.
    pub fn flush(&mut self, output: &mut Output<'_>) -> Result<(), Refused> {
        match self.stage {
            Stage::Silent => {
                put(output, Version::NAME, |sink| Version { number: VERSION }.encode(sink))?;
                self.stage = Stage::Greeting;
            }
            Stage::Owed(code) => self.end(code, b"", output)?,
            Stage::Greeting | Stage::Idle | Stage::Skip | Stage::Open(_) => {}
        }
        Ok(())
    }

    /// Whether [`flush`](Self::flush) has something to write.
    pub const fn owes_output(&self) -> bool {
        matches!(self.stage, Stage::Silent | Stage::Owed(_))
    }

    /// The stream has ended: an error inside a packet.
    pub const fn hung_up(&self) -> Result<(), Error> {
        if let Some(error) = self.fate {
            return Err(error);
        }
        if self.stream.is_whole() { Ok(()) } else { Err(Error::HungUp) }
    }

    // Answers to the open request. Each is written at once, or is refused and changes nothing: `NoRoom` in the output,
    // `Moot` if the request takes no such answer, or none is open.

    /// One of the keys.
    pub fn key(&self, key: &Key<'_>, output: &mut Output<'_>) -> Result<(), Refused> {
        let Key { algorithm, blob, attributes } = *key;
        let count = u32::try_from(attributes.len()).map_err(|_| Refused::TooLong)?;
        self.answer(Open::Keys, output, Listed::NAME, |sink| {
            Listed { algorithm, blob, count, attributes: Rest(b"") }.encode(sink);
            attributes.encode(sink);
        })
    }

    /// One of the attributes that the server understands; `compulsory` if it gives it to every key.
    pub fn attribute(&self, name: &[u8], compulsory: bool, output: &mut Output<'_>) -> Result<(), Refused> {
        let fields = Understood { name, compulsory };
        self.answer(Open::Attributes, output, Understood::NAME, |sink| fields.encode(sink))
    }

    /// How it went, with words for people where there are any.
    pub fn status(&mut self, code: Code, words: &[u8], output: &mut Output<'_>) -> Result<(), Refused> {
        // That versions differ is no answer to a request (§3.4).
        if !matches!(self.stage, Stage::Open(_)) || code == Code::VERSION_NOT_SUPPORTED {
            return Err(Refused::Moot);
        }
        self.end(code, words, output)
    }

    fn end(&mut self, code: Code, words: &[u8], output: &mut Output<'_>) -> Result<(), Refused> {
        put(output, Status::NAME, |sink| Status::of(code, words).encode(sink))?;
        self.stage = Stage::Idle;
        Ok(())
    }

    fn answer(
        &self,
        to: Open,
        output: &mut Output<'_>,
        name: &[u8],
        fields: impl FnOnce(&mut Writer<'_>),
    ) -> Result<(), Refused> {
        if matches!(self.stage, Stage::Open(open) if open == to) {
            put(output, name, fields)
        } else {
            Err(Refused::Moot)
        }
    }

    // Packets.

    fn go_on<'a: 'b, 'b>(&mut self, gather: &'b mut [u8], input: &mut &'a [u8]) -> Result<Option<Request<'b>>, Error> {
        match self.stage {
            Stage::Silent | Stage::Open(_) | Stage::Owed(_) => return Ok(None),
            Stage::Skip => {
                self.skip(input);
                return Ok(None);
            }
            Stage::Greeting => match self.stream.packet(gather, input)? {
                // A request may stand right behind it.
                Some(packet) => self.greeted(Packet::read(packet)?)?,
                None => return Ok(None),
            },
            Stage::Idle => {}
        }
        match self.stream.packet(gather, input) {
            Ok(Some(packet)) => self.take(packet),
            Err(Error::TooLong) => {
                self.skip(input);
                Ok(None)
            }
            Ok(None) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn skip(&mut self, input: &mut &[u8]) {
        self.stage = if self.stream.pass(input) { Stage::Owed(Code::GENERAL_FAILURE) } else { Stage::Skip };
    }

    fn take<'b>(&mut self, packet: &'b [u8]) -> Result<Option<Request<'b>>, Error> {
        let request = match Packet::read(packet) {
            Ok(Packet { name: Version::NAME, .. }) => return Err(Error::Unexpected),
            Ok(Packet { name: Status::NAME, body }) => return self.farewell(body).map(|()| None),
            Ok(Packet { name, body }) => Request::read(name, body),
            Err(Malformed) => Err(Malformed),
        };
        self.stage = match request {
            Ok(Some(request)) => Stage::Open(request.open()),
            Ok(None) => Stage::Owed(Code::REQUEST_NOT_SUPPORTED),
            Err(Malformed) => Stage::Owed(Code::GENERAL_FAILURE),
        };
        Ok(request.ok().flatten())
    }

    fn greeted(&mut self, Packet { name, body }: Packet<'_>) -> Result<(), Error> {
        if name != Version::NAME {
            return Err(Error::Unexpected);
        }
        self.theirs = Version::decode(body)?.number;
        if self.theirs < VERSION {
            self.stage = Stage::Owed(Code::VERSION_NOT_SUPPORTED);
            return Err(Error::Version(self.theirs));
        }
        self.stage = Stage::Idle;
        Ok(())
    }

    /// The one status that a client sends says that it does not speak our version.
    fn farewell(&self, body: &[u8]) -> Result<(), Error> {
        let code = Status::decode(body)?.code;
        Err(if code == Code::VERSION_NOT_SUPPORTED { Error::Version(self.theirs) } else { Error::Unexpected })
    }
}

impl<'b> Request<'b> {
    /// The request of this name; `None` if it is not known.
    fn read(name: &[u8], body: &'b [u8]) -> Result<Option<Self>, Malformed> {
        Ok(Some(match name {
            Add::NAME => {
                let Add { algorithm, blob, overwrite, count, attributes } = Add::decode(body)?;
                Self::Add { algorithm, blob, overwrite, attributes: Sequence::counted(attributes.0, count)? }
            }
            Remove::NAME => {
                let Remove { algorithm, blob } = Remove::decode(body)?;
                Self::Remove { algorithm, blob }
            }
            List::NAME => List::decode(body).map(|_| Self::List)?,
            ListAttributes::NAME => ListAttributes::decode(body).map(|_| Self::Attributes)?,
            _ => return Ok(None),
        }))
    }

    const fn open(&self) -> Open {
        match self {
            Self::Add { .. } | Self::Remove { .. } => Open::Outcome,
            Self::List => Open::Keys,
            Self::Attributes => Open::Attributes,
        }
    }
}

impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Add { blob, overwrite, attributes, .. } => {
                write!(f, "Add({} bytes, overwrite: {overwrite}, {} attributes)", blob.len(), attributes.len())
            }
            Self::Remove { blob, .. } => write!(f, "Remove({} bytes)", blob.len()),
            Self::List => f.write_str("List"),
            Self::Attributes => f.write_str("Attributes"),
        }
    }
}
