//! The end that asks (RFC 4819): one request at a time, and what answers it.

use super::message::{Add, Code, Demand, Key, List, ListAttributes, Listed, Remove, Status, Understood, Version};
use super::stream::{Packet, Stream, put};
use super::{Error, VERSION};
use crate::wire::{Rest, Sequence, Writer};
use crate::{Output, Refused};

/// What comes from the server.
#[derive(Debug, Clone, Copy)]
pub enum Event<'b> {
    /// Requests may be made.
    Ready,
    /// The next of the keys.
    Key(Key<'b>),
    /// The next of the attributes that the server understands.
    Attribute(Understood<'b>),
    /// The request is through: it went so, well or not, and the next may be made.
    Status(Status<'b>),
}

/// What was asked.
#[derive(Debug, Clone, Copy)]
enum Asked {
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
    Asked(Asked),
    /// Versions differ, and the server has to be told.
    Farewell,
    Over,
}

/// A client of a subsystem that has just been started.
#[derive(Debug)]
pub struct Client {
    stage: Stage,
    stream: Stream,
    /// The highest version that the server speaks.
    theirs: u32,
    fate: Option<Error>,
}

impl Default for Client {
    fn default() -> Self {
        Self::new()
    }
}

impl Client {
    /// A client that owes its version.
    pub fn new() -> Self {
        Self { stage: Stage::Silent, stream: Stream::default(), theirs: 0, fate: None }
    }

    // Bytes.

    /// Takes the next event off the front of `input`; `None` if more has to come, or if output
    /// [is owed](Self::owes_output). `gather` is the same memory each time. After an error there is no more: flush once
    /// more, and close the channel.
    pub fn recv<'a: 'b, 'b>(&mut self, gather: &'b mut [u8], input: &mut &'a [u8]) -> Result<Option<Event<'b>>, Error> {
        if let Some(error) = self.fate {
            return Err(error);
        }
        if self.owes_output() {
            return Ok(None);
        }
        let packet = self.stream.packet(gather, input);
        let event = packet.and_then(|packet| packet.map(|packet| self.take(packet)).transpose());
        self.fate = event.as_ref().err().copied();
        event
    }

    /// Writes what the machine owes by itself: its version, or that the server's is not spoken.
    pub fn flush(&mut self, output: &mut Output<'_>) -> Result<(), Refused> {
        match self.stage {
            Stage::Silent => {
                put(output, Version::NAME, |sink| Version { number: VERSION }.encode(sink))?;
                self.stage = Stage::Greeting;
            }
            Stage::Farewell => {
                put(output, Status::NAME, |sink| Status::of(Code::VERSION_NOT_SUPPORTED, b"").encode(sink))?;
                self.stage = Stage::Over;
            }
            Stage::Greeting | Stage::Idle | Stage::Asked(_) | Stage::Over => {}
        }
        Ok(())
    }

    /// Whether [`flush`](Self::flush) has something to write.
    pub const fn owes_output(&self) -> bool {
        matches!(self.stage, Stage::Silent | Stage::Farewell)
    }

    /// The stream has ended: an error where more was due.
    pub const fn hung_up(&self) -> Result<(), Error> {
        if let Some(error) = self.fate {
            return Err(error);
        }
        if matches!(self.stage, Stage::Idle) && self.stream.is_whole() { Ok(()) } else { Err(Error::HungUp) }
    }

    /// Whether a request waits for its status.
    pub const fn is_waiting(&self) -> bool {
        matches!(self.stage, Stage::Asked(_))
    }

    // Commands. Each writes its request at once, or is refused and changes nothing: `NotYet` before the server is ready
    // and while another request waits.

    /// Has a key let in, with these attributes. One that is there already is changed if `overwrite` is set.
    pub fn add(
        &mut self,
        algorithm: &[u8],
        blob: &[u8],
        overwrite: bool,
        attributes: &[Demand<'_>],
        output: &mut Output<'_>,
    ) -> Result<(), Refused> {
        let count = u32::try_from(attributes.len()).map_err(|_| Refused::TooLong)?;
        self.ask(Asked::Outcome, output, Add::NAME, |sink| {
            Add { algorithm, blob, overwrite, count, attributes: Rest(b"") }.encode(sink);
            Sequence::new(attributes).encode(sink);
        })
    }

    /// Has a key let in no more.
    pub fn remove(&mut self, algorithm: &[u8], blob: &[u8], output: &mut Output<'_>) -> Result<(), Refused> {
        self.ask(Asked::Outcome, output, Remove::NAME, |sink| Remove { algorithm, blob }.encode(sink))
    }

    /// Asks for the keys.
    pub fn list(&mut self, output: &mut Output<'_>) -> Result<(), Refused> {
        self.ask(Asked::Keys, output, List::NAME, |_| {})
    }

    /// Asks for the attributes that the server understands.
    pub fn attributes(&mut self, output: &mut Output<'_>) -> Result<(), Refused> {
        self.ask(Asked::Attributes, output, ListAttributes::NAME, |_| {})
    }

    fn ask(
        &mut self,
        asked: Asked,
        output: &mut Output<'_>,
        name: &[u8],
        fields: impl FnOnce(&mut Writer<'_>),
    ) -> Result<(), Refused> {
        match self.stage {
            _ if self.fate.is_some() => Err(Refused::Closed),
            Stage::Idle => {
                put(output, name, fields)?;
                self.stage = Stage::Asked(asked);
                Ok(())
            }
            Stage::Silent | Stage::Greeting | Stage::Asked(_) | Stage::Farewell | Stage::Over => Err(Refused::NotYet),
        }
    }

    fn take<'b>(&mut self, packet: &'b [u8]) -> Result<Event<'b>, Error> {
        let Packet { name, body } = Packet::read(packet)?;
        match (self.stage, name) {
            (Stage::Greeting, Version::NAME) => self.greeted(Version::decode(body)?),
            (Stage::Asked(Asked::Keys), Listed::NAME) => Ok(Event::Key(Key::read(body)?)),
            (Stage::Asked(Asked::Attributes), Understood::NAME) => Ok(Event::Attribute(Understood::decode(body)?)),
            (Stage::Asked(_) | Stage::Idle, Status::NAME) => self.status(Status::decode(body)?),
            _ => Err(Error::Unexpected),
        }
    }

    fn greeted(&mut self, Version { number }: Version) -> Result<Event<'static>, Error> {
        self.theirs = number;
        self.stage = if number < VERSION { Stage::Farewell } else { Stage::Idle };
        if number < VERSION { Err(Error::Version(number)) } else { Ok(Event::Ready) }
    }

    fn status<'b>(&mut self, status: Status<'b>) -> Result<Event<'b>, Error> {
        // A server that speaks no version as low as ours may say so at any time.
        if status.code == Code::VERSION_NOT_SUPPORTED {
            return Err(Error::Version(self.theirs));
        }
        if !self.is_waiting() {
            return Err(Error::Unexpected);
        }
        self.stage = Stage::Idle;
        Ok(Event::Status(status))
    }
}
