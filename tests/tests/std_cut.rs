//! A line of 100 ms to another machine, which is cut: keepalives are answered as long as there is a line, and end the
//! connection once there is none, at both ends, with an error that says so.

use core::net::SocketAddr;
use core::time::Duration;
use sanssh_core::config::Keepalive;
use sanssh_core::{Config, Error as Ssh};
use sanssh_std::{
    Attempt, Client, Credential, Error, Event, Handler, KnownHosts, Options, Server, ServerConfig, Session, Unknown,
    Verdict, home,
};
use sanssh_tests::delay::{Line, Proxy};
use sanssh_tests::keys::{Keys, Kind};
use sanssh_tests::netns::Namespace;
use sanssh_tests::openssh::Sshd;
use sanssh_tests::peers;
use std::io::Read;
use std::sync::mpsc::{Sender, channel};
use std::thread;

/// So long that a machine that is busy with other things still answers.
const KEEPALIVE: Keepalive = Keepalive { interval: Duration::from_millis(1500), count: 3 };
const SLOW: Line = Line { delay: Duration::from_millis(50), cut_up: None, cut_down: None, grains: false };

fn connect(address: SocketAddr, user: &str, keepalive: Keepalive) -> Client {
    let mut hosts = KnownHosts::files(Vec::<std::path::PathBuf>::new()).unknown(Unknown::Trust);
    let options = Options { core: Config { keepalive, ..Config::default() }, ..Options::default() };
    let client =
        Client::connect(&address.ip().to_string(), address.port(), &options, &mut hosts).expect("a connection");
    let key = home::read_key(&Keys::shared().client(Kind::Ed25519), None).expect("a key");
    client.login_key(user, &key).expect("a login").accepted().expect("the key will do");
    client
}

/// What a client's waiting call fails with.
fn is_silence(error: &Error) -> bool {
    matches!(error, Error::Ssh(Ssh::TimedOut(_))) && error.to_string().contains("the peer does not answer")
}

#[test]
fn a_client_notices_that_the_line_is_cut() {
    if !peers::require(&["sshd", "ssh-keygen"]) {
        return;
    }
    let Some(space) = Namespace::create() else { return };
    let (server, proxy) = space.within(|| {
        let server = Sshd::start(&[]);
        let proxy = Proxy::at((space.far(), 0).into(), server.address(), SLOW).expect("a slow line");
        (server, proxy)
    });
    let client = connect(proxy.address(), server.user(), KEEPALIVE);
    let quiet = client.session().expect("a session");
    quiet.exec("sleep 8; echo still here; exec sleep 1000").expect("a command");
    let mut told = [0; 11];
    (&quiet).read_exact(&mut told).expect("silence is bridged by questions and answers");
    assert_eq!(&told, b"still here\n");

    space.cut();
    let error = quiet.wait().expect_err("nobody answers");
    assert!(is_silence(&error), "{error}");
    let error = client.run("true").expect_err("for all that follows");
    assert!(is_silence(&error), "{error}");
    space.within(|| drop((proxy, server)));
}

/// Lets everybody in, and tells when a session is over.
struct Watched(Sender<Event>);

impl Handler for Watched {
    fn key_acceptable(&self, _: SocketAddr, _: &str, _: &[u8]) -> bool {
        true
    }

    fn login(&self, attempt: &Attempt<'_>) -> Verdict {
        let is_key = matches!(attempt.credential, Credential::Key { .. });
        if is_key { Verdict::Accept(sanssh_std::Permissions::default()) } else { Verdict::Refuse }
    }

    fn session(&self, session: Session) {
        let told = session.next_event(None).map_or(Ok(()), |event| self.0.send(event));
        told.expect("the test waits");
    }
}

#[test]
fn a_server_notices_that_the_line_is_cut() {
    let Some(space) = Namespace::create() else { return };
    let key = home::read_key(&Keys::shared().host(Kind::Ed25519), None).expect("a key");
    let core = Config { keepalive: KEEPALIVE, ..ServerConfig::default().core };
    let config = ServerConfig { core, host_keys: vec![key], ..ServerConfig::default() };
    let server = space.within(|| Server::bind((space.far(), 0), config)).expect("a server");
    let address = server.local_addr().expect("its address");
    let shutdown = server.shutdown();
    let (over, told) = channel();
    thread::scope(|scope| {
        scope.spawn(|| server.serve(Watched(over)));
        let client = connect(address, "anybody", Keepalive { interval: Duration::ZERO, count: 0 });
        let session = client.session().expect("a session");
        session.exec("anything").expect("a command");
        session.confirm().expect("it runs");
        space.cut();
        // The client asks nothing, and so knows nothing; the server must notice by itself.
        assert_eq!(told.recv(), Ok(Event::Closed));
        shutdown.stop();
    });
}
