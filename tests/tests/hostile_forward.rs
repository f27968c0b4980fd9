//! Table H, forwarding: channels that nobody asked for, addresses that were not agreed on, and requests to listen (RFC
//! 4254 §6.3 and §7, RFC 9987, OpenSSH PROTOCOL §2.2 and §2.4).

use sanssh_core::channel::{Forward, ForwardId, Request};
use sanssh_core::role::{Client, Server};
use sanssh_core::wire::connection::X11Req;
use sanssh_core::{Config, Error, Violation};
use sanssh_tests::forger::{Answer, Encode, Feed, Forger, Question, Side, any, both_ways, channel_open};
use sanssh_tests::pair::server_config;

const FORWARDED_STREAMLOCAL: &str = "forwarded-streamlocal@openssh.com";
const AGENT: &str = "auth-agent@openssh.com";

/// CHANNEL_OPEN of a kind, up to its fields.
fn open(kind: &str) -> Encode {
    any(90).string(kind).u32(9).u32(1 << 20).u32(1 << 15)
}

/// The fields of a TCP connection behind those.
fn tcpip(kind: &str, host: impl AsRef<[u8]>, port: u32) -> Vec<u8> {
    open(kind).string(host).u32(port).string("192.0.2.7").u32(50_000).done()
}

fn streamlocal(kind: &str, path: impl AsRef<[u8]>) -> Vec<u8> {
    let reserved = if kind.starts_with("direct") { &[0; 8][..] } else { &[0; 4] };
    open(kind).string(path).raw(reserved).done()
}

fn x11() -> Vec<u8> {
    open("x11").string("192.0.2.7").u32(6000).done()
}

/// Sends an OPEN, which must be refused as prohibited, unnoticed.
fn prohibited<R: Side>(forger: &mut Forger<R>, message: &[u8]) {
    forger.send(message);
    let [(_, payload)] = &forger.heard[..] else { panic!("one answer, not {:?}", forger.numbers()) };
    assert_eq!(payload[..9], any(92).u32(9).u32(1).done(), "{}", message.escape_ascii());
    forger.lives(&[], &[92]);
}

/// Sends an OPEN, which the embedder must be asked about in these words.
fn asked<R: Side>(forger: &mut Forger<R>, message: &[u8], words: &str) {
    forger.machine.policy.opens = Answer::No;
    forger.send(message);
    forger.lives(&[&format!("open {words}")], &[92]);
}

/// Every channel that belongs to a forward or to a request.
fn servers() -> Vec<Vec<u8>> {
    vec![
        tcpip("forwarded-tcpip", "localhost", 80),
        streamlocal(FORWARDED_STREAMLOCAL, "/tmp/s"),
        x11(),
        open(AGENT).done(),
        open("agent-connect").done(),
    ]
}

/// Every channel that only a client asks for.
fn clients() -> Vec<Vec<u8>> {
    vec![
        open("session").done(),
        tcpip("direct-tcpip", "localhost", 80),
        streamlocal("direct-streamlocal@openssh.com", "/tmp/s"),
    ]
}

/// A server's switch is on.
fn forwarding() -> Config {
    Config { forwarding: true, ..server_config() }
}

#[test]
fn h08_a_session_after_the_last() {
    both_ways(|feed| {
        for want in [0, 1] {
            let (mut forger, channel) = Forger::<Server>::new(feed).with_channel();
            forger.send(&any(80).string("no-more-sessions@openssh.com").u8(want).done());
            forger.lives(&[], if want == 0 { &[] } else { &[81] });
            // What is open stays so.
            forger.send(&any(94).u32(channel).string("data").done());
            forger.lives(&["data 4"], &[]);
            forger.send(&channel_open(8, 1, 1));
            forger.fatal(Violation::Unexpected(90).into(), &[]);
        }
        // A server cannot forbid what is its client's to ask.
        let mut forger = Forger::<Client>::new(feed).authenticated();
        forger.send(&any(80).string("no-more-sessions@openssh.com").u8(1).done());
        forger.lives(&[], &[82]);
        forger.open_channel(7);
        forger.lives(&["opened"], &[90]);
    });
}

#[test]
fn h10_servers_that_open_what_is_a_clients() {
    both_ways(|feed| {
        for message in clients() {
            let mut forger = Forger::<Client>::with(feed, forwarding()).authenticated();
            prohibited(&mut forger, &message);
            // Nor once there is a session, or a forward.
            let (mut forger, _) = Forger::<Client>::with(feed, forwarding()).with_channel();
            granted(&mut forger, Forward::Tcpip { address: b"localhost", port: 80 }, b"");
            prohibited(&mut forger, &message);
        }
        // And clients nothing that is a server's.
        for message in servers() {
            let mut forger = Forger::<Server>::with(feed, forwarding()).authenticated();
            prohibited(&mut forger, &message);
        }
    });
}

/// A client asks for something on its session.
fn asks(forger: &mut Forger<Client>, what: Request<'_>) {
    let id = forger.machine.channels[0];
    forger.machine.emit(|ssh, output| ssh.request(id, what, output)).expect("a request");
    forger.hear();
    forger.forget();
}

/// A client asks for something on its session, and gets it.
fn gets(forger: &mut Forger<Client>, channel: u32, what: Request<'_>) {
    asks(forger, what);
    answers(forger, channel, true);
}

/// The server's answer to what the client asked for.
fn answers(forger: &mut Forger<Client>, channel: u32, granted: bool) {
    forger.send(&any(if granted { 99 } else { 100 }).u32(channel).done());
    forger.forget();
}

const DISPLAY: Request<'_> =
    Request::X11(X11Req { single_connection: false, protocol: b"MIT-MAGIC-COOKIE-1", cookie: b"00ff", screen: 0 });

#[test]
fn h11_channels_that_nobody_asked_for() {
    both_ways(|feed| {
        for message in servers() {
            prohibited(&mut Forger::<Client>::new(feed).authenticated(), &message);
            prohibited(&mut Forger::<Client>::new(feed).with_channel().0, &message);
        }
        // Each request lets in its own kind and no other, and no longer than its session is open.
        let kinds = [(DISPLAY, x11(), "x11 from 192.0.2.7:6000"), (Request::Agent, open(AGENT).done(), AGENT)];
        for (at, (what, message, words)) in kinds.iter().enumerate() {
            let (mut forger, channel) = Forger::<Client>::new(feed).with_channel();
            asks(&mut forger, *what);
            prohibited(&mut forger, message);
            answers(&mut forger, channel, false);
            prohibited(&mut forger, message);
            // Of several that are asked for at a time, the one that is granted.
            asks(&mut forger, kinds[1 - at].0);
            asks(&mut forger, *what);
            answers(&mut forger, channel, false);
            prohibited(&mut forger, message);
            answers(&mut forger, channel, true);
            prohibited(&mut forger, &kinds[1 - at].1);
            asked(&mut forger, message, words);
            prohibited(&mut forger, &tcpip("forwarded-tcpip", "localhost", 80));
            forger.send(&any(97).u32(channel).done());
            forger.lives(&["closed"], &[97]);
            prohibited(&mut forger, message);
        }
        // A display that was asked for once comes once.
        let (mut forger, channel) = Forger::<Client>::new(feed).with_channel();
        gets(
            &mut forger,
            channel,
            Request::X11(X11Req { single_connection: true, protocol: b"", cookie: b"", screen: 0 }),
        );
        asked(&mut forger, &x11(), "x11 from 192.0.2.7:6000");
        prohibited(&mut forger, &x11());
        // Fields that are cut, and ports that there are not.
        let (mut forger, channel) = Forger::<Client>::new(feed).with_channel();
        gets(&mut forger, channel, DISPLAY);
        prohibited(&mut forger, &open("x11").string("192.0.2.7").u32(65_536).done());
        forger.send(&open("x11").string("192.0.2.7").done());
        forger.fatal(Error::Malformed(Some(90)), &[]);
    });
}

/// A client asks for a forward; the server has not answered.
fn forwards(forger: &mut Forger<Client>, what: Forward<'_>) -> ForwardId {
    let id = forger.machine.emit(|ssh, output| ssh.forward(what, output)).expect("a forward");
    forger.hear();
    assert_eq!(forger.numbers(), [80]);
    forger.forget();
    id
}

/// The server grants it, with these fields.
fn granted(forger: &mut Forger<Client>, what: Forward<'_>, fields: &[u8]) -> ForwardId {
    let id = forwards(forger, what);
    forger.send(&any(81).raw(fields).done());
    assert!(forger.machine.told[0].contains("Granted"), "{:?}", forger.machine.told);
    forger.forget();
    id
}

#[test]
fn h12_connections_for_another_address() {
    let what = Forward::Tcpip { address: b"localhost", port: 80 };
    let (sound, words) =
        (tcpip("forwarded-tcpip", "localhost", 80), "forwarded-tcpip localhost:80 from 192.0.2.7:50000");
    let fresh = |feed| Forger::<Client>::new(feed).authenticated();
    both_ways(|feed| {
        let mut forger = fresh(feed);
        let id = granted(&mut forger, what, b"");
        for host in ["LOCALHOST", "", "localhost\0", "127.0.0.1", "::1", "localhos"] {
            prohibited(&mut forger, &tcpip("forwarded-tcpip", host, 80));
        }
        for port in [0, 79, 81, 80 + 65_536, u32::MAX] {
            prohibited(&mut forger, &tcpip("forwarded-tcpip", "localhost", port));
        }
        for path in ["localhost", "/tmp/s", ""] {
            prohibited(&mut forger, &streamlocal(FORWARDED_STREAMLOCAL, path));
        }
        asked(&mut forger, &sound, words);
        // Cancelled: no connection comes any more.
        forger.machine.emit(|ssh, output| ssh.cancel(id, what, output)).expect("over");
        forger.hear();
        forger.forget();
        prohibited(&mut forger, &sound);
        // Neither before the answer, nor after a refusal.
        let mut forger = fresh(feed);
        forwards(&mut forger, what);
        prohibited(&mut forger, &sound);
        forger.send(&[82]);
        assert!(forger.machine.told[0].contains("Refused"), "{:?}", forger.machine.told);
        forger.forget();
        prohibited(&mut forger, &sound);
        // The port that the server found counts, and no other; it has to name one.
        let any_port = Forward::Tcpip { address: b"", port: 0 };
        let mut forger = fresh(feed);
        granted(&mut forger, any_port, &[0, 0, 0x9c, 0x40]);
        prohibited(&mut forger, &tcpip("forwarded-tcpip", "", 0));
        asked(&mut forger, &tcpip("forwarded-tcpip", "", 40_000), "forwarded-tcpip :40000 from 192.0.2.7:50000");
        for fields in [&b""[..], &[0, 0, 0, 0], &[0, 1, 0, 0], &[0, 0, 0x9c], &[0, 0, 0x9c, 0x40, 0]] {
            let mut forger = fresh(feed);
            forwards(&mut forger, any_port);
            forger.send(&any(81).raw(fields).done());
            forger.fatal(Error::Malformed(Some(81)), &[]);
        }
        // A socket's path is compared whole.
        let mut forger = fresh(feed);
        granted(&mut forger, Forward::Streamlocal(b"/tmp/s"), b"");
        for path in ["/tmp/s\0", "/tmp/", "/tmp/../tmp/s", ""] {
            prohibited(&mut forger, &streamlocal(FORWARDED_STREAMLOCAL, path));
        }
        asked(&mut forger, &streamlocal(FORWARDED_STREAMLOCAL, "/tmp/s"), "forwarded-streamlocal@openssh.com /tmp/s");
    });
}

/// A request to listen, an answer wanted.
fn listen(name: &str) -> Encode {
    any(80).string(name).u8(1)
}

#[test]
fn h20_listening_for_a_client() {
    both_ways(|feed| {
        let mut forger = Forger::<Server>::with(feed, forwarding()).authenticated();
        // The embedder sees the bytes, and what it refuses is a failure.
        let local = |path: &[u8]| listen("streamlocal-forward@openssh.com").string(path).done();
        let cases = [
            (local(b"/tmp/a\0b"), "streamlocal /tmp/a\0b"),
            (local(b"\0abstract"), "streamlocal \0abstract"),
            (local(b"../../etc/x"), "streamlocal ../../etc/x"),
            (local(b""), "streamlocal "),
            (listen("tcpip-forward").string("a\0b").u32(22).done(), "tcpip a\0b:22"),
            (listen("tcpip-forward").string("").u32(0).done(), "tcpip :0"),
        ];
        for (message, words) in cases {
            forger.send(&message);
            forger.lives(&[&format!("listen {words}")], &[]);
            let Some(Question::Forward(ask)) = forger.machine.held.pop() else { panic!("a question") };
            forger.machine.ssh.refuse_forward(ask);
            forger.machine.pump();
            forger.hear();
            forger.lives(&[], &[82]);
        }
        // Nobody is asked about a port that there is not, nor told that what never was is cancelled.
        for message in [
            listen("tcpip-forward").string("").u32(65_536).done(),
            listen("tcpip-forward").string("").u32(u32::MAX).done(),
            listen("cancel-tcpip-forward").string("").u32(22).done(),
            listen("cancel-streamlocal-forward@openssh.com").string("/tmp/s").done(),
        ] {
            forger.send(&message);
            forger.lives(&[], &[82]);
        }
        for message in [
            listen("tcpip-forward").done(),
            listen("tcpip-forward").string("").raw(&[0; 3]).done(),
            listen("tcpip-forward").string("").u32(22).u8(0).done(),
            listen("tcpip-forward").u32(u32::MAX).u32(22).done(),
            listen("streamlocal-forward@openssh.com").string("/tmp/s").u8(0).done(),
        ] {
            let mut forger = Forger::<Server>::with(feed, forwarding()).authenticated();
            forger.send(&message);
            forger.fatal(Error::Malformed(Some(80)), &[]);
        }
        // A server that asks its client to listen is refused as with anything unknown.
        let mut forger = Forger::<Client>::with(feed, forwarding()).authenticated();
        forger.send(&listen("tcpip-forward").string("").u32(22).done());
        forger.send(&local(b"/tmp/s"));
        forger.lives(&[], &[82, 82]);
    });
}

/// A thousand requests that nobody decides: as many are put as there are slots, and the rest fail.
#[test]
fn h20_more_forwards_than_there_are_slots() {
    both_ways(|feed| {
        let mut forger = Forger::<Server>::with(feed, forwarding()).authenticated();
        for port in 1..=4 {
            forger.send(&listen("tcpip-forward").string("").u32(port).done());
        }
        let told: Vec<_> = (1..=4).map(|port| format!("listen tcpip :{port}")).collect();
        forger.lives(&told.iter().map(String::as_str).collect::<Vec<_>>(), &[]);
        let count = if feed == Feed::Whole { 1000 } else { 100 };
        for port in 5..count {
            forger.send(&listen("tcpip-forward").string("").u32(port).done());
        }
        // Answers keep their order, so none leaves before the first decision; what waits unread is the line's.
        forger.lives(&[], &[]);
        for question in core::mem::take(&mut forger.machine.held) {
            let Question::Forward(ask) = question else { panic!("a question about a forward") };
            forger.machine.ssh.refuse_forward(ask);
        }
        forger.machine.pump();
        forger.hear();
        assert_eq!(forger.machine.over, None);
        assert!(forger.numbers().iter().all(|number| *number == 82) && forger.numbers().len() >= 4);
    });
}

#[test]
fn h21_one_switch_refuses_everything() {
    both_ways(|feed| {
        let (mut forger, channel) = Forger::<Server>::new(feed).with_channel();
        for message in &clients()[1..] {
            prohibited(&mut forger, message);
        }
        for message in servers() {
            prohibited(&mut forger, &message);
        }
        for message in [
            listen("tcpip-forward").string("").u32(22).done(),
            listen("tcpip-forward").string("localhost").u32(0).done(),
            listen("streamlocal-forward@openssh.com").string("/tmp/s").done(),
            listen("cancel-tcpip-forward").string("").u32(22).done(),
            listen("cancel-streamlocal-forward@openssh.com").string("/tmp/s").done(),
        ] {
            forger.send(&message);
            forger.lives(&[], &[82]);
        }
        let request = |name: &str| any(98).u32(channel).string(name).u8(1);
        for message in [
            request("x11-req").u8(0).string("MIT-MAGIC-COOKIE-1").string("00ff").u32(0).done(),
            request(AGENT).done(),
            request("auth-agent-req@openssh.com").done(),
            request("agent-req").done(),
        ] {
            forger.send(&message);
            forger.lives(&[], &[100]);
        }
        // Tunnels are of no known kind, wherever the switch stands.
        for config in [server_config(), forwarding()] {
            let mut forger = Forger::<Server>::with(feed, config).authenticated();
            forger.send(&open("tun@openssh.com").u32(1).u32(0).done());
            let [(_, payload)] = &forger.heard[..] else { panic!("one answer") };
            assert_eq!(payload[..9], any(92).u32(9).u32(3).done());
            forger.lives(&[], &[92]);
        }
    });
}

/// What belongs to sessions is refused and dropped elsewhere.
#[test]
fn h19_requests_and_extended_data_on_other_channels() {
    both_ways(|feed| {
        let mut forger = Forger::<Server>::with(feed, forwarding()).authenticated();
        forger.send(&clients()[1]);
        let channel = forger.machine.channels[0].number();
        forger.forget();
        let requests: [(&str, &[u8]); 5] = [
            ("shell", &[]),
            ("exec", &[0; 4]),
            ("env", &[0; 8]),
            ("x11-req", &[0; 13]),
            ("auth-agent-req@openssh.com", &[]),
        ];
        for (name, fields) in requests {
            forger.send(&any(98).u32(channel).string(name).u8(1).raw(fields).done());
            forger.lives(&[], &[100]);
        }
        forger.send(&any(95).u32(channel).u32(1).string("x").done());
        forger.lives(&[], &[]);
    });
}
