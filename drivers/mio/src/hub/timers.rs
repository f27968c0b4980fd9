//! When each seat has to be looked after: one time for each, the earliest first. A seat whose time moves on keeps the old
//! one until that has come, since deadlines move with every packet and are seldom met.

use sanssh_core::Instant;
use std::collections::BTreeSet;

/// The times of all seats.
#[derive(Debug, Default)]
pub(super) struct Timers {
    order: BTreeSet<(Instant, usize)>,
    /// The time that stands in the order, by seat.
    armed: Vec<Option<Instant>>,
}

impl Timers {
    /// Has the seat looked after at that time, or earlier.
    pub(super) fn set(&mut self, at: usize, when: Option<Instant>) {
        let Some(when) = when else { return };
        if self.armed.len() <= at {
            self.armed.resize(at + 1, None);
        }
        if self.armed[at].is_none_or(|armed| when < armed) {
            self.clear(at);
            self.armed[at] = Some(when);
            self.order.insert((when, at));
        }
    }

    /// The seat is empty.
    pub(super) fn clear(&mut self, at: usize) {
        if let Some(when) = self.armed.get_mut(at).and_then(Option::take) {
            self.order.remove(&(when, at));
        }
    }

    /// The earliest time.
    pub(super) fn next(&self) -> Option<Instant> {
        self.order.first().map(|(when, _)| *when)
    }

    /// A seat whose time has come; it has none any more.
    pub(super) fn due(&mut self, now: Instant) -> Option<usize> {
        let (_, at) = self.order.first().copied().filter(|(when, _)| *when <= now)?;
        self.clear(at);
        Some(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_is_first_and_each_seat_has_one_time() {
        let mut timers = Timers::default();
        for (at, when) in [(0, 30), (1, 10), (2, 20), (0, 5), (1, 40)] {
            timers.set(at, Some(Instant(when)));
        }
        timers.set(3, None);
        assert_eq!(timers.next(), Some(Instant(5)));
        assert_eq!(timers.due(Instant(4)), None);
        timers.clear(2);
        let due: Vec<usize> = core::iter::from_fn(|| timers.due(Instant(100))).collect();
        // The second was moved on to 40, which it has to ask for again.
        assert_eq!(due, [0, 1]);
        assert_eq!(timers.next(), None);
    }
}
