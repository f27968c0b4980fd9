//! The dialogue as threads share it: whoever waits for an answer becomes the pump if nobody is, and takes in the answers
//! of all. A call is a future that needs no runtime: polling does what can be done at once, and waiting is polling whenever
//! something has happened. There is no thread besides, and no wait without the deadline that calls have.

use super::desk::{Answer, Ticket};
use super::engine::Engine;
use super::line::Line;
use crate::Error;
use crate::channel::Channel;
use crate::inbox::StderrGoes;
use core::fmt;
use core::future::poll_fn;
use core::pin::pin;
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use sanssh_core::sftp::{Code, Request};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Wake;
use std::time::Instant;

/// The dialogue, what carries it, and those who wait.
pub(super) struct Share {
    pub(super) line: Line,
    engine: Mutex<Engine>,
    changed: Condvar,
    /// Whose polls are this one's own waits: those are told by the condition, and all others by the line.
    own: Waker,
}

/// Nobody to wake: whoever waits here looks again at all news.
struct Nobody;

impl Wake for Nobody {
    fn wake(self: Arc<Self>) {}
}

/// Whether a wait is over; a mark that is another than before shows that it gets on, and has it wait as long again.
pub(super) enum Wait<T> {
    Ready(T),
    Pending(u64),
    /// The same, and there is more to say as soon as this has left.
    Again(u64),
    /// The same, and worth a look after so long, whatever happens.
    Napping(u64, Duration),
}

impl<T> From<Poll<T>> for Wait<T> {
    fn from(poll: Poll<T>) -> Self {
        match poll {
            Poll::Ready(value) => Self::Ready(value),
            Poll::Pending => Self::Pending(0),
        }
    }
}

impl Share {
    pub(super) fn new(line: Line) -> Arc<Self> {
        let own = Waker::from(Arc::new(Nobody));
        Arc::new(Self { line, engine: Mutex::new(Engine::new()), changed: Condvar::new(), own })
    }

    /// The dialogue with a server that was asked for on a session.
    pub(super) fn behind(session: Channel) -> Arc<Self> {
        session.send_stderr(StderrGoes::Nowhere);
        Self::new(Line::channel(Arc::new(session)))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Engine> {
        self.engine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does what can be done at once: asks `ready` under the lock, takes in what the connection has, and sends what there
    /// is to send.
    pub(super) fn attempt<T>(
        &self,
        context: &Context<'_>,
        mut ready: impl FnMut(&mut Engine) -> Option<T>,
    ) -> Poll<Result<T, Error>> {
        let mut engine = self.lock();
        let mut value = ready(&mut engine);
        self.offer(&mut engine);
        if value.is_none() && self.take_in(&mut engine, false) {
            value = ready(&mut engine);
            self.offer(&mut engine);
        }
        self.tell(&mut engine);
        match (value, &engine.failure) {
            (Some(value), _) => Poll::Ready(Ok(value)),
            (None, Some(error)) => Poll::Ready(Err(error.clone())),
            (None, None) => {
                engine.guests |= !context.waker().will_wake(&self.own);
                Poll::Pending
            }
        }
    }

    /// Polls a call whose state is kept elsewhere, and once more with what the socket has brought meanwhile.
    pub(super) fn try_once<T>(&self, mut poll: impl FnMut(&Context<'_>) -> Poll<T>) -> Option<T> {
        let context = Context::from_waker(Waker::noop());
        let mut polled = poll(&context);
        if polled.is_pending() {
            let mut engine = self.lock();
            self.take_in(&mut engine, true);
            self.tell(&mut engine);
            drop(engine);
            // There may also be room now.
            polled = poll(&context);
        }
        let Poll::Ready(value) = polled else { return None };
        // It may have brought something for others.
        self.line.tell();
        Some(value)
    }

    /// Runs a call to its end.
    pub(super) fn block<T>(&self, call: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let mut call = pin!(call);
        let mut context = Context::from_waker(&self.own);
        self.wait(|| call.as_mut().poll(&mut context))?
    }

    /// Waits until `ready` gives something. It is asked whenever something has happened.
    pub(super) fn wait<T, W: Into<Wait<T>>>(&self, mut ready: impl FnMut() -> W) -> Result<T, Error> {
        let patience = self.line.patience();
        let mut seen = self.lock().desk.news;
        let mut since = None;
        let mut pump = false;
        let (mut engine, outcome) = loop {
            let step = ready().into();
            let mut engine = self.lock();
            // Also what is left behind by one who is ready leaves now.
            self.offer(&mut engine);
            let (mark, nap) = match step {
                Wait::Ready(value) => break (engine, Ok(value)),
                Wait::Again(_) if engine.is_clear() => continue,
                Wait::Pending(mark) | Wait::Again(mark) => (mark, None),
                Wait::Napping(mark, nap) => (mark, Some(nap)),
            };
            if let Some(error) = engine.failure.clone() {
                break (engine, Err(error));
            }
            let start = match since {
                Some((start, before)) if before == mark => start,
                _ => since.insert((Instant::now(), mark)).0,
            };
            let left = patience.map(|patience| (patience, patience.saturating_sub(start.elapsed())));
            if let Some((patience, Duration::ZERO)) = left {
                break (engine, Err(Error::TimedOut(patience)));
            }
            let left = left.map(|(_, left)| left).into_iter().chain(nap).min();
            self.tell(&mut engine);
            if engine.desk.news == seen {
                engine = if pump || !engine.pumping {
                    (pump, engine.pumping) = (true, true);
                    self.turn(engine, left)
                } else {
                    self.follow(engine, left)
                };
            }
            seen = engine.desk.news;
        };
        if pump {
            engine.pumping = false;
            engine.desk.news += u64::from(engine.waiters > 0 || engine.guests);
        }
        self.tell(&mut engine);
        outcome
    }

    /// Sends what there is to send, as far as there is room.
    pub(super) fn offer(&self, engine: &mut Engine) {
        if (engine.has_more() || self.line.is_behind())
            && let Err(error) = self.line.offer(engine)
        {
            engine.fail(error);
        }
    }

    /// Tells the others that something happened.
    fn tell(&self, engine: &mut Engine) {
        if core::mem::replace(&mut engine.told, engine.desk.news) == engine.desk.news {
            return;
        }
        if engine.waiters > 0 {
            self.changed.notify_all();
        }
        if core::mem::take(&mut engine.guests) {
            self.line.tell();
        }
    }

    /// Deals with what the connection has, or also with what its socket has, unless a pump does; whether there was anything.
    fn take_in(&self, engine: &mut Engine, reaches: bool) -> bool {
        if engine.pumping {
            return false;
        }
        let before = engine.desk.news;
        let mut space = core::mem::take(&mut engine.space);
        while engine.failure.is_none()
            && let Some(arrival) = self.line.look(&mut space, reaches)
        {
            engine.arrive(arrival, &space);
        }
        engine.space = space;
        engine.desk.news != before
    }

    /// One turn of the pump, which sleeps without the lock.
    fn turn<'a>(&'a self, mut engine: MutexGuard<'a, Engine>, span: Option<Duration>) -> MutexGuard<'a, Engine> {
        let mut space = core::mem::take(&mut engine.space);
        drop(engine);
        let arrival = self.line.wait(&mut space, span);
        let mut engine = self.lock();
        engine.arrive(arrival, &space);
        engine.space = space;
        engine
    }

    /// Sleeps until the pump has news, or leaves.
    fn follow<'a>(&'a self, mut engine: MutexGuard<'a, Engine>, span: Option<Duration>) -> MutexGuard<'a, Engine> {
        engine.waiters += 1;
        let mut engine = match span {
            None => self.changed.wait(engine).unwrap_or_else(PoisonError::into_inner),
            Some(span) => self.changed.wait_timeout(engine, span).unwrap_or_else(PoisonError::into_inner).0,
        };
        engine.waiters -= 1;
        engine
    }

    /// Asks, and gives the answer; `path` is what an error names.
    pub(super) async fn call(&self, request: &Request<'_>, path: &[u8]) -> Result<Answer, Error> {
        let ticket = self.lock().ticket();
        self.run(Errand { share: self, request: Some(request), ticket: Some(ticket) }, path).await
    }

    /// Gives the answer to what was asked under the ticket.
    pub(super) async fn answer(&self, ticket: Ticket, path: &[u8]) -> Result<Answer, Error> {
        self.run(Errand { share: self, request: None, ticket: Some(ticket) }, path).await
    }

    async fn run(&self, mut errand: Errand<'_>, path: &[u8]) -> Result<Answer, Error> {
        let answer = poll_fn(|context| errand.poll(context)).await?;
        if let Answer::Failed(code, message) = answer { Err(status(code, message, path)) } else { Ok(answer) }
    }
}

/// One question on its way; nobody waits for its answer once this is gone.
struct Errand<'a> {
    share: &'a Share,
    /// What is still to be asked.
    request: Option<&'a Request<'a>>,
    /// Under which the answer comes, until it has.
    ticket: Option<Ticket>,
}

impl Errand<'_> {
    fn poll(&mut self, context: &Context<'_>) -> Poll<Result<Answer, Error>> {
        let Self { share, request, ticket } = self;
        let answer = share.attempt(context, |engine| {
            let under = (*ticket)?;
            if let Some(what) = request {
                if let Err(error) = engine.ask(what, under)? {
                    return Some(Err(error));
                }
                *request = None;
            }
            let answer = engine.fetch(under)?;
            *ticket = None;
            Some(Ok(answer))
        });
        answer.map(Result::flatten)
    }
}

impl Drop for Errand<'_> {
    fn drop(&mut self) {
        let Some(ticket) = self.ticket else { return };
        let mut engine = self.share.lock();
        engine.abandon(ticket);
        self.share.offer(&mut engine);
        self.share.tell(&mut engine);
    }
}

impl fmt::Debug for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Share").field(&self.line).finish()
    }
}

/// A server's word as an error.
pub(super) fn status(code: Code, message: String, path: &[u8]) -> Error {
    let path = (!path.is_empty()).then(|| crate::error::escape(path, false));
    Error::Sftp { code, message, path }
}
