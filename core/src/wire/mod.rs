//! The data types of RFC 4251 §5 and every message built from them, as borrowed views of bytes.
//!
//! Decoding never copies and never allocates: a field is a slice of the packet it came from. Encoding writes into a
//! [`Sink`], which may be lent memory ([`Writer`]), a running hash, or a mere count of bytes ([`Length`]).
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::cast_possible_truncation
    )
)]

pub mod auth;
pub mod connection;
mod field;
pub mod legality;
pub(crate) mod macros;
mod names;
mod reader;
mod sequence;
mod sink;
mod strings;
pub mod transport;

pub use field::{Bytes, Field, Mpint, Rest, Value};
pub(crate) use names::word;
pub use names::{Names, NamesIter};
pub use reader::Reader;
pub use sequence::{Element, Sequence};
pub use sink::{Length, Sink, Writer};
pub use strings::Strings;

/// A message of one number: what stands behind the number byte of a packet's payload.
pub trait Message<'a>: Sized {
    /// The message number (RFC 4250 §4.1).
    const NUMBER: u8;

    /// Reads the fields behind the number; bytes left over are an error unless the message ends in [`Rest`].
    fn decode(body: &'a [u8]) -> Result<Self, Malformed>;

    /// Writes number and fields.
    fn encode(&self, sink: &mut (impl Sink + ?Sized));

    /// Names and holdings of the fields behind the number, in order.
    fn each(&self, with: &mut dyn FnMut(&'static str, Value<'_>));

    /// Bytes that [`encode`](Self::encode) writes.
    fn encoded_len(&self) -> usize {
        let mut length = Length::default();
        self.encode(&mut length);
        length.0
    }
}

/// Bytes that are not what they claim to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;
