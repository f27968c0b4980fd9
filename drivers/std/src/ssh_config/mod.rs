//! The configuration of OpenSSH's client, `~/.ssh/config` and `/etc/ssh/ssh_config`, as ssh_config(5) of OpenSSH 9.2 has it:
//! what it says about one host.
//!
//! ```no_run
//! use sanssh_std::ssh_config::{Given, HostConfig, Local, Query};
//!
//! let mut given = Given::default();
//! given.line("User=me")?;
//! let config = HostConfig::of(&Query::new("work", &given)?, &mut Local)?;
//! println!("{} is {} port {}", config.host, config.settings.hostname, config.settings.port);
//! print!("{config}"); // as `ssh -G work` does
//! # Ok::<(), sanssh_std::ssh_config::Error>(())
//! ```
//!
//! - [`Given`], [`Query`]: what is asked. Whatever the world has to say comes through [`World`], so that all the rest is a
//!   function of bytes; [`Local`] is the world of this process.
//! - [`HostConfig`]: the answer, with a field for each keyword in [`Settings`].
//! - [`value`]: how lists of algorithms, sizes and times are written, for programs that take them elsewhere as well.
//!
//! Every keyword of OpenSSH's is known and its value read; what does not exist here is told by [`HostConfig::lacking`].
//! In some places this is stricter: a file that others can write is refused even if only the user's own group can, what is
//! included has to be a regular file, and what the outside chose, such as the name of a host, reaches a shell through a
//! token only if every shell takes it for a word.

mod answer;
mod choice;
mod condition;
mod destination;
mod error;
mod forward;
mod lacking;
mod line;
mod local;
mod query;
mod reader;
mod setting;
mod special;
mod table;
mod token;
pub mod value;
mod world;

pub use answer::HostConfig;
pub use choice::{
    Canonicalize, Compression, ControlMaster, Facility, FingerprintHash, LogLevel, PublicKey, RequestTty, SessionType,
    StrictHostKey, TunnelMode, YesNoAsk,
};
pub use destination::{Destination, Proxy, after};
pub use error::{Error, Why};
pub use forward::{DynamicForwards, Forward, Listen, LocalForwards, RemoteForwards, Target, stdio};
pub use lacking::{Lacking, Weight};
pub use local::Local;
pub use query::{Given, Query, Sources};
pub use setting::{Algorithms, Command, Files, List, Names, Span, Variables, Word};
pub use special::{
    AddKeys, Cnames, ControlPersist, Devices, EscapeChar, ForwardAgent, IdentityAgent, Mask, Permitted, Quality,
};
pub use table::Settings;
pub use token::Tokens;
pub use world::{LONGEST, Trust, World};
