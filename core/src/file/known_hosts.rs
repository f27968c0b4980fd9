//! Lists of host keys, as sshd(8) describes the file `known_hosts`: which host has shown which key. A line that is damaged
//! is left out and reported; nothing in it can make a key trusted.

use super::pattern::list_takes;
use super::public::PublicKeyBuf;
use super::text::{MAX_LINE, base64, is_idle, lines, unbase64, word};
use crate::algorithm::HostKey;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

/// The port that names stand for when they name none.
const PORT: u16 = 22;

/// The contents of a file, line by line.
#[derive(Debug, Clone, Default)]
pub struct KnownHosts {
    entries: Vec<Entry>,
    damaged: Vec<Damaged>,
}

/// A line with a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its number, from 1.
    pub line: usize,
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
    /// `@revoked`: it must not be accepted from these hosts.
    Revoked,
    /// `@cert-authority`: it signs host certificates and is no host's own.
    CertAuthority,
}

/// The hosts of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Hosts {
    Patterns(Vec<u8>),
    /// `|1|salt|HMAC-SHA1(salt, name)`, which hides the name from a thief of the file.
    Hashed {
        salt: [u8; 20],
        mac: [u8; 20],
    },
}

/// A line that was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Damaged {
    /// Its number, from 1.
    pub line: usize,
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

/// What a list says about a host's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict<'a> {
    /// The key is the host's.
    Known {
        /// The line that says so.
        line: usize,
    },
    /// No key of the host is on record.
    Unknown,
    /// Other keys of the host are on record, of this type or another, and this is none of them. Somebody may be
    /// listening in.
    Changed {
        /// The line of such a key, one of the same type if there is one.
        line: usize,
        /// The key on record.
        key: &'a PublicKeyBuf,
    },
    /// The key is marked as not to be trusted.
    Revoked {
        /// The line that says so.
        line: usize,
    },
}

impl KnownHosts {
    /// Reads a file. There is no wrong file, only lines that are left out.
    pub fn read(text: &[u8]) -> Self {
        let mut hosts = Self::default();
        for (line, text) in lines(text).filter(|(_, text)| !is_idle(text)) {
            match Entry::read(line, text) {
                Ok(entry) => hosts.entries.push(entry),
                Err(why) => hosts.damaged.push(Damaged { line, why }),
            }
        }
        hosts
    }

    /// What the list says about `key`, a public key blob, for the host of this name or address.
    pub fn verdict(&self, host: &str, port: u16, key: &[u8]) -> Verdict<'_> {
        let name = name(host, port);
        let with = |mark| self.entries.iter().filter(move |entry| entry.mark == mark);
        let is_key = |entry: &&Entry| entry.key.blob() == key && entry.is_for(&name);
        if let Some(entry) = with(Mark::Revoked).find(is_key) {
            return Verdict::Revoked { line: entry.line };
        }
        if let Some(entry) = with(Mark::None).find(is_key) {
            return Verdict::Known { line: entry.line };
        }
        let kind = PublicKeyBuf::from_blob(key).ok();
        let is_kind = |entry: &Entry| kind.as_ref().is_some_and(|key| key.kind() == entry.key.kind());
        let others = || with(Mark::None).filter(|entry| entry.is_for(&name));
        match others().find(|entry| is_kind(entry)).or_else(|| others().next()) {
            Some(entry) => Verdict::Changed { line: entry.line, key: &entry.key },
            None => Verdict::Unknown,
        }
    }

    /// The keys on record for a host, those of certificate authorities and revoked ones left out.
    pub fn keys(&self, host: &str, port: u16) -> impl Iterator<Item = &PublicKeyBuf> {
        let name = name(host, port);
        self.entries.iter().filter(move |entry| entry.is_plain_for(&name)).map(|entry| &entry.key)
    }

    /// The signature algorithms by which a host can prove a key that is on record, for a client to prefer them.
    pub fn algorithms(&self, host: &str, port: u16) -> Vec<HostKey> {
        let kinds: Vec<&str> = self.keys(host, port).map(PublicKeyBuf::kind).collect();
        HostKey::ALL.iter().copied().filter(|algorithm| kinds.contains(&algorithm.key_type())).collect()
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
    fn read(line: usize, text: &[u8]) -> Result<Self, Why> {
        if text.len() > MAX_LINE {
            return Err(Why::TooLong);
        }
        let (mark, text) = match word(text) {
            (b"@revoked", rest) => (Mark::Revoked, rest),
            (b"@cert-authority", rest) => (Mark::CertAuthority, rest),
            _ => (Mark::None, text),
        };
        let (hosts, key) = word(text);
        let hosts = match hosts {
            [b'@', ..] => return Err(Why::Marker),
            [b'|', ..] => hashed(hosts).ok_or(Why::Hash)?,
            patterns => Hosts::Patterns(patterns.to_vec()),
        };
        let (key, _comment) = PublicKeyBuf::read(key).map_err(|_| Why::Key)?;
        Ok(Self { line, mark, key, hosts })
    }

    /// Whether the line is about the host of this name, as [`name`] writes it.
    fn is_for(&self, name: &[u8]) -> bool {
        match &self.hosts {
            Hosts::Patterns(patterns) => list_takes(patterns, name),
            Hosts::Hashed { salt, mac } => hash(salt, name) == Some(*mac),
        }
    }

    fn is_plain_for(&self, name: &[u8]) -> bool {
        self.mark == Mark::None && self.is_for(name)
    }
}

impl Verdict<'_> {
    /// What two lists say together: revoked in one is revoked, and known in one is known even if the other knows
    /// another key.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        if other.weight() > self.weight() { other } else { self }
    }

    const fn weight(&self) -> u8 {
        match self {
            Self::Unknown => 0,
            Self::Changed { .. } => 1,
            Self::Known { .. } => 2,
            Self::Revoked { .. } => 3,
        }
    }
}

/// A host name that cannot stand in a line of its own: empty, or with characters that mean something there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadHost;

/// A line, with its end, that makes `key` known for a host.
pub fn line(host: &str, port: u16, key: &PublicKeyBuf) -> Result<String, BadHost> {
    let name = String::from_utf8(recordable(host, port)?).map_err(|_| BadHost)?;
    Ok(format!("{name} {key}\n"))
}

/// The same with the name hashed; the salt should be random.
pub fn hashed_line(host: &str, port: u16, key: &PublicKeyBuf, salt: &[u8; 20]) -> Result<String, BadHost> {
    let mac = hash(salt, &recordable(host, port)?).ok_or(BadHost)?;
    Ok(format!("|1|{}|{} {key}\n", base64(salt), base64(&mac)))
}

fn recordable(host: &str, port: u16) -> Result<Vec<u8>, BadHost> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:%".contains(&byte);
    if host.is_empty() || !host.bytes().all(plain) {
        return Err(BadHost);
    }
    Ok(name(host, port))
}

/// The host as lines name it: in lower case, and in brackets with its port unless that is 22.
fn name(host: &str, port: u16) -> Vec<u8> {
    let host = host.to_ascii_lowercase();
    if port == PORT { host } else { format!("[{host}]:{port}") }.into_bytes()
}

fn hashed(text: &[u8]) -> Option<Hosts> {
    let text = text.strip_prefix(b"|1|")?;
    let bar = text.iter().position(|byte| *byte == b'|')?;
    let (salt, mac) = text.split_at_checked(bar)?;
    let value = |text: &[u8]| unbase64(text).ok()?.as_slice().try_into().ok();
    Some(Hosts::Hashed { salt: value(salt)?, mac: value(mac.get(1..)?)? })
}

fn hash(salt: &[u8; 20], name: &[u8]) -> Option<[u8; 20]> {
    let mac = Hmac::<Sha1>::new_from_slice(salt).ok()?;
    Some(mac.chain_update(name).finalize().into_bytes().into())
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
        write!(f, "line {}: {}", self.line, self.why)
    }
}

impl fmt::Display for BadHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a host name")
    }
}

impl core::error::Error for Damaged {}
impl core::error::Error for BadHost {}

#[cfg(test)]
mod tests {
    use super::{BadHost, Damaged, KnownHosts, Verdict, Why, hashed_line, line};
    use crate::algorithm::HostKey;
    use crate::file::{PublicKeyBuf, SigningKey};
    use crate::seed::{Random, Seed};
    use alloc::format;
    use alloc::string::String;

    fn ed25519(n: u8) -> PublicKeyBuf {
        PublicKeyBuf::from_blob(SigningKey::ed25519(&[n; 32]).public()).unwrap()
    }

    fn ecdsa() -> PublicKeyBuf {
        PublicKeyBuf::from_blob(SigningKey::ecdsa_p256(&mut Random::new(&Seed::new([1; 32]))).public()).unwrap()
    }

    #[test]
    fn a_key_of_another_type_is_a_change() {
        let (old, new) = (ecdsa(), ed25519(1));
        let hosts = KnownHosts::read(format!("host {old}").as_bytes());
        assert_eq!(hosts.verdict("host", 22, new.blob()), Verdict::Changed { line: 1, key: &old });
        assert_eq!(hosts.verdict("HOST", 22, old.blob()), Verdict::Known { line: 1 });
        assert_eq!(hosts.verdict("host", 23, old.blob()), Verdict::Unknown);
        assert_eq!(hosts.algorithms("host", 22), [HostKey::EcdsaP256]);
        let (foreign, same) = (ed25519(3), ed25519(2));
        let hosts = KnownHosts::read(format!("host {old}\nhost {same}\nhost {foreign}").as_bytes());
        assert_eq!(hosts.verdict("host", 22, new.blob()), Verdict::Changed { line: 2, key: &same });
        assert_eq!(hosts.algorithms("host", 22), [HostKey::Ed25519, HostKey::EcdsaP256]);
    }

    #[test]
    fn revoked_wins_and_authorities_are_no_hosts() {
        let (key, other) = (ed25519(1), ed25519(2));
        let hosts = KnownHosts::read(format!("host {key}\n@revoked * {key}\n@cert-authority * {other}").as_bytes());
        assert_eq!(hosts.verdict("host", 22, key.blob()), Verdict::Revoked { line: 2 });
        assert_eq!(hosts.verdict("elsewhere", 2, key.blob()), Verdict::Revoked { line: 2 });
        assert_eq!(hosts.verdict("elsewhere", 22, other.blob()), Verdict::Unknown);
        assert_eq!(hosts.keys("host", 22).count(), 1);
        assert_eq!(Verdict::Known { line: 1 }.and(Verdict::Revoked { line: 7 }), Verdict::Revoked { line: 7 });
        assert_eq!(Verdict::Unknown.and(Verdict::Known { line: 1 }), Verdict::Known { line: 1 });
    }

    #[test]
    fn odd_lines_are_reported_and_match_nothing() {
        let key = ed25519(1);
        let text = format!(
            "@revoked @cert-authority * {key}\n@other * {key}\n  # host {key}\r\n\n\
             |1|AAAA|AAAA {key}\n|1|%|% {key}\nhost\nhost ssh-ed25519 AAAA\n* ssh-rsa {}\n{} {key}\n@revoked\nx {key}\r\n",
            key.line("").split(' ').nth(1).unwrap(),
            "x".repeat(1 << 20),
        );
        let hosts = KnownHosts::read(text.as_bytes());
        assert_eq!(hosts.verdict("host", 22, key.blob()), Verdict::Unknown);
        assert_eq!(hosts.verdict("x", 22, key.blob()), Verdict::Known { line: 12 });
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
        assert_eq!(hosts.damaged(), expected.map(|(line, why)| Damaged { line, why }));
    }

    #[test]
    fn composed_lines_are_known() {
        let key = ed25519(1);
        for (host, port) in [("Host.example", 22), ("host", 2222), ("::1", 22), ("fe80::1%eth0", 2222)] {
            for text in [line(host, port, &key).unwrap(), hashed_line(host, port, &key, &[7; 20]).unwrap()] {
                let hosts = KnownHosts::read(text.as_bytes());
                assert_eq!(hosts.verdict(host, port, key.blob()), Verdict::Known { line: 1 }, "{text}");
                assert_eq!(hosts.verdict(host, 1, key.blob()), Verdict::Unknown);
            }
        }
        for host in ["", "*", "a b", "a,b", "!a", "@revoked", "a\nb", "[a]", "|1|a", "h\u{f6}st"] {
            assert_eq!(line(host, 22, &key), Err(BadHost));
        }
    }

    #[test]
    fn no_truncation_or_flipped_bit_panics_or_vouches_for_another_key() {
        let (key, text) = (ed25519(1), hashed_line("host", 22, &ed25519(1), &[7; 20]).unwrap());
        for end in 0..text.trim_end().len() {
            let hosts = KnownHosts::read(&text.as_bytes()[..end]);
            assert_eq!(hosts.verdict("host", 22, key.blob()), Verdict::Unknown);
        }
        for bit in 0..text.len() * 8 {
            let mut text = String::into_bytes(text.clone());
            text[bit / 8] ^= 1 << (bit % 8);
            assert!(!matches!(KnownHosts::read(&text).verdict("host", 22, ed25519(2).blob()), Verdict::Known { .. }));
        }
    }
}
