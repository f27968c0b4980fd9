//! Table A, identification: what a peer may send before packets begin (RFC 4253 §4.2), and what ends the connection.
//!
//! Every case runs fed whole and byte by byte, and ends with the rules that hold after each.

use sanssh_core::role::{Client, Server};
use sanssh_core::time::Phase;
use sanssh_core::{Choice, Config, Error, Violation};
use sanssh_tests::forger::{Feed, Forger, Side, both_ways};

fn fresh<R: Side>(feed: Feed) -> Forger<R> {
    let mut forger = Forger::new(feed);
    forger.forget();
    forger
}

/// Sends bytes to a fresh machine, which must not survive them.
fn refuses<R: Side>(bytes: &[u8], error: Error, told: &[&str]) {
    both_ways(|feed| {
        let mut forger = fresh::<R>(feed);
        forger.send_bytes(bytes);
        forger.fatal(error, told);
    });
}

/// Sends a line to a fresh machine, which must take it for an identification.
fn accepts<R: Side>(line: &[u8]) {
    both_ways(|feed| {
        let mut forger = fresh::<R>(feed);
        forger.send_bytes(line);
        forger.lives(&[], &[]);
        assert_eq!(forger.machine.ssh.peer_ident(), Some(line.trim_ascii_end()));
    });
}

#[test]
fn a01_a_client_that_says_something_before_its_identification() {
    refuses::<Server>(b"HELLO\r\nSSH-2.0-x\r\n", Error::Malformed(None), &[]);
    refuses::<Server>(b"\r\nSSH-2.0-x\r\n", Error::Malformed(None), &[]);
    refuses::<Server>(b"SSSH-2.0-x\r\n", Error::Malformed(None), &[]);
}

#[test]
fn a02_lines_without_end() {
    refuses::<Client>(&b"x\r\n".repeat(1025), Violation::TooMany.into(), &["text x"; 1023]);
    let line = [&b"y".repeat(8000)[..], b"\r\n"].concat();
    let told = format!("text {}", "y".repeat(8000));
    refuses::<Client>(&line.repeat(9), Violation::TooMany.into(), &[&told[..]; 8]);
}

#[test]
fn a03_a_line_that_does_not_end() {
    refuses::<Client>(&[b'x'; 8193], Violation::TooLong.into(), &[]);
}

#[test]
fn a04_an_identification_of_256_bytes() {
    let line = |length: usize| [b"SSH-2.0-", &b"x".repeat(length - 10)[..], b"\r\n"].concat();
    accepts::<Client>(&line(255));
    accepts::<Server>(&line(255));
    refuses::<Client>(&line(256), Violation::TooLong.into(), &[]);
    refuses::<Server>(&line(256), Violation::TooLong.into(), &[]);
    refuses::<Server>(&line(600)[..400], Violation::TooLong.into(), &[]);
}

#[test]
fn a05_control_bytes_in_an_identification() {
    for line in [&b"SSH-2.0-a\0b\r\n"[..], b"SSH-2.0-a\x1b[2J\r\n", b"SSH-2.0-a\rb\r\n", b"SSH-2.0-\x7f\r\n"] {
        refuses::<Client>(line, Error::Malformed(None), &[]);
        refuses::<Server>(line, Error::Malformed(None), &[]);
    }
}

#[test]
fn a06_other_versions() {
    for line in
        [&b"SSH-1.5-x\r\n"[..], b"SSH-2.1-x\r\n", b"SSH-2.0\r\n", b"SSH-\r\n", b"SSH-3.0-x\r\n", b"SSH-2.00-x\n"]
    {
        refuses::<Client>(line, Error::Incompatible(Choice::Version), &[]);
        refuses::<Server>(line, Error::Incompatible(Choice::Version), &[]);
    }
    refuses::<Server>(b"SSH-1.99-x\r\n", Error::Incompatible(Choice::Version), &[]);
    accepts::<Client>(b"SSH-1.99-x\r\n");
    accepts::<Server>(b"SSH-2.0-x\r\n");
    accepts::<Server>(b"SSH-2.0-x\n");
}

/// The bytes arrive as they are, in an event that says that they are text of the peer; core logs none of them.
#[test]
fn a07_untrusted_text_before_the_identification() {
    both_ways(|feed| {
        let mut forger = fresh::<Client>(feed);
        forger.send_bytes(b"\x1b[31mred\x07\r\n\xff\xfe\n\r\nSSH-2.0-x\r\n");
        forger.lives(&[r"text \x1b[31mred\x07", r"text \xff\xfe", "text "], &[]);
    });
}

#[test]
fn a08_half_an_identification_and_no_more() {
    fn case<R: Side>(feed: Feed) {
        let mut config = Config::default();
        config.deadlines.login = core::time::Duration::from_secs(30);
        let mut forger = Forger::<R>::with(feed, config);
        forger.forget();
        forger.send_bytes(b"SSH-2.0-sl");
        forger.wait(29);
        forger.lives(&[], &[]);
        forger.wait(1);
        forger.send_bytes(b"ow\r\n");
        forger.fatal(Error::TimedOut(Phase::Login), &[]);
        let mut forger = Forger::<R>::new(feed);
        forger.forget();
        forger.send_bytes(b"SSH-2.0-sl");
        forger.wait(60);
        forger.fatal(Error::TimedOut(Phase::Handshake), &[]);
    }
    both_ways(case::<Client>);
    both_ways(case::<Server>);
}
