//! Forwards: what a client asks a server to listen on, so that connections there come back as channels (RFC 4254 §7.1,
//! OpenSSH PROTOCOL §2.4). Each occupies a slot of the table of channels from the request to its refusal or cancelling.
//!
//! ```text
//! free -- request --> asked -- granted --> forwarding -- cancelled --> free
//!                       +----- refused ------------------------------> free
//! ```

use super::receive::{Context, Received};
use super::slot::{Flags, Mark, Place, Slot, State};
use super::table::{Channels, Opener};
use super::{ChannelId, OpenKind};
use crate::crypto::{HashValue, Provider};
use crate::error::{Error, Refused};
use crate::event::{Ask, ForwardRequest};
use crate::role::Role;
use crate::transport::Sender;
use crate::wire::connection::{ForwardedPort, GlobalRequest, RequestSuccess, StreamlocalForward, TcpipForward};
use crate::wire::{Malformed, Message, Rest, Sink, word};
use core::fmt;

/// Where a server is to listen for a client. From a client, everything inside is untrusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forward<'b> {
    /// `tcpip-forward`: at this address and port. RFC 4254 §7.1 gives `""`, `0.0.0.0`, `::`, `localhost`, `127.0.0.1` and
    /// `::1` meanings of their own; port 0 is any that is free.
    Tcpip {
        /// The address.
        address: &'b [u8],
        /// The port.
        port: u16,
    },
    /// `streamlocal-forward@openssh.com`: at the Unix socket of this path.
    Streamlocal(&'b [u8]),
}

/// Names a forward of one connection.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ForwardId(pub(crate) ChannelId);

/// What becomes of a forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForwardEvent {
    /// Client: the server listens, at this port; 0 for a Unix socket.
    Granted(u16),
    /// Client: the server does not; the forward is gone.
    Refused,
    /// Server: the client wants no more of it; the forward is gone.
    Cancelled,
}

impl ForwardId {
    /// The slot, which no channel and no other forward has meanwhile: an index for the embedder's own tables.
    pub const fn index(self) -> usize {
        self.0.index()
    }
}

impl fmt::Debug for ForwardId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a client asks by a global request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked<'b> {
    Forward(Forward<'b>),
    Cancel(Forward<'b>),
    /// A port that there is not.
    Wrong,
    /// Nothing about forwards.
    Other,
}

/// By what a forward's address or path is known again: the first half of its SHA-256.
pub(crate) fn mark(digest: &HashValue) -> Mark {
    let mut words = digest.as_bytes().chunks_exact(4).filter_map(|word| <[u8; 4]>::try_from(word).ok());
    core::array::from_fn(|_| words.next().map_or(0, u32::from_be_bytes))
}

impl<'b> Forward<'b> {
    /// Reads a global request of a client.
    pub(super) fn decode(name: &[u8], fields: &'b [u8]) -> Result<Asked<'b>, Malformed> {
        let what = match word(name) {
            "tcpip-forward" | "cancel-tcpip-forward" => {
                let TcpipForward { address, port } = TcpipForward::decode(fields)?;
                let Ok(port) = u16::try_from(port) else { return Ok(Asked::Wrong) };
                Self::Tcpip { address, port }
            }
            "streamlocal-forward@openssh.com" | "cancel-streamlocal-forward@openssh.com" => {
                Self::Streamlocal(StreamlocalForward::decode(fields)?.path)
            }
            _ => return Ok(Asked::Other),
        };
        Ok(if name.starts_with(b"cancel-") { Asked::Cancel(what) } else { Asked::Forward(what) })
    }

    /// The name of the request.
    const fn name(&self, cancels: bool) -> &'static [u8] {
        match (self, cancels) {
            (Self::Tcpip { .. }, false) => b"tcpip-forward",
            (Self::Tcpip { .. }, true) => b"cancel-tcpip-forward",
            (Self::Streamlocal(_), false) => b"streamlocal-forward@openssh.com",
            (Self::Streamlocal(_), true) => b"cancel-streamlocal-forward@openssh.com",
        }
    }

    fn encode(&self, sink: &mut dyn Sink) {
        match *self {
            Self::Tcpip { address, port } => TcpipForward { address, port: port.into() }.encode(sink),
            Self::Streamlocal(path) => StreamlocalForward { path }.encode(sink),
        }
    }

    /// Its place, if `mark` digests addresses.
    pub(super) fn place(&self, mark: impl FnOnce(&[u8]) -> Mark) -> Place {
        match *self {
            Self::Tcpip { address, port } => Place { mark: mark(address), port: Some(port) },
            Self::Streamlocal(path) => Place { mark: mark(path), port: None },
        }
    }
}

impl<T: AsMut<[Slot]> + AsRef<[Slot]>> Channels<T> {
    /// The forward of that id.
    pub(super) fn forward_slot(&mut self, id: ForwardId) -> Option<&mut Slot> {
        let slot = self.slots().get_mut(id.0.index())?;
        (slot.is_forward() && slot.generation == id.0.generation()).then_some(slot)
    }

    /// The forward that was granted for that place.
    pub(super) fn forwarding(&mut self, place: Place) -> Option<ForwardId> {
        let fits = |slot: &Slot| slot.state == State::Forwarding && slot.place() == Some(place);
        let (index, slot) = self.slots().iter().enumerate().find(|(_, slot)| fits(slot))?;
        Some(ForwardId(ChannelId::new(index, slot.generation)))
    }

    /// Whether the embedder thinks about a forward of that place, which only one can have.
    fn is_asked(&mut self, place: Place) -> bool {
        let fits = |slot: &Slot| slot.state == State::ForwardAsked && slot.place() == Some(place);
        place.port != Some(0) && self.slots().iter().any(fits)
    }

    /// Client: asks for a forward.
    pub(crate) fn forward<R: Role, P: Provider>(
        &mut self,
        sender: &mut Sender<'_, '_, R, P>,
        what: Forward<'_>,
        mark: Mark,
    ) -> Result<ForwardId, Refused> {
        if !self.globals.may_ask() {
            return Err(Refused::Busy);
        }
        let (id, slot) = self.vacancy().ok_or(Refused::NoRoom)?;
        let head = GlobalRequest { name: what.name(false), want_reply: true, fields: Rest(b"") };
        sender.send_with(&head, |sink| what.encode(sink))?;
        slot.occupy_forward(what.place(|_| mark));
        self.globals.asked_forward(ForwardId(id));
        Ok(ForwardId(id))
    }

    /// Client: ends a forward, whose address is said again. Nothing comes by it any more.
    pub(crate) fn cancel<R: Role, P: Provider>(
        &mut self,
        sender: &mut Sender<'_, '_, R, P>,
        id: ForwardId,
        what: Forward<'_>,
        mark: Mark,
    ) -> Result<(), Refused> {
        if !self.globals.may_ask() {
            return Err(Refused::Busy);
        }
        let slot = self.forward_slot(id).ok_or(Refused::NoSuchChannel)?;
        if slot.state == State::ForwardAsked {
            return Err(Refused::NotYet);
        }
        let place = slot.place();
        let what = match (what, place.and_then(|place| place.port)) {
            (Forward::Tcpip { address, .. }, Some(port)) => Forward::Tcpip { address, port },
            (what @ (Forward::Tcpip { .. } | Forward::Streamlocal(_)), _) => what,
        };
        if place != Some(what.place(|_| mark)) {
            return Err(Refused::Moot);
        }
        let head = GlobalRequest { name: what.name(true), want_reply: true, fields: Rest(b"") };
        sender.send_with(&head, |sink| what.encode(sink))?;
        slot.free();
        self.globals.asked_nothing();
        Ok(())
    }

    /// Server: the embedder listens, at this port.
    pub(crate) fn listen(&mut self, ask: &Ask<ForwardRequest>, port: u16) -> Result<ForwardId, Refused> {
        let ForwardRequest { id, any_port, wants_reply } = ask.question;
        let slot = self.forward_slot(id).filter(|slot| slot.state == State::ForwardAsked).ok_or(Refused::Moot)?;
        slot.state = State::Forwarding;
        if any_port {
            slot.set_port(port);
        }
        if wants_reply {
            self.globals.decide(ask.serial, Some(any_port.then_some(port)));
        }
        Ok(id)
    }

    /// Server: the embedder does not listen.
    pub(crate) fn refuse_forward(&mut self, ask: &Ask<ForwardRequest>) {
        let ForwardRequest { id, wants_reply, .. } = ask.question;
        if let Some(slot) = self.forward_slot(id).filter(|slot| slot.state == State::ForwardAsked) {
            slot.free();
            if wants_reply {
                self.globals.decide(ask.serial, None);
            }
        }
    }

    /// Server: a client asks for a forward, or wants one no more. What cannot be is owed a failure.
    pub(super) fn forward_request<'b>(
        &mut self,
        context: &mut Context<'_>,
        asked: Asked<'b>,
        want_reply: bool,
    ) -> Result<Received<'b>, Error> {
        let (what, cancels) = match asked {
            Asked::Forward(what) if context.config.forwarding => (what, false),
            Asked::Cancel(what) => (what, true),
            Asked::Forward(_) | Asked::Wrong | Asked::Other => {
                self.globals.owe_failure(want_reply)?;
                return Ok(Received::Nothing);
            }
        };
        let place = what.place(context.mark);
        let known = self.forwarding(place);
        let outcome = match (cancels, known) {
            (true, Some(id)) => {
                self.forward_slot(id).map(Slot::free);
                self.globals.owe_success(want_reply)?;
                return Ok(Received::Forward(id, ForwardEvent::Cancelled));
            }
            (false, None) if !self.is_asked(place) => self.vacancy().map(|(id, slot)| {
                slot.occupy_forward(place);
                ForwardId(id)
            }),
            (true, None) | (false, _) => None,
        };
        let Some(id) = outcome else {
            self.globals.owe_failure(want_reply)?;
            return Ok(Received::Nothing);
        };
        let any_port = place.port == Some(0);
        let ask = context.serials.ask(ForwardRequest { id, any_port, wants_reply: want_reply });
        if want_reply {
            self.globals.owe_decision(ask.serial)?;
        }
        Ok(Received::Listen { what, ask })
    }

    /// Client: what became of a forward.
    pub(super) fn forward_reply(
        &mut self,
        id: ForwardId,
        fields: Option<&[u8]>,
    ) -> Result<Option<ForwardEvent>, Error> {
        let Some(slot) = self.forward_slot(id) else { return Ok(None) };
        let (Some(fields), Some(place)) = (fields, slot.place()) else {
            slot.free();
            return Ok(Some(ForwardEvent::Refused));
        };
        let port = match place.port {
            // Some servers name the port where it was given as well.
            Some(port) if port > 0 => port,
            Some(_) => found_port(fields).ok_or(Error::Malformed(Some(RequestSuccess::NUMBER)))?,
            None => 0,
        };
        slot.state = State::Forwarding;
        slot.set_port(port);
        Ok(Some(ForwardEvent::Granted(port)))
    }

    /// The session that lets a server open a channel to its client's display or agent, and by which flag.
    fn permit(&mut self, kinds: &[Flags]) -> Option<(&mut Slot, Flags)> {
        let kind_of = |slot: &Slot| kinds.iter().copied().find(|kind| slot.has(*kind));
        let permits = |slot: &Slot| slot.state == State::Open && !slot.is_closing() && kind_of(slot).is_some();
        let slot = self.slots().iter_mut().find(|slot| permits(slot))?;
        let kind = kind_of(slot)?;
        Some((slot, kind))
    }

    /// Whether a session lets a server open this to its client.
    pub(super) fn is_permitted(&mut self, kind: &OpenKind<'_>) -> bool {
        self.permit(permits(kind)).is_some()
    }

    /// A channel that was asked for once has come.
    pub(super) fn use_permit(&mut self, kind: &OpenKind<'_>) {
        if let Some((slot, Flags::X11_ONCE)) = self.permit(permits(kind)) {
            slot.drop_flag(Flags::X11_ONCE);
        }
    }

    /// Whether we, a client or a server, may open a channel of this kind now.
    pub(super) fn may_open(&mut self, us: Opener, kind: &OpenKind<'_>, mark: Mark) -> bool {
        match (us, *kind) {
            (Opener::Client, OpenKind::Session) => !self.no_more_sessions,
            (Opener::Client, OpenKind::DirectTcpip(_) | OpenKind::DirectStreamlocal(_)) | (_, OpenKind::Unknown(_)) => {
                true
            }
            (Opener::Server, OpenKind::ForwardedTcpip(id, what)) => {
                self.forwarding(Place { mark, port: Some(what.port) }) == Some(id)
            }
            (Opener::Server, OpenKind::ForwardedStreamlocal(id, _)) => {
                self.forwarding(Place { mark, port: None }) == Some(id)
            }
            (Opener::Server, OpenKind::X11 { .. } | OpenKind::Agent | OpenKind::AgentStandard) => {
                self.is_permitted(kind)
            }
            (
                Opener::Client,
                OpenKind::ForwardedTcpip(..)
                | OpenKind::ForwardedStreamlocal(..)
                | OpenKind::X11 { .. }
                | OpenKind::Agent
                | OpenKind::AgentStandard,
            )
            | (Opener::Server, OpenKind::Session | OpenKind::DirectTcpip(_) | OpenKind::DirectStreamlocal(_)) => false,
        }
    }
}

/// The flags of sessions that permit a channel.
const fn permits(kind: &OpenKind<'_>) -> &'static [Flags] {
    match kind {
        OpenKind::X11 { .. } => &[Flags::X11, Flags::X11_ONCE],
        OpenKind::Agent | OpenKind::AgentStandard => &[Flags::AGENT],
        OpenKind::Session
        | OpenKind::DirectTcpip(_)
        | OpenKind::DirectStreamlocal(_)
        | OpenKind::ForwardedTcpip(..)
        | OpenKind::ForwardedStreamlocal(..)
        | OpenKind::Unknown(_) => &[],
    }
}

/// The port that a server found.
fn found_port(fields: &[u8]) -> Option<u16> {
    let port = ForwardedPort::decode(fields).ok()?.port;
    u16::try_from(port).ok().filter(|port| *port > 0)
}
