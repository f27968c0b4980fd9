//! The documented API by its names, while calls wait and while they do not, against OpenSSH's server and our own.

mod agent;
mod channel;
mod defects;
mod ends;
mod handshake;
mod knownhost;
mod listener;
mod login;
mod names;
mod paths;
mod publickey;
mod rig;
mod scp;
mod session;
mod sftp;
mod sftp_handle;
mod stress;
mod threads;
mod waits;
