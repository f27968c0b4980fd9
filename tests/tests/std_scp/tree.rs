//! A tree to copy, with names as odd as file systems let them be, and what became of it.

use core::time::Duration;
use sanssh_std::scp::{Copy, Event};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

pub(crate) const ALL: Copy = Copy { recursive: true, preserve: true, directory: false, follow: false };
pub(crate) const PLAIN: Copy = Copy { recursive: false, preserve: false, directory: false, follow: false };

/// Names that a shell, a terminal or a line could trip over.
pub(crate) const NAMES: [&[u8]; 9] = [
    b"plain",
    b"with spaces  two",
    "\u{e4}\u{1f600}".as_bytes(),
    b"it's \"quoted\"",
    b"-rf",
    b"$(touch owned)`x`;*?[a]",
    b"\x1b[2J\t\r",
    b"\xff\xfe not UTF-8",
    b"\\^J",
];

pub(crate) fn name(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}

/// Bytes that do not repeat soon.
pub(crate) fn noise(size: usize) -> Vec<u8> {
    let mut bytes = vec![0; size];
    sanssh_std::core::Random::new(&sanssh_std::core::Seed::new([9; 32])).fill(&mut bytes);
    bytes
}

/// A tree with every name, sizes around those of buffers, modes, times, and directories inside each other.
pub(crate) fn tree() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let top = directory.path().join("top");
    fs::create_dir_all(top.join("deep/er/est")).unwrap();
    fs::create_dir(top.join("empty")).unwrap();
    let sizes = [0, 1, 5, 255 * 1024, 256 * 1024, 256 * 1024 + 1, 1 << 20, 17, 3];
    for (bytes, size) in NAMES.into_iter().zip(sizes) {
        fs::write(top.join(name(bytes)), noise(size)).unwrap();
        fs::write(top.join("deep/er").join(name(bytes)), bytes).unwrap();
    }
    for (file, mode) in [("plain", 0o600), ("-rf", 0o4755), ("deep/er/plain", 0o444), ("deep/er/est", 0o700)] {
        fs::set_permissions(top.join(file), fs::Permissions::from_mode(mode)).unwrap();
    }
    let old = fs::FileTimes::new().set_modified(std::time::UNIX_EPOCH + Duration::from_secs(1_000_000_000));
    for file in ["plain", "deep/er", "empty"] {
        fs::File::open(top.join(file)).unwrap().set_times(old).unwrap();
    }
    directory
}

/// Everything below a directory: path, mode, time of change, contents.
pub(crate) fn listing(top: &Path) -> Vec<(PathBuf, u32, i64, Vec<u8>)> {
    let mut found = Vec::new();
    let mut left = vec![top.to_owned()];
    while let Some(path) = left.pop() {
        let meta = fs::symlink_metadata(&path).unwrap();
        let content = if meta.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
        if meta.is_dir() {
            left.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
        found.push((path.strip_prefix(top).unwrap().to_owned(), meta.mode(), meta.mtime(), content));
    }
    found.sort();
    found
}

/// Nothing may fail.
pub(crate) fn sound(event: Event<'_>) {
    if let Event::Failed { path, why } = event {
        panic!("{}: {why}", path.display());
    }
}
