//! Agents: used from there, told for whom, and gone with the session.

use crate::{Running, give, said};
use sanssh_core::agent::{Constraints, Destination, Destinations, Hop, HopKey};
use sanssh_core::file::SigningKey;
use sanssh_core::wire::Sequence;
use sanssh_std::{Agent, home};
use sanssh_tests::agents::Ours;
use sanssh_tests::keys::{Keys, Kind};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::{fs, thread};

#[test]
fn programs_there_sign_by_the_agent_here() {
    let (server, agent) = (Running::generous(), Ours::start());
    give(&agent, 1, "one", &Constraints::default());
    let client = server.client();
    // Many sessions, and the agent of each is asked.
    for _ in 0..3 {
        let channel = client.session().unwrap();
        channel.forward_agent(Some(&agent.socket())).unwrap();
        assert_eq!(said(&channel, "sign", 1), "one true\n");
        assert_eq!(channel.agent_granted(), Some(true));
    }
}

#[test]
fn k05_keys_for_certain_destinations_are_for_those_alone() {
    let (server, agent) = (Running::generous(), Ours::start());
    let here = home::read_key(&Keys::shared().host(Kind::Ed25519), None).unwrap();
    let stranger = SigningKey::ed25519(&[9; 32]);
    let (here, there) =
        ([HopKey { key: here.public(), authority: false }], [HopKey { key: stranger.public(), authority: false }]);
    let hop = |host, keys| Hop { user: b"", host, keys: Sequence::new(keys) };
    let (here, there) = (hop(b"here", &here[..]), hop(b"there", &there[..]));
    let through = [Destination { from: Hop::ORIGIN, to: here }, Destination { from: here, to: there }];
    let elsewhere = [Destination { from: Hop::ORIGIN, to: there }];
    let only = |list| Constraints { destinations: Some(Destinations::new(list)), ..Constraints::default() };
    give(&agent, 1, "through", &only(&through));
    give(&agent, 2, "elsewhere", &only(&elsewhere));
    give(&agent, 3, "anywhere", &Constraints::default());
    let mut local = Agent::connect(&agent.socket()).unwrap();
    assert_eq!(local.identities().unwrap().len(), 3);
    let client = server.client();
    let channel = client.session().unwrap();
    channel.forward_agent(Some(&agent.socket())).unwrap();
    // What is for elsewhere is not seen, and what is for a login further on signs nothing else.
    assert_eq!(said(&channel, "sign", 1), "through false,anywhere true\n");
}

#[test]
fn a_socket_is_private_and_gone_with_its_session() {
    let (server, agent) = (Running::generous(), Ours::start());
    let client = server.client();
    let channel = client.session().unwrap();
    channel.forward_agent(Some(&agent.socket())).unwrap();
    let text = said(&channel, "look", 2);
    let path = Path::new(text.lines().next().unwrap());
    let directory = path.parent().unwrap();
    assert_eq!(fs::metadata(directory).unwrap().permissions().mode() & 0o777, 0o700);
    let open = UnixStream::connect(path).unwrap();
    channel.finish();
    channel.wait_close().unwrap();
    // It is gone before anybody can know that the session is.
    while directory.exists() {
        thread::yield_now();
    }
    drop(open);
}

#[test]
fn an_agent_that_is_not_there_ends_what_asks_it() {
    let server = Running::generous();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("nobody");
    let client = server.client();
    let channel = client.session().unwrap();
    channel.forward_agent(Some(&path)).unwrap();
    assert_eq!(said(&channel, "sign", 1), "no answer\n");
    // Or one that leaves instead of answering.
    let listener = UnixListener::bind(&path).unwrap();
    thread::spawn(move || listener.incoming().for_each(drop));
    let channel = client.session().unwrap();
    channel.forward_agent(Some(&path)).unwrap();
    assert_eq!(said(&channel, "sign", 1), "no answer\n");
    assert_eq!(said(&client.session().unwrap(), "look", 2), "\n\n");
}

#[test]
fn an_agent_hears_first_for_whom_it_is() {
    let server = Running::generous();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("agent");
    let listener = UnixListener::bind(&path).unwrap();
    let heard = thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut length = [0; 4];
        socket.read_exact(&mut length).unwrap();
        let mut frame = vec![0; usize::try_from(u32::from_be_bytes(length)).unwrap()];
        socket.read_exact(&mut frame).unwrap();
        frame
    });
    let client = server.client();
    let channel = client.session().unwrap();
    channel.forward_agent(Some(&path)).unwrap();
    assert_eq!(said(&channel, "sign", 1), "no answer\n");
    let frame = heard.join().unwrap();
    // SSH_AGENTC_EXTENSION, and that it is forwarded.
    assert!(frame.starts_with(b"\x1b\0\0\0\x18session-bind@openssh.com") && frame.ends_with(&[1]));
}
