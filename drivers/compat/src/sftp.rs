//! The files of a server, `ssh2.sftp`: an [`SFTP`] asks about them by their paths and opens [`SFTPHandle`]s.

use crate::Error;
use crate::channel::Channel;
use crate::exceptions::{BadUseError, BufferTooSmallError, InvalidRequestError};
use crate::pending::Slots;
use crate::session::Session;
use crate::sftp_handle::{Calls, SFTPAttributes, SFTPHandle, SFTPStatVFS};
use core::future::Future;
use core::sync::atomic::{AtomicU32, Ordering};
use sanssh_core::sftp::{Attributes, Extension};
use sanssh_std::{Error as Below, File, OpenOptions, ReadDir, Sftp};
use std::sync::{Arc, Mutex, PoisonError};

/// [`SFTP::open`]: for reading.
pub const LIBSSH2_FXF_READ: u32 = 1;
/// [`SFTP::open`]: for writing.
pub const LIBSSH2_FXF_WRITE: u32 = 2;
/// [`SFTP::open`]: every write goes to the end.
pub const LIBSSH2_FXF_APPEND: u32 = 4;
/// [`SFTP::open`]: made if it is not there.
pub const LIBSSH2_FXF_CREAT: u32 = 8;
/// [`SFTP::open`]: emptied if it is there.
pub const LIBSSH2_FXF_TRUNC: u32 = 16;
/// [`SFTP::open`]: made, and refused if it is there.
pub const LIBSSH2_FXF_EXCL: u32 = 32;
/// [`SFTP::open_ex`]: a file.
pub const LIBSSH2_SFTP_OPENFILE: i32 = 0;
/// [`SFTP::open_ex`]: a directory.
pub const LIBSSH2_SFTP_OPENDIR: i32 = 1;

/// The bits of a mode that tell the kind.
pub const LIBSSH2_SFTP_S_IFMT: u32 = 0o170_000;
/// A FIFO.
pub const LIBSSH2_SFTP_S_IFIFO: u32 = 0o010_000;
/// A character device.
pub const LIBSSH2_SFTP_S_IFCHR: u32 = 0o020_000;
/// A directory.
pub const LIBSSH2_SFTP_S_IFDIR: u32 = 0o040_000;
/// A block device.
pub const LIBSSH2_SFTP_S_IFBLK: u32 = 0o060_000;
/// A file.
pub const LIBSSH2_SFTP_S_IFREG: u32 = 0o100_000;
/// A symbolic link.
pub const LIBSSH2_SFTP_S_IFLNK: u32 = 0o120_000;
/// A socket.
pub const LIBSSH2_SFTP_S_IFSOCK: u32 = 0o140_000;
/// The owner may do anything.
pub const LIBSSH2_SFTP_S_IRWXU: u32 = 0o700;
/// The owner may read.
pub const LIBSSH2_SFTP_S_IRUSR: u32 = 0o400;
/// The owner may write.
pub const LIBSSH2_SFTP_S_IWUSR: u32 = 0o200;
/// The owner may run it.
pub const LIBSSH2_SFTP_S_IXUSR: u32 = 0o100;
/// The group may do anything.
pub const LIBSSH2_SFTP_S_IRWXG: u32 = 0o070;
/// The group may read.
pub const LIBSSH2_SFTP_S_IRGRP: u32 = 0o040;
/// The group may write.
pub const LIBSSH2_SFTP_S_IWGRP: u32 = 0o020;
/// The group may run it.
pub const LIBSSH2_SFTP_S_IXGRP: u32 = 0o010;
/// Others may do anything.
pub const LIBSSH2_SFTP_S_IRWXO: u32 = 0o007;
/// Others may read.
pub const LIBSSH2_SFTP_S_IROTH: u32 = 0o004;
/// Others may write.
pub const LIBSSH2_SFTP_S_IWOTH: u32 = 0o002;
/// Others may run it.
pub const LIBSSH2_SFTP_S_IXOTH: u32 = 0o001;

/// [`SFTPStatVFS::f_flag`]: nothing can be written.
pub const LIBSSH2_SFTP_ST_RDONLY: u64 = 1;
/// [`SFTPStatVFS::f_flag`]: nothing runs as its owner.
pub const LIBSSH2_SFTP_ST_NOSUID: u64 = 2;

/// The files of a server, `ssh2.sftp.SFTP`. Clones are the same dialogue, which ends when they and all handles are gone.
/// Paths are bytes; those that do not begin with a slash begin where the server has the user begin.
///
/// What a server refuses raises `SFTPProtocolError`, with its code in [`Error::status`] and its words in the text; the
/// documented library has the code in [`last_error`](Self::last_error) alone, which is here as well.
#[expect(clippy::upper_case_acronyms, reason = "it is documented so")]
#[derive(Debug, Clone)]
pub struct SFTP {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    session: Session,
    /// Nothing once it is shut down.
    inner: Mutex<Option<Sftp>>,
    /// The code of the last operation.
    last: AtomicU32,
    files: Slots<File>,
    directories: Slots<ReadDir>,
    names: Slots<Vec<u8>>,
    calls: Calls,
}

impl Session {
    /// Starts SFTP on a channel of its own.
    ///
    /// # Errors
    /// `InvalidRequestError` before the login; `ChannelFailure` or `ChannelRequestDenied` if the server has none.
    pub fn sftp_init(&self) -> Result<SFTP, Error> {
        let early = |error: Error| {
            let is_early = error.is(BadUseError);
            if is_early { Error::new(InvalidRequestError, "session not authenticated yet") } else { error }
        };
        self.note(self.logged_in().map(drop).map_err(early))?;
        let inner = self.run(&self.pending().sftp, "sftp", |client| client.begin_sftp())?;
        let shared = Shared {
            session: self.clone(),
            inner: Mutex::new(Some(inner)),
            last: AtomicU32::new(0),
            files: Slots::new(),
            directories: Slots::new(),
            names: Slots::new(),
            calls: Calls::default(),
        };
        Ok(SFTP { shared: Arc::new(shared) })
    }
}

impl SFTP {
    /// The session that it is of.
    pub fn session(&self) -> &Session {
        &self.shared.session
    }

    /// The code (`SSH_FX_`) of the server's answer to the last operation of this object or its handles; 0 if it succeeded,
    /// or failed otherwise than by an answer.
    pub fn last_error(&self) -> u32 {
        self.shared.last.load(Ordering::Relaxed)
    }

    /// The channel that it runs on, to be looked at: whoever reads or writes there breaks the dialogue. Dropping it changes
    /// nothing.
    ///
    /// # Errors
    /// `BadUseError` after [`shutdown`](Self::shutdown).
    pub fn get_channel(&self) -> Result<Channel, Error> {
        let never = || Error::new(BadUseError, "it does not run on a channel");
        let channel = self.inner()?.channel().ok_or_else(never);
        Ok(Channel::borrowed(self.session(), self.session().note(channel)?))
    }

    /// Ends it, once its handles are gone too. Not of the documentation, but of libssh2.
    ///
    /// # Errors
    /// None; what is called afterwards raises `BadUseError`.
    pub fn shutdown(&self) -> Result<(), Error> {
        self.shared.inner.lock().unwrap_or_else(PoisonError::into_inner).take();
        Ok(())
    }

    fn inner(&self) -> Result<Sftp, Error> {
        let inner = self.shared.inner.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.session().note(inner.ok_or_else(|| Error::new(BadUseError, "it was shut down")))
    }

    /// Keeps the code of an operation, every one of which ends here.
    pub(crate) fn keep<T>(&self, outcome: Result<T, Error>) -> Result<T, Error> {
        match &outcome {
            Err(Error::Again) => {}
            Err(error) => self.shared.last.store(error.status().unwrap_or(0), Ordering::Relaxed),
            Ok(_) => self.shared.last.store(0, Ordering::Relaxed),
        }
        outcome
    }

    /// Makes a call, or goes on with one, as the session's mode says.
    pub(crate) fn run<T, F>(&self, slots: &Slots<T>, key: &str, begin: impl FnOnce() -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Below>> + Send + 'static,
    {
        self.keep(self.session().run(slots, key, |_| begin()))
    }

    // Opening.

    /// Opens a file: `LIBSSH2_FXF_`, and the permissions that it gets if it is made. No flags at all are sent as they are,
    /// and mean reading to OpenSSH.
    ///
    /// # Errors
    /// `SFTPProtocolError` as the server has it; so for all that ask for something.
    pub fn open(&self, filename: impl AsRef<[u8]>, sftp_flags: u32, mode: u32) -> Result<SFTPHandle, Error> {
        let (path, inner) = (filename.as_ref(), self.inner()?);
        let has = |flag| sftp_flags & flag != 0;
        let creates = has(LIBSSH2_FXF_CREAT) || has(LIBSSH2_FXF_EXCL);
        let options = OpenOptions {
            read: has(LIBSSH2_FXF_READ),
            write: has(LIBSSH2_FXF_WRITE),
            append: has(LIBSSH2_FXF_APPEND),
            create: has(LIBSSH2_FXF_CREAT),
            truncate: has(LIBSSH2_FXF_TRUNC),
            create_new: has(LIBSSH2_FXF_EXCL),
            mode: creates.then_some(mode),
        };
        let key = format!("{sftp_flags} {mode} {}", path.escape_ascii());
        let file = self.run(&self.shared.files, &key, || inner.begin_open(path, options))?;
        Ok(SFTPHandle::file(self, file))
    }

    /// The same, or a directory: `LIBSSH2_SFTP_OPENFILE` and `LIBSSH2_SFTP_OPENDIR`. The documented length is the slice's.
    ///
    /// # Errors
    /// As [`open`](Self::open), and `InvalidRequestError` for other types.
    pub fn open_ex(&self, filename: &[u8], flags: u32, mode: u32, open_type: i32) -> Result<SFTPHandle, Error> {
        match open_type {
            LIBSSH2_SFTP_OPENFILE => self.open(filename, flags, mode),
            LIBSSH2_SFTP_OPENDIR => self.opendir(filename),
            _ => self.session().note(Err(Error::new(InvalidRequestError, "neither a file nor a directory"))),
        }
    }

    /// Opens a directory, to list it.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn opendir(&self, path: impl AsRef<[u8]>) -> Result<SFTPHandle, Error> {
        let (path, inner) = (path.as_ref(), self.inner()?);
        let key = path.escape_ascii().to_string();
        let directory = self.run(&self.shared.directories, &key, || inner.begin_read_dir(path))?;
        Ok(SFTPHandle::directory(self, directory))
    }

    // Asking and changing.

    /// What is said of a file; links are followed.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn stat(&self, path: impl AsRef<[u8]>) -> Result<SFTPAttributes, Error> {
        self.told("stat", path.as_ref(), Sftp::begin_metadata)
    }

    /// What is said of a file, or of a link itself.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn lstat(&self, path: impl AsRef<[u8]>) -> Result<SFTPAttributes, Error> {
        self.told("lstat", path.as_ref(), Sftp::begin_symlink_metadata)
    }

    fn told<F>(&self, call: &str, path: &[u8], begin: impl FnOnce(&Sftp, &[u8]) -> F) -> Result<SFTPAttributes, Error>
    where
        F: Future<Output = Result<Attributes<'static>, Below>> + Send + 'static,
    {
        let inner = self.inner()?;
        let key = format!("{call} {}", path.escape_ascii());
        Ok(self.run(&self.shared.calls.attributes, &key, || begin(&inner, path))?.into())
    }

    /// Sets what `attrs.flags` names, and nothing else; links are followed.
    ///
    /// # Errors
    /// As [`open`](Self::open), and `OutOfBoundaryError` for numbers that there is no room for.
    pub fn setstat(&self, path: impl AsRef<[u8]>, attrs: &SFTPAttributes) -> Result<(), Error> {
        let attributes = self.session().note(Attributes::try_from(attrs))?;
        self.done(&format!("setstat {attrs:?}"), path.as_ref(), |sftp, path| {
            sftp.begin_set_attributes(path, attributes)
        })
    }

    /// The space of the file system that holds the path.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn statvfs(&self, path: impl AsRef<[u8]>) -> Result<SFTPStatVFS, Error> {
        let (path, inner) = (path.as_ref(), self.inner()?);
        let key = path.escape_ascii().to_string();
        Ok(self.run(&self.shared.calls.space, &key, || inner.begin_stat_vfs(path))?.into())
    }

    /// Makes a directory with these permissions, less the server's mask.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn mkdir(&self, path: impl AsRef<[u8]>, mode: u32) -> Result<(), Error> {
        let attributes = Attributes { permissions: Some(mode), ..Attributes::NONE };
        self.done(&format!("mkdir {mode}"), path.as_ref(), |sftp, path| sftp.begin_create_dir(path, attributes))
    }

    /// Removes an empty directory.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn rmdir(&self, path: impl AsRef<[u8]>) -> Result<(), Error> {
        self.done("rmdir", path.as_ref(), Sftp::begin_remove_dir)
    }

    /// Removes a file, or a link.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn unlink(&self, path: impl AsRef<[u8]>) -> Result<(), Error> {
        self.done("unlink", path.as_ref(), Sftp::begin_remove_file)
    }

    /// Gives a file another name, which nothing may have: servers of version 3 do not replace it, OpenSSH's with code 4.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn rename(&self, source_filename: impl AsRef<[u8]>, dest_filename: impl AsRef<[u8]>) -> Result<(), Error> {
        self.pair("rename", source_filename.as_ref(), dest_filename.as_ref(), Sftp::begin_rename_new)
    }

    /// The same; the flags are for later versions of the protocol, and not sent. The documented lengths are the slices'.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn rename_ex(&self, source_filename: &[u8], dest_filename: &[u8], _flags: i64) -> Result<(), Error> {
        self.rename(source_filename, dest_filename)
    }

    /// Gives a file another name, whatever has that. Not of the documentation, but of libssh2.
    ///
    /// # Errors
    /// As [`open`](Self::open), also if the server cannot.
    pub fn posix_rename(
        &self,
        source_filename: impl AsRef<[u8]>,
        dest_filename: impl AsRef<[u8]>,
    ) -> Result<(), Error> {
        let (old, new) = (source_filename.as_ref(), dest_filename.as_ref());
        if !self.inner()?.has(Extension::PosixRename) {
            let lacks = Error::from(Below::Unsupported(Extension::PosixRename));
            return self.keep(self.session().note(Err(lacks)));
        }
        self.pair("posix", old, new, Sftp::begin_rename)
    }

    /// Makes a symbolic link: `path` is what it leads to, and `target` is the link, as OpenSSH has them on the wire.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn symlink(&self, path: impl AsRef<[u8]>, target: impl AsRef<[u8]>) -> Result<(), Error> {
        self.pair("symlink", path.as_ref(), target.as_ref(), Sftp::begin_symlink)
    }

    /// Where a symbolic link leads. Not of the documentation, but of libssh2.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn readlink(&self, path: impl AsRef<[u8]>) -> Result<Vec<u8>, Error> {
        let (path, inner) = (path.as_ref(), self.inner()?);
        let key = format!("link {}", path.escape_ascii());
        self.run(&self.shared.names, &key, || inner.begin_read_link(path))
    }

    /// The absolute form of a path, of at most so many bytes; the documented default of `max_len` is 256.
    ///
    /// # Errors
    /// As [`open`](Self::open), and `BufferTooSmallError` if it is longer.
    pub fn realpath(&self, path: impl AsRef<[u8]>, max_len: usize) -> Result<Vec<u8>, Error> {
        let (path, inner) = (path.as_ref(), self.inner()?);
        let key = format!("real {}", path.escape_ascii());
        let real = self.run(&self.shared.names, &key, || inner.begin_canonicalize(path))?;
        if real.len() > max_len {
            let text = format!("the path has {} bytes", real.len());
            return self.session().note(Err(Error::new(BufferTooSmallError, text)));
        }
        Ok(real)
    }

    fn done<F>(&self, call: &str, path: &[u8], begin: impl FnOnce(&Sftp, &[u8]) -> F) -> Result<(), Error>
    where
        F: Future<Output = Result<(), Below>> + Send + 'static,
    {
        let inner = self.inner()?;
        let key = format!("{call} {}", path.escape_ascii());
        self.run(&self.shared.calls.done, &key, || begin(&inner, path))
    }

    fn pair<F>(
        &self,
        call: &str,
        one: &[u8],
        other: &[u8],
        begin: impl FnOnce(&Sftp, &[u8], &[u8]) -> F,
    ) -> Result<(), Error>
    where
        F: Future<Output = Result<(), Below>> + Send + 'static,
    {
        self.done(&format!("{call} {}", one.escape_ascii()), other, |sftp, other| begin(sftp, one, other))
    }
}
