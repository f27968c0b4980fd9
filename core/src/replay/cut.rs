//! The law of segmentation: however the received bytes are cut, the same is told and the same emitted. These are the ways
//! to cut them anew.

use super::script::{Step, What};
use alloc::vec::Vec;

/// How the received bytes are cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// As they were.
    Recorded,
    /// One at a time.
    Bytes,
    /// At places that this number decides.
    Random(u64),
    /// Not at all: everything up to the next call or flush at once, and the beginning of what follows it.
    Joined,
}

/// Bytes of the next delivery that [`Cut::Joined`] brings early: less than any packet, so that nothing happens early.
const EARLY: usize = 15;

/// Cuts deliveries one after the other.
pub(super) struct Knife {
    cut: Cut,
    random: u64,
}

impl Knife {
    pub(super) const fn new(cut: Cut) -> Self {
        let random = match cut {
            Cut::Random(seed) => seed,
            Cut::Recorded | Cut::Bytes | Cut::Joined => 0,
        };
        Self { cut, random }
    }

    /// The pieces of a delivery, in order.
    pub(super) fn pieces(&mut self, bytes: &[u8]) -> Vec<Vec<u8>> {
        match self.cut {
            Cut::Recorded | Cut::Joined => Vec::from([bytes.to_vec()]),
            Cut::Bytes => bytes.chunks(1).map(<[u8]>::to_vec).collect(),
            Cut::Random(_) => {
                let mut rest = bytes;
                let mut pieces = Vec::new();
                while !rest.is_empty() {
                    // Short pieces mostly, long ones at times: heads of packets and whole packets are both cut.
                    let draw = self.draw();
                    let length = if draw.is_multiple_of(4) { draw / 4 % 5000 } else { draw / 4 % 40 };
                    let (piece, tail) = rest.split_at(length.saturating_add(1).min(rest.len()));
                    pieces.push(piece.to_vec());
                    rest = tail;
                }
                pieces
            }
        }
    }

    /// A number from a generator for cuts; Knuth's multiplier.
    fn draw(&mut self) -> usize {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.random >> 33).unwrap_or(0)
    }
}

/// Deliveries that nothing was called or flushed between make one, with the beginning of the next before its time.
pub(super) fn joined(steps: &[Step]) -> Vec<Step> {
    let mut joined: Vec<Step> = Vec::new();
    // Where the delivery before stands that may still grow, and where the one before that ended.
    let mut open = None;
    let mut last = None;
    for step in steps {
        let What::Recv(bytes) = &step.what else {
            if !matches!(step.what, What::Event(_)) {
                open = None;
            }
            joined.push(step.clone());
            continue;
        };
        let mut rest = bytes.as_slice();
        if let (None, Some(place)) = (open, last) {
            let (early, late) = rest.split_at(rest.len().min(EARLY));
            append(&mut joined, place, early);
            rest = late;
        }
        match open {
            Some(place) => append(&mut joined, place, rest),
            None => {
                open = Some(joined.len());
                joined.push(Step::new(step.at, What::Recv(rest.to_vec())));
            }
        }
        last = open;
    }
    joined
}

fn append(steps: &mut [Step], place: usize, more: &[u8]) {
    if let Some(Step { what: What::Recv(bytes), .. }) = steps.get_mut(place) {
        bytes.extend_from_slice(more);
    }
}
