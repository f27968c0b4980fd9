//! Every key exchange with foreign peers, both ways: OpenSSH and dropbear with what they have, asyncssh with the hybrids
//! that they lack. Each is done twice in a connection, for keys change while data goes both ways.

use core::net::SocketAddr;
use core::time::Duration;
use sanssh_std::core::algorithm::{Kex, Preferences, list};
use sanssh_std::core::crypto::Provider;
use sanssh_std::core::crypto::fast::Fast;
use sanssh_std::{
    Attempt, AuthorizedKeys, Client, Exit, Handler, KnownHosts, Options, Server, ServerConfig, Session, Verdict, home,
};
use sanssh_tests::dropbear::{Dropbear, dbclient_command};
use sanssh_tests::keys::{Keys, Kind, public};
use sanssh_tests::openssh::{EVERY_KEX, Sshd, known_hosts_line, ssh_command};
use sanssh_tests::{asyncssh, peers};
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use tempfile::NamedTempFile;

/// What is sent there and back: more than a rekey's worth.
const SIZE: usize = 400_000;

/// What asyncssh is there for, and one method of each other kind.
const ASYNCSSH: [Kex; 6] = [
    Kex::MlKem768X25519,
    Kex::MlKem768P256,
    Kex::MlKem1024P384,
    Kex::EcdhP521,
    Kex::Group15Sha512,
    Kex::GroupExchangeSha256,
];

/// What dropbear has.
const DROPBEAR: [Kex; 6] =
    [Kex::Curve25519, Kex::Curve25519LibSsh, Kex::EcdhP256, Kex::EcdhP384, Kex::EcdhP521, Kex::Group14Sha256];

/// What OpenSSH has, of ours.
fn openssh() -> Vec<Kex> {
    let named = Command::new(peers::path("ssh")).args(["-Q", "kex"]).output().expect("ssh -Q");
    let named = String::from_utf8(named.stdout).expect("names");
    let ours: Vec<_> = Fast::KEX.iter().copied().filter(|kex| named.lines().any(|name| name == kex.name())).collect();
    assert!(ours.len() >= 13, "every method of OpenSSH 9.2: {named}");
    ours
}

fn bytes() -> Vec<u8> {
    (0..SIZE).map(|at| (at.wrapping_mul(2_654_435_761) >> 24).to_le_bytes()[0]).collect()
}

/// Our client with this method: moves data through `cat`, changing keys in the midst of it.
fn talks(port: u16, user: &str, kex: Kex, known_hosts: &Path) {
    let mut options = Options::default();
    options.core.preferences.kex = list(&[kex]);
    options.core.rekey.bytes = 1 << 18;
    let hosts = &mut KnownHosts::files([known_hosts]);
    let client = Client::connect("127.0.0.1", port, &options, hosts).unwrap_or_else(|error| panic!("{kex}: {error}"));
    client.set_timeout(Some(Duration::from_secs(60)));
    let key = home::read_key(&Keys::shared().client(Kind::Ed25519), None).expect("a key");
    client.login_key(user, &key).and_then(sanssh_std::Login::accepted).expect("a login");
    assert_eq!(client.summary().expect("keys").kex, kex);
    let channel = client.session().expect("a channel");
    channel.exec("cat; exit 3").expect("a command");
    let (sent, mut received) = (bytes(), Vec::new());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            (&channel).write_all(&sent).expect("the data leaves");
            channel.finish();
        });
        (&channel).read_to_end(&mut received).expect("the data returns");
    });
    assert!(received == sent, "{kex}: {} of {} bytes", received.len(), sent.len());
    assert_eq!(channel.wait().expect("an end"), Exit::Status(3), "{kex}");
    assert!(client.rekeys() > 0, "{kex}: keys have changed");
}

/// A server of ours that echoes.
struct Echo(AuthorizedKeys);

impl Handler for Echo {
    fn key_acceptable(&self, peer: SocketAddr, user: &str, key: &[u8]) -> bool {
        self.0.would_do(peer, user, key)
    }

    fn login(&self, attempt: &Attempt<'_>) -> Verdict {
        self.0.verdict(attempt)
    }

    fn session(&self, session: Session) {
        // A client that went away is no fault of the test's.
        let _ = io::copy(&mut &session, &mut &session).and_then(|_| Ok(session.exit(3)?));
    }
}

/// Has foreign clients at a server of ours that knows one method, and sees that their data returns. `client` makes the
/// command from the port and a file of known hosts.
fn echoes(kex: Kex, client: impl Fn(u16, &Path) -> Command) {
    let keys = Keys::shared();
    let host_keys = vec![home::read_key(&keys.host(Kind::Ed25519), None).expect("a key")];
    let mut config = ServerConfig { host_keys, ..ServerConfig::default() };
    config.core.preferences = Preferences { kex: list(&[kex]), ..Preferences::default() };
    let server = Server::bind("127.0.0.1:0", config).expect("a server");
    let (port, shutdown) = (server.local_addr().expect("an address").port(), server.shutdown());
    let mut hosts = NamedTempFile::new().expect("a file");
    hosts.write_all(known_hosts_line(port, &public(&keys.host(Kind::Ed25519))).as_bytes()).expect("known hosts");
    std::thread::scope(|scope| {
        scope.spawn(|| server.serve(Echo(AuthorizedKeys::text(keys.authorized()))));
        let (sent, received, status) = piped(&mut client(port, hosts.path()));
        shutdown.stop();
        assert!(received == sent, "{kex}: {} of {} bytes", received.len(), sent.len());
        assert_eq!(status, Some(3), "{kex}");
    });
}

/// What a program was given, what it gave, and its status.
fn piped(command: &mut Command) -> (Vec<u8>, Vec<u8>, Option<i32>) {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the client starts");
    let (mut input, mut output) = (child.stdin.take().expect("its input"), child.stdout.take().expect("its output"));
    let (sent, mut received) = (bytes(), Vec::new());
    std::thread::scope(|scope| {
        // One that fails does not read: the status tells.
        let sent = &sent;
        scope.spawn(move || drop(input.write_all(sent)));
        output.read_to_end(&mut received).expect("its output");
    });
    (sent, received, child.wait().expect("its end").code())
}

#[test]
fn our_client_at_openssh() {
    if !peers::require(&["sshd", "ssh", "ssh-keygen"]) {
        return;
    }
    let server = Sshd::start(&[EVERY_KEX]);
    for kex in openssh() {
        talks(server.port(), server.user(), kex, &server.known_hosts());
    }
}

#[test]
fn openssh_at_our_server() {
    if !peers::require(&["ssh", "ssh-keygen"]) {
        return;
    }
    let identity = Keys::shared().client(Kind::Ed25519);
    for kex in openssh() {
        let method = format!("-oKexAlgorithms={kex}");
        echoes(kex, |port, hosts| {
            let mut ssh = ssh_command(port, &identity, hosts, &[&method, "-oRekeyLimit=64K"]);
            ssh.arg("cat");
            ssh
        });
    }
}

#[test]
fn our_client_at_dropbear() {
    if !peers::require(&["dropbear", "dropbearkey", "dropbearconvert", "ssh-keygen"]) {
        return;
    }
    let Some(server) = Dropbear::start(&[]) else { return };
    for kex in DROPBEAR {
        talks(server.port(), server.user().name(), kex, &server.known_hosts());
    }
}

#[test]
fn dropbear_at_our_server() {
    if !peers::require(&["dbclient", "dropbearconvert", "ssh-keygen"]) {
        return;
    }
    let (identity, directory) = (Keys::shared().client(Kind::Ed25519), tempfile::tempdir().expect("a directory"));
    for kex in DROPBEAR {
        echoes(kex, |port, _| {
            let mut dbclient = dbclient_command(port, "somebody", &identity, directory.path(), &[]);
            dbclient.arg("cat").stderr(Stdio::null());
            dbclient
        });
    }
}

#[test]
fn our_client_at_asyncssh() {
    if !peers::require(&[peers::ASYNCSSH, "ssh-keygen"]) {
        return;
    }
    for kex in ASYNCSSH {
        let server = asyncssh::Server::start(kex.name());
        talks(server.port(), "somebody", kex, &server.known_hosts());
    }
}

#[test]
fn asyncssh_at_our_server() {
    if !peers::require(&[peers::ASYNCSSH, "ssh-keygen"]) {
        return;
    }
    let identity = Keys::shared().client(Kind::Ed25519);
    for kex in ASYNCSSH {
        echoes(kex, |port, hosts| asyncssh::client_command(kex.name(), port, &identity, hosts, "cat"));
    }
}
