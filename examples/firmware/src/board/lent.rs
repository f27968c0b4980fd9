//! Static memory that is lent once, and then for ever. What it holds at first is zeros, or nothing: anything else would
//! take as much of the flash.

use core::cell::UnsafeCell;
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicBool, Ordering};

/// Memory that is there before anything runs, and takes no stack.
#[derive(Debug)]
pub struct Lent<T> {
    taken: AtomicBool,
    value: UnsafeCell<T>,
}

// SAFETY: whoever gets at the value is the only one, since `taken` lets nobody else.
unsafe impl<T: Send> Sync for Lent<T> {}

impl<T> Lent<MaybeUninit<T>> {
    /// Room, to be written to by who gets it.
    pub const ROOM: Self = Self::new(MaybeUninit::uninit());
}

impl<T> Lent<T> {
    /// To be lent.
    pub const fn new(value: T) -> Self {
        Self { taken: AtomicBool::new(false), value: UnsafeCell::new(value) }
    }

    /// Lends it; `None` the second time.
    pub fn lend(&'static self) -> Option<&'static mut T> {
        let taken = self.taken.swap(true, Ordering::Relaxed);
        // SAFETY: this happens once.
        (!taken).then(|| unsafe { &mut *self.value.get() })
    }
}
