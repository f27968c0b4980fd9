//! Time since the start, by the processor's own counter and an interrupt each time that it is through, which is also how
//! long the processor sleeps at a time.

use super::this::HERTZ;
use core::sync::atomic::{AtomicU32, Ordering};
use cortex_m::peripheral::syst::SystClkSource;
use cortex_m::peripheral::{SCB, SYST};
use cortex_m_rt::exception;
use sanssh_core::Instant;

/// The counter counts down from here, a hundred times a second.
const TOP: u32 = HERTZ / 100 - 1;

static ROUNDS: AtomicU32 = AtomicU32::new(0);

pub(super) fn start(mut counter: SYST) {
    counter.set_clock_source(SystClkSource::Core);
    counter.set_reload(TOP);
    counter.clear_current();
    counter.enable_counter();
    counter.enable_interrupt();
}

#[exception]
fn SysTick() {
    ROUNDS.store(ROUNDS.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
}

fn ticks() -> u64 {
    loop {
        let rounds = ROUNDS.load(Ordering::Relaxed);
        let left = SYST::get_current();
        // A round that has just ended may not be counted yet.
        let early = SCB::is_pendst_pending() && left > TOP / 2;
        if ROUNDS.load(Ordering::Relaxed) == rounds {
            let rounds = u64::from(rounds) + u64::from(early);
            return rounds * u64::from(TOP + 1) + u64::from(TOP.saturating_sub(left));
        }
    }
}

/// Time since the start.
pub fn now() -> Instant {
    Instant(ticks() / u64::from(HERTZ / 1_000_000))
}

/// The same, finer: under QEMU's `-icount shift=0` as many instructions.
pub fn nanoseconds() -> u64 {
    ticks() * u64::from(1_000_000_000 / HERTZ)
}
