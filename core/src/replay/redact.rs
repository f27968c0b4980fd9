//! Takes what logs somebody in out of a client's recording: passwords and answers to prompts become fillers of their
//! length, and what we emit is made anew. The peer's bytes stay good: they depend on the keys, never on what we said.
//!
//! What is left is still no public matter. The seed gives the keys of the session, and with them everything that the peer
//! sent and all else that we sent. Whoever has the packets of the session itself, caught on the line, can even open the
//! one that held the password.

use super::cut::Cut;
use super::play::{Mismatch, bless, call_and_answer, play};
use super::script::{Script, Side, What};
use super::words::bytes;
use crate::crypto::Provider;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// What stands in the place of each byte.
const FILLER: &str = "*";

/// Why a recording cannot be redacted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unredacted {
    /// It does not replay, so nothing can be made anew.
    Broken(Mismatch),
    /// A server's: what its client logged in with lies in the peer's bytes, which nobody but the peer can change.
    Peers,
}

/// The recording without passwords and answers. It replays as the one that it was made of did.
///
/// # Errors
/// If it does not replay, or is a server's in which somebody logged in by more than a key.
pub fn redact<P: Provider>(script: &Script) -> Result<Script, Unredacted> {
    play::<P>(script, Cut::Recorded).map_err(Unredacted::Broken)?;
    let mut redacted = script.clone();
    for step in &mut redacted.steps {
        match &mut step.what {
            What::Call(line) if script.side == Side::Client => *line = without_secrets(line),
            What::Event(words) if script.side == Side::Server && is_secret(words) => return Err(Unredacted::Peers),
            What::Call(_)
            | What::Event(_)
            | What::Recv(_)
            | What::Quiet
            | What::Room(_)
            | What::Emit(_)
            | What::Flush(_)
            | What::End(_) => {}
        }
    }
    redacted.redacted = true;
    let redacted = bless::<P>(&redacted).map_err(Unredacted::Broken)?;
    // It was blessed against nothing but itself: what the peer said must still fit.
    play::<P>(&redacted, Cut::Recorded).map_err(Unredacted::Broken)?;
    Ok(redacted)
}

/// The call with fillers for its secret arguments.
fn without_secrets(line: &str) -> String {
    let (call, answer) = call_and_answer(line);
    let first = match call.split(' ').next() {
        // Behind the user's name.
        Some("password" | "change-password") => 2,
        Some("answer") => 1,
        _ => return line.into(),
    };
    let filler = |word: &str| match bytes(word).unwrap_or_default().len() {
        0 => word.into(),
        length => FILLER.repeat(length),
    };
    let words = call.split(' ').enumerate();
    let words = words.map(|(place, word)| if place < first { word.into() } else { filler(word) });
    let call = words.collect::<Vec<String>>().join(" ");
    if answer.is_empty() { call } else { format!("{call} {answer}") }
}

/// Whether a server was told something that logs its client in.
fn is_secret(event: &str) -> bool {
    let words: Vec<_> = event.split(' ').collect();
    match words[..] {
        ["auth", "attempt", _, method, ..] => method.starts_with("password"),
        ["auth", "answers", ref answers @ ..] => answers.iter().any(|length| *length != "0"),
        _ => false,
    }
}

impl fmt::Display for Unredacted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broken(mismatch) => write!(f, "the recording does not replay: {mismatch}"),
            Self::Peers => f.write_str("the secrets of a server's client are in what the client sent"),
        }
    }
}

impl core::error::Error for Unredacted {}

#[cfg(test)]
mod tests {
    use super::without_secrets;

    #[test]
    fn fillers_have_the_length_of_what_they_hide() {
        assert_eq!(without_secrets("password me secret -> Busy"), "password me ****** -> Busy");
        assert_eq!(without_secrets("change-password me 0x0001 new"), "change-password me ** ***");
        assert_eq!(without_secrets("answer 0x one 0x2320"), "answer 0x *** **");
        assert_eq!(without_secrets("write 0 password"), "write 0 password");
    }
}
