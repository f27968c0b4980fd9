//! Sessions: modes, errors, time, tunnels, keepalives.

use crate::rig::{MODES, Mode, Ours, Peer, call, drain, each, feed, openssh, readable};
use core::time::Duration;
use sanssh_compat::channel::Channel;
use sanssh_compat::exceptions::*;
use sanssh_compat::session::*;
use sanssh_compat::utils;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::thread;

#[test]
fn the_settings_of_a_new_session_and_their_change() {
    let session = Session::new();
    assert!(session.get_blocking());
    assert_eq!((session.get_timeout(), session.block_directions()), (0, 0));
    assert_eq!((session.last_errno(), session.last_error().as_str()), (0, ""));
    session.set_blocking(false);
    session.set_timeout(1500);
    assert_eq!((session.get_blocking(), session.get_timeout()), (false, 1500));
    assert_eq!(session.set_last_error(-42, "mine"), -42);
    assert_eq!((session.last_errno(), session.last_error().as_str()), (-42, "mine"));
    assert!(session.clone() == session && session != Session::new());
    assert_eq!(utils::wait_socket(&session, None), 0);
}

#[test]
fn again_names_a_direction_until_calls_wait() {
    let peer = Peer::Ours(Ours::start());
    let session = peer.session(Mode::NonBlocking);
    let channel = call(&session, || session.open_session()).unwrap();
    call(&session, || channel.execute("cat")).unwrap();
    assert_eq!(channel.read(&mut [0]), Err(Error::Again));
    // What left meanwhile may be worth one more look.
    assert_eq!((session.last_errno(), session.block_directions() & LIBSSH2_SESSION_BLOCK_INBOUND), (-37, 1));
    assert_eq!(channel.read(&mut [0]), Err(Error::Again));
    assert_eq!((session.last_errno(), session.block_directions()), (-37, LIBSSH2_SESSION_BLOCK_INBOUND));
    // Another call in between does not hide it.
    channel.send_eof().unwrap();
    assert_ne!(session.block_directions(), 0);
    // A window that is full: the server has to say something first.
    let channel = call(&session, || session.open_session()).unwrap();
    call(&session, || channel.execute("sleep 1000")).unwrap();
    let data = vec![0; 1 << 20];
    while channel.write(&data).is_ok() {}
    assert_ne!(session.block_directions(), 0);
    session.set_blocking(true);
    assert_eq!(session.block_directions(), 0);
}

#[test]
fn a_call_that_takes_too_long_raises_timeout_and_leaves_the_session() {
    each(|peer, mode| {
        if mode == Mode::NonBlocking {
            return;
        }
        let session = peer.session(mode);
        let channel = session.open_session().unwrap();
        channel.execute("cat").unwrap();
        session.set_timeout(20);
        for error in [
            channel.read(&mut [0]).unwrap_err(),
            channel.read_stderr(&mut [0]).unwrap_err(),
            channel.wait_eof().unwrap_err(),
        ] {
            assert!(error.is(Timeout) && error.code() == -9, "{error}");
        }
        assert_eq!(session.last_error(), "Timed out waiting on socket");
        session.set_timeout(30_000);
        channel.write(b"still there").unwrap();
        channel.send_eof().unwrap();
        assert_eq!(drain(&session, |space| channel.read(space)), b"still there");
    });
}

/// What took too long is gone on with by the same call, and not begun anew.
#[test]
fn a_call_that_took_too_long_can_be_repeated() {
    fn patiently<T>(mut what: impl FnMut() -> Result<T, Error>) -> T {
        loop {
            match what() {
                Err(error) if error.is(Timeout) => {}
                outcome => return outcome.unwrap(),
            }
        }
    }
    each(|peer, mode| {
        if mode == Mode::NonBlocking {
            return;
        }
        let session = peer.session(mode);
        session.set_timeout(1);
        let channel = patiently(|| session.open_session());
        patiently(|| channel.execute("sleep 0.1; echo slow; exit 4"));
        let mut space = [0; 100];
        assert_eq!(patiently(|| channel.read(&mut space)), 5);
        patiently(|| channel.wait_eof());
        patiently(|| channel.close());
        assert_eq!(channel.get_exit_status(), 4);
    });
}

#[test]
fn signs_of_life_are_asked_for_when_they_are_due() {
    let Some(peer) = openssh(&["LogLevel DEBUG1"]) else { return };
    let Peer::OpenSsh(server) = &peer else { return };
    for mode in MODES {
        let session = peer.session(mode);
        assert_eq!(session.keepalive_send(), Ok(0));
        session.keepalive_config(true, 1);
        assert_eq!(session.keepalive_send(), Ok(2));
        assert!((1..=2).contains(&session.keepalive_send().unwrap()));
        assert!(server.says("rtype keepalive@openssh.com want_reply 1"), "{}", server.log());
        session.keepalive_config(false, 0);
        assert_eq!(session.keepalive_send(), Ok(0));
    }
    let session = Session::new();
    session.keepalive_config(false, 30);
    assert!(session.keepalive_send().unwrap_err().is(SocketRecvError));
}

fn echo(mut peer: impl Read + Write) {
    let mut space = [0; 4];
    peer.read_exact(&mut space).unwrap();
    peer.write_all(&space).unwrap();
}

fn ping(session: &Session, channel: &Channel) {
    feed(session, b"ping", |rest| channel.write(rest));
    assert_eq!(drain(session, |space| channel.read(space)), b"ping");
    call(session, || channel.close()).unwrap();
}

#[test]
fn tunnels_lead_to_ports_and_sockets_or_say_why_not() {
    each(|peer, mode| {
        let session = peer.session(mode);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = thread::spawn(move || (0..2).for_each(|_| echo(listener.accept().unwrap().0)));
        let channel = call(&session, || session.direct_tcpip("127.0.0.1", port)).unwrap();
        ping(&session, &channel);
        let channel = call(&session, || session.direct_tcpip_ex("127.0.0.1", port, "192.0.2.1", 99)).unwrap();
        ping(&session, &channel);
        server.join().unwrap();
        let refused = call(&session, || session.direct_tcpip("127.0.0.1", port)).unwrap_err();
        assert!(refused.is(ChannelFailure) && refused.code() == -21, "{refused}");
        assert!(refused.to_string().starts_with("Channel open failure (connect failed)"), "{refused}");
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        let listener = UnixListener::bind(&path).unwrap();
        let server = thread::spawn(move || echo(listener.accept().unwrap().0));
        let path = path.to_str().unwrap();
        let channel = call(&session, || session.direct_streamlocal_ex(path, "", 0)).unwrap();
        ping(&session, &channel);
        server.join().unwrap();
    });
}

/// What one call brings for another does not lie there while the program waits for the socket.
#[test]
fn a_call_that_could_not_go_on_hears_of_what_another_has_brought() {
    let peer = Peer::Ours(Ours::start());
    let session = peer.session(Mode::NonBlocking);
    let [one, other] = [(), ()].map(|()| call(&session, || session.open_session()).unwrap());
    call(&session, || one.execute("cat")).unwrap();
    call(&session, || other.execute("cat")).unwrap();
    feed(&session, b"for one", |rest| one.write(rest));
    let mut space = [0; 100];
    while !one.poll_channel_read(false).unwrap() {
        readable(&session);
    }
    assert_eq!(other.read(&mut space), Err(Error::Again));
    feed(&session, b"for other", |rest| other.write(rest));
    readable(&session);
    assert_eq!(one.read(&mut space), Ok(7));
    assert_eq!(one.read(&mut space), Err(Error::Again));
    assert_eq!(session.block_directions(), LIBSSH2_SESSION_BLOCK_INBOUND | LIBSSH2_SESSION_BLOCK_OUTBOUND);
    assert_eq!(other.read(&mut space), Ok(9));
}

#[test]
fn operations_of_different_channels_go_on_between_each_other() {
    each(|peer, mode| {
        if mode == Mode::Blocking {
            return;
        }
        let session = peer.session(mode);
        let channels: Vec<_> = (0..5).map(|_| call(&session, || session.open_session()).unwrap()).collect();
        // All are asked before any is answered.
        for (n, channel) in channels.iter().enumerate() {
            assert_eq!(channel.execute(format!("echo {n}; cat")), Err(Error::Again));
        }
        for (n, channel) in channels.iter().enumerate().rev() {
            call(&session, || channel.execute(format!("echo {n}; cat"))).unwrap();
        }
        for (n, channel) in channels.iter().enumerate() {
            channel.send_eof().unwrap();
            assert_eq!(drain(&session, |space| channel.read(space)), format!("{n}\n").as_bytes());
        }
    });
}

#[test]
fn wait_socket_sleeps_until_there_is_something() {
    let peer = Peer::Ours(Ours::start());
    let session = peer.session(Mode::NonBlocking);
    let channel = call(&session, || session.open_session()).unwrap();
    call(&session, || channel.execute("read line; echo $line")).unwrap();
    assert_eq!(channel.read(&mut [0]), Err(Error::Again));
    // Whatever came until now is worth one more look, and then no more.
    utils::wait_socket(&session, Some(Duration::ZERO));
    assert_eq!(channel.read(&mut [0]), Err(Error::Again));
    assert_eq!(utils::wait_socket(&session, Some(Duration::ZERO)), 0);
    feed(&session, b"word\n", |rest| channel.write(rest));
    assert_eq!(drain(&session, |space| channel.read(space)), b"word\n");
}
