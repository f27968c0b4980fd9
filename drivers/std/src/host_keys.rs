//! The keys that a server proves itself by, with their certificates: which of them answers for which algorithm.

use sanssh_core::algorithm::HostKey;
use sanssh_core::crypto::certificate::{Certificate, Kind};
use sanssh_core::file::{PublicKeyBuf, SigningKey};
use std::io;

/// Keys in the order of preference.
#[derive(Debug)]
pub(crate) struct HostKeys(Vec<Pair>);

/// A key and the blob of its certificate.
#[derive(Debug)]
struct Pair {
    key: SigningKey,
    certificate: Option<Vec<u8>>,
}

impl HostKeys {
    /// Each certificate must be a host's, and of one of the keys.
    pub(crate) fn new(keys: Vec<SigningKey>, certificates: Vec<Vec<u8>>) -> io::Result<Self> {
        let mut pairs: Vec<_> = keys.into_iter().map(|key| Pair { key, certificate: None }).collect();
        for blob in certificates {
            let owner = owner(&blob).and_then(|owner| pairs.iter_mut().find(|pair| pair.key.public() == owner.blob()));
            let Some(pair) = owner else {
                return Err(bad("a host certificate is none, or belongs to none of the host keys"));
            };
            pair.certificate = Some(blob);
        }
        Ok(Self(pairs))
    }

    /// The keys alone.
    pub(crate) fn all(&self) -> impl Iterator<Item = &SigningKey> {
        self.0.iter().map(|pair| &pair.key)
    }

    /// The key that signs by this algorithm, and the blob to show for it.
    pub(crate) fn shown(&self, algorithm: HostKey) -> Option<(&SigningKey, &[u8])> {
        let signs = |pair: &&Pair| pair.key.algorithms().contains(&algorithm.plain());
        let mut pairs = self.0.iter().filter(signs);
        if algorithm.is_certified() {
            return pairs.find_map(|pair| Some((&pair.key, pair.certificate.as_deref()?)));
        }
        pairs.next().map(|pair| (&pair.key, pair.key.public()))
    }
}

/// The key that a host certificate is about.
fn owner(blob: &[u8]) -> Option<PublicKeyBuf> {
    let certificate = Certificate::decode(blob, 0).ok()?;
    (certificate.kind == Kind::Host).then(|| PublicKeyBuf::from(&certificate.key))
}

fn bad(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, what)
}
