//! A busy session whose packets are carried over one by one, so that a rekey can begin between any two of them.
//! Under the null provider packets can be told apart and read on the line.

use sanssh_core::crypto::null::Null;
use sanssh_core::role::Role;
use sanssh_core::{ChannelId, Config, Refused};
use sanssh_tests::packets;
use sanssh_tests::pair::{End, Pair, Told, server_config};
use std::collections::VecDeque;

const CHANNELS: usize = 3;
/// Bytes on each channel each way: several windows.
const BYTES: usize = 6000;
const PIECE: usize = 700;
/// Of the null provider.
const TAG: usize = 16;

/// Who begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    Client,
    Server,
    Both,
}

/// One direction: what is still to be written, what arrived, and the packets between.
#[derive(Debug, Default)]
struct Way {
    channels: Vec<ChannelId>,
    written: [usize; CHANNELS],
    arrived: [Vec<u8>; CHANNELS],
    line: VecDeque<Vec<u8>>,
    stream: Vec<u8>,
}

/// The session.
pub(crate) struct Busy {
    pub(crate) pair: Pair<Null, Null>,
    up: Way,
    down: Way,
    turn: usize,
    /// Packets carried over.
    pub(crate) carried: usize,
    /// Writes that met a key exchange.
    pub(crate) refused: usize,
}

impl Busy {
    pub(crate) fn new(client: Config, server: Config) -> Self {
        let small = |config: Config| Config { window: 2000, max_data: 1000, ..config };
        let mut pair = Pair::connected(small(client), small(server));
        let ids: Vec<_> = (0..CHANNELS).map(|_| pair.exec("cat")).collect();
        pair.client.told.clear();
        pair.server.told.clear();
        let (ours, theirs) = ids.into_iter().unzip();
        let up = Way { channels: ours, stream: pair.client.sent.clone(), ..Way::default() };
        let down = Way { channels: theirs, stream: pair.server.sent.clone(), ..Way::default() };
        Self { pair, up, down, turn: 0, carried: 0, refused: 0 }
    }

    /// With default configurations.
    pub(crate) fn plain() -> Self {
        Self::new(Config::default(), server_config())
    }

    /// Runs to the end, changing keys once `at` packets have been carried over.
    pub(crate) fn run(&mut self, by: By, at: usize) {
        let mut asked = false;
        while !self.is_done() || (!asked && self.carried >= at) {
            if !asked && self.carried >= at {
                asked = true;
                if by != By::Server {
                    self.pair.client.ssh.rekey();
                }
                if by != By::Client {
                    self.pair.server.ssh.rekey();
                }
            }
            self.step();
        }
    }

    /// A write of each end, then one packet each way.
    pub(crate) fn step(&mut self) {
        self.turn += 1;
        assert!(self.turn < 10_000, "nothing moves any more: {:?} {:?}", self.pair.client.ssh, self.pair.server.ssh);
        let index = self.turn % CHANNELS;
        self.refused += write(&mut self.pair.client, &mut self.up, index);
        self.refused += write(&mut self.pair.server, &mut self.down, index);
        let now = self.pair.now;
        self.pair.client.flush(now);
        self.pair.server.flush(now);
        self.up.take(&mut self.pair.client.output);
        self.down.take(&mut self.pair.server.output);
        if let Some(packet) = self.up.line.pop_front() {
            self.carried += 1;
            self.pair.server.input.extend(packet);
        }
        self.pair.receive_server();
        if let Some(packet) = self.down.line.pop_front() {
            self.carried += 1;
            self.pair.client.input.extend(packet);
        }
        self.pair.receive_client();
        assert_eq!((self.pair.client.over, self.pair.server.over), (None, None));
        self.up.note(&mut self.pair.server.told, &self.down.channels);
        self.down.note(&mut self.pair.client.told, &self.up.channels);
    }

    fn is_done(&self) -> bool {
        let all = |way: &Way| way.arrived.iter().all(|bytes| bytes.len() >= BYTES) && way.line.is_empty();
        let idle = !self.pair.client.ssh.owes_output() && !self.pair.server.ssh.owes_output();
        all(&self.up)
            && all(&self.down)
            && idle
            && self.pair.client.input.is_empty()
            && self.pair.server.input.is_empty()
    }

    /// Everything arrived once and in order, and silence was kept.
    pub(crate) fn check(&self) {
        for way in [&self.up, &self.down] {
            for (index, arrived) in way.arrived.iter().enumerate() {
                assert!(*arrived == pattern(index, 0, BYTES), "channel {index}");
            }
            check_silence(&way.stream);
        }
    }

    /// How often each end was told of new keys since the session began.
    pub(crate) fn keyed(&self) -> [usize; 2] {
        let count = |told: &VecDeque<Told>| told.iter().filter(|told| matches!(told, Told::Keyed(_))).count();
        [count(&self.pair.client.told), count(&self.pair.server.told)]
    }
}

impl Way {
    /// Takes whole packets off an end's output: all the end emits is whole.
    fn take(&mut self, output: &mut Vec<u8>) {
        self.stream.extend_from_slice(output);
        while let Some(head) = output.first_chunk() {
            let total = 4 + u32::from_be_bytes(*head) as usize + TAG;
            self.line.push_back(output.drain(..total).collect());
        }
    }

    /// Moves data out of what the receiver, whose channels these are, was told.
    fn note(&mut self, told: &mut VecDeque<Told>, channels: &[ChannelId]) {
        told.retain(|told| {
            let Told::Data(id, bytes) = told else { return true };
            let index = channels.iter().position(|channel| channel == id).expect("one of the session's channels");
            self.arrived[index].extend_from_slice(bytes);
            false
        });
    }
}

/// What belongs on a channel from a place on; no two channels and no two places nearby look alike.
fn pattern(channel: usize, from: usize, length: usize) -> Vec<u8> {
    (from..from + length).map(|at| u8::try_from((at * (channel + 3)) % 251).expect("below 251")).collect()
}

/// Writes the next piece; 1 if a key exchange refused it.
fn write<R: Role>(end: &mut End<R, Null>, way: &mut Way, index: usize) -> usize {
    let written = way.written[index];
    let piece = pattern(index, written, PIECE.min(BYTES - written));
    let channel = way.channels[index];
    match end.emit(|ssh, output| ssh.write(channel, &piece, output)) {
        Ok(taken) => way.written[index] += taken,
        Err(Refused::Busy) => return 1,
        Err(refused) => panic!("{refused}"),
    }
    0
}

/// Between KEXINIT and NEWKEYS an end sends messages of the transport and the exchange only (RFC 4253 §7.1).
pub(crate) fn check_silence(stream: &[u8]) {
    let mut silent = false;
    for number in packets::numbers(&packets::null(stream)) {
        let lawful = matches!(number, 1..=4 | 20..=49);
        assert!(!silent || lawful, "message {number} inside a key exchange");
        match number {
            20 => silent = true,
            21 => silent = false,
            _ => {}
        }
    }
    assert!(!silent, "the exchange was finished");
}
