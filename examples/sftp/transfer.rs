//! `get` and `put`: which files go where, by the rules of cp(1), and one after the other.
//! A failure is told with the file's name and, for one that was cut off, how much of it arrived; the others still go.

use crate::command::Transfer;
use crate::local;
use crate::remote::{Trouble, told};
use crate::shell::Shell;
use indicatif::HumanBytes;
use sanssh_core::sftp::FileKind;
use sanssh_examples::files::{self, below, last, shown};
use sanssh_examples::terminal;
use sanssh_std::glob::{self, Here};
use sanssh_std::{Copy, Error, Progress, escape};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

impl Shell {
    /// Fetches the files that a pattern stands for.
    pub(crate) fn get(&mut self, transfer: Transfer) -> Result<(), Trouble> {
        let found = self.remote.expand(&transfer.from.0)?;
        let to = transfer.to.as_ref().map(|word| word.plain());
        let into = files::local(to.as_deref().unwrap_or(b".")).is_dir();
        one_place(to.as_deref(), into, &found)?;
        let copy = self.copying(&transfer);
        self.each_of(found, |shell, name| {
            let own = shell.own_name(name)?;
            let local = place(to.as_deref(), into, &own);
            shell.fetch(name, files::local(&local), &copy, transfer.recursive || shell.flags.recursive)
        })
    }

    /// Sends the files that a pattern stands for.
    pub(crate) fn put(&mut self, transfer: Transfer) -> Result<(), Trouble> {
        let found = glob::expand(&mut Here, &transfer.from.0);
        if found.is_empty() {
            return Err(Trouble::Failed(format!("{}: there is no such file here", transfer.from.shown())));
        }
        let to = transfer.to.as_ref().map(|word| word.plain());
        let into = to.as_deref().is_none_or(|to| self.remote.is_directory(to));
        one_place(to.as_deref(), into, &found)?;
        let copy = self.copying(&transfer);
        self.each_of(found, |shell, name| {
            let own = files::own_name(name);
            let remote = place(to.as_deref(), into, &own);
            shell.send(files::local(name), &remote, &copy, transfer.recursive || shell.flags.recursive)
        })
    }

    /// One after the other, until an interrupt; a failure does not end it.
    fn each_of(
        &mut self,
        found: Vec<Vec<u8>>,
        mut act: impl FnMut(&mut Self, &[u8]) -> Result<(), Trouble>,
    ) -> Result<(), Trouble> {
        let mut outcome = Ok(());
        for name in found {
            if let Err(trouble) = act(self, &name) {
                outcome = Err(self.note(trouble)?);
            }
            if terminal::is_interrupted() {
                return outcome;
            }
        }
        outcome
    }

    fn copying(&self, transfer: &Transfer) -> Copy {
        Copy {
            resume: transfer.resume || self.flags.resume,
            preserve: transfer.preserve || self.flags.preserve,
            sync: transfer.sync || self.flags.sync,
            ..self.copy.clone()
        }
    }

    /// What a file there is called, whatever way leads to it; empty for the root.
    fn own_name(&self, name: &[u8]) -> Result<Vec<u8>, Trouble> {
        match last(name) {
            [] => {
                let path = self.remote.sftp.canonicalize(self.remote.absolute(name));
                Ok(last(&path.map_err(|error| crate::remote::trouble(name, &error))?).to_vec())
            }
            own => Ok(own.to_vec()),
        }
    }

    fn fetch(&mut self, name: &[u8], local: &Path, copy: &Copy, recursive: bool) -> Result<(), Trouble> {
        let from = self.remote.absolute(name);
        let kind = self.remote.metadata(name)?.kind();
        let is_directory = kind == Some(FileKind::Directory);
        if kind == Some(FileKind::Special) {
            return Err(Trouble::Failed(format!("{}: not a regular file", escape(name, false))));
        }
        if is_directory && !recursive {
            return Err(Trouble::Failed(format!("{}: is a directory; get -R fetches it", escape(name, false))));
        }
        let doing = if copy.resume { "Resuming" } else { "Fetching" };
        self.tell(format_args!("{doing} {} to {}", escape(&from, false), shown(local)));
        let Self { remote, meter, reporter, .. } = self;
        meter.begin(is_directory);
        meter.source(&from, copy.resume);
        let outcome = if is_directory {
            remote.sftp.get_tree(&from, local, copy, &mut |event| meter.hear(event, *reporter)).map(drop)
        } else {
            remote.sftp.get(&from, local, copy, &mut |at: Progress<'_>| meter.tell(at.name, at.done, at.size))
        };
        self.finished(&escape(name, false), outcome)
    }

    fn send(&mut self, local: &Path, name: &[u8], copy: &Copy, recursive: bool) -> Result<(), Trouble> {
        let to = self.remote.absolute(name);
        let kind = local.metadata().map_err(|error| local::failed(local, &error))?;
        if kind.is_dir() && !recursive {
            return Err(Trouble::Failed(format!("{}: is a directory; put -R sends it", shown(local))));
        }
        if !kind.is_dir() && !kind.is_file() {
            return Err(Trouble::Failed(format!("{}: not a regular file", shown(local))));
        }
        let doing = if copy.resume { "Resuming" } else { "Uploading" };
        self.tell(format_args!("{doing} {} to {}", shown(local), escape(&to, false)));
        let Self { remote, meter, reporter, .. } = self;
        meter.begin(kind.is_dir());
        meter.source(local.as_os_str().as_bytes(), copy.resume);
        let outcome = if kind.is_dir() {
            remote.sftp.put_tree(local, &to, copy, &mut |event| meter.hear(event, *reporter)).map(drop)
        } else {
            remote.sftp.put(local, &to, copy, &mut |at: Progress<'_>| meter.tell(at.name, at.done, at.size))
        };
        self.finished(&shown(local), outcome)
    }

    /// Ends what the meter shows; a failure is told with how far it came. Those of a tree were told one by one.
    fn finished(&mut self, name: &str, outcome: Result<(), Error>) -> Result<(), Trouble> {
        let reached = self.meter.end();
        let Err(error) = outcome else { return Ok(()) };
        let is_told = matches!(error, Error::Incomplete { .. });
        if is_told && !terminal::is_interrupted() {
            return Err(Trouble::Told);
        }
        let trouble = if is_told { Trouble::Failed(format!("{name}: given up")) } else { told(name, &error) };
        let Some((done, size)) = reached.filter(|_| !matches!(error, Error::Cut { .. })) else { return Err(trouble) };
        let whole = size.map(|size| format!(" of {}", HumanBytes(size))).unwrap_or_default();
        let how_far = |text| format!("{text}; {}{whole} had arrived", HumanBytes(done));
        Err(match trouble {
            Trouble::Failed(text) => Trouble::Failed(how_far(text)),
            Trouble::Lost(text) => Trouble::Lost(how_far(text)),
            Trouble::Told => Trouble::Told,
        })
    }
}

/// Several files go only into a directory.
fn one_place(to: Option<&[u8]>, into: bool, found: &[Vec<u8>]) -> Result<(), Trouble> {
    match to.filter(|_| found.len() > 1 && !into) {
        Some(to) => Err(Trouble::Failed(format!("{}: several files go only into a directory", escape(to, false)))),
        None => Ok(()),
    }
}

/// Where a file goes: into the directory that was named, or to the name itself, or to where we are under its own name.
fn place(to: Option<&[u8]>, into: bool, own: &[u8]) -> Vec<u8> {
    match to {
        None if own.is_empty() => b".".to_vec(),
        None => own.to_vec(),
        Some(to) if into => below(to, own),
        Some(to) => to.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::{one_place, place};

    #[test]
    fn files_go_where_cp_would_put_them() {
        let to = |to: Option<&str>, into| String::from_utf8(place(to.map(str::as_bytes), into, b"own")).unwrap();
        assert_eq!(to(None, true), "own");
        assert_eq!((to(Some("d"), true), to(Some("d/"), true)), ("d/own".to_owned(), "d/own".to_owned()));
        assert_eq!(to(Some("new"), false), "new");
        assert_eq!(place(None, true, b""), b".");
        let two = [b"a".to_vec(), b"b".to_vec()];
        assert!(one_place(Some(b"new"), false, &two).is_err() && one_place(Some(b"new"), false, &two[..1]).is_ok());
        assert!(one_place(Some(b"d"), true, &two).is_ok() && one_place(None, false, &two).is_ok());
    }
}
