//! The dialogue behind its lock: the machine, and what is to be asked. Nothing here waits.

use super::desk::{Answer, Body, Desk, Order, Owner, Remote, Ticket};
use super::job::{Job, Step};
use super::line::Arrival;
use crate::Error;
use sanssh_core::sftp::{Client, Code, Extension, GATHER, Pending, Request, RequestId};
use sanssh_core::{Output, Refused};
use std::sync::Arc;

/// Requests that may be outstanding at a time.
pub(super) const OUTSTANDING: usize = 1024;
/// Those of them that may move contents; the others are for questions.
const MOST_MOVING: usize = OUTSTANDING - 64;
/// Bytes of composed requests that may wait for room before no more are composed.
const MOST_WAITING: usize = 64 * 1024;
/// Bytes of a body that leaves along with its request, and with what follows; the scratch holds them.
const SMALL: usize = 8 * 1024;
/// Blocks that are kept for the next bodies.
const MOST_SPARE: usize = 4;

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
    /// Requests that leave behind the body.
    behind: Vec<u8>,
    /// Memory of bodies that were sent.
    spare: Vec<Vec<u8>>,
    pub(super) failure: Option<Error>,
    /// Memory that the pump reads into, while there is none.
    pub(super) space: Vec<u8>,
    pub(super) pumping: bool,
    /// The news that others were told of.
    pub(super) told: u64,
    /// Threads that wait for the pump.
    pub(super) waiters: usize,
    /// Others have looked in vain since they were told of anything.
    pub(super) guests: bool,
}

impl Engine {
    pub(super) fn new() -> Self {
        Self {
            machine: Client::new(vec![Pending::new(); OUTSTANDING].into_boxed_slice()),
            gather: vec![0; GATHER].into_boxed_slice(),
            scratch: vec![0; GATHER].into_boxed_slice(),
            desk: Desk::new(),
            waiting: Vec::new(),
            sent: 0,
            body: Body::Block(Vec::new(), 0),
            behind: Vec::new(),
            spare: Vec::new(),
            failure: None,
            space: vec![0; super::line::BUFFER],
            pumping: false,
            told: 0,
            waiters: 0,
            guests: false,
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
        self.desk.ticket()
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
        let is_behind = self.machine.body_due() > 0;
        if self.backed_up() > MOST_WAITING {
            return None;
        }
        let mut output = Output::new(&mut self.scratch);
        let id = match self.machine.send_behind(request, &mut output) {
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
        let queue = if is_behind { &mut self.behind } else { &mut self.waiting };
        queue.extend_from_slice(&self.scratch[..filled]);
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

    /// Closes a handle when there is room; the answer comes under the ticket.
    pub(super) fn close(&mut self, handle: &Remote) -> Ticket {
        self.desk.close(Arc::clone(handle))
    }

    /// The same, and nobody waits for the answer.
    pub(super) fn leave(&mut self, handle: &Remote) {
        self.desk.leave(Arc::clone(handle));
    }

    /// Bytes of composed requests that have not left.
    fn backed_up(&self) -> usize {
        self.waiting.len() - self.sent + self.behind.len()
    }

    /// Whether the next request would be taken, of whoever moves contents: some places are kept for those who ask.
    pub(super) fn is_clear(&self) -> bool {
        self.failure.is_none()
            && self.machine.body_due() == 0
            && self.backed_up() <= MOST_WAITING
            && self.machine.outstanding() < MOST_MOVING
    }

    /// Whether there is anything to send.
    pub(super) fn has_more(&self) -> bool {
        self.failure.is_none()
            && (self.machine.owes_output()
                || self.sent < self.waiting.len()
                || self.machine.body_due() > 0
                || (self.machine.outstanding() < MOST_MOVING && !self.desk.orders.is_empty()))
    }

    /// Fills the space with what comes next; how much of it.
    pub(super) fn compose(&mut self, space: &mut [u8]) -> usize {
        let mut done = 0;
        loop {
            done += self.carry(&mut space[done..]);
            if done == space.len() || self.failure.is_some() {
                return done;
            }
            let more = self.machine.body_due() > 0 || self.sent < self.waiting.len();
            if !more && !self.proceed() {
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
            self.sent = 0;
            self.desk.news += 1;
        }
        let Self { machine, body, desk, .. } = self;
        if machine.body_due() == 0 {
            return first;
        }
        let second = machine.fill(&mut Output::new(&mut space[first..]), |room| desk.supply(body, room));
        if machine.body_due() == 0 {
            core::mem::swap(&mut self.waiting, &mut self.behind);
            if let Body::Block(bytes, _) = &mut self.body {
                let mut block = core::mem::take(bytes);
                block.clear();
                if self.spare.len() < MOST_SPARE {
                    self.spare.push(block);
                }
            }
            self.desk.news += 1;
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
        if self.machine.outstanding() >= MOST_MOVING {
            return false;
        }
        let Some(order) = self.desk.orders.pop_front() else { return false };
        let (request, ticket) = match &order {
            Order::Write { handle, offset, block, ticket } => {
                let length = u32::try_from(block.len()).unwrap_or(u32::MAX);
                (Request::Write { handle: &**handle, offset: *offset, length }, *ticket)
            }
            Order::Close(handle, ticket) => (Request::Close { handle: &**handle }, *ticket),
        };
        match (self.ask_for(&request, Owner::Call(ticket)), order) {
            (None, order) => {
                self.desk.orders.push_front(order);
                return false;
            }
            (Some(Ok(_)), Order::Write { block, .. }) => self.body = Body::Block(block, 0),
            (Some(Ok(_)), Order::Close(..)) => {}
            (Some(Err(error)), _) => {
                self.desk.conclude(ticket, Answer::Failed(Code::BAD_MESSAGE, error.to_string()));
            }
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
            // Whoever waits hears of things before they pile up.
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
        handles.into_iter().for_each(|handle| self.desk.leave(handle));
    }

    /// Deals with what a look or a wait ended with.
    pub(super) fn arrive(&mut self, arrival: Result<Arrival, Error>, space: &[u8]) {
        match arrival {
            Ok(Arrival::Bytes(n)) => self.digest(&space[..n]),
            // Whoever waits looks at the clock next.
            Ok(Arrival::Room) | Err(Error::TimedOut(_)) => {}
            // The server sends no more.
            Ok(Arrival::End) => self.fail(Error::SftpStream(sanssh_core::sftp::Error::HungUp)),
            Err(error) => self.fail(error),
        }
    }

    /// Deals with what came from the server.
    fn digest(&mut self, mut input: &[u8]) {
        let Self { machine, gather, desk, .. } = self;
        loop {
            match machine.recv(gather, &mut input) {
                Ok(Some(event)) => desk.take(event),
                Ok(None) => break,
                Err(error) => return self.fail(Error::SftpStream(error)),
            }
        }
    }

    /// It is over; the first reason is the one.
    pub(super) fn fail(&mut self, error: Error) {
        self.failure.get_or_insert(error);
        self.desk.news += 1;
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
        let Some(call) = self.desk.call(ticket) else { return };
        call.abandoned = true;
        if let Answer::Handle(handle) = core::mem::take(&mut call.answer) {
            self.desk.leave(handle.into());
        }
        self.desk.tidy(ticket);
    }
}
