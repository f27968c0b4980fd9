//! Directories with everything below them: from the server, and to it.

use super::copy::Tell;
use super::{Copy, Progress, Sftp};
use crate::Error;
use std::path::Path;

impl Sftp {
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
        let _: (&[u8], &Path, &Copy, Tell<'_>) = (remote.as_ref(), local.as_ref(), copy, progress);
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
        let _: (&Path, &[u8], &Copy, Tell<'_>) = (local.as_ref(), remote.as_ref(), copy, progress);
        Err(Error::Refused(sanssh_core::Refused::NotYet))
    }
}
