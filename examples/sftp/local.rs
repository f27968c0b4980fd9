//! The files here: what patterns and completion look through, and the commands that stay here.

use crate::complete::Folder;
use sanssh_examples::files::{local, shown};
use sanssh_std::glob::Here;
use std::ffi::OsStr;
use std::fs::{self, DirEntry};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, io};

impl Folder for Here {
    fn entries(&mut self, directory: &[u8]) -> Vec<(Vec<u8>, bool)> {
        let entry = |entry: DirEntry| (entry.file_name().into_vec(), entry.path().is_dir());
        Self::entries(directory).map(entry).collect()
    }
}

/// Goes to a directory, or home.
pub(crate) fn change(to: Option<Vec<u8>>) -> Result<(), String> {
    let to = match to {
        Some(name) => local(&name).to_path_buf(),
        None => env::home_dir().ok_or("there is no home to go to")?,
    };
    env::set_current_dir(&to).map_err(|error| failed(&to, &error))
}

/// Where we are.
pub(crate) fn current() -> Result<PathBuf, String> {
    env::current_dir().map_err(|error| format!("there is no current directory: {error}"))
}

/// Makes a directory.
pub(crate) fn make(name: &[u8]) -> Result<(), String> {
    fs::create_dir(local(name)).map_err(|error| failed(local(name), &error))
}

/// Says why a file here cannot be what it should.
pub(crate) fn failed(path: &Path, error: &io::Error) -> String {
    format!("{}: {error}", shown(path))
}

/// Runs a command line in the user's shell, or that shell for the user to talk to.
pub(crate) fn shell(line: &[u8]) -> Result<(), String> {
    let named = env::var_os("SHELL").filter(|shell| !shell.is_empty());
    let shell = named.unwrap_or_else(|| "/bin/sh".into());
    let mut command = Command::new(&shell);
    if !line.is_empty() {
        command.arg("-c").arg(OsStr::from_bytes(line));
    }
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("the command ended with {status}")),
        Err(error) => Err(failed(Path::new(&shell), &error)),
    }
}
