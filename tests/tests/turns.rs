//! Turns as small drivers take them: over an intake, with an outlet that may be short of room.

use sanssh_core::channel::{self, Request};
use sanssh_core::crypto::null::Null;
use sanssh_core::{Config, Event, Intake, Refused, Turn, Tx};
use sanssh_tests::pair::{Pair, server_config};

/// Requests whose answers are owed, more than a channel can owe.
const MANY: usize = 40;

/// A server to which a client has sent all of them, in its intake.
fn asked() -> (Pair<Null, Null>, Intake<Vec<u8>>) {
    let mut pair = Pair::<Null, Null>::connected(Config::default(), server_config());
    let (id, _) = pair.exec("many");
    for _ in 0..MANY {
        let ask = Request::Env { name: b"LANG", value: b"C" };
        pair.client.emit(|ssh, output| ssh.request(id, ask, output)).expect("there is room");
    }
    let bytes = core::mem::take(&mut pair.client.output);
    let mut intake = Intake::new(vec![0; bytes.len()]);
    intake.space().copy_from_slice(&bytes);
    intake.received(bytes.len());
    (pair, intake)
}

/// Grants what is asked for; how often in this turn.
fn grant(pair: &mut Pair<Null, Null>, intake: &mut Intake<Vec<u8>>, tx: &mut Tx<Vec<u8>>) -> usize {
    let mut turn = Turn::new(&mut pair.server.ssh, intake, tx, pair.now, false);
    let mut granted = 0;
    while let Some(event) = turn.next().expect("the connection is well") {
        let Event::Channel(_, channel::Event::Request { ask, .. }) = event else { panic!("{event:?}") };
        turn.ssh.reply(ask, true);
        granted += 1;
    }
    granted
}

#[test]
fn a_turn_goes_on_once_its_replies_have_left() {
    let (mut pair, mut intake) = asked();
    assert_eq!(grant(&mut pair, &mut intake, &mut Tx::new(vec![0; 8192])), MANY);
    assert!(!intake.space().is_empty(), "what was taken is room again");
}

/// Nothing is lost where replies find no room: the next turn begins where this one ended.
#[test]
fn a_turn_without_room_leaves_the_rest_to_the_next() {
    let (mut pair, mut intake) = asked();
    let mut granted = 0;
    let mut turns = 0;
    while granted < MANY {
        // Room for a few replies at a time.
        granted += grant(&mut pair, &mut intake, &mut Tx::new(vec![0; 100]));
        turns += 1;
        assert!(turns < MANY);
    }
    assert!(turns > 1);
}

#[test]
fn what_a_turn_leaves_behind_leaves_with_it() {
    let (mut pair, mut intake) = asked();
    let mut tx = Tx::new(vec![0; 4096]);
    let mut turn = Turn::new(&mut pair.server.ssh, &mut intake, &mut tx, pair.now, false);
    let Ok(Some(Event::Channel(_, channel::Event::Request { ask, .. }))) = turn.next() else { panic!("no request") };
    turn.ssh.reply(ask, true);
    drop(turn);
    assert!(!tx.pending().is_empty());
}

#[test]
fn a_refused_command_wrote_nothing() {
    let (mut pair, _) = asked();
    let (id, _) = pair.exec("more");
    let (mut intake, mut tx) = (Intake::new(vec![0; 100]), Tx::new(vec![0; 20]));
    let mut turn = Turn::new(&mut pair.client.ssh, &mut intake, &mut tx, pair.now, false);
    assert_eq!(turn.send(|ssh, output| ssh.write(id, b"bytes", output)), Err(Refused::NoRoom));
    drop(turn);
    assert!(tx.is_empty());
}
