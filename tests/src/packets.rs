//! Packets in a stream of bytes, read as anybody on the line can: in the clear before the first keys, and after them
//! where the provider is [`Null`](sanssh_core::crypto::null::Null), whose cipher changes nothing.

/// Bytes of tag behind each of the null provider's packets.
const NULL_TAG: usize = 16;
/// Length field and padding length.
const HEADER: usize = 5;
const NEWKEYS: u8 = 21;

/// One packet: its payload, which starts with the message number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet<'a> {
    /// Message number and fields, without padding.
    pub payload: &'a [u8],
    /// Where the packet ends in the stream.
    pub end: usize,
}

impl Packet<'_> {
    /// The message number.
    #[must_use]
    pub fn number(&self) -> u8 {
        self.payload[0]
    }
}

/// The packets of one end's whole stream under the null provider, from behind its identification line.
#[must_use]
pub fn null(stream: &[u8]) -> Vec<Packet<'_>> {
    read(stream, Some(NULL_TAG))
}

/// The packets of one end's stream that everybody can read: up to its first NEWKEYS.
#[must_use]
pub fn clear(stream: &[u8]) -> Vec<Packet<'_>> {
    read(stream, None)
}

/// Message numbers of packets.
#[must_use]
pub fn numbers(packets: &[Packet<'_>]) -> Vec<u8> {
    packets.iter().map(Packet::number).collect()
}

/// The packets of a piece of a stream under the null provider's keys, from a packet's beginning.
#[must_use]
pub fn null_keyed(piece: &[u8]) -> Vec<Packet<'_>> {
    read_from(piece, 0, NULL_TAG, None)
}

/// The packet at the front of a piece of a stream, in the clear or under the null provider's keys.
#[must_use]
pub fn first(piece: &[u8], keyed: bool) -> Option<Packet<'_>> {
    packet(piece, 0, if keyed { NULL_TAG } else { 0 })
}

fn read(stream: &[u8], keyed_tag: Option<usize>) -> Vec<Packet<'_>> {
    let line = stream.iter().position(|byte| *byte == b'\n');
    line.map_or_else(Vec::new, |line| read_from(stream, line + 1, 0, keyed_tag))
}

fn read_from(stream: &[u8], mut at: usize, mut tag: usize, keyed_tag: Option<usize>) -> Vec<Packet<'_>> {
    let mut packets = Vec::new();
    while let Some(packet) = packet(stream, at, tag) {
        packets.push(packet);
        at = packet.end;
        if packet.number() == NEWKEYS && tag == 0 {
            let Some(keyed) = keyed_tag else { break };
            tag = keyed;
        }
    }
    packets
}

fn packet(stream: &[u8], at: usize, tag: usize) -> Option<Packet<'_>> {
    let head = stream.get(at..at + HEADER)?;
    let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
    let end = at + 4 + length + tag;
    let payload = stream.get(..end)?.get(at + HEADER..at + 4 + length - usize::from(head[4]))?;
    Some(Packet { payload, end })
}

/// A packet in the clear around `payload`, as before the first keys.
#[must_use]
pub fn frame(payload: &[u8]) -> Vec<u8> {
    framed(payload, HEADER)
}

/// A packet of the null provider around `payload`.
#[must_use]
pub fn null_frame(payload: &[u8]) -> Vec<u8> {
    let mut packet = framed(payload, 1);
    packet.extend_from_slice(b"no security here");
    packet
}

/// A packet whose padding counts so many bytes before the payload.
fn framed(payload: &[u8], before: usize) -> Vec<u8> {
    let short = 8 - (payload.len() + before) % 8;
    let padding = if short < 4 { short + 8 } else { short };
    let length = u32::try_from(1 + payload.len() + padding).expect("a packet of a test");
    let mut packet = length.to_be_bytes().to_vec();
    packet.push(u8::try_from(padding).expect("short padding"));
    packet.extend_from_slice(payload);
    packet.resize(packet.len() + padding, 0);
    packet
}
