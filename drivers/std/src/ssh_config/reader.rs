//! Reading: what the program was given, then the user's file, then the system's, each line once. The first value counts.
//! `Host` and `Match` decide which lines do, and `Include` brings in other files where it stands.

use super::error::{Error, Why};
use super::line::{Line, words};
use super::query::{Query, Sources};
use super::setting::Words;
use super::table::Found;
use super::token::{For, HOSTNAME, Tokens};
use super::world::{Trust, World};
use sanssh_core::file::pattern::{list_takes, takes_exactly};
use std::path::{Path, PathBuf};

/// Files inside of each other.
const DEEPEST: usize = 16;
/// The most that is read of all files together, in bytes.
const MOST: usize = 16 << 20;
/// The most files that are read; empty ones cost time as well.
const MOST_FILES: usize = 4096;
/// The system's directory, and its file.
const SYSTEM: (&str, &str) = ("/etc/ssh", "/etc/ssh/ssh_config");

/// A reading under way.
pub(super) struct Reader<'a> {
    pub(super) query: &'a Query<'a>,
    pub(super) world: &'a mut dyn World,
    pub(super) found: Found,
    /// Where it really is, as far as one knows.
    pub(super) host: String,
    pub(super) is_final: bool,
    /// `Match final` asks for a second reading.
    pub(super) wants_final: bool,
    bytes: usize,
    files: usize,
}

/// Where lines are from.
#[derive(Clone, Copy)]
struct Place<'a> {
    file: &'a Path,
    /// The user's, where `~` is theirs, and relative names lie in their directory.
    is_users: bool,
    /// Nothing in it counts.
    never: bool,
    depth: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(query: &'a Query<'a>, world: &'a mut dyn World) -> Self {
        Self {
            query,
            world,
            found: query.given.found.clone(),
            host: query.host.to_owned(),
            is_final: false,
            wants_final: false,
            bytes: 0,
            files: 0,
        }
    }

    /// Reads every source.
    pub(super) fn read(&mut self) -> Result<(), Error> {
        match &self.query.sources {
            Sources::None => Ok(()),
            Sources::File(file) => {
                let missing = || Why::from(std::io::Error::from(std::io::ErrorKind::NotFound));
                let file = Path::new(file);
                let is_there =
                    self.file(Place { file, is_users: true, never: false, depth: 0 }, Trust::Anybody, true)?;
                if is_there { Ok(()) } else { Err(Error { file: Some(file.to_owned()), line: 0, why: missing() }) }
            }
            Sources::Usual => {
                if let Some(home) = self.world.home(None) {
                    let file = &Path::new(&home).join(".ssh/config");
                    self.file(Place { file, is_users: true, never: false, depth: 0 }, Trust::Owner, true)?;
                }
                let system = Place { file: Path::new(SYSTEM.1), is_users: false, never: false, depth: 0 };
                self.file(system, Trust::Anybody, true).map(drop)
            }
        }
    }

    /// Reads a file. `Ok(false)`: there is none.
    fn file(&mut self, place: Place<'_>, trust: Trust, active: bool) -> Result<bool, Error> {
        let failed = |line, why| Error { file: Some(place.file.to_owned()), line, why };
        if place.depth > DEEPEST {
            return Err(failed(0, Why::TooDeep));
        }
        self.files += 1;
        let text = self.world.read(place.file, trust).map_err(|why| failed(0, why))?;
        self.bytes += text.as_ref().map_or(0, Vec::len);
        if self.bytes > MOST || self.files > MOST_FILES {
            return Err(failed(0, Why::TooLarge));
        }
        let Some(text) = text else { return Ok(false) };
        let mut active = active;
        for (line, number) in text.split(|byte| *byte == b'\n').zip(1..) {
            self.line(line, place, &mut active).map_err(|error| match error {
                Trouble::Here(why) => failed(number, why),
                Trouble::Below(error) => error,
            })?;
        }
        Ok(true)
    }

    fn line(&mut self, text: &[u8], place: Place<'_>, active: &mut bool) -> Result<(), Trouble> {
        let Some(Line { keyword, rest }) = Line::read(text)? else { return Ok(()) };
        match keyword.as_str() {
            "host" => *active = self.takes(rest)? && !place.never,
            "match" => *active = self.condition(rest, place.never)?,
            "include" => self.include(&words(rest)?, place, *active)?,
            _ => self.value(&keyword, rest, *active)?,
        }
        Ok(())
    }

    fn value(&mut self, keyword: &str, rest: &str, active: bool) -> Result<(), Why> {
        let world = &*self.world;
        let env = |name: &str| world.variable(name);
        let mut words = Words::of(rest, &env)?;
        let known = self.found.set(keyword, &mut words, active).map_err(|what| Why::Value(keyword.to_owned(), what))?;
        let ignored = self.found.ignore_unknown.as_ref().and_then(Option::as_deref).unwrap_or_default();
        if known || list_takes(ignored.as_bytes(), keyword.as_bytes()) {
            return Ok(());
        }
        Err(Why::Unknown(keyword.to_owned()))
    }

    /// Whether the patterns of a `Host` line take the host.
    fn takes(&self, rest: &str) -> Result<bool, Why> {
        let mut taken = false;
        let mut refused = false;
        for pattern in words(rest)? {
            let (negated, pattern) = pattern.strip_prefix('!').map_or((false, pattern.as_str()), |rest| (true, rest));
            if pattern.is_empty() && !negated {
                return Err(Why::NoValue("host".to_owned()));
            }
            let takes = takes_exactly(pattern.as_bytes(), self.host.as_bytes());
            taken |= takes && !negated;
            refused |= takes && negated;
        }
        Ok(taken && !refused)
    }

    fn include(&mut self, names: &[String], place: Place<'_>, active: bool) -> Result<(), Trouble> {
        for name in names {
            if name.is_empty() {
                return Err(Why::NoValue("include".to_owned()).into());
            }
            let pattern = self.anchored(name, place.is_users)?;
            for file in self.world.expand(&pattern) {
                let inner = Place { file: &file, depth: place.depth + 1, never: place.never || !active, ..place };
                self.file(inner, Trust::Owner, active)?;
            }
        }
        Ok(())
    }

    /// A name as a path from the root.
    fn anchored(&self, name: &str, is_users: bool) -> Result<PathBuf, Why> {
        let wrong = |what: &str| Why::Value("include".to_owned(), format!("\"{name}\" {what}"));
        if name.starts_with('~') {
            return match tilde(name, &*self.world) {
                Some(path) if is_users => Ok(path.into()),
                Some(_) => Err(wrong("names a home, which the system has none of")),
                None => Err(wrong("names no home")),
            };
        }
        let base = match self.world.home(None) {
            _ if !is_users => PathBuf::from(SYSTEM.0),
            Some(home) => Path::new(&home).join(".ssh"),
            None => return Err(wrong("lies in no home")),
        };
        Ok(base.join(name))
    }

    /// The host as `Match` sees it.
    pub(super) fn target(&self) -> Result<String, Why> {
        match &self.found.hostname {
            Some(name) if !self.is_final => real(name, &self.host),
            Some(name) => Ok(name.clone()),
            None => Ok(self.host.clone()),
        }
    }

    /// The user there as `Match` sees it.
    pub(super) fn login(&self) -> String {
        self.found.user.clone().unwrap_or_else(|| self.world.user())
    }

    /// What tokens stand for by now.
    pub(super) fn tokens(&self) -> Result<Tokens, Why> {
        let host = self.target()?;
        let alias = self.found.host_key_alias.clone().flatten();
        Ok(tokens(
            self.query.host,
            alias.unwrap_or_else(|| host.clone()),
            host,
            self.login(),
            self.found.port,
            &*self.world,
        ))
    }
}

/// What tokens stand for.
pub(super) fn tokens(
    original: &str,
    alias: String,
    host: String,
    user: String,
    port: Option<u16>,
    world: &dyn World,
) -> Tokens {
    Tokens {
        home: world.home(None).unwrap_or_default(),
        host,
        uid: world.uid().to_string(),
        alias,
        here: world.host(),
        original: original.to_owned(),
        port: port.unwrap_or(22).to_string(),
        user,
        local_user: world.user(),
    }
}

/// A `Hostname` with its token.
pub(super) fn real(name: &str, host: &str) -> Result<String, Why> {
    let tokens = Tokens { host: host.to_owned(), ..Tokens::default() };
    tokens.expand(name, HOSTNAME, For::Program).map_err(|what| Why::Value("hostname".to_owned(), what))
}

/// A path with a home in the place of `~` and `~user`; `None` if there is no such home.
pub(super) fn tilde(path: &str, world: &dyn World) -> Option<String> {
    let Some(rest) = path.strip_prefix('~') else { return Some(path.to_owned()) };
    let (user, rest) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    world.home(Some(user).filter(|user| !user.is_empty())).map(|home| home + rest)
}

/// What is wrong with a line, or with a file that it includes.
enum Trouble {
    Here(Why),
    Below(Error),
}

impl From<Why> for Trouble {
    fn from(why: Why) -> Self {
        Self::Here(why)
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Below(error)
    }
}
