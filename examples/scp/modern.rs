//! By SFTP: patterns are looked up there, and paths may begin with `~`. From host to host, files pass through here piece by
//! piece.

use crate::{Copying, is_directory};
use core::time::Duration;
use sanssh_core::sftp::tree::Links;
use sanssh_core::sftp::{Attributes, Extension, FileKind, path};
use sanssh_examples::files::{self, below, failure, last, shown};
use sanssh_std::glob::{self, Tree};
use sanssh_std::{Copy, Error, OpenOptions, Progress, Sftp, escape};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::thread;
use std::time::Instant;

/// Directories inside each other that are copied from host to host: links may lead in a circle.
const DEPTH: usize = 128;

/// As much as passes through here at a time.
const PIECE: usize = 1024 * 1024;

pub(crate) fn put(copying: &mut Copying, sftp: &Sftp, from: &Path, to: &[u8]) -> Result<(), String> {
    let meta = from.metadata().map_err(|error| format!("{}: {error}", shown(from)))?;
    let target = target(copying, sftp, to, &files::own_name(from.as_os_str().as_bytes()))?;
    if meta.is_dir() && !copying.flags.recursive {
        return Err(format!("{}: is a directory; -r copies it", shown(from)));
    }
    let copy = copying.options(false);
    let Copying { meter, reporter, .. } = copying;
    meter.begin(meta.is_dir());
    let outcome = if meta.is_dir() {
        sftp.put_tree(from, &target, &copy, &mut |event| meter.hear(event, *reporter)).map(drop)
    } else {
        sftp.put(from, &target, &copy, &mut |at: Progress<'_>| meter.tell(at.name, at.done, at.size))
    };
    copying.finished(&shown(from), outcome)
}

pub(crate) fn get(copying: &mut Copying, sftp: &Sftp, from: &[u8], to: &Path) -> Result<(), String> {
    let found = expand(sftp, from)?;
    let into = is_directory(to);
    if found.len() > 1 && !into {
        return Err(format!("{}: several files go only into a directory", shown(to)));
    }
    for name in found {
        let target = if into { to.join(files::local(&own_name(sftp, &name)?)) } else { to.to_owned() };
        if let Err(error) = fetch(copying, sftp, &name, &target) {
            copying.fail(error);
        }
    }
    Ok(())
}

fn fetch(copying: &mut Copying, sftp: &Sftp, name: &[u8], to: &Path) -> Result<(), String> {
    let is_tree = is_tree(copying, sftp, name)?;
    let copy = copying.options(!is_tree);
    let Copying { meter, reporter, .. } = copying;
    meter.begin(is_tree);
    let outcome = if is_tree {
        sftp.get_tree(name, to, &copy, &mut |event| meter.hear(event, *reporter)).map(drop)
    } else {
        sftp.get(name, to, &copy, &mut |at: Progress<'_>| meter.tell(at.name, at.done, at.size))
    };
    copying.finished(&escape(name, false), outcome)
}

pub(crate) fn relay(copying: &mut Copying, from: (&Sftp, &[u8]), to: (&Sftp, &[u8])) -> Result<(), String> {
    let (here, there) = (from.0, to.0);
    let found = expand(here, from.1)?;
    copying.many |= found.len() > 1;
    for name in found {
        if let Err(error) = pass(copying, (here, &name), (there, to.1)) {
            copying.fail(error);
        }
    }
    Ok(())
}

/// From one host to another, a file or a tree.
fn pass(copying: &mut Copying, from: (&Sftp, &[u8]), to: (&Sftp, &[u8])) -> Result<(), String> {
    let (here, name) = from;
    let target = target(copying, to.0, to.1, &own_name(here, name)?)?;
    let is_tree = is_tree(copying, here, name)?;
    copying.meter.begin(is_tree);
    let mut relay = Relay { copying, from: here, to: to.0, piece: vec![0; PIECE], start: Instant::now(), moved: 0 };
    let outcome = relay.entry(name, &target, 0);
    copying.meter.end();
    outcome
}

/// Copies between two servers.
struct Relay<'a> {
    copying: &'a mut Copying,
    from: &'a Sftp,
    to: &'a Sftp,
    piece: Vec<u8>,
    /// When it began, and bytes that have passed since, for the pace.
    start: Instant,
    moved: u64,
}

impl Relay<'_> {
    fn entry(&mut self, name: &[u8], target: &[u8], depth: usize) -> Result<(), String> {
        let attributes = self.from.metadata(name).map_err(|error| failure(&escape(name, false), &error))?;
        let copied = match attributes.kind() {
            Some(FileKind::Directory) => return self.directory(name, target, &attributes, depth),
            Some(FileKind::Regular) | None => self.file(name, target, &attributes),
            Some(_) => return Err(format!("{}: it is neither a file nor a directory", escape(name, false))),
        };
        copied.map_err(|error| failure(&escape(name, false), &error))
    }

    fn directory(&mut self, name: &[u8], target: &[u8], like: &Attributes<'_>, depth: usize) -> Result<(), String> {
        let plain = |error: Error| failure(&escape(name, false), &error);
        if depth >= DEPTH {
            return Err(format!("{}: directories are too deep, or links lead in a circle", escape(name, false)));
        }
        let mode = like.permissions.map(|mode| mode & 0o777 | 0o700);
        let made = self.to.create_dir(target, &Attributes { permissions: mode, ..Attributes::NONE });
        let is_there = || self.to.metadata(target).is_ok_and(|found| found.kind() == Some(FileKind::Directory));
        if let Err(error) = made
            && !is_there()
        {
            return Err(failure(&escape(target, false), &error));
        }
        for entry in self.from.read_dir(name).map_err(plain)? {
            let own = entry.map_err(plain)?.name;
            if matches!(&own[..], b"." | b"..") {
                continue;
            }
            // A name that leads elsewhere is no name of a file there.
            let outcome = match path::name(&own) {
                Some(own) => self.entry(&below(name, own), &below(target, own), depth + 1),
                None => {
                    Err(format!("{}: the server gives no name of a file: {}", escape(name, false), escape(&own, false)))
                }
            };
            if let Err(error) = outcome {
                self.copying.fail(error);
            }
        }
        self.keep(target, like).map_err(plain)
    }

    fn file(&mut self, name: &[u8], target: &[u8], like: &Attributes<'_>) -> Result<(), Error> {
        let mut from = self.from.open(name, OpenOptions::READ)?;
        let mode = like.permissions.map(|mode| mode & 0o777);
        let mut to = self.to.open(target, OpenOptions { mode, ..OpenOptions::CREATE })?;
        let mut done = 0;
        loop {
            self.copying.meter.tell(name, done, like.size);
            let length = match from.read(&mut self.piece) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other?,
            };
            if length == 0 {
                break;
            }
            to.write_all(&self.piece[..length])?;
            done += length as u64;
            self.wait(length);
        }
        to.flush()?;
        to.close()?;
        self.keep(target, like)
    }

    /// Waits as long as the limit says after so many more bytes.
    fn wait(&mut self, length: usize) {
        self.moved += length as u64;
        if let Some(limit) = self.copying.flags.limit {
            let due = Duration::from_micros(self.moved.saturating_mul(1_000_000) / limit.max(1));
            thread::sleep(due.saturating_sub(self.start.elapsed()));
        }
    }

    fn keep(&self, target: &[u8], like: &Attributes<'_>) -> Result<(), Error> {
        if !self.copying.flags.preserve {
            return Ok(());
        }
        // Never that a file runs as its owner, who is another there.
        let permissions = like.permissions.map(|mode| mode & 0o777);
        self.to.set_attributes(target, &Attributes { permissions, times: like.times, ..Attributes::NONE })
    }
}

impl Copying {
    /// How a file is copied, or a tree; `guarded`: not over a link to where that leads.
    fn options(&self, guarded: bool) -> Copy {
        let crate::Flags { preserve, limit, .. } = self.flags;
        // What a link leads to is what is meant, as with cp.
        Copy { preserve, limit, links: Links::Follow, no_follow: guarded, ..Copy::default() }
    }

    /// Ends what the meter shows. Failures of a tree were told one by one.
    fn finished(&mut self, name: &str, outcome: Result<(), Error>) -> Result<(), String> {
        self.meter.end();
        match outcome {
            Err(Error::Incomplete { .. }) => {
                self.failed = true;
                Ok(())
            }
            outcome => outcome.map_err(|error| failure(name, &error)),
        }
    }
}

/// A path as that server begins it: at the home, or with `~`.
fn rooted(sftp: &Sftp, path: &[u8]) -> Result<Vec<u8>, String> {
    match path {
        b"" | b"~" | b"~/" => Ok(b".".to_vec()),
        [b'~', b'/', rest @ ..] if !sftp.has(Extension::ExpandPath) => Ok(rest.to_vec()),
        [b'~', ..] => sftp.expand_path(path).map_err(|error| failure(&escape(path, false), &error)),
        _ => Ok(path.to_vec()),
    }
}

fn is_there(sftp: &Sftp, path: &[u8], kind: FileKind) -> bool {
    sftp.metadata(path).is_ok_and(|found| found.kind() == Some(kind))
}

/// Where a file of this name goes there.
fn target(copying: &Copying, sftp: &Sftp, to: &[u8], own: &[u8]) -> Result<Vec<u8>, String> {
    let to = rooted(sftp, to)?;
    if is_there(sftp, &to, FileKind::Directory) {
        // The root has no name: what is in it goes there.
        return Ok(if own.is_empty() { to } else { below(&to, own) });
    }
    if copying.many || to.ends_with(b"/") {
        return Err(format!("{}: there is no such directory", escape(&to, false)));
    }
    Ok(to)
}

fn is_tree(copying: &Copying, sftp: &Sftp, name: &[u8]) -> Result<bool, String> {
    let found = sftp.metadata(name).map_err(|error| failure(&escape(name, false), &error))?;
    let is_tree = found.kind() == Some(FileKind::Directory);
    if found.kind() == Some(FileKind::Special) {
        return Err(format!("{}: not a regular file", escape(name, false)));
    }
    if is_tree && !copying.flags.recursive {
        return Err(format!("{}: is a directory; -r copies it", escape(name, false)));
    }
    Ok(is_tree)
}

/// What a file there is called, whatever way leads to it; empty for the root.
fn own_name(sftp: &Sftp, name: &[u8]) -> Result<Vec<u8>, String> {
    match last(name) {
        [] => {
            let real = sftp.canonicalize(name).map_err(|error| failure(&escape(name, false), &error))?;
            Ok(last(&real).to_vec())
        }
        own => Ok(own.to_vec()),
    }
}

/// The files that a pattern stands for; at least one.
fn expand(sftp: &Sftp, pattern: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    let pattern = rooted(sftp, pattern)?;
    let found = glob::expand(&mut There(sftp), &pattern);
    if found.is_empty() {
        return Err(format!("{}: there is no such file", escape(&glob::plain(&pattern), false)));
    }
    Ok(found)
}

/// The files of a server, for patterns to be looked up in.
struct There<'a>(&'a Sftp);

impl Tree for There<'_> {
    fn names(&mut self, directory: &[u8]) -> Vec<Vec<u8>> {
        let directory = if directory.is_empty() { b"." } else { directory };
        let entries = self.0.read_dir(directory).and_then(files::all).ok().flatten().unwrap_or_default();
        entries.into_iter().map(|entry| entry.name).filter(|name| path::name(name).is_some()).collect()
    }

    fn exists(&mut self, path: &[u8]) -> bool {
        self.0.symlink_metadata(path).is_ok()
    }
}
