//! Two hundred sessions that wait for nothing, in one thread and one poll loop: four operations each at a time, in an order
//! that a seed gives, some of them dropped half-way, while the server changes keys again and again and some lines carry
//! every byte by itself.

use crate::rig::{Ours, Peer, openssh};
use core::future::{Future, poll_fn};
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::sockopt::set_socket_send_buffer_size;
use sanssh_compat::session::{LIBSSH2_SESSION_BLOCK_INBOUND, LIBSSH2_SESSION_BLOCK_OUTBOUND, Session};
use sanssh_compat::sftp::{LIBSSH2_FXF_CREAT, LIBSSH2_FXF_READ, LIBSSH2_FXF_WRITE};
use sanssh_compat::{Error, channel::Channel};
use sanssh_core::config::Rekey;
use sanssh_tests::delay::{Line, Proxy};
use sanssh_tests::keys::{Keys, Kind};
use std::io;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::thread;
use std::time::Instant;

const SESSIONS: usize = 200;
/// One in so many has a line that carries every byte by itself, and a socket that takes few at a time.
const GRAINY: usize = 8;
/// Bytes before new keys.
const REKEY: u64 = 16 * 1024;
/// Bytes that an operation moves at most.
const MOST: usize = 40_000;
/// The same where each byte goes by itself.
const MOST_GRAINY: usize = 2_000;
/// Far above what anything here takes on a loaded machine.
const SILENCE: Duration = Duration::from_secs(60);
const WHOLE: Duration = Duration::from_secs(400);

#[test]
fn two_hundred_sessions_in_one_loop_with_our_server() {
    let server = Ours::with(|config| {
        config.core.rekey = Rekey { bytes: REKEY, ..Rekey::default() };
        config.max_unauthenticated = SESSIONS;
    });
    stress(&Peer::Ours(server), 1);
}

#[test]
fn two_hundred_sessions_in_one_loop_with_openssh() {
    let options = [&format!("RekeyLimit {REKEY}"), "MaxStartups 1000", "MaxSessions 100"];
    if let Some(peer) = openssh(&options) {
        stress(&peer, 2);
    }
}

fn stress(peer: &Peer, seed: u64) {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, most, most).unwrap();
    let grainy = Proxy::start(peer.address(), Line { grains: true, ..Line::default() }).unwrap();
    let echo = echo();
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15 ^ seed);
    let mut lives: Vec<Life> = (0..SESSIONS)
        .map(|at| if at % GRAINY == 0 { Life::new(grainy.address(), true) } else { Life::new(peer.address(), false) })
        .collect();
    let directory = tempfile::tempdir().unwrap();
    let directory = matches!(peer, Peer::OpenSsh(_)).then_some(directory.path());
    for (at, life) in lives.iter_mut().enumerate() {
        life.begin(at, directory, peer.user(), echo, &mut dice);
    }
    let started = Instant::now();
    let mut ready: Vec<usize> = (0..lives.len()).collect();
    while !lives.iter().all(Life::is_over) {
        assert!(started.elapsed() < WHOLE, "it takes too long: {}", report(&lives));
        dice.shuffle(&mut ready);
        for at in ready.drain(..) {
            lives[at].turn(&mut dice);
        }
        ready = wait(&lives);
    }
}

/// Which sessions have what they wait for.
fn wait(lives: &[Life]) -> Vec<usize> {
    let live: Vec<_> = lives.iter().enumerate().filter(|(_, life)| !life.is_over()).collect();
    let mut fds: Vec<_> = live.iter().map(|(_, life)| PollFd::new(&life.socket, life.wanted())).collect();
    if fds.is_empty() {
        return Vec::new();
    }
    let moved = poll(&mut fds, Some(&Timespec::try_from(SILENCE).unwrap())).unwrap();
    assert_ne!(moved, 0, "nothing moves any more: {}", report(lives));
    live.iter().zip(&fds).filter(|(_, fd)| !fd.revents().is_empty()).map(|((at, _), _)| *at).collect()
}

fn report(lives: &[Life]) -> String {
    let one = |(at, life): (usize, &Life)| {
        let operations: Vec<_> = life.operations.iter().map(|operation| operation.name).collect();
        format!("{at} {operations:?} {:?}", life.wanted())
    };
    lives.iter().enumerate().filter(|(_, life)| !life.is_over()).map(one).collect::<Vec<_>>().join("; ")
}

/// A session with what goes on in it.
struct Life {
    session: Session,
    socket: TcpStream,
    grainy: bool,
    /// The login alone at first.
    operations: Vec<Operation>,
    /// What comes after it.
    later: Vec<Operation>,
}

struct Operation {
    name: &'static str,
    future: Pin<Box<dyn Future<Output = ()>>>,
    /// How often it is polled before it is dropped, if that is its fate.
    patience: Option<usize>,
}

impl Life {
    fn new(address: core::net::SocketAddr, grainy: bool) -> Self {
        let (session, socket) = (Session::new(), TcpStream::connect(address).unwrap());
        session.set_blocking(false);
        if grainy {
            // As little as the system has.
            set_socket_send_buffer_size(&socket, 1).unwrap();
        }
        Self { session, socket, grainy, operations: Vec::new(), later: Vec::new() }
    }

    fn begin(&mut self, at: usize, directory: Option<&Path>, user: &str, echo: u16, dice: &mut Dice) {
        let most = if self.grainy { MOST_GRAINY } else { MOST };
        let socket = self.socket.try_clone().unwrap();
        let of = |name, future| Operation { name, future, patience: None };
        self.operations = vec![of("login", Box::pin(login(self.session.clone(), socket, user.to_owned())))];
        let session = || self.session.clone();
        self.later = vec![
            of("exec", Box::pin(exec(session(), dice.below(most)))),
            of("echo", Box::pin(tunnel(session(), echo, dice.bytes(most)))),
            of("cat", Box::pin(cat(session(), dice.bytes(most)))),
            of("exec", Box::pin(exec(session(), dice.below(most)))),
        ];
        if let Some(directory) = directory {
            let file = directory.join(format!("{at}")).display().to_string();
            self.later[3] = of("sftp", Box::pin(files(session(), file, dice.bytes(most))));
        }
        for _ in 0..dice.below(3) {
            let future: Pin<Box<dyn Future<Output = ()>>> = match dice.below(3) {
                0 => Box::pin(exec(session(), most)),
                1 => Box::pin(tunnel(session(), echo, dice.bytes(most))),
                _ => Box::pin(cat(session(), dice.bytes(most))),
            };
            self.later.push(Operation { name: "dropped", future, patience: Some(dice.below(12)) });
        }
    }

    fn is_over(&self) -> bool {
        self.operations.is_empty() && self.later.is_empty()
    }

    /// Has everything go on as far as it can.
    fn turn(&mut self, dice: &mut Dice) {
        let mut context = Context::from_waker(Waker::noop());
        loop {
            dice.shuffle(&mut self.operations);
            self.operations.retain_mut(|one| {
                let patient = one.patience.as_mut().is_none_or(|left| {
                    *left = left.saturating_sub(1);
                    *left > 0
                });
                patient && one.future.as_mut().poll(&mut context).is_pending()
            });
            if !self.operations.is_empty() || self.later.is_empty() {
                return;
            }
            self.operations = core::mem::take(&mut self.later);
        }
    }

    fn wanted(&self) -> PollFlags {
        let directions = self.session.block_directions();
        let mut wanted = PollFlags::empty();
        wanted.set(PollFlags::IN, directions & LIBSSH2_SESSION_BLOCK_INBOUND != 0);
        wanted.set(PollFlags::OUT, directions & LIBSSH2_SESSION_BLOCK_OUTBOUND != 0);
        wanted
    }
}

/// A call until it does not say `Again`; each time it does, there is a direction to wait for.
async fn again<T>(session: &Session, mut what: impl FnMut() -> Result<T, Error>) -> T {
    poll_fn(|_| match what() {
        Err(Error::Again) => {
            assert_ne!(session.block_directions(), 0, "nothing to wait for");
            Poll::Pending
        }
        outcome => Poll::Ready(outcome.unwrap()),
    })
    .await
}

async fn login(session: Session, socket: TcpStream, user: String) {
    again(&session, || session.handshake(&socket)).await;
    let key = Keys::shared().client(Kind::Ed25519);
    again(&session, || session.userauth_publickey_fromfile(&user, &key, "", None)).await;
}

async fn start(session: &Session, command: &str) -> Channel {
    let channel = again(session, || session.open_session()).await;
    again(session, || channel.execute(command)).await;
    channel
}

async fn exec(session: Session, size: usize) {
    let channel = start(&session, &format!("head -c {size} /dev/zero; echo err >&2; exit {}", size % 200)).await;
    assert!(drain(&session, |space| channel.read(space)).await == vec![0; size]);
    assert_eq!(drain(&session, |space| channel.read_stderr(space)).await, b"err\n");
    again(&session, || channel.close()).await;
    assert_eq!(channel.get_exit_status().cast_unsigned() as usize, size % 200);
}

async fn drain(session: &Session, mut read: impl FnMut(&mut [u8]) -> Result<usize, Error>) -> Vec<u8> {
    let (mut all, mut space) = (Vec::new(), [0; 3000]);
    loop {
        match again(session, || read(&mut space)).await {
            0 => return all,
            n => all.extend_from_slice(&space[..n]),
        }
    }
}

async fn feed(session: &Session, channel: &Channel, data: &[u8]) {
    let mut done = 0;
    while done < data.len() {
        done += again(session, || channel.write(&data[done..])).await;
    }
}

async fn tunnel(session: Session, port: u16, data: Vec<u8>) {
    let channel = again(&session, || session.direct_tcpip("127.0.0.1", port)).await;
    for piece in data.chunks(7000) {
        feed(&session, &channel, piece).await;
        let mut back = Vec::new();
        let mut space = [0; 4000];
        while back.len() < piece.len() {
            let n = again(&session, || channel.read(&mut space)).await;
            assert_ne!(n, 0, "the tunnel ends early");
            back.extend_from_slice(&space[..n]);
        }
        assert!(back == piece);
    }
    channel.send_eof().unwrap();
    again(&session, || channel.wait_eof()).await;
    again(&session, || channel.close()).await;
}

async fn cat(session: Session, data: Vec<u8>) {
    let channel = start(&session, "cat").await;
    feed(&session, &channel, &data).await;
    channel.send_eof().unwrap();
    assert!(drain(&session, |space| channel.read(space)).await == data);
    again(&session, || channel.close()).await;
}

/// A file that is written, read, and removed.
async fn files(session: Session, file: String, data: Vec<u8>) {
    let sftp = again(&session, || session.sftp_init()).await;
    let flags = LIBSSH2_FXF_READ | LIBSSH2_FXF_WRITE | LIBSSH2_FXF_CREAT;
    let handle = again(&session, || sftp.open(&file, flags, 0o600)).await;
    for piece in data.chunks(9000) {
        assert_eq!(again(&session, || handle.write(piece)).await, piece.len());
    }
    handle.rewind();
    assert!(drain(&session, |space| handle.read(space)).await == data);
    again(&session, || handle.close()).await;
    assert_eq!(again(&session, || sftp.stat(&file)).await.filesize, data.len() as u64);
    again(&session, || sftp.unlink(&file)).await;
}

/// A server that sends back what it gets.
fn echo() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            thread::spawn(move || {
                let stream = stream.unwrap();
                // A client that went away is no fault of the test's.
                let _ = io::copy(&mut &stream, &mut &stream);
            });
        }
    });
    port
}

/// Numbers without pattern, the same each time.
struct Dice(u64);

impl Dice {
    const fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    const fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    fn bytes(&mut self, most: usize) -> Vec<u8> {
        (0..self.below(most)).map(|_| self.next().to_le_bytes()[0]).collect()
    }

    fn shuffle<T>(&mut self, all: &mut [T]) {
        for at in (1..all.len()).rev() {
            all.swap(at, self.below(at + 1));
        }
    }
}
