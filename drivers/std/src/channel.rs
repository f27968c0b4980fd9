//! A session on a server, as the client holds it: requests, the command's streams, and how it ended. It can be driven
//! from two threads at once, one reading and one writing.

use crate::inbox::{Exit, Kind, StderrGoes};
use crate::socket::Socket;
use crate::stream::Stream;
use crate::{Error, Tunnel};
use sanssh_core::channel::{Mode, Modes, Pty as PtyRequest, Request};
use sanssh_core::role;
use sanssh_core::wire::Sink;
use sanssh_core::wire::connection::WindowChange;
use std::io::{self, Read, Write};

/// A terminal to ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pty {
    /// `TERM`.
    pub term: String,
    /// Width in characters.
    pub columns: u32,
    /// Height in characters.
    pub rows: u32,
    /// Terminal modes.
    pub modes: Vec<(Mode, u32)>,
}

impl Default for Pty {
    /// `xterm-256color`, 80 by 24, no modes.
    fn default() -> Self {
        Self { term: "xterm-256color".to_owned(), columns: 80, rows: 24, modes: Vec::new() }
    }
}

/// A session. Requests do not wait for their answers, so that what sets a command up leaves in one flight; a refusal
/// shows at the next read, or in [`confirm`](Self::confirm). Dropping it closes the channel.
///
/// Both streams of the server share one window: who reads only one of them should
/// [drop the other](Self::send_stderr), or the channel stops when the window is full of it.
#[derive(Debug)]
pub struct Channel {
    stream: Stream<role::Client>,
}

/// Standard error of a [`Channel`].
#[derive(Debug)]
pub struct Stderr<'a>(&'a Channel);

impl Channel {
    pub(crate) const fn new(stream: Stream<role::Client>) -> Self {
        Self { stream }
    }

    pub(crate) const fn stream(&self) -> &Stream<role::Client> {
        &self.stream
    }

    /// Whether the request of one of these names was granted; `None` before the server said.
    pub(crate) fn granted(&self, names: &[&str]) -> Option<bool> {
        self.stream.link.with(|state| {
            let inbox = state.inboxes.of(self.stream.id)?;
            let asked = inbox.asked.iter().any(|one| names.contains(&one.name));
            (!asked).then(|| !inbox.refused.iter().any(|one| names.contains(one)))
        })
    }

    /// Asks for a program; the request leaves with what follows.
    pub(crate) async fn begin(&self, program: Request<'_>) -> Result<(), Error> {
        self.stream.asked(program, true, false).await
    }

    /// Asks for a terminal. A refusal is told by [`pty_granted`](Self::pty_granted) only.
    ///
    /// # Errors
    /// Those of the connection, and [`Error::Refused`] if it does not fit into a message or the channel is closed; so
    /// for all requests.
    pub fn request_pty(&self, pty: &Pty) -> Result<(), Error> {
        let modes = encoded(&pty.modes);
        let size = WindowChange { columns: pty.columns, rows: pty.rows, width: 0, height: 0 };
        let request = PtyRequest { term: pty.term.as_bytes(), size, modes: Modes(&modes) };
        self.stream.request(Request::Pty(request), true, false)
    }

    /// Sets a variable for the command. Servers refuse most names, and that is not told.
    ///
    /// # Errors
    /// As [`request_pty`](Self::request_pty).
    pub fn env(&self, name: &str, value: &str) -> Result<(), Error> {
        self.stream.request(Request::Env { name: name.as_bytes(), value: value.as_bytes() }, true, false)
    }

    /// Runs a command line. One channel runs one command, shell or subsystem.
    ///
    /// # Errors
    /// As [`request_pty`](Self::request_pty).
    pub fn exec(&self, command: impl AsRef<[u8]>) -> Result<(), Error> {
        self.stream.request(Request::Exec(command.as_ref()), true, true)
    }

    /// Runs the user's shell.
    ///
    /// # Errors
    /// As [`request_pty`](Self::request_pty).
    pub fn shell(&self) -> Result<(), Error> {
        self.stream.request(Request::Shell, true, true)
    }

    /// Runs a subsystem.
    ///
    /// # Errors
    /// As [`request_pty`](Self::request_pty).
    pub fn subsystem(&self, name: &str) -> Result<(), Error> {
        self.stream.request(Request::Subsystem(name.as_bytes()), true, true)
    }

    /// Waits until the server has answered everything asked for so far.
    ///
    /// # Errors
    /// [`Error::RequestRefused`] if the command, shell or subsystem was refused, or what ended the connection.
    pub fn confirm(&self) -> Result<(), Error> {
        self.stream.link.block(self.stream.link.patience(), self.begin_confirm())
    }

    /// The same, begun.
    pub fn begin_confirm(&self) -> impl Future<Output = Result<(), Error>> + use<> {
        let confirmed = self.stream.begin_until(|inbox| match inbox.refused_start() {
            Some(what) => Some(Err(Error::RequestRefused(what))),
            None => (inbox.asked.is_empty() || inbox.closed).then_some(Ok(())),
        });
        async { confirmed.await? }
    }

    /// Waits until the server says that no more output comes, whatever of it was read.
    ///
    /// # Errors
    /// What ended the connection.
    pub fn wait_eof(&self) -> Result<(), Error> {
        self.stream.link.block(self.stream.link.patience(), self.begin_wait_eof())
    }

    /// The same, begun.
    pub fn begin_wait_eof(&self) -> impl Future<Output = Result<(), Error>> + use<> {
        self.stream.begin_until(|inbox| (inbox.eof || inbox.closed).then_some(()))
    }

    /// As [`wait_close`](Self::wait_close), begun.
    pub fn begin_wait_close(&self) -> impl Future<Output = Result<(), Error>> + use<> {
        self.stream.begin_until(|inbox| inbox.closed.then_some(()))
    }

    /// Waits for what comes of one stream, or of whichever has something; nothing at the end.
    ///
    /// # Errors
    /// As [`read_any`](Self::read_any).
    pub fn read_from(&self, want: Option<Kind>, buffer: &mut [u8]) -> Result<(Kind, usize), Error> {
        self.stream.read(want, buffer)
    }

    /// Waits until window and buffers take something.
    ///
    /// # Errors
    /// [`Error::Refused`] once nobody reads there, or what ended the connection.
    pub fn write_to(&self, kind: Kind, data: &[u8]) -> Result<usize, Error> {
        self.stream.write(kind, data)
    }

    /// Reads what has come of one stream, or of whichever has something, without waiting; `None` if nothing has yet.
    pub fn try_read(&self, want: Option<Kind>, buffer: &mut [u8]) -> Option<Result<(Kind, usize), Error>> {
        self.stream.try_read(want, buffer)
    }

    /// Writes as much as window and buffers take, without waiting; `None` if that is nothing now.
    pub fn try_write(&self, kind: Kind, data: &[u8]) -> Option<Result<usize, Error>> {
        self.stream.try_write(kind, data)
    }

    /// Whether the terminal asked for was granted; `None` before the server said.
    pub fn pty_granted(&self) -> Option<bool> {
        self.granted(&["pty-req"])
    }

    /// The terminal has another size.
    ///
    /// # Errors
    /// As [`request_pty`](Self::request_pty).
    pub fn window_change(&self, columns: u32, rows: u32) -> Result<(), Error> {
        let size = WindowChange { columns, rows, width: 0, height: 0 };
        self.stream.request(Request::WindowChange(size), false, true)
    }

    /// Signals the command; the name goes without `SIG`. Not every server heeds it.
    ///
    /// # Errors
    /// As [`request_pty`](Self::request_pty).
    pub fn signal(&self, name: &str) -> Result<(), Error> {
        self.stream.request(Request::Signal(name.as_bytes()), false, true)
    }

    /// Sends a break (RFC 4335).
    ///
    /// # Errors
    /// As [`request_pty`](Self::request_pty).
    pub fn send_break(&self, milliseconds: u32) -> Result<(), Error> {
        self.stream.request(Request::Break(milliseconds), true, true)
    }

    /// Joins the command with a socket, and lets go of the channel: what comes from either goes to the other until both
    /// have ended. What the command writes to standard error is dropped.
    ///
    /// # Errors
    /// [`Error::Io`] if the socket cannot be watched, or there can be no thread.
    pub fn join(self, socket: impl Into<Socket>) -> Result<(), Error> {
        self.stream.join(socket.into())
    }

    /// No more input for the command.
    pub fn finish(&self) {
        self.stream.finish();
    }

    /// Ends the channel; what still arrives is dropped.
    pub fn close(&self) {
        self.stream.close();
    }

    /// Whether the server has said that no more output comes, and all of it was read.
    pub fn eof(&self) -> bool {
        self.stream.link.with(|state| match state.inboxes.of(self.stream.id) {
            Some(inbox) => (inbox.eof || inbox.closed) && inbox.waiting(None).is_none(),
            None => true,
        })
    }

    /// Waits until the server says how the command ended, or closes the channel. Output has to be read meanwhile, or
    /// the command may wait for that; what was not read yet still can be.
    ///
    /// # Errors
    /// [`Error::RequestRefused`] if there was no command, or what ended the connection.
    pub fn wait(&self) -> Result<Exit, Error> {
        self.stream.link.block(self.stream.link.patience(), self.begin_wait())
    }

    /// The same, begun.
    pub fn begin_wait(&self) -> impl Future<Output = Result<Exit, Error>> + use<> {
        let ended = self.stream.begin_until(|inbox| match (inbox.refused_start(), &inbox.exit) {
            (Some(what), _) => Some(Err(Error::RequestRefused(what))),
            (None, Some(exit)) => Some(Ok(exit.clone())),
            (None, None) => inbox.closed.then_some(Ok(Exit::Unknown)),
        });
        async { ended.await? }
    }

    /// Waits until the channel is closed on both sides, which is after all output and the exit status.
    ///
    /// # Errors
    /// What ended the connection.
    pub fn wait_close(&self) -> Result<(), Error> {
        self.stream.wait_close()
    }

    /// Reads whichever of standard output and standard error has something, in one thread; 0 at the end of both.
    ///
    /// # Errors
    /// [`Error::RequestRefused`] if there is no command, or what ended the connection, after all that arrived before.
    pub fn read_any(&self, buffer: &mut [u8]) -> Result<(Kind, usize), Error> {
        self.stream.read(None, buffer)
    }

    /// Standard error as a stream of its own.
    pub const fn stderr(&self) -> Stderr<'_> {
        Stderr(self)
    }

    /// Where standard error goes from now on. What has come of it and was not read is dropped, or joins standard output.
    pub fn send_stderr(&self, goes: StderrGoes) {
        self.stream.link.change(|state| {
            let Some(inbox) = state.inboxes.of(self.stream.id) else { return };
            inbox.stderr_goes = goes;
            match goes {
                StderrGoes::Apart => {}
                StderrGoes::Along => inbox.data.append(&mut inbox.stderr),
                StderrGoes::Nowhere => {
                    let dropped = inbox.stderr.len();
                    inbox.stderr.clear();
                    state.ssh.release(self.stream.id, dropped);
                }
            }
        });
    }

    /// Bytes that have come of a stream and were not read.
    pub fn unread(&self, kind: Kind) -> usize {
        self.stream.link.with(|state| state.inboxes.of(self.stream.id).map_or(0, |inbox| inbox.queue(kind).len()))
    }

    /// Drops what has come of a stream and was not read; how many bytes.
    pub fn discard(&self, kind: Kind) -> usize {
        self.stream.link.change(|state| {
            let Some(inbox) = state.inboxes.of(self.stream.id) else { return 0 };
            let queue = inbox.queue(kind);
            let dropped = queue.len();
            queue.clear();
            state.ssh.release(self.stream.id, dropped);
            dropped
        })
    }

    /// How the command ended, as far as the server has said.
    pub fn exit(&self) -> Option<Exit> {
        self.stream.link.with(|state| state.inboxes.of(self.stream.id)?.exit.clone())
    }

    /// Bytes that may be sent now, and bytes that the server may send; none once the channel is closed.
    pub fn windows(&self) -> (u32, u32) {
        self.stream.link.with(|state| state.ssh.windows(self.stream.id).unwrap_or_default())
    }

    /// Lets who waits for one stream do so although the window is full of the other, which is kept: up to `bytes` more, by
    /// which the window grows. Beyond that such a read fails with [`Error::Refused`].
    pub fn stretch(&self, bytes: u32) {
        self.stream.link.with(|state| {
            if let Some(inbox) = state.inboxes.of(self.stream.id) {
                inbox.stretch = Some(bytes);
            }
        });
    }

    /// Lets the server send `bytes` more at a time, for as long as the channel is open.
    pub fn widen(&self, bytes: u32) {
        self.stream.link.change(|state| state.ssh.widen(self.stream.id, bytes));
    }
}

impl From<Tunnel> for Channel {
    /// The same channel, on which there is nothing to ask for.
    fn from(tunnel: Tunnel) -> Self {
        Self { stream: tunnel.into_stream() }
    }
}

/// Terminal modes as a request has them.
pub(crate) fn encoded(modes: &[(Mode, u32)]) -> Vec<u8> {
    let mut bytes = Bytes(Vec::new());
    Modes::encode(modes.iter().copied(), &mut bytes);
    bytes.0
}

impl Read for &Channel {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(self.stream.read(Some(Kind::Data), buffer)?.1)
    }
}

impl Read for Channel {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buffer)
    }
}

impl Write for &Channel {
    /// Waits until the server's window takes something. What was taken has been encrypted and given to the socket as
    /// far as that takes it; the rest follows while anybody waits for anything. It fails as closed once the server has
    /// said that nobody reads there.
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        Ok(self.stream.write(Kind::Data, data)?)
    }

    /// Waits until everything written has left for the socket.
    fn flush(&mut self) -> io::Result<()> {
        Ok(self.stream.flush()?)
    }
}

impl Write for Channel {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        (&*self).write(data)
    }

    fn flush(&mut self) -> io::Result<()> {
        (&*self).flush()
    }
}

impl Read for Stderr<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(self.0.stream.read(Some(Kind::Stderr), buffer)?.1)
    }
}

/// Modes as bytes.
struct Bytes(Vec<u8>);

impl Sink for Bytes {
    fn put(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }
}
