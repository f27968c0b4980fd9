//! OpenSSH's private key files (OpenSSH PROTOCOL.key): one key, its public half in the clear, its private half perhaps
//! encrypted.

use super::lock::Lock;
use super::{CannotWrite, Fault, Locking, PrivateKey, check_public};
use crate::file::{SigningKey, Unsupported, compose};
use crate::seed::Random;
use crate::wire::{Length, Malformed, Reader, Sink};
use alloc::vec::Vec;
use zeroize::Zeroizing;

const MAGIC: &[u8] = b"openssh-key-v1\0";

/// Reads what the envelope holds.
pub(super) fn read(bytes: &[u8], passphrase: Option<&[u8]>) -> Result<PrivateKey, Fault> {
    let container = Container::decode(bytes)?;
    let mut part = Zeroizing::new(container.part.to_vec());
    container.lock.open(passphrase, &mut part, container.tag)?;
    decode_part(&part, container.public).map_err(|Malformed| container.lock.senseless())
}

/// The public key blob.
pub(super) fn public(bytes: &[u8]) -> Result<Vec<u8>, Fault> {
    Container::decode(bytes).map(|container| container.public.to_vec())
}

/// The file before anything is decrypted.
struct Container<'a> {
    lock: Lock<'a>,
    public: &'a [u8],
    part: &'a [u8],
    tag: &'a [u8],
}

impl<'a> Container<'a> {
    fn decode(bytes: &'a [u8]) -> Result<Self, Fault> {
        let mut reader = Reader::new(bytes.strip_prefix(MAGIC).ok_or(Malformed)?);
        let lock = Lock::decode(reader.string()?, reader.string()?, reader.string()?)?;
        if reader.u32()? != 1 {
            return Err(Unsupported::Keys.into());
        }
        let public = reader.string()?;
        check_public(public)?;
        let part = reader.string()?;
        let tag = reader.take(lock.tag())?;
        reader.end()?;
        if part.is_empty() || part.len() % lock.block() != 0 {
            return Err(Fault::Damaged);
        }
        Ok(Self { lock, public, part, tag })
    }
}

/// The private part: two equal numbers that tell a right passphrase, the key, the comment, padding.
fn decode_part(part: &[u8], public: &[u8]) -> Result<PrivateKey, Malformed> {
    let mut reader = Reader::new(part);
    if reader.u32()? != reader.u32()? {
        return Err(Malformed);
    }
    let key = SigningKey::decode(&mut reader)?;
    let comment = reader.string()?.to_vec();
    check_padding(reader.rest())?;
    if key.public() == public { Ok(PrivateKey { key, comment }) } else { Err(Malformed) }
}

/// 1, 2, 3, ...; PuTTY writes more of them than the block asks for.
fn check_padding(padding: &[u8]) -> Result<(), Malformed> {
    let counts = padding.iter().zip(1..=u8::MAX).filter(|(byte, count)| *byte == count).count();
    if counts == padding.len() { Ok(()) } else { Err(Malformed) }
}

/// What the envelope shall hold. The check number guards nothing without encryption.
pub(super) fn write(
    key: &SigningKey,
    comment: &[u8],
    locking: Option<&Locking<'_>>,
    random: &mut Random,
) -> Result<Zeroizing<Vec<u8>>, CannotWrite> {
    let check = random.array();
    let salt = random.array();
    let lock = Lock::new(locking, &salt)?;
    let mut part = Zeroizing::new(encode_part(key, comment, check, lock.block()));
    lock.close(locking, &mut part).ok_or(CannotWrite::Rounds)?;
    Ok(Zeroizing::new(compose(|sink| {
        sink.put(MAGIC);
        lock.encode(sink);
        sink.u32(1);
        sink.string(key.public());
        sink.string(&part);
    })))
}

fn encode_part(key: &SigningKey, comment: &[u8], check: [u8; 4], block: usize) -> Vec<u8> {
    let fields = key.fields();
    let body = |sink: &mut dyn Sink| {
        sink.put(&check);
        sink.put(&check);
        sink.put(&fields);
        sink.string(comment);
    };
    let mut length = Length::default();
    body(&mut length);
    let padding = length.0.next_multiple_of(block).saturating_sub(length.0);
    compose(|sink| {
        body(sink);
        (1..=u8::MAX).take(padding).for_each(|count| sink.u8(count));
    })
}

#[cfg(test)]
mod tests {
    use super::{MAGIC, check_padding};
    use crate::file::private::pem::Pem;
    use crate::file::private::{Locking, MAX_ROUNDS, public, read, write};
    use crate::file::signing::{KeyType, SigningKey};
    use crate::file::{Foreign, Format, KeyError, Unsupported, text};
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
        Pem::decode(text.as_bytes()).unwrap().bytes().unwrap().to_vec()
    }

    fn armored(bytes: &[u8]) -> Vec<u8> {
        text::armor("OPENSSH PRIVATE KEY", bytes, 70).as_bytes().to_vec()
    }

    /// A copy of `bytes` whose first `old` is `new`, of the same length.
    fn replaced(bytes: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
        let at = bytes.windows(old.len()).position(|window| window == old).unwrap();
        [&bytes[..at], new, &bytes[at + old.len()..]].concat()
    }

    fn keys() -> Vec<SigningKey> {
        let kinds = [KeyType::Ed25519, KeyType::EcdsaP256, KeyType::EcdsaP384, KeyType::EcdsaP521];
        kinds.into_iter().map(|kind| SigningKey::generate(kind, &mut random()).unwrap()).collect()
    }

    #[test]
    fn what_is_written_is_read() {
        for key in keys() {
            for comment in 0..9 {
                let comment = &b"whatever"[..comment];
                let text = write(&key, Format::OpenSsh, comment, None, &mut random()).unwrap();
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
    fn what_is_written_under_a_passphrase_takes_it() {
        let lock = Locking { passphrase: b"secret", rounds: 1 };
        for key in keys() {
            let text = write(&key, Format::OpenSsh, b"c", Some(&lock), &mut random()).unwrap();
            assert_eq!(read(text.as_bytes(), None).err(), Some(KeyError::Encrypted));
            assert_eq!(read(text.as_bytes(), Some(b"secre")).err(), Some(KeyError::WrongPassphrase));
            assert_eq!(read(text.as_bytes(), Some(b"secret")).unwrap().key.public(), key.public());
            let again = write(&key, Format::OpenSsh, b"c", Some(&lock), &mut random()).unwrap();
            assert_eq!(text, again, "the same seed, the same file");
        }
        for rounds in [0, MAX_ROUNDS + 1] {
            let lock = Locking { rounds, ..lock };
            let refused = write(&keys()[0], Format::OpenSsh, b"", Some(&lock), &mut random());
            assert_eq!(refused, Err(crate::file::private::CannotWrite::Rounds));
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
    fn l12_hostile_headers_are_refused() {
        let salt = binary(CTR)[47..63].to_vec();
        let options = [b"\0\0\0\x10", &salt[..]].concat();
        let rounds = |n: u32| {
            replaced(&binary(CTR), &[&options[..], &[0, 0, 0, 1]].concat(), &[&options[..], &n.to_be_bytes()].concat())
        };
        let count = |n: u8| replaced(&binary(CTR), b"\0\0\0\x01\0\0\0\x33", &[0, 0, 0, n, 0, 0, 0, 0x33]);
        let unsupported = |what| KeyError::Unsupported(Format::OpenSsh, what);
        let damaged = KeyError::Damaged(Format::OpenSsh);
        let cases = [
            (rounds(0), damaged),
            (rounds(1025), unsupported(Unsupported::Cost)),
            (rounds(1 << 31), unsupported(Unsupported::Cost)),
            (count(0), unsupported(Unsupported::Keys)),
            (count(2), unsupported(Unsupported::Keys)),
            (replaced(&binary(CTR), b"aes256-ctr", b"aes256-xyz"), unsupported(Unsupported::Cipher)),
            (replaced(&binary(CTR), b"bcrypt", b"scrypt"), unsupported(Unsupported::Kdf)),
            (
                replaced(&binary(CTR), b"ssh-ed25519", b"ssh-ed25518"),
                unsupported(Unsupported::KeyType(Foreign::Unknown)),
            ),
            (replaced(&binary(CTR), b"\0\0\0\x06bcrypt", b"\0\0\0\x04none"), damaged),
            (replaced(&binary(CTR), b"\0\0\0\x0aaes256-ctr", b"\0\0\0\x04none"), damaged),
            (replaced(&binary(CTR), &[b"\0\0\0\x18", &options[..]].concat(), b"\0\0\0\x08\0\0\0\0"), damaged),
            ([&binary(CTR)[..], &[0]].concat(), damaged),
        ];
        for (n, (bytes, expected)) in cases.into_iter().enumerate() {
            assert_eq!(read(&armored(&bytes), Some(b"secret")).err(), Some(expected), "case {n}");
        }
    }

    #[test]
    fn l12_parts_that_contradict_each_other_are_refused() {
        let key = SigningKey::ed25519(&[3; 32]);
        let whole = binary(&write(&key, Format::OpenSsh, b"", None, &mut random()).unwrap());
        let other = SigningKey::ed25519(&[4; 32]);
        let public = &key.public()[19..];
        let once = replaced(&whole, public, &other.public()[19..]);
        let seed = replaced(&whole, &[3; 32], &[4; 32]);
        let check = replaced(&whole, &random().array::<4>(), &[0; 4]);
        for bytes in [once, seed, check] {
            assert_eq!(read(&armored(&bytes), None).err(), Some(KeyError::Damaged(Format::OpenSsh)));
        }
    }

    #[test]
    fn t14_padding_counts_up_however_long() {
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
        let plain = write(&keys()[1], Format::OpenSsh, b"comment", None, &mut random()).unwrap();
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
        assert_eq!(error("-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n"), Some(KeyError::NotAKey));
        assert_eq!(error("-----BEGIN PRIVATE KEY-----\n"), Some(KeyError::Damaged(Format::Pkcs8)));
        assert_eq!(error(&CTR.replace("END", "FIN")), Some(KeyError::Damaged(Format::OpenSsh)));
        assert_eq!(error(&CTR.replacen('\n', "\n!", 1)), Some(KeyError::Damaged(Format::OpenSsh)));
        assert_eq!(error(&CTR.replacen('\n', &"\n".repeat(70_000), 1)), Some(KeyError::Damaged(Format::OpenSsh)));
        assert!(binary(CTR).starts_with(MAGIC));
    }
}
