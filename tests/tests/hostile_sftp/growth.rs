//! What a peer cannot make grow.

use crate::harness::init;
use sanssh_core::Output;
use sanssh_core::sftp::server::{Event, Server, Settings};
use sanssh_core::sftp::{Access, Attributes, Client, Code, Handle, MAX_PACKET, Pending, Request};
use sanssh_tests::asker::framed;
use sanssh_tests::count::usage;
use sanssh_tests::forger::any;

/// The memory lent is all there is, however much is announced.
#[test]
fn i01_nothing_is_allocated() {
    let mut server = Server::new(Settings::default(), [Handle::new(); 2]);
    let (mut gather, mut space) = ([0; 64], [0; 1024]);
    let head = (MAX_PACKET as u32).to_be_bytes();
    let bytes = [&framed(&init(3))[..], &head, &any(17).u32(7).u32(MAX_PACKET as u32 - 9).done()].concat();
    let (_, taken) = usage(|| {
        let mut output = Output::new(&mut space);
        let mut input = &bytes[..];
        assert!(server.recv(&mut gather, &mut input).expect("a greeting").is_none());
        server.flush(&mut output).expect("room");
        assert!(server.recv(&mut gather, &mut input).expect("a head").is_none());
        for _ in 0..(MAX_PACKET - 9) / 8 {
            assert!(server.recv(&mut gather, &mut &[b'a'; 8][..]).expect("a path").is_none());
        }
        assert!(server.recv(&mut gather, &mut &[b'a'; 7][..]).expect("a path").is_none());
        assert!(server.owes_output());
    });
    assert_eq!(taken.allocations, 0);
}

/// Opens, and never closes: as many as the table holds, and not a byte more for the rest.
#[test]
fn i08_a_million_opens() {
    let mut server = Server::new(Settings::default(), [Handle::new(); 16]);
    let (mut gather, mut space) = ([0; 256], [0; 1024]);
    let open = framed(&any(3).u32(1).string("/file").u32(1).u32(0).done());
    let list = framed(&any(11).u32(2).string("/directory").done());
    let greeting = framed(&init(3));
    let (given, taken) = usage(|| {
        let (mut given, mut refused) = (0, 0);
        for number in 0..1_000_001 {
            let mut output = Output::new(&mut space);
            let mut input = if number == 0 {
                &greeting[..]
            } else if number % 2 == 0 {
                &list
            } else {
                &open
            };
            match server.recv(&mut gather, &mut input).expect("a sound request") {
                Some(Event::Request(Request::Open { .. } | Request::Opendir { .. })) => {
                    server.handle(&mut output).expect("a place");
                    given += 1;
                }
                Some(event) => panic!("{event:?}"),
                None => {
                    server.flush(&mut output).expect("room");
                    refused += u32::from(space[4] == 101 && space[12] == 4);
                }
            }
        }
        (given, refused)
    });
    assert_eq!(given, (16, 1_000_000 - 16));
    assert_eq!(taken.allocations, 0);
}

/// As many requests as the table holds are outstanding, whatever is asked.
#[test]
fn i08_a_million_questions() {
    let mut client = Client::new([Pending::new(); 16]);
    let (mut gather, mut space) = ([0; 256], [0; 1024]);
    let greeting = framed(&any(2).u32(3).done());
    let open = Request::Open { path: b"/file", access: Access::READ, attributes: Attributes::NONE };
    let (sent, taken) = usage(|| {
        client.flush(&mut Output::new(&mut space)).expect("room");
        assert!(client.recv(&mut gather, &mut &greeting[..]).expect("a greeting").is_some());
        (0..1_000_000).filter(|_| client.send(&open, &mut Output::new(&mut space)).is_ok()).count()
    });
    assert_eq!((sent, client.outstanding()), (16, 16));
    assert_eq!(taken.allocations, 0);
}

/// What the machines take of memory, beside what is lent to them.
#[test]
fn sizes() {
    let client = size_of::<Client<[Pending; 4]>>();
    let server = size_of::<Server<[Handle; 4]>>();
    let (pending, handle) = (size_of::<Pending>(), size_of::<Handle>());
    println!("client of 4 requests: {client} bytes, of which {pending} a request");
    println!("server of 4 handles: {server} bytes, of which {handle} a handle");
    assert!(client <= 160 && pending <= 16, "{client} {pending}");
    assert!(server <= 160 && handle <= 12, "{server} {handle}");
    assert!(size_of::<Code>() == 4 && size_of::<sanssh_core::sftp::Error>() <= 8);
}
