//! Trust in hosts, between the blocking client or server and OpenSSH's: certificates, the order of algorithms, keys that
//! are announced; and files that cannot be read.

use core::net::SocketAddr;
use sanssh_core::algorithm::HostKey;
use sanssh_core::file::SigningKey;
use sanssh_std::{
    Attempt, AuthorizedKeys, Client, Error, Handler, HostKeyError, KnownHosts, Options, Server, ServerConfig, Session,
    Unknown, Updated, Verdict, home,
};
use sanssh_tests::keys::{Keys, Kind, public};
use sanssh_tests::openssh::{Config, Sshd, known_hosts_line, ssh_command};
use sanssh_tests::peers;
use sanssh_tests::process::run;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

const PEERS: [&str; 3] = ["sshd", "ssh", "ssh-keygen"];

fn try_with(port: u16, hosts: &mut KnownHosts) -> Result<Client, Error> {
    Client::connect("127.0.0.1", port, &Options::default(), hosts)
}

fn host_key_error(outcome: Result<Client, Error>) -> HostKeyError {
    match outcome {
        Err(Error::HostKey(error)) => error,
        other => panic!("the host was to be refused: {other:?}"),
    }
}

/// A certificate for the Ed25519 host key by the shared client key of that type.
fn certificate(directory: &Path, arguments: &[&str]) -> PathBuf {
    let file = directory.join("host.pub");
    fs::write(&file, public(&Keys::shared().host(Kind::Ed25519))).unwrap();
    let mut keygen = Command::new(peers::path("ssh-keygen"));
    run(keygen
        .args(["-q", "-h", "-I", "id", "-s"])
        .arg(Keys::shared().client(Kind::Ed25519))
        .args(arguments)
        .arg(&file));
    directory.join("host-cert.pub")
}

#[test]
fn certified_hosts_are_known_by_their_authority() {
    if !peers::require(&PEERS) {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let known = directory.path().join("known_hosts");
    let authority = public(&Keys::shared().client(Kind::Ed25519));
    for (arguments, good) in [(["-n", "127.0.0.1"], true), (["-n", "localhost"], false), (["-V", "-2d:-1d"], false)] {
        let line = format!("HostCertificate {}", certificate(directory.path(), &arguments).display());
        let server = Sshd::start(&[&line]);
        fs::write(&known, format!("@cert-authority 127.* {authority}")).unwrap();
        let outcome = try_with(server.port(), &mut KnownHosts::files([&known]));
        if good {
            assert_eq!(outcome.unwrap().summary().unwrap().host_key, HostKey::Ed25519Cert);
            let mut ssh = ssh_command(server.port(), &Keys::shared().client(Kind::Ed25519), &known, &[]);
            run(ssh.arg("true"));
        } else {
            let error = host_key_error(outcome);
            assert!(matches!(error, HostKeyError::Unknown { certificate: Some(_), .. }), "{error}");
        }
        // Without the authority the key counts by itself.
        fs::write(&known, known_hosts_line(server.port(), &public(&Keys::shared().host(Kind::Ed25519)))).unwrap();
        assert_eq!(
            try_with(server.port(), &mut KnownHosts::files([&known])).unwrap().summary().unwrap().host_key,
            HostKey::Ed25519
        );
        fs::write(&known, format!("@cert-authority * {authority}\n@revoked * {authority}")).unwrap();
        let error = host_key_error(try_with(server.port(), &mut KnownHosts::files([&known]).unknown(Unknown::Trust)));
        assert!(matches!(error, HostKeyError::Revoked { line: 2, .. }), "{error}");
    }
}

#[test]
fn l06_the_recorded_type_is_shown() {
    if !peers::require(&PEERS) {
        return;
    }
    let server = Sshd::start(&[]);
    let directory = tempfile::tempdir().unwrap();
    let known = directory.path().join("known_hosts");
    for (kind, shown) in [(Kind::Rsa, HostKey::RsaSha512), (Kind::Ecdsa, HostKey::EcdsaP256)] {
        fs::write(&known, known_hosts_line(server.port(), &public(&Keys::shared().host(kind)))).unwrap();
        let client = try_with(server.port(), &mut KnownHosts::files([&known])).unwrap();
        assert_eq!(client.summary().unwrap().host_key, shown);
    }
}

#[test]
fn l03_files_that_cannot_be_read_trust_nobody() {
    if !peers::require(&PEERS) {
        return;
    }
    let server = Sshd::start(&[]);
    let directory = tempfile::tempdir().unwrap();
    let (huge, inside) = (directory.path().join("huge"), server.known_hosts().join("inside"));
    fs::File::create(&huge).unwrap().set_len(1 << 30).unwrap();
    for file in [directory.path(), &huge, &inside, Path::new("/dev/zero"), Path::new("/proc/self/mem")] {
        for unknown in [Unknown::Refuse, Unknown::Record, Unknown::Trust, Unknown::Ask(Box::new(|_| true))] {
            // A second file that knows the host makes no difference: the first may have revoked the key.
            let mut hosts = KnownHosts::files([file, &server.known_hosts()]).unknown(unknown);
            let error = host_key_error(try_with(server.port(), &mut hosts));
            assert!(matches!(&error, HostKeyError::File { file: named, .. } if named == file), "{error}");
        }
    }
}

#[test]
fn l04_damaged_lines_are_told() {
    if !peers::require(&PEERS) {
        return;
    }
    let server = Sshd::start(&[]);
    let directory = tempfile::tempdir().unwrap();
    let known = directory.path().join("known_hosts");
    fs::write(&known, "# comment\n@odd host key\nhost\n").unwrap();
    let mut hosts = KnownHosts::files([server.known_hosts(), known.clone()]);
    try_with(server.port(), &mut hosts).unwrap();
    let told: Vec<_> = hosts.skipped().iter().map(|it| (&it.file, it.line, it.why.to_string())).collect();
    assert_eq!(told, [(&known, 2, "unknown marker".to_owned()), (&known, 3, "damaged key".to_owned())]);
}

/// A file that knows the server by these keys, and a client that has logged in by it.
fn logged_in(server: &Sshd, known: &Path, keys: &[String]) -> (KnownHosts, Client) {
    fs::write(known, keys.iter().map(|key| known_hosts_line(server.port(), key)).collect::<String>()).unwrap();
    let mut hosts = KnownHosts::files([known]);
    let client = log_in(server, &mut hosts);
    (hosts, client)
}

fn log_in(server: &Sshd, hosts: &mut KnownHosts) -> Client {
    let client = try_with(server.port(), hosts).unwrap();
    let key = home::read_key(&Keys::shared().client(Kind::Ed25519), None).unwrap();
    client.login_key(server.user(), &key).unwrap().accepted().unwrap();
    // What is announced comes before anything that was asked for.
    client.run("true").unwrap();
    client
}

#[test]
fn announced_keys_are_proven_and_recorded() {
    if !peers::require(&PEERS) {
        return;
    }
    let server = Sshd::start(&[]);
    let directory = tempfile::tempdir().unwrap();
    let known = directory.path().join("known_hosts");
    let host = |kind| public(&Keys::shared().host(kind));
    let old = public(&Keys::shared().client(Kind::Rsa));
    let (mut hosts, client) = logged_in(&server, &known, &[host(Kind::Ecdsa), old.clone()]);
    let updated = hosts.update(&client).unwrap();
    assert_eq!((updated.added.len(), updated.removed.len(), updated.unfit), (Kind::ALL.len() - 1, 1, None));
    let text = fs::read_to_string(&known).unwrap();
    for kind in Kind::ALL {
        assert!(text.contains(host(kind).split(' ').nth(1).unwrap()), "{text}");
    }
    assert!(!text.contains(old.split(' ').nth(1).unwrap()), "{text}");
    assert_eq!(hosts.update(&client).unwrap(), Updated::default());
    // Now there is nothing to do, and by every key the host is known.
    let client = log_in(&server, &mut hosts);
    assert_eq!(hosts.update(&client).unwrap(), Updated::default());
    assert_eq!(fs::read_to_string(&known).unwrap(), text);
    run(ssh_command(server.port(), &Keys::shared().client(Kind::Ed25519), &known, &[]).arg("true"));
}

#[test]
fn a_server_changes_no_other_hosts_keys() {
    if !peers::require(&PEERS) {
        return;
    }
    let server = Sshd::start(&[]);
    let other = Sshd::with(Config { host_keys: &[Kind::Rsa], ..Config::default() });
    let directory = tempfile::tempdir().unwrap();
    let known = directory.path().join("known_hosts");
    let host = |kind| public(&Keys::shared().host(kind));
    let (mut hosts, client) = logged_in(&server, &known, &[host(Kind::Ed25519)]);
    // Now the list is that of the other host, and has decided on it.
    let text = known_hosts_line(other.port(), &host(Kind::Rsa));
    fs::write(&known, &text).unwrap();
    let second = log_in(&other, &mut hosts);
    assert_eq!(hosts.update(&client).unwrap(), Updated::default());
    assert_eq!(fs::read_to_string(&known).unwrap(), text);
    assert_eq!(hosts.update(&second).unwrap(), Updated::default());
}

#[test]
fn no_key_is_lost_for_want_of_a_first_file() {
    if !peers::require(&PEERS) {
        return;
    }
    let server = Sshd::start(&[]);
    let directory = tempfile::tempdir().unwrap();
    let (first, known) = (directory.path().join("new/first"), directory.path().join("known_hosts"));
    let old = public(&Keys::shared().client(Kind::Rsa));
    let recorded = [&public(&Keys::shared().host(Kind::Ed25519)), &old].map(|key| known_hosts_line(server.port(), key));
    fs::write(&known, recorded.concat()).unwrap();
    let null = Path::new("/dev/null");
    let mut hosts = KnownHosts::files([null, &known]);
    let client = log_in(&server, &mut hosts);
    let outcome = hosts.update(&client);
    assert!(matches!(&outcome, Err(Error::File { file, .. }) if file == null), "{outcome:?}");
    assert_eq!(fs::read_to_string(&known).unwrap(), recorded.concat());
    let mut hosts = KnownHosts::files([&first, &known]);
    let client = log_in(&server, &mut hosts);
    let updated = hosts.update(&client).unwrap();
    assert_eq!((updated.added.len(), updated.removed.len()), (Kind::ALL.len() - 1, 1));
    assert_eq!(fs::read_to_string(&first).unwrap().lines().count(), Kind::ALL.len() - 1);
    assert_eq!(fs::read_to_string(&known).unwrap(), recorded[0]);
}

#[test]
fn lists_that_others_keep_stay_as_they_are() {
    if !peers::require(&PEERS) {
        return;
    }
    let server = Sshd::start(&[]);
    let directory = tempfile::tempdir().unwrap();
    let (known, empty) = (directory.path().join("known_hosts"), directory.path().join("empty"));
    let key = public(&Keys::shared().host(Kind::Ed25519));
    let certified = format!("@cert-authority * {key}\n");
    let line = known_hosts_line(server.port(), &key);
    let port = server.port();
    let cases = [
        (format!("127.* {key}"), false, "by port 22"),
        (format!("[127.0.0.*]:{port} {key}"), true, "a pattern"),
        (format!("{line}{certified}"), true, "an authority"),
        (format!("{line}other {key}"), true, "another name"),
    ];
    for (text, told, why) in cases {
        fs::write(&known, &text).unwrap();
        let mut hosts = KnownHosts::files([&known]);
        let client = log_in(&server, &mut hosts);
        let updated = hosts.update(&client).unwrap();
        assert_eq!((updated.added.len(), updated.removed.len(), updated.unfit.is_some()), (0, 0, told), "{why}");
        assert_eq!(fs::read_to_string(&known).unwrap(), text, "{why}");
    }
    // Known by the system's list, met and recorded unasked, or trusted at random.
    fs::write(&known, &line).unwrap();
    for unknown in [Unknown::Refuse, Unknown::Record, Unknown::Trust] {
        let system = matches!(unknown, Unknown::Refuse);
        let mut hosts = KnownHosts::files([&empty]).unknown(unknown);
        hosts.system = if system { vec![known.clone()] } else { vec![] };
        let client = log_in(&server, &mut hosts);
        assert_eq!(hosts.update(&client).unwrap(), Updated::default());
        drop(fs::remove_file(&empty));
    }
    // A person who said yes wants the other keys as well; and names stay hidden.
    let mut hosts = KnownHosts::files([&empty]).unknown(Unknown::Ask(Box::new(|_| true)));
    hosts.hashed = true;
    let client = log_in(&server, &mut hosts);
    assert_eq!(hosts.update(&client).unwrap().added.len(), Kind::ALL.len() - 1);
    assert!(fs::read_to_string(&empty).unwrap().lines().all(|line| line.starts_with("|1|")));
}

struct Silent(AuthorizedKeys);

impl Handler for Silent {
    fn key_acceptable(&self, peer: SocketAddr, user: &str, key: &[u8]) -> bool {
        self.0.would_do(peer, user, key)
    }

    fn login(&self, attempt: &Attempt<'_>) -> Verdict {
        self.0.verdict(attempt)
    }

    fn session(&self, session: Session) {
        let _ = session.exit(0);
    }
}

#[test]
fn openssh_learns_the_keys_of_our_server() {
    if !peers::require(&PEERS) {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let known = directory.path().join("known_hosts");
    let keys: Vec<SigningKey> =
        Kind::ALL.iter().map(|kind| home::read_key(&Keys::shared().host(*kind), None).unwrap()).collect();
    let server = Server::bind("127.0.0.1:0", ServerConfig { host_keys: keys, ..ServerConfig::default() }).unwrap();
    let (port, shutdown) = (server.local_addr().unwrap().port(), server.shutdown());
    let authorized = Keys::shared().authorized();
    let thread = thread::spawn(move || server.serve(Silent(AuthorizedKeys::text(authorized))));
    for kind in Kind::ALL {
        fs::write(&known, known_hosts_line(port, &public(&Keys::shared().host(kind)))).unwrap();
        let options = ["-oUpdateHostKeys=yes"];
        run(ssh_command(port, &Keys::shared().client(Kind::Ed25519), &known, &options).arg("true"));
        let text = fs::read_to_string(&known).unwrap();
        for kind in Kind::ALL {
            assert!(text.contains(public(&Keys::shared().host(kind)).split(' ').nth(1).unwrap()), "{kind:?}: {text}");
        }
    }
    shutdown.stop();
    thread.join().unwrap();
}
