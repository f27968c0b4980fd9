//! Why a connection is over.

use core::fmt;
use sanssh_core::Error as Ssh;
use sanssh_core::file::signing::CannotSign;
use std::io;

/// Why a connection is over.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The protocol failed, or one of the ends said goodbye.
    Ssh(Ssh),
    /// The socket, or the operating system otherwise, failed.
    Io(io::Error),
    /// Nothing happened on it for as long as [`Limits::idle`](crate::Limits::idle).
    Idle,
    /// The host key did not sign.
    Sign(CannotSign),
    /// There are as many connections as there may be, or the loop is about to end.
    Full,
}

impl From<Ssh> for Error {
    fn from(error: Ssh) -> Self {
        Self::Ssh(error)
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ssh(error) => write!(f, "{error}"),
            Self::Io(error) => write!(f, "{error}"),
            Self::Idle => f.write_str("nothing happened on the connection for too long"),
            Self::Sign(error) => write!(f, "the host key did not sign: {error}"),
            Self::Full => f.write_str("there are as many connections as there may be"),
        }
    }
}

impl core::error::Error for Error {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Ssh(error) => Some(error),
            Self::Io(error) => Some(error),
            Self::Sign(error) => Some(error),
            Self::Idle | Self::Full => None,
        }
    }
}
