//! Trees, and many files at a time: what arrives is what was there, and nothing is left open or unsaid.

use crate::files::contents;
use crate::local::{Local, Node, advance, hear, run};
use crate::rig::{Dice, Fate, Rig, status};
use sanssh_core::sftp::server::Settings as ServerSettings;
use sanssh_core::sftp::transfer::Sizes;
use sanssh_core::sftp::tree::{Action, End, Links, Report, Settings, Skipped, Tree, Way};
use sanssh_core::sftp::{Attributes, Code, Request};
use sanssh_tests::ramfs::Content;
use std::collections::BTreeMap;

const SMALL: Settings = Settings {
    sizes: Sizes { read: 1000, write: 1000 },
    window: 1 << 16,
    files: 3,
    directories: 2,
    names: 4,
    depth: 10,
    links: Links::Keep,
    resume: false,
    preserve: false,
    sync: false,
    brave: true,
};

/// Directories, among them an empty one and deep ones, and files of sizes about that of a request.
fn shape() -> BTreeMap<Vec<u8>, Node> {
    let mut local = Local::default();
    for directory in ["", "a", "a/b", "a/b/c", "a/b/c/d", "empty", "many", "wide"] {
        local.directory(directory);
    }
    for (number, path) in ["one", "a/two", "a/b/three", "a/b/c/d/four", "zero"].into_iter().enumerate() {
        local.file(path, &contents([0, 999, 1000, 2001, 10_000][(number + 1) % 5]));
    }
    for number in 0..30 {
        local.file(&format!("many/{number}"), &contents(number * 37));
        local.directory(&format!("wide/{number}"));
        local.directory(&format!("wide/{number}/below"));
        local.file(&format!("wide/{number}/below/file"), &contents(100 + number));
    }
    local.nodes
}

fn total(nodes: &BTreeMap<Vec<u8>, Node>) -> Report {
    let mut report = Report::default();
    for node in nodes.values() {
        match node {
            Node::File(bytes) => {
                report.files += 1;
                report.bytes += bytes.len() as u64;
            }
            Node::Directory => report.directories += 1,
            Node::Link(_) => report.links += 1,
        }
    }
    report
}

/// A server that has a shape below `/tree`.
fn served(nodes: &BTreeMap<Vec<u8>, Node>, tells: bool) -> Rig {
    let mut rig = Rig::new(ServerSettings::default());
    rig.server.tells = tells;
    for (path, node) in nodes {
        let path = String::from_utf8([b"/tree/", &path[..]].concat()).expect("text");
        let path = path.trim_end_matches('/');
        match node {
            Node::File(bytes) => rig.server.fs.put(path, bytes),
            Node::Directory => rig.server.fs.make_dir(path),
            Node::Link(target) => rig.server.fs.link(&String::from_utf8_lossy(target), path),
        }
    }
    rig
}

/// What the server has below `/tree`, as a shape.
fn there(rig: &Rig) -> BTreeMap<Vec<u8>, Node> {
    let all = rig.server.fs.all().filter_map(|(path, node)| Some((path.strip_prefix(b"/tree")?, node)));
    let shaped = all.map(|(path, node)| {
        let node = match &node.content {
            Content::File(bytes) => Node::File(bytes.clone()),
            Content::Directory => Node::Directory,
            Content::Link(target) => Node::Link(target.clone()),
        };
        (path.strip_prefix(b"/").unwrap_or(path).to_vec(), node)
    });
    shaped.collect()
}

fn get(settings: Settings) -> Tree {
    let mut tree = Tree::new(Way::Get, settings);
    tree.add(b"/tree", &Attributes::NONE);
    tree
}

fn put(settings: Settings, local: &Local) -> Tree {
    let mut tree = Tree::new(Way::Put, settings);
    tree.add(b"/tree", &local.of(b""));
    tree
}

fn source() -> Local {
    Local { nodes: shape(), names: 3, ..Local::default() }
}

/// Whatever the limits and the order of answers, with names that tell what they are and names that do not.
#[test]
fn a_tree_comes_whole() {
    let shape = shape();
    for tells in [true, false] {
        for settings in [SMALL, Settings { files: 1, directories: 1, names: 1, ..SMALL }, Settings::default()] {
            for seed in 0..3 {
                let (mut rig, mut local) = (served(&shape, tells), Local::default());
                rig.dice = (seed > 0).then_some(Dice(seed));
                let mut tree = get(settings);
                run(&mut tree, &mut rig, &mut local, true);
                assert_eq!(tree.report(), Some(total(&shape)), "{tells} {settings:?}");
                assert!(local.nodes == shape);
                assert_eq!((rig.server.fs.handles(), rig.client.outstanding()), (0, 0));
            }
        }
    }
}

#[test]
fn a_tree_goes_whole() {
    let shape = shape();
    for settings in [SMALL, Settings { files: 1, directories: 1, names: 1, ..SMALL }, Settings::default()] {
        for seed in 0..3 {
            let (mut rig, mut local) = (Rig::new(ServerSettings::default()), source());
            rig.dice = (seed > 0).then_some(Dice(seed));
            let mut tree = put(settings, &local);
            run(&mut tree, &mut rig, &mut local, false);
            assert_eq!(tree.report(), Some(total(&shape)), "{settings:?}");
            assert!(there(&rig) == shape);
            assert_eq!((rig.server.fs.handles(), rig.client.outstanding()), (0, 0));
        }
    }
}

/// A directory that is there already takes what is put into it; a file in its place is a failure.
#[test]
fn what_is_there_already() {
    let (mut rig, mut local) = (served(&shape(), true), source());
    let mut tree = put(SMALL, &local);
    run(&mut tree, &mut rig, &mut local, false);
    assert_eq!(tree.report(), Some(total(&shape())));

    let mut rig = Rig::new(ServerSettings::default());
    rig.server.fs.make_dir("/tree");
    rig.server.fs.put("/tree/a", b"in the way");
    let mut tree = put(SMALL, &local);
    run(&mut tree, &mut rig, &mut local, false);
    assert_eq!(tree.report().map(|report| report.failed), Some(1));
    assert!(there(&rig).contains_key(&b"wide/7/below/file"[..]));
}

/// One file is a tree of one file.
#[test]
fn one_file_costs_three_requests() {
    let bytes = contents(1024);
    let shape = BTreeMap::from([(b"file".to_vec(), Node::File(bytes.clone()))]);
    let mut rig = Rig::new(ServerSettings::default());
    rig.server.fs.put("/file", &bytes);
    let said = Attributes { size: Some(1024), permissions: Some(0o100_644), ..Attributes::NONE };
    let mut tree = Tree::new(Way::Get, Settings::default());
    tree.add(b"/file", &said);
    let mut local = Local::default();
    run(&mut tree, &mut rig, &mut local, true);
    assert_eq!((local.nodes.get(&b""[..]), rig.requests), (Some(&shape[&b"file"[..]]), 3));

    let mut tree = Tree::new(Way::Put, Settings::default());
    tree.add(b"/copy", &said);
    run(&mut tree, &mut rig, &mut local, false);
    assert_eq!((rig.server.fs.file("/copy"), rig.requests), (Some(&bytes[..]), 6));
}

/// A thousand small files: three requests each, and few round trips for all of them together.
#[test]
fn round_trips_are_shared() {
    let mut source = Local { names: 1000, ..Local::default() };
    source.directory("");
    (0..1000).for_each(|number| source.file(&format!("file{number}"), &contents(1024)));
    let shape = source.nodes.clone();
    for (way, mut local) in [(Way::Get, Local::default()), (Way::Put, source)] {
        let mut rig = if way == Way::Get { served(&shape, true) } else { Rig::new(ServerSettings::default()) };
        let mut tree = Tree::new(way, Settings { files: 100, ..Settings::default() });
        tree.add(b"/tree", &Attributes { permissions: Some(0o040_755), ..Attributes::NONE });
        let mut trips = 0;
        loop {
            advance(&mut tree, &mut rig, &mut local, way == Way::Get);
            let flight = rig.answers.len();
            if flight == 0 {
                break;
            }
            trips += 1;
            (0..flight).for_each(|_| assert!(hear(&mut tree, &mut rig, &mut local)));
        }
        assert_eq!(tree.report().map(|report| report.files), Some(1000));
        let listing = if way == Way::Get { 1 + 1002 / 3 + 4 + 1 + 1 } else { 2 };
        assert!(rig.requests <= 3000 + listing, "{} requests", rig.requests);
        // Names come three at a time here, four answers ahead.
        assert!(trips < if way == Way::Get { 130 } else { 35 }, "{way:?}: {trips} round trips");
    }
}

/// Every entry is either the same or said not to be.
fn settled(shape: &BTreeMap<Vec<u8>, Node>, copy: &BTreeMap<Vec<u8>, Node>, local: &Local, what: &str) {
    genuine(shape, copy, what);
    let bad: Vec<_> = local.ends.iter().filter(|(_, _, end)| *end != End::Done).map(|(path, ..)| &path[..]).collect();
    for (path, node) in shape {
        let said = bad.iter().any(|bad| bad.is_empty() || path == bad || path.starts_with(&[bad, &b"/"[..]].concat()));
        assert!(said || copy.get(path) == Some(node), "{what}: {} is not whole", path.escape_ascii());
    }
}

/// Every entry is the same, or a beginning.
fn genuine(shape: &BTreeMap<Vec<u8>, Node>, copy: &BTreeMap<Vec<u8>, Node>, what: &str) {
    for (path, node) in copy {
        let prefix = match (node, shape.get(path)) {
            (Node::File(copy), Some(Node::File(bytes))) => bytes.starts_with(copy),
            (copy, Some(there)) => copy == there,
            (_, None) => false,
        };
        assert!(prefix, "{what}: {} was never there", path.escape_ascii());
    }
}

/// Each request fails once: all ends, the failure is said, and everything else is whole.
#[test]
fn i16_a_failure_of_any_request_is_said() {
    let shape = shape();
    for way in [Way::Get, Way::Put] {
        let mut number = 0;
        loop {
            let mut rig = if way == Way::Get { served(&shape, false) } else { Rig::new(ServerSettings::default()) };
            let mut local = if way == Way::Get { Local::default() } else { source() };
            rig.dice = Some(Dice(number as u64));
            let refused = std::rc::Rc::new(core::cell::Cell::new(0));
            let told = std::rc::Rc::clone(&refused);
            rig.meddle = Box::new(move |nth, kind| {
                if nth != number {
                    return Fate::Pass;
                }
                told.set(kind);
                status(Code::PERMISSION_DENIED)
            });
            let mut tree = if way == Way::Get { get(SMALL) } else { put(SMALL, &local) };
            run(&mut tree, &mut rig, &mut local, way == Way::Get);
            let report = tree.report().expect("all is over");
            if rig.requests <= number {
                assert!(report.failed == 0 && number > 200);
                break;
            }
            let what = format!("{way:?}, request {number} of type {}", refused.get());
            // What was read does not depend on CLOSE.
            let harmless = refused.get() == 4 && way == Way::Get;
            assert_eq!(report.failed == 0, harmless, "{what}: {report:?}");
            assert_eq!(local.ends.iter().filter(|(_, _, end)| end.is_failure()).count() as u64, report.failed);
            assert_eq!(rig.server.fs.handles(), usize::from(refused.get() == 4), "{what}: left open");
            if way == Way::Get {
                settled(&shape, &local.nodes, &local, &what);
            } else {
                settled(&shape, &there(&rig), &local, &what);
            }
            number += 1;
        }
    }
}

/// Each thing done here fails once.
#[test]
fn a_failure_of_anything_here_is_said() {
    let shape = shape();
    for way in [Way::Get, Way::Put] {
        for number in 0.. {
            let mut rig = if way == Way::Get { served(&shape, true) } else { Rig::new(ServerSettings::default()) };
            let mut local = if way == Way::Get { Local::default() } else { source() };
            local.fails = Some(number);
            let mut tree = if way == Way::Get { get(SMALL) } else { put(SMALL, &local) };
            run(&mut tree, &mut rig, &mut local, way == Way::Get);
            let report = tree.report().expect("all is over");
            if local.done <= number {
                assert!(report.failed == 0 && number > 100);
                break;
            }
            assert_eq!((report.failed, rig.server.fs.handles()), (1, 0), "{way:?} {number}");
            let copy = if way == Way::Get { local.nodes.clone() } else { there(&rig) };
            settled(&shape, &copy, &local, &format!("{way:?} {number}"));
        }
    }
}

/// Who does not go on after a failure begins nothing more.
#[test]
fn the_first_failure_ends_all_if_so_wished() {
    let (mut rig, mut local) = (served(&shape(), true), Local::default());
    rig.refuse(60, Code::FAILURE);
    let mut tree = get(Settings { brave: false, ..SMALL });
    run(&mut tree, &mut rig, &mut local, true);
    assert!(tree.report().is_some() && rig.requests < 100, "{} requests", rig.requests);
    assert_eq!(rig.server.fs.handles(), 0);
    let ends = local.ends.iter().map(|(_, _, end)| *end).filter(|end| !matches!(end, End::Done | End::Stopped));
    assert_eq!(ends.collect::<Vec<_>>(), [End::Failed(Code::FAILURE)]);
}

/// Stopped after any answer: what is open is closed, and no file is left that is not what it is said to be.
#[test]
fn a_stop_closes_everything() {
    let shape = shape();
    for way in [Way::Get, Way::Put] {
        for stop in (0..500).step_by(17) {
            let gets = way == Way::Get;
            let mut rig = if gets { served(&shape, false) } else { Rig::new(ServerSettings::default()) };
            let mut local = if gets { Local::default() } else { source() };
            rig.dice = Some(Dice(stop as u64));
            let mut tree = if gets { get(SMALL) } else { put(SMALL, &local) };
            for _ in 0..stop {
                advance(&mut tree, &mut rig, &mut local, gets);
                hear(&mut tree, &mut rig, &mut local);
            }
            tree.stop();
            let before = rig.requests;
            run(&mut tree, &mut rig, &mut local, gets);
            let report = tree.report().expect("all is over");
            assert!(report.failed > 0 || report == total(&shape), "{way:?} {stop}: {report:?}");
            assert!(rig.requests - before < 30, "{} requests", rig.requests - before);
            assert_eq!(rig.server.fs.handles(), 0, "{way:?} {stop}");
            genuine(&shape, if gets { &local.nodes } else { &shape }, "stopped");
            if !gets {
                genuine(&shape, &there(&rig), "stopped");
            }
        }
    }
}

/// However many names there are, few of them wait: they are asked for as there is room.
#[test]
fn names_do_not_pile_up() {
    let mut local = Local::default();
    local.directory("");
    (0..400).for_each(|number| local.directory(&format!("directory{number}")));
    let mut rig = served(&local.nodes, true);
    let mut copy = Local::default();
    let mut tree = get(Settings { names: 16, ..SMALL });
    let mut most = 0;
    loop {
        advance(&mut tree, &mut rig, &mut copy, true);
        // Three names of the root an answer.
        let asked = rig.server.asked.iter().filter(|asked| *asked == "Readdir { handle: 0.0 }").count();
        most = most.max((3 * asked).saturating_sub(copy.ends.len()));
        if !hear(&mut tree, &mut rig, &mut copy) {
            break;
        }
    }
    assert_eq!(tree.report().map(|report| report.directories), Some(401));
    assert!((16..=16 + 4 * 3 + SMALL.directories + 6).contains(&most), "{most}");
}

/// Cut off after any answer, and gone on with by another connection: the copy is equal, and starts with what was kept.
#[test]
fn a_cut_connection_is_gone_on_from() {
    let shape = shape();
    for way in [Way::Get, Way::Put] {
        for cut in (0..500).step_by(17) {
            let gets = way == Way::Get;
            let mut rig = if gets { served(&shape, true) } else { Rig::new(ServerSettings::default()) };
            let mut local = if gets { Local::default() } else { source() };
            let mut tree = if gets { get(SMALL) } else { put(SMALL, &local) };
            for _ in 0..cut {
                advance(&mut tree, &mut rig, &mut local, gets);
                hear(&mut tree, &mut rig, &mut local);
            }
            tree.cut();
            rig.answers.clear();
            let before = rig.requests;
            run(&mut tree, &mut rig, &mut local, gets);
            assert_eq!(rig.requests, before, "nothing can be asked any more");
            assert!(tree.report().is_some(), "{way:?} {cut}");
            genuine(&shape, if gets { &local.nodes } else { &shape }, "cut");

            let settings = Settings { resume: true, ..SMALL };
            let mut second = if gets { served(&shape, true) } else { served(&there(&rig), true) };
            (local.resume, local.given) = (true, BTreeMap::new());
            let mut tree = if gets { get(settings) } else { put(settings, &local) };
            run(&mut tree, &mut second, &mut local, gets);
            assert_eq!(tree.report(), Some(total(&shape)), "{way:?} {cut}");
            assert!(if gets { local.nodes == shape } else { there(&second) == shape }, "{way:?} {cut}");
        }
    }
}

/// Names that lead elsewhere, and names that only look so.
#[test]
fn i18_names_that_lead_out_are_refused() {
    let hostile: [&[u8]; 8] = [b"..", b".", b"/etc/passwd", b"a/b", b"../x", b"nul\0", b"", b"a/"];
    let strange: [&[u8]; 3] = [b"\x1b[2J", b"...", b" -rf"];
    for links in [Links::Skip, Links::Keep, Links::Follow] {
        let mut rig = served(&BTreeMap::from([(vec![], Node::Directory)]), true);
        for name in strange {
            rig.server.fs.put(&format!("/tree/{}", String::from_utf8_lossy(name)), b"harmless");
        }
        let mut listed = false;
        rig.meddle = Box::new(move |_, kind| {
            if kind != 12 || core::mem::replace(&mut listed, true) {
                return Fate::Pass;
            }
            let modes = [0o100_644, 0o040_755, 0o120_777_u32];
            let names = hostile.iter().flat_map(|name| modes.map(|mode| (*name, mode)));
            let names = names.chain(strange.iter().map(|name| (*name, 0o100_644)));
            let mut fields = u32::try_from(names.clone().count()).expect("few").to_be_bytes().to_vec();
            for (name, mode) in names {
                for bytes in [name, b"-rw-r--r-- /../../longname"] {
                    fields.extend_from_slice(&u32::try_from(bytes.len()).expect("short").to_be_bytes());
                    fields.extend_from_slice(bytes);
                }
                fields.extend_from_slice(&[0, 0, 0, 4]);
                fields.extend_from_slice(&mode.to_be_bytes());
            }
            Fate::Answer(104, fields)
        });
        let mut tree = get(Settings { links, ..SMALL });
        let mut local = Local::default();
        run(&mut tree, &mut rig, &mut local, true);
        let names: Vec<_> = local.nodes.keys().map(Vec::as_slice).collect();
        assert_eq!(names, [&b""[..], b"\x1b[2J", b" -rf", b"..."]);
        // `.` and `..` are in every directory.
        let refused = local.ends.iter().filter(|(_, _, end)| *end == End::Skipped(Skipped::Name)).count();
        assert_eq!((refused, tree.report().map(|report| report.failed)), (18, Some(18)));
    }
}

#[test]
fn links_are_what_was_wished() {
    let mut shape = BTreeMap::from([
        (vec![], Node::Directory),
        (b"directory".to_vec(), Node::Directory),
        (b"directory/file".to_vec(), Node::File(contents(1500))),
        (b"alias".to_vec(), Node::Link(b"directory".to_vec())),
        (b"dangling".to_vec(), Node::Link(b"nowhere".to_vec())),
    ]);
    for (links, report, kept) in [
        (Links::Keep, Report { files: 1, directories: 2, links: 2, bytes: 1500, failed: 0, skipped: 0 }, true),
        (Links::Skip, Report { files: 1, directories: 2, links: 0, bytes: 1500, failed: 0, skipped: 2 }, false),
        (Links::Follow, Report { files: 2, directories: 3, links: 0, bytes: 3000, failed: 1, skipped: 0 }, false),
    ] {
        for tells in [true, false] {
            let (mut rig, mut local) = (served(&shape, tells), Local::default());
            let mut tree = get(Settings { links, ..SMALL });
            run(&mut tree, &mut rig, &mut local, true);
            assert_eq!((tree.report(), local.nodes == shape), (Some(report), kept), "{links:?} {tells}");
        }
    }
    let mut local = Local { nodes: shape.clone(), ..Local::default() };
    let mut rig = Rig::new(ServerSettings::default());
    run(&mut put(SMALL, &local), &mut rig, &mut local, false);
    assert!(there(&rig) == shape);

    // A circle ends where it gets too deep.
    shape.insert(b"directory/up".to_vec(), Node::Link(b"/tree".to_vec()));
    let (mut rig, mut local) = (served(&shape, true), Local::default());
    let mut tree = get(Settings { links: Links::Follow, depth: 4, ..SMALL });
    run(&mut tree, &mut rig, &mut local, true);
    let deepest = local.nodes.keys().map(|path| path.split(|byte| *byte == b'/').count()).max();
    assert_eq!(deepest, Some(4));
    assert!(local.ends.iter().any(|(_, _, end)| *end == End::Skipped(Skipped::Depth)));
}

/// Permissions and times come after the contents, and those of directories after all that is in them.
#[test]
fn preserved_attributes_come_last() {
    let settings = Settings { preserve: true, ..SMALL };
    let (mut rig, mut local) = (Rig::new(ServerSettings::default()), source());
    run(&mut put(settings, &local), &mut rig, &mut local, false);
    for (path, node) in rig.server.fs.all() {
        let wanted = if matches!(node.content, Content::Directory) { 0o750 } else { 0o640 };
        assert_eq!((node.mode, node.times.modified), (wanted, 12), "{}", path.escape_ascii());
    }
    let settles = rig.server.asked.iter().rposition(|asked| asked.starts_with("Setstat"));
    assert_eq!(settles, Some(rig.server.asked.len() - 1), "the root's last of all");

    let mut copy = Local::default();
    rig.server.tells = true;
    run(&mut get(settings), &mut rig, &mut copy, true);
    assert_eq!(copy.attributes.len(), copy.nodes.len());
    let ends: Vec<_> = copy.ends.iter().map(|(path, ..)| &path[..]).collect();
    for (at, path) in ends.iter().enumerate() {
        let inside = [path, &b"/"[..]].concat();
        assert!(!ends[at..].iter().any(|other| other.starts_with(&inside)), "{} too early", path.escape_ascii());
    }
}

#[test]
fn holes_stay_holes() {
    let mut bytes = vec![0; 10_000];
    bytes[3] = 1;
    let mut local = Local { sparse: true, ..Local::default() };
    local.directory("");
    local.file("hollow", &bytes);
    let mut rig = Rig::new(ServerSettings::default());
    run(&mut put(SMALL, &local), &mut rig, &mut local, false);
    assert_eq!(rig.server.fs.file("/tree/hollow"), Some(&bytes[..]));
    assert_eq!(rig.server.asked.iter().filter(|asked| asked.starts_with("Write")).count(), 1);
    let mut copy = Local { sparse: true, ..Local::default() };
    run(&mut get(SMALL), &mut rig, &mut copy, true);
    assert!(copy.nodes == local.nodes);
}

/// What cannot be gone on with is left as it is.
#[test]
fn a_longer_copy_is_no_beginning() {
    let settings = Settings { resume: true, ..SMALL };
    let shape = BTreeMap::from([(vec![], Node::Directory), (b"file".to_vec(), Node::File(contents(100)))]);
    let longer = BTreeMap::from([(vec![], Node::Directory), (b"file".to_vec(), Node::File(contents(101)))]);
    let mut local = Local { nodes: longer.clone(), resume: true, ..Local::default() };
    run(&mut get(settings), &mut served(&shape, true), &mut local, true);
    assert_eq!((&local.nodes, local.ends[0].2), (&longer, End::Longer));

    let (mut rig, mut local) = (served(&longer, true), Local { nodes: shape, ..Local::default() });
    run(&mut put(settings, &local), &mut rig, &mut local, false);
    assert_eq!((there(&rig), local.ends[0].2), (longer, End::Longer));
}

/// An empty file is no exception, either way.
#[test]
fn nothing_is_gone_on_with_for_a_source_that_is_empty() {
    let settings = Settings { resume: true, ..SMALL };
    let empty = BTreeMap::from([(vec![], Node::Directory), (b"file".to_vec(), Node::File(vec![]))]);
    let old = BTreeMap::from([(vec![], Node::Directory), (b"file".to_vec(), Node::File(contents(10)))]);
    let mut local = Local { nodes: old.clone(), resume: true, ..Local::default() };
    run(&mut get(settings), &mut served(&empty, true), &mut local, true);
    assert_eq!((&local.nodes, local.ends[0].2), (&old, End::Longer));

    let (mut rig, mut local) = (served(&old, true), Local { nodes: empty, ..Local::default() });
    run(&mut put(settings, &local), &mut rig, &mut local, false);
    assert_eq!((there(&rig), local.ends[0].2), (old, End::Longer));
}

/// How much is there of a file must be known to go on with it.
#[test]
fn a_put_does_not_go_on_where_no_size_is_told() {
    let shape = BTreeMap::from([(vec![], Node::Directory), (b"file".to_vec(), Node::File(contents(100)))]);
    let longer = BTreeMap::from([(vec![], Node::Directory), (b"file".to_vec(), Node::File(contents(300)))]);
    let (mut rig, mut local) = (served(&longer, true), Local { nodes: shape, ..Local::default() });
    // FSTAT is answered by attributes of nothing.
    rig.meddle = Box::new(|_, number| if number == 8 { Fate::Answer(105, vec![0; 4]) } else { Fate::Pass });
    run(&mut put(Settings { resume: true, ..SMALL }, &local), &mut rig, &mut local, false);
    assert_eq!((there(&rig), local.ends[0].2), (longer, End::Failed(Code::BAD_MESSAGE)));
}

/// A rest that was to be asked for, and is found to be behind the end before it was.
#[test]
fn what_is_not_wanted_any_more_is_not_waited_for() {
    let shape = BTreeMap::from([(vec![], Node::Directory), (b"file".to_vec(), Node::File(contents(2000)))]);
    let (mut rig, mut local) = (served(&shape, true), Local::default());
    let mut tree = Tree::new(Way::Get, SMALL);
    let attributes = Attributes { size: Some(2000), permissions: Some(0o100_644), ..Attributes::NONE };
    tree.add(b"/tree/file", &attributes);
    rig.meddle = Box::new(|nth, _| match nth {
        1 => status(Code::EOF),
        2 => Fate::Answer(103, [&500_u32.to_be_bytes()[..], &[7; 500]].concat()),
        _ => Fate::Pass,
    });
    advance(&mut tree, &mut rig, &mut local, true);
    hear(&mut tree, &mut rig, &mut local);
    assert_eq!(advance(&mut tree, &mut rig, &mut local, true), 2, "both halves are asked for");
    rig.answers.swap(0, 1);
    hear(&mut tree, &mut rig, &mut local);
    assert!(matches!(tree.action(), Some(Action::Send(Request::Read { offset: 1500, length: 500, .. }))));
    hear(&mut tree, &mut rig, &mut local);
    run(&mut tree, &mut rig, &mut local, true);
    assert_eq!((local.ends[0].2, tree.window().outstanding()), (End::Short, 0));
}
