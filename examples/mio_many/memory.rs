//! What the process holds, as the system counts it.

use std::fs;

/// Bytes of memory that are the process's own and in use; 0 where the system does not tell.
pub(crate) fn resident() -> usize {
    let told = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = told.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap_or(0);
    pages * rustix::param::page_size()
}
