//! Seeded changes to bytes that were sound: what a fuzzer without a view of the code does.

use sanssh_core::Random;

/// Values that lengths and counts go wrong with.
const NUMBERS: [u32; 8] = [0, 1, 5, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0xffff_fff0, 1 << 18];

/// A number below `below`.
///
/// # Panics
/// Never: four bytes are a number.
pub fn pick(random: &mut Random, below: usize) -> usize {
    let drawn = usize::try_from(u32::from_be_bytes(random.array())).expect("a number");
    drawn % below.max(1)
}

/// Changes a few places.
pub fn mutate(random: &mut Random, bytes: &mut Vec<u8>) {
    for _ in 0..=pick(random, 3) {
        let at = pick(random, bytes.len());
        let end = (at + 1 + pick(random, 40)).min(bytes.len());
        match pick(random, 6) {
            0 if at < bytes.len() => bytes[at] ^= 1 << pick(random, 8),
            1 => bytes.truncate(at),
            2 => {
                let again = bytes[at..end].to_vec();
                bytes.splice(at..at, again);
            }
            3 => {
                let noise: [u8; 24] = random.array();
                bytes.splice(at..at, noise[..pick(random, 24)].iter().copied());
            }
            4 => drop(bytes.drain(at..end)),
            _ => {
                let number = NUMBERS[pick(random, NUMBERS.len())].to_be_bytes();
                bytes.iter_mut().skip(at).zip(number).for_each(|(to, from)| *to = from);
            }
        }
    }
}
