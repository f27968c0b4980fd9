//! Whether a key is the host's, as OpenSSH decides it: revoked keys first, then certificates, then the keys themselves.

use super::name::PORT;
use super::{Entry, KnownHosts, Mark, Place};
use crate::crypto::certificate::{Certificate, Kind, Unfit};
use crate::file::pattern::takes;
use crate::file::public::{PublicKeyBuf, bare};
use alloc::borrow::Cow;
use alloc::vec::Vec;

/// What a list says about a host's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict<'a> {
    /// The key is the host's.
    Known {
        /// The line that says so.
        at: Place,
        /// What it says.
        by: By,
    },
    /// No key of the host is on record.
    Unknown,
    /// Other keys of the host are on record, of this type or another, and this is none of them. Somebody may be
    /// listening in.
    Changed {
        /// The line of such a key, one of the same type if there is one.
        at: Place,
        /// The key on record.
        key: &'a PublicKeyBuf,
    },
    /// The key, or the one that signed its certificate, is marked as not to be trusted.
    Revoked {
        /// The line that says so.
        at: Place,
    },
}

/// Why a key is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// It is on record for the host and port.
    Key,
    /// It is on record for the host's port 22; nothing is for this port.
    OtherPort,
    /// An authority on record signed its certificate.
    Authority,
}

impl KnownHosts {
    /// What the list says about `key`, the blob of a public key or of a certificate, for the host of this name or
    /// address. The signature of a certificate must have been verified, as a connection does before it asks; `now`, in
    /// seconds since 1970, says whether it is valid. One that is not good leaves its key to be judged by itself.
    pub fn verdict(&self, host: &str, port: u16, key: &[u8], now: Option<u64>) -> Verdict<'_> {
        let own: Vec<_> = self.find(host, port).collect();
        let other: Vec<_> = if port == PORT { Vec::new() } else { self.find(host, PORT).collect() };
        let shown = Shown::read(host, key, now);
        // A key that is lost is lost on every port.
        let revokes = |entry: &&&Entry| entry.mark == Mark::Revoked && shown.needs(entry.key.blob());
        match own.iter().chain(&other).find(revokes) {
            Some(entry) => Verdict::Revoked { at: entry.at },
            None => shown.verdict(&own, &other),
        }
    }

    /// The authority of the host on record that signed this certificate, and whether the certificate is good for the
    /// host: for telling why it was not [`Known`](Verdict::Known) by it.
    pub fn authority(&self, host: &str, port: u16, key: &[u8], now: Option<u64>) -> Option<(Place, Result<(), Unfit>)> {
        let certificate = Certificate::decode(key, 0).ok()?;
        let signed = |entry: &&Entry| entry.mark == Mark::CertAuthority && entry.key.blob() == certificate.authority;
        let at = self.find(host, port).find(signed).or_else(|| self.find(host, PORT).find(signed))?.at;
        Some((at, good(&certificate, host, now)))
    }
}

/// Whether a certificate makes its key the key of this host. Its principals may be patterns; no port is part of them.
fn good(certificate: &Certificate<'_>, host: &str, now: Option<u64>) -> Result<(), Unfit> {
    certificate.check(Kind::Host, now, |principal| takes(principal, host.as_bytes())).map(drop)
}

/// What a host shows.
struct Shown<'k> {
    /// Its key, without what is certified about it.
    key: Cow<'k, [u8]>,
    /// Who certifies it, and whether that makes it the host's.
    authority: Option<(&'k [u8], bool)>,
}

impl<'k> Shown<'k> {
    fn read(host: &str, key: &'k [u8], now: Option<u64>) -> Self {
        let certificate = Certificate::decode(key, 0).ok();
        let authority = certificate.map(|it| (it.authority, good(&it, host, now).is_ok()));
        Self { key: bare(key), authority }
    }

    /// Whether trust in what is shown rests on this key.
    fn needs(&self, key: &[u8]) -> bool {
        *key == *self.key || self.authority.is_some_and(|(authority, _)| authority == key)
    }

    /// By the lines for the port, and by those for port 22 if there are none of the kind that is looked for.
    fn verdict<'a>(&self, own: &[&'a Entry], other: &[&'a Entry]) -> Verdict<'a> {
        if let Some(known) = self.certified(own) {
            return known;
        }
        let has_authority = own.iter().any(|entry| entry.mark == Mark::CertAuthority);
        let certified = if has_authority { None } else { self.certified(other) };
        let elsewhere = certified.or_else(|| self.known(other, By::OtherPort));
        let verdict = self.plain(own);
        let open = verdict == Verdict::Unknown || (self.authority.is_some() && !has_authority);
        let settled = matches!(verdict, Verdict::Known { .. });
        if open && !settled { elsewhere.unwrap_or(verdict) } else { verdict }
    }

    fn certified<'a>(&self, about: &[&Entry]) -> Option<Verdict<'a>> {
        let (authority, _) = self.authority.filter(|(_, good)| *good)?;
        let signed = |entry: &&&Entry| entry.mark == Mark::CertAuthority && entry.key.blob() == authority;
        about.iter().find(signed).map(|entry| Verdict::Known { at: entry.at, by: By::Authority })
    }

    fn known<'a>(&self, about: &[&Entry], by: By) -> Option<Verdict<'a>> {
        let is_it = |entry: &&&Entry| entry.mark == Mark::None && *entry.key.blob() == *self.key;
        about.iter().find(is_it).map(|entry| Verdict::Known { at: entry.at, by })
    }

    fn plain<'a>(&self, about: &[&'a Entry]) -> Verdict<'a> {
        if let Some(known) = self.known(about, By::Key) {
            return known;
        }
        let kind = PublicKeyBuf::from_blob(&self.key).ok();
        let is_kind = |entry: &&&Entry| kind.as_ref().is_some_and(|key| key.kind() == entry.key.kind());
        let others = || about.iter().filter(|entry| entry.mark == Mark::None);
        match others().find(is_kind).or_else(|| others().next()) {
            Some(entry) => Verdict::Changed { at: entry.at, key: &entry.key },
            None => Verdict::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{By, Verdict};
    use crate::file::known_hosts::tests::{at, ecdsa, ed25519, known};
    use crate::file::known_hosts::{KnownHosts, Place};
    use alloc::format;

    #[test]
    fn l01_a_key_of_another_type_is_a_change() {
        let (old, new) = (ecdsa(), ed25519(1));
        let hosts = KnownHosts::read(format!("host {old}").as_bytes());
        assert_eq!(hosts.verdict("host", 22, new.blob(), None), Verdict::Changed { at: at(1), key: &old });
        assert_eq!(hosts.verdict("HOST", 22, old.blob(), None), known(1));
        let (foreign, same) = (ed25519(3), ed25519(2));
        let hosts = KnownHosts::read(format!("host {old}\nhost {same}\nhost {foreign}").as_bytes());
        assert_eq!(hosts.verdict("host", 22, new.blob(), None), Verdict::Changed { at: at(2), key: &same });
    }

    #[test]
    fn l02_revoked_wins_wherever_it_stands() {
        let (key, other) = (ed25519(1), ed25519(2));
        let lines = [format!("host {key}\n"), format!("@revoked host {key}\n"), format!("[host]:2 {key}\n")];
        for (order, line) in [([0, 1, 2], 2), ([1, 2, 0], 1), ([2, 0, 1], 3)] {
            let hosts = KnownHosts::read(order.map(|at| &*lines[at]).concat().as_bytes());
            for port in [22, 2] {
                assert_eq!(hosts.verdict("host", port, key.blob(), None), Verdict::Revoked { at: at(line) });
            }
            assert_eq!(hosts.verdict("elsewhere", 22, key.blob(), None), Verdict::Unknown);
        }
        let mut hosts = KnownHosts::read(format!("host {key}\nhost {other}").as_bytes());
        hosts.add(format!("\n@revoked * {key}\n@cert-authority * {other}").as_bytes());
        assert_eq!(hosts.verdict("host", 22, key.blob(), None), Verdict::Revoked { at: Place { file: 1, line: 2 } });
        assert_eq!(hosts.verdict("host", 22, other.blob(), None), known(2));
        assert_eq!(hosts.verdict("elsewhere", 22, other.blob(), None), Verdict::Unknown);
    }

    #[test]
    fn known_in_one_file_is_known() {
        let (key, other) = (ed25519(1), ed25519(2));
        let mut hosts = KnownHosts::read(format!("host {other}").as_bytes());
        hosts.add(format!("# comment\nhost {key}").as_bytes());
        let known = Verdict::Known { at: Place { file: 1, line: 2 }, by: By::Key };
        assert_eq!(hosts.verdict("host", 22, key.blob(), None), known);
    }

    /// OpenSSH's client looks without the port where nothing is on record with it.
    #[test]
    fn a_port_of_its_own_comes_first() {
        let (key, other) = (ed25519(1), ed25519(2));
        let hosts = KnownHosts::read(format!("host {key}\n[host]:23 {other}").as_bytes());
        assert_eq!(hosts.verdict("host", 2222, key.blob(), None), Verdict::Known { at: at(1), by: By::OtherPort });
        assert_eq!(hosts.verdict("host", 2222, other.blob(), None), Verdict::Unknown);
        assert_eq!(hosts.verdict("host", 23, key.blob(), None), Verdict::Changed { at: at(2), key: &other });
        assert_eq!(hosts.verdict("host", 22, other.blob(), None), Verdict::Changed { at: at(1), key: &key });
    }
}
