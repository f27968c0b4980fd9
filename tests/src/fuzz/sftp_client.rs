//! An SFTP client that asks for this and that, and is given bytes for answers.
//!
//! ```text
//! byte 0   memory to gather in (2 bits), requests that may be outstanding (2 bits), length of a flight (4 bits)
//! byte 1   how many requests are made before the first answer
//! rest     the stream; at the end of each flight there is one more request
//! ```

use super::choices::Choices;
use super::frames::frames;
use core::fmt::Write;
use sanssh_core::sftp::client::{Client, Event, Pending, RequestId};
use sanssh_core::sftp::{Access, Attributes, Error, GATHER, MAX_HANDLE, Piece, Request};
use sanssh_core::{Output, Refused};

const GATHERS: [usize; 4] = [GATHER, 600, 64, 16];

/// What is asked for, one after the other.
const REQUESTS: [Request<'static>; 10] = [
    Request::Open { path: b"/file", access: Access::READ, attributes: Attributes::NONE },
    Request::Read { handle: b"handle", offset: 0, length: 300 },
    Request::Readdir { handle: b"handle" },
    Request::Stat { path: b"/file" },
    Request::Realpath { path: b"" },
    Request::Write { handle: b"handle", offset: 9, length: 30 },
    Request::Limits {},
    Request::StatVfs { path: b"/" },
    Request::UsersGroupsById { users: b"\0\0\0\0\0\0\0\x01", groups: b"\0\0\0\0" },
    Request::Close { handle: b"handle" },
];

/// What became of a stream.
#[derive(Debug, Default, PartialEq)]
struct Outcome {
    told: String,
    /// Data, with the request that it answers.
    read: Vec<(usize, Vec<u8>)>,
    asked: Vec<u8>,
    over: Option<Error>,
}

/// A server's stream.
pub fn sftp_client(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let (head, first) = (choices.byte(), choices.byte());
    let stream = choices.rest();
    let play = |bytewise: bool| {
        let mut asking = Asking {
            client: Client::new(vec![Pending::new(); 1 << (head >> 2 & 3)]),
            gather: vec![0; GATHERS[usize::from(head & 3)]],
            open: Vec::new(),
            next: 0,
            outcome: Outcome::default(),
        };
        asking.flush();
        for flight in stream.chunks(1 << (head >> 4)) {
            flight.chunks(if bytewise { 1 } else { flight.len() }).for_each(|piece| asking.receive(piece));
            asking.ask(if asking.next == 0 { usize::from(first & 15) } else { 1 });
        }
        asking.finish()
    };
    let (whole, cut) = (play(false), play(true));
    assert_eq!(whole, cut, "the same however the stream is cut");
    assert!(frames(&whole.asked).all(|frame| frame.length.is_some()), "whole requests");
    assert!(whole.read.iter().all(|(_, bytes)| bytes.len() <= 300), "no more than was asked for");
}

struct Asking {
    client: Client<Vec<Pending>>,
    gather: Vec<u8>,
    /// Requests without an answer, and which of the requests they are.
    open: Vec<(RequestId, usize)>,
    next: usize,
    outcome: Outcome,
}

impl Asking {
    fn receive(&mut self, mut piece: &[u8]) {
        let mut gather = core::mem::take(&mut self.gather);
        // Names may be of no bytes but their lengths, so what comes is more than what is told.
        for _ in 0..=piece.len() + 8 {
            match self.client.recv(&mut gather, &mut piece) {
                Ok(Some(event)) => self.hear(event),
                Ok(None) => {
                    assert!(piece.is_empty(), "bytes that nobody takes");
                    self.gather = gather;
                    return;
                }
                Err(error) => {
                    assert!(self.outcome.over.is_none_or(|over| over == error));
                    self.outcome.over = Some(error);
                    self.gather = gather;
                    return;
                }
            }
        }
        panic!("it goes on for ever");
    }

    fn hear(&mut self, event: Event<'_>) {
        assert!(self.outcome.over.is_none());
        let (id, last) = match event {
            Event::Extension(..) | Event::Ready => (None, false),
            Event::Data(id, Piece { last, .. }) => (Some(id), last),
            Event::Name(id, _, last) => (Some(id), last),
            Event::Handle(id, handle) => {
                assert!(handle.len() <= MAX_HANDLE);
                (Some(id), true)
            }
            Event::Status(id, _)
            | Event::Attributes(id, _)
            | Event::Limits(id, _)
            | Event::StatVfs(id, _)
            | Event::Accounts(id, _) => (Some(id), true),
        };
        let at = id.map(|id| self.open.iter().position(|(open, _)| *open == id).expect("an answer to what was asked"));
        if let Event::Data(id, Piece { bytes, .. }) = event {
            // Pieces are as they come.
            match self.outcome.read.last_mut() {
                Some((index, read)) if *index == id.index() && !self.outcome.told.ends_with("data;") => {
                    read.extend_from_slice(bytes);
                }
                _ => self.outcome.read.push((id.index(), bytes.to_vec())),
            }
        } else {
            write!(self.outcome.told, "{event:?};").expect("a string");
        }
        if let (true, Some(at)) = (last, at) {
            let (_, kind) = self.open.swap_remove(at);
            if matches!(event, Event::Data(..)) {
                self.outcome.told.push_str("data;");
            }
            let fits = match event {
                Event::Data(..) => kind == 1,
                Event::Handle(..) => kind == 0,
                Event::Name(..) => matches!(kind, 2 | 4),
                Event::Attributes(..) => kind == 3,
                Event::Limits(..) => kind == 6,
                Event::StatVfs(..) => kind == 7,
                Event::Accounts(_, accounts) => {
                    kind == 8 && (accounts.users.count(), accounts.groups.count()) == (2, 1)
                }
                Event::Status(..) | Event::Extension(..) | Event::Ready => true,
            };
            assert!(fits, "{event:?} for {:?}", REQUESTS[kind]);
        }
        assert_eq!(self.client.outstanding(), self.open.len());
    }

    fn ask(&mut self, count: usize) {
        for _ in 0..count {
            let kind = self.next % REQUESTS.len();
            match self.put(|client, output| client.send(&REQUESTS[kind], output)) {
                Ok(id) => {
                    assert!(self.open.iter().all(|(open, _)| *open != id), "an identifier that is in use");
                    self.open.push((id, kind));
                    while self.client.body_due() > 0 {
                        self.put(|client, output| Ok(client.fill(output, |space| space.len().min(7)))).expect("room");
                    }
                }
                Err(refused) => assert!(
                    matches!(refused, Refused::NotYet | Refused::NoRoom | Refused::Closed),
                    "{refused:?} for a sound request"
                ),
            }
            self.next += 1;
        }
    }

    fn flush(&mut self) {
        self.put(|client, output| client.flush(output)).expect("room for the greeting");
    }

    fn put<A>(
        &mut self,
        with: impl FnOnce(&mut Client<Vec<Pending>>, &mut Output<'_>) -> Result<A, Refused>,
    ) -> Result<A, Refused> {
        let mut space = [0; 1024];
        let mut output = Output::new(&mut space);
        let done = with(&mut self.client, &mut output);
        let filled = output.filled();
        self.outcome.asked.extend_from_slice(&space[..filled]);
        done
    }

    /// What became of it; an error stays.
    fn finish(mut self) -> Outcome {
        if let Some(error) = self.outcome.over {
            let mut more = &b"more"[..];
            assert_eq!(self.client.recv(&mut self.gather, &mut more).expect_err("over"), error);
            assert_eq!((self.client.hung_up(), more.len()), (Err(error), 4));
        }
        self.outcome
    }
}
