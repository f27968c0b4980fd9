//! Our `keyscan` beside OpenSSH's `ssh-keyscan`: of one server both print the same lines, sorted, for comments and order
//! are nobody's promise.

use crate::support::{OurSshd, text};
use sanssh_tests::keys::{Keys, Kind, public};
use sanssh_tests::openssh::Sshd;
use sanssh_tests::peers;
use sanssh_tests::process::run;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn keyscan() -> Command {
    Command::new(env!("CARGO_BIN_EXE_keyscan"))
}

fn have_peers() -> bool {
    peers::require(&["sshd", "ssh-keyscan", "ssh-keygen"])
}

/// Lines on standard output, sorted.
fn lines(output: &Output) -> Vec<String> {
    let mut lines: Vec<_> = text(&output.stdout).lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

/// Both programs print the same, so many lines of it.
#[track_caller]
fn agree(port: u16, arguments: &[&str], count: usize) {
    let port = port.to_string();
    let arguments = [&["-p", &port], arguments].concat();
    let ours = keyscan().args(&arguments).output().unwrap();
    let theirs = Command::new(peers::path("ssh-keyscan")).args(&arguments).output().unwrap();
    assert_eq!(lines(&ours), lines(&theirs), "{arguments:?}: {}", text(&ours.stderr));
    assert_eq!(lines(&ours).len(), count, "{arguments:?}: {}", text(&ours.stderr));
    assert_eq!(ours.status.code(), Some(i32::from(count == 0)), "{arguments:?}");
}

/// A certificate for the server's Ed25519 key.
fn certified(directory: &Path) -> String {
    let authority = directory.join("authority");
    let key = directory.join("host_ed25519.pub");
    fs::write(&key, public(&Keys::shared().host(Kind::Ed25519))).unwrap();
    let keygen = || Command::new(peers::path("ssh-keygen"));
    run(keygen().args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&authority));
    run(keygen().args(["-q", "-h", "-I", "id", "-n", "localhost", "-s"]).arg(&authority).arg(key));
    format!("HostCertificate {}", directory.join("host_ed25519-cert.pub").display())
}

#[test]
fn it_prints_what_ssh_keyscan_prints() {
    if !have_peers() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let server = Sshd::start(&[&certified(directory.path())]);
    let file = directory.path().join("hosts");
    fs::write(&file, "# hosts\n127.0.0.1 one.example,TWO.example # both\n\nLOCALHOST\n").unwrap();
    let file = file.to_str().unwrap();
    for (arguments, count) in [
        (&["127.0.0.1"][..], 3),
        (&["-t", "ed25519", "127.0.0.1"], 1),
        (&["-t", "rsa,ecdsa", "127.0.0.1", "localhost"], 4),
        (&["-t", "ed25519-sk,ecdsa-sk", "127.0.0.1"], 0),
        (&["-D", "127.0.0.1"], 6),
        (&["-c", "127.0.0.1"], 1),
        (&["-4", "-f", file], 9),
    ] {
        agree(server.port(), arguments, count);
    }
}

#[test]
fn our_server_shows_both_the_same() {
    if !have_peers() {
        return;
    }
    // ssh-keyscan knows no strict key exchange, and its first cipher is not used without.
    let server = OurSshd::start(&["-o", "Ciphers=-chacha20-poly1305@openssh.com"]);
    agree(server.port, &["127.0.0.1"], 3);
}

#[test]
fn hashed_names_are_found() {
    if !have_peers() {
        return;
    }
    let server = Sshd::start(&[]);
    let output = keyscan().args(["-H", "-p", &server.port().to_string(), "127.0.0.1"]).output().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("known_hosts");
    fs::write(&file, &output.stdout).unwrap();
    assert!(lines(&output).iter().all(|line| line.starts_with("|1|")) && lines(&output).len() == 3);
    let mut find = Command::new(peers::path("ssh-keygen"));
    let found = run(find.args(["-F", &format!("[127.0.0.1]:{}", server.port()), "-f"]).arg(file));
    assert_eq!(found.lines().filter(|line| line.starts_with("|1|")).count(), 3);
}

#[test]
fn hosts_that_are_not_there_are_named() {
    let free = sanssh_tests::port::free();
    let output = keyscan().args(["-p", &free.to_string(), "127.0.0.1", "no-such-host.invalid"]).output().unwrap();
    assert_eq!((output.status.code(), &output.stdout[..]), (Some(1), &b""[..]));
    assert!(text(&output.stderr).contains("127.0.0.1: ") && text(&output.stderr).contains("no-such-host.invalid: "));
    let wrong = keyscan().args(["-t", "dsa", "127.0.0.1"]).output().unwrap();
    assert_eq!(wrong.status.code(), Some(255));
}
