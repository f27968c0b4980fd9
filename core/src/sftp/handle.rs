//! Handles as a server gives them: where the open file stands in a table, and how often the place has been used, so that
//! a handle that was closed, or never given, is known as one.

use super::message::Access;
use core::fmt;

/// Names an open file or directory of one server. On the wire it is `generation << 16 | index`, in four bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct HandleId(u32);

impl HandleId {
    /// The place, which no other open file has: an index for the embedder's own tables.
    pub const fn index(self) -> usize {
        (self.0 & 0xffff) as usize
    }

    /// What clients are given.
    pub(super) const fn bytes(self) -> [u8; 4] {
        self.0.to_be_bytes()
    }
}

impl fmt::Debug for HandleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.index(), self.0 >> 16)
    }
}

/// What a handle is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Use {
    #[default]
    Nothing,
    File(Access),
    Directory,
}

/// A place in a server's table of handles.
#[derive(Debug, Clone, Copy, Default)]
pub struct Handle {
    generation: u16,
    purpose: Use,
}

impl Handle {
    /// A free place.
    pub const fn new() -> Self {
        Self { generation: 0, purpose: Use::Nothing }
    }
}

/// A free place of the table.
pub(super) fn vacancy(table: &[Handle]) -> Option<usize> {
    table.iter().take(1 << 16).position(|place| place.purpose == Use::Nothing)
}

/// Takes a place that is free.
pub(super) fn take(table: &mut [Handle], index: usize, purpose: Use) -> Option<HandleId> {
    let place = table.get_mut(index)?;
    place.purpose = purpose;
    Some(HandleId(u32::from(place.generation) << 16 | u32::try_from(index).ok()?))
}

/// The place that a client's handle names, and its use.
pub(super) fn find(table: &[Handle], bytes: &[u8]) -> Option<(HandleId, Use)> {
    let id = HandleId(u32::from_be_bytes(bytes.try_into().ok()?));
    let place = table.get(id.index())?;
    let open = place.purpose != Use::Nothing && u32::from(place.generation) == id.0 >> 16;
    open.then_some((id, place.purpose))
}

/// Makes a place free; its handles are void.
pub(super) fn free(table: &mut [Handle], id: HandleId) {
    if let Some(place) = table.get_mut(id.index()) {
        place.purpose = Use::Nothing;
        place.generation = place.generation.wrapping_add(1);
    }
}
