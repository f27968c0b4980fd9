//! The calls of SFTP as futures that need no runtime: each is one question and one answer, or a few of them in a row.

use super::desk::{Answer, Remote};
use super::share::{Share, status};
use super::{File, OpenOptions, ReadDir, Sftp};
use crate::Error;
use sanssh_core::sftp::{Attributes, Code, Extension, Request, StatVfs};
use std::sync::Arc;

/// Names of users or groups, in the order of their numbers.
pub(super) type Names = Vec<Vec<u8>>;

/// What came is not what was asked for: the machine lets nothing of the kind through.
const fn unexpected() -> Error {
    Error::SftpStream(sanssh_core::sftp::Error::Unexpected(0))
}

/// Calls that are begun and not waited for; see [`Client::advance`](crate::Client::advance). Each is what the call of the
/// same name without `begin` waits for. One that is dropped half-way may take place all the same.
impl Sftp {
    /// As [`open`](Self::open), begun.
    pub fn begin_open(&self, path: &[u8], options: OpenOptions) -> impl Future<Output = Result<File, Error>> + use<> {
        let (share, limits, path) = (Arc::clone(&self.share), self.begin_limits(), path.to_vec());
        async move {
            let limits = limits.await?;
            let request = Request::Open { path: &path, access: options.access(), attributes: options.attributes() };
            Ok(File::new(&share, share.handle(&request, &path).await?, &path, limits))
        }
    }

    /// As [`read_dir`](Self::read_dir), begun.
    pub fn begin_read_dir(&self, path: &[u8]) -> impl Future<Output = Result<ReadDir, Error>> + use<> {
        let (share, path) = (Arc::clone(&self.share), path.to_vec());
        async move {
            let handle = share.handle(&Request::Opendir { path: &path }, &path).await?;
            Ok(ReadDir::new(share, handle, path))
        }
    }

    /// As [`metadata`](Self::metadata), begun.
    pub fn begin_metadata(&self, path: &[u8]) -> impl Future<Output = Result<Attributes<'static>, Error>> + use<> {
        let (share, path) = (Arc::clone(&self.share), path.to_vec());
        async move { share.attributes(&Request::Stat { path: &path }, &path).await }
    }

    /// As [`symlink_metadata`](Self::symlink_metadata), begun.
    pub fn begin_symlink_metadata(
        &self,
        path: &[u8],
    ) -> impl Future<Output = Result<Attributes<'static>, Error>> + use<> {
        let (share, path) = (Arc::clone(&self.share), path.to_vec());
        async move { share.attributes(&Request::Lstat { path: &path }, &path).await }
    }

    /// As [`set_attributes`](Self::set_attributes), begun.
    pub fn begin_set_attributes(
        &self,
        path: &[u8],
        attributes: Attributes<'static>,
    ) -> impl Future<Output = Result<(), Error>> + use<> {
        let (share, path) = (Arc::clone(&self.share), path.to_vec());
        async move { share.done(&Request::Setstat { path: &path, attributes }, &path).await }
    }

    /// As [`set_symlink_attributes`](Self::set_symlink_attributes), begun.
    pub fn begin_set_symlink_attributes(
        &self,
        path: &[u8],
        attributes: Attributes<'static>,
    ) -> impl Future<Output = Result<(), Error>> + use<> {
        let (share, path) = (Arc::clone(&self.share), path.to_vec());
        async move { share.done(&Request::Lsetstat { path: &path, attributes }, &path).await }
    }

    /// As [`remove_file`](Self::remove_file), begun.
    pub fn begin_remove_file(&self, path: &[u8]) -> impl Future<Output = Result<(), Error>> + use<> {
        let (share, path) = (Arc::clone(&self.share), path.to_vec());
        async move { share.done(&Request::Remove { path: &path }, &path).await }
    }

    /// As [`create_dir`](Self::create_dir), begun.
    pub fn begin_create_dir(
        &self,
        path: &[u8],
        attributes: Attributes<'static>,
    ) -> impl Future<Output = Result<(), Error>> + use<> {
        let (share, path) = (Arc::clone(&self.share), path.to_vec());
        async move { share.done(&Request::Mkdir { path: &path, attributes }, &path).await }
    }

    /// As [`remove_dir`](Self::remove_dir), begun.
    pub fn begin_remove_dir(&self, path: &[u8]) -> impl Future<Output = Result<(), Error>> + use<> {
        let (share, path) = (Arc::clone(&self.share), path.to_vec());
        async move { share.done(&Request::Rmdir { path: &path }, &path).await }
    }

    /// As [`rename`](Self::rename), begun.
    pub fn begin_rename(&self, old: &[u8], new: &[u8]) -> impl Future<Output = Result<(), Error>> + use<> {
        let (share, old, new) = (Arc::clone(&self.share), old.to_vec(), new.to_vec());
        let replaces = self.has(Extension::PosixRename);
        async move {
            let (old, new) = (&*old, &*new);
            let request = if replaces { Request::PosixRename { old, new } } else { Request::Rename { old, new } };
            share.done(&request, old).await
        }
    }

    /// As [`rename_new`](Self::rename_new), begun.
    pub fn begin_rename_new(&self, old: &[u8], new: &[u8]) -> impl Future<Output = Result<(), Error>> + use<> {
        let (share, old, new) = (Arc::clone(&self.share), old.to_vec(), new.to_vec());
        async move { share.done(&Request::Rename { old: &old, new: &new }, &old).await }
    }

    /// As [`canonicalize`](Self::canonicalize), begun.
    pub fn begin_canonicalize(&self, path: &[u8]) -> impl Future<Output = Result<Vec<u8>, Error>> + use<> {
        let (share, path) = (Arc::clone(&self.share), path.to_vec());
        async move { share.name(&Request::Realpath { path: &path }, &path).await }
    }

    /// As [`expand_path`](Self::expand_path), begun.
    pub fn begin_expand_path(&self, path: &[u8]) -> impl Future<Output = Result<Vec<u8>, Error>> + use<> {
        let (share, path) = (Arc::clone(&self.share), path.to_vec());
        async move { share.name(&Request::ExpandPath { path: &path }, &path).await }
    }

    /// As [`home_directory`](Self::home_directory), begun.
    pub fn begin_home_directory(&self, user: &[u8]) -> impl Future<Output = Result<Vec<u8>, Error>> + use<> {
        let (share, user) = (Arc::clone(&self.share), user.to_vec());
        async move { share.name(&Request::HomeDirectory { user: &user }, &user).await }
    }

    /// As [`read_link`](Self::read_link), begun.
    pub fn begin_read_link(&self, path: &[u8]) -> impl Future<Output = Result<Vec<u8>, Error>> + use<> {
        let (share, path) = (Arc::clone(&self.share), path.to_vec());
        async move { share.name(&Request::Readlink { path: &path }, &path).await }
    }

    /// As [`symlink`](Self::symlink), begun.
    pub fn begin_symlink(&self, target: &[u8], link: &[u8]) -> impl Future<Output = Result<(), Error>> + use<> {
        let (share, target, link) = (Arc::clone(&self.share), target.to_vec(), link.to_vec());
        async move { share.done(&Request::Symlink { target: &target, link: &link }, &link).await }
    }

    /// As [`hard_link`](Self::hard_link), begun.
    pub fn begin_hard_link(&self, old: &[u8], new: &[u8]) -> impl Future<Output = Result<(), Error>> + use<> {
        let (share, old, new) = (Arc::clone(&self.share), old.to_vec(), new.to_vec());
        async move { share.done(&Request::Hardlink { old: &old, new: &new }, &new).await }
    }

    /// As [`stat_vfs`](Self::stat_vfs), begun.
    pub fn begin_stat_vfs(&self, path: &[u8]) -> impl Future<Output = Result<StatVfs, Error>> + use<> {
        let (share, path) = (Arc::clone(&self.share), path.to_vec());
        async move { share.space(&Request::StatVfs { path: &path }, &path).await }
    }

    /// As [`copy`](Self::copy), begun.
    pub fn begin_copy(&self, from: &[u8], to: &[u8]) -> impl Future<Output = Result<(), Error>> + use<> {
        let (sftp, from, to) = (self.clone(), from.to_vec(), to.to_vec());
        async move {
            if !sftp.has(Extension::CopyData) {
                return Err(Error::Unsupported(Extension::CopyData));
            }
            // It would be emptied before it is read.
            let (one, other) = (sftp.begin_canonicalize(&from).await, sftp.begin_canonicalize(&to).await);
            if one.is_ok_and(|one| other.is_ok_and(|other| one == other)) {
                return Err(status(Code::FAILURE, "it is the same file".to_owned(), &to));
            }
            let source = sftp.begin_open(&from, OpenOptions::READ).await?;
            let mode = source.begin_metadata().await?.permissions.map(|mode| mode & 0o777);
            let target = sftp.begin_open(&to, OpenOptions { mode, ..OpenOptions::CREATE }).await?;
            source.begin_copy_data(0, 0, &target, 0).await?;
            target.begin_close().await
        }
    }

    /// As [`accounts`](Self::accounts), begun.
    pub fn begin_accounts(
        &self,
        users: &[u32],
        groups: &[u32],
    ) -> impl Future<Output = Result<(Names, Names), Error>> + use<> {
        let share = Arc::clone(&self.share);
        let [users, groups] =
            [users, groups].map(|all| all.iter().flat_map(|id| id.to_be_bytes()).collect::<Vec<u8>>());
        async move {
            let request = Request::UsersGroupsById { users: &users, groups: &groups };
            let Answer::Accounts(users, groups) = share.call(&request, b"").await? else { return Err(unexpected()) };
            Ok((users, groups))
        }
    }
}

/// Calls by what answers them.
impl Share {
    pub(super) async fn done(&self, request: &Request<'_>, path: &[u8]) -> Result<(), Error> {
        self.call(request, path).await.map(drop)
    }

    async fn handle(&self, request: &Request<'_>, path: &[u8]) -> Result<Remote, Error> {
        let Answer::Handle(handle) = self.call(request, path).await? else { return Err(unexpected()) };
        Ok(handle.into())
    }

    pub(super) async fn attributes(&self, request: &Request<'_>, path: &[u8]) -> Result<Attributes<'static>, Error> {
        let Answer::Attributes(attributes) = self.call(request, path).await? else { return Err(unexpected()) };
        Ok(attributes)
    }

    async fn name(&self, request: &Request<'_>, path: &[u8]) -> Result<Vec<u8>, Error> {
        let Answer::Names(names) = self.call(request, path).await? else { return Err(unexpected()) };
        names.into_iter().next().map(|entry| entry.name).ok_or_else(unexpected)
    }

    pub(super) async fn space(&self, request: &Request<'_>, path: &[u8]) -> Result<StatVfs, Error> {
        let Answer::StatVfs(space) = self.call(request, path).await? else { return Err(unexpected()) };
        Ok(space)
    }
}
