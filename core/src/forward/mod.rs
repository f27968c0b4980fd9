//! What the ends of forwarding speak with programs beside SSH: SOCKS, by which a program names the host that it wants, and
//! the first message of X11, which carries a cookie. Byte machines without an allocator; they know nothing of channels.
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

pub mod socks;
pub mod x11;
