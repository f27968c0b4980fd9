//! Who waits by itself, and what it has seen. What a call that waits for nothing takes off the socket may be what another
//! wants, and no descriptor tells that one: so a wait is only worth it once nothing has moved since it was last asked for.

use std::thread::{self, ThreadId};

/// Threads whose last question is remembered; who is forgotten has to look once more than it needs.
const MOST: usize = 64;

/// How often anything had happened when each thread last asked what to wait for, the latest last.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    threads: Vec<(ThreadId, u64)>,
}

impl Asked {
    /// This thread asks, when so much has happened: whether anything has since it did before.
    pub(crate) fn has_moved(&mut self, moves: u64) -> bool {
        let thread = thread::current().id();
        let before = self.threads.iter().position(|(one, _)| *one == thread).map(|at| self.threads.remove(at).1);
        if self.threads.len() == MOST {
            self.threads.remove(0);
        }
        self.threads.push((thread, moves));
        before != Some(moves)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_thread_hears_of_what_happened_once() {
        let mut asked = Asked::default();
        assert!(asked.has_moved(5) && !asked.has_moved(5));
        thread::scope(|scope| {
            let other = scope.spawn(|| asked.has_moved(6) && !asked.has_moved(6));
            assert!(other.join().unwrap());
        });
        assert!(asked.has_moved(6) && !asked.has_moved(6));
    }

    #[test]
    fn threads_that_are_gone_take_no_room_for_long() {
        let mut asked = Asked::default();
        assert!(asked.has_moved(1));
        for _ in 0..2 * MOST {
            thread::scope(|scope| drop(scope.spawn(|| asked.has_moved(1))));
        }
        assert_eq!(asked.threads.len(), MOST);
        assert!(asked.has_moved(1));
    }
}
