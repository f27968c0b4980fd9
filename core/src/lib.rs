//! placeholder
#![no_std]
#![deny(missing_docs)]
#[cfg(any(test, feature = "alloc"))]
extern crate alloc;
#[cfg(test)]
extern crate std;
pub mod algorithm;
pub mod crypto;
#[cfg(feature = "alloc")]
pub mod file;
pub mod seed;
pub mod time;
pub mod wire;
