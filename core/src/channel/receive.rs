//! Messages 80 to 100 as they arrive (RFC 4254 §4 and §5): each checked against its channel's facts, then told.

use super::global::Global;
use super::slot::{Flags, Slot, State};
use super::table::{Channels, Opener};
use super::{ChannelId, Event, OpenFailure, OpenKind, Request, STDERR};
use crate::config::Config;
use crate::crypto::schedule::Direction;
use crate::error::{Error, Violation};
use crate::event::{Ask, ChannelRequest, OpenRequest, Serials};
use crate::wire::Message;
use crate::wire::connection::{
    ChannelClose, ChannelData, ChannelEof, ChannelExtendedData, ChannelFailure, ChannelOpen, ChannelOpenConfirmation,
    ChannelOpenFailure, ChannelRequest as ChannelRequestMessage, ChannelSuccess, ChannelWindowAdjust, GlobalRequest,
    RequestFailure, RequestSuccess,
};

/// What became of a message.
#[derive(Debug)]
pub(crate) enum Received<'b> {
    Nothing,
    Global(Global<'b>),
    Open { kind: OpenKind<'b>, ask: Ask<OpenRequest> },
    Event(ChannelId, Event<'b>),
}

/// What handling needs besides the table.
pub(crate) struct Context<'c> {
    pub(crate) config: &'c Config,
    pub(crate) serials: &'c mut Serials,
    /// Who sent the message.
    pub(crate) from: Opener,
}

fn told(global: Option<Global<'_>>) -> Received<'_> {
    global.map_or(Received::Nothing, Received::Global)
}

impl Context<'_> {
    const fn direction(&self) -> Direction {
        match self.from {
            Opener::Client => Direction::ToServer,
            Opener::Server => Direction::ToClient,
        }
    }
}

impl<T: AsMut<[Slot]> + AsRef<[Slot]>> Channels<T> {
    /// Handles one message of the connection protocol.
    pub(crate) fn receive<'b>(
        &mut self,
        context: &mut Context<'_>,
        number: u8,
        body: &'b [u8],
    ) -> Result<Received<'b>, Error> {
        let received = match number {
            GlobalRequest::NUMBER => {
                GlobalRequest::decode(body).map(|message| self.globals.request(context.from, &message).map(told))
            }
            RequestSuccess::NUMBER => {
                RequestSuccess::decode(body).map(|m| self.globals.reply(number, Some(m.fields.0)).map(told))
            }
            RequestFailure::NUMBER => RequestFailure::decode(body).map(|_| self.globals.reply(number, None).map(told)),
            ChannelOpen::NUMBER => ChannelOpen::decode(body).map(|message| self.open_request(context, &message)),
            ChannelOpenConfirmation::NUMBER => ChannelOpenConfirmation::decode(body).map(|m| self.confirmed(&m)),
            ChannelOpenFailure::NUMBER => ChannelOpenFailure::decode(body).map(|m| self.failed(&m)),
            ChannelWindowAdjust::NUMBER => ChannelWindowAdjust::decode(body).map(|m| self.adjusted(&m)),
            ChannelData::NUMBER => {
                ChannelData::decode(body).map(|m| self.data(context.config, m.recipient, m.data, Event::Data))
            }
            ChannelExtendedData::NUMBER => ChannelExtendedData::decode(body).map(|m| self.extended(context, &m)),
            ChannelEof::NUMBER => ChannelEof::decode(body).map(|message| self.ended(message.recipient)),
            ChannelClose::NUMBER => ChannelClose::decode(body).map(|message| self.closed(message.recipient)),
            ChannelRequestMessage::NUMBER => ChannelRequestMessage::decode(body).map(|m| self.requested(context, &m)),
            ChannelSuccess::NUMBER => ChannelSuccess::decode(body).map(|m| self.replied(m.recipient, true)),
            ChannelFailure::NUMBER => ChannelFailure::decode(body).map(|m| self.replied(m.recipient, false)),
            _ => return Err(Violation::Unexpected(number).into()),
        };
        received.map_err(|_| Error::Malformed(Some(number)))?
    }

    fn open_request<'b>(&mut self, context: &mut Context<'_>, open: &ChannelOpen<'b>) -> Result<Received<'b>, Error> {
        let ChannelOpen { kind, sender, window, max_packet, fields } = *open;
        if self.is_taken(sender) {
            return Err(Violation::NoSuchChannel.into());
        }
        let refusal = match kind {
            b"session" if !fields.0.is_empty() => return Err(Error::Malformed(Some(ChannelOpen::NUMBER))),
            b"session" if context.from == Opener::Server || max_packet == 0 => Some(OpenFailure::PROHIBITED),
            b"session" => None,
            _ => Some(OpenFailure::UNKNOWN_TYPE),
        };
        let refusal = refusal.or_else(|| self.vacancy().is_none().then_some(OpenFailure::RESOURCE_SHORTAGE));
        if let Some(reason) = refusal {
            // Reading stops before the list is full, unless a key exchange keeps us silent.
            self.refusals.push((sender, reason)).map_err(|_| Violation::TooMany)?;
            return Ok(Received::Nothing);
        }
        let Some((id, slot)) = self.vacancy() else { return Ok(Received::Nothing) };
        slot.occupy(State::Asked, context.config.window);
        slot.peer = sender;
        slot.send_window = window;
        slot.peer_max = max_packet;
        Ok(Received::Open { kind: OpenKind::Session, ask: context.serials.ask(OpenRequest(id)) })
    }

    /// Whether the peer already uses this number of its own for a channel.
    fn is_taken(&mut self, number: u32) -> bool {
        let taken = |slot: &Slot| slot.peer == number && matches!(slot.state, State::Asked | State::Open);
        self.slots().iter().any(taken)
    }

    fn confirmed<'b>(&mut self, message: &ChannelOpenConfirmation<'_>) -> Result<Received<'b>, Error> {
        if self.is_taken(message.sender) {
            return Err(Violation::NoSuchChannel.into());
        }
        let (id, slot) = self.opening(message.recipient)?;
        if message.max_packet == 0 {
            return Err(Violation::WindowOverrun.into());
        }
        slot.state = State::Open;
        slot.peer = message.sender;
        slot.send_window = message.window;
        slot.peer_max = message.max_packet;
        let owes = slot.is_ended();
        self.dirty |= owes;
        Ok(Received::Event(id, Event::Opened))
    }

    fn failed<'b>(&mut self, message: &ChannelOpenFailure<'b>) -> Result<Received<'b>, Error> {
        let (id, slot) = self.opening(message.recipient)?;
        slot.free();
        let reason = OpenFailure(message.code);
        Ok(Received::Event(id, Event::Failed { reason, message: message.description }))
    }

    fn opening(&mut self, number: u32) -> Result<(ChannelId, &mut Slot), Error> {
        let id = ChannelId::from_number(number);
        let slot = self.slot(id).filter(|slot| slot.state == State::Opening).ok_or(Violation::NoSuchChannel)?;
        Ok((id, slot))
    }

    /// The channel that a message is for, which the peer has not closed.
    fn addressed(&mut self, number: u32) -> Result<(ChannelId, &mut Slot), Error> {
        let id = ChannelId::from_number(number);
        let open = |slot: &&mut Slot| slot.state == State::Open && !slot.has(Flags::CLOSE_RECEIVED);
        let slot = self.slot(id).filter(open).ok_or(Violation::NoSuchChannel)?;
        Ok((id, slot))
    }

    fn adjusted<'b>(&mut self, message: &ChannelWindowAdjust) -> Result<Received<'b>, Error> {
        let (id, slot) = self.addressed(message.recipient)?;
        let wakes = slot.adjust(message.bytes)? && slot.sends();
        Ok(if wakes { Received::Event(id, Event::Writable) } else { Received::Nothing })
    }

    fn data<'b>(
        &mut self,
        config: &Config,
        number: u32,
        data: &'b [u8],
        event: impl FnOnce(&'b [u8]) -> Event<'b>,
    ) -> Result<Received<'b>, Error> {
        let (id, slot) = self.addressed(number)?;
        if slot.has(Flags::EOF_RECEIVED) {
            return Err(Violation::NoSuchChannel.into());
        }
        if data.len() > usize::try_from(config.max_data).unwrap_or(usize::MAX) {
            return Err(Violation::WindowOverrun.into());
        }
        slot.receive(data.len())?;
        // What was released and held back is granted now that the window is used up.
        let owes = slot.owes_adjust(config.window);
        let closing = slot.is_closing();
        self.dirty |= owes;
        if closing {
            self.release(config.window, id, data.len());
            return Ok(Received::Nothing);
        }
        Ok(if data.is_empty() { Received::Nothing } else { Received::Event(id, event(data)) })
    }

    /// Standard error is a server's to send; kinds that nobody knows are dropped, and credited.
    fn extended<'b>(
        &mut self,
        context: &Context<'_>,
        message: &ChannelExtendedData<'b>,
    ) -> Result<Received<'b>, Error> {
        let ChannelExtendedData { recipient, kind, data } = *message;
        let received = self.data(context.config, recipient, data, |data| Event::Extended(kind, data))?;
        if kind == STDERR && context.from == Opener::Server {
            return Ok(received);
        }
        self.release(context.config.window, ChannelId::from_number(recipient), data.len());
        Ok(Received::Nothing)
    }

    fn ended<'b>(&mut self, number: u32) -> Result<Received<'b>, Error> {
        let (id, slot) = self.addressed(number)?;
        if slot.has(Flags::EOF_RECEIVED) {
            return Err(Violation::NoSuchChannel.into());
        }
        slot.raise(Flags::EOF_RECEIVED);
        let closing = slot.is_closing();
        Ok(if closing { Received::Nothing } else { Received::Event(id, Event::Eof) })
    }

    /// CLOSE is answered with CLOSE; once both are through the slot is free.
    fn closed<'b>(&mut self, number: u32) -> Result<Received<'b>, Error> {
        let (id, slot) = self.addressed(number)?;
        slot.raise(Flags::CLOSE_RECEIVED);
        if slot.has(Flags::CLOSE_SENT) {
            slot.free();
            self.closing = self.closing.saturating_sub(1);
        } else {
            slot.raise(Flags::CLOSE_OWED);
            self.dirty = true;
        }
        Ok(Received::Event(id, Event::Closed))
    }

    fn requested<'b>(
        &mut self,
        context: &mut Context<'_>,
        message: &ChannelRequestMessage<'b>,
    ) -> Result<Received<'b>, Error> {
        let malformed = Error::Malformed(Some(ChannelRequestMessage::NUMBER));
        let (id, slot) = self.addressed(message.recipient)?;
        let what = Request::decode(context.direction(), message.name, message.fields.0).map_err(|_| malformed)?;
        if let Some(what) = what.filter(Request::is_notice) {
            return Ok(Received::Event(id, Event::Notice(what)));
        }
        if slot.is_closing() {
            return Ok(Received::Nothing);
        }
        // Reading stops before, unless a key exchange keeps us silent.
        if message.want_reply && slot.is_backed_up() {
            return Err(Violation::TooMany.into());
        }
        let number = message.want_reply.then(|| slot.ask());
        let full = slot.is_backed_up();
        let lawful = what.filter(|what| !(what.starts() && slot.has(Flags::STARTED)));
        let Some(what) = lawful else {
            if let Some(number) = number {
                slot.decide(number, false);
                self.dirty = true;
            }
            self.backlog |= full;
            return Ok(Received::Nothing);
        };
        if what.starts() {
            slot.raise(Flags::STARTED);
        }
        self.backlog |= full;
        let ask = context.serials.ask(ChannelRequest { id, number, starts: what.starts() });
        Ok(Received::Event(id, Event::Request { what, ask }))
    }

    fn replied<'b>(&mut self, number: u32, granted: bool) -> Result<Received<'b>, Error> {
        let (id, slot) = self.addressed(number)?;
        slot.awaited = slot.awaited.checked_sub(1).ok_or(Violation::NoSuchChannel)?;
        Ok(Received::Event(id, Event::Replied(granted)))
    }
}
