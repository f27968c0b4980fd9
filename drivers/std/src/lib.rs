//! SSH over std sockets, blocking, on unix hosts: a [`Client`] that runs commands and a [`Server`] that calls a handler
//! for each session. The protocol is `sanssh-core`'s; here are sockets, clocks, entropy, files and threads.
//!
//! ```no_run
//! use sanssh_std::{Client, KnownHosts, Options, home};
//!
//! let key = home::read_key(&home::ssh("id_ed25519").ok_or("no home")?, None)?;
//! let client = Client::connect("host.example", 22, &Options::default(), &mut KnownHosts::user())?;
//! client.login_key("user", &key)?.accepted()?;
//! let finished = client.run("uname -a")?;
//! println!("{:?}: {}", finished.exit, String::from_utf8_lossy(&finished.stdout));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Nothing runs behind the caller's back on the client: whichever thread waits for something moves the connection on
//! for all. So while no thread of the program is inside a call, keepalives and key exchanges of the peer's wait, too;
//! [`Client::tend`] is for programs that stay away for long. Forwarding alone has a thread, one for each connection that
//! forwards, for as long as it does.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod glob;
pub mod home;
pub mod scp;
pub mod ssh_config;

mod agent;
mod ask;
mod asked;
mod authorized;
mod begin;
mod borrow;
mod channel;
mod client;
mod clock;
mod connect;
mod desk;
mod directory;
mod display;
mod end;
mod entropy;
mod error;
mod factors;
mod forward;
mod gateway;
mod handler;
mod host_keys;
mod inbox;
#[cfg(feature = "keylog")]
mod keylog;
mod lend;
mod lines;
mod link;
mod login;
mod plan;
mod proxy;
mod record;
mod relay;
mod run;
mod serve;
mod server;
mod session;
mod setup;
mod sftp;
mod socket;
mod state;
mod stream;
mod trace;
mod trust;
mod update;

pub use agent::{Agent, Identity};
pub use authorized::{AuthorizedKeys, List};
pub use begin::Interest;
pub use borrow::BorrowedDisplay;
pub use channel::{Channel, Pty, Stderr};
pub use client::Client;
pub use connect::{Family, Options};
pub use directory::{Directory, Share};
pub use display::{Display, Trust};
pub use entropy::seed;
pub use error::{Error, HostKeyError, escape};
pub use forward::{LocalForward, RemoteForward, RemoteListener, Tunnel};
pub use handler::{Attempt, Credential, Handler, HostAttempt, Permissions, Verdict, Wish};
pub use inbox::{Exit, Kind, StderrGoes};
#[cfg(feature = "keylog")]
pub use keylog::KeyLogFile;
pub use login::{Login, Prompt, Prompts};
pub use plan::{Entry, Outcome, Plan, Skip, Source, Unlock};
pub use record::Record;
pub use relay::{Counts, Endpoint, Listener};
pub use run::Finished;
pub use sanssh_core as core;
pub use server::{Server, ServerConfig, Shutdown};
pub use session::{Session, SessionStderr};
pub use setup::{Event, Start, Terminal};
pub use sftp::{Copy, CopyEvent, File, OpenOptions, Progress, ReadDir, Sftp, SftpEntry};
pub use socket::Socket;
pub use trust::{Hosts, KnownHosts, Question, Skipped, Unknown};
pub use update::Updated;
