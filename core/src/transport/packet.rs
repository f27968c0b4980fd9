//! Binary packets (RFC 4253 §6): framing, padding, counters; opened and sealed where they lie.

use super::rekey::Meter;
use super::zipping::Zipping;
use crate::algorithm::Zip;
use crate::crypto::zip::{Deflate, Inflate};
use crate::crypto::{Forged, Open, Seal, Shape};
use crate::error::{Error, Refused, Violation};
use crate::seed::Random;
use crate::wire::{Length, Message, Sink, Writer};
use crate::{Input, Output};

/// `packet_length` and `padding_length`.
const HEADER: usize = 5;
/// "There MUST be at least four bytes of padding."
const LEAST_PADDING: usize = 4;
/// Before there are keys (RFC 4253 §6): blocks of 8, which the length field is part of.
const CLEAR: Shape = Shape { block: 8, length_padded: true, tag: 0, head: 4, oracle: false };
/// "The minimum size of a packet is 16 (or the cipher block size, whichever is larger) bytes (plus 'mac')."
const LEAST_PACKET: usize = 16;
/// The largest `packet_length` whatever is configured: UMAC is another function above 16 MiB (RFC 4418 §5.3).
const MOST_PACKET: usize = (16 << 20) - 1024;

/// A packet's payload, with the sequence number by which UNIMPLEMENTED refers to it.
pub(crate) struct Packet<'b> {
    pub(crate) sequence: u32,
    pub(crate) number: u8,
    pub(crate) body: &'b mut [u8],
}

/// The receiving half.
pub(crate) struct Opening<O, I> {
    key: Option<O>,
    zipping: Zipping<I>,
    sequence: u32,
    /// The length of the packet at the front, once its head was there.
    length: Option<usize>,
    /// Whether it failed, which is told later.
    doomed: bool,
    meter: Meter,
}

impl<O: Open, I: Inflate> Opening<O, I> {
    pub(crate) const fn new() -> Self {
        Self { key: None, zipping: Zipping::new(), sequence: 0, length: None, doomed: false, meter: Meter::new() }
    }

    pub(crate) const fn is_keyed(&self) -> bool {
        self.key.is_some()
    }

    pub(crate) const fn sequence(&self) -> u32 {
        self.sequence
    }

    pub(crate) const fn meter(&self) -> Meter {
        self.meter
    }

    /// Takes new keys into use, and counts from zero again under strict key exchange.
    pub(crate) fn rekey(&mut self, key: O, zip: Zip, strict: bool) {
        self.key = Some(key);
        self.zipping.rekey(zip);
        self.meter = Meter::new();
        if strict {
            self.sequence = 0;
        }
    }

    /// The login is done: delayed compression begins.
    pub(crate) fn log_in(&mut self) {
        self.zipping.log_in();
    }

    /// Drops the key; nothing is opened any more.
    pub(crate) fn forget(&mut self) {
        self.key = None;
        self.zipping.forget();
    }

    /// Takes a whole packet off the input, or nothing.
    pub(crate) fn open<'b>(&mut self, input: &mut Input<'b>, most: u32) -> Result<Option<Packet<'b>>, Error> {
        let shape = self.key.as_ref().map_or(CLEAR, Open::shape);
        let most = usize::try_from(most).unwrap_or(usize::MAX).min(MOST_PACKET);
        if !self.doomed {
            let mut proven = false;
            let attempt = self.attempt(&shape, input, most, &mut proven);
            // What is wrong with a packet whose code is right tells nothing of its key.
            self.doomed = shape.oracle && !proven && matches!(attempt, Err(Error::Malformed(_) | Error::Forged));
            if !self.doomed {
                return attempt;
            }
        }
        self.fail_alike(&shape, input, most).map(|()| None)
    }

    fn attempt<'b>(
        &mut self,
        shape: &Shape,
        input: &mut Input<'b>,
        most: usize,
        proven: &mut bool,
    ) -> Result<Option<Packet<'b>>, Error> {
        let Some(length) = self.length(shape, input, most)? else { return Ok(None) };
        let total = length.saturating_add(4).saturating_add(shape.tag);
        if input.remaining() < total {
            return Ok(None);
        }
        if self.zipping.is_on() && !input.can_expand(most) {
            return Ok(None);
        }
        let packet = input.take(total);
        let sequence = self.sequence;
        if let Some(key) = &mut self.key {
            key.open(sequence, packet)?;
        }
        *proven = true;
        self.count(total)?;
        let payload = self.zipping.expand(payload(packet, length)?, input, most)?;
        let (number, body) = payload.split_first_mut().ok_or(Error::Malformed(None))?;
        self.length = None;
        Ok(Some(Packet { sequence, number: *number, body }))
    }

    /// Whatever was wrong, about as many bytes are taken, decrypted and authenticated as the longest packet has, and then
    /// its code is bad.
    fn fail_alike(&mut self, shape: &Shape, input: &mut Input<'_>, most: usize) -> Result<(), Error> {
        let longest = most.saturating_add(4).saturating_add(shape.tag);
        let done = self.length.map_or(0, |length| length.saturating_add(4).saturating_add(shape.tag));
        let rest = longest.saturating_sub(done);
        if input.remaining() < rest {
            return Ok(());
        }
        let rest = input.take(rest);
        if let Some(key) = &mut self.key {
            let _ = key.open(self.sequence, rest);
        }
        Err(Forged.into())
    }

    /// The packet's length, read once its head is there, and checked before anything is done with it.
    fn length(&mut self, shape: &Shape, input: &mut Input<'_>, most: usize) -> Result<Option<usize>, Error> {
        if self.length.is_some() {
            return Ok(self.length);
        }
        let Some(head) = input.peek().get_mut(..shape.head) else { return Ok(None) };
        let length = match &mut self.key {
            Some(key) => key.length(self.sequence, head),
            None => head.first_chunk().map_or(0, |field| u32::from_be_bytes(*field)),
        };
        let padded = if shape.length_padded { length.wrapping_add(4) } else { length };
        let least = if shape.length_padded { LEAST_PACKET.max(shape.block).saturating_sub(4) } else { shape.block };
        let length = usize::try_from(length).map_err(|_| Error::Malformed(None))?;
        let aligned = usize::try_from(padded).is_ok_and(|padded| padded.is_multiple_of(shape.block));
        if length < least || length > most || !aligned {
            return Err(Error::Malformed(None));
        }
        self.length = Some(length);
        Ok(self.length)
    }

    fn count(&mut self, bytes: usize) -> Result<(), Error> {
        self.meter.count(bytes);
        if self.meter.is_exhausted() {
            return Err(Violation::Overdue.into());
        }
        self.sequence = self.sequence.wrapping_add(1);
        // Before there are keys nobody has a reason to send 2^32 packets but to make the counter wrap (Terrapin).
        if self.sequence == 0 && self.key.is_none() {
            return Err(Violation::Overdue.into());
        }
        Ok(())
    }
}

/// What stands between header and padding.
fn payload(packet: &mut [u8], length: usize) -> Result<&mut [u8], Error> {
    let padding = usize::from(packet.get(4).copied().unwrap_or(0));
    let end = (padding >= LEAST_PADDING).then(|| length.saturating_add(4).checked_sub(padding)).flatten();
    end.and_then(|end| packet.get_mut(HEADER..end)).ok_or(Error::Malformed(None))
}

/// The sending half.
pub(crate) struct Sealing<S, D> {
    key: Option<S>,
    zipping: Zipping<D>,
    sequence: u32,
    meter: Meter,
    /// From our KEXINIT to our NEWKEYS only the exchange may speak (RFC 4253 §7.1).
    silent: bool,
}

impl<S: Seal, D: Deflate> Sealing<S, D> {
    pub(crate) const fn new() -> Self {
        Self { key: None, zipping: Zipping::new(), sequence: 0, meter: Meter::new(), silent: false }
    }

    pub(crate) const fn is_keyed(&self) -> bool {
        self.key.is_some()
    }

    pub(crate) const fn is_silent(&self) -> bool {
        self.silent
    }

    pub(crate) const fn meter(&self) -> Meter {
        self.meter
    }

    /// Our KEXINIT went out.
    pub(crate) const fn silence(&mut self) {
        self.silent = true;
    }

    /// Our NEWKEYS went out.
    pub(crate) fn rekey(&mut self, key: S, zip: Zip, strict: bool) {
        self.key = Some(key);
        self.zipping.rekey(zip);
        self.meter = Meter::new();
        self.silent = false;
        if strict {
            self.sequence = 0;
        }
    }

    /// The login is done: delayed compression begins.
    pub(crate) fn log_in(&mut self) {
        self.zipping.log_in();
    }

    /// Drops the key; nothing is sealed any more.
    pub(crate) fn forget(&mut self) {
        self.key = None;
        self.zipping.forget();
    }

    fn shape(&self) -> Shape {
        self.key.as_ref().map_or(CLEAR, Seal::shape)
    }

    /// The largest payload for which `output` has room.
    pub(crate) fn room(&self, output: &Output<'_>) -> usize {
        let shape = self.shape();
        let around = shape.tag.saturating_add(HEADER).saturating_add(LEAST_PADDING).saturating_add(shape.block);
        self.zipping.room(output.room().min(MOST_PACKET).saturating_sub(around))
    }

    /// Sends one message.
    pub(crate) fn send<'m>(
        &mut self,
        random: &mut Random,
        output: &mut Output<'_>,
        message: &impl Message<'m>,
    ) -> Result<(), Refused> {
        self.write(random, output, &|sink| message.encode(sink))
    }

    /// Sends a payload that `write` writes: it runs twice, and must write the same bytes.
    pub(crate) fn write(
        &mut self,
        random: &mut Random,
        output: &mut Output<'_>,
        write: &dyn Fn(&mut dyn Sink),
    ) -> Result<(), Refused> {
        let mut length = Length::default();
        write(&mut length);
        let composed = self.compose(random, output, length.0, &mut |space| {
            let mut writer = Writer::new(space);
            write(&mut writer);
            writer.written().unwrap_or(0)
        });
        composed.map(|_| ())
    }

    /// Seals a packet whose payload of at most `most` bytes is composed, once, where it will lie, or be compressed from.
    /// Nothing is sent if `with` composes nothing. What composes has no type of its own: all messages share this code.
    pub(crate) fn compose(
        &mut self,
        random: &mut Random,
        output: &mut Output<'_>,
        most: usize,
        with: &mut dyn FnMut(&mut [u8]) -> usize,
    ) -> Result<usize, Refused> {
        let shape = self.shape();
        let bound = self.zipping.bound(most);
        let worst = layout(&shape, bound).total;
        if self.meter.is_exhausted() {
            return Err(Refused::Busy);
        }
        if worst > MOST_PACKET {
            return Err(Refused::NoRoom);
        }
        let space = output.vacant().get_mut(..worst).ok_or(Refused::NoRoom)?;
        let payload = space.get_mut(HEADER..HEADER.saturating_add(bound)).ok_or(Refused::NoRoom)?;
        let (composed, written) = self.zipping.compose(payload, most, with);
        if composed == 0 {
            return Ok(0);
        }
        let Layout { length, padding, total } = layout(&shape, written);
        let packet = space.get_mut(..total).ok_or(Refused::NoRoom)?;
        frame(packet, length, written, padding, random);
        if let Some(key) = &mut self.key {
            key.seal(self.sequence, packet);
        }
        output.advance(total);
        self.sequence = self.sequence.wrapping_add(1);
        self.meter.count(total);
        Ok(composed)
    }
}

struct Layout {
    /// `packet_length`.
    length: usize,
    padding: usize,
    /// With length field and tag.
    total: usize,
}

fn layout(shape: &Shape, payload: usize) -> Layout {
    let unpadded = payload.saturating_add(1);
    let counted = if shape.length_padded { unpadded.saturating_add(4) } else { unpadded };
    let short = shape.block.saturating_sub(counted.checked_rem(shape.block).unwrap_or(0));
    let padding = if short < LEAST_PADDING { short.saturating_add(shape.block) } else { short };
    let length = unpadded.saturating_add(padding);
    Layout { length, padding, total: length.saturating_add(4).saturating_add(shape.tag) }
}

/// Writes header and padding around a payload that is in place.
fn frame(packet: &mut [u8], length: usize, payload: usize, padding: usize, random: &mut Random) {
    let field = u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
    let header = field.into_iter().chain(u8::try_from(padding));
    packet.iter_mut().zip(header).for_each(|(to, from)| *to = from);
    let start = HEADER.saturating_add(payload);
    if let Some(place) = packet.get_mut(start..start.saturating_add(padding)) {
        random.fill(place);
    }
}

#[cfg(test)]
mod tests {
    use super::{Meter, Opening, Packet, Sealing};
    use crate::algorithm::Zip;
    use crate::crypto::null::Clear;
    use crate::crypto::zip::Absent;
    use crate::error::{Error, Refused, Violation};
    use crate::seed::{Random, Seed};
    use crate::wire::transport::Ignore;
    use crate::{Input, Output};

    const CAP: u32 = 1024;
    /// IGNORE of one byte, in the clear.
    const PLAIN: [u8; 16] = [0, 0, 0, 12, 5, 2, 0, 0, 0, 1, 9, 0, 0, 0, 0, 0];

    /// The last packet that a key may carry, and the first that it may not.
    const LAST: u64 = (1 << 32) - 3;

    fn open(opening: &mut Opening<Clear, Absent>, bytes: &[u8]) -> Result<u32, Error> {
        let mut bytes = [bytes, &[0; 64]].concat();
        let mut input = Input::new(&mut bytes);
        opening.open(&mut input, CAP).map(|packet| {
            let Packet { sequence, number, .. } = packet.expect("a whole packet");
            assert_eq!(number, 2);
            sequence
        })
    }

    fn send(sealing: &mut Sealing<Clear, Absent>) -> Result<usize, Refused> {
        let mut space = [0; 64];
        let mut output = Output::new(&mut space);
        let sent = sealing.send(&mut Random::new(&Seed::new([1; 32])), &mut output, &Ignore { data: b"x" });
        sent.map(|()| output.filled())
    }

    /// Whoever makes the counter wrap before there are keys is up to the Terrapin attack.
    #[test]
    fn b13_d07_the_counter_does_not_wrap_in_the_clear() {
        let mut opening = Opening::new();
        opening.sequence = u32::MAX - 1;
        assert_eq!(open(&mut opening, &PLAIN), Ok(u32::MAX - 1));
        assert_eq!(open(&mut opening, &PLAIN), Err(Violation::Overdue.into()));
    }

    #[test]
    fn b13_no_key_opens_as_many_packets_as_there_are_numbers() {
        let mut opening = Opening::new();
        opening.rekey(Clear, Zip::None, true);
        let sealed = [&[0, 0, 0, 16, 9][..], &[2, 0, 0, 0, 1, 9], &[0; 9], b"no security here"].concat();
        opening.meter = Meter { packets: LAST - 1, bytes: 0 };
        // The sequence goes on from an earlier key and may wrap, since no number is used twice under one.
        opening.sequence = u32::MAX;
        assert_eq!(open(&mut opening, &sealed), Ok(u32::MAX));
        assert_eq!(opening.sequence(), 0);
        assert_eq!(open(&mut opening, &sealed), Err(Violation::Overdue.into()));
        opening.rekey(Clear, Zip::None, true);
        assert_eq!(open(&mut opening, &sealed), Ok(0));
    }

    #[test]
    fn b13_no_key_seals_as_many_packets_as_there_are_numbers() {
        let mut sealing = Sealing::new();
        sealing.rekey(Clear, Zip::None, true);
        sealing.meter = Meter { packets: LAST, bytes: 0 };
        assert!(send(&mut sealing).is_ok());
        assert_eq!(send(&mut sealing), Err(Refused::Busy));
        sealing.rekey(Clear, Zip::None, true);
        assert!(send(&mut sealing).is_ok());
    }
}
