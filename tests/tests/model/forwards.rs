//! The part of the walk that is forwarding: what the client asks the server to listen on, and the channels that come of it
//! or of a session's requests.

use crate::model::Side;
use crate::walk::{WINDOW, World};
use sanssh_core::channel::{Forward, ForwardEvent, ForwardId, OpenKind, Tcpip};
use sanssh_core::crypto::Provider;
use sanssh_core::event::ForwardRequest;
use sanssh_core::role::{Client, Role, Server};
use sanssh_core::{Ask, Refused};
use sanssh_tests::pair::{End, forward_words, kind_words};

/// Forwards at a time; the other slots are for channels.
const MOST: usize = 2;

/// A forward, which no other is like.
#[derive(Debug)]
pub(crate) struct Forwarded {
    name: String,
    /// That was asked for; `None` for a Unix socket.
    port: Option<u16>,
    client: ForwardId,
    server: Option<ForwardId>,
    put: bool,
    /// What the server decided, and whether the client was told.
    decided: Option<ForwardEvent>,
    told: bool,
    cancelled: bool,
    /// Whether the sides hold a slot for it no more.
    pub(crate) gone: [bool; 2],
}

impl Forwarded {
    fn what(&self) -> Forward<'_> {
        match self.port {
            Some(port) => Forward::Tcpip { address: self.name.as_bytes(), port },
            None => Forward::Streamlocal(self.name.as_bytes()),
        }
    }
}

/// Asks for a forward, or ends one.
pub(crate) fn client<P: Provider>(end: &mut End<Client, P>, world: &mut World) {
    let granted = |one: &Forwarded| one.told && !one.gone[Side::Client as usize];
    if world.chance.one_in(3)
        && let Some(one) = world.forwards.iter_mut().find(|one| granted(one))
    {
        match end.emit(|ssh, output| ssh.cancel(one.client, one.what(), output)) {
            Ok(()) => (one.cancelled, one.gone[Side::Client as usize]) = (true, true),
            Err(refused) => assert_eq!(refused, Refused::Busy),
        }
    } else if world.has_room() && world.forwards.iter().filter(|one| one.gone != [true; 2]).count() < MOST {
        let number = world.number();
        let port = [None, Some(0), Some(number)][world.chance.below(3)];
        let name = format!("name{number}");
        let what = match port {
            Some(port) => Forward::Tcpip { address: name.as_bytes(), port },
            None => Forward::Streamlocal(name.as_bytes()),
        };
        match end.emit(|ssh, output| ssh.forward(what, output)) {
            Ok(client) => {
                let (server, decided, gone) = (None, None, [false; 2]);
                let (put, told, cancelled) = (false, false, false);
                world.forwards.push(Forwarded { name, port, client, server, put, decided, told, cancelled, gone });
            }
            Err(refused) => assert_eq!(refused, Refused::Busy),
        }
    }
}

/// Decides on a forward, in any order, or opens a channel by one.
pub(crate) fn server<P: Provider>(end: &mut End<Server, P>, world: &mut World) {
    if !world.listens.is_empty() && world.chance.one_in(2) {
        return decide(end, world);
    }
    let mine = |one: &&Forwarded| one.server.is_some() && !one.gone[Side::Server as usize];
    let many = world.forwards.iter().filter(mine).count();
    if many == 0 || !world.has_room() {
        return;
    }
    let (number, at) = (world.number(), world.chance.below(many));
    let one = world.forwards.iter().filter(mine).nth(at).expect("one of them");
    let id = one.server.expect("a forward that is there");
    let name = one.name.clone();
    let kind = match (one.port, one.decided) {
        (Some(_), Some(ForwardEvent::Granted(port))) => OpenKind::ForwardedTcpip(
            id,
            Tcpip { host: name.as_bytes(), port, originator: b"", originator_port: number },
        ),
        _ => OpenKind::ForwardedStreamlocal(id, name.as_bytes()),
    };
    assert_ne!(opens(end, Side::Server, world, kind), Some(false), "the forward is there");
}

/// Opens a channel; false if it may not be, since nobody asked for it, `None` if not now.
pub(crate) fn opens<R: Role, P: Provider>(
    end: &mut End<R, P>,
    side: Side,
    world: &mut World,
    kind: OpenKind<'_>,
) -> Option<bool> {
    match end.emit(|ssh, output| ssh.open(kind, output)) {
        Ok(id) => {
            world.model.open(side, id, [WINDOW; 2], kind_words(&kind));
            Some(true)
        }
        Err(Refused::Busy) => None,
        Err(refused) => {
            assert_eq!(refused, Refused::NotYet);
            Some(false)
        }
    }
}

pub(crate) fn decide<P: Provider>(end: &mut End<Server, P>, world: &mut World) {
    let (at, ask) = world.listens.swap_remove(world.chance.below(world.listens.len()));
    let found = world.number();
    let one = &mut world.forwards[at];
    if found.is_multiple_of(4) {
        end.ssh.refuse_forward(ask);
        (one.decided, one.gone[Side::Server as usize]) = (Some(ForwardEvent::Refused), true);
    } else {
        let port = one.port.map_or(0, |port| if port == 0 { found } else { port });
        one.server = Some(end.ssh.listen(ask, found).expect("the question is open"));
        one.decided = Some(ForwardEvent::Granted(port));
    }
}

/// The server was asked.
pub(crate) fn put(world: &mut World, words: &str, ask: Ask<ForwardRequest>) {
    let at = world.forwards.iter().position(|one| !one.put).expect("somebody asked");
    let one = &mut world.forwards[at];
    assert_eq!(forward_words(&one.what()), words, "in the order of the requests");
    one.put = true;
    world.listens.push((at, ask));
}

/// A side was told what became of a forward.
pub(crate) fn told(world: &mut World, side: Side, id: ForwardId, event: ForwardEvent) {
    if side == Side::Server {
        let cancelled = |one: &&mut Forwarded| one.server == Some(id) && !one.gone[Side::Server as usize];
        let one = world.forwards.iter_mut().find(cancelled).expect("a forward that is there");
        assert!(one.cancelled && event == ForwardEvent::Cancelled, "{event:?}");
        one.gone[Side::Server as usize] = true;
        return;
    }
    let one = world.forwards.iter_mut().find(|one| !one.told).expect("an answer that is due");
    assert_eq!((one.client, one.decided), (id, Some(event)), "in the order of the requests");
    one.told = true;
    one.gone[Side::Client as usize] = event == ForwardEvent::Refused;
}
