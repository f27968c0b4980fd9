//! What a handshake costs, by key exchange: each end's work and the bytes both ways, between two connections in memory;
//! and real handshakes over TCP beside OpenSSH's, one after another, each program against the same other end.
//!
//! Rounds are interleaved and medians given, since the machine is shared; trust the ratios. `-- memory`, `-- server` or
//! `-- client` runs one part.

use core::net::SocketAddr;
use core::time::Duration;
use sanssh_core::algorithm::{Cipher, HostKey, Kex, Preferences, list};
use sanssh_core::crypto::Provider;
use sanssh_core::crypto::fast::Fast;
use sanssh_core::role::{Client, Server};
use sanssh_core::{Config, Connection, Event, Input, Instant, Output, Seed, Slot, auth, transport};
use sanssh_std::{Attempt, Handler, KnownHosts, Options, ServerConfig, Session, Shutdown, Verdict, home};
use sanssh_tests::bench::median;
use sanssh_tests::keys::{Keys, Kind, public};
use sanssh_tests::openssh::{self, Sshd, known_hosts_line};
use sanssh_tests::{peers, signing};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::Instant as Clock;
use tempfile::NamedTempFile;

fn main() {
    let chosen: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let wanted = |name: &str| chosen.is_empty() || chosen.iter().any(|arg| arg == name);
    if wanted("memory") {
        memory();
    }
    if wanted("server") {
        servers();
    }
    if wanted("client") {
        clients();
    }
}

/// What one handshake took: microseconds of client and of server, bytes up and down.
type Cost = [f64; 4];

/// Every method, host key Ed25519.
fn memory() {
    println!("{:<38} {:>10} {:>10} {:>9} {:>9}", "key exchange", "client us", "server us", "bytes up", "down");
    for kex in Fast::KEX {
        let budget = Clock::now();
        let mut costs = vec![handshake(*kex, 0)];
        while costs.len() < 5 || (costs.len() < 201 && budget.elapsed() < Duration::from_secs(3)) {
            costs.push(handshake(*kex, costs.len()));
        }
        let [client, server, up, down] = core::array::from_fn(|at| median(costs.iter().map(|cost| cost[at])));
        println!("{:<38} {client:>10.0} {server:>10.0} {up:>9.0} {down:>9.0}", kex.name());
    }
}

/// One of the ends, the bytes it has to read, and what it has cost.
struct End<R: sanssh_core::role::Role> {
    ssh: Connection<R, Fast, [Slot; 1]>,
    input: Vec<u8>,
    keyed: bool,
    taken: Duration,
    sent: usize,
}

impl<R: sanssh_core::role::Role> End<R> {
    fn new(kex: Kex, seed: usize) -> Self {
        let preferences =
            Preferences { kex: list(&[kex]), host_keys: list(&[HostKey::Ed25519]), ..Preferences::default() };
        let mut bytes = [7; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let config = Config { preferences, ..Config::default() };
        let ssh = Connection::new(config, &Seed::new(bytes), [Slot::new()], Instant(0));
        Self { ssh, input: Vec::new(), keyed: false, taken: Duration::ZERO, sent: 0 }
    }

    /// Reads all there is, answers questions by `answer`, and gives what it says.
    fn turn(
        &mut self,
        mut answer: impl FnMut(&mut Connection<R, Fast, [Slot; 1]>, Event<'_, R>, &mut Output<'_>),
    ) -> Vec<u8> {
        let mut space = [0; 8192];
        let started = Clock::now();
        let mut output = Output::new(&mut space);
        self.ssh.flush(Instant(0), &mut output);
        let mut input = Input::new(&mut self.input);
        while let Some(event) = self.ssh.recv(Instant(0), &mut input).expect("a sound handshake") {
            self.keyed |= matches!(event, Event::Transport(transport::Event::Keyed(_)));
            answer(&mut self.ssh, event, &mut output);
        }
        let taken = input.taken();
        self.ssh.flush(Instant(0), &mut output);
        self.taken += started.elapsed();
        self.input.drain(..taken);
        let filled = output.filled();
        self.sent += filled;
        space[..filled].to_vec()
    }
}

/// Up to the keys, with the client's trust and the server's signature.
fn handshake(kex: Kex, seed: usize) -> Cost {
    let (mut client, mut server) = (End::<Client>::new(kex, seed), End::<Server>::new(kex, seed ^ usize::MAX));
    let key = signing::key(HostKey::Ed25519);
    while !(client.keyed && server.keyed) {
        let said = client.turn(|ssh, event, _| {
            if let Event::Auth(auth::client::Event::HostKey { ask, .. }) = event {
                ssh.trust(ask);
            }
        });
        server.input.extend(said);
        let said = server.turn(|ssh, event, output| match event {
            Event::Auth(auth::server::Event::HostKey { ask, .. }) => ssh.host_key(ask, key.public()),
            Event::Auth(auth::server::Event::Sign { algorithm, ask }) => {
                let signature = key.sign(algorithm, ask.message()).expect("a signature");
                ssh.sign(&ask, key.public(), &signature, output).expect("room for the reply");
            }
            Event::Transport(_)
            | Event::Auth(_)
            | Event::Channel(..)
            | Event::Open { .. }
            | Event::Listen { .. }
            | Event::Forward(..) => {}
        });
        client.input.extend(said);
    }
    let micros = |taken: Duration| taken.as_secs_f64() * 1e6;
    [micros(client.taken), micros(server.taken), client.sent as f64, server.sent as f64]
}

/// A server that lets nobody in.
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

/// Runs a server of ours with X25519 and Ed25519 meanwhile; its port and a file that names its key.
fn with_our_server(work: impl FnOnce(u16, &Path)) {
    let host_key = Keys::shared().host(Kind::Ed25519);
    let host_keys = vec![home::read_key(&host_key, None).expect("a key")];
    let mut config = ServerConfig { host_keys, max_unauthenticated: 1000, ..ServerConfig::default() };
    config.core.preferences.kex = list(&[Kex::Curve25519]);
    // ssh-keyscan does not offer strict key exchange, and this cipher is sound without.
    config.core.preferences.ciphers = list(&[Cipher::Aes128Gcm]);
    // Every address that begins in 127 is this machine.
    let server = sanssh_std::Server::bind("0.0.0.0:0", config).expect("a server");
    let (port, shutdown) = (server.local_addr().expect("an address").port(), server.shutdown());
    let mut hosts = NamedTempFile::new().expect("a file");
    hosts.write_all(known_hosts_line(port, &public(&host_key)).as_bytes()).expect("known hosts");
    std::thread::scope(|scope| {
        scope.spawn(|| server.serve(Nobody));
        let _stop = Stop(shutdown);
        work(port, hosts.path());
    });
}

/// Ends a server, also when what it served fails.
struct Stop(Shutdown);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// Connections one after another, each up to the keys.
fn connect(port: u16, hosts: &Path, count: usize) {
    let mut options = Options::default();
    options.core.preferences.kex = list(&[Kex::Curve25519]);
    options.core.preferences.host_keys = list(&[HostKey::Ed25519]);
    for _ in 0..count {
        let mut hosts = KnownHosts::files([hosts]);
        drop(sanssh_std::Client::connect("127.0.0.1", port, &options, &mut hosts).expect("a connection"));
    }
}

/// Handshakes a second.
fn rate(port: u16, hosts: &Path, count: usize) -> f64 {
    let started = Clock::now();
    connect(port, hosts, count);
    count as f64 / started.elapsed().as_secs_f64()
}

/// Microseconds that this thread has run.
fn cpu() -> f64 {
    let told = fs::read_to_string("/proc/thread-self/schedstat").expect("the system's account of this thread");
    told.split(' ').next().and_then(|nanos| nanos.parse::<f64>().ok()).expect("nanoseconds") / 1e3
}

const ROUNDS: usize = 7;

/// Our client at sshd and at our server.
fn servers() {
    let options = ["KexAlgorithms curve25519-sha256", "MaxStartups 1000", "LogLevel INFO"];
    let sshd =
        Sshd::with(openssh::Config { options: &options, host_keys: &[Kind::Ed25519], ..openssh::Config::default() });
    with_our_server(|port, hosts| {
        let round = |_| [rate(sshd.port(), &sshd.known_hosts(), 30), rate(port, hosts, 300)];
        report("handshakes a second at a server, under our client", &(0..ROUNDS).map(round).collect::<Vec<_>>());
    });
}

/// OpenSSH's quickest client, which asks many servers for their keys in one process and ends each connection without
/// looking at the signature, and ours, which does all of it: both at our server, by the time that they compute.
fn clients() {
    with_our_server(|port, hosts| {
        let round = |_| {
            let before = cpu();
            connect(port, hosts, 300);
            [keyscan(port, 100), (cpu() - before) / 300.0]
        };
        report("microseconds of CPU a handshake by a client", &(0..ROUNDS).map(round).collect::<Vec<_>>());
    });
}

/// Microseconds a host, of a process that asks many.
fn keyscan(port: u16, count: usize) -> f64 {
    let names: Vec<String> = (0..count).map(|at| format!("127.1.{}.1", at + 1)).collect();
    let script = "TIMEFORMAT='%U %S'; time \"$@\" 2>/dev/null";
    let mut shell = Command::new("bash");
    shell.args(["-c", script, "bash"]).arg(peers::path("ssh-keyscan"));
    let told = shell.args(["-t", "ed25519", "-p", &port.to_string()]).args(names).output().expect("ssh-keyscan");
    let keys = told.stdout.iter().filter(|byte| **byte == b'\n').count();
    assert_eq!(keys, count, "keys of {count} hosts");
    let times = String::from_utf8_lossy(&told.stderr);
    times.split_whitespace().filter_map(|time| time.parse::<f64>().ok()).sum::<f64>() * 1e6 / count as f64
}

fn report(title: &str, rounds: &[[f64; 2]]) {
    let of = |pick: &dyn Fn(&[f64; 2]) -> f64| median(rounds.iter().map(pick));
    let (theirs, ours) = (of(&|round| round[0]), of(&|round| round[1]));
    println!("{title}: OpenSSH {theirs:.0}, sanssh {ours:.0}, ratio {:.2}", of(&|round| round[1] / round[0]));
}
