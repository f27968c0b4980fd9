//! How the dialogue is printed: a line for each message, text in quotes and escaped, all else by its length.

use crate::arguments::Job;
use crate::dialogue::{Said, Who};
use crate::message::{self, Field, Held, UNREAD};
use crate::wire::Piece;
use core::fmt::Write;
use core::ops::Range;

/// Bytes of a field that are shown.
const LONGEST: usize = 64;
/// Fields that log somebody in.
const SECRETS: [&str; 5] = ["password", "old", "new", "answer", UNREAD];
/// Numbers of messages of the login.
const LOGIN: Range<u8> = 50..80;
/// Fields that say nothing to a reader, or open a display.
const OPAQUE: [&str; 1] = ["cookie"];
/// Bytes in a line of hexadecimal.
const ROW: usize = 32;

/// Seconds since the recording began.
pub(crate) fn time(at: u64) -> String {
    format!("{:>5}.{:06}", at / 1_000_000, at % 1_000_000)
}

/// Something that was said, and when.
pub(crate) fn line(job: &Job, at: u64, said: &Said) -> String {
    format!("{} {}", time(at), what(job, said))
}

/// Something that was said, on one line, and with `-v` in hexadecimal below.
pub(crate) fn what(job: &Job, said: &Said) -> String {
    let arrow = if said.who == Who::Us { "->" } else { "<-" };
    let (sequence, payload) = match &said.what {
        Piece::Line(line) => return format!("{arrow}      {}\n", quoted(line, usize::MAX)),
        Piece::Message(sequence, payload) => (sequence, payload),
    };
    let message = message::read(said, payload);
    let (name, fields) = message.as_ref().map_or_else(
        || (format!("message {}", payload.first().copied().unwrap_or(0)), &[][..]),
        |(name, fields)| ((*name).to_owned(), &fields[..]),
    );
    let mut text = format!("{arrow} {sequence:>4} {name}");
    for field in fields {
        let _ = write!(text, " {}={}", field.0, value(job, field));
    }
    text.push('\n');
    let unknown = message.is_none() && payload.first().is_some_and(|number| LOGIN.contains(number));
    let secret = unknown || fields.iter().any(|(name, _)| SECRETS.contains(name));
    if job.verbose && (job.secrets || !secret) {
        text.push_str(&hexadecimal(payload));
    }
    text
}

fn value(job: &Job, (name, held): &Field) -> String {
    match held {
        Held::Flag(flag) => flag.to_string(),
        Held::Number(number) => number.to_string(),
        Held::Bytes(bytes) if SECRETS.contains(name) && !job.secrets => format!("({} bytes)", bytes.len()),
        Held::Bytes(bytes) if OPAQUE.contains(name) => format!("({} bytes)", bytes.len()),
        Held::Bytes(bytes) if is_text(bytes) || *name == "data" => {
            quoted(bytes, if job.verbose { usize::MAX } else { LONGEST })
        }
        Held::Bytes(bytes) => format!("({} bytes)", bytes.len()),
    }
}

/// Whether most of it can be read.
fn is_text(bytes: &[u8]) -> bool {
    let readable = bytes.iter().filter(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace()).count();
    readable * 8 >= bytes.len() * 7
}

/// The first bytes in quotes, without anything that a terminal obeys, and how many there are if not all are shown.
fn quoted(bytes: &[u8], most: usize) -> String {
    let shown = &bytes[..bytes.len().min(most)];
    let more = if shown.len() < bytes.len() { format!("... ({} bytes)", bytes.len()) } else { String::new() };
    format!("\"{}\"{more}", shown.escape_ascii())
}

fn hexadecimal(payload: &[u8]) -> String {
    let rows = payload.chunks(ROW).map(|row| {
        let digits: String = row.iter().map(|byte| format!(" {byte:02x}")).collect();
        format!("                    {digits}\n")
    });
    rows.collect()
}

#[cfg(test)]
mod tests {
    use super::{is_text, quoted, what};
    use crate::arguments::Job;
    use crate::dialogue::{Said, Who};
    use crate::wire::Piece;

    /// A request that is cut short, an answer to nothing that was asked: neither is shown, whole or in part.
    #[test]
    fn a_login_that_cannot_be_read_is_not_shown() {
        let job = Job { verbose: true, ..Job::default() };
        let request =
            [&[50, 0, 0, 0, 1, b'u', 0, 0, 0, 1, b's', 0, 0, 0, 8][..], b"password\0\0\0\0\x09secret"].concat();
        let answer = [&[61, 0, 0, 0, 1, 0, 0, 0, 6][..], b"secret"].concat();
        for payload in [&request[..], &answer, b"2secret"] {
            let said = Said { who: Who::Us, what: Piece::Message(0, payload.to_vec()), method: vec![], grouped: false };
            let shown = what(&job, &said);
            assert!(!shown.contains("secret") && !shown.contains("73 65 63"), "{shown}");
            assert_eq!(shown.lines().count(), 1, "{shown}");
            let all = what(&Job { verbose: true, secrets: true, ..Job::default() }, &said);
            assert!(all.contains("73 65 63"), "{all}");
        }
    }

    #[test]
    fn nothing_reaches_the_terminal_as_it_came() {
        assert_eq!(quoted(b"a\x1b[2J\"\n\xff", 99), r#""a\x1b[2J\"\n\xff""#);
        assert_eq!(quoted(b"abcdef", 3), "\"abc\"... (6 bytes)");
    }

    #[test]
    fn keys_are_no_text() {
        assert!(is_text(b"") && is_text(b"session") && is_text(b"a line\n"));
        assert!(!is_text(b"\0\0\0\x0bssh-ed25519\0\0\0\x20\x81\x90\xff\xfe\x00\x01"));
    }
}
