//! An SFTP server that is given bytes, and answers what it is asked by the kind of answer that fits.
//!
//! ```text
//! byte 0   memory to gather in (2 bits), read-only, room for output (2 bits)
//! byte 1   how many handles there may be (2 bits); what is answered otherwise than well
//! rest     the stream
//! ```

use super::choices::Choices;
use super::frames::{Frame, frames};
use core::fmt::Write;
use sanssh_core::sftp::server::{Event, Server, Settings};
use sanssh_core::sftp::{Attributes, Code, Entry, Error, GATHER, Handle, HandleId, Piece, Request, StatVfs};
use sanssh_core::{Output, Refused};

const GATHERS: [usize; 4] = [GATHER, 600, 64, 16];
const ROOMS: [usize; 4] = [40 * 1024, 2048, 600, 300];

/// What became of a stream.
#[derive(Debug, Default, PartialEq)]
struct Outcome {
    asked: String,
    /// Bytes of WRITEs.
    written: Vec<u8>,
    answers: Vec<u8>,
    over: Option<Error>,
}

/// A client's stream.
pub fn sftp_server(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let (head, shape) = (choices.byte(), choices.byte());
    let stream = choices.rest();
    let play = |step: usize| {
        let settings = Settings { read_only: head & 4 != 0, ..Settings::default() };
        let mut serving = Serving {
            server: Server::new(settings, vec![Handle::new(); usize::from(shape & 3)]),
            gather: vec![0; GATHERS[usize::from(head & 3)]],
            space: vec![0; ROOMS[usize::from(head >> 3 & 3)]],
            sour: shape >> 2,
            handles: Vec::new(),
            due: false,
            outcome: Outcome::default(),
        };
        stream.chunks(step).for_each(|piece| serving.receive(piece));
        serving.finish()
    };
    let (whole, cut) = (play(stream.len().max(1)), play(1));
    assert_eq!(whole, cut, "the same however the stream is cut");
    answered(stream, &whole.answers);
}

/// Each answer belongs to the next request, and is one.
fn answered(stream: &[u8], answers: &[u8]) {
    let mut requests = frames(stream);
    for Frame { number, id, length } in frames(answers) {
        let request = requests.next().expect("no answer without a request");
        assert!(length.is_some(), "whole answers");
        match request.number {
            1 => assert_eq!(number, 2),
            _ => assert!(matches!(number, 101..=105 | 201) && id == request.id, "{number} for {request:?}"),
        }
    }
}

struct Serving {
    server: Server<Vec<Handle>>,
    gather: Vec<u8>,
    space: Vec<u8>,
    /// What is refused although it could be done.
    sour: u8,
    handles: Vec<HandleId>,
    /// Whether an answer is due.
    due: bool,
    outcome: Outcome,
}

impl Serving {
    fn receive(&mut self, mut piece: &[u8]) {
        for _ in 0..=2 * piece.len() + 8 {
            let mut gather = core::mem::take(&mut self.gather);
            let moved = self.step(&mut gather, &mut piece);
            self.gather = gather;
            if !moved {
                assert!(piece.is_empty() || self.outcome.over.is_some(), "bytes that nobody takes");
                return;
            }
        }
        panic!("it goes on for ever");
    }

    /// Takes one event, or writes what is owed; whether anything moved.
    fn step(&mut self, gather: &mut [u8], piece: &mut &[u8]) -> bool {
        let before = piece.len();
        match self.server.recv(gather, piece) {
            Ok(Some(Event::Body(Piece { bytes, last }))) => {
                self.outcome.written.extend_from_slice(bytes);
                if last {
                    self.status(Code::OK);
                }
                true
            }
            Ok(Some(Event::Request(request))) => {
                assert!(!self.due, "one request at a time");
                write!(self.outcome.asked, "{request:?};").expect("a string");
                self.due = true;
                if !matches!(request, Request::Write { .. }) {
                    self.answer(&request);
                }
                true
            }
            Ok(None) if self.server.owes_output() => {
                let room = &mut [0; 2048];
                let mut output = Output::new(room);
                self.server.flush(&mut output).expect("room for what the machine says by itself");
                let filled = output.filled();
                self.outcome.answers.extend_from_slice(&room[..filled]);
                true
            }
            Ok(None) => before != piece.len(),
            Err(error) => {
                assert!(self.outcome.over.is_none_or(|over| over == error));
                self.outcome.over = Some(error);
                false
            }
        }
    }

    /// Writes an answer, or a status where it does not fit.
    fn answer(&mut self, request: &Request<'_, HandleId>) {
        // Which requests fail depends on what was asked before, so that each kind fails at some time.
        let sour = self.sour != 0 && self.outcome.asked.len() % 64 == usize::from(self.sour);
        if sour || self.fit(request).is_err() {
            self.status(Code::FAILURE);
        }
        self.due = false;
    }

    fn fit(&mut self, request: &Request<'_, HandleId>) -> Result<(), Refused> {
        let attributes = Attributes { size: Some(7), permissions: Some(0o100_644), ..Attributes::NONE };
        match request {
            Request::Open { .. } | Request::Opendir { .. } => {
                let handle = self.put(|server, output| server.handle(output))?;
                assert!(!self.handles.contains(&handle), "a handle that is in use");
                self.handles.push(handle);
                Ok(())
            }
            Request::Close { handle } => {
                let at = self.handles.iter().position(|other| other == handle).expect("a handle that was given");
                self.handles.swap_remove(at);
                Err(Refused::Moot)
            }
            Request::Read { handle, length, .. } => {
                assert!(self.handles.contains(handle));
                let length = (*length).min(40);
                self.put(|server, output| server.data(length, output))?;
                while self.server.body_due() > 0 {
                    let filled = self.put(|server, output| Ok(server.fill(output, |space| space.len().min(9))))?;
                    assert!(filled > 0, "room for data");
                }
                Ok(())
            }
            Request::Readdir { handle } => {
                assert!(self.handles.contains(handle));
                let entry = Entry { name: b"name", longname: b"-rw name", attributes };
                self.put(|server, output| server.names(output, |listing| while listing.push(&entry) {})).map(drop)
            }
            Request::Realpath { path } | Request::Readlink { path } | Request::ExpandPath { path } => {
                self.put(|server, output| server.name(path, output))
            }
            Request::HomeDirectory { user } => self.put(|server, output| server.name(user, output)),
            Request::Lstat { .. } | Request::Stat { .. } | Request::Fstat { .. } => {
                self.put(|server, output| server.attributes(&attributes, output))
            }
            Request::StatVfs { .. } | Request::FstatVfs { .. } => {
                self.put(|server, output| server.stat_vfs(&StatVfs::default(), output))
            }
            Request::UsersGroupsById { users, groups } => {
                let names = |ids: &[u8]| core::iter::repeat_n(&b"root"[..], ids.len() / 4);
                self.put(|server, output| server.accounts(names(users), names(groups), output))
            }
            Request::Write { .. }
            | Request::Setstat { .. }
            | Request::Fsetstat { .. }
            | Request::Remove { .. }
            | Request::Mkdir { .. }
            | Request::Rmdir { .. }
            | Request::Rename { .. }
            | Request::Symlink { .. }
            | Request::PosixRename { .. }
            | Request::Hardlink { .. }
            | Request::Fsync { .. }
            | Request::Lsetstat { .. }
            | Request::Limits {}
            | Request::CopyData { .. } => Err(Refused::Moot),
        }
    }

    fn status(&mut self, code: Code) {
        self.put(|server, output| server.status(code, b"words", output)).expect("a status fits");
        self.due = false;
    }

    fn put<A>(
        &mut self,
        with: impl FnOnce(&mut Server<Vec<Handle>>, &mut Output<'_>) -> Result<A, Refused>,
    ) -> Result<A, Refused> {
        let mut output = Output::new(&mut self.space);
        let done = with(&mut self.server, &mut output);
        let filled = output.filled();
        assert!(done.is_ok() || filled == 0, "what is refused writes nothing");
        self.outcome.answers.extend_from_slice(&self.space[..filled]);
        done
    }

    /// What became of it; an error stays.
    fn finish(mut self) -> Outcome {
        if let Some(error) = self.outcome.over {
            let mut more = &b"more"[..];
            assert_eq!(self.server.recv(&mut self.gather, &mut more).expect_err("over"), error);
            assert_eq!((self.server.hung_up(), more.len()), (Err(error), 4));
        }
        self.outcome
    }
}
