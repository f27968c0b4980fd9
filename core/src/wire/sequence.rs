//! Things that stand in messages several times, as the caller has them or as they came.

use super::{Malformed, Reader, Sink};
use core::fmt;

/// Something that stands in messages several times.
pub trait Element<'a>: Copy + 'a {
    /// Reads one.
    fn read(reader: &mut Reader<'a>) -> Result<Self, Malformed>;
    /// Writes it.
    fn write(&self, sink: &mut dyn Sink);
}

/// A list as the caller has it, or as it stands in a message that was checked.
#[derive(Clone, Copy)]
pub struct Sequence<'a, T>(Form<'a, T>);

#[derive(Clone, Copy)]
enum Form<'a, T> {
    Listed(&'a [T]),
    Wire(&'a [u8]),
}

impl<'a, T: Element<'a>> Sequence<'a, T> {
    /// A list to send.
    pub const fn new(list: &'a [T]) -> Self {
        Self(Form::Listed(list))
    }

    /// Checks that `bytes` are elements to the end, `most` at most.
    pub fn decode(bytes: &'a [u8], most: usize) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        for _ in 0..most {
            if reader.is_empty() {
                break;
            }
            T::read(&mut reader)?;
        }
        reader.end()?;
        Ok(Self(Form::Wire(bytes)))
    }

    /// Checks that `bytes` are so many elements, as a count before them says.
    pub fn counted(bytes: &'a [u8], count: u32) -> Result<Self, Malformed> {
        let count = usize::try_from(count).map_err(|_| Malformed)?;
        let list = Self::decode(bytes, count)?;
        if list.len() == count { Ok(list) } else { Err(Malformed) }
    }

    /// The elements in order.
    pub fn iter(self) -> impl Iterator<Item = T> + Clone + 'a {
        let (list, bytes) = match self.0 {
            Form::Listed(list) => (list, &[][..]),
            Form::Wire(bytes) => (&[][..], bytes),
        };
        let mut reader = Reader::new(bytes);
        list.iter().copied().chain(core::iter::from_fn(move || T::read(&mut reader).ok()))
    }

    /// How many there are.
    pub fn len(self) -> usize {
        self.iter().count()
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        match self.0 {
            Form::Listed(list) => list.is_empty(),
            Form::Wire(bytes) => bytes.is_empty(),
        }
    }

    /// Writes the elements.
    pub fn encode(self, sink: &mut dyn Sink) {
        self.iter().for_each(|element| element.write(sink));
    }
}

/// A name in a list of names.
impl<'a> Element<'a> for &'a [u8] {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        reader.string()
    }

    fn write(&self, sink: &mut dyn Sink) {
        sink.string(self);
    }
}

impl<'a, T: Element<'a>> fmt::Debug for Sequence<'a, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sequence({})", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::Sequence;

    #[test]
    fn a_count_is_of_all_that_is_there() {
        let bytes = b"\0\0\0\x01a\0\0\0\0";
        let list = Sequence::<&[u8]>::counted(bytes, 2).unwrap();
        assert!(list.iter().eq([&b"a"[..], b""]));
        for count in [0, 1, 3, u32::MAX] {
            assert!(Sequence::<&[u8]>::counted(bytes, count).is_err(), "{count}");
        }
        assert!(Sequence::<&[u8]>::counted(b"", 0).is_ok_and(Sequence::is_empty));
        assert!(Sequence::<&[u8]>::counted(&bytes[..8], 2).is_err());
    }
}
