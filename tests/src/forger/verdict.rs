//! What must hold at the end of a hostile case: the rules that stand above the tables of cases.
//!
//! The machine is over with one typed error, said so at most once and nothing after it, told its embedder nothing but
//! what the case names, and stays as it is whatever is called later.

use super::{Forger, Side};
use sanssh_core::channel::OpenKind;
use sanssh_core::crypto::Provider;
use sanssh_core::wire::Message;
use sanssh_core::wire::transport::Disconnect;
use sanssh_core::{Error, Input, Instant, Output, Refused};

impl<R: Side, P: Provider, Q: Provider> Forger<R, P, Q> {
    /// The machine is over with `error`, was told only `told`, and sent nothing but the DISCONNECT that belongs to it,
    /// since both were forgotten last.
    pub fn fatal(&mut self, error: Error, told: &[&str]) {
        self.fatal_after(error, told, &[]);
    }

    /// The same, with these messages before the DISCONNECT.
    pub fn fatal_after(&mut self, error: Error, told: &[&str], before: &[u8]) {
        assert_eq!(self.machine.over, Some(error), "told {:?}, heard {:?}", self.machine.told, self.numbers());
        assert_eq!(self.machine.told, told, "what the embedder was told");
        let goodbye = error.reason().map(|_| Disconnect::NUMBER);
        let expected: Vec<u8> = before.iter().copied().chain(goodbye).collect();
        assert_eq!(self.numbers(), expected, "what the machine sent, for {error:?}");
        if let Some(reason) = error.reason() {
            let (_, payload) = self.heard.last().expect("a DISCONNECT");
            let goodbye = Disconnect::decode(&payload[1..]).expect("a sound DISCONNECT");
            assert_eq!(goodbye.code, reason.0, "the reason for {error:?}");
            assert!(goodbye.description.is_empty(), "the peer learns no details");
        }
        self.stays_dead(error);
    }

    /// Whatever is called on a machine that is over returns the same error and changes nothing.
    pub fn stays_dead(&mut self, error: Error) {
        let (told, later) = (self.machine.told.len(), Instant(u64::MAX));
        let ssh = &mut self.machine.ssh;
        let mut bytes = [0x55; 600];
        let mut input = Input::new(&mut bytes);
        assert_eq!(ssh.recv(later, &mut input).expect_err("over"), error);
        assert_eq!(input.taken(), 0, "nothing is taken any more");
        assert_eq!(ssh.tick(later), Err(error));
        assert_eq!(ssh.fate(), Some(error));
        assert_eq!(ssh.deadline(), None);
        assert!(!ssh.owes_output() && ssh.waiting().is_none());
        let mut space = [0; 4096];
        let mut output = Output::new(&mut space);
        assert_eq!(ssh.open(OpenKind::Session, &mut output), Err(Refused::Closed));
        ssh.rekey();
        ssh.flush(later, &mut output);
        assert_eq!(output.filled(), 0, "nothing leaves any more");
        let graceful = matches!(error, Error::Closed | Error::Disconnected(_));
        assert_eq!(ssh.hung_up(), if graceful { Ok(()) } else { Err(error) });
        self.machine.take(b"SSH-2.0-again\r\n");
        assert!(self.machine.sent.is_empty() && self.machine.told.len() == told, "it stays dead");
    }

    /// The machine goes on, and was told and sent only this since both were forgotten last.
    pub fn lives(&mut self, told: &[&str], heard: &[u8]) {
        assert_eq!(self.machine.over, None, "told {:?}, heard {:?}", self.machine.told, self.numbers());
        assert_eq!(self.machine.told, told, "what the embedder was told");
        assert_eq!(self.numbers(), heard, "what the machine sent");
        self.forget();
    }
}
