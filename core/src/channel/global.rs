//! Global requests (RFC 4254 §4), which no channel is about: questions whether the peer lives, forwards, and a server's
//! host keys, which it announces and proves to hold (OpenSSH PROTOCOL §2.5). Answers leave in the order of the requests.
//!
//! ```text
//! owed:    failures, successes, ports found | a decision or a proof, which the embedder thinks about | what is behind it
//! awaited: what nothing hangs on | a forward | proofs
//! ```

use super::forward::ForwardId;
use super::table::Opener;
use crate::Waiting;
use crate::crypto::Provider;
use crate::error::{Error, Refused, Violation};
use crate::event::Serial;
use crate::role::Role;
use crate::transport::Sender;
use crate::wire::connection::{ForwardedPort, GlobalRequest, RequestFailure, RequestSuccess};
use crate::wire::{Malformed, Message, Rest, Sink, Strings};
use heapless::Deque;

/// Answers that are owed before reading stops; runs of equal ones count once.
const MOST_OWED: usize = 16;
/// Equal answers one after the other that are owed before reading stops.
const LONGEST_RUN: u32 = 16;
/// Equal answers that are owed at most. Reading stops long before, unless a key exchange keeps us silent; then this is
/// more than any peer sends before it answers our KEXINIT.
const MOST_EQUAL: u32 = 1 << 16;
/// Questions of ours that are open at a time; runs on whose answers nothing hangs count once.
const MOST_ASKED: usize = 8;
/// Keys that a server is asked to prove at a time.
const MOST_PROOFS: usize = 16;

const KEEPALIVE: &[u8] = b"keepalive@openssh.com";
const ANNOUNCE: &[u8] = b"hostkeys-00@openssh.com";
/// The name of the request is also the first of what proofs sign.
pub(super) const PROVE: &[u8] = b"hostkeys-prove-00@openssh.com";
pub(super) const NO_MORE_SESSIONS: &[u8] = b"no-more-sessions@openssh.com";

/// What global requests leave behind.
#[derive(Debug)]
pub(crate) struct Globals {
    owed: Deque<Owed, MOST_OWED>,
    /// Proofs have been asked of us; that happens once, so each key signs once.
    proven: bool,
    keepalive_owed: bool,
    awaited: Deque<Awaited, MOST_ASKED>,
}

/// An answer that the peer waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owed {
    Failures(u32),
    Successes(u32),
    /// The port that was found.
    Port(u16),
    /// The embedder thinks about it: the number of the question.
    Decision(u32),
    /// The same about a proof; `None` until the question is put.
    Proof(Option<u32>),
}

/// What an answer will be about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Awaited {
    /// So many answers tell no more than that the peer lives.
    Nothing(u32),
    Forward(ForwardId),
    Proofs,
}

/// What a global request or its answer tells.
#[derive(Debug)]
pub(crate) enum Global<'b> {
    /// The server's public host keys.
    Announced(Strings<'b>),
    /// Keys that the client wants proofs of.
    Prove(Strings<'b>),
    /// The signatures that we asked for, or that there are none.
    Proofs(Option<Strings<'b>>),
}

/// What an answer is about.
#[derive(Debug)]
pub(super) enum Answer<'b> {
    Nothing,
    Forward(ForwardId),
    Proofs(Option<Strings<'b>>),
}

impl Globals {
    pub(super) const fn new() -> Self {
        Self { owed: Deque::new(), proven: false, keepalive_owed: false, awaited: Deque::new() }
    }

    /// Handles a request that is not about forwards. One that is not known and wants an answer is owed a failure.
    pub(super) fn request<'b>(
        &mut self,
        from: Opener,
        request: &GlobalRequest<'b>,
    ) -> Result<Option<Global<'b>>, Error> {
        let keys = || Strings::decode(request.fields.0, usize::MAX).map_err(|_| malformed(GlobalRequest::NUMBER));
        match from {
            Opener::Client if request.name == PROVE && request.want_reply => {
                let keys = keys()?;
                if !self.proven && are_few_and_different(keys) {
                    self.proven = true;
                    self.owe(Owed::Proof(None))?;
                    return Ok(Some(Global::Prove(keys)));
                }
            }
            Opener::Server if request.name == ANNOUNCE => {
                self.owe_failure(request.want_reply)?;
                return Ok(Some(Global::Announced(keys()?)));
            }
            Opener::Client | Opener::Server => {}
        }
        self.owe_failure(request.want_reply)?;
        Ok(None)
    }

    /// Owes a failure, if one is wanted.
    pub(super) fn owe_failure(&mut self, wanted: bool) -> Result<(), Error> {
        if wanted { self.owe(Owed::Failures(1)) } else { Ok(()) }
    }

    /// Owes a success, if one is wanted.
    pub(super) fn owe_success(&mut self, wanted: bool) -> Result<(), Error> {
        if wanted { self.owe(Owed::Successes(1)) } else { Ok(()) }
    }

    /// Owes what the embedder will decide.
    pub(super) fn owe_decision(&mut self, serial: Serial) -> Result<(), Error> {
        self.owe(Owed::Decision(serial.number))
    }

    fn owe(&mut self, what: Owed) -> Result<(), Error> {
        match (self.owed.back_mut(), what) {
            (Some(Owed::Failures(count)), Owed::Failures(more))
            | (Some(Owed::Successes(count)), Owed::Successes(more)) => {
                *count = count.saturating_add(more);
                if *count > MOST_EQUAL { Err(Violation::TooMany.into()) } else { Ok(()) }
            }
            _ => self.owed.push_back(what).map_err(|_| Violation::TooMany.into()),
        }
    }

    /// Server: the embedder has decided: yes, perhaps with the port that was found, or no.
    pub(super) fn decide(&mut self, serial: Serial, granted: Option<Option<u16>>) {
        let answer = match granted {
            None => Owed::Failures(1),
            Some(None) => Owed::Successes(1),
            Some(Some(port)) => Owed::Port(port),
        };
        if let Some(owed) = self.owed.iter_mut().find(|owed| **owed == Owed::Decision(serial.number)) {
            *owed = answer;
        }
    }

    /// What an answer is about. Any is a sign of life.
    pub(super) fn reply<'b>(&mut self, number: u8, fields: Option<&'b [u8]>) -> Result<Answer<'b>, Error> {
        match self.awaited.pop_front().ok_or(Violation::Unexpected(number))? {
            Awaited::Nothing(count) => {
                if let Some(count) = count.checked_sub(1).filter(|count| *count > 0) {
                    // There is room: it has just been taken.
                    let _ = self.awaited.push_front(Awaited::Nothing(count));
                }
                Ok(Answer::Nothing)
            }
            Awaited::Forward(id) => Ok(Answer::Forward(id)),
            Awaited::Proofs => {
                let proofs = fields.map(|fields| Strings::decode(fields, MOST_PROOFS)).transpose();
                Ok(Answer::Proofs(proofs.map_err(|Malformed| malformed(number))?))
            }
        }
    }

    /// Whether one more question of ours can be open.
    pub(super) fn may_ask(&self) -> bool {
        !self.awaited.is_full()
    }

    /// A forward was asked for, since there was room.
    pub(super) fn asked_forward(&mut self, id: ForwardId) {
        let _ = self.awaited.push_back(Awaited::Forward(id));
    }

    /// Something was asked on whose answer nothing hangs.
    pub(super) fn asked_nothing(&mut self) {
        match self.awaited.back_mut() {
            Some(Awaited::Nothing(count)) => *count = count.saturating_add(1),
            _ => drop(self.awaited.push_back(Awaited::Nothing(1))),
        }
    }

    /// Whether the last question to a silent peer has not left yet, though there is room for it. Where there is none, those
    /// that take the room are questions as well, and as old.
    pub(crate) fn owes_question(&self) -> bool {
        self.keepalive_owed && self.may_ask_alive()
    }

    /// Owes a question to a silent peer.
    pub(crate) const fn ask_alive(&mut self) {
        self.keepalive_owed = true;
    }

    /// Whether there is room to remember that a question to a silent peer was put.
    fn may_ask_alive(&self) -> bool {
        self.may_ask() || matches!(self.awaited.back(), Some(Awaited::Nothing(_)))
    }

    pub(super) fn owes(&self) -> bool {
        let answers = !matches!(self.owed.front(), None | Some(Owed::Decision(_) | Owed::Proof(_)));
        (self.keepalive_owed && self.may_ask_alive()) || answers
    }

    /// What must happen before more is read, if answers have piled up.
    pub(super) fn waiting(&self) -> Option<Waiting> {
        let runs_on = |owed: &Owed| matches!(owed, Owed::Failures(n) | Owed::Successes(n) if *n >= LONGEST_RUN);
        if !self.owed.is_full() && !self.owed.iter().any(runs_on) {
            return None;
        }
        let thinks = matches!(self.owed.front(), Some(Owed::Decision(_) | Owed::Proof(_)));
        Some(if thinks { Waiting::Global } else { Waiting::Output })
    }

    pub(super) fn flush<R: Role, P: Provider>(&mut self, sender: &mut Sender<'_, '_, R, P>) -> Result<(), Refused> {
        if self.keepalive_owed && self.may_ask_alive() {
            sender.send(&GlobalRequest { name: KEEPALIVE, want_reply: true, fields: Rest(b"") })?;
            self.keepalive_owed = false;
            self.asked_nothing();
        }
        while let Some(owed) = self.owed.front_mut() {
            match owed {
                Owed::Failures(count @ 1..) => {
                    sender.send(&RequestFailure {})?;
                    *count = count.saturating_sub(1);
                }
                Owed::Successes(count @ 1..) => {
                    sender.send(&RequestSuccess { fields: Rest(b"") })?;
                    *count = count.saturating_sub(1);
                }
                Owed::Port(port) => {
                    let found = ForwardedPort { port: (*port).into() };
                    sender.send_with(&RequestSuccess { fields: Rest(b"") }, |sink| found.encode(sink))?;
                    *owed = Owed::Successes(0);
                }
                Owed::Failures(0) | Owed::Successes(0) => drop(self.owed.pop_front()),
                Owed::Decision(_) | Owed::Proof(_) => break,
            }
        }
        Ok(())
    }

    /// Server: these are our host keys.
    pub(crate) fn announce<R: Role, P: Provider>(
        sender: &mut Sender<'_, '_, R, P>,
        keys: &[&[u8]],
    ) -> Result<(), Refused> {
        let head = GlobalRequest { name: ANNOUNCE, want_reply: false, fields: Rest(b"") };
        sender.send_with(&head, |sink| strings(sink, keys))
    }

    /// Client: asks for proofs.
    pub(crate) fn prove<R: Role, P: Provider>(
        &mut self,
        sender: &mut Sender<'_, '_, R, P>,
        keys: &[&[u8]],
    ) -> Result<(), Refused> {
        if keys.len() > MOST_PROOFS {
            return Err(Refused::TooLong);
        }
        if !self.may_ask() || self.awaited.iter().any(|awaited| *awaited == Awaited::Proofs) {
            return Err(Refused::Busy);
        }
        let head = GlobalRequest { name: PROVE, want_reply: true, fields: Rest(b"") };
        sender.send_with(&head, |sink| strings(sink, keys))?;
        // There is room.
        let _ = self.awaited.push_back(Awaited::Proofs);
        Ok(())
    }

    /// Client: no session will be opened any more (OpenSSH PROTOCOL §2.2).
    pub(super) fn forgo_sessions<R: Role, P: Provider>(sender: &mut Sender<'_, '_, R, P>) -> Result<(), Refused> {
        sender.send(&GlobalRequest { name: NO_MORE_SESSIONS, want_reply: false, fields: Rest(b"") })
    }

    fn proof(&mut self) -> Option<&mut Owed> {
        self.owed.iter_mut().find(|owed| matches!(owed, Owed::Proof(_)))
    }

    /// Server: the question has been put.
    pub(crate) fn put(&mut self, serial: Serial) {
        if let Some(proof) = self.proof() {
            *proof = Owed::Proof(Some(serial.number));
        }
    }

    /// Server: whether this question is the open one.
    pub(crate) fn is_open(&self, serial: Serial) -> bool {
        self.owed.iter().any(|owed| *owed == Owed::Proof(Some(serial.number)))
    }

    /// Server: the proofs. What is owed before them must have left.
    pub(crate) fn proven<R: Role, P: Provider>(
        &mut self,
        sender: &mut Sender<'_, '_, R, P>,
        signatures: &[&[u8]],
    ) -> Result<(), Refused> {
        if !matches!(self.owed.front(), Some(Owed::Proof(_))) {
            return Err(Refused::Busy);
        }
        sender.send_with(&RequestSuccess { fields: Rest(b"") }, |sink| strings(sink, signatures))?;
        self.owed.pop_front();
        Ok(())
    }

    /// Server: there are no proofs.
    pub(crate) fn unproven(&mut self) {
        if let Some(proof) = self.proof() {
            *proof = Owed::Failures(1);
        }
    }
}

fn strings(sink: &mut dyn Sink, all: &[&[u8]]) {
    all.iter().for_each(|one| sink.string(one));
}

fn are_few_and_different(mut keys: Strings<'_>) -> bool {
    let count = keys.count();
    (1..=MOST_PROOFS).contains(&count)
        && core::iter::from_fn(|| Some((keys.next()?, keys))).all(|(key, mut rest)| rest.all(|other| other != key))
}

const fn malformed(number: u8) -> Error {
    Error::Malformed(Some(number))
}

#[cfg(test)]
mod tests {
    use super::{ForwardId, Globals, LONGEST_RUN, MOST_ASKED, MOST_EQUAL, MOST_OWED, Owed};
    use crate::Waiting;
    use crate::channel::ChannelId;
    use crate::error::Violation;
    use crate::event::Serials;
    use crate::wire::Message;
    use crate::wire::connection::RequestFailure;

    fn forward(index: usize) -> ForwardId {
        ForwardId(ChannelId::new(index, 0))
    }

    #[test]
    fn a_peer_that_answers_no_forward_is_as_silent_as_one_that_answers_no_keepalive() {
        let mut globals = Globals::new();
        (0..MOST_ASKED).for_each(|index| globals.asked_forward(forward(index)));
        globals.ask_alive();
        assert!(!globals.owes(), "there is no room for one more question");
        assert!(!globals.owes_question(), "so its silence counts");
        globals.reply(RequestFailure::NUMBER, None).expect("an answer");
        assert!(globals.owes() && globals.owes_question(), "what could leave and did not is no silence");
    }

    #[test]
    fn decisions_hold_back_what_is_behind_them_and_stop_reading_in_the_end() {
        let mut serials = Serials::new(0);
        let (first, second) = (serials.ask(()).serial, serials.ask(()).serial);
        let mut globals = Globals::new();
        globals.owe_decision(first).expect("room");
        (1..LONGEST_RUN).for_each(|_| globals.owe_failure(true).expect("a run counts once"));
        assert_eq!((globals.owes(), globals.waiting()), (false, None));
        globals.owe_failure(true).expect("a run counts once");
        assert_eq!((globals.owes(), globals.waiting()), (false, Some(Waiting::Global)));
        globals.owe_decision(second).expect("room");
        globals.decide(second, Some(None));
        assert_eq!((globals.owes(), globals.waiting()), (false, Some(Waiting::Global)), "the first is still open");
        globals.decide(first, Some(Some(80)));
        globals.decide(first, None);
        assert_eq!((globals.owes(), globals.waiting()), (true, Some(Waiting::Output)));
        let run = Owed::Failures(LONGEST_RUN);
        assert!(globals.owed.iter().eq(&[Owed::Port(80), run, Owed::Successes(1)]), "decided once");
    }

    #[test]
    fn what_is_owed_is_bounded_however_long_we_are_silent() {
        let mut runs = Globals::new();
        for at in 0..MOST_OWED {
            let owed = if at % 2 == 0 { runs.owe_failure(true) } else { runs.owe_success(true) };
            owed.expect("room");
        }
        assert_eq!(runs.waiting(), Some(Waiting::Output));
        runs.owe_success(true).expect("the last run goes on");
        assert_eq!(runs.owe_failure(true), Err(Violation::TooMany.into()));
        let mut equal = Globals::new();
        (0..MOST_EQUAL).for_each(|_| equal.owe_failure(true).expect("one run"));
        assert_eq!(equal.owe_failure(true), Err(Violation::TooMany.into()));
        assert_eq!(equal.owed.len(), 1);
    }
}
