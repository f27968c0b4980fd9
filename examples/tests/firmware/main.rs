//! The firmware in an emulator, with OpenSSH at the other end of its wire: what it does, what it refuses, what it costs.
//! Debian's compiler builds it and QEMU runs it; `tests/run` installs both.

mod board;
mod client;
mod figures;
mod files;
mod server;
