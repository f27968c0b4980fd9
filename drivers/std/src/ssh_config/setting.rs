//! What a value is: how it is read from the words of a line, what becomes of a second one, and how it is shown. The plain
//! kinds are here; those with a form of their own have files of their own.

use super::line;
use super::value::{RekeyLimit, flag, number, prefer, span, variable};
use core::fmt::Write as _;
use core::time::Duration;
use sanssh_core::algorithm::Preferences;
use sanssh_core::file::pattern::takes_exactly;
use std::vec::IntoIter;

/// Most files or variables that one keyword names.
const MOST: usize = 100;

/// The words behind a keyword.
pub(super) struct Words<'a> {
    /// As they are.
    pub(super) raw: &'a str,
    left: IntoIter<String>,
    /// What the environment says.
    pub(super) env: &'a dyn Fn(&str) -> Option<String>,
}

impl<'a> Words<'a> {
    pub(super) fn of(raw: &'a str, env: &'a dyn Fn(&str) -> Option<String>) -> Result<Self, super::Why> {
        Ok(Self { raw, left: line::words(raw)?.into_iter(), env })
    }

    /// One word, whatever is in it.
    pub(super) fn single(word: &'a str, env: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self { raw: word, left: vec![word.to_owned()].into_iter(), env }
    }

    /// The next word, which has to be there.
    pub(super) fn one(&mut self) -> Result<String, String> {
        self.next().filter(|word| !word.is_empty()).ok_or_else(|| "a value is missing".to_owned())
    }

    /// The rest, of which there has to be some; `none` stands alone.
    pub(super) fn all(&mut self) -> Result<Vec<String>, String> {
        let all: Vec<_> = self.left.by_ref().collect();
        if all.is_empty() || all.iter().any(String::is_empty) {
            return Err("a value is missing".to_owned());
        }
        if all.len() > 1 && all.iter().any(|word| is_none(word)) {
            return Err("\"none\" stands alone".to_owned());
        }
        Ok(all)
    }

    /// Everything to the line's end, as it is.
    fn whole(&mut self) -> String {
        self.left = Vec::new().into_iter();
        self.raw.trim_start_matches([' ', '\t', '\r', '\n', '=']).to_owned()
    }

    /// Nothing is left.
    pub(super) fn end(&mut self) -> Result<(), String> {
        self.next().map_or(Ok(()), |word| Err(format!("\"{word}\" is too much")))
    }
}

impl Iterator for Words<'_> {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        self.left.next()
    }
}

pub(super) fn is_none(word: &str) -> bool {
    word.eq_ignore_ascii_case("none")
}

/// A kind of value.
pub(super) trait Setting: Sized {
    /// Reads it from the words behind its keyword.
    fn read(keyword: &str, words: &mut Words<'_>) -> Result<Self, String>;

    /// What becomes of it where there may be one already: the first counts.
    fn add(place: &mut Option<Self>, next: Self) -> Result<(), String> {
        place.get_or_insert(next);
        Ok(())
    }

    /// Shows it as `ssh -G` does, if there is something to show.
    fn show(&self, keyword: &str, out: &mut String);
}

pub(super) fn show(keyword: &str, value: impl core::fmt::Display, out: &mut String) {
    // A string takes everything.
    let _ = writeln!(out, "{keyword} {value}");
}

impl Setting for bool {
    fn read(_: &str, words: &mut Words<'_>) -> Result<Self, String> {
        flag(&words.one()?)
    }

    fn show(&self, keyword: &str, out: &mut String) {
        show(keyword, if *self { "yes" } else { "no" }, out);
    }
}

impl Setting for u32 {
    fn read(_: &str, words: &mut Words<'_>) -> Result<Self, String> {
        let word = words.one()?;
        number::<Self>(&word)
            .ok()
            .filter(|n| *n <= 0x7fff_ffff)
            .ok_or_else(|| format!("\"{word}\" is not a number that fits here"))
    }

    fn show(&self, keyword: &str, out: &mut String) {
        show(keyword, self, out);
    }
}

/// A port.
impl Setting for u16 {
    fn read(_: &str, words: &mut Words<'_>) -> Result<Self, String> {
        let word = words.one()?;
        port(&word).filter(|port| *port != 0).ok_or_else(|| format!("\"{word}\" is not a port"))
    }

    fn show(&self, keyword: &str, out: &mut String) {
        show(keyword, self, out);
    }
}

pub(super) fn port(word: &str) -> Option<u16> {
    word.parse().ok().filter(|_| word.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Empty only where nothing was given.
impl Setting for String {
    fn read(_: &str, words: &mut Words<'_>) -> Result<Self, String> {
        words.one()
    }

    fn show(&self, keyword: &str, out: &mut String) {
        show(keyword, self, out);
    }
}

impl Setting for Option<String> {
    fn read(_: &str, words: &mut Words<'_>) -> Result<Self, String> {
        words.one().map(Some)
    }

    fn show(&self, keyword: &str, out: &mut String) {
        if let Some(text) = self {
            show(keyword, text, out);
        }
    }
}

/// A word, unless it is `none`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Word(pub Option<String>);

impl Setting for Word {
    fn read(_: &str, words: &mut Words<'_>) -> Result<Self, String> {
        words.one().map(|word| Self(Some(word).filter(|word| !is_none(word))))
    }

    fn show(&self, keyword: &str, out: &mut String) {
        self.0.show(keyword, out);
    }
}

/// A command, to the end of its line, unless it is `none`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Command(pub Option<String>);

impl Setting for Command {
    fn read(_: &str, words: &mut Words<'_>) -> Result<Self, String> {
        Ok(Self(Some(words.whole()).filter(|text| !is_none(text))))
    }

    fn show(&self, keyword: &str, out: &mut String) {
        self.0.show(keyword, out);
    }
}

/// A list of algorithms or a change of the default one; at last the list that comes of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Algorithms(pub Option<String>);

impl Setting for Algorithms {
    fn read(keyword: &str, words: &mut Words<'_>) -> Result<Self, String> {
        let text = words.one()?;
        prefer(&mut Preferences::legacy(), keyword, &text)?;
        Ok(Self(Some(text)))
    }

    fn show(&self, keyword: &str, out: &mut String) {
        self.0.show(keyword, out);
    }
}

/// Words of one line; none for `none`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct List(pub Vec<String>);

impl Setting for List {
    fn read(_: &str, words: &mut Words<'_>) -> Result<Self, String> {
        let mut all = words.all()?;
        if all.len() > MOST {
            return Err(format!("more than {MOST} are too many"));
        }
        all.retain(|word| !is_none(word));
        Ok(Self(all))
    }

    fn show(&self, keyword: &str, out: &mut String) {
        show(keyword, if self.0.is_empty() { "none".to_owned() } else { self.0.join(" ") }, out);
    }
}

/// Files of as many lines as there are, each once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Files(pub Vec<String>);

impl Setting for Files {
    fn read(_: &str, words: &mut Words<'_>) -> Result<Self, String> {
        words.one().map(|word| Self(vec![word]))
    }

    fn add(place: &mut Option<Self>, next: Self) -> Result<(), String> {
        let files = &mut place.get_or_insert_default().0;
        for file in next.0 {
            if !files.contains(&file) {
                files.push(file);
            }
        }
        if files.len() > MOST { Err(format!("more than {MOST} are too many")) } else { Ok(()) }
    }

    fn show(&self, keyword: &str, out: &mut String) {
        self.0.iter().for_each(|file| show(keyword, file, out));
    }
}

/// Patterns of names of variables, from as many lines as there are; `-` in front takes away what was named before.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Names(pub Vec<String>);

impl Setting for Names {
    fn read(_: &str, words: &mut Words<'_>) -> Result<Self, String> {
        let all: Vec<_> = words.collect();
        if all.is_empty() || all.iter().any(|name| name.is_empty() || name.contains('=')) {
            return Err("no names of variables".to_owned());
        }
        Ok(Self(all))
    }

    fn add(place: &mut Option<Self>, next: Self) -> Result<(), String> {
        let names = &mut place.get_or_insert_default().0;
        for name in next.0 {
            match name.strip_prefix('-') {
                Some(gone) => names.retain(|name| !takes_exactly(gone.as_bytes(), name.as_bytes())),
                None if names.contains(&name) => {}
                None => names.push(name),
            }
        }
        if names.len() > MOST { Err(format!("more than {MOST} are too many")) } else { Ok(()) }
    }

    fn show(&self, keyword: &str, out: &mut String) {
        self.0.iter().for_each(|name| show(keyword, name, out));
    }
}

/// Variables of one line with their values, each once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Variables(pub Vec<(String, String)>);

impl Setting for Variables {
    fn read(_: &str, words: &mut Words<'_>) -> Result<Self, String> {
        let mut variables: Vec<(String, String)> = Vec::new();
        for word in words.by_ref() {
            let (name, value) = variable(&word)?;
            if !variables.iter().any(|(known, _)| *known == name) {
                variables.push((name, value));
            }
        }
        if variables.is_empty() { Err("a value is missing".to_owned()) } else { Ok(Self(variables)) }
    }

    fn show(&self, keyword: &str, out: &mut String) {
        self.0.iter().for_each(|(name, value)| show(keyword, format_args!("{name}={value}"), out));
    }
}

/// A time, unless it is `none`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span(pub Option<Duration>);

impl Setting for Span {
    fn read(_: &str, words: &mut Words<'_>) -> Result<Self, String> {
        let word = words.one()?;
        if word == "none" { Ok(Self(None)) } else { span(&word).map(|span| Self(Some(span))) }
    }

    /// `none` is the same as nothing.
    fn add(place: &mut Option<Self>, next: Self) -> Result<(), String> {
        *place = place.or(next.0.map(|_| next));
        Ok(())
    }

    fn show(&self, keyword: &str, out: &mut String) {
        match self.0 {
            Some(span) => show(keyword, span.as_secs(), out),
            None => show(keyword, "none", out),
        }
    }
}

impl Setting for RekeyLimit {
    fn read(_: &str, words: &mut Words<'_>) -> Result<Self, String> {
        let bytes = words.one()?;
        Self::read(&bytes, words.next().as_deref())
    }

    /// The two are separate.
    fn add(place: &mut Option<Self>, next: Self) -> Result<(), String> {
        let now = place.get_or_insert_default();
        now.bytes = now.bytes.or(next.bytes);
        now.time = now.time.or(next.time);
        Ok(())
    }

    fn show(&self, keyword: &str, out: &mut String) {
        let seconds = self.time.unwrap_or_default().as_secs();
        show(keyword, format_args!("{} {seconds}", self.bytes.unwrap_or_default()), out);
    }
}
