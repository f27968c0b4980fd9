//! Calls that wait for nothing and could not go on. What one of them takes off the socket may be what another wants, and
//! no descriptor tells that one: here is known who has to look once more before it is worth a wait.

use crate::inbox::Kind;
use sanssh_core::ChannelId;

/// A call, as far as it can be told from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caller {
    Read(ChannelId, Option<Kind>),
    Write(ChannelId),
    /// What is kept by the caller at this address.
    Kept(usize),
}

impl Caller {
    pub(crate) fn kept<T: ?Sized>(by: &T) -> Self {
        Self::Kept(core::ptr::from_ref(by).addr())
    }
}

/// The calls that could not go on.
#[derive(Debug, Default)]
pub(crate) struct Vain {
    looks: u64,
    calls: Vec<Look>,
}

#[derive(Debug)]
struct Look {
    call: Caller,
    /// How often anything had happened by then.
    moves: u64,
    /// The number of the look.
    at: u64,
}

impl Vain {
    /// A call has looked, and could not go on. Who has not looked for a while, as others have again and again, has given
    /// up.
    pub(crate) fn note(&mut self, call: Caller, moves: u64) {
        self.looks += 1;
        let (now, rounds) = (self.looks, 4 * self.calls.len() as u64 + 16);
        self.calls.retain(|look| look.call != call && now - look.at <= rounds);
        self.calls.push(Look { call, moves, at: now });
    }

    /// A call is through, or given up.
    pub(crate) fn forget(&mut self, call: Caller) {
        self.calls.retain(|look| look.call != call);
    }

    /// Whether a call that could not go on may be able to by now.
    pub(crate) fn is_stale(&self, moves: u64) -> bool {
        self.calls.iter().any(|look| look.moves != moves)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Caller = Caller::Kept(1);
    const B: Caller = Caller::Kept(2);

    /// However often it is asked in between.
    #[test]
    fn who_has_not_seen_what_another_brought_has_to_look() {
        let mut vain = Vain::default();
        vain.note(A, 5);
        assert!(!vain.is_stale(5));
        vain.note(B, 6);
        assert!(vain.is_stale(6) && vain.is_stale(6));
        vain.note(B, 6);
        assert!(vain.is_stale(6));
        vain.note(A, 6);
        assert!(!vain.is_stale(6));
    }

    #[test]
    fn who_is_through_or_does_not_come_back_is_not_waited_for() {
        let mut vain = Vain::default();
        vain.note(A, 5);
        vain.note(B, 6);
        vain.forget(A);
        assert!(!vain.is_stale(6));
        vain.note(A, 6);
        let rounds = (0..100).take_while(|_| {
            vain.note(B, 7);
            vain.is_stale(7)
        });
        assert!((1..40).contains(&rounds.count()));
    }
}
