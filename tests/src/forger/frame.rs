//! Binary packets by hand (RFC 4253 §6): every field of a frame can be set to anything before it is sealed.
//!
//! Opening is strict: what the machine under test sends must be sound, or the test fails.

use super::Zipped;
use sanssh_core::crypto::{Open, Provider, Seal, Shape};

/// The shape of packets before there are keys.
pub const CLEAR: Shape = Shape { block: 8, length_padded: true, tag: 0, head: 4, oracle: false };

/// A packet before it is sealed. What it claims need not be true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// `packet_length`.
    pub length: u32,
    /// `padding_length`.
    pub padding: u8,
    /// Payload and padding, as long as they really are.
    pub rest: Vec<u8>,
}

/// Both directions of packets, and the identification line before them.
pub struct Line<Q: Provider> {
    /// The machine's identification line, without its end.
    pub ident: Vec<u8>,
    /// Sequence number of the next packet to send.
    pub sent: u32,
    /// Sequence number of the next packet to come.
    pub opened: u32,
    /// Keys that come into use when the machine's NEWKEYS has been opened.
    pub next_open: Option<Q::Open>,
    seal: Option<Q::Seal>,
    open: Option<Q::Open>,
    /// Compression of the payloads.
    pub zip: Zipped,
    /// Whether the counters start again with each key.
    pub strict: bool,
    buffer: Vec<u8>,
    length: Option<usize>,
}

impl<Q: Provider> Line<Q> {
    /// A line on which nothing was said.
    pub const fn new() -> Self {
        Self {
            ident: Vec::new(),
            sent: 0,
            opened: 0,
            next_open: None,
            seal: None,
            open: None,
            zip: Zipped::new(),
            strict: false,
            buffer: Vec::new(),
            length: None,
        }
    }

    /// The shape of packets that are sent.
    pub fn shape(&self) -> Shape {
        self.seal.as_ref().map_or(CLEAR, Seal::shape)
    }

    /// A sound frame around a payload.
    pub fn frame(&self, payload: &[u8]) -> Frame {
        self.frame_with(payload, 4)
    }

    /// A sound frame with at least so much padding.
    ///
    /// # Panics
    /// If a padding length cannot say how much that is.
    pub fn frame_with(&self, payload: &[u8], least: usize) -> Frame {
        let shape = self.shape();
        let counted = payload.len() + 1 + if shape.length_padded { 4 } else { 0 };
        // The smallest packet has 16 bytes, or a block.
        let short = if shape.length_padded { 16 } else { shape.block };
        let total = (counted + least).max(short).next_multiple_of(shape.block);
        let padding = total - counted;
        let rest = [payload, &vec![0; padding]].concat();
        let length = u32::try_from(rest.len() + 1).expect("a length");
        Frame { length, padding: u8::try_from(padding).expect("a padding length"), rest }
    }

    /// Seals a frame as it is.
    pub fn seal(&mut self, frame: &Frame) -> Vec<u8> {
        let Frame { length, padding, rest } = frame;
        let mut packet = length.to_be_bytes().to_vec();
        packet.push(*padding);
        packet.extend_from_slice(rest);
        packet.extend(vec![0; self.shape().tag]);
        if let Some(seal) = &mut self.seal {
            seal.seal(self.sent, &mut packet);
        }
        self.sent = self.sent.wrapping_add(1);
        packet
    }

    /// New keys for what is sent.
    pub fn rekey(&mut self, seal: Q::Seal) {
        self.seal = Some(seal);
        if self.strict {
            self.sent = 0;
        }
    }

    /// Bytes arrived.
    pub fn received(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
        if self.ident.is_empty()
            && let Some(end) = self.buffer.windows(2).position(|pair| pair == b"\r\n")
        {
            self.ident = self.buffer.drain(..end + 2).take(end).collect();
        }
    }

    /// Opens the next packet: its sequence number and payload.
    ///
    /// # Panics
    /// If it is not sound.
    pub fn open(&mut self) -> Option<(u32, Vec<u8>)> {
        let shape = self.open.as_ref().map_or(CLEAR, Open::shape);
        let length = match self.length {
            Some(length) => length,
            None => self.read_length(&shape)?,
        };
        self.length = Some(length);
        let total = 4 + length + shape.tag;
        if self.buffer.len() < total {
            return None;
        }
        self.length = None;
        let mut packet: Vec<u8> = self.buffer.drain(..total).collect();
        let sequence = self.opened;
        if let Some(open) = &mut self.open {
            open.open(sequence, &mut packet).expect("what the machine sends is sealed soundly");
        }
        self.opened = self.opened.wrapping_add(1);
        let padding = usize::from(packet[4]);
        let padded = if shape.length_padded { length + 4 } else { length };
        assert!(padding >= 4 && padded.is_multiple_of(shape.block), "the machine's packets are padded soundly");
        let payload = self.zip.inflate(packet[5..4 + length - padding].to_vec());
        if payload == [21]
            && let Some(open) = self.next_open.take()
        {
            self.open = Some(open);
            self.opened = if self.strict { 0 } else { self.opened };
        }
        Some((sequence, payload))
    }

    fn read_length(&mut self, shape: &Shape) -> Option<usize> {
        let head = self.buffer.get_mut(..shape.head)?;
        let length = match &mut self.open {
            Some(open) => open.length(self.opened, head),
            None => u32::from_be_bytes(head.try_into().expect("four bytes")),
        };
        assert!(length <= 1 << 20, "the machine announces a packet of {length} bytes");
        usize::try_from(length).ok()
    }
}

impl<Q: Provider> Default for Line<Q> {
    fn default() -> Self {
        Self::new()
    }
}

impl<Q: Provider> core::fmt::Debug for Line<Q> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Line").field("sent", &self.sent).field("opened", &self.opened).finish_non_exhaustive()
    }
}
