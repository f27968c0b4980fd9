//! Hosts as lines name them: patterns, or one name behind a hash; and the lines that name a host.

use crate::file::pattern::list_takes;
use crate::file::public::PublicKeyBuf;
use crate::file::text::{base64, unbase64};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

/// The port that names stand for when they name none.
pub(super) const PORT: u16 = 22;

/// The hosts of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hosts {
    /// Names or patterns, with commas between.
    Patterns(Vec<u8>),
    /// `|1|salt|HMAC-SHA1(salt, name)`, which hides the name from a thief of the file.
    Hashed {
        /// The salt.
        salt: [u8; 20],
        /// The hash.
        mac: [u8; 20],
    },
}

impl Hosts {
    /// Reads the hosts of a line. `None`: a hashed name that is none.
    pub fn read(text: &[u8]) -> Option<Self> {
        if !is_hashed(text) {
            return Some(Self::Patterns(text.to_vec()));
        }
        let text = text.strip_prefix(b"|1|")?;
        let bar = text.iter().position(|byte| *byte == b'|')?;
        let (salt, mac) = text.split_at_checked(bar)?;
        let value = |text: &[u8]| unbase64(text).ok()?.as_slice().try_into().ok();
        Some(Self::Hashed { salt: value(salt)?, mac: value(mac.get(1..)?)? })
    }

    /// Whether they include the host of this name, as [`name`] writes it.
    pub fn take(&self, name: &[u8]) -> bool {
        match self {
            Self::Patterns(patterns) => list_takes(patterns, name),
            Self::Hashed { salt, mac } => mac_of(salt, name) == Some(*mac),
        }
    }

    /// Whether they are more than one host and its address: patterns, or three names.
    pub(super) fn are_many(&self) -> bool {
        match self {
            Self::Patterns(patterns) => {
                let commas = patterns.iter().filter(|byte| **byte == b',').count();
                commas > 1 || patterns.iter().any(|byte| matches!(byte, b'*' | b'?'))
            }
            Self::Hashed { .. } => false,
        }
    }
}

/// Whether the hosts of a line are meant to be hashed.
pub(super) fn is_hashed(text: &[u8]) -> bool {
    text.starts_with(b"|")
}

/// The host as lines name it: in lower case, and in brackets with its port unless that is 22.
pub fn name(host: &str, port: u16) -> Vec<u8> {
    let host = host.to_ascii_lowercase();
    if port == PORT { host } else { format!("[{host}]:{port}") }.into_bytes()
}

/// A name behind a hash.
pub(super) fn hashed(name: &[u8], salt: &[u8; 20]) -> Option<String> {
    Some(format!("|1|{}|{}", base64(salt), base64(&mac_of(salt, name)?)))
}

fn mac_of(salt: &[u8; 20], name: &[u8]) -> Option<[u8; 20]> {
    let mac = Hmac::<Sha1>::new_from_slice(salt).ok()?;
    Some(mac.chain_update(name).finalize().into_bytes().into())
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
    let name = hashed(&recordable(host, port)?, salt).ok_or(BadHost)?;
    Ok(format!("{name} {key}\n"))
}

fn recordable(host: &str, port: u16) -> Result<Vec<u8>, BadHost> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:%".contains(&byte);
    if host.is_empty() || !host.bytes().all(plain) {
        return Err(BadHost);
    }
    Ok(name(host, port))
}

impl fmt::Display for BadHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a host name")
    }
}

impl core::error::Error for BadHost {}

#[cfg(test)]
mod tests {
    use super::{BadHost, hashed_line, line};
    use crate::file::known_hosts::KnownHosts;
    use crate::file::known_hosts::tests::{ed25519, known};

    #[test]
    fn composed_lines_are_known() {
        let key = ed25519(1);
        for (host, port) in [("Host.example", 22), ("host", 2222), ("::1", 22), ("fe80::1%eth0", 2222)] {
            for text in [line(host, port, &key).unwrap(), hashed_line(host, port, &key, &[7; 20]).unwrap()] {
                let hosts = KnownHosts::read(text.as_bytes());
                assert_eq!(hosts.verdict(host, port, key.blob(), None), known(1), "{text}");
                assert_eq!(hosts.find(host, 1).count(), 0);
            }
        }
        for host in ["", "*", "a b", "a,b", "!a", "@revoked", "a\nb", "[a]", "|1|a", "h\u{f6}st"] {
            assert_eq!(line(host, 22, &key), Err(BadHost));
        }
    }
}
