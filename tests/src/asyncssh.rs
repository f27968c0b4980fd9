//! asyncssh as a peer: `Server` is a server of it on 127.0.0.1, and [`client_command`] is a client. It lives in an
//! environment of its own, which `tests/run` makes, and has the hybrids with the curves of NIST.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::NamedTempFile;

use crate::keys::{Keys, Kind, public};
use crate::openssh::known_hosts_line;
use crate::peers;
use crate::process::Daemon;

/// A running server, which knows one key exchange; it ends when dropped.
#[derive(Debug)]
pub struct Server {
    _daemon: Daemon,
    port: u16,
    _authorized: NamedTempFile,
    known_hosts: NamedTempFile,
}

impl Server {
    /// Starts a server that lets the shared keys in, whoever the user, and runs commands by the shell.
    ///
    /// # Panics
    /// If it does not start, with its log.
    #[must_use]
    pub fn start(kex: &str) -> Self {
        let (keys, mut authorized) = (Keys::shared(), NamedTempFile::new().expect("a file"));
        authorized.write_all(keys.authorized().as_bytes()).expect("authorized keys");
        let host_key = keys.host(Kind::Ed25519);
        let mut python = python(include_str!("asyncssh/server.py"));
        let daemon = Daemon::spawn(python.arg(kex).arg(&host_key).arg(authorized.path())).expect("python");
        assert!(daemon.says("listening on ") && daemon.says("."), "asyncssh did not start:\n{}", daemon.log());
        let log = daemon.log();
        let port = log.rsplit(' ').next().and_then(|end| end.trim().trim_end_matches('.').parse().ok());
        let port = port.unwrap_or_else(|| panic!("a port in {log}"));
        let mut known_hosts = NamedTempFile::new().expect("a file");
        known_hosts.write_all(known_hosts_line(port, &public(&host_key)).as_bytes()).expect("known hosts");
        Self { _daemon: daemon, port, _authorized: authorized, known_hosts }
    }

    /// The port it listens on.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// A `known_hosts` file that names its key.
    #[must_use]
    pub fn known_hosts(&self) -> PathBuf {
        self.known_hosts.path().to_owned()
    }
}

/// A client to 127.0.0.1 with one key exchange, which hands its input to the command and changes keys every 64 KiB.
#[must_use]
pub fn client_command(kex: &str, port: u16, identity: &Path, known_hosts: &Path, command: &str) -> Command {
    let mut client = python(include_str!("asyncssh/client.py"));
    client.args([kex, &port.to_string(), "somebody"]).arg(identity).arg(known_hosts).arg(command);
    client
}

/// A client to 127.0.0.1 that does with files whatever there is to do, and prints `all went well`.
#[must_use]
pub fn sftp_command(port: u16, user: &str, identity: &Path, known_hosts: &Path) -> Command {
    let mut client = python(include_str!("asyncssh/sftp.py"));
    client.args([&port.to_string(), user]).arg(identity).arg(known_hosts);
    client
}

fn python(program: &str) -> Command {
    let mut python = Command::new(peers::path(peers::ASYNCSSH));
    // Alone with its own packages, and without what they have to say about old algorithms.
    python.args(["-I", "-W", "ignore", "-c", program]);
    python
}
