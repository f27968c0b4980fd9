//! What a server signs to prove that it holds a host key (OpenSSH PROTOCOL §2.5): the request's name, the session
//! identifier and the key.

use super::global::PROVE;
use crate::crypto::HashValue;
use crate::wire::{Sink, Writer};

/// Longest public key blob that is proven: an RSA key of 16 384 bits with room to spare.
const LONGEST_KEY: usize = 2304;

const LONGEST: usize = 4 + PROVE.len() + 4 + 64 + 4 + LONGEST_KEY;

/// Memory for the message of a proof, and the message once composed.
#[derive(Clone)]
pub struct ProofMessage {
    bytes: [u8; LONGEST],
    len: usize,
}

impl ProofMessage {
    /// Composes the message; `None` if the key is longer than there may be.
    pub(crate) fn new(session: &HashValue, key: &[u8]) -> Option<Self> {
        let mut message = Self { bytes: [0; LONGEST], len: 0 };
        let mut writer = Writer::new(&mut message.bytes);
        writer.string(PROVE);
        writer.string(session.as_bytes());
        writer.string(key);
        message.len = writer.written()?;
        Some(message)
    }

    /// What to sign.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

impl core::fmt::Debug for ProofMessage {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "ProofMessage({})", self.len)
    }
}
