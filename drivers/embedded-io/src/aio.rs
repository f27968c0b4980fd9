//! The same for executors: a link whose turns are awaited, over the traits of embedded-io-async.
//!
//! ```
//! use embedded_io_async::{Read, Write};
//! use sanssh_core::channel;
//! use sanssh_core::crypto::null::Null;
//! use sanssh_core::role::Server;
//! use sanssh_core::{Config, Event, Seed, Slot};
//! use sanssh_embedded_io::{Error, aio};
//!
//! /// Serves one connection, to its end. The timer is the executor's: what it is now, and a future for when it is later.
//! async fn serve<I, O, T>(halves: (I, O), timer: T, seed: &Seed) -> Result<(), Error<I::Error>>
//! where
//!     I: Read,
//!     O: Write<Error = I::Error>,
//!     T: aio::Timer,
//! {
//!     let (mut input, mut output) = ([0; 4096], [0; 2048]);
//!     let memories = [&mut input[..], &mut output[..]];
//!     let mut link =
//!         aio::Link::<_, _, _, Server, Null, _>::new(halves, timer, Config::default(), seed, [Slot::new(); 2], memories);
//!     loop {
//!         let mut turn = link.turn().await?;
//!         while let Some(event) = turn.next()? {
//!             match event {
//!                 Event::Channel(id, channel::Event::Data(bytes)) => turn.ssh.release(id, bytes.len()),
//!                 // The login, channels and requests, as everywhere.
//!                 _ => {}
//!             }
//!         }
//!     }
//! }
//! ```
//!
//! Whatever is awaited here may be dropped before it is done, as `select` does, if that is true of the transport's `read` and
//! `write`; nothing is lost, and it may be begun again.

use crate::engine::{Engine, Moves, Rest, Turn, digest};
use crate::{Channel, Error, Inbox};
use core::fmt;
use core::future::{Future, pending, poll_fn};
use core::pin::pin;
use core::task::Poll;
use embedded_io_async::{ErrorType, Read, Write};
use sanssh_core::channel::Slot;
use sanssh_core::crypto::Provider;
use sanssh_core::role::Role;
use sanssh_core::{Config, Event, Instant, Reason, Refused, Seed};

/// The caller's clock, with an alarm.
pub trait Timer {
    /// Microseconds since an origin that stays the same.
    fn now(&mut self) -> Instant;

    /// Is ready once it is `at`.
    fn until(&mut self, at: Instant) -> impl Future<Output = ()>;
}

/// A connection over a transport whose halves `I` and `O` wait by themselves, as of a split socket.
pub struct Link<'m, I, O, C, R: Role, P: Provider, T> {
    engine: Engine<'m, R, P, T>,
    input: I,
    output: O,
    timer: C,
}

impl<'m, I, O, C, R: Role, P: Provider, T> Link<'m, I, O, C, R, P, T>
where
    I: Read,
    O: Write<Error = I::Error>,
    C: Timer,
    T: AsMut<[Slot]> + AsRef<[Slot]>,
{
    /// A link whose transport was just established, like [`crate::Link::new`].
    pub fn new(
        (input, output): (I, O),
        mut timer: C,
        config: Config,
        seed: &Seed,
        channels: T,
        memory: [&'m mut [u8]; 2],
    ) -> Self {
        let now = timer.now();
        Self { engine: Engine::new(config, seed, channels, memory, now), input, output, timer }
    }

    /// A turn with what is there.
    pub fn poll(&mut self) -> Turn<'_, 'm, R, P, T> {
        let now = self.timer.now();
        self.engine.turn(now)
    }

    /// Waits until there is something to do, and gives a turn.
    pub async fn turn(&mut self) -> Result<Turn<'_, 'm, R, P, T>, Error<I::Error>> {
        let now = self.timer.now();
        if !self.engine.is_due(now) {
            self.wait(self.engine.deadline()).await.map_err(Error::Io)?;
        }
        Ok(self.poll())
    }

    /// A view of the channel whose inbox this is, like [`crate::Link::channel`].
    pub fn channel<'l, F: FnMut(&mut Turn<'_, 'm, R, P, T>, Event<'_, R>)>(
        &'l mut self,
        inbox: &'l mut Inbox<'m>,
        rest: F,
    ) -> Result<Channel<'l, 'm, Self, F>, Refused> {
        self.engine.check(inbox)?;
        Ok(Channel { link: self, inbox, rest })
    }

    /// Ends the connection, if it is not over, and gives the transport back, like [`crate::Link::end`].
    pub async fn end(mut self) -> (I, O) {
        self.engine.ssh.disconnect(Reason::BY_APPLICATION);
        let until = self.timer.now().after(self.engine.ssh.config().deadlines.close);
        drop(self.poll());
        while !self.engine.is_silent() && self.timer.now() < until {
            if self.wait(Some(until)).await.is_err() {
                break;
            }
            drop(self.poll());
        }
        (self.input, self.output)
    }

    /// Waits until the transport gives or takes something, or it is late.
    async fn wait(&mut self, until: Option<Instant>) -> Result<(), I::Error> {
        let (space, waiting, unflushed) = self.engine.halves();
        let flushes = waiting.is_empty() && unflushed;
        let read = async { if space.is_empty() { pending().await } else { self.input.read(space).await } };
        let write = async {
            match waiting {
                [] if flushes => self.output.flush().await.map(|()| 0),
                [] => pending().await,
                waiting => self.output.write(waiting).await,
            }
        };
        let late = async {
            match until {
                Some(until) => self.timer.until(until).await,
                None => pending().await,
            }
        };
        let (read, written) = either(read, write, late).await;
        let read = read.transpose()?;
        // What the peer said last may still be there to read where nothing can be written any more.
        let written = if read.is_some() { written.and_then(Result::ok) } else { written.transpose()? };
        if let Some(n) = read {
            self.engine.received(n);
        }
        if let Some(n) = written {
            self.engine.sent(n);
            self.engine.unflushed &= !flushes;
        }
        Ok(())
    }
}

/// Waits for one of two, or both if both are ready, so that neither starves the other; or until it is late.
async fn either<A, B>(
    one: impl Future<Output = A>,
    other: impl Future<Output = B>,
    late: impl Future<Output = ()>,
) -> (Option<A>, Option<B>) {
    let (mut one, mut other, mut late) = (pin!(one), pin!(other), pin!(late));
    poll_fn(|context| match (one.as_mut().poll(context), other.as_mut().poll(context)) {
        (Poll::Pending, Poll::Pending) => late.as_mut().poll(context).map(|()| (None, None)),
        (one, other) => Poll::Ready((done(one), done(other))),
    })
    .await
}

fn done<A>(poll: Poll<A>) -> Option<A> {
    match poll {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

/// A link that is awaited.
trait Awaits<'m>: Moves<'m> {
    /// A turn, once there is something to do if it `waits`, and with what is there if not.
    async fn pass(
        &mut self,
        waits: bool,
        inbox: &mut Inbox<'_>,
        rest: &mut impl Rest<'m, Self>,
    ) -> Result<(), Error<Self::Error>>;
}

impl<I: ErrorType, O, C, R: Role, P: Provider, T> ErrorType for Link<'_, I, O, C, R, P, T> {
    type Error = I::Error;
}

impl<'m, I: ErrorType, O, C, R: Role, P: Provider, T> Moves<'m> for Link<'m, I, O, C, R, P, T>
where
    T: AsMut<[Slot]> + AsRef<[Slot]>,
{
    type Role = R;
    type Provider = P;
    type Table = T;

    fn engine(&mut self) -> &mut Engine<'m, R, P, T> {
        &mut self.engine
    }
}

impl<'m, I, O, C: Timer, R: Role, P: Provider, T> Awaits<'m> for Link<'m, I, O, C, R, P, T>
where
    I: Read,
    O: Write<Error = I::Error>,
    T: AsMut<[Slot]> + AsRef<[Slot]>,
{
    async fn pass(
        &mut self,
        waits: bool,
        inbox: &mut Inbox<'_>,
        rest: &mut impl Rest<'m, Self>,
    ) -> Result<(), Error<I::Error>> {
        let turn = if waits { self.turn().await? } else { self.poll() };
        Ok(digest(turn, inbox, rest)?)
    }
}

impl<'m, L: Awaits<'m>, F: Rest<'m, L>> Read for Channel<'_, 'm, L, F> {
    async fn read(&mut self, space: &mut [u8]) -> Result<usize, Self::Error> {
        loop {
            if let Some(n) = self.take(space) {
                return Ok(n);
            }
            let passed = self.link.pass(true, self.inbox, &mut self.rest).await;
            self.unless_told(passed)?;
        }
    }
}

impl<'m, L: Awaits<'m>, F: Rest<'m, L>> Write for Channel<'_, 'm, L, F> {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Self::Error> {
        loop {
            if let Some(n) = self.give(bytes)? {
                return Ok(n);
            }
            self.link.pass(true, self.inbox, &mut self.rest).await?;
        }
    }

    /// Waits until the transport has taken everything.
    async fn flush(&mut self) -> Result<(), Self::Error> {
        self.link.pass(false, self.inbox, &mut self.rest).await?;
        while !self.link.engine().is_silent() {
            self.link.pass(true, self.inbox, &mut self.rest).await?;
        }
        Ok(())
    }
}

impl<I, O, C, R: Role, P: Provider, T> fmt::Debug for Link<'_, I, O, C, R, P, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("engine", &self.engine).finish_non_exhaustive()
    }
}
