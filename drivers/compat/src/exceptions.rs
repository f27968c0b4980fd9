//! What calls fail with, `ssh2.exceptions`: the documented tree of exceptions as one closed set, and the [`Error`] that
//! raises one of them with the documented number and a text for people.

use crate::error_codes::LIBSSH2_ERROR_EAGAIN;
use core::fmt;
use std::io;

pub use self::Exception::*;

/// Declares the tree: name, number and base, one row an exception; those that own their number come before those that
/// share one.
macro_rules! tree {
    ($($(#[$doc:meta])* $name:ident = $code:literal < $base:ident),* $(,)?) => {
        /// The documented exceptions, each also a name of this module: `error.is(exceptions::ChannelError)`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Exception {
            /// The base of all, and what has no better name.
            SSH2Error,
            $($(#[$doc])* $name),*
        }

        impl Exception {
            /// Every exception.
            pub const ALL: &'static [Self] = &[Self::SSH2Error, $(Self::$name),*];

            /// The documented number; for one that has none, that of the nearest that has, or -1.
            pub const fn code(self) -> i32 {
                match self { Self::SSH2Error => -1, $(Self::$name => $code),* }
            }

            /// What it is a kind of; nothing above `SSH2Error`.
            pub const fn base(self) -> Option<Self> {
                match self { Self::SSH2Error => None, $(Self::$name => Some(Self::$base)),* }
            }

            /// The documented name.
            pub const fn name(self) -> &'static str {
                match self { Self::SSH2Error => "SSH2Error", $(Self::$name => stringify!($name)),* }
            }
        }
    };
}

tree! {
    /// The server's identification line is none.
    BannerRecvError = -2 < SessionError,
    /// Our identification line could not be sent.
    BannerSendError = -3 < SessionError,
    /// A packet failed its integrity check.
    InvalidMACError = -4 < SSH2Error,
    /// Nothing in common with the server.
    KexFailureError = -5 < SSH2Error,
    /// No memory.
    AllocError = -6 < SSH2Error,
    /// The socket takes no more.
    SocketSendError = -7 < SSH2Error,
    /// The key exchange failed.
    KeyExchangeError = -8 < SessionError,
    /// It took longer than [`set_timeout`](crate::session::Session::set_timeout) allows.
    Timeout = -9 < SessionError,
    /// The host key is none.
    HostkeyInitError = -10 < SessionError,
    /// The host key did not sign.
    HostkeySignError = -11 < SessionError,
    /// A packet cannot be decrypted.
    DecryptError = -12 < SessionError,
    /// The server said goodbye.
    SocketDisconnectError = -13 < SSH2Error,
    /// The server broke the protocol.
    ProtocolError = -14 < SSH2Error,
    /// The password was right and has expired.
    PasswordExpiredError = -15 < AuthenticationError,
    /// A file could not be read or written.
    FileError = -16 < SSH2Error,
    /// No method was agreed on.
    MethodNoneError = -17 < SSH2Error,
    /// The login was refused; the base of its kinds.
    AuthenticationError = -18 < SSH2Error,
    /// The server does not take the signature.
    PublickeyUnverifiedError = -19 < AuthenticationError,
    /// A call came before another that it needs.
    ChannelOutOfOrderError = -20 < ChannelError,
    /// The server does not open the channel.
    ChannelFailure = -21 < ChannelError,
    /// The server refuses a request on a channel.
    ChannelRequestDenied = -22 < ChannelError,
    /// There is no such channel.
    ChannelUnknownError = -23 < ChannelError,
    /// More data than the window takes.
    ChannelWindowExceeded = -24 < ChannelError,
    /// More data than a packet of the channel takes.
    ChannelPacketExceeded = -25 < ChannelError,
    /// The channel is closed.
    ChannelClosedError = -26 < ChannelError,
    /// The end of the stream was sent already.
    ChannelEOFSentError = -27 < ChannelError,
    /// The other end of scp refuses, or breaks its protocol.
    SCPProtocolError = -28 < SessionError,
    /// A packet cannot be expanded.
    ZlibError = -29 < SessionError,
    /// The socket took longer than it may.
    SocketTimeout = -30 < SessionError,
    /// The SFTP server refuses, or breaks its protocol.
    SFTPProtocolError = -31 < SFTPError,
    /// The server refuses a request.
    RequestDeniedError = -32 < SessionError,
    /// There is no such method, or flag, here.
    MethodNotSupported = -33 < SessionError,
    /// The call makes no sense now.
    InvalidRequestError = -34 < SSH2Error,
    /// There is no such thing to poll for.
    InvalidPollTypeError = -35 < SSH2Error,
    /// The publickey subsystem refuses, or breaks its protocol.
    PublicKeyProtocolError = -36 < SSH2Error,
    /// There is no room for the result.
    BufferTooSmallError = -38 < SSH2Error,
    /// The call is wrong here.
    BadUseError = -39 < SSH2Error,
    /// A packet cannot be compressed.
    CompressError = -40 < SessionError,
    /// A value beyond its limits.
    OutOfBoundaryError = -41 < SSH2Error,
    /// The agent breaks its protocol.
    AgentProtocolError = -42 < SSH2Error,
    /// The socket gives no more.
    SocketRecvError = -43 < SSH2Error,
    /// A packet cannot be encrypted.
    EncryptError = -44 < SessionError,
    /// The descriptor is no socket.
    BadSocketError = -45 < SSH2Error,
    /// The base of what a list of known hosts refuses.
    KnownHostError = -46 < SSH2Error,
    /// The window is full.
    ChannelWindowFullError = -47 < SSH2Error,
    /// The key from a file did not log in.
    KeyfileAuthFailedError = -48 < SSH2Error,
    /// No entropy.
    RandGenError = -49 < SSH2Error,
    /// The server sent no text before the login.
    MissingUserAuthBannerError = -50 < SSH2Error,
    /// There is no such algorithm here.
    AlgoUnsupportedError = -51 < SSH2Error,
    /// A MAC could not be made.
    MacFailureError = -52 < SSH2Error,
    /// A hash could not be begun.
    HashInitError = -53 < SSH2Error,
    /// A hash could not be made.
    HashCalcError = -54 < SSH2Error,
    /// A number that is not documented, which is its own code.
    UnknownError = -1 < SSH2Error,
    /// The base of what befalls a session.
    SessionError = -1 < SSH2Error,
    /// The session could not be started.
    SessionStartupError = -1 < SessionError,
    /// The handshake failed.
    SessionHandshakeError = -1 < SessionError,
    /// There is no host key yet.
    SessionHostKeyError = -1 < SessionError,
    /// The base of what befalls a channel.
    ChannelError = -1 < SSH2Error,
    /// The base of what befalls an agent.
    AgentError = -42 < SSH2Error,
    /// There is no agent.
    AgentConnectionError = -42 < AgentError,
    /// The agent does not tell its keys.
    AgentListIdentitiesError = -42 < AgentError,
    /// The agent does not give a key.
    AgentGetIdentityError = -42 < AgentError,
    /// No key of the agent's logs in.
    AgentAuthenticationError = -18 < AuthenticationError,
    /// The base of what befalls SFTP.
    SFTPError = -31 < SSH2Error,
    /// What befalls an open file of SFTP.
    SFTPHandleError = -31 < SFTPError,
    /// The base of what befalls the publickey subsystem.
    PublicKeyError = -36 < SSH2Error,
    /// The publickey subsystem could not be started.
    PublicKeyInitError = -36 < PublicKeyError,
    /// The key cannot be added.
    KnownHostAddError = -46 < KnownHostError,
    /// The key cannot be deleted.
    KnownHostDeleteError = -46 < KnownHostError,
    /// The keys cannot be listed.
    KnownHostGetError = -46 < KnownHostError,
    /// The line cannot be read.
    KnownHostReadLineError = -46 < KnownHostError,
    /// The file cannot be read.
    KnownHostReadFileError = -46 < KnownHostError,
    /// The line cannot be written.
    KnownHostWriteLineError = -46 < KnownHostError,
    /// The file cannot be written.
    KnownHostWriteFileError = -46 < KnownHostError,
    /// The base of what a check says.
    KnownHostCheckError = -46 < KnownHostError,
    /// The check could not be made.
    KnownHostCheckFailure = -46 < KnownHostCheckError,
    /// The host is not on the list.
    KnownHostCheckNotFoundError = -46 < KnownHostCheckError,
    /// Another key of the host is on the list. The documentation spells it so, released wheels `MisMatch`.
    KnownHostCheckMismatchError = -46 < KnownHostCheckError,
}

/// The same as released wheels spell it.
pub use self::Exception::KnownHostCheckMismatchError as KnownHostCheckMisMatchError;

impl Exception {
    /// The exception of a number below zero but for -37, which is none; [`UnknownError`] for what is not documented.
    pub fn of(code: i32) -> Self {
        Self::ALL.iter().copied().find(|one| one.code() == code).unwrap_or(Self::UnknownError)
    }

    /// Whether it is this exception, or a kind of it: what catching `base` would catch.
    pub fn is(self, base: Self) -> bool {
        core::iter::successors(Some(self), |one| one.base()).any(|one| one == base)
    }
}

impl fmt::Display for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Why a call gives nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// The session does not wait, and the call would have to: -37, to be called again with the same arguments.
    Again,
    /// The call failed.
    Raised(Raised),
}

/// An exception with what is known about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raised {
    /// Which.
    pub exception: Exception,
    /// The documented number.
    pub code: i32,
    /// The code of an answer of SFTP, or of the publickey subsystem, where it was that.
    pub status: Option<u32>,
    /// What happened, for people, with the server's own words where there were any, escaped.
    pub text: Box<str>,
}

impl Error {
    /// An exception with its own number.
    pub fn new(exception: Exception, text: impl Into<Box<str>>) -> Self {
        Self::Raised(Raised { exception, code: exception.code(), status: None, text: text.into() })
    }

    /// An exception with another number than its own.
    pub fn with_code(exception: Exception, code: i32, text: impl Into<Box<str>>) -> Self {
        Self::Raised(Raised { exception, code, status: None, text: text.into() })
    }

    /// The documented number.
    pub const fn code(&self) -> i32 {
        match self {
            Self::Again => LIBSSH2_ERROR_EAGAIN,
            Self::Raised(raised) => raised.code,
        }
    }

    /// Whether it is this exception, or a kind of it; `Again` is none.
    pub fn is(&self, base: Exception) -> bool {
        matches!(self, Self::Raised(raised) if raised.exception.is(base))
    }

    /// Whether the call is to be made again.
    pub const fn is_again(&self) -> bool {
        matches!(self, Self::Again)
    }

    /// The code of an answer of SFTP (`SSH_FX_`), or of the publickey subsystem, where it was that.
    pub const fn status(&self) -> Option<u32> {
        match self {
            Self::Again => None,
            Self::Raised(raised) => raised.status,
        }
    }

    /// The same text as another exception: what a call documents instead of the number below it.
    pub(crate) fn raised_as(self, exception: Exception) -> Self {
        match self {
            Self::Again => Self::Again,
            Self::Raised(raised) => Self::Raised(Raised { exception, code: exception.code(), ..raised }),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Again => f.write_str("the call would wait"),
            Self::Raised(raised) => f.write_str(&raised.text),
        }
    }
}

impl core::error::Error for Error {}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        let kind = match &error {
            Error::Again => io::ErrorKind::WouldBlock,
            Error::Raised(raised) if raised.exception == Timeout => io::ErrorKind::TimedOut,
            Error::Raised(raised) if raised.exception.is(AuthenticationError) => io::ErrorKind::PermissionDenied,
            Error::Raised(raised) if matches!(raised.exception, ChannelClosedError | ChannelEOFSentError) => {
                io::ErrorKind::BrokenPipe
            }
            Error::Raised(raised) if matches!(raised.exception, SocketRecvError | SocketDisconnectError) => {
                io::ErrorKind::ConnectionReset
            }
            Error::Raised(_) => io::ErrorKind::Other,
        };
        Self::new(kind, error)
    }
}
