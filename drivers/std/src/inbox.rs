//! What has arrived on each channel and was not taken yet. Never more than the channel's window: the peer gets credit
//! only for what was taken.

use crate::error::escape;
use crate::setup::{Event, Setup};
use sanssh_core::ChannelId;
use sanssh_core::channel::{OpenFailure, Request};
use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};

/// The two streams that a session's peer may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Standard output from a server, standard input from a client.
    Data,
    /// Standard error.
    Stderr,
}

/// Where standard error goes as it arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StderrGoes {
    /// Into a stream of its own.
    #[default]
    Apart,
    /// Nowhere: it is dropped, and takes no room.
    Nowhere,
    /// In among standard output, as they come.
    Along,
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exit {
    /// With this status.
    Status(u32),
    /// By a signal.
    Signal {
        /// Its name, without `SIG`, escaped.
        name: String,
        /// Whether a core was dumped.
        core_dumped: bool,
        /// What the server says about it, escaped.
        message: String,
    },
    /// The server did not say.
    Unknown,
}

/// Events that a server's session has not fetched yet, at most; more are dropped.
const MOST_EVENTS: usize = 64;

/// Whether the channel is there.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Opening,
    Open,
    Refused(OpenFailure, String),
}

/// A request that wants a reply.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) name: &'static str,
    /// Who waits for the reply to this one.
    pub(crate) verdict: Option<Arc<OnceLock<bool>>>,
}

/// One channel's arrivals.
#[derive(Debug)]
pub(crate) struct Inbox {
    pub(crate) id: ChannelId,
    pub(crate) stage: Stage,
    pub(crate) data: VecDeque<u8>,
    pub(crate) stderr: VecDeque<u8>,
    pub(crate) stderr_goes: StderrGoes,
    /// Bytes that the window may grow by when it is full of what is not wanted; nothing if who reads has to see to that.
    pub(crate) stretch: Option<u32>,
    pub(crate) eof: bool,
    /// Somebody who does not wait has been told that no more comes.
    pub(crate) end_told: bool,
    pub(crate) closed: bool,
    /// Nobody at the other end reads what is written.
    pub(crate) deaf: bool,
    pub(crate) exit: Option<Exit>,
    /// Requests that want a reply, oldest first, and those that were refused.
    pub(crate) asked: VecDeque<Asked>,
    pub(crate) refused: Vec<&'static str>,
    /// Nobody holds the channel: not any more, or not yet.
    pub(crate) abandoned: bool,
    /// Server: what the client asked for before the command.
    pub(crate) setup: Setup,
    /// Server: what the session has not been told.
    pub(crate) occurrences: VecDeque<Event>,
}

impl Inbox {
    pub(crate) const fn new(id: ChannelId, stage: Stage) -> Self {
        Self {
            id,
            stage,
            data: VecDeque::new(),
            stderr: VecDeque::new(),
            stderr_goes: StderrGoes::Apart,
            stretch: None,
            eof: false,
            end_told: false,
            closed: false,
            deaf: false,
            exit: None,
            asked: VecDeque::new(),
            refused: Vec::new(),
            abandoned: false,
            setup: Setup::new(),
            occurrences: VecDeque::new(),
        }
    }

    /// As what something arrives; `None` if it is not wanted.
    pub(crate) const fn place(&self, kind: Kind) -> Option<Kind> {
        match (kind, self.stderr_goes) {
            (Kind::Data, _) | (Kind::Stderr, StderrGoes::Along) => Some(Kind::Data),
            (Kind::Stderr, StderrGoes::Apart) => Some(Kind::Stderr),
            (Kind::Stderr, StderrGoes::Nowhere) => None,
        }
    }

    pub(crate) const fn queue(&mut self, kind: Kind) -> &mut VecDeque<u8> {
        match kind {
            Kind::Data => &mut self.data,
            Kind::Stderr => &mut self.stderr,
        }
    }

    /// Moves what fits into `space`; how much.
    pub(crate) fn take(&mut self, kind: Kind, space: &mut [u8]) -> usize {
        let queue = self.queue(kind);
        let (front, back) = queue.as_slices();
        let first = front.len().min(space.len());
        let second = back.len().min(space.len() - first);
        space[..first].copy_from_slice(&front[..first]);
        space[first..first + second].copy_from_slice(&back[..second]);
        queue.drain(..first + second);
        first + second
    }

    /// The kind that has bytes, of those wanted.
    pub(crate) fn waiting(&self, want: Option<Kind>) -> Option<Kind> {
        let has = |kind| want.is_none_or(|want| want == kind);
        if !self.data.is_empty() && has(Kind::Data) {
            return Some(Kind::Data);
        }
        (!self.stderr.is_empty() && has(Kind::Stderr)).then_some(Kind::Stderr)
    }

    pub(crate) fn replied(&mut self, granted: bool) {
        let Some(Asked { name, verdict }) = self.asked.pop_front() else { return };
        match verdict {
            // Who waited may have stopped.
            Some(verdict) if Arc::strong_count(&verdict) > 1 => drop(verdict.set(granted)),
            Some(_) | None if granted => {}
            Some(_) | None => self.refused.push(name),
        }
    }

    /// The program of the channel, if it was refused.
    pub(crate) fn refused_start(&self) -> Option<&'static str> {
        self.refused.iter().copied().find(|what| matches!(*what, "exec" | "shell" | "subsystem"))
    }

    /// Keeps how the command ended, or that it reads no more; the first word counts.
    pub(crate) fn note(&mut self, notice: Request<'_>) {
        let exit = match notice {
            Request::ExitStatus(status) => Exit::Status(status),
            Request::ExitSignal { name, core_dumped, message } => {
                Exit::Signal { name: escape(name, false), core_dumped, message: escape(message, false) }
            }
            Request::EndOfWrite => {
                self.deaf = true;
                return;
            }
            Request::Pty(_)
            | Request::Env { .. }
            | Request::Shell
            | Request::Exec(_)
            | Request::Subsystem(_)
            | Request::WindowChange(_)
            | Request::X11(_)
            | Request::Agent
            | Request::AgentStandard
            | Request::XonXoff(_)
            | Request::Signal(_)
            | Request::Break(_) => return,
        };
        self.exit.get_or_insert(exit);
    }

    /// Keeps an event for the session. Only the newest size matters.
    pub(crate) fn occur(&mut self, event: Event) {
        if matches!(event, Event::Resized { .. }) {
            self.occurrences.retain(|other| !matches!(other, Event::Resized { .. }));
        }
        if self.occurrences.len() < MOST_EVENTS {
            self.occurrences.push_back(event);
        }
    }
}

/// The inboxes by the index of their channel, as far as any was used.
#[derive(Debug, Default)]
pub(crate) struct Inboxes {
    slots: Vec<Option<Inbox>>,
    /// Channels that are over, whose handles still have something to read while another has the index.
    retired: Vec<Inbox>,
}

impl Inboxes {
    pub(crate) fn add(&mut self, inbox: Inbox) {
        let at = inbox.id.index();
        if self.slots.len() <= at {
            self.slots.resize_with(at + 1, || None);
        }
        self.retired.extend(self.slots[at].replace(inbox));
    }

    pub(crate) fn of(&mut self, id: ChannelId) -> Option<&mut Inbox> {
        let slot = self.slots.get_mut(id.index())?.as_mut().filter(|inbox| inbox.id == id);
        match slot {
            Some(inbox) => Some(inbox),
            None => self.retired.iter_mut().find(|inbox| inbox.id == id),
        }
    }

    /// Whether `limit` channels are open, or over with handles left.
    pub(crate) fn is_crowded(&self, limit: usize) -> bool {
        let all = || self.slots.iter().flatten().chain(&self.retired);
        let over = all().filter(|inbox| inbox.closed).count();
        over >= limit || all().count() - over >= limit
    }

    /// The handle is gone.
    pub(crate) fn remove(&mut self, id: ChannelId) {
        if let Some(slot) = self.slots.get_mut(id.index()) {
            slot.take_if(|inbox| inbox.id == id);
        }
        self.retired.retain(|inbox| inbox.id != id);
    }
}
