//! Both SFTP machines, with a file system in memory behind the server, against a plain model of files: random operations,
//! several on their way at a time, and the same transcript for every segmentation of the streams.

mod model;
mod operations;

use model::{Model, Thing, Wanted};
use sanssh_core::sftp::server::Settings;
use sanssh_core::sftp::{Code, Request, RequestId};
use sanssh_core::{Random, Seed};
use sanssh_tests::asker::{Asker, Told};
use sanssh_tests::ramfs::{Content, RamServer};
use std::collections::BTreeMap;

const PLACES: usize = 32;
const HANDLES: usize = 6;
const ROUNDS: usize = 800;

/// How streams are cut.
#[derive(Debug, Clone, Copy)]
enum Cut {
    Nowhere,
    Everywhere,
    Somewhere,
}

/// A request whose answer is due.
struct Due {
    /// Of the request, counted from the first.
    number: usize,
    wanted: Result<Wanted, Code>,
}

struct Run {
    asker: Asker,
    ram: RamServer,
    model: Model,
    /// What operations come, and how streams are cut: two, so that one does not change the other.
    random: [Random; 2],
    cut: Cut,
    count: usize,
    due: BTreeMap<usize, (RequestId, Due)>,
    /// Handles by the request that opened them, as they were given.
    handles: BTreeMap<usize, Vec<u8>>,
    /// What was not delivered yet.
    sent: Vec<u8>,
    transcript: [Vec<u8>; 2],
    /// Answers of each kind.
    seen: BTreeMap<&'static str, usize>,
}

fn below(random: &mut Random, most: usize) -> usize {
    u32::from_be_bytes(random.array()) as usize % most
}

fn pick<T: Copy>(random: &mut Random, from: &[T]) -> T {
    from[below(random, from.len())]
}

impl Run {
    fn new(seed: u8, cut: Cut) -> Self {
        let (asker, sent) = Asker::new(PLACES);
        let mut run = Self {
            asker,
            ram: RamServer::new(Settings::default(), HANDLES),
            model: Model::new(HANDLES),
            random: [Random::new(&Seed::new([seed; 32])), Random::new(&Seed::new([!seed; 32]))],
            cut,
            count: 0,
            due: BTreeMap::new(),
            handles: BTreeMap::new(),
            sent: Vec::new(),
            transcript: [vec![], vec![]],
            seen: BTreeMap::new(),
        };
        run.deliver(&sent);
        assert!(run.asker.ready);
        run
    }

    /// All rounds. What a round sends is delivered in the next, so that the streams are never empty.
    fn whole(mut self) -> Self {
        for _ in 0..ROUNDS {
            let older = core::mem::take(&mut self.sent);
            for _ in 0..=below(&mut self.random[0], 10) {
                self.operate();
            }
            self.deliver(&older);
        }
        let last = core::mem::take(&mut self.sent);
        self.deliver(&last);
        assert!(self.due.is_empty() && self.asker.client.outstanding() == 0);
        assert_eq!((self.asker.client.hung_up(), self.ram.server.hung_up()), (Ok(()), Ok(())));
        assert_eq!(self.ram.fs.handles(), self.model.open.len());
        self.compare();
        self
    }

    fn compare(&self) {
        assert_eq!(self.ram.fs.all().count(), self.model.names.len());
        for ((path, node), (name, thing)) in self.ram.fs.all().zip(&self.model.names) {
            let same = match (&node.content, thing) {
                (Content::File(bytes), Thing::File(model)) => *bytes == *model.borrow(),
                (Content::Link(target), Thing::Link(_, model)) => target == model.as_bytes(),
                (content, thing) => *content == Content::Directory && matches!(thing, Thing::Directory),
            };
            assert!(same && path == name.as_bytes(), "{name}: {node:?} {thing:?}");
        }
    }

    /// Bytes to the server, and its answers back, in pieces both ways.
    fn deliver(&mut self, bytes: &[u8]) {
        self.transcript[0].extend_from_slice(bytes);
        let mut answers = Vec::new();
        for piece in pieces(&mut self.random[1], self.cut, bytes) {
            answers.extend(self.ram.serve(piece).expect("sound requests"));
        }
        self.transcript[1].extend_from_slice(&answers);
        for piece in pieces(&mut self.random[1], self.cut, &answers) {
            self.asker.hear(piece).expect("sound answers");
            for (id, told) in core::mem::take(&mut self.asker.told) {
                self.check(id, told);
            }
        }
    }

    fn check(&mut self, id: RequestId, told: Told) {
        let (asked, due) = self.due.remove(&id.index()).expect("an answer to what was asked");
        assert_eq!(asked, id);
        let kind = match (told, due.wanted) {
            (Told::Names(names), Ok(Wanted::Names(handle))) => {
                let left = self.model.listed.get_mut(&handle).expect("a directory that was opened");
                for (name, _, _) in names {
                    assert_eq!(left.pop_front().map(String::into_bytes), Some(name));
                }
                "names"
            }
            (Told::Status(Code::EOF, _), Ok(Wanted::Names(handle))) => {
                assert!(self.model.listed[&handle].is_empty(), "all names were given");
                "the end of names"
            }
            (Told::Status(code, _), wanted) => {
                assert_eq!(Wanted::Code(code), wanted.unwrap_or_else(Wanted::Code), "{}", due.number);
                if code == Code::OK { "done" } else { "refused" }
            }
            (Told::Handle(handle), Ok(Wanted::Handle)) => {
                self.handles.insert(due.number, handle);
                "handle"
            }
            (Told::Data(bytes), wanted) => {
                assert_eq!(Ok(Wanted::Data(bytes)), wanted);
                "data"
            }
            (Told::Attributes(attributes), Ok(Wanted::Size(size))) => {
                let file = attributes.kind() == Some(sanssh_core::sftp::FileKind::Regular);
                assert_eq!(attributes.size.filter(|_| file), size.map(|size| size as u64));
                "attributes"
            }
            (Told::Names(names), Ok(Wanted::Leads(target))) => {
                assert_eq!(names[0].0, target.as_bytes());
                "target"
            }
            other => panic!("{}: {other:?}", due.number),
        };
        *self.seen.entry(kind).or_default() += 1;
    }

    fn ask(&mut self, request: &Request<'_>, body: &[u8], wanted: Result<Wanted, Code>) {
        let (id, bytes) = self.asker.ask(request, body).expect("a place");
        self.sent.extend_from_slice(&bytes);
        let before = self.due.insert(id.index(), (id, Due { number: self.count, wanted }));
        assert!(before.is_none(), "a place that is free");
    }
}

/// The bytes in pieces.
fn pieces<'b>(random: &mut Random, cut: Cut, mut bytes: &'b [u8]) -> Vec<&'b [u8]> {
    let mut pieces = Vec::new();
    while !bytes.is_empty() {
        let length = match cut {
            Cut::Nowhere => bytes.len(),
            Cut::Everywhere => 1,
            Cut::Somewhere => 1 + below(random, 50),
        };
        let (piece, rest) = bytes.split_at(length.min(bytes.len()));
        pieces.push(piece);
        bytes = rest;
    }
    pieces
}

#[test]
fn as_the_model_says_however_streams_are_cut() {
    let mut seen = BTreeMap::new();
    for seed in [1, 2, 3, 4] {
        let whole = Run::new(seed, Cut::Nowhere).whole();
        for cut in [Cut::Everywhere, Cut::Somewhere] {
            let pieces = Run::new(seed, cut).whole();
            assert!(pieces.transcript == whole.transcript, "{seed} {cut:?}");
            assert_eq!(pieces.ram.asked, whole.ram.asked, "{seed} {cut:?}");
        }
        whole.seen.iter().for_each(|(kind, count)| *seen.entry(*kind).or_insert(0) += count);
    }
    println!("{seen:?}");
    let kinds = ["attributes", "data", "done", "handle", "names", "refused", "target", "the end of names"];
    assert!(kinds.iter().all(|kind| seen.get(kind).is_some_and(|count| *count > 100)), "{seen:?}");
}
