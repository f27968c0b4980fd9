//! Compression in memory, both methods (RFC 4253 §6.2, draft-miller-secsh-compression-delayed): when it begins in each
//! direction, that it begins anew with the keys, and that nothing of a payload is lost where room is short.

use sanssh_core::algorithm::{Zip, list};
use sanssh_core::crypto::Provider;
use sanssh_core::crypto::fast::Fast;
use sanssh_core::crypto::null::Null;
use sanssh_core::crypto::soft::Soft;
use sanssh_core::role::{Role, Server};
use sanssh_core::{ChannelId, Config, Connection, Error, Event, Input, Instant, Output, Random, Refused, Seed, Slot};
use sanssh_tests::forger::{Feed, compressing, debug};
use sanssh_tests::pair::{End, OUTPUT, Pair, Told, server_config};

const METHODS: [Zip; 2] = [Zip::Zlib, Zip::ZlibDelayed];

fn with(zips: &[Zip], mut config: Config) -> Config {
    config.preferences.zips = list(zips);
    config
}

fn connected<PC: Provider, PS: Provider>(zip: Zip) -> Pair<PC, PS> {
    Pair::connected(with(&[zip], Config::default()), with(&[Zip::None, zip], server_config()))
}

/// Has one end write all of it, with the other receiving meanwhile.
fn carry<R: Role, P: Provider>(
    pair: &mut Pair<P, P>,
    end: impl Fn(&mut Pair<P, P>) -> &mut End<R, P>,
    id: ChannelId,
    mut data: &[u8],
) {
    while !data.is_empty() {
        match end(pair).emit(|ssh, output| ssh.write(id, data, output)) {
            Ok(taken) => data = &data[taken..],
            Err(Refused::Busy) => {}
            Err(refused) => panic!("{refused}"),
        }
        pair.step();
    }
    pair.run();
}

/// Text, noise and zeros: compressible a little, not at all, and very much.
fn material() -> Vec<u8> {
    let mut noise = vec![0; 200_000];
    Random::new(&Seed::new([8; 32])).fill(&mut noise);
    let text: Vec<u8> = (0..20_000_u32).flat_map(|n| format!("line {n} of some text\n").into_bytes()).collect();
    [text, noise, vec![0; 500_000]].concat()
}

fn transfers<PC: Provider, PS: Provider>(zip: Zip) -> (Pair<PC, PS>, ChannelId, ChannelId) {
    let mut pair = connected::<PC, PS>(zip);
    let (client, server) = pair.exec("cat");
    pair.client.told.clear();
    pair.server.told.clear();
    (pair, client, server)
}

#[test]
fn everything_arrives_both_ways_and_less_is_sent() {
    fn case<P: Provider>() {
        let material = material();
        for zip in METHODS {
            let (mut pair, client, server) = transfers::<P, P>(zip);
            let before = (pair.client.sent.len(), pair.server.sent.len());
            carry(&mut pair, |pair| &mut pair.client, client, &material);
            carry(&mut pair, |pair| &mut pair.server, server, &material);
            assert!(pair.server.take_data() == material && pair.client.take_data() == material, "{zip}");
            let sent = (pair.client.sent.len() - before.0, pair.server.sent.len() - before.1);
            assert!(sent.0.max(sent.1) < material.len() / 3, "{zip}: {sent:?} of {}", material.len());
        }
    }
    case::<Fast>();
    case::<Soft>();
}

/// Under the null provider what is sent can be read.
#[test]
fn each_method_begins_in_its_time() {
    let says = |bytes: &[u8], text: &[u8]| bytes.windows(text.len()).any(|part| part == text);
    for (zip, in_the_clear) in [(Zip::None, true), (Zip::ZlibDelayed, true), (Zip::Zlib, false)] {
        let mut pair = connected::<Null, Null>(zip);
        // What is said first in a stream is all literals, which the fixed code moves by bits.
        assert_eq!(says(&pair.client.sent, b"ssh-userauth"), in_the_clear, "{zip}");
        assert_eq!(says(&pair.server.sent, b"server-sig-algs"), in_the_clear, "{zip}");
        let before = (pair.client.sent.len(), pair.server.sent.len());
        pair.exec("something");
        assert_eq!(says(&pair.client.sent[before.0..], b"something"), zip == Zip::None, "{zip}");
        // The first packet of a stream has zlib's header, behind the lengths.
        let delayed = zip == Zip::ZlibDelayed;
        assert_eq!(pair.client.sent[before.0 + 5..].starts_with(&[0x78]), delayed, "{zip}");
        assert_eq!(pair.server.sent[before.1 + 5..].starts_with(&[0x78]), delayed, "{zip}");
    }
}

/// Streams begin anew in each direction with that direction's keys, whoever asks and however much is under way.
#[test]
fn keys_change_under_load() {
    let material = material();
    for zip in METHODS {
        for rekey in [1, 2, 3] {
            let (mut pair, client, server) = transfers::<Fast, Fast>(zip);
            let mut left = [&material[..], &material];
            let mut turns = 0;
            while left.iter().any(|left| !left.is_empty()) {
                turns += 1;
                if turns % 5 == 0 && rekey & 1 != 0 {
                    pair.client.ssh.rekey();
                }
                if turns % 7 == 0 && rekey & 2 != 0 {
                    pair.server.ssh.rekey();
                }
                let sent = pair.client.emit(|ssh, output| ssh.write(client, left[0], output)).unwrap_or(0);
                left[0] = &left[0][sent..];
                let sent = pair.server.emit(|ssh, output| ssh.write(server, left[1], output)).unwrap_or(0);
                left[1] = &left[1][sent..];
                pair.step();
            }
            pair.run();
            assert_eq!((pair.client.over, pair.server.over), (None, None));
            let keyed = pair.client.told.iter().filter(|told| matches!(told, Told::Keyed(_))).count();
            assert!(keyed >= 5, "{zip}: {keyed} exchanges in {turns} turns");
            assert!(pair.server.take_data() == material && pair.client.take_data() == material, "{zip}");
        }
    }
}

/// A write that finds no room leaves the stream as it was; one that finds some has said as much as it says.
#[test]
fn a_write_is_whole_or_nothing() {
    let material = material();
    for zip in METHODS {
        let (mut pair, client, _) = transfers::<Fast, Fast>(zip);
        let (mut data, mut refused, mut size) = (&material[..], 0, 0);
        while !data.is_empty() {
            size = (size + 37) % 4096;
            let mut space = vec![0; size];
            let mut output = Output::new(&mut space);
            match pair.client.ssh.write(client, data, &mut output) {
                Ok(taken) => data = &data[taken..],
                Err(Refused::NoRoom) => {
                    assert_eq!(output.filled(), 0);
                    refused += 1;
                }
                Err(refused) => panic!("{refused}"),
            }
            let filled = output.filled();
            pair.client.output.extend_from_slice(&space[..filled]);
            pair.step();
        }
        pair.run();
        assert!(refused > 10, "{refused}");
        assert!(pair.server.take_data() == material, "{zip}");
    }
}

/// Composed in place or written, and nothing at all.
#[test]
fn fill_composes_what_is_compressed() {
    for zip in METHODS {
        let (mut pair, client, _) = transfers::<Fast, Fast>(zip);
        let data = |space: &mut [u8]| {
            space[..4].copy_from_slice(b"data");
            4
        };
        let filled = pair.client.emit(|ssh, output| ssh.fill(client, output, data));
        assert_eq!(filled, Ok(4));
        let before = pair.client.output.len();
        assert_eq!(pair.client.emit(|ssh, output| ssh.fill(client, output, |_| 0)), Ok(0));
        assert_eq!(pair.client.output.len(), before);
        pair.client.emit(|ssh, output| ssh.write(client, b" more", output)).expect("room");
        pair.run();
        assert_eq!(pair.server.take_data(), b"data more");
    }
}

/// The server's word counts: what it does not grant is not done, and neither end has it unless asked.
#[test]
fn nobody_compresses_unless_both_ask() {
    /// Whether both directions are compressed; `None` if nothing is agreed on.
    fn agreed(client: &[Zip], server: &[Zip]) -> Option<bool> {
        let mut pair = Pair::<Fast, Fast>::new(with(client, Config::default()), with(server, server_config()));
        pair.run();
        pair.client.told.iter().find_map(|told| {
            let Told::Keyed(words) = told else { return None };
            Some(words.contains(" zlib@openssh.com"))
        })
    }
    let asks = [Zip::ZlibDelayed, Zip::None];
    assert_eq!(Config::default().preferences.zips, [Zip::None]);
    assert_eq!(agreed(&asks, &[Zip::None]), Some(false));
    assert_eq!(agreed(&[Zip::None], &asks), Some(false));
    assert_eq!(agreed(&[Zip::None, Zip::ZlibDelayed], &asks), Some(false), "the client's order counts");
    assert_eq!(agreed(&asks, &[Zip::None, Zip::ZlibDelayed]), Some(true));
    assert_eq!(agreed(&[Zip::ZlibDelayed], &[Zip::None]), None);
}

/// What a machine that compresses is lent, and what becomes of it.
struct Lent {
    ssh: Connection<Server, Fast, Vec<Slot>>,
    bytes: Vec<u8>,
}

/// Three DEBUGs of this length wait to be expanded.
fn three(length: usize) -> Lent {
    let mut forger = compressing::<Server>(Feed::Whole, Zip::Zlib);
    let payload = debug(&"x".repeat(length));
    let mut bytes = Vec::new();
    for _ in 0..3 {
        let payload = forger.line.zip.deflate(&payload);
        let frame = forger.line.frame(&payload);
        bytes.extend(forger.line.seal(&frame));
    }
    Lent { ssh: forger.machine.ssh, bytes }
}

impl Lent {
    /// How many events one lending of so much memory gives, whether it was used up, and how much of it was.
    fn told(&mut self, memory: usize) -> Result<(usize, bool, usize), Error> {
        let mut memory = vec![0; memory];
        let mut input = Input::new(&mut self.bytes).with_inflate(&mut memory);
        let mut count = 0;
        while let Some(event) = self.ssh.recv(Instant(0), &mut input)? {
            let Event::Transport(sanssh_core::transport::Event::Debug { message, .. }) = event else {
                panic!("{event:?}")
            };
            assert!(message.iter().all(|byte| *byte == b'x'));
            count += 1;
        }
        let (taken, cramped, expanded) = (input.taken(), input.is_cramped(), input.expanded());
        self.bytes.drain(..taken);
        Ok((count, cramped, expanded))
    }
}

#[test]
fn memory_is_used_as_far_as_it_goes() {
    let cap = usize::try_from(Config::default().max_packet).expect("a length");
    let payload = 1000 + debug("").len();
    assert_eq!(three(1000).told(cap + 2 * payload), Ok((3, false, 3 * payload)));
    let mut lent = three(1000);
    assert_eq!(lent.told(cap), Ok((1, true, payload)));
    assert_eq!(lent.told(cap + payload), Ok((2, false, 2 * payload)));
    assert_eq!(lent.told(cap), Ok((0, false, 0)));
    // Less than the cap has to do, and does while payloads fit.
    let mut lent = three(1000);
    assert_eq!(lent.told(payload), Ok((1, true, payload)));
    assert_eq!(lent.told(payload - 1), Err(Error::Corrupt));
    assert_eq!(three(1000).told(0), Err(Error::Corrupt));
}

/// The longest payload that a command makes fits where it says it does.
#[test]
fn the_largest_packets_leave_a_small_output() {
    let (mut pair, client, _) = transfers::<Fast, Fast>(Zip::Zlib);
    let mut noise = vec![0; 32 * 1024];
    Random::new(&Seed::new([9; 32])).fill(&mut noise);
    let whole = noise.len() + noise.len() / 1024 + 200;
    let mut space = vec![0; whole];
    let mut output = Output::new(&mut space);
    assert_eq!(pair.client.ssh.write(client, &noise, &mut output), Ok(noise.len()));
    assert!(output.filled() <= whole && whole < OUTPUT);
}
