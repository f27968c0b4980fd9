//! zlib streams (RFC 1950, RFC 1951) by flate2, cut into payloads as RFC 4253 §6.2 asks: each ends in a partial flush, and
//! the next goes on where it ended.
//!
//! What a stream remembers of payloads, up to 64 KiB, is in flate2's memory and cannot be wiped when it is dropped.

use super::zip::{Corrupt, Deflate, Inflate, Stream};
use alloc::boxed::Box;
use alloc::vec::Vec;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use zeroize::{Zeroize, Zeroizing};

/// Compresses, at the level that everybody uses.
pub struct Deflater(Box<Outgoing>);

struct Outgoing {
    stream: Compress,
    /// Where payloads are composed. Empty but for the time between `space` and `deflate`; as long as the longest yet.
    space: Zeroizing<Vec<u8>>,
}

impl Stream for Deflater {
    fn start() -> Option<Self> {
        let stream = Compress::new(Compression::default(), true);
        Some(Self(Box::new(Outgoing { stream, space: Zeroizing::default() })))
    }
}

impl Deflate for Deflater {
    /// What does not compress is stored, in blocks of at least 16 KiB with 5 bytes before each (RFC 1951 §3.2.4); the
    /// rest is for the stream's header, the flush, and odd bits.
    fn bound(payload: usize) -> usize {
        payload.saturating_add(payload >> 10).saturating_add(64)
    }

    fn space(&mut self, most: usize) -> &mut [u8] {
        let space = &mut self.0.space;
        if space.len() < most {
            // What is moved to a larger place leaves a copy behind.
            space.zeroize();
            space.resize(most, 0);
        }
        space.get_mut(..most).unwrap_or_default()
    }

    fn deflate(&mut self, payload: usize, out: &mut [u8]) -> usize {
        let Outgoing { stream, space } = &mut *self.0;
        let payload = space.get_mut(..payload).unwrap_or_default();
        let (taken, written) = (stream.total_in(), stream.total_out());
        let flushed = stream.compress(payload, out, FlushCompress::Partial);
        let whole = counted(taken, stream.total_in()) == payload.len();
        payload.zeroize();
        let written = counted(written, stream.total_out());
        // Where there is room left, the flush is complete.
        let complete = flushed.is_ok() && whole && written < out.len();
        debug_assert!(complete, "a payload of {} bytes in {}", payload.len(), out.len());
        if complete { written } else { 0 }
    }
}

/// Expands.
pub struct Inflater(Box<Decompress>);

impl Stream for Inflater {
    fn start() -> Option<Self> {
        Some(Self(Box::new(Decompress::new(true))))
    }
}

impl Inflate for Inflater {
    fn inflate(&mut self, mut payload: &[u8], out: &mut [u8]) -> Result<usize, Corrupt> {
        let mut filled = 0;
        loop {
            // One byte more than there may be shows whether there would be more.
            let mut beyond = [0];
            let room = out.get_mut(filled..).filter(|room| !room.is_empty());
            let is_full = room.is_none();
            let (taken, made) = self.piece(payload, room.unwrap_or(&mut beyond))?;
            if is_full && made > 0 {
                return Err(Corrupt);
            }
            payload = payload.get(taken..).unwrap_or_default();
            filled = filled.saturating_add(made);
            let is_done = payload.is_empty() && filled < out.len();
            if is_done || (taken == 0 && made == 0) {
                break;
            }
        }
        if payload.is_empty() { Ok(filled) } else { Err(Corrupt) }
    }
}

impl Inflater {
    /// Expands as much as fits: bytes taken, and bytes made.
    fn piece(&mut self, payload: &[u8], out: &mut [u8]) -> Result<(usize, usize), Corrupt> {
        let stream = &mut *self.0;
        let (taken, made) = (stream.total_in(), stream.total_out());
        match stream.decompress(payload, out, FlushDecompress::Sync) {
            Ok(Status::Ok | Status::BufError) => {
                Ok((counted(taken, stream.total_in()), counted(made, stream.total_out())))
            }
            // The stream lasts as long as its key.
            Ok(Status::StreamEnd) | Err(_) => Err(Corrupt),
        }
    }
}

/// Bytes between two totals of one call.
fn counted(before: u64, after: u64) -> usize {
    usize::try_from(after.saturating_sub(before)).unwrap_or(usize::MAX)
}

impl core::fmt::Debug for Deflater {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Deflater({})", self.0.stream.total_in())
    }
}

impl core::fmt::Debug for Inflater {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Inflater({})", self.0.total_out())
    }
}

#[cfg(test)]
mod tests {
    use super::{Corrupt, Deflate, Deflater, Inflate, Inflater, Stream};
    use crate::seed::{Random, Seed};
    use alloc::vec;
    use alloc::vec::Vec;
    use flate2::{Compress, Compression, FlushCompress};

    fn deflate(stream: &mut Deflater, payload: &[u8]) -> Vec<u8> {
        stream.space(payload.len()).copy_from_slice(payload);
        let mut out = vec![0; Deflater::bound(payload.len())];
        let written = stream.deflate(payload.len(), &mut out);
        out.truncate(written);
        out
    }

    fn inflate(stream: &mut Inflater, payload: &[u8], most: usize) -> Result<Vec<u8>, Corrupt> {
        let mut out = vec![0; most];
        let made = stream.inflate(payload, &mut out)?;
        out.truncate(made);
        Ok(out)
    }

    fn streams() -> (Deflater, Inflater) {
        (Deflater::start().unwrap(), Inflater::start().unwrap())
    }

    /// What zlib makes of these pieces, each ended by its flush.
    fn foreign(pieces: &[(&[u8], FlushCompress)]) -> Vec<u8> {
        let mut stream = Compress::new(Compression::default(), true);
        let mut out = Vec::with_capacity(1024);
        for (piece, flush) in pieces {
            stream.compress_vec(piece, &mut out, *flush).unwrap();
        }
        out
    }

    #[test]
    fn payloads_of_any_length_expand_at_once() {
        let (mut out, mut back) = streams();
        let mut random = Random::new(&Seed::new([1; 32]));
        let edges = [511, 512, 4096, 16_382, 16_383, 16_384, 32_768, 65_535, 65_536, 262_144];
        for length in (1..200).chain(edges) {
            let mut noise = vec![0; length];
            random.fill(&mut noise);
            let text: Vec<u8> = b"the quick brown fox ".iter().cycle().take(length).copied().collect();
            // Every byte of these takes nine bits by the fixed code.
            let high: Vec<u8> = noise.iter().map(|byte| byte | 0x90).collect();
            for payload in [noise, text, high] {
                let sent = deflate(&mut out, &payload);
                assert!(!sent.is_empty() && sent.len() < Deflater::bound(length), "{length} bytes in {}", sent.len());
                assert_eq!(inflate(&mut back, &sent, length).as_deref(), Ok(&payload[..]));
            }
        }
    }

    #[test]
    fn later_payloads_are_compressed_by_earlier_ones() {
        let (mut out, mut back) = streams();
        let payload: Vec<u8> = (0..=255).collect();
        let (first, second) = (deflate(&mut out, &payload), deflate(&mut out, &payload));
        assert!(second.len() * 10 < first.len(), "{} and {} bytes", first.len(), second.len());
        assert_eq!(inflate(&mut back, &second, 256), Err(Corrupt), "nothing can be read out of turn");
    }

    #[test]
    fn a_payload_is_wiped_once_it_is_compressed() {
        let mut stream = Deflater::start().unwrap();
        deflate(&mut stream, b"secret");
        assert_eq!(stream.space(6), [0; 6]);
        stream.space(6).copy_from_slice(b"secret");
        assert_eq!(stream.space(7), [0; 7], "nor is it carried to a larger place");
    }

    #[test]
    fn no_byte_beyond_the_limit_is_made() {
        for length in [1, 2, 1000, 100_000] {
            let sent = deflate(&mut streams().0, &vec![7; length]);
            assert_eq!(inflate(&mut streams().1, &sent, length), Ok(vec![7; length]));
            assert_eq!(inflate(&mut streams().1, &sent, length - 1), Err(Corrupt));
            assert_eq!(inflate(&mut streams().1, &sent, 0), Err(Corrupt));
        }
    }

    #[test]
    fn what_is_no_part_of_a_stream_is_corrupt() {
        let ended = foreign(&[(b"payload", FlushCompress::Finish)]);
        let trailed = [&ended[..], b"more"].concat();
        let mut wrong_sum = ended.clone();
        *wrong_sum.last_mut().unwrap() ^= 1;
        // FDICT in FLG (RFC 1950 §2.2), with the check that fits it, and the dictionary's sum.
        let dictionary = [0x78, 0xbb, 0, 0, 0, 1, 0x03, 0];
        let no_block = [0x78, 0x9c, 0x07];
        for bytes in [&ended[..], &trailed, &wrong_sum, &dictionary, &no_block, b"not zlib at all"] {
            assert_eq!(inflate(&mut streams().1, bytes, 100), Err(Corrupt), "{bytes:?}");
        }
    }

    #[test]
    fn a_flush_alone_makes_nothing() {
        let (_, mut back) = streams();
        let header = foreign(&[(b"", FlushCompress::Sync)]);
        assert_eq!(inflate(&mut back, &header, 100), Ok(vec![]));
        assert_eq!(inflate(&mut back, &[0, 0, 0, 0xff, 0xff], 100), Ok(vec![]));
        assert_eq!(inflate(&mut back, &[], 100), Ok(vec![]));
        assert_eq!(inflate(&mut back, &[], 0), Ok(vec![]));
    }

    #[test]
    fn other_flushes_are_understood() {
        let (_, mut back) = streams();
        let pieces =
            [(&b"one"[..], FlushCompress::Sync), (b"two", FlushCompress::Full), (b"six", FlushCompress::Partial)];
        assert_eq!(inflate(&mut back, &foreign(&pieces), 9).as_deref(), Ok(&b"onetwosix"[..]));
    }
}
