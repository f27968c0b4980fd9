//! Coming in and going out: who is let in by the listeners of a loop, who is refused, and the loop's end.

use super::door::{Door, Knock};
use super::seats::Seat;
use super::{DOOR, Hub};
use crate::end::End;
use crate::link::Link;
use crate::{Error, Listener, Socket};
use core::time::Duration;
use mio::{Interest, Token};
use sanssh_core::{Instant, Reason};
use std::io;
use std::sync::Arc;

/// Listeners that there may be.
const MOST_DOORS: usize = 900;
/// Connections that one listener lets in before others have their turn.
const ACCEPTS: usize = 64;
/// Pause after an accept that failed for want of something.
const PAUSE: Duration = Duration::from_millis(50);

impl<R: End, T, W> Hub<R, T, W> {
    /// Lets in whoever connects, with these settings.
    ///
    /// # Errors
    /// If the listener cannot be waited for, or there are hundreds already.
    pub fn listen(&mut self, mut listener: Listener, settings: &Arc<R::Settings>) -> io::Result<()>
    where
        T: Default,
    {
        let number = self.doors.len();
        if number >= MOST_DOORS {
            return Err(io::ErrorKind::QuotaExceeded.into());
        }
        self.poll.registry().register(listener.source(), Token(DOOR.0 - number), Interest::READABLE)?;
        self.doors.push(Door::new(listener, Arc::clone(settings), T::default));
        Ok(())
    }

    /// Opens to those who knock, to each listener's a few.
    pub(super) fn accept(&mut self, now: Instant) {
        if self.pause.is_some_and(|end| end > now) {
            return;
        }
        self.pause = None;
        for number in 0..self.doors.len() {
            for _ in 0..ACCEPTS {
                let Some(door) = self.doors.get_mut(number).filter(|door| door.ready) else { break };
                let (settings, fresh) = (Arc::clone(&door.settings), door.fresh);
                match door.answer() {
                    // A connection that cannot be served is dropped, and the next may fare better.
                    Knock::Guest(socket) => drop(self.admit(socket, &settings, fresh, now)),
                    Knock::Turned(socket) => self.refuse(socket, &settings, now),
                    Knock::Nobody => {}
                    Knock::Pause => self.pause = Some(now.after(PAUSE)),
                }
                if self.pause.is_some() {
                    return;
                }
            }
        }
    }

    fn admit(
        &mut self,
        socket: Socket,
        settings: &Arc<R::Settings>,
        fresh: fn() -> T,
        now: Instant,
    ) -> Result<(), Error> {
        let crowded = self.counts.unauthenticated >= self.limits.unauthenticated;
        if crowded || self.seats.count() >= self.limits.connections {
            self.refuse(socket, settings, now);
            return Ok(());
        }
        let mut link = Link::new(socket, settings, now)?;
        link.fresh();
        let id = self.seat(Seat::new(link, fresh(), true))?;
        self.counts.unauthenticated += 1;
        self.seats.line_up(id.at);
        Ok(())
    }

    /// Says why, and no more.
    fn refuse(&mut self, socket: Socket, settings: &Arc<R::Settings>, now: Instant) {
        self.counts.refused += 1;
        let Ok(mut link) = Link::<R>::new(socket, settings, now) else { return };
        link.fresh();
        link.disconnect(Reason::TOO_MANY_CONNECTIONS);
        drop(link.turn(now, &mut self.buffers));
        link.finish();
    }

    /// Ends the loop: nobody is let in any more, connections without open channels are ended, the others once their
    /// channels are closed, and all after [`Limits::grace`](super::Limits::grace).
    pub fn shut_down(&mut self) {
        if self.end.is_some() {
            return;
        }
        self.settle();
        self.end = Some(self.clock.now().after(self.limits.grace));
        self.doors.clear();
        for at in self.seats.numbers() {
            if let Some(seat) = self.seats.get(at) {
                seat.link.closing = true;
                self.settle_seat(at);
            }
        }
    }

    /// The time of those who are still there is over.
    pub(super) fn end_all(&mut self, now: Instant) {
        self.end = Some(Instant(u64::MAX));
        for at in self.seats.numbers() {
            let Some(seat) = self.seats.get(at) else { continue };
            if seat.link.failure().is_none() {
                seat.link.disconnect(Reason::BY_APPLICATION);
                drop(seat.link.turn(now, &mut self.buffers));
                self.settle_seat(at);
            }
        }
    }
}
