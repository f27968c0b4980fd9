//! An SSH server and an SSH client for microcontrollers: no operating system, no allocator, one connection at a time.
//!
//! | module | what it is |
//! |---|---|
//! | [`board`] | the hardware: Ethernet, clock, light, entropy; where memory and panics went |
//! | [`net`] | the network over it, and one TCP socket |
//! | [`keys`] | what is baked in: keys, and whom the client visits |
//! | [`profile`] | algorithms and sizes |
//! | [`guest`] | the server's side of a connection: who may log in, and the channels |
//! | [`house`] | what stays while guests come and go |
//! | [`session`] | what runs on a channel |
//! | [`shell`] | the commands |
//! | `sftp`, `files` (feature `sftp`) | files in memory, and their service |
//! | [`visit`] | the client's side of a connection |
//!
//! **The seed of everything secret comes from the emulator's host**, through the debugger: see `board/entropy.rs`.
#![no_std]

#[cfg(feature = "defmt")]
use defmt_semihosting as _;

pub mod board;
#[cfg(feature = "sftp")]
pub mod files;
pub mod guest;
pub mod house;
pub mod keys;
pub mod net;
pub mod profile;
pub mod session;
#[cfg(feature = "sftp")]
pub mod sftp;
pub mod shell;
pub mod visit;
