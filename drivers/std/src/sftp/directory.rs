//! The names in a directory of the server's, fetched some answers ahead.

use super::Sftp;
use super::desk::{Answer, Remote, Ticket};
use super::share::{Share, status};
use crate::Error;
use crate::error::escape;
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
}

impl Sftp {
    /// The names in a directory.
    ///
    /// # Errors
    /// [`Error::Sftp`] if the server does not open it, or those of the connection.
    pub fn read_dir(&self, path: impl AsRef<[u8]>) -> Result<ReadDir, Error> {
        let path = path.as_ref();
        Ok(ReadDir {
            share: Arc::clone(&self.share),
            handle: self.share.handle(&Request::Opendir { path }, path)?,
            path: path.to_vec(),
            asked: VecDeque::new(),
            names: Vec::new().into_iter(),
            ended: false,
        })
    }
}

impl ReadDir {
    /// The next answer's names; `None` at the end.
    fn fetch(&mut self) -> Result<Option<Vec<SftpEntry>>, Error> {
        while self.asked.len() < AHEAD {
            let ticket = self.share.lock().ticket();
            self.asked.push_back(ticket);
            self.share.ask(&Request::Readdir { handle: &self.handle }, ticket)?;
        }
        let Some(ticket) = self.asked.pop_front() else { return Ok(None) };
        match self.share.answer(ticket)? {
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
        }
    }
}

impl Iterator for ReadDir {
    type Item = Result<SftpEntry, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(entry) = self.names.next() {
                return Some(Ok(entry));
            }
            if self.ended {
                return None;
            }
            match self.fetch() {
                Ok(Some(names)) => self.names = names.into_iter(),
                Ok(None) => self.ended = true,
                Err(error) => {
                    self.ended = true;
                    return Some(Err(error));
                }
            }
        }
    }
}

impl Drop for ReadDir {
    fn drop(&mut self) {
        let mut engine = self.share.lock();
        for ticket in self.asked.drain(..) {
            engine.abandon(ticket);
        }
        engine.leave(&self.handle);
        self.share.offer(&mut engine);
    }
}
