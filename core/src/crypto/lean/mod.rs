//! The provider for little flash: one cipher, one hash, one kind of signature, and of key exchanges one or two. What
//! [`Soft`](super::soft::Soft) has besides is not linked, since nothing names it.
//!
//! What the other providers share with it lives here too.

pub(crate) mod chacha;
pub(crate) mod ed25519;
#[cfg(feature = "mlkem")]
pub(crate) mod hybrid;
#[cfg(feature = "mlkem")]
mod ml_kem;
mod x25519;

#[cfg(feature = "mlkem")]
pub use hybrid::Hybrid;
#[cfg(feature = "mlkem")]
pub(crate) use ml_kem::ml_kem_768;
#[cfg(all(feature = "mlkem", feature = "soft", feature = "alloc"))]
pub(crate) use ml_kem::ml_kem_1024;
pub use x25519::X25519;

use super::signature::PublicKey;
use super::{Digest, DirectionKeys, Exchange, Forged, HashValue, Open, Provider, Seal, Shape, zip};
use crate::algorithm::{Cipher, Hash, HostKey, Kex, Mac, Zip};
use chacha::ChaCha;
use core::marker::PhantomData;
use sha2::digest::Digest as _;

/// `chacha20-poly1305@openssh.com`, `ssh-ed25519`, SHA-256, and the key exchanges of `X`: [`X25519`], or with the feature
/// `mlkem` [`Hybrid`], which has ML-KEM beside it and wants 35 KiB of stack.
#[derive(Debug, Clone, Copy)]
pub struct Lean<X = X25519>(PhantomData<X>);

/// Key exchanges that [`Lean`] may have.
pub trait Methods: Exchange + 'static {
    /// Which they are.
    const KEX: &'static [Kex];
}

impl Methods for X25519 {
    const KEX: &'static [Kex] = &[Kex::Curve25519, Kex::Curve25519LibSsh];
}

#[cfg(feature = "mlkem")]
impl Methods for Hybrid {
    const KEX: &'static [Kex] = &[Kex::MlKem768X25519, Kex::Curve25519, Kex::Curve25519LibSsh];
}

impl<X: Methods> Provider for Lean<X> {
    type Digest = Sha256;
    type Seal = Stream;
    type Open = Stream;
    type Exchange = X;
    type Deflate = zip::Absent;
    type Inflate = zip::Absent;

    const KEX: &'static [Kex] = X::KEX;
    const CIPHERS: &'static [Cipher] = &[Cipher::ChaCha20Poly1305];
    const MACS: &'static [Mac] = &[];
    const SIGNATURES: &'static [HostKey] = &[HostKey::Ed25519];
    const ZIPS: &'static [Zip] = &[Zip::None];

    fn seal(cipher: Cipher, _: Option<Mac>, keys: &DirectionKeys) -> Option<Stream> {
        (cipher == Cipher::ChaCha20Poly1305).then(|| Stream(ChaCha::new(&keys.key)))
    }

    fn open(cipher: Cipher, mac: Option<Mac>, keys: &DirectionKeys) -> Option<Stream> {
        Self::seal(cipher, mac, keys)
    }

    fn verify(_: HostKey, key: &PublicKey<'_>, message: &[u8], signature: &[u8]) -> Result<(), Forged> {
        match key {
            PublicKey::Ed25519(key) => ed25519::verify(key, message, signature),
            PublicKey::EcdsaP256(_)
            | PublicKey::EcdsaP384(_)
            | PublicKey::EcdsaP521(_)
            | PublicKey::SkEd25519 { .. }
            | PublicKey::SkEcdsaP256 { .. }
            | PublicKey::Rsa { .. } => Err(Forged),
        }
    }
}

/// One direction of packets under one key.
pub struct Stream(ChaCha);

impl Seal for Stream {
    fn shape(&self) -> Shape {
        chacha::SHAPE
    }

    fn seal(&mut self, sequence: u32, packet: &mut [u8]) {
        let sealed = self.0.seal(sequence, packet);
        debug_assert!(sealed.is_some(), "a packet has a length and room for its tag");
    }
}

impl Open for Stream {
    fn shape(&self) -> Shape {
        chacha::SHAPE
    }

    fn length(&mut self, sequence: u32, head: &mut [u8]) -> u32 {
        self.0.length(sequence, head)
    }

    fn open(&mut self, sequence: u32, packet: &mut [u8]) -> Result<(), Forged> {
        self.0.open(sequence, packet)
    }
}

impl core::fmt::Debug for Stream {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Stream")
    }
}

/// A running SHA-256, cleared when dropped.
#[derive(Clone)]
pub struct Sha256(sha2::Sha256);

impl Digest for Sha256 {
    fn new(hash: Hash) -> Option<Self> {
        (hash == Hash::Sha256).then(Self::sha256)
    }

    fn sha256() -> Self {
        Self(sha2::Sha256::new())
    }

    fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&mut self) -> HashValue {
        HashValue::new(&self.0.finalize_reset())
    }
}

impl core::fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Sha256")
    }
}

#[cfg(all(test, feature = "soft"))]
mod tests {
    use super::{Lean, Methods, Sha256, X25519};
    use crate::algorithm::{Cipher, Hash, HostKey, Kex};
    use crate::crypto::signature::PublicKey;
    use crate::crypto::soft::Soft;
    use crate::crypto::{Digest, DirectionKeys, Exchange, Forged, Open, Provider, Seal};
    use crate::seed::{Random, Seed};

    fn random(seed: u8) -> Random {
        Random::new(&Seed::new([seed; 32]))
    }

    /// One end has each provider.
    fn agree<A: Exchange, B: Exchange>(kex: Kex) {
        let client = A::start(kex, &mut random(1)).unwrap();
        let offer = client.offer();
        let (answer, theirs) = B::respond(kex, &mut random(2), offer.as_ref()).unwrap();
        assert!(B::respond(kex, &mut random(2), &offer.as_ref()[1..]).is_err());
        assert_eq!(client.finish(answer.as_ref()).unwrap().as_bytes(), theirs.as_bytes(), "{kex}");
        let client = A::start(kex, &mut random(1)).unwrap();
        assert!(client.finish(&answer.as_ref()[1..]).is_err());
    }

    fn agrees_with_the_large_one<X: Methods>() {
        for kex in Lean::<X>::KEX {
            agree::<X, <Soft as Provider>::Exchange>(*kex);
            agree::<<Soft as Provider>::Exchange, X>(*kex);
        }
    }

    #[test]
    fn its_exchanges_are_those_of_the_large_provider() {
        agrees_with_the_large_one::<X25519>();
        #[cfg(feature = "mlkem")]
        agrees_with_the_large_one::<super::Hybrid>();
    }

    #[test]
    fn its_packets_are_those_of_the_large_provider() {
        let keys = DirectionKeys { iv: [1; 16], key: [2; 64], mac: [3; 64] };
        let mut packet = [7; 52];
        packet[..4].copy_from_slice(&[0, 0, 0, 32]);
        Lean::<X25519>::seal(Cipher::ChaCha20Poly1305, None, &keys).unwrap().seal(9, &mut packet);
        let mut open = Soft::open(Cipher::ChaCha20Poly1305, None, &keys).unwrap();
        assert_eq!(open.length(9, &mut packet[..4]), 32);
        assert_eq!(open.open(9, &mut packet), Ok(()));
        assert_eq!(packet[4..36], [7; 32]);
    }

    #[test]
    fn what_it_has_not_it_refuses() {
        let keys = DirectionKeys { iv: [1; 16], key: [2; 64], mac: [3; 64] };
        assert!(Lean::<X25519>::seal(Cipher::Aes256Gcm, None, &keys).is_none());
        assert!(Sha256::new(Hash::Sha512).is_none());
        let point = PublicKey::EcdsaP256(&[4; 65]);
        assert_eq!(Lean::<X25519>::verify(HostKey::EcdsaP256, &point, b"", &[1; 64]), Err(Forged));
    }
}
