//! What an end of a [`Pair`](super::Pair) was told, owned, so that a test can look at it after the bytes are gone.
//! Requests and login are kept in words, which is how tests compare them.

use sanssh_core::algorithm::{Mac, Zip};
use sanssh_core::channel::{Forward, ForwardEvent, ForwardId, OpenKind, Request, Tcpip};
use sanssh_core::{ChannelId, transport};

/// What an end was told, owned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// A key exchange is through: its algorithms, one suite if both directions have the same, and whether it was the
    /// first.
    Keyed(String),
    /// Text before the identification.
    Text(Vec<u8>),
    /// EXT_INFO.
    Extensions,
    /// DEBUG.
    Debug(Vec<u8>),
    /// DISCONNECT.
    Disconnected(u32, Vec<u8>),
    /// Something of the login, in words.
    Login(String),
    /// A channel was asked for, in words; the question is in `opens`.
    Open(String),
    /// A forward was asked for, in words; the question is in `forwards`.
    Listen(String),
    /// What becomes of a forward.
    Forward(ForwardId, ForwardEvent),
    /// A channel opened.
    Opened(ChannelId),
    /// A channel did not open.
    Failed(ChannelId, u32),
    /// Data.
    Data(ChannelId, Vec<u8>),
    /// Extended data.
    Extended(ChannelId, u32, Vec<u8>),
    /// The window opened.
    Writable(ChannelId),
    /// A request, in words; the question is in `requests`.
    Request(ChannelId, String),
    /// An answer.
    Replied(ChannelId, bool),
    /// News, in words.
    Notice(ChannelId, String),
    /// End of data.
    Eof(ChannelId),
    /// Closed.
    Closed(ChannelId),
}

/// A request in words.
pub(super) fn words(what: &Request<'_>) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match what {
        Request::Pty(pty) => format!("pty {} {}x{}", text(pty.term), pty.size.columns, pty.size.rows),
        Request::Env { name, value } => format!("env {}={}", text(name), text(value)),
        Request::Shell => "shell".into(),
        Request::Exec(command) => format!("exec {}", text(command)),
        Request::Subsystem(name) => format!("subsystem {}", text(name)),
        Request::WindowChange(size) => format!("window {}x{}", size.columns, size.rows),
        Request::XonXoff(may) => format!("xon-xoff {may}"),
        Request::Signal(name) => format!("signal {}", text(name)),
        Request::X11(x11) => {
            format!("x11 {} {} {} {}", x11.single_connection, text(x11.protocol), text(x11.cookie), x11.screen)
        }
        Request::Agent | Request::AgentStandard | Request::EndOfWrite => text(what.name()),
        Request::Break(milliseconds) => format!("break {milliseconds}"),
        Request::ExitStatus(status) => format!("exit-status {status}"),
        Request::ExitSignal { name, core_dumped, message } => {
            format!("exit-signal {} {core_dumped} {}", text(name), text(message))
        }
    }
}

/// A kind of channel in words.
pub fn kind_words(kind: &OpenKind<'_>) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let name = text(kind.name());
    match *kind {
        OpenKind::DirectTcpip(Tcpip { host, port, originator, originator_port })
        | OpenKind::ForwardedTcpip(_, Tcpip { host, port, originator, originator_port }) => {
            format!("{name} {}:{port} from {}:{originator_port}", text(host), text(originator))
        }
        OpenKind::DirectStreamlocal(path) | OpenKind::ForwardedStreamlocal(_, path) => format!("{name} {}", text(path)),
        OpenKind::X11 { originator, originator_port } => format!("{name} from {}:{originator_port}", text(originator)),
        OpenKind::Session | OpenKind::Agent | OpenKind::AgentStandard | OpenKind::Unknown(_) => name,
    }
}

/// A forward in words.
pub fn forward_words(what: &Forward<'_>) -> String {
    match *what {
        Forward::Tcpip { address, port } => format!("tcpip {}:{port}", String::from_utf8_lossy(address)),
        Forward::Streamlocal(path) => format!("streamlocal {}", String::from_utf8_lossy(path)),
    }
}

/// Cipher and MAC of one direction in words, and compression if there is any.
fn suite(suite: transport::Suite) -> String {
    let transport::Suite { cipher, mac, zip } = suite;
    let zip = if zip == Zip::None { String::new() } else { format!(" {zip}") };
    format!("{cipher} {}{zip}", mac.map_or("-", Mac::name))
}

impl Told {
    pub(super) fn transport(event: &transport::Event<'_>) -> Self {
        match event {
            transport::Event::Text(line) => Self::Text(line.to_vec()),
            transport::Event::Keyed(summary) => {
                let (to_server, to_client) = (suite(summary.to_server), suite(summary.to_client));
                let suites = if to_server == to_client { to_server } else { format!("{to_server} / {to_client}") };
                Self::Keyed(format!("{} {} {suites} first={}", summary.kex, summary.host_key, summary.first))
            }
            transport::Event::Extensions => Self::Extensions,
            transport::Event::Debug { message, .. } => Self::Debug(message.to_vec()),
            transport::Event::Disconnected { reason, message } => Self::Disconnected(reason.0, message.to_vec()),
        }
    }
}
