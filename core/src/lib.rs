//! SSH as a protocol machine without I/O.
//!
//! One end of one SSH connection is a [`Connection`]: a function of its seed, its configuration and its calls. Bytes,
//! time and answers go in; bytes, deadlines and events come out. It owns no socket, reads no clock, draws no randomness
//! of its own, never blocks, never calls back, and allocates nothing: memory is lent to it call by call.
//!
//! - *Input* is received bytes, lent to [`Connection::recv`], which decrypts them where they lie.
//! - *Output* is space, lent to [`Connection::flush`] and to commands, which encrypt where it will be sent from.
//! - An [`Event`] is something the embedder should know; it may borrow the input, never the connection.
//! - An [`Ask`] is a question with an owned token, to be answered at once or later.
//! - A *command* is something the embedder wants. One that carries bytes writes them at once or is [`Refused`] and
//!   changes nothing; one that carries none is remembered as a fact, which `flush` turns into a packet.
//!
//! # The loop
//!
//! ```
//! use sanssh_core::auth::{Method, client, server};
//! use sanssh_core::channel::{self, OpenKind, Request};
//! use sanssh_core::crypto::null::Null;
//! use sanssh_core::role::{Client, Server};
//! use sanssh_core::{Config, Connection, Event, Input, Instant, Output, Seed, Slot};
//!
//! # use sanssh_core::wire::{Sink, Writer};
//! # let (mut known_key, mut signature) = ([0; 51], [0; 83]);
//! # for (space, content) in [(&mut known_key[..], &[7; 32][..]), (&mut signature, &[7; 64])] {
//! #     let mut writer = Writer::new(space);
//! #     writer.string(b"ssh-ed25519");
//! #     writer.string(content);
//! # }
//! # let mut config = Config::default();
//! # config.login.methods = [Method::Password].into_iter().collect();
//! # let mut peer = Connection::<Server, Null, _>::new(config, &Seed::new([2; 32]), [Slot::new(); 4], Instant(0));
//! # let (mut sent, mut printed) = (Vec::<u8>::new(), Vec::new());
//! # let mut received = Vec::<u8>::new();
//! # let now = Instant(0);
//! # let mut space = [0; 8192];
//! // `Null` has no security; a host takes `Fast`, a microcontroller `Soft` or `Lean`. The seed comes from the system.
//! let mut ssh = Connection::<Client, Null, _>::new(Config::default(), &Seed::new([1; 32]), [Slot::new(); 4], now);
//! # for _ in 0..40 {
//!     // Bytes came from the socket: lend them, and act on what they say.
//!     let mut input = Input::new(&mut received);
//!     let mut output = Output::new(&mut space);
//!     while let Some(event) = ssh.recv(now, &mut input)? {
//!         match event {
//!             Event::Auth(client::Event::HostKey { key, ask, .. }) => {
//!                 assert_eq!(key, known_key);
//!                 ssh.trust(ask);
//!                 ssh.password(b"me", b"secret", &mut output)?;
//!             }
//!             Event::Auth(client::Event::Accepted { .. }) => drop(ssh.open(OpenKind::Session, &mut output)?),
//!             Event::Channel(id, channel::Event::Opened) => ssh.request(id, Request::Exec(b"date"), &mut output)?,
//!             Event::Channel(id, channel::Event::Data(bytes)) => {
//!                 printed.extend_from_slice(bytes);
//!                 ssh.release(id, bytes.len());
//!             }
//!             _ => {}
//!         }
//!     }
//!     let taken = input.taken();
//!     // Whatever is owed goes to the socket, and `deadline` says how long the socket may be waited for.
//!     ssh.flush(now, &mut output);
//! #   received.drain(..taken);
//! #   let filled = output.filled();
//! #   sent.extend_from_slice(&space[..filled]);
//! #   let mut output = Output::new(&mut space);
//! #   let mut input = Input::new(&mut sent);
//! #   while let Some(event) = peer.recv(now, &mut input)? {
//! #       match event {
//! #           Event::Auth(server::Event::HostKey { ask, .. }) => peer.host_key(ask, &known_key),
//! #           Event::Auth(server::Event::Sign { ask, .. }) => peer.sign(&ask, &known_key, &signature, &mut output)?,
//! #           Event::Auth(server::Event::Attempt { ask, .. }) => peer.grant(ask),
//! #           Event::Open { ask, .. } => drop(peer.accept(ask)?),
//! #           Event::Channel(id, channel::Event::Request { ask, .. }) => {
//! #               peer.reply(ask, true);
//! #               peer.write(id, b"Sunday", &mut output)?;
//! #           }
//! #           _ => {}
//! #       }
//! #   }
//! #   let taken = input.taken();
//! #   sent.drain(..taken);
//! #   peer.flush(now, &mut output);
//! #   let filled = output.filled();
//! #   received.extend_from_slice(&space[..filled]);
//! # }
//! # assert_eq!(printed, b"Sunday");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! `recv` returns `None` when it needs more bytes or an answer, and takes nothing it does not deal with. If
//! [`Connection::waiting`] then says [`Waiting::Output`], flush and call it again. Where
//! [compression](algorithm::Preferences::zips) was asked for, payloads are expanded into memory that is lent by
//! [`Input::with_inflate`]; if [`Input::is_cramped`], lend it again for what is left.
//!
//! # The map
//!
//! | module | what it is | RFCs |
//! |---|---|---|
//! | [`wire`] | field types, every message as a table row, which number is lawful when | 4251, 4250 |
//! | [`crypto`] | what the protocol needs of cryptography, and four providers of it | |
//! | [`transport`] | identification, packets, compression, negotiation, key exchange | 4253, 4419, 8308, 8731 |
//! | [`auth`] | the login, client and server | 4252, 4256 |
//! | [`channel`] | channels, their windows and requests, forwards | 4254, 4335, 8160, 9987 |
//! | `connection` | [`Connection`], which joins them and keeps time | |
//! | `turn` | [`Turn`], one round of a driver's loop over buffers of its own | |
//! | [`algorithm`], [`config`], [`mod@event`], [`role`], [`time`] | the vocabulary that they share | |
//! | [`sftp`] | file transfer, both ends: requests, answers, transfers | filexfer-02 |
//! | [`scp`] | files over rcp's protocol, both ends | |
//! | [`forward`] | what forwarding speaks beside SSH: SOCKS, the cookie of X11 | 1928 |
//! | [`agent`] | the agent protocol, both ends | 9987 |
//! | [`pubkey`] | the publickey subsystem, both ends | 4819 |
//! | `keyring` (feature `alloc`) | the keys of an agent, and what they may be used for | 9987 |
//! | `replay` (feature `alloc`) | one end's life as text: recorded, replayed to the byte, redacted | |
//! | `file` (feature `alloc`) | keys in every common format, certificates made, known hosts, authorized keys | 4716, 7468 |
//!
//! Lower layers do not know higher ones, and `auth` and `channel` do not know each other.
//!
//! # Features
//!
//! Features make types available and choose nothing; the provider is a type parameter. None is on by default.
//!
//! | feature | adds |
//! |---|---|
//! | `lean` | the provider for little flash: X25519, Ed25519, ChaCha20-Poly1305 |
//! | `soft` | the pure Rust provider, without an allocator, and `lean` |
//! | `mlkem` | ML-KEM in both of them |
//! | `sntrup` | Streamlined NTRU Prime in the pure Rust provider, which links std |
//! | `alloc` | the algorithms that only hosts want in the pure Rust provider, `file`, `keyring`, `replay` and `sftp::tree` |
//! | `ring` | the provider for hosts, with all of the above |
//! | `zlib` | compression in every provider, which links std |
//! | `log`, `defmt` | traces of the protocol's steps |
//! | `keylog` | `Connection::log_keys`, by which a connection gives its secrets away, so that captures can be read |

#![no_std]
#![deny(missing_docs)]

#[cfg(any(test, feature = "alloc"))]
extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod agent;
pub mod algorithm;
pub mod auth;
pub mod channel;
pub mod config;
pub mod crypto;
pub mod event;
#[cfg(feature = "alloc")]
pub mod file;
pub mod forward;
#[cfg(feature = "alloc")]
pub mod keyring;
pub mod pubkey;
#[cfg(feature = "alloc")]
pub mod replay;
pub mod role;
pub mod scp;
pub mod sftp;
pub mod time;
pub mod transport;
pub mod wire;

mod buf;
mod connection;
mod error;
mod log;
mod seed;
mod turn;

pub use buf::{Input, Output, Rx, Tx};
pub use channel::{ChannelId, Slot};
pub use config::Config;
pub use connection::{Connection, MIN_OUTPUT, Waiting};
pub use error::{Choice, Error, Reason, Refused, Violation};
pub use event::{Ask, Event};
pub use seed::{Random, Seed};
pub use time::Instant;
pub use turn::{Backlog, Intake, Outlet, Turn, Writes};
