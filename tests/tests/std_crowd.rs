//! What a crowd of strangers costs the blocking server: a thousand connections that never log in, and the heap that each
//! has taken since it came, wherever it stays.

use core::net::SocketAddr;
use core::time::Duration;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use sanssh_core::auth::Method;
use sanssh_core::crypto::fast::Fast;
use sanssh_core::file::SigningKey;
use sanssh_core::role::Client;
use sanssh_core::{Config, Connection, Event, Input, Instant, Output, Seed, Slot, auth};
use sanssh_std::{Attempt, Handler, Server, ServerConfig, Session, Verdict};
use sanssh_tests::count::{Counting, everywhere};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;

#[global_allocator]
static ALLOCATOR: Counting = Counting::system();

const CROWD: usize = 1000;
/// Some more, who send as long a packet as a stranger may.
const FEW: usize = 100;
/// What one connection may have taken.
const SHARE: u64 = 64 * 1024;
/// Larger than anything that a server says to a stranger.
const SPACE: usize = 40 * 1024;

struct Nobody;

impl Handler for Nobody {
    fn key_acceptable(&self, _: SocketAddr, _: &str, _: &[u8]) -> bool {
        false
    }

    fn login(&self, _: &Attempt<'_>) -> Verdict {
        Verdict::Refuse
    }

    fn session(&self, _: Session) {}
}

/// A client that takes nothing from the heap, so that what is counted is the server's.
struct Stranger<'a> {
    ssh: Connection<Client, Fast, [Slot; 1]>,
    socket: &'a TcpStream,
    rx: &'a mut [u8],
    filled: usize,
    tx: &'a mut [u8],
    refused: bool,
}

impl<'a> Stranger<'a> {
    fn new(socket: &'a TcpStream, config: &Config, rx: &'a mut [u8], tx: &'a mut [u8]) -> Self {
        let ssh = Connection::new(config.clone(), &Seed::new([3; 32]), [Slot::new()], Instant(0));
        Self { ssh, socket, rx, filled: 0, tx, refused: false }
    }

    /// Logs in and is refused: by then the exchange is over, and the server waits for the next attempt.
    fn is_refused(&mut self) {
        let mut asked = false;
        while !self.refused {
            let mut output = Output::new(self.tx);
            self.ssh.flush(Instant(0), &mut output);
            asked = asked || self.ssh.password(b"nobody", b"wrong", &mut output).is_ok();
            let filled = output.filled();
            self.socket.write_all(&self.tx[..filled]).unwrap();
            if !self.digest() {
                self.receive();
            }
        }
    }

    fn receive(&mut self) {
        let received = self.socket.read(&mut self.rx[self.filled..]).unwrap();
        assert_ne!(received, 0, "the server has hung up");
        self.filled += received;
    }

    /// Whether anything was taken.
    fn digest(&mut self) -> bool {
        let mut input = Input::new(&mut self.rx[..self.filled]);
        while let Some(event) = self.ssh.recv(Instant(0), &mut input).unwrap() {
            match event {
                Event::Auth(auth::client::Event::HostKey { ask, .. }) => self.ssh.trust(ask),
                Event::Auth(auth::client::Event::Refused { .. }) => self.refused = true,
                Event::Auth(_)
                | Event::Transport(_)
                | Event::Channel(..)
                | Event::Open { .. }
                | Event::Listen { .. }
                | Event::Forward(..) => {}
            }
        }
        let taken = input.taken();
        self.rx.copy_within(taken..self.filled, 0);
        self.filled -= taken;
        taken > 0
    }
}

/// Sends the longest packet, of which the server needs all before it can do anything, and then one that ends it.
fn talk_long(address: SocketAddr, space: &mut [u8]) {
    const LENGTH: usize = 35_000 - 4;
    let mut socket = TcpStream::connect(address).unwrap();
    let (before, after) = (b"SSH-2.0-long\r\n".len(), 4 + LENGTH);
    space[..before].copy_from_slice(b"SSH-2.0-long\r\n");
    let packet = &mut space[before..];
    packet[..after + 9].fill(0);
    packet[..4].copy_from_slice(&u32::try_from(LENGTH).unwrap().to_be_bytes());
    // IGNORE, and four bytes of padding.
    packet[4..6].copy_from_slice(&[4, 2]);
    packet[6..10].copy_from_slice(&u32::try_from(LENGTH - 10).unwrap().to_be_bytes());
    // A length of nothing.
    socket.write_all(&space[..before + after + 4]).unwrap();
    while socket.read(space).is_ok_and(|received| received > 0) {}
}

/// One after the other connects, exchanges keys and is refused a login; all stay.
#[test]
fn a_crowd_of_strangers_holds_little() {
    // Both ends of each connection are open here, more files than many systems give a process that asks for none.
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, most, most).unwrap();
    let mut config = ServerConfig {
        host_keys: vec![SigningKey::ed25519(&[5; 32])],
        max_connections: CROWD + FEW,
        max_unauthenticated: CROWD + FEW,
        ..ServerConfig::default()
    };
    config.core.login.methods = [Method::Password].into_iter().collect();
    config.core.login.failure_delay = Duration::ZERO;
    let server = Server::bind("127.0.0.1:0", config).unwrap();
    let (address, shutdown) = (server.local_addr().unwrap(), server.shutdown());
    let serving = thread::spawn(move || server.serve(Nobody));
    let (config, mut rx, mut tx) = (Config::default(), vec![0; SPACE], vec![0; SPACE]);
    let mut crowd = Vec::with_capacity(CROWD);
    let connected = everywhere(|| {
        for _ in 0..CROWD {
            let socket = TcpStream::connect(address).unwrap();
            socket.set_nodelay(true).unwrap();
            // A server that says anything is there.
            socket.peek(&mut rx[..1]).unwrap();
            crowd.push(socket);
        }
    });
    let refused = everywhere(|| {
        for socket in &crowd {
            Stranger::new(socket, &config, &mut rx, &mut tx).is_refused();
        }
    });
    let longest = everywhere(|| (0..FEW).for_each(|_| talk_long(address, &mut rx)));
    shutdown.stop();
    serving.join().unwrap();
    let share = |bytes: u64| bytes / CROWD as u64;
    let longest = longest / FEW as u64;
    println!("a connection: {} bytes, with keys and a refusal {}", share(connected), share(connected + refused));
    println!("with the longest packet: {longest}");
    // Of what was counted, some was given back by then: KEXINIT and the exchange lie between.
    assert!(share(connected + refused) <= SHARE);
    assert!(longest <= SHARE);
    assert!(longest > 35_000, "the packet was not taken");
    assert!(share(connected) > 1024, "the server's threads were not counted");
}
