//! Whole files: from the server, and to it.

use super::Sftp;
use crate::Error;
use std::path::Path;

/// How files are copied; the rest by struct update from the default.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Copy {
    /// Goes on where the target ends, which is taken for the beginning of the source.
    pub resume: bool,
    /// Gives the target the times and the permissions of the source.
    pub preserve: bool,
    /// Leaves holes in the target where the source has nothing but zeros.
    pub sparse: bool,
    /// Has the target reach the disk before it is done.
    pub sync: bool,
    /// In trees: makes links of links, instead of what they lead to. Of one file: refuses to follow one as a target.
    pub symlinks: bool,
    /// Bytes a second at most; as fast as it goes without.
    pub limit: Option<u64>,
}

/// How far a copy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress<'a> {
    /// The path of the source.
    pub name: &'a [u8],
    /// Bytes that have arrived, those of an earlier attempt among them.
    pub done: u64,
    /// Bytes of the source, where that is known.
    pub size: Option<u64>,
}

impl Sftp {
    /// Copies a file of the server's to here.
    ///
    /// # Errors
    /// [`Error::Sftp`] as the server has it, [`Error::File`] for the file here, [`Error::Cut`] for what ended the
    /// connection, with how much has arrived.
    pub fn get(
        &self,
        remote: impl AsRef<[u8]>,
        local: impl AsRef<Path>,
        copy: &Copy,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<(), Error> {
        let _ = (remote.as_ref(), local.as_ref(), copy, progress);
        Err(Error::Refused(sanssh_core::Refused::NotYet))
    }

    /// Copies a file from here to the server.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn put(
        &self,
        local: impl AsRef<Path>,
        remote: impl AsRef<[u8]>,
        copy: &Copy,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<(), Error> {
        let _ = (remote.as_ref(), local.as_ref(), copy, progress);
        Err(Error::Refused(sanssh_core::Refused::NotYet))
    }

    /// Copies a directory of the server's, and what is below it, to here. The target is made if it is not there.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn get_tree(
        &self,
        remote: impl AsRef<[u8]>,
        local: impl AsRef<Path>,
        copy: &Copy,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<(), Error> {
        let _ = (remote.as_ref(), local.as_ref(), copy, progress);
        Err(Error::Refused(sanssh_core::Refused::NotYet))
    }

    /// Copies a directory from here, and what is below it, to the server. The target is made if it is not there.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn put_tree(
        &self,
        local: impl AsRef<Path>,
        remote: impl AsRef<[u8]>,
        copy: &Copy,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<(), Error> {
        let _ = (remote.as_ref(), local.as_ref(), copy, progress);
        Err(Error::Refused(sanssh_core::Refused::NotYet))
    }
}
