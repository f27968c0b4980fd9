//! The blocking client against OpenSSH's server: logins, commands, streams, trust and trouble.

use core::time::Duration;
use sanssh_std::core::file::SigningKey;
use sanssh_std::{Client, Error, Exit, HostKeyError, KnownHosts, Login, Options, home};
use sanssh_tests::keys::{Keys, Kind};
use sanssh_tests::openssh::Sshd;
use sanssh_tests::peers;

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
