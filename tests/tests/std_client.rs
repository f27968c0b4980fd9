//! The blocking client against OpenSSH's server: logins, commands, streams, trust and trouble.

use core::time::Duration;
use sanssh_std::core::Config;
use sanssh_std::core::auth::Method;
use sanssh_std::core::config::Rekey;
use sanssh_std::core::file::{KeyError, SigningKey};
use sanssh_std::{Client, Error, Exit, HostKeyError, KnownHosts, Login, Options, Pty, Unknown, home};
use sanssh_tests::delay::{Line, Proxy};
use sanssh_tests::keys::{Keys, Kind, PASSPHRASE, public};
use sanssh_tests::openssh::{Sshd, known_hosts_line};
use sanssh_tests::peers;
use sanssh_tests::user::PasswordUser;
use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::{fs, thread};

const PEERS: [&str; 2] = ["sshd", "ssh-keygen"];

fn key(kind: Kind) -> SigningKey {
    home::read_key(&Keys::shared().client(kind), None).unwrap()
}

fn hosts(server: &Sshd) -> KnownHosts {
    KnownHosts::files([server.known_hosts()])
}

fn connect(server: &Sshd) -> Client {
    let client = Client::connect("127.0.0.1", server.port(), &Options::default(), &mut hosts(server)).unwrap();
    client.set_timeout(Some(Duration::from_secs(30)));
    client
}

fn login(server: &Sshd) -> Client {
    let client = connect(server);
    client.login_key(server.user(), &key(Kind::Ed25519)).unwrap().accepted().unwrap();
    client
}

#[test]
fn a_command_runs_and_its_end_is_told() {
    if !peers::require(&PEERS) {
        return;
    }
    let server = Sshd::start(&[]);
    let client = login(&server);
    let done = client.run("echo out; echo err >&2; exit 7").unwrap();
    assert_eq!((&done.stdout[..], &done.stderr[..], done.exit), (&b"out\n"[..], &b"err\n"[..], Exit::Status(7)));
    let killed = client.run("kill -TERM $$").unwrap();
    assert!(matches!(killed.exit, Exit::Signal { ref name, .. } if name == "TERM"), "{:?}", killed.exit);
    assert!(client.server_ident().starts_with("SSH-2.0-OpenSSH"));
    assert!(client.summary().unwrap().strict);
}

#[test]
fn passwords_log_in_and_wrong_ones_do_not() {
    if !peers::require(&PEERS) {
        return;
    }
    let Some(user) = PasswordUser::create() else { return };
    let server = Sshd::start(&["PasswordAuthentication yes"]);
    let client = connect(&server);
    let Login::Refused(methods) = client.methods(user.name()).unwrap() else { panic!("let in by nothing") };
    assert!(methods.contains(Method::Password) && methods.contains(Method::PublicKey));
    assert!(matches!(client.login_password(user.name(), "wrong").unwrap(), Login::Refused(_)));
    assert_eq!(client.login_password(user.name(), user.password()).unwrap(), Login::Accepted { earned: true });
    assert_eq!(String::from_utf8_lossy(&client.run("id -un").unwrap().stdout).trim(), user.name());
}

#[test]
fn every_kind_of_key_logs_in_and_a_stranger_does_not() {
    if !peers::require(&PEERS) {
        return;
    }
    let server = Sshd::start(&[]);
    for kind in Kind::ALL {
        let client = connect(&server);
        let stranger = home::read_key(&Keys::shared().stranger(), None).unwrap();
        assert!(matches!(client.login_key(server.user(), &stranger).unwrap(), Login::Refused(_)));
        let key = key(kind);
        assert!(!client.probe_key(server.user(), stranger.algorithms()[0], stranger.public()).unwrap());
        assert!(client.probe_key(server.user(), key.algorithms()[0], key.public()).unwrap());
        assert!(client.login_key(server.user(), &key).unwrap().is_accepted());
    }
    let error = home::read_key(&Keys::shared().locked(), None).unwrap_err();
    assert!(matches!(error, Error::Key { why: KeyError::Encrypted, .. }), "{error}");
    assert!(home::read_key(&Keys::shared().locked(), Some(PASSPHRASE)).is_ok());
}

#[test]
fn unknown_hosts_are_refused_or_recorded_and_changed_ones_never_trusted() {
    if !peers::require(&PEERS) {
        return;
    }
    let server = Sshd::start(&[]);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ssh").join("known_hosts");
    let try_with =
        |mut hosts: KnownHosts| Client::connect("127.0.0.1", server.port(), &Options::default(), &mut hosts).map(drop);
    let error = try_with(KnownHosts::files([&file])).unwrap_err();
    assert!(matches!(error, Error::HostKey(HostKeyError::Unknown { .. })), "{error}");
    assert!(try_with(KnownHosts::files([&file]).unknown(Unknown::Ask(Box::new(|_| false)))).is_err());
    assert!(!file.exists());
    let mut hosts = KnownHosts::files([&file]).unknown(Unknown::Record);
    hosts.hashed = true;
    try_with(hosts).unwrap();
    assert!(fs::read_to_string(&file).unwrap().starts_with("|1|"));
    try_with(KnownHosts::files([&file])).unwrap();
    let other = public(&Keys::shared().client(Kind::Ed25519));
    fs::write(&file, format!("# comment\n{}", known_hosts_line(server.port(), &other))).unwrap();
    let error = try_with(KnownHosts::files([&file]).unknown(Unknown::Record)).unwrap_err();
    assert!(matches!(error, Error::HostKey(HostKeyError::Changed { line: 2, .. })), "{error}");
    assert!(error.to_string().contains("known_hosts:2 records SHA256:"), "{error}");
    fs::write(&file, format!("@revoked * {}", public(&Keys::shared().host(Kind::Ed25519)))).unwrap();
    let error = try_with(KnownHosts::files([&file]).unknown(Unknown::Trust)).unwrap_err();
    assert!(matches!(error, Error::HostKey(HostKeyError::Revoked { line: 1, .. })), "{error}");
    let error = try_with(KnownHosts::files([directory.path()]).unknown(Unknown::Trust)).unwrap_err();
    assert!(matches!(error, Error::HostKey(HostKeyError::File { .. })), "{error}");
}

/// Sends as much as it receives, by two threads on one channel, and compares.
fn there_and_back(client: &Client, size: u32) {
    let data: Vec<u8> = (0..size).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let channel = client.session().unwrap();
    channel.exec("cat").unwrap();
    let mut received = Vec::with_capacity(data.len());
    thread::scope(|scope| {
        scope.spawn(|| {
            (&channel).write_all(&data).unwrap();
            channel.finish();
        });
        (&channel).read_to_end(&mut received).unwrap();
    });
    assert!(received == data, "{} of {}", received.len(), data.len());
    assert_eq!(channel.wait().unwrap(), Exit::Status(0));
}

#[test]
fn two_threads_stream_on_one_channel() {
    if !peers::require(&PEERS) {
        return;
    }
    let server = Sshd::start(&[]);
    there_and_back(&login(&server), 64 << 20);
}

#[test]
fn keys_change_under_a_stream() {
    if !peers::require(&PEERS) {
        return;
    }
    let server = Sshd::start(&["RekeyLimit 1M"]);
    let client = login(&server);
    there_and_back(&client, 64 << 20);
    assert!(!client.summary().unwrap().first);
    let server = Sshd::start(&[]);
    let rekey = Rekey { bytes: 1 << 20, ..Rekey::default() };
    let options = Options { core: Config { rekey, ..Config::default() }, ..Options::default() };
    let client = Client::connect("127.0.0.1", server.port(), &options, &mut hosts(&server)).unwrap();
    client.set_timeout(Some(Duration::from_secs(30)));
    client.login_key(server.user(), &key(Kind::Ed25519)).unwrap().accepted().unwrap();
    there_and_back(&client, 64 << 20);
    assert!(!client.summary().unwrap().first);
}

#[test]
fn twenty_channels_at_once() {
    if !peers::require(&PEERS) {
        return;
    }
    let server = Sshd::start(&[]);
    let client = login(&server);
    thread::scope(|scope| {
        for i in 0..20 {
            let client = client.clone();
            scope.spawn(move || {
                let done = client.run(format!("head -c 300000 /dev/zero | wc -c; echo {i}")).unwrap();
                assert_eq!(String::from_utf8_lossy(&done.stdout), format!("300000\n{i}\n"));
            });
        }
    });
}

#[test]
fn h18_a_stalled_channel_stops_only_itself() {
    if !peers::require(&PEERS) {
        return;
    }
    let server = Sshd::start(&[]);
    let client = login(&server);
    let stalled = client.session().unwrap();
    stalled.exec("cat /dev/zero").unwrap();
    stalled.confirm().unwrap();
    // Far more than all windows: the stalled one has filled up meanwhile.
    let done = client.run("head -c 33554432 /dev/zero").unwrap();
    assert_eq!(done.stdout.len(), 33_554_432);
    let mut piece = vec![0; 1 << 20];
    (&stalled).read_exact(&mut piece).unwrap();
    stalled.close();
    assert_eq!(client.run("echo on").unwrap().stdout, b"on\n");
}

#[test]
fn a_cut_line_is_an_error_for_everybody_at_once() {
    if !peers::require(&PEERS) {
        return;
    }
    let server = Sshd::start(&[]);
    let line = Line { cut_down: Some(1 << 20), ..Line::default() };
    let proxy = Proxy::start(server.address(), line).unwrap();
    let mut hosts = hosts(&server).unknown(Unknown::Trust);
    let client = Client::connect("127.0.0.1", proxy.port(), &Options::default(), &mut hosts).unwrap();
    client.login_key(server.user(), &key(Kind::Ed25519)).unwrap().accepted().unwrap();
    let idle = client.session().unwrap();
    idle.exec("sleep 100").unwrap();
    let busy = client.session().unwrap();
    busy.exec("cat /dev/zero").unwrap();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| idle.wait());
        let error = io::copy(&mut &busy, &mut io::sink()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset, "{error}");
        assert!(waiting.join().unwrap().is_err());
    });
    assert!(client.run("true").is_err());
}

#[test]
fn waits_end_in_time() {
    if !peers::require(&PEERS) {
        return;
    }
    let server = Sshd::start(&[]);
    let client = login(&server);
    let channel = client.session().unwrap();
    channel.exec("cat").unwrap();
    client.set_timeout(Some(Duration::from_millis(50)));
    let error = (&channel).read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut, "{error}");
    client.set_timeout(Some(Duration::from_secs(30)));
    (&channel).write_all(b"x").unwrap();
    let mut byte = [0];
    (&channel).read_exact(&mut byte).unwrap();
    assert_eq!(&byte, b"x");
    // A host that accepts and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let options = Options { connect_timeout: Some(Duration::from_millis(50)), ..Options::default() };
    let error = Client::connect("127.0.0.1", port, &options, &mut hosts(&server)).unwrap_err();
    assert!(matches!(error, Error::TimedOut(_)), "{error}");
}

#[test]
fn small_messages_go_back_and_forth() {
    if !peers::require(&PEERS) {
        return;
    }
    let server = Sshd::start(&[]);
    let client = login(&server);
    let channel = client.session().unwrap();
    channel.request_pty(&Pty::default()).unwrap();
    channel.exec("stty raw -echo; printf ready; cat").unwrap();
    let mut ready = [0; 5];
    (&channel).read_exact(&mut ready).unwrap();
    assert_eq!((&ready, channel.pty_granted()), (b"ready", Some(true)));
    for i in 0..1000u32 {
        (&channel).write_all(&i.to_be_bytes()).unwrap();
        let mut echo = [0; 4];
        (&channel).read_exact(&mut echo).unwrap();
        assert_eq!(u32::from_be_bytes(echo), i);
    }
}

#[test]
fn a_command_that_is_refused_is_an_error() {
    if !peers::require(&PEERS) {
        return;
    }
    let server = Sshd::start(&[]);
    let client = login(&server);
    let channel = client.session().unwrap();
    channel.subsystem("no such").unwrap();
    let error = channel.confirm().unwrap_err();
    assert!(matches!(error, Error::RequestRefused("subsystem")), "{error}");
    client.disconnect();
    assert!(matches!(client.run("true"), Err(Error::Ssh(sanssh_std::core::Error::Closed))));
}
