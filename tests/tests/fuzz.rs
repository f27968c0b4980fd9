//! What coverage-guided fuzzing does at length, in short: every target is given its corpus, its seeds, and a fixed number of
//! seeded changes to them. An input that fails is written to a file, for `cargo fuzz run TARGET FILE` and for a test.
//!
//! `SANSSH_FUZZ_SEEDS=DIRECTORY` writes the seeds of each target there, for `tests/fuzz/run` to begin with.

use core::panic::AssertUnwindSafe;
use sanssh_core::{Random, Seed};
use sanssh_tests::count::{Counting, usage};
use sanssh_tests::fuzz::mutate::{mutate, pick};
use sanssh_tests::fuzz::{TARGETS, seeds::seeds};
use std::fs;
use std::panic::{catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};

/// Changed inputs for each target: seconds of optimised code, and as many of code that is not.
const ROUNDS: usize = if cfg!(debug_assertions) { 500 } else { 6000 };
/// The longest input; what is longer shows nothing more and takes longer.
const LONGEST: usize = 8192;

/// Memory that an input may take at a time, with what stands around the connections that it is given to.
const MEMORY: u64 = 8 << 20;

#[global_allocator]
static ALLOCATOR: Counting = Counting::system();

/// Other seeds give other rounds: `SANSSH_FUZZ_SEED=7 cargo test --test fuzz`.
fn chosen_seed() -> u64 {
    std::env::var("SANSSH_FUZZ_SEED").map_or(1, |seed| seed.parse().expect("SANSSH_FUZZ_SEED is a number"))
}

fn corpus(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target)
}

/// The inputs on record, by name.
fn recorded(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = fs::read_dir(corpus(target)).unwrap_or_else(|error| panic!("the corpus of {target}: {error}"));
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), fs::read(path).expect("an input"))).collect()
}

/// Runs a target on one input; if it fails, says where the input is.
fn run(target: &str, function: fn(&[u8]), input: &[u8], what: &str) {
    let measured = || {
        let ((), taken) = usage(|| function(input));
        assert!(taken.peak <= MEMORY, "{taken:?}");
    };
    let Err(panic) = catch_unwind(AssertUnwindSafe(measured)) else { return };
    let path = std::env::temp_dir().join(format!("sanssh-fuzz-{target}-{}", std::process::id()));
    fs::write(&path, input).expect("the input that failed");
    eprintln!("{target} fails on {what}: the input is in {}", path.display());
    resume_unwind(panic);
}

fn check(target: &str) {
    let (_, function) = *TARGETS.iter().find(|(name, _)| *name == target).expect("a target");
    let mut inputs = seeds(target);
    inputs.iter().for_each(|seed| run(target, function, seed, "a seed"));
    for (path, input) in recorded(target) {
        run(target, function, &input, &path.display().to_string());
        inputs.push(input);
    }
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&chosen_seed().to_be_bytes());
    println!("{target}: {} inputs, {ROUNDS} rounds, SANSSH_FUZZ_SEED={}", inputs.len(), chosen_seed());
    let mut random = Random::new(&Seed::new(seed));
    for round in 0..ROUNDS {
        let mut input = inputs[pick(&mut random, inputs.len())].clone();
        mutate(&mut random, &mut input);
        input.truncate(LONGEST);
        run(target, function, &input, &format!("round {round}"));
    }
}

macro_rules! suite {
    ($($target:ident)*) => {
        $(
            #[test]
            fn $target() {
                check(stringify!($target));
            }
        )*

        #[test]
        fn every_target_is_checked() {
            let mut targets = [$(stringify!($target)),*];
            targets.sort_unstable();
            assert_eq!(targets, TARGETS.map(|(name, _)| name));
            let Some(directory) = std::env::var_os("SANSSH_FUZZ_SEEDS") else { return };
            for target in targets {
                let directory = Path::new(&directory).join(target);
                fs::create_dir_all(&directory).expect("a directory");
                for (at, seed) in seeds(target).iter().enumerate() {
                    fs::write(directory.join(format!("seed-{at:03}")), seed).expect("a seed");
                }
            }
        }
    };
}

suite! {
    agent authorized_keys client commands config ident keys known_hosts message packet pubkey scp server sftp_client
    sftp_server socks x11
}
