//! The key log of a connection (feature `keylog`): off until it is asked for, here and nowhere else.

use super::Connection;
use crate::channel::Slot;
use crate::crypto::Provider;
use crate::role::Role;
use crate::transport::KeyLog;

impl<R: Role, P: Provider, T: AsMut<[Slot]> + AsRef<[Slot]>> Connection<R, P, T> {
    /// Keeps the secret of each key exchange from now on, until [`logged_key`](Self::logged_key) takes it.
    ///
    /// **This ends the confidentiality of the connection for whoever gets at the log.** It is for looking into one's own
    /// connections, in captures; nothing but this call turns it on, in a build that was asked for it.
    pub const fn log_keys(&mut self) {
        self.transport.log_keys();
    }

    /// The secret of the latest exchange, once: due at each [`Keyed`](crate::transport::Event::Keyed), and wiped here by
    /// then. The next exchange overwrites one that was not taken.
    pub fn logged_key(&mut self) -> Option<KeyLog> {
        self.transport.logged_key()
    }
}
