//! Events and arguments in words, and back: what both roles share. Bytes are a plain word, or `0x` and hexadecimal; long
//! data is told by its hash, what logs somebody in by its length alone.

use super::script::{hex, unhex};
use crate::Seed;
use crate::algorithm::{HostKey, Zip};
use crate::auth::{Method, MethodSet};
use crate::channel::{self, Forward, ForwardEvent, ForwardId, Modes, OpenFailure, OpenKind, Pty, Request, Tcpip};
use crate::crypto::{Digest, Provider};
use crate::error::Refused;
use crate::file::public::fingerprint;
use crate::transport::{self, Suite};
use crate::wire::Strings;
use crate::wire::connection::{WindowChange, X11Req};
use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// Longer data is told by its hash.
const LONGEST_SHOWN: usize = 64;

/// Bytes as one word: themselves if they make one, hexadecimal behind `0x` if not.
#[must_use]
pub fn show(bytes: &[u8]) -> String {
    let plain = bytes.iter().all(|byte| byte.is_ascii_graphic() && *byte != b'#') && !bytes.starts_with(b"0x");
    match core::str::from_utf8(bytes) {
        Ok(text) if plain && !text.is_empty() && text != "->" => text.to_owned(),
        _ => format!("0x{}", hex(bytes)),
    }
}

/// The bytes of a word that [`show`] gave.
pub(super) fn bytes(word: &str) -> Option<Vec<u8>> {
    word.strip_prefix("0x").map_or_else(|| Some(word.as_bytes().to_vec()), |digits| unhex(digits).ok())
}

pub(super) fn number<N: core::str::FromStr>(word: &str) -> Option<N> {
    word.parse().ok()
}

pub(super) fn unseed(word: &str) -> Option<Seed> {
    bytes(word)?.try_into().ok().map(Seed::new)
}

pub(super) const fn yes(granted: bool) -> &'static str {
    if granted { "yes" } else { "no" }
}

pub(super) fn granted(word: &str) -> Option<bool> {
    match word {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    }
}

pub(super) fn algorithm(name: &str) -> Option<HostKey> {
    HostKey::from_name(name)
}

/// Words joined, each behind a blank.
pub(super) fn all<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    parts.into_iter().map(|part| format!(" {}", show(part))).collect()
}

/// What a call returned, behind an arrow.
pub(super) fn outcome(answer: Result<Option<usize>, Refused>) -> String {
    match answer {
        Ok(None) => String::new(),
        Ok(Some(count)) => format!("-> {count}"),
        Err(refused) => format!("-> {refused:?}"),
    }
}

/// Names of methods, joined.
pub(super) fn method_words(set: MethodSet) -> String {
    let names: Vec<_> = set.iter().map(Method::name).collect();
    if names.is_empty() { "-".into() } else { names.join(",") }
}

/// Fingerprints of keys or other blobs.
pub(super) fn listed(blobs: Strings<'_>) -> String {
    blobs.map(|blob| format!(" {}", fingerprint(blob))).collect()
}

/// Length and contents of data, or the hash of much of it.
fn digest<P: Provider>(data: &[u8]) -> String {
    if data.len() <= LONGEST_SHOWN {
        return format!("{} {}", data.len(), show(data));
    }
    let mut hash = P::Digest::sha256();
    hash.update(data);
    format!("{} sha256:{}", data.len(), hex(hash.finish().as_bytes()))
}

pub(super) fn transport_words(event: &transport::Event<'_>) -> String {
    let suite = |Suite { cipher, mac, zip }: Suite| {
        let mac = mac.map_or_else(String::new, |mac| format!("+{mac}"));
        let zip = if zip == Zip::None { String::new() } else { format!("+{zip}") };
        format!("{cipher}{mac}{zip}")
    };
    match event {
        transport::Event::Text(line) => format!("text {}", show(line)),
        transport::Event::Keyed(summary) => format!(
            "keyed {} {} {} {} strict={} first={}",
            summary.kex,
            summary.host_key,
            suite(summary.to_server),
            suite(summary.to_client),
            summary.strict,
            summary.first
        ),
        transport::Event::Extensions => "extensions".into(),
        transport::Event::Debug { message, .. } => format!("debug {}", show(message)),
        transport::Event::Disconnected { reason, message } => format!("disconnected {} {}", reason.0, show(message)),
    }
}

pub(super) fn channel_words<P: Provider>(event: &channel::Event<'_>) -> String {
    match event {
        channel::Event::Opened => "opened".into(),
        channel::Event::Failed { reason: OpenFailure(code), message } => format!("failed {code} {}", show(message)),
        channel::Event::Data(data) => format!("data {}", digest::<P>(data)),
        channel::Event::Extended(kind, data) => format!("extended {kind} {}", digest::<P>(data)),
        channel::Event::Writable => "writable".into(),
        channel::Event::Request { what, ask } => {
            format!("request {} wants-reply={}", request_words(what), ask.wants_reply())
        }
        channel::Event::Replied(granted) => format!("replied {granted}"),
        channel::Event::Notice(what) => format!("notice {}", request_words(what)),
        channel::Event::Eof => "eof".into(),
        channel::Event::Closed => "closed".into(),
    }
}

/// A kind of channel, in words that [`with_kind`] reads; `slot` names a forward.
pub(super) fn kind_words(kind: &OpenKind<'_>, slot: impl FnOnce(ForwardId) -> String) -> String {
    let tcpip = |Tcpip { host, port, originator, originator_port }: Tcpip<'_>| {
        format!("{} {port} {} {originator_port}", show(host), show(originator))
    };
    let rest = match *kind {
        OpenKind::Session | OpenKind::Agent | OpenKind::AgentStandard => String::new(),
        OpenKind::DirectTcpip(what) => tcpip(what),
        OpenKind::DirectStreamlocal(path) => show(path),
        OpenKind::ForwardedTcpip(id, what) => format!("{} {}", slot(id), tcpip(what)),
        OpenKind::ForwardedStreamlocal(id, path) => format!("{} {}", slot(id), show(path)),
        OpenKind::X11 { originator, originator_port } => format!("{} {originator_port}", show(originator)),
        OpenKind::Unknown(name) => return format!("unknown {}", show(name)),
    };
    behind(&String::from_utf8_lossy(kind.name()), &rest)
}

/// The kind of channel that words say, none at all a session; `forward` knows forwards by their slots.
pub(super) fn with_kind<A>(
    words: &[&str],
    forward: impl FnOnce(&str) -> Option<ForwardId>,
    with: impl FnOnce(OpenKind<'_>) -> A,
) -> Option<A> {
    Some(match words {
        [] | ["session"] => with(OpenKind::Session),
        ["auth-agent@openssh.com"] => with(OpenKind::Agent),
        ["agent-connect"] => with(OpenKind::AgentStandard),
        ["direct-tcpip", tcpip @ ..] => with_tcpip(tcpip, |what| with(OpenKind::DirectTcpip(what)))?,
        ["direct-streamlocal@openssh.com", path] => with(OpenKind::DirectStreamlocal(&bytes(path)?)),
        ["forwarded-tcpip", slot, tcpip @ ..] => {
            let id = forward(slot)?;
            with_tcpip(tcpip, |what| with(OpenKind::ForwardedTcpip(id, what)))?
        }
        ["forwarded-streamlocal@openssh.com", slot, path] => {
            with(OpenKind::ForwardedStreamlocal(forward(slot)?, &bytes(path)?))
        }
        ["x11", originator, port] => {
            with(OpenKind::X11 { originator: &bytes(originator)?, originator_port: number(port)? })
        }
        ["unknown", name] => with(OpenKind::Unknown(&bytes(name)?)),
        _ => return None,
    })
}

fn with_tcpip<A>(words: &[&str], with: impl FnOnce(Tcpip<'_>) -> A) -> Option<A> {
    let &[host, port, originator, originator_port] = words else { return None };
    let (host, originator) = (bytes(host)?, bytes(originator)?);
    let (port, originator_port) = (number(port)?, number(originator_port)?);
    Some(with(Tcpip { host: &host, port, originator: &originator, originator_port }))
}

/// A forward, in words that [`with_forward`] reads.
pub(super) fn forward_words(what: &Forward<'_>) -> String {
    match *what {
        Forward::Tcpip { address, port } => format!("tcpip {} {port}", show(address)),
        Forward::Streamlocal(path) => format!("streamlocal {}", show(path)),
    }
}

/// The forward that words say.
pub(super) fn with_forward<A>(words: &[&str], with: impl FnOnce(Forward<'_>) -> A) -> Option<A> {
    Some(match words {
        ["tcpip", address, port] => with(Forward::Tcpip { address: &bytes(address)?, port: number(port)? }),
        ["streamlocal", path] => with(Forward::Streamlocal(&bytes(path)?)),
        _ => return None,
    })
}

pub(super) fn forward_event_words(event: ForwardEvent) -> String {
    match event {
        ForwardEvent::Granted(port) => format!("granted {port}"),
        ForwardEvent::Refused => "refused".into(),
        ForwardEvent::Cancelled => "cancelled".into(),
    }
}

/// A word, and others behind it if there are any.
pub(super) fn behind(word: &str, rest: &str) -> String {
    if rest.is_empty() { word.to_owned() } else { format!("{word} {rest}") }
}

/// A request, in words that [`with_request`] reads.
pub(super) fn request_words(what: &Request<'_>) -> String {
    match *what {
        Request::Pty(Pty { term, size, modes: Modes(modes) }) => {
            format!("pty-req {} {} {}", show(term), size_words(size), show(modes))
        }
        Request::Env { name, value } => format!("env {} {}", show(name), show(value)),
        Request::Shell => "shell".into(),
        Request::Exec(command) => format!("exec {}", show(command)),
        Request::Subsystem(name) => format!("subsystem {}", show(name)),
        Request::WindowChange(size) => format!("window-change {}", size_words(size)),
        Request::XonXoff(may) => format!("xon-xoff {}", yes(may)),
        Request::Signal(name) => format!("signal {}", show(name)),
        Request::Break(length) => format!("break {length}"),
        Request::X11(X11Req { single_connection, protocol, cookie, screen }) => {
            format!("x11-req {} {} {} {screen}", yes(single_connection), show(protocol), show(cookie))
        }
        Request::Agent | Request::AgentStandard | Request::EndOfWrite => {
            String::from_utf8_lossy(what.name()).into_owned()
        }
        Request::ExitStatus(status) => format!("exit-status {status}"),
        Request::ExitSignal { name, core_dumped, message } => {
            format!("exit-signal {} {} {}", show(name), yes(core_dumped), show(message))
        }
    }
}

/// The request that words say.
pub(super) fn with_request<A>(words: &[&str], with: impl FnOnce(Request<'_>) -> A) -> Option<A> {
    Some(match words {
        ["pty-req", term, measures @ .., modes] => {
            let (term, size, modes) = (bytes(term)?, size(measures)?, bytes(modes)?);
            with(Request::Pty(Pty { term: &term, size, modes: Modes(&modes) }))
        }
        ["env", name, value] => with(Request::Env { name: &bytes(name)?, value: &bytes(value)? }),
        ["shell"] => with(Request::Shell),
        ["exec", command] => with(Request::Exec(&bytes(command)?)),
        ["subsystem", name] => with(Request::Subsystem(&bytes(name)?)),
        ["window-change", measures @ ..] => with(Request::WindowChange(size(measures)?)),
        ["xon-xoff", may] => with(Request::XonXoff(granted(may)?)),
        ["signal", name] => with(Request::Signal(&bytes(name)?)),
        ["break", length] => with(Request::Break(number(length)?)),
        ["x11-req", single, protocol, cookie, screen] => {
            let (protocol, cookie) = (bytes(protocol)?, bytes(cookie)?);
            let (single_connection, screen) = (granted(single)?, number(screen)?);
            with(Request::X11(X11Req { single_connection, protocol: &protocol, cookie: &cookie, screen }))
        }
        ["auth-agent-req@openssh.com"] => with(Request::Agent),
        ["agent-req"] => with(Request::AgentStandard),
        ["eow@openssh.com"] => with(Request::EndOfWrite),
        ["exit-status", status] => with(Request::ExitStatus(number(status)?)),
        ["exit-signal", name, core, message] => {
            let (name, core_dumped, message) = (bytes(name)?, granted(core)?, bytes(message)?);
            with(Request::ExitSignal { name: &name, core_dumped, message: &message })
        }
        _ => return None,
    })
}

fn size_words(size: WindowChange) -> String {
    let WindowChange { columns, rows, width, height } = size;
    format!("{columns} {rows} {width} {height}")
}

fn size(words: &[&str]) -> Option<WindowChange> {
    let &[columns, rows, width, height] = words else { return None };
    Some(WindowChange {
        columns: number(columns)?,
        rows: number(rows)?,
        width: number(width)?,
        height: number(height)?,
    })
}

#[cfg(test)]
mod tests {
    use super::{bytes, forward_words, kind_words, request_words, show, with_forward, with_kind, with_request};
    use crate::channel::{ChannelId, Forward, ForwardId, Modes, OpenKind, Pty, Request, Tcpip};
    use crate::wire::connection::{WindowChange, X11Req};
    use alloc::vec::Vec;

    #[test]
    fn words_are_their_bytes() {
        for content in [&b"plain"[..], b"", b"0x", b"a b", b"#", b"->", b"\xff\0"] {
            assert_eq!(bytes(&show(content)).as_deref(), Some(content));
        }
    }

    #[test]
    fn requests_are_their_words() {
        let size = WindowChange { columns: 80, rows: 24, width: 0, height: 7 };
        let requests = [
            Request::Pty(Pty { term: b"", size, modes: Modes(b"\x01\0\0\0\x03\0") }),
            Request::Env { name: b"LANG", value: b"de DE" },
            Request::Shell,
            Request::Exec(b"echo 'hello' # there"),
            Request::Subsystem(b"sftp"),
            Request::WindowChange(size),
            Request::XonXoff(true),
            Request::Signal(b"TERM"),
            Request::Break(500),
            Request::X11(X11Req { single_connection: true, protocol: b"MIT", cookie: b"00ff", screen: 1 }),
            Request::Agent,
            Request::AgentStandard,
            Request::EndOfWrite,
            Request::ExitStatus(255),
            Request::ExitSignal { name: b"KILL", core_dumped: false, message: b"" },
        ];
        for request in requests {
            let words = request_words(&request);
            let parts: Vec<_> = words.split(' ').collect();
            assert_eq!(with_request(&parts, |again| again == request), Some(true), "{words}");
        }
        assert_eq!(with_request(&["pty-req"], |_| ()), None);
    }

    #[test]
    fn kinds_and_forwards_are_their_words() {
        let id = ForwardId(ChannelId::new(3, 9));
        let tcpip = Tcpip { host: b"a host", port: 80, originator: b"::1", originator_port: 65535 };
        let kinds = [
            OpenKind::Session,
            OpenKind::DirectTcpip(tcpip),
            OpenKind::DirectStreamlocal(b"/a path"),
            OpenKind::ForwardedTcpip(id, tcpip),
            OpenKind::ForwardedStreamlocal(id, b""),
            OpenKind::X11 { originator: b"127.0.0.1", originator_port: 6 },
            OpenKind::Agent,
            OpenKind::AgentStandard,
            OpenKind::Unknown(b"x"),
        ];
        for kind in kinds {
            let words = kind_words(&kind, |_| "3".into());
            let parts: Vec<_> = words.split(' ').collect();
            let again = with_kind(&parts, |slot| (slot == "3").then_some(id), |again| again == kind);
            assert_eq!(again, Some(true), "{words}");
        }
        for forward in [Forward::Tcpip { address: b"", port: 0 }, Forward::Streamlocal(b"/tmp/x y")] {
            let words = forward_words(&forward);
            let parts: Vec<_> = words.split(' ').collect();
            assert_eq!(with_forward(&parts, |again| again == forward), Some(true), "{words}");
        }
    }
}
