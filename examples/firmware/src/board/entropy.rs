//! The seed that everything secret is grown from.
//!
//! **Neither board has a source of entropy, and an emulator cannot have one.** The seed is read from the host's
//! `/dev/urandom` through the debugger, which suits tests and nothing else. A product takes its chip's generator of true
//! random numbers here, and without one it must not speak SSH.

use cortex_m_semihosting::{nr, syscall};
use sanssh_core::Seed;

const SOURCE: &str = "/dev/urandom\0";

/// A fresh seed; `None` without a debugger that gives one.
pub(super) fn seed() -> Option<Seed> {
    let mut bytes = [0_u8; 32];
    // SAFETY: the debugger reads a name of the length that is told, and writes at most as many bytes as there are.
    let unread = unsafe {
        let file = syscall!(OPEN, SOURCE.as_ptr(), nr::open::R_BINARY, SOURCE.len() - 1);
        if file == usize::MAX {
            return None;
        }
        let unread = syscall!(READ, file, bytes.as_mut_ptr(), bytes.len());
        syscall!(CLOSE, file);
        unread
    };
    (unread == 0 && bytes != [0; 32]).then(|| Seed::new(bytes))
}
