//! One channel as a handful of facts: state, both windows, and what is owed. A forward, for which a server listens and
//! opens channels, has a slot as well, so that the length of the table bounds both.

use super::OpenFailure;
use crate::error::{Error, Violation};

/// Where a channel stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum State {
    #[default]
    Free,
    /// We asked for it.
    Opening,
    /// The peer asked for it; the embedder decides.
    Asked,
    /// The embedder declined; the refusal is owed.
    Declined(OpenFailure),
    /// Open, with possibly a confirmation, EOF or CLOSE on its way.
    Open,
    /// A forward that was asked for: by us, or by the peer, and the embedder decides.
    ForwardAsked,
    /// A forward that was granted.
    Forwarding,
}

/// Facts that are one bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Flags(u16);

impl Flags {
    pub(crate) const CONFIRM_OWED: Self = Self(1);
    pub(crate) const EOF_OWED: Self = Self(1 << 1);
    pub(crate) const EOF_SENT: Self = Self(1 << 2);
    pub(crate) const EOF_RECEIVED: Self = Self(1 << 3);
    pub(crate) const CLOSE_OWED: Self = Self(1 << 4);
    pub(crate) const CLOSE_SENT: Self = Self(1 << 5);
    pub(crate) const CLOSE_RECEIVED: Self = Self(1 << 6);
    /// A shell, command or subsystem was asked for and not refused: there is one per channel.
    pub(crate) const STARTED: Self = Self(1 << 7);
    /// The channel is a session.
    pub(crate) const SESSION: Self = Self(1 << 8);
    /// The server may open channels to the client's display, any number of them or one.
    pub(crate) const X11: Self = Self(1 << 9);
    pub(crate) const X11_ONCE: Self = Self(1 << 10);
    /// The server may open channels to the client's agent.
    pub(crate) const AGENT: Self = Self(1 << 11);
    /// The forward is of a Unix socket.
    const LOCAL: Self = Self(1 << 12);
    pub(crate) const NONE: Self = Self(0);
}

/// A digest of the address or path of a forward.
pub(crate) type Mark = [u32; 4];

/// What a forward is known by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) mark: Mark,
    /// `None` for a Unix socket.
    pub(crate) port: Option<u16>,
}

/// Requests on one channel whose answers may be outstanding at a time.
pub(crate) const MOST_ASKED: u8 = 16;

/// Memory for one channel; the embedder lends a table of them, whose length is the limit.
#[derive(Debug, Clone, Copy, Default)]
pub struct Slot {
    pub(crate) state: State,
    flags: Flags,
    pub(crate) generation: u16,
    /// The peer's number.
    pub(crate) peer: u32,
    /// Bytes we may send.
    pub(crate) send_window: u32,
    /// Largest data field the peer takes.
    pub(crate) peer_max: u32,
    /// Bytes the peer may send.
    pub(crate) receive_window: u32,
    /// Bytes delivered and not released.
    held: u32,
    /// Bytes released and not yet granted again.
    pub(crate) released: u32,
    /// Answers that we wait for.
    pub(crate) awaited: u8,
    /// What each of the first of them lets the server open if it is a yes, two bits each, the next answer's lowest.
    loans: u32,
    /// The peer's requests whose answers are owed: how many there are, which are decided, and how.
    asked: u8,
    first_asked: u8,
    decided: u16,
    granted: u16,
}

impl Slot {
    /// A free slot.
    pub const fn new() -> Self {
        Self {
            state: State::Free,
            flags: Flags(0),
            generation: 0,
            peer: 0,
            send_window: 0,
            peer_max: 0,
            receive_window: 0,
            held: 0,
            released: 0,
            awaited: 0,
            loans: 0,
            asked: 0,
            first_asked: 0,
            decided: 0,
            granted: 0,
        }
    }

    pub(crate) const fn has(&self, flag: Flags) -> bool {
        self.flags.0 & flag.0 != 0
    }

    pub(crate) const fn raise(&mut self, flag: Flags) {
        self.flags.0 |= flag.0;
    }

    pub(crate) const fn drop_flag(&mut self, flag: Flags) {
        self.flags.0 &= !flag.0;
    }

    /// Whether the answer to one more request can be kept apart from those that are due before it.
    pub(crate) fn may_ask_for(&self, permit: Flags) -> bool {
        self.awaited < if permit == Flags::NONE { u8::MAX } else { MOST_ASKED }
    }

    /// A request was sent whose answer will come, and that lets the server open something if it is granted.
    pub(crate) const fn ask_for(&mut self, permit: Flags) {
        let code = match permit {
            Flags::X11 => 1,
            Flags::X11_ONCE => 2,
            Flags::AGENT => 3,
            _ => 0,
        };
        if code != 0 {
            self.loans |= 1_u32.unbounded_shl((self.awaited as u32).saturating_mul(2)).wrapping_mul(code);
        }
        self.awaited = self.awaited.saturating_add(1);
    }

    /// The next answer has come; `None` if none was due.
    pub(crate) fn hear(&mut self, granted: bool) -> Option<()> {
        self.awaited = self.awaited.checked_sub(1)?;
        let permit = match self.loans & 3 {
            1 => Flags::X11,
            2 => Flags::X11_ONCE,
            3 => Flags::AGENT,
            _ => Flags::NONE,
        };
        self.loans >>= 2;
        if granted {
            self.raise(permit);
        }
        Some(())
    }

    /// Gives the slot to a new channel.
    pub(crate) const fn occupy(&mut self, state: State, window: u32) {
        let generation = self.generation;
        *self = Self::new();
        self.generation = generation;
        self.state = state;
        self.receive_window = window;
    }

    /// Frees the slot; ids of the channel that had it are stale from now on.
    pub(crate) const fn free(&mut self) {
        let generation = self.generation.wrapping_add(1);
        *self = Self::new();
        self.generation = generation;
    }

    /// Gives the slot to a forward, whose place stands where a channel has numbers and windows.
    pub(crate) const fn occupy_forward(&mut self, Place { mark, port }: Place) {
        self.occupy(State::ForwardAsked, 0);
        [self.send_window, self.peer_max, self.receive_window, self.held] = mark;
        match port {
            Some(port) => self.set_port(port),
            None => self.raise(Flags::LOCAL),
        }
    }

    /// The place of the forward that has the slot.
    pub(crate) const fn place(&self) -> Option<Place> {
        if !self.is_forward() {
            return None;
        }
        let mark = [self.send_window, self.peer_max, self.receive_window, self.held];
        let [_, _, high, low] = self.peer.to_be_bytes();
        let port = if self.has(Flags::LOCAL) { None } else { Some(u16::from_be_bytes([high, low])) };
        Some(Place { mark, port })
    }

    /// The forward's port was found.
    pub(crate) const fn set_port(&mut self, port: u16) {
        let [high, low] = port.to_be_bytes();
        self.peer = u32::from_be_bytes([0, 0, high, low]);
    }

    /// Whether a forward has the slot.
    pub(crate) const fn is_forward(&self) -> bool {
        matches!(self.state, State::ForwardAsked | State::Forwarding)
    }

    /// Whether the embedder has the channel: it asked for it, or took it.
    pub(crate) const fn is_ours(&self) -> bool {
        matches!(self.state, State::Opening | State::Open)
    }

    /// Whether our direction is over.
    pub(crate) const fn is_ended(&self) -> bool {
        self.is_closing() || self.has(Flags(Flags::EOF_OWED.0 | Flags::EOF_SENT.0 | Flags::CLOSE_RECEIVED.0))
    }

    /// Whether we may still send data.
    pub(crate) const fn sends(&self) -> bool {
        matches!(self.state, State::Open) && !self.is_ended()
    }

    /// Whether we are done with the channel, so that what the peer still sends is dropped.
    pub(crate) const fn is_closing(&self) -> bool {
        self.has(Flags(Flags::CLOSE_OWED.0 | Flags::CLOSE_SENT.0))
    }

    /// Bytes arrived: they must fit the window.
    pub(crate) fn receive(&mut self, bytes: usize) -> Result<(), Error> {
        let bytes = u32::try_from(bytes).map_err(|_| Violation::WindowOverrun)?;
        self.receive_window = self.receive_window.checked_sub(bytes).ok_or(Violation::WindowOverrun)?;
        self.held = self.held.saturating_add(bytes);
        Ok(())
    }

    /// Bytes are done with: never more than were delivered.
    pub(crate) fn release(&mut self, bytes: usize) {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX).min(self.held);
        self.held = self.held.saturating_sub(bytes);
        self.released = self.released.saturating_add(bytes);
    }

    /// So many bytes more may be on their way at a time; no window has more than 32 bits.
    pub(crate) fn widen(&mut self, bytes: u32) {
        let taken = self.receive_window.saturating_add(self.held).saturating_add(self.released);
        self.released = self.released.saturating_add(bytes.min(u32::MAX.saturating_sub(taken)));
    }

    /// Whether an adjust is worth a packet: half the window has been released, or the peer is about to stall.
    pub(crate) const fn owes_adjust(&self, window: u32) -> bool {
        self.released > 0
            && (self.released >= window / 2 || self.receive_window == 0)
            && matches!(self.state, State::Open)
            && !self.has(Flags(Flags::EOF_RECEIVED.0 | Flags::CLOSE_RECEIVED.0 | Flags::CLOSE_SENT.0))
    }

    /// The adjust went out.
    pub(crate) const fn adjusted(&mut self) {
        self.receive_window = self.receive_window.saturating_add(self.released);
        self.released = 0;
    }

    /// The peer adds to our window. Returns whether it was empty and no longer is.
    pub(crate) fn adjust(&mut self, bytes: u32) -> Result<bool, Error> {
        let was_empty = self.send_window == 0;
        self.send_window = self.send_window.checked_add(bytes).ok_or(Violation::WindowOverflow)?;
        Ok(was_empty && bytes > 0)
    }

    /// Whether no further request can be taken before answers leave. Of a channel that we close none is.
    pub(crate) const fn is_backed_up(&self) -> bool {
        self.asked >= MOST_ASKED && !self.is_closing()
    }

    /// A request arrived whose answer is owed; its number among those outstanding.
    pub(crate) const fn ask(&mut self) -> u8 {
        let number = self.first_asked.wrapping_add(self.asked);
        self.asked = self.asked.saturating_add(1);
        number
    }

    /// The request of that number is decided.
    pub(crate) fn decide(&mut self, number: u8, granted: bool) {
        let at = number.wrapping_sub(self.first_asked);
        if at < self.asked {
            let bit = 1u16.checked_shl(u32::from(at)).unwrap_or(0);
            if self.decided & bit == 0 {
                self.decided |= bit;
                self.granted |= if granted { bit } else { 0 };
            }
        }
    }

    /// The oldest answer, if it is decided.
    pub(crate) const fn answer(&self) -> Option<bool> {
        if self.asked > 0 && self.decided & 1 == 1 { Some(self.granted & 1 == 1) } else { None }
    }

    /// The oldest answer went out.
    pub(crate) const fn answered(&mut self) {
        self.asked = self.asked.saturating_sub(1);
        self.first_asked = self.first_asked.wrapping_add(1);
        self.decided >>= 1;
        self.granted >>= 1;
    }
}
