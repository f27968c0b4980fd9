//! Channels between two connections in memory: data, extended data, requests, and how channels end.

use sanssh_core::Config;
use sanssh_core::channel::{Request, STDERR};
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
