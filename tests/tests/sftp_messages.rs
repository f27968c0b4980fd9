//! The two machines of SFTP with each other in memory: every request and every answer, whole and in pieces.

use sanssh_core::sftp::client::{Client, Event, Pending};
use sanssh_core::sftp::server::{self, Server, Settings};
use sanssh_core::sftp::{
    Access, Attributes, Code, Entry, GATHER, Handle, HandleId, Owner, Piece, Request, StatVfs, Times,
};
use sanssh_core::{Output, Refused};

const ATTRIBUTES: Attributes<'static> = Attributes {
    size: Some(1 << 40),
    owner: Some(Owner { user: 1000, group: 100 }),
    permissions: Some(0o100_644),
    times: Some(Times { accessed: 1, modified: 2 }),
    extended: Attributes::NONE.extended,
};

/// A client and a server, and what is on its way between them.
struct Pair {
    client: Client<[Pending; 8]>,
    server: Server<[Handle; 4]>,
    to_server: Vec<u8>,
    to_client: Vec<u8>,
    gather: [Vec<u8>; 2],
    step: usize,
    /// What the client was told, as text.
    told: Vec<String>,
    /// What the server was asked, as text.
    asked: Vec<String>,
    handles: Vec<HandleId>,
}

impl Pair {
    fn new(step: usize) -> Self {
        let mut pair = Self {
            client: Client::new([Pending::new(); 8]),
            server: Server::new(Settings::default(), [Handle::new(); 4]),
            to_server: Vec::new(),
            to_client: Vec::new(),
            gather: [vec![0; GATHER], vec![0; GATHER]],
            step,
            told: Vec::new(),
            asked: Vec::new(),
            handles: Vec::new(),
        };
        put(&mut pair.to_server, |output| pair.client.flush(output)).expect("room");
        pair.run();
        pair
    }

    fn ask(&mut self, request: &Request<'_>) {
        put(&mut self.to_server, |output| self.client.send(request, output)).expect("room");
        while self.client.body_due() > 0 {
            put(&mut self.to_server, |output| Ok(self.client.fill(output, fill))).expect("room");
        }
        self.run();
    }

    fn run(&mut self) {
        let sent = core::mem::take(&mut self.to_server);
        for piece in sent.chunks(self.step) {
            self.serve(piece);
        }
        let sent = core::mem::take(&mut self.to_client);
        for mut piece in sent.chunks(self.step) {
            while let Some(event) = self.client.recv(&mut self.gather[0], &mut piece).expect("sound answers") {
                // Pieces differ with the pieces they come in.
                if let Event::Data(id, Piece { bytes, last }) = event {
                    self.told.push(format!("{id:?} {bytes:?}"));
                    self.told.extend(last.then(|| "last".to_owned()));
                } else {
                    self.told.push(format!("{event:?}"));
                }
            }
            assert!(piece.is_empty());
        }
    }

    fn serve(&mut self, mut piece: &[u8]) {
        loop {
            while let Some(event) = self.server.recv(&mut self.gather[1], &mut piece).expect("sound requests") {
                let answered = match event {
                    server::Event::Body(Piece { last: false, .. }) => continue,
                    server::Event::Request(request) => {
                        self.asked.push(format!("{request:?}"));
                        answer(&mut self.server, &mut self.handles, &mut self.to_client, &request)
                    }
                    server::Event::Body(_) => put(&mut self.to_client, |out| self.server.status(Code::OK, b"", out)),
                };
                answered.expect("a fitting answer");
                while self.server.body_due() > 0 {
                    put(&mut self.to_client, |output| Ok(self.server.fill(output, fill))).expect("room");
                }
            }
            if !self.server.owes_output() {
                break;
            }
            put(&mut self.to_client, |output| self.server.flush(output)).expect("room");
        }
        assert!(piece.is_empty());
    }
}

/// As many bytes as there is space, but no more than seven at a time.
fn fill(space: &mut [u8]) -> usize {
    let n = space.len().min(7);
    space[..n].fill(0x55);
    n
}

fn put<R>(to: &mut Vec<u8>, with: impl FnOnce(&mut Output<'_>) -> Result<R, Refused>) -> Result<R, Refused> {
    let mut space = [0; 4096];
    let mut output = Output::new(&mut space);
    let done = with(&mut output);
    let filled = output.filled();
    to.extend_from_slice(&space[..filled]);
    done
}

fn answer(
    server: &mut Server<[Handle; 4]>,
    handles: &mut Vec<HandleId>,
    to: &mut Vec<u8>,
    request: &Request<'_, HandleId>,
) -> Result<(), Refused> {
    put(to, |output| match request {
        Request::Open { .. } | Request::Opendir { .. } => server.handle(output).map(|handle| handles.push(handle)),
        Request::Read { length, .. } => server.data(*length, output),
        Request::Write { .. } => Ok(()),
        Request::Readdir { .. } => {
            let names = |list: &mut sanssh_core::sftp::Listing<'_>| {
                for name in [&b"one"[..], b"two"] {
                    assert!(list.push(&Entry { name, longname: b"-rw", attributes: ATTRIBUTES }));
                }
            };
            server.names(output, names).map(|count| assert_eq!(count, 2))
        }
        Request::Realpath { .. }
        | Request::Readlink { .. }
        | Request::ExpandPath { .. }
        | Request::HomeDirectory { .. } => server.name(b"/home/me", output),
        Request::Stat { .. } | Request::Lstat { .. } | Request::Fstat { .. } => server.attributes(&ATTRIBUTES, output),
        Request::StatVfs { .. } | Request::FstatVfs { .. } => {
            server.stat_vfs(&StatVfs { blocks: 7, ..StatVfs::default() }, output)
        }
        Request::UsersGroupsById { .. } => {
            server.accounts([&b"root"[..], b""].into_iter(), [&b"wheel"[..]].into_iter(), output)
        }
        Request::Limits {} => panic!("the machine answers it"),
        Request::Close { .. }
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
        | Request::CopyData { .. } => server.status(Code::FAILURE, b"why not", output),
    })
}

fn dialogue(step: usize) -> (Vec<String>, Vec<String>) {
    let mut pair = Pair::new(step);
    let path = &b"/a"[..];
    pair.ask(&Request::Open { path, access: Access::READ.and(Access::WRITE), attributes: ATTRIBUTES });
    pair.ask(&Request::Opendir { path });
    let [file, directory] = [&[0, 0, 0, 0][..], &[0, 0, 0, 1]];
    let attributes = ATTRIBUTES;
    let (old, new) = (path, &b"/b"[..]);
    let numbers = &[0, 0, 0, 0, 0, 0, 0, 1][..];
    pair.ask(&Request::Open { path, access: Access::WRITE, attributes: Attributes::NONE });
    let requests = [
        Request::Read { handle: file, offset: 5, length: 20 },
        Request::Write { handle: file, offset: 5, length: 20 },
        Request::Write { handle: file, offset: 0, length: 0 },
        Request::Lstat { path },
        Request::Fstat { handle: directory },
        Request::Setstat { path, attributes },
        Request::Fsetstat { handle: file, attributes },
        Request::Readdir { handle: directory },
        Request::Remove { path },
        Request::Mkdir { path, attributes },
        Request::Rmdir { path },
        Request::Realpath { path: b"" },
        Request::Stat { path },
        Request::Rename { old, new },
        Request::Readlink { path },
        Request::Symlink { target: b"there", link: b"here" },
        Request::PosixRename { old, new },
        Request::StatVfs { path },
        Request::FstatVfs { handle: file },
        Request::Hardlink { old, new },
        Request::Fsync { handle: file },
        Request::Lsetstat { path, attributes },
        Request::Limits {},
        Request::ExpandPath { path: b"~" },
        Request::CopyData { from: file, from_offset: 1, length: 2, to: &[0, 0, 0, 2], to_offset: 3 },
        Request::HomeDirectory { user: b"" },
        Request::UsersGroupsById { users: numbers, groups: &numbers[..4] },
        Request::Close { handle: file },
        Request::Close { handle: file },
    ];
    for request in &requests {
        pair.ask(request);
    }
    assert_eq!(pair.client.outstanding(), 0);
    pair.client.hung_up().expect("nothing is due");
    pair.server.hung_up().expect("nothing is due");
    (pair.asked, pair.told)
}

/// Data in one piece for each piece it came in.
fn joined(told: &[String]) -> Vec<String> {
    let mut joined: Vec<String> = Vec::new();
    for line in told {
        match (joined.last_mut(), line.split_once(" [")) {
            (Some(last), Some((id, bytes))) if last.starts_with(id) => {
                last.pop();
                last.push_str(", ");
                last.push_str(bytes);
            }
            _ => joined.push(line.clone()),
        }
    }
    joined
}

#[test]
fn every_request_and_every_answer() {
    let (asked, told) = dialogue(usize::MAX);
    for (step, what) in [(1, "byte by byte"), (2, "in twos"), (13, "in pieces")] {
        let (asked_too, told_too) = dialogue(step);
        assert_eq!(asked_too, asked, "{what}");
        assert_eq!(joined(&told_too), joined(&told), "{what}");
    }
    println!("{asked:#?}\n{told:#?}");
    // The second CLOSE of a handle is refused by the machine itself, as LIMITS is answered.
    assert_eq!(asked.len(), 3 + 29 - 2);
    assert_eq!(told.iter().filter(|line| line.contains("Extension(")).count(), 11);
}

#[test]
fn what_is_asked_while_a_write_needs_its_bytes_leaves_behind_them() {
    let mut pair = Pair::new(usize::MAX);
    pair.ask(&Request::Open { path: b"f", access: Access::WRITE, attributes: Attributes::NONE });
    let handle = &[0; 4][..];
    let write = Request::Write { handle, offset: 0, length: 20 };
    let before = pair.asked.len();
    put(&mut pair.to_server, |output| pair.client.send(&write, output)).expect("room");
    let (fstat, mut behind) = (Request::Fstat { handle }, Vec::new());
    assert_eq!(put(&mut behind, |output| pair.client.send(&fstat, output)), Err(Refused::Busy));
    assert_eq!(put(&mut behind, |output| pair.client.send_behind(&write, output)), Err(Refused::Busy));
    put(&mut behind, |output| pair.client.send_behind(&fstat, output)).expect("room");
    while pair.client.body_due() > 0 {
        put(&mut pair.to_server, |output| Ok(pair.client.fill(output, fill))).expect("room");
    }
    pair.to_server.extend_from_slice(&behind);
    pair.run();
    assert_eq!(pair.asked.len(), before + 2);
    assert!(pair.asked[before].starts_with("Write") && pair.asked[before + 1].starts_with("Fstat"), "{:?}", pair.asked);
}
