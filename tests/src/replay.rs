//! Recordings of one end of a connection: what was received and called, what it emitted and told. The format is text
//! and is described in `vectors/README.md`; a recording holds every secret of its session, so it must be worth nothing.
//!
//! - [`format`]: the text, read and written.
//! - [`machine`]: a connection that is driven by lines of text and tells its events in text.
//! - [`record`]: writes down what a machine does.
//! - [`play`]: does it again, and compares.
//! - [`live`]: records against a peer at the other end of a socket.

pub mod format;
pub mod live;
pub mod machine;
mod names;
pub mod play;
pub mod record;
mod settings;
mod sides;
mod spy;
