//! Our `mio_many`: ten thousand connections at a time on one thread of a server and one of a load, and other ends.

use crate::support::text;
use rustix::process::{Resource, getrlimit};
use sanssh_tests::keys::{Keys, Kind};
use sanssh_tests::openssh::Sshd;
use sanssh_tests::peers;
use std::process::Command;

fn mio_many() -> Command {
    Command::new(env!("CARGO_BIN_EXE_mio_many"))
}

/// The two ends are processes of their own, since each wants as many descriptors as there are connections.
#[test]
fn ten_thousand_connections_log_in_and_run_a_command() {
    let most = getrlimit(Resource::Nofile).maximum;
    assert!(most.is_none_or(|most| most > 10_100), "this test wants 10,100 descriptors, and the system gives {most:?}");
    let told = mio_many().args(["-n", "10000", "-w", "500", "-x", "curve25519-sha256"]).output().unwrap();
    let (said, complaints) = (text(&told.stdout), text(&told.stderr));
    assert!(told.status.success(), "{said}{complaints}");
    print!("{said}");
    assert!(said.contains("10000 logged in") && said.contains("\n10000 commands"), "{said}");
    assert!(said.ends_with("\n0 lost, 0 wrong\n"), "{said}");
    let memory = said.split_once("server: 10000 connections, ").and_then(|(_, rest)| rest.split_once(" bytes each"));
    let memory: usize = memory.and_then(|(bytes, _)| bytes.parse().ok()).unwrap_or_else(|| panic!("{said}"));
    assert!((2048..=24 * 1024).contains(&memory), "{said}");
}

/// One connection streams as fast as it can, and the others' commands are through all the same.
#[test]
fn a_stream_beside_many_small_commands() {
    let told = mio_many().args(["-n", "200", "-m", "5", "-j", "20", "-b"]).output().unwrap();
    let said = text(&told.stdout);
    assert!(told.status.success() && said.contains("\n1000 commands"), "{said}{}", text(&told.stderr));
    assert!(said.contains("meanwhile one stream: "), "{said}");
}

#[test]
fn a_load_on_openssh() {
    if !peers::require(&["sshd", "ssh-keygen"]) {
        return;
    }
    let sshd = Sshd::start(&[]);
    let mut load = mio_many();
    load.args(["load", "-n", "20", "-m", "3", "-u", sshd.user(), "-i"]).arg(Keys::shared().client(Kind::Ed25519));
    load.arg("-k").arg(Keys::shared().host(Kind::Ed25519).with_extension("pub"));
    let told = load.arg(sshd.address().to_string()).output().unwrap();
    let said = text(&told.stdout);
    assert!(told.status.success() && said.contains("\n60 commands"), "{said}{}", text(&told.stderr));
}

#[test]
fn a_host_that_shows_another_key_is_left() {
    if !peers::require(&["sshd", "ssh-keygen"]) {
        return;
    }
    let sshd = Sshd::start(&[]);
    let mut load = mio_many();
    load.args(["load", "-n", "1", "-i"]).arg(Keys::shared().client(Kind::Ed25519));
    load.arg("-k").arg(Keys::shared().client(Kind::Ed25519).with_extension("pub"));
    let told = load.arg(sshd.address().to_string()).output().unwrap();
    assert_eq!(told.status.code(), Some(1));
    assert!(text(&told.stderr).contains("not trusted"), "{}", text(&told.stderr));
}
