//! The documented API by its names, while calls wait and while they do not, against OpenSSH's server and our own.

mod channel;
mod defects;
mod ends;
mod handshake;
mod login;
mod names;
mod rig;
mod session;
mod stress;
mod threads;
mod waits;
