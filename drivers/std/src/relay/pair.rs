//! One channel joined with one local socket (RFC 4254 §5.2, §5.3): what arrives goes straight to the socket, what the
//! socket has is read straight into packets, and each direction ends by itself.
//!
//! ```text
//! channel -> socket   Flowing -- EOF, bytes queued --> Ending -- queue empty: shutdown(Write) --> Over
//! socket -> channel   Flowing -- end of the socket's data: EOF ---------------------------------> Over
//! both Over: CLOSE; CLOSE from the peer: what is queued still leaves; reset: CLOSE
//! ```

use super::asker::{Asker, refusal};
use super::tally::{Seat, Tally};
use super::ward::Ward;
use crate::Error;
use crate::end::{End, Ssh};
use crate::socket::Socket;
use sanssh_core::channel::OpenFailure;
use sanssh_core::forward::socks::Socks;
use sanssh_core::forward::x11::{Introduction, Stranger};
use sanssh_core::{ChannelId, Output, Refused};
use std::collections::VecDeque;
use std::io::{self, IoSlice, Read, Write};
use std::sync::Arc;

/// What one pair may send before the next has its turn.
const SHARE: usize = 64 * 1024;
/// Less room for a packet than this is not worth a read.
const WORTH: usize = 4 * 1024;

/// A direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Flowing,
    Ending,
    Over,
}

/// Why a pair stopped reading its socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pause {
    /// It has had its share.
    Share,
    /// Nothing more before an event: the socket is empty, the window is, or there is nothing to do.
    Event,
    /// The connection takes nothing now.
    Link,
}

/// A channel and a socket.
#[derive(Debug)]
pub(super) struct Pair {
    /// Goes before the socket, so that who sees its end finds the numbers right.
    seat: Option<Seat>,
    id: Option<ChannelId>,
    socket: Socket,
    /// Arrived, and not taken by the socket. No more than the channel's window.
    queue: VecDeque<u8>,
    /// To be sent before what the socket has.
    ahead: VecDeque<u8>,
    inward: Way,
    outward: Way,
    /// The channel is open.
    open: bool,
    /// As far as is known the socket has something, or takes something.
    readable: bool,
    writable: bool,
    /// The socket's peer has ended or gone: reads go on until they say so, too.
    hung_up: bool,
    /// The program waits to be told by it whether it is connected.
    socks: Option<Box<Socks>>,
    /// The peer has not proved itself; nothing passes before it has.
    introduction: Option<Box<Introduction>>,
}

impl Pair {
    /// `open`: the channel is, and not only asked for.
    pub(super) fn new(id: ChannelId, socket: Socket, open: bool, tally: Option<&Arc<Tally>>) -> Self {
        Self {
            id: Some(id),
            socket,
            queue: VecDeque::new(),
            ahead: VecDeque::new(),
            inward: Way::Flowing,
            outward: Way::Flowing,
            open,
            readable: true,
            writable: true,
            hung_up: false,
            socks: None,
            introduction: None,
            seat: tally.map(Seat::of),
        }
    }

    /// Watched over by what the ward still has to do.
    pub(super) fn watched(self, ward: Ward) -> Self {
        match ward {
            Ward::Display(introduction) => Self { introduction: Some(introduction), ..self },
            // Agents have been told by now.
            Ward::Agent(_) | Ward::Open => self,
        }
    }

    /// The channel, as long as the peer has not closed it.
    pub(super) const fn id(&self) -> Option<ChannelId> {
        self.id
    }

    pub(super) const fn socket(&self) -> &Socket {
        &self.socket
    }

    /// For a program that said where to, and perhaps something to them.
    pub(super) fn of_asker(id: ChannelId, asker: Asker) -> Self {
        let Asker { socket, socks, tally, rest, .. } = asker;
        Self { socks: Some(socks), ahead: rest.into(), ..Self::new(id, socket, false, Some(&tally)) }
    }

    /// The channel was granted.
    pub(super) fn opened(&mut self) {
        self.open = true;
        if let Some(mut socks) = self.socks.take() {
            self.queue.extend(socks.granted());
            self.drain();
        }
    }

    /// The channel was refused.
    pub(super) fn fail(&mut self, reason: OpenFailure, why: String) {
        if let Some(mut socks) = self.socks.take() {
            // The program sees the end anyhow.
            let _ = (&self.socket).write(socks.refused(refusal(reason)));
        }
        if let Some(seat) = &self.seat {
            seat.tally().fail(Error::OpenRefused { reason, text: why }.to_string());
        }
    }

    /// The socket has news.
    pub(super) fn wake(&mut self, readable: bool, writable: bool, hung_up: bool) {
        self.readable |= readable;
        self.writable |= writable;
        self.hung_up |= hung_up;
    }

    /// Whether reading the socket may bring something.
    pub(super) fn wants_turn(&self) -> bool {
        let pulls = self.open && self.outward == Way::Flowing && (self.readable || !self.ahead.is_empty());
        pulls || (self.writable && !self.queue.is_empty())
    }

    /// Data from the channel; how much of it is done with.
    pub(super) fn deliver(&mut self, bytes: &[u8]) -> usize {
        let Some(introduction) = &mut self.introduction else { return self.pass(bytes) };
        match introduction.take(bytes) {
            Ok((taken, None)) => taken,
            Ok((taken, Some(message))) => {
                self.queue.extend(message);
                self.introduction = None;
                // A socket that was never written to takes it.
                self.drain();
                taken + self.pass(&bytes[taken..])
            }
            Err(Stranger) => {
                if let Some(seat) = &self.seat {
                    seat.tally().fail("X11: a program does not know the cookie".to_owned());
                }
                (self.inward, self.outward) = (Way::Over, Way::Over);
                bytes.len()
            }
        }
    }

    fn pass(&mut self, bytes: &[u8]) -> usize {
        if self.inward == Way::Over {
            return bytes.len();
        }
        let taken = if self.queue.is_empty() && self.writable { self.put(|mut socket| socket.write(bytes)) } else { 0 };
        if self.inward == Way::Over {
            return bytes.len();
        }
        self.writable &= taken == bytes.len();
        self.queue.extend(&bytes[taken..]);
        taken
    }

    /// The peer sends no more data.
    pub(super) fn finish(&mut self) {
        if self.inward == Way::Flowing {
            self.inward = Way::Ending;
        }
        self.settle();
    }

    /// The peer has closed the channel: there is nobody left to read for.
    pub(super) fn closed(&mut self) {
        self.id = None;
        self.outward = Way::Over;
        self.finish();
    }

    /// Gives the socket what waits for it; how much of it is done with.
    pub(super) fn drain(&mut self) -> usize {
        let mut done = 0;
        while self.writable && !self.queue.is_empty() {
            let mut queue = core::mem::take(&mut self.queue);
            let taken = self.put(|mut socket| socket.write_vectored(&both(&queue)));
            if self.inward == Way::Over {
                return done + queue.len();
            }
            queue.drain(..taken);
            self.queue = queue;
            done += taken;
        }
        self.settle();
        done
    }

    fn put(&mut self, write: impl Fn(&Socket) -> io::Result<usize>) -> usize {
        loop {
            match write(&self.socket) {
                Ok(n) => return n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.writable = false;
                    return 0;
                }
                Err(_) => {
                    // Nobody takes any more; what the other side still has to say may be there to read.
                    self.inward = Way::Over;
                    return 0;
                }
            }
        }
    }

    fn settle(&mut self) {
        if self.queue.is_empty() {
            // Memory of a burst is not kept for the next one.
            self.queue = VecDeque::new();
            if self.inward == Way::Ending {
                // One that is not connected any more needs no telling.
                let _ = self.socket.finish();
                self.inward = Way::Over;
            }
        }
    }

    /// Whether both directions are through.
    pub(super) fn is_over(&self) -> bool {
        self.inward == Way::Over && self.outward == Way::Over
    }

    /// Reads the socket into packets for the channel, its share at most.
    pub(super) fn pull<R: End>(&mut self, ssh: &mut Ssh<R>, output: &mut Output<'_>) -> Pause {
        let mut share = SHARE;
        while let (Some(id), Way::Flowing, true) = (self.id, self.outward, self.open) {
            if !self.readable && self.ahead.is_empty() {
                return Pause::Event;
            }
            if share == 0 {
                return Pause::Share;
            }
            if output.room() < WORTH {
                return Pause::Link;
            }
            let mut read = None;
            let ahead = !self.ahead.is_empty();
            let sent = ssh.fill(id, output, |space| {
                let outcome = self.take(space);
                let n = *outcome.as_ref().unwrap_or(&0);
                // What is left of the space says whether there is more, but only where the socket was asked.
                read = Some((outcome, ahead || n == space.len()));
                n
            });
            match (sent, read) {
                (Ok(_), Some((outcome, more))) => share = share.saturating_sub(self.note(ssh, id, outcome, more)),
                (Ok(_), None) => return Pause::Event,
                (Err(Refused::Busy | Refused::NoRoom | Refused::NotYet), _) => return Pause::Link,
                (Err(_), _) => self.outward = Way::Over,
            }
        }
        Pause::Event
    }

    fn take(&mut self, space: &mut [u8]) -> io::Result<usize> {
        if self.ahead.is_empty() {
            return (&self.socket).read(space);
        }
        self.ahead.read(space)
    }

    /// What a read means, after which there may be `more`; how much it brought.
    fn note<R: End>(&mut self, ssh: &mut Ssh<R>, id: ChannelId, read: io::Result<usize>, more: bool) -> usize {
        match read {
            Ok(0) => {
                self.outward = Way::Over;
                ssh.finish(id);
            }
            Ok(n) => {
                // One that hung up has its end still to tell.
                self.readable = self.hung_up || more;
                return n;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.readable = false,
            Err(_) => {
                (self.inward, self.outward) = (Way::Over, Way::Over);
                self.queue.clear();
                ssh.close(id);
            }
        }
        0
    }
}

fn both(queue: &VecDeque<u8>) -> [IoSlice<'_>; 2] {
    let (front, back) = queue.as_slices();
    [IoSlice::new(front), IoSlice::new(back)]
}
