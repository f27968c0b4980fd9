//! The field types of messages: how each reads itself off a [`Reader`] and writes itself to a [`Sink`].

use super::{Malformed, Names, Reader, Sink};

/// A value with an encoding of its own inside messages.
pub trait Field<'a>: Sized {
    /// Reads the field.
    fn decode(reader: &mut Reader<'a>) -> Result<Self, Malformed>;
    /// Writes the field.
    fn encode(&self, sink: &mut (impl Sink + ?Sized));
}

/// A `string` of any bytes; text from a peer stays bytes, for it is nobody's promise.
pub type Bytes<'a> = &'a [u8];

impl<'a> Field<'a> for &'a [u8] {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        reader.string()
    }

    fn encode(&self, sink: &mut (impl Sink + ?Sized)) {
        sink.string(self);
    }
}

impl<'a> Field<'a> for u8 {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        reader.u8()
    }

    fn encode(&self, sink: &mut (impl Sink + ?Sized)) {
        sink.u8(*self);
    }
}

impl<'a> Field<'a> for u32 {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        reader.u32()
    }

    fn encode(&self, sink: &mut (impl Sink + ?Sized)) {
        sink.u32(*self);
    }
}

/// A `boolean`: "all non-zero values MUST be interpreted as TRUE" (RFC 4251 §5).
impl<'a> Field<'a> for bool {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        reader.u8().map(|byte| byte != 0)
    }

    fn encode(&self, sink: &mut (impl Sink + ?Sized)) {
        sink.u8(u8::from(*self));
    }
}

impl<'a, const N: usize> Field<'a> for [u8; N] {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        reader.array()
    }

    fn encode(&self, sink: &mut (impl Sink + ?Sized)) {
        sink.put(self);
    }
}

impl<'a> Field<'a> for Names<'a> {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        reader.string().map(Names::new)
    }

    fn encode(&self, sink: &mut (impl Sink + ?Sized)) {
        sink.string(self.as_bytes());
    }
}

/// A non-negative `mpint` as big-endian digits without leading zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mpint<'a>(pub &'a [u8]);

impl<'a> Mpint<'a> {
    /// The digits of `number` without its leading zeros.
    pub fn trim(number: &[u8]) -> &[u8] {
        let zeros = number.iter().take_while(|digit| **digit == 0).count();
        number.get(zeros..).unwrap_or_default()
    }
}

impl<'a> Field<'a> for Mpint<'a> {
    /// Negative numbers and superfluous leading zeros are malformed (RFC 4251 §5).
    fn decode(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let digits = match reader.string()? {
            [] => &[],
            [0, digits @ ..] if digits.first().is_some_and(|top| *top >= 0x80) => digits,
            digits @ [0x01..=0x7f, ..] => digits,
            _ => return Err(Malformed),
        };
        Ok(Self(digits))
    }

    fn encode(&self, sink: &mut (impl Sink + ?Sized)) {
        sink.mpint(self.0);
    }
}

/// Everything to the end of the message: the part whose shape an earlier field decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rest<'a>(pub &'a [u8]);

impl<'a> Field<'a> for Rest<'a> {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        Ok(Self(reader.rest()))
    }

    fn encode(&self, sink: &mut (impl Sink + ?Sized)) {
        sink.put(self.0);
    }
}
