//! Names of messages (RFC 4250 §4.1), for the comments in recordings.

use crate::packets;

/// Numbers and names; 30 and 31 are those of the elliptic exchanges, 60 depends on the method of the login.
const NAMES: [(u8, &str); 35] = [
    (1, "DISCONNECT"),
    (2, "IGNORE"),
    (3, "UNIMPLEMENTED"),
    (4, "DEBUG"),
    (5, "SERVICE_REQUEST"),
    (6, "SERVICE_ACCEPT"),
    (7, "EXT_INFO"),
    (20, "KEXINIT"),
    (21, "NEWKEYS"),
    (30, "KEX_ECDH_INIT"),
    (31, "KEX_ECDH_REPLY"),
    (50, "USERAUTH_REQUEST"),
    (51, "USERAUTH_FAILURE"),
    (52, "USERAUTH_SUCCESS"),
    (53, "USERAUTH_BANNER"),
    (60, "USERAUTH_60"),
    (61, "USERAUTH_INFO_RESPONSE"),
    (80, "GLOBAL_REQUEST"),
    (81, "REQUEST_SUCCESS"),
    (82, "REQUEST_FAILURE"),
    (90, "CHANNEL_OPEN"),
    (91, "CHANNEL_OPEN_CONFIRMATION"),
    (92, "CHANNEL_OPEN_FAILURE"),
    (93, "CHANNEL_WINDOW_ADJUST"),
    (94, "CHANNEL_DATA"),
    (95, "CHANNEL_EXTENDED_DATA"),
    (96, "CHANNEL_EOF"),
    (97, "CHANNEL_CLOSE"),
    (98, "CHANNEL_REQUEST"),
    (99, "CHANNEL_SUCCESS"),
    (100, "CHANNEL_FAILURE"),
    (192, "PING"),
    (193, "PONG"),
    (32, "KEX_32"),
    (33, "KEX_33"),
];

fn name(number: u8) -> String {
    let known = NAMES.iter().find(|(known, _)| *known == number);
    known.map_or_else(|| format!("message {number}"), |(_, name)| (*name).to_owned())
}

/// One direction's bytes up to its first keys, where everybody can read along, and how much of them was named.
#[derive(Debug, Default)]
pub(super) struct Clear {
    stream: Vec<u8>,
    named: usize,
    keyed: bool,
}

impl Clear {
    /// Names the messages that `bytes` complete: in the clear from the bytes, under keys those of `sealed`.
    pub(super) fn comment(&mut self, bytes: &[u8], sealed: &[u8]) -> String {
        let mut words = Vec::new();
        if !self.keyed {
            if self.stream.is_empty() && bytes.starts_with(b"SSH-") {
                let line = bytes.split(|byte| byte.is_ascii_control()).next().unwrap_or_default();
                words.push(format!("\"{}\"", String::from_utf8_lossy(line)));
            }
            self.stream.extend_from_slice(bytes);
            let numbers = packets::numbers(&packets::clear(&self.stream));
            words.extend(numbers[self.named..].iter().map(|number| name(*number)));
            self.named = numbers.len();
            self.keyed = numbers.last() == Some(&21);
        }
        words.extend(sealed.iter().map(|number| name(*number)));
        folded(&words)
    }
}

/// Words with repetitions counted.
fn folded(words: &[String]) -> String {
    let runs = words.chunk_by(|one, other| one == other);
    let text = runs.map(|run| if run.len() > 1 { format!("{} x{}", run[0], run.len()) } else { run[0].clone() });
    text.collect::<Vec<_>>().join(", ")
}
