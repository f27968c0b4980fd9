//! What carries the dialogue: a channel of a connection, or the pipes of a bare server. Output is composed where it will
//! leave from, and whoever waits for input reads it into the memory it brings.

use super::engine::Engine;
use crate::Error;
use crate::channel::Channel;
use crate::inbox::Kind;
use crate::state::{Own, State};
use crate::stream::Stream;
use core::fmt;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use core::time::Duration;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use sanssh_core::role;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What one read and one write should be able to move.
pub(super) const BUFFER: usize = 256 * 1024;
/// Room for which it is worth to go on composing, while other output waits.
const WORTH: usize = 16 * 1024;

/// What a wait ended with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrival {
    /// So many bytes.
    Bytes(usize),
    /// More can be sent, or somebody wants a look.
    Room,
    /// The server sends no more.
    End,
}

/// One of the two.
pub(super) enum Line {
    /// A channel whose subsystem was asked for.
    Channel {
        channel: Arc<Channel>,
        /// There is more to send than there was room for.
        hungry: AtomicBool,
        /// Bytes by which the channel's window has grown, to hold what copies ask for besides all else.
        widened: AtomicU64,
    },
    /// The server's standard streams.
    Pipe(Pipe),
}

impl Line {
    pub(super) const fn channel(channel: Arc<Channel>) -> Self {
        Self::Channel { channel, hungry: AtomicBool::new(false), widened: AtomicU64::new(0) }
    }

    /// How long a wait may take.
    pub(super) fn patience(&self) -> Option<Duration> {
        match self {
            Self::Channel { channel, .. } => channel.stream().link.patience(),
            Self::Pipe(pipe) => match pipe.patience.load(Ordering::Relaxed) {
                u64::MAX => None,
                micros => Some(Duration::from_micros(micros)),
            },
        }
    }

    pub(super) fn set_patience(&self, span: Option<Duration>) {
        match self {
            Self::Channel { channel, .. } => channel.stream().link.set_patience(span),
            Self::Pipe(pipe) => {
                let micros = span.and_then(|span| u64::try_from(span.as_micros()).ok()).unwrap_or(u64::MAX);
                pipe.patience.store(micros, Ordering::Relaxed);
            }
        }
    }

    /// Sends what the engine has, as far as there is room, and waits for nothing.
    pub(super) fn offer(&self, engine: &mut Engine) -> Result<(), Error> {
        match self {
            Self::Channel { channel, hungry, widened } => {
                let stream = channel.stream();
                let depth = engine.depth();
                let more = depth.saturating_sub(widened.fetch_max(depth, Ordering::Relaxed));
                stream.link.change(|state| {
                    // What comes is kept nowhere: it goes to its file at once.
                    state.ssh.widen(stream.id, u32::try_from(more).unwrap_or(u32::MAX));
                    while let Some(Ok(1..)) = state.attempt(stream.link.socket(), |ssh, output| {
                        ssh.fill(stream.id, output, |space| engine.compose(space))
                    }) {
                        stream.link.send_if_much(state);
                    }
                    hungry.store(engine.has_more(), Ordering::Relaxed);
                });
                Ok(())
            }
            Self::Pipe(pipe) => pipe.offer(engine),
        }
    }

    /// Whether something composed has not left that has to be seen to.
    pub(super) fn is_behind(&self) -> bool {
        match self {
            // Whoever moves the connection on does so.
            Self::Channel { .. } => false,
            Self::Pipe(pipe) => pipe.out().hungry,
        }
    }

    /// Takes the input that the connection has, or, if it `reaches` so far, also what its socket has; it waits for none.
    pub(super) fn look(&self, space: &mut [u8], reaches: bool) -> Option<Result<Arrival, Error>> {
        match self {
            Self::Channel { channel, .. } => {
                let stream = channel.stream();
                let mut own = Own::of(stream.id, Some(Kind::Data), space);
                let ready = |state: &mut State<_>, own: &mut Own<'_>| arrival(stream.take(state, own.want, own));
                if reaches {
                    return stream.link.attempt(&mut own, ready);
                }
                stream.link.with(|state| ready(state, &mut own).or_else(|| state.failure.clone().map(Err)))
            }
            Self::Pipe(pipe) => match pipe.poll(false, space, Some(Duration::ZERO)) {
                Ok(Arrival::Room) | Err(Error::TimedOut(_)) => None,
                arrival => Some(arrival),
            },
        }
    }

    /// Tells those who wait on the connection that something happened in the dialogue.
    pub(super) fn tell(&self) {
        match self {
            Self::Channel { channel, .. } => channel.stream().link.announce(),
            Self::Pipe(_) => {}
        }
    }

    /// Waits for input, and for room if there was too little.
    pub(super) fn wait(&self, space: &mut [u8], span: Option<Duration>) -> Result<Arrival, Error> {
        match self {
            Self::Channel { channel, hungry, .. } => {
                let stream = channel.stream();
                stream.link.wait(span, &mut Own::of(stream.id, Some(Kind::Data), space), |state, own| {
                    arrival(stream.take(state, Some(Kind::Data), own)).or_else(|| {
                        let wakes = hungry.load(Ordering::Relaxed) && has_room(stream, state);
                        wakes.then_some(Ok(Arrival::Room))
                    })
                })?
            }
            Self::Pipe(pipe) => pipe.wait(space, span),
        }
    }
}

/// What was taken from the channel, if anything was.
fn arrival(taken: Option<Result<(Kind, usize), Error>>) -> Option<Result<Arrival, Error>> {
    Some(match taken? {
        Ok((_, 0)) => Ok(Arrival::End),
        Ok((_, n)) => Ok(Arrival::Bytes(n)),
        Err(error) => Err(error),
    })
}

/// Whether data would be taken now.
fn has_room(stream: &Stream<role::Client>, state: &mut State<role::Client>) -> bool {
    let idle = state.tx.is_empty();
    let mut room = 0;
    let _ = state.attempt(stream.link.socket(), |ssh, output| {
        ssh.fill(stream.id, output, |space| {
            room = space.len();
            0
        })
    });
    room >= WORTH || (idle && room > 0)
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Channel { .. } => "Channel",
            Self::Pipe(_) => "Pipe",
        })
    }
}

/// The streams of a bare server. The one it reads never blocks here.
pub(super) struct Pipe {
    reader: OwnedFd,
    writer: OwnedFd,
    /// A byte into the first wakes whoever sleeps on the second.
    wake: (UnixStream, UnixStream),
    out: Mutex<Out>,
    /// Microseconds that a wait may take; `u64::MAX` for ever.
    patience: AtomicU64,
}

/// What waits to be written.
struct Out {
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    hungry: bool,
    sleeping: bool,
}

impl Pipe {
    pub(super) fn new(reader: OwnedFd, writer: OwnedFd) -> Result<Self, Error> {
        let flags = rustix::fs::fcntl_getfl(&writer).map_err(io::Error::from)?;
        rustix::fs::fcntl_setfl(&writer, flags | rustix::fs::OFlags::NONBLOCK).map_err(io::Error::from)?;
        let wake = UnixStream::pair()?;
        wake.0.set_nonblocking(true)?;
        wake.1.set_nonblocking(true)?;
        let out = Out { buffer: vec![0; BUFFER].into_boxed_slice(), start: 0, end: 0, hungry: false, sleeping: false };
        Ok(Self { reader, writer, wake, out: Mutex::new(out), patience: AtomicU64::new(u64::MAX) })
    }

    fn out(&self) -> MutexGuard<'_, Out> {
        self.out.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn offer(&self, engine: &mut Engine) -> Result<(), Error> {
        let mut out = self.out();
        let outcome = loop {
            if out.start == out.end {
                (out.start, out.end) = (0, engine.compose(&mut out.buffer));
            }
            if out.end == 0 {
                break Ok(());
            }
            match rustix::io::write(&self.writer, &out.buffer[out.start..out.end]) {
                Ok(n) => out.start += n,
                Err(Errno::AGAIN) => break Ok(()),
                Err(Errno::INTR) => {}
                Err(error) => break Err(io::Error::from(error).into()),
            }
        };
        out.hungry = out.start < out.end;
        let wakes = out.hungry && out.sleeping;
        drop(out);
        if wakes {
            self.rouse();
        }
        outcome
    }

    fn rouse(&self) {
        // A full pipe wakes as well as one more byte.
        let _ = (&self.wake.0).write(&[0]);
    }

    fn wait(&self, space: &mut [u8], span: Option<Duration>) -> Result<Arrival, Error> {
        let mut out = self.out();
        let wants_room = out.hungry;
        out.sleeping = true;
        drop(out);
        let arrival = self.poll(wants_room, space, span);
        self.out().sleeping = false;
        arrival
    }

    fn poll(&self, wants_room: bool, space: &mut [u8], span: Option<Duration>) -> Result<Arrival, Error> {
        let until = span.map(|span| std::time::Instant::now() + span);
        loop {
            let left = until.map(|until| until.saturating_duration_since(std::time::Instant::now()));
            let left = left.and_then(|left| Timespec::try_from(left).ok());
            let writes = if wants_room { PollFlags::OUT } else { PollFlags::empty() };
            let mut fds = [
                PollFd::new(&self.reader, PollFlags::IN),
                PollFd::new(&self.wake.1, PollFlags::IN),
                PollFd::new(&self.writer, writes),
            ];
            match poll(&mut fds[..if wants_room { 3 } else { 2 }], left.as_ref()) {
                Ok(0) => return Err(Error::TimedOut(span.unwrap_or_default())),
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(io::Error::from(error).into()),
            }
            let [arrived, woken, room] = fds.map(|fd| !fd.revents().is_empty());
            if arrived {
                match rustix::io::read(&self.reader, &mut *space) {
                    Ok(0) => return Ok(Arrival::End),
                    Ok(n) => return Ok(Arrival::Bytes(n)),
                    Err(Errno::AGAIN | Errno::INTR) => {}
                    Err(error) => return Err(io::Error::from(error).into()),
                }
            }
            if woken {
                let mut waste = [0; 64];
                while matches!((&self.wake.1).read(&mut waste), Ok(n) if n == waste.len()) {}
            }
            if woken || room {
                return Ok(Arrival::Room);
            }
        }
    }
}
