//! Things by number, which others take again when they are gone.

use alloc::vec::Vec;

#[derive(Debug)]
pub(super) struct Slab<T> {
    places: Vec<Option<T>>,
    count: usize,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self { places: Vec::new(), count: 0 }
    }
}

impl<T> Slab<T> {
    pub(super) fn add(&mut self, thing: T) -> usize {
        self.count = self.count.saturating_add(1);
        // None is free unless some thing is gone.
        let free = if self.count > self.places.len() { None } else { self.places.iter().position(Option::is_none) };
        let index = free.unwrap_or(self.places.len());
        match self.places.get_mut(index) {
            Some(place) => *place = Some(thing),
            None => self.places.push(Some(thing)),
        }
        index
    }

    pub(super) fn remove(&mut self, index: usize) -> Option<T> {
        let thing = self.places.get_mut(index)?.take();
        self.count = self.count.saturating_sub(usize::from(thing.is_some()));
        thing
    }

    pub(super) fn get(&self, index: usize) -> Option<&T> {
        self.places.get(index)?.as_ref()
    }

    pub(super) fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        self.places.get_mut(index)?.as_mut()
    }

    pub(super) const fn len(&self) -> usize {
        self.count
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// One more than the highest number.
    pub(super) const fn reach(&self) -> usize {
        self.places.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &T)> {
        self.places.iter().enumerate().filter_map(|(index, place)| Some((index, place.as_ref()?)))
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (usize, &mut T)> {
        self.places.iter_mut().enumerate().filter_map(|(index, place)| Some((index, place.as_mut()?)))
    }
}
