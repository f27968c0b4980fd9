//! A connection with its buffers, behind the link's lock: bytes are moved, events dispatched and output flushed here,
//! and nothing here ever waits.

use crate::Error;
use crate::clock::Clock;
use crate::end::{End, Ssh};
use crate::entropy;
use crate::error::escape;
use crate::inbox::{Inbox, Inboxes, Kind, Stage};
use crate::record::Record;
use crate::relay::Relay;
use crate::socket::Socket;
use crate::vain::Asked;
use sanssh_core::algorithm::Zip;
use sanssh_core::channel::{self, STDERR};
use sanssh_core::config::PACKET_OVERHEAD;
use sanssh_core::transport;
use sanssh_core::transport::Summary;
use sanssh_core::{ChannelId, Config, Error as SshError, Event, Instant, Output, Refused, Rx, Slot, Tx};
use std::io::{self, Read, Write};
use zeroize::Zeroize;

/// What a stranger's connection has of either buffer at first.
const FIRST: usize = 4 * 1024;
/// What one system call should be able to move.
pub(crate) const BUFFER: usize = 256 * 1024;
/// From here on, output leaves before more is added.
pub(crate) const SEND_AT: usize = 128 * 1024;

/// What the pump waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Interest {
    pub(crate) read: bool,
    pub(crate) write: bool,
    pub(crate) until: Option<Instant>,
}

/// Why no more events come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Paused {
    /// What was received is dealt with, or has to wait.
    Done,
    /// The memory for what expands is used up, or may be wanted from here on.
    Cramped,
}

/// Where the thread that moves the connection wants the data of its own channel: straight in the caller's hands.
#[derive(Debug)]
pub(crate) struct Own<'a> {
    pub(crate) id: Option<ChannelId>,
    /// The stream wanted; `None` for whichever comes first.
    pub(crate) want: Option<Kind>,
    pub(crate) space: &'a mut [u8],
    pub(crate) filled: usize,
}

impl<'a> Own<'a> {
    pub(crate) const fn none() -> Self {
        Self { id: None, want: None, space: &mut [], filled: 0 }
    }

    pub(crate) const fn of(id: ChannelId, want: Option<Kind>, space: &'a mut [u8]) -> Self {
        Self { id: Some(id), want, space, filled: 0 }
    }

    /// Takes what is wanted and fits; how much.
    fn take(&mut self, id: ChannelId, kind: Kind, bytes: &[u8]) -> usize {
        if self.id != Some(id) || self.want.is_some_and(|want| want != kind) {
            return 0;
        }
        let room = &mut self.space[self.filled..];
        let n = room.len().min(bytes.len());
        room[..n].copy_from_slice(&bytes[..n]);
        self.filled += n;
        if n > 0 {
            // One call gives one stream.
            self.want = Some(kind);
        }
        n
    }
}

/// The connection and everything that waits around it.
pub(crate) struct State<R: End> {
    pub(crate) ssh: Ssh<R>,
    pub(crate) desk: R::Desk,
    pub(crate) inboxes: Inboxes,
    pub(crate) relay: Relay,
    pub(crate) summary: Option<Summary>,
    pub(crate) rekeys: u64,
    pub(crate) failure: Option<Error>,
    rx: Rx<Box<[u8]>>,
    /// Where compressed payloads are expanded; none where nothing is compressed.
    inflate: Box<[u8]>,
    /// The login is through, and the buffers have their full size.
    settled: bool,
    pub(crate) tx: Tx<Box<[u8]>>,
    clock: Clock,
    #[cfg(feature = "keylog")]
    key_log: Option<crate::KeyLogFile>,
    /// The last read left nothing behind in the socket.
    drained: bool,
    /// The socket takes no more output; what the peer said last may still be there to read.
    broken: Option<Error>,
    goodbye: Option<String>,
    /// Something happened that others may wait for.
    pub(crate) news: bool,
    /// How often that was told.
    pub(crate) moves: u64,
    /// Those that could not go on.
    asked: Asked,
    /// A thread is the pump.
    pub(crate) pumping: bool,
    /// What the pump sleeps on, while it does.
    pub(crate) polling: Option<Interest>,
    /// Threads that wait for the pump.
    pub(crate) waiters: usize,
}

impl<R: End> State<R> {
    pub(crate) fn new(config: Config, channels: usize, desk: R::Desk, record: Option<&Record>) -> Result<Self, Error> {
        let clock = Clock::start();
        let table = vec![Slot::new(); channels.clamp(1, 1 << 16)].into_boxed_slice();
        Ok(Self {
            ssh: match record {
                None => Ssh::new(config, &entropy::seed()?, table, clock.now()),
                Some(record) => Ssh::on(record.open()?, config, &entropy::seed()?, table, clock.now()),
            },
            desk,
            inboxes: Inboxes::default(),
            relay: Relay::new(clock, channels),
            summary: None,
            rekeys: 0,
            failure: None,
            rx: Rx::new(zeros(FIRST)),
            inflate: zeros(0),
            settled: false,
            tx: Tx::new(zeros(FIRST)),
            clock,
            #[cfg(feature = "keylog")]
            key_log: None,
            drained: false,
            broken: None,
            goodbye: None,
            news: false,
            moves: 0,
            asked: Asked::default(),
            pumping: false,
            polling: None,
            waiters: 0,
        })
    }

    /// Has the secrets of key exchanges written down, if there is a file for them.
    #[cfg(feature = "keylog")]
    pub(crate) fn log_keys(&mut self, file: Option<crate::KeyLogFile>) {
        if file.is_some() {
            self.ssh.log_keys();
        }
        self.key_log = file;
    }

    pub(crate) const fn clock(&self) -> Clock {
        self.clock
    }

    /// Whether a read would only find the socket empty.
    pub(crate) const fn is_drained(&self) -> bool {
        self.drained
    }

    pub(crate) const fn poll_again(&mut self) {
        self.drained = false;
    }

    /// What to sleep on now.
    pub(crate) fn interest(&self, until: Option<Instant>) -> Interest {
        let until = match (until, self.ssh.deadline()) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        Interest { read: self.ssh.waiting().is_none(), write: !self.tx.is_empty(), until }
    }

    /// Whether anything has happened since this thread asked what to wait for before.
    pub(crate) fn has_moved(&mut self) -> bool {
        self.asked.has_moved(self.moves)
    }

    /// Whether a pump that sleeps on `interest` has to be woken for what has come up since.
    pub(crate) fn outgrows(&self, interest: Interest) -> bool {
        let now = self.interest(interest.until);
        (now.read && !interest.read) || (now.write && !interest.write) || now.until != interest.until
    }

    /// One read, as much as fits, and everything that follows from it.
    pub(crate) fn receive(&mut self, socket: &Socket, own: &mut Own<'_>) {
        let mut ended = None;
        if self.ssh.waiting().is_none() {
            ended = self.read(socket);
        }
        self.digest(own);
        match ended {
            None => {}
            Some(Ok(())) => self.hung_up(),
            Some(Err(error)) => self.fail(error.into()),
        }
    }

    /// `Some` if nothing will come any more.
    fn read(&mut self, mut socket: &Socket) -> Option<io::Result<()>> {
        self.settle_in();
        if self.rx.space().is_empty() {
            self.grow_rx(self.ssh.max_packet() as usize + PACKET_OVERHEAD);
        }
        let space = self.rx.space();
        match socket.read(space) {
            Ok(0) => return Some(Ok(())),
            Ok(n) => {
                self.drained = n < space.len();
                self.rx.received(n);
                if !self.settled {
                    socket.acknowledge();
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.drained = true,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Some(Err(error)),
        }
        None
    }

    fn grow_rx(&mut self, size: usize) {
        // A password may have begun to arrive.
        self.rx.replace(zeros(size)).zeroize();
    }

    /// Once the login is through, the buffers get the size that speed wants.
    fn settle_in(&mut self) {
        if !self.settled && self.ssh.is_logged_in() {
            self.settled = true;
            self.grow_rx(BUFFER.max(self.ssh.max_packet() as usize + PACKET_OVERHEAD));
            self.tx.replace(zeros(BUFFER));
        }
    }

    /// Room for the largest payload, behind what one read brings of smaller ones, from when payloads can be compressed.
    fn prepare_inflate(&mut self) {
        let agreed = |zip| self.summary.is_some_and(|one| one.to_server.zip == zip || one.to_client.zip == zip);
        if self.inflate.is_empty() && (agreed(Zip::Zlib) || (agreed(Zip::ZlibDelayed) && self.ssh.is_logged_in())) {
            self.inflate = zeros(BUFFER + self.ssh.max_packet() as usize);
        }
    }

    fn hung_up(&mut self) {
        let error = self.ssh.hung_up().err().or_else(|| self.ssh.fate()).unwrap_or(SshError::HungUp);
        self.fail_by(error);
    }

    /// Deals with what has been received, until more is needed, and flushes.
    pub(crate) fn digest(&mut self, own: &mut Own<'_>) {
        if self.failure.is_some() {
            return;
        }
        let now = self.clock.now();
        loop {
            let (taken, outcome) = self.events(now, own);
            let filled = self.compose(now);
            match outcome {
                Ok(Paused::Cramped) => continue,
                Ok(Paused::Done) => {}
                Err(error) => return self.fail_by(error),
            }
            // Replies had piled up, and have left: there may be more to read.
            let freed = self.ssh.waiting().is_none() && !self.rx.is_empty() && (taken > 0 || filled > 0);
            if !(freed && filled > 0) {
                return;
            }
        }
    }

    fn events(&mut self, now: Instant, own: &mut Own<'_>) -> (usize, Result<Paused, SshError>) {
        self.prepare_inflate();
        let Self { ssh, desk, inboxes, relay, summary, rekeys, goodbye, news, rx, inflate, .. } = self;
        let (may_hold_secrets, lean) = (!ssh.is_logged_in(), inflate.is_empty());
        let mut input = rx.input().with_inflate(inflate);
        let outcome = loop {
            match ssh.recv(now, &mut input) {
                Ok(None) if input.is_cramped() => break Ok(Paused::Cramped),
                Ok(None) => break Ok(Paused::Done),
                Err(error) => break Err(error),
                Ok(Some(Event::Channel(id, event))) => {
                    *news |= !relayed(relay, ssh, id, &event) && arrive::<R>(desk, ssh, inboxes, own, id, event);
                }
                Ok(Some(Event::Auth(event))) => {
                    R::auth(desk, ssh, event);
                    *news = true;
                    if lean {
                        break Ok(Paused::Cramped);
                    }
                }
                Ok(Some(Event::Open { kind, ask })) => {
                    R::open(desk, ssh, inboxes, relay, kind, ask);
                    *news = true;
                }
                Ok(Some(Event::Listen { what, ask })) => {
                    R::listen(desk, ssh, what, ask);
                    *news = true;
                }
                Ok(Some(Event::Forward(id, event))) => {
                    R::forward(desk, relay, id, event);
                    *news = true;
                }
                Ok(Some(Event::Transport(event))) => {
                    *rekeys += u64::from(matches!(&event, transport::Event::Keyed(agreed) if !agreed.first));
                    transported::<R>(ssh, summary, goodbye, event);
                    #[cfg(feature = "keylog")]
                    if let Some(log) = &self.key_log {
                        log.note(ssh);
                    }
                    *news = true;
                    if lean {
                        break Ok(Paused::Cramped);
                    }
                }
            }
        };
        let (taken, expanded) = (input.taken(), input.expanded());
        if may_hold_secrets {
            inflate[..expanded].zeroize();
            rx.wipe(taken);
        } else {
            rx.consume(taken);
        }
        (taken, outcome)
    }

    /// Turns what is owed into packets; how many bytes of them.
    pub(crate) fn compose(&mut self, now: Instant) -> usize {
        let mut output = self.tx.output();
        self.ssh.flush(now, &mut output);
        R::tidy(&mut self.desk, &mut self.ssh, &mut output);
        let filled = output.filled();
        self.tx.written(filled);
        filled
    }

    /// Gives a command the output. `None`: it has to wait for the peer or the socket, and be given again.
    pub(crate) fn attempt<T>(
        &mut self,
        socket: &Socket,
        mut what: impl FnMut(&mut Ssh<R>, &mut Output<'_>) -> Result<T, Refused>,
    ) -> Option<Result<T, Error>> {
        if self.failure.is_some() {
            return None;
        }
        self.settle_in();
        loop {
            let mut output = self.tx.output();
            let room = output.room();
            let outcome = what(&mut self.ssh, &mut output);
            let filled = output.filled();
            self.tx.written(filled);
            match outcome {
                Ok(value) => return Some(Ok(value)),
                Err(Refused::Busy) => return None,
                Err(Refused::NoRoom) if !self.tx.is_empty() => {
                    self.send(socket);
                    return None;
                }
                // Before the login, what is longer than usual.
                Err(Refused::NoRoom) if room < BUFFER => drop(self.tx.replace(zeros(2 * room))),
                Err(refused) => return Some(Err(refused.into())),
            }
        }
    }

    /// Gives the socket what it takes.
    pub(crate) fn send(&mut self, mut socket: &Socket) {
        while !self.tx.is_empty() && self.broken.is_none() {
            match socket.write(self.tx.pending()) {
                Ok(n) => {
                    self.tx.sent(n);
                    self.news = true;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => self.broken = Some(error.into()),
            }
        }
        if self.broken.is_some() {
            let waste = self.tx.pending().len();
            self.tx.sent(waste);
        }
    }

    /// Nothing can be sent, and nothing is left to read: that was it.
    pub(crate) fn check_broken(&mut self) {
        if let Some(error) = self.broken.clone().filter(|_| self.drained) {
            self.fail(error);
        }
    }

    fn fail_by(&mut self, error: SshError) {
        let error = if let SshError::Disconnected(reason) = error {
            Error::Disconnected { reason, text: self.goodbye.take().unwrap_or_default() }
        } else {
            Error::Ssh(error)
        };
        self.fail(error);
    }

    /// The connection is over; the first reason is the one.
    pub(crate) fn fail(&mut self, error: Error) {
        self.news = true;
        self.failure.get_or_insert(error);
        self.compose(self.clock.now());
    }
}

/// What happened on a channel that is joined with a socket goes there. Whether it did. No socket has a place for requests and
/// standard error: they are answered and credited as on a channel that nobody holds.
fn relayed<R: End>(relay: &mut Relay, ssh: &mut Ssh<R>, id: ChannelId, event: &channel::Event<'_>) -> bool {
    match event {
        channel::Event::Data(bytes) => {
            let done = relay.deliver(id, bytes);
            ssh.release(id, done.unwrap_or(0));
            done.is_some()
        }
        channel::Event::Extended(..) | channel::Event::Request { .. } => false,
        channel::Event::Opened
        | channel::Event::Failed { .. }
        | channel::Event::Writable
        | channel::Event::Replied(_)
        | channel::Event::Notice(_)
        | channel::Event::Eof
        | channel::Event::Closed => relay.note(ssh, id, event),
    }
}

/// What happened on a channel goes to its inbox. Whether anybody but the pump may wait for it.
fn arrive<R: End>(
    desk: &mut R::Desk,
    ssh: &mut Ssh<R>,
    inboxes: &mut Inboxes,
    own: &mut Own<'_>,
    id: ChannelId,
    event: channel::Event<'_>,
) -> bool {
    match event {
        channel::Event::Data(bytes) => return deliver(ssh, inboxes, own, id, Kind::Data, bytes),
        channel::Event::Extended(STDERR, bytes) => return deliver(ssh, inboxes, own, id, Kind::Stderr, bytes),
        channel::Event::Extended(_, bytes) => ssh.release(id, bytes.len()),
        channel::Event::Request { what, ask } => R::request(desk, ssh, inboxes, id, what, ask),
        channel::Event::Opened
        | channel::Event::Failed { .. }
        | channel::Event::Writable
        | channel::Event::Replied(_)
        | channel::Event::Notice(_)
        | channel::Event::Eof
        | channel::Event::Closed => {
            let Some(inbox) = inboxes.of(id) else { return false };
            note(ssh, inbox, &event);
            if inbox.abandoned && (inbox.closed || matches!(inbox.stage, Stage::Refused(..))) {
                inboxes.remove(id);
            }
        }
    }
    true
}

fn note<R: End>(ssh: &mut Ssh<R>, inbox: &mut Inbox, event: &channel::Event<'_>) {
    match *event {
        channel::Event::Opened => {
            inbox.stage = Stage::Open;
            if inbox.abandoned {
                ssh.close(inbox.id);
            }
        }
        channel::Event::Failed { reason, message } => inbox.stage = Stage::Refused(reason, escape(message, false)),
        channel::Event::Replied(granted) => inbox.replied(granted),
        channel::Event::Notice(notice) => inbox.note(notice),
        channel::Event::Eof => inbox.eof = true,
        channel::Event::Closed => inbox.closed = true,
        channel::Event::Writable
        | channel::Event::Data(_)
        | channel::Event::Extended(..)
        | channel::Event::Request { .. } => {}
    }
}

/// Data goes to the reader that is the pump as far as it wants it, and to the inbox otherwise.
fn deliver<R: End>(
    ssh: &mut Ssh<R>,
    inboxes: &mut Inboxes,
    own: &mut Own<'_>,
    id: ChannelId,
    kind: Kind,
    bytes: &[u8],
) -> bool {
    let Some((inbox, kind)) = inboxes.of(id).and_then(|inbox| inbox.place(kind).map(|kind| (inbox, kind))) else {
        ssh.release(id, bytes.len());
        return true;
    };
    let taken = own.take(id, kind, bytes);
    if taken > 0 {
        ssh.release(id, taken);
    }
    let rest = &bytes[taken..];
    if !rest.is_empty() {
        inbox.queue(kind).extend(rest);
    }
    !rest.is_empty()
}

fn transported<R: End>(
    ssh: &mut Ssh<R>,
    summary: &mut Option<Summary>,
    goodbye: &mut Option<String>,
    event: transport::Event<'_>,
) {
    match event {
        transport::Event::Keyed(agreed) => {
            *summary = Some(agreed);
            if !agreed.first
                && let Ok(seed) = entropy::seed()
            {
                ssh.reseed(&seed);
            }
        }
        transport::Event::Disconnected { message, .. } => *goodbye = Some(escape(message, false)),
        transport::Event::Text(_) | transport::Event::Debug { .. } | transport::Event::Extensions => {}
    }
}

fn zeros(length: usize) -> Box<[u8]> {
    vec![0; length].into_boxed_slice()
}
