//! How a request went (draft-ietf-secsh-filexfer-02 §7): a code, and words where the server has any.

use crate::wire::{Malformed, Reader};
use core::fmt;

/// The code of an answer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Code(pub u32);

impl Code {
    /// It went well.
    pub const OK: Self = Self(0);
    /// The file, or the directory, has no more.
    pub const EOF: Self = Self(1);
    /// There is no such file.
    pub const NO_SUCH_FILE: Self = Self(2);
    /// The user may not.
    pub const PERMISSION_DENIED: Self = Self(3);
    /// It failed, and version 3 has no code for why.
    pub const FAILURE: Self = Self(4);
    /// The request makes no sense.
    pub const BAD_MESSAGE: Self = Self(5);
    /// Made up by clients that have no connection.
    pub const NO_CONNECTION: Self = Self(6);
    /// Made up by clients that lost it.
    pub const CONNECTION_LOST: Self = Self(7);
    /// The server does not know how.
    pub const OP_UNSUPPORTED: Self = Self(8);

    /// What the code says, in words of our own.
    pub const fn text(self) -> &'static str {
        match self {
            Self::OK => "done",
            Self::EOF => "end of file",
            Self::NO_SUCH_FILE => "no such file",
            Self::PERMISSION_DENIED => "permission denied",
            Self::FAILURE => "failure",
            Self::BAD_MESSAGE => "bad message",
            Self::NO_CONNECTION => "no connection",
            Self::CONNECTION_LOST => "connection lost",
            Self::OP_UNSUPPORTED => "operation unsupported",
            Self(_) => "unknown status",
        }
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.0, self.text())
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.text() {
            "unknown status" => write!(f, "status {}", self.0),
            text => f.write_str(text),
        }
    }
}

/// A server's word on a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status<'a> {
    /// The code.
    pub code: Code,
    /// What the server says about it: untrusted bytes, often none.
    pub message: &'a [u8],
}

impl<'a> Status<'a> {
    /// Servers of before version 3 was settled send no words at all, which harms nobody.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let code = Code(reader.u32()?);
        let message = if reader.is_empty() { &[][..] } else { reader.string()? };
        let _language = if reader.is_empty() { &[][..] } else { reader.string()? };
        reader.end()?;
        Ok(Self { code, message })
    }
}
