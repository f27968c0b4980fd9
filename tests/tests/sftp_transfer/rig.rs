//! A client and a server with what is on its way between them: requests may be meddled with, answers come in any order.

use sanssh_core::sftp::client::{Client, Event};
use sanssh_core::sftp::server::Settings;
use sanssh_core::sftp::{Code, GATHER, Pending, Request, RequestId};
use sanssh_core::{Instant, Output};
use sanssh_tests::asker::framed;
use sanssh_tests::ramfs::RamServer;

/// What becomes of a request.
pub(crate) enum Fate {
    Pass,
    /// The server never sees it; this answers it instead, behind the identifier: a type and its fields.
    Answer(u8, Vec<u8>),
}

/// Numbers that look like chance.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % n
    }
}

/// What stands for the nth request, by its type.
type Meddler = Box<dyn FnMut(usize, u8) -> Fate>;

pub(crate) struct Rig {
    pub(crate) client: Client<Vec<Pending>>,
    pub(crate) server: RamServer,
    gather: Vec<u8>,
    space: Vec<u8>,
    /// Answers on their way.
    pub(crate) answers: Vec<Vec<u8>>,
    pub(crate) dice: Option<Dice>,
    pub(crate) meddle: Meddler,
    /// Requests so far.
    pub(crate) requests: usize,
    pub(crate) now: u64,
}

impl Rig {
    pub(crate) fn new(settings: Settings) -> Self {
        let mut rig = Self {
            client: Client::new(vec![Pending::new(); 256]),
            server: RamServer::new(settings, 128),
            gather: vec![0; GATHER],
            space: vec![0; 1 << 16],
            answers: Vec::new(),
            dice: None,
            meddle: Box::new(|_, _| Fate::Pass),
            requests: 0,
            now: 0,
        };
        let mut output = Output::new(&mut rig.space);
        rig.client.flush(&mut output).expect("room");
        let filled = output.filled();
        let mut greeting = &rig.server.serve(&rig.space[..filled]).expect("a greeting")[..];
        while rig.client.recv(&mut rig.gather, &mut greeting).expect("a greeting").is_some() {}
        rig
    }

    pub(crate) fn now(&self) -> Instant {
        Instant(self.now)
    }

    /// Answers `code` to the request of that number, counted from 0.
    pub(crate) fn refuse(&mut self, number: usize, code: Code) {
        self.meddle = Box::new(move |nth, _| if nth == number { status(code) } else { Fate::Pass });
    }

    /// Sends a request; its answer is on its way.
    pub(crate) fn ask(&mut self, request: &Request<'_>, mut body: &[u8]) -> RequestId {
        let mut output = Output::new(&mut self.space);
        let id = self.client.send(request, &mut output).expect("a place");
        while self.client.body_due() > 0 {
            let filled = self.client.fill(&mut output, |space| {
                let (now, later) = body.split_at(space.len().min(body.len()));
                space[..now.len()].copy_from_slice(now);
                body = later;
                now.len()
            });
            assert!(filled > 0, "room for the body");
        }
        let filled = output.filled();
        let sent = &self.space[..filled];
        match (self.meddle)(self.requests, sent[4]) {
            Fate::Pass => self.answers.push(self.server.serve(sent).expect("sound requests")),
            Fate::Answer(number, fields) => {
                self.answers.push(framed(&[&[number][..], &sent[5..9], &fields].concat()));
            }
        }
        self.requests += 1;
        id
    }

    /// An answer arrives, whole or in pieces of `step` bytes; `false` if none was on its way.
    pub(crate) fn deliver(&mut self, step: usize, mut with: impl FnMut(&Event<'_>, Instant)) -> bool {
        if self.answers.is_empty() {
            return false;
        }
        let next = self.dice.as_mut().map_or(0, |dice| dice.below(self.answers.len()));
        let answer = self.answers.remove(next);
        self.now += 1000;
        for mut piece in answer.chunks(step) {
            while let Some(event) = self.client.recv(&mut self.gather, &mut piece).expect("sound answers") {
                with(&event, Instant(self.now));
            }
        }
        true
    }

    /// The handle of a file.
    pub(crate) fn open(&mut self, request: &Request<'_>) -> Vec<u8> {
        self.ask(request, b"");
        let mut handle = Vec::new();
        self.deliver(usize::MAX, |event, _| {
            let Event::Handle(_, bytes) = event else { panic!("{event:?} for a handle") };
            handle = bytes.to_vec();
        });
        handle
    }

    /// A request that succeeds.
    pub(crate) fn manage(&mut self, request: &Request<'_>) {
        self.ask(request, b"");
        self.deliver(usize::MAX, |event, _| {
            let Event::Status(_, status) = event else { panic!("{event:?} for a status") };
            assert_eq!(status.code, Code::OK);
        });
    }
}

/// A status instead.
pub(crate) fn status(code: Code) -> Fate {
    Fate::Answer(101, [&code.0.to_be_bytes()[..], &[0; 8]].concat())
}
