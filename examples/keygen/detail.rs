//! What certificates say, laid out as `ssh-keygen -L` does it.

use crate::arguments::Arguments;
use crate::source::is_stdin;
use crate::times::Interval;
use crate::{complain, print, show, shown, source};
use core::fmt::Write;
use sanssh_core::crypto::certificate::{Certificate, Kind, Pairs};
use sanssh_core::file::PublicKeyBuf;
use sanssh_core::file::list::{Listed, keys};
use sanssh_core::file::public::Hash;
use sanssh_core::wire::Reader;

/// Options that say all by their names.
const FLAGS: [&[u8]; 7] = [
    b"permit-X11-forwarding",
    b"permit-agent-forwarding",
    b"permit-port-forwarding",
    b"permit-pty",
    b"permit-user-rc",
    b"no-touch-required",
    b"verify-required",
];

/// Options whose value is text.
const TEXTS: [&[u8]; 2] = [b"force-command", b"source-address"];

pub(crate) fn show(arguments: &Arguments) -> Result<u8, String> {
    let file = arguments.key_file()?;
    let text = source::read(&file)?;
    let name = if is_stdin(&file) { "(stdin)".to_owned() } else { file.display().to_string() };
    let mut status = 1;
    for (line, key) in keys(&text) {
        let place = if line == 1 && !is_stdin(&file) { name.clone() } else { format!("{name}:{line}") };
        let Ok(Listed { key, .. }) = key else {
            complain(&format!("{name}:{line}: not a key"));
            continue;
        };
        match (key.certificate(), PublicKeyBuf::from_blob(key.certificate().map_or(&[], |it| it.authority))) {
            (Ok(certificate), Ok(authority)) => {
                status = 0;
                print(&described(&place, &key, &certificate, &authority));
            }
            _ => complain(&format!("{name}:{line}: not a certificate but {}", key.kind())),
        }
    }
    Ok(status)
}

fn described(place: &str, key: &PublicKeyBuf, certificate: &Certificate<'_>, authority: &PublicKeyBuf) -> String {
    let kind = match certificate.kind {
        Kind::User => "user",
        Kind::Host => "host",
    };
    let fingerprint = |key| show::fingerprint(key, Hash::Sha256);
    let by = certificate.algorithm().map_or("unknown", |algorithm| algorithm.name());
    let valid = Interval { from: certificate.valid_after, to: certificate.valid_before };
    let fields = [
        ("Type", format!("{} {kind} certificate", key.kind())),
        ("Public key", format!("{} {}", key.short_name(), fingerprint(key))),
        ("Signing CA", format!("{} {} (using {by})", authority.short_name(), fingerprint(authority))),
        ("Key ID", format!("\"{}\"", shown(certificate.key_id))),
        ("Serial", certificate.serial.to_string()),
        ("Valid", valid.shown()),
        ("Principals", list(certificate.principals.map(shown))),
        ("Critical Options", list(options(certificate.critical))),
        ("Extensions", list(options(certificate.extensions))),
    ];
    let lines = fields.iter().map(|(name, value)| format!("        {name}: {value}\n"));
    format!("{place}:\n") + &lines.collect::<String>()
}

/// A line each, under the name of the list.
fn list(entries: impl Iterator<Item = String>) -> String {
    let lines: String = entries.map(|entry| format!("\n                {entry}")).collect();
    if lines.is_empty() { "(none)".to_owned() } else { lines }
}

fn options(options: Pairs<'_>) -> impl Iterator<Item = String> {
    options.map(|(name, value)| {
        let text = Reader::new(value).string().ok().filter(|_| TEXTS.contains(&name));
        let name_shown = shown(name);
        match (text, value) {
            (Some(text), _) => format!("{name_shown} {}", shown(text)),
            (None, []) if FLAGS.contains(&name) => name_shown,
            (None, []) => format!("{name_shown} UNKNOWN FLAG OPTION"),
            (None, value) => format!("{name_shown} UNKNOWN OPTION: {} (len {})", hex(value), value.len()),
        }
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
