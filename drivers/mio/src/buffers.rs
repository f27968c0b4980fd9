//! The memory that all links of a thread share: each has it for its turn, and keeps for itself only what is left over.

use sanssh_core::algorithm::Zip;
use sanssh_core::config::PACKET_OVERHEAD;
use sanssh_core::{Config, MIN_OUTPUT};
use zeroize::Zeroize;

/// What one turn reads at most, and about what it writes, unless said otherwise.
const TURN: usize = 128 * 1024;

/// Space to read into, to expand compressed payloads in, and to write from. One is enough for any number of links.
pub struct Buffers {
    turn: usize,
    pub(crate) input: Vec<u8>,
    pub(crate) inflate: Vec<u8>,
    pub(crate) output: Vec<u8>,
    /// How much of the front of input and inflate may hold a password.
    pub(crate) secret: (usize, usize),
}

impl Buffers {
    /// For turns that read, and write, so many bytes at most; no fewer than a key exchange takes. They grow by what
    /// links may have to take at a time.
    #[must_use]
    pub fn new(turn: usize) -> Self {
        let turn = turn.max(2 * MIN_OUTPUT);
        Self { turn, input: Vec::new(), inflate: Vec::new(), output: vec![0; turn], secret: (0, 0) }
    }

    /// What one turn reads at most.
    pub(crate) const fn turn(&self) -> usize {
        self.turn
    }

    /// Makes room for the largest packet of such a connection, of which `held` bytes are there already.
    pub(crate) fn fit(&mut self, config: &Config, held: usize) {
        let packet = config.max_packet as usize;
        let needed = held.max(packet + PACKET_OVERHEAD + self.turn);
        if self.input.len() < needed {
            self.scrub();
            self.input.resize(needed, 0);
        }
        if config.preferences.zips.iter().any(|zip| *zip != Zip::None) && self.inflate.len() < packet {
            self.scrub();
            self.inflate.resize(packet, 0);
        }
    }

    /// Overwrites what may be a password. Each turn begins with it; a loop that goes to sleep wants it, too.
    pub fn scrub(&mut self) {
        let (input, inflate) = core::mem::take(&mut self.secret);
        for (bytes, dirty) in [(&mut self.input, input), (&mut self.inflate, inflate)] {
            if let Some(dirty) = bytes.get_mut(..dirty) {
                dirty.zeroize();
            }
        }
    }
}

impl Default for Buffers {
    /// Turns of 128 KiB.
    fn default() -> Self {
        Self::new(TURN)
    }
}

impl Drop for Buffers {
    fn drop(&mut self) {
        self.scrub();
    }
}

impl core::fmt::Debug for Buffers {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Buffers").field("turn", &self.turn).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_a_password_is_overwritten() {
        let mut core = Config::default();
        core.preferences.zips = [Zip::ZlibDelayed].into_iter().collect();
        let mut buffers = Buffers::new(0);
        buffers.fit(&core, 0);
        buffers.input[..8].copy_from_slice(b"password");
        buffers.inflate[..8].copy_from_slice(b"password");
        buffers.secret = (4, 8);
        buffers.scrub();
        assert_eq!((&buffers.input[..8], &buffers.inflate[..8]), (&b"\0\0\0\0word"[..], &[0; 8][..]));
        // What grows is moved, and does not leave the old place as it was.
        buffers.secret = (8, 0);
        buffers.fit(&core, 1 << 20);
        assert_eq!((&buffers.input[..8], buffers.input.len()), (&[0; 8][..], 1 << 20));
    }

    #[test]
    fn the_largest_packet_and_a_turn_fit() {
        let core = Config { max_packet: 35_000, ..Config::default() };
        let mut buffers = Buffers::new(10_000);
        buffers.fit(&core, 100);
        assert_eq!(buffers.input.len(), 35_000 + PACKET_OVERHEAD + 10_000);
        assert!(buffers.inflate.is_empty());
    }
}
