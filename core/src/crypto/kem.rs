//! What key encapsulations have in common: their secret, and how it joins that of a curve
//! (draft-ietf-sshm-mlkem-hybrid-kex, RFC 9941).

use super::{BadShare, Digest, Secret};
use crate::algorithm::Hash;
use heapless::Vec;
use zeroize::{Zeroize, Zeroizing};

/// What is encapsulated: 32 bytes for every mechanism here.
pub(super) type Shared = Zeroizing<[u8; 32]>;

/// Adds a part to a share, which has room for it.
pub(super) fn append<const N: usize>(share: &mut Vec<u8, N>, part: &[u8]) {
    let fits = share.extend_from_slice(part);
    debug_assert!(fits.is_ok());
}

/// `K = HASH(K_PQ || K_CL)` by the method's hash, which the exchange hash takes as a string.
pub(super) fn combine<D: Digest>(hash: Hash, quantum: &[u8], classical: &Secret) -> Result<Secret, BadShare> {
    let mut digest = D::new(hash).ok_or(BadShare)?;
    digest.update(quantum);
    digest.update(classical.as_bytes());
    let mut value = digest.finish();
    let secret = Secret::string(value.as_bytes());
    value.zeroize();
    Ok(secret)
}
