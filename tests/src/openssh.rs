//! OpenSSH as a peer: `Sshd` is its server on 127.0.0.1 with a configuration, keys and log of its own, and
//! [`ssh_command`] is its client without any of the user's configuration.

use core::net::{Ipv4Addr, SocketAddr};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::keys::{Keys, Kind, public};
use crate::peers;
use crate::port;
use crate::process::{Daemon, run};

/// Settings of a server; the rest by struct update from the default.
#[derive(Debug, Clone, Copy)]
pub struct Config<'a> {
    /// Lines of `sshd_config`. They come before the harness's own, and sshd keeps the first value of a keyword.
    pub options: &'a [&'a str],
    /// The host keys it has.
    pub host_keys: &'a [Kind],
    /// Lines of `authorized_keys` besides the shared keys.
    pub authorized: &'a [&'a str],
}

impl Default for Config<'_> {
    fn default() -> Self {
        Self { options: &[], host_keys: &Kind::ALL, authorized: &[] }
    }
}

/// The option with which a server has every cipher.
pub const EVERY_CIPHER: &str = "Ciphers +aes128-cbc,aes192-cbc,aes256-cbc,3des-cbc";

/// The option with which a server has every key exchange.
pub const EVERY_KEX: &str =
    "KexAlgorithms +diffie-hellman-group1-sha1,diffie-hellman-group14-sha1,diffie-hellman-group-exchange-sha1";

/// What every server here is told unless the caller said otherwise.
const DEFAULTS: &str = "
UsePAM no
StrictModes no
PidFile none
PermitRootLogin yes
PasswordAuthentication no
KbdInteractiveAuthentication no
PrintMotd no
PrintLastLog no
UseDNS no
AcceptEnv *
MaxStartups 200
MaxSessions 200
LogLevel VERBOSE
Subsystem sftp internal-sftp
";

/// A running OpenSSH server; it ends when dropped.
#[derive(Debug)]
pub struct Sshd {
    daemon: Daemon,
    directory: TempDir,
    port: u16,
    user: String,
}

impl Sshd {
    /// Starts a server with `options` as lines of its configuration and every kind of host key.
    #[must_use]
    pub fn start(options: &[&str]) -> Self {
        Self::with(Config { options, ..Config::default() })
    }

    /// Starts a server and returns when it listens. It must log at `INFO` or more, because that is how it tells.
    ///
    /// # Panics
    /// If it does not start, with its log.
    #[must_use]
    pub fn with(config: Config<'_>) -> Self {
        if rustix::process::geteuid().is_root() {
            // Where the package's service would make it.
            fs::create_dir_all("/run/sshd").expect("the directory that sshd confines itself to");
        }
        let directory = tempfile::tempdir().expect("a temporary directory");
        // A user that logs in reads their authorized keys here.
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).expect("a readable directory");
        let authorized = Keys::shared().authorized() + &config.authorized.join("\n");
        fs::write(directory.path().join("authorized_keys"), authorized).expect("authorized_keys");
        let (daemon, port) = listen(config, directory.path());
        let user = run(Command::new("id").arg("-un")).trim().to_owned();
        let server = Self { daemon, directory, port, user };
        server.write_known_hosts(config.host_keys);
        server
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

    /// Its process, the parent of one for each connection.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.daemon.id()
    }

    /// Who can log in with the shared keys: the user that runs the test.
    #[must_use]
    pub fn user(&self) -> &str {
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

    /// OpenSSH's own client, aimed at this server with a shared key; the remote command is the next argument.
    #[must_use]
    pub fn client(&self, kind: Kind, options: &[&str]) -> Command {
        ssh_command(self.port, &Keys::shared().client(kind), &self.known_hosts(), options)
    }

    fn write_known_hosts(&self, kinds: &[Kind]) {
        let keys = kinds.iter().map(|&kind| public(&Keys::shared().host(kind)));
        let lines: String = keys.map(|key| known_hosts_line(self.port, &key)).collect();
        fs::write(self.known_hosts(), lines).expect("known_hosts");
    }
}

/// Tries ports until one is still free when sshd takes it.
fn listen(config: Config<'_>, directory: &Path) -> (Daemon, u16) {
    loop {
        let port = port::free();
        let file = directory.join("sshd_config");
        fs::write(&file, configuration(config, directory, port)).expect("sshd_config");
        let mut sshd = Command::new(peers::path("sshd"));
        let daemon = Daemon::spawn(sshd.args(["-D", "-e", "-f"]).arg(file)).expect("sshd");
        if daemon.says(&format!("Server listening on 127.0.0.1 port {port}.")) {
            return (daemon, port);
        }
        assert!(daemon.log().contains("Address already in use"), "sshd did not start:\n{}", daemon.log());
    }
}

fn configuration(config: Config<'_>, directory: &Path, port: u16) -> String {
    let keys = config.host_keys.iter().map(|&kind| format!("HostKey {}\n", Keys::shared().host(kind).display()));
    // Debian's bash reads `.bashrc` for each command unless it seems to be called by another shell; what the account
    // has there, or anywhere in its home, is no part of a test.
    format!(
        "ListenAddress 127.0.0.1:{port}\n{}\n{DEFAULTS}SetEnv SHLVL=2 HOME={}\nAuthorizedKeysFile {}\n{}",
        config.options.join("\n"),
        directory.display(),
        directory.join("authorized_keys").display(),
        keys.collect::<String>(),
    )
}

/// A line of `known_hosts` for a server on 127.0.0.1, from a public key as its file has it.
#[must_use]
pub fn known_hosts_line(port: u16, public: &str) -> String {
    format!("[127.0.0.1]:{port} {public}\n")
}

/// OpenSSH's client to 127.0.0.1, reading none of the user's files and asking nobody; the remote command is the next
/// argument. `options` are flags of ssh; they come first and ssh keeps the first value of each, so they win.
#[must_use]
pub fn ssh_command(port: u16, identity: &Path, known_hosts: &Path, options: &[&str]) -> Command {
    let mut ssh = base(known_hosts, options);
    ssh.args(["-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-i"]).arg(identity);
    aim(ssh, port)
}

/// The same client, logging in by password (or keyboard-interactive, if `options` prefer that) and answering `secret`
/// to whatever is asked.
#[must_use]
pub fn ssh_password_command(port: u16, secret: &str, known_hosts: &Path, options: &[&str]) -> Command {
    let mut ssh = base(known_hosts, options);
    ssh.args(["-o", "PreferredAuthentications=password", "-o", "PubkeyAuthentication=no"]);
    ssh.args(["-o", "NumberOfPasswordPrompts=1"]);
    answer(&mut ssh, secret);
    aim(ssh, port)
}

/// Makes the client take `secret` wherever it would ask a person: for a password, or for a key's passphrase (then also
/// give `-oBatchMode=no` among the options).
pub fn answer(ssh: &mut Command, secret: &str) {
    ssh.env("SSH_ASKPASS", Keys::shared().askpass()).env("SSH_ASKPASS_REQUIRE", "force").env("SANSSH_SECRET", secret);
}

fn base(known_hosts: &Path, options: &[&str]) -> Command {
    let mut ssh = Command::new(peers::path("ssh"));
    ssh.stdin(Stdio::null()).env_remove("SSH_AUTH_SOCK").args(["-F", "none"]).args(options);
    ssh.arg("-o").arg(format!("UserKnownHostsFile={}", known_hosts.display()));
    ssh.args(["-o", "GlobalKnownHostsFile=none", "-o", "StrictHostKeyChecking=yes", "-o", "IdentityAgent=none"]);
    ssh
}

fn aim(mut ssh: Command, port: u16) -> Command {
    ssh.args(["-p", &port.to_string(), "127.0.0.1"]);
    ssh
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::PASSPHRASE;
    use crate::user::PasswordUser;

    const PEERS: [&str; 3] = ["sshd", "ssh", "ssh-keygen"];

    #[test]
    fn every_kind_of_key_logs_in_to_every_kind_of_host_key() {
        if !peers::require(&PEERS) {
            return;
        }
        for kind in Kind::ALL {
            let server = Sshd::with(Config { host_keys: &[kind], ..Config::default() });
            assert_eq!(run(server.client(kind, &[]).arg("echo hello")), "hello\n");
            assert!(server.says(&format!("Accepted publickey for {}", server.user())));
        }
    }

    #[test]
    fn options_of_both_ends_win_over_the_defaults() {
        if !peers::require(&PEERS) {
            return;
        }
        let server = Sshd::start(&["Ciphers aes256-ctr", "MACs hmac-sha2-512", "LogLevel DEBUG1"]);
        let refused = server.client(Kind::Ed25519, &["-oCiphers=aes128-ctr"]).arg("true").output().unwrap();
        assert_eq!(refused.status.code(), Some(255));
        run(server.client(Kind::Ed25519, &[]).arg("true"));
        assert!(server.says("cipher: aes256-ctr MAC: hmac-sha2-512"));
    }

    #[test]
    fn a_stranger_is_refused() {
        if !peers::require(&PEERS) {
            return;
        }
        let server = Sshd::start(&[]);
        let mut ssh = ssh_command(server.port(), &Keys::shared().stranger(), &server.known_hosts(), &[]);
        assert_eq!(ssh.arg("true").output().unwrap().status.code(), Some(255));
    }

    #[test]
    fn a_passphrase_is_answered() {
        if !peers::require(&PEERS) {
            return;
        }
        let server = Sshd::start(&[]);
        let locked = Keys::shared().locked();
        let mut ssh = ssh_command(server.port(), &locked, &server.known_hosts(), &["-oBatchMode=no"]);
        answer(&mut ssh, PASSPHRASE);
        assert_eq!(run(ssh.arg("echo open")), "open\n");
    }

    #[test]
    fn a_password_logs_in_and_a_wrong_one_does_not() {
        if !peers::require(&PEERS) {
            return;
        }
        let Some(user) = PasswordUser::create() else { return };
        let server = Sshd::start(&["PasswordAuthentication yes"]);
        let name = ["-l", user.name()];
        let login = |secret| ssh_password_command(server.port(), secret, &server.known_hosts(), &name);
        assert_eq!(run(login(user.password()).arg("id -un")).trim(), user.name());
        assert_eq!(login("wrong").arg("true").output().unwrap().status.code(), Some(255));
        assert!(server.says(&format!("Failed password for {}", user.name())));
    }

    #[test]
    fn a_server_that_cannot_start_says_why() {
        if !peers::require(&PEERS) {
            return;
        }
        let started = std::panic::catch_unwind(|| Sshd::start(&["NoSuchKeyword yes"]));
        let message = started.unwrap_err().downcast::<String>().unwrap();
        assert!(message.contains("NoSuchKeyword"), "{message}");
    }
}
