//! Nothing leads out of a directory that is served, and everything in it does what files do.

use super::copy::by_hand;
use super::{Directory, Share, attributes_of, bare, change, copy};
use rustix::io::Errno;
use sanssh_core::sftp::{Access, Attributes, Times};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink};
use std::path::PathBuf;
use tempfile::TempDir;

const READ: Access = Access::READ;
const MAKE: Access = Access::WRITE.and(Access::CREATE);
const SECRET: &[u8] = b"secret";

/// `u1` to serve, and beside it what must not be reached.
fn house() -> (TempDir, PathBuf) {
    let house = tempfile::tempdir().unwrap();
    let root = house.path().join("u1");
    fs::create_dir_all(root.join("a/b")).unwrap();
    fs::create_dir(house.path().join("u10")).unwrap();
    for secret in ["secret", "u10/x"] {
        fs::write(house.path().join(secret), SECRET).unwrap();
    }
    fs::write(root.join("a/file"), "inside").unwrap();
    (house, root)
}

fn served(root: &PathBuf) -> Directory {
    Directory::open(root, &Share::default()).unwrap()
}

fn content(directory: &Directory, path: &[u8]) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    directory.file(path, READ, &Attributes::NONE)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn number(error: &io::Error) -> Option<Errno> {
    Errno::from_io_error(error)
}

#[test]
fn i10_nothing_leads_out() {
    let (house, root) = house();
    let out = house.path().join("secret");
    symlink(&out, root.join("absolute")).unwrap();
    symlink("../secret", root.join("relative")).unwrap();
    symlink("../../../secret", root.join("a/b/far")).unwrap();
    symlink(house.path(), root.join("up")).unwrap();
    symlink("..", root.join("parent")).unwrap();
    symlink(house.path().join("u10"), root.join("neighbour")).unwrap();
    let directory = served(&root);
    let real = root.to_str().unwrap();
    for path in [
        "../secret",
        "/../secret",
        "a/../../secret",
        "/a/b/../../../secret",
        "absolute",
        "relative",
        "a/b/far",
        "up/secret",
        "parent/secret",
        "neighbour/x",
        "../u10/x",
        "/../u10/x",
        "a/b/../../../u10/x",
        &format!("{real}0/x"),
        out.to_str().unwrap(),
        "parent/parent/parent/secret",
        "/proc/self/root/etc/passwd",
    ] {
        let path = path.as_bytes();
        let text = String::from_utf8_lossy(path);
        assert_eq!(number(&content(&directory, path).unwrap_err()), Some(Errno::NOENT), "{text}");
        assert!(directory.attributes(path).is_err(), "{text}");
        // What the path of a link or of nothing is called is inside as well.
        if let Ok(shown) = directory.real_path(path) {
            assert!(!shown.starts_with(real.as_bytes()), "{text}: {}", String::from_utf8_lossy(&shown));
        }
    }
    assert_eq!(directory.attributes(b"/..").unwrap(), directory.attributes(b"/").unwrap());
    // A name where a link leads out is made inside, if there is a place for it, and never outside.
    symlink("/made", root.join("dangling")).unwrap();
    drop(directory.file(b"dangling", MAKE, &Attributes::NONE).unwrap());
    assert!(root.join("made").is_file());
    assert_eq!(fs::read(out).unwrap(), SECRET);
}

#[test]
fn i10_answers_do_not_show_the_root() {
    let (_house, root) = house();
    symlink(root.join("a/file"), root.join("own")).unwrap();
    symlink(&root, root.join("self")).unwrap();
    symlink("a/../a/file", root.join("relative")).unwrap();
    symlink(root.with_file_name("u10"), root.join("other")).unwrap();
    let directory = served(&root);
    assert_eq!(directory.read_link(b"own").unwrap(), b"/a/file");
    assert_eq!(directory.read_link(b"self").unwrap(), b"/");
    assert_eq!(directory.read_link(b"relative").unwrap(), b"a/../a/file");
    assert_eq!(content(&directory, b"own").unwrap(), b"inside");
    assert_eq!(content(&directory, b"self/self/a/file").unwrap(), b"inside");
    for (path, real) in [
        ("", None),
        (".", Some("/")),
        ("..", Some("/")),
        ("own", Some("/a/file")),
        ("self/a/b/..", Some("/a")),
        ("a/new", Some("/a/new")),
        ("no/new", None),
        ("a//./b/", Some("/a/b")),
        ("a/file/x", None),
    ] {
        let shown = directory.real_path(path.as_bytes()).ok();
        assert_eq!(shown.as_deref(), real.map(str::as_bytes), "{path}");
    }
}

/// Somebody who may write there swaps a directory for a link out while paths are walked: none ever gets out.
#[test]
fn i10_a_race_leads_nowhere() {
    let (house, root) = house();
    fs::create_dir(root.join("d")).unwrap();
    fs::write(root.join("d/secret"), "inside").unwrap();
    symlink(house.path(), root.join("link")).unwrap();
    let directory = served(&root);
    let swap = |from: &str, to: &str| fs::rename(root.join(from), root.join(to)).unwrap();
    std::thread::scope(|all| {
        let reader = all.spawn(|| {
            for _ in 0..20_000 {
                match content(&directory, b"d/secret") {
                    Ok(bytes) => assert_eq!(bytes, b"inside"),
                    // In between there may be nothing, or something else than a moment before.
                    Err(error) => assert!(matches!(number(&error), Some(Errno::NOENT | Errno::NOTDIR))),
                }
            }
        });
        while !reader.is_finished() {
            swap("d", "kept");
            swap("link", "d");
            swap("d", "link");
            swap("kept", "d");
        }
        reader.join().unwrap();
    });
}

#[test]
fn links_in_circles_and_paths_without_end() {
    let (_house, root) = house();
    symlink("b", root.join("a/a")).unwrap();
    symlink("two", root.join("one")).unwrap();
    symlink("one", root.join("two")).unwrap();
    let directory = served(&root);
    assert_eq!(number(&content(&directory, b"one/x").unwrap_err()), Some(Errno::LOOP));
    assert_eq!(number(&directory.attributes(b"one").unwrap_err()), Some(Errno::LOOP));
    assert!(directory.own_attributes(b"one").is_ok());
    for long in [b"a/../".repeat(20_000), b"a/".repeat(5000), vec![b'x'; 65_536]] {
        assert_eq!(number(&content(&directory, &long).unwrap_err()), Some(Errno::NAMETOOLONG));
    }
    let deep = PathBuf::from("d/".repeat(300));
    fs::create_dir_all(root.join(&deep)).unwrap();
    assert_eq!(number(&directory.attributes(&b"d/".repeat(300)).unwrap_err()), Some(Errno::NAMETOOLONG));
    assert!(directory.attributes(&b"d/".repeat(200)).is_ok());
    for nul in [&b"a\0b"[..], b"\0", b"a/file\0"] {
        assert_eq!(number(&content(&directory, nul).unwrap_err()), Some(Errno::NOENT));
    }
}

#[test]
fn i11_read_only_changes_nothing() {
    let (_house, root) = house();
    let directory = Directory::open(&root, &Share { read_only: true, ..Share::default() }).unwrap();
    let before: Vec<_> = fs::read_dir(root.join("a")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    let none = Attributes::NONE;
    let set = Attributes { permissions: Some(0o600), size: Some(0), ..none };
    for access in
        [MAKE, Access::WRITE, Access::APPEND, Access::READ.and(Access::TRUNCATE), Access::READ.and(Access::CREATE)]
    {
        for path in [&b"a/file"[..], b"a/new"] {
            assert_eq!(number(&directory.file(path, access, &none).unwrap_err()), Some(Errno::ROFS));
        }
    }
    for refused in [
        directory.change(b"a/file", &set),
        directory.change_own(b"a/file", &set),
        directory.remove_file(b"a/file"),
        directory.remove_directory(b"a/b"),
        directory.make_directory(b"a/new", &none),
        directory.rename_to_free(b"a/file", b"a/new"),
        directory.rename_over(b"a/file", b"a/new"),
        directory.link(b"file", b"a/new"),
        directory.hard_link(b"a/file", b"a/new"),
    ] {
        assert_eq!(number(&refused.unwrap_err()), Some(Errno::ROFS));
    }
    let after: Vec<_> = fs::read_dir(root.join("a")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(before, after);
    assert_eq!(content(&directory, b"a/file").unwrap(), b"inside");
}

#[test]
fn names_come_and_go() {
    let (_house, root) = house();
    let directory = served(&root);
    let none = Attributes::NONE;
    for name in ["with blank", "new\nline", "\u{fc}ber", "-rf", "*", "..."] {
        let path = [b"a/", name.as_bytes()].concat();
        directory.file(&path, MAKE.and(Access::EXCLUSIVE), &none).unwrap().write_all(b"x").unwrap();
        let again = directory.file(&path, MAKE.and(Access::EXCLUSIVE), &none).unwrap_err();
        assert_eq!(number(&again), Some(Errno::EXIST));
        assert!(root.join("a").join(name).is_file());
        assert!(directory.entries(b"a").unwrap().any(|entry| entry.unwrap().name == name.as_bytes()));
        directory.remove_file(&path).unwrap();
        assert_eq!(number(&directory.attributes(&path).unwrap_err()), Some(Errno::NOENT));
    }
    directory.make_directory(b"/made/", &Attributes { permissions: Some(0o40_700), ..none }).unwrap();
    assert_eq!(fs::metadata(root.join("made")).unwrap().mode(), 0o40_700);
    directory.rename_to_free(b"made", b"moved/").unwrap();
    directory.hard_link(b"a/file", b"moved/file").unwrap();
    assert_eq!(number(&directory.remove_directory(b"moved").unwrap_err()), Some(Errno::NOTEMPTY));
    assert_eq!(number(&directory.rename_to_free(b"a/file", b"moved/file").unwrap_err()), Some(Errno::EXIST));
    directory.rename_over(b"a/file", b"moved/other").unwrap();
    directory.rename_over(b"moved/other", b"a/file").unwrap();
    directory.remove_file(b"moved/file").unwrap();
    directory.remove_directory(b"moved/").unwrap();
    // The root itself stays.
    for root in [&b"/"[..], b".", b"..", b"a/.."] {
        assert!(directory.remove_directory(root).is_err() && directory.remove_file(root).is_err());
        assert!(directory.rename_over(root, b"elsewhere").is_err() && directory.rename_over(b"a", root).is_err());
    }
}

#[test]
fn a_name_that_is_taken_stays_without_help_of_the_system() {
    let (_house, root) = house();
    let directory = served(&root);
    let place = |path: &'static [u8]| directory.walk(path, super::Last::Keep).unwrap();
    fs::write(root.join("taken"), "kept").unwrap();
    let rename = |old, new| super::link_and_unlink(&place(old), &place(new));
    assert_eq!(rename(b"a/file", b"taken"), Err(Errno::EXIST));
    assert_eq!(rename(b"a/b", b"taken"), Err(Errno::EXIST));
    assert_eq!(rename(b"no", b"taken"), Err(Errno::NOENT));
    assert_eq!([rename(b"a/file", b"free"), rename(b"a/b", b"c")], [Ok(()); 2]);
    assert_eq!(fs::read(root.join("taken")).unwrap(), b"kept");
    assert!(root.join("free").is_file() && root.join("c").is_dir() && !root.join("a/b").exists());
}

#[test]
fn attributes_are_set_on_files_and_on_links() {
    let (_house, root) = house();
    symlink("file", root.join("a/link")).unwrap();
    let directory = served(&root);
    let times = Times { accessed: 1_000_000, modified: u32::MAX };
    let to = Attributes { size: Some(3), permissions: Some(0o100_000), times: Some(times), ..Attributes::NONE };
    directory.change(b"a/link", &to).unwrap();
    let got = directory.attributes(b"a/file").unwrap();
    assert_eq!((got.size, got.permissions, got.times), (Some(3), Some(0o100_000), Some(times)));
    let own = Attributes { times: Some(Times { accessed: 5, modified: 6 }), ..Attributes::NONE };
    directory.change_own(b"a/link", &own).unwrap();
    assert_eq!(directory.own_attributes(b"a/link").unwrap().times, own.times);
    assert_eq!(directory.attributes(b"a/link").unwrap().times, to.times);
    // The permissions of a link are nobody's concern, and its target's must not change instead.
    let mode = Attributes { permissions: Some(0o777), ..Attributes::NONE };
    assert!(directory.change_own(b"a/link", &mode).is_err());
    assert_eq!(directory.attributes(b"a/file").unwrap().permissions, Some(0o100_000));
    directory.change(b"a/file", &mode).unwrap();
    let file = directory.file(b"a/file", Access::WRITE, &Attributes::NONE).unwrap();
    change(&file, &Attributes { size: Some(1 << 40), permissions: Some(0o600), ..Attributes::NONE }).unwrap();
    let got = attributes_of(&file).unwrap();
    assert_eq!((got.size, got.permissions), (Some(1 << 40), Some(0o100_600)));
    assert!(directory.change(b"no", &Attributes::NONE).is_err());
}

#[test]
fn a_fifo_holds_nobody_up() {
    let (_house, root) = house();
    rustix::fs::mkfifoat(rustix::fs::CWD, root.join("fifo"), rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR).unwrap();
    let directory = served(&root);
    let file = directory.file(b"fifo", READ, &Attributes::NONE).unwrap();
    assert!(file.read_at(&mut [0; 8], 0).is_err());
    drop(file);
    assert_eq!(number(&directory.file(b"fifo", Access::WRITE, &Attributes::NONE).unwrap_err()), Some(Errno::NXIO));
}

#[test]
fn links_that_others_laid_are_not_followed() {
    let (_house, root) = house();
    let shared = root.join("shared");
    fs::create_dir(&shared).unwrap();
    fs::set_permissions(&shared, fs::Permissions::from_mode(0o1777)).unwrap();
    symlink("/a/file", shared.join("link")).unwrap();
    let directory = served(&root);
    assert_eq!(content(&directory, b"shared/link").unwrap(), b"inside");
    // Only root can lay links in the name of others.
    if rustix::process::geteuid().is_root() {
        std::os::unix::fs::lchown(shared.join("link"), Some(12_345), None).unwrap();
        assert_eq!(number(&content(&directory, b"shared/link").unwrap_err()), Some(Errno::ACCESS));
    }
}

#[test]
fn the_home_and_what_is_above() {
    let (_house, root) = house();
    let share = |home: &str| Share { home: home.into(), ..Share::default() };
    let directory = Directory::open(&root, &share("/a")).unwrap();
    assert_eq!(content(&directory, b"file").unwrap(), b"inside");
    for (path, real) in [(".", "/a"), ("..", "/"), ("b", "/a/b"), ("/b", "/b")] {
        assert_eq!(directory.real_path(path.as_bytes()).unwrap(), real.as_bytes());
    }
    for (path, real) in [("~", "/a"), ("~/b", "/a/b"), ("b", "/a/b"), ("./~", "/a/~")] {
        assert_eq!(directory.expanded(path.as_bytes()).unwrap(), real.as_bytes());
    }
    assert!(directory.expanded(b"~root").is_err() && directory.home_of(b"root").is_err());
    assert_eq!(directory.home_of(b"").unwrap(), b"/a");
    // A home that is not there, or no directory, is the root.
    for home in ["/no", "/a/file", ""] {
        assert_eq!(Directory::open(&root, &share(home)).unwrap().real_path(b".").unwrap(), b"/");
    }
    assert!(Directory::open(root.join("no"), &Share::default()).is_err());
    let whole = Directory::open("/", &Share::default()).unwrap();
    assert_eq!(whole.read_link(b"/proc/self/root").unwrap(), b"/");
    assert_eq!(
        whole.real_path(root.to_str().unwrap().as_bytes()).unwrap(),
        fs::canonicalize(&root).unwrap().to_str().unwrap().as_bytes()
    );
}

#[test]
fn the_listing_of_the_root_ends_there() {
    let (_house, root) = house();
    let directory = served(&root);
    let own = |path: &[u8], name: &str| {
        directory.entries(path).unwrap().map(Result::unwrap).find(|entry| entry.name == name.as_bytes()).unwrap()
    };
    assert_eq!(own(b"/", "..").attributes, own(b"/", ".").attributes);
    assert_eq!(own(b"a", "..").attributes, own(b"/", ".").attributes);
    let line = String::from_utf8(own(b"a", "file").line).unwrap();
    assert!(line.starts_with("-rw") && line.contains(" 6 ") && line.ends_with(" file"), "{line}");
}

#[test]
fn copies_are_whole() {
    let (_house, root) = house();
    let bytes: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
    fs::write(root.join("from"), &bytes).unwrap();
    let (from, to) = (File::open(root.join("from")).unwrap(), File::create(root.join("to")).unwrap());
    for alone in [false, true] {
        to.set_len(0).unwrap();
        let step = if alone { by_hand } else { copy };
        let mut done = 0;
        while let n @ 1.. = step(&from, 7 + done, &to, 1 + done, 1 << 40).unwrap() {
            done += n;
        }
        assert_eq!(&fs::read(root.join("to")).unwrap()[1..], &bytes[7..]);
    }
}

#[test]
fn slashes_at_the_end() {
    for (path, without) in [("a/", "a"), ("a//", "a"), ("/", "/"), ("//", "/"), ("", ""), ("/a/b", "/a/b")] {
        assert_eq!(bare(path.as_bytes()), without.as_bytes());
    }
}
