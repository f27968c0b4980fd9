//! Calls that take several steps, as futures that need no runtime: one implementation for who waits and for who does not.
//! The future holds what its call has come to; whoever polls it moves the connection on in between.
//!
//! ```text
//! block:    poll -- pending --> wait on the link until anything has happened, within the time that calls have --> poll ...
//! advance:  take in what has arrived, without waiting --> poll, once
//! ```

use crate::end::{End, Ssh};
use crate::link::Link;
use crate::state::{Own, State};
use crate::{Client, Error};
use core::future::{Future, poll_fn};
use core::pin::{Pin, pin};
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use sanssh_core::{Output, Refused};
use std::os::fd::{AsFd, BorrowedFd};

/// What a program that waits by itself has to wait for before it advances what it has begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interest {
    /// Until the descriptor has something to read.
    pub read: bool,
    /// Until the descriptor takes something.
    pub write: bool,
    /// No longer than this: keepalives are due then, a deadline of the protocol's is over, or it is worth a look what another
    /// thread has brought. Zero if something can go on.
    pub within: Option<Duration>,
}

/// How soon to look again while another thread moves the connection on, one that forwards for example: what it has read
/// shows on no descriptor.
const SOON: Duration = Duration::from_millis(10);

/// Calls that are begun and not waited for.
///
/// Whatever waits in several steps has a form that begins with `begin`: a future that owns what it needs, and needs no
/// runtime. It is polled by [`block`](Self::block), which waits, or by [`advance`](Self::advance), which does not; between
/// two advances the program waits as [`interest`](Self::interest) says. Dropping it half-way leaves the connection sound:
/// what it opened is closed when it comes, and what is answered to nobody is dropped.
impl Client {
    /// Runs what was begun to its end, within the time of [`set_timeout`](Self::set_timeout).
    ///
    /// # Errors
    /// Its own, and [`Error::TimedOut`].
    pub fn block<T>(&self, begun: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        self.link.block(self.link.patience(), begun)
    }

    /// Deals with what has arrived, and has what was begun go on as far as that allows. It waits for nothing.
    pub fn advance<T>(&self, begun: Pin<&mut (impl Future<Output = T> + ?Sized)>) -> Poll<T> {
        self.link.glance();
        let polled = look(begun);
        // What has come to its end may have brought something for others.
        self.link.change(|state| state.news |= polled.is_ready());
        polled
    }

    /// Waits until calls that could not go on are worth another look, no longer than `span`; whether they are. Where several
    /// threads advance calls of one connection it takes the place of [`interest`](Self::interest) and a wait on the
    /// descriptor, which would miss what another thread reads meanwhile.
    pub fn rest(&self, span: Option<Duration>) -> bool {
        let (moved, seen) = self.link.with(|state| (state.has_moved(), state.moves));
        let moves = |state: &mut State<_>, _: &mut Own<'_>| (state.moves != seen).then_some(());
        moved || !matches!(self.link.wait(span, &mut Own::none(), moves), Err(Error::TimedOut(_)))
    }

    /// What to wait for on the [descriptor](AsFd) before anything can get on. If anything has happened since this thread
    /// asked before, nothing is worth a wait: one call may have brought what another needs, and all that are begun should
    /// be looked at once more.
    pub fn interest(&self) -> Interest {
        self.link.with(|state| {
            let (now, interest) = (state.clock().now(), state.interest(None));
            let within = interest.until.map(|one| one.since(now));
            let within = match within {
                _ if state.has_moved() => Some(Duration::ZERO),
                within if state.pumping || state.relay.claims => Some(within.map_or(SOON, |within| within.min(SOON))),
                within => within,
            };
            Interest { read: interest.read, write: interest.write, within }
        })
    }
}

impl AsFd for Client {
    /// The socket, to be waited for only: who reads or writes it breaks the connection.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.link.socket().as_fd()
    }
}

impl<R: End> Link<R> {
    /// Gives something as soon as `ready` does, which is asked under the lock at each poll.
    pub(crate) fn until<T>(
        &self,
        mut ready: impl FnMut(&mut State<R>) -> Option<T>,
    ) -> impl Future<Output = Result<T, Error>> {
        poll_fn(move |_| {
            let mut state = self.lock();
            let outcome = match (ready(&mut state), &state.failure) {
                (Some(value), _) => Poll::Ready(Ok(value)),
                (None, Some(error)) => Poll::Ready(Err(error.clone())),
                (None, None) => Poll::Pending,
            };
            self.tell(&mut state);
            outcome
        })
    }

    /// Gives a command to the machine, again and again until it is taken, and what it writes to the socket.
    pub(crate) async fn give<T>(
        &self,
        mut what: impl FnMut(&mut Ssh<R>, &mut Output<'_>) -> Result<T, Refused>,
    ) -> Result<T, Error> {
        self.until(|state| self.taken(state, true, &mut what)).await?
    }

    /// Runs a future of this link's to its end.
    pub(crate) fn block<T>(
        &self,
        span: Option<Duration>,
        begun: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let mut begun = pin!(begun);
        let start = std::time::Instant::now();
        loop {
            // What happens from here on is not missed: the future has seen what was before.
            let seen = self.with(|state| state.moves);
            if let Poll::Ready(outcome) = look(begun.as_mut()) {
                return outcome;
            }
            let left = span.map(|span| span.saturating_sub(start.elapsed()));
            // However much others move.
            if let (Some(span), Some(Duration::ZERO)) = (span, left) {
                return Err(Error::TimedOut(span));
            }
            let moved = |state: &mut State<R>, _: &mut Own<'_>| (state.moves != seen).then_some(());
            match (self.wait(left, &mut Own::none(), moved), span) {
                (Ok(()), _) => {}
                (Err(Error::TimedOut(_)), Some(span)) => return Err(Error::TimedOut(span)),
                // It may have got what it waits for before that.
                (Err(error), _) => {
                    return match look(begun.as_mut()) {
                        Poll::Ready(outcome) => outcome,
                        Poll::Pending => Err(error),
                    };
                }
            }
        }
    }
}

/// Polls once; nobody is to be woken.
fn look<T>(begun: Pin<&mut (impl Future<Output = T> + ?Sized)>) -> Poll<T> {
    begun.poll(&mut Context::from_waker(Waker::noop()))
}

#[cfg(test)]
mod tests {
    use super::Client;

    /// What is begun can be kept, and advanced by another thread.
    #[expect(dead_code, reason = "that it compiles is the test")]
    fn futures_are_kept(client: &Client) {
        fn keeps(_: impl Send + 'static) {}
        keeps(client.begin_session());
        keeps(client.begin_login_password("user", "password"));
        keeps(client.begin_listen(("localhost", 0)));
    }
}
