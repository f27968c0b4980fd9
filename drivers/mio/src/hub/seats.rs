//! The connections of a loop by number, and the line of those that are to have a turn.

use crate::end::End;
use crate::link::Link;
use sanssh_core::Instant;
use std::collections::VecDeque;

/// A connection of a [`Hub`](crate::Hub); no other gets the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id {
    pub(super) at: usize,
    generation: u32,
}

/// A connection and what the loop knows of it.
#[derive(Debug)]
pub(super) struct Seat<R: End, T> {
    pub(super) link: Link<R>,
    pub(super) state: T,
    /// It came in and counts as not logged in.
    pub(super) stranger: bool,
    /// Until when it may say goodbye.
    pub(super) lingers: Option<Instant>,
    queued: bool,
}

impl<R: End, T> Seat<R, T> {
    pub(super) const fn new(link: Link<R>, state: T, stranger: bool) -> Self {
        Self { link, state, stranger, lingers: None, queued: false }
    }
}

#[derive(Debug)]
struct Place<R: End, T> {
    generation: u32,
    /// Apart, so that a place that is vacant is small.
    seat: Option<Box<Seat<R, T>>>,
}

/// All of them.
#[derive(Debug)]
pub(super) struct Seats<R: End, T> {
    places: Vec<Place<R, T>>,
    vacant: Vec<usize>,
    line: VecDeque<usize>,
}

impl<R: End, T> Seats<R, T> {
    pub(super) const fn new() -> Self {
        Self { places: Vec::new(), vacant: Vec::new(), line: VecDeque::new() }
    }

    /// How many there are.
    pub(super) const fn count(&self) -> usize {
        self.places.len() - self.vacant.len()
    }

    /// Numbers that were ever given.
    pub(super) const fn numbers(&self) -> core::ops::Range<usize> {
        0..self.places.len()
    }

    /// The number that the next gets.
    pub(super) fn vacancy(&mut self) -> usize {
        if self.vacant.is_empty() {
            self.vacant.push(self.places.len());
            self.places.push(Place { generation: 0, seat: None });
        }
        self.vacant.last().copied().unwrap_or_default()
    }

    /// Takes the vacancy.
    pub(super) fn put(&mut self, seat: Seat<R, T>) -> Id {
        let at = self.vacancy();
        self.vacant.pop();
        let place = &mut self.places[at];
        place.seat = Some(Box::new(seat));
        Id { at, generation: place.generation }
    }

    pub(super) fn get(&mut self, at: usize) -> Option<&mut Seat<R, T>> {
        self.places.get_mut(at)?.seat.as_deref_mut()
    }

    pub(super) fn all(&mut self) -> impl Iterator<Item = (Id, &mut Seat<R, T>)> {
        self.places.iter_mut().enumerate().filter_map(|(at, place)| {
            let id = Id { at, generation: place.generation };
            place.seat.as_deref_mut().map(|seat| (id, seat))
        })
    }

    pub(super) fn remove(&mut self, at: usize) -> Option<Seat<R, T>> {
        let place = self.places.get_mut(at)?;
        let seat = place.seat.take()?;
        place.generation = place.generation.wrapping_add(1);
        self.vacant.push(at);
        Some(*seat)
    }

    /// The full name of a number.
    pub(super) fn id(&self, at: usize) -> Id {
        Id { at, generation: self.places.get(at).map_or(0, |place| place.generation) }
    }

    /// Whether that connection is still there.
    pub(super) fn holds(&self, id: Id) -> bool {
        self.places.get(id.at).is_some_and(|place| place.generation == id.generation && place.seat.is_some())
    }

    /// Puts it at the end of the line, if it does not stand there.
    pub(super) fn line_up(&mut self, at: usize) {
        if self.get(at).is_some_and(|seat| !core::mem::replace(&mut seat.queued, true)) {
            self.line.push_back(at);
        }
    }

    /// How many stand in line.
    pub(super) fn waiting(&self) -> usize {
        self.line.len()
    }

    /// The first of the line.
    pub(super) fn first(&mut self) -> Option<usize> {
        let at = self.line.pop_front()?;
        // Whoever is gone by now has left the place in line behind.
        if let Some(seat) = self.get(at) {
            seat.queued = false;
        }
        Some(at)
    }
}
