//! The publickey subsystem (RFC 4819) with peers that lie: lengths, order, counts, versions; what a server does not know
//! is answered and does not end it.

use sanssh_core::pubkey::client::{Client, Event};
use sanssh_core::pubkey::server::{Request, Server};
use sanssh_core::pubkey::{Attribute, Code, Error, GATHER, Key, MAX_PACKET};
use sanssh_core::wire::Sequence;
use sanssh_core::{Output, Refused};
use sanssh_tests::forger::blob;
use sanssh_tests::pubkeys::Keys;

/// The 19 bytes that each end begins with (§3.4).
const GREETING: &[u8] = b"\0\0\0\x0f\0\0\0\x07version\0\0\0\x02";

fn framed(content: &[u8]) -> Vec<u8> {
    [&u32::try_from(content.len()).expect("a length").to_be_bytes()[..], content].concat()
}

fn version(number: u32) -> Vec<u8> {
    framed(&blob().string("version").u32(number).done())
}

fn status(code: Code) -> Vec<u8> {
    framed(&blob().string("status").u32(code.0).string(code.text()).string("").done())
}

/// What a server that has been greeted answers, whole and byte by byte.
fn answered(bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let served = |step: usize| {
        let mut server = Keys::default().open();
        assert_eq!(server.answer(GREETING).as_deref(), Ok(GREETING));
        let mut answers = Vec::new();
        for piece in bytes.chunks(step) {
            answers.extend(server.answer(piece)?);
        }
        Ok(answers)
    };
    let whole = served(bytes.len());
    assert_eq!(served(1), whole);
    whole
}

/// What a client comes to that has asked for `asked`, whole and byte by byte: its last event's name, or its error.
fn came(asked: impl Fn(&mut Client, &mut Output<'_>) -> Result<(), Refused>, bytes: &[u8]) -> Result<String, Error> {
    let fed = |step: usize| {
        let (mut client, mut gather, mut space) = (Client::new(), vec![0; GATHER], vec![0; 1024]);
        let output = &mut Output::new(&mut space);
        client.flush(output).expect("room");
        let mut last = format!("{:?}", client.recv(&mut gather, &mut &*GREETING).expect("a sound greeting"));
        asked(&mut client, output).expect("a lawful command");
        for mut piece in bytes.chunks(step) {
            while let Some(event) = client.recv(&mut gather, &mut piece)? {
                last = format!("{event:?}");
            }
        }
        Ok(last)
    };
    let whole = fed(bytes.len().max(1));
    assert_eq!(fed(1), whole);
    whole
}

#[test]
fn lengths_that_lie_end_either_end_at_once() {
    let longest = u32::try_from(MAX_PACKET).expect("a length");
    for length in [0, 1, 3, longest + 1, 1 << 31, u32::MAX] {
        assert_eq!(answered(&length.to_be_bytes()), Err(Error::Length), "{length}");
        assert_eq!(came(Client::list, &length.to_be_bytes()), Err(Error::Length), "{length}");
    }
    // The client is not sent past what its memory holds, not even waiting.
    let head = u32::try_from(GATHER + 1).expect("a length").to_be_bytes();
    assert_eq!(came(Client::list, &head), Err(Error::TooLong));
}

#[test]
fn a_request_that_is_too_long_is_dropped_and_refused() {
    let add = blob().string("add").string("ssh-rsa").string(vec![7; MAX_PACKET - 60]).u8(0).u32(0).done();
    let bytes = [framed(&add), framed(&blob().string("list").done())].concat();
    assert_eq!(answered(&bytes), Ok([status(Code::GENERAL_FAILURE), status(Code::SUCCESS)].concat()));
    // The first packet is a greeting, and no other.
    let mut server = Keys::default().open();
    assert_eq!(server.answer(&framed(&vec![0; GATHER + 1])), Err(Error::TooLong));
}

#[test]
fn unknown_requests_are_answered() {
    for name in ["", "List", "publickey", "attribute", "x@y.example", "lists"] {
        let request = framed(&blob().string(name).string("whatever").done());
        let bytes = [&request[..], &framed(&blob().string("list").done())].concat();
        let expected = [status(Code::REQUEST_NOT_SUPPORTED), status(Code::SUCCESS)].concat();
        assert_eq!(answered(&bytes), Ok(expected), "{name}");
    }
}

#[test]
fn requests_that_are_none_are_answered() {
    let add = |count: u32| blob().string("add").string("a").string("b").u8(1).u32(count).done();
    let demand = blob().string("comment").string("mine").u8(1).done();
    let long_name = [&u32::MAX.to_be_bytes()[..], b"add"].concat();
    let malformed = [
        long_name,
        blob().string("list").u8(0).done(),
        blob().string("remove").string("a").done(),
        blob().string("remove").string("a").string("b").string("c").done(),
        add(1),
        add(u32::MAX),
        [add(0), demand.clone()].concat(),
        [add(2), demand.clone()].concat(),
        [add(1), demand[..demand.len() - 1].to_vec()].concat(),
    ];
    for (n, packet) in malformed.iter().enumerate() {
        assert_eq!(answered(&framed(packet)), Ok(status(Code::GENERAL_FAILURE)), "{n}");
    }
    assert_eq!(answered(&framed(&[add(1), demand].concat())), Ok(status(Code::SUCCESS)));
}

#[test]
fn every_cut_of_a_request_is_refused_and_of_an_answer_ends_it() {
    let demand = blob().string("comment").string("mine").u8(1).done();
    let add = [blob().string("add").string("a").string("b").u8(1).u32(1).done(), demand].concat();
    for end in 4..add.len() {
        assert_eq!(answered(&framed(&add[..end])), Ok(status(Code::GENERAL_FAILURE)), "{end}");
    }
    let key = blob().string("publickey").string("a").string("b").u32(1).string("comment").string("mine").done();
    assert_eq!(came(Client::list, &framed(&key)).as_deref(), Ok("Key(Key(1 bytes, 1 attributes))"));
    for end in 4..key.len() {
        assert!(came(Client::list, &framed(&key[..end])).is_err(), "{end}");
    }
}

#[test]
fn answers_to_other_questions_end_a_client() {
    let key = framed(&blob().string("publickey").string("a").string("b").u32(0).done());
    let attribute = framed(&blob().string("attribute").string("x").u8(0).done());
    let remove = |client: &mut Client, output: &mut Output<'_>| client.remove(b"a", b"b", output);
    let list = framed(&blob().string("list").done());
    assert_eq!(came(Client::attributes, &key), Err(Error::Unexpected));
    assert_eq!(came(Client::list, &attribute), Err(Error::Unexpected));
    for stray in [key.clone(), attribute, list, version(2)] {
        assert_eq!(came(remove, &stray), Err(Error::Unexpected));
    }
    // Nothing comes behind the status.
    for stray in [key.clone(), status(Code::SUCCESS)] {
        let bytes = [&key[..], &status(Code::SUCCESS), &stray].concat();
        assert_eq!(came(Client::list, &bytes), Err(Error::Unexpected));
    }
    assert_eq!(came(Client::list, &framed(&blob().string("status").u32(0).done())), Err(Error::Malformed));
}

#[test]
fn nothing_comes_before_the_greeting_nor_another_behind_it() {
    let list = framed(&blob().string("list").done());
    for first in [list.clone(), status(Code::SUCCESS), framed(&blob().string("version").done())] {
        let mut server = Keys::default().open();
        assert!(server.answer(&first).is_err());
        let (mut client, mut gather, mut space) = (Client::new(), vec![0; GATHER], [0; 64]);
        assert!(matches!(client.recv(&mut gather, &mut &first[..]), Ok(None)));
        client.flush(&mut Output::new(&mut space)).expect("room");
        let error = client.recv(&mut gather, &mut &first[..]).expect_err("no greeting");
        assert_eq!(client.recv(&mut gather, &mut &*GREETING).expect_err("it stays"), error);
        assert_eq!(client.list(&mut Output::new(&mut space)), Err(Refused::Closed));
    }
    assert_eq!(answered(GREETING), Err(Error::Unexpected));
    assert_eq!(answered(&status(Code::SUCCESS)), Err(Error::Unexpected));
}

#[test]
fn versions_without_one_in_common_are_told_to_the_other_end() {
    for number in [0, 1] {
        let mut server = Keys::default().open();
        assert_eq!(server.answer(&version(number)), Err(Error::Version(number)));
        assert_eq!(server.farewell(), status(Code::VERSION_NOT_SUPPORTED));
        assert_eq!(server.farewell(), b"");
        let (mut client, mut gather, mut space) = (Client::new(), vec![0; GATHER], [0; 128]);
        client.flush(&mut Output::new(&mut space)).expect("room");
        let error = client.recv(&mut gather, &mut &version(number)[..]).expect_err("a draft");
        assert_eq!(error, Error::Version(number));
        let mut output = Output::new(&mut space);
        assert!(client.owes_output());
        client.flush(&mut output).expect("room");
        let filled = output.filled();
        assert_eq!(space[..filled], status(Code::VERSION_NOT_SUPPORTED));
        assert!(!client.owes_output());
    }
    // Who speaks more speaks ours, or says that it does not.
    let mut server = Keys::default().open();
    assert_eq!(server.answer(&version(3)).as_deref(), Ok(GREETING));
    assert_eq!(server.answer(&status(Code::VERSION_NOT_SUPPORTED)), Err(Error::Version(3)));
    assert_eq!(came(Client::list, &status(Code::VERSION_NOT_SUPPORTED)), Err(Error::Version(2)));
}

#[test]
fn a_server_answers_what_is_open_and_nothing_else() {
    let (mut server, mut gather, mut space) = (Server::new(), vec![0; GATHER], vec![0; 1024]);
    let output = &mut Output::new(&mut space);
    let key = Key { algorithm: b"a", blob: b"b", attributes: Sequence::new(&[Attribute { name: b"c", value: b"d" }]) };
    let list = framed(&blob().string("list").done());
    let input = &mut &[GREETING, &list, &framed(&blob().string("listattributes").done())].concat()[..];
    assert!(matches!(server.recv(&mut gather, input), Ok(None)), "its version has to leave first");
    server.flush(output).expect("room");
    assert_eq!(server.status(Code::SUCCESS, b"", output), Err(Refused::Moot));
    // The client's version, and what stands right behind it.
    assert!(matches!(server.recv(&mut gather, input), Ok(Some(Request::List))));
    assert!(matches!(server.recv(&mut gather, input), Ok(None)), "the next waits");
    assert_eq!(server.attribute(b"x", false, output), Err(Refused::Moot));
    assert_eq!(server.status(Code::VERSION_NOT_SUPPORTED, b"", output), Err(Refused::Moot));
    assert_eq!(server.key(&key, &mut Output::new(&mut [0; 20])), Err(Refused::NoRoom));
    server.key(&key, output).expect("room");
    server.status(Code::SUCCESS, b"", output).expect("room");
    assert_eq!(server.key(&key, output), Err(Refused::Moot));
    assert!(matches!(server.recv(&mut gather, input), Ok(Some(Request::Attributes))));
}

#[test]
fn streams_that_end_too_early() {
    let mut server = Keys::default().open();
    server.answer(GREETING).expect("sound");
    assert_eq!(server.hung_up(), Ok(()));
    server.answer(&GREETING[..3]).expect("sound so far");
    assert_eq!(server.hung_up(), Err(Error::HungUp));
    let (mut client, mut gather, mut space) = (Client::new(), vec![0; GATHER], [0; 128]);
    assert_eq!(client.hung_up(), Err(Error::HungUp));
    client.flush(&mut Output::new(&mut space)).expect("room");
    let _ready = client.recv(&mut gather, &mut &*GREETING).expect("sound");
    assert_eq!(client.hung_up(), Ok(()));
    client.list(&mut Output::new(&mut space)).expect("room");
    assert_eq!(client.hung_up(), Err(Error::HungUp));
    let mut bytes = &status(Code::SUCCESS)[..];
    assert!(matches!(client.recv(&mut gather, &mut bytes), Ok(Some(Event::Status(_)))));
    assert_eq!(client.hung_up(), Ok(()));
}
