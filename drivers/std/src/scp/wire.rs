//! The stream to the other end, with its buffers: large ones for what comes, small ones for records and replies.

use crate::Error;
use crate::error::escape;
use sanssh_core::scp::{self, MAX_LINE};
use sanssh_core::{Output, Refused, Tx};
use std::io::{self, Read, Write};

/// As much as one read should bring, and one write should take.
pub(super) const PIECE: usize = 256 * 1024;

/// Records that leave together.
const RECORDS: usize = 16 * 1024;

#[derive(Debug)]
pub(super) struct Wire<S> {
    stream: S,
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    /// For lines that come in pieces.
    memory: Vec<u8>,
    tx: Tx<Vec<u8>>,
}

impl<S: Read + Write> Wire<S> {
    pub(super) fn new(stream: S) -> Self {
        let tx = Tx::new(vec![0; RECORDS]);
        Self { stream, bytes: vec![0; PIECE], start: 0, end: 0, memory: vec![0; MAX_LINE], tx }
    }

    /// What has come and was not taken, and the memory for lines. Say afterwards what is [left](Self::leave).
    pub(super) fn bytes(&mut self) -> (&[u8], &mut [u8]) {
        (&self.bytes[self.start..self.end], &mut self.memory)
    }

    /// So many bytes of what has come were not taken.
    pub(super) const fn leave(&mut self, left: usize) {
        self.start = self.end - left;
    }

    /// Bytes that were the last ones taken, so many.
    pub(super) fn taken(&self, length: usize) -> &[u8] {
        &self.bytes[self.start - length..self.start]
    }

    /// Sends what is to be sent and waits for more to come; `false` if nothing will. Nothing may be left.
    pub(super) fn fill(&mut self) -> Result<bool, Error> {
        // One that has left may have said why.
        let sent = match self.send() {
            Err(error) if !has_left(&error) => return Err(error),
            sent => sent.err(),
        };
        self.start = 0;
        self.end = retry(|| self.stream.read(&mut self.bytes))?;
        match sent {
            Some(error) if self.end == 0 => Err(error),
            _ => Ok(self.end > 0),
        }
    }

    /// Has a machine write something, which leaves later.
    pub(super) fn put(&mut self, mut command: impl FnMut(&mut Output<'_>) -> Result<(), Refused>) -> Result<(), Error> {
        loop {
            let mut output = self.tx.output();
            let written = command(&mut output);
            let filled = output.filled();
            self.tx.written(filled);
            match written {
                Err(Refused::NoRoom) if !self.tx.is_empty() => self.send()?,
                other => return Ok(other?),
            }
        }
    }

    /// Sends bytes of a file, behind what is to be sent before.
    pub(super) fn body(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.push()?;
        self.stream.write_all(bytes).map_err(plain)
    }

    /// Sends all that is to be sent.
    pub(super) fn send(&mut self) -> Result<(), Error> {
        self.push()?;
        self.stream.flush().map_err(plain)
    }

    fn push(&mut self) -> Result<(), Error> {
        let pending = self.tx.pending();
        self.stream.write_all(pending).map_err(plain)?;
        let length = pending.len();
        self.tx.sent(length);
        Ok(())
    }

    pub(super) const fn stream(&self) -> &S {
        &self.stream
    }

    pub(super) fn into_stream(self) -> S {
        self.stream
    }
}

/// What the other end said, where it gave up.
pub(super) fn refusal(text: &[u8]) -> Error {
    // Every scp says who it is; so does whoever shows this.
    Error::ScpRefused(escape(text.strip_prefix(b"scp: ").unwrap_or(text).trim_ascii(), false))
}

/// Whether the other end takes nothing more.
fn has_left(error: &Error) -> bool {
    matches!(error, Error::Refused(Refused::NoSuchChannel | Refused::Closed))
        || error.kind() == io::ErrorKind::BrokenPipe
}

/// What is inside of a stream's error.
fn plain(error: io::Error) -> Error {
    error.downcast::<Error>().unwrap_or_else(Error::from)
}

fn retry(mut read: impl FnMut() -> io::Result<usize>) -> Result<usize, Error> {
    loop {
        match read() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other.map_err(plain),
        }
    }
}

impl From<scp::Error> for Error {
    fn from(error: scp::Error) -> Self {
        Self::Scp(error)
    }
}
