//! Counts of heap allocations made by the calling thread, or by all, for tests of code that must make none. The counting allocator
//! is a released crate's, because implementing one takes unsafe code.

use std::alloc::System;

use alloc_tracker::{Allocator, Session};

/// The allocator that counts. A test program that measures must install it:
///
/// ```
/// use sanssh_tests::count::{Counting, allocations};
///
/// #[global_allocator]
/// static ALLOCATOR: Counting = Counting::system();
///
/// fn main() {
///     assert_eq!(allocations(|| ()), 0);
/// }
/// ```
pub type Counting = Allocator<System>;

/// What some work took from the heap, on the thread that ran it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Calls of the allocator that gave memory, growth in place included.
    pub allocations: u64,
    /// Bytes asked for in those calls.
    pub bytes: u64,
    /// The most that was held at one moment, above what was held at the start.
    pub peak: u64,
}

/// How often `work` allocates.
///
/// # Panics
/// If [`Counting`] is not installed.
pub fn allocations(work: impl FnOnce()) -> u64 {
    usage(work).1.allocations
}

/// Runs `work` and says what it took.
///
/// # Panics
/// If [`Counting`] is not installed.
pub fn usage<T>(work: impl FnOnce() -> T) -> (T, Usage) {
    // Otherwise every count would be zero, and every test that wants zero would pass.
    let (_, probe) = measure(|| core::hint::black_box(Box::new(1_u8)));
    assert!(probe.allocations > 0, "the program must install sanssh_tests::count::Counting as its global allocator");
    measure(work)
}

/// Bytes that all threads ask for while `work` runs, those included that they give back: more than they ever hold of it.
///
/// # Panics
/// If [`Counting`] is not installed.
pub fn everywhere(work: impl FnOnce()) -> u64 {
    let session = Session::new().no_stdout().no_file();
    let operation = session.operation("work");
    let span = operation.measure_process().iterations(1);
    core::hint::black_box(Box::new(1_u8));
    work();
    drop(span);
    let bytes = session.to_report().operations().map(|(_, taken)| taken.total_bytes_allocated()).sum();
    assert!(bytes > 0, "the program must install sanssh_tests::count::Counting as its global allocator");
    bytes
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a byte count that the crate gives as f64")]
fn measure<T>(work: impl FnOnce() -> T) -> (T, Usage) {
    let session = Session::new().no_stdout().no_file();
    let operation = session.operation("work");
    let span = operation.measure_thread().iterations(1);
    let result = work();
    drop(span);
    let report = session.to_report();
    let (_, taken) = report.operations().next().expect("the operation that was measured");
    let usage = Usage {
        allocations: taken.total_allocations_count(),
        bytes: taken.total_bytes_allocated(),
        peak: taken.peak_outstanding_bytes().unwrap_or(0.0) as u64,
    };
    (result, usage)
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::hint::black_box;
    use std::thread;

    #[global_allocator]
    static ALLOCATOR: Counting = Counting::system();

    #[test]
    fn nothing_counts_as_nothing() {
        assert_eq!(usage(|| black_box([0_u8; 64])).1, Usage { allocations: 0, bytes: 0, peak: 0 });
    }

    #[test]
    fn each_allocation_counts() {
        let (kept, usage) = usage(|| {
            drop(black_box(vec![0_u8; 100]));
            black_box(vec![0_u8; 60])
        });
        assert_eq!(usage, Usage { allocations: 2, bytes: 160, peak: 100 });
        drop(kept);
    }

    #[test]
    fn growth_counts() {
        let mut bytes = Vec::<u8>::with_capacity(16);
        assert_eq!(allocations(|| bytes.reserve_exact(1 << 16)), 1);
    }

    #[test]
    fn other_threads_count_where_they_are_wanted() {
        let bytes = everywhere(|| {
            thread::spawn(|| black_box(vec![0_u8; 1 << 20]).len()).join().unwrap();
        });
        assert!(bytes >= 1 << 20, "{bytes}");
    }

    #[test]
    fn other_threads_do_not_count() {
        let (go, wait) = std::sync::mpsc::sync_channel(0);
        let (finished, done) = std::sync::mpsc::sync_channel(0);
        let other = thread::spawn(move || {
            let () = wait.recv().unwrap();
            drop(black_box(vec![0_u8; 1 << 16]));
            finished.send(()).unwrap();
        });
        let bytes = usage(|| {
            go.send(()).unwrap();
            done.recv().unwrap();
        });
        // The channel itself may allocate here to wait.
        assert!(bytes.1.bytes < 1 << 16, "{bytes:?}");
        other.join().unwrap();
    }
}
