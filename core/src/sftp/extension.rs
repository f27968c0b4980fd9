//! The extensions (OpenSSH's PROTOCOL §4.3 to §4.11) by name, and sets of them.

/// Declares the extensions: variant, name on the wire, version as it is announced.
macro_rules! extensions {
    ($($(#[$doc:meta])* $variant:ident $name:literal $version:literal)*) => {
        /// An extension of version 3.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Extension { $($(#[$doc])* $variant),* }

        impl Extension {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name on the wire.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// The version that is spoken, as text.
            pub const fn version(self) -> &'static str {
                match self { $(Self::$variant => $version),* }
            }
        }
    };
}

extensions! {
    /// Renames over what is there, as rename(2) does.
    PosixRename "posix-rename@openssh.com" "1"
    /// Space in the file system of a path.
    StatVfs "statvfs@openssh.com" "2"
    /// Space in the file system of an open file.
    FstatVfs "fstatvfs@openssh.com" "2"
    /// A second name for a file.
    Hardlink "hardlink@openssh.com" "1"
    /// Has an open file's contents reach the disk.
    Fsync "fsync@openssh.com" "1"
    /// Sets attributes of a symbolic link itself.
    Lsetstat "lsetstat@openssh.com" "1"
    /// How large requests may be, and how many files open.
    Limits "limits@openssh.com" "1"
    /// As REALPATH, with `~` understood.
    ExpandPath "expand-path@openssh.com" "1"
    /// Copies between two files on the server.
    CopyData "copy-data" "1"
    /// The home of a user.
    HomeDirectory "home-directory" "1"
    /// The names of users and groups.
    UsersGroupsById "users-groups-by-id@openssh.com" "1"
}

impl Extension {
    /// The extension of that name.
    pub fn named(name: &[u8]) -> Option<Self> {
        Self::ALL.iter().copied().find(|one| one.name().as_bytes() == name)
    }

    const fn bit(self) -> u16 {
        1 << self as u16
    }
}

/// A set of extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Extensions(u16);

impl Extensions {
    /// No extension.
    pub const NONE: Self = Self(0);

    /// Whether the extension is among them.
    pub const fn has(self, one: Extension) -> bool {
        self.0 & one.bit() != 0
    }

    /// The set with one more.
    #[must_use]
    pub const fn with(self, one: Extension) -> Self {
        Self(self.0 | one.bit())
    }

    /// The set with one less.
    #[must_use]
    pub const fn without(self, one: Extension) -> Self {
        Self(self.0 & !one.bit())
    }

    /// Those in the set, in the order of [`Extension::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Extension> {
        Extension::ALL.iter().copied().filter(move |one| self.has(*one))
    }
}

impl FromIterator<Extension> for Extensions {
    fn from_iter<I: IntoIterator<Item = Extension>>(extensions: I) -> Self {
        extensions.into_iter().fold(Self::NONE, Self::with)
    }
}
