//! What a configuration asks of the world: files, the environment, who and where it is, and whether a command succeeds.
//! Everything else is a function of that.

use super::error::Why;
use core::net::IpAddr;
use std::path::{Path, PathBuf};

/// Who may have written a file for it to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// Anybody: the caller has named it, or the system has it.
    Anybody,
    /// The user and root, and nobody else.
    Owner,
}

/// The world of one user.
pub trait World {
    /// The contents of a file, up to [`LONGEST`] bytes; `None` if there is no such file.
    ///
    /// # Errors
    /// Why it is not read.
    fn read(&mut self, file: &Path, trust: Trust) -> Result<Option<Vec<u8>>, Why>;

    /// The files that a pattern stands for, as glob(7) has them, in order.
    fn expand(&mut self, pattern: &Path) -> Vec<PathBuf>;

    /// Whether a command of the configuration's ends well in the user's shell.
    ///
    /// # Errors
    /// If it cannot be run, or is killed.
    fn run(&mut self, command: &str) -> Result<bool, Why>;

    /// A variable of the environment.
    fn variable(&self, name: &str) -> Option<String>;

    /// The home of a user of that name; `None` for the user's own.
    fn home(&self, user: Option<&str>) -> Option<String>;

    /// The user's name.
    fn user(&self) -> String;

    /// The user's number.
    fn uid(&self) -> u32;

    /// The name of this host.
    fn host(&self) -> String;

    /// The addresses of this host.
    fn addresses(&self) -> Vec<IpAddr>;
}

/// The most that is read of one file, in bytes.
pub const LONGEST: usize = 1 << 20;
