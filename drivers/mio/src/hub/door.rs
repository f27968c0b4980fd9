//! A listener of a loop. Where descriptors run out it has one in reserve, by which the newest connection is taken and told
//! so; without that it would wait in the system's queue, and be announced again and again.

use crate::{Listener, Socket};
use std::fs::File;
use std::io;
use std::sync::Arc;

/// A listener, and the settings of what comes in.
#[derive(Debug)]
pub(super) struct Door<S, T> {
    pub(super) listener: Listener,
    pub(super) settings: Arc<S>,
    /// What the program keeps with each at first.
    pub(super) fresh: fn() -> T,
    /// Somebody may stand before it.
    pub(super) ready: bool,
    reserve: Option<File>,
}

/// Who stands before a door.
#[derive(Debug)]
pub(super) enum Knock {
    /// Somebody.
    Guest(Socket),
    /// Somebody for whom there is no descriptor but the one in reserve.
    Turned(Socket),
    /// Nobody.
    Nobody,
    /// Nobody can be let in for now: there is not even a descriptor in reserve.
    Pause,
}

impl<S, T> Door<S, T> {
    pub(super) fn new(listener: Listener, settings: Arc<S>, fresh: fn() -> T) -> Self {
        Self { listener, settings, fresh, ready: true, reserve: reserve() }
    }

    /// Opens for the next.
    pub(super) fn answer(&mut self) -> Knock {
        if self.reserve.is_none() {
            self.reserve = reserve();
        }
        loop {
            match self.listener.accept() {
                Ok(socket) => return Knock::Guest(socket),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.ready = false;
                    return Knock::Nobody;
                }
                Err(error) if is_passing(&error) => {}
                Err(_) => return self.spend(),
            }
        }
    }

    /// Takes the newest by the descriptor in reserve.
    fn spend(&mut self) -> Knock {
        if self.reserve.take().is_none() {
            return Knock::Pause;
        }
        self.listener.accept().map_or(Knock::Pause, Knock::Turned)
    }
}

fn reserve() -> Option<File> {
    File::open("/dev/null").ok()
}

/// Faults of one connection, not of the listener.
fn is_passing(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(error.kind(), Interrupted | ConnectionAborted | ConnectionReset)
}
