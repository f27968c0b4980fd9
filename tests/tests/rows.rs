//! The index of what must be refused and what must be accepted, held to the truth: `rows.txt` has every row of the
//! tables, its rule, the tests that bear its number, and a reason where there is none.
//!
//! A row is `ID rule`; below it stand `path test` for each test, `but` with what of it cannot apply, or `none` with the
//! reason why nothing can. `BLESS=1` writes the tests that there are, and drops reasons that no longer hold.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// Where tests stand.
const SOURCES: [&str; 7] = ["core/src", "core/tests", "drivers", "examples", "tests/src", "tests/tests", "tests/fuzz"];
/// How many rows each table has.
const TABLES: [(char, usize); 14] = [
    ('A', 8),
    ('B', 19),
    ('C', 34),
    ('D', 23),
    ('E', 30),
    ('F', 14),
    ('G', 16),
    ('H', 28),
    ('I', 20),
    ('J', 9),
    ('K', 11),
    ('L', 18),
    ('M', 12),
    ('T', 14),
];

/// A row's place: its table, and its number there.
type Id = (char, usize);
/// A file and a test in it.
type Test = (String, String);

/// A row of the index.
#[derive(Debug, Default)]
struct Row {
    rule: String,
    /// `but` and `none`, with their reasons.
    words: Vec<String>,
    tests: BTreeSet<Test>,
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// The rows that a test's name begins with.
fn ids(name: &str) -> Vec<Id> {
    let id = |word: &str| {
        let table = word.chars().next()?.to_ascii_uppercase();
        TABLES.iter().find(|(known, _)| *known == table)?;
        Some((table, word[1..].parse().ok()?))
    };
    name.split('_').map_while(id).collect()
}

/// The tests of a file.
fn tests(text: &str) -> impl Iterator<Item = &str> {
    let mut marked = false;
    text.lines().map(str::trim).filter_map(move |line| {
        assert!(!(marked && line.starts_with("#[ignore")), "no test is left out: {line}");
        let name = line.strip_prefix("fn ").and_then(|rest| rest.split('(').next());
        let found = name.filter(|_| marked);
        marked = line == "#[test]" || (marked && (line.starts_with("#[") || line.starts_with("//")));
        found
    })
}

/// Every test that is named by rows.
fn found() -> BTreeMap<Id, BTreeSet<Test>> {
    let mut found = BTreeMap::<_, BTreeSet<_>>::new();
    for path in SOURCES.iter().flat_map(|source| files(&Path::new(ROOT).join(source))) {
        if path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let text = fs::read_to_string(&path).expect("a source");
        let place = path.strip_prefix(ROOT).expect("below the root").with_extension("");
        for name in tests(&text) {
            for id in ids(name) {
                found.entry(id).or_default().insert((place.to_string_lossy().into_owned(), name.to_owned()));
            }
        }
    }
    found
}

fn index() -> BTreeMap<Id, Row> {
    let mut rows = BTreeMap::<Id, Row>::new();
    let mut last = None;
    for line in include_str!("../rows.txt").lines() {
        if let Some(line) = line.strip_prefix("    ") {
            let row = last.and_then(|id| rows.get_mut(&id)).expect("a row above");
            match line.split_once(' ').expect("two words") {
                ("but" | "none", _) => row.words.push(line.to_owned()),
                (path, test) => assert!(row.tests.insert((path.to_owned(), test.to_owned())), "{line} stands twice"),
            }
        } else if !line.is_empty() {
            let (word, rule) = line.split_once(' ').expect("a row and its rule");
            let &[id] = &ids(word)[..] else { panic!("{word} is no row") };
            last = Some(id);
            let row = Row { rule: rule.to_owned(), ..Row::default() };
            assert!(rows.insert(id, row).is_none(), "{word} stands twice");
        }
    }
    rows
}

fn name((table, number): Id) -> String {
    if table == 'T' { format!("T{number}") } else { format!("{table}{number:02}") }
}

fn write(rows: &BTreeMap<Id, Row>, found: &BTreeMap<Id, BTreeSet<Test>>) {
    let mut text = String::new();
    for (id, row) in rows {
        let tests = found.get(id).into_iter().flatten().map(|(path, test)| format!("{path} {test}"));
        let words = row.words.iter().filter(|word| !(found.contains_key(id) && word.starts_with("none ")));
        let below: String = tests.chain(words.cloned()).map(|line| format!("    {line}\n")).collect();
        text.push_str(&format!("{} {}\n{below}", name(*id), row.rule));
    }
    fs::write(Path::new(ROOT).join("tests/rows.txt"), text).expect("the index is written");
}

#[test]
fn the_index_is_true() {
    let (rows, found) = (index(), found());
    let wanted = TABLES.iter().flat_map(|(table, count)| (1..=*count).map(|number| (*table, number)));
    assert!(rows.keys().copied().eq(wanted.clone()), "a row is missing, or is one too many");
    let strays: Vec<_> = found.iter().filter(|(id, _)| !rows.contains_key(id)).collect();
    assert!(strays.is_empty(), "tests of rows that there are not: {strays:?}");
    if std::env::var_os("BLESS").is_some() {
        return write(&rows, &found);
    }
    for (id, row) in &rows {
        let (name, none) = (name(*id), BTreeSet::new());
        let there = found.get(id).unwrap_or(&none);
        let gone: Vec<_> = row.tests.difference(there).collect();
        let new: Vec<_> = there.difference(&row.tests).collect();
        assert!(gone.is_empty(), "{name} names tests that there are not: {gone:?}");
        assert!(new.is_empty(), "{name} lacks tests that bear its number (BLESS=1 adds them): {new:?}");
        let excused = row.words.iter().any(|word| word.starts_with("none "));
        assert!(excused == row.tests.is_empty(), "{name} has tests, or a reason why there are none");
        assert!(row.words.len() < 2 && !row.rule.is_empty(), "{name} has a rule, and one reason at most");
    }
}
