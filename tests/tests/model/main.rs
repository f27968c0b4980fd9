//! Both ends of the connection protocol against a reference that fits on a page: thousands of random commands, with rekeys,
//! delays, pieces of any size and lines that end, and not a byte, an answer or an event that the reference does not say.
//!
//! Chance is seeded. `SANSSH_SEED=7 cargo test -p sanssh-tests --test model` walks one seed alone, whatever the test's own.

mod model;
mod walk;

use sanssh_core::crypto::Provider;
use sanssh_core::crypto::fast::Fast;
use sanssh_core::crypto::null::Null;
use std::ops::Range;
use std::thread;
use walk::{Tally, Walk};

/// Commands between two rests.
const STRETCH: usize = 400;

/// Says which seed it was if the walk fails.
struct Named(u64);

impl Drop for Named {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("SANSSH_SEED={} repeats it", self.0);
        }
    }
}

fn each(seeds: Range<u64>, walk: impl Fn(u64)) {
    let one = std::env::var("SANSSH_SEED").ok().map(|seed| seed.parse().expect("a number"));
    for seed in one.map_or(seeds, |seed| seed..seed + 1) {
        let named = Named(seed);
        walk(named.0);
    }
}

/// Walks a seed, resting now and then.
fn stretches<P: Provider>(seed: u64, count: usize) -> Tally {
    let mut walk = Walk::<P>::new(seed);
    for _ in 0..count {
        (0..STRETCH).for_each(|_| walk.step());
        walk.rest();
    }
    walk.world.tally
}

#[test]
fn d18_everything_arrives_once_and_in_order() {
    each(0..12, |seed| {
        let tally = stretches::<Null>(seed, 15);
        assert!(tally.bytes > 50_000 && tally.stalls > 5 && tally.busy > 100, "{tally:?}");
        assert!(tally.opened > 10 && tally.declined > 0 && tally.closed > 20, "{tally:?}");
        assert!(tally.replies > 5 && tally.notices > 20 && tally.keyed > 20, "{tally:?}");
    });
}

#[test]
fn d18_everything_arrives_under_real_keys() {
    each(100..104, |seed| {
        let tally = stretches::<Fast>(seed, 10);
        assert!(tally.bytes > 25_000 && tally.keyed > 15, "{tally:?}");
    });
}

#[test]
fn a_line_that_ends_anywhere_is_an_error_for_both() {
    each(1000..1200, |seed| {
        let mut walk = Walk::<Null>::new(seed);
        (0..100 + seed % 300).for_each(|_| walk.step());
        walk.cut();
    });
}
