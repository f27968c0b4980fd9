//! Table B, the packet layer: frames that lie about their lengths, and packets that were touched on the way
//! (RFC 4253 §6), in the clear and under every construction there is.
//! Counters near their ends cannot be reached from outside: unit tests of core set them.

use flate2::FlushCompress;
use sanssh_core::algorithm::{Cipher, Mac, Preferences, Zip, list};
use sanssh_core::crypto::fast::Fast;
use sanssh_core::crypto::soft::Soft;
use sanssh_core::crypto::{DirectionKeys, Forged, Open, Provider, Seal};
use sanssh_core::role::{Client, Server};
use sanssh_core::{Choice, Config, Error, Violation};
use sanssh_tests::forger::{Feed, Forger, Frame, IGNORE, Line, Side, Suite, both_ways, compressing, password};
use sanssh_tests::pair::server_config;
use sanssh_tests::{both_roles, suites};

/// A DEBUG whose text must never reach the embedder from a packet that was touched.
const DEBUG: &[u8] = b"\x04\x01\0\0\0\x0fsecret contents\0\0\0\0";
const TOLD: &str = "debug secret contents";

/// A machine that has been sent an identification and nothing else.
fn clear<R: Side>(feed: Feed) -> Forger<R> {
    let mut forger = Forger::new(feed).greeted();
    forger.forget();
    forger
}

fn keyed<R: Side>(feed: Feed, suite: &Suite) -> Forger<R> {
    Forger::new(feed).proposing(suite).keyed()
}

/// Runs a case for both roles, in the clear and under every construction.
fn everywhere(case: impl Fn(&mut dyn Foe, &str) + Copy) {
    fn roles<R: Side>(case: impl Fn(&mut dyn Foe, &str) + Copy) {
        both_ways(|feed| {
            case(&mut clear::<R>(feed), "in the clear");
            for suite in Suite::constructions() {
                case(&mut keyed::<R>(feed, &suite), &format!("{suite:?}"));
            }
        });
    }
    roles::<Client>(case);
    roles::<Server>(case);
}

/// What a case needs of a forger, whatever the machine's role.
trait Foe {
    fn line(&mut self) -> &mut Line<Soft>;
    fn say(&mut self, bytes: &[u8]);
    fn fatal_malformed(&mut self);
    fn alive(&mut self, told: &[&str]);
}

impl<R: Side> Foe for Forger<R> {
    fn line(&mut self) -> &mut Line<Soft> {
        &mut self.line
    }

    fn say(&mut self, bytes: &[u8]) {
        self.send_bytes(bytes);
    }

    fn fatal_malformed(&mut self) {
        self.fatal(Error::Malformed(None), &[]);
    }

    fn alive(&mut self, told: &[&str]) {
        self.lives(told, &[]);
    }
}

/// Seals a frame that announces `length` and has enough behind it for the length to be read.
fn announce(foe: &mut dyn Foe, length: u32) {
    let frame = Frame { length, padding: 4, rest: vec![2; 64] };
    let bytes = foe.line().seal(&frame);
    foe.say(&bytes);
}

/// The smallest legal length where the forger stands.
fn least(foe: &mut dyn Foe) -> u32 {
    let shape = foe.line().shape();
    let least = if shape.length_padded { shape.block.max(16) - 4 } else { shape.block };
    u32::try_from(least).expect("a length")
}

fn seal_and_say(foe: &mut dyn Foe, frame: &Frame) {
    let bytes = foe.line().seal(frame);
    foe.say(&bytes);
}

#[test]
fn b01_a_packet_of_no_length() {
    everywhere(|foe, _| {
        announce(foe, 0);
        foe.fatal_malformed();
    });
}

/// Nothing is allocated in core at all: `b02` shows that the machine does not wait for the bytes either.
#[test]
fn b02_a_packet_above_the_cap() {
    let cap = Config::default().max_packet;
    for length in [cap + 1, cap + 12, cap + 16, 0x7fff_ffff, 0x8000_0000, 0xffff_fff0, u32::MAX] {
        everywhere(|foe, _| {
            announce(foe, length);
            foe.fatal_malformed();
        });
    }
}

#[test]
fn b04_b05_a_packet_that_is_too_short_or_breaks_the_block_rule() {
    for length in (1..34).chain([47, 63]) {
        everywhere(|foe, _| {
            let shape = foe.line().shape();
            let padded = length as usize + if shape.length_padded { 4 } else { 0 };
            if length < least(foe) || !padded.is_multiple_of(shape.block) {
                announce(foe, length);
                foe.fatal_malformed();
            }
        });
    }
}

#[test]
fn b04_the_smallest_packet_is_taken() {
    everywhere(|foe, _| {
        // IGNORE has 5 bytes, which a packet of the least length just holds.
        let length = least(foe);
        let payload = [2, 0, 0, 0, 0];
        let padding = u8::try_from(length - 6).expect("a padding length");
        let rest = [&payload[..], &vec![0; usize::from(padding)]].concat();
        if padding >= 4 {
            seal_and_say(foe, &Frame { length, padding, rest });
            foe.alive(&[]);
        } else {
            let frame = foe.line().frame(&payload);
            seal_and_say(foe, &frame);
            foe.alive(&[]);
        }
    });
}

#[test]
fn b06_too_little_padding() {
    for padding in 0..4 {
        everywhere(|foe, _| {
            let mut frame = foe.line().frame(DEBUG);
            frame.padding = padding;
            seal_and_say(foe, &frame);
            foe.fatal_malformed();
        });
    }
}

#[test]
fn b07_more_padding_than_packet() {
    for beyond in [0, 1, 2, 255] {
        everywhere(|foe, _| {
            let mut frame = foe.line().frame(DEBUG);
            let length = u8::try_from(frame.length).expect("a short packet");
            frame.padding = if beyond == 255 { 255 } else { length + beyond };
            seal_and_say(foe, &frame);
            foe.fatal_malformed();
        });
    }
}

#[test]
fn b08_a_payload_of_no_bytes() {
    everywhere(|foe, _| {
        let frame = foe.line().frame(&[]);
        assert_eq!(usize::from(frame.padding), frame.rest.len());
        seal_and_say(foe, &frame);
        foe.fatal_malformed();
    });
}

/// A tag that never comes is waited for, and the end of the line is not taken for a packet.
#[test]
fn b09_a_packet_without_its_end() {
    fn case<R: Side>(feed: Feed) {
        for suite in Suite::constructions() {
            let mut forger = keyed::<R>(feed, &suite);
            let frame = forger.line.frame(DEBUG);
            let mut bytes = forger.line.seal(&frame);
            bytes.pop();
            forger.send_bytes(&bytes);
            forger.lives(&[], &[]);
            assert_eq!(forger.machine.ssh.hung_up(), Err(Error::HungUp));
            forger.machine.over = Some(Error::HungUp);
            forger.fatal(Error::HungUp, &[]);
        }
    }
    both_roles!(case);
}

/// Where in a sealed packet of some length a bit is flipped.
type Place = fn(usize) -> usize;

/// In the tag, in the ciphertext, and in the length, where the bit keeps the block rule.
const PLACES: [Place; 3] = [|total| total - 1, |_| 9, |_| 3];

#[test]
fn b10_one_bit_of_a_packet_flipped() {
    fn case<R: Side>(feed: Feed, suite: &Suite, place: Place) {
        let mut forger = keyed::<R>(feed, suite);
        let frame = forger.line.frame(DEBUG);
        let mut bytes = forger.line.seal(&frame);
        let at = place(bytes.len());
        bytes[at] ^= 0x10;
        // A longer packet is awaited before its tag is looked at.
        bytes.extend([0; 64]);
        forger.send_bytes(&bytes);
        forger.fatal(Error::Forged, &[]);
        let left = &forger.machine.input;
        assert!(!left.windows(6).any(|bytes| bytes == b"secret"), "no plaintext is left behind");
    }
    both_ways(|feed| {
        for place in PLACES {
            for suite in Suite::constructions() {
                case::<Client>(feed, &suite, place);
                case::<Server>(feed, &suite, place);
            }
        }
    });
}

/// The buffer of a forged packet holds no plaintext, with either provider.
#[test]
fn b10_a_forged_packet_stays_closed() {
    fn case<P: Provider>() {
        for suite in Suite::constructions() {
            let keys = DirectionKeys { iv: [1; 16], key: [2; 64], mac: [3; 64] };
            let mut seal = P::seal(suite.cipher, suite.mac, &keys).expect("a suite");
            let mut open = P::open(suite.cipher, suite.mac, &keys).expect("a suite");
            let mut packet = [&[0, 0, 0, 60, 10][..], &[0xab; 59], &vec![0; seal.shape().tag]].concat();
            seal.seal(0, &mut packet);
            *packet.last_mut().expect("a tag") ^= 1;
            let head = open.shape().head;
            open.length(0, &mut packet[..head]);
            assert_eq!(open.open(0, &mut packet), Err(Forged), "{suite:?}");
            assert!(!packet.windows(4).any(|bytes| bytes == [0xab; 4]), "{suite:?}");
        }
    }
    case::<Fast>();
    case::<Soft>();
}

/// What somebody between the ends does with two sealed packets.
type Meddler = fn(&[u8], &[u8], usize) -> Vec<u8>;

const MEDDLERS: [(&str, Meddler); 5] = [
    ("tag zeroed", |one, two, tag| [&one[..one.len() - tag], &vec![0; tag], two].concat()),
    ("tag truncated", |one, two, tag| [&one[..one.len() - tag / 2], two].concat()),
    ("replayed", |one, two, _| [one, one, two].concat()),
    ("swapped", |one, two, _| [two, one].concat()),
    ("dropped", |_, two, _| [two, two].concat()),
];

/// Where the length is encrypted, packets out of turn decrypt to a length of nonsense: then that is what ends the
/// connection, and the tag is not even awaited.
#[test]
fn b11_packets_touched_on_the_way() {
    fn case<R: Side>(feed: Feed) {
        for (name, meddle) in MEDDLERS {
            for suite in Suite::constructions() {
                let mut forger = keyed::<R>(feed, &suite);
                let frames = [forger.line.frame(DEBUG), forger.line.frame(DEBUG)];
                let tag = forger.line.shape().tag;
                let [one, two] = frames.map(|frame| forger.line.seal(&frame));
                let mut bytes = meddle(&one, &two, tag);
                bytes.extend(vec![0; 256 * 1024]);
                if feed == Feed::Bytes {
                    bytes.truncate(1024);
                }
                forger.send_bytes(&bytes);
                let hidden = suite.cipher == Cipher::ChaCha20Poly1305 || forger.line.shape().length_padded;
                let error = match (name, hidden, forger.machine.over) {
                    ("replayed" | "swapped" | "dropped", true, Some(Error::Malformed(None))) => Error::Malformed(None),
                    _ => Error::Forged,
                };
                let told: &[&str] = if name == "replayed" { &[TOLD] } else { &[] };
                forger.fatal(error, told);
            }
        }
    }
    both_roles!(case);
}

/// Codes and tags are compared by `subtle` or inside a library, never with `==`.
#[test]
fn b12_tags_are_compared_in_constant_time() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../core/src/crypto");
    let compared = [
        ("soft/composed.rs", "code.as_bytes().ct_eq(tag)"),
        ("lean/chacha.rs", "code(mac, text).ct_eq(tag)"),
        ("soft/gcm.rs", "decrypt_inout_detached"),
        ("fast/suite.rs", "open_in_place"),
    ];
    for (file, wanted) in compared {
        let source = std::fs::read_to_string(format!("{root}/{file}")).expect("a source of core");
        let code = source.split("#[cfg(test)]").next().expect("what comes before the tests");
        assert!(code.contains(wanted), "{file} compares by {wanted}");
        for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
            let compares = line.contains("==") || line.contains("!=");
            assert!(!(compares && (line.contains("tag") || line.contains("code"))), "{file}: {line}");
        }
    }
}

/// Largest packet where it is awaited.
const CAP: u32 = 8192;

/// With which CBC can be had.
fn legacy() -> Config {
    Config { max_packet: CAP, preferences: Preferences::legacy(), ..server_config() }
}

/// CBC under a MAC of the plain packet: whatever is wrong with a packet, the machine says nothing before as many bytes
/// have come as the largest packet has, and then that the code was bad.
fn fails_alike<R: Side>(feed: Feed, suite: &Suite, spoil: impl Fn(&mut Forger<R>) -> Vec<u8>) {
    let mut forger = Forger::<R>::with(feed, legacy()).proposing(suite).keyed();
    let tag = forger.line.shape().tag;
    let mut bytes = spoil(&mut forger);
    bytes.resize(4 + CAP as usize + tag, 0x77);
    let last = bytes.pop().expect("the last byte");
    forger.send_bytes(&bytes);
    assert_eq!((forger.machine.over, forger.machine.ssh.owes_output()), (None, false), "{suite:?}");
    forger.send_bytes(&[last]);
    forger.fatal(Error::Forged, &[]);
    assert!(!forger.machine.input.windows(6).any(|bytes| bytes == b"secret"), "no plaintext is left behind");
}

#[test]
fn b14_nothing_tells_where_a_chained_packet_failed() {
    fn case<R: Side>(feed: Feed) {
        let macs = [Mac::HmacSha256, Mac::HmacSha1, Mac::Umac64];
        let ciphers = [Cipher::Aes128Cbc, Cipher::Aes192Cbc, Cipher::Aes256Cbc, Cipher::TripleDesCbc];
        for (cipher, mac) in suites::of(&ciphers, &macs) {
            let suite = Suite::cipher(cipher, mac);
            for length in [0, 3, 13, 29, CAP + 4, CAP + 12, 0x7fff_ffff, u32::MAX] {
                fails_alike::<R>(feed, &suite, |forger| {
                    forger.line.seal(&Frame { length, padding: 4, rest: vec![2; 59] })
                });
            }
            for place in PLACES.iter().chain(&[(|_| 40) as Place]) {
                fails_alike::<R>(feed, &suite, |forger| {
                    let frame = forger.line.frame(&DEBUG.repeat(3));
                    let mut bytes = forger.line.seal(&frame);
                    let at = place(bytes.len());
                    bytes[at] ^= 0x10;
                    bytes
                });
            }
            // Behind a right code nothing tells of the key any more, and nobody is kept waiting.
            let mut forger = Forger::<R>::with(feed, legacy()).proposing(&suite).keyed();
            let mut frame = forger.line.frame(DEBUG);
            frame.padding = 1;
            let bytes = forger.line.seal(&frame);
            forger.send_bytes(&bytes);
            forger.fatal(Error::Malformed(None), &[]);
        }
    }
    both_roles!(case);
}

/// A sound packet of the largest size that the cap allows is taken.
#[test]
fn b14_the_largest_chained_packet_is_taken() {
    fn case<R: Side>(feed: Feed) {
        let suite = Suite::cipher(Cipher::Aes128Cbc, Some(Mac::HmacSha1));
        let config = Config { max_packet: CAP + 12, preferences: Preferences::legacy(), ..server_config() };
        let mut forger = Forger::<R>::with(feed, config).proposing(&suite).keyed();
        let ignore = [&[2, 0, 0, 31, 248][..], &[1; 8184]].concat();
        let frame = forger.line.frame(&ignore);
        assert_eq!(frame.length, CAP + 12);
        let bytes = forger.line.seal(&frame);
        forger.send_bytes(&bytes);
        forger.lives(&[], &[]);
    }
    both_roles!(case);
}

/// A bad code, bad padding and a bad length are answered by as many bytes each, so that a listener learns nothing.
#[test]
fn b15_reactions_look_alike() {
    fn case<R: Side>(feed: Feed) {
        for suite in Suite::constructions() {
            let reaction = |spoil: &dyn Fn(&mut Forger<R>) -> Vec<u8>| {
                let mut forger = keyed::<R>(feed, &suite);
                let bytes = spoil(&mut forger);
                forger.feed = Feed::Whole;
                let before = forger.line.opened;
                forger.machine.take(&bytes);
                assert!(forger.machine.over.is_some());
                (forger.machine.sent.len(), forger.line.opened - before)
            };
            let code = reaction(&|forger| {
                let frame = forger.line.frame(DEBUG);
                let mut bytes = forger.line.seal(&frame);
                *bytes.last_mut().expect("a tag") ^= 1;
                bytes
            });
            let padding = reaction(&|forger| {
                let mut frame = forger.line.frame(DEBUG);
                frame.padding = 1;
                forger.line.seal(&frame)
            });
            let length = reaction(&|forger| forger.line.seal(&Frame { length: 3, padding: 4, rest: vec![0; 64] }));
            assert_eq!(code, padding, "{suite:?}");
            assert_eq!(code, length, "{suite:?}");
            assert!(code.0 > 0, "a goodbye is said");
        }
    }
    both_roles!(case);
}

const METHODS: [Zip; 2] = [Zip::Zlib, Zip::ZlibDelayed];

/// Sends what stands in the packet as it is.
fn send_raw<R: Side>(forger: &mut Forger<R>, payload: &[u8]) {
    let frame = forger.line.frame(payload);
    forger.send_frame(&frame);
}

/// An IGNORE of so many bytes, all zero but the header: a thousandth of it when compressed.
fn hollow(length: usize) -> Vec<u8> {
    let data = u32::try_from(length - 5).expect("a length").to_be_bytes();
    [&[2][..], &data, &vec![0; length - 5]].concat()
}

/// The machine is lent as much memory as the cap says and no byte more.
#[test]
fn b16_a_payload_that_expands_beyond_the_cap() {
    fn case<R: Side>(feed: Feed) {
        let cap = usize::try_from(Config::default().max_packet).expect("a length");
        for zip in METHODS {
            for length in [cap + 1, 2 * cap, 64 * cap] {
                let mut forger = compressing::<R>(feed, zip);
                forger.send(&hollow(length));
                forger.fatal(Error::Corrupt, &[]);
            }
            let mut forger = compressing::<R>(feed, zip);
            forger.send(&hollow(cap));
            forger.send(&hollow(cap - 1));
            forger.lives(&[], &[]);
        }
    }
    both_roles!(case);
}

/// An empty stored block, as a flush leaves it.
const FLUSH: &[u8] = &[0, 0, 0, 0xff, 0xff];

#[test]
fn b17_a_payload_that_expands_to_nothing() {
    fn case<R: Side>(feed: Feed) {
        for zip in METHODS {
            for payload in
                [&[0x78, 0x9c][..], &[&[0x78, 0x9c], FLUSH].concat(), &[&[0x78, 0x9c], &FLUSH.repeat(9)[..]].concat()]
            {
                let mut forger = compressing::<R>(feed, zip);
                send_raw(&mut forger, payload);
                forger.fatal(Error::Malformed(None), &[]);
            }
            let mut forger = compressing::<R>(feed, zip);
            send_raw(&mut forger, &[]);
            forger.fatal(Error::Malformed(None), &[]);
            // Behind a payload it is odd and harmless.
            let mut forger = compressing::<R>(feed, zip);
            let payload = [forger.line.zip.piece(DEBUG, FlushCompress::Sync), FLUSH.to_vec()].concat();
            send_raw(&mut forger, &payload);
            forger.lives(&[TOLD], &[]);
            send_raw(&mut forger, FLUSH);
            forger.fatal(Error::Malformed(None), &[]);
        }
    }
    both_roles!(case);
}

#[test]
fn b18_a_stream_that_is_none() {
    fn case<R: Side>(feed: Feed) {
        // No header; a preset dictionary; the block type that there is not; a distance before the beginning.
        let raw = [IGNORE, &[0x78, 0xbb, 0, 0, 0, 1, 3, 0], &[0x78, 0x9c, 7], &[0x78, 0x9c, 0x03, 0x02, 0, 0, 0]];
        for zip in METHODS {
            for payload in raw {
                let mut forger = compressing::<R>(feed, zip);
                send_raw(&mut forger, payload);
                forger.fatal(Error::Corrupt, &[]);
            }
            for tail in [&[][..], b"more", DEBUG] {
                let mut forger = compressing::<R>(feed, zip);
                let ended = forger.line.zip.piece(DEBUG, FlushCompress::Finish);
                send_raw(&mut forger, &[&ended, tail].concat());
                forger.fatal(Error::Corrupt, &[]);
            }
            // Sound at first, and then a payload out of turn.
            let mut forger = compressing::<R>(feed, zip);
            forger.send(DEBUG);
            forger.lives(&[TOLD], &[]);
            forger.line.zip.deflate(b"never sent, and of some length so that it would be referred to");
            let late = forger.line.zip.deflate(b"never sent, and of some length so that it would be referred to");
            send_raw(&mut forger, &[&late, &[7][..]].concat());
            forger.fatal(Error::Corrupt, &[]);
        }
    }
    both_roles!(case);
}

/// Who does not begin anew with the keys is not understood any more.
#[test]
fn b18_a_stream_that_outlives_its_keys() {
    fn case<R: Side>(feed: Feed) {
        let authenticated = || {
            let mut config = server_config();
            config.preferences.zips = list(&[Zip::ZlibDelayed]);
            let mut forger = Forger::<R>::with(feed, config).proposing(&Suite::zip(Zip::ZlibDelayed)).authenticated();
            forger.send(DEBUG);
            forger.rekey();
            forger
        };
        let mut forger = authenticated();
        forger.forget();
        forger.send(DEBUG);
        forger.lives(&[TOLD], &[]);
        let mut forger = authenticated();
        forger.forget();
        let stale = forger.line.zip.deflate(DEBUG);
        // Without the header a fresh stream has, it is what an old one would go on with.
        send_raw(&mut forger, &stale[2..]);
        forger.fatal(Error::Corrupt, &[]);
    }
    both_roles!(case);
}

/// Under the delayed method nobody who is not logged in reaches the decompressor.
#[test]
fn b19_compressed_data_before_the_login() {
    both_ways(|feed| {
        let mut config = server_config();
        config.preferences.zips = list(&[Zip::ZlibDelayed]);
        let mut forger = Forger::<Server>::with(feed, config).proposing(&Suite::zip(Zip::ZlibDelayed)).served();
        let sound = password("user", "right");
        let compressed = compressing::<Server>(feed, Zip::Zlib).line.zip.deflate(&sound);
        send_raw(&mut forger, &compressed);
        forger.fatal(Violation::Unexpected(compressed[0]).into(), &[]);
    });
}

#[test]
fn b19_a_client_that_wants_nothing_but_compression() {
    both_ways(|feed| {
        for (at, choice) in [(6, Choice::ZipToServer), (7, Choice::ZipToClient)] {
            for wish in ["zlib", "zlib@openssh.com", "zlib,zlib@openssh.com"] {
                let mut forger = clear::<Server>(feed);
                *forger.proposal.list(at) = wish.into();
                forger.send_offer();
                forger.fatal(Error::Incompatible(choice), &[]);
            }
        }
    });
}
