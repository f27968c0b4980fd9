//! Client and server of ours: joined channels, half-closes, many at once, and what is not granted.

use crate::{Running, check, connect4, connect5, here, path, reverse, target};
use core::time::Duration;
use sanssh_std::core::file::Permit;
use sanssh_std::{Client, Endpoint, Error, Permissions, ServerConfig};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::thread;

#[test]
fn joined_sessions_carry_bytes_and_both_half_closes() {
    let server = Running::start(ServerConfig::default());
    let client = server.client(10);
    let port = target(reverse);
    for length in [0, 1, 40_000, 5 << 20] {
        let channel = client.session().unwrap();
        channel.exec(port.to_string()).unwrap();
        let (near, far) = UnixStream::pair().unwrap();
        channel.join(far).unwrap();
        check(near, 1, length);
    }
}

#[test]
fn a_joined_session_drops_standard_error_and_refuses_requests() {
    let server = Running::start(ServerConfig::default());
    let client = server.client(10);
    let port = target(reverse);
    let channel = client.session().unwrap();
    channel.exec(format!("noisy {port}")).unwrap();
    let (near, far) = UnixStream::pair().unwrap();
    channel.join(far).unwrap();
    near.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    check(near, 1, 1000);
    // The server's end is joined: whoever waits for more answers than there may be reads nothing.
    let mut channel = client.session().unwrap();
    channel.exec(port.to_string()).unwrap();
    (0..40).for_each(|_| channel.send_break(1).unwrap());
    channel.write_all(b"ask").unwrap();
    channel.finish();
    let mut back = String::new();
    channel.read_to_string(&mut back).unwrap();
    assert_eq!(back, "ksa");
}

#[test]
fn ports_and_paths_are_forwarded_from_here() {
    let server = Running::forwarding(10);
    let client = server.client(10);
    let port = target(reverse);
    let forward = client.forward_local(here(), ("127.0.0.1", port)).unwrap();
    let named = client.forward_local(here(), ("localhost", port)).unwrap();
    for length in [0, 1, 40_000, 5 << 20] {
        check(TcpStream::connect(forward.local_addr().unwrap()).unwrap(), 1, length);
        check(TcpStream::connect(named.local_addr().unwrap()).unwrap(), 2, length);
    }
    assert_eq!((forward.counts().accepted, forward.counts().failed), (4, 0));
    let directory = tempfile::tempdir().unwrap();
    let far = UnixListener::bind(path(&directory)).unwrap();
    thread::spawn(move || far.incoming().for_each(|socket| reverse(TcpStream::from(OwnedFd::from(socket.unwrap())))));
    let near = tempfile::tempdir().unwrap();
    let listener = UnixListener::bind(path(&near)).unwrap();
    let forward = client.forward_local(listener, path(&directory)).unwrap();
    assert_eq!(forward.local_addr(), None);
    check(UnixStream::connect(path(&near)).unwrap(), 3, 300_000);
}

#[test]
fn tunnels_read_write_and_join() {
    let server = Running::forwarding(10);
    let client = server.client(10);
    let port = target(reverse);
    let mut tunnel = client.direct(("127.0.0.1", port)).unwrap();
    tunnel.write_all(b"drawer").unwrap();
    tunnel.finish();
    let mut said = String::new();
    tunnel.read_to_string(&mut said).unwrap();
    assert_eq!(said, "reward");
    let (near, far) = UnixStream::pair().unwrap();
    client.direct(("127.0.0.1", port)).unwrap().join(far).unwrap();
    check(near, 1, 100_000);
}

#[test]
fn ports_and_paths_are_forwarded_from_there() {
    let server = Running::forwarding(10);
    let client = server.client(10);
    let port = target(reverse);
    let forward = client.forward_remote(("localhost", 0), ("127.0.0.1", port)).unwrap();
    assert_ne!(forward.port(), 0);
    for length in [0, 1, 3 << 20] {
        check(TcpStream::connect(("127.0.0.1", forward.port())).unwrap(), 1, length);
    }
    let directory = tempfile::tempdir().unwrap();
    let other = client.forward_remote(path(&directory), ("localhost", port)).unwrap();
    check(UnixStream::connect(path(&directory)).unwrap(), 2, 200_000);
    assert!(matches!(client.listen(path(&directory)), Err(Error::ForwardRefused)), "twice");
    drop(other);
    // The same place is free again, which is answered after the cancelling.
    let listener = client.listen(path(&directory)).unwrap();
    let visitor = UnixStream::connect(path(&directory)).unwrap();
    let (mut tunnel, from) = listener.accept().unwrap();
    tunnel.write_all(b"x").unwrap();
    drop(tunnel);
    let mut said = Vec::new();
    (&visitor).read_to_end(&mut said).unwrap();
    assert_eq!((&said[..], from), (&b"x"[..], None));
    let listener = client.listen(("127.0.0.1", 0)).unwrap();
    let visitor = TcpStream::connect(("127.0.0.1", listener.port())).unwrap();
    assert_eq!(listener.accept().unwrap().1, visitor.local_addr().ok());
    let gone = forward.port();
    drop((forward, listener));
    // The server has stopped by the time it answers what was asked later.
    drop(client.listen(("127.0.0.1", 0)).unwrap());
    assert!(TcpStream::connect(("127.0.0.1", gone)).is_err());
}

#[test]
fn a_failure_is_its_own() {
    let server = Running::forwarding(10);
    let client = server.client(10);
    let nobody = here().local_addr().unwrap();
    let good = client.forward_local(here(), ("127.0.0.1", target(reverse))).unwrap();
    for (to, word) in [
        (Endpoint::from(nobody), ""),
        (("host.invalid", 80).into(), ""),
        (("127.0.0.1", 1).into(), ""),
        (PathBuf::from("/nowhere").into(), ""),
    ] {
        let bad = client.forward_local(here(), to.clone()).unwrap();
        let mut socket = TcpStream::connect(bad.local_addr().unwrap()).unwrap();
        assert!(matches!(socket.read(&mut [0]), Ok(0) | Err(_)), "{to}");
        let failures = bad.failures();
        assert!(failures.len() == 1 && failures[0].contains(word), "{failures:?}");
        assert_eq!((bad.counts().failed, bad.counts().open), (1, 0));
        assert!(matches!(client.direct(to), Err(Error::OpenRefused { .. })));
        check(TcpStream::connect(good.local_addr().unwrap()).unwrap(), 1, 10_000);
    }
    let bad = client.forward_remote(("localhost", 0), nobody).unwrap();
    let mut socket = TcpStream::connect(("127.0.0.1", bad.port())).unwrap();
    assert!(matches!(socket.read(&mut [0]), Ok(0) | Err(_)));
    assert_eq!(bad.failures().len(), 1);
    check(TcpStream::connect(good.local_addr().unwrap()).unwrap(), 2, 10_000);
}

#[test]
fn nothing_is_forwarded_that_is_not_granted() {
    let off = Running::start(ServerConfig::default());
    let client = off.client(10);
    let port = target(reverse);
    assert!(matches!(client.direct(("127.0.0.1", port)), Err(Error::OpenRefused { .. })));
    assert!(matches!(client.listen(("localhost", 0)), Err(Error::ForwardRefused)));
    let core = sanssh_std::core::Config { forwarding: true, ..ServerConfig::default().core };
    let config = ServerConfig { core, ..ServerConfig::default() };
    let permit = |host: &str, port| Permit { host: host.as_bytes().to_vec(), port };
    let permissions = Permissions {
        permit_open: vec![permit("localhost", Some(port))],
        permit_listen: vec![permit("localhost", None)],
        ..Permissions::default()
    };
    let bound = Running::permitting(config, permissions);
    let client = bound.client(10);
    assert!(client.direct(("localhost", port)).is_ok());
    assert!(matches!(client.direct(("127.0.0.1", port)), Err(Error::OpenRefused { .. })));
    assert!(matches!(client.direct(PathBuf::from("/dev/log")), Err(Error::OpenRefused { .. })));
    assert!(client.listen(("localhost", 0)).is_ok());
    assert!(matches!(client.listen(("127.0.0.1", 0)), Err(Error::ForwardRefused)));
    assert!(matches!(client.listen(PathBuf::from("/tmp/x")), Err(Error::ForwardRefused)));
}

#[test]
fn a_dropped_listener_leaves_connections_alone() {
    let server = Running::forwarding(10);
    let client = server.client(10);
    let forward = client.forward_local(here(), ("127.0.0.1", target(reverse))).unwrap();
    let address = forward.local_addr().unwrap();
    let socket = TcpStream::connect(address).unwrap();
    // It is certain to have been accepted once it carries something.
    let other = client.direct(("127.0.0.1", target(|socket| drop((&socket).write_all(b"!"))))).unwrap();
    assert_eq!((&other).read(&mut [0; 8]).unwrap(), 1);
    while forward.counts().open == 0 {
        thread::yield_now();
    }
    drop(forward);
    drop(client.session().unwrap());
    assert!(TcpStream::connect(address).is_err());
    check(socket, 1, 50_000);
}

#[test]
fn connections_wait_while_the_table_is_full() {
    let server = Running::forwarding(10);
    let client = server.client(2);
    let forward = client.forward_local(here(), ("127.0.0.1", target(reverse))).unwrap();
    let sockets: Vec<_> = (0..20).map(|_| TcpStream::connect(forward.local_addr().unwrap()).unwrap()).collect();
    thread::scope(|scope| {
        for (at, socket) in sockets.into_iter().enumerate() {
            scope.spawn(move || check(socket, at, 10_000));
        }
    });
    assert_eq!((forward.counts().accepted, forward.counts().failed), (20, 0));
}

/// What a forward leaves is free without an event on any channel.
#[test]
fn connections_wait_for_the_slot_of_a_forward() {
    let server = Running::forwarding(10);
    let client = server.client(1);
    let forward = client.forward_local(here(), ("127.0.0.1", target(reverse))).unwrap();
    let listener = client.listen(("127.0.0.1", 0)).unwrap();
    let socket = TcpStream::connect(forward.local_addr().unwrap()).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    while forward.counts().accepted == 0 {
        thread::yield_now();
    }
    drop(listener);
    check(socket, 1, 1000);
}

/// A session comes and goes: the channels before it are gone, and the relay has looked at all that came before.
fn round(client: &Client) {
    let session = loop {
        match client.session() {
            Err(Error::TooManyChannels) => thread::yield_now(),
            session => break session.unwrap(),
        }
    };
    session.close();
    session.wait_close().unwrap();
}

/// As many channels as can be open are closed, and what came by them is not read: others wait until it is.
#[test]
fn connections_wait_for_slow_readers() {
    const LENGTH: usize = 1 << 20;
    let server = Running::forwarding(10);
    let client = server.client(1);
    let port = target(|mut socket| socket.write_all(&vec![7; LENGTH]).unwrap());
    let directory = tempfile::tempdir().unwrap();
    let listener = UnixListener::bind(path(&directory)).unwrap();
    let forward = client.forward_local(listener, ("127.0.0.1", port)).unwrap();
    let connect = || {
        let socket = UnixStream::connect(path(&directory)).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        socket.shutdown(Shutdown::Write).unwrap();
        socket
    };
    let first = connect();
    while forward.counts().accepted == 0 {
        thread::yield_now();
    }
    round(&client);
    let second = connect();
    round(&client);
    for mut socket in [first, second] {
        let mut all = Vec::new();
        socket.read_to_end(&mut all).unwrap();
        assert_eq!(all.len(), LENGTH);
    }
}

#[test]
fn two_hundred_at_once_beside_one_that_nobody_reads() {
    let server = Running::forwarding(210);
    let client = server.client(210);
    let forward = client.forward_local(here(), ("127.0.0.1", target(reverse))).unwrap();
    let flood = target(|mut socket| while socket.write_all(&[7; 65536]).is_ok() {});
    let unread = client.forward_local(here(), ("127.0.0.1", flood)).unwrap();
    let _unread = TcpStream::connect(unread.local_addr().unwrap()).unwrap();
    let sockets: Vec<_> = (0..200).map(|_| TcpStream::connect(forward.local_addr().unwrap()).unwrap()).collect();
    thread::scope(|scope| {
        for (at, socket) in sockets.into_iter().enumerate() {
            scope.spawn(move || check(socket, at, 100_000 + at));
        }
    });
    assert_eq!((forward.counts().accepted, forward.counts().failed), (200, 0));
}

#[test]
fn programs_say_by_socks_where_to() {
    let server = Running::forwarding(10);
    let client = server.client(10);
    let forward = client.forward_dynamic(here()).unwrap();
    let (address, port) = (forward.local_addr().unwrap(), target(reverse));
    check(connect5(address, "localhost", port).unwrap(), 1, 300_000);
    check(connect4(address, "localhost", port).unwrap(), 2, 300_000);
    let nobody = here().local_addr().unwrap().port();
    assert_eq!(connect5(address, "127.0.0.1", nobody).unwrap_err(), [5, 4, 0, 1, 0, 0, 0, 0, 0, 0]);
    assert_eq!(connect5(address, "127.0.0.1", 1).unwrap_err(), [5, 2, 0, 1, 0, 0, 0, 0, 0, 0]);
    assert_eq!(connect4(address, "127.0.0.1", nobody).unwrap_err(), [0, 91, 0, 0, 0, 0, 0, 0]);
    let mut confused = TcpStream::connect(address).unwrap();
    confused.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    assert!(matches!(confused.read(&mut [0]), Ok(0) | Err(_)));
    // What is said before the answer reaches the host all the same.
    let mut hasty = TcpStream::connect(address).unwrap();
    let request = [&b"\x05\x01\x00\x05\x01\x00\x03\x09localhost"[..], &port.to_be_bytes(), b"drawer"].concat();
    hasty.write_all(&request).unwrap();
    hasty.shutdown(Shutdown::Write).unwrap();
    let mut said = Vec::new();
    hasty.read_to_end(&mut said).unwrap();
    assert!(said.ends_with(b"reward"), "{said:?}");
}
