//! Sleep until a frame comes. The interrupt does nothing but end the sleep: what came is asked for.

use super::nic::Wire;
use super::this;
use cortex_m::interrupt::InterruptNumber;
use cortex_m::peripheral::NVIC;

#[derive(Clone, Copy)]
struct Ethernet;

// SAFETY: the number is that of the board's Ethernet controller, and stays it.
unsafe impl InterruptNumber for Ethernet {
    fn number(self) -> u16 {
        this::INTERRUPT
    }
}

/// What cortex-m-rt wants of a device's crate: the handlers of external interrupts, of which one is ever enabled.
#[unsafe(link_section = ".vector_table.interrupts")]
#[unsafe(no_mangle)]
static __INTERRUPTS: [unsafe extern "C" fn(); this::INTERRUPTS] = [stir; this::INTERRUPTS];

unsafe extern "C" fn stir() {
    NVIC::mask(Ethernet);
}

/// Sleeps until a frame comes, or for a hundredth of a second.
pub fn rest(wire: &Wire) {
    // A frame that comes between the look and the sleep ends the sleep, and is handled when this is left.
    cortex_m::interrupt::free(|_| {
        if !wire.0.has_frame() {
            // SAFETY: its handler shares nothing with anybody.
            unsafe { NVIC::unmask(Ethernet) };
            cortex_m::asm::wfi();
        }
    });
}
