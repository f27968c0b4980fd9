//! What benches share: our programs as a user builds them, and medians, because the machine is shared.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Builds one of our programs for release, and tells where it is. `kind` is `--bin` or `--example`.
///
/// # Panics
/// If it does not build.
#[must_use]
pub fn build(package: &str, kind: &str, name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let arguments = ["build", "--release", "--quiet", "-p", package, kind, name];
    let built = Command::new(cargo).args(arguments).current_dir(&root).status();
    assert!(built.is_ok_and(|status| status.success()), "{name} builds");
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let directory = if kind == "--bin" { "release" } else { "release/examples" };
    target.join(directory).join(name).canonicalize().expect("the program")
}

/// More programs to compare, by name and words, as the environment's `SANSSH_CONTENDERS` has them: `NAME=PROGRAM
/// ARGUMENT...`, with semicolons between. Each follows the protocol of `benches/contender.rs`.
///
/// # Panics
/// If one has no name.
#[must_use]
pub fn contenders() -> Vec<(String, Vec<String>)> {
    let more = std::env::var(CONTENDERS).unwrap_or_default();
    let one = |more: &str| {
        let (name, words) = more.split_once('=').unwrap_or_else(|| panic!("{CONTENDERS}: {more} has no name"));
        (name.to_owned(), words.split_whitespace().map(str::to_owned).collect())
    };
    more.split(';').filter(|more| !more.is_empty()).map(one).collect()
}

const CONTENDERS: &str = "SANSSH_CONTENDERS";

/// What one run took, in seconds.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    /// Until it was over.
    pub wall: f64,
    /// Of processors.
    pub cpu: f64,
}

/// Prints the medians of two programs, and the medians of the ratios within each round.
pub fn side_by_side(title: &str, rounds: &[[Cost; 2]]) {
    let of = |pick: fn(&[Cost; 2]) -> f64| median(rounds.iter().map(pick));
    println!(
        "{title:<48} wall {:>7.3} s {:>7.3} s ratio {:>5.2}   cpu {:>7.3} s {:>7.3} s ratio {:>5.2}",
        of(|round| round[0].wall),
        of(|round| round[1].wall),
        of(|round| round[1].wall / round[0].wall),
        of(|round| round[0].cpu),
        of(|round| round[1].cpu),
        of(|round| round[1].cpu / round[0].cpu),
    );
}

/// The middle of some values; not a number if there are none.
#[must_use]
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_does_not_mind_order() {
        assert!((median([9.0, 1.0, 5.0]) - 5.0).abs() < f64::EPSILON);
        assert!(median([]).is_nan());
    }
}
