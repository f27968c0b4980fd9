//! Requests that leave before others are answered: STAT with OPEN, and CLOSE with the last WRITE. Whichever fails, and
//! whichever is answered first, the failure is told and nothing is left open.

use crate::files::contents;
use crate::local::{Local, Node, advance, hear, run};
use crate::rig::{Fate, Rig, status};
use sanssh_core::sftp::server::Settings as ServerSettings;
use sanssh_core::sftp::transfer::Sizes;
use sanssh_core::sftp::tree::{Action, End, Settings, Skipped, Tree, Way};
use sanssh_core::sftp::{Attributes, Code, Request};

const OPEN: u8 = 3;
const CLOSE: u8 = 4;
const WRITE: u8 = 6;
const STAT: u8 = 17;

/// Of requests for contents.
const SIZES: Sizes = Sizes { read: 1000, write: 1000 };

/// A server with a file, a directory and a link to each.
fn served() -> Rig {
    let mut rig = Rig::new(ServerSettings::default());
    rig.server.fs.put("/file", &contents(1024));
    rig.server.fs.make_dir("/directory");
    rig.server.fs.link("/file", "/to-file");
    rig.server.fs.link("/directory", "/to-directory");
    rig
}

fn get(path: &str) -> Tree {
    let mut tree = Tree::new(Way::Get, Settings::default());
    tree.add_file(path.as_bytes());
    tree
}

/// Files here: one of so many bytes.
fn source(bytes: usize) -> Local {
    let mut local = Local::default();
    local.file("", &contents(bytes));
    local
}

fn put(settings: Settings, local: &Local) -> Tree {
    let mut tree = Tree::new(Way::Put, settings);
    tree.add(b"/copy", &local.of(b""));
    tree
}

/// Answers these types of requests by these codes.
fn refuse(rig: &mut Rig, codes: &'static [(u8, Code)]) {
    rig.meddle = Box::new(move |_, number| {
        let code = codes.iter().find(|(refused, _)| *refused == number).map(|(_, code)| *code);
        code.map_or(Fate::Pass, status)
    });
}

/// Names of the requests that came to the server since it was asked last.
fn asked(rig: &mut Rig) -> Vec<String> {
    let word = |asked: String| asked.split(' ').next().unwrap_or_default().to_owned();
    rig.server.asked.drain(..).map(word).collect()
}

/// Each flight of requests, with all answers in between.
fn flights(tree: &mut Tree, rig: &mut Rig, local: &mut Local, gets: bool) -> Vec<Vec<String>> {
    let mut flights = Vec::new();
    while advance(tree, rig, local, gets) > 0 {
        flights.push(asked(rig));
        while hear(tree, rig, local) {}
    }
    flights
}

#[test]
fn a_small_file_takes_two_round_trips() {
    let (mut rig, mut local) = (served(), Local::default());
    let mut tree = get("/file");
    let seen = flights(&mut tree, &mut rig, &mut local, true);
    // Nobody waits for the last.
    assert_eq!(seen, [vec!["Stat", "Open"], vec!["Read"], vec!["Close"]]);
    assert_eq!(local.nodes[&b""[..]], Node::File(contents(1024)));
    assert_eq!((tree.report().map(|report| report.files), rig.server.fs.handles()), (Some(1), 0));

    let mut tree = put(Settings::default(), &local);
    let seen = flights(&mut tree, &mut rig, &mut local, false);
    assert_eq!(seen, [vec!["Open"], vec!["Write", "Close"]]);
    assert_eq!(rig.server.fs.file("/copy"), Some(&contents(1024)[..]));
    assert_eq!((tree.report().map(|report| report.files), rig.server.fs.handles()), (Some(1), 0));
}

#[test]
fn what_needs_the_handle_comes_before_close() {
    let plain = Settings::default();
    for (settings, last) in [
        (Settings { preserve: true, ..plain }, &["Fsetstat"][..]),
        (Settings { sync: true, ..plain }, &["Fsync"]),
        (Settings { sync: true, preserve: true, ..plain }, &["Fsync", "Fsetstat"]),
    ] {
        let (mut rig, mut local) = (served(), source(1024));
        let seen = flights(&mut put(settings, &local), &mut rig, &mut local, false);
        let expected = ["Open", "Write"].iter().chain(last).chain(&["Close"]);
        assert_eq!(seen, expected.map(|one| vec![*one]).collect::<Vec<_>>());
    }
    // A hole at the end: the size has to be set.
    let (mut rig, mut local) = (served(), Local { sparse: true, ..Local::default() });
    local.file("", &[&contents(1000)[..], &[0; 1000]].concat());
    let settings = Settings { sizes: SIZES, ..plain };
    let seen = flights(&mut put(settings, &local), &mut rig, &mut local, false);
    assert_eq!(seen, [["Open"], ["Write"], ["Fsetstat"], ["Close"]]);
    assert_eq!(rig.server.fs.file("/copy").map(<[u8]>::len), Some(2000));
}

/// Of a large file, CLOSE leaves when a single WRITE is not answered: if that fails, there is no gap before it.
#[test]
fn close_does_not_leave_while_a_gap_may_come() {
    let settings = Settings { sizes: SIZES, ..Settings::default() };
    let (mut rig, mut local) = (served(), source(3000));
    let mut tree = put(settings, &local);
    advance(&mut tree, &mut rig, &mut local, false);
    hear(&mut tree, &mut rig, &mut local);
    assert_eq!(advance(&mut tree, &mut rig, &mut local, false), 3);
    hear(&mut tree, &mut rig, &mut local);
    assert_eq!(advance(&mut tree, &mut rig, &mut local, false), 0, "two are not answered");
    hear(&mut tree, &mut rig, &mut local);
    assert_eq!(advance(&mut tree, &mut rig, &mut local, false), 1, "the last is not");
    run(&mut tree, &mut rig, &mut local, false);
    assert_eq!(rig.server.fs.file("/copy"), Some(&contents(3000)[..]));
    assert_eq!(local.ends[0].2, End::Done);

    let mut tree = put(settings, &local);
    advance(&mut tree, &mut rig, &mut local, false);
    hear(&mut tree, &mut rig, &mut local);
    assert_eq!(advance(&mut tree, &mut rig, &mut local, false), 3);
    rig.answers.rotate_left(1);
    hear(&mut tree, &mut rig, &mut local);
    hear(&mut tree, &mut rig, &mut local);
    assert_eq!(advance(&mut tree, &mut rig, &mut local, false), 0, "the first is not");
    run(&mut tree, &mut rig, &mut local, false);
    assert_eq!(local.ends[1].2, End::Done);
}

/// Sends what leaves at once, and has it answered in this order.
fn answered(tree: &mut Tree, rig: &mut Rig, local: &mut Local, gets: bool, turned: bool) {
    assert_eq!(advance(tree, rig, local, gets), 2, "both leave at once");
    if turned {
        rig.answers.swap(0, 1);
    }
    run(tree, rig, local, gets);
}

/// What is refused, and how the file ends by the order of the answers.
type Case = (&'static [(u8, Code)], [Code; 2]);

#[test]
fn i16_whatever_fails_of_stat_and_open_ends_the_file() {
    let (denied, missing) = (Code::PERMISSION_DENIED, Code::NO_SUCH_FILE);
    let cases: [Case; 3] = [
        (&[(STAT, Code::PERMISSION_DENIED)], [denied, denied]),
        (&[(OPEN, Code::NO_SUCH_FILE)], [missing, missing]),
        // The first that is told is the one.
        (&[(STAT, Code::PERMISSION_DENIED), (OPEN, Code::NO_SUCH_FILE)], [denied, missing]),
    ];
    for (codes, ends) in cases {
        for (turned, end) in [false, true].into_iter().zip(ends) {
            let (mut rig, mut local) = (served(), Local::default());
            refuse(&mut rig, codes);
            let mut tree = get("/file");
            answered(&mut tree, &mut rig, &mut local, true, turned);
            let report = tree.report().expect("all is over");
            assert_eq!((local.ends.len(), local.ends[0].2), (1, End::Failed(end)), "{codes:?} {turned}");
            assert_eq!((report.failed, report.files, local.nodes.len()), (1, 0, 0), "nothing is made here");
            assert_eq!((rig.server.fs.handles(), rig.client.outstanding()), (0, 0), "{codes:?} {turned}");
        }
    }
}

#[test]
fn i16_whatever_fails_of_the_last_write_and_close_ends_the_file() {
    let (full, broken) = (Code::FAILURE, Code::CONNECTION_LOST);
    let cases: [Case; 3] = [
        (&[(WRITE, Code::FAILURE)], [full, full]),
        (&[(CLOSE, Code::CONNECTION_LOST)], [broken, broken]),
        (&[(WRITE, Code::FAILURE), (CLOSE, Code::CONNECTION_LOST)], [full, broken]),
    ];
    for (codes, ends) in cases {
        for (turned, end) in [false, true].into_iter().zip(ends) {
            let (mut rig, mut local) = (served(), source(1024));
            refuse(&mut rig, codes);
            let mut tree = put(Settings::default(), &local);
            advance(&mut tree, &mut rig, &mut local, false);
            hear(&mut tree, &mut rig, &mut local);
            answered(&mut tree, &mut rig, &mut local, false, turned);
            let report = tree.report().expect("all is over");
            assert_eq!((local.ends.len(), local.ends[0].2), (1, End::Failed(end)), "{codes:?} {turned}");
            assert_eq!((report.failed, report.files, tree.handles().count()), (1, 0, 0));
            let requests = rig.server.asked.iter().filter(|asked| asked.starts_with("Close")).count();
            assert_eq!(requests, usize::from(codes.len() == 1 && codes[0].0 == WRITE), "it is closed once");
        }
    }
}

/// Anything but a file is refused as soon as it is known, and closed if it was opened.
#[test]
fn what_is_no_file_is_refused_before_it_is_open() {
    let fifo = [&4_u32.to_be_bytes()[..], &0o010_644_u32.to_be_bytes()].concat();
    for (path, answer) in [("/directory", None), ("/to-directory", None), ("/file", Some(fifo))] {
        let (mut rig, mut local) = (served(), Local::default());
        let said = answer.clone();
        rig.meddle = Box::new(move |_, number| match &said {
            Some(fields) if number == STAT => Fate::Answer(105, fields.clone()),
            // A server that opens directories.
            None if number == OPEN => Fate::Answer(102, [0, 0, 0, 1, b'd'].to_vec()),
            _ => Fate::Pass,
        });
        let mut tree = get(path);
        advance(&mut tree, &mut rig, &mut local, true);
        hear(&mut tree, &mut rig, &mut local);
        assert_eq!(advance(&mut tree, &mut rig, &mut local, true), 0);
        assert_eq!(local.ends[0].2, End::Skipped(Skipped::Kind), "{path}");
        assert_eq!(tree.report().map(|report| (report.failed, report.skipped)), Some((1, 0)));
        // The handle that comes then is nobody's.
        hear(&mut tree, &mut rig, &mut local);
        assert!(tree.report().is_none() && tree.handles().count() == 1);
        assert!(matches!(tree.action(), Some(Action::Send(Request::Close { .. }))));
        assert_eq!(advance(&mut tree, &mut rig, &mut local, true), 1);
        assert!(tree.report().is_some() && tree.handles().count() == 0 && local.nodes.is_empty());
    }
    let (mut rig, mut local) = (served(), Local::default());
    run(&mut get("/to-file"), &mut rig, &mut local, true);
    assert_eq!(local.ends[0].2, End::Done, "a link that was named is followed");
}

/// A server that does not tell what a file is has it tried, and read to its end.
#[test]
fn a_server_may_not_tell() {
    let (mut rig, mut local) = (served(), Local::default());
    rig.meddle = Box::new(|_, number| if number == STAT { Fate::Answer(105, vec![0; 4]) } else { Fate::Pass });
    run(&mut get("/file"), &mut rig, &mut local, true);
    assert_eq!((local.ends[0].2, &local.nodes[&b""[..]]), (End::Done, &Node::File(contents(1024))));
}

/// Stopped, or cut off, after any of the first answers, in any order.
#[test]
fn giving_up_leaves_nothing_open() {
    for gets in [true, false] {
        for (turn, cuts, answers) in (0..12).map(|case| (case % 2, case / 2 % 2, case / 4)) {
            let (mut rig, mut local) = (served(), if gets { Local::default() } else { source(1024) });
            let mut tree = if gets { get("/file") } else { put(Settings::default(), &local) };
            if !gets {
                advance(&mut tree, &mut rig, &mut local, gets);
                hear(&mut tree, &mut rig, &mut local);
            }
            assert_eq!(advance(&mut tree, &mut rig, &mut local, gets), 2);
            if turn == 1 {
                rig.answers.swap(0, 1);
            }
            for _ in 0..answers {
                hear(&mut tree, &mut rig, &mut local);
            }
            if cuts == 1 {
                tree.cut();
                rig.answers.clear();
            } else {
                tree.stop();
            }
            run(&mut tree, &mut rig, &mut local, gets);
            let what = format!("gets {gets}, turn {turn}, cuts {cuts}, answers {answers}");
            assert_eq!((tree.report().is_some(), tree.handles().count(), local.ends.len()), (true, 0, 1), "{what}");
            assert_ne!(local.ends[0].2, End::Done, "{what}");
            if cuts == 0 {
                assert_eq!((rig.server.fs.handles(), rig.client.outstanding()), (0, 0), "{what}");
            }
        }
    }
}

/// Other roots go on beside one whose OPEN is not answered any more.
#[test]
fn a_late_handle_is_not_taken_for_anothers() {
    let (mut rig, mut local) = (served(), Local::default());
    let mut tree = get("/directory");
    rig.meddle = Box::new(|nth, _| match nth {
        1 => Fate::Answer(102, [0, 0, 0, 1, b'd'].to_vec()),
        _ => Fate::Pass,
    });
    advance(&mut tree, &mut rig, &mut local, true);
    let late = rig.answers.pop().expect("the answer to OPEN");
    run(&mut tree, &mut rig, &mut local, true);
    let said = Attributes { size: Some(1024), permissions: Some(0o100_644), ..Attributes::NONE };
    tree.add(b"/file", &said);
    advance(&mut tree, &mut rig, &mut local, true);
    rig.answers.insert(0, late);
    run(&mut tree, &mut rig, &mut local, true);
    assert_eq!(tree.report().map(|report| (report.files, report.failed)), Some((1, 1)));
    assert_eq!((&local.nodes[&b""[..]], rig.server.fs.handles()), (&Node::File(contents(1024)), 0));
}
