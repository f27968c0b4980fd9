//! Dropbear as a peer: `Dropbear` is its server on 127.0.0.1, and [`dbclient_command`] is its client. The server looks
//! for authorized keys in homes only, so it serves a throw-away account and needs root.

use core::net::{Ipv4Addr, SocketAddr};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::keys::{Keys, Kind, public};
use crate::openssh::{known_hosts_line, ssh_command};
use crate::peers;
use crate::port;
use crate::process::Daemon;
use crate::user::PasswordUser;

/// Host keys that it is given: it has room for no more of the ECDSA sizes.
const KINDS: [Kind; 3] = [Kind::Ed25519, Kind::Ecdsa, Kind::Rsa];

/// A running dropbear server; it ends when dropped.
#[derive(Debug)]
pub struct Dropbear {
    // Before the account, which can only be removed when nobody uses it.
    daemon: Daemon,
    user: PasswordUser,
    directory: TempDir,
    port: u16,
}

impl Dropbear {
    /// Starts a server with `flags` (as `-s`, or `-W 1048576`) and a host key of each kind, and returns when it
    /// accepts connections; `None`, with a loud line, if this is not root.
    ///
    /// # Panics
    /// If it does not start, with its log; without root also where peers are [owed](peers::owed).
    #[must_use]
    pub fn start(flags: &[&str]) -> Option<Self> {
        let user = PasswordUser::create()?;
        authorize(&user);
        let directory = tempfile::tempdir().expect("a temporary directory");
        let (daemon, port) = listen(flags, directory.path());
        let keys = KINDS.iter().map(|&kind| public(&Keys::shared().host(kind)));
        let lines: String = keys.map(|key| known_hosts_line(port, &key)).collect();
        fs::write(directory.path().join("known_hosts"), lines).expect("known_hosts");
        Some(Self { daemon, user, directory, port })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// The port it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Who can log in, with the shared keys and by password.
    #[must_use]
    pub fn user(&self) -> &PasswordUser {
        &self.user
    }

    /// A `known_hosts` file that names all its keys.
    #[must_use]
    pub fn known_hosts(&self) -> PathBuf {
        self.directory.path().join("known_hosts")
    }

    /// What it has logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.daemon.log()
    }

    /// Waits until the log contains `text`; `false` if it does not in time.
    #[must_use]
    pub fn says(&self, text: &str) -> bool {
        self.daemon.says(text)
    }

    /// OpenSSH's client, aimed at this server with a shared key; the remote command is the next argument.
    #[must_use]
    pub fn client(&self, kind: Kind, options: &[&str]) -> Command {
        let options = [options, &["-l", self.user.name()]].concat();
        ssh_command(self.port, &Keys::shared().client(kind), &self.known_hosts(), &options)
    }
}

/// Dropbear's client to 127.0.0.1 with an OpenSSH private key; the remote command is the next argument. It trusts a new
/// host key and keeps it under `home`; a changed one it refuses. Set `DROPBEAR_PASSWORD` for a login by password.
#[must_use]
pub fn dbclient_command(port: u16, user: &str, identity: &Path, home: &Path, options: &[&str]) -> Command {
    let mut dbclient = Command::new(peers::path("dbclient"));
    dbclient.stdin(Stdio::null()).env("HOME", home).env_remove("SSH_AUTH_SOCK").args(options);
    dbclient.args(["-y", "-l", user, "-p", &port.to_string(), "-i"]).arg(Keys::shared().dropbear(identity));
    dbclient.arg("127.0.0.1");
    dbclient
}

fn authorize(user: &PasswordUser) {
    let directory = user.home().join(".ssh");
    fs::create_dir(&directory).expect(".ssh in the test account's home");
    let file = directory.join("authorized_keys");
    fs::write(&file, Keys::shared().authorized()).expect("authorized_keys");
    for (path, mode) in [(&directory, 0o700), (&file, 0o600)] {
        user.own(path);
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("private keys of the account");
    }
}

/// Tries ports until one is still free when dropbear takes it.
fn listen(flags: &[&str], directory: &Path) -> (Daemon, u16) {
    loop {
        let port = port::free();
        let mut dropbear = Command::new(peers::path("dropbear"));
        dropbear.args(["-F", "-E", "-m", "-p", &format!("127.0.0.1:{port}"), "-P"]).arg(directory.join("pid"));
        for kind in KINDS {
            dropbear.arg("-r").arg(Keys::shared().dropbear(&Keys::shared().host(kind)));
        }
        let daemon = Daemon::spawn(dropbear.args(flags)).expect("dropbear");
        // The next thing it says after it has begun to listen.
        if daemon.says("Not backgrounding") {
            return (daemon, port);
        }
        assert!(daemon.log().contains("Address already in use"), "dropbear did not start:\n{}", daemon.log());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::openssh::{Sshd, ssh_password_command};
    use crate::process::run;

    const PEERS: [&str; 6] = ["dropbear", "dbclient", "dropbearconvert", "ssh", "sshd", "ssh-keygen"];

    #[test]
    fn openssh_logs_in_with_every_kind_of_key() {
        if !peers::require(&PEERS) {
            return;
        }
        let Some(server) = Dropbear::start(&[]) else { return };
        for kind in KINDS {
            assert_eq!(run(server.client(kind, &[]).arg("id -un")).trim(), server.user().name());
        }
        assert!(server.says("Pubkey auth succeeded"));
    }

    #[test]
    fn a_password_logs_in_unless_forbidden() {
        if !peers::require(&PEERS) {
            return;
        }
        for (flags, code) in [(&[][..], 0), (&["-s"][..], 255)] {
            let Some(server) = Dropbear::start(flags) else { return };
            let (user, known_hosts) = (server.user(), server.known_hosts());
            let mut ssh = ssh_password_command(server.port(), user.password(), &known_hosts, &["-l", user.name()]);
            assert_eq!(ssh.arg("true").output().unwrap().status.code(), Some(code), "{flags:?}");
        }
    }

    #[test]
    fn dbclient_logs_in_to_openssh_with_every_kind_of_key() {
        if !peers::require(&PEERS) {
            return;
        }
        let server = Sshd::start(&[]);
        let home = tempfile::tempdir().unwrap();
        for kind in KINDS {
            let identity = Keys::shared().client(kind);
            let mut dbclient = dbclient_command(server.port(), server.user(), &identity, home.path(), &[]);
            assert_eq!(run(dbclient.arg("echo hello")), "hello\n");
        }
        assert!(home.path().join(".ssh/known_hosts").exists());
    }

    #[test]
    fn dbclient_logs_in_to_dropbear_with_a_cipher_of_choice() {
        if !peers::require(&PEERS) {
            return;
        }
        let Some(server) = Dropbear::start(&[]) else { return };
        let home = tempfile::tempdir().unwrap();
        let identity = Keys::shared().client(Kind::Ed25519);
        let flags = ["-c", "aes256-ctr", "-m", "hmac-sha2-256"];
        let mut dbclient = dbclient_command(server.port(), server.user().name(), &identity, home.path(), &flags);
        assert_eq!(run(dbclient.arg("echo hello")), "hello\n");
    }
}
