//! Requests that are one question and one answer.

use super::desk::{Answer, Remote};
use super::share::{Share, status};
use super::{File, OpenOptions, Sftp};
use crate::Error;
use sanssh_core::sftp::{Attributes, Code, Extension, Request, StatVfs};

/// Names of users or groups, in the order of their numbers.
type Names = Vec<Vec<u8>>;

/// What came is not what was asked for: the machine lets nothing of the kind through.
const fn unexpected() -> Error {
    Error::SftpStream(sanssh_core::sftp::Error::Unexpected(0))
}

impl Sftp {
    /// Opens a file.
    ///
    /// # Errors
    /// [`Error::Sftp`] as the server has it, or those of the connection; so for all calls here.
    pub fn open(&self, path: impl AsRef<[u8]>, options: OpenOptions) -> Result<File, Error> {
        let path = path.as_ref();
        let limits = self.limits()?;
        let request = Request::Open { path, access: options.access(), attributes: options.attributes() };
        Ok(File::new(&self.share, self.share.handle(&request, path)?, path, limits))
    }

    /// What is said of a file; links are followed.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn metadata(&self, path: impl AsRef<[u8]>) -> Result<Attributes<'static>, Error> {
        self.share.attributes(&Request::Stat { path: path.as_ref() }, path.as_ref())
    }

    /// What is said of a file, or of a link itself.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn symlink_metadata(&self, path: impl AsRef<[u8]>) -> Result<Attributes<'static>, Error> {
        self.share.attributes(&Request::Lstat { path: path.as_ref() }, path.as_ref())
    }

    /// Sets what the attributes hold; links are followed.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn set_attributes(&self, path: impl AsRef<[u8]>, attributes: &Attributes<'_>) -> Result<(), Error> {
        let path = path.as_ref();
        self.share.done(&Request::Setstat { path, attributes: *attributes }, path)
    }

    /// Sets what the attributes hold, of a link itself.
    ///
    /// # Errors
    /// As [`open`](Self::open), and [`Error::Unsupported`] where the server cannot; so for all that are extensions.
    pub fn set_symlink_attributes(&self, path: impl AsRef<[u8]>, attributes: &Attributes<'_>) -> Result<(), Error> {
        let path = path.as_ref();
        self.share.done(&Request::Lsetstat { path, attributes: *attributes }, path)
    }

    /// Removes a file, or a link.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn remove_file(&self, path: impl AsRef<[u8]>) -> Result<(), Error> {
        self.share.done(&Request::Remove { path: path.as_ref() }, path.as_ref())
    }

    /// Makes a directory.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn create_dir(&self, path: impl AsRef<[u8]>, attributes: &Attributes<'_>) -> Result<(), Error> {
        let path = path.as_ref();
        self.share.done(&Request::Mkdir { path, attributes: *attributes }, path)
    }

    /// Removes an empty directory.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn remove_dir(&self, path: impl AsRef<[u8]>) -> Result<(), Error> {
        self.share.done(&Request::Rmdir { path: path.as_ref() }, path.as_ref())
    }

    /// Gives a file another name. What has that name is replaced if the server can do so, and otherwise in the way.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn rename(&self, from: impl AsRef<[u8]>, to: impl AsRef<[u8]>) -> Result<(), Error> {
        let (old, new) = (from.as_ref(), to.as_ref());
        if self.has(Extension::PosixRename) {
            return self.share.done(&Request::PosixRename { old, new }, old);
        }
        self.rename_new(old, new)
    }

    /// Gives a file another name, which nothing may have.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn rename_new(&self, from: impl AsRef<[u8]>, to: impl AsRef<[u8]>) -> Result<(), Error> {
        let (old, new) = (from.as_ref(), to.as_ref());
        self.share.done(&Request::Rename { old, new }, old)
    }

    /// The absolute form of a path: an empty one is where relative paths begin.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn canonicalize(&self, path: impl AsRef<[u8]>) -> Result<Vec<u8>, Error> {
        self.share.name(&Request::Realpath { path: path.as_ref() }, path.as_ref())
    }

    /// The same with `~` understood.
    ///
    /// # Errors
    /// As [`set_symlink_attributes`](Self::set_symlink_attributes).
    pub fn expand_path(&self, path: impl AsRef<[u8]>) -> Result<Vec<u8>, Error> {
        self.share.name(&Request::ExpandPath { path: path.as_ref() }, path.as_ref())
    }

    /// The home of a user; no name is the user's own.
    ///
    /// # Errors
    /// As [`set_symlink_attributes`](Self::set_symlink_attributes).
    pub fn home_directory(&self, user: impl AsRef<[u8]>) -> Result<Vec<u8>, Error> {
        self.share.name(&Request::HomeDirectory { user: user.as_ref() }, user.as_ref())
    }

    /// Where a symbolic link leads.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn read_link(&self, path: impl AsRef<[u8]>) -> Result<Vec<u8>, Error> {
        self.share.name(&Request::Readlink { path: path.as_ref() }, path.as_ref())
    }

    /// Makes a symbolic link that leads to `target`.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn symlink(&self, target: impl AsRef<[u8]>, link: impl AsRef<[u8]>) -> Result<(), Error> {
        let (target, link) = (target.as_ref(), link.as_ref());
        self.share.done(&Request::Symlink { target, link }, link)
    }

    /// Gives a file a second name.
    ///
    /// # Errors
    /// As [`set_symlink_attributes`](Self::set_symlink_attributes).
    pub fn hard_link(&self, old: impl AsRef<[u8]>, new: impl AsRef<[u8]>) -> Result<(), Error> {
        let (old, new) = (old.as_ref(), new.as_ref());
        self.share.done(&Request::Hardlink { old, new }, new)
    }

    /// The space of the file system that holds the path.
    ///
    /// # Errors
    /// As [`set_symlink_attributes`](Self::set_symlink_attributes).
    pub fn stat_vfs(&self, path: impl AsRef<[u8]>) -> Result<StatVfs, Error> {
        self.share.space(&Request::StatVfs { path: path.as_ref() }, path.as_ref())
    }

    /// Has the server copy a file into another, which is emptied before, or made with the permissions of the first.
    ///
    /// # Errors
    /// As [`set_symlink_attributes`](Self::set_symlink_attributes).
    pub fn copy(&self, from: impl AsRef<[u8]>, to: impl AsRef<[u8]>) -> Result<(), Error> {
        if !self.has(Extension::CopyData) {
            return Err(Error::Unsupported(Extension::CopyData));
        }
        let (from, to) = (from.as_ref(), to.as_ref());
        // It would be emptied before it is read.
        if let (Ok(one), Ok(other)) = (self.canonicalize(from), self.canonicalize(to))
            && one == other
        {
            return Err(status(Code::FAILURE, "it is the same file".to_owned(), to));
        }
        let source = self.open(from, OpenOptions::READ)?;
        let mode = source.metadata()?.permissions.map(|mode| mode & 0o777);
        let target = self.open(to, OpenOptions { mode, ..OpenOptions::CREATE })?;
        source.copy_data(0, 0, &target, 0)?;
        target.close()
    }

    /// The names of users and groups by their numbers, in that order; empty where there is none.
    ///
    /// # Errors
    /// As [`set_symlink_attributes`](Self::set_symlink_attributes).
    pub fn accounts(&self, users: &[u32], groups: &[u32]) -> Result<(Names, Names), Error> {
        let [users, groups] =
            [users, groups].map(|all| all.iter().flat_map(|id| id.to_be_bytes()).collect::<Vec<u8>>());
        let request = Request::UsersGroupsById { users: &users, groups: &groups };
        let Answer::Accounts(users, groups) = self.share.call(&request, b"")? else { return Err(unexpected()) };
        Ok((users, groups))
    }
}

/// Calls by what answers them.
impl Share {
    pub(super) fn done(&self, request: &Request<'_>, path: &[u8]) -> Result<(), Error> {
        self.call(request, path).map(drop)
    }

    pub(super) fn handle(&self, request: &Request<'_>, path: &[u8]) -> Result<Remote, Error> {
        let Answer::Handle(handle) = self.call(request, path)? else { return Err(unexpected()) };
        Ok(handle.into())
    }

    pub(super) fn attributes(&self, request: &Request<'_>, path: &[u8]) -> Result<Attributes<'static>, Error> {
        let Answer::Attributes(attributes) = self.call(request, path)? else { return Err(unexpected()) };
        Ok(attributes)
    }

    pub(super) fn name(&self, request: &Request<'_>, path: &[u8]) -> Result<Vec<u8>, Error> {
        let Answer::Names(names) = self.call(request, path)? else { return Err(unexpected()) };
        names.into_iter().next().map(|entry| entry.name).ok_or_else(unexpected)
    }

    pub(super) fn space(&self, request: &Request<'_>, path: &[u8]) -> Result<StatVfs, Error> {
        let Answer::StatVfs(space) = self.call(request, path)? else { return Err(unexpected()) };
        Ok(space)
    }
}
