//! A random walk of both ends at once: commands as chance has it, a line that cuts and delays, time that passes; and the
//! reference beside them, which says what each may be told.

use crate::forwards::{self, Forwarded};
use crate::model::{Item, Model, Side};
use core::time::Duration;
use sanssh_core::channel::{OpenFailure, OpenKind, Request, STDERR, Tcpip};
use sanssh_core::crypto::Provider;
use sanssh_core::event::{ChannelRequest, ForwardRequest, OpenRequest};
use sanssh_core::role::Role;
use sanssh_core::wire::connection::{WindowChange, X11Req};
use sanssh_core::{Ask, ChannelId, Config, Error, Random, Refused, Seed};
use sanssh_tests::pair::{CHANNELS, End, Pair, Told, server_config};
use std::collections::VecDeque;

pub(crate) const WINDOW: u32 = 3000;
const MAX_DATA: u32 = 900;

/// A source of chance.
pub(crate) struct Chance(Random);

impl Chance {
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(u32::from_be_bytes(self.0.array())).expect("a number") % end
    }

    pub(crate) fn one_in(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }
}

/// What happened, so that a walk that went nowhere is noticed.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Tally {
    pub(crate) bytes: usize,
    pub(crate) opened: usize,
    pub(crate) declined: usize,
    pub(crate) closed: usize,
    pub(crate) replies: usize,
    pub(crate) notices: usize,
    pub(crate) keyed: usize,
    pub(crate) stalls: usize,
    pub(crate) busy: usize,
    pub(crate) forwards: usize,
    /// Channels that a server opened.
    pub(crate) returned: usize,
}

impl core::ops::AddAssign for Tally {
    fn add_assign(&mut self, more: Self) {
        self.bytes += more.bytes;
        self.opened += more.opened;
        self.declined += more.declined;
        self.closed += more.closed;
        self.replies += more.replies;
        self.notices += more.notices;
        self.keyed += more.keyed;
        self.stalls += more.stalls;
        self.busy += more.busy;
        self.forwards += more.forwards;
        self.returned += more.returned;
    }
}

/// A request on a channel that a side was asked about: where, its number if an answer is due, and what it permits.
#[derive(Debug)]
struct Asked {
    side: Side,
    channel: usize,
    number: Option<usize>,
    permits: Option<usize>,
    ask: Ask<ChannelRequest>,
}

/// What both ends share.
pub(crate) struct World {
    pub(crate) model: Model,
    pub(crate) chance: Chance,
    opens: Vec<(Side, usize, Ask<OpenRequest>)>,
    requests: Vec<Asked>,
    pub(crate) forwards: Vec<Forwarded>,
    pub(crate) listens: Vec<(usize, Ask<ForwardRequest>)>,
    /// Host keys that were announced and not told; proofs that were asked for.
    announced: VecDeque<usize>,
    proofs: usize,
    last: u16,
    pub(crate) tally: Tally,
}

impl World {
    /// A number that was not there before.
    pub(crate) fn number(&mut self) -> u16 {
        self.last += 1;
        self.last
    }

    /// Whether both tables have a slot free, whatever is on its way.
    pub(crate) fn has_room(&self) -> bool {
        let forwards = self.forwards.iter().filter(|one| one.gone != [true; 2]).count();
        self.model.alive().count() + forwards < CHANNELS
    }
}

/// Both ends, what lies on the line by its sender, and the reference.
pub(crate) struct Walk<P: Provider> {
    pair: Pair<P, P>,
    lines: [VecDeque<u8>; 2],
    pub(crate) world: World,
}

fn configured(config: Config) -> Config {
    let mut config = Config { window: WINDOW, max_data: MAX_DATA, ..config };
    config.rekey.time = Duration::from_secs(3);
    config.keepalive.interval = Duration::from_millis(700);
    config.keepalive.count = 1000;
    config
}

impl<P: Provider> Walk<P> {
    pub(crate) fn new(seed: u64) -> Self {
        let mut pair =
            Pair::connected(configured(Config::default()), Config { forwarding: true, ..configured(server_config()) });
        (pair.client.releases, pair.server.releases) = (false, false);
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_be_bytes());
        let world = World {
            model: Model::default(),
            chance: Chance(Random::new(&Seed::new(bytes))),
            opens: Vec::new(),
            requests: Vec::new(),
            forwards: Vec::new(),
            listens: Vec::new(),
            announced: VecDeque::new(),
            proofs: 0,
            last: 0,
            tally: Tally::default(),
        };
        Self { pair, lines: [VecDeque::new(), VecDeque::new()], world }
    }

    pub(crate) fn step(&mut self) {
        let side = if self.world.chance.one_in(2) { Side::Client } else { Side::Server };
        match self.world.chance.below(100) {
            0..55 => self.speak(side),
            55..70 => drop(self.flush(side)),
            70..95 => {
                // Short pieces mostly, so that heads and tails of packets are cut.
                let most = if self.world.chance.one_in(2) { 5000 } else { 60 };
                let bytes = 1 + self.world.chance.below(most);
                self.deliver(side, bytes);
            }
            _ => {
                let span = Duration::from_micros(self.world.chance.below(20_000) as u64);
                self.pair.now = self.pair.now.after(span);
                self.pair.client.ssh.tick(self.pair.now).expect("nothing is late");
                self.pair.server.ssh.tick(self.pair.now).expect("nothing is late");
            }
        }
        assert_eq!((self.pair.client.over, self.pair.server.over), (None, None));
    }

    fn speak(&mut self, side: Side) {
        let Self { pair, world, .. } = self;
        match (world.chance.below(40), side) {
            (0, Side::Client) if world.proofs == 0 => {
                let asked = pair.client.emit(|ssh, output| ssh.prove(&[b"a key"], output));
                world.proofs += usize::from(asked.is_ok());
            }
            (0, Side::Server) => {
                let count = world.chance.below(3);
                let asked = pair.server.emit(|ssh, output| ssh.announce(&vec![&b"a key"[..]; count], output));
                world.announced.extend(asked.ok().map(|()| count));
            }
            (2..4, Side::Client) => forwards::client(&mut pair.client, world),
            (2..5, Side::Server) => forwards::server(&mut pair.server, world),
            (1, Side::Client) if world.chance.one_in(3) => pair.client.ssh.rekey(),
            (1, Side::Server) if world.chance.one_in(3) => pair.server.ssh.rekey(),
            (_, Side::Client) => command(&mut pair.client, side, world),
            (_, Side::Server) => command(&mut pair.server, side, world),
        }
    }

    /// What the side owes gets on the line.
    fn flush(&mut self, side: Side) -> bool {
        let now = self.pair.now;
        let output = match side {
            Side::Client => {
                self.pair.client.flush(now);
                &mut self.pair.client.output
            }
            Side::Server => {
                self.pair.server.flush(now);
                &mut self.pair.server.output
            }
        };
        let moved = !output.is_empty();
        self.lines[side as usize].extend(output.drain(..));
        moved
    }

    /// So much of what the side said arrives.
    fn deliver(&mut self, side: Side, most: usize) {
        let line = &mut self.lines[side as usize];
        let bytes = line.drain(..most.min(line.len()));
        match side {
            Side::Client => self.pair.server.input.extend(bytes),
            Side::Server => self.pair.client.input.extend(bytes),
        }
        match side {
            Side::Client => drop(self.pair.receive_server()),
            Side::Server => drop(self.pair.receive_client()),
        }
        hear(&mut self.pair.client, Side::Client, &mut self.world);
        hear(&mut self.pair.server, Side::Server, &mut self.world);
    }

    /// Everything is answered, released and delivered: then nothing is owed and nobody is stuck.
    pub(crate) fn rest(&mut self) {
        for round in 0.. {
            assert!(round < 1000, "it never comes to rest");
            let World { opens, requests, listens, .. } = &self.world;
            let waited = !opens.is_empty() || !requests.is_empty() || !listens.is_empty();
            while !self.world.listens.is_empty() {
                forwards::decide(&mut self.pair.server, &mut self.world);
            }
            settle(&mut self.pair.client, Side::Client, &mut self.world);
            settle(&mut self.pair.server, Side::Server, &mut self.world);
            let flushed = self.flush(Side::Client) | self.flush(Side::Server);
            self.deliver(Side::Client, usize::MAX);
            self.deliver(Side::Server, usize::MAX);
            assert_eq!((self.pair.client.over, self.pair.server.over), (None, None));
            if !waited && !flushed && round > 3 {
                break;
            }
        }
        let Self { pair, world, .. } = self;
        world.model.check_at_rest();
        world.forwards.retain(|one| one.gone != [true; 2]);
        assert!(
            world.forwards.iter().all(|one| one.gone == [false; 2]),
            "one side forwards for ever: {:?}",
            world.forwards
        );
        assert!(world.announced.is_empty() && world.proofs == 0, "an answer did not arrive");
        assert!(!pair.client.ssh.owes_output() && !pair.server.ssh.owes_output());
        assert_eq!((pair.client.ssh.waiting(), pair.server.ssh.waiting()), (None, None));
        assert!(pair.client.input.is_empty() && pair.server.input.is_empty(), "nothing is left unread");
        at_rest(&pair.client, Side::Client, world);
        at_rest(&pair.server, Side::Server, world);
        world.model.channels.retain(|channel| !channel.ways.iter().all(|way| way.gone));
    }

    /// The line ends: so much of what lies on it still arrives, then both ends learn it and are over.
    pub(crate) fn cut(&mut self) {
        self.flush(Side::Client);
        self.flush(Side::Server);
        for side in [Side::Client, Side::Server] {
            let length = self.lines[side as usize].len();
            let most = self.world.chance.below(length + 1);
            self.deliver(side, most);
        }
        hung_up(&mut self.pair.client, Side::Client, &self.world);
        hung_up(&mut self.pair.server, Side::Server, &self.world);
        let [up, down] = &mut self.lines;
        self.pair.server.input.extend(up.drain(..));
        self.pair.client.input.extend(down.drain(..));
        assert_eq!(self.pair.receive_server() + self.pair.receive_client(), 0, "nothing is taken any more");
        assert!(self.pair.client.told.is_empty() && self.pair.server.told.is_empty(), "and nothing told");
    }
}

fn hung_up<R: Role, P: Provider>(end: &mut End<R, P>, side: Side, world: &World) {
    // What was composed while it received is too late.
    end.output.clear();
    assert_eq!(end.ssh.hung_up(), Err(Error::HungUp), "a line that ends is an error");
    assert_eq!(end.ssh.fate(), Some(Error::HungUp));
    for id in world.model.alive().filter_map(|channel| channel.ids[side as usize]) {
        assert_eq!(end.emit(|ssh, output| ssh.write(id, b"late", output)), Err(Refused::Closed));
        assert_eq!(end.ssh.writable(id), 0);
    }
    assert!(end.output.is_empty() && end.ssh.deadline().is_none());
}

/// A channel of the side's, whatever its state.
fn pick(side: Side, world: &mut World) -> Option<(usize, ChannelId)> {
    let channels = world.model.channels.iter().enumerate();
    let mine: Vec<_> = channels
        .filter(|(_, channel)| !channel.ways[side as usize].gone)
        .filter_map(|(at, channel)| Some((at, channel.ids[side as usize]?)))
        .collect();
    if mine.is_empty() { None } else { Some(mine[world.chance.below(mine.len())]) }
}

/// One command of a side's.
fn command<R: Role, P: Provider>(end: &mut End<R, P>, side: Side, world: &mut World) {
    let Some((at, id)) = pick(side, world) else { return open(end, side, world) };
    let number = world.chance.below(1500);
    match world.chance.below(50) {
        0..4 => open(end, side, world),
        4..12 => answer_open(end, side, world),
        12..18 => answer_request(end, side, world),
        18..23 => request(end, side, world, at, id),
        23..35 => write(end, side, world, id, number),
        35..46 => {
            // More than there is, at times.
            let bytes = if number == 0 { usize::MAX } else { number };
            end.ssh.release(id, bytes);
            world.model.released(side, id, bytes as u64);
        }
        46 => {
            end.ssh.finish(id);
            world.model.finish(side, id);
        }
        47 if number < 700 => {
            end.ssh.close(id);
            world.model.close(side, id);
        }
        48 if number < 50 => {
            end.ssh.widen(id, 50);
            world.model.channels[at].ways[side.other() as usize].credit += 50;
        }
        _ => {}
    }
}

fn open<R: Role, P: Provider>(end: &mut End<R, P>, side: Side, world: &mut World) {
    if !world.has_room() {
        return;
    }
    let number = world.number();
    let path = format!("path{number}");
    let what = Tcpip { host: b"host", port: 1, originator: b"", originator_port: number };
    let kind = match (side, number % 5) {
        (Side::Client, 0..3) => OpenKind::Session,
        (Side::Client, 3) => OpenKind::DirectTcpip(what),
        (Side::Client, _) => OpenKind::DirectStreamlocal(path.as_bytes()),
        (Side::Server, 0..3) => OpenKind::X11 { originator: b"", originator_port: number },
        // Those are all alike, so that there is one on its way at a time.
        (Side::Server, _) if world.model.channels.iter().any(|one| !one.asked && one.words.contains("agent")) => return,
        (Side::Server, 3) => OpenKind::Agent,
        (Side::Server, _) => OpenKind::AgentStandard,
    };
    let lawful = side == Side::Client || world.model.permits(side, usize::from(number % 5 >= 3));
    let opened = forwards::opens(end, side, world, kind);
    assert!(opened.is_none_or(|opened| opened == lawful), "{kind:?}");
}

fn answer_open<R: Role, P: Provider>(end: &mut End<R, P>, side: Side, world: &mut World) {
    let Some(at) = world.opens.iter().position(|(asked, ..)| *asked == side) else { return };
    let (_, channel, ask) = world.opens.remove(at);
    if world.chance.one_in(5) {
        let code = 1 + u32::try_from(world.chance.below(4)).expect("small");
        end.ssh.decline(ask, OpenFailure(code));
        world.model.channels[channel].declined = Some(code);
        world.model.channels[channel].ways[side as usize].gone = true;
    } else {
        let id = end.ssh.accept(ask).expect("the question is open");
        world.model.accepted(channel, id);
    }
}

fn answer_request<R: Role, P: Provider>(end: &mut End<R, P>, side: Side, world: &mut World) {
    let mine: Vec<_> = (0..world.requests.len()).filter(|at| world.requests[*at].side == side).collect();
    if mine.is_empty() {
        return;
    }
    let Asked { channel, number, permits, ask, .. } = world.requests.remove(mine[world.chance.below(mine.len())]);
    let granted = !world.chance.one_in(3);
    end.ssh.reply(ask, granted);
    if let Some(kind) = permits.filter(|_| granted) {
        world.model.channels[channel].permits[side as usize][kind] = true;
    }
    if let Some(number) = number {
        world.model.decided(channel, side, number, granted);
    }
}

fn request<R: Role, P: Provider>(end: &mut End<R, P>, side: Side, world: &mut World, at: usize, id: ChannelId) {
    let channel = &mut world.model.channels[at];
    let session = channel.words == "session";
    let (way, permits) = (&mut channel.ways[side as usize], &mut channel.permits[side as usize]);
    let number = u32::try_from(world.chance.below(1 << 20)).expect("small");
    let value = number.to_string();
    let size = WindowChange { columns: number, rows: 24, width: 0, height: 0 };
    let x11 = X11Req { single_connection: false, protocol: b"p", cookie: value.as_bytes(), screen: 0 };
    let (what, words, wants) = match (side, number % 8) {
        (_, 5) => (Request::EndOfWrite, "eow@openssh.com".into(), false),
        (Side::Client, 6) => (Request::X11(x11), format!("x11 false p {value} 0"), true),
        (Side::Client, 7) => (Request::Agent, "auth-agent-req@openssh.com".into(), true),
        (Side::Client, 0) => (Request::Env { name: b"A", value: value.as_bytes() }, format!("env A={value}"), true),
        (Side::Client, 1) => (Request::Break(number), format!("break {number}"), true),
        (Side::Client, 2) => (Request::WindowChange(size), format!("window {number}x24"), false),
        (Side::Client, 3) => (Request::Signal(value.as_bytes()), format!("signal {value}"), false),
        (Side::Client, _) if way.started => return,
        (Side::Client, _) => (Request::Exec(value.as_bytes()), format!("exec {value}"), true),
        (Side::Server, 0..3) => (Request::ExitStatus(number), format!("exit-status {number}"), false),
        (Side::Server, _) => (Request::XonXoff(number % 2 == 0), format!("xon-xoff {}", number % 2 == 0), false),
    };
    match end.emit(|ssh, output| ssh.request(id, what, output)) {
        Ok(()) => {
            assert!(way.open && !way.closed && !way.gone, "asked where nothing may be");
            way.started |= what.name() == b"exec";
            way.queue.push_back(Item::Request(words, wants));
            way.asked.extend(wants.then_some(None));
            if let Some(kind) = permit(what.name()) {
                permits[kind] = true;
            }
        }
        Err(Refused::Busy) => world.tally.busy += 1,
        Err(Refused::NotYet) => assert!(!way.open),
        Err(Refused::Closed) => assert!(way.closed),
        Err(refused) => assert!(refused == Refused::NoSuchChannel && !session, "{refused:?} on {way:?}"),
    }
}

/// What a request permits the server: channels to the display, or to the agent.
fn permit(name: &[u8]) -> Option<usize> {
    [&b"x11"[..], b"auth-agent"].iter().position(|kind| name.starts_with(kind))
}

fn write<R: Role, P: Provider>(end: &mut End<R, P>, side: Side, world: &mut World, id: ChannelId, length: usize) {
    let mut data = vec![0; length];
    world.chance.0.fill(&mut data);
    let extends = side == Side::Server && world.model.find(side, id).words == "session";
    let kind = (extends && world.chance.one_in(4)).then_some(STDERR);
    let composes = kind.is_none() && world.chance.one_in(3);
    let (before, way) = (end.ssh.writable(id), world.model.way(side, id));
    assert!(before as u64 <= way.credit, "{before} may be written of {way:?}");
    let written = end.emit(|ssh, output| match kind {
        Some(kind) => ssh.write_extended(id, kind, &data, output),
        None if composes => ssh.fill(id, output, |space| {
            let length = space.len().min(data.len());
            space[..length].copy_from_slice(&data[..length]);
            length
        }),
        None => ssh.write(id, &data, output),
    });
    let after = end.ssh.writable(id);
    match written {
        Ok(written) => {
            assert_eq!(written, length.min(before), "all that may");
            way.stalled |= after == 0;
            world.model.wrote(side, id, kind, &data[..written]);
            world.tally.bytes += written;
            world.tally.stalls += usize::from(after == 0);
        }
        Err(Refused::Busy) => world.tally.busy += 1,
        Err(Refused::NotYet) => assert!(!way.open),
        Err(Refused::Closed) => assert!(way.finished || way.closed),
        Err(refused) => panic!("{refused:?} on {way:?}"),
    }
}

/// Holds what an end was told against the reference.
fn hear<R: Role, P: Provider>(end: &mut End<R, P>, side: Side, world: &mut World) {
    for told in end.take_told() {
        let World { model, tally, .. } = world;
        match told {
            Told::Open(words) => {
                let ask = end.opens.pop_front().expect("a question");
                world.opens.push((side, model.asked(side, &words), ask));
            }
            Told::Listen(words) => {
                let ask = end.forwards.pop_front().expect("a question");
                forwards::put(world, &words, ask);
            }
            Told::Forward(id, event) => {
                tally.forwards += 1;
                forwards::told(world, side, id, event);
            }
            Told::Opened(id) => {
                let way = model.way(side, id);
                assert!(!core::mem::replace(&mut way.open, true), "opened twice");
                tally.opened += 1;
                tally.returned += usize::from(side == Side::Server);
            }
            Told::Failed(id, code) => {
                model.failed(side, id, code);
                tally.declined += 1;
            }
            Told::Data(id, bytes) => bytes.iter().for_each(|byte| model.told(side, id, &Item::Byte(None, *byte))),
            Told::Extended(id, kind, bytes) => {
                bytes.iter().for_each(|byte| model.told(side, id, &Item::Byte(Some(kind), *byte)));
            }
            Told::Writable(id) => {
                let way = model.way(side, id);
                assert!(core::mem::take(&mut way.stalled) && way.open, "nobody waits for the window: {way:?}");
            }
            Told::Request(id, words) => {
                let ask = end.requests.pop_front().expect("a question");
                let permits = permit(words.as_bytes());
                model.told(side, id, &Item::Request(words, ask.wants_reply()));
                let number = ask.wants_reply().then(|| model.last_request(side, id));
                let channel = model.position(side, id);
                world.requests.push(Asked { side, channel, number, permits, ask });
            }
            Told::Replied(id, granted) => {
                model.replied(side, id, granted);
                tally.replies += 1;
            }
            Told::Notice(id, words) => {
                model.told(side, id, &Item::Request(words, false));
                tally.notices += 1;
            }
            Told::Eof(id) => model.told(side, id, &Item::Eof),
            Told::Closed(id) => {
                model.told(side, id, &Item::Close);
                tally.closed += 1;
            }
            Told::Keyed(_) => tally.keyed += 1,
            Told::Login(words) => globals(world, &words),
            told @ (Told::Text(_) | Told::Extensions | Told::Debug(_) | Told::Disconnected(..)) => panic!("{told:?}"),
        }
    }
}

/// What global requests told: announcements in their order, and proofs that were asked for.
fn globals(world: &mut World, words: &str) {
    match words.split_once(' ') {
        Some(("host-keys", count)) => {
            let announced = world.announced.pop_front().map(|count| count.to_string());
            assert_eq!(announced.as_deref(), Some(count));
        }
        Some(("proofs", _)) => world.proofs -= 1,
        Some(("prove" | "host-key" | "sign", _)) => {}
        _ => panic!("{words}"),
    }
}

/// Answers and releases everything.
fn settle<R: Role, P: Provider>(end: &mut End<R, P>, side: Side, world: &mut World) {
    while world.opens.iter().any(|(asked, ..)| *asked == side) {
        answer_open(end, side, world);
    }
    while world.requests.iter().any(|asked| asked.side == side) {
        answer_request(end, side, world);
    }
    for channel in &mut world.model.channels {
        let way = &mut channel.ways[side.other() as usize];
        if let Some(id) = channel.ids[side as usize] {
            end.ssh.release(id, usize::try_from(way.held).expect("a length"));
            way.credit += core::mem::take(&mut way.held);
        }
    }
}

/// Whoever may write can write, and no more than the reference says.
fn at_rest<R: Role, P: Provider>(end: &End<R, P>, side: Side, world: &World) {
    for channel in world.model.alive() {
        let way = &channel.ways[side as usize];
        let id = channel.ids[side as usize].expect("both sides have a number");
        let writable = end.ssh.writable(id) as u64;
        assert!(writable <= way.credit && (writable > 0 || way.finished), "{writable} of {way:?}");
        // Less than half a window is not worth an adjust.
        assert!(way.finished || writable >= way.credit.min(MAX_DATA.into()).min(u64::from(WINDOW) / 2));
    }
}
