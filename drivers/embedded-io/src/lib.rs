//! SSH over the traits of embedded-io.

#![no_std]
#![deny(missing_docs)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::cast_possible_truncation
    )
)]

#[cfg(feature = "async")]
pub mod aio;

mod channel;
mod clock;
mod engine;
mod error;
mod inbox;
mod link;

pub use channel::Channel;
pub use clock::Clock;
pub use engine::Turn;
pub use error::Error;
pub use inbox::Inbox;
pub use link::Link;
