//! SSH over [`smoltcp`]'s TCP sockets, client and server, without std and without an allocator.
//!
//! A [`Link`] is memory for one connection at a time, beside a socket that stays in its set. Nothing here calls back and
//! nothing waits: after each poll of the interface, [`Link::poll`] gives a [`Turn`], and the turn gives events, which borrow
//! the receive buffer, and takes commands, whose packets are composed in the socket's own send buffer.
//!
//! | call | in smoltcp's terms |
//! |---|---|
//! | [`Link::stage`] | what the socket is to do: listen or connect, wait, or have a connection begun |
//! | [`Link::begin`] | a new connection, from a new seed |
//! | [`Link::poll`] | like the interface's: moves what can be moved at this time |
//! | [`Link::poll_delay`] | like the interface's: how long it may be left uncalled |
//! | [`Link::turn_away`] | a reason for the peer for whom there is no link |
//!
//! # A server
//!
//! ```
//! use sanssh_core::auth::server;
//! use sanssh_core::channel::{self, OpenFailure, OpenKind, Request};
//! use sanssh_core::crypto::null::Null;
//! use sanssh_core::role::Server;
//! use sanssh_core::event::Sign;
//! use sanssh_core::{Ask, Config, Event, Reason, Refused, Seed, Slot};
//! use sanssh_smoltcp::{Link, Stage, Turn};
//! use smoltcp::iface::{self, Interface, SocketSet, SocketStorage};
//! use smoltcp::phy::{Loopback, Medium};
//! use smoltcp::socket::tcp::{Socket, SocketBuffer};
//! use smoltcp::time::Instant;
//! use smoltcp::wire::{HardwareAddress, IpAddress, IpCidr};
//! # use sanssh_core::auth::client;
//! # use sanssh_core::role::Client;
//! # use sanssh_core::wire::{Sink, Writer};
//! # const HOST_KEY: &[u8; 51] = b"\0\0\0\x0bssh-ed25519\0\0\0\x20................................";
//! # const USER_KEY: &[u8] = HOST_KEY;
//! # fn entropy() -> [u8; 32] { [1; 32] }
//! # fn sign(_: &[u8]) -> [u8; 83] {
//! #     let mut signature = [0; 83];
//! #     let mut writer = Writer::new(&mut signature);
//! #     writer.string(b"ssh-ed25519");
//! #     writer.string(&[7; 64]);
//! #     signature
//! # }
//!
//! // `Null` has no security; a microcontroller takes `Soft`.
//! type Shell<'m> = Link<'m, Server, Null, [Slot; 2]>;
//!
//! /// Deals with one event. `unsigned` is what the host key has yet to sign: in a later exchange the answer may have to wait
//! /// for room in the send buffer.
//! fn serve(
//!     turn: &mut Turn<'_, '_, Server, Null, [Slot; 2]>,
//!     unsigned: &mut Option<Ask<Sign>>,
//!     event: Event<'_, Server>,
//! ) -> Result<(), Refused> {
//!     match event {
//!         Event::Auth(server::Event::HostKey { ask, .. }) => turn.ssh.host_key(ask, HOST_KEY),
//!         Event::Auth(server::Event::Sign { ask, .. }) => *unsigned = Some(ask),
//!         Event::Auth(server::Event::Probe { algorithm, key, ask, .. }) if key == USER_KEY => {
//!             turn.send(|ssh, output| ssh.acceptable(&ask, algorithm, key, output))?;
//!         }
//!         Event::Auth(server::Event::Probe { ask, .. }) => turn.ssh.unacceptable(ask),
//!         Event::Auth(server::Event::Attempt { credential, ask, .. }) => match credential {
//!             server::Credential::PublicKey { key: USER_KEY, .. } => turn.ssh.grant(ask),
//!             _ => turn.ssh.refuse(ask),
//!         },
//!         Event::Open { kind: OpenKind::Session, ask } => drop(turn.ssh.accept(ask)?),
//!         Event::Open { ask, .. } => turn.ssh.decline(ask, OpenFailure::UNKNOWN_TYPE),
//!         Event::Channel(id, channel::Event::Request { what: Request::Exec(b"uptime"), ask }) => {
//!             turn.ssh.reply(ask, true);
//!             turn.send(|ssh, output| ssh.write(id, b"up 3 days\n", output))?;
//!             turn.send(|ssh, output| ssh.request(id, Request::ExitStatus(0), output))?;
//!             turn.ssh.close(id);
//!         }
//!         Event::Channel(_, channel::Event::Request { ask, .. }) => turn.ssh.reply(ask, false),
//!         // What is kept instead of used is released once it is used, and may be as much as `Config::window`.
//!         Event::Channel(id, channel::Event::Data(bytes)) => turn.ssh.release(id, bytes.len()),
//!         _ => {}
//!     }
//!     Ok(())
//! }
//!
//! // The board's network; here one that ends at itself.
//! let mut device = Loopback::new(Medium::Ip);
//! let start = Instant::ZERO;
//! let mut network = Interface::new(iface::Config::new(HardwareAddress::Ip), &mut device, start);
//! network.update_ip_addrs(|list| list.push(IpCidr::new(IpAddress::v4(127, 0, 0, 1), 8)).unwrap());
//!
//! // The send buffer is where packets are composed; the receive buffer is the window of TCP.
//! let (mut received, mut sent) = ([0; 2048], [0; 2048]);
//! let mut storage = [SocketStorage::EMPTY; 2];
//! let mut sockets = SocketSet::new(&mut storage[..]);
//! let handle = sockets.add(Socket::new(SocketBuffer::new(&mut received[..]), SocketBuffer::new(&mut sent[..])));
//! # let (mut received, mut sent) = ([0; 2048], [0; 2048]);
//! # let peer = sockets.add(Socket::new(SocketBuffer::new(&mut received[..]), SocketBuffer::new(&mut sent[..])));
//! # let (mut input, mut spare) = ([0; 4096], []);
//! # let mut client = Link::<Client, Null, [Slot; 1]>::new(&mut input, &mut spare);
//! # let mut printed = String::new();
//!
//! let (mut input, mut spare) = ([0; 4096], [0; 512]);
//! let mut link = Shell::new(&mut input, &mut spare);
//! let mut unsigned = None;
//! let mut now = start;
//! loop {
//!     network.poll(now, &mut device, &mut sockets);
//! #   if let Some(mut turn) = client.poll(now, sockets.get_mut(peer)) {
//! #       while let Some(event) = turn.next()? {
//! #           match event {
//! #               Event::Auth(client::Event::HostKey { algorithm, ask, .. }) => {
//! #                   turn.ssh.trust(ask);
//! #                   turn.send(|ssh, output| ssh.public_key(b"me", algorithm, USER_KEY, &sign(b""), output))?;
//! #               }
//! #               Event::Auth(client::Event::Accepted { .. }) => {
//! #                   turn.send(|ssh, output| ssh.open(OpenKind::Session, output))?;
//! #               }
//! #               Event::Channel(id, channel::Event::Opened) => {
//! #                   turn.send(|ssh, output| ssh.request(id, Request::Exec(b"uptime"), output))?;
//! #               }
//! #               Event::Channel(_, channel::Event::Data(bytes)) => printed += std::str::from_utf8(bytes)?,
//! #               Event::Channel(_, channel::Event::Closed) => {
//! #                   turn.ssh.disconnect(Reason::BY_APPLICATION);
//! #                   break;
//! #               }
//! #               _ => {}
//! #           }
//! #       }
//! #   }
//!     if let Some(mut turn) = link.poll(now, sockets.get_mut(handle)) {
//!         // An error is the end of this connection: the link says goodbye by itself, and is idle again after that.
//!         while let Ok(Some(event)) = turn.next() {
//!             // Who asks for more than there is room for the answers to is no great loss.
//!             if serve(&mut turn, &mut unsigned, event).is_err() {
//!                 turn.ssh.disconnect(Reason::BY_APPLICATION);
//!             }
//!         }
//!         unsigned = unsigned.filter(|ask| {
//!             let signature = sign(ask.message());
//!             turn.send(|ssh, output| ssh.sign(ask, HOST_KEY, &signature, output)) == Err(Refused::NoRoom)
//!         });
//!     }
//! #   let socket = sockets.get_mut::<Socket>(peer);
//! #   if client.stage(socket) == Stage::Idle {
//! #       if !printed.is_empty() {
//! #           break;
//! #       }
//! #       if link.stage(sockets.get(handle)) == Stage::Waiting {
//! #           let socket = sockets.get_mut::<Socket>(peer);
//! #           socket.connect(network.context(), (IpAddress::v4(127, 0, 0, 1), 22), 49152)?;
//! #           client.begin(Config::default(), &Seed::new([2; 32]), [Slot::new(); 1], now);
//! #       }
//! #   }
//!     // After the poll, by which a connection may have come to its end.
//!     let socket = sockets.get_mut::<Socket>(handle);
//!     match link.stage(socket) {
//!         Stage::Idle => socket.listen(22)?,
//!         Stage::Due => link.begin(Config::default(), &Seed::new(entropy()), [Slot::new(); 2], now),
//!         Stage::Waiting | Stage::Busy => {}
//!     }
//!     let delay = [network.poll_delay(now, &sockets), link.poll_delay(now, sockets.get(handle))];
//!     // Sleep for so long, or until the network has something.
//!     let delay = delay.into_iter().flatten().min();
//! #   now += delay.unwrap_or_default().min(smoltcp::time::Duration::from_millis(1));
//! #   assert!(now < Instant::from_secs(60), "it took too long");
//! }
//! # assert_eq!(printed, "up 3 days\n");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A client is the same with [`Client`](sanssh_core::role::Client): where the link is idle, the socket is told to connect and
//! the link to begin, whose deadline for the handshake then holds for that of TCP as well.
//!
//! # Memory
//!
//! Both buffers of the socket, the link's two, the connection, and nothing else. The input must have room for the largest
//! packet: [`Link::begin`] takes back what `Config` promises beyond that, and OpenSSH's first packet needs 2 KiB. A send
//! buffer of [`MIN_OUTPUT`](sanssh_core::MIN_OUTPUT) bytes suffices; larger ones are faster.
//!
//! Of the socket's settings a link changes one: where it has no keepalive, it has one while something waits to be sent, since
//! smoltcp may otherwise forget a peer whose window had closed. Nagle's algorithm only delays, and is better
//! [turned off](smoltcp::socket::tcp::Socket::set_nagle_enabled).
//!
//! # Where there are too few
//!
//! A peer that finds no socket listening is refused by TCP. To tell it why, have a small socket listen behind the links, with
//! a [timeout](smoltcp::socket::tcp::Socket::set_timeout), and [turn away](Link::turn_away) whoever comes there. Channels
//! beyond the table are declined by the connection itself.
//!
//! # The end
//!
//! A connection ends by its own deadlines, even if its peer is gone without a word. Once it is logged in it does so only with
//! `Config::keepalive`: a peer that neither answers nor takes what it is sent for
//! [so long](sanssh_core::config::Keepalive::patience) is given up. After the end the link has `Deadlines::close` to deliver
//! its goodbye; then the socket is reset.

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

mod link;
mod ring;

pub use link::{Link, Stage, Turn};
pub use ring::Ring;
