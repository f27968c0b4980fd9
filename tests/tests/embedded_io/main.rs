//! Links and channels over transports in memory, with the traits of embedded-io and of embedded-io-async: bytewise, short ones,
//! and such as fail.

mod pipe;

use core::cell::{Cell, RefCell};
use core::pin::{Pin, pin};
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use embedded_io::{Error as _, ErrorKind, Read, ReadReady, Write, WriteReady};
use pipe::{Hand, Idler, Port, Shape, pipes};
use sanssh_core::crypto::soft::Soft;
use sanssh_core::role::{Client, Server};
use sanssh_core::time::Phase;
use sanssh_core::{Event, Reason, Refused, Seed, Slot, channel};
use sanssh_embedded_io::{Clock, Error, Inbox, Link, Turn, aio};
use sanssh_tests::talk::{Plays, Program, Table, config, letter};
use std::rc::Rc;

/// What the configuration says.
const WINDOW: usize = 4096;

/// Memory for as long as the test runs.
fn memory(sizes: [usize; 2]) -> [&'static mut [u8]; 2] {
    sizes.map(|size| &mut *vec![0; size].leak())
}

fn link<R: Plays, C: Clock>(port: Port, clock: C, seed: u8) -> Link<'static, Port, C, R, Soft, Table> {
    let table = vec![Slot::new(); 2];
    Link::new(port, clock, config(), &Seed::new([seed; 32]), table, memory([5000, 3000]))
}

/// A server that is polled, with its program.
struct Host<C> {
    link: Link<'static, Port, C, Server, Soft, Table>,
    program: Program,
    fate: Option<Error<ErrorKind>>,
}

impl<C: Clock> Host<C> {
    fn new(port: Port, clock: C, total: usize) -> Self {
        Self { link: link(port, clock, 2), program: Program::new(total), fate: None }
    }

    fn act(&mut self) {
        match self.link.poll() {
            Ok(turn) => {
                let fate = self.program.play(turn).err().map(Error::Ssh);
                self.fate = self.fate.or(fate);
            }
            Err(error) => self.fate = self.fate.or(Some(error)),
        }
    }
}

/// What happens while a client waits.
type Idle = Box<dyn FnMut()>;
type Shared<C> = Rc<RefCell<Host<C>>>;

/// A client that blocks, while the server acts in its idle time.
struct Pair {
    client: Link<'static, Port, Idler<Idle>, Client, Soft, Table>,
    program: Program,
    server: Shared<Idler<fn()>>,
    /// The server does nothing, and time passes.
    asleep: Rc<Cell<bool>>,
    hand: Hand,
}

impl Pair {
    fn new(shape: Shape, total: usize) -> (Self, Port, Port) {
        let hand = Hand::new();
        let (near, far) = pipes(shape);
        let server = Host::new(far.clone(), Idler(hand.clone(), (|| ()) as fn()), total);
        let server = Rc::new(RefCell::new(server));
        let acting = Rc::clone(&server);
        let (asleep, slow) = (Rc::new(Cell::new(false)), hand.clone());
        let sleeps = Rc::clone(&asleep);
        let idle: Idle = Box::new(move || match sleeps.get() {
            true => slow.move_on(Duration::from_secs(1)),
            false => acting.borrow_mut().act(),
        });
        let client = link(near.clone(), Idler(hand.clone(), idle), 1);
        (Self { client, program: Program::default(), server, asleep, hand }, near, far)
    }

    /// Logs in, and gives the inbox of a channel on which a command runs.
    fn open(&mut self) -> Result<Inbox<'static>, Error<ErrorKind>> {
        let mut inbox = None;
        while self.program.talk.id.is_none() {
            begin(&mut self.program, &mut inbox, self.client.turn()?)?;
        }
        Ok(inbox.expect("the channel was opened"))
    }
}

/// A client's turn, until the command runs. Data may come in the same one.
fn begin(
    program: &mut Program,
    inbox: &mut Option<Inbox<'static>>,
    mut turn: Turn<'_, 'static, Client, Soft, Table>,
) -> Result<(), Error<ErrorKind>> {
    while let Some(event) = turn.next()? {
        if let Event::Channel(id, channel::Event::Opened) = &event {
            *inbox = Some(Inbox::new(*id, vec![0; WINDOW].leak()));
        }
        let event = if let Some(inbox) = inbox { inbox.offer(event) } else { Some(event) };
        if let Some(event) = event {
            program.hear(&mut turn, event);
        }
    }
    program.act(&mut turn);
    Ok(())
}

#[test]
fn channels_are_streams_over_any_transport() {
    for (shape, total) in [(Shape::BYTEWISE, 40_000), (Shape::SHORT, 100_000), (Shape::WIDE, 200_000)] {
        let (mut pair, ..) = Pair::new(shape, total);
        let mut inbox = pair.open().expect("a channel");
        let program = &mut pair.program;
        let mut channel = pair.client.channel(&mut inbox, |turn, event| program.hear(turn, event)).expect("a window");
        let (mut said, mut heard) = (0, 0);
        while said < total || heard < total {
            let bytes: Vec<u8> = (said..total.min(said + 999)).map(letter).collect();
            channel.write_all(&bytes).expect("it is open");
            said += bytes.len();
            let mut space = [0; 555];
            while heard < total && (said == total || channel.read_ready().expect("it is open")) {
                let n = channel.read(&mut space).expect("it is open");
                assert!(space[..n].iter().enumerate().all(|(at, byte)| *byte == letter(heard + at)), "at {heard}");
                heard += n;
            }
        }
        assert_eq!(channel.read(&mut [0]), Ok(0));
        channel.finish();
        channel.flush().expect("it is open");
        assert!(pair.program.exchanges > 1, "{} exchanges", pair.program.exchanges);
        pair.client.end();
        let mut server = pair.server.borrow_mut();
        (0..10).for_each(|_| server.act());
        assert!(server.program.talk.is_done());
        assert_eq!(server.fate, Some(Error::Ssh(sanssh_core::Error::Disconnected(Reason::BY_APPLICATION))));
    }
}

#[test]
fn a_channel_that_is_not_ready_says_so() {
    let (mut pair, ..) = Pair::new(Shape::WIDE, 5000);
    let mut inbox = pair.open().expect("a channel");
    let mut channel = pair.client.channel(&mut inbox, |_, _| {}).expect("a window");
    // As long as the server does nothing, its window is filled and no more.
    let mut said = 0;
    while channel.write_ready().expect("it is open") {
        let bytes: Vec<u8> = (said..said + 1000).map(letter).collect();
        said += channel.write(&bytes).expect("it is open");
    }
    assert_eq!(said, WINDOW);
    // What it had said before is there, and then nothing.
    let mut heard = 0;
    while channel.read_ready().expect("it is open") {
        heard += channel.read(&mut [0; 100]).expect("it is open");
    }
    assert!((1..=WINDOW).contains(&heard), "{heard}");
    let mut server = pair.server.borrow_mut();
    (0..3).for_each(|_| server.act());
    assert!(channel.read_ready().expect("it is open"));
    assert!(channel.write_ready().expect("it is open"));
}

#[test]
fn an_inbox_has_to_hold_a_window() {
    let (mut pair, ..) = Pair::new(Shape::WIDE, 10);
    let id = pair.open().expect("a channel").id();
    let mut inbox = Inbox::new(id, vec![0; WINDOW - 1].leak());
    assert_eq!(pair.client.channel(&mut inbox, |_, _| {}).err(), Some(Refused::NoRoom));
}

#[test]
fn a_transport_that_fails_is_told_wherever_it_does() {
    for left in (0..3000).step_by(61) {
        let (mut pair, near, _) = Pair::new(Shape::SHORT, 100);
        near.break_after(left);
        let outcome = pair.open().and_then(|mut inbox| {
            let mut channel = pair.client.channel(&mut inbox, |_, _| {})?;
            channel.write_all(&[1; 4000])?;
            channel.flush()
        });
        assert_eq!(outcome, Err(Error::Io(ErrorKind::BrokenPipe)), "after {left} bytes");
        assert_eq!(outcome.map_err(|error| error.kind()), Err(ErrorKind::BrokenPipe));
    }
}

/// The reason stands in what was received before the transport broke.
#[test]
fn a_goodbye_is_heard_though_nothing_can_be_said_any_more() {
    let (mut pair, near, far) = Pair::new(Shape::WIDE, 10);
    let mut inbox = pair.open().expect("a channel");
    let mut server = pair.server.borrow_mut();
    server.link.poll().expect("the transport is well").ssh.disconnect(Reason::TOO_MANY_CONNECTIONS);
    (0..3).for_each(|_| server.act());
    drop(server);
    far.close();
    near.break_after(0);
    let mut channel = pair.client.channel(&mut inbox, |_, _| {}).expect("a window");
    let fate = sanssh_core::Error::Disconnected(Reason::TOO_MANY_CONNECTIONS);
    assert_eq!(channel.write_all(&[1; 9000]), Err(Error::Ssh(fate)));
}

#[test]
fn a_transport_that_ends_is_the_end() {
    let (mut pair, _, far) = Pair::new(Shape::WIDE, 10);
    let mut inbox = pair.open().expect("a channel");
    (0..3).for_each(|_| pair.server.borrow_mut().act());
    far.close();
    let mut channel = pair.client.channel(&mut inbox, |_, _| {}).expect("a window");
    // What had arrived is there all the same.
    let mut heard = [0; 10];
    channel.read_exact(&mut heard).expect("ten bytes");
    assert!(heard.iter().enumerate().all(|(at, byte)| *byte == letter(at)));
    assert_eq!(channel.read(&mut [0]), Ok(0));
    assert_eq!(channel.flush().map_err(|error| error.kind()), Err(ErrorKind::ConnectionReset));
}

#[test]
fn a_silent_peer_ends_by_its_deadline() {
    let (near, _far) = pipes(Shape::WIDE);
    let hand = Hand::new();
    let slow = hand.clone();
    let mut client = link::<Client, _>(near, Idler(hand.clone(), || slow.move_on(Duration::from_secs(1))), 1);
    let fate = loop {
        let mut turn = client.turn().expect("the transport is well");
        if let Err(error) = turn.next() {
            break error;
        }
    };
    assert_eq!(fate, sanssh_core::Error::TimedOut(Phase::Handshake));
    assert!(hand.time().0 < 70_000_000, "{:?}", hand.time());
}

/// There is always something left to be taken, for longer than a peer may take nothing.
#[test]
fn a_slow_line_is_not_a_dead_one() {
    let (mut pair, ..) = Pair::new(Shape::BYTEWISE, 0);
    let mut inbox = pair.open().expect("a channel");
    pair.hand.tick(Duration::from_millis(12));
    let start = pair.hand.time();
    let mut channel = pair.client.channel(&mut inbox, |_, _| {}).expect("a window");
    let bytes: Vec<u8> = (0..12_000).map(letter).collect();
    for piece in bytes.chunks(100) {
        channel.write_all(piece).expect("it is open");
    }
    assert!(pair.hand.time().since(start) > config().keepalive.patience().expect("there is one"));
}

/// It is alive, but takes nothing.
#[test]
fn a_peer_that_never_reads_is_given_up() {
    let (mut pair, ..) = Pair::new(Shape::SHORT, 0);
    let mut inbox = pair.open().expect("a channel");
    pair.asleep.set(true);
    let mut channel = pair.client.channel(&mut inbox, |_, _| {}).expect("a window");
    let outcome = channel.write_all(&[1; 9000]);
    assert_eq!(outcome, Err(Error::Ssh(sanssh_core::Error::TimedOut(Phase::Keepalive))));
}

/// A line that takes no more than a packet in nine seconds, where there is always one more to say.
#[test]
fn a_peer_that_reads_slowly_is_none_that_never_reads() {
    let (mut pair, near, _) = Pair::new(Shape { capacity: 100, step: 100 }, 0);
    let mut inbox = pair.open().expect("a channel");
    let hand = pair.hand.clone();
    let mut channel = pair.client.channel(&mut inbox, |_, _| {}).expect("a window");
    let before = near.moved();
    for round in 0..30 {
        // As long as a packet of this is, the line is.
        let bytes: Vec<u8> = (64 * round..64 * (round + 1)).map(letter).collect();
        channel.write_all(&bytes).unwrap_or_else(|error| panic!("{error} in round {round}"));
        hand.move_on(Duration::from_secs(9));
        pair.server.borrow_mut().act();
        if let Err(error) = channel.read_ready() {
            panic!("{error} in round {round}");
        }
    }
    assert!(near.moved() - before > 3000);
}

/// What was said at first waits from then on, and not since the last look at a line that was idle.
#[test]
fn a_line_that_was_idle_is_not_late_at_once() {
    let (mut pair, ..) = Pair::new(Shape::SHORT, 0);
    let mut inbox = pair.open().expect("a channel");
    let server = Rc::clone(&pair.server);
    let hand = pair.hand.clone();
    let mut channel = pair.client.channel(&mut inbox, |_, _| {}).expect("a window");
    (0..10).for_each(|_| {
        server.borrow_mut().act();
        channel.read_ready().expect("it is open");
    });
    hand.move_on(Duration::from_secs(1000));
    let bytes: Vec<u8> = (0..2000).map(letter).collect();
    channel.write_all(&bytes).expect("it is open");
    assert!(!channel.read_ready().expect("it is open"));
}

/// The last of it stands in front of the goodbye in one read.
#[test]
fn what_was_said_before_a_goodbye_is_read() {
    let (mut pair, ..) = Pair::new(Shape::WIDE, 5000);
    let mut inbox = pair.open().expect("a channel");
    let mut server = pair.server.borrow_mut();
    (0..3).for_each(|_| server.act());
    server.link.poll().expect("the transport is well").ssh.disconnect(Reason::BY_APPLICATION);
    (0..3).for_each(|_| server.act());
    drop(server);
    let mut channel = pair.client.channel(&mut inbox, |_, _| {}).expect("a window");
    let mut heard = [0; WINDOW];
    channel.read_exact(&mut heard).expect("a window full");
    assert!(heard.iter().enumerate().all(|(at, byte)| *byte == letter(at)));
    assert_eq!(channel.read(&mut [0]), Err(Error::Ssh(sanssh_core::Error::Disconnected(Reason::BY_APPLICATION))));
}

/// Runs both, round after round; a round in which nothing moves is a second long.
fn both<A, B>(hand: &Hand, port: &Port, one: impl Future<Output = A>, other: impl Future<Output = B>) -> (A, B) {
    let (mut one, mut other) = (pin!(one), pin!(other));
    let (mut first, mut second) = (None, None);
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..1_000_000 {
        let before = port.moved();
        poll_into(&mut first, one.as_mut(), &mut context);
        poll_into(&mut second, other.as_mut(), &mut context);
        if first.is_some() && second.is_some() {
            break;
        }
        if port.moved() == before {
            hand.move_on(Duration::from_secs(1));
        }
    }
    (first.expect("the one is done"), second.expect("the other is done"))
}

fn poll_into<A>(slot: &mut Option<A>, future: Pin<&mut impl Future<Output = A>>, context: &mut Context<'_>) {
    if slot.is_none()
        && let Poll::Ready(value) = future.poll(context)
    {
        *slot = Some(value);
    }
}

type Awaited<R> = aio::Link<'static, Port, Port, Hand, R, Soft, Table>;

fn awaited<R: Plays>(port: &Port, hand: &Hand, seed: u8) -> Awaited<R> {
    let halves = (port.clone(), port.clone());
    let seed = Seed::new([seed; 32]);
    aio::Link::new(halves, hand.clone(), config(), &seed, vec![Slot::new(); 2], memory([5000, 3000]))
}

/// A program, to the end of its connection.
async fn serve(mut link: Awaited<Server>, program: &mut Program) -> Error<ErrorKind> {
    loop {
        let fate = match link.turn().await {
            Ok(turn) => program.play(turn).err().map(Error::Ssh),
            Err(error) => Some(error),
        };
        if let Some(fate) = fate {
            link.end().await;
            return fate;
        }
    }
}

async fn open(link: &mut Awaited<Client>, program: &mut Program) -> Result<Inbox<'static>, Error<ErrorKind>> {
    let mut inbox = None;
    while program.talk.id.is_none() {
        begin(program, &mut inbox, link.turn().await?)?;
    }
    Ok(inbox.expect("the channel was opened"))
}

/// Says and hears as much as the other end, by turns.
async fn converse(mut link: Awaited<Client>, total: usize) -> Result<(), Error<ErrorKind>> {
    use embedded_io_async::{Read, Write};
    let mut program = Program::default();
    let mut inbox = open(&mut link, &mut program).await?;
    let mut channel = link.channel(&mut inbox, |turn, event| program.hear(turn, event))?;
    let mut heard = 0;
    for start in (0..total).step_by(1000) {
        let bytes: Vec<u8> = (start..start + 1000).map(letter).collect();
        channel.write_all(&bytes).await?;
        let mut space = [0; 300];
        let n = channel.read(&mut space).await?;
        assert!(space[..n].iter().enumerate().all(|(at, byte)| *byte == letter(heard + at)), "at {heard}");
        heard += n;
    }
    channel.finish();
    channel.flush().await?;
    let mut rest = vec![0; total - heard];
    channel.read_exact(&mut rest).await.expect("as much as was said");
    assert!(rest.iter().enumerate().all(|(at, byte)| *byte == letter(heard + at)));
    assert_eq!(channel.read(&mut [0]).await, Ok(0));
    assert!(program.exchanges > 1, "{} exchanges", program.exchanges);
    link.end().await;
    Ok(())
}

#[test]
fn channels_are_streams_that_are_awaited() {
    for (shape, total) in [(Shape::BYTEWISE, 40_000), (Shape::SHORT, 100_000), (Shape::WIDE, 100_000)] {
        let hand = Hand::new();
        let (near, far) = pipes(shape);
        let (client, server) = (awaited(&near, &hand, 1), awaited(&far, &hand, 2));
        let mut program = Program::new(total);
        let (done, fate) = both(&hand, &near, converse(client, total), serve(server, &mut program));
        assert_eq!(done, Ok(()));
        assert_eq!(fate, Error::Ssh(sanssh_core::Error::Disconnected(Reason::BY_APPLICATION)));
        assert!(program.talk.is_done());
    }
}

#[test]
fn awaiting_ends_by_deadlines_and_failures() {
    let hand = Hand::new();
    let (near, far) = pipes(Shape::WIDE);
    let (mut one, mut other) = (Program::default(), Program::default());
    let (client, server) = (awaited::<Client>(&near, &hand, 1), awaited(&far, &hand, 2));
    drop(client);
    let nobody = async {};
    let ((), fate) = both(&hand, &near, nobody, serve(server, &mut other));
    assert_eq!(fate, Error::Ssh(sanssh_core::Error::TimedOut(Phase::Handshake)));

    let (near, far) = pipes(Shape::SHORT);
    let (mut client, server) = (awaited(&near, &hand, 1), awaited(&far, &hand, 2));
    near.break_after(1000);
    let opens = async { open(&mut client, &mut one).await };
    let broken = async {
        let fate = opens.await.err();
        near.close();
        fate
    };
    let (opened, fate) = both(&hand, &near, broken, serve(server, &mut other));
    assert_eq!(opened, Some(Error::Io(ErrorKind::BrokenPipe)));
    assert_eq!(fate, Error::Ssh(sanssh_core::Error::HungUp));
}

/// What is awaited may be dropped at any time, and begun again.
#[test]
fn nothing_is_lost_where_waiting_is_broken_off() {
    use embedded_io_async::{Read, Write};
    let hand = Hand::new();
    let (near, far) = pipes(Shape::SHORT);
    let mut client = awaited::<Client>(&near, &hand, 1);
    let mut program = Program::new(5000);
    let server = serve(awaited(&far, &hand, 2), &mut program);
    let talk = async {
        let mut one = Program::default();
        let mut inbox = open(&mut client, &mut one).await.expect("a channel");
        let mut channel = client.channel(&mut inbox, |turn, event| one.hear(turn, event)).expect("a window");
        let (mut said, mut heard) = (0, 0);
        while heard < 5000 {
            let mut space = [0; 70];
            if let Some(n) = once(channel.read(&mut space)).await {
                let n = n.expect("it is open");
                assert!(space[..n].iter().enumerate().all(|(at, byte)| *byte == letter(heard + at)), "at {heard}");
                heard += n;
            }
            let bytes: Vec<u8> = (said..5000.min(said + 50)).map(letter).collect();
            if let Some(n) = once(channel.write(&bytes)).await {
                said += n.expect("it is open");
            }
        }
        while said < 5000 {
            let bytes: Vec<u8> = (said..5000).map(letter).collect();
            said += channel.write(&bytes).await.expect("it is open");
        }
        channel.finish();
        channel.flush().await.expect("it is open");
        client.end().await;
    };
    both(&hand, &near, talk, server);
    assert!(program.talk.is_done());
}

/// Polls once, and drops what is not ready; the next round is another one.
async fn once<A>(future: impl Future<Output = A>) -> Option<A> {
    let mut future = pin!(future);
    let mut polled = false;
    core::future::poll_fn(|context| {
        if core::mem::replace(&mut polled, true) {
            return Poll::Ready(None);
        }
        match future.as_mut().poll(context) {
            Poll::Ready(value) => Poll::Ready(Some(value)),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}
