//! Lines as ssh_config(5) writes them: a keyword, then blanks or one `=`, then words. Words may be quoted either way,
//! a backslash takes the meaning of quotes, backslashes and blanks away, and `#` at a word's start begins a comment.

use super::error::Why;
use std::borrow::Cow;

/// A line that says something.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line<'a> {
    /// The keyword in small letters.
    pub(super) keyword: String,
    /// What follows it, as it is.
    pub(super) rest: &'a str,
}

const BLANKS: [char; 4] = [' ', '\t', '\r', '\n'];

impl<'a> Line<'a> {
    /// Reads a line; `None` if it is empty or a comment.
    pub(super) fn read(text: &'a [u8]) -> Result<Option<Self>, Why> {
        let says_nothing = |text: &[u8]| matches!(text.trim_ascii_start().first(), None | Some(b'#'));
        if says_nothing(text) {
            return Ok(None);
        }
        // Nobody means it, and a command that is cut at it is another command.
        if text.contains(&0) {
            return Err(Why::NotText);
        }
        let text = str::from_utf8(text).map_err(|_| Why::NotText)?;
        let mut rest = Some(text.trim_end_matches([' ', '\t', '\r', '\n', '\x0c']));
        let mut keyword = next(&mut rest).ok_or(Why::Quotes)?;
        if keyword.is_empty() {
            keyword = next(&mut rest).ok_or(Why::Quotes)?;
        }
        if says_nothing(keyword.as_bytes()) {
            return Ok(None);
        }
        let keyword = keyword.to_ascii_lowercase();
        let rest = rest.unwrap_or_default().trim_start_matches(BLANKS);
        if rest.is_empty() {
            return Err(Why::NoValue(keyword));
        }
        Ok(Some(Self { keyword, rest }))
    }
}

/// Takes the next piece in front of blanks, a quote or one `=`. `None` at the end, and behind a quote that is not closed.
pub(super) fn next<'a>(rest: &mut Option<&'a str>) -> Option<Cow<'a, str>> {
    let text = (*rest)?;
    let Some(end) = text.find([' ', '\t', '\r', '\n', '"', '=']) else {
        *rest = None;
        return Some(text.into());
    };
    let (head, tail) = text.split_at(end);
    if let Some(quoted) = tail.strip_prefix('"') {
        let Some((inside, behind)) = quoted.split_once('"') else {
            *rest = None;
            return None;
        };
        *rest = Some(behind.trim_start_matches(BLANKS));
        return Some(if head.is_empty() { inside.into() } else { [head, inside].concat().into() });
    }
    let behind = tail.get(1..).unwrap_or_default().trim_start_matches(BLANKS);
    let again = if tail.starts_with('=') { None } else { behind.strip_prefix('=') };
    *rest = Some(again.map_or(behind, |behind| behind.trim_start_matches(BLANKS)));
    Some(head.into())
}

/// The words of a line, without quotes and comment.
pub(super) fn words(text: &str) -> Result<Vec<String>, Why> {
    let mut words = Vec::new();
    let mut rest = text.trim_start_matches([' ', '\t']);
    while !rest.is_empty() && !rest.starts_with('#') {
        let (word, behind) = word(rest)?;
        words.push(word);
        rest = behind.trim_start_matches([' ', '\t']);
    }
    Ok(words)
}

fn word(text: &str) -> Result<(String, &str), Why> {
    let mut word = String::new();
    let mut quote = None;
    let mut letters = text.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        let next = letters.peek().map(|(_, next)| *next);
        match (letter, quote) {
            ('\\', _) if matches!(next, Some('\'' | '"' | '\\')) || (quote.is_none() && next == Some(' ')) => {
                word.extend(letters.next().map(|(_, next)| next));
            }
            (' ' | '\t', None) => return Ok((word, &text[at..])),
            ('"' | '\'', None) => quote = Some(letter),
            (_, Some(open)) if open == letter => quote = None,
            _ => word.push(letter),
        }
    }
    if quote.is_some() { Err(Why::Quotes) } else { Ok((word, "")) }
}

#[cfg(test)]
mod tests {
    use super::{Line, Why, words};

    #[test]
    fn keywords_end_at_blanks_or_one_sign() {
        for (text, keyword, rest) in [
            ("Port 22", "port", "22"),
            ("  PORT\t=  22 \r\n", "port", "22"),
            ("port=22", "port", "22"),
            ("port==22", "port", "=22"),
            ("\"Port\" 22", "port", "22"),
            ("Host a b # c", "host", "a b # c"),
            ("Proxy\"Command\"nc", "proxycommand", "nc"),
        ] {
            let expected = Line { keyword: keyword.to_owned(), rest };
            assert_eq!(Line::read(text.as_bytes()), Ok(Some(expected)), "{text}");
        }
        for text in ["", "  ", "# Port 22", " \t# x \0 \u{fffd}"] {
            assert_eq!(Line::read(text.as_bytes()), Ok(None), "{text}");
        }
        assert_eq!(Line::read(b"Port"), Err(Why::NoValue("port".to_owned())));
        assert_eq!(Line::read(b"Port = "), Err(Why::NoValue("port".to_owned())));
        assert_eq!(Line::read(b"\"Port 22"), Err(Why::Quotes));
        for text in [&b"User a\0b"[..], b"User \xff"] {
            assert_eq!(Line::read(text), Err(Why::NotText));
        }
    }

    #[test]
    fn words_may_be_quoted_and_escaped() {
        for (text, expected) in [
            ("a b\t c", &["a", "b", "c"][..]),
            ("\"a b\" c", &["a b", "c"]),
            ("a'b \"c'd", &["ab \"cd"]),
            ("a\\ b \\\"c \\n", &["a b", "\"c", "\\n"]),
            ("\"a\\ b\"", &["a\\ b"]),
            ("a #b", &["a"]),
            ("a#b", &["a#b"]),
            ("\"\" x", &["", "x"]),
        ] {
            assert_eq!(words(text).unwrap(), expected, "{text}");
        }
        assert_eq!((words("\"a"), words("a 'b\"")), (Err(Why::Quotes), Err(Why::Quotes)));
    }
}
