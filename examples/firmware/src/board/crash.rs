//! Panics and faults: each is counted in memory that a reset keeps, and resets the board.

use core::panic::PanicInfo;
use core::sync::atomic::{AtomicU32, Ordering};
use cortex_m::peripheral::SCB;
use cortex_m_rt::{ExceptionFrame, exception};

/// What stands beside a count that is one, and not what memory held when power came.
const VALID: u32 = 0x70a1_1c55;

struct Count {
    valid: AtomicU32,
    panics: AtomicU32,
}

#[unsafe(link_section = ".uninit.crash")]
static COUNT: Count = Count { valid: AtomicU32::new(0), panics: AtomicU32::new(0) };

pub(super) fn start() {
    if COUNT.valid.load(Ordering::Relaxed) != VALID {
        COUNT.panics.store(0, Ordering::Relaxed);
        COUNT.valid.store(VALID, Ordering::Relaxed);
    }
}

/// How often the firmware has panicked, or faulted, since power came.
pub fn panics() -> u32 {
    COUNT.panics.load(Ordering::Relaxed)
}

fn die() -> ! {
    COUNT.panics.store(panics().saturating_add(1), Ordering::Relaxed);
    SCB::sys_reset()
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    die()
}

#[exception]
unsafe fn HardFault(_: &ExceptionFrame) -> ! {
    die()
}
