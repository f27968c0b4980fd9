//! One channel, at either end: reading, writing and ending it. The handles of client and server wrap it.

use crate::Error;
use crate::end::End;
use crate::inbox::{Asked, Inbox, Kind, Stage};
use crate::link::Link;
use crate::socket::Socket;
use crate::state::{Own, State};
use sanssh_core::channel::{Request, STDERR};
use sanssh_core::{ChannelId, Refused};
use std::sync::Arc;

/// A channel that is open.
#[derive(Debug)]
pub(crate) struct Stream<R: End> {
    pub(crate) link: Arc<Link<R>>,
    pub(crate) id: ChannelId,
}

impl<R: End> Stream<R> {
    /// Waits for bytes of the stream wanted, or of any; none at its end.
    pub(crate) fn read(&self, want: Option<Kind>, space: &mut [u8]) -> Result<(Kind, usize), Error> {
        if space.is_empty() {
            return Ok((want.unwrap_or(Kind::Data), 0));
        }
        let mut own = Own::of(self.id, want, space);
        self.link.wait(self.link.patience(), &mut own, |state, own| self.take(state, want, own))?
    }

    /// What has come of the stream wanted, or of any; none at its end.
    pub(crate) fn take(
        &self,
        state: &mut State<R>,
        want: Option<Kind>,
        own: &mut Own<'_>,
    ) -> Option<Result<(Kind, usize), Error>> {
        if own.filled > 0 {
            return Some(Ok((own.want.unwrap_or(Kind::Data), own.filled)));
        }
        let Some(inbox) = state.inboxes.of(self.id) else { return Some(Err(Refused::NoSuchChannel.into())) };
        if let Some(kind) = inbox.waiting(want) {
            let n = inbox.take(kind, own.space);
            state.ssh.release(self.id, n);
            if state.ssh.owes_output() {
                self.link.settle(state);
            }
            return Some(Ok((kind, n)));
        }
        if let Some(what) = inbox.refused_start() {
            return Some(Err(Error::RequestRefused(what)));
        }
        if inbox.eof || inbox.closed {
            return Some(Ok((want.unwrap_or(Kind::Data), 0)));
        }
        self.stretch(state, want).err().map(Err)
    }

    /// A window that is full of what is not wanted grows, as far as that was allowed.
    fn stretch(&self, state: &mut State<R>, want: Option<Kind>) -> Result<(), Error> {
        let full = state.ssh.windows(self.id).is_some_and(|(_, receive)| receive == 0);
        let Some(inbox) =
            state.inboxes.of(self.id).filter(|inbox| full && want.is_some() && inbox.waiting(None).is_some())
        else {
            return Ok(());
        };
        let Some(left) = inbox.stretch else { return Ok(()) };
        let more = left.min(state.ssh.config().window);
        if more == 0 {
            return Err(Refused::NoRoom.into());
        }
        inbox.stretch = Some(left - more);
        state.ssh.widen(self.id, more);
        self.link.settle(state);
        Ok(())
    }

    /// Sends at least a byte, and as much as window and buffers take.
    pub(crate) fn write(&self, kind: Kind, data: &[u8]) -> Result<usize, Error> {
        if data.is_empty() {
            return Ok(0);
        }
        self.link.wait(self.link.patience(), &mut Own::none(), |state, _| self.put(state, kind, data))?
    }

    fn put(&self, state: &mut State<R>, kind: Kind, data: &[u8]) -> Option<Result<usize, Error>> {
        if state.inboxes.of(self.id).is_some_and(|inbox| inbox.deaf) {
            return Some(Err(Refused::Closed.into()));
        }
        let mut done = 0;
        while done < data.len() {
            let rest = &data[done..];
            let put = state.attempt(self.link.socket(), |ssh, output| match kind {
                Kind::Data => ssh.write(self.id, rest, output),
                Kind::Stderr => ssh.write_extended(self.id, STDERR, rest, output),
            });
            match put {
                Some(Ok(0)) | None => break,
                Some(Ok(n)) => done += n,
                Some(Err(error)) if done == 0 => return Some(Err(error)),
                // It will come up again at the next call.
                Some(Err(_)) => break,
            }
            self.link.send_if_much(state);
        }
        self.link.settle(state);
        (done > 0).then_some(Ok(done))
    }

    /// Sends a request; it leaves at once if `now`, and with what follows otherwise. `wants_reply`: one will come.
    pub(crate) fn request(&self, what: Request<'_>, wants_reply: bool, now: bool) -> Result<(), Error> {
        self.link.block(self.link.patience(), self.asked(what, wants_reply, now))
    }

    /// The same, to be polled.
    pub(crate) async fn asked(&self, what: Request<'_>, wants_reply: bool, now: bool) -> Result<(), Error> {
        let name = str::from_utf8(what.name()).unwrap_or("?");
        let taken = self.link.until(|state| {
            let taken = state.attempt(self.link.socket(), |ssh, output| ssh.request(self.id, what, output))?;
            let inbox = state.inboxes.of(self.id).filter(|_| wants_reply && taken.is_ok());
            if let Some(inbox) = inbox {
                inbox.asked.push_back(Asked { name, verdict: None });
            }
            if now {
                self.link.settle(state);
            }
            Some(taken)
        });
        taken.await?
    }

    /// Waits until the channel's inbox has something to say.
    pub(crate) fn until<T>(&self, mut ready: impl FnMut(&mut Inbox) -> Option<T>) -> Result<T, Error> {
        self.link.wait(self.link.patience(), &mut Own::none(), |state, _| match state.inboxes.of(self.id) {
            Some(inbox) => ready(inbox).map(Ok),
            None => Some(Err(Refused::NoSuchChannel.into())),
        })?
    }

    /// The same, begun. The channel is not kept open by it.
    pub(crate) fn begin_until<T, F: FnMut(&mut Inbox) -> Option<T>>(
        &self,
        mut ready: F,
    ) -> impl Future<Output = Result<T, Error>> + use<R, T, F> {
        let (link, id) = (Arc::clone(&self.link), self.id);
        async move {
            let inbox = link.until(|state| match state.inboxes.of(id) {
                Some(inbox) => ready(inbox).map(Ok),
                None => Some(Err(Refused::NoSuchChannel.into())),
            });
            inbox.await?
        }
    }

    /// Reads what is there, without waiting; `None` if nothing is yet.
    pub(crate) fn try_read(&self, want: Option<Kind>, space: &mut [u8]) -> Option<Result<(Kind, usize), Error>> {
        if space.is_empty() {
            return Some(Ok((want.unwrap_or(Kind::Data), 0)));
        }
        let mut own = Own::of(self.id, want, space);
        self.link.attempt(&mut own, |state, own| {
            let taken = self.take(state, want, own)?;
            // What has come to its end may have brought something for others; that there is no more, is said once.
            let ended = |state: &mut State<R>| {
                state.inboxes.of(self.id).is_some_and(|inbox| !core::mem::replace(&mut inbox.end_told, true))
            };
            state.news |= !matches!(taken, Ok((_, 0))) || ended(state);
            Some(taken)
        })
    }

    /// Sends what window and buffers take, without waiting; `None` if that is nothing.
    pub(crate) fn try_write(&self, kind: Kind, data: &[u8]) -> Option<Result<usize, Error>> {
        if data.is_empty() {
            return Some(Ok(0));
        }
        self.link.attempt(&mut Own::none(), |state, _| {
            let put = self.put(state, kind, data)?;
            state.news = true;
            Some(put)
        })
    }

    /// Waits until the socket has taken all output.
    pub(crate) fn flush(&self) -> Result<(), Error> {
        self.link.wait(self.link.patience(), &mut Own::none(), |state, _| {
            self.link.settle(state);
            (state.tx.is_empty() && state.failure.is_none()).then_some(())
        })
    }

    /// Joins the channel with a socket, and lets go of it: what comes from either goes to the other until both have ended.
    pub(crate) fn join(self, socket: Socket) -> Result<(), Error> {
        Ok(self.link.change(|state| state.join(self.id, socket))?)
    }

    /// Waits until the peer has closed the channel.
    pub(crate) fn wait_close(&self) -> Result<(), Error> {
        self.until(|inbox| inbox.closed.then_some(()))
    }

    pub(crate) fn finish(&self) {
        self.link.change(|state| state.ssh.finish(self.id));
    }

    pub(crate) fn close(&self) {
        self.link.change(|state| state.ssh.close(self.id));
    }
}

impl<R: End> Drop for Stream<R> {
    fn drop(&mut self) {
        self.link.change(|state| {
            if let Some(inbox) = state.inboxes.of(self.id).filter(|inbox| inbox.stage == Stage::Opening) {
                inbox.abandoned = true;
                return;
            }
            if !state.relay.holds(self.id) {
                state.relay.take_back(self.id);
                state.ssh.close(self.id);
            }
            state.inboxes.remove(self.id);
        });
    }
}
