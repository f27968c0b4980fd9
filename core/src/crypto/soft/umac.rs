//! UMAC (RFC 4418) as SSH uses it (draft-miller-secsh-umac): three hashes one into the other, NH over blocks of 1024
//! bytes, a polynomial over what those come to, an inner product; and AES over the nonce to hide the last.
//!
//! All of it once for each word of the tag, with keys of its own. What the time depends on is the length alone.

use aes::Aes128Enc;
use aes::cipher::{BlockCipherEncrypt, KeyInit};
use subtle::{ConditionallySelectable, ConstantTimeGreater};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Longest text, in bytes: above it a polynomial over a larger field would be due (§5.3), which no packet needs.
const LONGEST: usize = 1 << 24;

/// Bytes of a block of NH.
const BLOCK: usize = 1024;
/// Bytes that NH takes at a time.
const STRIDE: usize = 32;
/// Most words of a tag.
const MOST: usize = 4;
/// Quads of NH's keys: a block's, which each further word of the tag sees from one quad later on (§5.2).
const QUADS: usize = BLOCK / 16 + MOST - 1;

/// What the polynomial is taken modulo, and what that lacks to 2^64.
const PRIME_64: u64 = u64::MAX - OFFSET + 1;
const OFFSET: u64 = 59;
/// From here on a word goes into the polynomial in two steps.
const WIDE: u64 = u64::MAX << 32;
/// What the key of the polynomial may have.
const NARROW: u64 = 0x01ff_ffff_01ff_ffff;
/// What the inner product is taken modulo: 2^36 - 5.
const PRIME_36: u64 = (1 << 36) - 5;

/// A keyed UMAC with a tag of `N` words of four bytes.
pub(crate) struct Umac<const N: usize> {
    pad: Aes128Enc,
    keys: Keys<N>,
}

/// What the hashes are keyed with.
#[derive(Zeroize, ZeroizeOnDrop)]
struct Keys<const N: usize> {
    nh: [[u32; 4]; QUADS],
    polynomial: [u64; N],
    product: [[u64; 4]; N],
    mask: [u32; N],
}

impl<const N: usize> Umac<N> {
    /// Keyed as §3.2 says.
    pub(super) fn new(key: &[u8; 16]) -> Self {
        let cipher = Aes128Enc::new(key.into());
        let pad: Zeroizing<[u8; 16]> = derive(&cipher, 0);
        let nh: Zeroizing<[u8; 16 * QUADS]> = derive(&cipher, 1);
        let polynomial: Zeroizing<[u8; 24 * MOST]> = derive(&cipher, 2);
        let product: Zeroizing<[u8; 64 * MOST]> = derive(&cipher, 3);
        let mask: Zeroizing<[u8; 4 * MOST]> = derive(&cipher, 4);
        let mut keys = Keys { nh: [[0; 4]; QUADS], polynomial: [0; N], product: [[0; 4]; N], mask: [0; N] };
        fill(keys.nh.as_flattened_mut(), &*nh, u32::from_be_bytes);
        fill(&mut keys.mask, &*mask, u32::from_be_bytes);
        for (to, from) in keys.polynomial.iter_mut().zip(polynomial.chunks_exact(24)) {
            fill(core::slice::from_mut(to), from, |word| u64::from_be_bytes(word) & NARROW);
        }
        // The other half of the inner product's keys would meet what is always zero in texts that are not too long.
        for (to, from) in keys.product.iter_mut().zip(product.chunks_exact(64)) {
            fill(to, &from[32..], |word| modulo_36(u64::from_be_bytes(word)));
        }
        Self { pad: Aes128Enc::new((&*pad).into()), keys }
    }

    /// The tag of a nonce, never used before, and a text of at most [`LONGEST`] bytes.
    pub(super) fn tag(&self, nonce: u64, text: &[u8]) -> [[u8; 4]; N] {
        debug_assert!(text.len() <= LONGEST);
        let mut tag = self.pad(nonce);
        for (word, hash) in tag.iter_mut().zip(self.keys.hash(text)) {
            *word = (u32::from_be_bytes(*word) ^ hash).to_be_bytes();
        }
        tag
    }

    /// What hides a hash (§3.3.1): tags of up to 8 bytes take their part of a block, whose others belong to the nonces
    /// beside it.
    fn pad(&self, nonce: u64) -> [[u8; 4]; N] {
        let parts = if N <= 2 { MOST / N } else { 1 };
        let part = (nonce % parts as u64) as usize;
        let mut block = [0; 16];
        block[..8].copy_from_slice(&(nonce - part as u64).to_be_bytes());
        self.pad.encrypt_block((&mut block).into());
        let (words, _) = block.as_chunks();
        let mut pad = [[0; 4]; N];
        pad.copy_from_slice(&words[part * N..][..N]);
        pad
    }
}

impl<const N: usize> Keys<N> {
    fn hash(&self, text: &[u8]) -> [u32; N] {
        let mut sums = if text.len() <= BLOCK { self.nh(text) } else { self.polynomial(text) };
        for (at, sum) in sums.iter_mut().enumerate() {
            *sum = self.product(at, *sum);
        }
        let mut words = sums.map(|sum| sum as u32);
        words.iter_mut().zip(self.mask).for_each(|(word, mask)| *word ^= mask);
        words
    }

    /// §5.2.2, for every word of the tag at once: the text is read only once.
    fn nh(&self, block: &[u8]) -> [u64; N] {
        let mut sums = [[0; 4]; N];
        let (strides, rest) = block.as_chunks::<STRIDE>();
        let keys = self.nh.windows(N + 1).step_by(2);
        for (stride, keys) in strides.iter().zip(keys) {
            multiply(&mut sums, stride, keys);
        }
        if !rest.is_empty() || block.is_empty() {
            let mut last = [0; STRIDE];
            last[..rest.len()].copy_from_slice(rest);
            multiply(&mut sums, &last, &self.nh[2 * strides.len()..]);
        }
        let bits = 8 * block.len() as u64;
        sums.map(|lanes| lanes.into_iter().fold(bits, u64::wrapping_add))
    }

    /// §5.3 over what the blocks come to.
    fn polynomial(&self, text: &[u8]) -> [u64; N] {
        let mut sums = [1; N];
        for block in text.chunks(BLOCK) {
            let words = self.nh(block);
            for ((sum, key), word) in sums.iter_mut().zip(self.polynomial).zip(words) {
                *sum = step(key, *sum, word);
            }
        }
        sums.map(|sum| u64::conditional_select(&sum, &sum.wrapping_sub(PRIME_64), !PRIME_64.ct_gt(&sum)))
    }

    /// §5.4, for words whose upper half is zero, up to its mask.
    fn product(&self, at: usize, word: u64) -> u64 {
        let parts = [48, 32, 16, 0].map(|shift| word >> shift & 0xffff);
        modulo_36(parts.iter().zip(self.product[at]).map(|(part, key)| part * key).sum())
    }
}

/// What §3.2.1 derives under an index.
fn derive<const L: usize>(cipher: &Aes128Enc, index: u8) -> Zeroizing<[u8; L]> {
    let mut bytes = Zeroizing::new([0; L]);
    for (block, counter) in bytes.chunks_mut(16).zip(1..) {
        let mut value = [0; 16];
        (value[7], value[15]) = (index, counter);
        cipher.encrypt_block((&mut value).into());
        block.copy_from_slice(&value[..block.len()]);
        value.zeroize();
    }
    bytes
}

/// Reads words one after another.
fn fill<T, const L: usize>(words: &mut [T], bytes: &[u8], read: impl Fn([u8; L]) -> T) {
    words.iter_mut().zip(bytes.as_chunks().0).for_each(|(word, bytes)| *word = read(*bytes));
}

/// Adds a stride of text, little-endian, to the keys and the products of its halves to the sums.
#[inline(always)]
fn multiply<const N: usize>(sums: &mut [[u64; 4]; N], stride: &[u8; STRIDE], keys: &[[u32; 4]]) {
    let mut words = [[0; 4]; 2];
    fill(words.as_flattened_mut(), stride, u32::from_le_bytes);
    let [low, high] = words;
    for (sum, keys) in sums.iter_mut().zip(keys.array_windows::<2>()) {
        for lane in 0..4 {
            let low = u64::from(low[lane].wrapping_add(keys[0][lane]));
            let high = u64::from(high[lane].wrapping_add(keys[1][lane]));
            sum[lane] = sum[lane].wrapping_add(low * high);
        }
    }
}

/// One word into a polynomial modulo the prime of 64 bits; those that might be no residue take a marker along (§5.3.1).
fn step(key: u64, sum: u64, word: u64) -> u64 {
    let wide = !WIDE.ct_gt(&word);
    let marked = multiply_add(key, multiply_add(key, sum, PRIME_64 - 1), word.wrapping_sub(OFFSET));
    u64::conditional_select(&multiply_add(key, sum, word), &marked, wide)
}

/// `key * sum + word` up to a multiple of the prime, for keys below 2^57.
fn multiply_add(key: u64, sum: u64, word: u64) -> u64 {
    let fold = |value: u128| (value >> 64) * u128::from(OFFSET) + u128::from(value as u64);
    let value = u128::from(key) * u128::from(sum) + u128::from(word);
    fold(fold(value)) as u64
}

/// The residue of a number of up to 64 bits.
fn modulo_36(value: u64) -> u64 {
    let folded = (value & ((1 << 36) - 1)) + 5 * (value >> 36);
    u64::conditional_select(&folded, &folded.wrapping_sub(PRIME_36), !PRIME_36.ct_gt(&folded))
}

#[cfg(test)]
mod tests {
    use super::{OFFSET, PRIME_36, PRIME_64, Umac, WIDE, modulo_36, step};
    use crate::crypto::hex;
    use alloc::vec::Vec;

    fn tag<const N: usize>(text: &[u8]) -> Vec<u8> {
        let keyed = Umac::<N>::new(b"abcdefghijklmnop");
        keyed.tag(u64::from_be_bytes(*b"bcdefghi"), text).as_flattened().to_vec()
    }

    /// RFC 4418's appendix, but for its last text: that is longer than packets are, and its tags are known to be wrong.
    /// The fourth word of the longest tags is not from there.
    #[test]
    fn tags_of_the_rfc() {
        let rows: [(&[u8], usize, &str, &str, &str); 7] = [
            (b"", 0, "113145FB", "6E155FAD26900BE1", "32FEDB100C79AD58F07FF7643CC60465"),
            (b"a", 3, "3B91D102", "44B5CB542F220104", "185E4FE905CBA7BD85E4C2DC3D117D8D"),
            (b"a", 1 << 10, "599B350B", "26BF2F5D60118BD9", "7A54ABE04AF82D60FB298C3CBD195BCB"),
            (b"a", 1 << 15, "58DCF532", "27F8EF643B0D118D", "7B136BD911E4B734286EF2BE501F2C3C"),
            (b"a", 1 << 20, "DB6364D1", "A4477E87E9F55853", "F8ACFA3AC31CFEEA047F7B115B03BEF5"),
            (b"abc", 1, "ABF3A3A0", "D4D7B9F6BD4FBFCF", "883C3D4B97A61976FFCF232308CBA5A5"),
            (b"abc", 500, "ABEB3C8B", "D4CF26DDEFD5C01A", "8824A260C53C66A36C9260A62CB83AA1"),
        ];
        for (text, times, short, middle, long) in rows {
            let text = text.repeat(times);
            assert_eq!(tag::<1>(&text), hex(short));
            assert_eq!(tag::<2>(&text), hex(middle));
            assert_eq!(tag::<3>(&text), hex(long)[..12]);
            assert_eq!(tag::<4>(&text), hex(long));
        }
    }

    /// The tags of texts of every length up to more than two blocks, each under the next nonce, added up.
    fn sum<const N: usize>() -> [[u8; 4]; N] {
        let text: Vec<u8> = (0..2100_u32).map(|at| (at * at * 7 + at / 3) as u8).collect();
        let keyed = Umac::<N>::new(&core::array::from_fn(|at| at as u8));
        let mut sum = [[0; 4]; N];
        for length in 0..=text.len() {
            let tag = keyed.tag(length as u64, &text[..length]);
            sum.as_flattened_mut().iter_mut().zip(tag.as_flattened()).for_each(|(sum, byte)| *sum ^= byte);
        }
        sum
    }

    /// The sums are those of another implementation, which follows the RFC's text to the letter.
    #[test]
    fn every_length_and_nonce() {
        assert_eq!(sum::<2>().as_flattened(), hex("5e871658c552c36e"));
        assert_eq!(sum::<4>().as_flattened(), hex("de1cbb81d4ff100b25e4aa822c02523f"));
    }

    #[test]
    fn arithmetic_is_modulo_the_primes() {
        let samples =
            [0, 1, 2, OFFSET, PRIME_36, WIDE >> 1, WIDE - 1, WIDE, WIDE + 1, PRIME_64 - 1, PRIME_64, u64::MAX];
        let residue = |key: u64, sum: u64, word: u64| {
            ((u128::from(key) * u128::from(sum) + u128::from(word)) % u128::from(PRIME_64)) as u64
        };
        for word in samples {
            assert_eq!(modulo_36(word), word % PRIME_36);
            for key in [0, 1, 0x0123_4567_0012_3456, super::NARROW] {
                for sum in samples {
                    let expected = match word.checked_sub(WIDE) {
                        None => residue(key, sum, word),
                        Some(_) => residue(key, residue(key, sum, PRIME_64 - 1), word - OFFSET),
                    };
                    assert_eq!(step(key, sum, word) % PRIME_64, expected, "{key:x} {sum:x} {word:x}");
                }
            }
        }
    }
}
