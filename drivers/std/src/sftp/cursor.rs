//! Where reads and writes of a file are: reads run ahead, writes do not wait, and both stay in bounds. Nothing here
//! waits; a step that cannot be done yet is done again later, and nothing of what it has begun is lost.

use super::desk::{Answer, Remote, Ticket};
use super::engine::Engine;
use super::share::{Share, status};
use crate::Error;
use core::task::{Context, Poll, ready};
use sanssh_core::Refused;
use sanssh_core::sftp::{Code, Limits, Request};
use std::collections::VecDeque;
use std::sync::Arc;

/// Bytes of one read ahead.
const CHUNK: u64 = 64 * 1024;
/// Bytes that a read asks for at least, however few servers give.
const LEAST_CHUNK: u32 = 1024;
/// Reads ahead at a time, after a while.
const MOST_AHEAD: usize = 32;
/// Writes whose answers are due, at most.
const MOST_WRITES: usize = 64;
/// Blocks that wait for room, at most.
const MOST_BLOCKS: usize = 2;

pub(super) struct Cursor {
    share: Arc<Share>,
    handle: Remote,
    path: Vec<u8>,
    at: u64,
    /// What was fetched last, and how much of it was read.
    fetched: (Vec<u8>, usize),
    ahead: Ahead,
    /// What was written and not sent, and where it goes; never more than `most`.
    block: Vec<u8>,
    block_at: u64,
    most: usize,
    /// Under which writes are answered.
    writes: Option<Ticket>,
    /// The first write that failed, or was not answered in time.
    failure: Option<Error>,
    /// Nobody waits for what becomes of it.
    pub(super) is_left: bool,
}

/// Reads under way.
struct Ahead {
    /// Where, how much, under which ticket.
    reads: VecDeque<(u64, u32, Ticket)>,
    /// How many there may be.
    depth: usize,
    /// Bytes a read may ask for: fewer if the server gives fewer.
    chunk: u32,
}

impl Cursor {
    pub(super) fn new(share: &Arc<Share>, handle: &Remote, path: &[u8], limits: Limits) -> Self {
        let chunk = u32::try_from(limits.read.min(CHUNK)).unwrap_or(u32::MAX);
        Self {
            share: Arc::clone(share),
            handle: Arc::clone(handle),
            path: path.to_vec(),
            at: 0,
            fetched: (Vec::new(), 0),
            ahead: Ahead { reads: VecDeque::new(), depth: 1, chunk },
            block: Vec::new(),
            block_at: 0,
            most: usize::try_from(limits.write).unwrap_or(usize::MAX),
            writes: None,
            failure: None,
            is_left: false,
        }
    }

    pub(super) const fn at(&self) -> u64 {
        self.at
    }

    /// Goes on elsewhere; what was written still goes where it was written.
    pub(super) fn set(&mut self, at: u64) {
        if at != self.at {
            self.forget();
        }
        self.at = at;
    }

    // Reading.

    pub(super) fn poll_read(&mut self, context: &Context<'_>, buffer: &mut [u8]) -> Poll<Result<usize, Error>> {
        ready!(self.poll_settle(context))?;
        loop {
            let (bytes, read) = &mut self.fetched;
            let n = buffer.len().min(bytes.len() - *read);
            if n > 0 || buffer.is_empty() {
                buffer[..n].copy_from_slice(&bytes[*read..*read + n]);
                *read += n;
                self.at = self.at.saturating_add(n as u64);
                return Poll::Ready(Ok(n));
            }
            let fetched = ready!(self.poll_fetch(context));
            if !matches!(fetched, Ok(true)) {
                // What was asked for behind that belongs elsewhere.
                self.forget();
                return Poll::Ready(fetched.map(|_| 0));
            }
        }
    }

    /// Takes the next of the reads ahead, and keeps as many under way as may be; `false` at the end of the file.
    fn poll_fetch(&mut self, context: &Context<'_>) -> Poll<Result<bool, Error>> {
        let Self { share, handle, ahead, at, .. } = self;
        let answer = share.attempt(context, |engine| {
            if let Some(Err(error)) = ahead.run(engine, handle, *at) {
                return Some(Err(error));
            }
            let (_, length, ticket) = *ahead.reads.front()?;
            engine.fetch(ticket).map(|answer| Ok((answer, length)))
        });
        let (answer, length) = ready!(answer)??;
        self.ahead.reads.pop_front();
        self.ahead.depth = (self.ahead.depth * 2).min(MOST_AHEAD);
        let Answer::Data(bytes) = answer else {
            let Answer::Failed(code, message) = answer else { return Poll::Ready(Ok(false)) };
            let is_end = code == Code::EOF;
            return Poll::Ready(if is_end { Ok(false) } else { Err(status(code, message, &self.path)) });
        };
        let came = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        if came > 0 && came < length {
            // What was asked for behind the gap is of no use; a server that gives less will do so again.
            let depth = self.ahead.depth;
            self.forget();
            self.ahead.depth = depth;
            self.ahead.chunk = came.max(LEAST_CHUNK).min(self.ahead.chunk);
        }
        self.fetched = (bytes, 0);
        Poll::Ready(Ok(came > 0))
    }

    /// Drops what was read ahead.
    pub(super) fn forget(&mut self) {
        let ahead = &mut self.ahead;
        if !ahead.reads.is_empty() {
            let mut engine = self.share.lock();
            ahead.reads.drain(..).for_each(|(_, _, ticket)| engine.abandon(ticket));
        }
        self.fetched = (Vec::new(), 0);
        ahead.depth = 1;
    }

    // Writing.

    pub(super) fn poll_write(&mut self, context: &Context<'_>, bytes: &[u8]) -> Poll<Result<usize, Error>> {
        self.check()?;
        self.forget();
        let follows = self.block_at.checked_add(self.block.len() as u64) == Some(self.at);
        if self.block.len() == self.most || !follows {
            ready!(self.poll_submit(context))?;
        }
        if self.block.is_empty() {
            self.block_at = self.at;
            if self.block.capacity() == 0 {
                self.block = self.share.lock().block();
            }
        }
        let n = bytes.len().min(self.most - self.block.len());
        self.block.extend_from_slice(&bytes[..n]);
        self.at = self.at.saturating_add(n as u64);
        if self.block.len() == self.most
            && let Poll::Ready(submitted) = self.poll_submit(context)
        {
            submitted?;
        }
        Poll::Ready(Ok(n))
    }

    /// Sends the block.
    fn poll_submit(&mut self, context: &Context<'_>) -> Poll<Result<(), Error>> {
        let mut block = core::mem::take(&mut self.block);
        let sent = self.poll_send(context, self.block_at, &mut block);
        self.block = block;
        sent
    }

    /// Sends a block, of which nothing is left then. Nothing is written behind one that could not be.
    pub(super) fn poll_send(
        &mut self,
        context: &Context<'_>,
        offset: u64,
        block: &mut Vec<u8>,
    ) -> Poll<Result<(), Error>> {
        if block.is_empty() {
            return Poll::Ready(Ok(()));
        }
        let Self { share, handle, writes, .. } = self;
        let ticket = *writes.get_or_insert_with(|| share.lock().ticket());
        let sent = share.attempt(context, |engine| {
            if engine.due(ticket) >= MOST_WRITES || engine.backlog() >= MOST_BLOCKS {
                return None;
            }
            engine.write(handle, offset, core::mem::take(block), ticket);
            Some(())
        });
        self.check()?;
        self.failure = ready!(sent).err();
        Poll::Ready(self.check())
    }

    /// The first write that failed is the word on all later ones.
    fn check(&mut self) -> Result<(), Error> {
        if self.failure.is_none()
            && let Some(ticket) = self.writes
        {
            let failed = self.share.lock().failed(ticket);
            self.failure = failed.map(|(code, message)| status(code, message, &self.path));
        }
        self.failure.clone().map_or(Ok(()), Err)
    }

    /// Sends what was written and looks whether all of it was answered.
    pub(super) fn poll_settle(&mut self, context: &Context<'_>) -> Poll<Result<(), Error>> {
        if self.failure.is_none() {
            ready!(self.poll_submit(context))?;
        }
        if let Some(ticket) = self.writes {
            let answer = ready!(self.share.attempt(context, |engine| engine.fetch(ticket)));
            self.writes = None;
            let failure = match answer {
                Ok(Answer::Failed(code, message)) => Some(status(code, message, &self.path)),
                Ok(_) => None,
                // Whether all was written will not be known.
                Err(error) => {
                    self.share.lock().abandon(ticket);
                    Some(error)
                }
            };
            self.failure = self.failure.take().or(failure);
        }
        Poll::Ready(self.check())
    }

    /// A wait is over before all was answered: whether all was written will not be known.
    pub(super) fn give_up(&mut self, error: &Error) {
        if let Some(ticket) = self.writes.take() {
            self.share.lock().abandon(ticket);
            self.failure.get_or_insert_with(|| error.clone());
        }
    }

    pub(super) fn take_failure(&mut self) -> Option<Error> {
        self.block.clear();
        self.failure.take_if(|error| !matches!(error, Error::Refused(Refused::Closed)))
    }

    /// The file is closed: its handle may soon be another file's.
    pub(super) fn end(&mut self) {
        self.forget();
        self.failure = Some(Refused::Closed.into());
    }

    /// The last: what was written leaves in time, and nobody waits for anything.
    pub(super) fn leave(&mut self) {
        self.forget();
        let block = core::mem::take(&mut self.block);
        let mut engine = self.share.lock();
        if self.failure.is_none() && !block.is_empty() {
            let ticket = *self.writes.get_or_insert_with(|| engine.ticket());
            engine.write(&self.handle, self.block_at, block, ticket);
        }
        if let Some(ticket) = self.writes.take() {
            engine.abandon(ticket);
        }
    }
}

impl Ahead {
    /// Asks for what comes next, as much as may be under way; nothing if it has to wait.
    fn run(&mut self, engine: &mut Engine, handle: &Remote, at: u64) -> Option<Result<(), Error>> {
        while self.reads.len() < self.depth {
            let next = self.reads.back().map(|(offset, length, _)| offset.saturating_add(u64::from(*length)));
            let (offset, length) = (next.unwrap_or(at), self.chunk);
            let ticket = engine.ticket();
            match engine.ask(&Request::Read { handle, offset, length }, ticket) {
                Some(Ok(())) => self.reads.push_back((offset, length, ticket)),
                refused => {
                    engine.abandon(ticket);
                    return refused;
                }
            }
        }
        Some(Ok(()))
    }
}
