//! The client on the small board, with OpenSSH's server as the host that it visits.

use crate::board::{Image, ready};
use sanssh_tests::openssh::{Config, Sshd};
use sanssh_tests::peers;
use sanssh_tests::process::run;
use std::process::{Command, Output};

fn visit(server: &Sshd) -> Output {
    let network = format!("user,restrict=on,guestfwd=tcp:10.0.2.100:22-tcp:127.0.0.1:{}", server.port());
    Image::Client.emulator(&network, &[]).output().expect("an emulator")
}

#[test]
fn it_runs_a_command() {
    if !ready() {
        return;
    }
    let server = Sshd::start(&[]);
    let visited = visit(&server);
    let said = String::from_utf8_lossy(&visited.stdout);
    assert!(visited.status.success(), "{visited:?}\n{}", server.log());
    assert!(["here\n", "there\n", "done"].iter().all(|part| said.contains(part)), "{said:?}");
}

#[test]
fn another_host_key_is_not_trusted() {
    if !ready() {
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let key = directory.path().join("key");
    run(Command::new(peers::path("ssh-keygen")).args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key));
    let option = format!("HostKey {}", key.display());
    let server = Sshd::with(Config { options: &[&option], host_keys: &[], ..Config::default() });
    let visited = visit(&server);
    assert!(!visited.status.success() && visited.stdout.is_empty(), "{visited:?}");
    assert!(!server.log().contains("Accepted"), "{}", server.log());
}
