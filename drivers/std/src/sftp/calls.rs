//! What can be asked of a server about its files by their paths, waiting for each answer.

use super::begin::Names;
use super::{File, OpenOptions, Sftp};
use crate::Error;
use sanssh_core::sftp::{Attributes, Request, StatVfs};

impl Sftp {
    /// Opens a file.
    ///
    /// # Errors
    /// [`Error::Sftp`] as the server has it, or those of the connection; so for all calls here.
    pub fn open(&self, path: impl AsRef<[u8]>, options: OpenOptions) -> Result<File, Error> {
        self.limits()?;
        self.share.block(self.begin_open(path.as_ref(), options))
    }

    /// What is said of a file; links are followed.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn metadata(&self, path: impl AsRef<[u8]>) -> Result<Attributes<'static>, Error> {
        self.share.block(self.begin_metadata(path.as_ref()))
    }

    /// What is said of a file, or of a link itself.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn symlink_metadata(&self, path: impl AsRef<[u8]>) -> Result<Attributes<'static>, Error> {
        self.share.block(self.begin_symlink_metadata(path.as_ref()))
    }

    /// Sets what the attributes hold; links are followed.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn set_attributes(&self, path: impl AsRef<[u8]>, attributes: &Attributes<'_>) -> Result<(), Error> {
        let path = path.as_ref();
        self.share.block(self.share.done(&Request::Setstat { path, attributes: *attributes }, path))
    }

    /// Sets what the attributes hold, of a link itself.
    ///
    /// # Errors
    /// As [`open`](Self::open), and [`Error::Unsupported`] where the server cannot; so for all that are extensions.
    pub fn set_symlink_attributes(&self, path: impl AsRef<[u8]>, attributes: &Attributes<'_>) -> Result<(), Error> {
        let path = path.as_ref();
        self.share.block(self.share.done(&Request::Lsetstat { path, attributes: *attributes }, path))
    }

    /// Removes a file, or a link.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn remove_file(&self, path: impl AsRef<[u8]>) -> Result<(), Error> {
        self.share.block(self.begin_remove_file(path.as_ref()))
    }

    /// Makes a directory.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn create_dir(&self, path: impl AsRef<[u8]>, attributes: &Attributes<'_>) -> Result<(), Error> {
        let path = path.as_ref();
        self.share.block(self.share.done(&Request::Mkdir { path, attributes: *attributes }, path))
    }

    /// Removes an empty directory.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn remove_dir(&self, path: impl AsRef<[u8]>) -> Result<(), Error> {
        self.share.block(self.begin_remove_dir(path.as_ref()))
    }

    /// Gives a file another name. What has that name is replaced if the server can do so, and otherwise in the way.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn rename(&self, from: impl AsRef<[u8]>, to: impl AsRef<[u8]>) -> Result<(), Error> {
        self.share.block(self.begin_rename(from.as_ref(), to.as_ref()))
    }

    /// Gives a file another name, which nothing may have.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn rename_new(&self, from: impl AsRef<[u8]>, to: impl AsRef<[u8]>) -> Result<(), Error> {
        self.share.block(self.begin_rename_new(from.as_ref(), to.as_ref()))
    }

    /// The absolute form of a path: an empty one is where relative paths begin.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn canonicalize(&self, path: impl AsRef<[u8]>) -> Result<Vec<u8>, Error> {
        self.share.block(self.begin_canonicalize(path.as_ref()))
    }

    /// The same with `~` understood.
    ///
    /// # Errors
    /// As [`set_symlink_attributes`](Self::set_symlink_attributes).
    pub fn expand_path(&self, path: impl AsRef<[u8]>) -> Result<Vec<u8>, Error> {
        self.share.block(self.begin_expand_path(path.as_ref()))
    }

    /// The home of a user; no name is the user's own.
    ///
    /// # Errors
    /// As [`set_symlink_attributes`](Self::set_symlink_attributes).
    pub fn home_directory(&self, user: impl AsRef<[u8]>) -> Result<Vec<u8>, Error> {
        self.share.block(self.begin_home_directory(user.as_ref()))
    }

    /// Where a symbolic link leads.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn read_link(&self, path: impl AsRef<[u8]>) -> Result<Vec<u8>, Error> {
        self.share.block(self.begin_read_link(path.as_ref()))
    }

    /// Makes a symbolic link that leads to `target`.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn symlink(&self, target: impl AsRef<[u8]>, link: impl AsRef<[u8]>) -> Result<(), Error> {
        self.share.block(self.begin_symlink(target.as_ref(), link.as_ref()))
    }

    /// Gives a file a second name.
    ///
    /// # Errors
    /// As [`set_symlink_attributes`](Self::set_symlink_attributes).
    pub fn hard_link(&self, old: impl AsRef<[u8]>, new: impl AsRef<[u8]>) -> Result<(), Error> {
        self.share.block(self.begin_hard_link(old.as_ref(), new.as_ref()))
    }

    /// The space of the file system that holds the path.
    ///
    /// # Errors
    /// As [`set_symlink_attributes`](Self::set_symlink_attributes).
    pub fn stat_vfs(&self, path: impl AsRef<[u8]>) -> Result<StatVfs, Error> {
        self.share.block(self.begin_stat_vfs(path.as_ref()))
    }

    /// Has the server copy a file into another, which is emptied before, or made with the permissions of the first.
    ///
    /// # Errors
    /// As [`set_symlink_attributes`](Self::set_symlink_attributes).
    pub fn copy(&self, from: impl AsRef<[u8]>, to: impl AsRef<[u8]>) -> Result<(), Error> {
        self.share.block(self.begin_copy(from.as_ref(), to.as_ref()))
    }

    /// The names of users and groups by their numbers, in that order; empty where there is none.
    ///
    /// # Errors
    /// As [`set_symlink_attributes`](Self::set_symlink_attributes).
    pub fn accounts(&self, users: &[u32], groups: &[u32]) -> Result<(Names, Names), Error> {
        self.share.block(self.begin_accounts(users, groups))
    }
}
