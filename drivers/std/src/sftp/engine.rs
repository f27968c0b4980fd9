//! The dialogue behind its lock: the machine, what is to be asked, and who waits for which answer. Nothing here waits.

use super::SftpEntry;
use super::job::{Job, Step};
use crate::Error;
use crate::clock::Clock;
use crate::error::escape;
use sanssh_core::sftp::client::Event;
use sanssh_core::sftp::tree::FileId;
use sanssh_core::sftp::{
    Attributes, Client, Code, Extension, GATHER, Limits, Pending, Piece, Request, RequestId, StatVfs, Status,
};
use sanssh_core::{Instant, Output, Refused};
use std::collections::VecDeque;
use std::sync::Arc;

/// Requests that may be outstanding at a time.
pub(super) const OUTSTANDING: usize = 1024;
/// Bytes of composed requests that may wait for room before no more are composed.
const MOST_WAITING: usize = 64 * 1024;
/// Bytes of a body that leaves along with its request, and with what follows; the scratch holds them.
const SMALL: usize = 8 * 1024;
/// Blocks that are kept for the next bodies.
const MOST_SPARE: usize = 4;

/// A handle on the server.
pub(super) type Remote = Arc<[u8]>;

/// Names a call until its answer is fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ticket(usize);

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
struct Call {
    due: usize,
    answer: Answer,
    /// Nobody waits any more.
    abandoned: bool,
}

/// What leaves when there is room, in this order.
#[derive(Debug)]
enum Order {
    Write { handle: Remote, offset: u64, block: Vec<u8>, ticket: Ticket },
    Close(Remote),
}

/// Who gets an answer.
#[derive(Debug, Clone, Copy)]
enum Owner {
    Call(Ticket),
    /// A copy, by its number.
    Job(u64),
}

/// Where the rest of a WRITE comes from.
#[derive(Debug)]
enum Body {
    /// A block, and how far it was sent.
    Block(Vec<u8>, usize),
    /// A file of a copy, and where in it.
    File(u64, FileId, u64),
}

/// The dialogue.
pub(super) struct Engine {
    machine: Client<Box<[Pending]>>,
    gather: Box<[u8]>,
    /// Where requests are composed.
    scratch: Box<[u8]>,
    pub(super) desk: Desk,
    /// Requests composed and not yet sent, and how far they were.
    waiting: Vec<u8>,
    sent: usize,
    body: Body,
    /// Memory of bodies that were sent.
    spare: Vec<Vec<u8>>,
    /// Threads that want to ask something and could not.
    pub(super) wishes: usize,
    pub(super) failure: Option<Error>,
    /// Memory that the pump reads into, while there is none.
    pub(super) space: Vec<u8>,
    pub(super) pumping: bool,
    /// Threads that wait for the pump.
    pub(super) waiters: usize,
}

/// Who waits for what.
pub(super) struct Desk {
    /// Whose each outstanding request is, by its place.
    owners: Box<[Owner]>,
    calls: Vec<Option<Call>>,
    /// Copies on their way, by their numbers, and the number of the next.
    jobs: Vec<(u64, Job)>,
    next: u64,
    clock: Clock,
    orders: VecDeque<Order>,
    pub(super) ready: bool,
    /// Something came that others may wait for.
    pub(super) news: bool,
}

impl Engine {
    pub(super) fn new() -> Self {
        Self {
            machine: Client::new(vec![Pending::new(); OUTSTANDING].into_boxed_slice()),
            gather: vec![0; GATHER].into_boxed_slice(),
            scratch: vec![0; GATHER].into_boxed_slice(),
            desk: Desk {
                owners: vec![Owner::Call(Ticket(usize::MAX)); OUTSTANDING].into_boxed_slice(),
                calls: Vec::new(),
                jobs: Vec::new(),
                next: 0,
                clock: Clock::start(),
                orders: VecDeque::new(),
                ready: false,
                news: false,
            },
            waiting: Vec::new(),
            sent: 0,
            body: Body::Block(Vec::new(), 0),
            spare: Vec::new(),
            wishes: 0,
            failure: None,
            space: vec![0; super::line::BUFFER],
            pumping: false,
            waiters: 0,
        }
    }

    /// Bytes that copies ask the server for at a time.
    pub(super) fn depth(&self) -> u64 {
        self.desk.jobs.iter().map(|(_, job)| job.depth()).max().unwrap_or(0)
    }

    pub(super) fn has(&self, extension: Extension) -> bool {
        self.machine.extensions().has(extension)
    }

    /// A ticket for requests to come.
    pub(super) fn ticket(&mut self) -> Ticket {
        let free = self.desk.calls.iter().position(Option::is_none);
        let index = free.unwrap_or(self.desk.calls.len());
        match free {
            Some(index) => self.desk.calls[index] = Some(Call::default()),
            None => self.desk.calls.push(Some(Call::default())),
        }
        Ticket(index)
    }

    /// Composes a request; `None` if it has to wait.
    pub(super) fn ask(&mut self, request: &Request<'_>, ticket: Ticket) -> Option<Result<(), Error>> {
        let asked = self.ask_for(request, Owner::Call(ticket))?;
        if asked.is_ok()
            && let Some(call) = self.desk.call(ticket)
        {
            call.due += 1;
        }
        Some(asked.map(drop))
    }

    fn ask_for(&mut self, request: &Request<'_>, owner: Owner) -> Option<Result<RequestId, Error>> {
        if self.waiting.len() - self.sent > MOST_WAITING {
            return None;
        }
        let mut output = Output::new(&mut self.scratch);
        let id = match self.machine.send(request, &mut output) {
            Ok(id) => id,
            Err(Refused::NotYet) if self.desk.ready => {
                return request.extension().map(|extension| Err(Error::Unsupported(extension)));
            }
            Err(Refused::Busy | Refused::NotYet) => return None,
            Err(Refused::NoRoom) if self.machine.outstanding() >= OUTSTANDING => return None,
            Err(Refused::NoRoom) => return Some(Err(Refused::TooLong.into())),
            Err(refused) => return Some(Err(refused.into())),
        };
        let filled = output.filled();
        self.waiting.extend_from_slice(&self.scratch[..filled]);
        self.desk.owners[id.index()] = owner;
        Some(Ok(id))
    }

    /// Memory for a body.
    pub(super) fn block(&mut self) -> Vec<u8> {
        self.spare.pop().unwrap_or_default()
    }

    /// Bodies that have not left.
    pub(super) fn backlog(&self) -> usize {
        self.desk.orders.len()
    }

    /// Sends a block when there is room.
    pub(super) fn write(&mut self, handle: &Remote, offset: u64, block: Vec<u8>, ticket: Ticket) {
        // It is due from now on, so that waiting for none means that all have left.
        if let Some(call) = self.desk.call(ticket) {
            call.due += 1;
        }
        self.desk.orders.push_back(Order::Write { handle: Arc::clone(handle), offset, block, ticket });
    }

    /// Closes a handle when there is room; nobody waits for the answer.
    pub(super) fn leave(&mut self, handle: &Remote) {
        self.desk.orders.push_back(Order::Close(Arc::clone(handle)));
    }

    /// Whether the next request would be taken, of whoever moves contents.
    pub(super) fn is_clear(&self) -> bool {
        self.failure.is_none()
            && self.wishes == 0
            && self.machine.body_due() == 0
            && self.waiting.len() - self.sent <= MOST_WAITING
            && self.machine.outstanding() < OUTSTANDING
    }

    /// Whether there is anything to send.
    pub(super) fn has_more(&self) -> bool {
        self.failure.is_none()
            && (self.machine.owes_output()
                || self.sent < self.waiting.len()
                || self.machine.body_due() > 0
                || (self.wishes == 0 && !self.desk.orders.is_empty()))
    }

    /// Fills the space with what comes next; how much of it.
    pub(super) fn compose(&mut self, space: &mut [u8]) -> usize {
        let mut done = 0;
        loop {
            done += self.carry(&mut space[done..]);
            if done == space.len() || self.failure.is_some() {
                return done;
            }
            // Whoever wishes to ask comes between two bodies.
            let more = self.machine.body_due() > 0 || self.sent < self.waiting.len();
            if !more && (self.wishes > 0 || !self.proceed()) {
                return done;
            }
        }
    }

    /// Copies composed requests, then the body.
    fn carry(&mut self, space: &mut [u8]) -> usize {
        let first = space.len().min(self.waiting.len() - self.sent);
        space[..first].copy_from_slice(&self.waiting[self.sent..self.sent + first]);
        self.sent += first;
        if self.sent < self.waiting.len() {
            return first;
        }
        if !self.waiting.is_empty() {
            self.waiting.clear();
            (self.sent, self.desk.news) = (0, true);
        }
        let Self { machine, body, desk, .. } = self;
        if machine.body_due() == 0 {
            return first;
        }
        let second = machine.fill(&mut Output::new(&mut space[first..]), |room| desk.supply(body, room));
        if machine.body_due() == 0 {
            if let Body::Block(bytes, _) = &mut self.body {
                let mut block = core::mem::take(bytes);
                block.clear();
                if self.spare.len() < MOST_SPARE {
                    self.spare.push(block);
                }
            }
            self.desk.news = true;
        }
        first + second
    }

    /// Composes the next request that nobody stands by for; whether there was one.
    fn proceed(&mut self) -> bool {
        if self.machine.owes_output() {
            let mut output = Output::new(&mut self.scratch);
            let _ = self.machine.flush(&mut output);
            let filled = output.filled();
            self.waiting.extend_from_slice(&self.scratch[..filled]);
            return filled > 0;
        }
        let Some(order) = self.desk.orders.pop_front() else { return false };
        match order {
            Order::Write { handle, offset, block, ticket } => self.begin_write(handle, offset, block, ticket),
            Order::Close(handle) => {
                let ticket = self.ticket();
                let asked = self.ask(&Request::Close { handle: &handle }, ticket);
                self.abandon(ticket);
                if asked.is_none() {
                    self.desk.orders.push_front(Order::Close(handle));
                }
                asked.is_some()
            }
        }
    }

    fn begin_write(&mut self, handle: Remote, offset: u64, block: Vec<u8>, ticket: Ticket) -> bool {
        let length = u32::try_from(block.len()).unwrap_or(u32::MAX);
        match self.ask(&Request::Write { handle: &handle, offset, length }, ticket) {
            None => {
                self.desk.orders.push_front(Order::Write { handle, offset, block, ticket });
                return false;
            }
            Some(Ok(())) => self.body = Body::Block(block, 0),
            Some(Err(error)) => {
                self.desk.conclude(ticket, Answer::Failed(Code::BAD_MESSAGE, error.to_string()));
                return true;
            }
        }
        // It was counted when it was ordered.
        if let Some(call) = self.desk.call(ticket) {
            call.due -= 1;
        }
        true
    }

    /// Does what is next for a copy; whether more is, once what was composed has left.
    pub(super) fn work(&mut self, serial: u64) -> bool {
        let Some(at) = self.desk.jobs.iter().position(|(one, _)| *one == serial) else { return false };
        let (_, mut job) = self.desk.jobs.swap_remove(at);
        let now = self.desk.clock.now();
        let step = loop {
            if job.nap(now).is_some() {
                break Step::Quiet;
            }
            // Whoever wishes to ask comes between, and whoever waits hears of things before they pile up.
            if !self.is_clear() || job.site.is_loud() {
                break Step::Blocked;
            }
            let step = job.step(now, &mut |request, body| {
                let asked = self.ask_for(request, Owner::Job(serial))?;
                if let (Ok(_), Some((file, offset))) = (&asked, body) {
                    self.body = Body::File(serial, file, offset);
                }
                Some(asked)
            });
            if step != Step::Done {
                break step;
            }
            self.load(&mut job);
        };
        self.desk.jobs.push((serial, job));
        step == Step::Blocked
    }

    /// Composes the body of a WRITE of a copy's right away, if it is small.
    fn load(&mut self, job: &mut Job) {
        let Self { machine, body: Body::File(_, file, offset), scratch, waiting, .. } = self else { return };
        if !(1..=SMALL).contains(&machine.body_due()) {
            return;
        }
        let mut output = Output::new(scratch);
        while machine.body_due() > 0 {
            machine.fill(&mut output, |room| {
                let n = job.supply(*file, room, *offset);
                *offset += n as u64;
                n
            });
        }
        let filled = output.filled();
        waiting.extend_from_slice(&scratch[..filled]);
    }

    /// Gives up a copy that is not over, on a line that may go on: what is open on the server is closed.
    pub(super) fn give_up(&mut self, serial: u64) {
        if matches!(self.body, Body::File(of, ..) if of == serial) {
            // Anything else in the place of what was promised would be taken for the file by whoever goes on from there.
            let mut block = vec![0; self.machine.body_due()];
            let mut done = 0;
            while done < block.len() {
                done += self.desk.supply(&mut self.body, &mut block[done..]);
            }
            self.body = Body::Block(block, 0);
        }
        let Some(job) = self.desk.job(serial) else { return };
        let handles: Vec<Remote> = job.handles().map(Remote::from).collect();
        job.cut();
        self.desk.orders.extend(handles.into_iter().map(Order::Close));
    }

    /// Deals with what came from the server.
    pub(super) fn digest(&mut self, mut input: &[u8]) {
        let Self { machine, gather, desk, .. } = self;
        loop {
            match machine.recv(gather, &mut input) {
                Ok(Some(event)) => desk.take(event),
                Ok(None) => break,
                Err(error) => return self.fail(Error::SftpStream(error)),
            }
        }
    }

    /// The server sends no more.
    pub(super) fn end(&mut self) {
        self.fail(Error::SftpStream(sanssh_core::sftp::Error::HungUp));
    }

    /// It is over; the first reason is the one.
    pub(super) fn fail(&mut self, error: Error) {
        self.failure.get_or_insert(error);
        self.desk.news = true;
    }

    /// Answers that are due under a ticket.
    pub(super) fn due(&self, ticket: Ticket) -> usize {
        self.desk.calls.get(ticket.0).and_then(Option::as_ref).map_or(0, |call| call.due)
    }

    /// The failure that came under a ticket, with others still due perhaps.
    pub(super) fn failed(&mut self, ticket: Ticket) -> Option<(Code, String)> {
        let Answer::Failed(code, text) = &self.desk.call(ticket)?.answer else { return None };
        Some((*code, text.clone()))
    }

    /// The answer, once none is due any more; the ticket is void then.
    pub(super) fn fetch(&mut self, ticket: Ticket) -> Option<Answer> {
        let slot = self.desk.calls.get_mut(ticket.0)?;
        slot.take_if(|call| call.due == 0).map(|call| call.answer)
    }

    /// Nobody waits for what comes under the ticket.
    pub(super) fn abandon(&mut self, ticket: Ticket) {
        if let Some(call) = self.desk.call(ticket) {
            call.abandoned = true;
        }
        self.desk.tidy(ticket);
    }
}

impl Desk {
    fn call(&mut self, ticket: Ticket) -> Option<&mut Call> {
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
    fn supply(&mut self, body: &mut Body, room: &mut [u8]) -> usize {
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

    fn take(&mut self, event: Event<'_>) {
        let id = match event {
            Event::Extension(..) => return,
            Event::Ready => {
                (self.ready, self.news) = (true, true);
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
            self.news = true;
            if let Some(job) = self.job(serial) {
                job.answer(&event, now);
            } else if let Event::Handle(_, handle) = event {
                // Nobody wants it any more.
                self.orders.push_back(Order::Close(handle.into()));
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
    fn conclude(&mut self, ticket: Ticket, answer: Answer) {
        let Some(call) = self.call(ticket) else { return };
        match (&call.answer, answer) {
            (Answer::Failed(..), _) | (_, Answer::Fine) => {}
            (_, Answer::Handle(handle)) if call.abandoned => {
                self.orders.push_back(Order::Close(handle.into()));
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
        self.news = true;
    }

    /// Frees what nobody waits for.
    fn tidy(&mut self, Ticket(index): Ticket) {
        if let Some(slot) = self.calls.get_mut(index) {
            slot.take_if(|call| call.abandoned && call.due == 0);
        }
    }
}
