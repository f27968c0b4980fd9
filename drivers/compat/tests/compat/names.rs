//! Every documented name is here: `tests/names.txt` has one a row, with what it is called here, and the sources are read
//! for it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Names by which they are imported.
const PATHS: &str = include_str!("paths.rs");
const NAMES: &str = include_str!("../names.txt");

/// Rows of the list: kind, documented name, ours.
fn rows() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    NAMES.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let mut words = line.split(' ');
        let mut word = || words.next().unwrap_or_else(|| panic!("a row that lacks something: {line}"));
        (word(), word(), word())
    })
}

/// What the sources declare in public: `module::Item`, and `Type::member` for methods and fields.
fn declared() -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for entry in fs::read_dir(&source).unwrap().map(|entry| entry.unwrap().path()) {
        let module = entry.file_stem().unwrap().to_str().unwrap().to_owned();
        let files = if entry.is_dir() {
            fs::read_dir(&entry).unwrap().map(|file| file.unwrap().path()).collect()
        } else {
            vec![entry]
        };
        for file in files.iter().filter(|file| file.extension().is_some_and(|end| end == "rs")) {
            read(&module, &fs::read_to_string(file).unwrap(), &mut all);
        }
    }
    all
}

fn read(module: &str, text: &str, all: &mut BTreeSet<String>) {
    let mut owner = String::new();
    for line in text.lines() {
        let item = line.trim_start();
        let depth = line.len() - item.len();
        let head = item.trim_start_matches("pub ").trim_start_matches("const ").trim_start_matches("async ");
        let name = |text: &str| -> String { text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect() };
        let after = |word: &str| head.strip_prefix(word).map(&name);
        match depth {
            0 if head.starts_with("impl") => {
                let target = head.trim_end_matches(" {").rsplit(' ').next().unwrap_or_default();
                owner = name(target.trim_start_matches('&'));
            }
            0 if item.starts_with("pub ") => {
                let found = ["struct ", "enum ", "fn ", "type ", "trait "].iter().find_map(|word| after(word));
                let found = found.unwrap_or_else(|| name(head));
                owner.clone_from(&found);
                all.insert(format!("{module}::{found}"));
            }
            4 if item.starts_with("pub fn ") || item.starts_with("pub const fn ") => {
                all.insert(format!("{owner}::{}", after("fn ").unwrap_or_default()));
            }
            4 if item.starts_with("pub ") => drop(all.insert(format!("{owner}::{}", name(head)))),
            // Rows of the tables that macros turn into items.
            4 if item.contains(" = ") => drop(all.insert(format!("{module}::{}", name(item)))),
            // The root of the exceptions, which all rows lead to.
            _ if item == "SSH2Error," => drop(all.insert(format!("{module}::SSH2Error"))),
            _ => {}
        }
    }
}

#[test]
fn there_are_312_names_each_once() {
    let documented: BTreeSet<_> = rows().map(|(_, documented, _)| documented).collect();
    assert_eq!((rows().count(), documented.len()), (312, 312));
    assert!(documented.iter().all(|name| name.starts_with("ssh2.")));
}

#[test]
fn every_documented_name_is_declared() {
    let declared = declared();
    let missing = rows().filter(|(kind, _, ours)| {
        let path: Vec<_> = ours.trim_start_matches("sanssh_compat::").split("::").collect();
        let member = matches!(*kind, "method" | "attribute");
        let imported = |name: &str| PATHS.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == name);
        let wanted = if member { path[path.len() - 2..].join("::") } else { path.join("::") };
        !declared.contains(&wanted) || !(member || imported(path[path.len() - 1]))
    });
    let missing: Vec<_> = missing.map(|(_, documented, ours)| format!("{documented} as {ours}")).collect();
    assert!(missing.is_empty(), "not declared:\n{}", missing.join("\n"));
}
