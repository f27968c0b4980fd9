//! An SSH server and an SSH client for microcontrollers: no operating system, no allocator, one connection at a time.
//!
//! | module | what it is |
//! |---|---|
//! | [`board`] | the hardware: Ethernet, clock, light, entropy, where memory and panics went |
//! | [`net`] | the network over it, and one TCP socket |
//! | [`keys`] | the keys that are baked in |
//! | [`guest`] | the SSH server of one connection |
//! | [`shell`] | the commands that it has |
//!
//! **The seed of everything secret comes from the emulator's host**, through the debugger: see [`board::seed`].
#![no_std]

pub mod board;
pub mod guest;
pub mod keys;
pub mod net;
pub mod shell;
