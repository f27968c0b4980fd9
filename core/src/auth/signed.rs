//! What logins by `publickey` (RFC 4252 §7) and `hostbased` (§9) sign: the session identifier and the request up to the
//! signature.

use super::{CONNECTION, ClientHost, LONGEST_USER};
use crate::crypto::HashValue;
use crate::wire::auth::UserauthRequest;
use crate::wire::{Message, Sink, Writer};

/// Longest public key blob that is looked at: an RSA key of 16 384 bits with room to spare, and on hosts a certificate
/// with one more such key and its signature.
pub(crate) const LONGEST_KEY: usize = if cfg!(feature = "alloc") { 8192 } else { 2304 };

/// The fixed parts: session identifier, number, service, method, flag, algorithm, and the length fields.
const AROUND: usize = 4 + 64 + 1 + 4 + 4 + CONNECTION.len() + 4 + 9 + 1 + 4 + 64 + 4;

/// Memory for the message of a signature, and the message once composed.
#[derive(Clone)]
pub struct SigningMessage {
    bytes: [u8; AROUND + LONGEST_USER + LONGEST_KEY],
    len: usize,
}

impl SigningMessage {
    /// Composes the message of a key; `None` if a part is longer than there may be.
    pub(crate) fn new(session: &HashValue, user: &[u8], algorithm: &[u8], key: &[u8]) -> Option<Self> {
        Self::compose(session, user, b"publickey", |writer| {
            writer.u8(1);
            writer.string(algorithm);
            writer.string(key);
        })
    }

    /// Composes the message of a client host's key. Where the key leaves no room for the names, `None`.
    pub(crate) fn host(session: &HashValue, user: &[u8], host: &ClientHost<'_>) -> Option<Self> {
        Self::compose(session, user, b"hostbased", |writer| host.encode(writer))
    }

    fn compose(session: &HashValue, user: &[u8], method: &[u8], fields: impl Fn(&mut Writer<'_>)) -> Option<Self> {
        let mut message = Self { bytes: [0; AROUND + LONGEST_USER + LONGEST_KEY], len: 0 };
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
