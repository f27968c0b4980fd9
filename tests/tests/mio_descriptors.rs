//! The mio server where descriptors run out: the newest is refused and told why, the others go on, and whoever comes when
//! one is free again is let in. A test of its own, since the limit is the process's.

use core::time::Duration;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use sanssh_core::{Config, Reason};
use sanssh_mio::{Limits, ServerSettings};
use sanssh_tests::mio::{Call, Callers, serve, serve_within, server, user_key};
use std::fs::File;
use std::io::Read;
use std::net::TcpStream;
use std::os::fd::AsRawFd;

const COME: usize = 10;
const FREE: usize = 4;

#[test]
fn without_descriptors_the_newest_is_refused() {
    let (mut hub, address) = server(Limits::default(), ServerSettings::modern());
    let (mut callers, keys, mut gone) = (Callers::new(Config::default()), [user_key().public().to_vec()], Vec::new());
    let sockets: Vec<_> = (0..COME).map(|_| TcpStream::connect(address).unwrap()).collect();
    let next = File::open("/dev/null").unwrap().as_raw_fd();
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, u64::try_from(next).unwrap() + FREE as u64, most).unwrap();
    while hub.counts().connections + usize::try_from(hub.counts().refused).unwrap() < COME {
        serve(&mut hub, &keys, &mut gone);
    }
    assert_eq!(hub.counts().connections, FREE);
    let mut sockets = sockets.into_iter();
    for socket in sockets.by_ref().take(FREE) {
        callers.hub.add(socket.try_into().unwrap(), &callers.settings, Call::of(["echo in"])).unwrap();
    }
    for mut socket in sockets {
        let mut told = Vec::new();
        socket.read_to_end(&mut told).unwrap();
        let after = told.iter().position(|byte| *byte == b'\n').unwrap() + 1;
        assert_eq!(told[after + 5..after + 10], [1, 0, 0, 0, 12]);
    }
    let mut both = |callers: &mut Callers, over: &dyn Fn(&mut Callers, usize) -> bool| {
        while !over(callers, gone.len()) {
            // On one thread: neither may sleep while the other has something to do.
            callers.step_within(Duration::from_millis(1));
            serve_within(&mut hub, &keys, &mut gone, Duration::from_millis(1));
        }
    };
    let through = |callers: &mut Callers, _| callers.hub.states().all(|(_, call)| call.is_through());
    both(&mut callers, &through);
    assert!(callers.gone.is_empty());
    // One leaves, and there is a place for the next.
    let first = callers.hub.states().next().unwrap().0;
    callers.hub.turn(first).unwrap().turn.disconnect(Reason::BY_APPLICATION);
    both(&mut callers, &|_, gone| gone > 0);
    callers.call(address, Call::of(["echo in"]));
    both(&mut callers, &through);
    assert_eq!(callers.gone.len(), 1);
    assert_eq!(callers.hub.counts().connections, FREE);
}
