//! The blocking SFTP client: the files of a server, asked for one by one or moved as a whole. One dialogue is shared by all
//! clones, and by as many threads as like.

mod calls;
mod copy;
mod desk;
mod directory;
mod engine;
mod file;
mod here;
mod job;
mod line;
mod options;
mod share;
mod site;

pub use copy::{Copy, CopyEvent, Progress};
pub use directory::{ReadDir, SftpEntry};
pub use file::File;
pub use options::OpenOptions;

use crate::channel::Channel;
use crate::inbox::StderrGoes;
use crate::{Client, Error};
use core::time::Duration;
use desk::{Answer, Ticket};
use line::{Line, Pipe};
use sanssh_core::channel::Request::Subsystem;
use sanssh_core::sftp::transfer::Sizes;
use sanssh_core::sftp::{Extension, Limits, MAX_PACKET, Request};
use share::Share;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};

/// The files of a server. Clones are the same dialogue; when the last one, the last [`File`] and the last [`ReadDir`] are
/// gone, it ends. Paths are bytes; those that do not begin with a slash begin where the server has the user begin.
///
/// Every call waits for its answer as long as [`Client::set_timeout`] says, or [`set_timeout`](Self::set_timeout).
#[derive(Debug, Clone)]
pub struct Sftp {
    share: Arc<Share>,
    limits: Arc<Mutex<Known>>,
}

impl Client {
    /// Opens a session with the subsystem `sftp` on it, and greets its server.
    ///
    /// # Errors
    /// As [`session`](Self::session); [`Error::RequestRefused`] if the server has no such subsystem, and
    /// [`Error::SftpStream`] if that does not speak version 3.
    pub fn sftp(&self) -> Result<Sftp, Error> {
        let session = self.session()?;
        // The answer is not waited for: the greeting leaves in the same flight.
        session.begin(Subsystem(b"sftp"))?;
        Sftp::behind(session)
    }
}

impl Sftp {
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
        session.send_stderr(StderrGoes::Nowhere);
        let stream = session.into_stream();
        Self::start(Line::channel(stream))
    }

    fn start(line: Line) -> Result<Self, Error> {
        let share = Share::new(line);
        share.wait(|engine| engine.desk.ready.then_some(()))?;
        let mut known = Known::Limits(sane(&Limits::default()));
        if share.lock().has(Extension::Limits) {
            // The answer is there before anybody wants it.
            let ticket = share.lock().ticket();
            share.ask(&Request::Limits {}, ticket)?;
            known = Known::Asked(ticket);
        }
        Ok(Self { share: Arc::new(share), limits: Arc::new(Mutex::new(known)) })
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
        let mut limits = self.limits.lock().unwrap_or_else(PoisonError::into_inner);
        if let Known::Asked(ticket) = *limits {
            // The ticket is void, whatever comes of it.
            *limits = Known::Limits(sane(&Limits::default()));
            if let Answer::Limits(told) = self.share.answer(ticket)? {
                *limits = Known::Limits(sane(&told));
            }
        }
        match *limits {
            Known::Limits(limits) => Ok(limits),
            Known::Asked(_) => Ok(sane(&Limits::default())),
        }
    }

    fn sizes(&self) -> Result<Sizes, Error> {
        Ok(Sizes::of(&self.limits()?))
    }
}

/// Limits, or under which ticket they come.
#[derive(Debug, Clone, Copy)]
enum Known {
    Asked(Ticket),
    Limits(Limits),
}

/// Limits that can be worked with: neither 0 nor beyond what packets may be.
fn sane(told: &Limits) -> Limits {
    let Sizes { read, write } = Sizes::of(told);
    let packet = if told.packet == 0 { MAX_PACKET as u64 } else { told.packet.min(MAX_PACKET as u64) };
    Limits { packet, read: read.into(), write: write.into(), handles: told.handles }
}
