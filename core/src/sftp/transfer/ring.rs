//! The parts of a file that are on their way, in the order of the file: answers come in any order, and what is whole
//! from the start is known at once.

/// A place in a transfer's table: one request at a time. The table's length bounds how many are outstanding.
#[derive(Debug, Clone, Copy, Default)]
pub struct Part {
    /// Where it starts in the file.
    offset: u64,
    /// Bytes.
    length: u32,
    /// Bytes of it that are there, from its start.
    got: u32,
    /// Bytes that its request still owes.
    due: u32,
    /// Bytes that its request asked for.
    asked: u32,
    stage: Stage,
}

/// Where a part stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Stage {
    /// It is all there, or beyond the end.
    #[default]
    Through,
    /// A request is outstanding.
    Asked,
    /// Its rest has to be asked for.
    Rest,
    /// It failed.
    Lost,
}

impl Part {
    /// A free place.
    pub const fn new() -> Self {
        Self { offset: 0, length: 0, got: 0, due: 0, asked: 0, stage: Stage::Through }
    }

    /// A part whose request is about to leave.
    pub(super) const fn asked(offset: u64, length: u32) -> Self {
        Self { offset, length, got: 0, due: length, asked: length, stage: Stage::Asked }
    }

    /// The first byte that is missing.
    pub(super) fn missing(&self) -> u64 {
        self.offset.saturating_add(self.got.into())
    }

    /// Where the next part begins.
    pub(super) fn end(&self) -> u64 {
        self.offset.saturating_add(self.length.into())
    }

    /// Bytes that are missing.
    pub(super) const fn rest(&self) -> u32 {
        self.length.saturating_sub(self.got)
    }

    pub(super) const fn stage(&self) -> Stage {
        self.stage
    }

    /// What its request asked for, and got.
    pub(super) const fn request(&self) -> (u32, u32) {
        (self.asked, self.asked.saturating_sub(self.due))
    }

    /// The request for the rest leaves.
    pub(super) const fn ask_again(&mut self) {
        self.due = self.rest();
        self.asked = self.due;
        self.stage = Stage::Asked;
    }

    /// Bytes came: where they belong.
    pub(super) fn take(&mut self, bytes: usize) -> u64 {
        let at = self.missing();
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX).min(self.due);
        self.got = self.got.saturating_add(bytes);
        self.due = self.due.saturating_sub(bytes);
        at
    }

    /// The request was answered.
    pub(super) const fn set(&mut self, stage: Stage) {
        self.stage = stage;
    }
}

/// Parts in a row: `count` places of the table from `first` on, around its end.
#[derive(Debug)]
pub(super) struct Ring<T> {
    table: T,
    first: usize,
    count: usize,
}

impl<T: AsRef<[Part]> + AsMut<[Part]>> Ring<T> {
    pub(super) const fn new(table: T) -> Self {
        Self { table, first: 0, count: 0 }
    }

    /// The place of a new last part, if one is free.
    pub(super) fn vacancy(&self) -> Option<usize> {
        (self.count < self.table.as_ref().len()).then(|| self.place(self.count))
    }

    /// Adds the last part at its place.
    pub(super) fn push(&mut self, part: Part) {
        let place = self.place(self.count);
        if let Some(last) = self.table.as_mut().get_mut(place) {
            *last = part;
            self.count = self.count.saturating_add(1);
        }
    }

    pub(super) fn first(&self) -> Option<&Part> {
        if self.count == 0 { None } else { self.table.as_ref().get(self.first) }
    }

    /// Whether there is one part, before which all are through.
    pub(super) const fn is_single(&self) -> bool {
        self.count == 1
    }

    /// A part with an outstanding request.
    pub(super) fn outstanding(&mut self, place: usize) -> Option<&mut Part> {
        self.table.as_mut().get_mut(place).filter(|part| part.stage == Stage::Asked)
    }

    /// The first part that has to be asked for again, and its place.
    pub(super) fn resting(&self) -> Option<(usize, &Part)> {
        (0..self.count)
            .filter_map(|nth| self.table.as_ref().get(self.place(nth)).map(|part| (self.place(nth), part)))
            .find(|(_, part)| part.stage == Stage::Rest)
    }

    /// A part that has to be asked for again.
    pub(super) fn rest(&mut self, place: usize) -> Option<&mut Part> {
        self.table.as_mut().get_mut(place).filter(|part| part.stage == Stage::Rest)
    }

    /// Does with every part that is not through.
    pub(super) fn each(&mut self, mut with: impl FnMut(&mut Part)) {
        self.table.as_mut().iter_mut().filter(|part| part.stage != Stage::Through).for_each(&mut with);
    }

    /// Drops the parts in front that are through.
    pub(super) fn settle(&mut self) {
        while self.first().is_some_and(|part| part.stage == Stage::Through) {
            self.first = self.place(1);
            self.count = self.count.saturating_sub(1);
        }
    }

    /// The place of the part that is so many behind the first.
    fn place(&self, nth: usize) -> usize {
        let length = self.table.as_ref().len();
        let place = self.first.saturating_add(nth);
        if place < length { place } else { place.saturating_sub(length) }
    }
}
