//! The publickey subsystem by its documented names: with a server of ours that keeps keys, and with servers that do not
//! keep to the protocol.

use crate::rig::{MODES, Mode, call, openssh};
use core::net::SocketAddr;
use sanssh_compat::Error;
use sanssh_compat::exceptions::*;
use sanssh_compat::publickey::{PublicKeyAttribute, PublicKeyList, PublicKeySystem};
use sanssh_compat::session::Session;
use sanssh_core::pubkey::Code;
use sanssh_std::{Attempt, Handler, Permissions, Server, ServerConfig, Session as Served, Shutdown, Verdict, home};
use sanssh_tests::keys::{Keys as Files, Kind};
use sanssh_tests::pubkeys::Keys;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread::{self, JoinHandle};

/// What a server does that is asked for the subsystem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Keeps,
    /// It speaks the draft.
    Drafts,
    /// It says this after its version.
    Says(&'static [u8]),
    /// It takes a request, and lists keys without end.
    Floods,
    /// It takes a request, and leaves.
    Leaves,
    /// It takes requests, and says nothing.
    Stares,
}

const VERSION: &[u8] = b"\0\0\0\x0f\0\0\0\x07version\0\0\0\x02";
const DRAFT: &[u8] = b"\0\0\0\x0f\0\0\0\x07version\0\0\0\x01";
const KEY: &[u8] = b"\0\0\0\x19\0\0\0\x09publickey\0\0\0\0\0\0\0\0\0\0\0\0";

struct Keeper {
    keys: Keys,
    way: Way,
}

impl Handler for Keeper {
    fn key_acceptable(&self, _: SocketAddr, _: &str, _: &[u8]) -> bool {
        true
    }

    fn login(&self, _: &Attempt<'_>) -> Verdict {
        Verdict::Accept(Permissions::default())
    }

    fn session(&self, session: Served) {
        let mut ours = &session;
        let mut space = [0; 4096];
        // Clients that leave are no fault of the test's.
        let _ = match self.way {
            Way::Keeps => self.keys.serve(&session),
            Way::Drafts => ours.write_all(DRAFT).and_then(|()| ours.read(&mut space).map(drop)),
            Way::Says(what) => ours.write_all(&[VERSION, what].concat()).and_then(|()| ours.read(&mut space).map(drop)),
            Way::Floods | Way::Leaves => ours.write_all(VERSION).and_then(|()| {
                // The client's version, and a request.
                ours.read_exact(&mut space[..VERSION.len()])?;
                let _request = ours.read(&mut space)?;
                let many = KEY.repeat(1000);
                while self.way == Way::Floods && ours.write_all(&many).is_ok() {}
                Ok(())
            }),
            Way::Stares => ours.write_all(VERSION).and_then(|()| {
                while ours.read(&mut space)? > 0 {}
                Ok(())
            }),
        };
    }
}

struct Running {
    keys: Keys,
    address: SocketAddr,
    shutdown: Shutdown,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    fn start(way: Way) -> Self {
        let host_keys = vec![home::read_key(&Files::shared().host(Kind::Ed25519), None).unwrap()];
        let subsystems = vec!["publickey".to_owned()];
        let server = Server::bind("127.0.0.1:0", ServerConfig { host_keys, subsystems, ..ServerConfig::default() });
        let (server, keys) = (server.unwrap(), Keys::default());
        let (address, shutdown) = (server.local_addr().unwrap(), server.shutdown());
        let keeper = Keeper { keys: keys.clone(), way };
        Self { keys, address, shutdown, thread: Some(thread::spawn(move || server.serve(keeper))) }
    }

    fn session(&self, mode: Mode) -> Session {
        let session = Session::new();
        session.set_blocking(mode == Mode::Blocking);
        session.set_timeout(30_000);
        let socket = TcpStream::connect(self.address).unwrap();
        call(&session, || session.handshake(&socket)).unwrap();
        let key = Files::shared().client(Kind::Ed25519);
        call(&session, || session.userauth_publickey_fromfile("somebody", &key, "", None)).unwrap();
        session
    }

    fn system(&self, mode: Mode) -> (Session, PublicKeySystem) {
        let session = self.session(mode);
        let system = call(&session, || session.publickey_init()).unwrap();
        (session, system)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shutdown.stop();
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

fn is(error: &Error, code: Code) -> bool {
    error.is(PublicKeyProtocolError) && error.code() == -36 && error.status() == Some(code.0)
}

/// In the wheel it cannot be begun without waiting, and its lists never come.
#[test]
fn publickey_init_and_list_fetch_work_in_both_modes() {
    for mode in MODES {
        let server = Running::start(Way::Keeps);
        let (session, system) = server.system(mode);
        assert_eq!(call(&session, || system.list_fetch()), Ok(vec![]));
        let comment = PublicKeyAttribute::new("comment", "mine", true);
        assert_eq!((&*comment.name, &*comment.value, comment.mandatory), (&b"comment"[..], &b"mine"[..], true));
        call(&session, || system.add("ssh-ed25519", b"one", false, &[])).unwrap();
        call(&session, || system.add("ssh-rsa", &[7; 2000], false, core::slice::from_ref(&comment))).unwrap();
        let list = call(&session, || system.list_fetch()).unwrap();
        let told: Vec<_> =
            list.iter().map(|key| (key.name(), key.name_len(), key.blob_len(), key.num_attrs())).collect();
        assert_eq!(told, [(&b"ssh-ed25519"[..], 11, 3, 0), (b"ssh-rsa", 7, 2000, 1)]);
        assert_eq!(list[1].blob(), [7; 2000]);
        assert_eq!(list[1].attrs(), [PublicKeyAttribute { mandatory: false, ..comment }]);
        system.list_free();
        call(&session, || system.remove("ssh-ed25519", b"one")).unwrap();
        assert_eq!(call(&session, || system.list_fetch()).unwrap(), list[1..]);
        assert_eq!(server.keys.held().len(), 1);
        let understood = call(&session, || system.list_attributes()).unwrap();
        assert_eq!(understood, [(b"comment".to_vec(), false), (b"from".to_vec(), true)]);
    }
}

#[test]
fn refusals_say_why() {
    let server = Running::start(Way::Keeps);
    for mode in MODES {
        server.keys.held().clear();
        let (session, system) = server.system(mode);
        let add = |name: &str, overwrite, attrs: &[PublicKeyAttribute]| {
            call(&session, || system.add(name, b"one", overwrite, attrs))
        };
        add("a", false, &[]).unwrap();
        let error = add("a", false, &[]).unwrap_err();
        assert!(is(&error, Code::KEY_ALREADY_PRESENT), "{error:?}");
        assert_eq!(error.to_string(), "key already present: not so");
        assert_eq!((session.last_errno(), session.last_error()), (-36, error.to_string()));
        add("a", true, &[]).unwrap();
        assert!(is(&add("ssh-dss", false, &[]).unwrap_err(), Code::KEY_NOT_SUPPORTED));
        let unknown = PublicKeyAttribute::new("x@y", "", true);
        assert!(is(&add("b", false, &[unknown]).unwrap_err(), Code::ATTRIBUTE_NOT_SUPPORTED));
        add("b", false, &[PublicKeyAttribute::new("x@y", "", false)]).unwrap();
        assert!(is(&call(&session, || system.remove("c", b"")).unwrap_err(), Code::KEY_NOT_FOUND));
        let long = call(&session, || system.add("c", &vec![0; 1 << 20], false, &[])).unwrap_err();
        assert!(long.is(OutOfBoundaryError), "{long:?}");
        assert_eq!(call(&session, || system.list_fetch()).unwrap().len(), 2);
    }
}

#[test]
fn after_shutdown_there_is_nothing() {
    let server = Running::start(Way::Keeps);
    for mode in MODES {
        let (session, system) = server.system(mode);
        call(&session, || system.shutdown()).unwrap();
        call(&session, || system.shutdown()).unwrap();
        assert!(call(&session, || system.list_fetch()).unwrap_err().is(BadUseError));
        let again = call(&session, || session.publickey_init()).unwrap();
        call(&session, || again.list_fetch()).unwrap();
    }
}

#[test]
fn servers_without_the_subsystem_are_told_from_others() {
    let Some(peer) = openssh(&[]) else { return };
    let draft = Running::start(Way::Drafts);
    for mode in MODES {
        let session = peer.session(mode);
        let error = call(&session, || session.publickey_init()).unwrap_err();
        assert!(error.is(PublicKeyInitError) && error.is(PublicKeyError) && error.code() == -36, "{error:?}");
        let session = draft.session(mode);
        let error = call(&session, || session.publickey_init()).unwrap_err();
        assert!(error.is(PublicKeyInitError) && error.to_string().contains("version 1"), "{error:?}");
        let session = peer.shaken(mode);
        assert!(session.publickey_init().unwrap_err().is(BadUseError));
    }
}

/// What is begun and not gone on with does not confuse what comes after it.
#[test]
fn a_call_that_is_given_up_is_followed_by_others() {
    let server = Running::start(Way::Keeps);
    let (session, system) = server.system(Mode::NonBlocking);
    for n in 0..10 {
        let (one, two) = ([n, 1], [n, 2]);
        // The server cannot answer before it gets at its list.
        let list = server.keys.held();
        assert_eq!(system.add("a", &one, false, &[]), Err(Error::Again));
        assert_eq!(system.list_fetch(), Err(Error::Again));
        drop(list);
        call(&session, || system.add("a", &two, false, &[])).unwrap();
        let list = call(&session, || system.list_fetch()).unwrap();
        assert_eq!(list.iter().filter(|key| key.blob() == one || key.blob() == two).count(), 2);
    }
    drop((session.publickey_init(), system));
    let fresh = call(&session, || session.publickey_init()).unwrap();
    assert_eq!(call(&session, || fresh.list_fetch()).unwrap().len(), 20);
}

#[test]
fn a_mode_that_changes_halfway_changes_nothing_else() {
    let server = Running::start(Way::Keeps);
    let session = server.session(Mode::NonBlocking);
    assert!(session.publickey_init().is_err_and(|error| error.is_again()));
    session.set_blocking(true);
    let system = session.publickey_init().unwrap();
    session.set_blocking(false);
    let list = server.keys.held();
    assert_eq!(system.add("a", b"one", false, &[]), Err(Error::Again));
    drop(list);
    session.set_blocking(true);
    system.add("a", b"one", false, &[]).unwrap();
    assert_eq!(system.list_fetch().unwrap().len(), 1);
}

#[test]
fn threads_share_a_subsystem() {
    let server = Running::start(Way::Keeps);
    let (_session, system) = server.system(Mode::Blocking);
    thread::scope(|scope| {
        for n in 0..4 {
            let system = &system;
            scope.spawn(move || {
                for m in 0..5 {
                    system.add("a", &[n, m], false, &[]).unwrap();
                    assert!(system.list_fetch().unwrap().iter().any(|key: &PublicKeyList| key.blob() == [n, m]));
                }
            });
        }
    });
    assert_eq!(server.keys.held().len(), 20);
}

#[test]
fn servers_that_break_the_protocol_are_left() {
    for way in [
        Way::Says(VERSION),
        Way::Says(KEY),
        Way::Says(b"\xff\xff\xff\xff"),
        Way::Says(b"\0\0\0\0"),
        Way::Says(b"\0\0\0\x04\xff\xff\xff\xff"),
        Way::Floods,
    ] {
        let server = Running::start(way);
        for mode in MODES {
            let session = server.session(mode);
            // What is wrong may come before the first call or after it.
            let Ok(system) = call(&session, || session.publickey_init()) else { continue };
            let removed = call(&session, || system.remove("a", b"one")).unwrap_err();
            assert!(removed.is(PublicKeyProtocolError), "{way:?}: {removed:?}");
            assert_eq!(call(&session, || system.list_fetch()).unwrap_err(), removed);
        }
    }
}

#[test]
fn a_list_without_end_is_cut() {
    let server = Running::start(Way::Floods);
    for mode in MODES {
        let (session, system) = server.system(mode);
        let error = call(&session, || system.list_fetch()).unwrap_err();
        assert!(error.is(PublicKeyProtocolError) && error.to_string().contains("too long"), "{error:?}");
    }
}

#[test]
fn servers_that_leave_or_say_nothing_are_not_waited_for() {
    let (leaves, stares) = (Running::start(Way::Leaves), Running::start(Way::Stares));
    for mode in MODES {
        let (session, system) = leaves.system(mode);
        assert!(call(&session, || system.list_fetch()).unwrap_err().is(SocketRecvError));
    }
    let (session, system) = stares.system(Mode::Blocking);
    session.set_timeout(100);
    assert!(system.list_fetch().unwrap_err().is(Timeout));
    assert!(system.add("a", b"", false, &[]).unwrap_err().is(Timeout));
    session.set_blocking(false);
    assert_eq!(system.list_fetch(), Err(Error::Again));
}
