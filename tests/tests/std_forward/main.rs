//! Forwarding by the blocking client and the blocking server, with each other and with OpenSSH's.

use core::net::SocketAddr;
use core::time::Duration;
use sanssh_std::{
    Attempt, Client, Endpoint, Handler, KnownHosts, Options, Permissions, Server, ServerConfig, Session, Shutdown,
    Start, Unknown, Verdict, Wish, home,
};
use sanssh_tests::keys::{Keys, Kind};
use std::io::{Read, Write};
use std::net::{Shutdown as Way, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::thread::{self, JoinHandle};

mod openssh;
mod ours;

/// Sessions are joined with the port that their command names; everything is forwarded but what has port 1.
struct Joiner(Permissions);

impl Handler for Joiner {
    fn key_acceptable(&self, _: SocketAddr, _: &str, _: &[u8]) -> bool {
        true
    }

    fn login(&self, _: &Attempt<'_>) -> Verdict {
        Verdict::Accept(self.0.clone())
    }

    fn may_forward(&self, _: SocketAddr, user: &str, wish: &Wish<'_>) -> bool {
        let (Wish::Connect(place) | Wish::Listen(place)) = wish else { return false };
        user == "somebody" && !matches!(place, Endpoint::Tcp { port: 1, .. })
    }

    fn session(&self, session: Session) {
        let Start::Exec(command) = session.start() else { return };
        let port = match command.strip_prefix(b"noisy ") {
            // More than any window takes.
            Some(port) => session.stderr().write_all(&vec![b'!'; 5 << 20]).map(|()| port.to_owned()).unwrap(),
            None => command.to_vec(),
        };
        let port: u16 = str::from_utf8(&port).unwrap().parse().unwrap();
        session.join(TcpStream::connect(("127.0.0.1", port)).unwrap()).unwrap();
    }
}

struct Running {
    address: SocketAddr,
    shutdown: Shutdown,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    /// Forwards, for so many channels at a time.
    fn forwarding(channels: usize) -> Self {
        let core = sanssh_std::core::Config { forwarding: true, ..ServerConfig::default().core };
        Self::start(ServerConfig { core, channels, ..ServerConfig::default() })
    }

    fn start(config: ServerConfig) -> Self {
        Self::permitting(config, Permissions::default())
    }

    fn permitting(config: ServerConfig, permissions: Permissions) -> Self {
        let host_keys = vec![home::read_key(&Keys::shared().host(Kind::Ed25519), None).unwrap()];
        let server = Server::bind("127.0.0.1:0", ServerConfig { host_keys, ..config }).unwrap();
        let (address, shutdown) = (server.local_addr().unwrap(), server.shutdown());
        let thread = thread::spawn(move || server.serve(Joiner(permissions)));
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
fn exchange(socket: impl Into<OwnedFd>, data: &[u8]) -> Vec<u8> {
    // Whatever its kind, the calls are the same.
    let mut socket = UnixStream::from(socket.into());
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

/// Through the forward and back, reversed.
fn check(socket: impl Into<OwnedFd>, seed: usize, length: usize) {
    let data = pattern(seed, length);
    let mut back = exchange(socket, &data);
    back.reverse();
    assert!(back == data, "{seed} {length}");
}

fn here() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}

/// A path for a socket.
fn path(directory: &tempfile::TempDir) -> PathBuf {
    directory.path().join("socket")
}

/// Asks a SOCKS proxy of version 5 for a host; what it answered if that was a refusal.
fn connect5(proxy: SocketAddr, host: &str, port: u16) -> Result<TcpStream, [u8; 10]> {
    let mut socket = TcpStream::connect(proxy).unwrap();
    socket.write_all(&[5, 2, 0, 2]).unwrap();
    let mut chosen = [0; 2];
    socket.read_exact(&mut chosen).unwrap();
    assert_eq!(chosen, [5, 0]);
    let length = u8::try_from(host.len()).unwrap();
    socket.write_all(&[&[5, 1, 0, 3, length][..], host.as_bytes(), &port.to_be_bytes()].concat()).unwrap();
    let mut reply = [0; 10];
    socket.read_exact(&mut reply).unwrap();
    if reply[1] == 0 { Ok(socket) } else { Err(reply) }
}

/// The same in version 4a.
fn connect4(proxy: SocketAddr, host: &str, port: u16) -> Result<TcpStream, [u8; 8]> {
    let mut socket = TcpStream::connect(proxy).unwrap();
    let request = [&[4, 1][..], &port.to_be_bytes(), &[0, 0, 0, 1], b"me\0", host.as_bytes(), b"\0"].concat();
    socket.write_all(&request).unwrap();
    let mut reply = [0; 8];
    socket.read_exact(&mut reply).unwrap();
    if reply[1] == 90 { Ok(socket) } else { Err(reply) }
}
