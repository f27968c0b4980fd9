//! When keys have served long enough (RFC 4253 §9, RFC 4344 §3): counts of bytes and packets under one key.

use crate::config::Rekey;

/// Past this many packets under one key the sequence number would repeat.
const MOST_PACKETS: u64 = (1 << 32) - 2;

/// What one key has protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meter {
    /// Packets.
    pub packets: u64,
    /// Bytes on the wire.
    pub bytes: u64,
}

impl Meter {
    pub(crate) const fn new() -> Self {
        Self { packets: 0, bytes: 0 }
    }

    pub(crate) fn count(&mut self, bytes: usize) {
        self.packets = self.packets.saturating_add(1);
        self.bytes = self.bytes.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    /// Whether the limits are reached.
    fn is_past(&self, limits: &Rekey) -> bool {
        self.packets >= limits.packets.min(1 << 31) || self.bytes >= limits.bytes
    }

    /// Whether not one more packet may go under this key.
    pub(crate) const fn is_exhausted(&self) -> bool {
        self.packets >= MOST_PACKETS
    }
}

/// What the keys in use have protected, each way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Traffic {
    /// Sent under the present key.
    pub sent: Meter,
    /// Received under the present key.
    pub received: Meter,
}

impl Traffic {
    /// Whether a key exchange is due.
    pub(crate) fn is_due(&self, limits: &Rekey) -> bool {
        self.sent.is_past(limits) || self.received.is_past(limits)
    }
}
