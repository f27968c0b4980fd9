//! What logins by key (RFC 4252 §7) and by the word of a host (§9) sign: the session identifier and the request up to the
//! signature. The host-bound method (OpenSSH PROTOCOL §3.1) adds the server's host key, so that the signature is of no use
//! to any other host.

use super::{CONNECTION, ClientHost, HOSTBOUND, LONGEST_USER, Method};
use crate::crypto::HashValue;
use crate::wire::auth::UserauthRequest;
use crate::wire::{Message, Sink, Writer};

/// Longest public key blob that is looked at: an RSA key of 16 384 bits with room to spare, and on hosts a certificate
/// with one more such key and its signature. Little where the lean provider is all that was asked for.
pub(crate) const LONGEST_KEY: usize = match (cfg!(feature = "alloc"), LEAN) {
    (true, _) => 7168,
    (false, false) => 2304,
    (false, true) => 64,
};

/// Whether there is Ed25519 alone. Without any of our providers, the embedder's may have more.
const LEAN: bool = cfg!(all(feature = "lean", not(feature = "soft")));

/// Longest host key that is signed along; without an allocator there is no RSA to have longer ones.
const LONGEST_HOST_KEY: usize = match (cfg!(feature = "alloc"), LEAN) {
    (false, false) => 256,
    (true, _) | (false, true) => LONGEST_KEY,
};

/// The fixed parts: session identifier, number, service, method, flag, algorithm, and the length fields.
const AROUND: usize = 4 + 64 + 1 + 4 + 4 + CONNECTION.len() + 4 + HOSTBOUND.len() + 1 + 4 + 64 + 4 + 4;

const SPACE: usize = AROUND + LONGEST_USER + LONGEST_KEY + LONGEST_HOST_KEY;

/// Memory for the message of a signature, and the message once composed.
#[derive(Clone)]
pub struct SigningMessage {
    bytes: [u8; SPACE],
    len: usize,
}

impl SigningMessage {
    /// Composes the message of a key, host-bound if there is a host key; `None` if a part is longer than there may be.
    pub(crate) fn new(
        session: &HashValue,
        user: &[u8],
        algorithm: &[u8],
        key: &[u8],
        host_key: Option<&[u8]>,
    ) -> Option<Self> {
        let method = if host_key.is_some() { HOSTBOUND } else { Method::PublicKey.name().as_bytes() };
        Self::compose(session, user, method, |writer| {
            writer.u8(1);
            writer.string(algorithm);
            writer.string(key);
            if let Some(host_key) = host_key {
                writer.string(host_key);
            }
        })
    }

    /// Composes the message of a client's host. Where its key leaves no room for the names, `None`.
    pub(crate) fn host(session: &HashValue, user: &[u8], host: &ClientHost<'_>) -> Option<Self> {
        Self::compose(session, user, Method::HostBased.name().as_bytes(), |writer| host.encode(writer))
    }

    fn compose(session: &HashValue, user: &[u8], method: &[u8], fields: impl Fn(&mut Writer<'_>)) -> Option<Self> {
        let mut message = Self { bytes: [0; SPACE], len: 0 };
        let mut writer = Writer::new(&mut message.bytes);
        writer.string(session.as_bytes());
        writer.u8(UserauthRequest::NUMBER);
        writer.string(user);
        writer.string(CONNECTION);
        writer.string(method);
        fields(&mut writer);
        message.len = writer.written()?;
        Some(message)
    }

    /// What to sign.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

impl core::fmt::Debug for SigningMessage {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "SigningMessage({})", self.len)
    }
}
