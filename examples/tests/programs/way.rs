//! Ways to a host that are not straight, and what a person on the way can do: `-W`, `ProxyCommand`, `ProxyJump` and escapes.

use crate::support::{OurSshd, Typist, ended, failed, fed, line, noise, our_ssh, text, wait};
use rustix::termios::{LocalModes, tcgetattr};
use sanssh_tests::keys::{Keys, Kind};
use sanssh_tests::openssh::Sshd;
use sanssh_tests::process::DEADLINE;
use sanssh_tests::{peers, port};
use std::fs;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;
use tempfile::TempDir;

fn openssh(options: &[&str]) -> Option<Sshd> {
    peers::require(&["sshd", "ssh-keygen"]).then(|| Sshd::start(options))
}

fn client(server: &Sshd, options: &[&str]) -> Command {
    our_ssh(server.port(), &Keys::shared().client(Kind::Ed25519), &server.known_hosts(), options)
}

/// Hosts by name, each a server that makes connections to the next alone, the last one none.
struct Chain {
    directory: TempDir,
    /// From the last to the first.
    ours: Vec<OurSshd>,
    theirs: Sshd,
}

impl Chain {
    /// `one` to `three` are ours, `four` is OpenSSH's, `five` is ours.
    fn start() -> Option<Self> {
        if !peers::require(&["sshd", "ssh-keygen"]) {
            return None;
        }
        let directory = tempfile::tempdir().unwrap();
        let last = OurSshd::start(&[]);
        let theirs = Sshd::start(&[&format!("PermitOpen 127.0.0.1:{}", last.port)]);
        let mut next = theirs.port();
        let mut hosts = vec![("five", last.port, last.known_hosts()), ("four", next, theirs.known_hosts())];
        let mut ours = vec![last];
        for name in ["three", "two", "one"] {
            let permit = format!("-oPermitOpen=127.0.0.1:{next}");
            let server = OurSshd::start(&["-oAllowTcpForwarding=local", &permit]);
            next = server.port;
            hosts.push((name, next, server.known_hosts()));
            ours.push(server);
        }
        fs::write(directory.path().join("config"), Self::configuration(&hosts)).unwrap();
        Some(Self { directory, ours, theirs })
    }

    fn configuration(hosts: &[(&str, u16, PathBuf)]) -> String {
        let host = |(name, port, known): &(&str, u16, PathBuf)| {
            format!(
                "Host {name} {name}-*\n Hostname 127.0.0.1\n Port {port}\n UserKnownHostsFile {}\n",
                known.display()
            )
        };
        let jumps = ["two", "three", "four", "five"].iter().zip(["one", "two", "three", "four"]);
        let jumps: String = jumps.map(|(to, by)| format!("Host {to}-by\n ProxyJump {by}-by\n")).collect();
        format!(
            "{}{jumps}Host loop\n ProxyJump pool\nHost pool\n ProxyJump loop\nHost *\n BatchMode yes\n \
             StrictHostKeyChecking yes\n IdentityAgent none\n GlobalKnownHostsFile none\n IdentityFile {}\n",
            hosts.iter().map(host).collect::<String>(),
            Keys::shared().client(Kind::Ed25519).display(),
        )
    }

    fn ssh(&self, options: &[&str]) -> Command {
        let mut ssh = Command::new(env!("CARGO_BIN_EXE_ssh"));
        ssh.stdin(Stdio::null()).arg("-F").arg(self.directory.path().join("config")).args(options);
        ssh
    }
}

#[test]
fn a_way_leads_over_as_many_hosts_as_it_takes() {
    let Some(chain) = Chain::start() else { return };
    let bytes = noise(4 << 20);
    // Where the command runs, by the port of the server.
    let place = "set -- $SSH_CONNECTION; echo $4; exit 7";
    let (four, five) = (format!("{}\n", chain.theirs.port()), format!("{}\n", chain.ours[0].port));
    for options in [&["-J", "one,two,three", "four"][..], &["four-by"]] {
        ended(&chain.ssh(options).arg(place).output().unwrap(), 7, &four, "");
        let result = fed(chain.ssh(options).arg("cat"), &bytes);
        assert!(result.status.success() && result.stdout == bytes, "{}", text(&result.stderr));
    }
    // OpenSSH's is among ours.
    for options in [&["-oProxyJump=one,two,three,four", "five"][..], &["five-by"]] {
        ended(&chain.ssh(options).arg(place).output().unwrap(), 7, &five, "");
    }
}

#[test]
fn a_way_that_ends_says_where() {
    let Some(chain) = Chain::start() else { return };
    // The first leads to the second alone.
    failed(&chain.ssh(&["-J", "one", "three"]).arg("true").output().unwrap(), &["by way of one", "prohibits"]);
    failed(&chain.ssh(&["-J", "nobody@one,two", "three"]).arg("true").output().unwrap(), &["one", "nobody", "denied"]);
    failed(&chain.ssh(&["loop"]).arg("true").output().unwrap(), &["32 hosts"]);
}

#[test]
fn files_go_the_same_way() {
    let Some(chain) = Chain::start() else { return };
    let place = |name: &str| chain.directory.path().join(name);
    fs::write(place("from"), noise(100_000)).unwrap();
    let mut scp = Command::new(env!("CARGO_BIN_EXE_scp"));
    scp.arg("-qF").arg(place("config")).args(["-J", "one,two"]).arg(place("from"));
    ended(&scp.arg(format!("three:{}", place("to").display())).output().unwrap(), 0, "", "");
    assert_eq!(fs::read(place("to")).unwrap(), noise(100_000));
}

#[test]
fn standard_input_and_output_lead_through_the_server() {
    let Some(server) = openssh(&[]) else { return };
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let way = format!("-W{}", listener.local_addr().unwrap());
    let (heard, result) = std::thread::scope(|scope| {
        let far = scope.spawn(|| {
            let (mut socket, _) = listener.accept().unwrap();
            // It says all and ends, and hears the rest then.
            socket.write_all(&noise(3 << 20)).unwrap();
            socket.shutdown(std::net::Shutdown::Write).unwrap();
            let mut heard = Vec::new();
            socket.read_to_end(&mut heard).unwrap();
            heard
        });
        let mut child = client(&server, &[&way]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut said = Vec::new();
        child.stdout.take().unwrap().read_to_end(&mut said).unwrap();
        assert!(said == noise(3 << 20));
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(&noise(3 << 20)).unwrap();
        drop(stdin);
        (far.join().unwrap(), wait(&mut child, Instant::now() + DEADLINE))
    });
    assert!(heard == noise(3 << 20) && result.expect("it ends").success());
    let nowhere = format!("-W127.0.0.1:{}", port::free());
    failed(&client(&server, &[&nowhere]).output().unwrap(), &["127.0.0.1", "cannot connect"]);
}

#[test]
fn a_command_is_the_way() {
    let Some(server) = openssh(&[]) else { return };
    let Some(gate) = peers::require(&["ssh"]).then(|| OurSshd::start(&["-oAllowTcpForwarding=local"])) else { return };
    let identity = Keys::shared().client(Kind::Ed25519);
    let through = line(&our_ssh(gate.port, &identity, &gate.known_hosts(), &["-W", "%h:%p"]));
    let proxy = format!("-oProxyCommand={through}");
    let bytes = noise(4 << 20);
    let ssh = client(&server, &[&proxy]);
    for mut ssh in [ssh, server.client(Kind::Ed25519, &[&proxy])] {
        let result = fed(ssh.arg("cat; exit 3"), &bytes);
        assert!(result.status.code() == Some(3) && result.stdout == bytes, "{}", text(&result.stderr));
    }
    let broken = client(&server, &["-oProxyCommand=exit 1"]).arg("true").output().unwrap();
    assert_eq!(broken.status.code(), Some(255));
}

#[test]
fn a_command_that_reads_no_more_is_written_to_no_more() {
    // OpenSSH's server says so to OpenSSH's client alone.
    let server = OurSshd::start(&[]);
    let directory = tempfile::tempdir().unwrap();
    let sign = directory.path().join("sign");
    let command = format!("exec 0<&-; until [ -e {} ]; do sleep 0.01; done", sign.display());
    let identity = Keys::shared().client(Kind::Ed25519);
    let mut ssh = our_ssh(server.port, &identity, &server.known_hosts(), &[]);
    let mut child = ssh.arg(&command).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // Whoever writes is told, while the command runs on.
    let told = (0..10_000).find_map(|_| stdin.write_all(&[0; 8192]).err());
    assert_eq!(told.expect("it is told").kind(), std::io::ErrorKind::BrokenPipe);
    fs::write(&sign, "").unwrap();
    assert!(wait(&mut child, Instant::now() + DEADLINE).expect("it ends").success());
}

#[test]
fn escapes_are_for_this_program() {
    let Some(server) = openssh(&["LogLevel DEBUG1"]) else { return };
    let free = port::free();
    let mut typist = Typist::start(client(&server, &[&format!("-L{free}:127.0.0.1:1")]));
    typist.types("PS1=; stty -echo; echo re''ady\n");
    typist.sees("ready");
    typist.types("~?");
    typist.sees("~#");
    typist.sees("this help");
    typist.types("~#");
    typist.sees(&format!("-L {free} [127.0.0.1]:1: 0 open of 0, 0 failed"));
    let keys = || server.log().matches("SSH2_MSG_NEWKEYS received").count();
    let before = keys();
    typist.types("~Recho chan''ged\n");
    typist.sees("changed");
    assert!(crate::support::holds(Instant::now() + DEADLINE, || keys() > before));
    // Twice is once, and in the middle of a line it is nothing special.
    typist.types("~~;echo a~.\n");
    typist.sees("a~.");
    typist.types("\n~.");
    typist.sees("connection to 127.0.0.1 closed");
    assert_eq!(typist.ends().code(), Some(255), "{}", typist.all());
    // It was promised that this was the only session.
    assert!(server.says("no-more-sessions@openssh.com"));
}

#[test]
fn escapes_can_be_others_or_none() {
    let Some(server) = openssh(&[]) else { return };
    let mut typist = Typist::start(client(&server, &["-e", "^B"]));
    typist.types("PS1=; stty -echo; echo re''ady\n");
    typist.sees("ready");
    typist.types("\u{2}.");
    assert_eq!(typist.ends().code(), Some(255), "{}", typist.all());
    let mut typist = Typist::start(client(&server, &["-e", "none", "-tt"]));
    typist.types("PS1=; stty -echo; echo re''ady\n");
    typist.sees("ready");
    typist.types("~.\n");
    typist.types("exit 5\n");
    assert_eq!(typist.ends().code(), Some(5), "{}", typist.all());
}

#[test]
fn a_person_can_suspend_it_and_come_back() {
    if !peers::require(&["bash"]) {
        return;
    }
    let Some(server) = openssh(&[]) else { return };
    let mut shell = Command::new("bash");
    shell.args(["--norc", "--noprofile", "-i"]);
    let mut typist = Typist::start(shell);
    let raw = |typist: &Typist| !tcgetattr(&typist.terminal).unwrap().local_modes.contains(LocalModes::ICANON);
    typist.types(&format!("{}\n", line(&client(&server, &[]))));
    typist.types("PS1=; stty -echo; echo re''ady\n");
    typist.sees("ready");
    assert!(raw(&typist));
    typist.types("~\u{1a}");
    typist.sees("Stopped");
    typist.types("stty -a | grep -o ' icanon'; echo ba''ck\n");
    typist.sees(" icanon");
    typist.sees("back");
    typist.types("fg\n");
    typist.types("echo a''gain; exit 4\n");
    typist.sees("again");
    typist.sees("closed");
    // What is typed before the shell has its terminal back may be read by the client that ends.
    typist.sees("bash-");
    typist.types("echo status $?; exit\n");
    typist.sees("status 4");
    typist.ends();
}
