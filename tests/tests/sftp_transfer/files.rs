//! One open file: what arrives is what was there, whatever comes between.

use crate::rig::{Dice, Rig, status};
use sanssh_core::Instant;
use sanssh_core::sftp::client::Event;
use sanssh_core::sftp::server::Settings;
use sanssh_core::sftp::transfer::{Get, Outcome, Part, Put, Window};
use sanssh_core::sftp::{Access, Attributes, Code, Request};
use sanssh_tests::asker::framed;
use std::collections::BTreeMap;

const WINDOW: u64 = 1 << 20;

pub(crate) fn contents(size: usize) -> Vec<u8> {
    (0..size).map(|at| (at * 7 + at / 251) as u8).collect()
}

fn rig(max_read: u32, bytes: &[u8]) -> (Rig, Vec<u8>) {
    let mut rig = Rig::new(Settings { max_read, ..Settings::default() });
    rig.server.fs.put("/file", bytes);
    let access = Access::READ.and(Access::WRITE);
    let handle = rig.open(&Request::Open { path: b"/file", access, attributes: Attributes::NONE });
    rig.requests = 0;
    (rig, handle)
}

/// Asks for as much as may be asked for.
fn ask(
    rig: &mut Rig,
    handle: &[u8],
    get: &mut Get<Vec<Part>>,
    window: &mut Window,
    parts: &mut BTreeMap<usize, usize>,
) {
    while let Some(read) = get.next(window) {
        let id = rig.ask(&Request::Read { handle, offset: read.offset, length: read.length }, b"");
        get.sent(read, window, rig.now());
        parts.insert(id.index(), read.part);
    }
}

/// Takes one answer in.
fn take(
    rig: &mut Rig,
    get: &mut Get<Vec<Part>>,
    window: &mut Window,
    parts: &BTreeMap<usize, usize>,
    copy: &mut Vec<u8>,
) -> bool {
    rig.deliver(100, |event, now| {
        if let Event::Status(id, status) = event {
            return get.ended(parts[&id.index()], status.code, window, now);
        }
        let Event::Data(id, piece) = event else { panic!("{event:?} for data") };
        let Some(at) = get.arrived(parts[&id.index()], piece.bytes.len(), piece.last, window, now) else { return };
        let (at, end) = (at as usize, at as usize + piece.bytes.len());
        copy.resize(copy.len().max(end), 0xee);
        copy[at..end].copy_from_slice(piece.bytes);
    })
}

/// Runs a get to its end, with what has come; before each answer, `between` may do something.
fn get(
    rig: &mut Rig,
    handle: &[u8],
    get: &mut Get<Vec<Part>>,
    copy: &mut Vec<u8>,
    mut between: impl FnMut(&mut Rig, usize, &mut Get<Vec<Part>>),
) -> Outcome {
    let (mut window, mut parts, mut turn) = (Window::new(WINDOW), BTreeMap::new(), 0);
    loop {
        ask(rig, handle, get, &mut window, &mut parts);
        between(rig, turn, get);
        if !take(rig, get, &mut window, &parts, copy) {
            break;
        }
        turn += 1;
    }
    assert_eq!(window.outstanding(), 0);
    copy.truncate(usize::try_from(get.kept()).expect("memory"));
    get.outcome().expect("nothing is outstanding, and nothing is asked for")
}

fn machine(from: u64, size: Option<u64>, most: u32, parts: usize) -> Get<Vec<Part>> {
    Get::new(from, size, most, vec![Part::new(); parts])
}

/// The three that want a file to its size, to the end of one whose size nobody knows, and to the end of one that has it.
fn machines(size: u64, parts: usize) -> [Get<Vec<Part>>; 3] {
    let table = vec![Part::new(); parts];
    [machine(0, Some(size), 1000, parts), machine(0, None, 1000, parts), Get::to_end(0, Some(size), 1000, table)]
}

/// Every depth, sizes about the length of a request, the size known and not, answers that are whole and not, in any order.
#[test]
fn what_is_read_is_what_is_there() {
    for (number, size) in [0, 1, 999, 1000, 1001, 30_000].into_iter().enumerate() {
        let bytes = contents(size);
        for parts in [1, 2, 7, 64] {
            for max_read in [1 << 20, 300] {
                for (known, mut machine) in machines(size as u64, parts).into_iter().enumerate() {
                    let (mut rig, handle) = rig(max_read, &bytes);
                    rig.dice = Some(Dice(number as u64));
                    let (mut copy, mut last) = (Vec::new(), 0);
                    let outcome = get(&mut rig, &handle, &mut machine, &mut copy, |_, _, get| {
                        assert!(get.kept() >= last, "what was kept stays");
                        last = get.kept();
                    });
                    assert_eq!((outcome, copy == bytes), (Outcome::Whole, true), "{size} {known} {parts} {max_read}");
                }
            }
        }
    }
}

/// At every moment, what is said to be kept is there.
#[test]
fn kept_is_never_too_much() {
    let bytes = contents(20_000);
    let (mut rig, handle) = rig(400, &bytes);
    rig.dice = Some(Dice(3));
    let (mut window, mut parts, mut copy) = (Window::new(WINDOW), BTreeMap::new(), Vec::new());
    let mut get = machine(0, Some(20_000), 1000, 16);
    loop {
        ask(&mut rig, &handle, &mut get, &mut window, &mut parts);
        let kept = get.kept() as usize;
        assert!(copy.len() >= kept && copy[..kept] == bytes[..kept]);
        if !take(&mut rig, &mut get, &mut window, &parts, &mut copy) {
            break;
        }
    }
    assert_eq!(copy, bytes);
}

#[test]
fn small_files_cost_what_they_must() {
    for (size, known, requests) in [(1024, true, 1), (0, true, 0), (1024, false, 2), (0, false, 1)] {
        let (mut rig, handle) = rig(1 << 20, &contents(size));
        let mut machine = machine(0, known.then_some(size as u64), 32_768, 64);
        get(&mut rig, &handle, &mut machine, &mut Vec::new(), |_, _, _| {});
        assert_eq!(rig.requests, requests, "{size} {known}");
    }
}

/// A server that gives less than asked for is asked for less, and no more than that it is asked for again.
#[test]
fn short_answers_end() {
    let bytes = contents(10_000);
    let (mut rig, handle) = rig(1, &bytes);
    let mut copy = Vec::new();
    get(&mut rig, &handle, &mut machine(0, Some(10_000), 1000, 8), &mut copy, |_, _, _| {});
    assert!(copy == bytes);
    assert_eq!(rig.requests, 10_000);
}

/// FSETSTAT of a size, as another client would send it.
fn resize(handle: &[u8], size: u64) -> Vec<u8> {
    framed(&[&[10, 0, 0, 0, 0, 0, 0, 0, handle.len() as u8], handle, &[0, 0, 0, 1], &size.to_be_bytes()].concat())
}

#[test]
fn a_file_that_shrinks_is_short() {
    for at in 0..10 {
        for (known, mut machine) in [true, false, true].into_iter().zip(machines(10_000, 3)) {
            let bytes = contents(10_000);
            let (mut rig, handle) = rig(1 << 20, &bytes);
            rig.dice = Some(Dice(at as u64));
            let mut copy = Vec::new();
            let outcome = get(&mut rig, &handle, &mut machine, &mut copy, |rig, turn, _| {
                if turn == at {
                    rig.server.serve(&resize(&handle, 2500)).expect("a sound request");
                }
            });
            assert!((2500..=10_000).contains(&copy.len()) && copy == bytes[..copy.len()], "{at}: {}", copy.len());
            let short = known && copy.len() < 10_000;
            assert_eq!(outcome, if short { Outcome::Short } else { Outcome::Whole });
        }
    }
}

/// A file that grows at any moment, before the first answer or behind the last: what is wanted to its end is read to one
/// that the file had, and what is wanted to its size no further.
#[test]
fn what_has_grown_is_read_if_it_is_wanted() {
    for (at, grown) in (0..16).flat_map(|at| [10_001, 11_000, 25_000].map(|grown| (at, grown))) {
        for (way, mut machine) in machines(10_000, 3).into_iter().enumerate() {
            let (mut rig, handle) = rig(1 << 20, &contents(10_000));
            rig.dice = Some(Dice(at as u64));
            let mut copy = Vec::new();
            let outcome = get(&mut rig, &handle, &mut machine, &mut copy, |rig, turn, _| {
                if turn == at {
                    rig.server.serve(&resize(&handle, grown)).expect("a sound request");
                }
            });
            let there = rig.server.fs.file("/file").expect("the file");
            assert_eq!((outcome, &copy[..]), (Outcome::Whole, &there[..copy.len()]), "{at} {way}");
            let lengths: &[u64] = match way {
                0 => &[10_000],
                // Three requests at a time: the end is not asked for before some are answered.
                _ if at < 8 => &[grown],
                _ => &[10_000, grown],
            };
            assert!(lengths.contains(&(copy.len() as u64)), "{at} {way}: {} of {grown}", copy.len());
        }
    }
}

/// Contents and the end are asked for at once, and a file that is as long as it was said to be costs one READ more.
#[test]
fn the_end_is_asked_for_with_the_rest() {
    let mut window = Window::new(WINDOW);
    for (from, size) in [(0, 1), (0, 1000), (0, 3001), (3001, 3001)] {
        let mut get = Get::to_end(from, Some(size), 1000, [Part::new(); 8]);
        let mut asked = Vec::new();
        while let Some(read) = get.next(&window) {
            get.sent(read, &mut window, Instant(0));
            asked.push(read);
        }
        assert_eq!(asked.len() as u64, (size - from).div_ceil(1000) + 1);
        for read in asked {
            if read.offset < size {
                assert!(get.arrived(read.part, read.length as usize, true, &mut window, Instant(0)).is_some());
            } else {
                get.ended(read.part, Code::EOF, &mut window, Instant(0));
            }
        }
        assert_eq!((get.outcome(), get.kept(), get.next(&window)), (Some(Outcome::Whole), size, None));
    }
}

#[test]
fn growth_is_left_alone_where_the_size_is_known() {
    for (known, wanted) in [(true, 5000), (false, 9000)] {
        let (mut rig, handle) = rig(1 << 20, &contents(9000));
        let mut copy = Vec::new();
        let mut machine = machine(0, known.then_some(5000), 1000, 4);
        assert_eq!(get(&mut rig, &handle, &mut machine, &mut copy, |_, _, _| {}), Outcome::Whole);
        assert!(copy == contents(9000)[..wanted]);
    }
}

/// A failure of each READ: it is the outcome, and from what was kept a second transfer goes on.
#[test]
fn i16_a_read_that_fails_is_the_outcome() {
    let bytes = contents(20_500);
    for number in 0..21 {
        let (mut rig, handle) = rig(1 << 20, &bytes);
        rig.dice = Some(Dice(number as u64));
        rig.refuse(number, Code::PERMISSION_DENIED);
        let mut copy = Vec::new();
        let outcome = get(&mut rig, &handle, &mut machine(0, Some(20_500), 1000, 5), &mut copy, |_, _, _| {});
        assert_eq!(outcome, Outcome::Failed(Code::PERMISSION_DENIED));
        assert!(copy.len() < bytes.len() && copy == bytes[..copy.len()], "{number}");
        let again =
            get(&mut rig, &handle, &mut machine(copy.len() as u64, Some(20_500), 1000, 5), &mut copy, |_, _, _| {});
        assert_eq!((again, copy == bytes), (Outcome::Whole, true), "{number}");
    }
}

/// Cut off at every answer, and gone on with.
#[test]
fn a_cut_connection_is_gone_on_from() {
    let bytes = contents(12_345);
    for cut in 0..14 {
        let (mut first, handle) = rig(700, &bytes);
        first.dice = Some(Dice(cut as u64));
        let (mut window, mut parts, mut copy) = (Window::new(WINDOW), BTreeMap::new(), Vec::new());
        let mut broken = machine(0, Some(12_345), 1000, 6);
        for _ in 0..cut {
            ask(&mut first, &handle, &mut broken, &mut window, &mut parts);
            take(&mut first, &mut broken, &mut window, &parts, &mut copy);
        }
        let kept = broken.kept();
        copy.truncate(kept as usize);
        let (mut second, handle) = rig(700, &bytes);
        let mut whole = machine(kept, Some(12_345), 1000, 6);
        assert_eq!(get(&mut second, &handle, &mut whole, &mut copy, |_, _, _| {}), Outcome::Whole);
        assert!(copy == bytes, "{cut}");
    }
}

#[test]
fn a_stop_drains() {
    let bytes = contents(50_000);
    let (mut rig, handle) = rig(1 << 20, &bytes);
    let mut copy = Vec::new();
    let outcome = get(&mut rig, &handle, &mut machine(0, Some(50_000), 1000, 8), &mut copy, |_, turn, get| {
        if turn == 10 {
            get.stop();
        }
    });
    assert_eq!((outcome, rig.client.outstanding()), (Outcome::Stopped, 0));
    // What was outstanding is kept.
    assert_eq!(copy, bytes[..18_000]);
}

/// Runs a put to its end.
fn put(rig: &mut Rig, handle: &[u8], put: &mut Put<Vec<Part>>, bytes: &[u8], sparse: bool) -> Outcome {
    let (mut window, mut parts) = (Window::new(WINDOW), BTreeMap::new());
    loop {
        while let Some(mut write) = put.next(&window) {
            let from = bytes.len().min(write.offset as usize);
            let body = &bytes[from..bytes.len().min(from + write.length as usize)];
            if body.is_empty() {
                put.end();
            } else if sparse && body.iter().all(|byte| *byte == 0) {
                write.length = body.len() as u32;
                put.skip(write);
            } else {
                write.length = body.len() as u32;
                let request = Request::Write { handle, offset: write.offset, length: write.length };
                let id = rig.ask(&request, body);
                put.sent(write, &mut window, rig.now());
                parts.insert(id.index(), write.part);
            }
        }
        let came = rig.deliver(usize::MAX, |event, now| {
            let Event::Status(id, status) = event else { panic!("{event:?} for a status") };
            put.answered(parts[&id.index()], status.code, &mut window, now);
        });
        if !came {
            assert_eq!(window.outstanding(), 0);
            return put.outcome().expect("nothing is outstanding, and nothing is to be sent");
        }
    }
}

#[test]
fn what_is_written_is_what_is_there() {
    for size in [0, 1, 999, 1000, 1001, 30_000] {
        let bytes = contents(size);
        for known in [true, false] {
            for parts in [1, 2, 7, 64] {
                let (mut rig, handle) = rig(1 << 20, b"");
                rig.dice = Some(Dice(size as u64));
                let mut machine = Put::new(0, known.then_some(size as u64), 1000, vec![Part::new(); parts]);
                assert_eq!(put(&mut rig, &handle, &mut machine, &bytes, false), Outcome::Whole);
                assert_eq!((rig.server.fs.file("/file"), machine.kept()), (Some(&bytes[..]), size as u64));
            }
        }
    }
}

#[test]
fn a_source_that_shrinks_is_short() {
    let bytes = contents(3456);
    let (mut rig, handle) = rig(1 << 20, b"");
    let mut machine = Put::new(0, Some(5000), 1000, vec![Part::new(); 4]);
    assert_eq!(put(&mut rig, &handle, &mut machine, &bytes, false), Outcome::Short);
    assert_eq!((rig.server.fs.file("/file"), machine.kept()), (Some(&bytes[..]), 3456));
}

#[test]
fn holes_are_not_sent() {
    let mut bytes = vec![0; 10_000];
    bytes[4500] = 1;
    let (mut rig, handle) = rig(1 << 20, b"");
    let mut machine = Put::new(0, Some(10_000), 1000, vec![Part::new(); 4]);
    assert_eq!(put(&mut rig, &handle, &mut machine, &bytes, true), Outcome::Whole);
    assert_eq!((rig.requests, machine.is_hollow(), machine.kept()), (1, true, 10_000));
    let attributes = Attributes { size: Some(machine.kept()), ..Attributes::NONE };
    rig.manage(&Request::Fsetstat { handle: &handle, attributes });
    assert_eq!(rig.server.fs.file("/file"), Some(&bytes[..]));
}

/// Each WRITE fails once, answers out of order: the failure is the outcome, and a later one starts from what was kept.
#[test]
fn i16_a_write_that_fails_is_the_outcome() {
    let bytes = contents(20_500);
    for number in 0..21 {
        let (mut rig, handle) = rig(1 << 20, b"");
        rig.dice = Some(Dice(number as u64));
        rig.refuse(number, Code::FAILURE);
        let mut machine = Put::new(0, Some(20_500), 1000, vec![Part::new(); 5]);
        assert_eq!(put(&mut rig, &handle, &mut machine, &bytes, false), Outcome::Failed(Code::FAILURE));
        let kept = machine.kept();
        assert!(kept <= number as u64 * 1000, "{number} {kept}");
        let mut again = Put::new(kept, Some(20_500), 1000, vec![Part::new(); 5]);
        assert_eq!(put(&mut rig, &handle, &mut again, &bytes, false), Outcome::Whole);
        assert_eq!(rig.server.fs.file("/file"), Some(&bytes[..]), "{number}");
    }
}

/// A failure, then successes, another failure, and a CLOSE that goes well: the first failure is the outcome.
#[test]
fn i17_a_later_success_hides_nothing() {
    let (mut rig, handle) = rig(1 << 20, b"");
    rig.meddle = Box::new(|nth, _| match nth {
        1 => status(Code::FAILURE),
        3 => status(Code::PERMISSION_DENIED),
        _ => crate::rig::Fate::Pass,
    });
    let mut machine = Put::new(0, Some(5000), 1000, vec![Part::new(); 5]);
    let outcome = put(&mut rig, &handle, &mut machine, &contents(5000), false);
    rig.manage(&Request::Close { handle: &handle });
    assert_eq!((outcome, machine.outcome()), (Outcome::Failed(Code::FAILURE), Some(Outcome::Failed(Code::FAILURE))));
    assert_eq!(machine.kept(), 1000);
}
