//! A program that says by SOCKS where it wants to be connected (RFC 1928): heard here until it has, then joined with a
//! channel that leads there.

use super::endpoint::{Endpoint, Leads};
use super::tally::Tally;
use crate::socket::Socket;
use core::time::Duration;
use sanssh_core::channel::OpenFailure;
use sanssh_core::forward::socks::{Host, Refusal, Socks, Step};
use std::io::{self, Read, Write};
use std::sync::Arc;

/// How long a program may take to say it.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);
/// More than a program says before it has an answer.
const CHUNK: usize = 1024;

/// One program.
#[derive(Debug)]
pub(super) struct Asker {
    pub(super) socket: Socket,
    pub(super) socks: Box<Socks>,
    pub(super) tally: Arc<Tally>,
    /// Where it wants to go, once it has said so.
    pub(super) leads: Option<Leads>,
    /// What it said already to whom it wants to talk to.
    pub(super) rest: Vec<u8>,
}

impl Asker {
    pub(super) fn new(socket: Socket, tally: Arc<Tally>) -> Self {
        Self { socket, socks: Box::default(), tally, leads: None, rest: Vec::new() }
    }

    /// Hears what it says; whether it may go on.
    pub(super) fn hear(&mut self) -> bool {
        let mut space = [0; CHUNK];
        while self.leads.is_none() {
            match (&self.socket).read(&mut space) {
                Ok(0) => return false,
                Ok(n) => {
                    if !self.take(&space[..n]) {
                        return false;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return error.kind() == io::ErrorKind::WouldBlock,
            }
        }
        true
    }

    fn take(&mut self, mut said: &[u8]) -> bool {
        loop {
            let (taken, step) = self.socks.take(said);
            said = &said[taken..];
            match step {
                Step::More => return true,
                // A few bytes always fit into a socket that was never written to.
                Step::Send(reply) => drop((&self.socket).write(reply)),
                Step::Refuse(reply) => {
                    drop((&self.socket).write(reply));
                    self.tally.fail("SOCKS: what the program wants is not to be had".to_owned());
                    return false;
                }
                Step::Connect(host, port) => {
                    let host = match host {
                        Host::Name(name) => String::from_utf8_lossy(name).into_owned(),
                        Host::Address(address) => address.to_string(),
                    };
                    self.leads = Some(Leads::To(Endpoint::Tcp { host, port }));
                    self.rest = said.to_vec();
                    return true;
                }
            }
        }
    }
}

/// What a program is told of a channel that was refused.
pub(super) const fn refusal(reason: OpenFailure) -> Refusal {
    match reason {
        OpenFailure::PROHIBITED => Refusal::Prohibited,
        OpenFailure::CONNECT_FAILED => Refusal::Unreachable,
        _ => Refusal::Failed,
    }
}
