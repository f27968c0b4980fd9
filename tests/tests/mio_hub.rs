//! The loop of the mio driver: who is let in, who has a turn, what other threads hand over, and how it ends.

use core::net::SocketAddr;
use core::time::Duration;
use mio::{Interest, Token};
use sanssh_core::time::Phase;
use sanssh_core::{Config, Error as SshError, Reason};
use sanssh_mio::{Client, Error, FOREIGN, Hub, Limits, Next, ServerSettings};
use sanssh_tests::mio::{Call, Callers, Served, serve, server, user_key};
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::thread;

const SOON: Duration = Duration::from_millis(50);

fn core() -> Config {
    ServerSettings::modern()
}

fn refused(callers: &Callers) -> usize {
    let said = |error: &Error| matches!(error, Error::Ssh(SshError::Disconnected(reason)) if *reason == Reason::TOO_MANY_CONNECTIONS);
    callers.gone.iter().filter(|(_, error)| said(error)).count()
}

#[test]
fn the_newest_is_refused_and_told_why() {
    let served = Served::start(Limits { connections: 5, ..Limits::default() }, core(), &[]);
    let mut callers = Callers::new(Config::default());
    for _ in 0..5 {
        callers.call(served.address, Call::of(["echo in"]));
    }
    callers.until(Call::is_through);
    for _ in 0..3 {
        callers.call(served.address, Call::of(["echo in"]));
    }
    callers.until(Call::is_through);
    assert_eq!((refused(&callers), callers.gone.len(), callers.hub.counts().connections), (3, 3, 5));
    assert!(callers.hub.states().all(|(_, call)| call.results.len() == 1));
    assert_eq!(served.stop().0.refused, 3);
}

/// Those who come and say nothing take the places of the others until their time is over.
#[test]
fn strangers_have_places_of_their_own_and_little_time() {
    let mut short = core();
    short.deadlines.handshake = SOON;
    let limits = Limits { unauthenticated: 3, ..Limits::default() };
    let (mut hub, address) = server(limits, short);
    let keys = [user_key().public().to_vec()];
    // All at once, so that it is not time that decides about the last.
    let silent: Vec<_> = (0..3).map(|_| TcpStream::connect(address).unwrap()).collect();
    let mut late = TcpStream::connect(address).unwrap();
    let mut gone = Vec::new();
    serve(&mut hub, &keys, &mut gone);
    assert_eq!((hub.counts().connections, hub.counts().refused), (3, 1));
    let mut told = Vec::new();
    late.read_to_end(&mut told).unwrap();
    // Length, padding and number of a packet in the clear, and the reason.
    let after = told.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    assert_eq!(told[after + 5..after + 10], [1, 0, 0, 0, 12]);
    while hub.counts().connections > 0 {
        serve(&mut hub, &keys, &mut gone);
    }
    let ended = |error: &Error| matches!(error, Error::Ssh(SshError::TimedOut(Phase::Handshake)));
    assert!(gone.len() == 3 && gone.iter().all(ended), "{gone:?}");
    assert_eq!(hub.counts().unauthenticated, 0);
    drop(silent);
}

#[test]
fn who_does_nothing_for_too_long_is_idle() {
    let limits = Limits { idle: Some(SOON), ..Limits::default() };
    let served = Served::start(limits, core(), &[]);
    let mut callers = Callers::new(Config::default());
    callers.call(served.address, Call::default());
    while callers.gone.is_empty() {
        callers.step();
    }
    let (call, error) = &callers.gone[0];
    assert!(call.logged_in);
    assert!(matches!(error, Error::Ssh(SshError::Disconnected(reason)) if *reason == Reason::BY_APPLICATION));
    let (_, gone) = served.stop();
    assert!(matches!(gone[..], [Error::Idle]), "{gone:?}");
}

/// Streams that never end, each of which could keep the loop busy for itself, and others with little to do.
#[test]
fn the_busy_leave_the_others_their_turns() {
    let served = Served::start(Limits::default(), core(), &[]);
    let mut callers = Callers::new(Config::default());
    for _ in 0..3 {
        callers.call(served.address, Call::of([format!("zeros {}", u64::MAX)]));
    }
    for number in 0..50 {
        callers.call(served.address, Call::of((0..5).map(|at| format!("echo {number} {at}"))));
    }
    while callers.hub.states().filter(|(_, call)| call.results.len() == 5).count() < 50 {
        callers.step();
        // What streams is not to be kept.
        callers.hub.states().for_each(|(_, call)| call.forget());
    }
    assert!(callers.gone.is_empty(), "{:?}", callers.gone);
}

#[test]
fn other_threads_hand_over_work_as_long_as_there_is_room() {
    let mut hub: Hub<Client, (), usize> = Hub::new(Limits { queue: 10, ..Limits::default() }).unwrap();
    let handle = hub.handle();
    for work in 0..10 {
        handle.submit(work).unwrap();
    }
    assert_eq!(handle.submit(10), Err(10));
    let mut done = Vec::new();
    let threads: Vec<_> = (0..4)
        .map(|thread| {
            let handle = handle.clone();
            thread::spawn(move || {
                for at in 0..100 {
                    while handle.submit(100 * (thread + 1) + at).is_err() {
                        thread::yield_now();
                    }
                }
            })
        })
        .collect();
    while done.len() < 410 {
        hub.wait(None).unwrap();
        while let Some(next) = hub.next() {
            let Next::Work(work) = next else { panic!("{next:?}") };
            done.push(work);
        }
    }
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    // In the order of each.
    let order = |thread: usize| done.iter().copied().filter(|work| work / 100 == thread).collect::<Vec<_>>();
    assert_eq!(order(0), (0..10).collect::<Vec<_>>());
    for thread in 1..=4 {
        assert_eq!(order(thread), (100 * thread..100 * thread + 100).collect::<Vec<_>>());
    }
    drop(hub);
    assert_eq!(handle.submit(0), Err(0));
}

/// Four clients: with a command that runs, with none, with one that never ends, and before the login.
fn busy(address: SocketAddr) -> (Callers, TcpStream) {
    let mut callers = Callers::new(Config::default());
    for (command, holds) in [("cat", true), ("echo in", false), ("cat", true)] {
        let mut call = Call::of([command]);
        call.holds = holds;
        callers.call(address, call);
    }
    callers.until(|call| call.is_through() || call.runs());
    let stranger = TcpStream::connect(address).unwrap();
    stranger.peek(&mut [0; 1]).unwrap();
    (callers, stranger)
}

#[test]
fn at_the_end_what_runs_goes_on_for_a_while() {
    let limits = Limits { grace: Duration::from_secs(3600), ..Limits::default() };
    let served = Served::start(limits, core(), &[]);
    let (mut callers, mut stranger) = busy(served.address);
    let (handle, address) = (served.handle(), served.address);
    handle.shut_down();
    // Those without a command, and the stranger, go at once.
    while callers.gone.is_empty() {
        callers.step();
    }
    stranger.read_to_end(&mut Vec::new()).unwrap();
    assert_eq!(callers.hub.counts().connections, 2);
    assert!(TcpStream::connect(address).is_err());
    // The others have their commands ended by themselves.
    callers.hub.states().for_each(|(_, call)| call.release());
    callers.nudge();
    while callers.gone.len() < 3 {
        callers.step();
    }
    let results: Vec<_> = callers.gone.iter().map(|(call, _)| call.results.len()).collect();
    assert_eq!(results, [1, 1, 1]);
    assert_eq!(served.stop().0.connections, 0);
}

#[test]
fn at_the_end_nobody_stays_longer_than_the_grace() {
    let limits = Limits { grace: SOON, ..Limits::default() };
    let served = Served::start(limits, core(), &[]);
    let (mut callers, _stranger) = busy(served.address);
    let (counts, gone) = served.stop();
    assert_eq!((counts.connections, gone.len()), (0, 4));
    while callers.gone.len() < 3 {
        callers.step();
    }
}

/// The goodbye does not fit into a socket whose other end does not read: that is waited for, but not for long.
#[test]
fn a_goodbye_that_does_not_leave_is_given_up() {
    let limits = Limits { grace: Duration::ZERO, linger: SOON, ..Limits::default() };
    let served = Served::start(limits, core(), &[]);
    let mut callers = Callers::new(Config::default());
    callers.call(served.address, Call::of([format!("zeros {}", u64::MAX)]));
    callers.until(Call::runs);
    // Nobody reads from here on. What is under way fills the socket, or it does not: gone it is in any case.
    let (counts, gone) = served.stop();
    assert_eq!(counts.connections, 0);
    assert!(matches!(gone[..], [Error::Ssh(SshError::Closed)]), "{gone:?}");
}

#[test]
fn nobody_is_there() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let mut callers = Callers::new(Config::default());
    callers.call(address, Call::default());
    while callers.gone.is_empty() {
        callers.step();
    }
    let (_, error) = &callers.gone[0];
    assert!(matches!(error, Error::Io(error) if error.kind() == ErrorKind::ConnectionRefused), "{error:?}");
}

/// Sources of the program's own are told of beside the connections.
#[test]
fn other_sources_are_waited_for_as_well() {
    let mut hub: Hub<Client> = Hub::new(Limits::default()).unwrap();
    let (one, mut other) = UnixStream::pair().unwrap();
    let mut source = mio::net::UnixStream::from_std(one);
    let token = Token(FOREIGN.0 + 7);
    hub.registry().register(&mut source, token, Interest::READABLE).unwrap();
    other.write_all(b"word").unwrap();
    hub.wait(None).unwrap();
    let Some(Next::Foreign(told)) = hub.next() else { panic!("nothing was told") };
    assert!(told.token == token && told.readable && !told.read_closed);
    drop(other);
    hub.wait(None).unwrap();
    assert!(matches!(hub.next(), Some(Next::Foreign(told)) if told.token == token && told.read_closed));
    assert!(hub.next().is_none());
}
