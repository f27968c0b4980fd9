//! What the protocol needs of cryptography, as traits; who provides it is a type parameter of the connection.
//!
//! - [`Fast`](fast::Fast): ring where it is quicker, pure Rust for the rest; hosts.
//! - [`Soft`](soft::Soft): pure Rust throughout, and an allocator only for what hosts want; any target.
//! - [`Lean`](lean::Lean): the few of its algorithms that one end of each kind needs; microcontrollers.
//! - [`Null`](null::Null): no security at all; tests and fuzzing.
//!
//! Primitives come from libraries. Here they are put together as SSH wants them: [`schedule`] derives the keys,
//! [`signature`] reads keys and signatures off the wire before a provider verifies them, [`certificate`] what authorities
//! say of keys, [`group`] has the groups of Diffie-Hellman, and [`zip`] says what compression is.

pub mod certificate;
#[cfg(feature = "ring")]
pub mod fast;
#[cfg_attr(not(feature = "alloc"), path = "no_group.rs")]
pub mod group;
#[cfg(any(feature = "mlkem", feature = "sntrup"))]
mod kem;
#[cfg(feature = "lean")]
pub mod lean;
pub mod null;
pub mod schedule;
pub mod signature;
#[cfg(feature = "soft")]
pub mod soft;
pub mod zip;
#[cfg(feature = "zlib")]
mod zlib;

use crate::algorithm::{Cipher, Hash, HostKey, Kex, Mac, Zip};
use crate::seed::Random;
use crate::wire::Sink;
use group::Group;
use signature::PublicKey;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// A closed set of implementations, chosen by type. Stateless; everything it makes is a value.
pub trait Provider: 'static {
    /// The running hash of a key exchange.
    type Digest: Digest;
    /// One direction of outgoing packets under one key.
    type Seal: Seal;
    /// One direction of incoming packets under one key.
    type Open: Open;
    /// A client's side of a key exchange between its offer and the answer.
    type Exchange: Exchange;
    /// Compression of outgoing payloads; [`Absent`](zip::Absent) where there is none.
    type Deflate: zip::Deflate;
    /// Expansion of incoming payloads; [`Absent`](zip::Absent) where there is none.
    type Inflate: zip::Inflate;

    /// Key exchanges it can do.
    const KEX: &'static [Kex];
    /// Ciphers it has.
    const CIPHERS: &'static [Cipher];
    /// MACs it has.
    const MACS: &'static [Mac];
    /// Signatures it can verify.
    const SIGNATURES: &'static [HostKey];
    /// Compression methods it has, `none` among them.
    const ZIPS: &'static [Zip];

    /// Keys a cipher for sending, with a MAC unless it authenticates by itself; `None` if one of them is missing.
    fn seal(cipher: Cipher, mac: Option<Mac>, keys: &DirectionKeys) -> Option<Self::Seal>;

    /// Keys a cipher for receiving, likewise.
    fn open(cipher: Cipher, mac: Option<Mac>, keys: &DirectionKeys) -> Option<Self::Open>;

    /// Verifies a signature by a bare key, given as raw bytes: 64 for Ed25519, `r` and `s` of 32, 48 or 66 bytes each for
    /// ECDSA, and for RSA up to the length of the modulus.
    fn verify(algorithm: HostKey, key: &PublicKey<'_>, message: &[u8], signature: &[u8]) -> Result<(), Forged>;
}

/// A running hash.
pub trait Digest: Clone {
    /// Starts a hash; `None` if the provider lacks it, which it does only where no key exchange of its needs it.
    fn new(hash: Hash) -> Option<Self>;
    /// Starts SHA-256, which every provider has.
    fn sha256() -> Self;
    /// Adds bytes.
    fn update(&mut self, bytes: &[u8]);
    /// Ends it, and starts it anew.
    fn finish(&mut self) -> HashValue;
}

/// Shape of packets under a key, the same for both directions (RFC 4253 §6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// What the padded part is a multiple of.
    pub block: usize,
    /// Whether the length field counts as padded part: it does unless it is sent apart (AEAD and EtM).
    pub length_padded: bool,
    /// Bytes of MAC or tag behind the padding.
    pub tag: usize,
    /// Bytes from which the length can be read: 4, or a block if the first block has to be decrypted for it.
    pub head: usize,
    /// Whether the place of a failure would tell something of any block that an attacker moves to the front: CBC with a
    /// MAC over the plain packet (CVE-2008-5161). All failures must then look like one.
    pub oracle: bool,
}

/// Protects outgoing packets.
pub trait Seal {
    /// The shape of packets.
    fn shape(&self) -> Shape;

    /// Encrypts and authenticates `packet` in place: length field, padding length, payload, padding, and
    /// [`Shape::tag`] bytes of room at the end.
    fn seal(&mut self, sequence: u32, packet: &mut [u8]);
}

/// Opens incoming packets.
pub trait Open {
    /// The shape of packets.
    fn shape(&self) -> Shape;

    /// The packet length that [`Shape::head`] bytes announce. Called once a packet, in order; may decrypt `head` in
    /// place. The length is not authenticated yet.
    fn length(&mut self, sequence: u32, head: &mut [u8]) -> u32;

    /// Checks and decrypts `packet` in place, from the length field (as [`length`](Self::length) left it) to the tag.
    /// When it fails, `packet` holds no plaintext.
    fn open(&mut self, sequence: u32, packet: &mut [u8]) -> Result<(), Forged>;
}

/// The longest public share. It is part of a connection's size, so it is no longer than the features make it: ML-KEM-1024
/// with P-384, ML-KEM-768 with X25519, Streamlined NTRU Prime with X25519, a number of 8192 bits, or a point on P-256.
pub const MAX_SHARE: usize = match (cfg!(feature = "mlkem"), cfg!(feature = "alloc")) {
    (true, true) => 1568 + 97,
    (true, false) => 1184 + 32,
    (false, true) if cfg!(feature = "sntrup") => 1158 + 32,
    (false, true) => 1025,
    (false, false) => 65,
};

/// A public share of any key exchange that the features bring.
pub type Share = heapless::Vec<u8, MAX_SHARE>;

/// The arithmetic of key exchanges.
pub trait Exchange: Sized {
    /// A public share, as it stands in the message: [`Share`], or less where no method needs that.
    type Share: AsRef<[u8]>;

    /// Draws a client's ephemeral key; `None` if the provider lacks the method.
    fn start(kex: Kex, random: &mut Random) -> Option<Self>;

    /// The client's share (`Q_C`), the same at each call.
    fn offer(&self) -> Self::Share;

    /// The client's end: the secret, from the server's share (`Q_S`).
    fn finish(self, answer: &[u8]) -> Result<Secret, BadShare>;

    /// The server's whole part: its share (`Q_S`) and the secret, from the client's share.
    fn respond(kex: Kex, random: &mut Random, offer: &[u8]) -> Result<(Self::Share, Secret), BadShare>;

    /// [`start`](Self::start) in a group that the server chose.
    fn start_in(group: &Group, random: &mut Random) -> Option<Self>;

    /// [`respond`](Self::respond) in a group that the server chose.
    fn respond_in(group: &Group, random: &mut Random, offer: &[u8]) -> Result<(Self::Share, Secret), BadShare>;
}

/// A public share that is no valid share: wrong length, not on the curve, or leading to a trivial secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadShare;

/// Bytes that fail their integrity check, or a signature that does not verify.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forged;

/// The value of a finished hash.
#[derive(Clone, Copy, PartialEq, Eq, Zeroize)]
pub struct HashValue {
    bytes: [u8; 64],
    len: u8,
}

impl HashValue {
    /// A value of up to 64 bytes; what exceeds them is cut.
    pub fn new(value: &[u8]) -> Self {
        let value = value.get(..64).unwrap_or(value);
        let mut bytes = [0; 64];
        bytes.iter_mut().zip(value).for_each(|(to, from)| *to = *from);
        Self { bytes, len: u8::try_from(value.len()).unwrap_or(64) }
    }

    /// The value.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }
}

impl core::fmt::Debug for HashValue {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "HashValue({})", self.len)
    }
}

/// The longest shared secret: a number of 8192 bits, or what P-256 and X25519 come to.
const MAX_SECRET: usize = if cfg!(feature = "alloc") { 1024 } else { 32 };

/// A shared secret `K`, and in which form the exchange hash takes it.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Secret {
    bytes: [u8; MAX_SECRET],
    len: usize,
    string: bool,
}

impl Secret {
    /// A secret hashed as an unsigned big-endian `mpint`: the classical exchanges (RFC 4253 §8, RFC 5656 §4).
    pub fn mpint(number: &[u8]) -> Self {
        Self::new(number, false)
    }

    /// A secret hashed as a `string`: the hybrid exchanges.
    pub fn string(bytes: &[u8]) -> Self {
        Self::new(bytes, true)
    }

    fn new(value: &[u8], string: bool) -> Self {
        debug_assert!(value.len() <= MAX_SECRET);
        let mut bytes = [0; MAX_SECRET];
        bytes.iter_mut().zip(value).for_each(|(to, from)| *to = *from);
        Self { bytes, len: value.len().min(MAX_SECRET), string }
    }

    /// The secret itself.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    /// Whether hashes take it as a `string`.
    #[cfg(feature = "keylog")]
    pub(crate) const fn is_string(&self) -> bool {
        self.string
    }

    /// The same secret for somebody else, who wipes it too.
    #[cfg(feature = "keylog")]
    pub(crate) fn copy(&self) -> Self {
        Self::new(self.as_bytes(), self.string)
    }

    /// Writes `K` as the exchange hash and the key derivation take it.
    pub(crate) fn encode(&self, sink: &mut impl Sink) {
        let value = self.as_bytes();
        if self.string { sink.string(value) } else { sink.mpint(value) }
    }
}

impl core::fmt::Debug for Secret {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Secret({})", self.len)
    }
}

/// The three keys of one direction (RFC 4253 §7.2), each of which starts with the bytes that its user needs.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct DirectionKeys {
    /// Initial vector.
    pub iv: [u8; 16],
    /// Encryption key.
    pub key: [u8; 64],
    /// Integrity key.
    pub mac: [u8; 64],
}

impl DirectionKeys {
    /// The encryption key of `N` bytes.
    pub const fn key<const N: usize>(&self) -> &[u8; N] {
        first(&self.key)
    }

    /// The integrity key of `N` bytes.
    pub const fn mac<const N: usize>(&self) -> &[u8; N] {
        first(&self.mac)
    }
}

const fn first<const N: usize>(material: &[u8; 64]) -> &[u8; N] {
    const { assert!(N <= 64) };
    material.first_chunk().expect("the length was checked when this was compiled")
}

impl core::fmt::Debug for DirectionKeys {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("DirectionKeys")
    }
}

/// A digest that takes encoded fields.
pub(crate) struct Hashing<'a, D>(pub(crate) &'a mut D);

impl<D: Digest> Sink for Hashing<'_, D> {
    fn put(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }
}

/// SHA-256 of something that is known again by it.
pub(crate) type Fingerprint = [u8; 32];

/// The fingerprint of what `write` writes.
pub(crate) fn fingerprint<P: Provider>(write: impl FnOnce(&mut Hashing<'_, P::Digest>)) -> Fingerprint {
    let mut digest = P::Digest::sha256();
    write(&mut Hashing(&mut digest));
    digest.finish().as_bytes().first_chunk().copied().unwrap_or_default()
}

/// The bytes that hexadecimal digits stand for.
#[cfg(test)]
pub(crate) fn hex(digits: &str) -> alloc::vec::Vec<u8> {
    let digits: alloc::vec::Vec<u8> = digits.chars().filter_map(|digit| digit.to_digit(16)?.try_into().ok()).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}
