//! Channel numbers: a slot's index and how often the slot has been used.

use core::fmt;

/// Names a channel of one connection. The number we use on the wire is `generation << 16 | index`, so that a late
/// message or a stale handle does not reach the channel that has the slot now.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelId(u32);

impl ChannelId {
    /// Tables hold no more than 2^16 channels.
    pub(crate) fn new(index: usize, generation: u16) -> Self {
        Self(u32::from(generation) << 16 | u32::from(u16::try_from(index).unwrap_or(u16::MAX)))
    }

    /// The number on the wire.
    pub const fn number(self) -> u32 {
        self.0
    }

    pub(crate) const fn from_number(number: u32) -> Self {
        Self(number)
    }

    /// The slot, which no other open channel has: an index for the embedder's own tables.
    pub const fn index(self) -> usize {
        (self.0 & 0xffff) as usize
    }

    pub(crate) const fn generation(self) -> u16 {
        (self.0 >> 16) as u16
    }
}

impl fmt::Debug for ChannelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.index(), self.generation())
    }
}
