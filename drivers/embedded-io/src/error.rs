//! What can go wrong with a link or a channel.

use core::fmt;
use embedded_io::ErrorKind;
use sanssh_core::Refused;

/// The connection is over, or a call came to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Error<E> {
    /// The connection is over.
    Ssh(sanssh_core::Error),
    /// The call was not possible; the connection goes on.
    Refused(Refused),
    /// The transport failed.
    Io(E),
}

impl<E> From<sanssh_core::Error> for Error<E> {
    fn from(error: sanssh_core::Error) -> Self {
        Self::Ssh(error)
    }
}

impl<E> From<Refused> for Error<E> {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl<E: embedded_io::Error> embedded_io::Error for Error<E> {
    fn kind(&self) -> ErrorKind {
        use sanssh_core::Error as Ssh;
        match self {
            Self::Io(error) => error.kind(),
            Self::Ssh(Ssh::TimedOut(_)) => ErrorKind::TimedOut,
            Self::Ssh(Ssh::HungUp) => ErrorKind::ConnectionReset,
            Self::Ssh(Ssh::Disconnected(_) | Ssh::Closed) => ErrorKind::ConnectionAborted,
            Self::Ssh(Ssh::Untrusted | Ssh::Denied) => ErrorKind::PermissionDenied,
            Self::Ssh(Ssh::Incompatible(_) | Ssh::NoService) => ErrorKind::Unsupported,
            Self::Ssh(Ssh::Malformed(_) | Ssh::Forged | Ssh::Corrupt | Ssh::Violation(_) | Ssh::Exchange) => {
                ErrorKind::InvalidData
            }
            Self::Refused(Refused::Closed | Refused::NoSuchChannel) => ErrorKind::BrokenPipe,
            Self::Refused(Refused::NotYet) => ErrorKind::NotConnected,
            Self::Refused(Refused::NoRoom) => ErrorKind::OutOfMemory,
            Self::Refused(Refused::Busy | Refused::Moot | Refused::TooLong | Refused::WrongKey | Refused::BadPath) => {
                ErrorKind::Other
            }
        }
    }
}

impl<E: fmt::Display> fmt::Display for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ssh(error) => error.fmt(f),
            Self::Refused(refused) => refused.fmt(f),
            Self::Io(error) => error.fmt(f),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> core::error::Error for Error<E> {}
