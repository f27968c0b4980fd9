//! Does what commands say. Those that move files are in `transfer`, those that list them in `show`.
//! What fails is told here or by whoever runs the lines, and never ends the program by itself.

use crate::arguments::Flags;
use crate::command::{Change, Command, Local, help, read};
use crate::line::{Word, words};
use crate::local;
use crate::remote::{Remote, Trouble, told, trouble};
use rustix::fs::Mode;
use sanssh_core::sftp::{Attributes, Code, Extension, FileKind, Owner};
use sanssh_examples::client::report::Reporter;
use sanssh_examples::files::shown;
use sanssh_examples::progress::Meter;
use sanssh_examples::terminal;
use sanssh_std::glob::{self, Here};
use sanssh_std::{Copy, Error, escape};
use std::io::{Write, stdout};
use tz::TimeZone;

/// What the session holds between commands.
pub(crate) struct Shell {
    pub(crate) remote: Remote,
    pub(crate) flags: Flags,
    /// What every transfer is told.
    pub(crate) copy: Copy,
    pub(crate) meter: Meter,
    /// Says nothing of what goes well.
    pub(crate) quiet: bool,
    /// The clock on the wall here.
    pub(crate) zone: TimeZone,
    pub(crate) reporter: Reporter,
}

/// Whether there may be another command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    Line,
    End,
}

impl Shell {
    /// Does what a line says, its marks taken off.
    pub(crate) fn run(&mut self, line: &[u8]) -> Result<Next, Trouble> {
        match read(words(line))? {
            None => Ok(Next::Line),
            Some(Command::Bye) => Ok(Next::End),
            Some(command) => self.execute(command, line).map(|()| Next::Line),
        }
    }

    fn execute(&mut self, command: Command, line: &[u8]) -> Result<(), Trouble> {
        match command {
            Command::Bye => Ok(()),
            Command::Get(transfer) => self.get(transfer),
            Command::Put(transfer) => self.put(transfer),
            Command::Ls { look, path } => self.list(look, path),
            Command::Df { human, inodes, path } => self.room(human, inodes, path),
            Command::Cd(path) => self.enter(path),
            Command::Change { what, follow, path } => self.change(what, follow, &path),
            Command::Copy { from, to } => self.copy_there(&from, &to),
            Command::Link { symbolic, target, link } => self.link(symbolic, &target, &link),
            Command::Rename { from, to } => self.rename(&from, &to),
            Command::Rm(path) => self.remove(&path),
            Command::Mkdir(path) => self.make(&path),
            Command::Rmdir(path) => self.unmake(&path),
            Command::Pwd => say(format_args!("Remote working directory: {}", escape(&self.remote.at, false))),
            Command::Version => self.version(),
            Command::Progress => {
                let state = if self.meter.toggle() { "enabled" } else { "disabled" };
                say(format_args!("Progress meter {state}"))
            }
            Command::Help(about) => print(&help(about.map(|word| word.plain()).as_deref())?),
            Command::Here(what) => self.stay(what, line),
        }
    }

    /// Commands that stay here.
    fn stay(&self, what: Local, line: &[u8]) -> Result<(), Trouble> {
        match what {
            Local::Cd(path) => Ok(local::change(path.map(|path| one(&mut Here, &path)).transpose()?)?),
            Local::Mkdir(path) => Ok(local::make(&path.plain())?),
            Local::Pwd => say(format_args!("Local working directory: {}", shown(&local::current()?))),
            Local::Umask(mask) => {
                rustix::process::umask(Mode::from_raw_mode(mask));
                say(format_args!("Local umask: {mask:03o}"))
            }
            Local::Ls => self.outside(&[b"ls", line.get(3..).unwrap_or_default()].concat()),
            Local::Shell => self.outside(line.get(1..).unwrap_or_default().trim_ascii()),
        }
    }

    /// A command of the shell here may fail as it likes.
    fn outside(&self, line: &[u8]) -> Result<(), Trouble> {
        if let Err(error) = local::shell(line) {
            self.reporter.warn(error);
        }
        Ok(())
    }

    fn enter(&mut self, path: Option<Word>) -> Result<(), Trouble> {
        let Some(path) = path else {
            self.remote.at.clone_from(&self.remote.start);
            return Ok(());
        };
        let name = one(&mut self.remote, &path)?;
        self.go(&name)
    }

    /// Changes to a directory there, by its name as it is.
    pub(crate) fn go(&mut self, name: &[u8]) -> Result<(), Trouble> {
        let remote = &mut self.remote;
        let path = remote.sftp.canonicalize(remote.absolute(name)).map_err(|error| trouble(name, &error))?;
        // Some servers do not say what a file is.
        if remote.metadata(&path)?.kind().is_some_and(|kind| kind != FileKind::Directory) {
            return Err(Trouble::Failed(format!("{}: not a directory", escape(name, false))));
        }
        remote.at = path;
        Ok(())
    }

    fn change(&mut self, what: Change, follow: bool, path: &Word) -> Result<(), Trouble> {
        let doing = match what {
            Change::Mode(_) => "Changing mode on",
            Change::Owner(_) => "Changing owner on",
            Change::Group(_) => "Changing group on",
        };
        self.each(doing, path, |remote, path| {
            let sftp = &remote.sftp;
            let now = || if follow { sftp.metadata(path) } else { sftp.symlink_metadata(path) };
            let attributes = wanted(what, now)?;
            if follow { sftp.set_attributes(path, &attributes) } else { sftp.set_symlink_attributes(path, &attributes) }
        })
    }

    fn remove(&mut self, path: &Word) -> Result<(), Trouble> {
        self.each("Removing", path, |remote, path| remote.sftp.remove_file(path))
    }

    /// Does something to each file that a pattern stands for, with its path, and goes on when one fails.
    fn each(
        &mut self,
        doing: &str,
        pattern: &Word,
        act: impl Fn(&Remote, &[u8]) -> Result<(), Error>,
    ) -> Result<(), Trouble> {
        let mut outcome = Ok(());
        for name in self.remote.expand(&pattern.0)? {
            if terminal::is_interrupted() {
                return Err(Trouble::Failed("interrupted".to_owned()));
            }
            let path = self.remote.absolute(&name);
            self.tell(format_args!("{doing} {}", escape(&path, false)));
            if let Err(error) = act(&self.remote, &path) {
                outcome = Err(self.note(trouble(&name, &error))?);
            }
        }
        outcome
    }

    fn copy_there(&self, from: &Word, to: &Word) -> Result<(), Trouble> {
        let (from, to) = (from.plain(), to.plain());
        let remote = &self.remote;
        remote.sftp.copy(remote.absolute(&from), remote.absolute(&to)).map_err(|error| both(&from, &to, &error))
    }

    fn link(&self, symbolic: bool, target: &Word, link: &Word) -> Result<(), Trouble> {
        let (target, link) = (target.plain(), link.plain());
        let remote = &self.remote;
        let place = remote.absolute(&link);
        let outcome = if symbolic {
            remote.sftp.symlink(&target, place)
        } else {
            remote.sftp.hard_link(remote.absolute(&target), place)
        };
        outcome.map_err(|error| both(&target, &link, &error))
    }

    fn rename(&self, from: &Word, to: &Word) -> Result<(), Trouble> {
        let (from, to) = (from.plain(), to.plain());
        let remote = &self.remote;
        remote.sftp.rename(remote.absolute(&from), remote.absolute(&to)).map_err(|error| both(&from, &to, &error))
    }

    fn make(&self, path: &Word) -> Result<(), Trouble> {
        let name = path.plain();
        // The server takes from it what its mask says.
        let attributes = Attributes { permissions: Some(0o777), ..Attributes::NONE };
        let outcome = self.remote.sftp.create_dir(self.remote.absolute(&name), &attributes);
        outcome.map_err(|error| trouble(&name, &error))
    }

    fn unmake(&self, path: &Word) -> Result<(), Trouble> {
        let name = path.plain();
        self.remote.sftp.remove_dir(self.remote.absolute(&name)).map_err(|error| trouble(&name, &error))
    }

    fn version(&self) -> Result<(), Trouble> {
        let has = |one: &&Extension| self.remote.sftp.has(**one);
        let names: Vec<_> = Extension::ALL.iter().filter(has).map(|one| one.name()).collect();
        say(format_args!("SFTP protocol version 3"))?;
        if names.is_empty() { Ok(()) } else { say(format_args!("Extensions: {}", names.join(", "))) }
    }

    /// Says what is done, to those who want to know.
    pub(crate) fn tell(&self, what: core::fmt::Arguments<'_>) {
        if !self.quiet {
            // Whoever reads may have left; the work goes on.
            let _ = say(what);
        }
    }

    /// Tells a failure now, because there is more to do. Nothing more can be done without a connection.
    pub(crate) fn note(&self, trouble: Trouble) -> Result<Trouble, Trouble> {
        match trouble {
            Trouble::Failed(text) => {
                self.reporter.error(text);
                Ok(Trouble::Told)
            }
            Trouble::Told => Ok(Trouble::Told),
            Trouble::Lost(_) => Err(trouble),
        }
    }
}

/// The attributes to set. Owner and group are told together, so the other stays what it is now.
fn wanted(what: Change, now: impl Fn() -> Result<Attributes<'static>, Error>) -> Result<Attributes<'static>, Error> {
    let owner = || {
        let message = || "the server does not tell whose it is".to_owned();
        let unknown = || Error::Sftp { code: Code::FAILURE, message: message(), path: None };
        now()?.owner.ok_or_else(unknown)
    };
    Ok(match what {
        Change::Mode(mode) => Attributes { permissions: Some(mode), ..Attributes::NONE },
        Change::Owner(user) => Attributes { owner: Some(Owner { user, ..owner()? }), ..Attributes::NONE },
        Change::Group(group) => Attributes { owner: Some(Owner { group, ..owner()? }), ..Attributes::NONE },
    })
}

/// The one file that a word stands for, pattern or not.
fn one(tree: &mut impl glob::Tree, word: &Word) -> Result<Vec<u8>, Trouble> {
    if !glob::is_pattern(&word.0) {
        return Ok(word.plain());
    }
    let mut found = glob::expand(tree, &word.0);
    match (found.pop(), found.is_empty()) {
        (Some(name), true) => Ok(name),
        (None, _) => Err(Trouble::Failed(format!("{}: nothing fits", word.shown()))),
        (Some(_), false) => Err(Trouble::Failed(format!("{}: more than one fits", word.shown()))),
    }
}

fn both(from: &[u8], to: &[u8], error: &Error) -> Trouble {
    told(&format!("{} to {}", escape(from, false), escape(to, false)), error)
}

/// Prints a line.
pub(crate) fn say(what: core::fmt::Arguments<'_>) -> Result<(), Trouble> {
    print(&format!("{what}\n"))
}

/// Prints a text.
pub(crate) fn print(text: &str) -> Result<(), Trouble> {
    stdout().write_all(text.as_bytes()).map_err(|error| Trouble::Failed(format!("cannot write output: {error}")))
}
