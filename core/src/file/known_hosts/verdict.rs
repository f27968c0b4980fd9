//! Whether a key is the host's, as OpenSSH decides it: revoked keys first, then certificates, then the keys themselves.

use super::name::PORT;
use super::{Entry, KnownHosts, Mark, Place};
use crate::file::public::PublicKeyBuf;
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
    /// What the list says about `key`, a public key blob, for the host of this name or address.
    pub fn verdict(&self, host: &str, port: u16, key: &[u8]) -> Verdict<'_> {
        let about: Vec<_> = self.find(host, port).collect();
        let elsewhere: Vec<_> = if port == PORT { Vec::new() } else { self.find(host, PORT).collect() };
        // A key that is lost is lost on every port.
        if let Some(entry) = about.iter().chain(&elsewhere).find(|entry| is(entry, Mark::Revoked, key)) {
            return Verdict::Revoked { at: entry.at };
        }
        match plain(&about, key) {
            Verdict::Unknown => match plain(&elsewhere, key) {
                Verdict::Known { at, .. } => Verdict::Known { at, by: By::OtherPort },
                Verdict::Unknown | Verdict::Changed { .. } | Verdict::Revoked { .. } => Verdict::Unknown,
            },
            verdict => verdict,
        }
    }
}

fn is(entry: &Entry, mark: Mark, key: &[u8]) -> bool {
    entry.mark == mark && entry.key.blob() == key
}

/// What the lines about a host say about a plain key.
fn plain<'a>(about: &[&'a Entry], key: &[u8]) -> Verdict<'a> {
    if let Some(entry) = about.iter().find(|entry| is(entry, Mark::None, key)) {
        return Verdict::Known { at: entry.at, by: By::Key };
    }
    let kind = PublicKeyBuf::from_blob(key).ok();
    let is_kind = |entry: &&&Entry| kind.as_ref().is_some_and(|key| key.kind() == entry.key.kind());
    let others = || about.iter().filter(|entry| entry.mark == Mark::None);
    match others().find(is_kind).or_else(|| others().next()) {
        Some(entry) => Verdict::Changed { at: entry.at, key: &entry.key },
        None => Verdict::Unknown,
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
        assert_eq!(hosts.verdict("host", 22, new.blob()), Verdict::Changed { at: at(1), key: &old });
        assert_eq!(hosts.verdict("HOST", 22, old.blob()), known(1));
        let (foreign, same) = (ed25519(3), ed25519(2));
        let hosts = KnownHosts::read(format!("host {old}\nhost {same}\nhost {foreign}").as_bytes());
        assert_eq!(hosts.verdict("host", 22, new.blob()), Verdict::Changed { at: at(2), key: &same });
    }

    #[test]
    fn l02_revoked_wins_wherever_it_stands() {
        let (key, other) = (ed25519(1), ed25519(2));
        let lines = [format!("host {key}\n"), format!("@revoked host {key}\n"), format!("[host]:2 {key}\n")];
        for (order, line) in [([0, 1, 2], 2), ([1, 2, 0], 1), ([2, 0, 1], 3)] {
            let hosts = KnownHosts::read(order.map(|at| &*lines[at]).concat().as_bytes());
            for port in [22, 2] {
                assert_eq!(hosts.verdict("host", port, key.blob()), Verdict::Revoked { at: at(line) });
            }
            assert_eq!(hosts.verdict("elsewhere", 22, key.blob()), Verdict::Unknown);
        }
        let mut hosts = KnownHosts::read(format!("host {key}\nhost {other}").as_bytes());
        hosts.add(format!("\n@revoked * {key}\n@cert-authority * {other}").as_bytes());
        assert_eq!(hosts.verdict("host", 22, key.blob()), Verdict::Revoked { at: Place { file: 1, line: 2 } });
        assert_eq!(hosts.verdict("host", 22, other.blob()), known(2));
        assert_eq!(hosts.verdict("elsewhere", 22, other.blob()), Verdict::Unknown);
    }

    #[test]
    fn known_in_one_file_is_known() {
        let (key, other) = (ed25519(1), ed25519(2));
        let mut hosts = KnownHosts::read(format!("host {other}").as_bytes());
        hosts.add(format!("# comment\nhost {key}").as_bytes());
        let known = Verdict::Known { at: Place { file: 1, line: 2 }, by: By::Key };
        assert_eq!(hosts.verdict("host", 22, key.blob()), known);
    }

    /// OpenSSH's client looks without the port where nothing is on record with it.
    #[test]
    fn a_port_of_its_own_comes_first() {
        let (key, other) = (ed25519(1), ed25519(2));
        let hosts = KnownHosts::read(format!("host {key}\n[host]:23 {other}").as_bytes());
        assert_eq!(hosts.verdict("host", 2222, key.blob()), Verdict::Known { at: at(1), by: By::OtherPort });
        assert_eq!(hosts.verdict("host", 2222, other.blob()), Verdict::Unknown);
        assert_eq!(hosts.verdict("host", 23, key.blob()), Verdict::Changed { at: at(2), key: &other });
        assert_eq!(hosts.verdict("host", 22, other.blob()), Verdict::Changed { at: at(1), key: &key });
    }
}
