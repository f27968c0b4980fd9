//! Links between two stacks in memory: over bad lines and with small buffers everything arrives, and whatever ends a
//! connection, the link is ready for the next one.

mod party;
mod world;

use core::time::Duration as Span;
use party::Party;
use sanssh_core::channel::{OpenFailure, OpenKind};
use sanssh_core::role::{Client, Server};
use sanssh_core::time::Phase;
use sanssh_core::{Error, Reason};
use sanssh_smoltcp::{Link, Stage};
use smoltcp::socket::tcp::State;
use smoltcp::time::Duration;
use world::{Line, PORT, World};

/// A client and a server, and what is between them.
struct Pair {
    world: World,
    client: Party<Client>,
    server: Party<Server>,
}

impl Pair {
    /// Sizes are those of the server: of the socket's buffers, of the link's input and of its spare memory.
    fn new(line: Line, seed: u8, [received, sent, input, spare]: [usize; 4], total: usize) -> Self {
        let mut world = World::new(line, seed);
        let (near, far) = (world.near.socket(1999, 2999), world.far.socket(received, sent));
        let client = Party::new(near, 5000, 777, total);
        Self { world, client, server: Party::new(far, input, spare, total) }
    }

    /// One round of both loops, and the wait after it.
    fn step(&mut self) {
        let Self { world, client, server } = self;
        world.carry();
        server.act(&mut world.far, world.now);
        client.act(&mut world.near, world.now);
        let delays = [client.delay(&mut world.near, world.now), server.delay(&mut world.far, world.now)];
        world.pass(delays);
    }

    /// Goes on until `done`, for at most so many seconds.
    fn until(&mut self, what: &str, seconds: u64, mut done: impl FnMut(&mut Self) -> bool) {
        let end = self.world.now + Duration::from_secs(seconds);
        while !done(self) {
            assert!(self.world.now < end, "{what} takes too long: {:?} {:?}", self.client.link, self.server.link);
            self.step();
        }
    }

    fn talk(&mut self) {
        self.until("the talk", 600, |pair| pair.client.program.talk.is_done() && pair.server.program.talk.is_done());
    }

    /// The client goes, and both links are free again.
    fn part(&mut self) {
        self.client.hang_up(&mut self.world.near, self.world.now);
        self.until("the end", 30, Self::is_over);
    }

    fn is_over(&mut self) -> bool {
        let server = self.server.stage(&mut self.world.far);
        self.client.stage(&mut self.world.near) == Stage::Idle && matches!(server, Stage::Idle | Stage::Waiting)
    }
}

/// Buffers of a small machine.
const SMALL: [usize; 4] = [1111, 2222, 3000, 1024];

#[test]
fn everything_arrives_in_order_over_a_bad_line() {
    for seed in 1..=6 {
        let mut pair = Pair::new(Line::BAD, seed, SMALL, 150_000);
        pair.talk();
        assert!(pair.client.program.exchanges > 6, "{} exchanges", pair.client.program.exchanges);
        assert!(pair.server.program.exchanges > 6, "{} exchanges", pair.server.program.exchanges);
        pair.part();
        assert_eq!(pair.server.fates, [Error::Disconnected(Reason::BY_APPLICATION)]);
    }
}

/// Room before the end of the ring is then the only room there is.
#[test]
fn without_spare_memory_packets_wait_for_an_empty_ring() {
    let mut pair = Pair::new(Line::BAD, 7, [3000, 2048, 3000, 0], 150_000);
    pair.talk();
    pair.part();
}

/// It saves a round trip wherever a packet meets the ring's end.
#[test]
fn with_spare_memory_packets_go_around_the_ring() {
    let line = Line { delay: Span::from_millis(20), ..Line::default() };
    let [with, without] = [1024, 0].map(|spare| {
        let mut pair = Pair::new(line, 14, [3000, 2048, 3000, spare], 50_000);
        pair.talk();
        pair.world.now
    });
    assert!(with < without, "{with} {without}");
}

#[test]
fn a_link_that_begins_wants_to_be_polled() {
    let mut pair = Pair::new(Line::default(), 15, SMALL, 0);
    pair.until("the handshake of TCP", 10, |pair| pair.server.stage(&mut pair.world.far) == Stage::Busy);
    let Pair { world, server, .. } = &mut pair;
    assert_eq!(server.delay(&mut world.far, world.now), Some(Duration::ZERO));
}

#[test]
fn a_link_is_used_again() {
    let mut pair = Pair::new(Line::default(), 8, SMALL, 5000);
    pair.client.calls = 6;
    pair.server.calls = 100;
    for call in 0..6 {
        pair.talk();
        if call % 2 == 0 {
            pair.client.hang_up(&mut pair.world.near, pair.world.now);
        } else {
            pair.server.hang_up(&mut pair.world.far, pair.world.now);
        }
        pair.until("the next call", 30, |pair| !pair.client.program.talk.is_done() || pair.is_over());
    }
    assert_eq!(pair.client.calls, 0);
    let goodbyes = pair.client.fates.iter().chain(&pair.server.fates);
    assert_eq!(goodbyes.filter(|fate| **fate == Error::Disconnected(Reason::BY_APPLICATION)).count(), 6);
}

/// Whoever has nothing to say in SSH is sent away with an error, and the next one is served.
#[test]
fn a_flood_of_garbage_leaves_the_server_answering() {
    let mut pair = Pair::new(Line::default(), 9, SMALL, 5000);
    (pair.client.calls, pair.server.calls) = (0, 100);
    let handle = pair.world.near.socket(500, 5000);
    for visit in 0..40_u16 {
        pair.world.near.connect(handle, 1000 + visit);
        let noise = pair.world.noise(4000);
        let mut garbage = if visit % 2 == 0 { Vec::new() } else { b"SSH-2.0-nobody\r\n".to_vec() };
        garbage.extend(noise);
        let fates = usize::from(visit);
        pair.until("a visit", 30, |pair| {
            let socket = pair.world.near.at(handle);
            let said = socket.send_slice(&garbage).unwrap_or(0);
            garbage.drain(..said);
            while socket.recv(|bytes| (bytes.len(), bytes.len())).is_ok_and(|n| n > 0) {}
            if socket.state() == State::CloseWait {
                socket.close();
            }
            pair.server.fates.len() > fates && !pair.world.near.at(handle).is_open()
        });
        assert!(matches!(pair.server.fates.last(), Some(Error::Malformed(_))), "{:?}", pair.server.fates);
    }
    pair.until("the last goodbye", 30, |pair| pair.server.stage(&mut pair.world.far) == Stage::Waiting);
    pair.client.calls = 1;
    pair.talk();
}

type Reached = fn(&mut Pair) -> bool;

/// Nobody is there any more, at any point of a connection: the server is free again by its deadlines.
#[test]
fn a_half_open_connection_ends_by_its_deadline() {
    let cuts: [(Reached, Error); 3] = [
        (|pair| pair.server.stage(&mut pair.world.far) == Stage::Busy, Error::TimedOut(Phase::Handshake)),
        (|pair| pair.server.program.talk.heard > 2000, Error::TimedOut(Phase::Keepalive)),
        (
            |pair| pair.client.program.talk.is_done() && pair.server.program.talk.is_done(),
            Error::TimedOut(Phase::Keepalive),
        ),
    ];
    for (reached, fate) in cuts {
        let mut pair = Pair::new(Line::default(), 10, SMALL, 5000);
        pair.server.calls = 2;
        pair.until("the cut", 30, reached);
        pair.world.line.cut = true;
        pair.until("the deadline", 200, |pair| pair.server.stage(&mut pair.world.far) == Stage::Waiting);
        assert_eq!(pair.server.fates, [fate]);
    }
}

/// What is sent to it stays in its receive buffer, and TCP answers as if it were well.
#[test]
fn a_peer_that_never_reads_is_given_up() {
    let mut pair = Pair::new(Line::default(), 11, SMALL, 100_000);
    pair.server.calls = 2;
    // More than the buffers between them hold, so that not even a question finds room.
    pair.client.config.window = 100_000;
    pair.until("some talk", 30, |pair| pair.server.program.talk.heard > 2000);
    let end = pair.world.now + Duration::from_secs(200);
    while pair.server.stage(&mut pair.world.far) != Stage::Waiting {
        assert!(pair.world.now < end, "{:?}", pair.server.link);
        let Pair { world, server, .. } = &mut pair;
        world.carry();
        server.act(&mut world.far, world.now);
        let delay = server.delay(&mut world.far, world.now);
        world.pass([delay]);
    }
    assert_eq!(pair.server.fates, [Error::TimedOut(Phase::Keepalive)]);
}

/// The one link is taken: a spare socket tells the second client so, and the first one goes on.
#[test]
fn the_newest_is_refused_where_there_is_no_link_left() {
    let mut pair = Pair::new(Line::BAD, 12, SMALL, 20_000);
    pair.until("the first talk", 100, |pair| pair.server.program.talk.heard > 2000);
    let door = pair.world.far.socket(64, 128);
    pair.world.far.at(door).listen(PORT).expect("the socket is free");
    let near = pair.world.near.socket(1000, 1000);
    let mut newest = Party::<Client>::new(near, 5000, 0, 0);
    newest.port = 50_000;
    while newest.fates.is_empty() {
        let socket = pair.world.far.at(door);
        if socket.may_send() {
            Link::<Server, sanssh_core::crypto::soft::Soft, Vec<sanssh_core::Slot>>::turn_away(
                "sanssh",
                Reason::TOO_MANY_CONNECTIONS,
                socket,
            );
        }
        newest.act(&mut pair.world.near, pair.world.now);
        pair.step();
    }
    assert_eq!(newest.fates, [Error::Disconnected(Reason::TOO_MANY_CONNECTIONS)]);
    pair.talk();
}

#[test]
fn a_channel_too_many_is_declined() {
    let mut pair = Pair::new(Line::default(), 13, SMALL, 3000);
    pair.server.channels = 1;
    pair.talk();
    let Pair { world, client, .. } = &mut pair;
    let mut turn = client.link.poll(world.now, world.near.at(client.handle)).expect("a connection");
    turn.send(|ssh, output| ssh.open(OpenKind::Session, output)).expect("a slot and room");
    drop(turn);
    pair.until("the answer", 30, |pair| !pair.client.program.talk.declined.is_empty());
    assert_eq!(pair.client.program.talk.declined, [OpenFailure::RESOURCE_SHORTAGE]);
}
