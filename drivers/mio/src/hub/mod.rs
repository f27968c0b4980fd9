//! A loop for many connections on one thread: it waits for all of them at once, gives each that can do something a turn,
//! in the order in which they came to be ready, and ends those whose time is over. Coming in and the end of the loop have
//! a file of their own.
//!
//! ```text
//! wait: poll --> ready(event) --> line <---------------- more is there ---------+
//!         |                        |                                            |
//!         +-- accept, timers ------+--> next: Turn, dropped --> settled: timers, login, end --> Gone
//! ```

mod door;
mod entry;
mod limits;
mod post;
mod seats;
mod timers;

pub use limits::Limits;
pub use post::Handle;
pub use seats::Id;

use crate::end::End;
use crate::link::Link;
use crate::system::Clock;
use crate::turn::Turn;
use crate::{Buffers, Error, Socket};
use core::net::SocketAddr;
use core::time::Duration;
use door::Door;
use mio::net::TcpStream;
use mio::{Events, Poll, Registry, Token};
use post::Post;
use sanssh_core::{Instant, Reason};
use seats::{Seat, Seats};
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use timers::Timers;

/// Tokens from here on are the program's own, up to the last thousand: see [`Hub::registry`].
pub const FOREIGN: Token = Token(usize::MAX / 2 + 1);
/// What other threads wake the loop by.
const WAKE: Token = Token(usize::MAX - 1);
/// The first listener's token; the others count down from it.
const DOOR: Token = Token(usize::MAX - 2);
/// Sockets that one wait tells of; the others are told next.
const EVENTS: usize = 1024;
/// Nobody sleeps longer at a time.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// What a loop gives next.
#[derive(Debug)]
pub enum Next<'t, R: End, T, W> {
    /// A connection has a turn.
    Turn(Visit<'t, R, T>),
    /// A connection is over.
    Gone {
        /// Which.
        id: Id,
        /// What the program kept with it.
        state: T,
        /// Why.
        error: Error,
    },
    /// Another thread handed over work.
    Work(W),
    /// A source of the program's own is ready.
    Foreign(Foreign),
}

/// A connection's turn, and what the program keeps with it.
#[derive(Debug)]
pub struct Visit<'t, R: End, T> {
    /// Which connection.
    pub id: Id,
    /// What the program keeps with it.
    pub state: &'t mut T,
    /// Events and commands.
    pub turn: Turn<'t, R>,
}

/// What mio told of a source that the program registered itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "mio tells them apart")]
pub struct Foreign {
    /// Under which token.
    pub token: Token,
    /// There is something to read.
    pub readable: bool,
    /// There is room to write.
    pub writable: bool,
    /// Nothing more will come.
    pub read_closed: bool,
    /// Nothing more can be written.
    pub write_closed: bool,
}

/// How many there are, and were.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connections.
    pub connections: usize,
    /// Those that came in and have not logged in.
    pub unauthenticated: usize,
    /// Connections refused so far, for want of seats or descriptors.
    pub refused: u64,
}

/// Many connections of one role on one thread. `T` is what the program keeps with each, `W` the work that other threads
/// hand over. When it is dropped, those that are still there end without a goodbye: [`shut_down`](Self::shut_down) first.
#[derive(Debug)]
pub struct Hub<R: End, T = (), W = ()> {
    poll: Poll,
    events: Events,
    clock: Clock,
    limits: Limits,
    buffers: Buffers,
    seats: Seats<R, T>,
    timers: Timers,
    doors: Vec<Door<R::Settings, T>>,
    /// Until when nobody is let in, for want of descriptors.
    pause: Option<Instant>,
    post: Post<W>,
    foreign: VecDeque<Foreign>,
    /// Who has a turn, perhaps still.
    current: Option<usize>,
    /// Turns until the sockets are looked at again.
    batch: usize,
    counts: Counts,
    /// When all connections end, once the loop is to end.
    end: Option<Instant>,
}

impl<R: End, T, W> Hub<R, T, W> {
    /// A loop without connections.
    ///
    /// # Errors
    /// If the operating system has nothing to wait by.
    pub fn new(limits: Limits) -> io::Result<Self> {
        let poll = Poll::new()?;
        let post = Post::new(poll.registry(), WAKE, limits.queue)?;
        Ok(Self {
            poll,
            events: Events::with_capacity(EVENTS),
            clock: Clock::start(),
            buffers: Buffers::new(limits.turn),
            limits,
            seats: Seats::new(),
            timers: Timers::default(),
            doors: Vec::new(),
            pause: None,
            post,
            foreign: VecDeque::new(),
            current: None,
            batch: 0,
            counts: Counts::default(),
            end: None,
        })
    }

    /// What other threads reach it by.
    pub fn handle(&self) -> Handle<W> {
        self.post.handle()
    }

    /// Where sources of the program's own are registered, under tokens from [`FOREIGN`] on.
    pub fn registry(&self) -> &Registry {
        self.poll.registry()
    }

    /// How many there are.
    pub const fn counts(&self) -> Counts {
        Counts { connections: self.seats.count(), ..self.counts }
    }

    /// The time as connections know it.
    pub fn now(&self) -> Instant {
        self.clock.now()
    }

    /// Takes a socket, connected or being connected, as one more connection.
    ///
    /// # Errors
    /// [`Error::Full`], or what setting it up says.
    pub fn add(&mut self, socket: Socket, settings: &Arc<R::Settings>, state: T) -> Result<Id, Error> {
        self.settle();
        if self.seats.count() >= self.limits.connections || self.end.is_some() {
            return Err(Error::Full);
        }
        let link = Link::new(socket, settings, self.clock.now())?;
        Ok(self.seat(Seat::new(link, state, false))?)
    }

    /// Connects to an address; what comes of it shows in the first turn.
    ///
    /// # Errors
    /// As [`add`](Self::add).
    pub fn connect(&mut self, to: SocketAddr, settings: &Arc<R::Settings>, state: T) -> Result<Id, Error> {
        self.add(TcpStream::connect(to)?.into(), settings, state)
    }

    fn seat(&mut self, mut seat: Seat<R, T>) -> io::Result<Id> {
        seat.link.register(self.poll.registry(), Token(self.seats.vacancy()))?;
        self.timers.set(self.seats.vacancy(), seat.link.deadline());
        Ok(self.seats.put(seat))
    }

    /// What the program keeps with each connection.
    pub fn states(&mut self) -> impl Iterator<Item = (Id, &mut T)> {
        self.seats.all().map(|(id, seat)| (id, &mut seat.state))
    }

    /// A turn out of line, to give a connection commands; `None` if it is over. Events may come in it as in any other, and
    /// those that are not taken come in the next.
    pub fn turn(&mut self, id: Id) -> Option<Visit<'_, R, T>> {
        self.settle();
        let there = self.seats.holds(id) && self.seats.get(id.at)?.link.failure().is_none();
        if there { self.visit(id.at) } else { None }
    }

    /// Waits until there is something to do, for so long at most. `false` once the loop was told to end and all connections
    /// are gone.
    ///
    /// # Errors
    /// If the operating system does not wait.
    pub fn wait(&mut self, span: Option<Duration>) -> io::Result<bool> {
        self.settle();
        self.buffers.scrub();
        if self.end.is_some() && self.seats.count() == 0 {
            return Ok(false);
        }
        let span = self.patience(span);
        match self.poll.poll(&mut self.events, span) {
            Ok(()) => self.hear(),
            // What happened meanwhile is told by the next.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        if self.post.is_over() {
            self.shut_down();
        }
        let now = self.clock.now();
        self.accept(now);
        self.look_after(now);
        self.batch = self.seats.waiting();
        Ok(true)
    }

    /// How long may be waited.
    fn patience(&self, span: Option<Duration>) -> Option<Duration> {
        let open = self.pause.is_none() && self.doors.iter().any(|door| door.ready);
        if open || self.seats.waiting() > 0 || self.post.is_waiting() || !self.foreign.is_empty() {
            return Some(Duration::ZERO);
        }
        let due = [self.timers.next(), self.pause, self.end].into_iter().flatten().min();
        // A deadline is not met before it is over; and systems count no months of milliseconds.
        let due = due.map(|due| LONGEST.min(due.since(self.clock.now()) + Duration::from_micros(1)));
        due.into_iter().chain(span).min()
    }

    /// Notes what is ready.
    fn hear(&mut self) {
        for event in &self.events {
            let token = event.token();
            if token == WAKE {
                self.post.rung();
            } else if let Some(door) = self.doors.get_mut(DOOR.0 - token.0.min(DOOR.0)) {
                door.ready = true;
            } else if token >= FOREIGN {
                self.foreign.push_back(Foreign {
                    token,
                    readable: event.is_readable(),
                    writable: event.is_writable(),
                    read_closed: event.is_read_closed(),
                    write_closed: event.is_write_closed(),
                });
            } else if let Some(seat) = self.seats.get(token.0) {
                seat.link.ready(event);
                if seat.link.wants_turn() {
                    self.seats.line_up(token.0);
                }
            }
        }
    }

    /// What is to be done next; `None` if it is time to [`wait`](Self::wait).
    #[expect(clippy::should_implement_trait, reason = "what it gives borrows the loop, as no iterator's items may")]
    pub fn next(&mut self) -> Option<Next<'_, R, T, W>> {
        self.settle();
        if let Some(foreign) = self.foreign.pop_front() {
            return Some(Next::Foreign(foreign));
        }
        if let Some(work) = self.post.take() {
            return Some(Next::Work(work));
        }
        let at = self.pick()?;
        if self.seats.get(at)?.link.failure().is_some() {
            return self.part(at);
        }
        self.visit(at).map(Next::Turn)
    }

    /// Who in line has something to say. What only goes on saying goodbye does so here.
    fn pick(&mut self) -> Option<usize> {
        while let Some(batch) = self.batch.checked_sub(1) {
            self.batch = batch;
            let at = self.seats.first()?;
            let Some(seat) = self.seats.get(at) else { continue };
            if seat.link.failure().is_none() {
                return Some(at);
            }
            let now = self.clock.now();
            seat.link.resume(now);
            if seat.link.is_over() || seat.lingers.is_some_and(|end| end <= now) {
                return Some(at);
            }
        }
        None
    }

    fn visit(&mut self, at: usize) -> Option<Visit<'_, R, T>> {
        self.current = Some(at);
        let (id, now) = (self.seats.id(at), self.clock.now());
        let Seat { link, state, .. } = self.seats.get(at)?;
        Some(Visit { id, state, turn: link.turn(now, &mut self.buffers) })
    }

    /// The connection leaves the loop.
    fn part(&mut self, at: usize) -> Option<Next<'_, R, T, W>> {
        let id = self.seats.id(at);
        let Seat { mut link, state, stranger, .. } = self.seats.remove(at)?;
        self.timers.clear(at);
        self.counts.unauthenticated -= usize::from(stranger);
        let error = link.take_failure()?;
        link.finish();
        Some(Next::Gone { id, state, error })
    }

    /// Looks where the last turn has left its connection.
    fn settle(&mut self) {
        if let Some(at) = self.current.take() {
            self.settle_seat(at);
        }
    }

    fn settle_seat(&mut self, at: usize) {
        let now = self.clock.now();
        let Some(seat) = self.seats.get(at) else { return };
        if seat.stranger && seat.link.ssh().is_logged_in() {
            seat.stranger = false;
            self.counts.unauthenticated -= 1;
        }
        let seat = self.seats.get(at);
        let Some(Seat { link, lingers, .. }) = seat else { return };
        if link.closing && link.failure().is_none() && link.ssh().slots_taken() == 0 {
            link.disconnect(Reason::BY_APPLICATION);
            drop(link.turn(now, &mut self.buffers));
        }
        if link.failure().is_some() {
            let end = *lingers.get_or_insert_with(|| now.after(self.limits.linger));
            self.timers.set(at, Some(end));
            if link.is_over() || end <= now || link.wants_turn() {
                self.seats.line_up(at);
            }
            return;
        }
        self.timers.set(at, deadline(link, &self.limits));
        if link.wants_turn() {
            self.seats.line_up(at);
        }
    }

    /// Ends what is over for too long, and gives those a turn whose time has come.
    fn look_after(&mut self, now: Instant) {
        while let Some(at) = self.timers.due(now) {
            let Some(Seat { link, lingers, .. }) = self.seats.get(at) else { continue };
            let due = if link.failure().is_some() { *lingers } else { deadline(link, &self.limits) };
            if due.is_some_and(|due| due > now) {
                self.timers.set(at, due);
                continue;
            }
            if idle(link, &self.limits).is_some_and(|end| end <= now) {
                link.fail(Error::Idle);
                drop(link.turn(now, &mut self.buffers));
                self.settle_seat(at);
            }
            self.seats.line_up(at);
        }
        if self.end.is_some_and(|end| end <= now) {
            self.end_all(now);
        }
    }
}

/// When the link is to have a turn, or is idle for too long.
fn deadline<R: End>(link: &Link<R>, limits: &Limits) -> Option<Instant> {
    link.deadline().into_iter().chain(idle(link, limits)).min()
}

/// When the link is idle for too long.
fn idle<R: End>(link: &Link<R>, limits: &Limits) -> Option<Instant> {
    let counts = link.failure().is_none() && link.ssh().is_logged_in();
    limits.idle.filter(|_| counts).map(|idle| link.active.after(idle))
}
