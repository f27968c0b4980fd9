//! Forwards and questions that are answered out of their order, recorded at both ends and played again.

use core::time::Duration;
use sanssh_core::algorithm::HostKey;
use sanssh_core::auth::{Method, client, server};
use sanssh_core::channel::{Forward, ForwardEvent, ForwardId, OpenFailure, OpenKind, Tcpip};
use sanssh_core::config::Keepalive;
use sanssh_core::crypto::fast::Fast;
use sanssh_core::event::{ForwardRequest, OpenRequest};
use sanssh_core::replay::{Cut, Played, Recorded, Script, Tape, What, play};
use sanssh_core::role::{Client, Server};
use sanssh_core::{Ask, ChannelId, Config, Event, Input, Instant, Output, Reason, Seed, Slot, channel};
use sanssh_tests::pair::{host_key, server_config};
use std::sync::{Arc, Mutex};

const OUTPUT: usize = 3000;
const PORT: Forward<'_> = Forward::Tcpip { address: b"localhost", port: 0 };
const PATH: Forward<'_> = Forward::Streamlocal(b"/tmp/a socket");

#[derive(Clone, Default)]
struct Text(Arc<Mutex<String>>);

impl core::fmt::Write for Text {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        self.0.lock().unwrap().write_str(text)
    }
}

impl Tape for Text {
    fn sync(&mut self) -> core::fmt::Result {
        Ok(())
    }
}

/// One end with buffers that are small, and what it was asked.
struct End<R: Played> {
    ssh: Recorded<R, Fast, Vec<Slot>>,
    text: Text,
    input: Vec<u8>,
    output: Vec<u8>,
    now: u64,
    opens: Vec<Ask<OpenRequest>>,
    listens: Vec<Ask<ForwardRequest>>,
    forwards: Vec<(ForwardId, ForwardEvent)>,
    opened: Vec<ChannelId>,
}

impl<R: Played> End<R> {
    fn new(config: Config, seed: u8) -> Self {
        let text = Text::default();
        let tape = Box::new(text.clone());
        let ssh = Recorded::on(tape, config, &Seed::new([seed; 32]), vec![Slot::new(); 6], Instant(5));
        let [input, output] = [Vec::new(), Vec::new()];
        Self {
            ssh,
            text,
            input,
            output,
            now: 5,
            opens: Vec::new(),
            listens: Vec::new(),
            forwards: Vec::new(),
            opened: Vec::new(),
        }
    }

    fn emit<A>(&mut self, command: impl FnOnce(&mut Recorded<R, Fast, Vec<Slot>>, &mut Output<'_>) -> A) -> A {
        let mut space = vec![0; OUTPUT];
        let mut output = Output::new(&mut space);
        let answer = command(&mut self.ssh, &mut output);
        let filled = output.filled();
        self.output.extend_from_slice(&space[..filled]);
        answer
    }

    /// Takes bytes, tells what is not noted here to `login`, and gives what it has to send.
    fn turn(&mut self, bytes: &[u8], mut login: impl FnMut(&mut Self, Event<'_, R>)) -> Vec<u8> {
        self.now += 10;
        let now = Instant(self.now);
        let mut input = core::mem::take(&mut self.input);
        input.extend_from_slice(bytes);
        let mut taken = 0;
        loop {
            let mut lent = Input::new(&mut input[taken..]);
            let event = self.ssh.recv(now, &mut lent);
            taken += lent.taken();
            match event {
                Ok(Some(Event::Open { ask, .. })) => self.opens.push(ask),
                Ok(Some(Event::Listen { ask, .. })) => self.listens.push(ask),
                Ok(Some(Event::Forward(id, event))) => self.forwards.push((id, event)),
                Ok(Some(Event::Channel(id, channel::Event::Opened))) => self.opened.push(id),
                Ok(Some(event)) => login(self, event),
                Ok(None) | Err(_) => break,
            }
        }
        input.drain(..taken);
        self.input = input;
        self.emit(|ssh, output| ssh.flush(now, output));
        core::mem::take(&mut self.output)
    }

    fn script(self) -> Script {
        let text = self.text;
        drop(self.ssh);
        let written = text.0.lock().unwrap().clone();
        Script::read(&written).unwrap()
    }
}

/// An interval is what is written down of it.
#[test]
fn keepalives_of_any_interval_replay() {
    let mut end = End::<Client>::new(Config::default(), 1);
    for (interval, counts_as) in
        [(Duration::MAX, u64::MAX), (Duration::from_nanos(1001), 1), (Duration::from_nanos(1), 0)]
    {
        end.ssh.set_keepalive(Keepalive { interval, count: 3 });
        assert_eq!(end.ssh.config().keepalive.interval, Duration::from_micros(counts_as));
    }
    play::<Fast>(&end.script(), Cut::Recorded).unwrap();
}

struct Both {
    client: End<Client>,
    server: End<Server>,
}

impl Both {
    /// Logged in.
    fn new() -> Self {
        let mut config = Config { forwarding: true, ..server_config() };
        config.login.methods = [Method::Password].into_iter().collect();
        let mut both = Self { client: End::new(Config::default(), 1), server: End::new(config, 2) };
        both.run();
        assert!(both.client.ssh.is_logged_in());
        both
    }

    fn run(&mut self) {
        let mut down = Vec::new();
        loop {
            let up = self.client.turn(&down, answer_client);
            down = self.server.turn(&up, answer_server);
            if up.is_empty() && down.is_empty() {
                return;
            }
        }
    }
}

fn answer_client(end: &mut End<Client>, event: Event<'_, Client>) {
    if let Event::Auth(client::Event::HostKey { ask, .. }) = event {
        end.ssh.trust(ask);
        end.emit(|ssh, output| ssh.password(b"me", b"word", output)).unwrap();
    }
}

fn answer_server(end: &mut End<Server>, event: Event<'_, Server>) {
    let key = host_key();
    let Event::Auth(event) = event else { return };
    match event {
        server::Event::HostKey { ask, .. } => end.ssh.host_key(ask, key.public()),
        server::Event::Sign { ask, .. } => {
            let signature = key.sign(HostKey::Ed25519, ask.message()).unwrap();
            end.emit(|ssh, output| ssh.sign(&ask, key.public(), &signature, output)).unwrap();
        }
        server::Event::Attempt { ask, .. } => end.ssh.grant(ask),
        server::Event::Probe { .. } | server::Event::Answers { .. } | server::Event::Prove { .. } => {}
    }
}

fn says(script: &Script, call: &str) -> bool {
    script.steps.iter().any(|step| matches!(&step.what, What::Call(words) if words == call))
}

/// Two forwards, of which the second is answered first as far as that can be; channels back, one refused, one accepted
/// before its elder; a cancel; a direct channel; and no more sessions.
fn session() -> [Script; 2] {
    let mut both = Both::new();
    let port = both.client.emit(|ssh, output| ssh.forward(PORT, output)).unwrap();
    let path = both.client.emit(|ssh, output| ssh.forward(PATH, output)).unwrap();
    both.run();
    let (second, first) = (both.server.listens.pop().unwrap(), both.server.listens.pop().unwrap());
    let there = [both.server.ssh.listen(first, 4022).unwrap(), both.server.ssh.listen(second, 0).unwrap()];
    both.run();
    assert_eq!(both.client.forwards, [(port, ForwardEvent::Granted(4022)), (path, ForwardEvent::Granted(0))]);
    let from = Tcpip { host: b"localhost", port: 4022, originator: b"::1", originator_port: 9 };
    for kind in [OpenKind::ForwardedTcpip(there[0], from), OpenKind::ForwardedStreamlocal(there[1], b"/tmp/a socket")] {
        both.server.emit(|ssh, output| ssh.open(kind, output)).unwrap();
    }
    both.run();
    let (second, first) = (both.client.opens.pop().unwrap(), both.client.opens.pop().unwrap());
    let channel = both.client.ssh.accept(second).unwrap();
    both.client.ssh.decline(first, OpenFailure::CONNECT_FAILED);
    both.run();
    let back = both.server.opened[0];
    both.server
        .emit(|ssh, output| {
            ssh.fill(back, output, |space| {
                space[..5].copy_from_slice(b"words");
                5
            })
        })
        .unwrap();
    both.client.emit(|ssh, output| ssh.write(channel, &[7; 9000], output)).unwrap();
    both.client
        .emit(|ssh, output| ssh.cancel(port, Forward::Tcpip { address: b"localhost", port: 0 }, output))
        .unwrap();
    both.client.emit(|ssh, output| ssh.forgo_sessions(output)).unwrap();
    let direct = OpenKind::DirectTcpip(Tcpip { host: b"host", port: 25, ..from });
    both.client.emit(|ssh, output| ssh.open(direct, output)).unwrap();
    both.run();
    both.client.ssh.close(channel);
    both.client.ssh.disconnect(Reason::BY_APPLICATION);
    both.run();
    [both.client.script(), both.server.script()]
}

#[test]
fn forwards_replay_at_both_ends() {
    let [client, server] = session();
    for call in ["forward tcpip localhost 0 -> 0", "accept 1 -> 3", "decline 2", "forgo-sessions"] {
        assert!(says(&client, call), "{call}:\n{}", client.write());
    }
    for call in ["listen 4022 -> 0", "listen 0 -> 1", "open forwarded-tcpip 0 localhost 4022 ::1 9 -> 2"] {
        assert!(says(&server, call), "{call}:\n{}", server.write());
    }
    for script in [client, server] {
        assert!(script.steps.iter().any(|step| matches!(step.what, What::Room(_))), "outputs were small");
        for cut in [Cut::Recorded, Cut::Bytes, Cut::Joined, Cut::Random(1), Cut::Random(2)] {
            play::<Fast>(&script, cut).unwrap_or_else(|what| panic!("{cut:?}: {what}"));
        }
    }
}
