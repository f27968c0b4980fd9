//! The lines before packets, against a reading of RFC 4253 §4.2 that has all the bytes at once.

use super::sides::Acts;
use super::subject::Subject;

use sanssh_core::role::{Client, Server};
use sanssh_core::{Choice, Error, Violation};

/// What the lines come to.
#[derive(Debug, PartialEq, Eq)]
enum Lines {
    /// Lines of text, and then the identification, with what is left behind it.
    Ident {
        texts: usize,
        line: Vec<u8>,
        left: usize,
    },
    /// Lines of text, and then nothing that ends.
    More {
        texts: usize,
    },
    Wrong(Error),
}

/// What comes to either role first.
pub fn ident(bytes: &[u8]) {
    check::<Client>(bytes, true);
    check::<Server>(bytes, false);
}

fn check<R: Acts>(bytes: &[u8], texts: bool) {
    let (expected, end) = lines(bytes, texts);
    for step in [bytes.len().max(1), 1] {
        let mut subject = Subject::<R>::new(crate::pair::server_config(), 1);
        // What follows the identification is for others to judge.
        for piece in bytes[..end].chunks(step) {
            subject.receive(piece);
        }
        let found = match (subject.over, subject.ssh.peer_ident()) {
            (Some(error), _) => Lines::Wrong(error),
            (None, Some(line)) => {
                Lines::Ident { texts: subject.told.len(), line: line.to_vec(), left: subject.input.len() }
            }
            (None, None) => Lines::More { texts: subject.told.len() },
        };
        assert_eq!(found, expected);
    }
}

/// What the bytes should come to, and where that is clear.
fn lines(bytes: &[u8], may_talk: bool) -> (Lines, usize) {
    let (mut at, mut texts, mut length) = (0, 0, 0);
    let wrong = |violation: Violation, at: usize| (Lines::Wrong(violation.into()), at);
    loop {
        let rest = &bytes[at..];
        let begins = b"SSH-".starts_with(&rest[..rest.len().min(4)]);
        let longest = if begins { 255 } else { 8192 };
        if !begins && !may_talk {
            return (Lines::Wrong(Error::Malformed(None)), bytes.len());
        }
        let Some(end) = rest.iter().position(|byte| *byte == b'\n') else {
            return if rest.len() < longest {
                (Lines::More { texts }, bytes.len())
            } else {
                wrong(Violation::TooLong, bytes.len())
            };
        };
        if end >= longest {
            return wrong(Violation::TooLong, bytes.len());
        }
        let line = rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]);
        at += end + 1;
        if line.starts_with(b"SSH-") {
            return (identification(line, texts, may_talk), at);
        }
        // A short line that the beginning of the name fills is text like any other.
        texts += 1;
        length += line.len();
        if texts >= 1024 || length > 64 * 1024 {
            return wrong(Violation::TooMany, bytes.len());
        }
    }
}

fn identification(line: &[u8], texts: usize, is_server: bool) -> Lines {
    let spoken = line.starts_with(b"SSH-2.0-") || is_server && line.starts_with(b"SSH-1.99-");
    if !spoken {
        return Lines::Wrong(Error::Incompatible(Choice::Version));
    }
    if line.iter().any(u8::is_ascii_control) {
        return Lines::Wrong(Error::Malformed(None));
    }
    Lines::Ident { texts, line: line.to_vec(), left: 0 }
}
