//! Forwarding between the blocking client and the blocking server: joined channels, half-closes, many at once.

use core::net::SocketAddr;
use core::time::Duration;
use sanssh_std::{
    Attempt, Client, Handler, Options, Permissions, Server, ServerConfig, Session, Shutdown, Start, Unknown, Verdict,
    KnownHosts, home,
};
use sanssh_tests::keys::{Keys, Kind};
use std::io::{Read, Write};
use std::net::{Shutdown as Way, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::thread::{self, JoinHandle};

/// Sessions are joined with the port that their command names.
struct Joiner;

impl Handler for Joiner {
    fn key_acceptable(&self, _: SocketAddr, _: &str, _: &[u8]) -> bool {
        true
    }

    fn login(&self, _: &Attempt<'_>) -> Verdict {
        Verdict::Accept(Permissions::default())
    }

    fn session(&self, session: Session) {
        let Start::Exec(command) = session.start() else { return };
        let port: u16 = str::from_utf8(command).unwrap().parse().unwrap();
        session.join(TcpStream::connect(("127.0.0.1", port)).unwrap()).unwrap();
    }
}

struct Running {
    address: SocketAddr,
    shutdown: Shutdown,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    fn start(config: ServerConfig) -> Self {
        let host_keys = vec![home::read_key(&Keys::shared().host(Kind::Ed25519), None).unwrap()];
        let server = Server::bind("127.0.0.1:0", ServerConfig { host_keys, ..config }).unwrap();
        let (address, shutdown) = (server.local_addr().unwrap(), server.shutdown());
        let thread = thread::spawn(move || server.serve(Joiner));
        Self { address, shutdown, thread: Some(thread) }
    }

    fn client(&self, channels: usize) -> Client {
        let options = Options { channels, ..Options::default() };
        let mut hosts = KnownHosts::files(["/dev/null"]).unknown(Unknown::Trust);
        let client = Client::connect("127.0.0.1", self.address.port(), &options, &mut hosts).unwrap();
        client.set_timeout(Some(Duration::from_secs(60)));
        let key = home::read_key(&Keys::shared().client(Kind::Ed25519), None).unwrap();
        client.login_key("somebody", &key).unwrap().accepted().unwrap();
        client
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shutdown.stop();
        self.thread.take().unwrap().join().unwrap();
    }
}

/// A target that does the same with everybody who comes.
fn target(serve: impl Fn(TcpStream) + Send + Sync + Clone + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for socket in listener.incoming() {
            let serve = serve.clone();
            thread::spawn(move || serve(socket.unwrap()));
        }
    });
    port
}

/// Reads to the end, and only then answers with all of it and a mark: needs both half-closes.
fn reverse(mut socket: TcpStream) {
    let mut all = Vec::new();
    socket.read_to_end(&mut all).unwrap();
    all.reverse();
    socket.write_all(&all).unwrap();
}

fn pattern(seed: usize, length: usize) -> Vec<u8> {
    (0..length).map(|at| (at.wrapping_mul(2_654_435_761).wrapping_add(seed * 77) >> 13) as u8).collect()
}

/// Sends all, ends, reads to the end.
fn exchange(mut socket: UnixStream, data: &[u8]) -> Vec<u8> {
    let mut writer = socket.try_clone().unwrap();
    thread::scope(|scope| {
        scope.spawn(move || {
            writer.write_all(data).unwrap();
            writer.shutdown(Way::Write).unwrap();
        });
        let mut all = Vec::new();
        socket.read_to_end(&mut all).unwrap();
        all
    })
}

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
        let data = pattern(length, length);
        let mut back = exchange(near, &data);
        back.reverse();
        assert!(back == data, "{length}");
    }
}

#[test]
fn two_hundred_at_once_beside_one_that_nobody_reads() {
    let server = Running::start(ServerConfig { channels: 210, ..ServerConfig::default() });
    let client = server.client(210);
    let port = target(reverse);
    let flood = target(|mut socket| while socket.write_all(&[7; 65536]).is_ok() {});
    let open = |port: u16| {
        let channel = client.session().unwrap();
        channel.exec(port.to_string()).unwrap();
        let (near, far) = UnixStream::pair().unwrap();
        channel.join(far).unwrap();
        near
    };
    let _unread = open(flood);
    let sockets: Vec<_> = (0..200).map(|_| open(port)).collect();
    thread::scope(|scope| {
        for (at, socket) in sockets.into_iter().enumerate() {
            scope.spawn(move || {
                let data = pattern(at, 100_000 + at);
                let mut back = exchange(socket, &data);
                back.reverse();
                assert!(back == data, "{at}");
            });
        }
    });
}
