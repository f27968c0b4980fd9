//! Channels between two connections in memory: data, extended data, requests, and how channels end.

use sanssh_core::Config;
use sanssh_core::channel::{OpenKind, Request, STDERR};
use sanssh_core::crypto::fast::Fast;
use sanssh_tests::pair::{Pair, Told, server_config};

type Both = Pair<Fast, Fast>;

#[test]
fn a_command_runs_from_open_to_closed() {
    let mut pair = Both::connected(Config::default(), server_config());
    let (client, server) = pair.exec("echo hello");
    pair.server.emit(|ssh, output| ssh.write(server, b"hello\n", output)).expect("the server writes");
    pair.server.emit(|ssh, output| ssh.write_extended(server, STDERR, b"oops\n", output)).expect("and to stderr");
    pair.server.emit(|ssh, output| ssh.request(server, Request::ExitStatus(3), output)).expect("and a status");
    pair.server.ssh.finish(server);
    pair.server.ssh.close(server);
    pair.run();
    let expected = [
        Told::Opened(client),
        Told::Replied(client, true),
        Told::Data(client, b"hello\n".to_vec()),
        Told::Extended(client, STDERR, b"oops\n".to_vec()),
        Told::Notice(client, "exit-status 3".into()),
        Told::Eof(client),
        Told::Closed(client),
    ];
    assert_eq!(pair.client.take_told(), expected);
    let again = pair.exec("once more");
    assert_ne!(again, (client, server), "the slot is used again under another number");
    assert_eq!(again.0.index(), client.index());
}

/// Identifications and KEXINITs, shares, login, channel, command: five round trips to the first byte of output, of which
/// the server's half of the first is not waited for here, since both ends start at once.
#[test]
fn a_command_takes_five_round_trips() {
    let mut pair = Both::new(Config::default(), server_config());
    let (mut flights, mut arrived) = (0, false);
    while !arrived {
        assert!(flights < 20, "{:?}", pair.client.over);
        pair.step();
        flights += 1;
        // As a driver does when the answer to one message has to leave before the next is read.
        pair.server.flush(pair.now);
        pair.receive_server();
        for told in pair.client.take_told() {
            if matches!(told, Told::Keyed(_)) {
                pair.password("right").expect("a login shares the flight of NEWKEYS");
            } else if told == Told::Login("accepted true".into()) {
                pair.client.emit(|ssh, output| ssh.open(OpenKind::Session, output)).expect("a channel");
            } else if let Told::Opened(id) = told {
                pair.client.emit(|ssh, output| ssh.request(id, Request::Exec(b"x"), output)).expect("a command");
            }
            arrived |= matches!(told, Told::Data(..));
        }
        while let Some(ask) = pair.server.opens.pop_front() {
            pair.server.ssh.accept(ask).expect("the server accepts");
        }
        while let Some(ask) = pair.server.requests.pop_front() {
            pair.server.ssh.reply(ask, true);
            let Some(Told::Request(id, _)) = pair.server.told.back() else { panic!("the request was told last") };
            let id = *id;
            pair.server.emit(|ssh, output| ssh.write(id, b"x", output)).expect("the first byte");
        }
    }
    assert_eq!(flights, 9);
}
