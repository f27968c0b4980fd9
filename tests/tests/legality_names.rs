//! What becomes of global requests, channels and channel requests by their names (RFC 4254, RFC 9987, OpenSSH PROTOCOL),
//! at a server and at a client, with and without what forwarding needs: the snapshot `vectors/names.txt`.

use core::fmt::Write as _;
use core::time::Duration;
use sanssh_core::Config;
use sanssh_core::channel::{Forward, Request};
use sanssh_core::crypto::null::Null;
use sanssh_core::role::{Client, Server};
use sanssh_core::wire::connection::X11Req;
use sanssh_tests::forger::{Encode, Feed, Forger, Side, any, blob};
use sanssh_tests::pair::server_config;
use sanssh_tests::snapshot;

type Foe<R> = Forger<R, Null, Null>;

/// The forger's number for the channel that there is, and for the one that it opens.
const SESSION: u32 = 0;
const NEW: u32 = 99;
/// Where the client that asked has the server listen.
const PORT: u16 = 9;
const PATH: &str = "/s";

/// A server, logged in to and with a session.
fn server(forwarding: bool) -> Foe<Server> {
    Foe::with(Feed::Whole, Config { forwarding, ..server_config() }).with_channel().0
}

/// A client, logged in and with a session.
fn bare() -> Foe<Client> {
    let mut config = server_config();
    config.keepalive.interval = Duration::from_secs(10);
    Foe::with(Feed::Whole, config).with_channel().0
}

/// A client that has asked for all there is, and was granted it.
fn asked() -> Foe<Client> {
    let mut forger = bare();
    for what in [Forward::Tcpip { address: b"", port: PORT }, Forward::Streamlocal(PATH.as_bytes())] {
        forger = asking(forger, what);
        forger.send(&[81]);
    }
    let session = forger.machine.channels[0];
    let display = X11Req { single_connection: false, protocol: b"", cookie: b"", screen: 0 };
    for what in [Request::X11(display), Request::Agent] {
        forger.machine.emit(|ssh, output| ssh.request(session, what, output)).expect("a request");
        forger.hear();
        forger.send(&any(99).u32(SESSION).done());
    }
    assert_eq!(forger.machine.over, None);
    forger.forget();
    forger
}

/// The client asks for a forward.
fn asking(mut forger: Foe<Client>, what: Forward<'_>) -> Foe<Client> {
    forger.machine.emit(|ssh, output| ssh.forward(what, output)).expect("a forward");
    forger.hear();
    forger.forget();
    forger
}

/// A letter for what becomes of a message.
fn outcome<R: Side>(mut forger: Foe<R>, message: &[u8]) -> char {
    forger.send(message);
    if forger.machine.over.is_some() {
        return '.';
    }
    match (forger.machine.told.is_empty(), &forger.numbers()[..]) {
        (false, _) => 'T',
        (true, [81 | 91 | 99]) => 'S',
        (true, [82 | 92 | 100]) => 'F',
        (true, []) => '-',
        (true, others) => panic!("{others:?} in answer to {message:?}"),
    }
}

/// The message at a server that forwards nothing, at one that forwards, at a client that asked for nothing, and at one
/// that asked for all.
fn outcomes(message: &[u8]) -> [char; 4] {
    [
        outcome(server(false), message),
        outcome(server(true), message),
        outcome(bare(), message),
        outcome(asked(), message),
    ]
}

/// Global requests, an answer wanted: names, and fields behind them.
fn globals() -> Vec<(&'static str, Vec<u8>)> {
    let tcpip = || blob().string("").u32(PORT.into()).done();
    let path = || blob().string(PATH).done();
    vec![
        ("tcpip-forward", tcpip()),
        ("cancel-tcpip-forward", tcpip()),
        ("streamlocal-forward@openssh.com", path()),
        ("cancel-streamlocal-forward@openssh.com", path()),
        ("no-more-sessions@openssh.com", vec![]),
        ("hostkeys-00@openssh.com", blob().string("key").done()),
        ("hostkeys-prove-00@openssh.com", blob().string("key").done()),
        ("keepalive@openssh.com", vec![]),
        ("any other", vec![]),
    ]
}

/// Kinds of channels, and fields behind the window and the packet size.
fn channels() -> Vec<(&'static str, Vec<u8>)> {
    let tcpip = || blob().string("").u32(PORT.into()).string("192.0.2.7").u32(50_000).done();
    vec![
        ("session", vec![]),
        ("direct-tcpip", tcpip()),
        ("direct-streamlocal@openssh.com", blob().string(PATH).string("").u32(0).done()),
        ("forwarded-tcpip", tcpip()),
        ("forwarded-streamlocal@openssh.com", blob().string(PATH).string("").done()),
        ("x11", blob().string("192.0.2.7").u32(6000).done()),
        ("auth-agent@openssh.com", vec![]),
        ("agent-connect", vec![]),
        ("any other", vec![]),
    ]
}

/// Requests on the session, an answer wanted.
fn requests() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("exec", blob().string("x").done()),
        ("x11-req", blob().u8(0).string("").string("").u32(0).done()),
        ("auth-agent-req@openssh.com", vec![]),
        ("agent-req", vec![]),
        ("eow@openssh.com", vec![]),
        ("exit-status", blob().u32(0).done()),
        ("keepalive@openssh.com", vec![]),
        ("any other", vec![]),
    ]
}

/// A message of a name and of fields.
fn with(start: Encode, fields: &[u8]) -> Vec<u8> {
    [start.done(), fields.to_vec()].concat()
}

/// What a client that waits for an answer makes of this one.
fn answers() -> Vec<(&'static str, char)> {
    let at = |port| asking(bare(), Forward::Tcpip { address: b"", port });
    let path = || asking(bare(), Forward::Streamlocal(PATH.as_bytes()));
    let kept_alive = || {
        let mut forger = bare();
        forger.wait(10);
        forger.forget();
        forger
    };
    let found = any(81).u32(PORT.into()).done();
    vec![
        ("81, nothing asked", outcome(bare(), &[81])),
        ("82, nothing asked", outcome(bare(), &[82])),
        ("81, keepalive", outcome(kept_alive(), &[81])),
        ("82, keepalive", outcome(kept_alive(), &[82])),
        ("81, tcpip-forward at a port", outcome(at(PORT), &[81])),
        ("81 and a port, tcpip-forward at a port", outcome(at(PORT), &found)),
        ("81, tcpip-forward at port 0", outcome(at(0), &[81])),
        ("81 and a port, tcpip-forward at port 0", outcome(at(0), &found)),
        ("81 and port 0, tcpip-forward at port 0", outcome(at(0), &any(81).u32(0).done())),
        ("82, tcpip-forward", outcome(at(PORT), &[82])),
        ("81, streamlocal-forward@openssh.com", outcome(path(), &[81])),
        ("82, streamlocal-forward@openssh.com", outcome(path(), &[82])),
    ]
}

const HEAD: &str = "\
What becomes of global requests, channels and channel requests by their names, once logged in.

  T  told to the embedder, who answers      S  granted without it       F  refused without it
  -  neither told nor answered              .  ends the connection

From the client, at a server: off, which forwards nothing (the default), and on, which forwards (Config::forwarding).
From the server, at a client: bare, which asked for nothing but a session; asked, which has asked for a port, for a Unix
socket, and on the session for its display and its agent.

                                              at a server     at a client
                                              off    on       bare   asked
";

/// Where the columns begin.
const MARGIN: usize = 46;

fn section(table: &mut String, title: &str, rows: Vec<(&str, Vec<u8>)>) {
    let _ = writeln!(table, "{title}");
    for (name, message) in rows {
        let [off, on, bare, asked] = outcomes(&message);
        let _ = writeln!(table, "{:<MARGIN$}{off}      {on}        {bare}      {asked}", format!("  {name}"));
    }
}

fn table() -> String {
    let mut table = HEAD.to_owned();
    let global = |(name, fields): (&'static str, Vec<u8>)| (name, with(any(80).string(name).u8(1), &fields));
    section(&mut table, "80 GLOBAL_REQUEST (RFC 4254 §4, §7.1)", globals().into_iter().map(global).collect());
    let open = |(name, fields): (&'static str, Vec<u8>)| {
        (name, with(any(90).string(name).u32(NEW).u32(1 << 20).u32(1 << 15), &fields))
    };
    section(&mut table, "90 CHANNEL_OPEN (RFC 4254 §5.1, §7.2)", channels().into_iter().map(open).collect());
    let request =
        |(name, fields): (&'static str, Vec<u8>)| (name, with(any(98).u32(SESSION).string(name).u8(1), &fields));
    section(&mut table, "98 CHANNEL_REQUEST (RFC 4254 §5.4, §6)", requests().into_iter().map(request).collect());
    table.push_str("\nAnswers to global requests: what the server says, and what it was asked for.\n\n");
    for (name, outcome) in answers() {
        let _ = writeln!(table, "{:<MARGIN$}{outcome}", format!("  {name}"));
    }
    table
}

#[test]
fn every_name_at_either_end() {
    snapshot::check("names.txt", &table());
}
