//! SFTP in a session: bytes from the client to the protocol's machine, its requests to the directory, and the answers
//! back, many at a time. All of it in the session's thread, where the machine's order is the order of the answers.

use super::Directory;
use super::requests::Desk;
use crate::state::SEND_AT;
use crate::{Error, Session};
use sanssh_core::sftp::server::{Event, Settings};
use sanssh_core::sftp::{GATHER, Handle, MAX_PACKET, Server, SymlinkOrder};
use sanssh_core::{Output, Refused, Tx};
use std::io::{Read, Write};

/// What one read of the session should be able to bring.
const INPUT: usize = 256 * 1024;
/// Files and directories that a client may have open in one session.
const MOST_HANDLES: usize = 256;
/// What a session ends with where the client broke the protocol, as OpenSSH's does.
const BROKEN: u32 = 255;

impl Directory {
    /// Serves SFTP in a session, until the client ends it: a handler calls this where a client wants the subsystem `sftp`.
    ///
    /// # Errors
    /// [`Error::SftpStream`] if the client breaks the protocol, or what ended the connection. What becomes of single files is
    /// the client's to know.
    pub fn serve_sftp(&self, session: &Session) -> Result<(), Error> {
        let settings = Settings {
            read_only: self.read_only,
            symlink_order: SymlinkOrder::of_client(&session.software()),
            ..Settings::default()
        };
        let handles = vec![Handle::new(); MOST_HANDLES].into_boxed_slice();
        let answers = Answers { machine: Server::new(settings, handles), output: Tx::new(vec![0; SPACE].into()) };
        let outcome = Desk::new(self, session, MOST_HANDLES).serve(answers);
        // A client that has left does not want to know.
        let _ = session.exit(if outcome.is_ok() { 0 } else { BROKEN });
        outcome
    }
}

/// Room for the largest answer behind those that wait to leave.
const SPACE: usize = SEND_AT + MAX_PACKET + 4;

pub(super) type Machine = Server<Box<[Handle]>>;

/// The machine, and its answers on their way out.
pub(super) struct Answers {
    machine: Machine,
    output: Tx<Box<[u8]>>,
}

impl Answers {
    /// Lets an answer be written.
    pub(super) fn give<T>(
        &mut self,
        with: impl FnOnce(&mut Machine, &mut Output<'_>) -> Result<T, Refused>,
    ) -> Result<T, Error> {
        let mut output = self.output.output();
        let outcome = with(&mut self.machine, &mut output);
        let filled = output.filled();
        self.output.written(filled);
        Ok(outcome?)
    }

    fn send(&mut self, mut session: &Session) -> Result<(), Error> {
        session.write_all(self.output.pending())?;
        let sent = self.output.pending().len();
        self.output.sent(sent);
        Ok(())
    }
}

impl Desk<'_> {
    fn serve(mut self, mut answers: Answers) -> Result<(), Error> {
        let (mut gather, mut input) = (vec![0; GATHER], vec![0; INPUT]);
        loop {
            let n = self.session().read(&mut input)?;
            if n == 0 {
                return answers.machine.hung_up().map_err(Error::SftpStream);
            }
            self.digest(&mut answers, &mut gather, input.get(..n).unwrap_or_default())?;
            answers.send(self.session())?;
        }
    }

    fn digest(&mut self, answers: &mut Answers, gather: &mut [u8], mut input: &[u8]) -> Result<(), Error> {
        loop {
            match answers.machine.recv(gather, &mut input).map_err(Error::SftpStream)? {
                Some(Event::Request(request)) => self.answer(request, answers)?,
                Some(Event::Body(piece)) => self.write(piece, answers)?,
                None if answers.machine.owes_output() => answers.give(|machine, output| machine.flush(output))?,
                None => return Ok(()),
            }
            if answers.output.pending().len() >= SEND_AT {
                answers.send(self.session())?;
            }
        }
    }
}
