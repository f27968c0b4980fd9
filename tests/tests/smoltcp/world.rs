//! Two network stacks joined by a bad line, on a clock that only moves when told: frames are lost, doubled and delayed as a
//! seed says, and one that overtakes another is what delay does.

use core::time::Duration as Span;
use sanssh_core::{Random, Seed};
use smoltcp::iface::{self, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::socket::tcp::{Socket, SocketBuffer};
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{HardwareAddress, IpAddress, IpCidr};
use std::collections::{BTreeMap, VecDeque};

/// The server's port.
pub(crate) const PORT: u16 = 22;
const MTU: usize = 600;

/// What the line does to frames.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Line {
    /// How many of a hundred are lost.
    pub(crate) lost: u32,
    /// How many of a hundred arrive twice.
    pub(crate) doubled: u32,
    /// How long a frame is under way at least.
    pub(crate) delay: Span,
    /// How much longer it may be.
    pub(crate) jitter: Span,
    /// Nothing arrives.
    pub(crate) cut: bool,
}

impl Line {
    /// A line as bad as TCP can still use.
    pub(crate) const BAD: Self =
        Self { lost: 5, doubled: 3, delay: Span::from_millis(5), jitter: Span::from_millis(20), cut: false };
}

/// A network interface.
#[derive(Debug, Default)]
pub(crate) struct Nic {
    heard: VecDeque<Vec<u8>>,
    said: Vec<Vec<u8>>,
}

pub(crate) struct Heard(Vec<u8>);
pub(crate) struct Say<'n>(&'n mut Vec<Vec<u8>>);

impl RxToken for Heard {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

impl TxToken for Say<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, f: F) -> R {
        let mut frame = vec![0; length];
        let outcome = f(&mut frame);
        self.0.push(frame);
        outcome
    }
}

impl Device for Nic {
    type RxToken<'a> = Heard;
    type TxToken<'a> = Say<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Heard, Say<'_>)> {
        Some((Heard(self.heard.pop_front()?), Say(&mut self.said)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Say<'_>> {
        Some(Say(&mut self.said))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = MTU;
        capabilities
    }
}

/// A machine at one end of the line.
pub(crate) struct Host {
    nic: Nic,
    pub(crate) stack: Interface,
    pub(crate) sockets: SocketSet<'static>,
}

impl Host {
    fn new(last: u8, seed: u64) -> Self {
        let mut nic = Nic::default();
        let mut config = iface::Config::new(HardwareAddress::Ip);
        config.random_seed = seed;
        let mut stack = Interface::new(config, &mut nic, Instant::ZERO);
        stack.update_ip_addrs(|list| list.push(IpCidr::new(IpAddress::v4(10, 0, 0, last), 24)).expect("an address"));
        Self { nic, stack, sockets: SocketSet::new(Vec::new()) }
    }

    /// A socket with buffers of these sizes, which are odd on purpose where a test wants packets to wrap.
    pub(crate) fn socket(&mut self, received: usize, sent: usize) -> SocketHandle {
        self.sockets.add(Socket::new(SocketBuffer::new(vec![0; received]), SocketBuffer::new(vec![0; sent])))
    }

    pub(crate) fn at(&mut self, handle: SocketHandle) -> &mut Socket<'static> {
        self.sockets.get_mut(handle)
    }

    /// Has a socket connect to the server.
    pub(crate) fn connect(&mut self, handle: SocketHandle, from: u16) {
        let socket = self.sockets.get_mut::<Socket<'_>>(handle);
        socket.connect(self.stack.context(), (IpAddress::v4(10, 0, 0, 2), PORT), from).expect("the socket is free");
    }
}

/// Both machines, the line and the time.
pub(crate) struct World {
    pub(crate) now: Instant,
    pub(crate) line: Line,
    /// Where clients are.
    pub(crate) near: Host,
    /// Where servers are.
    pub(crate) far: Host,
    random: Random,
    /// Frames under way, by when they arrive, and whether that is far.
    flying: BTreeMap<(Instant, u64), (bool, Vec<u8>)>,
    frames: u64,
    /// Rounds in which no time passed.
    rounds: u32,
}

impl World {
    pub(crate) fn new(line: Line, seed: u8) -> Self {
        Self {
            now: Instant::ZERO,
            line,
            near: Host::new(1, u64::from(seed) << 8),
            far: Host::new(2, u64::from(seed)),
            random: Random::new(&Seed::new([seed; 32])),
            flying: BTreeMap::new(),
            frames: 0,
            rounds: 0,
        }
    }

    /// Delivers what has arrived, and has both stacks say what they have to say.
    pub(crate) fn carry(&mut self) {
        while let Some(entry) = self.flying.first_entry().filter(|entry| entry.key().0 <= self.now) {
            let (to_far, frame) = entry.remove();
            let host = if to_far { &mut self.far } else { &mut self.near };
            host.nic.heard.push_back(frame);
        }
        for host in [&mut self.near, &mut self.far] {
            host.stack.poll(self.now, &mut host.nic, &mut host.sockets);
        }
        for frame in core::mem::take(&mut self.near.nic.said) {
            self.send(true, frame);
        }
        for frame in core::mem::take(&mut self.far.nic.said) {
            self.send(false, frame);
        }
    }

    /// Lets time pass until something is due: by the stacks, the line, or whoever else was asked.
    pub(crate) fn pass(&mut self, delays: impl IntoIterator<Item = Option<Duration>>) {
        let due = self.flying.keys().next().map(|(at, _)| *at - self.now.min(*at));
        let near = self.near.stack.poll_delay(self.now, &self.near.sockets);
        let far = self.far.stack.poll_delay(self.now, &self.far.sockets);
        let next = delays.into_iter().chain([due, near, far]).flatten().min().unwrap_or_default();
        self.rounds = if next == Duration::ZERO { self.rounds + 1 } else { 0 };
        assert!(self.rounds < 100, "nobody has a deadline, or somebody does not do what it is due for");
        self.now += next;
    }

    fn send(&mut self, to_far: bool, frame: Vec<u8>) {
        let lost = self.line.cut || self.chance(self.line.lost);
        let copies = usize::from(!lost) + usize::from(!lost && self.chance(self.line.doubled));
        for _ in 0..copies {
            let jitter = self.draw(u32::try_from(self.line.jitter.as_micros()).expect("a short time") + 1);
            let at = self.now + Duration::from(self.line.delay) + Duration::from_micros(u64::from(jitter));
            self.frames += 1;
            self.flying.insert((at, self.frames), (to_far, frame.clone()));
        }
    }

    fn chance(&mut self, of_hundred: u32) -> bool {
        self.draw(100) < of_hundred
    }

    /// A number below `end`.
    pub(crate) fn draw(&mut self, end: u32) -> u32 {
        u32::from_be_bytes(self.random.array()) % end
    }

    /// Bytes that nobody expects.
    pub(crate) fn noise(&mut self, length: usize) -> Vec<u8> {
        let mut noise = vec![0; length];
        self.random.fill(&mut noise);
        noise
    }
}
