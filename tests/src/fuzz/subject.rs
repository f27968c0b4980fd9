//! A connection under fuzz, with the null provider: its buffers, the questions it asked, and what must hold whatever it
//! is given. Bytes arrive by [`receive`](Subject::receive); nothing here makes time pass.
//!
//! Held at every step: what leaves is lawful (see [`Watch`]), what is told belongs to channels that there are, unreleased
//! data stays within its window, an error is told once and for all, and no loop runs longer than its input allows.

use super::sides::{Acts, How, Question};
use super::watch::Watch;
use core::fmt::{self, Write};
use sanssh_core::algorithm::Zip;
use sanssh_core::channel::{self, ForwardEvent, ForwardId, OpenKind, Request};
use sanssh_core::crypto::null::Null;
use sanssh_core::{
    ChannelId, Config, Connection, Error, Event, Input, Instant, Output, Refused, Seed, Slot, Waiting, transport,
};
use std::collections::VecDeque;

/// Room for output, unless a case gives less.
pub(super) const OUTPUT: usize = 40 * 1024;
/// What leaves for each byte that came, and besides.
const GAIN: usize = 64;
const BASE: usize = 256 * 1024;

pub(super) type Ssh<R> = Connection<R, Null, Vec<Slot>>;

/// What is known of a channel.
#[derive(Debug)]
pub(super) struct Channel {
    pub(super) id: ChannelId,
    pub(super) open: bool,
    gone: bool,
    pub(super) eof: bool,
    /// Received and not released, and how much that may be.
    unreleased: u64,
    window: u64,
    /// Requests without an answer.
    pub(super) asked: u32,
}

/// What is known of a forward.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) id: ForwardId,
    /// Which of the forwards that are asked for; servers do not keep that.
    pub(super) which: usize,
    pub(super) granted: bool,
}

/// A connection and everything around it.
#[derive(Debug)]
pub(super) struct Subject<R: Acts> {
    pub(super) ssh: Ssh<R>,
    pub(super) now: Instant,
    /// Questions that wait for their answers.
    pub(super) held: VecDeque<Question<R::Question>>,
    /// Whether questions are held at all.
    pub(super) patient: bool,
    /// What was told, each as a hash.
    pub(super) told: Vec<u64>,
    /// What left and was not carried away.
    pub(super) sent: Vec<u8>,
    pub(super) channels: Vec<Channel>,
    pub(super) forwards: Vec<Place>,
    /// Whether sessions have asked for displays, and for the agent.
    pub(super) asked: [bool; 2],
    pub(super) over: Option<Error>,
    /// Room for output.
    pub(super) room: usize,
    /// Received and not taken.
    pub(super) input: Vec<u8>,
    pub(super) watch: Watch,
    /// Bytes that came, and bytes that left or were asked to.
    received: usize,
    left: usize,
    spoken: usize,
    space: Vec<u8>,
    inflate: Vec<u8>,
}

impl<R: Acts> Subject<R> {
    pub(super) fn new(config: Config, channels: usize) -> Self {
        let zips = config.preferences.zips.iter().any(|zip| *zip != Zip::None);
        let inflate = vec![0; if zips { config.max_packet as usize } else { 0 }];
        Self {
            ssh: Connection::new(config, &Seed::new([R::SEED; 32]), vec![Slot::new(); channels], Instant(0)),
            now: Instant(0),
            held: VecDeque::new(),
            patient: false,
            told: Vec::new(),
            sent: Vec::new(),
            channels: Vec::new(),
            forwards: Vec::new(),
            asked: [false; 2],
            over: None,
            room: OUTPUT,
            input: Vec::new(),
            watch: Watch::new(R::SENDER, zips),
            received: 0,
            left: 0,
            spoken: 0,
            space: vec![0; OUTPUT],
            inflate,
        }
    }

    /// Takes what there is as far as it can, flushing only where nothing else goes on.
    pub(super) fn receive(&mut self, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
        self.received += bytes.len();
        for _ in 0..self.received + GAIN {
            self.take();
            let stuck = self.over.is_none() && self.ssh.waiting() == Some(Waiting::Output) && self.ssh.owes_output();
            if !stuck || self.flush() == 0 {
                return;
            }
        }
        panic!("it goes on for ever");
    }

    /// Flushes until nothing is left to say, or nothing fits; how many bytes.
    pub(super) fn flush(&mut self) -> usize {
        let now = self.now;
        let mut total = 0;
        for _ in 0..GAIN {
            let filled = self.emit(|ssh, output| {
                ssh.flush(now, output);
                output.filled()
            });
            total += filled;
            if filled == 0 {
                return total;
            }
        }
        panic!("it speaks for ever");
    }

    /// Runs a command that writes.
    pub(super) fn emit<A>(&mut self, command: impl FnOnce(&mut Ssh<R>, &mut Output<'_>) -> A) -> A {
        let mut output = Output::new(&mut self.space[..self.room]);
        let answer = command(&mut self.ssh, &mut output);
        let filled = output.filled();
        self.watch.see(&self.space[..filled]);
        self.sent.extend_from_slice(&self.space[..filled]);
        self.left += filled;
        assert!(self.left <= GAIN * self.received + self.spoken + BASE, "{} for {}", self.left, self.received);
        answer
    }

    /// Runs a command that may be refused; one that is refused changed nothing that anybody sees.
    pub(super) fn command<A>(
        &mut self,
        bytes: usize,
        command: impl FnOnce(&mut Ssh<R>, &mut Output<'_>) -> Result<A, Refused>,
    ) -> Result<A, Refused> {
        // Each is at most a packet of its own, beside what was owed.
        self.spoken += bytes + 512;
        let done = self.emit(command);
        assert!(self.over.is_none() || done.is_err(), "a command goes through after {:?}", self.over);
        done
    }

    fn take(&mut self) {
        let (mut bytes, mut inflate) = (core::mem::take(&mut self.input), core::mem::take(&mut self.inflate));
        crate::pair::lend(&mut bytes, &mut inflate, |input| self.listen(input));
        (self.input, self.inflate) = (bytes, inflate);
    }

    fn listen(&mut self, input: &mut Input<'_>) {
        loop {
            match self.ssh.recv(self.now, input) {
                Ok(None) => break,
                Ok(Some(event)) => {
                    assert!(self.over.is_none(), "{event:?} after {:?}", self.over);
                    self.told.push(Hasher::of(&event));
                    assert!(self.told.len() <= self.received, "more was told than came");
                    self.hear(event);
                }
                Err(error) => {
                    self.end(error);
                    break;
                }
            }
        }
    }

    /// It ended, for one reason.
    pub(super) fn end(&mut self, error: Error) {
        assert!(self.over.is_none_or(|over| over == error), "{error:?} after {:?}", self.over);
        assert_eq!(self.ssh.fate(), Some(error));
        self.over = Some(error);
    }

    /// It may have ended by what was called.
    pub(super) fn fated(&mut self) {
        if let Some(error) = self.ssh.fate() {
            self.end(error);
        }
    }

    fn hear(&mut self, event: Event<'_, R>) {
        match event {
            Event::Auth(event) => R::hear(self, event),
            Event::Transport(transport::Event::Keyed(_)) => assert!(self.ssh.session_id().is_some()),
            Event::Transport(_) => {}
            Event::Channel(id, event) => self.channel(id, event),
            Event::Open { kind, ask } => {
                assert!(self.ssh.is_logged_in());
                assert!(R::may_open(self, &kind), "{kind:?} was not asked for");
                self.ask(Question::Open(ask));
            }
            Event::Listen { ask, .. } => {
                assert!(self.ssh.is_logged_in() && self.ssh.config().forwarding);
                R::listen(self, ask);
            }
            Event::Forward(id, event) => self.forward(id, event),
        }
    }

    /// A question came up.
    pub(super) fn ask(&mut self, question: Question<R::Question>) {
        if self.patient {
            self.held.push_back(question);
        } else {
            self.answer(question, How::Fit);
        }
    }

    /// Answers a question.
    pub(super) fn answer(&mut self, question: Question<R::Question>, how: How) {
        match question {
            Question::Open(ask) if how == How::No => self.ssh.decline(ask, channel::OpenFailure::PROHIBITED),
            Question::Open(ask) => {
                if let Ok(id) = self.ssh.accept(ask) {
                    self.opened(id, true);
                }
            }
            Question::Request(ask) => self.ssh.reply(ask, how != How::No),
            Question::Own(question) => R::settle(self, question, how),
        }
    }

    /// A channel that there is now.
    pub(super) fn opened(&mut self, id: ChannelId, open: bool) {
        self.occupies(id.index());
        let window = u64::from(self.ssh.config().window);
        self.channels.push(Channel { id, open, gone: false, eof: false, unreleased: 0, window, asked: 0 });
    }

    /// A forward that there is now.
    pub(super) fn forwards(&mut self, id: ForwardId, which: usize, granted: bool) {
        self.occupies(id.index());
        self.forwards.push(Place { id, which, granted });
    }

    /// Nothing else has this slot.
    fn occupies(&self, index: usize) {
        assert!(self.channels.iter().all(|channel| channel.gone || channel.id.index() != index), "{index} is taken");
        assert!(self.forwards.iter().all(|place| place.id.index() != index), "{index} is taken");
    }

    fn forward(&mut self, id: ForwardId, event: ForwardEvent) {
        assert!(self.ssh.is_logged_in());
        let at = self.forwards.iter().position(|place| place.id == id).expect("a forward that there is");
        match event {
            ForwardEvent::Granted(_) => {
                assert!(!core::mem::replace(&mut self.forwards[at].granted, true), "granted twice");
            }
            ForwardEvent::Refused => assert!(!self.forwards.swap_remove(at).granted, "refused after it was granted"),
            ForwardEvent::Cancelled => {
                assert!(self.forwards.swap_remove(at).granted, "cancelled before it was granted")
            }
        }
    }

    fn channel(&mut self, id: ChannelId, event: channel::Event<'_>) {
        assert!(self.ssh.is_logged_in());
        let releases = !self.patient;
        let found = self.channels.iter_mut().find(|channel| channel.id == id && !channel.gone);
        let channel = found.unwrap_or_else(|| panic!("{event:?} on a channel that there is not"));
        assert!(channel.open || matches!(event, channel::Event::Opened | channel::Event::Failed { .. }), "{event:?}");
        match event {
            channel::Event::Opened => channel.open = !core::mem::replace(&mut channel.open, true),
            channel::Event::Failed { .. } | channel::Event::Closed => channel.gone = true,
            channel::Event::Data(data) | channel::Event::Extended(_, data) => {
                assert!(!channel.eof, "data after its end");
                assert!(data.len() <= self.ssh.config().max_data as usize, "{} bytes at once", data.len());
                channel.unreleased += data.len() as u64;
                assert!(channel.unreleased <= channel.window, "{} of {}", channel.unreleased, channel.window);
                if releases {
                    self.release(id, data.len());
                }
            }
            channel::Event::Request { ask, .. } => self.ask(Question::Request(ask)),
            channel::Event::Replied(_) => {
                channel.asked = channel.asked.checked_sub(1).expect("an answer to something that was asked");
            }
            channel::Event::Eof => assert!(!core::mem::replace(&mut channel.eof, true), "data ends twice"),
            channel::Event::Notice(what) => assert!(!matches!(what, Request::Exec(_) | Request::Shell)),
            channel::Event::Writable => {}
        }
    }

    /// Releases data, if there is so much.
    pub(super) fn release(&mut self, id: ChannelId, bytes: usize) {
        self.ssh.release(id, bytes);
        for channel in self.channels.iter_mut().filter(|channel| channel.id == id) {
            channel.unreleased = channel.unreleased.saturating_sub(bytes as u64);
        }
    }

    /// Widens a window.
    pub(super) fn widen(&mut self, id: ChannelId, bytes: u32) {
        self.ssh.widen(id, bytes);
        for channel in self.channels.iter_mut().filter(|channel| channel.id == id) {
            channel.window = (channel.window + u64::from(bytes)).min(u64::from(u32::MAX));
        }
    }

    /// Asks for something on a channel.
    pub(super) fn request(&mut self, at: usize, what: Request<'_>) {
        let Some(id) = self.channels.get(at).map(|channel| channel.id) else { return };
        if self.command(1024, |ssh, output| ssh.request(id, what, output)).is_ok() {
            self.channels[at].asked += 1;
            self.asked[0] |= matches!(what, Request::X11(_));
            self.asked[1] |= matches!(what, Request::Agent | Request::AgentStandard);
        }
    }

    /// Asks for a channel.
    pub(super) fn open(&mut self, kind: OpenKind<'_>) {
        if let Ok(id) = self.command(1024, |ssh, output| ssh.open(kind, output)) {
            self.opened(id, false);
        }
    }

    /// Lets time pass, not backwards.
    pub(super) fn tick(&mut self, now: Instant) {
        self.now = self.now.max(now);
        if let Err(error) = self.ssh.tick(self.now) {
            self.end(error);
        }
    }
}

/// What is told, as a number: the same words, the same number.
struct Hasher(u64);

impl Hasher {
    fn of(what: &impl fmt::Debug) -> u64 {
        // FNV-1a: nobody chooses what it hashes so that two are alike, but by chance.
        let mut hasher = Self(0xcbf2_9ce4_8422_2325);
        write!(hasher, "{what:?}").expect("a hasher takes everything");
        hasher.0
    }
}

impl Write for Hasher {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        Ok(())
    }
}
