//! A call that waits sleeps: it uses no processor, and while nothing comes it makes one system call.

use crate::rig::{Mode, Ours, Peer, drain, openssh};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use sanssh_compat::session::Session;
use sanssh_tests::keys::{Keys, Kind};
use sanssh_tests::peers;
use sanssh_tests::process::run;
use std::net::TcpStream;
use std::process::Command;
use std::sync::Barrier;
use std::{env, fs, thread};

/// Says `ready`, and then nothing for two seconds.
const SILENT: &str = "echo ready; sleep 2; echo done";
/// Tells the copy of this program that is traced where the server is, and who its user.
const TRACED: &str = "SANSSH_TRACED";
/// What that copy writes before and after its wait.
const MARKS: [&str; 2] = ["the wait begins", "the wait is over"];

/// What a thread has used of the processor, in microseconds, and how often it went to sleep.
fn used() -> (i64, i64) {
    let usage = getrusage(UsageWho::RUSAGE_THREAD).unwrap();
    ((usage.user_time() + usage.system_time()).num_microseconds(), usage.voluntary_context_switches())
}

/// Waits for what comes after the silence; what that took.
fn wait_for_the_end(session: &Session, before: impl FnOnce(), after: impl FnOnce()) -> (i64, i64) {
    let channel = session.open_session().unwrap();
    channel.execute(SILENT).unwrap();
    let mut space = [0; 100];
    assert_eq!(channel.read(&mut space), Ok(6));
    let start = used();
    before();
    assert_eq!(channel.read(&mut space), Ok(5));
    after();
    let end = used();
    assert!(drain(session, |space| channel.read(space)).is_empty());
    (end.0 - start.0, end.1 - start.1)
}

#[test]
fn a_read_that_waits_for_two_seconds_uses_nothing() {
    for peer in openssh(&[]).into_iter().chain([Peer::Ours(Ours::start())]) {
        let session = peer.session(Mode::Blocking);
        let (micros, sleeps) = wait_for_the_end(&session, || (), || ());
        assert!(micros < 20_000 && sleeps < 10, "{micros} microseconds, {sleeps} times");
    }
}

/// Two wait on channels of their own while a third works for a moment, and is then silent as well.
#[test]
fn threads_that_wait_use_nothing_while_another_works() {
    const WORK: usize = 10;
    let peer = Peer::Ours(Ours::start());
    let session = peer.session(Mode::Blocking);
    let together = Barrier::new(3);
    let meet = || {
        together.wait();
    };
    thread::scope(|scope| {
        let waiting = [(); 2].map(|()| scope.spawn(|| wait_for_the_end(&session, meet, || ())));
        meet();
        for _ in 0..WORK {
            let channel = session.open_session().unwrap();
            channel.execute("echo work").unwrap();
            assert_eq!(drain(&session, |space| channel.read(space)), b"work\n");
            channel.close().unwrap();
        }
        for one in waiting {
            let (micros, sleeps) = one.join().unwrap();
            // What comes for the third is brought by one who waits.
            assert!(micros < 200_000 && sleeps < 500, "{micros} microseconds, {sleeps} times");
        }
    });
}

/// As strace sees it, from one mark to the other.
#[test]
fn a_wait_is_one_poll() {
    if let Ok(server) = env::var(TRACED) {
        return be_traced(&server);
    }
    let Some(peer) = openssh(&[]).filter(|_| peers::require(&["strace"])) else { return };
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("log");
    let mut strace = Command::new("strace");
    strace.args(["-f", "-o"]).arg(&log).arg(env::current_exe().unwrap());
    strace.args(["--exact", "waits::a_wait_is_one_poll", "--nocapture"]);
    run(strace.env(TRACED, format!("{} {}", peer.address(), peer.user())));
    let log = fs::read_to_string(log).unwrap();
    let between: Vec<&str> =
        log.lines().skip_while(|line| !line.contains(MARKS[0])).take_while(|line| !line.contains(MARKS[1])).collect();
    let of = |name: &str| between.iter().filter(|line| line.contains(name)).count();
    assert_eq!(of("poll("), 1, "{}", between.join("\n"));
    // The mark, a look at the socket, the wait, and what has come; the main thread waits for the test's.
    assert!(between.len() <= 8, "{}", between.join("\n"));
}

fn be_traced(server: &str) {
    let (address, user) = server.split_once(' ').unwrap();
    let session = Session::new();
    session.handshake(TcpStream::connect(address).unwrap()).unwrap();
    session.userauth_publickey_fromfile(user, Keys::shared().client(Kind::Ed25519), "", None).unwrap();
    wait_for_the_end(&session, || eprintln!("{}", MARKS[0]), || eprintln!("{}", MARKS[1]));
}
