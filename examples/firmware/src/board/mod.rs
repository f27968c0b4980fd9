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

pub use clock::{nanoseconds, now};
pub use crash::panics;
pub use entropy::seed;
pub use lent::Lent;
pub use nic::Wire;
pub use rest::rest;
pub use this::{MAC, NAME, light, lit};

/// Starts clock and Ethernet. Once.
pub fn start() -> Option<Wire> {
    let peripherals = cortex_m::Peripherals::take()?;
    stack::paint();
    crash::start();
    let nic = this::Nic::start();
    clock::start(peripherals.SYST);
    Some(Wire(nic))
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
