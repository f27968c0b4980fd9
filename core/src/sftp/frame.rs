//! Frames (draft-ietf-secsh-filexfer-02 §3): a length, and a packet of that many bytes.

use crate::wire::Writer;
use crate::{Output, Refused};

/// The longest packet that is taken or made, without its length field. OpenSSH's limit is the same.
pub const MAX_PACKET: usize = LONGEST as usize;
/// The same as lengths have it.
pub(super) const LONGEST: u32 = 256 * 1024;

/// Writes a packet's length and what `with` puts into it; `body` bytes of it follow later.
pub(super) fn put(output: &mut Output<'_>, body: u32, with: impl FnOnce(&mut Writer<'_>)) -> Result<(), Refused> {
    output.framed(MAX_PACKET, usize::try_from(body).unwrap_or(usize::MAX), with)
}

/// The body of a packet whose head has left: bytes that are still to follow.
#[derive(Debug, Default)]
pub(super) struct Body(u32);

impl Body {
    pub(super) const fn start(&mut self, length: u32) {
        self.0 = length;
    }

    pub(super) const fn due(&self) -> usize {
        self.0 as usize
    }

    /// Lets `with` write what comes next; it returns how much it wrote.
    pub(super) fn fill(&mut self, output: &mut Output<'_>, with: impl FnOnce(&mut [u8]) -> usize) -> usize {
        let room = output.vacant();
        let most = room.len().min(self.due());
        let Some(space) = room.get_mut(..most) else { return 0 };
        let written = with(space).min(most);
        output.advance(written);
        self.0 = self.0.saturating_sub(u32::try_from(written).unwrap_or(u32::MAX));
        written
    }
}
