//! OpenSSH's private key files (OpenSSH PROTOCOL.key): one key, its public half in the clear, its private half perhaps
//! encrypted. PEM files of other kinds are recognised and refused by name.

use super::lock::Lock;
use super::signing::Secret;
use super::text::unbase64;
use super::{KeyError, SigningKey, Unsupported, compose, rsa};
use crate::crypto::signature::PublicKey;
use crate::seed::Random;
use crate::wire::{Length, Malformed, Mpint, Reader, Sink};
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use base64ct::{Base64, Encoding};
use core::fmt;
use zeroize::Zeroizing;

/// The most rounds of bcrypt that are tried. OpenSSH makes keys with 16 or 24; a round takes about 10 ms, so this many
/// keep a host busy for ten seconds and no file keeps it longer.
pub const MAX_ROUNDS: u32 = 1024;

/// The largest file that is looked at. A key of 16,384 bits takes 13 KiB; the rest is for its comment.
const MAX_FILE: usize = 64 * 1024;

const BEGIN: &[u8] = b"-----BEGIN OPENSSH PRIVATE KEY-----";
const END: &[u8] = b"-----END OPENSSH PRIVATE KEY-----";
const MAGIC: &[u8] = b"openssh-key-v1\0";

/// First lines of other private key files, and what they are.
const FORMATS: [(&[u8], &str); 6] = [
    (b"-----BEGIN RSA PRIVATE KEY-----", "PKCS#1"),
    (b"-----BEGIN EC PRIVATE KEY-----", "SEC1"),
    (b"-----BEGIN DSA PRIVATE KEY-----", "DSA"),
    (b"-----BEGIN PRIVATE KEY-----", "PKCS#8"),
    (b"-----BEGIN ENCRYPTED PRIVATE KEY-----", "encrypted PKCS#8"),
    (b"PuTTY-User-Key-File-", "PPK"),
];

/// Types that files are known to hold and that cannot be signed with here, for the error to name.
const OTHER_TYPES: [&str; 8] = [
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "ssh-dss",
    "ssh-ed448",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "ssh-xmss@openssh.com",
    "webauthn-sk-ecdsa-sha2-nistp256@openssh.com",
];

/// What a private key file holds.
#[derive(Debug)]
pub struct PrivateKey {
    /// The key.
    pub key: SigningKey,
    /// Whatever its owner wrote beside it.
    pub comment: Vec<u8>,
}

/// Reads a private key file. Without a passphrase an encrypted one is [`KeyError::Encrypted`]; a passphrase that is not
/// needed is not looked at.
pub fn read(file: &[u8], passphrase: Option<&[u8]>) -> Result<PrivateKey, KeyError> {
    let bytes = unarmor(file)?;
    let container = Container::decode(&bytes)?;
    let mut part = Zeroizing::new(container.part.to_vec());
    container.lock.open(passphrase, &mut part, container.tag)?;
    decode_part(&part, container.public).map_err(|Malformed| container.lock.senseless())
}

/// The public key blob of a private key file, which takes no passphrase. Nothing vouches for it until the private half
/// has been read.
pub fn public(file: &[u8]) -> Result<Vec<u8>, KeyError> {
    Container::decode(&unarmor(file)?).map(|container| container.public.to_vec())
}

/// The bytes between the first line and the last.
fn unarmor(file: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let text = file.trim_ascii();
    if let Some((_, format)) = FORMATS.iter().find(|(start, _)| text.starts_with(start)) {
        return Err(Unsupported::Format(format).into());
    }
    let body = text.strip_prefix(BEGIN).ok_or(KeyError::NotAKey)?;
    let body = body.strip_suffix(END).filter(|_| file.len() <= MAX_FILE).ok_or(KeyError::Damaged)?;
    let mut dense = Zeroizing::new(Vec::with_capacity(body.len()));
    dense.extend(body.iter().filter(|byte| !byte.is_ascii_whitespace()));
    Ok(unbase64(&dense)?)
}

/// The file before anything is decrypted.
struct Container<'a> {
    lock: Lock<'a>,
    public: &'a [u8],
    part: &'a [u8],
    tag: &'a [u8],
}

impl<'a> Container<'a> {
    fn decode(bytes: &'a [u8]) -> Result<Self, KeyError> {
        let mut reader = Reader::new(bytes.strip_prefix(MAGIC).ok_or(KeyError::Damaged)?);
        let lock = Lock::decode(reader.string()?, reader.string()?, reader.string()?)?;
        let count = reader.u32()?;
        if count != 1 {
            return Err(Unsupported::Keys(count).into());
        }
        let public = reader.string()?;
        // The type stands in the clear, so nobody is asked for a passphrase in vain.
        check_type(public)?;
        let part = reader.string()?;
        let tag = reader.take(lock.tag())?;
        reader.end()?;
        if part.is_empty() || part.len() % lock.block() != 0 {
            return Err(KeyError::Damaged);
        }
        Ok(Self { lock, public, part, tag })
    }
}

fn check_type(public: &[u8]) -> Result<(), KeyError> {
    let name = Reader::new(public).string()?;
    match name {
        b"ssh-ed25519" | b"ecdsa-sha2-nistp256" | b"ssh-rsa" => {}
        _ => {
            let known = OTHER_TYPES.into_iter().find(|other| other.as_bytes() == name);
            return Err(Unsupported::KeyType(known.unwrap_or("?")).into());
        }
    }
    match PublicKey::decode(public, 0)? {
        PublicKey::Rsa { e, n } => Ok(rsa::supported(n, e)?),
        PublicKey::Ed25519(_) | PublicKey::EcdsaP256(_) => Ok(()),
        PublicKey::EcdsaP384(_)
        | PublicKey::EcdsaP521(_)
        | PublicKey::SkEd25519 { .. }
        | PublicKey::SkEcdsaP256 { .. } => Err(Unsupported::KeyType("?").into()),
    }
}

/// The private part: two equal numbers that tell a right passphrase, the key, the comment, padding.
fn decode_part(part: &[u8], public: &[u8]) -> Result<PrivateKey, Malformed> {
    let mut reader = Reader::new(part);
    if reader.u32()? != reader.u32()? {
        return Err(Malformed);
    }
    let key = decode_key(&mut reader)?;
    let comment = reader.string()?.to_vec();
    check_padding(reader.rest())?;
    if key.public() == public { Ok(PrivateKey { key, comment }) } else { Err(Malformed) }
}

fn decode_key(reader: &mut Reader<'_>) -> Result<SigningKey, Malformed> {
    match reader.string()? {
        b"ssh-ed25519" => decode_ed25519(reader),
        b"ecdsa-sha2-nistp256" => decode_ecdsa(reader),
        b"ssh-rsa" => decode_rsa(reader),
        _ => Err(Malformed),
    }
}

/// The public key, then seed and public key once more.
fn decode_ed25519(reader: &mut Reader<'_>) -> Result<SigningKey, Malformed> {
    let public = reader.string()?;
    let (seed, copy) = reader.string()?.split_first_chunk::<32>().ok_or(Malformed)?;
    let key = SigningKey::ed25519(seed);
    if copy == public && key.public().ends_with(public) && public.len() == 32 { Ok(key) } else { Err(Malformed) }
}

/// Curve, point, scalar.
fn decode_ecdsa(reader: &mut Reader<'_>) -> Result<SigningKey, Malformed> {
    let (curve, point) = (reader.string()?, reader.string()?);
    let Mpint(scalar) = reader.read()?;
    let key = SigningKey::ecdsa_p256_scalar(scalar)?;
    let same = key.public().ends_with(point) && point.len() == 65;
    if curve == b"nistp256" && same { Ok(key) } else { Err(Malformed) }
}

/// `n`, `e`, `d`, `q^-1 mod p`, `p`, `q`.
fn decode_rsa(reader: &mut Reader<'_>) -> Result<SigningKey, Malformed> {
    let mut next = || reader.read().map(|Mpint(digits)| digits);
    let (n, e, d) = (next()?, next()?, next()?);
    let (q_inverse, p, q) = (next()?, next()?, next()?);
    SigningKey::rsa(&rsa::Numbers { n, e, d, q_inverse, p, q })
}

/// 1, 2, 3, ...; PuTTY writes more of them than the block asks for.
fn check_padding(padding: &[u8]) -> Result<(), Malformed> {
    let counts = padding.iter().zip(1..=u8::MAX).filter(|(byte, count)| *byte == count).count();
    if counts == padding.len() { Ok(()) } else { Err(Malformed) }
}

/// A key of a type that is not written: RSA, whose numbers are not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CannotWrite;

/// The text of an unencrypted private key file. `random` gives the check number, which guards nothing here.
pub fn write(key: &SigningKey, comment: &[u8], random: &mut Random) -> Result<Zeroizing<String>, CannotWrite> {
    let part = Zeroizing::new(encode_part(key, comment, random.array())?);
    let bytes = Zeroizing::new(compose(|sink| {
        sink.put(MAGIC);
        sink.string(b"none");
        sink.string(b"none");
        sink.string(b"");
        sink.u32(1);
        sink.string(key.public());
        sink.string(&part);
    }));
    armor(&bytes).ok_or(CannotWrite)
}

fn encode_part(key: &SigningKey, comment: &[u8], check: [u8; 4]) -> Result<Vec<u8>, CannotWrite> {
    let secret = Zeroizing::new(match key.secret() {
        Secret::Ed25519(secret) => {
            let pair = Zeroizing::new(secret.to_keypair_bytes());
            compose(|sink| sink.string(&*pair))
        }
        Secret::EcdsaP256(secret) => {
            let scalar = Zeroizing::new(<[u8; 32]>::from(secret.to_bytes()));
            compose(|sink| sink.mpint(&*scalar))
        }
        Secret::Rsa(_) => return Err(CannotWrite),
    });
    let body = |sink: &mut dyn Sink| {
        sink.put(&check);
        sink.put(&check);
        // The blob's fields are the first ones here too.
        sink.put(key.public());
        sink.put(&secret);
        sink.string(comment);
    };
    let mut length = Length::default();
    body(&mut length);
    let padding = length.0.next_multiple_of(8).saturating_sub(length.0);
    Ok(compose(|sink| {
        body(sink);
        (1..=u8::MAX).take(padding).for_each(|count| sink.u8(count));
    }))
}

/// Lines of 70 characters between the first and the last.
fn armor(bytes: &[u8]) -> Option<Zeroizing<String>> {
    let mut encoded = Zeroizing::new(vec![0; Base64::encoded_len(bytes)]);
    let encoded = Base64::encode(bytes, &mut encoded).ok()?;
    let (begin, end) = (core::str::from_utf8(BEGIN).ok()?, core::str::from_utf8(END).ok()?);
    let mut text = Zeroizing::new(String::with_capacity(encoded.len().saturating_mul(2).saturating_add(128)));
    text.push_str(begin);
    for line in encoded.as_bytes().chunks(70) {
        text.push('\n');
        text.push_str(core::str::from_utf8(line).ok()?);
    }
    text.push('\n');
    text.push_str(end);
    text.push('\n');
    Some(text)
}

impl fmt::Display for CannotWrite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("keys of this type are not written")
    }
}

impl core::error::Error for CannotWrite {}

#[cfg(test)]
mod tests {
    use super::{MAGIC, armor, check_padding, public, read, write};
    use crate::file::{KeyError, SigningKey, Unsupported};
    use crate::seed::{Random, Seed};
    use crate::wire::Malformed;
    use alloc::vec::Vec;

    /// From ssh-keygen with one round of bcrypt, passphrase `secret`, comment `test key`.
    const CTR: &str = "-----BEGIN OPENSSH PRIVATE KEY-----
b3BlbnNzaC1rZXktdjEAAAAACmFlczI1Ni1jdHIAAAAGYmNyeXB0AAAAGAAAABC2jxZtUa
adZdd653zaE6C/AAAAAQAAAAEAAAAzAAAAC3NzaC1lZDI1NTE5AAAAIOqvol3RhXMBa/Kc
+Sulcqo7CdV+FL3RrqYriiQfxYqKAAAAkAId4NqVIYfgCRZsUK5h4slHwKjUzhOgIjyDry
NYDGkRvNGJEfiPyE18QkwYb+NoEhyBClCEXMEf9ha06dmkJv07sT/ndKq5L5HNbUZP5qaj
Dw2R0MjzBZkCYlqganwDkQS/kjLgjXekCvVU8JuvbcyIe5cWiEKExwHyoHlQPePw8sCFVP
VxuPdjGMBvjVfoqg==
-----END OPENSSH PRIVATE KEY-----
";

    /// The same with AES-GCM, comment `gcm`.
    const GCM: &str = "-----BEGIN OPENSSH PRIVATE KEY-----
b3BlbnNzaC1rZXktdjEAAAAAFmFlczI1Ni1nY21Ab3BlbnNzaC5jb20AAAAGYmNyeXB0AA
AAGAAAABBTgh/sY12D7lLhdaXVrAOHAAAAAQAAAAEAAAAzAAAAC3NzaC1lZDI1NTE5AAAA
IJZVLnS9WTqC3pzS+heGfS8wNrwuWv2OFSQanaOtkrYjAAAAkKGzo1NTx2Y/Mf6MTAzMjb
1u3JVUUERsbfzda2+G7jm42D931aQcYTdTsPCLFpMRYVVS0GuEtJAXM4iUE49EBiBBC2A4
Sjmvut0Wdo2lzGHql59ickNgmr6af2u1DneD/QMqi9TacJqxFOmgz42ATsmXXysctjWbyc
vclAV+h7RbaxOkRwrYfSaAi6+Yk6g1TlnabfsZhl/Vp7aOE3FHhdw=
-----END OPENSSH PRIVATE KEY-----
";

    fn random() -> Random {
        Random::new(&Seed::new([3; 32]))
    }

    fn binary(text: &str) -> Vec<u8> {
        super::unarmor(text.as_bytes()).unwrap().to_vec()
    }

    fn armored(bytes: &[u8]) -> Vec<u8> {
        armor(bytes).unwrap().as_bytes().to_vec()
    }

    /// A copy of `bytes` whose first `old` is `new`, of the same length.
    fn replaced(bytes: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
        let at = bytes.windows(old.len()).position(|window| window == old).unwrap();
        [&bytes[..at], new, &bytes[at + old.len()..]].concat()
    }

    #[test]
    fn what_is_written_is_read() {
        for key in [SigningKey::ed25519(&[3; 32]), SigningKey::ecdsa_p256(&mut random())] {
            for comment in 0..9 {
                let comment = &b"whatever"[..comment];
                let text = write(&key, comment, &mut random()).unwrap();
                let crlf = text.replace('\n', "\r\n");
                for text in [text.as_bytes(), crlf.as_bytes(), text.trim_end().as_bytes()] {
                    let back = read(text, None).unwrap();
                    assert_eq!((back.key.public(), &back.comment[..]), (key.public(), comment));
                    assert_eq!(public(text).as_deref(), Ok(key.public()));
                }
            }
        }
    }

    #[test]
    fn the_passphrase_must_be_the_right_one() {
        for (text, comment) in [(CTR, &b"test key"[..]), (GCM, b"gcm")] {
            let file = text.as_bytes();
            let read_with = |passphrase: Option<&str>| read(file, passphrase.map(str::as_bytes)).map(|key| key.comment);
            assert_eq!(read_with(None), Err(KeyError::Encrypted));
            assert_eq!(read_with(Some("")), Err(KeyError::Encrypted));
            assert_eq!(read_with(Some("Secret")), Err(KeyError::WrongPassphrase));
            assert_eq!(read_with(Some("secret")).as_deref(), Ok(comment));
        }
    }

    #[test]
    fn hostile_headers_are_refused() {
        let salt = binary(CTR)[47..63].to_vec();
        let options = [b"\0\0\0\x10", &salt[..]].concat();
        let rounds = |n: u32| {
            replaced(&binary(CTR), &[&options[..], &[0, 0, 0, 1]].concat(), &[&options[..], &n.to_be_bytes()].concat())
        };
        let count = |n: u8| replaced(&binary(CTR), b"\0\0\0\x01\0\0\0\x33", &[0, 0, 0, n, 0, 0, 0, 0x33]);
        let unsupported = KeyError::Unsupported;
        let cases = [
            (rounds(0), KeyError::Damaged),
            (rounds(1025), unsupported(Unsupported::Rounds(1025))),
            (rounds(1 << 31), unsupported(Unsupported::Rounds(1 << 31))),
            (count(0), unsupported(Unsupported::Keys(0))),
            (count(2), unsupported(Unsupported::Keys(2))),
            (replaced(&binary(CTR), b"aes256-ctr", b"aes256-cbc"), unsupported(Unsupported::Cipher("aes256-cbc"))),
            (replaced(&binary(CTR), b"aes256-ctr", b"aes256-xyz"), unsupported(Unsupported::Cipher("?"))),
            (replaced(&binary(CTR), b"bcrypt", b"scrypt"), unsupported(Unsupported::Kdf)),
            (replaced(&binary(CTR), b"ssh-ed25519", b"ssh-ed25518"), unsupported(Unsupported::KeyType("?"))),
            (replaced(&binary(CTR), b"\0\0\0\x06bcrypt", b"\0\0\0\x04none"), KeyError::Damaged),
            (replaced(&binary(CTR), b"\0\0\0\x0aaes256-ctr", b"\0\0\0\x04none"), KeyError::Damaged),
            (replaced(&binary(CTR), &[b"\0\0\0\x18", &options[..]].concat(), b"\0\0\0\x08\0\0\0\0"), KeyError::Damaged),
            ([&binary(CTR)[..], &[0]].concat(), KeyError::Damaged),
        ];
        for (n, (bytes, expected)) in cases.into_iter().enumerate() {
            assert_eq!(read(&armored(&bytes), Some(b"secret")).err(), Some(expected), "case {n}");
        }
    }

    #[test]
    fn parts_that_contradict_each_other_are_refused() {
        let key = SigningKey::ed25519(&[3; 32]);
        let whole = binary(&write(&key, b"", &mut random()).unwrap());
        let other = SigningKey::ed25519(&[4; 32]);
        let public = &key.public()[19..];
        let once = replaced(&whole, public, &other.public()[19..]);
        let seed = replaced(&whole, &[3; 32], &[4; 32]);
        let check = replaced(&whole, &random().array::<4>(), &[0; 4]);
        for bytes in [once, seed, check] {
            assert_eq!(read(&armored(&bytes), None).err(), Some(KeyError::Damaged));
        }
    }

    #[test]
    fn padding_counts_up_however_long() {
        let counts: Vec<u8> = (1..=255).collect();
        for length in 0..=255 {
            assert_eq!(check_padding(&counts[..length]), Ok(()));
        }
        for padding in [&[0][..], &[2], &[1, 1], &[1, 2, 4], &[1, 2, 0]] {
            assert_eq!(check_padding(padding), Err(Malformed));
        }
        assert_eq!(check_padding(&[&counts[..], &[0]].concat()), Err(Malformed));
    }

    #[test]
    fn every_truncation_and_flipped_bit_is_an_error() {
        let plain = write(&SigningKey::ecdsa_p256(&mut random()), b"comment", &mut random()).unwrap();
        for text in [plain.as_str(), CTR, GCM] {
            let bytes = binary(text);
            for end in 0..bytes.len() {
                assert!(read(&armored(&bytes[..end]), Some(b"secret")).is_err());
            }
            for end in 0..text.trim_end().len() {
                assert!(read(&text.as_bytes()[..end], Some(b"secret")).is_err());
            }
        }
        // The comment of an unprotected key is anybody's. Each try at an encrypted one costs a round of bcrypt, and one in
        // the number of rounds many, so flips start behind that.
        for (text, from, comment) in [(plain.as_str(), 0, 14), (GCM, 90, 0)] {
            let bytes = binary(text);
            for at in from..bytes.len() - comment {
                let mut bytes = bytes.clone();
                bytes[at] ^= 1 << (at % 8);
                assert!(read(&armored(&bytes), Some(b"secret")).is_err(), "byte {at}");
            }
        }
    }

    #[test]
    fn other_files_are_told_apart() {
        let error = |text: &str| read(text.as_bytes(), None).err();
        assert_eq!(error(""), Some(KeyError::NotAKey));
        assert_eq!(error("ssh-ed25519 AAAA"), Some(KeyError::NotAKey));
        let pem = Some(KeyError::Unsupported(Unsupported::Format("PKCS#8")));
        assert_eq!(error("-----BEGIN PRIVATE KEY-----\n"), pem);
        assert_eq!(error(&CTR.replace("END", "FIN")), Some(KeyError::Damaged));
        assert_eq!(error(&CTR.replacen('\n', "\n!", 1)), Some(KeyError::Damaged));
        assert_eq!(error(&CTR.replacen('\n', &"\n".repeat(70_000), 1)), Some(KeyError::Damaged));
        assert!(binary(CTR).starts_with(MAGIC));
    }
}
