//! SFTP without a wait: calls that are begun and advanced, files that are tried, in a loop of the program's own, while
//! keys change all the time.

use super::{PEERS, noise, path};
use core::pin::pin;
use core::task::Poll;
use core::time::Duration;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use sanssh_std::core::Config;
use sanssh_std::core::config::Rekey;
use sanssh_std::core::sftp::Code;
use sanssh_std::{Client, Error, File, KnownHosts, OpenOptions, Options, ReadDir, Sftp, home};
use sanssh_tests::keys::{Keys, Kind};
use sanssh_tests::openssh::Sshd;
use sanssh_tests::peers;
use std::fs;
use std::thread;

/// A connection whose keys last for 64 KiB.
fn connect(server: &Sshd) -> Client {
    let rekey = Rekey { bytes: 64 * 1024, ..Rekey::default() };
    let options = Options { core: Config { rekey, ..Config::default() }, ..Options::default() };
    let mut hosts = KnownHosts::files([server.known_hosts()]);
    let client = Client::connect("127.0.0.1", server.port(), &options, &mut hosts).unwrap();
    let key = home::read_key(&Keys::shared().client(Kind::Ed25519), None).unwrap();
    client.login_key(server.user(), &key).unwrap().accepted().unwrap();
    client
}

fn rest(client: &Client) {
    let interest = client.interest();
    assert!(interest.read || interest.write, "nothing to wait for");
    let mut wanted = PollFlags::empty();
    wanted.set(PollFlags::IN, interest.read);
    wanted.set(PollFlags::OUT, interest.write);
    let span = interest.within.unwrap_or(Duration::from_secs(30));
    let ready = poll(&mut [PollFd::new(client, wanted)], Some(&Timespec::try_from(span).unwrap()));
    assert!(ready != Ok(0) || interest.within.is_some(), "nothing comes");
}

fn run<T>(client: &Client, begun: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let mut begun = pin!(begun);
    loop {
        match client.advance(begun.as_mut()) {
            Poll::Ready(outcome) => return outcome,
            Poll::Pending => rest(client),
        }
    }
}

/// One copy, a piece at a time.
struct Job {
    source: File,
    target: File,
    piece: Vec<u8>,
    ended: bool,
}

impl Job {
    /// Whether it is over; it goes on as far as it can.
    fn step(&mut self) -> bool {
        loop {
            while !self.piece.is_empty() {
                let Some(written) = self.target.try_write(&self.piece) else { return false };
                self.piece.drain(..written.unwrap());
            }
            if self.ended {
                return self.target.try_flush().map(Result::unwrap).is_some();
            }
            let mut space = vec![0; 100_000];
            let Some(read) = self.source.try_read(&mut space) else { return false };
            let n = read.unwrap();
            self.piece.extend_from_slice(&space[..n]);
            self.ended = n == 0;
        }
    }
}

fn names(client: &Client, mut entries: ReadDir) -> usize {
    let mut count = 0;
    loop {
        match entries.try_next() {
            Poll::Pending => rest(client),
            Poll::Ready(Some(entry)) => count += usize::from(entry.unwrap().name.starts_with(b"to")),
            Poll::Ready(None) => return count,
        }
    }
}

fn job(client: &Client, sftp: &Sftp, from: &[u8], to: &[u8]) -> Job {
    let source = run(client, sftp.begin_open(from, OpenOptions::READ)).unwrap();
    let target = run(client, sftp.begin_open(to, OpenOptions::CREATE)).unwrap();
    Job { source, target, piece: Vec::new(), ended: false }
}

#[test]
fn several_files_go_on_in_one_loop() {
    if !peers::require(&PEERS) {
        return;
    }
    let server = Sshd::start(&[]);
    let client = connect(&server);
    let sftp = run(&client, client.begin_sftp()).unwrap();
    let here = tempfile::tempdir().unwrap();
    let (file, from) = path(&here, "from");
    let contents = noise(3_000_001);
    fs::write(&file, &contents).unwrap();
    let targets: Vec<_> = (0..4).map(|at| path(&here, &format!("to{at}"))).collect();
    let mut jobs: Vec<_> = targets.iter().map(|(_, to)| Some(job(&client, &sftp, &from, to))).collect();
    while jobs.iter().any(Option::is_some) {
        // Questions get through between the contents.
        assert_eq!(run(&client, sftp.begin_metadata(&from)).unwrap().size, Some(contents.len() as u64));
        for slot in &mut jobs {
            if slot.as_mut().is_some_and(Job::step) {
                let Job { target, .. } = slot.take().unwrap();
                run(&client, target.begin_close()).unwrap();
            }
        }
        if jobs.iter().any(Option::is_some) {
            rest(&client);
        }
    }
    assert!(targets.iter().all(|(to, _)| fs::read(to).unwrap() == contents));
    let (_, directory) = path(&here, ".");
    let entries = run(&client, sftp.begin_read_dir(&directory)).unwrap();
    assert_eq!(names(&client, entries), 4);
    let missing = run(&client, sftp.begin_open(b"/none", OpenOptions::READ)).unwrap_err();
    assert!(matches!(missing, Error::Sftp { code: Code::NO_SUCH_FILE, .. }), "{missing}");
    assert!(client.rekeys() > 100);
}

#[test]
fn what_is_left_behind_leaves_in_time_and_what_was_dropped_is_closed() {
    if !peers::require(&PEERS) {
        return;
    }
    let server = Sshd::start(&[]);
    let client = connect(&server);
    let sftp = client.sftp().unwrap();
    let here = tempfile::tempdir().unwrap();
    let (file, name) = path(&here, "f");
    fs::write(&file, noise(300_000)).unwrap();
    // More than servers have handles for.
    for _ in 0..2000 {
        let mut begun = Box::pin(sftp.begin_open(&name, OpenOptions::READ));
        assert!(client.advance(begun.as_mut()).is_pending());
        drop(begun);
        drop(sftp.begin_metadata(&name));
    }
    let source = sftp.open(&name, OpenOptions::READ).unwrap();
    let _ = source.try_read(&mut [0; 10]);
    source.leave();
    let (left, name) = path(&here, "left");
    let target = sftp.open(&name, OpenOptions::CREATE).unwrap();
    assert_eq!(target.try_write(b"hello").unwrap().unwrap(), 5);
    target.leave();
    // In the middle of a key exchange a question may leave before what was left behind.
    let size = || run(&client, sftp.begin_metadata(&name)).unwrap().size;
    assert!((0..1000).any(|_| size() == Some(5)));
    assert_eq!(fs::read(left).unwrap(), b"hello");
}

#[test]
fn threads_that_wait_and_one_that_does_not_share_a_dialogue() {
    if !peers::require(&PEERS) {
        return;
    }
    let server = Sshd::start(&[]);
    let client = connect(&server);
    let sftp = client.sftp().unwrap();
    let here = tempfile::tempdir().unwrap();
    let (file, name) = path(&here, "f");
    fs::write(&file, noise(500_000)).unwrap();
    thread::scope(|scope| {
        for _ in 0..3 {
            // These wait on the dialogue, and the same call's future on the connection.
            scope.spawn(|| (0..200).for_each(|_| assert_eq!(sftp.metadata(&name).unwrap().size, Some(500_000))));
            scope.spawn(|| {
                let size = || client.block(sftp.begin_metadata(&name)).unwrap().size;
                (0..200).for_each(|_| assert_eq!(size(), Some(500_000)));
            });
        }
        scope.spawn(|| {
            let mut read = Vec::new();
            std::io::Read::read_to_end(&mut sftp.open(&name, OpenOptions::READ).unwrap(), &mut read).unwrap();
            assert_eq!(read.len(), 500_000);
        });
    });
}
