//! One key of a keyring, and how it came from the wire (RFC 9987 §5.2): a certificate stands in for the public fields,
//! from which the form of a plain key is put together again.

use crate::Instant;
use crate::agent::{Constraints, RSA_SHA2_256, RSA_SHA2_512};
use crate::algorithm::HostKey;
use crate::crypto::certificate::Certificate;
use crate::crypto::signature::PublicKey;
use crate::file::{SigningKey, compose};
use crate::wire::{Malformed, Reader};
use alloc::vec::Vec;
use core::time::Duration;
use zeroize::Zeroizing;

#[derive(Debug)]
pub(super) struct Held {
    pub(super) key: SigningKey,
    certificate: Option<Vec<u8>>,
    pub(super) comment: Vec<u8>,
    /// When it is forgotten.
    pub(super) until: Option<Instant>,
    /// A person is asked before each signature.
    pub(super) confirm: bool,
    /// Where it may be used, as the constraint has it.
    pub(super) destinations: Option<Vec<u8>>,
    /// Tells it from the same key held at another time.
    pub(super) serial: u64,
}

/// What the types of certificates end in.
const CERTIFICATE: &[u8] = b"-cert-v01@openssh.com";

impl Held {
    /// `None` if the certificate is not the key's.
    pub(super) fn new(
        now: Instant,
        key: SigningKey,
        certificate: Option<&[u8]>,
        comment: &[u8],
        constraints: &Constraints<'_>,
    ) -> Option<Self> {
        if certificate.is_some_and(|blob| subject(blob).ok().as_deref() != Some(key.public())) {
            return None;
        }
        Some(Self {
            key,
            certificate: certificate.map(<[u8]>::to_vec),
            comment: comment.to_vec(),
            until: constraints.lifetime.map(|seconds| now.after(Duration::from_secs(seconds.into()))),
            confirm: constraints.confirm,
            destinations: constraints.destinations.map(|all| compose(|sink| all.encode(sink))),
            serial: 0,
        })
    }

    /// The key of an ADD request; `None` if its numbers do not belong together.
    pub(super) fn decode(now: Instant, key: &[u8], comment: &[u8], constraints: &Constraints<'_>) -> Option<Self> {
        let mut reader = Reader::new(key);
        let certified = reader.string().ok()?.ends_with(CERTIFICATE);
        if !certified {
            return Self::new(now, whole(key).ok()?, None, comment, constraints);
        }
        let certificate = reader.string().ok()?;
        let plain = plain(certificate, reader.rest()).ok()?;
        Self::new(now, whole(&plain).ok()?, Some(certificate), comment, constraints)
    }

    /// What it is known by: its certificate, or its public key blob.
    pub(super) fn blob(&self) -> &[u8] {
        self.certificate.as_deref().unwrap_or_else(|| self.key.public())
    }

    /// Bytes that it takes in a list.
    pub(super) fn listed(&self) -> usize {
        self.blob().len().saturating_add(self.comment.len()).saturating_add(8)
    }

    /// Bytes that its destinations take.
    pub(super) fn path(&self) -> usize {
        self.destinations.as_ref().map_or(0, Vec::len)
    }

    /// Which algorithm the flags ask for. RSA keys have to be asked for one: without flags they would sign by SHA-1.
    pub(super) fn algorithm(&self, flags: u32) -> Option<HostKey> {
        if flags & !(RSA_SHA2_256 | RSA_SHA2_512) != 0 {
            return None;
        }
        let algorithms = self.key.algorithms();
        if algorithms.contains(&HostKey::RsaSha256) {
            return match flags {
                RSA_SHA2_256 => Some(HostKey::RsaSha256),
                RSA_SHA2_512 => Some(HostKey::RsaSha512),
                _ => None,
            };
        }
        algorithms.first().copied()
    }
}

/// A private key with nothing behind it.
fn whole(key: &[u8]) -> Result<SigningKey, Malformed> {
    let mut reader = Reader::new(key);
    let key = SigningKey::decode(&mut reader)?;
    reader.end()?;
    Ok(key)
}

/// The public key blob of a certificate's key.
fn subject(certificate: &[u8]) -> Result<Vec<u8>, Malformed> {
    let key = Certificate::decode(certificate, 0)?.key;
    Ok(compose(|sink| key.encode(sink)))
}

/// A private key as it would stand without its certificate.
fn plain(certificate: &[u8], private: &[u8]) -> Result<Zeroizing<Vec<u8>>, Malformed> {
    let key = Certificate::decode(certificate, 0)?.key;
    Ok(Zeroizing::new(compose(|sink| {
        match key {
            PublicKey::Rsa { e, n } => {
                sink.string(HostKey::RsaSha1.key_type().as_bytes());
                sink.mpint(n);
                sink.mpint(e);
            }
            // Its private fields hold the public one as well.
            PublicKey::Ed25519(_) => sink.string(HostKey::Ed25519.key_type().as_bytes()),
            PublicKey::EcdsaP256(_)
            | PublicKey::EcdsaP384(_)
            | PublicKey::EcdsaP521(_)
            | PublicKey::SkEd25519 { .. }
            | PublicKey::SkEcdsaP256 { .. } => key.encode(sink),
        }
        sink.put(private);
    })))
}
