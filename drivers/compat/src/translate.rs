//! What the driver below fails with, as the documented exception: the text stays, the number is the nearest that the
//! documentation has.

use crate::exceptions::*;
use sanssh_core::channel::OpenFailure;
use sanssh_core::{Error as Ssh, Refused, Violation};
use sanssh_std::Error as Below;
use std::io;

impl From<Below> for Error {
    fn from(error: Below) -> Self {
        let text = text(&error);
        let status = if let Below::Sftp { code, .. } = &error { Some(code.0) } else { None };
        let exception = exception(&error);
        Self::Raised(Raised { exception, code: exception.code(), status, text: text.into() })
    }
}

/// The documented words where callers know them, and otherwise those of the driver.
fn text(error: &Below) -> String {
    if let Below::OpenRefused { reason, text } = error {
        let why = match *reason {
            OpenFailure::PROHIBITED => "administratively prohibited",
            OpenFailure::CONNECT_FAILED => "connect failed",
            OpenFailure::UNKNOWN_TYPE => "unknown channel type",
            OpenFailure::RESOURCE_SHORTAGE => "resource shortage",
            OpenFailure(_) => "unknown reason",
        };
        let gap = if text.is_empty() { "" } else { ": " };
        return format!("Channel open failure ({why}){gap}{text}");
    }
    if matches!(error, Below::TimedOut(_)) { "Timed out waiting on socket".to_owned() } else { error.to_string() }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the driver's set of errors grows, and what is new has no number")]
fn exception(error: &Below) -> Exception {
    match error {
        Below::Ssh(error) => fatal(*error),
        Below::Refused(refused) => refusal(*refused),
        Below::Io(error) => socket(error.kind()),
        Below::Disconnected { .. } => SocketDisconnectError,
        Below::TimedOut(_) => Timeout,
        Below::LoginRefused { .. } | Below::NoSignature | Below::Sign(_) | Below::Unearned => AuthenticationError,
        Below::PasswordExpired(_) => PasswordExpiredError,
        Below::NoAgent => AgentConnectionError,
        Below::Agent(_) | Below::AgentRefused => AgentProtocolError,
        Below::Key { .. } | Below::File { .. } => FileError,
        Below::OpenRefused { .. } | Below::TooManyChannels => ChannelFailure,
        Below::RequestRefused(_) => ChannelRequestDenied,
        Below::ForwardRefused => RequestDeniedError,
        Below::Scp(_) | Below::ScpRefused(_) => SCPProtocolError,
        Below::Sftp { .. } | Below::Unsupported(_) | Below::SftpStream(_) => SFTPProtocolError,
        Below::Resolve { .. } | Below::Connect { .. } => BadSocketError,
        _ => SSH2Error,
    }
}

const fn fatal(error: Ssh) -> Exception {
    match error {
        Ssh::Forged => InvalidMACError,
        Ssh::Corrupt => ZlibError,
        Ssh::Incompatible(_) | Ssh::Violation(Violation::NotStrict) => KexFailureError,
        Ssh::Exchange | Ssh::Untrusted => KeyExchangeError,
        Ssh::Denied | Ssh::Violation(Violation::Unearned) => AuthenticationError,
        Ssh::Disconnected(_) => SocketDisconnectError,
        Ssh::Closed => SocketSendError,
        Ssh::HungUp => SocketRecvError,
        Ssh::TimedOut(_) => Timeout,
        Ssh::Malformed(_) | Ssh::Violation(_) | Ssh::NoService => ProtocolError,
    }
}

const fn refusal(refused: Refused) -> Exception {
    match refused {
        Refused::Closed => ChannelClosedError,
        Refused::NoSuchChannel => ChannelUnknownError,
        Refused::TooLong => OutOfBoundaryError,
        Refused::NotYet | Refused::Moot => BadUseError,
        Refused::WrongKey => HostkeyInitError,
        Refused::BadPath => InvalidRequestError,
        Refused::Busy | Refused::NoRoom => ChannelWindowFullError,
    }
}

/// What could not be written tells by its kind; everything else was a read.
fn socket(kind: io::ErrorKind) -> Exception {
    if matches!(kind, io::ErrorKind::BrokenPipe | io::ErrorKind::WriteZero) { SocketSendError } else { SocketRecvError }
}
