//! What is asked: about which host, with what given beforehand, from which files.

use super::destination::Destination;
use super::error::{Error, Why};
use super::forward::Target;
use super::line::Line;
use super::setting::Words;
use super::table::Found;
use super::token::{is_host, is_user};
use sanssh_core::algorithm::Preferences;
use sanssh_core::file::pattern::list_takes;
use std::path::PathBuf;

/// Where configuration is read from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Sources {
    /// `~/.ssh/config`, then `/etc/ssh/ssh_config`.
    #[default]
    Usual,
    /// This file and no other.
    File(PathBuf),
    /// Nowhere.
    None,
}

/// What the program was given; it counts before what any file says.
#[derive(Debug, Clone, Default)]
pub struct Given {
    /// Where standard input and output lead to, in place of a session: the flag `-W`.
    pub stdio: Option<Target>,
    pub(super) found: Found,
}

/// A question.
#[derive(Debug, Clone)]
pub struct Query<'a> {
    /// The host, as it was named.
    pub host: &'a str,
    /// What was given beside it.
    pub given: &'a Given,
    /// Where the rest is from.
    pub sources: Sources,
    /// The lists of algorithms that `+`, `-` and `^` change.
    pub preferences: Preferences,
}

impl<'a> Query<'a> {
    /// About a host, from the usual files.
    ///
    /// # Errors
    /// [`Why::Unsafe`] if no host is, or no user given so far should be, named so.
    pub fn new(host: &'a str, given: &'a Given) -> Result<Self, Error> {
        let refused = |what: &str, name: &str| {
            Error::given(Why::Unsafe(format!("\"{}\" is no name of a {what}", name.escape_debug())))
        };
        if !is_host(host) {
            return Err(refused("host", host));
        }
        if let Some(user) = given.found.user.as_ref().filter(|user| !is_user(user)) {
            return Err(refused("user", user));
        }
        Ok(Self { host, given, sources: Sources::Usual, preferences: Preferences::default() })
    }
}

impl Given {
    /// Takes an option as it stands in files, or behind `-o`: `Keyword=value` or `Keyword value`. Variables in it are those
    /// of this process.
    ///
    /// # Errors
    /// If there is no such keyword, or its value is wrong.
    pub fn line(&mut self, text: &str) -> Result<(), Error> {
        let line = Line::read(text.as_bytes()).map_err(Error::given)?;
        let Line { keyword, rest } = line.ok_or_else(|| Error::given(Why::NoValue(text.to_owned())))?;
        let env = |name: &str| std::env::var(name).ok();
        let words = Words::of(rest, &env).map_err(Error::given)?;
        self.take(&keyword, words)
    }

    /// Takes a value that is one word, whatever is in it.
    ///
    /// # Errors
    /// As [`line`](Self::line).
    pub fn set(&mut self, keyword: &str, value: &str) -> Result<(), Error> {
        let env = |name: &str| std::env::var(name).ok();
        self.take(&keyword.to_ascii_lowercase(), Words::single(value, &env))
    }

    fn take(&mut self, keyword: &str, mut words: Words<'_>) -> Result<(), Error> {
        if matches!(keyword, "host" | "match" | "include") {
            return Err(Error::given(Why::OnlyInFiles(keyword.to_owned())));
        }
        let ignored = self.found.ignore_unknown.clone().flatten().unwrap_or_default();
        match self.found.set(keyword, &mut words, true) {
            Ok(true) => Ok(()),
            Ok(false) if list_takes(ignored.as_bytes(), keyword.as_bytes()) => Ok(()),
            Ok(false) => Err(Error::given(Why::Unknown(keyword.to_owned()))),
            Err(what) => Err(Error::given(Why::Value(keyword.to_owned(), what))),
        }
    }

    /// Takes what the name of a host brought along, in place of what was given before.
    pub fn aim(&mut self, to: &Destination) {
        self.found.user = to.user.clone().or_else(|| self.found.user.take());
        self.found.port = to.port.or(self.found.port);
    }

    /// The user, if one was given.
    pub fn user(&self) -> Option<&str> {
        self.found.user.as_deref()
    }

    /// The port, if one was given.
    pub fn port(&self) -> Option<u16> {
        self.found.port
    }
}
