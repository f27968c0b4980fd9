//! Key exchanges after the first (RFC 4253 §9): at every packet of a busy session, from either side and both at once;
//! when they are due, what they may and may not change, and what happens if the peer does not take part.

mod busy;

use busy::{Busy, By, check_silence};
use core::time::Duration;
use sanssh_core::crypto::fast::Fast;
use sanssh_core::crypto::null::Null;
use sanssh_core::crypto::soft::Soft;
use sanssh_core::file::SigningKey;
use sanssh_core::time::Phase;
use sanssh_core::wire::connection::{ChannelOpen, ChannelRequest, GlobalRequest};
use sanssh_core::wire::transport::Ping;
use sanssh_core::wire::{Message, Rest, Writer};
use sanssh_core::{Config, Error, Instant, Reason, Refused, Violation};
use sanssh_tests::packets;
use sanssh_tests::pair::{Kept, Pair, Told, server_config};

type Bare = Pair<Null, Null>;

fn at_every_packet(by: By) {
    let mut plain = Busy::plain();
    plain.run(By::Client, usize::MAX);
    plain.check();
    assert_eq!(plain.keyed(), [0, 0]);
    let packets = plain.carried;
    assert!(packets > 60, "the session is busy: {packets} packets");
    let mut refused = 0;
    for at in 0..=packets {
        let mut busy = Busy::plain();
        let session = busy.pair.client.ssh.session_id();
        busy.run(by, at);
        busy.check();
        // Asked for together, an exchange may be over at one end before the other begins.
        let keyed = busy.keyed();
        assert!(keyed == [1, 1] || (by == By::Both && keyed == [2, 2]), "at packet {at}: {keyed:?}");
        assert_eq!(busy.pair.client.ssh.session_id(), session, "the first exchange names the session for good");
        assert_eq!(busy.pair.server.ssh.session_id(), session);
        let asked = busy.pair.client.told.iter().any(|told| matches!(told, Told::Login(_)));
        assert!(!asked, "the same host key passes silently");
        refused += busy.refused;
    }
    assert!(refused > packets, "writes meet the exchange: {refused}");
}

#[test]
fn by_the_client_at_every_packet() {
    at_every_packet(By::Client);
}

#[test]
fn by_the_server_at_every_packet() {
    at_every_packet(By::Server);
}

#[test]
fn by_both_at_once_at_every_packet() {
    at_every_packet(By::Both);
}

#[test]
fn after_so_many_bytes_of_either() {
    for limited in [By::Client, By::Server, By::Both] {
        let limit = |mut config: Config, is: bool| {
            config.rekey.bytes = if is { 15_000 } else { config.rekey.bytes };
            config
        };
        let mut busy =
            Busy::new(limit(Config::default(), limited != By::Server), limit(server_config(), limited != By::Client));
        busy.run(By::Client, usize::MAX);
        busy.check();
        assert!(busy.keyed()[0] >= 1 && busy.keyed()[0] == busy.keyed()[1], "{limited:?}: {:?}", busy.keyed());
    }
}

#[test]
fn after_so_many_packets() {
    let mut server = server_config();
    server.rekey.packets = 20;
    let mut busy = Busy::new(Config::default(), server);
    busy.run(By::Client, usize::MAX);
    busy.check();
    let traffic = busy.pair.server.ssh.traffic();
    assert!(traffic.sent.packets < 30 && traffic.received.packets < 30, "{traffic:?}");
    assert!(busy.keyed()[0] >= 2, "{:?}", busy.keyed());
}

#[test]
fn after_so_much_time() {
    let mut client = Config::default();
    client.rekey.time = Duration::from_secs(600);
    let mut pair = Pair::<Fast, Soft>::connected(client, server_config());
    for turn in 1..=3_u64 {
        let due = pair.client.ssh.deadline().expect("an appointment");
        assert_eq!(due, Instant(turn * 600_000_000));
        pair.now = Instant(due.0 - 1);
        pair.client.ssh.tick(pair.now).expect("nothing is wrong");
        assert!(!pair.client.ssh.owes_output(), "not yet");
        pair.now = due;
        pair.client.ssh.tick(pair.now).expect("nothing is wrong");
        assert!(pair.client.ssh.owes_output(), "now");
        pair.run();
        let keyed = |told: &Told| matches!(told, Told::Keyed(text) if text.ends_with("first=false"));
        assert_eq!(pair.client.take_told().iter().filter(|told| keyed(told)).count(), 1);
        assert_eq!(pair.server.take_told().iter().filter(|told| keyed(told)).count(), 1);
    }
}

#[test]
fn a_peer_that_does_not_take_part_is_given_up() {
    let mut client = Config::default();
    client.deadlines.rekey = Duration::from_secs(5);
    let mut pair = Bare::connected(client, server_config());
    pair.now = Instant(1_000_000);
    pair.client.ssh.rekey();
    pair.client.flush(pair.now);
    assert_eq!(pair.client.ssh.deadline(), Some(Instant(6_000_000)));
    assert_eq!(pair.client.ssh.tick(Instant(5_999_999)), Ok(()));
    assert_eq!(pair.client.ssh.tick(Instant(6_000_000)), Err(Error::TimedOut(Phase::Rekey)));
}

#[test]
fn an_exchange_in_time_clears_its_deadline() {
    let mut client = Config::default();
    client.deadlines.rekey = Duration::from_secs(5);
    let mut pair = Bare::connected(client, server_config());
    pair.client.ssh.rekey();
    pair.run();
    assert_eq!(pair.client.ssh.tick(Instant(60_000_000)), Ok(()));
}

#[test]
fn another_host_key_is_asked_about_again() {
    for trusted in [true, false] {
        let mut pair = Pair::<Fast, Fast>::connected(Config::default(), server_config());
        pair.client.keeps = true;
        pair.host_key = SigningKey::ed25519(&[77; 32]);
        pair.server.ssh.rekey();
        pair.run();
        let Kept::Trust(ask) = pair.client.take_kept() else { panic!("a question about the key") };
        assert_eq!(pair.client.take_told(), [Told::Login("host-key ssh-ed25519".into())]);
        if trusted {
            pair.client.ssh.trust(ask);
            pair.run();
            assert_eq!(pair.client.over, None);
            let _ = pair.exec("true");
            pair.client.ssh.rekey();
            pair.run();
            assert!(pair.client.kept.is_empty(), "the new key is now the known one");
        } else {
            pair.client.ssh.distrust(ask);
            pair.run();
            assert_eq!(pair.client.ssh.fate(), Some(Error::Untrusted));
            assert_eq!(pair.server.told.back(), Some(&Told::Disconnected(9, Vec::new())));
        }
    }
}

#[test]
fn keys_change_as_often_as_one_likes_under_real_ciphers() {
    let mut pair = Pair::<Fast, Soft>::connected(Config::default(), server_config());
    let (client, server) = pair.exec("cat");
    for turn in 0..10_u8 {
        pair.client.emit(|ssh, output| ssh.write(client, &[turn; 500], output)).expect("the client writes");
        pair.server.emit(|ssh, output| ssh.write(server, &[turn; 700], output)).expect("the server writes");
        if turn % 2 == 0 {
            pair.client.ssh.rekey()
        } else {
            pair.server.ssh.rekey()
        }
        pair.run();
        assert_eq!(pair.server.take_data(), vec![turn; 500]);
        assert_eq!(pair.client.take_data(), vec![turn; 700]);
    }
}

/// Asking again while an exchange runs asks for nothing more.
#[test]
fn one_wish_is_one_exchange() {
    let mut pair = Bare::connected(Config::default(), server_config());
    pair.client.ssh.rekey();
    pair.client.ssh.rekey();
    pair.client.flush(pair.now);
    pair.client.ssh.rekey();
    pair.run();
    let keyed = pair.client.take_told().iter().filter(|told| matches!(told, Told::Keyed(_))).count();
    assert_eq!(keyed, 1);
}

/// Before the login its own messages come first: nobody's answer can be stuck behind our silence.
#[test]
fn a_rekey_asked_for_during_the_login_follows_it() {
    let mut pair = Bare::new(Config::default(), server_config());
    pair.run();
    pair.server.keeps = true;
    pair.password("right").expect("the password may be sent");
    pair.run();
    pair.server.ssh.rekey();
    pair.client.ssh.rekey();
    pair.run();
    let Kept::Attempt(ask) = pair.server.take_kept() else { panic!("an attempt") };
    pair.server.ssh.grant(ask);
    pair.run();
    assert!(pair.client.ssh.is_logged_in() && pair.server.ssh.is_logged_in());
    let keyed = |told: &Told| matches!(told, Told::Keyed(text) if text.ends_with("first=false"));
    assert!(pair.client.take_told().iter().any(keyed), "then it came");
    let _ = pair.exec("true");
}

/// Carries a client's messages to a server that has just begun an exchange: they were sent before the client knew.
fn in_flight(payloads: &[Vec<u8>]) -> Bare {
    let mut pair = Bare::connected(Config::default(), server_config());
    pair.server.ssh.rekey();
    pair.server.flush(pair.now);
    for payload in payloads {
        pair.server.input.extend(packets::null_frame(payload));
    }
    pair.receive_server();
    pair
}

fn encoded<'m>(message: &impl Message<'m>) -> Vec<u8> {
    let mut space = [0; 256];
    let mut writer = Writer::new(&mut space);
    message.encode(&mut writer);
    writer.finish().expect("it fits").to_vec()
}

/// What was in flight is answered after the exchange, which it must not hold up.
fn finishes(mut pair: Bare) -> Vec<u8> {
    assert_eq!(pair.server.ssh.waiting(), None, "the server reads on");
    pair.run();
    assert_eq!((pair.client.over, pair.server.over), (None, None));
    check_silence(&pair.server.sent);
    let all = packets::numbers(&packets::null(&pair.server.sent));
    let end = all.iter().rposition(|number| *number == 21).expect("NEWKEYS");
    all[end + 1..].to_vec()
}

#[test]
fn pings_in_flight_do_not_hold_up_an_exchange() {
    let pings: Vec<_> = (0..5_u8).map(|turn| encoded(&Ping { data: &[turn] })).collect();
    assert_eq!(finishes(in_flight(&pings)), [193], "the last one is answered");
}

#[test]
fn requests_in_flight_do_not_hold_up_an_exchange() {
    let request = encoded(&GlobalRequest { name: b"keepalive@example.com", want_reply: true, fields: Rest(b"") });
    let mut pair = in_flight(&vec![request; 40]);
    assert_eq!(pair.server.ssh.waiting(), None, "the server reads on");
    // The client did not ask, so it takes none of the answers; the server's bytes tell.
    for _ in 0..6 {
        pair.step();
    }
    let all = packets::numbers(&packets::null(&pair.server.sent));
    let end = all.iter().rposition(|number| *number == 21).expect("NEWKEYS");
    assert_eq!(all[end + 1..], [82; 40]);
}

/// As many as a channel may have open, on several channels: all are answered, and then the channels take more.
#[test]
fn requests_on_channels_in_flight_do_not_hold_up_an_exchange() {
    let mut pair = Bare::connected(Config::default(), server_config());
    let channels: Vec<_> = (0..3).map(|_| pair.exec("cat").1).collect();
    let request = |recipient| {
        encoded(&ChannelRequest { recipient, name: b"unknown@example.com", want_reply: true, fields: Rest(b"") })
    };
    pair.server.ssh.rekey();
    pair.server.flush(pair.now);
    for payload in channels.iter().flat_map(|id| vec![request(id.number()); 16]) {
        pair.server.input.extend(packets::null_frame(&payload));
    }
    pair.receive_server();
    assert_eq!(pair.server.ssh.waiting(), None, "the server reads on");
    for _ in 0..6 {
        pair.step();
    }
    assert_eq!(pair.server.over, Some(Error::Disconnected(Reason(2))), "the client did not ask for that");
    let failures = packets::numbers(&packets::null(&pair.server.sent)).iter().filter(|number| **number == 100).count();
    assert_eq!(failures, 48);
}

#[test]
fn refused_opens_in_flight_have_a_limit() {
    let open = |sender| encoded(&ChannelOpen { kind: b"x", sender, window: 0, max_packet: 1, fields: Rest(b"") });
    let pair = in_flight(&(0..16).map(open).collect::<Vec<_>>());
    assert_eq!(pair.server.over, None);
    let pair = in_flight(&(0..17).map(open).collect::<Vec<_>>());
    assert_eq!(pair.server.over, Some(Error::Violation(Violation::TooMany)));
}

#[test]
fn commands_that_write_are_busy_during_an_exchange() {
    let mut pair = Bare::connected(Config::default(), server_config());
    let (client, _) = pair.exec("cat");
    pair.client.ssh.rekey();
    pair.client.flush(pair.now);
    let write = pair.client.emit(|ssh, output| ssh.write(client, b"x", output));
    assert_eq!(write, Err(Refused::Busy));
    let open = pair.client.emit(|ssh, output| ssh.open(sanssh_core::channel::OpenKind::Session, output));
    assert_eq!(open, Err(Refused::Busy));
    pair.run();
    pair.client.emit(|ssh, output| ssh.write(client, b"x", output)).expect("and then it may");
}
