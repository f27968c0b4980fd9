//! A channel of a session, `ssh2.channel`: one command, shell, subsystem or tunnel with its streams, 0 for what goes both
//! ways and 1 for standard error.

use crate::Error;
use crate::exceptions::{
    BadUseError, ChannelClosedError, ChannelEOFSentError, ChannelWindowFullError, InvalidRequestError, RandGenError,
};
use crate::pending::Slots;
use crate::scp::Tail;
use crate::session::Session;
use core::future::{Future, poll_fn};
use core::pin::pin;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use core::task::Poll;
use sanssh_core::Random;
use sanssh_std::{Agent, Channel as Inner, Error as Below, Exit, Kind, Pty, StderrGoes};
use std::sync::Arc;

/// [`Channel::handle_extended_data2`]: standard error is a stream of its own.
pub const LIBSSH2_CHANNEL_EXTENDED_DATA_NORMAL: i32 = 0;
/// [`Channel::handle_extended_data2`]: standard error is dropped.
pub const LIBSSH2_CHANNEL_EXTENDED_DATA_IGNORE: i32 = 1;
/// [`Channel::handle_extended_data2`]: standard error comes in among stream 0.
pub const LIBSSH2_CHANNEL_EXTENDED_DATA_MERGE: i32 = 2;
/// [`Channel::flush_ex`]: every stream but 0.
pub const LIBSSH2_CHANNEL_FLUSH_EXTENDED_DATA: i32 = -1;
/// [`Channel::flush_ex`]: every stream.
pub const LIBSSH2_CHANNEL_FLUSH_ALL: i32 = -2;
/// The stream of standard error.
pub const SSH_EXTENDED_DATA_STDERR: i32 = 1;
/// [`Channel::receive_window_adjust2`]: less than so many bytes are put off.
pub const LIBSSH2_CHANNEL_MINADJUST: u32 = 1024;

/// What is kept of a stream that nobody reads, besides a window of it.
const STRETCH: u32 = 32 << 20;

/// A channel, `ssh2.channel.Channel`. Dropping it closes it, without waiting for the server's word on that.
///
/// Streams 0 and 1 share one window. What comes of one while the other is read is kept, up to 32 MiB more than the window
/// has; then reading raises `ChannelWindowFullError`, until the first is read, flushed or ignored. Others than these two
/// streams there are not: servers send none, and what is asked of them raises `InvalidRequestError`.
#[derive(Debug)]
pub struct Channel {
    session: Session,
    /// Nothing for a channel that was never opened.
    inner: Option<Arc<Inner>>,
    requests: Slots<()>,
    started: AtomicBool,
    finished: AtomicBool,
    closed: AtomicBool,
    /// Bytes that the window is to grow by, put off.
    put_off: AtomicU32,
    tail: Tail,
}

/// How a command was killed, as [`Channel::get_exit_signal`] tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExitSignal {
    /// The name without `SIG`.
    pub exit_signal: String,
    /// What the server says about it.
    pub errmsg: String,
    /// Always empty: servers leave it so.
    pub lang_tag: String,
}

/// What [`Channel::window_read_ex`] and [`Channel::window_write_ex`] tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Window {
    /// Bytes that may be sent.
    pub size: u32,
    /// Bytes that have come and were not read; none for writing.
    pub read_avail: usize,
    /// What the window was at first; for writing, 0: nobody keeps that.
    pub window_size_initial: u32,
}

impl Channel {
    /// A channel that is not open, and never will be: it has ended, its exit status is 0 and its windows are empty, and
    /// everything else raises `BadUseError`.
    pub fn new(session: &Session) -> Self {
        Self::with(session, None)
    }

    pub(crate) fn of(session: &Session, inner: Inner) -> Self {
        inner.stretch(STRETCH);
        Self::with(session, Some(Arc::new(inner)))
    }

    /// A channel that something else runs on: it is not closed while that goes on.
    pub(crate) fn borrowed(session: &Session, inner: Arc<Inner>) -> Self {
        let channel = Self::with(session, Some(inner));
        channel.started.store(true, Ordering::Relaxed);
        channel
    }

    /// A channel on which the scp at the server takes a file of this size; the zero byte behind it is sent from here.
    pub(crate) fn of_scp(session: &Session, inner: Inner, size: u64) -> Self {
        let channel = Self::of(session, inner);
        channel.started.store(true, Ordering::Relaxed);
        Self { tail: Tail::of(size), ..channel }
    }

    fn with(session: &Session, inner: Option<Arc<Inner>>) -> Self {
        Self {
            session: session.clone(),
            inner,
            requests: Slots::new(),
            started: AtomicBool::new(false),
            finished: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            put_off: AtomicU32::new(0),
            tail: Tail::default(),
        }
    }

    /// The session that it is of.
    pub const fn session(&self) -> &Session {
        &self.session
    }

    /// The channel below, for what is built on one.
    pub(crate) fn inner(&self) -> Result<&Inner, Error> {
        let never = || Error::new(BadUseError, "the channel was never opened");
        self.session.note(self.inner.as_deref().ok_or_else(never))
    }

    // What runs.

    /// Runs a command line. One channel runs one command, shell or subsystem; it waits for the server's word on it.
    ///
    /// # Errors
    /// `ChannelRequestDenied` if the server refuses, `BadUseError` if something was started on the channel before.
    pub fn execute(&self, command: impl AsRef<[u8]>) -> Result<(), Error> {
        let command = command.as_ref();
        self.start(&format!("exec {}", command.escape_ascii()), |inner| inner.begin_exec(command))
    }

    /// Runs the user's shell.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub fn shell(&self) -> Result<(), Error> {
        self.start("shell", Inner::begin_shell)
    }

    /// Runs a subsystem.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub fn subsystem(&self, name: &str) -> Result<(), Error> {
        self.start(&format!("subsystem {name}"), |inner| inner.begin_subsystem(name))
    }

    /// Runs what `request` says: `shell`, or `exec` or `subsystem` with the message that goes with it.
    ///
    /// # Errors
    /// `InvalidRequestError` for other requests, and as [`execute`](Self::execute).
    pub fn process_startup(&self, request: &str, message: Option<&str>) -> Result<(), Error> {
        match (request, message) {
            ("shell", _) => self.shell(),
            ("exec", command) => self.execute(command.unwrap_or_default()),
            ("subsystem", name) => self.subsystem(name.unwrap_or_default()),
            _ => self.session.note(Err(Error::new(InvalidRequestError, format!("no channel starts by {request:?}")))),
        }
    }

    fn start<F>(&self, call: &str, begin: impl FnOnce(&Inner) -> F) -> Result<(), Error>
    where
        F: Future<Output = Result<(), Below>> + Send + 'static,
    {
        let inner = self.inner()?;
        if !self.requests.holds(call) && self.started.swap(true, Ordering::Relaxed) {
            return self.session.note(Err(Error::new(BadUseError, "Channel can not be reused")));
        }
        self.session.run(&self.requests, call, |_| begin(inner))
    }

    // What is asked for before.

    /// Asks for a terminal of 80 by 24 characters; the documented default of `term` is `vt100`.
    ///
    /// # Errors
    /// `ChannelRequestDenied` if the server refuses.
    pub fn pty(&self, term: &str) -> Result<(), Error> {
        let pty = Pty { term: term.to_owned(), columns: 80, rows: 24, modes: Vec::new() };
        self.ask(&format!("pty {term}"), |inner| inner.begin_pty(&pty))
    }

    /// The terminal has another size, in characters. Not of the documentation, but of libssh2.
    ///
    /// # Errors
    /// What ended the connection.
    pub fn pty_size(&self, columns: u32, rows: u32) -> Result<(), Error> {
        self.ask(&format!("size {columns} {rows}"), |inner| inner.begin_window_change(columns, rows))
    }

    /// Sets a variable for the command. Servers refuse most names.
    ///
    /// # Errors
    /// `ChannelRequestDenied` if the server refuses.
    pub fn setenv(&self, varname: &str, value: &str) -> Result<(), Error> {
        self.ask(&format!("env {varname}={value}"), |inner| inner.begin_env(varname, value))
    }

    /// Lets the command use the user's agent, as `SSH_AUTH_SOCK` names it; without one the server is asked all the same,
    /// and what its programs open is refused. **Whoever can be the user there can sign by its keys while the session
    /// lasts.** The documented call leaves the agent's side to the caller.
    ///
    /// # Errors
    /// `ChannelRequestDenied` if the server refuses, `AuthenticationError` if it lets anybody in and nothing is lent.
    pub fn request_auth_agent(&self) -> Result<(), Error> {
        self.ask("agent", |inner| {
            let begun = inner.begin_agent(Agent::socket().ok().as_deref());
            async { begun?.await }
        })
    }

    /// Asks that programs may show windows on this screen, with a cookie made up for them: as with the documented call,
    /// what they open is refused.
    ///
    /// # Errors
    /// `ChannelRequestDenied` if the server refuses, `RandGenError` if the system has no entropy.
    pub fn x11_req(&self, screen_number: u32) -> Result<(), Error> {
        let seed = sanssh_std::seed().map_err(|error| Error::from(error).raised_as(RandGenError));
        let cookie = u128::from_be_bytes(Random::new(&self.session.note(seed)?).array());
        self.x11_req_ex(false, b"MIT-MAGIC-COOKIE-1", format!("{cookie:032x}").as_bytes(), screen_number)
    }

    /// The same for one window program alone or for all, with the caller's protocol and cookie, in hexadecimal digits.
    ///
    /// # Errors
    /// As [`x11_req`](Self::x11_req).
    pub fn x11_req_ex(
        &self,
        single_connection: bool,
        auth_proto: &[u8],
        auth_cookie: &[u8],
        screen_number: u32,
    ) -> Result<(), Error> {
        self.ask(&format!("x11 {screen_number}"), |inner| {
            inner.begin_x11(single_connection, auth_proto, auth_cookie, screen_number)
        })
    }

    /// Signals the command; the name goes without `SIG`. Nobody says whether it was heeded.
    ///
    /// # Errors
    /// What ended the connection.
    pub fn signal(&self, name: &str) -> Result<(), Error> {
        self.ask(&format!("signal {name}"), |inner| inner.begin_signal(name))
    }

    fn ask<F>(&self, call: &str, begin: impl FnOnce(&Inner) -> F) -> Result<(), Error>
    where
        F: Future<Output = Result<(), Below>> + Send + 'static,
    {
        let inner = self.inner()?;
        self.session.run(&self.requests, call, |_| begin(inner))
    }

    // What comes and goes.

    /// Reads what has come of standard output, at least a byte unless `buffer` is empty, and no more than one call gives:
    /// also while calls wait it may be less than there is room for. 0 at the end.
    ///
    /// # Errors
    /// `ChannelWindowFullError` if too much of the other stream was not read, or what ended the connection.
    pub fn read(&self, buffer: &mut [u8]) -> Result<usize, Error> {
        self.read_kind(Kind::Data, buffer)
    }

    /// The same of standard error.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_stderr(&self, buffer: &mut [u8]) -> Result<usize, Error> {
        self.read_kind(Kind::Stderr, buffer)
    }

    /// The same of a stream by its number.
    ///
    /// # Errors
    /// As [`read`](Self::read), and `InvalidRequestError` for a stream that there is not.
    pub fn read_ex(&self, buffer: &mut [u8], stream_id: i32) -> Result<usize, Error> {
        let kind = self.stream(stream_id)?;
        self.read_kind(kind, buffer)
    }

    fn read_kind(&self, kind: Kind, buffer: &mut [u8]) -> Result<usize, Error> {
        let inner = self.inner()?;
        let read = if self.session.get_blocking() {
            Some(inner.read_from(Some(kind), buffer))
        } else {
            inner.try_read(Some(kind), buffer)
        };
        self.session.note(read.map_or(Err(Error::Again), |read| Ok(read?.1)))
    }

    /// Writes to standard input: everything while calls wait, otherwise what can go at once, and how much that was.
    ///
    /// # Errors
    /// [`Error::Again`] if that is nothing; `ChannelEOFSentError` after [`send_eof`](Self::send_eof),
    /// `ChannelClosedError` once the channel is closed or nobody reads there.
    pub fn write(&self, buf: impl AsRef<[u8]>) -> Result<usize, Error> {
        self.write_kind(Kind::Data, buf.as_ref())
    }

    /// The same to stream 1, which servers drop.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub fn write_stderr(&self, buf: impl AsRef<[u8]>) -> Result<usize, Error> {
        self.write_kind(Kind::Stderr, buf.as_ref())
    }

    /// The same to a stream by its number.
    ///
    /// # Errors
    /// As [`write`](Self::write), and `InvalidRequestError` for a stream that there is not.
    pub fn write_ex(&self, stream_id: i32, buf: impl AsRef<[u8]>) -> Result<usize, Error> {
        let kind = self.stream(stream_id)?;
        self.write_kind(kind, buf.as_ref())
    }

    fn write_kind(&self, kind: Kind, data: &[u8]) -> Result<usize, Error> {
        if data.is_empty() {
            return Ok(0);
        }
        let inner = self.inner()?;
        self.session.note(self.check_open())?;
        if self.tail.is_said(data) {
            return Ok(data.len());
        }
        if !self.session.get_blocking() {
            let written = inner.try_write(kind, data);
            let written = self.session.note(written.map_or(Err(Error::Again), |written| Ok(written?)))?;
            self.tail.passed(written);
            // What does not go now goes before the end.
            let _ = self.end_file(inner);
            return Ok(written);
        }
        let mut done = 0;
        while done < data.len() {
            let written = self.session.note(inner.write_to(kind, &data[done..]).map_err(Error::from))?;
            self.tail.passed(written);
            done += written;
        }
        self.end_file(inner)?;
        Ok(done)
    }

    /// Sends the zero byte behind a file, once all of that has gone.
    fn end_file(&self, inner: &Inner) -> Result<(), Error> {
        if !self.tail.is_due() {
            return Ok(());
        }
        let waits = self.session.get_blocking();
        let sent = if waits { Some(inner.write_to(Kind::Data, b"\0")) } else { inner.try_write(Kind::Data, b"\0") };
        self.session.note(sent.map_or(Err(Error::Again), |sent| Ok(sent?)))?;
        self.tail.sent();
        Ok(())
    }

    fn check_open(&self) -> Result<(), Error> {
        if self.closed.load(Ordering::Relaxed) {
            return Err(Error::new(ChannelClosedError, "We've already closed this channel"));
        }
        if self.finished.load(Ordering::Relaxed) {
            return Err(Error::new(ChannelEOFSentError, "EOF has already been sent, data might be ignored"));
        }
        Ok(())
    }

    fn stream(&self, stream_id: i32) -> Result<Kind, Error> {
        match stream_id {
            0 => Ok(Kind::Data),
            SSH_EXTENDED_DATA_STDERR => Ok(Kind::Stderr),
            other => self.session.note(Err(Error::new(InvalidRequestError, format!("there is no stream {other}")))),
        }
    }

    /// Where standard error goes, of `LIBSSH2_CHANNEL_EXTENDED_DATA_`. What has come of it and was not read is dropped, or
    /// merged.
    ///
    /// # Errors
    /// `InvalidRequestError` for other modes.
    pub fn handle_extended_data2(&self, ignore_mode: i32) -> Result<(), Error> {
        let goes = match ignore_mode {
            LIBSSH2_CHANNEL_EXTENDED_DATA_NORMAL => StderrGoes::Apart,
            LIBSSH2_CHANNEL_EXTENDED_DATA_IGNORE => StderrGoes::Nowhere,
            LIBSSH2_CHANNEL_EXTENDED_DATA_MERGE => StderrGoes::Along,
            _ => return self.session.note(Err(Error::new(InvalidRequestError, "no such mode of extended data"))),
        };
        self.inner()?.send_stderr(goes);
        Ok(())
    }

    /// Deprecated; as [`handle_extended_data2`](Self::handle_extended_data2).
    ///
    /// # Errors
    /// As [`handle_extended_data2`](Self::handle_extended_data2).
    #[deprecated = "use handle_extended_data2"]
    pub fn handle_extended_data(&self, ignore_mode: i32) -> Result<(), Error> {
        self.handle_extended_data2(ignore_mode)
    }

    /// Deprecated; [`handle_extended_data2`](Self::handle_extended_data2) with 0, or with 1 for anything else.
    ///
    /// # Errors
    /// As [`handle_extended_data2`](Self::handle_extended_data2).
    #[deprecated = "use handle_extended_data2"]
    pub fn ignore_extended_data(&self, ignore_mode: i32) -> Result<(), Error> {
        self.handle_extended_data2(i32::from(ignore_mode != 0))
    }

    /// Drops what has come of standard output and was not read; how many bytes.
    ///
    /// # Errors
    /// `BadUseError` for a channel that was never opened.
    pub fn flush(&self) -> Result<usize, Error> {
        self.flush_ex(0)
    }

    /// The same of standard error.
    ///
    /// # Errors
    /// As [`flush`](Self::flush).
    pub fn flush_stderr(&self) -> Result<usize, Error> {
        self.flush_ex(SSH_EXTENDED_DATA_STDERR)
    }

    /// The same of a stream by its number, or of several: `LIBSSH2_CHANNEL_FLUSH_`.
    ///
    /// # Errors
    /// As [`flush`](Self::flush), and `InvalidRequestError` for a stream that there is not.
    pub fn flush_ex(&self, stream_id: i32) -> Result<usize, Error> {
        let inner = self.inner()?;
        match stream_id {
            LIBSSH2_CHANNEL_FLUSH_ALL => Ok(inner.discard(Kind::Data) + inner.discard(Kind::Stderr)),
            LIBSSH2_CHANNEL_FLUSH_EXTENDED_DATA => Ok(inner.discard(Kind::Stderr)),
            _ => Ok(inner.discard(self.stream(stream_id)?)),
        }
    }

    /// Whether something has come of standard output, or of standard error if `extended`, and was not read. It waits for
    /// nothing, but takes in what is there.
    ///
    /// # Errors
    /// What ended the connection.
    pub fn poll_channel_read(&self, extended: bool) -> Result<bool, Error> {
        let inner = self.inner()?;
        let kind = if extended { Kind::Stderr } else { Kind::Data };
        if inner.unread(kind) == 0 {
            self.session.note(self.session.client()?.tend().map_err(Error::from))?;
        }
        Ok(inner.unread(kind) > 0)
    }

    // Windows.

    /// Bytes that the server may send before it needs leave for more.
    pub fn window_read(&self) -> u32 {
        self.window_read_ex().size
    }

    /// The same, with what has come already; the documented arguments are what is told here.
    pub fn window_read_ex(&self) -> Window {
        let Some(inner) = &self.inner else { return Window::default() };
        let read_avail = inner.unread(Kind::Data) + inner.unread(Kind::Stderr);
        Window { size: inner.windows().1, read_avail, window_size_initial: self.session.window() }
    }

    /// Bytes that may be sent to the server before it gives leave for more.
    pub fn window_write(&self) -> u32 {
        self.window_write_ex().size
    }

    /// The same; the documented argument is what is told here.
    pub fn window_write_ex(&self) -> Window {
        let size = self.inner.as_ref().map_or(0, |inner| inner.windows().0);
        Window { size, read_avail: 0, window_size_initial: 0 }
    }

    /// Lets the server send so many bytes more at a time, for as long as the channel is open. Less than
    /// [`LIBSSH2_CHANNEL_MINADJUST`] is put off until there is more, unless `force`; the word to the server leaves once it
    /// has use for it.
    ///
    /// # Errors
    /// `BadUseError` for a channel that was never opened.
    pub fn receive_window_adjust2(&self, adjustment: u32, force: bool) -> Result<(), Error> {
        let inner = self.inner()?;
        let due = self.put_off.swap(0, Ordering::Relaxed).saturating_add(adjustment);
        if force || due >= LIBSSH2_CHANNEL_MINADJUST {
            inner.widen(due);
        } else {
            self.put_off.store(due, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Deprecated; as [`receive_window_adjust2`](Self::receive_window_adjust2).
    ///
    /// # Errors
    /// As [`receive_window_adjust2`](Self::receive_window_adjust2).
    #[deprecated = "use receive_window_adjust2"]
    pub fn receive_window_adjust(&self, adjustment: u32, force: bool) -> Result<(), Error> {
        self.receive_window_adjust2(adjustment, force)
    }

    // The end.

    /// Says that no more input comes. It can be said again.
    ///
    /// # Errors
    /// `BadUseError` for a channel that was never opened.
    pub fn send_eof(&self) -> Result<(), Error> {
        let inner = self.inner()?;
        self.end_file(inner)?;
        if !self.finished.swap(true, Ordering::Relaxed) {
            inner.finish();
        }
        Ok(())
    }

    /// Whether the server has said that no more output comes, and all of it was read.
    pub fn eof(&self) -> bool {
        self.inner.as_deref().is_none_or(Inner::eof)
    }

    /// Waits until the server says that no more output comes, whatever of it was read.
    ///
    /// # Errors
    /// `ChannelWindowFullError` if the window is full of what was not read, so that the server cannot get there.
    pub fn wait_eof(&self) -> Result<(), Error> {
        let inner = self.inner()?;
        let mut ended = pin!(inner.begin_wait_eof());
        let full = || {
            let Window { size, read_avail, .. } = self.window_read_ex();
            size == 0 && read_avail > 0
        };
        let mut stuck = false;
        let waited = self.session.wait(poll_fn(|context| match ended.as_mut().poll(context) {
            Poll::Pending if full() => {
                stuck = true;
                Poll::Ready(Ok(()))
            }
            polled @ (Poll::Pending | Poll::Ready(_)) => polled,
        }));
        if stuck {
            let text = "the window is full of what was not read: the end cannot come";
            return self.session.note(Err(Error::new(ChannelWindowFullError, text)));
        }
        waited
    }

    /// Closes the channel, and waits until the server has closed it too. What was not read still can be; it can be closed
    /// again.
    ///
    /// # Errors
    /// What ended the connection.
    pub fn close(&self) -> Result<(), Error> {
        let inner = self.inner()?;
        if !self.closed.swap(true, Ordering::Relaxed) {
            inner.close();
        }
        self.session.wait(inner.begin_wait_close())
    }

    /// Waits until the server has closed the channel.
    ///
    /// # Errors
    /// `InvalidRequestError` if the server has not said yet that no more output comes.
    pub fn wait_closed(&self) -> Result<(), Error> {
        let inner = self.inner()?;
        let client = self.session.note(self.session.client())?;
        if client.advance(pin!(inner.begin_wait_eof())).is_pending() {
            let text = "wait_closed() invoked when channel is not in EOF state";
            return self.session.note(Err(Error::new(InvalidRequestError, text)));
        }
        self.session.wait(inner.begin_wait_close())
    }

    /// The status that the command ended with, as far as the server has said; otherwise 0, as after a signal.
    pub fn get_exit_status(&self) -> i32 {
        match self.inner.as_deref().and_then(Inner::exit) {
            Some(Exit::Status(status)) => status.cast_signed(),
            Some(Exit::Signal { .. } | Exit::Unknown) | None => 0,
        }
    }

    /// The signal that the command was killed by, if it was and the server has said so.
    pub fn get_exit_signal(&self) -> Option<ExitSignal> {
        match self.inner.as_deref().and_then(Inner::exit) {
            Some(Exit::Signal { name, message, .. }) => {
                Some(ExitSignal { exit_signal: name, errmsg: message, lang_tag: String::new() })
            }
            Some(Exit::Status(_) | Exit::Unknown) | None => None,
        }
    }
}
