//! The blocking server: OpenSSH's client against it, and the blocking client.

use core::net::SocketAddr;
use core::time::Duration;
use sanssh_std::core::file::SigningKey;
use sanssh_std::{
    Attempt, AuthorizedKeys, Client, Error, Event, Exit, Handler, KnownHosts, Options, Server, ServerConfig, Session,
    Shutdown, Start, Verdict, home,
};
use sanssh_tests::keys::{Keys, Kind, public};
use sanssh_tests::openssh::{known_hosts_line, ssh_command};
use sanssh_tests::peers;
use sanssh_tests::process::run;
use std::io::{self, Read, Write};
use std::process::{Command, Stdio};
use std::thread::{self, JoinHandle};
use tempfile::NamedTempFile;

const PEERS: [&str; 2] = ["ssh", "ssh-keygen"];

struct Programs {
    keys: AuthorizedKeys,
}

impl Handler for Programs {
    fn key_acceptable(&self, peer: SocketAddr, user: &str, key: &[u8]) -> bool {
        self.keys.would_do(peer, user, key)
    }

    fn login(&self, attempt: &Attempt<'_>) -> Verdict {
        self.keys.verdict(attempt)
    }

    fn session(&self, session: Session) {
        let command = match session.start() {
            Start::Shell => "shell".to_owned(),
            Start::Exec(command) => String::from_utf8_lossy(command).into_owned(),
            Start::Subsystem(name) => format!("subsystem {name}"),
        };
        // A client that went away is no fault of the test's.
        let _ = serve(&session, &command);
    }
}

fn serve(session: &Session, command: &str) -> io::Result<()> {
    let mut io = session;
    match command.split_once(' ').unwrap_or((command, "")) {
        ("echo", text) => writeln!(io, "{text}")?,
        ("complain", text) => writeln!(session.stderr(), "{text}")?,
        ("cat", _) => drop(io::copy(&mut &*session, &mut io)?),
        ("exit", status) => return Ok(session.exit(status.parse().unwrap())?),
        ("die", signal) => return Ok(session.exit_signal(signal, false, "as told")?),
        ("env", _) => {
            for (name, value) in session.environment() {
                writeln!(io, "{}={}", name.escape_ascii(), value.escape_ascii())?;
            }
        }
        ("terminal", _) => writeln!(io, "{:?}", session.terminal().map(|one| (one.columns, one.rows)))?,
        ("events", _) => loop {
            match session.next_event(None) {
                Some(Event::Closed) | None => return Ok(()),
                Some(event) => writeln!(io, "{event:?}")?,
            }
        },
        ("zeros", count) => drop(io::copy(&mut io::repeat(0).take(count.parse().unwrap()), &mut io)?),
        ("panic", _) => panic!("as told"),
        ("linger", _) => thread::sleep(Duration::from_secs(2)),
        _ => return Ok(session.exit(127)?),
    }
    Ok(session.exit(0)?)
}

struct Running {
    address: SocketAddr,
    shutdown: Shutdown,
    thread: Option<JoinHandle<()>>,
    hosts: NamedTempFile,
}

impl Running {
    fn start(config: ServerConfig, authorized: &str) -> Self {
        let keys = Keys::shared();
        let host_keys = Kind::ALL.iter().map(|kind| home::read_key(&keys.host(*kind), None).unwrap()).collect();
        let server = Server::bind("127.0.0.1:0", ServerConfig { host_keys, ..config }).unwrap();
        let address = server.local_addr().unwrap();
        let mut hosts = NamedTempFile::new().unwrap();
        for kind in Kind::ALL {
            hosts.write_all(known_hosts_line(address.port(), &public(&keys.host(kind))).as_bytes()).unwrap();
        }
        let shutdown = server.shutdown();
        let programs = Programs { keys: AuthorizedKeys::text(authorized) };
        let thread = thread::spawn(move || server.serve(programs));
        Self { address, shutdown, thread: Some(thread), hosts }
    }

    fn open() -> Self {
        Self::start(ServerConfig::default(), &Keys::shared().authorized())
    }

    fn ssh(&self, options: &[&str]) -> Command {
        ssh_command(self.address.port(), &Keys::shared().client(Kind::Ed25519), self.hosts.path(), options)
    }

    fn client(&self) -> Client {
        let client = self.connect().unwrap();
        client.login_key("somebody", &key(Kind::Ed25519)).unwrap().accepted().unwrap();
        client
    }

    fn connect(&self) -> Result<Client, Error> {
        let mut hosts = KnownHosts::files([self.hosts.path()]);
        let client = Client::connect("127.0.0.1", self.address.port(), &Options::default(), &mut hosts)?;
        client.set_timeout(Some(Duration::from_secs(30)));
        Ok(client)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shutdown.stop();
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(ended.is_none_or(|ended| ended.is_ok()) || thread::panicking());
    }
}

fn key(kind: Kind) -> SigningKey {
    home::read_key(&Keys::shared().client(kind), None).unwrap()
}

#[test]
fn openssh_runs_commands() {
    if !peers::require(&PEERS) {
        return;
    }
    let server = Running::open();
    for kind in Kind::ALL {
        let identity = Keys::shared().client(kind);
        let mut ssh = ssh_command(server.address.port(), &identity, server.hosts.path(), &[]);
        assert_eq!(run(ssh.arg("echo hello")), "hello\n");
    }
    assert_eq!(server.ssh(&[]).arg("exit 42").status().unwrap().code(), Some(42));
    let output = server.ssh(&[]).arg("complain loudly").output().unwrap();
    assert_eq!((&output.stdout[..], &output.stderr[..]), (&b""[..], &b"loudly\n"[..]));
    assert_eq!(server.ssh(&["-q"]).arg("die TERM").status().unwrap().code(), Some(255));
    // There is no terminal here whose size it could tell.
    assert_eq!(run(server.ssh(&["-tt"]).arg("terminal")).trim(), "Some((0, 0))");
}

#[test]
fn openssh_pipes_through() {
    if !peers::require(&PEERS) {
        return;
    }
    let server = Running::open();
    let data: Vec<u8> = (0..16u32 << 20).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    for options in [&[][..], &["-oRekeyLimit=1M"]] {
        let mut ssh = server.ssh(options);
        let mut child = ssh.arg("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        let mut received = Vec::new();
        thread::scope(|scope| {
            scope.spawn(|| {
                input.write_all(&data).unwrap();
                drop(input);
            });
            child.stdout.take().unwrap().read_to_end(&mut received).unwrap();
        });
        assert!(child.wait().unwrap().success());
        assert!(received == data, "{} of {}", received.len(), data.len());
    }
}

#[test]
fn strangers_are_refused() {
    if !peers::require(&PEERS) {
        return;
    }
    let server = Running::open();
    let mut ssh = ssh_command(server.address.port(), &Keys::shared().stranger(), server.hosts.path(), &[]);
    let output = ssh.arg("echo no").output().unwrap();
    assert_eq!(output.status.code(), Some(255));
    assert!(String::from_utf8_lossy(&output.stderr).contains("Permission denied (publickey)"));
    let client = server.connect().unwrap();
    let stranger = home::read_key(&Keys::shared().stranger(), None).unwrap();
    assert!(!client.login_key("somebody", &stranger).unwrap().is_accepted());
    assert!(!client.login_password("somebody", "secret").unwrap().is_accepted());
    assert!(client.login_key("somebody", &key(Kind::Ecdsa)).unwrap().is_accepted());
}

#[test]
fn twenty_at_once() {
    if !peers::require(&PEERS) {
        return;
    }
    let server = Running::open();
    let children: Vec<_> =
        (0..20).map(|i| server.ssh(&[]).arg(format!("echo {i}")).stdout(Stdio::piped()).spawn().unwrap()).collect();
    for (i, child) in children.into_iter().enumerate() {
        let output = child.wait_with_output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), format!("{i}\n"));
        assert!(output.status.success());
    }
}

#[test]
fn options_of_keys_are_enforced() {
    let line = |options: &str, kind| format!("{options} {}\n", public(&Keys::shared().client(kind)));
    let authorized = line("restrict,command=\"echo forced\"", Kind::Ed25519)
        + &line("no-pty,environment=\"A=1\"", Kind::Ecdsa)
        + &line("from=\"10.0.0.0/8\"", Kind::Rsa);
    let config = ServerConfig { environment: vec!["LC_*".to_owned()], ..ServerConfig::default() };
    let server = Running::start(config, &authorized);
    let forced = server.client().run("exit 1").unwrap();
    assert_eq!((&forced.stdout[..], forced.exit), (&b"forced\n"[..], Exit::Status(0)));
    let client = server.connect().unwrap();
    client.login_key("somebody", &key(Kind::Ecdsa)).unwrap().accepted().unwrap();
    let channel = client.session().unwrap();
    channel.request_pty(&sanssh_std::Pty::default()).unwrap();
    channel.env("LC_ALL", "C").unwrap();
    channel.env("LD_PRELOAD", "evil").unwrap();
    channel.exec("env").unwrap();
    channel.confirm().unwrap();
    assert_eq!(channel.pty_granted(), Some(false));
    let mut text = String::new();
    (&channel).read_to_string(&mut text).unwrap();
    assert_eq!(text, "LC_ALL=C\n");
    let other = server.connect().unwrap();
    assert!(!other.login_key("somebody", &key(Kind::Rsa)).unwrap().is_accepted());
}

#[test]
fn events_reach_the_session() {
    let server = Running::open();
    let client = server.client();
    let channel = client.session().unwrap();
    channel.request_pty(&sanssh_std::Pty::default()).unwrap();
    channel.exec("events").unwrap();
    let expect = |text: &str| {
        let mut line = vec![0; text.len()];
        (&channel).read_exact(&mut line).unwrap();
        assert_eq!(String::from_utf8_lossy(&line), text);
    };
    channel.window_change(100, 50).unwrap();
    expect("Resized { columns: 100, rows: 50 }\n");
    channel.signal("INT").unwrap();
    expect("Signal(\"INT\")\n");
    channel.send_break(500).unwrap();
    expect("Break(500)\n");
}

/// What is refused leaves no trace: the event that follows it is the first.
#[test]
fn h14_h24_sizes_and_signals_that_are_refused() {
    let forced = format!("restrict,command=\"events\" {}\n", public(&Keys::shared().client(Kind::Ed25519)));
    for (authorized, expected) in [
        (Keys::shared().authorized(), "Signal(\"TERM\")\nSignal(\"own@example.org\")\nBreak(1)\n"),
        (forced, "Break(1)\n"),
    ] {
        let server = Running::start(ServerConfig::default(), &authorized);
        let client = server.client();
        let channel = client.session().unwrap();
        channel.exec("events").unwrap();
        channel.confirm().unwrap();
        // There is no terminal.
        channel.window_change(100, 50).unwrap();
        for name in ["TERM", "STRANGE", "", "KILL ", "../x@y/z", &"x".repeat(20_000), "own@example.org"] {
            channel.signal(name).unwrap();
        }
        channel.send_break(1).unwrap();
        let mut told = vec![0; expected.len()];
        (&channel).read_exact(&mut told).unwrap();
        assert_eq!(String::from_utf8_lossy(&told), expected);
    }
}

#[test]
fn a_session_that_panics_ends_alone() {
    let server = Running::open();
    let client = server.client();
    assert_eq!(client.run("panic").unwrap().exit, Exit::Unknown);
    assert_eq!(client.run("echo still").unwrap().stdout, b"still\n");
    assert!(matches!(client.session().unwrap().subsystem("sftp"), Ok(())));
    let channel = client.session().unwrap();
    channel.subsystem("sftp").unwrap();
    assert!(matches!(channel.confirm(), Err(Error::RequestRefused("subsystem"))));
}

#[test]
fn c34_more_than_the_limit_are_refused() {
    let config = ServerConfig { max_connections: 2, max_unauthenticated: 1, ..ServerConfig::default() };
    let server = Running::start(config, &Keys::shared().authorized());
    let one = server.client();
    let two = server.connect().unwrap();
    assert!(server.connect().is_err());
    two.login_key("somebody", &key(Kind::Ed25519)).unwrap().accepted().unwrap();
    assert!(server.connect().is_err());
    assert_eq!(one.run("echo here").unwrap().stdout, b"here\n");
    assert_eq!(two.run("echo here").unwrap().stdout, b"here\n");
}

#[test]
fn a_shutdown_ends_everything() {
    let mut server = Running::open();
    let client = server.client();
    let channel = client.session().unwrap();
    channel.exec("cat").unwrap();
    channel.confirm().unwrap();
    server.shutdown.stop();
    server.thread.take().unwrap().join().unwrap();
    let error = (&channel).read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset, "{error}");
    assert!(server.connect().is_err());
}

/// What begins a key exchange is written by a call that then has to wait for it, while another thread is the one that
/// waits for the socket, and sleeps.
#[test]
fn a_call_behind_a_sleeping_one_gets_its_key_exchange() {
    let server = Running::open();
    let mut options = Options::default();
    options.core.rekey.bytes = 64 << 10;
    let mut hosts = KnownHosts::files([server.hosts.path()]);
    let client = Client::connect("127.0.0.1", server.address.port(), &options, &mut hosts).unwrap();
    client.set_timeout(Some(Duration::from_secs(30)));
    client.login_key("somebody", &key(Kind::Ed25519)).unwrap().accepted().unwrap();
    let (idle, busy) = (client.session().unwrap(), client.session().unwrap());
    idle.exec("cat").unwrap();
    idle.confirm().unwrap();
    thread::scope(|scope| {
        let reader = scope.spawn(|| (&idle).read(&mut [0]));
        thread::sleep(Duration::from_millis(200));
        for _ in 0..40 {
            busy.env("X", &"x".repeat(20_000)).unwrap();
        }
        idle.finish();
        assert_eq!(reader.join().unwrap().unwrap(), 0);
    });
    assert!(client.rekeys() > 0);
}

/// Sessions whose handlers go on count as well, but for as many as may be open.
#[test]
fn sessions_that_nobody_ends_are_limited() {
    let config = ServerConfig { sessions: 2, ..ServerConfig::default() };
    let server = Running::start(config, &Keys::shared().authorized());
    let client = server.client();
    let mut last = Ok(());
    for _ in 0..5 {
        last = client.session().map(|channel| {
            channel.exec("linger").unwrap();
            channel.confirm().unwrap();
        });
    }
    assert!(matches!(last, Err(Error::OpenRefused { .. })), "{last:?}");
    assert!(server.client().session().is_ok());
}

#[test]
fn streams_go_both_ways_at_once() {
    const SIZE: u64 = 64 << 20;
    let server = Running::open();
    let client = server.client();
    let channel = client.session().unwrap();
    channel.exec("cat").unwrap();
    thread::scope(|scope| {
        let channel = &channel;
        scope.spawn(move || {
            io::copy(&mut io::repeat(7).take(SIZE), &mut &*channel).unwrap();
            channel.finish();
        });
        client.rekey();
        assert_eq!(io::copy(&mut &*channel, &mut io::sink()).unwrap(), SIZE);
    });
    assert_eq!(channel.wait().unwrap(), Exit::Status(0));
}
