//! Trees: what arrives is what was there, and whatever does not is told.

use crate::{M, everywhere, noise, openssh, path};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use sanssh_std::core::sftp::tree::{Links, Skipped};
use sanssh_std::{Copy, CopyEvent, Error, Sftp};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

/// What a directory holds, as lines: paths, kinds, sizes and modes, links with their targets.
fn listing(root: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    let mut waiting = vec![root.to_owned()];
    while let Some(directory) = waiting.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let metadata = path.symlink_metadata().unwrap();
            let name = path.strip_prefix(root).unwrap().display().to_string();
            let mode = metadata.mode() & 0o777;
            if metadata.is_dir() {
                lines.push(format!("{name}/ {mode:o}"));
                waiting.push(path);
            } else if metadata.is_symlink() {
                lines.push(format!("{name} -> {}", fs::read_link(&path).unwrap().display()));
            } else {
                let sum =
                    fs::read(&path).unwrap().iter().fold(0_u64, |sum, byte| sum.wrapping_mul(31) + u64::from(*byte));
                lines.push(format!("{name} {mode:o} {} {sum:x}", metadata.len()));
            }
        }
    }
    lines.sort();
    lines
}

/// Three levels, 200 small files, large ones, an empty directory, names that are hard, and a link.
fn plant(root: &Path) {
    for directory in ["", "a", "a/b", "a/b/c", "empty", "ü\n "] {
        fs::create_dir_all(root.join(directory)).unwrap();
    }
    for i in 0..200_u64 {
        let directory = ["", "a", "a/b", "a/b/c", "ü\n "][usize::try_from(i % 5).unwrap()];
        fs::write(root.join(directory).join(format!("file {i}")), noise(i * 37)).unwrap();
    }
    fs::write(root.join("a/large"), noise(3 * M)).unwrap();
    fs::set_permissions(root.join("a/large"), fs::Permissions::from_mode(0o600)).unwrap();
    symlink("a/large", root.join("link")).unwrap();
}

#[test]
fn trees_both_ways() {
    everywhere(|sftp| {
        let here = tempfile::tempdir().unwrap();
        let (source, _) = path(&here, "source");
        plant(&source);
        let mut kept = listing(&source);
        let copy = Copy { links: Links::Keep, preserve: true, ..Copy::default() };
        let (there, name) = path(&here, "there");
        sftp.put_tree(&source, &name, &copy, &mut |_| ()).unwrap();
        assert_eq!(listing(&there), kept);
        let (back, _) = path(&here, "back");
        let mut files = BTreeSet::new();
        let report = sftp.get_tree(&name, &back, &copy, &mut |event| {
            let CopyEvent::Progress(at) = event else { panic!("{event:?}") };
            files.insert(at.name.to_vec());
        });
        let report = report.unwrap();
        assert_eq!((report.files, report.directories, report.links, report.failed), (201, 6, 1, 0));
        assert_eq!(listing(&back), kept);
        assert_eq!(files.len(), 201);
        kept.retain(|line| !line.contains("->"));
        let (plain, _) = path(&here, "plain");
        let report = sftp.get_tree(&name, &plain, &Copy { preserve: true, ..Copy::default() }, &mut |_| ()).unwrap();
        assert_eq!((report.files, report.skipped), (201, 1));
        assert_eq!(listing(&plain), kept);
    });
}

#[test]
fn a_tree_does_not_follow_links_that_stand_in_its_way() {
    let Some(bare) = openssh() else { return };
    let here = tempfile::tempdir().unwrap();
    let (source, name) = path(&here, "source");
    fs::create_dir_all(source.join("d")).unwrap();
    fs::write(source.join("d/f"), "evil").unwrap();
    fs::write(source.join("g"), "evil").unwrap();
    let (target, _) = path(&here, "target");
    let (outside, _) = path(&here, "outside");
    fs::create_dir_all(&target).unwrap();
    fs::create_dir_all(&outside).unwrap();
    fs::write(outside.join("g"), "good").unwrap();
    symlink(&outside, target.join("d")).unwrap();
    symlink(outside.join("g"), target.join("g")).unwrap();
    let error = bare.sftp().get_tree(&name, &target, &Copy::default(), &mut |_| ()).unwrap_err();
    let Error::Incomplete { report, first } = error else { panic!("{error}") };
    assert!(matches!(*first, Error::File { .. }) && (report.files, report.failed) == (0, 2), "{first}: {report:?}");
    assert_eq!(listing(&outside).len(), 1);
    assert_eq!(fs::read_to_string(outside.join("g")).unwrap(), "good");
}

/// What is told of a tree, by the path below its root: that it was left out, or why it failed.
fn told(root: &Path, copy: impl FnOnce(&mut dyn FnMut(CopyEvent<'_>))) -> BTreeMap<String, Result<Skipped, Error>> {
    let mut told = BTreeMap::new();
    let below = |name: &[u8]| String::from_utf8_lossy(&name[root.as_os_str().len()..]).into_owned();
    copy(&mut |event| {
        let (name, what) = match event {
            CopyEvent::Progress(_) => return,
            CopyEvent::Failed { name, why } => (name, Err(why)),
            CopyEvent::Skipped { name, why } => (name, Ok(why)),
        };
        assert!(told.insert(below(name), what).is_none(), "{} is told twice", name.escape_ascii());
    });
    told
}

/// Files, and whatever else directories hold.
fn odds(root: &Path) {
    fs::create_dir_all(root.join("d")).unwrap();
    for name in ["f", "d/f", "d/g", "d/h"] {
        fs::write(root.join(name), name).unwrap();
    }
    symlink("f", root.join("link")).unwrap();
    symlink("nowhere", root.join("d/dangling")).unwrap();
    for name in ["fifo", "d/fifo"] {
        mknodat(CWD, root.join(name), FileType::Fifo, Mode::RWXU, 0).unwrap();
    }
}

/// Both ways, with this option, into a target where directories stand in the way of two files.
fn both_ways(sftp: &Sftp, links: Links, check: impl Fn(BTreeMap<String, Result<Skipped, Error>>, [u64; 3])) {
    let here = tempfile::tempdir().unwrap();
    let (source, name) = path(&here, "source");
    odds(&source);
    for gets in [true, false] {
        let (target, there) = path(&here, if gets { "got" } else { "put" });
        fs::create_dir_all(target.join("d/f")).unwrap();
        fs::create_dir_all(target.join("d/h")).unwrap();
        let copy = Copy { links, ..Copy::default() };
        let mut outcome = None;
        let told = told(&source, |tell| {
            outcome = Some(match gets {
                true => sftp.get_tree(&name, &target, &copy, tell),
                false => sftp.put_tree(&source, &there, &copy, tell),
            });
        });
        let error = outcome.unwrap().unwrap_err();
        let Error::Incomplete { report, .. } = &error else { panic!("{error}") };
        assert!(error.to_string().ends_with(&format!("; {} in all were not copied", report.failed)), "{error}");
        check(told, [report.files, report.failed, report.skipped]);
        for name in ["f", "d/g"] {
            assert_eq!(fs::read_to_string(target.join(name)).unwrap(), name);
        }
    }
}

#[test]
fn whatever_is_not_copied_is_told() {
    everywhere(|sftp| {
        both_ways(sftp, Links::Skip, |told, counts| {
            assert_eq!(counts, [2, 2, 4]);
            let skipped = [("/d/dangling", Skipped::Link), ("/d/fifo", Skipped::Special), ("/fifo", Skipped::Special)];
            for (name, why) in skipped.into_iter().chain([("/link", Skipped::Link)]) {
                assert_eq!(told[name].as_ref().ok(), Some(&why), "{name}");
            }
            assert!(told["/d/f"].is_err() && told["/d/h"].is_err() && told.len() == 6, "{told:?}");
        });
        both_ways(sftp, Links::Follow, |told, counts| {
            assert_eq!(counts, [3, 3, 2]);
            for name in ["/d/dangling", "/d/f", "/d/h"] {
                assert!(told[name].is_err(), "{name}");
            }
            assert_eq!(told.len(), 5, "{told:?}");
        });
    });
}

#[test]
fn however_much_is_left_out_all_of_it_is_told() {
    let Some(bare) = openssh() else { return };
    let here = tempfile::tempdir().unwrap();
    let (source, name) = path(&here, "source");
    fs::create_dir(&source).unwrap();
    for number in 0..1000 {
        symlink("nowhere", source.join(number.to_string())).unwrap();
    }
    let (target, there) = path(&here, "target");
    for gets in [true, false] {
        let told = told(&source, |tell| {
            let report = match gets {
                true => bare.sftp().get_tree(&name, &target, &Copy::default(), tell),
                false => bare.sftp().put_tree(&source, &there, &Copy::default(), tell),
            };
            assert_eq!(report.unwrap().skipped, 1000);
        });
        assert_eq!(told.len(), 1000);
    }
}

#[test]
fn what_is_no_file_is_not_fetched_as_one() {
    let Some(bare) = openssh() else { return };
    let here = tempfile::tempdir().unwrap();
    let (_, name) = path(&here, "");
    let (target, _) = path(&here, "target");
    for _ in 0..3 {
        let error = bare.sftp().get(&name, &target, &Copy::default(), &mut |_| ()).unwrap_err();
        assert!(error.to_string().ends_with(": not a regular file"), "{error}");
        assert!(!target.exists());
    }
    // What was opened meanwhile is closed, or it could not be that often.
    assert!(bare.sftp().metadata(&name).is_ok());
    let (fifo, name) = path(&here, "fifo");
    mknodat(CWD, &fifo, FileType::Fifo, Mode::RWXU, 0).unwrap();
    let error = bare.sftp().get(&name, &target, &Copy::default(), &mut |_| ()).unwrap_err();
    assert!(error.to_string().ends_with(": not a regular file"), "{error}");
    // The server waits for a writer.
    drop(fs::File::options().write(true).open(&fifo).unwrap());
    assert!(bare.sftp().metadata(&name).is_ok());
}
