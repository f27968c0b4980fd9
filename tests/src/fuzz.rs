//! What is fuzzed: functions of bytes that panic where something does not hold that must hold whatever comes. The
//! coverage-guided fuzzer in `tests/fuzz` calls them, and so does the suite `tests/tests/fuzz.rs` with its corpus.
//!
//! - `ident`, `packet`, `message`: what every connection is made of, each by itself.
//! - `client`, `server`: streams that come to one end; `commands`: both ends, and whatever is called on them.
//! - `sftp_client`, `sftp_server`, `scp`, `agent`, `pubkey`, `socks`, `x11`: the machines beside the connection.
//! - `keys`, `known_hosts`, `authorized_keys`, `config`: files.

mod agent;
mod choices;
mod commands;
mod config;
mod duet;
mod finale;
mod forwards;
mod frames;
mod idents;
mod keys;
mod lists;
mod messages;
pub mod mutate;
mod packets;
mod pubkeys;
mod scp;
pub mod seeds;
mod sftp_client;
mod sftp_server;
mod sides;
mod streams;
mod subject;
mod watch;

pub use agent::agent;
pub use commands::commands;
pub use config::config;
pub use forwards::{socks, x11};
pub use idents::ident;
pub use keys::keys;
pub use lists::{authorized_keys, known_hosts};
pub use messages::message;
pub use packets::packet;
pub use pubkeys::pubkey;
pub use scp::scp;
pub use sftp_client::sftp_client;
pub use sftp_server::sftp_server;
pub use streams::{client, server};

/// A function of bytes, which panics.
pub type Target = fn(&[u8]);

/// Every target by its name.
pub const TARGETS: [(&str, Target); 17] = [
    ("agent", agent),
    ("authorized_keys", authorized_keys),
    ("client", client),
    ("commands", commands),
    ("config", config),
    ("ident", ident),
    ("keys", keys),
    ("known_hosts", known_hosts),
    ("message", message),
    ("packet", packet),
    ("pubkey", pubkey),
    ("scp", scp),
    ("server", server),
    ("sftp_client", sftp_client),
    ("sftp_server", sftp_server),
    ("socks", socks),
    ("x11", x11),
];
