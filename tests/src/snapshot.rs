//! Tables under `vectors/` that tests compute and people read: a change of the rules is read as a change of a table.

use std::path::Path;
use std::{env, fs};

/// Compares what a test computed with the file of that name; `BLESS=1` rewrites it.
///
/// # Panics
/// If they differ, or there is no such file.
pub fn check(name: &str, table: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../vectors").join(name);
    if env::var_os("BLESS").is_some() {
        fs::write(&path, table).expect("vectors/ can be written");
    }
    let stored = fs::read_to_string(path).unwrap_or_else(|_| panic!("no vectors/{name}; BLESS=1 writes it"));
    assert!(stored == table, "vectors/{name} says otherwise; BLESS=1 accepts this:\n{table}");
}
