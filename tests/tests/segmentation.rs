//! The law of segmentation: however the received bytes are cut, the same is told, and the same is emitted where flush is
//! called at the same points of the protocol. And determinism: seed, configuration and calls decide every byte.

use sanssh_core::Seed;
use sanssh_core::algorithm::HostKey;
use sanssh_core::crypto::fast::Fast;
use sanssh_core::crypto::soft::Soft;
use sanssh_core::file::SigningKey;
use sanssh_core::replay::{Cut, Script, Side, Step, What, hex, play};
use sanssh_tests::replay::record::Recorder;
use sanssh_tests::signing;

/// Suites whose packets differ in shape: the length in the clear, encrypted apart, and inside the first block; and
/// compressed ones.
const SUITES: [&str; 6] = [
    "cipher=aes256-gcm@openssh.com",
    "cipher=chacha20-poly1305@openssh.com",
    "cipher=aes256-ctr mac=hmac-sha2-256",
    "cipher=aes128-ctr mac=hmac-sha2-512-etm@openssh.com",
    "cipher=aes256-gcm@openssh.com zip=zlib",
    "cipher=chacha20-poly1305@openssh.com zip=zlib@openssh.com",
];

/// Bytes that one delivery carries at most: packets of a busy session are cut in the recording already.
const CARRIED: usize = 1700;

/// Two recorders that talk to each other.
struct Talk {
    client: Recorder,
    server: Recorder,
    key: SigningKey,
    at: u64,
}

impl Talk {
    fn new(suite: &str, seeds: [u8; 2]) -> Self {
        let script = |side: Side, seed: u8| {
            let title = format!("the {} of a busy session, {suite}", side.name());
            let config = format!("{suite} window=2500 max-data=2000 methods=password");
            let config = config.split(' ').map(str::to_owned).collect();
            Script::new(&title, side, Seed::new([seed; 32]), config, 4)
        };
        Self {
            client: Recorder::new(script(Side::Client, seeds[0])),
            server: Recorder::new(script(Side::Server, seeds[1])),
            key: signing::key(HostKey::Ed25519),
            at: 0,
        }
    }

    /// Carries bytes over and answers what is told, until nothing moves.
    fn settle(&mut self) {
        loop {
            self.at += 1000;
            let up = if self.client.owes() { self.client.flush(self.at) } else { Vec::new() };
            let down = if self.server.owes() { self.server.flush(self.at) } else { Vec::new() };
            if up.is_empty() && down.is_empty() {
                return;
            }
            self.carry_up(&up);
            self.carry_down(&down);
        }
    }

    fn carry_up(&mut self, bytes: &[u8]) {
        for bytes in bytes.chunks(CARRIED) {
            self.server.receive(self.at, bytes);
            while let Some(event) = self.server.next_event() {
                answer_as_server(&mut self.server, &event, &self.key);
            }
        }
    }

    fn carry_down(&mut self, bytes: &[u8]) {
        for bytes in bytes.chunks(CARRIED) {
            self.client.receive(self.at, bytes);
            while let Some(event) = self.client.next_event() {
                answer_as_client(&mut self.client, &event);
            }
        }
    }

    /// A call of the client, out of the blue.
    fn client(&mut self, line: &str) -> String {
        let (emitted, answer) = self.client.call_later(self.at, line);
        self.carry_up(&emitted);
        answer
    }

    /// A call of the server, out of the blue.
    fn server(&mut self, line: &str) -> String {
        let (emitted, answer) = self.server.call_later(self.at, line);
        self.carry_down(&emitted);
        answer
    }

    /// The whole session: three channels, data both ways past the windows, keys changed by each and by both at once.
    fn whole(mut self) -> [Script; 2] {
        self.settle();
        self.client("password user right");
        self.settle();
        for _ in 0..3 {
            assert!(self.client("open").starts_with("-> "));
        }
        self.settle();
        for channel in 0..3_usize {
            self.client(&format!("request {channel} exec cat"));
        }
        self.settle();
        for round in 0..8_u8 {
            match round {
                2 => drop(self.client("rekey")),
                4 => drop(self.server("rekey")),
                6 => drop((self.client("rekey"), self.server("rekey"))),
                _ => {}
            }
            for channel in 0..3_usize {
                let data = hex(&vec![round; 1500 + 100 * channel]);
                // More than the window holds, before an adjust can come.
                for _ in 0..3 {
                    self.client(&format!("write {channel} 0x{data}"));
                }
                self.server(&format!("write {channel} 0x{data}"));
                self.server(&format!("write-extended {channel} 0x{data}"));
            }
            if round % 2 == 1 {
                self.settle();
            }
        }
        for channel in 0..3_usize {
            self.server(&format!("request {channel} exit-status {channel}"));
            self.server(&format!("finish {channel}"));
            self.server(&format!("close {channel}"));
        }
        self.settle();
        self.client("disconnect 11");
        self.settle();
        [self.client.finish(), self.server.finish()]
    }
}

fn answer_as_client(client: &mut Recorder, event: &str) {
    let words: Vec<_> = event.split(' ').collect();
    match words[..] {
        ["auth", "host-key", ..] => drop(client.call("trust")),
        ["channel", channel, "data", length, _] | ["channel", channel, "extended", "1", length, _] => {
            client.call(&format!("release {channel} {length}"));
        }
        _ => {}
    }
}

fn answer_as_server(server: &mut Recorder, event: &str, key: &SigningKey) {
    let words: Vec<_> = event.split(' ').collect();
    let public = hex(key.public());
    match words[..] {
        ["auth", "host-key", _] => drop(server.call(&format!("host-key 0x{public}"))),
        ["auth", "sign", _] => {
            let message = server.end().to_sign("", "", &[]).expect("a question");
            let signature = key.sign(HostKey::Ed25519, &message).expect("the key signs");
            server.call(&format!("sign 0x{public} 0x{}", hex(&signature)));
        }
        ["auth", "attempt", ..] => drop(server.call("grant")),
        ["open", "session"] => drop(server.call("accept")),
        ["channel", _, "request", ..] => drop(server.call("reply yes")),
        ["channel", channel, "data", length, _] => drop(server.call(&format!("release {channel} {length}"))),
        _ => {}
    }
}

fn session(suite: &str) -> [Script; 2] {
    Talk::new(&format!("{suite} hostkey=ssh-ed25519"), [1, 2]).whole()
}

/// How often a kind of event or call occurs.
fn count(script: &Script, part: &str) -> usize {
    let text = |what: &What| matches!(what, What::Event(text) | What::Call(text) if text.contains(part));
    script.steps.iter().filter(|step| text(&step.what)).count()
}

fn check<P: sanssh_core::crypto::Provider>(script: &Script, cut: Cut) {
    play::<P>(script, cut).unwrap_or_else(|what| panic!("{}, {cut:?}: {what}", script.title));
}

#[test]
fn the_recorded_session_is_busy() {
    let [client, server] = session(SUITES[0]);
    for script in [&client, &server] {
        assert!(count(script, " data ") > 10, "{}", script.title);
        assert_eq!(count(script, "keyed "), 4, "{}", script.title);
        assert!(count(script, "-> Busy") > 0, "a write met an exchange: {}", script.title);
        assert!(count(script, "-> 0") > 0, "a write met an empty window: {}", script.title);
        assert!(count(script, "writable") > 0, "{}", script.title);
        assert_eq!(count(script, " closed"), 3, "{}", script.title);
    }
    let end = |script: &Script| script.steps.last().map(|step| step.what.clone());
    assert!(end(&client) == Some(What::End("Closed".into())));
    assert!(end(&server) == Some(What::End("Disconnected(Reason(11))".into())));
}

#[test]
fn a_session_replays_as_it_was_recorded_by_either_provider() {
    for script in SUITES.iter().flat_map(|suite| session(suite)) {
        check::<Fast>(&script, Cut::Recorded);
        check::<Soft>(&script, Cut::Recorded);
        let again = Script::read(&script.write()).expect("what was written can be read");
        check::<Fast>(&again, Cut::Recorded);
    }
}

#[test]
fn a_session_replays_one_byte_at_a_time() {
    for script in SUITES.iter().flat_map(|suite| session(suite)) {
        check::<Fast>(&script, Cut::Bytes);
    }
}

#[test]
fn a_session_replays_joined() {
    for script in SUITES.iter().flat_map(|suite| session(suite)) {
        check::<Fast>(&script, Cut::Joined);
    }
}

#[test]
fn m02_a_session_replays_cut_anywhere() {
    for script in SUITES.iter().flat_map(|suite| session(suite)) {
        for seed in 0..8 {
            check::<Fast>(&script, Cut::Random(seed));
        }
    }
}

#[test]
fn seed_and_calls_decide_every_byte() {
    for suite in SUITES {
        let texts = || session(suite).map(|script| script.write());
        assert!(texts() == texts(), "the same twice");
        let suite = format!("{suite} hostkey=ssh-ed25519");
        let [client, server] = Talk::new(&suite, [1, 2]).whole();
        let [other, same] = Talk::new(&suite, [3, 2]).whole();
        assert_ne!(client.steps, other.steps, "another seed");
        assert_ne!(server.steps, same.steps, "which the other end sees");
    }
}

/// Every flush differs where the seed does, from the first cookie on; nothing that is emitted ignores it.
#[test]
fn another_seed_changes_every_flush() {
    let [one, _] = Talk::new(SUITES[0], [1, 2]).whole();
    let [other, _] = Talk::new(SUITES[0], [3, 2]).whole();
    let flushes = |script: Script| {
        script.steps.into_iter().filter_map(|step| match step {
            Step { what: What::Flush(bytes), .. } => Some(bytes),
            _ => None,
        })
    };
    let pairs: Vec<_> = flushes(one).zip(flushes(other)).collect();
    assert!(pairs.len() > 20);
    assert!(pairs.iter().all(|(one, other)| one.is_empty() || one != other));
}

#[test]
fn a_changed_byte_is_noticed() {
    let [mut client, _] = session(SUITES[0]);
    let at = client.steps.iter().rposition(|step| matches!(&step.what, What::Flush(bytes) if !bytes.is_empty()));
    if let Some(Step { what: What::Flush(bytes), .. }) = at.and_then(|at| client.steps.get_mut(at)) {
        bytes[0] ^= 1;
    }
    assert!(play::<Fast>(&client, Cut::Recorded).is_err());
}
