//! A connection over a transport that can be asked whether it is ready: polled, or waited for.

use crate::channel::Channel;
use crate::engine::{Engine, Turn};
use crate::{Clock, Error, Inbox};
use core::fmt;
use embedded_io::{Read, ReadReady, Write, WriteReady};
use sanssh_core::channel::Slot;
use sanssh_core::crypto::Provider;
use sanssh_core::role::Role;
use sanssh_core::{Config, Event, Reason, Refused, Seed};

/// A connection over a transport `S`, in time told by `C`.
pub struct Link<'m, S, C, R: Role, P: Provider, T> {
    pub(crate) engine: Engine<'m, R, P, T>,
    io: S,
    clock: C,
}

impl<'m, S, C, R: Role, P: Provider, T> Link<'m, S, C, R, P, T>
where
    S: Read + Write + ReadReady + WriteReady,
    C: Clock,
    T: AsMut<[Slot]> + AsRef<[Slot]>,
{
    /// A link whose transport was just established. `seed` must be fresh and unguessable. The first memory holds what was
    /// received: the largest packet, with [`PACKET_OVERHEAD`](sanssh_core::config::PACKET_OVERHEAD); what `config` promises
    /// beyond it is taken back. The second holds what is to be sent, [`MIN_OUTPUT`](sanssh_core::MIN_OUTPUT) at least.
    pub fn new(io: S, mut clock: C, config: Config, seed: &Seed, channels: T, memory: [&'m mut [u8]; 2]) -> Self {
        let now = clock.now();
        Self { engine: Engine::new(config, seed, channels, memory, now), io, clock }
    }

    /// Moves what can be moved without waiting, and gives a turn.
    pub fn poll(&mut self) -> Result<Turn<'_, 'm, R, P, T>, Error<S::Error>> {
        let written = self.write();
        // What the peer said last may still be there to read where nothing can be written any more.
        if !self.read().map_err(Error::Io)? {
            written.map_err(Error::Io)?;
        }
        let now = self.clock.now();
        Ok(self.engine.turn(now))
    }

    /// Waits until there is something to do, and gives a turn.
    pub fn turn(&mut self) -> Result<Turn<'_, 'm, R, P, T>, Error<S::Error>> {
        self.wait().map_err(Error::Io)?;
        self.poll()
    }

    /// A view of the channel whose inbox this is, that implements the traits of embedded-io. All events that are not the
    /// channel's data go to `rest`. [`Refused::NoRoom`]: the inbox is smaller than the channel's window.
    pub fn channel<'l, F: FnMut(&mut Turn<'_, 'm, R, P, T>, Event<'_, R>)>(
        &'l mut self,
        inbox: &'l mut Inbox<'m>,
        rest: F,
    ) -> Result<Channel<'l, 'm, Self, F>, Refused> {
        self.engine.check(inbox)?;
        Ok(Channel { link: self, inbox, rest })
    }

    /// Ends the connection, if it is not over, and gives the transport back: says goodbye, as far as the peer lets us and for no
    /// longer than `Deadlines::close`.
    pub fn end(mut self) -> S {
        self.engine.ssh.disconnect(Reason::BY_APPLICATION);
        let until = self.clock.now().after(self.engine.ssh.config().deadlines.close);
        loop {
            let now = self.clock.now();
            drop(self.engine.turn(now));
            if self.write().is_err() || self.engine.is_silent() || now >= until {
                return self.io;
            }
            self.clock.idle(Some(until));
        }
    }

    /// Waits until a turn has something to do, or until there is more room.
    fn wait(&mut self) -> Result<(), S::Error> {
        loop {
            // A failure to write shows again when the turn begins.
            let moved = !matches!(self.write(), Ok(0));
            let now = self.clock.now();
            if moved || self.engine.is_due(now) || (!self.engine.space().is_empty() && self.io.read_ready()?) {
                return Ok(());
            }
            self.clock.idle(self.engine.deadline());
        }
    }

    /// Reads once; whether there was anything.
    fn read(&mut self) -> Result<bool, S::Error> {
        let space = self.engine.space();
        if space.is_empty() || !self.io.read_ready()? {
            return Ok(false);
        }
        let n = self.io.read(space)?;
        self.engine.received(n);
        Ok(true)
    }

    /// Writes what is taken without waiting; how much.
    fn write(&mut self) -> Result<usize, S::Error> {
        let mut moved = 0_usize;
        while !self.engine.tx.is_empty() && self.io.write_ready()? {
            let n = self.io.write(self.engine.tx.pending())?;
            self.engine.sent(n);
            moved = moved.saturating_add(n);
            if n == 0 {
                break;
            }
        }
        if self.engine.tx.is_empty() && core::mem::take(&mut self.engine.unflushed) {
            self.io.flush()?;
        }
        Ok(moved)
    }
}

impl<S, C, R: Role, P: Provider, T> fmt::Debug for Link<'_, S, C, R, P, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("engine", &self.engine).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::Link;
    use sanssh_core::channel::Slot;
    use sanssh_core::crypto::soft::Soft;
    use sanssh_core::role::{Client, Server};
    use sanssh_core::{Connection, Instant};

    type Table = [Slot; 2];

    #[test]
    fn a_link_is_little_more_than_its_connection() {
        let client = size_of::<Link<'_, (), (), Client, Soft, Table>>();
        let server = size_of::<Link<'_, (), (), Server, Soft, Table>>();
        let connections = [size_of::<Connection<Client, Soft, Table>>(), size_of::<Connection<Server, Soft, Table>>()];
        std::println!("client: {client} bytes, server: {server} bytes; of these the connection: {connections:?}");
        let own = 16 * size_of::<usize>() + size_of::<Instant>();
        assert!(client <= connections[0] + own && server <= connections[1] + own, "{client} {server} {connections:?}");
    }
}
