//! The way out: packets are composed in the socket's send buffer itself. One for which there is too little room before the
//! buffer's end, but enough around it, is composed in memory of the link's and copied.

use sanssh_core::{Outlet, Output, Refused, Writes};
use smoltcp::socket::tcp::Socket;

/// A socket's send buffer.
#[derive(Debug)]
pub struct Ring<'t, 's> {
    pub(crate) socket: &'t mut Socket<'s>,
    pub(crate) spare: &'t mut [u8],
    /// Bytes in the send buffer when this was last done with it.
    pub(crate) queued: &'t mut usize,
}

impl Ring<'_, '_> {
    /// Lends the room up to the buffer's end; says how much that was.
    fn lend_room(&mut self, with: Writes<'_>) -> (usize, Result<(), Refused>) {
        let lent = self.socket.send(|room| {
            let mut output = Output::new(room);
            let all = output.room();
            let outcome = with(&mut output);
            (output.filled(), (all, outcome))
        });
        // Before the handshake of TCP is through there is no room, and after the end never again.
        lent.unwrap_or((0, Err(Refused::NoRoom)))
    }

    /// Lends as much as can be copied around the end, if that is more than `least`.
    fn lend_spare(&mut self, least: usize, with: Writes<'_>) -> Result<(), Refused> {
        let all = self.socket.send_capacity().saturating_sub(self.socket.send_queue());
        let room = all.min(self.spare.len());
        let Some(space) = self.spare.get_mut(..room).filter(|_| room > least) else { return Err(Refused::NoRoom) };
        let mut output = Output::new(space);
        let outcome = with(&mut output);
        let filled = output.filled();
        // There is room for all of it, in a socket that had some before.
        let _ = self.socket.send_slice(space.get(..filled).unwrap_or_default());
        outcome
    }
}

impl Outlet for Ring<'_, '_> {
    fn lend(&mut self, with: Writes<'_>) -> Result<(), Refused> {
        let (room, mut outcome) = self.lend_room(with);
        if outcome == Err(Refused::NoRoom) && self.socket.may_send() {
            outcome = self.lend_spare(room, with);
        }
        *self.queued = self.socket.send_queue();
        outcome
    }
}
