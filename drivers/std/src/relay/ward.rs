//! What has to happen before a peer's channel and a socket are one: an agent is told through which session it is asked
//! (OpenSSH PROTOCOL.agent §1), and who wants to show windows has to know the cookie (RFC 4254 §6.3.1).

use crate::socket::Socket;
use sanssh_core::agent::SessionBind;
use sanssh_core::agent::client::Client;
use sanssh_core::forward::x11::Introduction;
use sanssh_core::{Input, Output, Refused};
use std::io::{self, Read, Write};

/// More than the answers to a request that is done or refused have.
const ANSWER: usize = 64;
/// What a request has besides the key, the session and the signature.
const FRAME: usize = 128;

/// What keeps watch over a connection that a peer asks for.
#[derive(Debug, Default)]
pub(crate) enum Ward {
    /// Nobody.
    #[default]
    Open,
    /// An agent is told first.
    Agent(Bind),
    /// The first message is checked and changed.
    Display(Box<Introduction>),
}

/// A dialogue with an agent, of one request and its answer.
#[derive(Debug)]
pub(crate) struct Bind {
    machine: Client,
    request: Vec<u8>,
    sent: usize,
    answer: [u8; ANSWER],
    received: usize,
}

impl Bind {
    pub(crate) fn new(session: &SessionBind<'_>) -> Result<Self, Refused> {
        let SessionBind { host_key, session: id, signature, .. } = session;
        let mut request = vec![0; FRAME + host_key.len() + id.len() + signature.len()];
        let (mut machine, mut output) = (Client::new(), Output::new(&mut request));
        machine.bind(session, &mut output)?;
        let filled = output.filled();
        request.truncate(filled);
        Ok(Self { machine, request, sent: 0, answer: [0; ANSWER], received: 0 })
    }

    /// Goes on as far as the socket lets it; whether the agent has answered. An old one may refuse, and is asked all the
    /// same: keys that are for certain destinations it does not have.
    pub(super) fn go_on(&mut self, mut socket: &Socket) -> io::Result<bool> {
        while self.sent < self.request.len() {
            match socket.write(&self.request[self.sent..]) {
                Ok(n) => self.sent += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return later(error),
            }
        }
        loop {
            let mut input = Input::new(&mut self.answer[..self.received]);
            if self.machine.recv(&mut input).map_err(io::Error::other)?.is_some() {
                return Ok(true);
            }
            match socket.read(&mut self.answer[self.received..]) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(n) => self.received += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return later(error),
            }
        }
    }
}

/// What is not ready yet will tell.
fn later(error: io::Error) -> io::Result<bool> {
    if error.kind() == io::ErrorKind::WouldBlock { Ok(false) } else { Err(error) }
}
