//! The way out: packets are composed in the socket's send buffer itself. One for which there is too little room before the
//! buffer's end is composed in memory of the link's, and copied around it.

use sanssh_core::{Outlet, Output, Refused, Tx, Writes};
use smoltcp::socket::tcp::Socket;

/// A socket's send buffer.
#[derive(Debug)]
pub struct Ring<'t, 's, 'm> {
    pub(crate) socket: &'t mut Socket<'s>,
    pub(crate) spare: &'t mut Tx<&'m mut [u8]>,
    /// Bytes in the send buffer when this was last done with it.
    pub(crate) queued: &'t mut usize,
}

impl Ring<'_, '_, '_> {
    /// Moves what was composed elsewhere.
    fn move_spare(&mut self) {
        // Before the handshake of TCP is through nothing can be moved, and after the end nothing matters.
        let moved = self.socket.send_slice(self.spare.pending()).unwrap_or(0);
        self.spare.sent(moved);
    }

    /// Lends the room up to the buffer's end.
    fn lend_room(&mut self, with: Writes<'_>) -> Result<(), Refused> {
        let lent = self.socket.send(|room| {
            let mut output = Output::new(room);
            let outcome = with(&mut output);
            (output.filled(), outcome)
        });
        lent.unwrap_or(Err(Refused::NoRoom))
    }
}

impl Outlet for Ring<'_, '_, '_> {
    fn lend(&mut self, with: Writes<'_>) -> Result<(), Refused> {
        self.move_spare();
        let mut outcome = if self.spare.is_empty() { self.lend_room(with) } else { Err(Refused::NoRoom) };
        if outcome == Err(Refused::NoRoom) {
            outcome = self.spare.lend(with);
            self.move_spare();
        }
        *self.queued = self.socket.send_queue();
        outcome
    }
}
