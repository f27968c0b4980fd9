//! The pairs of cipher and MAC that packets can be put through.

use sanssh_core::algorithm::{Cipher, Mac};
use sanssh_core::crypto::Provider;
use sanssh_core::crypto::fast::Fast;

/// A cipher, with a MAC unless it authenticates by itself.
pub type Suite = (Cipher, Option<Mac>);

/// All that hosts have.
pub fn all() -> impl Iterator<Item = Suite> {
    of(Fast::CIPHERS, Fast::MACS)
}

/// Each of the ciphers, with every one of the MACs if it needs one.
pub fn of<'a>(ciphers: &'a [Cipher], macs: &'a [Mac]) -> impl Iterator<Item = Suite> + use<'a> {
    ciphers.iter().flat_map(move |cipher| {
        let alone = cipher.is_aead().then_some((*cipher, None));
        let macs = if cipher.is_aead() { &[] } else { macs };
        alone.into_iter().chain(macs.iter().map(|mac| (*cipher, Some(*mac))))
    })
}
