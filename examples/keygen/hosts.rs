//! Lists of host keys: finding a host, taking one out, hiding names.

use crate::arguments::Arguments;
use crate::source::wrong;
use crate::{complain, print, random, show, shown, source};
use sanssh_core::file::known_hosts::{Edited, Entry, KnownHosts, Mark, hashed, without};
use sanssh_core::file::list::keys;
use sanssh_std::home;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

fn list(arguments: &Arguments) -> Result<PathBuf, String> {
    let usual =
        || home::ssh("known_hosts").ok_or_else(|| "no home to look for known_hosts in; name a file by -f".to_owned());
    arguments.file.clone().map_or_else(usual, Ok)
}

/// A host as lists name it: `host` or `[host]:port`.
fn split(host: &str) -> Result<(&str, u16), String> {
    let Some(inside) = host.strip_prefix('[') else { return Ok((host, 22)) };
    let parts = inside.split_once(']').and_then(|(name, end)| Some((name, end.strip_prefix(':')?.parse().ok()?)));
    parts.ok_or_else(|| format!("\"{host}\" is neither HOST nor [HOST]:PORT"))
}

pub(crate) fn find(arguments: &Arguments, host: &str) -> Result<u8, String> {
    let (name, port) = split(host)?;
    let text = source::read(&list(arguments)?)?;
    let hosts = KnownHosts::read(&text);
    let found: Vec<_> = hosts.find(name, port).collect();
    for entry in &found {
        print(&about(host, entry, &text, arguments)?);
    }
    Ok(u8::from(found.is_empty()))
}

/// A line that was found, or what it says in short.
fn about(host: &str, entry: &Entry, text: &[u8], arguments: &Arguments) -> Result<String, String> {
    let mark = match entry.mark {
        Mark::None => "",
        Mark::Revoked => "REVOKED",
        Mark::CertAuthority => "CA",
    };
    let head = format!("# Host {host} found: line {} {mark}\n", entry.at.line);
    let line = text.split(|byte| *byte == b'\n').nth(entry.at.line - 1).unwrap_or_default().trim_ascii();
    if arguments.list {
        let key = &entry.key;
        let comment = keys(line).find_map(|(_, key)| key.ok()).map_or_else(String::new, |it| shown(it.comment));
        let space = if comment.is_empty() { "" } else { " " };
        let fingerprint = show::fingerprint(key, arguments.hash);
        let line = format!("{head}{host} {} {fingerprint}{space}{comment}\n", key.short_name());
        return Ok(if arguments.verbose { line + &show::picture(key, arguments.hash) + "\n" } else { line });
    }
    let line = if arguments.hashed { hashed(line, &mut random()?).text } else { line.to_vec() };
    Ok(format!("{head}{}\n", String::from_utf8_lossy(&line).trim_end()))
}

pub(crate) fn remove(arguments: &Arguments, host: &str) -> Result<u8, String> {
    let (name, port) = split(host)?;
    let file = list(arguments)?;
    let edited = edit(&file, |text| without(text, name, port, &[]))?;
    for line in &edited.lines {
        print(&format!("# Host {host} found: line {line}\n"));
    }
    if edited.lines.is_empty() {
        let _ = writeln!(io::stderr(), "Host {host} not found in {}", file.display());
    } else {
        announce(&file, arguments);
    }
    Ok(0)
}

pub(crate) fn hash(arguments: &Arguments) -> Result<u8, String> {
    let file = list(arguments)?;
    let mut random = random()?;
    let edited = edit(&file, |text| hashed(text, &mut random))?;
    if edited.lines.is_empty() {
        complain(&wrong(&file, "no names to hash"));
    } else {
        announce(&file, arguments);
        complain(&wrong(
            &home::beside(&file, ".old"),
            "still has the names as they were; delete it to keep them private",
        ));
    }
    Ok(0)
}

/// Lines that are not understood stay, and are named.
fn edit(file: &Path, change: impl FnOnce(&[u8]) -> Edited) -> Result<Edited, String> {
    let reported = |text: &[u8]| {
        for damaged in KnownHosts::read(text).damaged() {
            complain(&wrong(file, format_args!("{damaged}; it stays as it is")));
        }
        change(text)
    };
    home::edit_hosts(file, reported).map_err(|error| error.to_string())
}

fn announce(file: &Path, arguments: &Arguments) {
    if !arguments.quiet {
        let (file, old) = (file.display(), home::beside(file, ".old"));
        print(&format!("{file} updated.\nOriginal contents retained as {}\n", old.display()));
    }
}
