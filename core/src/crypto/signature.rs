//! Public keys and signatures as they stand on the wire (RFC 4253 §6.6, RFC 5656 §3.1, RFC 8332, RFC 8709, OpenSSH
//! PROTOCOL.u2f), read and checked before any arithmetic.

use super::certificate::Certificate;
use super::{Digest, Forged, Provider};
use crate::algorithm::HostKey;
use crate::wire::{Field, Malformed, Mpint, Reader, Sink, word};

/// Public keys by type, borrowed from their blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublicKey<'a> {
    /// `ssh-ed25519`.
    Ed25519(&'a [u8; 32]),
    /// `ecdsa-sha2-nistp256`: an uncompressed point.
    EcdsaP256(&'a [u8; 65]),
    /// `ecdsa-sha2-nistp384`: an uncompressed point.
    EcdsaP384(&'a [u8; 97]),
    /// `ecdsa-sha2-nistp521`: an uncompressed point.
    EcdsaP521(&'a [u8; 133]),
    /// `sk-ssh-ed25519@openssh.com`: a key in a security key.
    SkEd25519 {
        /// The key.
        key: &'a [u8; 32],
        /// For whom it was made, usually `ssh:`.
        application: &'a [u8],
    },
    /// `sk-ecdsa-sha2-nistp256@openssh.com`: a key in a security key.
    SkEcdsaP256 {
        /// The uncompressed point.
        point: &'a [u8; 65],
        /// For whom it was made, usually `ssh:`.
        application: &'a [u8],
    },
    /// `ssh-rsa`.
    Rsa {
        /// Public exponent, big-endian without leading zeros.
        e: &'a [u8],
        /// Modulus, big-endian without leading zeros.
        n: &'a [u8],
    },
}

/// The largest RSA modulus that is looked at, in bits; the cost of a verification grows with its square.
pub const MAX_RSA_BITS: usize = 16_384;

/// The largest RSA public exponent that is looked at, in bytes.
const MAX_RSA_EXPONENT: usize = 8;

impl<'a> PublicKey<'a> {
    /// Reads a public key blob that is no certificate. RSA keys of fewer than `min_rsa_bits`, of more than
    /// [`MAX_RSA_BITS`], with an even modulus, or with an exponent that is 1, even or beyond 64 bits are refused.
    pub fn decode(blob: &'a [u8], min_rsa_bits: usize) -> Result<Self, Malformed> {
        let mut reader = Reader::new(blob);
        let kind = reader.string()?;
        let key = Self::fields(kind, &mut reader, min_rsa_bits)?;
        reader.end()?;
        Ok(key)
    }

    /// Reads what follows the type name of a key, in a certificate as well.
    pub(super) fn fields(kind: &[u8], reader: &mut Reader<'a>, min_rsa_bits: usize) -> Result<Self, Malformed> {
        Ok(match word(kind) {
            "ssh-ed25519" => Self::Ed25519(reader.string()?.try_into().map_err(|_| Malformed)?),
            "ecdsa-sha2-nistp256" => Self::EcdsaP256(point(reader, b"nistp256")?),
            "ecdsa-sha2-nistp384" => Self::EcdsaP384(point(reader, b"nistp384")?),
            "ecdsa-sha2-nistp521" => Self::EcdsaP521(point(reader, b"nistp521")?),
            "sk-ssh-ed25519@openssh.com" => {
                let key = reader.string()?.try_into().map_err(|_| Malformed)?;
                Self::SkEd25519 { key, application: reader.string()? }
            }
            "sk-ecdsa-sha2-nistp256@openssh.com" => {
                Self::SkEcdsaP256 { point: point(reader, b"nistp256")?, application: reader.string()? }
            }
            "ssh-rsa" => {
                let Mpint(e) = reader.read()?;
                let Mpint(n) = reader.read()?;
                if !rsa_is_sound(e, n, min_rsa_bits) {
                    return Err(Malformed);
                }
                Self::Rsa { e, n }
            }
            _ => return Err(Malformed),
        })
    }

    /// Writes the blob.
    pub fn encode(&self, sink: &mut (impl Sink + ?Sized)) {
        sink.string(self.algorithm().key_type().as_bytes());
        match self {
            Self::Ed25519(key) => sink.string(*key),
            Self::EcdsaP256(point) => encode_point(sink, b"nistp256", *point),
            Self::EcdsaP384(point) => encode_point(sink, b"nistp384", *point),
            Self::EcdsaP521(point) => encode_point(sink, b"nistp521", *point),
            Self::SkEd25519 { key, application } => {
                sink.string(*key);
                sink.string(application);
            }
            Self::SkEcdsaP256 { point, application } => {
                encode_point(sink, b"nistp256", *point);
                sink.string(application);
            }
            Self::Rsa { e, n } => {
                sink.mpint(e);
                sink.mpint(n);
            }
        }
    }

    /// The best algorithm for signatures by keys of this type.
    pub const fn algorithm(&self) -> HostKey {
        match self {
            Self::Ed25519(_) => HostKey::Ed25519,
            Self::EcdsaP256(_) => HostKey::EcdsaP256,
            Self::EcdsaP384(_) => HostKey::EcdsaP384,
            Self::EcdsaP521(_) => HostKey::EcdsaP521,
            Self::SkEd25519 { .. } => HostKey::SkEd25519,
            Self::SkEcdsaP256 { .. } => HostKey::SkEcdsaP256,
            Self::Rsa { .. } => HostKey::RsaSha512,
        }
    }

    /// Whether signatures of this algorithm are made by keys of this type.
    pub fn suits(&self, algorithm: HostKey) -> bool {
        self.algorithm().key_type() == algorithm.key_type()
    }
}

/// An uncompressed point on the curve of that name (RFC 5656 §3.1).
fn point<'a, const N: usize>(reader: &mut Reader<'a>, curve: &[u8]) -> Result<&'a [u8; N], Malformed> {
    if reader.string()? != curve {
        return Err(Malformed);
    }
    let point: &[u8; N] = reader.string()?.try_into().map_err(|_| Malformed)?;
    if point.first() == Some(&4) { Ok(point) } else { Err(Malformed) }
}

fn encode_point(sink: &mut (impl Sink + ?Sized), curve: &[u8], point: &[u8]) {
    sink.string(curve);
    sink.string(point);
}

fn rsa_is_sound(e: &[u8], n: &[u8], min_bits: usize) -> bool {
    let odd = |number: &[u8]| number.last().is_some_and(|low| low & 1 == 1);
    let bits = bit_length(n);
    (min_bits..=MAX_RSA_BITS).contains(&bits) && odd(n) && odd(e) && e != [1] && e.len() <= MAX_RSA_EXPONENT
}

/// Bits of a big-endian number without leading zeros.
pub fn bit_length(number: &[u8]) -> usize {
    let top = number.first().map_or(0, |top| top.leading_zeros() as usize);
    number.len().saturating_mul(8).saturating_sub(top)
}

/// What somebody shows to prove something by: a bare key, or one that an authority has certified.
#[derive(Debug, Clone, Copy)]
pub enum Presented<'a> {
    /// A public key.
    Key(PublicKey<'a>),
    /// A certificate, whose signature is not verified yet.
    Certificate(Certificate<'a>),
}

impl<'a> Presented<'a> {
    /// Reads a blob for use with `algorithm`, which the provider has and whose type it must be.
    pub fn decode<P: Provider>(algorithm: HostKey, blob: &'a [u8], min_rsa_bits: usize) -> Result<Self, Malformed> {
        // Known when this is compiled: who has none needs no code that reads them.
        let certified = const { has_certificates(P::SIGNATURES) } && algorithm.is_certified();
        let presented = match certified {
            true => Self::Certificate(Certificate::decode(blob, min_rsa_bits)?),
            false => Self::Key(PublicKey::decode(blob, min_rsa_bits)?),
        };
        if presented.key().suits(algorithm.plain()) { Ok(presented) } else { Err(Malformed) }
    }

    /// The key that signs.
    pub const fn key(&self) -> &PublicKey<'a> {
        match self {
            Self::Key(key) => key,
            Self::Certificate(certificate) => &certificate.key,
        }
    }

    /// The certificate, if it is one.
    pub const fn certificate(&self) -> Option<&Certificate<'a>> {
        match self {
            Self::Key(_) => None,
            Self::Certificate(certificate) => Some(certificate),
        }
    }
}

/// Whether one of the algorithms comes in a certificate.
const fn has_certificates(mut algorithms: &[HostKey]) -> bool {
    while let [first, rest @ ..] = algorithms {
        if first.is_certified() {
            return true;
        }
        algorithms = rest;
    }
    false
}

/// What a security key says of its holder with each signature (OpenSSH PROTOCOL.u2f).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Presence {
    /// Somebody touched it.
    pub touched: bool,
    /// It recognised its owner, by PIN or finger.
    pub verified: bool,
}

/// Verifies a signature blob on `message` by `key`. The algorithm named inside must be the one that signs for
/// `algorithm`, and the key of its type. A security key says more; whether that is enough is the caller's to decide.
pub fn verify<P: Provider>(
    algorithm: HostKey,
    key: &PublicKey<'_>,
    message: &[u8],
    signature: &[u8],
) -> Result<Option<Presence>, Forged> {
    let plain = algorithm.plain();
    if !key.suits(plain) || !P::SIGNATURES.contains(&plain) {
        return Err(Forged);
    }
    let Signature { raw, tail } = Signature::decode(plain, signature).map_err(|Malformed| Forged)?;
    match *key {
        PublicKey::SkEd25519 { key, application } => {
            let (signed, presence) = Touch::decode(tail).map_err(|Malformed| Forged)?.signed::<P>(application, message);
            P::verify(HostKey::Ed25519, &PublicKey::Ed25519(key), &signed, raw)?;
            Ok(Some(presence))
        }
        PublicKey::SkEcdsaP256 { point, application } => {
            let (signed, presence) = Touch::decode(tail).map_err(|Malformed| Forged)?.signed::<P>(application, message);
            ecdsa::<P, 64>(HostKey::EcdsaP256, &PublicKey::EcdsaP256(point), &signed, raw)?;
            Ok(Some(presence))
        }
        PublicKey::EcdsaP256(_) => ecdsa::<P, 64>(plain, key, message, raw).map(|()| None),
        PublicKey::EcdsaP384(_) => ecdsa::<P, 96>(plain, key, message, raw).map(|()| None),
        PublicKey::EcdsaP521(_) => ecdsa::<P, 132>(plain, key, message, raw).map(|()| None),
        PublicKey::Ed25519(_) | PublicKey::Rsa { .. } => P::verify(plain, key, message, raw).map(|()| None),
    }
}

/// A signature out of its blob.
struct Signature<'a> {
    raw: &'a [u8],
    /// What only security keys add.
    tail: &'a [u8],
}

impl<'a> Signature<'a> {
    /// The name inside must be the algorithm's.
    fn decode(algorithm: HostKey, blob: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(blob);
        if reader.string()? != algorithm.name().as_bytes() {
            return Err(Malformed);
        }
        let signature = Self { raw: reader.string()?, tail: reader.rest() };
        let lawful_tail = signature.tail.is_empty() != matches!(algorithm, HostKey::SkEd25519 | HostKey::SkEcdsaP256);
        if signature.raw.is_empty() || !lawful_tail { Err(Malformed) } else { Ok(signature) }
    }
}

/// Flags and counter at the end of a security key's signature.
struct Touch {
    flags: u8,
    counter: u32,
}

const TOUCHED: u8 = 0x01;
const VERIFIED: u8 = 0x04;

impl Touch {
    fn decode(tail: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(tail);
        let touch = Self { flags: reader.u8()?, counter: reader.u32()? };
        reader.end()?;
        Ok(touch)
    }

    /// What the security key signed: `SHA256(application) || flags || counter || SHA256(message)`.
    fn signed<P: Provider>(&self, application: &[u8], message: &[u8]) -> ([u8; 69], Presence) {
        let hash = |bytes| {
            let mut digest = P::Digest::sha256();
            digest.update(bytes);
            digest.finish()
        };
        let (application, message) = (hash(application), hash(message));
        let counter = self.counter.to_be_bytes();
        let mut signed = [0; 69];
        let parts = application.as_bytes().iter().chain([&self.flags]).chain(&counter).chain(message.as_bytes());
        signed.iter_mut().zip(parts).for_each(|(to, from)| *to = *from);
        let presence = Presence { touched: self.flags & TOUCHED != 0, verified: self.flags & VERIFIED != 0 };
        (signed, presence)
    }
}

/// Verifies `r` and `s` of an ECDSA signature (RFC 5656 §3.1.2), brought to fixed width.
fn ecdsa<P: Provider, const N: usize>(
    algorithm: HostKey,
    key: &PublicKey<'_>,
    message: &[u8],
    raw: &[u8],
) -> Result<(), Forged> {
    let pair: [u8; N] = ecdsa_pair(raw).map_err(|Malformed| Forged)?;
    P::verify(algorithm, key, message, &pair)
}

fn ecdsa_pair<const N: usize>(raw: &[u8]) -> Result<[u8; N], Malformed> {
    let mut reader = Reader::new(raw);
    let (Mpint(r), Mpint(s)) = (Field::decode(&mut reader)?, Field::decode(&mut reader)?);
    reader.end()?;
    let mut pair = [0; N];
    for (number, place) in [r, s].into_iter().zip(pair.chunks_exact_mut(N / 2)) {
        let start = place.len().checked_sub(number.len()).ok_or(Malformed)?;
        place.get_mut(start..).ok_or(Malformed)?.copy_from_slice(number);
    }
    Ok(pair)
}

#[cfg(test)]
mod tests {
    use super::{Presence, PublicKey, Signature, Touch, bit_length, ecdsa_pair, verify};
    use crate::algorithm::HostKey;
    use crate::crypto::Forged;
    use crate::crypto::null::Null;
    use crate::wire::{Malformed, Sink, Writer};
    use alloc::vec::Vec;

    /// `string`s one after the other, and a tail.
    fn strings(parts: &[&[u8]], tail: &[u8]) -> Vec<u8> {
        let mut space = [0; 4096];
        let mut writer = Writer::new(&mut space);
        parts.iter().for_each(|part| writer.string(part));
        writer.put(tail);
        writer.finish().unwrap().to_vec()
    }

    const SK: &[u8] = b"sk-ssh-ed25519@openssh.com";

    #[test]
    fn every_type_comes_back() {
        let [p256, p384, p521] = [64, 96, 132].map(|length| [&[4][..], &alloc::vec![7; length]].concat());
        let sk_ecdsa: &[u8] = b"sk-ecdsa-sha2-nistp256@openssh.com";
        for blob in [
            strings(&[b"ssh-ed25519", &[1; 32]], b""),
            strings(&[b"ecdsa-sha2-nistp256", b"nistp256", &p256], b""),
            strings(&[b"ecdsa-sha2-nistp384", b"nistp384", &p384], b""),
            strings(&[b"ecdsa-sha2-nistp521", b"nistp521", &p521], b""),
            strings(&[SK, &[1; 32], b"ssh:"], b""),
            strings(&[sk_ecdsa, b"nistp256", &p256, b"ssh:me"], b""),
            strings(&[b"ssh-rsa", &[3], &[0x7f; 256]], b""),
        ] {
            let key = PublicKey::decode(&blob, 0).unwrap();
            let mut space = [0; 512];
            let mut writer = Writer::new(&mut space);
            key.encode(&mut writer);
            assert_eq!(writer.finish().unwrap(), &blob[..]);
            assert!(key.suits(key.algorithm()) && !key.suits(key.algorithm().certified()));
            for end in 0..blob.len() {
                assert_eq!(PublicKey::decode(&blob[..end], 0), Err(Malformed));
            }
            assert_eq!(PublicKey::decode(&[&blob[..], &[0]].concat(), 0), Err(Malformed));
        }
    }

    #[test]
    fn keys_under_another_name_are_malformed() {
        let p256 = [&[4][..], &[7; 64]].concat();
        for blob in [
            strings(&[b"ecdsa-sha2-nistp256", b"nistp384", &p256], b""),
            strings(&[b"ecdsa-sha2-nistp384", b"nistp384", &p256], b""),
            strings(&[b"ecdsa-sha2-nistp256", b"nistp256", &[2; 33]], b""),
            strings(&[b"ssh-ed25519", &[1; 33]], b""),
            strings(&[b"rsa-sha2-256", &[3], &[0x7f; 256]], b""),
            strings(&[b"ssh-rsa-cert-v01@openssh.com", &[3], &[0x7f; 256]], b""),
            strings(&[b"", &[1; 32]], b""),
        ] {
            assert_eq!(PublicKey::decode(&blob, 0), Err(Malformed));
        }
    }

    #[test]
    fn bits_are_counted_from_the_first_that_is_set() {
        assert_eq!([&[][..], &[1], &[0x80], &[1, 0], &[0xff; 256]].map(bit_length), [0, 1, 8, 9, 2048]);
    }

    #[test]
    fn a_signature_names_its_algorithm_and_only_security_keys_add_to_it() {
        let bare =
            |tail: &[u8]| Signature::decode(HostKey::Ed25519, &strings(&[b"ssh-ed25519", &[5; 64]], tail)).is_ok();
        assert_eq!([bare(b""), bare(b"\x01\0\0\0\x07")], [true, false]);
        let sk = |tail: &[u8]| Signature::decode(HostKey::SkEd25519, &strings(&[SK, &[5; 64]], tail)).is_ok();
        assert_eq!([sk(b""), sk(b"\x01\0\0\0\x07")], [false, true]);
        for name in [&b"ssh-ed25519-cert-v01@openssh.com"[..], b"ssh-ed2551", b"", SK] {
            assert!(Signature::decode(HostKey::Ed25519, &strings(&[name, &[5; 64]], b"")).is_err());
        }
        assert!(Signature::decode(HostKey::Ed25519, &strings(&[b"ssh-ed25519", b""], b"")).is_err());
    }

    #[test]
    fn a_touch_is_five_bytes() {
        let touch = Touch::decode(&[5, 0, 0, 1, 2]).unwrap();
        let (signed, presence) = touch.signed::<Null>(b"ssh:", b"message");
        assert_eq!(signed[32..37], [5, 0, 0, 1, 2]);
        assert_eq!(presence, Presence { touched: true, verified: true });
        let presence = Touch { flags: !5, counter: 0 }.signed::<Null>(b"", b"").1;
        assert_eq!(presence, Presence { touched: false, verified: false });
        for tail in [&[][..], &[1], &[1, 0, 0, 0], &[1, 0, 0, 0, 0, 0]] {
            assert!(Touch::decode(tail).is_err());
        }
    }

    #[test]
    fn pairs_are_brought_to_their_width() {
        let pair = |r: &[u8], s: &[u8], tail: &[u8]| ecdsa_pair::<8>(&strings(&[r, s], tail)).ok();
        assert_eq!(pair(&[1], &[0, 0xff, 2, 3, 4], b""), Some([0, 0, 0, 1, 0xff, 2, 3, 4]));
        // Zero is for the provider to refuse; what no `mpint` is or does not fit is refused here.
        assert_eq!(pair(b"", &[1], b""), Some([0, 0, 0, 0, 0, 0, 0, 1]));
        for r in [&[0][..], &[0, 1], &[0x80], &[0xff; 4], &[1; 5], &[0, 0x80, 0, 0, 0, 0]] {
            assert_eq!((pair(r, &[1], b""), pair(&[1], r, b"")), (None, None));
        }
        assert_eq!(pair(&[1], &[1], b"\0"), None);
    }

    #[test]
    fn the_key_must_suit_the_algorithm() {
        let (key, blob) = (PublicKey::Ed25519(&[1; 32]), strings(&[b"ssh-ed25519", &[5; 64]], b""));
        assert_eq!(verify::<Null>(HostKey::Ed25519, &key, b"", &blob), Ok(None));
        for algorithm in HostKey::ALL.iter().filter(|other| other.plain() != HostKey::Ed25519) {
            assert_eq!(verify::<Null>(*algorithm, &key, b"", &blob), Err(Forged), "{algorithm}");
        }
    }
}
