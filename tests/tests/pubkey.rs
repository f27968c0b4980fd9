//! The two machines of the publickey subsystem with each other in memory: every request and every answer, whole and cut.

use sanssh_core::pubkey::client::{Client, Event};
use sanssh_core::pubkey::server::{Request, Server};
use sanssh_core::pubkey::{Demand, GATHER};
use sanssh_core::{Output, Refused};
use sanssh_tests::pubkeys::{Held, Keys, MOST, Subsystem, UNDERSTOOD};

/// A client and a server, and how the streams between them are cut.
struct Pair {
    client: Client,
    gather: Vec<u8>,
    server: Subsystem,
    step: usize,
}

impl Pair {
    fn new(keys: &Keys, step: usize) -> Self {
        let mut pair = Self { client: Client::new(), gather: vec![0; GATHER], server: keys.open(), step };
        assert!(pair.client.owes_output());
        assert_eq!(pair.ask(Client::flush), ["Ready"]);
        pair
    }

    /// What a command brings, as text.
    fn ask(&mut self, with: impl FnOnce(&mut Client, &mut Output<'_>) -> Result<(), Refused>) -> Vec<String> {
        let mut space = vec![0; GATHER];
        let mut output = Output::new(&mut space);
        with(&mut self.client, &mut output).expect("a lawful command");
        let filled = output.filled();
        let pieces = space[..filled].chunks(self.step);
        let answer: Vec<u8> = pieces.flat_map(|piece| self.server.answer(piece).expect("a sound client")).collect();
        let mut told = Vec::new();
        for mut piece in answer.chunks(self.step) {
            while let Some(event) = self.client.recv(&mut self.gather, &mut piece).expect("a sound server") {
                told.push(tell(&event));
            }
            assert!(piece.is_empty());
        }
        told
    }

    fn add(&mut self, blob: &[u8], overwrite: bool, attributes: &[Demand<'_>]) -> Vec<String> {
        self.ask(|client, output| client.add(b"ssh-ed25519", blob, overwrite, attributes, output))
    }
}

fn tell(event: &Event<'_>) -> String {
    let text = String::from_utf8_lossy;
    match event {
        Event::Ready => "Ready".to_owned(),
        Event::Key(key) => {
            let attributes = key.attributes.iter().map(|one| format!(" {}={}", text(one.name), text(one.value)));
            format!("{} {}{}", text(key.algorithm), text(key.blob), attributes.collect::<String>())
        }
        Event::Attribute(one) => format!("{} {}", text(one.name), one.compulsory),
        Event::Status(status) => format!("{}: {}", status.code, text(status.words)),
    }
}

const fn demand<'a>(name: &'a [u8], value: &'a [u8], critical: bool) -> Demand<'a> {
    Demand { name, value, critical }
}

#[test]
fn every_request_and_every_answer() {
    for step in [1, 2, 13, usize::MAX] {
        let keys = Keys::default();
        let mut pair = Pair::new(&keys, step);
        assert_eq!(pair.ask(Client::list), ["done: done"]);
        assert_eq!(pair.add(b"one", false, &[]), ["done: done"]);
        assert_eq!(pair.add(b"two", false, &[demand(b"comment", b"mine", true)]), ["done: done"]);
        assert_eq!(pair.add(b"one", false, &[]), ["key already present: not so"]);
        let unknown = demand(b"x@y", b"", true);
        assert_eq!(pair.add(b"three", false, &[unknown]), ["attribute not supported: not so"]);
        let odd = Demand { critical: false, ..unknown };
        assert_eq!(pair.add(b"one", true, &[odd, demand(b"from", b"here", true)]), ["done: done"]);
        let listed = ["ssh-ed25519 two comment=mine", "ssh-ed25519 one x@y= from=here", "done: done"];
        assert_eq!(pair.ask(Client::list), listed);
        let remove = |client: &mut Client, output: &mut Output<'_>| client.remove(b"ssh-ed25519", b"two", output);
        assert_eq!(pair.ask(remove), ["done: done"]);
        assert_eq!(pair.ask(remove), ["no such key: not so"]);
        let dss = pair.ask(|client, output| client.add(b"ssh-dss", b"old", false, &[], output));
        assert_eq!(dss, ["key algorithm not supported: not so"]);
        let mut understood: Vec<_> = UNDERSTOOD.iter().map(|(name, always)| format!("{name} {always}")).collect();
        understood.push("done: done".to_owned());
        assert_eq!(pair.ask(Client::attributes), understood);
        let attributes = vec![(b"x@y".to_vec(), Vec::new()), (b"from".to_vec(), b"here".to_vec())];
        let (algorithm, blob) = (b"ssh-ed25519".to_vec(), b"one".to_vec());
        assert_eq!(*keys.held(), [Held { algorithm, blob, attributes }]);
        pair.client.hung_up().expect("nothing is due");
        pair.server.hung_up().expect("nothing is due");
    }
}

#[test]
fn a_full_list_is_listed_whole() {
    let keys = Keys::default();
    let mut pair = Pair::new(&keys, 1000);
    for n in 0..=MOST {
        let told = pair.add(&[u8::try_from(n).expect("few"); 2000], false, &[]);
        assert_eq!(told, [if n < MOST { "done: done" } else { "no room for another key: not so" }]);
    }
    assert_eq!(pair.ask(Client::list).len(), MOST + 1);
}

#[test]
fn a_request_waits_for_the_one_before() {
    let keys = Keys::default();
    let mut client = Client::new();
    let (mut space, mut gather) = (vec![0; 1024], vec![0; GATHER]);
    let mut output = Output::new(&mut space);
    assert_eq!(client.list(&mut output), Err(Refused::NotYet));
    client.flush(&mut output).expect("room");
    assert_eq!(client.list(&mut output), Err(Refused::NotYet));
    let greeting = keys.open().answer(b"").expect("a greeting");
    let mut input = &greeting[..];
    assert!(matches!(client.recv(&mut gather, &mut input), Ok(Some(Event::Ready))));
    let before = output.filled();
    client.list(&mut output).expect("ready");
    assert!(client.is_waiting() && output.filled() > before);
    assert_eq!(client.attributes(&mut output), Err(Refused::NotYet));
    let mut small = [0; 20];
    let mut client = Client::new();
    assert_eq!(client.flush(&mut Output::new(&mut small[..18])), Err(Refused::NoRoom));
    assert!(client.owes_output());
    client.flush(&mut Output::new(&mut small)).expect("as long as the RFC says");
}

/// Who does not wait for the server's version has its request taken along.
#[test]
fn a_request_may_stand_right_behind_the_greeting() {
    let mut server = Server::new();
    server.flush(&mut Output::new(&mut [0; 64])).expect("there is room");
    let mut input = &b"\0\0\0\x0f\0\0\0\x07version\0\0\0\x02\0\0\0\x08\0\0\0\x04list"[..];
    let mut gather = [0; GATHER];
    let request = server.recv(&mut gather, &mut input);
    assert!(matches!(request, Ok(Some(Request::List))), "{request:?}");
    assert!(input.is_empty());
}
