//! The `name-list` of RFC 4251 §5: comma-separated names, read without being stored.

/// A name-list as it came. Tolerant as peers are not: an empty list, an empty name and a trailing comma are names that
/// match nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Names<'a>(&'a [u8]);

/// A name as text, to be matched against texts; empty if it is none. Patterns of bytes are compiled byte by byte, and take
/// ten times the room of a text.
pub(crate) fn word(name: &[u8]) -> &str {
    core::str::from_utf8(name).unwrap_or_default()
}

/// The longest algorithm name there may be (RFC 4251 §6).
const LONGEST: usize = 64;

impl<'a> Names<'a> {
    /// A list from its text.
    pub const fn new(text: &'a [u8]) -> Self {
        Self(text)
    }

    /// The list as it is on the wire.
    pub const fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// The names, in order; names that break RFC 4251 §6 (not printable ASCII, over 64 bytes) are left out, so they can
    /// never match.
    pub fn iter(self) -> NamesIter<'a> {
        NamesIter(Some(self.0))
    }

    /// Whether `name` is in the list.
    pub fn contains(self, name: &[u8]) -> bool {
        self.iter().any(|other| other.as_bytes() == name)
    }
}

impl<'a> IntoIterator for Names<'a> {
    type Item = &'a str;
    type IntoIter = NamesIter<'a>;

    fn into_iter(self) -> NamesIter<'a> {
        self.iter()
    }
}

/// Iterates over the well-formed names of a list.
#[derive(Debug, Clone)]
pub struct NamesIter<'a>(Option<&'a [u8]>);

impl<'a> Iterator for NamesIter<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        loop {
            let rest = self.0?;
            let end = rest.iter().position(|byte| *byte == b',');
            let (name, rest) = match end.and_then(|end| rest.split_at_checked(end)) {
                Some((name, tail)) => (name, tail.get(1..)),
                None => (rest, None),
            };
            self.0 = rest;
            if (1..=LONGEST).contains(&name.len()) && name.iter().all(u8::is_ascii_graphic) {
                return core::str::from_utf8(name).ok();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Names;
    use alloc::vec::Vec;

    #[test]
    fn odd_names_never_match() {
        let long = [b'x'; 65];
        let mut text = b"a,,b c,d\0,".to_vec();
        text.extend_from_slice(&long);
        text.extend_from_slice(b",e,");
        let names: Vec<_> = Names::new(&text).iter().collect();
        assert_eq!(names, ["a", "e"]);
        assert_eq!(Names::new(b"").iter().count(), 0);
    }
}
