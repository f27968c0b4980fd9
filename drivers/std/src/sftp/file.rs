//! An open file of the server's: reads run ahead, writes do not wait, and both stay in bounds.

use super::desk::{Answer, Remote, Ticket};
use super::share::{Share, status};
use crate::Error;
use crate::error::escape;
use core::fmt;
use sanssh_core::sftp::{Attributes, Code, Limits, Request, StatVfs};
use std::collections::VecDeque;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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

/// An open file. Reading in sequence fetches ahead, up to 2 MiB; writing gathers blocks and waits for no answer, so that a
/// failure shows at a later write, at the flush or at [`close`](Self::close), and stays. Dropping it flushes and closes
/// it and tells nothing.
pub struct File {
    share: Arc<Share>,
    handle: Remote,
    path: Vec<u8>,
    limits: Limits,
    cursor: Mutex<Cursor>,
    /// There is nothing to close any more.
    closed: bool,
}

/// Where reads and writes are.
struct Cursor {
    at: u64,
    /// What was fetched last, and how much of it was read.
    fetched: (Vec<u8>, usize),
    /// Reads under way: where, how much, under which ticket.
    ahead: VecDeque<(u64, u32, Ticket)>,
    /// Reads that may be under way.
    depth: usize,
    /// Bytes a read may ask for: fewer if the server gives fewer.
    chunk: u32,
    /// What was written and not sent, from `at - block.len()` on.
    block: Vec<u8>,
    /// Under which writes are answered.
    writes: Option<Ticket>,
    /// The first write that failed, or was not answered in time.
    failure: Option<Error>,
}

impl File {
    pub(super) fn new(share: &Arc<Share>, handle: Remote, path: &[u8], limits: Limits) -> Self {
        let chunk = u32::try_from(limits.read.min(CHUNK)).unwrap_or(u32::MAX);
        let cursor = Cursor {
            at: 0,
            fetched: (Vec::new(), 0),
            ahead: VecDeque::new(),
            depth: 1,
            chunk,
            block: Vec::new(),
            writes: None,
            failure: None,
        };
        let (share, path) = (Arc::clone(share), path.to_vec());
        Self { share, handle, path, limits, cursor: Mutex::new(cursor), closed: false }
    }

    fn cursor(&self) -> MutexGuard<'_, Cursor> {
        self.cursor.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is said of it; what was written counts.
    ///
    /// # Errors
    /// [`Error::Sftp`] as the server has it, an earlier write that failed, or those of the connection; so for all calls.
    pub fn metadata(&self) -> Result<Attributes<'static>, Error> {
        self.settle(&mut self.cursor())?;
        self.share.attributes(&Request::Fstat { handle: &self.handle }, &self.path)
    }

    /// Sets what the attributes hold, after what was written.
    ///
    /// # Errors
    /// As [`metadata`](Self::metadata).
    pub fn set_attributes(&self, attributes: &Attributes<'_>) -> Result<(), Error> {
        let mut cursor = self.cursor();
        self.settle(&mut cursor)?;
        self.forget(&mut cursor);
        self.done(&Request::Fsetstat { handle: &self.handle, attributes: *attributes })
    }

    /// Has what was written reach the disk.
    ///
    /// # Errors
    /// As [`metadata`](Self::metadata), and [`Error::Unsupported`] where the server cannot.
    pub fn sync(&self) -> Result<(), Error> {
        self.settle(&mut self.cursor())?;
        self.done(&Request::Fsync { handle: &self.handle })
    }

    /// The space of its file system.
    ///
    /// # Errors
    /// As [`sync`](Self::sync).
    pub fn stat_vfs(&self) -> Result<StatVfs, Error> {
        self.share.space(&Request::FstatVfs { handle: &self.handle }, &self.path)
    }

    /// Has the server copy `length` bytes, or all to the end if that is 0, into another open file.
    ///
    /// # Errors
    /// As [`sync`](Self::sync).
    pub fn copy_data(&self, from_offset: u64, length: u64, to: &Self, to_offset: u64) -> Result<(), Error> {
        self.settle(&mut self.cursor())?;
        let mut target = to.cursor();
        to.settle(&mut target)?;
        to.forget(&mut target);
        self.done(&Request::CopyData { from: &self.handle, from_offset, length, to: &to.handle, to_offset })
    }

    /// Reads at a place, and leaves the cursor where it is; 0 at the end of the file.
    ///
    /// # Errors
    /// As [`metadata`](Self::metadata).
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize, Error> {
        self.settle(&mut self.cursor())?;
        let length = u32::try_from(buffer.len().min(usize::try_from(self.limits.read).unwrap_or(usize::MAX)));
        let length = length.unwrap_or(u32::MAX);
        if length == 0 {
            return Ok(0);
        }
        match self.share.call(&Request::Read { handle: &self.handle, offset, length }, &self.path) {
            Ok(Answer::Data(bytes)) => {
                buffer[..bytes.len()].copy_from_slice(&bytes);
                Ok(bytes.len())
            }
            Ok(_) | Err(Error::Sftp { code: Code::EOF, .. }) => Ok(0),
            Err(error) => Err(error),
        }
    }

    /// Writes all of it at a place, waits for the answer, and leaves the cursor where it is.
    ///
    /// # Errors
    /// As [`metadata`](Self::metadata).
    pub fn write_at(&self, bytes: &[u8], offset: u64) -> Result<(), Error> {
        let mut cursor = self.cursor();
        self.settle(&mut cursor)?;
        self.forget(&mut cursor);
        let most = usize::try_from(self.limits.write).unwrap_or(usize::MAX);
        let mut offset = offset;
        for piece in bytes.chunks(most) {
            self.send(&mut cursor, offset, piece.to_vec())?;
            offset = offset.saturating_add(piece.len() as u64);
        }
        self.settle(&mut cursor)
    }

    /// Sends what was written, waits for all answers, and closes the file.
    ///
    /// # Errors
    /// As [`metadata`](Self::metadata). It is closed all the same.
    pub fn close(mut self) -> Result<(), Error> {
        // If that fails, it is closed behind what may still have to leave: its handle may be another file's then.
        self.settle(&mut self.cursor())?;
        self.forget(&mut self.cursor());
        self.closed = true;
        self.done(&Request::Close { handle: &self.handle })
    }

    fn done(&self, request: &Request<'_>) -> Result<(), Error> {
        self.share.done(request, &self.path)
    }

    // Reading.

    fn read(&self, buffer: &mut [u8]) -> Result<usize, Error> {
        let mut cursor = self.cursor();
        self.settle(&mut cursor)?;
        loop {
            let (bytes, read) = &mut cursor.fetched;
            let n = buffer.len().min(bytes.len() - *read);
            if n > 0 || buffer.is_empty() {
                buffer[..n].copy_from_slice(&bytes[*read..*read + n]);
                *read += n;
                cursor.at = cursor.at.saturating_add(n as u64);
                return Ok(n);
            }
            let fetched = self.fetch(&mut cursor);
            if !matches!(fetched, Ok(true)) {
                // What was asked for behind that belongs elsewhere.
                self.forget(&mut cursor);
                return fetched.map(|_| 0);
            }
        }
    }

    /// Takes the next of the reads ahead, and keeps as many under way as may be; `false` at the end of the file.
    fn fetch(&self, cursor: &mut Cursor) -> Result<bool, Error> {
        self.run_ahead(cursor)?;
        let Some((_, length, ticket)) = cursor.ahead.pop_front() else { return Ok(false) };
        cursor.depth = (cursor.depth * 2).min(MOST_AHEAD);
        let answer = self.share.answer(ticket)?;
        let Answer::Data(bytes) = answer else {
            let Answer::Failed(code, message) = answer else { return Ok(false) };
            return if code == Code::EOF { Ok(false) } else { Err(status(code, message, &self.path)) };
        };
        if bytes.is_empty() {
            return Ok(false);
        }
        let came = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        if came < length {
            // What was asked for behind the gap is of no use; a server that gives less will do so again.
            let depth = cursor.depth;
            self.forget(cursor);
            cursor.depth = depth;
            cursor.chunk = came.max(LEAST_CHUNK).min(cursor.chunk);
        }
        cursor.fetched = (bytes, 0);
        Ok(true)
    }

    fn run_ahead(&self, cursor: &mut Cursor) -> Result<(), Error> {
        while cursor.ahead.len() < cursor.depth {
            let rest = cursor.fetched.0.len() - cursor.fetched.1;
            let next = cursor.ahead.back().map(|(offset, length, _)| offset.saturating_add(u64::from(*length)));
            let offset = next.unwrap_or_else(|| cursor.at.saturating_add(rest as u64));
            let ticket = self.share.lock().ticket();
            let length = cursor.chunk;
            cursor.ahead.push_back((offset, length, ticket));
            self.share.ask(&Request::Read { handle: &self.handle, offset, length }, ticket)?;
        }
        Ok(())
    }

    /// Drops what was read ahead.
    fn forget(&self, cursor: &mut Cursor) {
        if !cursor.ahead.is_empty() {
            let mut engine = self.share.lock();
            cursor.ahead.drain(..).for_each(|(_, _, ticket)| engine.abandon(ticket));
        }
        cursor.fetched = (Vec::new(), 0);
        cursor.depth = 1;
    }

    // Writing.

    fn write(&self, bytes: &[u8]) -> Result<usize, Error> {
        let mut cursor = self.cursor();
        self.check(&mut cursor)?;
        self.forget(&mut cursor);
        let most = usize::try_from(self.limits.write).unwrap_or(usize::MAX);
        if cursor.block.capacity() == 0 {
            cursor.block = self.share.lock().block();
        }
        let n = bytes.len().min(most - cursor.block.len());
        cursor.block.extend_from_slice(&bytes[..n]);
        cursor.at = cursor.at.saturating_add(n as u64);
        if cursor.block.len() == most {
            self.submit(&mut cursor)?;
        }
        Ok(n)
    }

    /// Sends the block.
    fn submit(&self, cursor: &mut Cursor) -> Result<(), Error> {
        let block = core::mem::take(&mut cursor.block);
        if block.is_empty() {
            return Ok(());
        }
        let offset = cursor.at.saturating_sub(block.len() as u64);
        self.send(cursor, offset, block)
    }

    fn send(&self, cursor: &mut Cursor, offset: u64, block: Vec<u8>) -> Result<(), Error> {
        let ticket = *cursor.writes.get_or_insert_with(|| self.share.lock().ticket());
        let mut block = Some(block);
        let sent = self.share.wait(|engine| {
            if engine.due(ticket) >= MOST_WRITES || engine.backlog() >= MOST_BLOCKS {
                return None;
            }
            engine.write(&self.handle, offset, block.take()?, ticket);
            Some(())
        });
        self.check(cursor)?;
        // The block is gone, and nothing may be written behind the gap.
        cursor.failure = sent.err();
        self.check(cursor)
    }

    /// The first write that failed is the word on all later ones.
    fn check(&self, cursor: &mut Cursor) -> Result<(), Error> {
        if cursor.failure.is_none()
            && let Some(ticket) = cursor.writes
        {
            let failed = self.share.lock().failed(ticket);
            cursor.failure = failed.map(|(code, message)| status(code, message, &self.path));
        }
        cursor.failure.clone().map_or(Ok(()), Err)
    }

    /// Sends what was written and waits for all answers.
    fn settle(&self, cursor: &mut Cursor) -> Result<(), Error> {
        if cursor.failure.is_none() {
            self.submit(cursor)?;
        }
        if let Some(ticket) = cursor.writes.take() {
            let failure = match self.share.answer(ticket) {
                Ok(Answer::Failed(code, message)) => Some(status(code, message, &self.path)),
                Ok(_) => None,
                // Whether all was written will not be known.
                Err(error) => Some(error),
            };
            cursor.failure = cursor.failure.take().or(failure);
        }
        self.check(cursor)
    }

    fn seek(&self, to: SeekFrom) -> Result<u64, Error> {
        let mut cursor = self.cursor();
        self.submit(&mut cursor)?;
        let (base, by) = match to {
            SeekFrom::Start(at) => (at, 0),
            SeekFrom::Current(by) => (cursor.at, by),
            SeekFrom::End(by) => {
                drop(cursor);
                let size = self.metadata()?.size;
                cursor = self.cursor();
                let unsized_file = || io::Error::new(io::ErrorKind::Unsupported, "the server does not tell the size");
                (size.ok_or_else(unsized_file)?, by)
            }
        };
        let before = || io::Error::new(io::ErrorKind::InvalidInput, "a place before the beginning of the file");
        let at = base.checked_add_signed(by).ok_or_else(before)?;
        if at != cursor.at {
            self.forget(&mut cursor);
        }
        cursor.at = at;
        Ok(at)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        if self.closed {
            return;
        }
        let mut cursor = self.cursor();
        let _ = self.settle(&mut cursor);
        self.forget(&mut cursor);
        let mut engine = self.share.lock();
        if let Some(ticket) = cursor.writes.take() {
            engine.abandon(ticket);
        }
        engine.leave(&self.handle);
        self.share.offer(&mut engine);
    }
}

impl Read for &File {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(File::read(self, buffer)?)
    }
}

impl Read for File {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(Self::read(self, buffer)?)
    }
}

impl Write for &File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(File::write(self, bytes)?)
    }

    /// Waits until the server has answered every write.
    fn flush(&mut self) -> io::Result<()> {
        Ok(self.settle(&mut self.cursor())?)
    }
}

impl Write for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(Self::write(self, bytes)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        (&*self).flush()
    }
}

impl Seek for &File {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        Ok(File::seek(self, to)?)
    }
}

impl Seek for File {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        Ok(Self::seek(self, to)?)
    }
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("File").field(&escape(&self.path, false)).finish()
    }
}
