//! The SFTP client and a server that is late, or leaves things half done: whoever gave up waiting and comes back is told the
//! truth, and nothing stays open on the server.

use core::panic::AssertUnwindSafe;
use core::pin::{Pin, pin};
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use sanssh_std::core::Refused;
use sanssh_std::core::sftp::Code;
use sanssh_std::{Copy, Error, OpenOptions, Progress, Sftp};
use std::collections::VecDeque;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::net::UnixStream;
use std::panic::catch_unwind;
use std::{fs, thread};

const OPEN: u8 = 3;
const CLOSE: u8 = 4;
const READ: u8 = 5;
const WRITE: u8 = 6;
const STAT: u8 = 17;
const EXTENDED: u8 = 200;
const STATUS: u8 = 101;
const HANDLE: u8 = 102;
const DATA: u8 = 103;
const ATTRS: u8 = 105;
const LIMITS: &[u8] = b"limits@openssh.com";

/// How long the client waits where it waits in vain.
const SHORT: Option<Duration> = Some(Duration::from_millis(50));
/// How long it waits where it waits for what comes.
const LONG: Option<Duration> = Some(Duration::from_secs(20));

/// A server whose answers the test writes.
struct Server {
    line: UnixStream,
    asked: VecDeque<Asked>,
}

/// A request: its number, its id, and its fields.
#[derive(Debug, Clone)]
struct Asked(u8, [u8; 4], Vec<u8>);

impl Server {
    /// Greets; with `limits` it has that extension, and says nothing when it is asked for them.
    fn start(limits: bool) -> (Self, Sftp) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        theirs.set_read_timeout(LONG).unwrap();
        let greeting = thread::spawn(move || {
            let mut server = Self { line: theirs, asked: VecDeque::new() };
            assert_eq!(server.packet()[0], 1);
            let mut version = vec![2, 0, 0, 0, 3];
            if limits {
                version.extend(string(LIMITS));
                version.extend(string(b"1"));
            }
            server.send(&version);
            server
        });
        let sftp = Sftp::over(ours.try_clone().unwrap(), ours).unwrap();
        (greeting.join().unwrap(), sftp)
    }

    fn packet(&mut self) -> Vec<u8> {
        let mut length = [0; 4];
        self.line.read_exact(&mut length).unwrap();
        let mut packet = vec![0; u32::from_be_bytes(length) as usize];
        self.line.read_exact(&mut packet).unwrap();
        packet
    }

    /// The next request of a kind; others are kept.
    fn next(&mut self, number: u8) -> Asked {
        loop {
            if let Some(at) = self.asked.iter().position(|asked| asked.0 == number) {
                return self.asked.remove(at).unwrap();
            }
            let asked = self.any();
            self.asked.push_back(asked);
        }
    }

    /// The request that comes next.
    fn any(&mut self) -> Asked {
        let packet = self.packet();
        Asked(packet[0], packet[1..5].try_into().unwrap(), packet[5..].to_vec())
    }

    fn send(&self, packet: &[u8]) {
        let length = u32::try_from(packet.len()).unwrap().to_be_bytes();
        (&self.line).write_all(&[&length[..], packet].concat()).unwrap();
    }

    fn answer(&self, to: &Asked, number: u8, fields: &[u8]) {
        self.send(&[&[number], &to.1[..], fields].concat());
    }

    fn status(&self, to: &Asked, code: Code) {
        self.answer(to, STATUS, &[&code.0.to_be_bytes()[..], &string(b""), &string(b"")].concat());
    }

    /// Opens a file for a client, on whose thread `open` is called.
    fn open(&mut self, sftp: &Sftp, options: OpenOptions) -> sanssh_std::File {
        thread::scope(|scope| {
            let opening = scope.spawn(|| sftp.open("f", options).unwrap());
            let open = self.next(OPEN);
            self.answer(&open, HANDLE, &string(b"h"));
            opening.join().unwrap()
        })
    }
}

fn string(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
}

/// What is said of a file.
fn regular(size: u64) -> Vec<u8> {
    [&5_u32.to_be_bytes()[..], &size.to_be_bytes(), &0o100_644_u32.to_be_bytes()].concat()
}

/// What a READ asks for: offset and length.
fn extent(read: &Asked) -> (u64, usize) {
    let fields = &read.2[4 + 1..];
    (
        u64::from_be_bytes(fields[..8].try_into().unwrap()),
        u32::from_be_bytes(fields[8..12].try_into().unwrap()) as usize,
    )
}

#[test]
fn a_read_after_one_that_was_given_up_leaves_nothing_out() {
    let (mut server, sftp) = Server::start(false);
    let mut file = server.open(&sftp, OpenOptions::READ);
    let mut buffer = [0; 16];
    // A first read has two run ahead from the second one on.
    thread::scope(|scope| {
        let reading = scope.spawn(|| (&file).read(&mut buffer).unwrap());
        let first = server.next(READ);
        let (offset, length) = extent(&first);
        assert_eq!(offset, 0);
        server.answer(&first, DATA, &string(&vec![b'a'; length]));
        assert_eq!(reading.join().unwrap(), 16);
    });
    let (mut rest, mut at) = ([0; 4096], 16);
    sftp.set_timeout(SHORT);
    let error = loop {
        match file.read(&mut rest) {
            Ok(n) => at += n,
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
    assert_eq!(file.stream_position().unwrap(), at as u64);
    sftp.set_timeout(LONG);
    thread::scope(|scope| {
        let reading = scope.spawn(|| (&file).read(&mut buffer).unwrap());
        // What was asked for is not asked for again. What the answers say is where they are from.
        for _ in 0..2 {
            let read = server.next(READ);
            let (offset, length) = extent(&read);
            let mark = u8::try_from(offset / length as u64).unwrap();
            server.answer(&read, DATA, &string(&vec![mark; length]));
        }
        assert_eq!(reading.join().unwrap(), 16);
    });
    assert_eq!(buffer, [1; 16]);
    let _ = file.seek(SeekFrom::Start(0)).unwrap();
    drop(server);
}

#[test]
fn a_write_that_was_not_waited_for_is_not_forgotten() {
    let (mut server, sftp) = Server::start(false);
    let mut file = server.open(&sftp, OpenOptions::CREATE);
    file.write_all(b"text").unwrap();
    sftp.set_timeout(SHORT);
    assert_eq!(file.flush().unwrap_err().kind(), std::io::ErrorKind::TimedOut);
    assert_eq!(file.flush().unwrap_err().kind(), std::io::ErrorKind::TimedOut);
    let write = server.next(WRITE);
    server.status(&write, Code::FAILURE);
    sftp.set_timeout(LONG);
    let error = file.close().unwrap_err();
    assert!(matches!(error, Error::TimedOut(_)), "{error}");
    server.next(CLOSE);
}

#[test]
fn limits_that_are_late_hold_nobody_up_for_ever() {
    let (mut server, sftp) = Server::start(true);
    sftp.set_timeout(SHORT);
    assert!(matches!(sftp.limits().unwrap_err(), Error::TimedOut(_)));
    sftp.set_timeout(LONG);
    thread::scope(|scope| {
        // Another call takes no answer that is not its own.
        let looking = scope.spawn(|| sftp.metadata("x").unwrap());
        let stat = server.next(STAT);
        server.answer(&stat, ATTRS, &regular(7));
        assert_eq!(looking.join().unwrap().size, Some(7));
    });
    let asked = server.next(EXTENDED);
    let limits = [256 * 1024, 1000, 2000, 5_u64].map(u64::to_be_bytes).concat();
    server.answer(&asked, 201, &limits);
    // It does without, or has heard by now.
    assert!(sftp.limits().is_ok());
}

fn quiet(_: Progress<'_>) {}

/// The offset and the bytes of a WRITE.
fn contents(write: &Asked) -> (usize, &[u8]) {
    let fields = &write.2[4 + 1..];
    (u64::from_be_bytes(fields[..8].try_into().unwrap()) as usize, &fields[12..])
}

/// Bytes none of which is zero.
fn solid(length: usize) -> Vec<u8> {
    (0..length).map(|at| u8::try_from(at % 251).unwrap() + 1).collect()
}

#[test]
fn a_copy_that_is_given_up_leaves_nothing_open() {
    let here = tempfile::tempdir().unwrap();
    let (mut server, sftp) = Server::start(false);
    for answers in [0, 1] {
        sftp.set_timeout(LONG);
        server.asked.clear();
        thread::scope(|scope| {
            let getting =
                scope.spawn(|| sftp.get("f", here.path().join("f"), &Copy::default(), &mut quiet).unwrap_err());
            let stat = server.next(STAT);
            sftp.set_timeout(SHORT);
            server.answer(&stat, ATTRS, &regular(7));
            let open = server.next(OPEN);
            if answers == 1 {
                server.answer(&open, HANDLE, &string(b"h"));
                server.next(READ);
            }
            assert!(matches!(getting.join().unwrap(), Error::Cut { .. }));
            if answers == 0 {
                server.answer(&open, HANDLE, &string(b"h"));
                // The late answer is taken in by whoever waits next.
                assert!(sftp.metadata("x").is_err());
            }
        });
        let close = server.next(CLOSE);
        assert_eq!(close.2, string(b"h"));
        server.status(&close, Code::OK);
    }
}

#[test]
fn a_panic_of_whoever_is_told_leaves_nothing_open() {
    let here = tempfile::tempdir().unwrap();
    let (mut server, sftp) = Server::start(false);
    sftp.set_timeout(LONG);
    thread::scope(|scope| {
        let mut telling = |_: Progress<'_>| panic!("told");
        let target = here.path().join("f");
        // Few at a time: nobody reads any more, once it has panicked.
        let (sftp, copy) = (&sftp, Copy { requests: Some(2), ..Copy::default() });
        let get = move || sftp.get("f", target, &copy, &mut telling);
        let getting = scope.spawn(move || catch_unwind(AssertUnwindSafe(get)).is_err());
        let stat = server.next(STAT);
        let length = 3 << 20;
        server.answer(&stat, ATTRS, &regular(length));
        let open = server.next(OPEN);
        server.answer(&open, HANDLE, &string(b"h"));
        loop {
            let asked = server.any();
            if asked.0 == CLOSE {
                break;
            }
            server.answer(&asked, DATA, &string(&vec![1; extent(&asked).1]));
        }
        assert!(getting.join().unwrap());
    });
}

#[test]
fn a_write_that_was_half_sent_when_its_copy_was_given_up_is_sent_as_it_is() {
    let here = tempfile::tempdir().unwrap();
    let source = here.path().join("f");
    let bytes = solid(4 << 20);
    fs::write(&source, &bytes).unwrap();
    let (mut server, sftp) = Server::start(false);
    sftp.set_timeout(SHORT);
    thread::scope(|scope| {
        let putting = scope.spawn(|| sftp.put(&source, "f", &Copy::default(), &mut quiet).unwrap_err());
        let open = server.next(OPEN);
        server.answer(&open, HANDLE, &string(b"h"));
        assert!(matches!(putting.join().unwrap(), Error::Cut { .. }));
        // Whoever waits next has what is left sent.
        let looking = scope.spawn(|| sftp.metadata("x").is_err());
        loop {
            let asked = server.any();
            match asked.0 {
                WRITE => {
                    let (at, sent) = contents(&asked);
                    assert!(sent == &bytes[at..at + sent.len()], "{at}");
                }
                CLOSE => break,
                _ => {}
            }
        }
        let _ = looking.join().unwrap();
    });
}

/// Polls a call once.
fn look<T>(call: Pin<&mut impl Future<Output = T>>) -> Poll<T> {
    call.poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn a_handle_that_comes_to_nobody_is_closed() {
    let (mut server, sftp) = Server::start(false);
    // Dropped before the handle has come, and after.
    for comes_first in [false, true] {
        let mut opening = Box::pin(sftp.begin_open(b"f", OpenOptions::READ));
        assert!(look(opening.as_mut()).is_pending());
        let open = server.next(OPEN);
        if comes_first {
            server.answer(&open, HANDLE, &string(b"h"));
            let mut looking = pin!(sftp.begin_metadata(b"x"));
            assert!(look(looking.as_mut()).is_pending());
            drop(opening);
        } else {
            drop(opening);
            server.answer(&open, HANDLE, &string(b"h"));
        }
        // Whoever looks next has it closed.
        let mut looking = pin!(sftp.begin_metadata(b"x"));
        assert!(look(looking.as_mut()).is_pending());
        let close = server.next(CLOSE);
        assert_eq!(close.2, string(b"h"));
        server.status(&close, Code::OK);
    }
}

#[test]
fn what_is_asked_while_a_write_is_half_sent_leaves_behind_it() {
    let (mut server, sftp) = Server::start(false);
    let mut file = server.open(&sftp, OpenOptions::CREATE);
    // More than the line holds: a body is half sent, and nothing can be asked in its midst.
    let block = solid(1 << 20);
    let mut sent = 0;
    while let Some(n) = file.try_write(&block) {
        sent += n.unwrap();
    }
    let mut looking = Box::pin(sftp.begin_metadata(b"x"));
    assert!(look(looking.as_mut()).is_pending());
    thread::scope(|scope| {
        let writing = scope.spawn(|| {
            file.write_all(&block).unwrap();
            file.flush().unwrap();
        });
        let mut seen = 0;
        while seen < sent + block.len() {
            let asked = server.any();
            if asked.0 == STAT {
                assert!(seen <= sent, "it came last");
                server.answer(&asked, ATTRS, &regular(7));
                continue;
            }
            let (at, bytes) = contents(&asked);
            assert_eq!(at, seen);
            seen += bytes.len();
            server.status(&asked, Code::OK);
        }
        writing.join().unwrap();
    });
    let Poll::Ready(Ok(attributes)) = look(looking.as_mut()) else { panic!("no answer") };
    assert_eq!(attributes.size, Some(7));
}

/// Their questions come in the midst of a copy's body.
#[test]
fn a_copy_does_not_wait_for_who_does_not_come_back() {
    let (mut server, sftp) = Server::start(false);
    sftp.set_timeout(LONG);
    let directory = tempfile::tempdir().unwrap();
    let (here, size) = (directory.path().join("here"), 4 << 20);
    fs::write(&here, solid(size)).unwrap();
    thread::scope(|scope| {
        let putting = scope.spawn(|| sftp.put(&here, "there", &Copy::default(), &mut |_| ()));
        let open = server.next(OPEN);
        server.answer(&open, HANDLE, &string(b"h"));
        // The line is as good as full; then a body is half sent.
        while rustix::io::ioctl_fionread(&server.line).unwrap() < 100_000 {
            thread::yield_now();
        }
        let mut looking: Vec<_> = (0..50).map(|_| Box::pin(sftp.begin_metadata(b"x"))).collect();
        for one in &mut looking {
            assert!(look(one.as_mut()).is_pending());
            thread::yield_now();
        }
        let mut seen = 0;
        while seen < size {
            let write = server.next(WRITE);
            seen += contents(&write).1.len();
            server.status(&write, Code::OK);
        }
        let close = server.next(CLOSE);
        server.status(&close, Code::OK);
        putting.join().unwrap().unwrap();
        drop(looking);
    });
}

/// The server may have given its handle to another file by then.
#[test]
fn nothing_is_asked_of_a_file_that_was_closed() {
    let (mut server, sftp) = Server::start(false);
    let file = server.open(&sftp, OpenOptions::CREATE);
    let (reading, writing) = (file.begin_read_at(4, 0), file.begin_write_at(vec![1; 4], 0));
    let (asking, measuring) = (file.begin_metadata(), file.begin_stat_vfs());
    thread::scope(|scope| {
        let closing = scope.spawn(|| file.close());
        let close = server.next(CLOSE);
        server.status(&close, Code::OK);
        closing.join().unwrap().unwrap();
    });
    let closed = |polled| matches!(polled, Poll::Ready(Some(Error::Refused(Refused::Closed))));
    assert!(closed(look(pin!(reading)).map(Result::err)));
    assert!(closed(look(pin!(writing)).map(Result::err)));
    assert!(closed(look(pin!(asking)).map(Result::err)));
    assert!(closed(look(pin!(measuring)).map(Result::err)));
}
