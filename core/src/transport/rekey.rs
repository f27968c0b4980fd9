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
        // No key is due before it was used: nothing but exchanges would ever be sent.
        self.packets >= limits.packets.clamp(1, 1 << 31) || self.bytes >= limits.bytes.max(1)
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

#[cfg(test)]
mod tests {
    use super::{Meter, Traffic};
    use crate::config::Rekey;
    use core::time::Duration;

    fn is_due(packets: u64, bytes: u64, limits: &Rekey) -> [bool; 2] {
        let (idle, busy) = (Meter::new(), Meter { packets, bytes });
        [Traffic { sent: busy, received: idle }, Traffic { sent: idle, received: busy }].map(|it| it.is_due(limits))
    }

    /// Long before the numbers of packets repeat, whatever the configuration says.
    #[test]
    fn b13_a_key_is_due_at_its_limits_in_either_direction() {
        let safe = Rekey::default();
        let careless = Rekey { bytes: u64::MAX, packets: u64::MAX, time: Duration::MAX };
        for limits in [safe, careless] {
            assert_eq!(is_due((1 << 31) - 1, 0, &limits), [false; 2]);
            assert_eq!(is_due(1 << 31, 0, &limits), [true; 2]);
        }
        assert_eq!(is_due(0, (1 << 30) - 1, &safe), [false; 2]);
        assert_eq!(is_due(0, 1 << 30, &safe), [true; 2]);
        for eager in [Rekey { packets: 1, ..safe }, Rekey { packets: 0, bytes: 0, ..safe }] {
            assert_eq!((is_due(0, 0, &eager), is_due(1, 0, &eager)), ([false; 2], [true; 2]));
        }
    }

    #[test]
    fn counts_stop_at_their_ends() {
        let mut meter = Meter { packets: u64::MAX, bytes: u64::MAX - 1 };
        meter.count(7);
        assert_eq!(meter, Meter { packets: u64::MAX, bytes: u64::MAX });
        assert!(meter.is_exhausted());
    }
}
