//! Calls that wait for nothing and could not go on. What one of them takes off the socket may be what another wants, and
//! no descriptor tells that one: here is known who has to look once more before it is worth a wait.

use crate::inbox::Kind;
use sanssh_core::ChannelId;
use std::thread::{self, ThreadId};

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
    thread: ThreadId,
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
        self.calls.push(Look { call, thread: thread::current().id(), moves, at: now });
    }

    /// A call is through, or given up.
    pub(crate) fn forget(&mut self, call: Caller) {
        self.calls.retain(|look| look.call != call);
    }

    /// A channel is let go of: nobody reads or writes it any more.
    pub(crate) fn leave(&mut self, channel: ChannelId) {
        self.calls.retain(|look| match look.call {
            Caller::Read(id, _) | Caller::Write(id) => id != channel,
            Caller::Kept(_) => true,
        });
    }

    /// How often anything had happened when the call of this thread looked that has not looked for longest: if more has
    /// happened, one that could not go on may be able to by now.
    pub(crate) fn oldest(&self) -> Option<u64> {
        let thread = thread::current().id();
        self.calls.iter().filter(|look| look.thread == thread).map(|look| look.moves).min()
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
        assert!(vain.oldest() == Some(5));
        vain.note(B, 6);
        assert!(vain.oldest() == Some(5) && vain.oldest() == Some(5));
        vain.note(B, 6);
        assert_eq!(vain.oldest(), Some(5));
        vain.note(A, 6);
        assert_eq!(vain.oldest(), Some(6));
    }

    #[test]
    fn what_another_thread_waits_for_is_its_own() {
        let mut vain = Vain::default();
        vain.note(A, 5);
        assert_eq!(thread::scope(|scope| scope.spawn(|| vain.oldest()).join().unwrap()), None);
    }

    #[test]
    fn who_is_through_or_does_not_come_back_is_not_waited_for() {
        let mut vain = Vain::default();
        vain.note(A, 5);
        vain.note(B, 6);
        vain.forget(A);
        assert_eq!(vain.oldest(), Some(6));
        vain.note(A, 6);
        let rounds = (0..100).take_while(|_| {
            vain.note(B, 7);
            vain.oldest() == Some(6)
        });
        assert!((1..40).contains(&rounds.count()));
    }
}
