//! The session: a terminal if wanted, variables, the command, its streams, and how it ends.
//! One thread carries output, one input; a third answers the server while output here is not taken, as by a pager;
//! a fourth, if there is a terminal, watches its size.

use crate::arguments::Job;
use crate::streams::{self, Ended};
use crate::window;
use sanssh_examples::client::options::Tty;
use sanssh_examples::client::report::Reporter;
use sanssh_examples::client::{self, FAILED};
use sanssh_examples::pattern::fits;
use sanssh_examples::terminal;
use sanssh_std::{Channel, Client, Error, Exit};
use std::sync::Arc;
use std::thread;

/// Runs what is asked for, and gives the status to end with.
pub(crate) fn run(connection: &Client, job: &Job, reporter: Reporter) -> Result<u8, String> {
    let plain = |error: Error| error.to_string();
    let channel = Arc::new(connection.session().map_err(plain)?);
    let has_terminal = wants_terminal(job, reporter);
    if has_terminal {
        channel.request_pty(&window::wanted()).map_err(plain)?;
    }
    variables(&channel, job, reporter).map_err(plain)?;
    start(&channel, job).map_err(plain)?;
    if has_terminal {
        occupy(&channel)?;
    }
    feed(&channel, job);
    client::tend(connection);
    let outcome = streams::output(&channel).and_then(|ended| match ended {
        Ended::AtEnd => channel.wait().map_err(plain),
        Ended::Unwanted => Ok(Exit::Unknown),
    });
    terminal::restore();
    let status = outcome.map(|exit| status(&exit, reporter));
    if has_terminal && status.is_ok() {
        reporter.warn(format_args!("connection to {} closed", job.host));
    }
    status
}

fn command(job: &Job) -> Option<&[u8]> {
    job.command.as_deref().filter(|line| !line.is_empty())
}

fn wants_terminal(job: &Job, reporter: Reporter) -> bool {
    let wanted = match job.settings.tty.unwrap_or(Tty::Auto) {
        Tty::Force => return true,
        Tty::No => false,
        Tty::Yes => true,
        Tty::Auto => command(job).is_none() && !job.is_subsystem,
    };
    if wanted && !terminal::is_here() {
        reporter.warn("standard input is not a terminal, so none is asked for; -tt asks all the same");
    }
    wanted && terminal::is_here()
}

/// Variables that the user wants sent, by name or by value.
fn variables(channel: &Channel, job: &Job, reporter: Reporter) -> Result<(), Error> {
    for (name, value) in &job.settings.set_env {
        channel.env(name, value)?;
    }
    for (name, value) in std::env::vars_os() {
        // What is not text is nothing that a pattern was written for.
        let (Ok(name), Ok(value)) = (name.into_string(), value.into_string()) else { continue };
        if job.settings.send_env.iter().any(|pattern| fits(pattern, &name)) {
            reporter.detail(format_args!("sending {name}"));
            channel.env(&name, &value)?;
        }
    }
    Ok(())
}

fn start(channel: &Channel, job: &Job) -> Result<(), Error> {
    match command(job) {
        Some(name) if job.is_subsystem => channel.subsystem(&String::from_utf8_lossy(name)),
        Some(line) => channel.exec(line),
        None => channel.shell(),
    }
}

/// Gives the terminal to the other side.
fn occupy(channel: &Arc<Channel>) -> Result<(), String> {
    if terminal::is_here() {
        terminal::make_raw().map_err(|error| format!("cannot set up the terminal: {error}"))?;
    }
    let channel = Arc::clone(channel);
    window::watch(move |columns, rows| channel.window_change(columns, rows).is_ok())
        .map_err(|error| format!("cannot watch the terminal's size: {error}"))
}

fn feed(channel: &Arc<Channel>, job: &Job) {
    if job.no_input {
        return channel.finish();
    }
    let channel = Arc::clone(channel);
    // Nobody waits for it: it may be waiting for somebody to type when all is over.
    thread::spawn(move || streams::input(&channel));
}

fn status(exit: &Exit, reporter: Reporter) -> u8 {
    match exit {
        // The system keeps only eight bits, as with OpenSSH's client.
        Exit::Status(status) => status.to_le_bytes()[0],
        Exit::Signal { name, core_dumped, message } => {
            let dumped = if *core_dumped { " (core dumped)" } else { "" };
            let gap = if message.is_empty() { "" } else { ": " };
            reporter.warn(format_args!("the command was killed by signal {name}{dumped}{gap}{message}"));
            FAILED
        }
        Exit::Unknown => FAILED,
    }
}
