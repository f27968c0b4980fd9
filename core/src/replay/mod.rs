//! Recordings of one end of a connection: what was received and called, what it emitted and told. One end is a function
//! of its seed, its configuration and its calls, so a recording can be played without the peer, for ever, to the byte.
//!
//! - [`Recorded`] is a connection that may be under a recording, which goes to a [`Tape`]; drivers use it.
//! - [`Script`] is the text, read and written; `vectors/README.md` describes it.
//! - [`play()`] does what a script says and compares, with the received bytes [`Cut`] anyhow; [`Player`] goes step by step,
//!   [`bless`] writes down what happens now.
//! - [`redact()`] takes passwords and answers out of it.
//! - [`Driven`] is a connection driven by such text.
//!
//! **A recording holds the seed, and so the keys and everything said in the session; a client's holds its passwords.**
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::arithmetic_side_effects))]

mod client;
mod cut;
mod machine;
mod play;
mod recorded;
mod redact;
mod script;
mod server;
mod settings;
mod tape;
mod words;

pub use cut::Cut;
pub use machine::{Driven, Played, start};
pub use play::{Mismatch, Parting, Player, bless, play};
pub use recorded::Recorded;
pub use redact::{Unredacted, redact};
pub use script::{Bad, Script, Side, Step, What, hex, unhex};
pub use tape::Tape;
pub use words::show;
