//! Where encoded fields go: lent memory, a count, a hash.

/// Takes encoded bytes.
pub trait Sink {
    /// Appends bytes.
    fn put(&mut self, bytes: &[u8]);

    /// Appends a `byte`.
    fn u8(&mut self, value: u8) {
        self.put(&[value]);
    }

    /// Appends a `uint32`.
    fn u32(&mut self, value: u32) {
        self.put(&value.to_be_bytes());
    }

    /// Appends a `uint64`.
    fn u64(&mut self, value: u64) {
        self.put(&value.to_be_bytes());
    }

    /// Appends a `string`. Strings of 4 GiB and more have no encoding; their length is saturated, and no buffer of
    /// this crate holds one.
    fn string(&mut self, bytes: &[u8]) {
        self.u32(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
        self.put(bytes);
    }

    /// Appends the `mpint` of an unsigned big-endian number (RFC 4251 §5): no leading zeros but the one that keeps the
    /// sign positive.
    fn mpint(&mut self, number: &[u8]) {
        let digits = super::Mpint::trim(number);
        let sign = usize::from(digits.first().is_some_and(|top| *top >= 0x80));
        self.u32(u32::try_from(digits.len().saturating_add(sign)).unwrap_or(u32::MAX));
        if sign == 1 {
            self.u8(0);
        }
        self.put(digits);
    }
}

/// Lent memory that remembers whether everything fitted.
#[derive(Debug)]
pub struct Writer<'a> {
    space: &'a mut [u8],
    filled: usize,
    overflowed: bool,
}

impl<'a> Writer<'a> {
    /// Writes from the front of `space`.
    pub const fn new(space: &'a mut [u8]) -> Self {
        Self { space, filled: 0, overflowed: false }
    }

    /// What was written, or `None` if it did not fit.
    pub fn finish(self) -> Option<&'a mut [u8]> {
        if self.overflowed { None } else { self.space.get_mut(..self.filled) }
    }

    /// Bytes written so far, or `None` if something did not fit.
    pub const fn written(&self) -> Option<usize> {
        if self.overflowed { None } else { Some(self.filled) }
    }
}

impl Sink for Writer<'_> {
    fn put(&mut self, bytes: &[u8]) {
        let end = self.filled.saturating_add(bytes.len());
        match self.space.get_mut(self.filled..end) {
            Some(place) if !self.overflowed => {
                place.copy_from_slice(bytes);
                self.filled = end;
            }
            _ => self.overflowed = true,
        }
    }
}

/// Counts bytes and keeps none.
#[derive(Debug, Default, Clone, Copy)]
pub struct Length(pub usize);

impl Sink for Length {
    fn put(&mut self, bytes: &[u8]) {
        self.0 = self.0.saturating_add(bytes.len());
    }
}
