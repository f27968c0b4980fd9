//! The dialogue as threads share it: whoever waits for an answer becomes the pump if nobody is, and takes in the answers
//! of all. There is no thread besides, and no wait without the deadline that calls have.

use super::desk::{Answer, Ticket};
use super::engine::Engine;
use super::line::{Arrival, Line};
use crate::Error;
use core::fmt;
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

impl<T> From<Option<T>> for Wait<T> {
    fn from(ready: Option<T>) -> Self {
        ready.map_or(Self::Pending(0), Self::Ready)
    }
}

impl Share {
    pub(super) fn new(line: Line) -> Self {
        Self { line, engine: Mutex::new(Engine::new()), changed: Condvar::new() }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Engine> {
        self.engine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `ready` gives something. It is asked under the lock, whenever something has happened.
    pub(super) fn wait<T, W: Into<Wait<T>>>(&self, mut ready: impl FnMut(&mut Engine) -> W) -> Result<T, Error> {
        let patience = self.line.patience();
        let mut engine = self.lock();
        let mut since = None;
        let mut pump = false;
        let outcome = loop {
            let step = ready(&mut engine).into();
            // Also what is left behind by one who is ready leaves now.
            self.offer(&mut engine);
            let (mark, nap) = match step {
                Wait::Ready(value) => break Ok(value),
                Wait::Again(_) if engine.is_clear() => continue,
                Wait::Pending(mark) | Wait::Again(mark) => (mark, None),
                Wait::Napping(mark, nap) => (mark, Some(nap)),
            };
            if let Some(error) = &engine.failure {
                break Err(error.clone());
            }
            let start = match since {
                Some((start, before)) if before == mark => start,
                _ => since.insert((Instant::now(), mark)).0,
            };
            let left = patience.map(|patience| (patience, patience.saturating_sub(start.elapsed())));
            if let Some((patience, Duration::ZERO)) = left {
                break Err(Error::TimedOut(patience));
            }
            let left = left.map(|(_, left)| left).into_iter().chain(nap).min();
            if pump || !engine.pumping {
                (pump, engine.pumping) = (true, true);
                engine = self.turn(engine, left);
            } else if !core::mem::take(&mut engine.desk.news) {
                engine = self.follow(engine, left);
            } else {
                self.changed.notify_all();
            }
        };
        if pump {
            engine.pumping = false;
            engine.desk.news |= engine.waiters > 0;
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
        if core::mem::take(&mut engine.desk.news) && engine.waiters > 0 {
            self.changed.notify_all();
        }
    }

    /// One turn of the pump, which sleeps without the lock.
    fn turn<'a>(&'a self, mut engine: MutexGuard<'a, Engine>, span: Option<Duration>) -> MutexGuard<'a, Engine> {
        self.tell(&mut engine);
        let mut space = core::mem::take(&mut engine.space);
        drop(engine);
        let arrival = self.line.wait(&mut space, span);
        let mut engine = self.lock();
        match arrival {
            Ok(Arrival::Bytes(n)) => engine.digest(&space[..n]),
            // Whoever waits looks at the clock next.
            Ok(Arrival::Room) | Err(Error::TimedOut(_)) => {}
            Ok(Arrival::End) => engine.end(),
            Err(error) => engine.fail(error),
        }
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

    // Calls.

    /// Asks; the answer will come under the ticket.
    pub(super) fn ask(&self, request: &Request<'_>, ticket: Ticket) -> Result<(), Error> {
        let mut wishes = false;
        let outcome = self.wait(|engine| {
            let asked = engine.ask(request, ticket);
            if asked.is_none() != wishes {
                wishes = asked.is_none();
                engine.wishes = if wishes { engine.wishes + 1 } else { engine.wishes - 1 };
            }
            asked
        });
        if wishes {
            // What was kept back for it may leave.
            let mut engine = self.lock();
            engine.wishes -= 1;
            self.offer(&mut engine);
            self.tell(&mut engine);
        }
        outcome?
    }

    /// Waits for all answers under the ticket.
    pub(super) fn answer(&self, ticket: Ticket) -> Result<Answer, Error> {
        let outcome = self.wait(|engine| engine.fetch(ticket));
        if outcome.is_err() {
            self.lock().abandon(ticket);
        }
        outcome
    }

    /// Asks and waits; `path` is what an error names.
    pub(super) fn call(&self, request: &Request<'_>, path: &[u8]) -> Result<Answer, Error> {
        let ticket = self.lock().ticket();
        if let Err(error) = self.ask(request, ticket) {
            self.lock().abandon(ticket);
            return Err(error);
        }
        let answer = self.answer(ticket)?;
        if let Answer::Failed(code, message) = answer {
            return Err(status(code, message, path));
        }
        Ok(answer)
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
