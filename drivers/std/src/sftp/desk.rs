//! Who waits for which answer of the server's: calls, by their tickets, and copies, by their numbers.

use super::SftpEntry;
use super::engine::OUTSTANDING;
use super::job::Job;
use crate::clock::Clock;
use crate::error::escape;
use sanssh_core::Instant;
use sanssh_core::sftp::client::Event;
use sanssh_core::sftp::tree::FileId;
use sanssh_core::sftp::{Attributes, Code, Limits, Piece, RequestId, StatVfs, Status};
use std::collections::VecDeque;
use std::sync::Arc;

/// A handle on the server.
pub(super) type Remote = Arc<[u8]>;

/// Names a call until its answer is fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ticket(pub(super) usize);

/// What came back. Of several requests under one ticket the first failure stays.
#[derive(Debug, Default)]
pub(super) enum Answer {
    /// That it went well, or nothing yet.
    #[default]
    Fine,
    Failed(Code, String),
    Handle(Vec<u8>),
    Data(Vec<u8>),
    Names(Vec<SftpEntry>),
    Attributes(Attributes<'static>),
    Limits(Limits),
    StatVfs(StatVfs),
    Accounts(Vec<Vec<u8>>, Vec<Vec<u8>>),
}

/// One call: answers that are due, and what came.
#[derive(Debug, Default)]
pub(super) struct Call {
    pub(super) due: usize,
    pub(super) answer: Answer,
    /// Nobody waits any more.
    pub(super) abandoned: bool,
}

/// What leaves when there is room, in this order.
#[derive(Debug)]
pub(super) enum Order {
    Write { handle: Remote, offset: u64, block: Vec<u8>, ticket: Ticket },
    Close(Remote, Ticket),
}

/// Who gets an answer.
#[derive(Debug, Clone, Copy)]
pub(super) enum Owner {
    Call(Ticket),
    /// A copy, by its number.
    Job(u64),
}

/// Where the rest of a WRITE comes from.
#[derive(Debug)]
pub(super) enum Body {
    /// A block, and how far it was sent.
    Block(Vec<u8>, usize),
    /// A file of a copy, and where in it.
    File(u64, FileId, u64),
}

/// Who waits for what.
pub(super) struct Desk {
    /// Whose each outstanding request is, by its place.
    pub(super) owners: Box<[Owner]>,
    pub(super) calls: Vec<Option<Call>>,
    /// Copies on their way, by their numbers, and the number of the next.
    pub(super) jobs: Vec<(u64, Job)>,
    next: u64,
    pub(super) clock: Clock,
    pub(super) orders: VecDeque<Order>,
    pub(super) ready: bool,
    /// How often something came, or left, that others may wait for.
    pub(super) news: u64,
}

impl Desk {
    pub(super) fn new() -> Self {
        Self {
            owners: vec![Owner::Call(Ticket(usize::MAX)); OUTSTANDING].into_boxed_slice(),
            calls: Vec::new(),
            jobs: Vec::new(),
            next: 0,
            clock: Clock::start(),
            orders: VecDeque::new(),
            ready: false,
            news: 0,
        }
    }

    /// A ticket for requests to come.
    pub(super) fn ticket(&mut self) -> Ticket {
        let free = self.calls.iter().position(Option::is_none);
        let index = free.unwrap_or(self.calls.len());
        match free {
            Some(index) => self.calls[index] = Some(Call::default()),
            None => self.calls.push(Some(Call::default())),
        }
        Ticket(index)
    }

    /// Closes a handle when there is room; the answer comes under the ticket.
    pub(super) fn close(&mut self, handle: Remote) -> Ticket {
        let ticket = self.ticket();
        // It is due from now on.
        self.calls[ticket.0] = Some(Call { due: 1, ..Call::default() });
        self.orders.push_back(Order::Close(handle, ticket));
        ticket
    }

    /// The same, and nobody waits for the answer.
    pub(super) fn leave(&mut self, handle: Remote) {
        let Ticket(index) = self.close(handle);
        self.calls[index] = Some(Call { due: 1, abandoned: true, ..Call::default() });
    }

    pub(super) fn call(&mut self, ticket: Ticket) -> Option<&mut Call> {
        self.calls.get_mut(ticket.0)?.as_mut()
    }

    fn of(&mut self, id: RequestId) -> Option<&mut Call> {
        let Owner::Call(ticket) = *self.owners.get(id.index())? else { return None };
        self.call(ticket)
    }

    /// Takes a copy; its number.
    pub(super) fn begin(&mut self, job: Job) -> u64 {
        self.next += 1;
        self.jobs.push((self.next, job));
        self.next
    }

    /// A copy, by its number.
    pub(super) fn job(&mut self, serial: u64) -> Option<&mut Job> {
        self.jobs.iter_mut().find(|(one, _)| *one == serial).map(|(_, job)| job)
    }

    /// Ends all copies.
    pub(super) fn stop(&mut self) {
        self.jobs.iter_mut().for_each(|(_, job)| job.stop());
    }

    /// Lets go of a copy; answers that still come are dropped.
    pub(super) fn release(&mut self, serial: u64) {
        self.jobs.retain(|(one, _)| *one != serial);
    }

    pub(super) fn now(&self) -> Instant {
        self.clock.now()
    }

    /// The next bytes of a body.
    pub(super) fn supply(&mut self, body: &mut Body, room: &mut [u8]) -> usize {
        match body {
            Body::Block(bytes, at) => {
                let n = room.len().min(bytes.len() - *at);
                room[..n].copy_from_slice(&bytes[*at..*at + n]);
                *at += n;
                n
            }
            Body::File(serial, file, offset) => {
                let Some(job) = self.job(*serial) else {
                    // It was promised, and its file is given up.
                    room.fill(0);
                    return room.len();
                };
                let n = job.supply(*file, room, *offset);
                *offset += n as u64;
                n
            }
        }
    }

    pub(super) fn take(&mut self, event: Event<'_>) {
        let id = match event {
            Event::Extension(..) => return,
            Event::Ready => {
                self.ready = true;
                self.news += 1;
                return;
            }
            Event::Status(id, _)
            | Event::Handle(id, _)
            | Event::Data(id, _)
            | Event::Name(id, ..)
            | Event::Attributes(id, _)
            | Event::Limits(id, _)
            | Event::StatVfs(id, _)
            | Event::Accounts(id, _) => id,
        };
        if let Owner::Job(serial) = self.owners[id.index()] {
            let now = self.clock.now();
            self.news += 1;
            if let Some(job) = self.job(serial) {
                job.answer(&event, now);
            } else if let Event::Handle(_, handle) = event {
                // Nobody wants it any more.
                self.leave(handle.into());
            }
            return;
        }
        self.called(event);
    }

    /// An answer to a call.
    fn called(&mut self, event: Event<'_>) {
        match event {
            Event::Extension(..) | Event::Ready => {}
            Event::Status(id, status) => self.status(id, status),
            Event::Handle(id, bytes) => self.answer(id, Answer::Handle(bytes.to_vec())),
            Event::Data(id, piece) => self.data(id, piece),
            Event::Name(id, entry, last) => {
                let entry = SftpEntry::from(entry);
                let Some(call) = self.of(id) else { return };
                if let Answer::Names(names) = &mut call.answer {
                    names.push(entry);
                } else {
                    call.answer = Answer::Names(vec![entry]);
                }
                if last {
                    self.end(id);
                }
            }
            Event::Attributes(id, attributes) => self.answer(id, Answer::Attributes(attributes.plain())),
            Event::Limits(id, limits) => self.answer(id, Answer::Limits(limits)),
            Event::StatVfs(id, space) => self.answer(id, Answer::StatVfs(space)),
            Event::Accounts(id, accounts) => {
                let own = |names: sanssh_core::wire::Strings<'_>| names.map(<[u8]>::to_vec).collect();
                self.answer(id, Answer::Accounts(own(accounts.users), own(accounts.groups)));
            }
        }
    }

    fn status(&mut self, id: RequestId, Status { code, message }: Status<'_>) {
        let failed = || Answer::Failed(code, escape(message, false));
        self.answer(id, if code == Code::OK { Answer::Fine } else { failed() });
    }

    fn data(&mut self, id: RequestId, piece: Piece<'_>) {
        if let Some(call) = self.of(id).filter(|call| !call.abandoned) {
            if let Answer::Data(gathered) = &mut call.answer {
                gathered.extend_from_slice(piece.bytes);
            } else {
                call.answer = Answer::Data(piece.bytes.to_vec());
            }
        }
        if piece.last {
            self.end(id);
        }
    }

    fn answer(&mut self, id: RequestId, answer: Answer) {
        if let Some(&Owner::Call(ticket)) = self.owners.get(id.index()) {
            self.conclude(ticket, answer);
        }
    }

    /// One answer under a ticket.
    pub(super) fn conclude(&mut self, ticket: Ticket, answer: Answer) {
        let Some(call) = self.call(ticket) else { return };
        match (&call.answer, answer) {
            (Answer::Failed(..), _) | (_, Answer::Fine) => {}
            (_, Answer::Handle(handle)) if call.abandoned => {
                self.leave(handle.into());
            }
            (_, answer) => call.answer = answer,
        }
        self.ended(ticket);
    }

    fn end(&mut self, id: RequestId) {
        if let Some(&Owner::Call(ticket)) = self.owners.get(id.index()) {
            self.ended(ticket);
        }
    }

    fn ended(&mut self, ticket: Ticket) {
        if let Some(call) = self.call(ticket) {
            call.due = call.due.saturating_sub(1);
        }
        self.tidy(ticket);
        self.news += 1;
    }

    /// Frees what nobody waits for.
    pub(super) fn tidy(&mut self, Ticket(index): Ticket) {
        if let Some(slot) = self.calls.get_mut(index) {
            slot.take_if(|call| call.abandoned && call.due == 0);
        }
    }
}
