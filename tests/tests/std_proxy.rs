//! Connections of the blocking client by way of something else: a command, here OpenSSH's client with `-W`, and connections
//! of its own, one through the other.

use core::time::Duration;
use sanssh_std::{Client, Error, KnownHosts, Options, home};
use sanssh_tests::keys::{Keys, Kind};
use sanssh_tests::openssh::Sshd;
use sanssh_tests::{peers, port};
use std::io;

fn options() -> Options {
    Options { connect_timeout: Some(Duration::from_secs(60)), ..Options::default() }
}

/// The command that reaches `server` through itself.
fn command(server: &Sshd) -> String {
    let target = format!("127.0.0.1:{}", server.port());
    let ssh = server.client(Kind::Ed25519, &["-W", &target]);
    let words = [ssh.get_program()].into_iter().chain(ssh.get_args());
    words.map(|word| format!("'{}' ", word.to_str().expect("text"))).collect()
}

/// Logs in, and has more sent than any buffer on the way holds.
fn works(server: &Sshd, client: &Client) {
    client.set_timeout(options().connect_timeout);
    let key = home::read_key(&Keys::shared().client(Kind::Ed25519), None).unwrap();
    client.login_key(server.user(), &key).unwrap().accepted().unwrap();
    let finished = client.run("head -c 3000000 /dev/zero").unwrap();
    assert_eq!(finished.stdout.len(), 3_000_000);
}

#[test]
fn a_command_leads_to_the_server() {
    if !peers::require(&["sshd", "ssh", "ssh-keygen"]) {
        return;
    }
    let server = Sshd::start(&["AllowTcpForwarding local"]);
    let mut hosts = KnownHosts::files([server.known_hosts()]);
    let client = Client::through_command(command(&server), "127.0.0.1", server.port(), &options(), &mut hosts).unwrap();
    works(&server, &client);
    assert!(matches!(client.peer_addr(), Err(error) if error.kind() == io::ErrorKind::Unsupported));
}

#[test]
fn a_command_that_fails_is_a_connection_that_ends() {
    let mut hosts = KnownHosts::files(["/dev/null"]);
    let failed = Client::through_command("false", "127.0.0.1", 22, &options(), &mut hosts).unwrap_err();
    // Depending on when it went.
    assert!(matches!(failed.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe), "{failed:?}");
}

/// Each is held by the next alone: by the end nobody else has the first two.
#[test]
fn connections_go_through_one_another() {
    if !peers::require(&["sshd", "ssh-keygen"]) {
        return;
    }
    let server = Sshd::start(&["AllowTcpForwarding local"]);
    let mut hosts = KnownHosts::files([server.known_hosts()]);
    let mut last = Client::connect("127.0.0.1", server.port(), &options(), &mut hosts).unwrap();
    works(&server, &last);
    for _ in 0..2 {
        last = last.jump("127.0.0.1", server.port(), &options(), &mut hosts).unwrap();
        works(&server, &last);
    }
    // The server carries on what it reaches, and nothing listens there.
    let refused = last.jump("127.0.0.1", port::free(), &options(), &mut hosts);
    assert!(matches!(refused, Err(Error::OpenRefused { .. })), "{refused:?}");
    assert_eq!(last.run("echo still here").unwrap().stdout, b"still here\n");
}
