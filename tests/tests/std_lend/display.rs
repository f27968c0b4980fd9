//! Displays: shown their own cookie, by those alone who know the other one.

use crate::{Running, said};
use core::net::{Ipv6Addr, SocketAddr};
use core::time::Duration;
use sanssh_std::{Channel, Client, Display, Trust};
use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use tempfile::TempDir;

const REAL: [u8; 16] = [0xa5; 16];

/// A display that says what it hears from each program, and sends it back.
struct Screen {
    directory: TempDir,
    heard: Receiver<Vec<u8>>,
}

impl Screen {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(directory.path().join("x:0")).unwrap();
        let (tell, heard) = channel();
        thread::spawn(move || {
            for mut socket in listener.incoming().map_while(Result::ok) {
                let mut all = Vec::new();
                let _ = socket.read_to_end(&mut all);
                let _ = socket.write_all(&all);
                let _ = tell.send(all);
            }
        });
        Self { directory, heard }
    }

    fn name(&self) -> String {
        self.directory.path().join("x:0").display().to_string()
    }

    fn shown(&self) -> Display {
        Display::new(&self.name(), REAL).unwrap()
    }
}

/// What a program says first.
fn introduction(cookie: &[u8]) -> Vec<u8> {
    [&b"l\0\x0b\0\0\0\x12\0\x10\0\0\0MIT-MAGIC-COOKIE-1\0\0"[..], cookie].concat()
}

/// A session with the display; its ports and the cookie to use there.
fn session(client: &Client, display: &Display, single: bool) -> (Channel, Vec<SocketAddr>, Vec<u8>) {
    let channel = client.session().unwrap();
    channel.forward_x11(display, single).unwrap();
    let text = said(&channel, "look", 2);
    let words: Vec<_> = text.lines().nth(1).unwrap().split(' ').collect();
    let [name, entry, "MIT-MAGIC-COOKIE-1", digits] = words[..] else { panic!("{text}") };
    let number = name.strip_prefix("localhost:").and_then(|rest| rest.strip_suffix(".0")).unwrap();
    assert_eq!(entry, format!("unix:{number}.0"));
    let port = 6000 + number.parse::<u16>().unwrap();
    let cookie = (0..16).map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).unwrap()).collect();
    (channel, vec![([127, 0, 0, 1], port).into(), (Ipv6Addr::LOCALHOST, port).into()], cookie)
}

/// Says all that to a display, and hears its answer to the end.
fn ask(port: SocketAddr, words: &[u8]) -> Vec<u8> {
    let mut socket = TcpStream::connect(port).unwrap();
    let mut answer = Vec::new();
    // One that closes at once may not take it, or answer.
    let _ = socket.write_all(words).and_then(|()| socket.shutdown(Shutdown::Write));
    let _ = socket.read_to_end(&mut answer);
    answer
}

#[test]
fn programs_show_windows_here_and_never_learn_the_cookie() {
    let (server, screen) = (Running::generous(), Screen::new());
    let client = server.client();
    let (_channel, ports, cookie) = session(&client, &screen.shown(), false);
    assert_ne!(cookie, REAL);
    let whole = [introduction(&REAL), vec![7; 200_000]].concat();
    for _ in 0..3 {
        let said = [introduction(&cookie), vec![7; 200_000]].concat();
        assert!(ask(ports[0], &said) == whole && screen.heard.recv().unwrap() == whole);
    }
    // Another session's programs know the same cookie, elsewhere.
    let (_other, others, same) = session(&client, &screen.shown(), false);
    assert!(others[0] != ports[0] && same == cookie);
    assert!(ask(others[0], &introduction(&cookie)) == introduction(&REAL));
}

#[test]
fn who_does_not_know_the_cookie_reaches_no_display() {
    let (server, screen) = (Running::generous(), Screen::new());
    let client = server.client();
    let (_channel, ports, cookie) = session(&client, &screen.shown(), false);
    let mut wrong = cookie.clone();
    wrong[15] ^= 1;
    let strangers = [
        introduction(&wrong),
        introduction(&REAL),
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        introduction(&cookie)[..40].to_vec(),
    ];
    for said in strangers {
        let more = [&said[..], &[7; 1000]].concat();
        // The one that is cut is one that says no more.
        let words = if said.len() == 40 { &said } else { &more };
        assert_eq!(ask(ports[0], words), b"", "{said:?}");
        assert_eq!(screen.heard.recv().unwrap(), b"", "{said:?}");
    }
    assert!(ask(ports[0], &introduction(&cookie)) == introduction(&REAL), "others are let in all the same");
}

#[test]
fn a_display_for_one_program_is_for_one() {
    let (server, screen) = (Running::generous(), Screen::new());
    let client = server.client();
    let (_channel, ports, cookie) = session(&client, &screen.shown(), true);
    assert!(ask(ports[0], &introduction(&cookie)) == introduction(&REAL));
    // Nobody listens any more, or nobody answers.
    let again = ports.iter().filter_map(|port| TcpStream::connect(port).ok());
    for mut socket in again {
        let _ = socket.write_all(&introduction(&cookie));
        let mut answer = Vec::new();
        let _ = socket.read_to_end(&mut answer);
        assert_eq!(answer, b"");
    }
}

#[test]
fn ports_go_with_their_session() {
    let (server, screen) = (Running::generous(), Screen::new());
    let client = server.client();
    let (channel, ports, _) = session(&client, &screen.shown(), false);
    channel.finish();
    channel.wait_close().unwrap();
    while TcpStream::connect(ports[0]).is_ok() {
        thread::yield_now();
    }
}

/// An xauth that writes down what it was asked, and knows a cookie.
fn xauth(screen: &Screen) -> std::path::PathBuf {
    let directory = screen.directory.path();
    let (file, log) = (directory.join("xauth"), directory.join("log"));
    let cookie = "a5".repeat(16);
    let text = format!("#!/bin/sh\necho \"$@\" >>{}\necho host/unix:0 MIT-MAGIC-COOKIE-1 {cookie}\n", log.display());
    fs::write(&file, text).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    file
}

#[test]
fn rights_are_limited_by_xauth_and_by_time() {
    let (server, screen) = (Running::generous(), Screen::new());
    let client = server.client();
    let (file, name) = (xauth(&screen), screen.name());
    let asked = || fs::read_to_string(screen.directory.path().join("log")).unwrap();
    for (trust, first) in [
        (Trust::Full, "list "),
        (Trust::Restricted(Duration::ZERO), " untrusted\n"),
        (Trust::Restricted(Duration::from_secs(1200)), " MIT-MAGIC-COOKIE-1 untrusted timeout 1260\n"),
    ] {
        let display = Display::find(&name, &file, trust).unwrap();
        assert!(asked().contains(first), "{}", asked());
        let (_channel, ports, cookie) = session(&client, &display, false);
        assert!(ask(ports[0], &introduction(&cookie)) == introduction(&REAL), "{trust:?}");
    }
    let display = Display::find(&name, &file, Trust::Restricted(Duration::from_nanos(1))).unwrap();
    let (_channel, ports, cookie) = session(&client, &display, false);
    assert_eq!(ask(ports[0], &introduction(&cookie)), b"", "the time is over");
}
