//! A world made up for a configuration: files in memory, a user and a host by any name, and commands that are written down
//! instead of run.

use core::net::IpAddr;
use sanssh_std::ssh_config::{Error, Given, HostConfig, Query, Trust, Why, World};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A world that has what it is given, and remembers what it was asked to run.
#[derive(Debug, Clone)]
pub struct Fake {
    /// Files by their paths.
    pub files: BTreeMap<PathBuf, Vec<u8>>,
    /// The commands that were to be run, in order.
    pub ran: Vec<String>,
    /// Times that a file was read, whether it was there or not.
    pub reads: usize,
    /// After so many there are no more files.
    pub most_reads: usize,
    /// What the user and this host are called.
    pub name: String,
}

impl Fake {
    /// One in which the user's configuration is this.
    pub fn with(text: impl AsRef<[u8]>) -> Self {
        let files = [("/home/me/.ssh/config".into(), text.as_ref().to_vec())];
        Self { files: files.into(), ran: Vec::new(), reads: 0, most_reads: usize::MAX, name: "me".to_owned() }
    }

    /// What it says about a host of which nothing else is known.
    ///
    /// # Errors
    /// What is wrong with its files, or with the host.
    pub fn answers(&mut self, host: &str) -> Result<HostConfig, Error> {
        HostConfig::of(&Query::new(host, &Given::default())?, self)
    }
}

impl World for Fake {
    fn read(&mut self, file: &Path, _: Trust) -> Result<Option<Vec<u8>>, Why> {
        self.reads += 1;
        Ok(self.files.get(file).filter(|_| self.reads <= self.most_reads).cloned())
    }

    fn expand(&mut self, pattern: &Path) -> Vec<PathBuf> {
        vec![pattern.to_owned()]
    }

    fn run(&mut self, command: &str) -> Result<bool, Why> {
        self.ran.push(command.to_owned());
        Ok(true)
    }

    fn variable(&self, _: &str) -> Option<String> {
        None
    }

    fn home(&self, _: Option<&str>) -> Option<String> {
        Some("/home/me".to_owned())
    }

    fn user(&self) -> String {
        self.name.clone()
    }

    fn uid(&self) -> u32 {
        7
    }

    fn host(&self) -> String {
        self.name.clone()
    }

    fn addresses(&self) -> Vec<IpAddr> {
        vec![[10, 0, 0, 7].into()]
    }
}
