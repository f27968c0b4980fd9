//! The end of every fuzzed connection: one that is over stays so, and one that is not is not waited for in vain.

use super::sides::Acts;
use super::subject::{OUTPUT, Subject};
use sanssh_core::channel::OpenKind;
use sanssh_core::{Error, Input, Instant, Refused};

/// Deadlines after which a silent connection is over, or has none: a few of each kind, and each keepalive.
const MOST_DEADLINES: usize = 64;

impl<R: Acts> Subject<R> {
    /// What must hold at the end of a case.
    pub(super) fn finish(mut self) {
        self.room = OUTPUT;
        self.receive(&[]);
        self.flush();
        self.deadlines();
        if self.over.is_none() {
            let error = self.ssh.hung_up().expect_err("it was not over");
            assert_eq!(error, Error::HungUp);
            self.end(error);
        }
        self.flush();
        self.stays_over();
    }

    /// Goes from deadline to deadline: each lies ahead, and without an answer the last is the end.
    fn deadlines(&mut self) {
        for _ in 0..MOST_DEADLINES {
            self.tick(self.now);
            self.receive(&[]);
            self.flush();
            let Some(deadline) = self.ssh.deadline() else {
                assert!(self.over.is_some() || self.ssh.is_logged_in(), "it waits for ever");
                return;
            };
            assert!(deadline > self.now, "a deadline that is kept comes again");
            self.tick(deadline);
        }
        panic!("deadlines without end");
    }

    /// Whatever is called, nothing comes of it but the same error.
    fn stays_over(&mut self) {
        let error = self.over.expect("it is over");
        let (told, later) = (self.told.len(), Instant(u64::MAX));
        let mut bytes = [0x55; 64];
        let mut input = Input::new(&mut bytes);
        assert_eq!(self.ssh.recv(later, &mut input).expect_err("over"), error);
        assert_eq!(input.taken(), 0);
        assert_eq!(self.ssh.tick(later), Err(error));
        assert_eq!((self.ssh.deadline(), self.ssh.waiting(), self.ssh.owes_output()), (None, None, false));
        let opened = self.command(0, |ssh, output| ssh.open(OpenKind::Session, output));
        assert_eq!(opened, Err(Refused::Closed));
        self.ssh.rekey();
        assert_eq!(self.flush(), 0);
        assert_eq!(self.ssh.hung_up().is_ok(), matches!(error, Error::Closed | Error::Disconnected(_)));
        assert_eq!(told, self.told.len());
    }
}
