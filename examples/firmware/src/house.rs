//! What stays while guests come and go.

#[cfg(feature = "sftp")]
use crate::files::Files;

/// What all guests share.
#[derive(Debug)]
pub struct House {
    /// Connections since the start.
    pub connections: u32,
    /// Logins since the start.
    pub logins: u32,
    /// Whether the present guest's connection has its first keys.
    pub keyed: bool,
    /// Time that the handshake of the present guest kept the processor busy, in nanoseconds.
    pub handshake: u64,
    /// The files.
    #[cfg(feature = "sftp")]
    pub files: Files,
}

impl House {
    /// Without guests yet.
    pub const fn new() -> Self {
        Self {
            connections: 0,
            logins: 0,
            keyed: false,
            handshake: 0,
            #[cfg(feature = "sftp")]
            files: Files::new(),
        }
    }

    /// Another guest comes.
    pub fn begin(&mut self) {
        self.connections = self.connections.wrapping_add(1);
        self.keyed = false;
        self.handshake = 0;
    }
}

impl Default for House {
    fn default() -> Self {
        Self::new()
    }
}
