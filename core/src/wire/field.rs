//! The field types of messages: how each reads itself off a [`Reader`] and writes itself to a [`Sink`].

use super::{Malformed, Names, Reader, Sink};
use core::fmt;

/// A value with an encoding of its own inside messages.
pub trait Field<'a>: Sized {
    /// Reads the field.
    fn decode(reader: &mut Reader<'a>) -> Result<Self, Malformed>;
    /// Writes the field.
    fn encode(&self, sink: &mut (impl Sink + ?Sized));
    /// Prints the field for whoever debugs: strings by their length only.
    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result;
    /// What the field holds.
    fn value(&self) -> Value<'_> {
        Value::Other
    }
}

/// What a field holds, for programs that show messages. They have to know what is secret.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    /// A `boolean`.
    Flag(bool),
    /// A number.
    Number(u64),
    /// A `string`, an `mpint`'s digits, a `name-list`, or the rest of a message.
    Bytes(&'a [u8]),
    /// Something with fields of its own.
    Other,
}

impl fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => flag.show(f),
            Self::Number(number) => number.show(f),
            Self::Bytes(bytes) => bytes.show(f),
            Self::Other => f.write_str("other"),
        }
    }
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

    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.len())
    }

    fn value(&self) -> Value<'_> {
        Value::Bytes(self)
    }
}

impl<'a> Field<'a> for u8 {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        reader.u8()
    }

    fn encode(&self, sink: &mut (impl Sink + ?Sized)) {
        sink.u8(*self);
    }

    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }

    fn value(&self) -> Value<'_> {
        Value::Number((*self).into())
    }
}

impl<'a> Field<'a> for u32 {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        reader.u32()
    }

    fn encode(&self, sink: &mut (impl Sink + ?Sized)) {
        sink.u32(*self);
    }

    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }

    fn value(&self) -> Value<'_> {
        Value::Number((*self).into())
    }
}

impl<'a> Field<'a> for u64 {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        reader.u64()
    }

    fn encode(&self, sink: &mut (impl Sink + ?Sized)) {
        sink.u64(*self);
    }

    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }

    fn value(&self) -> Value<'_> {
        Value::Number(*self)
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

    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }

    fn value(&self) -> Value<'_> {
        Value::Flag(*self)
    }
}

impl<'a, const N: usize> Field<'a> for [u8; N] {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        reader.array()
    }

    fn encode(&self, sink: &mut (impl Sink + ?Sized)) {
        sink.put(self);
    }

    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{N} bytes")
    }

    fn value(&self) -> Value<'_> {
        Value::Bytes(self)
    }
}

impl<'a> Field<'a> for Names<'a> {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        reader.string().map(Names::new)
    }

    fn encode(&self, sink: &mut (impl Sink + ?Sized)) {
        sink.string(self.as_bytes());
    }

    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }

    fn value(&self) -> Value<'_> {
        Value::Bytes(self.as_bytes())
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

    /// The number that the bytes behind an `mpint`'s length stand for. Negative numbers and superfluous leading zeros are
    /// malformed (RFC 4251 §5).
    pub fn content(bytes: &'a [u8]) -> Result<Self, Malformed> {
        match bytes {
            [] => Ok(Self(&[])),
            [0, digits @ ..] if digits.first().is_some_and(|top| *top >= 0x80) => Ok(Self(digits)),
            [0x01..=0x7f, ..] => Ok(Self(bytes)),
            _ => Err(Malformed),
        }
    }
}

impl<'a> Field<'a> for Mpint<'a> {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        Self::content(reader.string()?)
    }

    fn encode(&self, sink: &mut (impl Sink + ?Sized)) {
        sink.mpint(self.0);
    }

    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }

    fn value(&self) -> Value<'_> {
        Value::Bytes(self.0)
    }
}

/// Everything to the end of the message: the part whose shape an earlier field decides.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Rest<'a>(pub &'a [u8]);

impl fmt::Debug for Rest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.show(f)
    }
}

impl<'a> Field<'a> for Rest<'a> {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        Ok(Self(reader.rest()))
    }

    fn encode(&self, sink: &mut (impl Sink + ?Sized)) {
        sink.put(self.0);
    }

    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }

    fn value(&self) -> Value<'_> {
        Value::Bytes(self.0)
    }
}

#[cfg(test)]
mod tests {
    use crate::wire::Rest;
    use crate::wire::auth::{PasswordChangeFields, PasswordFields, UserauthRequest};
    use alloc::format;

    #[test]
    fn m09_debug_tells_no_secret() {
        let password = b"hunter2";
        let request = UserauthRequest { user: b"me", service: b"", method: b"password", fields: Rest(password) };
        let shown = [
            format!("{:?}", PasswordFields { change: false, password }),
            format!("{:?}", PasswordChangeFields { change: true, old: password, new: password }),
            format!("{request:?}"),
        ];
        for text in shown {
            assert!(text.contains("7 bytes") && !text.contains("hunter2") && !text.contains("104"), "{text}");
        }
    }
}
