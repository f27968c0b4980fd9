//! Names of a directory (draft-ietf-secsh-filexfer-02 §7): one after the other, as they come and as they are given.

use super::attributes::{Attributes, string_extent};
use super::frame::MAX_PACKET;
use crate::wire::{Field, Length, Malformed, Reader, Sink, Writer};

/// One name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The name in its directory, or a path: untrusted bytes. [`path::name`](super::path::name) tells whether it names a
    /// file of its directory.
    pub name: &'a [u8],
    /// A line as `ls -l` has it: for people, and not to be taken apart.
    pub longname: &'a [u8],
    /// What is said of it.
    pub attributes: Attributes<'a>,
}

impl core::fmt::Debug for Entry<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Entry({} bytes, {} bytes, {:?})", self.name.len(), self.longname.len(), self.attributes)
    }
}

impl<'a> Entry<'a> {
    /// How far it reaches, or how far must be seen to tell.
    pub(super) fn extent(bytes: &[u8]) -> usize {
        let name = string_extent(bytes, 0);
        if name > bytes.len() {
            return name;
        }
        let longname = string_extent(bytes, name);
        if longname > bytes.len() { longname } else { Attributes::extent(bytes, longname) }
    }

    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let entry = Self { name: reader.string()?, longname: reader.string()?, attributes: reader.read()? };
        reader.end()?;
        Ok(entry)
    }

    pub(super) fn write(&self, sink: &mut (impl Sink + ?Sized)) {
        sink.string(self.name);
        sink.string(self.longname);
        self.attributes.encode(sink);
    }
}

/// An answer that takes names as long as there is room.
#[derive(Debug)]
pub struct Listing<'o> {
    writer: Writer<'o>,
    room: usize,
    count: u32,
}

impl<'o> Listing<'o> {
    pub(super) fn new(space: &'o mut [u8]) -> Self {
        let room = space.len().min(MAX_PACKET / 2);
        Self { writer: Writer::new(space), room, count: 0 }
    }

    /// Adds a name; `false` if it does not fit, and then the next answer should begin with it.
    pub fn push(&mut self, entry: &Entry<'_>) -> bool {
        let mut length = Length::default();
        entry.write(&mut length);
        let Some(room) = self.room.checked_sub(length.0) else { return false };
        entry.write(&mut self.writer);
        self.room = room;
        self.count = self.count.saturating_add(1);
        true
    }

    pub(super) const fn count(&self) -> u32 {
        self.count
    }

    pub(super) const fn written(&self) -> Option<usize> {
        self.writer.written()
    }
}
