//! One link of the mio driver under a loop of the test's own: sockets made by std, edges that are told once, time that is
//! made up, and what is kept between turns.

use core::time::Duration;
use mio::{Events, Poll, Token};
use sanssh_core::algorithm::Zip;
use sanssh_core::auth::{client, server};
use sanssh_core::event::Attempt;
use sanssh_core::time::Phase;
use sanssh_core::{Ask, Config, Error as SshError, Event, Instant, Reason, Waiting};
use sanssh_mio::{Buffers, Client, ClientSettings, Error, Link, Server, Socket};
use sanssh_tests::mio::{Call, Shell, host_key, settings, user_key};
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::Arc;

const SERVER: Token = Token(0);
const CLIENT: Token = Token(1);
/// Less than a packet of data.
const SMALL: usize = 8 * 1024;

/// Both ends on one thread, and what each has to do.
struct Duo {
    poll: Poll,
    now: Instant,
    buffers: Buffers,
    server: Link<Server>,
    shell: Shell,
    client: Link<Client>,
    call: Call,
}

impl Duo {
    fn new(sockets: (Socket, Socket), core: Config, call: Call) -> Self {
        let client = Arc::new(ClientSettings { core: core.clone(), channels: 2 });
        let poll = Poll::new().unwrap();
        let mut server = Link::new(sockets.0, &settings(core), Instant(0)).unwrap();
        let mut client = Link::new(sockets.1, &client, Instant(0)).unwrap();
        server.register(poll.registry(), SERVER).unwrap();
        client.register(poll.registry(), CLIENT).unwrap();
        let buffers = Buffers::new(SMALL);
        Self { poll, now: Instant(0), buffers, server, shell: Shell::default(), client, call }
    }

    /// What has become ready since; whether anything has.
    fn hear(&mut self) -> bool {
        let mut events = Events::with_capacity(8);
        self.poll.poll(&mut events, Some(Duration::ZERO)).unwrap();
        for event in &events {
            if event.token() == SERVER { self.server.ready(event) } else { self.client.ready(event) }
        }
        !events.is_empty()
    }

    fn serve(&mut self) {
        let keys = [user_key().public().to_vec()];
        self.shell.turn(&mut self.server.turn(self.now, &mut self.buffers), &keys);
    }

    fn ask(&mut self) {
        let mut turn = self.client.turn(self.now, &mut self.buffers);
        self.call.turn(&mut turn, host_key().public(), ("user", &user_key()));
    }

    /// Until nobody has anything to do.
    fn settle(&mut self) {
        while self.hear() || self.server.wants_turn() || self.client.wants_turn() {
            if self.server.wants_turn() {
                self.serve();
            }
            if self.client.wants_turn() {
                self.ask();
            }
        }
    }

    /// The first flights leave by themselves.
    fn run(&mut self) {
        self.serve();
        self.ask();
        self.settle();
    }
}

fn unix() -> (Socket, Socket) {
    let (one, other) = UnixStream::pair().unwrap();
    (one.try_into().unwrap(), other.try_into().unwrap())
}

fn tcp() -> (Socket, Socket) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (server, _) = listener.accept().unwrap();
    (server.try_into().unwrap(), client.try_into().unwrap())
}

fn quick() -> Config {
    let mut core = Config::default();
    core.login.failure_delay = Duration::ZERO;
    core
}

/// What is sent there and back again arrives in whole, in turns smaller than a packet, and nothing is kept after that.
#[test]
fn sockets_of_std_with_small_turns() {
    let sent: Vec<u8> = (0..1 << 20_u32).flat_map(u32::to_be_bytes).collect();
    for (sockets, zip) in [(tcp(), Zip::None), (unix(), Zip::ZlibDelayed)] {
        let mut core = quick();
        core.preferences.zips = [zip].into_iter().collect();
        let mut call = Call::fed("cat", &sent);
        call.script.push_back(("echo end".to_owned(), Vec::new()));
        call.rekeys = true;
        let mut duo = Duo::new(sockets, core, call);
        duo.run();
        let wanted = [(Some(0), sent.clone()), (Some(0), b"end\n".to_vec())];
        assert!(duo.call.results == wanted, "{:?}", duo.call.results.iter().map(|one| one.1.len()));
        assert_eq!(duo.call.keyed, 3);
        assert_eq!([duo.server.kept(), duo.client.kept()], [0, 0]);
    }
}

/// A client that runs a stream and reads no more of it, until the server's socket is full.
fn stuffed() -> Duo {
    let mut core = quick();
    core.keepalive.interval = Duration::from_secs(10);
    let mut duo = Duo::new(unix(), core, Call::of(["echo in"]));
    duo.run();
    duo.call = Call::of(["zeros 8000000"]);
    duo.call.logged_in = true;
    duo.ask();
    while duo.server.kept() == 0 {
        duo.hear();
        duo.serve();
        if !duo.call.runs() && duo.client.wants_turn() {
            duo.ask();
        }
    }
    duo
}

/// Whoever is not read from keeps what one turn writes, and no more, and goes on where it was.
#[test]
fn a_peer_that_does_not_read_costs_a_turn() {
    let mut duo = stuffed();
    for _ in 0..100 {
        duo.hear();
        duo.serve();
    }
    assert!((1..=SMALL).contains(&duo.server.kept()), "{}", duo.server.kept());
    assert!(!duo.server.wants_turn());
    duo.settle();
    let [(Some(0), output)] = &duo.call.results[..] else { panic!("{:?}", duo.call.results.len()) };
    assert_eq!((output.len(), duo.server.kept()), (8_000_000, 0));
}

/// Not even the question whether it lives leaves, so that the answer cannot be waited for.
#[test]
fn a_peer_that_never_reads_again_is_given_up() {
    let mut duo = stuffed();
    while duo.server.failure().is_none() {
        duo.now = duo.server.deadline().unwrap();
        duo.hear();
        duo.serve();
    }
    assert_eq!((timed_out(&duo.server), duo.now), (Some(Phase::Keepalive), Instant(40_000_000)));
}

/// An edge is told once: what a turn did not take is remembered, and a turn is still wanted.
#[test]
fn turns_that_take_nothing_lose_nothing() {
    let mut duo = Duo::new(tcp(), quick(), Call::of(["echo it works"]));
    duo.ask();
    duo.serve();
    for _ in 0..1000 {
        duo.hear();
        for _ in 0..3 {
            drop(duo.server.turn(duo.now, &mut duo.buffers));
            drop(duo.client.turn(duo.now, &mut duo.buffers));
        }
        if duo.server.wants_turn() {
            duo.serve();
        }
        if duo.client.wants_turn() {
            duo.ask();
        }
    }
    assert_eq!(duo.call.results, [(Some(0), b"it works\n".to_vec())]);
}

/// A server that takes its time over the attempt to log in.
fn undecided() -> (Duo, Ask<Attempt>) {
    let mut duo = Duo::new(tcp(), quick(), Call::of(["echo in"]));
    duo.ask();
    duo.serve();
    loop {
        duo.hear();
        duo.ask();
        let mut turn = duo.server.turn(duo.now, &mut duo.buffers);
        if let Some(ask) = turn.by_ref().find_map(attempt) {
            drop(turn);
            return (duo, ask);
        }
    }
}

#[test]
fn nothing_is_read_before_the_answer() {
    let (mut duo, ask) = undecided();
    duo.settle();
    assert_eq!(duo.server.ssh().waiting(), Some(Waiting::Attempt));
    assert!(!duo.server.wants_turn() && !duo.call.logged_in);
    duo.server.turn(duo.now, &mut duo.buffers).ssh().grant(ask);
    duo.settle();
    assert_eq!(duo.call.results, [(Some(0), b"in\n".to_vec())]);
}

/// What came with the question is dealt with once that is answered, though nothing more comes that could tell.
#[test]
fn an_answer_at_the_end_of_a_turn_is_heeded() {
    let mut duo = Duo::new(unix(), quick(), Call::default());
    duo.ask();
    duo.serve();
    let mut granted = 0;
    while granted == 0 {
        duo.hear();
        let mut turn = duo.client.turn(duo.now, &mut duo.buffers);
        duo.call.turn(&mut turn, host_key().public(), ("user", &user_key()));
        if duo.call.keyed > 0 {
            // In one flight with the request.
            turn.disconnect(Reason::BY_APPLICATION);
        }
        drop(turn);
        duo.hear();
        let mut turn = duo.server.turn(duo.now, &mut duo.buffers);
        let asks: Vec<_> = turn.by_ref().filter_map(attempt).collect();
        granted = asks.len();
        asks.into_iter().for_each(|ask| turn.ssh().grant(ask));
    }
    assert!(duo.server.failure().is_none());
    while duo.server.wants_turn() {
        duo.serve();
    }
    let said = |error: &Error| matches!(error, Error::Ssh(SshError::Disconnected(_)));
    assert!(duo.server.failure().is_some_and(said), "{:?}", duo.server);
}

fn attempt(event: Event<'_, Server>) -> Option<Ask<Attempt>> {
    match event {
        Event::Auth(server::Event::Attempt { ask, .. }) => Some(ask),
        Event::Auth(_)
        | Event::Transport(_)
        | Event::Channel(..)
        | Event::Open { .. }
        | Event::Listen { .. }
        | Event::Forward(..) => None,
    }
}

#[test]
fn whoever_leaves_before_the_answer_is_gone() {
    let (mut duo, _ask) = undecided();
    let socket = unix().0;
    let settings = Arc::new(ClientSettings::default());
    duo.client = Link::new(socket, &settings, duo.now).unwrap();
    while duo.hear() || duo.server.wants_turn() {
        duo.serve();
    }
    assert!(matches!(duo.server.failure(), Some(Error::Ssh(SshError::HungUp) | Error::Io(_))), "{:?}", duo.server);
}

/// A server's link and a raw socket, and time that is made up.
struct Raw {
    poll: Poll,
    buffers: Buffers,
    server: Link<Server>,
    socket: UnixStream,
}

impl Raw {
    fn new() -> Self {
        let (one, socket) = UnixStream::pair().unwrap();
        let poll = Poll::new().unwrap();
        let mut server = Link::new(one.try_into().unwrap(), &settings(quick()), Instant(0)).unwrap();
        server.register(poll.registry(), SERVER).unwrap();
        Self { poll, buffers: Buffers::default(), server, socket }
    }

    fn turn(&mut self, now: Instant) {
        let mut events = Events::with_capacity(8);
        self.poll.poll(&mut events, Some(Duration::ZERO)).unwrap();
        events.iter().for_each(|event| self.server.ready(event));
        self.server.turn(now, &mut self.buffers).for_each(drop);
    }
}

fn timed_out(link: &Link<Server>) -> Option<Phase> {
    match link.failure() {
        Some(Error::Ssh(SshError::TimedOut(phase))) => Some(*phase),
        _ => None,
    }
}

#[test]
fn silence_ends_at_the_deadline_that_the_link_names() {
    let mut raw = Raw::new();
    raw.turn(Instant(0));
    let deadline = raw.server.deadline().unwrap();
    assert_eq!(deadline, Instant(0).after(Config::default().deadlines.handshake));
    raw.turn(Instant(deadline.0 - 1));
    assert!(raw.server.failure().is_none());
    raw.turn(deadline);
    assert_eq!(timed_out(&raw.server), Some(Phase::Handshake));
}

/// One byte a second of an identification, and of a packet: what comes does not move the deadline.
#[test]
fn a_trickle_ends_at_the_same_deadline() {
    let packet = [&b"SSH-2.0-slow\r\n"[..], &29_996_u32.to_be_bytes(), &[10, 20], &[0; 100]].concat();
    let mut raw = Raw::new();
    let mut seconds = 0;
    for byte in packet {
        raw.turn(Instant(seconds * 1_000_000));
        if raw.server.failure().is_some() {
            break;
        }
        raw.socket.write_all(&[byte]).unwrap();
        seconds += 1;
    }
    assert_eq!((timed_out(&raw.server), seconds), (Some(Phase::Handshake), 60));
}

#[test]
fn keys_without_a_login_end_at_its_deadline() {
    let mut duo = Duo::new(unix(), quick(), Call::default());
    // The client's end comes no further than the keys, since nothing of it is called after them.
    while duo.call.keyed == 0 {
        duo.hear();
        duo.serve();
        let mut turn = duo.client.turn(duo.now, &mut duo.buffers);
        while let Some(event) = turn.next() {
            match event {
                Event::Auth(client::Event::HostKey { ask, .. }) => turn.ssh().trust(ask),
                Event::Transport(_) => duo.call.keyed += 1,
                Event::Auth(_)
                | Event::Channel(..)
                | Event::Open { .. }
                | Event::Listen { .. }
                | Event::Forward(..) => {}
            }
        }
    }
    duo.hear();
    duo.serve();
    let deadline = duo.server.deadline().unwrap();
    assert_eq!(deadline, Instant(0).after(Config::default().deadlines.login));
    duo.now = deadline;
    duo.serve();
    assert_eq!(timed_out(&duo.server), Some(Phase::Login));
}

/// The other end is still connected, and is no more.
#[test]
fn a_dead_peer_ends_by_its_keepalives() {
    let mut core = quick();
    core.keepalive.interval = Duration::from_secs(10);
    let mut duo = Duo::new(tcp(), core, Call::of(["echo in"]));
    duo.run();
    assert!(duo.call.is_through());
    let mut asked = 0;
    while duo.server.failure().is_none() {
        duo.now = duo.server.deadline().unwrap();
        duo.hear();
        duo.serve();
        asked += 1;
    }
    assert_eq!((timed_out(&duo.server), asked), (Some(Phase::Keepalive), 4));
    assert_eq!(duo.now, Instant(40_000_000));
}
