//! The names in a directory of the server's, fetched some answers ahead.

use super::Sftp;
use super::desk::{Answer, Remote, Ticket};
use super::share::{Share, status};
use crate::Error;
use crate::error::escape;
use core::future::poll_fn;
use core::task::{Context, Poll, ready};
use sanssh_core::sftp::{Attributes, Code, Entry, Request};
use std::collections::VecDeque;
use std::sync::Arc;

/// Requests for names that are under way at a time.
const AHEAD: usize = 4;

/// A name in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SftpEntry {
    /// The name: untrusted bytes. [`path::name`](sanssh_core::sftp::path::name) tells whether it names a file of its
    /// directory.
    pub name: Vec<u8>,
    /// A line as `ls -l` has it: for people, and not to be taken apart.
    pub longname: Vec<u8>,
    /// What is said of it; a link is not followed.
    pub attributes: Attributes<'static>,
}

impl SftpEntry {
    /// The name, fit for a terminal.
    pub fn display(&self) -> String {
        escape(&self.name, false)
    }
}

impl From<Entry<'_>> for SftpEntry {
    fn from(Entry { name, longname, attributes }: Entry<'_>) -> Self {
        Self { name: name.to_vec(), longname: longname.to_vec(), attributes: attributes.plain() }
    }
}

/// The names in a directory, `.` and `..` among them where the server gives them, as they come. After an error there are
/// no more.
#[derive(Debug)]
pub struct ReadDir {
    share: Arc<Share>,
    path: Vec<u8>,
    handle: Remote,
    asked: VecDeque<Ticket>,
    names: std::vec::IntoIter<SftpEntry>,
    ended: bool,
    /// There is nothing to close any more.
    closed: bool,
}

impl Sftp {
    /// The names in a directory.
    ///
    /// # Errors
    /// [`Error::Sftp`] if the server does not open it, or those of the connection.
    pub fn read_dir(&self, path: impl AsRef<[u8]>) -> Result<ReadDir, Error> {
        self.share.block(self.begin_read_dir(path.as_ref()))
    }
}

impl ReadDir {
    pub(super) fn new(share: Arc<Share>, handle: Remote, path: Vec<u8>) -> Self {
        let names = Vec::new().into_iter();
        Self { share, path, handle, asked: VecDeque::new(), names, ended: false, closed: false }
    }

    /// The next name, without waiting; requests for more go on meanwhile.
    pub fn try_next(&mut self) -> Poll<Option<Result<SftpEntry, Error>>> {
        let share = Arc::clone(&self.share);
        share.try_once(|context| self.poll_next(context)).map_or(Poll::Pending, Poll::Ready)
    }

    /// What is said of the directory, begun.
    pub fn begin_metadata(&self) -> impl Future<Output = Result<Attributes<'static>, Error>> + use<> {
        let (share, handle, path) = (Arc::clone(&self.share), Arc::clone(&self.handle), self.path.clone());
        async move { share.attributes(&Request::Fstat { handle: &handle }, &path).await }
    }

    /// Closes it; the server has little to say about that.
    ///
    /// # Errors
    /// [`Error::Sftp`] as the server has it, or those of the connection.
    pub fn close(self) -> Result<(), Error> {
        let share = Arc::clone(&self.share);
        share.block(self.begin_close())
    }

    /// The same, begun. Dropped half-way, it is closed all the same.
    pub fn begin_close(mut self) -> impl Future<Output = Result<(), Error>> + use<> {
        self.closed = true;
        let (share, path) = (Arc::clone(&self.share), self.path.clone());
        let ticket = share.lock().close(&self.handle);
        drop(self);
        async move { share.answer(ticket, &path).await.map(drop) }
    }

    fn poll_next(&mut self, context: &Context<'_>) -> Poll<Option<Result<SftpEntry, Error>>> {
        loop {
            if let Some(entry) = self.names.next() {
                return Poll::Ready(Some(Ok(entry)));
            }
            if self.ended {
                return Poll::Ready(None);
            }
            match ready!(self.poll_fetch(context)) {
                Ok(Some(names)) => self.names = names.into_iter(),
                Ok(None) => self.ended = true,
                Err(error) => {
                    self.ended = true;
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
    }

    /// The next answer's names; `None` at the end.
    fn poll_fetch(&mut self, context: &Context<'_>) -> Poll<Result<Option<Vec<SftpEntry>>, Error>> {
        let Self { share, handle, asked, .. } = self;
        let answer = share.attempt(context, |engine| {
            while asked.len() < AHEAD {
                let ticket = engine.ticket();
                let taken = engine.ask(&Request::Readdir { handle }, ticket);
                if !matches!(taken, Some(Ok(()))) {
                    engine.abandon(ticket);
                }
                match taken {
                    Some(Ok(())) => asked.push_back(ticket),
                    Some(Err(error)) => return Some(Err(error)),
                    None => break,
                }
            }
            engine.fetch(*asked.front()?).map(Ok)
        });
        let answer = ready!(answer)??;
        asked.pop_front();
        Poll::Ready(match answer {
            Answer::Names(names) => Ok(Some(names)),
            Answer::Failed(Code::EOF, _) => Ok(None),
            Answer::Failed(code, message) => Err(status(code, message, &self.path)),
            Answer::Fine
            | Answer::Handle(_)
            | Answer::Data(_)
            | Answer::Attributes(_)
            | Answer::Limits(_)
            | Answer::StatVfs(_)
            | Answer::Accounts(..) => Ok(None),
        })
    }
}

impl Iterator for ReadDir {
    type Item = Result<SftpEntry, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let share = Arc::clone(&self.share);
        let next = poll_fn(|context| self.poll_next(context).map(Ok));
        share.block(next).unwrap_or_else(|error| {
            self.ended = true;
            Some(Err(error))
        })
    }
}

impl Drop for ReadDir {
    fn drop(&mut self) {
        let mut engine = self.share.lock();
        for ticket in self.asked.drain(..) {
            engine.abandon(ticket);
        }
        if !self.closed {
            engine.leave(&self.handle);
        }
        self.share.offer(&mut engine);
    }
}
