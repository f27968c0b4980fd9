//! What the suites of the programs share: a terminal to type on, a server of ours, bytes to send.
//! All waiting is for something to be seen, with the harness's deadline.

use core::time::Duration;
use pty_process::Size;
use pty_process::blocking::{Command as OnTerminal, Pty, open};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use sanssh_tests::keys::{Keys, Kind, public};
use sanssh_tests::openssh::{Sshd, known_hosts_line, ssh_command};
use sanssh_tests::peers;
use sanssh_tests::process::{DEADLINE, Daemon};
use std::ffi::OsStr;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread;
use std::time::Instant;
use tempfile::TempDir;

/// A program on a terminal, with somebody who types and reads.
pub(crate) struct Typist {
    pub(crate) terminal: Pty,
    child: Child,
    seen: Vec<u8>,
    /// What was waited for already.
    passed: usize,
}

impl Typist {
    /// Starts a program on a new terminal of 80 by 24, one that can do nothing.
    pub(crate) fn start(command: Command) -> Self {
        Self::start_on("dumb", command)
    }

    /// Starts a program on a new terminal of 80 by 24.
    pub(crate) fn start_on(kind: &str, command: Command) -> Self {
        let (terminal, other) = open().expect("a terminal");
        terminal.resize(Size::new(24, 80)).expect("a size");
        let child = OnTerminal::from(command).env("TERM", kind).spawn(other).expect("a program");
        Self { terminal, child, seen: Vec::new(), passed: 0 }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn types(&mut self, text: &str) {
        self.terminal.write_all(text.as_bytes()).expect("a terminal that takes input");
    }

    /// Reads until `text` has come after what was waited for before.
    #[track_caller]
    pub(crate) fn sees(&mut self, text: &str) {
        let until = Instant::now() + DEADLINE;
        loop {
            let rest = String::from_utf8_lossy(&self.seen[self.passed..]).into_owned();
            if let Some(at) = rest.find(text) {
                self.passed += at + text.len();
                return;
            }
            assert!(self.reads(until), "no {text:?} in {:?}", self.all());
        }
    }

    /// A shell there does what shells on terminals do: knows its size and each new one, is interrupted, and ends with 7.
    pub(crate) fn tries_the_shell(&mut self) {
        self.types("stty size\n");
        self.sees("24 80");
        self.terminal.resize(Size::new(40, 132)).expect("another size");
        self.types("until stty size | grep '40 132'; do :; done\n");
        self.sees("40 132");
        // An interrupt goes to the command there, not to the client here.
        self.types("trap 'echo caug''ht' INT; echo arm''ed\n");
        self.sees("armed");
        self.types("\u{3}");
        self.sees("caught");
        self.types("echo h''i; exit 7\n");
        self.sees("hi");
        assert_eq!(self.ends().code(), Some(7), "{}", self.all());
    }

    /// Everything it has shown.
    pub(crate) fn all(&self) -> String {
        String::from_utf8_lossy(&self.seen).into_owned()
    }

    /// Reads to the end, and waits for the program's.
    pub(crate) fn ends(&mut self) -> ExitStatus {
        let until = Instant::now() + DEADLINE;
        while self.reads(until) {}
        let status = self.child.try_wait().expect("a child");
        status.unwrap_or_else(|| {
            wait(&mut self.child, until).unwrap_or_else(|| panic!("it does not end; it showed {:?}", self.all()))
        })
    }

    fn reads(&mut self, until: Instant) -> bool {
        let mut piece = [0; 4096];
        let left = Timespec::try_from(until.saturating_duration_since(Instant::now())).ok();
        let mut fds = [PollFd::new(&self.terminal, PollFlags::IN)];
        if !matches!(poll(&mut fds, left.as_ref()), Ok(1..)) {
            return false;
        }
        // A terminal that nobody has open any more is in error.
        match self.terminal.read(&mut piece) {
            Ok(n @ 1..) => {
                self.seen.extend_from_slice(&piece[..n]);
                true
            }
            _ => false,
        }
    }
}

impl Drop for Typist {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits for a child's end, to a deadline.
pub(crate) fn wait(child: &mut Child, until: Instant) -> Option<ExitStatus> {
    holds(until, || child.try_wait().expect("a child").is_some());
    child.try_wait().expect("a child")
}

/// Whether something that no one tells becomes true by then.
pub(crate) fn holds(until: Instant, mut what: impl FnMut() -> bool) -> bool {
    while !what() {
        if Instant::now() >= until {
            return false;
        }
        // Whoever makes it true needs the processor.
        thread::park_timeout(Duration::from_millis(1));
    }
    true
}

/// Runs a command with this on its standard input.
#[track_caller]
pub(crate) fn fed(command: &mut Command, input: &[u8]) -> Output {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("a program");
    let mut stdin = child.stdin.take().expect("its input");
    thread::scope(|scope| {
        // One that does not read to the end says why by its status.
        scope.spawn(move || drop(stdin.write_all(input)));
        child.wait_with_output().expect("its output")
    })
}

/// Bytes that do not repeat soon.
pub(crate) fn noise(size: usize) -> Vec<u8> {
    let mut bytes = vec![0; size];
    sanssh_core::Random::new(&sanssh_core::Seed::new([9; 32])).fill(&mut bytes);
    bytes
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Asserts how a program ended.
#[track_caller]
pub(crate) fn ended(output: &Output, status: i32, stdout: &str, stderr: &str) {
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!((output.status.code(), out.as_str(), err.as_str()), (Some(status), stdout, stderr));
}

/// Asserts that a program failed with one line that has all these parts.
#[track_caller]
pub(crate) fn failed(output: &Output, parts: &[&str]) {
    failed_with(output, 255, parts);
}

/// The same with another status.
#[track_caller]
pub(crate) fn failed_with(output: &Output, status: i32, parts: &[&str]) {
    let line = text(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{line}");
    assert_eq!(line.lines().count(), 1, "{line}");
    for part in parts {
        assert!(line.contains(part), "no {part:?} in {line}");
    }
}

/// Our server, with the shared keys as hosts' and users'.
pub(crate) struct OurSshd {
    pub(crate) daemon: Daemon,
    pub(crate) directory: TempDir,
    pub(crate) port: u16,
}

impl OurSshd {
    pub(crate) fn start(options: &[&str]) -> Self {
        Self::with(options, &Keys::shared().authorized())
    }

    /// With another `authorized_keys`.
    pub(crate) fn with(options: &[&str], authorized: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let keys = directory.path().join("authorized_keys");
        fs::write(&keys, authorized).expect("authorized_keys");
        let mut command = Command::new(env!("CARGO_BIN_EXE_sshd"));
        command.args(["-p", "0", "-o"]).arg(format!("AuthorizedKeysFile={}", keys.display()));
        // As in the harness: away from what the user's shell does at its start.
        command.arg("-o").arg(format!("SetEnv=HOME={}", directory.path().display()));
        for kind in Kind::ALL {
            command.arg("-h").arg(Keys::shared().host(kind));
        }
        let daemon = Daemon::spawn(command.args(options)).expect("sshd");
        assert!(daemon.says("\n"), "{}", daemon.log());
        let port = listening_port(&daemon.log());
        let lines = Kind::ALL.iter().map(|&kind| known_hosts_line(port, &public(&Keys::shared().host(kind))));
        fs::write(directory.path().join("known_hosts"), lines.collect::<String>()).expect("known_hosts");
        Self { daemon, directory, port }
    }

    pub(crate) fn known_hosts(&self) -> PathBuf {
        self.directory.path().join("known_hosts")
    }

    /// A file of this name in the server's directory.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// How many descriptors and threads it has.
    pub(crate) fn holdings(&self) -> (usize, usize) {
        let count = |what| fs::read_dir(format!("/proc/{}/{what}", self.daemon.id())).map_or(0, Iterator::count);
        (count("fd"), count("task"))
    }
}

/// The port in the line that our server prints.
pub(crate) fn listening_port(log: &str) -> u16 {
    let address = log.strip_prefix("listening on 127.0.0.1:").and_then(|rest| rest.split(',').next());
    address.and_then(|port| port.parse().ok()).unwrap_or_else(|| panic!("no port in {log:?}"))
}

/// Our client, aimed at a server on 127.0.0.1; `options` come first and win, the command is the next argument.
pub(crate) fn our_ssh(port: u16, identity: &Path, known_hosts: &Path, options: &[&str]) -> Command {
    let mut ssh = alone(env!("CARGO_BIN_EXE_ssh"), identity, known_hosts, options);
    ssh.args(["-p", &port.to_string(), "127.0.0.1"]);
    ssh
}

/// A client that reads nothing of the user's and asks nobody; where to go are the next arguments.
pub(crate) fn alone(program: impl AsRef<OsStr>, identity: &Path, known_hosts: &Path, options: &[&str]) -> Command {
    let mut client = Command::new(program);
    client.stdin(Stdio::null()).env_remove("SSH_AUTH_SOCK").args(["-F", "none"]).args(options);
    client.args(["-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", "-i"]).arg(identity);
    client.arg("-o").arg(format!("UserKnownHostsFile={}", known_hosts.display()));
    client
}

/// A bare repository with a few commits, for git to clone.
pub(crate) fn repository(directory: &Path) -> PathBuf {
    let (work, bare) = (directory.join("work"), directory.join("bare.git"));
    git(directory, ["init", "-q", "--initial-branch=main", "work"]);
    for n in 0..5 {
        fs::write(work.join(format!("file{n}")), noise(100_000 + n)).expect("a file");
        git(&work, ["add", "."]);
        git(&work, ["-c", "user.name=me", "-c", "user.email=me@host", "commit", "-q", "-m", "another file"]);
    }
    git(directory, ["clone", "-q", "--bare", "work", "bare.git"]);
    bare
}

/// Runs git, and gives what it prints.
#[track_caller]
pub(crate) fn git(directory: &Path, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> String {
    git_over(None, directory, arguments)
}

/// The same with a command line in ssh's place.
#[track_caller]
pub(crate) fn git_over(
    ssh: Option<&str>,
    directory: &Path,
    arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
) -> String {
    let mut git = Command::new("git");
    git.current_dir(directory).env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    git.args(["-c", "safe.directory=*"]).args(arguments);
    if let Some(ssh) = ssh {
        git.env("GIT_SSH_COMMAND", ssh);
    }
    sanssh_tests::process::run(&mut git)
}

/// A command as a line for a shell.
pub(crate) fn line(command: &Command) -> String {
    let words = [command.get_program()].into_iter().chain(command.get_args());
    words.map(|word| format!("'{}'", word.to_string_lossy())).collect::<Vec<_>>().join(" ")
}

/// A server and a client, of which at least one is ours.
pub(crate) struct Pair {
    pub(crate) name: &'static str,
    server: Either,
    program: fn(u16, &Path, &Path, &[&str]) -> Command,
}

enum Either {
    Theirs(Sshd),
    Ours(OurSshd),
}

impl Pair {
    /// Every pair there is; each server with options of its own.
    pub(crate) fn all(theirs: &[&str], ours: &[&str]) -> Option<[Self; 3]> {
        peers::require(&["sshd", "ssh", "ssh-keygen"]).then(|| {
            [
                Self { name: "our ssh, their sshd", server: Either::Theirs(Sshd::start(theirs)), program: our_ssh },
                Self { name: "their ssh, our sshd", server: Either::Ours(OurSshd::start(ours)), program: ssh_command },
                Self { name: "our ssh, our sshd", server: Either::Ours(OurSshd::start(ours)), program: our_ssh },
            ]
        })
    }

    /// The client; the command is the next argument.
    pub(crate) fn client(&self, options: &[&str]) -> Command {
        let (port, known) = match &self.server {
            Either::Theirs(server) => (server.port(), server.known_hosts()),
            Either::Ours(server) => (server.port, server.known_hosts()),
        };
        (self.program)(port, &Keys::shared().client(Kind::Ed25519), &known, options)
    }

    pub(crate) fn server_log(&self) -> String {
        match &self.server {
            Either::Theirs(server) => server.log(),
            Either::Ours(server) => server.daemon.log(),
        }
    }

    /// Whether one of them logs each change of keys.
    pub(crate) fn tells_of_keys(&self) -> bool {
        self.name.contains("their")
    }
}
