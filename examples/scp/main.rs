//! `scp`: copies files between hosts, like OpenSSH's: by SFTP, and with `-O` in the old form.
//! Exit status: 0; 1 if anything was not copied.

#![forbid(unsafe_code)]

mod arguments;
mod modern;
mod old;

use arguments::{Asked, Flags, Job, Place};
use sanssh_examples::client::options::Settings;
use sanssh_examples::client::report::{Reporter, Verbosity};
use sanssh_examples::client::{self, Connected};
use sanssh_examples::files::shown;
use sanssh_examples::progress::Meter;
use sanssh_examples::terminal;
use sanssh_std::ssh_config::Destination;
use sanssh_std::{Client, Sftp};
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    terminal::guard();
    let job = match arguments::read() {
        Ok(Asked::Text(text)) => {
            // Whoever asked may have left.
            let _ = std::io::stdout().write_all(text.as_bytes());
            return ExitCode::SUCCESS;
        }
        Ok(Asked::Job(job)) => *job,
        Err(error) => {
            Reporter::new("scp", Verbosity::Normal).error(error);
            return ExitCode::FAILURE;
        }
    };
    let failed = run(job);
    terminal::restore();
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Copies one source after the other; whether anything failed.
fn run(job: Job) -> bool {
    let Job { settings, flags, sources, target } = job;
    let reporter = Reporter::new("scp", settings.verbosity());
    let mut hosts = Hosts { settings, open: Vec::new() };
    let mut copying =
        Copying { flags, reporter, meter: Meter::new(!flags.quiet), failed: false, many: sources.len() > 1 };
    for source in &sources {
        if let Err(error) = copy(&mut hosts, &mut copying, source, &target) {
            copying.fail(error);
        }
    }
    hosts.end();
    copying.failed
}

fn copy(hosts: &mut Hosts, copying: &mut Copying, from: &Place, to: &Place) -> Result<(), String> {
    let old = copying.flags.old;
    match (from, to) {
        (Place::Here(_), Place::Here(_)) => Err("both files are here; cp copies them".to_owned()),
        (Place::Here(from), Place::There(host, to)) if old => old::put(copying, &hosts.client(host)?, from, to),
        (Place::Here(from), Place::There(host, to)) => modern::put(copying, &hosts.sftp(host)?, from, to),
        (_, Place::Here(to)) if copying.many && !is_directory(to) => {
            Err(format!("{}: several files go only into a directory", shown(to)))
        }
        (Place::There(host, from), Place::Here(to)) if old => old::get(copying, &hosts.client(host)?, from, to),
        (Place::There(host, from), Place::Here(to)) => modern::get(copying, &hosts.sftp(host)?, from, to),
        (Place::There(first, from), Place::There(second, to)) if old => {
            let (first, second) = (hosts.client(first)?, hosts.client(second)?);
            old::relay(copying, (&first, from), (&second, to))
        }
        (Place::There(first, from), Place::There(second, to)) => {
            let (first, second) = (hosts.sftp(first)?, hosts.sftp(second)?);
            modern::relay(copying, (&first, from), (&second, to))
        }
    }
}

/// What all copies share.
#[derive(Debug)]
struct Copying {
    flags: Flags,
    reporter: Reporter,
    meter: Meter,
    failed: bool,
    /// There are several sources: the target is a directory.
    many: bool,
}

impl Copying {
    /// Something was not copied; the rest goes on.
    fn fail(&mut self, why: impl core::fmt::Display) {
        self.failed = true;
        self.reporter.error(why);
    }
}

/// Connections, one to each host and user.
#[derive(Debug)]
struct Hosts {
    settings: Settings,
    open: Vec<Host>,
}

#[derive(Debug)]
struct Host {
    at: Destination,
    connected: Connected,
    sftp: Option<Sftp>,
}

impl Hosts {
    fn client(&mut self, to: &Destination) -> Result<Client, String> {
        Ok(self.host(to)?.connected.client.clone())
    }

    fn sftp(&mut self, to: &Destination) -> Result<Sftp, String> {
        let Host { connected, sftp, .. } = self.host(to)?;
        if let Some(open) = sftp {
            return Ok(open.clone());
        }
        let open = connected.client.sftp().map_err(|error| format!("{error}; -O does without SFTP"))?;
        Ok(sftp.insert(open).clone())
    }

    fn host(&mut self, to: &Destination) -> Result<&mut Host, String> {
        let known = self.open.iter().position(|host| host.at == *to);
        let index = match known {
            Some(index) => index,
            None => {
                self.connect(to)?;
                self.open.len() - 1
            }
        };
        self.open.get_mut(index).ok_or_else(|| format!("{}: no connection", to.host))
    }

    fn connect(&mut self, to: &Destination) -> Result<(), String> {
        let mut settings = self.settings.clone();
        settings.given.aim(to);
        let connected = client::connect(&settings, "scp", &to.host)?;
        // While files go to another host, or a disk is slow.
        client::tend(&connected.client);
        self.open.push(Host { at: to.clone(), connected, sftp: None });
        Ok(())
    }

    fn end(self) {
        for Host { connected, sftp, .. } in self.open {
            drop(sftp);
            connected.end();
        }
    }
}

/// A directory, as far as one can see from here.
fn is_directory(path: &Path) -> bool {
    path.metadata().is_ok_and(|meta| meta.is_dir())
}
