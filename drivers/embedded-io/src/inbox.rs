//! Data of a channel that has arrived and not been read: a ring as large as the channel's window.

use core::fmt;
use sanssh_core::channel;
use sanssh_core::crypto::Provider;
use sanssh_core::role::Role;
use sanssh_core::{ChannelId, Connection, Event, Slot};

/// What has arrived on one channel. Every event of the connection goes through [`offer`](Self::offer), which takes what belongs
/// here.
pub struct Inbox<'m> {
    id: ChannelId,
    memory: &'m mut [u8],
    start: usize,
    length: usize,
    ended: bool,
}

impl<'m> Inbox<'m> {
    /// An empty one, for a channel that is open or about to be. `memory` has the size of `Config::window`, or more.
    pub const fn new(id: ChannelId, memory: &'m mut [u8]) -> Self {
        Self { id, memory, start: 0, length: 0, ended: false }
    }

    /// The channel.
    pub const fn id(&self) -> ChannelId {
        self.id
    }

    /// Keeps data that belongs here, and notes the end; all else, the end as well, is given back.
    pub fn offer<'b, R: Role>(&mut self, event: Event<'b, R>) -> Option<Event<'b, R>> {
        let Event::Channel(id, told) = &event else { return Some(event) };
        if *id != self.id {
            return Some(event);
        }
        match told {
            channel::Event::Data(bytes) if self.push(bytes) => return None,
            channel::Event::Eof | channel::Event::Closed | channel::Event::Failed { .. } => self.ended = true,
            channel::Event::Opened
            | channel::Event::Data(_)
            | channel::Event::Extended(..)
            | channel::Event::Writable
            | channel::Event::Request { .. }
            | channel::Event::Replied(_)
            | channel::Event::Notice(_) => {}
        }
        Some(event)
    }

    /// Bytes that it can hold.
    pub(crate) const fn capacity(&self) -> usize {
        self.memory.len()
    }

    /// Whether nothing waits.
    pub const fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Whether no more will come than what waits.
    pub const fn is_ended(&self) -> bool {
        self.ended
    }

    /// Whether a read has something to say, if only that no more will come.
    pub(crate) const fn has_word(&self) -> bool {
        !self.is_empty() || self.ended
    }

    /// Moves what waits into `space`, and tells the connection that it is done with; how much.
    pub fn read<R: Role, P: Provider, T: AsMut<[Slot]> + AsRef<[Slot]>>(
        &mut self,
        ssh: &mut Connection<R, P, T>,
        space: &mut [u8],
    ) -> usize {
        let n = self.pop(space);
        ssh.release(self.id, n);
        n
    }

    /// Whether all of `bytes` found room; none is taken otherwise.
    fn push(&mut self, bytes: &[u8]) -> bool {
        if bytes.len() > self.memory.len().saturating_sub(self.length) {
            return false;
        }
        let end = self.start.saturating_add(self.length);
        let end = end.checked_sub(self.memory.len()).unwrap_or(end);
        let n = copy(self.memory.get_mut(end..).unwrap_or_default(), bytes);
        copy(self.memory, bytes.get(n..).unwrap_or_default());
        self.length = self.length.saturating_add(bytes.len());
        true
    }

    fn pop(&mut self, space: &mut [u8]) -> usize {
        let n = space.len().min(self.length);
        let (space, _) = space.split_at_mut(n);
        let before = copy(space, self.memory.get(self.start..).unwrap_or_default());
        copy(space.get_mut(before..).unwrap_or_default(), self.memory);
        self.length = self.length.saturating_sub(n);
        self.start = self.start.saturating_add(n);
        self.start = self.start.checked_sub(self.memory.len()).unwrap_or(self.start);
        n
    }
}

/// Copies as much as fits.
fn copy(to: &mut [u8], from: &[u8]) -> usize {
    let n = to.len().min(from.len());
    if let (Some(to), Some(from)) = (to.get_mut(..n), from.get(..n)) {
        to.copy_from_slice(from);
    }
    n
}

impl fmt::Debug for Inbox<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbox").field("id", &self.id).field("length", &self.length).field("ended", &self.ended).finish()
    }
}
