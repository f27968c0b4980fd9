//! Paths, attributes and offsets that a server refuses before any file hears of them.

use crate::harness::{FILE, OTHER, SET, Served, body, content, requests, told};
use sanssh_core::Refused;
use sanssh_core::sftp::server::Settings;
use sanssh_core::sftp::{Access, Attributes, Code, Error, Extension, Extensions, Request, SymlinkOrder};
use sanssh_tests::asker::Asker;
use sanssh_tests::forger::{Encode, any, both_ways};

/// Every request that takes a path, with this one.
fn with_path(path: &[u8]) -> Vec<Vec<u8>> {
    let head = |number: u8| any(number).u32(9).string(path);
    let extended = |name: &str| any(200).u32(9).string(name).string(path);
    let mut all: Vec<_> = [7, 11, 13, 15, 17, 19].map(|number| head(number).done()).to_vec();
    all.extend([9, 14].map(|number| head(number).u32(0).done()));
    all.push(head(3).u32(1).u32(0).done());
    for number in [18, 20] {
        all.push(head(number).string("/new").done());
        all.push(any(number).u32(9).string("/file").string(path).done());
    }
    for name in ["posix-rename@openssh.com", "hardlink@openssh.com"] {
        all.push(extended(name).string("/new").done());
        all.push(any(200).u32(9).string(name).string("/file").string(path).done());
    }
    all.push(extended("statvfs@openssh.com").done());
    all.push(extended("lsetstat@openssh.com").u32(0).done());
    all
}

#[test]
fn i09_paths_that_name_nothing() {
    both_ways(|feed| {
        let mut served = Served::new(feed);
        let starts = [any(16).u32(9), any(200).u32(9).string("expand-path@openssh.com"), home()];
        for path in [&b"\0"[..], b"/file\0", b"/file\0.txt"] {
            let starts = starts.iter().map(|head| head.clone().string(path).done());
            for request in with_path(path).into_iter().chain(starts) {
                assert_eq!(served.code(&request), Code::NO_SUCH_FILE, "{request:?}");
            }
        }
        for request in with_path(b"") {
            assert_eq!(served.code(&request), Code::NO_SUCH_FILE, "{request:?}");
        }
        for request in with_path(&[b'a'; 65_536]) {
            assert_eq!(served.code(&request), Code::BAD_MESSAGE, "{request:?}");
            served.is_well();
        }
        assert!(served.ram.asked.is_empty(), "no file is asked: {:?}", served.ram.asked);
        // Where relative paths start may be asked for, and bytes that are no text are a name like any other.
        for head in starts {
            assert_eq!(served.answer(&head.string("").done())[0], 104);
        }
        served.ram.asked.clear();
        let mut not_text = Vec::new();
        for request in with_path(b"/\xff\xfe") {
            served.answer(&request);
            not_text.append(&mut served.ram.asked);
        }
        assert!(not_text.iter().all(|request| request.contains("255, 254")) && not_text.len() > 15, "{not_text:?}");
        // A client does not send what it would have refused itself.
        let mut asker = Asker::greeted(1, &[]);
        for path in [&b""[..], b"a\0b"] {
            assert_eq!(asker.ask(&Request::Remove { path }, b"").err(), Some(Refused::BadPath));
        }
    });
}

fn home() -> Encode {
    any(200).u32(9).string("home-directory")
}

#[test]
fn i11_read_only() {
    both_ways(|feed| {
        let settings = Settings { read_only: true, ..Settings::default() };
        let mut served = Served::with(settings, feed);
        let before: Vec<_> = served.ram.fs.all().map(|(path, node)| (path.to_vec(), node.clone())).collect();
        let (all, reading) = requests();
        for request in &all[reading..] {
            assert_eq!(served.code(&content(request, body(request))), Code::PERMISSION_DENIED, "{request:?}");
        }
        for bits in 0..64 {
            for path in [&b"/file"[..], b"/none"] {
                let open = content(&Request::Open { path, access: Access(bits), attributes: SET }, b"");
                // READ alone, nothing at all, and "refused if it is there", which says nothing without "made".
                if bits & !33 == 0 {
                    let answer = served.answer(&open);
                    if answer[0] == 102 {
                        served.code(&any(4).u32(0).string(&answer[9..]).done());
                    }
                } else {
                    assert_eq!(served.code(&open), Code::PERMISSION_DENIED, "{bits:#x}");
                }
            }
        }
        let changes = ["Write", "etstat", "Remove", "Mkdir", "Rmdir", "ename", "ink {", "Copy", "Fsync"];
        let reached =
            |what: &&str| served.ram.asked.iter().any(|asked| asked.contains(*what) && !asked.contains("Readlink"));
        assert_eq!(changes.iter().find(|what| reached(what)), None);
        let after: Vec<_> = served.ram.fs.all().map(|(path, node)| (path.to_vec(), node.clone())).collect();
        assert_eq!(after, before);
        for request in &all[..reading] {
            let answer = served.ask(request, b"");
            assert!(answer[0] != 101 || crate::harness::code(&answer) != Code::PERMISSION_DENIED, "{request:?}");
        }
    });
}

#[test]
fn i12_attributes_that_nobody_knows() {
    both_ways(|feed| {
        let many = any(0).u32(0x8000_0000).u32(u32::MAX).string("a").string("b").done()[1..].to_vec();
        let unknown = (4..31).map(|bit| (1_u32 << bit).to_be_bytes().to_vec());
        for attributes in unknown.chain([many, 0x8000_0010_u32.to_be_bytes().to_vec()]) {
            for head in [any(9).u32(9).string("/file"), any(10).u32(9).string(FILE), any(14).u32(9).string("/made")] {
                let packet = head.raw(&attributes).raw(&[0; 8]).done();
                assert_eq!(Served::new(feed).send(&packet), Err(Error::Malformed(packet[0])), "{attributes:?}");
            }
            let answer = any(105).u32(0).raw(&attributes).raw(&[0; 8]).done();
            let heard = told(&Request::Stat { path: b"/file" }, &answer, feed);
            assert_eq!(heard, Err(Error::Malformed(105)), "{attributes:?}");
        }
        // Pairs of anybody's invention are lawful, and change nothing.
        let mut served = Served::new(feed);
        let pairs = any(9).u32(9).string("/file").u32(0x8000_0000).u32(1).string("a@b").string("c").done();
        assert_eq!(served.code(&pairs), Code::OK);
    });
}

#[test]
fn i14_copies_onto_themselves() {
    both_ways(|feed| {
        let mut served = Served::new(feed);
        let copy = |from, from_offset, length, to, to_offset| {
            content(&Request::CopyData { from, from_offset, length, to, to_offset }, b"")
        };
        for length in [0, 1, 5, u64::MAX] {
            assert_eq!(served.code(&copy(FILE, 0, length, FILE, 20)), Code::FAILURE);
        }
        for place in [1 << 63, u64::MAX] {
            assert_eq!(served.code(&copy(FILE, place, 1, OTHER, 0)), Code::FAILURE);
            assert_eq!(served.code(&copy(FILE, 0, 1, OTHER, place)), Code::FAILURE);
            assert_eq!(served.code(&copy(FILE, 0, place, OTHER, 0)), Code::FAILURE);
        }
        assert!(served.ram.asked.is_empty(), "no file is asked: {:?}", served.ram.asked);
        let access = Access::READ.and(Access::WRITE);
        let again = served.ask(&Request::Open { path: b"/file", access, attributes: Attributes::NONE }, b"");
        assert_eq!(served.code(&copy(FILE, 0, 0, &again[9..], 20)), Code::FAILURE, "by another handle");
        assert_eq!(served.code(&copy(FILE, 8, 0, OTHER, 1)), Code::OK);
        assert_eq!(served.ram.fs.file("/other"), Some(&b"\x0089"[..]));
    });
}

#[test]
fn i15_requests_that_nobody_knows() {
    both_ways(|feed| {
        let none = Settings { extensions: Extensions::NONE, ..Settings::default() };
        let mut served = Served::with(none, feed);
        let numbers = (0..=255).filter(|number| !(3..=20).contains(number) && !matches!(number, 1 | 200));
        let bare = numbers.map(|number| any(number).u32(9));
        let names = Extension::ALL.iter().map(|one| one.name()).chain(["", "x", "posix-rename", "vendor-id"]);
        let named = names.map(|name| any(200).u32(9).string(name)).collect::<Vec<_>>();
        for head in bare.chain(named) {
            for more in [&b""[..], b"x", &[0; 5000]] {
                let whole = head.clone().raw(more).done();
                match served.send(&whole) {
                    Ok(answers) => assert_eq!(crate::harness::code(&answers[0]), Code::OP_UNSUPPORTED, "{whole:?}"),
                    // What it would take, were it known, must still be what it says.
                    Err(error) => {
                        assert_eq!(error, Error::Malformed(200));
                        served = Served::with(none, feed);
                    }
                }
                served.is_well();
            }
        }
        // Whole requests of extensions that are not had.
        for request in requests().0.iter().filter(|request| request.extension().is_some()) {
            assert_eq!(served.code(&content(request, b"")), Code::OP_UNSUPPORTED, "{request:?}");
        }
        assert_eq!(served.send(&any(1).u32(3).done()), Err(Error::Unexpected(1)));
    });
}

#[test]
fn i19_writes_beyond_all_files() {
    both_ways(|feed| {
        let mut served = Served::new(feed);
        for offset in [(1 << 63) - 2, 1 << 63, u64::MAX - 2, u64::MAX] {
            let write = Request::Write { handle: FILE, offset, length: 3 };
            assert_eq!(served.code(&content(&write, b"abc")), Code::FAILURE, "{offset}");
            served.is_well();
        }
        assert!(served.ram.asked.is_empty(), "no file is asked: {:?}", served.ram.asked);
        let last = Request::Write { handle: FILE, offset: (1 << 63) - 4, length: 3 };
        assert_eq!(served.code(&content(&last, b"abc")), Code::FAILURE, "by the files");
        assert_eq!((served.ram.asked.len(), served.ram.fs.file("/file")), (1, Some(&b"0123456789"[..])));
    });
}

/// What each client sends for a link `/link` that leads to `there`, and what comes of it.
#[test]
fn t12_the_two_orders_of_symlink() {
    let (target_first, link_first) = (["there", "/link"], ["/link", "there"]);
    both_ways(|feed| {
        for (client, sent) in [
            ("SSH-2.0-OpenSSH_10.0p2 Debian-7", target_first),
            ("SSH-2.0-paramiko_4.0.0", target_first),
            ("SSH-2.0-libssh2_1.11.1", target_first),
            ("SSH-2.0-Go", target_first),
            // lftp runs OpenSSH's `ssh`.
            ("SSH-2.0-OpenSSH_9.2p1", target_first),
            ("SSH-2.0-sanssh_0.1.0", target_first),
            ("SSH-2.0-AsyncSSH_2.24.0", link_first),
            ("SSH-2.0-libssh_0.11.1", link_first),
            ("SSH-2.0-libssh-0.5.4", link_first),
            ("SSH-2.0-ssh2js1.16.0", link_first),
            ("SSH-2.0-WinSCP_release_6.5", link_first),
            ("", target_first),
        ] {
            let symlink_order = SymlinkOrder::of_client(client.as_bytes());
            let mut served = Served::with(Settings { symlink_order, ..Settings::default() }, feed);
            let link = sent.iter().fold(any(20).u32(9), Encode::string).done();
            assert_eq!(served.code(&link), Code::OK, "{client}");
            let leads = served.ask(&Request::Readlink { path: b"/link" }, b"");
            assert_eq!(leads[13..18], *b"there", "{client}");
            // Nothing else is turned round.
            assert_eq!(served.code(&any(18).u32(9).string("/link").string("/new").done()), Code::OK);
        }
    });
    // Our own client, with servers that say nothing of it, and with those that do.
    let name = "symlink-order@rjk.greenend.org.uk";
    for (extension, sent) in [
        ((name, ""), target_first),
        ((name, "targetpath-linkpath"), target_first),
        ((name, "linkpath-targetpath"), link_first),
        (("other", "linkpath-targetpath"), target_first),
    ] {
        let mut asker = Asker::greeted(1, &[extension]);
        let (_, bytes) = asker.ask(&Request::Symlink { target: b"there", link: b"/link" }, b"").expect("a place");
        assert_eq!(bytes[9..], sent.iter().fold(any(0), Encode::string).done()[1..], "{extension:?}");
    }
}
