//! Frames (draft-ietf-secsh-filexfer-02 §3): a length, and a packet of that many bytes.

use crate::wire::Writer;
use crate::{Output, Refused};

/// The longest packet that is taken or made, without its length field. OpenSSH's limit is the same.
pub const MAX_PACKET: usize = LONGEST as usize;
/// The same as lengths have it.
pub(super) const LONGEST: u32 = 256 * 1024;

/// Writes a packet's length and what `with` puts into it; `body` bytes of it follow later.
pub(super) fn put(output: &mut Output<'_>, body: u32, with: impl FnOnce(&mut Writer<'_>)) -> Result<(), Refused> {
    let (head, space) = output.vacant().split_first_chunk_mut().ok_or(Refused::NoRoom)?;
    let mut writer = Writer::new(space);
    with(&mut writer);
    let written = writer.written().ok_or(Refused::NoRoom)?;
    let length = written.saturating_add(usize::try_from(body).unwrap_or(usize::MAX));
    if length > MAX_PACKET {
        return Err(Refused::TooLong);
    }
    *head = u32::try_from(length).map_err(|_| Refused::TooLong)?.to_be_bytes();
    let whole = written.saturating_add(head.len());
    output.advance(whole);
    Ok(())
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
