//! Recordings made for the tests: a driver of `sanssh_core::replay` that takes its calls as text and writes the names of
//! the messages beside the bytes. A recording holds every secret of its session, so it must be worth nothing.
//!
//! - [`record`]: writes down what a machine does.
//! - [`live`]: records against a peer at the other end of a socket.

pub mod live;
mod names;
pub mod record;
mod spy;
