//! The scp at a server as a stream: what it complains of is kept, for the case that it never gets as far as the protocol.

use crate::error::escape;
use crate::inbox::Kind;
use crate::{Channel, Error};
use std::io::{self, Read, Write};

/// As much of a complaint is kept.
const MOST: usize = 1024;

/// An scp that runs on the server.
#[derive(Debug)]
pub struct Scp {
    channel: Channel,
    complaint: Vec<u8>,
    /// Whether it has said anything in its protocol.
    speaks: bool,
}

impl Scp {
    pub(super) const fn new(channel: Channel) -> Self {
        Self { channel, complaint: Vec::new(), speaks: false }
    }

    /// The channel it runs on.
    pub const fn channel(&self) -> &Channel {
        &self.channel
    }
}

impl Read for Scp {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.channel.read_any(buffer)? {
                (_, 0) if !self.speaks && !self.complaint.is_empty() => {
                    return Err(Error::ScpRefused(escape(self.complaint.trim_ascii(), false)).into());
                }
                (Kind::Stderr, n @ 1..) => {
                    let room = MOST.saturating_sub(self.complaint.len());
                    self.complaint.extend_from_slice(&buffer[..n.min(room)]);
                }
                (_, n) => {
                    self.speaks |= n > 0;
                    return Ok(n);
                }
            }
        }
    }
}

impl Write for Scp {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.channel.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.channel.flush()
    }
}
