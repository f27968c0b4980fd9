//! What the firmware needs of a board: Ethernet, a clock, a light, entropy; and where its memory and its panics went.
//!
//! Everything that touches hardware, and so everything unsafe, is in here.
#![expect(unsafe_code, reason = "registers, linker symbols and the debugger are reached by address")]

mod clock;
mod crash;
mod entropy;
mod lent;
mod nic;
mod register;
mod rest;
pub mod stack;

#[cfg(feature = "lm3s6965evb")]
mod lm3s6965evb;
#[cfg(feature = "mps2-an386")]
mod mps2_an386;

#[cfg(feature = "lm3s6965evb")]
use lm3s6965evb as this;
#[cfg(feature = "mps2-an386")]
use mps2_an386 as this;

use sanssh_core::Random;

pub use clock::{nanoseconds, now};
pub use crash::panics;
pub use lent::Lent;
pub use nic::Wire;
pub use rest::rest;
pub use this::{MAC, light, lit};

/// Starts the board: its Ethernet, and a generator of what must not be guessed. Where there is no seed, there is no SSH.
pub fn boot() -> (Wire, Random) {
    let Some(peripherals) = cortex_m::Peripherals::take() else { stop(false) };
    stack::paint();
    crash::start();
    let nic = this::Nic::start();
    clock::start(peripherals.SYST);
    let Some(seed) = entropy::seed() else {
        say("there is no seed, and without one no SSH\n");
        stop(false)
    };
    (Wire(nic), Random::new(&seed))
}

/// Says something to whoever debugs.
pub fn say(text: &str) {
    show(text.as_bytes());
}

/// The same of any bytes.
pub fn show(bytes: &[u8]) {
    if let Ok(mut out) = cortex_m_semihosting::hio::hstdout() {
        let _ = out.write_all(bytes);
    }
}

/// Ends the emulator, or stops: nothing is left to do.
pub fn stop(well: bool) -> ! {
    use cortex_m_semihosting::debug::{EXIT_FAILURE, EXIT_SUCCESS, exit};
    exit(if well { EXIT_SUCCESS } else { EXIT_FAILURE });
    loop {
        cortex_m::asm::wfi();
    }
}
