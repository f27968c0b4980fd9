//! The publickey subsystem: a client that is given answers, and a list of keys that is given requests. The first byte
//! chooses between them.

use super::choices::Choices;
use super::frames::frames;
use crate::pubkeys::{Keys, MOST};
use sanssh_core::pubkey::client::{Client, Event};
use sanssh_core::pubkey::{Demand, Error, GATHER};
use sanssh_core::{Output, Refused};

/// Answers, or requests.
pub fn pubkey(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    if choices.flag() { server(choices.rest()) } else { client(&mut choices) }
}

/// What became of a stream.
#[derive(Debug, Default, PartialEq)]
struct Outcome {
    told: Vec<String>,
    said: Vec<u8>,
    over: Option<Error>,
}

fn client(choices: &mut Choices<'_>) {
    let script = choices.short();
    let stream = choices.rest();
    let play = |step: usize| {
        let (mut client, mut outcome, mut gather) = (Client::new(), Outcome::default(), vec![0; GATHER]);
        let mut script = script.iter();
        ask(&mut outcome, |output| client.flush(output)).expect("room for a greeting");
        for mut piece in stream.chunks(step) {
            while outcome.over.is_none() {
                let waited = client.is_waiting();
                match client.recv(&mut gather, &mut piece) {
                    Ok(None) => break,
                    Ok(Some(Event::Ready)) => outcome.told.push("ready".to_owned()),
                    Ok(Some(event)) => {
                        assert!(waited, "an answer to nothing");
                        outcome.told.push(format!("{event:?}"));
                    }
                    Err(error) => outcome.over = Some(error),
                }
                if outcome.over.is_none() && !client.is_waiting() {
                    next(&mut client, &mut script, &mut outcome);
                }
            }
            if let Some(over) = outcome.over {
                assert_eq!(client.recv(&mut gather, &mut piece).expect_err("it stays"), over);
            } else {
                assert!(piece.is_empty(), "all of it is taken");
            }
        }
        ask(&mut outcome, |output| client.flush(output)).expect("room for a status");
        outcome
    };
    assert_eq!(play(stream.len().max(1)), play(1), "the same however the stream is cut");
}

fn next(client: &mut Client, script: &mut core::slice::Iter<'_, u8>, outcome: &mut Outcome) {
    let Some(step) = script.next() else { return };
    let demand = Demand { name: b"comment", value: b"mine", critical: true };
    let asked = ask(outcome, |output| match step % 4 {
        0 => client.list(output),
        1 => client.attributes(output),
        2 => client.add(b"ssh-ed25519", b"one", step & 4 == 0, &[demand], output),
        _ => client.remove(b"ssh-ed25519", b"one", output),
    });
    asked.expect("room, and nothing that waits");
}

fn ask(outcome: &mut Outcome, what: impl FnOnce(&mut Output<'_>) -> Result<(), Refused>) -> Result<(), Refused> {
    let mut space = [0; 256];
    let mut output = Output::new(&mut space);
    let asked = what(&mut output);
    let filled = output.filled();
    outcome.said.extend_from_slice(&space[..filled]);
    asked
}

fn server(stream: &[u8]) {
    let play = |step: usize| {
        let keys = Keys::default();
        let (mut subsystem, mut outcome) = (keys.open(), Outcome::default());
        for piece in stream.chunks(step) {
            match subsystem.answer(piece) {
                Ok(answer) => outcome.said.extend(answer),
                Err(error) => {
                    outcome.over = Some(error);
                    break;
                }
            }
        }
        outcome.told.extend(keys.held().iter().map(|key| format!("{key:?}")));
        (outcome, subsystem.farewell())
    };
    let ((whole, farewell), (cut, farewell_too)) = (play(stream.len().max(1)), play(1));
    assert_eq!((&whole.told, whole.over, farewell), (&cut.told, cut.over, farewell_too), "however the stream is cut");
    // What was answered before an error in the same piece is lost with it, and only then.
    assert!(whole.over.is_some() || whole.said == cut.said, "the same however the stream is cut");
    assert!(whole.told.len() <= MOST.min(stream.len() / 24), "no key without its bytes");
    let asked = frames(stream).filter(|frame| frame.length.is_some()).count();
    let statuses = cut.said.windows(14).filter(|bytes| bytes.starts_with(b"\0\0\0\x06status\0\0\0")).count();
    assert!(statuses <= asked + cut.told.len() * GATHER / 14, "no answer without a request");
}
