//! Conversations of foreign ends, opened with our keys and packets: the exchange hashes and their signatures, both
//! directions to the last byte, and the same bytes sealed again. `vectors/README.md` has the format.

use sanssh_core::algorithm::HostKey;
use sanssh_core::crypto::fast::Fast;
use sanssh_core::crypto::group::Group;
use sanssh_core::crypto::schedule::{Direction, Schedule, Transcript};
use sanssh_core::crypto::signature::{self, PublicKey};
use sanssh_core::crypto::soft::Soft;
use sanssh_core::crypto::{HashValue, Provider, Seal};
use sanssh_core::role::{Client, Role, Server};
use sanssh_core::transport::{Heard, Tap};
use sanssh_core::wire::Message;
use sanssh_core::wire::transport::{GroupOffer, GroupRequest, KexInitiate, KexReply};
use sanssh_core::{Error, Input, Random, Seed};
use sanssh_tests::capture::{Capture, Exchange, Item, Packet};
use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

/// A capture is read by people; a larger one tests nothing more.
const LARGEST: u64 = 100_000;
const MAX_PACKET: u32 = 35_000;
const NEW_KEYS: &[u8] = &[21];
const SUCCESS: &[u8] = &[52];
const WAYS: [Direction; 2] = [Direction::ToServer, Direction::ToClient];

/// Every capture with the file's name.
static CAPTURES: LazyLock<Vec<(String, Capture)>> = LazyLock::new(|| {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../vectors/capture");
    let paths = fs::read_dir(directory).expect("vectors/capture").map(|entry| entry.expect("an entry").path());
    let mut paths: Vec<_> = paths.filter(|path| path.extension().is_some_and(|extension| extension == "ssh")).collect();
    paths.sort();
    paths.iter().map(|path| load(path)).collect()
});

fn load(path: &Path) -> (String, Capture) {
    let name = path.file_name().expect("a name").to_string_lossy().into_owned();
    assert!(path.metadata().expect("a file").len() < LARGEST, "{name} is large");
    let text = fs::read_to_string(path).expect("a capture");
    let capture = Capture::read(&text).unwrap_or_else(|(line, what)| panic!("{name}:{line}: {what}"));
    assert!(capture.exchanges().count() == 3, "{name}: keys are changed twice");
    (name, capture)
}

fn named(name: &str) -> &'static Capture {
    let found = CAPTURES.iter().find(|(known, _)| known.strip_suffix(".ssh") == Some(name));
    &found.unwrap_or_else(|| panic!("no capture {name}")).1
}

/// What was said in the clear, or at a rekey, that enters the exchange hash: idents, then payloads by direction and number.
#[derive(Default)]
struct Said<'a> {
    idents: [&'a [u8]; 2],
    payloads: HashMap<(bool, u8), &'a [u8]>,
}

impl<'a> Said<'a> {
    fn note(&mut self, item: &'a Item) {
        match item {
            Item::Ident(from, line) => {
                let line = line.strip_suffix(b"\r\n").expect("a line");
                self.idents[usize::from(*from == Direction::ToClient)] = line;
            }
            Item::Packet(from, packet) => {
                self.payloads.insert((*from == Direction::ToServer, packet.payload[0]), &packet.payload);
            }
            Item::Exchange(_) => {}
        }
    }

    fn body(&self, from_client: bool, number: u8) -> &'a [u8] {
        &self.payloads[&(from_client, number)][1..]
    }

    /// `H` and the schedule as this end would have computed them, and the server's signature verified.
    fn finish<P: Provider>(&self, agreed: &Exchange, session: Option<HashValue>) -> (HashValue, Schedule<P::Digest>) {
        let (request, reply) = if agreed.kex.has_group_exchange() { (32, 33) } else { (30, 31) };
        let KexInitiate { share } = KexInitiate::decode(self.body(true, request)).expect("a share");
        let KexReply { host_key, share: answer, signature } =
            KexReply::decode(self.body(false, reply)).expect("a reply");
        let [client, server] = self.idents;
        let mut transcript = Transcript::<P::Digest>::new(agreed.kex.hash(), client, server)
            .expect("a hash")
            .with_string(self.payloads[&(true, 20)])
            .with_string(self.payloads[&(false, 20)])
            .with_string(host_key);
        if agreed.kex.has_group_exchange() {
            let request = GroupRequest::decode(self.body(true, 34)).expect("a request");
            let offer = GroupOffer::decode(self.body(false, 31)).expect("a group");
            let group = Group::accept(&request, &offer, &mut Random::new(&Seed::new([1; 32]))).expect("a sound group");
            transcript = transcript.with_group(&request, &group);
        }
        let (hash, schedule) = transcript.with_string(share).with_string(answer).finish(&agreed.secret(), session);
        let key = PublicKey::decode(host_key, 2048).expect("a host key");
        let signed = signature::verify::<P>(HostKey::Ed25519, &key, hash.as_bytes(), signature);
        signed.expect("the server signed this hash");
        (hash, schedule)
    }
}

/// The schedules of a capture's exchanges, each checked against what both ends computed.
fn schedules<P: Provider>(capture: &Capture) -> Vec<Schedule<P::Digest>> {
    let (mut said, mut session, mut schedules) = (Said::default(), None, Vec::new());
    for item in &capture.items {
        said.note(item);
        if let Item::Exchange(agreed) = item {
            let (hash, schedule) = said.finish::<P>(agreed, session);
            assert_eq!(hash.as_bytes(), agreed.hash);
            session = Some(schedule.session_id());
            schedules.push(schedule);
        }
    }
    schedules
}

/// How bytes come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Feed {
    Whole,
    Bytes,
}

/// A tap on what an end of role `R` received.
struct Listener<'a, R: Role, P: Provider> {
    tap: Tap<R, P>,
    way: Direction,
    capture: &'a Capture,
    schedules: &'a [Schedule<P::Digest>],
    strict: bool,
    /// Packets before which delayed compression begins.
    login: usize,
    heard: Vec<(u32, Vec<u8>)>,
    keyed: usize,
}

impl<'a, R: Role, P: Provider> Listener<'a, R, P> {
    fn new(way: Direction, capture: &'a Capture, schedules: &'a [Schedule<P::Digest>]) -> Self {
        let login = before_login(capture, way);
        let (tap, heard, strict) = (Tap::new(), Vec::new(), capture.strict);
        Self { tap, way, capture, schedules, strict, login, heard, keyed: 0 }
    }

    /// Hears everything in `bytes`, however it is cut.
    fn hear_all(&mut self, bytes: &[u8], feed: Feed) -> Result<(), Error> {
        let mut arrived = Vec::new();
        let size = if feed == Feed::Bytes { 1 } else { bytes.len() };
        for piece in bytes.chunks(size) {
            arrived.extend_from_slice(piece);
            let taken = self.hear(&mut arrived)?;
            arrived.drain(..taken);
        }
        assert!(arrived.is_empty(), "{} bytes are no packet", arrived.len());
        Ok(())
    }

    fn hear(&mut self, arrived: &mut [u8]) -> Result<usize, Error> {
        let mut memory = vec![0; MAX_PACKET as usize];
        let mut done = 0;
        loop {
            let mut input = Input::new(&mut arrived[done..]).with_inflate(&mut memory);
            let Some(heard) = self.tap.next(&mut input, MAX_PACKET)? else { return Ok(done) };
            let payload = match heard {
                Heard::Packet { sequence, number, body } => Some((sequence, [&[number], body].concat())),
                Heard::Ident => None,
                Heard::Text(text) => panic!("no text was sent: {text:?}"),
            };
            done += input.taken();
            if let Some((sequence, payload)) = payload {
                self.note(sequence, payload)?;
            }
        }
    }

    fn note(&mut self, sequence: u32, payload: Vec<u8>) -> Result<(), Error> {
        if payload == NEW_KEYS {
            let (agreed, schedule) = (self.capture.exchanges().nth(self.keyed), &self.schedules[self.keyed]);
            let suite = agreed.expect("an exchange").suite(self.way);
            self.tap.rekey(suite, &schedule.keys(self.way), self.strict)?;
            self.keyed += 1;
        }
        self.heard.push((sequence, payload));
        if self.heard.len() == self.login {
            self.tap.log_in();
        }
        Ok(())
    }
}

/// How many packets of one direction were sent before the end of the login.
fn before_login(capture: &Capture, way: Direction) -> usize {
    let mut count = 0;
    for item in &capture.items {
        if let Item::Packet(from, packet) = item {
            count += usize::from(*from == way);
            if packet.payload == SUCCESS {
                return count;
            }
        }
    }
    panic!("nobody logs in");
}

fn opens_one_way<R: Role, P: Provider>(name: &str, capture: &Capture, way: Direction, feed: Feed) {
    let schedules = schedules::<P>(capture);
    let mut listener = Listener::<R, P>::new(way, capture, &schedules);
    let heard = listener.hear_all(&capture.bytes(way), feed);
    let expected: Vec<_> = capture.packets(way).map(|packet| (packet.sequence, packet.payload.clone())).collect();
    assert_eq!(heard, Ok(()), "{name}, {way:?}, behind {} of {} packets", listener.heard.len(), expected.len());
    assert!(listener.heard == expected, "{name}, {way:?}: other packets were heard");
    let ident = listener.tap.ident().to_vec();
    assert!(capture.bytes(way).starts_with(&ident) && ident.starts_with(b"SSH-2.0-"), "{name}, {way:?}");
}

fn opens<P: Provider>(feed: Feed) {
    for (name, capture) in &*CAPTURES {
        opens_one_way::<Server, P>(name, capture, Direction::ToServer, feed);
        opens_one_way::<Client, P>(name, capture, Direction::ToClient, feed);
    }
}

#[test]
fn captures_open_with_ring() {
    opens::<Fast>(Feed::Whole);
}

#[test]
fn captures_open_in_pure_rust() {
    opens::<Soft>(Feed::Whole);
}

#[test]
fn captures_open_byte_by_byte_with_ring() {
    opens::<Fast>(Feed::Bytes);
}

#[test]
fn captures_open_byte_by_byte_in_pure_rust() {
    opens::<Soft>(Feed::Bytes);
}

/// A packet before it is sealed, with room for the tag.
fn framed(packet: &Packet, tag: usize) -> Vec<u8> {
    let Packet { payload, zipped, padding, .. } = packet;
    let payload = if zipped.is_empty() { payload } else { zipped };
    let length = u32::try_from(1 + payload.len() + padding.len()).expect("a length");
    let head = [&length.to_be_bytes()[..], &[u8::try_from(padding.len()).expect("short padding")]].concat();
    [&head[..], payload, padding, &vec![0; tag]].concat()
}

/// The same payloads and padding under the same keys are the same bytes.
fn seals<P: Provider>() {
    for (name, capture) in &*CAPTURES {
        let schedules = schedules::<P>(capture);
        for way in WAYS {
            let mut next = capture.exchanges().zip(&schedules);
            let mut key: Option<P::Seal> = None;
            for (at, packet) in capture.packets(way).enumerate() {
                let mut sealed = framed(packet, key.as_ref().map_or(0, |key| key.shape().tag));
                if let Some(key) = &mut key {
                    key.seal(packet.sequence, &mut sealed);
                }
                assert!(sealed == packet.wire, "{name}, {way:?}: packet {at} is sealed otherwise");
                if packet.payload == NEW_KEYS {
                    let (agreed, schedule) = next.next().expect("keys");
                    let suite = agreed.suite(way);
                    key = P::seal(suite.cipher, suite.mac, &schedule.keys(way));
                    assert!(key.is_some(), "{name}: {suite:?}");
                }
            }
        }
    }
}

#[test]
fn captures_are_sealed_again_with_ring() {
    seals::<Fast>();
}

#[test]
fn captures_are_sealed_again_in_pure_rust() {
    seals::<Soft>();
}

/// What the set of captures is for.
#[test]
fn captures_show_what_they_are_for() {
    let agreed: Vec<_> = CAPTURES.iter().flat_map(|(_, capture)| capture.exchanges()).collect();
    let strings = agreed.iter().filter(|exchange| exchange.secret.0).count();
    assert!(strings > 0 && strings < agreed.len(), "K as a string and as a number");
    let shown = |name: &str| {
        let suites = agreed.iter().flat_map(|exchange| WAYS.map(|way| exchange.suite(way)));
        let mut names =
            suites.flat_map(|suite| [suite.cipher.name(), suite.mac.map_or("-", |mac| mac.name()), suite.zip.name()]);
        names.any(|known| known == name) || agreed.iter().any(|exchange| exchange.kex.name() == name)
    };
    for name in [
        "chacha20-poly1305@openssh.com",
        "aes128-gcm@openssh.com",
        "aes256-gcm@openssh.com",
        "aes128-ctr",
        "aes128-cbc",
        "hmac-sha2-256",
        "hmac-sha2-256-etm@openssh.com",
        "hmac-sha2-512-etm@openssh.com",
        "umac-64-etm@openssh.com",
        "zlib@openssh.com",
        "mlkem768x25519-sha256",
        "curve25519-sha256",
        "ecdh-sha2-nistp256",
        "diffie-hellman-group14-sha256",
        "diffie-hellman-group-exchange-sha256",
    ] {
        assert!(shown(name), "{name}");
    }
    assert!(CAPTURES.iter().any(|(_, capture)| !capture.strict), "counters that run on");
}

/// Counters are part of what is authenticated: with the other rule, the first packet under keys is forged.
#[test]
fn counters_start_again_only_where_that_was_agreed() {
    for name in ["chacha20", "lax", "aes128-ctr-hmac-sha2-256", "lax-zlib"] {
        let capture = named(name);
        let schedules = schedules::<Soft>(capture);
        let mut listener = Listener::<Client, Soft>::new(Direction::ToClient, capture, &schedules);
        listener.strict = !capture.strict;
        let heard = listener.hear_all(&capture.bytes(Direction::ToClient), Feed::Whole);
        let failed = matches!(heard, Err(Error::Forged | Error::Malformed(_)));
        assert!(failed, "{name}: {heard:?}");
        assert_eq!(listener.heard.last().map(|(_, payload)| &payload[..]), Some(NEW_KEYS), "{name}");
    }
}

/// A bit that changed on the way is noticed, whichever packet it is in.
#[test]
fn a_changed_bit_opens_nothing() {
    let capture = named("aes128-gcm");
    let schedules = schedules::<Soft>(capture);
    let packets = capture.packets(Direction::ToServer).count();
    for changed in 3..packets {
        let mut capture = capture.clone();
        let mut to_server = capture.items.iter_mut().filter_map(|item| match item {
            Item::Packet(Direction::ToServer, packet) => Some(packet),
            Item::Ident(..) | Item::Packet(..) | Item::Exchange(_) => None,
        });
        let wire = &mut to_server.nth(changed).expect("a packet").wire;
        let middle = wire.len() / 2;
        wire[middle] ^= 0x10;
        let mut listener = Listener::<Server, Soft>::new(Direction::ToServer, &capture, &schedules);
        let heard = listener.hear_all(&capture.bytes(Direction::ToServer), Feed::Whole);
        assert_eq!((heard, listener.heard.len()), (Err(Error::Forged), changed));
    }
}
