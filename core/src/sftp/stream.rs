//! The byte stream taken apart: the heads of packets, small parts gathered, bodies passed through.

use super::Error;
use super::attributes::string_extent;
use super::frame::MAX_PACKET;
use super::message::WRITE;
use crate::wire::Reader;

/// Length, type, and the word that follows: a request's identifier, or the version.
const HEAD: usize = 9;

/// What a packet begins with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head {
    pub(super) number: u8,
    pub(super) word: u32,
}

/// Where a part stands: as long as it is, whole in the input or in the memory lent.
#[derive(Debug, Clone, Copy)]
enum Found {
    Ahead(usize),
    Gathered(usize),
}

/// Where in the stream the machine stands.
#[derive(Debug, Default)]
pub(super) struct Stream {
    /// Bytes of the part that is due, in the memory lent.
    gathered: usize,
    /// Bytes of the packet that are not taken, gathered ones among them.
    left: usize,
}

impl Stream {
    /// Bytes of the packet that are still to be taken.
    pub(super) const fn left(&self) -> usize {
        self.left
    }

    /// Whether it stands between two packets.
    pub(super) const fn is_whole(&self) -> bool {
        self.left == 0 && self.gathered == 0
    }

    /// The head of the next packet. Its length is judged before anything else of it is waited for.
    pub(super) fn head(&mut self, gather: &mut [u8], input: &mut &[u8]) -> Result<Option<Head>, Error> {
        let Some(found) = self.find(gather, input, |bytes| length(bytes).map(|_| HEAD))? else { return Ok(None) };
        let bytes = self.take(found, gather, input);
        self.left = length(bytes)?;
        let mut reader = Reader::new(bytes.get(4..).unwrap_or_default());
        let (Ok(number), Ok(word)) = (reader.u8(), reader.u32()) else { return Err(Error::Length) };
        Ok(Some(Head { number, word }))
    }

    /// The next part of the packet, as long as `extent` says of what there is of it: where it says more than there is,
    /// more has to come to tell. What reaches beyond the packet is [`Error::Malformed`], and what the memory lent would
    /// not hold is [`Error::TooLong`], however it comes.
    pub(super) fn part<'a: 'b, 'b>(
        &mut self,
        number: u8,
        gather: &'b mut [u8],
        input: &mut &'a [u8],
        extent: impl Fn(&[u8]) -> usize,
    ) -> Result<Option<&'b [u8]>, Error> {
        let left = self.left;
        let within = |bytes: &[u8]| Some(extent(bytes)).filter(|end| *end <= left).ok_or(Error::Malformed(number));
        let Some(found) = self.find(gather, input, within)? else { return Ok(None) };
        let (Found::Ahead(needed) | Found::Gathered(needed)) = found;
        self.left = left.saturating_sub(needed);
        Ok(Some(self.take(found, gather, input)))
    }

    /// Where the next bytes stand, `extent` of them, if they are all there. It is asked about no more bytes than it has
    /// said to be needed, so that the same errors come of the same bytes, however they come.
    fn find(
        &mut self,
        gather: &mut [u8],
        input: &mut &[u8],
        extent: impl Fn(&[u8]) -> Result<usize, Error>,
    ) -> Result<Option<Found>, Error> {
        let mut ahead = if self.gathered == 0 { Some(0) } else { None };
        while let Some(known) = ahead {
            let needed = extent(input.get(..known).unwrap_or_default())?;
            if needed > gather.len() {
                return Err(Error::TooLong);
            }
            if needed <= known {
                return Ok(Some(Found::Ahead(known)));
            }
            ahead = Some(needed).filter(|needed| *needed <= input.len());
        }
        loop {
            let needed = extent(gather.get(..self.gathered).unwrap_or_default())?;
            if needed <= self.gathered {
                return Ok(Some(Found::Gathered(needed)));
            }
            let space = gather.get_mut(self.gathered..needed).ok_or(Error::TooLong)?;
            let (bytes, rest) = input.split_at_checked(space.len()).unwrap_or((input, &[]));
            if bytes.is_empty() {
                return Ok(None);
            }
            let Some(place) = space.get_mut(..bytes.len()) else { return Ok(None) };
            place.copy_from_slice(bytes);
            *input = rest;
            self.gathered = self.gathered.saturating_add(bytes.len());
        }
    }

    /// The bytes found. Those that stand in the input are not copied.
    fn take<'a: 'b, 'b>(&mut self, found: Found, gather: &'b [u8], input: &mut &'a [u8]) -> &'b [u8] {
        match found {
            Found::Ahead(needed) => {
                let (bytes, rest) = input.split_at_checked(needed).unwrap_or((input, &[]));
                *input = rest;
                bytes
            }
            Found::Gathered(needed) => {
                self.gathered = 0;
                gather.get(..needed).unwrap_or_default()
            }
        }
    }

    /// Forgets what was gathered of a part that is not wanted any more; the packet's rest can then pass.
    pub(super) const fn forsake(&mut self) {
        self.left = self.left.saturating_sub(self.gathered);
        self.gathered = 0;
    }

    /// What has come of the packet's rest, as it is.
    pub(super) fn pass<'a>(&mut self, input: &mut &'a [u8]) -> &'a [u8] {
        let (bytes, rest) = input.split_at_checked(self.left).unwrap_or((input, &[]));
        *input = rest;
        self.left = self.left.saturating_sub(bytes.len());
        bytes
    }
}

/// Bytes of a packet behind its head, as far as its length has come.
fn length(bytes: &[u8]) -> Result<usize, Error> {
    let Some(length) = bytes.first_chunk() else { return Ok(0) };
    let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| Error::Length)?;
    let rest = length.checked_sub(HEAD.saturating_sub(4)).ok_or(Error::Length)?;
    if length > MAX_PACKET { Err(Error::Length) } else { Ok(rest) }
}

/// How far the fields of a request reach: to the end of the packet, but for WRITE, whose body follows them.
pub(super) fn fields_extent(number: u8, left: usize, bytes: &[u8]) -> usize {
    // The handle, then offset and length.
    if number == WRITE { string_extent(bytes, 0).saturating_add(12) } else { left }
}
