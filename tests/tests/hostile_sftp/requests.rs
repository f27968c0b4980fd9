//! Requests for more than a server gives, and with handles that are none.

use crate::harness::{DIRECTORY, FILE, OTHER, SET, Served, content};
use sanssh_core::sftp::server::Settings;
use sanssh_core::sftp::{Access, Code, MAX_PACKET, Request};
use sanssh_tests::forger::{any, both_ways};

#[test]
fn i04_reads_of_too_much() {
    both_ways(|feed| {
        let mut served = Served::new(feed);
        let read = |offset, length| content(&Request::Read { handle: FILE, offset, length }, b"");
        let all = any(103).u32(0).string("0123456789").done();
        assert_eq!(served.answer(&read(0, u32::MAX)), all);
        assert!(served.ram.asked[0].contains("length: 261120"), "{:?}", served.ram.asked);
        for offset in [1 << 63, u64::MAX - 1, u64::MAX] {
            assert_eq!(served.code(&read(offset, u32::MAX)), Code::EOF);
        }
        assert_eq!(served.ram.asked.len(), 1, "no file is asked for what none can have");
        assert_eq!(served.code(&read((1 << 63) - 1, u32::MAX)), Code::EOF);
        // More than a packet holds is never given, whatever the settings say.
        let greedy = Settings { max_read: u32::MAX, max_write: u32::MAX, ..Settings::default() };
        let mut served = Served::with(greedy, feed);
        served.ram.fs.put("/other", &vec![7; 1 << 20]);
        let opened = served.ask(&Request::Open { path: b"/other", access: Access::READ, attributes: SET }, b"");
        let answer = served.answer(&content(&Request::Read { handle: &opened[9..], offset: 0, length: u32::MAX }, b""));
        assert_eq!(answer.len(), MAX_PACKET);
        let limits = served.ask(&Request::Limits {}, b"");
        let announced = |at: usize| u64::from_be_bytes(limits[at..at + 8].try_into().expect("eight bytes")) as usize;
        assert_eq!([announced(5), announced(13), announced(21)], [MAX_PACKET, MAX_PACKET - 9, MAX_PACKET - 25]);
    });
}

/// Every request that takes a handle, with this one.
fn with_handle(handle: &[u8]) -> Vec<Vec<u8>> {
    let head = |number: u8| any(number).u32(9).string(handle);
    let extended = |name: &str| any(200).u32(9).string(name);
    let copy = |from: &[u8], to: &[u8]| {
        let from = extended("copy-data").string(from).raw(&[0; 16]);
        from.string(to).raw(&[0; 8]).done()
    };
    vec![
        head(4).done(),
        head(5).raw(&[0; 12]).done(),
        head(6).raw(&[0; 8]).u32(3).raw(b"abc").done(),
        head(8).done(),
        head(10).u32(0).done(),
        head(12).done(),
        extended("fsync@openssh.com").string(handle).done(),
        extended("fstatvfs@openssh.com").string(handle).done(),
        copy(handle, OTHER),
        copy(FILE, handle),
    ]
}

#[test]
fn i07_handles_that_are_none() {
    both_ways(|feed| {
        let mut served = Served::new(feed);
        let closed = served.ask(&Request::Opendir { path: b"/" }, b"")[9..].to_vec();
        assert_eq!(served.code(&any(4).u32(0).string(&closed).done()), Code::OK);
        served.ram.asked.clear();
        let lengths = [0, 1, 3, 5, 257].map(|length| vec![0; length]);
        let forged = [3_u32, 4, 0x1_0000, 0xffff_0000, u32::MAX].map(|handle| handle.to_be_bytes().to_vec());
        for handle in lengths.into_iter().chain(forged).chain([closed, b"/file".to_vec()]) {
            for request in with_handle(&handle) {
                assert_eq!(served.code(&request), Code::FAILURE, "{handle:?} {request:?}");
                served.is_well();
            }
        }
        for request in with_handle(&[0; 65_536]) {
            assert_eq!(served.code(&request), Code::BAD_MESSAGE);
            served.is_well();
        }
        assert!(served.ram.asked.is_empty(), "no file is asked: {:?}", served.ram.asked);
        // A directory for a file, and a file for a directory.
        let mut wrong = [1, 2, 6, 8, 9].map(|index| with_handle(DIRECTORY)[index].clone()).to_vec();
        wrong.push(with_handle(FILE)[5].clone());
        for request in wrong {
            assert_eq!(served.code(&request), Code::FAILURE, "{request:?}");
        }
        assert!(served.ram.asked.is_empty(), "{:?}", served.ram.asked);
        assert_eq!(served.ram.fs.handles(), 3);
    });
}

/// What was opened for one thing is not good for the other.
#[test]
fn i07_handles_for_the_other_purpose() {
    both_ways(|feed| {
        let way = |access: Access| {
            let mut served = Served::new(feed);
            let handle = &served.ask(&Request::Open { path: b"/file", access, attributes: SET }, b"")[9..];
            let [read, write] = [1, 2].map(|index| served.code(&with_handle(handle)[index]));
            (read, write)
        };
        let (read, write, append) = (Access::READ, Access::WRITE, Access::APPEND);
        for access in [read, read.and(Access::CREATE), Access(0), Access::CREATE, Access::CREATE.and(Access::TRUNCATE)]
        {
            assert_eq!(way(access), (Code::EOF, Code::FAILURE), "{access:?}");
        }
        for access in [write, append, write.and(append), write.and(Access::TRUNCATE)] {
            assert_eq!(way(access), (Code::FAILURE, Code::OK), "{access:?}");
        }
        assert_eq!(way(read.and(write)), (Code::EOF, Code::OK));
    });
}
