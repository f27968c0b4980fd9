//! Fingerprints of host keys in the DNS, resource records SSHFP (RFC 4255, RFC 6594, RFC 7479): comparing a key with one,
//! and printing those of a key. Only DNSSEC makes a record worth more than the network it came over.

use super::public::PublicKeyBuf;
use crate::wire::{Malformed, Reader};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// A record's data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The number of the key's algorithm.
    pub algorithm: u8,
    /// The hash of the fingerprint.
    pub hash: Hash,
    /// The fingerprint.
    pub fingerprint: Vec<u8>,
}

/// Hashes that fingerprints are made by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hash {
    /// SHA-1 (RFC 4255 §3.1.2). Read for old zones' sake, and not enough to trust a key by.
    Sha1,
    /// SHA-256 (RFC 6594 §3.2.2).
    Sha256,
}

impl Hash {
    const ALL: [Self; 2] = [Self::Sha1, Self::Sha256];

    /// Its number in records.
    pub const fn number(self) -> u8 {
        match self {
            Self::Sha1 => 1,
            Self::Sha256 => 2,
        }
    }

    fn of(self, blob: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha1 => Sha1::digest(blob).to_vec(),
            Self::Sha256 => Sha256::digest(blob).to_vec(),
        }
    }
}

impl Record {
    /// Reads a record's data as it stands in a DNS message. Unknown hashes and fingerprints of a wrong length are
    /// malformed.
    pub fn decode(data: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(data);
        let (algorithm, number) = (reader.u8()?, reader.u8()?);
        let hash = Hash::ALL.into_iter().find(|hash| hash.number() == number).ok_or(Malformed)?;
        let fingerprint = reader.rest().to_vec();
        if fingerprint.len() == hash.of(&[]).len() { Ok(Self { algorithm, hash, fingerprint }) } else { Err(Malformed) }
    }

    /// The records of a key, one for each hash; none for types that have no number.
    pub fn of(key: &PublicKeyBuf) -> Vec<Self> {
        let records = |algorithm| Hash::ALL.map(|hash| Self { algorithm, hash, fingerprint: hash.of(key.blob()) });
        number(key).into_iter().flat_map(records).collect()
    }

    /// Whether the record is this key's.
    pub fn is_of(&self, key: &PublicKeyBuf) -> bool {
        number(key) == Some(self.algorithm) && self.fingerprint == self.hash.of(key.blob())
    }

    /// The record as a line of a zone file, without its end (`ssh-keygen -r`).
    pub fn line(&self, host: &str) -> String {
        format!("{host} IN SSHFP {self}")
    }
}

/// The number of a key's algorithm.
fn number(key: &PublicKeyBuf) -> Option<u8> {
    match key.kind() {
        "ssh-rsa" => Some(1),
        "ssh-dss" => Some(2),
        "ecdsa-sha2-nistp256" | "ecdsa-sha2-nistp384" | "ecdsa-sha2-nistp521" => Some(3),
        "ssh-ed25519" => Some(4),
        _ => None,
    }
}

/// As in a zone file.
impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ", self.algorithm, self.hash.number())?;
        self.fingerprint.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::Record;
    use crate::file::{PublicKeyBuf, SigningKey};
    use crate::wire::Malformed;
    use alloc::vec::Vec;

    fn data(record: &Record) -> Vec<u8> {
        [&[record.algorithm, record.hash.number()], &record.fingerprint[..]].concat()
    }

    #[test]
    fn a_record_is_of_its_key_alone() {
        let key = |n| PublicKeyBuf::from_blob(SigningKey::ed25519(&[n; 32]).public()).unwrap();
        let records = Record::of(&key(1));
        assert_eq!(records.len(), 2);
        for record in records {
            let mut data = data(&record);
            assert_eq!(Record::decode(&data), Ok(record.clone()));
            assert!(record.is_of(&key(1)) && !record.is_of(&key(2)));
            for bit in (0..8).chain(16..data.len() * 8) {
                data[bit / 8] ^= 1 << (bit % 8);
                assert!(!Record::decode(&data).unwrap().is_of(&key(1)));
                data[bit / 8] ^= 1 << (bit % 8);
            }
        }
        assert!(Record::of(&PublicKeyBuf::from_blob(b"\0\0\0\x05other").unwrap()).is_empty());
    }

    #[test]
    fn other_hashes_and_lengths_are_malformed() {
        let whole = data(&Record::of(&PublicKeyBuf::from_blob(SigningKey::ed25519(&[1; 32]).public()).unwrap())[1]);
        for end in 0..whole.len() {
            assert_eq!(Record::decode(&whole[..end]), Err(Malformed));
        }
        assert_eq!(Record::decode(&[&whole[..], &[0]].concat()), Err(Malformed));
        for number in [0, 1, 3, 255] {
            assert_eq!(Record::decode(&[&[4, number], &whole[2..]].concat()), Err(Malformed));
        }
    }
}
