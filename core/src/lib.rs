//! placeholder
#![no_std]
#![deny(missing_docs)]
#[cfg(any(test, feature = "alloc"))]
extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod algorithm;
pub mod auth;
pub mod channel;
pub mod config;
pub mod crypto;
pub mod event;
#[cfg(feature = "alloc")]
pub mod file;
pub mod role;
pub mod time;
pub mod transport;
pub mod wire;

mod buf;
mod connection;
mod error;
mod log;
mod seed;

pub use buf::{Input, Output, Rx, Tx};
pub use channel::{ChannelId, Slot};
pub use config::Config;
pub use connection::{Connection, MIN_OUTPUT, Waiting};
pub use error::{Choice, Error, Reason, Refused, Violation};
pub use event::{Ask, Event};
pub use seed::{Random, Seed};
pub use time::Instant;
