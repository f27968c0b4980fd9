//! The server on the small board.

use crate::board::{Board, Image, ready};
use sanssh_tests::keys::Keys;
use sanssh_tests::openssh::ssh_command;
use std::io::{Read, Write};
use std::process::{Command, Output, Stdio};
use std::thread;

/// Runs a client with this input.
fn fed(mut client: Command, input: &[u8]) -> Output {
    let mut child =
        client.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("a client");
    let mut stdin = child.stdin.take().expect("its input");
    thread::scope(|scope| {
        // A client that ends early takes no more.
        scope.spawn(move || stdin.write_all(input));
        child.wait_with_output().expect("its end")
    })
}

#[test]
fn openssh_runs_commands() {
    if !ready() {
        return;
    }
    let board = Board::start(Image::Server);
    assert_eq!(board.says("echo  one two"), " one two\n");
    assert!(board.says("help").lines().count() > 8);
    assert!(board.says("uptime").starts_with("up "));
    board.says("led on");
    assert_eq!(board.says("led"), "on\n");
    let unknown = board.ssh(&[]).arg("reboot").output().expect("a client");
    assert_eq!((unknown.status.code(), &unknown.stdout[..]), (Some(127), &b"no such command; there is help\n"[..]));
    board.is_sound();
}

#[test]
fn bytes_come_and_go() {
    if !ready() {
        return;
    }
    let board = Board::start(Image::Server);
    let mut count = board.ssh(&[]);
    count.arg("count");
    assert_eq!(fed(count, &vec![7; 300_000]).stdout, b"300000\n");
    assert_eq!(board.says("bytes 300000"), ".".repeat(300_000));
    board.is_sound();
}

#[test]
fn somebody_types_at_the_shell() {
    if !ready() {
        return;
    }
    let board = Board::start(Image::Server);
    let typed = fed(board.ssh(&["-tt"]), b"echo helpless\x7f\x7f\x7f\x7ft\rnonsense\x03sensors\rexit\r");
    let seen = String::from_utf8_lossy(&typed.stdout);
    assert_eq!(typed.status.code(), Some(0));
    assert!(seen.contains("\r\nhelpt\r\n> "), "{seen:?}");
    assert!(seen.contains("temperature") && !seen.contains("no such command"), "{seen:?}");
    // Without a terminal nothing is shown of what comes.
    assert_eq!(fed(board.ssh(&["-T"]), b"echo hello\nled\n").stdout, b"hello\noff\n");
    board.is_sound();
}

#[test]
fn two_channels_and_no_third() {
    if !ready() {
        return;
    }
    let board = Board::start(Image::Server);
    let socket = board.known_hosts().with_file_name("master");
    let (mastering, sharing) = (format!("-oControlPath={}", socket.display()), format!("-S{}", socket.display()));
    let count = |options: &[&str]| {
        let mut count = board.ssh(options);
        count.arg("count").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        count.spawn().expect("a client")
    };
    let mut first = count(&["-oControlMaster=yes", &mastering]);
    first.stdin.as_mut().expect("its input").write_all(b"123").expect("it takes input");
    while !socket.exists() {
        thread::yield_now();
    }
    let mut second = count(&[&sharing]);
    second.stdin.as_mut().expect("its input").write_all(b"12345").expect("it takes input");
    // Which of these two comes second is theirs to settle; the other is refused.
    let third = board.ssh(&[&sharing]).arg("echo here").output().expect("a client");
    drop(second.stdin.take());
    let second = second.wait_with_output().expect("its end");
    let complaints =
        [&third, &second].map(|output| String::from_utf8_lossy(&output.stderr).contains("refused by peer"));
    assert!(complaints[0] != complaints[1], "{third:?} {second:?}");
    // The master sees what it was told.
    drop(first.stdin.take());
    let mut counted = String::new();
    first.stdout.take().expect("its output").read_to_string(&mut counted).expect("text");
    assert_eq!((counted.as_str(), first.wait().expect("its end").code()), ("3\n", Some(0)));
    board.answers();
    board.is_sound();
}

#[test]
fn a_wrong_key_is_refused() {
    if !ready() {
        return;
    }
    let board = Board::start(Image::Server);
    let mut stranger = ssh_command(board.port(), &Keys::shared().stranger(), &board.known_hosts(), &[]);
    let refused = stranger.arg("echo here").output().expect("a client");
    assert_eq!((refused.status.code(), &refused.stdout[..]), (Some(255), &b""[..]));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("Permission denied (publickey)"), "{refused:?}");
    assert_eq!(board.figure("logins "), 1);
    board.is_sound();
}

/// There is no allocator; what could grow is the stack, by the frame of an interrupt that came later than ever before.
#[test]
fn fifty_logins_leave_memory_where_it_was() {
    const FRAME: u64 = 128;
    if !ready() {
        return;
    }
    let board = Board::start(Image::Server);
    board.says("echo once");
    let [statics, stack, logins] = ["static ", "stack ", "logins "].map(|name| board.figure(name));
    for _ in 0..50 {
        assert_eq!(board.says("echo again"), "again\n");
    }
    assert_eq!(board.figure("logins "), logins + 51);
    assert_eq!(board.figure("static "), statics);
    assert!(board.figure("stack ") <= stack + FRAME);
    board.is_sound();
}

#[test]
fn a_flood_of_garbage_leaves_it_answering() {
    if !ready() {
        return;
    }
    let board = Board::start(Image::Server);
    let ident = b"SSH-2.0-garbage\r\n";
    let giant = [&ident[..], &[0x7f, 0xff, 0xff, 0xff], &[4; 60]].concat();
    let nothing_in_it = [&ident[..], &[0, 0, 0, 12, 10], &[20; 11]].concat();
    let long = [b"SSH-2.0-".as_slice(), &[b'x'; 5000]].concat();
    let kinds = [&b""[..], b"GET / HTTP/1.0\r\n\r\n", &[0; 2000], &giant, &nothing_in_it, &long, ident];
    thread::scope(|scope| {
        for turn in 0..20 {
            for kind in kinds {
                let mut stream = board.connect();
                scope.spawn(move || {
                    let _ = stream.write_all(kind);
                    // Some leave at once, and some see what comes of it.
                    if turn % 2 == 0 {
                        let _ = stream.shutdown(std::net::Shutdown::Write);
                        let _ = stream.read(&mut [0; 64]);
                    }
                });
            }
        }
    });
    board.answers();
    assert!(board.figure("connections ") > 20, "most were never heard");
    board.is_sound();
}

/// A count that is always zero could be one that does not count.
#[test]
fn a_panic_is_counted() {
    if !ready() {
        return;
    }
    let board = Board::start(Image::Server);
    assert_eq!(board.figure("panics "), 0);
    let mut panic = board.ssh(&["-oServerAliveInterval=1", "-oServerAliveCountMax=2"]);
    assert_ne!(panic.arg("panic").output().expect("a client").status.code(), Some(0));
    board.starts(2);
    board.answers();
    assert_eq!(board.figure("panics "), 1);
}
