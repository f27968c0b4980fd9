//! The small programs of the documented API.

use core::net::SocketAddr;
use sanssh_compat::knownhost::KnownHost;
use sanssh_compat::session::Session;
use sanssh_core::agent::Constraints;
use sanssh_std::{Agent, home};
use sanssh_tests::agents::Ours;
use sanssh_tests::keys::{Keys, Kind, public};
use sanssh_tests::openssh::Sshd;
use sanssh_tests::peers;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Whether it succeeds, what it says, and what it complains of.
fn said(command: &mut Command) -> (bool, String, String) {
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.success(), text(&output.stdout), text(&output.stderr))
}

fn known(file: &Path, address: SocketAddr, add: bool) -> (bool, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_compat_known_hosts"));
    command.arg(file).arg(address.ip().to_string()).arg(address.port().to_string()).args(add.then_some("--add"));
    said(&mut command)
}

fn list(file: &Path) -> KnownHost {
    let hosts = Session::new().knownhost_init();
    hosts.readfile(file).unwrap();
    hosts
}

#[test]
fn known_hosts_are_checked_and_added() {
    if !peers::require(&["sshd", "ssh-keygen"]) {
        return;
    }
    let peer = Sshd::start(&[]);
    let (directory, address) = (tempfile::tempdir().unwrap(), peer.address());
    let file = directory.path().join("known_hosts");
    let (done, _, why) = known(&file, address, false);
    assert!(!done && why.contains("no key of the host") && !file.exists(), "{why}");
    let (done, said, why) = known(&file, address, true);
    assert!(done && said.starts_with("[127.0.0.1]:"), "{said}{why}");
    assert_eq!(list(&file).get(None).unwrap().len(), 1);
    let (done, said, why) = known(&file, address, false);
    assert!(done && said.contains("1 lines") && said.contains("known: "), "{said}{why}");
    // Another key on record stays, whatever is said.
    let stranger = public(&Keys::shared().stranger());
    fs::write(&file, format!("[127.0.0.1]:{} {stranger}", address.port())).unwrap();
    let (done, _, why) = known(&file, address, true);
    assert!(!done && why.contains("another key"), "{why}");
    assert!(fs::read_to_string(&file).unwrap().contains(stranger.trim()));
}

#[test]
fn an_agent_logs_in_and_a_command_runs() {
    if !peers::require(&["sshd", "ssh-keygen"]) {
        return;
    }
    let peer = Sshd::start(&[]);
    let (directory, address, agent) = (tempfile::tempdir().unwrap(), peer.address(), Ours::start());
    let file = directory.path().join("known_hosts");
    assert!(known(&file, address, true).0);
    let run = |command: &str| {
        let mut program = Command::new(env!("CARGO_BIN_EXE_compat_agent"));
        program.env("SSH_AUTH_SOCK", agent.socket()).arg(&file).arg(peer.user());
        program.args([&address.ip().to_string(), &address.port().to_string(), command]).output().unwrap()
    };
    assert!(String::from_utf8_lossy(&run("true").stderr).contains("no key of the agent's"));
    let mut inner = Agent::connect(&agent.socket()).unwrap();
    for key in [Keys::shared().stranger(), Keys::shared().client(Kind::Rsa)] {
        inner.add(&home::read_key(&key, None).unwrap(), "a comment", &Constraints::default()).unwrap();
    }
    let output = run("echo done; exit 3");
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.stdout, output.status.code()), (b"done\n".to_vec(), Some(3)), "{complaints}");
    assert!(complaints.starts_with("a comment: "), "{complaints}");
}
