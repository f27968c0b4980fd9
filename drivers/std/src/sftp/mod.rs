//! The blocking SFTP client: the files of a server, asked for one by one or moved as a whole. One dialogue is shared by all
//! clones, and by as many threads as like.

mod calls;
mod copy;
mod directory;
mod engine;
mod file;
mod line;
mod options;
mod share;

pub use copy::{Copy, Progress};
pub use directory::{ReadDir, SftpEntry};
pub use file::File;
pub use options::OpenOptions;

use crate::channel::Channel;
use crate::{Client, Error};
use core::time::Duration;
use line::{Line, Pipe};
use sanssh_core::sftp::{Extension, Limits, Request};
use share::Share;
use std::os::fd::OwnedFd;
use std::sync::{Arc, OnceLock};

/// The files of a server. Clones are the same dialogue; when the last one, the last [`File`] and the last [`ReadDir`] are
/// gone, it ends. Paths are bytes; those that do not begin with a slash begin where the server has the user begin.
///
/// Every call waits for its answer as long as [`Client::set_timeout`] says, or [`set_timeout`](Self::set_timeout).
#[derive(Debug, Clone)]
pub struct Sftp {
    share: Arc<Share>,
    limits: Arc<OnceLock<Limits>>,
}

impl Client {
    /// Opens a session with the subsystem `sftp` on it, and greets its server.
    ///
    /// # Errors
    /// As [`session`](Self::session); [`Error::RequestRefused`] if the server has no such subsystem, and
    /// [`Error::SftpStream`] if that does not speak version 3.
    pub fn sftp(&self) -> Result<Sftp, Error> {
        Sftp::on(self.session()?)
    }
}

impl Sftp {
    /// The dialogue with a server behind a session whose program it is, or will be asked to be.
    fn on(session: Channel) -> Result<Self, Error> {
        session.ignore_stderr();
        // The answer is not waited for: the greeting leaves in the same flight.
        let stream = session.into_stream();
        stream.request(sanssh_core::channel::Request::Subsystem(b"sftp"), true, false)?;
        Self::start(Line::channel(stream))
    }

    /// The dialogue with a server behind two ends of pipes, or of sockets: a bare `sftp-server`, without SSH. What
    /// it writes is read from `reader`, what it reads is written to `writer`, which is made non-blocking.
    ///
    /// # Errors
    /// [`Error::Io`], and [`Error::SftpStream`] if no server of version 3 answers.
    pub fn over(reader: impl Into<OwnedFd>, writer: impl Into<OwnedFd>) -> Result<Self, Error> {
        Self::start(Line::Pipe(Pipe::new(reader.into(), writer.into())?))
    }

    /// The dialogue with a server that was asked for on this session, by another name or as a program.
    ///
    /// # Errors
    /// [`Error::SftpStream`] if no server of version 3 answers, or what ended the connection.
    pub fn behind(session: Channel) -> Result<Self, Error> {
        session.ignore_stderr();
        Self::start(Line::channel(session.into_stream()))
    }

    fn start(line: Line) -> Result<Self, Error> {
        let share = Share::new(line);
        share.wait(|engine| engine.desk.ready.then_some(()))?;
        let sftp = Self { share: Arc::new(share), limits: Arc::new(OnceLock::new()) };
        Ok(sftp)
    }

    /// How long each later call may wait for the server; `None` for ever. On a connection it is the same as
    /// [`Client::set_timeout`].
    pub fn set_timeout(&self, span: Option<Duration>) {
        self.share.line.set_patience(span);
    }

    /// Whether the server has an extension.
    pub fn has(&self, extension: Extension) -> bool {
        self.share.lock().has(extension)
    }

    /// How large requests may be: what the server says where that makes sense, and what every server takes otherwise.
    ///
    /// # Errors
    /// Those of the connection.
    pub fn limits(&self) -> Result<Limits, Error> {
        if let Some(limits) = self.limits.get() {
            return Ok(*limits);
        }
        let told = match self.has(Extension::Limits) {
            false => Limits::default(),
            true => match self.share.call(&Request::Limits {}, b"") {
                Ok(engine::Answer::Limits(limits)) => limits,
                Ok(_) | Err(Error::Sftp { .. }) => Limits::default(),
                Err(error) => return Err(error),
            },
        };
        Ok(*self.limits.get_or_init(|| sane(told)))
    }
}

/// What every server takes, says the draft: 34 000 bytes of a packet.
const BODY: u64 = 32 * 1024;
/// The largest body that is asked for or sent: what OpenSSH's server takes.
const MOST_BODY: u64 = 255 * 1024;

/// Limits that can be worked with: neither 0 nor beyond what packets may be.
fn sane(told: Limits) -> Limits {
    let body = |value: u64| if value == 0 { BODY } else { value.clamp(1024, MOST_BODY) };
    Limits {
        packet: if told.packet == 0 { 34_000 } else { told.packet.clamp(34_000, 256 * 1024) },
        read: body(told.read),
        write: body(told.write),
        handles: told.handles,
    }
}

#[cfg(test)]
mod tests {
    use super::{BODY, MOST_BODY, sane};
    use sanssh_core::sftp::Limits;

    #[test]
    fn i15_limits_are_clamped() {
        let none = sane(Limits::default());
        assert_eq!((none.packet, none.read, none.write), (34_000, BODY, BODY));
        let most = sane(Limits { packet: u64::MAX, read: u64::MAX, write: u64::MAX, handles: u64::MAX });
        assert_eq!((most.packet, most.read, most.write), (256 * 1024, MOST_BODY, MOST_BODY));
        let least = sane(Limits { packet: 1, read: 1, write: 1, handles: 1 });
        assert_eq!((least.packet, least.read, least.write), (34_000, 1024, 1024));
    }
}
