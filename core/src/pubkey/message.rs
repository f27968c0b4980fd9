//! The packets of RFC 4819 §3 and §4, each a name and fields, and what stands in them several times.

use crate::wire::macros::{fields, messages, named};
use crate::wire::{Bytes, Element, Field, Malformed, Reader, Rest, Sequence, Sink};
use core::fmt;

named! {
    /// §3.4: the highest version that an end speaks.
    b"version" Version {
        /// It.
        number: u32,
    }
    /// §3.3: a request is through.
    b"status" Status<'a> {
        /// How it went.
        code: Code,
        /// What the server says about it: untrusted bytes.
        words: Bytes<'a>,
        /// The language of that.
        language: Bytes<'a>,
    }
    /// §4.1: to let this key in; attributes follow.
    b"add" Add<'a> {
        /// The algorithm's name.
        algorithm: Bytes<'a>,
        /// The public key blob.
        blob: Bytes<'a>,
        /// Whether the key may be there already, and is then changed.
        overwrite: bool,
        /// How many attributes there are.
        count: u32,
        /// The attributes: of [`Demand`]s.
        attributes: Rest<'a>,
    }
    /// §4.2: to let this key in no more.
    b"remove" Remove<'a> {
        /// The algorithm's name.
        algorithm: Bytes<'a>,
        /// The public key blob.
        blob: Bytes<'a>,
    }
    /// §4.3: to name the keys.
    b"list" List {}
    /// §4.3: one of the keys.
    b"publickey" Listed<'a> {
        /// The algorithm's name.
        algorithm: Bytes<'a>,
        /// The public key blob.
        blob: Bytes<'a>,
        /// How many attributes there are.
        count: u32,
        /// The attributes: of [`Attribute`]s.
        attributes: Rest<'a>,
    }
    /// §4.4: to name the attributes that the server understands.
    b"listattributes" ListAttributes {}
    /// §4.4: one of them.
    b"attribute" Understood<'a> {
        /// Its name.
        name: Bytes<'a>,
        /// Whether the server gives it to every key, asked or not.
        compulsory: bool,
    }
}

fields! {
    /// Something said about a key, such as a comment, or what it may be used for.
    Attribute<'a> {
        /// Its name: one of the RFC's, or one with a domain.
        name: Bytes<'a>,
        /// Its value.
        value: Bytes<'a>,
    }
    /// An attribute that a key is to have.
    Demand<'a> {
        /// Its name.
        name: Bytes<'a>,
        /// Its value.
        value: Bytes<'a>,
        /// Whether the key is not to be let in if the server does not do what the attribute means.
        critical: bool,
    }
}

/// A key that lets the user in.
#[derive(Clone, Copy)]
pub struct Key<'a> {
    /// The algorithm's name.
    pub algorithm: &'a [u8],
    /// The public key blob.
    pub blob: &'a [u8],
    /// What is said about it.
    pub attributes: Sequence<'a, Attribute<'a>>,
}

impl<'a> Status<'a> {
    /// With these words; where there are none, with those of the code.
    pub(super) const fn of(code: Code, words: &'a [u8]) -> Self {
        Self { code, words: if words.is_empty() { code.text().as_bytes() } else { words }, language: b"" }
    }
}

impl<'a> Key<'a> {
    /// Reads the fields of [`Listed`].
    pub(super) fn read(body: &'a [u8]) -> Result<Self, Malformed> {
        let Listed { algorithm, blob, count, attributes } = Listed::decode(body)?;
        Ok(Self { algorithm, blob, attributes: Sequence::counted(attributes.0, count)? })
    }
}

impl<'a> Element<'a> for Attribute<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        Ok(Self { name: reader.read()?, value: reader.read()? })
    }

    fn write(&self, sink: &mut dyn Sink) {
        self.encode(sink);
    }
}

impl<'a> Element<'a> for Demand<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        Ok(Self { name: reader.read()?, value: reader.read()?, critical: reader.read()? })
    }

    fn write(&self, sink: &mut dyn Sink) {
        self.encode(sink);
    }
}

impl fmt::Debug for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({} bytes, {} attributes)", self.blob.len(), self.attributes.len())
    }
}

/// How a request went (§3.3).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Code(pub u32);

impl Code {
    /// It went well.
    pub const SUCCESS: Self = Self(0);
    /// The user may not.
    pub const ACCESS_DENIED: Self = Self(1);
    /// There is no room for another key.
    pub const STORAGE_EXCEEDED: Self = Self(2);
    /// The ends have no version in common; no request is answered so.
    pub const VERSION_NOT_SUPPORTED: Self = Self(3);
    /// There is no such key.
    pub const KEY_NOT_FOUND: Self = Self(4);
    /// The server does not know keys of that algorithm.
    pub const KEY_NOT_SUPPORTED: Self = Self(5);
    /// The key is there already, and was not to be changed.
    pub const KEY_ALREADY_PRESENT: Self = Self(6);
    /// It failed.
    pub const GENERAL_FAILURE: Self = Self(7);
    /// The server does not know the request.
    pub const REQUEST_NOT_SUPPORTED: Self = Self(8);
    /// The server does not do what a critical attribute means.
    pub const ATTRIBUTE_NOT_SUPPORTED: Self = Self(9);

    /// What the code says, in words of our own.
    pub const fn text(self) -> &'static str {
        match self {
            Self::SUCCESS => "done",
            Self::ACCESS_DENIED => "access denied",
            Self::STORAGE_EXCEEDED => "no room for another key",
            Self::VERSION_NOT_SUPPORTED => "version not supported",
            Self::KEY_NOT_FOUND => "no such key",
            Self::KEY_NOT_SUPPORTED => "key algorithm not supported",
            Self::KEY_ALREADY_PRESENT => "key already present",
            Self::GENERAL_FAILURE => "failure",
            Self::REQUEST_NOT_SUPPORTED => "request not supported",
            Self::ATTRIBUTE_NOT_SUPPORTED => "attribute not supported",
            Self(_) => "unknown status",
        }
    }
}

impl<'a> Field<'a> for Code {
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

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.0, self.text())
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}
