//! The direction in which core's modules may know each other, read off their `use crate::` lines: `wire`, `crypto`,
//! `transport`, then `auth` and `channel` side by side, and `connection` on top. Words that all layers share are free.

use std::fs;
use std::path::{Path, PathBuf};

/// Modules that every layer may use: they hold words, not behaviour of a layer.
const SHARED: [&str; 9] = ["algorithm", "config", "error", "event", "buf", "time", "seed", "role", "log"];

/// Names at the root of the crate that are re-exports of shared words.
const ROOT: [&str; 8] = ["Waiting", "Input", "Output", "Rx", "Tx", "Instant", "Error", "Refused"];

/// Each layer and the layers it may use besides itself.
const LAYERS: [(&str, &[&str]); 15] = [
    ("wire", &[]),
    ("crypto", &["wire"]),
    ("transport", &["crypto", "wire"]),
    ("auth", &["transport", "crypto", "wire"]),
    ("channel", &["transport", "crypto", "wire"]),
    ("connection", &["channel", "auth", "transport", "crypto", "wire"]),
    ("file", &["crypto", "wire"]),
    ("sftp", &["wire"]),
    ("scp", &["sftp", "wire"]),
    ("forward", &[]),
    ("agent", &["crypto", "wire"]),
    ("pubkey", &["wire"]),
    ("keyring", &["agent", "file", "crypto", "wire"]),
    ("replay", &["channel", "auth", "transport", "file", "crypto", "wire"]),
    ("turn", &["channel", "crypto"]),
];

/// One `use crate::` of a file.
#[derive(Debug)]
struct Use {
    place: String,
    /// The module the file belongs to: the first part of its path.
    from: String,
    /// The module or name that is used.
    to: String,
}

fn sources(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).expect("a directory of core");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths.into_iter().flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
}

/// What the lines of one file use of the crate. A list in braces is taken apart, over several lines as well.
fn uses(path: &Path, root: &Path) -> Vec<Use> {
    let text = fs::read_to_string(path).expect("a source file");
    let inner = path.strip_prefix(root).expect("inside core/src");
    let first = inner.components().next().expect("a name").as_os_str().to_string_lossy().into_owned();
    let from = first.trim_end_matches(".rs").to_owned();
    let mut found = Vec::new();
    for (number, _) in text.match_indices("use crate::") {
        let line = text[..number].matches('\n').count() + 1;
        let end = text[number..].find(';').map_or(text.len(), |end| number + end);
        let tree = text[number..end].trim_start_matches("use crate::");
        for to in heads(tree) {
            found.push(Use { place: format!("core/src/{}:{line}", inner.display()), from: from.clone(), to });
        }
    }
    found
}

/// The first names of a use tree: `a::b` gives `a`, `{a, b::{c, d}}` gives `a` and `b`.
fn heads(tree: &str) -> Vec<String> {
    let Some(list) = tree.trim().strip_prefix('{').and_then(|list| list.strip_suffix('}')) else {
        let head = tree.trim().split(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap_or("");
        return vec![head.to_owned()];
    };
    let mut depth = 0;
    let parts = list.split(|c: char| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        c == ',' && depth == 0
    });
    parts.filter(|part| !part.trim().is_empty()).flat_map(heads).collect()
}

/// Names at the root that stand for the whole, which embedders use, and of the modules those that are like them.
const WHOLE: [&str; 8] = ["Ask", "ChannelId", "Config", "Connection", "Event", "Reason", "Seed", "Slot"];

fn is_allowed(edge: &Use) -> bool {
    let Use { from, to, .. } = edge;
    if ["replay", "turn"].contains(&from.as_str()) && WHOLE.contains(&to.as_str()) {
        return true;
    }
    let shared = SHARED.contains(&to.as_str()) || ROOT.contains(&to.as_str());
    if from == to || shared {
        return true;
    }
    match LAYERS.iter().find(|(layer, _)| layer == from) {
        Some((_, below)) => below.contains(&to.as_str()),
        // Shared words name things of the layers, but nothing names the connection; the root only declares.
        None => to != "connection" || from == "lib",
    }
}

#[test]
fn no_module_uses_one_that_it_must_not_know() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/src");
    let files = sources(&root);
    assert!(files.len() > 40, "the sources of core are looked at");
    let all: Vec<_> = files.iter().flat_map(|path| uses(path, &root)).collect();
    assert!(all.len() > 100, "their uses are found: {}", all.len());
    let bad: Vec<_> = all.iter().filter(|edge| !is_allowed(edge)).collect();
    let lines: String = bad.iter().map(|edge| format!("\n{}: {} uses {}", edge.place, edge.from, edge.to)).collect();
    assert!(bad.is_empty(), "edges against the dependency direction:{lines}");
}

#[test]
fn every_module_of_core_is_placed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/src");
    for path in sources(&root) {
        let inner = path.strip_prefix(&root).expect("inside core/src");
        let first = inner.components().next().expect("a name").as_os_str().to_string_lossy().into_owned();
        let module = first.trim_end_matches(".rs");
        let placed = module == "lib" || SHARED.contains(&module) || LAYERS.iter().any(|(layer, _)| *layer == module);
        assert!(placed, "core/src/{first}: say in this test which layers the new module may use");
    }
}

#[test]
fn an_edge_upwards_is_found() {
    let edge = |from: &str, to: &str| Use { place: String::new(), from: from.into(), to: to.into() };
    for (from, to) in [
        ("wire", "crypto"),
        ("auth", "channel"),
        ("channel", "auth"),
        ("transport", "connection"),
        ("time", "connection"),
    ] {
        assert!(!is_allowed(&edge(from, to)), "{from} must not use {to}");
    }
    assert!(is_allowed(&edge("connection", "auth")));
    assert_eq!(heads("{Input, a::{b, c}, d}"), ["Input", "a", "d"]);
    assert_eq!(heads("wire::{Message, Names}"), ["wire"]);
}
