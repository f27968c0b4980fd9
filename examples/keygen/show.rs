//! Keys for people and programs to look at: fingerprints, pictures, lines, other formats, records for the DNS.

use crate::arguments::Arguments;
use crate::source::{is_stdin, wrong};
use crate::{print, shown, source};
use nix::unistd::gethostname;
use sanssh_core::file::list::{Listed, keys};
use sanssh_core::file::private::PrivateKey;
use sanssh_core::file::public::{Hash, bare};
use sanssh_core::file::randomart::randomart;
use sanssh_core::file::sshfp::Record;
use sanssh_core::file::{Format, PublicKeyBuf};
use std::path::{Path, PathBuf};

/// Where servers keep their keys, by the types that they have.
const HOST_KEYS: [&str; 3] = ["rsa", "ecdsa", "ed25519"];

/// The user and this machine.
pub(crate) fn who() -> Result<String, String> {
    let user = sanssh_examples::user::current()?;
    let host = gethostname().map_err(|error| format!("this machine has no name: {error}"))?;
    Ok(format!("{}@{}", user.name, host.to_string_lossy()))
}

/// The fingerprint of a key; of a certificate its key's.
pub(crate) fn fingerprint(key: &PublicKeyBuf, hash: Hash) -> String {
    hash.fingerprint(&bare(key.blob()))
}

pub(crate) fn picture(key: &PublicKeyBuf, hash: Hash) -> String {
    randomart(key, hash)
}

pub(crate) fn public(arguments: &Arguments) -> Result<u8, String> {
    let file = arguments.key_file()?;
    let (PrivateKey { key, comment }, _) = source::private(&file, arguments, "Enter passphrase: ")?;
    let key = PublicKeyBuf::from_blob(key.public()).map_err(|error| wrong(&file, error))?;
    print(&(key.line(&String::from_utf8_lossy(&comment)) + "\n"));
    Ok(0)
}

pub(crate) fn fingerprints(arguments: &Arguments) -> Result<u8, String> {
    let file = arguments.key_file()?;
    let text = source::read(&file)?;
    let mut lines = String::new();
    for Listed { key, front, comment } in keys(&text).filter_map(|(_, key)| key.ok()) {
        lines += &described(&key, if comment.is_empty() { front } else { comment }, arguments);
    }
    if lines.is_empty() {
        // No list, so one key in another form.
        let alone = if is_stdin(&file) { PublicKeyBuf::from_text(&text).ok() } else { None };
        let (key, comment) = alone.map_or_else(|| source::public(&file), Ok)?;
        lines = described(&key, &comment, arguments);
    }
    print(&lines);
    Ok(0)
}

fn described(key: &PublicKeyBuf, note: &[u8], arguments: &Arguments) -> String {
    let note = if note.is_empty() { "no comment".to_owned() } else { shown(note) };
    let line = format!("{} {} {note} ({})\n", key.bits(), fingerprint(key, arguments.hash), key.short_name());
    if arguments.verbose { line + &picture(key, arguments.hash) + "\n" } else { line }
}

pub(crate) fn export(arguments: &Arguments) -> Result<u8, String> {
    let file = arguments.key_file()?;
    let (key, _) = source::public(&file)?;
    let format = arguments.format.unwrap_or(Format::Rfc4716);
    let comment = format!("{}-bit {}, converted by {} from OpenSSH", key.bits(), key.short_name(), who()?);
    // PEM has a public form of its own for RSA keys alone.
    let other = || key.text(Format::Pkcs8, &comment).filter(|_| format == Format::Pem);
    let text = key.text(format, &comment).or_else(other);
    print(&text.ok_or_else(|| wrong(&file, format_args!("{} has no form in {format}", key.kind())))?);
    Ok(0)
}

pub(crate) fn import(arguments: &Arguments) -> Result<u8, String> {
    let file = arguments.key_file()?;
    let (key, _) = PublicKeyBuf::from_text(&source::read(&file)?)
        .map_err(|error| wrong(&file, format_args!("{error} in RFC 4716's format, PKCS #8 or PEM")))?;
    print(&(key.line("") + "\n"));
    Ok(0)
}

pub(crate) fn records(arguments: &Arguments, host: &str) -> Result<u8, String> {
    let own = || HOST_KEYS.map(|kind| PathBuf::from(format!("/etc/ssh/ssh_host_{kind}_key.pub"))).to_vec();
    let files = arguments.file.clone().map_or_else(own, |file| vec![file]);
    let mut found = false;
    for file in files.iter().filter(|file| arguments.file.is_some() || Path::exists(file)) {
        let (key, _) = source::public(file)?;
        let lines: Vec<_> = Record::of(&key).iter().map(|record| record.line(host) + "\n").collect();
        found |= !lines.is_empty();
        print(&lines.concat());
    }
    if found { Ok(0) } else { Err("no key that the DNS has a record for".to_owned()) }
}
