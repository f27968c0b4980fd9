//! Whether a key is a host's: what is revoked comes first, then certificates, then the keys themselves; where something is
//! on record for a port, what is on record without one is not asked.

use super::constants::{
    LIBSSH2_KNOWNHOST_KEY_MASK, LIBSSH2_KNOWNHOST_KEY_UNKNOWN, LIBSSH2_KNOWNHOST_TYPE_CUSTOM,
    LIBSSH2_KNOWNHOST_TYPE_MASK, LIBSSH2_KNOWNHOST_TYPE_PLAIN, LIBSSH2_KNOWNHOST_TYPE_SHA1,
};
use super::entry::KnownHostEntry;
use crate::Error;
use crate::exceptions::{KnownHostCheckFailure, KnownHostCheckMismatchError, KnownHostCheckNotFoundError};
use sanssh_core::algorithm::Preferences;
use sanssh_core::crypto::certificate::{Certificate, Kind};
use sanssh_core::crypto::fast::Fast;
use sanssh_core::file::known_hosts::Mark;
use sanssh_core::file::pattern::takes;
use sanssh_core::file::public::bare;
use std::borrow::Cow;
use std::time::{SystemTime, UNIX_EPOCH};

/// A host as it was asked for, by the names that it may be on record under, the better first.
pub(super) struct Asked {
    kind: i32,
    names: Vec<Vec<u8>>,
    /// The type that the key is said to be of, in the bits of a typemask; 0 for any.
    key_bits: i32,
}

/// What a host shows.
struct Shown<'k> {
    /// Its key, without what is certified about it.
    key: Cow<'k, [u8]>,
    /// Who certifies it for this host, soundly.
    authority: Option<&'k [u8]>,
    /// Who certifies anything about it.
    signer: Option<&'k [u8]>,
}

impl Asked {
    /// # Errors
    /// `KnownHostCheckFailure` for a typemask that says nothing of the host, `KnownHostCheckMismatchError` for a hash in
    /// the place of a name: it cannot be looked for.
    pub(super) fn new(host: &[u8], port: Option<u16>, typemask: i32) -> Result<Self, Error> {
        let kind = typemask & LIBSSH2_KNOWNHOST_TYPE_MASK;
        let names = match kind {
            LIBSSH2_KNOWNHOST_TYPE_PLAIN => {
                let host = host.to_ascii_lowercase();
                let ported = port.map(|port| [b"[", &*host, format!("]:{port}").as_bytes()].concat());
                ported.into_iter().chain([host]).collect()
            }
            LIBSSH2_KNOWNHOST_TYPE_CUSTOM => vec![host.to_vec()],
            LIBSSH2_KNOWNHOST_TYPE_SHA1 => {
                return Err(Error::new(KnownHostCheckMismatchError, "a hashed name cannot be looked for"));
            }
            _ => return Err(Error::new(KnownHostCheckFailure, "the typemask does not say what the host is given as")),
        };
        Ok(Self { kind, names, key_bits: typemask & LIBSSH2_KNOWNHOST_KEY_MASK })
    }

    /// The entry that makes `key` the key of `host`.
    ///
    /// # Errors
    /// `KnownHostCheckMismatchError` and `KnownHostCheckNotFoundError`.
    pub(super) fn find(&self, list: &[KnownHostEntry], host: &[u8], key: &[u8]) -> Result<KnownHostEntry, Error> {
        let shown = Shown::read(host, key);
        let about = |name: &[u8]| list.iter().filter(|one| one.entry().takes(self.kind, name)).collect::<Vec<_>>();
        let about: Vec<_> = self.names.iter().map(|name| about(name)).collect();
        // A key that is lost is lost on every port.
        let revokes = |one: &&&KnownHostEntry| one.mark() == Mark::Revoked && shown.needs(one);
        if about.iter().flatten().any(|one| revokes(&one)) {
            return Err(Error::new(KnownHostCheckMismatchError, "the key of the host is revoked"));
        }
        for about in about {
            if let Some(verdict) = self.judge(&about, &shown) {
                return verdict;
            }
        }
        Err(Error::new(KnownHostCheckNotFoundError, "no key of the host is on record"))
    }

    /// What these entries say; `None` if they say nothing of such keys.
    fn judge(&self, about: &[&KnownHostEntry], shown: &Shown<'_>) -> Option<Result<KnownHostEntry, Error>> {
        let certifies = |one: &&&KnownHostEntry| {
            one.mark() == Mark::CertAuthority && shown.authority.is_some_and(|authority| one.entry().has(authority))
        };
        if let Some(one) = about.iter().find(certifies) {
            return Some(Ok((*one).clone()));
        }
        let of_type = |one: &&&KnownHostEntry| {
            let known = one.typemask() & LIBSSH2_KNOWNHOST_KEY_MASK;
            one.mark() == Mark::None
                && self.key_bits != LIBSSH2_KNOWNHOST_KEY_UNKNOWN
                && (self.key_bits == 0 || self.key_bits == known)
        };
        let mut keys = about.iter().filter(of_type).peekable();
        keys.peek()?;
        let found = keys.find(|one| one.entry().has(&shown.key)).map(|one| (*one).clone());
        Some(found.ok_or_else(|| Error::new(KnownHostCheckMismatchError, "another key of the host is on record")))
    }
}

impl<'k> Shown<'k> {
    fn read(host: &[u8], key: &'k [u8]) -> Self {
        let certificate = Certificate::decode(key, 0).ok();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).ok().map(|since| since.as_secs());
        let good = |it: &Certificate<'_>| {
            let named = |principal: &[u8]| takes(principal, host);
            let signed = it.is_signed::<Fast>(&Preferences::default().authorities);
            signed.is_ok() && it.check(Kind::Host, now, named).is_ok()
        };
        let authority = certificate.filter(good).map(|it| it.authority);
        Self { key: bare(key), authority, signer: certificate.map(|it| it.authority) }
    }

    /// Whether trust in what is shown rests on the key of this entry.
    fn needs(&self, one: &KnownHostEntry) -> bool {
        one.entry().has(&self.key) || self.signer.is_some_and(|signer| one.entry().has(signer))
    }
}
