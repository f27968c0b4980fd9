//! Lists of keys: `known_hosts` and `authorized_keys`, with what is changed in them and what they decide.

use super::choices::Choices;
use super::sides::{HOST_KEY, USER_KEY};
use sanssh_core::file::authorized_keys::entries;
use sanssh_core::file::known_hosts::{KnownHosts, Mark, Verdict, hashed, line, without};
use sanssh_core::file::{Lists, Options, Proof, PublicKeyBuf, Situation, authorize};
use sanssh_core::{Random, Seed};

const HOSTS: [(&str, u16); 4] = [("host.example", 22), ("host.example", 2222), ("10.0.0.1", 22), ("Other", 22)];

fn lines(text: &[u8]) -> usize {
    text.iter().filter(|byte| **byte == b'\n').count() + 1
}

/// A list of the keys of hosts.
pub fn known_hosts(text: &[u8]) {
    let known = KnownHosts::read(text);
    assert!(known.entries().len() + known.damaged().len() <= lines(text), "a line says one thing");
    let hidden = hashed(text, &mut Random::new(&Seed::new([5; 32])));
    let hidden = KnownHosts::read(&hidden.text);
    for (host, port) in HOSTS {
        // A name that stands twice on a line has two lines once it is hidden.
        let keys = |known: &KnownHosts| {
            let mut keys: Vec<_> = known.find(host, port).map(|entry| entry.key.clone()).collect();
            keys.dedup();
            keys
        };
        assert_eq!(keys(&known), keys(&hidden), "a name that is hidden is still known");
        decided(text, &known, host, port);
        let left = without(text, host, port, &[]);
        assert!(left.text.len() <= text.len(), "nothing is added");
        let again = KnownHosts::read(&left.text);
        assert!(again.find(host, port).all(|entry| entry.mark != Mark::None), "a host that was taken out is gone");
        assert!(without(&left.text, host, port, &[]).lines.is_empty(), "it goes at once");
    }
}

fn decided(text: &[u8], known: &KnownHosts, host: &str, port: u16) {
    let on_record = known.entries().iter().map(|entry| entry.key.blob().to_vec());
    for key in on_record.take(8).chain([HOST_KEY.to_vec()]) {
        let own = || known.find(host, port);
        match known.verdict(host, port, &key, Some(1_700_000_000)) {
            Verdict::Known { at, .. } => {
                assert!(known.entries().iter().any(|entry| entry.at == at && entry.mark != Mark::Revoked));
            }
            Verdict::Unknown => {
                assert!(own().all(|entry| entry.mark != Mark::None || entry.key.blob() != key), "it is on record");
            }
            Verdict::Changed { key: other, .. } => assert_ne!(other.blob(), key, "it has not changed"),
            Verdict::Revoked { at } => {
                assert!(known.entries().iter().any(|entry| entry.at == at && entry.mark == Mark::Revoked));
            }
        }
    }
    let key = PublicKeyBuf::from_blob(&HOST_KEY).expect("a key");
    let added = [text, b"\n", line(host, port, &key).expect("a host").as_bytes()].concat();
    let verdict = KnownHosts::read(&added).verdict(host, port, &HOST_KEY, None).is_good();
    assert!(verdict, "a key that is added is known, unless it is revoked");
}

trait Good {
    fn is_good(&self) -> bool;
}

impl Good for Verdict<'_> {
    fn is_good(&self) -> bool {
        matches!(self, Verdict::Known { .. } | Verdict::Revoked { .. })
    }
}

/// Lists of the keys that log in. The first byte says which lists the text is.
pub fn authorized_keys(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let (which, proof) = (choices.byte(), choices.flag());
    let text = choices.rest();
    assert!(entries(text).count() <= lines(text), "a line says one thing");
    let mut listed = Vec::new();
    for entry in entries(text).flatten() {
        limits(&entry.options);
        listed.push(entry.key);
    }
    let other = PublicKeyBuf::from_blob(&USER_KEY).expect("a key").line("").into_bytes();
    let lists = Lists {
        keys: if which & 1 == 0 { text } else { &other },
        authorities: if which & 2 == 0 { b"" } else { text },
        principals: (which & 4 != 0).then_some(text),
        revoked: if which & 8 == 0 { b"" } else { text },
    };
    let situation = Situation {
        user: b"user",
        address: (which & 16 == 0).then_some("10.0.0.1".parse().expect("an address")),
        name: (which & 32 == 0).then_some(b"host.example"),
        now: Some(1_700_000_000),
        offset: (which & 64 == 0).then_some(3600),
    };
    let proof = if proof { Proof::Signature(None) } else { Proof::None };
    for key in listed.iter().take(8).map(PublicKeyBuf::blob).chain([&USER_KEY[..]]) {
        if let Ok(options) = authorize(&lists, &situation, key, proof) {
            limits(&options);
            let revoked = entries(lists.revoked).flatten().any(|entry| entry.key.blob() == key);
            assert!(!revoked, "a revoked key logs in");
            // Without a text that knows it nobody logs in.
            let known = key == USER_KEY && which & 1 != 0 || listed.iter().any(|one| one.blob() == key);
            assert!(known || which & 2 != 0, "nobody knows this key");
        }
    }
}

/// What options allow is asked for without end to no avail.
fn limits(options: &Options) {
    for port in [0, 22, u16::MAX] {
        let may = options.may_open(b"host.example", port);
        assert!(!may || options.port_forwarding, "opens although nothing is forwarded");
        let may = options.may_listen(b"localhost", port);
        assert!(!may || options.port_forwarding, "listens although nothing is forwarded");
    }
}
