//! `sftp`: moves files to and from another host, by commands that a person types or a file holds, like OpenSSH's.
//! Exit status: 0; 1 if a command of a batch failed; 255 without a connection.

#![forbid(unsafe_code)]

mod arguments;
mod command;
mod complete;
mod line;
mod listing;
mod local;
mod prompt;
mod remote;
mod shell;
mod show;
mod transfer;

use arguments::{Flags, Job, Place};
use command::Transfer;
use line::Word;
use prompt::{PROMPT, Source};
use remote::{Remote, Trouble};
use sanssh_examples::client::flags::begin;
use sanssh_examples::client::report::Reporter;
use sanssh_examples::client::{self, Connected, FAILED};
use sanssh_examples::clock::zone;
use sanssh_examples::progress::Meter;
use sanssh_examples::terminal;
use sanssh_std::glob;
use sanssh_std::{Client, Copy, Sftp, escape};
use shell::{Next, Shell, say};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode, Stdio};

/// What a batch ends with at its first error.
const ENDED: u8 = 1;

fn main() -> ExitCode {
    terminal::guard();
    let job = match begin("sftp", arguments::read()) {
        Ok(job) => job,
        Err(status) => return status,
    };
    let reporter = Reporter::new("sftp", job.settings.verbosity());
    let outcome = run(&job, reporter);
    terminal::restore();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Trouble::Told) => ENDED.into(),
        Err(Trouble::Failed(error)) => {
            reporter.error(error);
            ENDED.into()
        }
        Err(Trouble::Lost(error)) => {
            reporter.error(error);
            FAILED.into()
        }
    }
}

fn run(job: &Job, reporter: Reporter) -> Result<(), Trouble> {
    match &job.place {
        Place::Program(words) => {
            let mut shell = shell(Remote::new(direct(words)?)?, job, reporter);
            work(&mut shell, job, &words.join(OsStr::new(" ")))
        }
        Place::Host { host, path, local } => {
            let connected = client::connect(&job.settings, "sftp", host).map_err(Trouble::Lost)?;
            let Connected { client, .. } = &connected;
            let mut shell = shell(Remote::new(subsystem(client, job)?)?, job, reporter);
            client::tend(client);
            let outcome = match path {
                Some(path) if local.is_some() || !shell.remote.is_directory(path) => {
                    shell.get(whole(path, local.as_deref(), job.flags))
                }
                path => begin_at(&mut shell, path.as_deref()).and_then(|()| work(&mut shell, job, OsStr::new(host))),
            };
            connected.end();
            outcome
        }
    }
}

/// Opens the subsystem, by its name or by a program's path.
fn subsystem(client: &Client, job: &Job) -> Result<Sftp, Trouble> {
    let lost = |error: sanssh_std::Error| Trouble::Lost(error.to_string());
    let Some(name) = &job.subsystem else { return client.sftp().map_err(lost) };
    let session = client.session().map_err(lost)?;
    if name.contains('/') { session.exec(name) } else { session.subsystem(name) }.map_err(lost)?;
    Sftp::behind(session).map_err(lost)
}

/// Starts a server here, on two pipes. It ends when they do.
fn direct(words: &[OsString]) -> Result<Sftp, Trouble> {
    let (program, arguments) = words.split_first().ok_or_else(|| Trouble::Lost("-D wants a command".to_owned()))?;
    let lost = |error: &dyn core::fmt::Display| Trouble::Lost(format!("{}: {error}", program.display()));
    let mut command = Command::new(program);
    // Interrupts are for this program alone.
    let child = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).process_group(0).spawn();
    let mut child = child.map_err(|error| lost(&error))?;
    let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(lost(&"it has no streams"));
    };
    Sftp::over(output, input).map_err(|error| lost(&error))
}

/// Changes to the directory that was named, if one was.
fn begin_at(shell: &mut Shell, path: Option<&[u8]>) -> Result<(), Trouble> {
    let Some(path) = path else { return Ok(()) };
    shell.tell(format_args!("Changing to: {}", escape(path, false)));
    shell.go(path)
}

/// Does what the lines say, of a file or of a person, who is told where the files are.
fn work(shell: &mut Shell, job: &Job, place: &OsStr) -> Result<(), Trouble> {
    let source = match &job.batch {
        Some(file) => Source::file(file)?,
        None if terminal::is_here() => Source::person(&shell.remote)?,
        None => Source::input(),
    };
    if source.is_person() {
        shell.tell(format_args!("Connected to {}; help lists the commands.", escape(place.as_bytes(), false)));
    }
    lines(shell, source, job.batch.is_some())
}

fn shell(remote: Remote, job: &Job, reporter: Reporter) -> Shell {
    Shell {
        remote,
        flags: job.flags,
        copy: Copy { limit: job.limit, block: job.buffer, requests: job.requests, ..Copy::default() },
        meter: Meter::new(!job.quiet),
        quiet: job.quiet,
        zone: zone(),
        reporter,
    }
}

/// Fetches a file by its name as it is.
fn whole(path: &[u8], local: Option<&OsStr>, flags: Flags) -> Transfer {
    let Flags { resume, sync, preserve, recursive } = flags;
    let to = local.map(|local| Word(glob::escaped(local.as_bytes())));
    Transfer { resume, sync, preserve, recursive, from: Word(glob::escaped(path)), to }
}

/// Does what each line says, to the end or, of a batch, to the first error.
fn lines(shell: &mut Shell, mut source: Source, is_batch: bool) -> Result<(), Trouble> {
    let is_person = source.is_person();
    if is_person {
        // What the editor changes while it waits for keys is put back if a signal ends the program then.
        terminal::keep().map_err(|error| error.to_string())?;
    }
    while let Some(line) = source.next(&shell.remote)? {
        let (marks, command) = line::marks(&line);
        if !is_person && !marks.silent {
            say(format_args!("{PROMPT}{}", escape(line.trim_ascii(), false)))?;
        }
        let sftp = shell.remote.sftp.clone();
        let mut run = || shell.run(command);
        let outcome = if is_person { terminal::stoppable(move || sftp.stop(), run) } else { run() };
        match outcome {
            Ok(Next::Line) => {}
            Ok(Next::End) => return Ok(()),
            Err(Trouble::Lost(error)) => return Err(Trouble::Lost(error)),
            Err(trouble) if is_batch && !marks.forgiving => return Err(trouble),
            Err(trouble) => drop(shell.note(trouble)?),
        }
    }
    Ok(())
}
