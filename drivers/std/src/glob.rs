//! Patterns of file names as glob(7) has them, and what they stand for in a tree of files, here or on a server.
//! A backslash takes the next byte's meaning away; a dot at a name's start has to be written.

use std::ffi::OsStr;
use std::fs::{self, DirEntry};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

/// Names looked up deeper than this are not looked up: a pattern costs a listing for each directory that fits.
const MOST_PARTS: usize = 64;
/// Memory for paths that a pattern may stand for. Each directory may have any number, and a server may make them up.
const MOST_MEMORY: usize = 64 << 20;

/// Files that patterns are looked up in.
pub trait Tree {
    /// The names in a directory, in any order; none if it cannot be read. An empty path is where one is.
    fn names(&mut self, directory: &[u8]) -> Vec<Vec<u8>>;

    /// Whether there is a file of this path, whatever it is.
    fn exists(&mut self, path: &[u8]) -> bool;
}

/// The files of this machine, from the current directory on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Here;

impl Here {
    /// What is in a directory; nothing if it cannot be read. An empty path is where one is.
    pub fn entries(directory: &[u8]) -> impl Iterator<Item = DirEntry> {
        let directory = if directory.is_empty() { Path::new(".") } else { Path::new(OsStr::from_bytes(directory)) };
        fs::read_dir(directory).into_iter().flatten().flatten()
    }
}

impl Tree for Here {
    fn names(&mut self, directory: &[u8]) -> Vec<Vec<u8>> {
        Self::entries(directory).map(|entry| entry.file_name().into_vec()).collect()
    }

    fn exists(&mut self, name: &[u8]) -> bool {
        Path::new(OsStr::from_bytes(name)).symlink_metadata().is_ok()
    }
}

/// Whether a pattern can stand for other names than one.
pub fn is_pattern(text: &[u8]) -> bool {
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => drop(bytes.next()),
            b'*' | b'?' | b'[' => return true,
            _ => {}
        }
    }
    false
}

/// The one name that a pattern means when nothing in it counts as more than itself.
pub fn plain(pattern: &[u8]) -> Vec<u8> {
    let mut name = Vec::with_capacity(pattern.len());
    let mut bytes = pattern.iter();
    while let Some(&byte) = bytes.next() {
        let literal = if byte == b'\\' { bytes.next().copied().unwrap_or(b'\\') } else { byte };
        name.push(literal);
    }
    name
}

/// A pattern that means just this name.
pub fn escaped(name: &[u8]) -> Vec<u8> {
    let mut pattern = Vec::with_capacity(name.len());
    for &byte in name {
        if matches!(byte, b'\\' | b'*' | b'?' | b'[') {
            pattern.push(b'\\');
        }
        pattern.push(byte);
    }
    pattern
}

/// The paths that a pattern stands for, in order. None if no file fits, or more than anybody can have meant.
pub fn expand(tree: &mut impl Tree, pattern: &[u8]) -> Vec<Vec<u8>> {
    if !is_pattern(pattern) {
        let path = plain(pattern);
        return if tree.exists(&path) { vec![path] } else { Vec::new() };
    }
    let mut found = vec![Vec::new()];
    for (at, (part, slashes)) in parts(pattern).into_iter().enumerate() {
        if at >= MOST_PARTS {
            return Vec::new();
        }
        let Some(next) = step_down(tree, &found, part, slashes) else { return Vec::new() };
        found = next;
    }
    let is_listed = parts(pattern).last().is_some_and(|(part, slashes)| is_pattern(part) && slashes.is_empty());
    if !is_listed {
        found.retain(|path| tree.exists(path));
    }
    found.sort();
    found
}

/// What all paths become one part further down, if that is not too much.
fn step_down(tree: &mut impl Tree, found: &[Vec<u8>], part: &[u8], slashes: &[u8]) -> Option<Vec<Vec<u8>>> {
    let (mut next, mut taken) = (Vec::new(), 0);
    for path in found {
        for mut path in descend(tree, path, part) {
            path.extend_from_slice(slashes);
            taken += size_of_val(&path) + path.len();
            if taken > MOST_MEMORY {
                return None;
            }
            next.push(path);
        }
    }
    Some(next)
}

/// The paths one part further down.
fn descend(tree: &mut impl Tree, path: &[u8], part: &[u8]) -> Vec<Vec<u8>> {
    let below = |name: &[u8]| [path, name].concat();
    if !is_pattern(part) {
        return vec![below(&plain(part))];
    }
    let names = tree.names(path);
    names.iter().filter(|name| fits(part, name)).map(|name| below(name)).collect()
}

/// Parts of a path, each with the slashes behind it. The first is empty if the path begins with one.
fn parts(pattern: &[u8]) -> Vec<(&[u8], &[u8])> {
    let mut parts = Vec::new();
    let mut rest = pattern;
    while !rest.is_empty() {
        let end = rest.iter().position(|byte| *byte == b'/').unwrap_or(rest.len());
        let (part, tail) = rest.split_at(end);
        let slashes = tail.iter().take_while(|byte| **byte == b'/').count();
        parts.push((part, &tail[..slashes]));
        rest = &tail[slashes..];
    }
    parts
}

/// Whether a name fits a pattern without slashes.
pub fn fits(pattern: &[u8], name: &[u8]) -> bool {
    let hidden = name.first() == Some(&b'.') && pattern.first() != Some(&b'.') && !pattern.starts_with(b"\\.");
    !hidden && stars(pattern, name, step)
}

/// What is left of both when the pattern's next item, no star, takes the name's next byte.
fn step<'p, 'n>(pattern: &'p [u8], name: &'n [u8]) -> Option<(&'p [u8], &'n [u8])> {
    let (&byte, tail) = name.split_first()?;
    match pattern {
        [b'?', rest @ ..] => Some((rest, tail)),
        [b'[', rest @ ..] => match class(rest, byte) {
            Some((holds, rest)) => holds.then_some((rest, tail)),
            // A bracket that is not closed is itself.
            None => (byte == b'[').then_some((rest, tail)),
        },
        [b'\\', literal, rest @ ..] | [literal, rest @ ..] => (*literal == byte).then_some((rest, tail)),
        [] => None,
    }
}

/// Whether a class behind its `[` holds a byte, and what follows it. `None` if it is not closed.
fn class(pattern: &[u8], byte: u8) -> Option<(bool, &[u8])> {
    let negated = matches!(pattern, [b'!' | b'^', ..]);
    let items = if negated { &pattern[1..] } else { pattern };
    let mut rest = items;
    let mut holds = false;
    loop {
        let is_first = rest.len() == items.len();
        match rest {
            // The first may be the bracket itself.
            [b']', after @ ..] if !is_first => return Some((holds != negated, after)),
            [b'\\', one, after @ ..] | [one, after @ ..] => {
                let (last, after) = match after {
                    [b'-', b'\\', last, after @ ..] => (*last, after),
                    [b'-', last, after @ ..] if *last != b']' => (*last, after),
                    _ => (*one, after),
                };
                holds |= (*one..=last).contains(&byte);
                rest = after;
            }
            [] => return None,
        }
    }
}

/// Whether a name fits a pattern in which a star takes any number of bytes. `step` gives what is left of both when the
/// pattern's next item, no star, takes the name's next byte.
fn stars<'p, 'n>(
    mut pattern: &'p [u8],
    mut name: &'n [u8],
    step: impl Fn(&'p [u8], &'n [u8]) -> Option<(&'p [u8], &'n [u8])>,
) -> bool {
    // Where to go on when what follows the last star turns out not to fit.
    let mut again = None;
    loop {
        if let [b'*', rest @ ..] = pattern {
            again = Some((rest, name));
            pattern = rest;
            continue;
        }
        if pattern.is_empty() && name.is_empty() {
            return true;
        }
        if let Some((rest, tail)) = step(pattern, name) {
            (pattern, name) = (rest, tail);
            continue;
        }
        let Some((rest, [_, tail @ ..])) = again else { return false };
        again = Some((rest, tail));
        (pattern, name) = (rest, tail);
    }
}

#[cfg(test)]
mod tests {
    use super::{Tree, escaped, expand, fits, is_pattern, plain};

    #[test]
    fn items_take_what_they_say() {
        for (pattern, name, expected) in [
            ("*", "a", true),
            ("*", ".a", false),
            ("?a", ".a", false),
            ("[.]a", ".a", false),
            (".*", ".a", true),
            ("\\.*", ".a", true),
            ("*.txt", "a.txt", true),
            ("*.txt", "a.text", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("[^a-c]x", "dx", true),
            ("[]x]", "]", true),
            ("[a-]", "-", true),
            ("[\\]a]", "]", true),
            ("[a", "[a", true),
            ("a\\*b", "a*b", true),
            ("a\\*b", "axb", false),
            ("*a*b*c", "xxaxxbxxc", true),
            ("*a*b*c", "xxaxxbxx", false),
            ("", "", true),
        ] {
            assert_eq!(fits(pattern.as_bytes(), name.as_bytes()), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn names_and_patterns_change_into_each_other() {
        assert_eq!(escaped(b"a*[b]?\\"), b"a\\*\\[b]\\?\\\\");
        assert_eq!(plain(&escaped(b"a*[b]?\\")), b"a*[b]?\\");
        assert!(!is_pattern(&escaped(b"a*[b]?\\")) && is_pattern(b"a\\*?"));
        assert_eq!(plain(b"a\\"), b"a\\");
    }

    struct Paths(&'static [&'static str]);

    impl Tree for Paths {
        fn names(&mut self, directory: &[u8]) -> Vec<Vec<u8>> {
            let inside = self.0.iter().filter_map(|path| path.as_bytes().strip_prefix(directory));
            let names = inside.map(|rest| rest.split(|b| *b == b'/').next().unwrap_or_default().to_vec());
            let mut names: Vec<_> = names.filter(|name| !name.is_empty()).collect();
            names.dedup();
            names
        }

        fn exists(&mut self, path: &[u8]) -> bool {
            let path = path.strip_suffix(b"/").unwrap_or(path);
            self.0.iter().any(|one| one.as_bytes() == path || one.as_bytes().starts_with(&[path, b"/"].concat()))
        }
    }

    fn found(pattern: &str) -> Vec<String> {
        let mut tree = Paths(&["a", "b", "d/x.c", "d/y.c", "e/x.c", "e/z", "st*r", "/r/q"]);
        expand(&mut tree, pattern.as_bytes()).into_iter().map(|path| String::from_utf8(path).unwrap()).collect()
    }

    /// Directories in directories, as many as anybody asks about.
    struct Endless;

    impl Tree for Endless {
        fn names(&mut self, _: &[u8]) -> Vec<Vec<u8>> {
            (0..1000_u32).map(|number| [b'a'; 60].into_iter().chain(number.to_be_bytes()).collect()).collect()
        }

        fn exists(&mut self, _: &[u8]) -> bool {
            true
        }
    }

    #[test]
    fn a_pattern_for_more_than_there_can_be_stands_for_nothing() {
        assert_eq!(expand(&mut Endless, b"*").len(), 1000);
        assert!(expand(&mut Endless, b"*/*/*/*/*").is_empty());
    }

    #[test]
    fn patterns_stand_for_paths() {
        assert_eq!(found("[ab]"), ["a", "b"]);
        assert_eq!(found("*/*.c"), ["d/x.c", "d/y.c", "e/x.c"]);
        assert_eq!(found("*/z"), ["e/z"]);
        assert_eq!(found("d*/"), ["d/"]);
        assert_eq!(found("/r/*"), ["/r/q"]);
        assert_eq!(found("st\\*r"), ["st*r"]);
        assert_eq!(found("a"), ["a"]);
        assert!(found("no*").is_empty() && found("none").is_empty());
    }
}
