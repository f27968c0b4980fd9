//! The proof that the core links without `std` and without an allocator: a static library with a panic handler of its
//! own and no allocator. The compiler refuses it as soon as any crate it links brings either; `run` shows that too.

#![no_std]

#[cfg(feature = "alloc-leak")]
extern crate alloc;
#[cfg(feature = "std-leak")]
extern crate std;

use sanssh_core::seed::{Random, Seed};
use sanssh_core::wire::Reader;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

/// An entry that keeps the core's code in the library.
#[unsafe(no_mangle)]
pub extern "C" fn sanssh_nostd_proof(seed: &[u8; 32]) -> u32 {
    let bytes: [u8; 32] = Random::new(&Seed::new(*seed)).array();
    Reader::new(&bytes).u32().unwrap_or(0)
}
