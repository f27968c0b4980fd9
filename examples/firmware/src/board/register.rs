//! Device registers by address.

/// Reads a register.
pub(super) fn read(address: usize) -> u32 {
    // SAFETY: the boards' files name addresses of registers, all of which are words that may be read at any time.
    unsafe { core::ptr::read_volatile(core::ptr::without_provenance(address)) }
}

/// Writes a register.
pub(super) fn write(address: usize, value: u32) {
    // SAFETY: as for reading; none of them makes the device write to memory.
    unsafe { core::ptr::write_volatile(core::ptr::without_provenance_mut(address), value) }
}
