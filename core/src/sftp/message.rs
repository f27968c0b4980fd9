//! The requests of draft-ietf-secsh-filexfer-02 §6 and of OpenSSH's PROTOCOL §4, one row each: both ends know them by the
//! same table.

use super::attributes::Attributes;
use super::extension::Extension;
use super::path;
use crate::wire::{Bytes, Field, Malformed, Reader, Sink};
use core::fmt;

/// The packet that opens the dialogue, from the client.
pub(super) const INIT: u8 = 1;
/// Its answer.
pub(super) const VERSION: u8 = 2;
/// WRITE, whose body follows its fields.
pub(super) const WRITE: u8 = 6;
/// The request whose kind is a name.
pub(super) const EXTENDED: u8 = 200;
/// How a request went.
pub(super) const STATUS: u8 = 101;
/// A handle.
pub(super) const HANDLE: u8 = 102;
/// What was read.
pub(super) const DATA: u8 = 103;
/// Names, with attributes.
pub(super) const NAME: u8 = 104;
/// Attributes.
pub(super) const ATTRS: u8 = 105;
/// What an extension answers.
pub(super) const EXTENDED_REPLY: u8 = 201;

/// How a file is opened: the `pflags` of OPEN.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Access(pub u32);

impl Access {
    /// For reading.
    pub const READ: Self = Self(1);
    /// For writing.
    pub const WRITE: Self = Self(2);
    /// Every write goes to the end.
    pub const APPEND: Self = Self(4);
    /// Made if it is not there.
    pub const CREATE: Self = Self(8);
    /// Emptied if it is there.
    pub const TRUNCATE: Self = Self(16);
    /// Refused if it is there.
    pub const EXCLUSIVE: Self = Self(32);

    /// Both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether it holds any of the other's flags.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether it changes anything, or lets anything be changed.
    pub const fn writes(self) -> bool {
        self.has(Self(Self::WRITE.0 | Self::APPEND.0 | Self::CREATE.0 | Self::TRUNCATE.0))
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Access({:#x})", self.0)
    }
}

impl<'a> Field<'a> for Access {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        reader.u32().map(Self)
    }

    fn encode(&self, sink: &mut (impl Sink + ?Sized)) {
        sink.u32(self.0);
    }

    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// How a client means the two strings of SYMLINK. Ours means them as OpenSSH does, unless the server says that it takes
/// them as the draft has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SymlinkOrder {
    /// As OpenSSH, and most after it.
    #[default]
    TargetFirst,
    /// As the draft has it.
    LinkFirst,
}

impl SymlinkOrder {
    /// The order that a server says it takes, by an extension of the Green End server.
    pub(super) fn announced(name: &[u8], value: &[u8]) -> Option<Self> {
        match (name, value) {
            (b"symlink-order@rjk.greenend.org.uk", b"linkpath-targetpath") => Some(Self::LinkFirst),
            (b"symlink-order@rjk.greenend.org.uk", b"targetpath-linkpath") => Some(Self::TargetFirst),
            _ => None,
        }
    }

    /// The order of the client that identifies itself by this line (RFC 4253 §4.2). These keep the draft's with servers that
    /// do not call themselves OpenSSH; nobody else is known to.
    pub fn of_client(identification: &[u8]) -> Self {
        let software = identification.strip_prefix(b"SSH-2.0-").unwrap_or(identification);
        let drafted = [&b"AsyncSSH_"[..], b"libssh_", b"libssh-", b"ssh2js", b"WinSCP_"];
        if drafted.iter().any(|name| software.starts_with(name)) { Self::LinkFirst } else { Self::TargetFirst }
    }
}

/// What answers a request, besides a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Status,
    Handle,
    Data,
    Names,
    Name,
    Attributes,
    Limits,
    StatVfs,
    Accounts,
}

/// A path: not empty, and without NUL.
type Path<'a> = &'a [u8];
/// A path, or nothing for where relative paths start.
type Start<'a> = &'a [u8];
/// A user's name without NUL, or nothing for the user's own.
type User<'a> = &'a [u8];

/// Declares requests, their fields in the order of the wire. A field of kind `H` is a handle: a
/// string on the wire, and whatever a server makes of it. Behind the fields stand what answers it and whether it changes files.
macro_rules! requests {
    (
        numbered { $($(#[$doc:meta])* $number:literal $name:ident {
            $($(#[$fdoc:meta])* $field:ident: $kind:ident $(<$life:lifetime>)?),* $(,)?
        } -> $answer:ident $($changes:ident)?;)* }
        extended { $($(#[$xdoc:meta])* $xname:ident {
            $($(#[$xfdoc:meta])* $xfield:ident: $xkind:ident $(<$xlife:lifetime>)?),* $(,)?
        } -> $xanswer:ident $($xchanges:ident)?;)* }
    ) => {
        /// What a client asks for; `H` is what handles are to whoever looks.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Request<'a, H = &'a [u8]> {
            $($(#[$doc])* $name { $($(#[$fdoc])* $field: $kind $(<$life>)?),* },)*
            $($(#[$xdoc])* $xname { $($(#[$xfdoc])* $xfield: $xkind $(<$xlife>)?),* },)*
        }

        impl<'a> Request<'a> {
            /// Reads the fields behind type and identifier; `None` if the request is not known.
            pub(super) fn read(number: u8, reader: &mut Reader<'a>) -> Result<Option<Self>, Malformed> {
                Ok(Some(match number {
                    $($number => Self::$name { $($field: reader.read()?),* },)*
                    EXTENDED => match Extension::named(reader.string()?) {
                        $(Some(Extension::$xname) => Self::$xname { $($xfield: reader.read()?),* },)*
                        None => return Ok(None),
                    },
                    _ => return Ok(None),
                }))
            }

            /// Writes type, identifier and fields.
            pub(super) fn write(&self, id: u32, sink: &mut impl Sink) {
                match self {
                    $(Self::$name { $($field),* } => {
                        sink.u8($number);
                        sink.u32(id);
                        $(Field::encode($field, sink);)*
                    })*
                    $(Self::$xname { $($xfield),* } => {
                        sink.u8(EXTENDED);
                        sink.u32(id);
                        sink.string(Extension::$xname.name().as_bytes());
                        $(Field::encode($xfield, sink);)*
                    })*
                }
            }
        }

        impl<'a, H> Request<'a, H> {
            /// The extension that it belongs to.
            pub const fn extension(&self) -> Option<Extension> {
                match self {
                    $(Self::$name { .. } => None,)*
                    $(Self::$xname { .. } => Some(Extension::$xname),)*
                }
            }

            /// What answers it, besides a status.
            pub(super) const fn answer(&self) -> Answer {
                match self {
                    $(Self::$name { .. } => Answer::$answer,)*
                    $(Self::$xname { .. } => Answer::$xanswer,)*
                }
            }

            /// Whether it may change files.
            pub(super) const fn changes(&self) -> bool {
                match self {
                    $(Self::$name { .. } => requests!(@changes $($changes)?),)*
                    $(Self::$xname { .. } => requests!(@changes $($xchanges)?),)*
                }
            }

            /// Whether its paths could name anything.
            pub(super) fn is_sound(&self) -> bool {
                match self {
                    $(Self::$name { $($field),* } => true $(&& requests!(@sound $kind $field))*,)*
                    $(Self::$xname { $($xfield),* } => true $(&& requests!(@sound $xkind $xfield))*,)*
                }
            }

            /// The same request with what `find` makes of each handle.
            pub(super) fn resolve<K, E>(self, find: impl Fn(H) -> Result<K, E>) -> Result<Request<'a, K>, E> {
                Ok(match self {
                    $(Self::$name { $($field),* } =>
                        Request::$name { $($field: requests!(@resolve $kind $field find)),* },)*
                    $(Self::$xname { $($xfield),* } =>
                        Request::$xname { $($xfield: requests!(@resolve $xkind $xfield find)),* },)*
                })
            }
        }
    };
    (@resolve H $field:ident $find:ident) => { $find($field)? };
    (@resolve $kind:ident $field:ident $find:ident) => { $field };
    (@changes) => { false };
    (@changes changes) => { true };
    (@sound Path $field:ident) => { path::is_sound($field) };
    (@sound Start $field:ident) => { !$field.contains(&0) };
    (@sound User $field:ident) => { !$field.contains(&0) };
    (@sound $kind:ident $field:ident) => {{ let _ = $field; true }};
}

requests! {
    numbered {
        /// §6.3: answered by a handle.
        3 Open {
            /// Which file.
            path: Path<'a>,
            /// How.
            access: Access,
            /// What it gets if it is made.
            attributes: Attributes<'a>,
        } -> Handle;
        /// §6.3: the handle is not valid any more, however this goes.
        4 Close {
            /// Of a file or a directory.
            handle: H,
        } -> Status;
        /// §6.4: answered by data, or by the status of the end.
        5 Read {
            /// Of a file.
            handle: H,
            /// Where, in bytes.
            offset: u64,
            /// How many bytes, at most.
            length: u32,
        } -> Data;
        /// §6.4: as many bytes follow the request.
        6 Write {
            /// Of a file.
            handle: H,
            /// Where, in bytes.
            offset: u64,
            /// How many bytes.
            length: u32,
        } -> Status changes;
        /// §6.8: the attributes of a path; a link is not followed.
        7 Lstat {
            /// Which.
            path: Path<'a>,
        } -> Attributes;
        /// §6.8: the attributes of an open file.
        8 Fstat {
            /// Of a file or a directory.
            handle: H,
        } -> Attributes;
        /// §6.9: sets what the attributes hold.
        9 Setstat {
            /// Of which.
            path: Path<'a>,
            /// To what.
            attributes: Attributes<'a>,
        } -> Status changes;
        /// §6.9: the same of an open file.
        10 Fsetstat {
            /// Of a file or a directory.
            handle: H,
            /// To what.
            attributes: Attributes<'a>,
        } -> Status changes;
        /// §6.7: answered by a handle.
        11 Opendir {
            /// Which directory.
            path: Path<'a>,
        } -> Handle;
        /// §6.7: answered by the next names, or by the status of the end.
        12 Readdir {
            /// Of a directory.
            handle: H,
        } -> Names;
        /// §6.5: removes a file.
        13 Remove {
            /// Which.
            path: Path<'a>,
        } -> Status changes;
        /// §6.6: makes a directory.
        14 Mkdir {
            /// Which.
            path: Path<'a>,
            /// What it gets.
            attributes: Attributes<'a>,
        } -> Status changes;
        /// §6.6: removes an empty directory.
        15 Rmdir {
            /// Which.
            path: Path<'a>,
        } -> Status changes;
        /// §6.11: the absolute form of a path, answered by one name.
        16 Realpath {
            /// Which.
            path: Start<'a>,
        } -> Name;
        /// §6.8: the attributes of a path; a link is followed.
        17 Stat {
            /// Which.
            path: Path<'a>,
        } -> Attributes;
        /// §6.5: fails if the new name is taken.
        18 Rename {
            /// From.
            old: Path<'a>,
            /// To.
            new: Path<'a>,
        } -> Status changes;
        /// §6.10: where a symbolic link leads, answered by one name.
        19 Readlink {
            /// Which.
            path: Path<'a>,
        } -> Name;
        /// §6.10 as OpenSSH has it: the draft, and those who keep to it, have the two the other way round. See
        /// [`SymlinkOrder`].
        20 Symlink {
            /// Where the link leads.
            target: Path<'a>,
            /// The link.
            link: Path<'a>,
        } -> Status changes;
    }
    extended {
        /// §4.3: a rename over what is there.
        PosixRename {
            /// From.
            old: Path<'a>,
            /// To.
            new: Path<'a>,
        } -> Status changes;
        /// §4.4.
        StatVfs {
            /// A path in the file system.
            path: Path<'a>,
        } -> StatVfs;
        /// §4.4.
        FstatVfs {
            /// A file in the file system.
            handle: H,
        } -> StatVfs;
        /// §4.5.
        Hardlink {
            /// The file.
            old: Path<'a>,
            /// Its second name.
            new: Path<'a>,
        } -> Status changes;
        /// §4.6.
        Fsync {
            /// Of a file.
            handle: H,
        } -> Status changes;
        /// §4.7.
        Lsetstat {
            /// Of which; a link is not followed.
            path: Path<'a>,
            /// To what.
            attributes: Attributes<'a>,
        } -> Status changes;
        /// §4.8.
        Limits {} -> Limits;
        /// §4.9: answered by one name.
        ExpandPath {
            /// Which.
            path: Start<'a>,
        } -> Name;
        /// §4.10.
        CopyData {
            /// The file copied from.
            from: H,
            /// Where, in bytes.
            from_offset: u64,
            /// How many bytes; 0 for all to the end.
            length: u64,
            /// The file copied to.
            to: H,
            /// Where, in bytes.
            to_offset: u64,
        } -> Status changes;
        /// Answered by one name.
        HomeDirectory {
            /// Whose; nobody's name for the user's own.
            user: User<'a>,
        } -> Name;
        /// §4.11: answered by names.
        UsersGroupsById {
            /// Numbers of users, each a `uint32`.
            users: Bytes<'a>,
            /// Numbers of groups, each a `uint32`.
            groups: Bytes<'a>,
        } -> Accounts;
    }
}

impl<H> Request<'_, H> {
    /// SYMLINK as a client means it that has this order; any other request as it is.
    pub(super) const fn exchange(&mut self, order: SymlinkOrder) {
        if let (Self::Symlink { target, link }, SymlinkOrder::LinkFirst) = (self, order) {
            core::mem::swap(target, link);
        }
    }

    /// Bytes that follow the request.
    pub(super) const fn body(&self) -> u32 {
        if let Self::Write { length, .. } = self { *length } else { 0 }
    }
}
