//! What a connection takes of memory: nothing from the heap once it is made, and a size that fits a microcontroller.
//! The ends are driven over fixed buffers here, because the harness's own pair allocates as it pleases.

use core::mem::size_of;
use sanssh_core::algorithm::{Cipher, HostKey, Kex, Preferences, Zip, list};
use sanssh_core::channel::{self, OpenKind, Request};
use sanssh_core::crypto::fast::Fast;
use sanssh_core::crypto::soft::Soft;
use sanssh_core::crypto::{MAX_SHARE, Provider};
use sanssh_core::file::SigningKey;
use sanssh_core::role::{Client, Server};
use sanssh_core::{
    Ask, ChannelId, Config, Connection, Error, Event, Input, Instant, Output, Refused, Seed, Slot, auth, event,
};
use sanssh_tests::count::{Counting, usage};
use sanssh_tests::pair::server_config;
use sanssh_tests::signing;

#[global_allocator]
static ALLOCATOR: Counting = Counting::system();

const SPACE: usize = 80 * 1024;
const CHUNK: usize = 30_000;
/// 6 MB each way.
const MANY: usize = 200;
/// Enough for a rekey under load, where what differs is the cipher or the exchange.
const FEW: usize = 10;

/// A line of bytes with a fixed end.
struct Line {
    bytes: Box<[u8]>,
    filled: usize,
    inflate: Box<[u8]>,
}

impl Line {
    fn new() -> Self {
        let inflate = vec![0; Config::default().max_packet as usize].into_boxed_slice();
        Self { bytes: vec![0; SPACE].into_boxed_slice(), filled: 0, inflate }
    }

    fn output(&mut self, work: impl FnOnce(&mut Output<'_>)) {
        let mut output = Output::new(&mut self.bytes[self.filled..]);
        work(&mut output);
        self.filled += output.filled();
    }

    fn input(&mut self, mut work: impl FnMut(&mut Input<'_>)) {
        loop {
            let mut input = Input::new(&mut self.bytes[..self.filled]).with_inflate(&mut self.inflate);
            work(&mut input);
            let (taken, cramped) = (input.taken(), input.is_cramped());
            self.bytes.copy_within(taken..self.filled, 0);
            self.filled -= taken;
            if !cramped {
                break;
            }
        }
    }
}

/// Both ends over two lines, and how far each has come.
struct Run<P: Provider> {
    client: Connection<Client, P, [Slot; 4]>,
    server: Connection<Server, P, [Slot; 4]>,
    up: Line,
    down: Line,
    /// The host key.
    key: SigningKey,
    channel: Option<ChannelId>,
    served: Option<ChannelId>,
    /// Bytes each end has received.
    received: [usize; 2],
    /// Bytes each end has still to send.
    left: [usize; 2],
    chunks: usize,
    keyed: usize,
    asked: Option<(HostKey, Ask<event::Sign>)>,
    /// Allocations inside the measured parts.
    taken: u64,
}

impl<P: Provider> Run<P> {
    fn new(preferences: &Preferences, host_key: HostKey, chunks: usize) -> Self {
        let config = |config: Config| Config { preferences: preferences.clone(), ..config };
        Self {
            client: Connection::new(config(Config::default()), &Seed::new([1; 32]), [Slot::new(); 4], Instant(0)),
            server: Connection::new(config(server_config()), &Seed::new([2; 32]), [Slot::new(); 4], Instant(0)),
            up: Line::new(),
            down: Line::new(),
            key: signing::key(host_key),
            channel: None,
            served: None,
            received: [0; 2],
            left: [CHUNK * chunks; 2],
            chunks,
            keyed: 0,
            asked: None,
            taken: 0,
        }
    }

    /// Handshake, login, a command, data both ways with a rekey in the midst of it. Gives the allocations of all that.
    fn whole(&mut self) -> u64 {
        self.until(|run| run.keyed == 2);
        self.measure(|Self { client, up, .. }| {
            up.output(|output| client.password(b"user", b"right", output).expect("the password may be sent"));
        });
        self.until(|run| run.client.is_logged_in());
        self.measure(|Self { client, up, channel, .. }| {
            up.output(|output| *channel = client.open(OpenKind::Session, output).ok());
        });
        self.until(|run| run.received[1] > CHUNK * run.chunks / 2);
        self.measure(|run| run.client.rekey());
        self.until(|run| run.left == [0, 0] && run.received == [CHUNK * run.chunks; 2]);
        assert_eq!(self.keyed, 4, "both ends have changed keys");
        self.taken
    }

    fn measure(&mut self, work: impl FnOnce(&mut Self)) {
        self.taken += usage(|| work(self)).1.allocations;
    }

    /// The signature is made between turns: it is the embedder's work, and the harness's keys allocate.
    fn until(&mut self, done: impl Fn(&Self) -> bool) {
        for _ in 0..10_000 {
            if done(self) {
                return;
            }
            self.measure(Self::turn);
            if let Some((algorithm, ask)) = self.asked.take() {
                let Self { server, down, key, .. } = self;
                let signature = key.sign(algorithm, ask.message()).expect("the host key signs");
                self.taken += usage(|| {
                    down.output(|output| server.sign(&ask, key.public(), &signature, output).expect("the reply"));
                })
                .1
                .allocations;
            }
        }
        panic!("nothing moves any more");
    }

    fn turn(&mut self) {
        let now = Instant(0);
        let Self { client, server, up, down, .. } = self;
        up.output(|output| client.flush(now, output));
        down.output(|output| server.flush(now, output));
        self.send();
        self.receive_client(now);
        self.receive_server(now);
    }

    /// One write of each end, where its channel is open.
    fn send(&mut self) {
        static DATA: [u8; CHUNK] = [7; CHUNK];
        let Self { client, server, up, down, channel, served, left, .. } = self;
        let taken = |sent: Result<usize, Refused>| match sent {
            Ok(sent) => sent,
            Err(Refused::Busy | Refused::NoRoom | Refused::NotYet) => 0,
            Err(refused) => panic!("{refused}"),
        };
        if let Some(id) = *channel {
            let data = &DATA[..CHUNK.min(left[0])];
            up.output(|output| left[0] -= taken(client.write(id, data, output)));
        }
        if let Some(id) = *served {
            let data = &DATA[..CHUNK.min(left[1])];
            down.output(|output| left[1] -= taken(server.write(id, data, output)));
        }
    }

    fn receive_client(&mut self, now: Instant) {
        let Self { client, up, down, received, keyed, .. } = self;
        down.input(|input| {
            while let Some(event) = client.recv(now, input).expect("the server keeps to the protocol") {
                match event {
                    Event::Auth(auth::client::Event::HostKey { ask, .. }) => client.trust(ask),
                    Event::Transport(sanssh_core::transport::Event::Keyed(_)) => *keyed += 1,
                    Event::Channel(id, channel::Event::Opened) => {
                        up.output(|output| client.request(id, Request::Exec(b"cat"), output).expect("exec"));
                    }
                    Event::Channel(id, channel::Event::Data(data)) => {
                        received[0] += data.len();
                        client.release(id, data.len());
                    }
                    Event::Channel(..)
                    | Event::Auth(_)
                    | Event::Transport(_)
                    | Event::Open { .. }
                    | Event::Listen { .. }
                    | Event::Forward(..) => {}
                }
            }
        });
    }

    fn receive_server(&mut self, now: Instant) {
        let Self { server, up, received, keyed, served, key, asked, .. } = self;
        up.input(|input| {
            while let Some(event) = server.recv(now, input).expect("the client keeps to the protocol") {
                match event {
                    Event::Auth(auth::server::Event::HostKey { ask, .. }) => server.host_key(ask, key.public()),
                    Event::Auth(auth::server::Event::Sign { algorithm, ask }) => *asked = Some((algorithm, ask)),
                    Event::Auth(auth::server::Event::Attempt { ask, .. }) => server.grant(ask),
                    Event::Transport(sanssh_core::transport::Event::Keyed(_)) => *keyed += 1,
                    Event::Open { ask, .. } => *served = server.accept(ask).ok(),
                    Event::Channel(_, channel::Event::Request { ask, .. }) => server.reply(ask, true),
                    Event::Channel(id, channel::Event::Data(data)) => {
                        received[1] += data.len();
                        server.release(id, data.len());
                    }
                    Event::Channel(..)
                    | Event::Auth(_)
                    | Event::Transport(_)
                    | Event::Listen { .. }
                    | Event::Forward(..) => {}
                }
            }
        });
    }
}

/// One suite's preferences.
fn only(kex: Kex, host_key: HostKey, cipher: Cipher) -> Preferences {
    let (kex, host_keys, ciphers) = (list(&[kex]), list(&[host_key]), list(&[cipher]));
    Preferences { kex, host_keys, ciphers, ..Preferences::default() }
}

fn allocations<P: Provider>(kex: Kex, host_key: HostKey, cipher: Cipher, chunks: usize) -> u64 {
    Run::<P>::new(&only(kex, host_key, cipher), host_key, chunks).whole()
}

/// Large numbers live on the heap, and so do the keys of Streamlined NTRU Prime. (So do those of CBC.)
fn needs_memory(kex: Kex) -> bool {
    ["diffie-hellman", "sntrup"].iter().any(|kind| kex.name().starts_with(kind))
}

/// Whatever the cipher and the key exchange, but for those.
fn nothing_from_the_heap<P: Provider>() {
    assert_eq!(allocations::<P>(Kex::Curve25519, HostKey::Ed25519, Cipher::Aes256Gcm, MANY), 0);
    for &cipher in P::CIPHERS.iter().filter(|cipher| !cipher.is_cbc()) {
        assert_eq!(allocations::<P>(Kex::Curve25519, HostKey::Ed25519, cipher, FEW), 0, "{cipher}");
    }
    for &kex in P::KEX.iter().filter(|kex| !needs_memory(**kex)) {
        assert_eq!(allocations::<P>(kex, HostKey::Ed25519, Cipher::Aes256Gcm, FEW), 0, "{kex}");
    }
    assert_eq!(allocations::<P>(Kex::Curve25519, HostKey::EcdsaP256, Cipher::Aes256Gcm, FEW), 0);
}

#[test]
fn m06_soft_takes_nothing_from_the_heap() {
    nothing_from_the_heap::<Soft>();
}

#[test]
fn m06_fast_takes_nothing_from_the_heap() {
    nothing_from_the_heap::<Fast>();
}

/// So often for two exchanges, however much is sent between them.
#[test]
fn large_numbers_take_memory_for_an_exchange_and_for_nothing_else() {
    for &kex in Soft::KEX.iter().filter(|kex| needs_memory(**kex)) {
        let of = |chunks| allocations::<Soft>(kex, HostKey::Ed25519, Cipher::Aes256Gcm, chunks);
        // A library may keep something from its first use on.
        let (_, taken) = (of(FEW), of(FEW));
        println!("two exchanges of {kex}: {taken} allocations");
        assert!((1..1000).contains(&taken), "{kex}: {taken}");
        assert_eq!(of(2 * FEW), taken, "{kex}");
    }
}

/// flate2 keeps its windows on the heap, and each stream the place where payloads are composed: made anew with the keys,
/// and no more of it for more data.
#[test]
fn compression_takes_memory_with_the_keys_and_for_nothing_else() {
    for zip in [Zip::Zlib, Zip::ZlibDelayed] {
        let zips = list(&[zip]);
        let preferences = Preferences { zips, ..only(Kex::Curve25519, HostKey::Ed25519, Cipher::Aes256Gcm) };
        let taken = [FEW, MANY].map(|chunks| Run::<Fast>::new(&preferences, HostKey::Ed25519, chunks).whole());
        println!("two streams an end and one rekey, {zip}: {taken:?} allocations");
        assert_eq!(taken[0], taken[1], "{zip}");
        let streams = 8;
        assert!(taken[0] <= 8 * streams, "{zip}: {taken:?}");
    }
}

/// RSA is verified by ring and by crypto-bigint, both of which keep their numbers on the heap: once an exchange, at the
/// client, and nowhere else.
#[test]
fn rsa_takes_memory_to_verify_and_for_nothing_else() {
    let fast = allocations::<Fast>(Kex::Curve25519, HostKey::RsaSha512, Cipher::Aes256Gcm, FEW);
    let soft = allocations::<Soft>(Kex::Curve25519, HostKey::RsaSha512, Cipher::Aes256Gcm, FEW);
    println!("two verifications by an RSA key of 2048 bits: {fast} allocations by ring, {soft} by pure Rust");
    let verifications = 2;
    assert!((1..=16 * verifications).contains(&fast), "{fast}");
    assert!((1..=64 * verifications).contains(&soft), "{soft}");
}

/// The hybrid exchange's shares and keys are what a small target leaves out; without them see core's own test, which
/// tests/run also runs in a build without the feature.
#[test]
fn m06_a_connection_is_small() {
    let fast = size_of::<Connection<Client, Fast, [Slot; 4]>>();
    let soft = size_of::<Connection<Server, Soft, [Slot; 4]>>();
    println!("client of Fast, 4 slots: {fast}; server of Soft, 4 slots: {soft}; a slot: {}", size_of::<Slot>());
    println!("events: {} and {}", size_of::<Event<'_, Client>>(), size_of::<Event<'_, Server>>());
    assert!(fast < 4096 + MAX_SHARE, "{fast}");
    assert!(soft < 4096 + MAX_SHARE, "{soft}");
    assert!(size_of::<Slot>() <= 48);
    assert!(size_of::<Event<'_, Client>>() <= 96);
    assert!(size_of::<Event<'_, Server>>() <= 128);
    assert!(size_of::<Error>() <= 8);
    assert!(size_of::<Refused>() <= 1);
    assert!(size_of::<Result<usize, Refused>>() <= 16);
}
