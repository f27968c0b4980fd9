//! Key logs of a client and of a server, by which Wireshark reads what went over the line: the command, and what came of
//! it. Wireshark 4.4 takes shared secrets of `curve25519-sha256` alone, and does not know that strict key exchange lets
//! sequence numbers start again; so the ciphers are those that count by themselves.

use core::net::SocketAddr;
use core::time::Duration;
use sanssh_core::Config;
use sanssh_core::algorithm::{Cipher, Kex, list};
use sanssh_core::crypto::fast::Fast;
use sanssh_core::crypto::soft::Soft;
use sanssh_core::replay::hex;
use sanssh_std::{
    Attempt, AuthorizedKeys, Client, Handler, KeyLogFile, KnownHosts, Login, Options, Server, ServerConfig, Session,
    Verdict, home,
};
use sanssh_tests::keys::{Keys, Kind, public};
use sanssh_tests::openssh::{Sshd, known_hosts_line};
use sanssh_tests::pair::{Pair, server_config};
use sanssh_tests::peers;
use sanssh_tests::wireshark::{Wiretap, dissect};
use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::thread;
use tempfile::TempDir;

const PEERS: [&str; 2] = ["ssh-keygen", peers::WIRESHARK];
const COMMAND: &str = "echo seen on the line";
const ANSWER: &[u8] = b"seen on the line\n";

/// A directory with a place for a key log.
fn place() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("a directory");
    let keys = directory.path().join("keys");
    (directory, keys)
}

/// Runs the command over a line that is written down; gives what Wireshark makes of it.
fn overheard(target: SocketAddr, user: &str, options: &Options, known_hosts: &Path, keys: &Path) -> String {
    let tap = Wiretap::start(target).expect("a tap");
    let socket = TcpStream::connect(("127.0.0.1", tap.port())).expect("a connection");
    let mut hosts = KnownHosts::files([known_hosts]);
    let client = Client::from_stream(socket, "127.0.0.1", target.port(), options, &mut hosts).expect("a known host");
    client.set_timeout(Some(Duration::from_secs(60)));
    let key = home::read_key(&Keys::shared().client(Kind::Ed25519), None).expect("a key");
    client.login_key(user, &key).and_then(Login::accepted).expect("a login");
    let ran = client.run(COMMAND).expect("the command runs");
    assert_eq!(ran.stdout, ANSWER);
    dissect(&tap.pcap(), keys)
}

/// What Wireshark can read, with one cipher.
fn readable(cipher: Cipher) -> Config {
    let mut config = Config::default();
    config.preferences.kex = list(&[Kex::Curve25519]);
    config.preferences.ciphers = list(&[cipher]);
    config
}

/// A line for each packet.
fn brief(dissected: &str) -> String {
    dissected.lines().filter(|line| !line.starts_with(' ')).fold(String::new(), |all, line| all + line + "\n")
}

/// The command and the answer, in packets whose codes Wireshark found right.
fn shows_all(dissected: &str, what: &str) {
    for shown in ["Channel request name: exec", "Channel Data", &hex(COMMAND.as_bytes()), &hex(ANSWER)] {
        assert!(dissected.contains(shown), "{what}: no {shown} in\n{}", brief(dissected));
    }
    let good = dissected.contains("MAC Status: Good") && !dissected.contains("MAC Status: Bad");
    assert!(good, "{what}:\n{}", brief(dissected));
}

#[test]
fn wireshark_reads_a_client_by_its_key_log() {
    if !(peers::require(&PEERS) && peers::require(&["sshd"])) {
        return;
    }
    let server = Sshd::start(&[]);
    for cipher in [Cipher::Aes128Gcm, Cipher::Aes256Gcm] {
        let (_directory, keys) = place();
        let key_log = Some(KeyLogFile::append(&keys).expect("a log"));
        let options = Options { core: readable(cipher), key_log, ..Options::default() };
        let dissected = overheard(server.address(), server.user(), &options, &server.known_hosts(), &keys);
        shows_all(&dissected, cipher.name());
        assert_eq!(fs::read_to_string(&keys).expect("the log").lines().count(), 1, "one exchange, one line");
    }
}

#[test]
fn wireshark_reads_nothing_without_a_key_log() {
    if !(peers::require(&PEERS) && peers::require(&["sshd"])) {
        return;
    }
    let server = Sshd::start(&[]);
    let (_directory, keys) = place();
    fs::write(&keys, "").expect("an empty log");
    let options = Options { core: readable(Cipher::Aes128Gcm), ..Options::default() };
    let dissected = overheard(server.address(), server.user(), &options, &server.known_hosts(), &keys);
    assert!(dissected.contains("New Keys") && !dissected.contains("exec"), "{}", brief(&dissected));
    assert_eq!(fs::read_to_string(&keys).expect("the log"), "");
}

/// Runs no program: it says what it was told to.
struct Echo(AuthorizedKeys);

impl Handler for Echo {
    fn key_acceptable(&self, peer: SocketAddr, user: &str, key: &[u8]) -> bool {
        self.0.would_do(peer, user, key)
    }

    fn login(&self, attempt: &Attempt<'_>) -> Verdict {
        self.0.verdict(attempt)
    }

    fn session(&self, session: Session) {
        (&session).write_all(ANSWER).expect("the words leave");
        session.exit(0).expect("the end leaves");
    }
}

#[test]
fn wireshark_reads_a_server_by_its_key_log() {
    if !peers::require(&PEERS) {
        return;
    }
    let (directory, keys) = place();
    let (host_key, core) = (Keys::shared().host(Kind::Ed25519), readable(Cipher::Aes256Gcm));
    let config = ServerConfig {
        core: core.clone(),
        host_keys: vec![home::read_key(&host_key, None).expect("a host key")],
        key_log: Some(KeyLogFile::append(&keys).expect("a log")),
        ..ServerConfig::default()
    };
    let server = Server::bind("127.0.0.1:0", config).expect("a server");
    let (address, shutdown) = (server.local_addr().expect("an address"), server.shutdown());
    let known_hosts = directory.path().join("known_hosts");
    fs::write(&known_hosts, known_hosts_line(address.port(), &public(&host_key))).expect("known hosts");
    let serving = thread::spawn(move || server.serve(Echo(AuthorizedKeys::text(Keys::shared().authorized()))));
    let options = Options { core, ..Options::default() };
    let dissected = overheard(address, "somebody", &options, &known_hosts, &keys);
    shutdown.stop();
    serving.join().expect("the server ends");
    shows_all(&dissected, "a server's log");
}

/// Both ends tell the same of each exchange, by their own cookies; an end that was not asked to tells nothing.
#[test]
fn both_ends_log_every_exchange() {
    let mut pair = Pair::<Fast, Soft>::new(Config::default(), server_config());
    pair.client.ssh.log_keys();
    pair.server.ssh.log_keys();
    pair.run();
    let mut seen = Vec::new();
    for _ in 0..3 {
        let client = pair.client.ssh.logged_key().expect("a secret at the client");
        let server = pair.server.ssh.logged_key().expect("a secret at the server");
        assert_eq!(client.secret(), server.secret());
        assert_ne!(client.cookie(), server.cookie());
        assert!(pair.client.ssh.logged_key().is_none(), "it is told once");
        seen.push(client.secret().to_vec());
        if seen.len() == 1 {
            pair.password("right").expect("a login");
            pair.run();
        }
        pair.client.ssh.rekey();
        pair.run();
    }
    seen.dedup();
    assert_eq!(seen.len(), 3, "each exchange has a secret of its own");
    let mut silent = Pair::<Fast, Soft>::connected(Config::default(), server_config());
    assert!(silent.client.ssh.logged_key().is_none() && silent.server.ssh.logged_key().is_none());
}
