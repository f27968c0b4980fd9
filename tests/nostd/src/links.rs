//! The small drivers, as they are used: a turn of a link over smoltcp, and channels over embedded-io, blocking and awaited.

use core::convert::Infallible;
use core::future::{Future, ready};
use core::pin::pin;
use core::task::{Context, Waker};
use embedded_io::{ErrorType, Read, ReadReady, Write, WriteReady};
use sanssh_core::crypto::soft::Soft;
use sanssh_core::role::{Client, Server};
use sanssh_core::{ChannelId, Config, Event, Instant, Reason, Seed, Slot};
use sanssh_embedded_io::{Inbox, aio};
use sanssh_smoltcp::{Link, Stage};
use smoltcp::socket::tcp::{Socket, SocketBuffer};
use smoltcp::time;

/// One round of a server over a socket.
#[unsafe(no_mangle)]
pub extern "C" fn sanssh_nostd_smoltcp(seed: &[u8; 32], now: u32) -> u64 {
    let (mut received, mut sent, mut input, mut spare) = ([0; 512], [0; 2048], [0; 2048], [0; 256]);
    let mut socket = Socket::new(SocketBuffer::new(&mut received[..]), SocketBuffer::new(&mut sent[..]));
    let mut link = Link::<Server, Soft, [Slot; 2]>::new(&mut input, &mut spare);
    let now = time::Instant::from_millis(now);
    let mut events = 0;
    if let Some(mut turn) = link.poll(now, &mut socket) {
        while let Ok(Some(_)) = turn.next() {
            events += 1;
        }
    }
    match link.stage(&socket) {
        Stage::Idle if socket.listen(22).is_err() => return 0,
        Stage::Due => link.begin(Config::default(), &Seed::new(*seed), [Slot::new(); 2], now),
        Stage::Idle | Stage::Waiting | Stage::Busy => {
            Link::<Server, Soft, [Slot; 2]>::turn_away("sanssh", Reason::TOO_MANY_CONNECTIONS, &mut socket);
        }
    }
    events + link.poll_delay(now, &socket).map_or(0, |delay| delay.total_micros())
}

/// A transport that takes everything and gives nothing.
struct Nothing;

impl ErrorType for Nothing {
    type Error = Infallible;
}

impl Read for Nothing {
    fn read(&mut self, _: &mut [u8]) -> Result<usize, Infallible> {
        Ok(0)
    }
}

impl Write for Nothing {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

impl ReadReady for Nothing {
    fn read_ready(&mut self) -> Result<bool, Infallible> {
        Ok(true)
    }
}

impl WriteReady for Nothing {
    fn write_ready(&mut self) -> Result<bool, Infallible> {
        Ok(true)
    }
}

impl embedded_io_async::Read for Nothing {
    async fn read(&mut self, _: &mut [u8]) -> Result<usize, Infallible> {
        Ok(0)
    }
}

impl embedded_io_async::Write for Nothing {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        Ok(bytes.len())
    }

    async fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

struct Still;

impl aio::Timer for Still {
    fn now(&mut self) -> Instant {
        Instant(0)
    }

    fn until(&mut self, _: Instant) -> impl Future<Output = ()> {
        ready(())
    }
}

/// The channel that an event is about, if it is about one.
fn channel<R: sanssh_core::role::Role>(event: &Event<'_, R>) -> Option<ChannelId> {
    let Event::Channel(id, _) = event else { return None };
    Some(*id)
}

/// A client that blocks.
#[unsafe(no_mangle)]
pub extern "C" fn sanssh_nostd_embedded_io(seed: &[u8; 32], space: &mut [u8; 64]) -> usize {
    let (mut input, mut output, mut window) = ([0; 2048], [0; 2048], [0; 512]);
    let config = Config { window: 512, ..Config::default() };
    let memory = [&mut input[..], &mut output[..]];
    let clock = || Instant(0);
    let table = [Slot::new(); 1];
    let mut link = sanssh_embedded_io::Link::<_, _, Client, Soft, _>::new(
        Nothing,
        clock,
        config,
        &Seed::new(*seed),
        table,
        memory,
    );
    let mut running = None;
    while let Ok(mut turn) = link.turn() {
        let Ok(event) = turn.next() else { return 0 };
        running = running.or(event.as_ref().and_then(channel));
        if running.is_some() {
            break;
        }
    }
    let Some(id) = running else { return 0 };
    let mut inbox = Inbox::new(id, &mut window);
    let Ok(mut stream) = link.channel(&mut inbox, |_, _| {}) else { return 0 };
    stream.write(space).and_then(|_| stream.read(space)).unwrap_or(0)
}

/// A client that is awaited.
#[unsafe(no_mangle)]
pub extern "C" fn sanssh_nostd_awaited(seed: &[u8; 32], space: &mut [u8; 64]) -> bool {
    let (mut input, mut output, mut window) = ([0; 2048], [0; 2048], [0; 512]);
    let config = Config { window: 512, ..Config::default() };
    let memory = [&mut input[..], &mut output[..]];
    let (halves, seed, table) = ((Nothing, Nothing), Seed::new(*seed), [Slot::new(); 1]);
    let mut link = aio::Link::<_, _, _, Client, Soft, _>::new(halves, Still, config, &seed, table, memory);
    let talk = pin!(async {
        let event = link.turn().await.ok()?.next().ok()?;
        let mut inbox = Inbox::new(event.as_ref().and_then(channel)?, &mut window);
        let mut stream = link.channel(&mut inbox, |_, _| {}).ok()?;
        embedded_io_async::Write::write(&mut stream, space).await.ok()?;
        embedded_io_async::Read::read(&mut stream, space).await.ok()
    });
    talk.poll(&mut Context::from_waker(Waker::noop())).is_ready()
}
