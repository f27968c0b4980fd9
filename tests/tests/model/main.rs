//! Both ends of the connection protocol against a reference that fits on a page: thousands of random commands, with rekeys,
//! delays, pieces of any size and lines that end, and not a byte, an answer or an event that the reference does not say.
//!
//! Chance is seeded. `SANSSH_SEED=7 cargo test -p sanssh-tests --test model` walks one seed alone, whatever the test's own.

mod forwards;
mod model;
mod walk;

use core::ops::Range;
use sanssh_core::crypto::Provider;
use sanssh_core::crypto::fast::Fast;
use sanssh_core::crypto::null::Null;

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

/// Walks each seed, or the one that is asked for alone, and checks what all of them together have come to.
fn each(seeds: Range<u64>, walk: impl Fn(u64) -> Tally, enough: impl Fn(&Tally) -> bool) {
    let alone = std::env::var("SANSSH_SEED").ok().map(|seed| seed.parse().expect("a number"));
    let mut sum = Tally::default();
    for seed in alone.map_or(seeds, |seed| seed..seed + 1) {
        let named = Named(seed);
        sum += walk(named.0);
    }
    assert!(alone.is_some() || enough(&sum), "the walks went nowhere: {sum:?}");
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
    each(
        0..12,
        |seed| stretches::<Null>(seed, 15),
        |sum| {
            let moved = sum.bytes > 800_000 && sum.stalls > 200 && sum.busy > 1000 && sum.keyed > 300;
            let channels = sum.opened > 200 && sum.declined > 50 && sum.closed > 400;
            moved && channels && sum.replies > 100 && sum.notices > 300 && sum.forwards > 100 && sum.returned > 20
        },
    );
}

#[test]
fn d18_everything_arrives_under_real_keys() {
    each(100..104, |seed| stretches::<Fast>(seed, 10), |sum| sum.bytes > 100_000 && sum.keyed > 80);
}

#[test]
fn a_line_that_ends_anywhere_is_an_error_for_both() {
    each(
        1000..1200,
        |seed| {
            let mut walk = Walk::<Null>::new(seed);
            (0..300 + seed * 7 % 900).for_each(|_| walk.step());
            walk.cut();
            walk.world.tally
        },
        |sum| sum.opened > 60 && sum.bytes > 150_000 && sum.forwards > 50,
    );
}
