//! Flow control by a long random walk (RFC 4254 §5.2): both ends write, release, close and open again as chance has it,
//! over a line that delays, and after every step what the windows promise still holds. Under the null provider the line
//! can be read, so the promises are checked on what really travelled.

use sanssh_core::crypto::null::Null;
use sanssh_core::role::Role;
use sanssh_core::wire::Message;
use sanssh_core::wire::connection::{ChannelData, ChannelExtendedData, ChannelWindowAdjust};
use sanssh_core::{ChannelId, Config, Random, Refused, Seed};
use sanssh_tests::packets;
use sanssh_tests::pair::{End, Pair, Told, server_config};
use std::collections::BTreeMap;

const WINDOW: u32 = 3000;
const MAX_DATA: u32 = 900;
const STEPS: usize = 5000;
const CHANNELS: usize = 3;

/// One direction of one channel.
#[derive(Debug, Default, Clone, Copy)]
struct Account {
    /// Bytes of data that were sent, and credit that was given besides the initial window.
    sent: u64,
    adjusted: u64,
    /// What the consumer was given, and what of it is done with.
    delivered: u64,
    released: u64,
    /// Bytes that the window was made larger by.
    widened: u64,
}

impl Account {
    /// What must hold at any moment, whatever is on its way.
    fn check(&self) {
        let window = u64::from(WINDOW);
        let earned = self.released + self.widened;
        assert!(self.delivered <= self.sent, "nothing comes from nowhere: {self:?}");
        assert!(self.adjusted <= earned, "credit is given for what was released and no more: {self:?}");
        assert!(self.sent <= window + self.adjusted, "no more in flight than the window: {self:?}");
        assert!(self.sent <= window + earned, "no more unreleased than the consumer's memory: {self:?}");
    }

    /// What must hold when nothing is on its way.
    fn check_at_rest(&self, writable: usize) {
        let window = u64::from(WINDOW);
        assert_eq!(self.delivered, self.sent, "all arrived: {self:?}");
        let open = window + self.adjusted - self.sent;
        assert_eq!(writable as u64, open.min(u64::from(MAX_DATA)), "both ends count alike: {self:?}");
        let withheld = self.released + self.widened - self.adjusted;
        assert!(withheld < window / 2 && (withheld == 0 || open > 0), "half a window is worth an adjust: {self:?}");
        assert!(self.delivered > self.released || writable > 0, "who releases everything never stalls: {self:?}");
    }
}

/// Accounts of one direction, by the numbers that sender and receiver have for the channels.
#[derive(Debug, Default)]
struct Book {
    accounts: Vec<Account>,
    by_sender: BTreeMap<u32, usize>,
    by_receiver: BTreeMap<u32, usize>,
}

impl Book {
    fn open(&mut self, sender: ChannelId, receiver: ChannelId) {
        self.by_sender.insert(sender.number(), self.accounts.len());
        self.by_receiver.insert(receiver.number(), self.accounts.len());
        self.accounts.push(Account::default());
    }

    fn of_sender(&mut self, number: u32) -> &mut Account {
        &mut self.accounts[self.by_sender[&number]]
    }

    fn of_receiver(&mut self, number: u32) -> &mut Account {
        &mut self.accounts[self.by_receiver[&number]]
    }
}

/// Two ends, the books of both directions, and a source of chance.
struct Walk {
    pair: Pair<Null, Null>,
    channels: Vec<(ChannelId, ChannelId)>,
    up: Book,
    down: Book,
    random: Random,
    /// Writes that met an empty window, and channels that were closed.
    stalled: usize,
    closed: usize,
}

impl Walk {
    fn new(seed: u8) -> Self {
        let small = |config: Config| Config { window: WINDOW, max_data: MAX_DATA, ..config };
        let mut pair = Pair::connected(small(Config::default()), small(server_config()));
        (pair.client.releases, pair.server.releases) = (false, false);
        let (up, down) = (Book::default(), Book::default());
        let random = Random::new(&Seed::new([seed; 32]));
        let mut walk = Self { pair, channels: Vec::new(), up, down, random, stalled: 0, closed: 0 };
        (0..CHANNELS).for_each(|_| walk.open());
        walk
    }

    fn draw(&mut self, below: usize) -> usize {
        u32::from_be_bytes(self.random.array()) as usize % below
    }

    /// The books are opened before anything can be sent.
    fn open(&mut self) {
        let (client, server) = self.pair.exec("cat");
        self.up.open(client, server);
        self.down.open(server, client);
        self.channels.push((client, server));
        self.pair.client.sent.clear();
        self.pair.server.sent.clear();
    }

    fn step(&mut self) {
        let channel = self.draw(CHANNELS);
        let (client, server) = self.channels[channel];
        let length = 1 + self.draw(1500);
        match self.draw(200) {
            0..50 => self.stalled += usize::from(write(&mut self.pair.client, client, length, false) == Some(0)),
            50..100 => {
                let extended = self.draw(2) == 0;
                self.stalled += usize::from(write(&mut self.pair.server, server, length, extended) == Some(0));
            }
            100..125 => release(&mut self.pair.client, client, &mut self.down, length),
            125..150 => release(&mut self.pair.server, server, &mut self.up, length),
            // More than there is: only what there is counts.
            150 => release(&mut self.pair.client, client, &mut self.down, usize::MAX),
            151 => release(&mut self.pair.server, server, &mut self.up, usize::MAX),
            152 => widen(&mut self.pair.client, client, &mut self.down, length),
            153 => widen(&mut self.pair.server, server, &mut self.up, length),
            154..174 => self.carry_up(),
            174..196 => self.carry_down(),
            196..199 => self.rest(),
            _ => self.close(channel, length.is_multiple_of(2)),
        }
        self.check();
    }

    /// What the client has to say reaches the server.
    fn carry_up(&mut self) {
        self.pair.client.flush(self.pair.now);
        let bytes = core::mem::take(&mut self.pair.client.output);
        account(&bytes, &mut self.up, &mut self.down);
        self.pair.server.input.extend(bytes);
        self.pair.receive_server();
        note(&mut self.pair.server, &mut self.up);
    }

    /// What the server has to say reaches the client.
    fn carry_down(&mut self) {
        self.pair.server.flush(self.pair.now);
        let bytes = core::mem::take(&mut self.pair.server.output);
        account(&bytes, &mut self.down, &mut self.up);
        self.pair.client.input.extend(bytes);
        self.pair.receive_client();
        note(&mut self.pair.client, &mut self.down);
    }

    /// Everything arrives; then both ends must agree to the byte.
    fn rest(&mut self) {
        for _ in 0..3 {
            self.carry_up();
            self.carry_down();
        }
        for &(client, server) in &self.channels {
            self.up.of_sender(client.number()).check_at_rest(self.pair.client.ssh.writable(client));
            self.down.of_sender(server.number()).check_at_rest(self.pair.server.ssh.writable(server));
        }
    }

    /// One end closes while data is on its way to it; a new channel takes the place.
    fn close(&mut self, channel: usize, by_client: bool) {
        let (client, server) = self.channels.swap_remove(channel);
        if by_client {
            self.pair.client.ssh.close(client)
        } else {
            self.pair.server.ssh.close(server)
        }
        // What arrives for a channel that is given up is credited and dropped: nothing is delivered any more.
        for _ in 0..3 {
            self.carry_up();
            self.carry_down();
        }
        assert_eq!(self.pair.client.ssh.writable(client), 0);
        assert_eq!(write(&mut self.pair.server, server, 1, false), None);
        self.closed += 1;
        self.open();
    }

    fn check(&self) {
        assert_eq!((self.pair.client.over, self.pair.server.over), (None, None));
        for &(client, server) in &self.channels {
            self.up.accounts[self.up.by_sender[&client.number()]].check();
            self.down.accounts[self.down.by_sender[&server.number()]].check();
        }
    }
}

/// Writes, and holds the end to what it said of the room there is; `None` if the channel is gone.
fn write<R: Role>(end: &mut End<R, Null>, id: ChannelId, length: usize, extended: bool) -> Option<usize> {
    let data = vec![7; length];
    let writable = end.ssh.writable(id);
    let sent = end.emit(|ssh, output| match extended {
        true => ssh.write_extended(id, 1, &data, output),
        false => ssh.write(id, &data, output),
    });
    match sent {
        Ok(sent) => {
            assert_eq!(sent, writable.min(length), "all that window and packet limit allow");
            Some(sent)
        }
        Err(Refused::NoSuchChannel | Refused::Closed) => None,
        Err(refused) => panic!("{refused}"),
    }
}

/// Makes a window larger.
fn widen<R: Role>(end: &mut End<R, Null>, id: ChannelId, book: &mut Book, bytes: usize) {
    end.ssh.widen(id, u32::try_from(bytes).expect("a few"));
    book.of_receiver(id.number()).widened += bytes as u64;
}

/// Releases so many bytes, of which those count that were delivered and are not released yet.
fn release<R: Role>(end: &mut End<R, Null>, id: ChannelId, book: &mut Book, bytes: usize) {
    end.ssh.release(id, bytes);
    let account = book.of_receiver(id.number());
    account.released += (bytes as u64).min(account.delivered - account.released);
}

/// Enters what travels: data for the sender's own direction, adjusts for the other.
fn account(bytes: &[u8], sends: &mut Book, receives: &mut Book) {
    for packet in packets::null_keyed(bytes) {
        let body = &packet.payload[1..];
        match packet.number() {
            ChannelData::NUMBER => {
                let ChannelData { recipient, data } = ChannelData::decode(body).expect("data");
                sends.of_receiver(recipient).sent += data.len() as u64;
            }
            ChannelExtendedData::NUMBER => {
                let data = ChannelExtendedData::decode(body).expect("extended data");
                sends.of_receiver(data.recipient).sent += data.data.len() as u64;
            }
            ChannelWindowAdjust::NUMBER => {
                let ChannelWindowAdjust { recipient, bytes } = ChannelWindowAdjust::decode(body).expect("an adjust");
                receives.of_sender(recipient).adjusted += u64::from(bytes);
            }
            _ => {}
        }
    }
}

fn note<R: Role>(end: &mut End<R, Null>, book: &mut Book) {
    for told in end.take_told() {
        if let Told::Data(id, bytes) | Told::Extended(id, _, bytes) = told {
            book.of_receiver(id.number()).delivered += bytes.len() as u64;
        }
    }
}

#[test]
fn credit_is_conserved_whatever_happens() {
    for seed in 0..4 {
        let mut walk = Walk::new(seed);
        (0..STEPS).for_each(|_| walk.step());
        walk.rest();
        assert!(walk.stalled > 100 && walk.closed > 10, "{} stalls, {} closes", walk.stalled, walk.closed);
        let travelled: u64 = walk.up.accounts.iter().chain(&walk.down.accounts).map(|account| account.sent).sum();
        assert!(travelled > 10 * CHANNELS as u64 * u64::from(WINDOW), "windows were used many times: {travelled}");
    }
}

/// The reader of one channel is gone; another carries a hundred windows meanwhile, both ways.
#[test]
fn h18_a_stalled_channel_stops_only_itself() {
    let mut walk = Walk::new(9);
    let (stuck, (client, server)) = (walk.channels[0], walk.channels[1]);
    let mut sent = 0;
    while write(&mut walk.pair.client, stuck.0, 1000, false) != Some(0) {}
    for _ in 0..600 {
        sent += write(&mut walk.pair.client, client, 500, false).expect("the channel is open");
        sent += write(&mut walk.pair.server, server, 500, false).expect("the channel is open");
        walk.carry_up();
        walk.carry_down();
        release(&mut walk.pair.server, server, &mut walk.up, 500);
        release(&mut walk.pair.client, client, &mut walk.down, 500);
        walk.check();
    }
    assert!(sent >= 2 * 290_000, "{sent}");
    let account = *walk.up.of_sender(stuck.0.number());
    assert_eq!((account.sent, account.adjusted), (u64::from(WINDOW), 0), "and the stalled one is where it was");
    release(&mut walk.pair.server, stuck.1, &mut walk.up, usize::MAX);
    walk.rest();
    assert_eq!(walk.pair.client.ssh.writable(stuck.0), MAX_DATA as usize, "until its reader comes back");
}

/// More than 32 bits of credit would end the connection.
#[test]
fn a_window_grows_no_further_than_it_can() {
    let mut walk = Walk::new(10);
    let (client, server) = walk.channels[0];
    for _ in 0..3 {
        walk.pair.server.ssh.widen(server, u32::MAX);
        walk.carry_down();
    }
    let granted = walk.up.of_sender(client.number()).adjusted;
    assert_eq!(granted, u64::from(u32::MAX - WINDOW));
    assert_eq!(write(&mut walk.pair.client, client, 500, false), Some(500));
    walk.carry_up();
    walk.pair.server.ssh.release(server, 500);
    walk.carry_down();
    assert_eq!((walk.pair.client.over, walk.pair.server.over), (None, None));
}

/// Windows of every small size: an adjust always comes before the writer has to wait for ever.
#[test]
fn a_window_of_any_size_moves_data() {
    for window in 1..40 {
        let small = |config: Config| Config { window, max_data: 16, ..config };
        let mut pair = Pair::<Null, Null>::connected(small(Config::default()), small(server_config()));
        let (client, _) = pair.exec("cat");
        let mut sent = 0;
        for turn in 0..400 {
            sent += write(&mut pair.client, client, 7, false).expect("the channel is open");
            pair.run();
            assert!(sent > turn / 8, "window {window}: {sent} bytes after {turn} turns");
        }
        assert_eq!(pair.server.take_data().len(), sent);
    }
}
