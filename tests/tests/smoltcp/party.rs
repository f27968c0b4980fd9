//! A link of smoltcp's with its socket and a program, which calls or is called again as often as it is told.

use super::world::{Host, PORT};
use sanssh_core::crypto::soft::Soft;
use sanssh_core::role::{Client, Server};
use sanssh_core::{Config, Error, Reason, Seed, Slot};
use sanssh_smoltcp::{Link, Stage};
use sanssh_tests::talk::{Plays, Program, Table, config};
use smoltcp::iface::SocketHandle;
use smoltcp::time::{Duration, Instant};

/// A role with its way to begin a connection.
pub(crate) trait Dials: Plays {
    /// When the machine begins.
    const BEGINS: Stage;

    /// Takes the socket into use.
    fn dial(host: &mut Host, handle: SocketHandle, from: u16);
}

impl Dials for Client {
    const BEGINS: Stage = Stage::Waiting;

    fn dial(host: &mut Host, handle: SocketHandle, from: u16) {
        host.connect(handle, from);
    }
}

impl Dials for Server {
    const BEGINS: Stage = Stage::Due;

    fn dial(host: &mut Host, handle: SocketHandle, _: u16) {
        host.at(handle).listen(PORT).expect("the socket is free");
    }
}

/// A link, its socket and its program.
pub(crate) struct Party<R: Dials> {
    pub(crate) link: Link<'static, R, Soft, Table>,
    pub(crate) handle: SocketHandle,
    pub(crate) program: Program,
    /// How connections ended.
    pub(crate) fates: Vec<Error>,
    pub(crate) config: Config,
    /// How much is said in the next connections.
    pub(crate) total: usize,
    /// Connections that are still to be had.
    pub(crate) calls: u16,
    /// Places for channels in the next connections.
    pub(crate) channels: usize,
    /// A client calls from here and the next ones.
    pub(crate) port: u16,
    begun: u8,
}

impl<R: Dials> Party<R> {
    pub(crate) fn new(handle: SocketHandle, input: usize, spare: usize, total: usize) -> Self {
        Self {
            link: Link::new(vec![0; input].leak(), vec![0; spare].leak()),
            handle,
            program: Program::default(),
            fates: Vec::new(),
            config: config(),
            total,
            calls: 1,
            channels: 2,
            port: 40_000,
            begun: 0,
        }
    }

    /// Does what there is to do.
    pub(crate) fn act(&mut self, host: &mut Host, now: Instant) {
        if let Some(turn) = self.link.poll(now, host.at(self.handle)) {
            self.fates.extend(self.program.play(turn).err());
        }
        if self.stage(host) == Stage::Idle && self.calls > 0 {
            self.calls -= 1;
            R::dial(host, self.handle, self.port + self.calls);
        }
        if self.stage(host) == R::BEGINS {
            self.begun += 1;
            self.program = Program::new(self.total);
            let seed = Seed::new([self.begun; 32]);
            self.link.begin(self.config.clone(), &seed, vec![Slot::new(); self.channels], now);
        }
    }

    /// Ends the connection, if there is one.
    pub(crate) fn hang_up(&mut self, host: &mut Host, now: Instant) {
        if let Some(turn) = self.link.poll(now, host.at(self.handle)) {
            turn.ssh.disconnect(Reason::BY_APPLICATION);
        }
    }

    pub(crate) fn delay(&mut self, host: &mut Host, now: Instant) -> Option<Duration> {
        self.link.poll_delay(now, host.at(self.handle))
    }

    pub(crate) fn stage(&self, host: &mut Host) -> Stage {
        self.link.stage(host.at(self.handle))
    }
}
