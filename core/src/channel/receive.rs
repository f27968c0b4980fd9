//! Messages 80 to 100 as they arrive (RFC 4254 §4 and §5): each checked against its channel's facts, then told.

use super::forward::{Asked, Forward, ForwardEvent, ForwardId};
use super::global::{Answer, Global, NO_MORE_SESSIONS};
use super::open::Wanted;
use super::slot::{Flags, Mark, Place, Slot, State};
use super::table::{Channels, Opener};
use super::{ChannelId, Event, OpenFailure, OpenKind, Request, STDERR};
use crate::config::Config;
use crate::crypto::schedule::Direction;
use crate::error::{Error, Violation};
use crate::event::{Ask, ChannelRequest, ForwardRequest, OpenRequest, Serials};
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
    Listen { what: Forward<'b>, ask: Ask<ForwardRequest> },
    Forward(ForwardId, ForwardEvent),
    Open { kind: OpenKind<'b>, ask: Ask<OpenRequest> },
    Event(ChannelId, Event<'b>),
}

/// What handling needs besides the table.
pub(crate) struct Context<'c> {
    pub(crate) config: &'c Config,
    pub(crate) serials: &'c mut Serials,
    /// Who sent the message.
    pub(crate) from: Opener,
    /// By what addresses are known again.
    pub(crate) mark: fn(&[u8]) -> Mark,
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
            GlobalRequest::NUMBER => GlobalRequest::decode(body).map(|message| self.global(context, &message)),
            RequestSuccess::NUMBER => RequestSuccess::decode(body).map(|m| self.answered(number, Some(m.fields.0))),
            RequestFailure::NUMBER => RequestFailure::decode(body).map(|_| self.answered(number, None)),
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

    fn global<'b>(&mut self, context: &mut Context<'_>, request: &GlobalRequest<'b>) -> Result<Received<'b>, Error> {
        let GlobalRequest { name, want_reply, fields } = *request;
        if context.from == Opener::Client {
            let asked = Forward::decode(name, fields.0).map_err(|_| Error::Malformed(Some(GlobalRequest::NUMBER)))?;
            if asked != Asked::Other {
                return self.forward_request(context, asked, want_reply);
            }
            if name == NO_MORE_SESSIONS {
                self.no_more_sessions = true;
                self.globals.owe_success(want_reply)?;
                return Ok(Received::Nothing);
            }
        }
        let told = self.globals.request(context.from, request)?;
        Ok(told.map_or(Received::Nothing, Received::Global))
    }

    fn answered<'b>(&mut self, number: u8, fields: Option<&'b [u8]>) -> Result<Received<'b>, Error> {
        Ok(match self.globals.reply(number, fields)? {
            Answer::Nothing => Received::Nothing,
            Answer::Proofs(proofs) => Received::Global(Global::Proofs(proofs)),
            Answer::Forward(id) => {
                self.forward_reply(id, fields)?.map_or(Received::Nothing, |event| Received::Forward(id, event))
            }
        })
    }

    fn open_request<'b>(&mut self, context: &mut Context<'_>, open: &ChannelOpen<'b>) -> Result<Received<'b>, Error> {
        let ChannelOpen { kind, sender, window, max_packet, fields } = *open;
        if self.is_taken(sender) {
            return Err(Violation::NoSuchChannel.into());
        }
        let malformed = Error::Malformed(Some(ChannelOpen::NUMBER));
        let wanted = OpenKind::decode(context.direction(), kind, fields.0).map_err(|_| malformed)?;
        if wanted == Wanted::Kind(OpenKind::Session) && self.no_more_sessions {
            return Err(Violation::Unexpected(ChannelOpen::NUMBER).into());
        }
        let kind = if max_packet == 0 { Err(OpenFailure::PROHIBITED) } else { self.lawful(context, wanted) };
        let kind = kind.and_then(|kind| {
            let vacancy = self.vacancy().ok_or(OpenFailure::RESOURCE_SHORTAGE)?;
            Ok((kind, vacancy))
        });
        let (kind, id) = match kind {
            Ok((kind, (id, slot))) => {
                slot.occupy(State::Asked, context.config.window);
                slot.peer = sender;
                slot.send_window = window;
                slot.peer_max = max_packet;
                slot.raise(if kind == OpenKind::Session { Flags::SESSION } else { Flags::NONE });
                (kind, id)
            }
            Err(reason) => {
                // Reading stops before the list is full, unless a key exchange keeps us silent.
                self.refusals.push((sender, reason)).map_err(|_| Violation::TooMany)?;
                return Ok(Received::Nothing);
            }
        };
        self.use_permit(&kind);
        Ok(Received::Open { kind, ask: context.serials.ask(OpenRequest(id)) })
    }

    /// What is to be opened, if the peer may ask for it: a client for sessions, and where the server forwards; a server
    /// for what it was asked to.
    fn lawful<'b>(&mut self, context: &Context<'_>, wanted: Wanted<'b>) -> Result<OpenKind<'b>, OpenFailure> {
        let found = match wanted {
            Wanted::Unknown => return Err(OpenFailure::UNKNOWN_TYPE),
            Wanted::Kind(OpenKind::Session) => Some(OpenKind::Session),
            Wanted::Kind(kind @ (OpenKind::DirectTcpip(_) | OpenKind::DirectStreamlocal(_))) => {
                context.config.forwarding.then_some(kind)
            }
            Wanted::ForwardedTcpip(what) => {
                let place = Place { mark: (context.mark)(what.host), port: Some(what.port) };
                self.forwarding(place).map(|id| OpenKind::ForwardedTcpip(id, what))
            }
            Wanted::ForwardedStreamlocal(path) => {
                let place = Place { mark: (context.mark)(path), port: None };
                self.forwarding(place).map(|id| OpenKind::ForwardedStreamlocal(id, path))
            }
            Wanted::Kind(kind) => self.is_permitted(&kind).then_some(kind),
            Wanted::Wrong => None,
        };
        found.ok_or(OpenFailure::PROHIBITED)
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
        let id = ChannelId::from_number(recipient);
        let session = self.slot(id).is_some_and(|slot| slot.has(Flags::SESSION));
        if kind == STDERR && context.from == Opener::Server && session {
            return Ok(received);
        }
        self.release(context.config.window, id, data.len());
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
        // Only sessions have something to ask for.
        let what = what.filter(|_| slot.has(Flags::SESSION));
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
        let forwards = |what: &Request<'_>| what.permits() != Flags::NONE;
        let lawful = what.filter(|what| !(what.starts() && slot.has(Flags::STARTED)));
        let lawful = lawful.filter(|what| context.config.forwarding || !forwards(what));
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
        let ask = context.serials.ask(ChannelRequest { id, number, starts: what.starts(), permits: what.permits() });
        Ok(Received::Event(id, Event::Request { what, ask }))
    }

    fn replied<'b>(&mut self, number: u32, granted: bool) -> Result<Received<'b>, Error> {
        let (id, slot) = self.addressed(number)?;
        slot.hear(granted).ok_or(Violation::NoSuchChannel)?;
        Ok(Received::Event(id, Event::Replied(granted)))
    }
}
