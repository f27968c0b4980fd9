//! Servers that answer late, or otherwise than they said before, against the blocking client: what it gives is right, or an
//! error.

use core::time::Duration;
use sanssh_std::{Copy, Error, OpenOptions, Sftp};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Sender, channel};
use std::{fs, thread};

/// How long the client waits for an answer that will not come before it has given up.
const SHORT: Option<Duration> = Some(Duration::from_millis(50));
const LONG: Option<Duration> = Some(Duration::from_secs(60));

const OPEN: u8 = 3;
const CLOSE: u8 = 4;
const READ: u8 = 5;
const WRITE: u8 = 6;
const OPENDIR: u8 = 11;
const STAT: u8 = 17;
const EXTENDED: u8 = 200;

/// A type and its fields, behind the identifier.
type Answer = (u8, Vec<u8>);

fn frame(packet: &[u8]) -> Vec<u8> {
    [&u32::try_from(packet.len()).unwrap().to_be_bytes()[..], packet].concat()
}

fn text(bytes: &[u8]) -> Vec<u8> {
    frame(bytes)
}

fn status(code: u32) -> Answer {
    (101, [&code.to_be_bytes()[..], &[0; 8]].concat())
}

/// A client of a server with these extensions, which gives to each request, by its type and its fields, what `answer` says.
fn served(extensions: &[u8], mut answer: impl FnMut(u8, &[u8]) -> Answer + Send + 'static) -> Sftp {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let greeting = frame(&[&[2, 0, 0, 0, 3], extensions].concat());
    thread::spawn(move || {
        let mut theirs = theirs;
        let mut length = [0; 4];
        while theirs.read_exact(&mut length).is_ok() {
            let mut packet = vec![0; u32::from_be_bytes(length) as usize];
            theirs.read_exact(&mut packet).unwrap();
            let reply = if packet[0] == 1 {
                greeting.clone()
            } else {
                let (number, fields) = answer(packet[0], &packet[5..]);
                frame(&[&[number][..], &packet[1..5], &fields].concat())
            };
            if theirs.write_all(&reply).is_err() {
                return;
            }
        }
    });
    let sftp = Sftp::over(ours.try_clone().unwrap(), ours).unwrap();
    sftp.set_timeout(LONG);
    sftp
}

/// A server that is silent from the nth request of a type on, until it is told to go on.
fn stalled(number: u8, nth: usize, mut answer: impl FnMut(u8, &[u8]) -> Answer + Send + 'static) -> (Sftp, Sender<()>) {
    let (go_on, waits) = channel();
    let mut seen = 0;
    let sftp = served(b"", move |is, fields| {
        seen += usize::from(is == number);
        if is == number && seen == nth + 1 {
            waits.recv().unwrap();
        }
        answer(is, fields)
    });
    (sftp, go_on)
}

/// A file in which each byte tells in which 64 KiB it is.
fn file(number: u8, fields: &[u8]) -> Answer {
    match number {
        OPEN => (102, text(b"h")),
        READ => {
            let offset = u64::from_be_bytes(fields[5..13].try_into().unwrap());
            let length = u32::from_be_bytes(fields[13..17].try_into().unwrap());
            let bytes: Vec<u8> = (offset..offset + u64::from(length)).map(|at| (at >> 16) as u8).collect();
            (103, text(&bytes))
        }
        _ => status(0),
    }
}

#[test]
fn after_a_read_in_vain_the_next_begins_where_it_did() {
    let (sftp, go_on) = stalled(READ, 2, file);
    let mut opened = sftp.open("x", OpenOptions::READ).unwrap();
    sftp.set_timeout(SHORT);
    let (mut at, mut more) = (0, vec![0; 4 * 65_536]);
    let error = loop {
        match opened.read(&mut more) {
            Ok(n) => at += n,
            Err(error) => break error,
        }
    };
    assert_eq!((error.kind(), at), (ErrorKind::TimedOut, 65_536));
    sftp.set_timeout(LONG);
    go_on.send(()).unwrap();
    opened.read_exact(&mut more).unwrap();
    for (nth, byte) in more.iter().enumerate() {
        assert_eq!(usize::from(*byte), (at + nth) >> 16, "at {}", at + nth);
    }
}

#[test]
fn a_write_that_was_not_answered_in_time_is_never_taken_for_done() {
    let (sftp, go_on) = stalled(WRITE, 0, |number, _| match number {
        OPEN => (102, text(b"h")),
        WRITE => status(4),
        _ => status(0),
    });
    let mut opened = sftp.open("x", OpenOptions::CREATE).unwrap();
    opened.write_all(b"hello").unwrap();
    sftp.set_timeout(SHORT);
    assert_eq!(opened.flush().unwrap_err().kind(), ErrorKind::TimedOut);
    sftp.set_timeout(LONG);
    go_on.send(()).unwrap();
    assert!(opened.flush().is_err() && opened.write(b"more").is_err() && opened.close().is_err());
}

#[test]
fn limits_that_come_too_late_are_not_waited_for_again() {
    let (go_on, waits) = channel::<()>();
    let extension = [text(b"limits@openssh.com"), text(b"1")].concat();
    let sftp = served(&extension, move |number, _| {
        if number == EXTENDED {
            waits.recv().unwrap();
            return (201, vec![0; 32]);
        }
        (105, vec![0; 4])
    });
    sftp.set_timeout(SHORT);
    assert!(matches!(sftp.limits(), Err(Error::TimedOut(_))));
    assert_eq!(sftp.limits().unwrap().read, 32_768);
    sftp.set_timeout(LONG);
    go_on.send(()).unwrap();
    assert!(sftp.metadata("x").is_ok());
}

/// A file is asked for, which the server opens and says to be a directory; and a directory, of which it first says nothing, and
/// then that it is a file.
#[test]
fn a_file_does_not_become_a_tree_nor_a_tree_a_file() {
    let kinds = |mode: u32, silent: usize| {
        let mut asked = 0;
        served(b"", move |number, _| match number {
            STAT if asked < silent => {
                asked += 1;
                (105, vec![0; 4])
            }
            STAT => (105, [4_u32.to_be_bytes(), mode.to_be_bytes()].concat()),
            OPEN | OPENDIR => (102, text(b"h")),
            CLOSE => status(0),
            _ => status(1),
        })
    };
    let here = tempfile::tempdir().unwrap();
    let target = here.path().join("target");
    let error = kinds(0o040_755, 0).get("x", &target, &Copy::default(), &mut |_| ()).unwrap_err();
    assert_eq!(error.to_string(), "x: not a regular file");
    assert!(!target.exists());
    let error = kinds(0o100_644, 1).get_tree("x", &target, &Copy::default(), &mut |_| ()).unwrap_err();
    let Error::Incomplete { first, .. } = &error else { panic!("{error}") };
    assert!(matches!(**first, Error::File { .. }), "{error}");
    assert!(fs::symlink_metadata(&target).is_err());
}
