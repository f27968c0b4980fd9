//! The attributes of a file (draft-ietf-secsh-filexfer-02 §5): each there or not, and pairs of anybody's invention.

use crate::wire::{Field, Malformed, Reader, Sink};
use core::fmt;

const SIZE: u32 = 1;
const OWNER: u32 = 2;
const PERMISSIONS: u32 = 4;
const TIMES: u32 = 8;
const EXTENDED: u32 = 0x8000_0000;
const KNOWN: u32 = SIZE | OWNER | PERMISSIONS | TIMES | EXTENDED;

/// What is said of a file, or is to be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Attributes<'a> {
    /// Bytes.
    pub size: Option<u64>,
    /// User and group, as numbers.
    pub owner: Option<Owner>,
    /// The mode as POSIX has it: kind and permissions.
    pub permissions: Option<u32>,
    /// When it was read and written last.
    pub times: Option<Times>,
    /// Whatever else.
    pub extended: Extended<'a>,
}

/// Whose a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    /// The user.
    pub user: u32,
    /// The group.
    pub group: u32,
}

/// Times of a file, in seconds since 1970, to 2106.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// When it was read.
    pub accessed: u32,
    /// When its contents changed.
    pub modified: u32,
}

/// What a file is, as its mode says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// A file of bytes.
    Regular,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A device, a socket, a FIFO.
    Special,
}

impl FileKind {
    /// The kind in the upper bits of a mode; `None` if they say nothing.
    pub const fn of_mode(mode: u32) -> Option<Self> {
        match mode & 0o170_000 {
            0 => None,
            0o100_000 => Some(Self::Regular),
            0o040_000 => Some(Self::Directory),
            0o120_000 => Some(Self::Symlink),
            _ => Some(Self::Special),
        }
    }
}

impl<'a> Attributes<'a> {
    /// Nothing said.
    pub const NONE: Self =
        Self { size: None, owner: None, permissions: None, times: None, extended: Extended { count: 0, pairs: &[] } };

    /// The kind of file, where permissions are told with it.
    pub const fn kind(&self) -> Option<FileKind> {
        match self.permissions {
            Some(mode) => FileKind::of_mode(mode),
            None => None,
        }
    }

    /// The same without the pairs, for keeping.
    pub const fn plain(&self) -> Attributes<'static> {
        Attributes {
            size: self.size,
            owner: self.owner,
            permissions: self.permissions,
            times: self.times,
            extended: Extended { count: 0, pairs: &[] },
        }
    }

    const fn flags(&self) -> u32 {
        let mut flags = 0;
        if self.size.is_some() {
            flags |= SIZE;
        }
        if self.owner.is_some() {
            flags |= OWNER;
        }
        if self.permissions.is_some() {
            flags |= PERMISSIONS;
        }
        if self.times.is_some() {
            flags |= TIMES;
        }
        if self.extended.count > 0 {
            flags |= EXTENDED;
        }
        flags
    }

    /// How many of the bytes at `at` the attributes take, as far as `bytes` tell: where that is more than there are, so
    /// many are needed to tell more.
    pub(super) fn extent(bytes: &[u8], at: usize) -> usize {
        let mut end = at.saturating_add(4);
        let Some(flags) = word(bytes, at) else { return end };
        for (flag, width) in [(SIZE, 8), (OWNER, 8), (PERMISSIONS, 4), (TIMES, 8)] {
            end = end.saturating_add(if flags & flag == 0 { 0 } else { width });
        }
        if flags & EXTENDED == 0 {
            return end;
        }
        let Some(count) = word(bytes, end) else { return end.saturating_add(4) };
        end = end.saturating_add(4);
        for _ in 0..u64::from(count).saturating_mul(2) {
            end = string_extent(bytes, end);
            if end > bytes.len() {
                break;
            }
        }
        end
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().copied().map(u32::from_be_bytes)
}

/// Where the string at `at` ends, or how far must be seen to tell.
pub(super) fn string_extent(bytes: &[u8], at: usize) -> usize {
    let length = word(bytes, at).map_or(0, |length| usize::try_from(length).unwrap_or(usize::MAX));
    at.saturating_add(4).saturating_add(length)
}

impl<'a> Field<'a> for Attributes<'a> {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let flags = reader.u32()?;
        if flags & !KNOWN != 0 {
            return Err(Malformed);
        }
        let has = |flag| flags & flag != 0;
        Ok(Self {
            size: has(SIZE).then(|| reader.u64()).transpose()?,
            owner: has(OWNER).then(|| Ok(Owner { user: reader.u32()?, group: reader.u32()? })).transpose()?,
            permissions: has(PERMISSIONS).then(|| reader.u32()).transpose()?,
            times: has(TIMES).then(|| Ok(Times { accessed: reader.u32()?, modified: reader.u32()? })).transpose()?,
            extended: if has(EXTENDED) { reader.read()? } else { Extended::default() },
        })
    }

    fn encode(&self, sink: &mut (impl Sink + ?Sized)) {
        sink.u32(self.flags());
        if let Some(size) = self.size {
            sink.u64(size);
        }
        if let Some(Owner { user, group }) = self.owner {
            sink.u32(user);
            sink.u32(group);
        }
        if let Some(permissions) = self.permissions {
            sink.u32(permissions);
        }
        if let Some(Times { accessed, modified }) = self.times {
            sink.u32(accessed);
            sink.u32(modified);
        }
        if self.extended.count > 0 {
            self.extended.encode(sink);
        }
    }

    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Pairs of a name and a value.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Extended<'a> {
    count: u32,
    pairs: &'a [u8],
}

impl<'a> Extended<'a> {
    /// The pairs.
    pub fn iter(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        let mut reader = Reader::new(self.pairs);
        core::iter::from_fn(move || Some((reader.string().ok()?, reader.string().ok()?)))
    }
}

impl fmt::Debug for Extended<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} pairs", self.count)
    }
}

impl<'a> Field<'a> for Extended<'a> {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let count = reader.u32()?;
        let mut ahead = *reader;
        // As long as there are bytes: a count proves nothing.
        for _ in 0..count {
            ahead.string()?;
            ahead.string()?;
        }
        let pairs = reader.take(reader.remaining().saturating_sub(ahead.remaining()))?;
        Ok(Self { count, pairs })
    }

    fn encode(&self, sink: &mut (impl Sink + ?Sized)) {
        sink.u32(self.count);
        sink.put(self.pairs);
    }

    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::{Attributes, Extended, Owner, Times};
    use crate::wire::{Field, Reader, Sink, Writer};
    use alloc::vec;
    use alloc::vec::Vec;

    fn encoded(attributes: &Attributes<'_>) -> Vec<u8> {
        let mut space = vec![0; 256];
        let mut writer = Writer::new(&mut space);
        attributes.encode(&mut writer);
        writer.finish().expect("room").to_vec()
    }

    /// Every set of fields: back as it was, and its extent known at every length.
    #[test]
    fn every_set_of_fields() {
        let mut pairs = vec![0; 64];
        let mut writer = Writer::new(&mut pairs);
        for text in [b"a@b".as_slice(), b"", b"c", b"value"] {
            writer.string(text);
        }
        let pairs = writer.finish().expect("room");
        for set in 0..32_u32 {
            let has = |bit: u32| set & (1 << bit) != 0;
            let attributes = Attributes {
                size: has(0).then_some(u64::MAX),
                owner: has(1).then_some(Owner { user: 1, group: 2 }),
                permissions: has(2).then_some(0o100_644),
                times: has(3).then_some(Times { accessed: 3, modified: 4 }),
                extended: if has(4) { Extended { count: 2, pairs } } else { Extended::default() },
            };
            let bytes = encoded(&attributes);
            assert_eq!(Reader::new(&bytes).read::<Attributes<'_>>(), Ok(attributes));
            for cut in 0..bytes.len() {
                assert!(Reader::new(&bytes[..cut]).read::<Attributes<'_>>().is_err(), "{set} {cut}");
                let extent = Attributes::extent(&bytes[..cut], 0);
                assert!(extent > cut && extent <= bytes.len(), "{set} {cut} {extent}");
            }
            assert_eq!(Attributes::extent(&bytes, 0), bytes.len());
        }
    }

    #[test]
    fn i12_unknown_bits_and_counts() {
        assert!(Reader::new(&[0, 0, 0, 16]).read::<Attributes<'_>>().is_err());
        let many = [0x80, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0];
        assert!(Reader::new(&many).read::<Attributes<'_>>().is_err());
    }
}
