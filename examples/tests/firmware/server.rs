//! The server on the small board.

use crate::board::{Board, Image, ready};
use sanssh_tests::keys::Keys;
use sanssh_tests::openssh::ssh_command;
use sanssh_tests::process::{DEADLINE, run};
use std::io::{Read, Write};
use std::net::Shutdown;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::Instant;

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

/// A shell without a terminal.
struct Shell(Child);

impl Shell {
    fn start(board: &Board, options: &[&str]) -> Self {
        let mut ssh = board.ssh(options);
        ssh.arg("-T").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self(ssh.spawn().expect("a client"))
    }

    /// Has a word said, and waits until it is.
    fn echoes(&mut self, word: &str) {
        let line = format!("echo {word}\n");
        self.0.stdin.as_mut().expect("its input").write_all(line.as_bytes()).expect("it takes input");
        let mut said = vec![0; word.len() + 1];
        self.0.stdout.as_mut().expect("its output").read_exact(&mut said).expect("it says something");
        assert_eq!(said, format!("{word}\n").as_bytes());
    }

    fn end(mut self) {
        drop(self.0.stdin.take());
        assert_eq!(self.0.wait().expect("its end").code(), Some(0));
    }
}

#[test]
fn two_channels_and_no_third() {
    if !ready() {
        return;
    }
    let board = Board::start(Image::Server);
    let socket = board.known_hosts().with_file_name("master");
    let (mastering, sharing) = (format!("-oControlPath={}", socket.display()), format!("-S{}", socket.display()));
    let mut first = Shell::start(&board, &["-oControlMaster=yes", &mastering]);
    first.echoes("one");
    let mut second = Shell::start(&board, &[&sharing]);
    second.echoes("two");
    first.echoes("three");
    let third = board.ssh(&[&sharing, "-oControlMaster=no"]).arg("echo here").output().expect("a client");
    // ssh then tries a connection of its own, for which there is no place either.
    let complaints = String::from_utf8_lossy(&third.stderr).into_owned();
    assert!(complaints.contains("Session open refused by peer") && complaints.contains("disconnect"), "{complaints}");
    assert!(third.stdout.is_empty());
    second.echoes("four");
    second.end();
    assert_eq!(run(board.ssh(&[&sharing]).arg("echo five")), "five\n");
    first.echoes("six");
    first.end();
    board.is_sound();
}

/// Who comes second is told why there is no place for him.
#[test]
fn a_second_guest_is_turned_away() {
    if !ready() {
        return;
    }
    let board = Board::start(Image::Server);
    let mut first = Shell::start(&board, &[]);
    first.echoes("one");
    for _ in 0..3 {
        let second = board.ssh(&[]).arg("echo here").output().expect("a client");
        assert_eq!((second.status.code(), &second.stdout[..]), (Some(255), &b""[..]));
        first.echoes("two");
    }
    // The one before may not have gone yet.
    let mut told = Vec::new();
    let until = Instant::now() + DEADLINE;
    while told.is_empty() {
        assert!(Instant::now() < until, "nobody is told anything");
        let _ = board.connect().read_to_end(&mut told);
    }
    // DISCONNECT follows, which is no text.
    assert!(told.starts_with(b"SSH-2.0-sanssh_firmware\r\n") && told.len() > 40, "{told:?}");
    first.end();
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
    let board = &board;
    thread::scope(|scope| {
        for kind in kinds {
            scope.spawn(move || {
                for turn in 0..15 {
                    let mut stream = board.connect();
                    let _ = stream.write_all(kind);
                    // Some leave at once, and some see what comes of it.
                    if turn % 2 == 0 {
                        let _ = stream.shutdown(Shutdown::Write);
                        let _ = stream.read(&mut [0; 64]);
                    }
                }
            });
        }
    });
    board.answers();
    assert!(board.figure("connections ") > 10, "most were never heard");
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
