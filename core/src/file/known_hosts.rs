//! Lists of host keys, as sshd(8) describes the file `known_hosts`: which host has shown which key. A line that is damaged
//! is left out and reported; nothing in it can make a key trusted.
//!
//! Several files make one list, since that is how they are asked: what one of them revokes is revoked, whatever the
//! others say.

mod edit;
mod name;
mod order;
mod update;
mod verdict;

pub use edit::{Edited, hashed, without};
pub use name::{BadHost, Hosts, hashed_line, line, name};
pub use update::{MOST_KEYS, Unfit, Update};
pub use verdict::{By, Verdict};

use super::public::{PublicKeyBuf, bare};
use super::text::{MAX_LINE, is_idle, lines, word};
use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::fmt;

/// What one or several files say, line by line.
#[derive(Debug, Clone, Default)]
pub struct KnownHosts {
    entries: Vec<Entry>,
    damaged: Vec<Damaged>,
    files: usize,
}

/// Where something is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The number of the file, from 0 in the order in which they were added.
    pub file: usize,
    /// The number of the line, from 1.
    pub line: usize,
}

/// A line with a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where it is.
    pub at: Place,
    /// What is special about the key.
    pub mark: Mark,
    /// The key.
    pub key: PublicKeyBuf,
    hosts: Hosts,
}

/// What is special about the key of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// Nothing: it is the key of a host.
    None,
    /// `@revoked`: it must not be accepted from these hosts, nor certificates that it signed.
    Revoked,
    /// `@cert-authority`: it signs certificates of these hosts and is no host's own.
    CertAuthority,
}

/// A line that was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Damaged {
    /// Where it is.
    pub at: Place,
    /// What is wrong with it.
    pub why: Why,
}

/// What is wrong with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// It is longer than 64 KiB.
    TooLong,
    /// An unknown marker, or two.
    Marker,
    /// The hashed name is no hashed name.
    Hash,
    /// The key is missing or no key.
    Key,
}

impl KnownHosts {
    /// Reads one file. There is no wrong file, only lines that are left out.
    pub fn read(text: &[u8]) -> Self {
        let mut hosts = Self::default();
        hosts.add(text);
        hosts
    }

    /// Reads another file.
    pub fn add(&mut self, text: &[u8]) {
        for (line, text) in lines(text).filter(|(_, text)| !is_idle(text)) {
            let at = Place { file: self.files, line };
            match Entry::read(at, text) {
                Ok(entry) => self.entries.push(entry),
                Err(why) => self.damaged.push(Damaged { at, why }),
            }
        }
        self.files = self.files.saturating_add(1);
    }

    /// The lines about a host, those of authorities and revoked keys among them (`ssh-keygen -F`).
    pub fn find(&self, host: &str, port: u16) -> impl Iterator<Item = &Entry> {
        self.named(name(host, port))
    }

    fn named(&self, name: Vec<u8>) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |entry| entry.hosts.take(&name))
    }

    /// The lines with keys.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The lines that were left out.
    pub fn damaged(&self) -> &[Damaged] {
        &self.damaged
    }
}

impl Entry {
    fn read(at: Place, text: &[u8]) -> Result<Self, Why> {
        let Fields { mark, hosts, key } = Fields::split(text)?;
        let hosts = Hosts::read(hosts).ok_or(Why::Hash)?;
        let (key, _comment) = PublicKeyBuf::read(key).map_err(|_| Why::Key)?;
        // Who revokes a certificate means its key, whatever else is certified about it. Nothing else is said of one.
        let key = match bare(key.blob()) {
            Cow::Borrowed(_) => key,
            Cow::Owned(blob) if mark == Mark::Revoked => PublicKeyBuf::from_blob(&blob).map_err(|_| Why::Key)?,
            Cow::Owned(_) => return Err(Why::Key),
        };
        Ok(Self { at, mark, key, hosts })
    }
}

/// The parts of a line, as they stand there.
struct Fields<'a> {
    mark: Mark,
    hosts: &'a [u8],
    /// The key and whatever is behind it.
    key: &'a [u8],
}

impl<'a> Fields<'a> {
    /// Splits a line without leading blanks that [says something](is_idle).
    fn split(text: &'a [u8]) -> Result<Self, Why> {
        if text.len() > MAX_LINE {
            return Err(Why::TooLong);
        }
        let (mark, text) = match word(text) {
            (b"@revoked", rest) => (Mark::Revoked, rest),
            (b"@cert-authority", rest) => (Mark::CertAuthority, rest),
            _ => (Mark::None, text),
        };
        let (hosts, key) = word(text);
        if hosts.starts_with(b"@") { Err(Why::Marker) } else { Ok(Self { mark, hosts, key }) }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "the line is too long",
            Self::Marker => "unknown marker",
            Self::Hash => "damaged hashed host name",
            Self::Key => "damaged key",
        })
    }
}

impl fmt::Display for Damaged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.at.line, self.why)
    }
}

impl core::error::Error for Damaged {}

#[cfg(test)]
pub(super) mod tests {
    use super::{By, Damaged, KnownHosts, Place, Verdict, Why, hashed_line};
    use crate::file::{PublicKeyBuf, SigningKey};
    use crate::seed::{Random, Seed};
    use alloc::format;
    use alloc::string::String;

    pub(super) const fn at(line: usize) -> Place {
        Place { file: 0, line }
    }

    pub(super) const fn known(line: usize) -> Verdict<'static> {
        Verdict::Known { at: at(line), by: By::Key }
    }

    pub(super) fn ed25519(n: u8) -> PublicKeyBuf {
        PublicKeyBuf::from_blob(SigningKey::ed25519(&[n; 32]).public()).unwrap()
    }

    pub(super) fn ecdsa() -> PublicKeyBuf {
        PublicKeyBuf::from_blob(SigningKey::ecdsa_p256(&mut Random::new(&Seed::new([1; 32]))).public()).unwrap()
    }

    #[test]
    fn l02_l04_odd_lines_are_reported_and_match_nothing() {
        let key = ed25519(1);
        let text = format!(
            "@revoked @cert-authority * {key}\n@other * {key}\n  # host {key}\r\n\n\
             |1|AAAA|AAAA {key}\n|1|%|% {key}\nhost\nhost ssh-ed25519 AAAA\n* ssh-rsa {}\n{} {key}\n@revoked\nx {key}\r\n",
            key.line("").split(' ').nth(1).unwrap(),
            "x".repeat(1 << 20),
        );
        let hosts = KnownHosts::read(text.as_bytes());
        assert_eq!(hosts.verdict("host", 22, key.blob(), None), Verdict::Unknown);
        assert_eq!(hosts.verdict("x", 22, key.blob(), None), known(12));
        let expected = [
            (1, Why::Marker),
            (2, Why::Marker),
            (5, Why::Hash),
            (6, Why::Hash),
            (7, Why::Key),
            (8, Why::Key),
            (9, Why::Key),
            (10, Why::TooLong),
            (11, Why::Key),
        ];
        assert_eq!(hosts.damaged(), expected.map(|(line, why)| Damaged { at: at(line), why }));
    }

    #[test]
    fn no_truncation_or_flipped_bit_panics_or_vouches_for_another_key() {
        let (key, text) = (ed25519(1), hashed_line("host", 22, &ed25519(1), &[7; 20]).unwrap());
        for end in 0..text.trim_end().len() {
            let hosts = KnownHosts::read(&text.as_bytes()[..end]);
            assert_eq!(hosts.verdict("host", 22, key.blob(), None), Verdict::Unknown);
        }
        for bit in 0..text.len() * 8 {
            let mut text = String::into_bytes(text.clone());
            text[bit / 8] ^= 1 << (bit % 8);
            assert!(!matches!(
                KnownHosts::read(&text).verdict("host", 22, ed25519(2).blob(), None),
                Verdict::Known { .. }
            ));
        }
    }
}
