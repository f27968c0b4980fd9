//! What extensions answer (OpenSSH's PROTOCOL §4.4, §4.8, §4.11): numbers in a row, and lists of names.

use crate::wire::{Malformed, Reader, Sink, Strings};

/// Declares a row of `uint64`.
macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident { $($(#[$fdoc:meta])* $field:ident),* $(,)? })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        pub struct $name { $($(#[$fdoc])* pub $field: u64),* }

        impl $name {
            pub(super) fn read(bytes: &[u8]) -> Result<Self, Malformed> {
                let mut reader = Reader::new(bytes);
                $(let $field = reader.u64()?;)*
                reader.end()?;
                Ok(Self { $($field),* })
            }

            pub(super) fn write(&self, sink: &mut (impl Sink + ?Sized)) {
                $(sink.u64(self.$field);)*
            }
        }
    )*};
}

numbers! {
    /// How large requests may be; 0 where the server does not say.
    Limits {
        /// Bytes of a packet.
        packet,
        /// Bytes that READ gives at most.
        read,
        /// Bytes that WRITE takes at most.
        write,
        /// Files and directories open at a time.
        handles,
    }
    /// The space of a file system, as statvfs(3) has it.
    StatVfs {
        /// Bytes of a block as transfers want it.
        block_size,
        /// Bytes of a block as the numbers below count it.
        fragment_size,
        /// Blocks.
        blocks,
        /// Blocks that are free.
        free,
        /// Blocks that are free to this user.
        available,
        /// Files that there can be.
        files,
        /// Files that there still can be.
        files_free,
        /// Files that there still can be of this user.
        files_available,
        /// Which file system.
        id,
        /// 1 if it is read-only, 2 if it ignores set-user-ID.
        flags,
        /// Bytes of the longest name.
        longest_name,
    }
}

/// The names of users and groups, in the order in which their numbers were asked for; empty where there is none.
#[derive(Debug, Clone, Copy)]
pub struct Accounts<'a> {
    /// Names of users.
    pub users: Strings<'a>,
    /// Names of groups.
    pub groups: Strings<'a>,
}

impl<'a> Accounts<'a> {
    /// As many names as numbers were asked for, or it is no answer.
    pub(super) fn read(bytes: &'a [u8], users: usize, groups: usize) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let accounts = Self {
            users: Strings::decode(reader.string()?, users)?,
            groups: Strings::decode(reader.string()?, groups)?,
        };
        reader.end()?;
        let whole = accounts.users.count() == users && accounts.groups.count() == groups;
        if whole { Ok(accounts) } else { Err(Malformed) }
    }
}
