//! The dialogue as threads share it: whoever waits for an answer becomes the pump if nobody is, and takes in the answers
//! of all. A call is a future that needs no runtime: polling does what can be done at once, and waiting is polling whenever
//! something has happened. There is no thread besides, and no wait without the deadline that calls have.

use super::desk::{Answer, Ticket};
use super::engine::{Engine, Wish};
use super::line::{Arrival, Line};
use crate::Error;
use core::fmt;
use core::future::poll_fn;
use core::pin::pin;
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use sanssh_core::sftp::{Code, Request};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// The dialogue, what carries it, and those who wait.
pub(super) struct Share {
    pub(super) line: Line,
    engine: Mutex<Engine>,
    changed: Condvar,
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
    pub(super) fn new(line: Line) -> Self {
        Self { line, engine: Mutex::new(Engine::new()), changed: Condvar::new() }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Engine> {
        self.engine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does what can be done at once: asks `ready` under the lock, takes in what has come, and sends what there is to send.
    pub(super) fn attempt<T>(&self, mut ready: impl FnMut(&mut Engine) -> Option<T>) -> Poll<Result<T, Error>> {
        let mut engine = self.lock();
        let mut value = ready(&mut engine);
        // What is asked leaves before anything is looked for, and a pump brings what comes by itself.
        self.offer(&mut engine);
        if value.is_none() && !engine.pumping && self.take_in(&mut engine) {
            value = ready(&mut engine);
            self.offer(&mut engine);
        }
        self.tell(&mut engine);
        match (value, &engine.failure) {
            (Some(value), _) => Poll::Ready(Ok(value)),
            (None, Some(error)) => Poll::Ready(Err(error.clone())),
            (None, None) => Poll::Pending,
        }
    }

    /// Runs a call to its end.
    pub(super) fn block<T>(&self, call: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let mut call = pin!(call);
        let mut context = Context::from_waker(Waker::noop());
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
            engine.desk.news += u64::from(engine.waiters > 0);
        }
        self.tell(&mut engine);
        outcome
    }

    /// Sends what there is to send, as far as there is room.
    pub(super) fn offer(&self, engine: &mut Engine) {
        engine.defer();
        if (engine.has_more() || self.line.is_behind())
            && let Err(error) = self.line.offer(engine)
        {
            engine.fail(error);
        }
    }

    /// Tells the others that something happened.
    fn tell(&self, engine: &mut Engine) {
        if core::mem::replace(&mut engine.told, engine.desk.news) != engine.desk.news && engine.waiters > 0 {
            self.changed.notify_all();
        }
    }

    /// Deals with what has come already; whether there was anything.
    fn take_in(&self, engine: &mut Engine) -> bool {
        let before = engine.desk.news;
        let mut space = core::mem::take(&mut engine.space);
        while engine.failure.is_none() {
            match self.line.look(&mut space) {
                None => break,
                Some(arrival) => engine.arrive(arrival, &space),
            }
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

    /// Asks and waits; `path` is what an error names.
    pub(super) async fn call(&self, request: &Request<'_>, path: &[u8]) -> Result<Answer, Error> {
        let mut errand = Errand { share: self, ticket: Some(self.lock().ticket()), asked: false, wish: None };
        match poll_fn(|_| errand.poll(request)).await? {
            Answer::Failed(code, message) => Err(status(code, message, path)),
            answer => Ok(answer),
        }
    }
}

/// One question on its way; nobody waits for its answer once this is gone.
struct Errand<'a> {
    share: &'a Share,
    ticket: Option<Ticket>,
    asked: bool,
    wish: Option<Wish>,
}

impl Errand<'_> {
    fn poll(&mut self, request: &Request<'_>) -> Poll<Result<Answer, Error>> {
        let Self { share, ticket, asked, wish } = self;
        let answer = share.attempt(|engine| {
            let under = (*ticket)?;
            if !*asked {
                if let Err(error) = engine.insist(request, under, wish)? {
                    return Some(Err(error));
                }
                *asked = true;
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
        engine.unwish(&mut self.wish);
        engine.abandon(ticket);
        // What was kept back for it may leave.
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
