//! Randomness from the operating system, as the seed that a connection grows its own from.

use crate::Error;
use sanssh_core::Seed;
use std::io;
use zeroize::Zeroizing;

/// A fresh seed from the operating system.
///
/// # Errors
/// [`Error::Io`] if the operating system has no randomness to give.
pub fn seed() -> Result<Seed, Error> {
    let mut bytes = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *bytes).map_err(|error| Error::from(io::Error::other(error)))?;
    Ok(Seed::new(*bytes))
}
