//! Memory lent for one call ([`Input`], [`Output`]), and the linear buffers in which a driver keeps it between calls
//! ([`Rx`], [`Tx`]).

use crate::Refused;
use crate::wire::Writer;
use zeroize::Zeroize;

/// Received bytes, lent to [`recv`](crate::Connection::recv), which decrypts them in place and takes whole packets off
/// the front.
///
/// Compressed payloads are expanded into memory that is lent beside the bytes: see
/// [`with_inflate`](Self::with_inflate).
///
/// Bytes that were not taken must be lent again, unchanged and at the front, with newer bytes appended: the first block
/// of a packet may already be decrypted.
#[derive(Debug)]
pub struct Input<'b> {
    bytes: &'b mut [u8],
    taken: usize,
    /// What is left of the memory for expanded payloads.
    inflate: &'b mut [u8],
    expanded: usize,
    cramped: bool,
}

impl<'b> Input<'b> {
    /// Lends `bytes`.
    pub const fn new(bytes: &'b mut [u8]) -> Self {
        Self { bytes, taken: 0, inflate: &mut [], expanded: 0, cramped: false }
    }

    /// Lends `memory` too, in which compressed payloads are expanded. With less than
    /// [`Config::max_packet`](crate::Config::max_packet) bytes of it, a payload that does not fit ends the connection;
    /// with more, several fit at a time.
    pub const fn with_inflate(self, memory: &'b mut [u8]) -> Self {
        Self { inflate: memory, expanded: 0, cramped: false, ..self }
    }

    /// Bytes used of the memory for expanded payloads, at its front.
    pub const fn expanded(&self) -> usize {
        self.expanded
    }

    /// Whether a packet waits only because too little of that memory is left: lend it anew, and call `recv` again.
    pub const fn is_cramped(&self) -> bool {
        self.cramped
    }

    /// Bytes taken so far; the caller forgets them.
    pub const fn taken(&self) -> usize {
        self.taken
    }

    /// Bytes not taken yet.
    pub const fn remaining(&self) -> usize {
        self.bytes.len()
    }

    /// What was not taken yet: the bytes to lend again.
    pub const fn rest(&self) -> &[u8] {
        self.bytes
    }

    /// A look at what is there.
    pub(crate) const fn peek(&mut self) -> &mut [u8] {
        self.bytes
    }

    /// Splits `n` bytes off the front; all of them if there are fewer.
    pub(crate) fn take(&mut self, n: usize) -> &'b mut [u8] {
        let bytes = core::mem::take(&mut self.bytes);
        let (head, tail) = bytes.split_at_mut(n.min(bytes.len()));
        self.bytes = tail;
        self.taken = self.taken.saturating_add(head.len());
        head
    }

    /// Whether a payload of up to `most` bytes may be expanded now. If nothing is, the whole memory has to do.
    pub(crate) const fn can_expand(&mut self, most: usize) -> bool {
        self.cramped = self.expanded > 0 && self.inflate.len() < most;
        !self.cramped
    }

    /// Splits off the memory what `with` says it used of it, at most `most` bytes.
    pub(crate) fn expand<E>(
        &mut self,
        most: usize,
        with: impl FnOnce(&mut [u8]) -> Result<usize, E>,
    ) -> Result<&'b mut [u8], E> {
        let memory = core::mem::take(&mut self.inflate);
        let room = memory.len().min(most);
        let used = with(memory.get_mut(..room).unwrap_or_default());
        // What failed has perhaps written everywhere.
        let split = used.as_ref().map_or(room, |used| room.min(*used));
        let (head, tail) = memory.split_at_mut(split);
        self.inflate = tail;
        self.expanded = self.expanded.saturating_add(split);
        used.map(|_| head)
    }
}

/// Space for packets to send, lent to one or more calls.
#[derive(Debug)]
pub struct Output<'o> {
    space: &'o mut [u8],
    filled: usize,
}

impl<'o> Output<'o> {
    /// Lends `space`.
    pub const fn new(space: &'o mut [u8]) -> Self {
        Self { space, filled: 0 }
    }

    /// Bytes written; they are the front of the space.
    pub const fn filled(&self) -> usize {
        self.filled
    }

    /// Room that is left.
    pub const fn room(&self) -> usize {
        self.space.len().saturating_sub(self.filled)
    }

    /// What was written behind the first `filled` bytes.
    #[cfg(feature = "alloc")]
    pub(crate) fn since(&self, filled: usize) -> &[u8] {
        self.space.get(filled..self.filled).unwrap_or_default()
    }

    /// The room that is left.
    pub(crate) fn vacant(&mut self) -> &mut [u8] {
        self.space.get_mut(self.filled..).unwrap_or_default()
    }

    /// Writes the length of a packet, at most `longest`, and what `with` puts into it; `rest` bytes of it follow later.
    pub(crate) fn framed(
        &mut self,
        longest: usize,
        rest: usize,
        with: impl FnOnce(&mut Writer<'_>),
    ) -> Result<(), Refused> {
        let (head, space) = self.vacant().split_first_chunk_mut().ok_or(Refused::NoRoom)?;
        let mut writer = Writer::new(space);
        with(&mut writer);
        let written = writer.written().ok_or(Refused::NoRoom)?;
        let length = written.saturating_add(rest);
        if length > longest {
            return Err(Refused::TooLong);
        }
        *head = u32::try_from(length).map_err(|_| Refused::TooLong)?.to_be_bytes();
        let whole = written.saturating_add(head.len());
        self.advance(whole);
        Ok(())
    }

    /// Counts `n` bytes of the room as written.
    pub(crate) fn advance(&mut self, n: usize) {
        self.filled = self.filled.saturating_add(n).min(self.space.len());
    }
}

/// A linear receive buffer over any memory: bytes are appended at the end and consumed at the front.
#[derive(Debug)]
pub struct Rx<B> {
    memory: B,
    start: usize,
    end: usize,
}

impl<B: AsMut<[u8]>> Rx<B> {
    /// An empty buffer.
    pub const fn new(memory: B) -> Self {
        Self { memory, start: 0, end: 0 }
    }

    /// Where received bytes go next. Moves what is left over to the front when the tail gets short.
    pub fn space(&mut self) -> &mut [u8] {
        let memory = self.memory.as_mut();
        // Moving a partial packet costs as much as it is long: so only when less than half of the memory is free behind.
        if self.start > 0 && memory.len().saturating_sub(self.end) < memory.len() / 2 {
            memory.copy_within(self.start..self.end, 0);
            self.end = self.end.saturating_sub(self.start);
            self.start = 0;
        }
        memory.get_mut(self.end..).unwrap_or_default()
    }

    /// Counts `n` bytes of the space as received.
    pub fn received(&mut self, n: usize) {
        self.end = self.end.saturating_add(n).min(self.memory.as_mut().len());
    }

    /// Goes on in `memory`, with what waits at its front; gives back the memory before. One that is too short is given
    /// back itself.
    pub fn replace(&mut self, memory: B) -> B {
        move_to(&mut self.memory, &mut self.start, &mut self.end, memory)
    }

    /// The bytes that wait.
    pub fn input(&mut self) -> Input<'_> {
        Input::new(self.memory.as_mut().get_mut(self.start..self.end).unwrap_or_default())
    }

    /// Forgets `n` bytes at the front.
    pub fn consume(&mut self, n: usize) {
        self.start = self.start.saturating_add(n).min(self.end);
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
        }
    }

    /// Forgets `n` bytes at the front and overwrites them: for what may hold a password.
    pub fn wipe(&mut self, n: usize) {
        let end = self.start.saturating_add(n).min(self.end);
        if let Some(bytes) = self.memory.as_mut().get_mut(self.start..end) {
            bytes.zeroize();
        }
        self.consume(n);
    }

    /// Bytes that wait.
    pub const fn len(&self) -> usize {
        self.end.saturating_sub(self.start)
    }

    /// Whether nothing waits.
    pub const fn is_empty(&self) -> bool {
        self.start == self.end
    }
}

/// A linear send buffer over any memory: packets are appended at the end and sent from the front.
#[derive(Debug)]
pub struct Tx<B> {
    memory: B,
    start: usize,
    end: usize,
}

impl<B: AsMut<[u8]>> Tx<B> {
    /// An empty buffer.
    pub const fn new(memory: B) -> Self {
        Self { memory, start: 0, end: 0 }
    }

    /// Goes on in `memory`, with what waits at its front; gives back the memory before. One that is too short is given
    /// back itself.
    pub fn replace(&mut self, memory: B) -> B {
        move_to(&mut self.memory, &mut self.start, &mut self.end, memory)
    }

    /// Room for packets. Report what was written with [`written`](Self::written).
    pub fn output(&mut self) -> Output<'_> {
        Output::new(self.memory.as_mut().get_mut(self.end..).unwrap_or_default())
    }

    /// Counts `n` bytes of the room as packets to send.
    pub fn written(&mut self, n: usize) {
        self.end = self.end.saturating_add(n).min(self.memory.as_mut().len());
    }

    /// What waits to be sent.
    pub fn pending(&mut self) -> &[u8] {
        self.memory.as_mut().get(self.start..self.end).unwrap_or_default()
    }

    /// Counts `n` bytes as sent, and makes their place room again once that is cheap.
    pub fn sent(&mut self, n: usize) {
        self.start = self.start.saturating_add(n).min(self.end);
        let left = self.end.saturating_sub(self.start);
        if left <= self.start / 2 {
            self.memory.as_mut().copy_within(self.start..self.end, 0);
            self.start = 0;
            self.end = left;
        }
    }

    /// Whether nothing waits.
    pub const fn is_empty(&self) -> bool {
        self.start == self.end
    }
}

/// Puts `memory` in the place of a linear buffer's, and what is used of that at its front.
fn move_to<B: AsMut<[u8]>>(place: &mut B, start: &mut usize, end: &mut usize, mut memory: B) -> B {
    let used = place.as_mut().get(*start..*end).unwrap_or_default();
    let Some(front) = memory.as_mut().get_mut(..used.len()) else { return memory };
    front.copy_from_slice(used);
    (*start, *end) = (0, used.len());
    core::mem::replace(place, memory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_memory_has_what_waits_at_its_front() {
        let (mut first, mut second, mut short) = (*b"......", [0; 8], [0; 2]);
        let mut rx = Rx::new(&mut first[..]);
        rx.space()[..5].copy_from_slice(b"12345");
        rx.received(5);
        rx.consume(2);
        assert_eq!(rx.replace(&mut short).len(), 2);
        assert_eq!(rx.replace(&mut second), b"12345.");
        assert_eq!(rx.input().peek(), b"345");
        assert_eq!(rx.input().rest(), b"345");
        assert_eq!(rx.space().len(), 5);
    }
}
