//! The byte stream taken apart (RFC 4819 §3.2): a length and a packet of that many bytes, which begins with its name.

use super::Error;
use crate::wire::{Malformed, Reader, Sink, Writer};
use crate::{Output, Refused};

/// The longest packet that is taken or made, without its length field.
pub const MAX_PACKET: usize = 256 * 1024;

/// The length field, of the packet and of its name.
const LENGTH: usize = 4;

/// Where in the stream the machine stands.
#[derive(Debug, Default)]
pub(super) struct Stream {
    /// The packet's length field, as far as it has come.
    head: [u8; LENGTH],
    headed: usize,
    /// Bytes of the packet that were gathered, or dropped.
    passed: usize,
}

/// A packet's name, and what is behind it.
pub(super) struct Packet<'b> {
    pub(super) name: &'b [u8],
    pub(super) body: &'b [u8],
}

impl Stream {
    /// The next packet, if it is all there. Its length is judged before anything else of it is waited for: one that does
    /// not fit into the memory lent is [`Error::TooLong`], however it comes, and can be [dropped](Self::pass).
    pub(super) fn packet<'a: 'b, 'b>(
        &mut self,
        gather: &'b mut [u8],
        input: &mut &'a [u8],
    ) -> Result<Option<&'b [u8]>, Error> {
        let Some(length) = self.length(input)? else { return Ok(None) };
        let place = gather.get_mut(..length).ok_or(Error::TooLong)?;
        if self.passed == 0
            && let Some((packet, rest)) = input.split_at_checked(length)
        {
            *input = rest;
            self.headed = 0;
            return Ok(Some(packet));
        }
        if !fill(place, &mut self.passed, input) {
            return Ok(None);
        }
        (self.headed, self.passed) = (0, 0);
        Ok(Some(place))
    }

    /// Drops what has come of the packet; whether that is all of it.
    pub(super) fn pass(&mut self, input: &mut &[u8]) -> bool {
        let length = self.length(input).ok().flatten().unwrap_or(0);
        let left = length.saturating_sub(self.passed);
        let (dropped, rest) = input.split_at_checked(left).unwrap_or((input, &[]));
        *input = rest;
        self.passed = self.passed.saturating_add(dropped.len());
        let whole = self.passed >= length;
        if whole {
            (self.headed, self.passed) = (0, 0);
        }
        whole
    }

    /// Whether it stands between two packets.
    pub(super) const fn is_whole(&self) -> bool {
        self.headed == 0
    }

    fn length(&mut self, input: &mut &[u8]) -> Result<Option<usize>, Error> {
        if !fill(&mut self.head, &mut self.headed, input) {
            return Ok(None);
        }
        let length = usize::try_from(u32::from_be_bytes(self.head)).map_err(|_| Error::Length)?;
        if (LENGTH..=MAX_PACKET).contains(&length) { Ok(Some(length)) } else { Err(Error::Length) }
    }
}

impl<'b> Packet<'b> {
    /// Reads the name.
    pub(super) fn read(packet: &'b [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(packet);
        let name = reader.string()?;
        Ok(Self { name, body: reader.rest() })
    }
}

/// Moves bytes off the front of `input` to where `filled` of the place ends; whether the place is full then.
fn fill(place: &mut [u8], filled: &mut usize, input: &mut &[u8]) -> bool {
    let space = place.get_mut(*filled..).unwrap_or_default();
    let (bytes, rest) = input.split_at_checked(space.len()).unwrap_or((input, &[]));
    if let Some(space) = space.get_mut(..bytes.len()) {
        space.copy_from_slice(bytes);
    }
    *input = rest;
    *filled = filled.saturating_add(bytes.len());
    *filled >= place.len()
}

/// Writes a packet: its name, and what `fields` puts behind it.
pub(super) fn put(output: &mut Output<'_>, name: &[u8], fields: impl FnOnce(&mut Writer<'_>)) -> Result<(), Refused> {
    output.framed(MAX_PACKET, 0, |sink| {
        sink.string(name);
        fields(sink);
    })
}
