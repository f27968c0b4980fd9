//! 20 000 seeded mutations of recorded sessions, fed to either role: no panic, no hang, only typed errors, and no
//! allocation in core. What coverage-guided fuzzing does at length, this does a little of in every run of the tests.
//!
//! With `Null` a mutation reaches the layers above the packets; with `Fast` it is met by real cryptography.

use core::time::Duration;
use sanssh_core::auth::{client, server};
use sanssh_core::channel::Request;
use sanssh_core::crypto::Provider;
use sanssh_core::crypto::fast::Fast;
use sanssh_core::crypto::null::Null;
use sanssh_core::role::{Client, Role, Server};
use sanssh_core::{Connection, Event, Input, Instant, Output, Random, Seed, Slot};
use sanssh_tests::count::{Counting, allocations};
use sanssh_tests::forger::{Machine, Side};
use sanssh_tests::fuzz::mutate::mutate;
use sanssh_tests::pair::server_config;

#[global_allocator]
static ALLOCATOR: Counting = Counting::system();

/// Mutations for each role and provider.
const RUNS: usize = 5000;
/// Far beyond what a run takes; a hang is what this is for.
const LONGEST: Duration = Duration::from_secs(2);

/// Bytes that one end received, with the ends of the flights they came in.
#[derive(Debug, Clone, Default)]
struct Stream {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Stream {
    fn add(&mut self, flight: &[u8]) {
        if !flight.is_empty() {
            self.bytes.extend_from_slice(flight);
            self.ends.push(self.bytes.len());
        }
    }

    /// The flights; what a mutation appended belongs to the last.
    fn flights(&self) -> impl Iterator<Item = &[u8]> {
        let length = self.bytes.len();
        let starts = core::iter::once(0).chain(self.ends.iter().copied());
        let ends = self.ends.iter().copied().take(self.ends.len() - 1).chain([length]);
        starts.zip(ends).map(move |(start, end)| &self.bytes[start.min(length)..end.min(length)])
    }
}

/// What an embedder does of itself, after it was told something.
trait Plays: Side {
    fn play<P: Provider>(machine: &mut Machine<Self, P>, told: usize);
}

impl Plays for Client {
    /// Logs in, opens a channel, runs a command, sends data, changes keys and closes.
    fn play<P: Provider>(machine: &mut Machine<Self, P>, told: usize) {
        for at in told..machine.told.len() {
            let channel = machine.channels.last().copied();
            match (machine.told[at].as_str(), channel) {
                ("keyed", _) if !machine.ssh.is_logged_in() => {
                    let _ = machine.emit(|ssh, output| ssh.interactive(b"user", output));
                }
                ("accepted true", _) => drop(machine.open()),
                ("opened", Some(id)) => {
                    let _ = machine.emit(|ssh, output| ssh.request(id, Request::Exec(b"cat"), output));
                }
                ("replied true", Some(id)) => {
                    let _ = machine.emit(|ssh, output| ssh.write(id, &[7; 300], output));
                }
                ("data 300", _) => machine.ssh.rekey(),
                ("keyed", Some(id)) => machine.ssh.finish(id),
                _ => {}
            }
        }
        machine.flush();
    }
}

impl Plays for Server {
    /// Echoes, once.
    fn play<P: Provider>(machine: &mut Machine<Self, P>, told: usize) {
        for at in told..machine.told.len() {
            let channel = machine.channels.last().copied();
            match (machine.told[at].as_str(), channel) {
                ("data 300", Some(id)) => {
                    let _ = machine.emit(|ssh, output| ssh.write(id, &[8; 300], output));
                }
                ("eof", Some(id)) => {
                    let _ = machine.emit(|ssh, output| ssh.request(id, Request::ExitStatus(0), output));
                    machine.ssh.close(id);
                }
                _ => {}
            }
        }
        machine.flush();
    }
}

/// One flight reaches a machine.
fn receive<R: Plays, P: Provider>(machine: &mut Machine<R, P>, flight: &[u8]) {
    let told = machine.told.len();
    machine.take(flight);
    R::play(machine, told);
}

/// A session from identification to the end of a channel, as each end received it.
fn record<P: Provider>() -> (Stream, Stream, [Vec<String>; 2]) {
    let mut client = Machine::<Client, P>::new(server_config());
    let mut server = Machine::<Server, P>::new(server_config());
    let (mut to_client, mut to_server) = (Stream::default(), Stream::default());
    client.pump();
    server.pump();
    loop {
        let (sent, answered) = (core::mem::take(&mut client.sent), core::mem::take(&mut server.sent));
        if sent.is_empty() && answered.is_empty() {
            break;
        }
        to_server.add(&sent);
        to_client.add(&answered);
        receive(&mut server, &sent);
        receive(&mut client, &answered);
    }
    assert_eq!((client.over, server.over), (None, None));
    assert_eq!(client.told.last().map(String::as_str), Some("closed"), "{:?}", client.told);
    (to_client, to_server, [client.told, server.told])
}

/// A stream with changes in a few places.
fn changed(random: &mut Random, stream: &Stream) -> Stream {
    let mut stream = stream.clone();
    mutate(random, &mut stream.bytes);
    stream
}

/// Feeds a stream to a fresh machine.
fn feed<R: Plays, P: Provider>(stream: &Stream) -> Machine<R, P> {
    let mut machine = Machine::<R, P>::new(server_config());
    machine.pump();
    for flight in stream.flights() {
        receive(&mut machine, flight);
    }
    machine
}

fn mutations<R: Plays, P: Provider>(stream: &Stream, told: &[String], seed: u8) {
    assert_eq!(feed::<R, P>(stream).told, told, "an untouched recording replays");
    let mut random = Random::new(&Seed::new([seed; 32]));
    let (mut over, mut deepest) = (0, 0);
    for run in 0..RUNS {
        let mutated = changed(&mut random, stream);
        let started = std::time::Instant::now();
        let mut machine = feed::<R, P>(&mutated);
        assert!(started.elapsed() < LONGEST, "run {run}");
        assert!(machine.told.len() <= mutated.bytes.len());
        let left = machine.input.len();
        if let Some(error) = machine.over {
            over += 1;
            machine.take(b"more");
            assert_eq!((machine.over, machine.input.len()), (Some(error), left + 4), "run {run}");
        }
        deepest = deepest.max(machine.told.len());
        // Whatever it waits for, it does not wait for ever, unless it is logged in and nothing is due.
        if !machine.ssh.is_logged_in() {
            machine.now = machine.now.after(Duration::from_secs(200));
            machine.tick();
            assert!(machine.over.is_some(), "run {run}");
        }
    }
    assert!(over > RUNS / 3, "only {over} of {RUNS} mutations were noticed");
    assert!(deepest + 2 >= told.len(), "no mutation came far: {deepest} of {}", told.len());
}

fn both<P: Provider>(seed: u8) {
    let (to_client, to_server, [client, server]) = record::<P>();
    mutations::<Client, P>(&to_client, &client, seed);
    mutations::<Server, P>(&to_server, &server, seed + 1);
}

#[test]
fn above_the_packets() {
    both::<Null>(1);
}

#[test]
fn with_real_cryptography() {
    both::<Fast>(3);
}

/// An embedder that answers everything and allocates nothing.
trait Frugal: Role {
    fn answer<'b>(ssh: &mut Bare<'_, Self>, event: Self::Event<'b>, output: &mut Output<'_>);
}

type Bare<'t, R> = Connection<R, Null, &'t mut [Slot]>;

impl Frugal for Client {
    fn answer(ssh: &mut Bare<'_, Self>, event: client::Event<'_>, output: &mut Output<'_>) {
        if let client::Event::HostKey { ask, .. } = event {
            ssh.trust(ask);
        } else if let client::Event::Prompts { ask, .. } = event {
            let _ = ssh.answer(&ask, &[b"right"], output);
        }
    }
}

impl Frugal for Server {
    fn answer(ssh: &mut Bare<'_, Self>, event: server::Event<'_>, output: &mut Output<'_>) {
        match event {
            server::Event::HostKey { ask, .. } => ssh.host_key(ask, b"key"),
            server::Event::Sign { ask, .. } => drop(ssh.sign(&ask, b"key", b"signature", output)),
            server::Event::Probe { ask, .. } => ssh.unacceptable(ask),
            server::Event::Attempt { ask, .. } => {
                let prompts = [sanssh_core::wire::auth::Prompt { text: b"word: ", echo: false }];
                let _ = ssh.prompt(&ask, b"", b"", &prompts, output);
            }
            server::Event::Answers { ask, .. } => ssh.grant(ask),
            server::Event::Prove { keys, ask } => {
                let signatures = [&b"signature"[..]; 16];
                let _ = ssh.proven(&ask, signatures.get(..keys.count()).unwrap_or_default(), output);
            }
        }
    }
}

/// Receives and flushes until nothing moves; the events are answered, and forgotten.
fn swallow<R: Frugal>(ssh: &mut Bare<'_, R>, bytes: &mut [u8], space: &mut [u8]) {
    let mut input = Input::new(bytes);
    loop {
        let mut output = Output::new(space);
        match ssh.recv(Instant(0), &mut input) {
            Ok(Some(Event::Auth(event))) => R::answer(ssh, event, &mut output),
            Ok(Some(Event::Open { ask, .. })) => drop(ssh.accept(ask)),
            Ok(Some(Event::Channel(_, sanssh_core::channel::Event::Request { ask, .. }))) => ssh.reply(ask, true),
            Ok(Some(Event::Transport(_) | Event::Channel(..) | Event::Listen { .. } | Event::Forward(..))) => {}
            Ok(None) | Err(_) => {
                ssh.flush(Instant(0), &mut output);
                if output.filled() == 0 {
                    break;
                }
            }
        }
    }
}

fn allocate_nothing<R: Frugal>(stream: &Stream) {
    let mut random = Random::new(&Seed::new([9; 32]));
    let mut space = vec![0; 64 * 1024];
    for _ in 0..200 {
        let mut bytes = changed(&mut random, stream).bytes;
        let mut table = [Slot::new(); 4];
        let config = server_config();
        let taken = allocations(|| {
            let mut ssh = Bare::<R>::new(config, &Seed::new([5; 32]), &mut table, Instant(0));
            swallow(&mut ssh, &mut bytes, &mut space);
        });
        assert_eq!(taken, 0, "core has no memory but what it is lent");
    }
}

#[test]
fn core_allocates_nothing_whatever_arrives() {
    let (to_client, to_server, _) = record::<Null>();
    allocate_nothing::<Client>(&to_client);
    allocate_nothing::<Server>(&to_server);
}
