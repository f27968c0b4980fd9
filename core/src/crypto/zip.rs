//! Compression of payloads as the protocol sees it (RFC 4253 §6.2): two traits, and what stands for both in a build that
//! has none.

#[cfg(feature = "zlib")]
pub use super::zlib::{Deflater, Inflater};
use crate::algorithm::Zip;

/// One direction of compressed payloads under one key. Everything before is what later payloads are compressed by.
pub trait Stream: Sized {
    /// A stream at its beginning; `None` if the provider has no compression.
    fn start() -> Option<Self>;
}

/// Compresses outgoing payloads.
pub trait Deflate: Stream {
    /// Most bytes that a payload of so many is compressed to. Grows with them.
    fn bound(payload: usize) -> usize;

    /// Memory of the stream's own in which a payload of at most `most` bytes is composed.
    fn space(&mut self, most: usize) -> &mut [u8];

    /// Compresses the first `payload` bytes of that memory into `out`, which has room for their
    /// [`bound`](Self::bound), so that the peer can expand them at once. Returns how many bytes. 0, if the stream is
    /// broken: a payload of no bytes ends the connection at the peer, and none is lost unseen.
    fn deflate(&mut self, payload: usize, out: &mut [u8]) -> usize;
}

/// Expands incoming payloads.
pub trait Inflate: Stream {
    /// Expands one payload into `out`; returns how many bytes.
    ///
    /// # Errors
    /// [`Corrupt`]: the payload is not what comes next in the stream, ends the stream, or does not fit into `out`.
    fn inflate(&mut self, payload: &[u8], out: &mut [u8]) -> Result<usize, Corrupt>;
}

/// A compressed payload that cannot be expanded, or to more than the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Corrupt;

/// No compression: no value of it exists, and a place for one takes no room.
#[derive(Debug, Clone, Copy)]
pub enum Absent {}

impl Stream for Absent {
    fn start() -> Option<Self> {
        None
    }
}

impl Deflate for Absent {
    fn bound(payload: usize) -> usize {
        payload
    }

    fn space(&mut self, _: usize) -> &mut [u8] {
        match *self {}
    }

    fn deflate(&mut self, _: usize, _: &mut [u8]) -> usize {
        match *self {}
    }
}

impl Inflate for Absent {
    fn inflate(&mut self, _: &[u8], _: &mut [u8]) -> Result<usize, Corrupt> {
        match *self {}
    }
}

/// What compresses in this build.
#[cfg(not(feature = "zlib"))]
pub type Deflater = Absent;

/// What expands in this build.
#[cfg(not(feature = "zlib"))]
pub type Inflater = Absent;

/// What the providers here have of compression.
pub(crate) const METHODS: &[Zip] = if cfg!(feature = "zlib") { Zip::ALL } else { &[Zip::None] };
