//! What can go wrong at this level, in one type: each says in one line what happened and, where that helps, what to do.
//! Text that a peer sent is escaped before it gets in here.

use core::fmt;
use core::time::Duration;
use sanssh_core::agent::Error as AgentError;
use sanssh_core::algorithm::HostKey;
use sanssh_core::auth::MethodSet;
use sanssh_core::channel::OpenFailure;
use sanssh_core::crypto::certificate::Unfit;
use sanssh_core::file::KeyError;
use sanssh_core::file::signing::CannotSign;
use sanssh_core::sftp;
use sanssh_core::{Error as Ssh, Reason, Refused, scp};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// Why a call failed. Cheap to clone: when a connection fails, every thread that waits on it gets the same error.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Error {
    /// The host name has no usable address.
    Resolve {
        /// The name.
        host: String,
        /// What the resolver said.
        source: Arc<io::Error>,
    },
    /// No TCP connection came about, on any address.
    Connect {
        /// The name.
        host: String,
        /// The port.
        port: u16,
        /// What the last address answered.
        source: Arc<io::Error>,
    },
    /// The protocol failed.
    Ssh(Ssh),
    /// The peer said goodbye.
    Disconnected {
        /// Its reason code.
        reason: Reason,
        /// Its words, escaped.
        text: String,
    },
    /// The socket, or the operating system otherwise, failed.
    Io(Arc<io::Error>),
    /// A wait took longer than it was given; the connection is as it was.
    TimedOut(Duration),
    /// The host key is not trusted. The connection is over.
    HostKey(HostKeyError),
    /// The login was refused.
    LoginRefused {
        /// The methods that can continue.
        methods: MethodSet,
        /// Whether what was given was right, and more is wanted.
        partial: bool,
    },
    /// The password has expired; what the server says about it, escaped.
    PasswordExpired(String),
    /// The server takes no signature that the key can make.
    NoSignature,
    /// The server did not prove that it holds the host keys that it announced.
    Unproven,
    /// The key did not sign.
    Sign(CannotSign),
    /// `SSH_AUTH_SOCK` names no agent.
    NoAgent,
    /// The agent broke its protocol.
    Agent(AgentError),
    /// The agent refuses.
    AgentRefused,
    /// No credential earned the login: nothing is lent to whoever may be there.
    Unearned,
    /// There is no such X11 display, or no way to lend it.
    Display {
        /// Its name, escaped.
        name: String,
        /// Why not.
        why: String,
    },
    /// A private key file gave no key.
    Key {
        /// The file.
        file: PathBuf,
        /// Why not.
        why: KeyError,
    },
    /// A file could not be read or written.
    File {
        /// The file.
        file: PathBuf,
        /// What the operating system said.
        source: Arc<io::Error>,
    },
    /// The peer does not open the channel.
    OpenRefused {
        /// Its reason code.
        reason: OpenFailure,
        /// Its words, escaped.
        text: String,
    },
    /// The peer refused a request on a channel; its name on the wire.
    RequestRefused(&'static str),
    /// The protocol of scp failed.
    Scp(scp::Error),
    /// The scp at the other end refuses, or complains; its words, escaped.
    ScpRefused(String),
    /// The server does not listen for us.
    ForwardRefused,
    /// As many channels are open as [`Options::channels`](crate::Options) allows.
    TooManyChannels,
    /// The call does not fit the state of channel or connection.
    Refused(Refused),
    /// The SFTP server does not do what it was asked for.
    Sftp {
        /// Its code.
        code: sftp::Code,
        /// Its words, escaped; none from some servers.
        message: String,
        /// What it was asked about, escaped, where that has a name.
        path: Option<String>,
    },
    /// The SFTP server has no such extension.
    Unsupported(sftp::Extension),
    /// The other end of an SFTP dialogue is none, or has lost the thread. The dialogue is over.
    SftpStream(sftp::Error),
    /// Of a tree not all was copied.
    Incomplete {
        /// What came of it.
        report: sftp::tree::Report,
        /// The first failure; all of them were told.
        first: Arc<Self>,
    },
    /// The connection ended in the middle of a file.
    Cut {
        /// The source, escaped.
        path: String,
        /// Bytes that had arrived, those of an earlier attempt among them.
        done: u64,
        /// What ended it.
        source: Arc<Self>,
    },
}

/// Why a host key is not trusted.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum HostKeyError {
    /// No key of the host is on record.
    Unknown {
        /// The host as `known_hosts` would name it.
        host: String,
        /// The key's algorithm.
        algorithm: HostKey,
        /// The key's fingerprint.
        fingerprint: String,
        /// Why its certificate does not make the key known, where the authority is on record.
        certificate: Option<Unfit>,
    },
    /// Another key is on record.
    Changed {
        /// The host as `known_hosts` would name it.
        host: String,
        /// The fingerprint of the key that the host shows.
        shown: String,
        /// The file with the key on record.
        file: PathBuf,
        /// Its line, from 1.
        line: usize,
        /// The fingerprint of the key on record.
        recorded: String,
    },
    /// The key is on record as revoked.
    Revoked {
        /// The host as `known_hosts` would name it.
        host: String,
        /// The fingerprint of the key that the host shows.
        shown: String,
        /// The file that revokes it.
        file: PathBuf,
        /// Its line, from 1.
        line: usize,
    },
    /// The key on record could not be read, or a new one not recorded.
    File {
        /// The file.
        file: PathBuf,
        /// What the operating system said.
        source: Arc<io::Error>,
    },
    /// Whoever decides said no.
    Refused {
        /// The fingerprint of the key.
        fingerprint: String,
    },
}

impl Error {
    /// The kind that the same failure has as an [`io::Error`].
    pub fn kind(&self) -> io::ErrorKind {
        match self {
            Self::Resolve { source, .. }
            | Self::Connect { source, .. }
            | Self::Io(source)
            | Self::File { source, .. }
            | Self::HostKey(HostKeyError::File { source, .. }) => source.kind(),
            Self::TimedOut(_) | Self::Ssh(Ssh::TimedOut(_)) => io::ErrorKind::TimedOut,
            Self::Ssh(Ssh::HungUp) | Self::Disconnected { .. } => io::ErrorKind::ConnectionReset,
            Self::Ssh(Ssh::Closed) => io::ErrorKind::NotConnected,
            Self::Refused(Refused::Closed | Refused::NoSuchChannel) => io::ErrorKind::BrokenPipe,
            Self::LoginRefused { .. }
            | Self::PasswordExpired(_)
            | Self::HostKey(_)
            | Self::NoSignature
            | Self::Unproven
            | Self::Unearned
            | Self::AgentRefused => io::ErrorKind::PermissionDenied,
            Self::NoAgent | Self::Display { .. } => io::ErrorKind::NotFound,
            Self::Scp(scp::Error::Cut) => io::ErrorKind::UnexpectedEof,
            Self::Sftp { code, .. } => status_kind(*code),
            Self::Unsupported(_) => io::ErrorKind::Unsupported,
            Self::SftpStream(sftp::Error::HungUp) => io::ErrorKind::ConnectionReset,
            Self::Incomplete { first: source, .. } | Self::Cut { source, .. } => source.kind(),
            Self::Ssh(_) | Self::Agent(_) | Self::SftpStream(_) | Self::Scp(_) => io::ErrorKind::InvalidData,
            Self::Sign(_)
            | Self::Key { .. }
            | Self::OpenRefused { .. }
            | Self::RequestRefused(_)
            | Self::ScpRefused(_)
            | Self::ForwardRefused
            | Self::TooManyChannels
            | Self::Refused(_) => io::ErrorKind::Other,
        }
    }
}

impl Error {
    /// Of a call that takes a slot of the table of channels.
    pub(crate) fn of_open(self) -> Self {
        if matches!(self, Self::Refused(Refused::NoRoom)) { Self::TooManyChannels } else { self }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resolve { host, source } => write!(f, "cannot find host {host}: {source}"),
            Self::Connect { host, port, source } => write!(f, "cannot connect to {host} port {port}: {source}"),
            Self::Ssh(error) => write!(f, "{error}"),
            Self::Disconnected { reason, text } if text.is_empty() => write!(f, "the peer disconnected: {reason}"),
            Self::Disconnected { reason, text } => write!(f, "the peer disconnected: {text} ({reason})"),
            Self::Io(error) => write!(f, "{error}"),
            Self::TimedOut(after) => write!(f, "no answer within {after:?}"),
            Self::HostKey(error) => write!(f, "{error}"),
            Self::LoginRefused { methods, partial: false } => write!(f, "permission denied ({})", names(*methods)),
            Self::LoginRefused { methods, partial: true } => {
                write!(f, "that was right, but the server wants more ({})", names(*methods))
            }
            Self::PasswordExpired(text) => write!(f, "the password has expired and must be changed: {text}"),
            Self::NoSignature => f.write_str("the server takes no signature that this key can make; use another key"),
            Self::Unproven => f.write_str("the server does not prove that it holds the host keys it announces"),
            Self::Sign(error) => write!(f, "cannot sign: {error}"),
            Self::NoAgent => f.write_str("there is no agent: SSH_AUTH_SOCK is not set"),
            Self::Agent(error) => write!(f, "{error}"),
            Self::AgentRefused => f.write_str("the agent refuses"),
            Self::Unearned => {
                f.write_str("the server lets anybody in, so nothing is lent to it: no credential earned the login")
            }
            Self::Display { name, why } => write!(f, "the display {name} cannot be lent: {why}"),
            Self::Key { file, why } => write!(f, "{}: {why}", file.display()),
            Self::File { file, source } => write!(f, "{}: {source}", file.display()),
            Self::OpenRefused { reason, text } => {
                let gap = if text.is_empty() { "" } else { ": " };
                match *reason {
                    OpenFailure::PROHIBITED => write!(f, "the peer prohibits it{gap}{text}"),
                    OpenFailure::CONNECT_FAILED => write!(f, "the peer cannot connect{gap}{text}"),
                    OpenFailure(reason) => write!(f, "the peer opens no channel, for reason {reason}{gap}{text}"),
                }
            }
            Self::RequestRefused(what) => write!(f, "the peer refused the request {what}"),
            Self::Scp(error) => write!(f, "{error}"),
            Self::ScpRefused(text) => write!(f, "{text}"),
            Self::ForwardRefused => f.write_str("the server does not listen there for us"),
            Self::TooManyChannels => f.write_str("too many channels are open; close one, or raise the limit"),
            Self::Refused(refused) => write!(f, "the call is not possible now: {refused}"),
            Self::Sftp { code, message, path } => {
                path.iter().try_for_each(|path| write!(f, "{path}: "))?;
                if message.is_empty() { write!(f, "{code}") } else { f.write_str(message) }
            }
            Self::Unsupported(extension) => write!(f, "the server does not have {}", extension.name()),
            Self::SftpStream(error) => write!(f, "{error}"),
            Self::Incomplete { report, first } if report.failed > 1 => {
                write!(f, "{first}; {} in all were not copied", report.failed)
            }
            Self::Incomplete { first, .. } => write!(f, "{first}"),
            Self::Cut { path, done, source } => write!(f, "{path}: cut off after {done} bytes: {source}"),
        }
    }
}

/// The kind of a status as an [`io::Error`].
const fn status_kind(code: sftp::Code) -> io::ErrorKind {
    match code {
        sftp::Code::EOF => io::ErrorKind::UnexpectedEof,
        sftp::Code::NO_SUCH_FILE => io::ErrorKind::NotFound,
        sftp::Code::PERMISSION_DENIED => io::ErrorKind::PermissionDenied,
        sftp::Code::BAD_MESSAGE => io::ErrorKind::InvalidInput,
        sftp::Code::NO_CONNECTION => io::ErrorKind::NotConnected,
        sftp::Code::CONNECTION_LOST => io::ErrorKind::ConnectionReset,
        sftp::Code::OP_UNSUPPORTED => io::ErrorKind::Unsupported,
        sftp::Code(_) => io::ErrorKind::Other,
    }
}

fn names(methods: MethodSet) -> String {
    methods.iter().map(sanssh_core::auth::Method::name).collect::<Vec<_>>().join(",")
}

impl fmt::Display for HostKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { host, algorithm, fingerprint, certificate } => {
                write!(f, "the host key of {host} is not known: {algorithm} {fingerprint}; ")?;
                if let Some(why) = certificate {
                    write!(f, "{why}; ")?;
                }
                f.write_str("compare it with the host's own and record it in known_hosts")
            }
            Self::Changed { host, shown, file, line, recorded } => write!(
                f,
                "the host key of {host} has changed: it shows {shown}, but {}:{line} records {recorded}; somebody may \
                 be listening in, or the host was set up anew, and then that line should go",
                file.display()
            ),
            Self::Revoked { host, shown, file, line } => {
                write!(f, "the host key of {host} is revoked: {shown}, by {}:{line}; do not connect", file.display())
            }
            Self::File { file, source } => {
                write!(f, "the host key cannot be checked: {}: {source}; make the file accessible", file.display())
            }
            Self::Refused { fingerprint } => write!(f, "the host key {fingerprint} was refused"),
        }
    }
}

impl core::error::Error for Error {}
impl core::error::Error for HostKeyError {}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Io(Arc::new(error))
    }
}

impl From<Ssh> for Error {
    fn from(error: Ssh) -> Self {
        Self::Ssh(error)
    }
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl From<HostKeyError> for Error {
    fn from(error: HostKeyError) -> Self {
        Self::HostKey(error)
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        Self::new(error.kind(), error)
    }
}

/// A peer's text, fit for a terminal: what is not printable is escaped, line breaks and tabs stay if `lines`.
#[must_use]
pub fn escape(text: &[u8], lines: bool) -> String {
    let text = String::from_utf8_lossy(text);
    let mut shown = String::with_capacity(text.len());
    for c in text.chars().filter(|c| !(lines && *c == '\r')) {
        match c {
            '\n' | '\t' if lines => shown.push(c),
            c if c.is_control() || is_directional(c) => shown.extend(c.escape_default()),
            c => shown.push(c),
        }
    }
    shown
}

/// Characters that turn the order of what stands around them.
const fn is_directional(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn a07_text_cannot_move_the_cursor() {
        assert_eq!(escape(b"a\x1b[2Jb\r\n\xff", false), "a\\u{1b}[2Jb\\r\\n\u{fffd}");
        assert_eq!(escape(b"a\r\n\tb\x07", true), "a\n\tb\\u{7}");
    }
}
