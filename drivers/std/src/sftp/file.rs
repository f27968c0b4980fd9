//! An open file of the server's as programs hold it: read, written and asked about, waiting or not.

use super::cursor::Cursor;
use super::desk::{Answer, Remote};
use super::share::Share;
use crate::Error;
use crate::error::escape;
use core::fmt;
use core::future::poll_fn;
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::{Context, Poll};
use sanssh_core::sftp::{Attributes, Code, Limits, Request, StatVfs};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// An open file. Reading in sequence fetches ahead, up to 2 MiB; writing gathers blocks and waits for no answer, so that a
/// failure shows at a later write, at the flush or at [`close`](Self::close), and stays. Dropping it flushes and closes
/// it and tells nothing.
///
/// Calls that begin with `begin` or `try` wait for nothing; see [`Client::advance`](crate::Client::advance).
pub struct File {
    open: Arc<Open>,
}

/// The file itself, which futures hold as well; it is closed when the last lets go.
struct Open {
    share: Arc<Share>,
    handle: Remote,
    path: Vec<u8>,
    limits: Limits,
    cursor: Mutex<Cursor>,
    /// There is nothing to close any more.
    closed: AtomicBool,
}

impl Open {
    fn cursor(&self) -> MutexGuard<'_, Cursor> {
        self.cursor.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn poll_read(&self, context: &Context<'_>, buffer: &mut [u8]) -> Poll<Result<usize, Error>> {
        self.cursor().poll_read(context, buffer)
    }

    /// Nothing is to be waited for at the end.
    fn is_over(&self) -> bool {
        self.closed.load(Ordering::Relaxed) || self.cursor().is_left
    }

    /// Sends what was written and waits for all answers.
    async fn settled(&self) -> Result<(), Error> {
        poll_fn(|context| self.cursor().poll_settle(context)).await
    }

    async fn attributes(&self) -> Result<Attributes<'static>, Error> {
        self.settled().await?;
        self.share.attributes(&Request::Fstat { handle: &self.handle }, &self.path).await
    }

    async fn set_attributes(&self, attributes: &Attributes<'_>) -> Result<(), Error> {
        self.settled().await?;
        self.cursor().forget();
        self.done(&Request::Fsetstat { handle: &self.handle, attributes: *attributes }).await
    }

    async fn read_at(&self, length: usize, offset: u64) -> Result<Vec<u8>, Error> {
        self.settled().await?;
        let length = u32::try_from(self.limits.read.min(length as u64)).unwrap_or(u32::MAX);
        if length == 0 {
            return Ok(Vec::new());
        }
        match self.share.call(&Request::Read { handle: &self.handle, offset, length }, &self.path).await {
            Ok(Answer::Data(bytes)) => Ok(bytes),
            Ok(_) | Err(Error::Sftp { code: Code::EOF, .. }) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    async fn write_at(&self, bytes: &[u8], offset: u64) -> Result<(), Error> {
        self.settled().await?;
        self.cursor().forget();
        let most = usize::try_from(self.limits.write).unwrap_or(usize::MAX);
        let mut offset = offset;
        for piece in bytes.chunks(most) {
            let mut block = piece.to_vec();
            poll_fn(|context| self.cursor().poll_send(context, offset, &mut block)).await?;
            offset = offset.saturating_add(piece.len() as u64);
        }
        self.settled().await
    }

    async fn close(&self) -> Result<(), Error> {
        // If that fails, it is closed behind what may still have to leave: its handle may be another file's then.
        self.settled().await?;
        self.cursor().end();
        self.closed.store(true, Ordering::Relaxed);
        let ticket = self.share.lock().close(&self.handle);
        self.share.answer(ticket, &self.path).await.map(drop)
    }

    async fn done(&self, request: &Request<'_>) -> Result<(), Error> {
        self.share.done(request, &self.path).await
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if *self.closed.get_mut() {
            return;
        }
        self.cursor().leave();
        let mut engine = self.share.lock();
        engine.leave(&self.handle);
        self.share.offer(&mut engine);
    }
}

impl File {
    pub(super) fn new(share: &Arc<Share>, handle: Remote, path: &[u8], limits: Limits) -> Self {
        let cursor = Mutex::new(Cursor::new(share, &handle, path, limits));
        let (share, path) = (Arc::clone(share), path.to_vec());
        Self { open: Arc::new(Open { share, handle, path, limits, cursor, closed: AtomicBool::new(false) }) }
    }

    fn block<T>(&self, call: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let outcome = self.open.share.block(call);
        if let Err(error @ Error::TimedOut(_)) = &outcome {
            self.open.cursor().give_up(error);
        }
        outcome
    }

    /// What is said of it; what was written counts.
    ///
    /// # Errors
    /// [`Error::Sftp`] as the server has it, an earlier write that failed, or those of the connection; so for all calls.
    pub fn metadata(&self) -> Result<Attributes<'static>, Error> {
        self.block(self.open.attributes())
    }

    /// The same, begun.
    pub fn begin_metadata(&self) -> impl Future<Output = Result<Attributes<'static>, Error>> + use<> {
        let open = Arc::clone(&self.open);
        async move { open.attributes().await }
    }

    /// Sets what the attributes hold, after what was written.
    ///
    /// # Errors
    /// As [`metadata`](Self::metadata).
    pub fn set_attributes(&self, attributes: &Attributes<'_>) -> Result<(), Error> {
        self.block(self.open.set_attributes(attributes))
    }

    /// The same, begun.
    pub fn begin_set_attributes(
        &self,
        attributes: Attributes<'static>,
    ) -> impl Future<Output = Result<(), Error>> + use<> {
        let open = Arc::clone(&self.open);
        async move { open.set_attributes(&attributes).await }
    }

    /// Has what was written reach the disk.
    ///
    /// # Errors
    /// As [`metadata`](Self::metadata), and [`Error::Unsupported`] where the server cannot.
    pub fn sync(&self) -> Result<(), Error> {
        self.block(self.begin_sync())
    }

    /// The same, begun.
    pub fn begin_sync(&self) -> impl Future<Output = Result<(), Error>> + use<> {
        let open = Arc::clone(&self.open);
        async move {
            open.settled().await?;
            open.done(&Request::Fsync { handle: &open.handle }).await
        }
    }

    /// The space of its file system.
    ///
    /// # Errors
    /// As [`sync`](Self::sync).
    pub fn stat_vfs(&self) -> Result<StatVfs, Error> {
        self.block(self.begin_stat_vfs())
    }

    /// The same, begun.
    pub fn begin_stat_vfs(&self) -> impl Future<Output = Result<StatVfs, Error>> + use<> {
        let open = Arc::clone(&self.open);
        async move {
            open.settled().await?;
            open.share.space(&Request::FstatVfs { handle: &open.handle }, &open.path).await
        }
    }

    /// Has the server copy `length` bytes, or all to the end if that is 0, into another open file.
    ///
    /// # Errors
    /// As [`sync`](Self::sync).
    pub fn copy_data(&self, from_offset: u64, length: u64, to: &Self, to_offset: u64) -> Result<(), Error> {
        self.block(self.begin_copy_data(from_offset, length, to, to_offset))
    }

    /// The same, begun.
    pub fn begin_copy_data(
        &self,
        from_offset: u64,
        length: u64,
        to: &Self,
        to_offset: u64,
    ) -> impl Future<Output = Result<(), Error>> + use<> {
        let (open, to) = (Arc::clone(&self.open), Arc::clone(&to.open));
        async move {
            open.settled().await?;
            to.settled().await?;
            to.cursor().forget();
            let (from, to) = (&open.handle, &to.handle);
            open.done(&Request::CopyData { from, from_offset, length, to, to_offset }).await
        }
    }

    /// Reads at a place, and leaves the cursor where it is; 0 at the end of the file.
    ///
    /// # Errors
    /// As [`metadata`](Self::metadata).
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize, Error> {
        let bytes = self.block(self.open.read_at(buffer.len(), offset))?;
        buffer[..bytes.len()].copy_from_slice(&bytes);
        Ok(bytes.len())
    }

    /// The same, begun: so many bytes at most, and none at the end of the file.
    pub fn begin_read_at(&self, length: usize, offset: u64) -> impl Future<Output = Result<Vec<u8>, Error>> + use<> {
        let open = Arc::clone(&self.open);
        async move { open.read_at(length, offset).await }
    }

    /// Writes all of it at a place, waits for the answer, and leaves the cursor where it is.
    ///
    /// # Errors
    /// As [`metadata`](Self::metadata).
    pub fn write_at(&self, bytes: &[u8], offset: u64) -> Result<(), Error> {
        self.block(self.open.write_at(bytes, offset))
    }

    /// The same, begun.
    pub fn begin_write_at(&self, bytes: Vec<u8>, offset: u64) -> impl Future<Output = Result<(), Error>> + use<> {
        let open = Arc::clone(&self.open);
        async move { open.write_at(&bytes, offset).await }
    }

    /// Sends what was written, waits for all answers, and closes the file.
    ///
    /// # Errors
    /// As [`metadata`](Self::metadata). It is closed all the same.
    pub fn close(self) -> Result<(), Error> {
        self.block(self.open.close())
    }

    /// The same, begun; nothing can be done with the file any more when it is over. If it is dropped half-way, the file is
    /// closed when it is gone itself.
    pub fn begin_close(&self) -> impl Future<Output = Result<(), Error>> + use<> {
        let open = Arc::clone(&self.open);
        open.cursor().is_left = true;
        async move { open.close().await }
    }

    /// Closes it without waiting: what was written leaves as the connection gets on, and how that goes is told to nobody.
    pub fn leave(self) {
        self.open.cursor().is_left = true;
    }

    /// Reads what comes next, at least a byte unless the buffer is empty; 0 at the end of the file.
    ///
    /// # Errors
    /// As [`metadata`](Self::metadata).
    pub fn read_next(&self, buffer: &mut [u8]) -> Result<usize, Error> {
        self.block(poll_fn(|context| self.open.poll_read(context, buffer)))
    }

    /// Writes there, at least a byte unless there is none; answers are not waited for.
    ///
    /// # Errors
    /// As [`metadata`](Self::metadata).
    pub fn write_next(&self, bytes: &[u8]) -> Result<usize, Error> {
        self.block(poll_fn(|context| self.open.cursor().poll_write(context, bytes)))
    }

    /// Waits until the server has answered every write.
    ///
    /// # Errors
    /// As [`metadata`](Self::metadata).
    pub fn settle(&self) -> Result<(), Error> {
        self.block(self.open.settled())
    }

    /// The failure of writes that stays, for who deals with it: the file can be used again, and what was written and has
    /// not been sent is dropped.
    pub fn take_failure(&self) -> Option<Error> {
        self.open.cursor().take_failure()
    }

    /// Reads what has come, without waiting; `None` if nothing has yet. Reads ahead go on meanwhile, and none is lost.
    ///
    /// # Errors
    /// As [`metadata`](Self::metadata); so for all that are tried.
    pub fn try_read(&self, buffer: &mut [u8]) -> Option<Result<usize, Error>> {
        self.open.share.try_once(|context| self.open.poll_read(context, buffer))
    }

    /// Writes what there is room for, without waiting; `None` if that is nothing now.
    pub fn try_write(&self, bytes: &[u8]) -> Option<Result<usize, Error>> {
        self.open.share.try_once(|context| self.open.cursor().poll_write(context, bytes))
    }

    /// Has what was written leave, without waiting; `None` as long as answers to writes are due.
    pub fn try_flush(&self) -> Option<Result<(), Error>> {
        self.open.share.try_once(|context| self.open.cursor().poll_settle(context))
    }

    /// Where the next byte is read or written.
    pub fn position(&self) -> u64 {
        self.open.cursor().at()
    }

    /// Reads and writes there from now on, which waits for nothing.
    pub fn set_position(&self, at: u64) {
        self.open.cursor().set(at);
    }

    fn seek(&self, to: SeekFrom) -> Result<u64, Error> {
        let (base, by) = match to {
            SeekFrom::Start(at) => (at, 0),
            SeekFrom::Current(by) => (self.position(), by),
            SeekFrom::End(by) => {
                let unsized_file = || io::Error::new(io::ErrorKind::Unsupported, "the server does not tell the size");
                (self.metadata()?.size.ok_or_else(unsized_file)?, by)
            }
        };
        let before = || io::Error::new(io::ErrorKind::InvalidInput, "a place before the beginning of the file");
        let at = base.checked_add_signed(by).ok_or_else(before)?;
        self.set_position(at);
        Ok(at)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        if !self.open.is_over() {
            let _ = self.block(self.open.settled());
        }
    }
}

impl Read for &File {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(self.read_next(buffer)?)
    }
}

impl Read for File {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buffer)
    }
}

impl Write for &File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(self.write_next(bytes)?)
    }

    /// Waits until the server has answered every write.
    fn flush(&mut self) -> io::Result<()> {
        Ok(self.settle()?)
    }
}

impl Write for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&*self).write(bytes)
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
        f.debug_tuple("File").field(&escape(&self.open.path, false)).finish()
    }
}
