//! SSH over the traits of [`embedded_io`], client and server, without std and without an allocator: for serial lines, modems
//! and stacks that have no better driver, and for every executor.
//!
//! A [`Link`] is a connection over one transport. It is *polled* by a program that does other things as well
//! ([`Link::poll`]), or *waited for* ([`Link::turn`]); both give a [`Turn`], out of which events come, and which takes commands.
//! With the feature `async`, [`aio::Link`] is the same for executors, over the traits of embedded-io-async.
//!
//! Once a channel is open, [`Link::channel`] gives a [`Channel`], which implements `Read`, `Write` and their companions itself.
//! What has arrived on it and not been read is in an [`Inbox`], and whatever else happens meanwhile goes to a closure.
//!
//! ```
//! use embedded_io::{Read, Write};
//! use sanssh_core::auth::client;
//! use sanssh_core::channel::{self, OpenKind, Request};
//! use sanssh_core::crypto::null::Null;
//! use sanssh_core::role::Client;
//! use sanssh_core::{Config, Event, Instant, Seed, Slot};
//! use sanssh_embedded_io::{Inbox, Link};
//! # use core::cell::RefCell;
//! # use embedded_io::{ErrorKind, ErrorType, ReadReady, WriteReady};
//! # use sanssh_core::auth::{Method, server};
//! # use sanssh_core::role::Server;
//! # use sanssh_core::wire::{Sink, Writer};
//! # use sanssh_core::{Connection, Input, Output};
//! # const KNOWN_KEY: &[u8; 51] = b"\0\0\0\x0bssh-ed25519\0\0\0\x20................................";
//! # fn entropy() -> [u8; 32] { [1; 32] }
//! # fn ticks() -> u64 { 0 }
//! # struct Line { ssh: Connection<Server, Null, [Slot; 1]>, said: Vec<u8>, answer: Vec<u8> }
//! # impl Line {
//! #     fn new() -> Self {
//! #         let mut config = Config::default();
//! #         config.login.methods = [Method::Password].into_iter().collect();
//! #         let ssh = Connection::new(config, &Seed::new([2; 32]), [Slot::new(); 1], Instant(0));
//! #         Self { ssh, said: Vec::new(), answer: Vec::new() }
//! #     }
//! #     fn act(&mut self) {
//! #         let mut signature = [0; 83];
//! #         let mut writer = Writer::new(&mut signature);
//! #         writer.string(b"ssh-ed25519");
//! #         writer.string(&[7; 64]);
//! #         let (mut space, mut input) = ([0; 4096], Input::new(&mut self.said));
//! #         let mut output = Output::new(&mut space);
//! #         while let Some(event) = self.ssh.recv(Instant(0), &mut input).unwrap() {
//! #             match event {
//! #                 Event::Auth(server::Event::HostKey { ask, .. }) => self.ssh.host_key(ask, KNOWN_KEY),
//! #                 Event::Auth(server::Event::Sign { ask, .. }) => {
//! #                     self.ssh.sign(&ask, KNOWN_KEY, &signature, &mut output).unwrap();
//! #                 }
//! #                 Event::Auth(server::Event::Attempt { ask, .. }) => self.ssh.grant(ask),
//! #                 Event::Open { ask, .. } => drop(self.ssh.accept(ask).unwrap()),
//! #                 Event::Channel(_, channel::Event::Request { ask, .. }) => self.ssh.reply(ask, true),
//! #                 Event::Channel(id, channel::Event::Data(bytes)) => {
//! #                     let loud = bytes.to_ascii_uppercase();
//! #                     self.ssh.write(id, &loud, &mut output).unwrap();
//! #                     self.ssh.finish(id);
//! #                 }
//! #                 _ => {}
//! #             }
//! #         }
//! #         let taken = input.taken();
//! #         self.ssh.flush(Instant(0), &mut output);
//! #         let filled = output.filled();
//! #         self.said.drain(..taken);
//! #         self.answer.extend_from_slice(&space[..filled]);
//! #     }
//! # }
//! # impl ErrorType for Line { type Error = ErrorKind; }
//! # impl Read for Line {
//! #     fn read(&mut self, space: &mut [u8]) -> Result<usize, ErrorKind> {
//! #         let n = space.len().min(self.answer.len());
//! #         self.answer.drain(..n).zip(space).for_each(|(byte, place)| *place = byte);
//! #         Ok(n)
//! #     }
//! # }
//! # impl Write for Line {
//! #     fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
//! #         self.said.extend_from_slice(bytes);
//! #         Ok(bytes.len())
//! #     }
//! #     fn flush(&mut self) -> Result<(), ErrorKind> { Ok(()) }
//! # }
//! # impl ReadReady for Line {
//! #     fn read_ready(&mut self) -> Result<bool, ErrorKind> {
//! #         self.act();
//! #         Ok(!self.answer.is_empty())
//! #     }
//! # }
//! # impl WriteReady for Line { fn write_ready(&mut self) -> Result<bool, ErrorKind> { Ok(true) } }
//! # let line = Line::new();
//!
//! // The clock of the board, in microseconds. `Null` has no security; a microcontroller takes `Soft`.
//! let clock = || Instant(ticks());
//! let (mut input, mut output, mut memory) = ([0; 4096], [0; 2048], [0; 1024]);
//! let config = Config { window: 1024, ..Config::default() };
//! let seed = Seed::new(entropy());
//! let memories = [&mut input[..], &mut output[..]];
//! let mut link = Link::<_, _, Client, Null, _>::new(line, clock, config, &seed, [Slot::new(); 1], memories);
//!
//! // Log in and have a command run, one turn after the other.
//! let mut running = None;
//! while running.is_none() {
//!     let mut turn = link.turn()?;
//!     while let Some(event) = turn.next()? {
//!         match event {
//!             Event::Auth(client::Event::HostKey { key, ask, .. }) if key == KNOWN_KEY => {
//!                 turn.ssh.trust(ask);
//!                 turn.send(|ssh, output| ssh.password(b"me", b"secret", output))?;
//!             }
//!             Event::Auth(client::Event::Accepted { .. }) => {
//!                 turn.send(|ssh, output| ssh.open(OpenKind::Session, output))?;
//!             }
//!             Event::Channel(id, channel::Event::Opened) => {
//!                 turn.send(|ssh, output| ssh.request(id, Request::Exec(b"shout"), output))?;
//!                 running = Some(id);
//!             }
//!             _ => {}
//!         }
//!     }
//! }
//!
//! // From here on the channel is a stream.
//! let mut inbox = Inbox::new(running.unwrap(), &mut memory);
//! let mut status = None;
//! let mut channel = link.channel(&mut inbox, |_, event| {
//!     if let Event::Channel(_, channel::Event::Notice(Request::ExitStatus(code))) = event {
//!         status = Some(code);
//!     }
//! })?;
//! channel.write_all(b"hello")?;
//! let mut answer = [0; 5];
//! channel.read_exact(&mut answer)?;
//! assert_eq!(&answer, b"HELLO");
//! // Says goodbye, and gives the transport back for the next link.
//! let line = link.end();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What a transport has to be
//!
//! It says whether it is ready ([`ReadReady`](embedded_io::ReadReady), [`WriteReady`](embedded_io::WriteReady)): one that could
//! only block would leave nobody to keep the deadlines, and could wait in one direction for what has to happen in the other.
//! It may take a byte at a time, and it is flushed whenever all there was to write has been written.
//!
//! A peer that is gone without a word, or takes nothing, is given up as `Config::deadlines` and `Config::keepalive` say.

#![no_std]
#![deny(missing_docs)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::cast_possible_truncation
    )
)]

#[cfg(feature = "async")]
pub mod aio;

mod channel;
mod clock;
mod engine;
mod error;
mod inbox;
mod link;

pub use channel::Channel;
pub use clock::Clock;
pub use engine::Turn;
pub use error::Error;
pub use inbox::Inbox;
pub use link::Link;
