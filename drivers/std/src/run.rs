//! The main job in one call: run a command, collect what it prints, and say how it ended.

use crate::inbox::{Exit, Kind};
use crate::{Client, Error};

/// A command that has run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// What it printed.
    pub stdout: Vec<u8>,
    /// What it complained about.
    pub stderr: Vec<u8>,
    /// How it ended.
    pub exit: Exit,
}

/// Output is collected in pieces of this size.
const PIECE: usize = 32 * 1024;

impl Client {
    /// Runs a command line with nothing on its standard input, and waits until it has ended. All of its output is held
    /// in memory; a command that prints without end wants a [`session`](Self::session).
    ///
    /// # Errors
    /// [`Error::OpenRefused`] and [`Error::RequestRefused`] by the server, or what ended the connection.
    pub fn run(&self, command: impl AsRef<[u8]>) -> Result<Finished, Error> {
        let channel = self.session()?;
        channel.exec(command)?;
        channel.finish();
        let mut finished = Finished { stdout: Vec::new(), stderr: Vec::new(), exit: Exit::Unknown };
        let mut piece = vec![0; PIECE];
        loop {
            let (kind, n) = channel.read_any(&mut piece)?;
            match kind {
                _ if n == 0 => break,
                Kind::Data => finished.stdout.extend_from_slice(&piece[..n]),
                Kind::Stderr => finished.stderr.extend_from_slice(&piece[..n]),
            }
        }
        finished.exit = channel.wait()?;
        Ok(finished)
    }
}
