//! How many bytes may be on their way: twice as many each round trip, as long as that makes it faster.

use crate::Instant;
use core::time::Duration;

/// Bytes that are asked for at once in the beginning: four of the largest requests, for with one alone nothing runs ahead.
const START: u64 = 1024 * 1024;
/// Rounds in a row that may be no faster before growth ends.
const PATIENCE: u8 = 3;

/// The depth of the pipeline of one connection; transfers that run side by side share it.
#[derive(Debug, Clone)]
pub struct Window {
    /// Bytes that may be outstanding.
    depth: u64,
    most: u64,
    outstanding: u64,
    round: Option<Round>,
    /// The best rate of a round, in bytes a second.
    best: u64,
    /// Rounds that were no faster.
    slack: u8,
}

/// The time in which as many bytes come as may be outstanding.
#[derive(Debug, Clone, Copy)]
struct Round {
    start: Instant,
    came: u64,
    /// Whether more would have been asked for, had the depth allowed it.
    full: bool,
}

impl Window {
    /// A window that grows to `most` bytes: what the embedder's buffers, and its channel's window, are good for.
    pub const fn new(most: u64) -> Self {
        let depth = if most < START { most } else { START };
        Self { depth, most, outstanding: 0, round: None, best: 0, slack: 0 }
    }

    /// Bytes that may be outstanding by now.
    pub const fn depth(&self) -> u64 {
        self.depth
    }

    /// Bytes that are.
    pub const fn outstanding(&self) -> u64 {
        self.outstanding
    }

    /// Whether a request of that many bytes may leave. One always may.
    pub(super) fn allows(&self, length: u32) -> bool {
        self.outstanding == 0 || self.outstanding.saturating_add(length.into()) <= self.depth
    }

    pub(super) fn sent(&mut self, length: u32, now: Instant) {
        self.outstanding = self.outstanding.saturating_add(length.into());
        let round = self.round.get_or_insert(Round { start: now, came: 0, full: false });
        // Less than another such request is left.
        round.full |= self.outstanding.saturating_add(length.into()) > self.depth;
    }

    /// A request of `asked` bytes was answered by `came`.
    pub(super) fn answered(&mut self, asked: u32, came: u32, now: Instant) {
        self.outstanding = self.outstanding.saturating_sub(asked.into());
        let Some(round) = &mut self.round else { return };
        round.came = round.came.saturating_add(came.into());
        if round.came >= self.depth {
            let Round { start, came, full } = *round;
            self.round = Some(Round { start: now, came: 0, full: false });
            if full {
                self.judge(rate(came, now.since(start)));
            }
        } else if self.outstanding == 0 {
            self.round = None;
        }
    }

    fn judge(&mut self, rate: u64) {
        if self.slack >= PATIENCE || self.depth >= self.most {
            return;
        }
        if rate > self.best.saturating_add(self.best / 4) {
            self.best = rate;
            self.slack = 0;
            self.depth = self.depth.saturating_mul(2).min(self.most);
        } else {
            self.slack = self.slack.saturating_add(1);
        }
    }
}

/// Bytes a second.
fn rate(bytes: u64, span: Duration) -> u64 {
    let micros = span.as_micros().max(1);
    let rate = u128::from(bytes).saturating_mul(1_000_000).checked_div(micros);
    rate.and_then(|rate| u64::try_from(rate).ok()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::{START, Window};
    use crate::Instant;
    use std::collections::VecDeque;

    /// A line of so many bytes a microsecond, and a delay in microseconds: how deep the window gets with requests of `size`.
    fn depth(rate: u64, delay: u64, most: u64, size: u32) -> u64 {
        let mut window = Window::new(most);
        let (mut now, mut free) = (0, 0);
        let mut due = VecDeque::new();
        for _ in 0..100_000 {
            while window.allows(size) {
                window.sent(size, Instant(now));
                free = free.max(now) + u64::from(size) / rate;
                due.push_back(free + delay);
            }
            now = due.pop_front().expect("outstanding");
            window.answered(size, size, Instant(now));
        }
        window.depth()
    }

    #[test]
    fn grows_to_what_the_line_holds() {
        for size in [32_768, 261_120] {
            // 100 bytes a microsecond and 50 ms hold 5 MB.
            let deep = depth(100, 50_000, 1 << 30, size);
            assert!((5_000_000..=17_000_000).contains(&deep), "{deep}");
            assert_eq!(depth(100, 50_000, 1 << 20, size), 1 << 20);
        }
    }

    #[test]
    fn stays_small_on_a_short_line() {
        assert!(depth(100, 10, 1 << 30, 32_768) <= START << 3);
    }

    #[test]
    fn one_request_always_may_leave() {
        let mut window = Window::new(0);
        assert!(window.allows(u32::MAX));
        window.sent(1, Instant(0));
        assert!(!window.allows(1));
        window.answered(1, 0, Instant(0));
        assert!(window.allows(1));
    }
}
