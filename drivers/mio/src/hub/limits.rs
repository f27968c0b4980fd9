//! What a loop bounds, beside what the core's configuration bounds on each connection.

use core::time::Duration;

/// Limits of a [`Hub`](crate::Hub); the rest by struct update from the default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Connections at a time; the newest is refused.
    pub connections: usize,
    /// Connections that came in and have not logged in, at a time; the newest is refused. How long each may take, is for
    /// [`Config::deadlines`](sanssh_core::config::Config::deadlines) to say.
    pub unauthenticated: usize,
    /// After so long without anything on a channel, logged-in connections are ended; `None` for never. Keepalives and
    /// changes of keys are nothing.
    pub idle: Option<Duration>,
    /// Bytes that one connection may read, and write, before others have their turn. The memory for it is shared by all.
    pub turn: usize,
    /// How long a connection that is over may take to say goodbye into a socket that is full.
    pub linger: Duration,
    /// How long connections with open channels may go on after [`Hub::shut_down`](crate::Hub::shut_down).
    pub grace: Duration,
    /// Work by [`Handle::submit`](crate::Handle::submit) that may wait.
    pub queue: usize,
}

impl Default for Limits {
    /// 10,000 connections, 1000 of them not logged in; never idle for too long; turns of 128 KiB; half a second to say
    /// goodbye, 30 seconds to end; 1024 pieces of work.
    fn default() -> Self {
        Self {
            connections: 10_000,
            unauthenticated: 1000,
            idle: None,
            turn: 128 * 1024,
            linger: Duration::from_millis(500),
            grace: Duration::from_secs(30),
            queue: 1024,
        }
    }
}
