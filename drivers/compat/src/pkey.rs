//! A public key of an agent's, `ssh2.pkey`.

use sanssh_std::Identity;

/// A key that an agent holds, `ssh2.pkey.PublicKey`, for [`Agent::userauth`](crate::agent::Agent::userauth).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey(Identity);

impl PublicKey {
    pub(crate) const fn new(identity: Identity) -> Self {
        Self(identity)
    }

    /// The blob of the key, or of the certificate.
    pub fn blob(&self) -> &[u8] {
        &self.0.key
    }

    /// Bytes of the blob.
    pub const fn blob_len(&self) -> usize {
        self.0.key.len()
    }

    /// Whatever its owner wrote beside it, escaped, so that it can be shown.
    pub const fn comment(&self) -> &[u8] {
        self.0.comment.as_bytes()
    }

    /// Always the same number.
    #[expect(clippy::unused_self, reason = "it is documented as the key's")]
    pub const fn magic(&self) -> u32 {
        0x3bde_fed2
    }
}
