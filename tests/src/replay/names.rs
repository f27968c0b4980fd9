//! Names of messages (RFC 4250 §4.1), for the comments in recordings.

use crate::{names, packets};

fn name(number: u8) -> String {
    names::of(number).map_or_else(|| format!("message {number}"), str::to_owned)
}

/// One direction's bytes up to its first keys, where everybody can read along, and how much of them was named.
#[derive(Debug, Default)]
pub(super) struct Clear {
    stream: Vec<u8>,
    named: usize,
    keyed: bool,
}

impl Clear {
    /// Names the messages that `bytes` complete: in the clear from the bytes, under keys those of `sealed`.
    pub(super) fn comment(&mut self, bytes: &[u8], sealed: &[u8]) -> String {
        let mut words = Vec::new();
        if !self.keyed {
            if self.stream.is_empty() && bytes.starts_with(b"SSH-") {
                let line = bytes.split(|byte| byte.is_ascii_control()).next().unwrap_or_default();
                words.push(format!("\"{}\"", String::from_utf8_lossy(line)));
            }
            self.stream.extend_from_slice(bytes);
            let numbers = packets::numbers(&packets::clear(&self.stream));
            words.extend(numbers[self.named..].iter().map(|number| name(*number)));
            self.named = numbers.len();
            self.keyed = numbers.last() == Some(&21);
        }
        words.extend(sealed.iter().map(|number| name(*number)));
        folded(&words)
    }
}

/// Words with repetitions counted.
fn folded(words: &[String]) -> String {
    let runs = words.chunk_by(|one, other| one == other);
    let text = runs.map(|run| if run.len() > 1 { format!("{} x{}", run[0], run.len()) } else { run[0].clone() });
    text.collect::<Vec<_>>().join(", ")
}
