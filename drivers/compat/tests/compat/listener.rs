//! Listeners by their documented names.

use crate::rig::{MODES, Mode, Ours, Peer, call, drain, each, feed, openssh};
use sanssh_compat::Error;
use sanssh_compat::exceptions::*;
use sanssh_compat::listener::Listener;
use sanssh_compat::session::Session;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

fn listen(session: &Session, queue: usize) -> (Listener, u16) {
    call(session, || session.forward_listen_ex(queue, Some("127.0.0.1"), 0)).unwrap()
}

fn connect(port: u16) -> TcpStream {
    TcpStream::connect(("127.0.0.1", port)).unwrap()
}

/// Whatever the server was told before, it has heard.
fn settle(session: &Session) {
    let channel = call(session, || session.open_session()).unwrap();
    call(session, || channel.execute("true")).unwrap();
    call(session, || channel.close()).unwrap();
}

/// What comes of a connection whose other end has nothing to say.
fn ends(mut socket: &TcpStream) -> bool {
    matches!(socket.read(&mut [0]), Ok(0) | Err(_))
}

#[test]
fn forward_listen_ex_and_forward_accept() {
    each(|peer, mode| {
        let session = peer.session(mode);
        let (listener, port) = listen(&session, 16);
        assert_ne!(port, 0);
        if mode == Mode::NonBlocking {
            assert_eq!(listener.forward_accept().err(), Some(Error::Again));
        }
        for text in [&b"one"[..], b"two"] {
            let mut socket = connect(port);
            let channel = call(&session, || listener.forward_accept()).unwrap();
            assert!(*channel.session() == session);
            socket.write_all(text).unwrap();
            socket.shutdown(Shutdown::Write).unwrap();
            assert_eq!(drain(&session, |space| channel.read(space)), text);
            feed(&session, b"an answer", |rest| channel.write(rest));
            call(&session, || channel.send_eof()).unwrap();
            call(&session, || channel.close()).unwrap();
            let mut answer = String::new();
            socket.read_to_string(&mut answer).unwrap();
            assert_eq!(answer, "an answer");
        }
    });
}

#[test]
fn forward_listen_takes_a_port() {
    each(|peer, mode| {
        let session = peer.session(mode);
        // One that was free a moment ago.
        let port = {
            let (listener, port) = listen(&session, 0);
            call(&session, || listener.forward_cancel()).unwrap();
            settle(&session);
            port
        };
        let listener = call(&session, || session.forward_listen(port)).unwrap();
        let socket = connect(port);
        let channel = call(&session, || listener.forward_accept()).unwrap();
        drop(channel);
        settle(&session);
        assert!(ends(&socket));
    });
}

#[test]
fn forward_cancel_closes_the_port_and_what_waits_at_it() {
    each(|peer, mode| {
        let session = peer.session(mode);
        let (listener, port) = listen(&session, 16);
        let accepted = connect(port);
        let channel = call(&session, || listener.forward_accept()).unwrap();
        let waiting = connect(port);
        settle(&session);
        call(&session, || listener.forward_cancel()).unwrap();
        call(&session, || listener.forward_cancel()).unwrap();
        settle(&session);
        assert!(ends(&waiting));
        assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
        assert!(listener.forward_accept().unwrap_err().is(BadUseError));
        // What was accepted goes on.
        feed(&session, b"still here", |rest| channel.write(rest));
        call(&session, || channel.close()).unwrap();
        let mut text = String::new();
        (&accepted).read_to_string(&mut text).unwrap();
        assert_eq!(text, "still here");
    });
}

#[test]
fn a_listener_that_is_dropped_stops() {
    each(|peer, mode| {
        let session = peer.session(mode);
        let (listener, port) = listen(&session, 16);
        drop(listener);
        settle(&session);
        assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    });
}

#[test]
fn no_more_connections_wait_than_the_queue_holds() {
    each(|peer, mode| {
        let session = peer.session(mode);
        let (listener, port) = listen(&session, 2);
        let sockets: Vec<_> = (0..2).map(|_| connect(port)).collect();
        settle(&session);
        let third = connect(port);
        settle(&session);
        assert!(ends(&third));
        for mut socket in sockets {
            let channel = call(&session, || listener.forward_accept()).unwrap();
            socket.write_all(b"x").unwrap();
            socket.shutdown(Shutdown::Write).unwrap();
            assert_eq!(drain(&session, |space| channel.read(space)), b"x");
        }
    });
}

#[test]
fn what_a_server_does_not_permit_is_denied() {
    let Some(peer) = openssh(&["AllowTcpForwarding no"]) else { return };
    for mode in MODES {
        let session = peer.session(mode);
        let error = call(&session, || session.forward_listen(0)).unwrap_err();
        assert!(error.is(RequestDeniedError) && error.code() == -32, "{error:?}");
        assert!(peer.shaken(mode).forward_listen(0).unwrap_err().is(BadUseError));
    }
}

/// The server may go on with it, and nobody is there to accept.
#[test]
fn a_listener_that_is_given_up_halfway_is_closed() {
    let peer = Peer::Ours(Ours::start());
    let session = peer.session(Mode::NonBlocking);
    assert_eq!(session.forward_listen_ex(1, Some("127.0.0.1"), 0).err(), Some(Error::Again));
    let (listener, _) = listen(&session, 16);
    call(&session, || listener.forward_cancel()).unwrap();
    settle(&session);
}
