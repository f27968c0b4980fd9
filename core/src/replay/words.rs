//! Events and arguments in words, and back: what both roles share. Bytes are a plain word, or `0x` and hexadecimal; long
//! data is told by its hash, what logs somebody in by its length alone.

use super::script::{hex, unhex};
use crate::Seed;
use crate::algorithm::{HostKey, Zip};
use crate::auth::{Method, MethodSet};
use crate::channel::{self, Modes, OpenFailure, OpenKind, Pty, Request};
use crate::crypto::{Digest, Provider};
use crate::error::Refused;
use crate::file::public::fingerprint;
use crate::transport::{self, Suite};
use crate::wire::Strings;
use crate::wire::connection::WindowChange;
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

/// A kind of channel, in words that [`with_kind`] reads.
pub(super) fn kind_words(kind: &OpenKind<'_>) -> String {
    match kind {
        OpenKind::Session => "session".into(),
        OpenKind::Unknown(name) => format!("unknown {}", show(name)),
    }
}

/// The kind of channel that words say; none at all is a session.
pub(super) fn with_kind<A>(words: &[&str], with: impl FnOnce(OpenKind<'_>) -> A) -> Option<A> {
    match words {
        [] | ["session"] => Some(with(OpenKind::Session)),
        ["unknown", name] => Some(with(OpenKind::Unknown(&bytes(name)?))),
        _ => None,
    }
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
    use super::{bytes, kind_words, request_words, show, with_kind, with_request};
    use crate::channel::{Modes, OpenKind, Pty, Request};
    use crate::wire::connection::WindowChange;

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
            Request::ExitStatus(255),
            Request::ExitSignal { name: b"KILL", core_dumped: false, message: b"" },
        ];
        for request in requests {
            let words = request_words(&request);
            let parts: Vec<_> = words.split(' ').collect();
            assert_eq!(with_request(&parts, |again| again == request), Some(true), "{words}");
        }
        assert_eq!(with_request(&["pty-req"], |_| ()), None);
        assert_eq!(kind_words(&OpenKind::Session), "session");
        assert_eq!(with_kind(&["session"], |kind| kind == OpenKind::Session), Some(true));
    }
}
