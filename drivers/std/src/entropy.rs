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
    draw(|bytes| getrandom::fill(bytes).map_err(io::Error::other))
}

/// A source that leaves the bytes as they were has given nothing, whatever it says.
fn draw(fill: impl FnOnce(&mut [u8]) -> io::Result<()>) -> Result<Seed, Error> {
    let mut bytes = Zeroizing::new([0; 32]);
    fill(&mut *bytes)?;
    if *bytes == [0; 32] {
        return Err(io::Error::other("no randomness").into());
    }
    Ok(Seed::new(*bytes))
}

#[cfg(test)]
mod tests {
    use super::{draw, seed};
    use std::io;

    #[test]
    fn g15_without_randomness_there_is_no_seed() {
        assert!(seed().is_ok());
        assert!(draw(|_| Err(io::ErrorKind::Unsupported.into())).is_err());
        assert!(draw(|_| Ok(())).is_err());
        assert!(draw(|bytes| bytes.first_mut().map(|byte| *byte = 1).ok_or_else(|| io::Error::other(""))).is_ok());
    }
}
