//! Connections that are given bytes: either role from any stage on, as a raw stream or as payloads in sound packets. What
//! is told and said must be the same however the stream is cut.
//!
//! ```text
//! byte 0   stage (2 bits), sound packets, traits (3 bits), patient
//! byte 1   method of the login (3 bits), length of a flight as a power of two (4 bits)
//! rest     the stream; or, for sound packets, payloads with two bytes of length each
//! ```

use super::choices::Choices;
use super::duet::{Duet, Stage, Traits, packet};
use super::sides::{Acts, How};
use super::subject::Subject;

/// Bytes that come to a client.
pub fn client(bytes: &[u8]) {
    stream(bytes, |stage, traits| Duet::at(stage, traits).client);
}

/// Bytes that come to a server.
pub fn server(bytes: &[u8]) {
    stream(bytes, |stage, traits| Duet::at(stage, traits).server);
}

fn stream<R: Acts>(bytes: &[u8], new: impl Fn(Stage, Traits) -> Subject<R>) {
    let mut choices = Choices::new(bytes);
    let (head, shape) = (choices.byte(), choices.byte());
    let stage = Stage::of(head);
    let sound = head & 4 != 0;
    let stream = if sound { packets(&mut choices, stage) } else { choices.rest().to_vec() };
    let play = |step: Option<usize>| {
        let mut subject = new(stage, Traits(head >> 3 & 7));
        subject.sent.clear();
        subject.patient = head & 0x40 != 0;
        let flight = 1 << (shape >> 3 & 15);
        for flight in stream.chunks(flight) {
            for piece in flight.chunks(step.unwrap_or(flight.len())) {
                subject.receive(piece);
            }
            // What has to wait for output that is owed before it goes through once that has left; for the peer, it stays.
            let mut stuck = 0;
            while stuck < 2
                && let Some(question) = subject.held.pop_front()
            {
                let before = subject.held.len();
                subject.answer(question, How::Fit);
                stuck = if subject.held.len() > before { stuck + 1 } else { 0 };
                subject.flush();
            }
            subject.receive(&[]);
            R::act(&mut subject, usize::from(shape & 7));
            subject.flush();
        }
        subject
    };
    let (whole, cut) = (play(None), play(Some(1)));
    assert_eq!((&whole.told, whole.over), (&cut.told, cut.over), "the same is told however the stream is cut");
    assert_eq!(whole.sent, cut.sent, "the same is said however the stream is cut");
    assert_eq!(whole.input, cut.input, "the same is left however the stream is cut");
    whole.finish();
}

/// Payloads in packets that are sound at that stage.
fn packets(choices: &mut Choices<'_>, stage: Stage) -> Vec<u8> {
    let mut keyed = stage >= Stage::Keyed;
    let mut stream = if keyed { Vec::new() } else { b"SSH-2.0-fuzz\r\n".to_vec() };
    while !choices.is_empty() {
        let payload = choices.long();
        stream.extend(packet(payload, keyed));
        keyed |= payload == [21];
    }
    stream
}
