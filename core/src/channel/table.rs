//! The table of channels: commands on them, and what they owe turned into packets.

use super::global::Globals;
use super::request::Request;
use super::slot::{Flags, Mark, Slot, State};
use super::{ChannelId, OpenFailure, OpenKind};
use crate::Waiting;
use crate::config::Config;
use crate::crypto::Provider;
use crate::error::Refused;
use crate::event::{Ask, ChannelRequest, OpenRequest};
use crate::role::Role;
use crate::transport::Sender;
use crate::wire::connection::{
    ChannelClose, ChannelData, ChannelEof, ChannelExtendedData, ChannelFailure, ChannelOpen, ChannelOpenConfirmation,
    ChannelOpenFailure, ChannelRequest as ChannelRequestMessage, ChannelSuccess, ChannelWindowAdjust,
};
use crate::wire::{Message, Rest, Sink, Writer};
use heapless::Vec;

/// Refusals that are owed before reading stops.
const MOST_OWED: usize = 16;
/// Number, recipient and length in front of data.
const DATA_HEADER: usize = 9;
/// The same with the kind of extended data.
const EXTENDED_HEADER: usize = 13;

/// Who may open what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opener {
    Client,
    Server,
}

/// The channels of one connection, and what global requests leave behind.
pub(crate) struct Channels<T> {
    table: T,
    /// Where flushing goes on, so that every channel has its turn.
    next: usize,
    /// Something in the table may be owed.
    pub(super) dirty: bool,
    pub(super) refusals: Vec<(u32, OpenFailure), MOST_OWED>,
    pub(crate) globals: Globals,
    /// Channels whose CLOSE the peer owes.
    pub(super) closing: usize,
    /// Some channel may have as many answers outstanding as there may be.
    pub(super) backlog: bool,
    /// The client opens no sessions any more.
    pub(super) no_more_sessions: bool,
}

impl<T: AsMut<[Slot]> + AsRef<[Slot]>> Channels<T> {
    pub(crate) const fn new(table: T) -> Self {
        Self {
            table,
            next: 0,
            dirty: false,
            refusals: Vec::new(),
            globals: Globals::new(),
            closing: 0,
            backlog: false,
            no_more_sessions: false,
        }
    }

    pub(super) fn slots(&mut self) -> &mut [Slot] {
        self.table.as_mut()
    }

    /// The open or opening channel of that id.
    pub(super) fn slot(&mut self, id: ChannelId) -> Option<&mut Slot> {
        let slot = self.table.as_mut().get_mut(id.index())?;
        let taken = slot.state != State::Free && !slot.is_forward();
        (taken && slot.generation == id.generation()).then_some(slot)
    }

    fn live(&mut self, id: ChannelId) -> Result<&mut Slot, Refused> {
        let slot = self.slot(id).ok_or(Refused::NoSuchChannel)?;
        match slot.state {
            State::Open => Ok(slot),
            State::Opening | State::Asked => Err(Refused::NotYet),
            State::Free | State::Declined(_) | State::ForwardAsked | State::Forwarding => Err(Refused::NoSuchChannel),
        }
    }

    /// Slots that are not free.
    pub(crate) fn taken(&self) -> usize {
        self.table.as_ref().iter().filter(|slot| slot.state != State::Free).count()
    }

    /// Takes a free slot.
    pub(super) fn vacancy(&mut self) -> Option<(ChannelId, &mut Slot)> {
        let mut slots = self.table.as_mut().iter_mut().enumerate().take(1 << 16);
        let (index, slot) = slots.find(|(_, slot)| slot.state == State::Free)?;
        Some((ChannelId::new(index, slot.generation), slot))
    }

    pub(crate) fn open<R: Role, P: Provider>(
        &mut self,
        config: &Config,
        sender: &mut Sender<'_, '_, R, P>,
        us: Opener,
        kind: OpenKind<'_>,
        mark: Mark,
    ) -> Result<ChannelId, Refused> {
        if !self.may_open(us, &kind, mark) {
            return Err(Refused::NotYet);
        }
        let (id, slot) = self.vacancy().ok_or(Refused::NoRoom)?;
        let (window, max_packet) = (config.window, config.max_data);
        let head = ChannelOpen { kind: kind.name(), sender: id.number(), window, max_packet, fields: Rest(b"") };
        sender.send_with(&head, |sink| kind.encode(sink))?;
        slot.occupy(State::Opening, window);
        slot.raise(if kind == OpenKind::Session { Flags::SESSION } else { Flags::NONE });
        self.use_permit(&kind);
        Ok(id)
    }

    /// Client: opens no session any more.
    pub(crate) fn forgo_sessions<R: Role, P: Provider>(
        &mut self,
        sender: &mut Sender<'_, '_, R, P>,
    ) -> Result<(), Refused> {
        if !self.no_more_sessions {
            Globals::forgo_sessions(sender)?;
            self.no_more_sessions = true;
        }
        Ok(())
    }

    pub(crate) fn accept(&mut self, ask: &Ask<OpenRequest>) -> Result<ChannelId, Refused> {
        let id = ask.question.0;
        let slot = self.slot(id).filter(|slot| slot.state == State::Asked).ok_or(Refused::Moot)?;
        slot.state = State::Open;
        slot.raise(Flags::CONFIRM_OWED);
        self.dirty = true;
        Ok(id)
    }

    pub(crate) fn decline(&mut self, ask: &Ask<OpenRequest>, reason: OpenFailure) {
        if let Some(slot) = self.slot(ask.question.0).filter(|slot| slot.state == State::Asked) {
            slot.state = State::Declined(reason);
            self.dirty = true;
        }
    }

    pub(crate) fn request<R: Role, P: Provider>(
        &mut self,
        sender: &mut Sender<'_, '_, R, P>,
        id: ChannelId,
        what: Request<'_>,
    ) -> Result<(), Refused> {
        let slot = self.live(id)?;
        if slot.is_closing() || slot.has(Flags::CLOSE_RECEIVED) {
            return Err(Refused::Closed);
        }
        if !slot.has(Flags::SESSION) {
            return Err(Refused::NoSuchChannel);
        }
        let want_reply = what.wants_reply();
        if want_reply && !slot.may_ask_for(what.permits()) {
            return Err(Refused::Busy);
        }
        let head = ChannelRequestMessage { recipient: slot.peer, name: what.name(), want_reply, fields: Rest(b"") };
        sender.send_with(&head, |sink| what.encode(sink))?;
        if want_reply {
            slot.ask_for(what.permits());
        }
        Ok(())
    }

    pub(crate) fn reply(&mut self, ask: &Ask<ChannelRequest>, granted: bool) {
        let ChannelRequest { id, number, starts, permits } = ask.question;
        let Some(slot) = self.slot(id) else { return };
        if starts && !granted {
            slot.drop_flag(Flags::STARTED);
        }
        if granted {
            slot.raise(permits);
        }
        if let Some(number) = number {
            slot.decide(number, granted);
            self.dirty = true;
        }
    }

    pub(crate) fn writable(&self, id: ChannelId) -> usize {
        let slot = self.table.as_ref().get(id.index());
        let slot = slot.filter(|slot| slot.generation == id.generation() && slot.sends());
        slot.map_or(0, |slot| usize::try_from(slot.send_window.min(slot.peer_max)).unwrap_or(usize::MAX))
    }

    pub(crate) fn windows(&self, id: ChannelId) -> Option<(u32, u32)> {
        let slot = self.table.as_ref().get(id.index())?;
        let open = slot.generation == id.generation() && slot.state == State::Open;
        open.then_some((slot.send_window, slot.receive_window))
    }

    /// How much may be sent now: by window, by the peer's packet limit and by the room in the output.
    fn allowance(&mut self, id: ChannelId, room: usize, header: usize) -> Result<(&mut Slot, usize), Refused> {
        let slot = self.live(id)?;
        if !slot.sends() {
            return Err(Refused::Closed);
        }
        let window = usize::try_from(slot.send_window.min(slot.peer_max)).unwrap_or(usize::MAX);
        if window == 0 {
            return Ok((slot, 0));
        }
        let room = room.saturating_sub(header);
        if room == 0 { Err(Refused::NoRoom) } else { Ok((slot, window.min(room))) }
    }

    pub(crate) fn write<R: Role, P: Provider>(
        &mut self,
        sender: &mut Sender<'_, '_, R, P>,
        id: ChannelId,
        kind: Option<u32>,
        data: &[u8],
    ) -> Result<usize, Refused> {
        let header = if kind.is_some() { EXTENDED_HEADER } else { DATA_HEADER };
        let (slot, most) = self.allowance(id, sender.room(), header)?;
        let data = data.get(..most).unwrap_or(data);
        if data.is_empty() {
            return Ok(0);
        }
        let recipient = slot.peer;
        match kind {
            None => sender.send(&ChannelData { recipient, data })?,
            Some(kind) => sender.send(&ChannelExtendedData { recipient, kind, data })?,
        }
        slot.send_window = slot.send_window.saturating_sub(u32::try_from(data.len()).unwrap_or(u32::MAX));
        Ok(data.len())
    }

    pub(crate) fn fill<R: Role, P: Provider>(
        &mut self,
        sender: &mut Sender<'_, '_, R, P>,
        id: ChannelId,
        with: impl FnOnce(&mut [u8]) -> usize,
    ) -> Result<usize, Refused> {
        let (slot, most) = self.allowance(id, sender.room(), DATA_HEADER)?;
        if most == 0 {
            return Ok(0);
        }
        let recipient = slot.peer;
        let mut with = Some(with);
        let sent = sender.compose(most.saturating_add(DATA_HEADER), &mut |space| {
            let parts = space.split_at_mut_checked(DATA_HEADER).zip(with.take());
            let Some(((header, data), with)) = parts else { return 0 };
            let written = with(data).min(most);
            if written == 0 {
                return 0;
            }
            let mut writer = Writer::new(header);
            writer.u8(ChannelData::NUMBER);
            writer.u32(recipient);
            writer.u32(u32::try_from(written).unwrap_or(u32::MAX));
            written.saturating_add(DATA_HEADER)
        })?;
        let sent = sent.saturating_sub(DATA_HEADER);
        slot.send_window = slot.send_window.saturating_sub(u32::try_from(sent).unwrap_or(u32::MAX));
        Ok(sent)
    }

    pub(crate) fn release(&mut self, window: u32, id: ChannelId, bytes: usize) {
        let Some(slot) = self.slot(id) else { return };
        slot.release(bytes);
        let owes = slot.owes_adjust(window);
        self.dirty |= owes;
    }

    pub(crate) fn widen(&mut self, window: u32, id: ChannelId, bytes: u32) {
        let Some(slot) = self.slot(id).filter(|slot| slot.is_ours()) else { return };
        slot.widen(bytes);
        let owes = slot.owes_adjust(window);
        self.dirty |= owes;
    }

    pub(crate) fn finish(&mut self, id: ChannelId) {
        if let Some(slot) = self.slot(id).filter(|slot| slot.is_ours() && !slot.is_ended()) {
            slot.raise(Flags::EOF_OWED);
            self.dirty = true;
        }
    }

    pub(crate) fn close(&mut self, id: ChannelId) {
        if let Some(slot) = self.slot(id).filter(|slot| slot.is_ours() && !slot.is_closing()) {
            slot.raise(Flags::CLOSE_OWED);
            self.dirty = true;
        }
    }

    /// Whether the peer's CLOSE is due somewhere.
    pub(crate) const fn is_closing(&self) -> bool {
        self.closing > 0
    }

    pub(crate) fn owes(&self) -> bool {
        self.dirty || self.globals.owes() || !self.refusals.is_empty()
    }

    /// What must happen before more is read, if replies have piled up.
    pub(crate) fn waiting(&self) -> Option<Waiting> {
        let waiting = if self.refusals.is_full() { Some(Waiting::Output) } else { self.globals.waiting() };
        if waiting.is_some() {
            return waiting;
        }
        if !self.backlog {
            return None;
        }
        let (index, slot) = self.table.as_ref().iter().enumerate().find(|(_, slot)| slot.is_backed_up())?;
        let id = ChannelId::new(index, slot.generation);
        Some(if slot.answer().is_some() { Waiting::Output } else { Waiting::Reply(id) })
    }

    /// Turns facts into packets until the output is full or nothing is owed.
    pub(crate) fn flush<R: Role, P: Provider>(
        &mut self,
        config: &Config,
        sender: &mut Sender<'_, '_, R, P>,
    ) -> Result<(), Refused> {
        self.globals.flush(sender)?;
        while let Some((recipient, OpenFailure(code))) = self.refusals.first().copied() {
            sender.send(&ChannelOpenFailure { recipient, code, description: b"", language: b"" })?;
            self.refusals.remove(0);
        }
        if self.dirty {
            self.flush_slots(config, sender)?;
            self.dirty = false;
            self.backlog = self.backlog && self.slots().iter().any(Slot::is_backed_up);
        }
        Ok(())
    }

    fn flush_slots<R: Role, P: Provider>(
        &mut self,
        config: &Config,
        sender: &mut Sender<'_, '_, R, P>,
    ) -> Result<(), Refused> {
        let slots = self.table.as_mut();
        let count = slots.len();
        for turn in 0..count {
            let index = self.next.wrapping_add(turn).checked_rem(count).unwrap_or(0);
            let Some(slot) = slots.get_mut(index) else { continue };
            let was_closing = slot.has(Flags::CLOSE_SENT);
            let flushed = flush_slot(config, sender, index, slot);
            self.closing = self.closing.saturating_add(usize::from(slot.has(Flags::CLOSE_SENT) && !was_closing));
            if flushed.is_err() {
                self.next = index;
                return flushed;
            }
        }
        Ok(())
    }
}

/// What one channel owes, in the order in which the peer should learn it.
fn flush_slot<R: Role, P: Provider>(
    config: &Config,
    sender: &mut Sender<'_, '_, R, P>,
    index: usize,
    slot: &mut Slot,
) -> Result<(), Refused> {
    if slot.state == State::Opening || slot.is_forward() {
        return Ok(());
    }
    let recipient = slot.peer;
    if let State::Declined(OpenFailure(code)) = slot.state {
        sender.send(&ChannelOpenFailure { recipient, code, description: b"", language: b"" })?;
        slot.free();
        return Ok(());
    }
    if slot.has(Flags::CONFIRM_OWED) {
        sender.send(&ChannelOpenConfirmation {
            recipient,
            sender: ChannelId::new(index, slot.generation).number(),
            window: slot.receive_window,
            max_packet: config.max_data,
            fields: Rest(b""),
        })?;
        slot.drop_flag(Flags::CONFIRM_OWED);
    }
    while let Some(granted) = slot.answer().filter(|_| !slot.has(Flags::CLOSE_SENT)) {
        if granted { sender.send(&ChannelSuccess { recipient }) } else { sender.send(&ChannelFailure { recipient }) }?;
        slot.answered();
    }
    if slot.owes_adjust(config.window) {
        sender.send(&ChannelWindowAdjust { recipient, bytes: slot.released })?;
        slot.adjusted();
    }
    if slot.has(Flags::EOF_OWED) && !slot.has(Flags::CLOSE_SENT) {
        sender.send(&ChannelEof { recipient })?;
        slot.drop_flag(Flags::EOF_OWED);
        slot.raise(Flags::EOF_SENT);
    }
    if slot.has(Flags::CLOSE_OWED) {
        sender.send(&ChannelClose { recipient })?;
        slot.drop_flag(Flags::CLOSE_OWED);
        slot.raise(Flags::CLOSE_SENT);
        if slot.has(Flags::CLOSE_RECEIVED) {
            slot.free();
        }
    }
    Ok(())
}
