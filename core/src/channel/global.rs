//! Global requests (RFC 4254 §4), which no channel is about: questions whether the peer lives, and a server's host keys,
//! which it announces and proves to hold (OpenSSH PROTOCOL §2.5). Answers leave in the order of the requests.
//!
//! ```text
//! failures that are owed | the proof that is asked for | failures behind it
//! ```

use super::table::Opener;
use crate::Waiting;
use crate::crypto::Provider;
use crate::error::{Error, Refused, Violation};
use crate::event::Serial;
use crate::role::Role;
use crate::transport::Sender;
use crate::wire::connection::{GlobalRequest, RequestFailure, RequestSuccess};
use crate::wire::{Malformed, Message, Rest, Sink, Strings};

/// Failures that are owed before reading stops.
const MOST_OWED: usize = 16;
/// Failures that are owed at most. Reading stops long before, unless a key exchange keeps us silent; then this is more
/// than any peer sends before it answers our KEXINIT.
const MOST_FAILURES: usize = 1 << 16;
/// Keys that a server is asked to prove at a time.
const MOST_PROOFS: usize = 16;

const KEEPALIVE: &[u8] = b"keepalive@openssh.com";
const ANNOUNCE: &[u8] = b"hostkeys-00@openssh.com";
/// The name of the request is also the first of what proofs sign.
pub(super) const PROVE: &[u8] = b"hostkeys-prove-00@openssh.com";

/// What global requests leave behind.
#[derive(Debug)]
pub(crate) struct Globals {
    failures: usize,
    proof: Option<Proof>,
    /// Proofs have been asked of us; that happens once, so each key signs once.
    proven: bool,
    keepalive_owed: bool,
    keepalives_awaited: usize,
    /// We asked for proofs, behind so many keepalives.
    proofs_awaited: Option<usize>,
}

/// A proof that the embedder thinks about.
#[derive(Debug, Default)]
struct Proof {
    /// The question's; `None` until it is put.
    serial: Option<Serial>,
    /// Failures that are owed behind it.
    behind: usize,
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

impl Globals {
    pub(super) const fn new() -> Self {
        Self {
            failures: 0,
            proof: None,
            proven: false,
            keepalive_owed: false,
            keepalives_awaited: 0,
            proofs_awaited: None,
        }
    }

    /// Handles a request. One that is not known and wants an answer is owed a failure.
    pub(super) fn request<'b>(
        &mut self,
        from: Opener,
        request: &GlobalRequest<'b>,
    ) -> Result<Option<Global<'b>>, Error> {
        let keys = || Strings::decode(request.fields.0, usize::MAX).map_err(|_| malformed(GlobalRequest::NUMBER));
        match (from, request.name) {
            (Opener::Client, PROVE) if request.want_reply => {
                let keys = keys()?;
                if !self.proven && are_few_and_different(keys) {
                    self.proven = true;
                    self.proof = Some(Proof::default());
                    return Ok(Some(Global::Prove(keys)));
                }
            }
            (Opener::Server, ANNOUNCE) => {
                self.owe_failure(request.want_reply)?;
                return Ok(Some(Global::Announced(keys()?)));
            }
            _ => {}
        }
        self.owe_failure(request.want_reply)?;
        Ok(None)
    }

    fn owe_failure(&mut self, wanted: bool) -> Result<(), Error> {
        let owed = self.proof.as_mut().map_or(&mut self.failures, |proof| &mut proof.behind);
        *owed = owed.saturating_add(usize::from(wanted));
        if *owed > MOST_FAILURES { Err(Violation::TooMany.into()) } else { Ok(()) }
    }

    /// Handles an answer. Either is a sign of life where that was the question.
    pub(super) fn reply<'b>(&mut self, number: u8, fields: Option<&'b [u8]>) -> Result<Option<Global<'b>>, Error> {
        if self.proofs_awaited.take_if(|ahead| *ahead == 0).is_some() {
            let proofs = fields.map(|fields| Strings::decode(fields, MOST_PROOFS)).transpose();
            return Ok(Some(Global::Proofs(proofs.map_err(|Malformed| malformed(number))?)));
        }
        if let Some(ahead) = &mut self.proofs_awaited {
            *ahead = ahead.saturating_sub(1);
        }
        self.keepalives_awaited = self.keepalives_awaited.checked_sub(1).ok_or(Violation::Unexpected(number))?;
        Ok(None)
    }

    /// Whether the last question to a silent peer has not left yet.
    pub(crate) const fn owes_question(&self) -> bool {
        self.keepalive_owed
    }

    /// Owes a question to a silent peer.
    pub(crate) const fn ask_alive(&mut self) {
        self.keepalive_owed = true;
    }

    pub(super) const fn owes(&self) -> bool {
        self.keepalive_owed || self.failures > 0
    }

    /// What must happen before more is read, if answers have piled up.
    pub(super) fn waiting(&self) -> Option<Waiting> {
        if self.failures >= MOST_OWED {
            return Some(Waiting::Output);
        }
        self.proof.as_ref().filter(|proof| proof.behind >= MOST_OWED).map(|_| Waiting::Proofs)
    }

    pub(super) fn flush<R: Role, P: Provider>(&mut self, sender: &mut Sender<'_, '_, R, P>) -> Result<(), Refused> {
        if self.keepalive_owed {
            sender.send(&GlobalRequest { name: KEEPALIVE, want_reply: true, fields: Rest(b"") })?;
            self.keepalive_owed = false;
            self.keepalives_awaited = self.keepalives_awaited.saturating_add(1);
        }
        while self.failures > 0 {
            sender.send(&RequestFailure {})?;
            self.failures = self.failures.saturating_sub(1);
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
        if self.proofs_awaited.is_some() {
            return Err(Refused::Busy);
        }
        let head = GlobalRequest { name: PROVE, want_reply: true, fields: Rest(b"") };
        sender.send_with(&head, |sink| strings(sink, keys))?;
        self.proofs_awaited = Some(self.keepalives_awaited);
        Ok(())
    }

    /// Server: the question has been put.
    pub(crate) const fn put(&mut self, serial: Serial) {
        if let Some(proof) = &mut self.proof {
            proof.serial = Some(serial);
        }
    }

    /// Server: whether this question is the open one.
    pub(crate) fn is_open(&self, serial: Serial) -> bool {
        self.proof.as_ref().is_some_and(|proof| proof.serial == Some(serial))
    }

    /// Server: the proofs. What is owed before them must have left.
    pub(crate) fn proven<R: Role, P: Provider>(
        &mut self,
        sender: &mut Sender<'_, '_, R, P>,
        signatures: &[&[u8]],
    ) -> Result<(), Refused> {
        sender.send_with(&RequestSuccess { fields: Rest(b"") }, |sink| strings(sink, signatures))?;
        self.failures = self.proof.take().map_or(0, |proof| proof.behind);
        Ok(())
    }

    /// Server: there are no proofs.
    pub(crate) const fn unproven(&mut self) {
        if let Some(proof) = self.proof.take() {
            self.failures = self.failures.saturating_add(proof.behind).saturating_add(1);
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
