//! A host that changes its keys tells its users beforehand (OpenSSH PROTOCOL §2.5): which of the keys that it announces
//! are to be added, which lines are to go, and when that is none of our business.

use super::{KnownHosts, Mark, Place};
use crate::algorithm::HostKey;
use crate::file::public::PublicKeyBuf;
use alloc::vec::Vec;
use core::fmt;

/// Keys that a host may announce.
pub const MOST_KEYS: usize = 16;

/// What would make the list agree with the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    /// Keys that the host announces, as far as they are understood; lines with them stay.
    pub keys: Vec<PublicKeyBuf>,
    /// Those of wanted algorithms that are not on record; the host must prove that it holds them.
    pub add: Vec<PublicKeyBuf>,
    /// Lines whose keys the host no longer announces.
    pub remove: Vec<Place>,
}

/// Why a list is not to be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfit {
    /// The host announces no key of a wanted algorithm.
    NoKeys,
    /// It announces more than [`MOST_KEYS`].
    TooMany,
    /// It announces a key twice.
    Twice,
    /// An authority or a revoked key is on record for the host, or a line with patterns or with more than two names:
    /// somebody keeps the list by hand.
    Manual,
    /// A key that would be added or removed is on record for another name, too.
    Elsewhere,
}

impl KnownHosts {
    /// How the list would have to change for what the host announces: public key blobs, of algorithms among `wanted`.
    /// The list must be of the user's own files alone.
    pub fn update<'k>(
        &self,
        host: &str,
        port: u16,
        announced: impl IntoIterator<Item = &'k [u8]>,
        wanted: &[HostKey],
    ) -> Result<Update, Unfit> {
        let keys = understood(announced)?;
        let is_wanted = |key: &&PublicKeyBuf| wanted.iter().any(|one| one.plain().key_type() == key.kind());
        let usable: Vec<_> = keys.iter().filter(is_wanted).collect();
        if usable.is_empty() {
            return Err(Unfit::NoKeys);
        }
        let name = super::name(host, port);
        let (own, others): (Vec<_>, Vec<_>) = self.entries().iter().partition(|entry| entry.hosts.take(&name));
        if own.iter().any(|entry| entry.mark != Mark::None || entry.hosts.are_many()) {
            return Err(Unfit::Manual);
        }
        let gone: Vec<_> = own.iter().filter(|entry| !keys.contains(&entry.key)).collect();
        let elsewhere = |key: &PublicKeyBuf| others.iter().any(|entry| entry.key == *key);
        if usable.iter().any(|key| elsewhere(key)) || gone.iter().any(|entry| elsewhere(&entry.key)) {
            return Err(Unfit::Elsewhere);
        }
        let is_new = |key: &&PublicKeyBuf| !own.iter().any(|entry| entry.key == **key);
        let add = usable.into_iter().filter(is_new).cloned().collect();
        Ok(Update { add, remove: gone.iter().map(|entry| entry.at).collect(), keys })
    }
}

/// The announced keys that can be compared: keys of types that nobody knows may come along.
fn understood<'k>(announced: impl IntoIterator<Item = &'k [u8]>) -> Result<Vec<PublicKeyBuf>, Unfit> {
    let mut keys = Vec::new();
    for (blob, count) in announced.into_iter().zip(1..) {
        if count > MOST_KEYS {
            return Err(Unfit::TooMany);
        }
        let Ok(key) = PublicKeyBuf::from_blob(blob) else { continue };
        if keys.contains(&key) {
            return Err(Unfit::Twice);
        }
        keys.push(key);
    }
    Ok(keys)
}

impl Update {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.add.is_empty() && self.remove.is_empty()
    }
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoKeys => "the host announces no usable key",
            Self::TooMany => "the host announces too many keys",
            Self::Twice => "the host announces a key twice",
            Self::Manual => "the lines about the host are kept by hand",
            Self::Elsewhere => "a key of the host is also on record for another name",
        })
    }
}

impl core::error::Error for Unfit {}

#[cfg(test)]
mod tests {
    use super::{MOST_KEYS, Unfit, Update};
    use crate::algorithm::HostKey;
    use crate::file::PublicKeyBuf;
    use crate::file::known_hosts::tests::{at, ecdsa, ed25519};
    use crate::file::known_hosts::{KnownHosts, hashed_line, without};
    use alloc::format;
    use alloc::vec;

    fn update(text: &str, keys: &[&PublicKeyBuf]) -> Result<Update, Unfit> {
        let keys = keys.iter().map(|key| key.blob());
        KnownHosts::read(text.as_bytes()).update("host", 22, keys, &[HostKey::Ed25519])
    }

    #[test]
    fn new_keys_are_added_and_old_ones_removed() {
        let (old, kept, new) = (ed25519(1), ed25519(2), ed25519(3));
        let hashed = hashed_line("host", 22, &old, &[7; 20]).unwrap();
        let text = format!("host {kept}\n# host\n{hashed}HOST,192.0.2.1 {old}\nelsewhere {}", ed25519(4));
        let found = update(&text, &[&kept, &ecdsa(), &new]).unwrap();
        assert_eq!(
            (found.keys, found.add, found.remove),
            (vec![kept.clone(), ecdsa(), new.clone()], vec![new], vec![at(3), at(4)])
        );
        assert!(update(&format!("host {kept}"), &[&kept]).unwrap().is_empty());
    }

    #[test]
    fn announced_keys_of_unwanted_types_stay() {
        let (kept, new) = (ed25519(1), ed25519(2));
        let text = format!("host {kept}\nhost {}", ecdsa());
        let found = update(&text, &[&kept, &ecdsa(), &new]).unwrap();
        assert_eq!((found.add, found.remove), (vec![new], vec![]));
        assert_eq!(without(text.as_bytes(), "host", 22, &found.keys).text, text.as_bytes());
        assert_eq!(update(&text, &[&kept]).unwrap().remove, [at(2)]);
    }

    #[test]
    fn lists_kept_by_hand_stay() {
        let (old, kept, new) = (ed25519(1), ed25519(2), ed25519(3));
        for line in [
            format!("h*t {kept}"),
            format!("hos? {kept}"),
            format!("host,one,two {kept}"),
            format!("@revoked host {old}"),
            format!("@cert-authority host {old}"),
        ] {
            assert_eq!(update(&format!("host {kept}\n{line}"), &[&kept, &new]), Err(Unfit::Manual), "{line}");
        }
        for other in [&old, &kept, &new] {
            let hashed = hashed_line("other", 22, other, &[7; 20]).unwrap();
            for line in [format!("[host]:23 {other}"), format!("@revoked other {other}"), hashed] {
                let text = format!("host {kept}\nhost {old}\n{line}");
                assert_eq!(update(&text, &[&kept, &new]), Err(Unfit::Elsewhere), "{line}");
            }
        }
    }

    #[test]
    fn h23_announcements_are_bounded() {
        let key = ed25519(1);
        assert_eq!(update("", &[]), Err(Unfit::NoKeys));
        assert_eq!(update("", &[&ecdsa()]), Err(Unfit::NoKeys));
        assert_eq!(update("", &[&key, &key]), Err(Unfit::Twice));
        let keys: vec::Vec<_> = (0..=MOST_KEYS).map(|n| ed25519(u8::try_from(n).unwrap())).collect();
        let keys: vec::Vec<_> = keys.iter().collect();
        assert_eq!(update("", &keys), Err(Unfit::TooMany));
        assert_eq!(update("", &keys[1..]).unwrap().add.len(), MOST_KEYS);
        let damaged = [&key.blob()[1..]];
        assert_eq!(KnownHosts::default().update("host", 22, damaged, HostKey::ALL), Err(Unfit::NoKeys));
    }
}
