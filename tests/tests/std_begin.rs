//! Calls that are begun and advanced by the program's own loop: nothing waits but the loop, many go on at a time, and what
//! is dropped half-way leaves the connection sound.

use core::pin::{Pin, pin};
use core::task::Poll;
use core::time::Duration;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use sanssh_std::core::algorithm::HostKey;
use sanssh_std::core::config::Rekey;
use sanssh_std::core::{Config, Refused};
use sanssh_std::{Channel, Client, Error, Exit, HostKeyError, Hosts, Interest, Kind, Options, home};
use sanssh_tests::keys::{Keys, Kind as KeyKind};
use sanssh_tests::openssh::Sshd;
use sanssh_tests::peers;
use std::io::Read;
use std::net::TcpStream;
use std::time::Instant;

/// Whoever it is.
struct Anybody;

impl Hosts for Anybody {
    fn order(&mut self, _: &str, _: u16, _: &mut [HostKey]) {}

    fn decide(&mut self, _: &str, _: u16, _: HostKey, _: &[u8]) -> Result<(), HostKeyError> {
        Ok(())
    }
}

struct Nobody;

impl Hosts for Nobody {
    fn order(&mut self, _: &str, _: u16, _: &mut [HostKey]) {}

    fn decide(&mut self, _: &str, _: u16, _: HostKey, _: &[u8]) -> Result<(), HostKeyError> {
        unreachable!("it was decided")
    }
}

/// Waits as the client says. That it is interested in something is the promise.
fn rest(client: &Client) {
    let interest = client.interest();
    assert!(interest.read || interest.write, "nothing to wait for");
    let mut wanted = PollFlags::empty();
    wanted.set(PollFlags::IN, interest.read);
    wanted.set(PollFlags::OUT, interest.write);
    let span = interest.within.unwrap_or(Duration::from_secs(30)).min(Duration::from_secs(30));
    poll(&mut [PollFd::new(client, wanted)], Some(&Timespec::try_from(span).unwrap())).unwrap();
}

/// The program's loop, with one call in it.
fn run<T>(client: &Client, mut begun: Pin<&mut impl Future<Output = Result<T, Error>>>) -> Result<T, Error> {
    loop {
        match client.advance(begun.as_mut()) {
            Poll::Ready(outcome) => return outcome,
            Poll::Pending => rest(client),
        }
    }
}

fn login(server: &Sshd, options: &Options) -> Client {
    let client = Client::over(TcpStream::connect(("127.0.0.1", server.port())).unwrap(), options).unwrap();
    run(&client, pin!(client.begin_handshake("127.0.0.1", server.port(), Anybody))).unwrap();
    let key = home::read_key(&Keys::shared().client(KeyKind::Ed25519), None).unwrap();
    let login = run(&client, pin!(client.begin_login_key(server.user(), &key))).unwrap();
    assert!(login.is_accepted());
    client
}

/// Who gave up the first may begin it again.
#[test]
fn a_handshake_that_is_through_is_through_again() {
    if !peers::require(&["sshd", "ssh-keygen"]) {
        return;
    }
    let server = Sshd::start(&[]);
    let client = login(&server, &Options::default());
    client.set_timeout(Some(Duration::from_secs(20)));
    client.block(client.begin_handshake("127.0.0.1", server.port(), Nobody)).unwrap();
}

/// What the command says, and how it ends, without a wait besides the loop's.
fn talk(client: &Client, channel: &Channel, input: &[u8]) -> (Vec<u8>, Exit) {
    let (mut said, mut sent, mut finished, mut buffer) = (Vec::new(), 0, false, [0; 777]);
    loop {
        if let Some(written) = channel.try_write(Kind::Data, &input[sent..]) {
            sent += written.unwrap();
        }
        if sent == input.len() && !finished {
            finished = true;
            channel.finish();
        }
        match channel.try_read(Some(Kind::Data), &mut buffer) {
            None => rest(client),
            Some(read) => match read.unwrap().1 {
                0 => break,
                n => said.extend_from_slice(&buffer[..n]),
            },
        }
    }
    (said, run(client, pin!(channel.begin_wait())).unwrap())
}

#[test]
fn a_session_from_the_first_byte_to_the_last_without_a_wait() {
    if !peers::require(&["sshd", "ssh-keygen"]) {
        return;
    }
    let server = Sshd::start(&[]);
    let rekey = Rekey { bytes: 64 * 1024, ..Rekey::default() };
    let options = Options { core: Config { rekey, ..Config::default() }, ..Options::default() };
    let client = login(&server, &options);
    let channel = run(&client, pin!(client.begin_session())).unwrap();
    channel.exec("tr a b; exit 3").unwrap();
    run(&client, pin!(channel.begin_confirm())).unwrap();
    let (said, exit) = talk(&client, &channel, &vec![b'a'; 500_000]);
    assert_eq!((said.len(), exit), (500_000, Exit::Status(3)));
    assert!(said.iter().all(|byte| *byte == b'b') && client.rekeys() > 3);
    run(&client, pin!(channel.begin_wait_close())).unwrap();
}

#[test]
fn many_are_begun_at_a_time() {
    if !peers::require(&["sshd", "ssh-keygen"]) {
        return;
    }
    let server = Sshd::start(&["MaxSessions 10"]);
    let client = login(&server, &Options::default());
    let mut begun: Vec<_> = (0..10).map(|_| Some(Box::pin(client.begin_session()))).collect();
    let mut open = Vec::new();
    while open.len() < begun.len() {
        for slot in &mut begun {
            let Some(one) = slot else { continue };
            if let Poll::Ready(channel) = client.advance(one.as_mut()) {
                open.push(channel.unwrap());
                *slot = None;
            }
        }
        if open.len() < begun.len() {
            rest(&client);
        }
    }
    for (at, channel) in open.iter().enumerate() {
        channel.exec(format!("echo {at}")).unwrap();
    }
    for (at, channel) in open.iter().enumerate().rev() {
        assert_eq!(talk(&client, channel, b""), (format!("{at}\n").into_bytes(), Exit::Status(0)));
    }
}

#[test]
fn what_is_dropped_half_way_leaves_the_connection_sound() {
    if !peers::require(&["sshd", "ssh-keygen"]) {
        return;
    }
    // One session at a time: what was dropped must not hold its place.
    let server = Sshd::start(&["MaxSessions 1"]);
    let client = login(&server, &Options::default());
    for _ in 0..20 {
        let mut begun = Box::pin(client.begin_session());
        assert!(client.advance(begun.as_mut()).is_pending());
        drop(begun);
        let listening = client.begin_listen(("localhost", 0));
        let mut listening = Box::pin(listening);
        let _ = client.advance(listening.as_mut());
    }
    // The closes of those before may be on their way.
    let channel = loop {
        match run(&client, pin!(client.begin_session())) {
            Ok(channel) => break channel,
            Err(error) => assert!(matches!(error, Error::OpenRefused { .. }), "{error}"),
        }
    };
    channel.exec("echo sound").unwrap();
    assert_eq!(talk(&client, &channel, b""), (b"sound\n".to_vec(), Exit::Status(0)));
}

/// What one thread reads for the other shows on no descriptor.
#[test]
fn a_loop_looks_again_while_another_thread_waits() {
    if !peers::require(&["sshd", "ssh-keygen"]) {
        return;
    }
    let server = Sshd::start(&[]);
    let client = login(&server, &Options::default());
    let channel = run(&client, pin!(client.begin_session())).unwrap();
    channel.exec("cat").unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| (&channel).read_to_end(&mut Vec::new()).unwrap());
        let soon =
            |interest: Interest| interest.within.is_some_and(|span| !span.is_zero() && span < Duration::from_secs(1));
        let start = Instant::now();
        while !soon(client.interest()) {
            assert!(start.elapsed() < Duration::from_secs(20), "{:?}", client.interest());
            std::thread::yield_now();
        }
        let other = run(&client, pin!(client.begin_session())).unwrap();
        other.exec("echo other").unwrap();
        assert_eq!(talk(&client, &other, b""), (b"other\n".to_vec(), Exit::Status(0)));
        channel.finish();
    });
}

#[test]
fn nobody_is_accepted_where_nobody_listens_any_more() {
    if !peers::require(&["sshd", "ssh-keygen"]) {
        return;
    }
    let server = Sshd::start(&[]);
    let client = login(&server, &Options::default());
    let listener = run(&client, pin!(client.begin_listen(("localhost", 0)))).unwrap();
    let mut accepting = pin!(listener.begin_accept());
    assert!(client.advance(accepting.as_mut()).is_pending());
    drop(listener);
    let accepted = run(&client, accepting).map(drop);
    assert!(matches!(accepted, Err(Error::Refused(Refused::Closed))), "{accepted:?}");
}

/// A channel that is gone has nobody look again.
#[test]
fn a_channel_that_was_let_go_of_waits_for_nothing() {
    if !peers::require(&["sshd", "ssh-keygen"]) {
        return;
    }
    let server = Sshd::start(&[]);
    let client = login(&server, &Options::default());
    let quiet = run(&client, pin!(client.begin_session())).unwrap();
    assert!(quiet.try_read(Some(Kind::Stderr), &mut [0]).is_none());
    drop(quiet);
    assert_ne!(client.interest().within, Some(Duration::ZERO));
}
