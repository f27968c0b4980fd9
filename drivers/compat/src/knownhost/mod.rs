//! Which key belongs to which host, `ssh2.knownhost`: a list of entries, read from lines and files of OpenSSH's form and
//! written as such.
//!
//! ```
//! use sanssh_compat::knownhost::{LIBSSH2_KNOWNHOST_KEYENC_RAW, LIBSSH2_KNOWNHOST_TYPE_PLAIN};
//! use sanssh_compat::session::Session;
//!
//! # let line = "host.example ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";
//! # let key: Vec<u8> = [&b"\0\0\0\x0bssh-ed25519\0\0\0\x20"[..], &(0..32).collect::<Vec<u8>>()].concat();
//! let session = Session::new();
//! let hosts = session.knownhost_init();
//! hosts.readline(line.as_bytes())?;
//! // The key is what `session.hostkey()` gives after the handshake; without bits for its type, keys of all types count.
//! let typemask = LIBSSH2_KNOWNHOST_TYPE_PLAIN | LIBSSH2_KNOWNHOST_KEYENC_RAW;
//! let entry = hosts.checkp("host.example", Some(22), &key, typemask)?;
//! assert_eq!(entry.name(), Some(&b"host.example"[..]));
//! # Ok::<(), sanssh_compat::Error>(())
//! ```
//!
//! Besides what is documented, lines may hold patterns, negated ones among them, and the markers `@cert-authority` and
//! `@revoked`. Hosts may show certificates.

mod check;
mod constants;
mod entry;

pub use constants::*;
pub use entry::KnownHostEntry;
pub use sanssh_core::file::known_hosts::Mark;

use crate::Error;
use crate::exceptions::{
    KnownHostAddError, KnownHostCheckFailure, KnownHostDeleteError, KnownHostGetError, KnownHostReadFileError,
    KnownHostReadLineError, KnownHostWriteFileError, KnownHostWriteLineError,
};
use crate::session::Session;
use base64ct::{Base64, Encoding};
use check::Asked;
use entry::Entry;
use sanssh_core::file::PublicKeyBuf;
use sanssh_core::file::public::bare;
use sanssh_std::home;
use std::borrow::Cow;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A list of known hosts, `ssh2.knownhost.KnownHost`. It has no connection to the session but for
/// [`last_errno`](Session::last_errno) and [`last_error`](Session::last_error).
#[derive(Debug)]
pub struct KnownHost {
    session: Session,
    list: Mutex<Vec<KnownHostEntry>>,
}

impl Session {
    /// An empty list of known hosts.
    pub fn knownhost_init(&self) -> KnownHost {
        KnownHost::new(self)
    }
}

impl KnownHost {
    /// An empty list.
    pub fn new(session: &Session) -> Self {
        Self { session: session.clone(), list: Mutex::default() }
    }

    /// Adds a key of a host. The typemask is one of `LIBSSH2_KNOWNHOST_TYPE_`, of `LIBSSH2_KNOWNHOST_KEYENC_` (a blob if
    /// there is none) and of `LIBSSH2_KNOWNHOST_KEY_` each. The host is a name, in brackets with its port if that is to be
    /// part of it; with `LIBSSH2_KNOWNHOST_TYPE_SHA1` it is the hash of one in Base64, and the salt, of 20 bytes, too. What
    /// is no such hash is kept and stands for no host. Patterns are for [`readline`](Self::readline).
    ///
    /// # Errors
    /// `KnownHostAddError`, number -34, for a typemask without a type of host or key, a name or comment that cannot stand
    /// in a line, and what is no public key. The documented call takes these, and leaves the list or its file broken.
    pub fn addc(
        &self,
        host: impl AsRef<[u8]>,
        key: &[u8],
        typemask: i32,
        salt: Option<&[u8]>,
        comment: Option<&[u8]>,
    ) -> Result<KnownHostEntry, Error> {
        let entry = self.session.note(compose(host.as_ref(), key, typemask, salt, comment))?;
        let entry = KnownHostEntry::new(entry);
        self.list().push(entry.clone());
        Ok(entry)
    }

    /// Deprecated; as [`addc`](Self::addc), without a comment. Where it is documented it is not implemented.
    ///
    /// # Errors
    /// As [`addc`](Self::addc).
    #[deprecated = "use addc"]
    pub fn add(
        &self,
        host: impl AsRef<[u8]>,
        salt: Option<&[u8]>,
        key: &[u8],
        typemask: i32,
    ) -> Result<KnownHostEntry, Error> {
        self.addc(host, key, typemask, salt, None)
    }

    /// Looks whether this is the host's key, and gives the entry that says so. With a port, the documented numbers from 0
    /// on, the name is looked for with its port first, and without one if nothing is on record with it; `None` is the
    /// documented -1. The typemask is as for [`addc`](Self::addc); keys on record of another type than it names do not
    /// count, those of type `LIBSSH2_KNOWNHOST_KEY_UNKNOWN` never match, and without a type all count, which tells more: a
    /// host with another key than the known ones is a mismatch then, whatever its type.
    ///
    /// A certificate is judged by the authorities on record, with its signature, purpose, names and times, and its key by
    /// itself if it is not good. What is revoked is a mismatch.
    ///
    /// # Errors
    /// `KnownHostCheckNotFoundError` if no such key of the host is on record, `KnownHostCheckMismatchError` if others are,
    /// `KnownHostCheckFailure` for a typemask or a key in Base64 that is none.
    pub fn checkp(
        &self,
        host: impl AsRef<[u8]>,
        port: Option<u16>,
        key: &[u8],
        typemask: i32,
    ) -> Result<KnownHostEntry, Error> {
        self.session.note(self.find(host.as_ref(), port, key, typemask))
    }

    /// Deprecated; as [`checkp`](Self::checkp) without a port. Where it is documented it is not implemented.
    ///
    /// # Errors
    /// As [`checkp`](Self::checkp).
    #[deprecated = "use checkp"]
    pub fn check(&self, host: impl AsRef<[u8]>, key: &[u8], typemask: i32) -> Result<KnownHostEntry, Error> {
        self.checkp(host, None, key, typemask)
    }

    fn find(&self, host: &[u8], port: Option<u16>, key: &[u8], typemask: i32) -> Result<KnownHostEntry, Error> {
        let none = || Error::new(KnownHostCheckFailure, "the key is not in Base64");
        let key = decoded(key, typemask).ok_or_else(none)?;
        Asked::new(host, port, typemask)?.find(&self.list(), host, &key)
    }

    /// Adds what a file says, and gives the number of its lines that were read, those without a host among them. Lines
    /// that are damaged are left out, where the documented call gives up; so are keys of SSH-1.
    ///
    /// # Errors
    /// `KnownHostReadFileError` if the file cannot be read, or has more than 64 MiB.
    pub fn readfile(&self, filename: impl AsRef<Path>) -> Result<usize, Error> {
        let read = home::read_hosts(filename.as_ref()).map_err(Error::from);
        let read = read.map_err(|error| error.raised_as(KnownHostReadFileError));
        let text = self.session.note(read)?;
        let text = text.strip_suffix(b"\n").unwrap_or(&text);
        let read: Vec<_> = text.split(|byte| *byte == b'\n').filter_map(|line| Entry::read(line).ok()).collect();
        let lines = if text.is_empty() { 0 } else { read.len() };
        self.list().extend(read.into_iter().flatten().map(KnownHostEntry::new));
        Ok(lines)
    }

    /// Adds what a line says: an entry for each of the names in it, one for a list with patterns, and none for an empty
    /// line or a comment.
    ///
    /// # Errors
    /// `KnownHostReadLineError` if it is damaged.
    pub fn readline(&self, line: impl AsRef<[u8]>) -> Result<(), Error> {
        let read = Entry::read(line.as_ref()).map_err(|why| Error::new(KnownHostReadLineError, why));
        self.list().extend(self.session.note(read)?.into_iter().map(KnownHostEntry::new));
        Ok(())
    }

    /// The line of an entry, with its end. The documented `buf_len` is not wanted here.
    ///
    /// # Errors
    /// `KnownHostWriteLineError` for an entry of `LIBSSH2_KNOWNHOST_TYPE_CUSTOM` that no line can hold.
    pub fn writeline(&self, entry: &KnownHostEntry) -> Result<Vec<u8>, Error> {
        let unfit = || Error::new(KnownHostWriteLineError, "the entry's name cannot stand in a line");
        let fits = is_word(&entry.entry().host);
        self.session.note(if fits { Ok(entry.entry().line()) } else { Err(unfit()) })
    }

    /// Writes all entries to a file, in place of what is there, and whole or not at all. A new file is its owner's alone.
    ///
    /// # Errors
    /// `KnownHostWriteFileError`, also for what [`writeline`](Self::writeline) refuses.
    pub fn writefile(&self, filename: impl AsRef<Path>) -> Result<(), Error> {
        let lines: Result<Vec<_>, _> = self.list().iter().map(|entry| self.writeline(entry)).collect();
        let written = lines.and_then(|lines| Ok(home::write_hosts(filename.as_ref(), &lines.concat())?));
        let written = written.map_err(|error| error.raised_as(KnownHostWriteFileError));
        self.session.note(written)
    }

    /// The entries behind `prev`, or all, in order.
    ///
    /// # Errors
    /// `KnownHostGetError` if `prev` is no entry of the list, or is no more.
    pub fn get(&self, prev: Option<&KnownHostEntry>) -> Result<Vec<KnownHostEntry>, Error> {
        let list = self.list();
        let start = prev.map_or(Some(0), |prev| list.iter().position(|one| one == prev).map(|at| at + 1));
        let gone = || Error::new(KnownHostGetError, "the entry is not on the list");
        self.session.note(start.map(|start| list[start..].to_vec()).ok_or_else(gone))
    }

    /// Deletes an entry.
    ///
    /// # Errors
    /// `KnownHostDeleteError` if it is no entry of the list, or is no more.
    pub fn delete(&self, entry: &KnownHostEntry) -> Result<(), Error> {
        let mut list = self.list();
        let gone = || Error::new(KnownHostDeleteError, "the entry is not on the list");
        let at = list.iter().position(|one| one == entry).ok_or_else(gone);
        self.session.note(at.map(|at| drop(list.remove(at))))
    }

    fn list(&self) -> MutexGuard<'_, Vec<KnownHostEntry>> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The entry that `addc` is given the parts of.
fn compose(
    host: &[u8],
    key: &[u8],
    typemask: i32,
    salt: Option<&[u8]>,
    comment: Option<&[u8]>,
) -> Result<Entry, Error> {
    const INVALID: i32 = crate::error_codes::LIBSSH2_ERROR_INVAL;
    let wrong = |text: &str| Error::with_code(KnownHostAddError, INVALID, text);
    let comment = comment.unwrap_or_default().trim_ascii();
    if comment.iter().any(u8::is_ascii_control) {
        return Err(wrong("the comment cannot stand in a line"));
    }
    match typemask & LIBSSH2_KNOWNHOST_KEY_MASK {
        0 => return Err(wrong("the typemask does not say of which type the key is")),
        LIBSSH2_KNOWNHOST_KEY_RSA1 => return Err(wrong("no server shows keys of SSH-1 any more")),
        _ => {}
    }
    let host = match typemask & LIBSSH2_KNOWNHOST_TYPE_MASK {
        LIBSSH2_KNOWNHOST_TYPE_PLAIN if is_name(host) => host.to_vec(),
        LIBSSH2_KNOWNHOST_TYPE_PLAIN => return Err(wrong("not the name of a host: patterns are for readline")),
        LIBSSH2_KNOWNHOST_TYPE_SHA1 => [b"|1|", salt.unwrap_or_default(), b"|", host].concat(),
        LIBSSH2_KNOWNHOST_TYPE_CUSTOM => host.to_vec(),
        _ => return Err(wrong("the typemask does not say what the host is given as")),
    };
    let key = decoded(key, typemask).and_then(|key| PublicKeyBuf::from_blob(&key).ok());
    let key = key.filter(|key| *bare(key.blob()) == *key.blob()).ok_or_else(|| wrong("not a public key"))?;
    Ok(Entry { mark: Mark::None, typemask, host, key, comment: comment.to_vec() })
}

/// The key's blob, as the typemask says that it is given; `None` if it is not.
fn decoded(key: &[u8], typemask: i32) -> Option<Cow<'_, [u8]>> {
    if typemask & LIBSSH2_KNOWNHOST_KEYENC_MASK != LIBSSH2_KNOWNHOST_KEYENC_BASE64 {
        return Some(Cow::Borrowed(key));
    }
    let text = core::str::from_utf8(key.trim_ascii()).ok()?;
    Base64::decode_vec(text).ok().map(Cow::Owned)
}

/// Whether it can be the first word of a line.
fn is_word(host: &[u8]) -> bool {
    let starts = host.first().is_some_and(|first| !matches!(first, b'#' | b'@'));
    starts && host.iter().all(|byte| *byte > b' ' && *byte != 0x7f)
}

/// Whether it stands for one host, by name.
fn is_name(host: &[u8]) -> bool {
    is_word(host) && !host.iter().any(|byte| matches!(byte, b'*' | b'?' | b'!' | b',' | b'|'))
}
