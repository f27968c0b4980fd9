//! Both ends over `sanssh-mio`: a server whose commands need no programs, and clients that run commands one after another,
//! with the keys by which they know each other.

mod calling;
mod serving;

pub use calling::{Call, Callers};
pub use serving::{Served, Shell, serve, serve_within, server, settings};

use core::time::Duration;
use sanssh_core::file::SigningKey;

/// Far above what anything here takes on a loaded machine; reached only when something is wrong.
const DEADLINE: Duration = Duration::from_secs(120);

/// The host key of every server here.
#[must_use]
pub fn host_key() -> SigningKey {
    SigningKey::ed25519(&[5; 32])
}

/// The key that may log in at every server here.
#[must_use]
pub fn user_key() -> SigningKey {
    SigningKey::ed25519(&[6; 32])
}
