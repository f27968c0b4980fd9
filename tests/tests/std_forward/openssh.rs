//! OpenSSH's client against our server, and our client against OpenSSH's server.

use crate::{Running, check, connect5, here, path, reverse, target};
use core::time::Duration;
use sanssh_std::{Client, Error, KnownHosts, Options, home};
use sanssh_tests::keys::{Keys, Kind, public};
use sanssh_tests::openssh::{Sshd, known_hosts_line, ssh_command};
use sanssh_tests::process::Daemon;
use sanssh_tests::{peers, port};
use std::fs;
use std::io::Read;
use std::net::{Shutdown, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::thread;

const PEERS: [&str; 3] = ["sshd", "ssh", "ssh-keygen"];

/// `ssh -N` that forwards, once it has said `word`.
fn ssh(server: &Running, options: &[&str], word: &str) -> Daemon {
    let hosts = tempfile::NamedTempFile::new().unwrap();
    let line = known_hosts_line(server.address.port(), &public(&Keys::shared().host(Kind::Ed25519)));
    fs::write(hosts.path(), line).unwrap();
    let options = [&["-N", "-v", "-o", "ExitOnForwardFailure=yes"], options].concat();
    let key = Keys::shared().client(Kind::Ed25519);
    let ssh = Daemon::spawn(ssh_command(server.address.port(), &key, hosts.path(), &options).args(["-l", "somebody"]));
    let ssh = ssh.unwrap();
    assert!(ssh.says(word), "{}", ssh.log());
    assert!(ssh.says("Entering interactive session") || ssh.says("pledge"), "{}", ssh.log());
    ssh
}

/// A Unix socket that does with everybody what [`reverse`] does.
fn reversing(path: &Path) {
    let listener = UnixListener::bind(path).unwrap();
    thread::spawn(move || {
        for socket in listener.incoming() {
            let socket = TcpStream::from(OwnedFd::from(socket.unwrap()));
            thread::spawn(move || reverse(socket));
        }
    });
}

#[test]
fn ssh_forwards_from_its_side() {
    if !peers::require(&PEERS) {
        return;
    }
    let server = Running::forwarding(64);
    let (port, near, dynamic) = (target(reverse), port::free(), port::free());
    let (far, local) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    reversing(&path(&far));
    let by_port = format!("127.0.0.1:{near}:localhost:{port}");
    let by_path = format!("{}:{}", path(&local).display(), path(&far).display());
    let socks = format!("127.0.0.1:{dynamic}");
    let options = ["-L", &by_port, "-L", &by_path, "-D", &socks];
    let _ssh = ssh(&server, &options, "Local forwarding listening on");
    thread::scope(|scope| {
        for seed in 0..8 {
            scope.spawn(move || check(TcpStream::connect(("127.0.0.1", near)).unwrap(), seed, 200_000 + seed));
        }
    });
    check(TcpStream::connect(("127.0.0.1", near)).unwrap(), 1, 8 << 20);
    check(UnixStream::connect(path(&local)).unwrap(), 2, 500_000);
    check(connect5(([127, 0, 0, 1], dynamic).into(), "localhost", port).unwrap(), 3, 500_000);
}

#[test]
fn ssh_forwards_from_our_side() {
    if !peers::require(&PEERS) {
        return;
    }
    let server = Running::forwarding(64);
    let port = target(reverse);
    let (far, local) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    reversing(&path(&local));
    let by_port = format!("localhost:0:127.0.0.1:{port}");
    let by_path = format!("{}:{}", path(&far).display(), path(&local).display());
    let ssh = ssh(&server, &["-R", &by_port, "-R", &by_path], "Allocated port ");
    assert!(ssh.says("remote forward success for: listen"));
    let log = ssh.log();
    let found = log.split("Allocated port ").nth(1).and_then(|text| text.split(' ').next()).unwrap();
    let found: u16 = found.parse().unwrap();
    check(TcpStream::connect(("127.0.0.1", found)).unwrap(), 1, 4 << 20);
    while !path(&far).exists() {
        thread::yield_now();
    }
    check(UnixStream::connect(path(&far)).unwrap(), 2, 500_000);
}

fn login(server: &Sshd) -> Client {
    let mut hosts = KnownHosts::files([server.known_hosts()]);
    let client = Client::connect("127.0.0.1", server.port(), &Options::default(), &mut hosts).unwrap();
    client.set_timeout(Some(Duration::from_secs(30)));
    let key = home::read_key(&Keys::shared().client(Kind::Ed25519), None).unwrap();
    client.login_key(server.user(), &key).unwrap().accepted().unwrap();
    client
}

#[test]
fn sshd_forwards_for_us() {
    if !peers::require(&PEERS) {
        return;
    }
    let server = Sshd::start(&["MaxSessions 1"]);
    let client = login(&server);
    let port = target(reverse);
    let (far, back) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::set_permissions(back.path(), std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    reversing(&path(&far));
    let by_port = client.forward_local(here(), ("localhost", port)).unwrap();
    let by_path = client.forward_local(here(), path(&far)).unwrap();
    let socks = client.forward_dynamic(here()).unwrap();
    thread::scope(|scope| {
        for seed in 0..32 {
            let address = by_port.local_addr().unwrap();
            scope.spawn(move || check(TcpStream::connect(address).unwrap(), seed, 200_000 + seed));
        }
    });
    check(TcpStream::connect(by_port.local_addr().unwrap()).unwrap(), 1, 8 << 20);
    check(TcpStream::connect(by_path.local_addr().unwrap()).unwrap(), 2, 500_000);
    check(connect5(socks.local_addr().unwrap(), "localhost", port).unwrap(), 3, 500_000);
    let remote = client.forward_remote(("localhost", 0), ("localhost", port)).unwrap();
    check(TcpStream::connect(("127.0.0.1", remote.port())).unwrap(), 4, 4 << 20);
    let remote = client.forward_remote(path(&back), path(&far)).unwrap();
    check(UnixStream::connect(path(&back)).unwrap(), 5, 500_000);
    drop(remote);
    let nobody = here().local_addr().unwrap();
    assert!(matches!(client.direct(nobody), Err(Error::OpenRefused { .. })));
    let listener = client.listen(("127.0.0.1", 0)).unwrap();
    let visitor = TcpStream::connect(("127.0.0.1", listener.port())).unwrap();
    visitor.shutdown(Shutdown::Write).unwrap();
    let (tunnel, from) = listener.accept().unwrap();
    assert_eq!(from, visitor.local_addr().ok());
    assert_eq!((&tunnel).read(&mut [0; 8]).unwrap(), 0);
}

#[test]
fn a_server_that_forbids_is_heeded() {
    if !peers::require(&PEERS) {
        return;
    }
    let server = Sshd::start(&["AllowTcpForwarding no", "AllowStreamLocalForwarding no"]);
    let client = login(&server);
    assert!(matches!(client.direct(("127.0.0.1", target(reverse))), Err(Error::OpenRefused { .. })));
    assert!(matches!(client.listen(("localhost", 0)), Err(Error::ForwardRefused)));
    assert_eq!(client.run("echo still here").unwrap().stdout, b"still here\n");
}
