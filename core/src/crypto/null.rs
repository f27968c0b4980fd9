//! A provider **without any security**: every secret is known, every signature verifies, packets travel in the clear.
//!
//! It is deterministic and costs next to nothing: for tests and fuzzing of everything above the cryptography, and never
//! for a connection that anybody relies on.

use super::group::Group;
use super::signature::PublicKey;
use super::{
    BadShare, Digest, DirectionKeys, Exchange, Forged, HashValue, Open, Provider, Random, Seal, Secret, Shape, Share,
    zip,
};
use crate::algorithm::{Cipher, Hash, HostKey, Kex, Mac, Zip};

/// **No security at all.** Claims every algorithm and does the same nothing for each.
#[derive(Debug, Clone, Copy)]
pub struct Null;

impl Provider for Null {
    type Digest = Mix;
    type Seal = Clear;
    type Open = Clear;
    type Exchange = Sham;
    type Deflate = zip::Deflater;
    type Inflate = zip::Inflater;

    const KEX: &'static [Kex] = Kex::ALL;
    const CIPHERS: &'static [Cipher] = Cipher::ALL;
    const MACS: &'static [Mac] = Mac::ALL;
    const SIGNATURES: &'static [HostKey] = HostKey::ALL;
    const ZIPS: &'static [Zip] = zip::METHODS;

    fn seal(_: Cipher, _: Option<Mac>, _: &DirectionKeys) -> Option<Clear> {
        Some(Clear)
    }

    fn open(_: Cipher, _: Option<Mac>, _: &DirectionKeys) -> Option<Clear> {
        Some(Clear)
    }

    /// Accepts everything.
    fn verify(_: HostKey, _: &PublicKey<'_>, _: &[u8], _: &[u8]) -> Result<(), Forged> {
        Ok(())
    }
}

/// A checksum in place of a hash (FNV-1a of 64 bits, spread over 32 bytes). Collisions are trivial to make.
#[derive(Debug, Clone)]
pub struct Mix(u64);

impl Digest for Mix {
    fn new(_: Hash) -> Option<Self> {
        Some(Self::sha256())
    }

    fn sha256() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    fn update(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    fn finish(&mut self) -> HashValue {
        let mut value = [0; 32];
        for word in value.chunks_exact_mut(8) {
            // The golden ratio, as odd as a step should be; the shifts carry high bits down.
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            word.copy_from_slice(&(mixed ^ (mixed >> 27)).to_be_bytes());
        }
        *self = Self::sha256();
        HashValue::new(&value)
    }
}

/// The tag of every packet.
const TAG: [u8; 16] = *b"no security here";

/// Packets in the clear, with a constant tag.
#[derive(Debug, Clone, Copy)]
pub struct Clear;

const SHAPE: Shape = Shape { block: 8, length_padded: false, tag: TAG.len(), head: 4, oracle: false };

impl Seal for Clear {
    fn shape(&self) -> Shape {
        SHAPE
    }

    fn seal(&mut self, _: u32, packet: &mut [u8]) {
        if let Some(tag) = packet.last_chunk_mut() {
            *tag = TAG;
        }
    }
}

impl Open for Clear {
    fn shape(&self) -> Shape {
        SHAPE
    }

    fn length(&mut self, _: u32, head: &mut [u8]) -> u32 {
        head.first_chunk().map_or(u32::MAX, |length| u32::from_be_bytes(*length))
    }

    fn open(&mut self, _: u32, packet: &mut [u8]) -> Result<(), Forged> {
        if packet.ends_with(&TAG) { Ok(()) } else { Err(Forged) }
    }
}

/// Bytes of a share.
const SHARE: usize = 32;

/// A key exchange whose secret everybody knows; its shares are random and unused.
#[derive(Debug, Clone)]
pub struct Sham([u8; SHARE]);

impl Exchange for Sham {
    type Share = Share;

    fn start(_: Kex, random: &mut Random) -> Option<Self> {
        Some(Self(random.array()))
    }

    fn offer(&self) -> Share {
        self.0.into_iter().collect()
    }

    fn finish(self, answer: &[u8]) -> Result<Secret, BadShare> {
        if answer.len() == SHARE { Ok(Secret::mpint(&[1; 32])) } else { Err(BadShare) }
    }

    fn respond(_: Kex, random: &mut Random, offer: &[u8]) -> Result<(Share, Secret), BadShare> {
        let ours = Self(random.array());
        Ok((ours.offer(), ours.finish(offer)?))
    }

    fn start_in(_: &Group, random: &mut Random) -> Option<Self> {
        Some(Self(random.array()))
    }

    fn respond_in(_: &Group, random: &mut Random, offer: &[u8]) -> Result<(Share, Secret), BadShare> {
        Self::respond(Kex::GroupExchangeSha256, random, offer)
    }
}

#[cfg(test)]
mod tests {
    use super::{Clear, Mix, Sham};
    use crate::algorithm::Kex;
    use crate::crypto::{BadShare, Digest, Exchange, Forged, HashValue, Open, Seal};
    use crate::seed::{Random, Seed};

    fn mix(bytes: &[u8]) -> HashValue {
        let mut digest = Mix::sha256();
        digest.update(bytes);
        digest.finish()
    }

    #[test]
    fn a_mix_differs_where_its_input_does() {
        assert_eq!(mix(b"one").as_bytes().len(), 32);
        assert_eq!(mix(b"one"), mix(b"one"));
        assert_ne!(mix(b"one"), mix(b"two"));
        assert_ne!(mix(b"one").as_bytes()[..16], mix(b"one").as_bytes()[16..]);
    }

    #[test]
    fn packets_pass_in_the_clear_and_a_wrong_tag_does_not() {
        let mut packet = [3; 40];
        Clear.seal(0, &mut packet);
        assert_eq!(packet[..24], [3; 24]);
        assert_eq!(Clear.open(0, &mut packet), Ok(()));
        packet[39] ^= 1;
        assert_eq!(Clear.open(0, &mut packet), Err(Forged));
    }

    #[test]
    fn both_sides_get_the_same_secret_that_is_none() {
        let random = &mut Random::new(&Seed::new([1; 32]));
        let client = Sham::start(Kex::Curve25519, random).unwrap();
        assert_eq!(client.offer(), client.offer());
        let (answer, theirs) = Sham::respond(Kex::Curve25519, random, &client.offer()).unwrap();
        let ours = client.finish(&answer).unwrap();
        assert_eq!(ours.bytes, theirs.bytes);
        assert_eq!(Sham::respond(Kex::Curve25519, random, &[0; 31]).unwrap_err(), BadShare);
    }
}
