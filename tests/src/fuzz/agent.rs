//! The agent protocol: a client that is given answers, and an agent with a keyring that is given requests. The first byte
//! chooses between them.

use super::choices::Choices;
use super::frames::{Frame, frames};
use super::sides::USER_KEY;
use sanssh_core::agent::client::{Client, Event};
use sanssh_core::agent::message::SessionBind;
use sanssh_core::agent::server::Server;
use sanssh_core::agent::{Constraints, Error, MAX_FRAME};
use sanssh_core::algorithm::HostKey;
use sanssh_core::crypto::null::Null;
use sanssh_core::file::SigningKey;
use sanssh_core::keyring::{Bindings, Keyring, Reply};
use sanssh_core::{Input, Instant, Output, Refused, Seed};

/// Answers, or requests.
pub fn agent(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let head = choices.byte();
    if head & 1 == 0 {
        client(&mut choices);
    } else {
        server(head, choices.rest());
    }
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
        let (mut client, mut outcome, mut held) = (Client::new(), Outcome::default(), Vec::new());
        let mut script = script.iter();
        ask(&mut client, &mut script, &mut outcome);
        for piece in stream.chunks(step) {
            held.extend_from_slice(piece);
            hear(&mut client, &mut script, &mut held, &mut outcome);
        }
        (outcome, held)
    };
    let (whole, cut) = (play(stream.len().max(1)), play(1));
    assert_eq!(whole, cut, "the same however the stream is cut");
}

/// Hears answers, and asks again after each.
fn hear(client: &mut Client, script: &mut core::slice::Iter<'_, u8>, held: &mut Vec<u8>, outcome: &mut Outcome) {
    for _ in 0..=held.len() / 5 + 1 {
        let mut input = Input::new(held);
        let waited = client.is_waiting();
        let told = match client.recv(&mut input) {
            Ok(None) => return,
            Ok(Some(Event::Identities(keys))) => keys
                .iter()
                .map(|key| key.key.len() + key.comment.len())
                .fold(String::new(), |told, n| told + &n.to_string()),
            Ok(Some(event)) => format!("{event:?}"),
            Err(error) => {
                assert!(outcome.over.is_none_or(|over| over == error));
                outcome.over = Some(error);
                return;
            }
        };
        assert!(waited && outcome.over.is_none(), "an answer to nothing");
        outcome.told.push(told);
        let taken = input.taken();
        held.drain(..taken);
        ask(client, script, outcome);
    }
    panic!("it goes on for ever");
}

fn ask(client: &mut Client, script: &mut core::slice::Iter<'_, u8>, outcome: &mut Outcome) {
    let Some(step) = script.next() else { return };
    let said = put(|output| match step % 9 {
        0 => client.identities(output),
        1 => client.sign(&USER_KEY, HostKey::Ed25519, b"message", output),
        2 => client.sign(b"key", HostKey::RsaSha512, b"message", output),
        3 => client.add(b"fields", b"comment", &Constraints::default(), output),
        4 => client.remove(&USER_KEY, output),
        5 => client.remove_all(output),
        6 => client.lock(b"passphrase", output),
        7 => client.query(output),
        _ => {
            let session = SessionBind { host_key: &USER_KEY, session: b"id", signature: b"", forwarding: true };
            client.bind(&session, output)
        }
    });
    outcome.said.extend(said.expect("room, and nothing that waits"));
}

fn put(command: impl FnOnce(&mut Output<'_>) -> Result<(), Refused>) -> Result<Vec<u8>, Refused> {
    let mut space = vec![0; 16 * 1024];
    let mut output = Output::new(&mut space);
    let done = command(&mut output);
    let filled = output.filled();
    space.truncate(filled);
    done.map(|()| space)
}

fn server(head: u8, stream: &[u8]) {
    let play = |step: usize| {
        let mut serving = Serving {
            keyring: Keyring::new(&Seed::new([1; 32])),
            bindings: Bindings::new(None),
            server: Server::new(),
            confirms: head & 2 != 0,
            now: Instant(0),
            held: Vec::new(),
            outcome: Outcome::default(),
        };
        let key = SigningKey::ed25519(&[3; 32]);
        serving.keyring.add(serving.now, key, None, b"mine", &Constraints::default()).expect("a key");
        for piece in stream.chunks(step) {
            serving.receive(piece);
        }
        // Deadlines come one after the other, and end.
        for _ in 0..=stream.len() {
            let Some(deadline) = serving.keyring.deadline() else { break };
            serving.keyring.tick(deadline);
            assert!(serving.keyring.deadline().is_none_or(|next| next > deadline), "a deadline that comes again");
        }
        assert!(serving.keyring.len() <= 1 + stream.len() / 32, "no key without its bytes");
        (serving.outcome, serving.held)
    };
    let (whole, cut) = (play(stream.len().max(1)), play(1));
    assert_eq!(whole, cut, "the same however the stream is cut");
    let asked = frames(stream).filter(|frame| frame.length.is_some()).count();
    let answers: Vec<Frame> = frames(&whole.0.said).collect();
    assert!(answers.iter().all(|answer| answer.length.is_some_and(|length| length <= MAX_FRAME)), "whole answers");
    assert!(answers.len() <= asked, "no answer without a request");
    assert!(answers.iter().all(|answer| matches!(answer.number, 5 | 6 | 12 | 14 | 28 | 29)), "{answers:?}");
}

struct Serving {
    keyring: Keyring,
    bindings: Bindings,
    server: Server,
    confirms: bool,
    now: Instant,
    held: Vec<u8>,
    outcome: Outcome,
}

impl Serving {
    fn receive(&mut self, piece: &[u8]) {
        self.held.extend_from_slice(piece);
        for _ in 0..=self.held.len() / 5 + 1 {
            if !self.step() {
                return;
            }
        }
        panic!("it goes on for ever");
    }

    /// Answers one request; whether there was one.
    fn step(&mut self) -> bool {
        let mut space = vec![0; 64 * 1024];
        let mut output = Output::new(&mut space);
        let mut input = Input::new(&mut self.held);
        let answered = match self.server.recv(&mut input) {
            Ok(Some(request)) => {
                self.outcome.told.push(format!("{request:?}"));
                match self.keyring.answer::<Null>(self.now, &mut self.bindings, &request) {
                    Reply::Confirm(confirm) if self.confirms => {
                        let reply = self.keyring.confirmed(self.now, &confirm);
                        reply.give(&mut self.server, &mut output).expect("room for any reply");
                    }
                    Reply::Confirm(_) => self.server.refuse().expect("a request that is open"),
                    reply @ (Reply::Identities(_)
                    | Reply::Signature(_)
                    | Reply::Extensions(_)
                    | Reply::Done
                    | Reply::Refused) => {
                        // So many keys may be held that the list of them has no room.
                        if reply.give(&mut self.server, &mut output).is_err() {
                            self.server.refuse().expect("a request that is open");
                        }
                    }
                }
                true
            }
            Ok(None) => false,
            Err(error) => {
                assert!(self.outcome.over.is_none_or(|over| over == error));
                self.outcome.over = Some(error);
                false
            }
        };
        let taken = input.taken();
        let owed = self.server.owes_output();
        self.server.flush(&mut output).expect("room for what the machine says by itself");
        let filled = output.filled();
        self.outcome.said.extend_from_slice(&space[..filled]);
        self.held.drain(..taken);
        answered || owed || taken > 0
    }
}
