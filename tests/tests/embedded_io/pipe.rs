//! Transports in memory: short, slow, and failing when they are told to.

use core::cell::{Cell, RefCell};
use core::future::{Future, poll_fn};
use core::task::Poll;
use core::time::Duration;
use embedded_io::{ErrorKind, ErrorType, Read, ReadReady, Write, WriteReady};
use sanssh_core::Instant;
use sanssh_embedded_io::{Clock, aio};
use std::collections::VecDeque;
use std::rc::Rc;

/// How a pipe behaves.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    /// Bytes that it holds.
    pub(crate) capacity: usize,
    /// Bytes that one call moves.
    pub(crate) step: usize,
}

impl Shape {
    pub(crate) const BYTEWISE: Self = Self { capacity: 1, step: 1 };
    pub(crate) const SHORT: Self = Self { capacity: 100, step: 37 };
    pub(crate) const WIDE: Self = Self { capacity: 4096, step: 4096 };
}

#[derive(Debug)]
struct Pipe {
    shape: Shape,
    bytes: VecDeque<u8>,
    /// Bytes that may still be written before it breaks.
    left: usize,
    closed: bool,
    /// Bytes moved, for who wants to know whether anything happens.
    moved: u64,
}

/// One end of two pipes.
#[derive(Debug, Clone)]
pub(crate) struct Port {
    from: Rc<RefCell<Pipe>>,
    to: Rc<RefCell<Pipe>>,
}

/// Both ends.
pub(crate) fn pipes(shape: Shape) -> (Port, Port) {
    let pipe = || {
        let bytes = VecDeque::new();
        Rc::new(RefCell::new(Pipe { shape, bytes, left: usize::MAX, closed: false, moved: 0 }))
    };
    let (up, down) = (pipe(), pipe());
    (Port { from: down.clone(), to: up.clone() }, Port { from: up, to: down })
}

impl Port {
    /// Fails once so many bytes more have been written.
    pub(crate) fn break_after(&self, left: usize) {
        self.to.borrow_mut().left = left;
    }

    /// Nothing more comes out at the other end than what is in.
    pub(crate) fn close(&self) {
        self.to.borrow_mut().closed = true;
    }

    /// Bytes that have gone through in both directions.
    pub(crate) fn moved(&self) -> u64 {
        self.from.borrow().moved + self.to.borrow().moved
    }

    fn can_read(&self) -> bool {
        let pipe = self.from.borrow();
        !pipe.bytes.is_empty() || pipe.closed
    }

    fn can_write(&self) -> bool {
        let pipe = self.to.borrow();
        pipe.bytes.len() < pipe.shape.capacity || pipe.left == 0
    }

    fn take(&self, space: &mut [u8]) -> usize {
        let mut pipe = self.from.borrow_mut();
        let n = space.len().min(pipe.bytes.len()).min(pipe.shape.step);
        for (place, byte) in space.iter_mut().zip(pipe.bytes.drain(..n)) {
            *place = byte;
        }
        pipe.moved += n as u64;
        n
    }

    fn give(&self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        let mut pipe = self.to.borrow_mut();
        if pipe.left == 0 {
            return Err(ErrorKind::BrokenPipe);
        }
        let room = pipe.shape.capacity - pipe.bytes.len();
        let n = bytes.len().min(room).min(pipe.shape.step).min(pipe.left);
        pipe.bytes.extend(&bytes[..n]);
        pipe.left -= n;
        pipe.moved += n as u64;
        Ok(n)
    }
}

impl ErrorType for Port {
    type Error = ErrorKind;
}

impl Read for Port {
    fn read(&mut self, space: &mut [u8]) -> Result<usize, ErrorKind> {
        assert!(self.can_read(), "this would wait for ever");
        Ok(self.take(space))
    }
}

impl Write for Port {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        assert!(self.can_write(), "this would wait for ever");
        self.give(bytes)
    }

    fn flush(&mut self) -> Result<(), ErrorKind> {
        Ok(())
    }
}

impl ReadReady for Port {
    fn read_ready(&mut self) -> Result<bool, ErrorKind> {
        Ok(self.can_read())
    }
}

impl WriteReady for Port {
    fn write_ready(&mut self) -> Result<bool, ErrorKind> {
        Ok(self.can_write())
    }
}

impl embedded_io_async::Read for Port {
    async fn read(&mut self, space: &mut [u8]) -> Result<usize, ErrorKind> {
        poll_fn(|_| if self.can_read() { Poll::Ready(Ok(self.take(space))) } else { Poll::Pending }).await
    }
}

impl embedded_io_async::Write for Port {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        poll_fn(|_| if self.can_write() { Poll::Ready(self.give(bytes)) } else { Poll::Pending }).await
    }

    async fn flush(&mut self) -> Result<(), ErrorKind> {
        Ok(())
    }
}

/// A clock that moves when told.
#[derive(Debug, Clone)]
pub(crate) struct Hand {
    time: Rc<Cell<Instant>>,
    tick: Rc<Cell<Duration>>,
}

impl Hand {
    pub(crate) fn new() -> Self {
        Self { time: Rc::default(), tick: Rc::new(Cell::new(Duration::from_millis(1))) }
    }

    /// How long idle times are.
    pub(crate) fn tick(&self, span: Duration) {
        self.tick.set(span);
    }

    pub(crate) fn move_on(&self, span: Duration) {
        self.time.set(self.time().after(span));
    }

    pub(crate) fn time(&self) -> Instant {
        self.time.get()
    }
}

impl aio::Timer for Hand {
    fn now(&mut self) -> Instant {
        self.time()
    }

    fn until(&mut self, at: Instant) -> impl Future<Output = ()> {
        poll_fn(move |_| if self.time() >= at { Poll::Ready(()) } else { Poll::Pending })
    }
}

/// A clock during whose idle time somebody else acts.
pub(crate) struct Idler<F>(pub(crate) Hand, pub(crate) F);

impl<F: FnMut()> Clock for Idler<F> {
    fn now(&mut self) -> Instant {
        self.0.time()
    }

    fn idle(&mut self, _: Option<Instant>) {
        (self.1)();
        self.0.move_on(self.0.tick.get());
    }
}
