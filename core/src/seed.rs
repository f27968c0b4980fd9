//! Randomness as an input: a 32-byte seed, and the generator grown from it.
//!
//! The generator replaces its own key at each refill ("fast key erasure"), so what it gave before cannot be computed
//! from its memory.

use chacha20::ChaCha20;
use chacha20::cipher::{KeyIvInit, StreamCipher};
#[cfg(feature = "alloc")]
use core::convert::Infallible;
#[cfg(feature = "alloc")]
use crypto_bigint::rand_core::{TryCryptoRng, TryRng};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// 32 bytes from a true source of entropy. Whoever knows it knows every secret of the connection.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Seed(pub(crate) [u8; 32]);

impl Seed {
    /// A seed from bytes that nobody can guess.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl core::fmt::Debug for Seed {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Seed(32)")
    }
}

const KEY: usize = 32;
const POOL: usize = 192;

/// A deterministic generator: the same seed and the same requests give the same bytes.
#[derive(ZeroizeOnDrop)]
pub struct Random {
    /// The next key, then output not handed out yet.
    pool: [u8; POOL],
    used: usize,
}

impl Random {
    /// Grows a generator from a seed.
    pub fn new(seed: &Seed) -> Self {
        let mut pool = [0; POOL];
        pool[..KEY].copy_from_slice(&seed.0);
        let mut random = Self { pool, used: POOL };
        random.refill();
        random
    }

    /// Fills `out`.
    pub fn fill(&mut self, mut out: &mut [u8]) {
        while !out.is_empty() {
            if self.used == POOL {
                self.refill();
            }
            let n = out.len().min(POOL.saturating_sub(self.used));
            let (now, later) = out.split_at_mut(n);
            let fresh = &mut self.pool[self.used..self.used.saturating_add(n)];
            now.copy_from_slice(fresh);
            fresh.zeroize();
            self.used = self.used.saturating_add(n);
            out = later;
        }
    }

    /// `N` bytes.
    pub fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut out = [0; N];
        self.fill(&mut out);
        out
    }

    /// Mixes in another seed; what was left of the old output is dropped.
    pub fn reseed(&mut self, seed: &Seed) {
        self.refill();
        for (ours, theirs) in self.pool.iter_mut().zip(seed.0) {
            *ours ^= theirs;
        }
        self.refill();
    }

    fn refill(&mut self) {
        let mut key = [0; KEY];
        key.copy_from_slice(&self.pool[..KEY]);
        // The key serves for one refill only, so the nonce need not differ.
        let mut stream = ChaCha20::new(&key.into(), &[0; 12].into());
        self.pool.zeroize();
        stream.apply_keystream(&mut self.pool);
        key.zeroize();
        self.used = KEY;
    }
}

impl core::fmt::Debug for Random {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Random")
    }
}

/// [`Random`] as libraries want it.
#[cfg(feature = "alloc")]
pub(crate) struct Draw<'a>(pub(crate) &'a mut Random);

#[cfg(feature = "alloc")]
impl TryRng for Draw<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::from_le_bytes(self.0.array()))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64::from_le_bytes(self.0.array()))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill(bytes);
        Ok(())
    }
}

#[cfg(feature = "alloc")]
impl TryCryptoRng for Draw<'_> {}

#[cfg(test)]
mod tests {
    use super::{Random, Seed};

    #[test]
    fn requests_of_any_size_give_one_stream() {
        let mut whole = [0; 1000];
        Random::new(&Seed::new([7; 32])).fill(&mut whole);
        let mut pieces = [0; 1000];
        let mut random = Random::new(&Seed::new([7; 32]));
        for piece in pieces.chunks_mut(13) {
            random.fill(piece);
        }
        assert_eq!(whole, pieces);
    }

    #[test]
    fn a_reseed_changes_what_follows() {
        let mut one = Random::new(&Seed::new([7; 32]));
        let mut two = Random::new(&Seed::new([7; 32]));
        two.reseed(&Seed::new([8; 32]));
        assert_ne!(one.array::<32>(), two.array::<32>());
    }
}
