//! One entry of a list of known hosts, and the line of a file that it is read from and written as (sshd(8)).

use super::constants::{
    LIBSSH2_KNOWNHOST_KEYENC_BASE64, LIBSSH2_KNOWNHOST_TYPE_CUSTOM, LIBSSH2_KNOWNHOST_TYPE_MASK,
    LIBSSH2_KNOWNHOST_TYPE_PLAIN, LIBSSH2_KNOWNHOST_TYPE_SHA1, key_bits,
};
use core::fmt;
use sanssh_core::file::PublicKeyBuf;
use sanssh_core::file::known_hosts::{Hosts, Mark};
use sanssh_core::file::public::bare;
use std::sync::Arc;

/// One host and its key, `ssh2.knownhost.KnownHostEntry`. Two are equal if they are the same entry of the same list, for
/// several may say the same.
#[derive(Clone)]
pub struct KnownHostEntry(Arc<Entry>);

/// What is known of it.
pub(super) struct Entry {
    pub(super) mark: Mark,
    pub(super) typemask: i32,
    /// The host as a line has it.
    pub(super) host: Vec<u8>,
    pub(super) key: PublicKeyBuf,
    pub(super) comment: Vec<u8>,
}

/// The longest line that is read.
const MAX_LINE: usize = 64 * 1024;

impl KnownHostEntry {
    pub(super) fn new(entry: Entry) -> Self {
        Self(Arc::new(entry))
    }

    pub(super) fn entry(&self) -> &Entry {
        &self.0
    }

    /// The host's name, or the patterns of its line; `None` if it is hashed.
    pub fn name(&self) -> Option<&[u8]> {
        (self.0.kind() != LIBSSH2_KNOWNHOST_TYPE_SHA1).then_some(&*self.0.host)
    }

    /// The key's blob, never in Base64, however it was given.
    pub fn key(&self) -> &[u8] {
        self.0.key.blob()
    }

    /// How it was added, put together from `LIBSSH2_KNOWNHOST_`; of a line, what it says.
    pub fn typemask(&self) -> i32 {
        self.0.typemask
    }

    /// Always the same number.
    #[expect(clippy::unused_self, reason = "it is documented as the entry's")]
    pub const fn magic(&self) -> u32 {
        0xdead_cafe
    }

    /// What the line says about the key besides, which is not documented elsewhere.
    pub fn comment(&self) -> &[u8] {
        &self.0.comment
    }

    /// Whether the key is a host's, an authority's that certifies hosts (`@cert-authority`), or must not be accepted
    /// (`@revoked`), which is not documented elsewhere.
    pub fn mark(&self) -> Mark {
        self.0.mark
    }
}

impl PartialEq for KnownHostEntry {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for KnownHostEntry {}

impl fmt::Debug for KnownHostEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for KnownHostEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Known host entry for host: ")?;
        match self.name() {
            Some(name) => write!(f, "{}", name.escape_ascii()),
            None => f.write_str("hashed"),
        }
    }
}

impl Entry {
    /// The bits of `LIBSSH2_KNOWNHOST_TYPE_`.
    pub(super) const fn kind(&self) -> i32 {
        self.typemask & LIBSSH2_KNOWNHOST_TYPE_MASK
    }

    /// Whether the entry is about a host of one of these types, named so.
    pub(super) fn takes(&self, kind: i32, name: &[u8]) -> bool {
        match self.kind() {
            LIBSSH2_KNOWNHOST_TYPE_CUSTOM => kind == LIBSSH2_KNOWNHOST_TYPE_CUSTOM && self.host == name,
            _ if kind != LIBSSH2_KNOWNHOST_TYPE_PLAIN => false,
            _ => Hosts::read(&self.host).is_some_and(|hosts| hosts.take(name)),
        }
    }

    /// Whether it has this key. Of a certificate that is revoked, its key counts.
    pub(super) fn has(&self, key: &[u8]) -> bool {
        *bare(self.key.blob()) == *key
    }

    /// The entries of a line: one for each name, and one for a list with patterns, whose parts mean something together
    /// only. None of a line that says nothing.
    pub(super) fn read(line: &[u8]) -> Result<Vec<Self>, &'static str> {
        let line = line.trim_ascii();
        if line.is_empty() || line.starts_with(b"#") {
            return Ok(Vec::new());
        }
        if line.len() > MAX_LINE || line.contains(&b'\n') {
            return Err("not one line, or too long a line");
        }
        let (mark, line) = match word(line) {
            (b"@revoked", rest) => (Mark::Revoked, rest),
            (b"@cert-authority", rest) => (Mark::CertAuthority, rest),
            ([b'@', ..], _) => return Err("unknown marker"),
            _ => (Mark::None, line),
        };
        let (hosts, rest) = word(line);
        let (key, comment) = PublicKeyBuf::read(rest).map_err(|_| "damaged key, or one of SSH-1")?;
        if mark != Mark::Revoked && *bare(key.blob()) != *key.blob() {
            return Err("a certificate in the place of a key");
        }
        let is_hashed = hosts.starts_with(b"|");
        if hosts.starts_with(b"@") || (is_hashed && Hosts::read(hosts).is_none()) {
            return Err("a second marker, or a damaged hashed name");
        }
        let kind = if is_hashed { LIBSSH2_KNOWNHOST_TYPE_SHA1 } else { LIBSSH2_KNOWNHOST_TYPE_PLAIN };
        let typemask = kind | LIBSSH2_KNOWNHOST_KEYENC_BASE64 | key_bits(key.kind());
        let whole = is_hashed || hosts.iter().any(|byte| matches!(byte, b'*' | b'?' | b'!'));
        let names: Vec<_> = if whole { vec![hosts] } else { hosts.split(|byte| *byte == b',').collect() };
        let entry = |name: &[u8]| Self {
            mark,
            typemask,
            host: name.to_vec(),
            key: key.clone(),
            comment: comment.trim_ascii().to_vec(),
        };
        Ok(names.into_iter().filter(|name| !name.is_empty()).map(entry).collect())
    }

    /// The line, with its end.
    pub(super) fn line(&self) -> Vec<u8> {
        let mut line = match self.mark {
            Mark::None => Vec::new(),
            Mark::Revoked => b"@revoked ".to_vec(),
            Mark::CertAuthority => b"@cert-authority ".to_vec(),
        };
        line.extend_from_slice(&self.host);
        line.push(b' ');
        line.extend_from_slice(self.key.to_string().as_bytes());
        if !self.comment.is_empty() {
            line.push(b' ');
            line.extend_from_slice(&self.comment);
        }
        line.push(b'\n');
        line
    }
}

/// The first word, and what follows the blanks behind it.
fn word(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(u8::is_ascii_whitespace).unwrap_or(text.len());
    (&text[..end], text[end..].trim_ascii_start())
}
