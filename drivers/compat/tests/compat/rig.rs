//! The servers that the tests talk to, and how a call is made in either mode.

use core::net::SocketAddr;
use core::time::Duration;
use rustix::event::{PollFd, PollFlags, poll};
use sanssh_compat::session::Session;
use sanssh_compat::{Error, utils};
use sanssh_core::algorithm::Preferences;
use sanssh_core::auth::Method;
use sanssh_core::scp;
use sanssh_std::{
    Attempt, AuthorizedKeys, Credential, Directory, Handler, HostAttempt, Permissions, Server, ServerConfig,
    Session as Served, Share, Shutdown, Start, Verdict, Wish, home,
};
use sanssh_tests::keys::{Keys, Kind};
use sanssh_tests::openssh::Sshd;
use sanssh_tests::peers;
use std::io::{self, Write};
use std::net::TcpStream;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::thread::{self, JoinHandle};

/// Whether calls wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Blocking,
    NonBlocking,
}

pub(crate) const MODES: [Mode; 2] = [Mode::Blocking, Mode::NonBlocking];

/// A server.
#[derive(Debug)]
pub(crate) enum Peer {
    OpenSsh(Sshd),
    Ours(Ours),
}

impl Peer {
    pub(crate) fn address(&self) -> SocketAddr {
        match self {
            Self::OpenSsh(server) => server.address(),
            Self::Ours(server) => server.address,
        }
    }

    pub(crate) fn user(&self) -> &str {
        match self {
            Self::OpenSsh(server) => server.user(),
            Self::Ours(_) => "somebody",
        }
    }

    pub(crate) fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address()).unwrap()
    }

    /// A session after its handshake.
    pub(crate) fn shaken(&self, mode: Mode) -> Session {
        let session = Session::new();
        session.set_blocking(mode == Mode::Blocking);
        session.set_timeout(30_000);
        let socket = self.connect();
        call(&session, || session.handshake(&socket)).unwrap();
        session
    }

    /// A session after its login.
    pub(crate) fn session(&self, mode: Mode) -> Session {
        let session = self.shaken(mode);
        let key = Keys::shared().client(Kind::Ed25519);
        call(&session, || session.userauth_publickey_fromfile(self.user(), &key, "", None)).unwrap();
        session
    }
}

/// OpenSSH's server, with these options.
pub(crate) fn openssh(options: &[&str]) -> Option<Peer> {
    peers::require(&["sshd", "ssh-keygen"]).then(|| Peer::OpenSsh(Sshd::start(options)))
}

/// Every server in either mode.
pub(crate) fn each(test: impl Fn(&Peer, Mode)) {
    for peer in openssh(&[]).into_iter().chain([Peer::Ours(Ours::start())]) {
        for mode in MODES {
            test(&peer, mode);
        }
    }
}

/// Makes a call, again and again where the session does not wait: each time it has to say what for.
pub(crate) fn call<T>(session: &Session, mut what: impl FnMut() -> Result<T, Error>) -> Result<T, Error> {
    loop {
        let outcome = what();
        if !matches!(outcome, Err(Error::Again)) {
            return outcome;
        }
        assert!(!session.get_blocking(), "a call that waits gave up");
        rest(session);
    }
}

/// Waits as the session says.
pub(crate) fn rest(session: &Session) {
    assert_ne!(session.block_directions(), 0, "nothing to wait for");
    assert_ne!(utils::wait_socket(session, Some(Duration::from_secs(30))), 0, "nothing came");
}

/// Everything that comes of a stream.
pub(crate) fn drain(session: &Session, mut read: impl FnMut(&mut [u8]) -> Result<usize, Error>) -> Vec<u8> {
    let (mut all, mut space) = (Vec::new(), [0; 5000]);
    loop {
        match call(session, || read(&mut space)).unwrap() {
            0 => return all,
            n => all.extend_from_slice(&space[..n]),
        }
    }
}

/// Writes everything.
pub(crate) fn feed(session: &Session, data: &[u8], mut write: impl FnMut(&[u8]) -> Result<usize, Error>) {
    let mut done = 0;
    while done < data.len() {
        done += call(session, || write(&data[done..])).unwrap();
    }
}

/// Waits until the socket has something to read.
pub(crate) fn readable(session: &Session) {
    poll(&mut [PollFd::new(&session.sock().unwrap(), PollFlags::IN)], None).unwrap();
}

/// Our own server: keys of the tests, `pass` for a password, `old` for one that has expired, `more` for one that wants a
/// key besides, questions to be answered by `red` and `blue`, and a host that is believed; commands run by `sh`.
#[derive(Debug)]
pub(crate) struct Ours {
    address: SocketAddr,
    shutdown: Shutdown,
    thread: Option<JoinHandle<()>>,
}

impl Ours {
    pub(crate) fn start() -> Self {
        Self::with(|_| ())
    }

    /// One whose configuration is changed first.
    pub(crate) fn with(change: impl FnOnce(&mut ServerConfig)) -> Self {
        let keys = Keys::shared();
        let host_keys = Kind::ALL.iter().map(|kind| home::read_key(&keys.host(*kind), None).unwrap()).collect();
        let mut config = ServerConfig { host_keys, environment: vec!["TEST_*".to_owned()], ..ServerConfig::default() };
        config.core.preferences = Preferences::legacy();
        config.core.forwarding = true;
        config.subsystems.push("sftp".to_owned());
        config.core.login.methods =
            [Method::PublicKey, Method::Password, Method::Interactive, Method::HostBased].into_iter().collect();
        change(&mut config);
        let server = Server::bind("127.0.0.1:0", config).unwrap();
        let (address, shutdown) = (server.local_addr().unwrap(), server.shutdown());
        let judge = Judge(AuthorizedKeys::text(keys.authorized()));
        Self { address, shutdown, thread: Some(thread::spawn(move || server.serve(judge))) }
    }
}

impl Drop for Ours {
    fn drop(&mut self) {
        self.shutdown.stop();
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

struct Judge(AuthorizedKeys);

impl Handler for Judge {
    fn key_acceptable(&self, peer: SocketAddr, user: &str, key: &[u8]) -> bool {
        user == "picky" || self.0.would_do(peer, user, key)
    }

    fn login(&self, attempt: &Attempt<'_>) -> Verdict {
        let accept = || Verdict::Accept(Permissions::default());
        match attempt.credential {
            Credential::Password("pass") => accept(),
            Credential::Password("old") => Verdict::Expired("it is old".to_owned()),
            Credential::Password("more") => {
                Verdict::More([Method::PublicKey].into_iter().collect(), Permissions::default())
            }
            Credential::Interactive => Verdict::Ask {
                name: "title".to_owned(),
                instruction: "say".to_owned(),
                prompts: vec![("one".to_owned(), false), ("two".to_owned(), true)],
            },
            Credential::Answers(["red", "blue"] | ["pass", ""]) => accept(),
            // A key that would do, and then does not.
            _ if attempt.user == "picky" => Verdict::Refuse,
            Credential::None
            | Credential::Password(_)
            | Credential::PasswordChange { .. }
            | Credential::Key { .. }
            | Credential::Answers(_) => self.0.verdict(attempt),
        }
    }

    fn host_login(&self, attempt: &HostAttempt<'_>) -> Verdict {
        let known = attempt.host.host == b"client.example" && attempt.host.user == attempt.user.as_bytes();
        if known { Verdict::Accept(Permissions::default()) } else { Verdict::Refuse }
    }

    fn may_forward(&self, _: SocketAddr, _: &str, _: &Wish<'_>) -> bool {
        true
    }

    fn session(&self, session: Served) {
        // A client that went away is no fault of the test's.
        let _: io::Result<()> = serve(&session);
    }
}

fn serve(session: &Served) -> io::Result<()> {
    let files = || Directory::open("/", &Share::default());
    match session.start() {
        Start::Subsystem(name) if name == "sftp" => return Ok(files()?.serve_sftp(session)?),
        Start::Exec(line) if line.starts_with(b"scp ") => {
            let mut path = vec![0; line.len()];
            match scp::command::Command::read(line, &mut path) {
                Ok(command) => files()?.serve_scp(session, &command)?,
                Err(_) => session.exit(127)?,
            }
            return Ok(());
        }
        Start::Exec(_) | Start::Shell | Start::Subsystem(_) => {}
    }
    let mut shell = Command::new("sh");
    match session.start() {
        Start::Exec(command) => shell.arg("-c").arg(String::from_utf8_lossy(command).into_owned()),
        Start::Shell => &mut shell,
        Start::Subsystem(_) => return Ok(session.exit(1)?),
    };
    let pairs = session.environment().iter();
    shell.envs(pairs.map(|(name, value)| (text(name), text(value))));
    let mut child = shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    thread::scope(|scope| {
        let Child { stdin, stdout, stderr, .. } = &mut child;
        let (mut stdin, mut stdout, mut stderr) = (stdin.take(), stdout.take(), stderr.take());
        scope.spawn(move || stdin.as_mut().map(|stdin| io::copy(&mut &*session, stdin)));
        let complaints = scope.spawn(move || stderr.as_mut().map(|stderr| io::copy(stderr, &mut session.stderr())));
        stdout.as_mut().map(|stdout| io::copy(stdout, &mut &*session));
        drop(complaints.join());
        let status = child.wait()?;
        match status.signal() {
            Some(15) => session.exit_signal("TERM", false, "as told")?,
            _ => session.exit(status.code().unwrap_or(1).cast_unsigned())?,
        }
        Ok(())
    })
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A server that says this to whoever comes, and then leaves, or stays.
pub(crate) fn says(words: &'static [u8], stays: bool) -> TcpStream {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let socket = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    thread::spawn(move || {
        let (mut peer, _) = listener.accept().unwrap();
        peer.write_all(words).unwrap();
        if stays {
            // Until the other end has gone.
            drop(io::copy(&mut peer, &mut io::sink()));
        } else {
            // What was sent must not make the end look like a fault.
            drop(peer.shutdown(std::net::Shutdown::Write));
            drop(io::copy(&mut peer, &mut io::sink()));
        }
    });
    socket
}
