//! What programs beside SSH say to the ends of forwarding: SOCKS, and the first message of X11.

use super::choices::Choices;
use sanssh_core::forward::socks::{Host, Refusal, Socks, Step};
use sanssh_core::forward::x11::{COOKIE, Introduction, PROTOCOL};

/// What became of a dialogue: what was sent, whom it wants, and what is left behind it.
#[derive(Debug, Default, PartialEq)]
struct Outcome {
    sent: Vec<u8>,
    wanted: Option<(String, u16)>,
    left: Option<usize>,
}

/// A program that speaks SOCKS. The first byte is how it is answered.
pub fn socks(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let how = choices.below(4);
    let stream = choices.rest();
    let (whole, cut) = (talk(how, stream, stream.len().max(1)), talk(how, stream, 1));
    assert_eq!(whole, cut, "the same however the stream is cut");
    assert!(whole.sent.len() <= 12, "more is said than there is to say");
}

fn talk(how: usize, stream: &[u8], step: usize) -> Outcome {
    let (mut socks, mut outcome, mut at) = (Socks::new(), Outcome::default(), 0);
    // A step without a byte sends something; that is done once.
    for _ in 0..2 * stream.len() + 4 {
        let end = stream.len().min(at + step);
        let (taken, next) = socks.take(&stream[at..end]);
        assert!(taken <= end - at);
        at += taken;
        match next {
            Step::More if at == stream.len() => return outcome,
            Step::More => assert!(taken > 0, "it takes nothing and wants more"),
            Step::Send(reply) => outcome.sent.extend_from_slice(reply),
            Step::Connect(host, port) => {
                if let Host::Name(name) = host {
                    assert!((1..=255).contains(&name.len()) && name.iter().all(u8::is_ascii_graphic), "{name:?}");
                }
                outcome.wanted = Some((format!("{host:?}"), port));
                outcome.left = Some(stream.len() - at);
                let reply = match how {
                    0 => socks.granted(),
                    1 => socks.refused(Refusal::Prohibited),
                    2 => socks.refused(Refusal::Unreachable),
                    _ => socks.refused(Refusal::Failed),
                };
                assert!(!reply.is_empty(), "whoever asks is answered");
                outcome.sent.extend_from_slice(reply);
                assert_eq!(socks.take(b"more"), (0, Step::Refuse(&[])), "it is over");
                return outcome;
            }
            Step::Refuse(reply) => {
                outcome.sent.extend_from_slice(reply);
                assert_eq!(socks.take(b"more"), (0, Step::Refuse(&[])), "it is over");
                return outcome;
            }
        }
    }
    panic!("it goes on for ever");
}

const FAKE: [u8; COOKIE] = *b"the cookie given";
const REAL: [u8; COOKIE] = *b"the real cookie.";

/// A program that connects to a display.
pub fn x11(bytes: &[u8]) {
    let (whole, cut) = (introduce(bytes, bytes.len().max(1)), introduce(bytes, 1));
    assert_eq!(whole, cut, "the same however the stream is cut");
    let Some((message, taken)) = whole else { return };
    assert_eq!(message.len(), taken, "nothing is added");
    assert!(bytes[..taken].ends_with(&FAKE), "nobody passes without the cookie");
    assert!(message.ends_with(&REAL), "the display is shown its own");
    let kept = taken - COOKIE;
    assert_eq!(message[..kept], bytes[..kept], "all else stays");
    assert!(message[..kept].windows(PROTOCOL.len()).any(|window| window == PROTOCOL));
}

/// The message that the display sees, and how much it took.
fn introduce(bytes: &[u8], step: usize) -> Option<(Vec<u8>, usize)> {
    let (mut introduction, mut at) = (Introduction::new(FAKE, REAL), 0);
    for _ in 0..=bytes.len() {
        let end = bytes.len().min(at + step);
        let (taken, whole) = introduction.take(&bytes[at..end]).ok()?;
        at += taken;
        if let Some(whole) = whole {
            return Some((whole.to_vec(), at));
        }
        if at == bytes.len() {
            return None;
        }
        assert!(taken > 0, "it takes nothing and wants more");
    }
    panic!("it goes on for ever");
}
