//! Gives the linker the board's memory, and the sources the folder of keys that are baked in.

use std::path::PathBuf;
use std::{env, fs};

/// The boards, each a feature.
const BOARDS: [&str; 2] = ["lm3s6965evb", "mps2-an386"];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let chosen =
        |board: &&str| env::var_os(format!("CARGO_FEATURE_{}", board.to_uppercase().replace('-', "_"))).is_some();
    let [board] = BOARDS.into_iter().filter(|board| chosen(board)).collect::<Vec<_>>()[..] else {
        return Err(format!("an image is for one board: choose a feature of {BOARDS:?}").into());
    };
    fs::copy(format!("memory/{board}.x"), out.join("memory.x"))?;
    // What cortex-m-rt wants of a device's crate: names for its interrupts, of which none is used.
    fs::write(out.join("device.x"), "")?;
    println!("cargo::rustc-link-search={}", out.display());
    println!("cargo::rerun-if-changed=memory");
    if env::var_os("CARGO_FEATURE_DEFMT").is_some() {
        println!("cargo::rustc-link-arg-bins=-Tdefmt.x");
    }

    let keys = env::var("FIRMWARE_KEYS").map_err(|_| "FIRMWARE_KEYS names no folder of keys; `build` makes one")?;
    println!("cargo::rustc-env=FIRMWARE_KEYS={keys}");
    println!("cargo::rerun-if-env-changed=FIRMWARE_KEYS");
    println!("cargo::rerun-if-changed={keys}");
    Ok(())
}
