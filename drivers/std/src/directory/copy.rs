//! Copying between two open files within the system, where it can, and by reading and writing where it cannot.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Bytes of one step by reading and writing.
const STEP: usize = 128 * 1024;

/// Copies up to `length` bytes; how many, 0 at the end of `from`. May be fewer than there are.
pub(crate) fn copy(from: &File, from_offset: u64, to: &File, to_offset: u64, length: u64) -> io::Result<u64> {
    match in_system(from, from_offset, to, to_offset, length) {
        Some(copied) => copied,
        None => by_hand(from, from_offset, to, to_offset, length),
    }
}

/// `None` if the system cannot, or not between these.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn in_system(from: &File, mut from_offset: u64, to: &File, mut to_offset: u64, length: u64) -> Option<io::Result<u64>> {
    use rustix::io::Errno;
    let length = usize::try_from(length).unwrap_or(usize::MAX).min(1 << 30);
    match rustix::fs::copy_file_range(from, Some(&mut from_offset), to, Some(&mut to_offset), length) {
        // Files without a size of their own, as in /proc, say so for nothing.
        Ok(0) | Err(Errno::XDEV | Errno::NOSYS | Errno::OPNOTSUPP | Errno::INVAL | Errno::BADF) => None,
        Ok(copied) => Some(Ok(copied as u64)),
        Err(error) => Some(Err(error.into())),
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn in_system(_: &File, _: u64, _: &File, _: u64, _: u64) -> Option<io::Result<u64>> {
    None
}

pub(super) fn by_hand(from: &File, from_offset: u64, to: &File, to_offset: u64, length: u64) -> io::Result<u64> {
    let mut space = vec![0; usize::try_from(length).unwrap_or(STEP).min(STEP)];
    let read = from.read_at(&mut space, from_offset)?;
    let bytes = space.get(..read).unwrap_or_default();
    to.write_all_at(bytes, to_offset)?;
    Ok(read as u64)
}
