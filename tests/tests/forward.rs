//! Forwarding between two connections in memory: what each end may ask for, what it is told, and what comes of it.

use sanssh_core::channel::{Forward, ForwardEvent, ForwardId, OpenKind, Request, Tcpip};
use sanssh_core::crypto::fast::Fast;
use sanssh_core::wire::connection::X11Req;
use sanssh_core::{ChannelId, Config, Refused};
use sanssh_tests::pair::{Pair, Told, server_config};

type Both = Pair<Fast, Fast>;

fn forwarding() -> Both {
    Both::connected(Config::default(), Config { forwarding: true, ..server_config() })
}

const fn tcpip(host: &[u8], port: u16) -> Tcpip<'_> {
    Tcpip { host, port, originator: b"192.0.2.7", originator_port: 50_000 }
}

fn open_from_client(pair: &mut Both, kind: OpenKind<'_>) -> Result<ChannelId, Refused> {
    let id = pair.client.emit(|ssh, output| ssh.open(kind, output));
    pair.run();
    id
}

fn open_from_server(pair: &mut Both, kind: OpenKind<'_>) -> Result<ChannelId, Refused> {
    let id = pair.server.emit(|ssh, output| ssh.open(kind, output));
    pair.run();
    id
}

/// The client asks, and the server listens at `port`.
fn listen(pair: &mut Both, what: Forward<'_>, port: u16) -> (ForwardId, ForwardId) {
    let client = pair.client.emit(|ssh, output| ssh.forward(what, output)).expect("a forward");
    pair.run();
    let ask = pair.server.forwards.pop_front().expect("the server is asked");
    let server = pair.server.ssh.listen(ask, port).expect("the server listens");
    pair.run();
    (client, server)
}

/// Data goes both ways over the channel that the other end has just been asked for, and each half closes by itself.
fn carries(pair: &mut Both, opener: ChannelId, by_client: bool) {
    let asks = if by_client { &mut pair.server.opens } else { &mut pair.client.opens };
    let ask = asks.pop_front().expect("the other end is asked");
    let other = if by_client { pair.server.ssh.accept(ask) } else { pair.client.ssh.accept(ask) }.expect("it accepts");
    pair.run();
    let (client, server) = if by_client { (opener, other) } else { (other, opener) };
    pair.client.emit(|ssh, output| ssh.write(client, b"ping", output)).expect("data");
    pair.client.ssh.finish(client);
    pair.run();
    pair.server.emit(|ssh, output| ssh.write(server, b"pong", output)).expect("data after the other half is closed");
    pair.server.ssh.finish(server);
    pair.run();
    pair.client.ssh.close(client);
    pair.run();
    let told = |told: Vec<Told>| told.into_iter().filter(|one| !matches!(one, Told::Open(_))).collect::<Vec<_>>();
    let (at_client, at_server) = (told(pair.client.take_told()), told(pair.server.take_told()));
    let expected = |id, data: &[u8], opened| {
        let opened = if opened { vec![Told::Opened(id)] } else { vec![] };
        [opened, vec![Told::Data(id, data.to_vec()), Told::Eof(id), Told::Closed(id)]].concat()
    };
    assert_eq!(at_client, expected(client, b"pong", by_client));
    assert_eq!(at_server, expected(server, b"ping", !by_client));
}

#[test]
fn direct_channels() {
    let mut pair = forwarding();
    let kinds = [
        (OpenKind::DirectTcpip(tcpip(b"db.example", 5432)), "direct-tcpip db.example:5432 from 192.0.2.7:50000"),
        (OpenKind::DirectStreamlocal(b"/run/db.sock"), "direct-streamlocal@openssh.com /run/db.sock"),
    ];
    for (kind, words) in kinds {
        let id = open_from_client(&mut pair, kind).expect("a channel");
        assert_eq!(pair.server.told.back(), Some(&Told::Open(words.into())));
        carries(&mut pair, id, true);
    }
}

/// A request there and an answer back, and data goes; of a channel that the server opens as well.
#[test]
fn a_channel_opens_in_one_round_trip() {
    let mut pair = forwarding();
    let (_, forward) = listen(&mut pair, Forward::Tcpip { address: b"", port: 1 }, 1);
    pair.client.take_told();
    pair.server.take_told();

    let kind = OpenKind::DirectTcpip(tcpip(b"host", 80));
    let id = pair.client.emit(|ssh, output| ssh.open(kind, output)).expect("a channel");
    pair.step();
    let ask = pair.server.opens.pop_front().expect("the server is asked after one flight");
    let served = pair.server.ssh.accept(ask).expect("it accepts");
    pair.server.emit(|ssh, output| ssh.write(served, b"greeting", output)).expect("data in the same flight");
    pair.step();
    assert_eq!(pair.client.take_told(), [Told::Opened(id), Told::Data(id, b"greeting".to_vec())]);

    let kind = OpenKind::ForwardedTcpip(forward, tcpip(b"", 1));
    let id = pair.server.emit(|ssh, output| ssh.open(kind, output)).expect("a channel");
    pair.step();
    let ask = pair.client.opens.pop_front().expect("the client is asked after one flight");
    pair.client.ssh.accept(ask).expect("it accepts");
    pair.step();
    assert!(pair.server.take_told().contains(&Told::Opened(id)));
}

/// RFC 4254 §7.1: the port is told where it was the server's to find, and connections name it.
#[test]
fn a_remote_forward_from_its_request_to_its_end() {
    let mut pair = forwarding();
    let what = Forward::Tcpip { address: b"localhost", port: 0 };
    let (client, server) = listen(&mut pair, what, 40_000);
    assert_eq!(pair.server.take_told(), [Told::Listen("tcpip localhost:0".into())]);
    assert_eq!(pair.client.take_told(), [Told::Forward(client, ForwardEvent::Granted(40_000))]);

    let kind = OpenKind::ForwardedTcpip(server, tcpip(b"localhost", 40_000));
    let id = open_from_server(&mut pair, kind).expect("a connection came in");
    let words = "forwarded-tcpip localhost:40000 from 192.0.2.7:50000";
    assert_eq!(pair.client.told.back(), Some(&Told::Open(words.into())));
    carries(&mut pair, id, false);

    pair.client.emit(|ssh, output| ssh.cancel(client, what, output)).expect("it is over");
    pair.run();
    assert_eq!(pair.server.take_told(), [Told::Forward(server, ForwardEvent::Cancelled)]);
    assert_eq!(open_from_server(&mut pair, kind), Err(Refused::NotYet));
    assert!(pair.client.over.is_none() && pair.server.over.is_none());
}

#[test]
fn a_forward_of_a_unix_socket() {
    let mut pair = forwarding();
    let what = Forward::Streamlocal(b"/tmp/s");
    let (client, server) = listen(&mut pair, what, 0);
    assert_eq!(pair.client.take_told(), [Told::Forward(client, ForwardEvent::Granted(0))]);
    pair.server.take_told();
    let id = open_from_server(&mut pair, OpenKind::ForwardedStreamlocal(server, b"/tmp/s")).expect("a connection");
    assert_eq!(pair.client.told.back(), Some(&Told::Open("forwarded-streamlocal@openssh.com /tmp/s".into())));
    carries(&mut pair, id, false);
    let other = open_from_server(&mut pair, OpenKind::ForwardedStreamlocal(server, b"/tmp/other"));
    assert_eq!(other, Err(Refused::NotYet), "that one was not asked for");
}

/// Answers leave in the order of the requests, whatever the order of the decisions.
#[test]
fn answers_to_forwards_keep_their_order() {
    let mut pair = forwarding();
    let forward = |pair: &mut Both, port| {
        let what = Forward::Tcpip { address: b"", port };
        pair.client.emit(|ssh, output| ssh.forward(what, output)).expect("a forward")
    };
    let ids = [1000, 0, 1001].map(|port| forward(&mut pair, port));
    pair.run();
    let [first, second, third] = [(); 3].map(|()| pair.server.forwards.pop_front().expect("three questions"));
    pair.server.ssh.listen(third, 7).expect("the third first");
    pair.server.ssh.listen(second, 2000).expect("the second");
    pair.run();
    assert_eq!(pair.client.take_told(), [], "the first is thought about");
    pair.server.ssh.refuse_forward(first);
    pair.run();
    let expected = [ForwardEvent::Refused, ForwardEvent::Granted(2000), ForwardEvent::Granted(1001)];
    let expected: Vec<_> = ids.into_iter().zip(expected).map(|(id, event)| Told::Forward(id, event)).collect();
    assert_eq!(pair.client.take_told(), expected);
}

/// The table of channels bounds forwards, and what waits for an answer is bounded too.
#[test]
fn forwards_take_slots() {
    let mut pair = forwarding();
    for port in 1..=4 {
        let what = Forward::Tcpip { address: b"", port };
        pair.client.emit(|ssh, output| ssh.forward(what, output)).expect("a forward");
    }
    let fifth = pair.client.emit(|ssh, output| ssh.forward(Forward::Streamlocal(b"/x"), output));
    assert_eq!(fifth, Err(Refused::NoRoom));
    pair.run();
    assert_eq!(pair.server.forwards.len(), 4);
    pair.server.forwards.drain(..).for_each(|ask| pair.server.ssh.refuse_forward(ask));
    pair.run();
    let refused = |told: &Told| matches!(told, Told::Forward(_, ForwardEvent::Refused));
    assert_eq!(pair.client.take_told().iter().filter(|told| refused(told)).count(), 4);
    listen(&mut pair, Forward::Tcpip { address: b"", port: 9 }, 9);
}

/// What is asked for twice is refused once it is there, and can be had again afterwards.
#[test]
fn a_forward_twice() {
    let mut pair = forwarding();
    let what = Forward::Tcpip { address: b"::1", port: 80 };
    let (first, _) = listen(&mut pair, what, 80);
    pair.client.take_told();
    let second = pair.client.emit(|ssh, output| ssh.forward(what, output)).expect("the server says");
    pair.run();
    assert_eq!(pair.client.take_told(), [Told::Forward(second, ForwardEvent::Refused)]);
    assert!(pair.server.forwards.is_empty(), "the embedder is not asked");
    let cancel = pair.client.emit(|ssh, output| ssh.cancel(first, Forward::Streamlocal(b"::1"), output));
    assert_eq!(cancel, Err(Refused::Moot), "it is another");
    pair.client.emit(|ssh, output| ssh.cancel(first, what, output)).expect("over");
    pair.run();
    listen(&mut pair, what, 80);
}

/// One cancel ends all that it names: of two requests at once for the same place the second is refused.
#[test]
fn a_forward_twice_at_once() {
    for what in [Forward::Tcpip { address: b"::1", port: 80 }, Forward::Streamlocal(b"/run/s")] {
        let mut pair = forwarding();
        let [first, second] =
            [(); 2].map(|()| pair.client.emit(|ssh, output| ssh.forward(what, output)).expect("a forward"));
        pair.run();
        let ask = pair.server.forwards.pop_front().expect("one question");
        assert!(pair.server.forwards.is_empty(), "the embedder is asked once");
        pair.server.ssh.listen(ask, 0).expect("the server listens");
        pair.run();
        let granted =
            Told::Forward(first, ForwardEvent::Granted(if what == Forward::Streamlocal(b"/run/s") { 0 } else { 80 }));
        assert_eq!(pair.client.take_told(), [granted, Told::Forward(second, ForwardEvent::Refused)]);
    }
    // The server finds a port for each.
    let mut pair = forwarding();
    for _ in 0..2 {
        pair.client
            .emit(|ssh, output| ssh.forward(Forward::Tcpip { address: b"::1", port: 0 }, output))
            .expect("a forward");
    }
    pair.run();
    assert_eq!(pair.server.forwards.len(), 2);
}

/// Who is not asked opens nothing: neither a server what nobody wants, nor a client what is a server's.
#[test]
fn nothing_is_opened_unasked() {
    let mut pair = forwarding();
    let (_, forward) = listen(&mut pair, Forward::Tcpip { address: b"a", port: 1 }, 1);
    let id = pair.exec("x");
    let servers = [
        OpenKind::Session,
        OpenKind::DirectTcpip(tcpip(b"a", 1)),
        OpenKind::DirectStreamlocal(b"a"),
        OpenKind::ForwardedTcpip(forward, tcpip(b"b", 1)),
        OpenKind::ForwardedTcpip(forward, tcpip(b"a", 2)),
        OpenKind::ForwardedStreamlocal(forward, b"a"),
        OpenKind::X11 { originator: b"", originator_port: 0 },
        OpenKind::Agent,
        OpenKind::AgentStandard,
    ];
    for kind in servers {
        assert_eq!(open_from_server(&mut pair, kind), Err(Refused::NotYet), "{kind:?}");
    }
    for kind in [
        OpenKind::ForwardedTcpip(forward, tcpip(b"a", 1)),
        OpenKind::ForwardedStreamlocal(forward, b"a"),
        OpenKind::X11 { originator: b"", originator_port: 0 },
        OpenKind::Agent,
        OpenKind::AgentStandard,
    ] {
        assert_eq!(open_from_client(&mut pair, kind), Err(Refused::NotYet), "{kind:?}");
    }
    assert_eq!(pair.client.emit(|ssh, output| ssh.request(id.0, Request::Agent, output)), Ok(()));
}

/// A session's request for the agent lets the server open channels to it, once it is granted; so for the display, where
/// one connection may be all that is wanted.
#[test]
fn agent_and_display_come_with_a_session() {
    let x11 = |single_connection| {
        Request::X11(X11Req { single_connection, protocol: b"MIT-MAGIC-COOKIE-1", cookie: b"00ff", screen: 0 })
    };
    let display = OpenKind::X11 { originator: b"192.0.2.7", originator_port: 6000 };
    for (request, kind, times) in [
        (Request::Agent, OpenKind::Agent, 3),
        (Request::AgentStandard, OpenKind::AgentStandard, 3),
        (x11(false), display, 3),
        (x11(true), display, 1),
    ] {
        let mut pair = forwarding();
        let (client, _) = pair.exec("x");
        pair.client.emit(|ssh, output| ssh.request(client, request, output)).expect("a request");
        pair.run();
        assert_eq!(open_from_server(&mut pair, kind), Err(Refused::NotYet), "not granted yet");
        let ask = pair.server.requests.pop_front().expect("the server is asked");
        pair.server.ssh.reply(ask, true);
        pair.run();
        for time in 0..3 {
            let id = open_from_server(&mut pair, kind);
            assert_eq!(id.is_ok(), time < times, "{kind:?} {time}");
            let Ok(id) = id else { continue };
            pair.client.take_told();
            pair.server.take_told();
            carries(&mut pair, id, false);
        }
        assert!(pair.client.over.is_none() && pair.server.over.is_none());
    }
}

/// One switch turns all of it off, and nobody is asked.
#[test]
fn the_switch() {
    let mut pair = Both::connected(Config::default(), server_config());
    let (session, _) = pair.exec("x");
    pair.client.take_told();
    pair.server.take_told();
    for kind in [OpenKind::DirectTcpip(tcpip(b"a", 1)), OpenKind::DirectStreamlocal(b"/a")] {
        let id = open_from_client(&mut pair, kind).expect("the server says");
        assert_eq!(pair.client.take_told(), [Told::Failed(id, 1)]);
    }
    for what in [Forward::Tcpip { address: b"", port: 0 }, Forward::Streamlocal(b"/a")] {
        let id = pair.client.emit(|ssh, output| ssh.forward(what, output)).expect("the server says");
        pair.run();
        assert_eq!(pair.client.take_told(), [Told::Forward(id, ForwardEvent::Refused)]);
    }
    let x11 = X11Req { single_connection: false, protocol: b"", cookie: b"", screen: 0 };
    for request in [Request::Agent, Request::AgentStandard, Request::X11(x11)] {
        pair.client.emit(|ssh, output| ssh.request(session, request, output)).expect("the server says");
        pair.run();
        assert_eq!(pair.client.take_told(), [Told::Replied(session, false)]);
    }
    assert_eq!(pair.server.take_told(), [], "the embedder was never asked");
}

#[test]
fn sessions_can_be_forgone() {
    let mut pair = forwarding();
    let (session, served) = pair.exec("x");
    pair.client.take_told();
    pair.client.emit(|ssh, output| ssh.forgo_sessions(output)).expect("no more");
    pair.run();
    assert_eq!(open_from_client(&mut pair, OpenKind::Session), Err(Refused::NotYet));
    pair.server.emit(|ssh, output| ssh.write(served, b"still here", output)).expect("data");
    pair.run();
    assert_eq!(pair.client.take_told(), [Told::Data(session, b"still here".to_vec())]);
    open_from_client(&mut pair, OpenKind::DirectStreamlocal(b"/a")).expect("other channels can");
}

/// The news that nobody reads a stream any more passes both ways, and asks for nothing.
#[test]
fn an_end_of_writing_is_told() {
    let mut pair = forwarding();
    let (client, server) = pair.exec("x");
    pair.client.take_told();
    pair.server.take_told();
    pair.client.emit(|ssh, output| ssh.request(client, Request::EndOfWrite, output)).expect("news");
    pair.server.emit(|ssh, output| ssh.request(server, Request::EndOfWrite, output)).expect("news");
    pair.run();
    assert_eq!(pair.client.take_told(), [Told::Notice(client, "eow@openssh.com".into())]);
    assert_eq!(pair.server.take_told(), [Told::Notice(server, "eow@openssh.com".into())]);
}

/// RFC 9987 §6.1: the standard's name where the server says that it knows it, which is where it forwards.
#[test]
fn an_agent_is_asked_for_by_the_name_that_the_server_knows() {
    assert_eq!(forwarding().client.ssh.agent_request(), Request::AgentStandard);
    assert_eq!(Both::connected(Config::default(), server_config()).client.ssh.agent_request(), Request::Agent);
}
