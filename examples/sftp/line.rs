//! The words of a line: split at blanks, held together by quotes and backslashes, ended by `#`.
//! As in OpenSSH's sftp, quotes keep blanks together but leave patterns their meaning; only a backslash takes it.

use sanssh_std::glob;

/// A word of a line, as a pattern: what a backslash stood before is escaped in it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Word(pub(crate) Vec<u8>);

impl Word {
    /// The one name that the word is where no pattern can be.
    pub(crate) fn plain(&self) -> Vec<u8> {
        glob::plain(&self.0)
    }

    /// For a person to read.
    pub(crate) fn shown(&self) -> String {
        sanssh_std::escape(&self.plain(), false)
    }
}

/// A word, and from which byte of the line on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Placed {
    pub(crate) start: usize,
    pub(crate) word: Word,
}

/// A line taken apart.
#[derive(Debug, PartialEq, Eq, Default)]
pub(crate) struct Words {
    pub(crate) words: Vec<Placed>,
    /// The quote that is not closed.
    pub(crate) open: Option<u8>,
    /// Whether the line ends outside of every word, so that a new one would begin behind it.
    pub(crate) ended: bool,
}

/// What stands before a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Marks {
    /// `-`: an error does not end the batch.
    pub(crate) forgiving: bool,
    /// `@`: the line is not repeated.
    pub(crate) silent: bool,
}

/// Takes the marks and blanks from a line's start, and blanks from its end.
pub(crate) fn marks(line: &[u8]) -> (Marks, &[u8]) {
    let mut marks = Marks::default();
    let mut rest = line.trim_ascii();
    loop {
        match rest {
            [b'-', tail @ ..] => (marks.forgiving, rest) = (true, tail),
            [b'@', tail @ ..] => (marks.silent, rest) = (true, tail),
            _ => return (marks, rest.trim_ascii_start()),
        }
    }
}

/// Takes a line apart.
pub(crate) fn words(line: &[u8]) -> Words {
    let mut words = Words { ended: true, ..Words::default() };
    let mut at = 0;
    while let Some(&byte) = line.get(at) {
        let next = line.get(at + 1).copied();
        match (words.open, byte) {
            (None, b'#') => {
                words.ended = true;
                return words;
            }
            (None, _) if byte.is_ascii_whitespace() => words.ended = true,
            (None, b'"' | b'\'') => {
                words.begin(at);
                words.open = Some(byte);
            }
            (Some(quote), _) if byte == quote => words.open = None,
            (_, b'\\') if next.is_some() => {
                words.begin(at);
                let next = next.unwrap_or_default();
                // In quotes a backslash is one, except before what it can take the meaning from.
                if words.open.is_some_and(|quote| next != quote && !b"*?[\\".contains(&next)) {
                    words.literal(byte);
                }
                words.literal(next);
                at += 1;
            }
            (_, b'\\') => {
                words.begin(at);
                words.literal(byte);
            }
            _ => {
                words.begin(at);
                words.push(byte);
            }
        }
        at += 1;
    }
    words
}

impl Words {
    fn begin(&mut self, start: usize) {
        if self.ended {
            self.words.push(Placed { start, word: Word::default() });
            self.ended = false;
        }
    }

    fn push(&mut self, byte: u8) {
        if let Some(last) = self.words.last_mut() {
            last.word.0.push(byte);
        }
    }

    fn literal(&mut self, byte: u8) {
        for byte in glob::escaped(&[byte]) {
            self.push(byte);
        }
    }
}

/// A name so written that it is one word again, begun with this quote if one was open.
pub(crate) fn quoted(name: &str, quote: Option<u8>) -> String {
    let mut text = String::with_capacity(name.len() + 2);
    text.extend(quote.map(char::from));
    for c in name.chars() {
        let special = match quote {
            Some(quote) => "*?[\\".contains(c) || c == char::from(quote),
            None => "*?[\\\"'#".contains(c) || c.is_ascii_whitespace(),
        };
        if special {
            text.push('\\');
        }
        text.push(c);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Marks, marks, quoted, words};

    fn split(line: &str) -> Vec<String> {
        words(line.as_bytes()).words.into_iter().map(|one| String::from_utf8(one.word.0).unwrap()).collect()
    }

    #[test]
    fn blanks_split_and_quotes_join() {
        for (line, expected) in [
            ("", &[][..]),
            ("  get a\tb ", &["get", "a", "b"]),
            ("get \"a b\" 'c d'e", &["get", "a b", "c de"]),
            ("get a\\ b", &["get", "a b"]),
            ("get 'it\\'s' \"a'b\"", &["get", "it's", "a'b"]),
            ("ls # all", &["ls"]),
            ("ls a#b \"c#d\" e\\#f", &["ls", "a"]),
            ("ls \"c#d\" e\\#f", &["ls", "c#d", "e#f"]),
            ("ls \"\"", &["ls", ""]),
        ] {
            assert_eq!(split(line), expected, "{line}");
        }
    }

    #[test]
    fn only_a_backslash_takes_meaning_from_a_pattern() {
        assert_eq!(
            split("ls a* \"b*\" c\\* \"d\\*\" e\\\\f \"g\\h\""),
            ["ls", "a*", "b*", "c\\*", "d\\*", "e\\\\f", "g\\\\h"]
        );
        assert_eq!(words(b"a\\*").words[0].word.plain(), b"a*");
    }

    #[test]
    fn what_is_open_is_told() {
        assert_eq!(words(b"get \"a").open, Some(b'"'));
        assert_eq!(words(b"get \"a\"").open, None);
        assert!(words(b"get ").ended && !words(b"get a").ended && !words(b"get '").ended);
        assert_eq!(words(b"get  a").words[1].start, 5);
        assert_eq!(split("get a\\"), ["get", "a\\\\"]);
    }

    #[test]
    fn marks_stand_in_any_order() {
        let both = Marks { forgiving: true, silent: true };
        for line in ["-@rm a", "@-rm a", " -@ rm a \n"] {
            assert_eq!(marks(line.as_bytes()), (both, &b"rm a"[..]), "{line}");
        }
        assert_eq!(marks(b"rm -a"), (Marks::default(), &b"rm -a"[..]));
    }

    #[test]
    fn quoted_names_are_read_back() {
        for name in ["a", "a b", "it's", "say \"x\"", "st*r", "back\\slash", "#1", "q?[z]", "\t"] {
            for quote in [None, Some(b'"'), Some(b'\'')] {
                let mut text = quoted(name, quote);
                text.extend(quote.map(char::from));
                let read = words(text.as_bytes());
                assert_eq!(read.words.len(), 1, "{text}");
                assert_eq!(read.words[0].word.plain(), name.as_bytes(), "{text}");
            }
        }
    }
}
