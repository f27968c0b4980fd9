//! How a file on the server is opened.

use sanssh_core::sftp::{Access, Attributes};

/// How to open a file; the rest by struct update from the default, which opens for reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenOptions {
    /// For reading.
    pub read: bool,
    /// For writing.
    pub write: bool,
    /// Every write goes to the end.
    pub append: bool,
    /// Made if it is not there.
    pub create: bool,
    /// Emptied if it is there.
    pub truncate: bool,
    /// Made, and refused if it is there.
    pub create_new: bool,
    /// Permissions if it is made, less the server's mask; the server's choice without.
    pub mode: Option<u32>,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self::READ
    }
}

impl OpenOptions {
    /// For reading.
    pub const READ: Self =
        Self { read: true, write: false, append: false, create: false, truncate: false, create_new: false, mode: None };
    /// For writing what is emptied if it is there, and made otherwise.
    pub const CREATE: Self = Self { read: false, write: true, create: true, truncate: true, ..Self::READ };

    pub(super) fn access(&self) -> Access {
        let flags = [
            (self.read, Access::READ),
            (self.write || self.append, Access::WRITE),
            (self.append, Access::APPEND),
            (self.create || self.create_new, Access::CREATE),
            (self.truncate, Access::TRUNCATE),
            (self.create_new, Access::EXCLUSIVE),
        ];
        let chosen = flags.into_iter().filter(|(wanted, _)| *wanted);
        chosen.fold(Access(0), |access, (_, flag)| access.and(flag))
    }

    pub(super) const fn attributes(&self) -> Attributes<'static> {
        Attributes { permissions: self.mode, ..Attributes::NONE }
    }
}
