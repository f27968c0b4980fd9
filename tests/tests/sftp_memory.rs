//! What SFTP takes of memory: nothing from the heap, whether bytes are read or written, for as long as one likes.

use sanssh_core::Output;
use sanssh_core::sftp::client::{self, Client};
use sanssh_core::sftp::server::{self, Server, Settings};
use sanssh_core::sftp::{Access, Attributes, Code, GATHER, Handle, HandleId, Pending, Piece, Request};
use sanssh_tests::count::{Counting, allocations};

#[global_allocator]
static ALLOCATOR: Counting = Counting::system();

const PIECE: u32 = 32 * 1024;
const PIECES: u64 = 100;
/// What a packet of the connection below carries, so that answers come in parts.
const PACKET: usize = 30_000;

/// Both ends, with what is under way between them in fixed buffers.
struct Pair {
    client: Client<[Pending; 8]>,
    server: Server<[Handle; 2]>,
    gather: [Box<[u8]>; 2],
    up: Box<[u8]>,
    down: Box<[u8]>,
    open: Option<HandleId>,
    /// What the client was given last.
    handle: [u8; 4],
    /// Bytes of answers and of requests that came through.
    read: u64,
    written: u64,
}

impl Pair {
    fn new() -> Self {
        let memory = |size| vec![0; size].into_boxed_slice();
        let mut pair = Self {
            client: Client::new([Pending::new(); 8]),
            server: Server::new(Settings::default(), [Handle::new(); 2]),
            gather: [memory(GATHER), memory(GATHER)],
            up: memory(2 * PIECE as usize),
            down: memory(2 * PIECE as usize),
            open: None,
            handle: [0; 4],
            read: 0,
            written: 0,
        };
        let mut output = Output::new(&mut pair.up);
        pair.client.flush(&mut output).expect("room");
        let sent = output.filled();
        pair.answer(sent);
        pair
    }

    /// A request with its body, to its answer.
    fn ask(&mut self, request: &Request<'_>) {
        let mut output = Output::new(&mut self.up);
        self.client.send(request, &mut output).expect("room");
        while self.client.body_due() > 0 {
            let filled = self.client.fill(&mut output, |space| {
                space.fill(7);
                space.len()
            });
            assert!(filled > 0, "the buffer takes a whole request");
        }
        let sent = output.filled();
        self.answer(sent);
        assert_eq!(self.client.outstanding(), 0);
    }

    /// The server takes so many bytes, and the client what comes of it.
    fn answer(&mut self, sent: usize) {
        let Self { client, server, gather, up, down, open, handle, read, written } = self;
        let mut output = Output::new(down);
        for mut packet in up[..sent].chunks(PACKET) {
            while let Some(event) = server.recv(&mut gather[0], &mut packet).expect("sound requests") {
                serve(server, event, open, written, &mut output);
            }
            server.flush(&mut output).expect("room");
        }
        let answered = output.filled();
        for mut packet in down[..answered].chunks(PACKET) {
            while let Some(event) = client.recv(&mut gather[1], &mut packet).expect("sound answers") {
                match event {
                    client::Event::Handle(_, bytes) => *handle = bytes.try_into().expect("a handle of our server's"),
                    client::Event::Data(_, Piece { bytes, .. }) => *read += bytes.len() as u64,
                    client::Event::Status(_, status) => assert_eq!(status.code, Code::OK),
                    client::Event::Extension(..) | client::Event::Ready => {}
                    client::Event::Name(..)
                    | client::Event::Attributes(..)
                    | client::Event::Limits(..)
                    | client::Event::StatVfs(..)
                    | client::Event::Accounts(..) => panic!("nobody asked for {event:?}"),
                }
            }
        }
    }
}

fn serve(
    server: &mut Server<[Handle; 2]>,
    event: server::Event<'_>,
    open: &mut Option<HandleId>,
    written: &mut u64,
    output: &mut Output<'_>,
) {
    match event {
        server::Event::Request(Request::Open { .. }) => *open = Some(server.handle(output).expect("a place")),
        server::Event::Request(Request::Read { handle, length, .. }) => {
            assert_eq!(Some(handle), *open);
            server.data(length, output).expect("room");
            while server.body_due() > 0 {
                assert!(server.fill(output, |space| space.len()) > 0, "the buffer takes a whole answer");
            }
        }
        server::Event::Request(Request::Write { .. }) => {}
        server::Event::Body(Piece { bytes, last }) => {
            *written += bytes.len() as u64;
            if last {
                server.status(Code::OK, b"", output).expect("room");
            }
        }
        server::Event::Request(other) => panic!("nobody made {other:?}"),
    }
}

#[test]
fn bytes_pass_both_ways_without_the_heap() {
    let mut pair = Pair::new();
    let taken = allocations(|| {
        let access = Access::READ.and(Access::WRITE);
        pair.ask(&Request::Open { path: b"file", access, attributes: Attributes::NONE });
        let handle = pair.handle;
        for at in 0..PIECES {
            let offset = at * u64::from(PIECE);
            pair.ask(&Request::Write { handle: &handle, offset, length: PIECE });
            pair.ask(&Request::Read { handle: &handle, offset, length: PIECE });
        }
    });
    assert_eq!((pair.written, pair.read), (PIECES * u64::from(PIECE), PIECES * u64::from(PIECE)));
    assert_eq!(taken, 0, "allocations for {PIECES} pieces each way");
}
