//! The blocking SFTP client: the files of a server, asked for one by one or moved as a whole. One dialogue is shared by all
//! clones, and by as many threads as like.

mod begin;
mod calls;
mod copy;
mod cursor;
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
use crate::{Client, Error};
use core::future::poll_fn;
use core::task::Poll;
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
/// Every call waits for its answer as long as [`Client::set_timeout`] says, or [`set_timeout`](Self::set_timeout). What
/// begins with `begin` does not: it is a future for [`Client::block`] and [`Client::advance`].
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
        self.block(self.begin_sftp())
    }

    /// The same, begun.
    pub fn begin_sftp(&self) -> impl Future<Output = Result<Sftp, Error>> + use<> {
        let opening = self.begin_session();
        async {
            let session = opening.await?;
            // The answer is not waited for: the greeting leaves in the same flight.
            session.begin(Subsystem(b"sftp")).await?;
            Sftp::greet(Share::behind(session)).await
        }
    }
}

impl Sftp {
    /// The dialogue with a server behind two ends of pipes, or of sockets: a bare `sftp-server`, without SSH. What
    /// it writes is read from `reader`, what it reads is written to `writer`, which is made non-blocking.
    ///
    /// # Errors
    /// [`Error::Io`], and [`Error::SftpStream`] if no server of version 3 answers.
    pub fn over(reader: impl Into<OwnedFd>, writer: impl Into<OwnedFd>) -> Result<Self, Error> {
        let share = Share::new(Line::Pipe(Pipe::new(reader.into(), writer.into())?));
        share.clone().block(Self::greet(share))
    }

    /// The dialogue with a server that was asked for on this session, by another name or as a program.
    ///
    /// # Errors
    /// [`Error::SftpStream`] if no server of version 3 answers, or what ended the connection.
    pub fn behind(session: Channel) -> Result<Self, Error> {
        let share = Share::behind(session);
        share.clone().block(Self::greet(share))
    }

    async fn greet(share: Arc<Share>) -> Result<Self, Error> {
        poll_fn(|context| share.attempt(context, |engine| engine.desk.ready.then_some(()))).await?;
        let mut known = Known::Limits(sane(&Limits::default()));
        if share.lock().has(Extension::Limits) {
            // The answer is there before anybody wants it.
            let ticket = share.lock().ticket();
            poll_fn(|context| share.attempt(context, |engine| engine.ask(&Request::Limits {}, ticket))).await??;
            known = Known::Asked(ticket);
        }
        Ok(Self { share, limits: Arc::new(Mutex::new(known)) })
    }

    /// How long each later call may wait for the server; `None` for ever. On a connection it is the same as
    /// [`Client::set_timeout`].
    pub fn set_timeout(&self, span: Option<Duration>) {
        self.share.line.set_patience(span);
    }

    /// The channel that it runs on, to be looked at: who reads or writes there breaks the dialogue. None over pipes.
    pub fn channel(&self) -> Option<Arc<Channel>> {
        match &self.share.line {
            Line::Channel { channel, .. } => Some(Arc::clone(channel)),
            Line::Pipe(_) => None,
        }
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
        let limits = self.share.block(self.begin_limits());
        if let Err(Error::TimedOut(_)) = limits {
            let mut known = self.limits.lock().unwrap_or_else(PoisonError::into_inner);
            if let Known::Asked(ticket) = *known {
                // They are not waited for again.
                self.share.lock().abandon(ticket);
                *known = Known::Limits(sane(&Limits::default()));
            }
        }
        limits
    }

    /// The same, begun.
    pub fn begin_limits(&self) -> impl Future<Output = Result<Limits, Error>> + use<> {
        let (share, limits) = (Arc::clone(&self.share), Arc::clone(&self.limits));
        poll_fn(move |context| {
            let mut limits = limits.lock().unwrap_or_else(PoisonError::into_inner);
            match *limits {
                Known::Limits(limits) => Poll::Ready(Ok(limits)),
                Known::Asked(ticket) => share.attempt(context, |engine| engine.fetch(ticket)).map_ok(|answer| {
                    let told = if let Answer::Limits(told) = answer { told } else { Limits::default() };
                    *limits = Known::Limits(sane(&told));
                    sane(&told)
                }),
            }
        })
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
