//! SSH over mio, on unix hosts: a link that is driven by readiness, and a loop for thousands of them on one thread. The
//! protocol is `sanssh-core`'s; here are sockets, clocks, entropy and the order in which connections are served.
//!
//! A [`Link`] is a connection with its socket, for programs that have a loop of their own. [`Hub`] is a ready-made loop:
//!
//! ```no_run
//! use sanssh_mio::core::auth::server::{self, Credential};
//! use sanssh_mio::core::{Event, channel, file::SigningKey};
//! use sanssh_mio::{Hub, Limits, Next, Server, ServerSettings, mio};
//! use std::sync::Arc;
//!
//! # let (seed, friend) = ([0; 32], []);
//! let settings = Arc::new(ServerSettings::new(ServerSettings::modern(), vec![SigningKey::ed25519(&seed)], 4)?);
//! let mut hub: Hub<Server> = Hub::new(Limits::default())?;
//! hub.listen(mio::net::TcpListener::bind("127.0.0.1:2222".parse()?)?.into(), &settings)?;
//! while hub.wait(None)? {
//!     while let Some(next) = hub.next() {
//!         let Next::Turn(mut visit) = next else { continue };
//!         while let Some(event) = visit.turn.next() {
//!             match event {
//!                 Event::Auth(server::Event::Attempt { credential, ask, .. }) => match credential {
//!                     Credential::PublicKey { key, .. } if key == friend => visit.turn.ssh().grant(ask),
//!                     _ => visit.turn.ssh().refuse(ask),
//!                 },
//!                 Event::Open { ask, .. } => drop(visit.turn.ssh().accept(ask)),
//!                 Event::Channel(id, channel::Event::Data(bytes)) => {
//!                     // Straight from the receive buffer.
//!                     visit.turn.ssh().release(id, bytes.len());
//!                 }
//!                 _ => {}
//!             }
//!         }
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Nothing is kept for a connection between its turns but the machine, of about 4 KiB, the table of its channels, and what
//! is left over: part of a packet, or what its socket does not take. All share the [`Buffers`] that they read into, decrypt
//! in and write from. So the most that a peer can make a link keep is the largest packet, as
//! [`Config::max_packet`](core::Config::max_packet) and, for strangers, [`Login::max_packet`](core::config::Login::max_packet)
//! have it, and about [`Limits::turn`] each way.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod buffers;
mod end;
mod error;
mod hub;
mod link;
mod socket;
mod system;
mod turn;

pub use buffers::Buffers;
pub use end::{ClientSettings, End, ServerSettings, Ssh};
pub use error::Error;
pub use hub::{Counts, FOREIGN, Foreign, Handle, Hub, Id, Limits, Next, Visit};
pub use link::Link;
pub use mio;
pub use sanssh_core as core;
pub use sanssh_core::role::{Client, Server};
pub use socket::{Listener, Socket};
pub use system::Clock;
pub use turn::Turn;
