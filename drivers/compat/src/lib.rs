//! The documented API of libssh2, by the names that its wheel for Python gives them, over `sanssh-std`: who knows
//! either writes the same program here, in safe Rust.
//!
//! ```no_run
//! use sanssh_compat::session::Session;
//! use std::net::TcpStream;
//!
//! let session = Session::new();
//! session.set_timeout(10_000);
//! session.handshake(TcpStream::connect(("host.example", 22))?)?;
//! // The handshake judges no host key: who does not do that here may tell a stranger the password.
//! let (key, kind) = session.hostkey()?;
//! # let is_known = |_: &[u8], _: i32| true;
//! assert!(is_known(&key, kind));
//! session.userauth_publickey_fromfile("user", "/home/user/.ssh/id_ed25519", "", None)?;
//! let channel = session.open_session()?;
//! channel.execute("uname -a")?;
//! let mut said = vec![0; 1024];
//! let n = channel.read(&mut said)?;
//! println!("{}", String::from_utf8_lossy(&said[..n]));
//! channel.close()?;
//! println!("it ended with {}", channel.get_exit_status());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! One module for each documented module, with its names, constants, defaults and meaning; [`exceptions`] has the
//! errors, each with the documented number.
//!
//! - Status calls give `Result<(), Error>`: where the documented ones return 0, an exception or -37, these give `Ok`,
//!   [`Error::Raised`] or [`Error::Again`].
//! - A [`Session`](session::Session) is a handle: clones are the same session, and every method takes `&self`, so that
//!   threads share it. Channels go on independently of each other.
//! - A session waits, or it does not ([`set_blocking`](session::Session::set_blocking)): then what cannot be done at once
//!   gives [`Error::Again`], to be called again with the same arguments once the socket is ready for
//!   [`block_directions`](session::Session::block_directions). What is pending is kept with its operation, so others go
//!   on between.
//!
//! [`coming_from_libssh2`] has the functions of libssh2, one a row.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod agent;
pub mod channel;
pub mod error_codes;
pub mod exceptions;
pub mod fileinfo;
pub mod knownhost;
pub mod listener;
pub mod pkey;
pub mod publickey;
pub mod session;
pub mod sftp;
pub mod sftp_handle;
pub mod statinfo;
pub mod utils;

#[doc = include_str!("coming_from_libssh2.md")]
pub mod coming_from_libssh2 {}

mod pending;
mod scp;
mod streams;
mod translate;

pub use exceptions::{Error, Exception};
pub use sanssh_core as core;
