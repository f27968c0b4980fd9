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
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

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

/// A server, and a program with the words that name it, its user and the user's key.
struct Rig {
    server: Sshd,
}

impl Rig {
    fn start() -> Option<Self> {
        peers::require(&["sshd", "ssh-keygen"]).then(|| Self { server: Sshd::start(&["MaxStartups 1000"]) })
    }

    fn program(&self, path: &str) -> Command {
        let mut program = Command::new(path);
        program.arg(self.server.known_hosts()).arg(Keys::shared().client(Kind::Ed25519)).arg(self.server.user());
        program.args([self.server.address().ip().to_string(), self.server.port().to_string()]);
        program
    }

    /// What the program says to this input, and its status.
    fn talk(&self, path: &str, words: &[&str], input: &str) -> (String, String, Option<i32>) {
        let mut program = self.program(path);
        program.args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = program.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (text(output.stdout), text(output.stderr), output.status.code())
    }
}

#[test]
fn a_command_runs_with_both_its_streams_and_its_status() {
    let Some(rig) = Rig::start() else { return };
    let exec = |command| rig.talk(env!("CARGO_BIN_EXE_compat_exec"), &[command], "");
    assert_eq!(exec("echo out; echo err >&2; exit 5"), ("out\n".to_owned(), "err\n".to_owned(), Some(5)));
    let (said, complaints, status) = exec("head -c 5000000 /dev/zero | tr '\\0' e >&2; echo end");
    assert_eq!((said.as_str(), complaints.len(), status), ("end\n", 5_000_000, Some(0)));
    assert_eq!(exec("kill -TERM $$"), (String::new(), "it was killed by TERM\n".to_owned(), Some(255)));
    // A host that is not on record is not told who we are.
    let mut stranger = Command::new(env!("CARGO_BIN_EXE_compat_exec"));
    let port = rig.server.port().to_string();
    let output = stranger.args(["/dev/null", "/nowhere", "user", "127.0.0.1", &port, "true"]).output().unwrap();
    assert!(!output.status.success() && String::from_utf8_lossy(&output.stderr).contains("no key of the host"));
}

#[test]
fn a_shell_takes_lines_and_ends_as_it_says() {
    let Some(rig) = Rig::start() else { return };
    let (said, complaints, status) =
        rig.talk(env!("CARGO_BIN_EXE_compat_shell"), &[], "echo sum $((40 + 2)); tty; exit 4\n");
    assert!(said.contains("sum 42") && said.contains("/dev/pts/"), "{said}{complaints}");
    assert_eq!(status, Some(4), "{said}{complaints}");
}

#[test]
fn a_tunnel_carries_both_ways() {
    let Some(rig) = Rig::start() else { return };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    thread::scope(|scope| {
        scope.spawn(|| {
            let (mut stream, _) = listener.accept().unwrap();
            let mut heard = String::new();
            stream.read_to_string(&mut heard).unwrap();
            stream.write_all(heard.to_uppercase().as_bytes()).unwrap();
        });
        let outcome = rig.talk(env!("CARGO_BIN_EXE_compat_direct_tcpip"), &["127.0.0.1", &port], "some words");
        assert_eq!(outcome, ("SOME WORDS".to_owned(), String::new(), Some(0)));
    });
}

#[test]
fn many_sessions_run_in_one_loop() {
    let Some(rig) = Rig::start() else { return };
    let (said, complaints, status) =
        rig.talk(env!("CARGO_BIN_EXE_compat_many_sessions"), &["25", "echo a word from $SSH_CONNECTION"], "");
    assert_eq!((said.lines().count(), complaints.as_str(), status), (25, "", Some(0)));
    assert!(said.lines().all(|line| line.starts_with("a word from 127.0.0.1 ")), "{said}");
}

#[test]
fn files_are_written_read_listed_and_copied() {
    let Some(rig) = Rig::start() else { return };
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).display().to_string();
    let quiet = (String::new(), String::new(), Some(0));
    let text = "some words\n".repeat(300_000);
    assert_eq!(rig.talk(env!("CARGO_BIN_EXE_compat_sftp_write"), &[&path("one")], &text), quiet);
    assert!(fs::read_to_string(path("one")).unwrap() == text);
    let (said, complaints, status) = rig.talk(env!("CARGO_BIN_EXE_compat_sftp_read"), &[&path("one")], "");
    assert!(said == text && complaints.is_empty() && status == Some(0), "{complaints}");
    let scp = |words: [&str; 3]| rig.talk(env!("CARGO_BIN_EXE_compat_scp"), &words, "");
    assert_eq!(scp(["get", &path("one"), &path("other")]), quiet);
    assert_eq!(scp(["put", &path("other"), &path("third")]), quiet);
    assert!(fs::read_to_string(path("third")).unwrap() == text);
    let whole = directory.path().display().to_string();
    let (said, complaints, _) = rig.talk(env!("CARGO_BIN_EXE_compat_sftp_list"), &[&whole], "");
    assert!(["one", "other", "third"].iter().all(|name| said.contains(&format!(" {name}"))), "{said}{complaints}");
    let (_, complaints, status) = scp(["get", &path("none"), &path("fourth")]);
    assert!(status == Some(1) && complaints.contains("none"), "{complaints}");
}
