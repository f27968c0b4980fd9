//! The tour's server: it knows one user by one key, a handful of commands that it carries out itself, and one directory
//! that it serves by SFTP. Nothing else of the machine is reachable through it.

use crate::pattern::{PIECE, Pattern};
use core::net::SocketAddr;
use sanssh_std::{Attempt, AuthorizedKeys, Directory, Handler, Session, Start, Verdict};
use std::io::{self, Read, Write};
use std::time::Instant;

/// Who may log in.
pub(crate) const USER: &str = "visitor";

/// The server's part.
pub(crate) struct Guide {
    keys: AuthorizedKeys,
    files: Directory,
    pattern: Pattern,
    start: Instant,
}

impl Guide {
    /// A guide for the holder of a key, given as a line of authorized_keys, and the files to show.
    pub(crate) fn new(authorized: String, files: Directory) -> Self {
        Self { keys: AuthorizedKeys::text(authorized), files, pattern: Pattern::new(), start: Instant::now() }
    }

    /// Carries out a command; its exit status.
    fn run(&self, command: &str, session: &Session) -> io::Result<u32> {
        let (mut stdout, mut stderr) = (session, session.stderr());
        let mut words = command.split_ascii_whitespace();
        match (words.next(), words.next().and_then(|word| word.parse().ok())) {
            (Some("hello"), None) => writeln!(stdout, "Hello, {}!", session.user())?,
            (Some("uptime"), None) => writeln!(stdout, "up {} ms", self.start.elapsed().as_millis())?,
            (Some("fail"), None) => {
                writeln!(stderr, "this command always fails")?;
                return Ok(3);
            }
            (Some("source"), Some(size)) => self.send(session, size)?,
            (Some("sink"), Some(size)) => return self.check(session, size),
            _ => {
                writeln!(stderr, "no such command: {command}")?;
                return Ok(127);
            }
        }
        Ok(0)
    }

    fn send(&self, mut to: &Session, size: u64) -> io::Result<()> {
        let mut offset = 0;
        while offset < size {
            let piece = self.pattern.at(offset, size - offset);
            to.write_all(piece)?;
            offset += piece.len() as u64;
        }
        Ok(())
    }

    /// Reads to the end, and is content if all of it was right.
    fn check(&self, mut from: &Session, size: u64) -> io::Result<u32> {
        let (mut offset, mut piece) = (0, vec![0; PIECE]);
        loop {
            let n = from.read(&mut piece)?;
            if n == 0 {
                break;
            }
            if !self.pattern.is(&piece[..n], offset) {
                writeln!(from.stderr(), "wrong content between bytes {offset} and {}", offset + n as u64)?;
                return Ok(1);
            }
            offset += n as u64;
        }
        writeln!(from, "{offset}")?;
        Ok(u32::from(offset != size))
    }
}

impl Handler for Guide {
    fn key_acceptable(&self, peer: SocketAddr, user: &str, key: &[u8]) -> bool {
        user == USER && self.keys.would_do(peer, user, key)
    }

    fn login(&self, attempt: &Attempt<'_>) -> Verdict {
        if attempt.user == USER { self.keys.verdict(attempt) } else { Verdict::Refuse }
    }

    fn session(&self, session: Session) {
        let status = match session.start() {
            Start::Exec(command) => self.run(&String::from_utf8_lossy(command), &session),
            Start::Subsystem(name) if name == "sftp" => return drop(self.files.serve_sftp(&session)),
            Start::Shell | Start::Subsystem(_) => Ok(127),
        };
        // If the connection is gone, there is nobody to tell.
        let _ = status.map(|status| session.exit(status));
    }
}
