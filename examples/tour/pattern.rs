//! Content that can be made and checked faster than it travels. It repeats after a prime number of bytes, so that no
//! piece of it looks right in another's place.

use sanssh_core::{Random, Seed};

/// The largest prime below 2^20.
const PERIOD: usize = 1_048_573;
/// Bytes that are handed out at a time.
pub(crate) const PIECE: usize = 256 * 1024;

/// The content, from any offset.
#[derive(Debug)]
pub(crate) struct Pattern(Vec<u8>);

impl Pattern {
    pub(crate) fn new() -> Self {
        let mut bytes = vec![0; PERIOD + PIECE];
        let (period, again) = bytes.split_at_mut(PERIOD);
        Random::new(&Seed::new([1; 32])).fill(period);
        again.copy_from_slice(&period[..PIECE]);
        Self(bytes)
    }

    /// Up to `most` bytes of the content, and up to [`PIECE`], from `offset` on.
    pub(crate) fn at(&self, offset: u64, most: u64) -> &[u8] {
        let start = usize::try_from(offset % PERIOD as u64).unwrap_or(0);
        let length = usize::try_from(most).unwrap_or(PIECE).min(PIECE);
        &self.0[start..start + length]
    }

    /// Whether `bytes`, at most [`PIECE`], are the content from `offset` on.
    pub(crate) fn is(&self, bytes: &[u8], offset: u64) -> bool {
        self.at(offset, bytes.len() as u64) == bytes
    }
}

#[cfg(test)]
mod tests {
    use super::{PERIOD, Pattern};

    #[test]
    fn every_place_has_its_own_content() {
        let pattern = Pattern::new();
        let last = PERIOD as u64 - 1;
        assert_eq!(pattern.at(last, 2)[1], pattern.at(0, 1)[0]);
        let piece = pattern.at(1000, 32 * 1024).to_vec();
        assert!(pattern.is(&piece, 1000) && pattern.is(&piece, 1000 + PERIOD as u64));
        assert!(!pattern.is(&piece, 1001) && !pattern.is(&piece, 1000 + 32 * 1024));
    }
}
